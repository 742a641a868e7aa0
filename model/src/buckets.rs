//! The past by hour, day, month or boot, each with the time that was watched.
//!
//! A bucket that nobody watched is not one in which nothing happened, and is told apart from it. What
//! is added up stands in a module for each kind; when buckets begin, and for how long each was watched,
//! is the same for all of them and stands here.

mod boots;
mod memory;
mod pages;
mod patches;

pub use boots::{BootBucket, BootCounts, boot_buckets};
pub use memory::{BucketSum, CounterSum, MemoryBucket, memory_buckets};
pub use pages::{PageBucket, PageCounts, page_buckets};
pub use patches::{PatchBucket, PatchCounts, patch_buckets};

use crate::civil;
use crate::seconds;
use crate::{BootId, BootRecord, CoverageRecord, share_of_stretch};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// How the past is cut into pieces.
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

/// When somebody watched, and in which boots, however the history keeps it.
#[derive(Debug, Clone, Copy)]
pub struct Watched<'a> {
    /// Stretches of coverage.
    pub coverage: &'a [CoverageRecord],
    /// Days of coverage.
    pub coverage_days: &'a [CoverageDay],
    /// All boots that the agent saw, in the order in which it did.
    pub boots: &'a [BootRecord],
}

/// Which part of the past is told, and how it is cut.
#[derive(Debug, Clone, Copy)]
pub struct BucketWindow {
    /// The unit.
    pub by: BucketBy,
    /// Where it begins; the first bucket may begin earlier.
    pub from_wall_ms: i64,
    /// Before which moment it ends.
    pub until_wall_ms: i64,
}

/// A time, or a boot, and for how much of it somebody watched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BucketTime {
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
}

impl BucketTime {
    fn empty(from_wall_ms: i64, to_wall_ms: i64, boot: Option<BootId>) -> Self {
        let (watched, not_watched) = (Duration::ZERO, Duration::ZERO);
        Self { from_wall_ms, to_wall_ms, boot, watched, not_watched }
    }

    /// The first moment of which it tells nothing: a boot ends with its last sight, and that is a part
    /// of it.
    fn end(&self) -> i64 {
        self.to_wall_ms.saturating_add(i64::from(self.boot.is_some()))
    }
}

/// Most buckets made: a year of hours and more.
const MOST_BUCKETS: usize = 20_000;

/// A time of which the history tells no part, and the boot it belongs to.
#[derive(Debug, Clone, Copy)]
struct Whole<'a> {
    from_wall_ms: i64,
    to_wall_ms: i64,
    boot: &'a BootId,
}

/// The buckets, and where each thing belongs.
struct Grid {
    times: Vec<BucketTime>,
    /// Where buckets of time begin, and where the last one ends. Empty if buckets are boots.
    borders: Vec<i64>,
    of_boot: BTreeMap<BootId, usize>,
    until_wall_ms: i64,
}

