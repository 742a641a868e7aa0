//! Errors that other tools recorded. A group of records is known by tool, table, hour, class,
//! witness, subject and place, so that taking in the same file again, or a copy of it, adds nothing,
//! and one that has grown adds what is new.

use crate::convert::{count, odd, uncount};
use crate::event_rows::{Uses, Wordings, json, parsed, word, wording};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, named_params};
use scrubjay_model::{
    ErrorMemory, ErrorRecords, EventClass, ForeignErrors, ForeignReport, ImportedErrors, Witness,
};

/// What came of taking in what one tool recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorImport {
    /// Which tool.
    pub memory: ErrorMemory,
    /// Records that were not known before.
    pub records_added: u64,
    /// Errors they speak of.
    pub errors_added: u64,
}

/// Takes in what a tool recorded. Whoever calls commits.
pub(crate) fn take_in(
    tx: &Transaction<'_>,
    told: &ErrorRecords,
    now_wall_ms: i64,
) -> rusqlite::Result<ErrorImport> {
    // The groups refer to the import, which tells how many of them were new.
    let import: i64 = tx
        .prepare_cached(
            "INSERT INTO error_import
               (wall_ms, memory, paths, records, errors, records_added, errors_added, left_out)
             VALUES (:wall_ms, :memory, :paths, :records, :errors, 0, 0, :left_out)
             RETURNING id",
        )?
        .query_row(
            named_params! {
                ":wall_ms": now_wall_ms,
                ":memory": told.memory.as_str(),
                ":paths": told.paths.join("\n"),
                ":records": count(told.records()),
                ":errors": count(told.errors()),
                ":left_out": json(&told.left_out)?,
            },
            |row| row.get(0),
        )?;
    let (mut known, mut uses) = (Wordings::new(), Uses::default());
    let mut taken = ErrorImport { memory: told.memory, records_added: 0, errors_added: 0 };
    for group in &told.errors {
        let (records, errors) = put(tx, import, told.memory, group, &mut known, &mut uses)?;
        taken.records_added = taken.records_added.saturating_add(records);
        taken.errors_added = taken.errors_added.saturating_add(errors);
    }
    uses.write(tx)?;
    tx.prepare_cached(
        "UPDATE error_import SET records_added = :records, errors_added = :errors WHERE id = :id",
    )?
    .execute(named_params! {
        ":id": import,
        ":records": count(taken.records_added),
        ":errors": count(taken.errors_added),
    })?;
    Ok(taken)
}

