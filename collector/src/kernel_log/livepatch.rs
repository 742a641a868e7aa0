//! Lines of the live patch core: kernel/livepatch/core.c and transition.c, all with the prefix
//! `livepatch: `. The wording has been the same since 4.12.

use scrubjay_model::{LivepatchFact, PatchDirection};

pub(super) const MARKER: &str = "livepatch: ";

/// What comes after the marker. `transition` is the patch in transition as far as the lines before
/// tell. `None` for a line that is not known.
pub(super) fn parse(line: &str, transition: &mut Option<String>) -> Option<LivepatchFact> {
    if line == "signaling remaining tasks" {
        return Some(LivepatchFact::Signaling);
    }
    if line == "forcing remaining tasks to the patched state" {
        return Some(LivepatchFact::Forced { patch: transition.clone() });
    }
    if let Some(patch) = line.strip_prefix("enabling patch '").and_then(|l| l.strip_suffix('\'')) {
        *transition = Some(patch.to_owned());
        return Some(LivepatchFact::Enabling { patch: patch.to_owned() });
    }
    // A module's name holds no quote.
    let (patch, what) = line.strip_prefix('\'')?.split_once("': ")?;
    let patch = patch.to_owned();
    let started = what.strip_prefix("starting ").and_then(|w| w.strip_suffix(" transition"));
    if let Some(towards) = started.and_then(direction) {
        *transition = Some(patch.clone());
        return Some(LivepatchFact::Started { patch, towards });
    }
    let towards = what.strip_suffix(" complete").and_then(direction)?;
    *transition = None;
    Some(LivepatchFact::Completed { patch, towards })
}

fn direction(word: &str) -> Option<PatchDirection> {
    match word {
        "patching" => Some(PatchDirection::Patching),
        "unpatching" => Some(PatchDirection::Unpatching),
        _ => None,
    }
}
