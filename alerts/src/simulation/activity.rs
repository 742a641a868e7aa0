//! In which windows a fault shows, and how much.

use super::fault::Fault;
use super::random::{Draws, floor, nearest, real};
use super::settings::{DAY, FleetSettings, HOUR, Ramp, Study, WINDOW};
use crate::memory::Seconds;

/// Streams of a fault, beside its first one, for what must not move when something else changes.
const LOUDER: u64 = 1;
const MARKS: u64 = 2;
/// Stream of a fault for its cells and moments.
pub(super) const PLACES: u64 = 3;

/// A window in which a fault shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ActiveWindow {
    /// Its number: seconds from the beginning, divided by [`WINDOW`].
    pub(super) window: i64,
    /// Errors, if the host is up.
    pub(super) errors: u32,
    /// Whether two or three data lines are wrong in some of them.
    pub(super) lines: bool,
    /// Whether beats four apart are.
    pub(super) interval: bool,
    /// Whether they come in quick succession.
    pub(super) storm: bool,
    /// Whether one of them is found by scrubbing.
    pub(super) scrub: bool,
}

/// The windows of the simulation in which a fault of a DIMM shows, in order.
pub(super) fn windows(settings: &FleetSettings, fault: &Fault) -> Vec<ActiveWindow> {
    let until = fault.until.min(fault.offlined.unwrap_or(i64::MAX)).min(settings.end());
    let loud: Vec<(Seconds, Seconds)> = louder(settings, fault).collect();
    let is_loud = |window: i64| {
        let (from, to) = (window * WINDOW, (window + 1) * WINDOW);
        loud.iter().any(|(begins, ends)| from < *ends && to > *begins)
    };
    let mut draws = Draws::new(fault.seed);
    let mut found: Vec<(i64, u32, bool)> = Vec::new();
    let most = settings.activity.most;
    each_shown(settings, fault, until, &mut draws, |window, ramp, draws| {
        let log = fault.log_mean + ramp + fault.log_deviation * draws.normal();
        let errors = nearest(log.exp(), 1, most);
        if !is_loud(window) {
            found.push((window, errors, false));
        }
    });
    let mut draws = Draws::new(fault.seed).of(LOUDER);
    for (begins, ends) in &loud {
        for window in numbers(*begins, (*ends).min(until)) {
            let fails_in_it =
                fault.louder_at.iter().any(|at| (at - 1).div_euclid(WINDOW) == window);
            let shows = draws.chance(settings.escalation.louder_duty);
            let log = fault.log_mean
                + settings.escalation.louder_by
                + fault.log_deviation * draws.normal();
            if shows || fails_in_it {
                found.push((window, nearest(log.exp(), 1, most), true));
            }
        }
    }
    found.sort_unstable();
    // Two failures in short succession are loud together.
    found.dedup_by_key(|(window, _, _)| *window);
    marked(settings, fault, until, found)
}

/// When it shows more: before each failure, and after it until the DIMM is replaced.
fn louder(settings: &FleetSettings, fault: &Fault) -> impl Iterator<Item = (Seconds, Seconds)> {
    let span = floor(settings.escalation.louder_days * real(DAY));
    let onset = fault.onset;
    fault.louder_at.iter().map(move |at| ((at - span).max(onset), at + span))
}

/// The numbers of windows that have a part of a time, none before the beginning.
fn numbers(from: Seconds, until: Seconds) -> std::ops::Range<i64> {
    let from = from.max(0);
    from.div_euclid(WINDOW)..(until.max(from) + WINDOW - 1).div_euclid(WINDOW)
}

/// Goes over the windows in which a fault shows, failures aside. Gives each the number of the
/// window and what a trend adds to the logarithm of its errors.
fn each_shown(
    settings: &FleetSettings,
    fault: &Fault,
    until: Seconds,
    draws: &mut Draws,
    mut show: impl FnMut(i64, f64, &mut Draws),
) {
    if !fault.permanent {
        for window in numbers(fault.onset, until) {
            show(window, 0.0, draws);
        }
        return;
    }
    let phased = settings.study.is_none_or(|study: Study| study.phased);
    let ramp = settings.study.and_then(|study| study.ramp);
    let ramp_span = ramp.map(|ramp| {
        let day = i64::from(ramp.day);
        numbers(day * DAY, (day + i64::from(ramp.days)) * DAY)
    });
    let in_ramp = |window: i64| ramp_span.as_ref().is_some_and(|span| span.contains(&window));
    if phased {
        let activity = &settings.activity;
        let shows = (fault.duty * activity.on_factor).min(1.0);
        let mut begins = real(fault.onset);
        while begins < real(until) {
            let on = draws.log_normal(activity.on_days.mean, activity.on_days.deviation);
            let off = draws.log_normal(activity.off_days.mean, activity.off_days.deviation);
            let ends = begins + on * real(DAY);
            let span = numbers(floor(begins).max(fault.onset), floor(ends).min(until));
            if floor(ends) > 0 {
                thinned(span, shows, draws, |window, draws| {
                    if !in_ramp(window) {
                        show(window, 0.0, draws);
                    }
                });
            }
            begins = ends + off * real(DAY);
        }
    } else {
        thinned(numbers(fault.onset, until), fault.duty, draws, |window, draws| {
            if !in_ramp(window) {
                show(window, 0.0, draws);
            }
        });
    }
    if let Some((ramp, span)) = ramp.zip(ramp_span.clone()) {
        let first = span.start;
        thinned(span, ramp.duty, draws, |window, draws| {
            show(window, growth(ramp, window - first), draws);
        });
    }
}

