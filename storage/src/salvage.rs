//! What a damaged history still holds, brought into the one that takes its place.
//!
//! The damaged file was moved aside and is only read. Table by table its rows are read as far as
//! they go (`walk`) and put into the new file, whose constraints decide which of them are rows of
//! a history; then the sums are made to agree with what else tells of them (`sums`). All of it
//! happens in the transaction that creates the new file, so that a kill leaves nothing half done.
//!
//! Where two sources disagree the lower sum is taken, unless the ledger bound a higher one: what
//! is counted too little shows as a lower bound, and what is counted twice would be a lie.

mod counts;
mod definitions;
pub(crate) mod sums;
mod walk;

use crate::convert;
use crate::files;
use crate::ledger::{self, rows::Continued};
use crate::schema;
use rusqlite::config::DbConfig;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{
    Connection, ErrorCode, OpenFlags, OptionalExtension, Row, Transaction, ffi, params_from_iter,
};
use scrubjay_model::{ErrorMemory, SourceId, Witness, count};
use std::fmt;
use std::path::Path;

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Salvaged {
    /// When the old history was begun, if it still says so.
    pub(crate) begun_wall_ms: Option<i64>,
    /// Whether its definitions of the tables were lost, and with them what its log held.
    definitions_lost: bool,
    /// Rows brought over.
    rows: u64,
    /// Rows that could be read and were none of a history.
    refused: u64,
    /// Tables of which a part, or all, could not be read, with the number of such parts.
    broken: Vec<(String, u64)>,
    /// Counters whose sum was taken from elsewhere than its own row.
    mended_sums: u64,
    /// Rows of the ledger that were read and do not continue the chain.
    ledger_left: u64,
    /// Why nothing could be read.
    unreadable: Option<String>,
}

impl fmt::Display for Salvaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(why) = &self.unreadable {
            return write!(f, "nothing could be read from the damaged file: {why}");
        }
        let rows = count(self.rows, "row was", "rows were");
        write!(f, "{rows} taken over from the damaged file")?;
        if self.definitions_lost {
            write!(f, ", whose definitions of its tables were lost, and its log with them")?;
        }
        if self.refused > 0 {
            let refused = count(
                self.refused,
                "more was read and is damaged itself",
                "more were read and are damaged themselves",
            );
            write!(f, "; {refused}")?;
        }
        if !self.broken.is_empty() {
            let parts: Vec<String> =
                self.broken.iter().map(|(table, parts)| format!("{table} ({parts})")).collect();
            write!(f, "; stretches that could not be read, by table: {}", parts.join(", "))?;
        }
        if self.mended_sums > 0 {
            let sums = count(self.mended_sums, "sum was", "sums were");
            write!(f, "; {sums} taken from changes or the ledger, and may be too low")?;
        }
        if self.ledger_left > 0 {
            let left = count(self.ledger_left, "row of the ledger does", "rows of the ledger do");
            write!(f, "; {left} not continue its chain")?;
        }
        Ok(())
    }
}

/// Brings over what the damaged file holds. `tx` is in a database that has its tables and nothing
/// in them.
pub(crate) fn salvage(tx: &Transaction<'_>, moved: &Path) -> rusqlite::Result<Salvaged> {
    let mut salvaged = Salvaged::default();
    if files::is_remnant(moved) {
        // Merely opening one would cost its log: SQLite takes it for left over.
        let why = "nothing is left of the database itself".to_owned();
        return Ok(Salvaged { unreadable: Some(why), ..salvaged });
    }
    let opened = open(moved);
    let is_defined = opened.as_ref().is_ok_and(|old| schema::is_as_created(old).unwrap_or(false));
    let borrowed = if is_defined { None } else { definitions::borrow(moved) };
    let old = match (&borrowed, &opened) {
        (Some(borrowed), _) => &borrowed.conn,
        (None, Ok(old)) => old,
        (None, Err(error)) => {
            return Ok(Salvaged { unreadable: Some(error.to_string()), ..salvaged });
        }
    };
    salvaged.definitions_lost = borrowed.is_some();
    salvaged.begun_wall_ms =
        old.query_row("SELECT begun_wall_ms FROM history", [], |row| row.get(0)).ok();
    for table in tables(tx)? {
        match table.as_str() {
            // The new one has its own row.
            "history" => {}
            "ledger" => take_ledger(tx, old, &mut salvaged)?,
            table => {
                take_table(tx, old, table, &mut salvaged)?;
                take_names(tx, old, table, &mut salvaged)?;
                if table == "controller" {
                    right_keys(tx, old)?;
                }
            }
        }
    }
    schema::forget_times_of_1970(tx)?;
    let is_whole = salvaged.broken.is_empty() && salvaged.refused == 0;
    salvaged.mended_sums = sums::mend(tx, is_whole)?;
    leave_out_what_cannot_be_loaded(tx, &mut salvaged)?;
    counts::anew(tx)?;
    Ok(salvaged)
}

