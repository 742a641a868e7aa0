//! The figures of a report, reckoned again from its own rows: whoever altered one without the other is
//! found out. It is for reports that come from elsewhere, so that any value may be any.

use super::exposures::classes_of_exposures;
use super::parts::{Report, ReportedStick};
use super::summary::summary;
use crate::availability::{EARLIEST_WALL_MS, bounds_ppm};
use crate::{BootEnd, BootLine, BootSource, CveId, KERNEL_RELATION};
use std::fmt::Debug;

/// A figure that does not follow from the rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disagreement {
    /// Which, by its path in the JSON.
    pub figure: String,
    /// What is told, and what follows from the rows.
    pub detail: String,
}

/// Disagreements that are listed.
const MOST: usize = 20;

/// Milliseconds by which three lengths of time may miss the whole, as each is rounded.
const ROUNDED_MS: u64 = 3;

/// All figures that can be reckoned again and come out differently.
pub fn disagreements(report: &Report) -> Vec<Disagreement> {
    let mut found = Found(Vec::new());
    exposures(report, &mut found);
    times(report, &mut found);
    boots(report, &mut found);
    errors(report, &mut found);
    if !found.0.is_empty() {
        return found.0;
    }
    // It is made of the others, and is what most read and no more.
    let again = summary(report);
    let told = &report.summary;
    found.compare("summary.sentence", &told.sentence, &again.sentence);
    found.compare("summary.figures", &told.figures, &again.figures);
    found.compare("summary.unknown", &told.unknown, &again.unknown);
    found.compare("summary.to_do", &told.to_do, &again.to_do);
    found.0
}

struct Found(Vec<Disagreement>);

impl Found {
    fn compare<T: PartialEq + Debug>(&mut self, figure: &str, told: &T, again: &T) {
        if told != again {
            self.add(figure, format!("it says {told:?}, and its rows say {again:?}"));
        }
    }

    fn add(&mut self, figure: &str, detail: String) {
        if self.0.len() < MOST {
            self.0.push(Disagreement { figure: figure.to_owned(), detail });
        }
    }
}

fn exposures(report: &Report, found: &mut Found) {
    let patches = &report.patches;
    for (n, told) in patches.exposures.iter().enumerate() {
        let figure = format!("patches.exposures[{n}]");
        let Some(cve) = CveId::parse(&told.cve) else {
            found.add(&figure, format!("{:?} is no vulnerability", told.cve));
            continue;
        };
        let mut again = told.clone();
        again.judge(&cve, &report.policy, report.period.at_wall_ms);
        if again != *told {
            let what = |of: &super::exposures::ReportedExposure| {
                format!(
                    "{} (due {:?}, in force {:?}, released for {:?} ms, installed for {:?} ms)",
                    of.deadline.as_str(),
                    of.due_wall_ms,
                    of.in_force_wall_ms,
                    of.released_for_ms,
                    of.installed_for_ms
                )
            };
            let detail = format!("{}: it says {}, and its times", told.cve, what(told));
            found.add(&figure, format!("{detail} and the policy say {}", what(&again)));
        }
    }
    let mut relation = patches.facts.iter().filter(|fact| fact.name == KERNEL_RELATION);
    let is_known = relation.any(|fact| fact.value.as_deref().is_some_and(|is| is != "unknown"));
    found.compare("patches.relation_known", &patches.relation_known, &is_known);
    let classes = classes_of_exposures(&patches.exposures, &report.policy);
    found.compare("patches.classes", &patches.classes, &classes);
    let alone = patches.exposures.iter().filter(|exposure| exposure.live_patch_only).count();
    let alone = u64::try_from(alone).unwrap_or(u64::MAX);
    found.compare("patches.live_patch_only", &patches.live_patch_only, &alone);
}

