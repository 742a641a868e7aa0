//! How what is known of the kernel and of packages is carried from process to process: see [`super`].

use super::{choices, records, wrappers};
use crate::{
    BootImage, BootImages, BootLoader, Chosen, CpuSignature, CpuVulnerability, CveListContent,
    CveListFile, CveListForm, CveRank, EarlyImage, FileCheck, FileOwner, Fix, FixState,
    ForcedPatch, Holder, ImageOf, Kernel, KernelDebt, KernelHealth, KernelLog, KernelPackage,
    KernelRelation, KernelState, Kexec, Lockdown, LogCounts, LogMark, LogTransition, Microcode,
    MicrocodeUpdate, MicrocodeVendor, MissingFix, NewestKernel, NextBoot, NextKernel, NotChecked,
    OwningPackage, PackageManager, PackageVersion, Packages, PatchTruth, Processes, RunningKernel,
    RunningMicrocode, Severity, StaleFile, StaleProcess, Taint, Uname, Uptime, VulnerabilityState,
};

records! {
    CpuVulnerability { name, state, text }
    Kernel {
        release, version, banner, version_signature, uname, modules_supported, modules_root,
        modules_directory,
    }
    KernelHealth { taint, oops_count, warn_count }
    Kexec { loaded, crash_loaded, crash_size_bytes }
    Uname { release, version, machine }
    Uptime { boot_id, since_boot, boot_time_s, slept }
    ForcedPatch { awake, patch }
    KernelLog {
        oldest, newest, records, lost, cut, forced, transition, transition_ended, ecc_disabled,
        cec_initialized, cmci_storms, told,
    }
    LogCounts {
        edac_corrected, edac_uncorrected, firmware, memory_failures, soft_offlines, machine_checks,
        not_understood,
    }
    LogMark { sequence, awake }
    LogTransition { patch, awake }
    BootImage { path, release, banner }
    BootImages { images, next }
    NextBoot { loader, entry, image, release, banner, chosen }
    CveListContent { form, entries }
    CveListFile { path, content }
    CveRank { exploited, severity, epss_millionths }
    OwningPackage { manager, name, version, file }
    KernelPackage { package, release, family }
    Packages { manager, kernels, live_patches }
    KernelDebt { missing, is_lower_bound, partial_because, live_patch_only }
    MissingFix { fix, installed_unix_s, state, rank }
    PatchTruth { kernel, debt }
    KernelState {
        running, newest, relation, because, next, next_release, next_chosen, reboot_helps,
    }
    NewestKernel { package, version, release, installed_unix_s, seen_in }
    RunningKernel { release, version, package_version, family, installed }
    CpuSignature { family, model, stepping }
    EarlyImage { file, of, update }
    Microcode { vendor, signature, platform, running, available, images }
    MicrocodeUpdate { revision, date, file }
    RunningMicrocode { lowest, highest, cpus }
    Fix { cve, version, released_unix_s }
    Processes { read, unread, complete, stale, left_out }
    StaleFile { path, replaced }
    StaleProcess { pid, comm, started, holder, unit, program, files, more_files }
}

choices! {
    Lockdown { 0 None, 1 Integrity, 2 Confidentiality }
    VulnerabilityState { 0 NotAffected, 1 Mitigated, 2 Vulnerable, 3 Unknown }
    BootLoader { 0 Grub, 1 GrubBls, 2 SystemdBoot, 3 ProxmoxPin, 4 Link }
    Chosen { 0 ByOrder, 1 Pinned, 2 Once }
    CveListForm { 0 KnownExploited, 1 Epss, 2 Table, 3 CveRecord, 4 Osv, 5 Csaf }
    Severity { 0 Low, 1 Medium, 2 High, 3 Critical }
    FileCheck { 0 Same, 1 Differs, 2 NotChecked { why } }
    FileOwner { 0 Nobody, 1 Package(a) }
    NotChecked { 0 NoSum, 1 Exempt, 2 OtherSum(a), 3 Unread(a) }
    PackageManager { 0 Dpkg, 1 Rpm, 2 Pacman, 3 Apk }
    FixState { 0 Debt, 1 InFlight(a), 2 Mitigated(a) }
    KernelRelation { 0 Unknown, 1 Orphaned, 2 Rebuilt, 3 Behind, 4 Ahead, 5 Current }
    NextKernel { 0 Newest, 1 Newer, 2 NotNewer, 3 Unknown }
    ImageOf { 0 AnyKernel, 1 RunningKernel, 2 OtherKernel }
    MicrocodeVendor { 0 Intel, 1 Amd }
    PackageVersion { 0 Deb(a), 1 Rpm(a) }
    Holder { 0 Init, 1 Bus, 2 Service, 3 Session, 4 Container, 5 Other }
}

wrappers! { Taint }
