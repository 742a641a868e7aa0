//! Documentation made from code.

use scrubjay_model::{
    BootEnd, Bound, CATALOGUE, CoverageState, CperSeverity, CrashKind, ErrorClass, Layout,
    Lockdown, MetricDef, MetricKind, Per, SourceId, SourceState, Taint, TaintFlag, Verdict,
    VulnerabilityState,
};
use std::fmt::Write as _;

const INTRODUCTION: &str = r##"# Metrics

Made from the catalogue in `model/src/catalogue.rs`; a test compares. Change it there, then run
`UPDATE_DOCS=1 cargo test -p scrubjay-exporters`.

- **No sample for a non-value.** What could not be read has no sample: no 0, no NaN, no last good
  value. `scrubjay_source_state` says why. An alert on a value therefore needs a companion on the
  state, and a panel must not end in `or vector(0)`.
- **Counters of errors are our own sums.** The kernel's begin anew at every reboot, driver reload and
  reset, and wrap at 2³². Ours go on, from the history. They are lower bounds as soon as
  `scrubjay_controller_count_restarts_total` is above 0. `increase()` does not see the value with
  which a series first appears.
- **A controller's total** is the sum over its DIMMs and what it could not attribute; where a driver
  counts by controller only, the second holds everything:
  `sum by (controller) ({__name__=~"scrubjay_(dimm|controller_unattributed)_correctable_errors_total"})`.
- **State sets** have one series for each state, 1 for the one that holds and 0 for the others, or no
  series when it is not known.
- **A stale page** (`scrubjay_snapshot_stale 1`) carries only the metrics marked *agent*: the last
  pass is too old to speak for the host. Before anything was read `/metrics` answers 503.
- **Two formats.** `/metrics` speaks the classic text format and OpenMetrics 1.0, whichever the
  `Accept` header likes better, compressed with gzip where `Accept-Encoding` allows it. Names and
  labels are the same in both. OpenMetrics also carries units, the kind *info* (a gauge that is
  always 1 in the classic format), and `_created`: since when a counter counts. For sums of the
  history that is when it first saw the counter, or began itself; a sum of errors that is not zero
  has none, since it may have begun with what the kernel had counted before, and would make old errors
  new ones to whoever takes it for zero at that moment; for what counts "since the agent
  started", that moment. Counters of the kernel that count since boot have none, since when that was
  moves when the wall clock is set; nor has anything where it is not known. A set of states is a
  gauge in both, as OpenMetrics would have the label named like the family.
- **Series** are bounded: the table says how many a family can have at once. What is gone has none,
  so that a host's number of series follows its hardware: some 650 on a server with two sockets and
  16 DIMMs. New series come with what is new: a stick, a live patch, a kernel's release, a finding, and
  with each row of the ledger (a dozen on a quiet day) one of `scrubjay_ledger_head_info`.
- **Other exporters' names** for the same things stand in [compatibility](compatibility.md).
- **Labels** that hold text from the kernel or the firmware have control characters written as
  `\u{…}`. A text that could not be read is an empty label, which to Prometheus is no label.
"##;

const PLACES: &str = "
*Series* counts: a **place** is a DIMM, rank or row of a controller as the kernel shows it; a
**stick** is a stick of memory that is there; a **finding** is one of `scrubjay status`, gaps of
coverage included; a **patch** is a live patch that is loaded, or was forced in this boot; a
**scrub control** is one of a memory device below `/sys/bus/edac`.
";

/// `docs/metrics.md`.
pub fn metrics_markdown() -> String {
    let mut out = INTRODUCTION.to_owned();
    out.push_str(
        "\n| metric | kind | unit | labels | series | meaning |\n|---|---|---|---|---|---|\n",
    );
    for def in CATALOGUE {
        let labels: Vec<String> = def.labels.iter().map(|label| format!("`{label}`")).collect();
        let agent = if crate::observe::is_about_the_agent(def) { " *(agent)*" } else { "" };
        push(
            &mut out,
            format_args!(
                "| `{}` | {} | {} | {} | {} | {}{agent} |",
                def.name,
                kind(def),
                def.unit.replace('_', " "),
                labels.join(", "),
                series(def.bound),
                def.help,
            ),
        );
    }
    out.push_str(PLACES);
    out.push_str("\n## Label values\n\n| label | of | values |\n|---|---|---|\n");
    for (label, of, values) in label_values() {
        let values: Vec<String> = values.iter().map(|value| format!("`{value}`")).collect();
        push(&mut out, format_args!("| `{label}` | {of} | {} |", values.join(" ")));
    }
    out.push_str("\n## Taint flags\n\n| flag | bit | meaning |\n|---|---|---|\n");
    for flag in Taint::known() {
        let TaintFlag { bit, letter: _, meaning } = flag;
        push(&mut out, format_args!("| `{}` | {bit} | {meaning} |", flag.name()));
    }
    out.push_str("| `bit_N` | N | a bit this version does not know; exported only when set |\n");
    out
}

