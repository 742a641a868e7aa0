//! Buckets of time or boots. Figures of one that nobody watched are empty cells, and no zeros.

use super::{moment, place, seconds, write};
use crate::PageError;
use scrubjay_model::{
    BootBucket, BootCounts, BucketTime, MemoryBucket, PageBucket, PageCounts, PatchBucket,
    PatchCounts, SeriesKey,
};

/// What all of them begin with: `from`, `to`, `boot`, `watched_seconds`, `not_watched_seconds`.
fn time(time: &BucketTime) -> [String; 5] {
    [
        moment(time.from_wall_ms),
        moment(time.to_wall_ms),
        time.boot.as_ref().map(ToString::to_string).unwrap_or_default(),
        seconds(time.watched),
        seconds(time.not_watched),
    ]
}

fn figure(figure: Option<u64>) -> String {
    figure.map(|figure| figure.to_string()).unwrap_or_default()
}

/// Errors by time or boot: `history memory --by … --csv`. A bucket has a line for each counter with
/// errors. One without has one line: 0 errors where it was watched, none told where it was not.
pub fn memory_buckets(buckets: &[MemoryBucket]) -> Result<String, PageError> {
    let rows = buckets.iter().flat_map(|bucket| {
        let line = |series: Option<(&SeriesKey, u64, u64)>| {
            let quiet = if bucket.is_watched() { "0" } else { "" };
            let [from, to, boot, watched, not_watched] = time(&bucket.time);
            let figure = |of: Option<u64>| of.map_or_else(|| quiet.to_owned(), |n| n.to_string());
            [
                from,
                to,
                boot,
                watched,
                not_watched,
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

/// Boots and availability: `history boots --by … --csv`.
pub fn boot_buckets(buckets: &[BootBucket]) -> Result<String, PageError> {
    let rows = buckets.iter().map(|bucket| {
        let [from, to, _, watched, not_watched] = time(&bucket.time);
        let of = |of: fn(&BootCounts) -> u64| figure(bucket.counts().map(of));
        let (least, most) = bucket.bounds_ppm().unzip();
        // Where nothing is accounted for, neither is known to have been none.
        let part = |time| if least.is_some() { seconds(time) } else { String::new() };
        [
            from,
            to,
            watched,
            not_watched,
            of(|counts| counts.begun),
            of(|counts| counts.clean),
            of(|counts| counts.panic),
            of(|counts| counts.watchdog),
            of(|counts| counts.cut_off),
            of(|counts| counts.unknown_ends),
            part(bucket.up),
            part(bucket.down),
            part(bucket.unknown),
            figure(least),
            figure(most),
        ]
    });
    write(
        [
            "from",
            "to",
            "watched_seconds",
            "not_watched_seconds",
            "begun",
            "clean",
            "panic",
            "watchdog",
            "cut_off",
            "unknown_ends",
            "up_seconds",
            "down_seconds",
            "unknown_seconds",
            "up_ppm_at_least",
            "up_ppm_at_most",
        ],
        rows,
    )
}

/// Kernels, live patches and what was owed: `history patches --by … --csv`.
pub fn patch_buckets(buckets: &[PatchBucket]) -> Result<String, PageError> {
    let rows = buckets.iter().map(|bucket| {
        let [from, to, boot, watched, not_watched] = time(&bucket.time);
        let of = |of: fn(&PatchCounts) -> u64| figure(bucket.counts().map(of));
        [
            from,
            to,
            boot,
            watched,
            not_watched,
            of(|counts| counts.kernels_installed),
            of(|counts| counts.kernels_removed),
            of(|counts| counts.kernels_booted),
            of(|counts| counts.transitions_begun),
            of(|counts| counts.transitions_ended),
            of(|counts| counts.microcode),
            of(|counts| counts.other),
            of(|counts| counts.concluded),
            of(|counts| counts.found_before),
            of(|counts| counts.owed_begun),
            of(|counts| counts.owed_ended),
            figure(bucket.owed()),
            bucket.longest_released.map(seconds).unwrap_or_default(),
            bucket.longest_installed.map(seconds).unwrap_or_default(),
        ]
    });
    write(
        [
            "from",
            "to",
            "boot",
            "watched_seconds",
            "not_watched_seconds",
            "kernels_installed",
            "kernels_removed",
            "kernels_booted",
            "transitions_begun",
            "transitions_ended",
            "microcode",
            "other",
            "concluded",
            "found_before",
            "owed_begun",
            "owed_ended",
            "owed",
            "longest_released_seconds",
            "longest_installed_seconds",
        ],
        rows,
    )
}

/// Bad pages: `history pages --by … --csv`.
pub fn page_buckets(buckets: &[PageBucket]) -> Result<String, PageError> {
    let rows = buckets.iter().map(|bucket| {
        let [from, to, boot, watched, not_watched] = time(&bucket.time);
        let of = |of: fn(&PageCounts) -> u64| figure(bucket.counts().map(of));
        [
            from,
            to,
            boot,
            watched,
            not_watched,
            of(|counts| counts.registered),
            of(|counts| counts.soft_offlined),
            of(|counts| counts.asked),
            of(|counts| counts.requests_done),
            of(|counts| counts.recovered),
            of(|counts| counts.delayed),
            of(|counts| counts.refused),
            of(|counts| counts.other),
            figure(bucket.known()),
            figure(bucket.out_of_use()),
        ]
    });
    write(
        [
            "from",
            "to",
            "boot",
            "watched_seconds",
            "not_watched_seconds",
            "registered",
            "soft_offlined",
            "asked",
            "requests_done",
            "recovered",
            "delayed",
            "refused",
            "other",
            "known",
            "out_of_use",
        ],
        rows,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use scrubjay_model::{BucketSum, BucketTime, ControllerKey, ErrorClass, Place, SeriesPlace};
    use std::time::Duration;

    #[test]
    fn what_was_not_watched_is_an_empty_cell_and_no_zero() {
        let key = SeriesKey {
            controller: ControllerKey::from_stored("a,b"),
            place: SeriesPlace::Dimm(Place::Dimm(0)),
            class: ErrorClass::Correctable,
        };
        let bucket = |n: i64, watched: u64, errors: u64| MemoryBucket {
            time: BucketTime {
                from_wall_ms: n * 3_600_000,
                to_wall_ms: (n + 1) * 3_600_000,
                boot: None,
                watched: Duration::from_secs(watched),
                not_watched: Duration::from_secs(3_600 - watched),
            },
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
