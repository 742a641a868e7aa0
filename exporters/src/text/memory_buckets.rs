//! `history memory --by`: errors of each hour, day, month or boot, beside the time that was watched.
//!
//! A time that nobody watched is written as such, and drawn as a dot; a watched time without an error
//! is a number, 0, and the lowest bar.

use super::Style;
use super::page::{Cell, FAINT, Page, WARN};
use super::words::{count, moment, span};
use scrubjay_model::{BucketBy, ErrorClass, FoldedRows, MemoryBucket, SeriesKey, SeriesPlace};
use std::collections::BTreeSet;
use std::time::Duration;

/// The bars of a line, lowest first: watched without an error, then up to the most of the line.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// In place of a bar where nobody watched.
const GAP: char = '·';

/// Most bars in a line, the last ones.
const WIDEST: usize = 60;

/// The page. `bars` tells whether the terminal can show them.
pub fn memory_buckets(
    buckets: &[MemoryBucket],
    by: BucketBy,
    folded: &FoldedRows,
    bars: bool,
    style: &Style,
) -> String {
    let mut page = Page::new(*style);
    if buckets.is_empty() {
        page.sentence(0, "no data: the history holds nothing of that time");
        return page.into_text();
    }
    exposure(&mut page, buckets);
    page.blank();
    page.heading(match by {
        BucketBy::Hour => "errors by hour (UTC):",
        BucketBy::Day => "errors by day (UTC):",
        BucketBy::Month => "errors by month (UTC):",
        BucketBy::Boot => "errors by boot:",
    });
    table(&mut page, buckets, by);
    if ErrorClass::ALL.iter().any(|class| buckets.iter().any(|b| b.is_lower_bound(*class))) {
        page.sentence(2, "≥: a counter began anew, and what it counted last may be missing");
    }
    let before: u64 = buckets
        .iter()
        .flat_map(|bucket| &bucket.series)
        .filter(|(key, _)| key.place == SeriesPlace::Total)
        .fold(0, |sum, (_, errors)| sum.saturating_add(errors.counted_before));
    if before > 0 {
        let errors = count(before, "error", "errors");
        page.sentence(
            2,
            &format!("{errors} were counted before the first reading and are in no row"),
        );
    }
    if bars {
        lines(&mut page, buckets);
    }
    if let Some(from) = folded.hours_from_wall_ms.filter(|_| by == BucketBy::Hour) {
        page.blank();
        page.sentence(0, &format!("before {} sums are kept by the day", moment(from)));
    }
    page.into_text()
}

fn exposure(page: &mut Page, buckets: &[MemoryBucket]) {
    let sum = |of: fn(&MemoryBucket) -> Duration| {
        buckets.iter().map(of).fold(Duration::ZERO, Duration::saturating_add)
    };
    let (watched, missed) = (sum(|bucket| bucket.watched), sum(|bucket| bucket.not_watched));
    page.field(0, "watched", &span(watched));
    page.field(
        0,
        "not watched",
        &format!("{}; what was counted then shows at the next reading", span(missed)),
    );
}

fn table(page: &mut Page, buckets: &[MemoryBucket], by: BucketBy) {
    let heading = |text: &str| Cell::right(text).painted(FAINT);
    let mut rows = vec![vec![
        Cell::left("from").painted(FAINT),
        heading("CE"),
        heading("UE"),
        heading("watched"),
        heading("not watched"),
    ]];
    for bucket in buckets {
        let mut row = vec![Cell::left(name(bucket, by))];
        row.extend(ErrorClass::ALL.map(|class| figure(bucket, class)));
        row.push(Cell::right(share(bucket.watched)));
        row.push(Cell::right(share(bucket.not_watched)));
        rows.push(row);
    }
    page.table(2, &rows);
}

fn share(time: Duration) -> String {
    if time.is_zero() { "-".to_owned() } else { span(time) }
}

fn name(bucket: &MemoryBucket, by: BucketBy) -> String {
    const DAY_MS: i64 = 86_400_000;
    let full = moment(bucket.from_wall_ms);
    let is_whole_day = bucket.to_wall_ms.saturating_sub(bucket.from_wall_ms) > DAY_MS / 24;
    let length = match by {
        BucketBy::Month => "2026-11".len(),
        BucketBy::Day => "2026-11-24".len(),
        BucketBy::Hour if is_whole_day => "2026-11-24".len(),
        BucketBy::Hour => "2026-11-24T06:02".len(),
        BucketBy::Boot => full.len(),
    };
    full.chars().take(length).collect()
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

/// A line of bars for each counter that had errors, as high as its own largest.
fn lines(page: &mut Page, buckets: &[MemoryBucket]) {
    let had_errors = |bucket: &MemoryBucket, key: &SeriesKey| bucket.errors(key) > Some(0);
    let series: BTreeSet<&SeriesKey> = buckets
        .iter()
        .flat_map(|bucket| bucket.series.keys().filter(|key| had_errors(bucket, key)))
        .filter(|key| key.place != SeriesPlace::Total)
        .collect();
    if series.is_empty() {
        return;
    }
    page.blank();
    let shown = buckets.get(buckets.len().saturating_sub(WIDEST)..).unwrap_or(buckets);
    page.heading(&format!("the last {}, oldest first:", count(shown.len(), "row", "rows")));
    let mut rows = Vec::new();
    for key in series {
        let errors: Vec<Option<u64>> = shown.iter().map(|bucket| bucket.errors(key)).collect();
        let most = errors.iter().flatten().copied().max().unwrap_or(0);
        rows.push(vec![
            Cell::left(format!("{}/{}", key.controller, key.place)),
            Cell::left(key.class.kernel_word().to_uppercase()),
            Cell::left(errors.iter().map(|errors| bar(*errors, most)).collect::<String>()),
            Cell::left(format!("most {most}")).painted(FAINT),
        ]);
    }
    page.table(2, &rows);
    page.sentence(2, &format!("{GAP} not watched, {} watched without an error", BARS[0]));
}

/// Any error at all is higher than none.
fn bar(errors: Option<u64>, most: u64) -> char {
    let Some(errors) = errors else { return GAP };
    if errors == 0 {
        return BARS[0];
    }
    let above = u128::try_from(BARS.len().saturating_sub(2)).unwrap_or(0);
    let height = (u128::from(errors) * above).div_ceil(u128::from(most.max(1))).saturating_add(1);
    let height = usize::try_from(height).unwrap_or(usize::MAX).min(BARS.len() - 1);
    BARS.get(height).copied().unwrap_or(GAP)
}

#[cfg(test)]
mod tests {
    use super::*;
    use scrubjay_model::{BucketSum, ControllerKey, Place};

    #[test]
    fn a_gap_is_neither_a_zero_nor_a_bar() {
        let heights: String = [None, Some(0), Some(1), Some(50), Some(100)]
            .map(|errors| bar(errors, 100))
            .iter()
            .collect();
        assert_eq!(heights, "·▁▃▅█");
        assert_eq!(bar(Some(1), 1), '█');
    }

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
                from_wall_ms: n * DAY_MS,
                to_wall_ms: (n + 1) * DAY_MS,
                boot: None,
                watched: Duration::from_secs(hours * 3_600),
                not_watched: Duration::from_secs((24 - hours) * 3_600),
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
