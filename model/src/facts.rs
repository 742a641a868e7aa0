//! The facts of a snapshot, other than error counters, that the history follows.
//!
//! Each is a name, what it is about, and a reading as text; the history stores one only when it
//! changes. Values that move all the time (uptime) are not among them.

use crate::civil::text_of_day;
use crate::{
    CrashContent, CveId, DumpReason, FileOwner, Holder, LivepatchModule, LivepatchSystems,
    MemoryDevice, Microcode, ModuleSize, NonValue, Origin, OwningPackage, PreviousBoot, Processes,
    Reading, Smbios, Snapshot, SourceId, StaleProcess,
};
use std::collections::BTreeMap;

/// The fact that a live patch was forced in a boot. Unlike the others it outlives the line it was
/// read from: the log forgets, and the kernel stays forced. Its value names the boot.
pub const FORCED_PATCH: &str = "livepatch.forced";

/// The fact that a live patch is in transition: `true` or `false`.
pub const IN_TRANSITION: &str = "livepatch.transition";

/// Where the errors of a stick are counted, `CONTROLLER/PLACE` of each; empty while the stick is
/// gone. The history makes it itself, so no reading takes it back. Its subject is the stick's key.
pub const MODULE_PLACES: &str = "module.places";

/// Whether a counter of errors was read that had been read before: `true` or `false`, told from the first
/// pass on in which it was not. Its subject is the counter, or empty for all of them. The history makes
/// it itself.
pub const COUNTER_READ: &str = "counter.read";

/// The version of an installed kernel. Its subject is the package.
pub const INSTALLED_KERNEL: &str = "packages.kernel";

/// The release of the kernel that runs.
pub const KERNEL_RELEASE: &str = "kernel.release";

/// The revision of the microcode that runs.
pub const RUNNING_MICROCODE: &str = "microcode.running";

/// How the running kernel stands to the newest one installed: a conclusion.
pub const KERNEL_RELATION: &str = "kernel.relation";

/// A finding that asks for a reboot, as long as it does: a conclusion. Its subject is the finding's
/// code, and what it is about if that is not the host; its value the verdict.
pub const REBOOT_REASON: &str = "reboot.reason";

/// Whether a kernel is loaded for kexec.
pub const KEXEC_LOADED: &str = "kexec.loaded";

/// What a watchdog says of the last reset: a mask of `WDIOF_…` bits. Its subject is the watchdog.
pub const WATCHDOG_STATUS: &str = "watchdog.boot_status";

/// A kernel log that a panic left: when it was written, in seconds since the Unix epoch, and the
/// line that says why. Its subject is the file.
pub const PANIC_RECORD: &str = "previous_boot.panic";

/// The verdict on the host: a conclusion.
pub const VERDICT: &str = "verdict";

/// One fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// The source it was read from; while that does not answer, nothing is known of the fact. `None`
    /// for what no source tells: how the agent fares, and what it concluded.
    pub source: Option<SourceId>,
    /// Stable dotted name.
    pub name: &'static str,
    /// What it is about: a live patch, `mcN`, `nodeN`; empty for the host.
    pub subject: String,
    /// Its value as text.
    pub reading: Reading<String>,
}

impl Fact {
    /// Whether it stays although a reading does not list it.
    pub fn outlives_its_reading(name: &str) -> bool {
        name == FORCED_PATCH
    }
}

fn fact<T: ToString>(
    source: SourceId,
    name: &'static str,
    subject: &str,
    reading: &Reading<T>,
) -> Fact {
    let reading = reading.as_ref().map(ToString::to_string);
    Fact { source: Some(source), name, subject: subject.to_owned(), reading }
}

/// Kernel logs that a panic left, each with the moment it was written: what a boot that was cut off
/// may be explained by later. Those that tell no time explain nothing.
fn panic_facts(previous: &PreviousBoot) -> impl Iterator<Item = Fact> {
    previous.crash_records().filter_map(|record| {
        let CrashContent::Log(log) = record.said()? else { return None };
        let wall_s = record.wall_s?;
        if log.reason != Some(DumpReason::Panic) {
            return None;
        }
        // Of a log in several parts the line is in one of them.
        let line = log.line.as_deref().unwrap_or_default();
        let said = Reading::Value(format!("{wall_s} {line}"));
        Some(fact(SourceId::PreviousBoot, PANIC_RECORD, &record.path, &said))
    })
}

