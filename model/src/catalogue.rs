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
    /// How many series it can have at once.
    pub bound: Bound,
}

/// How many series of a family there can be at once: so many for each of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// At most so many.
    pub most: u32,
    /// For each of these.
    pub per: Per,
}

/// What series are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Per {
    /// The host.
    Host,
    /// A memory controller that the kernel shows.
    Controller,
    /// A DIMM, rank or row of a controller, as the kernel shows them.
    Place,
    /// A stick of memory that is there.
    Module,
    /// A scrub or error-check control of a memory device.
    ScrubControl,
    /// A NUMA node.
    Node,
    /// A finding, gaps of coverage included.
    Finding,
    /// A live patch that is loaded, or was forced in this boot.
    Patch,
    /// An object that a live patch changes: the kernel or a module.
    PatchObject,
    /// A vulnerability of CPUs that the kernel knows.
    Vulnerability,
    /// A watchdog.
    Watchdog,
    /// A source.
    Source,
    /// An alert that is acknowledged.
    Acknowledgement,
    /// A receiver of notices.
    Receiver,
}

impl Per {
    /// What it is called in "so many for each".
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Controller => "controller",
            Self::Place => "place",
            Self::Module => "stick",
            Self::ScrubControl => "scrub control",
            Self::Node => "node",
            Self::Finding => "finding",
            Self::Patch => "patch",
            Self::PatchObject => "patched object",
            Self::Vulnerability => "vulnerability",
            Self::Watchdog => "watchdog",
            Self::Source => "source",
            Self::Acknowledgement => "acknowledgement",
            Self::Receiver => "receiver",
        }
    }
}

