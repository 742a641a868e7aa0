//! Laws of the assessment as a whole, for any snapshot.

use crate::testing::{all, arbitrary, assessed, but, crashes, healthy, of, readings, systems};
use crate::{CODES, PatchPolicy, assess};
use proptest::prelude::*;
use scrubjay_model::{
    Accumulated, CoverageState, CpuVulnerability, Dimm, ErrorClass, LivepatchSystems, Outcome,
    Reading, Snapshot, Verdict, VulnerabilityState,
};
use std::collections::BTreeSet;

/// A healthy server of which as many kinds of facts as possible are there to be lost.
fn rich() -> Snapshot {
    but(|s| {
        of(&mut s.cpu_vulnerabilities).push(CpuVulnerability {
            name: "mds".to_owned(),
            state: Reading::Value(VulnerabilityState::Mitigated),
            text: Reading::Value("Mitigation: Clear CPU buffers".to_owned()),
        });
        *of(&mut s.livepatch_systems) = LivepatchSystems {
            kgraft: Some(systems::kgraft()),
            ksplice: Some(systems::ksplice()),
            kernelcare: Some(systems::kernelcare()),
            canonical: Some(systems::canonical("nothing-to-apply", "supported")),
            installed: vec![systems::installed(&[])],
            ..systems::bare()
        };
        let previous = of(&mut s.previous_boot);
        previous.watchdogs = Reading::Value(vec![crashes::watchdog(0, 0)]);
        previous.pstore = crashes::store(vec![crashes::shutdown()]);
        previous.archive = crashes::store(Vec::new());
    })
}

