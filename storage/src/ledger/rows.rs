//! The ledger in SQL.

use super::chain::{digest, link};
use super::checkpoint;
use super::fact::{Fact, Kind};
use super::verify::Verifier;
use crate::load;
use crate::state::State;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row, Rows, Transaction, named_params};
use scrubjay_model::{Digest, LedgerHead, LedgerReport};
use std::ops::RangeInclusive;

/// Appends facts after the row that is the last so far; returns the new last one. Whoever calls
/// commits, and only then is it the last.
pub(crate) fn append<'f>(
    tx: &Transaction<'_>,
    mut last: Option<LedgerHead>,
    facts: impl IntoIterator<Item = &'f Fact>,
) -> rusqlite::Result<Option<LedgerHead>> {
    let mut insert = tx.prepare_cached(
        "INSERT INTO ledger (seq, wall_ms, kind, line, hash)
         VALUES (:seq, :wall_ms, :kind, :line, :hash)",
    )?;
    for fact in facts {
        let link = link(last, fact)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        insert.execute(named_params! {
            ":seq": i64::try_from(link.head.seq).unwrap_or(i64::MAX),
            ":wall_ms": link.wall_ms,
            ":kind": link.kind,
            ":line": link.line,
            ":hash": link.head.hash.0,
        })?;
        last = Some(link.head);
    }
    Ok(last)
}

/// Whether the database has a ledger: older schemas have none.
pub(crate) fn is_there(conn: &Connection) -> rusqlite::Result<bool> {
    conn.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'ledger'")?.exists([])
}

/// The last row, and whether its hash is that of its line.
pub(crate) fn last(conn: &Connection) -> rusqlite::Result<Option<(LedgerHead, bool)>> {
    conn.prepare_cached("SELECT seq, line, hash FROM ledger ORDER BY seq DESC LIMIT 1")?
        .query_row([], |row| {
            let (line, hash) = (bytes(row.get_ref("line")?), Digest(row.get("hash")?));
            let seq = row.get::<_, i64>("seq")?.unsigned_abs();
            Ok((LedgerHead { seq, hash }, digest(line) == hash))
        })
        .optional()
}

/// The last row.
pub(crate) fn head(conn: &Connection) -> rusqlite::Result<Option<LedgerHead>> {
    Ok(last(conn)?.map(|(head, _)| head))
}

/// The first and the last of the rows that were written between two moments, both included, but for
/// those that tell of reports: a report that is made again is the same.
pub(crate) fn ends(
    conn: &Connection,
    from_wall_ms: i64,
    until_wall_ms: i64,
) -> rusqlite::Result<(Option<LedgerHead>, Option<LedgerHead>)> {
    let end = |order: &str| {
        conn.prepare_cached(&format!(
            "SELECT seq, hash FROM ledger WHERE wall_ms BETWEEN ?1 AND ?2 AND kind <> ?3
             ORDER BY seq {order} LIMIT 1"
        ))?
        .query_row((from_wall_ms, until_wall_ms, Kind::ReportIssued.as_str()), |row| {
            let seq = row.get::<_, i64>("seq")?.unsigned_abs();
            Ok(LedgerHead { seq, hash: Digest(row.get("hash")?) })
        })
        .optional()
    };
    Ok((end("ASC")?, end("DESC")?))
}

/// Whether a row about the history says this already.
pub(crate) fn tells(conn: &Connection, detail: &str) -> rusqlite::Result<bool> {
    conn.prepare(
        "SELECT 1 FROM ledger WHERE kind = :kind AND json_valid(line)
           AND line ->> '$.body.detail' = :detail",
    )?
    .exists(named_params! { ":kind": Kind::History.as_str(), ":detail": detail })
}

/// Whether a row tells of the report that was made by this request.
pub(crate) fn tells_of_report(conn: &Connection, request: &str) -> rusqlite::Result<bool> {
    conn.prepare(
        "SELECT 1 FROM ledger WHERE kind = :kind AND json_valid(line)
           AND line ->> '$.body.request' = :request",
    )?
    .exists(named_params! { ":kind": Kind::ReportIssued.as_str(), ":request": request })
}

