//! How likely a DIMM is to fail with an uncorrected error.
//!
//! A scorecard gives P(7 days); the hazard falls while the DIMM survives, and falls further when it
//! is quiet. To that comes the hazard of failing without warning, which every DIMM has. The figures
//! are uncertain by a factor of three until at least 20 outcomes of one's own have calibrated them.

use super::mode::RiskClass;
use super::scorecard::{Scorecard, Weights};
use super::windows::Bits;
use super::words::many;
use crate::statistics::{logistic, logit};

/// Days the scorecard looks ahead.
pub const SCORECARD_DAYS: f64 = 7.0;

/// The factor by which P may be off in either direction, uncalibrated.
pub const UNCALIBRATED_SPREAD: f64 = 3.0;

/// Outcomes from which a calibration is used.
pub const LEAST_OUTCOMES: u32 = 20;

const YEAR_DAYS: f64 = 365.0;

/// How far the coefficients are known to hold on a platform.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Validity {
    /// Intel Purley with DDR4: what they were fitted on.
    Fitted,
    /// Another Intel platform with DDR4: the same order was seen there, in 68 failures.
    Similar,
    /// AMD, ARM, DDR5, HBM, anything else or not known: nobody has checked. On-die ECC of DDR5
    /// hides single bits.
    #[default]
    Transferred,
}

impl Validity {
    /// What to say of it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Fitted => "fitted on this kind of platform",
            Self::Similar => "fitted on a similar platform",
            Self::Transferred => "transferred from another platform, not validated on this one",
        }
    }
}

/// What is known of a DIMM that the scorecard asks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evidence {
    /// Errors of the busiest six hours.
    pub errors_6h: u32,
    /// Whether a storm of distinct places fell into them.
    pub storm: bool,
    /// The shape of the fault.
    pub class: RiskClass,
    /// Columns with errors in several rows.
    pub faulty_columns: u32,
    /// What the bits showed; `None` where none were told.
    pub bits: Option<Bits>,
    /// Days since the latest error.
    pub quiet_days: f64,
    /// Whether nothing is open: no error ever, or a single transient cell long ago.
    pub closed: bool,
    /// The share of the hazard that pages out of use leave.
    pub left: f64,
}

/// Own outcomes turned into a correction: `logit p' = c0 + c1 · logit p`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Calibration {
    /// Shift of the log-odds.
    pub shift: f64,
    /// Their stretch.
    pub stretch: f64,
    /// Half of the interval in which the shift lies with 95 %.
    pub shift_error: f64,
    /// The same of the stretch; zero where it could not be learned.
    pub stretch_error: f64,
    /// What was foretold and then came or did not.
    pub outcomes: u32,
    /// Failures among them.
    pub failures: u32,
    /// The factor by which P may still be off, where most of the outcomes were.
    pub spread: f64,
}

/// A risk with what it rests on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Risk {
    /// P(an uncorrected error within 7 days of the evidence), without the hazard of failing
    /// suddenly; `None` where nothing is open.
    pub p7: Option<f64>,
    /// P within the horizon, in all.
    pub p: f64,
    /// Lower end of what it may be.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// The horizon, in days.
    pub days: f64,
    /// P of a new DIMM within the horizon.
    pub p_new: f64,
    /// The factor of the spread.
    pub spread: f64,
    /// Whether the bits of transfers were used.
    pub with_bits: bool,
    /// How far the coefficients hold here.
    pub validity: Validity,
    /// Own outcomes that corrected them, and failures among these.
    pub calibrated: Option<(u32, u32)>,
}

impl Risk {
    /// How far its figures hold, in words.
    pub fn words(&self) -> String {
        match self.calibrated {
            Some((outcomes, failures)) => format!(
                "calibrated on {} of one's own, {} among them",
                many(outcomes.into(), "outcome"),
                many(failures.into(), "failure"),
            ),
            None => self.validity.words().to_owned(),
        }
    }
}

/// `-ln(1 − p)`: the hazard that was lived through.
fn hazard(p: f64) -> f64 {
    -(-p).ln_1p()
}

/// The probability that belongs to a hazard.
fn probability(hazard: f64) -> f64 {
    -(-hazard).exp_m1()
}

