//! Against values computed by R and SciPy, or by hand, and against what must hold of any input.

use super::*;
use proptest::prelude::*;

#[track_caller]
fn near(value: f64, wanted: f64) {
    assert!((value - wanted).abs() <= 1e-9 * wanted.abs().max(1.0), "{value}, not {wanted}");
}

fn known(values: &[f64]) -> Vec<Option<f64>> {
    values.iter().copied().map(Some).collect()
}

#[test]
fn mann_kendall_counts_pairs_and_corrects_for_ties() {
    let rising = mann_kendall(&known(&[0.0, 0.0, 1.0, 3.0, 2.0, 5.0, 8.0, 8.0, 13.0, 12.0]));
    let rising = rising.unwrap();
    assert_eq!((rising.n, rising.s), (10, 39));
    near(rising.variance, 123.0);
    near(rising.z, 3.426_344_611_736_242_4);
    near(rising.p_rising, 0.000_305_881_841_148_750_5);
    near(rising.p, 0.000_611_763_682_297_501);
    let falling = mann_kendall(&known(&[4.0, 3.0, 3.0, 3.0, 2.0, 2.0, 1.0])).unwrap();
    assert_eq!(falling.s, -17);
    near(falling.variance, 714.0 / 18.0);
    near(falling.p_rising, 0.994_464_177_723_404);
}

#[test]
fn equal_values_are_no_trend_and_two_values_no_test() {
    let flat = mann_kendall(&known(&[2.0; 9])).unwrap();
    assert_eq!((flat.s, flat.z, flat.p_rising, flat.p), (0, 0.0, 1.0, 1.0));
    assert_eq!(mann_kendall(&known(&[1.0, 2.0])), None);
    assert_eq!(mann_kendall(&[Some(1.0), None, Some(2.0), None]), None);
}

#[test]
fn theil_sen_is_the_median_slope_and_keeps_gaps() {
    let values = known(&[0.0, 0.0, 1.0, 3.0, 2.0, 5.0, 8.0, 8.0, 13.0, 12.0]);
    assert_eq!(theil_sen(&values), Some(1.5));
    // Slopes 1, 2 and 1.5 over steps 0, 2 and 4; closed up they would be twice that.
    assert_eq!(theil_sen(&[Some(0.0), None, Some(2.0), None, Some(6.0)]), Some(1.5));
    assert_eq!(theil_sen(&[Some(1.0), None]), None);
    near(doubling_days(0.5).unwrap(), std::f64::consts::LN_2 / 0.5);
    assert_eq!(doubling_days(0.0), None);
}

#[test]
fn rates_are_compared_as_r_does_it() {
    // poisson.test(c(11, 6+8+7), c(800, 1083+1050+878)), R's own example.
    let found = rate_ratio(11, 800.0, 21, 3011.0, 0.95).unwrap();
    near(found.ratio.unwrap(), 1.971_488_095_238_095_4);
    assert!((found.low - 0.858_426_403_391_639_7).abs() < 1e-6, "{found:?}");
    assert!((found.high - 4.277_265_943_654_075).abs() < 1e-6, "{found:?}");
    near(found.p, 0.056_008_659_787_699_68);
    near(found.mid_p, 0.040_038_418_280_193_75);
    let few = rate_ratio(3, 7.0, 0, 30.0, 0.95).unwrap();
    near(few.p, 0.006_771_563_382_228_102);
    near(few.mid_p, 0.003_385_781_691_114_051);
    assert_eq!((few.ratio, few.high), (Some(f64::INFINITY), f64::INFINITY));
    let none = rate_ratio(0, 7.0, 4, 30.0, 0.95).unwrap();
    assert_eq!((none.p, none.low), (1.0, 0.0));
    near(none.mid_p, 0.783_903_303_931_732_9);
}

#[test]
fn without_exposure_there_is_no_comparison() {
    assert_eq!(rate_ratio(3, 0.0, 1, 5.0, 0.95), None);
    assert_eq!(rate_ratio_tail(3, 7.0, 1, 0.0), None);
    assert_eq!(rate_ratio_tail(3, f64::NAN, 1, 5.0), None);
    assert_eq!(log_ratio(1, 0.0, 1, 30.0), None);
    assert_eq!(rate_ratio(0, 7.0, 0, 30.0, 0.95).unwrap().ratio, None);
}

#[test]
fn the_log_ratio_takes_a_burst_in_silence_for_little() {
    near(log_ratio(63, 7.0, 0, 30.0).unwrap(), 10.0_f64.ln());
    near(log_ratio(0, 7.0, 0, 30.0).unwrap(), 0.0);
}

#[test]
fn the_predictive_tail_is_negative_binomial() {
    // 0.02 + 3 events in 20 + 30 days, seven days ahead: R's pnbinom(x-1, 3.02, 50/57, lower=F).
    let mut rate = GammaPoisson::new(0.02, 20.0);
    rate.learn(3, 30.0);
    near(rate.tail(1, 7.0), 0.326_794_975_083_054_8);
    near(rate.tail(2, 7.0), 0.077_118_585_140_173_75);
    near(rate.tail(5, 7.0), 0.000_482_234_101_228_626_6);
    assert_eq!((rate.tail(0, 7.0), rate.tail(1, 0.0)), (1.0, 0.0));
    rate.forget(30.0, 30.0);
    near(rate.rate(), (0.02 + 1.5) / (20.0 + 15.0));
    rate.forget(1e9, 30.0);
    near(rate.rate(), 0.001);
}

