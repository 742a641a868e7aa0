//! Witnesses of the same errors, of others, and of consequences.

use super::*;
use proptest::prelude::*;
use scrubjay_model::{EventPlace, PageOutcome};

fn report(witness: Witness, at_ms: u64, address: Option<u64>, errors: u64) -> EventGroup {
    let at = Duration::from_millis(at_ms);
    EventGroup {
        first: at,
        last: at,
        witness,
        class: EventClass::Corrected,
        what: EventWhat::Memory,
        place: EventPlace::Address,
        address,
        grain_bits: None,
        syndrome: None,
        reports: 1,
        errors,
        message: String::new(),
        detail: String::new(),
        folded: Folded::Nothing,
    }
}

fn counted(sightings: &[Sighting]) -> u64 {
    sightings.iter().map(|sighting| sighting.counted).sum()
}

const PAGE: Option<u64> = Some(0x1_2345_6680);

#[test]
fn an_error_told_by_a_bank_a_driver_firmware_and_the_log_counts_once() {
    let mut correlator = Correlator::new();
    let told = correlator.take(
        vec![
            report(Witness::MceRecord, 1_000, PAGE, 1),
            report(Witness::McEvent, 1_003, PAGE, 1),
            report(Witness::LogEdac, 1_004, PAGE, 1),
            // Printed a second later, in another batch below.
        ],
        None,
    );
    assert_eq!(counted(&told), 1);
    assert_eq!(told.iter().map(|s| s.same_as).collect::<Vec<_>>(), [None, Some(0), Some(0)]);
    let later =
        correlator.take(vec![report(Witness::LogGhes, 2_000, Some(0x1_2345_6000), 1)], None);
    assert_eq!((later[0].counted, later[0].same_as), (0, Some(0)));
}

#[test]
fn further_errors_of_the_same_witness_all_count() {
    let mut correlator = Correlator::new();
    let reports = (0..5).map(|n| report(Witness::McEvent, n * 100, PAGE, 2)).collect();
    let told = correlator.take(reports, None);
    assert_eq!(counted(&told), 10);
    assert!(told.iter().all(|sighting| sighting.same_as.is_none()));
}

#[test]
fn the_witness_that_tells_of_most_says_how_many_there_were() {
    let mut correlator = Correlator::new();
    let mut reports: Vec<EventGroup> =
        (0..10).map(|n| report(Witness::McEvent, n * 100, PAGE, 1)).collect();
    // A bank that counted the errors of a storm in one record, and a log that lost most lines.
    reports.push(report(Witness::MceRecord, 950, PAGE, 14));
    reports.push(report(Witness::LogEdac, 960, PAGE, 2));
    assert_eq!(counted(&correlator.take(reports, None)), 14);
}

#[test]
fn other_pages_other_times_and_other_severities_are_other_errors() {
    let mut correlator = Correlator::new();
    let uncorrected =
        EventGroup { class: EventClass::Uncorrected, ..report(Witness::MceRecord, 1_000, PAGE, 1) };
    let told = correlator.take(
        vec![
            report(Witness::McEvent, 1_000, PAGE, 1),
            report(Witness::MceRecord, 1_000, Some(0x9_0000_0000), 1),
            report(Witness::MceRecord, 9_000, PAGE, 1),
            uncorrected,
        ],
        None,
    );
    assert_eq!(counted(&told), 4);
}

#[test]
fn what_became_of_a_page_is_no_error_but_belongs_to_one() {
    let mut correlator = Correlator::new();
    let what =
        EventWhat::Page { page_type: "free buddy page".into(), outcome: PageOutcome::Recovered };
    let page = EventGroup {
        what,
        class: EventClass::Uncorrected,
        ..report(Witness::MemoryFailure, 6_000, Some(0x1_2345_6000), 1)
    };
    let told =
        correlator.take(vec![report(Witness::MceRecord, 1_000, PAGE, 1), page.clone()], None);
    assert_eq!(told[1].same_as, Some(0));
    assert_eq!(counted(&told), 1);
    // An admin who takes a page out of use leaves the same trace; there was no error.
    let told = Correlator::new().take(vec![page], None);
    assert_eq!((told[0].same_as, told[0].counted), (None, 0));
}

#[test]
fn an_error_without_an_address_is_told_twice_by_two_witnesses_and_counts_once() {
    let mut correlator = Correlator::new();
    let told = correlator.take(
        vec![
            report(Witness::McEvent, 1_000, None, 1),
            report(Witness::McEvent, 1_001, None, 1),
            report(Witness::MceRecord, 1_002, None, 1),
            report(Witness::MceRecord, 1_003, None, 1),
        ],
        None,
    );
    assert_eq!(counted(&told), 2);
}

/// The corrected-errors collector takes the error before any driver sees it; the machine-check
/// record was written by then.
#[test]
fn what_the_kernels_collector_takes_is_counted_by_the_machine_check_alone() {
    let reports = (0..3).map(|n| report(Witness::MceRecord, n * 5_000, PAGE, 1)).collect();
    let told = Correlator::new().take(reports, None);
    assert_eq!(counted(&told), 3);
    assert!(told.iter().all(|sighting| sighting.counter.is_none() && sighting.same_as.is_none()));
}

#[test]
fn counters_and_reports_are_held_against_each_other() {
    assert_eq!(reconcile(5, 5), Reconciled::Agree);
    assert_eq!(reconcile(5, 3), Reconciled::Missed(2));
    assert_eq!(reconcile(3, 5), Reconciled::Surplus(2));
}

proptest! {
    /// Two complete witnesses of the same errors, in whatever batches and with the second lagging
    /// behind, tell of as many errors as there were.
    #[test]
    fn two_complete_witnesses_count_each_error_once(
        errors in prop::collection::vec((0..50_u64, 0..4_u64, 1..5_u64), 1..60),
        lag_ms in 0..1_500_u64,
        batch in 1..7_usize,
    ) {
        let mut reports = Vec::new();
        for (second, page, count) in &errors {
            let address = Some(0x10_0000 + page * 0x1000);
            reports.push(report(Witness::McEvent, second * 1_000, address, *count));
            reports.push(report(Witness::MceRecord, second * 1_000 + lag_ms, address, *count));
        }
        reports.sort_by_key(|group| group.first);
        let mut correlator = Correlator::new();
        let mut sum = 0;
        let mut spots = 0;
        for chunk in reports.chunks(batch) {
            sum += counted(&correlator.take(chunk.to_vec(), None));
            spots = spots.max(correlator.spots.len());
        }
        prop_assert_eq!(sum, errors.iter().map(|(_, _, count)| count).sum::<u64>());
        prop_assert!(spots <= 4);
    }

    /// A sighting never counts more than it reports, and never refers to a later one.
    #[test]
    fn nothing_is_invented(
        reports in prop::collection::vec((0..3_usize, 0..20_000_u64, prop::option::of(0..3_u64), 1..9_u64), 0..40),
    ) {
        let witnesses = [Witness::McEvent, Witness::MceRecord, Witness::LogGhes];
        let groups = reports
            .iter()
            .map(|(w, at, page, n)| report(witnesses[*w], *at, page.map(|p| (p + 1) << 12), *n))
            .collect();
        for sighting in Correlator::new().take(groups, None) {
            prop_assert!(sighting.counted <= sighting.group.errors);
            prop_assert!(sighting.same_as.is_none_or(|same| same < sighting.number));
        }
    }
}