/// Facts whose absence leaves a healthy server ok, each with the reason. Everything else that is
/// lost, in whatever way, makes the verdict at least unknown.
const ABSENCE_DOES_NOT_MATTER: &[(&str, &str)] = &[
    ("edac.size_bytes", "describes; no error is hidden by it"),
    ("edac.seconds_since_reset", "errors are counted all the same, their exposure is not claimed"),
    ("edac.scrub_rate", "most drivers cannot tell; scrubbing is then the firmware's affair"),
    ("edac.dimm.label", "describes"),
    ("edac.dimm.location", "describes"),
    ("edac.dimm.size_bytes", "describes"),
    ("edac.dimm.memory_type", "describes"),
    ("edac.dimm.device_type", "describes"),
    ("edac.dimm.edac_mode", "drivers refuse controllers whose ECC is off; the mode only confirms"),
    ("edac.unattributed.correctable", "the rest is taken from the controller's total"),
    ("edac.unattributed.uncorrectable", "the rest is taken from the controller's total"),
    ("memory_failure", "without CONFIG_MEMORY_FAILURE no page is taken out of use"),
    ("memory_failure.hardware_corrupted_bytes", "as above"),
    ("memory_failure.nodes", "kernels before 6.3 count pages in HardwareCorrupted only"),
    ("memory_failure.recovery", "a kernel without the switch goes on where it can"),
    ("memory_failure.total", "as above; the parts are judged without it"),
    ("memory_failure.ignored", "as above"),
    ("memory_failure.failed", "as above"),
    ("memory_failure.delayed", "as above"),
    ("memory_failure.recovered", "as above"),
    ("memory_failure.soft_offline", "kernels before 6.11 have no switch for it"),
    ("memory_failure.page_size_bytes", "trees do not have it; no rule rests on it"),
    ("uptime.since_boot", "no rule rests on it"),
    ("uptime.boot_time_s", "no rule rests on it"),
    ("uptime.slept", "no rule rests on it; trees do not have it"),
    ("kernel.version", "the banner holds the package's version as well"),
    ("kernel.banner", "the version holds the package's as well"),
    ("kernel.version_signature", "only kernels of Ubuntu have it"),
    ("kernel.uname", "no rule rests on it; trees do not have it"),
    ("kernel.modules_supported", "a kernel without modules cannot lose them"),
    ("kernel.modules_root", "containers and initramfs have none; what is there says nothing"),
    ("kernel_health.oops_count", "kernels before 6.2; taint D tells"),
    ("kernel_health.warn_count", "kernels before 6.2; no rule rests on it"),
    ("cpu_vulnerabilities", "no rule rests on it: it is reported, not judged"),
    ("cpu_vulnerabilities.state", "as above"),
    ("cpu_vulnerabilities.text", "as above"),
    ("kexec", "no rule rests on it"),
    ("kexec.loaded", "as above"),
    ("kexec.crash_loaded", "as above"),
    ("kexec.crash_size_bytes", "as above"),
    ("lockdown", "no rule rests on it"),
    ("livepatch", "a kernel that cannot be live patched has no patch in transition"),
    ("livepatch.enabled", "every kernel has it; a patch without it is ending"),
    ("livepatch.transition", "kernels before 4.12 have no transitions"),
    ("livepatch.replace", "kernels before 6.11; no rule rests on it"),
    ("livepatch.stack_order", "kernels before 6.13; no rule rests on it"),
    ("livepatch.module_taint", "no rule rests on it"),
    ("livepatch.objects", "no rule rests on it"),
    ("livepatch.object.patched", "kernels before 6.1; no rule rests on it"),
    ("livepatch.object.functions", "no rule rests on it"),
    ("reboot_markers", "a root without /run; a missing marker says nothing anyway"),
    ("reboot_markers.required", "no marker is the normal state"),
    ("reboot_markers.packages", "no marker is the normal state"),
    ("reboot_markers.needed", "no marker is the normal state"),
    ("machine_check.check_interval_seconds", "a kernel without the switch cannot have it set"),
    ("machine_check.ignore_ce", "as above"),
    ("machine_check.dont_log_ce", "as above"),
    ("machine_check.cmci_disabled", "as above"),
    ("scrub", "most memory is scrubbed by its controller"),
    ("scrub.background", "a device offers only what it can do"),
    ("scrub.cycle_seconds", "as above"),
    ("scrub.min_cycle_seconds", "no rule rests on it"),
    ("scrub.max_cycle_seconds", "no rule rests on it"),
    ("scrub.on_demand_address", "no rule rests on it"),
    ("scrub.on_demand_bytes", "no rule rests on it"),
    ("scrub.ecs.log_entry_type", "no rule rests on it"),
    ("scrub.ecs.mode", "no rule rests on it"),
    ("scrub.ecs.threshold", "a device offers only what it can do"),
    ("scrub.repair.repair_type", "no rule rests on it"),
    ("scrub.repair.persist_mode", "no rule rests on it"),
    ("scrub.repair.safe_when_in_use", "no rule rests on it"),
    ("platform.hypervisor_flag", "not x86; DMI names tell guests"),
    ("platform.hypervisor_type", "not Xen"),
    ("platform.system_vendor", "a board without DMI"),
    ("platform.product_name", "a board without DMI"),
    ("platform.board_vendor", "no rule rests on it"),
    ("platform.board_name", "no rule rests on it"),
    ("platform.bios_version", "no rule rests on it"),
    ("platform.edac_core", "there are controllers, so there is a core"),
    ("platform.hest", "no firmware-first"),
    ("platform.bert", "no rule rests on it"),
    ("platform.ghes_edac", "the controllers' names tell"),
    (
        "platform.cec",
        "no collector; or debugfs is not mounted, which cannot be told apart (docs/findings.md)",
    ),
    (
        "kernel_log",
        "a container is rarely given it; that forced live patches are not seen then, doctor tells",
    ),
    ("platform.panic_on_uncorrected", "a kernel without the switch does not panic"),
    ("previous_boot", "no table, no pstore, no watchdog: nobody was there to write it down"),
    ("previous_boot.bert.table", "the records speak for themselves"),
    ("previous_boot.bert.disabled", "platform.command_line tells"),
    ("previous_boot.bert.region", "firmware without the table, or a kernel before 4.17"),
    ("previous_boot.pstore", "a kernel without pstore"),
    ("previous_boot.archive", "no systemd-pstore, or nothing was ever moved"),
    ("previous_boot.record.content", "somebody has just moved it away"),
    ("previous_boot.watchdogs", "no watchdog"),
    ("previous_boot.watchdog.identity", "describes"),
    ("previous_boot.watchdog.boot_status", "a kernel without CONFIG_WATCHDOG_SYSFS"),
    ("smbios", "names sticks; no error is hidden by it"),
    ("dimm_labels", "names slots; no error is hidden by it"),
    ("packages", "the only image of the flavour is of the build that runs"),
    ("packages.release", "versions are compared; a package that hides its release is not missing"),
    ("packages.installed_unix_s", "dates a fix that waits; none does"),
    ("packages.changelog", "says what a newer kernel fixes; there is none"),
    ("boot_images", "packages tell what is installed, and nothing newer waits for a boot"),
    ("boot_images.banner", "as above; other machines than x86 have none"),
    ("boot_images.next", "as above"),
    ("cve_lists", "nothing is ranked; what is owed is counted all the same"),
    ("processes", "a root without /proc, of which proc-incomplete tells"),
    ("microcode", "a guest, or a CPU of another maker"),
    ("microcode.platform", "kernels without the driver; no update is then taken for ours"),
    ("microcode.running", "no x86 kernel since 3.3; without it nothing is compared"),
    ("microcode.available", "no package: firmware brings updates, and old_microcode tells"),
    ("microcode.images", "a root without /boot; it only tells whether a reboot helps"),
    ("microcode.image.update", "it was taken away while it was read"),
    ("livepatch_modules", "no live patching: no patch whose origin could be asked for"),
    ("livepatch_modules.signatures_enforced", "a kernel that checks no signatures"),
    ("livepatch_modules.build_id", "the source's checksum decides; else status says it is unclear"),
    ("livepatch_modules.srcversion", "the build id decides"),
    ("livepatch_modules.version", "describes"),
    ("livepatch_modules.taint", "every kernel with live patches has it"),
    ("livepatch_modules.size_bytes", "describes"),
    ("livepatch_modules.holders", "describes"),
    ("livepatch_modules.state", "describes"),
    ("livepatch_modules.contents", "somebody has just removed the file; the next pass looks anew"),
    ("livepatch_modules.owner", "a root without a database of packages; status says so"),
    (
        "livepatch_modules.searched",
        "a container is rarely given the host's modules; that it is unclear then, status tells",
    ),
    ("livepatch_systems", "no vendor's system: the core tells what is loaded"),
    ("livepatch_systems.installed", "nothing is installed for boot"),
    ("livepatch_systems.kgraft.in_progress", "status says that it is not known"),
    ("livepatch_systems.kgraft.patches", "none is loaded"),
    ("livepatch_systems.ksplice.stage", "status says that it is not known"),
    ("livepatch_systems.ksplice.core_version", "describes"),
    ("livepatch_systems.ksplice.effective", "then nothing is claimed"),
    ("livepatch_systems.ksplice.names", "then nothing counts as covered"),
    ("livepatch_systems.ksplice.planned", "no plan was made"),
    ("livepatch_systems.ksplice.failed", "no run was made"),
    ("livepatch_systems.ksplice.disabled", "updates are applied"),
    ("livepatch_systems.kernelcare.loaded", "status says that nothing is applied"),
    ("livepatch_systems.kernelcare.effective_version", "then nothing is claimed"),
    ("livepatch_systems.kernelcare.cves", "then nothing counts as covered"),
    ("livepatch_systems.kernelcare.userspace_cves", "no library is patched"),
    ("livepatch_systems.kernelcare.policy", "nothing is held back"),
    ("livepatch_systems.canonical.client", "the client is no snap"),
    ("livepatch_systems.canonical.status", "nobody saves it"),
    ("livepatch_systems.lifecycle", "the vendor installs no such file"),
    ("livepatch_systems.modules", "the modules' taint is told by no old kernel"),
];

