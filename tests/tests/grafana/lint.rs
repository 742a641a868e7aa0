//! Our own laws of dashboards, after those of Grafana's linter for mixins.

use crate::expr::named;
use crate::panels;
use scrubjay_model::CATALOGUE;
use scrubjay_tests::grafana::{PREFIX, dashboards};
use serde_json::Value;
use std::collections::BTreeSet;

/// Labels that Prometheus puts on each series of a target.
const TARGET: [&str; 2] = ["job", "instance"];

/// What an expression asks for that is not in the catalogue.
pub(crate) fn unknown_names(expr: &str) -> Vec<String> {
    let named = named(expr);
    let mut unknown = Vec::new();
    let mut all: BTreeSet<&str> = TARGET.into();
    for (metric, labels) in &named.selectors {
        // Those of Prometheus itself.
        let known: &[&str] = match CATALOGUE.iter().find(|def| def.name == metric) {
            Some(def) => def.labels,
            None if metric == "up" => &[],
            None if metric == "ALERTS" => &["alertname", "alertstate", "severity"],
            None => {
                unknown.push(format!("there is no metric {metric}"));
                continue;
            }
        };
        all.extend(known);
        for label in labels {
            if !known.contains(&label.as_str()) && !TARGET.contains(&label.as_str()) {
                unknown.push(format!("{metric} has no label {label}"));
            }
        }
    }
    for label in &named.grouping {
        if !all.contains(label.as_str()) {
            unknown.push(format!("no metric in {expr} has a label {label}"));
        }
    }
    unknown
}

/// What a panel may say where it has nothing, though it begins like a claim, and the one metric that it must then ask
/// for: each target has `up`, and each agent that reports `scrubjay_snapshot_stale`.
const SAID_OF_NOTHING: [(&str, Option<&str>); 6] = [
    ("no data", None),
    ("none told", None),
    ("none told: see coverage", None),
    ("none told: see coverage on Fleet", None),
    ("no targets", Some("up")),
    ("no agents", Some("scrubjay_snapshot_stale")),
];

/// Whether a text states as a fact what missing data cannot show: an agent that is dead, a job without targets
/// or one of another name look the same.
fn is_claim(text: &str, metrics: &[String]) -> bool {
    let first = text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    let claims = ["all", "any", "each", "every", "no", "none", "nothing", "nobody", "ok", "0"];
    let listed = SAID_OF_NOTHING.iter().any(|(listed, asks)| {
        *listed == text && asks.is_none_or(|asks| metrics.iter().any(|metric| metric == asks))
    });
    claims.contains(&first.to_lowercase().as_str()) && !listed
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// Everything in a dashboard that breaks a law.
fn faults(file: &str, dashboard: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let mut fault = |what: String| faults.push(format!("{file}: {what}"));
    let name = file.trim_end_matches(".json");
    if text(dashboard, "uid") != format!("{PREFIX}-{name}") {
        fault("its uid is not that of its file".to_owned());
    }
    if dashboard["editable"] != false || dashboard["schemaVersion"] != 42 {
        fault("it is editable, or of another schema".to_owned());
    }
    if text(dashboard, "description").is_empty() || dashboard.get("id").is_some() {
        fault("it has no description, or an id".to_owned());
    }
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let names: Vec<&str> = variables.iter().map(|variable| text(variable, "name")).collect();
    if names != ["datasource", "job", "instance"] {
        fault(format!("variables {names:?}"));
    }
    for variable in variables.iter().skip(1) {
        if variable["multi"] == true && text(variable, "allValue") != ".+"
            || variable["refresh"] != 2
        {
            fault(format!("variable {}", text(variable, "name")));
        }
    }
    let mut ids = BTreeSet::new();
    let mut titles = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        if !ids.insert(panel["id"].as_u64().unwrap()) {
            fault(format!("two panels {}", panel["id"]));
        }
    }
    for panel in panels(dashboard) {
        let title = text(panel, "title");
        let mut fault = |what: &str| fault(format!("{title}: {what}"));
        if title.is_empty() || !titles.insert(title) {
            fault("no title, or one that is there twice");
        }
        if !text(panel, "description").ends_with('.') {
            fault("no description in sentences");
        }
        if panel["datasource"]["uid"] != "${datasource}" {
            fault("another data source");
        }
        let defaults = &panel["fieldConfig"]["defaults"];
        if text(defaults, "unit").is_empty() || text(defaults, "noValue").is_empty() {
            fault("no unit, or no word for no value");
        }
        for mapping in defaults["mappings"].as_array().unwrap() {
            for (_, word) in mapping["options"].as_object().unwrap() {
                if text(word, "text").is_empty() || text(word, "color").is_empty() {
                    fault("a colour without a word");
                }
            }
        }
        let targets = panel["targets"].as_array().unwrap();
        let asked = targets.iter().flat_map(|target| named(text(target, "expr")).selectors);
        let metrics: Vec<String> = asked.map(|(metric, _)| metric).collect();
        if is_claim(text(defaults, "noValue"), &metrics) {
            fault("it states what missing data cannot show");
        }
        if targets.is_empty() {
            fault("it asks nothing");
        }
        for target in targets {
            if target["datasource"] != panel["datasource"] {
                fault("a query to another data source");
            }
            for what in faults_of_query(text(target, "expr"), text(target, "legendFormat")) {
                fault(&what);
            }
        }
    }
    faults
}

