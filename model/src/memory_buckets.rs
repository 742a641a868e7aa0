//! Errors by hour, day, month or boot, each with the time that was watched.
//!
//! A bucket that nobody watched is not one without errors, and is told apart from it.

use crate::civil;
use crate::seconds;
use crate::{
    BootId, BootRecord, ControllerKey, CoverageRecord, ErrorClass, SeriesKey, SeriesPlace,
    share_of_stretch,
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// How errors are added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BucketBy {
    /// Hours of the day, in UTC.
    Hour,
    /// Days of the calendar, in UTC.
    Day,
    /// Months of the calendar, in UTC.
    Month,
    /// Boots of the host.
    Boot,
}

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

/// Coverage of a day whose stretches were too many to be kept one by one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CoverageDay {
    /// The day, by its beginning in UTC.
    pub from_wall_ms: i64,
    /// The boot it was covered in.
    pub boot: BootId,
    /// How much of it.
    #[serde(rename = "covered_seconds", serialize_with = "seconds::of")]
    pub covered: Duration,
    /// Stretches that began in it.
    pub stretches: u64,
}

/// What the history knows of the errors of a time, however it keeps them.
#[derive(Debug, Clone, Copy)]
pub struct Tiers<'a> {
    /// Changes of counters.
    pub sums: &'a [CounterSum],
    /// Stretches of coverage.
    pub coverage: &'a [CoverageRecord],
    /// Days of coverage.
    pub coverage_days: &'a [CoverageDay],
    /// All boots.
    pub boots: &'a [BootRecord],
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
    /// Where it begins, milliseconds since the Unix epoch.
    pub from_wall_ms: i64,
    /// Where it ends.
    pub to_wall_ms: i64,
    /// The boot, where buckets are boots.
    pub boot: Option<BootId>,
    /// Time watched in it.
    #[serde(rename = "watched_seconds", serialize_with = "seconds::of")]
    pub watched: Duration,
    /// The rest: gaps, of which nothing is known but what showed after them.
    #[serde(rename = "not_watched_seconds", serialize_with = "seconds::of")]
    pub not_watched: Duration,
    /// Errors by counter; one that is not listed had none in the time watched.
    #[serde(skip)]
    pub series: BTreeMap<SeriesKey, BucketSum>,
}

