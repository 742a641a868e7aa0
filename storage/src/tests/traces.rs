//! What those who judge memory are given of each stick.

use super::events::sighting;
use super::modules::{Machine, open};
use super::support::{INTERVAL, START_WALL_MS, directory};
use crate::{Heard, History, HistoryReader, traces};
use scrubjay_model::{
    ErrorClass, MemoryTraces, ModuleKey, ModuleTrace, Place, SeriesPlace, Sighting, Sightings,
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
    let of = |most| traces::of_modules(&conn, 0, most, false).unwrap();
    let (cut, whole) = (of(4), of(9));
    let (cut, whole) = (trace(&cut, "aaaa1"), trace(&whole, "aaaa1"));
    assert_eq!((cut.reports.len(), cut.cut), (4, true));
    assert_eq!((whole.reports.len(), whole.cut), (9, false));
    assert_eq!(cut.reports, whole.reports[5..], "the last ones");
}
