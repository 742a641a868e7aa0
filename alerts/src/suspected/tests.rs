//! Bursts and ends.

use super::*;
use scrubjay_model::{BootId, ControllerKey, Place};

/// When the boot in question was last seen.
const END_MS: i64 = 1_795_000_000_000;
const MINUTE_MS: i64 = 60_000;

fn boot(end: BootEnd, booted_wall_ms: i64, last_seen_wall_ms: i64) -> BootRecord {
    BootRecord {
        boot: BootId::unknown(),
        booted_wall_ms: Some(booted_wall_ms),
        last_seen_wall_ms: Some(last_seen_wall_ms),
        ran: Some(Duration::from_secs(86_400)),
        slept: None,
        kernel_release: None,
        kernel_version: None,
        end,
        evidence: String::new(),
    }
}

/// The boot that ended, and the one that runs since ten minutes later.
fn boots(end: BootEnd) -> Vec<BootRecord> {
    let began = END_MS + 10 * MINUTE_MS;
    vec![boot(BootEnd::Running, began, began + MINUTE_MS), boot(end, END_MS - 86_400_000, END_MS)]
}

fn at(place: SeriesPlace, minutes_before: i64, by: u64) -> MemoryRecord {
    MemoryRecord {
        at_wall_ms: END_MS - minutes_before * MINUTE_MS,
        series: SeriesKey {
            controller: ControllerKey::from_stored("imc-0".to_owned()),
            place,
            class: ErrorClass::Correctable,
        },
        by,
        total: by,
        step: "advanced".to_owned(),
    }
}

fn dimm(number: u32, minutes_before: i64, by: u64) -> MemoryRecord {
    at(SeriesPlace::Dimm(Place::Dimm(number)), minutes_before, by)
}

pub(crate) fn example() -> Vec<Finding> {
    suspected_uncorrected_errors(&boots(BootEnd::Unclean), &[dimm(3, 4, 7), dimm(3, 2, 5)])
}

#[test]
fn a_burst_before_an_unclean_end_is_suspected() {
    let [found] = example().try_into().unwrap();
    assert_eq!((found.code, found.verdict), ("suspected-uncorrected-error", Verdict::Plan));
    assert_eq!(found.subject, "imc-0/dimm3");
    assert_eq!(
        found.because,
        "12 corrected errors within the last 15 min that the host was seen running, the last 2 min \
         before the end, which was not in order (limit: 10): an uncorrected error may have ended \
         that boot unseen"
    );
}

#[test]
fn an_end_in_order_or_not_known_or_none_suspects_nothing() {
    for end in [BootEnd::Clean, BootEnd::Unknown, BootEnd::Running] {
        assert_eq!(suspected_uncorrected_errors(&boots(end), &[dimm(3, 4, 70)]), []);
    }
    assert_eq!(suspected_uncorrected_errors(&[], &[dimm(3, 4, 70)]), []);
}

#[test]
fn fewer_errors_earlier_errors_and_those_of_two_modules_are_no_burst() {
    let unclean = boots(BootEnd::Unclean);
    let found = |records: &[MemoryRecord]| suspected_uncorrected_errors(&unclean, records).len();
    assert_eq!(found(&[dimm(3, 4, 9)]), 0);
    assert_eq!(found(&[dimm(3, 15, 10)]), 1);
    assert_eq!(found(&[dimm(3, 16, 1000)]), 0);
    assert_eq!(found(&[dimm(3, -1, 1000)]), 0, "after the end");
    assert_eq!(found(&[dimm(3, 4, 5), dimm(4, 4, 5)]), 0);
    assert_eq!(found(&[dimm(3, 4, 10), dimm(4, 4, 10)]), 2);
}

#[test]
fn errors_of_unknown_age_do_not_count_unless_the_boot_is_as_young() {
    let seen_first = MemoryRecord { step: "reboot".to_owned(), ..dimm(3, 4, 50) };
    let records = [seen_first];
    assert_eq!(suspected_uncorrected_errors(&boots(BootEnd::Unclean), &records), []);
    let short = boot(BootEnd::Unclean, END_MS - 10 * MINUTE_MS, END_MS);
    assert_eq!(suspected_uncorrected_errors(&[short], &records).len(), 1);
    let fell = MemoryRecord { step: "fell".to_owned(), ..dimm(3, 4, 50) };
    assert_eq!(suspected_uncorrected_errors(&boots(BootEnd::Unclean), &[fell]), []);
}

#[test]
fn a_total_is_not_counted_beside_its_parts() {
    let unclean = boots(BootEnd::Unclean);
    let subjects = |records: &[MemoryRecord]| -> Vec<String> {
        let found = suspected_uncorrected_errors(&unclean, records);
        found.into_iter().map(|finding| finding.subject).collect()
    };
    let total = at(SeriesPlace::Total, 4, 20);
    assert_eq!(subjects(&[total.clone(), dimm(3, 4, 20)]), ["imc-0/dimm3"]);
    assert_eq!(subjects(std::slice::from_ref(&total)), ["imc-0"]);
    assert_eq!(subjects(&[total, at(SeriesPlace::Unattributed, 4, 20)]), ["imc-0"]);
}

#[test]
fn uncorrected_errors_that_were_counted_are_told() {
    let mut counted = dimm(3, 1, 1);
    counted.series.class = ErrorClass::Uncorrectable;
    let records = [dimm(3, 4, 12), counted.clone()];
    let found = suspected_uncorrected_errors(&boots(BootEnd::Unclean), &records);
    assert!(found[0].because.starts_with("12 corrected errors and 1 uncorrected error within"));
    assert!(found[0].because.contains("the last 4 min before"), "{}", found[0].because);
    assert_eq!(suspected_uncorrected_errors(&boots(BootEnd::Unclean), &[counted]), []);
}

#[test]
fn long_past_ends_are_history_and_of_two_the_later_is_told() {
    let mut all = boots(BootEnd::Unclean);
    let earlier_ms = END_MS - 10 * 86_400_000;
    all.push(boot(BootEnd::Unclean, earlier_ms - 86_400_000, earlier_ms));
    let earlier = MemoryRecord { at_wall_ms: earlier_ms - MINUTE_MS, ..dimm(3, 0, 99) };
    let [found] =
        suspected_uncorrected_errors(&all, &[earlier.clone(), dimm(3, 4, 12)]).try_into().unwrap();
    assert!(found.because.starts_with("12 corrected errors"), "{}", found.because);
    let [found] =
        suspected_uncorrected_errors(&all, std::slice::from_ref(&earlier)).try_into().unwrap();
    assert!(found.because.starts_with("99 corrected errors"), "{}", found.because);
    all[0].booted_wall_ms = Some(earlier_ms + 31 * 86_400_000);
    assert_eq!(suspected_uncorrected_errors(&all, &[earlier]), []);
}

#[test]
fn no_numbers_are_too_large() {
    let far = boot(BootEnd::Unclean, i64::MIN, i64::MIN);
    let late = boot(BootEnd::Unclean, i64::MAX, i64::MAX);
    let record = MemoryRecord { at_wall_ms: i64::MAX, ..dimm(3, 0, u64::MAX) };
    let found = suspected_uncorrected_errors(&[far, late], &[record.clone(), record]);
    assert_eq!(found.len(), 1);
}
