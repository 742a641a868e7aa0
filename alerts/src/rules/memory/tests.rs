//! The rules on memory errors: each present and absent, worded for one and for many.

use crate::testing::{
    absent, but, codes, controller, counter, counts, denied, dimm, first, healthy, lose, of, only,
};
use scrubjay_model::{
    Accumulated, Action, Confidence, ControllerKey, Dimm, Edac, ErrorClass, ErrorCounts, Finding,
    Identity, Layout, ModuleKey, ModuleRecord, Place, RebootHelps, SeriesKey, SeriesPlace,
    SeriesTotal, Snapshot, Verdict,
};

/// A server whose first controller has these places; the totals are theirs.
fn with(layout: Layout, dimms: Vec<Dimm>) -> Snapshot {
    but(|s| of(&mut s.edac).controllers = vec![controller(0, layout, dimms)])
}

fn one(place: Place, label: &str, errors: ErrorCounts) -> Vec<Dimm> {
    vec![dimm(place, label, errors)]
}

fn found(snapshot: &Snapshot, accumulated: &Accumulated) -> Vec<Finding> {
    super::findings(snapshot, accumulated)
}

/// A history that knows `mc0` as `imc-0`, with one total for it.
fn history(place: SeriesPlace, class: ErrorClass, total: u64, restarts: u64) -> Accumulated {
    let key = ControllerKey::from_stored("imc-0");
    let series = SeriesKey { controller: key.clone(), place, class };
    Accumulated {
        controllers: [(0, key)].into(),
        totals: [(series, SeriesTotal { total, since_wall_ms: 0, restarts })].into(),
        ..Accumulated::default()
    }
}

#[test]
fn corrected_errors_are_worth_watching_and_no_more_whatever_their_number() {
    for (count, words) in
        [(1, "1 corrected error "), (u64::from(u32::MAX), "4294967295 corrected errors ")]
    {
        let found = only(&with(Layout::Dimm, one(Place::Dimm(0), "A1", counts(count, 0))));
        assert_eq!((found.code, found.verdict), ("corrected-errors", Verdict::Watch));
        assert_eq!(found.because, format!("{words}(A1) in the last 36 d 4 h"));
        assert_eq!((found.action, found.reboot_helps), (Action::Observe, RebootHelps::No));
        assert_eq!(found.subject, "mc0/dimm0");
        assert_eq!(
            found.origin.unwrap().as_str(),
            "sys/devices/system/edac/mc/mc0/dimm0/dimm_ce_count"
        );
    }
}

#[test]
fn one_uncorrected_error_calls_for_a_plan() {
    let found = only(&with(Layout::Dimm, one(Place::Dimm(0), "A1", counts(0, 1))));
    assert_eq!((found.code, found.verdict), ("uncorrected-errors", Verdict::Plan));
    assert_eq!(
        found.because,
        "1 uncorrected error (A1) in the last 36 d 4 h; the kernel counts deferred, fatal and \
         informational ones here too"
    );
    assert_eq!(found.reboot_helps, RebootHelps::Unknown);
    assert!(found.remedy.contains("have the module tested"), "{}", found.remedy);
}

#[test]
fn a_module_with_both_classes_has_a_finding_for_each() {
    let both = with(Layout::Dimm, one(Place::Dimm(0), "A1", counts(3, 1)));
    assert_eq!(codes(&both), ["uncorrected-errors", "corrected-errors"]);
}

#[test]
fn errors_on_several_modules_of_one_controller_do_not_blame_a_module() {
    let dimms = (0..2).map(|n| dimm(Place::Dimm(n), "", counts(2, 1))).collect();
    let snapshot = with(Layout::Dimm, dimms);
    for code in ["corrected-errors", "uncorrected-errors"] {
        let found = first(&snapshot, code);
        assert!(found.remedy.contains("point to the channel"), "{}", found.remedy);
        assert!(!found.remedy.contains("swapped"), "{}", found.remedy);
    }
}

