//! The history away from its file: when the file cannot be opened at the start, when its directory
//! vanishes or another file takes its place, and when it turns out to be damaged while it is used.
//!
//! The agent goes on from memory, tries again at every pass, and brings home what it can:
//!
//! - *The state is whole* (the file was there): it is written into whatever takes the file's place.
//! - *The state began empty* (the file could not be opened): what the file holds is not known, so
//!   that the sums of memory do not continue it. Passes are kept and taken in anew on top of the
//!   file, once it is there: not all of them, but the last before and the first after each new life
//!   of a counter, between which the kernel tells the sum itself.

use crate::changes::{Changes, Entry};
use crate::error::database;
use crate::events::EventRow;
use crate::exposures::{Exposure, ExposureRow};
use crate::history::History;
use crate::ledger::{self, Keeper};
use crate::open::{Whose, Writer};
use crate::schema::SCHEMA;
use crate::state::{Known, State};
use crate::tiers::Keeping;
use crate::{Heard, StorageError, event_rows, files, load, plan, query, write};
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use scrubjay_model::{EventClass, ReportTotal, Sighting, Sightings, Snapshot, Stamp, Witness};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Passes that are kept, two for each new life of a counter. What was counted in lives between
/// those that are kept is lost, and shows as a restart.
const MOST_PASSES: usize = 16;

/// Groups of reports that are kept; what is beyond is told as lost.
const MOST_SIGHTINGS: usize = 2_048;

/// Why there is no file, and what waits for one.
#[derive(Debug)]
pub(crate) enum Away {
    /// The state is that of the file that was there.
    Whole,
    /// The file was never opened.
    Since(Box<Kept>),
}

/// What is taken in anew once the file is there.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    passes: Vec<Snapshot>,
    /// The last pass, unless it is among those above.
    last: Option<Snapshot>,
    heard: Sightings,
    listening: bool,
    restarts: u64,
}

/// A file as it is found under a path: its device and inode.
pub(crate) type Place = (u64, u64);

impl Kept {
    /// Takes note of a pass that was taken into `state`.
    pub(crate) fn see(&mut self, snapshot: &Snapshot, heard: Heard<'_>, state: &State) {
        self.hear(heard);
        self.listening = heard.listening;
        let restarts = state.counters.values().map(|counter| counter.restarts).sum();
        let is_turn = restarts != self.restarts || (self.passes.is_empty() && self.last.is_none());
        self.restarts = restarts;
        if is_turn && self.passes.len() < MOST_PASSES {
            self.passes.extend(self.last.take());
            self.passes.push(snapshot.clone());
        } else {
            self.last = Some(snapshot.clone());
        }
    }

    /// Takes note of reports.
    pub(crate) fn hear(&mut self, heard: Heard<'_>) {
        let Sightings { sightings, lost, undecodable } = heard.sightings;
        self.heard.lost = self.heard.lost.saturating_add(*lost);
        self.heard.undecodable = self.heard.undecodable.saturating_add(*undecodable);
        let room = MOST_SIGHTINGS.saturating_sub(self.heard.sightings.len());
        self.heard.sightings.extend(sightings.iter().take(room).cloned());
        let beyond = sightings.iter().skip(room).map(|Sighting { group, .. }| group.reports);
        self.heard.lost = beyond.fold(self.heard.lost, u64::saturating_add);
    }
}

impl History {
    /// As [`History::open`]; but where only the disk or its mount is in the way, which may pass, the
    /// history is kept in memory until it has. [`History::stats`] says so, and why.
    ///
    /// # Errors
    /// If another agent uses the directory, the file is of a newer version or of another program,
    /// or its place can never hold one.
    pub fn open_or_remember(dir: &Path, now: &Stamp) -> Result<Self, StorageError> {
        Self::open_or_remember_as(dir, now, Whose::Any)
    }

    pub(crate) fn open_or_remember_as(
        dir: &Path,
        now: &Stamp,
        whose: Whose,
    ) -> Result<Self, StorageError> {
        match Self::open_as(dir, now, whose) {
            Err(error) if error.may_pass() => {
                let path = files::database_path(dir);
                let mut conn = Connection::open_in_memory()
                    .map_err(database("keep a history in memory instead of", &path))?;
                SCHEMA
                    .create(&mut conn, now.wall_ms, None)
                    .map_err(database("keep a history in memory instead of", &path))?;
                let mut history = Self::with(conn, None, path, None, now)?;
                history.away = Some(Away::Since(Box::default()));
                history.note_trouble(now, &error);
                Ok(history)
            }
            other => other,
        }
    }

    /// Whether what happens is in memory only.
    pub fn is_away(&self) -> bool {
        self.away.is_some()
    }

