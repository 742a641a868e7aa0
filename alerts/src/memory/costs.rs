//! What a failure, a swap and an hour of service cost, and what follows from it.
//!
//! A swap is worth it at all if the probability it takes away times the cost of a failure exceeds
//! the cost of the swap in a window; it is worth doing at once if the probability of failing before
//! the window, times what is lost then, exceeds what it costs to go without the window.

use super::risk::Risk;

/// Costs, in money or in hours of service: all in one unit. The defaults are small on purpose; who
/// has a dear service says so.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Costs {
    /// An hour of service of this node. Default 100, assumed.
    pub service_hour: f64,
    /// Hours of an outage that was not planned. Default 7.6: the mean after memory failures at Los
    /// Alamos; half took below 1.45 h.
    pub unplanned_hours: f64,
    /// Hours of a planned swap outside a window. Default 0.5, assumed; 0 if the node can be drained.
    pub planned_hours: f64,
    /// Labour and parts of an unplanned repair. Default 310, assumed.
    pub unplanned_work: f64,
    /// Labour and parts of a planned swap. Default 230: a DIMM at 150 and an hour at 80, assumed.
    pub planned_work: f64,
    /// Loss of data or other harm of a failure. Default 0: only the user knows.
    pub incident: f64,
    /// P(the node does not come back from a planned reboot). Default 0.5 %, assumed.
    pub reboot_fails: f64,
}

impl Default for Costs {
    fn default() -> Self {
        Self {
            service_hour: 100.0,
            unplanned_hours: 7.6,
            planned_hours: 0.5,
            unplanned_work: 310.0,
            planned_work: 230.0,
            incident: 0.0,
            reboot_fails: 0.005,
        }
    }
}

/// When to swap, if at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Choice {
    /// Not for the money.
    Never,
    /// At the next window.
    AtWindow,
    /// At once.
    Now,
}

/// A choice with its numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decision {
    /// What pays.
    pub choice: Choice,
    /// Cost of a failure.
    pub failure: f64,
    /// Cost of a swap at once.
    pub now: f64,
    /// Cost of a swap in a window.
    pub at_window: f64,
    /// P above which a swap in the window, or without one at once, pays at all.
    pub break_even: f64,
    /// Days until the window; `None` if there is none.
    pub wait_days: Option<f64>,
    /// P(failing before the window); `None` without a window.
    pub p_wait: Option<f64>,
    /// P(failing before the window) above which waiting does not pay; `None` without a window.
    pub now_above: Option<f64>,
}

impl Costs {
    /// An unplanned outage by a failing DIMM.
    pub fn failure(&self) -> f64 {
        self.service_hour * self.unplanned_hours + self.unplanned_work + self.incident
    }

    /// A swap in a window: its downtime is paid already.
    pub fn at_window(&self) -> f64 {
        self.planned_work + self.reboot_fails * self.failure()
    }

    /// A swap at once.
    pub fn now(&self) -> f64 {
        self.service_hour * self.planned_hours + self.at_window()
    }

    /// Whether all of them are numbers from zero on and the probability is one.
    pub fn are_usable(&self) -> bool {
        let amounts = [
            self.service_hour,
            self.unplanned_hours,
            self.planned_hours,
            self.unplanned_work,
            self.planned_work,
            self.incident,
        ];
        amounts.iter().all(|amount| amount.is_finite() && *amount >= 0.0)
            && (0.0..=1.0).contains(&self.reboot_fails)
            && self.failure() > 0.0
    }

    /// What pays. `p_wait` is the probability of failing before the window, if there is one.
    pub fn decide(&self, risk: &Risk, wait_days: Option<f64>, p_wait: Option<f64>) -> Decision {
        let (failure, now, at_window) = (self.failure(), self.now(), self.at_window());
        let least = if wait_days.is_some() { at_window } else { now };
        let now_above = wait_days.map(|_| {
            let lost = failure - at_window;
            if lost > 0.0 { (now - at_window) / lost } else { f64::INFINITY }
        });
        let is_worth_it = (risk.p - risk.p_new) * failure > least;
        let choice = match (is_worth_it, p_wait, now_above) {
            (false, ..) => Choice::Never,
            (true, Some(p), Some(above)) if p <= above => Choice::AtWindow,
            (true, ..) => Choice::Now,
        };
        Decision {
            choice,
            failure,
            now,
            at_window,
            break_even: least / failure,
            wait_days,
            p_wait,
            now_above,
        }
    }
}
