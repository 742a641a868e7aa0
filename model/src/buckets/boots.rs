//! Boots by hour, day or month: how many began and ended how, and for how long the host was up.
//!
//! What counts is what counts in [`availability`](crate::availability()), so that buckets add up to
//! what that says of the whole. By boot there is nothing to add up: that is the list of boots.

use super::{BucketTime, BucketWindow, Grid, Watched};
use crate::availability::{CountedBoots, Known, bounds_ppm, counted};
use crate::seconds;
use crate::{BootCause, BootEnd, BootLine};
use serde::Serialize;
use std::time::Duration;

/// Beginnings and ends of boots.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct BootCounts {
    /// Boots that began.
    pub begun: u64,
    /// Boots that ended in order.
    pub clean: u64,
    /// Of those that were cut off, those of which the kernel left the log of a panic.
    pub panic: u64,
    /// And those that a watchdog ended.
    pub watchdog: u64,
    /// And the others: power loss, reset, or a crash that left nothing. They leave the same traces.
    pub cut_off: u64,
    /// Boots of whose end nobody knows how it came.
    pub unknown_ends: u64,
}

/// Boots of a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BootBucket {
    /// Which time, and how much of it was watched.
    #[serde(flatten)]
    pub time: BucketTime,
    /// Known to have been up in it, sleep included.
    #[serde(rename = "up_seconds", serialize_with = "seconds::of")]
    pub up: Duration,
    /// Known to have been down.
    #[serde(rename = "down_seconds", serialize_with = "seconds::of")]
    pub down: Duration,
    /// Between boots that somebody tells of, and not known.
    #[serde(rename = "unknown_seconds", serialize_with = "seconds::of")]
    pub unknown: Duration,
    /// What began and ended in it.
    #[serde(skip)]
    pub counts: BootCounts,
}

impl BootBucket {
    /// Whether anybody tells of a boot in it, or watched: without that, no boot is no statement.
    pub fn is_told(&self) -> bool {
        let nothing = [self.time.watched, self.up, self.down].iter().all(Duration::is_zero);
        !nothing || self.counts != BootCounts::default()
    }

    /// Beginnings and ends, `None` where nobody tells of any.
    pub fn counts(&self) -> Option<&BootCounts> {
        self.is_told().then_some(&self.counts)
    }

    /// The least and the most of the time that is accounted for, in parts of a million, that the host
    /// may have been up. `None` where none is.
    pub fn bounds_ppm(&self) -> Option<(u64, u64)> {
        bounds_ppm(self.up, self.down, self.unknown)
    }
}

/// Boots that are in the order of their beginnings, by hour, day or month.
pub fn boot_buckets(
    window: BucketWindow,
    lines: &[BootLine],
    watched: Watched<'_>,
) -> Vec<BootBucket> {
    let grid = Grid::new(window, watched, &[]);
    let mut buckets: Vec<BootBucket> = (grid.times.iter())
        .map(|time| BootBucket {
            time: time.clone(),
            up: Duration::ZERO,
            down: Duration::ZERO,
            unknown: Duration::ZERO,
            counts: BootCounts::default(),
        })
        .collect();
    let CountedBoots { kept: boots, .. } = counted(lines);
    for (n, boot) in boots.iter().enumerate() {
        let (line, next) = (boot.line, boots.get(n.saturating_add(1)));
        let began = grid.place(boot.begun, None);
        if let Some(bucket) = began.and_then(|n| buckets.get_mut(n)) {
            bucket.counts.begun += 1;
        }
        // An end that nobody saw came before the next beginning at the latest.
        let ended = line.ended().or(next.map(|next| next.begun));
        let ended = grid.place(ended.unwrap_or(boot.begun), None);
        if let Some(bucket) = ended.and_then(|n| buckets.get_mut(n)) {
            bucket.counts.end(line);
        }
        for piece in boot.pieces(next).pieces.into_iter().flatten() {
            for (n, share) in grid.shares(piece.from_wall_ms, piece.to_wall_ms, piece.length) {
                let Some(bucket) = buckets.get_mut(n) else { continue };
                let into = match piece.what {
                    Known::Up => &mut bucket.up,
                    Known::Down => &mut bucket.down,
                    Known::Nothing => &mut bucket.unknown,
                };
                *into = into.saturating_add(share);
            }
        }
    }
    buckets
}

impl BootCounts {
    fn end(&mut self, line: &BootLine) {
        let which = match (line.end, line.cause) {
            (BootEnd::Running, _) => return,
            (BootEnd::Clean, _) => &mut self.clean,
            (BootEnd::Unclean, Some(BootCause::Panic)) => &mut self.panic,
            (BootEnd::Unclean, Some(BootCause::Watchdog)) => &mut self.watchdog,
            (BootEnd::Unclean, Some(BootCause::Kexec | BootCause::NotKnown) | None) => {
                &mut self.cut_off
            }
            (BootEnd::Unknown, _) => &mut self.unknown_ends,
        };
        *which += 1;
    }

