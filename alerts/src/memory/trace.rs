//! From what the history keeps of a stick to what the engine sees.

use crate::found_by_scrubbing;
use scrubjay_model::{
    Cell, CounterChange, CountsFrom, ErrorClass, EventClass, EventRecord, EventWhat, Folded,
    FoldedReports, Hit, MemoryTraces, ModuleTrace, Observation, PATTERN_PAGE_BYTES, PageOutcome,
    Seconds, Watch,
};
use std::collections::BTreeSet;
use std::time::Duration;

/// A report and a counter tell of one uncorrected error if they are no further apart than this: a
/// pass follows a report within seconds, and reports of one error come within 30 s (Levy, SC'18).
const SAME_ERROR_SECONDS: Seconds = 30;

/// A stick's record, in the order of time, and where its numbers of errors come from.
pub fn observations(traces: &MemoryTraces, module: &ModuleTrace) -> (CountsFrom, Vec<Observation>) {
    observations_within(traces, &known_watches(traces), module)
}

/// The same. `watches` are the [`known_watches`] of the traces, which are the same for all sticks.
pub(super) fn observations_within(
    traces: &MemoryTraces,
    watches: &[Watch],
    module: &ModuleTrace,
) -> (CountsFrom, Vec<Observation>) {
    let from = counts_from(module);
    let mut seen: Vec<Observation> = traces
        .boots_wall_ms
        .iter()
        .map(|wall_ms| Observation::Booted { at: seconds(*wall_ms) })
        .collect();
    counted(traces, watches, module, &mut seen);
    // Of two witnesses of one error the first was counted; the second is left out where the first is
    // of this stick too. Where it is not, as a machine check knows no stick, the second is all there is.
    let own: BTreeSet<i64> = module.reports.iter().map(|report| report.id).collect();
    let is_told = |report: &&EventRecord| {
        report.counted > 0 || report.same_as.is_none_or(|first| !own.contains(&first))
    };
    seen.extend(module.reports.iter().filter(is_told).filter_map(reported));
    seen.extend(told_by_counters_alone(traces, watches, module));
    seen.extend(module.folded.iter().filter_map(|sum| folded(sum, module, from)));
    if module.cut
        && from == CountsFrom::Reports
        && let Some(first) = module.reports.iter().map(|report| seconds(report.first_wall_ms)).min()
    {
        // Where the reports are all there is, there were more than these.
        let (until, watched, errors) = (first.saturating_add(1), 0, 0);
        seen.push(Observation::Counted { from: first, until, watched, errors, at_least: true });
    }
    // Stable: a boot comes before what was counted in its first second.
    seen.sort_by_key(Observation::at);
    (from, seen)
}

/// Where the numbers of its errors come from.
pub(super) fn counts_from(module: &ModuleTrace) -> CountsFrom {
    let is_told = !(module.reports.is_empty() && module.folded.is_empty());
    if module.changes.is_empty() && is_told { CountsFrom::Reports } else { CountsFrom::Counters }
}

fn seconds(wall_ms: i64) -> Seconds {
    wall_ms.div_euclid(1_000)
}

/// Four kilobytes, which is what [`PATTERN_PAGE_BYTES`] has.
const PAGE_BITS: u8 = 12;

const DAY_MS: i64 = 86_400_000;

/// Stretches of passes as they were, within the time that is looked at. The wall clock may have been
/// set within a stretch, as of a host that starts in 1970: its end is as good as the clock is now, and
/// it was as long as the boot clock says.
pub(super) fn known_watches(traces: &MemoryTraces) -> Vec<Watch> {
    let as_it_was = |watch: &Watch| {
        let Watch { from_wall_ms, to_wall_ms, watched } = *watch;
        let length = i64::try_from(watched.as_millis()).unwrap_or(i64::MAX);
        let is_day = to_wall_ms.saturating_sub(from_wall_ms) == DAY_MS;
        let from = if is_day { from_wall_ms } else { to_wall_ms.saturating_sub(length) };
        let from_wall_ms = from.max(traces.from_wall_ms);
        // Of what is cut off the share is not known; a stretch is watched all along.
        let watched = if is_day { length } else { to_wall_ms.saturating_sub(from_wall_ms) };
        let watched = Duration::from_millis(u64::try_from(watched).unwrap_or(0));
        (from_wall_ms <= to_wall_ms).then_some(Watch { from_wall_ms, to_wall_ms, watched })
    };
    let mut watches: Vec<Watch> = traces.watches.iter().filter_map(as_it_was).collect();
    watches.sort_by_key(|watch| watch.from_wall_ms);
    watches
}

