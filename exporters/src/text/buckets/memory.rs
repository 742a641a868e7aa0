//! `history memory --by`: errors.

use super::super::Style;
use super::super::page::{Cell, FAINT, WARN};
use super::super::words::{count, moment};
use super::{BucketPage, Line};
use scrubjay_model::{BucketBy, ErrorClass, FoldedRows, MemoryBucket, SeriesKey, SeriesPlace};
use std::collections::BTreeSet;

/// The page. `bars` tells whether the terminal can show them.
pub fn memory_buckets(
    buckets: &[MemoryBucket],
    by: BucketBy,
    folded: &FoldedRows,
    bars: bool,
    style: &Style,
) -> String {
    let mut page = BucketPage::new(by, bars, style);
    if buckets.is_empty() {
        return page.nothing();
    }
    let rest = "what was counted then shows at the next reading";
    page.exposure(buckets.iter().map(|bucket| &bucket.time), rest);
    let figures = |bucket| ErrorClass::ALL.map(|class| figure(bucket, class)).to_vec();
    page.table("errors", &["CE", "UE"], buckets.iter().map(|b| (&b.time, figures(b))));
    if ErrorClass::ALL.iter().any(|class| buckets.iter().any(|b| b.is_lower_bound(*class))) {
        page.page.sentence(2, "≥: a counter began anew, and what it counted last may be missing");
    }
    let before: u64 = buckets
        .iter()
        .flat_map(|bucket| &bucket.series)
        .filter(|(key, _)| key.place == SeriesPlace::Total)
        .fold(0, |sum, (_, errors)| sum.saturating_add(errors.counted_before));
    if before > 0 {
        let errors = count(before, "error", "errors");
        page.page.sentence(
            2,
            &format!("{errors} were counted before the first reading and are in no row"),
        );
    }
    page.lines(&lines(buckets), "not watched", "watched without an error");
    let mut page = page.page;
    if let Some(from) = folded.hours_from_wall_ms.filter(|_| by == BucketBy::Hour) {
        page.blank();
        page.sentence(0, &format!("before {} sums are kept by the day", moment(from)));
    }
    page.into_text()
}

fn figure(bucket: &MemoryBucket, class: ErrorClass) -> Cell {
    match bucket.of_host(class) {
        None => Cell::right("not watched").painted(FAINT),
        Some(errors) => {
            let bound = if bucket.is_lower_bound(class) { "≥ " } else { "" };
            let cell = Cell::right(format!("{bound}{errors}"));
            if errors > 0 { cell.painted(WARN) } else { cell }
        }
    }
}

/// A line for each counter that had errors.
fn lines(buckets: &[MemoryBucket]) -> Vec<Line> {
    let had_errors = |bucket: &MemoryBucket, key: &SeriesKey| bucket.errors(key) > Some(0);
    let series: BTreeSet<&SeriesKey> = buckets
        .iter()
        .flat_map(|bucket| bucket.series.keys().filter(|key| had_errors(bucket, key)))
        .filter(|key| key.place != SeriesPlace::Total)
        .collect();
    let line = |key: &SeriesKey| Line {
        about: format!("{}/{}", key.controller, key.place),
        kind: match key.class {
            ErrorClass::Correctable => Some("CE"),
            ErrorClass::Uncorrectable => Some("UE"),
        },
        figures: buckets.iter().map(|bucket| bucket.errors(key)).collect(),
    };
    series.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use scrubjay_model::{BucketSum, BucketTime, ControllerKey, Place};
    use std::time::Duration;

    #[test]
    fn days_are_told_with_the_time_watched_and_gaps_are_said_to_be_gaps() {
        const DAY_MS: i64 = 86_400_000;
        let series = SeriesKey {
            controller: ControllerKey::from_stored("mc0"),
            place: SeriesPlace::Dimm(Place::Dimm(3)),
            class: ErrorClass::Correctable,
        };
        let day = |n: i64, hours: u64, errors: u64, restarts: u64| {
            let sum = BucketSum { errors, restarts, changes: 1, ..BucketSum::default() };
            MemoryBucket {
                time: BucketTime {
                    from_wall_ms: n * DAY_MS,
                    to_wall_ms: (n + 1) * DAY_MS,
                    boot: None,
                    watched: Duration::from_secs(hours * 3_600),
                    not_watched: Duration::from_secs((24 - hours) * 3_600),
                },
                series: (errors > 0).then(|| (series.clone(), sum)).into_iter().collect(),
            }
        };
        let buckets = [day(0, 24, 0, 0), day(1, 0, 0, 0), day(2, 20, 12, 1), day(3, 24, 3, 0)];
        let style = Style { colour: false, all: true };
        let folded = FoldedRows::default();
        let text = memory_buckets(&buckets, BucketBy::Day, &folded, true, &style);
        insta::assert_snapshot!(text, @r"
        watched      2 d 20 h
        not watched  1 d 4 h; what was counted then shows at the next reading

        errors by day (UTC):
          from                 CE           UE  watched  not watched
          1970-01-01            0            0      1 d            -
          1970-01-02  not watched  not watched        -          1 d
          1970-01-03         ≥ 12            0     20 h          4 h
          1970-01-04            3            0      1 d            -
          ≥: a counter began anew, and what it counted last may be missing

        the last 4 rows, oldest first:
          mc0/dimm3  CE  ▁·█▄  most 12
          · not watched, ▁ watched without an error
        ");
        let plain = memory_buckets(&buckets, BucketBy::Day, &folded, false, &style);
        assert!(!plain.contains('▁'), "{plain}");
    }
}
