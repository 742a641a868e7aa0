//! Bites in SQL: the rows of one become sums, in one transaction. Whoever calls commits.
//!
//! Never folded are the first and the newest change of a counter, reports of uncorrected errors and
//! of pages, the first and the newest reports of places that findings stand against, the newest report, the newest state of each source, the first and the newest changes of
//! facts, and boots, turns of sticks and clock steps. A snapshot goes when nothing refers to it any more.

use crate::buckets::{CounterKey, CounterSum, Width, roll_up};
use crate::convert::{duration, nanos};
use crate::open_evidence::Open;
use crate::retention::{Bite, What};
use crate::{fold_reports, tiers};
use rusqlite::{Row, ToSql, Transaction, named_params};
use scrubjay_model::MODULE_PLACES;
use std::collections::BTreeSet;

/// What a bite did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Folded {
    /// Rows given up.
    pub(crate) rows: usize,
    /// The moment of the last of them.
    pub(crate) last_wall_ms: Option<i64>,
}

/// Stretches of coverage kept one by one, some 700 KB: more than an agent adds in a century that is
/// restarted every other day.
pub(crate) const MOST_STRETCHES: i64 = 16_384;

/// Folds one bite, and notes that it was.
pub(crate) fn fold(tx: &Transaction<'_>, bite: &Bite, open: Open<'_>) -> rusqlite::Result<Folded> {
    let folded = match bite.what {
        What::Texts => texts(tx, most(bite))?,
        What::Losses => fold_reports::losses(tx, bite)?,
        What::Changes => changes(tx, bite)?,
        What::Reports => fold_reports::reports(tx, bite, open, false)?,
        What::OpenReports => fold_reports::reports(tx, bite, open, true)?,
        What::ChangeHours => change_hours(tx, bite)?,
        What::ReportHours => fold_reports::report_hours(tx, bite)?,
        What::SourceStates => source_states(tx, bite)?,
        What::Stretches => stretches(tx, MOST_STRETCHES, most(bite))?,
        What::Facts => facts(tx, bite, CHANGES_OF_FACT)?,
    };
    if folded.rows > 0 {
        let until = folded.last_wall_ms.map_or(bite.from_wall_ms, |last| last.saturating_add(1));
        tx.prepare_cached(
            "INSERT INTO folding (what, rows, until_wall_ms) VALUES (:what, :rows, :until)
             ON CONFLICT (what) DO UPDATE SET
               rows = rows + excluded.rows,
               until_wall_ms = MAX(until_wall_ms, excluded.until_wall_ms)",
        )?
        .execute(named_params! {
            ":what": bite.what.as_str(),
            ":rows": i64::try_from(folded.rows).unwrap_or(i64::MAX),
            ":until": until,
        })?;
    }
    Ok(folded)
}

fn most(bite: &Bite) -> i64 {
    i64::try_from(bite.most_rows).unwrap_or(i64::MAX)
}

/// Rows of a query with the bounds of the bite.
pub(crate) fn rows<T>(
    tx: &Transaction<'_>,
    sql: &str,
    bite: &Bite,
    more: &[(&str, &dyn ToSql)],
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    let most = most(bite);
    let mut params: Vec<(&str, &dyn ToSql)> =
        vec![(":from", &bite.from_wall_ms), (":before", &bite.before_wall_ms), (":most", &most)];
    params.extend(more);
    tx.prepare_cached(sql)?.query_map(params.as_slice(), read)?.collect()
}

/// What a bite of these rows did.
pub(crate) fn done<T>(rows: &[T], wall_ms: impl Fn(&T) -> i64) -> Folded {
    Folded { rows: rows.len(), last_wall_ms: rows.iter().map(wall_ms).max() }
}