/// When the errors of a change happened, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    from: Seconds,
    until: Seconds,
    /// Whether it was watched; the stretches tell how much of a sum was.
    watched: bool,
}

/// A single change happened since the pass before, if there was one, else since the last stretch of
/// passes or the boot, whichever is later: counters begin at zero with it.
fn span(traces: &MemoryTraces, watches: &[Watch], change: &CounterChange) -> Span {
    let until = seconds(change.to_wall_ms);
    if change.to_wall_ms > change.from_wall_ms {
        return Span { from: seconds(change.from_wall_ms), until, watched: true };
    }
    let later = watches.partition_point(|watch| watch.from_wall_ms < change.to_wall_ms);
    let before = later.checked_sub(1).and_then(|index| watches.get(index));
    if let Some(watch) = before.filter(|watch| change.to_wall_ms <= watch.to_wall_ms) {
        let interval = i64::try_from(change.interval.as_secs()).unwrap_or(i64::MAX).max(1);
        let from = until.saturating_sub(interval).max(seconds(watch.from_wall_ms));
        return Span { from: from.min(until - 1), until, watched: !change.first };
    }
    let booted = traces.boots_wall_ms.iter().rev().find(|booted| **booted < change.to_wall_ms);
    let since = before.map(|watch| watch.to_wall_ms).into_iter().chain(booted.copied()).max();
    let from = since.map_or(until - 1, seconds).min(until - 1);
    Span { from, until, watched: false }
}

/// The corrected errors of a stick, and the time in which there were none. What is put out does not
/// overlap.
fn counted(
    traces: &MemoryTraces,
    watches: &[Watch],
    module: &ModuleTrace,
    seen: &mut Vec<Observation>,
) {
    let corrected = module.changes.iter().filter(|change| {
        change.class == ErrorClass::Correctable && (change.errors > 0 || change.restarted)
    });
    // Several places of one stick change in one pass; and a stretch that is known by its end alone
    // reaches back over what was told before.
    let mut spans: Vec<(Span, u64, bool)> = Vec::new();
    for change in corrected {
        let mut span = span(traces, watches, change);
        if let Some((last, errors, at_least)) = spans.last_mut() {
            span.from = span.from.max(last.until);
            if span.from >= span.until {
                *errors = errors.saturating_add(change.errors);
                *at_least |= change.restarted;
                continue;
            }
        }
        spans.push((span, change.errors, change.restarted));
    }
    let mut pieces = Pieces { watches, from: Seconds::MIN };
    for (span, errors, at_least) in spans {
        pieces.quiet_until(span.from, seen);
        let watched = if span.watched { pieces.watched(span.from, span.until) } else { 0 };
        let Span { from, until, watched: _ } = span;
        seen.push(Observation::Counted { from, until, watched, errors, at_least });
        pieces.from = until;
    }
    pieces.quiet_until(Seconds::MAX, seen);
}

/// Stretches of passes, cut where something was counted.
struct Pieces<'a> {
    /// Those that are not over before `from`.
    watches: &'a [Watch],
    /// What lies before has been told.
    from: Seconds,
}

impl Pieces<'_> {
    /// Tells of the watched time before a moment in which nothing was counted.
    fn quiet_until(&mut self, until: Seconds, seen: &mut Vec<Observation>) {
        while let Some((watch, rest)) = self.watches.split_first() {
            if seconds(watch.to_wall_ms) > self.from {
                break;
            }
            self.watches = rest;
        }
        for watch in self.watches.iter().take_while(|watch| seconds(watch.from_wall_ms) < until) {
            let from = seconds(watch.from_wall_ms).max(self.from);
            let to = seconds(watch.to_wall_ms).min(until);
            if from >= to {
                continue;
            }
            let watched = part(watch, from, to);
            seen.push(Observation::Counted {
                from,
                until: to,
                watched,
                errors: 0,
                at_least: false,
            });
            // Stretches overlap where a clock was set back; no second is told twice.
            self.from = to;
        }
        self.from = self.from.max(until);
    }

    fn watched(&self, from: Seconds, until: Seconds) -> u32 {
        let near = self.watches.iter().take_while(|watch| seconds(watch.from_wall_ms) < until);
        let parts = near.map(|watch| part(watch, from, until));
        parts.fold(0, u32::saturating_add)
    }
}

/// How much of a stretch of time a watch covers, in seconds; the sum of a day is taken to be spread
/// evenly over it.
fn part(watch: &Watch, from: Seconds, until: Seconds) -> u32 {
    let (begin, end) = (seconds(watch.from_wall_ms), seconds(watch.to_wall_ms));
    let common = end.min(until).saturating_sub(begin.max(from)).max(0);
    let length = end.saturating_sub(begin).max(1);
    let watched = i64::try_from(watch.watched.as_secs()).unwrap_or(i64::MAX).min(length);
    let share = i128::from(common) * i128::from(watched) / i128::from(length);
    u32::try_from(share).unwrap_or(u32::MAX)
}

