//! Reports of errors on their way into the history. Pure: sightings in, rows out.

use crate::changes::Changes;
use crate::ledger;
use crate::state::{MAX_STORED, State};
use scrubjay_model::{
    ControllerKey, ErrorClass, EventClass, EventGroup, EventsStatus, Folded, ReportTotal,
    SeriesKey, SeriesPlace, Sighting, Sightings, Stamp, Witness,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Rows that may be added at once, and in a minute. More different reports than that are a storm
/// over many pages, and each page of it is worth less than the disk it would fill; sums stay exact.
const MAX_ROWS: usize = 1_024;

/// The time in which as many rows may be added anew.
const ROWS_RETURN_IN: Duration = Duration::from_secs(60);

/// A row of the table `event`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EventRow {
    pub(crate) id: i64,
    pub(crate) run: i64,
    pub(crate) first_wall_ms: i64,
    pub(crate) group: EventGroup,
    /// The controller and the place there whose counter went up with it.
    pub(crate) counter: Option<(ControllerKey, SeriesPlace)>,
    pub(crate) counted: u64,
    pub(crate) same_as: Option<i64>,
}

/// A row of the table `event_loss`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LossRow {
    pub(crate) run: i64,
    pub(crate) wall_ms: i64,
    pub(crate) lost: u64,
    pub(crate) undecodable: u64,
}

/// What was received since the pass before, and whether reports are received at all.
#[derive(Debug, Clone, Copy)]
pub struct Heard<'a> {
    /// What was received.
    pub sightings: &'a Sightings,
    /// Whether every report reaches us unless it is told as lost. If not, what counters count
    /// without a report is no loss but was never listened for.
    pub listening: bool,
    /// How, for those who read the history; `None` leaves what it says of it.
    pub how: Option<&'a EventsStatus>,
}

impl Heard<'static> {
    /// Nobody listens.
    pub const NOTHING: Self = Self {
        sightings: &Sightings { sightings: Vec::new(), lost: 0, undecodable: 0 },
        listening: false,
        how: None,
    };
}

/// What reports say of a counter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct WitnessedState {
    /// Errors it counted that were also reported.
    pub(crate) errors: u64,
    /// Errors it counted while nobody listened.
    pub(crate) unheard: u64,
}

/// How many rows may be added now: reports are taken in every second, and a storm may last for days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RowBudget {
    left: usize,
    /// Time since boot of the last addition; `None` before the first.
    at: Option<Duration>,
}

impl RowBudget {
    pub(crate) const FULL: Self = Self { left: MAX_ROWS, at: None };

    /// What is left at this time. Where no clock tells the time, or another boot has begun, all is.
    fn left(self, now: Option<Duration>) -> usize {
        let passed = now.zip(self.at).and_then(|(now, at)| now.checked_sub(at));
        let Some(passed) = passed else { return MAX_ROWS };
        let passed = usize::try_from(passed.min(ROWS_RETURN_IN).as_millis()).unwrap_or(usize::MAX);
        let whole = usize::try_from(ROWS_RETURN_IN.as_millis()).unwrap_or(usize::MAX);
        let returned = MAX_ROWS.saturating_mul(passed).checked_div(whole).unwrap_or(MAX_ROWS);
        self.left.saturating_add(returned).min(MAX_ROWS)
    }

    /// Takes rows out of what is left. Those that could not be folded any further may be more.
    fn take(&mut self, rows: usize, now: Option<Duration>) {
        *self = Self { left: self.left(now).saturating_sub(rows), at: now };
    }
}

/// Reports taken in, over all time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Reports {
    pub(crate) totals: BTreeMap<(Witness, EventClass), ReportTotal>,
    pub(crate) lost: u64,
    pub(crate) undecodable: u64,
}

impl Reports {
    fn add(&mut self, sightings: &Sightings) {
        for Sighting { group, counted, .. } in &sightings.sightings {
            let total = self.totals.entry((group.witness, group.class)).or_default();
            total.reports = stored(total.reports.saturating_add(group.reports));
            total.errors = stored(total.errors.saturating_add(group.errors));
            total.counted = stored(total.counted.saturating_add(*counted));
        }
        self.lost = stored(self.lost.saturating_add(sightings.lost));
        self.undecodable = stored(self.undecodable.saturating_add(sightings.undecodable));
    }
}

