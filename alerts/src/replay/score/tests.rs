//! Scores of hand-made alarms.

use super::*;
use crate::memory::{Cell, CountsFrom, Hit, Topology};

const DAY: Seconds = 86_400;
const MINUTE: Seconds = 60;
const FAILED: Seconds = 100 * DAY;

fn hit(at: Seconds) -> Observation {
    let cell = Cell::default();
    Observation::Reported(Hit { at, errors: 1, cell, page: None, parity: None, by_scrub: None })
}

/// A DIMM with errors at these times that failed on day 100.
fn failing(errors: &[Seconds]) -> Dimm {
    Dimm {
        place: Topology::default(),
        counts: CountsFrom::Reports,
        observations: errors.iter().copied().map(hit).collect(),
        failures: vec![Failure { at: FAILED, sudden: None }],
    }
}

fn score(alarms: &[Seconds]) -> Tally {
    of_dimm(&Metric::DIMM, &failing(&[FAILED - DAY]), alarms)
}

#[test]
fn an_alarm_in_time_is_a_catch() {
    let tally = score(&[FAILED - 3 * DAY]);
    assert_eq!((tally.caught, tally.alarmed, tally.good, tally.mitigations), (1, 1, 1, 1));
    assert_eq!(tally.leads, [3 * DAY]);
    assert_eq!((tally.precision(), tally.recall(), tally.f1()), (Some(1.0), Some(1.0), Some(1.0)));
    assert_eq!(tally.saving(&Ratio::of(50.0)), Some(0.98));
}

#[test]
fn an_alarm_too_late_is_a_miss_and_paid_for() {
    for late in [15 * MINUTE, 14 * MINUTE, 1] {
        let tally = score(&[FAILED - late]);
        assert_eq!((tally.caught, tally.alarmed, tally.mitigations), (0, 1, 1), "{late} s");
        assert_eq!(tally.saving(&Ratio::of(10.0)), Some(-0.1));
        assert_eq!(
            (tally.precision(), tally.recall(), tally.f1()),
            (Some(0.0), Some(0.0), Some(0.0))
        );
    }
    assert_eq!(score(&[FAILED - 15 * MINUTE - 1]).caught, 1);
}

#[test]
fn an_alarm_too_early_is_a_miss_and_paid_for() {
    assert_eq!(score(&[FAILED - 7 * DAY]).caught, 1);
    let tally = score(&[FAILED - 7 * DAY - 1]);
    assert_eq!((tally.caught, tally.alarmed), (0, 1));
    // Who counts any time in the life of the DIMM counts it.
    let any = Metric { window: None, ..Metric::DIMM };
    assert_eq!(of_dimm(&any, &failing(&[]), &[DAY]).caught, 1);
}

#[test]
fn repeated_alarms_of_a_dimm_are_one_mitigation() {
    let tally = score(&[DAY, 50 * DAY, FAILED - 6 * DAY, FAILED - DAY, FAILED - MINUTE]);
    assert_eq!((tally.alarms, tally.alarmed, tally.mitigations, tally.caught), (5, 1, 1, 1));
    // The first one in time tells how much time there was.
    assert_eq!(tally.leads, [6 * DAY]);
}

#[test]
fn an_alarm_at_or_after_the_failure_is_about_nothing_that_can_be_prevented() {
    let mut dimm = failing(&[]);
    dimm.observations.push(Observation::Replaced { at: FAILED + 2 * DAY });
    let tally = of_dimm(&Metric::DIMM, &dimm, &[FAILED, FAILED + DAY]);
    assert_eq!((tally.alarms, tally.alarmed, tally.caught, tally.failures), (0, 0, 0, 1));
}

#[test]
fn another_dimm_in_the_slot_is_another_one() {
    let mut dimm = failing(&[]);
    dimm.observations.push(Observation::Replaced { at: FAILED + 2 * DAY });
    dimm.failures.push(Failure { at: FAILED + 30 * DAY, sudden: None });
    let tally = of_dimm(&Metric::DIMM, &dimm, &[FAILED - DAY, FAILED + 29 * DAY]);
    assert_eq!((tally.dimms, tally.alarmed, tally.caught, tally.failures), (2, 2, 2, 2));
    // An alarm on the old one is none on the new one, however close.
    dimm.failures[1].at = FAILED + 3 * DAY;
    let tally = of_dimm(&Metric::DIMM, &dimm, &[FAILED - DAY]);
    assert_eq!((tally.alarmed, tally.caught, tally.failures), (1, 1, 2));
}

