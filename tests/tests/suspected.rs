//! A host that goes down after a burst of corrected errors, from its files to what is said of it.

use scrubjay_alerts::{BURST_WITHIN, ENDED_WITHIN, suspected_uncorrected_errors};
use scrubjay_collector::{Collector, HostRoot, Options, Tree};
use scrubjay_model::{Clocks, Finding, Snapshot};
use scrubjay_storage::{History, HistoryReader};
use scrubjay_tests::edac_model::{ControllerSpec, Kernel, View};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

/// One pass of an agent over the host; another agent each time, as none outlives a crash.
fn sample(kernel: &mut Kernel, state: &Path, in_order: bool) -> Snapshot {
    let clocks = Clocks { realtime_ms: 0, boottime: None, monotonic: None };
    let tree = Tree::parse(&kernel.tree()).unwrap();
    let host = HostRoot::from_tree(tree, Arc::new(move || clocks));
    let options = Options { deadline: MINUTE, disabled: BTreeSet::new() };
    let snapshot = Collector::new(Arc::new(host), options).snapshot();
    let mut history = History::open(state, &snapshot.at).unwrap();
    history.begin_run(&snapshot.at, "test", Duration::from_secs(1)).unwrap();
    assert!(history.append(&snapshot).error.is_none());
    if in_order {
        // Long enough after the beginning of the run that it is more than a single reading.
        let mut at = snapshot.at.clone();
        at.since_boot = at.since_boot.map(|since| since + MINUTE);
        at.awake = at.awake.map(|awake| awake + MINUTE);
        at.wall_ms += 60_000;
        history.end_run(&at).unwrap();
    }
    kernel.sampled();
    snapshot
}

/// What is said after a burst of so many errors, a stop or a crash, and the next boot.
fn after_a_burst(errors: u16, quiet: Duration, in_order: bool) -> Vec<Finding> {
    let state = tempfile::tempdir().unwrap();
    let mut kernel = Kernel::boot(vec![ControllerSpec::skx(0, 0, 2, 1)], View::Dimms);
    kernel.wait(60 * MINUTE);
    sample(&mut kernel, state.path(), false);
    kernel.wait(5 * MINUTE);
    kernel.corrected(0, 1, errors);
    sample(&mut kernel, state.path(), false);
    kernel.wait(quiet);
    sample(&mut kernel, state.path(), in_order);
    kernel.reboot(2 * MINUTE);
    kernel.wait(MINUTE);
    sample(&mut kernel, state.path(), false);
    let reader = HistoryReader::open(state.path()).unwrap().unwrap();
    let (boots, records) = reader.unclean_ends(BURST_WITHIN, ENDED_WITHIN).unwrap();
    assert_eq!(boots.len(), 2);
    suspected_uncorrected_errors(&boots, &records)
}

#[test]
fn a_burst_and_then_a_crash_are_suspected_and_a_stop_in_order_is_not() {
    let found = after_a_burst(12, MINUTE, false);
    let [found] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(found.code, "suspected-uncorrected-error");
    assert!(found.because.starts_with("12 corrected errors within the last 15 min"), "{found:?}");
    assert_eq!(after_a_burst(12, MINUTE, true), []);
}

#[test]
fn few_errors_and_errors_long_before_a_crash_are_not_suspected() {
    assert_eq!(after_a_burst(9, MINUTE, false), []);
    assert_eq!(after_a_burst(12, 20 * MINUTE, false), []);
}
