//! The first page of a report: for somebody who has a minute, and does not know what EDAC is.

use super::exposures::{Deadline, ReportedExposure};
use super::parts::{Report, ReportSummary, ReportedFigure};
use super::policy::CveClass;
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
    let (kept, excepted, broken) = decided(report);
    let of_policy = if broken > 0 {
        let overdue = of_deadline(report, Deadline::Overdue);
        let rest = match overdue {
            0 => "all of them are in force now".to_owned(),
            1 => "1 of them is still not in force".to_owned(),
            n => format!("{n} of them are still not in force"),
        };
        format!(
            "This host missed the policy \"{}\": {} not in force in time, and {rest}.",
            report.policy.name,
            counted(broken, "fix was", "fixes were"),
        )
    } else if report.coverage.watched_ms == 0 {
        "Nobody watched this host in the period, so that nothing is known of its patches."
            .to_owned()
    } else if kept + excepted > 0 {
        let allowed = match excepted {
            0 => String::new(),
            n => format!(", {} allowed to wait by an exception", counted(n, "of them", "of them")),
        };
        format!(
            "This host kept the policy \"{}\": {} came due, and all were in force in time{allowed}.",
            report.policy.name,
            counted(kept + excepted, "fix", "fixes"),
        )
    } else if report.patches.exposures.is_empty() && !is_relation_known(report) {
        "Whether fixes that are installed on this host wait for a boot or a live patch is not known."
            .to_owned()
    } else if report.patches.exposures.is_empty() {
        "No fix that was installed on this host was seen to wait for a boot or a live patch in the \
         period."
            .to_owned()
    } else {
        format!(
            "By the policy \"{}\" none of the {} that waited on this host came due in the period.",
            report.policy.name,
            counted(number(report), "fix", "fixes"),
        )
    };
    let unclean = report.availability.unclean;
    let of_memory = match report.errors.uncorrected {
        None => {
            " Whether its memory had errors that could not be corrected is not known.".to_owned()
        }
        Some(0) => " No memory error that could not be corrected was seen.".to_owned(),
        Some(1) => " 1 memory error was seen that could not be corrected.".to_owned(),
        Some(n) => format!(" {n} memory errors were seen that could not be corrected."),
    };
    let of_ends = match unclean {
        0 => String::new(),
        1 => " The host went down once without being shut down.".to_owned(),
        n => format!(" The host went down {n} times without being shut down."),
    };
    format!("{of_policy}{of_memory}{of_ends}")
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
            note: "how the running kernel stands to what is installed is not known".to_owned(),
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
        Some((least, most)) if least == most => percent(least),
        Some((least, most)) => format!("{} to {}", percent(least), percent(most)),
    };
    let mut ends = vec![counted(up.boots, "boot", "boots")];
    for (n, how) in [
        (up.clean, "ended in order"),
        (up.unclean, "cut off"),
        (up.unknown_ends, "ended nobody knows how"),
    ] {
        if n > 0 {
            ends.push(format!("{n} {how}"));
        }
    }
    ReportedFigure { label: "Time the host was up".to_owned(), value, note: ends.join(", ") }
}

fn memory(report: &Report) -> ReportedFigure {
    let errors = &report.errors;
    let erring = report
        .sticks
        .iter()
        .filter(|stick| stick.corrected > Some(0) || stick.uncorrected > Some(0));
    let at_least = if errors.at_least { "at least " } else { "" };
    let value = match errors.uncorrected {
        Some(n) => format!("{n} lost data"),
        None => "not known".to_owned(),
    };
    let mut note = match errors.corrected {
        Some(n) => format!(
            "{at_least}{n} corrected, which cost nothing, on {} of {}",
            erring.count(),
            counted(size(&report.sticks), "module", "modules")
        ),
        None => "no counter of corrected errors was read".to_owned(),
    };
    let on_none = [errors.uncorrected_on_none, errors.corrected_on_none];
    match on_none.into_iter().flatten().fold(0, u64::saturating_add) {
        0 => {}
        n => note.push_str(&format!(", {n} on none that is known")),
    }
    ReportedFigure { label: "Memory errors".to_owned(), value, note }
}

fn size<T>(all: &[T]) -> u64 {
    u64::try_from(all.len()).unwrap_or(u64::MAX)
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
            "For {} of the period ({}.{} %) nobody was looking. Errors that happened then may have been seen \
             afterwards, or not at all.",
            span(Duration::from_millis(not_watched)),
            permille / 10,
            permille % 10
        ));
    }
    if coverage.history_began_wall_ms.is_none_or(|began| began > report.period.from_wall_ms) {
        unknown.push(
            "The history begins later than the period: of the time before, only what other tools \
                      remember of boots is known."
                .to_owned(),
        );
    }
    if !is_relation_known(report) {
        unknown.push(
            "How the running kernel stands to what is installed is not known at the moment of the report: \
             fixes may be waiting that nobody saw."
                .to_owned(),
        );
    }
    let unranked = report.patches.classes.iter().find(|class| class.class == CveClass::Unranked);
    if let Some(class) = unranked {
        unknown.push(format!(
            "No list says how severe {} of the {} are: {}.",
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
        "Fixes that were released and never installed are not counted: this host's own files do not tell of them."
            .to_owned(),
    );
    let uncounted = report.sticks.iter().filter(|stick| stick.corrected.is_none()).count();
    if uncounted > 0 {
        unknown.push(format!("Of {uncounted} memory modules no errors are counted, which is not to say that there were none."));
    }
    for (class, errors) in
        [("corrected", report.errors.corrected), ("uncorrected", report.errors.uncorrected)]
    {
        if errors.is_none() {
            unknown
                .push(format!("No counter of {class} memory errors was ever read on this host."));
        }
    }
    if report.errors.counted_before != (0, 0) {
        let (corrected, uncorrected) = report.errors.counted_before;
        unknown.push(format!(
            "{corrected} corrected and {uncorrected} uncorrected memory errors had been counted before \
             anybody watched; when is not known, and they are not among those of the period."
        ));
    }
    let unseen = report.alerts.iter().filter(|turn| turn.verdict == Verdict::Unknown);
    let unseen: BTreeSet<&str> = unseen.map(|turn| turn.key.code.as_str()).collect();
    if !unseen.is_empty() {
        let codes: Vec<&str> = unseen.into_iter().collect();
        unknown.push(format!(
            "Alerts of the period say that something could not be seen: {}.",
            codes.join(", ")
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
        unknown.push(format!("The ledger of this host is not what was written: {fault}."));
    }
    unknown
}

/// Whether it was known how the running kernel stands to what is installed: without that, no fix is
/// seen to wait, however many do.
fn is_relation_known(report: &Report) -> bool {
    report.patches.relation_known
}

fn number(report: &Report) -> u64 {
    size(&report.patches.exposures)
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

fn counted(n: u64, one: &str, many: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {many}") }
}
