//! Changes into SQL. Rows of the present are put, rows of what happened are added.

use crate::alerts;
use crate::changes::{Changes, Entry, Point};
use crate::convert::{count, nanos};
use crate::event_rows;
use crate::events::WitnessedState;
use crate::exposure_rows;
use crate::module_rows;
use crate::page_rows;
use crate::state::{BootState, ControllerState, CounterState, RunRow, Stretch};
use rusqlite::{Transaction, named_params};
use scrubjay_model::{BootEnd, BootId, SeriesKey, SourceId};

/// Writes all changes. Whoever calls commits.
pub(crate) fn changes(tx: &Transaction<'_>, changes: &Changes) -> rusqlite::Result<()> {
    let Changes {
        urgent: _,
        boots,
        lost_boots,
        runs,
        stretches,
        controllers,
        counters,
        witnessed,
        modules,
        events,
        losses,
        bad_pages,
        exposures,
        exposure_turns,
        alerts: changed_alerts,
        // Numbered and chained by its keeper, in the same transaction.
        ledger: _,
        entries,
        folded: _,
    } = changes;
    // Only one boot may be running at any moment, so the ended ones go first.
    let is_running = |boot: &&BootState| boot.ended == BootEnd::Running;
    for boot in boots.values().filter(|boot| !is_running(boot)) {
        put_boot(tx, boot)?;
    }
    for boot in boots.values().filter(is_running) {
        put_boot(tx, boot)?;
    }
    for boot in lost_boots {
        put_lost_boot(tx, boot)?;
    }
    for run in runs.values() {
        put_run(tx, run)?;
    }
    for ((run, _), stretch) in stretches {
        put_stretch(tx, *run, stretch)?;
    }
    // An index belongs to one controller at any moment, and two may have changed places.
    for controller in controllers.values() {
        put_controller(tx, &ControllerState { index: None, ..controller.clone() })?;
    }
    for controller in controllers.values().filter(|controller| controller.index.is_some()) {
        put_controller(tx, controller)?;
    }
    for (key, counter) in counters {
        put_counter(tx, key, counter)?;
    }
    for (key, known) in witnessed {
        put_witnessed(tx, key, *known)?;
    }
    for module in modules.values() {
        module_rows::put(tx, module)?;
    }
    event_rows::add(tx, events)?;
    for loss in losses {
        event_rows::add_loss(tx, *loss)?;
    }
    for page in bad_pages.values() {
        page_rows::put(tx, page)?;
    }
    for exposure in exposures {
        exposure_rows::add(tx, exposure)?;
    }
    for turn in exposure_turns {
        exposure_rows::add_turn(tx, turn)?;
    }
    alerts::write(tx, changed_alerts)?;
    entries.iter().try_for_each(|entry| add_entry(tx, entry))
}

/// Notes something that happened to the history itself.
pub(crate) fn incident(
    tx: &Transaction<'_>,
    wall_ms: i64,
    kind: &str,
    detail: &str,
) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "INSERT INTO incident (wall_ms, kind, detail) VALUES (:wall_ms, :kind, :detail)",
    )?
    .execute(named_params! { ":wall_ms": wall_ms, ":kind": kind, ":detail": detail })
    .map(drop)
}

fn put_boot(tx: &Transaction<'_>, boot: &BootState) -> rusqlite::Result<()> {
    let BootState {
        booted_wall_ms,
        last,
        kernel_release,
        kernel_version,
        ended,
        evidence,
        // Told by the boot's last run.
        last_run: _,
    } = boot;
    tx.prepare_cached(
        "INSERT INTO boot
           (boot_id, booted_wall_ms, last_wall_ms, last_since_boot_ns, last_awake_ns,
            kernel_release, kernel_version, ended, evidence)
         VALUES
           (:boot, :booted_wall_ms, :last_wall_ms, :last_since_boot_ns, :last_awake_ns,
            :kernel_release, :kernel_version, :ended, :evidence)
         ON CONFLICT (boot_id) DO UPDATE SET
           booted_wall_ms = COALESCE(booted_wall_ms, excluded.booted_wall_ms),
           last_wall_ms = excluded.last_wall_ms,
           last_since_boot_ns = excluded.last_since_boot_ns,
           last_awake_ns = excluded.last_awake_ns,
           kernel_release = COALESCE(kernel_release, excluded.kernel_release),
           kernel_version = COALESCE(kernel_version, excluded.kernel_version)",
    )?
    .execute(named_params! {
        ":boot": last.boot.as_str(),
        ":booted_wall_ms": booted_wall_ms,
        ":last_wall_ms": last.wall_ms,
        ":last_since_boot_ns": last.since_boot.map(nanos),
        ":last_awake_ns": last.awake.map(nanos),
        ":kernel_release": kernel_release,
        ":kernel_version": kernel_version,
        ":ended": ended.as_str(),
        ":evidence": evidence,
    })?;
    // Apart, because `ended` has an index: naming it in the statement above would write another
    // page at every flush.
    tx.prepare_cached(
        "UPDATE boot SET ended = :ended, evidence = :evidence
         WHERE boot_id = :boot AND (ended <> :ended OR evidence <> :evidence)",
    )?
    .execute(named_params! {
        ":boot": last.boot.as_str(),
        ":ended": ended.as_str(),
        ":evidence": evidence,
    })
    .map(drop)
}

