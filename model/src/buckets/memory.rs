//! Errors by hour, day, month or boot.

use super::{BucketTime, BucketWindow, Grid, Watched, Whole};
use crate::{BootId, ControllerKey, ErrorClass, SeriesKey, SeriesPlace};
use serde::Serialize;
use std::collections::BTreeMap;

/// Changes of a counter that the history holds: one, or the sum of an hour or a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CounterSum {
    /// When it was seen, or where the sum begins.
    pub from_wall_ms: i64,
    /// Where the sum ends; the same as `from_wall_ms` for a single change.
    pub to_wall_ms: i64,
    /// The boot it was seen in.
    pub boot: BootId,
    /// Which counter.
    pub series: SeriesKey,
    /// Errors added.
    pub by: u64,
    /// Changes in it.
    pub points: u64,
    /// Of these, new lives of the counter, each of which may have lost some.
    pub restarts: u64,
    /// The largest change.
    pub max_by: u64,
    /// Whether it is the first reading, of errors counted before anybody watched.
    pub is_first: bool,
}

/// Errors of a counter in a bucket.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct BucketSum {
    /// Errors seen, those found at the end of a gap included.
    pub errors: u64,
    /// Errors that the first reading showed, counted before anybody watched; not among `errors`.
    pub counted_before: u64,
    /// Changes of the counter.
    pub changes: u64,
    /// Of these, new lives: if there is one, some errors may be missing.
    pub restarts: u64,
    /// The largest change.
    pub most_at_once: u64,
}

/// Errors of a time, or of a boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MemoryBucket {
    /// Which time, and how much of it was watched.
    #[serde(flatten)]
    pub time: BucketTime,
    /// Errors by counter; one that is not listed had none in the time watched.
    #[serde(skip)]
    pub series: BTreeMap<SeriesKey, BucketSum>,
}

impl MemoryBucket {
    /// Whether anybody looked at all: without that, no error is no statement.
    pub fn is_watched(&self) -> bool {
        !self.time.watched.is_zero() || !self.series.is_empty()
    }

    /// Errors of a counter, `None` where nobody looked.
    pub fn errors(&self, series: &SeriesKey) -> Option<u64> {
        self.is_watched().then(|| self.series.get(series).map_or(0, |sum| sum.errors))
    }

    /// Errors of a class on the whole host, `None` where nobody looked. A controller counts again
    /// what its places count, and may count more.
    pub fn of_host(&self, class: ErrorClass) -> Option<u64> {
        let mut totals: BTreeMap<&ControllerKey, (u64, u64)> = BTreeMap::new();
        for (key, sum) in self.series.iter().filter(|(key, _)| key.class == class) {
            let (total, places) = totals.entry(&key.controller).or_default();
            let which = if key.place == SeriesPlace::Total { total } else { places };
            *which = which.saturating_add(sum.errors);
        }
        let errors = totals.values().map(|(total, places)| *total.max(places)).sum();
        self.is_watched().then_some(errors)
    }

    /// Whether errors of a class may be missing.
    pub fn is_lower_bound(&self, class: ErrorClass) -> bool {
        self.series.iter().any(|(key, sum)| key.class == class && sum.restarts > 0)
    }
}

/// Errors between two moments. Buckets are as fine as is asked; where the history keeps coarser sums
/// they are as coarse as those, and the first may begin earlier.
pub fn memory_buckets(
    window: BucketWindow,
    sums: &[CounterSum],
    watched: Watched<'_>,
) -> Vec<MemoryBucket> {
    let wholes: Vec<Whole<'_>> = sums
        .iter()
        .map(|sum| Whole {
            from_wall_ms: sum.from_wall_ms,
            to_wall_ms: sum.to_wall_ms,
            boot: &sum.boot,
        })
        .collect();
    let grid = Grid::new(window, watched, &wholes);
    let mut series = vec![BTreeMap::new(); grid.times.len()];
    for sum in sums {
        let place = grid.place(sum.from_wall_ms, Some(&sum.boot));
        if let Some(series) = place.and_then(|n| series.get_mut(n)) {
            take(series, sum);
        }
    }
    let buckets = grid.times.into_iter().zip(series);
    buckets.map(|(time, series)| MemoryBucket { time, series }).collect()
}

fn take(series: &mut BTreeMap<SeriesKey, BucketSum>, sum: &CounterSum) {
    let into = series.entry(sum.series.clone()).or_default();
    if sum.is_first {
        into.counted_before = into.counted_before.saturating_add(sum.by);
        return;
    }
    into.errors = into.errors.saturating_add(sum.by);
    into.changes = into.changes.saturating_add(sum.points);
    into.restarts = into.restarts.saturating_add(sum.restarts);
    into.most_at_once = into.most_at_once.max(sum.max_by);
}

#[cfg(test)]
mod tests {
    use super::super::{BucketBy, DAY_MS, HOUR_MS};
    use super::*;
    use crate::{BootRecord, CoverageRecord, Place, civil};
    use proptest::prelude::*;
    use std::time::Duration;

    fn series() -> SeriesKey {
        SeriesKey {
            controller: ControllerKey::from_stored("mc0"),
            place: SeriesPlace::Dimm(Place::Dimm(0)),
            class: ErrorClass::Correctable,
        }
    }

    fn sum(from_hour: i64, hours: i64, by: u64) -> CounterSum {
        let from_wall_ms = from_hour * HOUR_MS;
        CounterSum {
            from_wall_ms,
            to_wall_ms: from_wall_ms + hours * HOUR_MS,
            boot: BootId::unknown(),
            series: series(),
            by,
            points: 1,
            restarts: 0,
            max_by: by,
            is_first: false,
        }
    }

