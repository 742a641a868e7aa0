//! The life of the schema: creation, recognition, upgrades.
//!
//! `sql/schema.sql`, with what is in files of its own, is the present schema. For every released version N, `sql/create_vN.sql` holds
//! the schema as it was released and is never edited again; a test upgrades each of them and
//! compares the outcome with a fresh database. An upgrade runs in one transaction, after a copy
//! of the file was made, so it happens as a whole or not at all.

use crate::StorageError;
use crate::error::database;
use crate::files;
use crate::ledger::{self, Fact};
use crate::salvage;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use scrubjay_model::{LedgerHead, Stamp};
use std::path::Path;

/// `application_id` of our databases ("jay1"), so that another program's file is recognised.
const APPLICATION_ID: i32 = 0x6a61_7931;

/// Takes a database from one version to the next.
pub(crate) type Upgrade = fn(&Transaction<'_>) -> rusqlite::Result<()>;

/// A schema with the way that leads to it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schema {
    /// Creates it in an empty database.
    pub(crate) create: &'static str,
    /// The n-th (from 0) leads from version n + 1 to n + 2; the last one to the present version.
    pub(crate) upgrades: &'static [Upgrade],
}

/// The present schema.
pub(crate) const SCHEMA: Schema = Schema {
    create: concat!(
        include_str!("../sql/schema.sql"),
        include_str!("../sql/imports.sql"),
        include_str!("../sql/ledger.sql"),
        include_str!("../sql/tiers.sql"),
        include_str!("../sql/alerts.sql"),
    ),
    upgrades: &[to_version_2, to_version_3, to_version_4, to_version_5],
};

fn to_version_2(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    tx.execute_batch(include_str!("../sql/upgrade_to_v2.sql"))
}

fn to_version_3(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    tx.execute_batch(include_str!("../sql/upgrade_to_v3.sql"))
}

fn to_version_4(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    tx.execute_batch(include_str!("../sql/upgrade_to_v4.sql"))?;
    tx.execute_batch(include_str!("../sql/imports.sql"))?;
    tx.execute_batch(include_str!("../sql/ledger.sql"))?;
    tx.execute_batch(include_str!("../sql/tiers.sql"))
}

fn to_version_5(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    tx.execute_batch(include_str!("../sql/upgrade_to_v5.sql"))?;
    tx.execute_batch(include_str!("../sql/alerts.sql"))?;
    forget_times_of_1970(tx)
}

/// What version 4 wrote of a boot of which it knew the id alone becomes what it is: not known.
pub(crate) fn forget_times_of_1970(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    tx.execute_batch(include_str!("../sql/boots_without_time.sql"))
}

/// Every released version, oldest first, as it was released.
pub(crate) const RELEASED: [&str; 4] = [
    include_str!("../sql/create_v1.sql"),
    include_str!("../sql/create_v2.sql"),
    include_str!("../sql/create_v3.sql"),
    include_str!("../sql/create_v4.sql"),
];

/// The digest of what the present schema defines, its triggers left out. A test says when it must change.
pub(crate) const DEFINED_SHA256: &str =
    "b8768f38887994c335fda8f6d428516369f2f4ab77c2423885e5edb1ec4a7ae6";

/// The definitions in a database, in a fixed order, without comments and differences in white space.
pub(crate) fn definitions(conn: &Connection) -> rusqlite::Result<Vec<String>> {
    conn.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type, name")?
        .query_map([], |row| Ok(words(row.get_ref(0)?.as_str()?)))?
        .collect()
}

/// The words of a definition.
fn words(sql: &str) -> String {
    let code = sql.lines().map(|line| line.split_once("--").map_or(line, |(code, _)| code));
    let mut text = String::with_capacity(sql.len());
    for word in code.flat_map(str::split_whitespace) {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(word);
    }
    text
}

/// A trigger that is gone was taken away: what was done without it the ledger tells.
fn is_wanted(definition: &str) -> bool {
    !definition.starts_with("CREATE TRIGGER")
}

/// A digest of the definitions that must be there.
pub(crate) fn digest_of(definitions: &[String]) -> String {
    let mut all = String::new();
    for definition in definitions.iter().filter(|definition| is_wanted(definition)) {
        all.push_str(definition);
        all.push('\n');
    }
    ledger::digest(all.as_bytes()).to_string()
}

