//! Every query of a panel and every expression of a rule, asked of a real Prometheus that holds the
//! history of a fleet with each kind of trouble.

use crate::rules::expressions;
use crate::server::{Asked, Prometheus};
use crate::{grafana, panels, program, read};
use scrubjay_tests::backfill::{self, HostTruth, Plan};
use scrubjay_tests::grafana::{Chosen, dashboards};
use serde_json::Value;
use std::collections::BTreeSet;

/// What is empty on this fleet, and why that is right.
const EMPTY: &[(&str, &str)] = &[
    ("agent.json: Late passes: A", "these agents keep up"),
    ("agent.json: Deadlines missed: A", "no source of a tree hangs"),
    ("agent.json: Reports lost or not understood: A", "the simulation loses none"),
    ("agent.json: Reports lost or not understood: B", "all that it reports is understood"),
    ("agent.json: Notices: B", "the journal takes each"),
    ("agent.json: Notices: C", "none was given up"),
    ("agent.json: Acknowledged alerts: A", "nobody has acknowledged anything"),
    ("agent.json: Web configurations of no use: A", "no agent here has a web configuration"),
    ("agent.json: Agents that have just begun: A", "they run for days"),
    (
        "memory.json: Scrubbing by the memory itself: A",
        "no tree here has memory that scrubs itself",
    ),
    ("memory.json: Errors without a DIMM: A", "the simulation attributes each corrected error"),
    ("memory.json: Errors without a DIMM: B", "the simulation attributes each uncorrected error"),
    (
        "memory.json: Counters that began anew, or contradict themselves: B",
        "the sums of these kernels add up",
    ),
    ("patches.json: Processes with old code: A", "no tree here has processes"),
    ("patches.json: Microcode that is behind: A", "all run what is on disk"),
    ("ScrubjayRebootOverdue", "it is a matter of thirty days"),
    ("ScrubjayCoverageLost", "nothing was lost of what could be seen"),
    ("ScrubjaySourceHangs", "no source of a tree hangs"),
    ("ScrubjayReportsLost", "the simulation loses none"),
    ("ScrubjayAgentsAbsent", "there are agents"),
    ("ScrubjayPassesLate", "these agents keep up"),
    ("ScrubjayWebConfigFailing", "no agent here has a web configuration"),
    ("ScrubjayHistoryFailing", "all histories can be written"),
    ("ScrubjayLedgerAltered", "nobody altered one"),
    ("ScrubjayNoticesDropped", "all notices were told"),
];

/// Labels that a panel shows of a query: those of its legend, or the columns of its table.
fn shown(panel: &Value, target: &Value) -> BTreeSet<String> {
    let legend = target["legendFormat"].as_str().unwrap_or_default();
    let mut labels: BTreeSet<String> = legend
        .split("{{")
        .skip(1)
        .filter_map(|part| Some(part.split_once("}}")?.0.trim().to_owned()))
        .collect();
    if target["format"] == "table" {
        for transformation in panel["transformations"].as_array().unwrap() {
            if let Some(names) = transformation["options"]["renameByName"].as_object() {
                labels.extend(names.keys().filter(|name| !name.starts_with("Value")).cloned());
            }
        }
    }
    labels
}

/// What an expression gives where it must give something, or nothing.
fn judge(
    server: &Prometheus,
    name: &str,
    expr: &str,
    asked: Asked,
    shown: &BTreeSet<String>,
    faults: &mut Vec<String>,
) -> usize {
    let series = match server.ask(expr, asked) {
        Ok(series) => series,
        Err(error) => {
            faults.push(format!("{name}: {expr}: {error}"));
            return 0;
        }
    };
    // A text that could not be read is an empty label, which is none: of some series, not of all.
    let labels: BTreeSet<&String> =
        series.iter().flat_map(|one| one["metric"].as_object().unwrap().keys()).collect();
    let missing: Vec<&String> = shown.iter().filter(|label| !labels.contains(label)).collect();
    if !series.is_empty() && !missing.is_empty() {
        faults.push(format!("{name}: no series has {missing:?}, which is shown"));
    }
    series.len()
}

/// Whether it is right that a query of that name gives so many series.
fn check(name: &str, found: usize, empty: &mut BTreeSet<&'static str>, faults: &mut Vec<String>) {
    match (found, EMPTY.iter().find(|(known, _)| *known == name)) {
        (0, None) => faults.push(format!("{name}: nothing")),
        (0, Some((known, _))) => drop(empty.insert(known)),
        (_, Some((_, why))) => faults.push(format!("{name} is not empty, against: {why}")),
        (_, None) => {}
    }
}

