//! Sticks of memory in SQL.

use crate::convert::{count, odd, place, text, uncount};
use crate::modules::Turn;
use rusqlite::{Connection, Row, Transaction, named_params};
use scrubjay_model::{
    Confidence, ControllerKey, Identity, ModuleKey, ModuleRecord, ModuleTurn, SeriesPlace,
};
use std::collections::BTreeMap;

/// Puts a stick in its latest form.
pub(crate) fn put(tx: &Transaction<'_>, record: &ModuleRecord) -> rusqlite::Result<()> {
    let ModuleRecord {
        key,
        slot,
        bank,
        serial,
        part,
        manufacturer,
        size_bytes,
        places,
        listed,
        identity,
        confidence,
        evidence,
        since_wall_ms,
        ended_wall_ms,
        correctable,
        uncorrectable,
        restarts,
        last_error_wall_ms,
    } = record;
    tx.prepare_cached(
        "INSERT INTO module
           (key, slot, bank, serial, part, manufacturer, size_bytes, listed, identity, confidence,
            evidence, since_wall_ms, ended_wall_ms, correctable, uncorrectable, restarts,
            last_error_wall_ms)
         VALUES
           (:key, :slot, :bank, :serial, :part, :manufacturer, :size_bytes, :listed, :identity,
            :confidence, :evidence, :since_wall_ms, :ended_wall_ms, :correctable, :uncorrectable,
            :restarts, :last_error_wall_ms)
         ON CONFLICT (key) DO UPDATE SET
           slot = excluded.slot, bank = excluded.bank, serial = excluded.serial,
           part = excluded.part, manufacturer = excluded.manufacturer,
           size_bytes = excluded.size_bytes, listed = excluded.listed,
           identity = excluded.identity, confidence = excluded.confidence,
           evidence = excluded.evidence, ended_wall_ms = excluded.ended_wall_ms,
           correctable = excluded.correctable, uncorrectable = excluded.uncorrectable,
           restarts = excluded.restarts,
           last_error_wall_ms = excluded.last_error_wall_ms",
    )?
    .execute(named_params! {
        ":key": key.as_str(),
        ":slot": slot,
        ":bank": bank,
        ":serial": serial,
        ":part": part,
        ":manufacturer": manufacturer,
        ":size_bytes": size_bytes.map(count),
        ":listed": listed,
        ":identity": identity.as_str(),
        ":confidence": confidence.as_str(),
        ":evidence": evidence,
        ":since_wall_ms": since_wall_ms,
        ":ended_wall_ms": ended_wall_ms,
        ":correctable": count(*correctable),
        ":uncorrectable": count(*uncorrectable),
        ":restarts": count(*restarts),
        ":last_error_wall_ms": last_error_wall_ms,
    })?;
    let id: i64 = tx
        .prepare_cached("SELECT id FROM module WHERE key = :key")?
        .query_row(named_params! { ":key": key.as_str() }, |row| row.get(0))?;
    tx.prepare_cached("DELETE FROM module_place WHERE module = :module")?
        .execute(named_params! { ":module": id })?;
    for (controller, place) in places {
        tx.prepare_cached(
            "INSERT INTO module_place (module, controller, place)
             VALUES (:module, (SELECT id FROM controller WHERE key = :controller), :place)",
        )?
        .execute(named_params! {
            ":module": id,
            ":controller": controller.as_str(),
            ":place": place.to_string(),
        })?;
    }
    Ok(())
}

/// Adds a turn in the life of a stick.
pub(crate) fn add_turn(
    tx: &Transaction<'_>,
    snapshot: i64,
    key: &ModuleKey,
    turn: &Turn,
) -> rusqlite::Result<()> {
    let Turn { what, detail } = turn;
    tx.prepare_cached(
        "INSERT INTO module_turn (snapshot, module, what, detail)
         VALUES (:snapshot, (SELECT id FROM module WHERE key = :key), :what, :detail)",
    )?
    .execute(named_params! {
        ":snapshot": snapshot,
        ":key": key.as_str(),
        ":what": what,
        ":detail": detail,
    })
    .map(drop)
}

/// All sticks ever seen.
pub(crate) fn load(conn: &Connection) -> rusqlite::Result<BTreeMap<ModuleKey, ModuleRecord>> {
    let mut records: BTreeMap<ModuleKey, ModuleRecord> = conn
        .prepare(
            "SELECT key, slot, bank, serial, part, manufacturer, size_bytes, listed, identity,
                    confidence, evidence, since_wall_ms, ended_wall_ms, correctable, uncorrectable,
                    restarts, last_error_wall_ms
             FROM module",
        )?
        .query_map([], |row| {
            let record = record(row)?;
            Ok((record.key.clone(), record))
        })?
        .collect::<rusqlite::Result<_>>()?;
    let mut places = conn.prepare(
        "SELECT module.key, controller.key, place
         FROM module_place
         JOIN module ON module.id = module_place.module
         JOIN controller ON controller.id = module_place.controller",
    )?;
    let mut rows = places.query([])?;
    while let Some(row) = rows.next()? {
        let key = ModuleKey::from_stored(row.get::<_, String>(0)?);
        let controller = ControllerKey::from_stored(row.get::<_, String>(1)?);
        let told = text(row, 2)?;
        let SeriesPlace::Dimm(place) = place(told)? else { return Err(odd("place", told)) };
        if let Some(record) = records.get_mut(&key) {
            record.places.push((controller, place));
        }
    }
    for record in records.values_mut() {
        record.places.sort_unstable();
    }
    Ok(records)
}

fn record(row: &Row<'_>) -> rusqlite::Result<ModuleRecord> {
    let (identity, confidence) = (text(row, 8)?, text(row, 9)?);
    Ok(ModuleRecord {
        key: ModuleKey::from_stored(row.get::<_, String>(0)?),
        slot: row.get(1)?,
        bank: row.get(2)?,
        serial: row.get(3)?,
        part: row.get(4)?,
        manufacturer: row.get(5)?,
        size_bytes: row.get::<_, Option<i64>>(6)?.map(uncount).transpose()?,
        places: Vec::new(),
        listed: row.get(7)?,
        identity: Identity::parse(identity).ok_or_else(|| odd("identity", identity))?,
        confidence: Confidence::parse(confidence).ok_or_else(|| odd("confidence", confidence))?,
        evidence: row.get(10)?,
        since_wall_ms: row.get(11)?,
        ended_wall_ms: row.get(12)?,
        correctable: uncount(row.get(13)?)?,
        uncorrectable: uncount(row.get(14)?)?,
        restarts: uncount(row.get(15)?)?,
        last_error_wall_ms: row.get(16)?,
    })
}

/// The turns in the lives of all sticks, in the order in which they were seen.
pub(crate) fn turns(conn: &Connection) -> rusqlite::Result<Vec<ModuleTurn>> {
    conn.prepare(
        "SELECT wall_ms, key, what, detail
         FROM module_turn
         JOIN snapshot ON snapshot.id = module_turn.snapshot
         JOIN module ON module.id = module_turn.module
         ORDER BY module_turn.snapshot, module.id",
    )?
    .query_map([], |row| {
        Ok(ModuleTurn {
            at_wall_ms: row.get("wall_ms")?,
            key: ModuleKey::from_stored(row.get::<_, String>("key")?),
            what: row.get("what")?,
            detail: row.get("detail")?,
        })
    })?
    .collect()
}
