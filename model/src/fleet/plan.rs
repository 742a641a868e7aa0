//! Which hosts of a fleet are visited when. A plan is also the file that a later run goes on with.

use crate::Verdict;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Who is visited when, who is not and why, and what is done already: `fleet plan`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FleetPlan {
    /// The version of this form.
    pub schema_version: u32,
    /// When the plan was first made, milliseconds since the Unix epoch.
    pub made_ms: i64,
    /// When it was last gone on with.
    pub resumed_ms: Option<i64>,
    /// The labels that together name a host.
    pub host_labels: Vec<String>,
    /// The label that hosts are grouped by; `None`: all are one group.
    pub group_by: Option<String>,
    /// How many of a group may be away at once.
    pub at_once: AtOnce,
    /// The maintenance windows, as they are configured.
    pub windows: Vec<String>,
    /// How long a wave takes, milliseconds; `None`: a window is one wave.
    pub each_ms: Option<i64>,
    /// The visits, in waves one after another.
    pub waves: Vec<Wave>,
    /// Hosts that are not visited though they are to be, or that nothing is known of.
    pub blocked: Vec<BlockedVisit>,
    /// Hosts of the plan that need no visit any more.
    pub done: Vec<DoneVisit>,
    /// Hosts that have come to need a visit since the plan was made, or since they were done, and are
    /// no part of it.
    pub new_since: Vec<String>,
    /// What there is to know of the answer it was made from.
    pub notes: Vec<String>,
}

/// The version of the form of plans.
pub(crate) const SCHEMA_VERSION: u32 = 1;

/// How many of a group may be away at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum AtOnce {
    /// So many hosts.
    Hosts(u32),
    /// So many of a hundred, rounded down, and one at least.
    Percent(u8),
}

/// Visits at one time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wave {
    /// From 1, or from 2 where those that do not report already are as many as may be away.
    pub number: u32,
    /// When it begins, milliseconds since the Unix epoch; `None` without maintenance windows.
    pub from_ms: Option<i64>,
    /// When it ends.
    pub until_ms: Option<i64>,
    /// The beginning as people there read it.
    pub begins: Option<String>,
    /// The end, likewise.
    pub ends: Option<String>,
    /// Who is visited, by group, the worst first.
    pub visits: Vec<Visit>,
}

/// All that is done to a host at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Visit {
    /// The host.
    pub host: String,
    /// Its group; `None` where it has no such label.
    pub group: Option<String>,
    /// How bad it is.
    pub verdict: Verdict,
    /// What is done, a swap before a reboot.
    pub tasks: Vec<FleetTask>,
    /// When the boot began that ran when the plan was made, milliseconds since the Unix epoch.
    pub boot_ms: Option<i64>,
}

/// One thing that is done to a host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FleetTask {
    /// What.
    pub kind: TaskKind,
    /// Why: the code of a finding; empty where the host says no more than that it is to be.
    pub code: String,
    /// What the finding is about; of a swap, the slot.
    pub subject: String,
    /// The stick to be swapped, by the name that stays with it.
    pub module: Option<String>,
}

/// What is done to a host. A swap comes first: it takes the host down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    /// A stick of memory is swapped.
    SwapDimm,
    /// It is rebooted.
    Reboot,
}

/// A host that is not visited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlockedVisit {
    /// The host.
    pub host: String,
    /// Its group.
    pub group: Option<String>,
    /// What would be done; nothing where that is not known.
    pub tasks: Vec<FleetTask>,
    /// Why it is not, each reason.
    pub because: Vec<BlockReason>,
    /// When the boot began that ran when the plan was made.
    pub boot_ms: Option<i64>,
}

/// Why a host is not visited.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "code")]
pub enum BlockReason {
    /// It does not say how it is.
    NotReporting {
        /// When its readings were last taken, milliseconds since the Unix epoch.
        last_seen_ms: Option<i64>,
    },
    /// Several different targets bear its name, and which is meant cannot be told.
    Namesakes,
    /// Whether its errors can be seen is not known: nobody would know what the visit did.
    CoverageUnknown,
    /// Somebody says that it is to be left alone.
    Hold {
        /// Who, or by what.
        by: String,
    },
    /// An uncorrected error is open that no stick of the visit answers for: a reboot would take the
    /// evidence.
    OpenUncorrected {
        /// The code of the finding.
        finding: String,
        /// What it is about.
        subject: String,
    },
    /// Somebody said that it is known.
    Acknowledged {
        /// The code of the finding.
        finding: String,
        /// What it is about.
        subject: String,
        /// Until when, milliseconds since the Unix epoch.
        until_ms: i64,
    },
    /// Whether a reboot is asked for, or helps, cannot be told.
    RebootUnclear,
    /// It has booted since the plan was made, and says all the same that it is to be rebooted.
    RebootInVain,
}

/// A host of a plan that needs no visit any more.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DoneVisit {
    /// The host.
    pub host: String,
    /// Its group.
    pub group: Option<String>,
    /// What shows it.
    pub because: String,
}

impl FleetPlan {
    /// The version of the form that this program writes and reads.
    pub const VERSION: u32 = SCHEMA_VERSION;

    /// All visits, in the order of the waves.
    pub fn visits(&self) -> impl Iterator<Item = &Visit> {
        self.waves.iter().flat_map(|wave| &wave.visits)
    }
}

impl AtOnce {
    /// How many that is of a group of so many hosts: one at least, as none would never end.
    pub fn of(self, hosts: usize) -> usize {
        match self {
            Self::Hosts(most) => usize::try_from(most).unwrap_or(usize::MAX).max(1),
            Self::Percent(percent) => (hosts.saturating_mul(usize::from(percent)) / 100).max(1),
        }
    }

    /// Reads `1` or `10%`.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(percent) = text.strip_suffix('%') {
            let percent = percent.parse().ok().filter(|percent| (1..=100).contains(percent))?;
            return Some(Self::Percent(percent));
        }
        text.parse().ok().filter(|most| *most > 0).map(Self::Hosts)
    }
}

impl fmt::Display for AtOnce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hosts(most) => write!(f, "{most}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl From<AtOnce> for String {
    fn from(at_once: AtOnce) -> Self {
        at_once.to_string()
    }
}

impl TryFrom<String> for AtOnce {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("is neither a number of hosts nor a percentage from 1% to 100%")
    }
}

impl TaskKind {
    /// A stable word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SwapDimm => "swap_dimm",
            Self::Reboot => "reboot",
        }
    }
}

impl BlockReason {
    /// A stable word.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotReporting { .. } => "not_reporting",
            Self::Namesakes => "namesakes",
            Self::CoverageUnknown => "coverage_unknown",
            Self::Hold { .. } => "hold",
            Self::OpenUncorrected { .. } => "open_uncorrected",
            Self::Acknowledged { .. } => "acknowledged",
            Self::RebootUnclear => "reboot_unclear",
            Self::RebootInVain => "reboot_in_vain",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_a_group_is_rounded_down_and_never_nobody() {
        for (text, hosts, most) in [
            ("1", 40, 1),
            ("3", 2, 3),
            ("10%", 40, 4),
            ("10%", 49, 4),
            ("10%", 5, 1),
            ("100%", 7, 7),
        ] {
            let at_once = AtOnce::parse(text).unwrap();
            assert_eq!(at_once.of(hosts), most, "{text} of {hosts}");
            assert_eq!(at_once.to_string(), text);
        }
        for wrong in ["0", "0%", "101%", "-1", "1.5", "", "%", "many"] {
            assert_eq!(AtOnce::parse(wrong), None, "{wrong}");
        }
    }
}
