//! What is known of the errors of the sticks that are in the host, for those who judge them.

use crate::buckets::{HOUR_MS, Width};
use crate::convert::{class, duration, uncount};
use crate::error::database;
use crate::event_rows::word;
use crate::module_events::{self, Stay, Which};
use crate::{History, StorageError};
use rusqlite::{Connection, named_params};
use scrubjay_model::{
    CounterChange, ErrorClass, EventClass, FoldedReports, MemoryTraces, ModuleKey, Watch,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How many groups of reports are read, the last ones. Those of uncorrected errors are read in any
/// case, however many of corrected ones came after them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Most {
    /// Of one stick.
    pub(crate) each: u32,
    /// Of all sticks together: of many that err each has its share.
    pub(crate) all: u32,
}

impl Most {
    /// Enough for the shape of a fault; some 4 MiB, however many sticks err.
    pub(crate) const JUDGED: Self = Self { each: 2_000, all: 8_192 };

    /// For those who only add up counters.
    pub(crate) const FEWEST: Self = Self { each: 1, all: 1 };

    /// For those who replay a whole history.
    pub(crate) const REPLAYED: Self = Self { each: 1_000_000, all: u32::MAX };

    /// Of one of so many sticks that err.
    pub(crate) fn share(self, sticks: u32) -> u32 {
        self.each.min(self.all.checked_div(sticks).unwrap_or(self.all)).max(1)
    }
}

/// Of which sticks something is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sticks<'a> {
    /// Those that are in the host.
    Present,
    /// Those that ever were.
    All,
    /// One, wherever it is.
    One(&'a ModuleKey),
}

impl Sticks<'_> {
    fn has(self, key: &ModuleKey, is_gone: bool) -> bool {
        match self {
            Self::Present => !is_gone,
            Self::All => true,
            Self::One(one) => one == key,
        }
    }
}

/// Groups of reports of uncorrected errors of one stick that are read beyond those: after so many
/// another one changes nothing.
const MOST_FAILURES: u32 = 64;

/// Changes of a stick's counters that are told one by one, the first ones. In a storm each pass has
/// one, for weeks: beyond these, what was counted within a short time is told as a sum.
const SINGLE_CHANGES: usize = 512;

/// How short: sums begin anew with each of these, of changes of the last days and of older ones.
const LATE_SUM_MS: i64 = 600_000;
const EARLY_SUM_MS: i64 = 3 * HOUR_MS;

/// The last days.
const LATE_MS: i64 = 2 * 24 * HOUR_MS;

/// Reports that became sums. Of corrected errors and of deferred ones alone: others stay.
pub(crate) const FOLDED: &str = "
    SELECT from_wall_ms, boot, class, wording.text AS counter, SUM(counted) AS counted
    FROM event_rollup JOIN wording ON wording.id = event_rollup.counter
    WHERE hours = :hours AND from_wall_ms > :from AND class IN ('corrected', 'deferred')
      AND what IN (SELECT id FROM wording WHERE text = '{\"kind\":\"memory\"}')
    GROUP BY from_wall_ms, boot, class, counter";

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
        of_modules(&self.conn, from_wall_ms, Most::JUDGED, Sticks::Present)
            .map(Some)
            .map_err(database("read the history", &self.path))
    }
}

