//! The model of the kernel held against what real kernels (6.1, 6.12) were seen to do with a test
//! driver, and its account of what an agent can know.

use crate::edac_model::{
    Account, Claim, ControllerSpec, Error, ErrorKind, Kernel, UNKNOWN, View, ZEROINGS_TOLD_APART,
};
use crate::reference_agent::files;
use scrubjay_model::{ErrorClass, Place, SeriesPlace};
use std::time::Duration;

use ErrorClass::{Correctable, Uncorrectable};

const MINUTE: Duration = Duration::from_secs(60);

/// One controller of two channels with two slots each.
fn one() -> Kernel {
    Kernel::boot(vec![ControllerSpec::skx(0, 0, 2, 2)], View::DimmsAndCsrows)
}

fn error(kind: ErrorKind, at: [i32; 3], count: u16) -> Error {
    Error { kind, at, count }
}

/// Checks files below `mc0` of the rendered tree.
fn check(kernel: &Kernel, expect: &[(&str, &str)]) {
    let tree = kernel.tree();
    let files = files(&tree);
    for (path, content) in expect {
        let path = format!("sys/devices/system/edac/mc/mc0/{path}");
        assert_eq!(files.get(path.as_str()).map(String::as_str), Some(*content), "{path}");
    }
}

/// The account of a counter of controller 0.
fn account(kernel: &Kernel, place: SeriesPlace, class: ErrorClass) -> Account {
    let is_it = |a: &Account| a.controller == 0 && a.place == place && a.class == class;
    kernel.accounts().into_iter().find(is_it).unwrap()
}

fn dimm0(kernel: &Kernel) -> Account {
    account(kernel, SeriesPlace::Dimm(Place::Dimm(0)), Correctable)
}

#[test]
fn counters_wrap_at_32_bits_in_every_view_alike() {
    let mut kernel = one();
    let at = kernel.location(0, 0);
    kernel.report_times(0, error(ErrorKind::Corrected, at, 65_535), 65_540);
    check(
        &kernel,
        &[
            ("ce_count", "196604\n"),
            ("dimm0/dimm_ce_count", "196604\n"),
            ("csrow0/ce_count", "196604\n"),
            ("csrow0/ch0_ce_count", "196604\n"),
            ("csrow0/ch1_ce_count", "0\n"),
        ],
    );
}

#[test]
fn an_error_of_unknown_or_half_known_place_is_in_the_total_and_in_no_dimm() {
    let mut kernel = one();
    kernel.corrected(0, 1, 1);
    kernel.corrected(0, 1, 3);
    kernel.report(0, error(ErrorKind::Corrected, UNKNOWN, 1));
    kernel.report(0, error(ErrorKind::Corrected, [1, -1, -1], 2));
    check(
        &kernel,
        &[
            ("ce_count", "7\n"),
            ("ce_noinfo_count", "3\n"),
            ("dimm0/dimm_ce_count", "0\n"),
            ("dimm1/dimm_ce_count", "4\n"),
            ("dimm2/dimm_ce_count", "0\n"),
            ("dimm3/dimm_ce_count", "0\n"),
            ("csrow0/ce_count", "0\n"),
            ("csrow1/ce_count", "4\n"),
            ("csrow1/ch0_ce_count", "4\n"),
        ],
    );
}

#[test]
fn before_5_7_a_half_known_place_was_in_the_total_only() {
    let mut kernel =
        Kernel::boot(vec![ControllerSpec::skx(0, 0, 2, 2)], View::DimmsAndCsrowsBefore57);
    kernel.corrected(0, 1, 4);
    kernel.report(0, error(ErrorKind::Corrected, UNKNOWN, 1));
    kernel.report(0, error(ErrorKind::Corrected, [1, -1, -1], 2));
    check(
        &kernel,
        &[("ce_count", "7\n"), ("ce_noinfo_count", "1\n"), ("dimm1/dimm_ce_count", "4\n")],
    );
}

