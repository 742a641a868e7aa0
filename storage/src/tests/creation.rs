//! A history that is begun, and cut off at any moment of that.

#![expect(clippy::disallowed_methods, reason = "makes and inspects files of the test itself")]

use super::support::directory;
use crate::schema::SCHEMA;
use crate::{files, open};
use rusqlite::Connection;
use std::fs;
use std::path::Path;

/// The header of the log, and a page in it with its header.
const HEADER: usize = 32;
const FRAME: usize = 24 + 4_096;

fn number(conn: &Connection, query: &str) -> i64 {
    conn.query_row(query, [], |row| row.get(0)).unwrap()
}

/// When the history began that is opened here, which names no other and is whole.
fn begun(dir: &Path) -> i64 {
    let writer = open::for_writing(dir, 2_000, &SCHEMA).unwrap();
    assert_eq!(number(&writer.conn, "SELECT COUNT(*) FROM incident"), 0);
    assert_eq!(number(&writer.conn, "SELECT COUNT(*) FROM ledger"), 1);
    number(&writer.conn, "SELECT begun_wall_ms FROM history")
}

#[test]
fn a_beginning_that_was_cut_off_begins_again_and_nothing_is_taken_for_damaged() {
    let dir = directory();
    let writer = open::for_writing(dir.path(), 1_000, &SCHEMA).unwrap();
    let file = fs::read(&writer.path).unwrap();
    let log = fs::read(files::beside(&writer.path, "-wal")).unwrap();
    drop(writer);
    // Synced before there is a log: an empty database in WAL mode.
    assert_eq!(file.len(), 4_096);
    let frames = (log.len() - HEADER) / FRAME;
    assert_eq!(log.len(), HEADER + frames * FRAME);
    let ends = [0, 1, HEADER - 1, HEADER, HEADER + 1, HEADER + FRAME / 2];
    let ends = ends.into_iter().chain((1..frames).step_by(16).map(|n| HEADER + n * FRAME));
    for end in ends.chain([log.len() - FRAME, log.len() - 1, log.len()]) {
        for rest in [0, log.len() - end] {
            let dir = directory();
            let path = files::database_path(dir.path());
            fs::write(&path, &file).unwrap();
            // What was not synced may be missing, or there and empty.
            let cut = [&log[..end], &vec![0; rest][..]].concat();
            fs::write(files::beside(&path, "-wal"), cut).unwrap();
            let whole = if end == log.len() { 1_000 } else { 2_000 };
            assert_eq!(begun(dir.path()), whole, "{end} of {} bytes, then {rest}", log.len());
            assert_eq!(files::last_aside(&path), None);
        }
    }
}

#[test]
fn what_is_left_of_a_history_is_not_taken_for_none() {
    for left in ["history.db", "history.db-wal", "history.db.corrupt-1700000000000"] {
        let dir = directory();
        fs::write(dir.path().join(left), "x").unwrap();
        assert!(!crate::is_new(dir.path()), "{left}");
    }
}

#[test]
fn what_was_left_of_an_empty_database_is_in_nobodys_way() {
    let dir = directory();
    let left = dir.path().join("history.db.part");
    fs::write(&left, "half").unwrap();
    assert_eq!(begun(dir.path()), 2_000);
    assert_eq!(fs::read(left).unwrap(), b"half");
}

#[test]
fn what_is_written_into_a_new_history_is_synced_from_then_on() {
    let dir = directory();
    let writer = open::for_writing(dir.path(), 1_000, &SCHEMA).unwrap();
    assert_eq!(number(&writer.conn, "PRAGMA synchronous"), 2);
    assert_eq!(number(&writer.conn, "PRAGMA auto_vacuum"), 2);
    let mode: String = writer.conn.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
    assert!(!dir.path().join("history.db.part").exists());
}
