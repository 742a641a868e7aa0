//! The lives of sticks through swaps, moves, and firmware that says less than it did.

use super::*;
use crate::{ControllerKey, Smbios, dimm::lives::KnownModule};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// A host that is looked at again and again.
#[derive(Default)]
struct Watch {
    known: Vec<KnownModule>,
}

impl Watch {
    fn look_at(&mut self, seen: &[DimmModule], inventory: Inventory) -> ModuleLives {
        self.look_as(seen, inventory, &[(0, "mc0"), (1, "mc1")])
    }

    /// With the controllers' keys by index.
    fn look_as(
        &mut self,
        seen: &[DimmModule],
        inventory: Inventory,
        controllers: &[(u32, &str)],
    ) -> ModuleLives {
        let controllers: BTreeMap<u32, ControllerKey> = controllers
            .iter()
            .map(|(index, key)| (*index, ControllerKey::from_stored(*key)))
            .collect();
        let lives = match_modules(&self.known, seen, &controllers, inventory);
        for (life, module) in lives.seen.iter().zip(seen) {
            let at = self.known.iter().position(|known| known.key == life.key);
            let before = at.map(|at| self.known.remove(at));
            let key = life.key.clone();
            let known = KnownModule::remember(key, module, &controllers, before.as_ref());
            self.known.push(known);
        }
        for (key, _) in &lives.gone {
            self.known.iter_mut().find(|known| known.key == *key).unwrap().retired = true;
        }
        lives
    }

    fn look(&mut self, smbios: &Smbios) -> ModuleLives {
        self.look_at(&join_dimms(None, Some(smbios), None), Inventory::Complete)
    }
}

fn told(lives: &ModuleLives) -> Vec<(&str, &LifeChange)> {
    lives.seen.iter().map(|life| (life.key.as_str(), &life.change)).collect()
}

fn key(text: &str) -> ModuleKey {
    ModuleKey::from_stored(text)
}

fn moved(from: &str) -> LifeChange {
    LifeChange::Moved { from: Some(from.to_owned()) }
}

#[test]
fn a_swapped_stick_begins_a_new_life_and_ends_the_old_one() {
    let mut watch = Watch::default();
    let first = watch.look(&table(vec![device(1, "A1", "AAAA1"), device(2, "A2", "BBBB2")]));
    assert_eq!(told(&first), [("aaaa1", &LifeChange::New), ("bbbb2", &LifeChange::New)]);
    let second = watch.look(&table(vec![device(1, "A1", "CCCC3"), device(2, "A2", "BBBB2")]));
    let swapped = LifeChange::Swapped { replaced: key("aaaa1") };
    assert_eq!(told(&second), [("cccc3", &swapped), ("bbbb2", &LifeChange::Same)]);
    assert_eq!(second.gone, [(key("aaaa1"), Gone::Replaced { by: key("cccc3") })]);
    // And back again: its history goes on.
    let third = watch.look(&table(vec![device(1, "A1", "AAAA1"), device(2, "A2", "BBBB2")]));
    assert_eq!(told(&third), [("aaaa1", &LifeChange::Returned), ("bbbb2", &LifeChange::Same)]);
    assert_eq!(third.gone, [(key("cccc3"), Gone::Replaced { by: key("aaaa1") })]);
}

#[test]
fn sticks_that_change_places_keep_their_lives() {
    let mut watch = Watch::default();
    watch.look(&table(vec![device(1, "A1", "AAAA1"), device(2, "A2", "BBBB2")]));
    let second = watch.look(&table(vec![device(1, "A1", "BBBB2"), device(2, "A2", "AAAA1")]));
    assert_eq!(told(&second), [("bbbb2", &moved("A2")), ("aaaa1", &moved("A1"))]);
    assert_eq!(second.gone, []);
}

#[test]
fn a_stick_that_takes_the_slot_of_another_ends_its_life() {
    let mut watch = Watch::default();
    watch.look(&table(vec![device(1, "A1", "AAAA1"), device(2, "A2", "BBBB2")]));
    let second = watch.look(&table(vec![device(2, "A2", "AAAA1")]));
    assert_eq!(told(&second), [("aaaa1", &moved("A1"))]);
    assert_eq!(second.gone, [(key("bbbb2"), Gone::Replaced { by: key("aaaa1") })]);
}

