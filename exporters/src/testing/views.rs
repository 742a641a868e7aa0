//! Views of imagined hosts.

use super::alerts::{book, notifications};
use super::kernels;
use super::machine::{
    blocker, kernel, microcode, patch, platform, processes, traces, uptime, vulnerability,
};
use super::*;

pub(crate) fn header(host_name: &str) -> HostHeader {
    HostHeader {
        root: "/".to_owned(),
        version: "0.1.0",
        simulated: None,
        host_name: text(host_name),
        os: text("Debian GNU/Linux 12 (bookworm)"),
        cpu: text("Imaginary CPU @ 2.10GHz"),
        memory_bytes: value(128 << 30),
    }
}

fn history() -> Reading<HistorySummary> {
    Reading::Value(HistorySummary {
        path: "/var/lib/scrubjay/history.db".to_owned(),
        since_wall_ms: NOW_MS - 400 * 86_400_000,
        boots: BTreeMap::from([("running", 1), ("clean", 2), ("unclean", 1)]),
        clock_steps: 1,
        covered: Duration::from_secs(390 * DAY_S),
        covered_without_gap: Duration::from_secs(36 * DAY_S + 3 * 3_600),
        reboot_needed: Some(scrubjay_model::RebootNeed {
            since_wall_ms: NOW_MS - 9 * 86_400_000,
            reasons: vec![("kernel-behind".to_owned(), NOW_MS - 9 * 86_400_000)],
        }),
        ledger_head: Some(LedgerHead { seq: 1_203, hash: Digest([0xa7; 32]) }),
    })
}

/// No agent took the view.
pub(crate) fn no_agent() -> Reading<AgentStats> {
    Reading::Absent(Origin::new("not asked"))
}

fn agent() -> AgentStats {
    let stats =
        SourceStats { failures: 2, deadlines_missed: 1, last_ok_wall_ms: Some(NOW_MS - 500) };
    AgentStats {
        started_wall_ms: NOW_MS - 36 * 86_400_000,
        interval: Duration::from_secs(30),
        passes: 103_680,
        late_passes: 3,
        pass_took: Duration::from_millis(12),
        sources: SourceId::ALL.into_iter().map(|id| (id, stats)).collect(),
        events: EventsStatus {
            path: EventPath::Trace,
            why: String::new(),
            refused: false,
            listening: vec!["ras:mc_event".to_owned(), "mce:mce_record".to_owned()],
            reports: 12,
            lost: 0,
            waited: 2,
            undecodable: 0,
            last_undecodable: None,
            extlog: ExtlogSent::Held,
        },
        storage: StorageStats {
            size_bytes: Some(1_258_291),
            writes: 420,
            write_failures: 1,
            unreadable: None,
            last_error: None,
            replaced: None,
            salvaged: None,
            ledger: scrubjay_model::LedgerState::Intact,
            pages_refused: 0,
            max_bytes: Some(64 << 20),
            folded: scrubjay_model::FoldedRows {
                rows: [("changes".to_owned(), 4_096), ("reports".to_owned(), 512)].into(),
                single_changes_from_wall_ms: Some(1_700_000_000_000),
                hours_from_wall_ms: None,
            },
        },
        offlining: OfflineStats::NONE,
        notifications: notifications(),
        confinement: Some(Confinement {
            capabilities: vec!["CAP_SYSLOG".to_owned()],
            superfluous: Vec::new(),
            no_new_privileges: true,
            landlock: Landlock::Unavailable { why: "the kernel has none".to_owned() },
        }),
        web: Some(WebStats { failing: false, loaded_wall_ms: NOW_MS - 3_600_000 }),
        node_reboot_required: true,
        resident_bytes: value(9 << 20),
        cpu: value(Duration::from_millis(93_250)),
    }
}

pub(crate) fn finding(code: &'static str, verdict: Verdict, subject: &str) -> Finding {
    Finding {
        code,
        verdict,
        subject: subject.to_owned(),
        because: "3 uncorrected errors were counted in 36 d of watching; the limit is 0".to_owned(),
        action: Action::InvestigateChannelOrCpu,
        remedy: "move the DIMM to another slot at the next window and see whether the errors move \
                 with it"
            .to_owned(),
        reboot_helps: RebootHelps::No,
        origin: Some(Origin::new("sys/devices/system/edac/mc/mc0/dimm1/dimm_ue_count")),
        hides: &[],
        count: None,
    }
}

fn clear() -> Assessment {
    let full = CoverageState::Full;
    Assessment::new(Coverage::new(full, full, Vec::new()), Vec::new())
}

