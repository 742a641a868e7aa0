//! Reports of errors into SQL, and back.

use crate::convert::{boot_id, count, duration, nanos, odd, optional_duration, uncount};
use crate::events::{EventRow, LossRow};
use rusqlite::{Connection, Row, Transaction, named_params};
use scrubjay_model::{
    BootId, EventClass, EventGroup, EventRecord, Folded, LossRecord, ReportTotal, Witness,
};
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// Ids of texts that were looked up in this transaction. Reports of a storm differ in numbers and
/// share their texts, and the database is asked once for each text instead of once for each report.
pub(crate) type Wordings = HashMap<String, i64>;

/// By how much more, or less, texts are named than before.
#[derive(Debug, Default)]
pub(crate) struct Uses(BTreeMap<i64, i64>);

impl Uses {
    /// So many more columns name a text.
    pub(crate) fn add(&mut self, text: i64, more: i64) {
        let uses = self.0.entry(text).or_default();
        *uses = uses.saturating_add(more);
    }

    /// Writes it down.
    pub(crate) fn write(self, tx: &Transaction<'_>) -> rusqlite::Result<()> {
        let mut add =
            tx.prepare_cached("UPDATE wording_use SET uses = uses + ?2 WHERE wording = ?1")?;
        let mut begin =
            tx.prepare_cached("INSERT INTO wording_use (wording, uses) VALUES (?1, ?2)")?;
        for (text, more) in self.0 {
            if add.execute([text, more])? == 0 {
                begin.execute([text, more])?;
            }
        }
        Ok(())
    }
}

/// Adds reports.
pub(crate) fn add(tx: &Transaction<'_>, events: &[EventRow]) -> rusqlite::Result<()> {
    let (mut known, mut uses) = (Wordings::new(), Uses::default());
    let mut totals: BTreeMap<(Witness, EventClass), ReportTotal> = BTreeMap::new();
    for event in events {
        add_one(tx, event, &mut known, &mut uses)?;
        let total = totals.entry((event.group.witness, event.group.class)).or_default();
        total.reports = total.reports.saturating_add(event.group.reports);
        total.errors = total.errors.saturating_add(event.group.errors);
        total.counted = total.counted.saturating_add(event.counted);
    }
    uses.write(tx)?;
    totals.into_iter().try_for_each(|(key, total)| add_total(tx, key, total))
}

/// Sees to it that no sum of reports is below what was known of it.
pub(crate) fn raise_totals(
    conn: &Connection,
    totals: &BTreeMap<(Witness, EventClass), ReportTotal>,
) -> rusqlite::Result<()> {
    let mut raise = conn.prepare(
        "INSERT INTO report_total (witness, class, reports, errors, counted)
         VALUES (:witness, :class, :reports, :errors, :counted)
         ON CONFLICT (witness, class) DO UPDATE SET
           reports = MAX(reports, excluded.reports), errors = MAX(errors, excluded.errors),
           counted = MAX(counted, excluded.counted)",
    )?;
    for ((witness, class), ReportTotal { reports, errors, counted }) in totals {
        raise.execute(named_params! {
            ":witness": witness.as_str(),
            ":class": class.as_str(),
            ":reports": count(*reports),
            ":errors": count(*errors),
            ":counted": count(*counted),
        })?;
    }
    Ok(())
}

fn add_total(
    tx: &Transaction<'_>,
    (witness, class): (Witness, EventClass),
    ReportTotal { reports, errors, counted }: ReportTotal,
) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "INSERT INTO report_total (witness, class, reports, errors, counted)
         VALUES (:witness, :class, :reports, :errors, :counted)
         ON CONFLICT (witness, class) DO UPDATE SET
           reports = reports + excluded.reports,
           errors = errors + excluded.errors,
           counted = counted + excluded.counted",
    )?
    .execute(named_params! {
        ":witness": witness.as_str(),
        ":class": class.as_str(),
        ":reports": count(reports),
        ":errors": count(errors),
        ":counted": count(counted),
    })
    .map(drop)
}

