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

    /// Adds errors; whether the threshold is reached.
    pub(super) fn add(&mut self, at: Seconds, errors: u64, threshold: u64, within: u32) -> bool {
        match self {
            Self::Bucket { held, since } => {
                let age = Seconds::from(within.max(1));
                let passed = at.saturating_sub(*since.get_or_insert(at));
                if passed >= age {
                    // mcelog, leaky-bucket.c: what leaks is in proportion to all the time passed,
                    // rounded down.
                    let leaked = i128::from(passed) * i128::from(threshold) / i128::from(age);
                    *held = held.saturating_sub(u64::try_from(leaked).unwrap_or(u64::MAX));
                    *since = Some(at);
                }
                *held = held.saturating_add(errors);
                let full = *held >= threshold;
                if full {
                    *held = 0;
                }
                full
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
                *held >= threshold
            }
        }
    }
}

/// The kernel's corrected-errors collector (`drivers/ras/cec.c`), one for a node.
#[derive(Debug, Clone, Default)]
pub(super) struct Collector {
    /// Age, which begins at three and falls to nought, and count, by page.
    pages: BTreeMap<u64, (u8, u32)>,
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

    /// Adds errors of a page; whether it reaches the threshold.
    pub(super) fn add(
        &mut self,
        at: Seconds,
        page: u64,
        errors: u32,
        threshold: u32,
        decay: u32,
    ) -> bool {
        self.age(at, Seconds::from(decay.max(1)));
        let mut full = false;
        for _ in 0..errors {
            full |= self.add_one(page, threshold);
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
            assert!(!count.add(hour * HOUR, 1, 10, DAY), "hour {hour}");
        }
        assert!(count.add(9 * HOUR, 1, 10, DAY));
        assert!(!count.add(9 * HOUR, 9, 10, DAY));
        assert!(count.add(9 * HOUR, 1, 10, DAY));
    }

    #[test]
    fn a_bucket_leaks_in_steps_of_its_age_and_not_before() {
        let mut count = bucket();
        assert!(!count.add(0, 9, 10, DAY));
        // Nothing has leaked a second before the age is reached.
        assert!(count.add(24 * HOUR - 1, 1, 10, DAY));
        let mut count = bucket();
        assert!(!count.add(0, 9, 10, DAY));
        // A day and a half: fifteen may leak, nine do.
        assert!(!count.add(36 * HOUR, 9, 10, DAY));
        // Half a day on, nothing leaks.
        assert!(count.add(48 * HOUR, 1, 10, DAY));
    }

    #[test]
    fn a_window_forgets_what_is_older() {
        let mut count = Count::new(Counting::Window { within: DAY }).unwrap();
        assert!(!count.add(0, 12, 24, DAY));
        assert!(count.add(24 * HOUR - 1, 12, 24, DAY));
        assert!(!count.add(24 * HOUR, 1, 24, DAY), "the first twelve are a day old");
    }

    #[test]
    fn the_collector_never_forgets_what_keeps_its_place() {
        let mut collector = Collector::default();
        for day in 0..1022 {
            assert!(!collector.add(day * 24 * HOUR, 7, 1, 1023, DAY), "day {day}");
        }
        assert!(collector.add(1022 * 24 * HOUR, 7, 1, 1023, DAY));
        assert!(!collector.add(1022 * 24 * HOUR, 7, 1, 1023, DAY), "it begins anew");
    }

    #[test]
    fn the_collector_drops_the_oldest_page_of_a_full_table() {
        let mut collector = Collector::default();
        assert!(!collector.add(0, 7, 1, 2, DAY));
        for page in 100..611 {
            assert!(!collector.add(4 * 24 * HOUR, page, 1, 2, DAY));
        }
        // The table holds 512; the next one pushes page 7 out.
        assert!(!collector.add(4 * 24 * HOUR, 611, 1, 2, DAY));
        assert!(!collector.add(4 * 24 * HOUR, 7, 1, 2, DAY));
        assert!(collector.add(4 * 24 * HOUR, 7, 1, 2, DAY));
    }
}
