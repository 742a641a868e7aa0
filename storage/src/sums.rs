//! What the history holds of a time, whether one by one or as sums.

use crate::buckets::{CounterKey, CounterSum, HOUR_MS, Sum as _, Width};
use crate::convert::{boot_id, duration, odd, uncount};
use crate::load;
use rusqlite::{Connection, named_params};
use scrubjay_model::{BootId, CounterSum as Record, CoverageDay, SeriesKey};
use std::collections::BTreeMap;

/// Changes that are kept one by one.
pub(crate) const SINGLE: &str = "
    SELECT wall_ms, series, boot, by, step IN ('reboot', 'zeroed', 'assumed'), step = 'first'
    FROM snapshot
    CROSS JOIN counter_point ON counter_point.snapshot = snapshot.id
    JOIN agent_run ON agent_run.id = snapshot.run
    WHERE wall_ms >= :from AND wall_ms < :until";

/// Sums of an hour or a day.
pub(crate) const WHOLE: &str = "
    SELECT from_wall_ms, series, boot, by, points, restarts, max_by, last_total
    FROM counter_rollup
    WHERE hours = :hours AND from_wall_ms > :from AND from_wall_ms < :until
    ORDER BY from_wall_ms";

/// Changes of counters between two moments: sums of a day, then of an hour; single changes are added up
/// to hours, which is as fine as anybody asks.
pub(crate) fn counters(
    conn: &Connection,
    from_wall_ms: i64,
    until_wall_ms: i64,
) -> rusqlite::Result<Vec<Record>> {
    let names = Names::load(conn)?;
    let mut found = Vec::new();
    for width in [Width::Day, Width::Hour] {
        let width_ms = width.hours().saturating_mul(HOUR_MS);
        let mut query = conn.prepare_cached(WHOLE)?;
        let mut rows = query.query(named_params! {
            ":hours": width.hours(),
            ":from": from_wall_ms.saturating_sub(width_ms),
            ":until": until_wall_ms,
        })?;
        while let Some(row) = rows.next()? {
            let key =
                CounterKey { from_wall_ms: row.get(0)?, series: row.get(1)?, boot: row.get(2)? };
            let sum = CounterSum {
                by: row.get(3)?,
                points: row.get(4)?,
                restarts: row.get(5)?,
                max_by: row.get(6)?,
                last_total: row.get(7)?,
            };
            found.push(names.named(key, sum, false, width_ms)?);
        }
    }
    let mut query = conn.prepare_cached(SINGLE)?;
    let mut rows = query.query(named_params! { ":from": from_wall_ms, ":until": until_wall_ms })?;
    let mut hours: BTreeMap<(CounterKey, bool), CounterSum> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        // By position: there may be very many.
        let key = CounterKey {
            from_wall_ms: Width::Hour.begin(row.get(0)?),
            series: row.get(1)?,
            boot: row.get(2)?,
        };
        let by = row.get(3)?;
        let restarts = row.get(4)?;
        let sum = CounterSum { by, points: 1, restarts, max_by: by, last_total: by };
        let known = hours.entry((key, row.get(5)?));
        known.and_modify(|known| known.add(&sum)).or_insert(sum);
    }
    for ((key, is_first), sum) in hours {
        found.push(names.named(key, sum, is_first, HOUR_MS)?);
    }
    Ok(found)
}

/// Series and boots by their row ids, which rows of sums name by the thousand.
struct Names {
    series: BTreeMap<i64, SeriesKey>,
    boots: BTreeMap<i64, BootId>,
}

impl Names {
    fn load(conn: &Connection) -> rusqlite::Result<Self> {
        let series = conn
            .prepare(
                "SELECT key, place, class, series.id
                 FROM series JOIN controller ON controller.id = series.controller",
            )?
            .query_map([], |row| Ok((row.get(3)?, load::series_key(row)?)))?
            .collect::<rusqlite::Result<_>>()?;
        let boots = conn
            .prepare("SELECT id, boot_id FROM boot")?
            .query_map([], |row| Ok((row.get("id")?, boot_id(&row.get::<_, String>("boot_id")?)?)))?
            .collect::<rusqlite::Result<_>>()?;
        Ok(Self { series, boots })
    }

    fn named(
        &self,
        key: CounterKey,
        sum: CounterSum,
        is_first: bool,
        width_ms: i64,
    ) -> rusqlite::Result<Record> {
        let CounterKey { from_wall_ms, series, boot } = key;
        Ok(Record {
            from_wall_ms,
            to_wall_ms: from_wall_ms.saturating_add(width_ms),
            boot: self.boots.get(&boot).ok_or_else(|| odd("boot", boot))?.clone(),
            series: self.series.get(&series).ok_or_else(|| odd("series", series))?.clone(),
            by: uncount(sum.by)?,
            points: uncount(sum.points)?,
            restarts: uncount(sum.restarts)?,
            max_by: uncount(sum.max_by)?,
            is_first,
        })
    }
}

/// Days of coverage, in order.
pub(crate) fn coverage_days(conn: &Connection) -> rusqlite::Result<Vec<CoverageDay>> {
    conn.prepare(
        "SELECT from_wall_ms, boot_id, covered_ns, stretches
         FROM coverage_day JOIN boot ON boot.id = coverage_day.boot
         ORDER BY from_wall_ms, boot",
    )?
    .query_map([], |row| {
        Ok(CoverageDay {
            from_wall_ms: row.get("from_wall_ms")?,
            boot: boot_id(&row.get::<_, String>("boot_id")?)?,
            covered: duration(row.get("covered_ns")?)?,
            stretches: uncount(row.get("stretches")?)?,
        })
    })?
    .collect()
}

/// Bytes of each table and index, the largest first, with the rows of tables.
pub(crate) fn sizes(conn: &Connection) -> rusqlite::Result<Vec<(String, u64, Option<u64>)>> {
    let mut found: Vec<(String, u64, Option<u64>)> = conn
        .prepare("SELECT name, SUM(pgsize) AS bytes FROM dbstat GROUP BY name ORDER BY bytes DESC")?
        .query_map([], |row| Ok((row.get("name")?, uncount(row.get("bytes")?)?, None)))?
        .collect::<rusqlite::Result<_>>()?;
    for (name, _, rows) in &mut found {
        let is_table =
            "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1)";
        if conn.query_row(is_table, [name.as_str()], |row| row.get(0))? {
            let count = format!("SELECT COUNT(*) FROM \"{name}\"");
            *rows = Some(conn.query_row(&count, [], |row| row.get(0)).and_then(uncount)?);
        }
    }
    Ok(found)
}
