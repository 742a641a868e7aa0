//! What a swap costs and when it pays, by the worked examples.

use super::*;

fn costs(service_hour: f64) -> Costs {
    Costs { service_hour, ..Costs::default() }
}

fn risk(p: f64) -> Risk {
    Risk {
        p7: Some(p),
        p,
        low: p / 3.0,
        high: p * 3.0,
        days: 270.0,
        p_new: 0.0,
        spread: 3.0,
        with_bits: false,
        validity: Validity::Fitted,
        calibrated: None,
    }
}

#[test]
fn the_worked_costs_come_out() {
    let cheap = costs(100.0);
    assert!((cheap.failure() - 1_070.0).abs() < 1e-9);
    assert!((cheap.at_window() / cheap.failure() - 0.22).abs() < 0.0005);
    let dear = costs(5_000.0);
    assert!((dear.failure() - 38_310.0).abs() < 1e-9);
    assert!((dear.at_window() / dear.failure() - 0.011).abs() < 0.0005);
    assert!((dear.now() / dear.failure() - 0.076).abs() < 0.0005);
    let migrated = Costs { planned_hours: 0.0, ..costs(50_000.0) };
    assert!(migrated.now() / migrated.failure() < 0.01);
    assert_eq!(migrated.now(), migrated.at_window());
}

#[test]
fn now_at_the_window_or_never() {
    let dear = costs(5_000.0);
    let choose =
        |p: f64, p_wait: Option<f64>| dear.decide(&risk(p), p_wait.map(|_| 3.0), p_wait).choice;
    assert_eq!(choose(0.0109, Some(0.0)), Choice::Never);
    assert_eq!(choose(0.0111, Some(0.0)), Choice::AtWindow);
    // Waiting loses P · (38,310 − 422); going at once costs 2,500 more.
    assert_eq!(choose(0.5, Some(0.0659)), Choice::AtWindow);
    assert_eq!(choose(0.5, Some(0.0661)), Choice::Now);
    // Without a window only a swap at once is there, at its own price.
    assert_eq!(choose(0.075, None), Choice::Never);
    assert_eq!(choose(0.077, None), Choice::Now);
}

#[test]
fn what_a_new_dimm_brings_is_not_saved() {
    let dear = costs(5_000.0);
    let break_even = dear.at_window() / dear.failure();
    let same = Risk { p_new: 0.01, ..risk(break_even + 0.0099) };
    assert_eq!(dear.decide(&same, Some(3.0), Some(0.0)).choice, Choice::Never);
    let more = Risk { p_new: 0.01, ..risk(break_even + 0.0101) };
    assert_eq!(dear.decide(&more, Some(3.0), Some(0.0)).choice, Choice::AtWindow);
}

#[test]
fn a_swap_that_costs_more_than_a_failure_never_pays() {
    let absurd = Costs { planned_work: 5_000.0, ..costs(100.0) };
    assert_eq!(absurd.decide(&risk(1.0), Some(1.0), Some(1.0)).choice, Choice::Never);
    assert!(absurd.decide(&risk(1.0), Some(1.0), Some(1.0)).now_above.unwrap().is_infinite());
}

#[test]
fn costs_are_numbers_from_zero_on() {
    assert!(Costs::default().are_usable());
    assert!(!costs(f64::NAN).are_usable());
    assert!(!costs(-1.0).are_usable());
    assert!(!Costs { reboot_fails: 1.5, ..Costs::default() }.are_usable());
    let free = Costs { unplanned_work: 0.0, service_hour: 0.0, ..Costs::default() };
    assert!(!free.are_usable(), "a failure that costs nothing has no break-even");
}