/// A server with two controllers, errors on one of them, and a live patch that does not finish.
pub(crate) fn server() -> HostView {
    let dimms = |label: &str, a: ErrorCounts, b: ErrorCounts| {
        vec![
            dimm(Place::Dimm(0), &format!("{label}_DIMM#0"), a),
            dimm(Place::Dimm(1), &format!("{label}_DIMM#1"), b),
        ]
    };
    let edac = Edac {
        controllers: vec![
            controller(
                0,
                "Skylake Socket#0 IMC#0",
                Layout::Dimm,
                dimms("CPU0_MC0_Chan0", counts(0, 0), counts(41, 3)),
                counts(42, 3),
                counts(1, 0),
            ),
            controller(
                1,
                "Skylake Socket#0 IMC#1",
                Layout::Dimm,
                dimms("CPU0_MC1_Chan0", counts(0, 0), counts(0, 0)),
                counts(0, 0),
                counts(0, 0),
            ),
        ],
    };
    let findings = vec![
        Finding {
            because: "the transition of kpatch_2026_11 has waited for 2 tasks for 4 h 2 min"
                .to_owned(),
            action: Action::Observe,
            remedy: "let the tasks leave the kernel, or send them a signal they ignore".to_owned(),
            reboot_helps: RebootHelps::Yes,
            origin: Some(Origin::new("sys/kernel/livepatch/kpatch_2026_11/transition")),
            ..finding("livepatch-stalled", Verdict::Watch, "kpatch_2026_11")
        },
        finding("memory-uncorrected", Verdict::Act, "skylake-socket-0-imc-0/dimm1"),
        Finding {
            because:
                "6.12.0-13 runs, 6.12.0-14 is installed since 9 d; it fixes 2 vulnerabilities \
                      that are not fixed now"
                    .to_owned(),
            action: Action::RebootIntoNewerKernel,
            remedy: "reboot into 6.12.0-14-amd64 (6.12.0-14) at the next window".to_owned(),
            reboot_helps: RebootHelps::Yes,
            origin: Some(Origin::new("package linux-image-6.12.0-14-amd64")),
            ..finding("kernel-behind", Verdict::Plan, "host")
        },
    ];
    let coverage = Coverage::new(
        CoverageState::Partial,
        CoverageState::Full,
        vec![Finding {
            because: "the firmware has a HEST table and may handle corrected errors itself"
                .to_owned(),
            action: Action::FixVisibility,
            remedy: "switch firmware-first handling off in the firmware's setup".to_owned(),
            reboot_helps: RebootHelps::Unknown,
            origin: Some(Origin::new("sys/firmware/acpi/tables/HEST")),
            hides: &[ErrorClass::Correctable],
            count: None,
            ..finding("firmware-first", Verdict::Unknown, "host")
        }],
    );
    let node = NodeMemoryFailure {
        node: 0,
        pages: NodePages {
            total: value(3),
            ignored: value(0),
            failed: value(1),
            delayed: value(0),
            recovered: value(2),
        },
    };
    let up = 36 * DAY_S + 4 * 3_600 + 60;
    HostView {
        header: header("db1"),
        accumulated: heard(accumulate(&edac, 2)),
        snapshot: Snapshot {
            at: stamp(up, NOW_MS),
            edac: section(value(edac)),
            memory_failure: section(value(MemoryFailure {
                hardware_corrupted_bytes: value(12_288),
                nodes: value(vec![node]),
                recovery: value(true),
                soft_offline: value(1),
                page_size_bytes: value(4096),
            })),
            uptime: section(value(uptime(up))),
            kernel: section(value(kernel())),
            kernel_health: section(value(KernelHealth {
                taint: value(Taint(1 << 4 | 1 << 12 | 1 << 13 | 1 << 15 | 1 << 40)),
                oops_count: value(0),
                warn_count: value(2),
            })),
            cpu_vulnerabilities: section(value(vec![
                vulnerability("meltdown", "Not affected"),
                vulnerability("spectre_v2", "Mitigation: Enhanced IBRS"),
                vulnerability("srbds", "Vulnerable: No microcode"),
            ])),
            kexec: section(value(Kexec {
                loaded: value(false),
                crash_loaded: value(true),
                crash_size_bytes: value(256 << 20),
            })),
            lockdown: section(value(Lockdown::Integrity)),
            livepatch: section(value(Livepatch {
                patches: vec![patch("kpatch_2026_11", true)],
                blockers: Some(value(vec![
                    blocker(812, 812, text("kworker/u8:1")),
                    blocker(4_711, 4_713, text("evil\x1b[2J\nname")),
                ])),
            })),
            reboot_markers: section(value(RebootMarkers {
                required: text("*** System restart required ***"),
                packages: value(vec!["linux-image-amd64".to_owned(), "libc6".to_owned()]),
                needed: absent("run/reboot-needed"),
            })),
            machine_check: section(value(MachineCheck {
                check_interval_seconds: value(300),
                ignore_ce: value(false),
                dont_log_ce: value(false),
                cmci_disabled: value(true),
            })),
            previous_boot: section(value(crashes::crashed())),
            platform: section(value(platform())),
            kernel_log: section(value(kernel_log())),
            scrub: section(value(scrub())),
            smbios: section(value(sticks())),
            dimm_labels: section(value(labels())),
            packages: section(value(kernels::packages())),
            boot_images: section(value(kernels::boot_images())),
            cve_lists: section(value(scrubjay_model::CveLists::default())),
            microcode: section(value(microcode())),
            livepatch_modules: section(value(patch_modules())),
            livepatch_systems: section(value(traces())),
            processes: section(value(processes())),
        },
        history: history(),
        assessment: Assessment {
            dimms: vec![super::failing_bank()],
            ..Assessment::new(coverage, findings)
        },
        alerts: book(),
        agent: Reading::Value(agent()),
    }
    .judged()
}

