//! The memory of a host, stick by stick, for whoever asks which one it is: what the history holds
//! of each stick, or without a history what SMBIOS and EDAC show now, with the verdict on it.

use super::{
    Confidence, Identity, Inventory, ModuleKey, ModuleRecord, ModuleTurn, join_dimms, match_modules,
};
use crate::dimm_verdict::is_apart;
use crate::{
    BadPage, ControllerKey, CoverageState, Dimm, DimmVerdict, ErrorClass, Finding, HostView, Place,
    SeriesPlace, SeriesTotal, Snapshot, Verdict,
};
use serde::Serialize;

/// What errors are counted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DimmKind {
    /// A stick that SMBIOS lists.
    Stick,
    /// A place of EDAC, or several that belong together, for which SMBIOS lists no stick.
    Place,
    /// Errors of a controller that it could not attribute to a place.
    Unattributed,
}

/// One line of the list of memory. `None` is "not known" throughout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DimmLine {
    /// What it is about.
    pub about: DimmKind,
    /// The key of the stick; that of the controller where `about` is `Unattributed`.
    pub key: String,
    /// The slot, as SMBIOS or a label names it.
    pub slot: Option<String>,
    /// The bank SMBIOS names with the slot.
    pub bank: Option<String>,
    /// Its serial number; `identity` says whether it tells.
    pub serial: Option<String>,
    /// Its part number.
    pub part: Option<String>,
    /// Who made it.
    pub manufacturer: Option<String>,
    /// Its size.
    pub size_bytes: Option<u64>,
    /// Where its errors are counted, as `controller/place`.
    pub counted_at: Vec<String>,
    /// What the kernel now calls those places, as far as it shows them.
    pub edac: Vec<String>,
    /// Whether SMBIOS lists it.
    pub listed: bool,
    /// What tells it from others.
    pub identity: Option<Identity>,
    /// How sure it is that the places are its own.
    pub confidence: Option<Confidence>,
    /// What `confidence` rests on.
    pub evidence: Option<String>,
    /// Since when its errors were watched, milliseconds since the Unix epoch.
    pub since_wall_ms: Option<i64>,
    /// When it was found to be replaced or removed.
    pub ended_wall_ms: Option<i64>,
    /// Corrected errors. Without a history, those the kernel shows.
    pub correctable: Option<u64>,
    /// All other errors.
    pub uncorrectable: Option<u64>,
    /// Whether there may have been more: the counters began anew meanwhile, one that counted some
    /// cannot be read now, or there is no history.
    pub lower_bound: bool,
    /// How often its counters began anew.
    pub restarts: Option<u64>,
    /// When its errors last increased. If that is `since_wall_ms`, they were there before.
    pub last_error_wall_ms: Option<i64>,
    /// Pages registered as bad at its places while it was there.
    pub bad_pages: Option<u64>,
    /// The worst finding about it, or what the coverage allows to say; `None` once it is gone.
    pub verdict: Option<Verdict>,
}

/// All memory of the host, in the order of slots; sticks that are gone come last.
pub fn memory_lines(view: &HostView, turns: &[ModuleTurn]) -> Vec<DimmLine> {
    let mut lines: Vec<DimmLine> = if view.history.value().is_some() {
        view.accumulated.modules.values().map(|record| remembered(record, view, turns)).collect()
    } else {
        shown(view)
    };
    lines.sort_by_cached_key(|line| {
        (line.ended_wall_ms.is_some(), line.about, line.slot.is_none(), natural(&line.name()))
    });
    let there = lines.iter().take_while(|line| line.ended_wall_ms.is_none()).count();
    lines.splice(there..there, unattributed(view));
    for line in lines.iter_mut().filter(|line| line.ended_wall_ms.is_none()) {
        line.verdict = Some(verdict(line, view));
    }
    lines
}

