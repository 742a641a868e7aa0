//! Whether sums agree with what else tells of them, and making them agree.
//!
//! Nothing in SQLite notices that a bit of a number fell over. But a sum is told more than once: by
//! its own row, by the last change of the counter, by the change before with what was added, and by
//! the last checkpoint of the ledger.

use crate::convert;
use crate::error::DatabaseFault;
use crate::ledger;
use crate::load;
use crate::schema;
use crate::state::State;
use rusqlite::{Connection, OptionalExtension, Transaction, named_params};
use std::collections::BTreeMap;

/// A change of a counter.
#[derive(Debug, Clone, Copy)]
struct Change {
    snapshot: i64,
    by: i64,
    total: i64,
    is_first: bool,
}

/// The changes of a counter, from the first to the last.
#[derive(Debug, Default)]
struct Changes {
    last: Option<Change>,
    before: Option<Change>,
    /// What the kernel showed at the last change that became the base of the next.
    base: Option<i64>,
    restarts: i64,
    /// Whether changes between those that are left became sums.
    is_folded: bool,
}

impl Changes {
    /// The sum as the change before the last, and what the last added, make it.
    fn reckoned(&self) -> Option<i64> {
        let last = self.last?;
        // The one before is not the one it was added to.
        if self.is_folded {
            return None;
        }
        if last.is_first {
            return Some(last.by);
        }
        self.before.map(|before| before.total.saturating_add(last.by))
    }
}

/// The changes of all counters; one pass over the table, in its order.
fn changes(conn: &Connection) -> rusqlite::Result<BTreeMap<i64, Changes>> {
    let mut all: BTreeMap<i64, Changes> = BTreeMap::new();
    let mut statement = conn.prepare(
        "SELECT snapshot, series, step, by, value, total FROM counter_point ORDER BY snapshot",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let step = row.get_ref(2)?;
        let step = step.as_str().unwrap_or_default();
        let change = Change {
            snapshot: row.get(0)?,
            by: row.get(3)?,
            total: row.get(5)?,
            is_first: step == "first",
        };
        let known = all.entry(row.get(1)?).or_default();
        known.before = known.last.replace(change);
        match step {
            // Changes between it and the one before may have become sums.
            "fell" => known.base = None,
            "first" | "advanced" => known.base = Some(row.get(4)?),
            _ => {
                known.base = Some(row.get(4)?);
                known.restarts = known.restarts.saturating_add(1);
            }
        }
    }
    drop(rows);
    let mut statement =
        conn.prepare("SELECT series, SUM(restarts) FROM counter_rollup GROUP BY 1")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let known = all.entry(row.get(0)?).or_default();
        known.is_folded = true;
        known.restarts = known.restarts.saturating_add(row.get(1)?);
    }
    Ok(all)
}

