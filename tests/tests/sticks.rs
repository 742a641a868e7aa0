//! The lives of sticks over the timelines, from raw tables to lives: what is told after each moment.

use scrubjay_collector::{Collector, HostRoot, Options, Tree};
use scrubjay_model::{
    Clocks, Confidence, ControllerKey, DimmModule, Gone, Identity, Inventory, KnownController,
    KnownModule, LifeChange, ModuleLives, SeenController, Snapshot, join_dimms, match_controllers,
    match_modules,
};
use scrubjay_tests::timelines;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// One look at the host.
struct Look {
    modules: Vec<DimmModule>,
    lives: ModuleLives,
}

fn play(name: &str) -> Vec<Look> {
    let (_, timeline) = timelines::ALL.into_iter().find(|(known, _)| *known == name).unwrap();
    let mut controllers: Vec<KnownController> = Vec::new();
    let mut known: Vec<KnownModule> = Vec::new();
    let mut looks = Vec::new();
    for text in &timeline().moments {
        let clocks = Clocks { realtime_ms: 0, boottime: None, monotonic: None };
        let host = HostRoot::from_tree(Tree::parse(text).unwrap(), Arc::new(move || clocks));
        let options = Options { deadline: Duration::from_secs(60), disabled: BTreeSet::new() };
        let snapshot = Collector::new(Arc::new(host), options).snapshot();
        let edac = Snapshot::found(&snapshot.edac).unwrap();
        let smbios = Snapshot::found(&snapshot.smbios);

        let seen: Vec<SeenController> = edac.controllers.iter().map(Into::into).collect();
        let keys = match_controllers(&controllers, &seen);
        controllers = keys
            .iter()
            .zip(&seen)
            .map(|(key, s)| KnownController {
                key: key.clone(),
                index: s.index,
                name: s.name.clone(),
            })
            .collect();
        let keys: BTreeMap<u32, ControllerKey> = seen.iter().map(|s| s.index).zip(keys).collect();

        let modules = join_dimms(Some(edac), smbios, None);
        let complete = smbios.is_some_and(|smbios| smbios.complete);
        let inventory = if complete { Inventory::Complete } else { Inventory::Partial };
        let lives = match_modules(&known, &modules, &keys, inventory);
        for (life, module) in lives.seen.iter().zip(&modules) {
            let at = known.iter().position(|known| known.key == life.key);
            let before = at.map(|at| known.remove(at));
            let key = life.key.clone();
            known.push(KnownModule::remember(key, module, &keys, before.as_ref()));
        }
        for (key, _) in &lives.gone {
            known.iter_mut().find(|known| known.key == *key).unwrap().retired = true;
        }
        looks.push(Look { modules, lives });
    }
    looks
}

impl Look {
    fn keys(&self) -> Vec<&str> {
        self.lives.seen.iter().map(|life| life.key.as_str()).collect()
    }

    fn changes(&self) -> Vec<&LifeChange> {
        self.lives.seen.iter().map(|life| &life.change).collect()
    }

    fn places(&self) -> Vec<String> {
        let names = self.modules.iter().map(|module| {
            let places: Vec<String> = module.places.iter().map(ToString::to_string).collect();
            places.join(" ")
        });
        names.collect()
    }
}

#[test]
fn a_swap_ends_one_life_and_begins_another() {
    let looks = play("dimm-swapped");
    assert_eq!(looks[0].keys(), ["425bb669", "425bb66a"]);
    assert_eq!(looks[1].keys(), ["425bb70f", "425bb66a"]);
    let [(gone, Gone::Replaced { by })] = &looks[1].lives.gone[..] else {
        panic!("{:?}", looks[1].lives)
    };
    assert_eq!((gone.as_str(), by.as_str()), ("425bb669", "425bb70f"));
    assert_eq!(looks[2].changes(), [&LifeChange::Same, &LifeChange::Same]);
    assert!(looks.iter().all(|look| look.places() == ["mc0/dimm0", "mc0/dimm1"]));
}

#[test]
fn a_move_takes_the_life_along() {
    let looks = play("dimm-moved");
    assert_eq!(looks[0].places(), ["mc0/dimm0", "mc0/dimm1"]);
    assert_eq!(looks[1].keys(), ["425bb66a", "425bb669"]);
    let moved = |from: &str| LifeChange::Moved { from: Some(from.to_owned()) };
    assert_eq!(looks[1].changes(), [&moved("P1-DIMMB1"), &moved("P1-DIMMA1")]);
    assert_eq!(looks[1].lives.gone, []);
}

#[test]
fn a_renumbered_controller_changes_places_and_no_life() {
    let looks = play("dimm-of-renumbered-controller");
    assert_eq!(looks[0].places(), ["mc0/dimm0", "mc0/dimm1", "mc1/dimm0", "mc1/dimm1"]);
    assert_eq!(looks[1].places(), ["mc1/dimm0", "mc1/dimm1", "mc0/dimm0", "mc0/dimm1"]);
    assert_eq!(looks[0].keys(), looks[1].keys());
    assert!(looks[1].changes().iter().all(|change| **change == LifeChange::Same));
    let confidence = |module: &DimmModule| module.confidence == Confidence::ByPosition;
    assert!(looks[1].modules.iter().all(confidence));
}

#[test]
fn without_serial_numbers_lives_go_by_slot_and_say_what_they_cannot_see() {
    for (name, identity) in [
        ("dimm-without-serial", Identity::Slot),
        ("dimm-with-shared-serial", Identity::SharedSerial),
    ] {
        let looks = play(name);
        for look in &looks {
            assert_eq!(look.keys(), ["node-1-p1-dimma1", "node-1-p1-dimmb1"], "{name}");
            assert!(look.modules.iter().all(|module| module.identity == identity), "{name}");
            assert!(
                look.modules.iter().all(|module| module.identity.blind_spot().is_some()),
                "{name}"
            );
        }
        assert_eq!(looks[1].changes(), [&LifeChange::Same, &LifeChange::Same], "{name}");
        assert_eq!(looks[1].lives.gone, [], "{name}");
    }
}

#[test]
fn tables_that_cannot_be_read_end_no_life() {
    let looks = play("dimm-tables-unreadable");
    for look in &looks {
        assert_eq!(look.keys(), ["425bb669", "425bb66a"]);
        assert_eq!(look.lives.gone, []);
    }
    assert_eq!(looks[2].changes(), [&LifeChange::Same, &LifeChange::Same]);
}
