//! What is said of DIMMs that people know.

#![expect(clippy::cast_possible_truncation, reason = "numbers of a test are small")]

use super::*;
use scrubjay_model::{RebootHelps, Verdict};

/// `errors` reports of a bank, at as many places, `gap` seconds apart from `from` on.
fn bank(from: Seconds, errors: u32, gap: Seconds) -> Vec<Hit> {
    (0..errors)
        .map(|n| hit(from + Seconds::from(n) * gap, cell(3, 1, n * 1_237 % 90_000, n * 37 % 1_000)))
        .collect()
}

/// The bank of the worked example: 32 errors in six hours, three weeks of it, no storm.
fn failing_bank() -> (DimmState, Seconds) {
    let hits: Vec<Hit> = (0..3).flat_map(|week| bank(week * 7 * DAY, 32, 600)).collect();
    let last = hits.last().unwrap().at;
    (logged(&hits), last)
}

fn text<'a>(judgement: &'a Judgement, code: &str) -> &'a str {
    let reason = judgement.reasons.iter().find(|reason| reason.code == code);
    &reason.unwrap_or_else(|| panic!("no {code}: {judgement:#?}")).text
}

#[test]
fn silence_that_was_watched_is_ok_and_nothing_is_to_be_done() {
    let judgement = judged(&quiet(30), 30 * DAY, &MemorySettings::default());
    assert_eq!((judgement.verdict, judgement.advice), (Verdict::Ok, Advice::Nothing));
    assert_eq!(codes(&judgement, Verdict::Ok), ["dimm-quiet"]);
    assert_eq!(
        text(&judgement, "dimm-quiet"),
        "no error in the last 30 d; watched for 30 d in all, 100 % of the last 7 d"
    );
    assert_eq!(
        judgement.sentence,
        "Nothing is open: P(uncorrected error within 270 d) = 0.0092 %, as of any DIMM; leave it alone."
    );
}

#[test]
fn silence_that_nobody_watched_is_unknown() {
    let never = DimmState::new(CountsFrom::Counters);
    let judgement = judged(&never, DAY, &MemorySettings::default());
    assert_eq!((judgement.verdict, judgement.advice), (Verdict::Unknown, Advice::FixVisibility));
    let stale = judged(&quiet(30), 34 * DAY, &MemorySettings::default());
    assert_eq!(stale.verdict, Verdict::Unknown, "nothing for the last 4 of 7 days");
    assert_eq!(judged(&quiet(30), 33 * DAY, &MemorySettings::default()).verdict, Verdict::Ok);
    let mut blind = DimmState::new(CountsFrom::Counters);
    let seen =
        Observation::Counted { from: 0, until: 9 * DAY, watched: 0, errors: 0, at_least: false };
    blind.observe(&seen);
    assert_eq!(judged(&blind, 9 * DAY, &MemorySettings::default()).verdict, Verdict::Unknown);
}

#[test]
fn counters_alone_leave_the_shape_unknown_and_ask_for_costs() {
    let mut state = quiet(10);
    state.observe(&counted(10 * DAY, 10 * DAY + HOUR, 400));
    let now = 10 * DAY + HOUR;
    let judgement = judged(&state, now, &MemorySettings::default());
    assert_eq!((judgement.mode, judgement.faults.len()), (Mode::Unknown, 0));
    assert!(codes(&judgement, Verdict::Unknown).contains(&"dimm-place-unknown"));
    assert!(judgement.verdict > Verdict::Ok && !judgement.advice.is_swap());
    // The mixture of all shapes: 0.9, with 400 errors in six hours.
    assert!((judgement.risk.p7.unwrap() - 0.002_80).abs() < 0.000_02, "{:?}", judgement.risk);
    let mut stated = at_hour(50_000.0);
    stated.costs.planned_hours = 0.0;
    assert_eq!(judged(&state, now, &stated).advice, Advice::SwapNow);
    let assumed = MemorySettings { costs_are_stated: false, ..stated };
    assert_eq!(judged(&state, now, &assumed).advice, Advice::PrepareSwap);
}