    /// Looks whether the file is where it belongs, and if not, whether it can be again. Before
    /// anything else in a pass, so that the pass is taken into the state that goes on.
    pub(crate) fn look_after_file(&mut self, at: &Stamp) -> Result<(), StorageError> {
        if self.away.is_none() {
            if files::is_in_place(&self.path, self.place) {
                self.vanished = None;
                return Ok(());
            }
            self.leave_vanished()?;
        }
        let Some(away) = &mut self.away else { return Ok(()) };
        let kept = match away {
            Away::Whole => None,
            Away::Since(kept) => Some(std::mem::take(kept)),
        };
        let dir = self.path.parent().map(Path::to_owned).unwrap_or_default();
        match (Self::open_as(&dir, at, Whose::Any), kept) {
            (Ok(home), None) => self.move_whole(home, at),
            (Ok(home), Some(kept)) => {
                self.move_since(home, &kept, at);
                Ok(())
            }
            (Err(error), kept) => {
                if let Some(kept) = kept {
                    self.away = Some(Away::Since(kept));
                }
                self.note_trouble(at, &error);
                Err(error)
            }
        }
    }

    /// The directory or the file in it is gone, or another one is in its place. The open file can
    /// still be read, wherever it is: it is copied to where it belongs. If another file is there,
    /// that one is gone on with, from what it holds.
    fn leave_vanished(&mut self) -> Result<(), StorageError> {
        let is_taken = files::place(&self.path).is_some();
        self.settle_log(is_taken);
        let copied = if is_taken { Ok(()) } else { self.copy_home() };
        let what = match copied {
            Ok(()) if is_taken => {
                "another file took the place of the history; what it holds is gone on with"
            }
            Ok(()) => "the history was gone from its place; a copy of it was put there",
            // There is no place for it yet, and until there is it goes on in the file that has no
            // name any more.
            Err(error)
                if matches!(error, StorageError::Directory { .. })
                    || load::state(&self.conn).is_ok() =>
            {
                let why = crate::error::chain(&error);
                self.vanished = Some(format!("the history is gone from its place; {why}"));
                return Err(error);
            }
            Err(_) => {
                "the history was gone from its place and could not be read any more; it was begun \
                 anew from what was in memory"
            }
        };
        self.vanished = None;
        self.tell = Some(("vanished", what.to_owned()));
        self.away = Some(if is_taken { Away::Since(Box::default()) } else { Away::Whole });
        self.close();
        Ok(())
    }

