//! Pages that the kernel was asked to take out of use, and the errors that speak for asking.

use crate::convert::{boot_id, odd, uncount};
use crate::event_rows;
use rusqlite::{Connection, named_params};
use scrubjay_model::{
    BootId, CorrectedPage, EventClass, EventWhat, Folded, PageAnswer, PageRequest, PageRequests,
};
use std::collections::BTreeMap;

const DAY_MS: i64 = 86_400_000;

/// Most pages looked at, those with most errors first. A budget allows for fewer in all.
const MOST_PAGES: usize = 4_096;

/// Corrected errors of memory by page, of pages that had some within the last day.
///
/// Left out are rows that were folded over pages, addresses that are known less finely than a page,
/// and errors from before the kernel was last asked for their page: what was acted upon is no reason
/// to act again.
pub(crate) fn corrected(
    conn: &Connection,
    now_wall_ms: i64,
    page_size_bytes: u64,
    days: u32,
) -> rusqlite::Result<Vec<CorrectedPage>> {
    if !page_size_bytes.is_power_of_two() {
        return Ok(Vec::new());
    }
    let mut found: BTreeMap<u64, CorrectedPage> = BTreeMap::new();
    let mut query = conn.prepare_cached(
        "WITH error AS MATERIALIZED (
           SELECT id, address & :mask AS page, (:now - first_wall_ms) / :day_ms AS day, counted,
                  controller
           FROM event
           WHERE first_wall_ms BETWEEN :from AND :now AND class = :class AND folded <> :folded
             AND what = (SELECT id FROM wording WHERE text = :what)
             AND address IS NOT NULL AND (grain_bits IS NULL OR grain_bits <= :bits)
             AND first_wall_ms > COALESCE(
               (SELECT MAX(wall_ms) FROM page_request
                WHERE page_request.address = event.address & :mask), :from - 1)
         ), lately AS (
           SELECT page, SUM(counted) AS errors FROM error WHERE day = 0
           GROUP BY page HAVING errors > 0 ORDER BY errors DESC, page LIMIT :most
         )
         SELECT page, day, sum AS errors, controller.key || '/' || event.counter_place AS dimm
         FROM (
           SELECT page, day, SUM(counted) AS sum,
                  MAX(CASE WHEN controller IS NOT NULL THEN id END) AS named
           FROM error WHERE page IN (SELECT page FROM lately) GROUP BY page, day
         )
         LEFT JOIN event ON event.id = named
         LEFT JOIN controller ON controller.id = event.controller
         ORDER BY page, day",
    )?;
    let mut rows = query.query(named_params! {
        ":mask": page_size_bytes.wrapping_neg().cast_signed(),
        ":bits": page_size_bytes.trailing_zeros(),
        ":now": now_wall_ms,
        ":from": now_wall_ms.saturating_sub(i64::from(days) * DAY_MS - 1),
        ":day_ms": DAY_MS,
        ":class": EventClass::Corrected.as_str(),
        ":folded": Folded::Pages.as_str(),
        ":what": event_rows::json(&EventWhat::Memory)?,
        ":most": i64::try_from(MOST_PAGES).unwrap_or(i64::MAX),
    })?;
    while let Some(row) = rows.next()? {
        let physical_address = row.get::<_, i64>("page")?.cast_unsigned();
        let page = found.entry(physical_address).or_insert_with(|| CorrectedPage {
            physical_address,
            by_day: Vec::new(),
            dimm: None,
        });
        let day = usize::try_from(row.get::<_, i64>("day")?).unwrap_or(usize::MAX);
        // They come in order, and those without an error are left out.
        page.by_day.resize(day.min(usize::try_from(days).unwrap_or(usize::MAX)), 0);
        page.by_day.push(uncount(row.get("errors")?)?);
        if page.dimm.is_none() {
            page.dimm = row.get("dimm")?;
        }
    }
    Ok(found.into_values().collect())
}

/// What was asked for so far.
pub(crate) fn asked(
    conn: &Connection,
    now_wall_ms: i64,
    boot: &BootId,
) -> rusqlite::Result<PageRequests> {
    // A clock that was set back makes requests of the future, which count as well.
    let (in_all, last_day) = conn
        .prepare_cached("SELECT COUNT(*), COALESCE(SUM(wall_ms > :day_ago), 0) FROM page_request")?
        .query_row(named_params! { ":day_ago": now_wall_ms.saturating_sub(DAY_MS) }, |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let this_boot = conn
        .prepare_cached(
            "SELECT address FROM page_request
             JOIN agent_run ON agent_run.id = page_request.run
             JOIN boot ON boot.id = agent_run.boot
             WHERE boot_id = ?1",
        )?
        .query_map([boot.as_str()], |row| row.get::<_, i64>(0).map(i64::cast_unsigned))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(PageRequests { last_day, in_all, this_boot })
}

/// Notes that the kernel is about to be asked. Returns the row.
pub(crate) fn begin(
    conn: &Connection,
    run: i64,
    wall_ms: i64,
    physical_address: u64,
) -> rusqlite::Result<i64> {
    conn.prepare_cached(
        "INSERT INTO page_request (run, wall_ms, address) VALUES (:run, :wall_ms, :address)",
    )?
    .insert(named_params! {
        ":run": run,
        ":wall_ms": wall_ms,
        ":address": physical_address.cast_signed(),
    })
}

/// Notes what came of it.
pub(crate) fn end(conn: &Connection, id: i64, answer: PageAnswer) -> rusqlite::Result<()> {
    let errno = match answer {
        PageAnswer::Failed { errno } => Some(errno),
        PageAnswer::Done | PageAnswer::NotAsked => None,
    };
    conn.prepare_cached("UPDATE page_request SET answer = :answer, errno = :errno WHERE id = :id")?
        .execute(named_params! { ":answer": answer.as_str(), ":errno": errno, ":id": id })
        .map(drop)
}

/// All requests, in order.
pub(crate) fn all(conn: &Connection) -> rusqlite::Result<Vec<PageRequest>> {
    conn.prepare(
        "SELECT address, boot_id, wall_ms, answer, errno FROM page_request
         JOIN agent_run ON agent_run.id = page_request.run
         JOIN boot ON boot.id = agent_run.boot
         ORDER BY page_request.id",
    )?
    .query_map([], |row| {
        let errno = row.get("errno")?;
        let word: Option<String> = row.get("answer")?;
        let parse =
            |word: String| PageAnswer::parse(&word, errno).ok_or_else(|| odd("answer", word));
        Ok(PageRequest {
            physical_address: row.get::<_, i64>("address")?.cast_unsigned(),
            boot: boot_id(&row.get::<_, String>("boot_id")?)?,
            at_wall_ms: row.get("wall_ms")?,
            answer: word.map(parse).transpose()?,
        })
    })?
    .collect()
}
