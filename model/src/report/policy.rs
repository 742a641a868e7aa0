//! Within how many days fixes are to be in force, and who allowed what to wait longer.
//!
//! Standards name deadlines and leave the ranking to whoever applies them (PCI DSS 4.0.1, 6.3.1 and
//! 6.3.3; NIST SP 800-40r4, 2.2 and 2.3; CIS Controls v8, 7.3 and 7.7), so that both are part of the
//! policy and are printed with each report.

use crate::{CveId, CveRank, Severity};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How a vulnerability is ranked: the first that applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CveClass {
    /// A list names it as exploited.
    Exploited,
    /// A list calls it critical.
    Critical,
    /// A list calls it high.
    High,
    /// A list calls it medium.
    Medium,
    /// A list calls it low.
    Low,
    /// No list says how severe it is.
    Unranked,
}

impl CveClass {
    /// All of them, the worst first; what no list ranks comes last.
    pub const ALL: [Self; 6] =
        [Self::Exploited, Self::Critical, Self::High, Self::Medium, Self::Low, Self::Unranked];

    /// What lists make of a vulnerability.
    pub fn of(rank: Option<&CveRank>) -> Self {
        let Some(CveRank { exploited, severity, epss_millionths: _ }) = rank else {
            return Self::Unranked;
        };
        if *exploited {
            return Self::Exploited;
        }
        match severity {
            Some(Severity::Critical) => Self::Critical,
            Some(Severity::High) => Self::High,
            Some(Severity::Medium) => Self::Medium,
            Some(Severity::Low) => Self::Low,
            None => Self::Unranked,
        }
    }

    /// A stable word, also the key in a policy.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exploited => "exploited",
            Self::Critical => "critical",
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
            Self::Unranked => "unranked",
        }
    }
}

/// From when on days are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CountsFromWhen {
    /// The fix was released.
    Release,
    /// A kernel with the fix was first installed on the host.
    Installation,
}

impl CountsFromWhen {
    /// A stable word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Installation => "installation",
        }
    }
}

/// A policy on patches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatchDeadlines {
    /// What it is called.
    pub name: String,
    /// Where it comes from, for whoever reads the report.
    pub source: String,
    /// What it does not say, or what is to be known when it is applied.
    pub caveats: Vec<String>,
    /// Who ranks vulnerabilities.
    pub ranking: String,
    /// From when on days are counted.
    pub counts_from: CountsFromWhen,
    /// Whether a live patch that is in force meets a deadline, or only a boot does.
    pub live_patch_counts: bool,
    /// Days by class; a class that is not there has no deadline.
    pub days: BTreeMap<CveClass, u32>,
    /// What is allowed to wait.
    pub exceptions: Vec<PatchException>,
}

/// That something is allowed to wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatchException {
    /// Its name in whatever register it stands in.
    pub id: String,
    /// Which vulnerabilities.
    pub scope: ExceptionScope,
    /// Why.
    pub reason: String,
    /// What is done instead; empty for nothing.
    pub compensating_control: String,
    /// Who allowed it.
    pub approver: String,
    /// From when on, milliseconds since the Unix epoch.
    pub granted_wall_ms: i64,
    /// Until when.
    pub expires_wall_ms: i64,
}

/// Which vulnerabilities an exception is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExceptionScope {
    /// These.
    Cves(Vec<CveId>),
    /// All of these classes.
    Classes(Vec<CveClass>),
    /// All.
    All,
}

impl PatchException {
    /// Whether it is for a vulnerability of a class, and held at a moment.
    pub fn allows(&self, cve: &CveId, class: CveClass, at_wall_ms: i64) -> bool {
        let is_meant = match &self.scope {
            ExceptionScope::Cves(cves) => cves.contains(cve),
            ExceptionScope::Classes(classes) => classes.contains(&class),
            ExceptionScope::All => true,
        };
        is_meant && (self.granted_wall_ms..self.expires_wall_ms).contains(&at_wall_ms)
    }
}