fn add_one(
    tx: &Transaction<'_>,
    event: &EventRow,
    known: &mut Wordings,
    uses: &mut Uses,
) -> rusqlite::Result<()> {
    let EventRow { id, run, first_wall_ms, group, counter, counted, same_as } = event;
    let EventGroup {
        first,
        last,
        witness,
        class,
        what,
        place,
        address,
        grain_bits,
        syndrome,
        reports,
        errors,
        message,
        detail,
        folded,
    } = group;
    let mut text = |text: &str| -> rusqlite::Result<i64> {
        let id = wording(tx, text, known)?;
        uses.add(id, 1);
        Ok(id)
    };
    let (what, place) = (text(&json(what)?)?, text(&json(place)?)?);
    let (message, detail) = (text(message)?, text(detail)?);
    tx.prepare_cached(
        "INSERT INTO event
           (id, run, first_wall_ms, first_since_boot_ns, last_since_boot_ns, witness, class, what,
            place, controller, counter_place, address, grain_bits, syndrome, reports, errors,
            counted, same_as, message, detail, folded)
         VALUES
           (:id, :run, :first_wall_ms, :first, :last, :witness, :class, :what, :place,
            (SELECT id FROM controller WHERE key = :controller), :counter_place, :address,
            :grain_bits, :syndrome, :reports, :errors, :counted, :same_as, :message, :detail,
            :folded)",
    )?
    .execute(named_params! {
        ":id": id,
        ":run": run,
        ":first_wall_ms": first_wall_ms,
        ":first": nanos(*first),
        ":last": nanos(*last),
        ":witness": witness.as_str(),
        ":class": class.as_str(),
        ":what": what,
        ":place": place,
        ":controller": counter.as_ref().map(|(controller, _)| controller.as_str()),
        ":counter_place": counter.as_ref().map(|(_, place)| place.to_string()),
        ":address": address.map(u64::cast_signed),
        ":grain_bits": grain_bits,
        ":syndrome": syndrome.map(u64::cast_signed),
        ":reports": count(*reports),
        ":errors": count(*errors),
        ":counted": count(*counted),
        ":same_as": same_as,
        ":message": message,
        ":detail": detail,
        ":folded": folded.as_str(),
    })
    .map(drop)
}

/// Adds a loss.
pub(crate) fn add_loss(tx: &Transaction<'_>, loss: LossRow) -> rusqlite::Result<()> {
    let LossRow { run, wall_ms, lost, undecodable } = loss;
    tx.prepare_cached(
        "INSERT INTO event_loss (run, wall_ms, lost, undecodable)
         VALUES (:run, :wall_ms, :lost, :undecodable)",
    )?
    .execute(named_params! {
        ":run": run,
        ":wall_ms": wall_ms,
        ":lost": count(lost),
        ":undecodable": count(undecodable),
    })
    .map(drop)
}

/// The id of a text, which is added if it is new.
pub(crate) fn wording(
    tx: &Transaction<'_>,
    text: &str,
    known: &mut Wordings,
) -> rusqlite::Result<i64> {
    if let Some(id) = known.get(text) {
        return Ok(*id);
    }
    tx.prepare_cached("INSERT INTO wording (text) VALUES (?1) ON CONFLICT DO NOTHING")?
        .execute([text])?;
    let id = tx
        .prepare_cached("SELECT id FROM wording WHERE text = ?1")?
        .query_row([text], |row| row.get(0))?;
    known.insert(text.to_owned(), id);
    Ok(id)
}

/// As the columns `what` and `place` hold it.
pub(crate) fn json(value: &impl serde::Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

/// The columns of a query that [`record`] reads.
pub(crate) const COLUMNS: &str = "
    event.id, boot_id, first_wall_ms, first_since_boot_ns, event.last_since_boot_ns, witness,
    class, what.text AS what, place.text AS place, controller.key AS controller, counter_place, address,
    grain_bits, syndrome, reports, errors, counted, same_as, message.text AS message,
    detail.text AS detail, folded";

/// Where they come from.
pub(crate) const TABLES: &str = "
    event
    JOIN agent_run ON agent_run.id = event.run
    JOIN boot ON boot.id = agent_run.boot
    JOIN wording AS what ON what.id = event.what
    JOIN wording AS place ON place.id = event.place
    JOIN wording AS message ON message.id = event.message
    JOIN wording AS detail ON detail.id = event.detail
    LEFT JOIN controller ON controller.id = event.controller";

/// Reports that came after one, or since a moment, in the order in which they were taken in; the
/// last `limit` of them.
pub(crate) fn records(
    conn: &Connection,
    after: i64,
    since_wall_ms: Option<i64>,
    limit: u32,
) -> rusqlite::Result<Vec<EventRecord>> {
    let mut found: Vec<EventRecord> = conn
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM {TABLES}
             WHERE event.id > :after AND first_wall_ms >= :since
             ORDER BY event.id DESC LIMIT :limit"
        ))?
        .query_map(
            named_params! {
                ":after": after,
                ":since": since_wall_ms.unwrap_or(i64::MIN),
                ":limit": limit,
            },
            record,
        )?
        .collect::<rusqlite::Result<_>>()?;
    found.reverse();
    Ok(found)
}

/// Most reports of pages that are read, the last ones. The registry holds as many pages.
const MOST_OF_PAGES: usize = scrubjay_model::MOST_BAD_PAGES;

