//! Every way of hiding memory errors: recognised, and not imagined.

use crate::testing::{
    absent, all, assessed, but, codes, controller, counts, denied, dimm, first, healthy, lose,
    malformed, of, only, set, text, virtual_machine,
};
use scrubjay_model::{
    Accumulated, Action, CoverageState, Csrow, Finding, Layout, Origin, Place, Present, ReadFault,
    Reading, RebootHelps, Snapshot, Verdict,
};

mod classes;

fn state(snapshot: &Snapshot) -> CoverageState {
    super::visibility(snapshot, &Accumulated::default(), None).state
}

/// The only gap, which is unknown and says what to do about visibility.
fn gap(snapshot: &Snapshot, code: &str) -> Finding {
    let found = only(snapshot);
    assert_eq!(found.code, code, "{found:#?}");
    assert_eq!((found.verdict, found.action), (Verdict::Unknown, Action::FixVisibility));
    found
}

fn no_edac(change: impl FnOnce(&mut Snapshot)) -> Snapshot {
    but(|s| {
        set(&mut s.edac, absent("sys/devices/system/edac/mc"));
        of(&mut s.platform).hest = absent("sys/firmware/acpi/tables/HEST");
        change(s);
    })
}

fn ghes() -> Snapshot {
    but(|s| {
        of(&mut s.edac).controllers[0].name = text("ghes_edac");
        of(&mut s.platform).ghes_edac = Reading::Value(Present);
    })
}

#[test]
fn a_plain_virtual_machine_is_unknown_and_nothing_else() {
    let snapshot = virtual_machine();
    let found = gap(&snapshot, "guest");
    assert_eq!(
        found.because,
        "this is a virtual machine (CPU flag hypervisor): corrected errors of its memory are \
         never shown to it"
    );
    assert!(found.remedy.contains("host of this virtual machine"), "{}", found.remedy);
    assert_eq!(assessed(&snapshot).verdict, Verdict::Unknown);
    assert_eq!(state(&snapshot), CoverageState::None);
}

#[test]
fn a_guest_is_told_of_its_host_and_not_of_drivers_or_firmware() {
    let mut snapshot = virtual_machine();
    of(&mut snapshot.platform).hest = Reading::Value(Present);
    of(&mut snapshot.platform).edac_core = Reading::Value(Present);
    assert_eq!(codes(&snapshot), ["guest"]);
}

#[test]
fn a_guest_seen_without_privilege_is_still_a_guest_and_no_more() {
    let mut snapshot = virtual_machine();
    lose(&mut snapshot.platform, |p| &mut p.cec, denied("sys/kernel/debug/ras/cec"));
    assert_eq!(codes(&snapshot), ["guest"]);
}

#[test]
fn a_guest_with_controllers_counts_what_its_hypervisor_passes_on() {
    let snapshot = but(|s| of(&mut s.platform).hypervisor_flag = Reading::Value(true));
    let found = gap(&snapshot, "guest");
    assert!(found.because.contains("its hypervisor's making"), "{}", found.because);
    assert_eq!(state(&snapshot), CoverageState::Partial);
}

#[test]
fn edac_switched_off_by_configuration_is_unknown() {
    let snapshot = but(|s| s.edac = None);
    let found = gap(&snapshot, "edac-switched-off");
    assert!(found.remedy.contains("collector.disabled"), "{}", found.remedy);
    assert_eq!(state(&snapshot), CoverageState::Unknown);
}

#[test]
fn edac_that_cannot_be_read_is_unknown_and_told_once() {
    for reading in [denied("sys/devices/system/edac/mc"), malformed("sys/devices/system/edac/mc")] {
        let snapshot = but(|s| set(&mut s.edac, reading));
        let found = gap(&snapshot, "edac-unreadable");
        assert!(found.because.contains("sys/devices/system/edac/mc: "), "{}", found.because);
        assert_eq!(found.origin.unwrap().as_str(), "sys/devices/system/edac/mc");
        assert_eq!(state(&snapshot), CoverageState::Unknown);
    }
}

#[test]
fn a_driver_that_does_not_answer_is_not_a_matter_of_privilege() {
    let hung = Reading::Unreadable(Origin::new("source edac"), ReadFault::Deadline);
    let found = gap(&but(|s| set(&mut s.edac, hung)), "edac-unreadable");
    assert!(found.remedy.contains("does not answer"), "{}", found.remedy);
}

