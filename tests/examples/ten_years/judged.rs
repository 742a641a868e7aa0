//! Verdicts on sticks and alerts, as the agent keeps them, and the host as it was last.

use scrubjay_alerts::book::{self, AlertPolicy, Asked, Evaluated, Looked, Pass};
use scrubjay_alerts::memory::{LOOK_BACK_DAYS, MemorySettings, judge_host};
use scrubjay_alerts::replay::{Policy, PolicyRule, Then, When};
use scrubjay_alerts::{PatchPolicy, assess, with_dimms};
use scrubjay_model::{Accumulated, Snapshot, Stamp};
use scrubjay_storage::{AlertNews, History};
use std::path::Path;

const DAY_MS: i64 = 86_400_000;

/// What is concluded from a pass.
pub(crate) fn note(history: &mut History, snapshot: &Snapshot, accumulated: &Accumulated) {
    let at = &snapshot.at;
    let storage = history.stats();
    let policy = PatchPolicy::default();
    let assessment = assess(snapshot, accumulated, Some(&storage), None, &policy);
    let since = at.wall_ms - i64::from(LOOK_BACK_DAYS) * DAY_MS;
    let traces = history.memory_traces(since).unwrap().unwrap();
    let settings = MemorySettings::default();
    let dimms = judge_host(&traces, accumulated, snapshot, &settings, &by_failures());
    let assessment = with_dimms(assessment, dimms);
    history.note(at, &assessment).unwrap();
    let looked = Looked::of(snapshot, accumulated);
    let looked = looked.in_history(&assessment.dimms, accumulated, Asked::default());
    let why_not = |key: &_, alert: &_| looked.why_not(key, alert);
    let pass = Pass::of(&assessment, &why_not, &[]);
    let before = history.alert_book().clone();
    let Evaluated { book, turns, notices: _, given, ended } =
        book::evaluate(before, &pass, &AlertPolicy::default(), at);
    let news = AlertNews { book, turns, given, ended, outgoing: Vec::new() };
    assert!(history.keep_alerts(at, news).error.is_none());
}

/// An alarm for every error that was not corrected.
fn by_failures() -> Policy {
    let rule = PolicyRule {
        code: "uncorrected".to_owned(),
        meaning: String::new(),
        source: String::new(),
        when: When::Uncorrected,
        then: Then::Alarm,
    };
    Policy { name: "default".to_owned(), rules: vec![rule], ..Policy::never() }
}

/// A tree with nothing but the clocks of the host and a list that ranks what its kernels fixed.
pub(crate) fn show(dir: &Path, at: &Stamp) {
    let up = at.since_boot.unwrap().as_nanos();
    let facts = format!("realtime_ms {}\nboottime_ns {up}\nmonotonic_ns {up}\n", at.wall_ms);
    let mut tree = scrubjay_collector::Tree::new();
    let mut file = |path: &str, text: String| {
        tree.insert(path, scrubjay_collector::Node::File(text.into_bytes()));
    };
    file(scrubjay_tests::trees::FACTS, facts);
    file("proc/sys/kernel/random/boot_id", format!("{}\n", at.boot));
    // Vulnerabilities have numbers in the order in which they were fixed.
    let mut severities = "cve,severity\n".to_owned();
    for number in 1..=2_000_u32 {
        let severity = match number % 23 {
            0 => "critical",
            5 | 14 => "high",
            _ if number % 5 == 0 => continue,
            _ => "medium",
        };
        severities.push_str(&format!("CVE-2017-{number:04},{severity}\n"));
    }
    file("etc/scrubjay/lists/severity.csv", severities);
    #[expect(clippy::disallowed_methods, reason = "writes where it was told to")]
    std::fs::write(dir.join("host.tree"), tree.to_text()).unwrap();
}