#[test]
fn all_that_is_not_corrected_is_counted_as_uncorrected() {
    let mut kernel = one();
    let at = kernel.location(0, 2);
    for kind in [ErrorKind::Uncorrected, ErrorKind::Deferred, ErrorKind::Fatal, ErrorKind::Info] {
        kernel.report(0, error(kind, at, 1));
    }
    check(
        &kernel,
        &[
            ("ue_count", "4\n"),
            ("dimm2/dimm_ue_count", "4\n"),
            ("csrow0/ue_count", "4\n"),
            ("ce_count", "0\n"),
        ],
    );
    assert!(!kernel.tree().contains("ch0_ue_count"));
}

#[test]
fn a_layer_out_of_range_is_no_place_or_another_place() {
    let mut kernel = one();
    kernel.report(0, error(ErrorKind::Corrected, [9, 0, -1], 1));
    check(&kernel, &[("ce_count", "1\n"), ("ce_noinfo_count", "1\n"), ("csrow0/ce_count", "0\n")]);
    // Channel 0, slot 2 of 2 has the index of channel 1, slot 0.
    kernel.report(0, error(ErrorKind::Corrected, [0, 2, -1], 1));
    check(&kernel, &[("dimm2/dimm_ce_count", "1\n"), ("ce_noinfo_count", "1\n")]);
}

#[test]
fn the_legacy_view_also_counts_an_unknown_place_that_can_only_be_one_row() {
    let spec = ControllerSpec::skx(0, 0, 2, 1).without_dimm(1);
    let mut kernel = Kernel::boot(vec![spec], View::DimmsAndCsrows);
    kernel.report(0, error(ErrorKind::Corrected, UNKNOWN, 5));
    check(
        &kernel,
        &[
            ("ce_noinfo_count", "5\n"),
            ("dimm0/dimm_ce_count", "0\n"),
            ("csrow0/ce_count", "5\n"),
            ("csrow0/ch0_ce_count", "5\n"),
        ],
    );
}

#[test]
fn firmware_first_never_moves_the_legacy_counters() {
    let mut kernel = Kernel::boot(vec![ControllerSpec::ghes(4)], View::DimmsAndCsrows);
    kernel.corrected(0, 3, 2);
    kernel.report(0, error(ErrorKind::Fatal, UNKNOWN, 1));
    check(
        &kernel,
        &[
            ("mc_name", "ghes_edac\n"),
            ("max_location", "memory 3 \n"),
            ("ce_count", "2\n"),
            ("ue_noinfo_count", "1\n"),
            ("dimm3/dimm_ce_count", "2\n"),
            ("dimm3/dimm_location", "memory 3 \n"),
            ("csrow3/ce_count", "0\n"),
            ("csrow3/ch0_ce_count", "0\n"),
            ("csrow0/ue_count", "0\n"),
        ],
    );
}

#[test]
fn chip_select_rows_make_ranks_and_are_mapped_row_by_row() {
    let mut kernel = Kernel::boot(vec![ControllerSpec::amd("F19h", 2, 2)], View::DimmsAndCsrows);
    kernel.corrected(0, 2, 6);
    check(
        &kernel,
        &[
            ("rank2/dimm_ce_count", "6\n"),
            ("rank2/dimm_location", "csrow 1 channel 0 \n"),
            ("rank2/dimm_label", "mc#0csrow#1channel#0\n"),
            ("csrow1/ce_count", "6\n"),
            ("csrow1/ch0_ce_count", "6\n"),
            ("max_location", "csrow 1 channel 1 \n"),
        ],
    );
}

