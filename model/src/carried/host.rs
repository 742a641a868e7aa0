//! How the pass itself, the agent and small sources are carried from process to process: see [`super`].

use super::{choices, records, wrappers};
use crate::{
    AgentStats, Confinement, Counter, Digest, EdacDriver, Epoch, EventPath, EventsStatus,
    ExtlogSent, FoldedRows, HistorySummary, HostHeader, HostView, Landlock, LedgerHead,
    LedgerState, MachineCheck, MemoryFailure, NodeMemoryFailure, NodePages, NotifyStats,
    OfflineStats, ParseFault, Platform, ReadFault, RebootMarkers, ReceiverStats, Snapshot,
    SourceId, SourceReport, SourceStats, Stamp, StorageStats, WebStats, ZeroedWindow,
};

records! {
    AgentStats {
        started_wall_ms, interval, passes, late_passes, pass_took, sources, events, storage,
        offlining, notifications, node_reboot_required, web, confinement,
        resident_bytes, cpu,
    }
    Confinement { capabilities, superfluous, no_new_privileges, landlock }
    FoldedRows { rows, single_changes_from_wall_ms, hours_from_wall_ms }
    OfflineStats { done, failed, refused }
    SourceStats { failures, deadlines_missed, last_ok_wall_ms }
    StorageStats {
        size_bytes, writes, write_failures, last_error, unreadable, replaced, salvaged, ledger,
        pages_refused, max_bytes, folded,
    }
    WebStats { failing, loaded_wall_ms }
    NotifyStats { receivers }
    ReceiverStats { sent, failed, dropped, queued, last_error }
    Counter { value, epoch }
    Epoch { boot, zeroed }
    ZeroedWindow { earliest, latest }
    EventsStatus {
        path, why, refused, listening, reports, lost, waited, undecodable, last_undecodable, extlog,
    }
    LedgerHead { seq, hash }
    Snapshot {
        at, edac, memory_failure, uptime, kernel, kernel_health, cpu_vulnerabilities, kexec,
        lockdown, livepatch, reboot_markers, machine_check, platform, kernel_log, scrub,
        previous_boot, smbios, dimm_labels, packages, boot_images, cve_lists, microcode,
        livepatch_modules, livepatch_systems, processes,
    }
    SourceReport { took, attributes, faults }
    Stamp { boot, since_boot, awake, wall_ms }
    HistorySummary {
        path, since_wall_ms, boots, clock_steps, covered, reboot_needed, covered_without_gap,
        ledger_head,
    }
    HostHeader { root, version, simulated, host_name, os, cpu, memory_bytes }
    HostView { header, snapshot, accumulated, history, assessment, alerts, agent }
    ParseFault { expected, found }
    EdacDriver { name, loaded, forbidden_by }
    MachineCheck { check_interval_seconds, ignore_ce, dont_log_ce, cmci_disabled }
    MemoryFailure { hardware_corrupted_bytes, nodes, recovery, soft_offline, page_size_bytes }
    NodeMemoryFailure { node, pages }
    NodePages { total, ignored, failed, delayed, recovered }
    Platform {
        hypervisor_flag, hypervisor_type, system_vendor, product_name, board_vendor, board_name,
        bios_version, bios_date, command_line, edac_core, hest, bert, fadt_oem, ghes_edac,
        panic_on_uncorrected, debugfs, cec, cec_configured, edac_drivers,
    }
    RebootMarkers { required, packages, needed }
}

choices! {
    Landlock { 0 Off, 1 Unavailable { why }, 2 Enforced { abi, gaps, excepted } }
    EventPath { 0 Trace, 1 KernelLog, 2 Counters }
    ExtlogSent { 0 NotListening, 1 Held, 2 NotHeld { why } }
    LedgerState { 0 None, 1 Intact, 2 Altered { because }, 3 NotChecked { because } }
    SourceId {
        0 Edac, 1 MemoryFailure, 2 Uptime, 3 Kernel, 4 KernelHealth, 5 CpuVulnerabilities, 6 Kexec,
        7 Lockdown, 8 Livepatch, 9 RebootMarkers, 10 MachineCheck, 11 Platform, 12 KernelLog,
        13 Scrub, 14 PreviousBoot, 15 Smbios, 16 DimmLabels, 17 Packages, 18 BootImages,
        19 CveLists, 20 Microcode, 21 LivepatchModules, 22 LivepatchSystems, 23 Processes,
    }
    ReadFault {
        0 Denied, 1 NotAFile, 2 Io(a), 3 Deadline, 4 StillRunning, 5 Torn, 6 Panicked, 7 NoThread,
    }
}

wrappers! { Digest }