#[test]
fn a_kernel_without_an_edac_core_counts_nothing() {
    let snapshot = no_edac(|s| of(&mut s.platform).edac_core = absent("sys/devices/system/edac"));
    gap(&snapshot, "no-edac-core");
    assert_eq!(state(&snapshot), CoverageState::None);
}

#[test]
fn a_core_without_a_driver_counts_nothing() {
    let snapshot = no_edac(|_| ());
    let found = gap(&snapshot, "no-edac-controller");
    assert!(found.because.ends_with("firmware handles errors first"), "{}", found.because);
    assert_eq!(state(&snapshot), CoverageState::None);
}

#[test]
fn an_empty_list_of_controllers_is_not_a_healthy_one() {
    gap(
        &but(|s| {
            of(&mut s.edac).controllers.clear();
            of(&mut s.platform).hest = absent("sys/firmware/acpi/tables/HEST");
        }),
        "no-edac-controller",
    );
}

#[test]
fn a_driver_kept_out_by_the_command_line_is_named() {
    let word = "module_blacklist=nouveau,skx_edac";
    let snapshot = no_edac(|s| {
        of(&mut s.platform).command_line = Reading::Value(vec![word.to_owned()]);
    });
    let found = gap(&snapshot, "no-edac-controller");
    assert!(found.because.ends_with(&format!("command line has {word}")), "{}", found.because);
}

#[test]
fn without_the_platform_the_reason_is_not_guessed() {
    let switched_off = no_edac(|s| s.platform = None);
    let found = gap(&switched_off, "no-edac-controller");
    assert!(found.because.contains("why cannot be told"), "{}", found.because);
    assert_eq!(state(&switched_off), CoverageState::None);

    let mut unclear = no_edac(|_| ());
    lose(&mut unclear.platform, |p| &mut p.edac_core, denied("sys/devices/system/edac"));
    assert_eq!(codes(&unclear), ["no-edac-controller", "visibility-unclear"]);
    assert!(first(&unclear, "no-edac-controller").because.contains("why cannot be told"));
}

#[test]
fn firmware_may_keep_errors_where_no_driver_counts_them() {
    let snapshot = no_edac(|s| of(&mut s.platform).hest = Reading::Value(Present));
    assert_eq!(codes(&snapshot), ["no-edac-controller", "firmware-first"]);
    assert_eq!(state(&snapshot), CoverageState::None);
}

#[test]
fn firmware_tables_alone_say_nothing_where_a_driver_counts() {
    assert!(codes(&but(|s| of(&mut s.platform).hest = Reading::Value(Present))).is_empty());
}

#[test]
fn counters_fed_by_firmware_may_miss_errors() {
    let snapshot = ghes();
    let found = gap(&snapshot, "firmware-first");
    assert!(found.because.contains("ghes_edac"), "{}", found.because);
    assert_eq!(state(&snapshot), CoverageState::Partial);
}

#[test]
fn a_driver_without_a_name_may_be_the_firmwares() {
    for reading in [absent("mc_name"), denied("mc_name")] {
        let mut snapshot = healthy();
        lose(&mut snapshot.edac, |edac| &mut edac.controllers[0].name, reading);
        let found = gap(&snapshot, "firmware-first");
        assert_eq!(found.subject, "mc0");
        assert_eq!(state(&snapshot), CoverageState::Unknown);
    }
}

#[test]
fn the_kernels_collector_takes_corrected_errors_for_itself() {
    let snapshot = but(|s| of(&mut s.platform).cec = Reading::Value(Present));
    let found = gap(&snapshot, "corrected-errors-collector");
    assert_eq!(state(&snapshot), CoverageState::Partial);
    for words in ["on Intel all of them", "on AMD depending on the kernel", "2nd error on Intel"] {
        assert!(found.because.contains(words), "{}", found.because);
    }
    assert!(found.remedy.contains("ras=cec_disable"), "{}", found.remedy);
}

#[test]
fn the_kernels_collector_takes_nothing_from_the_firmwares_counters() {
    let mut snapshot = ghes();
    of(&mut snapshot.platform).cec = Reading::Value(Present);
    gap(&snapshot, "firmware-first");
}

