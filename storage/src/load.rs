//! The state as the database holds it: what a run of the agent starts from, and what a reader
//! reckons with.

use crate::alerts;
use crate::convert::{
    boot_end, boot_id, class, duration, odd, optional_duration, optional_text, outcome, place,
    source, stamp, text, uncount,
};
use crate::event_rows::word;
use crate::events::{Reports, RowBudget, WitnessedState};
use crate::exposure_rows;
use crate::module_rows;
use crate::page_rows;
use crate::state::{
    BootState, ControllerState, CounterState, FactKey, FactState, Known, RunEnd, State,
};
use rusqlite::{Connection, OptionalExtension, Row};
use scrubjay_model::{
    ControllerKey, Counter, Epoch, EventClass, IN_TRANSITION, Outcome, ReportTotal, SeriesKey,
    Stamp, Witness, ZeroedWindow,
};
use std::collections::BTreeMap;

/// Loads all of it. No run is open in it: a run does not outlive its process.
pub(crate) fn state(conn: &Connection) -> rusqlite::Result<State> {
    Ok(State {
        boot: boot(conn)?,
        run: None,
        controllers: controllers(conn)?,
        counters: counters(conn)?,
        witnessed: witnessed(conn)?,
        reports: reports(conn)?,
        modules: module_rows::load(conn)?,
        facts: facts(conn)?,
        transitions: transitions(conn)?,
        exposures: exposure_rows::open(conn)?,
        next_exposure: next_id(conn, "SELECT COALESCE(MAX(id), 0) FROM exposure")?,
        alerts: alerts::load(conn)?,
        bad_pages: page_rows::all(conn)?
            .into_iter()
            .map(|page| (page.physical_address, page))
            .collect(),
        next_run: next_id(conn, "SELECT COALESCE(MAX(id), 0) FROM agent_run")?,
        next_snapshot: next_id(conn, "SELECT COALESCE(MAX(id), 0) FROM snapshot")?,
        event_rows: RowBudget::FULL,
        first_event: next_id(conn, "SELECT COALESCE(MAX(id), 0) FROM event")?,
    })
}

fn next_id(conn: &Connection, last: &str) -> rusqlite::Result<i64> {
    conn.query_row(last, [], |row| row.get::<_, i64>(0)).map(|id| id.saturating_add(1))
}

