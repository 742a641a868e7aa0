//! The life of old rows: what the plan of [`crate::retention`] asks for is done here, a bite at a
//! time, and space that became free is given back.

use crate::ageing_clock::AgeingClock;
use crate::bite_size::BiteSize;
use crate::buckets::Width;
use crate::error::{DatabaseFault, database};
use crate::fold_rows::{self, Folded};
use crate::history::History;
use crate::open_evidence::{KEPT_AT_EACH_END, Open};
use crate::retention::{self, Bite, DEFAULT_MAX_BYTES, Fill, LADDER, Progress, What};
use crate::{StorageError, ledger, write};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, named_params};
use scrubjay_model::{Assessment, FoldedRows, Stamp, Verdict, share_of_stretch, span};
use std::collections::BTreeSet;
use std::time::Duration;

const DAY_MS: i64 = 86_400_000;

/// Bites that found little are followed by the next one; so many at a time.
const MOST_BITES: usize = 24;

/// Free pages that are kept for the rows to come, and those given back at a time: 1 MiB each.
const FREE_PAGES_KEPT: u64 = 256;
const FREE_PAGES_RETURNED: u32 = 256;

/// What the writer knows of old rows.
#[derive(Debug)]
pub(crate) struct Keeping {
    max_bytes: u64,
    pub(crate) progress: Progress,
    clock: AgeingClock,
    bite_size: BiteSize,
    /// The places that findings of at least *watch* stand against. `None` until something was
    /// concluded: until then nothing is taken to be closed.
    pub(crate) open: Option<BTreeSet<String>>,
    /// What was folded since the history began.
    folded: FoldedRows,
    /// What of that the ledger was told last, and on which day.
    told: (FoldedRows, Option<i64>),
}

impl Keeping {
    /// As a history that was just opened has it.
    pub(crate) fn load(conn: &Connection) -> rusqlite::Result<Self> {
        let (max_bytes, progress) = (DEFAULT_MAX_BYTES, Progress::new());
        let clock = AgeingClock::after(newest(conn)?);
        let folded = folded(conn)?;
        let told = (folded.clone(), None);
        let bite_size = BiteSize::usual();
        Ok(Self { max_bytes, progress, clock, bite_size, open: None, folded, told })
    }

    /// Another file took the place of the one that was kept, with old rows of its own.
    pub(crate) fn go_on_with(&mut self, there: Self) {
        let Self { max_bytes, bite_size, .. } = *self;
        *self = Self { max_bytes, bite_size, open: self.open.take(), ..there };
    }

    /// Takes in what was concluded.
    pub(crate) fn note(&mut self, assessment: &Assessment) {
        let stands = assessment.findings.iter().filter(|found| found.verdict >= Verdict::Watch);
        // A finding on a stick bears the name of its slot; its reports are found by its places.
        let judged = assessment.dimms.iter().filter(|dimm| dimm.verdict >= Verdict::Watch);
        let places = judged.flat_map(|dimm| dimm.counted_at.iter().cloned());
        self.open = Some(stands.map(|finding| finding.subject.clone()).chain(places).collect());
    }

    /// Bytes the file may have.
    pub(crate) fn max_bytes(&self) -> u64 {
        self.max_bytes
    }

    /// What was folded since the history began.
    pub(crate) fn folded(&self) -> &FoldedRows {
        &self.folded
    }
}

/// When anything was last seen, by the wall clock of then.
fn newest(conn: &Connection) -> rusqlite::Result<Option<i64>> {
    conn.query_row(
        "SELECT to_wall_ms FROM coverage WHERE run = (SELECT MAX(run) FROM coverage)
         ORDER BY from_since_boot_ns DESC LIMIT 1",
        [],
        |row| row.get(0),
    )
    .optional()
}

/// What was folded since the history began, by kind.
pub(crate) fn folded(conn: &Connection) -> rusqlite::Result<FoldedRows> {
    let mut folded = FoldedRows::default();
    let mut query = conn.prepare("SELECT what, rows, until_wall_ms FROM folding")?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let what: String = row.get(0)?;
        let until: i64 = row.get(2)?;
        if what == What::Changes.as_str() {
            folded.single_changes_from_wall_ms = Some(until);
        } else if what == What::ChangeHours.as_str() {
            folded.hours_from_wall_ms = Some(until.saturating_add(DAY_MS - 1) / DAY_MS * DAY_MS);
        }
        folded.rows.insert(what, crate::convert::uncount(row.get(1)?)?);
    }
    Ok(folded)
}