    /// Boots that were cut off, for whatever reason.
    pub fn unclean(&self) -> u64 {
        self.panic.saturating_add(self.watchdog).saturating_add(self.cut_off)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{BucketBy, DAY_MS, HOUR_MS};
    use super::*;
    use crate::{BootId, BootSource, CoverageRecord, LengthBasis, availability};
    use proptest::prelude::*;

    /// 2026-11-01T00:00:00Z.
    const BEGIN_MS: i64 = 1_793_491_200_000;

    fn line(from_hour: i64, ran_hours: Option<u64>, end: BootEnd) -> BootLine {
        let booted_wall_ms = BEGIN_MS + from_hour * HOUR_MS;
        let ran = ran_hours.map(|hours| Duration::from_secs(hours * 3_600));
        BootLine {
            boot: None,
            booted_wall_ms: Some(booted_wall_ms),
            ended_wall_ms: ran.map(|ran| booted_wall_ms + i64::try_from(ran.as_millis()).unwrap()),
            ran,
            ran_by: ran.map(|_| LengthBasis::BootClock),
            slept: None,
            kernel_release: None,
            soft_reboots: 0,
            end,
            cause: None,
            evidence: String::new(),
            sources: BootSource::Agent.into(),
            clock_steps: 0,
        }
    }

    fn buckets(by: BucketBy, hours: i64, lines: &[BootLine]) -> Vec<BootBucket> {
        let window =
            BucketWindow { by, from_wall_ms: BEGIN_MS, until_wall_ms: BEGIN_MS + hours * HOUR_MS };
        boot_buckets(window, lines, Watched { coverage: &[], coverage_days: &[], boots: &[] })
    }

    #[test]
    fn a_day_states_what_was_up_what_was_down_and_what_nobody_knows() {
        let crashed =
            BootLine { cause: Some(BootCause::Watchdog), ..line(40, Some(4), BootEnd::Unclean) };
        let lines =
            [line(6, Some(30), BootEnd::Clean), crashed, line(50, Some(10), BootEnd::Running)];
        let made = buckets(BucketBy::Day, 96, &lines);
        let hours: Vec<[u64; 3]> = made
            .iter()
            .map(|b| [b.up, b.down, b.unknown].map(|time| time.as_secs() / 3_600))
            .collect();
        assert_eq!(hours, [[18, 0, 0], [16, 4, 4], [10, 0, 2], [0, 0, 0]]);
        // The first day begins before anybody knows of the host, which is neither up nor down.
        assert_eq!(made[0].bounds_ppm(), Some((1_000_000, 1_000_000)));
        assert_eq!(made[1].bounds_ppm(), Some((666_666, 833_333)));
        let counts = made[1].counts().unwrap();
        assert_eq!((counts.begun, counts.clean, counts.watchdog, counts.cut_off), (1, 1, 1, 0));
        assert_eq!((made[3].counts(), made[3].bounds_ppm()), (None, None));
    }

    #[test]
    fn a_quiet_day_that_was_watched_has_no_boot_and_says_so() {
        let watched = CoverageRecord {
            boot: BootId::unknown(),
            from_wall_ms: BEGIN_MS,
            to_wall_ms: BEGIN_MS + DAY_MS,
            length: Duration::from_secs(86_400),
        };
        let window = BucketWindow {
            by: BucketBy::Day,
            from_wall_ms: BEGIN_MS,
            until_wall_ms: BEGIN_MS + 2 * DAY_MS,
        };
        let coverage = Watched { coverage: &[watched], coverage_days: &[], boots: &[] };
        let made = boot_buckets(window, &[], coverage);
        let begun: Vec<_> = made.iter().map(|b| b.counts().map(|c| c.begun)).collect();
        assert_eq!(begun, [Some(0), None]);
    }

    #[test]
    fn what_came_after_the_window_is_not_in_its_last_bucket() {
        let lines = [line(0, Some(5), BootEnd::Clean), line(10, Some(5), BootEnd::Clean)];
        let made = buckets(BucketBy::Day, 8, &lines);
        assert_eq!(made.iter().map(|bucket| bucket.counts.begun).sum::<u64>(), 1);
        // The day is not over, and nobody failed to watch what is left of it.
        assert_eq!(made[0].time.not_watched, Duration::from_secs(8 * 3_600));
    }

    fn end() -> impl Strategy<Value = BootEnd> {
        prop::sample::select(vec![BootEnd::Clean, BootEnd::Unclean, BootEnd::Unknown])
    }

    proptest! {
        #[test]
        fn buckets_add_up_to_the_availability_of_the_whole(
            boots in prop::collection::vec((0_i64..60, prop::option::of(0_u64..100), end()), 0..12),
            by in prop::sample::select(vec![BucketBy::Hour, BucketBy::Day, BucketBy::Month]),
        ) {
            let mut from = 0;
            let mut lines = Vec::new();
            for (gap, ran, end) in boots {
                from += gap;
                lines.push(line(from, ran, end));
                from += ran.map_or(1, |hours| i64::try_from(hours).unwrap());
            }
            let made = buckets(by, 24 * 100, &lines);
            let sum = |of: fn(&BootBucket) -> Duration| made.iter().map(of).sum::<Duration>();
            let count = |of: fn(&BootCounts) -> u64| made.iter().map(|b| of(&b.counts)).sum::<u64>();
            let whole = availability(&lines);
            prop_assert_eq!(sum(|b| b.up), whole.as_ref().map_or(Duration::ZERO, |w| w.up));
            prop_assert_eq!(sum(|b| b.down), whole.as_ref().map_or(Duration::ZERO, |w| w.down));
            prop_assert_eq!(sum(|b| b.unknown), whole.as_ref().map_or(Duration::ZERO, |w| w.unknown));
            prop_assert_eq!(count(|c| c.begun), u64::try_from(lines.len()).unwrap());
            prop_assert_eq!(count(|c| c.clean), whole.as_ref().map_or(0, |w| w.clean));
            prop_assert_eq!(count(BootCounts::unclean), whole.as_ref().map_or(0, |w| w.unclean));
            prop_assert_eq!(count(|c| c.unknown_ends), whole.as_ref().map_or(0, |w| w.unknown_ends));
        }
    }
}
