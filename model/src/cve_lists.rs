//! What the administrator laid beside the host of vulnerabilities: which are exploited, how severe
//! they are, and which of them a live patch fixes. All of it is optional; without it nothing is
//! ranked.

use crate::{CveId, Reading};
use serde::{Serialize, Serializer};
use std::collections::{BTreeMap, BTreeSet};

/// The lists, put together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CveLists {
    /// The files they come from.
    pub files: Vec<CveListFile>,
    /// What they say of each vulnerability.
    #[serde(skip)]
    pub ranks: BTreeMap<CveId, CveRank>,
    /// The vulnerabilities that a live patch of a name fixes, by somebody's word.
    pub live_patches: BTreeMap<String, BTreeSet<CveId>>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CveListFile {
    /// Its path.
    pub path: String,
    /// What it was taken for, and what it holds.
    pub content: Reading<CveListContent>,
}

/// What a file was taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CveListContent {
    /// Its form.
    pub form: CveListForm,
    /// Vulnerabilities it names.
    pub entries: usize,
}

/// The forms that are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CveListForm {
    /// CISA's list of known exploited vulnerabilities, as CSV or JSON.
    KnownExploited,
    /// EPSS' scores, as CSV.
    Epss,
    /// CSV with a column `cve` and further ones of ours.
    Table,
    /// A CVE record, as the kernel's CNA publishes them, or a list of such.
    CveRecord,
    /// A record of OSV, or a list of such.
    Osv,
    /// A document of CSAF, VEX included.
    Csaf,
}

/// What lists say of a vulnerability.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct CveRank {
    /// A list names it as exploited.
    pub exploited: bool,
    /// The worst severity given.
    pub severity: Option<Severity>,
    /// The probability that it is exploited within 30 days, in millionths (EPSS).
    pub epss_millionths: Option<u32>,
}

/// How severe a vulnerability is, by whoever made the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Low.
    Low,
    /// Medium, or moderate.
    Medium,
    /// High, or important.
    High,
    /// Critical.
    Critical,
}

impl Severity {
    /// The severity that a word stands for, in the terms of CVSS, Red Hat, Ubuntu and Debian.
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word.trim().to_ascii_lowercase().as_str() {
            "critical" => Self::Critical,
            "high" | "important" => Self::High,
            "medium" | "moderate" => Self::Medium,
            "low" | "negligible" => Self::Low,
            _ => return None,
        })
    }

    /// A stable word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl Serialize for Severity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl CveRank {
    /// Adds what another list says: the worse counts.
    pub fn take(&mut self, other: Self) {
        self.exploited |= other.exploited;
        self.severity = self.severity.max(other.severity);
        self.epss_millionths = self.epss_millionths.max(other.epss_millionths);
    }
}

impl CveLists {
    /// Adds the content of a file.
    pub fn take(&mut self, file: CveListFile, ranks: BTreeMap<CveId, CveRank>) {
        for (cve, rank) in ranks {
            self.ranks.entry(cve).or_default().take(rank);
        }
        self.files.push(file);
    }

    /// What lists say of a vulnerability; `None` if none names it.
    pub fn rank(&self, cve: CveId) -> Option<&CveRank> {
        self.ranks.get(&cve)
    }

    /// Whether any list tells which vulnerabilities are exploited.
    pub fn tell_exploited(&self) -> bool {
        self.ranks.values().any(|rank| rank.exploited)
    }

    /// Whether any list tells severities.
    pub fn tell_severity(&self) -> bool {
        self.ranks.values().any(|rank| rank.severity.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worse_of_two_lists_counts() {
        let mut rank = CveRank { severity: Some(Severity::Medium), ..CveRank::default() };
        rank.take(CveRank {
            exploited: true,
            severity: Some(Severity::Low),
            epss_millionths: None,
        });
        rank.take(CveRank { epss_millionths: Some(7), ..CveRank::default() });
        let worst =
            CveRank { exploited: true, severity: Some(Severity::Medium), epss_millionths: Some(7) };
        assert_eq!(rank, worst);
    }

    #[test]
    fn words_of_all_who_rank_are_understood() {
        for (word, severity) in [
            ("Important", Some(Severity::High)),
            ("CRITICAL", Some(Severity::Critical)),
            ("moderate", Some(Severity::Medium)),
            ("negligible", Some(Severity::Low)),
            ("none", None),
            ("", None),
        ] {
            assert_eq!(Severity::parse(word), severity, "{word}");
        }
    }
}