/// Whether the sum of a counter, or the reading it goes on from, is not the one of its last change.
pub(crate) fn disagree(conn: &Connection) -> rusqlite::Result<bool> {
    let changes = changes(conn)?;
    // The last changes may be what a damaged file had lost.
    let was_salvaged = conn.prepare("SELECT 1 FROM incident WHERE kind = 'salvaged'")?.exists([])?;
    let mut statement = conn.prepare("SELECT series, value, total FROM counter_state")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let Some(known) = changes.get(&row.get(0)?) else { continue };
        let (value, total) = (row.get::<_, i64>(1)?, row.get::<_, i64>(2)?);
        let is_off = known.last.is_some_and(|last| {
            last.total > total || (last.total < total && !was_salvaged)
        })
            // A higher base only counts less, and changes that waited for room were folded.
            || known.base.is_some_and(|base| base > value);
        if is_off {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Makes sums agree with the changes and the ledger that were salvaged; returns how many were not
/// taken from their own row.
/// `is_whole`: no row of the old file is missing, as far as can be told.
pub(super) fn mend(tx: &Transaction<'_>, is_whole: bool) -> rusqlite::Result<u64> {
    let mut mended = 0_u64;
    for (series, known) in &changes(tx)? {
        mended += u64::from(mend_by_changes(tx, *series, known, is_whole)?);
    }
    for (name, told) in ledger::rows::sums_told(tx)? {
        let told = convert::count(told);
        mended += u64::from(mend_counter(tx, &name, told)? || mend_stick(tx, &name, told)?);
    }
    Ok(mended)
}

/// Of three that tell of the sum the two that agree are believed; of two, the lower. Where changes
/// are missing the last ones may be among them, and a higher sum is no contradiction. Of the
/// reading to go on from, the higher: that counts less later.
fn mend_by_changes(
    tx: &Transaction<'_>,
    series: i64,
    known: &Changes,
    is_whole: bool,
) -> rusqlite::Result<bool> {
    let Some(last) = known.last else { return Ok(false) };
    let state: Option<(i64, i64)> = tx
        .query_row(
            "SELECT value, total FROM counter_state WHERE series = :series",
            named_params! { ":series": series },
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    let reckoned = known.reckoned();
    let Some((value, total)) = state else {
        let sum = reckoned.map_or(last.total, |reckoned| reckoned.min(last.total));
        let base = known.base.unwrap_or(sum).min(sum);
        agree(tx, series, last, base, sum)?;
        return add_state(tx, series, Some(last.snapshot), base, sum, known.restarts);
    };
    let is_later = !is_whole && total > last.total;
    let sum = if is_later || total == last.total || Some(total) == reckoned {
        total
    } else if Some(last.total) == reckoned {
        last.total
    } else {
        total.min(last.total)
    };
    let base = known.base.map_or(value, |base| base.max(value)).min(sum);
    agree(tx, series, last, base, sum)?;
    if (base, sum) == (value, total) {
        return Ok(false);
    }
    tx.execute(
        "UPDATE counter_state SET total = :total, value = :value,
                fell_to = CASE WHEN fell_to < :value THEN fell_to END
         WHERE series = :series",
        named_params! { ":total": sum, ":value": base, ":series": series },
    )?;
    Ok(true)
}

/// Takes back what the last change tells beyond what was decided: it would be found to disagree at
/// every start.
fn agree(
    tx: &Transaction<'_>,
    series: i64,
    last: Change,
    base: i64,
    sum: i64,
) -> rusqlite::Result<()> {
    tx.execute(
        "UPDATE counter_point
         SET total = MIN(total, :sum), value = MIN(value, :base),
             by = CASE step WHEN 'first' THEN MIN(total, :sum) ELSE MIN(by, :sum) END
         WHERE snapshot = :snapshot AND series = :series AND (total > :sum OR value > :base)",
        named_params! { ":sum": sum, ":base": base, ":snapshot": last.snapshot, ":series": series },
    )
    .map(drop)
}

/// A state for a counter that lost its own: of the boot of its last change, or of the last boot.
fn add_state(
    tx: &Transaction<'_>,
    series: i64,
    snapshot: Option<i64>,
    value: i64,
    total: i64,
    restarts: i64,
) -> rusqlite::Result<bool> {
    let added = tx.execute(
        "INSERT INTO counter_state (series, boot, value, total, restarts)
         SELECT :series,
                COALESCE((SELECT agent_run.boot FROM snapshot
                          JOIN agent_run ON agent_run.id = snapshot.run
                          WHERE snapshot.id = :snapshot), MAX(boot.id)),
                :value, :total, :restarts
         FROM boot HAVING COUNT(*) > 0",
        named_params! {
            ":series": series,
            ":snapshot": snapshot,
            ":value": value,
            ":total": total,
            ":restarts": restarts,
        },
    )?;
    Ok(added > 0)
}

/// A counter is never below what the ledger bound. One that is not known any more begins there:
/// how much of the sum the kernel still shows is not known either, so that all of it is taken to
/// be shown, which counts less.
fn mend_counter(tx: &Transaction<'_>, name: &str, told: i64) -> rusqlite::Result<bool> {
    let Some((controller, place, class)) = parts(name) else { return Ok(false) };
    let find = || {
        tx.query_row(
            "SELECT series.id FROM series JOIN controller ON controller.id = series.controller
             WHERE key = :key AND place = :place AND class = :class",
            named_params! { ":key": controller, ":place": place, ":class": class },
            |row| row.get::<_, i64>(0),
        )
        .optional()
    };
    let series = match find()? {
        Some(series) => series,
        None => {
            tx.execute(
                "INSERT OR IGNORE INTO controller (key) VALUES (:key)",
                named_params! { ":key": controller },
            )?;
            tx.execute(
                "INSERT INTO series (controller, place, class, since_wall_ms)
                 SELECT id, :place, :class,
                        (SELECT wall_ms FROM ledger ORDER BY seq LIMIT 1)
                 FROM controller WHERE key = :key",
                named_params! { ":key": controller, ":place": place, ":class": class },
            )?;
            tx.last_insert_rowid()
        }
    };
    let raised = tx.execute(
        // As much of the base as the sum was raised by was counted already.
        "UPDATE counter_state SET value = MIN(:told, value + :told - total), total = :told
         WHERE series = :series AND total < :told",
        named_params! { ":told": told, ":series": series },
    )?;
    if raised > 0 {
        return Ok(true);
    }
    let is_known = tx
        .prepare_cached("SELECT 1 FROM counter_state WHERE series = :series")?
        .exists(named_params! { ":series": series })?;
    if is_known { Ok(false) } else { add_state(tx, series, None, told, told, 1) }
}

/// `CONTROLLER/PLACE CLASS`, as a counter is named. Both of the first may have slashes of their own.
fn parts(name: &str) -> Option<(&str, &str, &str)> {
    let (rest, class) = name.rsplit_once(' ')?;
    convert::class(class).ok()?;
    rest.rmatch_indices('/').find_map(|(at, _)| {
        let (controller, place) = (rest.get(..at)?, rest.get(at + 1..)?);
        (!controller.is_empty() && convert::place(place).is_ok())
            .then_some((controller, place, class))
    })
}

/// `KEY CLASS`, as the errors of a stick are named.
fn mend_stick(tx: &Transaction<'_>, name: &str, told: i64) -> rusqlite::Result<bool> {
    let Some((key, class)) = name.rsplit_once(' ') else { return Ok(false) };
    let column = match class {
        "correctable" => "correctable",
        "uncorrectable" => "uncorrectable",
        _ => return Ok(false),
    };
    if parts(name).is_some() {
        return Ok(false);
    }
    // A stick of which no more is known than its sum. Should it be seen again it goes on from it.
    tx.execute(
        "INSERT OR IGNORE INTO module
           (key, listed, identity, confidence, evidence, since_wall_ms, ended_wall_ms,
            correctable, uncorrectable, restarts)
         SELECT :key, 0, 'place', 'unknown', 'The ledger; the rest was lost with a damaged file.',
                MIN(wall_ms), MAX(wall_ms), 0, 0, 1
         FROM ledger HAVING COUNT(*) > 0",
        named_params! { ":key": key },
    )?;
    let raised = tx.execute(
        &format!(
            "UPDATE module SET {column} = :told,
                    last_error_wall_ms = COALESCE(last_error_wall_ms,
                      (SELECT wall_ms FROM ledger ORDER BY seq DESC LIMIT 1))
             WHERE key = :key AND {column} < :told"
        ),
        named_params! { ":told": told, ":key": key },
    )?;
    Ok(raised > 0)
}

/// The state, if everything is defined as it should be, it can be loaded and its sums agree; an error if
/// the disk, and not what is on it, is the trouble.
pub(crate) fn sound(conn: &Connection) -> rusqlite::Result<Option<State>> {
    if !schema::is_as_created(conn)? {
        return Ok(None);
    }
    let verdict = load::state(conn).and_then(|state| Ok((!disagree(conn)?).then_some(state)));
    match verdict {
        Err(error) if is_content(&error) => Ok(None),
        other => other,
    }
}

/// Whether an error is about what was read, rather than about reading.
pub(crate) fn is_content(error: &rusqlite::Error) -> bool {
    match DatabaseFault::of(error) {
        DatabaseFault::Corrupt => true,
        // What no column of ours holds is told by the types, without SQLite.
        DatabaseFault::Other => error.sqlite_error_code().is_none(),
        DatabaseFault::Full
        | DatabaseFault::ReadOnly
        | DatabaseFault::Busy
        | DatabaseFault::Io
        | DatabaseFault::CannotOpen => false,
    }
}