fn times(report: &Report, found: &mut Found) {
    let period = report.period;
    if period.from_wall_ms >= period.to_wall_ms || period.to_wall_ms > period.at_wall_ms {
        found.add("period", "its ends are not in order".to_owned());
    }
    let whole = period.to_wall_ms.abs_diff(period.from_wall_ms);
    let up = &report.availability;
    // Lengths are by the clock of each boot, which may have run longer than the wall's.
    let unknown = whole.saturating_sub(up.up_ms).saturating_sub(up.down_ms);
    if up.unknown_ms.abs_diff(unknown) > ROUNDED_MS {
        found.add(
            "availability",
            format!(
                "of {} ms it says not to know, and its other times leave {unknown} of {whole}",
                up.unknown_ms
            ),
        );
    }
    if let Some(told) = up.bounds_ppm {
        let [up, down, unknown] =
            [up.up_ms, up.down_ms, up.unknown_ms].map(std::time::Duration::from_millis);
        let again = bounds_ppm(up, down, unknown);
        // Lengths are rounded to the millisecond before they are told.
        let near =
            |(low, high): (u64, u64)| told.0.abs_diff(low) <= 1 && told.1.abs_diff(high) <= 1;
        if !again.is_some_and(near) {
            found.compare("availability.bounds_ppm", &Some(told), &again);
        }
    }
    let coverage = &report.coverage;
    let told = coverage.watched_ms.saturating_add(coverage.not_watched_ms);
    if told.abs_diff(whole) > ROUNDED_MS {
        found.add("coverage", format!("its two times make {told} ms, and the period has {whole}"));
    }
    for (n, gap) in coverage.gaps.iter().enumerate() {
        let is_within = period.from_wall_ms <= gap.from_wall_ms
            && gap.from_wall_ms < gap.to_wall_ms
            && gap.to_wall_ms <= period.to_wall_ms;
        if !is_within {
            found.add(&format!("coverage.gaps[{n}]"), "it is not in the period".to_owned());
        }
    }
    for (n, month) in report.months.iter().enumerate() {
        // The first and the last one may reach over an end of it.
        if month.to_wall_ms <= period.from_wall_ms || month.from_wall_ms >= period.to_wall_ms {
            found.add(&format!("months[{n}]"), "it is not in the period".to_owned());
        }
    }
    for (n, turn) in report.stick_turns.iter().enumerate() {
        if !period.has(turn.at_wall_ms) {
            found.add(&format!("stick_turns[{n}]"), "it is not in the period".to_owned());
        }
    }
    for (n, turn) in report.alerts.iter().enumerate() {
        if turn.at_wall_ms > period.at_wall_ms {
            found.add(&format!("alerts[{n}]"), "it is later than the report".to_owned());
        }
    }
    if let (Some(first), Some(last)) = (report.ledger.first, report.ledger.last)
        && first.seq > last.seq
    {
        found.add("ledger", "its first row comes after its last".to_owned());
    }
}

/// Of two boots that overlap one counts, and of those the agent saw none is left out: that bounds the counts
/// by the rows without knowing the boots around the period.
fn boots(report: &Report, found: &mut Found) {
    let (period, up) = (report.period, &report.availability);
    let number = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let is_in = |at: Option<i64>| at.is_some_and(|at| period.has(at));
    let seen = |line: &&BootLine| {
        line.sources.contains(&BootSource::Agent) && line.booted_wall_ms >= Some(EARLIEST_WALL_MS)
    };
    let mut bound = |figure: &str, told: u64, rows: Vec<&BootLine>, most: usize| {
        let least = number(rows.into_iter().filter(seen).count());
        if told < least || told > number(most) {
            found.add(
                figure,
                format!("it says {told}, and of its rows there are {least} to {most}"),
            );
        }
    };
    let begun: Vec<&BootLine> =
        report.boots.iter().filter(|line| is_in(line.booted_wall_ms)).collect();
    let most = begun.len();
    bound("availability.boots", up.boots, begun, most);
    for (figure, told, end) in [
        ("availability.clean", up.clean, BootEnd::Clean),
        ("availability.unclean", up.unclean, BootEnd::Unclean),
    ] {
        let of = report.boots.iter().filter(|line| line.end == end);
        let most = of.clone().count();
        let ended = of.filter(|line| is_in(line.ended_wall_ms) && is_in(line.booted_wall_ms));
        bound(figure, told, ended.collect(), most);
    }
}

fn errors(report: &Report, found: &mut Found) {
    let on_sticks = |of: fn(&ReportedStick) -> Option<u64>| {
        report.sticks.iter().filter_map(of).fold(0, u64::saturating_add)
    };
    let rest = |all: Option<u64>, on: u64| all.map(|all| all.saturating_sub(on));
    let errors = &report.errors;
    let corrected = rest(errors.corrected, on_sticks(|stick| stick.corrected));
    found.compare("errors.corrected_on_none", &errors.corrected_on_none, &corrected);
    let uncorrected = rest(errors.uncorrected, on_sticks(|stick| stick.uncorrected));
    found.compare("errors.uncorrected_on_none", &errors.uncorrected_on_none, &uncorrected);
    let at_least = errors.at_least || report.sticks.iter().any(|stick| stick.at_least);
    found.compare("errors.at_least", &errors.at_least, &at_least);
}
