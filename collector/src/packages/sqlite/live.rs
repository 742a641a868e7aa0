//! A database of the host that others may be writing: read, and read again where it changed.
//!
//! Nothing is locked: a lock of ours could hold up a package manager. Instead it is looked whether
//! what was read is of one moment. In WAL mode only a checkpoint writes to the main file, which its
//! times tell, and frames stay where they are until the log begins anew, which its header tells. In
//! the other modes a transaction has a journal beside the file while it writes, and changes the
//! file's header and times.

use super::{Bytes, Database, Fault, Row, SqliteValue, file, wal};
use crate::host::HostRoot;
use crate::packages::moment::{ATTEMPTS, Moment, optional};
use crate::reader::{ReadAt, Reader};
use scrubjay_model::{NonValue, Reading};
use std::ops::ControlFlow;

/// What a rollback journal begins with while it is needed.
const JOURNAL: &[u8] = &[0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];

impl Bytes for ReadAt<'_> {
    fn at(&self, offset: u64, length: usize) -> Result<Vec<u8>, NonValue> {
        ReadAt::at(self, offset, length)
    }

    fn length(&self) -> Result<u64, NonValue> {
        Ok(self.stamp()?.length)
    }
}

/// A table as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct SqliteTable {
    /// The names of its columns.
    pub columns: Vec<String>,
    /// Its rows, each with the values of the columns; of columns that were added later, old rows
    /// have none.
    pub rows: Vec<Vec<SqliteValue>>,
}

/// Reads a whole table of a database of the host. A database without it is malformed.
pub fn sqlite_table(host: &HostRoot, path: &str, name: &'static str) -> Reading<SqliteTable> {
    read_table(&Reader::new(host), path, name)
}

/// The same, with a reader that keeps faults.
pub(crate) fn read_table(
    reader: &Reader<'_>,
    path: &str,
    name: &'static str,
) -> Reading<SqliteTable> {
    read(reader, path, &mut |database| table(database, name))
}

/// All rows of a table.
fn table(database: &Database<'_>, name: &'static str) -> Result<SqliteTable, Fault> {
    let table = database.table(name)?.ok_or_else(|| missing(name))?;
    let mut rows: Vec<Row> = Vec::new();
    database.scan(&table, &mut |row| {
        rows.push(row);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(SqliteTable { columns: table.columns, rows })
}

fn missing(name: &'static str) -> Fault {
    Fault::Damaged("a database with a certain table", format!("none that is called {name}"))
}

/// What `take` finds in a database at one moment.
pub(crate) fn read<T>(
    reader: &Reader<'_>,
    path: &str,
    take: &mut dyn FnMut(&Database<'_>) -> Result<T, Fault>,
) -> Reading<T> {
    let mut last = Attempt::Changed(path.to_owned());
    for _ in 0..ATTEMPTS {
        reader.forget(path);
        last = match attempt(reader, path, take) {
            Ok(attempt) => attempt,
            Err(why) => return reader.noted(Err(why)),
        };
        if let Attempt::Same(result) = last {
            return reader.noted(result.map_err(|fault| fault.of(path)));
        }
    }
    match last {
        Attempt::Same(result) => reader.noted(result.map_err(|fault| fault.of(path))),
        Attempt::Changed(path) => reader.torn(&path),
    }
}

enum Attempt<T> {
    /// It was the same all the time.
    Same(Result<T, Fault>),
    /// It was not, as this file tells.
    Changed(String),
}

fn attempt<T>(
    reader: &Reader<'_>,
    path: &str,
    take: &mut dyn FnMut(&Database<'_>) -> Result<T, Fault>,
) -> Result<Attempt<T>, NonValue> {
    let (log_path, journal_path) = (format!("{path}-wal"), format!("{path}-journal"));
    let main = reader.open(path).into_result()?;
    let before = Moment::of(&main, file::LENGTH)?;
    let log = optional(reader.open(&log_path))?;
    let log_before = log.as_ref().map(|log| Moment::of(log, wal::HEADER)).transpose()?;
    if is_written(reader, &journal_path)? {
        return Ok(Attempt::Changed(journal_path));
    }

    let log_bytes = log.as_ref().map(|log| -> &dyn Bytes { log });
    let result = Database::new(&main, log_bytes).and_then(|database| take(&database));

    // The other order than before: what is written later is looked at first.
    if is_written(reader, &journal_path)? {
        return Ok(Attempt::Changed(journal_path));
    }
    if let (Some(log), Some(before)) = (&log, &log_before) {
        let now = Moment::of(log, wal::HEADER)?;
        // Frames that were added are of no transaction that was read.
        if now.header != before.header || now.stamp.length < before.stamp.length {
            return Ok(Attempt::Changed(log_path));
        }
    }
    if !before.lasts(reader, &main)? {
        return Ok(Attempt::Changed(path.to_owned()));
    }
    Ok(Attempt::Same(result))
}

/// Whether a transaction has a journal, be it at work or cut short by a crash: then the file holds
/// a part of it.
fn is_written(reader: &Reader<'_>, journal: &str) -> Result<bool, NonValue> {
    match optional(reader.open(journal))? {
        Some(journal) => Ok(journal.at(0, JOURNAL.len())? == JOURNAL),
        None => Ok(false),
    }
}