fn faults_of_query(expr: &str, legend: &str) -> Vec<String> {
    let mut faults = unknown_names(expr);
    if expr.contains("vector(") {
        faults.push(format!("{expr}: what is not there would look like 0"));
    }
    let named = named(expr);
    for (metric, labels) in &named.selectors {
        for label in TARGET {
            if !labels.contains(label) {
                faults.push(format!("{metric} is not of the chosen {label}"));
            }
        }
        let counter = metric.ends_with("_total");
        let summed = ["rate(", "increase("].iter().any(|f| expr.contains(&format!("{f}{metric}")));
        if summed && !counter {
            faults.push(format!("{metric} is no counter"));
        }
    }
    let mut rest = expr;
    while let Some((_, after)) = rest.split_once("rate(") {
        let range = after.split_once('[').and_then(|(_, range)| range.split_once(']'));
        if range.is_none_or(|(range, _)| range != "$__rate_interval") {
            faults.push(format!("{expr}: rate() over something else than $__rate_interval"));
        }
        rest = after;
    }
    let braces = legend.matches("{{").count();
    if braces != legend.matches("}}").count() {
        faults.push(format!("legend {legend}"));
    }
    faults
}

#[test]
fn dashboards_keep_our_laws() {
    let mut uids = BTreeSet::new();
    let mut found = Vec::new();
    for (file, dashboard) in dashboards() {
        assert!(uids.insert(dashboard["uid"].to_string()), "{file}");
        found.extend(faults(file, &dashboard));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn the_laws_find_what_breaks_them() {
    let broken = |change: &dyn Fn(&mut Value)| {
        let (file, mut dashboard) = dashboards().remove(0);
        change(&mut dashboard);
        faults(file, &dashboard).len()
    };
    assert_eq!(broken(&|_| ()), 0);
    let expr = |text: &'static str| {
        move |dashboard: &mut Value| {
            dashboard["panels"][1]["targets"][0]["expr"] = text.into();
            dashboard["panels"][1]["fieldConfig"]["defaults"]["noValue"] = "no data".into();
        }
    };
    let chosen = "job=~\"$job\",instance=~\"$instance\"";
    for (text, faults) in [
        ("scrubjay_snapshot_stale{job=~\"$job\",instance=~\"$instance\"}", 0),
        ("scrubjay_snapshot_stale{job=~\"$job\"}", 1),
        ("scrubjay_no_such_metric{job=~\"$job\",instance=~\"$instance\"}", 1),
        ("scrubjay_verdict{job=~\"$job\",instance=~\"$instance\",dimm=\"x\"}", 1),
        ("sum by (dimm) (scrubjay_verdict{job=~\"$job\",instance=~\"$instance\"})", 1),
        ("scrubjay_snapshot_stale{job=~\"$job\",instance=~\"$instance\"} or vector(0)", 1),
        ("rate(scrubjay_agent_passes_total{job=~\"$job\",instance=~\"$instance\"}[5m])", 1),
        (
            "rate(scrubjay_uptime_seconds{job=~\"$job\",instance=~\"$instance\"}[$__rate_interval])",
            1,
        ),
    ] {
        assert_eq!(broken(&expr(text)), faults, "{text} ({chosen})");
    }
    assert_eq!(broken(&|d| d["panels"][1]["description"] = "".into()), 1);
    for (said, faults) in [
        ("no data", 0),
        ("not known", 0),
        ("none told", 0),
        ("no targets", 0),
        ("no agents", 1),
        ("all answer", 1),
        ("No findings", 1),
        ("nothing is to be acted on", 1),
    ] {
        let say = |d: &mut Value| {
            d["panels"][1]["fieldConfig"]["defaults"]["noValue"] = said.into();
        };
        assert_eq!(broken(&say), faults, "{said}");
    }
    assert_eq!(broken(&|d| d["editable"] = true.into()), 1);
    assert_eq!(broken(&|d| d["uid"] = "other".into()), 1);
}