/// Whether everything is defined as the present schema or a released one has it: a name in a
/// definition in which a bit fell over is another name. What somebody added is none of our business.
pub(crate) fn is_as_created(conn: &Connection) -> rusqlite::Result<bool> {
    let there = definitions(conn)?;
    // To make the others takes longer than all else at a start, and hardly a file is not this one.
    if digest_of(&there) == DEFINED_SHA256 {
        return Ok(true);
    }
    for create in [SCHEMA.create].into_iter().chain(RELEASED) {
        let fresh = Connection::open_in_memory()?;
        fresh.execute_batch(create)?;
        let wanted = definitions(&fresh)?;
        let mut wanted = wanted.iter().filter(|definition| is_wanted(definition));
        if wanted.all(|definition| there.contains(definition)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What a file turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// No tables yet.
    Empty,
    /// The present version.
    Present,
    /// An older version.
    Older(u32),
}

impl Schema {
    /// The version it creates.
    pub(crate) fn version(&self) -> u32 {
        u32::try_from(self.upgrades.len()).map_or(u32::MAX, |n| n.saturating_add(1))
    }

    /// Recognises a database without changing it.
    pub(crate) fn recognise(&self, conn: &Connection, path: &Path) -> Result<Found, StorageError> {
        let ask = || -> rusqlite::Result<(i64, i32, u32)> {
            let tables = "SELECT COUNT(*) FROM sqlite_schema";
            Ok((
                conn.query_row(tables, [], |row| row.get(0))?,
                conn.pragma_query_value(None, "application_id", |row| row.get(0))?,
                conn.pragma_query_value(None, "user_version", |row| row.get(0))?,
            ))
        };
        let (tables, application, found) = ask().map_err(database("read the history", path))?;
        let path = path.to_owned();
        if tables == 0 && found == 0 && application == 0 {
            return Ok(Found::Empty);
        }
        if application != APPLICATION_ID || found == 0 {
            return Err(StorageError::Foreign { path });
        }
        let known = self.version();
        if found > known {
            return Err(StorageError::Newer { path, found, known });
        }
        Ok(if found == known { Found::Present } else { Found::Older(found) })
    }

    /// Creates the schema in an empty database. Of a damaged one that it replaces it takes over what
    /// can be had, and notes where that was moved.
    pub(crate) fn create(
        &self,
        conn: &mut Connection,
        begun_wall_ms: i64,
        replaced: Option<(&Path, Option<LedgerHead>)>,
    ) -> rusqlite::Result<()> {
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        tx.execute_batch(self.create)?;
        let at = Stamp::by_wall_clock(begun_wall_ms);
        let mut facts = vec![ledger::history_begun(&at, self.version())];
        let mut begun = begun_wall_ms;
        if let Some((moved, head)) = replaced {
            // Before anything else is in it: rows keep their numbers.
            let salvaged = salvage::salvage(&tx, moved)?;
            begun = salvaged.begun_wall_ms.map_or(begun, |old| old.min(begun));
            let told = salvaged.to_string();
            facts = vec![
                ledger::history_replaced(&at, moved, head),
                ledger::history(&at, "salvaged", &told),
            ];
            for (kind, detail) in
                [("file_replaced", moved.display().to_string()), ("salvaged", told)]
            {
                tx.execute(
                    "INSERT INTO incident (wall_ms, kind, detail) VALUES (?1, ?2, ?3)",
                    rusqlite::params![begun_wall_ms, kind, detail],
                )?;
            }
        }
        tx.execute("INSERT INTO history (one, begun_wall_ms) VALUES (1, ?1)", [begun])?;
        for fact in &facts {
            enter(&tx, fact)?;
        }
        tx.pragma_update(None, "application_id", APPLICATION_ID)?;
        tx.pragma_update(None, "user_version", self.version())?;
        tx.commit()
    }

    /// Copies the file, then upgrades it.
    pub(crate) fn upgrade(
        &self,
        conn: &mut Connection,
        path: &Path,
        from: u32,
        now_wall_ms: i64,
    ) -> Result<(), StorageError> {
        let backup = files::backup_path(path, from);
        let upgraded = copy(conn, &backup)
            .map_err(|source| StorageError::Backup { path: backup.clone(), source })
            .and_then(|()| {
                self.run_upgrades(conn, from, now_wall_ms, &backup)
                    .map_err(database("upgrade the history", path))
            });
        if upgraded.is_err() {
            // The file is as it was, and the next attempt makes a copy of its own: one at each pass
            // would fill the disk that is waited for.
            files::discard(&backup);
        }
        upgraded
    }

    fn run_upgrades(
        &self,
        conn: &mut Connection,
        from: u32,
        now_wall_ms: i64,
        backup: &Path,
    ) -> rusqlite::Result<()> {
        // Rebuilding a table must not cascade; the references are checked as a whole at the end.
        conn.pragma_update(None, "foreign_keys", false)?;
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = usize::try_from(from.saturating_sub(1)).unwrap_or(usize::MAX);
        for upgrade in self.upgrades.iter().skip(done) {
            upgrade(&tx)?;
        }
        let dangling = tx.prepare("PRAGMA foreign_key_check")?.exists([])?;
        if dangling {
            return Err(rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CONSTRAINT_FOREIGNKEY),
                Some("the upgrade left dangling references".to_owned()),
            ));
        }
        let detail = format!(
            "from schema version {from} to {}; the file as it was is kept as {}",
            self.version(),
            backup.display()
        );
        tx.execute(
            "INSERT INTO incident (wall_ms, kind, detail) VALUES (?1, 'upgraded', ?2)",
            rusqlite::params![now_wall_ms, detail],
        )?;
        enter(&tx, &ledger::history(&Stamp::by_wall_clock(now_wall_ms), "upgraded", &detail))?;
        tx.pragma_update(None, "user_version", self.version())?;
        tx.commit()
    }
}

/// Puts a fact into the ledger, where there is one.
fn enter(tx: &Transaction<'_>, fact: &Fact) -> rusqlite::Result<()> {
    if ledger::rows::is_there(tx)? {
        let last = ledger::rows::head(tx)?;
        ledger::rows::append(tx, last, [fact])?;
    }
    Ok(())
}

/// A consistent copy of the database, its log included.
pub(crate) fn copy(
    conn: &Connection,
    target: &Path,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    // Accepted while it is empty, and keeps the mode we give it here.
    drop(files::create(target)?);
    copy_into(conn, target)
}

/// The same into an empty file that is there.
pub(crate) fn copy_into(
    conn: &Connection,
    target: &Path,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let target = target.to_str().ok_or("the path is not UTF-8")?;
    conn.execute("VACUUM INTO ?1", [target])?;
    Ok(())
}
