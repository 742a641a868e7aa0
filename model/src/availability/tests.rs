//! Time known to have been up, down, and neither.

use super::*;
use crate::{BootMemory, BootRecord, ForeignBoot, ForeignEnd, ImportedBoot, merged_boots};
use proptest::prelude::*;
use std::collections::BTreeMap;

const START_MS: i64 = 1_700_000_000_000;

/// A boot that the agent saw: began at, ran for, ended by the wall clock, in seconds.
fn line(from_s: i64, ran_s: u64, ended_s: i64, end: BootEnd) -> BootLine {
    let record = BootRecord {
        boot: crate::BootId::unknown(),
        booted_wall_ms: Some(START_MS + from_s * 1000),
        last_seen_wall_ms: Some(START_MS + ended_s * 1000),
        ran: Some(Duration::from_secs(ran_s)),
        slept: Some(Duration::from_secs(ran_s / 10)),
        kernel_release: None,
        kernel_version: None,
        end,
        evidence: String::new(),
    };
    merged_boots(&[record], Vec::new(), &BTreeMap::new()).remove(0)
}

fn seconds(sum: &Availability) -> (u64, u64, u64) {
    (sum.up.as_secs(), sum.down.as_secs(), sum.unknown.as_secs())
}

#[test]
fn downtime_is_what_follows_a_clean_end_and_the_rest_is_not_known() {
    let lines = [
        line(0, 900, 900, BootEnd::Clean),
        line(1_000, 900, 1_900, BootEnd::Unclean),
        line(2_000, 500, 2_500, BootEnd::Running),
    ];
    let sum = availability(&lines).unwrap();
    assert_eq!(seconds(&sum), (2_300, 100, 100));
    assert_eq!(sum.bounds_ppm(), Some((920_000, 960_000)));
    assert_eq!((sum.clean, sum.unclean, sum.unknown_ends, sum.set_back), (1, 1, 0, 0));
    assert_eq!(sum.asleep, Duration::from_secs(230));
    assert_eq!(sum.longest, [0, 1, 2]);
    assert_eq!(lines[0].down_until(&lines[1]), Some(Duration::from_secs(100)));
    assert_eq!(lines[1].down_until(&lines[2]), None);
}

#[test]
fn a_step_of_the_clock_within_a_boot_changes_nothing() {
    let lines = |step: i64| {
        [
            line(0, 900, 900 + step, BootEnd::Clean),
            line(1_000 + step, 900, 1_900 + step, BootEnd::Running),
        ]
    };
    for step in [0, 7_200, 86_400 * 365] {
        assert_eq!(seconds(&availability(&lines(step)).unwrap()), (1_800, 100, 0), "{step}");
    }
}

#[test]
fn a_clock_that_was_set_back_between_two_boots_is_no_time_at_all() {
    let lines = [line(0, 900, 900, BootEnd::Clean), line(500, 10, 510, BootEnd::Running)];
    let sum = availability(&lines).unwrap();
    assert_eq!((seconds(&sum), sum.set_back), ((910, 0, 0), 1));
}

#[test]
fn between_boots_of_different_memories_others_may_lie() {
    let told = |memory, from_s: i64, end| {
        let begun = ForeignBoot::begun(START_MS + from_s * 1000);
        let ended = Some(START_MS + (from_s + 900) * 1000);
        ImportedBoot { memory, boot: begun.ended(ended, end, "x") }
    };
    let unknown_in = |second| {
        let first = told(BootMemory::Wtmp, 0, ForeignEnd::Clean);
        let last = told(second, 2_000, ForeignEnd::Clean);
        let lines = merged_boots(&[], vec![first, last], &BTreeMap::new());
        seconds(&availability(&lines).unwrap())
    };
    assert_eq!(unknown_in(BootMemory::Wtmp), (1_800, 1_100, 0));
    assert_eq!(unknown_in(BootMemory::Wtmpdb), (1_800, 0, 1_100));
    // One that keeps the longest boots only tells of no downtime.
    let longest = |from_s| {
        let mut told = told(BootMemory::Uptimed, from_s, ForeignEnd::Unknown);
        told.boot.lasted_s = Some(900);
        told
    };
    let lines = merged_boots(&[], vec![longest(0), longest(2_000)], &BTreeMap::new());
    assert_eq!(seconds(&availability(&lines).unwrap()), (1_800, 0, 1_100));
}

