//! `history patches --by`: kernels, live patches, and what was owed.

use super::super::Style;
use super::super::page::Cell;
use super::super::words::{count, span};
use super::{BucketPage, Line, NO_DATA, concern, figure, first};
use scrubjay_model::{BucketBy, PatchBucket, PatchCounts};
use std::time::Duration;

/// The page. `bars` tells whether the terminal can show them.
pub fn patch_buckets(buckets: &[PatchBucket], by: BucketBy, bars: bool, style: &Style) -> String {
    let mut page = BucketPage::new(by, bars, style);
    if buckets.is_empty() {
        return page.nothing();
    }
    let rest = "what changed then shows at the next reading, and what changed to and fro does not";
    page.exposure(buckets.iter().map(|bucket| &bucket.time), rest);
    let columns = [
        "installed",
        "removed",
        "booted",
        "begun",
        "done",
        "microcode",
        "other",
        "owed",
        "exposed",
        "on disk",
    ];
    let rows = buckets.iter().map(|bucket| (&bucket.time, row(bucket)));
    page.table("kernels and live patches", &columns, rows);
    for text in [
        "installed, removed, booted: kernels. begun, done: transitions of live patches. other: other \
         changes that were read",
        "owed: vulnerabilities seen at the end to be fixed on disk and not in force. exposed, on disk: \
         for how long the fix of the worst of them was released, and installed",
    ] {
        page.page.sentence(2, text);
    }
    let found: u64 = buckets.iter().map(|bucket| bucket.counts.found_before).sum();
    if found > 0 {
        let one = "fact that the first pass found is";
        let facts = count(found, one, "facts that the first pass found are");
        page.page.sentence(2, &format!("{facts} in no row"));
    }
    let line = |about: &str, figures: Vec<Option<u64>>| Line {
        about: about.to_owned(),
        kind: None,
        figures,
    };
    let installed = buckets.iter().map(|b| b.counts().map(|counts| counts.kernels_installed));
    let owed = buckets.iter().map(PatchBucket::owed);
    let lines = [line("kernels installed", installed.collect()), line("owed", owed.collect())];
    page.lines(&lines, NO_DATA, "none");
    page.page.into_text()
}

fn row(bucket: &PatchBucket) -> Vec<Cell> {
    let of = |of: fn(&PatchCounts) -> u64| figure(bucket.counts().map(of));
    let clocks = [bucket.longest_released, bucket.longest_installed];
    let was_owed = bucket.owed() > Some(0) || clocks.iter().any(Option::is_some);
    let clock = |time: Option<Duration>| {
        let untold = if was_owed { "not known" } else { "" };
        Cell::right(time.map_or_else(|| untold.to_owned(), span))
    };
    vec![
        first(bucket.counts().map(|counts| counts.kernels_installed)),
        of(|counts| counts.kernels_removed),
        of(|counts| counts.kernels_booted),
        of(|counts| counts.transitions_begun),
        of(|counts| counts.transitions_ended),
        of(|counts| counts.microcode),
        of(|counts| counts.other),
        concern(bucket.owed()),
        clock(bucket.longest_released),
        clock(bucket.longest_installed),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use scrubjay_model::BucketTime;

    #[test]
    fn months_tell_changes_and_what_is_owed_at_their_end() {
        const DAY_MS: i64 = 86_400_000;
        let days = |days: u64| Duration::from_secs(days * 86_400);
        let month = |n: i64, watched: u64, owed: u64, released: Option<u64>, counts| PatchBucket {
            time: BucketTime {
                from_wall_ms: n * 31 * DAY_MS,
                to_wall_ms: (n + 1) * 31 * DAY_MS,
                boot: None,
                watched: days(watched),
                not_watched: days(31 - watched),
            },
            counts,
            owed,
            longest_released: released.map(days),
            longest_installed: None,
        };
        let none = PatchCounts::default();
        let changes = PatchCounts {
            kernels_installed: 2,
            transitions_begun: 2,
            transitions_ended: 1,
            owed_begun: 30,
            found_before: 12,
            ..none
        };
        let buckets = [
            month(0, 31, 30, Some(12), changes),
            month(1, 0, 30, None, none),
            month(2, 20, 0, Some(70), PatchCounts { kernels_booted: 1, owed_ended: 30, ..none }),
            month(3, 31, 0, None, none),
        ];
        let style = Style { colour: false, all: true };
        insta::assert_snapshot!(patch_buckets(&buckets, BucketBy::Month, true, &style), @r"
        watched      82 d
        not watched  42 d; what changed then shows at the next reading, and what changed
                     to and fro does not

        kernels and live patches by month (UTC):
          from     installed  removed  booted  begun  done  microcode  other  owed  exposed    on disk  watched  not watched
          1970-01          2        0       0      2     1          0      0    30     12 d  not known     31 d            -
          1970-02    no data                                                                                  -         31 d
          1970-03          0        0       1      0     0          0      0     0     70 d  not known     20 d         11 d
          1970-04          0        0       0      0     0          0      0     0                         31 d            -
          installed, removed, booted: kernels. begun, done: transitions of live patches.
          other: other changes that were read
          owed: vulnerabilities seen at the end to be fixed on disk and not in force.
          exposed, on disk: for how long the fix of the worst of them was released, and
          installed
          12 facts that the first pass found are in no row

        the last 4 rows, oldest first:
          kernels installed  █·▁▁  most 2
          owed               █·▁▁  most 30
          · no data, ▁ none
        ");
    }
}