/// Boots seen.
pub(super) fn boots(tx: &Transaction<'_>) -> rusqlite::Result<i64> {
    tx.query_row("SELECT COUNT(*) FROM boot", [], |row| row.get(0))
}

/// Whether a row of another file continues the chain in this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Continued {
    Yes,
    No,
}

/// Takes over rows of another file, in their order, for as long as the chain holds.
#[derive(Debug)]
pub(crate) struct Continuation<'t> {
    insert: rusqlite::Statement<'t>,
    last: Option<LedgerHead>,
}

/// What a line says of the row before.
#[derive(serde::Deserialize)]
struct Names {
    prev: String,
    seq: u64,
    wall_ms: i64,
    kind: String,
}

impl<'t> Continuation<'t> {
    pub(crate) fn new(tx: &'t Transaction<'_>) -> rusqlite::Result<Self> {
        let insert = tx.prepare(
            "INSERT INTO ledger (seq, wall_ms, kind, line, hash)
             VALUES (:seq, :wall_ms, :kind, :line, :hash)",
        )?;
        Ok(Self { insert, last: head(tx)? })
    }

    /// The row, with the columns of [`StoredRow`], is put into the ledger if it is the next one.
    pub(crate) fn take(&mut self, row: &Row<'_>) -> rusqlite::Result<Continued> {
        let Some(head) = self.next(row) else { return Ok(Continued::No) };
        let stored = stored(row)?;
        let text = |bytes| std::str::from_utf8(bytes).unwrap_or_default();
        self.insert.execute(named_params! {
            ":seq": stored.seq,
            ":wall_ms": stored.wall_ms,
            ":kind": text(stored.kind),
            ":line": text(stored.line),
            ":hash": stored.hash,
        })?;
        self.last = Some(head);
        Ok(Continued::Yes)
    }

    fn next(&self, row: &Row<'_>) -> Option<LedgerHead> {
        let StoredRow { seq, wall_ms, kind, line, hash } = stored(row).ok()?;
        let found = digest(line);
        let names: Names = serde_json::from_slice(line).ok()?;
        let before = self.last.map_or((0, Digest::NONE), |last| (last.seq, last.hash));
        let is_next = names.seq == before.0.saturating_add(1)
            && i64::try_from(names.seq) == Ok(seq)
            && names.prev == before.1.to_string()
            && (names.wall_ms, names.kind.as_bytes()) == (wall_ms, kind)
            && hash == found.0;
        is_next.then_some(LedgerHead { seq: names.seq, hash: found })
    }
}

/// The highest sum that checkpoints tell of each counter and each stick, by its name.
pub(crate) fn sums_told(conn: &Connection) -> rusqlite::Result<Vec<(String, u64)>> {
    let mut verifier = Verifier::new(&[]);
    let mut statement = conn.prepare(
        "SELECT seq, wall_ms, kind, line, hash FROM ledger WHERE kind = :kind ORDER BY seq",
    )?;
    let mut rows = statement.query(named_params! { ":kind": Kind::Checkpoint.as_str() })?;
    while let Some(row) = rows.next()? {
        verifier.remember_sums(0, &stored(row)?);
    }
    Ok(verifier.sums_told())
}

/// When the last checkpoint was made, as its row tells.
pub(super) fn last_checkpoint(conn: &Connection) -> rusqlite::Result<Option<i64>> {
    conn.query_row(
        "SELECT wall_ms FROM ledger WHERE kind = :kind ORDER BY seq DESC LIMIT 1",
        named_params! { ":kind": Kind::Checkpoint.as_str() },
        |row| row.get(0),
    )
    .optional()
}

/// A row as it is found. Somebody may have put anything into it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StoredRow<'a> {
    pub(super) seq: i64,
    pub(super) wall_ms: i64,
    pub(super) kind: &'a [u8],
    pub(super) line: &'a [u8],
    pub(super) hash: &'a [u8],
}

