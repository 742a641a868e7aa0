//! What passes have changed and the database does not hold yet.
//!
//! Rows that describe the present are kept once, in their latest form; rows that describe what
//! happened are kept in order. As long as the database cannot be written, changes of several
//! passes gather here, and what happened is folded together above a limit: the sums stay exact,
//! only the moments in between are lost.

use crate::alerts::AlertChanges;
use crate::events::{self, EventRow, LossRow, WitnessedState};
use crate::exposures::{ExposureRow, ExposureTurn};
use crate::ledger::Fact;
use crate::modules::Turn;
use crate::state::{
    BootState, ControllerState, CounterState, FactKey, FactState, RunRow, SourceWord, Stretch,
};
use scrubjay_model::{
    BadPage, BootId, ControllerKey, ModuleKey, ModuleRecord, Restart, SeriesKey, SourceId, Stamp,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Rows of what happened that may wait in memory; some 2 MiB.
const MAX_WAITING: usize = 8_192;

/// The changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    /// Whether to write them now rather than with the next flush.
    pub(crate) urgent: bool,
    /// Boots in their latest form.
    pub(crate) boots: BTreeMap<BootId, BootState>,
    /// Boots that others refer to, and of which no more is known than the id.
    pub(crate) lost_boots: BTreeSet<BootId>,
    /// Runs in their latest form.
    pub(crate) runs: BTreeMap<i64, RunRow>,
    /// Coverage in its latest form, by run and beginning.
    pub(crate) stretches: BTreeMap<(i64, Duration), Stretch>,
    /// Controllers in their latest form.
    pub(crate) controllers: BTreeMap<ControllerKey, ControllerState>,
    /// Counters in their latest form.
    pub(crate) counters: BTreeMap<SeriesKey, CounterState>,
    /// What reports say of counters, in its latest form.
    pub(crate) witnessed: BTreeMap<SeriesKey, WitnessedState>,
    /// Sticks of memory in their latest form.
    pub(crate) modules: BTreeMap<ModuleKey, ModuleRecord>,
    /// Reports of errors.
    pub(crate) events: Vec<EventRow>,
    /// Reports that were lost.
    pub(crate) losses: Vec<LossRow>,
    /// Bad pages in their latest form, by physical address.
    pub(crate) bad_pages: BTreeMap<u64, BadPage>,
    /// Vulnerabilities found owed.
    pub(crate) exposures: Vec<ExposureRow>,
    /// What became of them.
    pub(crate) exposure_turns: Vec<ExposureTurn>,
    /// Alerts, and notices of them.
    pub(crate) alerts: AlertChanges,
    /// Facts for the ledger, in order.
    pub(crate) ledger: Vec<Fact>,
    /// What happened, pass by pass.
    pub(crate) entries: Vec<Entry>,
    /// How many entries were folded into later ones.
    pub(crate) folded: u64,
}

/// What happened in one pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Row id of its snapshot.
    pub(crate) snapshot: i64,
    /// Row id of the run.
    pub(crate) run: i64,
    /// When.
    pub(crate) at: Stamp,
    /// Counters that changed.
    pub(crate) points: BTreeMap<SeriesKey, Point>,
    /// Sources that changed, with the reason in full.
    pub(crate) sources: BTreeMap<SourceId, (SourceWord, Option<String>)>,
    /// Facts that changed, with the reason in full.
    pub(crate) facts: BTreeMap<FactKey, (FactState, Option<String>)>,
    /// Turns in the lives of sticks of memory.
    pub(crate) turns: BTreeMap<ModuleKey, Turn>,
    /// The wall clock jumped by so many milliseconds.
    pub(crate) clock_step_ms: Option<i64>,
}

/// A change of a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Point {
    /// What kind.
    pub(crate) step: StepKind,
    /// Errors added.
    pub(crate) by: u64,
    /// What the kernel showed.
    pub(crate) value: u64,
    /// The sum afterwards.
    pub(crate) total: u64,
}

/// The kinds of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StepKind {
    /// Seen for the first time, with all the kernel had counted before.
    First,
    /// Same life, more errors.
    Advanced,
    /// A new life.
    Restarted(Restart),
    /// Lower, and no reset explains it.
    Fell,
}

impl StepKind {
    /// A stable word for the database.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Advanced => "advanced",
            Self::Restarted(why) => why.as_str(),
            Self::Fell => "fell",
        }
    }

    /// Which of two kinds names both together: the one that says more.
    fn and_then(self, later: Self) -> Self {
        let weight = |kind| match kind {
            Self::First => 3,
            Self::Restarted(_) => 2,
            Self::Advanced => 1,
            Self::Fell => 0,
        };
        if weight(self) > weight(later) { self } else { later }
    }
}