/// Opens what was moved aside, so that it stays as it is. Its log is read too, for which SQLite
/// makes an index beside it; where it cannot, the database is read without the log.
fn open(moved: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let attempt = |path: &Path, flags| -> rusqlite::Result<Connection> {
        let conn = Connection::open_with_flags(path, flags)?;
        conn.execute_batch("PRAGMA mmap_size = 0; PRAGMA trusted_schema = OFF;")?;
        // Garbage in a cell is then an error and no row.
        conn.execute_batch("PRAGMA cell_size_check = ON;")?;
        // A file that was cut short is otherwise refused as a whole.
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA, true)?;
        // One is enough: of a schema that is damaged too, what comes before that is known.
        conn.query_row("SELECT 1 FROM sqlite_schema LIMIT 1", [], |_| Ok(()))?;
        Ok(conn)
    };
    attempt(moved, flags).or_else(|error| {
        attempt(&crate::open::immutable(moved), flags | OpenFlags::SQLITE_OPEN_URI)
            .map_err(|_| error)
    })
}

/// The tables of the new file, parents before children, as the schema creates them.
fn tables(tx: &Transaction<'_>) -> rusqlite::Result<Vec<String>> {
    tx.prepare(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
         ORDER BY rowid",
    )?
    .query_map([], |row| row.get(0))?
    .collect()
}