/// Which stick is in which slot: a swap is then a change of these facts.
fn smbios_facts(smbios: &Smbios, facts: &mut Vec<Fact>) {
    let field = |value: Option<&str>, device: &MemoryDevice, name: &str| match value {
        Some(text) => Reading::Value(text.to_owned()),
        None => Reading::Absent(Origin::new(format!("smbios 0x{:04x} {name}", device.handle))),
    };
    let slot = |device: &MemoryDevice| device.slot_name();
    for device in &smbios.devices {
        // Boards that give two slots one name are told apart by the structure's handle.
        let twins = smbios.devices.iter().filter(|other| slot(other) == slot(device)).count();
        let subject = match slot(device) {
            Some(name) if twins == 1 => name,
            Some(name) => format!("{name} 0x{:04x}", device.handle),
            None => format!("0x{:04x}", device.handle),
        };
        let size = match device.size {
            ModuleSize::Empty => Reading::Value("empty".to_owned()),
            ModuleSize::Unknown => Reading::Value("unknown".to_owned()),
            ModuleSize::Bytes(bytes) => Reading::Value(bytes.to_string()),
        };
        let source = SourceId::Smbios;
        facts.push(Fact {
            source: Some(source),
            name: "smbios.size_bytes",
            subject: subject.clone(),
            reading: size,
        });
        if device.is_populated() {
            let serial = field(device.serial.as_deref(), device, "serial");
            facts.push(fact(source, "smbios.serial", &subject, &serial));
            let part = field(device.part.as_deref(), device, "part");
            facts.push(fact(source, "smbios.part", &subject, &part));
        }
    }
}

/// What runs and what could; which image has what changes with every one that is made, and says
/// little.
fn microcode_facts(microcode: &Microcode, facts: &mut Vec<Fact>) {
    let source = SourceId::Microcode;
    let running = microcode.running.as_ref().map(|running| {
        let (lowest, highest) = (running.lowest, running.highest);
        if lowest == highest {
            format!("0x{highest:x}")
        } else {
            format!("0x{lowest:x} to 0x{highest:x}")
        }
    });
    facts.push(fact(source, RUNNING_MICROCODE, "", &running));
    let available = microcode.available.as_ref().map(|update| match update {
        Some(update) => format!("0x{:x}", update.revision),
        None => "none".to_owned(),
    });
    facts.push(fact(source, "microcode.available", "", &available));
}

/// What code a live patch runs, and whose it is.
fn module_facts(module: &LivepatchModule, facts: &mut Vec<Fact>) {
    let (id, name) = (SourceId::LivepatchModules, &module.name);
    facts.push(fact(id, "livepatch.build_id", name, &module.loaded.build_id));
    facts.push(fact(id, "livepatch.srcversion", name, &module.loaded.srcversion));
    facts.push(fact(id, "livepatch.on_disk", name, &said(module.on_disk().as_str())));
    let absent = || Reading::Absent(Origin::new(format!("sys/module/{name}")));
    let path = module.file().map(|(path, _)| path);
    facts.push(fact(id, "livepatch.file", name, &path.map_or_else(absent, Reading::Value)));
    let signer = module.file().and_then(|(_, file)| file.signature.signer());
    let absent = || Reading::Absent(Origin::new(path.unwrap_or("lib/modules")));
    let signer = signer.map(|signer| format!("{}, serial {}", signer.name(), signer.serial));
    facts.push(fact(id, "livepatch.signer", name, &signer.map_or_else(absent, Reading::Value)));
    let nowhere = || Origin::new(path.unwrap_or("lib/modules"));
    let owner = module.source().map(|file| file.owner.as_ref());
    let owner = owner.unwrap_or_else(|| Reading::Absent(nowhere())).into_result();
    let named =
        |owner: &FileOwner| owner.package().map_or_else(|| "none".to_owned(), OwningPackage::named);
    let package = Reading::from(owner.clone().map(named));
    facts.push(fact(id, "livepatch.package", name, &package));
    let check = owner.and_then(|owner| {
        let check = owner.package().map(|package| package.file.as_str());
        check.ok_or_else(|| NonValue::Absent(nowhere()))
    });
    facts.push(fact(id, "livepatch.file_check", name, &Reading::from(check)));
}

