//! Boot identity and the kernel's clocks: `/proc/sys/kernel/random/boot_id`, `/proc/uptime`,
//! `btime` of `/proc/stat`.
//!
//! Kernel documentation: Documentation/filesystems/proc.rst. Always there; if not, the root is
//! no host.

use crate::proc_text;
use crate::reader::{Reader, malformed};
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
        proc_text::uptime(&bytes).ok_or_else(|| malformed(UPTIME, "two numbers of seconds", &bytes))
    });
    reader.noted(parsed)
}

fn boot_time(reader: &Reader<'_>) -> Reading<i64> {
    let parsed = reader.statistics(STAT).into_result().and_then(|bytes| {
        let line = proc_text::line(&bytes, "btime ");
        line.and_then(proc_text::epoch_seconds)
            .ok_or_else(|| malformed(STAT, "a btime line", line.unwrap_or_default()))
    });
    reader.noted(parsed)
}
