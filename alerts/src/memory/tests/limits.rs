//! What the engine may take: memory, time, and records that are not as they should be.

use super::*;
use proptest::prelude::*;

fn any_cell() -> impl Strategy<Value = Cell> {
    (
        prop::option::of(any::<u8>()),
        prop::option::of(any::<u8>()),
        prop::option::of(any::<u16>()),
        prop::option::of(any::<u32>()),
        prop::option::of(any::<u32>()),
    )
        .prop_map(|(rank, device, bank, row, column)| Cell { rank, device, bank, row, column })
}

fn moment() -> impl Strategy<Value = Seconds> {
    prop_oneof![
        -1_000_000_i64..1_000_000,
        0_i64..4_000_000_000,
        Just(i64::MAX / 4),
        Just(i64::MIN / 4),
    ]
}

fn any_observation() -> impl Strategy<Value = Observation> {
    prop_oneof![
        (moment(), 0_i64..40_000_000, any::<u32>(), any::<u64>(), any::<bool>()).prop_map(
            |(from, length, watched, errors, at_least)| Observation::Counted {
                from,
                until: from + length,
                watched,
                errors,
                at_least,
            }
        ),
        (moment(), any::<u32>(), any_cell(), any::<Option<u64>>(), any::<Option<u32>>()).prop_map(
            |(at, errors, cell, page, parity)| Observation::Reported(Hit {
                at,
                errors,
                cell,
                page,
                parity: parity.map(Parity),
                by_scrub: None,
            })
        ),
        (moment(), any_cell()).prop_map(|(at, cell)| Observation::Uncorrected {
            at,
            cell,
            page: None
        }),
        moment().prop_map(|at| Observation::Booted { at }),
        (moment(), any::<u64>()).prop_map(|(at, page)| Observation::Offlined { at, page }),
        moment().prop_map(|at| Observation::Replaced { at }),
    ]
}

/// What is said of any record, at any costs that were stated or not.
pub(crate) fn any_judgement() -> impl Strategy<Value = Judgement> {
    let record = prop::collection::vec(any_observation(), 0..40);
    (record, moment(), any::<bool>(), any::<bool>()).prop_map(|(record, now, by_log, is_dear)| {
        let from = if by_log { CountsFrom::Reports } else { CountsFrom::Counters };
        let mut state = DimmState::new(from);
        for seen in &record {
            state.observe(seen);
        }
        let dear = MemorySettings { window: Some(86_400), ..at_hour(5_000.0) };
        judged(&state, now, &if is_dear { dear } else { MemorySettings::default() })
    })
}

proptest! {
    #[test]
    fn any_record_is_judged_with_reasons_and_without_a_panic(
        record in prop::collection::vec(any_observation(), 0..40),
        now in moment(),
        by_log: bool,
    ) {
        let from = if by_log { CountsFrom::Reports } else { CountsFrom::Counters };
        let mut state = DimmState::new(from);
        for seen in &record {
            state.observe(seen);
        }
        judged(&state, now, &MemorySettings::default());
        judged(&state, now, &MemorySettings { window: Some(86_400), ..at_hour(5_000.0) });
    }

    #[test]
    fn no_error_of_an_interval_is_lost_however_long_it_is(
        length in 1_i64..4_000_000, errors in 0_u64..100_000, from in 0_i64..1_000_000,
    ) {
        let mut state = DimmState::new(CountsFrom::Counters);
        state.observe(&counted(from, from + length, errors));
        prop_assert_eq!(state.errors(), errors);
        let in_windows: u64 = state.windows.active().iter().map(|active| u64::from(active.errors)).sum();
        prop_assert_eq!(in_windows, errors);
        let windows = u64::try_from(length / (6 * HOUR) + 2).unwrap();
        prop_assert!(state.active_windows() <= windows);
    }
}

proptest! {
    /// The sum of a time that nobody watched says that there were errors, and not that they rise:
    /// however many there were, the trend is that of the days that were watched.
    #[test]
    fn a_gap_never_makes_a_rise(
        days in prop::collection::vec(0_u64..60, 30..60),
        begin in 1_usize..40,
        length in 1_usize..20,
        errors in 1_u64..100_000,
    ) {
        let gap = begin..begin + length;
        let mut rose = false;
        let mut with = DimmState::new(CountsFrom::Counters);
        let mut without = DimmState::new(CountsFrom::Counters);
        for (day, count) in days.iter().enumerate() {
            let from = Seconds::try_from(day).unwrap() * DAY;
            if gap.contains(&day) {
                if day + 1 == gap.end {
                    let begin = Seconds::try_from(gap.start).unwrap() * DAY;
                    let (until, watched) = (from + DAY, 0);
                    with.observe(&Observation::Counted {
                        from: begin, until, watched, errors, at_least: false,
                    });
                }
                continue;
            }
            for state in [&mut with, &mut without] {
                state.observe(&counted(from, from + DAY, *count));
            }
            let settings = MemorySettings::default();
            let (one, other) =
                (judged(&with, from + DAY, &settings), judged(&without, from + DAY, &settings));
            prop_assert_eq!(one.trend.is_rising, other.trend.is_rising);
            prop_assert_eq!(one.trend.rise, other.trend.rise);
            rose |= without.rose.is_some();
            prop_assert!(with.rose.is_none() || rose, "{:?}", with.rose);
        }
    }
}

#[test]
fn a_storm_of_years_stays_within_its_bounds() {
    let mut state = DimmState::new(CountsFrom::Reports);
    for n in 0..20_000_u32 {
        let place = cell((n % 7) as u8, (n % 11) as u16, n, n % 1_024);
        state.observe(&Observation::Reported(hit(Seconds::from(n) * 3_000, place)));
    }
    assert_eq!(state.places(), MOST_CELLS);
    assert!(state.windows.active().len() <= 46 * 4);
    assert_eq!(state.errors(), 20_000);
}

#[test]
fn a_quiet_dimm_takes_some_hundred_bytes() {
    let bytes = std::mem::size_of::<DimmState>();
    assert!(bytes <= 1_024, "{bytes}");
}

#[test]
fn one_error_in_a_long_interval_is_one_active_window() {
    let mut state = DimmState::new(CountsFrom::Counters);
    state.observe(&counted(0, 10 * DAY, 1));
    assert_eq!((state.active_windows(), state.active_days()), (1, 1));
    assert_eq!(state.last_error(), Some(10 * DAY));
    let mut many = DimmState::new(CountsFrom::Counters);
    many.observe(&counted(0, 10 * DAY, 4_000));
    assert_eq!((many.active_windows(), many.active_days()), (40, 10));
}

#[test]
fn time_that_nobody_watched_is_not_taken_for_what_was_watched_earlier() {
    for gap in [6, 63, 65, 400] {
        let mut state = quiet(64);
        let from = (64 + gap) * DAY;
        state.observe(&counted(from, from + DAY, 0));
        let share = state.watched_share(from + DAY).unwrap();
        assert!((share - 1.0 / 7.0).abs() < 0.03 || gap < 7, "{gap} d: {share}");
        assert!(share < 0.2, "{gap} d: {share}");
    }
}