#[test]
fn kernels_before_3_6_attribute_uncorrected_errors_to_a_row_only() {
    let mut kernel = Kernel::boot(vec![ControllerSpec::amd("K8", 2, 2)], View::Csrows);
    kernel.corrected(0, 3, 2);
    kernel.uncorrected(0, 3, 1);
    kernel.report(0, error(ErrorKind::Corrected, [1, -1, -1], 1));
    check(
        &kernel,
        &[
            ("ce_count", "3\n"),
            ("ce_noinfo_count", "1\n"),
            ("ue_count", "1\n"),
            ("csrow1/ce_count", "2\n"),
            ("csrow1/ue_count", "1\n"),
            ("csrow1/ch0_ce_count", "0\n"),
            ("csrow1/ch1_ce_count", "2\n"),
        ],
    );
}

#[test]
fn an_empty_slot_is_not_shown() {
    let spec = ControllerSpec::skx(0, 0, 2, 2).without_dimm(1).without_dimm(3);
    let tree = Kernel::boot(vec![spec], View::DimmsAndCsrows).tree();
    assert!(tree.contains("mc0/dimm2/size") && !tree.contains("mc0/dimm1/"));
    assert!(tree.contains("mc0/csrow0/") && !tree.contains("mc0/csrow1/"));
}

#[test]
fn a_reset_zeroes_everything_and_the_age() {
    let mut kernel = one();
    kernel.corrected(0, 0, 5);
    kernel.uncorrected(0, 3, 1);
    kernel.report(0, error(ErrorKind::Corrected, UNKNOWN, 1));
    kernel.wait(MINUTE);
    check(&kernel, &[("seconds_since_reset", "60\n"), ("ce_count", "6\n")]);
    kernel.reset_counters(0);
    for path in [
        "ce_count",
        "ue_count",
        "ce_noinfo_count",
        "seconds_since_reset",
        "dimm0/dimm_ce_count",
        "dimm3/dimm_ue_count",
        "csrow0/ce_count",
        "csrow0/ch0_ce_count",
        "csrow1/ue_count",
    ] {
        check(&kernel, &[(path, "0\n")]);
    }
}

#[test]
fn without_a_driver_the_core_is_there_and_no_controller() {
    let mut kernel = one();
    kernel.corrected(0, 0, 5);
    kernel.write_label(0, 0, "A1");
    kernel.unload_driver();
    kernel.corrected(0, 0, 5);
    let tree = kernel.tree();
    assert!(tree.contains("sys/devices/system/edac/mc/power") && !tree.contains("mc0"));
    kernel.load_driver();
    check(
        &kernel,
        &[
            ("ce_count", "0\n"),
            ("seconds_since_reset", "0\n"),
            ("dimm0/dimm_label", "CPU_SrcID#0_MC#0_Chan#0_DIMM#0\n"),
        ],
    );
}

#[test]
fn labels_are_taken_up_to_31_bytes_and_an_empty_one_is_an_empty_file() {
    let mut kernel = one();
    let longest = "A".repeat(31);
    assert!(kernel.write_label(0, 0, &longest));
    assert!(!kernel.write_label(0, 0, "") && !kernel.write_label(0, 0, &"B".repeat(32)));
    kernel.blank_label(0, 1);
    check(
        &kernel,
        &[
            ("dimm0/dimm_label", &format!("{longest}\n")),
            ("csrow0/ch0_dimm_label", &format!("{longest}\n")),
            ("dimm1/dimm_label", ""),
        ],
    );
}

#[test]
fn a_machine_may_be_large_and_its_labels_are_cut() {
    let machine = (0..64).map(|socket| ControllerSpec::skx(socket, 0, 16, 2)).collect();
    let tree = Kernel::boot(machine, View::Dimms).tree();
    let files = files(&tree);
    assert_eq!(files.keys().filter(|path| path.ends_with("/dimm_ce_count")).count(), 64 * 32);
    let last = "sys/devices/system/edac/mc/mc63/dimm31/dimm_label";
    assert_eq!(files[last], "CPU_SrcID#63_MC#0_Chan#15_DIMM#\n");
}

