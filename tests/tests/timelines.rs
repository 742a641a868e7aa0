//! The same host at t0, t1, …: what the history makes of each way in which counters and clocks
//! mislead. The agent is killed after every sample, so that nothing lives in memory.

use scrubjay_collector::{Collector, HostRoot, Options, Tree};
use scrubjay_model::{Accumulated, BootEnd, Clocks, ErrorClass, SeriesPlace};
use scrubjay_storage::{History, HistoryReader};
use scrubjay_tests::timelines;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

struct Played {
    last: Accumulated,
    /// Names of the live patches known to be forced, at each moment.
    forced: Vec<Vec<Option<String>>>,
    reader: HistoryReader,
    kernel: scrubjay_tests::edac_model::Kernel,
    _state: tempfile::TempDir,
}

fn play(name: &str) -> Played {
    let (_, timeline) = timelines::ALL.into_iter().find(|(known, _)| *known == name).unwrap();
    let timeline = timeline();
    let state = tempfile::tempdir().unwrap();
    let mut last = Accumulated::default();
    let mut forced = Vec::new();
    for text in &timeline.moments {
        let clocks = Clocks { realtime_ms: 0, boottime: None, monotonic: None };
        let host = HostRoot::from_tree(Tree::parse(text).unwrap(), Arc::new(move || clocks));
        let options = Options { deadline: Duration::from_secs(60), disabled: BTreeSet::new() };
        let snapshot = Collector::new(Arc::new(host), options).snapshot();
        let mut history = History::open(state.path(), &snapshot.at).unwrap();
        history.begin_run(&snapshot.at, "test", Duration::from_secs(60)).unwrap();
        let appended = history.append(&snapshot);
        assert!(appended.error.is_none(), "{:?}", appended.error);
        last = appended.accumulated;
        let known = last.forced_in_this_boot(&snapshot);
        forced.push(known.into_iter().map(|forced| forced.patch).collect());
    }
    let reader = HistoryReader::open(state.path()).unwrap().unwrap();
    Played { last, forced, reader, kernel: timeline.kernel, _state: state }
}

impl Played {
    /// Changes by kind, of everything but the controllers' totals.
    fn steps(&self) -> BTreeMap<String, u64> {
        let mut steps = BTreeMap::new();
        for record in self.reader.memory(None).unwrap() {
            if record.series.place != SeriesPlace::Total && record.by > 0 {
                *steps.entry(record.step).or_insert(0) += record.by;
            }
        }
        steps
    }

    /// Corrected errors of all DIMMs and of no DIMM, and whether any may be missing.
    fn corrected(&self) -> (u64, bool) {
        self.last
            .totals
            .iter()
            .filter(|(key, _)| {
                key.class == ErrorClass::Correctable && key.place != SeriesPlace::Total
            })
            .fold((0, false), |(sum, bound), (_, total)| {
                (sum + total.total, bound || total.is_lower_bound())
            })
    }

    fn boots(&self) -> Vec<BootEnd> {
        self.reader.boots().unwrap().into_iter().map(|boot| boot.end).collect()
    }

    fn clock_steps_ms(&self) -> Vec<i64> {
        self.reader.clock_steps().unwrap().into_iter().map(|step| step.by_ms).collect()
    }
}

fn steps<const N: usize>(expect: [(&str, u64); N]) -> BTreeMap<String, u64> {
    expect.into_iter().map(|(step, by)| (step.to_owned(), by)).collect()
}

#[test]
fn every_timeline_ends_with_the_totals_the_kernel_allows_to_know() {
    for (name, _) in timelines::ALL {
        let played = play(name);
        for account in played.kernel.accounts() {
            let index = played.kernel.index_of(account.controller).unwrap();
            let total = played.last.total(index, account.place, account.class).unwrap();
            assert_eq!(account.check(total.total, total.restarts), Ok(()), "{name}");
        }
    }
}

#[test]
fn a_reboot_adds_the_new_boots_errors_and_says_that_some_may_be_missing() {
    let played = play("reboot");
    assert_eq!(played.corrected(), (6, true));
    assert_eq!(played.steps(), steps([("first", 4), ("reboot", 1), ("advanced", 1)]));
    assert_eq!(played.boots(), [BootEnd::Unclean, BootEnd::Running]);
}