/// What the history holds.
fn remembered(record: &ModuleRecord, view: &HostView, turns: &[ModuleTurn]) -> DimmLine {
    // Errors of a stick that EDAC never showed are not known, which is not none; nor are they where
    // a counter cannot be read and none are remembered.
    let unread = |class| has_unread(record, view, class);
    let counted = |class| {
        let errors = record.errors(class);
        (errors > 0 || (!record.places.is_empty() && !unread(class))).then_some(errors)
    };
    let is_cut_short = |class| record.errors(class) > 0 && unread(class);
    let mut line = DimmLine {
        about: if record.listed { DimmKind::Stick } else { DimmKind::Place },
        key: record.key.as_str().to_owned(),
        slot: record.slot.clone(),
        bank: record.bank.clone(),
        serial: record.serial.clone(),
        part: record.part.clone(),
        manufacturer: record.manufacturer.clone(),
        size_bytes: record.size_bytes,
        counted_at: record.place_names(),
        edac: kernel_names(&record.places, view),
        listed: record.listed,
        identity: Some(record.identity),
        confidence: Some(record.confidence),
        evidence: Some(record.evidence.clone()),
        since_wall_ms: Some(record.since_wall_ms),
        ended_wall_ms: record.ended_wall_ms,
        correctable: counted(ErrorClass::Correctable),
        uncorrectable: counted(ErrorClass::Uncorrectable),
        lower_bound: record.is_lower_bound() || ErrorClass::ALL.into_iter().any(is_cut_short),
        restarts: Some(record.restarts),
        last_error_wall_ms: record.last_error_wall_ms,
        bad_pages: None,
        verdict: None,
    };
    let pages = view.accumulated.bad_pages.values();
    let pages = pages.filter(|page| lies_on(page, &line, turns)).count();
    line.bad_pages = u64::try_from(pages).ok();
    line
}

/// Whether the kernel shows a place of a stick that is there, and no number of these errors for it.
fn has_unread(record: &ModuleRecord, view: &HostView, class: ErrorClass) -> bool {
    let is_unread = |(key, place): &(ControllerKey, Place)| {
        let shown = index_of(key, view).and_then(|index| kernel_place(view, index, *place));
        let Some(now) = shown.map(|dimm| dimm.errors.get(class)) else { return false };
        // The row counts for its channels what drivers do not count for them.
        let by_row = matches!(place, Place::Channel { .. }) && now.is_absent();
        now.value().is_none() && !by_row
    };
    // Where a stick was that is gone, another may be counted now.
    record.ended_wall_ms.is_none() && record.places.iter().any(is_unread)
}

/// Whether a page was registered at a place of the stick while it was there.
pub(super) fn lies_on(page: &BadPage, line: &DimmLine, turns: &[ModuleTurn]) -> bool {
    let came = turns.iter().filter(|turn| {
        let comes = ["new", "moved", "returned", "swapped_in"].contains(&turn.what.as_str());
        turn.key.as_str() == line.key && comes
    });
    let came = came.map(|turn| turn.at_wall_ms).next_back().or(line.since_wall_ms);
    page.dimm.as_ref().is_some_and(|dimm| line.counted_at.contains(dimm))
        && came.is_none_or(|came| page.first_seen_wall_ms >= came)
        && line.ended_wall_ms.is_none_or(|ended| page.first_seen_wall_ms < ended)
}

/// What SMBIOS and EDAC show now, without a history.
fn shown(view: &HostView) -> Vec<DimmLine> {
    let edac = Snapshot::found(&view.snapshot.edac);
    let labels = Snapshot::found(&view.snapshot.dimm_labels);
    let seen = join_dimms(edac, Snapshot::found(&view.snapshot.smbios), labels);
    let keys = &view.accumulated.controllers;
    let lives = match_modules(&[], &seen, keys, Inventory::Partial);
    let lines = lives.seen.iter().zip(&seen).map(|(life, module)| {
        let places: Vec<(ControllerKey, Place)> = module
            .places
            .iter()
            .filter_map(|at| Some((keys.get(&at.controller)?.clone(), at.place)))
            .collect();
        // Of several places each must be readable, or the sum would be too small.
        let sum = |class| {
            let counts =
                module.places.iter().map(|at| kernel_count(view, at.controller, at.place, class));
            let counts: Option<Vec<u64>> = counts.collect();
            counts.filter(|counts| !counts.is_empty()).map(|counts| counts.iter().sum())
        };
        DimmLine {
            about: if module.handle.is_some() { DimmKind::Stick } else { DimmKind::Place },
            key: life.key.as_str().to_owned(),
            slot: module.slot.clone(),
            bank: module.bank.clone(),
            serial: module.serial.clone(),
            part: module.part.clone(),
            manufacturer: module.manufacturer.clone(),
            size_bytes: module.size_bytes,
            counted_at: places.iter().map(|(key, place)| key.place(*place)).collect(),
            edac: module.places.iter().map(ToString::to_string).collect(),
            listed: module.handle.is_some(),
            identity: Some(module.identity),
            confidence: Some(module.confidence),
            evidence: Some(module.evidence.clone()),
            since_wall_ms: None,
            ended_wall_ms: None,
            correctable: sum(ErrorClass::Correctable),
            uncorrectable: sum(ErrorClass::Uncorrectable),
            lower_bound: true,
            restarts: None,
            last_error_wall_ms: None,
            bad_pages: None,
            verdict: None,
        }
    });
    lines.collect()
}

/// What the kernel's counter of a place shows now.
pub(super) fn kernel_count(
    view: &HostView,
    controller: u32,
    place: Place,
    class: ErrorClass,
) -> Option<u64> {
    let dimm = kernel_place(view, controller, place)?;
    dimm.errors.get(class).value().map(|counter| counter.value)
}

