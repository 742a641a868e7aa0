//! Which packages the files of live patches belong to, and whether the files are as these packages
//! installed them.
//!
//! The databases of all package managers are asked until each file has an owner: a host of one
//! family may have the database of another for a build tool. The answer is kept while neither the
//! databases nor the files change.

use crate::packages::files::{Asked, Claim, Claims, apk, dpkg, pacman, rpm};
use crate::reader::Reader;
use crate::remember::Remember;
use scrubjay_model::{
    FileCheck, FileOwner, LivepatchModule, NonValue, NotChecked, Origin, OwningPackage,
    PackageManager, Reading,
};
use std::collections::BTreeMap;

/// What changes when a package is installed.
const STAMPED: [&str; 14] = [
    "var/lib/dpkg/status",
    "var/lib/dpkg/info",
    "var/lib/dpkg/diversions",
    "usr/lib/sysimage/rpm/rpmdb.sqlite",
    "usr/lib/sysimage/rpm/rpmdb.sqlite-wal",
    "usr/lib/sysimage/rpm/Packages.db",
    "usr/lib/sysimage/rpm/Packages",
    "var/lib/rpm/rpmdb.sqlite",
    "var/lib/rpm/rpmdb.sqlite-wal",
    "var/lib/rpm/Packages.db",
    "var/lib/rpm/Packages",
    "var/lib/pacman/local",
    "lib/apk/db/installed",
    "usr/lib/apk/db/installed",
];

/// Whose a file is of which nobody was asked yet, or there was nobody to ask.
pub(super) fn unknown() -> Reading<FileOwner> {
    let places = ["var/lib/dpkg", "var/lib/rpm", "var/lib/pacman", "lib/apk"];
    Reading::Absent(Origin::new(places.join(", ")))
}

/// Finds the owners of all files.
pub(super) fn find(reader: &Reader<'_>, modules: &mut [LivepatchModule]) {
    let mut paths: Vec<String> =
        modules.iter().flat_map(|module| &module.files).map(|file| file.path.clone()).collect();
    paths.sort();
    paths.dedup();
    if paths.is_empty() {
        return;
    }
    let key = format!("livepatch_modules/owners/{}", paths.join(" "));
    let files: Vec<&str> = STAMPED.into_iter().chain(paths.iter().map(String::as_str)).collect();
    let what = Remember { key: &key, files: &files, at_most: None };
    let owners = reader.remembered(&what, |reader| owners(reader, &paths));
    for file in modules.iter_mut().flat_map(|module| &mut module.files) {
        if let Some(owner) = owners.get(&file.path) {
            file.owner = owner.clone();
        }
    }
}

/// What was learnt of a file so far.
enum Asking {
    /// No database was there.
    Nowhere,
    /// No package of those asked holds it.
    Nobody,
    /// It may belong to somebody.
    Failed(NonValue),
    /// It belongs to a package.
    Found(PackageManager, Claim),
}

fn owners(reader: &Reader<'_>, paths: &[String]) -> BTreeMap<String, Reading<FileOwner>> {
    let mut asking: BTreeMap<&str, Asking> =
        paths.iter().map(|path| (path.as_str(), Asking::Nowhere)).collect();
    for manager in PackageManager::ALL {
        let open = asking.iter().filter(|(_, state)| !matches!(state, Asking::Found(..)));
        let open: Vec<&str> = open.map(|(path, _)| *path).collect();
        if open.is_empty() {
            break;
        }
        let asked = Asked::new(open.iter().copied());
        let claims = match manager {
            PackageManager::Dpkg => dpkg::claims(reader, &asked),
            PackageManager::Rpm => rpm::claims(reader, &asked),
            PackageManager::Pacman => pacman::claims(reader, &asked),
            PackageManager::Apk => apk::claims(reader, &asked),
        };
        let claims = claims.into_result();
        for path in open {
            if let Some(state) = asking.get_mut(path) {
                state.learn(manager, path, &claims);
            }
        }
    }
    let owner = |path: &str, state: Asking| match state {
        Asking::Nowhere => unknown(),
        Asking::Nobody => Reading::Value(FileOwner::Nobody),
        Asking::Failed(why) => reader.noted(Err(why)),
        Asking::Found(manager, Claim { package, version, sum }) => {
            let file = match sum {
                Ok(sum) => match reader.module_file(path).into_result() {
                    Ok(bytes) if sum.is_of(&bytes) => FileCheck::Same,
                    Ok(_) => FileCheck::Differs,
                    Err(why) => NotChecked::Unread(why).into(),
                },
                Err(why) => why.into(),
            };
            if let FileCheck::NotChecked { why: NotChecked::Unread(why) } = &file {
                let _ = reader.noted::<()>(Err(why.clone()));
            }
            let package = OwningPackage { manager, name: package, version, file };
            Reading::Value(FileOwner::Package(package))
        }
    };
    asking.into_iter().map(|(path, state)| (path.to_owned(), owner(path, state))).collect()
}

impl Asking {
    /// Takes in what a database says. What could not be read is not forgotten while nobody else
    /// turns out to hold the file.
    fn learn(&mut self, manager: PackageManager, path: &str, claims: &Result<Claims, NonValue>) {
        let learnt = match claims {
            Err(NonValue::Absent(_)) => return,
            Err(why) => Self::Failed(why.clone()),
            Ok(claims) => match (claims.of(path), &claims.fault) {
                (Some(Ok(claim)), _) => Self::Found(manager, claim.clone()),
                (Some(Err(why)), _) | (None, Some(why)) => Self::Failed(why.clone()),
                (None, None) => Self::Nobody,
            },
        };
        if !matches!((&self, &learnt), (Self::Failed(_), Self::Nobody | Self::Failed(_))) {
            *self = learnt;
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
