//! Snapshots made without a collector, for lives of a host that no tree could tell in time.

use scrubjay_model::{Snapshot, Stamp};

/// A snapshot of a host of which no source was read.
pub fn nothing_read(at: Stamp) -> Snapshot {
    Snapshot {
        at,
        edac: None,
        memory_failure: None,
        uptime: None,
        kernel: None,
        kernel_health: None,
        cpu_vulnerabilities: None,
        kexec: None,
        lockdown: None,
        livepatch: None,
        reboot_markers: None,
        machine_check: None,
        platform: None,
        kernel_log: None,
        scrub: None,
        previous_boot: None,
        smbios: None,
        dimm_labels: None,
        packages: None,
        boot_images: None,
        cve_lists: None,
        microcode: None,
        livepatch_modules: None,
        livepatch_systems: None,
        processes: None,
    }
}
