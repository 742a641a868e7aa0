//! What is known of the errors of the sticks that are in the host, for those who judge them.

use crate::buckets::{HOUR_MS, Width};
use crate::convert::{class, duration, uncount};
use crate::error::database;
use crate::module_events::{self, Stay};
use crate::{History, StorageError};
use rusqlite::{Connection, named_params};
use scrubjay_model::{CounterChange, MemoryTraces, ModuleKey, Watch};
use std::collections::BTreeMap;
use std::time::Duration;

/// Groups of reports of one stick that are read: enough for the shape of a fault.
pub(crate) const MOST_REPORTS: u32 = 2_000;

/// The same for those who replay a whole history.
pub(crate) const MOST_REPORTS_IN_ALL: u32 = 1_000_000;

/// Changes that are kept one by one.
const SINGLE: &str = "
    SELECT wall_ms, series, boot, by, step IN ('reboot', 'zeroed', 'assumed'), step = 'first',
           interval_ns
    FROM snapshot
    CROSS JOIN counter_point ON counter_point.snapshot = snapshot.id
    JOIN agent_run ON agent_run.id = snapshot.run
    WHERE wall_ms >= :from ORDER BY snapshot.id";

/// Sums of an hour or a day.
const WHOLE: &str = "
    SELECT from_wall_ms, series, boot, by, restarts
    FROM counter_rollup WHERE hours = :hours AND from_wall_ms > :from
    ORDER BY from_wall_ms";

/// Stretches and days of coverage.
const WATCHES: &str = "
    SELECT from_wall_ms, to_wall_ms, to_since_boot_ns - from_since_boot_ns
    FROM coverage WHERE to_wall_ms >= :from
    UNION ALL
    SELECT from_wall_ms, from_wall_ms + 86400000, covered_ns
    FROM coverage_day WHERE from_wall_ms + 86400000 >= :from
    ORDER BY 1";

/// A stick that had a counter's place, from one boot until before another.
struct Tenant {
    module: ModuleKey,
    from_boot: i64,
    until_boot: i64,
}

impl History {
    /// What is known of the errors of the sticks that are in the host, from a moment on; `None`
    /// while the history is kept in memory, which knows nothing of earlier days.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn memory_traces(&self, from_wall_ms: i64) -> Result<Option<MemoryTraces>, StorageError> {
        if self.is_away() {
            return Ok(None);
        }
        of_modules(&self.conn, from_wall_ms, MOST_REPORTS, false)
            .map(Some)
            .map_err(database("read the history", &self.path))
    }
}