/// Changes of counters that are neither the first nor the newest of theirs.
pub(crate) const CHANGES: &str = "
    SELECT snapshot.id, counter_point.series, boot, wall_ms, by, total,
           step IN ('reboot', 'zeroed', 'assumed') AS restarts
    FROM snapshot
    CROSS JOIN counter_point ON counter_point.snapshot = snapshot.id
    JOIN counter_last ON counter_last.series = counter_point.series
    JOIN agent_run ON agent_run.id = snapshot.run
    WHERE wall_ms >= :from AND wall_ms < :before
      AND step <> 'first' AND counter_point.snapshot < counter_last.snapshot
    ORDER BY wall_ms, snapshot.id LIMIT :most";

fn changes(tx: &Transaction<'_>, bite: &Bite) -> rusqlite::Result<Folded> {
    let found = rows(tx, CHANGES, bite, &[], |row| {
        let by = row.get("by")?;
        let sum = CounterSum {
            by,
            points: 1,
            restarts: row.get("restarts")?,
            max_by: by,
            last_total: row.get("total")?,
        };
        let wall_ms: i64 = row.get("wall_ms")?;
        let key = CounterKey {
            from_wall_ms: wall_ms,
            series: row.get("series")?,
            boot: row.get("boot")?,
        };
        Ok((row.get::<_, i64>("id")?, key, sum))
    })?;
    put_counters(tx, Width::Hour, found.iter().map(|(_, key, sum)| (*key, *sum)))?;
    let mut delete =
        tx.prepare_cached("DELETE FROM counter_point WHERE snapshot = ?1 AND series = ?2")?;
    for (snapshot, key, _) in &found {
        delete.execute([*snapshot, key.series])?;
    }
    forget_snapshots(tx, found.iter().map(|(snapshot, ..)| *snapshot))?;
    Ok(done(&found, |(_, key, _)| key.from_wall_ms))
}

pub(crate) const HOURS: &str = "
    SELECT from_wall_ms, series, boot, by, points, restarts, max_by, last_total
    FROM counter_rollup
    WHERE hours = 1 AND from_wall_ms >= :from AND from_wall_ms < :before
    ORDER BY from_wall_ms LIMIT :most";

fn change_hours(tx: &Transaction<'_>, bite: &Bite) -> rusqlite::Result<Folded> {
    let found = rows(tx, HOURS, bite, &[], |row| Ok((counter_key(row)?, counter_sum(row)?)))?;
    put_counters(tx, Width::Day, found.iter().copied())?;
    let mut delete = tx.prepare_cached(
        "DELETE FROM counter_rollup
         WHERE hours = 1 AND from_wall_ms = ?1 AND series = ?2 AND boot = ?3",
    )?;
    for (key, _) in &found {
        delete.execute([key.from_wall_ms, key.series, key.boot])?;
    }
    Ok(done(&found, |(key, _)| key.from_wall_ms))
}

fn counter_key(row: &Row<'_>) -> rusqlite::Result<CounterKey> {
    Ok(CounterKey {
        from_wall_ms: row.get("from_wall_ms")?,
        series: row.get("series")?,
        boot: row.get("boot")?,
    })
}

fn counter_sum(row: &Row<'_>) -> rusqlite::Result<CounterSum> {
    Ok(CounterSum {
        by: row.get("by")?,
        points: row.get("points")?,
        restarts: row.get("restarts")?,
        max_by: row.get("max_by")?,
        last_total: row.get("last_total")?,
    })
}

fn put_counters(
    tx: &Transaction<'_>,
    width: Width,
    found: impl Iterator<Item = (CounterKey, CounterSum)>,
) -> rusqlite::Result<()> {
    let into = |(key, sum): (CounterKey, CounterSum)| {
        (CounterKey { from_wall_ms: width.begin(key.from_wall_ms), ..key }, sum)
    };
    let mut put = tx.prepare_cached(
        "INSERT INTO counter_rollup
           (hours, from_wall_ms, series, boot, by, points, restarts, max_by, last_total)
         VALUES (:hours, :from, :series, :boot, :by, :points, :restarts, :max_by, :last_total)
         ON CONFLICT (hours, from_wall_ms, series, boot) DO UPDATE SET
           by = by + excluded.by,
           points = points + excluded.points,
           restarts = restarts + excluded.restarts,
           max_by = MAX(max_by, excluded.max_by),
           last_total = MAX(last_total, excluded.last_total)",
    )?;
    for (key, sum) in roll_up(found.map(into)) {
        let CounterKey { from_wall_ms, series, boot } = key;
        let CounterSum { by, points, restarts, max_by, last_total } = sum;
        put.execute(named_params! {
            ":hours": width.hours(),
            ":from": from_wall_ms,
            ":series": series,
            ":boot": boot,
            ":by": by,
            ":points": points,
            ":restarts": restarts,
            ":max_by": max_by,
            ":last_total": last_total,
        })?;
    }
    Ok(())
}

