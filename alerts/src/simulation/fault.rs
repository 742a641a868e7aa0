//! Faults of DIMMs: when each begins, what it is, and when it becomes an uncorrected error.

use super::mode::{Mode, ModeSettings};
use super::random::{Draws, floor, nearest, real};
use super::settings::{DAY, FleetSettings, HOUR};
use crate::memory::Seconds;
use rand_distr::Beta;

/// A fault, before anybody sees it.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    pub(super) mode: Mode,
    pub(super) permanent: bool,
    pub(super) onset: Seconds,
    /// Until when it can show: scrubbing clears a transient one.
    pub(super) until: Seconds,
    /// Whether its end is a pass of the scrubber, which reports it.
    pub(super) scrubbed_away: bool,
    /// Uncorrected errors, in order.
    pub(super) fails: Vec<Seconds>,
    /// Moments around which it shows more: its failures, and the one that taking pages out of use
    /// put off.
    pub(super) louder_at: Vec<Seconds>,
    /// Mean of the logarithm of its errors in a window.
    pub(super) log_mean: f64,
    /// Deviation between its windows.
    pub(super) log_deviation: f64,
    /// Share of windows in which it shows.
    pub(super) duty: f64,
    /// Probability for a window that two or three data lines are wrong, if it does not fail.
    pub(super) lines: f64,
    /// The same for beats four apart.
    pub(super) interval: f64,
    /// Fewest and most cells.
    pub(super) places: (u32, u32),
    /// The time of day at which the scrubber passes by, in seconds from the beginning.
    pub(super) scrub_phase: i64,
    /// Since when its pages are out of use.
    pub(super) offlined: Option<Seconds>,
    /// For the draws of its windows and cells.
    pub(super) seed: u64,
}

/// What a DIMM has of its node.
#[derive(Debug, Clone, Copy)]
pub(super) struct Home {
    /// How many more faults DIMMs of the node have than others.
    pub(super) factor: f64,
    /// Whether anybody sees errors, who might take pages out of use.
    pub(super) observed: bool,
}

/// What follows from settings, for all DIMMs.
#[derive(Debug, Clone)]
pub(super) struct Model {
    /// Faults of a DIMM in a second, for a factor of one.
    rate: f64,
    vendor_mean: f64,
    duty: Beta<f64>,
    /// Scale of the Weibull distribution of each mode, in seconds; infinite for never.
    scales: [f64; super::mode::MODES],
    /// Sudden uncorrected errors of a DIMM in a second.
    pub(super) sudden_rate: f64,
    /// Faults of channels for each fault of a DIMM.
    channel_ratio: f64,
}

impl Model {
    /// `None` for a Beta distribution that cannot be, which the check of settings rules out.
    pub(super) fn new(settings: &FleetSettings) -> Option<Self> {
        let total: f64 =
            settings.modes.iter().map(|mode| mode.permanent_fit + mode.transient_fit).sum();
        let rate = total * f64::from(settings.rates.devices) * 1e-9 / 3600.0;
        let (alpha, beta) = settings.activity.duty;
        let scales = scales(settings, total);
        let escalating = escalating(settings, rate, total, &scales);
        let sudden = settings.escalation.sudden_share;
        Some(Self {
            rate,
            vendor_mean: settings.rates.vendors.iter().sum::<f64>() / 3.0,
            duty: Beta::new(alpha, beta).ok()?,
            scales,
            sudden_rate: escalating * sudden / (1.0 - sudden),
            channel_ratio: settings.channels.share / (1.0 - settings.channels.share),
        })
    }

    /// Faults of channels of a node in a second.
    pub(super) fn channel_rate(&self, settings: &FleetSettings, home: Home) -> f64 {
        self.rate * self.channel_ratio * home.factor * f64::from(settings.dimms_per_node)
    }

