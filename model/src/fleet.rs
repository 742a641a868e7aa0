//! Many hosts, as a Prometheus-compatible API tells of them.
//!
//! Nothing here was read from a host: each value is a sample that some server kept of a page some
//! agent wrote. What there was no sample of is `None`, and a host without a verdict has none; it is
//! never well for want of bad news.

mod evidence;
mod plan;
mod report;

pub use evidence::{
    BundleEvidence, EvidencePolicy, EvidenceReboots, EvidenceReport, EvidenceRow, InvalidBundle,
    WorstExposure, evidence_report,
};
pub use plan::{
    AtOnce, BlockReason, BlockedVisit, DoneVisit, FleetPlan, FleetTask, TaskKind, Visit, Wave,
};
pub use report::{FleetReport, GroupSum, LivePatchOnly, ReportRow, Standing, StandingSum};

use crate::{CoverageState, Verdict};
use serde::Serialize;

/// What is known of a fleet at a moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Fleet {
    /// The moment that was asked about, milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// How far back hosts were looked for that do not report now, milliseconds.
    pub look_back_ms: i64,
    /// The labels that together name a host.
    pub host_labels: Vec<String>,
    /// What hosts are grouped by, if by something.
    pub group_by: Option<String>,
    /// The hosts, in the order of their names.
    pub hosts: Vec<FleetHost>,
    /// Whether anybody tells how sure the rise of a stick's errors is.
    pub has_trends: bool,
    /// What the answer lacks, each as a sentence; it is complete if there is nothing.
    pub lacks: Vec<String>,
    /// What else there is to know of the answer.
    pub notes: Vec<String>,
}

/// What is known of one host.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FleetHost {
    /// The values of the labels that name it.
    pub name: String,
    /// Its group, where the label is there.
    pub group: Option<String>,
    /// The verdict it reports now. `None`: it does not report, or its readings are stale.
    pub verdict: Option<Verdict>,
    /// When its readings were last taken, as far as was looked back, milliseconds since the Unix
    /// epoch.
    pub last_seen_ms: Option<i64>,
    /// Planned time between its readings, seconds.
    pub interval_s: Option<u64>,
    /// The worst verdict that it last reported before it stopped.
    pub last_verdict: Option<Verdict>,
    /// Whether its agent answers the scraper; `None` where nobody tells.
    pub answers: Option<bool>,
    /// Why it has its verdict.
    pub findings: Vec<FleetFinding>,
    /// How much of the corrected errors can be seen.
    pub correctable: Option<CoverageState>,
    /// How much of the uncorrected errors can be seen.
    pub uncorrectable: Option<CoverageState>,
    /// What hides errors, as codes of findings.
    pub gaps: Vec<String>,
    /// Whether it is to be rebooted.
    pub reboot: Option<RebootAnswer>,
    /// Since when, milliseconds since the Unix epoch.
    pub reboot_since_ms: Option<i64>,
    /// Findings that ask for the reboot.
    pub reboot_reasons: Vec<Reason>,
    /// When the running boot began, milliseconds since the Unix epoch.
    pub boot_ms: Option<i64>,
    /// Sticks of memory that are to be followed at least, or have a risk or a trend.
    pub sticks: Vec<FleetStick>,
    /// What somebody said is known, and until when.
    pub acks: Vec<FleetAck>,
    /// Vulnerabilities that are owed.
    pub cves_owed: Option<u64>,
    /// Vulnerabilities that only live patches close.
    pub cves_mitigated: Option<u64>,
    /// Vulnerabilities in a live patch that is still in transition.
    pub cves_in_flight: Option<u64>,
    /// Longest time that a released fix has not been in force, seconds.
    pub exposed_s: Option<u64>,
    /// When the first support of live patches ends, milliseconds since the Unix epoch.
    pub support_end_ms: Option<i64>,
    /// What that rests on: `dated` or `usual`.
    pub support_basis: Option<String>,
    /// Who or what says that it is to be left alone.
    pub held: Option<String>,
    /// Targets that bear its name and are different hosts.
    pub namesakes: bool,
}

/// A reason for a verdict, as the metrics have it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct FleetFinding {
    /// How bad; a word that is not known is taken for not knowing.
    pub verdict: Verdict,
    /// The code.
    pub code: String,
    /// What it is about.
    pub subject: String,
    /// What to do, in the words of [`crate::Action`].
    pub action: String,
}

/// The code and the subject of a finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Reason {
    /// The code.
    pub code: String,
    /// What it is about.
    pub subject: String,
}

/// Whether a host is to be rebooted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RebootAnswer {
    /// It is not.
    No,
    /// It cannot be told.
    Unknown,
    /// It is.
    Yes,
}

/// A stick of memory, as the metrics have it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FleetStick {
    /// An opaque name that stays with the stick.
    pub module: String,
    /// Its slot.
    pub slot: String,
    /// The verdict, if it is to be followed at least.
    pub verdict: Option<Verdict>,
    /// The probability of an uncorrected error within the horizon of the policy.
    pub risk: Option<f64>,
    /// The p of the rise of its errors.
    pub p_rising: Option<f64>,
}

/// What somebody said is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FleetAck {
    /// The code of the finding.
    pub code: String,
    /// What the finding is about.
    pub subject: String,
    /// Until when, milliseconds since the Unix epoch.
    pub until_ms: i64,
}

