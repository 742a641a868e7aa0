//! The history without its file: what goes on in memory, and what comes home.

#![expect(
    clippy::disallowed_methods,
    reason = "takes away and gives back files of the test itself"
)]

use super::support::{Host, append, correctable, directory, start};
use crate::{DatabaseFault, History, HistoryReader, StorageError, files};
use rusqlite::Connection;
use scrubjay_model::{LedgerReport, Stamp};
use std::fs;
use std::path::Path;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
/// Ten years.
const DECADE_MS: i64 = 315_576_000_000;

/// A history with 3 errors, stopped.
fn with_three(dir: &Path, host: &mut Host) {
    *host.dimm(0, 0) = (3, 0);
    let mut history = start(dir, &host.at());
    append(&mut history, host);
    history.end_run(&host.at()).unwrap();
}

/// Makes everything below the parent of `dir` fail, for root too: it becomes a link to itself.
pub(super) fn bar(dir: &Path) {
    let mount = dir.parent().unwrap();
    fs::create_dir_all(mount).unwrap();
    fs::rename(mount, mount.with_extension("barred")).unwrap();
    std::os::unix::fs::symlink(mount, mount).unwrap();
}

pub(super) fn unbar(dir: &Path) {
    let mount = dir.parent().unwrap();
    fs::remove_file(mount).unwrap();
    fs::rename(mount.with_extension("barred"), mount).unwrap();
}

fn remember(dir: &Path, at: &Stamp) -> History {
    let mut history = History::open_or_remember(dir, at).unwrap();
    assert!(history.is_away());
    assert!(history.begin_run(at, "2", MINUTE).is_err());
    history
}

fn verified(dir: &Path) -> LedgerReport {
    let reader = HistoryReader::open(dir).unwrap().unwrap();
    let report = reader.verify_ledger(&[]).unwrap();
    assert!(report.is_intact(), "{report:?}");
    report
}

fn incident(dir: &Path, kind: &str) -> Option<String> {
    let conn = Connection::open(files::database_path(dir)).unwrap();
    let ask = "SELECT detail FROM incident WHERE kind = ?1 ORDER BY id DESC LIMIT 1";
    conn.query_row(ask, [kind], |row| row.get(0)).ok()
}

#[test]
fn what_was_counted_in_memory_continues_the_file_once_it_can_be_opened() {
    let parent = directory();
    let dir = parent.path().join("mount/state");
    let mut host = Host::new();
    with_three(&dir, &mut host);
    bar(&dir);

    host.pass(MINUTE);
    *host.dimm(0, 0) = (5, 0);
    let mut history = remember(&dir, &host.at());
    // What the file holds is not known: the sums are those of the kernel, and it is said why.
    let appended = history.append(&host.snapshot());
    assert!(appended.error.is_some());
    assert_eq!(correctable(&appended.accumulated, 0), [5, 0]);
    assert!(history.stats().last_error.unwrap().contains("--state-dir"));
    // Nothing may be done that has to be on disk before.
    let error = history.begin_page_request(&host.at(), 0x1000).unwrap_err();
    assert!(matches!(error, StorageError::InMemory { .. }), "{error}");

    // Two more; a reset, and four; another reset, and one.
    for (errors, reset) in [(7, false), (4, true), (1, true)] {
        host.pass(MINUTE);
        if reset {
            host.controllers[0].zero(host.since_boot - Duration::from_secs(10));
        }
        *host.dimm(0, 0) = (errors, 0);
        history.append(&host.snapshot());
    }
    unbar(&dir);
    host.pass(MINUTE);
    *host.dimm(0, 0) = (2, 0);
    // 3 on disk, up to 7; then 4; then 2.
    assert_eq!(correctable(&append(&mut history, &host), 0), [13, 0]);
    assert!(!history.is_away());
    assert_eq!(history.stats().last_error, None);
    history.end_run(&host.at()).unwrap();
    drop(history);
    assert!(incident(&dir, "writes_failed").is_some());
    verified(&dir);
    let mut again = start(&dir, &host.at());
    assert_eq!(correctable(&append(&mut again, &host), 0), [13, 0]);
    assert_eq!(again.stats().replaced, None);
}