#[test]
fn a_collector_that_cannot_be_looked_for_leaves_the_question_open() {
    let mut snapshot = healthy();
    lose(&mut snapshot.platform, |p| &mut p.cec, denied("sys/kernel/debug/ras/cec"));
    let found = gap(&snapshot, "visibility-unclear");
    assert_eq!(found.subject, "platform");
    assert_eq!(
        found.because,
        "whether a hypervisor, the firmware or the corrected-errors collector hides errors cannot \
         be told (sys/kernel/debug/ras/cec: permission denied)"
    );
    assert!(found.remedy.contains("privilege"), "{}", found.remedy);
    assert_eq!(state(&snapshot), CoverageState::Unknown);
}

#[test]
fn a_platform_not_asked_leaves_the_question_open() {
    let snapshot = but(|s| s.platform = None);
    let found = gap(&snapshot, "visibility-unclear");
    assert_eq!(found.remedy, "remove platform from collector.disabled");
    assert_eq!(state(&snapshot), CoverageState::Unknown);
}

#[test]
fn switches_not_asked_leave_the_question_open_on_x86_alone() {
    let found = gap(&but(|s| s.machine_check = None), "visibility-unclear");
    assert_eq!(found.subject, "machine_check");
    let arm = but(|s| {
        s.machine_check = None;
        of(&mut s.platform).hypervisor_flag = absent("proc/cpuinfo flags");
    });
    assert!(codes(&arm).is_empty());
}

#[test]
fn a_switch_that_cannot_be_read_is_not_taken_for_off() {
    let mut snapshot = healthy();
    let path = "sys/devices/system/machinecheck/machinecheck0/ignore_ce";
    lose(&mut snapshot.machine_check, |check| &mut check.ignore_ce, malformed(path));
    let found = gap(&snapshot, "visibility-unclear");
    assert!(found.because.contains(path), "{}", found.because);
    assert!(found.remedy.contains("capture"), "{}", found.remedy);
}

#[test]
fn one_counter_that_cannot_be_read_is_a_gap_told_in_the_singular() {
    let mut snapshot = healthy();
    let path = "sys/devices/system/edac/mc/mc0/ce_count";
    lose(&mut snapshot.edac, |e| &mut e.controllers[0].errors.correctable, denied(path));
    let found = gap(&snapshot, "counters-unreadable");
    assert_eq!(found.subject, "mc0");
    assert_eq!(
        found.because,
        format!("1 of its counters could not be read: {path}: permission denied")
    );
    assert_eq!(state(&snapshot), CoverageState::Partial);
}

#[test]
fn several_counters_that_cannot_be_read_are_counted() {
    let mut snapshot = healthy();
    for n in 0..2 {
        let path = format!("sys/devices/system/edac/mc/mc0/dimm{n}/dimm_ce_count");
        let torn = Reading::Unreadable(Origin::new(path), ReadFault::Torn);
        lose(&mut snapshot.edac, |e| &mut e.controllers[0].dimms_mut()[n].errors.correctable, torn);
    }
    let found = gap(&snapshot, "counters-unreadable");
    assert!(found.because.starts_with("2 of its counters could not be read, first sys/"));
    assert!(found.remedy.contains("reset_counters"), "{}", found.remedy);
}

#[test]
fn a_controller_without_totals_is_a_gap() {
    let mut snapshot = healthy();
    lose(&mut snapshot.edac, |e| &mut e.controllers[0].errors.uncorrectable, absent("ue_count"));
    gap(&snapshot, "counters-unreadable");
}

#[test]
fn parts_that_exceed_their_total_contradict_it() {
    let snapshot = but(|s| {
        let mut controller = controller(
            0,
            Layout::Csrow,
            vec![dimm(Place::Channel { csrow: 0, channel: 0 }, "", counts(4, 0))],
        );
        controller.errors = counts(1, 0);
        controller.unattributed = counts(2, 0);
        controller.csrows = vec![Csrow { index: 0, errors: counts(3, 0) }];
        of(&mut s.edac).controllers = vec![controller];
    });
    let found = first(&snapshot, "counters-contradict");
    assert_eq!(
        found.because,
        "the kernel contradicts itself: mc0 ce_count is 1, but its parts come to 4 and noinfo to \
         2; mc0/csrow0 ce_count is 3, but its channels come to 4"
    );
    assert_eq!(found.subject, "mc0");
    assert_eq!(state(&snapshot), CoverageState::Partial);
}

