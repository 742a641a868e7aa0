//! What the writer knows of the ledger between two transactions.

use super::fact::{Fact, Kind};
use super::pace::Bucket;
use super::{checkpoint, produce, rows};
use crate::changes::Changes;
use crate::error::DatabaseFault;
use crate::state::State;
use rusqlite::{Connection, Transaction};
use scrubjay_model::{LedgerHead, LedgerReport, LedgerState, Stamp};
use std::collections::BTreeMap;
use std::time::Duration;

/// Facts that may wait in memory while nothing can be written; some 2 MiB.
const MAX_WAITING: usize = 4_096;

/// The last row, and what is to come.
#[derive(Debug)]
pub(crate) struct Keeper {
    head: Option<LedgerHead>,
    routine: Bucket,
    left_out: LeftOut,
    checkpoints: checkpoint::Checkpoints,
    /// The head at a checkpoint that nobody was told of yet.
    news: Option<LedgerHead>,
    /// What was found when all of it was looked at last.
    state: LedgerState,
}

/// Facts that were left out, by kind.
#[derive(Debug, Default)]
struct LeftOut {
    kinds: BTreeMap<Kind, u64>,
    first_wall_ms: i64,
    last_wall_ms: i64,
}

/// What a transaction adds to the facts that wait.
#[derive(Debug)]
pub(crate) struct Due {
    facts: Vec<Fact>,
    has_checkpoint: bool,
    tells_left_out: bool,
    /// Becomes the head once the transaction is committed.
    head: Option<LedgerHead>,
}

impl Keeper {
    /// Takes up the ledger where it ends, and looks at all of it, beside the state as it was loaded. What
    /// is wrong with it is a fact that follows it, once.
    pub(crate) fn open(
        conn: &Connection,
        loaded: &State,
        at: &Stamp,
        pending: &mut Changes,
    ) -> rusqlite::Result<Self> {
        let last = rows::last(conn)?;
        let state = match last {
            Some(_) => looked_at(rows::verify_by(conn, &[], loaded))?,
            None => LedgerState::Altered { because: "it has no row, and begins again".to_owned() },
        };
        if let LedgerState::Altered { because } = &state {
            let what = if last.is_none() { "ledger_emptied" } else { "ledger_altered" };
            if !rows::tells(conn, because)? {
                pending.ledger.push(produce::history(at, what, because));
            }
        }
        Ok(Self {
            head: last.map(|(head, _)| head),
            // More than any host has in a day on which it is well.
            routine: Bucket::new(512, Duration::from_secs(180)),
            left_out: LeftOut::default(),
            checkpoints: checkpoint::Checkpoints::load(conn)?,
            news: None,
            state,
        })
    }

    /// The last row.
    pub(crate) fn head(&self) -> Option<LedgerHead> {
        self.head
    }

    /// What was found when all of it was looked at last; while there is no file, nothing is known of
    /// the one that will be.
    pub(crate) fn state(&self, is_away: bool) -> LedgerState {
        if !is_away {
            return self.state.clone();
        }
        LedgerState::NotChecked { because: "there is no file at present".to_owned() }
    }

    /// The head as of a checkpoint made since this was last asked.
    pub(crate) fn news(&mut self) -> Option<LedgerHead> {
        self.news.take()
    }

    /// Takes in changes, and bounds the facts among them.
    pub(crate) fn take(&mut self, mut changes: Changes, pending: &mut Changes) {
        let (routine, left_out) = (&mut self.routine, &mut self.left_out);
        changes.ledger.retain(|fact| {
            let is_told = !fact.kind.is_routine() || routine.take(fact.at.since_boot);
            if !is_told {
                left_out.add(fact);
            }
            is_told
        });
        pending.merge(changes);
        let mut excess = pending.ledger.len().saturating_sub(MAX_WAITING);
        pending.ledger.retain(|fact| {
            let is_told = excess == 0 || !fact.kind.is_routine();
            if !is_told {
                left_out.add(fact);
                excess -= 1;
            }
            is_told
        });
    }