/// Views in which the kernel's patches were looked at.
pub(crate) trait Judged {
    /// The same with what the snapshot says of them.
    fn judged(self) -> Self;
}

impl Judged for HostView {
    fn judged(mut self) -> Self {
        self.assessment.patches = Some(self.snapshot.patch_truth());
        self
    }
}

/// A guest whose kernel offers next to nothing.
pub(crate) fn guest() -> HostView {
    let up = 4 * 3_600 + 120;
    let gap = Finding {
        code: "no-edac-in-guest",
        verdict: Verdict::Unknown,
        subject: "host".to_owned(),
        because: "this is a virtual machine, and its kernel has no EDAC core; the memory is the \
                  hypervisor's, and so are its errors"
            .to_owned(),
        action: Action::FixVisibility,
        remedy: "run scrubjay on the hypervisor".to_owned(),
        reboot_helps: RebootHelps::No,
        origin: Some(Origin::new("sys/devices/system/edac")),
        hides: &ErrorClass::ALL,
        count: None,
    };
    let coverage = Coverage::new(CoverageState::None, CoverageState::Partial, vec![gap]);
    HostView {
        header: HostHeader { host_name: text("guest"), ..header("guest") },
        snapshot: Snapshot {
            at: stamp(up, NOW_MS),
            edac: section(absent("sys/devices/system/edac/mc")),
            memory_failure: section(value(MemoryFailure {
                hardware_corrupted_bytes: value(0),
                nodes: absent("sys/devices/system/node/node0/memory_failure"),
                recovery: value(true),
                soft_offline: absent("proc/sys/vm/enable_soft_offline"),
                page_size_bytes: value(4096),
            })),
            uptime: section(value(uptime(up))),
            kernel: section(value(Kernel {
                modules_supported: absent("proc/modules"),
                modules_directory: absent("lib/modules/6.12.0-13-amd64"),
                ..kernel()
            })),
            kernel_health: section(value(KernelHealth {
                taint: value(Taint(0)),
                oops_count: value(0),
                warn_count: value(0),
            })),
            cpu_vulnerabilities: section(absent("sys/devices/system/cpu/vulnerabilities")),
            kexec: section(value(Kexec {
                loaded: value(false),
                crash_loaded: value(false),
                crash_size_bytes: denied("sys/kernel/kexec_crash_size"),
            })),
            lockdown: section(absent("sys/kernel/security/lockdown")),
            livepatch: section(absent("sys/kernel/livepatch")),
            reboot_markers: section(value(RebootMarkers {
                required: absent("run/reboot-required"),
                packages: absent("run/reboot-required.pkgs"),
                needed: absent("run/reboot-needed"),
            })),
            machine_check: section(absent("sys/devices/system/machinecheck")),
            previous_boot: section(absent("sys/firmware/acpi/tables/BERT")),
            platform: section(value(Platform {
                hypervisor_flag: value(true),
                system_vendor: absent("sys/class/dmi/id/sys_vendor"),
                product_name: absent("sys/class/dmi/id/product_name"),
                bios_version: absent("sys/class/dmi/id/bios_version"),
                edac_core: absent("sys/devices/system/edac"),
                ..platform()
            })),
            kernel_log: section(absent("dev/kmsg")),
            scrub: section(absent("sys/bus/edac/devices")),
            smbios: section(absent("sys/firmware/dmi/tables/DMI")),
            dimm_labels: section(absent("etc/ras/dimm_labels.d")),
            packages: section(absent("var/lib/dpkg/status")),
            boot_images: section(absent("boot/vmlinuz-*")),
            cve_lists: section(absent("etc/scrubjay/lists")),
            microcode: section(absent("proc/cpuinfo flags hypervisor")),
            livepatch_modules: section(absent("sys/kernel/livepatch")),
            livepatch_systems: section(absent("var/lib/kpatch")),
            processes: section(value(Processes { stale: Vec::new(), ..processes() })),
        },
        accumulated: Accumulated::default(),
        history: Reading::Absent(Origin::new("var/lib/scrubjay/history.db")),
        assessment: Assessment::new(coverage, Vec::new()),
        alerts: scrubjay_model::AlertBook::default(),
        agent: no_agent(),
    }
    .judged()
}

