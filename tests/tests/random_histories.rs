//! Random lives of a host, read by the real collector and kept by the real history: the totals
//! equal the truth, or the lower bound that is all anybody can know.

use proptest::prelude::*;
use scrubjay_collector::{Collector, HostRoot, Options, Tree};
use scrubjay_model::{Accumulated, Clocks, SourceId, Stamp};
use scrubjay_storage::History;
use scrubjay_tests::histories::{self, Agent};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// How many histories a run plays.
const HISTORIES: u32 = 1_000;

/// Collector and history, without the loop around them.
struct Scrubjay {
    state: tempfile::TempDir,
    history: Option<History>,
    /// When the last sample was taken, and the totals it gave.
    last: Option<(Stamp, Accumulated)>,
}

impl Scrubjay {
    fn new() -> Self {
        // In memory where that can be had: processes are stopped here, not machines, so that nothing
        // needs to wait for a disk.
        let state = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        Self { state, history: None, last: None }
    }
}

/// Only what the counters need is read: a thousand histories have no use for the other sources.
fn collector(tree: &str) -> Collector {
    let disabled: BTreeSet<SourceId> =
        SourceId::ALL.into_iter().filter(|id| *id != SourceId::Edac).collect();
    let options = Options { deadline: Duration::from_secs(60), disabled };
    let clocks = Clocks { realtime_ms: 0, boottime: None, monotonic: None };
    let host = HostRoot::from_tree(Tree::parse(tree).unwrap(), Arc::new(move || clocks));
    Collector::new(Arc::new(host), options)
}

impl Agent for Scrubjay {
    fn sample(&mut self, tree: &str) {
        let snapshot = collector(tree).snapshot();
        let history = self.history.get_or_insert_with(|| {
            // Opened at the first sample after a start, whose host tells the time.
            let mut history = History::open(self.state.path(), &snapshot.at).unwrap();
            history.begin_run(&snapshot.at, "test", Duration::from_secs(60)).unwrap();
            history
        });
        let appended = history.append(&snapshot);
        assert!(appended.error.is_none(), "{:?}", appended.error);
        self.last = Some((snapshot.at, appended.accumulated));
    }

    fn stop(&mut self) {
        if let (Some(mut history), Some((at, _))) = (self.history.take(), &self.last) {
            history.end_run(at).unwrap();
        }
    }

    fn kill(&mut self) {
        // Nothing is told: what is not on disk by now never will be.
        self.history = None;
    }

    fn start(&mut self) {}
}

proptest! {
    #![proptest_config(histories::config(HISTORIES))]

    #[test]
    fn totals_equal_the_truth(history in histories::any_history()) {
        let mut agent = Scrubjay::new();
        let kernel = histories::play(&history, &mut agent);
        let (_, accumulated) = agent.last.unwrap();
        if !kernel.numbering_is_traceable() {
            return Ok(());
        }
        for account in kernel.accounts() {
            let index = kernel.index_of(account.controller).unwrap();
            let total = accumulated.total(index, account.place, account.class);
            let total = total.ok_or_else(|| {
                TestCaseError::fail(format!("{account}: sampled, and not in the history"))
            })?;
            prop_assert_eq!(account.check(total.total, total.restarts), Ok(()));
        }
    }
}
