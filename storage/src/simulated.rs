//! The mark of a history of what was made and not found: `scrubjay demo`.
//!
//! It is a row of the ledger, written before anything else happens, so that it is part of every copy and
//! nobody takes it back; and a file beside the database, for whoever looks into the directory, and for
//! the case that the database is damaged and begun anew. Either is enough. A history is of a real host or
//! of a simulated one for ever: neither is gone on with as the other.

use crate::error::database;
use crate::open::{self, Whose};
use crate::schema::SCHEMA;
use crate::{History, HistoryReader, StorageError, files, ledger};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};
use scrubjay_model::{Simulated, Stamp};
use std::fs::OpenOptions;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// The file beside the database.
const MARK: &str = "SIMULATED";

/// What the row of the ledger says happened to the history.
const WHAT: &str = "simulated";

/// The mark is among the first rows: what is begun in the place of a damaged file takes over its ledger.
const FIRST_ROWS: i64 = 8;

/// More of the file is not read.
const MOST_BYTES: u64 = 4_096;

/// What made the host of a state directory, if it was made.
///
/// # Errors
/// If there is a history that cannot be read.
pub fn simulated(dir: &Path) -> Result<Option<Simulated>, StorageError> {
    if let Some(told) = told_by_file(dir)? {
        return Ok(Some(told));
    }
    match HistoryReader::open(dir) {
        Ok(Some(reader)) => reader.simulated(),
        // What only the writer can open it looks at again then. An older one is older than marks.
        Ok(None) | Err(_) => Ok(None),
    }
}

impl History {
    /// As [`History::open`], of such a host.
    pub(crate) fn open_as(dir: &Path, now: &Stamp, whose: Whose) -> Result<Self, StorageError> {
        Self::of(open::for_writing_of(dir, now.wall_ms, &SCHEMA, whose)?, now)
    }

    /// As [`History::open`], of a host that is real or was made. A history of the other kind is left
    /// untouched.
    ///
    /// # Errors
    /// If it is of the other kind or of another scenario, or as for [`History::open`].
    pub fn open_of(
        dir: &Path,
        now: &Stamp,
        made: Option<&Simulated>,
    ) -> Result<Self, StorageError> {
        let Some(made) = made else {
            refuse_marked(dir, told_by_file(dir)?)?;
            return Self::open_as(dir, now, Whose::Real);
        };
        Self::claim(dir, made)?;
        mark(dir, made)?;
        let mut history = Self::open(dir, now)?;
        history.note_simulated(now, made)?;
        Ok(history)
    }

    /// As [`History::open_or_remember`], likewise. What was made has no need to be remembered.
    ///
    /// # Errors
    /// As for [`History::open_of`] and [`History::open_or_remember`].
    pub fn open_or_remember_of(
        dir: &Path,
        now: &Stamp,
        made: Option<&Simulated>,
    ) -> Result<Self, StorageError> {
        if made.is_some() {
            return Self::open_of(dir, now, made);
        }
        // What cannot be looked at cannot be opened either, and whoever opens it knows what to do.
        refuse_marked(dir, told_by_file(dir).unwrap_or(None))?;
        Self::open_or_remember_as(dir, now, Whose::Real)
    }

    /// Whether a directory may be used for a host that was made.
    fn claim(dir: &Path, made: &Simulated) -> Result<(), StorageError> {
        let path = files::database_path(dir);
        match simulated(dir)? {
            Some(found) if found != *made => Err(StorageError::Simulated { path, found }),
            None if files::has_history(dir) => Err(StorageError::Real { path }),
            Some(_) | None => Ok(()),
        }
    }

    /// Writes the mark into the ledger, once.
    fn note_simulated(&mut self, at: &Stamp, made: &Simulated) -> Result<(), StorageError> {
        let mut write = || {
            if told_by_ledger(&self.conn)?.is_some() {
                return Ok(());
            }
            let fact = ledger::history(at, WHAT, made.as_str());
            let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let head = self.ledger.append(&tx, [&fact])?;
            tx.commit()?;
            self.ledger.appended(head);
            Ok(())
        };
        write().map_err(database("write the history", &self.path))
    }
}

impl HistoryReader {
    /// What made the host that this is the history of, if it was made.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn simulated(&self) -> Result<Option<Simulated>, StorageError> {
        match self.path().parent().map(told_by_file) {
            Some(Ok(Some(told))) => Ok(Some(told)),
            // Who may not read the file may read the ledger.
            Some(Ok(None) | Err(_)) | None => self.ask(told_by_ledger),
        }
    }
}

/// What a row of the ledger says.
pub(crate) fn told_by_ledger(conn: &Connection) -> rusqlite::Result<Option<Simulated>> {
    if !ledger::rows::is_there(conn)? {
        return Ok(None);
    }
    let told: Option<Option<String>> = conn
        .prepare(
            "SELECT line ->> '$.body.detail' FROM ledger WHERE seq <= ?1 AND kind = 'history'
               AND json_valid(line) AND line ->> '$.body.what' = ?2",
        )?
        .query_row((FIRST_ROWS, WHAT), |row| row.get(0))
        .optional()?;
    Ok(told.map(|told| Simulated::parse(&told.unwrap_or_default())))
}

