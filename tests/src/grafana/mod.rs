//! The dashboards in `grafana/dashboards`: made from code, so that what is the same looks the same.
//!
//! Classic dashboards (schema version 42, the last of them): newer forms are not imported everywhere.
//! In a query, `@` stands for the job and the instances that are chosen above.

mod agent;
mod fleet;
mod host;
mod memory;
mod panel;
mod patches;

use panel::{Panel, datasource};
use serde_json::{Value, json};

/// What every uid begins with, and the tag by which the dashboards find each other.
pub const PREFIX: &str = "scrubjay";

/// All dashboards by the names of their files.
pub fn dashboards() -> Vec<(&'static str, Value)> {
    vec![
        ("fleet.json", fleet::dashboard().to_json()),
        ("host.json", host::dashboard().to_json()),
        ("memory.json", memory::dashboard().to_json()),
        ("patches.json", patches::dashboard().to_json()),
        ("agent.json", agent::dashboard().to_json()),
    ]
}

/// All panels of a dashboard that ask something.
///
/// # Panics
/// If it is no dashboard.
pub fn panels(dashboard: &Value) -> Vec<&Value> {
    let panels = dashboard["panels"].as_array().expect("a dashboard has panels").iter();
    panels.filter(|panel| panel["type"] != "row").collect()
}

/// What is put for the variables of a dashboard; job and instance are regular expressions.
#[derive(Debug, Clone, Copy)]
pub struct Chosen<'c> {
    /// The jobs, `.+` for all.
    pub job: &'c str,
    /// The hosts, `.+` for all.
    pub instance: &'c str,
    /// The time shown, as `7d`.
    pub range: &'c str,
    /// Over what rates are taken: four times the interval of scrapes.
    pub rate_interval: &'c str,
}

impl Chosen<'_> {
    /// A query as Grafana would ask it.
    ///
    /// # Panics
    /// If a variable is left that Grafana would not fill in either.
    pub fn fill(&self, expr: &str) -> String {
        let filled = expr
            .replace("$__rate_interval", self.rate_interval)
            .replace("$__range", self.range)
            .replace("$job", self.job)
            .replace("$instance", self.instance);
        assert!(!filled.contains('$'), "a variable that nobody fills in: {expr}");
        filled
    }
}

/// How many instances are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Instances {
    One,
    Any,
}

/// A dashboard in the making.
#[derive(Debug)]
struct Dashboard {
    name: &'static str,
    title: &'static str,
    description: &'static str,
    from: &'static str,
    instances: Instances,
    rows: Vec<(&'static str, Vec<Panel>)>,
    annotations: Vec<Value>,
}

impl Dashboard {
    fn new(name: &'static str, title: &'static str, description: &'static str) -> Self {
        Self {
            name,
            title,
            description,
            from: "now-24h",
            instances: Instances::Any,
            rows: Vec::new(),
            annotations: Vec::new(),
        }
    }

    fn of_one_instance(self) -> Self {
        Self { instances: Instances::One, ..self }
    }

    fn from(self, from: &'static str) -> Self {
        Self { from, ..self }
    }

    fn row(mut self, title: &'static str, panels: Vec<Panel>) -> Self {
        self.rows.push((title, panels));
        self
    }

    /// Marks when hosts booted.
    fn with_boots(mut self) -> Self {
        let expr = panel::chosen("scrubjay_boot_timestamp_seconds{@} * 1000");
        self.annotations.push(json!({
            "name": "Boots",
            "enable": true,
            "hide": false,
            "iconColor": "blue",
            "datasource": datasource(),
            "expr": expr,
            "step": "5m",
            "titleFormat": "Boot of {{instance}}",
            "useValueForTime": true,
        }));
        self
    }

    fn to_json(&self) -> Value {
        let mut annotations = vec![json!({
            "builtIn": 1,
            "datasource": {"type": "grafana", "uid": "-- Grafana --"},
            "enable": true,
            "hide": true,
            "iconColor": "rgba(0, 211, 255, 1)",
            "name": "Annotations & Alerts",
            "type": "dashboard",
        })];
        annotations.extend(self.annotations.iter().cloned());
        json!({
            "uid": format!("{PREFIX}-{}", self.name),
            "title": format!("scrubjay / {}", self.title),
            "description": self.description,
            "tags": [PREFIX],
            "editable": false,
            "schemaVersion": 42,
            "version": 1,
            "timezone": "browser",
            "graphTooltip": 1,
            "refresh": "1m",
            "time": {"from": self.from, "to": "now"},
            "timepicker": {},
            "annotations": {"list": annotations},
            "links": [{
                "title": "scrubjay",
                "type": "dashboards",
                "icon": "external link",
                "tooltip": "The other dashboards, for the same job and instances",
                "tags": [PREFIX],
                "asDropdown": true,
                "targetBlank": false,
                "includeVars": true,
                "keepTime": true,
            }],
            "templating": {"list": self.variables()},
            "panels": self.panels(),
        })
    }

    fn variables(&self) -> Vec<Value> {
        let query = |name: &str, label: &str, query: &str, several: bool| {
            let mut variable = json!({
                "name": name,
                "label": label,
                "type": "query",
                "datasource": datasource(),
                "definition": query,
                "query": query,
                // With the time range: hosts come and go.
                "refresh": 2,
                "sort": 1,
                "regex": "",
                "hide": 0,
                "skipUrlSync": false,
                "multi": several,
                "includeAll": several,
                "options": [],
                "current": {},
            });
            if several {
                variable["allValue"] = json!(".+");
                variable["current"] =
                    json!({"selected": true, "text": ["All"], "value": ["$__all"]});
            } else {
                variable["current"] = json!({"selected": false, "text": "", "value": ""});
            }
            variable
        };
        let source = json!({
            "name": "datasource",
            "label": "Data source",
            "type": "datasource",
            "query": "prometheus",
            "regex": "",
            "refresh": 1,
            "hide": 0,
            "skipUrlSync": false,
            "multi": false,
            "includeAll": false,
            "options": [],
            "current": {"selected": false, "text": "default", "value": "default"},
        });
        // Every agent has this metric, however old its readings are.
        let agents = "scrubjay_snapshot_stale";
        vec![
            source,
            query("job", "Job", &format!("label_values({agents}, job)"), true),
            query(
                "instance",
                "Host",
                &format!("label_values({agents}{{job=~\"$job\"}}, instance)"),
                self.instances == Instances::Any,
            ),
        ]
    }

    /// Panels flow from left to right, in rows with titles.
    fn panels(&self) -> Vec<Value> {
        let mut panels = Vec::new();
        let (mut id, mut y) = (0, 0);
        for (title, row) in &self.rows {
            id += 1;
            panels.push(json!({
                "id": id, "type": "row", "title": title, "collapsed": false, "panels": [],
                "gridPos": {"x": 0, "y": y, "w": 24, "h": 1},
            }));
            y += 1;
            let (mut x, mut height) = (0, 0);
            for panel in row {
                if x + panel.width > 24 {
                    (x, y, height) = (0, y + height, 0);
                }
                id += 1;
                panels.push(panel.to_json(id, x, y));
                x += panel.width;
                height = height.max(panel.height);
            }
            y += height;
        }
        panels
    }
}
