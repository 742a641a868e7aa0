//! Which installed package holds a file, and whether the file is as that package installed it.

use crate::{NonValue, PackageManager, PackageVersion};
use serde::Serialize;

/// Whose a file is. It is not a value where no package manager keeps a database (absent), or where
/// one could not be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum FileOwner {
    /// No package of any database holds it: it was built here, or brought by something else.
    Nobody,
    /// An installed package.
    Package(OwningPackage),
}

/// The package that holds a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OwningPackage {
    /// Whose database says so.
    pub manager: PackageManager,
    /// Its name.
    pub name: String,
    /// Its version, with epoch and release.
    pub version: PackageVersion,
    /// Whether the file is as the package has it.
    pub file: FileCheck,
}

/// A file compared with the checksum that its package keeps of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum FileCheck {
    /// It has that checksum.
    Same,
    /// It has another.
    Differs,
    /// It was not compared.
    NotChecked {
        /// Why not.
        why: NotChecked,
    },
}

/// Why a file was not compared with its package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NotChecked {
    /// The package keeps no checksum of it.
    NoSum,
    /// The package keeps one and asks not to compare it, as for files that are meant to change.
    Exempt,
    /// The checksum is of a kind that is not computed here.
    OtherSum(String),
    /// The checksum or the file could not be read.
    Unread(NonValue),
}

impl FileOwner {
    /// The package, if there is one.
    pub fn package(&self) -> Option<&OwningPackage> {
        match self {
            Self::Package(package) => Some(package),
            Self::Nobody => None,
        }
    }
}

impl OwningPackage {
    /// The package in one phrase.
    pub fn named(&self) -> String {
        format!("{} {} ({})", self.name, self.version, self.manager.as_str())
    }
}

impl FileCheck {
    /// A stable word for the database.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Differs => "differs",
            Self::NotChecked { .. } => "not_checked",
        }
    }
}

impl From<NotChecked> for FileCheck {
    fn from(why: NotChecked) -> Self {
        Self::NotChecked { why }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Origin, ReadFault, RpmVersion};

    #[test]
    fn what_was_not_compared_never_reads_as_the_same() {
        let package = |file| {
            FileOwner::Package(OwningPackage {
                manager: PackageManager::Rpm,
                name: "kpatch-patch".to_owned(),
                version: PackageVersion::Rpm(RpmVersion::parse("1-2.el9").unwrap()),
                file,
            })
        };
        let json = |owner: &FileOwner| serde_json::to_string(owner).unwrap();
        let same = package(FileCheck::Same);
        assert_eq!(
            json(&same),
            r#"{"kind":"package","manager":"rpm","name":"kpatch-patch","version":"1-2.el9","file":{"state":"same"}}"#
        );
        assert_eq!(same.package().unwrap().named(), "kpatch-patch 1-2.el9 (rpm)");
        assert_eq!(json(&FileOwner::Nobody), r#"{"kind":"nobody"}"#);
        let denied = NonValue::Unreadable(Origin::new("a"), ReadFault::Denied);
        for why in [
            NotChecked::NoSum,
            NotChecked::Exempt,
            NotChecked::OtherSum("number 12".to_owned()),
            NotChecked::Unread(denied),
        ] {
            let unchecked = package(why.into());
            let said = json(&unchecked);
            assert!(said.contains(r#""file":{"state":"not_checked","why":"#), "{said}");
            assert_eq!(unchecked.package().unwrap().file.as_str(), "not_checked");
        }
    }
}