#[test]
fn a_head_that_is_in_memory_only_is_given_to_nobody() {
    let parent = directory();
    let dir = parent.path().join("mount/state");
    let mut host = Host::new();
    with_three(&dir, &mut host);
    bar(&dir);
    let mut history = remember(&dir, &host.at());
    history.append(&host.snapshot());
    assert_eq!(history.ledger_head(), None);
    assert_eq!(history.summary(&host.at()).unwrap().ledger_head, None);
    unbar(&dir);
    host.pass(MINUTE);
    append(&mut history, &host);
    assert!(history.ledger_head().is_some());
    assert_eq!(history.summary(&host.at()).unwrap().ledger_head, history.ledger_head());
}

#[test]
fn a_history_begun_in_memory_becomes_the_first_one_on_disk() {
    let parent = directory();
    let dir = parent.path().join("mount/state");
    bar(&dir);
    let mut host = Host::new();
    let mut history = remember(&dir, &host.at());
    for errors in 1..=100 {
        host.pass(MINUTE);
        *host.dimm(0, 0) = (errors, 0);
        history.append(&host.snapshot());
    }
    unbar(&dir);
    host.pass(MINUTE);
    assert_eq!(correctable(&append(&mut history, &host), 0), [100, 0]);
    drop(history);
    verified(&dir);
    // The run is the one that began in memory.
    let reader = HistoryReader::open(&dir).unwrap().unwrap();
    assert_eq!(reader.runs().unwrap().len(), 1);
}

#[test]
fn a_directory_that_vanishes_is_noticed_and_the_whole_history_put_back() {
    let parent = directory();
    let dir = parent.path().join("state");
    let mut host = Host::new();
    with_three(&dir, &mut host);
    let mut history = start(&dir, &host.at());
    append(&mut history, &host);
    fs::remove_dir_all(&dir).unwrap();
    host.pass(MINUTE);
    *host.dimm(0, 0) = (5, 0);
    assert_eq!(correctable(&append(&mut history, &host), 0), [5, 0]);
    assert!(incident(&dir, "vanished").unwrap().contains("a copy of it was put there"));
    host.pass(MINUTE);
    append(&mut history, &host);
    history.end_run(&host.at()).unwrap();
    drop(history);
    let reader = HistoryReader::open(&dir).unwrap().unwrap();
    assert_eq!(reader.runs().unwrap().len(), 2, "earlier runs came along");
    verified(&dir);
    assert_eq!(correctable(&append(&mut start(&dir, &host.at()), &host), 0), [5, 0]);
}

/// An agent that was restarted, so that its log holds some pages of the file and not all, and counted
/// on.
fn restarted(dir: &Path, host: &mut Host) -> History {
    with_three(dir, host);
    let mut history = start(dir, &host.at());
    for errors in 4..40 {
        host.pass(MINUTE);
        *host.dimm(0, 0) = (errors, 0);
        append(&mut history, host);
    }
    history
}

#[test]
fn a_file_that_is_taken_away_alone_is_put_back_without_its_old_log() {
    let parent = directory();
    let dir = parent.path().join("state");
    let mut host = Host::new();
    let mut history = restarted(&dir, &mut host);
    let path = files::database_path(&dir);
    fs::rename(&path, parent.path().join("elsewhere")).unwrap();
    host.pass(MINUTE);
    *host.dimm(0, 0) = (40, 0);
    assert_eq!(correctable(&append(&mut history, &host), 0), [40, 0]);
    assert_eq!(history.stats().replaced, None, "{:?}", files::all_aside(&path));
    history.end_run(&host.at()).unwrap();
    drop(history);
    verified(&dir);
    assert!(incident(&dir, "vanished").unwrap().contains("a copy of it was put there"));
}

