//! Boot identity and the kernel's clocks: `/proc/sys/kernel/random/boot_id`, `/proc/uptime`,
//! `btime` of `/proc/stat`.
//!
//! Kernel documentation: Documentation/filesystems/proc.rst. Always there; if not, the root is
//! no host.

use crate::reader::{Reader, malformed};
use procfs::FromRead;
use scrubjay_model::{BootId, Origin, Reading, SourceDoc, SourceId, Stamp, Uptime};
use std::time::Duration;

pub(crate) const DOC: SourceDoc = SourceDoc {
    id: SourceId::Uptime,
    reads: &["proc/sys/kernel/random/boot_id", "proc/uptime", "proc/stat"],
    needs: "nothing",
    absence: "the root has no /proc: mount the host's, or give its parent directory with --root",
    kernel_doc: "Documentation/filesystems/proc.rst",
};

const UPTIME: &str = "proc/uptime";
const STAT: &str = "proc/stat";

/// Also used by the collector, whose every pass is stamped with it.
pub(crate) fn boot_id(reader: &Reader<'_>) -> Reading<BootId> {
    reader.parse("proc/sys/kernel/random/boot_id", "a boot id", BootId::parse)
}

pub(crate) fn read(reader: &Reader<'_>, at: &Stamp) -> Reading<Uptime> {
    let boot_id = boot_id(reader);
    let since_boot = since_boot(reader);
    let boot_time_s = boot_time(reader);
    if boot_id.is_absent() && since_boot.is_absent() && boot_time_s.is_absent() {
        return Reading::Absent(Origin::new(UPTIME));
    }
    let slept = at.slept().map_or_else(
        || Reading::Absent(Origin::new("clock_gettime(CLOCK_BOOTTIME, CLOCK_MONOTONIC)")),
        Reading::Value,
    );
    Reading::Value(Uptime { boot_id, since_boot, boot_time_s, slept })
}

fn since_boot(reader: &Reader<'_>) -> Reading<Duration> {
    let parsed = reader.statistics(UPTIME).into_result().and_then(|bytes| {
        procfs::Uptime::from_read(bytes.as_slice())
            .ok()
            .and_then(|uptime| Duration::try_from_secs_f64(uptime.uptime).ok())
            .ok_or_else(|| malformed(UPTIME, "two numbers of seconds", &bytes))
    });
    reader.noted(parsed)
}

/// Only one line of `/proc/stat` is of interest, and the others must not stand in its way.
fn boot_time(reader: &Reader<'_>) -> Reading<i64> {
    let parsed = reader.statistics(STAT).into_result().and_then(|bytes| {
        let line = bytes.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"btime "));
        line.and_then(|seconds| std::str::from_utf8(seconds).ok()?.trim().parse().ok())
            .ok_or_else(|| malformed(STAT, "a btime line", line.unwrap_or_default()))
    });
    reader.noted(parsed)
}