/// The errors of all sticks that are in the host, or also of those that were in it and are `gone`, from
/// a moment on; of each stick no more than `most` groups of reports, the last ones.
pub(crate) fn of_modules(
    conn: &Connection,
    from_wall_ms: i64,
    most: u32,
    gone: bool,
) -> rusqlite::Result<MemoryTraces> {
    let mut traces = MemoryTraces {
        from_wall_ms,
        watches: watches(conn, from_wall_ms)?,
        boots_wall_ms: boots(conn, from_wall_ms)?,
        modules: BTreeMap::new(),
    };
    let keys: Vec<ModuleKey> = conn
        .prepare("SELECT key FROM module WHERE ended_wall_ms IS NULL OR ?1 ORDER BY key")?
        .query_map([gone], |row| Ok(ModuleKey::from_stored(row.get::<_, String>(0)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let mut tenants: BTreeMap<i64, Vec<Tenant>> = BTreeMap::new();
    for key in keys {
        let stays = module_events::stays(conn, &key)?;
        for stay in &stays {
            for series in series_of(conn, stay)? {
                let (from_boot, until_boot) = boots_of(conn, stay)?;
                let tenant = Tenant { module: key.clone(), from_boot, until_boot };
                tenants.entry(series).or_default().push(tenant);
            }
        }
        let trace = traces.modules.entry(key).or_default();
        // One more tells that there are more.
        trace.reports =
            module_events::of_stays(conn, &stays, from_wall_ms, most.saturating_add(1))?;
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        trace.cut = trace.reports.len() > most;
        trace.reports.drain(..trace.reports.len().saturating_sub(most));
    }
    let classes = classes(conn)?;
    let mut give = |series: i64, boot: i64, change: CounterChange| {
        let of_series = tenants.get(&series).into_iter().flatten();
        for tenant in of_series.filter(|t| t.from_boot <= boot && boot < t.until_boot) {
            let trace = traces.modules.get_mut(&tenant.module);
            trace.into_iter().for_each(|trace| trace.changes.push(change));
        }
    };
    for width in [Width::Day, Width::Hour] {
        let width_ms = width.hours().saturating_mul(HOUR_MS);
        let mut query = conn.prepare_cached(WHOLE)?;
        let from = from_wall_ms.saturating_sub(width_ms);
        let mut rows = query.query(named_params! { ":hours": width.hours(), ":from": from })?;
        while let Some(row) = rows.next()? {
            let (begin, series): (i64, i64) = (row.get(0)?, row.get(1)?);
            let Some(class) = classes.get(&series).copied() else { continue };
            let change = CounterChange {
                class,
                from_wall_ms: begin,
                to_wall_ms: begin.saturating_add(width_ms),
                errors: uncount(row.get(3)?)?,
                interval: Duration::ZERO,
                restarted: row.get::<_, i64>(4)? > 0,
                first: false,
            };
            give(series, row.get(2)?, change);
        }
    }
    let mut query = conn.prepare_cached(SINGLE)?;
    let mut rows = query.query(named_params! { ":from": from_wall_ms })?;
    while let Some(row) = rows.next()? {
        let (seen, series): (i64, i64) = (row.get(0)?, row.get(1)?);
        let Some(class) = classes.get(&series).copied() else { continue };
        let change = CounterChange {
            class,
            from_wall_ms: seen,
            to_wall_ms: seen,
            errors: uncount(row.get(3)?)?,
            interval: duration(row.get(6)?)?,
            restarted: row.get(4)?,
            first: row.get(5)?,
        };
        give(series, row.get(2)?, change);
    }
    for trace in traces.modules.values_mut() {
        trace.changes.sort_by_key(|change| (change.to_wall_ms, change.from_wall_ms));
    }
    Ok(traces)
}

fn watches(conn: &Connection, from_wall_ms: i64) -> rusqlite::Result<Vec<Watch>> {
    conn.prepare(WATCHES)?
        .query_map(named_params! { ":from": from_wall_ms }, |row| {
            Ok(Watch {
                from_wall_ms: row.get(0)?,
                to_wall_ms: row.get(1)?,
                watched: duration(row.get(2)?)?,
            })
        })?
        .collect()
}

fn boots(conn: &Connection, from_wall_ms: i64) -> rusqlite::Result<Vec<i64>> {
    // The boot that was going on then is one of them: what its counters showed at first may be as
    // old as it is.
    let query = "
        SELECT booted_wall_ms FROM boot
        WHERE booted_wall_ms >= COALESCE(
          (SELECT MAX(booted_wall_ms) FROM boot WHERE booted_wall_ms <= ?1), ?1)
        ORDER BY 1";
    conn.prepare(query)?.query_map([from_wall_ms], |row| row.get(0))?.collect()
}

fn classes(conn: &Connection) -> rusqlite::Result<BTreeMap<i64, scrubjay_model::ErrorClass>> {
    conn.prepare("SELECT id, class FROM series")?
        .query_map([], |row| Ok((row.get(0)?, class(&row.get::<_, String>(1)?)?)))?
        .collect()
}

/// The counters at the places of a stay.
fn series_of(conn: &Connection, stay: &Stay) -> rusqlite::Result<Vec<i64>> {
    let mut query =
        conn.prepare_cached("SELECT id FROM series WHERE controller = ?1 AND place = ?2")?;
    let mut found = Vec::new();
    for (controller, place) in &stay.places {
        for id in query.query_map((controller, place), |row| row.get(0))? {
            found.push(id?);
        }
    }
    Ok(found)
}

/// The first boot of a stay, and the first one after it. A stick stays where it is for whole boots.
fn boots_of(conn: &Connection, stay: &Stay) -> rusqlite::Result<(i64, i64)> {
    let mut query = conn.prepare_cached("SELECT boot FROM agent_run WHERE id = ?1")?;
    let mut boot = |run: i64, otherwise: i64| match query.query_row([run], |row| row.get(0)) {
        Err(rusqlite::Error::QueryReturnedNoRows) => Ok(otherwise),
        other => other,
    };
    let from = boot(stay.from_run, i64::MIN)?;
    let until = stay.until_run.map_or(Ok(i64::MAX), |run| boot(run, i64::MAX))?;
    Ok((from, until))
}
