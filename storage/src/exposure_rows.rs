//! Rows of exposures and of what became of them.

use crate::convert::odd;
use crate::exposures::{Exposure, ExposureRow, ExposureTurn};
use crate::query;
use rusqlite::{Connection, Row, Transaction, named_params};
use scrubjay_model::{
    CveId, DebVersion, ExposureRecord, ExposureTurnKind, ExposureTurnRecord, PackageVersion,
    RpmVersion,
};
use std::collections::BTreeMap;

/// Adds an exposure.
pub(crate) fn add(tx: &Transaction<'_>, exposure: &ExposureRow) -> rusqlite::Result<()> {
    let ExposureRow { id, cve, fix_version, released_unix_s, installed_unix_s, at } = exposure;
    tx.prepare_cached(
        "INSERT INTO exposure
           (id, cve, fix_version, version_order, released_unix_s, installed_unix_s,
            first_wall_ms, boot)
         VALUES
           (:id, :cve, :fix_version, :version_order, :released_unix_s, :installed_unix_s,
            :first_wall_ms, (SELECT id FROM boot WHERE boot_id = :boot))",
    )?
    .execute(named_params! {
        ":id": id,
        ":cve": cve.to_string(),
        ":fix_version": fix_version.as_str(),
        ":version_order": order(fix_version),
        ":released_unix_s": released_unix_s,
        ":installed_unix_s": installed_unix_s,
        ":first_wall_ms": at.wall_ms,
        ":boot": at.boot.as_str(),
    })
    .map(drop)
}

/// Adds a turn.
pub(crate) fn add_turn(tx: &Transaction<'_>, turn: &ExposureTurn) -> rusqlite::Result<()> {
    let ExposureTurn { exposure, wall_ms, at, what, by } = turn;
    tx.prepare_cached(
        "INSERT INTO exposure_turn (exposure, wall_ms, boot, what, by)
         VALUES (:exposure, :wall_ms, (SELECT id FROM boot WHERE boot_id = :boot), :what, :by)",
    )?
    .execute(named_params! {
        ":exposure": exposure,
        ":wall_ms": wall_ms,
        ":boot": at.boot.as_str(),
        ":what": what.as_str(),
        ":by": by,
    })
    .map(drop)
}

fn order(version: &PackageVersion) -> &'static str {
    match version {
        PackageVersion::Deb(_) => "deb",
        PackageVersion::Rpm(_) => "rpm",
    }
}

fn version(row: &Row<'_>) -> rusqlite::Result<PackageVersion> {
    let text: String = row.get("fix_version")?;
    let order: String = row.get("version_order")?;
    match order.as_str() {
        "deb" => DebVersion::parse(&text).ok().map(PackageVersion::Deb),
        "rpm" => RpmVersion::parse(&text).ok().map(PackageVersion::Rpm),
        other => return Err(odd("version_order", other)),
    }
    .ok_or_else(|| odd("fix_version", text))
}

fn cve(row: &Row<'_>) -> rusqlite::Result<CveId> {
    let text: String = row.get("cve")?;
    CveId::parse(&text).ok_or_else(|| odd("cve", text))
}

fn kind(word: &str) -> rusqlite::Result<ExposureTurnKind> {
    let mut all = ExposureTurnKind::ALL.into_iter();
    all.find(|kind| kind.as_str() == word).ok_or_else(|| odd("what", word))
}

/// Those that have not ended.
pub(crate) fn open(conn: &Connection) -> rusqlite::Result<BTreeMap<CveId, Exposure>> {
    conn.prepare(
        "SELECT id, cve, fix_version, version_order,
                (SELECT what FROM exposure_turn WHERE exposure = exposure.id
                 ORDER BY id DESC LIMIT 1) AS last,
                (SELECT by FROM exposure_turn WHERE exposure = exposure.id
                 ORDER BY id DESC LIMIT 1) AS by
         FROM exposure
         WHERE NOT EXISTS
           (SELECT 1 FROM exposure_turn WHERE exposure = exposure.id AND what = 'closed')
         ORDER BY id",
    )?
    .query_map([], |row| {
        let last: Option<String> = row.get("last")?;
        let mitigated = last.map(|word| kind(&word)).transpose()?;
        let by = match mitigated {
            Some(ExposureTurnKind::Mitigated) => row.get("by")?,
            Some(ExposureTurnKind::Unmitigated | ExposureTurnKind::Closed) | None => None,
        };
        let exposure =
            Exposure { id: row.get("id")?, fix_version: version(row)?, mitigated_by: by };
        Ok((cve(row)?, exposure))
    })?
    .collect()
}

/// All of them with what became of them, in the order in which they were first seen.
pub(crate) fn all(conn: &Connection) -> rusqlite::Result<Vec<ExposureRecord>> {
    let mut turns: BTreeMap<i64, Vec<ExposureTurnRecord>> = BTreeMap::new();
    let mut statement =
        conn.prepare("SELECT exposure, wall_ms, what, by FROM exposure_turn ORDER BY id")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let turn = ExposureTurnRecord {
            at_wall_ms: row.get("wall_ms")?,
            what: kind(&row.get::<_, String>("what")?)?,
            by: row.get("by")?,
        };
        turns.entry(row.get("exposure")?).or_default().push(turn);
    }
    let steps = query::clock_steps(conn)?;
    conn.prepare(
        "SELECT id, cve, fix_version, version_order, released_unix_s, installed_unix_s,
                first_wall_ms
         FROM exposure ORDER BY id",
    )?
    .query_map([], |row| {
        let mut exposure = ExposureRecord {
            cve: cve(row)?,
            fix_version: version(row)?,
            released_unix_s: row.get("released_unix_s")?,
            installed_unix_s: row.get("installed_unix_s")?,
            first_wall_ms: row.get("first_wall_ms")?,
            turns: turns.remove(&row.get("id")?).unwrap_or_default(),
            clock_adjusted_ms: None,
        };
        exposure.adjust(&steps);
        Ok(exposure)
    })?
    .collect()
}
