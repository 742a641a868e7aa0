//! Tests and estimates for counts of rare events, each with the formula it follows.
//!
//! Errors of memory come in bursts, so a raw count is never put into a test that takes events for
//! independent. What goes in is stated at each caller: faults, active windows, or logarithms of
//! daily counts. Every rate has its exposure beside it.

mod bucket;
mod multiplicity;
mod numbers;
mod predictive;
mod rates;
mod trend;

pub use bucket::LeakyBucket;
pub use multiplicity::{benjamini_hochberg, surviving};
pub use predictive::GammaPoisson;
pub use rates::{RateRatio, log_ratio, rate_ratio, rate_ratio_tail};
pub use trend::{MannKendall, doubling_days, mann_kendall, theil_sen};

pub(crate) use numbers::{logistic, logit, real, real_signed};

#[cfg(test)]
mod tests;