#[test]
fn a_driver_reload_is_a_new_life_of_its_counters_and_no_new_boot() {
    let played = play("driver-reload");
    assert_eq!(played.corrected(), (12, true));
    assert_eq!(played.steps(), steps([("first", 7), ("zeroed", 5)]));
    assert_eq!(played.boots(), [BootEnd::Running]);
}

#[test]
fn counters_that_overtook_their_old_value_after_a_reset_are_counted_in_full() {
    let played = play("reset-and-overtake");
    assert_eq!(played.corrected(), (15, true));
    assert_eq!(played.steps(), steps([("first", 5), ("zeroed", 9), ("advanced", 1)]));
}

#[test]
fn a_wrap_is_bridged_and_the_total_stays_exact() {
    let played = play("u32-wrap");
    assert_eq!(played.corrected(), ((1 << 32) - 6 + 10 + 1, false));
}

#[test]
fn a_step_of_the_wall_clock_is_recorded_and_changes_no_count() {
    for (name, hours) in [("clock-step-forward", 4), ("clock-step-back", -24)] {
        let played = play(name);
        assert_eq!(played.corrected(), (3, false), "{name}");
        assert_eq!(played.boots(), [BootEnd::Running], "{name}");
        let steps = played.clock_steps_ms();
        assert_eq!(steps.len(), 1, "{name}: {steps:?}");
        assert!((steps[0] - hours * 3_600_000).abs() < 1_000, "{name}: {steps:?}");
    }
}

#[test]
fn renumbered_controllers_keep_their_errors() {
    let played = play("controller-renumbering");
    assert_eq!(played.corrected(), (11, true));
    let with_errors: BTreeSet<&str> = played
        .last
        .totals
        .iter()
        .filter(|(_, total)| total.total > 0)
        .map(|(key, _)| key.controller.as_str())
        .collect();
    assert_eq!(with_errors.len(), 1, "{with_errors:?}");
}

#[test]
fn sleep_is_no_reset() {
    let played = play("suspend");
    assert_eq!(played.corrected(), (4, false));
    assert_eq!(played.clock_steps_ms(), [0_i64; 0]);
}

#[test]
fn a_rewritten_label_is_no_new_dimm() {
    let played = play("dimm-label-rewritten");
    assert_eq!(played.corrected(), (4, false));
}

#[test]
fn a_forced_live_patch_is_known_until_the_reboot_although_the_log_forgets() {
    let played = play("livepatch-forced");
    let patch = || Some("livepatch_2026_10".to_owned());
    assert_eq!(played.forced, [vec![patch()], vec![patch()], vec![]]);
}
/// Corrected errors by stick, and whether it is still there.
fn sticks(played: &Played) -> Vec<(&str, u64, bool)> {
    let records = played.last.modules.values();
    records.map(|r| (r.key.as_str(), r.correctable, r.ended_wall_ms.is_none())).collect()
}

#[test]
fn errors_belong_to_the_stick_that_had_them() {
    let swapped = play("dimm-swapped");
    let expect = [("425bb669", 5, false), ("425bb66a", 0, true), ("425bb70f", 2, true)];
    assert_eq!(sticks(&swapped), expect);
    let moved = play("dimm-moved");
    assert_eq!(sticks(&moved), [("425bb669", 8, true), ("425bb66a", 0, true)]);
    let renumbered = play("dimm-of-renumbered-controller");
    assert_eq!(sticks(&renumbered)[3], ("425bb66c", 6, true));
    assert_eq!(sticks(&renumbered).len(), 4);
    let unreadable = play("dimm-tables-unreadable");
    assert_eq!(sticks(&unreadable), [("425bb669", 6, true), ("425bb66a", 0, true)]);
    for name in ["dimm-without-serial", "dimm-with-shared-serial"] {
        let played = play(name);
        let sum: u64 = sticks(&played).iter().map(|(_, errors, _)| errors).sum();
        assert_eq!((sticks(&played).len(), sum), (2, 6), "{name}");
    }
}