/// What a ramp adds to the logarithm of counts after so many windows.
fn growth(ramp: Ramp, windows: i64) -> f64 {
    std::f64::consts::LN_2 * real(windows * WINDOW) / (ramp.doubling_days * real(DAY))
}

/// Each number of a range with the same probability, independently.
fn thinned(
    range: std::ops::Range<i64>,
    probability: f64,
    draws: &mut Draws,
    mut take: impl FnMut(i64, &mut Draws),
) {
    if probability <= 0.0 {
        return;
    }
    // Exact for the smallest of probabilities too, where 1 - p would be 1 and the rate none.
    let rate = -(-probability).ln_1p();
    let mut next = range.start;
    loop {
        // How many are left out; none if the probability is one, as the rate is infinite.
        let skipped = floor(draws.exponential() / rate);
        next = next.saturating_add(skipped);
        if next >= range.end {
            return;
        }
        take(next, draws);
        next += 1;
    }
}

/// Adds what is to be seen of the errors of each window.
fn marked(
    settings: &FleetSettings,
    fault: &Fault,
    until: Seconds,
    found: Vec<(i64, u32, bool)>,
) -> Vec<ActiveWindow> {
    let bits = &settings.bits;
    let mut draws = Draws::new(fault.seed).of(MARKS);
    let mut last_pass = i64::MIN;
    let last_window = (until - 1).div_euclid(WINDOW);
    found
        .into_iter()
        .map(|(window, errors, fails)| {
            let (lines, interval, storm) = if fails {
                (bits.lines_failing, bits.interval_failing, bits.storm_failing)
            } else {
                (fault.lines, fault.interval, bits.storm_benign)
            };
            let marks = [lines, interval, storm].map(|share| draws.chance(share));
            let [lines, interval, storm] = marks;
            let hit = draws.chance(settings.activity.scrub_hits);
            let scrub = if fault.permanent {
                // A pass is told by the first window of its day in which the fault shows.
                settings.activity.scrub_hours.is_some_and(|hours| {
                    let period = i64::from(hours) * HOUR;
                    let pass = (window * WINDOW - fault.scrub_phase).div_euclid(period);
                    let first = pass != last_pass;
                    last_pass = pass;
                    first && hit
                })
            } else {
                fault.scrubbed_away && window == last_window
            };
            ActiveWindow { window, errors, lines, interval, storm, scrub }
        })
        .collect()
}

/// The windows in which a fault of a channel shows on one of its DIMMs.
pub(super) fn steady(
    settings: &FleetSettings,
    fault: &Fault,
    errors_per_day: f64,
) -> Vec<ActiveWindow> {
    let until = fault.until.min(settings.end());
    numbers(fault.onset, until)
        .map(|window| {
            let span = ((window + 1) * WINDOW).min(until) - (window * WINDOW).max(fault.onset);
            let errors = nearest(errors_per_day * real(span) / real(DAY), 1, u32::MAX);
            let (lines, interval, storm, scrub) = (false, false, false, false);
            ActiveWindow { window, errors, lines, interval, storm, scrub }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{growth, numbers, thinned};
    use crate::simulation::random::Draws;
    use crate::simulation::settings::{Ramp, WINDOW};

    #[test]
    fn windows_are_those_that_a_time_touches() {
        assert_eq!(numbers(0, WINDOW), 0..1);
        assert_eq!(numbers(1, WINDOW + 1), 0..2);
        assert_eq!(numbers(-5 * WINDOW, -1), 0..0);
        assert_eq!(numbers(-1, 1), 0..1);
        assert_eq!(numbers(WINDOW, WINDOW), 1..1);
    }

    #[test]
    fn thinning_takes_the_share_it_is_told() {
        let mut draws = Draws::new(5);
        for share in [0.0, 0.01, 0.3, 1.0] {
            let mut taken = Vec::new();
            thinned(0..100_000, share, &mut draws, |number, _| taken.push(number));
            let found = f64::from(u32::try_from(taken.len()).unwrap()) / 100_000.0;
            assert!((found - share).abs() < 0.01, "{found} of {share}");
            assert!(taken.is_sorted_by(|a, b| a < b));
        }
        for tiny in [1e-300, 1e-18, 1e-12] {
            thinned(-5..100_000, tiny, &mut draws, |number, _| panic!("{number} of {tiny}"));
        }
    }

    #[test]
    fn a_ramp_doubles_every_other_day() {
        let ramp = Ramp::from_day(100);
        assert!((growth(ramp, 8).exp() - 2.0).abs() < 1e-9);
        assert!((growth(ramp, 56).exp() - 128.0).abs() < 1e-6);
    }
}
