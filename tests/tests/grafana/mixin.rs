//! The mixin: jsonnet makes the same rules and dashboards of it that lie beside it.

use crate::{grafana, program, read, run};
use serde_json::Value;
use std::process::Command;

/// What jsonnet makes of a piece of text.
fn evaluated(jsonnet: &std::path::Path, text: &str) -> Value {
    let library = grafana();
    let said = run(Command::new(jsonnet)
        .arg("-J")
        .arg(&library)
        .arg("-J")
        .arg(library.join("mixin"))
        .args(["-e", text]));
    serde_json::from_str(&said).unwrap()
}

#[test]
fn the_mixin_has_the_rules_and_dashboards_that_lie_beside_it() {
    let Some(jsonnet) = program("JSONNET", "jsonnet") else { return };
    let mixin = "(import 'mixin.libsonnet')";
    for (part, file) in
        [("prometheusAlerts", "scrubjay-alerts.yml"), ("prometheusRules", "scrubjay-rules.yml")]
    {
        let theirs = evaluated(&jsonnet, &format!("{mixin}.{part}"));
        let ours =
            evaluated(&jsonnet, &format!("std.parseYaml(importstr 'prometheus/rules/{file}')"));
        assert_eq!(theirs, ours, "{part}");
        // Through the text that a Prometheus is given, too.
        let entry = grafana().join("mixin").join(match part {
            "prometheusAlerts" => "alerts.jsonnet",
            _ => "rules.jsonnet",
        });
        let yaml = run(Command::new(&jsonnet).arg("-J").arg(grafana()).arg("-S").arg(entry));
        let code = format!("std.parseYaml({})", serde_json::to_string(&yaml).unwrap());
        assert_eq!(evaluated(&jsonnet, &code), ours, "{part} as YAML");
    }
    let dashboards = evaluated(&jsonnet, &format!("{mixin}.grafanaDashboards"));
    let dashboards = dashboards.as_object().unwrap();
    let files = std::fs::read_dir(grafana().join("dashboards")).unwrap();
    assert_eq!(dashboards.len(), files.count());
    for (name, dashboard) in dashboards {
        let file = grafana().join("dashboards").join(name.strip_prefix("scrubjay-").unwrap());
        let ours: Value = serde_json::from_str(&read(&file)).unwrap();
        assert!(*dashboard == ours, "{name} is not what lies beside the mixin");
    }
}

#[test]
fn what_a_site_wants_otherwise_is_so_in_every_rule() {
    let Some(jsonnet) = program("JSONNET", "jsonnet") else { return };
    let changed = "((import 'mixin.libsonnet') + {_config+:: {selector: 'job=\"agents\"', \
                   runbookURLPattern: 'https://wiki.example/%s.md'}}).prometheusAlerts";
    let rules = evaluated(&jsonnet, changed).to_string();
    assert!(!rules.contains("job=\\\"scrubjay\\\"") && !rules.contains("file:///"), "{rules}");
    assert!(rules.contains("job=\\\"agents\\\""));
    assert!(rules.contains("https://wiki.example/ScrubjayAgentDown.md"));
}