#[test]
fn a_loud_cell_is_never_acted_on_at_the_default_costs() {
    // sn_8: 9,440 records in 213 days, 236 active windows, at most 822 in one, one cell.
    let mut state = DimmState::new(CountsFrom::Reports);
    let windows = 236_i64;
    let loudest = 117;
    for n in 0..windows {
        let at = n * 213 * DAY / windows / (6 * HOUR) * (6 * HOUR);
        let errors = if n == loudest {
            822
        } else if n == windows - 1 {
            48
        } else {
            36 + u32::from(n % 3 == 0) * 2
        };
        let mut left = errors;
        while left > 0 {
            let report = Hit {
                errors: left.min(10),
                page: Some(77),
                ..hit(at + i64::from(errors - left), cell(3, 1, 7, 9))
            };
            state.observe(&Observation::Reported(report));
            left -= report.errors;
        }
        let judgement = judged(&state, at + HOUR, &MemorySettings::default());
        assert!(judgement.verdict < Verdict::Plan, "{n}: {judgement:#?}");
        assert_eq!(judgement.mode, Mode::Cell);
        if n == loudest {
            assert_eq!(format!("{:.2}", judgement.risk.p7.unwrap() * 100.0), "0.14");
        }
    }
    assert_eq!(state.active_windows(), 236);
    let judgement = judged(&state, 213 * DAY, &MemorySettings::default());
    assert_eq!((judgement.verdict, judgement.advice), (Verdict::Watch, Advice::OfflinePage));
    assert!(!codes(&judgement, Verdict::Watch).contains(&"dimm-storm"), "one cell never storms");
}

#[test]
fn two_errors_of_one_cell_are_no_reason_for_anything_and_so_it_is_missed() {
    // sn_8854 failed within a day of these. Nothing that is seen foretells it.
    let state = logged(&[hit(0, cell(3, 1, 7, 9)), hit(HOUR, cell(3, 1, 7, 9))]);
    let judgement = judged(&state, 2 * HOUR, &MemorySettings::default());
    assert_eq!((judgement.verdict, judgement.advice), (Verdict::Ok, Advice::Nothing));
    assert_eq!(judgement.mode, Mode::Cell);
}

#[test]
fn the_cost_of_an_hour_decides_between_never_the_window_and_now() {
    let (state, last) = failing_bank();
    let with = |settings: MemorySettings| {
        let in_window = MemorySettings { window: Some(3 * 86_400), ..settings };
        let judgement = judged(&state, last + HOUR, &in_window);
        (judgement.decision.choice, judgement.verdict, judgement.advice)
    };
    let cheap = with(at_hour(100.0));
    assert_eq!((cheap.0, cheap.2.is_swap()), (Choice::Never, false));
    assert_eq!(with(at_hour(5_000.0)), (Choice::AtWindow, Verdict::Plan, Advice::SwapAtWindow));
    let mut migrated = at_hour(50_000.0);
    migrated.costs.planned_hours = 0.0;
    assert_eq!(with(migrated), (Choice::Now, Verdict::Act, Advice::SwapNow));
}

#[test]
fn the_sentence_has_the_numbers_it_follows_from() {
    let (state, last) = failing_bank();
    let settings = MemorySettings { window: Some(3 * 86_400), ..at_hour(5_000.0) };
    assert_eq!(
        judged(&state, last + HOUR, &settings).sentence,
        "Swap it in the next window: a swap pays at the window. P(uncorrected error within 270 d) = 9.0 % \
         (x/÷ 3: 3.1 % to 25 %, transferred). At 5,000 per hour of service a failure costs 38,310, a swap now \
         2,922 and in the window in 3 d 422, so a swap pays from 1.1 % on, and waiting for the window up to \
         6.6 % of failing before it, where it is 0.26 %."
    );
    let assumed = judged(&state, last + HOUR, &MemorySettings::default()).sentence;
    assert!(
        assumed.contains("At 100 per hour of service (assumed) a failure costs 1,070"),
        "{assumed}"
    );
    assert!(
        assumed.starts_with(
            "Have a spare at hand and decide at the next window: a swap is not worth its cost."
        ),
        "{assumed}"
    );
}

#[test]
fn no_sentence_weighs_costs_that_were_not_weighed() {
    for case in super::rules::cases() {
        for (_, judgement) in case.fires {
            let says = &judgement.sentence;
            let denies = says.contains("not worth its cost");
            assert!(!(judgement.advice.is_swap() && denies), "{}: {says}", case.code);
        }
    }
}

