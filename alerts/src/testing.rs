//! Snapshots for tests: a healthy server, of which a test changes one thing.

use scrubjay_model::{
    Accumulated, AgentStats, Assessment, Bert, BertRegion, BootId, Controller, Counter,
    CpuSignature, CrashStore, Dimm, EarlyImage, Edac, Epoch, ErrorCheck, ErrorCounts, EventsStatus,
    Finding, ForcedPatch, Holder, ImageOf, Kernel, KernelHealth, KernelLog, Kexec, Layout,
    Livepatch, Lockdown, LogCounts, LogMark, MachineCheck, MemoryFailure, MemoryRepair, Microcode,
    MicrocodeUpdate, MicrocodeVendor, NodeMemoryFailure, NodePages, NonValue, OfflineStats, Origin,
    ParseFault, Patch, PatchObject, Place, Platform, Present, PreviousBoot, Processes, ReadFault,
    Reading, RebootMarkers, RunningMicrocode, Scrub, ScrubControl, ScrubDevice, Section, Snapshot,
    SourceId, SourceReport, StaleFile, StaleProcess, Stamp, StorageStats, Taint, Uname, Uptime,
    Verdict,
};
use std::collections::BTreeMap;
use std::time::Duration;

pub(crate) mod arbitrary;
pub(crate) mod crashes;
pub(crate) mod kernels;
pub(crate) mod modules;
pub(crate) mod readings;
pub(crate) mod systems;

/// 36 days and 4 hours, the age of the healthy server's counters.
pub(crate) const AGE_SECONDS: u64 = 3_124_800;

pub(crate) fn absent<T>(path: &str) -> Reading<T> {
    Reading::Absent(Origin::new(path))
}

pub(crate) fn denied<T>(path: &str) -> Reading<T> {
    Reading::Unreadable(Origin::new(path), ReadFault::Denied)
}

pub(crate) fn malformed<T>(path: &str) -> Reading<T> {
    Reading::Malformed(Origin::new(path), ParseFault::new("a whole number", b"x"))
}

pub(crate) fn text(text: &str) -> Reading<String> {
    Reading::Value(text.to_owned())
}

pub(crate) fn counter(value: u64) -> Reading<Counter> {
    let boot = BootId::parse("5a6b7c8d-1234-5678-9abc-def012345678").unwrap();
    Reading::Value(Counter { value, epoch: Epoch { boot, zeroed: None } })
}

pub(crate) fn counts(correctable: u64, uncorrectable: u64) -> ErrorCounts {
    ErrorCounts { correctable: counter(correctable), uncorrectable: counter(uncorrectable) }
}

pub(crate) fn dimm(place: Place, label: &str, errors: ErrorCounts) -> Dimm {
    Dimm {
        place,
        label: text(label),
        location: text("channel 0 slot 0"),
        size_bytes: Reading::Value(32 << 30),
        memory_type: text("Registered-DDR4"),
        device_type: text("x4"),
        edac_mode: text("S4ECD4ED"),
        errors,
    }
}

/// A controller whose totals are what its modules add up to.
pub(crate) fn controller(index: u32, layout: Layout, dimms: Vec<Dimm>) -> Controller {
    let total = |class: fn(&ErrorCounts) -> &Reading<Counter>| {
        let values = dimms.iter().filter_map(|dimm| class(&dimm.errors).value());
        counter(values.map(|counter| counter.value).sum())
    };
    let errors = ErrorCounts {
        correctable: total(|errors| &errors.correctable),
        uncorrectable: total(|errors| &errors.uncorrectable),
    };
    Controller {
        index,
        name: text(&format!("Skylake Socket#0 IMC#{index}")),
        size_bytes: Reading::Value(64 << 30),
        seconds_since_reset: Reading::Value(AGE_SECONDS),
        scrub_rate: absent("sys/devices/system/edac/mc/mc0/sdram_scrub_rate"),
        errors,
        unattributed: counts(0, 0),
        layout,
        dimms: dimms.into(),
        csrows: Vec::new(),
        steady: true,
    }
}