impl MetricDef {
    /// Whether it is metadata, always 1.
    pub fn is_info(&self) -> bool {
        self.name.ends_with("_info")
    }
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
    ($($(#[doc = $doc:literal])+ $id:ident: $kind:ident $unit:literal $name:literal [$($label:literal),*] $most:literal $per:ident;)+) => {
        /// Every metric scrubjay can export, by constant.
        pub mod metrics {
            use super::{Bound, MetricDef, MetricKind, Per};
            $($(#[doc = $doc])+ pub static $id: MetricDef = MetricDef {
                name: $name,
                kind: MetricKind::$kind,
                unit: $unit,
                help: concat!($($doc),+).trim_ascii_start(),
                labels: &[$($label),*],
                bound: Bound { most: $most, per: Per::$per },
            };)+
        }
        /// Every metric scrubjay can export, in the order of the documentation.
        pub static CATALOGUE: &[&MetricDef] = &[$(&metrics::$id),+];
    };
}

catalogue! {
    /// Verdict on the host: 1 for the one that holds.
    VERDICT: Gauge "" "scrubjay_verdict" ["verdict"] 5 Host;
    /// Reasons for the verdict; always 1.
    FINDING: Gauge "" "scrubjay_finding" ["code", "subject", "verdict", "action"] 1 Finding;
    /// How much of this host's memory errors of a class can be seen: 1 for the state that holds.
    COVERAGE: Gauge "" "scrubjay_monitoring_coverage" ["class", "state"] 8 Host;
    /// What hides memory errors of a class on this host; always 1.
    COVERAGE_GAP: Gauge "" "scrubjay_monitoring_coverage_gap_info" ["class", "code", "subject"] 2 Finding;

    /// Corrected errors of one DIMM or rank, summed over reboots and counter resets since the history began.
    DIMM_CORRECTABLE: Counter "" "scrubjay_dimm_correctable_errors_total" ["controller", "dimm"] 1 Place;
    /// Uncorrected errors of one DIMM or rank (deferred and fatal ones included, as the kernel counts), summed over reboots and counter resets since the history began.
    DIMM_UNCORRECTABLE: Counter "" "scrubjay_dimm_uncorrectable_errors_total" ["controller", "dimm"] 1 Place;
    /// Corrected errors a controller could not attribute to a DIMM, summed over reboots and counter resets; with the DIMMs' it makes the controller's total.
    UNATTRIBUTED_CORRECTABLE: Counter "" "scrubjay_controller_unattributed_correctable_errors_total" ["controller"] 1 Controller;
    /// Uncorrected errors a controller could not attribute to a DIMM, summed over reboots and counter resets; with the DIMMs' it makes the controller's total.
    UNATTRIBUTED_UNCORRECTABLE: Counter "" "scrubjay_controller_unattributed_uncorrectable_errors_total" ["controller"] 1 Controller;
    /// The kernel's total of a controller less its DIMMs' and its unattributed errors: below 0 the kernel contradicts itself, above 0 some errors are in no part, as with errors located in part on kernels before 5.7.
    UNRECONCILED: Gauge "" "scrubjay_controller_unreconciled_errors" ["controller", "class"] 2 Controller;
    /// Times a controller's counters began anew (reboot, driver reload, reset); each time the errors since the reading before are lost, so totals are lower bounds.
    COUNTER_RESTARTS: Counter "" "scrubjay_controller_count_restarts_total" ["controller"] 1 Controller;
    /// When the kernel's counters of a controller were last zeroed.
    COUNTERS_ZEROED: Gauge "seconds" "scrubjay_controller_counters_zeroed_timestamp_seconds" ["controller"] 1 Controller;
    /// Scrub rate of a controller, as set.
    SCRUB_RATE: Gauge "bytes_per_second" "scrubjay_controller_scrub_rate_bytes_per_second" ["controller"] 1 Controller;
    /// Time that scrubbing at that rate takes to pass over all of a controller's memory.
    SCRUB_FULL_PASS: Gauge "seconds" "scrubjay_controller_scrub_full_pass_seconds" ["controller"] 1 Controller;
    /// Whether a memory device scrubs itself in the background.
    DEVICE_SCRUB_BACKGROUND: Gauge "" "scrubjay_device_scrub_background_enabled" ["device", "control"] 1 ScrubControl;
    /// Time that a memory device takes for one scrub of all of its memory, as set.
    DEVICE_SCRUB_CYCLE: Gauge "seconds" "scrubjay_device_scrub_cycle_seconds" ["device", "control"] 1 ScrubControl;
    /// Errors per gigabit below which the error check inside the memory chips reports nothing.
    DEVICE_ECS_THRESHOLD: Gauge "" "scrubjay_device_ecs_threshold_errors" ["device", "control"] 1 ScrubControl;
    /// A memory controller; edac is the kernel's current number for it. Always 1.
    CONTROLLER_INFO: Gauge "" "scrubjay_controller_info" ["controller", "edac", "name", "layout"] 1 Controller;
    /// A DIMM or rank as EDAC describes it; edac is the kernel's current name for it. Always 1.
    DIMM_INFO: Gauge "" "scrubjay_dimm_info" ["controller", "dimm", "edac", "label", "location", "memory_type", "device_type", "edac_mode"] 1 Place;
    /// Size of a DIMM or rank.
    DIMM_SIZE: Gauge "bytes" "scrubjay_dimm_size_bytes" ["controller", "dimm"] 1 Place;
    /// A stick of memory that is there; module is an opaque name that stays with the stick, dimms are the places its errors are counted at, confidence is how sure that is. Always 1.
    MODULE_INFO: Gauge "" "scrubjay_module_info" ["module", "slot", "part", "dimms", "identity", "confidence"] 1 Module;
    /// Corrected errors of one stick of memory, wherever it was, summed over moves, reboots and counter resets; the same errors as those of its DIMMs or ranks.
    MODULE_CORRECTABLE: Counter "" "scrubjay_module_correctable_errors_total" ["module", "slot"] 1 Module;
    /// Uncorrected errors of one stick of memory (deferred and fatal ones included, as the kernel counts), wherever it was; the same errors as those of its DIMMs or ranks.
    MODULE_UNCORRECTABLE: Counter "" "scrubjay_module_uncorrectable_errors_total" ["module", "slot"] 1 Module;
    /// Verdict on one stick of memory: 1 for the one that holds, 0 for the others. Not there without a history, which knows sticks.
    MODULE_VERDICT: Gauge "" "scrubjay_module_verdict" ["module", "slot", "verdict"] 5 Module;
    /// Probability of an uncorrected error of one stick of memory within the horizon of the policy, 45 days by the default one; from weights that were fitted on other hosts, so good for comparing sticks and no more, unless memory.calibration names a file that corrects them by one's own outcomes. Only of sticks with open faults.
    MODULE_FAILURE: Gauge "ratio" "scrubjay_module_failure_probability_ratio" ["module", "slot"] 1 Module;
    /// Probability that the errors per day of one stick of memory rise as much by chance, by the test of Mann and Kendall over 14 days; 1 where the rise is too small to matter. Only of sticks with errors on five of these days or more; of many sticks some are low by chance.
    MODULE_TREND: Gauge "" "scrubjay_module_trend_pvalue" ["module", "slot"] 1 Module;

    /// Memory the kernel has marked as bad because of errors since boot: taken out of use or, where the kernel itself uses it, used on.
    MEMORY_CORRUPTED: Gauge "bytes" "scrubjay_memory_corrupted_bytes" [] 1 Host;
    /// Pages for which memory_failure() ran on a node since boot, by result.
    MEMORY_FAILURE_PAGES: Counter "" "scrubjay_node_memory_failure_pages_total" ["node", "result"] 4 Node;
    /// Pages taken out of use before they failed, since boot: those marked less those that failed. Below 0 some were unmarked, and it cannot be told.
    SOFT_OFFLINED_PAGES: Gauge "" "scrubjay_memory_soft_offlined_pages" [] 1 Host;
    /// Bad pages the history knows, by whether the running kernel has them out of use.
    BAD_PAGES: Gauge "" "scrubjay_bad_pages" ["state"] 3 Host;

    /// When the running boot began, as the wall clock tells it now (btime); moves when that is stepped.
    BOOT_TIME: Gauge "seconds" "scrubjay_boot_timestamp_seconds" [] 1 Host;
    /// Time since boot, sleep included.
    UPTIME: Gauge "seconds" "scrubjay_uptime_seconds" [] 1 Host;
    /// Time asleep since boot.
    SLEPT: Gauge "seconds" "scrubjay_sleep_seconds" [] 1 Host;
    /// Boots the history knows, by how they ended; the running one is among them.
    BOOTS: Gauge "" "scrubjay_boots" ["end"] 4 Host;
    /// Steps of the wall clock noticed since the history began.
    CLOCK_STEPS: Counter "" "scrubjay_clock_steps_total" [] 1 Host;

    /// Identity of the running kernel; always 1.
    KERNEL_INFO: Gauge "" "scrubjay_kernel_info" ["release", "version"] 1 Host;
    /// Taint flags of the running kernel: 1 if set.
    KERNEL_TAINT: Gauge "" "scrubjay_kernel_taint" ["flag"] 64 Host;
    /// Oopses since boot.
    KERNEL_OOPS: Counter "" "scrubjay_kernel_oops_total" [] 1 Host;
    /// Kernel warnings since boot.
    KERNEL_WARNINGS: Counter "" "scrubjay_kernel_warnings_total" [] 1 Host;
    /// Whether the running kernel's module directory is still there; 0 means its package was removed and modules cannot be loaded.
    MODULES_DIRECTORY: Gauge "" "scrubjay_kernel_modules_directory_present" [] 1 Host;
    /// How the running kernel stands to the newest one installed: 1 for the relation that holds.
    KERNEL_RELATION: Gauge "" "scrubjay_kernel_relation" ["relation"] 6 Host;
    /// Package versions of the running kernel and of the newest one installed, empty where unknown; always 1.
    KERNEL_PACKAGE_INFO: Gauge "" "scrubjay_kernel_package_info" ["running", "newest"] 1 Host;
    /// Which kernel the boot loader is set to start, beside the newest one installed: 1 for what holds.
    NEXT_KERNEL: Gauge "" "scrubjay_next_boot_kernel" ["kernel"] 4 Host;
    /// Vulnerabilities that the newest installed kernel fixes and the running one, as it was started, does not: owed, mitigated by live patches, or in a live patch in transition.
    KERNEL_CVES: Gauge "" "scrubjay_kernel_cves" ["state"] 3 Host;
    /// Whether there may be more of these than are counted, because the list of fixes is cut.
    KERNEL_CVES_PARTIAL: Gauge "" "scrubjay_kernel_cves_partial" [] 1 Host;
    /// Longest time that a vulnerability has been fixed and not in force: since the fix was released, and since it was installed; 0 if none is owed.
    KERNEL_EXPOSURE: Gauge "seconds" "scrubjay_kernel_exposure_seconds" ["clock"] 2 Host;
    /// What the kernel says of a CPU vulnerability: 1 for the state that holds.
    CPU_VULNERABILITY: Gauge "" "scrubjay_cpu_vulnerability" ["vulnerability", "state"] 4 Vulnerability;
    /// Whether a kernel is loaded for kexec or for crash dumps.
    KEXEC_LOADED: Gauge "" "scrubjay_kexec_loaded" ["kind"] 2 Host;
    /// Memory reserved for a crash kernel.
    KEXEC_CRASH_SIZE: Gauge "bytes" "scrubjay_kexec_crash_reserved_bytes" [] 1 Host;
    /// Lockdown mode of the kernel: 1 for the mode that holds.
    LOCKDOWN: Gauge "" "scrubjay_kernel_lockdown" ["mode"] 3 Host;

    /// A live patch by its system and level, as far as they are told; always 1.
    LIVEPATCH_INFO: Gauge "" "scrubjay_livepatch_info" ["patch", "system", "level"] 1 Patch;
    /// How long a running transition of a live patch has lasted, or has lasted at least, by the kernel's log or since the agent first saw it.
    LIVEPATCH_TRANSITION_SECONDS: Gauge "seconds" "scrubjay_livepatch_transition_seconds" ["patch"] 1 Patch;
    /// When support of live patches for the running kernel ends: by a file of the vendor (dated), or at the latest by its usual window (usual).
    LIVEPATCH_SUPPORT_END: Gauge "seconds" "scrubjay_livepatch_support_end_timestamp_seconds" ["system", "basis"] 8 Host;
    /// Whether a live patch is applied, or being applied.
    LIVEPATCH_ENABLED: Gauge "" "scrubjay_livepatch_enabled" ["patch"] 1 Patch;
    /// Whether a live patch is in transition.
    LIVEPATCH_TRANSITION: Gauge "" "scrubjay_livepatch_transition" ["patch"] 1 Patch;
    /// Functions a live patch changes.
    LIVEPATCH_FUNCTIONS: Gauge "" "scrubjay_livepatch_functions" ["patch"] 1 Patch;
    /// Whether an object of a live patch is patched; 0 while its module is not loaded.
    LIVEPATCH_OBJECT_PATCHED: Gauge "" "scrubjay_livepatch_object_patched" ["patch", "object"] 1 PatchObject;
    /// Whether a transition of a live patch was forced in this boot; the label is empty if the log no longer names the patch.
    LIVEPATCH_FORCED: Gauge "" "scrubjay_livepatch_forced" ["patch"] 1 Patch;
    /// Tasks a running transition waits for.
    LIVEPATCH_BLOCKERS: Gauge "" "scrubjay_livepatch_blocking_tasks" [] 1 Host;
    /// What code a live patch runs: its GNU build id, who signed the file that holds the same code, and which package holds that file; a label is empty if that is not known, or nobody did.
    LIVEPATCH_MODULE: Gauge "" "scrubjay_livepatch_module_info" ["patch", "build_id", "signer", "package", "version"] 1 Patch;
    /// What is on disk of the code of a live patch: 1 for the state that holds.
    LIVEPATCH_ON_DISK: Gauge "" "scrubjay_livepatch_module_on_disk" ["patch", "state"] 4 Patch;
    /// Whether the code of a live patch is signed and the kernel took the signature; not verified by scrubjay.
    LIVEPATCH_SIGNED: Gauge "" "scrubjay_livepatch_module_signed" ["patch"] 1 Patch;
    /// Whether the file of a live patch is as its package installed it, by the package's checksum; no sample where nothing was compared.
    LIVEPATCH_AS_INSTALLED: Gauge "" "scrubjay_livepatch_module_as_installed" ["patch"] 1 Patch;
    /// Memory that the module of a live patch takes.
    LIVEPATCH_SIZE: Gauge "bytes" "scrubjay_livepatch_module_size_bytes" ["patch"] 1 Patch;
    /// Modules of live patches that are loaded and not in force: replaced or disabled.
    LIVEPATCH_LEFTOVERS: Gauge "" "scrubjay_livepatch_leftover_modules" [] 1 Host;
    /// Whether modules without a signature that the kernel knows are refused; told while a live patch is loaded.
    SIGNATURES_ENFORCED: Gauge "" "scrubjay_kernel_module_signatures_enforced" [] 1 Host;

    /// Findings that ask for a reboot; always 1.
    REBOOT_REASON: Gauge "" "scrubjay_reboot_reason" ["code", "subject", "severity"] 1 Finding;
    /// Whether the host is to be rebooted at the next window: 1 for the answer that holds.
    REBOOT_REQUIRED: Gauge "" "scrubjay_reboot_required" ["answer"] 3 Host;
    /// Since when a reboot is asked for: the earliest of the reasons that still hold, and never before the boot.
    REBOOT_NEEDED_SINCE: Gauge "seconds" "scrubjay_reboot_needed_since_timestamp_seconds" [] 1 Host;
    /// Whether the host is to be rebooted, under the name that alerts of others use; only where the configuration asks for it, and only where it can be told.
    NODE_REBOOT_REQUIRED: Gauge "" "node_reboot_required" [] 1 Host;
    /// Microcode the CPUs run, and the newest below /lib/firmware for them, which is empty where there is none or it is not known; always 1.
    MICROCODE_INFO: Gauge "" "scrubjay_microcode_info" ["vendor", "signature", "running", "available"] 1 Host;
    /// Whether there is newer microcode below /lib/firmware than any CPU runs.
    MICROCODE_BEHIND: Gauge "" "scrubjay_microcode_behind" [] 1 Host;
    /// Whether CPUs run different microcode.
    MICROCODE_MIXED: Gauge "" "scrubjay_microcode_mixed" [] 1 Host;
    /// Processes that run code of files that were deleted or replaced, by whose they are; not given unless every process was looked at.
    STALE_PROCESSES: Gauge "" "scrubjay_stale_processes" ["kind"] 6 Host;
    /// Whether the distribution left a marker that asks for a reboot.
    REBOOT_MARKER: Gauge "" "scrubjay_reboot_marker" ["marker"] 2 Host;
    /// Switches of the machine-check code that hide corrected errors when set.
    MACHINE_CHECK_SWITCH: Gauge "" "scrubjay_machine_check_switch" ["switch"] 3 Host;
    /// Longest delay before polling notices a corrected error.
    MACHINE_CHECK_INTERVAL: Gauge "seconds" "scrubjay_machine_check_interval_seconds" [] 1 Host;

    /// Errors of memory that were reported one by one, each counted once however many witnesses told of it.
    REPORTED_ERRORS: Counter "" "scrubjay_reported_errors_total" ["class"] 5 Host;
    /// Reports of errors taken in, by who made them.
    EVENT_REPORTS: Counter "" "scrubjay_event_reports_total" ["witness", "class"] 60 Host;
    /// Reports of errors that the kernel overwrote before they could be read.
    EVENT_LOST: Counter "" "scrubjay_event_reports_lost_total" [] 1 Host;
    /// Reports of errors that could not be decoded.
    EVENT_UNDECODABLE: Counter "" "scrubjay_event_reports_undecodable_total" [] 1 Host;
    /// Errors a DIMM's counter counted while the agent listened and nobody reported; negative where more were reported than counted. Off by those of the moment while errors arrive.
    UNREPORTED: Gauge "" "scrubjay_dimm_unreported_errors" ["controller", "dimm", "class"] 2 Place;
    /// How reports of errors reach the agent: 1 for the way in use.
    EVENT_PATH: Gauge "" "scrubjay_event_path" ["path"] 3 Host;
    /// Error records of before this boot that the firmware kept (BERT), by what they are about.
    BOOT_ERRORS: Gauge "" "scrubjay_boot_error_records" ["about", "severity"] 10 Host;
    /// Crash records of the kernel that were looked at: those pstore holds and those systemd has moved away.
    CRASH_RECORDS: Gauge "" "scrubjay_crash_records" ["store", "record"] 12 Host;
    /// Whether a watchdog says that it made the last reset.
    WATCHDOG_RESET: Gauge "" "scrubjay_watchdog_reset" ["watchdog"] 1 Watchdog;

    /// State of a source: 1 for the one that holds.
    SOURCE_STATE: Gauge "" "scrubjay_source_state" ["source", "state"] 6 Source;
    /// Time the last reading of a source took.
    SOURCE_DURATION: Gauge "seconds" "scrubjay_source_duration_seconds" ["source"] 1 Source;
    /// Attributes that were offered but could not be read or understood, since the agent started.
    SOURCE_FAILURES: Counter "" "scrubjay_source_read_failures_total" ["source"] 1 Source;
    /// Passes in which a source did not answer in time, since the agent started.
    SOURCE_DEADLINES: Counter "" "scrubjay_source_deadlines_missed_total" ["source"] 1 Source;
    /// When a source was last read without fault, since the agent started.
    SOURCE_LAST_OK: Gauge "seconds" "scrubjay_source_last_success_timestamp_seconds" ["source"] 1 Source;

    /// When the samples of this page were read.
    SNAPSHOT_TIME: Gauge "seconds" "scrubjay_snapshot_timestamp_seconds" [] 1 Host;
    /// 1 if the last pass is too old to speak for the host; the host's samples are then left out.
    SNAPSHOT_STALE: Gauge "" "scrubjay_snapshot_stale" [] 1 Host;
    /// Planned time between passes.
    AGENT_INTERVAL: Gauge "seconds" "scrubjay_agent_interval_seconds" [] 1 Host;
    /// Passes completed since the agent started.
    AGENT_PASSES: Counter "" "scrubjay_agent_passes_total" [] 1 Host;
    /// Passes that began more than one interval late.
    AGENT_LATE: Counter "" "scrubjay_agent_late_passes_total" [] 1 Host;
    /// Duration of the last pass.
    AGENT_PASS_DURATION: Gauge "seconds" "scrubjay_agent_pass_duration_seconds" [] 1 Host;
    /// Time covered by passes, over all boots the history knows.
    HISTORY_COVERED: Gauge "seconds" "scrubjay_history_covered_seconds" [] 1 Host;
    /// The last row of the history's ledger and its hash, for whoever keeps a copy; always 1.
    LEDGER_HEAD: Gauge "" "scrubjay_ledger_head_info" ["seq", "hash"] 1 Host;
    /// Whether the ledger is not what was written, when it was last looked at: at the start and each day; not
    /// told where that was not possible.
    LEDGER_ALTERED: Gauge "" "scrubjay_ledger_altered" [] 1 Host;
    /// Size of the history with its write-ahead log.
    HISTORY_SIZE: Gauge "bytes" "scrubjay_history_size_bytes" [] 1 Host;
    /// Size that the history stays below: what is old becomes sums sooner if it must.
    HISTORY_MAX_SIZE: Gauge "bytes" "scrubjay_history_max_size_bytes" [] 1 Host;
    /// Rows of the history that became sums of an hour or a day, or were no longer referred to, since it began; of facts, what
    /// lies between the first and the newest 1,000 changes is dropped.
    HISTORY_FOLDED: Counter "" "scrubjay_history_folded_rows_total" ["what"] 10 Host;
    /// Transactions committed to the history since the agent started.
    HISTORY_WRITES: Counter "" "scrubjay_history_writes_total" [] 1 Host;
    /// Transactions that failed since the agent started; nothing is lost while the agent runs, the next one catches up.
    HISTORY_FAILURES: Counter "" "scrubjay_history_write_failures_total" [] 1 Host;
    /// Whether the history cannot be written at present, or is gone from its place; what happens is
    /// then kept in memory.
    HISTORY_FAILING: Gauge "" "scrubjay_history_failing" [] 1 Host;
    /// Whether the history had to be begun anew because the file was corrupt; the old file was kept.
    HISTORY_REPLACED: Gauge "" "scrubjay_history_replaced" [] 1 Host;
    /// Alerts in the book, by state: those that lasted long enough fire.
    ALERTS: Gauge "" "scrubjay_alerts" ["state"] 3 Host;
    /// Alerts that stand as they stood because what they rest on could not be looked at.
    ALERTS_HELD: Gauge "" "scrubjay_alerts_held" [] 1 Host;
    /// Until when an alert is acknowledged; no sample for one that is not.
    ALERT_ACKNOWLEDGED: Gauge "seconds" "scrubjay_alert_acknowledged_until_timestamp_seconds" ["code", "subject"] 1 Acknowledgement;
    /// Notices of alerts that a receiver took since the agent started.
    NOTIFICATIONS_SENT: Counter "" "scrubjay_notifications_sent_total" ["receiver"] 1 Receiver;
    /// Attempts to reach a receiver that failed since the agent started; each is tried again.
    NOTIFICATIONS_FAILED: Counter "" "scrubjay_notification_failures_total" ["receiver"] 1 Receiver;
    /// Notices that were given up since the agent started: the receiver will never be told.
    NOTIFICATIONS_DROPPED: Counter "" "scrubjay_notifications_dropped_total" ["receiver"] 1 Receiver;
    /// Notices that wait for a receiver.
    NOTIFICATIONS_QUEUED: Gauge "" "scrubjay_notifications_queued" ["receiver"] 1 Receiver;
    /// Whether the web configuration was changed to something of no use, so that what was before still holds; told where one is named.
    WEB_CONFIG_FAILING: Gauge "" "scrubjay_web_config_failing" [] 1 Host;
    /// When the web configuration that holds was read.
    WEB_CONFIG_LOADED: Gauge "seconds" "scrubjay_web_config_loaded_timestamp_seconds" [] 1 Host;
    /// Whether the agent has given up what it does not need: capabilities, the gaining of privileges, and files that no source lists (landlock); told by an agent that stays.
    AGENT_CONFINED: Gauge "" "scrubjay_agent_confined" ["by"] 3 Host;
    /// 1 on a host that scrubjay demo made and whose clock is virtual; not there on any other.
    SIMULATED: Gauge "" "scrubjay_simulated" [] 1 Host;
    /// Version of scrubjay; always 1.
    BUILD_INFO: Gauge "" "scrubjay_build_info" ["version"] 1 Host;
    /// When the agent started.
    PROCESS_START: Gauge "seconds" "process_start_time_seconds" [] 1 Host;
    /// Resident memory of the agent.
    PROCESS_RESIDENT: Gauge "bytes" "process_resident_memory_bytes" [] 1 Host;
    /// CPU time used by the agent.
    PROCESS_CPU: Counter "seconds" "process_cpu_seconds_total" [] 1 Host;
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
            // What has no labels has one series.
            let one = Bound { most: 1, per: Per::Host };
            assert!(!def.labels.is_empty() || def.bound == one, "{name}");
            let gauge = def.kind == MetricKind::Gauge && def.unit.is_empty();
            assert!(gauge || !def.is_info(), "{name}");
            // promtool objects to these.
            let types = ["counter", "gauge", "histogram", "summary", "untyped"];
            assert!(!name.split('_').any(|word| types.contains(&word)), "{name}");
        }
    }
}
