//! What those who judge memory are given of each stick.

use super::events::sighting;
use super::modules::{Machine, open};
use super::support::{INTERVAL, START_WALL_MS, directory};
use crate::traces::{self, Most, Sticks};
use crate::{Heard, History, HistoryReader};
use scrubjay_model::{
    ErrorClass, EventClass, EventGroup, MemoryTraces, ModuleKey, ModuleTrace, Place, SeriesPlace,
    Sighting, Sightings,
};
use std::path::Path;
use std::time::Duration;

fn look(machine: &mut Machine, history: &mut History, pages: std::ops::Range<u64>) {
    machine.host.pass(INTERVAL);
    let counter = Some((0, SeriesPlace::Dimm(Place::Dimm(0))));
    let sightings = pages.map(|number| Sighting { counter, ..sighting(number, 1) }).collect();
    let sightings = Sightings { sightings, lost: 0, undecodable: 0 };
    let heard = Heard { sightings: &sightings, listening: true, how: None };
    assert!(history.append_heard(&machine.snapshot(), heard).error.is_none());
}

/// A pass that hears so many reports of corrected errors of a slot, and before them one that was not.
/// No two reports have one number, so each slot has its own.
fn hear(machine: &mut Machine, history: &mut History, slot: u32, corrected: u64, failed: bool) {
    let first = u64::from(slot) * 100;
    machine.host.pass(INTERVAL);
    let counter = Some((slot / 2, SeriesPlace::Dimm(Place::Dimm(slot % 2))));
    let of = |number: u64, class| {
        let usual = sighting(number, 1);
        let since = machine.host.since_boot;
        let group = EventGroup { class, first: since, last: since, ..usual.group.clone() };
        Sighting { counter, group, ..usual }
    };
    let failed = failed.then(|| of(first, EventClass::Uncorrected));
    let corrected = (1..=corrected).map(|number| of(first + number, EventClass::Corrected));
    let sightings = failed.into_iter().chain(corrected).collect();
    let sightings = Sightings { sightings, lost: 0, undecodable: 0 };
    let heard = Heard { sightings: &sightings, listening: true, how: None };
    assert!(history.append_heard(&machine.snapshot(), heard).error.is_none());
}

#[test]
fn an_uncorrected_error_is_told_however_many_corrected_ones_came_after_it() {
    let dir = directory();
    let mut machine = Machine::new();
    let mut history = open(dir.path(), &machine.host);
    hear(&mut machine, &mut history, 0, 20, true);
    drop(history);
    let conn = rusqlite::Connection::open(dir.path().join("history.db")).unwrap();
    let traces = traces::of_modules(&conn, 0, Most { each: 4, all: 100 }, Sticks::Present).unwrap();
    let told = trace(&traces, "aaaa1");
    assert!(told.cut);
    let classes: Vec<EventClass> = told.reports.iter().map(|report| report.group.class).collect();
    use EventClass::{Corrected, Uncorrected};
    assert_eq!(classes, [Uncorrected, Corrected, Corrected, Corrected, Corrected]);
}

#[test]
fn of_many_sticks_that_err_each_has_its_share() {
    let dir = directory();
    let mut machine = Machine::new();
    let mut history = open(dir.path(), &machine.host);
    for slot in 0..3 {
        hear(&mut machine, &mut history, slot, 20, false);
    }
    drop(history);
    let conn = rusqlite::Connection::open(dir.path().join("history.db")).unwrap();
    let traces = traces::of_modules(&conn, 0, Most { each: 15, all: 30 }, Sticks::Present).unwrap();
    let told: Vec<(usize, bool)> =
        traces.modules.values().map(|trace| (trace.reports.len(), trace.cut)).collect();
    assert_eq!(told, [(10, true), (10, true), (10, true), (0, false)]);
}

