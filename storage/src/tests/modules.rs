//! The errors of each stick, through swaps, moves, renumbered controllers and kills.

use super::support::{Host, INTERVAL, Mc, answered, append, directory, kill};
use crate::{History, HistoryReader, load};
use proptest::prelude::*;
use scrubjay_model::{
    Accumulated, ArrayUse, Confidence, ErrorClass, ErrorCorrection, FormFactor, Identity,
    MemoryArray, MemoryDevice, MemoryType, ModuleRecord, ModuleSize, Reading, SeriesPlace, Smbios,
    Snapshot, TypeDetail,
};
use std::collections::BTreeMap;
use std::time::Duration;

/// A host with two controllers of two slots each, and firmware that lists the sticks.
pub(super) struct Machine {
    pub(super) host: Host,
    /// The serial number of the stick in each slot.
    pub(super) serials: [String; 4],
    /// Whether the tables can be read.
    readable: bool,
}

const SLOTS: [&str; 4] = ["A1", "A2", "B1", "B2"];

impl Machine {
    pub(super) fn new() -> Self {
        let mut host = Host::new();
        host.controllers = vec![Mc::new(0, "IMC#0"), Mc::new(1, "IMC#1")];
        let serials = ["AAAA1", "BBBB2", "CCCC3", "DDDD4"].map(str::to_owned);
        Self { host, serials, readable: true }
    }

    /// Errors in a slot.
    pub(super) fn fail(&mut self, slot: usize, correctable: u64, uncorrectable: u64) {
        let counts = self.host.dimm(slot / 2, slot % 2);
        counts.0 += correctable;
        counts.1 += uncorrectable;
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let mut snapshot = self.host.snapshot();
        let edac = snapshot.edac.as_mut().unwrap();
        let Reading::Value(edac) = &mut edac.reading else { panic!("no EDAC") };
        for controller in &mut edac.controllers {
            let first = if controller.name.value().unwrap() == "IMC#0" { 0 } else { 2 };
            for (dimm, slot) in controller.dimms_mut().iter_mut().zip(&SLOTS[first..]) {
                dimm.label = Reading::Value((*slot).to_owned());
                dimm.size_bytes = Reading::Value(16 << 30);
            }
        }
        if self.readable {
            snapshot.smbios = Some(answered(Reading::Value(self.table())));
        }
        snapshot
    }

    fn table(&self) -> Smbios {
        let device = |(handle, (slot, serial)): (u16, (&&str, &String))| MemoryDevice {
            handle,
            array_handle: 0x1000,
            total_width_bits: None,
            data_width_bits: None,
            size: ModuleSize::Bytes(16 << 30),
            form_factor: FormFactor(9),
            set: None,
            locator: Some((*slot).to_owned()),
            bank: None,
            memory_type: MemoryType(26),
            type_detail: TypeDetail(0),
            speed_mts: None,
            manufacturer: None,
            serial: Some(serial.clone()),
            asset_tag: None,
            part: None,
            ranks: None,
            configured_speed_mts: None,
            technology: None,
            firmware: None,
            module_manufacturer_id: None,
            module_product_id: None,
        };
        Smbios {
            version: None,
            arrays: vec![MemoryArray {
                handle: 0x1000,
                usage: ArrayUse(3),
                error_correction: ErrorCorrection(6),
                max_capacity_bytes: None,
                slots: 4,
            }],
            devices: (1..).zip(SLOTS.iter().zip(&self.serials)).map(device).collect(),
            complete: true,
        }
    }

    pub(super) fn look(&mut self, history: &mut History) -> Accumulated {
        self.host.pass(INTERVAL);
        let appended = history.append(&self.snapshot());
        assert!(appended.error.is_none(), "{:?}", appended.error);
        appended.accumulated
    }
}

pub(super) fn open(dir: &std::path::Path, host: &Host) -> History {
    let mut history = History::open(dir, &host.at()).unwrap();
    history.begin_run(&host.at(), "1.0.0", INTERVAL).unwrap();
    history
}

pub(super) fn stick<'a>(accumulated: &'a Accumulated, key: &str) -> &'a ModuleRecord {
    accumulated.modules.values().find(|record| record.key.as_str() == key).unwrap()
}

fn errors(accumulated: &Accumulated, key: &str) -> (u64, u64) {
    let record = stick(accumulated, key);
    (record.correctable, record.uncorrectable)
}