pub(crate) fn node(
    node: u32,
    [ignored, failed, delayed, recovered]: [u64; 4],
) -> NodeMemoryFailure {
    let value = Reading::Value;
    NodeMemoryFailure {
        node,
        pages: NodePages {
            total: value(ignored + failed + delayed + recovered),
            ignored: value(ignored),
            failed: value(failed),
            delayed: value(delayed),
            recovered: value(recovered),
        },
    }
}

pub(crate) fn patch(name: &str, enabled: bool, transition: bool) -> Patch {
    Patch {
        name: name.to_owned(),
        enabled: Reading::Value(enabled),
        transition: Reading::Value(transition),
        replace: Reading::Value(true),
        stack_order: Reading::Value(1),
        objects: Reading::Value(vec![PatchObject {
            name: "vmlinux".to_owned(),
            patched: Reading::Value(true),
            loaded: None,
            functions: Reading::Value(vec!["tcp_v4_rcv,1".to_owned()]),
        }]),
        module_taint: text("OK"),
    }
}

/// A live patch forced that many seconds after boot.
pub(crate) fn forced(seconds: u64, patch: &str) -> ForcedPatch {
    ForcedPatch { awake: Duration::from_secs(seconds), patch: Some(patch.to_owned()) }
}

/// A device that scrubs itself once in 12 hours.
pub(crate) fn device(name: &str) -> ScrubDevice {
    let value = Reading::Value;
    ScrubDevice {
        name: name.to_owned(),
        scrubs: vec![ScrubControl {
            index: 0,
            background: Reading::Value(true),
            cycle_seconds: value(43_200),
            min_cycle_seconds: value(3_600),
            max_cycle_seconds: value(918_000),
            on_demand_address: value(0),
            on_demand_bytes: value(0),
        }],
        error_checks: vec![ErrorCheck {
            index: 0,
            log_entry_type: value(0),
            mode: value(1),
            threshold: value(256),
        }],
        repairs: vec![MemoryRepair {
            index: 0,
            repair_type: text("ppr"),
            persist_mode: value(0),
            safe_when_in_use: Reading::Value(true),
        }],
    }
}

fn read<T>(value: T) -> Option<Section<T>> {
    let report = SourceReport { took: Duration::from_millis(2), attributes: 9, faults: Vec::new() };
    Some(Section { reading: Reading::Value(value), report })
}

