//! For how much of the time a host is known to have been up, and known to have been down.
//!
//! Time is added up boot by boot: the length of each by the boot clock where anybody measured it,
//! and the time between two boots by the wall clock, so that a step of the wall clock within a boot
//! changes nothing. Time between two boots was downtime only if the first one ended cleanly and one
//! and the same memory tells of both, so that no boot is missing between them. All other time is
//! not known, and counts neither way.

use crate::seconds;
use crate::{BootEnd, BootLine, BootSource, LengthBasis};
use serde::Serialize;
use std::time::Duration;

/// Beginnings before this are of clocks that were not set: machines without a battery start in
/// 1970 or in 2000.
const EARLIEST_WALL_MS: i64 = 978_307_200_000;

/// The availability of a host over its history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Availability {
    /// When the first boot began that counts here, milliseconds since the Unix epoch.
    pub from_wall_ms: i64,
    /// Known to have been up, sleep included.
    #[serde(rename = "up_seconds", serialize_with = "seconds::of")]
    pub up: Duration,
    /// Of that, measured by the wall clock, which may have been set meanwhile.
    #[serde(rename = "up_by_wall_clock_seconds", serialize_with = "seconds::of")]
    pub up_by_wall_clock: Duration,
    /// Of that, known to have been asleep.
    #[serde(rename = "asleep_seconds", serialize_with = "seconds::of")]
    pub asleep: Duration,
    /// Known to have been down, or on its way down or up.
    #[serde(rename = "down_seconds", serialize_with = "seconds::of")]
    pub down: Duration,
    /// Not known.
    #[serde(rename = "unknown_seconds", serialize_with = "seconds::of")]
    pub unknown: Duration,
    /// Boots by how they ended; the running one is in neither.
    pub clean: u64,
    /// Cut off.
    pub unclean: u64,
    /// Of which it is not known.
    pub unknown_ends: u64,
    /// Boots that seem to have begun before the end of the one before: a clock was set back.
    pub set_back: u64,
    /// Boots whose beginning is before 2001, and which are left out.
    pub clock_not_set: u64,
    /// Boots of which nobody knows when they began, and which are left out.
    pub time_not_known: u64,
    /// Boots that lie within another that somebody else tells of, and which are left out: two tools
    /// that disagree on when one boot began, or on its kernel.
    pub overlapping: u64,
    /// Positions of the boots that ran longest in the list of boots, the longest first.
    pub longest: Vec<usize>,
}

/// How many of the longest uptimes are told.
const LONGEST: usize = 5;

/// Adds up boots that are in the order of their beginnings. `None` if there is none that counts.
pub fn availability(lines: &[BootLine]) -> Option<Availability> {
    let timed: Vec<(usize, i64, &BootLine)> = lines
        .iter()
        .enumerate()
        .filter_map(|(at, line)| Some((at, line.booted_wall_ms?, line)))
        .collect();
    let of_set_clock: Vec<(usize, i64, &BootLine)> =
        timed.iter().filter(|(_, begun, _)| *begun >= EARLIEST_WALL_MS).copied().collect();
    let kept = without_overlaps(&of_set_clock);
    let (_, from_wall_ms, _) = *kept.first()?;
    let left_out = |before: usize, after: usize| {
        u64::try_from(before.saturating_sub(after)).unwrap_or(u64::MAX)
    };
    let mut sum = Availability {
        from_wall_ms,
        up: Duration::ZERO,
        up_by_wall_clock: Duration::ZERO,
        asleep: Duration::ZERO,
        down: Duration::ZERO,
        unknown: Duration::ZERO,
        clean: 0,
        unclean: 0,
        unknown_ends: 0,
        set_back: 0,
        clock_not_set: left_out(timed.len(), of_set_clock.len()),
        time_not_known: left_out(lines.len(), timed.len()),
        overlapping: left_out(of_set_clock.len(), kept.len()),
        longest: longest(&kept),
    };
    for (n, (at, begun, line)) in kept.iter().enumerate() {
        match line.end {
            BootEnd::Clean => sum.clean += 1,
            BootEnd::Unclean => sum.unclean += 1,
            BootEnd::Unknown => sum.unknown_ends += 1,
            BootEnd::Running => {}
        }
        let next = kept.get(n.saturating_add(1)).map(|(next_at, next_begun, next)| Next {
            line: next,
            begun: *next_begun,
            follows: lines
                .iter()
                .take(*next_at)
                .skip(at.saturating_add(1))
                .all(|between| between.booted_wall_ms.is_some()),
        });
        sum.add(line, *begun, next);
    }
    Some(sum)
}

