//! The EDAC source on trees: every layout, every way in which counters mislead.

use super::*;
use crate::sources::check::{self, found, is_absent, partly_found};
use crate::tree::{Node, Tree};
use scrubjay_model::{Outcome, ReadFault, Restart, Step, step};

mod lives;

/// One controller of each of the two modern layouts.
pub(crate) const HEALTHY: &str = "\
//- .scrubjay/facts
realtime_ms 1795429628000
boottime_ns 90000000000000
monotonic_ns 90000000000000
//- proc/sys/kernel/random/boot_id
aaaaaaaa-0000-4000-8000-000000000001
//- sys/devices/system/edac/mc/mc0/ce_count
7
//- sys/devices/system/edac/mc/mc0/ue_count
1
//- sys/devices/system/edac/mc/mc0/ce_noinfo_count
2
//- sys/devices/system/edac/mc/mc0/ue_noinfo_count
0
//- sys/devices/system/edac/mc/mc0/seconds_since_reset
80000
//- sys/devices/system/edac/mc/mc0/mc_name
Skylake Socket#0 IMC#0
//- sys/devices/system/edac/mc/mc0/size_mb
65536
//- sys/devices/system/edac/mc/mc0/sdram_scrub_rate
97650
//- dir sys/devices/system/edac/mc/mc0/power
//- sys/devices/system/edac/mc/mc0/dimm0/dimm_ce_count
5
//- sys/devices/system/edac/mc/mc0/dimm0/dimm_ue_count
1
//- sys/devices/system/edac/mc/mc0/dimm0/dimm_label
CPU_SrcID#0_MC#0_Chan#0_DIMM#0
//- sys/devices/system/edac/mc/mc0/dimm0/dimm_location
channel 0 slot 0 \n\
//- sys/devices/system/edac/mc/mc0/dimm0/size
32768
//- sys/devices/system/edac/mc/mc0/dimm0/dimm_mem_type
Registered-DDR4
//- sys/devices/system/edac/mc/mc0/dimm0/dimm_dev_type
x4
//- sys/devices/system/edac/mc/mc0/dimm0/dimm_edac_mode
S4ECD4ED
//- sys/devices/system/edac/mc/mc0/dimm3/dimm_ce_count
0
//- sys/devices/system/edac/mc/mc0/dimm3/dimm_ue_count
0
//- noeol sys/devices/system/edac/mc/mc0/dimm3/dimm_label
//- sys/devices/system/edac/mc/mc0/dimm3/size
32768
//- sys/devices/system/edac/mc/mc2/ce_count
4
//- sys/devices/system/edac/mc/mc2/ue_count
0
//- sys/devices/system/edac/mc/mc2/seconds_since_reset
79999
//- sys/devices/system/edac/mc/mc2/rank1/dimm_ce_count
4
//- sys/devices/system/edac/mc/mc2/rank1/dimm_ue_count
0
";

/// The csrow view, as kernels before 4.10 have it.
pub(crate) const ROWS: &str = "\
//- sys/devices/system/edac/mc/mc0/ce_count
9
//- sys/devices/system/edac/mc/mc0/ue_count
3
//- sys/devices/system/edac/mc/mc0/ce_noinfo_count
0
//- sys/devices/system/edac/mc/mc0/ue_noinfo_count
0
//- sys/devices/system/edac/mc/mc0/csrow2/ce_count
9
//- sys/devices/system/edac/mc/mc0/csrow2/ue_count
3
//- sys/devices/system/edac/mc/mc0/csrow2/size_mb
8192
//- sys/devices/system/edac/mc/mc0/csrow2/mem_type
Registered-DDR3
//- sys/devices/system/edac/mc/mc0/csrow2/dev_type
x4
//- sys/devices/system/edac/mc/mc0/csrow2/edac_mode
SECDED
//- sys/devices/system/edac/mc/mc0/csrow2/ch0_ce_count
8
//- sys/devices/system/edac/mc/mc0/csrow2/ch0_dimm_label
P0-A
//- sys/devices/system/edac/mc/mc0/csrow2/ch1_ce_count
1
//- sys/devices/system/edac/mc/mc0/csrow2/ch1_dimm_label
P0-B
";

fn edac(text: &str) -> Edac {
    found(text, read)
}

fn only(text: &str) -> Controller {
    let mut controllers = edac(text).controllers;
    assert_eq!(controllers.len(), 1);
    controllers.remove(0)
}

fn place(controller: &Controller, name: &str) -> Dimm {
    let dimm = controller.dimms.iter().find(|dimm| dimm.place.to_string() == name);
    dimm.unwrap_or_else(|| panic!("no {name}")).clone()
}

fn count(reading: &Reading<Counter>) -> Option<u64> {
    reading.value().map(|counter| counter.value)
}

