//! Kernels, live patches and vulnerabilities by hour, day, month or boot.
//!
//! Changes are those of facts, so that they add up to what `history patches` lists. What the first pass
//! of the history found was there before anybody watched, and is told apart: a kernel that is found
//! is not one that was installed.

use super::{BucketTime, BucketWindow, Grid, Watched};
use crate::seconds;
use crate::{
    BootId, ExposureRecord, ExposureTurnKind, FactRecord, IN_TRANSITION, INSTALLED_KERNEL,
    KERNEL_RELATION, KERNEL_RELEASE, REBOOT_REASON, RUNNING_MICROCODE, VERDICT,
};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// Changes of a time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct PatchCounts {
    /// Packages of kernels that were installed or went up.
    pub kernels_installed: u64,
    /// Those that are gone.
    pub kernels_removed: u64,
    /// Boots of another kernel than the one before.
    pub kernels_booted: u64,
    /// Transitions of live patches that began. One that is over when its patch is first seen began too.
    pub transitions_begun: u64,
    /// Those that are through.
    pub transitions_ended: u64,
    /// Changes of the microcode that runs.
    pub microcode: u64,
    /// Other changes of what was read.
    pub other: u64,
    /// Changes of what was concluded: the verdict, reasons for a reboot, how the kernel stands.
    pub concluded: u64,
    /// What the first pass of the history found; not among the others.
    pub found_before: u64,
    /// Vulnerabilities that began to be owed, or are owed again.
    pub owed_begun: u64,
    /// Those that ceased to be: by a live patch, or by a boot.
    pub owed_ended: u64,
}

/// What became of the kernel's patches in a time, or in a boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PatchBucket {
    /// Which time, and how much of it was watched.
    #[serde(flatten)]
    pub time: BucketTime,
    /// Changes in it.
    #[serde(skip)]
    pub counts: PatchCounts,
    /// Vulnerabilities seen to be owed at its end.
    #[serde(skip)]
    pub owed: u64,
    /// Of those owed in it, for how long the fix of the worst had been released, at its end or when it
    /// ceased to be owed; `None` if none was owed, or nobody told.
    #[serde(rename = "longest_released_seconds", serialize_with = "seconds::of_option")]
    pub longest_released: Option<Duration>,
    /// Likewise, for how long a kernel with the fix had been installed.
    #[serde(rename = "longest_installed_seconds", serialize_with = "seconds::of_option")]
    pub longest_installed: Option<Duration>,
}

impl PatchBucket {
    /// Whether anybody looked at all: without that, no change is no statement.
    pub fn is_watched(&self) -> bool {
        !self.time.watched.is_zero() || self.counts != PatchCounts::default()
    }

    /// Changes, `None` where nobody looked.
    pub fn counts(&self) -> Option<&PatchCounts> {
        self.is_watched().then_some(&self.counts)
    }

    /// Vulnerabilities seen to be owed at its end, `None` where nobody looked.
    pub fn owed(&self) -> Option<u64> {
        self.is_watched().then_some(self.owed)
    }
}

/// What changed of the kernel's patches, by hour, day, month or boot. `changes` are in the order in
/// which they were seen, from the beginning of the history on.
pub fn patch_buckets(
    window: BucketWindow,
    changes: &[FactRecord],
    exposures: &[ExposureRecord],
    watched: Watched<'_>,
) -> Vec<PatchBucket> {
    let grid = Grid::new(window, watched, &[]);
    let mut buckets: Vec<PatchBucket> = (grid.times.iter())
        .map(|time| PatchBucket {
            time: time.clone(),
            counts: PatchCounts::default(),
            owed: 0,
            longest_released: None,
            longest_installed: None,
        })
        .collect();
    let mut before = Before::default();
    for change in changes {
        let counted = before.take(change);
        let place = grid.place(change.at_wall_ms, Some(&change.boot));
        if let Some(bucket) = place.and_then(|n| buckets.get_mut(n)) {
            counted.add_to(&mut bucket.counts);
        }
    }
    for exposure in exposures {
        let turns = turns(exposure);
        for (at_wall_ms, is_owed) in &turns {
            let place = grid.place(*at_wall_ms, None);
            let Some(bucket) = place.and_then(|n| buckets.get_mut(n)) else { continue };
            let PatchCounts { owed_begun, owed_ended, .. } = &mut bucket.counts;
            *(if *is_owed { owed_begun } else { owed_ended }) += 1;
        }
        let until = turns.iter().skip(1).map(|(at, _)| *at).chain([i64::MAX]);
        for ((since, _), until) in turns.iter().zip(until).filter(|((_, is_owed), _)| *is_owed) {
            for bucket in buckets.iter_mut().skip(grid.from(*since)) {
                if grid.is_past(&bucket.time, until) {
                    break;
                }
                bucket.owe(exposure, *since, until);
            }
        }
    }
    // Of a time in which nobody looked it is not told what was owed in it either.
    for bucket in buckets.iter_mut().filter(|bucket| !bucket.is_watched()) {
        (bucket.longest_released, bucket.longest_installed) = (None, None);
    }
    buckets
}