#[test]
fn a_swapped_stick_starts_at_zero_and_the_old_one_keeps_its_sums() {
    let dir = directory();
    let mut machine = Machine::new();
    let mut history = open(dir.path(), &machine.host);
    machine.fail(0, 5, 1);
    machine.look(&mut history);
    machine.host.reboot(2);
    machine.serials[0] = "EEEE5".to_owned();
    machine.fail(0, 2, 0);
    let told = machine.look(&mut history);
    assert_eq!(errors(&told, "aaaa1"), (5, 1));
    assert_eq!(errors(&told, "eeee5"), (2, 0));
    assert!(stick(&told, "aaaa1").ended_wall_ms.is_some());
    assert_eq!(stick(&told, "eeee5").ended_wall_ms, None);
    assert_eq!(stick(&told, "eeee5").confidence, Confidence::Verified);
    // What was lost with the counters was lost of those that were there.
    assert!(stick(&told, "aaaa1").is_lower_bound() && stick(&told, "bbbb2").is_lower_bound());
    assert!(!stick(&told, "eeee5").is_lower_bound());
    drop(history);

    let reader = HistoryReader::open(dir.path()).unwrap().unwrap();
    let turns: Vec<(String, String, String)> = reader
        .module_turns()
        .unwrap()
        .into_iter()
        .skip(4)
        .map(|turn| (turn.key.to_string(), turn.what, turn.detail))
        .collect();
    let turn =
        |key: &str, what: &str, detail: &str| (key.to_owned(), what.to_owned(), detail.to_owned());
    assert_eq!(turns, [turn("aaaa1", "replaced", "eeee5"), turn("eeee5", "swapped_in", "aaaa1")]);
}

#[test]
fn errors_follow_a_stick_that_moves_and_stay_through_renumbering() {
    let dir = directory();
    let mut machine = Machine::new();
    let mut history = open(dir.path(), &machine.host);
    machine.fail(0, 5, 0);
    machine.look(&mut history);
    machine.host.reboot(2);
    machine.serials.swap(0, 3);
    for mc in &mut machine.host.controllers {
        mc.index = 1 - mc.index;
    }
    machine.fail(3, 3, 0);
    let told = machine.look(&mut history);
    assert_eq!(errors(&told, "aaaa1"), (8, 0));
    assert_eq!(errors(&told, "dddd4"), (0, 0));
    assert_eq!(stick(&told, "aaaa1").slot.as_deref(), Some("B2"));
}

#[test]
fn what_could_not_be_read_for_a_while_changes_nothing() {
    let dir = directory();
    let mut machine = Machine::new();
    let mut history = open(dir.path(), &machine.host);
    machine.fail(0, 5, 0);
    let before = machine.look(&mut history);
    machine.readable = false;
    machine.fail(0, 1, 0);
    let blind = machine.look(&mut history);
    assert_eq!(errors(&blind, "aaaa1"), (6, 0));
    assert_eq!(stick(&blind, "aaaa1").identity, Identity::Serial);
    assert_eq!(blind.modules.len(), before.modules.len());
    machine.readable = true;
    let again = machine.look(&mut history);
    assert_eq!(again.modules.len(), before.modules.len());
    assert!(again.modules.values().all(|record| record.ended_wall_ms.is_none()));
}

#[test]
fn a_pass_in_which_no_stick_changes_writes_no_stick() {
    let dir = directory();
    let mut machine = Machine::new();
    let mut history = open(dir.path(), &machine.host);
    machine.look(&mut history);
    let writes = history.stats().writes;
    machine.look(&mut history);
    assert_eq!(history.stats().writes, writes);
}

#[test]
fn errors_of_a_host_without_tables_belong_to_its_places() {
    let dir = directory();
    let mut host = Host::new();
    let mut history = open(dir.path(), &host);
    *host.dimm(0, 1) = (7, 0);
    host.pass(INTERVAL);
    let told = append(&mut history, &host);
    let record = stick(&told, "skylake-socket-0-imc-0-dimm1");
    assert_eq!((record.correctable, record.identity), (7, Identity::Place));
}

