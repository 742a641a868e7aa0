//! Kernel counters: numbers that only mean something together with when they were zeroed.
//!
//! EDAC counters are u32, start at zero when the driver registers, are zeroed by a write to
//! `reset_counters`, and wrap (drivers/edac/edac_mc.c, edac_mc_sysfs.c). A value that is higher
//! than before may therefore still be a new life of the counter: it was zeroed and has since
//! overtaken the old value. Only `seconds_since_reset` shows that, so the epoch is part of the
//! type.

use crate::BootId;
use crate::seconds;
use serde::Serialize;
use std::time::Duration;

/// One reading of a kernel counter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Counter {
    /// The number the kernel showed. At most `u32::MAX` for EDAC.
    pub value: u64,
    /// Since when it has been counting.
    pub epoch: Epoch,
}

/// The life of a counter: the boot, and within it the moment the counter was zeroed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Epoch {
    /// The boot the counter belongs to.
    pub boot: BootId,
    /// When it was zeroed, if the kernel tells.
    pub zeroed: Option<ZeroedWindow>,
}

/// The moment a counter was zeroed, in awake time (`CLOCK_MONOTONIC`), as an interval.
///
/// The kernel shows whole seconds since then, and reading takes time, so the moment is known to a
/// window: `(before − s − 1, after − s]` where `before` and `after` enclose the read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ZeroedWindow {
    /// Not before this.
    #[serde(rename = "earliest_awake_seconds", serialize_with = "seconds::of")]
    pub earliest: Duration,
    /// Not after this.
    #[serde(rename = "latest_awake_seconds", serialize_with = "seconds::of")]
    pub latest: Duration,
}

/// What happened to a counter between two readings.
#[must_use]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Same life: this many more. Exact, save for a multiple of 2³².
    Advanced {
        /// Errors added.
        by: u64,
    },
    /// A new life: it has counted this many since. What the old life counted after our last
    /// reading is lost, so the sum is a lower bound from here on.
    Restarted {
        /// Errors added, at least.
        by: u64,
        /// How the new life was recognised.
        why: Restart,
    },
    /// Same life, yet lower, and no wrap explains it. Never counted; the earlier reading stays the
    /// base. Usually a reset between two of our reads, which the next reading shows as a restart.
    Fell {
        /// The earlier value.
        from: u64,
        /// The value now.
        to: u64,
    },
}

/// How a new life of a counter was recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Restart {
    /// The host booted.
    Reboot,
    /// The kernel says it was zeroed: driver reload, or a write to `reset_counters`.
    Zeroed,
    /// The kernel does not say when it was zeroed, but the value is lower than before.
    Assumed,
}

impl Restart {
    /// A stable word for the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reboot => "reboot",
            Self::Zeroed => "zeroed",
            Self::Assumed => "assumed",
        }
    }
}

impl ZeroedWindow {
    /// Jiffies advance in ticks of up to 10 ms and are compared with a finer clock; two ticks of
    /// tolerance on each side are plenty.
    const TICKS: Duration = Duration::from_millis(40);

    /// The window for `seconds` since the reset, read between `before` and `after`.
    pub fn from_age(seconds: u64, before: Duration, after: Duration) -> Self {
        let age = Duration::from_secs(seconds);
        Self {
            earliest: before.saturating_sub(age.saturating_add(Duration::from_secs(1))),
            latest: after.saturating_sub(age),
        }
    }

    /// Whether `self` can only be a later moment than `earlier`.
    pub fn is_after(&self, earlier: &Self) -> bool {
        self.earliest > earlier.latest.saturating_add(Self::TICKS)
    }
}

/// The range of EDAC's counters (`u32` in `struct mem_ctl_info` and `struct dimm_info`).
const U32_RANGE: u64 = 1 << 32;

/// A value above this, followed by a small one in the same life, is a wrap rather than a fall.
const WRAP_ZONE: u64 = 1 << 31;