/// A bare-metal x86 server with ECC, an EDAC driver, a live patch in force, and nothing wrong.
pub(crate) fn healthy() -> Snapshot {
    let boot = BootId::parse("5a6b7c8d-1234-5678-9abc-def012345678").unwrap();
    let uptime = Duration::from_secs(AGE_SECONDS + 30);
    let names = ["A1", "B1"].map(|slot| format!("CPU1_DIMM_{slot}"));
    let dimms = (0_u32..).zip(&names).map(|(n, name)| dimm(Place::Dimm(n), name, counts(0, 0)));
    Snapshot {
        at: Stamp {
            boot: boot.clone(),
            since_boot: Some(uptime),
            awake: Some(uptime),
            wall_ms: 1_795_429_628_000,
        },
        edac: read(Edac { controllers: vec![controller(0, Layout::Dimm, dimms.collect())] }),
        memory_failure: read(MemoryFailure {
            hardware_corrupted_bytes: Reading::Value(0),
            nodes: Reading::Value(vec![node(0, [0; 4])]),
            recovery: Reading::Value(true),
            soft_offline: Reading::Value(1),
            page_size_bytes: Reading::Value(4096),
        }),
        uptime: read(Uptime {
            boot_id: Reading::Value(boot),
            since_boot: Reading::Value(uptime),
            boot_time_s: Reading::Value(1_792_304_828),
            slept: Reading::Value(Duration::ZERO),
        }),
        kernel: read(Kernel {
            release: text("6.1.0-56-amd64"),
            version: text("#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2"),
            banner: text("Linux version 6.1.0-56-amd64 (a@b) #1 SMP Debian 6.1.192-2"),
            version_signature: absent("proc/version_signature"),
            uname: Reading::Value(Uname {
                release: "6.1.0-56-amd64".to_owned(),
                version: "#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2".to_owned(),
                machine: "x86_64".to_owned(),
            }),
            modules_supported: Reading::Value(Present),
            modules_root: Reading::Value(Present),
            modules_directory: Reading::Value(Present),
        }),
        kernel_health: read(KernelHealth {
            // Out-of-tree, unsigned and live patched, as any host with a vendor's live patch.
            taint: Reading::Value(Taint(1 << 12 | 1 << 13 | 1 << 15)),
            oops_count: Reading::Value(0),
            warn_count: Reading::Value(0),
        }),
        cpu_vulnerabilities: read(Vec::new()),
        kexec: read(Kexec {
            loaded: Reading::Value(false),
            crash_loaded: Reading::Value(true),
            crash_size_bytes: Reading::Value(256 << 20),
        }),
        lockdown: read(Lockdown::None),
        livepatch: read(Livepatch { patches: vec![patch("lp_1", true, false)], blockers: None }),
        reboot_markers: read(RebootMarkers {
            required: absent("run/reboot-required"),
            packages: absent("run/reboot-required.pkgs"),
            needed: absent("run/reboot-needed"),
        }),
        machine_check: read(MachineCheck {
            check_interval_seconds: Reading::Value(300),
            ignore_ce: Reading::Value(false),
            dont_log_ce: Reading::Value(false),
            cmci_disabled: Reading::Value(false),
        }),
        platform: read(Platform {
            hypervisor_flag: Reading::Value(false),
            hypervisor_type: absent("sys/hypervisor/type"),
            system_vendor: text("Dell Inc."),
            product_name: text("PowerEdge R640"),
            board_vendor: text("Dell Inc."),
            board_name: text("0H28RR"),
            bios_version: text("2.12.2"),
            bios_date: text("07/09/2021"),
            command_line: Reading::Value(vec!["ro".to_owned(), "quiet".to_owned()]),
            edac_core: Reading::Value(Present),
            hest: Reading::Value(Present),
            bert: Reading::Value(Present),
            fadt_oem: None,
            ghes_edac: absent("sys/module/ghes_edac"),
            panic_on_uncorrected: Reading::Value(false),
            debugfs: Reading::Value(Present),
            cec: absent("sys/kernel/debug/ras/cec"),
            cec_configured: None,
            edac_drivers: None,
        }),
        kernel_log: read(KernelLog {
            oldest: Some(LogMark { sequence: Some(0), awake: Some(Duration::ZERO) }),
            newest: Some(LogMark { sequence: Some(1203), awake: Some(uptime) }),
            records: 1204,
            lost: 0,
            cut: false,
            forced: Vec::new(),
            transition: None,
            transition_ended: false,
            ecc_disabled: Vec::new(),
            cec_initialized: false,
            cmci_storms: 0,
            told: LogCounts::NONE,
        }),
        scrub: read(Scrub { devices: vec![device("cxl_mem0")], cxl: Vec::new() }),
        previous_boot: read(PreviousBoot {
            bert: Bert {
                table: Reading::Value(Present),
                disabled: Reading::Value(false),
                region: Some(Reading::Value(BertRegion { blocks: Vec::new(), more: false })),
            },
            pstore: Reading::Value(CrashStore { records: Vec::new(), left_out: 0 }),
            archive: absent("var/lib/systemd/pstore"),
            watchdogs: Reading::Value(Vec::new()),
        }),
        smbios: read(scrubjay_model::Smbios {
            version: None,
            arrays: Vec::new(),
            devices: Vec::new(),
            complete: true,
        }),
        dimm_labels: read(scrubjay_model::DimmLabels { entries: Vec::new() }),
        packages: read(kernels::packages()),
        boot_images: read(kernels::boot_images()),
        cve_lists: read(scrubjay_model::CveLists::default()),
        livepatch_modules: read(modules::of_patch("lp_1")),
        livepatch_systems: read(systems::bare()),
        microcode: read(microcode()),
        processes: read(Processes {
            read: 120,
            unread: 0,
            complete: true,
            stale: Vec::new(),
            left_out: 0,
        }),
    }
}