/// How a fleet is: `fleet status`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FleetStatus {
    /// The moment it is about, milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// How far back hosts were looked for, milliseconds.
    pub look_back_ms: i64,
    /// What the answer lacks; complete if there is nothing.
    pub lacks: Vec<String>,
    /// What else there is to know of the answer.
    pub notes: Vec<String>,
    /// Hosts in all.
    pub hosts: u64,
    /// Hosts that report now.
    pub reporting: u64,
    /// Reporting hosts by verdict, the worst first.
    pub verdicts: Vec<(Verdict, u64)>,
    /// Reporting hosts by what is to be done at one, most hosts first. A host may be in several.
    pub actions: Vec<(String, u64)>,
    /// Reporting hosts by how much of the corrected and of the uncorrected errors can be seen.
    pub coverage: Vec<CoverageSum>,
    /// Reporting hosts by what hides errors, most hosts first. A host may be in several.
    pub gaps: Vec<(String, u64)>,
    /// Hosts that do not report, those longest gone first.
    pub silent: Vec<SilentHost>,
    /// All hosts that report, the worst first.
    pub worst: Vec<HostLine>,
    /// Sticks whose errors rise, given how many were tested; `None` where nobody tells.
    pub rising: Option<Rising>,
}

/// Hosts by how much of one state of coverage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CoverageSum {
    /// The state; `None` where a host reports none.
    pub state: Option<CoverageState>,
    /// Hosts of which so much of the corrected errors can be seen.
    pub correctable: u64,
    /// Hosts of which so much of the uncorrected errors can be seen.
    pub uncorrectable: u64,
}

/// A host that does not report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SilentHost {
    /// Its name.
    pub host: String,
    /// Its group.
    pub group: Option<String>,
    /// When its readings were last taken; `None`: not as far as was looked back.
    pub last_seen_ms: Option<i64>,
    /// What it last reported.
    pub last_verdict: Option<Verdict>,
    /// Whether its agent answers the scraper, though it says nothing of the host.
    pub answers: Option<bool>,
}

/// A host in the list of all.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HostLine {
    /// Its name.
    pub host: String,
    /// Its group.
    pub group: Option<String>,
    /// The verdict.
    pub verdict: Verdict,
    /// The finding that decides, if there is one.
    pub because: Option<FleetFinding>,
    /// Findings beside that one.
    pub more_findings: u64,
    /// Whether it is to be rebooted.
    pub reboot: Option<RebootAnswer>,
    /// The highest probability of an uncorrected error among its sticks.
    pub risk: Option<f64>,
    /// The less of what can be seen of both classes; `None` where it reports none.
    pub coverage: Option<CoverageState>,
    /// Time since it booted, seconds.
    pub up_s: Option<u64>,
    /// Whether several different targets bear its name.
    pub namesakes: bool,
}

/// Sticks whose errors rise.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rising {
    /// Sticks that were tested.
    pub tested: u64,
    /// The share of those listed that may be wrong.
    pub false_share: f64,
    /// Those that rise, the surest first.
    pub sticks: Vec<RisingStick>,
}

/// A stick whose errors rise.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RisingStick {
    /// The host it is in.
    pub host: String,
    /// Its slot.
    pub slot: String,
    /// An opaque name that stays with the stick.
    pub module: String,
    /// The p of its own test.
    pub p: f64,
    /// The same, adjusted for the number of tests.
    pub adjusted_p: f64,
}

impl FleetHost {
    /// Whether it says how it is, now.
    pub fn is_reporting(&self) -> bool {
        self.verdict.is_some()
    }

    /// The less of what can be seen of both classes. One that is not told makes both unknown.
    pub fn coverage(&self) -> Option<CoverageState> {
        match (self.correctable, self.uncorrectable) {
            (Some(correctable), Some(uncorrectable)) => Some(correctable.worse(uncorrectable)),
            (Some(one), None) | (None, Some(one)) => Some(one.worse(CoverageState::Unknown)),
            (None, None) => None,
        }
    }

    /// The highest probability of an uncorrected error among its sticks.
    pub fn risk(&self) -> Option<f64> {
        self.sticks.iter().filter_map(|stick| stick.risk).max_by(f64::total_cmp)
    }

    /// Until when somebody said that a finding is known, if that is not over.
    pub fn acknowledged_until(&self, code: &str, subject: &str, at_ms: i64) -> Option<i64> {
        let of = |ack: &&FleetAck| ack.code == code && ack.subject == subject;
        let until = self.acks.iter().filter(of).map(|ack| ack.until_ms).max()?;
        (until > at_ms).then_some(until)
    }
}

impl RebootAnswer {
    /// All answers, in the order of their weight.
    pub const ALL: [Self; 3] = [Self::No, Self::Unknown, Self::Yes];

    /// A stable word, as the metrics have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Unknown => "unknown",
            Self::Yes => "yes",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coverage_that_is_told_of_one_class_only_is_not_full() {
        let host = FleetHost { correctable: Some(CoverageState::Full), ..FleetHost::default() };
        assert_eq!(host.coverage(), Some(CoverageState::Unknown));
        assert_eq!(FleetHost::default().coverage(), None);
    }

    #[test]
    fn an_acknowledgement_that_is_over_says_nothing() {
        let ack = FleetAck { code: "a".to_owned(), subject: "b".to_owned(), until_ms: 100 };
        let host = FleetHost { acks: vec![ack], ..FleetHost::default() };
        assert_eq!(host.acknowledged_until("a", "b", 99), Some(100));
        assert_eq!(host.acknowledged_until("a", "b", 100), None);
        assert_eq!(host.acknowledged_until("a", "c", 99), None);
    }
}