/// How many series of a family there can be at once, in words.
fn series(bound: Bound) -> String {
    let Bound { most, per } = bound;
    match per {
        Per::Host => most.to_string(),
        Per::Controller
        | Per::Place
        | Per::Module
        | Per::ScrubControl
        | Per::Node
        | Per::Finding
        | Per::Patch
        | Per::PatchObject
        | Per::Vulnerability
        | Per::Watchdog
        | Per::Source
        | Per::Acknowledgement
        | Per::Receiver => format!("{most} a {}", per.as_str()),
    }
}

fn kind(def: &MetricDef) -> &'static str {
    match def.kind {
        MetricKind::Counter => "counter",
        MetricKind::Gauge if def.is_info() => "info",
        MetricKind::Gauge => "gauge",
    }
}

/// Labels with a fixed vocabulary.
fn label_values() -> Vec<(&'static str, &'static str, Vec<&'static str>)> {
    vec![
        ("verdict", "`scrubjay_verdict`, best first", words(&Verdict::ALL, Verdict::as_str)),
        (
            "state",
            "`scrubjay_monitoring_coverage`",
            words(&CoverageState::ALL, CoverageState::as_str),
        ),
        ("state", "`scrubjay_source_state`", words(&SourceState::ALL, SourceState::as_str)),
        (
            "state",
            "`scrubjay_cpu_vulnerability`",
            words(&VulnerabilityState::ALL, VulnerabilityState::as_str),
        ),
        ("source", "every `scrubjay_source_*`", words(&SourceId::ALL, SourceId::as_str)),
        (
            "class",
            "`scrubjay_controller_unreconciled_errors`",
            words(&ErrorClass::ALL, ErrorClass::as_str),
        ),
        ("class", "`scrubjay_monitoring_coverage`", words(&ErrorClass::ALL, ErrorClass::as_str)),
        (
            "layout",
            "`scrubjay_controller_info`",
            words(&[Layout::Dimm, Layout::Rank, Layout::Csrow, Layout::Controller], Layout::as_str),
        ),
        (
            "result",
            "`scrubjay_node_memory_failure_pages_total`",
            vec!["ignored", "failed", "delayed", "recovered"],
        ),
        ("mode", "`scrubjay_kernel_lockdown`", words(&Lockdown::ALL, Lockdown::as_str)),
        ("end", "`scrubjay_boots`", words(&BootEnd::ALL, BootEnd::as_str)),
        ("kind", "`scrubjay_kexec_loaded`", vec!["kexec", "crash"]),
        ("about", "`scrubjay_boot_error_records`", vec!["memory", "other"]),
        (
            "severity",
            "`scrubjay_boot_error_records`",
            words(&CperSeverity::ALL, CperSeverity::as_str),
        ),
        ("store", "`scrubjay_crash_records`", vec!["pstore", "archive"]),
        ("record", "`scrubjay_crash_records`", words(&CrashKind::ALL, CrashKind::as_str)),
        ("marker", "`scrubjay_reboot_marker`", vec!["reboot-required", "reboot-needed"]),
        (
            "switch",
            "`scrubjay_machine_check_switch`",
            vec!["ignore_ce", "dont_log_ce", "cmci_disabled"],
        ),
    ]
}

fn words<T: Copy>(all: &[T], word: impl Fn(T) -> &'static str) -> Vec<&'static str> {
    all.iter().copied().map(word).collect()
}

fn push(out: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a `String` does not fail.
    let _ = writeln!(out, "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    const UPDATE: &str = "UPDATE_DOCS";

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a file of the repository, not of a host")]
    fn the_committed_page_is_the_one_made_from_the_catalogue() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/metrics.md");
        let page = metrics_markdown();
        if std::env::var_os(UPDATE).is_some() {
            std::fs::write(&path, &page).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap();
        assert!(committed == page, "docs/metrics.md is out of date: run the test with {UPDATE}=1");
    }

    #[test]
    fn every_label_value_named_here_is_one_that_is_given() {
        let page = crate::prometheus::render(&crate::testing::server(), false).unwrap();
        for (label, of, values) in label_values() {
            if label == "layout" {
                // An info metric has one value at a time.
                continue;
            }
            for value in values {
                let metric = of.trim_matches(|c| c != '`').trim_matches('`');
                let metric = metric.strip_prefix("every ").unwrap_or(metric);
                let metric = metric.trim_end_matches('*');
                let given = page.lines().any(|line| {
                    line.starts_with(metric) && line.contains(&format!("{label}=\"{value}\""))
                });
                assert!(given, "{metric} never has {label}={value}");
            }
        }
    }
}
