//! The same host at t0, t1, …: what the history makes of each kind of change.

use scrubjay_collector::{Collector, HostRoot, Options, Tree};
use scrubjay_model::{Accumulated, BootEnd, Clocks, ErrorClass};
use scrubjay_storage::{History, HistoryReader};
use scrubjay_tests::trees;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

struct Outcome {
    totals: Vec<Accumulated>,
    reader: HistoryReader,
    _state: tempfile::TempDir,
}

/// Plays a timeline to an agent that is killed after every sample.
fn play(name: &str) -> Outcome {
    let state = tempfile::tempdir().unwrap();
    let mut totals = Vec::new();
    for text in trees::timeline(name) {
        let clocks = Clocks { realtime_ms: 0, boottime: None, monotonic: None };
        let host = HostRoot::from_tree(Tree::parse(&text).unwrap(), Arc::new(move || clocks));
        let options = Options { deadline: Duration::from_secs(60), disabled: BTreeSet::new() };
        let mut collector = Collector::new(Arc::new(host), options);
        let snapshot = collector.snapshot();
        let mut history = History::open(state.path(), &snapshot.at).unwrap();
        history.begin_run(&snapshot.at, "test", Duration::from_secs(60)).unwrap();
        let appended = history.append(&snapshot);
        assert!(appended.error.is_none(), "{:?}", appended.error);
        totals.push(appended.accumulated);
    }
    let reader = HistoryReader::open(state.path()).unwrap().unwrap();
    Outcome { totals, reader, _state: state }
}

/// Corrected errors over all DIMMs and what no DIMM holds, and whether that is a lower bound.
fn corrected(accumulated: &Accumulated) -> (u64, bool) {
    use scrubjay_model::SeriesPlace;
    accumulated
        .totals
        .iter()
        .filter(|(key, _)| key.class == ErrorClass::Correctable && key.place != SeriesPlace::Total)
        .fold((0, false), |(sum, bound), (_, total)| {
            (sum + total.total, bound || total.is_lower_bound())
        })
}

fn steps(reader: &HistoryReader) -> BTreeSet<String> {
    reader.memory(None).unwrap().into_iter().map(|record| record.step).collect()
}

/// The counters' sum at the end, as the model of the kernel tells it.
fn check(name: &str, expect: (u64, bool), why: &str) -> Outcome {
    let outcome = play(name);
    assert_eq!(corrected(outcome.totals.last().unwrap()), expect, "{name}: {why}");
    outcome
}