#[test]
fn a_fact_that_is_lost_is_never_ok_unless_its_absence_does_not_matter() {
    let tolerated: BTreeSet<&str> = ABSENCE_DOES_NOT_MATTER.iter().map(|(name, _)| *name).collect();
    assert_eq!(tolerated.len(), ABSENCE_DOES_NOT_MATTER.len(), "listed twice");
    let mut seen_ok = BTreeSet::new();
    for outcome in [Outcome::Absent, Outcome::Unreadable, Outcome::Malformed] {
        for index in 0.. {
            let mut snapshot = rich();
            let Some(name) = readings::replace(&mut snapshot, index, outcome) else { break };
            let assessment = assessed(&snapshot);
            if assessment.verdict == Verdict::Ok {
                assert_eq!(outcome, Outcome::Absent, "{name} {outcome:?} is ok");
                assert!(tolerated.contains(name), "{name} is absent, and ok without a reason");
                assert_eq!(assessment.coverage.state, CoverageState::Full, "{name}");
                seen_ok.insert(name);
            } else {
                let known = outcome == Outcome::Absent && tolerated.contains(name);
                assert!(!known, "{name} absent is not ok: {assessment:#?}");
            }
        }
    }
    assert_eq!(seen_ok, tolerated, "a reason is given for a fact that there is not");
}