#[test]
fn a_storm_takes_no_more_room_than_its_shape_needs() {
    assert_eq!([1, 4, 5, 64].map(|sticks| Most::JUDGED.share(sticks)), [2_000, 2_000, 1_638, 128]);
    let dir = directory();
    let mut machine = Machine::new();
    let mut history = open(dir.path(), &machine.host);
    look(&mut machine, &mut history, 0..0);
    // A pass every five seconds, each with an error; once in between one that was not corrected.
    for pass in 0..1_500_u64 {
        machine.host.pass(Duration::from_secs(5));
        machine.fail(0, 1, u64::from(pass == 1_000));
        assert!(history.append(&machine.snapshot()).error.is_none());
    }
    drop(history);
    let told = traces_of(dir.path(), 0);
    let there = trace(&told, "aaaa1");
    assert_eq!(errors(there, ErrorClass::Correctable).iter().sum::<u64>(), 1_500);
    let failed: Vec<_> = there
        .changes
        .iter()
        .filter(|c| c.class == ErrorClass::Uncorrectable && c.errors > 0)
        .collect();
    assert!(matches!(failed[..], [one] if one.errors == 1 && one.from_wall_ms == one.to_wall_ms));
    assert!(there.changes.len() < 530, "{}", there.changes.len());
    let mut before = 0;
    for change in there.changes.iter().filter(|c| c.class == ErrorClass::Correctable) {
        assert!(before <= change.to_wall_ms && change.from_wall_ms <= change.to_wall_ms);
        // A change is as old as the interval may be.
        let minute = i64::try_from(INTERVAL.as_millis()).unwrap();
        assert!(change.to_wall_ms - change.from_wall_ms <= 600_000 + minute);
        before = change.to_wall_ms;
    }
}

#[test]
fn reports_that_became_sums_are_of_the_same_sticks() {
    let dir = directory();
    let mut machine = Machine::new();
    let mut history = open(dir.path(), &machine.host);
    hear(&mut machine, &mut history, 0, 5, true);
    hear(&mut machine, &mut history, 2, 7, false);
    history.keeping.open = Some(std::collections::BTreeSet::new());
    machine.host.pass(Duration::from_secs(3 * 365 * 86_400));
    // A clock that is years ahead is believed after a day.
    for _ in 0..50 {
        machine.host.pass(Duration::from_secs(3_600));
        look(&mut machine, &mut history, 0..0);
        history.fold(&machine.host.at()).unwrap();
    }
    drop(history);
    let told = traces_of(dir.path(), 0);
    let of = |key: &str| {
        let trace = trace(&told, key);
        let folded: u64 = trace.folded.iter().map(|sum| sum.counted).sum();
        let single: u64 = trace.reports.iter().map(|report| report.counted).sum();
        (folded, folded + single)
    };
    assert_eq!(of("aaaa1"), (5, 6), "the uncorrected one stays");
    assert_eq!(of("cccc3").1, 7);
    assert!(of("cccc3").0 >= 6, "the newest report is never folded");
    assert_eq!(of("bbbb2"), (0, 0));
    let sum = trace(&told, "aaaa1").folded[0];
    assert_eq!(sum.class, EventClass::Corrected);
    assert!(sum.from_wall_ms < sum.to_wall_ms);
}

fn traces_of(dir: &Path, from_wall_ms: i64) -> MemoryTraces {
    let reader = HistoryReader::open(dir).unwrap().unwrap();
    reader.memory_traces(from_wall_ms).unwrap()
}

fn errors(trace: &ModuleTrace, class: ErrorClass) -> Vec<u64> {
    trace.changes.iter().filter(|c| c.class == class).map(|c| c.errors).collect()
}

fn trace<'a>(traces: &'a MemoryTraces, key: &str) -> &'a ModuleTrace {
    &traces.modules[&ModuleKey::from_stored(key)]
}

/// A stick errs, is swapped at a reboot, and the one that comes errs too.
fn swapped(dir: &Path) {
    let mut machine = Machine::new();
    let mut history = open(dir, &machine.host);
    look(&mut machine, &mut history, 0..0);
    machine.fail(0, 3, 1);
    look(&mut machine, &mut history, 0..3);
    machine.fail(3, 2, 0);
    look(&mut machine, &mut history, 0..0);
    history.end_run(&machine.host.at()).unwrap();
    drop(history);
    machine.host.reboot(2);
    machine.serials[0] = "EEEE5".to_owned();
    let mut history = open(dir, &machine.host);
    look(&mut machine, &mut history, 3..4);
    machine.fail(0, 7, 0);
    machine.fail(3, 4, 0);
    look(&mut machine, &mut history, 0..0);
    history.end_run(&machine.host.at()).unwrap();
}

