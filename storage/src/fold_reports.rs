//! Bites of reports and of losses in SQL. What is never folded is told in [`crate::fold_rows`].

use crate::buckets::{HOUR_MS, ReportKey, ReportSum, Width, roll_up};
use crate::event_rows::{Uses, json, wording};
use crate::fold_rows::{Folded, done, rows};
use crate::open_evidence::Open;
use crate::retention::Bite;
use rusqlite::{Row, ToSql, Transaction, named_params};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Reports that are neither of uncorrected errors nor of pages, nor the newest, whose id must not be
/// given again. `:open` is a list of places and controllers, and `:whether` whether reports of these are meant or all
/// others; those of `:kept` stay.
pub(crate) const REPORTS: &str = "
    SELECT event.id, first_wall_ms, boot, witness, class, what, place, message, detail,
           COALESCE(controller.key || '/' || counter_place, '') AS counter,
           reports, errors, counted, last_since_boot_ns
    FROM event
    JOIN agent_run ON agent_run.id = event.run
    LEFT JOIN controller ON controller.id = event.controller
    WHERE first_wall_ms >= :from AND first_wall_ms < :before
      AND class NOT IN ('uncorrected', 'fatal')
      AND what NOT IN (SELECT id FROM wording WHERE text GLOB '{\"kind\":\"page\"*'
                       UNION ALL
                       SELECT id FROM wording WHERE text GLOB '{\"kind\":\"soft_offline\"*')
      AND event.id < (SELECT MAX(id) FROM event)
      AND event.id NOT IN (SELECT value FROM json_each(:kept))
      AND (counter IN (SELECT value FROM json_each(:open))
           OR COALESCE(controller.key, '') IN (SELECT value FROM json_each(:open))) = :whether
    ORDER BY first_wall_ms LIMIT :most";

pub(crate) fn reports(
    tx: &Transaction<'_>,
    bite: &Bite,
    open: Open<'_>,
    whether: bool,
) -> rusqlite::Result<Folded> {
    let kept = if whether { open.kept(tx)? } else { BTreeSet::new() };
    let (open, kept) = (json(open.subjects)?, json(&kept)?);
    let (mut uses, mut texts) = (Uses::default(), HashMap::new());
    let more: [(&str, &dyn ToSql); 3] =
        [(":open", &open), (":whether", &whether), (":kept", &kept)];
    let found = rows(tx, REPORTS, bite, &more, |row| {
        let key = ReportKey {
            from_wall_ms: row.get("first_wall_ms")?,
            boot: row.get("boot")?,
            witness: row.get("witness")?,
            class: row.get("class")?,
            what: row.get("what")?,
            place: row.get("place")?,
            counter: 0,
        };
        let errors = row.get("errors")?;
        let sum = ReportSum {
            groups: 1,
            reports: row.get("reports")?,
            errors,
            counted: row.get("counted")?,
            max_errors: errors,
            last_since_boot_ns: row.get("last_since_boot_ns")?,
        };
        for text in [key.what, key.place, row.get("message")?, row.get("detail")?] {
            uses.add(text, -1);
        }
        Ok((row.get::<_, i64>("id")?, row.get::<_, String>("counter")?, key, sum))
    })?;
    let mut sums = Vec::with_capacity(found.len());
    let mut delete = tx.prepare_cached("DELETE FROM event WHERE id = ?1")?;
    for (id, counter, key, sum) in &found {
        let counter = wording(tx, counter, &mut texts)?;
        sums.push((ReportKey { counter, ..key.clone() }, *sum));
        delete.execute([*id])?;
    }
    put_reports(tx, Width::Hour, sums.into_iter(), &mut uses)?;
    uses.write(tx)?;
    Ok(done(&found, |(_, _, key, _)| key.from_wall_ms))
}

const REPORT_HOURS: &str = "
    SELECT from_wall_ms, boot, witness, class, what, place, counter, groups, reports, errors, counted,
           max_errors, last_since_boot_ns
    FROM event_rollup
    WHERE hours = 1 AND from_wall_ms >= :from AND from_wall_ms < :before
    ORDER BY from_wall_ms LIMIT :most";

pub(crate) fn report_hours(tx: &Transaction<'_>, bite: &Bite) -> rusqlite::Result<Folded> {
    let found = rows(tx, REPORT_HOURS, bite, &[], |row| Ok((report_key(row)?, report_sum(row)?)))?;
    let mut uses = Uses::default();
    put_reports(tx, Width::Day, found.iter().cloned(), &mut uses)?;
    let mut delete = tx.prepare_cached(
        "DELETE FROM event_rollup
         WHERE hours = 1 AND from_wall_ms = :from AND boot = :boot AND witness = :witness
           AND class = :class AND what = :what AND place = :place AND counter = :counter",
    )?;
    for (key, _) in &found {
        let ReportKey { from_wall_ms, boot, witness, class, what, place, counter } = key;
        delete.execute(named_params! {
            ":from": from_wall_ms,
            ":boot": boot,
            ":witness": witness,
            ":class": class,
            ":what": what,
            ":place": place,
            ":counter": counter,
        })?;
        [*what, *place, *counter].into_iter().for_each(|text| uses.add(text, -1));
    }
    uses.write(tx)?;
    Ok(done(&found, |(key, _)| key.from_wall_ms))
}