fn boot(conn: &Connection) -> rusqlite::Result<Option<BootState>> {
    let found = conn
        .query_row(
            "SELECT id, boot_id, booted_wall_ms, last_wall_ms, last_since_boot_ns, last_awake_ns,
                    kernel_release, kernel_version, ended, evidence
             FROM boot WHERE ended = 'running'",
            [],
            |row| {
                let last = stamp(text(row, 1)?, row.get(3)?, row.get(4)?, row.get(5)?)?;
                let boot = BootState {
                    booted_wall_ms: row.get(2)?,
                    last,
                    kernel_release: row.get(6)?,
                    kernel_version: row.get(7)?,
                    ended: boot_end(text(row, 8)?)?,
                    evidence: row.get(9)?,
                    last_run: RunEnd::NeverRan,
                };
                Ok((row.get::<_, i64>(0)?, boot))
            },
        )
        .optional()?;
    let Some((id, mut boot)) = found else { return Ok(None) };
    let stopped: Option<(Option<i64>, Option<bool>)> = conn
        .query_row(
            "SELECT stopped_wall_ms, stopped_since_boot_ns - started_since_boot_ns < interval_ns
             FROM agent_run WHERE boot = ?1 ORDER BY id DESC LIMIT 1",
            [id],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    // As RunEnd::stopped says it of the run in memory.
    boot.last_run = match stopped {
        None => RunEnd::NeverRan,
        Some((None, _)) => RunEnd::Open,
        Some((Some(_), Some(true))) => RunEnd::Brief,
        Some((Some(wall_ms), Some(false) | None)) => RunEnd::Stopped { wall_ms },
    };
    Ok(Some(boot))
}

fn controllers(conn: &Connection) -> rusqlite::Result<Vec<ControllerState>> {
    conn.prepare("SELECT key, last_index, name FROM controller ORDER BY id")?
        .query_map([], |row| {
            Ok(ControllerState {
                key: ControllerKey::from_stored(row.get::<_, String>(0)?),
                index: row.get(1)?,
                name: row.get(2)?,
            })
        })?
        .collect()
}

fn counters(conn: &Connection) -> rusqlite::Result<BTreeMap<SeriesKey, CounterState>> {
    conn.prepare(
        "SELECT controller.key, place, class, since_wall_ms, boot_id, value, zeroed_earliest_ns,
                zeroed_latest_ns, read_awake_ns, total, restarts, fell_to
         FROM counter_state
         JOIN series ON series.id = counter_state.series
         JOIN controller ON controller.id = series.controller
         JOIN boot ON boot.id = counter_state.boot",
    )?
    .query_map([], |row| Ok((series_key(row)?, counter(row)?)))?
    .collect()
}

/// A series from the first three columns: the key of its controller, its place and its class.
pub(crate) fn series_key(row: &Row<'_>) -> rusqlite::Result<SeriesKey> {
    Ok(SeriesKey {
        controller: ControllerKey::from_stored(row.get::<_, String>(0)?),
        place: place(text(row, 1)?)?,
        class: class(text(row, 2)?)?,
    })
}

fn counter(row: &Row<'_>) -> rusqlite::Result<CounterState> {
    let zeroed = match (row.get(6)?, row.get(7)?) {
        (Some(earliest), Some(latest)) => {
            Some(ZeroedWindow { earliest: duration(earliest)?, latest: duration(latest)? })
        }
        (None, _) | (_, None) => None,
    };
    let boot = boot_id(text(row, 4)?)?;
    Ok(CounterState {
        base: Counter { value: uncount(row.get(5)?)?, epoch: Epoch { boot, zeroed } },
        read_awake: optional_duration(row.get(8)?)?,
        total: uncount(row.get(9)?)?,
        restarts: uncount(row.get(10)?)?,
        since_wall_ms: row.get(3)?,
        fell_to: row.get::<_, Option<i64>>(11)?.map(uncount).transpose()?,
    })
}

fn witnessed(conn: &Connection) -> rusqlite::Result<BTreeMap<SeriesKey, WitnessedState>> {
    conn.prepare(
        "SELECT controller.key, place, class, errors, unheard
         FROM witnessed
         JOIN series ON series.id = witnessed.series
         JOIN controller ON controller.id = series.controller",
    )?
    .query_map([], |row| {
        let errors = uncount(row.get(3)?)?;
        let unheard = uncount(row.get(4)?)?;
        Ok((series_key(row)?, WitnessedState { errors, unheard }))
    })?
    .collect()
}

fn reports(conn: &Connection) -> rusqlite::Result<Reports> {
    let totals = conn
        .prepare("SELECT witness, class, reports, errors, counted FROM report_total")?
        .query_map([], |row| {
            let key =
                (word(row, "witness", Witness::parse)?, word(row, "class", EventClass::parse)?);
            let total = ReportTotal {
                reports: uncount(row.get("reports")?)?,
                errors: uncount(row.get("errors")?)?,
                counted: uncount(row.get("counted")?)?,
            };
            Ok((key, total))
        })?
        .collect::<rusqlite::Result<_>>()?;
    let lost = "SELECT COALESCE(SUM(lost), 0), COALESCE(SUM(undecodable), 0) FROM event_loss";
    let (lost, undecodable) = conn.query_row(lost, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(Reports { totals, lost: uncount(lost)?, undecodable: uncount(undecodable)? })
}

/// When each live patch that was in transition last was first seen so.
fn transitions(conn: &Connection) -> rusqlite::Result<BTreeMap<String, Stamp>> {
    conn.prepare(
        "SELECT subject, value, boot_id, wall_ms, since_boot_ns, awake_ns, MAX(fact.snapshot)
         FROM fact
         JOIN snapshot ON snapshot.id = fact.snapshot
         JOIN agent_run ON agent_run.id = snapshot.run
         JOIN boot ON boot.id = agent_run.boot
         WHERE name = ?1 GROUP BY subject HAVING value = 'true'",
    )?
    .query_map([IN_TRANSITION], |row| {
        let boot: String = row.get("boot_id")?;
        let first =
            stamp(&boot, row.get("wall_ms")?, row.get("since_boot_ns")?, row.get("awake_ns")?)?;
        Ok((row.get("subject")?, first))
    })?
    .collect()
}

fn facts(conn: &Connection) -> rusqlite::Result<BTreeMap<FactKey, FactState>> {
    // With MAX, SQLite takes the other columns from the row that holds the maximum.
    conn.prepare(
        "SELECT name, subject, source, state, value, MAX(snapshot)
         FROM fact GROUP BY name, subject",
    )?
    .query_map([], |row| {
        let known = match (text(row, 3)?, row.get::<_, Option<String>>(4)?) {
            ("gone", None) => Known::Gone,
            (word, value) => match (outcome(word)?, value) {
                (Outcome::Ok, Some(value)) => Known::Value(value),
                (other, None) => Known::NonValue(other),
                (_, Some(value)) => return Err(odd("value", value)),
            },
        };
        let told_by = optional_text(row, 2)?.map(source).transpose()?;
        let fact = FactState { source: told_by, known };
        Ok(((row.get(0)?, row.get(1)?), fact))
    })?
    .collect()
}