/// A kernel whose sums do not add up, by row and by controller; a controller that counts by no part
/// at all; labels, sizes and counters that cannot be read.
pub(crate) fn contradictory() -> HostView {
    let channel = |csrow, channel| Place::Channel { csrow, channel };
    let mut broken = dimm(channel(0, 1), "", counts(0, 0));
    broken.errors.correctable = denied("sys/devices/system/edac/mc/mc1/csrow0/ch1_ce_count");
    broken.errors.uncorrectable = absent("sys/devices/system/edac/mc/mc1/csrow0/ch1_ue_count");
    broken.location = absent("sys/devices/system/edac/mc/mc1/csrow0/ch1_dimm_location");
    broken.size_bytes = malformed("sys/devices/system/edac/mc/mc1/csrow0/size_mb");
    let row = |index, errors| Csrow { index, errors };
    let mut by_row = controller(
        0,
        "i7core",
        Layout::Csrow,
        vec![
            dimm(channel(0, 0), "mc#0csrow#0channel#0", counts(0, 0)),
            dimm(channel(0, 1), "mc#0csrow#0channel#1", counts(0, 4)),
        ],
        counts(1, 5),
        counts(2, 1),
    );
    by_row.csrows = vec![row(0, counts(3, 4))];
    let unsteady = Controller {
        steady: false,
        seconds_since_reset: malformed("sys/devices/system/edac/mc/mc1/seconds_since_reset"),
        scrub_rate: absent("sys/devices/system/edac/mc/mc1/sdram_scrub_rate"),
        ..controller(1, "old", Layout::Csrow, vec![broken], counts(9, 0), counts(0, 0))
    };
    let whole = controller(2, "whole", Layout::Controller, vec![], counts(7, 1), counts(0, 0));
    let edac = Edac { controllers: vec![by_row, unsteady, whole] };
    let mut view = server();
    view.accumulated = accumulate(&edac, 0);
    view.snapshot.edac = section(value(edac));
    view.assessment = clear();
    view
}

/// 64 controllers of 32 DIMMs, three of which have errors.
pub(crate) fn large() -> HostView {
    let controllers = (0..64_u32)
        .map(|index| {
            let errors = |n: u32| match (index, n) {
                (7, 31) => counts(5, 0),
                (7, 0) => counts(0, 1),
                (63, 2) => counts(1, 0),
                (0..=63, _) | (64.., _) => counts(0, 0),
            };
            let dimms: Vec<Dimm> = (0..32)
                .map(|n| dimm(Place::Dimm(n), &format!("S{index}D{n}"), errors(n)))
                .collect();
            let sum =
                |class| dimms.iter().map(|d| d.errors.get(class).value().unwrap().value).sum();
            let total = counts(sum(ErrorClass::Correctable), sum(ErrorClass::Uncorrectable));
            controller(index, &format!("MC {index}"), Layout::Dimm, dimms, total, counts(0, 0))
        })
        .collect();
    let edac = Edac { controllers };
    let mut view = server();
    view.accumulated = accumulate(&edac, 0);
    view.snapshot.edac = section(value(edac));
    view
}

