//! What other tools remember of earlier boots: wtmp, wtmpdb, tuptime and uptimed. Read on demand,
//! to begin a history with what is already known of the host.
//!
//! None of them knows more than wall clocks. Their traps stand with each.

mod rows;
mod uptimed;
mod wtmp;

use crate::host::HostRoot;
use crate::packages::sqlite::{SqliteTable, read_table};
use crate::reader::{Reader, malformed};
use crate::rotation::{rotated, whole};
use scrubjay_model::{BootMemory, ForeignBoots, NonValue, Origin, Reading};

/// Debian has a link from the second to the first, or only the second.
const WTMPDB: [&str; 2] = ["var/lib/wtmpdb/wtmp.db", "var/log/wtmp.db"];
const TUPTIME: &str = "var/lib/tuptime/tuptime.db";
const UPTIMED: [&str; 2] = ["var/spool/uptimed/records", "var/spool/uptimed/records.old"];
const LOG_FOLDER: &str = "var/log";

/// What each tool remembers, in the order of [`BootMemory::ALL`].
pub fn foreign_boots(host: &HostRoot) -> [(BootMemory, Reading<ForeignBoots>); 4] {
    let reader = Reader::new(host);
    BootMemory::ALL.map(|memory| {
        let boots = match memory {
            BootMemory::Wtmp => read_wtmp(&reader),
            BootMemory::Wtmpdb => database(&reader, memory, &WTMPDB, "wtmp", rows::wtmpdb),
            BootMemory::Tuptime => database(&reader, memory, &[TUPTIME], "tuptime", rows::tuptime),
            BootMemory::Uptimed => read_uptimed(&reader),
        };
        (memory, boots)
    })
}

/// The first of these databases that is there.
fn database(
    reader: &Reader<'_>,
    memory: BootMemory,
    paths: &[&str],
    table: &'static str,
    boots: fn(&SqliteTable) -> Option<rows::Boots>,
) -> Reading<ForeignBoots> {
    for path in paths {
        let table = match read_table(reader, path, table).into_result() {
            Ok(table) => table,
            Err(NonValue::Absent(_)) => continue,
            Err(why @ (NonValue::Unreadable(..) | NonValue::Malformed(..))) => return why.into(),
        };
        let read = boots(&table).map(|rows::Boots { boots, not_understood }| ForeignBoots {
            memory,
            paths: vec![(*path).to_owned()],
            boots,
            has_gaps: false,
            not_understood,
        });
        let found = table.columns.join(", ");
        return reader.noted(
            read.ok_or_else(|| malformed(path, "a table with boots and times", found.as_bytes())),
        );
    }
    Reading::Absent(Origin::new(paths.join(", ")))
}

/// All of `wtmp` that log rotation has left, the oldest first.
fn read_wtmp(reader: &Reader<'_>) -> Reading<ForeignBoots> {
    let names = match reader.files(LOG_FOLDER).into_result() {
        Ok(names) => rotated(names, "wtmp"),
        Err(why) => return why.into(),
    };
    let paths: Vec<String> = names.iter().map(|name| format!("{LOG_FOLDER}/{name}")).collect();
    if paths.is_empty() {
        return Reading::Absent(Origin::new(format!("{LOG_FOLDER}/wtmp")));
    }
    let mut history = wtmp::History::default();
    for path in &paths {
        let read = whole(reader, path).and_then(|bytes| {
            history.file(&bytes).map_err(|found| malformed(path, "records of utmp", found))
        });
        if let Err(why) = read {
            return reader.noted(Err(why));
        }
    }
    let (boots, not_understood) = history.finish();
    let memory = BootMemory::Wtmp;
    Reading::Value(ForeignBoots { memory, paths, boots, has_gaps: false, not_understood })
}

/// uptimed writes the old file first; whichever holds more was not cut short.
fn read_uptimed(reader: &Reader<'_>) -> Reading<ForeignBoots> {
    let mut best: Option<ForeignBoots> = None;
    let mut why_not = None;
    for path in UPTIMED {
        match reader.attr(path).into_result() {
            Ok(text) => {
                let (boots, not_understood) = uptimed::parse(&text);
                if best.as_ref().is_none_or(|best| best.boots.len() < boots.len()) {
                    let (memory, paths) = (BootMemory::Uptimed, vec![path.to_owned()]);
                    let has_gaps = true;
                    best = Some(ForeignBoots { memory, paths, boots, has_gaps, not_understood });
                }
            }
            Err(NonValue::Absent(_)) => {}
            Err(why @ (NonValue::Unreadable(..) | NonValue::Malformed(..))) => why_not = Some(why),
        }
    }
    match (best, why_not) {
        (Some(best), _) => Reading::Value(best),
        (None, Some(why)) => why.into(),
        (None, None) => Reading::Absent(Origin::new(UPTIMED.join(", "))),
    }
}

#[cfg(test)]
mod tests;
