//! That a live patch was forced is remembered for the boot, whatever the log still holds.

use super::support::{absent, answered, directory, empty, start};
use crate::{History, HistoryReader};
use scrubjay_model::{
    BootId, ForcedPatch, KernelLog, LogCounts, LogMark, Origin, ReadFault, Reading, Snapshot, Stamp,
};
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

fn forced(seconds: u64, patch: Option<&str>) -> ForcedPatch {
    ForcedPatch { awake: Duration::from_secs(seconds), patch: patch.map(str::to_owned) }
}

fn snapshot(at: Stamp, log: Reading<Vec<ForcedPatch>>) -> Snapshot {
    let log = log.map(|forced| KernelLog {
        oldest: Some(LogMark { sequence: Some(7), awake: None }),
        newest: None,
        records: 1,
        lost: 0,
        cut: false,
        forced,
        transition: None,
        transition_ended: false,
        ecc_disabled: Vec::new(),
        cec_initialized: false,
        cmci_storms: 0,
        told: LogCounts::NONE,
    });
    Snapshot { kernel_log: Some(answered(log)), ..empty(at) }
}

fn remembered(history: &mut History, snapshot: &Snapshot) -> Vec<ForcedPatch> {
    let appended = history.append(snapshot);
    assert!(appended.error.is_none(), "{:?}", appended.error);
    appended.accumulated.forced_patches
}

#[test]
fn it_outlives_the_log_and_the_agent_and_ends_with_the_boot() {
    let dir = directory();
    let mut history = start(dir.path(), &stamp('1', 1));
    let seen = vec![forced(90, Some("lp_1"))];
    let at = |minutes| stamp('1', minutes);
    assert_eq!(remembered(&mut history, &snapshot(at(2), Reading::Value(seen.clone()))), seen);
    assert_eq!(remembered(&mut history, &snapshot(at(3), Reading::Value(Vec::new()))), seen);
    assert_eq!(remembered(&mut history, &snapshot(at(4), absent())), seen);
    drop(history);

    let later = snapshot(at(5), Reading::Value(Vec::new()));
    let reader = HistoryReader::open(dir.path()).unwrap().unwrap();
    assert_eq!(reader.accumulate(&later).unwrap().forced_patches, seen);
    let mut history = start(dir.path(), &at(5));
    assert_eq!(remembered(&mut history, &later), seen);
    drop(history);

    let next = snapshot(stamp('2', 1), Reading::Value(Vec::new()));
    assert_eq!(reader.accumulate(&next).unwrap().forced_patches, []);
    let mut history = start(dir.path(), &next.at);
    assert_eq!(remembered(&mut history, &next), []);
    // The same patch in the next boot is a matter of its own.
    let again = vec![forced(30, Some("lp_1"))];
    let next = snapshot(stamp('2', 2), Reading::Value(again.clone()));
    assert_eq!(remembered(&mut history, &next), again);
}

#[test]
fn a_name_that_the_log_has_lost_is_remembered() {
    let dir = directory();
    let mut history = start(dir.path(), &stamp('1', 1));
    let at = |minutes| stamp('1', minutes);
    let seen = vec![forced(90, Some("lp_1"))];
    assert_eq!(remembered(&mut history, &snapshot(at(2), Reading::Value(seen.clone()))), seen);
    let nameless = Reading::Value(vec![forced(90, None)]);
    assert_eq!(remembered(&mut history, &snapshot(at(3), nameless)), seen);
}

#[test]
fn a_command_sees_what_the_agent_has_not_recorded_yet() {
    let dir = directory();
    drop(start(dir.path(), &stamp('1', 1)));
    let reader = HistoryReader::open(dir.path()).unwrap().unwrap();
    let seen = vec![forced(90, Some("lp_1"))];
    let now = snapshot(stamp('1', 2), Reading::Value(seen.clone()));
    assert_eq!(reader.accumulate(&now).unwrap().forced_patches, seen);
    let denied = Reading::Unreadable(Origin::new("dev/kmsg"), ReadFault::Denied);
    let now = snapshot(stamp('1', 2), denied);
    assert_eq!(reader.accumulate(&now).unwrap().forced_patches, []);
}