impl Scorecard {
    /// The log-odds of failing within 7 days, as fitted.
    pub fn eta(&self, evidence: &Evidence) -> f64 {
        let errors = f64::from(evidence.errors_6h).ln_1p() / std::f64::consts::LN_2;
        let of = |weights: &Weights| {
            let columns =
                if evidence.faulty_columns >= 2 { weights.two_faulty_columns } else { 0.0 };
            weights.intercept
                + weights.log2_errors * errors
                + if evidence.storm { weights.storm } else { 0.0 }
                + weights.of(evidence.class)
                + columns
        };
        let Some(bits) = evidence.bits else { return of(&self.plain) };
        let given = |holds: bool, weight: f64| if holds { weight } else { 0.0 };
        of(&self.with_bits)
            + given(bits.two_or_three_lines, self.bits.two_or_three_lines)
            + given(bits.four_lines, self.bits.four_lines)
            + given(bits.longest_interval == 4, self.bits.interval_four)
            + given(bits.longest_interval >= 1, self.bits.interval)
    }

    /// P(failing within 7 days), as fitted and then calibrated.
    pub fn p7(&self, evidence: &Evidence, calibration: Option<&Calibration>) -> f64 {
        let eta = self.eta(evidence);
        match calibration {
            Some(own) => logistic(own.shift + own.stretch * eta),
            None => logistic(eta),
        }
    }

    /// P within `days`.
    pub fn risk(
        &self,
        evidence: &Evidence,
        days: f64,
        validity: Validity,
        calibration: Option<&Calibration>,
    ) -> Risk {
        let days = days.max(0.0);
        let p7 = (!evidence.closed).then(|| self.p7(evidence, calibration));
        let quiet = (evidence.quiet_days - SCORECARD_DAYS).max(0.0);
        let decay = 0.5_f64.powf(quiet / self.quiet_half_life_days);
        let of_fault = p7.map_or(0.0, hazard)
            * decay
            * evidence.left
            * (days / SCORECARD_DAYS).powf(self.exponent);
        let sudden = self.sudden_per_year * days / YEAR_DAYS;
        let eta = self.eta(evidence);
        let spread = calibration.map_or(UNCALIBRATED_SPREAD, |own| own.spread_at(eta));
        Risk {
            p7,
            p: probability(of_fault + sudden),
            low: probability(of_fault / spread + sudden),
            high: probability(of_fault * spread + sudden),
            days,
            p_new: self.p_new(days),
            spread,
            with_bits: evidence.bits.is_some(),
            validity,
            calibrated: calibration.map(|own| (own.outcomes, own.failures)),
        }
    }

    /// P of a DIMM fresh from the shop: failing suddenly, or with a fault that begins later.
    pub fn p_new(&self, days: f64) -> f64 {
        let per_year = self.sudden_per_year + self.new_faults_per_year * self.fail_of_faulty;
        probability(per_year * days / YEAR_DAYS)
    }
}

impl Calibration {
    /// A 95 % factor on the odds of a DIMM of which these log-odds were foretold: the further they are from
    /// what the outcomes were of, the more the uncertain stretch adds. As little is known there as
    /// without a calibration, at most.
    pub(crate) fn spread_at(&self, foretold: f64) -> f64 {
        let at_centre = self.spread.ln();
        if self.stretch_error <= 0.0 {
            return self.spread;
        }
        // Shift and stretch do not covary at the weighted mean of what was foretold, which follows from
        // the three errors; failures are rare, so that its log-odds are below zero.
        let apart = (self.shift_error.powi(2) - at_centre.powi(2)).max(0.0).sqrt();
        let centre = -apart / self.stretch_error;
        let off_centre = (foretold - centre) * self.stretch_error;
        at_centre.hypot(off_centre).exp().clamp(self.spread, UNCALIBRATED_SPREAD)
    }

    /// What was foretold, corrected.
    pub fn correct(&self, p: f64) -> f64 {
        logistic(self.shift + self.stretch * logit(p))
    }