    fn stretch(from_hour: i64, hours: u64) -> CoverageRecord {
        let length = Duration::from_secs(hours * 3_600);
        CoverageRecord {
            boot: BootId::unknown(),
            from_wall_ms: from_hour * HOUR_MS,
            to_wall_ms: from_hour * HOUR_MS + i64::try_from(length.as_millis()).unwrap(),
            length,
        }
    }

    fn buckets(
        by: BucketBy,
        hours: std::ops::Range<i64>,
        sums: &[CounterSum],
        coverage: &[CoverageRecord],
    ) -> Vec<MemoryBucket> {
        let watched = Watched { coverage, coverage_days: &[], boots: &[] };
        let (from_wall_ms, until_wall_ms) = (hours.start * HOUR_MS, hours.end * HOUR_MS);
        memory_buckets(BucketWindow { by, from_wall_ms, until_wall_ms }, sums, watched)
    }

    #[test]
    fn what_nobody_watched_is_not_without_errors() {
        let made = buckets(BucketBy::Hour, 0..4, &[sum(2, 0, 5)], &[stretch(0, 1)]);
        let errors: Vec<_> = made.iter().map(|bucket| bucket.errors(&series())).collect();
        // The third saw what had gathered; the others saw nothing at all.
        assert_eq!(errors, [Some(0), None, Some(5), None]);
        assert_eq!(made[1].time.not_watched, Duration::from_secs(3_600));
        assert_eq!(made[0].time.not_watched, Duration::ZERO);
    }

    #[test]
    fn a_day_known_as_a_whole_is_not_split_into_hours() {
        let made = buckets(BucketBy::Hour, 20..50, &[sum(24, 24, 7)], &[stretch(20, 30)]);
        let widths: Vec<i64> =
            made.iter().map(|b| (b.time.to_wall_ms - b.time.from_wall_ms) / HOUR_MS).collect();
        assert_eq!(widths, [1, 1, 1, 1, 24, 1, 1]);
        assert_eq!(made[4].errors(&series()), Some(7));
        assert_eq!(made[4].time.watched, Duration::from_secs(86_400));
    }

    #[test]
    fn months_are_those_of_the_calendar() {
        let made = buckets(BucketBy::Month, 0..24 * 90, &[], &[stretch(0, 24 * 45)]);
        let from: Vec<String> =
            made.iter().map(|b| civil::text_of_day(b.time.from_wall_ms / DAY_MS)).collect();
        assert_eq!(from, ["1970-01-01", "1970-02-01", "1970-03-01"]);
        assert_eq!(made[1].time.watched, Duration::from_secs(14 * 86_400));
        assert!(!made[2].is_watched());
    }

    #[test]
    fn a_boot_without_a_time_lasts_as_long_as_what_is_known_of_it() {
        let boot = BootRecord {
            boot: BootId::unknown(),
            booted_wall_ms: None,
            last_seen_wall_ms: None,
            ran: None,
            slept: None,
            kernel_release: None,
            kernel_version: None,
            end: crate::BootEnd::Unknown,
            evidence: String::new(),
        };
        let boots = [boot];
        let made = |sums: &[CounterSum], coverage: &[CoverageRecord], until_hour: i64| {
            let watched = Watched { coverage, coverage_days: &[], boots: &boots };
            let (from_wall_ms, until_wall_ms) = (50 * HOUR_MS, until_hour * HOUR_MS);
            let window = BucketWindow { by: BucketBy::Boot, from_wall_ms, until_wall_ms };
            memory_buckets(window, sums, watched)
        };
        let [bucket] = &made(&[sum(70, 0, 5)], &[stretch(60, 4)], 100)[..] else { panic!() };
        let time = &bucket.time;
        assert_eq!((time.from_wall_ms, time.to_wall_ms), (60 * HOUR_MS, 70 * HOUR_MS));
        assert_eq!(bucket.errors(&series()), Some(5));
        assert_eq!(time.watched, Duration::from_secs(4 * 3_600));
        assert_eq!(time.not_watched, Duration::from_secs(6 * 3_600));
        // By what is known it was later, and of nothing nothing is told.
        assert!(made(&[sum(70, 0, 5)], &[], 60).is_empty());
        assert!(made(&[], &[], 100).is_empty());
    }

    proptest! {
        #[test]
        fn buckets_lose_no_error_and_no_second(
            events in prop::collection::vec((0_i64..300, 0_u64..50, prop::bool::ANY), 0..40),
            watched in prop::collection::vec((0_i64..300, 0_u64..80), 0..8),
            hourly in any::<bool>(),
        ) {
            let sums: Vec<CounterSum> = events
                .iter()
                .map(|(hour, by, whole)| if *whole { sum(hour / 24 * 24, 24, *by) } else { sum(*hour, 0, *by) })
                .collect();
            let coverage: Vec<CoverageRecord> =
                watched.iter().map(|(from, hours)| stretch(*from, *hours)).collect();
            let by = if hourly { BucketBy::Hour } else { BucketBy::Day };
            let made = buckets(by, 0..400, &sums, &coverage);
            let errors: u64 = made.iter().filter_map(|b| b.errors(&series())).sum();
            prop_assert_eq!(errors, events.iter().map(|event| event.1).sum::<u64>());
            let covered: Duration = made.iter().map(|bucket| bucket.time.watched).sum();
            prop_assert_eq!(covered, coverage.iter().map(|stretch| stretch.length).sum());
            for pair in made.windows(2) {
                prop_assert_eq!(pair[0].time.to_wall_ms, pair[1].time.from_wall_ms);
            }
        }
    }
}