#[test]
fn a_stick_that_a_complete_inventory_lacks_is_gone_and_may_return_elsewhere() {
    let mut watch = Watch::default();
    watch.look(&table(vec![device(1, "A1", "AAAA1"), device(2, "A2", "BBBB2")]));
    let second = watch.look(&table(vec![device(1, "A1", "AAAA1")]));
    assert_eq!(second.gone, [(key("bbbb2"), Gone::Removed)]);
    let third = watch.look(&table(vec![device(1, "A1", "AAAA1"), device(3, "A3", "BBBB2")]));
    assert_eq!(told(&third)[1], ("bbbb2", &LifeChange::Returned));
}

#[test]
fn a_part_number_tells_two_makers_sticks_of_one_number_apart() {
    let mut watch = Watch::default();
    watch.look(&table(vec![device(1, "A1", "AAAA1")]));
    let mut other = device(1, "A1", "AAAA1");
    other.part = Some("HMA84GR7CJR4N-XN".to_owned());
    let second = watch.look(&table(vec![other]));
    assert_eq!(told(&second), [("aaaa1-2", &LifeChange::Swapped { replaced: key("aaaa1") })]);
}

#[test]
fn a_stick_without_serial_number_is_known_by_slot_size_and_part() {
    let mut watch = Watch::default();
    let first = watch.look(&table(vec![device(1, "DIMM_A1", "")]));
    assert_eq!(told(&first), [("dimm-a1", &LifeChange::New)]);
    // An equal stick, or the same: nobody can tell, and the module says so.
    let again = table(vec![device(1, "DIMM_A1", "NO DIMM")]);
    assert_eq!(told(&watch.look(&again)), [("dimm-a1", &LifeChange::Same)]);
    let module = &join_dimms(None, Some(&again), None)[0];
    assert!(module.identity.blind_spot().unwrap().contains("without a serial number"));
    // One of another size is another.
    let larger = table(vec![sized(device(1, "DIMM_A1", ""), 32 << 30)]);
    let swapped = LifeChange::Swapped { replaced: key("dimm-a1") };
    assert_eq!(told(&watch.look(&larger)), [("dimm-a1-2", &swapped)]);
}

#[test]
fn shared_serial_numbers_are_not_trusted() {
    let mut watch = Watch::default();
    let twins = |a: &str, b: &str| table(vec![device(1, a, "160412A2"), device(2, b, "160412A2")]);
    let first = watch.look(&twins("A1", "A2"));
    assert_eq!(told(&first), [("a1", &LifeChange::New), ("a2", &LifeChange::New)]);
    assert_eq!(
        told(&watch.look(&twins("A1", "A2"))),
        [("a1", &LifeChange::Same), ("a2", &LifeChange::Same)]
    );
    // One of them elsewhere is not known to be the one that is missing.
    let third = watch.look(&twins("A1", "B1"));
    assert_eq!(told(&third), [("a1", &LifeChange::Same), ("b1", &LifeChange::New)]);
    assert_eq!(third.gone, [(key("a2"), Gone::Removed)]);
}

#[test]
fn a_serial_number_learnt_or_lost_later_is_no_new_stick() {
    let mut watch = Watch::default();
    watch.look(&table(vec![device(1, "A1", "")]));
    let learnt = watch.look(&table(vec![device(1, "A1", "AAAA1")]));
    assert_eq!(told(&learnt), [("a1", &LifeChange::Identified)]);
    let lost = watch.look(&table(vec![device(1, "A1", "00000000")]));
    assert_eq!(told(&lost), [("a1", &LifeChange::Same)]);
    // What was learnt is kept: the next stick is another.
    let swapped = watch.look(&table(vec![device(1, "A1", "BBBB2")]));
    assert_eq!(told(&swapped)[0].1, &LifeChange::Swapped { replaced: key("a1") });
}