#[test]
fn the_bucket_of_mcelog_drains_in_steps() {
    const HOUR: i64 = 3_600;
    let mut bucket = LeakyBucket::new(10, 86_400, 0);
    assert!(!bucket.account(9, 0));
    // Nothing leaks before a whole age has passed, then at once as much as that time is worth.
    assert!(bucket.account(1, 24 * HOUR - 1), "9 + 1 before the first draining");
    assert_eq!(bucket.count(), 0, "it is empty after it fired");
    assert!(!bucket.account(9, 24 * HOUR), "drained now");
    assert!(!bucket.account(5, 54 * HOUR), "30 h leak floor(1.25 · 10) = 12");
    assert_eq!(bucket.count(), 5);
    assert!(bucket.account(5, 77 * HOUR), "23 h later nothing has leaked");
    let mut none = LeakyBucket::new(0, 60, 0);
    assert!(!none.account(1_000_000, 0), "no capacity, no bucket");
    let mut late = LeakyBucket::new(2, 60, 1_000);
    assert!(!late.account(1, 0), "a clock that went back leaks nothing");
    assert!(late.account(1, 1));
}

#[test]
fn benjamini_and_hochberg_adjust_as_scipy_does() {
    let adjusted = benjamini_hochberg(&[0.01, 0.04, 0.03, 0.005, 0.5]);
    for (found, wanted) in adjusted.iter().zip([0.025, 0.05, 0.05, 0.025, 0.5]) {
        near(*found, wanted);
    }
    let kept = surviving(&[0.01, f64::NAN, 0.04, 0.03, 0.005, 0.5], 0.03);
    assert_eq!(kept, [true, false, false, false, true, false]);
    assert!(benjamini_hochberg(&[]).is_empty());
}

fn series() -> impl Strategy<Value = Vec<Option<f64>>> {
    prop::collection::vec(prop::option::of((0_u8..20).prop_map(f64::from)), 3..30)
}

proptest! {
    #[test]
    fn a_series_read_backwards_falls_as_it_rose(values in series()) {
        let backwards: Vec<_> = values.iter().copied().rev().collect();
        let (Some(one), Some(other)) = (mann_kendall(&values), mann_kendall(&backwards)) else {
            return Ok(());
        };
        prop_assert_eq!(one.s, -other.s);
        prop_assert!((one.variance - other.variance).abs() < 1e-9);
        prop_assert!((one.p - other.p).abs() < 1e-12);
        prop_assert!((0.0..=1.0).contains(&one.p) && (0.0..=1.0).contains(&one.p_rising));
        let (forth, back) = (theil_sen(&values).unwrap(), theil_sen(&backwards).unwrap());
        prop_assert!((forth + back).abs() < 1e-9);
    }

    #[test]
    fn only_the_order_of_values_counts(values in series()) {
        let bent: Vec<_> = values.iter().map(|v| v.map(|v| v.exp() + 3.0)).collect();
        prop_assert_eq!(mann_kendall(&values).map(|t| t.s), mann_kendall(&bent).map(|t| t.s));
    }

    #[test]
    fn more_recent_events_are_stronger_evidence(n1 in 0_u64..200, n0 in 0_u64..200, t1 in 0.1_f64..100.0, t0 in 0.1_f64..100.0) {
        let one = rate_ratio(n1, t1, n0, t0, 0.95).unwrap();
        let more = rate_ratio(n1 + 1, t1, n0, t0, 0.95).unwrap();
        prop_assert!((0.0..=1.0).contains(&one.p) && (0.0..=1.0).contains(&one.mid_p));
        prop_assert!(more.p <= one.p + 1e-12 && one.mid_p <= one.p);
        prop_assert!(one.low <= one.high);
        if let Some(ratio) = one.ratio.filter(|ratio| ratio.is_finite()) {
            prop_assert!(one.low <= ratio * (1.0 + 1e-6) && ratio <= one.high * (1.0 + 1e-6));
        }
        // What is high in one direction is low in the other.
        let swapped = rate_ratio_tail(n0, t0, n1, t1).unwrap();
        prop_assert!(one.p + swapped >= 1.0 - 1e-9);
    }

    #[test]
    fn a_tail_is_a_probability_that_falls_with_the_number(x in 0_u64..100, t in 0.0_f64..100.0, n in 0_u64..100, days in 0.0_f64..1000.0) {
        let mut rate = GammaPoisson::new(0.02, 20.0);
        rate.learn(n, days);
        let (one, more) = (rate.tail(x, t), rate.tail(x + 1, t));
        prop_assert!((0.0..=1.0).contains(&one) && more <= one + 1e-12);
    }

    #[test]
    fn adjusted_values_are_no_smaller_and_keep_their_order(p in prop::collection::vec(0.0_f64..=1.0, 0..40)) {
        let adjusted = benjamini_hochberg(&p);
        for (index, raw) in p.iter().enumerate() {
            prop_assert!(adjusted[index] >= raw - 1e-15 && adjusted[index] <= 1.0);
            for (other, value) in p.iter().enumerate() {
                prop_assert!(raw > value || adjusted[index] <= adjusted[other]);
            }
        }
    }

    #[test]
    fn a_bucket_never_holds_its_capacity(steps in prop::collection::vec((0_u32..20, 0_i64..200_000), 0..50)) {
        let mut bucket = LeakyBucket::new(10, 86_400, 0);
        let mut now = 0;
        for (errors, wait) in steps {
            now += wait;
            bucket.account(errors, now);
            prop_assert!(bucket.count() < 10);
        }
    }
}
