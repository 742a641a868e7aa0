//! `history memory`: what was recorded, and for how much of the time anybody was looking.
//!
//! It states its exposure. Between two stretches of coverage there is no data, which is not the
//! same as no errors.

use super::Style;
use super::page::{Cell, FAINT, Page, WARN};
use super::words::{count, moment, span};
use scrubjay_model::{
    Accumulated, ControllerKey, CoverageDay, CoverageRecord, ErrorClass, FoldedRows, MemoryRecord,
    SeriesPlace, SeriesTotal,
};
use std::collections::BTreeMap;
use std::time::Duration;

/// Gaps listed before they are only summed up.
const GAPS: usize = 10;

/// Time from one moment to a later one, or that the wall clock says it ran backwards.
fn distance(from_ms: i64, to_ms: i64) -> String {
    match u64::try_from(to_ms.saturating_sub(from_ms)) {
        Ok(ms) => span(Duration::from_millis(ms)),
        Err(_) => "clock set back".to_owned(),
    }
}

fn sum(durations: impl Iterator<Item = Duration>) -> Duration {
    durations.fold(Duration::ZERO, Duration::saturating_add)
}

/// The error counters of the history: their sums, then their changes in the order given.
pub fn memory(
    changes: &[MemoryRecord],
    accumulated: &Accumulated,
    coverage: &[CoverageRecord],
    kept: Kept<'_>,
    style: &Style,
) -> String {
    let mut page = Page::new(*style);
    exposure(&mut page, coverage, kept.days);
    page.blank();
    page.heading("sums:");
    sums(&mut page, accumulated);
    page.blank();
    page.heading("changes:");
    match (changes.is_empty(), coverage.is_empty()) {
        (true, true) => page.sentence(2, "no data"),
        (true, false) => page.sentence(2, "none in the time watched"),
        (false, _) => write_changes(&mut page, changes),
    }
    if kept.is_cut {
        page.sentence(2, "there are earlier ones (--last shows more, --by sums)");
    }
    if let Some(from) = kept.folded.single_changes_from_wall_ms {
        let from = moment(from);
        page.sentence(2, &format!("before {from} changes are kept as sums: --by day shows them"));
    }
    page.into_text()
}

/// What of the past is there, and how.
#[derive(Debug, Clone, Copy)]
pub struct Kept<'a> {
    /// Whether there are earlier changes than those given.
    pub is_cut: bool,
    /// What became sums.
    pub folded: &'a FoldedRows,
    /// Coverage that is kept by the day.
    pub days: &'a [CoverageDay],
}

fn exposure(page: &mut Page, coverage: &[CoverageRecord], days: &[CoverageDay]) {
    page.heading("exposure:");
    let mut stretches: Vec<&CoverageRecord> = coverage.iter().collect();
    stretches.sort_by_key(|stretch| stretch.from_wall_ms);
    let (Some(first), Some(last)) =
        (stretches.first(), stretches.iter().max_by_key(|stretch| stretch.to_wall_ms))
    else {
        page.field(2, "watched", "never: there is no data, which is not the same as no errors");
        return;
    };
    if !days.is_empty() {
        let (covered, told) = (span(sum(days.iter().map(|day| day.covered))), days.len());
        let told = count(told, "day", "days");
        page.field(2, "before", &format!("{covered} on {told} that are kept as sums"));
    }
    let watched = span(sum(stretches.iter().map(|stretch| stretch.length)));
    let stretches_told = count(stretches.len(), "stretch", "stretches");
    page.field(2, "watched", &format!("{watched} in {stretches_told}"));
    page.field(
        2,
        "between",
        &format!("{} and {}", moment(first.from_wall_ms), moment(last.to_wall_ms)),
    );

    let gaps = gaps(&stretches);
    if gaps.is_empty() {
        page.field(2, "no data", "no gap between those");
        return;
    }
    let total = gaps.iter().fold(0_u64, |sum, (from, to)| sum.saturating_add(to.abs_diff(*from)));
    let total = span(Duration::from_millis(total));
    let told = format!(
        "{total} in {}; what was counted in them shows at the next reading, unless the counter \
         began anew",
        count(gaps.len(), "gap", "gaps")
    );
    page.field(2, "no data", &told);
    let shown = if page.style.all { gaps.len() } else { GAPS };
    // The latest matter most.
    let skipped = gaps.len().saturating_sub(shown);
    if skipped > 0 {
        page.more(2, &format!("- {skipped} earlier ones (--all lists them)"));
    }
    for (from, to) in gaps.iter().skip(skipped) {
        page.more(2, &format!("- {} to {} ({})", moment(*from), moment(*to), distance(*from, *to)));
    }
}