#[test]
fn sleep_ages_the_boot_but_not_the_counters() {
    let mut kernel = one();
    let (boottime, btime) = (kernel.clock().boottime(), kernel.clock().btime());
    kernel.suspend(MINUTE);
    check(&kernel, &[("seconds_since_reset", "0\n")]);
    assert_eq!(kernel.clock().boottime(), boottime + MINUTE);
    assert_eq!(kernel.clock().boottime() - kernel.clock().monotonic(), MINUTE);
    assert_eq!(kernel.clock().btime(), btime);
}

#[test]
fn a_step_of_the_wall_clock_moves_the_boot_time_and_nothing_else() {
    let mut kernel = one();
    let before = *kernel.clock();
    kernel.step_wall_clock(-3_600_000);
    assert_eq!(kernel.clock().btime(), before.btime() - 3_600);
    assert_eq!(kernel.clock().boottime(), before.boottime());
}

#[test]
fn a_reboot_changes_the_boot_id_and_may_renumber() {
    let machine = vec![ControllerSpec::skx(0, 0, 1, 1), ControllerSpec::skx(0, 1, 1, 1)];
    let mut kernel = Kernel::boot(machine, View::Dimms);
    let boot_id = |kernel: &Kernel| files(&kernel.tree())["proc/sys/kernel/random/boot_id"].clone();
    let first = boot_id(&kernel);
    assert!(scrubjay_model::BootId::parse(first.trim_end()).is_some(), "{first}");
    kernel.wait(MINUTE);
    assert_eq!(boot_id(&kernel), first);
    kernel.reboot_in_order(MINUTE, &[1, 0]);
    assert_ne!(boot_id(&kernel), first);
    check(&kernel, &[("mc_name", "Skylake Socket#0 IMC#1\n")]);
    assert_eq!((kernel.index_of(0), kernel.index_of(1)), (Some(1), Some(0)));
}

#[test]
fn errors_before_the_first_sample_belong_to_the_history_only_while_their_counter_lives() {
    let mut kernel = one();
    kernel.corrected(0, 0, 5);
    kernel.reset_counters(0);
    kernel.corrected(0, 0, 2);
    kernel.sampled();
    let account = dimm0(&kernel);
    assert_eq!((account.truth, account.claim), (2, Claim::Exactly(2)));
}

#[test]
fn what_follows_the_last_sample_of_a_life_is_lost_and_the_restart_shows_it() {
    let mut kernel = one();
    kernel.corrected(0, 0, 5);
    kernel.sampled();
    kernel.corrected(0, 0, 3);
    kernel.wait(MINUTE);
    kernel.reset_counters(0);
    kernel.corrected(0, 0, 100);
    // As of the last sample, nothing has been lost.
    assert_eq!(dimm0(&kernel).lost(), Some(0));
    kernel.sampled();
    let account = dimm0(&kernel);
    assert_eq!((account.truth, account.claim, account.lost()), (108, Claim::Exactly(105), Some(3)));
    assert_eq!((account.restarts.clone(), account.silent_loss), (1..=1, false));
    assert!(account.check(105, 1).is_ok());
    assert!(account.check(105, 0).is_err() && account.check(108, 1).is_err());
}

#[test]
fn several_lives_between_two_samples_are_one_restart() {
    let mut kernel = one();
    kernel.sampled();
    for _ in 0..3 {
        kernel.corrected(0, 0, 10);
        kernel.reboot(MINUTE);
    }
    kernel.sampled();
    let account = dimm0(&kernel);
    assert_eq!((account.lost(), account.restarts), (Some(30), 1..=1));
}

#[test]
fn a_reset_soon_after_the_last_one_is_in_doubt() {
    let samples_around_a_reset = |gap: Duration, first: u16, then: u16| {
        let mut kernel = one();
        kernel.wait(MINUTE);
        kernel.reset_counters(0);
        kernel.corrected(0, 0, first);
        kernel.sampled();
        kernel.wait(gap);
        kernel.reset_counters(0);
        kernel.corrected(0, 0, then);
        kernel.sampled();
        dimm0(&kernel)
    };
    let soon = samples_around_a_reset(ZEROINGS_TOLD_APART, 5, 9);
    assert_eq!((soon.claim, soon.restarts, soon.silent_loss), (Claim::AtMost(14), 0..=1, true));
    let from_zero = samples_around_a_reset(Duration::ZERO, 0, 9);
    assert_eq!((from_zero.claim, from_zero.silent_loss), (Claim::Exactly(9), false));
    let later = samples_around_a_reset(ZEROINGS_TOLD_APART + Duration::from_millis(1), 5, 9);
    assert_eq!((later.claim, later.restarts), (Claim::Exactly(14), 1..=1));
}

