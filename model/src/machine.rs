//! Facts about the machine: pages lost to memory failures, machine-check switches, platform, and
//! the markers distributions leave to ask for a reboot.

use crate::{Present, Reading};
use serde::Serialize;

/// Pages the kernel has marked as bad.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MemoryFailure {
    /// `HardwareCorrupted` of `/proc/meminfo`, in bytes: hard-poisoned and soft-offlined pages.
    /// A page in use by the kernel itself is counted too, although it stays in use.
    /// Can fall (unpoison, memory hot-remove); zero at boot.
    pub hardware_corrupted_bytes: Reading<u64>,
    /// `/sys/devices/system/node/nodeN/memory_failure` (6.3), by node.
    pub nodes: Reading<Vec<NodeMemoryFailure>>,
    /// `/proc/sys/vm/memory_failure_recovery`: an uncorrected error costs a page or a process;
    /// switched off, it stops the kernel.
    pub recovery: Reading<bool>,
    /// `/proc/sys/vm/enable_soft_offline` (6.11): 0 if the kernel declines to take pages out of use
    /// before they fail, whoever asks. Later kernels give a meaning to further bits.
    pub soft_offline: Reading<u64>,
    /// Size of a page, bytes: what the counts by node are multiplied with.
    pub page_size_bytes: Reading<u64>,
}

/// Pages that were taken out of use before they failed. No kernel counts them; they are what
/// `HardwareCorrupted` has more than the nodes' totals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "pages")]
pub enum SoftOfflined {
    /// So many. Pages that were marked by hand through debugfs are among them.
    Pages(u64),
    /// The kernel has marked so many pages fewer than failed: some were unmarked by hand, or their
    /// memory was unplugged. How many were soft-offlined cannot be told.
    Missing(u64),
}

/// Results of `memory_failure()` on one NUMA node, since boot. Soft-offlined pages are not in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodeMemoryFailure {
    /// `N` of `nodeN`.
    pub node: u32,
    /// Pages by result.
    pub pages: NodePages,
}

/// Pages by what became of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodePages {
    /// All of the below.
    pub total: Reading<u64>,
    /// The page stays in use.
    pub ignored: Reading<u64>,
    /// Handling failed.
    pub failed: Reading<u64>,
    /// Handling was put off.
    pub delayed: Reading<u64>,
    /// The page was isolated.
    pub recovered: Reading<u64>,
}

/// Switches of the x86 machine-check code (`/sys/devices/system/machinecheck/machinecheck0`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MachineCheck {
    /// `check_interval`: longest delay before a corrected error is noticed by polling, seconds.
    pub check_interval_seconds: Reading<u64>,
    /// `ignore_ce`: corrected errors are not collected.
    pub ignore_ce: Reading<bool>,
    /// `dont_log_ce`: corrected errors are not logged.
    pub dont_log_ce: Reading<bool>,
    /// `cmci_disabled`: no interrupts for corrected errors, polling only.
    pub cmci_disabled: Reading<bool>,
}

/// What decides whether memory errors can be seen on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Platform {
    /// The `hypervisor` CPU flag (x86).
    pub hypervisor_flag: Reading<bool>,
    /// `/sys/hypervisor/type` (Xen).
    pub hypervisor_type: Reading<String>,
    /// DMI system vendor.
    pub system_vendor: Reading<String>,
    /// DMI product name.
    pub product_name: Reading<String>,
    /// DMI board vendor.
    pub board_vendor: Reading<String>,
    /// DMI board name.
    pub board_name: Reading<String>,
    /// DMI firmware version.
    pub bios_version: Reading<String>,
    /// DMI firmware date, as firmware writes it: month, day and year.
    pub bios_date: Reading<String>,
    /// `/proc/cmdline`, split at blanks.
    pub command_line: Reading<Vec<String>>,
    /// The EDAC core is there (`/sys/devices/system/edac`).
    pub edac_core: Reading<Present>,
    /// An ACPI HEST table exists: firmware may handle errors first.
    pub hest: Reading<Present>,
    /// A BERT table exists.
    pub bert: Reading<Present>,
    /// OEM id and OEM table id of the ACPI FADT, 14 characters at most: on x86 the kernel goes by
    /// them when it decides whether `ghes_edac` may serve the machine. Asked only where no
    /// controller is registered.
    pub fadt_oem: Option<Reading<String>>,
    /// `ghes_edac` is loaded or built in.
    pub ghes_edac: Reading<Present>,
    /// `edac_mc_panic_on_ue` of edac_core: an uncorrected error panics the kernel before anybody
    /// has read a counter.
    pub panic_on_uncorrected: Reading<bool>,
    /// debugfs is mounted, so that what is not in it does not exist.
    pub debugfs: Reading<Present>,
    /// The kernel's corrected-errors collector is active (`/sys/kernel/debug/ras/cec`).
    pub cec: Reading<Present>,
    /// `CONFIG_RAS_CEC` in the running kernel's configuration. Asked only where debugfs does not
    /// tell.
    pub cec_configured: Option<Reading<bool>>,
    /// EDAC drivers whose aliases fit this machine's CPU or PCI devices. Asked only where no
    /// controller is registered and no hypervisor explains that.
    pub edac_drivers: Option<Reading<Vec<EdacDriver>>>,
}

