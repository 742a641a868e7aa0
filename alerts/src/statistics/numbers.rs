//! From whole numbers to real ones, in one place, and the logistic function.

/// A count as a real number. Above 2^53 the last digits are rounded, which no estimate notices.
#[expect(clippy::cast_precision_loss, reason = "an estimate needs no more than 53 bits of a count")]
pub(crate) fn real(count: u64) -> f64 {
    count as f64
}

/// A difference as a real number.
#[expect(clippy::cast_precision_loss, reason = "an estimate needs no more than 53 bits of it")]
pub(crate) fn real_signed(number: i64) -> f64 {
    number as f64
}

/// The probability that belongs to log-odds.
pub(crate) fn logistic(eta: f64) -> f64 {
    1.0 / (1.0 + (-eta).exp())
}

/// The log-odds that belong to a probability.
pub(crate) fn logit(p: f64) -> f64 {
    (p / (1.0 - p)).ln()
}
