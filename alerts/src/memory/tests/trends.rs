//! How often trends are seen where there are none, and how surely where there are: the table of the
//! science note, made again with this engine and beside it the tests it does not use.
//!
//! `SCRUBJAY_TREND_DIMMS=600 cargo test --release -p scrubjay-alerts trends -- --nocapture` prints
//! it for as many DIMM-years as the note has; without it, few DIMMs are tried, and not all tests. The seed is fixed, so every run of a size is the same.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "numbers of a test are small"
)]

use super::*;
use crate::memory::trend::{Exposure, trend};
use crate::memory::windows::{Windows, window_of};
use crate::statistics::{LeakyBucket, log_ratio, mann_kendall, rate_ratio_tail};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use rand_distr::{Beta, Distribution, LogNormal, Normal, Uniform};

const DAYS: i64 = 365;
/// Windows of a day.
const A_DAY: usize = 4;
const WINDOW: Seconds = 6 * HOUR;
/// Alarms so soon after one are the same.
const REFRACTORY: i64 = 7;
/// Days that are looked at before alarms count.
const LEAD_IN: i64 = 45;
/// When a ramp begins; it doubles the rate every two days for fourteen.
const RAMP: i64 = 200;

/// Errors of active windows by mode of the fault, as fitted to SmartMem: share of the mode, mean and
/// deviation of the logarithm.
const MODES: [(f64, f64, f64); 6] = [
    (0.647, 0.35, 1.3),
    (0.081, 2.41, 1.77),
    (0.097, 3.3, 1.3),
    (0.138, 3.55, 1.59),
    (0.025, 2.9, 1.8),
    (0.012, 3.47, 1.92),
];

fn unit(rng: &mut ChaCha8Rng) -> f64 {
    Uniform::new(0.0, 1.0).unwrap().sample(rng)
}

/// A year of a DIMM with a permanent fault, as errors per window.
fn year(rng: &mut ChaCha8Rng, is_phased: bool, has_ramp: bool) -> Vec<u64> {
    let mut left = unit(rng);
    let mode = MODES.iter().find(|(share, ..)| {
        left -= share;
        left <= 0.0
    });
    let (_, mean, deviation) = *mode.unwrap_or(&MODES[0]);
    let intensity = Normal::new(0.0, 0.75 * deviation).unwrap().sample(rng);
    let loudness = LogNormal::new(mean + intensity, 0.66 * deviation).unwrap();
    let duty: f64 = Beta::new(0.3, 2.0).unwrap().sample(rng);
    let (on, off) =
        (LogNormal::new(6.0_f64.ln(), 1.2).unwrap(), LogNormal::new(14.0_f64.ln(), 1.2).unwrap());
    let mut is_on = !is_phased || unit(rng) < 0.5;
    let mut until = if is_phased { 0.0 } else { f64::INFINITY };
    let mut errors = Vec::new();
    for window in 0..DAYS * A_DAY as i64 {
        let day = window as f64 / A_DAY as f64;
        while day >= until {
            is_on = !is_on;
            until += if is_on { on } else { off }.sample(rng);
        }
        let in_ramp = has_ramp && (RAMP as f64..(RAMP + 14) as f64).contains(&day);
        let phase = if is_phased { (duty * 2.2).min(0.95) } else { duty };
        let active = if in_ramp {
            0.95
        } else if is_on {
            phase
        } else {
            0.0
        };
        let factor = if in_ramp { 2.0_f64.powf((day - RAMP as f64) / 2.0) } else { 1.0 };
        let (drawn, count) = (unit(rng), loudness.sample(rng));
        let count = (count * factor).round().max(1.0).min(1_800.0 * factor);
        errors.push(if drawn < active { count as u64 } else { 0 });
    }
    errors
}

/// Errors of the days up to one, the latest last.
fn days(errors: &[u64], day: i64, length: usize) -> Vec<u64> {
    let end = (day as usize + 1) * A_DAY;
    let begin = end - length * A_DAY;
    errors[begin..end].chunks(A_DAY).map(|day| day.iter().sum()).collect()
}

/// The days on which a rule of one day fires.
fn by_day(errors: &[u64], rule: impl Fn(&[u64], i64) -> bool) -> Vec<i64> {
    (LEAD_IN..DAYS).filter(|day| rule(errors, *day)).collect()
}

fn rises(errors: &[u64], day: i64) -> bool {
    let days = days(errors, day, 14);
    let logs: Vec<Option<f64>> = days.iter().map(|n| Some((*n as f64).ln_1p())).collect();
    days.iter().filter(|n| **n > 0).count() >= 5
        && mann_kendall(&logs).is_some_and(|test| test.p_rising < 1e-3)
}