#[test]
fn a_backup_that_is_put_in_its_place_alone_is_gone_on_with_as_it_is() {
    let parent = directory();
    let dir = parent.path().join("state");
    let mut host = Host::new();
    let mut history = restarted(&dir, &mut host);
    let (path, backup) = (files::database_path(&dir), parent.path().join("backup.db"));
    crate::back_up_database(&dir, &backup).unwrap().unwrap();
    for errors in 40..50 {
        host.pass(MINUTE);
        *host.dimm(0, 0) = (errors, 0);
        append(&mut history, &host);
    }
    fs::rename(&backup, &path).unwrap();
    host.pass(MINUTE);
    *host.dimm(0, 0) = (50, 0);
    assert_eq!(correctable(&append(&mut history, &host), 0), [50, 0]);
    assert_eq!(history.stats().replaced, None, "{:?}", files::all_aside(&path));
    history.end_run(&host.at()).unwrap();
    drop(history);
    verified(&dir);
}

#[test]
fn while_there_is_no_place_for_it_a_vanished_history_is_kept_and_said_to_be_gone() {
    let parent = directory();
    let dir = parent.path().join("state");
    let mut host = Host::new();
    with_three(&dir, &mut host);
    let mut history = start(&dir, &host.at());
    append(&mut history, &host);
    fs::remove_dir_all(&dir).unwrap();
    fs::write(&dir, b"in the way").unwrap();
    for errors in 4..8 {
        host.pass(MINUTE);
        *host.dimm(0, 0) = (errors, 0);
        let appended = history.append(&host.snapshot());
        assert!(appended.error.is_some());
        assert_eq!(correctable(&appended.accumulated, 0), [errors, 0]);
        assert!(history.stats().last_error.unwrap().contains("gone from its place"));
    }
    fs::remove_file(&dir).unwrap();
    host.pass(MINUTE);
    assert_eq!(correctable(&append(&mut history, &host), 0), [7, 0]);
    assert_eq!(history.stats().last_error, None);
    drop(history);
    verified(&dir);
}

#[test]
fn another_history_in_its_place_is_gone_on_with_and_nothing_counts_twice() {
    let parent = directory();
    let dir = parent.path().join("state");
    let backup = parent.path().join("backup");
    let mut host = Host::new();
    with_three(&dir, &mut host);
    fs::create_dir(&backup).unwrap();
    fs::copy(files::database_path(&dir), files::database_path(&backup)).unwrap();
    let mut history = start(&dir, &host.at());
    host.pass(MINUTE);
    *host.dimm(0, 0) = (6, 0);
    append(&mut history, &host);
    // Somebody restores the backup under the running agent.
    fs::rename(&dir, parent.path().join("old")).unwrap();
    fs::rename(&backup, &dir).unwrap();
    host.pass(MINUTE);
    *host.dimm(0, 0) = (8, 0);
    assert_eq!(correctable(&append(&mut history, &host), 0), [8, 0]);
    assert!(incident(&dir, "vanished").unwrap().contains("another file"));
    history.end_run(&host.at()).unwrap();
    drop(history);
    verified(&dir);
    verified(&parent.path().join("old"));
}

