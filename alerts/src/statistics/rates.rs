//! Two Poisson rates compared exactly: is the recent one higher?
//!
//! Given that n1 + n0 events fell into T1 + T0, n1 is binomial with T1/(T1+T0) if the rates are
//! equal. This holds for faults and for active windows; corrected errors come in bursts and make a
//! raw count fail the test several times a year without any trend.

use super::numbers::real;
use statrs::function::beta::{checked_beta_reg, inv_beta_reg};
use statrs::function::gamma::ln_gamma;

/// The comparison of two rates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateRatio {
    /// Recent rate over baseline rate; infinite without an event in the baseline, `None` without
    /// any.
    pub ratio: Option<f64>,
    /// Lower end of the confidence interval of the ratio.
    pub low: f64,
    /// Its upper end; infinite without an event in the baseline.
    pub high: f64,
    /// P(so many recent events or more | equal rates).
    pub p: f64,
    /// The same with half of the probability of what was seen: less conservative with few events.
    pub mid_p: f64,
}

/// Compares `recent` events in `recent_time` with `before` events in `before_time`, with a two-sided
/// interval at `confidence` (0.95). `None` if one of the times is not above zero.
pub fn rate_ratio(
    recent: u64,
    recent_time: f64,
    before: u64,
    before_time: f64,
    confidence: f64,
) -> Option<RateRatio> {
    let p = rate_ratio_tail(recent, recent_time, before, before_time)?;
    let (n1, n0) = (real(recent), real(before));
    let share = recent_time / (recent_time + before_time);
    let mid_p = p - 0.5 * binomial(n1, n0, share);
    let tail = ((1.0 - confidence) / 2.0).clamp(0.0, 0.5);
    let odds = |q: f64| before_time / recent_time * q / (1.0 - q);
    let low = if recent == 0 { 0.0 } else { odds(inv_beta_reg(n1, n0 + 1.0, tail)) };
    let high =
        if before == 0 { f64::INFINITY } else { odds(inv_beta_reg(n1 + 1.0, n0, 1.0 - tail)) };
    let ratio = (recent + before > 0).then(|| (n1 / recent_time) / (n0 / before_time));
    Some(RateRatio { ratio, low, high, p, mid_p: mid_p.clamp(0.0, 1.0) })
}

/// The p of [`rate_ratio`] alone, which is most of what is asked and cheap.
pub fn rate_ratio_tail(
    recent: u64,
    recent_time: f64,
    before: u64,
    before_time: f64,
) -> Option<f64> {
    if !(recent_time > 0.0 && before_time > 0.0) {
        return None;
    }
    if recent == 0 {
        return Some(1.0);
    }
    let share = recent_time / (recent_time + before_time);
    checked_beta_reg(real(recent), real(before) + 1.0, share).ok().map(|p| p.clamp(0.0, 1.0))
}

/// P(exactly n1 of n1 + n0), each with probability `share`.
fn binomial(n1: f64, n0: f64, share: f64) -> f64 {
    let ways = ln_gamma(n1 + n0 + 1.0) - ln_gamma(n1 + 1.0) - ln_gamma(n0 + 1.0);
    (ways + n1 * share.ln() + n0 * (1.0 - share).ln()).exp()
}

/// `ln(1 + n1/T1) − ln(1 + n0/T0)`: how much louder the recent days are, on a scale on which a burst
/// in a quiet record is no explosion. `None` if one of the times is not above zero.
pub fn log_ratio(recent: u64, recent_days: f64, before: u64, before_days: f64) -> Option<f64> {
    (recent_days > 0.0 && before_days > 0.0)
        .then(|| (real(recent) / recent_days).ln_1p() - (real(before) / before_days).ln_1p())
}
