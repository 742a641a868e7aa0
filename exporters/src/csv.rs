//! Tables of the history as comma-separated values, one record a line, for spreadsheets.
//!
//! The first line names the columns. Moments are in UTC; what is not known, or was not watched, is an
//! empty cell.

use crate::PageError;
use jiff::Timestamp;
use scrubjay_model::{
    AlertTurn, BootLine, ExposureRecord, ExposureTurnKind, FactRecord, MemoryBucket, MemoryRecord,
    PageLife, SeriesKey,
};
use std::time::Duration;

fn write<const N: usize>(
    columns: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) -> Result<String, PageError> {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    writer.write_record(columns)?;
    for row in rows {
        writer.write_record(row)?;
    }
    let bytes = writer.into_inner().map_err(|error| ::csv::Error::from(error.into_error()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn moment(wall_ms: i64) -> String {
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

/// Errors by time or boot: `history memory --by … --csv`. A bucket has a line for each counter with
/// errors. One without has one line: 0 errors where it was watched, none told where it was not.
pub fn memory_buckets(buckets: &[MemoryBucket]) -> Result<String, PageError> {
    let rows = buckets.iter().flat_map(|bucket| {
        let line = |series: Option<(&SeriesKey, u64, u64)>| {
            let quiet = if bucket.is_watched() { "0" } else { "" };
            let figure = |of: Option<u64>| of.map_or_else(|| quiet.to_owned(), |n| n.to_string());
            [
                moment(bucket.from_wall_ms),
                moment(bucket.to_wall_ms),
                bucket.boot.as_ref().map(ToString::to_string).unwrap_or_default(),
                seconds(bucket.watched),
                seconds(bucket.not_watched),
                series.map(|(key, ..)| place(key)).unwrap_or_default(),
                series.map(|(key, ..)| key.class.as_str().to_owned()).unwrap_or_default(),
                figure(series.map(|(_, errors, _)| errors)),
                figure(series.map(|(.., restarts)| restarts)),
            ]
        };
        let had = bucket.series.iter().filter(|(_, sum)| sum.errors > 0 || sum.restarts > 0);
        let mut lines: Vec<_> =
            had.map(|(key, sum)| line(Some((key, sum.errors, sum.restarts)))).collect();
        if lines.is_empty() {
            lines.push(line(None));
        }
        lines
    });
    write(
        [
            "from",
            "to",
            "boot",
            "watched_seconds",
            "not_watched_seconds",
            "place",
            "class",
            "errors",
            "restarts",
        ],
        rows,
    )
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

#[cfg(test)]
mod tests {
    use super::*;
    use scrubjay_model::{BucketSum, ControllerKey, ErrorClass, Place, SeriesPlace};

    #[test]
    fn what_was_not_watched_is_an_empty_cell_and_no_zero() {
        let key = SeriesKey {
            controller: ControllerKey::from_stored("a,b"),
            place: SeriesPlace::Dimm(Place::Dimm(0)),
            class: ErrorClass::Correctable,
        };
        let bucket = |n: i64, watched: u64, errors: u64| MemoryBucket {
            from_wall_ms: n * 3_600_000,
            to_wall_ms: (n + 1) * 3_600_000,
            boot: None,
            watched: Duration::from_secs(watched),
            not_watched: Duration::from_secs(3_600 - watched),
            series: (errors > 0)
                .then(|| (key.clone(), BucketSum { errors, ..BucketSum::default() }))
                .into_iter()
                .collect(),
        };
        let text = memory_buckets(&[bucket(0, 3_600, 0), bucket(1, 0, 0), bucket(2, 60, 5)]);
        insta::assert_snapshot!(text.unwrap(), @r#"
        from,to,boot,watched_seconds,not_watched_seconds,place,class,errors,restarts
        1970-01-01T00:00:00Z,1970-01-01T01:00:00Z,,3600,0,,,0,0
        1970-01-01T01:00:00Z,1970-01-01T02:00:00Z,,0,3600,,,,
        1970-01-01T02:00:00Z,1970-01-01T03:00:00Z,,60,3540,"a,b/dimm0",correctable,5,0
        "#);
    }
}