/// When it began and ceased to be owed, in turn.
fn turns(exposure: &ExposureRecord) -> Vec<(i64, bool)> {
    let mut turns = vec![(exposure.first_wall_ms, true)];
    for turn in &exposure.turns {
        let is_owed = match turn.what {
            ExposureTurnKind::Mitigated | ExposureTurnKind::Closed => false,
            ExposureTurnKind::Unmitigated => true,
        };
        // A boot that only brought what a live patch had in force ended nothing.
        if turns.last().is_none_or(|(_, was)| *was != is_owed) {
            turns.push((turn.at_wall_ms, is_owed));
        }
    }
    turns
}

impl PatchBucket {
    /// Takes in that a vulnerability was owed from one moment until another.
    fn owe(&mut self, exposure: &ExposureRecord, since: i64, until: i64) {
        let (from, end) = (self.time.from_wall_ms, self.time.end());
        if since >= end || until <= from {
            return;
        }
        self.owed += u64::from(until >= end);
        let at = until.min(self.time.to_wall_ms);
        let clock = |since_s: Option<i64>| {
            let ms = at.saturating_sub(since_s?.saturating_mul(1_000));
            u64::try_from(ms).ok().map(Duration::from_millis)
        };
        self.longest_released = self.longest_released.max(clock(exposure.released_unix_s));
        self.longest_installed = self.longest_installed.max(clock(exposure.installed_unix_s));
    }
}

/// What one change counts as.
enum Counted {
    Kernel { is_there: bool },
    Booted,
    Transition { begun: bool, ended: bool },
    Microcode,
    Other,
    Concluded,
    Found,
}

impl Counted {
    fn add_to(&self, counts: &mut PatchCounts) {
        let which = match self {
            Self::Kernel { is_there: true } => &mut counts.kernels_installed,
            Self::Kernel { is_there: false } => &mut counts.kernels_removed,
            Self::Booted => &mut counts.kernels_booted,
            Self::Microcode => &mut counts.microcode,
            Self::Other => &mut counts.other,
            Self::Concluded => &mut counts.concluded,
            Self::Found => &mut counts.found_before,
            Self::Transition { begun, ended } => {
                counts.transitions_begun += u64::from(*begun);
                counts.transitions_ended += u64::from(*ended);
                return;
            }
        };
        *which += 1;
    }
}

/// What was known before a change.
#[derive(Default)]
struct Before<'a> {
    values: BTreeMap<(&'a str, &'a str), &'a str>,
    /// When anything was first told, and when each fact was.
    first: Option<Moment<'a>>,
    firsts: BTreeMap<&'a str, Moment<'a>>,
}

/// One pass.
type Moment<'a> = (i64, &'a BootId);

impl<'a> Before<'a> {
    fn take(&mut self, change: &'a FactRecord) -> Counted {
        let FactRecord { at_wall_ms, boot, name, subject, value, state } = change;
        let (name, value, now) = (name.as_str(), value.as_deref(), (*at_wall_ms, boot));
        let had = match value {
            Some(value) => self.values.insert((name, subject), value),
            // One that could not be read for a while is the same as before.
            None if state == "gone" => self.values.remove(&(name, subject.as_str())),
            None => None,
        };
        let is_first = *self.first.get_or_insert(now) == now;
        // A source that answers later than the first pass found what it tells of, too.
        let is_found = *self.firsts.entry(name).or_insert(now) == now;
        match (name, value) {
            (KERNEL_RELATION | REBOOT_REASON | VERDICT, _) => Counted::Concluded,
            (_, _) if is_first => Counted::Found,
            // A host has no live patch to begin with: the first one is news.
            (IN_TRANSITION, Some("true")) if had != Some("true") => {
                Counted::Transition { begun: true, ended: false }
            }
            (IN_TRANSITION, Some("false")) if had != Some("false") => {
                Counted::Transition { begun: had.is_none(), ended: true }
            }
            (INSTALLED_KERNEL | KERNEL_RELEASE | RUNNING_MICROCODE, _) if is_found => {
                Counted::Found
            }
            (INSTALLED_KERNEL, Some(_)) if had != value => Counted::Kernel { is_there: true },
            (INSTALLED_KERNEL, None) if had.is_some() => Counted::Kernel { is_there: false },
            (KERNEL_RELEASE, Some(_)) if had != value => Counted::Booted,
            (RUNNING_MICROCODE, Some(_)) if had != value => Counted::Microcode,
            (_, _) => Counted::Other,
        }
    }
}

#[cfg(test)]
mod tests;
