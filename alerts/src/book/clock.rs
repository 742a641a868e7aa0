//! The clock of the book: never backwards, whatever is done to the host's.

use scrubjay_model::{AlertClock, Moment, Stamp};

/// The most that time between two looks counts as time that something was seen, or was not. A
/// restart of the agent takes seconds, a reboot minutes; after more than an hour without a look
/// nobody can say what was in between. Prometheus forgets `for` after an outage of the same length.
const COUNTS_MOST_MS: u64 = 3_600_000;

/// How much time has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tick {
    /// The moment.
    pub(super) now: Moment,
    /// Since the look before, milliseconds.
    pub(super) passed_ms: u64,
    /// Of that, what counts for nothing, as nobody looked.
    pub(super) blind_ms: u64,
}

/// The tick from the last look to now. Within a boot the boot clock measures. Across boots, or where
/// there is no such clock, there is only the wall clock; one that was set back has passed no time.
pub(super) fn tick(last: Option<&AlertClock>, now: &Stamp) -> Tick {
    let Some(AlertClock { book_ms, at }) = last else {
        return Tick {
            now: Moment { book_ms: 0, wall_ms: now.wall_ms },
            passed_ms: 0,
            blind_ms: 0,
        };
    };
    let has_boot_clock = at.since_boot.is_some() && now.since_boot.is_some();
    let passed_ms = if at.boot == now.boot && has_boot_clock {
        now.since(at).map_or(0, |passed| u64::try_from(passed.as_millis()).unwrap_or(u64::MAX))
    } else {
        u64::try_from(now.wall_ms.saturating_sub(at.wall_ms)).unwrap_or(0)
    };
    Tick {
        now: Moment { book_ms: book_ms.saturating_add(passed_ms), wall_ms: now.wall_ms },
        passed_ms,
        blind_ms: passed_ms.saturating_sub(COUNTS_MOST_MS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scrubjay_model::BootId;
    use std::time::Duration;

    fn stamp(boot: char, since_boot_s: Option<u64>, wall_ms: i64) -> Stamp {
        let digits = |n: usize| boot.to_string().repeat(n);
        let id = [8, 4, 4, 4, 12].map(digits).join("-");
        let since_boot = since_boot_s.map(Duration::from_secs);
        Stamp { boot: BootId::parse(&id).unwrap(), since_boot, awake: None, wall_ms }
    }

    fn passed(last: Stamp, now: Stamp) -> (u64, u64) {
        let tick = tick(Some(&AlertClock { book_ms: 7, at: last }), &now);
        assert_eq!(tick.now.book_ms, 7 + tick.passed_ms);
        (tick.passed_ms, tick.blind_ms)
    }

    #[test]
    fn it_follows_the_boot_clock_and_never_goes_back() {
        let at = |s, wall| stamp('a', Some(s), wall);
        assert_eq!(passed(at(10, 0), at(70, 0)), (60_000, 0));
        // The wall clock was set, forwards and backwards.
        assert_eq!(passed(at(10, 0), at(70, i64::MAX)), (60_000, 0));
        assert_eq!(passed(at(10, 0), at(70, i64::MIN)), (60_000, 0));
        assert_eq!(passed(at(70, 0), at(10, 5_000)), (0, 0));
        // Across boots there is nothing but the wall clock.
        assert_eq!(passed(at(10, 0), stamp('b', Some(1), 90_000)), (90_000, 0));
        assert_eq!(passed(at(10, 90_000), stamp('b', Some(1), 0)), (0, 0));
        assert_eq!(
            passed(at(10, i64::MIN), stamp('b', Some(1), i64::MAX)).0,
            i64::MAX.unsigned_abs()
        );
        // A host that does not tell its boot clock.
        let without = |wall| stamp('a', None, wall);
        assert_eq!(passed(without(0), without(60_000)), (60_000, 0));
    }

    #[test]
    fn hours_without_a_look_count_for_no_more_than_one() {
        let at = |s| stamp('a', Some(s), 0);
        assert_eq!(passed(at(0), at(3_600)), (3_600_000, 0));
        assert_eq!(passed(at(0), at(86_400)), (86_400_000, 82_800_000));
    }
}