#[test]
fn damage_found_while_writing_moves_the_file_aside_and_loses_nothing_counted() {
    let parent = directory();
    let dir = parent.path().join("state");
    let mut host = Host::new();
    with_three(&dir, &mut host);
    let mut history = start(&dir, &host.at());
    append(&mut history, &host);
    // All pages but the first become garbage under the agent's hands.
    let path = files::database_path(&dir);
    history.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[4_096..].fill(0x5a);
    fs::write(&path, &bytes).unwrap();
    history.conn.execute_batch("PRAGMA cache_size = 0; PRAGMA shrink_memory").unwrap();
    let mut fault = None;
    for errors in 4..8 {
        host.pass(MINUTE);
        *host.dimm(0, 0) = (errors, 0);
        let appended = history.append(&host.snapshot());
        assert_eq!(correctable(&appended.accumulated, 0), [errors, 0]);
        if let Some(StorageError::Database { fault: found, .. }) = appended.error {
            fault = Some(found);
        }
    }
    assert_eq!(fault, Some(DatabaseFault::Corrupt));
    assert!(!history.is_away());
    let aside = incident(&dir, "file_replaced").unwrap();
    assert_eq!(fs::read(aside).unwrap(), bytes);
    history.end_run(&host.at()).unwrap();
    drop(history);
    verified(&dir);
    assert_eq!(correctable(&append(&mut start(&dir, &host.at()), &host), 0), [7, 0]);
}

#[test]
fn what_will_not_pass_is_refused_and_not_remembered() {
    let host = Host::new();
    let parent = directory();
    let dir = parent.path().join("state");
    let first = start(&dir, &host.at());
    let refused = |dir: &Path| History::open_or_remember(dir, &host.at()).unwrap_err();
    assert!(matches!(refused(&dir), StorageError::InUse { .. }));
    drop(first);
    let conn = Connection::open(files::database_path(&dir)).unwrap();
    conn.execute_batch("PRAGMA user_version = 99").unwrap();
    drop(conn);
    assert!(matches!(refused(&dir), StorageError::Newer { .. }));
    let file = parent.path().join("file");
    fs::write(&file, b"").unwrap();
    assert!(matches!(refused(&file), StorageError::Directory { .. }));
}

#[test]
fn a_database_that_another_program_holds_is_waited_for_in_memory() {
    let dir = directory();
    let mut host = Host::new();
    with_three(dir.path(), &mut host);
    let shell = Connection::open(files::database_path(dir.path())).unwrap();
    shell.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE").unwrap();
    let mut history = History::open_or_remember(dir.path(), &host.at()).unwrap();
    assert!(history.is_away());
    assert!(history.stats().last_error.unwrap().contains("close the other program"));
    assert!(history.begin_run(&host.at(), "2", MINUTE).is_err());
    drop(shell);
    host.pass(MINUTE);
    *host.dimm(0, 0) = (5, 0);
    assert_eq!(correctable(&append(&mut history, &host), 0), [5, 0]);
    assert!(!history.is_away());
}

#[test]
fn a_kill_between_moving_aside_and_beginning_anew_forgets_nothing() {
    let dir = directory();
    let mut host = Host::new();
    with_three(dir.path(), &mut host);
    host.reboot(2);
    let path = files::database_path(dir.path());
    files::move_aside(&path, 7).unwrap();
    let mut history = start(dir.path(), &host.at());
    assert!(history.stats().replaced.unwrap().ends_with("corrupt-7"));
    assert_eq!(correctable(&append(&mut history, &host), 0), [3, 0]);
}

#[test]
fn clocks_set_by_ten_years_to_and_fro_change_no_sum_and_no_coverage() {
    let dir = directory();
    let mut host = Host::new();
    let mut history = start(dir.path(), &host.at());
    for round in 1..=40_u64 {
        host.pass(MINUTE);
        host.wall_ms += if round % 2 == 0 { DECADE_MS } else { -DECADE_MS };
        *host.dimm(0, 0) = (round, 0);
        if round % 5 == 0 {
            drop(history);
            history = start(dir.path(), &host.at());
        }
        assert_eq!(correctable(&append(&mut history, &host), 0), [round, 0]);
    }
    history.end_run(&host.at()).unwrap();
    let reader = HistoryReader::open(dir.path()).unwrap().unwrap();
    let covered: Duration = reader.coverage().unwrap().iter().map(|c| c.length).sum();
    assert!(covered <= 40 * MINUTE, "{covered:?}");
    verified(dir.path());
}
