//! The running kernel: identity, time, health, live patches.

use super::Samples;
use scrubjay_model::{
    CpuVulnerability, ForcedPatch, Holder, Kernel, KernelHealth, KernelLog, Kexec, LivePatches,
    Livepatch, Lockdown, Microcode, Patch, PatchObject, Processes, Reading, RebootMarkers,
    Snapshot, Taint, TransitionAge, Transitions, Uptime, VulnerabilityState, metrics,
};
use std::collections::BTreeSet;

pub(super) fn observe_uptime(samples: &mut Samples, uptime: &Uptime) {
    // A boot id as a label would begin a new series with every boot and say no more than the time.
    let Uptime { boot_id: _, since_boot, boot_time_s, slept } = uptime;
    samples.push_reading(&metrics::BOOT_TIME, [], boot_time_s);
    if let Some(since_boot) = since_boot.value() {
        samples.push(&metrics::UPTIME, [], since_boot.as_secs_f64());
    }
    if let Some(slept) = slept.value() {
        samples.push(&metrics::SLEPT, [], slept.as_secs_f64());
    }
}

pub(super) fn observe_identity(samples: &mut Samples, kernel: &Kernel) {
    let Kernel {
        release,
        version,
        // Release and version in one text, and what a vendor's live patch would have us believe.
        banner: _,
        version_signature: _,
        uname: _,
        // Judged together, by `modules_removed`.
        modules_supported: _,
        modules_root: _,
        modules_directory: _,
    } = kernel;
    if let Some(release) = release.value() {
        let version = version.value().map_or("", String::as_str);
        samples.push(&metrics::KERNEL_INFO, [release, version], true);
    }
    if let Some(removed) = kernel.modules_removed() {
        samples.push(&metrics::MODULES_DIRECTORY, [], !removed);
    }
}

pub(super) fn observe_health(samples: &mut Samples, health: &KernelHealth) {
    let KernelHealth { taint, oops_count, warn_count } = health;
    if let Some(taint) = taint.value() {
        let unknown = taint.flags().into_iter().filter(|flag| flag.letter.is_none());
        for flag in Taint::known().chain(unknown) {
            samples.push(&metrics::KERNEL_TAINT, [&flag.name()], taint.has(flag.bit));
        }
    }
    samples.push_reading(&metrics::KERNEL_OOPS, [], oops_count);
    samples.push_reading(&metrics::KERNEL_WARNINGS, [], warn_count);
}

pub(super) fn observe_vulnerabilities(samples: &mut Samples, found: &[CpuVulnerability]) {
    for CpuVulnerability { name, state, text: _ } in found {
        if let Some(state) = state.value() {
            samples.push_set(
                &metrics::CPU_VULNERABILITY,
                Some(name),
                &VulnerabilityState::ALL,
                VulnerabilityState::as_str,
                *state,
            );
        }
    }
}

pub(super) fn observe_kexec(samples: &mut Samples, kexec: &Kexec) {
    let Kexec { loaded, crash_loaded, crash_size_bytes } = kexec;
    samples.push_reading(&metrics::KEXEC_LOADED, ["kexec"], loaded);
    samples.push_reading(&metrics::KEXEC_LOADED, ["crash"], crash_loaded);
    samples.push_reading(&metrics::KEXEC_CRASH_SIZE, [], crash_size_bytes);
}

pub(super) fn observe_lockdown(samples: &mut Samples, mode: Lockdown) {
    samples.push_set(&metrics::LOCKDOWN, None, &Lockdown::ALL, Lockdown::as_str, mode);
}

pub(super) fn observe_livepatch(samples: &mut Samples, livepatch: &Livepatch) {
    let Livepatch { patches, blockers } = livepatch;
    for patch in patches {
        let Patch {
            name,
            enabled,
            transition,
            replace: _,
            stack_order: _,
            objects,
            module_taint: _,
        } = patch;
        samples.push_reading(&metrics::LIVEPATCH_ENABLED, [name], enabled);
        samples.push_reading(&metrics::LIVEPATCH_TRANSITION, [name], transition);
        if let Some(count) = patch.function_count().and_then(|n| u64::try_from(n).ok()) {
            samples.push(&metrics::LIVEPATCH_FUNCTIONS, [name], count);
        }
        for PatchObject { name: object, patched, loaded: _, functions: _ } in
            objects.value().into_iter().flatten()
        {
            samples.push_reading(&metrics::LIVEPATCH_OBJECT_PATCHED, [name, object], patched);
        }
    }
    let tasks = blockers.as_ref().and_then(Reading::value).map(Vec::len);
    if let Some(tasks) = tasks.and_then(|n| u64::try_from(n).ok()) {
        samples.push(&metrics::LIVEPATCH_BLOCKERS, [], tasks);
    }
}