#[test]
fn two_ranks_of_a_module_are_not_two_modules() {
    let dimms = (0..2).map(|n| dimm(Place::Rank(n), "A1", counts(0, 1))).collect();
    let found = first(&with(Layout::Rank, dimms), "uncorrected-errors");
    assert!(found.because.contains("(A1, one rank)"), "{}", found.because);
    assert!(!found.remedy.contains("point to the channel"), "{}", found.remedy);
    assert_eq!(found.subject, "mc0/rank0");
}

#[test]
fn an_empty_label_leaves_no_empty_brackets() {
    let found = only(&with(Layout::Dimm, one(Place::Dimm(0), "", counts(2, 0))));
    assert_eq!(found.because, "2 corrected errors in the last 36 d 4 h");
}

#[test]
fn the_csrow_view_points_to_its_own_files() {
    let channel = Place::Channel { csrow: 2, channel: 1 };
    let mut row = dimm(Place::Csrow(2), "", counts(0, 1));
    row.errors.correctable = absent("sys/devices/system/edac/mc/mc0/csrow2/ce_count");
    let mut in_channel = dimm(channel, "A1", counts(4, 0));
    in_channel.errors.uncorrectable = absent("sys/devices/system/edac/mc/mc0/csrow2/ch1_ue_count");
    let snapshot = with(Layout::Csrow, vec![in_channel, row]);
    assert_eq!(codes(&snapshot), ["uncorrected-errors", "corrected-errors"]);
    let corrected = first(&snapshot, "corrected-errors");
    assert_eq!(
        corrected.because,
        "4 corrected errors (A1, one row of a channel) in the last 36 d 4 h"
    );
    assert_eq!(
        corrected.origin.unwrap().as_str(),
        "sys/devices/system/edac/mc/mc0/csrow2/ch1_ce_count"
    );
    let uncorrected = first(&snapshot, "uncorrected-errors");
    assert_eq!(uncorrected.subject, "mc0/csrow2");
    assert_eq!(
        uncorrected.origin.unwrap().as_str(),
        "sys/devices/system/edac/mc/mc0/csrow2/ue_count"
    );
}

#[test]
fn errors_attributed_to_no_module_name_the_controller() {
    let snapshot = but(|s| {
        let controller = &mut of(&mut s.edac).controllers[0];
        controller.unattributed = counts(0, 2);
        controller.errors = counts(0, 2);
    });
    let found = only(&snapshot);
    assert_eq!(found.subject, "mc0");
    assert!(found.because.starts_with("2 uncorrected errors (attributed to no module) in"));
    assert!(found.remedy.ends_with("which module it names"), "{}", found.remedy);
    assert_eq!(found.origin.unwrap().as_str(), "sys/devices/system/edac/mc/mc0/ue_noinfo_count");
}

#[test]
fn a_driver_without_modules_is_judged_by_its_total() {
    let snapshot = but(|s| {
        let controller = &mut of(&mut s.edac).controllers[0];
        (controller.layout, controller.dimms) = (Layout::Controller, [].into());
        controller.errors = counts(7, 0);
    });
    let found = first(&snapshot, "corrected-errors");
    assert_eq!(
        found.because,
        "7 corrected errors (the driver knows no modules) in the last 36 d 4 h"
    );
    assert_eq!(found.origin.unwrap().as_str(), "sys/devices/system/edac/mc/mc0/ce_count");
}

#[test]
fn an_uncorrected_error_is_seen_although_its_modules_counter_cannot_be_read() {
    let path = "sys/devices/system/edac/mc/mc0/dimm0/dimm_ue_count";
    let mut snapshot = but(|s| {
        let controller = &mut of(&mut s.edac).controllers[0];
        controller.errors = counts(0, 1);
        controller.steady = false;
    });
    lose(
        &mut snapshot.edac,
        |edac| &mut edac.controllers[0].dimms_mut()[0].errors.uncorrectable,
        denied(path),
    );
    assert_eq!(codes(&snapshot), ["counters-unreadable", "uncorrected-errors"]);
    let found = first(&snapshot, "uncorrected-errors");
    assert!(found.because.contains("in counters that could not be read"), "{}", found.because);
}