    /// Fits the correction to what was foretold and what came: pairs of P(7 days) and whether the
    /// DIMM failed within them. `None` below 20 failures, or where the fit does not settle: with
    /// few outcomes a correction would be noise.
    pub fn fit(outcomes: &[(f64, bool)]) -> Option<Self> {
        let failures = u32::try_from(outcomes.iter().filter(|(_, failed)| *failed).count()).ok()?;
        let survivals = outcomes.len() - usize::try_from(failures).ok()?;
        if failures < LEAST_OUTCOMES || survivals == 0 {
            return None;
        }
        let points: Vec<(f64, f64)> = outcomes
            .iter()
            .filter(|(p, _)| *p > 0.0 && *p < 1.0)
            .map(|(p, failed)| (logit(*p), f64::from(u8::from(*failed))))
            .collect();
        let first = points.first()?.0;
        // Where all were foretold alike, only the shift can be learned.
        let is_flat = points.iter().all(|(x, _)| (x - first).abs() < 1e-9);
        let (mut shift, mut stretch) = (0.0, 1.0);
        for _ in 0..50 {
            let sums = Sums::of(&points, shift, stretch);
            let (mut by_shift, mut by_stretch) = sums.step(is_flat)?;
            // Far from where it ends a step may lead away; half of it, or less, does not.
            let before = likelihood(&points, shift, stretch);
            for _ in 0..30 {
                if likelihood(&points, shift + by_shift, stretch + by_stretch) >= before {
                    break;
                }
                (by_shift, by_stretch) = (by_shift / 2.0, by_stretch / 2.0);
            }
            shift += by_shift;
            stretch += by_stretch;
            if by_shift.abs() + by_stretch.abs() < 1e-9 {
                let sums = Sums::of(&points, shift, stretch);
                let (shift_error, stretch_error) = sums.errors(is_flat)?;
                let outcomes = u32::try_from(outcomes.len()).unwrap_or(u32::MAX);
                let spread = sums.spread()?;
                return Some(Self {
                    shift,
                    stretch,
                    shift_error,
                    stretch_error,
                    outcomes,
                    failures,
                    spread,
                });
            }
        }
        None
    }
}

/// How far one step of Newton may lead.
const LONGEST_STEP: f64 = 2.0;

/// Logarithm of the likelihood of what came.
fn likelihood(points: &[(f64, f64)], shift: f64, stretch: f64) -> f64 {
    let of = |(x, y): &(f64, f64)| {
        let odds = shift + stretch * x;
        // ln(1 + exp(odds)), without an overflow.
        y * odds - (odds.max(0.0) + (-odds.abs()).exp().ln_1p())
    };
    points.iter().map(of).sum()
}

/// Standard deviations on either side within which 95 % lie.
const WITH_95: f64 = 1.96;

/// Gradient and curvature of the likelihood.
#[derive(Debug, Default)]
struct Sums {
    gradient: (f64, f64),
    xx: f64,
    x: f64,
    one: f64,
}

impl Sums {
    fn of(points: &[(f64, f64)], shift: f64, stretch: f64) -> Self {
        let mut sums = Self::default();
        for (x, y) in points {
            let p = logistic(shift + stretch * x);
            let weight = p * (1.0 - p);
            sums.gradient.0 += y - p;
            sums.gradient.1 += (y - p) * x;
            sums.one += weight;
            sums.x += weight * x;
            sums.xx += weight * x * x;
        }
        sums
    }

    /// The step of Newton, held short so that it cannot run away.
    fn step(&self, is_flat: bool) -> Option<(f64, f64)> {
        if is_flat {
            let step = self.gradient.0 / self.one;
            return (self.one > 0.0).then(|| (step.clamp(-LONGEST_STEP, LONGEST_STEP), 0.0));
        }
        let determinant = self.one * self.xx - self.x * self.x;
        if determinant.abs() < 1e-12 {
            return None;
        }
        let (g0, g1) = self.gradient;
        let shift = (self.xx * g0 - self.x * g1) / determinant;
        let stretch = (self.one * g1 - self.x * g0) / determinant;
        // Both shortened alike: another direction might not lead upwards.
        let longest = shift.abs().max(stretch.abs());
        let share = if longest > LONGEST_STEP { LONGEST_STEP / longest } else { 1.0 };
        Some((shift * share, stretch * share))
    }

    /// Halves of the intervals of shift and stretch, by the curvature.
    fn errors(&self, is_flat: bool) -> Option<(f64, f64)> {
        if is_flat {
            return Some((WITH_95 / self.one.sqrt(), 0.0));
        }
        let determinant = self.one * self.xx - self.x * self.x;
        let half = |over: f64| WITH_95 * (over / determinant).sqrt();
        let errors = (half(self.xx), half(self.one));
        (errors.0.is_finite() && errors.1.is_finite()).then_some(errors)
    }

    /// A 95 % factor on the odds, at the weighted mean of what was foretold: there shift and
    /// stretch do not covary.
    fn spread(&self) -> Option<f64> {
        let deviation = (1.0 / self.one).sqrt();
        deviation.is_finite().then(|| (WITH_95 * deviation).exp().clamp(1.0, UNCALIBRATED_SPREAD))
    }
}