/// What systems say of patches, how long transitions have run, and until when there is support.
pub(super) fn observe_live_patches(samples: &mut Samples, snapshot: &Snapshot, seen: &Transitions) {
    let LivePatches { cover, systems } = snapshot.live_patches(seen);
    for patch in &cover.patches {
        let level = patch.level.as_deref().unwrap_or_default();
        let labels = [patch.patch.as_str(), patch.system.as_str(), level];
        samples.push(&metrics::LIVEPATCH_INFO, labels, true);
    }
    for patch in Snapshot::found(&snapshot.livepatch).into_iter().flat_map(|l| &l.patches) {
        if patch.transition.value() == Some(&true)
            && let Some(TransitionAge { age, at_least: _ }) =
                snapshot.transition_age(&patch.name, seen)
        {
            samples.push(&metrics::LIVEPATCH_TRANSITION_SECONDS, [&patch.name], age.as_secs_f64());
        }
    }
    for view in systems.iter().filter(|view| !view.loaded.is_empty()) {
        if let Some(end) = &view.support_end {
            let basis = if end.is_dated { "dated" } else { "usual" };
            let labels = [view.system.as_str(), basis];
            samples.push(&metrics::LIVEPATCH_SUPPORT_END, labels, end.end_unix_s());
        }
    }
}

/// Patches that were forced, and those of which it is known that they were not: that takes a log
/// which is complete since boot.
pub(super) fn observe_forced(
    samples: &mut Samples,
    forced: &[ForcedPatch],
    livepatch: Option<&Livepatch>,
    log: Option<&KernelLog>,
) {
    let names: BTreeSet<&str> = forced.iter().map(|f| f.patch.as_deref().unwrap_or("")).collect();
    for name in &names {
        samples.push(&metrics::LIVEPATCH_FORCED, [name], true);
    }
    if log.is_some_and(KernelLog::is_complete) && !names.contains("") {
        for patch in livepatch.into_iter().flat_map(|livepatch| &livepatch.patches) {
            if !names.contains(patch.name.as_str()) {
                samples.push(&metrics::LIVEPATCH_FORCED, [&patch.name], false);
            }
        }
    }
}

pub(super) fn observe_microcode(samples: &mut Samples, microcode: &Microcode) {
    if let Some(running) = microcode.running.value() {
        let available = microcode.available.value().and_then(Option::as_ref);
        let available = available.map(|update| format!("0x{:x}", update.revision));
        samples.push(
            &metrics::MICROCODE_INFO,
            [
                microcode.vendor.as_str(),
                &microcode.signature.to_string(),
                &format!("0x{:x}", running.highest),
                available.as_deref().unwrap_or_default(),
            ],
            true,
        );
    }
    if let Some(behind) = microcode.is_behind() {
        samples.push(&metrics::MICROCODE_BEHIND, [], behind);
    }
    if let Some(mixed) = microcode.is_mixed() {
        samples.push(&metrics::MICROCODE_MIXED, [], mixed);
    }
}

/// Where some processes were not looked at, how many are stale is not known.
pub(super) fn observe_processes(samples: &mut Samples, processes: &Processes) {
    for holder in Holder::ALL {
        if let Some(count) = processes.count(holder) {
            samples.push(&metrics::STALE_PROCESSES, [holder.as_str()], count);
        }
    }
}

pub(super) fn observe_markers(samples: &mut Samples, markers: &RebootMarkers) {
    // The packages file only says on whose behalf; it is no marker of its own.
    let RebootMarkers { required, packages: _, needed } = markers;
    for (marker, reading) in [("reboot-required", required), ("reboot-needed", needed)] {
        match reading {
            Reading::Value(_) => samples.push(&metrics::REBOOT_MARKER, [marker], true),
            Reading::Absent(_) => samples.push(&metrics::REBOOT_MARKER, [marker], false),
            Reading::Unreadable(..) | Reading::Malformed(..) => {}
        }
    }
}
