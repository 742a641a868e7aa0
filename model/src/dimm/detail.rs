//! Everything about one stick.

use super::overview::{kernel_count, lies_on};
use super::{DimmKind, DimmLine, EventPattern, ModuleTurn};
use crate::{
    BadPage, DimmVerdict, ErrorClass, EventRecord, Finding, HostView, Reading, SeriesKey,
    SeriesPlace, Snapshot,
};
use serde::Serialize;

/// One stick with all that is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DimmDetail {
    /// As in the list.
    pub dimm: DimmLine,
    /// The counters of its places, two for each.
    pub places: Vec<PlaceSum>,
    /// The turns in its life.
    pub turns: Vec<ModuleTurn>,
    /// The findings about it, worst first.
    pub findings: Vec<Finding>,
    /// The verdict on it; `None` where no history knows it.
    pub judged: Option<DimmVerdict>,
    /// Pages registered as bad at its places while it was there; `None` without a history.
    pub bad_pages: Option<Vec<BadPage>>,
    /// Its last reports; `None` without a history.
    pub events: Option<Vec<EventRecord>>,
    /// What its reports have in common; `None` without a history.
    pub pattern: Option<EventPattern>,
}

/// One counter of a place. It counts for whichever stick is there: [`DimmLine`] has what is this
/// stick's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlaceSum {
    /// As `controller/place`.
    pub place: String,
    /// What the kernel now calls it; `None` when it does not show it.
    pub edac: Option<String>,
    /// Its label, where it has one.
    pub label: Option<String>,
    /// Which class.
    pub class: ErrorClass,
    /// What the kernel shows now.
    pub shown: Option<u64>,
    /// The sum over all lives of the counter.
    pub total: Option<u64>,
    /// When the history first saw the counter.
    pub since_wall_ms: Option<i64>,
    /// How often it began anew.
    pub restarts: Option<u64>,
    /// Whether errors may be missing from `total`.
    pub lower_bound: bool,
    /// Errors that were also reported one by one; `None` where nobody ever listened.
    pub reported: Option<u64>,
    /// Errors counted while nobody listened.
    pub unheard: Option<u64>,
    /// The rest; negative where more were reported than counted.
    pub unreported: Option<i64>,
    /// Whether the counter was known before this stick was there, so that some of its errors are
    /// another's.
    pub older_than_stick: bool,
}

impl DimmDetail {
    /// Gathers it. `reports` is what the history was asked for, if there is one.
    pub fn new(
        dimm: DimmLine,
        view: &HostView,
        turns: &[ModuleTurn],
        reports: Option<(Vec<EventRecord>, EventPattern)>,
    ) -> Self {
        let of_it = |turn: &&ModuleTurn| dimm.key == turn.key.as_str();
        let has_history = view.history.value().is_some();
        let pages = view.accumulated.bad_pages.values();
        let pages = pages.filter(|page| lies_on(page, &dimm, turns)).cloned().collect();
        let (events, pattern) = reports.unzip();
        Self {
            places: place_sums(&dimm, view),
            turns: match dimm.about {
                DimmKind::Stick | DimmKind::Place => turns.iter().filter(of_it).cloned().collect(),
                DimmKind::Unattributed => Vec::new(),
            },
            findings: dimm.findings(view).into_iter().cloned().collect(),
            judged: dimm.judged(view).cloned(),
            bad_pages: has_history.then_some(pages),
            events,
            pattern,
            dimm,
        }
    }
}

/// The counters at the places of a stick: those the history knows, and those the kernel shows.
fn place_sums(line: &DimmLine, view: &HostView) -> Vec<PlaceSum> {
    let accumulated = &view.accumulated;
    let mut sums = Vec::new();
    let known = accumulated.totals.keys().map(|key| (key.controller.clone(), key.place));
    let edac = Snapshot::found(&view.snapshot.edac);
    let shown = edac.into_iter().flat_map(|edac| &edac.controllers).flat_map(|controller| {
        let key = accumulated.controllers.get(&controller.index);
        let places = controller.dimms.iter().map(|dimm| SeriesPlace::Dimm(dimm.place));
        key.into_iter().flat_map(move |key| places.clone().map(|place| (key.clone(), place)))
    });
    let mut places: Vec<_> = known
        .chain(shown)
        .filter(|(key, place)| line.counted_at.contains(&format!("{key}/{place}")))
        .collect();
    places.sort_unstable();
    places.dedup();
    for (controller, place) in places {
        let index = accumulated.controllers.iter().find(|(_, key)| **key == controller);
        let index = index.map(|(index, _)| *index);
        let dimm = match place {
            SeriesPlace::Dimm(place) => index.map(|index| (index, place)),
            SeriesPlace::Total | SeriesPlace::Unattributed => None,
        };
        let label = dimm.and_then(|(index, place)| {
            let controller = edac?.controllers.iter().find(|found| found.index == index)?;
            let dimm = controller.dimms.iter().find(|dimm| dimm.place == place)?;
            Reading::value(&dimm.label).filter(|label| !label.is_empty()).cloned()
        });
        for class in ErrorClass::ALL {
            let key = SeriesKey { controller: controller.clone(), place, class };
            let sum = accumulated.totals.get(&key);
            let witnessed = accumulated.witnessed.get(&key);
            sums.push(PlaceSum {
                place: format!("{controller}/{place}"),
                edac: index.map(|index| format!("mc{index}/{place}")),
                label: label.clone(),
                class,
                shown: dimm.and_then(|(index, place)| kernel_count(view, index, place, class)),
                total: sum.map(|sum| sum.total),
                since_wall_ms: sum.map(|sum| sum.since_wall_ms),
                restarts: sum.map(|sum| sum.restarts),
                lower_bound: sum.is_some_and(crate::SeriesTotal::is_lower_bound),
                reported: witnessed.map(|known| known.errors),
                unheard: witnessed.map(|known| known.unheard),
                unreported: accumulated.unreported(&key),
                older_than_stick: sum
                    .zip(line.since_wall_ms)
                    .is_some_and(|(sum, since)| sum.since_wall_ms < since),
            });
        }
    }
    sums
}
