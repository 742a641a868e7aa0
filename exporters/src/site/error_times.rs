//! When the errors of a stick were counted: bars of a day, a week or thirty days, by how long it has
//! been watched.

use super::parts::{day, number};
use super::svg::{Bar, Told, bars, small_bars};
use crate::text::words::count;
use maud::{Markup, html};
use scrubjay_model::{CounterChange, ErrorClass, Watch};
use serde::Serialize;

const DAY_MS: i64 = 86_400_000;

/// Bars of a chart, at most and at least.
const MOST: i64 = 120;
const FEWEST: i64 = 30;

/// Errors by time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct ErrorTimes {
    /// How many days a bucket has.
    pub(super) days: i64,
    pub(super) buckets: Vec<Bucket>,
    /// Errors that the first reading showed: counted before anybody watched, and in no bucket.
    pub(super) counted_before: u64,
}

/// One bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Bucket {
    pub(super) from_wall_ms: i64,
    pub(super) to_wall_ms: i64,
    /// `None` where nobody looked.
    pub(super) correctable: Option<u64>,
    pub(super) uncorrectable: Option<u64>,
}

impl ErrorTimes {
    /// From when on a stick was watched until now.
    pub(super) fn of(
        changes: &[CounterChange],
        watches: &[Watch],
        since_wall_ms: i64,
        now_ms: i64,
    ) -> Self {
        let until = now_ms.div_euclid(DAY_MS).saturating_add(1).saturating_mul(DAY_MS);
        let days = until.saturating_sub(since_wall_ms).div_euclid(DAY_MS).saturating_add(1);
        let width = match days {
            ..=MOST => 1,
            121..=840 => 7,
            _ => 30,
        };
        let bars = (days.saturating_add(width - 1) / width).clamp(FEWEST, MOST + 4);
        let width_ms = width * DAY_MS;
        let begin = until.saturating_sub(bars.saturating_mul(width_ms));
        let mut buckets: Vec<Bucket> = (0..bars)
            .map(|at| {
                let from_wall_ms = begin.saturating_add(at.saturating_mul(width_ms));
                let to_wall_ms = from_wall_ms.saturating_add(width_ms);
                Bucket { from_wall_ms, to_wall_ms, correctable: None, uncorrectable: None }
            })
            .collect();
        let place = |wall_ms: i64| wall_ms.saturating_sub(begin).div_euclid(width_ms);
        for watch in watches.iter().filter(|watch| watch.to_wall_ms >= begin) {
            let last = place(watch.to_wall_ms).clamp(0, bars - 1);
            let first = place(watch.from_wall_ms).max(0);
            let (Ok(first), Ok(last)) = (usize::try_from(first), usize::try_from(last)) else {
                continue;
            };
            for bucket in buckets.get_mut(first..=last).into_iter().flatten() {
                (bucket.correctable, bucket.uncorrectable) = (Some(0), Some(0));
            }
        }
        let mut counted_before = 0_u64;
        for change in changes {
            if change.first {
                counted_before = counted_before.saturating_add(change.errors);
                continue;
            }
            let bucket =
                usize::try_from(place(change.from_wall_ms)).ok().and_then(|at| buckets.get_mut(at));
            let Some(bucket) = bucket else { continue };
            // Whoever counted looked.
            let sums = [&mut bucket.correctable, &mut bucket.uncorrectable];
            let [correctable, uncorrectable] = sums.map(|sum| sum.get_or_insert(0));
            let sum = match change.class {
                ErrorClass::Correctable => correctable,
                ErrorClass::Uncorrectable => uncorrectable,
            };
            *sum = sum.saturating_add(change.errors);
        }
        Self { days: width, buckets, counted_before }
    }

    fn sum(&self, of: fn(&Bucket) -> Option<u64>) -> u64 {
        self.buckets.iter().filter_map(of).fold(0, u64::saturating_add)
    }

    fn bars(&self) -> Vec<Bar> {
        let bar = |bucket: &Bucket| {
            let grave = bucket.uncorrectable.unwrap_or(0);
            let n = bucket.correctable.map(|n| n.saturating_add(grave));
            Bar { name: self.name(bucket), n, grave }
        };
        self.buckets.iter().map(bar).collect()
    }

    fn name(&self, bucket: &Bucket) -> String {
        match self.days {
            1 => day(bucket.from_wall_ms),
            _ => format!("{} to {}", day(bucket.from_wall_ms), day(bucket.to_wall_ms - DAY_MS)),
        }
    }

