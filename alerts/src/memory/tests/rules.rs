//! Every rule on a DIMM: where it speaks and at which levels, where it just does not, and what is
//! said where it cannot be told, which is never that all is well.

#![expect(clippy::cast_possible_truncation, reason = "numbers of a test are small")]

use super::*;
use scrubjay_model::{RebootHelps, Verdict};

#[path = "policies.rs"]
mod policies;

/// One rule with records that bring it about and records that do not.
pub(crate) struct Case {
    pub(crate) code: &'static str,
    /// Each level it has, and what is said where it has it.
    pub(crate) fires: Vec<(Verdict, Judgement)>,
    /// Just below its limit.
    pub(crate) below: Judgement,
    /// What it rests on is missing.
    pub(crate) blind: Judgement,
}

fn plainly(state: &DimmState, now: Seconds) -> Judgement {
    judged(state, now, &MemorySettings::default())
}

/// Reports `gap` seconds apart, each at a place of its own in `devices` devices.
fn scattered(reports: u32, devices: u32, gap: Seconds) -> Vec<Hit> {
    let place = |n: u32| cell((n % devices) as u8, 1, n * 3_001 % 90_001, n * 37 % 1_000);
    (0..reports).map(|n| hit(Seconds::from(n) * gap, place(n))).collect()
}

/// A DIMM of which errors are counted, and no report says where.
fn counted_only(errors: u64) -> Judgement {
    let mut state = quiet(3);
    state.observe(&counted(3 * DAY, 3 * DAY + HOUR, errors));
    plainly(&state, 3 * DAY + HOUR)
}

/// A DIMM that nobody has looked at for four days.
fn not_watched() -> Judgement {
    plainly(&quiet(30), 34 * DAY)
}

/// Errors of one day after another, watched throughout, and the moment after them.
fn daily(errors: impl Iterator<Item = u64>) -> (DimmState, Seconds) {
    let mut state = quiet(30);
    let mut now = 30 * DAY;
    for day in errors {
        for part in 0..4_u64 {
            let share = day / 4 + u64::from(part < day % 4);
            state.observe(&counted(now, now + 6 * HOUR, share));
            now += 6 * HOUR;
        }
    }
    (state, now)
}

/// Two DIMMs of one channel that err at scattered places, hour by hour; what is said of the first,
/// if it is known that they share the channel, `quiet` days later.
fn on_one_channel(is_known: bool, quiet: Seconds) -> Judgement {
    let errs = |seed: u32| {
        let hits: Vec<Hit> = (0..60)
            .map(|hour: u32| {
                let n = hour + seed;
                let place = cell((n % 9) as u8, (n % 5) as u16, n * 7_919 % 99_991, n * 31 % 1_000);
                hit(Seconds::from(hour) * HOUR, place)
            })
            .collect();
        logged(&hits)
    };
    let (one, other, well) = (errs(0), errs(500), logged(&[]));
    let on = |channel| match is_known {
        true => Topology { socket: Some(0), controller: Some(0), channel: Some(channel) },
        false => Topology::default(),
    };
    let now = 3 * DAY + quiet * DAY;
    let around = neighbours(&[(on(0), &one), (on(0), &other), (on(1), &well)], now);
    let judgement = one.judge(now, &around[0], &MemorySettings::default());
    hold_promises(&judgement);
    judgement
}

/// What is said of a failing bank where an hour of the service costs so much, `quiet` days later.
fn failing_bank(service_hour: f64, planned_hours: f64, quiet: Seconds) -> Judgement {
    let place = |n: u32| cell(3, 1, n * 1_237 % 90_000, n * 37 % 1_000);
    let week = |week: Seconds| {
        (0..32).map(move |n: u32| hit(week * 7 * DAY + Seconds::from(n) * 600, place(n)))
    };
    let hits: Vec<Hit> = (0..3).flat_map(week).collect();
    let last = hits.last().unwrap().at;
    let mut settings = MemorySettings { window: Some(86_400), ..at_hour(service_hour) };
    settings.costs.planned_hours = planned_hours;
    judged(&logged(&hits), last + HOUR + quiet * DAY, &settings)
}

/// What is said of a row where the firmware repairs rows at boot.
fn repairable_row() -> Judgement {
    let hits: Vec<Hit> =
        (0..40).map(|n: u32| hit(Seconds::from(n) * 600, cell(3, 1, 7, n * 8))).collect();
    let window = Some(86_400);
    let settings = MemorySettings { window, repairs_at_boot: Some(true), ..at_hour(5_000.0) };
    judged(&logged(&hits), DAY, &settings)
}