    /// Sees to it that the log of the open file is not taken for one of the file that takes its place,
    /// where both have one directory: what is in it goes into the open file, wherever that is.
    fn settle_log(&self, is_taken: bool) {
        let is_settled = self
            .conn
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0))
            .is_ok_and(|busy| busy == 0);
        // Whose log lies beside a file that somebody put there cannot be told.
        if !is_settled && !is_taken {
            for suffix in ["-wal", "-shm"] {
                let log = files::beside(&self.path, suffix);
                // If it is not there, all is well.
                let _ = std::fs::rename(&log, files::free_name(&log, ".left"));
            }
        }
    }

    /// A copy of the open file where it belongs: under another name first, so that a kill leaves
    /// no part of one.
    fn copy_home(&self) -> Result<(), StorageError> {
        let dir = self.path.parent().unwrap_or(Path::new("/"));
        files::create_directory(dir)?;
        let part = files::free_name(&self.path, ".part");
        let unusable = |source| StorageError::Directory { path: dir.to_owned(), source };
        let copied = crate::schema::copy(&self.conn, &part)
            .map_err(|source| StorageError::Backup { path: part.clone(), source })
            .and_then(|()| std::fs::rename(&part, &self.path).map_err(unusable));
        if copied.is_err() {
            // Half a copy, of ours and of no use. Should that fail too, the next has another name.
            files::discard(&part);
        }
        copied
    }

    /// Lets go of the file and its lock.
    pub(crate) fn close(&mut self) {
        // Its log is not written into a file that is damaged, or that nobody finds any more.
        let _ = self.conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
        if let Ok(memory) = Connection::open_in_memory() {
            self.conn = memory;
        }
        self.lock = None;
    }

    /// The file turned out to be damaged while it was used: as at a start, it is moved aside and
    /// what it holds is salvaged; the state in memory is whole.
    pub(crate) fn leave_damaged(&mut self, at: &Stamp) -> Result<(), StorageError> {
        self.away = Some(Away::Whole);
        self.close();
        self.look_after_file(at)
    }

    /// Goes on in `home` with the state in memory, and writes all of it there.
    fn move_whole(&mut self, home: Self, at: &Stamp) -> Result<(), StorageError> {
        let there: BTreeSet<String> =
            query::boot_ids(&home.conn).map_err(database("read the history", &self.path))?;
        let state = &mut self.state;
        state.exposures.clone_from(&home.state.exposures);
        for row in &self.pending.exposures {
            let ExposureRow { id, cve, fix_version, .. } = row;
            let (id, fix_version) = (*id, fix_version.clone());
            let waiting = Exposure { id, fix_version, mitigated_by: None };
            state.exposures.entry(*cve).or_insert(waiting);
        }
        state.next_exposure = state.next_exposure.max(home.state.next_exposure);
        state.next_run = state.next_run.max(home.state.next_run);
        state.next_snapshot = state.next_snapshot.max(home.state.next_snapshot);
        let pending = &mut self.pending;
        let is_known = |id: i64| {
            home.state.exposures.values().any(|known| known.id == id)
                || pending.exposures.iter().any(|row| row.id == id)
        };
        pending.exposure_turns.retain(|turn| is_known(turn.exposure));
        event_rows::raise_totals(&home.conn, &written_totals(state, pending))
            .map_err(database("write the history", &self.path))?;
        let all = everything(state, &home.state, &there, at);
        state.next_snapshot = state.next_snapshot.saturating_add(1);
        self.pending.merge(all);
        self.settle_in(home, at);
        Ok(())
    }

    /// Goes on in `home` with what it holds, on top of which the passes that were kept are taken in.
    fn move_since(&mut self, mut home: Self, kept: &Kept, at: &Stamp) {
        let Kept { passes, last, heard, listening, restarts: _ } = kept;
        if let Some(run) = self.state.run.take() {
            let began = if passes.is_empty() && last.is_none() { at } else { &run.row.started };
            let changes = plan::begin(
                &mut home.state,
                began,
                &run.row.version,
                run.row.interval,
                run.settings,
            );
            home.take(changes);
        }
        let heard = without_told(heard, &home, at);
        let all: Vec<&Snapshot> = passes.iter().chain(last).collect();
        for (number, snapshot) in all.iter().enumerate() {
            let heard = Heard {
                sightings: &heard,
                listening: *listening,
                // Told again by the pass that follows.
                how: None,
            };
            let heard = if number + 1 == all.len() { heard } else { Heard::NOTHING };
            if let Some(pass) = plan::pass(&mut home.state, snapshot, heard) {
                home.take(pass.changes);
            }
        }
        // Pages that only memory knows; their boot is the one that runs.
        let mut pages = Changes::default();
        for (address, page) in &self.state.bad_pages {
            if !home.state.bad_pages.contains_key(address) {
                home.state.bad_pages.insert(*address, page.clone());
                pages.bad_pages.insert(*address, page.clone());
            }
        }
        let memory = std::mem::take(&mut self.state.alerts);
        pages.alerts = home.state.alerts.come_home(memory, at.wall_ms);
        pages.alerts.turns = std::mem::take(&mut self.pending.alerts.turns);
        let turns = pages.alerts.turns.iter().filter(|turn| !turn.what.is_of_ack());
        pages.ledger = turns.map(|turn| ledger::alert(at, turn)).collect();
        home.take(pages);
        self.state = home.state.clone();
        self.pending = std::mem::take(&mut home.pending);
        self.settle_in(home, at);
    }

    fn settle_in(&mut self, home: Self, at: &Stamp) {
        let Self { conn, lock, place, ledger, keeping, replaced, salvaged, pending, .. } = home;
        self.keeping.go_on_with(keeping);
        // What the new file's ledger has to say of itself.
        self.pending.ledger.extend(pending.ledger);
        (self.conn, self.lock, self.place, self.ledger) = (conn, lock, place, ledger);
        (self.replaced, self.salvaged) = (replaced.or(self.replaced.take()), salvaged);
        self.away = None;
        self.pending.urgent = true;
        if let Some((what, detail)) = &self.tell {
            self.pending.ledger.push(ledger::history(at, what, detail));
        }
    }

    /// Writes what there is to tell of the file itself.
    pub(crate) fn write_tell(
        tx: &rusqlite::Transaction<'_>,
        tell: Option<&(&'static str, String)>,
        at: &Stamp,
    ) -> rusqlite::Result<()> {
        match tell {
            Some((kind, detail)) => write::incident(tx, at.wall_ms, kind, detail),
            None => Ok(()),
        }
    }

    /// A history in an open file.
    pub(crate) fn of(writer: Writer, now: &Stamp) -> Result<Self, StorageError> {
        let Writer { conn, lock, path, state } = writer;
        Self::with(conn, Some(lock), path, state, now)
    }

    /// A history in an open database, of which the state may have been loaded already.
    fn with(
        conn: Connection,
        lock: Option<std::fs::File>,
        path: std::path::PathBuf,
        state: Option<Box<State>>,
        now: &Stamp,
    ) -> Result<Self, StorageError> {
        let mut pending = Changes::default();
        let ask = || -> rusqlite::Result<_> {
            let state = state.map_or_else(|| load::state(&conn), |state| Ok(*state))?;
            let replaced = query::replaced(&conn, now.wall_ms)?;
            let salvaged = query::salvaged(&conn, now.wall_ms)?;
            let ledger = Keeper::open(&conn, &state, now, &mut pending)?;
            Ok((state, replaced, salvaged, ledger, Keeping::load(&conn)?))
        };
        let (state, replaced, salvaged, ledger, keeping) =
            ask().map_err(database("read the history", &path))?;
        Ok(Self {
            place: files::place(&path),
            conn,
            lock,
            path,
            state,
            pending,
            ledger,
            keeping,
            replaced,
            salvaged,
            writes: 0,
            write_failures: 0,
            pages_refused: 0,
            taken_in: crate::alerts::TakenIn::default(),
            trouble: None,
            away: None,
            vanished: None,
            tell: None,
        })
    }

    /// Runs a statement in a transaction of its own, if there is a file.
    pub(crate) fn on_disk(&self) -> Result<(), StorageError> {
        if self.away.is_some() {
            return Err(StorageError::InMemory { path: self.path.clone() });
        }
        Ok(())
    }
}

