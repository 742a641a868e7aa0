//! What the engine is shown of a stick.

use super::*;
use proptest::prelude::*;
use scrubjay_model::{BootId, EventGroup, EventPlace, Parity, Witness};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

fn watch(from: Seconds, to: Seconds) -> Watch {
    let watched = Duration::from_secs(u64::try_from(to - from).unwrap());
    Watch { from_wall_ms: from * 1_000, to_wall_ms: to * 1_000, watched }
}

fn change(at: Seconds, errors: u64) -> CounterChange {
    CounterChange {
        class: ErrorClass::Correctable,
        from_wall_ms: at * 1_000,
        to_wall_ms: at * 1_000,
        errors,
        interval: MINUTE,
        restarted: false,
        first: false,
    }
}

fn report(at: Seconds, class: EventClass, detail: &str) -> EventRecord {
    EventRecord {
        id: 1,
        boot: BootId::unknown(),
        first_wall_ms: at * 1_000,
        group: EventGroup {
            first: Duration::ZERO,
            last: Duration::ZERO,
            witness: Witness::McEvent,
            class,
            what: EventWhat::Memory,
            place: EventPlace::Address,
            address: Some(0x1234_5678),
            grain_bits: None,
            syndrome: None,
            reports: 1,
            errors: 2,
            message: "memory read error".to_owned(),
            detail: detail.to_owned(),
            folded: Folded::Nothing,
        },
        dimm: None,
        same_as: None,
        counted: 2,
    }
}

fn seen(watches: &[Watch], changes: &[CounterChange], reports: &[EventRecord]) -> Vec<Observation> {
    let traces = MemoryTraces {
        from_wall_ms: 0,
        watches: watches.to_vec(),
        boots_wall_ms: vec![900_000],
        modules: std::collections::BTreeMap::new(),
    };
    let (changes, reports) = (changes.to_vec(), reports.to_vec());
    let module = ModuleTrace { changes, reports, folded: Vec::new(), cut: false };
    let booted = Observation::Booted { at: 900 };
    let (_, mut seen) = observations(&traces, &module);
    seen.retain(|observation| *observation != booted);
    seen
}

fn counted(from: Seconds, until: Seconds, watched: u32, errors: u64) -> Observation {
    Observation::Counted { from, until, watched, errors, at_least: false }
}

#[test]
fn errors_stand_in_the_interval_before_the_pass_that_saw_them() {
    let quiet = seen(&[watch(1_000, 2_000)], &[], &[]);
    assert_eq!(quiet, [counted(1_000, 2_000, 1_000, 0)]);
    let some = seen(&[watch(1_000, 2_000)], &[change(1_500, 7)], &[]);
    assert_eq!(
        some,
        [
            counted(1_000, 1_440, 440, 0),
            counted(1_440, 1_500, 60, 7),
            counted(1_500, 2_000, 500, 0),
        ]
    );
}

#[test]
fn errors_of_a_time_that_nobody_watched_reach_back_to_the_last_look_or_the_boot() {
    // The first pass of a stretch found them.
    let after_a_gap = seen(&[watch(1_000, 2_000), watch(5_000, 6_000)], &[change(5_000, 7)], &[]);
    assert_eq!(
        after_a_gap,
        [
            counted(1_000, 2_000, 1_000, 0),
            counted(2_000, 5_000, 0, 7),
            counted(5_000, 6_000, 1_000, 0)
        ]
    );
    // Counters began at zero with the boot at 900.
    let first = CounterChange { first: true, ..change(1_000, 7) };
    let before_anybody_looked = seen(&[watch(1_000, 2_000)], &[first], &[]);
    assert_eq!(before_anybody_looked, [counted(900, 1_000, 0, 7), counted(1_000, 2_000, 1_000, 0)]);
}

#[test]
fn places_of_one_stick_that_change_in_one_pass_are_one() {
    let both = seen(&[watch(1_000, 2_000)], &[change(1_500, 7), change(1_500, 1)], &[]);
    assert_eq!(both.get(1), Some(&counted(1_440, 1_500, 60, 8)));
    assert_eq!(both.len(), 3);
}

