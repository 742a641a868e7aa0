//! Which stick had which errors. Pure: the counters' increments of a pass are added to the sticks
//! that are at the counters' places in that pass, so that a swapped stick starts at zero and the
//! old one keeps its sums.

use crate::changes::Changes;
use crate::ledger;
use crate::state::{MAX_STORED, State};
use scrubjay_model::{
    ControllerKey, DimmModule, ErrorClass, Fact, Gone, Identity, Inventory, KnownModule,
    LifeChange, MODULE_PLACES, ModuleKey, ModuleLives, ModuleRecord, Place, Reading, SeriesKey,
    SeriesPlace, Snapshot, Stamp, join_dimms, match_modules,
};
use std::collections::{BTreeMap, BTreeSet};

/// A turn in the life of a stick.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Turn {
    /// A stable word for the database.
    pub(crate) what: &'static str,
    /// The slot it came from, or the stick that took its place; empty if neither.
    pub(crate) detail: String,
}

/// Takes in the sticks of a pass. `keys` names its controllers, `moved` is by how much each counter
/// went up in it, `restarted` which of them began anew. Returns the turns.
pub(crate) fn follow(
    state: &mut State,
    snapshot: &Snapshot,
    keys: &BTreeMap<u32, ControllerKey>,
    moved: &BTreeMap<SeriesKey, u64>,
    restarted: &BTreeSet<SeriesKey>,
    at: &Stamp,
    changes: &mut Changes,
) -> BTreeMap<ModuleKey, Turn> {
    let edac = Snapshot::found(&snapshot.edac);
    let smbios = Snapshot::found(&snapshot.smbios);
    if edac.is_none() && smbios.is_none() {
        return BTreeMap::new();
    }
    let seen = join_dimms(edac, smbios, Snapshot::found(&snapshot.dimm_labels));
    let complete = smbios.is_some_and(|smbios| smbios.complete);
    let inventory = if complete { Inventory::Complete } else { Inventory::Partial };
    let known: Vec<KnownModule> = state.modules.values().map(KnownModule::from).collect();
    let lives = match_modules(&known, &seen, keys, inventory);

    let mut owners: BTreeMap<(ControllerKey, Place), ModuleKey> = BTreeMap::new();
    let mut now = state.modules.clone();
    for (life, module) in lives.seen.iter().zip(&seen) {
        let record = seen_again(now.get(&life.key), &life.key, module, keys, at);
        // Not those of the record: it remembers where a stick was while EDAC does not show it.
        for at in &module.places {
            if let Some(controller) = keys.get(&at.controller) {
                owners.insert((controller.clone(), at.place), life.key.clone());
            }
        }
        now.insert(life.key.clone(), record);
    }
    for (key, _) in &lives.gone {
        if let Some(record) = now.get_mut(key) {
            record.ended_wall_ms = Some(at.wall_ms);
        }
    }
    for (series, by) in moved.iter().filter(|(_, by)| **by > 0) {
        // A row that is counted as a whole belongs to several sticks, and so to none.
        let SeriesPlace::Dimm(place) = series.place else { continue };
        let owner = owners.get(&(series.controller.clone(), place));
        let Some(record) = owner.and_then(|key| now.get_mut(key)) else { continue };
        let sum = match series.class {
            ErrorClass::Correctable => &mut record.correctable,
            ErrorClass::Uncorrectable => &mut record.uncorrectable,
        };
        *sum = sum.saturating_add(*by).min(MAX_STORED);
        record.last_error_wall_ms = Some(at.wall_ms);
    }
    // What was lost with the counters belonged to whoever was there before this pass, also where it
    // has since moved or gone.
    for (key, before) in state.modules.iter().filter(|(_, m)| m.ended_wall_ms.is_none()) {
        let began_anew = restarted.iter().any(|series| match series.place {
            SeriesPlace::Dimm(place) => {
                before.places.iter().any(|at| (&at.0, at.1) == (&series.controller, place))
            }
            SeriesPlace::Total | SeriesPlace::Unattributed => false,
        });
        if let Some(record) = now.get_mut(key).filter(|_| began_anew) {
            record.restarts = record.restarts.saturating_add(1).min(MAX_STORED);
        }
    }
    let turns = turns(&lives);
    changes
        .ledger
        .extend(turns.iter().map(|(key, turn)| ledger::dimm(at, key, turn, now.get(key))));
    for (key, record) in &now {
        if state.modules.get(key) != Some(record) {
            changes.ledger.extend(ledger::first_errors(at, state.modules.get(key), record));
            changes.modules.insert(key.clone(), record.clone());
            changes.urgent = true;
        }
    }
    state.modules = now;
    turns
}