#[test]
fn errors_that_older_kernels_attribute_only_in_part_are_seen() {
    // Up to about 5.6 an error whose channel is known and whose slot is not is in the total alone.
    let snapshot = but(|s| of(&mut s.edac).controllers[0].errors = counts(5, 0));
    let found = only(&snapshot);
    assert_eq!(found.because, "5 corrected errors (in no module's counter) in the last 36 d 4 h");
    assert_eq!(found.subject, "mc0");
}

#[test]
fn errors_that_arrive_while_the_counters_are_read_are_not_called_unattributed() {
    let snapshot = but(|s| {
        let controller = &mut of(&mut s.edac).controllers[0];
        (controller.errors, controller.steady) = (counts(1, 0), false);
    });
    assert!(codes(&snapshot).is_empty());
}

#[test]
fn unattributed_errors_are_seen_although_their_counter_is_missing() {
    let snapshot = but(|s| {
        let controller = &mut of(&mut s.edac).controllers[0];
        controller.errors = counts(0, 1);
        controller.unattributed.uncorrectable =
            absent("sys/devices/system/edac/mc/mc0/ue_noinfo_count");
    });
    assert_eq!(first(&snapshot, "uncorrected-errors").subject, "mc0");
}

#[test]
fn beyond_ten_places_the_rest_is_summed_up_and_the_worst_comes_first() {
    let dimms = (0..14).map(|n| dimm(Place::Dimm(n), "", counts(u64::from(n) + 1, 0))).collect();
    let found = found(&with(Layout::Dimm, dimms), &Accumulated::default());
    assert_eq!(found.len(), 11);
    assert!(found[0].because.starts_with("14 corrected errors"), "{}", found[0].because);
    assert_eq!(found[0].subject, "mc0/dimm13");
    let rest = &found[10];
    assert_eq!(rest.because, "10 corrected errors in 4 more places, at most 4 in one");
    assert_eq!(rest.subject, "host");
}

#[test]
fn ten_places_are_all_listed_and_an_eleventh_is_summed_up_in_the_singular() {
    let places = |count: u32| {
        let dimms = (0..count).map(|n| dimm(Place::Dimm(n), "", counts(1, 0))).collect();
        found(&with(Layout::Dimm, dimms), &Accumulated::default())
    };
    assert!(places(10).iter().all(|found| found.subject != "host"));
    let eleven = places(11);
    assert_eq!(eleven[10].because, "1 corrected error in 1 more place, at most 1 in one");
}

#[test]
fn the_assessment_keeps_the_worst_module_first() {
    let dimms = [1, 1_000_000, 3]
        .into_iter()
        .enumerate()
        .map(|(n, count)| dimm(Place::Dimm(u32::try_from(n).unwrap()), "", counts(count, 0)));
    let snapshot = with(Layout::Dimm, dimms.collect());
    assert_eq!(first(&snapshot, "corrected-errors").subject, "mc0/dimm1");
}

#[test]
fn the_history_is_quoted_where_it_says_more() {
    let snapshot = with(Layout::Dimm, one(Place::Dimm(0), "A1", counts(3, 0)));
    let because = |total, restarts| {
        let place = SeriesPlace::Dimm(Place::Dimm(0));
        let history = history(place, ErrorClass::Correctable, total, restarts);
        let found = found(&snapshot, &history);
        assert_eq!(found[0].subject, "imc-0/dimm0");
        found[0].because.clone()
    };
    assert_eq!(because(3, 0), "3 corrected errors (A1) in the last 36 d 4 h");
    assert_eq!(because(9, 0), "3 corrected errors (A1) in the last 36 d 4 h; 9 in the history");
    assert_eq!(
        because(9, 2),
        "3 corrected errors (A1) in the last 36 d 4 h; at least 9 in the history"
    );
}