#[test]
fn reports_give_places_and_bits() {
    let detail = "rank:1 bank_group:2 bank_address:1 device:3 row:16 column:32 \
                  retry_rd_err_log[00000001 0 00800000 0 0]";
    let Some(Observation::Reported(hit)) =
        seen(&[], &[], &[report(50, EventClass::Corrected, detail)]).pop()
    else {
        panic!("no report")
    };
    assert_eq!((hit.at, hit.errors, hit.page), (50, 2, Some(0x12345)));
    assert_eq!((hit.cell.rank, hit.cell.bank, hit.cell.row), (Some(1), Some(0x201), Some(16)));
    assert_eq!((hit.parity, hit.by_scrub), (Some(Parity(0x0080_0000)), None));

    let mut scrubbed = report(50, EventClass::Corrected, "");
    scrubbed.group.message = "memory scrubbing error".to_owned();
    scrubbed.group.folded = Folded::Pages;
    let Some(Observation::Reported(hit)) = seen(&[], &[], &[scrubbed]).pop() else {
        panic!("no report")
    };
    assert_eq!((hit.by_scrub, hit.page), (Some(true), None));
}

#[test]
fn an_uncorrected_error_is_told_once() {
    let counter = CounterChange { class: ErrorClass::Uncorrectable, ..change(1_500, 1) };
    let of = |reports: &[EventRecord]| {
        let seen = seen(&[watch(1_000, 2_000)], &[counter], reports);
        seen.iter()
            .filter(|observation| matches!(observation, Observation::Uncorrected { .. }))
            .map(Observation::at)
            .collect::<Vec<_>>()
    };
    assert_eq!(of(&[]), [1_500], "the counter alone");
    let first = CounterChange { first: true, ..counter };
    let before = seen(&[watch(1_500, 2_000)], &[first], &[]);
    let at = before.iter().find(|o| matches!(o, Observation::Uncorrected { .. })).unwrap().at();
    assert_eq!(at, 900, "as old as the boot, as nobody knows better");
    assert_eq!(of(&[report(1_490, EventClass::Uncorrected, "")]), [1_490], "the report says when");
    // The counter counts what is for information too, and the report says so.
    assert_eq!(of(&[report(1_490, EventClass::Info, "")]), []);
    assert_eq!(of(&[report(1_490, EventClass::Corrected, "")]), [1_500]);
    assert_eq!(of(&[report(1_000, EventClass::Deferred, "")]), [1_000, 1_500], "two of them");
}

#[test]
fn the_second_witness_is_heard_where_the_first_knew_no_stick() {
    let heard = |first: i64, class, counter: &[CounterChange]| {
        let second =
            EventRecord { same_as: Some(first), counted: 0, ..report(1_490, class, "row:7") };
        let own = EventRecord { id: 9, ..report(1_480, EventClass::Info, "") };
        seen(&[], counter, &[own, EventRecord { id: 10, ..second }])
    };
    let counter = CounterChange { class: ErrorClass::Uncorrectable, ..change(1_500, 1) };
    let of_no_stick = heard(3, EventClass::Uncorrected, &[counter]);
    assert_eq!(of_no_stick.iter().map(Observation::at).collect::<Vec<_>>(), [1_490]);
    let [Observation::Reported(hit)] = heard(3, EventClass::Corrected, &[])[..] else { panic!() };
    assert_eq!(hit.cell.row, Some(7));
    assert_eq!(heard(9, EventClass::Corrected, &[]), [], "its own");
}

#[test]
fn reports_of_many_places_are_of_no_one_place() {
    let mut folded = report(50, EventClass::Corrected, "rank:1 bank:3 row:16 column:32");
    folded.group.folded = Folded::Pages;
    let [Observation::Reported(hit)] = seen(&[], &[], &[folded])[..] else { panic!() };
    assert_eq!((hit.cell, hit.page), (Cell::default(), None));
    let mut coarse = report(50, EventClass::Corrected, "row:16");
    coarse.group.grain_bits = Some(30);
    let [Observation::Reported(hit)] = seen(&[], &[], &[coarse])[..] else { panic!() };
    assert_eq!((hit.cell.row, hit.page), (Some(16), None));
}

#[test]
fn a_stretch_in_which_the_clock_was_set_is_as_long_as_it_was() {
    // A host without a clock starts in 1970, and is up for a thousand seconds.
    let set = Watch { from_wall_ms: 5_000, ..watch(9_000_000, 9_001_000) };
    assert_eq!(seen(&[set], &[], &[]), [counted(9_000_000, 9_001_000, 1_000, 0)]);
    // Set back, two stretches overlap; no second counts twice.
    let both = seen(&[watch(1_000, 2_000), watch(1_500, 2_500)], &[], &[]);
    assert_eq!(both, [counted(1_000, 2_000, 1_000, 0), counted(2_000, 2_500, 500, 0)]);
}

