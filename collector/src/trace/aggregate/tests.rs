//! Whatever is reported, sums are exact and groups are few.

use super::*;
use crate::machine_check::Registers;
use crate::trace::report::Text;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// An error of memory, as an EDAC driver reports it.
fn report<'p>(layers: [i8; 3], label: &'p [u8], second: u64, address: u64) -> Report<'p> {
    Report {
        since_boot_ns: second * SECOND_NS + 7,
        witness: Witness::McEvent,
        class: EventClass::Corrected,
        errors: 1,
        place: Place::Edac { controller: 0, layers, label },
        what: What::Memory,
        address: Some(address),
        grain_bits: Some(6),
        syndrome: Some(0),
        message: Text::Bytes(b"memory read error"),
        detail: Text::Nothing,
    }
}

fn sums(groups: &[EventGroup]) -> (u64, u64) {
    let reports = groups.iter().map(|group| group.reports).sum();
    (reports, groups.iter().map(|group| group.errors).sum())
}

#[test]
fn reports_that_differ_in_their_moment_only_are_one_group() {
    let mut found = Aggregator::new(12);
    for (moment, address) in [(5, 0x1000), (2, 0x1fff), (9, 0x1040)] {
        let since_boot_ns = 3 * SECOND_NS + moment;
        found.add(&Report { since_boot_ns, errors: 3, ..report([0, 1, -1], b"A1", 3, address) });
    }
    let groups = found.drain();
    let expected = EventGroup {
        first: Duration::new(3, 2),
        last: Duration::new(3, 9),
        witness: Witness::McEvent,
        class: EventClass::Corrected,
        what: EventWhat::Memory,
        place: EventPlace::Edac {
            controller: 0,
            layers: [Some(0), Some(1), None],
            label: "A1".to_owned(),
        },
        address: Some(0x1000),
        grain_bits: Some(6),
        syndrome: Some(0),
        reports: 3,
        errors: 9,
        message: "memory read error".to_owned(),
        detail: String::new(),
        folded: Folded::Nothing,
    };
    assert_eq!(groups, [expected]);
    assert!(found.is_empty());
    assert_eq!(found.drain(), []);
}

#[test]
fn whatever_else_differs_makes_another_group() {
    let one = || report([0, 0, 0], b"A1", 3, 0x1000);
    let others = [
        Report { witness: Witness::Extlog, ..one() },
        Report { class: EventClass::Fatal, ..one() },
        Report { what: What::Other(EventWhat::Overflow { lost: 1 }), ..one() },
        Report { what: What::Other(EventWhat::Overflow { lost: 2 }), ..one() },
        Report { place: Place::Edac { controller: 1, layers: [0; 3], label: b"A1" }, ..one() },
        Report { place: Place::Edac { controller: 0, layers: [0; 3], label: b"A2" }, ..one() },
        Report { place: Place::Bank { cpu: 0, socket: 0, bank: 0 }, ..one() },
        Report { place: Place::Bank { cpu: 0, socket: 1, bank: 0 }, ..one() },
        Report { place: Place::Other(EventPlace::Address), ..one() },
        Report { syndrome: None, ..one() },
        Report { syndrome: Some(1), ..one() },
        Report { address: None, ..one() },
        Report { address: Some(0), ..one() },
        report([0, 0, 1], b"A1", 3, 0x1000),
        report([0, 0, 0], b"A1", 4, 0x1000),
        report([0, 0, 0], b"A1", 3, 0x2000),
    ];
    let mut found = Aggregator::new(12);
    for _ in 0..2 {
        others.iter().chain([&one()]).for_each(|report| found.add(report));
    }
    let groups = found.drain();
    assert_eq!(groups.len(), others.len() + 1);
    assert!(groups.iter().all(|group| group.reports == 2), "{groups:?}");
}

