//! The machine and the kernel of imagined hosts.

use super::*;

pub(super) fn platform() -> Platform {
    Platform {
        hypervisor_flag: value(false),
        hypervisor_type: absent("sys/hypervisor/type"),
        system_vendor: text("Imaginary Inc."),
        product_name: text("Server 9000"),
        board_vendor: absent("sys/class/dmi/id/board_vendor"),
        board_name: absent("sys/class/dmi/id/board_name"),
        bios_version: text("1.2.3"),
        bios_date: absent("sys/class/dmi/id/bios_date"),
        command_line: value(vec!["quiet".to_owned()]),
        edac_core: value(Present),
        hest: absent("sys/firmware/acpi/tables/HEST"),
        bert: absent("sys/firmware/acpi/tables/BERT"),
        fadt_oem: Some(text("DELL  PE_SC3")),
        ghes_edac: absent("sys/module/ghes_edac"),
        panic_on_uncorrected: value(false),
        debugfs: value(Present),
        cec: absent("sys/kernel/debug/ras/cec"),
        cec_configured: Some(value(false)),
        edac_drivers: Some(value(vec![EdacDriver {
            name: "skx_edac".to_owned(),
            loaded: absent("sys/module/skx_edac"),
            forbidden_by: None,
        }])),
    }
}

/// Behind, with an image that a boot would load the update from.
pub(super) fn microcode() -> Microcode {
    let update = |file: &str| MicrocodeUpdate {
        revision: 0x2b00_0650,
        date: Some("2025-05-29".to_owned()),
        file: file.to_owned(),
    };
    let image = "boot/initrd.img-6.12.0-13-amd64";
    Microcode {
        vendor: MicrocodeVendor::Intel,
        signature: CpuSignature { family: 6, model: 0x8f, stepping: 8 },
        platform: Some(value(0x80)),
        running: value(RunningMicrocode { lowest: 0x2b00_0639, highest: 0x2b00_0639, cpus: 64 }),
        available: value(Some(update("lib/firmware/intel-ucode/06-8f-08"))),
        images: value(vec![EarlyImage {
            file: image.to_owned(),
            of: ImageOf::RunningKernel,
            update: value(Some(update(image))),
        }]),
    }
}

/// kpatch with one module for the next boot, and one left over from a patch that was replaced.
pub(super) fn traces() -> LivepatchSystems {
    let module = |name: &str| PatchModule { name: name.to_owned(), taint: "OEK".to_owned() };
    LivepatchSystems {
        kpatch: Some(Kpatch {
            legacy: absent("sys/kernel/kpatch"),
            service: absent("etc/systemd/system/multi-user.target.wants/kpatch.service"),
        }),
        kgraft: Some(Kgraft {
            in_progress: value(false),
            patches: value(vec!["kgraft_patch_2".to_owned()]),
            blockers: None,
        }),
        ksplice: None,
        kernelcare: None,
        canonical: None,
        installed: vec![InstalledModules {
            name: "var/lib/kpatch/6.12.0-13-amd64".to_owned(),
            modules: value(vec!["kpatch_2026_11".to_owned()]),
        }],
        lifecycle: value(vec![LifecycleRow {
            name: "var/lib/lifecycle/data/sle-live-patching.lifecycle:7".to_owned(),
            package: "kgraft-patch-6_12_0-13-amd64".to_owned(),
            version: "*".to_owned(),
            last_day: 20_800,
        }]),
        modules: Some(value(vec![module("kpatch_2026_09"), module("kpatch_2026_11")])),
    }
}

/// Some of each kind run old code.
pub(super) fn processes() -> Processes {
    let process = |pid, holder, unit: Option<&str>, comm: &str, program| StaleProcess {
        pid,
        comm: text(comm),
        started: value(4_711),
        holder,
        unit: unit.map(str::to_owned),
        program,
        files: vec![StaleFile { path: "/usr/lib/libssl.so.3".to_owned(), replaced: true }],
        more_files: 0,
    };
    Processes {
        read: 120,
        unread: 0,
        complete: true,
        stale: vec![
            process(812, Holder::Service, Some("nginx.service"), "nginx", false),
            process(813, Holder::Service, Some("nginx.service"), "nginx", true),
            process(900, Holder::Bus, Some("dbus.service"), "dbus-daemon", false),
            process(4_711, Holder::Other, None, "evil\x1b[2J\nname", false),
            process(5_000, Holder::Container, Some("docker-5a6b.scope"), "app", false),
        ],
        left_out: 0,
    }
}

pub(super) fn uptime(since_boot_s: u64) -> Uptime {
    Uptime {
        boot_id: value(boot()),
        since_boot: value(Duration::from_secs(since_boot_s)),
        boot_time_s: value(NOW_MS / 1000 - i64::try_from(since_boot_s).unwrap()),
        slept: value(Duration::ZERO),
    }
}

pub(super) fn vulnerability(name: &str, says: &str) -> CpuVulnerability {
    CpuVulnerability {
        name: name.to_owned(),
        state: value(VulnerabilityState::classify(says).unwrap()),
        text: text(says),
    }
}

fn function(name: &str) -> String {
    format!("{name},1")
}

pub(super) fn patch(name: &str, transition: bool) -> Patch {
    let object = |name: &str, patched, functions: &[&str]| PatchObject {
        name: name.to_owned(),
        patched: value(patched),
        loaded: (!patched).then(|| absent(&format!("sys/module/{name}"))),
        functions: value(functions.iter().copied().map(function).collect()),
    };
    Patch {
        name: name.to_owned(),
        enabled: value(true),
        transition: value(transition),
        replace: value(true),
        stack_order: value(1),
        objects: value(vec![
            object("vmlinux", true, &["tcp_rcv_established", "do_sys_open"]),
            object("nfsd", false, &["nfsd4_read"]),
        ]),
        module_taint: text("OEK"),
    }
}

pub(super) fn blocker(pid: u32, tid: u32, comm: Reading<String>) -> Blocker {
    Blocker { pid, tid, comm, patch_state: 0 }
}

pub(super) fn kernel() -> Kernel {
    Kernel {
        release: text("6.12.0-13-amd64"),
        version: text("#1 SMP PREEMPT_DYNAMIC Debian 6.12.0-13 (2026-09-01)"),
        banner: text("Linux version 6.12.0-13-amd64 (a@b) #1 SMP Debian 6.12.0-13"),
        version_signature: absent("proc/version_signature"),
        uname: value(Uname {
            release: "6.12.0-13-amd64".to_owned(),
            version: "#1 SMP PREEMPT_DYNAMIC Debian 6.12.0-13 (2026-09-01)".to_owned(),
            machine: "x86_64".to_owned(),
        }),
        modules_supported: value(Present),
        modules_root: value(Present),
        modules_directory: value(Present),
    }
}