/// Where the host is real. The ledger is asked when it is open anyway.
fn refuse_marked(dir: &Path, told: Option<Simulated>) -> Result<(), StorageError> {
    match told {
        Some(found) => Err(StorageError::Simulated { path: files::database_path(dir), found }),
        None => Ok(()),
    }
}

fn mark_path(dir: &Path) -> PathBuf {
    dir.join(MARK)
}

fn told_by_file(dir: &Path) -> Result<Option<Simulated>, StorageError> {
    let path = mark_path(dir);
    let unusable = |source| StorageError::Directory { path: path.clone(), source };
    let file = match OpenOptions::new().read(true).open(&path) {
        Ok(file) => file,
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(unusable(error)),
    };
    let mut text = Vec::new();
    file.take(MOST_BYTES).read_to_end(&mut text).map_err(unusable)?;
    let text = String::from_utf8_lossy(&text);
    Ok(Some(Simulated::parse(text.lines().next().unwrap_or_default())))
}

/// Puts the file into a directory that has none.
fn mark(dir: &Path, made: &Simulated) -> Result<(), StorageError> {
    let path = mark_path(dir);
    let unusable = |source| StorageError::Directory { path: path.clone(), source };
    files::create_directory(dir)?;
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o640).open(&path);
    let mut file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        Err(error) => return Err(unusable(error)),
    };
    let text = format!(
        "{made}\n\nscrubjay demo made the host of this history: nothing in it is of a real machine. This \
         file says so\neven if the database is damaged; the first rows of the ledger say so too.\n"
    );
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(unusable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Stamp {
        Stamp::by_wall_clock(1_772_409_600_000)
    }

    fn refused(opened: Result<History, StorageError>) -> String {
        opened.map(drop).unwrap_err().to_string()
    }

    #[test]
    fn what_was_made_is_marked_for_ever_and_gone_on_with_as_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let made = Simulated::of("cosmic", 1);
        drop(History::open_of(dir.path(), &now(), Some(&made)).unwrap());
        drop(History::open_of(dir.path(), &now(), Some(&made)).unwrap());
        let reader = HistoryReader::open(dir.path()).unwrap().unwrap();
        assert_eq!(reader.simulated().unwrap(), Some(made.clone()));
        let other = Simulated::of("cosmic", 2);
        for attempt in [None, Some(&other)] {
            let why = refused(History::open_of(dir.path(), &now(), attempt));
            assert!(why.contains("simulated host (cosmic, seed 1)"), "{why}");
        }
        let why = refused(History::open_or_remember_of(dir.path(), &now(), None));
        assert!(why.contains("--state-dir"), "{why}");

        // The file alone, and the ledger alone.
        std::fs::remove_file(mark_path(dir.path())).unwrap();
        assert_eq!(simulated(dir.path()).unwrap(), Some(made.clone()));
        let rows: i64 = History::open_of(dir.path(), &now(), Some(&made))
            .unwrap()
            .conn
            .query_row("SELECT COUNT(*) FROM ledger", [], |row| row.get(0))
            .unwrap();
        assert_eq!(rows, 2, "begun, and the mark once");
        std::fs::remove_file(files::database_path(dir.path())).unwrap();
        assert_eq!(simulated(dir.path()).unwrap(), Some(made));
    }

    #[test]
    fn a_real_history_never_becomes_a_simulated_one() {
        let dir = tempfile::tempdir().unwrap();
        drop(History::open_of(dir.path(), &now(), None).unwrap());
        assert_eq!(simulated(dir.path()).unwrap(), None);
        let made = Simulated::of("cosmic", 1);
        let why = refused(History::open_of(dir.path(), &now(), Some(&made)));
        assert!(why.contains("real host"), "{why}");
        assert!(!mark_path(dir.path()).exists(), "it is left untouched");
        drop(History::open_of(dir.path(), &now(), None).unwrap());
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "inspects files of the test itself")]
    fn the_ledger_alone_tells_also_in_a_file_that_is_damaged() {
        let dir = tempfile::tempdir().unwrap();
        let made = Simulated::of("cosmic", 1);
        drop(History::open_of(dir.path(), &now(), Some(&made)).unwrap());
        std::fs::remove_file(mark_path(dir.path())).unwrap();
        let path = files::database_path(dir.path());
        for damage in ["SELECT 1", "DROP INDEX boot_running"] {
            Connection::open(&path).unwrap().execute_batch(damage).unwrap();
            let before = std::fs::read(&path).unwrap();
            let opened = [
                History::open_of(dir.path(), &now(), None),
                History::open_or_remember_of(dir.path(), &now(), None),
            ];
            for opened in opened {
                let why = refused(opened);
                assert!(why.contains("simulated host (cosmic, seed 1)"), "{damage}: {why}");
            }
            assert_eq!(std::fs::read(&path).unwrap(), before, "{damage}");
        }
    }
}