/// Only the kernel's memory-failure code tells of pages, and its reports have an index.
pub(crate) fn of_pages_query() -> String {
    format!(
        "SELECT {COLUMNS} FROM {TABLES}
         WHERE witness IN ('memory_failure', 'log_memory_failure')
           AND what.text ->> 'kind' IN ('page', 'soft_offline')
         ORDER BY event.id DESC LIMIT :limit"
    )
}

/// Reports of what became of pages, in the order in which they were taken in.
pub(crate) fn of_pages(conn: &Connection) -> rusqlite::Result<Vec<EventRecord>> {
    let mut found: Vec<EventRecord> = conn
        .prepare(&of_pages_query())?
        .query_map(
            named_params! { ":limit": i64::try_from(MOST_OF_PAGES).unwrap_or(i64::MAX) },
            record,
        )?
        .collect::<rusqlite::Result<_>>()?;
    found.reverse();
    Ok(found)
}

pub(crate) fn record(row: &Row<'_>) -> rusqlite::Result<EventRecord> {
    let controller: Option<String> = row.get("controller")?;
    let counter_place: Option<String> = row.get("counter_place")?;
    Ok(EventRecord {
        id: row.get("id")?,
        boot: boot_id(&row.get::<_, String>("boot_id")?)?,
        first_wall_ms: row.get("first_wall_ms")?,
        dimm: controller.zip(counter_place).map(|(key, place)| format!("{key}/{place}")),
        same_as: row.get("same_as")?,
        counted: uncount(row.get("counted")?)?,
        group: EventGroup {
            first: duration(row.get("first_since_boot_ns")?)?,
            last: duration(row.get("last_since_boot_ns")?)?,
            witness: word(row, "witness", Witness::parse)?,
            class: word(row, "class", EventClass::parse)?,
            what: parsed(row, "what")?,
            place: parsed(row, "place")?,
            address: row.get::<_, Option<i64>>("address")?.map(i64::cast_unsigned),
            grain_bits: row.get("grain_bits")?,
            syndrome: row.get::<_, Option<i64>>("syndrome")?.map(i64::cast_unsigned),
            reports: uncount(row.get("reports")?)?,
            errors: uncount(row.get("errors")?)?,
            message: row.get("message")?,
            detail: row.get("detail")?,
            folded: word(row, "folded", Folded::parse)?,
        },
    })
}

/// A word of a fixed set.
pub(crate) fn word<T>(
    row: &Row<'_>,
    column: &'static str,
    parse: fn(&str) -> Option<T>,
) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    parse(&text).ok_or_else(|| odd(column, text))
}

/// A value that is stored as JSON.
pub(crate) fn parsed<T: DeserializeOwned>(
    row: &Row<'_>,
    column: &'static str,
) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|_| odd(column, text))
}

/// When in a boot the kernel log last told of an error that is recorded.
pub(crate) fn last_from_log(
    conn: &Connection,
    boot: &BootId,
) -> rusqlite::Result<Option<Duration>> {
    let last: Option<i64> = conn.query_row(LAST_FROM_LOG, [boot.as_str()], |row| row.get(0))?;
    optional_duration(last)
}

/// What was folded told of it as well.
pub(crate) const LAST_FROM_LOG: &str = "
    SELECT MAX(last) FROM (
      SELECT MAX(event.last_since_boot_ns) AS last
      FROM boot
      JOIN agent_run ON agent_run.boot = boot.id
      JOIN event ON event.run = agent_run.id AND substr(witness, 1, 4) = 'log_'
      WHERE boot_id = ?1
      UNION ALL
      SELECT MAX(last_since_boot_ns) FROM event_rollup
      WHERE boot = (SELECT id FROM boot WHERE boot_id = ?1) AND substr(witness, 1, 4) = 'log_'
    )";

/// Reports that were lost since a moment, in order.
pub(crate) fn losses(
    conn: &Connection,
    since_wall_ms: Option<i64>,
) -> rusqlite::Result<Vec<LossRecord>> {
    conn.prepare_cached(
        "SELECT boot_id, wall_ms, lost, undecodable
         FROM event_loss
         JOIN agent_run ON agent_run.id = event_loss.run
         JOIN boot ON boot.id = agent_run.boot
         WHERE wall_ms >= :since ORDER BY event_loss.id",
    )?
    .query_map(named_params! { ":since": since_wall_ms.unwrap_or(i64::MIN) }, |row| {
        Ok(LossRecord {
            boot: boot_id(&row.get::<_, String>("boot_id")?)?,
            at_wall_ms: row.get("wall_ms")?,
            lost: uncount(row.get("lost")?)?,
            undecodable: uncount(row.get("undecodable")?)?,
        })
    })?
    .collect()
}