/// A stick of that history which alone has the first place, with these corrected errors.
fn stick(correctable: u64, ended_wall_ms: Option<i64>) -> ModuleRecord {
    ModuleRecord {
        key: ModuleKey::from_stored(if ended_wall_ms.is_some() { "old" } else { "new" }),
        slot: Some("A1".to_owned()),
        bank: None,
        serial: Some("0001".to_owned()),
        part: None,
        manufacturer: None,
        size_bytes: None,
        places: vec![(ControllerKey::from_stored("imc-0"), Place::Dimm(0))],
        listed: true,
        identity: Identity::Serial,
        confidence: Confidence::ByLabel,
        evidence: String::new(),
        since_wall_ms: 0,
        ended_wall_ms,
        correctable,
        uncorrectable: 0,
        restarts: 0,
        last_error_wall_ms: None,
    }
}

#[test]
fn a_new_stick_is_not_charged_with_what_the_one_before_it_had() {
    let snapshot = with(Layout::Dimm, one(Place::Dimm(0), "A1", counts(2, 0)));
    let place = SeriesPlace::Dimm(Place::Dimm(0));
    let because = |sticks: Vec<ModuleRecord>| {
        let mut history = history(place, ErrorClass::Correctable, 5002, 1);
        history.modules = sticks.into_iter().map(|stick| (stick.key.clone(), stick)).collect();
        found(&snapshot, &history)[0].because.clone()
    };
    let quoted = "2 corrected errors (A1) in the last 36 d 4 h; at least 5002 in the history";
    assert_eq!(because(vec![stick(5000, Some(1)), stick(5002, None)]), quoted);
    assert_eq!(
        because(vec![stick(5000, Some(1)), stick(2, None)]),
        format!("{quoted}, 5000 of them before this module was first seen here")
    );
    // One with several places has a sum of its own, which says nothing of each.
    let ranks = [Place::Dimm(0), Place::Dimm(1)];
    let places = ranks.map(|place| (ControllerKey::from_stored("imc-0"), place)).into();
    assert_eq!(because(vec![ModuleRecord { places, ..stick(2, None) }]), quoted);
}

#[test]
fn errors_of_the_history_alone_do_not_keep_a_host_red() {
    let place = SeriesPlace::Dimm(Place::Dimm(0));
    assert!(found(&healthy(), &history(place, ErrorClass::Uncorrectable, 5, 1)).is_empty());
}

#[test]
fn without_the_age_of_the_counters_no_time_is_claimed() {
    let mut snapshot = with(Layout::Dimm, one(Place::Dimm(0), "A1", counts(3, 0)));
    of(&mut snapshot.edac).controllers[0].seconds_since_reset =
        absent("sys/devices/system/edac/mc/mc0/seconds_since_reset");
    let found = only(&snapshot);
    assert_eq!(found.because, "3 corrected errors (A1) since a time the kernel does not tell");
}

#[test]
fn two_controllers_are_told_apart() {
    let snapshot = but(|s| {
        let at = |index| {
            let place = one(Place::Dimm(0), "", counts(1, 0));
            controller(index, Layout::Dimm, place)
        };
        *of(&mut s.edac) = Edac { controllers: vec![at(0), at(5)] };
    });
    let found = found(&snapshot, &Accumulated::default());
    let subjects: Vec<&str> = found.iter().map(|f| f.subject.as_str()).collect();
    assert_eq!(subjects, ["mc0/dimm0", "mc5/dimm0"]);
}

#[test]
fn totals_beyond_any_kernel_do_not_overflow() {
    let dimms = (0..12).map(|n| {
        dimm(
            Place::Dimm(n),
            "",
            ErrorCounts { correctable: counter(u64::MAX), uncorrectable: counter(u64::MAX) },
        )
    });
    let mut snapshot = healthy();
    of(&mut snapshot.edac).controllers[0].dimms = dimms.collect();
    let found = found(&snapshot, &Accumulated::default());
    assert!(found[10].because.starts_with("18446744073709551615 corrected errors in 2 more"));
}
