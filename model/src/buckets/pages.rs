//! Bad pages by hour, day, month or boot: how many were registered, what became of them, and how many
//! were out of use at the end.

use super::{BucketTime, BucketWindow, Grid, Watched};
use crate::{BootId, BootRecord, PageAnswer, PageEvent, PageLife, PageOutcome, PageState};
use serde::Serialize;
use std::collections::BTreeMap;

/// What happened to pages in a time. All but the first are happenings, of which a page may have many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct PageCounts {
    /// Pages that were registered as bad.
    pub registered: u64,
    /// Reports of the kernel that a page was taken out of use before it fails.
    pub soft_offlined: u64,
    /// Reports that the kernel set about that, without what came of it.
    pub asked: u64,
    /// Our requests for that which the kernel met; it may report the same.
    pub requests_done: u64,
    /// Errors that hit a page and after which it is out of use.
    pub recovered: u64,
    /// Those after which it will be when it is next used.
    pub delayed: u64,
    /// Requests and errors after which the kernel left the page in use.
    pub refused: u64,
    /// Those of which nobody told what came of them, and requests that were not made after all.
    pub other: u64,
}

/// Bad pages of a time, or of a boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PageBucket {
    /// Which time, and how much of it was watched.
    #[serde(flatten)]
    pub time: BucketTime,
    /// What happened in it.
    #[serde(skip)]
    pub counts: PageCounts,
    /// Pages registered by its end; none ever leaves the registry.
    #[serde(skip)]
    pub known: u64,
    /// Of these, those that the kernel that ran then had out of use at its end, as far as was told: what
    /// a boot loader keeps from a kernel is not among them.
    #[serde(skip)]
    pub out_of_use: u64,
}

impl PageBucket {
    /// Whether anybody looked at all: without that, no page is no statement.
    pub fn is_watched(&self) -> bool {
        !self.time.watched.is_zero() || self.counts != PageCounts::default()
    }

    /// What happened, `None` where nobody looked.
    pub fn counts(&self) -> Option<&PageCounts> {
        self.is_watched().then_some(&self.counts)
    }

    /// Pages registered by its end, `None` where nobody looked.
    pub fn known(&self) -> Option<u64> {
        self.is_watched().then_some(self.known)
    }

    /// Pages that were out of use at its end, as far as was told; `None` where nobody looked.
    pub fn out_of_use(&self) -> Option<u64> {
        self.is_watched().then_some(self.out_of_use)
    }
}

/// What became of bad pages, by hour, day, month or boot.
pub fn page_buckets(
    window: BucketWindow,
    lives: &[PageLife],
    watched: Watched<'_>,
) -> Vec<PageBucket> {
    let grid = Grid::new(window, watched, &[]);
    let mut buckets: Vec<PageBucket> = (grid.times.iter())
        .map(|time| PageBucket {
            time: time.clone(),
            counts: PageCounts::default(),
            known: 0,
            out_of_use: 0,
        })
        .collect();
    for PageLife { page, turns } in lives {
        let place = grid.place(page.first_seen_wall_ms, None);
        if let Some(bucket) = place.and_then(|n| buckets.get_mut(n)) {
            bucket.counts.registered += 1;
        }
        for turn in turns {
            let place = grid.place(turn.at_wall_ms, Some(&turn.boot));
            if let Some(bucket) = place.and_then(|n| buckets.get_mut(n)) {
                *bucket.counts.of(&turn.what) += 1;
            }
        }
    }
    let mut first_seen: Vec<i64> = lives.iter().map(|life| life.page.first_seen_wall_ms).collect();
    first_seen.sort_unstable();
    let out_since = out_since(lives);
    let before = |moments: &[i64], end: i64| {
        u64::try_from(moments.partition_point(|moment| *moment < end)).unwrap_or(u64::MAX)
    };
    for bucket in &mut buckets {
        let end = bucket.time.end();
        bucket.known = before(&first_seen, end);
        let boot = running(&bucket.time, watched.boots);
        let out = boot.and_then(|boot| out_since.get(boot));
        bucket.out_of_use = out.map_or(0, |moments| before(moments, end));
    }
    buckets
}