/// The times between stretches, by the wall clock. Where that was set back, stretches overlap and
/// there is no telling.
fn gaps(stretches: &[&CoverageRecord]) -> Vec<(i64, i64)> {
    let mut found = Vec::new();
    let mut end: Option<i64> = None;
    for stretch in stretches {
        if let Some(end) = end.filter(|end| *end < stretch.from_wall_ms) {
            found.push((end, stretch.from_wall_ms));
        }
        end = Some(end.map_or(stretch.to_wall_ms, |end| end.max(stretch.to_wall_ms)));
    }
    found
}

/// Both classes of one place.
#[derive(Debug, Default)]
struct Pair<'a> {
    correctable: Option<&'a SeriesTotal>,
    uncorrectable: Option<&'a SeriesTotal>,
}

impl<'a> Pair<'a> {
    fn each(&self) -> impl Iterator<Item = &'a SeriesTotal> + use<'a> {
        [self.correctable, self.uncorrectable].into_iter().flatten()
    }
}

fn sums(page: &mut Page, accumulated: &Accumulated) {
    let mut pairs: BTreeMap<(&ControllerKey, SeriesPlace), Pair<'_>> = BTreeMap::new();
    for (key, total) in &accumulated.totals {
        let pair = pairs.entry((&key.controller, key.place)).or_default();
        match key.class {
            ErrorClass::Correctable => pair.correctable = Some(total),
            ErrorClass::Uncorrectable => pair.uncorrectable = Some(total),
        }
    }
    if pairs.is_empty() {
        page.sentence(2, "no error counter was ever seen: no data");
        return;
    }
    let mut rows = vec![
        [
            Cell::left("id"),
            Cell::right("CE"),
            Cell::right("UE"),
            Cell::left("first read"),
            Cell::left(""),
        ]
        .map(|cell| cell.painted(FAINT))
        .to_vec(),
    ];
    let mut quiet = 0_usize;
    for ((controller, place), pair) in &pairs {
        if !page.style.all && pair.each().all(|total| total.total == 0) {
            quiet += 1;
            continue;
        }
        let since = pair.each().map(|total| total.since_wall_ms).min().map(moment);
        let restarts = pair.each().map(|total| total.restarts).max().filter(|n| *n > 0);
        let restarts = restarts
            .map(|n| format!("began anew {}", count(n, "time", "times")))
            .unwrap_or_default();
        rows.push(vec![
            Cell::left(format!("{controller}/{place}")),
            figure(pair.correctable),
            figure(pair.uncorrectable),
            Cell::left(since.unwrap_or_default()),
            Cell::left(restarts),
        ]);
    }
    if rows.len() > 1 {
        page.table(2, &rows);
    }
    if quiet > 0 {
        let places = count(quiet, "place", "places");
        page.sentence(2, &format!("{places} without a recorded error (--all lists them)"));
    }
    if pairs.values().flat_map(Pair::each).any(SeriesTotal::is_lower_bound) {
        page.sentence(
            2,
            "≥: errors between our last reading and a restart of the counter are lost",
        );
    }
}

fn figure(total: Option<&SeriesTotal>) -> Cell {
    match total {
        None => Cell::right("not counted"),
        Some(sum) => {
            let cell = Cell::right(if sum.is_lower_bound() {
                format!("≥ {}", sum.total)
            } else {
                sum.total.to_string()
            });
            if sum.total > 0 { cell.painted(WARN) } else { cell }
        }
    }
}

fn write_changes(page: &mut Page, changes: &[MemoryRecord]) {
    let mut rows = vec![
        [
            Cell::left("seen"),
            Cell::left("id"),
            Cell::left(""),
            Cell::right("by"),
            Cell::right("sum"),
            Cell::left("how"),
        ]
        .map(|cell| cell.painted(FAINT))
        .to_vec(),
    ];
    for MemoryRecord { at_wall_ms, series, by, total, step } in changes {
        rows.push(vec![
            Cell::left(moment(*at_wall_ms)),
            Cell::left(format!("{}/{}", series.controller, series.place)),
            Cell::left(series.class.kernel_word().to_uppercase()),
            Cell::right(format!("+{by}")),
            Cell::right(total.to_string()),
            Cell::left(how(step)),
        ]);
    }
    page.table(2, &rows);
}

/// The kinds of change in words; a word this version does not know stands for itself.
fn how(step: &str) -> &str {
    match step {
        "first" => "first reading: counted before",
        "advanced" => "",
        "reboot" => "at least; since a reboot",
        "zeroed" => "at least; since a reset",
        "assumed" => "at least; the counter fell, so it was reset",
        "fell" => "not counted: fell without a reset",
        other => other,
    }
}

#[cfg(test)]
mod tests;