/// What the vendors' systems say. What is in force is among the facts of the kernel's core.
fn livepatch_facts(systems: &LivepatchSystems, facts: &mut Vec<Fact>) {
    let LivepatchSystems {
        kpatch,
        kgraft,
        ksplice,
        kernelcare,
        canonical,
        installed,
        lifecycle,
        // Each is or was a patch of the core.
        modules: _,
    } = systems;
    let source = SourceId::LivepatchSystems;
    let cves = |list: &Reading<Vec<CveId>>| list.as_ref().map(|cves| words(cves));
    for patch in kpatch.iter().flat_map(|kpatch| kpatch.legacy.value()).flatten() {
        facts.push(fact(source, "kpatch.enabled", &patch.name, &patch.enabled));
    }
    if let Some(kgraft) = kgraft {
        facts.push(fact(source, "kgraft.in_progress", "", &kgraft.in_progress));
        let patches = kgraft.patches.as_ref().map(|patches| words(patches));
        facts.push(fact(source, "kgraft.patches", "", &patches));
    }
    if let Some(ksplice) = ksplice {
        for update in &ksplice.updates {
            facts.push(fact(source, "ksplice.stage", &update.name, &update.stage));
        }
        let release = ksplice.effective.as_ref().map(|claim| &claim.effective.release);
        facts.push(fact(source, "ksplice.effective_kernel", "", &release));
        let disabled = ksplice.disabled.as_ref().map(|_| "present");
        facts.push(fact(source, "ksplice.disabled", "", &disabled));
    }
    if let Some(kernelcare) = kernelcare {
        let version = &kernelcare.effective_version;
        facts.push(fact(source, "kernelcare.effective_version", "", version));
        facts.push(fact(source, "kernelcare.cves", "", &cves(&kernelcare.cves)));
        for setting in kernelcare.policy.value().into_iter().flatten() {
            let value = Reading::Value(&setting.value);
            facts.push(fact(source, "kernelcare.setting", &setting.name, &value));
        }
    }
    for kernel in canonical.iter().filter_map(|c| c.status.value()).flat_map(|s| &s.kernels) {
        let subject = kernel.kernel.as_deref().unwrap_or_default();
        for (name, word) in [
            ("canonical_livepatch.state", &kernel.state),
            ("canonical_livepatch.supported", &kernel.supported),
            ("canonical_livepatch.version", &kernel.version),
        ] {
            if let Some(word) = word {
                facts.push(fact(source, name, subject, &Reading::Value(word)));
            }
        }
    }
    for directory in installed {
        let modules = directory.modules.as_ref().map(|modules| words(modules));
        facts.push(fact(source, "livepatch.installed", &directory.name, &modules));
    }
    for row in lifecycle.value().into_iter().flatten() {
        let subject = format!("{},{}", row.package, row.version);
        let day = Reading::Value(text_of_day(row.last_day));
        facts.push(fact(source, "livepatch.support_end", &subject, &day));
    }
}

fn words<T: ToString>(list: &[T]) -> String {
    let words: Vec<String> = list.iter().map(ToString::to_string).collect();
    words.join(" ")
}

/// Which units run old code; which processes they are changes all the time.
fn process_facts(processes: &Processes, facts: &mut Vec<Fact>) {
    // Not seeing all of them, one cannot say that the others are well.
    if !processes.is_whole() {
        return;
    }
    let named = |names: Vec<&str>| {
        Reading::Value(if names.is_empty() { "none".to_owned() } else { names.join(" ") })
    };
    let services = processes.grouped(Holder::Service).into_keys().collect();
    facts.push(fact(SourceId::Processes, "processes.stale_services", "", &named(services)));
    let needing = processes.stale.iter().filter(|process| process.needs_reboot());
    let mut needing: Vec<&str> = needing.map(StaleProcess::known_as).collect();
    needing.sort_unstable();
    needing.dedup();
    facts.push(fact(SourceId::Processes, "processes.need_reboot", "", &named(needing)));
}