/// What a report tells of, if it is of this stick's memory.
fn reported(record: &EventRecord) -> Option<Observation> {
    let at = seconds(record.first_wall_ms);
    let group = &record.group;
    // Where addresses were folded, that of the first report stands for several pages; and an address
    // that is known more coarsely than a page is no page.
    let is_page =
        group.folded != Folded::Pages && group.grain_bits.is_none_or(|bits| bits <= PAGE_BITS);
    let page = group.address.filter(|_| is_page);
    let page = page.map(|address| address / PATTERN_PAGE_BYTES);
    match &group.what {
        EventWhat::Memory => {}
        EventWhat::Page { outcome, .. } | EventWhat::SoftOffline { outcome, .. } => {
            let out = *outcome == PageOutcome::Recovered;
            return page.filter(|_| out).map(|page| Observation::Offlined { at, page });
        }
        EventWhat::Other { .. } | EventWhat::Overflow { .. } => return None,
    }
    let (cell, parity) = match group.folded {
        Folded::Nothing => Cell::of_words(&group.message, &group.detail),
        Folded::Syndromes => (Cell::of_words(&group.message, &group.detail).0, None),
        // Of several places the words of the first are no place of the others.
        Folded::Pages => (Cell::default(), None),
    };
    match group.class {
        EventClass::Corrected => Some(Observation::Reported(Hit {
            at,
            errors: u32::try_from(record.counted.max(1)).unwrap_or(u32::MAX),
            cell,
            page,
            parity,
            by_scrub: found_by_scrubbing(group).then_some(true),
        })),
        EventClass::Deferred | EventClass::Uncorrected | EventClass::Fatal => {
            Some(Observation::Uncorrected { at, cell, page })
        }
        EventClass::Info => None,
    }
}

/// What a sum of reports tells of. Where counters are read they have the corrected errors, and the time
/// of uncorrected ones.
fn folded(sum: &FoldedReports, module: &ModuleTrace, from: CountsFrom) -> Option<Observation> {
    let FoldedReports { class, from_wall_ms, to_wall_ms, counted } = *sum;
    // Of its hour or day it is known when it was over.
    let at = seconds(to_wall_ms).saturating_sub(1);
    match (class, from) {
        (EventClass::Corrected, CountsFrom::Reports) => {
            let errors = u32::try_from(counted).unwrap_or(u32::MAX);
            let cell = Cell::default();
            let hit = Hit { at, errors, cell, page: None, parity: None, by_scrub: None };
            (errors > 0).then_some(Observation::Reported(hit))
        }
        (EventClass::Deferred | EventClass::Uncorrected | EventClass::Fatal, _) => {
            let is_counted = module.changes.iter().any(|change| {
                change.class == ErrorClass::Uncorrectable
                    && change.errors > 0
                    && change.to_wall_ms >= from_wall_ms
                    && change.from_wall_ms <= to_wall_ms.saturating_add(SAME_ERROR_SECONDS * 1_000)
            });
            let failed = Observation::Uncorrected { at, cell: Cell::default(), page: None };
            (!is_counted).then_some(failed)
        }
        (EventClass::Corrected, CountsFrom::Counters) | (EventClass::Info, _) => None,
    }
}

/// Uncorrected errors that a counter tells of and no report does. Counters know two classes and
/// count what is for information here too: the report, where there is one, says which it was.
fn told_by_counters_alone(
    traces: &MemoryTraces,
    watches: &[Watch],
    module: &ModuleTrace,
) -> impl Iterator<Item = Observation> {
    let uncorrected = module
        .changes
        .iter()
        .filter(|change| change.class == ErrorClass::Uncorrectable && change.errors > 0);
    uncorrected.filter_map(|change| {
        let Span { from, until, watched: _ } = span(traces, watches, change);
        let told = module.reports.iter().any(|report| {
            let at = seconds(report.first_wall_ms);
            report.group.class != EventClass::Corrected
                && at >= from.saturating_sub(SAME_ERROR_SECONDS)
                && at <= until.saturating_add(SAME_ERROR_SECONDS)
        });
        // What was counted before anybody watched may be as old as the counter: that it is news is
        // not known, and a host is not woken for an error of three years ago.
        let at = if change.first { from } else { until };
        (!told).then_some(Observation::Uncorrected { at, cell: Cell::default(), page: None })
    })
}

#[cfg(test)]
mod tests;