#[test]
fn one_wrap_between_samples_is_seen_and_a_second_is_not() {
    let mut kernel = one();
    let at = kernel.location(0, 0);
    let storm = error(ErrorKind::Corrected, at, 65_535);
    kernel.report_times(0, storm, 65_500);
    kernel.sampled();
    kernel.report_times(0, storm, 100);
    kernel.sampled();
    let once = 65_600 * 65_535;
    assert!(once > 1 << 32);
    assert_eq!(dimm0(&kernel).claim, Claim::Exactly(once));
    assert!(!dimm0(&kernel).silent_loss);
    kernel.report_times(0, storm, 65_600);
    kernel.sampled();
    let account = dimm0(&kernel);
    assert_eq!(account.claim, Claim::Exactly(2 * once - (1 << 32)));
    assert!(account.silent_loss);
}

#[test]
fn a_fall_that_no_wrap_explains_leaves_the_total_open() {
    let mut kernel = one();
    let at = kernel.location(0, 0);
    kernel.corrected(0, 0, 1_000);
    kernel.sampled();
    // 2³² − 1000 + 3 errors: the counter shows 3.
    let storm = error(ErrorKind::Corrected, at, 65_535);
    kernel.report_times(0, storm, 65_536);
    kernel.report(0, error(ErrorKind::Corrected, at, 64_539));
    kernel.sampled();
    check(&kernel, &[("dimm0/dimm_ce_count", "3\n")]);
    let account = dimm0(&kernel);
    assert_eq!((account.claim, account.truth), (Claim::AtMost((1 << 32) + 3), (1 << 32) + 3));
    assert!(account.check(1_000, 0).is_ok());
}

#[test]
fn a_high_counter_zeroed_twice_in_a_moment_proves_nothing() {
    let mut kernel = one();
    let at = kernel.location(0, 0);
    kernel.report_times(0, error(ErrorKind::Corrected, at, 65_535), 40_000);
    kernel.sampled();
    kernel.reset_counters(0);
    kernel.sampled();
    assert_eq!(dimm0(&kernel).claim, Claim::Nothing);
}

#[test]
fn twins_that_change_places_cannot_be_followed() {
    let mut twins = Kernel::boot(vec![ControllerSpec::amd("F19h", 1, 1); 2], View::Dimms);
    twins.sampled();
    twins.reboot_in_order(MINUTE, &[1, 0]);
    assert!(twins.numbering_is_traceable());
    twins.sampled();
    assert!(!twins.numbering_is_traceable());
}

#[test]
fn each_class_and_place_has_an_account_of_its_own() {
    let mut kernel = one();
    kernel.corrected(0, 1, 4);
    kernel.uncorrected(0, 2, 1);
    kernel.report(0, error(ErrorKind::Corrected, UNKNOWN, 3));
    kernel.sampled();
    let truth = |place, class| account(&kernel, place, class).truth;
    assert_eq!(truth(SeriesPlace::Total, Correctable), 7);
    assert_eq!(truth(SeriesPlace::Unattributed, Correctable), 3);
    assert_eq!(truth(SeriesPlace::Dimm(Place::Dimm(1)), Correctable), 4);
    assert_eq!(truth(SeriesPlace::Total, Uncorrectable), 1);
    assert_eq!(truth(SeriesPlace::Dimm(Place::Dimm(2)), Uncorrectable), 1);
    assert_eq!(kernel.accounts().len(), 12);
}
