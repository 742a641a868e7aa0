//! What the history answers. Shared by the writer and the readers.

use crate::changes::Changes;
use crate::convert::{boot_end, boot_id, duration, nanos, optional_duration, uncount};
use crate::state::{Run, State};
use crate::{counters, facts, ledger, load, modules, plan};
use rusqlite::{Connection, OptionalExtension, Row, named_params};
use scrubjay_model::{
    Accumulated, BootEnd, BootRecord, ClockStepRecord, CoverageRecord, EVENTS_PATH, EventsStatus,
    FactRecord, HistorySummary, MemoryRecord, REBOOT_REASON, RebootNeed, ReportedSource, RunRecord,
    Snapshot, Stamp,
};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

/// The sums as they would be after this snapshot.
pub(crate) fn accumulate(mut state: State, snapshot: &Snapshot) -> Accumulated {
    let at = state.placed(&snapshot.at);
    let followed = match Snapshot::found(&snapshot.edac) {
        Some(edac) => counters::follow(&mut state, edac, &at),
        None => counters::Followed::default(),
    };
    let (moved, restarted) = (followed.moved(), followed.restarted());
    let keys = followed.keys;
    // As the agent would record them.
    let changed = facts::follow(&mut state.facts, &snapshot.facts(), &snapshot.sources());
    facts::follow_transitions(&mut state.transitions, &changed, &at);
    modules::follow(&mut state, snapshot, &keys, &moved, &restarted, &at, &mut Changes::default());
    plan::accumulated(&state, keys, &snapshot.at)
}

/// The sums of a host that has no history yet, as they will be once the snapshot is the first in one.
pub fn accumulate_first(snapshot: &Snapshot) -> Accumulated {
    accumulate(State::of_nothing(), snapshot)
}

/// How the agent that runs now hears of errors, if one does.
pub(crate) fn hearing(conn: &Connection, at: &Stamp) -> rusqlite::Result<Option<EventsStatus>> {
    let newest = conn
        .query_row(
            "SELECT boot.boot_id, agent_run.interval_ns, MAX(coverage.to_since_boot_ns)
             FROM agent_run JOIN boot ON boot.id = agent_run.boot
             JOIN coverage ON coverage.run = agent_run.id
             WHERE agent_run.id = (SELECT MAX(id) FROM agent_run) AND stopped_wall_ms IS NULL",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .map(|(boot, interval, to): (Option<String>, Option<i64>, Option<i64>)| {
            Some((boot?, interval?, to?))
        })?;
    let Some((boot, interval, to)) = newest else { return Ok(None) };
    let to = duration(to)?;
    // A moment may have passed between the two looks at the clock, in either order.
    let silent = at.since_boot.map(|now| now.saturating_sub(to));
    let longest = plan::QUIET_FLUSH + duration(interval)? * 2;
    // Of a boot that nobody knows it is not known either.
    if !at.boot.is_known()
        || boot != at.boot.as_str()
        || silent.is_none_or(|silent| silent > longest)
    {
        return Ok(None);
    }
    let fact: Option<Option<String>> = conn
        .query_row(
            "SELECT value FROM fact WHERE name = :name ORDER BY snapshot DESC LIMIT 1",
            named_params! { ":name": EVENTS_PATH },
            |row| row.get(0),
        )
        .optional()?;
    Ok(fact.flatten().and_then(|fact| EventsStatus::recalled(&fact)))
}

/// How long a replaced file is shown: long enough that somebody sees it, and not for ever, since
/// nothing can be done about it later. The incident itself stays recorded.
const REPLACEMENT_SHOWN_MS: i64 = 30 * 86_400_000;

/// Where a corrupt file was moved to, if that was lately.
pub(crate) fn replaced(conn: &Connection, now_wall_ms: i64) -> rusqlite::Result<Option<String>> {
    lately(conn, "file_replaced", now_wall_ms)
}

/// What was salvaged of it.
pub(crate) fn salvaged(conn: &Connection, now_wall_ms: i64) -> rusqlite::Result<Option<String>> {
    lately(conn, "salvaged", now_wall_ms)
}

