//! Many tests at once: of a thousand DIMMs without a trend, one shows p < 0.001 each day.

use super::numbers::real;

/// The p-values adjusted by Benjamini and Hochberg: what is at most `q` may be reported if a share
/// of `q` of what is reported may be wrong. In the order given; what is no probability stays out
/// and is given back as 1.
pub fn benjamini_hochberg(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<(usize, f64)> =
        p_values.iter().copied().enumerate().filter(|(_, p)| (0.0..=1.0).contains(p)).collect();
    order.sort_by(|(_, a), (_, b)| a.total_cmp(b));
    let tests = real(order.len() as u64);
    let mut adjusted = vec![1.0; p_values.len()];
    let mut least: f64 = 1.0;
    for (rank, (index, p)) in order.iter().enumerate().rev() {
        least = least.min(p * tests / real(rank as u64 + 1));
        if let Some(place) = adjusted.get_mut(*index) {
            *place = least;
        }
    }
    adjusted
}

/// Which tests may be reported at a false discovery rate of `q`.
pub fn surviving(p_values: &[f64], q: f64) -> Vec<bool> {
    benjamini_hochberg(p_values).into_iter().map(|adjusted| adjusted <= q).collect()
}