/// The boot that ran at the end of a bucket, or was the last one before.
fn running<'a>(time: &BucketTime, boots: &'a [BootRecord]) -> Option<&'a BootId> {
    let at_end = |boot: &&BootRecord| match &time.boot {
        Some(of) => boot.boot == *of,
        None => boot.booted_wall_ms.is_some_and(|begun| begun < time.to_wall_ms),
    };
    boots.iter().rfind(at_end).map(|boot| &boot.boot)
}

/// For each boot, when pages are known to have gone out of use in it, in order. A reboot puts them back.
fn out_since(lives: &[PageLife]) -> BTreeMap<&BootId, Vec<i64>> {
    let mut found: BTreeMap<&BootId, Vec<i64>> = BTreeMap::new();
    for PageLife { page, turns } in lives {
        let mut since: BTreeMap<&BootId, i64> = BTreeMap::new();
        let mut is_out = |boot, at_wall_ms: i64| {
            // It is registered by the pass that follows.
            let at_wall_ms = at_wall_ms.max(page.first_seen_wall_ms);
            let first = since.entry(boot).or_insert(at_wall_ms);
            *first = at_wall_ms.min(*first);
        };
        for turn in turns {
            match Fate::of(&turn.what) {
                Fate::SoftOfflined | Fate::Granted | Fate::Recovered => {
                    is_out(&turn.boot, turn.at_wall_ms);
                }
                Fate::Asked | Fate::Delayed | Fate::Refused | Fate::Other => {}
            }
        }
        match page.state {
            PageState::OfflineNow => is_out(&page.boot, page.last_seen_wall_ms),
            // When the kernel took it back is not known: the lower count.
            PageState::NotOfflineNow => {
                since.remove(&page.boot);
            }
            PageState::Unknown => {}
        }
        for (boot, at_wall_ms) in since {
            found.entry(boot).or_default().push(at_wall_ms);
        }
    }
    for moments in found.values_mut() {
        moments.sort_unstable();
    }
    found
}

/// What a happening means for the page.
enum Fate {
    SoftOfflined,
    Asked,
    Granted,
    Recovered,
    Delayed,
    Refused,
    Other,
}

impl Fate {
    fn of(what: &PageEvent) -> Self {
        match what {
            PageEvent::Failed { outcome, .. } => match outcome {
                PageOutcome::Recovered => Self::Recovered,
                PageOutcome::Delayed => Self::Delayed,
                PageOutcome::Ignored | PageOutcome::Failed => Self::Refused,
                PageOutcome::Unknown => Self::Other,
            },
            PageEvent::SoftOffline { outcome, .. } => match outcome {
                PageOutcome::Recovered => Self::SoftOfflined,
                PageOutcome::Delayed => Self::Delayed,
                PageOutcome::Ignored | PageOutcome::Failed => Self::Refused,
                PageOutcome::Unknown => Self::Asked,
            },
            PageEvent::Requested { answer } => match answer {
                Some(PageAnswer::Done) => Self::Granted,
                Some(PageAnswer::Failed { .. }) => Self::Refused,
                Some(PageAnswer::NotAsked) | None => Self::Other,
            },
        }
    }
}

impl PageCounts {
    fn of(&mut self, what: &PageEvent) -> &mut u64 {
        match Fate::of(what) {
            Fate::SoftOfflined => &mut self.soft_offlined,
            Fate::Asked => &mut self.asked,
            Fate::Granted => &mut self.requests_done,
            Fate::Recovered => &mut self.recovered,
            Fate::Delayed => &mut self.delayed,
            Fate::Refused => &mut self.refused,
            Fate::Other => &mut self.other,
        }
    }
}

#[cfg(test)]
mod tests;
