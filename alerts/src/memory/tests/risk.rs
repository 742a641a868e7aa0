//! The scorecard against its worked examples, and what it learns from outcomes.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "numbers of a test are small"
)]

use super::*;
use crate::memory::windows::Bits;
use proptest::prelude::*;

fn evidence(errors_6h: u32, class: RiskClass) -> Evidence {
    Evidence {
        errors_6h,
        storm: false,
        class,
        faulty_columns: 0,
        bits: None,
        quiet_days: 0.0,
        closed: false,
        left: 1.0,
    }
}

fn p7(evidence: &Evidence) -> f64 {
    Scorecard::shipped().p7(evidence, None)
}

/// In percent, with as many digits as the example.
#[track_caller]
fn reads(p: f64, digits: usize, wanted: &str) {
    assert_eq!(format!("{:.digits$}", p * 100.0), wanted);
}

#[test]
fn the_worked_examples_come_out() {
    reads(p7(&evidence(1, RiskClass::Cell)), 3, "0.026");
    reads(p7(&evidence(32, RiskClass::Row)), 2, "0.29");
    reads(p7(&evidence(32, RiskClass::Bank)), 2, "0.50");
    let storm = Evidence { storm: true, ..evidence(500, RiskClass::Bank) };
    reads(p7(&storm), 1, "2.8");
    let bits = Bits { told: 9, two_or_three_lines: true, four_lines: false, longest_interval: 4 };
    reads(p7(&Evidence { bits: Some(bits), ..storm }), 1, "11.8");
    reads(p7(&evidence(822, RiskClass::Cell)), 2, "0.14");
}

#[test]
fn a_base_rate_of_seven_days_becomes_that_of_nine_months() {
    // 0.13 % in 7 days is 2.4 % in 270, by 1,700 failures of 70,000 DIMMs.
    let card = Scorecard::shipped();
    let shift = (0.0013_f64 / 0.9987).ln() - card.eta(&evidence(0, RiskClass::Cell));
    let base = Calibration {
        shift,
        stretch: 1.0,
        shift_error: 0.0,
        stretch_error: 0.0,
        outcomes: 2_000,
        failures: 20,
        spread: 1.0,
    };
    let risk = card.risk(&evidence(0, RiskClass::Cell), 270.0, Validity::Fitted, Some(&base));
    reads(risk.p7.unwrap(), 2, "0.13");
    reads(risk.p, 1, "2.4");
}

#[test]
fn silence_halves_the_hazard_every_thirty_days_after_seven() {
    let card = Scorecard::shipped();
    let hazard = |quiet_days: f64| {
        let seen = Evidence { quiet_days, ..evidence(32, RiskClass::Bank) };
        let risk = card.risk(&seen, 30.0, Validity::Fitted, None);
        -(1.0 - risk.p).ln() - card.sudden_per_year * 30.0 / 365.0
    };
    assert!((hazard(7.0) / hazard(0.0) - 1.0).abs() < 1e-9);
    assert!((hazard(37.0) / hazard(0.0) - 0.5).abs() < 1e-9);
    assert!((hazard(67.0) / hazard(0.0) - 0.25).abs() < 1e-9);
}

#[test]
fn what_is_closed_has_the_hazard_of_any_dimm() {
    let card = Scorecard::shipped();
    let closed = Evidence { closed: true, ..evidence(500, RiskClass::Bank) };
    let risk = card.risk(&closed, 365.0, Validity::Fitted, None);
    assert_eq!(risk.p7, None);
    assert!((risk.p - 1.25e-4).abs() < 1e-7, "{risk:?}");
    // 1.57 % new faults of which 2.4 % fail, and as many suddenly again: 0.05 % in a year.
    assert!((risk.p_new - 5.0e-4).abs() < 5e-6, "{risk:?}");
}

#[test]
fn uncalibrated_figures_are_printed_with_a_factor_of_three() {
    let card = Scorecard::shipped();
    let risk = card.risk(&evidence(1, RiskClass::Row), 7.0, Validity::Transferred, None);
    assert_eq!(risk.spread, 3.0);
    let sudden = 1.25e-4 * 7.0 / 365.0;
    assert!(((risk.high - sudden) / (risk.p - sudden) - 3.0).abs() < 0.02, "{risk:?}");
    assert!(((risk.p - sudden) / (risk.low - sudden) - 3.0).abs() < 0.02, "{risk:?}");
}