fn is_louder(errors: &[u64], day: i64) -> bool {
    let days = days(errors, day, 37);
    let (before, week): (u64, u64) = (days[..30].iter().sum(), days[30..].iter().sum());
    let end = (day as usize + 1) * A_DAY;
    let active = |from: usize, to: usize| {
        errors[end - from * A_DAY..end - to * A_DAY].iter().filter(|n| **n > 0).count() as u64
    };
    log_ratio(week, 7.0, before, 30.0).is_some_and(|ratio| ratio >= 10.0_f64.ln())
        && rate_ratio_tail(active(7, 0), 7.0, active(37, 7), 30.0).is_some_and(|p| p < 1e-2)
}

fn raw_poisson(errors: &[u64], day: i64) -> bool {
    let days = days(errors, day, 31);
    rate_ratio_tail(days[30], 1.0, days[..30].iter().sum(), 30.0).is_some_and(|p| p < 1e-4)
}

fn bucket(errors: &[u64], capacity: u32) -> Vec<i64> {
    let mut bucket = LeakyBucket::new(capacity, 86_400, 0);
    let mut fired = Vec::new();
    for (window, count) in (0_i64..).zip(errors) {
        let at = window * WINDOW;
        if *count > 0 && bucket.account(u32::try_from(*count).unwrap(), at) && at / DAY >= LEAD_IN {
            fired.push(at / DAY);
        }
    }
    fired
}

/// The days on which the engine says that it rises: asked each day, and by itself in between.
fn engine(errors: &[u64]) -> Vec<i64> {
    let mut state = DimmState::new(CountsFrom::Counters);
    let mut fired = Vec::new();
    for (window, count) in (0_i64..).zip(errors) {
        let at = window * WINDOW;
        state.observe(&counted(at, at + WINDOW, *count));
        let day = at / DAY;
        let ends_day = (window + 1) % A_DAY as i64 == 0;
        let is_rising = state.rose == Some(at + WINDOW)
            || ends_day && trend(&state.windows, window, &state.exposure()).is_rising;
        if is_rising && day >= LEAD_IN {
            fired.push(day);
        }
    }
    fired
}

/// Alarms per year, those within a week of one left out; and the delay of the first in the ramp.
fn alarms(fired: &[i64]) -> (usize, Option<i64>) {
    let mut last = None;
    let mut count = 0;
    for day in fired {
        if last.is_none_or(|last| day - last >= REFRACTORY) {
            count += 1;
            last = Some(*day);
        }
    }
    let in_ramp = fired.iter().find(|day| (RAMP..RAMP + 15).contains(*day));
    (count, in_ramp.map(|day| day - RAMP))
}

type Detector<'a> = (&'a str, Box<dyn Fn(&[u64]) -> Vec<i64>>);

struct Row {
    stationary: f64,
    phased: f64,
    detected: f64,
    median: Option<i64>,
}

fn row(dimms: usize, detect: &dyn Fn(&[u64]) -> Vec<i64>) -> Row {
    // The same DIMMs for each detector.
    let mut rng = ChaCha8Rng::seed_from_u64(20_240_707);
    let mut false_alarms = |is_phased| {
        let (mut seen, mut alarmed) = (0, 0);
        while seen < dimms {
            let errors = year(&mut rng, is_phased, false);
            if errors.iter().any(|n| *n > 0) {
                seen += 1;
                alarmed += alarms(&detect(&errors)).0;
            }
        }
        alarmed as f64 / dimms as f64 / ((DAYS - LEAD_IN) as f64 / DAYS as f64)
    };
    let (stationary, phased) = (false_alarms(false), false_alarms(true));
    let mut delays = Vec::new();
    for n in 0..dimms {
        let errors = year(&mut rng, n % 2 == 0, true);
        delays.extend(alarms(&detect(&errors)).1);
    }
    delays.sort_unstable();
    let detected = delays.len() as f64 / dimms as f64;
    Row { stationary, phased, detected, median: delays.get(delays.len() / 2).copied() }
}

/// As many as somebody asked for, who then sees all tests; or few.
fn dimms() -> (usize, bool) {
    let asked = std::env::var("SCRUBJAY_TREND_DIMMS").ok().and_then(|text| text.parse().ok());
    (asked.unwrap_or(30), asked.is_some())
}

#[test]
fn trends_are_rarely_seen_where_there_are_none_and_ramps_are_not_missed() {
    let detectors: [Detector<'_>; 6] = [
        ("this engine", Box::new(engine)),
        ("Poisson raw 1d/30d p<1e-4", Box::new(|errors| by_day(errors, raw_poisson))),
        ("Mann-Kendall log1p 14 d p<1e-3", Box::new(|errors| by_day(errors, rises))),
        ("log-ratio gate", Box::new(|errors| by_day(errors, is_louder))),
        ("leaky bucket 10/24h", Box::new(|errors| bucket(errors, 10))),
        ("leaky bucket 100/24h", Box::new(|errors| bucket(errors, 100))),
    ];
    let (dimms, all) = dimms();
    println!("{dimms} DIMM-years each; false alarms per DIMM-year of DIMMs with errors");
    println!(
        "{:32} {:>10} {:>7} {:>8} {:>10}",
        "test", "stationary", "phased", "detected", "median day"
    );
    // Those of the first two are held; the others are there to be compared with.
    for (name, detect) in detectors.into_iter().take(if all { 6 } else { 2 }) {
        let row = row(dimms, &detect);
        println!(
            "{name:32} {:>10.2} {:>7.2} {:>8.3} {:>10}",
            row.stationary,
            row.phased,
            row.detected,
            row.median.map_or("-".to_owned(), |day| day.to_string())
        );
        if name == "this engine" {
            assert!(row.stationary <= 0.6 && row.phased <= 0.6, "false alarms");
            assert!(row.detected >= 0.95, "ramps");
            assert!(row.median.is_some_and(|day| day <= 7));
        }
        if name.starts_with("Poisson") {
            assert!(row.stationary > 3.0, "what is simulated is as bursty as the real thing");
        }
    }
}