#[test]
fn an_uncorrected_error_is_acted_on_whatever_it_costs_and_fades_slowly() {
    let mut state = quiet(3);
    for second in [0, 10, 25] {
        let at = 3 * DAY + second;
        state.observe(&Observation::Uncorrected { at, cell: Cell::default(), page: None });
    }
    assert_eq!(state.uncorrected(), 1, "within 30 s it is one");
    state.observe(&counted(3 * DAY, 3 * DAY + HOUR, 0));
    let free = Costs { service_hour: 0.0, unplanned_work: 1.0, ..Costs::default() };
    let settings = MemorySettings { costs: free, ..MemorySettings::default() };
    let at = |days: Seconds| {
        let mut later = state.clone();
        later.observe(&counted(3 * DAY + HOUR, (3 + days) * DAY, 0));
        let judgement = judged(&later, (3 + days) * DAY, &settings);
        (judgement.verdict, judgement.advice)
    };
    assert_eq!(at(1), (Verdict::Act, Advice::SwapNow));
    assert_eq!(
        judged(&state, 3 * DAY + HOUR, &settings).sentence,
        "Swap it now: it had an uncorrected error, and after one no cost is weighed."
    );
    assert_eq!(at(30), (Verdict::Act, Advice::SwapNow));
    assert_eq!(at(31).0, Verdict::Plan);
    assert_eq!(at(61).0, Verdict::Watch);
    assert_eq!(at(900).0, Verdict::Watch, "until it is replaced");
    state.observe(&Observation::Replaced { at: 5 * DAY });
    state.observe(&counted(5 * DAY, 6 * DAY, 0));
    assert_eq!(judged(&state, 6 * DAY, &settings).verdict, Verdict::Ok);
    assert_eq!((state.uncorrected(), state.errors()), (0, 0));
}

#[test]
fn a_storm_of_several_devices_is_acted_on_at_once() {
    let storm = |devices: u8, distinct: u32| {
        let hits: Vec<Hit> = (0..40)
            .map(|n: u32| {
                hit(
                    Seconds::from(n) * 5,
                    cell((n % u32::from(devices)) as u8, 1, (n % distinct) * 3_000, n % distinct),
                )
            })
            .collect();
        judged(&logged(&hits), HOUR, &MemorySettings::default())
    };
    let wide = storm(2, 40);
    assert_eq!((wide.verdict, wide.advice), (Verdict::Act, Advice::SwapNow));
    assert_eq!(codes(&wide, Verdict::Act), ["dimm-wide-storm"]);
    assert_eq!(
        wide.sentence,
        "Swap it now: several parts of it fail at once, and no cost makes that wait."
    );
    let narrow = storm(1, 40);
    assert_eq!(narrow.mode, Mode::Bank);
    assert!(codes(&narrow, Verdict::Watch).contains(&"dimm-storm"));
    assert!(narrow.verdict < Verdict::Act);
    let quiet = storm(2, 6);
    assert!(!codes(&quiet, Verdict::Watch).contains(&"dimm-storm"), "6 places, over and over");
}

#[test]
fn a_storm_before_a_long_silence_says_nothing_of_what_comes_after_it() {
    let at_two = |from: Seconds, gap: Seconds| -> Vec<Hit> {
        (0..40_u32)
            .map(|n| hit(from + Seconds::from(n) * gap, cell((n % 2) as u8, 1, n * 3_000, n)))
            .collect()
    };
    let mut state = logged(&at_two(0, 5));
    for hit in at_two(40 * DAY, 2 * HOUR) {
        state.observe(&Observation::Reported(hit));
    }
    let judgement = judged(&state, 44 * DAY, &MemorySettings::default());
    assert_eq!(judgement.mode, Mode::MultiDevice);
    assert!(judgement.verdict < Verdict::Act, "{judgement:#?}");
}

#[test]
fn a_storm_is_more_than_ten_distinct_reports_each_within_a_minute() {
    let storms = |reports: u32, gap: Seconds| {
        let hits: Vec<Hit> =
            (0..reports).map(|n| hit(Seconds::from(n) * gap, cell(3, 1, n * 3_000, n))).collect();
        logged(&hits).last_storm.is_some()
    };
    assert!(!storms(10, 60));
    assert!(storms(11, 60));
    assert!(!storms(100, 61));
    // The same cell with other bits is another report; a page tells where nothing else does.
    let bits: Vec<Hit> = (0..11)
        .map(|n| Hit { parity: Some(Parity(1 << n)), ..hit(Seconds::from(n), cell(3, 1, 7, 9)) })
        .collect();
    assert!(logged(&bits).last_storm.is_some());
    let nowhere: Vec<Hit> = (0..100).map(|n| hit(n, Cell::default())).collect();
    assert!(logged(&nowhere).last_storm.is_none());
    assert!(logged(&nowhere).last_flood.is_some(), "it is a load all the same");
}

