//! One module per kernel interface. Each has a `read` and a [`SourceDoc`]; adding one means
//! adding it here, to `Snapshot`, and to the literal in `collector.rs`, and the compiler names
//! every consumer that then still lacks it.

use scrubjay_model::{Reading, SourceDoc};

pub(crate) mod boot_images;
#[cfg(test)]
pub(crate) mod check;
pub(crate) mod cpu_vulnerabilities;
pub(crate) mod cve_lists;
pub(crate) mod dimm_labels;
pub(crate) mod edac;
pub(crate) mod kernel;
pub(crate) mod kernel_health;
pub(crate) mod kernel_log;
pub(crate) mod kexec;
pub(crate) mod livepatch;
pub(crate) mod livepatch_modules;
pub(crate) mod livepatch_systems;
pub(crate) mod lockdown;
pub(crate) mod machine_check;
pub(crate) mod memory_failure;
pub(crate) mod microcode;
pub(crate) mod packages;
pub(crate) mod platform;
pub(crate) mod previous_boot;
pub(crate) mod processes;
pub(crate) mod reboot_markers;
pub(crate) mod scrub;
pub(crate) mod smbios;
pub(crate) mod uptime;

/// What each source reads, needs and means when absent, in the order of `SourceId::ALL`.
pub const SOURCES: [SourceDoc; 24] = [
    edac::DOC,
    memory_failure::DOC,
    uptime::DOC,
    kernel::DOC,
    kernel_health::DOC,
    cpu_vulnerabilities::DOC,
    kexec::DOC,
    lockdown::DOC,
    livepatch::DOC,
    reboot_markers::DOC,
    machine_check::DOC,
    platform::DOC,
    kernel_log::DOC,
    previous_boot::DOC,
    scrub::DOC,
    smbios::DOC,
    dimm_labels::DOC,
    packages::DOC,
    boot_images::DOC,
    cve_lists::DOC,
    microcode::DOC,
    livepatch_modules::DOC,
    livepatch_systems::DOC,
    processes::DOC,
];

/// A source whose every attribute is absent is absent itself; then `absence` says so.
fn unless_all_absent<T>(found: T, absent: &[bool], absence: Reading<T>) -> Reading<T> {
    if absent.iter().all(|absent| *absent) { absence } else { Reading::Value(found) }
}
