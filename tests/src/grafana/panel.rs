//! Panels: what they ask, how it is shown, and in which words.

use serde_json::{Map, Value, json};

/// The data source that is chosen above.
pub(super) fn datasource() -> Value {
    json!({"type": "prometheus", "uid": "${datasource}"})
}

/// A query for the job and the instances that are chosen above.
pub(super) fn chosen(expr: &str) -> String {
    expr.replace('@', "job=~\"$job\",instance=~\"$instance\"")
}

/// A value, in a word and a colour.
pub(super) type Word = (f64, &'static str, &'static str);

/// Ranks of verdicts, as [`rank_of_verdict`] gives them.
pub(super) const VERDICTS: [Word; 5] = [
    (0.0, "ok", "green"),
    (1.0, "unknown", "purple"),
    (2.0, "watch", "yellow"),
    (3.0, "plan", "orange"),
    (4.0, "act", "red"),
];

/// Ranks of coverage, as [`rank_of_coverage`] gives them.
pub(super) const COVERAGE: [Word; 4] = [
    (0.0, "full", "green"),
    (1.0, "partial", "yellow"),
    (2.0, "unknown", "purple"),
    (3.0, "none", "red"),
];

/// Whether a reboot is asked for, as [`rank_of_reboot`] gives it.
pub(super) const REBOOT: [Word; 3] =
    [(0.0, "no", "green"), (1.0, "cannot tell", "purple"), (2.0, "yes", "orange")];

/// A state set of verdicts as one number.
pub(super) fn rank_of_verdict(metric: &str, by: &str) -> String {
    let of = |verdict: &str, rank: u8| format!("{metric}{{@,verdict=\"{verdict}\"}} * {rank}");
    let ranks = [of("unknown", 1), of("watch", 2), of("plan", 3), of("act", 4)];
    format!("sum by ({by}) ({})", ranks.join(" or "))
}

/// The coverage of a class of errors as one number.
pub(super) fn rank_of_coverage(class: &str) -> String {
    let of = |state: &str, rank: u8| {
        format!("scrubjay_monitoring_coverage{{@,class=\"{class}\",state=\"{state}\"}} * {rank}")
    };
    let ranks = [of("partial", 1), of("unknown", 2), of("none", 3)];
    format!("sum by (job, instance) ({})", ranks.join(" or "))
}

/// Whether a reboot is asked for, as one number.
pub(super) fn rank_of_reboot() -> String {
    "sum by (job, instance) (scrubjay_reboot_required{@,answer=\"unknown\"} or \
     scrubjay_reboot_required{@,answer=\"yes\"} * 2)"
        .to_owned()
}

/// A panel in the making.
#[derive(Debug, Clone)]
pub(super) struct Panel {
    kind: &'static str,
    title: &'static str,
    description: &'static str,
    pub(super) width: u32,
    pub(super) height: u32,
    interval: Option<&'static str>,
    targets: Vec<Value>,
    defaults: Map<String, Value>,
    overrides: Vec<Value>,
    options: Map<String, Value>,
    transformations: Vec<Value>,
}

impl Panel {
    fn new(kind: &'static str, title: &'static str, description: &'static str) -> Self {
        let mut panel = Self {
            kind,
            title,
            description,
            width: 6,
            height: 5,
            interval: None,
            targets: Vec::new(),
            defaults: Map::new(),
            overrides: Vec::new(),
            options: Map::new(),
            transformations: Vec::new(),
        };
        panel.set("unit", json!("short"));
        panel.set("color", json!({"mode": "thresholds"}));
        panel.set("mappings", json!([]));
        panel.set("noValue", json!("no data"));
        panel.thresholds(&[("text", None)])
    }

    /// One figure, or one for each series.
    pub(super) fn stat(title: &'static str, description: &'static str) -> Self {
        let mut panel = Self::new("stat", title, description);
        panel.width = 4;
        panel.height = 4;
        panel.options = object(json!({
            "colorMode": "value",
            "graphMode": "none",
            "justifyMode": "auto",
            "orientation": "auto",
            "percentChangeColorMode": "standard",
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": false},
            "showPercentChange": false,
            "textMode": "auto",
            "wideLayout": true,
        }));
        panel
    }

    /// Lines over time.
    pub(super) fn lines(title: &'static str, description: &'static str) -> Self {
        let mut panel = Self::new("timeseries", title, description);
        panel.width = 12;
        panel.height = 8;
        panel.set("color", json!({"mode": "palette-classic"}));
        panel.set(
            "custom",
            json!({
                "drawStyle": "line",
                "lineInterpolation": "stepAfter",
                "lineWidth": 1,
                "fillOpacity": 10,
                "showPoints": "never",
                "spanNulls": false,
                "axisSoftMin": 0,
                "stacking": {"group": "A", "mode": "none"},
                "thresholdsStyle": {"mode": "off"},
            }),
        );
        panel.options = object(json!({
            "legend": {
                "calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": true,
            },
            "tooltip": {"mode": "multi", "sort": "desc"},
        }));
        panel
    }

