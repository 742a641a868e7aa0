//! The reports of one stick: those of its places, each in the time in which it was there.

use crate::event_rows::{COLUMNS, TABLES, record, word};
use crate::modules::PLACES_APART;
use rusqlite::{Connection, OptionalExtension, named_params};
use scrubjay_model::{
    EventClass, EventPattern, EventRecord, Folded, MODULE_PLACES, ModuleKey, PATTERN_PAGE_BYTES,
};
use std::collections::BTreeSet;

/// Groups of reports that a pattern is taken of: enough for a shape, few enough to be read while
/// somebody waits.
const MOST_GROUPS: u32 = 5_000;

/// Where and when a stick was.
pub(crate) struct Stay {
    /// Controllers and places, as in the rows of events.
    pub(crate) places: Vec<(i64, String)>,
    /// First run of the agent in the boot in which the stick was first seen there. Sticks do not
    /// change places in a running host, and what was reported early in that boot was kept by the
    /// kernel until the agent came.
    pub(crate) from_run: i64,
    /// First run of the boot in which it was no longer there.
    pub(crate) until_run: Option<i64>,
}

/// First run in the boot of the last turn of these kinds.
const TURN_RUN: &str = "
    SELECT MIN(earliest.id) FROM agent_run AS earliest WHERE earliest.boot =
      (SELECT agent_run.boot FROM module_turn
       JOIN snapshot ON snapshot.id = module_turn.snapshot
       JOIN agent_run ON agent_run.id = snapshot.run
       WHERE module_turn.module = :module AND what IN";

/// Each fact about the places of a stick, with the first run in the boot it was recorded in.
const PLACES: &str = "
    SELECT fact.value, (SELECT MIN(earliest.id) FROM agent_run AS earliest
                        WHERE earliest.boot = agent_run.boot)
    FROM fact JOIN snapshot ON snapshot.id = fact.snapshot
    JOIN agent_run ON agent_run.id = snapshot.run
    WHERE fact.name = :name AND fact.subject = :subject ORDER BY fact.snapshot";

/// Where a stick was and is.
pub(crate) fn stays(conn: &Connection, key: &ModuleKey) -> rusqlite::Result<Vec<Stay>> {
    let told: Vec<(Option<String>, i64)> = conn
        .prepare(PLACES)?
        .query_map(named_params! { ":name": MODULE_PLACES, ":subject": key.as_str() }, |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    let mut stays = Vec::new();
    for ((names, from_run), (_, until_run)) in told.iter().zip(told.iter().skip(1)) {
        let (from_run, until_run) = (*from_run, Some(*until_run));
        let mut places = Vec::new();
        for name in names.iter().flat_map(|names| names.split(PLACES_APART)) {
            let Some((controller, place)) = name.split_once('/') else { continue };
            let id = "SELECT id FROM controller WHERE key = :key";
            let id = conn.query_row(id, named_params! { ":key": controller }, |row| row.get(0));
            places.extend(id.optional()?.map(|id| (id, place.to_owned())));
        }
        stays.push(Stay { places, from_run, until_run });
    }
    // The end of the last stay of one that is gone is among them.
    let is_gone = told.last().is_some_and(|(names, _)| names.as_deref() == Some(""));
    if !is_gone {
        stays.extend(latest_stay(conn, key)?);
    }
    Ok(stays)
}

fn latest_stay(conn: &Connection, key: &ModuleKey) -> rusqlite::Result<Option<Stay>> {
    let found: Option<(i64, bool)> = conn
        .query_row(
            "SELECT id, ended_wall_ms IS NOT NULL FROM module WHERE key = :key",
            named_params! { ":key": key.as_str() },
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    let Some((module, ended)) = found else { return Ok(None) };
    let run = |turns: &str| -> rusqlite::Result<Option<i64>> {
        conn.query_row(
            &format!("{TURN_RUN} ({turns}) ORDER BY module_turn.snapshot DESC LIMIT 1)"),
            named_params! { ":module": module },
            |row| row.get(0),
        )
    };
    let from_run = run("'new', 'moved', 'returned', 'swapped_in'")?.unwrap_or(i64::MIN);
    let until_run = if ended { run("'replaced', 'removed', 'regrouped'")? } else { None };
    let places = conn
        .prepare("SELECT controller, place FROM module_place WHERE module = :module")?
        .query_map(named_params! { ":module": module }, |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Some(Stay { places, from_run, until_run }))
}

/// Every place of every stay.
fn each_place(stays: &[Stay]) -> impl Iterator<Item = (&Stay, &(i64, String))> {
    stays.iter().flat_map(|stay| stay.places.iter().map(move |place| (stay, place)))
}

/// The condition on rows of events; [`Stay`] tells what it is given.
const WITHIN: &str = "
    event.controller = :controller AND counter_place = :place
    AND event.run >= :from AND event.run < :until AND first_wall_ms >= :since";

/// Which of them.
const NEWEST_FIRST: &str = " ORDER BY event.run DESC, event.id DESC LIMIT :limit";

/// Which reports are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    All,
    /// Those of errors that were not corrected.
    NotCorrected,
}

/// The reports of one place.
fn records_query(which: Which) -> String {
    let class = match which {
        Which::All => "",
        Which::NotCorrected => " AND class IN ('deferred', 'uncorrected', 'fatal')",
    };
    format!("SELECT {COLUMNS} FROM {TABLES} WHERE {WITHIN}{class}{NEWEST_FIRST}")
}

/// What a pattern needs of them.
fn pattern_query() -> String {
    format!(
        "SELECT first_wall_ms, class, address, syndrome, counted, folded FROM event
         WHERE {WITHIN}{NEWEST_FIRST}"
    )
}

/// All of them, for the test of how they are answered.
#[cfg(test)]
pub(crate) fn queries() -> [String; 3] {
    [records_query(Which::All), records_query(Which::NotCorrected), pattern_query()]
}

/// The last `limit` reports of a stick, in order.
pub(crate) fn records(
    conn: &Connection,
    key: &ModuleKey,
    limit: u32,
) -> rusqlite::Result<Vec<EventRecord>> {
    of_stays(conn, &stays(conn, key)?, i64::MIN, limit, Which::All)
}

/// The last `limit` reports of a stick from a moment on, in order, if it is known where it was.
pub(crate) fn of_stays(
    conn: &Connection,
    stays: &[Stay],
    since_wall_ms: i64,
    limit: u32,
    which: Which,
) -> rusqlite::Result<Vec<EventRecord>> {
    let mut found: Vec<EventRecord> = Vec::new();
    let mut rows = conn.prepare(&records_query(which))?;
    for (stay, (controller, place)) in each_place(stays) {
        let of_place = rows.query_map(
            named_params! {
                ":controller": controller,
                ":place": place,
                ":from": stay.from_run,
                ":until": stay.until_run.unwrap_or(i64::MAX),
                ":since": since_wall_ms,
                ":limit": limit,
            },
            record,
        )?;
        for event in of_place {
            found.push(event?);
        }
    }
    found.sort_by_key(|event| event.id);
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    found.drain(..found.len().saturating_sub(most));
    Ok(found)
}

/// What the latest reports of a stick have in common.
pub(crate) fn pattern(conn: &Connection, key: &ModuleKey) -> rusqlite::Result<EventPattern> {
    let stays = stays(conn, key)?;
    let mut pattern = EventPattern::default();
    let (mut pages, mut syndromes) = (BTreeSet::new(), BTreeSet::new());
    let mut rows = conn.prepare(&pattern_query())?;
    let share =
        u32::try_from(each_place(&stays).count().max(1)).map_or(1, |places| MOST_GROUPS / places);
    for (stay, (controller, place)) in each_place(&stays) {
        let mut of_place = rows.query(named_params! {
            ":controller": controller,
            ":place": place,
            ":from": stay.from_run,
            ":until": stay.until_run.unwrap_or(i64::MAX),
            // One more tells that there are more.
            ":since": i64::MIN,
            ":limit": share.saturating_add(1),
        })?;
        let mut of_this = 0_u32;
        while let Some(row) = of_place.next()? {
            of_this = of_this.saturating_add(1);
            if of_this > share {
                pattern.cut = true;
                break;
            }
            let at: i64 = row.get("first_wall_ms")?;
            let address: Option<i64> = row.get("address")?;
            let syndrome: Option<i64> = row.get("syndrome")?;
            pattern.groups = pattern.groups.saturating_add(1);
            pattern.first_wall_ms = Some(pattern.first_wall_ms.map_or(at, |first| first.min(at)));
            pattern.last_wall_ms = Some(pattern.last_wall_ms.map_or(at, |last| last.max(at)));
            let errors = pattern.errors.entry(word(row, "class", EventClass::parse)?).or_default();
            *errors = errors.saturating_add(crate::convert::uncount(row.get("counted")?)?);
            match address {
                Some(address) => drop(pages.insert(address.cast_unsigned() / PATTERN_PAGE_BYTES)),
                None => pattern.without_address = pattern.without_address.saturating_add(1),
            }
            syndromes.extend(syndrome);
            match word(row, "folded", Folded::parse)? {
                Folded::Nothing => {}
                Folded::Syndromes | Folded::Pages => {
                    pattern.folded = pattern.folded.saturating_add(1);
                }
            }
        }
    }
    pattern.pages = u64::try_from(pages.len()).unwrap_or(u64::MAX);
    pattern.syndromes = u64::try_from(syndromes.len()).unwrap_or(u64::MAX);
    Ok(pattern)
}
