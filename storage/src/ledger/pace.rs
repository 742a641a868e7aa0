//! How many facts of a kind that may come at any time are told: a verdict may flap and errors may
//! storm, for days. Pure.

use scrubjay_model::Verdict;
use std::collections::BTreeMap;
use std::time::Duration;

/// Rows that may be added at once, and come back one by one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bucket {
    most: u32,
    left: u32,
    returns_in: Duration,
    /// Time since boot from which the next return is counted.
    since: Option<Duration>,
}

impl Bucket {
    pub(crate) fn new(most: u32, returns_in: Duration) -> Self {
        Self { most, left: most, returns_in, since: None }
    }

    /// Takes one, if one is left. Where no clock tells the time, nothing is held back: that is a
    /// tree of files, and no host that goes on for days.
    pub(crate) fn take(&mut self, now: Option<Duration>) -> bool {
        let Some(now) = now else { return true };
        // In another boot the clock begins anew.
        let since = self.since.filter(|since| *since <= now).unwrap_or(now);
        let passed = now.saturating_sub(since);
        let returned = passed.as_nanos().checked_div(self.returns_in.as_nanos()).unwrap_or(0);
        let returned = u32::try_from(returned).unwrap_or(u32::MAX);
        self.left = self.left.saturating_add(returned).min(self.most);
        self.since = Some(match self.left == self.most {
            true => now,
            false => since.saturating_add(self.returns_in.saturating_mul(returned)),
        });
        let is_left = self.left > 0;
        self.left = self.left.saturating_sub(1);
        is_left
    }
}

/// What a run of the agent has told the ledger of what may flap or storm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pace {
    /// The verdict and the findings behind it, as told last.
    pub(crate) verdict: Option<(Verdict, BTreeMap<&'static str, Verdict>)>,
    pub(crate) verdicts: Bucket,
    pub(crate) errors: Bucket,
    /// Whether errors were left out since the last row on errors.
    pub(crate) errors_left_out: bool,
}

impl Pace {
    /// 48 verdicts at once and as many in a day, 256 reports of errors.
    pub(crate) fn new() -> Self {
        const DAY: Duration = Duration::from_secs(86_400);
        Self {
            verdict: None,
            verdicts: Bucket::new(48, DAY / 48),
            errors: Bucket::new(256, DAY / 256),
            errors_left_out: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Option<Duration> {
        Some(Duration::from_secs(seconds))
    }

    #[test]
    fn a_bucket_runs_dry_and_fills_again() {
        let mut bucket = Bucket::new(2, Duration::from_secs(10));
        let mut take = |at| bucket.take(seconds(at));
        assert_eq!([take(100), take(100), take(101), take(109)], [true, true, false, false]);
        assert_eq!([take(110), take(111), take(120), take(121)], [true, false, true, false]);
        assert_eq!([take(1_000), take(1_000), take(1_000)], [true, true, false]);
        // Another boot: the clock tells less, and nothing returns by that.
        assert_eq!([take(5), take(14), take(15)], [false, false, true]);
    }

    #[test]
    fn without_a_clock_nothing_is_held_back() {
        let mut bucket = Bucket::new(1, Duration::from_secs(10));
        assert!((0..10).all(|_| bucket.take(None)));
    }
}