/// States of sources that are not the newest of theirs.
fn source_states(tx: &Transaction<'_>, bite: &Bite) -> rusqlite::Result<Folded> {
    let found: Vec<(i64, String, i64)> = rows(
        tx,
        "WITH newest AS MATERIALIZED (
           SELECT source, MAX(snapshot) AS snapshot FROM source_state GROUP BY source
         )
         SELECT snapshot.id, source_state.source, wall_ms
         FROM snapshot
         CROSS JOIN source_state ON source_state.snapshot = snapshot.id
         JOIN newest ON newest.source = source_state.source
         WHERE wall_ms >= :from AND wall_ms < :before AND source_state.snapshot < newest.snapshot
         ORDER BY wall_ms, snapshot.id LIMIT :most",
        bite,
        &[],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    let mut delete =
        tx.prepare_cached("DELETE FROM source_state WHERE snapshot = ?1 AND source = ?2")?;
    for (snapshot, source, _) in &found {
        delete.execute(rusqlite::params![snapshot, source])?;
    }
    forget_snapshots(tx, found.iter().map(|(snapshot, ..)| *snapshot))?;
    Ok(done(&found, |(_, _, wall_ms)| *wall_ms))
}

/// Changes of a fact that are kept whatever happens, the newest ones, beside the first. A kernel that is
/// replaced every week takes twenty years to have so many.
const CHANGES_OF_FACT: i64 = 1_000;