/// The parts of a stretch of coverage, by the day they lie in; together they are as long as it.
pub(crate) fn by_day(from_wall_ms: i64, to_wall_ms: i64, length: Duration) -> Vec<(i64, Duration)> {
    let mut parts = Vec::new();
    let mut left = length;
    let mut day = Width::Day.begin(from_wall_ms);
    loop {
        let next = day.saturating_add(DAY_MS);
        let share = share_of_stretch(from_wall_ms, to_wall_ms, length, day, next).min(left);
        left = left.saturating_sub(share);
        parts.push((day, share));
        if left.is_zero() || next <= day {
            return parts;
        }
        day = next;
    }
}

impl History {
    /// Sets how large the file may grow. What is old is folded sooner so that it stays below.
    pub fn keep_within(&mut self, max_bytes: u64) {
        self.keeping.max_bytes = max_bytes;
    }

    /// Has what is old folded in bites that take no longer than 50 ms by this clock, as far as the disk
    /// allows.
    pub fn fold_by_clock(&mut self, clock: fn() -> Duration) {
        self.keeping.bite_size = self.keeping.bite_size.by_clock(clock);
    }

    /// Leaves it to the system when what is written gets to the disk. A crash of the host may then
    /// cost the whole file: only for histories that can be made again.
    ///
    /// # Errors
    /// If the database refuses.
    pub fn write_without_sync(&mut self) -> Result<(), StorageError> {
        self.conn
            .pragma_update(None, "synchronous", "OFF")
            .map_err(database("open the history", &self.path))
    }

    /// Folds some of what is old, if anything is: so much that it takes some 20 ms where a clock tells
    /// ([`History::fold_by_clock`]), and else some hundred rows. Meant to be called after each pass, and again
    /// until the next one for as long as there may be more to do, which is returned.
    ///
    /// # Errors
    /// If it cannot be read or written; nothing is folded then.
    pub fn fold(&mut self, at: &Stamp) -> Result<bool, StorageError> {
        if self.is_away() {
            return Ok(false);
        }
        self.fold_once(at).map_err(|source| {
            let is_damaged = DatabaseFault::of(&source) == DatabaseFault::Corrupt;
            let error = database("fold what is old in the history", &self.path)(source);
            if is_damaged {
                self.replace_damaged(at, &error);
            }
            error
        })
    }

    fn fold_once(&mut self, at: &Stamp) -> rusqlite::Result<bool> {
        let now_wall_ms = self.keeping.clock.now(at.wall_ms, at.since_boot);
        self.keeping.progress.see(now_wall_ms);
        let (mut rows, began) = (0, self.keeping.bite_size.now());
        for _ in 0..MOST_BITES {
            let fill = fill(&self.conn, self.keeping.max_bytes)?;
            let (size, bite_began) = (self.keeping.bite_size.rows(), self.keeping.bite_size.now());
            let Some(bite) = retention::plan(now_wall_ms, fill, &self.keeping.progress, size)
            else {
                self.tell_ledger(at);
                return Ok(give_back(&self.conn, fill)? || rows > 0);
            };
            let folded = match self.fold_bite(&bite, fill, at) {
                Ok(folded) => folded,
                Err(error) => {
                    // What is behind it is not held up: this kind is looked at again when due.
                    self.keeping.progress.note(&bite, 0, None);
                    return Err(error);
                }
            };
            self.keeping.progress.note(&bite, folded.rows, folded.last_wall_ms);
            rows += folded.rows;
            if folded.rows > 0 {
                self.keeping.folded = self::folded(&self.conn)?;
                self.keeping.bite_size.learn(folded.rows, bite_began);
            }
            if rows >= size || self.keeping.bite_size.is_enough(began) {
                break;
            }
        }
        Ok(true)
    }

