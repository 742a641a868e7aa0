//! Reads databases in the file format of SQLite 3 (sqlite.org/fileformat2.html), and changes nothing.
//!
//! Why not SQLite itself: it opens paths, which leave the host root, and cannot read a database in
//! WAL mode where it may not make the file `-shm`. So this reads, page by page, what it is asked
//! for: whole tables, and single rows by number. Pages come from the write-ahead log where a
//! committed transaction is in it. Nothing is locked; a database that was written meanwhile is read
//! again.

mod bytes;
mod file;
mod live;
mod pager;
mod record;
mod schema;
mod tree;
mod wal;

use file::Header;
use pager::Pager;
use scrubjay_model::{NonValue, Origin, ParseFault};
use std::ops::ControlFlow;

pub use live::{SqliteTable, sqlite_table};
pub(crate) use live::{read, read_table};
pub use record::SqliteValue;
pub(crate) use record::text_of;

/// Where bytes come from. What lies beyond the end is missing.
pub(crate) trait Bytes {
    /// A part of the file.
    fn at(&self, offset: u64, length: usize) -> Result<Vec<u8>, NonValue>;
    /// How long it is.
    fn length(&self) -> Result<u64, NonValue>;
}

/// Why something could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The host gave no bytes.
    Host(NonValue),
    /// The bytes are not of the format: what was expected, and what was found.
    Damaged(&'static str, String),
}

impl Fault {
    /// As the reading of a file.
    pub(crate) fn of(self, path: &str) -> NonValue {
        match self {
            Self::Host(why) => why,
            Self::Damaged(expected, found) => {
                let fault = ParseFault::new(expected, found.as_bytes());
                NonValue::Malformed(Origin::new(path), fault)
            }
        }
    }
}

impl From<NonValue> for Fault {
    fn from(why: NonValue) -> Self {
        Self::Host(why)
    }
}

fn damaged<T>(expected: &'static str, found: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Damaged(expected, found.into()))
}

/// An open database.
pub(crate) struct Database<'f> {
    pager: Pager<'f>,
    header: Header,
}

/// A table of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Table {
    root: u32,
    /// Its columns in the order of its rows' values.
    pub(crate) columns: Vec<String>,
    /// The column that is another name for the row's number, if there is one.
    number_column: Option<usize>,
}

/// The values of a row. A column that was added after the row was written is missing.
pub(crate) type Row = Vec<SqliteValue>;

impl Table {
    /// Where the values of a column are in a row.
    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.eq_ignore_ascii_case(name))
    }
}

impl<'f> Database<'f> {
    /// Takes the main file and, if it has one, its write-ahead log.
    pub(crate) fn new(main: &'f dyn Bytes, log: Option<&'f dyn Bytes>) -> Result<Self, Fault> {
        let wal = match log {
            Some(log) => wal::read(log)?,
            None => None,
        };
        let pager = Pager::new(main, log.zip(wal))?;
        let header = pager.header().clone();
        Ok(Self { pager, header })
    }

    /// The table of that name; names of SQLite know no case.
    pub(crate) fn table(&self, name: &str) -> Result<Option<Table>, Fault> {
        let mut found = None;
        self.walk(1, None, &mut |row| {
            let entry = schema::entry(&row);
            if let Some(entry) = entry.filter(|entry| entry.name.eq_ignore_ascii_case(name)) {
                found = Some(entry.table());
                return Ok(ControlFlow::Break(()));
            }
            Ok(ControlFlow::Continue(()))
        })?;
        found.transpose()
    }

    /// Gives each row to `each`, in the order of their numbers, until it has enough.
    pub(crate) fn scan(
        &self,
        table: &Table,
        each: &mut dyn FnMut(Row) -> Result<ControlFlow<()>, Fault>,
    ) -> Result<(), Fault> {
        self.walk(table.root, table.number_column, each)
    }

    /// The highest number of a row; `None` if there is none.
    pub(crate) fn last_number(&self, table: &Table) -> Result<Option<i64>, Fault> {
        tree::last(&self.pager, table.root)
    }

    /// The row of that number.
    pub(crate) fn row(&self, table: &Table, number: i64) -> Result<Option<Row>, Fault> {
        let payload = tree::find(&self.pager, table.root, number)?;
        payload.map(|bytes| self.values(number, &bytes, table.number_column)).transpose()
    }

    fn walk(
        &self,
        root: u32,
        number_column: Option<usize>,
        each: &mut dyn FnMut(Row) -> Result<ControlFlow<()>, Fault>,
    ) -> Result<(), Fault> {
        tree::scan(&self.pager, root, &mut |number, payload| {
            each(self.values(number, payload, number_column)?)
        })
    }

    fn values(
        &self,
        number: i64,
        payload: &[u8],
        number_column: Option<usize>,
    ) -> Result<Row, Fault> {
        let mut values = record::values(payload, self.header.encoding)?;
        // It is stored as NULL: its value is the number of the row.
        if let Some(value) = number_column.and_then(|at| values.get_mut(at)) {
            *value = SqliteValue::Integer(number);
        }
        Ok(values)
    }
}

#[cfg(test)]
mod tests;
