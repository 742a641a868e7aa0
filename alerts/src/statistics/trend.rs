//! Whether a series rises, by ranks: no assumption about its distribution, and a burst weighs no
//! more than its rank.
//!
//! A value that is missing is left out; those around it keep their distance in time.

use super::numbers::real_signed;
use statrs::function::erf::erfc;
use std::f64::consts::{LN_2, SQRT_2};

/// The test of Mann and Kendall.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MannKendall {
    /// Values compared.
    pub n: u32,
    /// Pairs that rise less pairs that fall.
    pub s: i64,
    /// Variance of `s` without a trend, with the correction for ties.
    pub variance: f64,
    /// `s` as a standard normal deviate, corrected for continuity; zero if all values are equal.
    pub z: f64,
    /// P(such an `s` or a higher one | no trend).
    pub p_rising: f64,
    /// P(such an `s` or one further from zero | no trend).
    pub p: f64,
}

/// Tests values at equal distances. `None` below three values: there is no test of two.
pub fn mann_kendall(values: &[Option<f64>]) -> Option<MannKendall> {
    let known = || values.iter().flatten();
    let n = u32::try_from(known().count()).ok().filter(|n| *n >= 3)?;
    let mut s = 0_i64;
    let mut in_ties = 0_i64;
    for (index, a) in known().enumerate() {
        let mut equal_after = 0_i64;
        for b in known().skip(index + 1) {
            match b.total_cmp(a) {
                std::cmp::Ordering::Greater => s += 1,
                std::cmp::Ordering::Less => s -= 1,
                std::cmp::Ordering::Equal => equal_after += 1,
            }
        }
        // The last of t equal values has 0 after it, the first t − 1. Summed over the group,
        // f(k+1) − f(k) with f(t) = t(t−1)(2t+5) telescopes to the term of the group.
        in_ties += ties(equal_after + 1) - ties(equal_after);
    }
    let variance = real_signed(ties(i64::from(n)) - in_ties) / 18.0;
    let z = if variance > 0.0 { real_signed(s - s.signum()) / variance.sqrt() } else { 0.0 };
    let p_rising = if variance > 0.0 { 0.5 * erfc(z / SQRT_2) } else { 1.0 };
    let p = if variance > 0.0 { erfc(z.abs() / SQRT_2).min(1.0) } else { 1.0 };
    Some(MannKendall { n, s, variance, z, p_rising, p })
}

/// `t(t−1)(2t+5)`.
fn ties(t: i64) -> i64 {
    t * (t - 1) * (2 * t + 5)
}

/// The slope of Theil and Sen, per step: the median of the slopes of all pairs. `None` below two
/// values.
pub fn theil_sen(values: &[Option<f64>]) -> Option<f64> {
    let known: Vec<(f64, f64)> = (0_u32..)
        .zip(values)
        .filter_map(|(step, value)| value.map(|value| (f64::from(step), value)))
        .collect();
    let mut slopes = Vec::with_capacity(known.len() * known.len() / 2);
    for (index, (i, a)) in known.iter().enumerate() {
        slopes.extend(known.iter().skip(index + 1).map(|(j, b)| (b - a) / (j - i)));
    }
    median(&mut slopes)
}

fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    if values.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = *values.get(middle.checked_sub(1)?)?;
    Some(f64::midpoint(lower, upper))
}

/// Days in which a count doubles whose logarithm rises by `slope` per day. `None` if it does not
/// rise.
pub fn doubling_days(slope: f64) -> Option<f64> {
    (slope > 0.0).then(|| LN_2 / slope)
}
