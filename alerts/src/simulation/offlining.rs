//! What taking pages out of use does to a fault: fewer errors, and a smaller hazard, if the fault
//! is small enough for it.

use super::activity::windows;
use super::fault::Fault;
use super::mode::Mode;
use super::random::{Draws, floor, real};
use super::settings::{FleetSettings, Offlining, WINDOW};

/// Stream of a fault for whether its pages can be taken.
const ATTEMPT: u64 = 4;

/// Takes the pages of a permanent fault out of use once it has shown enough. `scale` is that of its
/// Weibull distribution.
pub(super) fn apply(settings: &FleetSettings, how: &Offlining, scale: f64, fault: &mut Fault) {
    let remains = match fault.mode {
        Mode::Cell => how.cell,
        Mode::Row => how.row,
        // Thousands of pages, or the fault is not in the DRAM.
        Mode::Column | Mode::Bank | Mode::MultiBank | Mode::MultiRank | Mode::Channel => return,
    };
    if Draws::new(fault.seed).of(ATTEMPT).chance(how.fails) {
        return;
    }
    let enough = windows(settings, fault).into_iter().find(|window| window.errors >= how.errors);
    let Some(enough) = enough else { return };
    let at = (enough.window + 1) * WINDOW;
    if fault.fails.first().is_some_and(|fails| *fails <= at) {
        return;
    }
    fault.offlined = Some(at);
    let Some(would_fail) = fault.fails.pop() else { return };
    let fails = put_off(
        at - fault.onset,
        would_fail - fault.onset,
        remains,
        |t| (t / scale).powf(settings.escalation.shape),
        |hazard| scale * hazard.powf(1.0 / settings.escalation.shape),
    );
    if fails < real(settings.end() - fault.onset) {
        fault.fail_at(fault.onset + floor(fails));
    }
}

/// When a failure comes whose hazard falls to a share of itself: the hazard that is used up until
/// then stays the same.
fn put_off(
    since: i64,
    would: i64,
    remains: f64,
    hazard: impl Fn(f64) -> f64,
    time: impl Fn(f64) -> f64,
) -> f64 {
    let before = hazard(real(since));
    time(before + (hazard(real(would)) - before) / remains)
}

#[cfg(test)]
mod tests {
    use super::put_off;

    #[test]
    fn a_tenth_of_a_constant_hazard_lasts_ten_times_as_long() {
        let fails = put_off(100, 150, 0.1, |t| t / 7.0, |hazard| hazard * 7.0);
        assert!((fails - 600.0).abs() < 1e-6, "{fails}");
        // Of a falling one even longer.
        let falling = put_off(100, 150, 0.1, f64::sqrt, |hazard| hazard * hazard);
        assert!(falling > 600.0, "{falling}");
        assert!((put_off(100, 150, 1.0, f64::sqrt, |h| h * h) - 150.0).abs() < 1e-6);
    }
}