/// All of them.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = of_what_is_seen();
    cases.extend(of_shapes());
    cases.extend(of_what_it_amounts_to());
    cases.extend(policies::cases());
    cases
}

/// What was seen, and what was not.
fn of_what_is_seen() -> Vec<Case> {
    let mut erred = quiet(3);
    erred.observe(&counted(3 * DAY, 3 * DAY + HOUR, 1));
    let erred = plainly(&erred, 3 * DAY + HOUR);
    let quiet_for = |days| plainly(&quiet(30), days * DAY);
    let never = || plainly(&DimmState::new(CountsFrom::Counters), DAY);
    let mut placed = quiet(3);
    placed.observe(&counted(3 * DAY, 3 * DAY + HOUR, 1));
    placed.observe(&Observation::Reported(hit(3 * DAY + 60, cell(3, 1, 7, 9))));
    let mut unwatched = DimmState::new(CountsFrom::Counters);
    let errors =
        Observation::Counted { from: 0, until: 9 * DAY, watched: 0, errors: 5, at_least: false };
    unwatched.observe(&errors);
    vec![
        Case {
            code: "dimm-quiet",
            fires: vec![(Verdict::Ok, quiet_for(30))],
            below: erred.clone(),
            blind: never(),
        },
        Case {
            code: "dimm-errors",
            fires: vec![(Verdict::Ok, erred.clone())],
            below: quiet_for(30),
            blind: not_watched(),
        },
        Case {
            code: "dimm-not-watched",
            fires: vec![(Verdict::Unknown, not_watched())],
            below: quiet_for(33),
            blind: never(),
        },
        Case {
            code: "dimm-place-unknown",
            fires: vec![(Verdict::Unknown, erred)],
            below: plainly(&placed, 3 * DAY + HOUR),
            blind: plainly(&unwatched, 9 * DAY),
        },
    ]
}

/// What reports of places show.
fn of_shapes() -> Vec<Case> {
    let one = |second| hit(second, cell(3, 1, 7, 9));
    let row = [one(0), hit(60, cell(3, 1, 7, 400)), one(90)];
    let permanent = [one(0), one(DAY)];
    let transient = [one(0), one(DAY - 1)];
    let wide = logged(&scattered(40, 2, 5));
    let now = |days: Seconds| 200 + days * DAY;
    let signs = logged(&scattered(40, 1, 5));
    // One cell with other bits each time storms, and its shape is no sign.
    let bits: Vec<Hit> =
        (0..11).map(|n| Hit { parity: Some(Parity(1 << n)), ..one(Seconds::from(n)) }).collect();
    vec![
        Case {
            code: "dimm-fault",
            fires: vec![
                (Verdict::Watch, plainly(&logged(&row), HOUR)),
                (Verdict::Watch, plainly(&logged(&permanent), DAY)),
            ],
            below: plainly(&logged(&transient), DAY),
            blind: counted_only(3),
        },
        Case {
            code: "dimm-storm",
            fires: vec![(Verdict::Watch, plainly(&logged(&scattered(11, 1, 60)), HOUR))],
            below: plainly(&logged(&scattered(10, 1, 60)), HOUR),
            blind: counted_only(100),
        },
        Case {
            code: "dimm-wide-storm",
            fires: vec![
                (Verdict::Act, plainly(&wide, now(0))),
                (Verdict::Plan, plainly(&wide, now(31))),
                (Verdict::Watch, plainly(&wide, now(61))),
            ],
            below: plainly(&signs, now(0)),
            blind: counted_only(100),
        },
        Case {
            code: "dimm-several-signs",
            fires: vec![(Verdict::Plan, plainly(&signs, now(0)))],
            below: plainly(&logged(&bits), HOUR),
            blind: counted_only(100),
        },
        Case {
            code: "dimm-channel",
            fires: vec![
                (Verdict::Plan, on_one_channel(true, 0)),
                (Verdict::Watch, on_one_channel(true, 31)),
            ],
            below: on_one_channel(false, 0),
            blind: counted_only(100),
        },
    ]
}

