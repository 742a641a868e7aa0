//! The first page of a report: for somebody who has a minute, and does not know what EDAC is.

use super::exposures::{Deadline, ReportedExposure};
use super::parts::{Report, ReportSummary, ReportedFigure};
use super::policy::CveClass;
use super::to_do::{asks, lost_data, slot, to_do, unseen};
use crate::{Verdict, span};
use std::collections::BTreeSet;
use std::time::Duration;

/// The sentence, the figures and what is not known.
pub(super) fn summary(report: &Report) -> ReportSummary {
    ReportSummary {
        sentence: sentence(report),
        figures: vec![
            within_policy(report),
            longest_exposure(report),
            availability(report),
            memory(report),
        ],
        to_do: to_do(report),
        unknown: unknown(report),
    }
}

/// Deadlines that were decided, and those of them that were kept or excepted.
fn decided(report: &Report) -> (u64, u64, u64) {
    let (mut kept, mut excepted, mut broken) = (0_u64, 0_u64, 0_u64);
    for class in &report.patches.classes {
        for (deadline, n) in &class.deadlines {
            match deadline {
                Deadline::Met => kept += n,
                Deadline::Excepted => excepted += n,
                Deadline::Late | Deadline::Overdue => broken += n,
                Deadline::Running | Deadline::None | Deadline::Unknown => {}
            }
        }
    }
    (kept, excepted, broken)
}

fn sentence(report: &Report) -> String {
    let mut sentences = vec![of_patches(report)];
    match report.patches.live_patch_only {
        0 => {}
        n => sentences.push(format!(
            "{} in force only because the running system was repaired without a restart (by a live patch).",
            counted(n, "fix is", "fixes are"),
        )),
    }
    sentences.push(of_memory(report));
    match report.availability.unclean {
        0 => {}
        1 => sentences.push(
            "The server went down once without being shut down: a crash, or a loss of power."
                .to_owned(),
        ),
        n => sentences.push(format!(
            "The server went down {n} times without being shut down: a crash, or a loss of power."
        )),
    }
    sentences.join(" ")
}

fn of_patches(report: &Report) -> String {
    let (kept, excepted, broken) = decided(report);
    if broken > 0 {
        let rest = match of_deadline(report, Deadline::Overdue) {
            0 if broken == 1 => "it is by now".to_owned(),
            0 => "all of them are by now".to_owned(),
            1 if broken == 1 => "it still is not".to_owned(),
            1 => "1 of them still is not".to_owned(),
            n => format!("{n} of them still are not"),
        };
        format!(
            "Security fixes came late on this server: {} not in force by the date that the policy \"{}\" sets, and {rest}.",
            counted(broken, "fix was", "fixes were"),
            report.policy.name,
        )
    } else if report.coverage.watched_ms == 0 {
        "Nobody watched this server in the period, so that nothing is known of its security fixes."
            .to_owned()
    } else if let unknown @ 1.. = of_deadline(report, Deadline::Unknown) {
        format!(
            "Whether this server kept the policy \"{}\" is not known: of {} nobody knows when the time for it began.",
            report.policy.name,
            counted(unknown, "security fix", "security fixes"),
        )
    } else if kept + excepted > 0 {
        let allowed = match excepted {
            0 => String::new(),
            n => format!(" or allowed to wait by an exception ({n} of them)"),
        };
        let (due, all) = match kept + excepted {
            1 => ("the 1 security fix that came due".to_owned(), "was in force in time"),
            n => (format!("all {n} security fixes that came due"), "were in force in time"),
        };
        format!("This server kept the policy \"{}\": {due} {all}{allowed}.", report.policy.name)
    } else if report.patches.exposures.is_empty() && !is_relation_known(report) {
        "Whether security fixes that are installed on this server are in force is not known."
            .to_owned()
    } else if report.patches.exposures.is_empty() {
        "Every security fix that was installed on this server was in force whenever somebody looked.".to_owned()
    } else {
        let waits = |e: &&ReportedExposure| e.in_force_wall_ms.is_none();
        match size(report.patches.exposures.iter().filter(waits).count()) {
            0 => "No security fix that is installed waits on this server.".to_owned(),
            n => format!(
                "{} on this server, and none is beyond a date that the policy \"{}\" sets.",
                counted(n, "security fix waits", "security fixes wait"),
                report.policy.name,
            ),
        }
    }
}

fn of_memory(report: &Report) -> String {
    let errors = &report.errors;
    let at_least = if errors.at_least { "at least " } else { "" };
    let told = match (errors.uncorrected, errors.corrected) {
        (None | Some(0), _) if report.open_alerts.iter().any(lost_data) => {
            "Its memory lost data, as alerts say; how often could not be counted.".to_owned()
        }
        (None, _) => "Whether its memory lost data is not known.".to_owned(),
        (Some(0), Some(0)) if !errors.at_least => "No memory error was seen.".to_owned(),
        (Some(0), Some(0)) => "No memory error was seen, but not all would have been.".to_owned(),
        (Some(0), None) => "No memory error was seen that lost data.".to_owned(),
        (Some(0), Some(n)) => format!(
            "Its memory had {at_least}{}; the memory mended {} by itself, and no loss of data was seen.",
            counted(n, "error", "errors"),
            if n == 1 { "it" } else { "them" },
        ),
        (Some(n), _) => format!(
            "Its memory lost data {at_least}{}.",
            match n {
                1 => "once".to_owned(),
                n => format!("{n} times"),
            }
        ),
    };
    let failing: Vec<&str> =
        report.sticks.iter().filter(|stick| asks(stick).is_some()).map(slot).collect();
    match failing.as_slice() {
        [] => told,
        [one] => format!("{told} The memory module in slot {one} is to be seen to."),
        many => format!("{told} {} memory modules are to be seen to.", many.len()),
    }
}

