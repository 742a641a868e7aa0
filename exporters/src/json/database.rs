//! `scrubjay db --json`.

use super::{SCHEMA_VERSION, line};
use crate::PageError;
use scrubjay_model::{DatabaseBackup, DatabaseCheck, DatabaseMigration, DatabaseVacuum};
use serde::Serialize;

/// What came of looking after the file of the history: `db --json`.
#[derive(Serialize)]
struct Database<'a, T> {
    schema_version: u32,
    /// Whether nothing was found wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    whole: Option<bool>,
    #[serde(flatten)]
    report: &'a T,
}

fn database<T: Serialize>(report: &T, whole: Option<bool>) -> Result<String, PageError> {
    line(&Database { schema_version: SCHEMA_VERSION, whole, report })
}

/// `db check --json`.
pub fn database_check(check: &DatabaseCheck) -> Result<String, PageError> {
    database(check, Some(check.is_whole()))
}

/// `db backup --json`.
pub fn database_backup(backup: &DatabaseBackup) -> Result<String, PageError> {
    database(backup, Some(backup.copy.is_whole()))
}

/// `db migrate --json`.
pub fn database_migration(migration: &DatabaseMigration) -> Result<String, PageError> {
    database(migration, migration.after.as_ref().map(DatabaseCheck::is_whole))
}

/// `db vacuum --json`.
pub fn database_vacuum(vacuum: &DatabaseVacuum) -> Result<String, PageError> {
    database(vacuum, None)
}
