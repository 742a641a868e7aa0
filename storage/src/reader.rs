//! Readers: commands that look at the history, beside a running agent or without one.

use crate::boot_imports::Evidence;
use crate::error::database;
use crate::schema::SCHEMA;
use crate::traces::Sticks;
use crate::{
    LedgerLine, StorageError, alerts, boot_imports, error_imports, event_rows, exposure_rows,
    ledger, load, module_events, module_rows, open, page_requests, page_rows, query, sums, tiers,
    traces,
};
use rusqlite::Connection;
use scrubjay_model::{
    Accumulated, AlertBook, AlertTurn, BadPage, BootFact, BootRecord, ClockStepRecord, CounterSum,
    CoverageDay, CoverageRecord, EndedAck, EventPattern, EventRecord, EventsStatus, ExposureRecord,
    FactRecord, FoldedRows, HistorySummary, ImportedBoot, ImportedErrors, LedgerHead, LedgerReport,
    LossRecord, MemoryRecord, MemoryTraces, ModuleKey, ModuleRecord, ModuleTurn, PageRequest,
    ReportedSource, RunRecord, Snapshot, Stamp,
};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The history of this host, open for reading only. It needs no lock and never holds up the
/// agent.
#[derive(Debug)]
pub struct HistoryReader {
    conn: Connection,
    path: PathBuf,
}

impl HistoryReader {
    /// Opens the history in the state directory `dir`; `None` if there is none yet.
    ///
    /// # Errors
    /// If this user may not read it, or it is of another version or another program, or damaged.
    pub fn open(dir: &Path) -> Result<Option<Self>, StorageError> {
        Ok(open::for_reading(dir, &SCHEMA)?.map(|(conn, path)| Self { conn, path }))
    }

