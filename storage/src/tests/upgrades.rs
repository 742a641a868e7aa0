//! The life of the schema.

use super::support::{boot, directory};
use crate::schema::{self, RELEASED, SCHEMA, Schema, Upgrade};
use crate::{HistoryReader, StorageError, files, open};
use rusqlite::{Connection, Transaction};
use std::path::Path;

fn definitions(conn: &Connection) -> Vec<String> {
    schema::definitions(conn).unwrap()
}

/// Makes a history as version `version` made it.
pub(super) fn make(dir: &Path, version: usize) {
    let steps: &'static [Upgrade] = &SCHEMA.upgrades[..version - 1];
    let then = Schema { create: RELEASED[version - 1], upgrades: steps };
    drop(open::for_writing(dir, 1_000, &then).unwrap());
}

#[test]
fn every_released_version_is_upgraded_to_what_is_created_now() {
    let fresh = directory();
    let fresh = open::for_writing(fresh.path(), 1_000, &SCHEMA).unwrap();
    // The present version may not be released yet.
    let present = usize::try_from(SCHEMA.version()).unwrap();
    assert!((RELEASED.len()..=RELEASED.len() + 1).contains(&present), "{present}");
    for version in 1..=RELEASED.len() {
        let dir = directory();
        make(dir.path(), version);
        let upgraded = open::for_writing(dir.path(), 2_000, &SCHEMA).unwrap();
        assert_eq!(definitions(&upgraded.conn), definitions(&fresh.conn), "version {version}");
    }
}

fn add_remark(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    tx.execute_batch("ALTER TABLE incident ADD COLUMN remark TEXT")
}

fn add_remark_then_fail(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    add_remark(tx)?;
    tx.execute_batch("DELETE FROM history; INSERT INTO no_such_table VALUES (1)")
}

fn lose_boots(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    tx.execute_batch("DELETE FROM boot")
}

/// A program that knows version 1 only, and one that knows another version 2.
const FIRST: Schema = Schema { create: RELEASED[0], upgrades: &[] };
const NEXT: Schema = Schema { create: RELEASED[0], upgrades: &[add_remark] };

/// A history of version 1 with a run in it.
fn with_a_run() -> tempfile::TempDir {
    let dir = directory();
    make(dir.path(), 1);
    let conn = Connection::open(dir.path().join("history.db")).unwrap();
    conn.execute_batch(
        "INSERT INTO boot (id, boot_id, booted_wall_ms, last_wall_ms, ended, evidence)
           VALUES (1, 'unknown', 1, 2, 'running', '');
         INSERT INTO agent_run (boot, version, interval_ns, started_wall_ms)
           VALUES (1, '0', 60, 1)",
    )
    .unwrap();
    dir
}

fn runs(conn: &Connection) -> i64 {
    conn.query_row("SELECT COUNT(*) FROM agent_run", [], |row| row.get(0)).unwrap()
}

#[test]
fn an_upgrade_keeps_the_rows_and_a_copy_of_the_file_as_it_was() {
    let dir = with_a_run();
    let upgraded = open::for_writing(dir.path(), 2_000, &NEXT).unwrap();
    assert_eq!(runs(&upgraded.conn), 1);
    assert_eq!(definitions(&upgraded.conn).iter().filter(|d| d.contains("remark")).count(), 1);
    let copy = Connection::open(dir.path().join("history.db.v1")).unwrap();
    assert_eq!(runs(&copy), 1);
    assert!(!definitions(&copy).iter().any(|d| d.contains("remark")));
    let kind: String =
        upgraded.conn.query_row("SELECT kind FROM incident", [], |row| row.get(0)).unwrap();
    assert_eq!(kind, "upgraded");
}

#[test]
fn a_failed_upgrade_changes_nothing() {
    for failing in [add_remark_then_fail as Upgrade, lose_boots] {
        let dir = with_a_run();
        let steps: &'static [Upgrade] = Box::leak(Box::new([failing]));
        let next = Schema { create: RELEASED[0], upgrades: steps };
        let error = open::for_writing(dir.path(), 2_000, &next).unwrap_err();
        assert!(error.to_string().starts_with("upgrade the history"), "{error}");
        // Nothing is left of the attempt: the next one makes a copy of its own.
        assert!(!dir.path().join("history.db.v1").exists());
        // The version that wrote it still reads it, with everything in it.
        let again = open::for_writing(dir.path(), 3_000, &FIRST).unwrap();
        assert_eq!(runs(&again.conn), 1);
        assert!(!definitions(&again.conn).iter().any(|d| d.contains("remark")));
    }
}

#[test]
fn a_reader_does_not_upgrade() {
    let dir = with_a_run();
    let error = open::for_reading(dir.path(), &NEXT).unwrap_err();
    assert!(matches!(error, StorageError::Older { found: 1, known: 2, .. }), "{error}");
    assert!(open::for_reading(dir.path(), &FIRST).unwrap().is_some());
    let error = HistoryReader::open(dir.path()).unwrap_err();
    let known = SCHEMA.version();
    assert!(
        matches!(error, StorageError::Older { found: 1, known: k, .. } if k == known),
        "{error}"
    );
    assert!(!files::backup_path(Path::new("x"), 1).exists());
}