/// The whole state as changes to a file that holds `there` and knows these boots.
fn everything(state: &State, there: &State, boots: &BTreeSet<String>, at: &Stamp) -> Changes {
    let State {
        boot,
        run,
        controllers,
        counters,
        witnessed,
        reports: _,
        modules,
        facts,
        // As the facts tell, from when they are written on.
        transitions: _,
        exposures: _,
        next_exposure: _,
        alerts,
        bad_pages,
        next_run: _,
        next_snapshot,
        first_event: _,
        event_rows: _,
    } = state;
    let mut changes = Changes { urgent: true, ..Changes::default() };
    // Boots that others refer to, and of which no more is known here.
    let named = counters.values().map(|counter| &counter.base.epoch.boot);
    for id in named.chain(bad_pages.values().map(|page| &page.boot)) {
        if !boots.contains(id.as_str()) {
            changes.lost_boots.insert(id.clone());
        }
    }
    changes.boots.extend(boot.iter().map(|boot| (boot.id().clone(), boot.clone())));
    if let Some(run) = run {
        changes.runs.insert(run.row.id, run.row.clone());
        changes.stretches.extend(run.stretch.map(|stretch| ((run.row.id, stretch.from), stretch)));
        let mut entry = Entry::new(*next_snapshot, run.row.id, at.clone());
        let is_new = |key| there.facts.get(key) != facts.get(key);
        entry.facts = facts
            .iter()
            .filter(|(key, _)| is_new(*key))
            .map(|(key, fact)| {
                let reason = match fact.known {
                    Known::NonValue(_) => Some("as it was before the history was begun anew"),
                    Known::Value(_) | Known::Gone => None,
                };
                (key.clone(), (fact.clone(), reason.map(str::to_owned)))
            })
            .collect();
        if !entry.is_empty() {
            changes.entries.push(entry);
        }
    }
    changes.controllers = controllers.iter().map(|c| (c.key.clone(), c.clone())).collect();
    changes.counters.clone_from(counters);
    changes.witnessed.clone_from(witnessed);
    changes.modules.clone_from(modules);
    changes.bad_pages.clone_from(bad_pages);
    changes.alerts = alerts.everything(&there.alerts, at.wall_ms);
    changes
}

/// The sums of reports without those that wait to be written, which will be added to them.
fn written_totals(
    state: &State,
    pending: &Changes,
) -> BTreeMap<(Witness, EventClass), ReportTotal> {
    let mut totals = state.reports.totals.clone();
    for EventRow { group, counted, .. } in &pending.events {
        if let Some(total) = totals.get_mut(&(group.witness, group.class)) {
            total.reports = total.reports.saturating_sub(group.reports);
            total.errors = total.errors.saturating_sub(group.errors);
            total.counted = total.counted.saturating_sub(*counted);
        }
    }
    totals.retain(|_, total| total.reports > 0);
    totals
}

/// Reports without those from the kernel log that the file has already: while it could not be asked,
/// the log was read from its beginning.
fn without_told(heard: &Sightings, home: &History, at: &Stamp) -> Sightings {
    let until = home.log_reports_until(at);
    let is_told = |sighting: &Sighting| {
        let group = &sighting.group;
        group.witness.as_str().starts_with("log_")
            && until.is_some_and(|until| group.first <= until)
    };
    let mut left = heard.clone();
    left.sightings.retain(|sighting| !is_told(sighting));
    left
}