fn faults(server: &Prometheus, plan: &Plan) -> Vec<String> {
    let mut faults = Vec::new();
    let mut empty: BTreeSet<&str> = BTreeSet::new();
    let range = format!("{}d", plan.days);
    let chosen = Chosen { job: ".+", instance: ".+", range: &range, rate_interval: "4m" };
    let (end, begin) = (plan.end_unix_s, plan.begin_unix_s());
    for (file, dashboard) in dashboards() {
        for panel in panels(&dashboard) {
            let name = format!("{file}: {}", panel["title"].as_str().unwrap());
            let asked = if panel["interval"] == "1d" {
                Asked::Over { from: begin + 86_400, to: end, step: 86_400 }
            } else {
                Asked::Over { from: end - 1_800, to: end, step: 60 }
            };
            for target in panel["targets"].as_array().unwrap() {
                let name = format!("{name}: {}", target["refId"].as_str().unwrap());
                let expr = chosen.fill(target["expr"].as_str().unwrap());
                let asked = if target["instant"] == true { Asked::At(end) } else { asked };
                let shown = shown(panel, target);
                let found = judge(server, &name, &expr, asked, &shown, &mut faults);
                check(&name, found, &mut empty, &mut faults);
            }
        }
        for annotation in dashboard["annotations"]["list"].as_array().unwrap() {
            if let Some(expr) = annotation["expr"].as_str() {
                let expr = chosen.fill(expr);
                let shown = ["instance".to_owned()].into();
                let found = judge(server, file, &expr, Asked::At(end), &shown, &mut faults);
                if found == 0 {
                    faults.push(format!("{file}: {expr}: nothing"));
                }
            }
        }
    }
    for name in ["scrubjay-alerts.yml", "scrubjay-rules.yml"] {
        for (rule, expr) in expressions(&read(&grafana().join("prometheus/rules").join(name))) {
            let none = BTreeSet::new();
            let found = judge(server, &rule, &expr, Asked::At(end), &none, &mut faults);
            check(&rule, found, &mut empty, &mut faults);
        }
    }
    for (name, why) in EMPTY {
        if !empty.contains(name) {
            faults.push(format!("{name}: it is listed as empty ({why}), and is not there"));
        }
    }
    faults
}

/// What a query says of hosts must be what is true of them.
fn compare(
    server: &Prometheus,
    plan: &Plan,
    truths: &[HostTruth],
    expr: &str,
    wanted: &dyn Fn(&HostTruth) -> bool,
) {
    let found: BTreeSet<String> = server
        .ask(expr, Asked::At(plan.end_unix_s))
        .unwrap()
        .iter()
        .map(|one| one["metric"]["instance"].as_str().unwrap().to_owned())
        .collect();
    let wanted: BTreeSet<String> =
        truths.iter().filter(|truth| wanted(truth)).map(|truth| truth.instance.clone()).collect();
    assert!(!wanted.is_empty(), "{expr}: the fleet has none");
    assert_eq!(found, wanted, "{expr}");
}

#[test]
fn queries_answer_on_a_real_prometheus() {
    let Some(promtool) = program("PROMTOOL", "promtool") else { return };
    let Some(prometheus) = program("PROMETHEUS", "prometheus") else { return };
    let dir = tempfile::tempdir().unwrap();
    let plan = Plan::small(1_795_000_020);
    let samples = dir.path().join("samples");
    let mut out = std::io::BufWriter::new(std::fs::File::create(&samples).unwrap());
    let truths = backfill::write(&plan, &mut out).unwrap();
    drop(out);
    let server = Prometheus::start(&prometheus, &promtool, dir.path(), &samples);
    let faults = faults(&server, &plan);
    assert!(faults.is_empty(), "{}", faults.join("\n"));

    let stopped = |truth: &HostTruth| !truth.to_json()["stopped"].is_null();
    let told = |truth: &HostTruth, verdict: &str| {
        let told = truth.told.as_ref().unwrap();
        told.verdict == verdict && !told.is_stale && !stopped(truth)
    };
    for verdict in ["act", "plan", "unknown"] {
        let expr = format!("scrubjay_verdict{{verdict=\"{verdict}\"}} == 1");
        compare(&server, &plan, &truths, &expr, &|truth| told(truth, verdict));
    }
    let stale = "scrubjay_snapshot_stale == 1";
    compare(&server, &plan, &truths, stale, &|truth| truth.told.as_ref().unwrap().is_stale);
    let how = |truth: &HostTruth, how: &str| truth.to_json()["stopped"]["how"] == how;
    compare(&server, &plan, &truths, "up == 0", &|truth| how(truth, "unreachable"));
    let gone = "present_over_time(scrubjay_snapshot_stale[1d]) unless on (job, instance) up";
    compare(&server, &plan, &truths, gone, &|truth| how(truth, "gone"));
    let reboot = "scrubjay_reboot_required{answer=\"yes\"} == 1";
    compare(&server, &plan, &truths, reboot, &|truth| {
        let told = truth.told.as_ref().unwrap();
        told.reboot == Some(true) && !told.is_stale && !stopped(truth)
    });
    let swap = "scrubjay_module_verdict{verdict=\"act\"} == 1";
    compare(&server, &plan, &truths, swap, &|truth| {
        let sticks = &truth.to_json()["told"]["sticks_to_plan_or_act"];
        told(truth, "act") && sticks.as_array().is_some_and(|sticks| !sticks.is_empty())
    });
}
