//! What the history knows between passes: everything needed to tell whether the next snapshot
//! changes anything. Loaded once, then kept in step with what was seen.

use crate::alerts::AlertsState;
use crate::events::{Reports, RowBudget, WitnessedState};
use crate::exposures::Exposure;
use crate::ledger::Pace;
use scrubjay_model::{
    BadPage, BootEnd, BootId, ControllerKey, Counter, CveId, Digest, KnownController, ModuleKey,
    ModuleRecord, Outcome, SeriesKey, SourceId, SourceState, Stamp,
};
use std::collections::BTreeMap;
use std::time::Duration;

/// The largest number SQLite stores. EDAC counters are u32, so sums get nowhere near.
pub(crate) const MAX_STORED: u64 = i64::MAX.unsigned_abs();

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    /// The boot seen last.
    pub(crate) boot: Option<BootState>,
    /// The run of this agent, from `begin_run` to `end_run`.
    pub(crate) run: Option<Run>,
    /// Every controller ever seen, in the order of first sight.
    pub(crate) controllers: Vec<ControllerState>,
    /// Every counter ever seen.
    pub(crate) counters: BTreeMap<SeriesKey, CounterState>,
    /// What reports say of counters.
    pub(crate) witnessed: BTreeMap<SeriesKey, WitnessedState>,
    /// Reports taken in.
    pub(crate) reports: Reports,
    /// Every stick of memory ever seen.
    pub(crate) modules: BTreeMap<ModuleKey, ModuleRecord>,
    /// Every fact ever seen.
    pub(crate) facts: BTreeMap<FactKey, FactState>,
    /// When each live patch that is in transition was first seen so.
    pub(crate) transitions: BTreeMap<String, Stamp>,
    /// Vulnerabilities owed, by name. Those that ended are not kept here.
    pub(crate) exposures: BTreeMap<CveId, Exposure>,
    /// The row id of the next one.
    pub(crate) next_exposure: i64,
    /// Alerts, and notices of them.
    pub(crate) alerts: AlertsState,
    /// The registry of bad pages, by physical address.
    pub(crate) bad_pages: BTreeMap<u64, BadPage>,
    /// The next free row ids. Handed out here rather than by SQLite, so that changes can wait in
    /// memory while the disk is full.
    pub(crate) next_run: i64,
    /// See `next_run`.
    pub(crate) next_snapshot: i64,
    /// The row id of this process's first sighting.
    pub(crate) first_event: i64,
    /// How many rows reports may add now.
    pub(crate) event_rows: RowBudget,
}

/// A boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BootState {
    /// When it began, by the first wall clock seen in it.
    pub(crate) booted_wall_ms: i64,
    /// When it was last seen; names the boot.
    pub(crate) last: Stamp,
    /// `osrelease`, as first read.
    pub(crate) kernel_release: Option<String>,
    /// `version`, as first read.
    pub(crate) kernel_version: Option<String>,
    /// How it ended.
    pub(crate) ended: BootEnd,
    /// What `ended` rests on.
    pub(crate) evidence: String,
    /// How the last run of the agent in it ended.
    pub(crate) last_run: RunEnd,
}

/// How a run of the agent ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RunEnd {
    /// There was none.
    NeverRan,
    /// It was not: it still goes on, or it was cut off.
    Open,
    /// In order.
    Stopped {
        /// When.
        wall_ms: i64,
    },
    /// In order, and before a second pass was due: a single reading, from which nothing follows
    /// about what came after it.
    Brief,
}

impl RunEnd {
    /// The end of a run that was stopped in order.
    pub(crate) fn stopped(row: &RunRow, at: &Stamp) -> Self {
        match at.since(&row.started) {
            Some(lasted) if lasted < row.interval => Self::Brief,
            Some(_) | None => Self::Stopped { wall_ms: at.wall_ms },
        }
    }
}

/// A run of the agent within one boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    /// Its row.
    pub(crate) row: RunRow,
    /// The stretch of coverage now growing; `None` where the boot clock is not known.
    pub(crate) stretch: Option<Stretch>,
    /// The key of each controller, by its index at the pass before.
    pub(crate) keys: BTreeMap<u32, ControllerKey>,
    /// Whether reports of errors were received at the pass before.
    pub(crate) listening: bool,
    /// The state of each source as last recorded in this run.
    pub(crate) sources: BTreeMap<SourceId, SourceWord>,
    /// What the agent was told to do.
    pub(crate) settings: SettingsDigests,
    /// What it told the ledger.
    pub(crate) pace: Pace,
    /// When the slowly changing parts were last written: see [`crate::plan::QUIET_FLUSH`].
    pub(crate) flushed: Stamp,
    /// When the reset windows were last written: see [`crate::counters::WINDOW_FLUSH`].
    pub(crate) windows_flushed: Stamp,
}

