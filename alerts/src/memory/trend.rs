//! Whether a DIMM errs more and more.
//!
//! Looked at are logarithms of errors per day over 14 days (Mann–Kendall, p < 0.001, from five days
//! with errors on). That alone takes the end of a quiet phase for a rise, which happens to a DIMM
//! that errs in phases 0.8 times a year; so the rise must also be seen among the days with errors,
//! or the last week must be ten times as loud as the thirty days before it with more active windows
//! than chance gives. Tests on raw counts fire five times a year without any trend.
//!
//! A day that was not watched is missing; it is not a day without errors. The sum of a longer time that
//! nobody watched has no day either: spread over it, it would be a rise out of nothing.

use super::Seconds;
use super::mode::DAY;
use super::windows::{A_DAY, Active, CENSORED, WINDOW, Windows};
use crate::statistics::{
    GammaPoisson, MannKendall, doubling_days, log_ratio, mann_kendall, rate_ratio_tail, real,
    theil_sen,
};

/// Days looked at for a rise.
const DAYS: usize = 14;
/// The same in windows.
const WINDOWS: i64 = 14 * A_DAY;
/// Days with errors that are needed.
const LEAST_DAYS: usize = 5;
/// p below which a rise counts.
const P_RISE: f64 = 1e-3;
/// Days with errors that are needed to see a rise among them.
const LEAST_ACTIVE_DAYS: usize = 6;
/// Deviate of a rise among the days with errors: one-sided p of 0.1.
const Z_AMONG_ACTIVE: f64 = 1.28;
/// Slope of it, in logarithms per day: doubling in 4.6 days.
const SLOPE_AMONG_ACTIVE: f64 = 0.15;
/// How much louder the last week must be.
const LOUDER: f64 = 10.0;
/// p of its active windows.
const P_WINDOWS: f64 = 0.01;
/// Share of a day that must have been watched, in seconds.
const LEAST_WATCHED: u32 = 43_200;

/// Prior of active windows: 0.02 in 20 days, assumed; almost all DIMMs have none.
const PRIOR_EVENTS: f64 = 0.02;
const PRIOR_DAYS: f64 = 20.0;
/// Days in which half of what was seen is forgotten.
const HALF_LIFE: f64 = 30.0;

/// What the last days of a DIMM show.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Trend {
    /// Days of the last 14 that were watched for half of them or more.
    pub watched_days: u32,
    /// Days with errors among them.
    pub active_days: u32,
    /// The test for a rise over them, if enough of them had errors.
    pub rise: Option<MannKendall>,
    /// Theil and Sen's slope among the days with errors, in logarithms per day.
    pub slope: Option<f64>,
    /// Days in which the number of errors doubles, by that slope.
    pub doubling_days: Option<f64>,
    /// `ln(1 + errors per day)` of the last 7 days less that of the 30 before.
    pub louder: Option<f64>,
    /// P(so many active windows in 7 days | the rate of the 30 days before).
    pub p_windows: Option<f64>,
    /// P(so many active windows in 7 days), as the record before them predicts it.
    pub p_predicted: Option<f64>,
    /// Whether the rise, if there is one, is large enough to matter.
    pub is_large: bool,
    /// Whether it rises, and the rise is large.
    pub is_rising: bool,
}

impl Trend {
    /// The p of its rise, where there was enough to test.
    pub fn p_rising(&self) -> Option<f64> {
        self.rise.map(|rise| rise.p_rising)
    }

    /// The p of the whole test: 1 where days follow each other upwards and the rise is too small to
    /// matter. For whoever tests many DIMMs at once and bounds how many of those told are chance.
    pub fn p_of_both(&self) -> Option<f64> {
        self.p_rising().map(|p| if self.is_large { p } else { 1.0 })
    }
}

/// Whether it rises, and nothing else: cheap enough to ask whenever a window with errors begins.
pub(crate) fn is_rising(windows: &Windows, window: i64, exposure: &Exposure) -> bool {
    // Five days with errors are needed, so five windows with errors.
    let since = window - WINDOWS + 1;
    windows.between(since, window).len() >= LEAST_DAYS && trend(windows, window, exposure).is_rising
}