/// Text or bytes; nothing for what is neither, which is then no line.
fn bytes(value: ValueRef<'_>) -> &[u8] {
    match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes,
        ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => &[],
    }
}

/// From the columns `seq`, `wall_ms`, `kind`, `line` and `hash`, in this order.
fn stored<'r>(row: &'r Row<'_>) -> rusqlite::Result<StoredRow<'r>> {
    Ok(StoredRow {
        seq: row.get(0)?,
        wall_ms: row.get(1)?,
        kind: bytes(row.get_ref(2)?),
        line: bytes(row.get_ref(3)?),
        hash: bytes(row.get_ref(4)?),
    })
}

/// Looks at all rows. `held` are copies that others hold.
pub(crate) fn verify(conn: &Connection, held: &[LedgerHead]) -> rusqlite::Result<LedgerReport> {
    verify_by(conn, held, &load::state(conn)?)
}

/// The same, beside the state that was loaded from the same database.
pub(crate) fn verify_by(
    conn: &Connection,
    held: &[LedgerHead],
    state: &State,
) -> rusqlite::Result<LedgerReport> {
    let mut verifier = Verifier::new(held);
    let mut statement =
        conn.prepare("SELECT seq, wall_ms, kind, line, hash FROM ledger ORDER BY seq")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        verifier.look(stored(row)?);
    }
    Ok(verifier.finish(&checkpoint::sums(state)))
}

/// A row for an export.
#[derive(Debug, Clone, Copy)]
pub struct LedgerLine<'a> {
    /// Its canonical JSON.
    pub line: &'a str,
    /// The hash that is stored with it, in hexadecimal digits.
    pub hash: &'a str,
}

/// Gives each row from the first that was written at or after a moment of the wall clock, and all
/// after it, so that the chain is whole; returns how many there were.
pub(crate) fn export<E>(
    conn: &Connection,
    since_wall_ms: Option<i64>,
    give: impl FnMut(LedgerLine<'_>) -> Result<(), E>,
) -> rusqlite::Result<Result<u64, E>> {
    let mut statement = conn.prepare(
        "SELECT line, lower(hex(hash)) AS hash FROM ledger
         WHERE seq >= (SELECT MIN(seq) FROM ledger WHERE wall_ms >= :since) ORDER BY seq",
    )?;
    let rows = statement.query(named_params! { ":since": since_wall_ms.unwrap_or(i64::MIN) })?;
    give_all(rows, give)
}

/// Gives the rows with these numbers; returns how many there were.
pub(crate) fn export_rows<E>(
    conn: &Connection,
    seqs: RangeInclusive<u64>,
    give: impl FnMut(LedgerLine<'_>) -> Result<(), E>,
) -> rusqlite::Result<Result<u64, E>> {
    let mut statement = conn.prepare(
        "SELECT line, lower(hex(hash)) AS hash FROM ledger
         WHERE seq BETWEEN :first AND :last ORDER BY seq",
    )?;
    let seq = |seq: u64| i64::try_from(seq).unwrap_or(i64::MAX);
    let rows = statement
        .query(named_params! { ":first": seq(*seqs.start()), ":last": seq(*seqs.end()) })?;
    give_all(rows, give)
}

fn give_all<E>(
    mut rows: Rows<'_>,
    mut give: impl FnMut(LedgerLine<'_>) -> Result<(), E>,
) -> rusqlite::Result<Result<u64, E>> {
    let mut given = 0_u64;
    while let Some(row) = rows.next()? {
        let line = String::from_utf8_lossy(bytes(row.get_ref("line")?));
        let hash: String = row.get("hash")?;
        if let Err(error) = give(LedgerLine { line: &line, hash: &hash }) {
            return Ok(Err(error));
        }
        given = given.saturating_add(1);
    }
    Ok(Ok(given))
}