#[test]
fn two_places_prove_nothing_that_is_acted_on() {
    let mut settings = at_hour(50_000.0);
    settings.costs.planned_hours = 0.0;
    let of = |places: u32| {
        let hits: Vec<Hit> = (0..40)
            .map(|n: u32| hit(Seconds::from(n) * 3_000, cell(3, 1, n % places * 5_000, n % places)))
            .collect();
        let judgement = judged(&logged(&hits), 40 * 3_000, &settings);
        (judgement.mode, judgement.verdict, judgement.advice)
    };
    assert_eq!(of(2), (Mode::Bank, Verdict::Plan, Advice::PrepareSwap));
    assert_eq!(of(3), (Mode::Bank, Verdict::Act, Advice::SwapNow));
}

#[test]
fn a_verdict_steps_down_after_thirty_quiet_days_and_not_below_watch_while_a_fault_is_open() {
    let (state, last) = failing_bank();
    let settings = MemorySettings { window: Some(86_400), ..at_hour(500.0) };
    let after = |days: Seconds| {
        let judgement = judged(&state, last + days * DAY, &settings);
        (judgement.verdict, judgement.advice)
    };
    assert_eq!(after(0), (Verdict::Plan, Advice::SwapAtWindow));
    assert_eq!(after(29), (Verdict::Plan, Advice::SwapAtWindow));
    assert_eq!(after(31), (Verdict::Plan, Advice::PrepareSwap), "a third of what would pay");
    assert_eq!(after(89), (Verdict::Watch, Advice::Observe));
    assert_eq!(after(91).0, Verdict::Ok, "forgotten");
    let held = judged(&state, last + 29 * DAY, &settings);
    let held = text(&held, "dimm-risk");
    assert!(
        held.ends_with(
            "held at plan from its loudest time: quiet for 29 d, and a step down takes 30 d"
        ),
        "{held}"
    );
}

#[test]
fn a_transient_cell_is_forgiven_after_a_week_and_closed_after_a_month() {
    let hits = [hit(0, cell(3, 1, 7, 9)), hit(60, cell(3, 1, 7, 400)), hit(90, cell(3, 1, 7, 9))];
    let row = logged(&hits);
    let after =
        |state: &DimmState, days: Seconds| judged(state, days * DAY, &MemorySettings::default());
    assert_eq!(after(&row, 29).verdict, Verdict::Watch, "a row, transient so far");
    assert_eq!(after(&row, 31).verdict, Verdict::Ok);
    let single = logged(&hits[..1]);
    assert!(after(&single, 29).risk.p7.is_some());
    let closed = after(&single, 31);
    assert_eq!(closed.risk.p7, None);
    assert!(closed.sentence.starts_with("Nothing is open"), "{}", closed.sentence);
}

#[test]
fn a_page_out_of_use_takes_its_cell_out_of_the_risk_until_the_next_boot() {
    let hits: Vec<Hit> =
        (0..20).map(|n| Hit { page: Some(77), ..hit(n * DAY, cell(3, 1, 7, 9)) }).collect();
    let mut state = logged(&hits);
    let settings = at_hour(500_000.0);
    let now = 20 * DAY;
    let before = judged(&state, now, &settings);
    assert_eq!((before.verdict, before.advice), (Verdict::Watch, Advice::OfflinePage));
    state.observe(&Observation::Offlined { at: now, page: 77 });
    let after = judged(&state, now, &settings);
    assert_eq!(after.advice, Advice::Observe);
    let sudden = settings.scorecard.sudden_per_year * 270.0 / 365.0;
    assert!(((after.risk.p - sudden) / (before.risk.p - sudden) - 0.1).abs() < 0.001);
    state.observe(&Observation::Booted { at: now });
    assert_eq!(judged(&state, now, &settings).advice, Advice::OfflinePage, "in use again");
}