    /// Appends facts in a transaction of their own, beside those that wait. Whoever calls commits,
    /// then says so by [`Keeper::appended`].
    pub(crate) fn append<'f>(
        &self,
        tx: &Transaction<'_>,
        facts: impl IntoIterator<Item = &'f Fact>,
    ) -> rusqlite::Result<Option<LedgerHead>> {
        rows::append(tx, self.head, facts)
    }

    /// What was appended is committed, up to this head.
    pub(crate) fn appended(&mut self, head: Option<LedgerHead>) {
        self.head = head;
    }

    /// After a transaction failed: if it was because somebody else has put rows into the ledger, it
    /// goes on after those, and says so.
    pub(crate) fn look_again(&mut self, conn: &Connection, at: &Stamp, pending: &mut Changes) {
        let Ok(head) = rows::head(conn) else { return };
        if head != self.head {
            let told = |head: Option<LedgerHead>| head.map_or(0, |head| head.seq);
            let detail = format!(
                "the last row was {} and is {}, which this agent did not write",
                told(self.head),
                told(head)
            );
            pending.ledger.push(produce::history(at, "ledger_changed", &detail));
            self.head = head;
            self.state = LedgerState::Altered { because: detail };
        }
    }

    /// Writes the facts that wait, and what is due with them, in the transaction that writes all
    /// other changes too: a checkpoint is of sums that are there. Whoever calls commits, then says
    /// so by [`Keeper::written`].
    pub(crate) fn write(
        &mut self,
        tx: &Transaction<'_>,
        waiting: &[Fact],
        more: Option<Fact>,
        state: &State,
        at: &Stamp,
    ) -> rusqlite::Result<Due> {
        let at = &state.placed(at);
        let mut facts = Vec::from_iter(more);
        // At the end of a run nothing is kept back.
        let tells_left_out = !self.left_out.kinds.is_empty()
            && (state.run.is_none() || self.routine.take(at.since_boot));
        if tells_left_out {
            facts.push(self.left_out.fact(at));
        }
        // Before the first pass the counters of a new history are not in it.
        let has_looked = state.run.as_ref().is_some_and(|run| run.stretch.is_some());
        let has_checkpoint = has_looked && self.checkpoints.is_due(at);
        if has_checkpoint {
            facts.push(self.checkpoints.fact(state, rows::boots(tx)?, at)?);
        }
        let head = rows::append(tx, self.head, waiting.iter().chain(&facts))?;
        Ok(Due { facts, has_checkpoint, tells_left_out, head })
    }

    /// What was written is committed. With each checkpoint all of it is looked at again.
    pub(crate) fn written(&mut self, due: &Due, state: &State, conn: &Connection) {
        let Due { facts, has_checkpoint, tells_left_out, head } = due;
        self.head = *head;
        if *tells_left_out {
            self.left_out = LeftOut::default();
        }
        if *has_checkpoint && let Some(fact) = facts.last() {
            self.checkpoints.made(state, &fact.at);
            self.news = *head;
            self.state = looked_at(rows::verify(conn, &[])).unwrap_or_else(not_checked);
        }
    }
}

/// What all of the ledger is found to be. Damage of the file is for whoever opened it.
fn looked_at(found: rusqlite::Result<LedgerReport>) -> rusqlite::Result<LedgerState> {
    match found {
        Ok(report) => Ok(LedgerState::from(&report)),
        Err(error) if DatabaseFault::of(&error) == DatabaseFault::Corrupt => Err(error),
        Err(error) => Ok(not_checked(error)),
    }
}

fn not_checked(error: rusqlite::Error) -> LedgerState {
    LedgerState::NotChecked { because: error.to_string() }
}

impl LeftOut {
    fn add(&mut self, fact: &Fact) {
        let wall_ms = fact.at.wall_ms;
        if self.kinds.is_empty() {
            (self.first_wall_ms, self.last_wall_ms) = (wall_ms, wall_ms);
        }
        self.first_wall_ms = self.first_wall_ms.min(wall_ms);
        self.last_wall_ms = self.last_wall_ms.max(wall_ms);
        let facts = self.kinds.entry(fact.kind).or_default();
        *facts = facts.saturating_add(1);
    }

    fn fact(&self, at: &Stamp) -> Fact {
        let Self { kinds, first_wall_ms, last_wall_ms } = self;
        let kinds = kinds.iter().map(|(kind, facts)| (kind.as_str(), (*facts).into())).collect();
        Fact::new(
            at,
            Kind::LeftOut,
            [
                ("facts", super::value::Value::Object(kinds)),
                ("first_wall_ms", (*first_wall_ms).into()),
                ("last_wall_ms", (*last_wall_ms).into()),
            ],
        )
    }
}