#[test]
fn the_base_of_these_laws_is_ok() {
    assert_eq!(assessed(&rich()).verdict, Verdict::Ok);
    assert_eq!(assessed(&healthy()).verdict, Verdict::Ok);
}

#[test]
fn codes_are_in_order_and_unique() {
    assert!(CODES.is_sorted_by(|a, b| a < b));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Any snapshot, history and agent: no panic; the verdict is the worst of what is found; the
    /// worst comes first; every code is known; the same input gives the same answer.
    #[test]
    fn an_assessment_is_sound(
        snapshot in arbitrary::snapshot(),
        accumulated in arbitrary::accumulated(),
        agent in arbitrary::agents(),
    ) {
        let assessment = assess(&snapshot, &accumulated, agent.as_ref().map(|agent| &agent.storage), agent.as_ref().map(|agent| &agent.events), &PatchPolicy::default());
        prop_assert_eq!(&assessment, &assess(&snapshot, &accumulated, agent.as_ref().map(|agent| &agent.storage), agent.as_ref().map(|agent| &agent.events), &PatchPolicy::default()));
        let found = all(&assessment);
        let worst = found.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Ok);
        prop_assert_eq!(assessment.verdict, worst);
        prop_assert!(assessment.findings.is_sorted_by(|a, b| a.verdict >= b.verdict));
        for finding in &found {
            prop_assert!(CODES.contains(&finding.code), "{}", finding.code);
            prop_assert!(finding.verdict > Verdict::Ok, "{}", finding.code);
            prop_assert!(!finding.because.is_empty(), "{}", finding.code);
            prop_assert!(!finding.remedy.is_empty(), "{}", finding.code);
            let configured = ["edac-switched-off", "visibility-unclear", "history-not-written", "history-unreadable", "ledger-altered"];
            let unseen = configured.contains(&finding.code)
                || (finding.code == "no-edac-controller" && Snapshot::found(&snapshot.platform).is_none());
            prop_assert!(finding.origin.is_some() || unseen, "{:#?}", finding);
        }
        for class in ErrorClass::ALL {
            let hidden = assessment.coverage.findings.iter().any(|f| f.hides.contains(&class));
            prop_assert_eq!(assessment.coverage.of(class) != CoverageState::Full, hidden);
        }
        prop_assert!(assessment.coverage.findings.iter().all(|f| !f.hides.is_empty()));
        prop_assert!(assessment.findings.iter().all(|f| f.hides.is_empty()));
        let full = assessment.coverage.state == CoverageState::Full;
        prop_assert_eq!(full, assessment.coverage.findings.is_empty());
        if Snapshot::found(&snapshot.edac).is_none_or(|edac| edac.controllers.is_empty()) {
            prop_assert!(assessment.verdict >= Verdict::Unknown);
        }
    }

    /// No two findings of a real host share code and subject: they are labels of one metric.
    #[test]
    fn findings_are_told_apart_by_code_and_subject(snapshot in arbitrary::snapshot()) {
        let mut snapshot = snapshot;
        distinct(&mut snapshot);
        let assessment = assess(&snapshot, &Accumulated::default(), None, None, &PatchPolicy::default());
        for findings in [&assessment.coverage.findings, &assessment.findings] {
            let labels: BTreeSet<_> = findings.iter().map(|f| (f.code, &f.subject)).collect();
            prop_assert_eq!(labels.len(), findings.len(), "{:#?}", findings);
        }
    }

    /// Corrected errors never raise more than watch, whatever their number and place, and one
    /// uncorrected error always calls for a plan.
    #[test]
    fn counts_raise_what_they_may_and_no_more(
        correctable in 0_u64..1 << 32,
        uncorrectable in 0_u64..1 << 32,
        unattributed: bool,
    ) {
        let snapshot = but(|s| {
            let controller = &mut of(&mut s.edac).controllers[0];
            let errors = crate::testing::counts(correctable, uncorrectable);
            controller.errors = errors.clone();
            if unattributed { controller.unattributed = errors } else { controller.dimms_mut()[0].errors = errors }
        });
        let expected = match (correctable, uncorrectable) {
            (_, 1..) => Verdict::Plan,
            (1.., 0) => Verdict::Watch,
            (0, 0) => Verdict::Ok,
        };
        prop_assert_eq!(assessed(&snapshot).verdict, expected);
    }

    /// What the kernel says is quoted as it is: escaping belongs to each exporter.
    #[test]
    fn hostile_text_passes_through_unchanged(hostile in any::<String>()) {
        prop_assume!(!hostile.is_empty());
        let quoted = |change: &dyn Fn(&mut Snapshot, Reading<String>)| {
            let mut snapshot = healthy();
            change(&mut snapshot, Reading::Value(hostile.clone()));
            let assessment = assessed(&snapshot);
            all(&assessment).iter().any(|f| f.because.contains(&hostile))
        };
        let label = quoted(&|s, text| {
            let dimm = &mut of(&mut s.edac).controllers[0].dimms_mut()[0];
            (dimm.label, dimm.errors) = (text, crate::testing::counts(1, 0));
        });
        let hypervisor = quoted(&|s, text| of(&mut s.platform).hypervisor_type = text);
        let package = quoted(&|s, text| {
            let markers = of(&mut s.reboot_markers);
            markers.packages = text.map(|name| vec![name]);
            markers.required = Reading::Value(String::new());
        });
        prop_assert_eq!((label, hypervisor, package), (true, true, true));
    }
}

