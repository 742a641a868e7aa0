//! Everything known about the host at one moment: what exporters are given.

use crate::seconds;
use crate::{
    Accumulated, AgentStats, AlertBook, Assessment, BootEnd, LedgerHead, Reading, RebootNeed,
    Simulated, Snapshot,
};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// The host as known after one pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostView {
    /// Whose view it is.
    pub header: HostHeader,
    /// What was read.
    pub snapshot: Snapshot,
    /// The history's sums for it.
    pub accumulated: Accumulated,
    /// The history in figures; not a value when there is none.
    pub history: Reading<HistorySummary>,
    /// The verdict.
    pub assessment: Assessment,
    /// Alerts, as an agent wrote them last; without a clock where none did.
    pub alerts: AlertBook,
    /// The agent that took it, or that runs beside the command that did; else why there is none to tell of.
    pub agent: Reading<AgentStats>,
}

/// Who the host is, for the head of a page. Never used for a verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HostHeader {
    /// The root that was read: `/`, a directory or a tree file.
    pub root: String,
    /// Version of scrubjay.
    pub version: &'static str,
    /// What made the host, if it was made and not found: then nothing in the view is of a real machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub simulated: Option<Simulated>,
    /// Host name.
    pub host_name: Reading<String>,
    /// Operating system.
    pub os: Reading<String>,
    /// CPU model.
    pub cpu: Reading<String>,
    /// Memory the kernel manages, bytes.
    pub memory_bytes: Reading<u64>,
}

/// The history in figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HistorySummary {
    /// Where it is kept.
    pub path: String,
    /// When it began, milliseconds since the Unix epoch.
    pub since_wall_ms: i64,
    /// Boots by how they ended.
    pub boots: BTreeMap<&'static str, u64>,
    /// Steps of the wall clock noticed.
    pub clock_steps: u64,
    /// Time covered by passes, over all boots.
    #[serde(rename = "covered_seconds", serialize_with = "seconds::of")]
    pub covered: Duration,
    /// Since when a reboot is asked for; `None` if none is.
    pub reboot_needed: Option<RebootNeed>,
    /// Time since the current stretch of coverage began, by the boot clock.
    #[serde(rename = "covered_without_gap_seconds", serialize_with = "seconds::of")]
    pub covered_without_gap: Duration,
    /// The last row of the ledger, as it is written; `None` if it has none.
    pub ledger_head: Option<LedgerHead>,
}

impl HistorySummary {
    /// How many boots ended that way.
    pub fn boots_ended(&self, end: BootEnd) -> u64 {
        self.boots.get(end.as_str()).copied().unwrap_or(0)
    }
}
