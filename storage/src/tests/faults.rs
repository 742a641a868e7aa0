//! What the history survives.

#![expect(clippy::disallowed_methods, reason = "damages and inspects files of the test itself")]

use super::support::{Host, absent, answered, append, correctable, directory, kill, start};
use crate::schema::SCHEMA;
use crate::{DatabaseFault, History, HistoryReader, StorageError, files};
use rusqlite::Connection;
use scrubjay_model::{Kernel, Origin, Reading, Snapshot};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

/// A state directory with a history in it, as a kill leaves it.
fn killed(host: &mut Host) -> tempfile::TempDir {
    let dir = directory();
    *host.dimm(0, 0) = (3, 0);
    let mut history = start(dir.path(), &host.at());
    append(&mut history, host);
    kill(history, dir.path())
}

/// The same, stopped in order, so that everything is in the one file.
fn stopped(host: &mut Host) -> tempfile::TempDir {
    let dir = killed(host);
    start(dir.path(), &host.at()).end_run(&host.at()).unwrap();
    dir
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Opens over a damaged file, and requires that it was kept as it was, under `aside`.
fn check_moved_aside(dir: &Path, host: &Host, aside: &str) {
    let path = files::database_path(dir);
    let database = fs::read(&path).unwrap();
    let read_log = |path| fs::read(files::beside(path, "-wal")).unwrap_or_default();
    let log = read_log(&path);
    let mut history = start(dir, &host.at());
    let aside = dir.join(aside);
    assert_eq!(fs::read(&aside).unwrap(), database, "the database is kept byte for byte");
    assert_eq!(read_log(&aside), log, "so is its log");
    assert_eq!(history.stats().replaced.unwrap(), aside.display().to_string());
    // The new one works, and still knows why it is new when opened again.
    assert_eq!(correctable(&append(&mut history, host), 0), [3, 0]);
    drop(history);
    let history = start(dir, &host.at());
    assert_eq!(history.stats().replaced.unwrap(), aside.display().to_string());
    drop(history);
    // Not for ever: a month later nobody can do anything about it.
    let mut later = host.at();
    later.wall_ms += 31 * 86_400_000;
    assert_eq!(start(dir, &later).stats().replaced, None);
}

#[test]
fn a_file_that_is_no_database_is_moved_aside() {
    let mut host = Host::new();
    let dir = stopped(&mut host);
    let path = files::database_path(dir.path());
    fs::write(&path, b"a line of text where a database belongs\n".repeat(300)).unwrap();
    check_moved_aside(dir.path(), &host, "history.db.corrupt-1700000000000");
    // A second one at the same moment gets a name of its own.
    fs::write(&path, b"again").unwrap();
    check_moved_aside(dir.path(), &host, "history.db.corrupt-1700000000000-1");
}

#[test]
fn a_truncated_file_is_moved_aside() {
    let mut host = Host::new();
    for keep in [1, 100, 4_096, 12_288, 20_000] {
        let dir = stopped(&mut host);
        let file =
            fs::OpenOptions::new().write(true).open(files::database_path(dir.path())).unwrap();
        file.set_len(keep).unwrap();
        check_moved_aside(dir.path(), &host, "history.db.corrupt-1700000000000");
    }
}

#[test]
fn a_file_with_a_damaged_page_is_moved_aside() {
    let mut host = Host::new();
    let dir = stopped(&mut host);
    let path = files::database_path(dir.path());
    let mut bytes = fs::read(&path).unwrap();
    let pages = bytes.len() / 4_096;
    for page in 2..pages {
        bytes[page * 4_096] ^= 0x55;
    }
    fs::write(&path, &bytes).unwrap();
    check_moved_aside(dir.path(), &host, "history.db.corrupt-1700000000000");
}

#[test]
fn a_log_whose_database_is_missing_or_empty_is_kept() {
    let mut host = Host::new();
    for emptied in [true, false] {
        let dir = killed(&mut host);
        let path = files::database_path(dir.path());
        let log = fs::read(files::beside(&path, "-wal")).unwrap();
        assert!(!log.is_empty());
        fs::remove_file(&path).unwrap();
        if emptied {
            fs::write(&path, b"").unwrap();
        }
        let history = start(dir.path(), &host.at());
        let aside = history.stats().replaced.unwrap();
        assert_eq!(fs::read(format!("{aside}-wal")).unwrap(), log);
    }
}

#[test]
fn a_log_cut_short_costs_what_was_in_it_and_no_more() {
    let mut host = Host::new();
    let dir = killed(&mut host);
    let log = files::beside(&files::database_path(dir.path()), "-wal");
    let bytes = fs::read(&log).unwrap();
    fs::write(&log, &bytes[..bytes.len() - 1]).unwrap();
    let mut history = start(dir.path(), &host.at());
    assert_eq!(history.stats().replaced, None);
    assert_eq!(correctable(&append(&mut history, &host), 0), [3, 0]);
}

#[test]
fn a_history_of_a_newer_version_is_refused_and_left_untouched() {
    let mut host = Host::new();
    let dir = stopped(&mut host);
    let path = files::database_path(dir.path());
    Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 99").unwrap();
    let before = fs::read(&path).unwrap();
    let error = History::open(dir.path(), &host.at()).unwrap_err();
    let present = SCHEMA.version();
    assert!(
        matches!(error, StorageError::Newer { found: 99, known, .. } if known == present),
        "{error}"
    );
    let text = error.to_string();
    assert!(text.contains("version 99") && text.contains(&format!("up to {present}")), "{text}");
    let error = HistoryReader::open(dir.path()).unwrap_err();
    assert!(matches!(error, StorageError::Newer { .. }), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn the_database_of_another_program_is_refused_and_left_untouched() {
    let host = Host::new();
    let dir = directory();
    let path = files::database_path(dir.path());
    let other = "CREATE TABLE mc_event (id INTEGER PRIMARY KEY, timestamp TEXT)";
    Connection::open(&path).unwrap().execute_batch(other).unwrap();
    let before = fs::read(&path).unwrap();
    let error = History::open(dir.path(), &host.at()).unwrap_err();
    assert!(matches!(error, StorageError::Foreign { .. }), "{error}");
    assert!(matches!(HistoryReader::open(dir.path()), Err(StorageError::Foreign { .. })));
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_second_writer_is_refused_until_the_first_is_gone() {
    let host = Host::new();
    let dir = directory();
    let first = start(dir.path(), &host.at());
    let error = History::open(dir.path(), &host.at()).unwrap_err();
    assert!(matches!(error, StorageError::InUse { .. }), "{error}");
    assert!(error.to_string().contains("--state-dir"), "{error}");
    drop(first);
    start(dir.path(), &host.at());
}

#[test]
fn the_state_directory_and_its_files_are_closed_to_others() {
    use std::os::unix::fs::PermissionsExt;
    let parent = directory();
    let dir = parent.path().join("lib/scrubjay");
    let host = Host::new();
    let history = start(&dir, &host.at());
    let for_others = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o007;
    assert_eq!(for_others(&dir), 0);
    assert_eq!(names(&dir), ["history.db", "history.db-shm", "history.db-wal", "history.lock"]);
    for name in names(&dir) {
        assert_eq!(for_others(&dir.join(&name)), 0, "{name}");
    }
    drop(history);
}

#[test]
fn what_is_no_directory_or_no_file_is_an_error_with_the_path_and_a_remedy() {
    let host = Host::new();
    let dir = directory();
    let file: PathBuf = dir.path().join("file");
    fs::write(&file, b"").unwrap();
    for error in [
        History::open(&file, &host.at()).unwrap_err(),
        History::open(&file.join("below"), &host.at()).unwrap_err(),
        HistoryReader::open(&file).unwrap_err(),
    ] {
        assert!(matches!(error, StorageError::Directory { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains("file") && text.contains("--state-dir"), "{text}");
    }
    fs::create_dir(files::database_path(dir.path())).unwrap();
    for error in [
        History::open(dir.path(), &host.at()).unwrap_err(),
        HistoryReader::open(dir.path()).unwrap_err(),
    ] {
        assert!(error.to_string().contains("history.db"), "{error}");
    }
}

#[test]
fn where_there_is_no_history_a_reader_gets_none() {
    let dir = directory();
    assert!(HistoryReader::open(dir.path()).unwrap().is_none());
    assert!(HistoryReader::open(&dir.path().join("missing")).unwrap().is_none());
    fs::write(files::database_path(dir.path()), b"").unwrap();
    assert!(HistoryReader::open(dir.path()).unwrap().is_none());
    assert_eq!(names(dir.path()), ["history.db"]);
}

#[test]
fn readers_and_the_writer_do_not_wait_for_each_other() {
    let mut host = Host::new();
    let dir = directory();
    let mut history = start(dir.path(), &host.at());
    append(&mut history, &host);
    let reader = HistoryReader::open(dir.path()).unwrap().unwrap();
    let seen = reader.memory(None).unwrap().len();

    // The writer is in the middle of a transaction.
    history.conn.execute_batch("BEGIN IMMEDIATE; DELETE FROM counter_point").unwrap();
    assert_eq!(reader.memory(None).unwrap().len(), seen);
    history.conn.execute_batch("ROLLBACK").unwrap();

    // A reader is in the middle of an answer.
    let slow = Connection::open(files::database_path(dir.path())).unwrap();
    slow.execute_batch("BEGIN").unwrap();
    let count = |conn: &Connection| -> usize {
        let query = "SELECT COUNT(*) FROM counter_point";
        let count: i64 = conn.query_row(query, [], |row| row.get(0)).unwrap();
        count.try_into().unwrap()
    };
    assert_eq!(count(&slow), seen);
    host.pass(MINUTE);
    *host.dimm(0, 0) = (1, 0);
    append(&mut history, &host);
    assert_eq!(count(&slow), seen);
    assert_eq!(reader.memory(None).unwrap().len(), seen + 2);
    assert_eq!(reader.memory(Some(host.wall_ms)).unwrap().len(), 2);
}

#[test]
fn a_reader_leaves_no_trace_after_an_orderly_stop() {
    let mut host = Host::new();
    let dir = stopped(&mut host);
    assert_eq!(names(dir.path()), ["history.db", "history.lock"]);
    let before = fs::read(files::database_path(dir.path())).unwrap();
    let reader = HistoryReader::open(dir.path()).unwrap().unwrap();
    assert_eq!(reader.boots().unwrap().len(), 1);
    assert_eq!(correctable(&reader.accumulate(&host.snapshot()).unwrap(), 0), [3, 0]);
    drop(reader);
    assert_eq!(fs::read(files::database_path(dir.path())).unwrap(), before);
}

/// A snapshot that needs several new pages.
fn bulky(host: &Host, letter: &str) -> Snapshot {
    let kernel = Kernel {
        release: absent(),
        version: absent(),
        banner: Reading::Value(letter.repeat(40_000)),
        version_signature: Reading::Absent(Origin::new("proc/version_signature")),
        uname: absent(),
        modules_supported: absent(),
        modules_root: absent(),
        modules_directory: absent(),
    };
    Snapshot { kernel: Some(answered(Reading::Value(kernel))), ..host.snapshot() }
}

pub(super) fn fill(history: &History) {
    let pages: i64 = history.conn.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    let limit = format!("PRAGMA max_page_count = {pages}");
    history.conn.query_row(&limit, [], |_| Ok(())).unwrap();
}

fn make_room(history: &History) {
    history.conn.query_row("PRAGMA max_page_count = 1000000", [], |_| Ok(())).unwrap();
}

#[test]
fn on_a_full_disk_the_sums_go_on_and_everything_is_written_when_there_is_room() {
    let mut host = Host::new();
    let dir = directory();
    let mut history = start(dir.path(), &host.at());
    *host.dimm(0, 0) = (3, 0);
    append(&mut history, &host);
    fill(&history);

    // Two more; then a reset, after which two, and two more.
    for (letter, reset, errors, sum) in [("a", false, 5, 5), ("b", true, 2, 7), ("c", false, 4, 9)]
    {
        host.pass(MINUTE);
        if reset {
            host.controllers[0].zero(host.since_boot - Duration::from_secs(10));
        }
        *host.dimm(0, 0) = (errors, 0);
        let appended = history.append(&bulky(&host, letter));
        let error = appended.error.unwrap();
        let full = DatabaseFault::Full;
        let is_full = matches!(&error, StorageError::Database { fault, .. } if *fault == full);
        assert!(is_full, "{error:?}");
        assert_eq!(correctable(&appended.accumulated, 0), [sum, 0]);
    }
    let stats = history.stats();
    assert_eq!(stats.write_failures, 3);
    let last_error = stats.last_error.unwrap();
    assert!(last_error.contains("free some space"), "{last_error}");
    assert!(last_error.contains("history.db"), "{last_error}");

    make_room(&history);
    host.pass(MINUTE);
    assert_eq!(correctable(&append(&mut history, &host), 0), [9, 0]);
    assert_eq!(history.stats().last_error, None);
    let reader = HistoryReader::open(dir.path()).unwrap().unwrap();
    let first_dimm: Vec<(String, u64)> = reader
        .memory(None)
        .unwrap()
        .into_iter()
        .filter(|m| m.series.to_string().ends_with("dimm0 correctable"))
        .map(|m| (m.step, m.by))
        .collect();
    let expected = [("first", 3), ("advanced", 2), ("zeroed", 2), ("advanced", 2)];
    assert_eq!(first_dimm, expected.map(|(step, by)| (step.to_owned(), by)));
    // Passes went on, so there is no gap; and the trouble is on record.
    assert_eq!(reader.coverage().unwrap().len(), 1);
    let incident: String = history
        .conn
        .query_row("SELECT detail FROM incident WHERE kind = 'writes_failed'", [], |row| row.get(0))
        .unwrap();
    assert!(incident.starts_with("3 transactions failed"), "{incident}");
}

#[test]
fn a_kill_while_the_disk_is_full_counts_nothing_twice() {
    let mut host = Host::new();
    let dir = directory();
    let mut history = start(dir.path(), &host.at());
    *host.dimm(0, 0) = (3, 0);
    append(&mut history, &host);
    fill(&history);
    host.pass(MINUTE);
    *host.dimm(0, 0) = (5, 0);
    assert!(history.append(&bulky(&host, "a")).error.is_some());
    let dir = kill(history, dir.path());
    host.pass(MINUTE);
    *host.dimm(0, 0) = (6, 0);
    let mut history = start(dir.path(), &host.at());
    assert_eq!(correctable(&append(&mut history, &host), 0), [6, 0]);
}

#[test]
fn a_run_that_begins_on_a_full_disk_is_written_later() {
    let mut host = Host::new();
    let dir = stopped(&mut host);
    let mut history = History::open(dir.path(), &host.at()).unwrap();
    fill(&history);
    let version = "v".repeat(40_000);
    assert!(history.begin_run(&host.at(), &version, MINUTE).is_err());
    *host.dimm(0, 0) = (4, 0);
    assert!(history.append(&host.snapshot()).error.is_some());
    make_room(&history);
    append(&mut history, &host);
    let reader = HistoryReader::open(dir.path()).unwrap().unwrap();
    assert_eq!(reader.runs().unwrap().last().unwrap().version, version);
}

#[test]
fn what_waits_for_room_is_bounded_and_the_sums_stay_exact() {
    let mut host = Host::new();
    host.controllers[0].dimms = vec![Some((0, 0)); 8];
    let dir = directory();
    let mut history = start(dir.path(), &host.at());
    append(&mut history, &host);
    fill(&history);
    assert!(history.append(&bulky(&host, "a")).error.is_some());
    let mut most = 0;
    // Nine points a pass: eight DIMMs and their sum.
    for errors in 1..=1_000 {
        host.pass(Duration::from_secs(1));
        host.controllers[0].dimms.fill(Some((errors, 0)));
        if errors == 500 {
            host.wall_ms += 50_000;
        }
        history.append(&host.snapshot());
        most = most.max(history.pending.entries.iter().map(|e| e.points.len()).sum());
    }
    assert!(most <= 8_192, "{most} points waited");
    make_room(&history);
    host.pass(Duration::from_secs(1));
    append(&mut history, &host);
    let reader = HistoryReader::open(dir.path()).unwrap().unwrap();
    let points = reader.memory(None).unwrap();
    let first_dimm = points.iter().filter(|m| m.series.to_string().ends_with("dimm0 correctable"));
    assert_eq!(first_dimm.map(|m| m.by).sum::<u64>(), 1_000);
    assert_eq!(reader.clock_steps().unwrap().len(), 1);
    let detail: String =
        history.conn.query_row("SELECT detail FROM incident", [], |row| row.get(0)).unwrap();
    assert!(detail.contains("passes with changes were folded"), "{detail}");
}
