//! Which facts and source states changed. Pure.

use crate::state::{FactKey, FactState, Known, SourceWord};
use scrubjay_model::{Fact, IN_TRANSITION, NonValue, SourceId, SourceState, SourceStatus, Stamp};
use std::collections::{BTreeMap, BTreeSet};

/// Brings the facts up to date; returns those that changed, with the reason in full.
///
/// A fact that is no longer listed is gone if its source was read without fault. If it was read
/// with faults, what is not listed may be what could not be read; if it was not read at all,
/// nothing is known. In both cases the fact stays as it was. So does one that outlives its reading:
/// a line in the kernel log that is gone, or how the agent itself fared.
pub(crate) fn follow(
    known: &mut BTreeMap<FactKey, FactState>,
    facts: &[Fact],
    sources: &[SourceStatus],
) -> BTreeMap<FactKey, (FactState, Option<String>)> {
    let mut changed = BTreeMap::new();
    let mut listed: BTreeSet<(&str, &str)> = BTreeSet::new();
    for fact in facts {
        listed.insert((fact.name, &fact.subject));
        let state = FactState {
            source: fact.source,
            known: match fact.reading.value() {
                Some(value) => Known::Value(value.clone()),
                None => Known::NonValue(fact.reading.outcome()),
            },
        };
        let key = (fact.name.to_owned(), fact.subject.clone());
        if known.get(&key) != Some(&state) {
            let reason = fact.reading.non_value().map(|non_value| non_value.to_string());
            known.insert(key.clone(), state.clone());
            changed.insert(key, (state, reason));
        }
    }
    let complete: BTreeSet<SourceId> =
        sources.iter().filter(|s| s.state == SourceState::Ok).map(|s| s.source).collect();
    for (key, state) in known {
        let is_listed = listed.contains(&(key.0.as_str(), key.1.as_str()));
        let outlives = Fact::outlives_its_reading(&key.0);
        let was_there = !is_listed && !outlives && state.known != Known::Gone;
        if was_there && state.source.is_some_and(|source| complete.contains(&source)) {
            state.known = Known::Gone;
            changed.insert(key.clone(), (state.clone(), None));
        }
    }
    changed
}

/// Whether a fact says that a live patch is in transition.
pub(crate) fn in_transition(known: &Known) -> bool {
    known.value() == Some("true")
}

/// Notes which transitions of live patches began or ended, as changes of facts tell.
pub(crate) fn follow_transitions(
    transitions: &mut BTreeMap<String, Stamp>,
    changed: &BTreeMap<FactKey, (FactState, Option<String>)>,
    at: &Stamp,
) {
    for ((name, patch), (fact, _)) in changed {
        if name != IN_TRANSITION {
            continue;
        }
        if in_transition(&fact.known) {
            transitions.insert(patch.clone(), at.clone());
        } else {
            transitions.remove(patch);
        }
    }
}

/// Brings facts that no source tells up to date: those of the names given that are not listed are
/// gone. Returns those that changed.
pub(crate) fn follow_conclusions(
    known: &mut BTreeMap<FactKey, FactState>,
    names: &[&str],
    facts: &BTreeMap<FactKey, String>,
) -> BTreeMap<FactKey, (FactState, Option<String>)> {
    let mut changed = BTreeMap::new();
    let told = facts.iter().map(|(key, value)| (key.clone(), Known::Value(value.clone())));
    let gone: Vec<FactKey> = known
        .iter()
        .filter(|(key, state)| {
            names.contains(&key.0.as_str())
                && state.known != Known::Gone
                && !facts.contains_key(key)
        })
        .map(|(key, _)| key.clone())
        .collect();
    for (key, value) in told.chain(gone.into_iter().map(|key| (key, Known::Gone))) {
        let state = FactState { source: None, known: value };
        if known.get(&key) != Some(&state) {
            known.insert(key.clone(), state.clone());
            changed.insert(key, (state, None));
        }
    }
    changed
}

/// Brings the states of the sources up to date; returns those that changed, with the reason in
/// full.
pub(crate) fn follow_sources(
    known: &mut BTreeMap<SourceId, SourceWord>,
    sources: &[SourceStatus],
) -> BTreeMap<SourceId, (SourceWord, Option<String>)> {
    let mut changed = BTreeMap::new();
    for status in sources {
        let word =
            SourceWord { state: status.state, reason: status.reason.as_ref().map(reason_kind) };
        if known.insert(status.source, word) != Some(word) {
            let reason = status.reason.as_ref().map(ToString::to_string);
            changed.insert(status.source, (word, reason));
        }
    }
    changed
}

fn reason_kind(reason: &NonValue) -> &'static str {
    match reason {
        NonValue::Absent(_) => "absent",
        NonValue::Unreadable(_, fault) => fault.kind(),
        NonValue::Malformed(..) => "malformed",
    }
}
