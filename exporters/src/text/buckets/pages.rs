//! `history pages --by`: bad pages.

use super::super::Style;
use super::super::page::Cell;
use super::{BucketPage, Line, NO_DATA, concern, figure, first};
use scrubjay_model::{BucketBy, PageBucket, PageCounts};

/// The page. `bars` tells whether the terminal can show them.
pub fn page_buckets(buckets: &[PageBucket], by: BucketBy, bars: bool, style: &Style) -> String {
    let mut page = BucketPage::new(by, bars, style);
    if buckets.is_empty() {
        return page.nothing();
    }
    let rest = "of what became of pages then the kernel's log may tell later, or nobody";
    page.exposure(buckets.iter().map(|bucket| &bucket.time), rest);
    let columns = [
        "registered",
        "soft offline",
        "on request",
        "recovered",
        "delayed",
        "refused",
        "in all",
        "out of use",
    ];
    page.table("bad pages", &columns, buckets.iter().map(|bucket| (&bucket.time, row(bucket))));
    for text in [
        "soft offline, on request: taken out before they failed, as the kernel told, and as we asked; \
         one page may be both. recovered, delayed, refused: what the kernel did",
        "in all: registered by the end. out of use: of these, by the kernel that ran then, as far as it \
         told; the next kernel uses them again unless its boot loader keeps it off them",
    ] {
        page.page.sentence(2, text);
    }
    let line = |about: &str, figures: Vec<Option<u64>>| Line {
        about: about.to_owned(),
        kind: None,
        figures,
    };
    let registered = buckets.iter().map(|bucket| bucket.counts().map(|counts| counts.registered));
    let out = buckets.iter().map(PageBucket::out_of_use);
    let lines = [line("registered", registered.collect()), line("out of use", out.collect())];
    page.lines(&lines, NO_DATA, "none");
    page.page.into_text()
}

fn row(bucket: &PageBucket) -> Vec<Cell> {
    let of = |of: fn(&PageCounts) -> u64| bucket.counts().map(of);
    vec![
        first(of(|counts| counts.registered)),
        figure(of(|counts| counts.soft_offlined.saturating_add(counts.asked))),
        figure(of(|counts| counts.requests_done)),
        figure(of(|counts| counts.recovered)),
        figure(of(|counts| counts.delayed)),
        concern(of(|counts| counts.refused)),
        figure(bucket.known()),
        figure(bucket.out_of_use()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use scrubjay_model::BucketTime;
    use std::time::Duration;

    #[test]
    fn days_tell_what_became_of_pages_and_how_many_are_out_of_use() {
        const DAY_MS: i64 = 86_400_000;
        let none = PageCounts::default();
        let day = |n: i64, hours: u64, known: u64, out_of_use: u64, counts| PageBucket {
            time: BucketTime {
                from_wall_ms: n * DAY_MS,
                to_wall_ms: (n + 1) * DAY_MS,
                boot: None,
                watched: Duration::from_secs(hours * 3_600),
                not_watched: Duration::from_secs((24 - hours) * 3_600),
            },
            counts,
            known,
            out_of_use,
        };
        let hit = PageCounts { registered: 3, recovered: 2, refused: 1, ..none };
        let asked = PageCounts { registered: 1, soft_offlined: 1, asked: 1, ..none };
        let buckets = [
            day(0, 24, 0, 0, none),
            day(1, 24, 3, 2, hit),
            day(2, 0, 3, 2, none),
            day(3, 12, 4, 1, asked),
        ];
        let style = Style { colour: false, all: true };
        insta::assert_snapshot!(page_buckets(&buckets, BucketBy::Day, true, &style), @r"
        watched      2 d 12 h
        not watched  1 d 12 h; of what became of pages then the kernel's log may tell
                     later, or nobody

        bad pages by day (UTC):
          from        registered  soft offline  on request  recovered  delayed  refused  in all  out of use  watched  not watched
          1970-01-01           0             0           0          0        0        0       0           0      1 d            -
          1970-01-02           3             0           0          2        0        1       3           2      1 d            -
          1970-01-03     no data                                                                                   -          1 d
          1970-01-04           1             2           0          0        0        0       4           1     12 h         12 h
          soft offline, on request: taken out before they failed, as the kernel told,
          and as we asked; one page may be both. recovered, delayed, refused: what the
          kernel did
          in all: registered by the end. out of use: of these, by the kernel that ran
          then, as far as it told; the next kernel uses them again unless its boot
          loader keeps it off them

        the last 4 rows, oldest first:
          registered  ▁█·▄  most 3
          out of use  ▁█·▅  most 2
          · no data, ▁ none
        ");
    }
}