#[test]
fn a_contradiction_in_both_classes_is_one_finding() {
    let snapshot = but(|s| of(&mut s.edac).controllers[0].unattributed = counts(2, 3));
    let found: Vec<_> =
        codes(&snapshot).into_iter().filter(|code| *code == "counters-contradict").collect();
    assert_eq!(found.len(), 1);
}

#[test]
fn a_total_that_wrapped_is_no_contradiction() {
    let snapshot = but(|s| {
        let dimms =
            (0..2).map(|n| dimm(Place::Dimm(n), "", counts(u64::from(u32::MAX), 0))).collect();
        let mut controller = controller(0, Layout::Dimm, dimms);
        controller.errors = counts(2 * u64::from(u32::MAX) % (1 << 32), 0);
        of(&mut s.edac).controllers = vec![controller];
    });
    assert!(!codes(&snapshot).contains(&"counters-contradict"));
}

#[test]
fn counters_read_while_errors_arrive_contradict_nothing() {
    let snapshot = but(|s| {
        let controller = &mut of(&mut s.edac).controllers[0];
        controller.dimms_mut()[0].errors = counts(5, 0);
        controller.steady = false;
    });
    assert!(!codes(&snapshot).contains(&"counters-contradict"));
}

#[test]
fn a_driver_that_knows_no_modules_is_a_gap() {
    let snapshot = but(|s| {
        let controller = &mut of(&mut s.edac).controllers[0];
        (controller.layout, controller.dimms) = (Layout::Controller, [].into());
    });
    gap(&snapshot, "not-attributed");
    assert_eq!(state(&snapshot), CoverageState::Partial);
}

#[test]
fn a_module_without_a_counter_is_a_gap() {
    let snapshot = but(|s| {
        let errors = &mut of(&mut s.edac).controllers[0].dimms_mut()[1].errors;
        errors.correctable = absent("dimm_ce_count");
    });
    let found = gap(&snapshot, "not-attributed");
    assert_eq!(found.because, "no counter shows the corrected errors of 1 place");
}

#[test]
fn a_class_counted_by_rows_is_attributed() {
    let rows = |counted: bool| {
        but(|s| {
            let channel = Place::Channel { csrow: 0, channel: 0 };
            let mut in_channel = dimm(channel, "", counts(0, 0));
            in_channel.errors.uncorrectable = absent("csrow0/ch0_ue_count");
            let mut row = dimm(Place::Csrow(0), "", counts(0, 0));
            row.errors.correctable = absent("csrow0/ce_count");
            let places = if counted { vec![in_channel, row] } else { vec![in_channel] };
            of(&mut s.edac).controllers = vec![controller(0, Layout::Csrow, places)];
        })
    };
    assert!(codes(&rows(true)).is_empty());
    let found = gap(&rows(false), "not-attributed");
    assert_eq!(found.because, "no counter shows the uncorrected errors of 1 place");
}

#[test]
fn ecc_that_is_off_everywhere_hides_everything() {
    let snapshot = but(|s| {
        for dimm in of(&mut s.edac).controllers[0].dimms_mut() {
            dimm.edac_mode = text("None");
        }
    });
    let found = gap(&snapshot, "ecc-off");
    assert_eq!(found.because, "no error-correcting code is in use on any module, says the driver");
    assert_eq!(state(&snapshot), CoverageState::None);
}

#[test]
fn ecc_that_is_off_on_one_module_hides_its_errors() {
    let snapshot = but(|s| of(&mut s.edac).controllers[0].dimms_mut()[1].edac_mode = text("None"));
    let found = gap(&snapshot, "ecc-off");
    assert!(found.because.contains("in use on mc0/dimm1,"), "{}", found.because);
    assert_eq!(state(&snapshot), CoverageState::Partial);
}

#[test]
fn ecc_that_only_firmware_tables_deny_is_doubted() {
    let mut snapshot = ghes();
    for dimm in of(&mut snapshot.edac).controllers[0].dimms_mut() {
        dimm.edac_mode = text("None");
    }
    assert_eq!(codes(&snapshot), ["ecc-off", "firmware-first"]);
    assert!(first(&snapshot, "ecc-off").because.contains("often wrong"));
    assert_eq!(state(&snapshot), CoverageState::Unknown);
}