/// What the days up to and with `window` show.
pub(crate) fn trend(windows: &Windows, window: i64, exposure: &Exposure) -> Trend {
    let days = daily(windows, window, exposure);
    let active = |days: &[Option<f64>]| days.iter().flatten().filter(|day| **day > 0.0).count();
    let active_days = active(&days);
    let watched_days = days.iter().flatten().count();
    let mut found = Trend {
        watched_days: u32::try_from(watched_days).unwrap_or(u32::MAX),
        active_days: u32::try_from(active_days).unwrap_or(u32::MAX),
        ..Trend::default()
    };
    if active_days == 0 {
        return found;
    }
    let week = Stretch::of(windows, window - 7 * A_DAY + 1, window, exposure);
    let month = Stretch::of(windows, window - 37 * A_DAY + 1, window - 7 * A_DAY, exposure);
    found.louder = log_ratio(week.errors, week.days, month.errors, month.days);
    found.p_windows = rate_ratio_tail(week.active, week.days, month.active, month.days);
    found.p_predicted = (week.days > 0.0).then(|| month.predicts(&week));
    if active_days < LEAST_DAYS {
        return found;
    }
    found.rise = mann_kendall(&days);
    let loud = days.map(|day| day.filter(|value| *value > 0.0));
    found.slope = theil_sen(&loud);
    found.doubling_days = found.slope.and_then(doubling_days);
    let among = active_days >= LEAST_ACTIVE_DAYS
        && found.slope.is_some_and(|slope| slope > SLOPE_AMONG_ACTIVE)
        && mann_kendall(&loud).is_some_and(|rise| rise.z > Z_AMONG_ACTIVE);
    let is_louder = found.louder.is_some_and(|louder| louder >= LOUDER.ln())
        && found.p_windows.is_some_and(|p| p < P_WINDOWS);
    found.is_large = among || is_louder;
    found.is_rising = found.rise.is_some_and(|rise| rise.p_rising < P_RISE) && found.is_large;
    found
}

/// How it is known when a DIMM was watched.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exposure {
    /// From when on it is taken for watched where nobody counts.
    pub(crate) assumed_from: Option<Seconds>,
    /// Whether counts stop where logs do.
    pub(crate) censors: bool,
}

impl Exposure {
    /// Seconds watched of a window.
    pub(crate) fn of(&self, windows: &Windows, window: i64) -> u32 {
        let assumed = self.assumed_from.map_or(0, |from| {
            let begin = from.max(window * WINDOW);
            ((window + 1) * WINDOW).saturating_sub(begin).clamp(0, WINDOW)
        });
        windows.watched(window).max(u32::try_from(assumed).unwrap_or(0))
    }

    fn errors(&self, errors: u32) -> u32 {
        if self.censors { errors.min(CENSORED) } else { errors }
    }
}

/// `ln(1 + errors)` of each of 14 days, the latest last; `None` for a day that was not watched.
fn daily(windows: &Windows, window: i64, exposure: &Exposure) -> [Option<f64>; DAYS] {
    let mut days = [None; DAYS];
    for (day, value) in (0..).zip(days.iter_mut().rev()) {
        let to = window - day * A_DAY;
        let from = to - A_DAY + 1;
        let watched: u32 = (from..=to).map(|window| exposure.of(windows, window)).sum();
        let errors: u64 = windows
            .between(from, to)
            .iter()
            .map(|active| u64::from(exposure.errors(active.resolved())))
            .sum();
        // Errors were seen, so it was watched well enough to see them; only silence needs proof.
        if watched >= LEAST_WATCHED || errors > 0 {
            let share = f64::from(watched) / DAY_SECONDS;
            let whole = if share >= 0.5 { real(errors) / share.min(1.0) } else { real(errors) };
            *value = Some(whole.ln_1p());
        }
    }
    days
}

const DAY_SECONDS: f64 = 86_400.0;

/// Several days as one.
struct Stretch {
    errors: u64,
    active: u64,
    days: f64,
    /// Days from the middle of it to its end.
    age: f64,
}

impl Stretch {
    fn of(windows: &Windows, from: i64, to: i64, exposure: &Exposure) -> Self {
        let watched: u64 = (from..=to).map(|window| u64::from(exposure.of(windows, window))).sum();
        let resolved = |active: &&Active| active.resolved() > 0 || active.errors == 0;
        let active: Vec<&Active> = windows.between(from, to).iter().filter(resolved).collect();
        let length = u64::try_from(to - from + 1).unwrap_or(0);
        Self {
            errors: active.iter().map(|one| u64::from(exposure.errors(one.resolved()))).sum(),
            active: active.len() as u64,
            days: real(watched) / DAY_SECONDS,
            age: real(length) / 8.0,
        }
    }

    /// P(so many active windows as in `week`), by this record.
    fn predicts(&self, week: &Self) -> f64 {
        let mut rate = GammaPoisson::new(PRIOR_EVENTS, PRIOR_DAYS);
        rate.learn(self.active, self.days);
        rate.forget(self.age, HALF_LIFE);
        rate.tail(week.active, week.days)
    }
}

/// Days of a span of seconds.
pub(crate) fn days(seconds: Seconds) -> f64 {
    crate::statistics::real_signed(seconds) / crate::statistics::real_signed(DAY)
}
