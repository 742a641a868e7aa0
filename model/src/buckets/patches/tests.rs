//! What counts as which change, and what is owed when.

use super::super::{BucketBy, DAY_MS};
use super::*;
use crate::{
    BootEnd, BootRecord, CoverageRecord, CveId, DebVersion, ExposureTurnRecord, PackageVersion,
};
use proptest::prelude::*;

fn boot(day: i64) -> BootId {
    BootId::parse(&format!("{:08x}-0000-4000-8000-000000000000", day.div_euclid(10))).unwrap()
}

/// Boots of ten days each, without a break.
fn boots() -> Vec<BootRecord> {
    let record = |n: i64| BootRecord {
        boot: boot(n * 10),
        booted_wall_ms: Some(n * 10 * DAY_MS),
        last_seen_wall_ms: Some((n + 1) * 10 * DAY_MS - 1),
        ran: Some(Duration::from_secs(10 * 86_400)),
        slept: None,
        kernel_release: None,
        kernel_version: None,
        end: BootEnd::Clean,
        evidence: String::new(),
    };
    (0..10).map(record).collect()
}

fn change(day: i64, name: &str, subject: &str, value: Option<&str>) -> FactRecord {
    FactRecord {
        at_wall_ms: day * DAY_MS,
        boot: boot(day),
        name: name.to_owned(),
        subject: subject.to_owned(),
        value: value.map(str::to_owned),
        state: if value.is_some() { "ok" } else { "gone" }.to_owned(),
    }
}

fn exposure(first_day: i64, turns: &[(i64, ExposureTurnKind)]) -> ExposureRecord {
    let turn = |(day, what): &(i64, ExposureTurnKind)| ExposureTurnRecord {
        at_wall_ms: day * DAY_MS,
        what: *what,
        by: "lp_1".to_owned(),
    };
    ExposureRecord {
        cve: CveId::parse("CVE-2026-0001").unwrap(),
        fix_version: PackageVersion::Deb(DebVersion::parse("6.1.192-2").unwrap()),
        released_unix_s: Some((first_day - 2) * 86_400),
        installed_unix_s: Some(first_day * 86_400),
        first_wall_ms: first_day * DAY_MS,
        turns: turns.iter().map(turn).collect(),
        clock_adjusted_ms: None,
    }
}

fn buckets(
    by: BucketBy,
    days: i64,
    changes: &[FactRecord],
    exposures: &[ExposureRecord],
) -> Vec<PatchBucket> {
    let coverage = [CoverageRecord {
        boot: boot(0),
        from_wall_ms: 0,
        to_wall_ms: 10 * DAY_MS,
        length: Duration::from_secs(10 * 86_400),
    }];
    let boots = boots();
    let watched = Watched { coverage: &coverage, coverage_days: &[], boots: &boots };
    let window = BucketWindow { by, from_wall_ms: 0, until_wall_ms: days * DAY_MS };
    patch_buckets(window, changes, exposures, watched)
}

fn counted(changes: &[FactRecord]) -> PatchCounts {
    let made = buckets(BucketBy::Month, 25, changes, &[]);
    made[0].counts
}

#[test]
fn what_was_found_first_was_not_installed() {
    let counts = counted(&[
        change(0, KERNEL_RELEASE, "", Some("6.1.0-1")),
        change(0, INSTALLED_KERNEL, "linux-image-1", Some("6.1.1-1")),
        change(3, INSTALLED_KERNEL, "linux-image-2", Some("6.1.2-1")),
        change(4, INSTALLED_KERNEL, "linux-image-2", Some("6.1.3-1")),
        change(5, INSTALLED_KERNEL, "linux-image-1", None),
        change(6, KERNEL_RELEASE, "", Some("6.1.0-2")),
        change(6, KERNEL_RELATION, "", Some("current")),
        change(6, "boot.next", "", Some("6.1.0-2")),
    ]);
    assert_eq!(
        counts,
        PatchCounts {
            found_before: 2,
            kernels_installed: 2,
            kernels_removed: 1,
            kernels_booted: 1,
            other: 1,
            concluded: 1,
            ..PatchCounts::default()
        }
    );
    // A database of packages that answers from the third day on found its kernels then, all of them.
    let late = counted(&[
        change(0, KERNEL_RELEASE, "", Some("6.1.0-1")),
        change(3, INSTALLED_KERNEL, "linux-image-1", Some("6.1.1-1")),
        change(3, INSTALLED_KERNEL, "linux-image-2", Some("6.1.2-1")),
    ]);
    assert_eq!((late.found_before, late.kernels_installed), (3, 0));
}

#[test]
fn a_value_that_comes_back_after_it_could_not_be_read_is_no_change_of_it() {
    let unreadable = |day, name: &str| FactRecord {
        state: "unreadable".to_owned(),
        ..change(day, name, "", None)
    };
    let counts = counted(&[
        change(0, RUNNING_MICROCODE, "", Some("0x1")),
        change(1, IN_TRANSITION, "", Some("false")),
        unreadable(2, RUNNING_MICROCODE),
        unreadable(2, IN_TRANSITION),
        change(3, RUNNING_MICROCODE, "", Some("0x1")),
        change(3, IN_TRANSITION, "", Some("false")),
        change(4, RUNNING_MICROCODE, "", Some("0x2")),
    ]);
    assert_eq!((counts.microcode, counts.transitions_begun, counts.other), (1, 1, 4));
}