#[test]
fn syndromes_are_given_up_first_then_pages_then_seconds() {
    let limit = RESERVED + 40;
    let folded_by = |make: &dyn Fn(u64) -> Report<'static>| {
        let mut found = Aggregator::with_limit(12, limit);
        // A place with one error is not disturbed by the storm of another.
        found.add(&report([7, 7, 7], b"quiet", 1, 0x7000));
        (0..1000).for_each(|n| found.add(&make(n)));
        let groups = found.drain();
        assert_eq!(sums(&groups), (1001, 1001));
        let quiet = groups.iter().find(|group| group.address == Some(0x7000)).unwrap();
        assert_eq!((quiet.reports, quiet.folded), (1, Folded::Nothing));
        let storm = groups.into_iter().filter(|group| group.address != Some(0x7000));
        storm.collect::<Vec<_>>()
    };
    let syndromes =
        folded_by(&|n| Report { syndrome: Some(n), ..report([0; 3], b"A1", 1, 0x1000 * (n % 3)) });
    assert_eq!(syndromes.len(), 3);
    assert!(syndromes.iter().all(|group| group.folded == Folded::Syndromes));

    let pages = folded_by(&|n| report([0; 3], b"A1", n % 2, 0x10_0000 + 0x1000 * n));
    assert_eq!(pages.len(), 2);
    assert!(pages.iter().all(|group| group.folded == Folded::Pages));

    let seconds = folded_by(&|n| report([0; 3], b"A1", 5 + n, 0x1000));
    let [one] = seconds.as_slice() else { panic!("{seconds:?}") };
    assert_eq!((one.first.as_secs(), one.last.as_secs()), (5, 1004));
    assert_eq!(one.folded, Folded::Nothing, "there was one page and one syndrome");
}

#[test]
fn more_places_than_groups_are_summed_by_witness_and_class() {
    let limit = RESERVED + 40;
    let mut found = Aggregator::with_limit(12, limit);
    for n in 0..1000_u32 {
        let place = Place::Bank { cpu: n % 500, socket: 0, bank: 0 };
        found.add(&Report { place, ..report([0; 3], b"", 1, 0x1000) });
    }
    let groups = found.drain();
    assert_eq!(groups.len(), 41);
    assert_eq!(sums(&groups), (1000, 1000));
    let rest = groups.iter().find(|group| group.place == EventPlace::Address).unwrap();
    assert_eq!(rest.reports, 2 * 460);
    assert_eq!(rest.what, EventWhat::Other { about: OF_MANY_PLACES.to_owned() });
}

#[test]
fn rare_places_are_numbered_up_to_a_bound() {
    let mut found = Aggregator::new(12);
    for n in 0..2_000 {
        let place = EventPlace::Cxl { device: format!("mem{n}"), serial: None };
        found.add(&Report { place: Place::Other(place), ..report([0; 3], b"", 1, 0x1000) });
    }
    let groups = found.drain();
    assert_eq!(groups.len(), RARE_LIMIT + 1);
    assert_eq!(sums(&groups), (2_000, 2_000));
}

#[test]
fn texts_are_those_of_the_first_report_and_not_long() {
    let long = "ä".repeat(TEXT_LIMIT);
    let registers = Registers {
        status: 0x9c00_0040_0001_0090,
        address: 0x1000,
        misc: 0x86,
        syndrome: 0,
        ipid: 0,
        mcgstatus: 0,
    };
    let mut found = Aggregator::new(12);
    let first = report([0; 3], b"\xff1", 1, 0x1000);
    let message = Text::Owned(format!("x{long}"));
    found.add(&Report { message, detail: Text::Registers(registers), ..first });
    found.add(&report([0; 3], b"\xff1", 1, 0x1000));
    let groups = found.drain();
    let [group] = groups.as_slice() else { panic!("{groups:?}") };
    assert_eq!(group.message, format!("x{}", "ä".repeat(TEXT_LIMIT / 2 - 1)));
    assert_eq!(group.detail, registers.to_string());
    assert_eq!(group.place.to_string(), "mc0:0:0:0 \u{fffd}1");
}

