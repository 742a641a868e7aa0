//! What a package database knows of packages, and what their changelogs say was fixed.

use crate::{CveId, DebVersion, Reading, RpmVersion};
use serde::{Serialize, Serializer};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
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
    /// Those that name their version.
    pub entries: Vec<ChangeEntry>,
    /// Those that do not, as all of SUSE's, or whose version is none.
    pub unversioned: Vec<UnversionedEntry>,
}

/// What a package changed in a version that is not named, so at the latest in its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnversionedEntry {
    /// The line or entry of the changelog at which it begins, counted from 1.
    pub at: usize,
    /// When it was written, seconds since the Unix epoch; `None` where no date can be read.
    pub released_unix_s: Option<i64>,
    /// Vulnerabilities it names.
    pub cves: BTreeSet<CveId>,
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
    /// Vulnerabilities that only entries without a version name, and the changelog of that version
    /// does not; with when the first of these entries was written, in seconds since the Unix epoch.
    pub of_some_version: BTreeMap<CveId, Option<i64>>,
    /// Why there may be more, if there may.
    pub may_lack: Option<Lacking>,
}

/// Why a changelog may not name all that is fixed above a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lacking {
    /// It does not reach back to that version.
    Cut,
    /// So many of its entries have no version, and there is no changelog of that version to compare
    /// them with.
    Unversioned(usize),
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
        let unversioned = self.unversioned.iter().flat_map(|entry| &entry.cves);
        self.entries.iter().flat_map(|entry| &entry.cves).chain(unversioned).copied().collect()
    }

    /// What versions above `running` fix. `own` is the changelog of that version, if there is one:
    /// what it names is fixed there, wherever this one puts it. It also tells which of the entries
    /// without a version are new.
    pub fn fixed_since(&self, running: &PackageVersion, own: Option<&Self>) -> FixedSince {
        let (newer, known): (Vec<&ChangeEntry>, Vec<&ChangeEntry>) =
            self.entries.iter().partition(|entry| entry.version > *running);
        let mut had: BTreeSet<CveId> =
            known.iter().flat_map(|entry| &entry.cves).copied().collect();
        had.extend(own.iter().flat_map(|own| own.cves()));
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
        let mut of_some_version = BTreeMap::new();
        if own.is_some() {
            for entry in self.unversioned.iter().rev() {
                for cve in entry.cves.iter().filter(|cve| !seen.contains(cve)) {
                    of_some_version.entry(*cve).or_insert(entry.released_unix_s);
                }
            }
        }
        let reaches = known.iter().any(|entry| entry.version == *running)
            || own.is_some_and(|own| self.reaches_back_to(own));
        let may_lack = match (self.unversioned.len(), own) {
            (more @ 1.., None) => Some(Lacking::Unversioned(more)),
            _ => (!reaches).then_some(Lacking::Cut),
        };
        FixedSince { fixes, of_some_version, may_lack }
    }

    /// Whether entries without a version go back to the newest of `older`, as far as dates tell.
    fn reaches_back_to(&self, older: &Self) -> bool {
        let dates = |log: &Self| -> Option<Vec<i64>> {
            log.unversioned.iter().map(|entry| entry.released_unix_s).collect()
        };
        let (Some(ours), Some(theirs)) = (dates(self), dates(older)) else { return false };
        ours.iter().min().zip(theirs.iter().max()).is_some_and(|(oldest, newest)| oldest <= newest)
    }
}
