//! Tables of the history as comma-separated values, one record a line, for spreadsheets.
//!
//! The first line names the columns. Moments are in UTC; what is not known, or was not watched, is an
//! empty cell. A text that a spreadsheet would take for a formula has an apostrophe before it.

mod buckets;
mod fleet;

pub use buckets::{boot_buckets, memory_buckets, page_buckets, patch_buckets};
pub use fleet::{fleet_plan, fleet_report, fleet_status};

use crate::PageError;
use jiff::Timestamp;
use scrubjay_model::{
    AlertTurn, BootLine, ExposureRecord, ExposureTurnKind, FactRecord, MemoryRecord, PageLife,
    SeriesKey,
};
use std::time::Duration;

pub(crate) fn write<const N: usize>(
    columns: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) -> Result<String, PageError> {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    writer.write_record(columns)?;
    for row in rows {
        writer.write_record(row.map(inert))?;
    }
    let bytes = writer.into_inner().map_err(|error| ::csv::Error::from(error.into_error()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A cell that a spreadsheet takes for text: it reckons with what begins like a formula, and what a host
/// or a person wrote may. Nor does it act on a terminal.
fn inert(cell: String) -> String {
    let cell = crate::printable(&cell).into_owned();
    let begins = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    if begins && cell.parse::<f64>().is_err() { format!("'{cell}") } else { cell }
}

pub(crate) fn moment(wall_ms: i64) -> String {
    Timestamp::from_millisecond(wall_ms).map_or_else(|_| String::new(), |moment| moment.to_string())
}

fn day_or_moment(unix_s: Option<i64>) -> String {
    unix_s.map(|s| moment(s.saturating_mul(1_000))).unwrap_or_default()
}

fn seconds(time: Duration) -> String {
    time.as_secs().to_string()
}

fn place(series: &SeriesKey) -> String {
    format!("{}/{}", series.controller, series.place)
}

/// Changes of counters: `history memory --csv`.
pub fn memory(changes: &[MemoryRecord]) -> Result<String, PageError> {
    let rows = changes.iter().map(|change| {
        [
            moment(change.at_wall_ms),
            place(&change.series),
            change.series.class.as_str().to_owned(),
            change.by.to_string(),
            change.total.to_string(),
            change.step.clone(),
        ]
    });
    write(["seen", "place", "class", "by", "total", "step"], rows)
}

/// Boots: `history boots --csv`.
pub fn boots(lines: &[BootLine]) -> Result<String, PageError> {
    let rows = lines.iter().map(|line| {
        let sources: Vec<&str> = line.sources.iter().map(|source| source.as_str()).collect();
        [
            line.booted_wall_ms.map(moment).unwrap_or_default(),
            line.ended_wall_ms.map(moment).unwrap_or_default(),
            line.ran.map(seconds).unwrap_or_default(),
            line.kernel_release.clone().unwrap_or_default(),
            line.end.as_str().to_owned(),
            line.cause.map(|cause| cause.as_str().to_owned()).unwrap_or_default(),
            sources.join(" "),
            line.boot.as_ref().map(ToString::to_string).unwrap_or_default(),
        ]
    });
    write(["booted", "ended", "ran_seconds", "kernel", "end", "cause", "told_by", "boot"], rows)
}

/// What was owed and what changed: `history patches --csv`. Lines of two kinds, which the first column
/// tells apart.
pub fn patch_history(
    exposures: &[ExposureRecord],
    changes: &[FactRecord],
) -> Result<String, PageError> {
    let owed = exposures.iter().map(|exposure| {
        let end = exposure.ended_wall_ms();
        let how = end.and_then(|_| exposure.turns.last()).map(|turn| match turn.what {
            ExposureTurnKind::Mitigated => "mitigated",
            ExposureTurnKind::Unmitigated => "unmitigated",
            ExposureTurnKind::Closed => "closed",
        });
        [
            "exposure".to_owned(),
            moment(exposure.first_wall_ms),
            end.map(moment).unwrap_or_default(),
            exposure.cve.to_string(),
            exposure.fix_version.to_string(),
            how.unwrap_or("owed").to_owned(),
            day_or_moment(exposure.released_unix_s),
            day_or_moment(exposure.installed_unix_s),
        ]
    });
    let changed = changes.iter().map(|change| {
        [
            "change".to_owned(),
            moment(change.at_wall_ms),
            String::new(),
            format!("{} {}", change.name, change.subject).trim_end().to_owned(),
            change.value.clone().unwrap_or_default(),
            change.state.clone(),
            String::new(),
            String::new(),
        ]
    });
    write(
        ["record", "seen", "ended", "name", "value", "state", "fix_released", "fix_installed"],
        owed.chain(changed),
    )
}

/// What became of alerts: `history alerts --csv`.
pub fn alert_history(turns: &[AlertTurn]) -> Result<String, PageError> {
    let rows = turns.iter().map(|turn| {
        [
            moment(turn.at_wall_ms),
            turn.what.as_str().to_owned(),
            turn.verdict.as_str().to_owned(),
            turn.key.code.clone(),
            turn.key.subject.clone(),
            turn.detail.clone(),
        ]
    });
    write(["at", "what", "verdict", "code", "subject", "detail"], rows)
}

/// Bad pages: `history pages --csv`.
pub fn page_lives(pages: &[PageLife]) -> Result<String, PageError> {
    let rows = pages.iter().map(|life| {
        let page = &life.page;
        [
            format!("{:#x}", page.physical_address),
            page.page_size_bytes.to_string(),
            page.reason.as_str().to_owned(),
            page.dimm.clone().unwrap_or_default(),
            moment(page.first_seen_wall_ms),
            moment(page.last_seen_wall_ms),
            page.boots_survived.to_string(),
            page.state.as_str().to_owned(),
        ]
    });
    write(
        [
            "physical_address",
            "size_bytes",
            "reason",
            "dimm",
            "first_seen",
            "last_seen",
            "boots_survived",
            "state",
        ],
        rows,
    )
}