/// A report of few places, pages and syndromes, or of many.
fn arbitrary_report() -> impl Strategy<Value = Report<'static>> {
    let place = prop_oneof![
        3 => (0..2_u8, -1..3_i8, prop_oneof![Just(&b"A1"[..]), Just(&b"A2"[..])])
            .prop_map(|(controller, top, label)| Place::Edac { controller, layers: [top; 3], label }),
        2 => (0..200_u32).prop_map(|cpu| Place::Bank { cpu, socket: 0, bank: 1 }),
        1 => (0..3_u8).prop_map(|n| Place::Other(EventPlace::Cxl { device: n.to_string(), serial: None })),
    ];
    let what = prop_oneof![
        4 => Just(What::Memory),
        1 => (0..3_u64).prop_map(|lost| What::Other(EventWhat::Overflow { lost })),
    ];
    let witness = prop_oneof![Just(Witness::McEvent), Just(Witness::Cxl)];
    let class = prop_oneof![Just(EventClass::Corrected), Just(EventClass::Fatal)];
    let address = prop_oneof![Just(None), any::<u64>().prop_map(Some), (0..4_u64).prop_map(Some)];
    let syndrome = prop_oneof![Just(None), any::<u64>().prop_map(Some)];
    let moment = prop_oneof![0..3 * SECOND_NS, any::<u64>()];
    (moment, witness, class, 1..1000_u32, place, what, address, syndrome).prop_map(
        |(since_boot_ns, witness, class, errors, place, what, address, syndrome)| Report {
            since_boot_ns,
            witness,
            class,
            errors,
            place,
            what,
            address,
            grain_bits: None,
            syndrome,
            message: Text::Nothing,
            detail: Text::Nothing,
        },
    )
}

fn place_of(place: &Place<'_>) -> String {
    match place {
        Place::Edac { controller, layers, label } => format!("mc{controller}{layers:?}{label:?}"),
        Place::Bank { cpu, .. } => format!("cpu{cpu}"),
        Place::Other(place) => place.to_string(),
    }
}

fn place_shown(place: &EventPlace) -> String {
    match place {
        EventPlace::Edac { controller, layers, label } => {
            let layers = layers.map(|layer| layer.map_or(-1, u8::cast_signed));
            format!("mc{controller}{layers:?}{:?}", label.as_bytes())
        }
        EventPlace::Bank { cpu, .. } => format!("cpu{cpu}"),
        EventPlace::Firmware { .. } | EventPlace::Cxl { .. } | EventPlace::Address => {
            place.to_string()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// There are at most 2 · 2 · (16 + 200 + 3) · 4 families, so that with room for them every
    /// place has its sums, and with less every witness and class still has.
    #[test]
    fn sums_are_exact_and_groups_bounded_whatever_comes(
        reports in proptest::collection::vec(arbitrary_report(), 0..600),
        room in prop_oneof![1..100_usize, Just(3600)],
        drains in 1..4_usize,
    ) {
        let limit = RESERVED + room;
        let mut found = Aggregator::with_limit(12, limit);
        let mut truth = BTreeMap::new();
        let mut sums = BTreeMap::new();
        for part in reports.chunks(reports.len() / drains + 1) {
            for report in part {
                found.add(report);
                let place = if room < 3600 { String::new() } else { place_of(&report.place) };
                let key = (report.witness, report.class, place);
                let (reports, errors) = truth.entry(key).or_insert((0, 0));
                *reports += 1;
                *errors += u64::from(report.errors);
            }
            let groups = found.drain();
            prop_assert!(groups.len() <= limit);
            prop_assert!(groups.is_sorted_by_key(|group| group.first));
            for group in groups {
                prop_assert!(group.first <= group.last);
                let place = if room < 3600 { String::new() } else { place_shown(&group.place) };
                let key = (group.witness, group.class, place);
                let (reports, errors) = sums.entry(key).or_insert((0, 0));
                *reports += group.reports;
                *errors += group.errors;
            }
        }
        prop_assert_eq!(sums, truth);
    }
}
