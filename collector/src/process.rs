//! The agent's own process, by the same readings as everything else.

use crate::host::HostRoot;
use crate::reader::{Reader, malformed};
use procfs::FromRead;
use scrubjay_model::Reading;
use std::time::Duration;

/// What the kernel accounts to the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnProcess {
    /// Resident memory, bytes.
    pub resident_bytes: Reading<u64>,
    /// CPU time, user and system.
    pub cpu: Reading<Duration>,
}

const STAT: &str = "proc/self/stat";

/// Reads the agent's own `/proc/self/stat`. `own` must be the root `/` of the running kernel: a
/// tree's `/proc/self` is somebody else. `page_size` in bytes, `ticks_per_second` as sysconf(3)
/// tells.
pub fn own_process(own: &HostRoot, page_size: u64, ticks_per_second: u64) -> OwnProcess {
    let reader = Reader::new(own);
    let stat: Reading<procfs::process::Stat> = reader
        .statistics(STAT)
        .into_result()
        .and_then(|bytes| {
            procfs::process::Stat::from_read(bytes.as_slice())
                .map_err(|_| malformed(STAT, "the fields of proc(5)", &bytes))
        })
        .into();
    let ticks = |stat: &procfs::process::Stat| stat.utime.saturating_add(stat.stime);
    OwnProcess {
        resident_bytes: stat.as_ref().map(|stat| stat.rss.saturating_mul(page_size)),
        cpu: stat.as_ref().map(|stat| {
            let milliseconds = ticks(stat).saturating_mul(1000) / ticks_per_second.max(1);
            Duration::from_millis(milliseconds)
        }),
    }
}
