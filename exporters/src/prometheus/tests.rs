//! The page as a scraper reads it.

use super::*;
use crate::testing;
use scrubjay_model::{CATALOGUE, Reading, metrics};

#[test]
fn a_guest_without_edac() {
    insta::assert_snapshot!(render(&testing::guest(), false).unwrap(), @r##"
    # HELP scrubjay_verdict Verdict on the host: 1 for the one that holds.
    # TYPE scrubjay_verdict gauge
    scrubjay_verdict{verdict="ok"} 0
    scrubjay_verdict{verdict="unknown"} 1
    scrubjay_verdict{verdict="watch"} 0
    scrubjay_verdict{verdict="plan"} 0
    scrubjay_verdict{verdict="act"} 0
    # HELP scrubjay_finding Reasons for the verdict; always 1.
    # TYPE scrubjay_finding gauge
    scrubjay_finding{code="no-edac-in-guest",subject="host",verdict="unknown",action="fix visibility"} 1
    # HELP scrubjay_monitoring_coverage How much of this host's memory errors of a class can be seen: 1 for the state that holds.
    # TYPE scrubjay_monitoring_coverage gauge
    scrubjay_monitoring_coverage{class="correctable",state="full"} 0
    scrubjay_monitoring_coverage{class="correctable",state="partial"} 0
    scrubjay_monitoring_coverage{class="correctable",state="none"} 1
    scrubjay_monitoring_coverage{class="correctable",state="unknown"} 0
    scrubjay_monitoring_coverage{class="uncorrectable",state="full"} 0
    scrubjay_monitoring_coverage{class="uncorrectable",state="partial"} 1
    scrubjay_monitoring_coverage{class="uncorrectable",state="none"} 0
    scrubjay_monitoring_coverage{class="uncorrectable",state="unknown"} 0
    # HELP scrubjay_monitoring_coverage_gap_info What hides memory errors of a class on this host; always 1.
    # TYPE scrubjay_monitoring_coverage_gap_info gauge
    scrubjay_monitoring_coverage_gap_info{class="correctable",code="no-edac-in-guest",subject="host"} 1
    scrubjay_monitoring_coverage_gap_info{class="uncorrectable",code="no-edac-in-guest",subject="host"} 1
    # HELP scrubjay_memory_corrupted_bytes Memory the kernel has marked as bad because of errors since boot: taken out of use or, where the kernel itself uses it, used on.
    # TYPE scrubjay_memory_corrupted_bytes gauge
    scrubjay_memory_corrupted_bytes 0
    # HELP scrubjay_boot_timestamp_seconds When the running boot began, as the wall clock tells it now (btime); moves when that is stepped.
    # TYPE scrubjay_boot_timestamp_seconds gauge
    scrubjay_boot_timestamp_seconds 1795485600
    # HELP scrubjay_uptime_seconds Time since boot, sleep included.
    # TYPE scrubjay_uptime_seconds gauge
    scrubjay_uptime_seconds 14520
    # HELP scrubjay_sleep_seconds Time asleep since boot.
    # TYPE scrubjay_sleep_seconds gauge
    scrubjay_sleep_seconds 0
    # HELP scrubjay_kernel_info Identity of the running kernel; always 1.
    # TYPE scrubjay_kernel_info gauge
    scrubjay_kernel_info{release="6.12.0-13-amd64",version="#1 SMP PREEMPT_DYNAMIC Debian 6.12.0-13 (2026-09-01)"} 1
    # HELP scrubjay_kernel_taint Taint flags of the running kernel: 1 if set.
    # TYPE scrubjay_kernel_taint gauge
    scrubjay_kernel_taint{flag="P"} 0
    scrubjay_kernel_taint{flag="F"} 0
    scrubjay_kernel_taint{flag="S"} 0
    scrubjay_kernel_taint{flag="R"} 0
    scrubjay_kernel_taint{flag="M"} 0
    scrubjay_kernel_taint{flag="B"} 0
    scrubjay_kernel_taint{flag="U"} 0
    scrubjay_kernel_taint{flag="D"} 0
    scrubjay_kernel_taint{flag="A"} 0
    scrubjay_kernel_taint{flag="W"} 0
    scrubjay_kernel_taint{flag="C"} 0
    scrubjay_kernel_taint{flag="I"} 0
    scrubjay_kernel_taint{flag="O"} 0
    scrubjay_kernel_taint{flag="E"} 0
    scrubjay_kernel_taint{flag="L"} 0
    scrubjay_kernel_taint{flag="K"} 0
    scrubjay_kernel_taint{flag="X"} 0
    scrubjay_kernel_taint{flag="T"} 0
    scrubjay_kernel_taint{flag="N"} 0
    scrubjay_kernel_taint{flag="J"} 0
    # HELP scrubjay_kernel_oops_total Oopses since boot.
    # TYPE scrubjay_kernel_oops_total counter
    scrubjay_kernel_oops_total 0
    # HELP scrubjay_kernel_warnings_total Kernel warnings since boot.
    # TYPE scrubjay_kernel_warnings_total counter
    scrubjay_kernel_warnings_total 0
    # HELP scrubjay_kernel_relation How the running kernel stands to the newest one installed: 1 for the relation that holds.
    # TYPE scrubjay_kernel_relation gauge
    scrubjay_kernel_relation{relation="unknown"} 1
    scrubjay_kernel_relation{relation="orphaned"} 0
    scrubjay_kernel_relation{relation="rebuilt"} 0
    scrubjay_kernel_relation{relation="behind"} 0
    scrubjay_kernel_relation{relation="ahead"} 0
    scrubjay_kernel_relation{relation="current"} 0
    # HELP scrubjay_next_boot_kernel Which kernel the boot loader is set to start, beside the newest one installed: 1 for what holds.
    # TYPE scrubjay_next_boot_kernel gauge
    scrubjay_next_boot_kernel{kernel="newest"} 0
    scrubjay_next_boot_kernel{kernel="newer"} 0
    scrubjay_next_boot_kernel{kernel="not_newer"} 0
    scrubjay_next_boot_kernel{kernel="unknown"} 1
    # HELP scrubjay_kexec_loaded Whether a kernel is loaded for kexec or for crash dumps.
    # TYPE scrubjay_kexec_loaded gauge
    scrubjay_kexec_loaded{kind="kexec"} 0
    scrubjay_kexec_loaded{kind="crash"} 0
    # HELP scrubjay_reboot_required Whether the host is to be rebooted at the next window: 1 for the answer that holds.
    # TYPE scrubjay_reboot_required gauge
    scrubjay_reboot_required{answer="yes"} 0
    scrubjay_reboot_required{answer="no"} 0
    scrubjay_reboot_required{answer="unknown"} 1
    # HELP scrubjay_stale_processes Processes that run code of files that were deleted or replaced, by whose they are; not given unless every process was looked at.
    # TYPE scrubjay_stale_processes gauge
    scrubjay_stale_processes{kind="init"} 0
    scrubjay_stale_processes{kind="bus"} 0
    scrubjay_stale_processes{kind="service"} 0
    scrubjay_stale_processes{kind="session"} 0
    scrubjay_stale_processes{kind="container"} 0
    scrubjay_stale_processes{kind="other"} 0
    # HELP scrubjay_reboot_marker Whether the distribution left a marker that asks for a reboot.
    # TYPE scrubjay_reboot_marker gauge
    scrubjay_reboot_marker{marker="reboot-required"} 0
    scrubjay_reboot_marker{marker="reboot-needed"} 0
    # HELP scrubjay_source_state State of a source: 1 for the one that holds.
    # TYPE scrubjay_source_state gauge
    scrubjay_source_state{source="edac",state="ok"} 0
    scrubjay_source_state{source="edac",state="partial"} 0
    scrubjay_source_state{source="edac",state="absent"} 1
    scrubjay_source_state{source="edac",state="unreadable"} 0
    scrubjay_source_state{source="edac",state="malformed"} 0
    scrubjay_source_state{source="edac",state="off"} 0
    scrubjay_source_state{source="memory_failure",state="ok"} 1
    scrubjay_source_state{source="memory_failure",state="partial"} 0
    scrubjay_source_state{source="memory_failure",state="absent"} 0
    scrubjay_source_state{source="memory_failure",state="unreadable"} 0
    scrubjay_source_state{source="memory_failure",state="malformed"} 0
    scrubjay_source_state{source="memory_failure",state="off"} 0
    scrubjay_source_state{source="uptime",state="ok"} 1
    scrubjay_source_state{source="uptime",state="partial"} 0
    scrubjay_source_state{source="uptime",state="absent"} 0
    scrubjay_source_state{source="uptime",state="unreadable"} 0
    scrubjay_source_state{source="uptime",state="malformed"} 0
    scrubjay_source_state{source="uptime",state="off"} 0
    scrubjay_source_state{source="kernel",state="ok"} 1
    scrubjay_source_state{source="kernel",state="partial"} 0
    scrubjay_source_state{source="kernel",state="absent"} 0
    scrubjay_source_state{source="kernel",state="unreadable"} 0
    scrubjay_source_state{source="kernel",state="malformed"} 0
    scrubjay_source_state{source="kernel",state="off"} 0
    scrubjay_source_state{source="kernel_health",state="ok"} 1
    scrubjay_source_state{source="kernel_health",state="partial"} 0
    scrubjay_source_state{source="kernel_health",state="absent"} 0
    scrubjay_source_state{source="kernel_health",state="unreadable"} 0
    scrubjay_source_state{source="kernel_health",state="malformed"} 0
    scrubjay_source_state{source="kernel_health",state="off"} 0
    scrubjay_source_state{source="cpu_vulnerabilities",state="ok"} 0
    scrubjay_source_state{source="cpu_vulnerabilities",state="partial"} 0
    scrubjay_source_state{source="cpu_vulnerabilities",state="absent"} 1
    scrubjay_source_state{source="cpu_vulnerabilities",state="unreadable"} 0
    scrubjay_source_state{source="cpu_vulnerabilities",state="malformed"} 0
    scrubjay_source_state{source="cpu_vulnerabilities",state="off"} 0
    scrubjay_source_state{source="kexec",state="ok"} 1
    scrubjay_source_state{source="kexec",state="partial"} 0
    scrubjay_source_state{source="kexec",state="absent"} 0
    scrubjay_source_state{source="kexec",state="unreadable"} 0
    scrubjay_source_state{source="kexec",state="malformed"} 0
    scrubjay_source_state{source="kexec",state="off"} 0
    scrubjay_source_state{source="lockdown",state="ok"} 0
    scrubjay_source_state{source="lockdown",state="partial"} 0
    scrubjay_source_state{source="lockdown",state="absent"} 1
    scrubjay_source_state{source="lockdown",state="unreadable"} 0
    scrubjay_source_state{source="lockdown",state="malformed"} 0
    scrubjay_source_state{source="lockdown",state="off"} 0
    scrubjay_source_state{source="livepatch",state="ok"} 0
    scrubjay_source_state{source="livepatch",state="partial"} 0
    scrubjay_source_state{source="livepatch",state="absent"} 1
    scrubjay_source_state{source="livepatch",state="unreadable"} 0
    scrubjay_source_state{source="livepatch",state="malformed"} 0
    scrubjay_source_state{source="livepatch",state="off"} 0
    scrubjay_source_state{source="reboot_markers",state="ok"} 1
    scrubjay_source_state{source="reboot_markers",state="partial"} 0
    scrubjay_source_state{source="reboot_markers",state="absent"} 0
    scrubjay_source_state{source="reboot_markers",state="unreadable"} 0
    scrubjay_source_state{source="reboot_markers",state="malformed"} 0
    scrubjay_source_state{source="reboot_markers",state="off"} 0
    scrubjay_source_state{source="machine_check",state="ok"} 0
    scrubjay_source_state{source="machine_check",state="partial"} 0
    scrubjay_source_state{source="machine_check",state="absent"} 1
    scrubjay_source_state{source="machine_check",state="unreadable"} 0
    scrubjay_source_state{source="machine_check",state="malformed"} 0
    scrubjay_source_state{source="machine_check",state="off"} 0
    scrubjay_source_state{source="platform",state="ok"} 1
    scrubjay_source_state{source="platform",state="partial"} 0
    scrubjay_source_state{source="platform",state="absent"} 0
    scrubjay_source_state{source="platform",state="unreadable"} 0
    scrubjay_source_state{source="platform",state="malformed"} 0
    scrubjay_source_state{source="platform",state="off"} 0
    scrubjay_source_state{source="kernel_log",state="ok"} 0
    scrubjay_source_state{source="kernel_log",state="partial"} 0
    scrubjay_source_state{source="kernel_log",state="absent"} 1
    scrubjay_source_state{source="kernel_log",state="unreadable"} 0
    scrubjay_source_state{source="kernel_log",state="malformed"} 0
    scrubjay_source_state{source="kernel_log",state="off"} 0
    scrubjay_source_state{source="scrub",state="ok"} 0
    scrubjay_source_state{source="scrub",state="partial"} 0
    scrubjay_source_state{source="scrub",state="absent"} 1
    scrubjay_source_state{source="scrub",state="unreadable"} 0
    scrubjay_source_state{source="scrub",state="malformed"} 0
    scrubjay_source_state{source="scrub",state="off"} 0
    scrubjay_source_state{source="previous_boot",state="ok"} 0
    scrubjay_source_state{source="previous_boot",state="partial"} 0
    scrubjay_source_state{source="previous_boot",state="absent"} 1
    scrubjay_source_state{source="previous_boot",state="unreadable"} 0
    scrubjay_source_state{source="previous_boot",state="malformed"} 0
    scrubjay_source_state{source="previous_boot",state="off"} 0
    scrubjay_source_state{source="smbios",state="ok"} 0
    scrubjay_source_state{source="smbios",state="partial"} 0
    scrubjay_source_state{source="smbios",state="absent"} 1
    scrubjay_source_state{source="smbios",state="unreadable"} 0
    scrubjay_source_state{source="smbios",state="malformed"} 0
    scrubjay_source_state{source="smbios",state="off"} 0
    scrubjay_source_state{source="dimm_labels",state="ok"} 0
    scrubjay_source_state{source="dimm_labels",state="partial"} 0
    scrubjay_source_state{source="dimm_labels",state="absent"} 1
    scrubjay_source_state{source="dimm_labels",state="unreadable"} 0
    scrubjay_source_state{source="dimm_labels",state="malformed"} 0
    scrubjay_source_state{source="dimm_labels",state="off"} 0
    scrubjay_source_state{source="packages",state="ok"} 0
    scrubjay_source_state{source="packages",state="partial"} 0
    scrubjay_source_state{source="packages",state="absent"} 1
    scrubjay_source_state{source="packages",state="unreadable"} 0
    scrubjay_source_state{source="packages",state="malformed"} 0
    scrubjay_source_state{source="packages",state="off"} 0
    scrubjay_source_state{source="boot_images",state="ok"} 0
    scrubjay_source_state{source="boot_images",state="partial"} 0
    scrubjay_source_state{source="boot_images",state="absent"} 1
    scrubjay_source_state{source="boot_images",state="unreadable"} 0
    scrubjay_source_state{source="boot_images",state="malformed"} 0
    scrubjay_source_state{source="boot_images",state="off"} 0
    scrubjay_source_state{source="cve_lists",state="ok"} 0
    scrubjay_source_state{source="cve_lists",state="partial"} 0
    scrubjay_source_state{source="cve_lists",state="absent"} 1
    scrubjay_source_state{source="cve_lists",state="unreadable"} 0
    scrubjay_source_state{source="cve_lists",state="malformed"} 0
    scrubjay_source_state{source="cve_lists",state="off"} 0
    scrubjay_source_state{source="microcode",state="ok"} 0
    scrubjay_source_state{source="microcode",state="partial"} 0
    scrubjay_source_state{source="microcode",state="absent"} 1
    scrubjay_source_state{source="microcode",state="unreadable"} 0
    scrubjay_source_state{source="microcode",state="malformed"} 0
    scrubjay_source_state{source="microcode",state="off"} 0
    scrubjay_source_state{source="livepatch_modules",state="ok"} 0
    scrubjay_source_state{source="livepatch_modules",state="partial"} 0
    scrubjay_source_state{source="livepatch_modules",state="absent"} 1
    scrubjay_source_state{source="livepatch_modules",state="unreadable"} 0
    scrubjay_source_state{source="livepatch_modules",state="malformed"} 0
    scrubjay_source_state{source="livepatch_modules",state="off"} 0
    scrubjay_source_state{source="livepatch_systems",state="ok"} 0
    scrubjay_source_state{source="livepatch_systems",state="partial"} 0
    scrubjay_source_state{source="livepatch_systems",state="absent"} 1
    scrubjay_source_state{source="livepatch_systems",state="unreadable"} 0
    scrubjay_source_state{source="livepatch_systems",state="malformed"} 0
    scrubjay_source_state{source="livepatch_systems",state="off"} 0
    scrubjay_source_state{source="processes",state="ok"} 1
    scrubjay_source_state{source="processes",state="partial"} 0
    scrubjay_source_state{source="processes",state="absent"} 0
    scrubjay_source_state{source="processes",state="unreadable"} 0
    scrubjay_source_state{source="processes",state="malformed"} 0
    scrubjay_source_state{source="processes",state="off"} 0
    # HELP scrubjay_source_duration_seconds Time the last reading of a source took.
    # TYPE scrubjay_source_duration_seconds gauge
    scrubjay_source_duration_seconds{source="edac"} 0.0015
    scrubjay_source_duration_seconds{source="memory_failure"} 0.0015
    scrubjay_source_duration_seconds{source="uptime"} 0.0015
    scrubjay_source_duration_seconds{source="kernel"} 0.0015
    scrubjay_source_duration_seconds{source="kernel_health"} 0.0015
    scrubjay_source_duration_seconds{source="cpu_vulnerabilities"} 0.0015
    scrubjay_source_duration_seconds{source="kexec"} 0.0015
    scrubjay_source_duration_seconds{source="lockdown"} 0.0015
    scrubjay_source_duration_seconds{source="livepatch"} 0.0015
    scrubjay_source_duration_seconds{source="reboot_markers"} 0.0015
    scrubjay_source_duration_seconds{source="machine_check"} 0.0015
    scrubjay_source_duration_seconds{source="platform"} 0.0015
    scrubjay_source_duration_seconds{source="kernel_log"} 0.0015
    scrubjay_source_duration_seconds{source="scrub"} 0.0015
    scrubjay_source_duration_seconds{source="previous_boot"} 0.0015
    scrubjay_source_duration_seconds{source="smbios"} 0.0015
    scrubjay_source_duration_seconds{source="dimm_labels"} 0.0015
    scrubjay_source_duration_seconds{source="packages"} 0.0015
    scrubjay_source_duration_seconds{source="boot_images"} 0.0015
    scrubjay_source_duration_seconds{source="cve_lists"} 0.0015
    scrubjay_source_duration_seconds{source="microcode"} 0.0015
    scrubjay_source_duration_seconds{source="livepatch_modules"} 0.0015
    scrubjay_source_duration_seconds{source="livepatch_systems"} 0.0015
    scrubjay_source_duration_seconds{source="processes"} 0.0015
    # HELP scrubjay_snapshot_timestamp_seconds When the samples of this page were read.
    # TYPE scrubjay_snapshot_timestamp_seconds gauge
    scrubjay_snapshot_timestamp_seconds 1795500120
    # HELP scrubjay_snapshot_stale 1 if the last pass is too old to speak for the host; the host's samples are then left out.
    # TYPE scrubjay_snapshot_stale gauge
    scrubjay_snapshot_stale 0
    # HELP scrubjay_build_info Version of scrubjay; always 1.
    # TYPE scrubjay_build_info gauge
    scrubjay_build_info{version="0.1.0"} 1
    "##);
}

/// The samples whose names begin with one of `stems`.
fn samples(page: &str, stems: &[&str]) -> String {
    let wanted = |line: &&str| stems.iter().any(|stem| line.starts_with(stem));
    page.lines().filter(wanted).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_server_with_errors_and_a_stalled_live_patch() {
    let page = render(&testing::server(), false).unwrap();
    let stems = ["scrubjay_verdict", "scrubjay_dimm_c", "scrubjay_dimm_u", "scrubjay_controller"];
    insta::assert_snapshot!(samples(&page, &stems), @r#"
    scrubjay_verdict{verdict="ok"} 0
    scrubjay_verdict{verdict="unknown"} 0
    scrubjay_verdict{verdict="watch"} 0
    scrubjay_verdict{verdict="plan"} 0
    scrubjay_verdict{verdict="act"} 1
    scrubjay_dimm_correctable_errors_total{controller="skylake-socket-0-imc-0",dimm="skylake-socket-0-imc-0/dimm0"} 0
    scrubjay_dimm_correctable_errors_total{controller="skylake-socket-0-imc-0",dimm="skylake-socket-0-imc-0/dimm1"} 123
    scrubjay_dimm_correctable_errors_total{controller="skylake-socket-0-imc-1",dimm="skylake-socket-0-imc-1/dimm0"} 0
    scrubjay_dimm_correctable_errors_total{controller="skylake-socket-0-imc-1",dimm="skylake-socket-0-imc-1/dimm1"} 0
    scrubjay_dimm_uncorrectable_errors_total{controller="skylake-socket-0-imc-0",dimm="skylake-socket-0-imc-0/dimm0"} 0
    scrubjay_dimm_uncorrectable_errors_total{controller="skylake-socket-0-imc-0",dimm="skylake-socket-0-imc-0/dimm1"} 9
    scrubjay_dimm_uncorrectable_errors_total{controller="skylake-socket-0-imc-1",dimm="skylake-socket-0-imc-1/dimm0"} 0
    scrubjay_dimm_uncorrectable_errors_total{controller="skylake-socket-0-imc-1",dimm="skylake-socket-0-imc-1/dimm1"} 0
    scrubjay_controller_unattributed_correctable_errors_total{controller="skylake-socket-0-imc-0"} 3
    scrubjay_controller_unattributed_correctable_errors_total{controller="skylake-socket-0-imc-1"} 0
    scrubjay_controller_unattributed_uncorrectable_errors_total{controller="skylake-socket-0-imc-0"} 0
    scrubjay_controller_unattributed_uncorrectable_errors_total{controller="skylake-socket-0-imc-1"} 0
    scrubjay_controller_unreconciled_errors{controller="skylake-socket-0-imc-0",class="correctable"} 0
    scrubjay_controller_unreconciled_errors{controller="skylake-socket-0-imc-0",class="uncorrectable"} 0
    scrubjay_controller_unreconciled_errors{controller="skylake-socket-0-imc-1",class="correctable"} 0
    scrubjay_controller_unreconciled_errors{controller="skylake-socket-0-imc-1",class="uncorrectable"} 0
    scrubjay_controller_count_restarts_total{controller="skylake-socket-0-imc-0"} 2
    scrubjay_controller_count_restarts_total{controller="skylake-socket-0-imc-1"} 2
    scrubjay_controller_counters_zeroed_timestamp_seconds{controller="skylake-socket-0-imc-0"} 1792375320
    scrubjay_controller_counters_zeroed_timestamp_seconds{controller="skylake-socket-0-imc-1"} 1792375320
    scrubjay_controller_scrub_rate_bytes_per_second{controller="skylake-socket-0-imc-0"} 12800000
    scrubjay_controller_scrub_rate_bytes_per_second{controller="skylake-socket-0-imc-1"} 12800000
    scrubjay_controller_scrub_full_pass_seconds{controller="skylake-socket-0-imc-0"} 5368.70912
    scrubjay_controller_scrub_full_pass_seconds{controller="skylake-socket-0-imc-1"} 5368.70912
    scrubjay_controller_info{controller="skylake-socket-0-imc-0",edac="mc0",name="Skylake Socket#0 IMC#0",layout="dimm"} 1
    scrubjay_controller_info{controller="skylake-socket-0-imc-1",edac="mc1",name="Skylake Socket#0 IMC#1",layout="dimm"} 1
    scrubjay_dimm_unreported_errors{controller="skylake-socket-0-imc-0",dimm="skylake-socket-0-imc-0/dimm0",class="correctable"} 0
    "#);
    insta::assert_snapshot!(samples(&page, &["scrubjay_livepatch"]), @r#"
    scrubjay_livepatch_info{patch="kpatch_2026_11",system="kpatch",level=""} 1
    scrubjay_livepatch_info{patch="kgraft_patch_2",system="kgraft",level=""} 1
    scrubjay_livepatch_transition_seconds{patch="kpatch_2026_11"} 14460
    scrubjay_livepatch_support_end_timestamp_seconds{system="kgraft",basis="dated"} 1797206400
    scrubjay_livepatch_enabled{patch="kpatch_2026_11"} 1
    scrubjay_livepatch_transition{patch="kpatch_2026_11"} 1
    scrubjay_livepatch_functions{patch="kpatch_2026_11"} 3
    scrubjay_livepatch_object_patched{patch="kpatch_2026_11",object="vmlinux"} 1
    scrubjay_livepatch_object_patched{patch="kpatch_2026_11",object="nfsd"} 0
    scrubjay_livepatch_forced{patch="kpatch_2026_11"} 1
    scrubjay_livepatch_blocking_tasks 2
    scrubjay_livepatch_module_info{patch="kpatch_2026_11",build_id="33d9028953aa4f1fb3c1d2e3f4a5b6c7d8e9f297",signer="Example live patch\\u{a}signing key",package="kpatch-patch-6_1_0",version="1-2.el9"} 1
    scrubjay_livepatch_module_on_disk{patch="kpatch_2026_11",state="same"} 1
    scrubjay_livepatch_module_on_disk{patch="kpatch_2026_11",state="differs"} 0
    scrubjay_livepatch_module_on_disk{patch="kpatch_2026_11",state="missing"} 0
    scrubjay_livepatch_module_on_disk{patch="kpatch_2026_11",state="unclear"} 0
    scrubjay_livepatch_module_signed{patch="kpatch_2026_11"} 1
    scrubjay_livepatch_module_as_installed{patch="kpatch_2026_11"} 1
    scrubjay_livepatch_module_size_bytes{patch="kpatch_2026_11"} 24576
    scrubjay_livepatch_leftover_modules 1
    "#);
}

#[test]
fn a_kernel_that_contradicts_itself() {
    let page = render(&testing::contradictory(), false).unwrap();
    let stems = ["scrubjay_dimm", "scrubjay_controller"];
    insta::assert_snapshot!(samples(&page, &stems), @r#"
    scrubjay_dimm_correctable_errors_total{controller="i7core",dimm="i7core/csrow0/ch0"} 0
    scrubjay_dimm_correctable_errors_total{controller="i7core",dimm="i7core/csrow0/ch1"} 0
    scrubjay_dimm_uncorrectable_errors_total{controller="i7core",dimm="i7core/csrow0/ch0"} 0
    scrubjay_dimm_uncorrectable_errors_total{controller="i7core",dimm="i7core/csrow0/ch1"} 4
    scrubjay_controller_unattributed_correctable_errors_total{controller="i7core"} 2
    scrubjay_controller_unattributed_correctable_errors_total{controller="old"} 0
    scrubjay_controller_unattributed_correctable_errors_total{controller="whole"} 7
    scrubjay_controller_unattributed_uncorrectable_errors_total{controller="i7core"} 1
    scrubjay_controller_unattributed_uncorrectable_errors_total{controller="old"} 0
    scrubjay_controller_unattributed_uncorrectable_errors_total{controller="whole"} 1
    scrubjay_controller_unreconciled_errors{controller="i7core",class="correctable"} -1
    scrubjay_controller_unreconciled_errors{controller="i7core",class="uncorrectable"} 0
    scrubjay_controller_count_restarts_total{controller="i7core"} 0
    scrubjay_controller_count_restarts_total{controller="old"} 0
    scrubjay_controller_count_restarts_total{controller="whole"} 0
    scrubjay_controller_counters_zeroed_timestamp_seconds{controller="i7core"} 1792375320
    scrubjay_controller_counters_zeroed_timestamp_seconds{controller="whole"} 1792375320
    scrubjay_controller_scrub_rate_bytes_per_second{controller="i7core"} 12800000
    scrubjay_controller_scrub_rate_bytes_per_second{controller="whole"} 12800000
    scrubjay_controller_scrub_full_pass_seconds{controller="i7core"} 5368.70912
    scrubjay_controller_scrub_full_pass_seconds{controller="whole"} 5368.70912
    scrubjay_controller_info{controller="i7core",edac="mc0",name="i7core",layout="csrow"} 1
    scrubjay_controller_info{controller="old",edac="mc1",name="old",layout="csrow"} 1
    scrubjay_controller_info{controller="whole",edac="mc2",name="whole",layout="controller"} 1
    scrubjay_dimm_info{controller="i7core",dimm="i7core/csrow0/ch0",edac="mc0/csrow0/ch0",label="mc#0csrow#0channel#0",location="channel 0 slot 0",memory_type="Registered-DDR4",device_type="x4",edac_mode="S4ECD4ED"} 1
    scrubjay_dimm_info{controller="i7core",dimm="i7core/csrow0/ch1",edac="mc0/csrow0/ch1",label="mc#0csrow#0channel#1",location="channel 0 slot 0",memory_type="Registered-DDR4",device_type="x4",edac_mode="S4ECD4ED"} 1
    scrubjay_dimm_info{controller="old",dimm="old/csrow0/ch1",edac="mc1/csrow0/ch1",label="",location="",memory_type="Registered-DDR4",device_type="x4",edac_mode="S4ECD4ED"} 1
    scrubjay_dimm_size_bytes{controller="i7core",dimm="i7core/csrow0/ch0"} 34359738368
    scrubjay_dimm_size_bytes{controller="i7core",dimm="i7core/csrow0/ch1"} 34359738368
    "#);
}

#[test]
fn a_stale_page_says_so_and_tells_nothing_of_the_host() {
    insta::assert_snapshot!(render(&testing::server(), true).unwrap(), @r#"
    # HELP scrubjay_event_path How reports of errors reach the agent: 1 for the way in use.
    # TYPE scrubjay_event_path gauge
    scrubjay_event_path{path="trace"} 1
    scrubjay_event_path{path="kernel_log"} 0
    scrubjay_event_path{path="counters"} 0
    # HELP scrubjay_source_read_failures_total Attributes that were offered but could not be read or understood, since the agent started.
    # TYPE scrubjay_source_read_failures_total counter
    scrubjay_source_read_failures_total{source="edac"} 2
    scrubjay_source_read_failures_total{source="memory_failure"} 2
    scrubjay_source_read_failures_total{source="uptime"} 2
    scrubjay_source_read_failures_total{source="kernel"} 2
    scrubjay_source_read_failures_total{source="kernel_health"} 2
    scrubjay_source_read_failures_total{source="cpu_vulnerabilities"} 2
    scrubjay_source_read_failures_total{source="kexec"} 2
    scrubjay_source_read_failures_total{source="lockdown"} 2
    scrubjay_source_read_failures_total{source="livepatch"} 2
    scrubjay_source_read_failures_total{source="reboot_markers"} 2
    scrubjay_source_read_failures_total{source="machine_check"} 2
    scrubjay_source_read_failures_total{source="platform"} 2
    scrubjay_source_read_failures_total{source="kernel_log"} 2
    scrubjay_source_read_failures_total{source="scrub"} 2
    scrubjay_source_read_failures_total{source="previous_boot"} 2
    scrubjay_source_read_failures_total{source="smbios"} 2
    scrubjay_source_read_failures_total{source="dimm_labels"} 2
    scrubjay_source_read_failures_total{source="packages"} 2
    scrubjay_source_read_failures_total{source="boot_images"} 2
    scrubjay_source_read_failures_total{source="cve_lists"} 2
    scrubjay_source_read_failures_total{source="microcode"} 2
    scrubjay_source_read_failures_total{source="livepatch_modules"} 2
    scrubjay_source_read_failures_total{source="livepatch_systems"} 2
    scrubjay_source_read_failures_total{source="processes"} 2
    # HELP scrubjay_source_deadlines_missed_total Passes in which a source did not answer in time, since the agent started.
    # TYPE scrubjay_source_deadlines_missed_total counter
    scrubjay_source_deadlines_missed_total{source="edac"} 1
    scrubjay_source_deadlines_missed_total{source="memory_failure"} 1
    scrubjay_source_deadlines_missed_total{source="uptime"} 1
    scrubjay_source_deadlines_missed_total{source="kernel"} 1
    scrubjay_source_deadlines_missed_total{source="kernel_health"} 1
    scrubjay_source_deadlines_missed_total{source="cpu_vulnerabilities"} 1
    scrubjay_source_deadlines_missed_total{source="kexec"} 1
    scrubjay_source_deadlines_missed_total{source="lockdown"} 1
    scrubjay_source_deadlines_missed_total{source="livepatch"} 1
    scrubjay_source_deadlines_missed_total{source="reboot_markers"} 1
    scrubjay_source_deadlines_missed_total{source="machine_check"} 1
    scrubjay_source_deadlines_missed_total{source="platform"} 1
    scrubjay_source_deadlines_missed_total{source="kernel_log"} 1
    scrubjay_source_deadlines_missed_total{source="scrub"} 1
    scrubjay_source_deadlines_missed_total{source="previous_boot"} 1
    scrubjay_source_deadlines_missed_total{source="smbios"} 1
    scrubjay_source_deadlines_missed_total{source="dimm_labels"} 1
    scrubjay_source_deadlines_missed_total{source="packages"} 1
    scrubjay_source_deadlines_missed_total{source="boot_images"} 1
    scrubjay_source_deadlines_missed_total{source="cve_lists"} 1
    scrubjay_source_deadlines_missed_total{source="microcode"} 1
    scrubjay_source_deadlines_missed_total{source="livepatch_modules"} 1
    scrubjay_source_deadlines_missed_total{source="livepatch_systems"} 1
    scrubjay_source_deadlines_missed_total{source="processes"} 1
    # HELP scrubjay_source_last_success_timestamp_seconds When a source was last read without fault, since the agent started.
    # TYPE scrubjay_source_last_success_timestamp_seconds gauge
    scrubjay_source_last_success_timestamp_seconds{source="edac"} 1795500119.5
    scrubjay_source_last_success_timestamp_seconds{source="memory_failure"} 1795500119.5
    scrubjay_source_last_success_timestamp_seconds{source="uptime"} 1795500119.5
    scrubjay_source_last_success_timestamp_seconds{source="kernel"} 1795500119.5
    scrubjay_source_last_success_timestamp_seconds{source="kernel_health"} 1795500119.5
    scrubjay_source_last_success_timestamp_seconds{source="cpu_vulnerabilities"} 1795500119.5
    scrubjay_source_last_success_timestamp_seconds{source="kexec"} 1795500119.5
    scrubjay_source_last_success_timestamp_seconds{source="lockdown"} 1795500119.5
    scrubjay_source_last_success_timestamp_seconds{source="livepatch"} 1795500119.5
    scrubjay_source_last_success_timestamp_seconds{source="reboot_markers"} 1795500119.5
    scrubjay_source_last_success_timestamp_seconds{source="machine_check"} 1795500119.5
    scrubjay_source_last_success_timestamp_seconds{source="platform"} 1795500119.5
    scrubjay_source_last_success_timestamp_seconds{source="kernel_log"} 1795500119.5
    scrubjay_source_last_success_timestamp_seconds{source="scrub"} 1795500119.5
    scrubjay_source_last_success_timestamp_seconds{source="previous_boot"} 1795500119.5
    scrubjay_source_last_success_timestamp_seconds{source="smbios"} 1795500119.5
    scrubjay_source_last_success_timestamp_seconds{source="dimm_labels"} 1795500119.5
    scrubjay_source_last_success_timestamp_seconds{source="packages"} 1795500119.5
    scrubjay_source_last_success_timestamp_seconds{source="boot_images"} 1795500119.5
    scrubjay_source_last_success_timestamp_seconds{source="cve_lists"} 1795500119.5
    scrubjay_source_last_success_timestamp_seconds{source="microcode"} 1795500119.5
    scrubjay_source_last_success_timestamp_seconds{source="livepatch_modules"} 1795500119.5
    scrubjay_source_last_success_timestamp_seconds{source="livepatch_systems"} 1795500119.5
    scrubjay_source_last_success_timestamp_seconds{source="processes"} 1795500119.5
    # HELP scrubjay_snapshot_timestamp_seconds When the samples of this page were read.
    # TYPE scrubjay_snapshot_timestamp_seconds gauge
    scrubjay_snapshot_timestamp_seconds 1795500120
    # HELP scrubjay_snapshot_stale 1 if the last pass is too old to speak for the host; the host's samples are then left out.
    # TYPE scrubjay_snapshot_stale gauge
    scrubjay_snapshot_stale 1
    # HELP scrubjay_agent_interval_seconds Planned time between passes.
    # TYPE scrubjay_agent_interval_seconds gauge
    scrubjay_agent_interval_seconds 30
    # HELP scrubjay_agent_passes_total Passes completed since the agent started.
    # TYPE scrubjay_agent_passes_total counter
    scrubjay_agent_passes_total 103680
    # HELP scrubjay_agent_late_passes_total Passes that began more than one interval late.
    # TYPE scrubjay_agent_late_passes_total counter
    scrubjay_agent_late_passes_total 3
    # HELP scrubjay_agent_pass_duration_seconds Duration of the last pass.
    # TYPE scrubjay_agent_pass_duration_seconds gauge
    scrubjay_agent_pass_duration_seconds 0.012
    # HELP scrubjay_ledger_altered Whether the ledger is not what was written, when it was last looked at: at the start and each day; not told where that was not possible.
    # TYPE scrubjay_ledger_altered gauge
    scrubjay_ledger_altered 0
    # HELP scrubjay_history_size_bytes Size of the history with its write-ahead log.
    # TYPE scrubjay_history_size_bytes gauge
    scrubjay_history_size_bytes 1258291
    # HELP scrubjay_history_max_size_bytes Size that the history stays below: what is old becomes sums sooner if it must.
    # TYPE scrubjay_history_max_size_bytes gauge
    scrubjay_history_max_size_bytes 67108864
    # HELP scrubjay_history_folded_rows_total Rows of the history that became sums of an hour or a day, or were no longer referred to, since it began; of facts, what lies between the first and the newest 1,000 changes is dropped.
    # TYPE scrubjay_history_folded_rows_total counter
    scrubjay_history_folded_rows_total{what="changes"} 4096
    scrubjay_history_folded_rows_total{what="reports"} 512
    # HELP scrubjay_history_writes_total Transactions committed to the history since the agent started.
    # TYPE scrubjay_history_writes_total counter
    scrubjay_history_writes_total 420
    # HELP scrubjay_history_write_failures_total Transactions that failed since the agent started; nothing is lost while the agent runs, the next one catches up.
    # TYPE scrubjay_history_write_failures_total counter
    scrubjay_history_write_failures_total 1
    # HELP scrubjay_history_failing Whether the history cannot be written at present, or is gone from its place; what happens is then kept in memory.
    # TYPE scrubjay_history_failing gauge
    scrubjay_history_failing 0
    # HELP scrubjay_history_replaced Whether the history had to be begun anew because the file was corrupt; the old file was kept.
    # TYPE scrubjay_history_replaced gauge
    scrubjay_history_replaced 0
    # HELP scrubjay_notifications_sent_total Notices of alerts that a receiver took since the agent started.
    # TYPE scrubjay_notifications_sent_total counter
    scrubjay_notifications_sent_total{receiver="alertmanager:am1:9093"} 3
    scrubjay_notifications_sent_total{receiver="journal"} 12
    # HELP scrubjay_notification_failures_total Attempts to reach a receiver that failed since the agent started; each is tried again.
    # TYPE scrubjay_notification_failures_total counter
    scrubjay_notification_failures_total{receiver="alertmanager:am1:9093"} 7
    scrubjay_notification_failures_total{receiver="journal"} 0
    # HELP scrubjay_notifications_dropped_total Notices that were given up since the agent started: the receiver will never be told.
    # TYPE scrubjay_notifications_dropped_total counter
    scrubjay_notifications_dropped_total{receiver="alertmanager:am1:9093"} 1
    scrubjay_notifications_dropped_total{receiver="journal"} 0
    # HELP scrubjay_notifications_queued Notices that wait for a receiver.
    # TYPE scrubjay_notifications_queued gauge
    scrubjay_notifications_queued{receiver="alertmanager:am1:9093"} 2
    scrubjay_notifications_queued{receiver="journal"} 0
    # HELP scrubjay_web_config_failing Whether the web configuration was changed to something of no use, so that what was before still holds; told where one is named.
    # TYPE scrubjay_web_config_failing gauge
    scrubjay_web_config_failing 0
    # HELP scrubjay_web_config_loaded_timestamp_seconds When the web configuration that holds was read.
    # TYPE scrubjay_web_config_loaded_timestamp_seconds gauge
    scrubjay_web_config_loaded_timestamp_seconds 1795496520
    # HELP scrubjay_agent_confined Whether the agent has given up what it does not need: capabilities, the gaining of privileges, and files that no source lists (landlock); told by an agent that stays.
    # TYPE scrubjay_agent_confined gauge
    scrubjay_agent_confined{by="capabilities"} 1
    scrubjay_agent_confined{by="no_new_privileges"} 1
    scrubjay_agent_confined{by="landlock"} 0
    # HELP scrubjay_build_info Version of scrubjay; always 1.
    # TYPE scrubjay_build_info gauge
    scrubjay_build_info{version="0.1.0"} 1
    # HELP process_start_time_seconds When the agent started.
    # TYPE process_start_time_seconds gauge
    process_start_time_seconds 1792389720
    # HELP process_resident_memory_bytes Resident memory of the agent.
    # TYPE process_resident_memory_bytes gauge
    process_resident_memory_bytes 9437184
    # HELP process_cpu_seconds_total CPU time used by the agent.
    # TYPE process_cpu_seconds_total counter
    process_cpu_seconds_total 93.25
    "#);
}

#[test]
fn hostile_label_values_stay_in_their_line_and_do_nothing() {
    let mut view = testing::contradictory();
    let edac = view.snapshot.edac.as_mut().unwrap();
    let Reading::Value(edac) = &mut edac.reading else { unreachable!() };
    edac.controllers[0].dimms_mut()[0].label =
        testing::text("a\"} 1\nscrubjay_verdict{verdict=\"ok\"} 1\n\\ \x1b[2J\r");
    let page = render(&view, false).unwrap();
    let line = page.lines().find(|line| line.contains("label=\"a")).unwrap();
    let told =
        r#"label="a\"} 1\\u{a}scrubjay_verdict{verdict=\"ok\"} 1\\u{a}\\ \\u{1b}[2J\\u{d}","#;
    assert!(line.contains(told), "{line}");
    assert!(page.chars().all(|c| c == '\n' || !c.is_control()));
}

#[test]
fn the_same_view_gives_the_same_page_in_the_order_of_the_catalogue() {
    let page = render(&testing::large(), false).unwrap();
    assert_eq!(page, render(&testing::large(), false).unwrap());
    let order: Vec<&str> =
        page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let catalogue: Vec<&str> =
        CATALOGUE.iter().map(|def| def.name).filter(|name| order.contains(name)).collect();
    assert_eq!(order, catalogue);
    let is_stick = |line: &&str| line.starts_with(metrics::DIMM_CORRECTABLE.name);
    assert_eq!(page.lines().filter(is_stick).count(), 64 * 32);
}