    /// What the bars show, as a sentence without its full stop.
    pub(super) fn told(&self) -> String {
        let unit = match self.days {
            1 => "day",
            7 => "week",
            _ => "30 days",
        };
        let corrected = self.sum(|bucket| bucket.correctable);
        let others = self.sum(|bucket| bucket.uncorrectable);
        let mut told = match (corrected, others) {
            (0, 0) => "no error where anybody looked".to_owned(),
            (n, 0) => format!("{} corrected", errors(n)),
            (n, others) => format!("{} corrected, {} not", errors(n), number(others)),
        };
        let most = self.bars().into_iter().filter(|bar| bar.n > Some(0)).max_by_key(|bar| bar.n);
        if let Some(Bar { name, n: Some(n), .. }) = most {
            told.push_str(&format!("; the most in one {unit}: {}, {name}", number(n)));
        }
        let unseen = self.buckets.iter().filter(|bucket| bucket.correctable.is_none()).count();
        if unseen > 0 {
            let of = count(unseen, "bar is", "bars are");
            told.push_str(&format!("; {of} of time in which nobody looked"));
        }
        told
    }

    /// The chart with its axis.
    pub(super) fn chart(&self, id: &str) -> Markup {
        let told = self.told();
        let bars_of = self.bars();
        let most = bars_of.iter().filter_map(|bar| bar.n).max().unwrap_or(0);
        let [first, .., last] = self.buckets.as_slice() else { return html! {} };
        html! {
            div.chart {
                @if most > 0 { p.peak aria-hidden="true" { "0 to " (number(most)) } }
                (bars("bars", Told { id, title: "Errors over time", told: &told }, &bars_of))
                p.axis aria-hidden="true" {
                    span { (day(first.from_wall_ms)) } span { (day(last.to_wall_ms - 1)) }
                }
            }
        }
    }

    /// The same without axes, for a cell of a table.
    pub(super) fn sparkline(&self, id: &str) -> Markup {
        let told = self.told();
        small_bars("spark", Told { id, title: "Errors over time", told: &told }, &self.bars())
    }
}

fn errors(n: u64) -> String {
    format!("{} {}", number(n), if n == 1 { "error" } else { "errors" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    fn change(from_wall_ms: i64, errors: u64) -> CounterChange {
        CounterChange {
            class: ErrorClass::Correctable,
            from_wall_ms,
            to_wall_ms: from_wall_ms,
            errors,
            interval: Duration::ZERO,
            restarted: false,
            first: false,
        }
    }

    fn watch(from_day: i64, to_day: i64) -> Watch {
        Watch {
            from_wall_ms: from_day * DAY_MS,
            to_wall_ms: to_day * DAY_MS,
            watched: Duration::from_secs(1),
        }
    }

    #[test]
    fn a_day_without_anybody_is_no_day_without_errors() {
        let changes = [change(98 * DAY_MS, 7), change(99 * DAY_MS + 5, 2)];
        let first = CounterChange { first: true, ..change(97 * DAY_MS, 40) };
        let all: Vec<CounterChange> = changes.into_iter().chain([first]).collect();
        let times = ErrorTimes::of(&all, &[watch(97, 98)], 97 * DAY_MS, 99 * DAY_MS + 10);
        let last: Vec<Option<u64>> =
            times.buckets.iter().rev().take(4).map(|bucket| bucket.correctable).collect();
        assert_eq!(last, [Some(2), Some(7), Some(0), None]);
        assert_eq!((times.buckets.len(), times.counted_before, times.days), (30, 40, 1));
        assert_eq!(
            times.told(),
            "9 errors corrected; the most in one day: 7, 1970-04-09; 27 bars are of time in which nobody looked"
        );
    }

    #[test]
    fn a_long_life_is_told_in_longer_bars() {
        for (days, width) in [(100, 1), (400, 7), (3_650, 30)] {
            let times = ErrorTimes::of(&[], &[], 0, days * DAY_MS);
            assert_eq!(times.days, width, "{days}");
            assert!(times.buckets.len() <= 124, "{days}: {}", times.buckets.len());
            assert!(times.buckets.first().unwrap().from_wall_ms <= 0, "{days}");
        }
    }

    proptest! {
        #[test]
        fn no_clock_is_too_odd(since: i64, now: i64, at: i64, errors: u64) {
            let times = ErrorTimes::of(&[change(at, errors)], &[watch(0, 1)], since, now);
            prop_assert!((30..=124).contains(&times.buckets.len()));
            prop_assert!(!times.chart("x").into_string().is_empty());
        }
    }
}
