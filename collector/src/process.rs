//! The agent's own process, by the same readings as everything else.

use crate::host::HostRoot;
use crate::proc_text::process_stat;
use crate::reader::{Reader, malformed};
use crate::sources::uptime::boot_id;
use scrubjay_model::{BootId, Reading};
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
    let bytes = reader.statistics(STAT).into_result();
    let accounted = |account: &dyn Fn(&procfs::process::Stat) -> Option<u64>| {
        bytes.clone().and_then(|bytes| {
            process_stat(&bytes)
                .as_ref()
                .and_then(account)
                .ok_or_else(|| malformed(STAT, "the fields of proc(5)", &bytes))
        })
    };
    OwnProcess {
        resident_bytes: accounted(&|stat| stat.rss.checked_mul(page_size)).into(),
        cpu: accounted(&|stat| {
            let ticks = stat.utime.checked_add(stat.stime)?;
            ticks.checked_mul(1000)?.checked_div(ticks_per_second)
        })
        .map(Duration::from_millis)
        .into(),
    }
}

/// The boot of the running kernel; `own` as for [`own_process`].
pub fn own_boot(own: &HostRoot) -> BootId {
    boot_id(&Reader::new(own)).value().cloned().unwrap_or_else(BootId::unknown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{Node, Tree};
    use scrubjay_model::{Clocks, Outcome};
    use std::sync::Arc;

    fn own(stat: &str) -> OwnProcess {
        let mut tree = Tree::new();
        tree.insert(STAT, Node::File(stat.as_bytes().to_vec()));
        let clocks = Clocks { realtime_ms: 0, boottime: None, monotonic: None };
        own_process(&HostRoot::from_tree(tree, Arc::new(move || clocks)), 4096, 100)
    }

    #[test]
    fn memory_and_time_are_those_the_kernel_accounts() {
        let text = |rss: &str| {
            format!(
                "7 (scrub jay) S 1 7 7 0 -1 4194304 94 0 0 0 150 50 0 0 20 0 1 0 9 57 {rss} 1 1 1 \
                 1 0 0 0 0 0 0 0 0 0 17 4 0 0 0 0 0 5 6 7 8 9 10 11 0\n"
            )
        };
        let found = own(&text("225"));
        assert_eq!(found.resident_bytes, Reading::Value(225 * 4096));
        assert_eq!(found.cpu, Reading::Value(Duration::from_secs(2)));
        let huge = own(&text("18446744073709551615"));
        assert_eq!(huge.resident_bytes.outcome(), Outcome::Malformed);
        assert_eq!(huge.cpu, Reading::Value(Duration::from_secs(2)));
    }

    #[test]
    fn what_is_no_stat_file_gives_no_numbers() {
        let found = own("(");
        assert_eq!(found.resident_bytes.outcome(), Outcome::Malformed);
        assert_eq!(found.cpu.outcome(), Outcome::Malformed);
    }
}