    /// A fault of a channel as one of its DIMMs has it.
    pub(super) fn of_channel(
        settings: &FleetSettings,
        onset: Seconds,
        until: Seconds,
        draws: &mut Draws,
    ) -> Fault {
        let (few, many) = settings.channels.places;
        let places = nearest(draws.log_even(few, many), 1, u32::MAX);
        Fault {
            mode: Mode::Channel,
            permanent: false,
            onset,
            until,
            scrubbed_away: false,
            fails: Vec::new(),
            louder_at: Vec::new(),
            log_mean: 0.0,
            log_deviation: 0.0,
            duty: 1.0,
            lines: 0.0,
            interval: 0.0,
            places: (places, places),
            scrub_phase: 0,
            offlined: None,
            seed: draws.seed(),
        }
    }

    /// The faults of a DIMM that was put in at `began`, and when it fails without one that showed.
    pub(super) fn life(
        &self,
        settings: &FleetSettings,
        home: Home,
        began: Seconds,
        draws: &mut Draws,
    ) -> (Vec<Fault>, Option<Seconds>) {
        let end = settings.end();
        if settings.study.is_some() {
            return (vec![self.studied(settings, draws)], None);
        }
        let vendor = usize::try_from(draws.below(3)).unwrap_or(0);
        let vendor = settings.rates.vendors.get(vendor).copied().unwrap_or(1.0) / self.vendor_mean;
        let rate = self.rate * vendor * home.factor;
        let infant = settings.rates.infant;
        let infant_seconds = settings.rates.infant_days * real(DAY);
        let span = real(end - began);
        let hazard = |age: f64| {
            rate * (age + infant * infant_seconds * (1.0 - (-age / infant_seconds).exp()))
        };
        let most = hazard(span);
        let mut faults = Vec::new();
        let mut hazard_used = draws.exponential();
        while hazard_used < most {
            let onset = began + floor(inverse(&hazard, hazard_used, span));
            faults.push(self.fault(settings, home, onset, draws));
            hazard_used += draws.exponential();
        }
        let sudden = draws.exponential() / self.sudden_rate;
        let sudden = (sudden < span).then(|| began + floor(sudden));
        (faults, sudden)
    }

    /// A fault that begins then.
    fn fault(
        &self,
        settings: &FleetSettings,
        home: Home,
        onset: Seconds,
        of_dimm: &mut Draws,
    ) -> Fault {
        let seed = of_dimm.seed();
        let mut draws = Draws::new(seed);
        let modes = &settings.modes;
        let chosen = draws.among(modes.iter().map(|mode| mode.permanent_fit + mode.transient_fit));
        let [first, ..] = modes;
        let mode = modes.get(chosen).unwrap_or(first);
        let permanent_share = mode.permanent_fit / (mode.permanent_fit + mode.transient_fit);
        let permanent = draws.chance(permanent_share);
        let mut fault = self.shape(settings, mode, permanent, onset, &mut draws);
        if permanent {
            let scale = self.scales.get(chosen).copied().unwrap_or(f64::INFINITY);
            let after = scale * draws.exponential().powf(1.0 / settings.escalation.shape);
            if after < real(settings.end() - onset) {
                fault.fail_at(onset + floor(after));
            }
            if let Some(offlining) = settings.offlining.as_ref().filter(|_| home.observed) {
                super::offlining::apply(settings, offlining, scale, &mut fault);
            }
        } else {
            let windows = 1 + draws.below(settings.activity.transient_windows);
            let lasts = onset + i64::from(windows) * super::settings::WINDOW;
            let pass = settings.activity.scrub_hours.map(|hours| {
                let period = i64::from(hours) * HOUR;
                onset + period - (onset - fault.scrub_phase).rem_euclid(period)
            });
            fault.until = pass.map_or(lasts, |pass| pass.min(lasts));
            fault.scrubbed_away = pass.is_some_and(|pass| pass <= lasts);
        }
        fault
    }