/// What may happen to the machine between two looks.
#[derive(Debug, Clone)]
enum Event {
    Errors {
        slot: usize,
        correctable: u64,
        uncorrectable: u64,
    },
    /// Taken out for another stick, over a reboot.
    Swapped {
        slot: usize,
    },
    /// Two sticks change places, over a reboot.
    Moved {
        from: usize,
        to: usize,
    },
    Renumbered,
    /// Nobody may read the tables from now on, or again.
    Closed,
    Kill,
    Look,
}

fn event() -> impl Strategy<Value = Event> {
    let slot = 0_usize..4;
    prop_oneof![
        6 => (slot.clone(), 0_u64..1000, 0_u64..3).prop_map(|(slot, correctable, uncorrectable)| {
            Event::Errors { slot, correctable, uncorrectable }
        }),
        1 => slot.clone().prop_map(|slot| Event::Swapped { slot }),
        1 => (slot.clone(), slot).prop_map(|(from, to)| Event::Moved { from, to }),
        1 => Just(Event::Renumbered),
        1 => Just(Event::Closed),
        1 => Just(Event::Kill),
        6 => Just(Event::Look),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Each stick has exactly the errors that were counted in its slots while it was there, and
    /// all sticks together have those of all places, whatever happens in between.
    #[test]
    fn every_error_belongs_to_the_stick_that_had_it(
        events in proptest::collection::vec(event(), 1..40),
    ) {
        let mut dir = directory();
        let mut machine = Machine::new();
        let mut history = open(dir.path(), &machine.host);
        // Sticks get their keys from the tables.
        machine.look(&mut history);
        let mut truth: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        let (mut boots, mut sticks) = (1, 0);
        // What the kernel showed at the last look of this boot.
        let mut shown = [(0, 0); 4];
        for event in events.iter().chain([&Event::Look]) {
            let mut reboot = |machine: &mut Machine, shown: &mut [(u64, u64); 4]| {
                boots += 1;
                machine.host.reboot(boots);
                // Sticks are only exchanged where somebody can see it: the rest is guesswork.
                machine.readable = true;
                *shown = [(0, 0); 4];
            };
            match *event {
                Event::Errors { slot, correctable, uncorrectable } => {
                    machine.fail(slot, correctable, uncorrectable);
                }
                Event::Swapped { slot } => {
                    sticks += 1;
                    reboot(&mut machine, &mut shown);
                    machine.serials[slot] = format!("NEW{sticks}");
                    machine.look(&mut history);
                }
                Event::Moved { from, to } => {
                    reboot(&mut machine, &mut shown);
                    machine.serials.swap(from, to);
                    machine.look(&mut history);
                }
                Event::Renumbered => {
                    for mc in &mut machine.host.controllers {
                        mc.index = 1 - mc.index;
                    }
                }
                Event::Closed => machine.readable = !machine.readable,
                Event::Kill => {
                    dir = kill(history, dir.path());
                    machine.host.pass(Duration::from_secs(1));
                    history = open(dir.path(), &machine.host);
                }
                Event::Look => {
                    machine.look(&mut history);
                    for (slot, before) in shown.iter_mut().enumerate() {
                        let now = *machine.host.dimm(slot / 2, slot % 2);
                        let sum = truth.entry(machine.serials[slot].to_lowercase()).or_default();
                        sum.0 += now.0 - before.0;
                        sum.1 += now.1 - before.1;
                        *before = now;
                    }
                }
            }
        }
        let told = machine.look(&mut history);
        for (key, sums) in &truth {
            prop_assert!(
                told.modules.values().any(|record| record.key.as_str() == key)
                    || *sums == (0, 0),
                "{key} {sums:?} of {:?}", told.modules.keys()
            );
        }
        for record in told.modules.values() {
            let expected = truth.get(record.key.as_str()).copied().unwrap_or_default();
            prop_assert_eq!((record.correctable, record.uncorrectable), expected, "{}", &record.key);
        }
        for class in ErrorClass::ALL {
            let places: u64 = told
                .totals
                .iter()
                .filter(|(key, _)| key.class == class && matches!(key.place, SeriesPlace::Dimm(_)))
                .map(|(_, total)| total.total)
                .sum();
            let modules: u64 = told.modules.values().map(|record| record.errors(class)).sum();
            prop_assert_eq!(modules, places);
        }
        history.end_run(&machine.host.at()).unwrap();
        prop_assert_eq!(&load::state(&history.conn).unwrap(), &history.state);
    }
}
