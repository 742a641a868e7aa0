//! `history boots --by`: boots and availability.

use super::super::Style;
use super::super::boots::per_cent;
use super::super::page::Cell;
use super::super::words::count;
use super::{BucketPage, Line, NO_DATA, concern, figure, first, share};
use scrubjay_model::{BootBucket, BootCounts, BucketBy};

/// The page. `left_out` are boots that no bucket counts, for nobody knows when they were; `bars` tells
/// whether the terminal can show them.
pub fn boot_buckets(
    buckets: &[BootBucket],
    by: BucketBy,
    left_out: u64,
    bars: bool,
    style: &Style,
) -> String {
    let mut page = BucketPage::new(by, bars, style);
    if buckets.is_empty() {
        return page.nothing();
    }
    let rest = "of boots that came and went then only what other tools remember is known";
    page.exposure(buckets.iter().map(|bucket| &bucket.time), rest);
    let columns =
        ["begun", "clean", "crash", "cut off", "unknown", "up", "down", "not known", "available"];
    page.table("boots", &columns, buckets.iter().map(|bucket| (&bucket.time, row(bucket))));
    let sum = |of: fn(&BootCounts) -> u64| -> u64 { buckets.iter().map(|b| of(&b.counts)).sum() };
    if sum(|counts| counts.cut_off) > 0 {
        let text =
            "cut off: power loss, reset, or a crash that left nothing; they leave the same traces";
        page.page.sentence(2, text);
    }
    if buckets.iter().any(|bucket| !bucket.unknown.is_zero()) {
        let text = "not known: from an end that nobody saw until the next boot; it is neither up nor \
                    down, and the two figures leave it open";
        page.page.sentence(2, text);
    }
    if left_out > 0 {
        let boots = count(left_out, "boot is", "boots are");
        let text = "left out, for its time is not agreed on; history boots says more";
        page.page.sentence(2, &format!("{boots} {text}"));
    }
    let line = |about: &str, of: fn(&BootCounts) -> u64| Line {
        about: about.to_owned(),
        kind: None,
        figures: buckets.iter().map(|bucket| bucket.counts().map(of)).collect(),
    };
    let mut lines = vec![line("boots begun", |counts| counts.begun)];
    if sum(BootCounts::unclean) > 0 {
        lines.push(line("crashed or cut off", BootCounts::unclean));
    }
    page.lines(&lines, NO_DATA, "none");
    page.page.into_text()
}

fn row(bucket: &BootBucket) -> Vec<Cell> {
    let counts = bucket.counts();
    let of = |of: fn(&BootCounts) -> u64| counts.map(of);
    let available = match bucket.bounds_ppm() {
        None => String::new(),
        Some((least, most)) if least == most => per_cent(least),
        Some((least, most)) => {
            format!("{} to {}", per_cent(least), per_cent(most.saturating_add(9)))
        }
    };
    vec![
        first(of(|counts| counts.begun)),
        figure(of(|counts| counts.clean)),
        concern(of(|counts| counts.panic.saturating_add(counts.watchdog))),
        concern(of(|counts| counts.cut_off)),
        figure(of(|counts| counts.unknown_ends)),
        share(bucket.up),
        share(bucket.down),
        share(bucket.unknown),
        Cell::right(available),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use scrubjay_model::BucketTime;
    use std::time::Duration;

    fn month(n: i64, up_hours: u64, unknown_hours: u64, counts: BootCounts) -> BootBucket {
        const DAY_MS: i64 = 86_400_000;
        let hours = |hours: u64| Duration::from_secs(hours * 3_600);
        BootBucket {
            time: BucketTime {
                from_wall_ms: n * 31 * DAY_MS,
                to_wall_ms: (n + 1) * 31 * DAY_MS,
                boot: None,
                watched: hours(up_hours),
                not_watched: hours(744 - up_hours),
            },
            up: hours(up_hours),
            down: Duration::from_secs(if up_hours > 0 { 300 } else { 0 }),
            unknown: hours(unknown_hours),
            counts,
        }
    }

    #[test]
    fn months_tell_ends_by_kind_and_what_is_not_known_of_their_time() {
        let none = BootCounts::default();
        let buckets = [
            month(0, 700, 0, BootCounts { begun: 1, ..none }),
            month(1, 740, 2, BootCounts { begun: 2, clean: 1, watchdog: 1, cut_off: 1, ..none }),
            month(2, 0, 0, none),
            month(3, 744, 0, none),
        ];
        let style = Style { colour: false, all: true };
        insta::assert_snapshot!(boot_buckets(&buckets, BucketBy::Month, 1, true, &style), @r"
        watched      91 d
        not watched  33 d; of boots that came and went then only what other tools
                     remember is known

        boots by month (UTC):
          from       begun  clean  crash  cut off  unknown         up   down  not known             available    watched  not watched
          1970-01        1      0      0        0        0   29 d 4 h  5 min          -              99.988 %   29 d 4 h     1 d 20 h
          1970-02        2      1      1        1        0  30 d 20 h  5 min        2 h  99.719 % to 99.989 %  30 d 20 h          4 h
          1970-03  no data                                          -      -          -                                -         31 d
          1970-04        0      0      0        0        0       31 d  5 min          -              99.988 %       31 d            -
          cut off: power loss, reset, or a crash that left nothing; they leave the same
          traces
          not known: from an end that nobody saw until the next boot; it is neither up
          nor down, and the two figures leave it open
          1 boot is left out, for its time is not agreed on; history boots says more

        the last 4 rows, oldest first:
          boots begun         ▅█·▁  most 2
          crashed or cut off  ▁█·▁  most 2
          · no data, ▁ none
        ");
        let plain = boot_buckets(&buckets, BucketBy::Month, 0, false, &style);
        assert!(!plain.contains('▁') && !plain.contains("left out"), "{plain}");
        let none = boot_buckets(&[], BucketBy::Month, 0, true, &style);
        assert_eq!(none, "no data: the history holds nothing of that time\n");
    }
}