fn counts(errors: &ErrorCounts) -> (Option<u64>, Option<u64>) {
    (count(&errors.correctable), count(&errors.uncorrectable))
}

/// What all places of a controller count together.
fn sum(controller: &Controller) -> (u64, u64) {
    let total = |class| {
        controller.dimms.iter().filter_map(|dimm| count(dimm.errors.get(class))).sum::<u64>()
    };
    (total(ErrorClass::Correctable), total(ErrorClass::Uncorrectable))
}

#[test]
fn every_controller_is_read_with_its_dimms() {
    let found = edac(HEALTHY);
    let [first, second] = found.controllers.as_slice() else { panic!("{found:?}") };

    assert_eq!((first.index, first.layout), (0, Layout::Dimm));
    assert_eq!(first.name.value().unwrap(), "Skylake Socket#0 IMC#0");
    assert_eq!(first.size_bytes, Reading::Value(64 << 30));
    assert_eq!(first.scrub_rate, Reading::Value(97_650));
    assert_eq!(counts(&first.errors), (Some(7), Some(1)));
    assert_eq!(counts(&first.unattributed), (Some(2), Some(0)));
    assert_eq!(sum(first), (5, 1));
    assert!(first.steady && first.contradictions().is_empty());

    let dimm = place(first, "dimm0");
    assert_eq!(dimm.location.value().unwrap(), "channel 0 slot 0");
    assert_eq!(dimm.size_bytes, Reading::Value(32 << 30));
    assert_eq!(dimm.memory_type.value().unwrap(), "Registered-DDR4");
    assert_eq!(place(first, "dimm3").label.value().unwrap(), "", "the kernel shows empty labels");

    assert_eq!((second.index, second.layout), (2, Layout::Rank));
    assert_eq!(counts(&place(second, "rank1").errors), (Some(4), Some(0)));
    assert!(second.name.is_absent());
}

#[test]
fn a_core_without_a_driver_is_absent() {
    assert!(is_absent("//- dir sys/devices/system/edac/mc/power\n", read));
    assert!(is_absent("//- sys/devices/system/edac/mc/uevent\n", read));
    assert!(is_absent("//- dir sys/devices/system/edac\n", read));
    assert!(is_absent("", read));
}

#[test]
fn a_directory_that_may_not_be_listed_is_not_absent() {
    let (reading, report) = check::read("//- errno=EACCES sys/devices/system/edac/mc\n", read);
    let denied = Reading::Unreadable(Origin::new(MC), ReadFault::Denied);
    assert_eq!((reading, report.faults.len()), (denied, 1));
}

#[test]
fn a_leaf_that_fails_leaves_its_siblings_alone() {
    let (found, faults) = partly_found(
        "\
//- sys/devices/system/edac/mc/mc0/ce_count
3
//- errno=EIO sys/devices/system/edac/mc/mc0/ue_count
//- dir sys/devices/system/edac/mc/mc0/mc_name
//- sys/devices/system/edac/mc/mc0/dimm0/dimm_ce_count
three
//- sys/devices/system/edac/mc/mc0/dimm0/dimm_ue_count
0
//- sys/devices/system/edac/mc/mc0/dimm1/dimm_ce_count
2
//- errno=EACCES sys/devices/system/edac/mc/mc0/dimm1/dimm_ue_count
",
        read,
    );
    let controller = &found.controllers[0];
    assert_eq!(counts(&controller.errors), (Some(3), None));
    assert_eq!(counts(&place(controller, "dimm0").errors), (None, Some(0)));
    assert_eq!(counts(&place(controller, "dimm1").errors), (Some(2), None));
    assert_eq!(
        faults,
        [
            "sys/devices/system/edac/mc/mc0/dimm0/dimm_ce_count: expected a whole number below \
             2^32, found \"three\"",
            "sys/devices/system/edac/mc/mc0/dimm1/dimm_ue_count: permission denied",
            "sys/devices/system/edac/mc/mc0/mc_name: not a plain file",
            "sys/devices/system/edac/mc/mc0/ue_count: input/output failed with errno 5",
        ]
    );
}