/// Plans the rows. `moved` is by how much each counter went up in this pass.
pub(crate) fn follow(
    state: &mut State,
    heard: Heard<'_>,
    at: &Stamp,
    moved: &BTreeMap<SeriesKey, u64>,
    changes: &mut Changes,
) {
    let Some(run) = &mut state.run else { return };
    let keys = &run.keys;
    state.reports.add(heard.sightings);
    let Sightings { sightings, lost, undecodable } = heard.sightings;
    let rows =
        sightings.iter().map(|sighting| row(sighting, run.row.id, at, keys, state.first_event));
    let rows = fold(rows.collect(), state.event_rows.left(at.since_boot));
    if !rows.is_empty() {
        state.event_rows.take(rows.len(), at.since_boot);
    }
    changes.ledger.extend(ledger::errors_reported(&mut run.pace, &state.reports, &rows, at));
    changes.events.extend(rows);
    if lost.saturating_add(*undecodable) > 0 {
        let (lost, undecodable) = (stored(*lost), stored(*undecodable));
        let loss = LossRow { run: run.row.id, wall_ms: at.wall_ms, lost, undecodable };
        changes.losses.push(loss);
    }
    changes.urgent |= !sightings.is_empty() || !changes.losses.is_empty();

    let mut reported: BTreeMap<SeriesKey, u64> = BTreeMap::new();
    for sighting in sightings {
        if let Some(key) = series(sighting, keys) {
            let errors = reported.entry(key).or_default();
            *errors = errors.saturating_add(sighting.group.errors);
        }
    }
    // What the first pass of a run finds, counted while no agent ran.
    let was_listening = run.listening && heard.listening;
    run.listening = heard.listening;
    let leaves = moved.keys().filter(|key| key.place != SeriesPlace::Total);
    let touched: BTreeSet<SeriesKey> = leaves.chain(reported.keys()).cloned().collect();
    for key in touched {
        // A place the kernel no longer lists, or never did, has no total to be held against.
        let Some(total) = state.counters.get(&key).map(|counter| counter.total) else { continue };
        let errors = reported.remove(&key).unwrap_or_default();
        let by = moved.get(&key).copied().unwrap_or_default();
        let known = state.witnessed.get(&key).copied().unwrap_or_default();
        let mut now = known;
        now.errors = stored(now.errors.saturating_add(errors));
        if !was_listening {
            // Errors that were reported after the last look at their counter, and are among those
            // by which it went up now.
            let accounted = known.errors.saturating_add(known.unheard);
            let ahead = accounted.saturating_sub(total.saturating_sub(by));
            let unheard = by.saturating_sub(errors).saturating_sub(ahead);
            now.unheard = stored(now.unheard.saturating_add(unheard));
        }
        if now != known {
            state.witnessed.insert(key.clone(), now);
            changes.witnessed.insert(key, now);
        }
    }
}

fn stored(count: u64) -> u64 {
    count.min(MAX_STORED)
}

fn row(
    sighting: &Sighting,
    run: i64,
    at: &Stamp,
    keys: &BTreeMap<u32, ControllerKey>,
    first_event: i64,
) -> EventRow {
    let Sighting { number, group, counter, same_as, counted } = sighting;
    let id = |number: u64| first_event.saturating_add(i64::try_from(number).unwrap_or(i64::MAX));
    let counter = counter.and_then(|(index, place)| Some((keys.get(&index)?.clone(), place)));
    let mut group = group.clone();
    group.reports = stored(group.reports);
    group.errors = stored(group.errors);
    EventRow {
        id: id(*number),
        run,
        first_wall_ms: wall_ms(&group, at),
        counted: stored(*counted),
        same_as: same_as.map(id),
        group,
        counter,
    }
}

/// The moment of the first report by today's wall clock.
fn wall_ms(group: &EventGroup, at: &Stamp) -> i64 {
    let Some(now) = at.since_boot else { return at.wall_ms };
    let ago = i64::try_from(now.saturating_sub(group.first).as_millis()).unwrap_or(i64::MAX);
    let ahead = i64::try_from(group.first.saturating_sub(now).as_millis()).unwrap_or(i64::MAX);
    at.wall_ms.saturating_sub(ago).saturating_add(ahead)
}

/// The counter that went up with a sighting. What is told in the log is told in an event as well,
/// where there are events.
fn series(sighting: &Sighting, keys: &BTreeMap<u32, ControllerKey>) -> Option<SeriesKey> {
    if sighting.group.witness != Witness::McEvent {
        return None;
    }
    let (index, place) = sighting.counter?;
    let class = match sighting.group.class {
        EventClass::Corrected => ErrorClass::Correctable,
        // As the kernel counts them.
        EventClass::Info | EventClass::Deferred | EventClass::Uncorrected | EventClass::Fatal => {
            ErrorClass::Uncorrectable
        }
    };
    Some(SeriesKey { controller: keys.get(&index)?.clone(), place, class })
}

/// Folds rows that differ in page, syndrome or second only, if there are more than `limit`.
pub(crate) fn fold(rows: Vec<EventRow>, limit: usize) -> Vec<EventRow> {
    if rows.len() <= limit {
        return rows;
    }
    let mut folded: Vec<EventRow> = Vec::new();
    for row in rows {
        match folded.iter_mut().find(|kept| kept.differs_in_page_only(&row)) {
            Some(kept) => kept.take(row),
            None => folded.push(row),
        }
    }
    folded
}

impl EventRow {
    fn differs_in_page_only(&self, other: &Self) -> bool {
        let (a, b) = (&self.group, &other.group);
        (self.run, a.witness, a.class) == (other.run, b.witness, b.class)
            && (&a.what, &a.place, &self.counter) == (&b.what, &b.place, &other.counter)
    }

    fn take(&mut self, other: Self) {
        let group = &mut self.group;
        group.first = group.first.min(other.group.first);
        group.last = group.last.max(other.group.last);
        group.reports = stored(group.reports.saturating_add(other.group.reports));
        group.errors = stored(group.errors.saturating_add(other.group.errors));
        group.folded = Folded::Pages;
        self.first_wall_ms = self.first_wall_ms.min(other.first_wall_ms);
        self.counted = stored(self.counted.saturating_add(other.counted));
        self.same_as = self.same_as.or(other.same_as).filter(|same| *same < self.id);
    }
}
