//! Pages about a fleet: how it is, who is visited when, and how it stands to its limits.

mod plan;
pub(crate) mod report;
mod status;

pub use plan::fleet_plan;
pub use report::fleet_report;
pub use status::fleet_status;

use super::page::Page;
use super::words::{count, moment, span};
use scrubjay_model::{BlockReason, CoverageSum, FleetTask, TaskKind, Verdict};
use std::time::Duration;

/// What an answer lacks, before anything that rests on it, and what else there is to know.
fn what_is_missing(page: &mut Page, lacks: &[String], notes: &[String]) {
    if !lacks.is_empty() {
        page.heading("cannot be told:");
        for lack in lacks {
            page.warning(2, &format!("{lack}."));
        }
        page.blank();
    }
    if !notes.is_empty() {
        page.heading("to be known:");
        for note in notes {
            page.warning(2, &format!("{note}."));
        }
        page.blank();
    }
}

/// `3 act, 0 plan, …`.
pub(crate) fn verdicts_in_words(verdicts: &[(Verdict, u64)]) -> String {
    let words: Vec<String> =
        verdicts.iter().map(|(verdict, hosts)| format!("{hosts} {}", verdict.as_str())).collect();
    words.join(", ")
}

/// How much of one class can be seen at how many hosts.
pub(crate) fn coverage_in_words(sums: &[CoverageSum], of: impl Fn(&CoverageSum) -> u64) -> String {
    let words: Vec<String> = sums
        .iter()
        .filter(|sum| of(sum) > 0)
        .map(|sum| {
            let state = match sum.state {
                Some(scrubjay_model::CoverageState::Full) => "all",
                Some(scrubjay_model::CoverageState::Partial) => "only some",
                Some(scrubjay_model::CoverageState::None) => "cannot be seen",
                Some(scrubjay_model::CoverageState::Unknown) => "not known",
                None => "not told",
            };
            format!("{state} at {}", of(sum))
        })
        .collect();
    if words.is_empty() { "nobody tells".to_owned() } else { words.join(", ") }
}

/// A task in a few words: `swap P1-DIMMA1 (dimm-fault)`.
pub(crate) fn task_in_words(task: &FleetTask) -> String {
    let FleetTask { kind, code, subject, module: _ } = task;
    match kind {
        TaskKind::SwapDimm => format!("swap {subject} ({code})"),
        TaskKind::Reboot if code.is_empty() => "reboot".to_owned(),
        TaskKind::Reboot if subject.is_empty() || subject == "host" => format!("reboot ({code})"),
        TaskKind::Reboot => format!("reboot ({code}: {subject})"),
    }
}

/// Tasks of one visit; the reasons for its reboot are said together.
pub(crate) fn tasks_in_words(tasks: &[FleetTask]) -> String {
    let swaps = tasks.iter().filter(|task| task.kind == TaskKind::SwapDimm).map(task_in_words);
    let reboots: Vec<&FleetTask> =
        tasks.iter().filter(|task| task.kind == TaskKind::Reboot).collect();
    let mut words: Vec<String> = swaps.collect();
    match reboots.as_slice() {
        [] => {}
        [one] => words.push(task_in_words(one)),
        many => {
            let mut codes: Vec<&str> = many.iter().map(|task| task.code.as_str()).collect();
            codes.dedup();
            words.push(format!("reboot ({})", codes.join(", ")));
        }
    }
    words.join(", ")
}

/// Why a host is not visited, as a clause.
pub(crate) fn block_in_words(reason: &BlockReason) -> String {
    let named = |finding: &str, subject: &str| match subject {
        "" => finding.to_owned(),
        subject => format!("{finding}:{subject}"),
    };
    match reason {
        BlockReason::NotReporting { last_seen_ms: Some(at) } => {
            format!("does not report, last seen {}", moment(*at))
        }
        BlockReason::NotReporting { last_seen_ms: None } => {
            "does not report, and was not seen as far as was looked back".to_owned()
        }
        BlockReason::Namesakes => "several different targets bear its name".to_owned(),
        BlockReason::CoverageUnknown => "whether its errors can be seen is not known".to_owned(),
        BlockReason::Hold { by } => format!("held ({by})"),
        BlockReason::OpenUncorrected { finding, subject } => format!(
            "{} is open and no swap answers for it: find out what failed first",
            named(finding, subject)
        ),
        BlockReason::Acknowledged { finding, subject, until_ms } => {
            format!("{} is acknowledged until {}", named(finding, subject), moment(*until_ms))
        }
        BlockReason::RebootUnclear => "whether a reboot helps cannot be told".to_owned(),
        BlockReason::RebootInVain => {
            "has booted since, and still says that a reboot is required: see what it booted into"
                .to_owned()
        }
    }
}

/// A group, or that there is none.
pub(crate) fn group_in_words(group: Option<&str>) -> &str {
    group.unwrap_or("(none)")
}

/// `last seen` of a host that does not report.
pub(crate) fn last_seen(at: Option<i64>, now_ms: i64, look_back_ms: i64) -> String {
    match at {
        Some(at) => format!("{} ago", span(time(now_ms.saturating_sub(at)))),
        None => format!("not within {}", span(time(look_back_ms))),
    }
}

fn time(ms: i64) -> Duration {
    Duration::from_secs(u64::try_from(ms / 1000).unwrap_or(0))
}

pub(crate) fn hosts(n: u64) -> String {
    count(n, "host", "hosts")
}
