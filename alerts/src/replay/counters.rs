//! How other programs count errors, step by step as they do it.

use super::policy::{Counting, DAY};
use crate::memory::Seconds;
use std::collections::{BTreeMap, VecDeque};

/// A count that reaches a threshold.
#[derive(Debug, Clone)]
pub(super) enum Count {
    Bucket { held: u64, since: Option<Seconds> },
    Window { held: u64, seen: VecDeque<(Seconds, u64)> },
}

impl Count {
    /// For a way of counting that is about one thing at a time; the kernel's collector is about a
    /// table, see [`Collector`].
    pub(super) fn new(counting: Counting) -> Option<Self> {
        match counting {
            Counting::Bucket { .. } => Some(Self::Bucket { held: 0, since: None }),
            Counting::Window { .. } => Some(Self::Window { held: 0, seen: VecDeque::new() }),
            Counting::Collector { .. } => None,
        }
    }

    /// What it holds at a moment before which nothing more came.
    pub(super) fn held(&self, at: Seconds, threshold: u64, within: u32) -> u64 {
        match self {
            Self::Bucket { held, since } => {
                let passed = since.map_or(0, |since| at.saturating_sub(since));
                held.saturating_sub(leaked(passed, threshold, within))
            }
            Self::Window { seen, .. } => {
                let begin = at.saturating_sub(Seconds::from(within));
                let there = seen.iter().filter(|(first, _)| *first > begin);
                there.fold(0_u64, |sum, (_, of_it)| sum.saturating_add(*of_it))
            }
        }
    }

    /// Adds errors; what is counted if the threshold is reached.
    pub(super) fn add(
        &mut self,
        at: Seconds,
        errors: u64,
        threshold: u64,
        within: u32,
    ) -> Option<u64> {
        match self {
            Self::Bucket { held, since } => {
                let age = Seconds::from(within.max(1));
                let passed = at.saturating_sub(*since.get_or_insert(at));
                if passed >= age {
                    *held = held.saturating_sub(leaked(passed, threshold, within));
                    *since = Some(at);
                }
                *held = held.saturating_add(errors);
                (*held >= threshold).then(|| std::mem::take(held))
            }
            Self::Window { held, seen } => {
                let begin = at.saturating_sub(Seconds::from(within));
                while let Some(&(first, of_it)) = seen.front() {
                    if first > begin {
                        break;
                    }
                    *held = held.saturating_sub(of_it);
                    seen.pop_front();
                }
                *held = held.saturating_add(errors);
                match seen.back_mut() {
                    // A storm of single errors takes one entry a minute.
                    Some((last, of_it)) if at.div_euclid(60) == last.div_euclid(60) => {
                        *of_it = of_it.saturating_add(errors);
                        *last = at;
                    }
                    Some(_) | None => seen.push_back((at, errors)),
                }
                (*held >= threshold).then_some(*held)
            }
        }
    }
}

/// What leaks out of a bucket: nothing before its age is reached, then in proportion to all the time
/// passed, rounded down (mcelog, leaky-bucket.c).
fn leaked(passed: Seconds, threshold: u64, within: u32) -> u64 {
    let age = Seconds::from(within.max(1));
    if passed < age {
        return 0;
    }
    let leaked = i128::from(passed) * i128::from(threshold) / i128::from(age);
    u64::try_from(leaked).unwrap_or(u64::MAX)
}

/// The kernel's corrected-errors collector (`drivers/ras/cec.c`), one for a node.
#[derive(Debug, Clone, Default)]
pub(super) struct Collector {
    /// Age, which begins at three and falls to nought, and count, by page.
    pages: BTreeMap<u64, (u8, u32)>,
    /// The DIMM that each page in the table was last reported of.
    owners: BTreeMap<u64, usize>,
    /// Errors since all pages aged last.
    since_cleaning: u32,
    /// When the timer made all pages age last.
    cleaned: Option<Seconds>,
}

impl Collector {
    const MOST_PAGES: usize = 512;
    const YOUNG: u8 = 3;
    /// A quarter of the table.
    const CLEAN_AFTER: u32 = 128;

    /// The highest count of a page of a DIMM.
    pub(super) fn held(&self, dimm: usize) -> u64 {
        let own = self.owners.iter().filter(|(_, owner)| **owner == dimm);
        let counts = own.filter_map(|(page, _)| self.pages.get(page));
        counts.map(|(_, count)| u64::from(*count)).max().unwrap_or(0)
    }

    /// Adds errors of a page of a DIMM; whether it reaches the threshold.
    pub(super) fn add(
        &mut self,
        at: Seconds,
        (dimm, page): (usize, u64),
        errors: u32,
        threshold: u32,
        decay: u32,
    ) -> bool {
        self.age(at, Seconds::from(decay.max(1)));
        let mut full = false;
        for _ in 0..errors {
            full |= self.add_one(page, threshold);
        }
        if self.pages.contains_key(&page) {
            self.owners.insert(page, dimm);
        } else {
            self.owners.remove(&page);
        }
        full
    }

    fn age(&mut self, at: Seconds, decay: Seconds) {
        let cleaned = *self.cleaned.get_or_insert(at);
        let times = at.saturating_sub(cleaned) / decay;
        for _ in 0..times.min(Seconds::from(Self::YOUNG)) {
            self.clean();
        }
        self.cleaned = Some(cleaned.saturating_add(times.saturating_mul(decay)));
    }

