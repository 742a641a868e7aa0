//! What a package database knows of packages, and what their changelogs say was fixed.

use crate::{CveId, DebVersion, Reading, RpmVersion};
use serde::{Serialize, Serializer};
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// A version in the order of the package manager that gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PackageVersion {
    /// dpkg's order.
    Deb(DebVersion),
    /// RPM's order. pacman's was made from it, and kernels of Alpine are numbered in a way that it
    /// orders as apk does.
    Rpm(RpmVersion),
}

/// A package that is installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InstalledPackage {
    /// Its name.
    pub name: String,
    /// Its version, with epoch and release.
    pub version: PackageVersion,
    /// The architecture it is for, as the package manager calls it.
    pub arch: Option<String>,
    /// When it was installed, seconds since the Unix epoch by the host's wall clock of that time.
    pub installed_unix_s: Reading<i64>,
    /// What it says was fixed.
    #[serde(skip)]
    pub changelog: Reading<Arc<Changelog>>,
}

/// What one version of a package changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeEntry {
    /// The version, as the source package has it.
    pub version: PackageVersion,
    /// When it was released, seconds since the Unix epoch; `None` where no date can be read.
    pub released_unix_s: Option<i64>,
    /// Vulnerabilities it names.
    pub cves: BTreeSet<CveId>,
}

/// The entries of a changelog in its order, which is newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changelog {
    /// Those that were understood.
    pub entries: Vec<ChangeEntry>,
    /// Lines or entries, counted from 1, at which one begins whose version is none. What it names
    /// is not known to be of any version.
    pub not_understood: Vec<usize>,
}

/// A vulnerability, and the first version that fixes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fix {
    /// The vulnerability.
    pub cve: CveId,
    /// The version.
    pub version: PackageVersion,
    /// When that was released, seconds since the Unix epoch; `None` where no date can be read.
    pub released_unix_s: Option<i64>,
}

/// What is fixed above a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixedSince {
    /// Vulnerabilities named by newer entries and by none up to that version, each with the first
    /// entry that names it.
    pub fixes: Vec<Fix>,
    /// Whether there may be more: the changelog does not reach back to that version, or a part of
    /// it was not understood.
    pub is_lower_bound: bool,
}

impl PackageVersion {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Deb(version) => version.as_str(),
            Self::Rpm(version) => version.as_str(),
        }
    }
}

impl PartialOrd for PackageVersion {
    /// Versions of different package managers have no order.
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Deb(a), Self::Deb(b)) => Some(a.cmp(b)),
            (Self::Rpm(a), Self::Rpm(b)) => Some(a.cmp(b)),
            (Self::Deb(_), Self::Rpm(_)) | (Self::Rpm(_), Self::Deb(_)) => None,
        }
    }
}

impl fmt::Display for PackageVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for PackageVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Changelog {
    /// Everything it names.
    pub fn cves(&self) -> BTreeSet<CveId> {
        self.entries.iter().flat_map(|entry| &entry.cves).copied().collect()
    }

    /// What versions above `running` fix.
    pub fn fixed_since(&self, running: &PackageVersion) -> FixedSince {
        let (newer, known): (Vec<&ChangeEntry>, Vec<&ChangeEntry>) =
            self.entries.iter().partition(|entry| entry.version > *running);
        let had: BTreeSet<CveId> = known.iter().flat_map(|entry| &entry.cves).copied().collect();
        let mut fixes: Vec<Fix> = Vec::new();
        let mut seen = had;
        // The oldest first: its date is that of the fix, whoever names it again later.
        for entry in newer.iter().rev() {
            let new = entry.cves.iter().filter(|cve| seen.insert(**cve));
            fixes.extend(new.map(|cve| Fix {
                cve: *cve,
                version: entry.version.clone(),
                released_unix_s: entry.released_unix_s,
            }));
        }
        fixes.sort_unstable_by_key(|fix| fix.cve);
        let reaches = known.iter().any(|entry| entry.version == *running);
        FixedSince { fixes, is_lower_bound: !reaches || !self.not_understood.is_empty() }
    }
}