fn report_key(row: &Row<'_>) -> rusqlite::Result<ReportKey> {
    Ok(ReportKey {
        from_wall_ms: row.get("from_wall_ms")?,
        boot: row.get("boot")?,
        witness: row.get("witness")?,
        class: row.get("class")?,
        what: row.get("what")?,
        place: row.get("place")?,
        counter: row.get("counter")?,
    })
}

fn report_sum(row: &Row<'_>) -> rusqlite::Result<ReportSum> {
    Ok(ReportSum {
        groups: row.get("groups")?,
        reports: row.get("reports")?,
        errors: row.get("errors")?,
        counted: row.get("counted")?,
        max_errors: row.get("max_errors")?,
        last_since_boot_ns: row.get("last_since_boot_ns")?,
    })
}

fn put_reports(
    tx: &Transaction<'_>,
    width: Width,
    found: impl Iterator<Item = (ReportKey, ReportSum)>,
    uses: &mut Uses,
) -> rusqlite::Result<()> {
    let into = |(key, sum): (ReportKey, ReportSum)| {
        (ReportKey { from_wall_ms: width.begin(key.from_wall_ms), ..key }, sum)
    };
    let mut add = tx.prepare_cached(
        "UPDATE event_rollup SET
           groups = groups + :groups, reports = reports + :reports, errors = errors + :errors,
           counted = counted + :counted, max_errors = MAX(max_errors, :max_errors),
           last_since_boot_ns = MAX(last_since_boot_ns, :last)
         WHERE hours = :hours AND from_wall_ms = :from AND boot = :boot AND witness = :witness
           AND class = :class AND what = :what AND place = :place AND counter = :counter",
    )?;
    let mut begin = tx.prepare_cached(
        "INSERT INTO event_rollup
           (hours, from_wall_ms, boot, witness, class, what, place, counter, groups, reports,
            errors, counted, max_errors, last_since_boot_ns)
         VALUES (:hours, :from, :boot, :witness, :class, :what, :place, :counter, :groups,
                 :reports, :errors, :counted, :max_errors, :last)",
    )?;
    for (key, sum) in roll_up(found.map(into)) {
        let ReportKey { from_wall_ms, boot, witness, class, what, place, counter } = &key;
        let ReportSum { groups, reports, errors, counted, max_errors, last_since_boot_ns } = sum;
        let hours = width.hours();
        let params = named_params! {
            ":hours": hours,
            ":from": from_wall_ms,
            ":boot": boot,
            ":witness": witness,
            ":class": class,
            ":what": what,
            ":place": place,
            ":counter": counter,
            ":groups": groups,
            ":reports": reports,
            ":errors": errors,
            ":counted": counted,
            ":max_errors": max_errors,
            ":last": last_since_boot_ns,
        };
        if add.execute(params)? == 0 {
            begin.execute(params)?;
            [*what, *place, *counter].into_iter().for_each(|text| uses.add(text, 1));
        }
    }
    Ok(())
}

/// Notes of losses that another one of the same run follows within the hour; that one takes them in.
pub(crate) const LOSSES: &str = "
    SELECT id, wall_ms, lost, undecodable,
           (SELECT MIN(later.id) FROM event_loss AS later WHERE later.id > event_loss.id) AS next
    FROM event_loss
    WHERE wall_ms >= :from AND wall_ms < :before
      AND (SELECT later.run = event_loss.run
                  AND later.wall_ms / :hour_ms = event_loss.wall_ms / :hour_ms
           FROM event_loss AS later WHERE later.id > event_loss.id
           ORDER BY later.id LIMIT 1)
    ORDER BY id LIMIT :most";

pub(crate) fn losses(tx: &Transaction<'_>, bite: &Bite) -> rusqlite::Result<Folded> {
    let found = rows(tx, LOSSES, bite, &[(":hour_ms", &HOUR_MS)], |row| {
        let loss: (i64, i64) = (row.get("lost")?, row.get("undecodable")?);
        Ok((row.get::<_, i64>("id")?, row.get::<_, i64>("next")?, row.get("wall_ms")?, loss))
    })?;
    // What one takes in goes on to the next.
    let mut taken: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    for (id, next, _, (lost, undecodable)) in &found {
        let before = taken.remove(id).unwrap_or_default();
        let sum = taken.entry(*next).or_default();
        sum.0 = sum.0.saturating_add(before.0).saturating_add(*lost);
        sum.1 = sum.1.saturating_add(before.1).saturating_add(*undecodable);
        tx.prepare_cached("DELETE FROM event_loss WHERE id = ?1")?.execute([*id])?;
    }
    let mut add = tx.prepare_cached(
        "UPDATE event_loss SET lost = lost + ?2, undecodable = undecodable + ?3 WHERE id = ?1",
    )?;
    for (id, (lost, undecodable)) in taken {
        add.execute([id, lost, undecodable])?;
    }
    Ok(done(&found, |(_, _, wall_ms, _)| *wall_ms))
}