#[test]
fn machine_checks_switched_off_at_boot_are_not_mended_by_a_reboot_alone() {
    for word in ["mce=off", "nomce"] {
        let snapshot = but(|s| {
            of(&mut s.platform).command_line = Reading::Value(vec![word.to_owned()]);
        });
        let found = gap(&snapshot, "machine-check-off");
        assert!(found.because.contains(word), "{}", found.because);
        assert_eq!(found.reboot_helps, RebootHelps::No);
        assert_eq!(found.origin.unwrap().as_str(), "proc/cmdline");
        assert_eq!(state(&snapshot), CoverageState::Unknown);
    }
}

#[test]
fn an_x86_server_without_machine_checks_is_not_fully_visible() {
    let missing = absent("sys/devices/system/machinecheck/machinecheck0");
    gap(&but(|s| set(&mut s.machine_check, missing.clone())), "machine-check-off");
    let arm = but(|s| {
        set(&mut s.machine_check, missing);
        of(&mut s.platform).hypervisor_flag = absent("proc/cpuinfo flags");
    });
    assert!(codes(&arm).is_empty());
}

#[test]
fn switches_that_hide_corrected_errors_are_gaps_of_their_own() {
    type Switch = fn(&mut scrubjay_model::MachineCheck) -> &mut Reading<bool>;
    let switches: [(Switch, &str, &str); 3] = [
        (|check| &mut check.ignore_ce, "ignore_ce", "corrected-errors-ignored"),
        (|check| &mut check.dont_log_ce, "dont_log_ce", "corrected-errors-not-logged"),
        (|check| &mut check.cmci_disabled, "cmci_disabled", "corrected-errors-polled"),
    ];
    for (switch, name, code) in switches {
        let snapshot = but(|s| *switch(of(&mut s.machine_check)) = Reading::Value(true));
        let found = gap(&snapshot, code);
        let path = format!("sys/devices/system/machinecheck/machinecheck0/{name}");
        assert_eq!(found.origin.unwrap().as_str(), path);
        assert!(found.remedy.contains(&format!("write 0 to /{path}")), "{}", found.remedy);
        assert_eq!(state(&snapshot), CoverageState::Partial);

        let mut firmware = ghes();
        *switch(of(&mut firmware.machine_check)) = Reading::Value(true);
        assert_eq!(codes(&firmware), ["firmware-first"]);
    }
}

#[test]
fn the_polling_interval_is_told_with_its_unit() {
    let polled = |interval| {
        let snapshot = but(|s| {
            let check = of(&mut s.machine_check);
            check.cmci_disabled = Reading::Value(true);
            check.check_interval_seconds = interval;
        });
        first(&snapshot, "corrected-errors-polled").because
    };
    assert!(polled(Reading::Value(300)).contains("only every 5 min;"));
    assert!(polled(Reading::Value(0)).contains("never, as polling is off too"));
    assert!(polled(absent("check_interval")).contains("interval that could not be read"));
}

#[test]
fn banks_without_interrupts_are_not_polled_when_the_interval_is_zero() {
    let snapshot = but(|s| of(&mut s.machine_check).check_interval_seconds = Reading::Value(0));
    gap(&snapshot, "corrected-errors-not-polled");
    assert_eq!(state(&snapshot), CoverageState::Partial);
}

#[test]
fn knowing_that_nothing_is_seen_outranks_not_knowing_and_that_outranks_a_gap() {
    let mut snapshot = but(|s| of(&mut s.machine_check).ignore_ce = Reading::Value(true));
    assert_eq!(state(&snapshot), CoverageState::Partial);
    lose(&mut snapshot.platform, |p| &mut p.cec, denied("sys/kernel/debug/ras/cec"));
    assert_eq!(state(&snapshot), CoverageState::Unknown);
    set(&mut snapshot.edac, absent("sys/devices/system/edac/mc"));
    assert_eq!(state(&snapshot), CoverageState::None);
    assert_eq!(assessed(&snapshot).verdict, Verdict::Unknown);
    assert!(all(&assessed(&snapshot)).len() >= 3);
}

#[test]
fn weak_cpus_and_a_missing_crash_kernel_raise_nothing() {
    let snapshot = but(|s| {
        of(&mut s.kexec).crash_loaded = Reading::Value(false);
        set(&mut s.lockdown, absent("sys/kernel/security/lockdown"));
        set(&mut s.livepatch, absent("sys/kernel/livepatch"));
        *of(&mut s.cpu_vulnerabilities) = of(&mut virtual_machine().cpu_vulnerabilities).clone();
    });
    assert!(codes(&snapshot).is_empty());
}
