//! The one writer.

use crate::away::{Away, Place};
use crate::changes::Changes;
use crate::error::{DatabaseFault, chain, database};
use crate::events::Heard;
use crate::ledger::{self, Fact, Keeper};
use crate::open::Whose;
use crate::pages::{self, PagesSeen};
use crate::state::{SettingsDigests, State};
use crate::{
    BootImport, ErrorImport, StorageError, boot_imports, conclusions, error_imports, event_rows,
    files, page_requests, plan, query, tiers, write,
};
use rusqlite::{Connection, Transaction, TransactionBehavior};
use scrubjay_model::{
    Accumulated, Assessment, BadPage, BootRecord, ControllerKey, CorrectedPage, Edac, ErrorRecords,
    ForeignBoots, HistorySummary, LedgerHead, LedgerState, MemoryRecord, PageAnswer, PageRequests,
    SeenController, Snapshot, Stamp, StorageStats, match_controllers,
};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The history of this host, open for writing. There is one per state directory, held by the
/// agent; it blocks on the disk, so it has no place on an async loop.
///
/// Dropping it without [`History::end_run`] leaves the run open, as a kill would.
#[derive(Debug)]
pub struct History {
    pub(crate) conn: Connection,
    /// Held for as long as the connection; declared after it, so released after it. None while the
    /// history is in memory.
    pub(crate) lock: Option<File>,
    pub(crate) path: PathBuf,
    /// The file that is open, to notice when another one takes its place.
    pub(crate) place: Option<Place>,
    pub(crate) state: State,
    pub(crate) pending: Changes,
    pub(crate) ledger: Keeper,
    pub(crate) keeping: tiers::Keeping,
    pub(crate) replaced: Option<String>,
    pub(crate) salvaged: Option<String>,
    pub(crate) writes: u64,
    pub(crate) write_failures: u64,
    pub(crate) pages_refused: u64,
    pub(crate) taken_in: crate::alerts::TakenIn,
    pub(crate) trouble: Option<Trouble>,
    /// There is no file at present.
    pub(crate) away: Option<Away>,
    /// The file is gone from its place, and there is no place for another.
    pub(crate) vanished: Option<String>,
    /// What happened to the file, to be written into the one that follows.
    pub(crate) tell: Option<(&'static str, String)>,
}

/// Writing fails at present.
#[derive(Debug)]
pub(crate) struct Trouble {
    since_wall_ms: i64,
    failures: u64,
    last_error: String,
}

/// What came of appending a snapshot.
#[derive(Debug)]
pub struct Appended {
    /// The sums with this snapshot. They do not depend on whether it could be written.
    pub accumulated: Accumulated,
    /// Why it could not be written. Its changes wait in memory and are written with a later one.
    pub error: Option<StorageError>,
}

impl History {
    /// Opens the history in the state directory `dir`, making both if they are missing.
    ///
    /// A damaged file is moved aside with everything that belongs to it, a new history is begun with
    /// what can be had of it, and the fact is kept in it and in [`History::stats`]. Nothing is ever
    /// deleted.
    ///
    /// # Errors
    /// If the directory cannot be used, another agent uses it, the file is of a newer version or
    /// of another program (both stay untouched), or the database fails.
    pub fn open(dir: &Path, now: &Stamp) -> Result<Self, StorageError> {
        Self::open_as(dir, now, Whose::Any)
    }

    /// Begins a run of the agent of the given version, which plans a pass every `interval`. If
    /// another boot was seen last, how it ended is judged now.
    ///
    /// # Errors
    /// If it cannot be written. The run has begun nevertheless, and is written with a later
    /// snapshot.
    pub fn begin_run(
        &mut self,
        at: &Stamp,
        version: &str,
        interval: Duration,
    ) -> Result<(), StorageError> {
        self.begin_run_with(at, version, interval, SettingsDigests::default())
    }

    /// As [`History::begin_run`], of an agent whose settings have these hashes.
    ///
    /// # Errors
    /// If it cannot be written, as above.
    pub fn begin_run_with(
        &mut self,
        at: &Stamp,
        version: &str,
        interval: Duration,
        settings: SettingsDigests,
    ) -> Result<(), StorageError> {
        let changes = plan::begin(&mut self.state, at, version, interval, settings);
        self.take(changes);
        self.flush(at)
    }

    /// The last row of the ledger that is written; none while there is no file, as rows that are in
    /// memory only are never part of it.
    pub fn ledger_head(&self) -> Option<LedgerHead> {
        if self.is_away() { None } else { self.ledger.head() }
    }

    /// Whether the ledger is what was written, when it was opened or a day ended.
    pub fn ledger_state(&self) -> LedgerState {
        self.ledger.state(self.is_away())
    }