    fn add_one(&mut self, page: u64, threshold: u32) -> bool {
        if self.pages.len() >= Self::MOST_PAGES {
            let oldest = self.pages.iter().min_by_key(|(_, weight)| **weight);
            if let Some(oldest) = oldest.map(|(page, _)| *page) {
                self.pages.remove(&oldest);
                self.owners.remove(&oldest);
            }
        }
        let (age, count) = self.pages.entry(page).or_insert((Self::YOUNG, 0));
        *age = Self::YOUNG;
        *count += 1;
        if *count >= threshold {
            self.pages.remove(&page);
            return true;
        }
        self.since_cleaning += 1;
        if self.since_cleaning >= Self::CLEAN_AFTER {
            self.clean();
        }
        false
    }

    fn clean(&mut self) {
        for (age, _) in self.pages.values_mut() {
            *age = age.saturating_sub(1);
        }
        self.since_cleaning = 0;
    }
}

/// The decay of the collector unless somebody sets another.
pub const COLLECTOR_DECAY: u32 = DAY;

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Seconds = 3_600;

    fn bucket() -> Count {
        Count::new(Counting::Bucket { within: DAY }).unwrap()
    }

    #[test]
    fn a_bucket_is_full_at_its_capacity_and_empty_after() {
        let mut count = bucket();
        for hour in 0..9 {
            assert!(count.add(hour * HOUR, 1, 10, DAY).is_none(), "hour {hour}");
        }
        assert!(count.add(9 * HOUR, 1, 10, DAY).is_some());
        assert!(count.add(9 * HOUR, 9, 10, DAY).is_none());
        assert!(count.add(9 * HOUR, 1, 10, DAY).is_some());
    }

    #[test]
    fn a_bucket_leaks_in_steps_of_its_age_and_not_before() {
        let mut count = bucket();
        assert!(count.add(0, 9, 10, DAY).is_none());
        // Nothing has leaked a second before the age is reached.
        assert!(count.add(24 * HOUR - 1, 1, 10, DAY).is_some());
        let mut count = bucket();
        assert!(count.add(0, 9, 10, DAY).is_none());
        // A day and a half: fifteen may leak, nine do.
        assert!(count.add(36 * HOUR, 9, 10, DAY).is_none());
        // Half a day on, nothing leaks.
        assert!(count.add(48 * HOUR, 1, 10, DAY).is_some());
    }

    #[test]
    fn what_is_held_is_told_without_adding() {
        let mut count = bucket();
        assert_eq!(count.held(0, 10, DAY), 0);
        count.add(0, 9, 10, DAY);
        assert_eq!([1, 36, 50].map(|hour| count.held(hour * HOUR, 10, DAY)), [9, 0, 0]);
        assert_eq!(
            count.held(24 * HOUR - 1, 10, DAY),
            9,
            "nothing leaks before the age is reached"
        );
        let mut count = Count::new(Counting::Window { within: DAY }).unwrap();
        count.add(0, 5, 24, DAY);
        count.add(HOUR, 2, 24, DAY);
        assert_eq!([1, 24, 25].map(|hour| count.held(hour * HOUR, 24, DAY)), [7, 2, 0]);
        let mut collector = Collector::default();
        collector.add(0, (0, 7), 3, 1023, DAY);
        collector.add(0, (1, 9), 5, 1023, DAY);
        assert_eq!([0, 1, 2].map(|dimm| collector.held(dimm)), [3, 5, 0]);
    }

    #[test]
    fn a_window_forgets_what_is_older() {
        let mut count = Count::new(Counting::Window { within: DAY }).unwrap();
        assert!(count.add(0, 12, 24, DAY).is_none());
        assert!(count.add(24 * HOUR - 1, 12, 24, DAY).is_some());
        assert!(count.add(24 * HOUR, 1, 24, DAY).is_none(), "the first twelve are a day old");
    }

    #[test]
    fn the_collector_never_forgets_what_keeps_its_place() {
        let mut collector = Collector::default();
        for day in 0..1022 {
            assert!(!collector.add(day * 24 * HOUR, (0, 7), 1, 1023, DAY), "day {day}");
        }
        assert!(collector.add(1022 * 24 * HOUR, (0, 7), 1, 1023, DAY));
        assert!(!collector.add(1022 * 24 * HOUR, (0, 7), 1, 1023, DAY), "it begins anew");
    }

    #[test]
    fn the_collector_drops_the_oldest_page_of_a_full_table() {
        let mut collector = Collector::default();
        assert!(!collector.add(0, (0, 7), 1, 2, DAY));
        for page in 100..611 {
            assert!(!collector.add(4 * 24 * HOUR, (0, page), 1, 2, DAY));
        }
        // The table holds 512; the next one pushes page 7 out.
        assert!(!collector.add(4 * 24 * HOUR, (0, 611), 1, 2, DAY));
        assert!(!collector.add(4 * 24 * HOUR, (0, 7), 1, 2, DAY));
        assert!(collector.add(4 * 24 * HOUR, (0, 7), 1, 2, DAY));
    }
}