fn within_policy(report: &Report) -> ReportedFigure {
    let (kept, excepted, broken) = decided(report);
    let all = kept + excepted + broken;
    let value = match (kept * 1_000).checked_div(all) {
        // Rounded down, so that only all is 100 %.
        Some(tenths) => format!("{}.{} %", tenths / 10, tenths % 10),
        None => "none came due".to_owned(),
    };
    let running = of_deadline(report, Deadline::Running);
    ReportedFigure {
        label: "Fixes in force in time".to_owned(),
        value,
        note: format!(
            "{kept} in time, {broken} late or overdue, {excepted} excepted, {running} not due yet"
        ),
    }
}

fn longest_exposure(report: &Report) -> ReportedFigure {
    let longest: Option<(u64, &ReportedExposure)> = report
        .patches
        .exposures
        .iter()
        .filter_map(|exposure| Some((exposure.released_for_ms?, exposure)))
        .max_by_key(|(length, exposure)| (*length, std::cmp::Reverse(&exposure.cve)));
    let label = "Longest wait for a fix".to_owned();
    match longest {
        Some((length, exposure)) => ReportedFigure {
            label,
            value: span(Duration::from_millis(length)),
            note: format!(
                "from the release of {} ({}) {}",
                exposure.cve,
                ranked(exposure.class),
                if exposure.in_force_wall_ms.is_some() {
                    "until it was in force"
                } else {
                    "and still not in force"
                },
            ),
        },
        None if !is_relation_known(report) => ReportedFigure {
            label,
            value: "not known".to_owned(),
            note: "it is not known which fixes the running system has".to_owned(),
        },
        None if report.patches.exposures.is_empty() => ReportedFigure {
            label,
            value: "none".to_owned(),
            note: "no installed fix was seen not to be in force".to_owned(),
        },
        None => ReportedFigure {
            label,
            value: "not known".to_owned(),
            note: "when the fixes were released is not known".to_owned(),
        },
    }
}

fn availability(report: &Report) -> ReportedFigure {
    let up = &report.availability;
    let percent = |ppm: u64| format!("{}.{:03} %", ppm / 10_000, ppm % 10_000 / 10);
    let value = match up.bounds_ppm {
        None | Some((0, 1_000_000)) => "not known".to_owned(),
        Some((least, most)) if percent(least) == percent(most) => percent(least),
        Some((least, most)) => format!("{} to {}", percent(least), percent(most)),
    };
    let mut ends = vec![match up.boots {
        0 if up.unknown_ms == 0 => "not restarted in the period".to_owned(),
        0 => "no start in the period is known of".to_owned(),
        n => counted(n, "start", "starts"),
    }];
    for (n, how) in [
        (up.clean, "shut down in order"),
        (up.unclean, "cut off"),
        (up.unknown_ends, "ended in a way nobody knows"),
    ] {
        if n > 0 {
            ends.push(format!("{n} {how}"));
        }
    }
    ReportedFigure { label: "Time the server was up".to_owned(), value, note: ends.join(", ") }
}

fn memory(report: &Report) -> ReportedFigure {
    let errors = &report.errors;
    let erring = report
        .sticks
        .iter()
        .filter(|stick| stick.corrected > Some(0) || stick.uncorrected > Some(0));
    let at_least = if errors.at_least { "at least " } else { "" };
    let value = match errors.uncorrected {
        Some(0) => "no loss seen".to_owned(),
        Some(n) => format!("{at_least}{n} lost data"),
        None => "not known".to_owned(),
    };
    let mut note = match errors.corrected {
        Some(0) => format!(
            "none was seen on {}{}",
            counted(size(report.sticks.len()), "module", "modules"),
            if errors.at_least { "; not all would have been" } else { "" }
        ),
        Some(n) => format!(
            "{at_least}{n} corrected, which did no harm, on {} of {}",
            erring.count(),
            counted(size(report.sticks.len()), "module", "modules")
        ),
        None => "errors that the memory corrected could not be counted".to_owned(),
    };
    let on_none = [errors.uncorrected_on_none, errors.corrected_on_none];
    match on_none.into_iter().flatten().fold(0, u64::saturating_add) {
        0 => {}
        n => note.push_str(&format!(", {n} on none that is known")),
    }
    ReportedFigure { label: "Memory errors".to_owned(), value, note }
}