    /// Tells the ledger what was folded, once a day. It is written with the next pass.
    fn tell_ledger(&mut self, at: &Stamp) {
        let (told, day) = &self.keeping.told;
        let today = at.wall_ms.div_euclid(DAY_MS);
        if *told != self.keeping.folded && *day != Some(today) && self.state.run.is_some() {
            self.pending.ledger.push(ledger::retention(at, &self.keeping.folded));
            self.keeping.told = (self.keeping.folded.clone(), Some(today));
        }
    }

    fn fold_bite(&mut self, bite: &Bite, fill: Fill, at: &Stamp) -> rusqlite::Result<Folded> {
        let nothing_known = BTreeSet::new();
        let open = match (&self.keeping.open, bite.what) {
            (Some(open), _) => open,
            // Nothing is known to be closed, and nothing to be open.
            (None, What::Reports) => return Ok(Folded::default()),
            (None, _) => &nothing_known,
        };
        let unchecked = bite.what == What::Texts;
        if unchecked {
            self.conn.pragma_update(None, "foreign_keys", false)?;
        }
        let mut act = || {
            let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let open = Open { subjects: open, max_bytes: fill.max_bytes };
            let folded = fold_rows::fold(&tx, bite, open)?;
            if bite.step > 0 && folded.rows > 0 {
                tell(&tx, bite, fill, at.wall_ms)?;
            }
            tx.commit()?;
            Ok(folded)
        };
        let folded = act();
        if unchecked {
            self.conn.pragma_update(None, "foreign_keys", true)?;
        }
        folded
    }
}

/// How full the file is.
pub(crate) fn fill(conn: &Connection, max_bytes: u64) -> rusqlite::Result<Fill> {
    let ask = |name: &str| -> rusqlite::Result<u64> {
        conn.pragma_query_value(None, name, |row| row.get::<_, u32>(0)).map(u64::from)
    };
    let (size, pages, free) = (ask("page_size")?, ask("page_count")?, ask("freelist_count")?);
    let used_bytes = pages.saturating_sub(free).saturating_mul(size);
    Ok(Fill { used_bytes, free_bytes: free.saturating_mul(size), max_bytes })
}

/// Gives free pages back to the file system, as far as they are more than the rows to come need.
fn give_back(conn: &Connection, fill: Fill) -> rusqlite::Result<bool> {
    let size: u64 = conn.pragma_query_value(None, "page_size", |row| row.get::<_, u32>(0))?.into();
    let too_many = (fill.free_bytes.checked_div(size).unwrap_or(0)).saturating_sub(FREE_PAGES_KEPT);
    let pages = u32::try_from(too_many).unwrap_or(u32::MAX).min(FREE_PAGES_RETURNED);
    if pages == 0 {
        return Ok(false);
    }
    // Each page is a row of its own.
    let mut rows = conn.prepare(&format!("PRAGMA incremental_vacuum({pages})"))?;
    let mut rows = rows.query([])?;
    while rows.next()?.is_some() {}
    Ok(true)
}

/// Notes, once a day, that the size of the file and not age decides.
fn tell(
    tx: &rusqlite::Transaction<'_>,
    bite: &Bite,
    fill: Fill,
    now_wall_ms: i64,
) -> rusqlite::Result<()> {
    let lately: bool = tx
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM incident
                            WHERE kind = 'folded' AND wall_ms BETWEEN :since AND :now)",
        )?
        .query_row(
            named_params! { ":since": now_wall_ms.saturating_sub(DAY_MS), ":now": now_wall_ms },
            |row| row.get(0),
        )?;
    let Some(ages) = LADDER.get(bite.step).filter(|_| !lately) else { return Ok(()) };
    let mib = |bytes: u64| bytes >> 20;
    let open = ages.open.map_or_else(String::new, |age| {
        format!(
            "; of places that a finding stands against, reports older than {}, save the first and \
             the newest {KEPT_AT_EACH_END} of each, or fewer of more than 64 places",
            span(age)
        )
    });
    let detail = format!(
        "{} of the {} MiB that the history may have were in use: single changes and reports older \
         than {} become sums of an hour, and sums of an hour older than {} sums of a day{open}",
        mib(fill.used_bytes),
        mib(fill.max_bytes),
        span(ages.single),
        span(ages.hours),
    );
    write::incident(tx, now_wall_ms, "folded", &detail)
}