#[test]
fn many_pages_out_of_use_are_a_fault_mistaken_for_cells() {
    let mut state = quiet(10);
    for page in 0..64 {
        state.observe(&Observation::Offlined { at: 10 * DAY, page });
    }
    assert_eq!(judged(&state, 10 * DAY, &MemorySettings::default()).verdict, Verdict::Ok);
    state.observe(&Observation::Offlined { at: 10 * DAY, page: 64 });
    let judgement = judged(&state, 10 * DAY, &MemorySettings::default());
    assert_eq!(codes(&judgement, Verdict::Watch), ["dimm-pages"]);
}

#[test]
fn a_row_is_repaired_at_boot_where_firmware_can_and_swapped_if_it_comes_back() {
    let row = |from: Seconds| -> Vec<Hit> {
        (0..40).map(|n: u32| hit(from + Seconds::from(n) * 600, cell(3, 1, 7, n * 8))).collect()
    };
    let settings = MemorySettings { window: Some(86_400), ..at_hour(5_000.0) };
    let repairing = MemorySettings { repairs_at_boot: Some(true), ..settings.clone() };
    let mut state = logged(&row(0));
    assert_eq!(judged(&state, DAY, &settings).advice, Advice::SwapAtWindow);
    assert_eq!(judged(&state, DAY, &repairing).advice, Advice::RebootForRepair);
    state.observe(&Observation::Booted { at: DAY });
    for hit in row(2 * DAY) {
        state.observe(&Observation::Reported(hit));
    }
    assert_eq!(judged(&state, 3 * DAY, &repairing).advice, Advice::SwapAtWindow);
}

#[test]
fn whether_a_boot_helps_against_a_row_depends_on_what_is_known_of_the_firmware() {
    let hits: Vec<Hit> =
        (0..40).map(|n: u32| hit(Seconds::from(n) * 600, cell(3, 1, 7, n * 8))).collect();
    let row = logged(&hits);
    let mut came_back = row.clone();
    came_back.observe(&Observation::Booted { at: DAY });
    came_back.observe(&Observation::Reported(hit(DAY + HOUR, cell(3, 1, 7, 4))));
    let said = |state: &DimmState, repairs_at_boot| {
        let settings = MemorySettings { repairs_at_boot, window: Some(86_400), ..at_hour(5_000.0) };
        let judgement = judged(state, DAY + 2 * HOUR, &settings);
        let fault = judgement.reasons.iter().find(|reason| reason.code == "dimm-fault").unwrap();
        (judgement.advice, fault.reboot, fault.text.clone())
    };
    let (advice, helps, text) = said(&row, Some(true));
    assert_eq!((advice, helps), (Advice::RebootForRepair, RebootHelps::Yes));
    assert!(text.ends_with("this firmware repairs rows at boot"), "{text}");
    let (advice, helps, text) = said(&row, Some(false));
    assert_eq!((advice, helps), (Advice::SwapAtWindow, RebootHelps::No));
    assert!(text.ends_with("this firmware repairs no rows at boot"), "{text}");
    let (advice, helps, text) = said(&row, None);
    assert_eq!((advice, helps), (Advice::SwapAtWindow, RebootHelps::Unknown));
    assert!(text.contains("is not known: memory.repairs_at_boot says it"), "{text}");
    for known in [None, Some(true)] {
        let (advice, helps, text) = said(&came_back, known);
        assert_eq!((advice, helps), (Advice::SwapAtWindow, RebootHelps::No));
        assert!(text.contains("which did not repair it"), "{text}");
    }
}

#[test]
fn the_bits_of_transfers_are_used_where_they_are_told() {
    let word = Parity(0x7000_7000);
    let hits: Vec<Hit> =
        bank(0, 32, 600).into_iter().map(|hit| Hit { parity: Some(word), ..hit }).collect();
    let judgement = judged(&logged(&hits), DAY, &MemorySettings::default());
    assert!(judgement.risk.with_bits);
    // Three lines, an interval of four: with bits the same bank is ten times as likely to fail.
    let without = judged(&logged(&bank(0, 32, 600)), DAY, &MemorySettings::default());
    assert!(judgement.risk.p7 > without.risk.p7.map(|p| p * 5.0), "{judgement:?}");
    assert!(text(&judgement, "dimm-risk").contains("with the wrong bits"));
}