/// Up to date, on disk and in the image.
fn microcode() -> Microcode {
    let update = |file: &str| MicrocodeUpdate {
        revision: 0x2b00_0650,
        date: Some("2025-05-29".to_owned()),
        file: file.to_owned(),
    };
    let image = "boot/initrd.img-6.1.0-56-amd64";
    Microcode {
        vendor: MicrocodeVendor::Intel,
        signature: CpuSignature { family: 6, model: 0x8f, stepping: 8 },
        platform: Some(Reading::Value(0x80)),
        running: Reading::Value(RunningMicrocode {
            lowest: 0x2b00_0650,
            highest: 0x2b00_0650,
            cpus: 64,
        }),
        available: Reading::Value(Some(update("lib/firmware/intel-ucode/06-8f-08"))),
        images: Reading::Value(vec![EarlyImage {
            file: image.to_owned(),
            of: ImageOf::RunningKernel,
            update: Reading::Value(Some(update(image))),
        }]),
    }
}

/// A process that runs an old libssl.
pub(crate) fn stale(pid: u32, holder: Holder, unit: &str) -> StaleProcess {
    StaleProcess {
        pid,
        comm: text("worker"),
        started: Reading::Value(1),
        holder,
        unit: Some(unit.to_owned()),
        program: false,
        files: vec![StaleFile { path: "/usr/lib/libssl.so.3".to_owned(), replaced: true }],
        more_files: 0,
    }
}

/// The healthy server with one thing changed.
pub(crate) fn but(change: impl FnOnce(&mut Snapshot)) -> Snapshot {
    let mut snapshot = healthy();
    change(&mut snapshot);
    snapshot
}

/// A virtual machine as they come: no EDAC, no machine-check switches, a vulnerable CPU, no
/// kexec.
pub(crate) fn virtual_machine() -> Snapshot {
    but(|s| {
        set(&mut s.edac, absent("sys/devices/system/edac/mc"));
        set(&mut s.machine_check, absent("sys/devices/system/machinecheck/machinecheck0"));
        set(&mut s.kexec, absent("sys/kernel/kexec_loaded"));
        set(&mut s.livepatch, absent("sys/kernel/livepatch"));
        set(&mut s.livepatch_modules, absent("sys/kernel/livepatch"));
        set(&mut s.lockdown, absent("sys/kernel/security/lockdown"));
        let platform = of(&mut s.platform);
        platform.hypervisor_flag = Reading::Value(true);
        platform.edac_core = absent("sys/devices/system/edac");
        platform.hest = absent("sys/firmware/acpi/tables/HEST");
        platform.bert = absent("sys/firmware/acpi/tables/BERT");
        platform.system_vendor = text("QEMU");
        of(&mut s.cpu_vulnerabilities).push(scrubjay_model::CpuVulnerability {
            name: "mds".to_owned(),
            state: Reading::Value(scrubjay_model::VulnerabilityState::Vulnerable),
            text: text("Vulnerable"),
        });
    })
}

/// What a source found, to change it.
pub(crate) fn of<T>(section: &mut Option<Section<T>>) -> &mut T {
    match section.as_mut().map(|section| &mut section.reading) {
        Some(Reading::Value(value)) => value,
        _ => panic!("the base snapshot has this source"),
    }
}

/// Replaces a whole source, as the collector would: what is no absence is a fault as well.
pub(crate) fn set<T>(section: &mut Option<Section<T>>, reading: Reading<T>) {
    let section = section.as_mut().unwrap();
    section.report.faults = reading
        .non_value()
        .into_iter()
        .filter(|non_value| !matches!(non_value, NonValue::Absent(_)))
        .collect();
    section.reading = reading;
}

/// Replaces one fact and notes the fault, as the collector would.
pub(crate) fn lose<T, U>(
    section: &mut Option<Section<T>>,
    field: impl FnOnce(&mut T) -> &mut Reading<U>,
    reading: Reading<U>,
) {
    let fault = reading.non_value().unwrap();
    *field(of(section)) = reading;
    if !matches!(fault, NonValue::Absent(_)) {
        section.as_mut().unwrap().report.faults.push(fault);
    }
}

