//! Rows of the registry of bad pages.

use crate::convert::{boot_id, count, odd, uncount};
use rusqlite::{Connection, Transaction, named_params};
use scrubjay_model::{BadPage, PageOutcome, PageReason, PageState};

/// Writes a page in its latest form.
pub(crate) fn put(tx: &Transaction<'_>, page: &BadPage) -> rusqlite::Result<()> {
    let BadPage {
        pfn,
        physical_address,
        page_size_bytes,
        reason,
        dimm,
        first_seen_wall_ms,
        last_seen_wall_ms,
        boots_survived,
        boot,
        state,
    } = page;
    let failure = match reason {
        PageReason::MemoryFailure { page_type, result } => Some((page_type, result.as_str())),
        PageReason::AdminMarked
        | PageReason::Imported
        | PageReason::CorrectedThreshold
        | PageReason::CollectedByKernel
        | PageReason::SoftOffline
        | PageReason::HardOffline => None,
    };
    tx.prepare_cached(
        "INSERT OR REPLACE INTO bad_page
           (physical_address, pfn, page_size_bytes, reason, page_type, result, dimm,
            first_seen_wall_ms, last_seen_wall_ms, boots_survived, boot, state)
         VALUES
           (:physical_address, :pfn, :page_size_bytes, :reason, :page_type, :result, :dimm,
            :first_seen_wall_ms, :last_seen_wall_ms, :boots_survived,
            (SELECT id FROM boot WHERE boot_id = :boot), :state)",
    )?
    .execute(named_params! {
        ":physical_address": count(*physical_address),
        ":pfn": count(*pfn),
        ":page_size_bytes": count(*page_size_bytes),
        ":reason": reason.as_str(),
        ":page_type": failure.map(|(page_type, _)| page_type),
        ":result": failure.map(|(_, result)| result),
        ":dimm": dimm,
        ":first_seen_wall_ms": first_seen_wall_ms,
        ":last_seen_wall_ms": last_seen_wall_ms,
        ":boots_survived": boots_survived,
        ":boot": boot.as_str(),
        ":state": state.as_str(),
    })
    .map(drop)
}

/// The registry of bad pages, in the order of their addresses.
pub(crate) fn all(conn: &Connection) -> rusqlite::Result<Vec<BadPage>> {
    conn.prepare(
        "SELECT physical_address, pfn, page_size_bytes, reason, page_type, result, dimm,
                first_seen_wall_ms, bad_page.last_seen_wall_ms, boots_survived, boot_id, state
         FROM bad_page JOIN boot ON boot.id = bad_page.boot ORDER BY physical_address",
    )?
    .query_map([], |row| {
        let word: String = row.get("reason")?;
        let failure = match (row.get("page_type")?, row.get::<_, Option<String>>("result")?) {
            (Some(page_type), Some(result)) => Some((page_type, page_outcome(&result)?)),
            (None, _) | (_, None) => None,
        };
        let state: String = row.get("state")?;
        Ok(BadPage {
            pfn: uncount(row.get("pfn")?)?,
            physical_address: uncount(row.get("physical_address")?)?,
            page_size_bytes: uncount(row.get("page_size_bytes")?)?,
            reason: PageReason::parse(&word, failure).ok_or_else(|| odd("reason", word))?,
            dimm: row.get("dimm")?,
            first_seen_wall_ms: row.get("first_seen_wall_ms")?,
            last_seen_wall_ms: row.get("last_seen_wall_ms")?,
            boots_survived: row.get("boots_survived")?,
            boot: boot_id(&row.get::<_, String>("boot_id")?)?,
            state: PageState::parse(&state).ok_or_else(|| odd("state", state))?,
        })
    })?
    .collect()
}

fn page_outcome(word: &str) -> rusqlite::Result<PageOutcome> {
    let mut all = PageOutcome::ALL.into_iter();
    all.find(|outcome| outcome.as_str() == word).ok_or_else(|| odd("result", word))
}
