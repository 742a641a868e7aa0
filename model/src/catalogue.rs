//! The one place where metrics are named.
//!
//! Conventions: base units, `_total` on counters only, words spelled out, metadata in `_info`
//! metrics with value 1, one series per state (0 or 1) where the state matters, and never a total
//! beside its parts. Names and labels are part of scrubjay's interface (ADR 0006).

/// A metric's definition.
#[derive(Debug, PartialEq, Eq)]
pub struct MetricDef {
    /// Full name.
    pub name: &'static str,
    /// Counter or gauge.
    pub kind: MetricKind,
    /// Base unit, empty for plain numbers.
    pub unit: &'static str,
    /// One sentence.
    pub help: &'static str,
    /// Label names, in the order values are given.
    pub labels: &'static [&'static str],
}

/// The kinds of metrics used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// Only rises, save when it restarts from zero.
    Counter,
    /// Moves freely.
    Gauge,
}

macro_rules! catalogue {
    ($($(#[doc = $doc:literal])+ $id:ident: $kind:ident $unit:literal $name:literal [$($label:literal),*];)+) => {
        /// Every metric scrubjay can export, by constant.
        pub mod metrics {
            use super::{MetricDef, MetricKind};
            $($(#[doc = $doc])+ pub static $id: MetricDef = MetricDef {
                name: $name,
                kind: MetricKind::$kind,
                unit: $unit,
                help: concat!($($doc),+).trim_ascii_start(),
                labels: &[$($label),*],
            };)+
        }
        /// Every metric scrubjay can export, in the order of the documentation.
        pub static CATALOGUE: &[&MetricDef] = &[$(&metrics::$id),+];
    };
}

catalogue! {
    /// Verdict on the host: 1 for the one that holds.
    VERDICT: Gauge "" "scrubjay_verdict" ["verdict"];
    /// Reasons for the verdict; always 1.
    FINDING: Gauge "" "scrubjay_finding" ["code", "subject", "verdict", "action"];
    /// How much of this host's memory errors of a class can be seen: 1 for the state that holds.
    COVERAGE: Gauge "" "scrubjay_monitoring_coverage" ["class", "state"];
    /// What hides memory errors of a class on this host; always 1.
    COVERAGE_GAP: Gauge "" "scrubjay_monitoring_coverage_gap_info" ["class", "code", "subject"];

    /// Corrected errors of one DIMM or rank, summed over reboots and counter resets since the history began.
    DIMM_CORRECTABLE: Counter "" "scrubjay_dimm_correctable_errors_total" ["controller", "dimm"];
    /// Uncorrected errors of one DIMM or rank (deferred and fatal ones included, as the kernel counts), summed over reboots and counter resets since the history began.
    DIMM_UNCORRECTABLE: Counter "" "scrubjay_dimm_uncorrectable_errors_total" ["controller", "dimm"];
    /// Corrected errors a controller could not attribute to a DIMM, summed over reboots and counter resets; with the DIMMs' it makes the controller's total.
    UNATTRIBUTED_CORRECTABLE: Counter "" "scrubjay_controller_unattributed_correctable_errors_total" ["controller"];
    /// Uncorrected errors a controller could not attribute to a DIMM, summed over reboots and counter resets; with the DIMMs' it makes the controller's total.
    UNATTRIBUTED_UNCORRECTABLE: Counter "" "scrubjay_controller_unattributed_uncorrectable_errors_total" ["controller"];
    /// The kernel's total of a controller less its DIMMs' and its unattributed errors: below 0 the kernel contradicts itself, above 0 some errors are in no part, as with errors located in part on kernels before 5.7.
    UNRECONCILED: Gauge "" "scrubjay_controller_unreconciled_errors" ["controller", "class"];
    /// Times a controller's counters began anew (reboot, driver reload, reset); each time the errors since the reading before are lost, so totals are lower bounds.
    COUNTER_RESTARTS: Counter "" "scrubjay_controller_count_restarts_total" ["controller"];
    /// When the kernel's counters of a controller were last zeroed.
    COUNTERS_ZEROED: Gauge "seconds" "scrubjay_controller_counters_zeroed_timestamp_seconds" ["controller"];
    /// Scrub rate of a controller, as set.
    SCRUB_RATE: Gauge "bytes_per_second" "scrubjay_controller_scrub_rate_bytes_per_second" ["controller"];
    /// Time that scrubbing at that rate takes to pass over all of a controller's memory.
    SCRUB_FULL_PASS: Gauge "seconds" "scrubjay_controller_scrub_full_pass_seconds" ["controller"];
    /// Whether a memory device scrubs itself in the background.
    DEVICE_SCRUB_BACKGROUND: Gauge "" "scrubjay_device_scrub_background_enabled" ["device", "control"];
    /// Time that a memory device takes for one scrub of all of its memory, as set.
    DEVICE_SCRUB_CYCLE: Gauge "seconds" "scrubjay_device_scrub_cycle_seconds" ["device", "control"];
    /// Errors per gigabit below which the error check inside the memory chips reports nothing.
    DEVICE_ECS_THRESHOLD: Gauge "" "scrubjay_device_ecs_threshold_errors" ["device", "control"];
    /// A memory controller; edac is the kernel's current number for it. Always 1.
    CONTROLLER_INFO: Gauge "" "scrubjay_controller_info" ["controller", "edac", "name", "layout"];
    /// A DIMM or rank as EDAC describes it; edac is the kernel's current name for it. Always 1.
    DIMM_INFO: Gauge "" "scrubjay_dimm_info" ["controller", "dimm", "edac", "label", "location", "memory_type", "device_type", "edac_mode"];
    /// Size of a DIMM or rank.
    DIMM_SIZE: Gauge "bytes" "scrubjay_dimm_size_bytes" ["controller", "dimm"];
    /// A stick of memory that is there; module is an opaque name that stays with the stick, dimms are the places its errors are counted at, confidence is how sure that is. Always 1.
    MODULE_INFO: Gauge "" "scrubjay_module_info" ["module", "slot", "part", "dimms", "identity", "confidence"];
    /// Corrected errors of one stick of memory, wherever it was, summed over moves, reboots and counter resets; the same errors as those of its DIMMs or ranks.
    MODULE_CORRECTABLE: Counter "" "scrubjay_module_correctable_errors_total" ["module", "slot"];
    /// Uncorrected errors of one stick of memory (deferred and fatal ones included, as the kernel counts), wherever it was; the same errors as those of its DIMMs or ranks.
    MODULE_UNCORRECTABLE: Counter "" "scrubjay_module_uncorrectable_errors_total" ["module", "slot"];
    /// Verdict on one stick of memory: 1 for the one that holds, 0 for the others. Not there without a history, which knows sticks.
    MODULE_VERDICT: Gauge "" "scrubjay_module_verdict" ["module", "slot", "verdict"];
    /// Probability of an uncorrected error of one stick of memory within the horizon of the policy, 45 days by the default one; from weights that were fitted on other hosts, so good for comparing sticks and no more, unless memory.calibration names a file that corrects them by one's own outcomes. Only of sticks with open faults.
    MODULE_FAILURE: Gauge "ratio" "scrubjay_module_failure_probability_ratio" ["module", "slot"];
    /// Probability that the errors per day of one stick of memory rise as much by chance, by the test of Mann and Kendall over 14 days. Only of sticks with errors on five of these days or more; of many sticks some are low by chance.
    MODULE_TREND: Gauge "" "scrubjay_module_trend_pvalue" ["module", "slot"];

    /// Memory the kernel has marked as bad because of errors since boot: taken out of use or, where the kernel itself uses it, used on.
    MEMORY_CORRUPTED: Gauge "bytes" "scrubjay_memory_corrupted_bytes" [];
    /// Pages for which memory_failure() ran on a node since boot, by result.
    MEMORY_FAILURE_PAGES: Counter "" "scrubjay_node_memory_failure_pages_total" ["node", "result"];
    /// Pages taken out of use before they failed, since boot: those marked less those that failed. Below 0 some were unmarked, and it cannot be told.
    SOFT_OFFLINED_PAGES: Gauge "" "scrubjay_memory_soft_offlined_pages" [];
    /// Bad pages the history knows, by whether the running kernel has them out of use.
    BAD_PAGES: Gauge "" "scrubjay_bad_pages" ["state"];

    /// When the running boot began, as the wall clock tells it now (btime); moves when that is stepped.
    BOOT_TIME: Gauge "seconds" "scrubjay_boot_timestamp_seconds" [];
    /// Time since boot, sleep included.
    UPTIME: Gauge "seconds" "scrubjay_uptime_seconds" [];
    /// Time asleep since boot.
    SLEPT: Gauge "seconds" "scrubjay_sleep_seconds" [];
    /// Boots the history knows, by how they ended; the running one is among them.
    BOOTS: Gauge "" "scrubjay_boots" ["end"];
    /// Steps of the wall clock noticed since the history began.
    CLOCK_STEPS: Counter "" "scrubjay_clock_steps_total" [];

    /// Identity of the running kernel; always 1.
    KERNEL_INFO: Gauge "" "scrubjay_kernel_info" ["release", "version"];
    /// Taint flags of the running kernel: 1 if set.
    KERNEL_TAINT: Gauge "" "scrubjay_kernel_taint" ["flag"];
    /// Oopses since boot.
    KERNEL_OOPS: Counter "" "scrubjay_kernel_oops_total" [];
    /// Kernel warnings since boot.
    KERNEL_WARNINGS: Counter "" "scrubjay_kernel_warnings_total" [];
    /// Whether the running kernel's module directory is still there; 0 means its package was removed and modules cannot be loaded.
    MODULES_DIRECTORY: Gauge "" "scrubjay_kernel_modules_directory_present" [];
    /// How the running kernel stands to the newest one installed: 1 for the relation that holds.
    KERNEL_RELATION: Gauge "" "scrubjay_kernel_relation" ["relation"];
    /// Package versions of the running kernel and of the newest one installed, empty where unknown; always 1.
    KERNEL_PACKAGE_INFO: Gauge "" "scrubjay_kernel_package_info" ["running", "newest"];
    /// Which kernel the boot loader is set to start, beside the newest one installed: 1 for what holds.
    NEXT_KERNEL: Gauge "" "scrubjay_next_boot_kernel" ["kernel"];
    /// Vulnerabilities that the newest installed kernel fixes and the running one, as it was started, does not: owed, mitigated by live patches, or in a live patch in transition.
    KERNEL_CVES: Gauge "" "scrubjay_kernel_cves" ["state"];
    /// Whether there may be more of these than are counted, because the list of fixes is cut.
    KERNEL_CVES_PARTIAL: Gauge "" "scrubjay_kernel_cves_partial" [];
    /// Longest time that a vulnerability has been fixed and not in force: since the fix was released, and since it was installed; 0 if none is owed.
    KERNEL_EXPOSURE: Gauge "seconds" "scrubjay_kernel_exposure_seconds" ["clock"];
    /// What the kernel says of a CPU vulnerability: 1 for the state that holds.
    CPU_VULNERABILITY: Gauge "" "scrubjay_cpu_vulnerability" ["vulnerability", "state"];
    /// Whether a kernel is loaded for kexec or for crash dumps.
    KEXEC_LOADED: Gauge "" "scrubjay_kexec_loaded" ["kind"];
    /// Memory reserved for a crash kernel.
    KEXEC_CRASH_SIZE: Gauge "bytes" "scrubjay_kexec_crash_reserved_bytes" [];
    /// Lockdown mode of the kernel: 1 for the mode that holds.
    LOCKDOWN: Gauge "" "scrubjay_kernel_lockdown" ["mode"];

    /// A live patch by its system and level, as far as they are told; always 1.
    LIVEPATCH_INFO: Gauge "" "scrubjay_livepatch_info" ["patch", "system", "level"];
    /// How long a running transition of a live patch has lasted, or has lasted at least, by the kernel's log or since the agent first saw it.
    LIVEPATCH_TRANSITION_SECONDS: Gauge "seconds" "scrubjay_livepatch_transition_seconds" ["patch"];
    /// When support of live patches for the running kernel ends: by a file of the vendor (dated), or at the latest by its usual window (usual).
    LIVEPATCH_SUPPORT_END: Gauge "seconds" "scrubjay_livepatch_support_end_timestamp_seconds" ["system", "basis"];
    /// Whether a live patch is applied, or being applied.
    LIVEPATCH_ENABLED: Gauge "" "scrubjay_livepatch_enabled" ["patch"];
    /// Whether a live patch is in transition.
    LIVEPATCH_TRANSITION: Gauge "" "scrubjay_livepatch_transition" ["patch"];
    /// Functions a live patch changes.
    LIVEPATCH_FUNCTIONS: Gauge "" "scrubjay_livepatch_functions" ["patch"];
    /// Whether an object of a live patch is patched; 0 while its module is not loaded.
    LIVEPATCH_OBJECT_PATCHED: Gauge "" "scrubjay_livepatch_object_patched" ["patch", "object"];
    /// Whether a transition of a live patch was forced in this boot; the label is empty if the log no longer names the patch.
    LIVEPATCH_FORCED: Gauge "" "scrubjay_livepatch_forced" ["patch"];
    /// Tasks a running transition waits for.
    LIVEPATCH_BLOCKERS: Gauge "" "scrubjay_livepatch_blocking_tasks" [];
    /// What code a live patch runs: its GNU build id, who signed the file that holds the same code, and which package holds that file; a label is empty if that is not known, or nobody did.
    LIVEPATCH_MODULE: Gauge "" "scrubjay_livepatch_module_info" ["patch", "build_id", "signer", "package", "version"];
    /// What is on disk of the code of a live patch: 1 for the state that holds.
    LIVEPATCH_ON_DISK: Gauge "" "scrubjay_livepatch_module_on_disk" ["patch", "state"];
    /// Whether the code of a live patch is signed and the kernel took the signature; not verified by scrubjay.
    LIVEPATCH_SIGNED: Gauge "" "scrubjay_livepatch_module_signed" ["patch"];
    /// Whether the file of a live patch is as its package installed it, by the package's checksum; no sample where nothing was compared.
    LIVEPATCH_AS_INSTALLED: Gauge "" "scrubjay_livepatch_module_as_installed" ["patch"];
    /// Memory that the module of a live patch takes.
    LIVEPATCH_SIZE: Gauge "bytes" "scrubjay_livepatch_module_size_bytes" ["patch"];
    /// Modules of live patches that are loaded and not in force: replaced or disabled.
    LIVEPATCH_LEFTOVERS: Gauge "" "scrubjay_livepatch_leftover_modules" [];
    /// Whether modules without a signature that the kernel knows are refused; told while a live patch is loaded.
    SIGNATURES_ENFORCED: Gauge "" "scrubjay_kernel_module_signatures_enforced" [];

    /// Findings that ask for a reboot; always 1.
    REBOOT_REASON: Gauge "" "scrubjay_reboot_reason" ["code", "subject", "severity"];
    /// Whether the host is to be rebooted at the next window: 1 for the answer that holds.
    REBOOT_REQUIRED: Gauge "" "scrubjay_reboot_required" ["answer"];
    /// Since when a reboot is asked for: the earliest of the reasons that still hold, and never before the boot.
    REBOOT_NEEDED_SINCE: Gauge "seconds" "scrubjay_reboot_needed_since_timestamp_seconds" [];
    /// Whether the host is to be rebooted, under the name that alerts of others use; only where the configuration asks for it, and only where it can be told.
    NODE_REBOOT_REQUIRED: Gauge "" "node_reboot_required" [];
    /// Microcode the CPUs run, and the newest below /lib/firmware for them, which is empty where there is none or it is not known; always 1.
    MICROCODE_INFO: Gauge "" "scrubjay_microcode_info" ["vendor", "signature", "running", "available"];
    /// Whether there is newer microcode below /lib/firmware than any CPU runs.
    MICROCODE_BEHIND: Gauge "" "scrubjay_microcode_behind" [];
    /// Whether CPUs run different microcode.
    MICROCODE_MIXED: Gauge "" "scrubjay_microcode_mixed" [];
    /// Processes that run code of files that were deleted or replaced, by whose they are; not given unless every process was looked at.
    STALE_PROCESSES: Gauge "" "scrubjay_stale_processes" ["kind"];
    /// Whether the distribution left a marker that asks for a reboot.
    REBOOT_MARKER: Gauge "" "scrubjay_reboot_marker" ["marker"];
    /// Switches of the machine-check code that hide corrected errors when set.
    MACHINE_CHECK_SWITCH: Gauge "" "scrubjay_machine_check_switch" ["switch"];
    /// Longest delay before polling notices a corrected error.
    MACHINE_CHECK_INTERVAL: Gauge "seconds" "scrubjay_machine_check_interval_seconds" [];

    /// Errors of memory that were reported one by one, each counted once however many witnesses told of it.
    REPORTED_ERRORS: Counter "" "scrubjay_reported_errors_total" ["class"];
    /// Reports of errors taken in, by who made them.
    EVENT_REPORTS: Counter "" "scrubjay_event_reports_total" ["witness", "class"];
    /// Reports of errors that the kernel overwrote before they could be read.
    EVENT_LOST: Counter "" "scrubjay_event_reports_lost_total" [];
    /// Reports of errors that could not be decoded.
    EVENT_UNDECODABLE: Counter "" "scrubjay_event_reports_undecodable_total" [];
    /// Errors a DIMM's counter counted while the agent listened and nobody reported; negative where more were reported than counted. Off by those of the moment while errors arrive.
    UNREPORTED: Gauge "" "scrubjay_dimm_unreported_errors" ["controller", "dimm", "class"];
    /// How reports of errors reach the agent: 1 for the way in use.
    EVENT_PATH: Gauge "" "scrubjay_event_path" ["path"];
    /// Error records of before this boot that the firmware kept (BERT), by what they are about.
    BOOT_ERRORS: Gauge "" "scrubjay_boot_error_records" ["about", "severity"];
    /// Crash records of the kernel that were looked at: those pstore holds and those systemd has moved away.
    CRASH_RECORDS: Gauge "" "scrubjay_crash_records" ["store", "record"];
    /// Whether a watchdog says that it made the last reset.
    WATCHDOG_RESET: Gauge "" "scrubjay_watchdog_reset" ["watchdog"];

    /// State of a source: 1 for the one that holds.
    SOURCE_STATE: Gauge "" "scrubjay_source_state" ["source", "state"];
    /// Time the last reading of a source took.
    SOURCE_DURATION: Gauge "seconds" "scrubjay_source_duration_seconds" ["source"];
    /// Attributes that were offered but could not be read or understood, since the agent started.
    SOURCE_FAILURES: Counter "" "scrubjay_source_read_failures_total" ["source"];
    /// Passes in which a source did not answer in time, since the agent started.
    SOURCE_DEADLINES: Counter "" "scrubjay_source_deadlines_missed_total" ["source"];
    /// When a source was last read without fault, since the agent started.
    SOURCE_LAST_OK: Gauge "seconds" "scrubjay_source_last_success_timestamp_seconds" ["source"];

    /// When the samples of this page were read.
    SNAPSHOT_TIME: Gauge "seconds" "scrubjay_snapshot_timestamp_seconds" [];
    /// 1 if the last pass is too old to speak for the host; the host's samples are then left out.
    SNAPSHOT_STALE: Gauge "" "scrubjay_snapshot_stale" [];
    /// Planned time between passes.
    AGENT_INTERVAL: Gauge "seconds" "scrubjay_agent_interval_seconds" [];
    /// Passes completed since the agent started.
    AGENT_PASSES: Counter "" "scrubjay_agent_passes_total" [];
    /// Passes that began more than one interval late.
    AGENT_LATE: Counter "" "scrubjay_agent_late_passes_total" [];
    /// Duration of the last pass.
    AGENT_PASS_DURATION: Gauge "seconds" "scrubjay_agent_pass_duration_seconds" [];
    /// Time covered by passes, over all boots the history knows.
    HISTORY_COVERED: Gauge "seconds" "scrubjay_history_covered_seconds" [];
    /// The last row of the history's ledger and its hash, for whoever keeps a copy; always 1.
    LEDGER_HEAD: Gauge "" "scrubjay_ledger_head_info" ["seq", "hash"];
    /// Whether the ledger is not what was written, when it was last looked at: at the start and each day; not
    /// told where that was not possible.
    LEDGER_ALTERED: Gauge "" "scrubjay_ledger_altered" [];
    /// Size of the history with its write-ahead log.
    HISTORY_SIZE: Gauge "bytes" "scrubjay_history_size_bytes" [];
    /// Size that the history stays below: what is old becomes sums sooner if it must.
    HISTORY_MAX_SIZE: Gauge "bytes" "scrubjay_history_max_size_bytes" [];
    /// Rows of the history that became sums of an hour or a day, or were no longer referred to, since it began.
    HISTORY_FOLDED: Counter "" "scrubjay_history_folded_rows_total" ["what"];
    /// Transactions committed to the history since the agent started.
    HISTORY_WRITES: Counter "" "scrubjay_history_writes_total" [];
    /// Transactions that failed since the agent started; nothing is lost while the agent runs, the next one catches up.
    HISTORY_FAILURES: Counter "" "scrubjay_history_write_failures_total" [];
    /// Whether the history cannot be written at present, or is gone from its place; what happens is
    /// then kept in memory.
    HISTORY_FAILING: Gauge "" "scrubjay_history_failing" [];
    /// Whether the history had to be begun anew because the file was corrupt; the old file was kept.
    HISTORY_REPLACED: Gauge "" "scrubjay_history_replaced" [];
    /// Alerts in the book, by state: those that lasted long enough fire.
    ALERTS: Gauge "" "scrubjay_alerts" ["state"];
    /// Alerts that stand as they stood because what they rest on could not be looked at.
    ALERTS_HELD: Gauge "" "scrubjay_alerts_held" [];
    /// Until when an alert is acknowledged; no sample for one that is not.
    ALERT_ACKNOWLEDGED: Gauge "seconds" "scrubjay_alert_acknowledged_until_timestamp_seconds" ["code", "subject"];
    /// Notices of alerts that a receiver took since the agent started.
    NOTIFICATIONS_SENT: Counter "" "scrubjay_notifications_sent_total" ["receiver"];
    /// Attempts to reach a receiver that failed since the agent started; each is tried again.
    NOTIFICATIONS_FAILED: Counter "" "scrubjay_notification_failures_total" ["receiver"];
    /// Notices that were given up since the agent started: the receiver will never be told.
    NOTIFICATIONS_DROPPED: Counter "" "scrubjay_notifications_dropped_total" ["receiver"];
    /// Notices that wait for a receiver.
    NOTIFICATIONS_QUEUED: Gauge "" "scrubjay_notifications_queued" ["receiver"];
    /// Version of scrubjay; always 1.
    BUILD_INFO: Gauge "" "scrubjay_build_info" ["version"];
    /// When the agent started.
    PROCESS_START: Gauge "seconds" "process_start_time_seconds" [];
    /// Resident memory of the agent.
    PROCESS_RESIDENT: Gauge "bytes" "process_resident_memory_bytes" [];
    /// CPU time used by the agent.
    PROCESS_CPU: Counter "seconds" "process_cpu_seconds_total" [];
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_follow_the_conventions() {
        let names: BTreeSet<&str> = CATALOGUE.iter().map(|def| def.name).collect();
        assert_eq!(names.len(), CATALOGUE.len(), "a name is used twice");
        for def in CATALOGUE {
            let name = def.name;
            let counter = def.kind == MetricKind::Counter;
            assert_eq!(name.ends_with("_total"), counter, "{name}");
            let ours = name.starts_with("scrubjay_") || name.starts_with("process_");
            // A name that others gave, for those who use it already.
            assert!(ours || name == "node_reboot_required", "{name}");
            assert!(def.help.ends_with('.') && !def.help.starts_with(' '), "{name}: {}", def.help);
            let stem = name.trim_end_matches("_total");
            assert!(def.unit.is_empty() || stem.ends_with(def.unit), "{name}: {}", def.unit);
            assert!(!def.labels.contains(&"type"), "{name}");
            // promtool objects to these.
            let types = ["counter", "gauge", "histogram", "summary", "untyped"];
            assert!(!name.split('_').any(|word| types.contains(&word)), "{name}");
        }
    }
}