/// A place as the kernel shows it now.
fn kernel_place(view: &HostView, controller: u32, place: Place) -> Option<&Dimm> {
    let edac = Snapshot::found(&view.snapshot.edac)?;
    let controller = edac.controllers.iter().find(|found| found.index == controller)?;
    controller.dimms.iter().find(|dimm| dimm.place == place)
}

/// The index the kernel now gives a controller.
fn index_of(key: &ControllerKey, view: &HostView) -> Option<u32> {
    let mut known = view.accumulated.controllers.iter();
    known.find(|(_, known)| *known == key).map(|(index, _)| *index)
}

/// Errors that no place holds, a line for each controller that has some.
fn unattributed(view: &HostView) -> Vec<DimmLine> {
    let edac = Snapshot::found(&view.snapshot.edac);
    let controllers = edac.into_iter().flat_map(|edac| &edac.controllers);
    let lines = controllers.filter_map(|controller| {
        let key = view.accumulated.controllers.get(&controller.index)?;
        let sum = |class| -> Option<SeriesTotal> {
            // Where no part counts the class, none of the total is attributed.
            let has_parts = controller.dimms.iter().any(|dimm| !dimm.errors.get(class).is_absent());
            let (place, now) = if has_parts {
                (SeriesPlace::Unattributed, &controller.unattributed)
            } else {
                (SeriesPlace::Total, &controller.errors)
            };
            let known = view.accumulated.total(controller.index, place, class).copied();
            known.or_else(|| {
                let total = now.get(class).value()?.value;
                Some(SeriesTotal { total, since_wall_ms: i64::MAX, restarts: 1 })
            })
        };
        let sums = ErrorClass::ALL.map(sum);
        let known = || sums.iter().flatten();
        if known().all(|sum| sum.total == 0) {
            return None;
        }
        let has_history = view.history.value().is_some();
        Some(DimmLine {
            about: DimmKind::Unattributed,
            key: key.as_str().to_owned(),
            slot: None,
            bank: None,
            serial: None,
            part: None,
            manufacturer: None,
            size_bytes: None,
            counted_at: vec![format!("{key}/{}", SeriesPlace::Unattributed)],
            edac: vec![format!("mc{}", controller.index)],
            listed: false,
            identity: None,
            confidence: None,
            evidence: None,
            since_wall_ms: known().map(|sum| sum.since_wall_ms).min().filter(|_| has_history),
            ended_wall_ms: None,
            correctable: sum(ErrorClass::Correctable).map(|sum| sum.total),
            uncorrectable: sum(ErrorClass::Uncorrectable).map(|sum| sum.total),
            lower_bound: known().any(SeriesTotal::is_lower_bound),
            restarts: known().map(|sum| sum.restarts).max().filter(|_| has_history),
            last_error_wall_ms: None,
            bad_pages: None,
            verdict: None,
        })
    });
    lines.collect()
}

/// What the kernel now calls these places.
fn kernel_names(places: &[(ControllerKey, Place)], view: &HostView) -> Vec<String> {
    let name = |(key, place): &(ControllerKey, Place)| {
        index_of(key, view).map(|index| format!("mc{index}/{place}"))
    };
    places.iter().filter_map(name).collect()
}

/// The verdict on it or the worst finding about it, whichever is worse: of many ailing sticks only some
/// have a finding of their own. Without either it is well only where its errors of both classes are counted
/// and nothing hides them.
fn verdict(line: &DimmLine, view: &HostView) -> Verdict {
    let counted = line.correctable.is_some() && line.uncorrectable.is_some();
    let base = match view.assessment.coverage.state {
        CoverageState::Full if counted => Verdict::Ok,
        CoverageState::Full
        | CoverageState::Partial
        | CoverageState::None
        | CoverageState::Unknown => Verdict::Unknown,
    };
    let judged = line.judged(view).map(|dimm| dimm.verdict);
    let found = line.findings(view).into_iter().map(|finding| finding.verdict);
    found.chain(judged).fold(base, Verdict::max)
}

impl DimmLine {
    /// The slot with its bank, as a person would look for it.
    pub fn slot_name(&self) -> Option<String> {
        match (&self.bank, &self.slot) {
            (Some(bank), Some(slot)) => Some(format!("{bank} {slot}")),
            (None, Some(name)) | (Some(name), None) => Some(name.clone()),
            (None, None) => None,
        }
    }

    /// The shortest name for it: its slot, else its first place, else its key.
    pub fn name(&self) -> String {
        let place = || self.edac.first().or(self.counted_at.first()).cloned();
        self.slot_name().or_else(place).unwrap_or_else(|| self.key.clone())
    }

