//! The clocks of a host.

use std::time::Duration;

/// Ticks per second of the modelled kernel (Debian's `CONFIG_HZ`). EDAC counts its
/// `seconds_since_reset` in them.
const HZ: u128 = 250;

/// The three clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    realtime_ns: i64,
    boottime: Duration,
    monotonic: Duration,
}

impl Clock {
    /// A host that has just booted, with this wall clock in milliseconds since the Unix epoch.
    pub(crate) fn booted_at(realtime_ms: i64) -> Self {
        let zero = Duration::ZERO;
        Self { realtime_ns: realtime_ms * 1_000_000, boottime: zero, monotonic: zero }
    }

    /// `CLOCK_REALTIME`, milliseconds since the Unix epoch.
    pub fn realtime_ms(&self) -> i64 {
        self.realtime_ns.div_euclid(1_000_000)
    }

    /// `CLOCK_BOOTTIME`.
    pub fn boottime(&self) -> Duration {
        self.boottime
    }

    /// `CLOCK_MONOTONIC`.
    pub fn monotonic(&self) -> Duration {
        self.monotonic
    }

    /// `btime` of `/proc/stat`: boot time by today's wall clock, seconds since the Unix epoch.
    pub fn btime(&self) -> i64 {
        (self.realtime_ns - nanoseconds(self.boottime)).div_euclid(1_000_000_000)
    }

    /// Time passes.
    pub(crate) fn pass(&mut self, time: Duration) {
        self.monotonic += time;
        self.sleep(time);
    }

    /// Time passes in sleep.
    pub(crate) fn sleep(&mut self, time: Duration) {
        self.boottime += time;
        self.realtime_ns += nanoseconds(time);
    }

    /// Somebody sets the wall clock.
    pub(crate) fn step(&mut self, by_ms: i64) {
        self.realtime_ns += by_ms * 1_000_000;
    }

    /// Ticks since boot (`jiffies`, which stand still in sleep).
    pub(crate) fn jiffies(&self) -> u128 {
        self.monotonic.as_nanos() * HZ / 1_000_000_000
    }

    /// Whole seconds since the tick `start`, as the core computes them.
    pub(crate) fn seconds_since(&self, start: u128) -> u128 {
        (self.jiffies() - start) / HZ
    }
}

fn nanoseconds(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).expect("a test does not last three centuries")
}