    /// The last row of the ledger as of a checkpoint written since this was last asked.
    pub fn new_checkpoint(&mut self) -> Option<LedgerHead> {
        self.ledger.news()
    }

    /// Takes in one snapshot: writes what it changes, if anything, in one transaction.
    ///
    /// The sums are always returned. If writing fails, the changes wait in memory; the next
    /// snapshot tries again, and no increment is lost or counted twice. If the agent is killed
    /// meanwhile, the next one starts from what was written last.
    pub fn append(&mut self, snapshot: &Snapshot) -> Appended {
        self.append_heard(snapshot, Heard::NOTHING)
    }

    /// As [`History::append`], with the reports of errors received since the pass before, which go
    /// into the same transaction.
    pub fn append_heard(&mut self, snapshot: &Snapshot, heard: Heard<'_>) -> Appended {
        let found = self.look_after_file(&snapshot.at);
        let Some(plan::Pass { changes, keys }) = plan::pass(&mut self.state, snapshot, heard)
        else {
            let accumulated = query::accumulate(self.state.clone(), snapshot);
            return Appended { accumulated, error: Some(StorageError::NoRun) };
        };
        self.take(changes);
        if let Some(Away::Since(kept)) = &mut self.away {
            kept.see(snapshot, heard, &self.state);
        }
        let error = match found {
            Ok(()) if self.pending.urgent => self.flush(&snapshot.at).err(),
            Ok(()) => None,
            // Gone from its place, it may still take what is written.
            Err(error) => {
                if self.away.is_none() && self.pending.urgent {
                    self.flush(&snapshot.at).err().or(Some(error))
                } else {
                    Some(error)
                }
            }
        };
        Appended { accumulated: plan::accumulated(&self.state, keys, &snapshot.at), error }
    }

    /// Takes in what was concluded from the snapshot appended last, and writes it if it is new.
    ///
    /// # Errors
    /// If it cannot be written; it waits in memory and is written with a later snapshot.
    pub fn note(&mut self, at: &Stamp, assessment: &Assessment) -> Result<(), StorageError> {
        let changes = conclusions::note(&mut self.state, assessment, at);
        self.take(changes);
        self.keeping.note(assessment);
        self.settle(at)
    }

    /// Takes in reports of errors between two passes, in a transaction of their own. The first pass
    /// of a run must have been appended before.
    ///
    /// # Errors
    /// If it cannot be written. The reports wait in memory and are written with a later snapshot.
    pub fn hear(&mut self, at: &Stamp, heard: Heard<'_>) -> Result<(), StorageError> {
        if let Some(Away::Since(kept)) = &mut self.away {
            kept.hear(heard);
        }
        let changes = plan::hear(&mut self.state, at, heard);
        self.take(changes);
        self.settle(at)
    }

    /// Takes in what was seen of bad pages, beside the snapshots. It is written with the next pass.
    /// Returns how many reported pages the registry had no room for.
    ///
    /// # Errors
    /// If no run was begun; nothing is taken in then.
    pub fn see_pages(&mut self, seen: &PagesSeen<'_>, at: &Stamp) -> Result<u64, StorageError> {
        let at = self.state.placed(at);
        // The boot must be in the database before its pages.
        if self.state.run.is_none() {
            return Err(StorageError::NoRun);
        }
        let mut changes = Changes::default();
        let refused = pages::follow(&mut self.state, seen, &at, &mut changes);
        self.take(changes);
        self.pages_refused = self.pages_refused.saturating_add(refused);
        Ok(refused)
    }

    /// Writes what waits, if it should not wait for the next pass.
    ///
    /// # Errors
    /// If it cannot be written; it waits on.
    pub fn settle(&mut self, at: &Stamp) -> Result<(), StorageError> {
        if self.pending.urgent { self.flush(at) } else { Ok(()) }
    }

    /// The registry of bad pages as it now is, by physical address.
    pub fn bad_pages(&self) -> &BTreeMap<u64, BadPage> {
        &self.state.bad_pages
    }

    /// Up to which time since boot reports from the kernel log of this boot were taken in; `None` if
    /// none were. Where that cannot be read it is taken to be up to now: we lean towards the lower
    /// count, as the other way the same errors would be counted again.
    pub fn log_reports_until(&self, at: &Stamp) -> Option<Duration> {
        event_rows::last_from_log(&self.conn, &at.boot).unwrap_or(at.since_boot)
    }

    /// The key of each controller, by its index, as the next pass will know it.
    pub fn controller_keys(&self, edac: &Edac) -> BTreeMap<u32, ControllerKey> {
        let seen: Vec<SeenController> = edac.controllers.iter().map(Into::into).collect();
        let keys = match_controllers(&self.state.known_controllers(), &seen);
        seen.iter().map(|seen| seen.index).zip(keys).collect()
    }

