//! Every reading of a snapshot, by name, so that a test can replace each in turn.
//!
//! Everything is destructured without `..`: a new fact does not compile until it is listed here,
//! and then until the law says whether its absence matters.

use super::faults;
use scrubjay_model::{
    Bert, BootImage, BootImages, Controller, CpuVulnerability, CrashRecord, CrashStore, CxlMemory,
    Dimm, Edac, ErrorCheck, ErrorCounts, InstalledPackage, Kernel, KernelHealth, KernelPackage,
    Kexec, Livepatch, LivepatchModule, LivepatchModules, LoadedModule, MachineCheck, MemoryFailure,
    MemoryRepair, Microcode, ModuleOnDisk, NodeMemoryFailure, NodePages, NonValue, Origin, Outcome,
    Packages, ParseFault, Patch, PatchObject, Platform, PreviousBoot, ReadFault, Reading,
    RebootMarkers, Scrub, ScrubControl, ScrubDevice, Section, Snapshot, SourceId, Uptime, Watchdog,
};
use std::sync::Arc;

/// A reading of whatever type.
pub(crate) trait AnyReading {
    /// Replaces it.
    fn replace(&mut self, by: NonValue);
}

impl<T> AnyReading for Reading<T> {
    fn replace(&mut self, by: NonValue) {
        *self = by.into();
    }
}

