//! When a reboot pays, other than for an open fault: patches that wait for it, and software that
//! ages. The hazard of DRAM is not among what grows with uptime.

/// Days of a year.
const YEAR_DAYS: f64 = 365.25;

/// Failures below which the shape of a life is not estimated.
pub const LEAST_FAILURES: usize = 5;

/// What makes a host owe a reboot for its patches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PatchDebt {
    /// Fixes per year that need a reboot, without live patches. Default 24, assumed.
    pub fixes_per_year: f64,
    /// The share of them that live patches cover. Default 0.
    pub covered: f64,
    /// Losses per year and fix that is missing. Default 0.001, assumed.
    pub losses_per_fix_year: f64,
    /// Cost of such a loss. Default 50,000, assumed.
    pub loss: f64,
    /// Cost of a planned reboot. Default 280, assumed.
    pub reboot: f64,
}

impl Default for PatchDebt {
    fn default() -> Self {
        Self {
            fixes_per_year: 24.0,
            covered: 0.0,
            losses_per_fix_year: 1e-3,
            loss: 50_000.0,
            reboot: 280.0,
        }
    }
}

impl PatchDebt {
    /// Cost per year for each missing fix and year of uptime.
    fn growth(&self) -> f64 {
        self.loss * self.fixes_per_year * (1.0 - self.covered) * self.losses_per_fix_year
    }

    /// Days of uptime after which a reboot is cheapest in the long run: missing fixes add up, so the
    /// hazard grows linearly, and the cost per year C/T + L·ν·q·T/2 is least at √(2C/(L·ν·q)).
    /// `None` where nothing adds up.
    pub fn interval_days(&self) -> Option<f64> {
        let growth = self.growth();
        let years = (2.0 * self.reboot / growth).sqrt();
        (growth > 0.0 && years.is_finite() && years > 0.0).then_some(years * YEAR_DAYS)
    }

    /// Cost per year of rebooting at that interval.
    pub fn cost_per_year(&self) -> f64 {
        (2.0 * self.reboot * self.growth()).max(0.0).sqrt()
    }
}

/// Ageing of software as a chain of states (Huang 1995): robust, likely to fail, failed, rejuvenated.
/// Rates per hour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ageing {
    /// From robust to likely to fail.
    pub ages: f64,
    /// From likely to fail to failed.
    pub fails: f64,
    /// From failed to robust.
    pub repaired: f64,
    /// From rejuvenation to robust.
    pub rejuvenated: f64,
}

impl Ageing {
    /// How many times an hour of failure must cost as much as an hour of rejuvenation for the latter
    /// to pay. It then pays at once: the cost is monotone in how often it is done.
    pub fn threshold(&self) -> f64 {
        let Self { ages, fails, repaired, rejuvenated } = *self;
        let of_rejuvenation = (fails + ages + ages * fails / repaired) / rejuvenated;
        let of_failure = fails / repaired * (1.0 + ages / rejuvenated);
        of_rejuvenation / of_failure
    }
}

/// A life by Weibull.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weibull {
    /// Above one if what is older fails more readily.
    pub shape: f64,
    /// The age by which 63 % have failed, in the unit of the lives.
    pub scale: f64,
}

impl Weibull {
    /// Fitted to lives, each with whether it ended in a failure; what still runs or was stopped
    /// counts for its length. `None`, which is to be printed as "not estimable", below five failures.
    pub fn fit(lives: &[(f64, bool)]) -> Option<Self> {
        let lives: Vec<(f64, bool)> =
            lives.iter().copied().filter(|(life, _)| life.is_finite() && *life > 0.0).collect();
        let failed = lives.iter().filter(|(_, failed)| *failed).count();
        if failed < LEAST_FAILURES {
            return None;
        }
        let count = crate::statistics::real(failed as u64);
        let longest = lives.iter().map(|(life, _)| *life).fold(0.0, f64::max);
        // Scaled by the longest, so that powers stay within what a number can hold.
        let logs: Vec<(f64, bool)> =
            lives.iter().map(|(life, failed)| ((life / longest).ln(), *failed)).collect();
        let mean =
            logs.iter().filter(|(_, failed)| *failed).map(|(log, _)| log).sum::<f64>() / count;
        // The derivative of the likelihood by the shape; it rises throughout.
        let slope = |shape: f64| {
            let (mut sum, mut weighted) = (0.0, 0.0);
            for (log, _) in &logs {
                let power = (shape * log).exp();
                sum += power;
                weighted += power * log;
            }
            weighted / sum - 1.0 / shape - mean
        };
        let (mut low, mut high) = (0.01, 100.0);
        if slope(low) > 0.0 || slope(high) < 0.0 {
            return None;
        }
        for _ in 0..100 {
            let middle = f64::midpoint(low, high);
            if slope(middle) > 0.0 { high = middle } else { low = middle }
        }
        let shape = f64::midpoint(low, high);
        let sum: f64 = logs.iter().map(|(log, _)| (shape * log).exp()).sum();
        Some(Self { shape, scale: longest * (sum / count).powf(1.0 / shape) })
    }

    /// The age at which replacing or rebooting is cheapest if a failure costs `failure` and doing it
    /// in time `planned`. `None`: never for age alone.
    pub fn replace_at(&self, planned: f64, failure: f64) -> Option<f64> {
        if self.shape <= 1.0 || planned <= 0.0 || failure <= planned {
            return None;
        }
        // (1 − R) + h·∫R = C_f/(C_f − C_p) has one solution where the hazard h rises.
        let wanted = failure / (failure - planned);
        let reached = |age: f64| {
            let (integral, survival) = self.integral(age);
            let hazard = self.shape / self.scale * (age / self.scale).powf(self.shape - 1.0);
            survival + hazard * integral >= wanted
        };
        let (mut low, mut high) = (0.0, self.scale);
        for _ in 0..60 {
            if reached(high) {
                break;
            }
            low = high;
            high *= 2.0;
        }
        for _ in 0..60 {
            let middle = f64::midpoint(low, high);
            if reached(middle) { high = middle } else { low = middle }
        }
        Some(high)
    }