    /// Corrected errors by page since the kernel was last asked for it, in as many windows of 24 hours
    /// as are asked, of the 4,096 pages with most in the first. Only what is written is counted.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn corrected_pages(
        &self,
        at: &Stamp,
        page_size_bytes: u64,
        days: u32,
    ) -> Result<Vec<CorrectedPage>, StorageError> {
        page_requests::corrected(&self.conn, at.wall_ms, page_size_bytes, days)
            .map_err(database("read the history", &self.path))
    }

    /// What the kernel was asked for so far.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn page_requests(&self, at: &Stamp) -> Result<PageRequests, StorageError> {
        page_requests::asked(&self.conn, at.wall_ms, &self.state.placed(at).boot)
            .map_err(database("read the history", &self.path))
    }

    /// Notes that the kernel is about to be asked to take a page out of use. Only when this has
    /// returned may it be asked: a request that is not on disk would be missing in the budgets.
    /// Returns what [`History::end_page_request`] wants.
    ///
    /// # Errors
    /// If it cannot be written, or no run was begun.
    pub fn begin_page_request(
        &mut self,
        at: &Stamp,
        physical_address: u64,
    ) -> Result<i64, StorageError> {
        self.on_disk()?;
        let run = self.state.run.as_ref().ok_or(StorageError::NoRun)?.row.id;
        page_requests::begin(&self.conn, run, at.wall_ms, physical_address)
            .map_err(database("write the history", &self.path))
    }

    /// Notes what came of asking.
    ///
    /// # Errors
    /// If it cannot be written; the request stays, without an answer.
    pub fn end_page_request(&mut self, id: i64, answer: PageAnswer) -> Result<(), StorageError> {
        page_requests::end(&self.conn, id, answer)
            .map_err(database("write the history", &self.path))
    }

    /// All boots, and the changes of counters seen within a time before each unclean end of the
    /// last `back`.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn unclean_ends(
        &self,
        within: Duration,
        back: Duration,
    ) -> Result<(Vec<BootRecord>, Vec<MemoryRecord>), StorageError> {
        query::unclean_ends(&self.conn, within, back)
            .map_err(database("read the history", &self.path))
    }

    /// Whether boots that other tools remember were ever taken in.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn has_imported_boots(&self) -> Result<bool, StorageError> {
        boot_imports::any(&self.conn).map_err(database("read the history", &self.path))
    }

    /// Takes in boots that other tools remember, beside those that the agent saw itself, which are
    /// left as they are. What was taken in before adds nothing. All of it goes into one transaction;
    /// no run is needed.
    ///
    /// # Errors
    /// If it cannot be written; nothing is taken in then.
    pub fn import_boots(
        &mut self,
        told: &[ForeignBoots],
        at: &Stamp,
    ) -> Result<Vec<BootImport>, StorageError> {
        self.take_in(
            |tx| told.iter().map(|told| boot_imports::take_in(tx, told, at.wall_ms)).collect(),
            |import| ledger::boots_imported(at, import),
        )
    }

    /// One transaction in which something is taken in, and the ledger told of what was new.
    fn take_in<T>(
        &mut self,
        take: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<Vec<T>>,
        news: impl Fn(&T) -> Option<Fact>,
    ) -> Result<Vec<T>, StorageError> {
        self.on_disk()?;
        let write = || {
            let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let taken = take(&tx)?;
            // Without a run nothing else would write what was found wrong with the ledger.
            let has_run = self.state.run.is_some();
            let waiting = self.pending.ledger.iter().filter(|_| !has_run).cloned();
            let facts: Vec<Fact> = waiting.chain(taken.iter().filter_map(news)).collect();
            let head = self.ledger.append(&tx, &facts)?;
            tx.commit()?;
            self.ledger.appended(head);
            if !has_run {
                self.pending.ledger.clear();
            }
            Ok(taken)
        };
        write().map_err(database("write the history", &self.path))
    }

    /// Whether errors that other tools recorded were ever taken in.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn has_imported_errors(&self) -> Result<bool, StorageError> {
        error_imports::any(&self.conn).map_err(database("read the history", &self.path))
    }

    /// Takes in errors that other tools recorded. They are kept apart and enter no sum; what was
    /// taken in before adds nothing. All of it goes into one transaction; no run is needed.
    ///
    /// # Errors
    /// If it cannot be written; nothing is taken in then.
    pub fn import_errors(
        &mut self,
        told: &[ErrorRecords],
        at: &Stamp,
    ) -> Result<Vec<ErrorImport>, StorageError> {
        self.take_in(
            |tx| told.iter().map(|told| error_imports::take_in(tx, told, at.wall_ms)).collect(),
            |import| ledger::errors_imported(at, import),
        )
    }

    /// Ends the run in order. Does nothing if none was begun.
    ///
    /// # Errors
    /// If it cannot be written; the run then looks like one that was cut off.
    pub fn end_run(&mut self, at: &Stamp) -> Result<(), StorageError> {
        if self.away.is_some() {
            // The last chance; why it failed is said when writing fails.
            let _ = self.look_after_file(at);
        }
        let changes = plan::end(&mut self.state, at);
        self.take(changes);
        self.flush(at)
    }

    /// The history in figures, as of `at`.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn summary(&self, at: &Stamp) -> Result<HistorySummary, StorageError> {
        let summary = query::summary(&self.conn, &self.path, at, self.state.run.as_ref())
            .map_err(database("read the history", &self.path))?;
        Ok(HistorySummary { ledger_head: self.ledger_head().and(summary.ledger_head), ..summary })
    }

    /// How the history file fares.
    pub fn stats(&self) -> StorageStats {
        let log = files::beside(&self.path, "-wal");
        let size_bytes = files::size_bytes(&self.path)
            .map(|size| size.saturating_add(files::size_bytes(&log).unwrap_or(0)));
        StorageStats {
            size_bytes,
            writes: self.writes,
            write_failures: self.write_failures,
            unreadable: None,
            last_error: match (&self.vanished, &self.trouble) {
                (Some(why), _) => Some(why.clone()),
                (None, trouble) => trouble.as_ref().map(|trouble| trouble.last_error.clone()),
            },
            replaced: self.replaced.clone(),
            salvaged: self.salvaged.clone(),
            ledger: self.ledger_state(),
            pages_refused: self.pages_refused,
            max_bytes: Some(self.keeping.max_bytes()),
            folded: self.keeping.folded().clone(),
        }
    }

    fn flush(&mut self, at: &Stamp) -> Result<(), StorageError> {
        self.on_disk()?;
        if let Err(source) = self.write(at) {
            let is_damaged = DatabaseFault::of(&source) == DatabaseFault::Corrupt;
            let error = database("write the history", &self.path)(source);
            if is_damaged {
                self.replace_damaged(at, &error);
            } else {
                self.note_trouble(at, &error);
                self.ledger.look_again(&self.conn, at, &mut self.pending);
            }
            return Err(error);
        }
        self.written(at);
        Ok(())
    }

    /// The file turned out to be damaged. What is in memory is whole, and is written into the one that
    /// takes its place; if that fails it waits.
    pub(crate) fn replace_damaged(&mut self, at: &Stamp, error: &StorageError) {
        self.note_trouble(at, error);
        if self.leave_damaged(at).is_ok() && self.write(at).is_ok() {
            self.written(at);
        }
    }

    pub(crate) fn note_trouble(&mut self, at: &Stamp, error: &StorageError) {
        self.write_failures = self.write_failures.saturating_add(1);
        let trouble = self.trouble.get_or_insert(Trouble {
            since_wall_ms: at.wall_ms,
            failures: 0,
            last_error: String::new(),
        });
        trouble.failures = trouble.failures.saturating_add(1);
        trouble.last_error = chain(error);
    }

    fn written(&mut self, at: &Stamp) {
        self.writes = self.writes.saturating_add(1);
        self.pending = Changes::default();
        self.trouble = None;
        self.tell = None;
        let at = self.state.placed(at);
        if let Some(run) = &mut self.state.run {
            run.flushed = at;
        }
    }

    pub(crate) fn take(&mut self, changes: Changes) {
        self.ledger.take(changes, &mut self.pending);
    }

    fn write(&mut self, at: &Stamp) -> rusqlite::Result<()> {
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        write::changes(&tx, &self.pending)?;
        Self::write_tell(&tx, self.tell.as_ref(), at)?;
        let mut caught_up = None;
        if let Some(trouble) = &self.trouble {
            let detail = format!(
                "{} transactions failed and their changes were kept in memory, {} passes with \
                 changes were folded into later ones; the last failure was: failed to {}",
                trouble.failures, self.pending.folded, trouble.last_error
            );
            write::incident(&tx, trouble.since_wall_ms, "writes_failed", &detail)?;
            caught_up = Some(ledger::history(at, "writes_failed", &detail));
        }
        let due = self.ledger.write(&tx, &self.pending.ledger, caught_up, &self.state, at)?;
        tx.commit()?;
        self.ledger.written(&due, &self.state, &self.conn);
        Ok(())
    }
}
