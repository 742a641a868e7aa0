//! What was counted of one stick: the changes of the counters at its places, each in the time in
//! which it was there.

use crate::buckets::HOUR_MS;
use crate::convert::{duration, odd, uncount};
use crate::module_events::{Stay, stays};
use rusqlite::{Connection, Row, named_params};
use scrubjay_model::{ErrorClass, ModuleKey};
use std::time::Duration;

/// Errors that were counted between two moments, milliseconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DimmCount {
    /// When the counter was looked at before, or where the sum begins.
    pub from_wall_ms: i64,
    /// When the errors were seen, or where the sum ends.
    pub until_wall_ms: i64,
    /// Of which class.
    pub class: ErrorClass,
    /// How many.
    pub errors: u64,
    /// Whether there may have been more: the counter had begun anew.
    pub at_least: bool,
}

/// Changes that are kept one by one.
pub(crate) const SINGLE: &str = "
    SELECT snapshot.wall_ms, class, by, step IN ('reboot', 'zeroed', 'assumed', 'fell') AS anew,
           step = 'first' AS is_first, interval_ns
    FROM series
    JOIN counter_point ON counter_point.series = series.id
    JOIN snapshot ON snapshot.id = counter_point.snapshot
    JOIN agent_run ON agent_run.id = snapshot.run
    WHERE controller = :controller AND place = :place
      AND snapshot.run >= :from AND snapshot.run < :until AND by > 0";

/// Sums of an hour or a day, of the boots in which the stick was there.
pub(crate) const SUMS: &str = "
    SELECT from_wall_ms, hours, class, by, restarts > 0 AS anew
    FROM series JOIN counter_rollup ON counter_rollup.series = series.id
    WHERE controller = :controller AND place = :place AND by > 0
      AND counter_rollup.boot IN
        (SELECT boot FROM agent_run WHERE id >= :from AND id < :until)";

/// All that was counted of a stick, in the order of time. What the kernel had counted before anybody
/// looked has no time, and is left out.
pub(crate) fn all(conn: &Connection, key: &ModuleKey) -> rusqlite::Result<Vec<DimmCount>> {
    let mut found = Vec::new();
    for Stay { places, from_run, until_run } in stays(conn, key)? {
        for (controller, place) in places {
            for (query, read) in [(SINGLE, single as Read), (SUMS, sum)] {
                let mut query = conn.prepare_cached(query)?;
                let mut rows = query.query(named_params! {
                    ":controller": controller,
                    ":place": place,
                    ":from": from_run,
                    ":until": until_run.unwrap_or(i64::MAX),
                })?;
                while let Some(row) = rows.next()? {
                    found.extend(read(row)?);
                }
            }
        }
    }
    found.sort_by_key(|count| (count.until_wall_ms, count.from_wall_ms, count.class));
    Ok(found)
}

type Read = fn(&Row<'_>) -> rusqlite::Result<Option<DimmCount>>;

fn class(row: &Row<'_>) -> rusqlite::Result<ErrorClass> {
    let word: String = row.get("class")?;
    ErrorClass::ALL
        .into_iter()
        .find(|class| class.as_str() == word)
        .ok_or_else(|| odd("class", word))
}

fn single(row: &Row<'_>) -> rusqlite::Result<Option<DimmCount>> {
    if row.get("is_first")? {
        return Ok(None);
    }
    let until_wall_ms: i64 = row.get("wall_ms")?;
    let interval: Option<i64> = row.get("interval_ns")?;
    let interval = interval.map(duration).transpose()?.unwrap_or(Duration::ZERO);
    let interval_ms = i64::try_from(interval.as_millis()).unwrap_or(0).max(1);
    Ok(Some(DimmCount {
        from_wall_ms: until_wall_ms.saturating_sub(interval_ms),
        until_wall_ms,
        class: class(row)?,
        errors: uncount(row.get("by")?)?,
        at_least: row.get("anew")?,
    }))
}

fn sum(row: &Row<'_>) -> rusqlite::Result<Option<DimmCount>> {
    let (from_wall_ms, hours): (i64, i64) = (row.get("from_wall_ms")?, row.get("hours")?);
    Ok(Some(DimmCount {
        from_wall_ms,
        until_wall_ms: from_wall_ms.saturating_add(hours.saturating_mul(HOUR_MS)),
        class: class(row)?,
        errors: uncount(row.get("by")?)?,
        at_least: row.get("anew")?,
    }))
}