/// What it leads to.
fn of_what_it_amounts_to() -> Vec<Case> {
    let failed = |days: Seconds| {
        let mut state = quiet(3);
        let at = 3 * DAY;
        state.observe(&Observation::Uncorrected { at, cell: Cell::default(), page: None });
        state.observe(&counted(at, at + days * DAY + HOUR, 0));
        plainly(&state, at + days * DAY + HOUR)
    };
    let (ramp, after_ramp) = daily((0..10).map(|day| 1 << day));
    // A day fewer than the test for a rise needs.
    let (short, after_short) = daily((0..4).map(|day| 1 << day));
    // The same errors, and nobody looked before the last of them: one sum of two weeks.
    let mut unseen = DimmState::new(CountsFrom::Counters);
    unseen.observe(&Observation::Counted {
        from: 30 * DAY,
        until: 44 * DAY,
        watched: 0,
        errors: 1_023,
        at_least: false,
    });
    let pages = |count: u64| {
        let mut state = quiet(10);
        for page in 0..count {
            state.observe(&Observation::Offlined { at: 10 * DAY, page });
        }
        state
    };
    vec![
        Case {
            code: "dimm-uncorrected",
            fires: vec![
                (Verdict::Act, failed(1)),
                (Verdict::Plan, failed(31)),
                (Verdict::Watch, failed(61)),
            ],
            below: plainly(&quiet(3), 3 * DAY),
            blind: not_watched(),
        },
        Case {
            code: "dimm-rising",
            fires: vec![(Verdict::Watch, plainly(&ramp, after_ramp))],
            below: plainly(&short, after_short),
            blind: plainly(&unseen, 44 * DAY),
        },
        Case {
            code: "dimm-risk",
            fires: vec![
                (Verdict::Plan, failing_bank(5_000.0, 0.5, 0)),
                (Verdict::Plan, repairable_row()),
                (Verdict::Act, failing_bank(50_000.0, 0.0, 0)),
                (Verdict::Watch, failing_bank(430.0, 0.0, 80)),
            ],
            below: failing_bank(10.0, 0.5, 0),
            blind: counted_only(1),
        },
        Case {
            code: "dimm-pages",
            fires: vec![(Verdict::Watch, plainly(&pages(65), 10 * DAY))],
            below: plainly(&pages(64), 10 * DAY),
            blind: plainly(&pages(64), 20 * DAY),
        },
    ]
}

fn level(judgement: &Judgement, code: &str) -> Option<Verdict> {
    judgement.reasons.iter().find(|reason| reason.code == code).map(|reason| reason.verdict)
}

#[test]
fn a_reboot_that_is_advised_is_one_that_helps() {
    let row = repairable_row();
    assert_eq!(row.advice, Advice::RebootForRepair);
    let risk = row.reasons.iter().find(|reason| reason.code == "dimm-risk").unwrap();
    assert_eq!(risk.reboot, RebootHelps::Yes);
}

/// Whether a rule says anything: one that reports what is wrong may state that it is not.
fn speaks(judgement: &Judgement, code: &str) -> bool {
    let least = if crate::CODES.contains(&code) { Verdict::Watch } else { Verdict::Ok };
    level(judgement, code).is_some_and(|verdict| verdict >= least)
}

#[test]
fn every_rule_has_its_records() {
    let mut codes: Vec<&str> = cases().iter().map(|case| case.code).collect();
    codes.sort_unstable();
    assert_eq!(codes, REASONS);
}

#[test]
fn every_rule_speaks_where_it_should_and_at_the_level_it_should() {
    for case in cases() {
        for (verdict, judgement) in &case.fires {
            assert_eq!(level(judgement, case.code), Some(*verdict), "{}", case.code);
            assert!(judgement.verdict >= *verdict, "{}", case.code);
        }
    }
}

#[test]
fn no_rule_speaks_just_below_its_limit() {
    for case in cases() {
        assert!(!speaks(&case.below, case.code), "{}: {:#?}", case.code, case.below.reasons);
    }
}

#[test]
fn where_a_rule_cannot_tell_nobody_says_that_all_is_well() {
    for case in cases() {
        let blind = &case.blind;
        let why = blind.reasons.iter().filter(|reason| reason.verdict == Verdict::Unknown);
        let why: Vec<&str> = why.map(|reason| reason.code).collect();
        assert!(!why.is_empty(), "{}: {:#?}", case.code, blind.reasons);
        assert_eq!(blind.verdict, Verdict::Unknown, "{}: {:#?}", case.code, blind.reasons);
        assert!(!speaks(blind, case.code) || why.contains(&case.code), "{}", case.code);
        assert_eq!(blind.advice, Advice::FixVisibility, "{}", case.code);
    }
}