/// The errors of `sticks` from a moment on; no more groups of reports than `most`, the last ones.
pub(crate) fn of_modules(
    conn: &Connection,
    from_wall_ms: i64,
    most: Most,
    sticks: Sticks<'_>,
) -> rusqlite::Result<MemoryTraces> {
    let mut traces = MemoryTraces {
        from_wall_ms,
        watches: watches(conn, from_wall_ms)?,
        boots_wall_ms: boots(conn, from_wall_ms)?,
        modules: BTreeMap::new(),
    };
    let known: Vec<(ModuleKey, bool)> = conn
        .prepare("SELECT key, ended_wall_ms IS NOT NULL FROM module ORDER BY key")?
        .query_map([], |row| Ok((ModuleKey::from_stored(row.get::<_, String>(0)?), row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let asked = known.into_iter().filter(|(key, is_gone)| sticks.has(key, *is_gone));
    let keys: Vec<ModuleKey> = asked.map(|(key, _)| key).collect();
    let mut tenants: BTreeMap<i64, Vec<Tenant>> = BTreeMap::new();
    let mut by_counter: BTreeMap<String, Vec<Tenant>> = BTreeMap::new();
    let controllers = controllers(conn)?;
    let (mut all_stays, mut erring) = (Vec::with_capacity(keys.len()), 0_u32);
    for key in keys {
        let stays = module_events::stays(conn, &key)?;
        for stay in &stays {
            let (from_boot, until_boot) = boots_of(conn, stay)?;
            let tenant = || Tenant { module: key.clone(), from_boot, until_boot };
            for series in series_of(conn, stay)? {
                tenants.entry(series).or_default().push(tenant());
            }
            for (controller, place) in &stay.places {
                let Some(controller) = controllers.get(controller) else { continue };
                by_counter.entry(format!("{controller}/{place}")).or_default().push(tenant());
            }
        }
        let any = module_events::of_stays(conn, &stays, from_wall_ms, 1, Which::All)?;
        erring = erring.saturating_add(u32::from(!any.is_empty()));
        all_stays.push((key, stays));
    }
    let share = most.share(erring);
    for (key, stays) in all_stays {
        let trace = traces.modules.entry(key).or_default();
        // One more tells that there are more.
        let limit = share.saturating_add(1);
        trace.reports = module_events::of_stays(conn, &stays, from_wall_ms, limit, Which::All)?;
        let most = usize::try_from(share).unwrap_or(usize::MAX);
        trace.cut = trace.reports.len() > most;
        trace.reports.drain(..trace.reports.len().saturating_sub(most));
        if trace.cut {
            let failures = Which::NotCorrected;
            let failures =
                module_events::of_stays(conn, &stays, from_wall_ms, MOST_FAILURES, failures)?;
            let known: BTreeSet<i64> = trace.reports.iter().map(|report| report.id).collect();
            trace.reports.extend(failures.into_iter().filter(|one| !known.contains(&one.id)));
            trace.reports.sort_by_key(|report| report.id);
        }
    }
    give_folded(conn, from_wall_ms, &by_counter, &mut traces)?;
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
    let last = "SELECT COALESCE(MAX(wall_ms), 0) FROM snapshot";
    let last: i64 = conn.query_row(last, [], |row| row.get(0))?;
    let mut give = |series: i64, boot: i64, change: CounterChange| {
        let of_series = tenants.get(&series).into_iter().flatten();
        for tenant in of_series.filter(|t| t.from_boot <= boot && boot < t.until_boot) {
            if let Some(trace) = traces.modules.get_mut(&tenant.module) {
                add(&mut trace.changes, change, last);
            }
        }
    };
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

/// Adds a single change to those of a stick, which come in the order of time.
fn add(changes: &mut Vec<CounterChange>, change: CounterChange, last_wall_ms: i64) {
    let is_plain = |change: &CounterChange| {
        change.class == ErrorClass::Correctable && !change.restarted && !change.first
    };
    let is_many = changes.len() >= SINGLE_CHANGES;
    // Uncorrected errors stay by themselves, and there may be one in between.
    let before = changes.iter_mut().rev().take(8).find(|before| before.class == change.class);
    if let Some(sum) = before.filter(|_| is_many && is_plain(&change))
        && is_plain(sum)
    {
        let is_late = change.to_wall_ms > last_wall_ms.saturating_sub(LATE_MS);
        let width = if is_late { LATE_SUM_MS } else { EARLY_SUM_MS };
        if sum.to_wall_ms.div_euclid(width) == change.to_wall_ms.div_euclid(width)
            && sum.to_wall_ms <= change.to_wall_ms
        {
            let interval = |change: &CounterChange| {
                i64::try_from(change.interval.as_millis()).unwrap_or(i64::MAX)
            };
            // A change was seen at its moment, and happened in the interval before.
            if sum.from_wall_ms == sum.to_wall_ms {
                sum.from_wall_ms = sum.from_wall_ms.saturating_sub(interval(sum).max(1));
            }
            sum.to_wall_ms = change.to_wall_ms;
            sum.errors = sum.errors.saturating_add(change.errors);
            sum.interval = Duration::ZERO;
            return;
        }
    }
    changes.push(change);
}

/// Gives each stick the sums of its reports.
fn give_folded(
    conn: &Connection,
    from_wall_ms: i64,
    by_counter: &BTreeMap<String, Vec<Tenant>>,
    traces: &mut MemoryTraces,
) -> rusqlite::Result<()> {
    for width in [Width::Day, Width::Hour] {
        let width_ms = width.hours().saturating_mul(HOUR_MS);
        let mut query = conn.prepare_cached(FOLDED)?;
        let from = from_wall_ms.saturating_sub(width_ms);
        let mut rows = query.query(named_params! { ":hours": width.hours(), ":from": from })?;
        while let Some(row) = rows.next()? {
            let (begin, boot): (i64, i64) = (row.get("from_wall_ms")?, row.get("boot")?);
            let sum = FoldedReports {
                class: word(row, "class", EventClass::parse)?,
                from_wall_ms: begin,
                to_wall_ms: begin.saturating_add(width_ms),
                counted: uncount(row.get("counted")?)?,
            };
            let counter: String = row.get("counter")?;
            let of_counter = by_counter.get(&counter).into_iter().flatten();
            for tenant in of_counter.filter(|t| t.from_boot <= boot && boot < t.until_boot) {
                let trace = traces.modules.get_mut(&tenant.module);
                trace.into_iter().for_each(|trace| trace.folded.push(sum));
            }
        }
    }
    for trace in traces.modules.values_mut() {
        trace.folded.sort_by_key(|sum| (sum.from_wall_ms, sum.to_wall_ms));
    }
    Ok(())
}

/// The keys of controllers by their rows.
fn controllers(conn: &Connection) -> rusqlite::Result<BTreeMap<i64, String>> {
    conn.prepare("SELECT id, key FROM controller")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
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