/// Adds a group, or what it has more than before. Returns how many records and errors are new.
fn put(
    tx: &Transaction<'_>,
    import: i64,
    memory: ErrorMemory,
    group: &ForeignErrors,
    known: &mut Wordings,
    uses: &mut Uses,
) -> rusqlite::Result<(u64, u64)> {
    let ForeignErrors {
        hour,
        first_wall_ms,
        last_wall_ms,
        first_row,
        last_row,
        records,
        errors,
        first:
            ForeignReport {
                origin,
                witness,
                class,
                what,
                place,
                address,
                grain_bits,
                syndrome,
                message,
                detail,
            },
    } = group;
    let (what, place) = (wording(tx, &json(what)?, known)?, wording(tx, &json(place)?, known)?);
    let before: Option<(i64, i64, i64)> = tx
        .prepare_cached(
            "SELECT id, records, errors FROM imported_error
             WHERE memory = :memory AND origin = :origin AND COALESCE(hour, -1) = :hour
               AND class = :class AND witness = :witness AND what = :what AND place = :place",
        )?
        .query_row(
            named_params! {
                ":memory": memory.as_str(),
                ":origin": origin,
                ":hour": hour.unwrap_or(-1),
                ":class": class.as_str(),
                ":witness": witness.as_str(),
                ":what": what,
                ":place": place,
            },
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .optional()?;
    if let Some((id, records_before, errors_before)) = before {
        let more =
            |now: u64, before: i64| Ok::<_, rusqlite::Error>(now.saturating_sub(uncount(before)?));
        let added = (more(*records, records_before)?, more(*errors, errors_before)?);
        // An older copy, or a log of which a part is gone, tells of less.
        if added.0 == 0 {
            return Ok((0, 0));
        }
        tx.prepare_cached(
            "UPDATE imported_error SET
               records = :records, errors = MAX(errors, :errors), first_row = :first_row,
               last_row = :last_row, first_wall_ms = MIN(first_wall_ms, :first_wall_ms),
               last_wall_ms = MAX(last_wall_ms, :last_wall_ms)
             WHERE id = :id",
        )?
        .execute(named_params! {
            ":id": id,
            ":records": count(*records),
            ":errors": count(*errors),
            ":first_row": first_row,
            ":last_row": last_row,
            ":first_wall_ms": first_wall_ms,
            ":last_wall_ms": last_wall_ms,
        })?;
        return Ok(added);
    }
    let (message, detail) = (wording(tx, message, known)?, wording(tx, detail, known)?);
    for text in [what, place, message, detail] {
        uses.add(text, 1);
    }
    tx.prepare_cached(
        "INSERT INTO imported_error
           (import, memory, origin, first_row, last_row, hour, first_wall_ms, last_wall_ms, witness,
            class, what, place, records, errors, address, grain_bits, syndrome, message, detail)
         VALUES
           (:import, :memory, :origin, :first_row, :last_row, :hour, :first_wall_ms, :last_wall_ms,
            :witness, :class, :what, :place, :records, :errors, :address, :grain_bits, :syndrome,
            :message, :detail)",
    )?
    .execute(named_params! {
        ":import": import,
        ":memory": memory.as_str(),
        ":origin": origin,
        ":first_row": first_row,
        ":last_row": last_row,
        ":hour": hour,
        ":first_wall_ms": first_wall_ms,
        ":last_wall_ms": last_wall_ms,
        ":witness": witness.as_str(),
        ":class": class.as_str(),
        ":what": what,
        ":place": place,
        ":records": count(*records),
        ":errors": count(*errors),
        ":address": address.map(u64::cast_signed),
        ":grain_bits": grain_bits,
        ":syndrome": syndrome.map(u64::cast_signed),
        ":message": message,
        ":detail": detail,
    })?;
    Ok((*records, *errors))
}

/// Whether anything was ever taken in.
pub(crate) fn any(conn: &Connection) -> rusqlite::Result<bool> {
    conn.query_row("SELECT EXISTS (SELECT 1 FROM error_import)", [], |row| row.get(0))
}

/// Everything that was ever taken in, those without a time first, then in order of time.
pub(crate) fn all(conn: &Connection) -> rusqlite::Result<Vec<ImportedErrors>> {
    conn.prepare(
        "SELECT imported_error.memory, origin, error_import.wall_ms AS taken_in, first_wall_ms,
                last_wall_ms, first_row, last_row, imported_error.records, imported_error.errors,
                witness, class, what.text AS what, place.text AS place, address, grain_bits,
                syndrome, message.text AS message, detail.text AS detail
         FROM imported_error
         JOIN error_import ON error_import.id = imported_error.import
         JOIN wording AS what ON what.id = imported_error.what
         JOIN wording AS place ON place.id = imported_error.place
         JOIN wording AS message ON message.id = imported_error.message
         JOIN wording AS detail ON detail.id = imported_error.detail
         ORDER BY first_wall_ms, imported_error.id",
    )?
    .query_map([], group)?
    .collect()
}

fn group(row: &Row<'_>) -> rusqlite::Result<ImportedErrors> {
    let memory: String = row.get("memory")?;
    Ok(ImportedErrors {
        memory: ErrorMemory::parse(&memory).ok_or_else(|| odd("memory", memory))?,
        origin: row.get("origin")?,
        taken_in_wall_ms: row.get("taken_in")?,
        first_wall_ms: row.get("first_wall_ms")?,
        last_wall_ms: row.get("last_wall_ms")?,
        rows: (row.get("first_row")?, row.get("last_row")?),
        records: uncount(row.get("records")?)?,
        errors: uncount(row.get("errors")?)?,
        witness: word(row, "witness", Witness::parse)?,
        class: word(row, "class", EventClass::parse)?,
        what: parsed(row, "what")?,
        place: parsed(row, "place")?,
        address: row.get::<_, Option<i64>>("address")?.map(i64::cast_unsigned),
        grain_bits: row.get("grain_bits")?,
        syndrome: row.get::<_, Option<i64>>("syndrome")?.map(i64::cast_unsigned),
        message: row.get("message")?,
        detail: row.get("detail")?,
    })
}
