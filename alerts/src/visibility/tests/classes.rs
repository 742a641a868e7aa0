//! Corrected and uncorrected errors are hidden by different things, and each is told apart.

use super::*;
use scrubjay_model::{Controller, ControllerKey, ErrorClass};

fn classes(snapshot: &Snapshot) -> (CoverageState, CoverageState) {
    let coverage = super::super::visibility(snapshot, &Accumulated::default(), None);
    (coverage.correctable, coverage.uncorrectable)
}

/// A history of one boot in which these controllers were seen; the first is `mc0`.
fn seen(keys: &[&str]) -> Accumulated {
    let keys: Vec<ControllerKey> = keys.iter().copied().map(ControllerKey::from_stored).collect();
    Accumulated {
        controllers: [(0, keys[0].clone())].into(),
        seen_this_boot: keys.into_iter().collect(),
        ..Accumulated::default()
    }
}

#[test]
fn what_takes_corrected_errors_leaves_the_uncorrected_ones_visible() {
    let collector = but(|s| of(&mut s.platform).cec = Reading::Value(Present));
    let ignored = but(|s| of(&mut s.machine_check).ignore_ce = Reading::Value(true));
    let unpolled = but(|s| of(&mut s.machine_check).check_interval_seconds = Reading::Value(0));
    for snapshot in [collector, ignored, unpolled] {
        assert_eq!(classes(&snapshot), (CoverageState::Partial, CoverageState::Full));
        assert_eq!(only(&snapshot).hides, [ErrorClass::Correctable]);
    }
}

#[test]
fn without_a_driver_uncorrected_errors_still_show_in_pages() {
    let uncounted = no_edac(|_| ());
    assert_eq!(classes(&uncounted), (CoverageState::None, CoverageState::Partial));
    assert_eq!(classes(&virtual_machine()), (CoverageState::None, CoverageState::Partial));
    let blind = no_edac(|s| set(&mut s.memory_failure, absent("proc/meminfo HardwareCorrupted")));
    assert_eq!(classes(&blind), (CoverageState::None, CoverageState::None));
}

#[test]
fn a_counter_that_cannot_be_read_hides_its_own_class() {
    type Counted = fn(&mut Controller) -> &mut Reading<scrubjay_model::Counter>;
    let partial = CoverageState::Partial;
    let cases: [(Counted, _); 2] = [
        (|c| &mut c.errors.correctable, (partial, CoverageState::Full)),
        (|c| &mut c.errors.uncorrectable, (CoverageState::Full, partial)),
    ];
    for (counter, expected) in cases {
        let mut snapshot = healthy();
        lose(&mut snapshot.edac, |e| counter(&mut e.controllers[0]), denied("mc0/count"));
        assert_eq!(classes(&snapshot), expected);
    }
}

#[test]
fn a_contradiction_and_a_missing_place_hide_their_own_class() {
    let contradiction = but(|s| of(&mut s.edac).controllers[0].unattributed = counts(0, 3));
    let found = first(&contradiction, "counters-contradict");
    assert_eq!(found.hides, [ErrorClass::Uncorrectable]);
    let silent = but(|s| {
        let errors = &mut of(&mut s.edac).controllers[0].dimms_mut()[1].errors;
        errors.correctable = absent("dimm_ce_count");
    });
    assert_eq!(only(&silent).hides, [ErrorClass::Correctable]);
}

#[test]
fn switching_off_the_source_on_pages_leaves_uncorrected_errors_unclear() {
    let snapshot = but(|s| s.memory_failure = None);
    assert_eq!(classes(&snapshot), (CoverageState::Full, CoverageState::Unknown));
    let found = gap(&snapshot, "visibility-unclear");
    assert_eq!(found.subject, "memory_failure");
    assert_eq!(found.remedy, "remove memory_failure from collector.disabled");
}

#[test]
fn a_controller_that_goes_while_others_stay_lowers_coverage() {
    let snapshot = healthy();
    let here = super::super::visibility(&snapshot, &seen(&["imc-0"]), None);
    assert_eq!(here.state, CoverageState::Full);
    let gone = super::super::visibility(&snapshot, &seen(&["imc-0", "imc-1"]), None);
    assert_eq!((gone.correctable, gone.uncorrectable), (CoverageState::Partial, gone.state));
    let found: Vec<_> = gone.findings.iter().map(|f| (f.code, f.subject.as_str())).collect();
    assert_eq!(found, [("controller-gone", "imc-1")]);
}

#[test]
fn when_all_controllers_go_the_missing_driver_is_the_reason() {
    let snapshot = no_edac(|_| ());
    let coverage = super::super::visibility(&snapshot, &seen(&["imc-0", "imc-1"]), None);
    let found: Vec<_> = coverage.findings.iter().map(|f| f.code).collect();
    assert_eq!(found, ["no-edac-controller"]);
}

#[test]
fn places_that_could_not_be_listed_are_not_places_the_driver_does_not_know() {
    for dir in ["sys/devices/system/edac/mc/mc0", "sys/devices/system/edac/mc/mc0/csrow1"] {
        let mut snapshot = but(|s| {
            let controller = &mut of(&mut s.edac).controllers[0];
            (controller.layout, controller.dimms) = (Layout::Controller, [].into());
        });
        let fault = denied::<()>(dir).non_value().unwrap();
        snapshot.edac.as_mut().unwrap().report.faults.push(fault);
        let found = gap(&snapshot, "counters-unreadable");
        assert_eq!(found.subject, "mc0");
        assert!(found.because.ends_with(&format!("{dir}: permission denied")), "{found:#?}");
        assert!(found.remedy.contains("privilege"), "{}", found.remedy);
    }
}
