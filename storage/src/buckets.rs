//! Sums of an hour and of a day. Pure: rows in, buckets out; nothing is lost on the way but when.

use std::collections::BTreeMap;

pub(crate) const HOUR_MS: i64 = 3_600_000;

/// How wide a bucket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Width {
    Hour,
    Day,
}

impl Width {
    pub(crate) fn hours(self) -> i64 {
        match self {
            Self::Hour => 1,
            Self::Day => 24,
        }
    }

    /// The beginning of the bucket that a moment lies in.
    pub(crate) fn begin(self, wall_ms: i64) -> i64 {
        let width_ms = self.hours() * HOUR_MS;
        // The first bucket of all time may be cut off by the range of the number.
        wall_ms.checked_sub(wall_ms.rem_euclid(width_ms)).unwrap_or(0)
    }
}

/// Something that adds up.
pub(crate) trait Sum: Copy {
    /// Takes in another.
    fn add(&mut self, other: &Self);
}

/// Adds up what falls into the same bucket.
pub(crate) fn roll_up<K: Ord, S: Sum>(rows: impl IntoIterator<Item = (K, S)>) -> BTreeMap<K, S> {
    let mut buckets: BTreeMap<K, S> = BTreeMap::new();
    for (key, sum) in rows {
        buckets.entry(key).and_modify(|known| known.add(&sum)).or_insert(sum);
    }
    buckets
}

/// Which bucket of which counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CounterKey {
    pub(crate) from_wall_ms: i64,
    pub(crate) series: i64,
    pub(crate) boot: i64,
}

/// Changes of a counter, one or many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CounterSum {
    pub(crate) by: i64,
    pub(crate) points: i64,
    pub(crate) restarts: i64,
    pub(crate) max_by: i64,
    pub(crate) last_total: i64,
}

impl Sum for CounterSum {
    fn add(&mut self, other: &Self) {
        let Self { by, points, restarts, max_by, last_total } = other;
        self.by = self.by.saturating_add(*by);
        self.points = self.points.saturating_add(*points);
        self.restarts = self.restarts.saturating_add(*restarts);
        self.max_by = self.max_by.max(*max_by);
        self.last_total = self.last_total.max(*last_total);
    }
}

/// Which bucket of which reports.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ReportKey {
    pub(crate) from_wall_ms: i64,
    pub(crate) boot: i64,
    pub(crate) witness: String,
    pub(crate) class: String,
    /// Ids of texts.
    pub(crate) what: i64,
    pub(crate) place: i64,
    pub(crate) counter: i64,
}

/// Reports, of one row or of many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ReportSum {
    pub(crate) groups: i64,
    pub(crate) reports: i64,
    pub(crate) errors: i64,
    pub(crate) counted: i64,
    pub(crate) max_errors: i64,
    pub(crate) last_since_boot_ns: i64,
}

impl Sum for ReportSum {
    fn add(&mut self, other: &Self) {
        let Self { groups, reports, errors, counted, max_errors, last_since_boot_ns } = other;
        self.groups = self.groups.saturating_add(*groups);
        self.reports = self.reports.saturating_add(*reports);
        self.errors = self.errors.saturating_add(*errors);
        self.counted = self.counted.saturating_add(*counted);
        self.max_errors = self.max_errors.max(*max_errors);
        self.last_since_boot_ns = self.last_since_boot_ns.max(*last_since_boot_ns);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// By way of hours, days are the same as without.
        #[test]
        fn a_day_made_of_hours_is_the_day_made_of_changes(
            rows in prop::collection::vec((-10_i64..200, 1_i64..3, 0_i64..1_000), 0..60)
        ) {
            let row = |&(quarters, series, by): &(i64, i64, i64)| {
                let from_wall_ms = quarters * HOUR_MS / 4;
                let sum = CounterSum { by, points: 1, restarts: 0, max_by: by, last_total: by };
                (CounterKey { from_wall_ms, series, boot: 1 }, sum)
            };
            let into = |width: Width| move |(key, sum): (CounterKey, CounterSum)| {
                (CounterKey { from_wall_ms: width.begin(key.from_wall_ms), ..key }, sum)
            };
            let hours = roll_up(rows.iter().map(row).map(into(Width::Hour)));
            let days = roll_up(hours.into_iter().map(into(Width::Day)));
            prop_assert_eq!(&days, &roll_up(rows.iter().map(row).map(into(Width::Day))));
            let by: i64 = days.values().map(|sum| sum.by).sum();
            prop_assert_eq!(by, rows.iter().map(|row| row.2).sum::<i64>());
        }

        #[test]
        fn a_moment_lies_in_its_bucket(wall_ms in any::<i64>()) {
            for width in [Width::Hour, Width::Day] {
                let begin = width.begin(wall_ms);
                prop_assert_eq!(begin.rem_euclid(width.hours() * HOUR_MS), 0);
                prop_assert!(begin <= wall_ms || begin == 0);
            }
        }
    }
}