/// Compares two readings of one counter. Pure; the caller keeps the earlier reading as its base
/// when the result is [`Step::Fell`].
pub fn step(earlier: &Counter, later: &Counter) -> Step {
    if earlier.epoch.boot != later.epoch.boot {
        return Step::Restarted { by: later.value, why: Restart::Reboot };
    }
    let zeroed = match (&earlier.epoch.zeroed, &later.epoch.zeroed) {
        (Some(before), Some(now)) => Some(now.is_after(before)),
        (None, _) | (_, None) => None,
    };
    if zeroed == Some(true) {
        return Step::Restarted { by: later.value, why: Restart::Zeroed };
    }
    if let Some(by) = later.value.checked_sub(earlier.value) {
        return Step::Advanced { by };
    }
    if zeroed.is_none() {
        // Without `seconds_since_reset` a wrap cannot be told from a reload. A reload is by far
        // the more common, and taking it for a wrap would invent up to 2³¹ errors: lean towards
        // the lower bound.
        return Step::Restarted { by: later.value, why: Restart::Assumed };
    }
    if earlier.value >= WRAP_ZONE && later.value < WRAP_ZONE && earlier.value < U32_RANGE {
        return Step::Advanced { by: U32_RANGE - earlier.value + later.value };
    }
    Step::Fell { from: earlier.value, to: later.value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BOOT_A: &str = "aaaaaaaa-0000-0000-0000-000000000000";
    const BOOT_B: &str = "bbbbbbbb-0000-0000-0000-000000000000";

    fn counter(value: u64, boot: &str, zeroed_at_s: Option<u64>) -> Counter {
        let window = |s: u64| ZeroedWindow {
            earliest: Duration::from_secs(s),
            latest: Duration::from_secs(s + 1),
        };
        Counter {
            value,
            epoch: Epoch { boot: BootId::parse(boot).unwrap(), zeroed: zeroed_at_s.map(window) },
        }
    }

    #[test]
    fn reset_is_seen_even_when_the_value_rose() {
        let before = counter(5, BOOT_A, Some(10));
        let after = counter(9, BOOT_A, Some(500));
        assert_eq!(step(&before, &after), Step::Restarted { by: 9, why: Restart::Zeroed });
    }

    #[test]
    fn a_reboot_counts_what_the_new_boot_has_counted() {
        let before = counter(5, BOOT_A, Some(10));
        let after = counter(7, BOOT_B, Some(10));
        assert_eq!(step(&before, &after), Step::Restarted { by: 7, why: Restart::Reboot });
    }

    #[test]
    fn a_u32_wrap_is_bridged() {
        let before = counter(u64::from(u32::MAX) - 4, BOOT_A, Some(10));
        let after = counter(3, BOOT_A, Some(10));
        assert_eq!(step(&before, &after), Step::Advanced { by: 8 });
    }

    #[test]
    fn a_fall_within_a_life_is_never_counted() {
        let before = counter(900, BOOT_A, Some(10));
        let after = counter(3, BOOT_A, Some(10));
        assert_eq!(step(&before, &after), Step::Fell { from: 900, to: 3 });
    }

    #[test]
    fn without_a_reset_time_a_fall_is_a_restart_and_never_a_wrap() {
        let before = counter(u64::from(u32::MAX), BOOT_A, None);
        let after = counter(3, BOOT_A, None);
        assert_eq!(step(&before, &after), Step::Restarted { by: 3, why: Restart::Assumed });
    }

    #[test]
    fn a_slow_read_is_not_a_reset() {
        // Ten seconds pass inside the read: the window is wide, but it still holds the moment.
        let quick =
            ZeroedWindow::from_age(100, Duration::from_secs(1_000), Duration::from_secs(1_000));
        let slow =
            ZeroedWindow::from_age(165, Duration::from_secs(1_055), Duration::from_secs(1_065));
        assert!(!slow.is_after(&quick));
        assert!(!quick.is_after(&slow));
    }

    proptest! {
        /// Whatever second the reset fell into and however long reading took, an unchanged reset
        /// moment never looks like a new one.
        #[test]
        fn an_unchanged_reset_moment_is_never_a_restart(
            zeroed_ms in 0_u64..10_000_000,
            first in (0_u64..100_000_000, 0_u64..60_000, 0_u64..60_000),
            second in (0_u64..100_000_000, 0_u64..60_000, 0_u64..60_000),
        ) {
            let window = |(age_ms, lead_ms, lag_ms): (u64, u64, u64)| {
                let read_ms = zeroed_ms + lead_ms + age_ms;
                ZeroedWindow::from_age(
                    (read_ms - zeroed_ms) / 1000,
                    Duration::from_millis(read_ms - lead_ms.min(read_ms)),
                    Duration::from_millis(read_ms + lag_ms),
                )
            };
            prop_assert!(!window(second).is_after(&window(first)));
            prop_assert!(!window(first).is_after(&window(second)));
        }

        /// A restart never adds more than the new value, and an advance never more than 2³².
        #[test]
        fn a_step_never_invents_errors(
            a in 0..U32_RANGE, b in 0..U32_RANGE,
            za in proptest::option::of(0_u64..100), zb in proptest::option::of(0_u64..100),
            reboot: bool,
        ) {
            let boot = if reboot { BOOT_B } else { BOOT_A };
            match step(&counter(a, BOOT_A, za), &counter(b, boot, zb)) {
                Step::Advanced { by } => prop_assert_eq!((a + by) % U32_RANGE, b),
                Step::Restarted { by, .. } => prop_assert_eq!(by, b),
                Step::Fell { from, to } => prop_assert!(from > to),
            }
        }
    }
}