#[test]
fn one_that_fails_twice_and_is_kept_has_two_failures() {
    let mut dimm = failing(&[]);
    dimm.failures.push(Failure { at: FAILED + 30 * DAY, sudden: None });
    let tally = of_dimm(&Metric::DIMM, &dimm, &[FAILED - DAY, FAILED + 29 * DAY]);
    assert_eq!((tally.dimms, tally.caught, tally.failures), (1, 2, 2));
}

#[test]
fn a_failure_is_sudden_where_no_error_was_seen_or_the_truth_says_so() {
    let sudden = |dimm: &Dimm| of_dimm(&Metric::DIMM, dimm, &[]).sudden;
    assert_eq!(sudden(&failing(&[])), 1);
    assert_eq!(sudden(&failing(&[DAY])), 0);
    let mut dimm = failing(&[DAY]);
    dimm.failures[0].sudden = Some(true);
    assert_eq!(sudden(&dimm), 1);
}

#[test]
fn what_no_policy_can_catch_is_told_apart() {
    let announced = |errors: &[Seconds]| of_dimm(&Metric::DIMM, &failing(errors), &[]).announced;
    assert_eq!(announced(&[FAILED - DAY]), 1);
    assert_eq!(announced(&[FAILED - 8 * DAY, FAILED - MINUTE]), 0);
}

#[test]
fn a_node_pays_for_each_moment_of_an_alarm() {
    let failures = [Failure { at: FAILED, sudden: None }];
    let alarms = [DAY, DAY, FAILED - DAY, FAILED - 121, FAILED - 120];
    let tally = of_node(&Metric::NODE, &alarms, &failures);
    assert_eq!((tally.mitigations, tally.caught), (4, 1));
    assert_eq!(tally.leads, [DAY]);
    assert_eq!(of_node(&Metric::NODE, &[FAILED - 120], &failures).caught, 0);
    assert_eq!(of_node(&Metric::NODE, &[FAILED - DAY - 1], &failures).caught, 0);
}

#[test]
fn an_alarm_on_one_dimm_saves_the_node_from_another() {
    let dimms = [failing(&[]), Dimm { failures: Vec::new(), ..failing(&[]) }];
    let alarms = [Vec::new(), vec![FAILED - 3_600, FAILED - 1_800]];
    let node = of_alarms(&Metric::NODE, &dimms, &alarms);
    assert_eq!((node.caught, node.mitigations, node.alarmed), (1, 2, 1));
    let dimm = of_alarms(&Metric::DIMM, &dimms, &alarms);
    assert_eq!((dimm.caught, dimm.mitigations, dimm.alarmed), (0, 1, 1));
}

#[test]
fn those_that_know_bound_those_that_guess() {
    let mut fleet = Tally { dimms: 97, ..Tally::default() };
    for errors in [&[FAILED - DAY][..], &[]] {
        fleet.add(of_dimm(&Metric::DIMM, &failing(errors), &[]));
    }
    fleet.dimms += 1;
    let at = Ratio::of(10.0);
    assert_eq!(fleet.saving(&at), Some(0.0));
    assert_eq!(fleet.oracle().saving(&at), Some(0.9));
    assert_eq!(fleet.oracle_of_announced().saving(&at), Some(0.45));
    assert_eq!(fleet.always().saving(&at), Some(-4.0));
    assert_eq!(fleet.always().recall(), Some(1.0));
}

#[test]
fn where_nothing_failed_there_is_nothing_to_save() {
    let tally = of_dimm(&Metric::DIMM, &Dimm { failures: Vec::new(), ..failing(&[]) }, &[DAY]);
    assert_eq!((tally.saving(&Ratio::of(10.0)), tally.recall(), tally.f1()), (None, None, None));
    assert_eq!(tally.precision(), Some(0.0));
}

#[test]
fn lead_times_are_those_that_so_many_had() {
    let tally = Tally { leads: (1..=21).rev().collect(), ..Tally::default() };
    assert_eq!((tally.lead(Quantile::Median), tally.lead(Quantile::Tenth)), (Some(11), Some(3)));
    assert_eq!(Tally::default().lead(Quantile::Median), None);
}
