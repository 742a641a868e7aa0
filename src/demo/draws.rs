//! Numbers drawn from the seed of a story, by SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).

/// Draws that depend on the seed and nothing else.
#[derive(Debug, Clone)]
pub(super) struct Draws(u64);

impl Draws {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`; 0 where that is 0.
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        let product = (self.bits() >> 32).saturating_mul(u64::from(bound));
        u32::try_from(product >> 32).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_and_another_does_not() {
        let draw = |seed| {
            let mut draws = Draws::new(seed);
            [(); 4].map(|()| draws.below(1_000))
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        let mut draws = Draws::new(3);
        assert!((0..1_000).all(|_| draws.below(7) < 7));
        assert_eq!(draws.below(0), 0);
    }
}