impl Entry {
    /// An entry in which nothing has happened yet.
    pub(crate) fn new(snapshot: i64, run: i64, at: Stamp) -> Self {
        Self {
            snapshot,
            run,
            at,
            points: BTreeMap::new(),
            sources: BTreeMap::new(),
            facts: BTreeMap::new(),
            turns: BTreeMap::new(),
            clock_step_ms: None,
        }
    }

    /// Whether nothing has happened.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows() == 0
    }

    fn rows(&self) -> usize {
        let Self { snapshot: _, run: _, at: _, points, sources, facts, turns, clock_step_ms } =
            self;
        points.len()
            + sources.len()
            + facts.len()
            + turns.len()
            + usize::from(clock_step_ms.is_some())
    }

    /// Takes in what happened before, as if all of it had happened now.
    fn fold(&mut self, earlier: Self) {
        let Self { snapshot: _, run: _, at: _, points, sources, facts, turns, clock_step_ms } =
            earlier;
        for (key, before) in points {
            let point = self.points.entry(key).or_insert(Point { by: 0, ..before });
            point.by = point.by.saturating_add(before.by);
            point.step = before.step.and_then(point.step);
        }
        for (source, before) in sources {
            self.sources.entry(source).or_insert(before);
        }
        for (key, before) in facts {
            self.facts.entry(key).or_insert(before);
        }
        for (key, before) in turns {
            self.turns.entry(key).or_insert(before);
        }
        if let Some(before) = clock_step_ms {
            let sum = self.clock_step_ms.unwrap_or_default().saturating_add(before);
            self.clock_step_ms = (sum != 0).then_some(sum);
        }
    }
}

/// The sums of losses, as if all of them had been noticed at the last one.
fn fold_losses(losses: &[LossRow]) -> Vec<LossRow> {
    let sum = |part: fn(&LossRow) -> u64| losses.iter().map(part).fold(0, u64::saturating_add);
    let (lost, undecodable) = (sum(|loss| loss.lost), sum(|loss| loss.undecodable));
    losses.last().map(|last| LossRow { lost, undecodable, ..*last }).into_iter().collect()
}

impl Changes {
    /// Takes in what changed afterwards.
    pub(crate) fn merge(&mut self, later: Self) {
        let Self {
            urgent,
            boots,
            lost_boots,
            runs,
            stretches,
            controllers,
            counters,
            witnessed,
            modules,
            events,
            losses,
            bad_pages,
            exposures,
            exposure_turns,
            alerts,
            ledger,
            entries,
            folded,
        } = later;
        self.urgent |= urgent;
        self.boots.extend(boots);
        self.lost_boots.extend(lost_boots);
        self.runs.extend(runs);
        self.stretches.extend(stretches);
        self.controllers.extend(controllers);
        self.counters.extend(counters);
        self.witnessed.extend(witnessed);
        self.modules.extend(modules);
        self.events.extend(events);
        if self.events.len() > MAX_WAITING {
            self.events = events::fold(std::mem::take(&mut self.events), 0);
        }
        self.losses.extend(losses);
        if self.losses.len() > MAX_WAITING {
            self.losses = fold_losses(&self.losses);
        }
        self.bad_pages.extend(bad_pages);
        // Bounded by what changelogs name, and each turns only with a boot or a live patch.
        self.exposures.extend(exposures);
        self.exposure_turns.extend(exposure_turns);
        self.alerts.merge(alerts);
        // Bounded by its keeper.
        self.ledger.extend(ledger);
        self.entries.extend(entries);
        self.folded = self.folded.saturating_add(folded);
        if self.entries.iter().map(Entry::rows).sum::<usize>() > MAX_WAITING {
            self.fold();
        }
    }

    /// Folds the entries of each run into its last one.
    pub(crate) fn fold(&mut self) {
        let before = self.entries.len();
        let mut folded: Vec<Entry> = Vec::new();
        for mut entry in std::mem::take(&mut self.entries) {
            match folded.pop() {
                Some(earlier) if earlier.run == entry.run => entry.fold(earlier),
                other => folded.extend(other),
            }
            folded.push(entry);
        }
        let lost = before.saturating_sub(folded.len());
        self.entries = folded;
        self.folded = self.folded.saturating_add(u64::try_from(lost).unwrap_or(u64::MAX));
    }
}
