//! How a fleet stands to what is asked of its patches, for those who answer for it.

use super::{CoverageSum, RebootAnswer};
use crate::{CoverageState, Verdict};
use serde::Serialize;

/// How a fleet stands: `fleet report`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FleetReport {
    /// The moment it is about, milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// How far back hosts were looked for, milliseconds.
    pub look_back_ms: i64,
    /// What the answer lacks; complete if there is nothing.
    pub lacks: Vec<String>,
    /// What else there is to know of the answer.
    pub notes: Vec<String>,
    /// Days from its release within which a fix is to be in force.
    pub limit_days: u32,
    /// What hosts are grouped by.
    pub group_by: Option<String>,
    /// Hosts in all.
    pub hosts: u64,
    /// How many are within the limits, outside of them, and how many nothing is known of.
    pub standing: Vec<StandingSum>,
    /// Reporting hosts by verdict, the worst first.
    pub verdicts: Vec<(Verdict, u64)>,
    /// Reporting hosts by how much of the errors of memory can be seen.
    pub coverage: Vec<CoverageSum>,
    /// Hosts that are to be rebooted.
    pub to_reboot: u64,
    /// Hosts with a stick of memory that is to be swapped.
    pub to_swap: u64,
    /// Hosts of which a vulnerability is closed by live patches and nothing else, the support that
    /// ends first at the head.
    pub live_patch_only: Vec<LivePatchOnly>,
    /// The same counts for each group, in the order of their names.
    pub groups: Vec<GroupSum>,
    /// Every host: those without data first, then the longest exposed.
    pub rows: Vec<ReportRow>,
}

/// How a host stands to the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// No fix has been owed for longer than the limit.
    Within,
    /// One has, or one that must not wait is owed.
    Outside,
    /// Nothing tells.
    NoData,
}

/// How many hosts stand so.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct StandingSum {
    /// How.
    pub standing: Standing,
    /// How many.
    pub hosts: u64,
    /// Of a hundred hosts; `None` where there is none.
    pub percent: Option<f64>,
}

/// A host that live patches alone protect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LivePatchOnly {
    /// The host.
    pub host: String,
    /// Its group.
    pub group: Option<String>,
    /// Vulnerabilities that live patches close, where that is counted.
    pub cves: Option<u64>,
    /// When support of the live patches ends; `None` where that is not told.
    pub until_ms: Option<i64>,
    /// What that rests on: `dated` or `usual`.
    pub basis: Option<String>,
    /// Whether it has ended.
    pub has_ended: bool,
}

/// A group of hosts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GroupSum {
    /// Its name; `None` for hosts without the label.
    pub group: Option<String>,
    /// Hosts.
    pub hosts: u64,
    /// Those within the limit.
    pub within: u64,
    /// Those outside of it.
    pub outside: u64,
    /// Those nothing is known of.
    pub no_data: u64,
    /// Those that are to be rebooted.
    pub to_reboot: u64,
    /// Those with a stick that is to be swapped.
    pub to_swap: u64,
}

/// One host.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReportRow {
    /// The host.
    pub host: String,
    /// Its group.
    pub group: Option<String>,
    /// How it stands.
    pub standing: Standing,
    /// Why it is outside, or why nothing is known.
    pub because: Vec<String>,
    /// Its verdict, if it reports.
    pub verdict: Option<Verdict>,
    /// When its readings were last taken, milliseconds since the Unix epoch.
    pub last_seen_ms: Option<i64>,
    /// Longest time that a released fix has not been in force, seconds.
    pub exposed_s: Option<u64>,
    /// Vulnerabilities that are owed.
    pub cves_owed: Option<u64>,
    /// Vulnerabilities that live patches close.
    pub cves_mitigated: Option<u64>,
    /// Whether it is to be rebooted.
    pub reboot: Option<RebootAnswer>,
    /// Sticks of memory that are to be swapped, by their slots.
    pub swaps: Vec<String>,
    /// How much of the errors of memory can be seen.
    pub coverage: Option<CoverageState>,
    /// When support of its live patches ends, milliseconds since the Unix epoch.
    pub support_end_ms: Option<i64>,
}

impl Standing {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Within, Self::Outside, Self::NoData];

    /// A stable word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Within => "within",
            Self::Outside => "outside",
            Self::NoData => "no_data",
        }
    }
}