#[test]
fn hostile_content_becomes_neither_a_number_nor_a_panic() {
    let long = "1".repeat(1 << 20);
    let text = format!(
        "\
//- sys/devices/system/edac/mc/mc007/ce_count
1
//- sys/devices/system/edac/mc/mc1x/ce_count
1
//- sys/devices/system/edac/mc/mc1
a file
//- sys/devices/system/edac/mc/mc0/ce_count
4294967295
//- sys/devices/system/edac/mc/mc0/ue_count
4294967296
//- sys/devices/system/edac/mc/mc0/ce_noinfo_count
-1
//- noeol sys/devices/system/edac/mc/mc0/ue_noinfo_count
//- sys/devices/system/edac/mc/mc0/size_mb
18446744073709551615
//- sys/devices/system/edac/mc/mc0/dimm01/dimm_ce_count
1
//- sys/devices/system/edac/mc/mc0/dimm0/dimm_ce_count
{long}
//- hex sys/devices/system/edac/mc/mc0/dimm0/dimm_label
44 ff 00 0a
"
    );
    let (found, faults) = partly_found(&text, read);
    let [controller] = found.controllers.as_slice() else { panic!("{found:?}") };
    assert_eq!(counts(&controller.errors), (Some(u64::from(u32::MAX)), None));
    assert_eq!(counts(&controller.unattributed), (None, None));
    let [dimm] = &*controller.dimms else { panic!("{controller:?}") };
    assert_eq!(counts(&dimm.errors), (None, None));
    assert_eq!(dimm.label.outcome(), Outcome::Malformed);
    assert_eq!(faults.len(), 6, "{faults:?}");
    assert!(faults[2].ends_with("found \"D\u{fffd}\\0\""), "{faults:?}");
}

#[test]
fn a_missing_scrub_control_is_absent_and_a_failing_one_is_not() {
    let rate = |node: &str| {
        let text = format!("//- dir sys/devices/system/edac/mc/mc0/power\n{node}");
        partly_found(&text, read).0.controllers.remove(0).scrub_rate.outcome()
    };
    let path = "sys/devices/system/edac/mc/mc0/sdram_scrub_rate";
    assert_eq!(rate(""), Outcome::Absent);
    assert_eq!(rate(&format!("//- errno=ENODEV {path}\n")), Outcome::Absent);
    assert_eq!(rate(&format!("//- {path}\n-1\n")), Outcome::Absent);
    assert_eq!(rate(&format!("//- errno=EINVAL {path}\n")), Outcome::Unreadable);
    assert_eq!(rate(&format!("//- {path}\n-22\n")), Outcome::Malformed);
    assert_eq!(rate(&format!("//- {path}\n0\n")), Outcome::Ok);
}

#[test]
fn rows_are_read_where_no_dimm_counts() {
    let controller = only(ROWS);
    assert_eq!(controller.layout, Layout::Csrow);
    let channel = place(&controller, "csrow2/ch0");
    assert_eq!(channel.label.value().unwrap(), "P0-A");
    assert_eq!(counts(&channel.errors), (Some(8), None));
    assert!(channel.size_bytes.is_absent(), "8 GiB are of both channels");
    assert_eq!(counts(&place(&controller, "csrow2/ch1").errors), (Some(1), None));
}

/// HPE machines, and every kernel since: `chM_ue_count` is not created.
#[test]
fn what_no_channel_counts_is_counted_by_its_row_and_only_there() {
    let controller = only(ROWS);
    let row = place(&controller, "csrow2");
    assert_eq!(counts(&row.errors), (None, Some(3)));
    assert!(row.label.is_absent());
    assert_eq!(row.size_bytes, Reading::Value(8 << 30));
    assert_eq!(sum(&controller), (9, 3));
    assert!(controller.contradictions().is_empty());
}

#[test]
fn a_row_of_which_only_some_channels_count_is_counted_as_a_whole() {
    let text = format!("{ROWS}//- sys/devices/system/edac/mc/mc0/csrow2/ch1_ue_count\n3\n");
    let controller = only(&text);
    assert_eq!(counts(&place(&controller, "csrow2/ch1").errors), (Some(1), None));
    assert_eq!(sum(&controller), (9, 3));
}

#[test]
fn a_row_whose_channels_count_everything_has_no_place_of_its_own() {
    let text = "\
//- sys/devices/system/edac/mc/mc0/csrow0/ce_count
2
//- sys/devices/system/edac/mc/mc0/csrow0/ue_count
1
//- sys/devices/system/edac/mc/mc0/csrow0/size_mb
1024
//- sys/devices/system/edac/mc/mc0/csrow0/ch0_ce_count
2
//- sys/devices/system/edac/mc/mc0/csrow0/ch0_ue_count
1
";
    let controller = only(text);
    let [channel] = &*controller.dimms else { panic!("{controller:?}") };
    assert_eq!(channel.place, Place::Channel { csrow: 0, channel: 0 });
    assert_eq!(channel.size_bytes, Reading::Value(1 << 30), "the only channel is the row");
    assert_eq!(counts(&channel.errors), (Some(2), Some(1)));
}

