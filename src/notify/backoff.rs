//! How long to wait after failures: twice as long each time, and not all hosts at once.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(600);

/// Numbers that look random, from a seed alone (SplitMix64, Vigna 2015).
#[derive(Debug, Clone)]
pub(super) struct Jitter(u64);

impl Jitter {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// How long to wait after so many failures in a row, at least one: doubled each time up to ten
    /// minutes, and up to a quarter more or less.
    pub(super) fn wait(&mut self, failures: u32) -> Duration {
        let doubled = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
        let wait = FIRST.saturating_mul(doubled).min(LONGEST);
        let percent = u32::try_from(self.next() % 51).unwrap_or(25).saturating_add(75);
        wait.saturating_mul(percent) / 100
    }
}

/// A seed that differs between hosts and starts.
pub(super) fn seed(text: &str, nanos: u128) -> u64 {
    // FNV-1a.
    let bytes = text.bytes().chain(nanos.to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_waits_longer_each_time_and_never_long() {
        let mut jitter = Jitter::new(42);
        let mut distinct = std::collections::BTreeSet::new();
        for failures in 1..200 {
            let wait = jitter.wait(failures);
            let plain = Duration::from_secs(1 << (failures - 1).min(10)).min(LONGEST);
            assert!(wait >= plain * 3 / 4 && wait <= plain * 5 / 4, "{failures}: {wait:?}");
            distinct.insert(wait);
        }
        assert!(distinct.len() > 30, "they are not all the same: {}", distinct.len());
        // From the seed alone.
        assert_eq!(Jitter::new(42).wait(9), Jitter::new(42).wait(9));
        assert_ne!(seed("db1", 1), seed("db2", 1));
        assert_ne!(seed("db1", 1), seed("db1", 2));
    }
}
