//! When a transition of a live patch was first seen is remembered for the boot.

use super::support::{answered, directory, empty, start};
use crate::HistoryReader;
use scrubjay_model::{BootId, Livepatch, Origin, Patch, Reading, Snapshot, Stamp, Transitions};
use std::time::Duration;

fn stamp(boot: char, minutes: u64) -> Stamp {
    let id = "5a6b7c8d-1234-5678-9abc-def012345678".replace('5', &boot.to_string());
    let since_boot = Some(Duration::from_secs(minutes * 60));
    Stamp {
        boot: BootId::parse(&id).unwrap(),
        since_boot,
        awake: since_boot,
        wall_ms: 1_795_429_628_000 + i64::try_from(minutes).unwrap() * 60_000,
    }
}

fn snapshot(at: Stamp, transition: bool) -> Snapshot {
    let absent = || Origin::new("sys/kernel/livepatch");
    let patch = Patch {
        name: "lp_1".to_owned(),
        enabled: Reading::Value(true),
        transition: Reading::Value(transition),
        replace: Reading::Absent(absent()),
        stack_order: Reading::Absent(absent()),
        objects: Reading::Absent(absent()),
        module_taint: Reading::Absent(absent()),
    };
    let livepatch = Livepatch { patches: vec![patch], blockers: None };
    Snapshot { livepatch: Some(answered(Reading::Value(livepatch))), ..empty(at) }
}

fn since(minutes: u64) -> Transitions {
    Transitions::from([("lp_1".to_owned(), Duration::from_secs(minutes * 60))])
}

#[test]
fn a_transition_is_as_old_as_it_was_seen_over_restarts_and_ends_with_itself_or_the_boot() {
    let dir = directory();
    let at = |minutes| stamp('1', minutes);
    let mut history = start(dir.path(), &at(1));
    let mut seen = |at: Stamp, transition| {
        let appended = history.append(&snapshot(at, transition));
        assert!(appended.error.is_none(), "{:?}", appended.error);
        appended.accumulated.transitions
    };
    assert_eq!(seen(at(1), false), Transitions::new());
    assert_eq!(seen(at(2), true), since(2));
    assert_eq!(seen(at(3), true), since(2));
    drop(history);

    let reader = HistoryReader::open(dir.path()).unwrap().unwrap();
    assert_eq!(reader.accumulate(&snapshot(at(9), true)).unwrap().transitions, since(2));
    // Of a transition that no agent has seen yet a command knows that it goes on now.
    assert_eq!(reader.accumulate(&snapshot(at(9), false)).unwrap().transitions, Transitions::new());
    let mut history = start(dir.path(), &at(10));
    let mut seen =
        |at: Stamp, transition| history.append(&snapshot(at, transition)).accumulated.transitions;
    assert_eq!(seen(at(11), true), since(2));
    assert_eq!(seen(at(12), false), Transitions::new());
    assert_eq!(seen(at(13), true), since(13));
    // The clock of the next boot begins anew.
    assert_eq!(seen(stamp('2', 1), true), Transitions::new());
}