#[test]
fn what_another_witness_told_before_is_not_told_again() {
    let again = EventRecord {
        id: 1,
        same_as: Some(1),
        counted: 0,
        ..report(50, EventClass::Corrected, "")
    };
    assert_eq!(seen(&[], &[], &[again]), []);
}

#[test]
fn reports_that_became_sums_count_where_nobody_else_does() {
    let sum = |class, counted| FoldedReports {
        class,
        from_wall_ms: 3_600_000,
        to_wall_ms: 7_200_000,
        counted,
    };
    let told = |module: ModuleTrace| {
        let traces = MemoryTraces { from_wall_ms: 0, ..MemoryTraces::default() };
        observations(&traces, &module)
    };
    let folded = vec![sum(EventClass::Corrected, 40), sum(EventClass::Deferred, 1)];
    let (from, seen) = told(ModuleTrace { folded: folded.clone(), ..ModuleTrace::default() });
    assert_eq!(from, CountsFrom::Reports);
    let [Observation::Reported(hit), Observation::Uncorrected { at, .. }] = seen[..] else {
        panic!("{seen:?}")
    };
    assert_eq!(
        (hit.at, hit.errors, hit.cell, hit.page, at),
        (7_199, 40, Cell::default(), None, 7_199)
    );
    // Counters have both, and know better when.
    let failed = CounterChange { class: ErrorClass::Uncorrectable, ..change(5_000, 1) };
    let changes = vec![change(5_000, 40), failed];
    let (from, seen) = told(ModuleTrace { folded, changes, ..ModuleTrace::default() });
    assert_eq!(from, CountsFrom::Counters);
    assert!(seen.iter().all(|seen| seen.at() == 5_000), "{seen:?}");
    assert_eq!(seen.len(), 2);
}

#[test]
fn where_reports_are_cut_there_were_at_least_as_many_errors() {
    let reports = vec![report(50, EventClass::Corrected, "row:7")];
    let traces = MemoryTraces { from_wall_ms: 0, ..MemoryTraces::default() };
    let is_cut = |cut, changes| {
        let module =
            ModuleTrace { reports: reports.clone(), changes, cut, ..ModuleTrace::default() };
        let (from, seen) = observations(&traces, &module);
        let mut state = crate::memory::DimmState::new(from);
        seen.iter().for_each(|seen| state.observe(seen));
        (state.at_least, state.errors())
    };
    assert_eq!(is_cut(false, Vec::new()), (false, 2));
    assert_eq!(is_cut(true, Vec::new()), (true, 2));
    // A counter misses nothing for that.
    assert_eq!(is_cut(true, vec![change(60, 9)]), (false, 9));
}

proptest! {
    #[test]
    fn errors_and_watched_time_are_conserved_and_nothing_overlaps(
        stretches in prop::collection::vec((1_i64..5_000, 0_i64..50_000), 0..6),
        changes in prop::collection::vec((0_i64..200_000, 1_u64..1_000, any::<bool>(), 0_i64..4), 0..12),
    ) {
        let mut watches = Vec::new();
        let mut at = 1_000;
        for (gap, length) in stretches {
            watches.push(watch(at + gap, at + gap + length));
            at += gap + length;
        }
        let mut changes: Vec<CounterChange> = changes
            .into_iter()
            .map(|(at, errors, first, hours)| CounterChange {
                from_wall_ms: (at - hours * 3_600).max(0) * 1_000,
                first,
                ..change(at, errors)
            })
            .collect();
        changes.sort_by_key(|change| (change.to_wall_ms, change.from_wall_ms));
        let seen = seen(&watches, &changes, &[]);
        let mut told = Seconds::MIN;
        let (mut sum, mut time) = (0_u64, 0_u64);
        for observation in &seen {
            let Observation::Counted { from, until, watched, errors, .. } = *observation else {
                panic!("{observation:?}")
            };
            prop_assert!(told <= from && from < until, "{seen:?}");
            prop_assert!(i64::from(watched) <= until - from);
            told = until;
            sum += errors;
            time += u64::from(watched);
        }
        prop_assert_eq!(sum, changes.iter().map(|change| change.errors).sum::<u64>());
        let all: u64 = watches.iter().map(|watch| watch.watched.as_secs()).sum();
        prop_assert!(time <= all, "{time} of {all}");
        if changes.is_empty() {
            prop_assert_eq!(time, all);
        }
    }
}