    fn shape(
        &self,
        settings: &FleetSettings,
        mode: &ModeSettings,
        permanent: bool,
        onset: Seconds,
        draws: &mut Draws,
    ) -> Fault {
        let activity = &settings.activity;
        let (bits, deviation) = (&settings.bits, mode.errors_log_deviation);
        let mut habit = |share: f64| {
            if draws.chance(share / bits.habit) { bits.habit } else { 0.0 }
        };
        let (lines, interval) = if bits.habit > 0.0 {
            (habit(bits.lines_benign), habit(bits.interval_benign))
        } else {
            (0.0, 0.0)
        };
        Fault {
            mode: mode.mode,
            permanent,
            onset,
            until: i64::MAX,
            scrubbed_away: false,
            fails: Vec::new(),
            louder_at: Vec::new(),
            log_mean: mode.errors_log_mean + activity.between_faults * deviation * draws.normal(),
            log_deviation: activity.between_windows * deviation,
            duty: if permanent { draws.sample(&self.duty) } else { 1.0 },
            lines,
            interval,
            places: mode.places,
            scrub_phase: floor(draws.between(0.0, real(DAY))),
            offlined: None,
            seed: draws.seed(),
        }
    }

    /// The one fault of a DIMM in a study of trends.
    fn studied(&self, settings: &FleetSettings, of_dimm: &mut Draws) -> Fault {
        let mut draws = Draws::new(of_dimm.seed());
        let chosen = draws.among(settings.modes.iter().map(|mode| mode.permanent_fit));
        let [first, ..] = &settings.modes;
        let mode = settings.modes.get(chosen).unwrap_or(first);
        let warm_up = -i64::from(settings.warm_up_days) * DAY;
        self.shape(settings, mode, true, warm_up, &mut draws)
    }
}

impl Fault {
    /// It becomes an uncorrected error then.
    pub(super) fn fail_at(&mut self, at: Seconds) {
        self.fails.push(at);
        self.louder_at.push(at);
    }
}

/// Scales of the Weibull distributions: a mode fails as often as its likelihood ratio says, and all
/// together as often as [`super::settings::Escalation::share`].
fn scales(settings: &FleetSettings, total: f64) -> [f64; super::mode::MODES] {
    let escalation = &settings.escalation;
    let permanent: f64 = settings.modes.iter().map(|mode| mode.permanent_fit).sum();
    let mean =
        settings.modes.iter().map(|mode| mode.permanent_fit * mode.likelihood_ratio).sum::<f64>()
            / permanent;
    settings.modes.map(|mode| {
        // Transient faults never fail, so permanent ones do so more often.
        let share = escalation.share * mode.likelihood_ratio / mean * total / permanent;
        let hazard = -(1.0 - share.min(0.99)).ln();
        if hazard > 0.0 {
            escalation.within_days * real(DAY) / hazard.powf(1.0 / escalation.shape)
        } else {
            f64::INFINITY
        }
    })
}

/// Uncorrected errors of a DIMM in a second of the simulation that come from faults which showed:
/// over all onsets, the share that fails in it. The factor of vendors and nodes is one on average.
fn escalating(
    settings: &FleetSettings,
    rate: f64,
    total: f64,
    scales: &[f64; super::mode::MODES],
) -> f64 {
    const STEPS: i32 = 2000;
    let (warm_up, end) = (i64::from(settings.warm_up_days) * DAY, settings.end());
    let step = real(warm_up + end) / f64::from(STEPS);
    let mut sum = 0.0;
    for (mode, scale) in settings.modes.iter().zip(scales) {
        let failed =
            |after: f64| 1.0 - (-(after.max(0.0) / scale).powf(settings.escalation.shape)).exp();
        for number in 0..STEPS {
            let onset = (f64::from(number) + 0.5) * step;
            let infant =
                settings.rates.infant * (-onset / (settings.rates.infant_days * real(DAY))).exp();
            let until_begin = real(warm_up) - onset;
            let within = failed(real(warm_up + end) - onset) - failed(until_begin);
            sum += rate * mode.permanent_fit / total * (1.0 + infant) * within * step;
        }
    }
    sum / real(end)
}

/// Where an increasing function reaches a value, below `high`.
fn inverse(function: &impl Fn(f64) -> f64, value: f64, high: f64) -> f64 {
    let (mut low, mut high) = (0.0, high);
    // Sixty halvings of a century are far below a second.
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if function(middle) < value {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}