pub(super) type Visit<'v> = &'v mut dyn FnMut(&'static str, SourceId, &mut dyn AnyReading);

/// Shows every reading of a snapshot to `visit`, in a stable order.
pub(crate) fn each(snapshot: &mut Snapshot, visit: Visit<'_>) {
    let Snapshot {
        at: _,
        edac,
        memory_failure,
        uptime,
        kernel,
        kernel_health,
        cpu_vulnerabilities,
        kexec,
        lockdown,
        livepatch,
        reboot_markers,
        machine_check,
        platform,
        dimm_labels,
        livepatch_systems,
        kernel_log,
        previous_boot,
        scrub,
        smbios,
        packages,
        boot_images,
        cve_lists,
        microcode,
        livepatch_modules,
        processes,
    } = snapshot;
    within(edac, "edac", SourceId::Edac, visit, |Edac { controllers }, visit| {
        controllers.iter_mut().for_each(|c| controller(c, visit));
    });
    let id = SourceId::MemoryFailure;
    within(memory_failure, "memory_failure", id, visit, |found, visit| {
        let MemoryFailure {
            hardware_corrupted_bytes,
            nodes,
            recovery,
            soft_offline,
            page_size_bytes,
        } = found;
        visit("memory_failure.recovery", id, recovery);
        visit("memory_failure.soft_offline", id, soft_offline);
        visit("memory_failure.page_size_bytes", id, page_size_bytes);
        visit("memory_failure.hardware_corrupted_bytes", id, hardware_corrupted_bytes);
        if let Reading::Value(nodes) = nodes {
            for NodeMemoryFailure { node: _, pages } in nodes {
                let NodePages { total, ignored, failed, delayed, recovered } = pages;
                visit("memory_failure.total", id, total);
                visit("memory_failure.ignored", id, ignored);
                visit("memory_failure.failed", id, failed);
                visit("memory_failure.delayed", id, delayed);
                visit("memory_failure.recovered", id, recovered);
            }
        }
        visit("memory_failure.nodes", id, nodes);
    });
    let id = SourceId::Uptime;
    within(uptime, "uptime", id, visit, |found, visit| {
        let Uptime { boot_id, since_boot, boot_time_s, slept } = found;
        visit("uptime.boot_id", id, boot_id);
        visit("uptime.since_boot", id, since_boot);
        visit("uptime.boot_time_s", id, boot_time_s);
        visit("uptime.slept", id, slept);
    });
    let id = SourceId::Kernel;
    within(kernel, "kernel", id, visit, |found, visit| {
        let Kernel {
            release,
            version,
            banner,
            version_signature,
            uname,
            modules_supported,
            modules_root,
            modules_directory,
        } = found;
        visit("kernel.release", id, release);
        visit("kernel.version", id, version);
        visit("kernel.banner", id, banner);
        visit("kernel.version_signature", id, version_signature);
        visit("kernel.uname", id, uname);
        visit("kernel.modules_supported", id, modules_supported);
        visit("kernel.modules_root", id, modules_root);
        visit("kernel.modules_directory", id, modules_directory);
    });
    let id = SourceId::KernelHealth;
    within(kernel_health, "kernel_health", id, visit, |found, visit| {
        let KernelHealth { taint, oops_count, warn_count } = found;
        visit("kernel_health.taint", id, taint);
        visit("kernel_health.oops_count", id, oops_count);
        visit("kernel_health.warn_count", id, warn_count);
    });
    let id = SourceId::CpuVulnerabilities;
    within(cpu_vulnerabilities, "cpu_vulnerabilities", id, visit, |found, visit| {
        for CpuVulnerability { name: _, state, text } in found {
            visit("cpu_vulnerabilities.state", id, state);
            visit("cpu_vulnerabilities.text", id, text);
        }
    });
    let id = SourceId::Kexec;
    within(kexec, "kexec", id, visit, |found, visit| {
        let Kexec { loaded, crash_loaded, crash_size_bytes } = found;
        visit("kexec.loaded", id, loaded);
        visit("kexec.crash_loaded", id, crash_loaded);
        visit("kexec.crash_size_bytes", id, crash_size_bytes);
    });
    within(lockdown, "lockdown", SourceId::Lockdown, visit, |_, _| ());
    let id = SourceId::Livepatch;
    within(livepatch, "livepatch", id, visit, |Livepatch { patches, blockers }, visit| {
        patches.iter_mut().for_each(|p| patch(p, visit));
        if let Some(blockers) = blockers {
            visit("livepatch.blockers", id, blockers);
        }
    });
    let id = SourceId::RebootMarkers;
    within(reboot_markers, "reboot_markers", id, visit, |found, visit| {
        let RebootMarkers { required, packages, needed } = found;
        visit("reboot_markers.required", id, required);
        visit("reboot_markers.packages", id, packages);
        visit("reboot_markers.needed", id, needed);
    });
    let id = SourceId::MachineCheck;
    within(machine_check, "machine_check", id, visit, |found, visit| {
        let MachineCheck { check_interval_seconds, ignore_ce, dont_log_ce, cmci_disabled } = found;
        visit("machine_check.check_interval_seconds", id, check_interval_seconds);
        visit("machine_check.ignore_ce", id, ignore_ce);
        visit("machine_check.dont_log_ce", id, dont_log_ce);
        visit("machine_check.cmci_disabled", id, cmci_disabled);
    });
    within(platform, "platform", SourceId::Platform, visit, platform_facts);
    // What is read of it is no reading of its own.
    within(kernel_log, "kernel_log", SourceId::KernelLog, visit, |_, _| ());
    within(scrub, "scrub", SourceId::Scrub, visit, scrub_facts);
    within(previous_boot, "previous_boot", SourceId::PreviousBoot, visit, previous_boot_facts);
    within(smbios, "smbios", SourceId::Smbios, visit, |_, _| ());
    within(dimm_labels, "dimm_labels", SourceId::DimmLabels, visit, |_, _| ());
    let id = SourceId::Packages;
    within(packages, "packages", id, visit, |found, visit| {
        let Packages { manager: _, kernels, live_patches: _ } = found;
        for KernelPackage { package, release, family: _ } in kernels {
            let InstalledPackage { name: _, version: _, arch: _, installed_unix_s, changelog } =
                package;
            visit("packages.release", id, release);
            visit("packages.installed_unix_s", id, installed_unix_s);
            visit("packages.changelog", id, changelog);
        }
    });
    let id = SourceId::BootImages;
    within(boot_images, "boot_images", id, visit, |BootImages { images, next }, visit| {
        for BootImage { path: _, release: _, banner } in images {
            visit("boot_images.banner", id, banner);
        }
        visit("boot_images.next", id, next);
    });
    within(cve_lists, "cve_lists", SourceId::CveLists, visit, |_, _| ());
    within(microcode, "microcode", SourceId::Microcode, visit, microcode_facts);
    let id = SourceId::LivepatchModules;
    within(livepatch_modules, "livepatch_modules", id, visit, |found, visit| {
        let LivepatchModules { signatures_enforced, modules } = found;
        if let Some(enforced) = signatures_enforced {
            visit("livepatch_modules.signatures_enforced", id, enforced);
        }
        modules.iter_mut().for_each(|module| livepatch_module(module, visit));
    });
    within(
        livepatch_systems,
        "livepatch_systems",
        SourceId::LivepatchSystems,
        visit,
        super::systems::each,
    );
    let id = SourceId::Processes;
    within(processes, "processes", id, visit, |found, visit| {
        for process in &mut found.stale {
            visit("processes.comm", id, &mut process.comm);
            visit("processes.started", id, &mut process.started);
        }
    });
}

fn microcode_facts(microcode: &mut Microcode, visit: Visit<'_>) {
    let id = SourceId::Microcode;
    let Microcode { vendor: _, signature: _, platform, running, available, images } = microcode;
    if let Some(platform) = platform {
        visit("microcode.platform", id, platform);
    }
    visit("microcode.running", id, running);
    visit("microcode.available", id, available);
    if let Reading::Value(images) = images {
        for image in images {
            visit("microcode.image.update", id, &mut image.update);
        }
    }
    visit("microcode.images", id, images);
}

fn livepatch_module(module: &mut LivepatchModule, visit: Visit<'_>) {
    let id = SourceId::LivepatchModules;
    let LivepatchModule { name: _, listed: _, loaded, files, searched } = module;
    let LoadedModule { build_id, srcversion, version, taint, size_bytes, holders, state } = loaded;
    visit("livepatch_modules.build_id", id, build_id);
    visit("livepatch_modules.srcversion", id, srcversion);
    visit("livepatch_modules.version", id, version);
    visit("livepatch_modules.taint", id, taint);
    visit("livepatch_modules.size_bytes", id, size_bytes);
    visit("livepatch_modules.holders", id, holders);
    visit("livepatch_modules.state", id, state);
    for ModuleOnDisk { path: _, contents, owner } in files {
        visit("livepatch_modules.contents", id, contents);
        visit("livepatch_modules.owner", id, owner);
    }
    visit("livepatch_modules.searched", id, searched);
}

fn previous_boot_facts(previous: &mut PreviousBoot, visit: Visit<'_>) {
    let id = SourceId::PreviousBoot;
    let PreviousBoot { bert, pstore, archive, watchdogs } = previous;
    let Bert { table, disabled, region } = bert;
    visit("previous_boot.bert.table", id, table);
    visit("previous_boot.bert.disabled", id, disabled);
    if let Some(region) = region {
        visit("previous_boot.bert.region", id, region);
    }
    for (name, store) in [("previous_boot.pstore", pstore), ("previous_boot.archive", archive)] {
        if let Reading::Value(CrashStore { records, left_out: _ }) = store {
            for CrashRecord { content, .. } in records {
                if let Some(content) = content {
                    visit("previous_boot.record.content", id, content);
                }
            }
        }
        visit(name, id, store);
    }
    if let Reading::Value(watchdogs) = watchdogs {
        for Watchdog { index: _, identity, boot_status } in watchdogs {
            visit("previous_boot.watchdog.identity", id, identity);
            visit("previous_boot.watchdog.boot_status", id, boot_status);
        }
    }
    visit("previous_boot.watchdogs", id, watchdogs);
}

/// The facts of a source, then the source as a whole.
fn within<T>(
    section: &mut Option<Section<T>>,
    name: &'static str,
    id: SourceId,
    visit: Visit<'_>,
    facts: impl FnOnce(&mut T, Visit<'_>),
) {
    let Some(section) = section else { return };
    if let Reading::Value(found) = &mut section.reading {
        facts(found, visit);
    }
    visit(name, id, &mut section.reading);
}

fn controller(controller: &mut Controller, visit: Visit<'_>) {
    let id = SourceId::Edac;
    let Controller {
        index: _,
        name,
        size_bytes,
        seconds_since_reset,
        scrub_rate,
        errors,
        unattributed,
        layout: _,
        dimms,
        csrows,
        steady: _,
    } = controller;
    visit("edac.name", id, name);
    visit("edac.size_bytes", id, size_bytes);
    visit("edac.seconds_since_reset", id, seconds_since_reset);
    visit("edac.scrub_rate", id, scrub_rate);
    let ErrorCounts { correctable, uncorrectable } = errors;
    visit("edac.errors.correctable", id, correctable);
    visit("edac.errors.uncorrectable", id, uncorrectable);
    let ErrorCounts { correctable, uncorrectable } = unattributed;
    visit("edac.unattributed.correctable", id, correctable);
    visit("edac.unattributed.uncorrectable", id, uncorrectable);
    for row in csrows {
        visit("edac.csrow.correctable", id, &mut row.errors.correctable);
        visit("edac.csrow.uncorrectable", id, &mut row.errors.uncorrectable);
    }
    for dimm in Arc::make_mut(dimms) {
        let Dimm {
            place: _,
            label,
            location,
            size_bytes,
            memory_type,
            device_type,
            edac_mode,
            errors,
        } = dimm;
        visit("edac.dimm.label", id, label);
        visit("edac.dimm.location", id, location);
        visit("edac.dimm.size_bytes", id, size_bytes);
        visit("edac.dimm.memory_type", id, memory_type);
        visit("edac.dimm.device_type", id, device_type);
        visit("edac.dimm.edac_mode", id, edac_mode);
        let ErrorCounts { correctable, uncorrectable } = errors;
        visit("edac.dimm.correctable", id, correctable);
        visit("edac.dimm.uncorrectable", id, uncorrectable);
    }
}

fn patch(patch: &mut Patch, visit: Visit<'_>) {
    let id = SourceId::Livepatch;
    let Patch { name: _, enabled, transition, replace, stack_order, objects, module_taint } = patch;
    visit("livepatch.enabled", id, enabled);
    visit("livepatch.transition", id, transition);
    visit("livepatch.replace", id, replace);
    visit("livepatch.stack_order", id, stack_order);
    visit("livepatch.module_taint", id, module_taint);
    if let Reading::Value(objects) = objects {
        for PatchObject { name: _, patched, loaded: _, functions } in objects {
            visit("livepatch.object.patched", id, patched);
            visit("livepatch.object.functions", id, functions);
        }
    }
    visit("livepatch.objects", id, objects);
}

fn scrub_facts(scrub: &mut Scrub, visit: Visit<'_>) {
    let id = SourceId::Scrub;
    let Scrub { devices, cxl } = scrub;
    for ScrubDevice { name: _, scrubs, error_checks, repairs } in devices {
        for control in scrubs {
            let ScrubControl {
                index: _,
                background,
                cycle_seconds,
                min_cycle_seconds,
                max_cycle_seconds,
                on_demand_address,
                on_demand_bytes,
            } = control;
            visit("scrub.background", id, background);
            visit("scrub.cycle_seconds", id, cycle_seconds);
            visit("scrub.min_cycle_seconds", id, min_cycle_seconds);
            visit("scrub.max_cycle_seconds", id, max_cycle_seconds);
            visit("scrub.on_demand_address", id, on_demand_address);
            visit("scrub.on_demand_bytes", id, on_demand_bytes);
        }
        for ErrorCheck { index: _, log_entry_type, mode, threshold } in error_checks {
            visit("scrub.ecs.log_entry_type", id, log_entry_type);
            visit("scrub.ecs.mode", id, mode);
            visit("scrub.ecs.threshold", id, threshold);
        }
        for MemoryRepair { index: _, repair_type, persist_mode, safe_when_in_use } in repairs {
            visit("scrub.repair.repair_type", id, repair_type);
            visit("scrub.repair.persist_mode", id, persist_mode);
            visit("scrub.repair.safe_when_in_use", id, safe_when_in_use);
        }
    }
    for CxlMemory { name: _, serial, firmware_version, numa_node, ram_bytes, pmem_bytes } in cxl {
        visit("scrub.cxl.serial", id, serial);
        visit("scrub.cxl.firmware_version", id, firmware_version);
        visit("scrub.cxl.numa_node", id, numa_node);
        visit("scrub.cxl.ram_bytes", id, ram_bytes);
        visit("scrub.cxl.pmem_bytes", id, pmem_bytes);
    }
}

fn platform_facts(platform: &mut Platform, visit: Visit<'_>) {
    let id = SourceId::Platform;
    let Platform {
        hypervisor_flag,
        hypervisor_type,
        system_vendor,
        product_name,
        board_vendor,
        board_name,
        bios_version,
        bios_date,
        command_line,
        edac_core,
        hest,
        bert,
        ghes_edac,
        panic_on_uncorrected,
        debugfs,
        cec,
        // Asked only where something else is missing already.
        fadt_oem: _,
        cec_configured: _,
        edac_drivers: _,
    } = platform;
    visit("platform.hypervisor_flag", id, hypervisor_flag);
    visit("platform.hypervisor_type", id, hypervisor_type);
    visit("platform.system_vendor", id, system_vendor);
    visit("platform.product_name", id, product_name);
    visit("platform.board_vendor", id, board_vendor);
    visit("platform.board_name", id, board_name);
    visit("platform.bios_version", id, bios_version);
    visit("platform.command_line", id, command_line);
    visit("platform.edac_core", id, edac_core);
    visit("platform.hest", id, hest);
    visit("platform.bert", id, bert);
    visit("platform.ghes_edac", id, ghes_edac);
    visit("platform.panic_on_uncorrected", id, panic_on_uncorrected);
    visit("platform.bios_date", id, bios_date);
    visit("platform.debugfs", id, debugfs);
    visit("platform.cec", id, cec);
}

/// Replaces the reading at `index` and notes the fault, as the collector would. Answers its name,
/// or `None` when there are not that many.
pub(crate) fn replace(
    snapshot: &mut Snapshot,
    index: usize,
    outcome: Outcome,
) -> Option<&'static str> {
    let origin = Origin::new("some/path");
    let non_value = match outcome {
        Outcome::Ok => panic!("a value is no non-value"),
        Outcome::Absent => NonValue::Absent(origin),
        Outcome::Unreadable => NonValue::Unreadable(origin, ReadFault::Denied),
        Outcome::Malformed => NonValue::Malformed(origin, ParseFault::new("a number", b"?")),
    };
    let (mut position, mut replaced) = (0, None);
    each(snapshot, &mut |name, id, reading| {
        if position == index {
            reading.replace(non_value.clone());
            replaced = Some((name, id));
        }
        position += 1;
    });
    let (name, id) = replaced?;
    if outcome != Outcome::Absent {
        faults(snapshot, id).push(non_value);
    }
    Some(name)
}