#[test]
fn tables_that_cannot_be_read_for_a_while_end_no_life() {
    let mut watch = Watch::default();
    let edac = labelled(&["A1", "A2"]);
    let smbios = table(vec![device(1, "A1", "AAAA1"), device(2, "A2", "BBBB2")]);
    let joined = join_dimms(Some(&edac), Some(&smbios), None);
    watch.look_at(&joined, Inventory::Complete);
    // With labels, without labels, and without EDAC as well.
    for edac in [Some(edac.clone()), Some(labelled(&["", ""])), None] {
        let blind = join_dimms(edac.as_ref(), None, None);
        let lives = watch.look_at(&blind, Inventory::Partial);
        assert_eq!(lives.gone, []);
        for (key, change) in told(&lives) {
            assert!(["aaaa1", "bbbb2"].contains(&key), "{key}");
            assert_eq!(change, &LifeChange::Same);
        }
    }
    let again = watch.look_at(&joined, Inventory::Complete);
    assert_eq!(told(&again), [("aaaa1", &LifeChange::Same), ("bbbb2", &LifeChange::Same)]);
}

#[test]
fn renumbered_controllers_change_no_life() {
    let mut watch = Watch::default();
    let at = |index, label: &str| {
        controller(index, Layout::Dimm, vec![place(Place::Dimm(0), label, "memory 0", GIB16)])
    };
    let edac = |first: &str, second: &str| Edac { controllers: vec![at(0, first), at(1, second)] };
    let smbios = table(vec![device(1, "A1", "AAAA1"), device(2, "B1", "BBBB2")]);
    let look = |watch: &mut Watch, edac: &Edac, smbios, keys: &[(u32, &str)]| {
        let inventory = if smbios { Inventory::Complete } else { Inventory::Partial };
        let table = smbios.then(|| table(vec![device(1, "A1", "AAAA1"), device(2, "B1", "BBBB2")]));
        watch.look_as(&join_dimms(Some(edac), table.as_ref(), None), inventory, keys)
    };
    look(&mut watch, &edac("A1", "B1"), true, &[(0, "x"), (1, "y")]);
    let lives = look(&mut watch, &edac("B1", "A1"), true, &[(0, "y"), (1, "x")]);
    assert_eq!(told(&lives), [("aaaa1", &LifeChange::Same), ("bbbb2", &LifeChange::Same)]);
    // Neither labels nor SMBIOS: the places are the same by the controllers' keys.
    let lives = look(&mut watch, &edac("", ""), false, &[(0, "x"), (1, "y")]);
    assert_eq!(told(&lives), [("aaaa1", &LifeChange::Same), ("bbbb2", &LifeChange::Same)]);
    assert_eq!(smbios.devices.len(), 2);
}

#[test]
fn a_rewritten_label_is_no_new_stick_where_labels_are_all_there_is() {
    let mut watch = Watch::default();
    let look = |watch: &mut Watch, labels: [&str; 2]| {
        watch.look_at(&join_dimms(Some(&labelled(&labels)), None, None), Inventory::Partial)
    };
    let first = look(&mut watch, ["", ""]);
    assert_eq!(told(&first)[0], ("mc0-dimm0", &LifeChange::New));
    look(&mut watch, ["B1", "A1"]);
    let third = look(&mut watch, ["A1", "B1"]);
    assert_eq!(told(&third), [("mc0-dimm0", &LifeChange::Same), ("mc0-dimm1", &LifeChange::Same)]);
}

#[test]
fn ranks_that_turn_out_to_be_one_stick_are_one_life_from_then_on() {
    let mut watch = Watch::default();
    let rank = |n, row| place(Place::Rank(n), "", &format!("csrow {row} channel 0"), GIB16 / 2);
    let dimms = vec![rank(0, 0), rank(1, 4)];
    let edac = Edac { controllers: vec![controller(0, Layout::Rank, dimms)] };
    let first = watch.look_at(&join_dimms(Some(&edac), None, None), Inventory::Partial);
    assert_eq!(first.seen.len(), 2);
    let smbios = table(vec![device(1, "A1", "AAAA1")]);
    let labels = map(&[("A1", &[&[0, 0, 0], &[0, 4, 0]])]);
    let joined = join_dimms(Some(&edac), Some(&smbios), Some(&labels));
    assert_eq!(joined.len(), 1, "{joined:?}");
    let second = watch.look_at(&joined, Inventory::Complete);
    let all: BTreeSet<&str> = first.seen.iter().map(|life| life.key.as_str()).collect();
    let ended: BTreeSet<&str> = second.gone.iter().map(|(key, _)| key.as_str()).collect();
    assert!(ended.is_subset(&all) && !ended.is_empty(), "{second:?}");
    assert!(second.gone.iter().all(|(_, gone)| matches!(gone, Gone::Regrouped { .. })));
}

