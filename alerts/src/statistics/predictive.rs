//! What a record of few events predicts: a Poisson rate that is known as a gamma distribution.

use super::numbers::real;
use statrs::function::beta::checked_beta_reg;

/// A rate of events per day, as what was seen of it leaves it.
///
/// With shape `a` and exposure `b` the number of events in `t` days is negative binomial, and
/// P(X ≥ x) is the regularized incomplete beta function at t/(b+t) with x and a. What was learned
/// is forgotten by the day; the prior is not, or a long silence would end in no knowledge at all.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GammaPoisson {
    prior_events: f64,
    prior_days: f64,
    events: f64,
    days: f64,
}

impl GammaPoisson {
    /// Knows nothing but the prior: so many events in so many days, both above zero.
    pub fn new(prior_events: f64, prior_days: f64) -> Self {
        Self { prior_events, prior_days, events: 0.0, days: 0.0 }
    }

    /// Lets what was learned fade over `days`, by half in each `half_life`.
    pub fn forget(&mut self, days: f64, half_life: f64) {
        let keep = 0.5_f64.powf((days / half_life).max(0.0));
        self.events *= keep;
        self.days *= keep;
    }

    /// Takes in `events` of `days` that were watched.
    pub fn learn(&mut self, events: u64, days: f64) {
        self.events += real(events);
        self.days += days.max(0.0);
    }

    /// The mean rate, in events per day.
    pub fn rate(&self) -> f64 {
        (self.prior_events + self.events) / (self.prior_days + self.days)
    }

    /// P(at least `events` in `days`).
    pub fn tail(&self, events: u64, days: f64) -> f64 {
        if events == 0 {
            return 1.0;
        }
        if days <= 0.0 {
            return 0.0;
        }
        let (a, b) = (self.prior_events + self.events, self.prior_days + self.days);
        checked_beta_reg(real(events), a, days / (b + days)).map_or(1.0, |p| p.clamp(0.0, 1.0))
    }
}
