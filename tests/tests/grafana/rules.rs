//! Alerts and recording rules: judged by promtool, and against the catalogue and the runbooks.

use crate::lint::unknown_names;
use crate::{grafana, program, read, run};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

fn file(name: &str) -> PathBuf {
    grafana().join("prometheus").join(name)
}

/// The expressions of a file of rules, each with what it is called. The form is ours: a key on a line,
/// longer expressions in a block below it.
pub(crate) fn expressions(text: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut block = None;
    for line in text.lines() {
        let inner = line.trim_start();
        let depth = line.len() - inner.len();
        if let Some(key) = block {
            if depth > key {
                let (_, expr) = found.last_mut().unwrap();
                expr.push_str(inner);
                expr.push(' ');
                continue;
            }
            block = None;
        }
        let named = inner.strip_prefix("- alert: ").or_else(|| inner.strip_prefix("- record: "));
        if let Some(name) = named {
            found.push((name.to_owned(), String::new()));
        } else if let Some(expr) = inner.strip_prefix("expr: ") {
            match expr {
                "|" | ">-" => block = Some(depth),
                expr => found.last_mut().unwrap().1 = expr.to_owned(),
            }
        }
    }
    found
}

fn alerts() -> BTreeSet<String> {
    let text = read(&file("rules/scrubjay-alerts.yml"));
    let names = text.lines().filter_map(|line| line.trim_start().strip_prefix("- alert: "));
    names.map(str::to_owned).collect()
}

#[test]
fn rules_ask_for_what_there_is() {
    let mut unknown = Vec::new();
    for name in ["rules/scrubjay-alerts.yml", "rules/scrubjay-rules.yml"] {
        let expressions = expressions(&read(&file(name)));
        assert!(expressions.len() >= 9, "{expressions:?}");
        for (rule, expr) in expressions {
            assert!(!expr.is_empty() && !expr.contains("vector("), "{rule}: {expr}");
            unknown.extend(unknown_names(&expr).into_iter().map(|what| format!("{rule}: {what}")));
        }
    }
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
}

#[test]
fn each_alert_has_a_severity_a_runbook_and_a_test() {
    let rules = read(&file("rules/scrubjay-alerts.yml"));
    let tests = read(&file("tests/scrubjay-alerts.yml"));
    let runbooks = grafana().parent().unwrap().join("docs/runbooks");
    let index = read(&runbooks.join("README.md"));
    let mut pages: BTreeSet<String> = std::fs::read_dir(&runbooks)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    pages.remove("README.md");
    let wanted: BTreeSet<String> = alerts().iter().map(|name| format!("{name}.md")).collect();
    assert_eq!(pages, wanted, "a page for each alert, an alert for each page");
    for rule in rules.split("- alert: ").skip(1) {
        let (name, rule) = rule.split_once('\n').unwrap();
        let severity = ["critical", "warning", "info"]
            .into_iter()
            .find(|severity| rule.contains(&format!("severity: {severity}")))
            .unwrap_or_else(|| panic!("{name}: no severity"));
        for key in ["for: ", "summary: ", "description: "] {
            assert!(rule.contains(key), "{name}: no {key}");
        }
        let url = format!("runbook_url: file:///usr/share/doc/scrubjay/runbooks/{name}.md\n");
        assert!(rule.contains(&url), "{name}");
        let page = read(&runbooks.join(format!("{name}.md")));
        assert!(page.starts_with(&format!("# {name}\n\nSeverity: {severity}.\n")), "{name}");
        for part in ["## Means", "## Look", "## Do", "## Ends"] {
            assert!(page.contains(part), "{name}: no {part}");
        }
        assert!(index.contains(&format!("| [{name}]({name}.md) | {severity} |")), "{name}");
        // Fires, and does not.
        let cases: Vec<&str> = tests.split(&format!("alertname: {name}\n")).skip(1).collect();
        let quiet = cases.iter().filter(|case| case.trim_start().starts_with("exp_alerts: []"));
        let quiet = quiet.count();
        assert!(quiet > 0, "{name} is never quiet in a test");
        assert!(cases.len() > quiet, "{name} never fires in a test");
    }
}

#[test]
fn promtool_finds_nothing_wrong_with_the_rules() {
    let Some(promtool) = program("PROMTOOL", "promtool") else { return };
    let files = ["rules/scrubjay-alerts.yml", "rules/scrubjay-rules.yml"].map(file);
    let flags = ["check", "rules", "--lint=all", "--lint-fatal"];
    let said = run(Command::new(&promtool).args(flags).args(files));
    assert!(said.contains(&format!("{} rules found", alerts().len())), "{said}");
}

#[test]
fn each_alert_fires_and_is_quiet_as_its_tests_say() {
    let Some(promtool) = program("PROMTOOL", "promtool") else { return };
    let tests = ["tests/scrubjay-alerts.yml", "tests/scrubjay-rules.yml"].map(file);
    run(Command::new(promtool).args(["test", "rules"]).args(tests));
}

#[test]
fn the_example_configurations_are_accepted() {
    if let Some(promtool) = program("PROMTOOL", "promtool") {
        let example = grafana().join("examples/prometheus.yml");
        let flags = ["check", "config", "--syntax-only"];
        run(Command::new(promtool).args(flags).arg(example));
    }
    if let Some(amtool) = program("AMTOOL", "amtool") {
        let example = grafana().join("examples/alertmanager.yml");
        run(Command::new(amtool).arg("check-config").arg(example));
    }
}

/// Those that ask for a reboot would prevent it, and those of severity info may fire for ever; in the order of
/// the rules, after what always fires where kube-prometheus is.
#[test]
fn kured_is_told_everywhere_to_overlook_the_same_alerts() {
    let rules = read(&file("rules/scrubjay-alerts.yml"));
    let mut names = vec!["Watchdog", "InfoInhibitor"];
    for rule in rules.split("- alert: ").skip(1) {
        let (name, rule) = rule.split_once('\n').unwrap();
        if name.contains("Reboot") || rule.contains("severity: info") {
            names.push(name);
        }
    }
    assert!(names.contains(&"ScrubjayActReboot") && names.contains(&"ScrubjayErrorsHidden"));
    let wanted = format!("--alert-filter-regexp=^({})$", names.join("|"));
    for place in ["README.md", "examples/alertmanager.yml", "../kubernetes/kured/kured.yaml"] {
        let text = read(&grafana().join(place));
        let told: Vec<&str> = text
            .lines()
            .filter_map(|line| Some(&line[line.find("--alert-filter-regexp=^")?..]))
            .collect();
        assert_eq!(told, [&wanted], "{place}");
        assert!(text.contains("--alert-firing-only=true"), "{place}");
    }
    // Other pages lead there.
    for page in std::fs::read_dir(grafana().parent().unwrap().join("docs")).unwrap() {
        let page = page.unwrap().path();
        if page.extension().is_some_and(|ending| ending == "md") {
            assert!(!read(&page).contains("--alert-filter-regexp="), "{}", page.display());
        }
    }
}
