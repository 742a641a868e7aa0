//! Refuses settings that make no sense, so that no draw has to.

use super::settings::{FleetSettings, LogNormal, WINDOW};

/// A setting that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsError {
    /// Which.
    pub setting: &'static str,
    /// What it has to be.
    pub must: &'static str,
}

impl std::fmt::Display for SettingsError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} must {}", self.setting, self.must)
    }
}

impl std::error::Error for SettingsError {}

/// Most nodes and days; beyond, numbers of files and of streams would not hold.
const MOST_DAYS: u32 = 36_500;

/// Most DIMMs of a node.
const MOST_DIMMS: u16 = 512;

/// Looks at every setting.
pub(super) fn check(settings: &FleetSettings) -> Result<(), SettingsError> {
    let FleetSettings { rates, activity, escalation, bits, channels, boots, .. } = settings;
    let FleetSettings { observers, repair, .. } = settings;
    let require = |holds: bool, setting, must| {
        if holds { Ok(()) } else { Err(SettingsError { setting, must }) }
    };
    let share = |value: f64, setting| {
        require((0.0..=1.0).contains(&value), setting, "be a share from 0 to 1")
    };
    let positive = |value: f64, setting| {
        require(value > 0.0 && value.is_finite(), setting, "be more than 0, and finite")
    };
    let span = |(low, high): (f64, f64), setting| {
        require(
            low > 0.0 && low <= high && high.is_finite(),
            setting,
            "be two positive numbers, the smaller one first",
        )
    };
    let log = |log: LogNormal, setting| {
        require(
            log.mean.is_finite() && log.deviation.is_finite() && log.deviation >= 0.0,
            setting,
            "have a finite mean, and a deviation of at least 0",
        )
    };

    require(settings.nodes > 0, "nodes", "be at least 1")?;
    require(
        (1..=MOST_DIMMS).contains(&settings.dimms_per_node),
        "dimms_per_node",
        "be from 1 to 512",
    )?;
    require((1..=64).contains(&settings.sockets), "sockets", "be from 1 to 64")?;
    require(
        (1..=16).contains(&settings.dimms_per_channel),
        "dimms_per_channel",
        "be from 1 to 16",
    )?;
    require((1..=MOST_DAYS).contains(&settings.days), "days", "be from 1 to 36,500")?;
    require(settings.warm_up_days <= MOST_DAYS, "warm_up_days", "be at most 36,500")?;

    require(rates.devices > 0, "rates.devices", "be at least 1")?;
    for vendor in rates.vendors {
        positive(vendor, "rates.vendors")?;
    }
    log(rates.node, "rates.node")?;
    require(
        rates.infant >= 0.0 && rates.infant.is_finite(),
        "rates.infant",
        "be at least 0, and finite",
    )?;
    positive(rates.infant_days, "rates.infant_days")?;

    for mode in &settings.modes {
        let fit = mode.permanent_fit.min(mode.transient_fit);
        require(fit >= 0.0, "modes", "have rates of at least 0")?;
        require(
            mode.likelihood_ratio >= 0.0 && mode.likelihood_ratio.is_finite(),
            "modes",
            "have a likelihood ratio of at least 0",
        )?;
        log(
            LogNormal { mean: mode.errors_log_mean, deviation: mode.errors_log_deviation },
            "modes",
        )?;
        require(
            mode.places.0 >= 1 && mode.places.0 <= mode.places.1 && mode.places.1 <= 100_000,
            "modes",
            "have from 1 to 100,000 cells, the fewest first",
        )?;
    }
    let total: f64 =
        settings.modes.iter().map(|mode| mode.permanent_fit + mode.transient_fit).sum();
    positive(total, "modes: the sum of their rates")?;
    let failing: f64 =
        settings.modes.iter().map(|mode| mode.permanent_fit * mode.likelihood_ratio).sum();
    require(
        failing > 0.0 || escalation.share == 0.0,
        "modes",
        "have a permanent one that can fail, or escalation.share must be 0",
    )?;

    share(activity.between_faults, "activity.between_faults")?;
    share(activity.between_windows, "activity.between_windows")?;
    require((1..=1_000_000).contains(&activity.most), "activity.most", "be from 1 to 1,000,000")?;
    span((activity.duty.0, f64::MAX), "activity.duty")?;
    span((activity.duty.1, f64::MAX), "activity.duty")?;
    log(activity.on_days, "activity.on_days")?;
    log(activity.off_days, "activity.off_days")?;
    positive(activity.on_factor, "activity.on_factor")?;
    require(activity.transient_windows > 0, "activity.transient_windows", "be at least 1")?;
    share(activity.new_cell, "activity.new_cell")?;
    require(
        activity.scrub_hours.is_none_or(|hours| (1..=8760).contains(&hours)),
        "activity.scrub_hours",
        "be from 1 to 8,760, or none",
    )?;
    share(activity.scrub_hits, "activity.scrub_hits")?;

    positive(escalation.shape, "escalation.shape")?;
    require(
        (0.0..0.2).contains(&escalation.share),
        "escalation.share",
        "be from 0 to less than 0.2",
    )?;
    positive(escalation.within_days, "escalation.within_days")?;
    positive(escalation.louder_days, "escalation.louder_days")?;
    require(escalation.louder_by.is_finite(), "escalation.louder_by", "be finite")?;
    share(escalation.louder_duty, "escalation.louder_duty")?;
    require(
        (0.0..=0.9).contains(&escalation.sudden_share),
        "escalation.sudden_share",
        "be from 0 to 0.9",
    )?;
    share(escalation.crash_share, "escalation.crash_share")?;

    for (value, setting) in [
        (bits.lines_failing, "bits.lines_failing"),
        (bits.lines_benign, "bits.lines_benign"),
        (bits.interval_failing, "bits.interval_failing"),
        (bits.interval_benign, "bits.interval_benign"),
        (bits.storm_failing, "bits.storm_failing"),
        (bits.storm_benign, "bits.storm_benign"),
    ] {
        share(value, setting)?;
    }
    require(
        bits.habit <= 1.0 && bits.habit >= bits.lines_benign.max(bits.interval_benign),
        "bits.habit",
        "be at most 1, and at least the benign shares",
    )?;
    span(bits.storm_seconds, "bits.storm_seconds")?;

    require((0.0..=0.9).contains(&channels.share), "channels.share", "be from 0 to 0.9")?;
    span(channels.errors_per_day, "channels.errors_per_day")?;
    // One that goes on for ever with millions of errors a day is not a fault but a full disk.
    require(channels.errors_per_day.1 <= 1e6, "channels.errors_per_day", "be at most 1,000,000")?;
    span(channels.days, "channels.days")?;
    span(channels.places, "channels.places")?;
    require(channels.places.1 <= 1e5, "channels.places", "be at most 100,000")?;

    span(boots.planned_days, "boots.planned_days")?;
    require(boots.planned_days.0 >= 1.0, "boots.planned_days", "be at least 1")?;
    require(
        (0.0..=365.0).contains(&boots.unplanned_per_year),
        "boots.unplanned_per_year",
        "be from 0 to 365",
    )?;
    for (minutes, setting) in [
        (boots.planned_minutes, "boots.planned_minutes"),
        (boots.unplanned_minutes, "boots.unplanned_minutes"),
        (repair.minutes, "repair.minutes"),
    ] {
        require((1..=10_080).contains(&minutes), setting, "be from 1 to 10,080 (a week)")?;
    }

    let poll = i64::from(observers.poll_seconds);
    require(
        poll > 0 && WINDOW % poll == 0,
        "observers.poll_seconds",
        "divide a window of 21,600 seconds",
    )?;
    share(observers.firmware_first, "observers.firmware_first")?;
    share(observers.counters_only, "observers.counters_only")?;
    share(observers.without_bits, "observers.without_bits")?;
    require(observers.overflow_beyond >= 0.0, "observers.overflow_beyond", "be at least 0")?;

    positive(repair.hours, "repair.hours")?;
    share(repair.wrong, "repair.wrong")?;
    positive(repair.again_days, "repair.again_days")?;
    if let Some(offlining) = &settings.offlining {
        require(offlining.errors > 0, "offlining.errors", "be at least 1")?;
        share(offlining.fails, "offlining.fails")?;
        for factor in [offlining.cell, offlining.row] {
            require(
                factor > 0.0 && factor <= 1.0,
                "offlining.cell and offlining.row",
                "be more than 0 and at most 1",
            )?;
        }
    }
    if let Some(ramp) = settings.study.and_then(|study| study.ramp) {
        require(ramp.days > 0, "study.ramp.days", "be at least 1")?;
        require(
            ramp.day.saturating_add(ramp.days) <= settings.days,
            "study.ramp",
            "end before the simulation does",
        )?;
        positive(ramp.doubling_days, "study.ramp.doubling_days")?;
        share(ramp.duty, "study.ramp.duty")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{FleetSettings, check};
    use crate::simulation::settings::{Ramp, Study};

    #[test]
    fn the_fleet_of_the_documentation_makes_sense() {
        assert_eq!(check(&FleetSettings::with_seed(0)), Ok(()));
    }

    #[test]
    fn settings_that_make_no_sense_are_named() {
        type Change = fn(&mut FleetSettings);
        let cases: [(&str, Change); 14] = [
            ("nodes", |s| s.nodes = 0),
            ("dimms_per_node", |s| s.dimms_per_node = 513),
            ("days", |s| s.days = 0),
            ("rates.vendors", |s| s.rates.vendors[1] = 0.0),
            ("rates.infant_days", |s| s.rates.infant_days = f64::NAN),
            ("activity.duty", |s| s.activity.duty.1 = -1.0),
            ("escalation.sudden_share", |s| s.escalation.sudden_share = 1.0),
            ("bits.habit", |s| s.bits.habit = 0.01),
            ("channels.errors_per_day", |s| s.channels.errors_per_day = (10.0, 1.0)),
            ("boots.planned_days", |s| s.boots.planned_days = (0.001, 1.0)),
            ("observers.poll_seconds", |s| s.observers.poll_seconds = 1000),
            ("repair.wrong", |s| s.repair.wrong = 1.5),
            ("modes", |s| s.modes[2].places = (7, 2)),
            ("study.ramp", |s| {
                s.study = Some(Study { phased: true, ramp: Some(Ramp::from_day(360)) });
            }),
        ];
        for (setting, change) in cases {
            let mut settings = FleetSettings::with_seed(0);
            change(&mut settings);
            assert_eq!(check(&settings).unwrap_err().setting, setting);
        }
    }
}
