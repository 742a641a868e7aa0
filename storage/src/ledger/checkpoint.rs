//! Checkpoints: the sums of the history, bound into the ledger once a day, so that no sum can be
//! lowered later without contradicting a row of which others hold the hash.

use super::chain::digest;
use super::fact::{Fact, Kind};
use super::rows;
use super::value::{Object, Value};
use crate::state::State;
use rusqlite::Connection;
use scrubjay_model::Stamp;
use std::collections::BTreeMap;

const DAY_MS: u64 = 86_400_000;

/// Sums by name, those that are zero left out.
pub(super) type Sums = BTreeMap<String, u64>;

/// When the last one was made and what it told.
#[derive(Debug)]
pub(super) struct Checkpoints {
    last_wall_ms: Option<i64>,
    /// The last one of this process.
    last: Option<Stamp>,
    told: Sums,
}

impl Checkpoints {
    pub(super) fn load(conn: &Connection) -> rusqlite::Result<Self> {
        let last_wall_ms = rows::last_checkpoint(conn)?;
        Ok(Self { last_wall_ms, last: None, told: Sums::new() })
    }

    /// One a day: by the boot clock where that tells, as the wall clock may be set to and fro.
    pub(super) fn is_due(&self, at: &Stamp) -> bool {
        let by_boot = self.last.as_ref().and_then(|last| at.since(last));
        match (by_boot, self.last_wall_ms) {
            (Some(passed), _) => passed.as_millis() >= u128::from(DAY_MS),
            (None, Some(wall_ms)) => at.wall_ms.abs_diff(wall_ms) >= DAY_MS,
            (None, None) => true,
        }
    }

    /// The sums: those that differ from the last checkpoint of this process one by one, all of them
    /// by a hash, so that a quiet day costs little.
    pub(super) fn fact(&self, state: &State, boots: i64, at: &Stamp) -> rusqlite::Result<Fact> {
        let (counters, modules) = (counters(state), modules(state));
        let all = [&counters, &modules].into_iter().flatten();
        let all: Vec<Value> = all.map(|(name, sum)| entry(name, *sum)).collect();
        let all = Value::List(all)
            .canonical()
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        let new = |sums: &Sums| -> Vec<Value> {
            let is_new = |(name, sum): &(&String, &u64)| self.told.get(*name) != Some(*sum);
            sums.iter().filter(is_new).map(|(name, sum)| entry(name, *sum)).collect()
        };
        let reports = state.reports.totals.iter().map(|((witness, class), total)| {
            Value::Object(Object::from([
                ("witness", witness.as_str().into()),
                ("class", class.as_str().into()),
                ("reports", total.reports.into()),
                ("errors", total.errors.into()),
            ]))
        });
        Ok(Fact::new(
            at,
            Kind::Checkpoint,
            [
                ("counters", new(&counters).into()),
                ("dimms", new(&modules).into()),
                ("sums_sha256", digest(all.as_bytes()).to_string().into()),
                ("series", state.counters.len().into()),
                ("dimms_known", state.modules.len().into()),
                ("bad_pages", state.bad_pages.len().into()),
                ("reports", Value::List(reports.collect())),
                ("reports_lost", state.reports.lost.into()),
                ("boots", boots.into()),
                ("runs", state.next_run.saturating_sub(1).into()),
            ],
        ))
    }

    pub(super) fn made(&mut self, state: &State, at: &Stamp) {
        self.last_wall_ms = Some(at.wall_ms);
        self.last = Some(at.clone());
        self.told = sums(state);
    }
}

/// All sums that checkpoints tell.
pub(super) fn sums(state: &State) -> Sums {
    let mut sums = counters(state);
    sums.extend(modules(state));
    sums
}

fn entry(name: &str, sum: u64) -> Value {
    Value::Object(Object::from([("of", name.into()), ("sum", sum.into())]))
}

fn counters(state: &State) -> Sums {
    let sums = state.counters.iter().map(|(key, counter)| (key.to_string(), counter.total));
    sums.filter(|(_, sum)| *sum > 0).collect()
}

fn modules(state: &State) -> Sums {
    let sums = state.modules.values().flat_map(|module| {
        let name = |class: &str| format!("{} {class}", module.key.as_str());
        [(name("correctable"), module.correctable), (name("uncorrectable"), module.uncorrectable)]
    });
    sums.filter(|(_, sum)| *sum > 0).collect()
}