/// Changes of facts that have very many, between the first and the newest. Where sticks were is left as
/// it is: their reports are found by that.
pub(crate) fn facts(tx: &Transaction<'_>, bite: &Bite, kept: i64) -> rusqlite::Result<Folded> {
    let often: Vec<(String, String)> = tx
        .prepare_cached(
            "SELECT name, subject FROM fact WHERE name <> :places
             GROUP BY name, subject HAVING COUNT(*) > :kept + 1",
        )?
        .query_map(named_params! { ":places": MODULE_PLACES, ":kept": kept }, |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    let mut select = tx.prepare_cached(
        "SELECT fact.snapshot, wall_ms FROM fact JOIN snapshot ON snapshot.id = fact.snapshot
         WHERE name = :name AND subject = :subject AND wall_ms < :before
           AND fact.snapshot > (SELECT MIN(snapshot) FROM fact
                                WHERE name = :name AND subject = :subject)
           AND fact.snapshot <= (SELECT snapshot FROM fact
                                 WHERE name = :name AND subject = :subject
                                 ORDER BY snapshot DESC LIMIT 1 OFFSET :kept)
         ORDER BY fact.snapshot LIMIT :most",
    )?;
    let mut delete =
        tx.prepare_cached("DELETE FROM fact WHERE name = ?1 AND subject = ?2 AND snapshot = ?3")?;
    let mut found: Vec<(i64, i64)> = Vec::new();
    for (name, subject) in often {
        let most = i64::try_from(bite.most_rows.saturating_sub(found.len())).unwrap_or(i64::MAX);
        let params = named_params! {
            ":name": name,
            ":subject": subject,
            ":before": bite.before_wall_ms,
            ":kept": kept,
            ":most": most,
        };
        let rows = select.query_map(params, |row| Ok((row.get(0)?, row.get(1)?)))?;
        for (snapshot, wall_ms) in rows.collect::<rusqlite::Result<Vec<(i64, i64)>>>()? {
            delete.execute(rusqlite::params![name, subject, snapshot])?;
            found.push((snapshot, wall_ms));
        }
    }
    forget_snapshots(tx, found.iter().map(|(snapshot, _)| *snapshot))?;
    Ok(done(&found, |(_, wall_ms)| *wall_ms))
}

fn forget_snapshots(
    tx: &Transaction<'_>,
    snapshots: impl Iterator<Item = i64>,
) -> rusqlite::Result<()> {
    let mut forget = tx.prepare_cached(
        "DELETE FROM snapshot WHERE id = ?1
           AND NOT EXISTS (SELECT 1 FROM counter_point WHERE snapshot = ?1)
           AND NOT EXISTS (SELECT 1 FROM source_state WHERE snapshot = ?1)
           AND NOT EXISTS (SELECT 1 FROM fact WHERE snapshot = ?1)
           AND NOT EXISTS (SELECT 1 FROM clock_step WHERE snapshot = ?1)
           AND NOT EXISTS (SELECT 1 FROM module_turn WHERE snapshot = ?1)",
    )?;
    for snapshot in snapshots.collect::<BTreeSet<i64>>() {
        forget.execute([snapshot])?;
    }
    Ok(())
}

/// The earliest stretches, as far as there are more than are `kept`. The last one may still grow.
pub(crate) fn stretches(tx: &Transaction<'_>, kept: i64, most: i64) -> rusqlite::Result<Folded> {
    let there: i64 = tx.query_row("SELECT COUNT(*) FROM coverage", [], |row| row.get(0))?;
    let too_many = there.saturating_sub(kept.max(1)).clamp(0, most);
    let found = tx
        .prepare_cached(
            "SELECT run, from_since_boot_ns, boot, from_wall_ms, to_wall_ms,
                    to_since_boot_ns - from_since_boot_ns
             FROM coverage JOIN agent_run ON agent_run.id = coverage.run
             ORDER BY run, from_since_boot_ns LIMIT ?1",
        )?
        .query_map([too_many], |row| {
            let stretch: (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok((stretch, row.get(3)?, row.get(4)?, row.get(5)?))
        })?
        .collect::<rusqlite::Result<Vec<((i64, i64, i64), i64, i64, i64)>>>()?;
    let mut put = tx.prepare_cached(
        "INSERT INTO coverage_day (from_wall_ms, boot, covered_ns, stretches)
         VALUES (:from, :boot, :covered_ns, :stretches)
         ON CONFLICT (from_wall_ms, boot) DO UPDATE SET
           covered_ns = covered_ns + excluded.covered_ns,
           stretches = stretches + excluded.stretches",
    )?;
    let mut delete =
        tx.prepare_cached("DELETE FROM coverage WHERE run = ?1 AND from_since_boot_ns = ?2")?;
    for ((run, from, boot), from_wall_ms, to_wall_ms, length) in &found {
        let first_day = Width::Day.begin(*from_wall_ms);
        for (day, share) in tiers::by_day(*from_wall_ms, *to_wall_ms, duration(*length)?) {
            put.execute(named_params! {
                ":from": day,
                ":boot": boot,
                ":covered_ns": nanos(share),
                ":stretches": i64::from(day == first_day),
            })?;
        }
        delete.execute([run, from])?;
    }
    Ok(done(&found, |(_, _, to_wall_ms, _)| *to_wall_ms))
}

/// Texts without a use. References to texts are not checked meanwhile, as that would look through
/// all reports for each of them; the uses are counted instead.
fn texts(tx: &Transaction<'_>, most: i64) -> rusqlite::Result<Folded> {
    let unused: Vec<i64> = tx
        .prepare_cached("SELECT wording FROM wording_use WHERE uses = 0 LIMIT ?1")?
        .query_map([most], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for text in &unused {
        tx.prepare_cached("DELETE FROM wording_use WHERE wording = ?1")?.execute([*text])?;
        tx.prepare_cached("DELETE FROM wording WHERE id = ?1")?.execute([*text])?;
    }
    Ok(Folded { rows: unused.len(), last_wall_ms: None })
}
