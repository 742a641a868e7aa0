//! What came of looking after the file of the history: `scrubjay db`.

use crate::LedgerReport;
use serde::Serialize;

/// What came of checking a database file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DatabaseCheck {
    /// The file.
    pub path: String,
    /// Its size, bytes.
    pub size_bytes: Option<u64>,
    /// Size of its write-ahead log, bytes; `None` if there is none.
    pub log_bytes: Option<u64>,
    /// Of its size, bytes that hold nothing.
    pub free_bytes: Option<u64>,
    /// The version of its schema; `None` if it could not be read, or is none of ours.
    pub schema: Option<u32>,
    /// The version this scrubjay writes.
    pub schema_known: u32,
    /// Defects of pages, tables and indexes as SQLite words them; the first twenty.
    pub defects: Vec<String>,
    /// Rows that refer to a row that is not there.
    pub dangling: Option<u64>,
    /// Whether the sums of counters are those of their last changes.
    pub sums_agree: Option<bool>,
    /// The ledger, if there is one.
    pub ledger: Option<LedgerReport>,
    /// Damaged files that were moved aside, in the same directory.
    pub aside: Vec<String>,
}

impl DatabaseCheck {
    /// Whether nothing is wrong with it.
    pub fn is_whole(&self) -> bool {
        self.defects.is_empty()
            && self.schema.is_some()
            && self.dangling == Some(0)
            && self.sums_agree != Some(false)
            && self.ledger.as_ref().is_none_or(LedgerReport::is_intact)
    }
}

/// What came of copying a database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DatabaseBackup {
    /// What was copied.
    pub source: String,
    /// The copy, checked.
    pub copy: DatabaseCheck,
}

/// What starting this version's agent would do to a database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DatabaseMigration {
    /// The file, which was left as it is.
    pub path: String,
    /// The version of its schema.
    pub from: Option<u32>,
    /// The version it would have.
    pub to: u32,
    /// What would be done.
    pub outcome: MigrationOutcome,
    /// What the history would note of it, or why it would fail.
    pub detail: String,
    /// The outcome, checked as a file of its own.
    pub after: Option<DatabaseCheck>,
}

/// What would be done to a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MigrationOutcome {
    /// Nothing: it has the present version.
    Nothing,
    /// It would be upgraded, and a copy kept.
    Upgraded,
    /// It is damaged: it would be moved aside, and what can be had of it taken over.
    Salvaged,
    /// The agent would not start with it.
    Refused,
}

/// What came of giving back what a database does not use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DatabaseVacuum {
    /// The file.
    pub path: String,
    /// Its size with its log before, bytes.
    pub before_bytes: u64,
    /// The same after.
    pub after_bytes: u64,
}