/// What an agent was told to do, by hashes: that two runs had the same settings, and that a
/// configuration that is shown is the one it had.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SettingsDigests {
    /// Of all settings.
    pub configuration: Option<Digest>,
    /// Of those that decide on verdicts and on what is done.
    pub policy: Option<Digest>,
}

/// The stored part of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RunRow {
    /// Row id.
    pub(crate) id: i64,
    /// The agent's version.
    pub(crate) version: String,
    /// Planned time between passes.
    pub(crate) interval: Duration,
    /// When it began; names the boot.
    pub(crate) started: Stamp,
    /// When it was stopped in order.
    pub(crate) stopped: Option<Stamp>,
}

/// A stretch of coverage, by the boot clock and the wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stretch {
    /// First pass.
    pub(crate) from: Duration,
    /// First pass.
    pub(crate) from_wall_ms: i64,
    /// Last pass.
    pub(crate) to: Duration,
    /// Last pass.
    pub(crate) to_wall_ms: i64,
}

/// A memory controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ControllerState {
    /// Its key, for good.
    pub(crate) key: ControllerKey,
    /// `N` of `mcN` when last seen; `None` once another was seen there.
    pub(crate) index: Option<u32>,
    /// Its name, as last read.
    pub(crate) name: Option<String>,
}

/// A counter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CounterState {
    /// The reading that the next one is compared with.
    pub(crate) base: Counter,
    /// When it was taken, by the awake clock.
    pub(crate) read_awake: Option<Duration>,
    /// The sum over all lives.
    pub(crate) total: u64,
    /// Lives begun since first sight.
    pub(crate) restarts: u64,
    /// Wall clock at first sight.
    pub(crate) since_wall_ms: i64,
    /// The value below the base that the kernel shows while no reset explains it.
    pub(crate) fell_to: Option<u64>,
}

/// Name and subject.
pub(crate) type FactKey = (String, String);

/// A fact as last recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FactState {
    /// Where it comes from; `None` for what no source tells.
    pub(crate) source: Option<SourceId>,
    /// What is known of it.
    pub(crate) known: Known,
}

/// What is known of a fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Known {
    /// Its value.
    Value(String),
    /// That it has none.
    NonValue(Outcome),
    /// That its subject is no longer there.
    Gone,
}

/// The part of a source's state whose change is worth a row. The reason's full text is not in it:
/// it may quote something that differs at every pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SourceWord {
    /// Its state.
    pub(crate) state: SourceState,
    /// The kind of reason.
    pub(crate) reason: Option<&'static str>,
}

impl State {
    /// Of a history in which nothing is.
    pub(crate) fn of_nothing() -> Self {
        Self {
            boot: None,
            run: None,
            controllers: Vec::new(),
            counters: BTreeMap::new(),
            witnessed: BTreeMap::new(),
            reports: Reports::default(),
            modules: BTreeMap::new(),
            facts: BTreeMap::new(),
            transitions: BTreeMap::new(),
            exposures: BTreeMap::new(),
            next_exposure: 1,
            alerts: AlertsState { next_outgoing: 1, ..AlertsState::default() },
            bad_pages: BTreeMap::new(),
            next_run: 1,
            next_snapshot: 1,
            event_rows: RowBudget::FULL,
            first_event: 1,
        }
    }

    /// The controllers as matching wants them.
    pub(crate) fn known_controllers(&self) -> Vec<KnownController> {
        // No kernel numbers that far, so a controller without an index is found by name only.
        const NO_INDEX: u32 = u32::MAX;
        self.controllers
            .iter()
            .map(|c| KnownController {
                key: c.key.clone(),
                index: c.index.unwrap_or(NO_INDEX),
                name: c.name.clone(),
            })
            .collect()
    }

    /// The stamp, with the boot of the run where the stamp itself does not know its boot: a
    /// process does not outlive the boot it was started in.
    pub(crate) fn placed(&self, at: &Stamp) -> Stamp {
        match &self.run {
            Some(run) if !at.boot.is_known() => {
                Stamp { boot: run.row.boot().clone(), ..at.clone() }
            }
            Some(_) | None => at.clone(),
        }
    }
}

impl BootState {
    /// Its id.
    pub(crate) fn id(&self) -> &BootId {
        &self.last.boot
    }
}

impl RunRow {
    /// The boot it belongs to.
    pub(crate) fn boot(&self) -> &BootId {
        &self.started.boot
    }
}

impl Stretch {
    /// Its length.
    pub(crate) fn length(&self) -> Duration {
        self.to.saturating_sub(self.from)
    }
}

impl Known {
    /// A stable word for the database.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Value(_) => Outcome::Ok.as_str(),
            Self::NonValue(outcome) => outcome.as_str(),
            Self::Gone => "gone",
        }
    }

    /// The value, if it has one.
    pub(crate) fn value(&self) -> Option<&str> {
        match self {
            Self::Value(text) => Some(text),
            Self::NonValue(_) | Self::Gone => None,
        }
    }
}