#[test]
fn each_stick_in_the_host_has_its_own_errors() {
    let dir = directory();
    swapped(dir.path());
    let traces = traces_of(dir.path(), 0);
    let keys: Vec<&str> = traces.modules.keys().map(ModuleKey::as_str).collect();
    assert_eq!(keys, ["bbbb2", "cccc3", "dddd4", "eeee5"], "aaaa1 is gone");
    let there = trace(&traces, "eeee5");
    assert_eq!(errors(there, ErrorClass::Correctable).iter().sum::<u64>(), 7);
    assert_eq!(errors(there, ErrorClass::Uncorrectable).iter().sum::<u64>(), 0, "not its own");
    assert_eq!(there.reports.len(), 1);
    assert!(!there.cut);
    let fourth = trace(&traces, "dddd4");
    assert_eq!(errors(fourth, ErrorClass::Correctable).iter().sum::<u64>(), 6);
    assert_eq!(trace(&traces, "bbbb2").reports, []);
    let last = fourth.changes.iter().find(|change| change.errors == 2).unwrap();
    assert_eq!((last.interval, last.first, last.restarted), (INTERVAL, false, false));
    assert_eq!(last.from_wall_ms, last.to_wall_ms);
    // What a counter shows at first is of a time that nobody watched.
    assert!(there.changes.iter().all(|change| change.errors == 0 || !change.first));
    assert_eq!(traces.boots_wall_ms.len(), 2);
    let watched: Duration = traces.watches.iter().map(|watch| watch.watched).sum();
    assert_eq!((traces.watches.len(), watched), (2, 3 * INTERVAL));
}

#[test]
fn what_is_older_is_left_out_and_what_was_folded_is_a_sum() {
    let dir = directory();
    swapped(dir.path());
    let late = START_WALL_MS + 200_000;
    let traces = traces_of(dir.path(), late);
    assert_eq!(errors(trace(&traces, "dddd4"), ErrorClass::Correctable).iter().sum::<u64>(), 4);
    assert_eq!(errors(trace(&traces, "eeee5"), ErrorClass::Correctable).iter().sum::<u64>(), 7);

    // The boot of that time is told with when it began.
    assert_eq!(traces.boots_wall_ms.len(), 2);

    // Two years on the single changes have become sums; they are of the same sticks.
    let mut machine = Machine::new();
    machine.serials[0] = "EEEE5".to_owned();
    machine.host.reboot(3);
    machine.host.pass(Duration::from_secs(2 * 365 * 86_400));
    let mut history = open(dir.path(), &machine.host);
    // A clock that is years ahead is believed after a day.
    for _ in 0..50 {
        machine.host.pass(Duration::from_secs(3_600));
        look(&mut machine, &mut history, 0..0);
        history.fold(&machine.host.at()).unwrap();
    }
    drop(history);
    let traces = traces_of(dir.path(), 0);
    let of = |key: &str| errors(trace(&traces, key), ErrorClass::Correctable).iter().sum::<u64>();
    assert_eq!((of("dddd4"), of("eeee5"), of("bbbb2")), (6, 7, 0));
    // The newest change of a counter is never folded.
    let folded = trace(&traces, "dddd4").changes.iter().find(|change| change.errors == 2).unwrap();
    assert!(folded.to_wall_ms > folded.from_wall_ms, "{folded:?}");
}

#[test]
fn no_more_reports_are_read_than_asked_for_and_it_is_said() {
    let dir = directory();
    let mut machine = Machine::new();
    let mut history = open(dir.path(), &machine.host);
    look(&mut machine, &mut history, 0..9);
    drop(history);
    let conn = rusqlite::Connection::open(dir.path().join("history.db")).unwrap();
    let of = |each| traces::of_modules(&conn, 0, Most { each, all: 100 }, Sticks::Present).unwrap();
    let (cut, whole) = (of(4), of(9));
    let (cut, whole) = (trace(&cut, "aaaa1"), trace(&whole, "aaaa1"));
    assert_eq!((cut.reports.len(), cut.cut), (4, true));
    assert_eq!((whole.reports.len(), whole.cut), (9, false));
    assert_eq!(cut.reports, whole.reports[5..], "the last ones");
}