/// What the kernel guarantees: directories of one parent have different names.
fn distinct(snapshot: &mut Snapshot) {
    if let Some(Reading::Value(edac)) = snapshot.edac.as_mut().map(|section| &mut section.reading) {
        for (index, controller) in (0..).zip(&mut edac.controllers) {
            controller.index = index;
            let mut seen = BTreeSet::new();
            let is_new = |dimm: &&Dimm| seen.insert(dimm.place);
            controller.dimms = controller.dimms.iter().filter(is_new).cloned().collect();
        }
    }
    if let Some(Reading::Value(scrub)) = snapshot.scrub.as_mut().map(|section| &mut section.reading)
    {
        let mut seen = BTreeSet::new();
        scrub.devices.retain(|device| seen.insert(device.name.clone()));
        for device in &mut scrub.devices {
            let (mut scrubs, mut checks) = (BTreeSet::new(), BTreeSet::new());
            device.scrubs.retain(|control| scrubs.insert(control.index));
            device.error_checks.retain(|check| checks.insert(check.index));
        }
    }
    let patches = snapshot.livepatch.as_mut().map(|section| &mut section.reading);
    if let Some(Reading::Value(livepatch)) = patches {
        let mut seen = BTreeSet::new();
        livepatch.patches.retain(|patch| seen.insert(patch.name.clone()));
    }
    let modules = snapshot.livepatch_modules.as_mut().map(|section| &mut section.reading);
    if let Some(Reading::Value(found)) = modules {
        let mut seen = BTreeSet::new();
        found.modules.retain(|module| seen.insert(module.name.clone()));
    }
    let pages = snapshot.memory_failure.as_mut().map(|section| &mut section.reading);
    if let Some(Reading::Value(pages)) = pages
        && let Reading::Value(nodes) = &mut pages.nodes
    {
        let mut seen = BTreeSet::new();
        nodes.retain(|node| seen.insert(node.node));
    }
}
