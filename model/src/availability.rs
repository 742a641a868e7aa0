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
pub(crate) const EARLIEST_WALL_MS: i64 = 978_307_200_000;

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

/// A stretch of the past of which one thing is known, or nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) what: Known,
    pub(crate) from_wall_ms: i64,
    pub(crate) to_wall_ms: i64,
    pub(crate) length: Duration,
}

/// What is known of a stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    Up,
    Down,
    Nothing,
}

/// A boot that counts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counted<'a> {
    /// Its position in the list of all boots.
    at: usize,
    /// When it began.
    pub(crate) begun: i64,
    pub(crate) line: &'a BootLine,
    /// Whether no boot came before it of which nobody knows when: the host was up in it, so that the
    /// time before is not known to be downtime.
    follows: bool,
}

/// The boots that count, of those in the order of their beginnings, and how many of the others do not.
pub(crate) struct CountedBoots<'a> {
    pub(crate) kept: Vec<Counted<'a>>,
    clock_not_set: usize,
    time_not_known: usize,
    overlapping: usize,
}

pub(crate) fn counted(lines: &[BootLine]) -> CountedBoots<'_> {
    let (mut timed, mut of_set_clock) = (0_usize, 0_usize);
    let boots = lines.iter().enumerate().filter_map(|(at, line)| {
        let begun = line.booted_wall_ms?;
        timed += 1;
        (begun >= EARLIEST_WALL_MS).then(|| {
            of_set_clock += 1;
            Counted { at, begun, line, follows: true }
        })
    });
    let mut kept = without_overlaps(boots);
    let mut before = None;
    for boot in &mut kept {
        let between = before.map_or(0..0, |at: usize| at.saturating_add(1)..boot.at);
        boot.follows =
            lines.get(between).unwrap_or_default().iter().all(|l| l.booted_wall_ms.is_some());
        before = Some(boot.at);
    }
    CountedBoots {
        clock_not_set: timed.saturating_sub(of_set_clock),
        time_not_known: lines.len().saturating_sub(timed),
        overlapping: of_set_clock.saturating_sub(kept.len()),
        kept,
    }
}

/// Adds up boots that are in the order of their beginnings. `None` if there is none that counts.
pub fn availability(lines: &[BootLine]) -> Option<Availability> {
    let CountedBoots { kept, clock_not_set, time_not_known, overlapping } = counted(lines);
    let from_wall_ms = kept.first()?.begun;
    let number = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
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
        clock_not_set: number(clock_not_set),
        time_not_known: number(time_not_known),
        overlapping: number(overlapping),
        longest: longest(&kept),
    };
    for (n, boot) in kept.iter().enumerate() {
        match boot.line.end {
            BootEnd::Clean => sum.clean += 1,
            BootEnd::Unclean => sum.unclean += 1,
            BootEnd::Unknown => sum.unknown_ends += 1,
            BootEnd::Running => {}
        }
        sum.add(boot, kept.get(n.saturating_add(1)));
    }
    Some(sum)
}

/// The boots without those that lie within one that others tell of. Nobody runs two at once, and no
/// hour counts twice: of two the one that the agent saw stays, else the longer one.
fn without_overlaps<'a>(boots: impl Iterator<Item = Counted<'a>>) -> Vec<Counted<'a>> {
    let weight = |line: &BootLine| (line.sources.contains(&BootSource::Agent), line.ran);
    let mut kept: Vec<Counted<'_>> = Vec::with_capacity(boots.size_hint().1.unwrap_or(0));
    for boot in boots {
        let mut stays = true;
        while let Some(Counted { line: last, .. }) = kept.last()
            && last.ended() > Some(boot.begun)
            && !last.sources.iter().any(|source| boot.line.sources.contains(source))
        {
            if weight(last) >= weight(boot.line) {
                stays = false;
                break;
            }
            kept.pop();
        }
        if stays {
            kept.push(boot);
        }
    }
    kept
}