/// The columns that both have, and the first column of the primary key if it is a number.
fn columns(
    tx: &Transaction<'_>,
    old: &Connection,
    table: &str,
) -> rusqlite::Result<(Vec<String>, Option<String>)> {
    let ask = |conn: &Connection| -> rusqlite::Result<Vec<(String, String, i64)>> {
        conn.prepare("SELECT name, type, pk FROM pragma_table_info(?1)")?
            .query_map([table], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect()
    };
    // A damaged schema has no columns, and then there is nothing to read.
    let there: Vec<String> =
        ask(old).unwrap_or_default().into_iter().map(|(name, ..)| name).collect();
    let here = ask(tx)?;
    let key =
        here.iter().find(|(name, kind, pk)| *pk == 1 && kind == "INTEGER" && there.contains(name));
    let key = key.map(|(name, ..)| name.clone());
    let both = here.into_iter().map(|(name, ..)| name).filter(|name| there.contains(name));
    Ok((both.collect(), key))
}

fn take_table(
    tx: &Transaction<'_>,
    old: &Connection,
    table: &str,
    salvaged: &mut Salvaged,
) -> rusqlite::Result<()> {
    let (columns, key) = columns(tx, old, table)?;
    if columns.is_empty() {
        salvaged.broken.push((table.to_owned(), 1));
        return Ok(());
    }
    let names = columns.join(", ");
    let marks = vec!["?"; columns.len()].join(", ");
    let mut insert = tx.prepare(&format!("INSERT INTO {table} ({names}) VALUES ({marks})"))?;
    let mut failed = None;
    let parts = walk::walk(old, table, &columns, key.as_deref(), |row| {
        match put(&mut insert, table, &columns, row) {
            Ok(Put::Taken) => salvaged.rows += 1,
            Ok(Put::Known) => {}
            Ok(Put::Refused) => salvaged.refused += 1,
            // The new file's trouble, not the old one's.
            Err(error) => failed = Some(error),
        }
        failed.is_none()
    });
    if let Some(error) = failed {
        return Err(error);
    }
    if parts > 0 {
        salvaged.broken.push((table.to_owned(), parts));
    }
    Ok(())
}

/// What all else refers to is named in an index too, which may be whole where the table is not.
/// When a boot began and ended is not in it, and told as not known.
const NAMES: [(&str, &str, &str); 5] = [
    (
        "agent_run",
        "SELECT id, boot FROM agent_run INDEXED BY agent_run_boot WHERE boot > 0",
        "INSERT OR IGNORE INTO agent_run (id, boot, version, interval_ns, started_wall_ms)
         VALUES (?1, ?2, 'unknown', 0, 0)",
    ),
    (
        "wording",
        "SELECT id, text FROM wording INDEXED BY sqlite_autoindex_wording_1 WHERE text >= ''",
        "INSERT OR IGNORE INTO wording (id, text) VALUES (?1, ?2)",
    ),
    (
        "boot",
        "SELECT id, boot_id FROM boot INDEXED BY sqlite_autoindex_boot_1 WHERE boot_id > ''",
        "INSERT OR IGNORE INTO boot (id, boot_id, ended, evidence)
         VALUES (?1, ?2, 'unknown', 'The file that told when it began and ended was damaged.')",
    ),
    (
        "controller",
        "SELECT id, key FROM controller INDEXED BY sqlite_autoindex_controller_1 WHERE key > ''",
        "INSERT OR IGNORE INTO controller (id, key) VALUES (?1, ?2)",
    ),
    (
        "series",
        "SELECT id, controller, place, class FROM series INDEXED BY sqlite_autoindex_series_1
         WHERE controller > 0",
        "INSERT OR IGNORE INTO series (id, controller, place, class, since_wall_ms)
         VALUES (?1, ?2, ?3, ?4, 0)",
    ),
];

/// Rows that only an index still names.
fn take_names(
    tx: &Transaction<'_>,
    old: &Connection,
    table: &str,
    salvaged: &mut Salvaged,
) -> rusqlite::Result<()> {
    let Some((_, select, insert)) = NAMES.into_iter().find(|(name, ..)| *name == table) else {
        return Ok(());
    };
    // A damaged index ends it; what was read before stays.
    let Ok(mut statement) = old.prepare(select) else { return Ok(()) };
    let columns = statement.column_count();
    let mut insert = tx.prepare(insert)?;
    let mut rows = statement.query([])?;
    while let Ok(Some(row)) = rows.next() {
        let values: Option<Vec<Value>> = (0..columns).map(|column| value(row, column)).collect();
        let Some(values) = values else { continue };
        match insert.execute(params_from_iter(values)) {
            Ok(added) => salvaged.rows += u64::try_from(added).unwrap_or(0),
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A controller whose key in the table is not that in its index: one of the two is damaged. The ledger,
/// which names controllers too, tells which; where it does not, the table is taken at its word.
fn right_keys(tx: &Transaction<'_>, old: &Connection) -> rusqlite::Result<()> {
    let Some((_, select, _)) = NAMES.into_iter().find(|(name, ..)| *name == "controller") else {
        return Ok(());
    };
    let Ok(mut statement) = old.prepare(select) else { return Ok(()) };
    let is_told = |key: &str| {
        let ask = "SELECT 1 FROM ledger NOT INDEXED
                   WHERE kind = 'checkpoint' AND instr(line, '\"' || ?1 || '/') > 0";
        // A damaged ledger tells nothing.
        old.prepare(ask).and_then(|mut ask| ask.exists([key])).unwrap_or(false)
    };
    let mut rows = statement.query([])?;
    while let Ok(Some(row)) = rows.next() {
        let (Ok(id), Ok(named)) = (row.get::<_, i64>(0), row.get::<_, String>(1)) else { continue };
        let known = tx
            .query_row("SELECT key FROM controller WHERE id = ?1", [id], |row| row.get(0))
            .optional()?;
        let Some(known): Option<String> = known else { continue };
        if known != named && is_told(&named) && !is_told(&known) {
            tx.execute("UPDATE OR IGNORE controller SET key = ?1 WHERE id = ?2", (&named, id))?;
        }
    }
    Ok(())
}

/// What became of a row.
enum Put {
    Taken,
    /// Two ways led to it.
    Known,
    Refused,
}

fn put(
    insert: &mut rusqlite::Statement<'_>,
    table: &str,
    columns: &[String],
    row: &Row<'_>,
) -> rusqlite::Result<Put> {
    let mut values = Vec::with_capacity(columns.len());
    for (number, column) in columns.iter().enumerate() {
        match value(row, number) {
            Some(value) if is_ours(table, column, &value) => values.push(value),
            Some(_) | None => return Ok(Put::Refused),
        }
    }
    match insert.execute(params_from_iter(values)) {
        Ok(_) => Ok(Put::Taken),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
            let code = error.sqlite_error().map(|error| error.extended_code);
            let is_known = matches!(
                code,
                Some(ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID)
            );
            Ok(if is_known { Put::Known } else { Put::Refused })
        }
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::TypeMismatch) => {
            Ok(Put::Refused)
        }
        Err(error) => Err(error),
    }
}

/// A value; none if it is text that is no text.
fn value(row: &Row<'_>, column: usize) -> Option<Value> {
    Some(match row.get_ref(column).ok()? {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Real(number) => Value::Real(number),
        ValueRef::Text(bytes) => Value::Text(std::str::from_utf8(bytes).ok()?.to_owned()),
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
    })
}

/// Whether a text is one that this program writes, where the tables cannot say so.
fn is_ours(table: &str, column: &str, value: &Value) -> bool {
    let Value::Text(text) = value else { return true };
    match (table, column) {
        ("boot", "boot_id") => convert::boot_id(text).is_ok(),
        ("series" | "module_place", "place") | ("event", "counter_place") => {
            convert::place(text).is_ok()
        }
        ("fact" | "source_state", "source") => SourceId::parse(text).is_some(),
        ("event" | "event_rollup" | "report_total" | "imported_error", "witness") => {
            Witness::parse(text).is_some()
        }
        ("imported_error" | "error_import", "memory") => ErrorMemory::parse(text).is_some(),
        _ => true,
    }
}

/// The ledger goes on where its chain still holds: a row after the first that is missing or was
/// altered proves nothing any more, and stays in the old file.
fn take_ledger(
    tx: &Transaction<'_>,
    old: &Connection,
    salvaged: &mut Salvaged,
) -> rusqlite::Result<()> {
    let columns: Vec<String> = ["seq", "wall_ms", "kind", "line", "hash"].map(str::to_owned).into();
    let mut chain = ledger::rows::Continuation::new(tx)?;
    let mut failed = None;
    let parts = walk::walk(old, "ledger", &columns, Some("seq"), |row| {
        match chain.take(row) {
            Ok(Continued::Yes) => salvaged.rows += 1,
            Ok(Continued::No) => salvaged.ledger_left += 1,
            Err(error) => failed = Some(error),
        }
        failed.is_none()
    });
    if let Some(error) = failed {
        return Err(error);
    }
    if parts > 0 {
        salvaged.broken.push(("ledger".to_owned(), parts));
    }
    Ok(())
}

/// What the agent starts from must be readable. Should a row have come through that it cannot make
/// anything of, the tables that sums do not rest on are left out, one after the other.
fn leave_out_what_cannot_be_loaded(
    tx: &Transaction<'_>,
    salvaged: &mut Salvaged,
) -> rusqlite::Result<()> {
    for table in [
        "fact",
        "exposure_turn",
        "exposure",
        "bad_page",
        "module_turn",
        "event",
        "incident",
        "outbox",
        "alert",
        "ack",
        "alert_clock",
    ] {
        if crate::load::state(tx).is_ok() {
            return Ok(());
        }
        let rows = tx.execute(&format!("DELETE FROM {table}"), [])?;
        let rows = u64::try_from(rows).unwrap_or(u64::MAX);
        salvaged.rows = salvaged.rows.saturating_sub(rows);
        salvaged.refused = salvaged.refused.saturating_add(rows);
    }
    crate::load::state(tx).map(drop)
}