/// When it was nobody knows.
fn put_lost_boot(tx: &Transaction<'_>, boot: &BootId) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "INSERT INTO boot (boot_id, ended, evidence)
         VALUES (?1, 'unknown', 'The file that told when it began and ended is gone.')
         ON CONFLICT (boot_id) DO NOTHING",
    )?
    .execute([boot.as_str()])
    .map(drop)
}

fn put_run(tx: &Transaction<'_>, run: &RunRow) -> rusqlite::Result<()> {
    let RunRow { id, version, interval, started, stopped } = run;
    tx.prepare_cached(
        "INSERT INTO agent_run
           (id, boot, version, interval_ns, started_wall_ms, started_since_boot_ns,
            stopped_wall_ms, stopped_since_boot_ns)
         VALUES
           (:id, (SELECT id FROM boot WHERE boot_id = :boot), :version, :interval_ns,
            :started_wall_ms, :started_since_boot_ns, :stopped_wall_ms, :stopped_since_boot_ns)
         ON CONFLICT (id) DO UPDATE SET
           stopped_wall_ms = excluded.stopped_wall_ms,
           stopped_since_boot_ns = excluded.stopped_since_boot_ns",
    )?
    .execute(named_params! {
        ":id": id,
        ":boot": started.boot.as_str(),
        ":version": version,
        ":interval_ns": nanos(*interval),
        ":started_wall_ms": started.wall_ms,
        ":started_since_boot_ns": started.since_boot.map(nanos),
        ":stopped_wall_ms": stopped.as_ref().map(|at| at.wall_ms),
        ":stopped_since_boot_ns": stopped.as_ref().and_then(|at| at.since_boot).map(nanos),
    })
    .map(drop)
}

fn put_stretch(tx: &Transaction<'_>, run: i64, stretch: &Stretch) -> rusqlite::Result<()> {
    let Stretch { from, from_wall_ms, to, to_wall_ms } = stretch;
    tx.prepare_cached(
        "INSERT INTO coverage (run, from_since_boot_ns, from_wall_ms, to_since_boot_ns, to_wall_ms)
         VALUES (:run, :from_since_boot_ns, :from_wall_ms, :to_since_boot_ns, :to_wall_ms)
         ON CONFLICT (run, from_since_boot_ns) DO UPDATE SET
           to_since_boot_ns = excluded.to_since_boot_ns,
           to_wall_ms = excluded.to_wall_ms",
    )?
    .execute(named_params! {
        ":run": run,
        ":from_since_boot_ns": nanos(*from),
        ":from_wall_ms": from_wall_ms,
        ":to_since_boot_ns": nanos(*to),
        ":to_wall_ms": to_wall_ms,
    })
    .map(drop)
}

fn put_controller(tx: &Transaction<'_>, controller: &ControllerState) -> rusqlite::Result<()> {
    let ControllerState { key, index, name } = controller;
    tx.prepare_cached(
        "INSERT INTO controller (key, last_index, name) VALUES (:key, :last_index, :name)
         ON CONFLICT (key) DO UPDATE SET last_index = excluded.last_index, name = excluded.name",
    )?
    .execute(named_params! { ":key": key.as_str(), ":last_index": index, ":name": name })
    .map(drop)
}

fn put_counter(
    tx: &Transaction<'_>,
    key: &SeriesKey,
    counter: &CounterState,
) -> rusqlite::Result<()> {
    let CounterState { base, read_awake, total, restarts, since_wall_ms, fell_to } = counter;
    tx.prepare_cached(
        "INSERT OR IGNORE INTO series (controller, place, class, since_wall_ms)
         VALUES ((SELECT id FROM controller WHERE key = :controller), :place, :class,
                 :since_wall_ms)",
    )?
    .execute(named_params! {
        ":controller": key.controller.as_str(),
        ":place": key.place.to_string(),
        ":class": key.class.as_str(),
        ":since_wall_ms": since_wall_ms,
    })?;
    tx.prepare_cached(
        "INSERT OR REPLACE INTO counter_state
           (series, boot, value, zeroed_earliest_ns, zeroed_latest_ns, read_awake_ns, total,
            restarts, fell_to)
         VALUES (:series, (SELECT id FROM boot WHERE boot_id = :boot), :value,
                 :zeroed_earliest_ns, :zeroed_latest_ns, :read_awake_ns, :total, :restarts,
                 :fell_to)",
    )?
    .execute(named_params! {
        ":series": series_id(tx, key)?,
        ":boot": base.epoch.boot.as_str(),
        ":value": count(base.value),
        ":zeroed_earliest_ns": base.epoch.zeroed.map(|window| nanos(window.earliest)),
        ":zeroed_latest_ns": base.epoch.zeroed.map(|window| nanos(window.latest)),
        ":read_awake_ns": read_awake.map(nanos),
        ":total": count(*total),
        ":restarts": count(*restarts),
        ":fell_to": fell_to.map(count),
    })
    .map(drop)
}