#[test]
fn a_trend_alone_says_no_more_than_watch() {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let mut rising = 0;
    for _ in 0..20 {
        let errors = year(&mut rng, false, true);
        let mut state = DimmState::new(CountsFrom::Counters);
        for (window, count) in (0_i64..(RAMP + 14) * A_DAY as i64).zip(&errors) {
            state.observe(&counted(window * WINDOW, (window + 1) * WINDOW, *count));
        }
        let judgement = judged(&state, (RAMP + 14) * DAY, &MemorySettings::default());
        let reasons = &judgement.reasons;
        let rise = reasons.iter().find(|reason| reason.code == "dimm-rising");
        rising += usize::from(rise.is_some());
        assert!(rise.is_none_or(|rise| rise.verdict == scrubjay_model::Verdict::Watch));
        assert!(!codes(&judgement, scrubjay_model::Verdict::Plan).contains(&"dimm-several-signs"));
        assert!(judgement.verdict < scrubjay_model::Verdict::Act, "{judgement:?}");
    }
    assert!(rising >= 19, "{rising} of 20 ramps are told");
}

const ALWAYS: Exposure = Exposure { assumed_from: Some(0), censors: false };

#[test]
fn a_day_nobody_watched_is_missing_and_not_a_day_without_errors() {
    // Errors on days 7 to 13 at one level. After silence that is a rise; after darkness it is not.
    let record = |is_watched: bool| {
        let mut windows = Windows::new();
        for window in 0..14 * A_DAY as i64 {
            if is_watched || window >= 28 {
                windows.watch(window * WINDOW, (window + 1) * WINDOW, 21_600);
            }
            if window >= 28 {
                windows.active_mut(window).unwrap().errors = 50 + (window % 7) as u32;
            }
        }
        let exposure = Exposure { assumed_from: None, censors: false };
        trend(&windows, 14 * A_DAY as i64 - 1, &exposure)
    };
    let (silent, dark) = (record(true), record(false));
    assert_eq!((silent.watched_days, dark.watched_days), (14, 7));
    assert!(silent.rise.unwrap().p_rising < 0.01, "{silent:?}");
    assert!(dark.rise.unwrap().p_rising > 0.05, "{dark:?}");
    assert_eq!(dark.louder, None, "there is no month to compare with");
    assert!(silent.is_rising && !dark.is_rising);
}

#[test]
fn a_log_ends_where_logs_end_and_a_counter_does_not() {
    let mut windows = Windows::new();
    for window in 0..14 * A_DAY as i64 {
        windows.active_mut(window).unwrap().errors = 1_500 * 2_u32.pow((window / 8) as u32);
    }
    let last = 14 * A_DAY as i64 - 1;
    assert!(trend(&windows, last, &ALWAYS).rise.unwrap().p_rising < 1e-3);
    let log = Exposure { censors: true, ..ALWAYS };
    assert_eq!(trend(&windows, last, &log).rise.unwrap().s, 0, "all days read: many");
}

#[test]
fn four_days_with_errors_are_no_trend() {
    let mut windows = Windows::new();
    for (day, errors) in (10_i64..).zip([1, 10, 100, 1_000]) {
        windows.active_mut(day * A_DAY as i64).unwrap().errors = errors;
    }
    let found = trend(&windows, 14 * A_DAY as i64 - 1, &ALWAYS);
    assert_eq!((found.active_days, found.rise), (4, None));
    assert!(!found.is_rising);
    assert_eq!(window_of(6 * HOUR), 1);
}

#[test]
fn a_rise_that_is_too_small_to_matter_is_no_rise_among_many_either() {
    let with = |is_large| Trend {
        is_large,
        rise: mann_kendall(&[Some(1.0), Some(2.0), Some(3.0)]),
        ..Trend::default()
    };
    assert_eq!(with(true).p_of_both(), with(true).p_rising());
    assert!(with(true).p_rising().is_some_and(|p| p < 0.5));
    assert_eq!(with(false).p_of_both(), Some(1.0));
    assert_eq!(Trend::default().p_of_both(), None);
}