#[test]
fn an_upgraded_history_is_not_opened_by_the_version_before() {
    let dir = with_a_run();
    drop(open::for_writing(dir.path(), 2_000, &NEXT).unwrap());
    let error = open::for_writing(dir.path(), 3_000, &FIRST).unwrap_err();
    assert!(matches!(error, StorageError::Newer { found: 2, known: 1, .. }), "{error}");
}

#[test]
fn a_boot_that_version_4_knew_by_its_id_alone_has_no_time_any_more() {
    let dir = directory();
    make(dir.path(), 4);
    let conn = Connection::open(dir.path().join("history.db")).unwrap();
    let (first, second) = (boot(1), boot(2));
    conn.execute_batch(&format!(
        "INSERT INTO boot (id, boot_id, booted_wall_ms, last_wall_ms, ended, evidence)
           VALUES (1, '{first}', 0, 0, 'unknown', 'lost');
         INSERT INTO boot (id, boot_id, booted_wall_ms, last_wall_ms, last_since_boot_ns, ended, evidence)
           VALUES (2, '{second}', 0, 60000, 60000000000, 'running', 'it runs');
         INSERT INTO agent_run (boot, version, interval_ns, started_wall_ms) VALUES (1, '0', 60, 1)"
    ))
    .unwrap();
    drop(conn);
    drop(open::for_writing(dir.path(), 2_000, &SCHEMA).unwrap());
    let reader = HistoryReader::open(dir.path()).unwrap().unwrap();
    let boots = reader.boots().unwrap();
    let times: Vec<_> =
        boots.iter().map(|boot| (boot.booted_wall_ms, boot.last_seen_wall_ms, boot.ran)).collect();
    // A clock that was not set is another thing: that boot says when it was seen.
    let minute = std::time::Duration::from_secs(60);
    assert_eq!(times, [(None, None, None), (Some(0), Some(60_000), Some(minute))]);
    // What refers to boots still does.
    assert_eq!(reader.runs().unwrap()[0].boot, first);
}

fn created(create: &str) -> Connection {
    let conn = Connection::open_in_memory().unwrap();
    conn.execute_batch(create).unwrap();
    conn
}

#[test]
fn the_known_digest_is_that_of_the_present_definitions() {
    let wanted = schema::digest_of(&definitions(&created(SCHEMA.create)));
    assert_eq!(schema::DEFINED_SHA256, wanted, "the schema was changed: this is its digest now");
    for version in 1..=RELEASED.len() {
        let dir = directory();
        make(dir.path(), version);
        let upgraded = open::for_writing(dir.path(), 2_000, &SCHEMA).unwrap();
        assert_eq!(schema::digest_of(&definitions(&upgraded.conn)), wanted, "version {version}");
    }
}

#[test]
fn a_bit_that_fell_over_in_any_definition_is_noticed() {
    let conn = created(SCHEMA.create);
    assert!(schema::is_as_created(&conn).unwrap());
    conn.execute_batch("PRAGMA writable_schema = ON").unwrap();
    let mut ids = conn
        .prepare("SELECT rowid FROM sqlite_schema WHERE sql IS NOT NULL AND type <> 'trigger'")
        .unwrap();
    let ids: Vec<i64> =
        ids.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    assert!(ids.len() > 30, "{ids:?}");
    let put = |id: i64, sql: &str| {
        conn.execute("UPDATE sqlite_schema SET sql = ?2 WHERE rowid = ?1", (id, sql)).unwrap();
    };
    for id in ids {
        let sql: String = conn
            .query_row("SELECT sql FROM sqlite_schema WHERE rowid = ?1", [id], |row| row.get(0))
            .unwrap();
        // In the last word, as the first are those that SQLite itself writes.
        let at = sql.rfind(|c: char| c.is_ascii_alphabetic()).unwrap();
        let mut bytes = sql.clone().into_bytes();
        bytes[at] ^= 2;
        put(id, std::str::from_utf8(&bytes).unwrap());
        assert!(!schema::is_as_created(&conn).unwrap(), "{sql}");
        put(id, &sql);
    }
    assert!(schema::is_as_created(&conn).unwrap());
}

#[test]
fn what_somebody_added_or_an_earlier_version_left_is_as_created() {
    let conn = created(SCHEMA.create);
    conn.execute_batch("CREATE TABLE of_somebody (else_ TEXT); DROP TRIGGER ledger_is_continued")
        .unwrap();
    assert_ne!(schema::digest_of(&definitions(&conn)), schema::DEFINED_SHA256);
    assert!(schema::is_as_created(&conn).unwrap());
    for create in RELEASED {
        assert!(schema::is_as_created(&created(create)).unwrap());
    }
    conn.execute_batch("DROP TABLE wording_use").unwrap();
    assert!(!schema::is_as_created(&conn).unwrap());
}
