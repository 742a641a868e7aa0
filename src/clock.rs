//! The only place that reads clocks.

use rustix::time::{ClockId, Timespec};
use scrubjay_collector::ClockFn;
use scrubjay_model::Clocks;
use std::sync::Arc;
use std::time::Duration;

/// The clocks of the running kernel.
pub(crate) fn live() -> ClockFn {
    Arc::new(|| Clocks {
        realtime_ms: milliseconds(read(ClockId::Realtime)),
        boottime: duration(read(ClockId::Boottime)),
        monotonic: duration(read(ClockId::Monotonic)),
    })
}

/// Time since an arbitrary moment, standing still in sleep, for intervals and deadlines.
pub(crate) fn monotonic() -> Duration {
    duration(read(ClockId::Monotonic)).unwrap_or_default()
}

/// Time since boot, sleep included, for telling how old something is.
pub(crate) fn boottime() -> Duration {
    duration(read(ClockId::Boottime)).unwrap_or_default()
}

/// The clock on the wall, milliseconds since the Unix epoch.
pub(crate) fn wall_ms() -> i64 {
    milliseconds(read(ClockId::Realtime))
}

#[expect(clippy::disallowed_methods, reason = "this is the place")]
fn read(clock: ClockId) -> Timespec {
    rustix::time::clock_gettime(clock)
}

fn duration(time: Timespec) -> Option<Duration> {
    Some(Duration::new(u64::try_from(time.tv_sec).ok()?, u32::try_from(time.tv_nsec).ok()?))
}

fn milliseconds(time: Timespec) -> i64 {
    time.tv_sec.saturating_mul(1000).saturating_add(time.tv_nsec / 1_000_000)
}