/// The faults of a source, to add to them.
pub(crate) fn faults(snapshot: &mut Snapshot, id: SourceId) -> &mut Vec<NonValue> {
    fn of<T>(section: &mut Option<Section<T>>) -> &mut Vec<NonValue> {
        &mut section.as_mut().unwrap().report.faults
    }
    match id {
        SourceId::Edac => of(&mut snapshot.edac),
        SourceId::MemoryFailure => of(&mut snapshot.memory_failure),
        SourceId::Uptime => of(&mut snapshot.uptime),
        SourceId::Kernel => of(&mut snapshot.kernel),
        SourceId::KernelHealth => of(&mut snapshot.kernel_health),
        SourceId::CpuVulnerabilities => of(&mut snapshot.cpu_vulnerabilities),
        SourceId::Kexec => of(&mut snapshot.kexec),
        SourceId::Lockdown => of(&mut snapshot.lockdown),
        SourceId::Livepatch => of(&mut snapshot.livepatch),
        SourceId::RebootMarkers => of(&mut snapshot.reboot_markers),
        SourceId::MachineCheck => of(&mut snapshot.machine_check),
        SourceId::Platform => of(&mut snapshot.platform),
        SourceId::KernelLog => of(&mut snapshot.kernel_log),
        SourceId::Scrub => of(&mut snapshot.scrub),
        SourceId::PreviousBoot => of(&mut snapshot.previous_boot),
        SourceId::Smbios => of(&mut snapshot.smbios),
        SourceId::DimmLabels => of(&mut snapshot.dimm_labels),
        SourceId::Packages => of(&mut snapshot.packages),
        SourceId::BootImages => of(&mut snapshot.boot_images),
        SourceId::CveLists => of(&mut snapshot.cve_lists),
        SourceId::Microcode => of(&mut snapshot.microcode),
        SourceId::LivepatchModules => of(&mut snapshot.livepatch_modules),
        SourceId::LivepatchSystems => of(&mut snapshot.livepatch_systems),
        SourceId::Processes => of(&mut snapshot.processes),
    }
}

/// The assessment of a snapshot without history.
pub(crate) fn assessed(snapshot: &Snapshot) -> Assessment {
    crate::assess(snapshot, &Accumulated::default(), None, None, &crate::PatchPolicy::default())
}

/// Everything found, coverage first.
pub(crate) fn all(assessment: &Assessment) -> Vec<&Finding> {
    assessment.coverage.findings.iter().chain(&assessment.findings).collect()
}

/// The codes of everything found, coverage first.
pub(crate) fn codes(snapshot: &Snapshot) -> Vec<&'static str> {
    all(&assessed(snapshot)).iter().map(|finding| finding.code).collect()
}

/// The only finding of a snapshot.
pub(crate) fn only(snapshot: &Snapshot) -> Finding {
    let assessment = assessed(snapshot);
    let found = all(&assessment);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(assessment.verdict, found[0].verdict);
    found[0].clone()
}

/// The first finding of that code.
pub(crate) fn first(snapshot: &Snapshot, code: &str) -> Finding {
    let assessment = assessed(snapshot);
    let found = all(&assessment).into_iter().find(|finding| finding.code == code).cloned();
    found.unwrap_or_else(|| panic!("no {code} in {assessment:#?}"))
}

/// An agent whose history is well.
pub(crate) fn agent() -> AgentStats {
    AgentStats {
        started_wall_ms: 0,
        interval: Duration::from_secs(60),
        passes: 1,
        late_passes: 0,
        pass_took: Duration::from_millis(20),
        sources: BTreeMap::new(),
        events: EventsStatus::counters_only("this is a test"),
        storage: StorageStats::default(),
        offlining: OfflineStats::NONE,
        notifications: scrubjay_model::NotifyStats::default(),
        web: None,
        confinement: None,
        node_reboot_required: true,
        resident_bytes: Reading::Value(8 << 20),
        cpu: Reading::Value(Duration::from_secs(1)),
    }
}

#[test]
fn a_healthy_server_is_ok_and_fully_visible() {
    let assessment = assessed(&healthy());
    assert_eq!(assessment.verdict, Verdict::Ok, "{assessment:#?}");
    assert_eq!(assessment.coverage.state, scrubjay_model::CoverageState::Full);
    assert_eq!(all(&assessment), Vec::<&Finding>::new());
}
