//! What the agent knows about itself.

use crate::seconds;
use crate::{Confinement, EventsStatus, LedgerState, NotifyStats, Reading, SourceId};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// The agent's own health.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AgentStats {
    /// When it started, milliseconds since the Unix epoch.
    pub started_wall_ms: i64,
    /// Planned time between passes.
    #[serde(rename = "interval_seconds", serialize_with = "seconds::of")]
    pub interval: Duration,
    /// Passes completed.
    pub passes: u64,
    /// Passes that began more than one interval late.
    pub late_passes: u64,
    /// Duration of the last pass: reading, history and evaluation.
    #[serde(rename = "pass_seconds", serialize_with = "seconds::of")]
    pub pass_took: Duration,
    /// By source, since the agent started.
    pub sources: BTreeMap<SourceId, SourceStats>,
    /// The reading of reports of errors.
    pub events: EventsStatus,
    /// The history file.
    pub storage: StorageStats,
    /// Pages taken out of use.
    pub offlining: OfflineStats,
    /// Notices of alerts.
    pub notifications: NotifyStats,
    /// Whether metrics carry `node_reboot_required` beside our own, for alerts that exist already.
    pub node_reboot_required: bool,
    /// The web configuration; `None` where none is named.
    pub web: Option<WebStats>,
    /// What it may still do; `None` of one that makes a single pass.
    pub confinement: Option<Confinement>,
    /// Resident memory of the agent, bytes.
    pub resident_bytes: Reading<u64>,
    /// CPU time used by the agent.
    #[serde(rename = "cpu_seconds", serialize_with = "seconds::of_reading")]
    pub cpu: Reading<Duration>,
}

/// How the web configuration fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct WebStats {
    /// Whether its files were changed to something of no use, so that what was before still holds.
    pub failing: bool,
    /// When what holds was read, milliseconds since the Unix epoch.
    pub loaded_wall_ms: i64,
}

/// How one source has fared since the agent started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct SourceStats {
    /// Attributes that were offered but could not be read or understood, all passes together.
    pub failures: u64,
    /// Passes in which the source did not answer in time.
    pub deadlines_missed: u64,
    /// Last pass in which it was read without fault, milliseconds since the Unix epoch.
    pub last_ok_wall_ms: Option<i64>,
}

/// What was done about pages with too many errors since the agent started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct OfflineStats {
    /// Pages that the kernel took out of use when asked.
    pub done: u64,
    /// Pages that it would not.
    pub failed: u64,
    /// Pages it was not asked for, each counted once for each reason.
    pub refused: u64,
}

impl OfflineStats {
    /// Nothing was done.
    pub const NONE: Self = Self { done: 0, failed: 0, refused: 0 };
}

/// How the history file fares.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct StorageStats {
    /// Size of the database with its write-ahead log, bytes; `None` if it could not be told.
    pub size_bytes: Option<u64>,
    /// Transactions committed since the agent started.
    pub writes: u64,
    /// Transactions that failed since the agent started.
    pub write_failures: u64,
    /// The last failure, with its remedy, while it lasts.
    pub last_error: Option<String>,
    /// Why a history that is there cannot be read; only commands beside the agent meet that.
    pub unreadable: Option<String>,
    /// Where a corrupt database was moved to when this one was begun.
    pub replaced: Option<String>,
    /// What was taken over from it, and what could not be.
    pub salvaged: Option<String>,
    /// Whether its ledger is what was written.
    pub ledger: LedgerState,
    /// Reports of bad pages since the agent started for which the registry had no room.
    pub pages_refused: u64,
    /// How large the database may grow, bytes; `None` beside the agent.
    pub max_bytes: Option<u64>,
    /// What became sums since the history began.
    pub folded: FoldedRows,
}

/// Rows of the history that became sums of an hour or a day, since it began.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct FoldedRows {
    /// How many, by kind: `changes`, `reports`, `open_reports`, `change_hours`, `report_hours`,
    /// `losses`, `source_states`, `stretches`, `texts`, `facts`.
    pub rows: BTreeMap<String, u64>,
    /// From when on single changes of counters are kept; `None` if all are.
    pub single_changes_from_wall_ms: Option<i64>,
    /// From when on sums of an hour are kept; `None` if all are.
    pub hours_from_wall_ms: Option<i64>,
}