impl Grid {
    /// `wholes` are times of which the history tells no part: buckets of time are as long as those.
    fn new(window: BucketWindow, watched: Watched<'_>, wholes: &[Whole<'_>]) -> Self {
        match window.by {
            BucketBy::Boot => Self::of_boots(window, watched, wholes),
            BucketBy::Hour | BucketBy::Day | BucketBy::Month => {
                Self::of_times(window, watched, wholes)
            }
        }
    }

    /// The bucket of what was seen at a moment, in a boot where that is known. Of two boots that a
    /// clock that was set makes overlap, the later one takes what no boot is named for.
    fn place(&self, wall_ms: i64, boot: Option<&BootId>) -> Option<usize> {
        if wall_ms >= self.until_wall_ms {
            return None;
        }
        if !self.borders.is_empty() {
            return self.behind(wall_ms).checked_sub(1);
        }
        match boot {
            Some(boot) => self.of_boot.get(boot).copied(),
            None => self.times.iter().rposition(|time| time.from_wall_ms <= wall_ms),
        }
    }

    /// The first bucket that may have a part of what goes on from a moment on.
    fn from(&self, wall_ms: i64) -> usize {
        self.behind(wall_ms).saturating_sub(1)
    }

    /// Whether this bucket, and all that follow it, come after what ended at a moment. Boots are in the
    /// order in which they were seen, which is not that of a clock that was set.
    fn is_past(&self, time: &BucketTime, wall_ms: i64) -> bool {
        !self.borders.is_empty() && time.from_wall_ms >= wall_ms
    }

    /// How many borders are not later than a moment.
    fn behind(&self, wall_ms: i64) -> usize {
        self.borders.partition_point(|border| *border <= wall_ms)
    }

    /// How much of a stretch lies in which bucket of time.
    fn shares(
        &self,
        from_wall_ms: i64,
        to_wall_ms: i64,
        length: Duration,
    ) -> Vec<(usize, Duration)> {
        let mut shares = Vec::new();
        let mut left = length;
        let pairs = self.borders.iter().zip(self.borders.iter().skip(1)).enumerate();
        for (n, (from, to)) in pairs.skip(self.from(from_wall_ms)) {
            let share = share_of_stretch(from_wall_ms, to_wall_ms, length, *from, *to);
            left = left.saturating_sub(share);
            if !share.is_zero() {
                shares.push((n, share));
            }
            if left.is_zero() || (share.is_zero() && *from > to_wall_ms) {
                break;
            }
        }
        shares
    }

    fn of_times(window: BucketWindow, watched: Watched<'_>, wholes: &[Whole<'_>]) -> Self {
        let BucketWindow { by, from_wall_ms: from, until_wall_ms: until } = window;
        let Watched { coverage, coverage_days, boots: _ } = watched;
        // Of what is known only as a whole no part can be told.
        let days = coverage_days.iter().map(|day| (day.from_wall_ms, day.from_wall_ms + DAY_MS));
        let wholes: Vec<(i64, i64)> =
            (wholes.iter().map(|whole| (whole.from_wall_ms, whole.to_wall_ms)).chain(days))
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
        let pairs = borders.iter().zip(borders.iter().skip(1));
        let times = pairs.map(|(from, to)| BucketTime::empty(*from, *to, None)).collect();
        let of_boot = BTreeMap::new();
        let mut grid = Self { times, borders, of_boot, until_wall_ms: until };
        for CoverageRecord { from_wall_ms, to_wall_ms, length, boot: _ } in coverage {
            for (n, share) in grid.shares(*from_wall_ms, *to_wall_ms, *length) {
                grid.watch(n, share);
            }
        }
        for day in coverage_days {
            if let Some(n) = grid.behind(day.from_wall_ms).checked_sub(1) {
                grid.watch(n, day.covered);
            }
        }
        for time in &mut grid.times {
            // The last one is not over yet.
            time.to_wall_ms = time.to_wall_ms.min(until.max(time.from_wall_ms));
            let length = between(time.from_wall_ms, time.to_wall_ms);
            time.not_watched = length.saturating_sub(time.watched);
        }
        grid
    }

    fn watch(&mut self, n: usize, share: Duration) {
        if let Some(time) = self.times.get_mut(n) {
            time.watched = time.watched.saturating_add(share);
        }
    }

    fn of_boots(window: BucketWindow, watched: Watched<'_>, wholes: &[Whole<'_>]) -> Self {
        let BucketWindow { by: _, from_wall_ms: from, until_wall_ms: until } = window;
        let Watched { coverage, coverage_days, boots } = watched;
        let of_boot = BTreeMap::new();
        let (times, borders) = (Vec::new(), Vec::new());
        let mut grid = Self { times, borders, of_boot, until_wall_ms: until };
        for boot in boots {
            let Some((begun, last)) = span_of(boot, watched, wholes) else { continue };
            if last < from || begun >= until {
                continue;
            }
            let time = BucketTime::empty(begun, last.max(begun), Some(boot.boot.clone()));
            grid.of_boot.insert(boot.boot.clone(), grid.times.len());
            let ran = boot.ran.unwrap_or_else(|| {
                Duration::from_millis(u64::try_from(last.saturating_sub(begun)).unwrap_or(0))
            });
            grid.times.push(BucketTime { not_watched: ran, ..time });
        }
        let stretches = coverage.iter().map(|stretch| (&stretch.boot, stretch.length));
        let days = coverage_days.iter().map(|day| (&day.boot, day.covered));
        for (boot, length) in stretches.chain(days) {
            let Some(n) = grid.of_boot.get(boot).copied() else { continue };
            grid.watch(n, length);
            if let Some(time) = grid.times.get_mut(n) {
                time.not_watched = time.not_watched.saturating_sub(length);
            }
        }
        grid
    }
}

/// From when until when a boot went on. Of one of which that is not known: from the first until the
/// last that is known of it, and none if there is nothing.
fn span_of(boot: &BootRecord, watched: Watched<'_>, wholes: &[Whole<'_>]) -> Option<(i64, i64)> {
    if let Some(span) = boot.booted_wall_ms.zip(boot.last_seen_wall_ms) {
        return Some(span);
    }
    let Watched { coverage, coverage_days, boots: _ } = watched;
    let wholes = wholes.iter().filter(|whole| *whole.boot == boot.boot);
    let stretches = coverage.iter().filter(|stretch| stretch.boot == boot.boot);
    let days = coverage_days.iter().filter(|day| day.boot == boot.boot);
    let known = wholes
        .map(|whole| (whole.from_wall_ms, whole.to_wall_ms))
        .chain(stretches.map(|stretch| (stretch.from_wall_ms, stretch.to_wall_ms)))
        .chain(days.map(|day| (day.from_wall_ms, day.from_wall_ms.saturating_add(DAY_MS))));
    known.reduce(|(first, last), (from, to)| (first.min(from), last.max(to)))
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

fn between(from_wall_ms: i64, to_wall_ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(to_wall_ms.saturating_sub(from_wall_ms)).unwrap_or(0))
}