/// The boots that ran longest.
fn longest(boots: &[Counted<'_>]) -> Vec<usize> {
    let mut known: Vec<_> = boots
        .iter()
        .filter_map(|boot| boot.line.ran.map(|ran| (std::cmp::Reverse(ran), boot.at)))
        .collect();
    if known.len() > LONGEST {
        known.select_nth_unstable(LONGEST);
        known.truncate(LONGEST);
    }
    known.sort();
    known.into_iter().map(|(_, at)| at).collect()
}

impl Availability {
    /// The period that is accounted for.
    pub fn period(&self) -> Duration {
        self.up.saturating_add(self.down).saturating_add(self.unknown)
    }

    /// The least and the most of the period, in parts of a million, that the host may have been up.
    /// `None` if the period is empty.
    pub fn bounds_ppm(&self) -> Option<(u64, u64)> {
        bounds_ppm(self.up, self.down, self.unknown)
    }

    fn add(&mut self, boot: &Counted<'_>, next: Option<&Counted<'_>>) {
        let (line, Told { pieces, is_set_back }) = (boot.line, boot.pieces(next));
        self.set_back += u64::from(is_set_back);
        for piece in pieces.into_iter().flatten() {
            let into = match piece.what {
                Known::Up => {
                    if line.ran_by == Some(LengthBasis::WallClock) {
                        self.up_by_wall_clock = self.up_by_wall_clock.saturating_add(piece.length);
                    }
                    let slept = line.slept.unwrap_or_default();
                    self.asleep = self.asleep.saturating_add(slept);
                    &mut self.up
                }
                Known::Down => &mut self.down,
                Known::Nothing => &mut self.unknown,
            };
            *into = into.saturating_add(piece.length);
        }
    }
}

/// The least and the most of a period, in parts of a million, that the host may have been up. `None` if
/// it is empty.
pub(crate) fn bounds_ppm(up: Duration, down: Duration, unknown: Duration) -> Option<(u64, u64)> {
    // A period below a millisecond is empty.
    let period = up.saturating_add(down).saturating_add(unknown).as_millis();
    let part = |time: Duration| {
        u64::try_from(time.as_millis().checked_mul(1_000_000)?.checked_div(period)?).ok()
    };
    Some((part(up)?, part(up.saturating_add(unknown))?))
}

/// What a boot tells of the time from its beginning until the next one's.
pub(crate) struct Told {
    /// The boot, and the time behind it.
    pub(crate) pieces: [Option<Piece>; 2],
    /// Whether the next one began before its end.
    pub(crate) is_set_back: bool,
}

/// Whether the host is known to have been down between two boots that follow each other.
pub(crate) fn is_downtime(line: &BootLine, next: &BootLine) -> bool {
    let both = |source: &&BootSource| source.is_complete() && next.sources.contains(source);
    line.end == BootEnd::Clean && line.sources.iter().any(|source| both(&source))
}

impl Counted<'_> {
    /// The time from its beginning until the next one's, by what is known of it.
    pub(crate) fn pieces(&self, next: Option<&Self>) -> Told {
        let piece = |what, from_wall_ms: i64, to_wall_ms: i64, length| {
            Some(Piece { what, from_wall_ms, to_wall_ms, length })
        };
        let Counted { at: _, begun, line, follows: _ } = *self;
        let until_next = next.map(|next| {
            u64::try_from(next.begun.saturating_sub(begun))
                .map_or(Duration::ZERO, Duration::from_millis)
        });
        let by_wall = line.ran_by == Some(LengthBasis::WallClock);
        // Two boots do not overlap: a length by a clock that was set in between is none.
        let ran = line.ran.filter(|ran| !by_wall || until_next.is_none_or(|time| *ran <= time));
        let Some(ran) = ran else {
            let all = next.and_then(|next| {
                let (from, to) = (begun, next.begun);
                piece(Known::Nothing, from, to, until_next.unwrap_or_default())
            });
            return Told { pieces: [all, None], is_set_back: line.ran.is_some() };
        };
        let ended = line.ended();
        let up = piece(Known::Up, begun, ended.unwrap_or(begun), ran);
        let mut told = Told { pieces: [up, None], is_set_back: false };
        let (Some(next), Some(ended)) = (next, ended) else { return told };
        match u64::try_from(next.begun.saturating_sub(ended)) {
            Err(_) => told.is_set_back = true,
            Ok(ms) => {
                let is_down = next.follows && is_downtime(line, next.line);
                let what = if is_down { Known::Down } else { Known::Nothing };
                let gap = Duration::from_millis(ms);
                told.pieces = [up, piece(what, ended, next.begun, gap)];
            }
        }
        told
    }
}

impl BootLine {
    /// When it ended or was last seen by the wall clock, as far as anybody tells.
    pub(crate) fn ended(&self) -> Option<i64> {
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