#[test]
fn boots_by_a_clock_that_was_not_set_are_left_out() {
    assert_eq!(availability(&[]), None);
    let unset = ImportedBoot {
        memory: BootMemory::Wtmp,
        boot: ForeignBoot::begun(10_000).ended(Some(START_MS), ForeignEnd::Clean, "x"),
    };
    let mut lines = merged_boots(&[], vec![unset], &BTreeMap::new());
    assert_eq!(availability(&lines), None);
    lines.push(line(0, 900, 900, BootEnd::Running));
    let sum = availability(&lines).unwrap();
    assert_eq!((seconds(&sum), sum.clock_not_set), ((900, 0, 0), 1));
    // Fifty years are not the longest uptime.
    assert_eq!(sum.longest, [1]);
}

#[test]
fn no_hour_counts_twice_where_tools_disagree_on_a_boot() {
    let told = |memory, from_s: i64, lasted_s: i64| {
        let begun = ForeignBoot::begun(START_MS + from_s * 1000);
        let ended = Some(begun.booted_wall_ms + lasted_s * 1000);
        ImportedBoot { memory, boot: begun.ended(ended, ForeignEnd::Clean, "x") }
    };
    // An hour apart, by clocks of which one was set late.
    let imported = [told(BootMemory::Wtmp, 0, 9_000), told(BootMemory::Wtmpdb, 3_600, 5_400)];
    let mut lines = merged_boots(&[], imported.to_vec(), &BTreeMap::new());
    let sum = availability(&lines).unwrap();
    assert_eq!((seconds(&sum), sum.overlapping, sum.clean), ((9_000, 0, 0), 1, 1));
    assert_eq!(sum.longest, [0]);
    // What the agent saw goes before both.
    lines.push(line(4_000, 100, 4_100, BootEnd::Running));
    let sum = availability(&lines).unwrap();
    assert_eq!((seconds(&sum), sum.overlapping), ((100, 0, 0), 2));
}

#[test]
fn a_length_by_the_wall_clock_that_reaches_into_the_next_boot_is_none() {
    let told = |from_ms, lasted_ms| ImportedBoot {
        memory: BootMemory::Wtmp,
        boot: ForeignBoot::begun(START_MS + from_ms).ended(
            Some(START_MS + from_ms + lasted_ms),
            ForeignEnd::Clean,
            "x",
        ),
    };
    let imported = [told(0, 9_000_000), told(1_000_000, 10_000)];
    let lines = merged_boots(&[], imported.to_vec(), &BTreeMap::new());
    let sum = availability(&lines).unwrap();
    assert_eq!((seconds(&sum), sum.set_back), ((10, 0, 1_000), 1));
}

proptest! {
    /// Whatever the clocks said, no boot counts for more than it ran, and nothing overflows.
    #[test]
    fn what_is_not_known_is_never_up(
        boots in proptest::collection::vec(
            (any::<i64>(), any::<u64>(), any::<i64>(), 0_usize..4),
            0..20,
        ),
    ) {
        let mut lines: Vec<BootLine> = boots
            .iter()
            .map(|(from_ms, ran_s, ended_ms, end)| BootLine {
                booted_wall_ms: Some(*from_ms),
                ended_wall_ms: Some(*ended_ms),
                ran: Some(Duration::from_secs(*ran_s)),
                ..line(0, 0, 0, BootEnd::ALL[*end])
            })
            .collect();
        lines.sort_by_key(|line| line.booted_wall_ms);
        if let Some(sum) = availability(&lines) {
            let ran = lines.iter().filter_map(|line| line.ran);
            prop_assert!(sum.up <= ran.fold(Duration::ZERO, Duration::saturating_add));
            prop_assert!(sum.up <= sum.period());
            if let Some((least, most)) = sum.bounds_ppm() {
                prop_assert!(least <= most && most <= 1_000_000);
            }
        }
    }
}

#[test]
fn a_boot_without_a_time_is_in_no_sum_and_makes_no_downtime_of_the_time_it_may_have_run() {
    let untimed = BootLine {
        booted_wall_ms: None,
        ended_wall_ms: None,
        ran: None,
        ..line(0, 1, 1, BootEnd::Unknown)
    };
    let (before, after) =
        (line(0, 900, 900, BootEnd::Clean), line(2_000, 500, 2_500, BootEnd::Running));
    let between = [before.clone(), untimed.clone(), after.clone()];
    let sum = availability(&between).unwrap();
    assert_eq!(seconds(&sum), (1_400, 0, 1_100));
    assert_eq!((sum.time_not_known, sum.clock_not_set, sum.unknown_ends), (1, 0, 0));
    assert_eq!(sum.longest, [0, 2]);
    assert_eq!(between[0].down_until(&between[1]), None);
    // Before all others it takes no part.
    let first = availability(&[untimed.clone(), before, after]).unwrap();
    assert_eq!(seconds(&first), (1_400, 1_100, 0));
    assert_eq!(first.from_wall_ms, START_MS);
    assert_eq!(availability(&[untimed]), None);
}