/// A module of the running kernel that counts memory errors on machines like this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EdacDriver {
    /// Its name, for example `skx_edac`.
    pub name: String,
    /// It is loaded or built in.
    pub loaded: Reading<Present>,
    /// The file below the host root that keeps it from being loaded; `None` if none was found.
    pub forbidden_by: Option<String>,
}

/// What distributions leave behind to ask for a reboot. Unreliable in both directions, so each is
/// evidence, never an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RebootMarkers {
    /// `/run/reboot-required`; empty on Debian, one line of text on Ubuntu.
    pub required: Reading<String>,
    /// `/run/reboot-required.pkgs`, one package a line, duplicates removed.
    pub packages: Reading<Vec<String>>,
    /// `/run/reboot-needed` (SUSE): `reboot`, `kexec` or `soft-reboot`.
    pub needed: Reading<String>,
}

impl MemoryFailure {
    /// How many pages were soft-offlined since boot; `None` where a part of the sum is not known.
    pub fn soft_offlined(&self) -> Option<SoftOfflined> {
        let marked = self.hardware_corrupted_bytes.value()?;
        let marked = marked.checked_div(*self.page_size_bytes.value()?)?;
        let mut failed = 0_u64;
        for node in self.nodes.value()? {
            failed = failed.checked_add(*node.pages.total.value()?)?;
        }
        Some(match marked.checked_sub(failed) {
            Some(pages) => SoftOfflined::Pages(pages),
            None => SoftOfflined::Missing(failed - marked),
        })
    }
}

impl NodePages {
    /// Each result with its name, the total first.
    pub fn by_result(&self) -> [(&'static str, &Reading<u64>); 5] {
        let Self { total, ignored, failed, delayed, recovered } = self;
        [
            ("total", total),
            ("ignored", ignored),
            ("failed", failed),
            ("delayed", delayed),
            ("recovered", recovered),
        ]
    }
}

impl Platform {
    /// Whether the command line holds exactly this word. `None` when it could not be read.
    pub fn booted_with(&self, word: &str) -> Option<bool> {
        Some(self.command_line.value()?.iter().any(|given| given == word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Origin;

    fn absent<T>() -> Reading<T> {
        Reading::Absent(Origin::new("x"))
    }

    fn lost(corrupted_bytes: u64, totals: &[Reading<u64>]) -> MemoryFailure {
        let node = |(node, total): (u32, &Reading<u64>)| NodeMemoryFailure {
            node,
            pages: NodePages {
                total: total.clone(),
                ignored: absent(),
                failed: absent(),
                delayed: absent(),
                recovered: absent(),
            },
        };
        MemoryFailure {
            hardware_corrupted_bytes: Reading::Value(corrupted_bytes),
            nodes: Reading::Value((0..).zip(totals).map(node).collect()),
            recovery: absent(),
            soft_offline: absent(),
            page_size_bytes: Reading::Value(4096),
        }
    }

    #[test]
    fn what_did_not_fail_and_is_marked_was_soft_offlined() {
        let value = Reading::Value;
        assert_eq!(lost(12 << 10, &[value(2)]).soft_offlined(), Some(SoftOfflined::Pages(1)));
        let two = lost(12 << 10, &[value(2), value(1)]);
        assert_eq!(two.soft_offlined(), Some(SoftOfflined::Pages(0)));
    }

    #[test]
    fn fewer_marked_pages_than_failures_are_said_to_be_missing() {
        let found = lost(4096, &[Reading::Value(3)]).soft_offlined();
        assert_eq!(found, Some(SoftOfflined::Missing(2)));
    }

    #[test]
    fn a_sum_with_an_unknown_part_is_not_made() {
        assert_eq!(lost(4096, &[Reading::Value(0), absent()]).soft_offlined(), None);
        assert_eq!(lost(0, &[Reading::Value(u64::MAX), Reading::Value(1)]).soft_offlined(), None);
        let mut old = lost(4096, &[]);
        old.nodes = absent();
        assert_eq!(old.soft_offlined(), None, "before 6.3");
        let mut elsewhere = lost(4096, &[Reading::Value(0)]);
        elsewhere.page_size_bytes = absent();
        assert_eq!(elsewhere.soft_offlined(), None);
    }
}
