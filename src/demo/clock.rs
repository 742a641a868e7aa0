//! The clock of the generated host. Nothing of it is real: it stands until the story turns it.

use jiff::Timestamp;
use std::time::Duration;

/// When every history begins: midnight, 31 December 2025 (UTC).
pub(super) const BEGIN_MS: i64 = 1_767_139_200_000;

/// The host was booted 40 days before that, with a kernel of that month.
const UP_BEFORE: Duration = Duration::from_secs(40 * 86_400);

/// From the end of one boot to the beginning of the next.
const BOOT_TAKES: Duration = Duration::from_secs(4 * 60);

/// The clocks of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clock {
    /// The wall clock, milliseconds since the Unix epoch.
    pub(super) wall_ms: i64,
    /// When the boot began, likewise.
    pub(super) booted_ms: i64,
}

impl Clock {
    pub(super) fn at_begin() -> Self {
        Self { wall_ms: BEGIN_MS, booted_ms: BEGIN_MS.saturating_sub(milliseconds(UP_BEFORE)) }
    }

    /// Turned to a moment of the story; it never runs backwards.
    pub(super) fn turn_to(&mut self, since_begin: Duration) {
        self.wall_ms = self.wall_ms.max(BEGIN_MS.saturating_add(milliseconds(since_begin)));
    }

    /// The host is booted, which takes it some minutes.
    pub(super) fn boot(&mut self) {
        self.wall_ms = self.wall_ms.saturating_add(milliseconds(BOOT_TAKES));
        self.booted_ms = self.wall_ms;
    }

    /// Time goes on.
    pub(super) fn pass(&mut self, span: Duration) {
        self.wall_ms = self.wall_ms.saturating_add(milliseconds(span));
    }

    /// Time since boot. The host never sleeps.
    pub(super) fn since_boot(&self) -> Duration {
        let ms = self.wall_ms.saturating_sub(self.booted_ms);
        Duration::from_millis(u64::try_from(ms).unwrap_or(0))
    }
}

fn milliseconds(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// A moment as people read it: `2026-03-01 12:00Z`, with seconds where there are some.
pub(super) fn told(wall_ms: i64) -> String {
    let whole = wall_ms.rem_euclid(60_000) < 1_000;
    formatted(wall_ms, if whole { "%Y-%m-%d %H:%MZ" } else { "%Y-%m-%d %H:%M:%SZ" })
}

/// A day: `2026-03-01`.
pub(super) fn day(wall_ms: i64) -> String {
    formatted(wall_ms, "%Y-%m-%d")
}

/// As in mails and changelogs: `Sun, 01 Mar 2026 12:00:00 +0000`.
pub(super) fn mail(wall_ms: i64) -> String {
    formatted(wall_ms, "%a, %d %b %Y %H:%M:%S +0000")
}

/// As in dpkg's log: `2026-03-01 12:00:00`.
pub(super) fn log(wall_ms: i64) -> String {
    formatted(wall_ms, "%Y-%m-%d %H:%M:%S")
}

fn formatted(wall_ms: i64, form: &str) -> String {
    Timestamp::from_millisecond(wall_ms)
        .map_or_else(|_| wall_ms.to_string(), |at| at.strftime(form).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_turned_forward_alone_and_tells_all_forms() {
        let mut clock = Clock::at_begin();
        clock.turn_to(Duration::from_secs(43_200));
        clock.turn_to(Duration::from_secs(60));
        assert_eq!(told(clock.wall_ms), "2025-12-31 12:00Z");
        assert_eq!(told(clock.wall_ms + 15_000), "2025-12-31 12:00:15Z");
        assert_eq!(mail(clock.wall_ms), "Wed, 31 Dec 2025 12:00:00 +0000");
        assert_eq!(log(clock.wall_ms), "2025-12-31 12:00:00");
        assert_eq!(clock.since_boot(), UP_BEFORE + Duration::from_secs(43_200));
        clock.boot();
        assert_eq!((clock.since_boot(), day(clock.wall_ms)), (Duration::ZERO, "2025-12-31".into()));
        clock.pass(Duration::from_secs(45));
        assert_eq!(told(clock.wall_ms), "2025-12-31 12:04:45Z");
    }
}