#[test]
fn rows_beside_counting_dimms_or_ranks_are_the_same_errors_seen_again() {
    for places in ["dimm", "rank"] {
        let text = format!(
            "{ROWS}\
//- sys/devices/system/edac/mc/mc0/{places}4/dimm_ce_count
9
//- sys/devices/system/edac/mc/mc0/{places}4/dimm_ue_count
3
"
        );
        let controller = only(&text);
        assert_eq!(controller.dimms.len(), 1);
        assert!(controller.csrows.is_empty());
        assert_eq!(sum(&controller), (9, 3));
    }
}

/// 4.9: the directories are there, their counters are not.
#[test]
fn dimms_that_do_not_count_leave_it_to_the_rows() {
    let text = format!("{ROWS}//- sys/devices/system/edac/mc/mc0/dimm0/dimm_label\nP0-A\n");
    let controller = only(&text);
    assert_eq!(controller.layout, Layout::Csrow);
    assert_eq!(sum(&controller), (9, 3));
}

#[test]
fn dimms_that_do_not_count_stay_as_inventory_where_there_are_no_rows() {
    let controller = only("//- sys/devices/system/edac/mc/mc0/dimm0/dimm_label\nP0-A\n");
    assert_eq!(controller.layout, Layout::Dimm);
    assert_eq!(counts(&controller.dimms[0].errors), (None, None));
    let bare = only("//- sys/devices/system/edac/mc/mc0/ce_count\n1\n");
    assert_eq!(bare.layout, Layout::Controller);
}

#[test]
fn channels_are_named_as_the_kernel_names_them() {
    let odd = "\
//- sys/devices/system/edac/mc/mc0/csrow0/ch007_ce_count
1
//- sys/devices/system/edac/mc/mc0/csrow0/ch+1_ce_count
1
//- sys/devices/system/edac/mc/mc0/csrow0/chx_ce_count
1
//- sys/devices/system/edac/mc/mc0/csrow0/ch10_ce_count
1
";
    let (found, _) = partly_found(odd, read);
    let dimms = &found.controllers[0].dimms;
    let names: Vec<String> = dimms.iter().map(|dimm| dimm.place.to_string()).collect();
    assert_eq!(names, ["csrow0/ch10", "csrow0"]);
}

#[test]
fn a_reset_begins_a_new_life_even_if_the_count_has_overtaken_the_old_one() {
    let later = |seconds: &str, count: &str| {
        let path = |name| format!("sys/devices/system/edac/mc/mc0/{name}");
        let file = |text: &str| Node::File(text.as_bytes().to_vec());
        let mut tree = check::tree(HEALTHY);
        // An hour later.
        let facts = "monotonic_ns 93600000000000\nboottime_ns 93600000000000\n";
        tree = check::with(&tree, ".scrubjay/facts", file(facts));
        tree = check::with(&tree, &path("seconds_since_reset"), file(seconds));
        check::with(&tree, &path("ce_count"), file(count))
    };
    let total = |tree: Tree| {
        let (reading, _) = check::read_host(&check::host(tree), read);
        let controllers = reading.into_result().unwrap().controllers;
        controllers[0].errors.correctable.value().unwrap().clone()
    };
    let before = total(check::tree(HEALTHY));
    assert_eq!(step(&before, &total(later("83600\n", "9\n"))), Step::Advanced { by: 2 });
    let restarted = Step::Restarted { by: 9, why: Restart::Zeroed };
    assert_eq!(step(&before, &total(later("60\n", "9\n"))), restarted);
}

#[test]
fn a_reboot_begins_a_new_life() {
    let rebooted = HEALTHY.replace("aaaaaaaa-0000", "bbbbbbbb-0000");
    let counter =
        |text: &str| edac(text).controllers[0].errors.correctable.value().unwrap().clone();
    let restarted = Step::Restarted { by: 7, why: Restart::Reboot };
    assert_eq!(step(&counter(HEALTHY), &counter(&rebooted)), restarted);
}

#[test]
fn where_the_age_is_not_told_the_epoch_does_not_pretend_to_know() {
    let old = HEALTHY.replace("/seconds_since_reset", "/unknown");
    let counter = edac(&old).controllers[0].errors.correctable.value().unwrap().clone();
    assert_eq!(counter.epoch.zeroed, None);
    let boot = counter.epoch.boot.as_str();
    assert_eq!(boot, "aaaaaaaa-0000-4000-8000-000000000001");
}

#[test]
fn the_laws_hold() {
    check::keeps_the_laws(HEALTHY, read, |path, finding| {
        path.ends_with("/seconds_since_reset") && finding.contains("/epoch/")
    });
}

#[test]
fn the_laws_hold_for_rows() {
    // Which level counts a class is decided for the row as a whole, and the total is kept to
    // check the sum.
    check::keeps_the_laws(ROWS, read, |path, finding| {
        path.contains("csrow2/ch") && path.ends_with("_count") && finding.contains("csrow2")
    });
}