    /// The sums with this snapshot, as the agent would state them; nothing is written.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn accumulate(&self, snapshot: &Snapshot) -> Result<Accumulated, StorageError> {
        self.ask(load::state).map(|state| query::accumulate(state, snapshot))
    }

    /// The history in figures, as of `at`. Coverage is stated as far as it is written, which the
    /// agent does at least every ten minutes.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn summary(&self, at: &Stamp) -> Result<HistorySummary, StorageError> {
        self.ask(|conn| query::summary(conn, &self.path, at, None))
    }

    /// How an agent that runs now hears of errors, by what it wrote last; `None` if none runs, or
    /// none has written for longer than one that runs may.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn hearing(&self, at: &Stamp) -> Result<Option<EventsStatus>, StorageError> {
        self.ask(|conn| query::hearing(conn, at))
    }

    /// Where a corrupt history was moved to when this one was begun, if that was lately.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn replaced(&self, at: &Stamp) -> Result<Option<String>, StorageError> {
        self.ask(|conn| query::replaced(conn, at.wall_ms))
    }

    /// What was salvaged of it.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn salvaged(&self, at: &Stamp) -> Result<Option<String>, StorageError> {
        self.ask(|conn| query::salvaged(conn, at.wall_ms))
    }

    /// All boots, in the order in which they were first seen.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn boots(&self) -> Result<Vec<BootRecord>, StorageError> {
        self.ask(query::boots)
    }

    /// Boots that other tools remember, as they were taken in, in the order of their beginnings.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn imported_boots(&self) -> Result<Vec<ImportedBoot>, StorageError> {
        self.ask(|conn| boot_imports::all(conn, Evidence::Told))
    }

    /// The same without what their ends rest on, for sums.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn imported_boot_times(&self) -> Result<Vec<ImportedBoot>, StorageError> {
        self.ask(|conn| boot_imports::all(conn, Evidence::LeftOut))
    }

    /// Errors that other tools recorded, as they were taken in: those without a time first, then in
    /// order of time.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn imported_errors(&self) -> Result<Vec<ImportedErrors>, StorageError> {
        self.ask(error_imports::all)
    }

    /// The changes of facts that tell why boots ended, in the order in which they were seen.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn boot_facts(&self) -> Result<Vec<BootFact>, StorageError> {
        self.ask(boot_imports::witnesses)
    }

    /// The book of alerts as it was written last.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn alert_book(&self) -> Result<AlertBook, StorageError> {
        self.ask(|conn| alerts::load(conn).map(|state| state.book))
    }

    /// What became of alerts from one moment until before another, in order.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn alert_turns(&self, from: i64, until: i64) -> Result<Vec<AlertTurn>, StorageError> {
        self.ask(|conn| alerts::turns(conn, from, until))
    }

    /// Acknowledgements that ended, oldest first.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn ended_acks(&self) -> Result<Vec<EndedAck>, StorageError> {
        self.ask(alerts::acks)
    }

    /// All runs of the agent, in order.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn runs(&self) -> Result<Vec<RunRecord>, StorageError> {
        self.ask(query::runs)
    }

    /// All stretches of coverage, in order.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn coverage(&self) -> Result<Vec<CoverageRecord>, StorageError> {
        self.ask(query::coverage)
    }

    /// All steps of the wall clock, in order.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn clock_steps(&self) -> Result<Vec<ClockStepRecord>, StorageError> {
        self.ask(query::clock_steps)
    }

    /// How each source had fared last before a moment, by name, as far as that is kept.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn source_states(&self, until_wall_ms: i64) -> Result<Vec<ReportedSource>, StorageError> {
        self.ask(|conn| query::source_states(conn, until_wall_ms))
    }

    /// The changes of facts whose names begin with one of those given, in the order in which they
    /// were seen.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn facts(&self, beginnings: &[&str]) -> Result<Vec<FactRecord>, StorageError> {
        self.ask(|conn| query::facts(conn, beginnings))
    }

    /// Every vulnerability that was ever owed, with what became of it.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn exposures(&self) -> Result<Vec<ExposureRecord>, StorageError> {
        self.ask(exposure_rows::all)
    }

    /// The changes of error counters that are kept one by one and were seen at or after a moment of
    /// the wall clock, in the order in which they were seen; all of them if none is given.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn memory(&self, since_wall_ms: Option<i64>) -> Result<Vec<MemoryRecord>, StorageError> {
        let since = since_wall_ms.unwrap_or(i64::MIN);
        self.ask(|conn| query::memory(conn, since, i64::MAX, u32::MAX))
    }

    /// The same between two moments, the second excluded; the last `most` of them.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn memory_between(
        &self,
        from_wall_ms: i64,
        until_wall_ms: i64,
        most: u32,
    ) -> Result<Vec<MemoryRecord>, StorageError> {
        self.ask(|conn| query::memory(conn, from_wall_ms, until_wall_ms, most))
    }

    /// The changes of error counters between two moments, however they are kept: one by one, or as
    /// sums of an hour or a day that overlap that time.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn counter_sums(
        &self,
        from_wall_ms: i64,
        until_wall_ms: i64,
    ) -> Result<Vec<CounterSum>, StorageError> {
        self.ask(|conn| sums::counters(conn, from_wall_ms, until_wall_ms))
    }

    /// Coverage of days whose stretches were too many to be kept one by one, in order. It belongs to
    /// what [`HistoryReader::coverage`] tells, and is over before that begins.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn coverage_days(&self) -> Result<Vec<CoverageDay>, StorageError> {
        self.ask(sums::coverage_days)
    }

    /// How many bytes of the file each table and index takes, the largest first, with the rows of
    /// tables. It looks at every page.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn sizes(&self) -> Result<Vec<(String, u64, Option<u64>)>, StorageError> {
        self.ask(sums::sizes)
    }

    /// What became sums of an hour or a day, and from when on nothing did.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn folded(&self) -> Result<FoldedRows, StorageError> {
        self.ask(tiers::folded)
    }

    /// Reports of errors that the history took in after the one with the id `after` and that were
    /// made at or after a moment of the wall clock; of these the last `limit`, in order.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn events(
        &self,
        after: i64,
        since_wall_ms: Option<i64>,
        limit: u32,
    ) -> Result<Vec<EventRecord>, StorageError> {
        self.ask(|conn| event_rows::records(conn, after, since_wall_ms, limit))
    }

    /// Reports that were lost at or after a moment of the wall clock, in order.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn losses(&self, since_wall_ms: Option<i64>) -> Result<Vec<LossRecord>, StorageError> {
        self.ask(|conn| event_rows::losses(conn, since_wall_ms))
    }

    /// The registry of bad pages, in the order of their addresses, as it was last written.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn bad_pages(&self) -> Result<Vec<BadPage>, StorageError> {
        self.ask(page_rows::all)
    }

    /// Reports of what became of pages, in the order in which they were taken in; the last 65,536.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn page_reports(&self) -> Result<Vec<EventRecord>, StorageError> {
        self.ask(event_rows::of_pages)
    }

    /// All requests to take a page out of use, in order.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn page_requests(&self) -> Result<Vec<PageRequest>, StorageError> {
        self.ask(page_requests::all)
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
        self.ask(|conn| query::unclean_ends(conn, within, back))
    }

    /// All sticks of memory ever seen, as they were last written.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn modules(&self) -> Result<Vec<ModuleRecord>, StorageError> {
        self.ask(|conn| Ok(module_rows::load(conn)?.into_values().collect()))
    }

    /// The last `limit` reports of errors at the places of a stick while it was there, in the order
    /// in which they were taken in.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn events_of(
        &self,
        module: &ModuleKey,
        limit: u32,
    ) -> Result<Vec<EventRecord>, StorageError> {
        self.ask(|conn| module_events::records(conn, module, limit))
    }

    /// What the latest of these reports have in common.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn event_pattern(&self, module: &ModuleKey) -> Result<EventPattern, StorageError> {
        self.ask(|conn| module_events::pattern(conn, module))
    }

    /// The turns in the lives of all sticks of memory, in the order in which they were seen.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn module_turns(&self) -> Result<Vec<ModuleTurn>, StorageError> {
        self.ask(module_rows::turns)
    }

    /// What is known of the errors of the sticks that are in the host, from a moment on.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn memory_traces(&self, from_wall_ms: i64) -> Result<MemoryTraces, StorageError> {
        self.ask(|conn| {
            traces::of_modules(conn, from_wall_ms, traces::Most::JUDGED, Sticks::Present)
        })
    }

    /// The same of all sticks that ever were in the host, from the beginning of the history; of each
    /// the last million groups of reports.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn all_memory_traces(&self) -> Result<MemoryTraces, StorageError> {
        self.ask(|conn| traces::of_modules(conn, 0, traces::Most::REPLAYED, Sticks::All))
    }

    /// The changes of the counters of all sticks that ever were in the host, from a moment on, with no
    /// more reports than one each.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn stick_changes(&self, from_wall_ms: i64) -> Result<MemoryTraces, StorageError> {
        self.ask(|conn| traces::of_modules(conn, from_wall_ms, traces::Most::FEWEST, Sticks::All))
    }

    /// The same of one stick, wherever it is, with as many reports as a verdict rests on.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn stick_trace(
        &self,
        module: &ModuleKey,
        from_wall_ms: i64,
    ) -> Result<MemoryTraces, StorageError> {
        let one = Sticks::One(module);
        self.ask(|conn| traces::of_modules(conn, from_wall_ms, traces::Most::JUDGED, one))
    }

    /// Looks at every row of the ledger. `held` are copies of rows that others hold.
    ///
    /// # Errors
    /// If the database cannot be read; what is wrong with the ledger is no error.
    pub fn verify_ledger(&self, held: &[LedgerHead]) -> Result<LedgerReport, StorageError> {
        self.ask(|conn| ledger::rows::verify(conn, held))
    }

    /// The first and the last of the rows of the ledger that were written between two moments of the wall
    /// clock, both included, but for those that tell of reports.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn ledger_between(
        &self,
        from_wall_ms: i64,
        until_wall_ms: i64,
    ) -> Result<(Option<LedgerHead>, Option<LedgerHead>), StorageError> {
        self.ask(|conn| ledger::rows::ends(conn, from_wall_ms, until_wall_ms))
    }

    /// Gives each row of the ledger from the first that was written at or after a moment of the wall
    /// clock; returns how many there were. Stops at what `give` fails with.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn export_ledger<E>(
        &self,
        since_wall_ms: Option<i64>,
        give: impl FnMut(LedgerLine<'_>) -> Result<(), E>,
    ) -> Result<Result<u64, E>, StorageError> {
        self.ask(|conn| ledger::rows::export(conn, since_wall_ms, give))
    }

    /// Gives the rows of the ledger with these numbers; returns how many there were. Stops at what `give`
    /// fails with.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn export_ledger_rows<E>(
        &self,
        seqs: RangeInclusive<u64>,
        give: impl FnMut(LedgerLine<'_>) -> Result<(), E>,
    ) -> Result<Result<u64, E>, StorageError> {
        self.ask(|conn| ledger::rows::export_rows(conn, seqs, give))
    }

    /// Asks within one transaction, so that an answer made of several queries is of one moment.
    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn ask<T>(
        &self,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StorageError> {
        let answer = || {
            let tx = self.conn.unchecked_transaction()?;
            let answer = question(&tx)?;
            tx.finish()?;
            Ok(answer)
        };
        answer().map_err(database("read the history", &self.path))
    }
}
