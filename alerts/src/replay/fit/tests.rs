//! Which weeks have an outcome, and that a fit brings what is foretold closer to the truth.

use super::*;
use crate::memory::{Cell, CountsFrom, Hit, Scorecard};
use crate::replay::Failure;
use crate::simulation::{Fleet, FleetSettings};

const DAY: Seconds = 86_400;

fn hit(at: Seconds) -> Observation {
    let cell = Cell { rank: None, device: None, bank: Some(1), row: Some(7), column: Some(9) };
    Observation::Reported(Hit { at, errors: 1, cell, page: None, parity: None, by_scrub: None })
}

fn dimm(seen: Vec<Observation>, failures: &[Seconds]) -> Dimm {
    let failures = failures.iter().map(|at| Failure { at: *at, sudden: None }).collect();
    Dimm { place: Topology::default(), counts: CountsFrom::Reports, observations: seen, failures }
}

fn outcomes(dimms: Vec<Dimm>, until: Seconds) -> Vec<(Seconds, bool)> {
    let mut outcomes = Outcomes::default();
    outcomes.add(&Node { dimms }, until, &MemorySettings::default());
    outcomes.all.iter().map(|outcome| (outcome.at / DAY, outcome.failed)).collect()
}

#[test]
fn a_week_is_foretold_at_the_first_error_and_while_it_errs() {
    let errs = |days: &[Seconds]| dimm(days.iter().map(|day| hit(day * DAY)).collect(), &[]);
    // Days 1 and 5 are in one week, day 9 in the next; by day 22 it was quiet for a week.
    let weeks = outcomes(vec![errs(&[1, 5, 9, 40])], 60 * DAY);
    assert_eq!(weeks, [(1, false), (8, false), (15, false), (40, false), (47, false)]);
    // A week of which the end is not seen has no outcome.
    assert_eq!(outcomes(vec![errs(&[1, 5])], 7 * DAY), []);
}

#[test]
fn a_failure_is_of_one_week_and_the_last_of_its_dimm() {
    let errors = || (1..40).map(|day| hit(day * DAY)).collect::<Vec<_>>();
    let weeks = outcomes(vec![dimm(errors(), &[10 * DAY])], 60 * DAY);
    assert_eq!(weeks, [(1, false), (8, true)]);
    // Another DIMM in the slot is another one; of the week in which the old one left nothing is known.
    let mut seen = errors();
    seen.push(Observation::Replaced { at: 10 * DAY + 60 });
    seen.sort_by_key(Observation::at);
    let weeks = outcomes(vec![dimm(seen, &[10 * DAY])], 60 * DAY);
    assert_eq!(weeks.iter().filter(|(_, failed)| *failed).count(), 1);
    assert_eq!(weeks.get(..4), Some(&[(1, false), (8, true), (11, false), (18, false)][..]));
    // A failure that nothing was foretold of before is none of the outcomes.
    let mut sudden = Outcomes::default();
    let node = Node { dimms: vec![dimm(Vec::new(), &[5 * DAY])] };
    sudden.add(&node, 60 * DAY, &MemorySettings::default());
    assert_eq!((sudden.all.len(), sudden.failures, sudden.dimms), (0, 1, 0));
}

#[test]
fn too_few_failures_are_told_and_nothing_is_fitted() {
    let of = |failed: usize, survived: usize| {
        let one = |failed| Outcome { at: 0, foretold: 0.01, failed };
        let mut all = vec![one(true); failed];
        all.extend(vec![one(false); survived]);
        Outcomes { all, dimms: 1, failures: 0 }.fit()
    };
    assert_eq!(of(19, 500), Err(NoFit::TooFewFailures(19)));
    assert_eq!(of(25, 0), Err(NoFit::NoSurvivors));
    assert!(of(20, 500).is_ok());
    // What was called likelier failed less often: a scorecard that is wrong in kind is not bent right.
    let mut all = Vec::new();
    for (foretold, failing) in [(0.001, 40), (0.1, 4)] {
        all.extend((0..400).map(|n| Outcome { at: 0, foretold, failed: n < failing }));
    }
    let reversed = Outcomes { all, dimms: 1, failures: 44 }.fit();
    assert!(matches!(reversed, Err(NoFit::Reversed(stretch)) if stretch < 0.0), "{reversed:?}");
}

/// Hosts on which faults end in a failure eight times as often as where the scorecard was fitted.
fn fleet(seed: u64) -> Outcomes {
    let nodes = 600;
    let mut settings = FleetSettings { nodes, days: 365, ..FleetSettings::with_seed(seed) };
    settings.escalation.share *= 8.0;
    let fleet = Fleet::new(settings).unwrap();
    let mut outcomes = Outcomes::default();
    for index in 0..nodes {
        outcomes.add(&Node::from(fleet.node(index)), 365 * DAY, &MemorySettings::default());
    }
    outcomes
}

#[test]
fn what_one_fleet_taught_is_closer_to_the_truth_on_another() {
    let fitted = fleet(31).fit().unwrap();
    let calibration = fitted.calibration;
    assert!(fitted.after.log_loss < fitted.before.log_loss, "{fitted:?}");
    let other = fleet(32);
    let scored = |calibrated: bool| {
        Reliability::of(other.all.iter().map(|outcome| {
            let p = outcome.foretold;
            (if calibrated { calibration.correct(p) } else { p }, outcome.failed)
        }))
    };
    let (before, after) = (scored(false), scored(true));
    assert!(after.log_loss < before.log_loss, "{before:?} {after:?}");
    // Failures foretold in all, beside those that came.
    let off = |scored: &Reliability| {
        let foretold: f64 = scored.bins.iter().map(|bin| bin.foretold).sum();
        let came: u32 = scored.bins.iter().map(|bin| u32::try_from(bin.failed).unwrap()).sum();
        (foretold / f64::from(came)).ln().abs()
    };
    assert!(off(&after) < off(&before), "{before:?} {after:?}");
    assert!(off(&after) < 0.5, "{after:?}");
    // And the engine goes by it.
    let card = Scorecard::shipped();
    let evidence = crate::memory::Evidence {
        errors_6h: 32,
        storm: false,
        class: crate::memory::RiskClass::Bank,
        faulty_columns: 0,
        bits: None,
        quiet_days: 0.0,
        closed: false,
        left: 1.0,
    };
    let corrected = calibration.correct(card.p7(&evidence, None));
    assert!((card.p7(&evidence, Some(&calibration)) - corrected).abs() < 1e-12);
}