fn lately(conn: &Connection, kind: &str, now_wall_ms: i64) -> rusqlite::Result<Option<String>> {
    conn.query_row(
        "SELECT detail FROM incident WHERE kind = :kind AND wall_ms > :since
         ORDER BY id DESC LIMIT 1",
        named_params! {
            ":kind": kind,
            ":since": now_wall_ms.saturating_sub(REPLACEMENT_SHOWN_MS),
        },
        |row| row.get(0),
    )
    .optional()
}

/// What was noted of the history at that moment of the wall clock.
pub(crate) fn told_at(
    conn: &Connection,
    kind: &str,
    wall_ms: i64,
) -> rusqlite::Result<Option<String>> {
    conn.query_row(
        "SELECT detail FROM incident WHERE kind = :kind AND wall_ms = :wall_ms
         ORDER BY id DESC LIMIT 1",
        named_params! { ":kind": kind, ":wall_ms": wall_ms },
        |row| row.get(0),
    )
    .optional()
}

/// The ids of all boots.
pub(crate) fn boot_ids(conn: &Connection) -> rusqlite::Result<BTreeSet<String>> {
    conn.prepare("SELECT boot_id FROM boot")?.query_map([], |row| row.get(0))?.collect()
}

/// The history in figures. `run` is the run of this very process, which knows more than what is
/// written.
pub(crate) fn summary(
    conn: &Connection,
    path: &Path,
    at: &Stamp,
    run: Option<&Run>,
) -> rusqlite::Result<HistorySummary> {
    let since_wall_ms =
        conn.query_row("SELECT begun_wall_ms FROM history", [], |row| row.get(0))?;
    let mut boots: BTreeMap<&'static str, u64> =
        BootEnd::ALL.into_iter().map(|end| (end.as_str(), 0)).collect();
    let mut ends = conn.prepare_cached("SELECT ended, COUNT(*) FROM boot GROUP BY ended")?;
    let mut rows = ends.query([])?;
    while let Some(row) = rows.next()? {
        let end = boot_end(&row.get::<_, String>(0)?)?;
        boots.insert(end.as_str(), uncount(row.get(1)?)?);
    }
    let clock_steps = conn
        .query_row("SELECT COUNT(*) FROM clock_step", [], |row| row.get(0))
        .and_then(uncount)?;

    let reboot_needed = reboot_needed(conn, at)?;
    let live = run.and_then(|run| Some((run.row.id, run.stretch?)));
    let written = conn
        .prepare_cached(
            "SELECT COALESCE(SUM(to_since_boot_ns - from_since_boot_ns), 0)
                      + (SELECT COALESCE(SUM(covered_ns), 0) FROM coverage_day)
             FROM coverage WHERE run IS NOT :run OR from_since_boot_ns IS NOT :from",
        )?
        .query_row(
            named_params! {
                ":run": live.map(|(run, _)| run),
                ":from": live.map(|(_, stretch)| nanos(stretch.from)),
            },
            |row| row.get(0),
        )
        .and_then(duration)?;
    let live_length = live.map_or(Duration::ZERO, |(_, stretch)| stretch.length());
    let covered_without_gap = match run {
        Some(run) => match (run.stretch, at.since_boot) {
            (Some(open), Some(now)) if !is_gap(now, open.to, run.row.interval, Duration::ZERO) => {
                open.length()
            }
            (Some(_) | None, _) => Duration::ZERO,
        },
        None => written_without_gap(conn, at)?,
    };
    Ok(HistorySummary {
        path: path.display().to_string(),
        since_wall_ms,
        boots,
        clock_steps,
        covered: written.saturating_add(live_length),
        covered_without_gap,
        reboot_needed,
        ledger_head: ledger::rows::head(conn)?,
    })
}