impl MemoryBucket {
    /// Whether anybody looked at all: without that, no error is no statement.
    pub fn is_watched(&self) -> bool {
        !self.watched.is_zero() || !self.series.is_empty()
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

    fn take(&mut self, sum: &CounterSum) {
        let into = self.series.entry(sum.series.clone()).or_default();
        if sum.is_first {
            into.counted_before = into.counted_before.saturating_add(sum.by);
            return;
        }
        into.errors = into.errors.saturating_add(sum.by);
        into.changes = into.changes.saturating_add(sum.points);
        into.restarts = into.restarts.saturating_add(sum.restarts);
        into.most_at_once = into.most_at_once.max(sum.max_by);
    }
}

/// Errors between two moments. Buckets are as fine as is asked; where the history keeps coarser sums
/// they are as coarse as those, and the first may begin earlier.
pub fn memory_buckets(
    by: BucketBy,
    from_wall_ms: i64,
    until_wall_ms: i64,
    tiers: Tiers<'_>,
) -> Vec<MemoryBucket> {
    match by {
        BucketBy::Boot => by_boot(from_wall_ms, until_wall_ms, tiers),
        BucketBy::Hour | BucketBy::Day | BucketBy::Month => {
            by_time(by, from_wall_ms, until_wall_ms, tiers)
        }
    }
}

/// The beginning of the bucket that a moment lies in, and of the next.
fn around(by: BucketBy, wall_ms: i64) -> (i64, i64) {
    let even = |width: i64| {
        let from = wall_ms.div_euclid(width).saturating_mul(width);
        (from, from.saturating_add(width))
    };
    match by {
        BucketBy::Hour => even(HOUR_MS),
        BucketBy::Day | BucketBy::Boot => even(DAY_MS),
        BucketBy::Month => {
            let month = civil::month_of_day(wall_ms.div_euclid(DAY_MS));
            month.map_or_else(
                || even(DAY_MS),
                |(from, next)| (from.saturating_mul(DAY_MS), next.saturating_mul(DAY_MS)),
            )
        }
    }
}

/// Most buckets made: a year of hours and more.
const MOST_BUCKETS: usize = 20_000;

fn by_time(by: BucketBy, from: i64, until: i64, tiers: Tiers<'_>) -> Vec<MemoryBucket> {
    let Tiers { sums, coverage, coverage_days, .. } = tiers;
    // Of what is known only as a whole no part can be told.
    let wholes: Vec<(i64, i64)> = sums
        .iter()
        .map(|sum| (sum.from_wall_ms, sum.to_wall_ms))
        .chain(coverage_days.iter().map(|day| (day.from_wall_ms, day.from_wall_ms + DAY_MS)))
        .filter(|(begin, end)| begin < end && *end > from && *begin < until)
        .collect();
    let first = wholes.iter().map(|(begin, _)| *begin).fold(from, i64::min);
    let mut borders = BTreeSet::new();
    let mut begin = around(by, first).0;
    while begin < until && borders.len() < MOST_BUCKETS {
        borders.insert(begin);
        begin = around(by, begin).1.max(begin.saturating_add(1));
    }
    borders.insert(begin);
    for (begin, end) in wholes {
        let inside: Vec<i64> = borders.range(begin + 1..end).copied().collect();
        for border in inside {
            borders.remove(&border);
        }
    }
    let borders: Vec<i64> = borders.into_iter().collect();
    let mut buckets: Vec<MemoryBucket> = borders
        .iter()
        .zip(borders.iter().skip(1))
        .map(|(from, to)| empty(*from, *to, None))
        .collect();
    let at = |wall_ms: i64| borders.partition_point(|border| *border <= wall_ms).checked_sub(1);
    for sum in sums {
        if let Some(bucket) = at(sum.from_wall_ms).and_then(|n| buckets.get_mut(n)) {
            bucket.take(sum);
        }
    }
    for stretch in coverage {
        let CoverageRecord { from_wall_ms, to_wall_ms, length, .. } = stretch;
        let mut left = *length;
        for bucket in buckets.iter_mut().skip(at(*from_wall_ms).unwrap_or(0)) {
            let (from, to) = (bucket.from_wall_ms, bucket.to_wall_ms);
            let share = share_of_stretch(*from_wall_ms, *to_wall_ms, *length, from, to);
            bucket.watched = bucket.watched.saturating_add(share);
            left = left.saturating_sub(share);
            if left.is_zero() || (share.is_zero() && from > *to_wall_ms) {
                break;
            }
        }
    }
    for day in coverage_days {
        if let Some(bucket) = at(day.from_wall_ms).and_then(|n| buckets.get_mut(n)) {
            bucket.watched = bucket.watched.saturating_add(day.covered);
        }
    }
    for bucket in &mut buckets {
        // The last one is not over yet.
        bucket.to_wall_ms = bucket.to_wall_ms.min(until.max(bucket.from_wall_ms));
        bucket.not_watched =
            between(bucket.from_wall_ms, bucket.to_wall_ms).saturating_sub(bucket.watched);
    }
    buckets
}

fn by_boot(from: i64, until: i64, tiers: Tiers<'_>) -> Vec<MemoryBucket> {
    let Tiers { sums, coverage, coverage_days, boots } = tiers;
    let mut buckets: BTreeMap<&BootId, MemoryBucket> = boots
        .iter()
        .filter_map(|boot| {
            let (begun, last) = span_of(boot, tiers)?;
            let mut bucket = empty(begun, last.max(begun), Some(boot.boot.clone()));
            bucket.not_watched = boot.ran.unwrap_or_else(|| between(begun, last));
            (last >= from && begun < until).then_some((&boot.boot, bucket))
        })
        .collect();
    for sum in sums {
        if let Some(bucket) = buckets.get_mut(&sum.boot) {
            bucket.take(sum);
        }
    }
    let stretches = coverage.iter().map(|stretch| (&stretch.boot, stretch.length));
    for (boot, length) in stretches.chain(coverage_days.iter().map(|day| (&day.boot, day.covered)))
    {
        if let Some(bucket) = buckets.get_mut(boot) {
            bucket.watched = bucket.watched.saturating_add(length);
            bucket.not_watched = bucket.not_watched.saturating_sub(length);
        }
    }
    // In the order in which they were seen.
    boots.iter().filter_map(|boot| buckets.remove(&boot.boot)).collect()
}

/// From when until when a boot went on. Of one of which that is not known: from the first until the
/// last that is known of it, and none if there is nothing.
fn span_of(boot: &BootRecord, tiers: Tiers<'_>) -> Option<(i64, i64)> {
    if let Some(span) = boot.booted_wall_ms.zip(boot.last_seen_wall_ms) {
        return Some(span);
    }
    let Tiers { sums, coverage, coverage_days, boots: _ } = tiers;
    let sums = sums.iter().filter(|sum| sum.boot == boot.boot);
    let stretches = coverage.iter().filter(|stretch| stretch.boot == boot.boot);
    let days = coverage_days.iter().filter(|day| day.boot == boot.boot);
    let known = sums
        .map(|sum| (sum.from_wall_ms, sum.to_wall_ms))
        .chain(stretches.map(|stretch| (stretch.from_wall_ms, stretch.to_wall_ms)))
        .chain(days.map(|day| (day.from_wall_ms, day.from_wall_ms.saturating_add(DAY_MS))));
    known.reduce(|(first, last), (from, to)| (first.min(from), last.max(to)))
}

fn empty(from_wall_ms: i64, to_wall_ms: i64, boot: Option<BootId>) -> MemoryBucket {
    MemoryBucket {
        from_wall_ms,
        to_wall_ms,
        boot,
        watched: Duration::ZERO,
        not_watched: Duration::ZERO,
        series: BTreeMap::new(),
    }
}

fn between(from_wall_ms: i64, to_wall_ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(to_wall_ms.saturating_sub(from_wall_ms)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Place;
    use proptest::prelude::*;

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
        let tiers = Tiers { sums, coverage, coverage_days: &[], boots: &[] };
        memory_buckets(by, hours.start * HOUR_MS, hours.end * HOUR_MS, tiers)
    }

    #[test]
    fn what_nobody_watched_is_not_without_errors() {
        let made = buckets(BucketBy::Hour, 0..4, &[sum(2, 0, 5)], &[stretch(0, 1)]);
        let errors: Vec<_> = made.iter().map(|bucket| bucket.errors(&series())).collect();
        // The third saw what had gathered; the others saw nothing at all.
        assert_eq!(errors, [Some(0), None, Some(5), None]);
        assert_eq!(made[1].not_watched, Duration::from_secs(3_600));
        assert_eq!(made[0].not_watched, Duration::ZERO);
    }

    #[test]
    fn a_day_known_as_a_whole_is_not_split_into_hours() {
        let made = buckets(BucketBy::Hour, 20..50, &[sum(24, 24, 7)], &[stretch(20, 30)]);
        let widths: Vec<i64> =
            made.iter().map(|b| (b.to_wall_ms - b.from_wall_ms) / HOUR_MS).collect();
        assert_eq!(widths, [1, 1, 1, 1, 24, 1, 1]);
        assert_eq!(made[4].errors(&series()), Some(7));
        assert_eq!(made[4].watched, Duration::from_secs(86_400));
    }

    #[test]
    fn months_are_those_of_the_calendar() {
        let made = buckets(BucketBy::Month, 0..24 * 90, &[], &[stretch(0, 24 * 45)]);
        let from: Vec<String> =
            made.iter().map(|b| civil::text_of_day(b.from_wall_ms / DAY_MS)).collect();
        assert_eq!(from, ["1970-01-01", "1970-02-01", "1970-03-01"]);
        assert_eq!(made[1].watched, Duration::from_secs(14 * 86_400));
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
            let tiers = Tiers { sums, coverage, coverage_days: &[], boots: &boots };
            memory_buckets(BucketBy::Boot, 50 * HOUR_MS, until_hour * HOUR_MS, tiers)
        };
        let [bucket] = &made(&[sum(70, 0, 5)], &[stretch(60, 4)], 100)[..] else { panic!() };
        assert_eq!((bucket.from_wall_ms, bucket.to_wall_ms), (60 * HOUR_MS, 70 * HOUR_MS));
        assert_eq!(bucket.errors(&series()), Some(5));
        assert_eq!(bucket.watched, Duration::from_secs(4 * 3_600));
        assert_eq!(bucket.not_watched, Duration::from_secs(6 * 3_600));
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
            let covered: Duration = made.iter().map(|bucket| bucket.watched).sum();
            prop_assert_eq!(covered, coverage.iter().map(|stretch| stretch.length).sum());
            for pair in made.windows(2) {
                prop_assert_eq!(pair[0].to_wall_ms, pair[1].from_wall_ms);
            }
        }
    }
}