#[test]
fn transitions_begin_and_end_also_where_no_pass_saw_them_between() {
    let seen = |values: &[(i64, Option<&str>)]| {
        let mut changes = vec![change(0, KERNEL_RELEASE, "", Some("6.1.0-1"))];
        changes.extend(values.iter().map(|(day, value)| change(*day, IN_TRANSITION, "lp", *value)));
        let counts = counted(&changes);
        (counts.transitions_begun, counts.transitions_ended)
    };
    assert_eq!(seen(&[(1, Some("true")), (2, Some("false"))]), (1, 1));
    assert_eq!(seen(&[(1, Some("false"))]), (1, 1));
    assert_eq!(seen(&[(1, Some("true"))]), (1, 0));
    // A boot cut it off, and the patch was loaded again.
    assert_eq!(seen(&[(1, Some("true")), (11, None), (12, Some("false"))]), (2, 1));
}

#[test]
fn what_is_owed_is_told_at_the_end_of_each_time_with_its_clocks() {
    use ExposureTurnKind::{Closed, Mitigated, Unmitigated};
    let exposures = [
        exposure(1, &[(4, Mitigated), (6, Unmitigated), (9, Closed)]),
        exposure(3, &[(9, Closed)]),
    ];
    let made = buckets(BucketBy::Day, 12, &[], &exposures);
    let owed: Vec<_> = made.iter().map(PatchBucket::owed).collect();
    let expect = [0, 1, 1, 2, 1, 1, 2, 2, 2, 0].map(Some);
    assert_eq!(owed[..10], expect);
    // Nobody looked after the tenth day.
    assert_eq!(owed[10..], [None, None]);
    let days = |time: Option<Duration>| time.map(|time| time.as_secs() / 86_400);
    let released: Vec<_> = made.iter().map(|b| days(b.longest_released)).collect();
    let installed: Vec<_> = made.iter().map(|b| days(b.longest_installed)).collect();
    assert_eq!(released[..5], [None, Some(3), Some(4), Some(5), Some(4)]);
    assert_eq!(installed[7], Some(7));
    // It ended as that day began, and was not owed in it.
    assert_eq!((released[9], installed[10]), (None, None));
    // The boot that brings a fix owes it no more; the one before owed it to its end.
    let exposures = [exposure(5, &[(10, Closed)])];
    let made = buckets(BucketBy::Boot, 20, &[], &exposures);
    let told: Vec<_> = made.iter().map(|b| (b.owed(), b.counts.owed_ended)).collect();
    assert_eq!(told, [(Some(1), 0), (Some(0), 1)]);
}

fn any_change() -> impl Strategy<Value = (i64, usize, Option<usize>)> {
    (0_i64..90, 0_usize..6, prop::option::of(0_usize..3))
}

proptest! {
    #[test]
    fn buckets_lose_no_change_and_no_exposure(
        mut changes in prop::collection::vec(any_change(), 0..40),
        owed in prop::collection::vec((0_i64..90, prop::collection::vec((0_i64..40, 0_usize..3), 0..4)), 0..10),
        by in prop::sample::select(vec![
            BucketBy::Hour, BucketBy::Day, BucketBy::Month, BucketBy::Boot,
        ]),
    ) {
        const NAMES: [&str; 6] =
            [INSTALLED_KERNEL, IN_TRANSITION, RUNNING_MICROCODE, KERNEL_RELEASE, VERDICT, "boot.next"];
        const VALUES: [&str; 3] = ["true", "false", "0x1"];
        changes.sort_unstable();
        let changes: Vec<FactRecord> = changes
            .into_iter()
            .map(|(day, name, value)| change(day, NAMES[name], "", value.map(|n| VALUES[n])))
            .collect();
        let exposures: Vec<ExposureRecord> = owed
            .into_iter()
            .map(|(first, turns)| {
                let mut day = first;
                let turns: Vec<_> = turns
                    .into_iter()
                    .map(|(after, what)| {
                        day = (day + after).min(99);
                        (day, ExposureTurnKind::ALL[what])
                    })
                    .collect();
                exposure(first, &turns)
            })
            .collect();
        let made = buckets(by, 100, &changes, &exposures);
        let sum = |of: fn(&PatchCounts) -> u64| made.iter().map(|b| of(&b.counts)).sum::<u64>();
        let number = |of: fn(&FactRecord) -> bool| {
            u64::try_from(changes.iter().filter(|change| of(change)).count()).unwrap()
        };
        prop_assert_eq!(sum(|c| c.concluded), number(|change| change.name == VERDICT));
        // A transition that no pass saw begins and ends in one change.
        let read = sum(|c| {
            c.kernels_installed + c.kernels_removed + c.kernels_booted + c.microcode + c.other
                + c.found_before
        });
        let transitions = number(|c| c.name == IN_TRANSITION && c.value.is_some());
        let (begun, ended) = (sum(|c| c.transitions_begun), sum(|c| c.transitions_ended));
        prop_assert!(read + begun.max(ended) <= number(|c| c.name != VERDICT));
        prop_assert!(read + transitions >= number(|c| c.name != VERDICT));
        let still = exposures.iter().filter(|e| turns(e).last().is_some_and(|turn| turn.1)).count();
        let still = u64::try_from(still).unwrap();
        prop_assert_eq!(sum(|c| c.owed_begun) - sum(|c| c.owed_ended), still);
        prop_assert_eq!(made.last().map(|bucket| bucket.owed), Some(still));
        let mut running = 0_i64;
        for bucket in &made {
            let (begun, ended) = (bucket.counts.owed_begun, bucket.counts.owed_ended);
            running += i64::try_from(begun).unwrap() - i64::try_from(ended).unwrap();
            prop_assert_eq!(i64::try_from(bucket.owed).unwrap(), running);
        }
    }
}