/// The length of the present stretch as far as it is written: a running agent writes it every
/// [`plan::QUIET_FLUSH`], so this understates by up to as much.
fn written_without_gap(conn: &Connection, at: &Stamp) -> rusqlite::Result<Duration> {
    let last: Option<(i64, i64, i64)> = conn
        .prepare_cached(
            "SELECT from_since_boot_ns, to_since_boot_ns, interval_ns FROM coverage
             JOIN agent_run ON agent_run.id = coverage.run
             JOIN boot ON boot.id = agent_run.boot
             WHERE boot_id = :boot AND stopped_wall_ms IS NULL
             ORDER BY run DESC, from_since_boot_ns DESC LIMIT 1",
        )?
        .query_row(named_params! { ":boot": at.boot.as_str() }, |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    let (Some((from, to, interval)), Some(now)) = (last, at.since_boot) else {
        return Ok(Duration::ZERO);
    };
    let (from, to) = (duration(from)?, duration(to)?);
    let open = !is_gap(now, to, duration(interval)?, plan::QUIET_FLUSH);
    Ok(if open { to.saturating_sub(from) } else { Duration::ZERO })
}

/// The reasons for a reboot that hold in the boot of `at`, and since when.
fn reboot_needed(conn: &Connection, at: &Stamp) -> rusqlite::Result<Option<RebootNeed>> {
    let booted: Option<i64> = conn
        .prepare_cached("SELECT booted_wall_ms FROM boot WHERE boot_id = ?1 AND ended = 'running'")?
        .query_row([at.boot.as_str()], |row| row.get(0))
        .optional()?;
    // Of another boot than the one recorded last nothing was concluded yet.
    let Some(booted_wall_ms) = booted else { return Ok(None) };
    let reasons: Vec<(String, i64)> = conn
        .prepare_cached(
            "SELECT subject, state, wall_ms, MAX(fact.snapshot)
             FROM fact JOIN snapshot ON snapshot.id = fact.snapshot
             WHERE name = ?1 GROUP BY subject HAVING state = 'ok' ORDER BY subject",
        )?
        .query_map([REBOOT_REASON], |row| {
            Ok((row.get("subject")?, row.get::<_, i64>("wall_ms")?.max(booted_wall_ms)))
        })?
        .collect::<rusqlite::Result<_>>()?;
    let since = reasons.iter().map(|(_, since_wall_ms)| *since_wall_ms).min();
    Ok(since.map(|since_wall_ms| RebootNeed { since_wall_ms, reasons }))
}

/// How each source had fared last before a moment.
pub(crate) fn source_states(
    conn: &Connection,
    until_wall_ms: i64,
) -> rusqlite::Result<Vec<ReportedSource>> {
    conn.prepare(
        "SELECT told.source, state, reason, wall_ms
         FROM (SELECT source, MAX(snapshot) AS snapshot
               FROM source_state JOIN snapshot ON snapshot.id = source_state.snapshot
               WHERE wall_ms <= ?1 GROUP BY source) AS last
         JOIN source_state AS told ON told.source = last.source AND told.snapshot = last.snapshot
         JOIN snapshot ON snapshot.id = told.snapshot
         ORDER BY told.source",
    )?
    .query_map([until_wall_ms], |row| {
        Ok(ReportedSource {
            source: row.get("source")?,
            state: row.get("state")?,
            since_wall_ms: row.get("wall_ms")?,
            reason: row.get("reason")?,
        })
    })?
    .collect()
}

/// Changes of facts whose names begin with one of those given, in the order in which they were seen.
pub(crate) fn facts(conn: &Connection, beginnings: &[&str]) -> rusqlite::Result<Vec<FactRecord>> {
    let mut found: BTreeMap<(i64, String, String), FactRecord> = BTreeMap::new();
    let mut statement = conn.prepare_cached(FACTS)?;
    for beginning in beginnings {
        // No name has that character.
        let behind = format!("{beginning}\u{10ffff}");
        let mut rows =
            statement.query(named_params! { ":beginning": beginning, ":behind": behind })?;
        while let Some(row) = rows.next()? {
            let (name, subject): (String, String) = (row.get("name")?, row.get("subject")?);
            let record = FactRecord {
                at_wall_ms: row.get("wall_ms")?,
                boot: boot_id(&row.get::<_, String>("boot_id")?)?,
                name: name.clone(),
                subject: subject.clone(),
                value: row.get("value")?,
                state: row.get("state")?,
            };
            found.insert((row.get("snapshot")?, name, subject), record);
        }
    }
    Ok(found.into_values().collect())
}

pub(crate) const FACTS: &str = "
    SELECT snapshot.wall_ms, boot_id, name, subject, value, state, snapshot
    FROM fact
    JOIN snapshot ON snapshot.id = fact.snapshot
    JOIN agent_run ON agent_run.id = snapshot.run
    JOIN boot ON boot.id = agent_run.boot
    WHERE name >= :beginning AND name < :behind";

/// Whether so much time has passed since the end of a stretch that it does not go on.
fn is_gap(now: Duration, end: Duration, interval: Duration, slack: Duration) -> bool {
    now.saturating_sub(end) > plan::longest_gap(interval).saturating_add(slack)
}

/// All boots, in the order in which they were first seen.
pub(crate) fn boots(conn: &Connection) -> rusqlite::Result<Vec<BootRecord>> {
    conn.prepare(
        "SELECT boot_id, booted_wall_ms, last_wall_ms, last_since_boot_ns, last_awake_ns,
                kernel_release, kernel_version, ended, evidence
         FROM boot ORDER BY id",
    )?
    .query_map([], |row| {
        let boot: String = row.get("boot_id")?;
        let booted_wall_ms: Option<i64> = row.get("booted_wall_ms")?;
        let last_seen_wall_ms: Option<i64> = row.get("last_wall_ms")?;
        let since_boot = optional_duration(row.get("last_since_boot_ns")?)?;
        let awake = optional_duration(row.get("last_awake_ns")?)?;
        // Where the boot clock is not known there is only the wall clock to go by.
        let by_wall = || {
            let by_wall = last_seen_wall_ms?.saturating_sub(booted_wall_ms?);
            Some(Duration::from_millis(u64::try_from(by_wall).unwrap_or(0)))
        };
        Ok(BootRecord {
            boot: boot_id(&boot)?,
            booted_wall_ms,
            last_seen_wall_ms,
            ran: since_boot.or_else(by_wall),
            slept: since_boot.zip(awake).map(|(all, awake)| all.saturating_sub(awake)),
            kernel_release: row.get("kernel_release")?,
            kernel_version: row.get("kernel_version")?,
            end: boot_end(&row.get::<_, String>("ended")?)?,
            evidence: row.get("evidence")?,
        })
    })?
    .collect()
}

/// All runs of the agent, in order.
pub(crate) fn runs(conn: &Connection) -> rusqlite::Result<Vec<RunRecord>> {
    conn.prepare(
        "SELECT boot_id, version, started_wall_ms, stopped_wall_ms
         FROM agent_run JOIN boot ON boot.id = agent_run.boot ORDER BY agent_run.id",
    )?
    .query_map([], |row| {
        Ok(RunRecord {
            boot: boot_id(&row.get::<_, String>("boot_id")?)?,
            version: row.get("version")?,
            started_wall_ms: row.get("started_wall_ms")?,
            stopped_wall_ms: row.get("stopped_wall_ms")?,
        })
    })?
    .collect()
}

/// All stretches of coverage, in order.
pub(crate) fn coverage(conn: &Connection) -> rusqlite::Result<Vec<CoverageRecord>> {
    conn.prepare(
        "SELECT boot_id, from_wall_ms, to_wall_ms, to_since_boot_ns - from_since_boot_ns AS length
         FROM coverage
         JOIN agent_run ON agent_run.id = coverage.run
         JOIN boot ON boot.id = agent_run.boot
         ORDER BY run, from_since_boot_ns",
    )?
    .query_map([], |row| {
        Ok(CoverageRecord {
            boot: boot_id(&row.get::<_, String>("boot_id")?)?,
            from_wall_ms: row.get("from_wall_ms")?,
            to_wall_ms: row.get("to_wall_ms")?,
            length: duration(row.get("length")?)?,
        })
    })?
    .collect()
}

/// All steps of the wall clock, in order.
pub(crate) fn clock_steps(conn: &Connection) -> rusqlite::Result<Vec<ClockStepRecord>> {
    conn.prepare(
        "SELECT boot_id, snapshot.wall_ms, by_ms
         FROM clock_step
         JOIN snapshot ON snapshot.id = clock_step.snapshot
         JOIN agent_run ON agent_run.id = snapshot.run
         JOIN boot ON boot.id = agent_run.boot
         ORDER BY clock_step.snapshot",
    )?
    .query_map([], |row| {
        Ok(ClockStepRecord {
            boot: boot_id(&row.get::<_, String>("boot_id")?)?,
            at_wall_ms: row.get("wall_ms")?,
            by_ms: row.get("by_ms")?,
        })
    })?
    .collect()
}

/// The changes of error counters between two moments that are kept one by one, in the order in which
/// they were seen; the last `most`.
pub(crate) fn memory(
    conn: &Connection,
    from_wall_ms: i64,
    until_wall_ms: i64,
    most: u32,
) -> rusqlite::Result<Vec<MemoryRecord>> {
    let mut found: Vec<MemoryRecord> = conn
        .prepare_cached(MEMORY)?
        .query_map(
            named_params! { ":from": from_wall_ms, ":until": until_wall_ms, ":most": most },
            memory_record,
        )?
        .collect::<rusqlite::Result<_>>()?;
    found.reverse();
    Ok(found)
}

/// From the newest on, until there are enough: by the index of the wall clock all of them would be
/// sorted first.
pub(crate) const MEMORY: &str = "
    SELECT controller.key, place, class, wall_ms, by, total, step
    FROM snapshot
    CROSS JOIN counter_point ON counter_point.snapshot = snapshot.id
    JOIN series ON series.id = counter_point.series
    JOIN controller ON controller.id = series.controller
    WHERE +wall_ms >= :from AND +wall_ms < :until
    ORDER BY snapshot.id DESC, series.id DESC LIMIT :most";

fn memory_record(row: &Row<'_>) -> rusqlite::Result<MemoryRecord> {
    Ok(MemoryRecord {
        series: load::series_key(row)?,
        at_wall_ms: row.get(3)?,
        by: uncount(row.get(4)?)?,
        total: uncount(row.get(5)?)?,
        step: row.get(6)?,
    })
}

/// Most changes read before unclean ends, the latest first: a host that crashes every few minutes
/// and counts errors all the time fills it in a week.
const MOST_BEFORE_ENDS: i64 = 65_536;

pub(crate) const BEFORE_ENDS: &str = "
    SELECT controller.key, place, class, snapshot.wall_ms, by, total, step
    FROM boot
    CROSS JOIN snapshot ON snapshot.wall_ms BETWEEN last_wall_ms - :within AND last_wall_ms
    JOIN agent_run ON agent_run.id = snapshot.run AND agent_run.boot = boot.id
    CROSS JOIN counter_point ON counter_point.snapshot = snapshot.id
    JOIN series ON series.id = counter_point.series
    JOIN controller ON controller.id = series.controller
    WHERE ended = 'unclean'
      AND last_wall_ms >= (SELECT MAX(booted_wall_ms) FROM boot) - :back
    ORDER BY snapshot.id DESC, series.id DESC LIMIT :most";

/// All boots, and the changes of counters seen within a time before each unclean end, as far back
/// from the beginning of the latest boot as is asked.
pub(crate) fn unclean_ends(
    conn: &Connection,
    within: Duration,
    back: Duration,
) -> rusqlite::Result<(Vec<BootRecord>, Vec<MemoryRecord>)> {
    let milliseconds = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    let mut records: Vec<MemoryRecord> = conn
        .prepare(BEFORE_ENDS)?
        .query_map(
            named_params! {
                ":within": milliseconds(within),
                ":back": milliseconds(back),
                ":most": MOST_BEFORE_ENDS,
            },
            memory_record,
        )?
        .collect::<rusqlite::Result<_>>()?;
    records.reverse();
    Ok((boots(conn)?, records))
}