fn put_witnessed(
    tx: &Transaction<'_>,
    key: &SeriesKey,
    WitnessedState { errors, unheard }: WitnessedState,
) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "INSERT OR REPLACE INTO witnessed (series, errors, unheard)
         VALUES (:series, :errors, :unheard)",
    )?
    .execute(named_params! {
        ":series": series_id(tx, key)?,
        ":errors": count(errors),
        ":unheard": count(unheard),
    })
    .map(drop)
}

fn series_id(tx: &Transaction<'_>, key: &SeriesKey) -> rusqlite::Result<i64> {
    tx.prepare_cached(
        "SELECT series.id FROM series JOIN controller ON controller.id = series.controller
         WHERE controller.key = :controller AND place = :place AND class = :class",
    )?
    .query_row(
        named_params! {
            ":controller": key.controller.as_str(),
            ":place": key.place.to_string(),
            ":class": key.class.as_str(),
        },
        |row| row.get(0),
    )
}

fn add_entry(tx: &Transaction<'_>, entry: &Entry) -> rusqlite::Result<()> {
    let Entry { snapshot, run, at, points, sources, facts, turns, clock_step_ms } = entry;
    tx.prepare_cached(
        "INSERT INTO snapshot (id, run, wall_ms, since_boot_ns, awake_ns)
         VALUES (:id, :run, :wall_ms, :since_boot_ns, :awake_ns)",
    )?
    .execute(named_params! {
        ":id": snapshot,
        ":run": run,
        ":wall_ms": at.wall_ms,
        ":since_boot_ns": at.since_boot.map(nanos),
        ":awake_ns": at.awake.map(nanos),
    })?;
    for (key, point) in points {
        add_point(tx, *snapshot, key, point)?;
    }
    for (source, (word, reason)) in sources {
        tx.prepare_cached(
            "INSERT INTO source_state (snapshot, source, state, reason_kind, reason)
             VALUES (:snapshot, :source, :state, :reason_kind, :reason)",
        )?
        .execute(named_params! {
            ":snapshot": snapshot,
            ":source": source.as_str(),
            ":state": word.state.as_str(),
            ":reason_kind": word.reason,
            ":reason": reason,
        })?;
    }
    for ((name, subject), (fact, reason)) in facts {
        tx.prepare_cached(
            "INSERT INTO fact (name, subject, snapshot, source, state, value, reason)
             VALUES (:name, :subject, :snapshot, :source, :state, :value, :reason)",
        )?
        .execute(named_params! {
            ":name": name,
            ":subject": subject,
            ":snapshot": snapshot,
            ":source": fact.source.map(SourceId::as_str),
            ":state": fact.known.as_str(),
            ":value": fact.known.value(),
            ":reason": reason,
        })?;
    }
    for (key, turn) in turns {
        module_rows::add_turn(tx, *snapshot, key, turn)?;
    }
    if let Some(by_ms) = clock_step_ms {
        tx.prepare_cached("INSERT INTO clock_step (snapshot, by_ms) VALUES (:snapshot, :by_ms)")?
            .execute(named_params! { ":snapshot": snapshot, ":by_ms": by_ms })?;
    }
    Ok(())
}

fn add_point(
    tx: &Transaction<'_>,
    snapshot: i64,
    key: &SeriesKey,
    point: &Point,
) -> rusqlite::Result<()> {
    let Point { step, by, value, total } = point;
    let series = series_id(tx, key)?;
    tx.prepare_cached(
        "INSERT OR REPLACE INTO counter_last (series, snapshot) VALUES (:series, :snapshot)",
    )?
    .execute(named_params! { ":series": series, ":snapshot": snapshot })?;
    tx.prepare_cached(
        "INSERT INTO counter_point (snapshot, series, step, by, value, total)
         VALUES (:snapshot, :series, :step, :by, :value, :total)",
    )?
    .execute(named_params! {
        ":snapshot": snapshot,
        ":series": series,
        ":step": step.as_str(),
        ":by": count(*by),
        ":value": count(*value),
        ":total": count(*total),
    })
    .map(drop)
}