    /// Rows, one for each series.
    pub(super) fn table(title: &'static str, description: &'static str) -> Self {
        let mut panel = Self::new("table", title, description);
        panel.width = 24;
        panel.height = 9;
        panel.set(
            "custom",
            json!({"align": "auto", "cellOptions": {"type": "auto"}, "filterable": true}),
        );
        panel.options = object(json!({"showHeader": true, "cellHeight": "sm", "frameIndex": 0}));
        panel
    }

    /// A bar for each series.
    pub(super) fn bars(title: &'static str, description: &'static str) -> Self {
        let mut panel = Self::new("bargauge", title, description);
        panel.width = 8;
        panel.height = 8;
        panel.options = object(json!({
            "displayMode": "basic",
            "legend": {
                "calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": false,
            },
            "maxVizHeight": 40,
            "minVizHeight": 16,
            "minVizWidth": 8,
            "namePlacement": "left",
            "orientation": "horizontal",
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": false},
            "showUnfilled": true,
            "sizing": "auto",
            "valueMode": "color",
        }));
        panel
    }

    /// States over time, a row for each series.
    pub(super) fn states(title: &'static str, description: &'static str) -> Self {
        let mut panel = Self::new("state-timeline", title, description);
        panel.width = 24;
        panel.height = 8;
        panel.set("custom", json!({"fillOpacity": 80, "lineWidth": 0, "spanNulls": false}));
        panel.options = object(json!({
            "alignValue": "left",
            "legend": {
                "calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": true,
            },
            "mergeValues": true,
            "perPage": 20,
            "rowHeight": 0.8,
            "showValue": "auto",
            "tooltip": {"mode": "single", "sort": "none"},
        }));
        panel
    }

    /// A cell for each series and step of time, coloured by its value without judging it.
    pub(super) fn cells(title: &'static str, description: &'static str) -> Self {
        let mut panel = Self::new("status-history", title, description);
        panel.width = 24;
        panel.height = 10;
        panel.set("color", json!({"mode": "continuous-BlPu"}));
        panel.set("custom", json!({"fillOpacity": 85, "lineWidth": 0}));
        panel.options = object(json!({
            "colWidth": 0.95,
            "legend": {
                "calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": false,
            },
            "perPage": 25,
            "rowHeight": 0.9,
            "showValue": "auto",
            "tooltip": {"mode": "single", "sort": "none"},
        }));
        panel
    }

    fn set(&mut self, key: &str, value: Value) {
        self.defaults.insert(key.to_owned(), value);
    }

    pub(super) fn size(mut self, width: u32, height: u32) -> Self {
        (self.width, self.height) = (width, height);
        self
    }

    pub(super) fn unit(mut self, unit: &str) -> Self {
        self.set("unit", json!(unit));
        self
    }

    /// At least this much time between two points.
    pub(super) fn every(mut self, interval: &'static str) -> Self {
        self.interval = Some(interval);
        self
    }

    /// What is said where there is nothing.
    pub(super) fn empty(mut self, text: &str) -> Self {
        self.set("noValue", json!(text));
        self
    }

    pub(super) fn decimals(mut self, decimals: u32) -> Self {
        self.set("decimals", json!(decimals));
        self
    }

    /// Colours, each from a value on; the first from the beginning.
    pub(super) fn thresholds(mut self, steps: &[(&str, Option<f64>)]) -> Self {
        let steps: Vec<Value> =
            steps.iter().map(|(color, value)| json!({"color": color, "value": value})).collect();
        self.set("thresholds", json!({"mode": "absolute", "steps": steps}));
        self
    }

    /// Values in words and colours.
    pub(super) fn words(mut self, words: &[Word]) -> Self {
        self.set("mappings", json!([mapping(words)]));
        self
    }

    pub(super) fn legend(mut self, show: bool) -> Self {
        if let Some(legend) = self.options.get_mut("legend") {
            legend["showLegend"] = json!(show);
        }
        self
    }

    pub(super) fn option(mut self, key: &str, value: Value) -> Self {
        self.options.insert(key.to_owned(), value);
        self
    }

    pub(super) fn custom(mut self, key: &str, value: Value) -> Self {
        if let Some(custom) = self.defaults.get_mut("custom") {
            custom[key] = value;
        }
        self
    }