/// The boots without those that lie within one that others tell of. Nobody runs two at once, and no
/// hour counts twice: of two the one that the agent saw stays, else the longer one.
fn without_overlaps<'a>(lines: &[(usize, i64, &'a BootLine)]) -> Vec<(usize, i64, &'a BootLine)> {
    let weight = |line: &BootLine| (line.sources.contains(&BootSource::Agent), line.ran);
    let mut kept: Vec<(usize, i64, &BootLine)> = Vec::with_capacity(lines.len());
    for (at, begun, line) in lines {
        let mut stays = true;
        while let Some((_, _, last)) = kept.last()
            && last.ended() > Some(*begun)
            && !last.sources.iter().any(|source| line.sources.contains(source))
        {
            if weight(last) >= weight(line) {
                stays = false;
                break;
            }
            kept.pop();
        }
        if stays {
            kept.push((*at, *begun, line));
        }
    }
    kept
}

/// The boots that ran longest.
fn longest(lines: &[(usize, i64, &BootLine)]) -> Vec<usize> {
    let mut known: Vec<_> = lines
        .iter()
        .filter_map(|(at, _, line)| line.ran.map(|ran| (std::cmp::Reverse(ran), *at)))
        .collect();
    known.sort();
    known.into_iter().take(LONGEST).map(|(_, at)| at).collect()
}

/// The boot after another.
#[derive(Debug, Clone, Copy)]
struct Next<'a> {
    line: &'a BootLine,
    begun: i64,
    /// Whether no boot was in between of which nobody knows when: the host was up in it, so that the
    /// time in between is not known to be downtime.
    follows: bool,
}

impl Availability {
    /// The period that is accounted for.
    pub fn period(&self) -> Duration {
        self.up.saturating_add(self.down).saturating_add(self.unknown)
    }

    /// The least and the most of the period, in parts of a million, that the host may have been up.
    /// `None` if the period is empty.
    pub fn bounds_ppm(&self) -> Option<(u64, u64)> {
        let part = |time: Duration| {
            // A period below a millisecond is empty.
            let period = self.period().as_millis();
            u64::try_from(time.as_millis().checked_mul(1_000_000)?.checked_div(period)?).ok()
        };
        Some((part(self.up)?, part(self.up.saturating_add(self.unknown))?))
    }

    fn add(&mut self, line: &BootLine, begun: i64, next: Option<Next<'_>>) {
        let until_next = next.map(|next| {
            u64::try_from(next.begun.saturating_sub(begun))
                .map_or(Duration::ZERO, Duration::from_millis)
        });
        let by_wall = line.ran_by == Some(LengthBasis::WallClock);
        // Two boots do not overlap: a length by a clock that was set in between is none.
        let ran = line.ran.filter(|ran| !by_wall || until_next.is_none_or(|time| *ran <= time));
        let Some(ran) = ran else {
            self.set_back += u64::from(line.ran.is_some());
            self.unknown = self.unknown.saturating_add(until_next.unwrap_or_default());
            return;
        };
        self.up = self.up.saturating_add(ran);
        if by_wall {
            self.up_by_wall_clock = self.up_by_wall_clock.saturating_add(ran);
        }
        self.asleep = self.asleep.saturating_add(line.slept.unwrap_or_default());
        let Some(next) = next else { return };
        let Some(ended) = line.ended() else { return };
        match u64::try_from(next.begun.saturating_sub(ended)) {
            Err(_) => self.set_back += 1,
            Ok(ms) => {
                let gap = Duration::from_millis(ms);
                let is_down = next.follows && is_downtime(line, next.line);
                let into = if is_down { &mut self.down } else { &mut self.unknown };
                *into = into.saturating_add(gap);
            }
        }
    }
}

/// Whether the host is known to have been down between two boots that follow each other.
pub(crate) fn is_downtime(line: &BootLine, next: &BootLine) -> bool {
    let both = |source: &&BootSource| source.is_complete() && next.sources.contains(source);
    line.end == BootEnd::Clean && line.sources.iter().any(|source| both(&source))
}

impl BootLine {
    /// When it ended or was last seen by the wall clock, as far as anybody tells.
    fn ended(&self) -> Option<i64> {
        let by_length = || {
            let ran = i64::try_from(self.ran?.as_millis()).unwrap_or(i64::MAX);
            Some(self.booted_wall_ms?.saturating_add(ran))
        };
        self.ended_wall_ms.or_else(by_length)
    }

    /// How long the host was down after this boot, if that is known.
    pub fn down_until(&self, next: &Self) -> Option<Duration> {
        let gap = next.booted_wall_ms?.checked_sub(self.ended_wall_ms?)?;
        let gap = u64::try_from(gap).ok().map(Duration::from_millis);
        gap.filter(|_| is_downtime(self, next))
    }
}

#[cfg(test)]
mod tests;
