//! The tables of a report for spreadsheets: all rows, one file each.

use crate::PageError;
use crate::csv::{moment, write};
use scrubjay_model::{Report, ReportedExposure, ReportedFact};

/// Name and content of each file.
///
/// # Errors
/// If one cannot be written.
pub fn csv_tables(report: &Report) -> Result<Vec<(&'static str, String)>, PageError> {
    Ok(vec![
        ("exposures.csv", exposures(report)?),
        ("changes.csv", facts(&report.patches.changes)?),
        ("state.csv", facts(&report.patches.facts)?),
        ("boots.csv", crate::csv::boots(&report.boots)?),
        ("modules.csv", modules(report)?),
        ("pages.csv", pages(report)?),
        ("alerts.csv", crate::csv::alert_history(&report.alerts)?),
        ("acknowledgements.csv", acknowledgements(report)?),
        ("months.csv", months(report)?),
        ("gaps.csv", gaps(report)?),
    ])
}

fn at(wall_ms: Option<i64>) -> String {
    wall_ms.map(moment).unwrap_or_default()
}

fn number<T: ToString>(n: Option<T>) -> String {
    n.map(|n| n.to_string()).unwrap_or_default()
}

fn seconds(ms: Option<u64>) -> String {
    number(ms.map(|ms| ms / 1_000))
}

fn exposures(report: &Report) -> Result<String, PageError> {
    let row = |exposure: &ReportedExposure| {
        [
            exposure.cve.clone(),
            exposure.class.as_str().to_owned(),
            exposure.fix_version.clone(),
            at(exposure.released_wall_ms),
            at(exposure.installed_wall_ms),
            at(exposure.live_patched_wall_ms),
            at(exposure.running_wall_ms),
            at(exposure.in_force_wall_ms),
            seconds(exposure.released_for_ms),
            seconds(exposure.installed_for_ms),
            at(exposure.due_wall_ms),
            exposure.deadline.as_str().to_owned(),
            exposure.exception.clone().unwrap_or_default(),
        ]
    };
    write(
        [
            "cve",
            "class",
            "fixed_in",
            "available",
            "installed",
            "live_patched",
            "running",
            "in_force",
            "available_for_seconds",
            "installed_for_seconds",
            "due",
            "deadline",
            "exception",
        ],
        report.patches.exposures.iter().map(row),
    )
}

fn facts(facts: &[ReportedFact]) -> Result<String, PageError> {
    let row = |fact: &ReportedFact| {
        let value = fact.value.clone().unwrap_or_default();
        [
            moment(fact.since_wall_ms),
            fact.name.clone(),
            fact.subject.clone(),
            fact.state.clone(),
            value,
        ]
    };
    write(["seen", "fact", "of", "state", "value"], facts.iter().map(row))
}

fn modules(report: &Report) -> Result<String, PageError> {
    let rows = report.sticks.iter().map(|stick| {
        [
            stick.module.clone(),
            stick.slot.clone().unwrap_or_default(),
            stick.part.clone().unwrap_or_default(),
            number(stick.size_bytes),
            number(stick.corrected),
            number(stick.uncorrected),
            stick.at_least.to_string(),
            moment(stick.since_wall_ms),
            at(stick.ended_wall_ms),
        ]
    });
    write(
        [
            "module",
            "slot",
            "part",
            "size_bytes",
            "corrected",
            "uncorrected",
            "at_least",
            "since",
            "until",
        ],
        rows,
    )
}

fn pages(report: &Report) -> Result<String, PageError> {
    let rows = report.pages.iter().map(|page| {
        [
            format!("{:#x}", page.physical_address),
            page.size_bytes.to_string(),
            page.place.clone().unwrap_or_default(),
            moment(page.since_wall_ms),
            page.turns.len().to_string(),
        ]
    });
    write(["physical_address", "size_bytes", "place", "known_since", "events"], rows)
}

fn acknowledgements(report: &Report) -> Result<String, PageError> {
    let rows = report.acknowledgements.iter().map(|ack| {
        let (how, ended) = match &ack.ended {
            Some((how, at)) => (how.clone(), moment(*at)),
            None => (String::new(), String::new()),
        };
        let [given, until] = [ack.given_wall_ms, ack.until_wall_ms].map(moment);
        [ack.alert.clone(), ack.by.clone(), ack.reason.clone(), given, until, how, ended]
    });
    write(["alert", "by", "reason", "given", "until", "end", "ended"], rows)
}

fn months(report: &Report) -> Result<String, PageError> {
    let rows = report.months.iter().map(|month| {
        [
            moment(month.from_wall_ms),
            moment(month.to_wall_ms),
            seconds(Some(month.watched_ms)),
            seconds(Some(month.not_watched_ms)),
            number(month.owed),
            number(month.corrected),
            number(month.uncorrected),
            number(month.boots),
            number(month.unclean),
        ]
    });
    write(
        [
            "from",
            "to",
            "watched_seconds",
            "not_watched_seconds",
            "fixes_waiting",
            "corrected",
            "uncorrected",
            "boots",
            "cut_off",
        ],
        rows,
    )
}

fn gaps(report: &Report) -> Result<String, PageError> {
    let gaps = report.coverage.gaps.iter();
    write(["from", "to"], gaps.map(|gap| [gap.from_wall_ms, gap.to_wall_ms].map(moment)))
}
