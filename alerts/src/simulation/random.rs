//! Numbers drawn from a seed, and the few conversions between whole and real numbers.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use rand_distr::{Distribution, StandardNormal};

/// Draws of one unit (a node, a DIMM, a fault). What another unit draws does not change them, so
/// that results depend on neither the order nor the thread in which units are made.
#[derive(Debug, Clone)]
pub(super) struct Draws(ChaCha8Rng);

impl Draws {
    /// Those of a seed; units get theirs by [`Draws::of`].
    pub(super) fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// Those of one unit of the same seed.
    pub(super) fn of(&self, stream: u64) -> Self {
        let mut generator = self.0.clone();
        generator.set_stream(stream);
        Self(generator)
    }

    /// A seed for draws of a part, taken from those of the whole.
    pub(super) fn seed(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Evenly from 0 (included) to 1 (excluded), in steps of 2⁻⁵².
    pub(super) fn unit(&mut self) -> f64 {
        let bits = self.0.next_u64();
        // The exponent of numbers from 1 to 2, and 52 bits behind the point.
        f64::from_bits((bits >> 12) | (1023 << 52)) - 1.0
    }

    /// Evenly from one number to another.
    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// A whole number below `bound`, which is at least one.
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        let product = u64::from(self.0.next_u32()) * u64::from(bound.max(1));
        u32::try_from(product >> 32).unwrap_or(0)
    }

    /// Whether something of this probability happens.
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Normally distributed, mean 0 and deviation 1.
    pub(super) fn normal(&mut self) -> f64 {
        StandardNormal.sample(&mut self.0)
    }

    /// Exponentially distributed, mean 1.
    pub(super) fn exponential(&mut self) -> f64 {
        -(1.0 - self.unit()).ln()
    }

    /// Its logarithm is normally distributed.
    pub(super) fn log_normal(&mut self, mean: f64, deviation: f64) -> f64 {
        (mean + deviation * self.normal()).exp()
    }

    /// Its logarithm is evenly distributed from that of one number to that of another.
    pub(super) fn log_even(&mut self, low: f64, high: f64) -> f64 {
        self.between(low.ln(), high.ln()).exp()
    }

    /// A sample of a distribution.
    pub(super) fn sample(&mut self, distribution: &impl Distribution<f64>) -> f64 {
        distribution.sample(&mut self.0)
    }

    /// Which of several, each with its weight; the last if rounding leaves none.
    pub(super) fn among(&mut self, weights: impl Iterator<Item = f64> + Clone) -> usize {
        let mut rest = self.unit() * weights.clone().sum::<f64>();
        let mut last = 0;
        for (index, weight) in weights.enumerate() {
            if rest < weight {
                return index;
            }
            rest -= weight;
            last = index;
        }
        last
    }
}

/// The whole number at or below a real one; what is out of range becomes the end of the range.
#[expect(clippy::cast_possible_truncation, reason = "a float outside saturates, and none is NaN")]
pub(super) fn floor(real: f64) -> i64 {
    real.floor() as i64
}

/// The nearest whole number from `low` to `high`.
pub(super) fn nearest(real: f64, low: u32, high: u32) -> u32 {
    let bounded = floor(real + 0.5).clamp(i64::from(low), i64::from(high));
    u32::try_from(bounded).unwrap_or(low)
}

/// A whole number as a real one. Times and counts of a simulation are far below 2⁵².
#[expect(clippy::cast_precision_loss, reason = "exact below 2⁵³")]
pub(super) fn real(whole: i64) -> f64 {
    whole as f64
}

#[cfg(test)]
mod tests {
    use super::{Draws, floor, nearest};

    #[test]
    fn streams_of_a_seed_differ_and_repeat() {
        let seed = Draws::new(7);
        let first: Vec<u64> = (0..4).map(|stream| seed.of(stream).seed()).collect();
        let again: Vec<u64> = (0..4).rev().map(|stream| seed.of(stream).seed()).collect();
        assert!(first.iter().eq(again.iter().rev()));
        for (index, one) in first.iter().enumerate() {
            assert!(!first[..index].contains(one), "{first:?}");
        }
        assert_ne!(Draws::new(8).of(0).seed(), first[0]);
    }

    #[test]
    fn draws_have_the_means_they_should() {
        const DRAWS: u32 = 40_000;
        let mut draws = Draws::new(1);
        let mut mean = |draw: &mut dyn FnMut(&mut Draws) -> f64| {
            (0..DRAWS).map(|_| draw(&mut draws)).sum::<f64>() / f64::from(DRAWS)
        };
        let close = |found: f64, expected: f64| assert!((found - expected).abs() < 0.02, "{found}");
        close(mean(&mut Draws::unit), 0.5);
        close(mean(&mut Draws::exponential), 1.0);
        close(mean(&mut |draws| f64::from(draws.below(4))), 1.5);
        close(mean(&mut |draws| f64::from(u8::from(draws.chance(0.3)))), 0.3);
        // The integral of x over its even logarithm: (e - 1) / ln e.
        close(mean(&mut |draws| draws.log_even(1.0, std::f64::consts::E)), 1.718);
        let index = |draws: &mut Draws| draws.among([1.0, 0.0, 3.0].into_iter());
        close(mean(&mut |draws| [0.0, 100.0, 1.0][index(draws)]), 0.75);
    }

    #[test]
    fn rounding_stays_in_bounds() {
        assert_eq!(floor(-0.5), -1);
        assert_eq!(floor(1e300), i64::MAX);
        assert_eq!(nearest(2.5, 1, 10), 3);
        assert_eq!(nearest(-7.0, 1, 10), 1);
        assert_eq!(nearest(1e9, 1, 1800), 1800);
    }
}
