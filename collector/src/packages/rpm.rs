//! The database of RPM, wherever the distribution has it, in SQLite or rpm's own format.
//!
//! `usr/lib/sysimage/rpm` since Fedora 36 and on SUSE, `var/lib/rpm` elsewhere; `rpmdb.sqlite` since
//! rpm 4.16 (RHEL 9), `Packages.db` on SUSE. Before that it was Berkeley DB, `Packages`, which is
//! named and not read. A kernel that has been live-patched for long has several packages installed
//! beside it; the headers of a few packages are read out of a file of up to some 100 MB.

pub(super) mod ndb;

use super::found::FoundPackages;
use super::rpm_header::Header;
use super::sqlite::{Database, Fault, SqliteValue, read as read_sqlite, text_of};
use crate::host::HostRoot;
use crate::packages::moment::Moment;
use crate::reader::{ReadAt, Reader};
use scrubjay_model::{NonValue, Origin, ParseFault, Reading};
use std::collections::BTreeSet;
use std::ops::ControlFlow;

const FOLDERS: [&str; 2] = ["usr/lib/sysimage/rpm", "var/lib/rpm"];
const SQLITE: &str = "rpmdb.sqlite";
const NDB: &str = "Packages.db";
const BERKELEY: &str = "Packages";

/// What a database of another format calls for.
const READABLE: &str =
    "an rpmdb in SQLite or ndb; rpm 4.16 and newer convert it by rpm --rebuilddb";

/// Whether a package of that name is asked for.
pub(crate) type Wanted<'w> = dyn Fn(&str) -> bool + 'w;

/// The packages with names that are wanted.
pub fn rpm_packages(host: &HostRoot, wanted: &dyn Fn(&str) -> bool) -> Reading<FoundPackages> {
    read(&Reader::new(host), wanted)
}

/// The same, for a source.
pub(crate) fn read(reader: &Reader<'_>, wanted: &Wanted<'_>) -> Reading<FoundPackages> {
    let packages = from_either(
        reader,
        &mut |database, path| sqlite(database, path, wanted),
        &mut |file, before| ndb::packages(file, before, wanted),
    );
    noted(reader, packages)
}

/// What the reader of its format takes from the database, wherever that is.
pub(super) fn from_either<T>(
    reader: &Reader<'_>,
    sqlite: &mut dyn FnMut(&Database<'_>, &str) -> Result<T, Fault>,
    ndb: &mut dyn FnMut(&ReadAt<'_>, &Moment) -> Result<T, NonValue>,
) -> Reading<T> {
    for folder in FOLDERS {
        let path = format!("{folder}/{SQLITE}");
        let taken = read_sqlite(reader, &path, &mut |database| sqlite(database, &path));
        if !taken.is_absent() {
            return taken;
        }
        let taken = ndb::read(reader, &format!("{folder}/{NDB}"), ndb);
        if !taken.is_absent() {
            return taken;
        }
    }
    for folder in FOLDERS {
        let path = format!("{folder}/{BERKELEY}");
        let head = reader.open(&path).into_result().and_then(|file| file.at(0, 16));
        match head {
            Ok(head) => {
                let fault = ParseFault::new(READABLE, format_of(&head).as_bytes());
                return reader.noted(Err(NonValue::Malformed(Origin::new(path), fault)));
            }
            Err(NonValue::Absent(_)) => {}
            Err(why @ (NonValue::Unreadable(..) | NonValue::Malformed(..))) => return why.into(),
        }
    }
    Reading::Absent(Origin::new(FOLDERS.join(", ")))
}

/// Keeps the faults of single packages.
fn noted(reader: &Reader<'_>, packages: Reading<FoundPackages>) -> Reading<FoundPackages> {
    if let Reading::Value(found) = &packages {
        for fault in &found.faults {
            let _ = reader.noted::<()>(Err(fault.clone()));
        }
    }
    packages
}

/// What the file `Packages` is. The magic number stands in the order of the machine that made it.
fn format_of(head: &[u8]) -> &'static str {
    const HASH: u32 = 0x0006_1561;
    const BTREE: u32 = 0x0005_3162;
    let magic = head.get(12..16).and_then(|magic| magic.try_into().ok());
    let is = |number| {
        magic.is_some_and(|m| [u32::from_le_bytes(m), u32::from_be_bytes(m)].contains(&number))
    };
    match () {
        () if is(HASH) => "Berkeley DB (hash)",
        () if is(BTREE) => "Berkeley DB (btree)",
        () => "neither",
    }
}

/// What an rpmdb lacks.
pub(super) fn missing(table: &str) -> Fault {
    Fault::Damaged("the tables of an rpmdb", format!("no {table}"))
}

/// Looks the wanted names up in the table `Name`, then reads those packages alone.
fn sqlite(
    database: &Database<'_>,
    path: &str,
    wanted: &Wanted<'_>,
) -> Result<FoundPackages, Fault> {
    let names = database.table("Name")?.ok_or_else(|| missing("table Name"))?;
    let packages = database.table("Packages")?.ok_or_else(|| missing("table Packages"))?;
    let (key, number) = (names.column("key"), names.column("hnum"));
    let blob = packages.column("blob").ok_or_else(|| missing("column blob"))?;

    let mut found = FoundPackages::new(path);
    let mut asked: BTreeSet<(i64, String)> = BTreeSet::new();
    database.scan(&names, &mut |row| {
        let number = number.and_then(|at| row.get(at)?.integer());
        let Some((name, number)) = text_of(&row, key).zip(number) else {
            return Err(Fault::Damaged("a name and a number for each package", format!("{row:?}")));
        };
        found.total += 1;
        if wanted(name) {
            asked.insert((number, name.to_owned()));
        }
        Ok(ControlFlow::Continue(()))
    })?;
    for (number, name) in asked {
        let row = database.row(&packages, number)?;
        let bytes = row.as_ref().and_then(|row| row.get(blob)).and_then(SqliteValue::blob);
        let Some(bytes) = bytes else {
            return Err(Fault::Damaged("the header of each package", format!("none of {name}")));
        };
        let header = Header::parse(bytes).map_err(|odd| odd.of(path, &name));
        found.add(header.and_then(|header| header.package(path)));
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