/// Outcomes that come out as `truth` says of what was foretold: whole shares of a thousand each.
fn outcomes(truth: impl Fn(f64) -> f64) -> Vec<(f64, bool)> {
    let mut all = Vec::new();
    for foretold in [0.0005, 0.002, 0.01, 0.05, 0.2] {
        let failing = (truth(foretold) * 10_000.0).round() as usize;
        all.extend((0..10_000).map(|n| (foretold, n < failing)));
    }
    all
}

#[test]
fn own_outcomes_correct_the_scorecard_from_twenty_failures_on() {
    let same = Calibration::fit(&outcomes(|p| p)).unwrap();
    assert!(same.shift.abs() < 0.02 && (same.stretch - 1.0).abs() < 0.01, "{same:?}");
    assert!(same.spread < 1.1, "{same:?}");
    // A fifth of 10,000 fails, and most of what is known is of these.
    assert!((0.02..0.2).contains(&same.shift_error), "{same:?}");
    assert!((0.005..0.05).contains(&same.stretch_error), "{same:?}");
    // Half the odds, and half as far apart.
    let bent = |p: f64| {
        let odds = ((p / (1.0 - p)).ln() * 0.5 - 2.0).exp();
        odds / (1.0 + odds)
    };
    let fit = Calibration::fit(&outcomes(bent)).unwrap();
    assert!((fit.shift + 2.0).abs() < 0.1 && (fit.stretch - 0.5).abs() < 0.02, "{fit:?}");
    // Far from where the outcomes were, less is known, and never less than without a calibration.
    assert!(same.spread_at(-1.4) < 1.1, "{same:?}");
    assert!(same.spread_at(-9.0) > same.spread_at(-6.0), "{same:?}");
    assert!(same.spread_at(-9.0) > same.spread_at(-1.4), "{same:?}");
    assert_eq!(same.spread_at(-1e6), 3.0);
    let corrected = Scorecard::shipped().p7(&evidence(32, RiskClass::Row), Some(&fit));
    assert!((corrected - bent(p7(&evidence(32, RiskClass::Row)))).abs() < 0.002);
}

#[test]
fn few_outcomes_correct_nothing() {
    let with = |failures: usize| {
        let mut all = vec![(0.01, false); 2_000];
        all.extend(vec![(0.01, true); failures]);
        Calibration::fit(&all)
    };
    assert_eq!(with(19), None);
    // All foretold alike: the shift alone is learned, and stays uncertain.
    let fit = with(20).unwrap();
    assert_eq!((fit.stretch, fit.failures, fit.outcomes), (1.0, 20, 2_020));
    assert!(fit.spread > 1.4 && fit.spread < 1.7, "exp(1.96/√20) = 1.55: {fit:?}");
    assert!(Calibration::fit(&vec![(0.5, true); 50]).is_none(), "nothing survived");
}

proptest! {
    #[test]
    fn a_fit_that_settles_foretells_as_many_failures_as_came(
        all in prop::collection::vec((0.0001_f64..0.5, prop::bool::weighted(0.3)), 60..300),
    ) {
        let Some(fit) = Calibration::fit(&all) else { return Ok(()) };
        let logit = |p: f64| (p / (1.0 - p)).ln();
        let corrected = |p: f64| 1.0 / (1.0 + (-(fit.shift + fit.stretch * logit(p))).exp());
        let foretold: f64 = all.iter().map(|(p, _)| corrected(*p)).sum();
        prop_assert!((foretold - f64::from(fit.failures)).abs() < 1e-3);
        prop_assert!((1.0..=UNCALIBRATED_SPREAD).contains(&fit.spread));
    }

    #[test]
    fn more_errors_a_storm_and_a_longer_time_are_never_less_risk(
        errors in 0_u32..2_000, more in 0_u32..2_000, days in 0.0_f64..400.0, quiet in 0.0_f64..300.0,
    ) {
        let card = Scorecard::shipped();
        let seen = Evidence { quiet_days: quiet, ..evidence(errors, RiskClass::Row) };
        let risk = |seen: &Evidence, days| card.risk(seen, days, Validity::Fitted, None).p;
        let p = risk(&seen, days);
        prop_assert!((0.0..=1.0).contains(&p));
        let louder = Evidence { errors_6h: errors + more, ..seen };
        let storming = Evidence { storm: true, ..seen };
        let quieter = Evidence { quiet_days: quiet + 1.0, ..seen };
        let mended = Evidence { left: 0.1, ..seen };
        prop_assert!(risk(&louder, days) >= p && risk(&storming, days) >= p);
        prop_assert!(risk(&seen, days + 1.0) >= p);
        prop_assert!(risk(&quieter, days) <= p && risk(&mended, days) <= p);
    }
}