/// Every source answers, and none with a value.
pub(crate) fn blind() -> HostView {
    let none = counts(0, 0);
    let unread = || ErrorCounts { correctable: denied("ce"), uncorrectable: malformed("ue") };
    let mut dimm = dimm(Place::Dimm(0), "", none);
    dimm.size_bytes = malformed("size");
    dimm.errors = unread();
    let mut mc = controller(0, "", Layout::Dimm, vec![dimm], unread(), unread());
    mc.seconds_since_reset = absent("seconds_since_reset");
    mc.scrub_rate = denied("sdram_scrub_rate");
    let edac = Edac { controllers: vec![mc] };
    let mut accumulated = accumulate(&edac, 0);
    let key = accumulated.controllers.values().next().unwrap().clone();
    // The history knows the counters from before, and the sums must not reappear.
    for place in [SeriesPlace::Total, SeriesPlace::Unattributed, SeriesPlace::Dimm(Place::Dimm(0))]
    {
        for class in ErrorClass::ALL {
            let key = SeriesKey { controller: key.clone(), place, class };
            let total = SeriesTotal { total: 77, since_wall_ms: 0, restarts: 7 };
            accumulated.totals.insert(key, total);
        }
    }
    let mut patch = patch("p", true);
    patch.enabled = denied("enabled");
    patch.transition = malformed("transition");
    patch.objects = denied("objects");
    HostView {
        header: header("blind"),
        snapshot: Snapshot {
            at: stamp(1, NOW_MS),
            edac: section(value(edac)),
            memory_failure: section(value(MemoryFailure {
                hardware_corrupted_bytes: malformed("proc/meminfo"),
                nodes: denied("node"),
                recovery: malformed("proc/sys/vm/memory_failure_recovery"),
                soft_offline: denied("proc/sys/vm/enable_soft_offline"),
                page_size_bytes: absent("page_size"),
            })),
            uptime: section(value(Uptime {
                boot_id: denied("boot_id"),
                since_boot: malformed("proc/uptime"),
                boot_time_s: absent("proc/stat"),
                slept: absent("clock_gettime"),
            })),
            kernel: section(value(Kernel {
                release: denied("osrelease"),
                version: denied("version"),
                banner: denied("banner"),
                version_signature: denied("version_signature"),
                uname: denied("uname"),
                modules_supported: denied("proc/modules"),
                modules_root: denied("lib/modules"),
                modules_directory: absent("lib/modules"),
            })),
            kernel_health: section(value(KernelHealth {
                taint: malformed("tainted"),
                oops_count: absent("oops_count"),
                warn_count: denied("warn_count"),
            })),
            cpu_vulnerabilities: section(value(vec![CpuVulnerability {
                name: "meltdown".to_owned(),
                state: malformed("meltdown"),
                text: text("Perhaps"),
            }])),
            kexec: section(value(Kexec {
                loaded: denied("kexec_loaded"),
                crash_loaded: malformed("kexec_crash_loaded"),
                crash_size_bytes: absent("kexec_crash_size"),
            })),
            lockdown: section(denied("lockdown")),
            livepatch: section(value(Livepatch {
                patches: vec![patch],
                blockers: Some(denied("proc/1/patch_state")),
            })),
            reboot_markers: section(value(RebootMarkers {
                required: denied("run/reboot-required"),
                packages: denied("run/reboot-required.pkgs"),
                needed: malformed("run/reboot-needed"),
            })),
            machine_check: section(value(MachineCheck {
                check_interval_seconds: malformed("check_interval"),
                ignore_ce: denied("ignore_ce"),
                dont_log_ce: absent("dont_log_ce"),
                cmci_disabled: absent("cmci_disabled"),
            })),
            previous_boot: section(value(crashes::locked())),
            platform: section(absent("platform")),
            kernel_log: section(denied("dev/kmsg")),
            scrub: section(absent("scrub")),
            smbios: section(denied("smbios")),
            dimm_labels: section(denied("dimm_labels")),
            packages: section(denied("packages")),
            boot_images: section(denied("boot_images")),
            cve_lists: section(denied("etc/scrubjay/lists")),
            microcode: section(value(Microcode {
                platform: Some(absent("processor_flags")),
                running: denied("version"),
                available: malformed("06-8f-08"),
                images: denied("boot"),
                ..microcode()
            })),
            livepatch_modules: section(denied("livepatch_modules")),
            livepatch_systems: section(denied("livepatch_systems")),
            processes: section(value(Processes {
                read: 13,
                unread: 107,
                complete: false,
                ..processes()
            })),
        },
        accumulated,
        history: denied("history.db"),
        assessment: clear(),
        alerts: scrubjay_model::AlertBook::default(),
        agent: no_agent(),
    }
    .judged()
}
