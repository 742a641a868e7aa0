//! What time it is for the age of rows. What becomes a sum stays one, so that a clock that runs years
//! ahead, as one with an empty battery may before it is set, must not make a whole history old.

use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);
const DAY_MS: i64 = 86_400_000;

/// A clock that was set ahead by more than this is not believed at once.
const AHEAD_MS: i64 = 3_600_000;
/// Nor is one at a start, if the last row is older than this: an agent may have been off for long.
const OFF_MS: i64 = 30 * DAY_MS;
/// It is when it has gone on like this for so long.
const BELIEVED_AFTER: Duration = DAY;

/// The wall clock, held against the clock since boot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AgeingClock {
    /// The last row of the history, for the first look.
    newest_wall_ms: Option<i64>,
    /// A moment that was believed, by both clocks.
    believed: Option<(i64, Duration)>,
    /// Since when the wall clock is ahead.
    ahead: Option<Duration>,
}

impl AgeingClock {
    /// For a history whose last row is of that moment.
    pub(crate) fn after(newest_wall_ms: Option<i64>) -> Self {
        Self { newest_wall_ms, ..Self::default() }
    }

    /// The time to reckon ages by. Without a clock since boot there is only the one on the wall.
    pub(crate) fn now(&mut self, wall_ms: i64, since_boot: Option<Duration>) -> i64 {
        let Some(boot) = since_boot else { return wall_ms };
        let expected = match (self.believed, self.newest_wall_ms.take()) {
            (Some((then_ms, then)), _) => boot.checked_sub(then).map(|passed| {
                then_ms.saturating_add(i64::try_from(passed.as_millis()).unwrap_or(i64::MAX))
            }),
            (None, Some(newest)) if wall_ms.saturating_sub(newest) > OFF_MS => Some(newest),
            (None, _) => None,
        };
        let is_ahead = expected.is_some_and(|expected| wall_ms.saturating_sub(expected) > AHEAD_MS);
        if let Some(expected) = expected.filter(|_| is_ahead) {
            let since = *self.ahead.get_or_insert(boot);
            if boot.saturating_sub(since) < BELIEVED_AFTER {
                self.believed.get_or_insert((expected, boot));
                return expected;
            }
        }
        (self.believed, self.ahead) = (Some((wall_ms, boot)), None);
        wall_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW_MS: i64 = 1_800_000_000_000;

    fn hours(hours: u64) -> Option<Duration> {
        Some(Duration::from_secs(hours * 3_600))
    }

    #[test]
    fn a_clock_that_is_set_ahead_is_believed_after_a_day() {
        let mut clock = AgeingClock::after(Some(NOW_MS - DAY_MS));
        let years = 3_650 * DAY_MS;
        let at = |hours: i64| NOW_MS + hours * 3_600_000;
        assert_eq!(clock.now(NOW_MS, hours(1)), NOW_MS);
        assert_eq!(clock.now(at(1) + years, hours(2)), at(1));
        assert_eq!(clock.now(at(24) + years, hours(25)), at(24));
        assert_eq!(clock.now(at(25) + years, hours(26)), at(25) + years);
        // Set back it is believed at once.
        assert_eq!(clock.now(at(26), hours(27)), at(26));
        // One that was mended meanwhile was never believed.
        assert_eq!(clock.now(at(27) + years, hours(28)), at(27));
        assert_eq!(clock.now(at(28), hours(29)), at(28));
        assert_eq!(clock.now(at(60) + years, hours(61)), at(60));
    }

    #[test]
    fn at_a_start_it_is_held_against_the_last_row() {
        let off = 400 * DAY_MS;
        let mut clock = AgeingClock::after(Some(NOW_MS - off));
        assert_eq!(clock.now(NOW_MS, hours(1)), NOW_MS - off);
        assert_eq!(clock.now(NOW_MS + 3_600_000, hours(2)), NOW_MS - off + 3_600_000);
        assert_eq!(clock.now(NOW_MS + DAY_MS, hours(25)), NOW_MS + DAY_MS);
        assert_eq!(AgeingClock::after(None).now(NOW_MS, hours(1)), NOW_MS);
        assert_eq!(AgeingClock::after(Some(0)).now(NOW_MS, None), NOW_MS);
    }

    proptest! {
        /// Whatever the clock on the wall does, ages are never reckoned by a later time than it shows.
        #[test]
        fn it_is_never_later_than_the_clock_on_the_wall(
            newest in proptest::option::of(-DAY_MS..NOW_MS),
            looks in proptest::collection::vec((0_i64..2 * NOW_MS, 0_u64..1_000_000), 1..20),
        ) {
            let mut clock = AgeingClock::after(newest);
            let mut boot = Duration::ZERO;
            for (wall_ms, passed) in looks {
                boot += Duration::from_secs(passed);
                prop_assert!(clock.now(wall_ms, Some(boot)) <= wall_ms);
            }
        }
    }
}
