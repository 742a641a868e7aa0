//! Reports of one stick, and no other's.

use super::events::sighting;
use super::modules::{Machine, open, stick};
use super::support::{INTERVAL, directory};
use crate::{Appended, Heard, History, HistoryReader};
use rusqlite::named_params;
use scrubjay_model::{EventClass, ModuleKey, Place, SeriesPlace, Sighting, Sightings};

fn key(text: &str) -> ModuleKey {
    ModuleKey::from_stored(text)
}

/// Errors in the first slot, each on a page of its own.
fn reported(numbers: std::ops::Range<u64>) -> Vec<Sighting> {
    let first_slot = Some((0, SeriesPlace::Dimm(Place::Dimm(0))));
    numbers.map(|number| Sighting { counter: first_slot, ..sighting(number, 1) }).collect()
}

fn look(machine: &mut Machine, history: &mut History, sightings: Vec<Sighting>) -> Appended {
    machine.host.pass(INTERVAL);
    let sightings = Sightings { sightings, lost: 0, undecodable: 0 };
    let heard = Heard { sightings: &sightings, listening: true, how: None };
    let appended = history.append_heard(&machine.snapshot(), heard);
    assert!(appended.error.is_none(), "{:?}", appended.error);
    appended
}

#[test]
fn a_stick_has_the_reports_of_its_own_time() {
    let dir = directory();
    let mut machine = Machine::new();
    let mut history = open(dir.path(), &machine.host);
    machine.fail(0, 3, 0);
    look(&mut machine, &mut history, reported(0..3));
    machine.host.reboot(2);
    machine.serials[0] = "EEEE5".to_owned();
    history.end_run(&machine.host.at()).unwrap();
    drop(history);
    let mut history = open(dir.path(), &machine.host);
    // What the kernel kept until the agent came is of the new stick, though it was not yet seen.
    look(&mut machine, &mut history, reported(0..2));
    drop(history);

    let reader = HistoryReader::open(dir.path()).unwrap().unwrap();
    let count = |name: &str| reader.events_of(&key(name), 10).unwrap().len();
    assert_eq!((count("aaaa1"), count("eeee5"), count("bbbb2"), count("none")), (3, 2, 0, 0));
    let last = reader.events_of(&key("aaaa1"), 2).unwrap();
    let details: Vec<&str> = last.iter().map(|event| event.group.detail.as_str()).collect();
    assert_eq!(details, ["row 1", "row 2"]);

    let pattern = reader.event_pattern(&key("aaaa1")).unwrap();
    assert_eq!((pattern.groups, pattern.pages, pattern.syndromes), (3, 3, 1));
    assert_eq!(pattern.errors.get(&EventClass::Corrected), Some(&3));
    assert!(!pattern.cut && pattern.folded == 0 && pattern.without_address == 0);
    assert_eq!(reader.event_pattern(&key("bbbb2")).unwrap().groups, 0);
}

#[test]
fn a_stick_that_moves_takes_its_own_reports_along_and_no_other() {
    let dir = directory();
    let mut machine = Machine::new();
    let mut history = open(dir.path(), &machine.host);
    look(&mut machine, &mut history, reported(0..3));
    machine.host.reboot(2);
    machine.serials.swap(0, 3);
    history.end_run(&machine.host.at()).unwrap();
    drop(history);
    let mut history = open(dir.path(), &machine.host);
    let told = look(&mut machine, &mut history, Vec::new()).accumulated;
    assert_eq!(stick(&told, "dddd4").slot.as_deref(), Some("A1"));
    drop(history);
    let reader = HistoryReader::open(dir.path()).unwrap().unwrap();
    assert_eq!(reader.events_of(&key("dddd4"), 10).unwrap(), []);
    assert_eq!(reader.events_of(&key("aaaa1"), 10).unwrap().len(), 3);
    drop(reader);

    // At its new place it has new ones; then it is gone, and another has that place.
    let fourth_slot = Some((1, SeriesPlace::Dimm(Place::Dimm(1))));
    let there = |number| Sighting { counter: fourth_slot, ..sighting(number, 1) };
    let mut history = open(dir.path(), &machine.host);
    look(&mut machine, &mut history, vec![there(7)]);
    machine.host.reboot(3);
    machine.serials[3] = "EEEE5".to_owned();
    history.end_run(&machine.host.at()).unwrap();
    drop(history);
    let mut history = open(dir.path(), &machine.host);
    look(&mut machine, &mut history, vec![there(8), there(9)]);
    drop(history);
    let reader = HistoryReader::open(dir.path()).unwrap().unwrap();
    let count = |name: &str| reader.events_of(&key(name), 10).unwrap().len();
    assert_eq!((count("aaaa1"), count("dddd4"), count("eeee5")), (4, 0, 2));
    assert_eq!(reader.event_pattern(&key("aaaa1")).unwrap().groups, 4);
}

#[test]
fn the_reports_of_a_stick_are_found_by_an_index_and_need_no_sorting() {
    let dir = directory();
    let machine = Machine::new();
    drop(open(dir.path(), &machine.host));
    let conn = rusqlite::Connection::open(dir.path().join("history.db")).unwrap();
    for query in crate::module_events::queries() {
        let plan: Vec<String> = conn
            .prepare(&format!("EXPLAIN QUERY PLAN {query}"))
            .unwrap()
            .query_map(
                named_params! {
                    ":controller": 1, ":place": "dimm0", ":from": 1, ":until": 9, ":since": 5, ":limit": 20,
                },
                |row| row.get("detail"),
            )
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let plan = plan.join("\n");
        let index =
            "event USING INDEX event_place (controller=? AND counter_place=? AND run>? AND run<?)";
        assert!(plan.contains(index) && !plan.contains("TEMP B-TREE"), "{plan}");
    }
}