fn said(text: &'static str) -> Reading<&'static str> {
    Reading::Value(text)
}

impl Snapshot {
    /// All facts of sources that answered, in a stable order.
    pub fn facts(&self) -> Vec<Fact> {
        let Self {
            at,
            edac,
            memory_failure,
            // Boots have a table of their own.
            uptime: _,
            kernel,
            kernel_health,
            cpu_vulnerabilities,
            kexec,
            lockdown,
            livepatch,
            reboot_markers,
            machine_check,
            platform,
            kernel_log,
            scrub,
            previous_boot,
            smbios,
            // Names, not facts of the host; what they lead to is in the history of the modules.
            dimm_labels: _,
            packages,
            boot_images,
            cve_lists,
            microcode,
            livepatch_modules,
            livepatch_systems,
            processes,
        } = self;
        use SourceId as S;
        let mut facts = Vec::new();

        if let Some(edac) = Self::found(edac) {
            for controller in &edac.controllers {
                let subject = format!("mc{}", controller.index);
                facts.push(fact(S::Edac, "edac.name", &subject, &controller.name));
                facts.push(fact(
                    S::Edac,
                    "edac.layout",
                    &subject,
                    &said(controller.layout.as_str()),
                ));
                facts.push(fact(S::Edac, "edac.scrub_rate", &subject, &controller.scrub_rate));
                for dimm in controller.dimms.iter() {
                    let subject = format!("{subject}/{}", dimm.place);
                    facts.push(fact(S::Edac, "edac.label", &subject, &dimm.label));
                    facts.push(fact(S::Edac, "edac.size_bytes", &subject, &dimm.size_bytes));
                }
            }
        }
        if let Some(pages) = Self::found(memory_failure) {
            let corrupted = &pages.hardware_corrupted_bytes;
            facts.push(fact(S::MemoryFailure, "memory.hardware_corrupted_bytes", "", corrupted));
            let recovery = &pages.recovery;
            facts.push(fact(S::MemoryFailure, "memory.failure_recovery", "", recovery));
            let soft_offline = &pages.soft_offline;
            facts.push(fact(S::MemoryFailure, "memory.soft_offline", "", soft_offline));
            for node in pages.nodes.value().into_iter().flatten() {
                let subject = format!("node{}", node.node);
                for (result, count) in node.pages.by_result() {
                    let subject = format!("{subject}/{result}");
                    facts.push(fact(S::MemoryFailure, "memory.failure_pages", &subject, count));
                }
            }
        }
        if let Some(kernel) = Self::found(kernel) {
            facts.push(fact(S::Kernel, KERNEL_RELEASE, "", &kernel.release));
            facts.push(fact(S::Kernel, "kernel.version", "", &kernel.version));
            facts.push(fact(S::Kernel, "kernel.banner", "", &kernel.banner));
            let uname = kernel.uname.as_ref().map(|u| format!("{} {}", u.release, u.version));
            facts.push(fact(S::Kernel, "kernel.uname", "", &uname));
            let directory = kernel.modules_directory.as_ref().map(|_| "present");
            facts.push(fact(S::Kernel, "kernel.modules_directory", "", &directory));
        }
        if let Some(health) = Self::found(kernel_health) {
            facts.push(fact(
                S::KernelHealth,
                "kernel.taint",
                "",
                &health.taint.as_ref().map(|t| t.0),
            ));
            facts.push(fact(S::KernelHealth, "kernel.oops_count", "", &health.oops_count));
            facts.push(fact(S::KernelHealth, "kernel.warn_count", "", &health.warn_count));
        }
        for vulnerability in Self::found(cpu_vulnerabilities).into_iter().flatten() {
            facts.push(fact(
                S::CpuVulnerabilities,
                "cpu.vulnerability",
                &vulnerability.name,
                &vulnerability.text,
            ));
        }
        if let Some(kexec) = Self::found(kexec) {
            facts.push(fact(S::Kexec, KEXEC_LOADED, "", &kexec.loaded));
            facts.push(fact(S::Kexec, "kexec.crash_loaded", "", &kexec.crash_loaded));
        }
        if let Some(mode) = Self::found(lockdown) {
            facts.push(fact(S::Lockdown, "kernel.lockdown", "", &said(mode.as_str())));
        }
        for patch in Self::found(livepatch).into_iter().flat_map(|l| &l.patches) {
            facts.push(fact(S::Livepatch, "livepatch.enabled", &patch.name, &patch.enabled));
            facts.push(fact(S::Livepatch, IN_TRANSITION, &patch.name, &patch.transition));
            facts.push(fact(S::Livepatch, "livepatch.replace", &patch.name, &patch.replace));
            for object in patch.objects.value().into_iter().flatten() {
                let subject = format!("{}/{}", patch.name, object.name);
                facts.push(fact(S::Livepatch, "livepatch.patched", &subject, &object.patched));
            }
        }
        if let Some(markers) = Self::found(reboot_markers) {
            facts.push(fact(S::RebootMarkers, "reboot.required", "", &markers.required));
            let packages = markers.packages.as_ref().map(|names| names.join(" "));
            facts.push(fact(S::RebootMarkers, "reboot.packages", "", &packages));
            facts.push(fact(S::RebootMarkers, "reboot.needed", "", &markers.needed));
        }
        if let Some(packages) = Self::found(packages) {
            for kernel in &packages.kernels {
                let version = Reading::Value(&kernel.package.version);
                facts.push(fact(S::Packages, INSTALLED_KERNEL, &kernel.package.name, &version));
            }
        }
        if let Some(images) = Self::found(boot_images) {
            let next = images.next.as_ref().map(|next| {
                let release = next.release.as_deref().unwrap_or("unknown release");
                format!("{release} ({}, {})", next.loader.as_str(), next.chosen.as_str())
            });
            facts.push(fact(S::BootImages, "boot.next", "", &next));
        }
        for list in Self::found(cve_lists).into_iter().flat_map(|lists| &lists.files) {
            let entries = list.content.as_ref().map(|content| content.entries);
            facts.push(fact(S::CveLists, "cve_list.entries", &list.path, &entries));
        }
        if let Some(check) = Self::found(machine_check) {
            facts.push(fact(
                S::MachineCheck,
                "machine_check.interval",
                "",
                &check.check_interval_seconds,
            ));
            facts.push(fact(S::MachineCheck, "machine_check.ignore_ce", "", &check.ignore_ce));
            facts.push(fact(S::MachineCheck, "machine_check.dont_log_ce", "", &check.dont_log_ce));
            facts.push(fact(
                S::MachineCheck,
                "machine_check.cmci_disabled",
                "",
                &check.cmci_disabled,
            ));
        }
        if let Some(platform) = Self::found(platform) {
            facts.push(fact(S::Platform, "platform.bios_version", "", &platform.bios_version));
            facts.push(fact(S::Platform, "platform.product_name", "", &platform.product_name));
            let command_line = platform.command_line.as_ref().map(|words| words.join(" "));
            facts.push(fact(S::Platform, "platform.command_line", "", &command_line));
        }
        if let Some(log) = Self::found(kernel_log) {
            // The last time counts where a patch was forced twice: it is the last to be forgotten.
            let forced: BTreeMap<&str, _> =
                log.forced.iter().map(|f| (f.patch.as_deref().unwrap_or(""), f)).collect();
            for (patch, forced) in forced {
                let value = Reading::Value(forced.remembered(&at.boot));
                facts.push(fact(S::KernelLog, FORCED_PATCH, patch, &value));
            }
        }
        for device in Self::found(scrub).into_iter().flat_map(|scrub| &scrub.devices) {
            for control in &device.scrubs {
                let subject = format!("{}/scrub{}", device.name, control.index);
                facts.push(fact(S::Scrub, "scrub.background", &subject, &control.background));
                facts.push(fact(S::Scrub, "scrub.cycle_seconds", &subject, &control.cycle_seconds));
            }
            for check in &device.error_checks {
                let subject = format!("{}/ecs_fru{}", device.name, check.index);
                facts.push(fact(S::Scrub, "scrub.ecs_threshold", &subject, &check.threshold));
            }
        }
        if let Some(previous) = Self::found(previous_boot) {
            if let Some(region) = &previous.bert.region {
                let blocks = region.as_ref().map(|region| region.blocks.len());
                facts.push(fact(S::PreviousBoot, "previous_boot.bert_blocks", "", &blocks));
            }
            for (store, reading) in [("pstore", &previous.pstore), ("archive", &previous.archive)] {
                let records = reading.as_ref().map(|store| store.records.len());
                facts.push(fact(S::PreviousBoot, "previous_boot.crash_records", store, &records));
            }
            facts.extend(panic_facts(previous));
            for watchdog in previous.watchdogs.value().into_iter().flatten() {
                let subject = format!("watchdog{}", watchdog.index);
                let status = watchdog.boot_status.as_ref().map(|status| status.0);
                facts.push(fact(S::PreviousBoot, WATCHDOG_STATUS, &subject, &status));
            }
        }
        if let Some(smbios) = Self::found(smbios) {
            smbios_facts(smbios, &mut facts);
        }
        if let Some(microcode) = Self::found(microcode) {
            microcode_facts(microcode, &mut facts);
        }
        for module in Self::found(livepatch_modules).into_iter().flat_map(|found| &found.modules) {
            module_facts(module, &mut facts);
        }
        if let Some(systems) = Self::found(livepatch_systems) {
            livepatch_facts(systems, &mut facts);
        }
        if let Some(processes) = Self::found(processes) {
            process_facts(processes, &mut facts);
        }
        facts
    }
}