/// Hosts from a small world: slots A1 to A4, few serial numbers, some placeholders.
fn hosts() -> impl Strategy<Value = Vec<(Smbios, bool)>> {
    let stick = ("[A]?[A-C]{0,2}|0000", 0_u32..3);
    let host = (proptest::collection::vec(proptest::option::of(stick), 4), any::<bool>());
    proptest::collection::vec(host, 1..6).prop_map(|hosts| {
        let table_of = |slots: Vec<Option<(String, u32)>>| {
            let filled = (1..).zip(slots).filter_map(|(n, stick)| Some((n, stick?)));
            table(
                filled
                    .map(|(n, (serial, part))| MemoryDevice {
                        part: Some(format!("PART-{part}")),
                        ..device(n, &format!("A{n}"), &serial)
                    })
                    .collect(),
            )
        };
        hosts.into_iter().map(|(slots, readable)| (table_of(slots), readable)).collect()
    })
}

proptest! {
    /// Through any history: no two sticks share a life, a life that goes on was known, one that
    /// ends was alive, and looking again changes nothing.
    #[test]
    fn lives_are_distinct_and_stable(hosts in hosts()) {
        let mut watch = Watch::default();
        for (smbios, readable) in hosts {
            let before = watch.known.clone();
            let (seen, inventory) = if readable {
                (join_dimms(None, Some(&smbios), None), Inventory::Complete)
            } else {
                (Vec::new(), Inventory::Partial)
            };
            let lives = watch.look_at(&seen, inventory);
            prop_assert_eq!(lives.seen.len(), seen.len());
            let distinct: BTreeSet<_> = lives.seen.iter().map(|life| &life.key).collect();
            prop_assert_eq!(distinct.len(), seen.len());
            for life in &lives.seen {
                let known = before.iter().find(|known| known.key == life.key);
                let new = matches!(life.change, LifeChange::New | LifeChange::Swapped { .. });
                prop_assert_eq!(known.is_none(), new);
            }
            for (key, _) in &lives.gone {
                prop_assert!(before.iter().any(|known| known.key == *key && !known.retired));
                prop_assert!(!distinct.contains(key));
            }
            if !readable {
                prop_assert!(lives.gone.is_empty());
            }
            let again = watch.look_at(&seen, inventory);
            prop_assert!(again.gone.is_empty());
            prop_assert!(again.seen.iter().all(|life| life.change == LifeChange::Same));
            let keys = |lives: &ModuleLives| -> Vec<ModuleKey> {
                lives.seen.iter().map(|life| life.key.clone()).collect()
            };
            prop_assert_eq!(keys(&again), keys(&lives));
        }
    }

    /// A stick with a serial number of its own keeps its life wherever it is put, whatever the
    /// order of the table.
    #[test]
    fn a_telling_serial_number_carries_the_life(
        order in Just(vec![0_u16, 1, 2, 3]).prop_shuffle(),
        slots in Just(vec![1_u16, 2, 3, 4]).prop_shuffle(),
    ) {
        let mut watch = Watch::default();
        let serial = |n: u16| format!("425BB66{n}");
        watch.look(&table((0..4).map(|n| device(n, &format!("A{}", n + 1), &serial(n))).collect()));
        let sticks = order.iter().zip(slots).map(|(n, slot)| {
            device(*n, &format!("A{slot}"), &serial(*n))
        });
        let lives = watch.look(&table(sticks.collect()));
        let keys: Vec<&str> = lives.seen.iter().map(|life| life.key.as_str()).collect();
        let expected: Vec<String> = order.iter().map(|n| serial(*n).to_lowercase()).collect();
        prop_assert_eq!(keys, expected);
        prop_assert!(lives.gone.is_empty());
    }
}

#[test]
fn an_opaque_name_tells_sticks_apart_and_does_not_tell_their_serial_numbers() {
    let keys = (0..64_u32).map(|n| ModuleKey::from_stored(format!("425bb6{n:02x}")));
    let names: BTreeSet<String> = keys.map(|key| key.opaque()).collect();
    assert_eq!(names.len(), 64);
    assert!(names.iter().all(|name| name.len() == 7 && name.starts_with('m')), "{names:?}");
    // Names are interface: they are the same in every version.
    assert_eq!(ModuleKey::from_stored("425bb669").opaque(), "m229b00");
}