pub(super) fn size(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

fn unknown(report: &Report) -> Vec<String> {
    let mut unknown = Vec::new();
    let coverage = &report.coverage;
    let period = coverage.watched_ms.saturating_add(coverage.not_watched_ms);
    let not_watched = coverage.not_watched_ms;
    if let Some(permille) = not_watched.saturating_mul(1_000).checked_div(period)
        && not_watched > 60_000
    {
        unknown.push(format!(
            "For {} of the period ({}.{} %) nobody watched the server. Errors that happened then may have been \
             noticed afterwards, or not at all.",
            span(Duration::from_millis(not_watched)),
            permille / 10,
            permille % 10
        ));
    }
    if coverage.history_began_wall_ms.is_none_or(|began| began > report.period.from_wall_ms) {
        unknown.push(
            "The record of this server begins later than the period: of the time before, little more is known than \
             when it was started."
                .to_owned(),
        );
    }
    if !is_relation_known(report) {
        unknown.push(
            "Whether the running system has all fixes that are installed is not known: some may be waiting for a \
             restart that nobody saw."
                .to_owned(),
        );
    }
    if is_relation_known(report) && report.patches.relation_was_unknown() {
        unknown.push(
            "For a part of the period it is not known whether the running system had all fixes that were installed: \
             some may have waited for a restart unseen."
                .to_owned(),
        );
    }
    let unranked = report.patches.classes.iter().find(|class| class.class == CveClass::Unranked);
    if let Some(class) = unranked {
        unknown.push(format!(
            "No list says how severe {} of the {} are; {}.",
            class.vulnerabilities,
            counted(number(report), "vulnerability", "vulnerabilities"),
            if class.limit_days.is_some() {
                "the policy treats them as unranked"
            } else {
                "the policy has no deadline for such"
            },
        ));
    }
    let no_clock = of_deadline(report, Deadline::Unknown);
    if no_clock > 0 {
        unknown.push(format!(
            "Of {} it is not known when the time began that the policy counts, so that they are neither in time nor late.",
            counted(no_clock, "fix", "fixes")
        ));
    }
    unknown.push(
        "Fixes that were released and never installed on this server are not counted: its files do not tell of them."
            .to_owned(),
    );
    let uncounted = report.sticks.iter().filter(|stick| stick.corrected.is_none()).count();
    if uncounted > 0 {
        unknown.push(format!(
            "Errors of {} could not be counted, which is not to say that there were none.",
            counted(size(uncounted), "memory module", "memory modules")
        ));
    }
    for (class, errors) in
        [("corrected", report.errors.corrected), ("not corrected", report.errors.uncorrected)]
    {
        if errors.is_none() {
            unknown.push(format!(
                "Memory errors that were {class} could not be counted in the period."
            ));
        }
    }
    if report.errors.partly_read {
        unknown.push(
            "Memory errors could not be counted for a part of the period: those that happened then may be missing."
                .to_owned(),
        );
    }
    if report.errors.counted_before != (0, 0) {
        let (corrected, uncorrected) = report.errors.counted_before;
        unknown.push(format!(
            "{corrected} memory errors that were corrected and {uncorrected} that were not had been counted before \
             anybody watched. When is not known; they are not among those of the period."
        ));
    }
    let blind = report.alerts.iter().filter(|turn| turn.verdict == Verdict::Unknown);
    let blind: BTreeSet<&str> = blind.map(|turn| turn.key.code.as_str()).collect();
    let told: BTreeSet<&str> = blind.iter().map(|code| unseen(code).unwrap_or(code)).collect();
    if !told.is_empty() {
        let told: Vec<&str> = told.into_iter().collect();
        unknown.push(format!(
            "Alerts of the period said that not all can be seen: {}.",
            told.join("; ")
        ));
    }
    if coverage.clock_steps > 0 {
        unknown.push(format!(
            "The clock was set {}, by {} in all: times may be wrong by up to that.",
            if coverage.clock_steps == 1 {
                "once".to_owned()
            } else {
                format!("{} times", coverage.clock_steps)
            },
            span(Duration::from_millis(coverage.clock_stepped_ms))
        ));
    }
    if let Some(fault) = &report.ledger.fault {
        unknown.push(format!(
            "The record that this report rests on was altered after it was written: {fault}."
        ));
    }
    unknown
}

/// Whether it was known how the running kernel stands to what is installed: without that, no fix is
/// seen to wait, however many do.
pub(super) fn is_relation_known(report: &Report) -> bool {
    report.patches.relation_known
}

fn number(report: &Report) -> u64 {
    size(report.patches.exposures.len())
}

fn of_deadline(report: &Report, deadline: Deadline) -> u64 {
    let of = report.patches.classes.iter().filter_map(|class| class.deadlines.get(&deadline));
    of.fold(0, |sum, n| sum.saturating_add(*n))
}

fn ranked(class: CveClass) -> &'static str {
    match class {
        CveClass::Exploited => "known to be exploited",
        CveClass::Critical => "critical",
        CveClass::High => "high",
        CveClass::Medium => "medium",
        CveClass::Low => "low",
        CveClass::Unranked => "not ranked",
    }
}

pub(super) fn counted(n: u64, one: &str, many: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {many}") }
}
