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
    /// `/proc/sys/vm/memory_failure_recovery`: if false, the kernel panics where it would have taken
    /// the page out of use.
    pub recovery: Reading<bool>,
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