/// The record of a stick after this pass.
fn seen_again(
    before: Option<&ModuleRecord>,
    key: &ModuleKey,
    module: &DimmModule,
    keys: &BTreeMap<u32, ControllerKey>,
    at: &Stamp,
) -> ModuleRecord {
    let known_before = before.map(KnownModule::from);
    let known = KnownModule::remember(key.clone(), module, keys, known_before.as_ref());
    let KnownModule { key, slot, bank, serial, part, size_bytes, mut places, listed, retired: _ } =
        known;
    places.sort_unstable();
    let manufacturer = module.manufacturer.clone();
    ModuleRecord {
        key,
        slot,
        bank,
        // Told as well where it does not tell the stick from another.
        serial: serial.or_else(|| module.serial.clone()),
        part,
        manufacturer: manufacturer.or_else(|| before.and_then(|b| b.manufacturer.clone())),
        size_bytes,
        places,
        listed,
        identity: match before {
            // While the tables cannot be read, or hold a placeholder, what was in them still tells.
            Some(before) if before.listed && module.handle.is_none() => before.identity,
            Some(before) if module.serial.is_none() && before.identity == Identity::Serial => {
                before.identity
            }
            Some(_) | None => module.identity,
        },
        confidence: module.confidence,
        evidence: module.evidence.clone(),
        since_wall_ms: before.map_or(at.wall_ms, |before| before.since_wall_ms),
        ended_wall_ms: None,
        correctable: before.map_or(0, |before| before.correctable),
        uncorrectable: before.map_or(0, |before| before.uncorrectable),
        restarts: before.map_or(0, |before| before.restarts),
        last_error_wall_ms: before.and_then(|before| before.last_error_wall_ms),
    }
}

fn turns(lives: &ModuleLives) -> BTreeMap<ModuleKey, Turn> {
    let mut turns = BTreeMap::new();
    for life in &lives.seen {
        let (what, detail) = match &life.change {
            LifeChange::Same => continue,
            LifeChange::New => ("new", String::new()),
            LifeChange::Identified => ("identified", String::new()),
            LifeChange::Moved { from } => ("moved", from.clone().unwrap_or_default()),
            LifeChange::Returned => ("returned", String::new()),
            LifeChange::Swapped { replaced } => ("swapped_in", replaced.as_str().to_owned()),
        };
        turns.insert(life.key.clone(), Turn { what, detail });
    }
    for (key, gone) in &lives.gone {
        let (what, detail) = match gone {
            Gone::Replaced { by } => ("replaced", by.as_str().to_owned()),
            Gone::Removed => ("removed", String::new()),
            Gone::Regrouped { into } => ("regrouped", into.as_str().to_owned()),
        };
        turns.insert(key.clone(), Turn { what, detail });
    }
    turns
}

/// Where each stick is, as facts.
pub(crate) fn places(state: &State) -> Vec<Fact> {
    let mut facts = Vec::new();
    for module in state.modules.values() {
        let subject = module.key.as_str().to_owned();
        let is_gone = module.ended_wall_ms.is_some();
        // Of a stick that never had a place there is nothing to tell.
        let has_told = || state.facts.contains_key(&(MODULE_PLACES.to_owned(), subject.clone()));
        if (is_gone || module.places.is_empty()) && !has_told() {
            continue;
        }
        let names = if is_gone { Vec::new() } else { module.place_names() };
        let reading = Reading::Value(names.join(PLACES_APART));
        facts.push(Fact { source: None, name: MODULE_PLACES, subject, reading });
    }
    facts
}

/// Between two places of a stick.
pub(crate) const PLACES_APART: &str = ", ";