    /// Whether a person means this: by key, slot, serial number or place, or as a finding names it.
    pub fn is_called(&self, name: &str) -> bool {
        let same = |text: &str| text.eq_ignore_ascii_case(name.trim());
        let tells = |by: &str| {
            let is_place = |place: &String| place.eq_ignore_ascii_case(by);
            self.counted_at.iter().any(is_place) || ModuleKey::from_stored(&self.key).opaque() == by
        };
        same(&self.key)
            || self.slot.as_deref().is_some_and(same)
            || self.slot_name().as_deref().is_some_and(same)
            || self.serial.as_deref().is_some_and(same)
            || self.counted_at.iter().chain(&self.edac).any(|place| same(place))
            || self.slot_name().is_some_and(|slot| is_apart(name.trim(), &slot, tells))
    }

    /// The errors of one class.
    pub fn errors(&self, class: ErrorClass) -> Option<u64> {
        match class {
            ErrorClass::Correctable => self.correctable,
            ErrorClass::Uncorrectable => self.uncorrectable,
        }
    }

    /// Whether its last error was counted when it was first seen, so that it happened at some time
    /// before.
    pub fn last_error_is_earlier(&self) -> bool {
        self.last_error_wall_ms.is_some() && self.last_error_wall_ms == self.since_wall_ms
    }

    /// The verdict on it, while it is there and if its history was looked at.
    pub fn judged<'v>(&self, view: &'v HostView) -> Option<&'v DimmVerdict> {
        let is_there = self.ended_wall_ms.is_none();
        view.assessment.dimms.iter().find(|dimm| is_there && dimm.key.as_str() == self.key)
    }

    /// Whether a finding or an alert with this subject is about it: they name its key, one of its places, or
    /// what it is called in the verdict on it. Places and slot of a stick that is gone are another's.
    pub fn is_subject(&self, subject: &str, view: &HostView) -> bool {
        let is_its_name = || match self.judged(view) {
            Some(judged) => judged.name == subject,
            None => self.slot_name().is_some_and(|slot| slot == subject),
        };
        self.ended_wall_ms.is_none()
            && (subject == self.key
                || self.counted_at.iter().any(|place| place == subject)
                || is_its_name())
    }

    /// The findings about it, worst first.
    pub fn findings<'v>(&self, view: &'v HostView) -> Vec<&'v Finding> {
        let assessment = &view.assessment;
        let about = |finding: &&Finding| self.is_subject(&finding.subject, view);
        let mut found: Vec<&Finding> =
            assessment.findings.iter().chain(&assessment.coverage.findings).filter(about).collect();
        found.sort_by_key(|finding| std::cmp::Reverse(finding.verdict));
        found
    }
}

/// Numbers in a name count as numbers: A2 before A10.
fn natural(name: &str) -> Vec<(String, u64)> {
    let mut parts = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (word, after) = rest.split_at(digits);
        let end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
        let (number, after) = after.split_at(end);
        parts.push((word.to_lowercase(), number.parse().unwrap_or(u64::MAX)));
        rest = after;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name_apart;

    fn line(slot: &str, place: &str) -> DimmLine {
        DimmLine {
            about: DimmKind::Stick,
            key: format!("serial/{place}"),
            slot: Some(slot.to_owned()),
            bank: None,
            serial: None,
            part: None,
            manufacturer: None,
            size_bytes: None,
            counted_at: vec![place.to_owned()],
            edac: Vec::new(),
            listed: true,
            identity: None,
            confidence: None,
            evidence: None,
            since_wall_ms: None,
            ended_wall_ms: None,
            correctable: None,
            uncorrectable: None,
            lower_bound: true,
            restarts: None,
            last_error_wall_ms: None,
            bad_pages: None,
            verdict: None,
        }
    }

    #[test]
    fn of_two_slots_of_one_name_each_is_called_as_findings_call_it() {
        let lines = [line("DIMM_A1", "mc0/dimm0"), line("DIMM_A1", "mc1/dimm0")];
        let called = |name: &str| lines.each_ref().map(|line| line.is_called(name));
        assert_eq!(called("dimm_a1"), [true, true]);
        assert_eq!(called(&name_apart("DIMM_A1", "mc1/dimm0")), [false, true]);
        assert_eq!(called("mc0/dimm0"), [true, false]);
        // One that nothing counts for is told apart by what stays with it.
        let opaque = ModuleKey::from_stored(&lines[0].key).opaque();
        assert_eq!(called(&name_apart("DIMM_A1", &opaque)), [true, false]);
        assert_eq!(called(&name_apart("DIMM_B1", "mc1/dimm0")), [false, false]);
    }
}