/// A DIMM with errors at places of no shape, hour by hour.
fn scattered(seed: u32, hours: Seconds) -> DimmState {
    let hits: Vec<Hit> = (0..hours)
        .map(|hour| {
            let n = u32::try_from(hour).unwrap() + seed;
            hit(
                hour * HOUR,
                cell((n % 9) as u8, (n % 5) as u16, n * 7_919 % 99_991, n * 31 % 1_000),
            )
        })
        .collect();
    logged(&hits)
}

fn on(channel: u16) -> Topology {
    Topology { socket: Some(0), controller: Some(0), channel: Some(channel) }
}

#[test]
fn dimms_of_a_channel_that_err_together_are_not_swapped() {
    let (one, other, third) = (scattered(0, 60), scattered(500, 60), quiet(3));
    let host = [(on(0), &one), (on(0), &other), (on(1), &third)];
    let around = neighbours(&host, 3 * DAY);
    assert_eq!((around[0].on_channel, around[0].on_channel_erring), (1, 1));
    assert_eq!((around[0].channels, around[0].channels_erring), (2, 1));
    let mut dear = at_hour(50_000.0);
    dear.costs.planned_hours = 0.0;
    for days in [3, 20] {
        let around = neighbours(&host, days * DAY);
        let judgement = one.judge(days * DAY, &around[0], &dear);
        hold_promises(&judgement);
        assert_eq!(judgement.mode, Mode::Channel);
        assert_eq!(judgement.advice, Advice::InvestigateChannelOrCpu, "{days} d");
        assert_eq!(judgement.verdict, Verdict::Plan);
        assert!(codes(&judgement, Verdict::Plan).contains(&"dimm-channel"));
    }
    let alone = judged(&one, 3 * DAY, &dear);
    assert_eq!((alone.mode, alone.advice), (Mode::MultiDevice, Advice::SwapNow));
    assert_eq!(around[2].on_channel, 0);
    // All channels of the controller: further up.
    let all = [(on(0), &one), (on(1), &other)];
    let judgement = one.judge(3 * DAY, &neighbours(&all, 3 * DAY)[0], &dear);
    assert_eq!(judgement.mode, Mode::Controller);
}

#[test]
fn two_faults_on_one_channel_are_two_faults() {
    let cell_fault = logged(&(0..60).map(|n| hit(n * HOUR, cell(3, 1, 7, 9))).collect::<Vec<_>>());
    let other = scattered(9, 60);
    let around = neighbours(&[(on(0), &cell_fault), (on(0), &other)], 3 * DAY);
    assert_eq!((around[0].on_channel_erring, around[1].on_channel_erring), (0, 0));
    // Months apart is not together.
    let mut late = scattered(9, 1);
    for hour in 0..60 {
        let at = 60 * DAY + hour * HOUR;
        let n = u32::try_from(hour).unwrap();
        late.observe(&Observation::Reported(hit(at, cell((n % 9) as u8, 1, n * 991, n))));
    }
    let around = neighbours(&[(on(0), &scattered(0, 60)), (on(0), &late)], 63 * DAY);
    assert_eq!(around[1].on_channel_erring, 0);
    // What is not known is compared with nothing.
    let (one, two) = (scattered(0, 60), scattered(500, 60));
    let nowhere = Topology::default();
    assert_eq!(neighbours(&[(nowhere, &one), (nowhere, &two)], 3 * DAY)[0], Neighbours::NONE);
}

#[test]
fn a_count_that_may_be_too_low_says_so() {
    let mut state = quiet(3);
    state.observe(&Observation::Counted {
        from: 3 * DAY,
        until: 3 * DAY + HOUR,
        watched: 3_600,
        errors: 5,
        at_least: true,
    });
    let judgement = judged(&state, 3 * DAY + HOUR, &MemorySettings::default());
    assert!(text(&judgement, "dimm-errors").starts_with("at least 5 corrected errors in 1 window"));
}

#[test]
fn where_the_weights_were_not_validated_the_text_says_transferred() {
    let (state, last) = failing_bank();
    let judgement = judged(&state, last, &MemorySettings::default());
    assert!(text(&judgement, "dimm-risk").contains("transferred from another platform"));
    assert!(judgement.sentence.contains("transferred"));
    let fitted = MemorySettings { platform: Validity::Fitted, ..MemorySettings::default() };
    assert!(!judged(&state, last, &fitted).sentence.contains("transferred"));
}