    pub(super) fn stacked(self) -> Self {
        self.custom("stacking", json!({"group": "A", "mode": "normal"}))
            .custom("fillOpacity", json!(60))
    }

    /// Over the time that is shown.
    pub(super) fn query(self, expr: &str, legend: &str) -> Self {
        self.target(json!({
            "expr": chosen(expr), "legendFormat": legend, "range": true, "instant": false,
        }))
    }

    /// At its end.
    pub(super) fn now(self, expr: &str, legend: &str) -> Self {
        self.target(json!({
            "expr": chosen(expr), "legendFormat": legend, "range": false, "instant": true,
        }))
    }

    /// At its end, as rows.
    pub(super) fn rows(self, expr: &str) -> Self {
        self.target(json!({
            "expr": chosen(expr), "format": "table", "range": false, "instant": true,
        }))
    }

    fn target(mut self, mut target: Value) -> Self {
        let letter = char::from(b'A' + u8::try_from(self.targets.len()).expect("few queries"));
        target["refId"] = json!(letter.to_string());
        target["datasource"] = datasource();
        target["editorMode"] = json!("code");
        self.targets.push(target);
        self
    }

    /// Rows of several queries become one where all their labels agree.
    pub(super) fn merged(mut self) -> Self {
        self.transformations.push(json!({"id": "merge", "options": {}}));
        self
    }

    /// The columns in order, as they are called and as they are to be called; others are left out.
    pub(super) fn columns(mut self, columns: &[(&str, &str)], left_out: &[&str]) -> Self {
        let names: Map<String, Value> =
            columns.iter().map(|(old, new)| ((*old).to_owned(), json!(new))).collect();
        let order: Map<String, Value> =
            (0..).zip(columns).map(|(index, (old, _))| ((*old).to_owned(), json!(index))).collect();
        let out: Map<String, Value> =
            left_out.iter().map(|name| ((*name).to_owned(), json!(true))).collect();
        self.transformations.push(json!({
            "id": "organize",
            "options": {"excludeByName": out, "indexByName": order, "renameByName": names},
        }));
        self
    }

    /// The column by which rows are in order, and whether the highest comes first.
    pub(super) fn sorted(self, column: &str, descending: bool) -> Self {
        self.option("sortBy", json!([{"displayName": column, "desc": descending}]))
    }

    /// How a column or series is shown.
    pub(super) fn of(mut self, name: &str, properties: &[(&str, Value)]) -> Self {
        let properties: Vec<Value> =
            properties.iter().map(|(id, value)| json!({"id": id, "value": value})).collect();
        self.overrides.push(json!({
            "matcher": {"id": "byName", "options": name}, "properties": properties,
        }));
        self
    }

    /// A column of words.
    pub(super) fn worded(self, name: &str, words: &[Word]) -> Self {
        self.of(
            name,
            &[
                ("mappings", json!([mapping(words)])),
                ("custom.cellOptions", json!({"type": "color-background", "mode": "basic"})),
            ],
        )
    }

    /// A series or column in a colour.
    pub(super) fn coloured(self, name: &str, color: &str) -> Self {
        self.of(name, &[("color", json!({"mode": "fixed", "fixedColor": color}))])
    }

    /// A column of hosts, each with a link to its dashboard.
    pub(super) fn hosts(self, name: &str) -> Self {
        let url = "/d/scrubjay-host?var-instance=${__value.raw}&${datasource:queryparam}&\
                   ${job:queryparam}&${__url_time_range}";
        self.of(name, &[("links", json!([{"title": "Show this host", "url": url}]))])
    }

    pub(super) fn to_json(&self, id: u32, x: u32, y: u32) -> Value {
        let mut panel = json!({
            "id": id,
            "type": self.kind,
            "title": self.title,
            "description": self.description,
            "datasource": datasource(),
            "gridPos": {"x": x, "y": y, "w": self.width, "h": self.height},
            "targets": self.targets,
            "options": self.options,
            "fieldConfig": {"defaults": self.defaults, "overrides": self.overrides},
        });
        if !self.transformations.is_empty() {
            panel["transformations"] = json!(self.transformations);
        }
        if let Some(interval) = self.interval {
            panel["interval"] = json!(interval);
        }
        panel
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("{other} is no object"),
    }
}

fn mapping(words: &[Word]) -> Value {
    let options: Map<String, Value> = (0..)
        .zip(words)
        .map(|(index, (value, text, color))| {
            (value.to_string(), json!({"text": text, "color": color, "index": index}))
        })
        .collect();
    json!({"type": "value", "options": options})
}