    /// The same where a failure is mended without making anything younger: η·(C_p/(C_f(k−1)))^(1/k).
    pub fn renew_at(&self, planned: f64, repair: f64) -> Option<f64> {
        (self.shape > 1.0 && planned > 0.0 && repair > 0.0)
            .then(|| self.scale * (planned / (repair * (self.shape - 1.0))).powf(1.0 / self.shape))
    }

    /// ∫R from zero to `age`, by Simpson's rule, and R there.
    fn integral(&self, age: f64) -> (f64, f64) {
        const STEPS: u32 = 200;
        let survival = |t: f64| (-(t / self.scale).powf(self.shape)).exp();
        let step = age / f64::from(STEPS);
        let inner: f64 = (1..STEPS)
            .map(|i| survival(step * f64::from(i)) * if i % 2 == 1 { 4.0 } else { 2.0 })
            .sum();
        ((1.0 + inner + survival(age)) * step / 3.0, survival(age))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patch_debt_asks_for_a_reboot_after_249_days() {
        let days = PatchDebt::default().interval_days().unwrap();
        assert_eq!(days.floor(), 249.0, "{days}");
        let covered = PatchDebt { covered: 0.9, ..PatchDebt::default() };
        let years = covered.interval_days().unwrap() / YEAR_DAYS;
        assert!((years - 2.16).abs() < 0.01, "{years}");
        let all = PatchDebt { covered: 1.0, ..PatchDebt::default() };
        assert_eq!(all.interval_days(), None);
        // C/T + L·ν·q·T/2 at that interval.
        let debt = PatchDebt::default();
        let years = days / YEAR_DAYS;
        let cost = 280.0 / years + 50_000.0 * 24.0 * 1e-3 * years / 2.0;
        assert!((debt.cost_per_year() - cost).abs() < 1e-6);
    }

    #[test]
    fn rejuvenation_pays_above_6_66() {
        let ageing =
            Ageing { ages: 1.0 / 240.0, fails: 1.0 / 2160.0, repaired: 2.0, rejuvenated: 3.0 };
        assert_eq!(format!("{:.2}", ageing.threshold()), "6.66");
        // The whole chain, solved: above the threshold more rejuvenation is cheaper, below dearer.
        let cost = |rate: f64, of_failure: f64| {
            let robust = 1.0
                / (1.0
                    + ageing.ages / (ageing.fails + rate)
                        * (1.0 + ageing.fails / ageing.repaired + rate / ageing.rejuvenated));
            let likely = robust * ageing.ages / (ageing.fails + rate);
            of_failure * likely * ageing.fails / ageing.repaired
                + likely * rate / ageing.rejuvenated
        };
        for (of_failure, pays) in [(6.65, false), (6.67, true)] {
            assert_eq!(cost(1.0, of_failure) < cost(0.0, of_failure), pays, "{of_failure}");
        }
    }

    #[test]
    fn a_life_is_not_estimable_below_five_failures() {
        let mut lives = vec![(10.0, true); 4];
        lives.extend([(50.0, false); 100]);
        assert_eq!(Weibull::fit(&lives), None);
        assert_eq!(Weibull::fit(&[]), None);
    }

    #[test]
    fn a_life_is_found_again_from_its_quantiles() {
        for shape in [0.7, 1.0, 2.5] {
            let lives: Vec<(f64, bool)> = (1..1000)
                .map(|i| {
                    let p = f64::from(i) / 1000.0;
                    (300.0 * (-(1.0 - p).ln()).powf(1.0 / shape), true)
                })
                .collect();
            let fit = Weibull::fit(&lives).unwrap();
            assert!((fit.shape / shape - 1.0).abs() < 0.02, "{fit:?}");
            assert!((fit.scale / 300.0 - 1.0).abs() < 0.02, "{fit:?}");
            // Stopping all of them at their median changes what is known, not what is true.
            let median = 300.0 * std::f64::consts::LN_2.powf(1.0 / shape);
            let stopped: Vec<(f64, bool)> =
                lives.iter().map(|(t, _)| (t.min(median), *t <= median)).collect();
            let fit = Weibull::fit(&stopped).unwrap();
            assert!((fit.shape / shape - 1.0).abs() < 0.05, "{fit:?}");
        }
    }

    #[test]
    fn what_does_not_age_is_never_rebooted_for_its_age() {
        assert_eq!(Weibull { shape: 1.0, scale: 100.0 }.replace_at(1.0, 10.0), None);
        assert_eq!(Weibull { shape: 0.5, scale: 100.0 }.replace_at(1.0, 10.0), None);
        assert_eq!(Weibull { shape: 0.5, scale: 100.0 }.renew_at(1.0, 10.0), None);
    }

    #[test]
    fn the_age_of_replacement_is_where_the_cost_is_least() {
        let life = Weibull { shape: 2.0, scale: 100.0 };
        let best = life.replace_at(1.0, 10.0).unwrap();
        let cost = |age: f64| {
            let (integral, survival) = life.integral(age);
            (survival + 10.0 * (1.0 - survival)) / integral
        };
        assert!(cost(best) < cost(best * 0.97) && cost(best) < cost(best * 1.03), "{best}");
        assert_eq!(life.renew_at(1.0, 4.0), Some(50.0));
    }
}
