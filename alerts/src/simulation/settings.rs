//! What a simulated fleet is made of: every parameter, with its default and where that is from.
//!
//! Where a comment names a study, the figure was read there; "fitted" means to the corrected-error
//! logs of SmartMem (Huawei, DDR4, Purley); "assumed" means that there is no source. docs/simulation.md
//! has the table.

use super::mode::{MODES, ModeSettings};

/// Seconds of an hour.
pub(super) const HOUR: i64 = 3600;

/// Seconds of a day.
pub(super) const DAY: i64 = 24 * HOUR;

/// Seconds of a window: activity of faults is drawn for each six hours.
pub const WINDOW: i64 = 6 * HOUR;

/// Parameters of a fleet. The same ones always make the same fleet.
#[derive(Debug, Clone, PartialEq)]
pub struct FleetSettings {
    /// Where the draws begin.
    pub seed: u64,
    /// Nodes.
    pub nodes: u32,
    /// DIMMs in a node, at most 512.
    pub dimms_per_node: u16,
    /// Sockets of a node, each with its share of the channels.
    pub sockets: u16,
    /// DIMMs on a channel.
    pub dimms_per_channel: u16,
    /// Days that are simulated.
    pub days: u32,
    /// Days before that for which DIMMs were in use: faults of then are still there.
    pub warm_up_days: u32,
    /// How faults come about.
    pub rates: Rates,
    /// What faults do, by mode.
    pub modes: [ModeSettings; MODES],
    /// How faults show over time.
    pub activity: Activity,
    /// How faults become uncorrected errors, and what these do.
    pub escalation: Escalation,
    /// Which bits are wrong.
    pub bits: Bits,
    /// Faults of channels.
    pub channels: Channels,
    /// When nodes boot.
    pub boots: Boots,
    /// What observers see of it.
    pub observers: Observers,
    /// What happens after an uncorrected error.
    pub repair: Repair,
    /// Taking pages out of use; `None` for a fleet in which nobody does.
    pub offlining: Option<Offlining>,
    /// A study of trends instead of a fleet.
    pub study: Option<Study>,
}

/// How faults come about.
#[derive(Debug, Clone, PartialEq)]
pub struct Rates {
    /// DRAM devices of a DIMM, for the rates of [`ModeSettings`].
    pub devices: u8,
    /// Rates of vendors against each other; a DIMM is of any with the same probability. Cell
    /// faults of three vendors in the component model.
    pub vendors: [f64; 3],
    /// Nodes differ: the logarithm of a node's factor has this mean and deviation. Assumed; the
    /// mean makes the factor one on average.
    pub node: LogNormal,
    /// A new DIMM has this many times more faults, in addition. Assumed.
    pub infant: f64,
    /// In so many days that falls to 1/e. Assumed.
    pub infant_days: f64,
}

/// Mean and deviation of a logarithm that is normally distributed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LogNormal {
    /// The mean.
    pub mean: f64,
    /// The deviation.
    pub deviation: f64,
}

/// How faults show over time.
#[derive(Debug, Clone, PartialEq)]
pub struct Activity {
    /// Share of the deviation of a mode's counts that is between faults; fitted.
    pub between_faults: f64,
    /// Share of it that is between the windows of a fault; fitted.
    pub between_windows: f64,
    /// Most errors of a fault in a window: logs of the field end near it.
    pub most: u32,
    /// Beta distribution of the share of windows in which a permanent fault shows. The shape is
    /// assumed; the second number is tuned, see docs/simulation.md.
    pub duty: (f64, f64),
    /// How long phases last in which a permanent fault shows, in days. Assumed.
    pub on_days: LogNormal,
    /// And those in which it does not. Assumed.
    pub off_days: LogNormal,
    /// The duty is so many times higher in the former. Assumed.
    pub on_factor: f64,
    /// Most windows in which a transient fault shows.
    pub transient_windows: u32,
    /// Probability that an error is in a cell that was not hit before. Assumed.
    pub new_cell: f64,
    /// Hours in which scrubbing passes over the memory; `None` if it is off.
    pub scrub_hours: Option<u32>,
    /// Probability that a pass hits a permanent fault that shows on that day. Assumed.
    pub scrub_hits: f64,
}

/// How faults become uncorrected errors, and what these do.
#[derive(Debug, Clone, PartialEq)]
pub struct Escalation {
    /// Shape of the Weibull distribution of the time from onset to the uncorrected error. Assumed;
    /// below one, the hazard falls with time.
    pub shape: f64,
    /// Share of faults that do so within [`Escalation::within_days`]; modes by their likelihood
    /// ratio. Of 70,000 DIMMs with corrected errors, 1,700 failed in nine months (M2-MFP).
    pub share: f64,
    /// See there.
    pub within_days: f64,
    /// For so many days before it the fault shows more; fitted, as is what follows.
    pub louder_days: f64,
    /// Added to the logarithm of counts then.
    pub louder_by: f64,
    /// Share of windows in which it shows then; the last one always.
    pub louder_duty: f64,
    /// Share of uncorrected errors without a fault that showed before.
    pub sudden_share: f64,
    /// Share of uncorrected errors that crash the node; others kill a process. Assumed.
    pub crash_share: f64,
}

/// Which bits are wrong: probability for a window, before a failure and otherwise; fitted.
#[derive(Debug, Clone, PartialEq)]
pub struct Bits {
    /// Errors in two or three data lines (DQ) of a device, before a failure.
    pub lines_failing: f64,
    /// The same, otherwise.
    pub lines_benign: f64,
    /// Wrong beats exactly four apart, before a failure.
    pub interval_failing: f64,
    /// The same, otherwise.
    pub interval_benign: f64,
    /// A fault either never shows such bits without failing, or in this share of its windows.
    /// Assumed; one for a coin that is thrown anew for each window.
    pub habit: f64,
    /// Errors in quick succession (a storm), before a failure.
    pub storm_failing: f64,
    /// The same, otherwise.
    pub storm_benign: f64,
    /// From and to how many seconds errors of a storm are apart. Assumed.
    pub storm_seconds: (f64, f64),
}

/// Faults of channels: every DIMM of a channel has errors.
#[derive(Debug, Clone, PartialEq)]
pub struct Channels {
    /// Their share of all faults. Tuned, see docs/simulation.md.
    pub share: f64,
    /// Errors of the channel in a day, from and to, the logarithm being evenly distributed.
    pub errors_per_day: (f64, f64),
    /// Days, from and to.
    pub days: (f64, f64),
    /// Cells of a DIMM that show in it, from and to. Assumed.
    pub places: (f64, f64),
}

/// When nodes boot. All of it is assumed.
#[derive(Debug, Clone, PartialEq)]
pub struct Boots {
    /// Days between planned boots, from and to.
    pub planned_days: (f64, f64),
    /// Boots in a year that nobody planned and memory did not cause.
    pub unplanned_per_year: f64,
    /// Minutes that a planned boot takes.
    pub planned_minutes: u32,
    /// Minutes until a node is up again that went down by itself.
    pub unplanned_minutes: u32,
}

/// What observers see.
#[derive(Debug, Clone, PartialEq)]
pub struct Observers {
    /// Time between two looks at the counters, in seconds; divides a window.
    pub poll_seconds: u32,
    /// Share of nodes whose firmware keeps everything to itself. Assumed.
    pub firmware_first: f64,
    /// Share of the other nodes that count and report no places.
    pub counters_only: f64,
    /// Share of the other nodes whose reports have no bits.
    pub without_bits: f64,
    /// Whether a log takes at most one record of a fault in a second; counters are exact.
    pub one_record_per_second: bool,
    /// Beyond so many errors in a poll the hardware flags an overflow, and a count is a lower
    /// bound.
    pub overflow_beyond: f64,
    /// How finely reports are told.
    pub resolution: Resolution,
}

/// How finely reports are told. The fleet is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// In each window, reports that agree in everything are one, told at the time of the first.
    Windows,
    /// Each by itself.
    Events,
}

/// What happens after an uncorrected error. Assumed.
#[derive(Debug, Clone, PartialEq)]
pub struct Repair {
    /// Hours until the DIMM is replaced.
    pub hours: f64,
    /// Share of replacements at which another DIMM of the node is taken by mistake.
    pub wrong: f64,
    /// Then the fault strikes again: days on average. Of nodes whose memory had failed, 31 % failed
    /// again within 30 days (LANL).
    pub again_days: f64,
    /// Minutes for which the node is down.
    pub minutes: u32,
}

/// Taking pages out of use, and what it changes. Pages that a boot put back in use are taken out
/// again after it.
#[derive(Debug, Clone, PartialEq)]
pub struct Offlining {
    /// After so many errors of a fault in one window.
    pub errors: u32,
    /// Share of attempts that fail.
    pub fails: f64,
    /// What remains of the hazard of a cell fault. Assumed.
    pub cell: f64,
    /// What remains of the hazard of a row fault. Assumed.
    pub row: f64,
}

/// A study of trends: each DIMM has one permanent fault from the beginning, and none fails. Nothing
/// else happens to nodes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Study {
    /// Whether faults have phases; otherwise windows are independent.
    pub phased: bool,
    /// A trend; `None` for none.
    pub ramp: Option<Ramp>,
}

/// A trend.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ramp {
    /// The day with which it begins.
    pub day: u32,
    /// For so many days.
    pub days: u32,
    /// Counts double in so many days.
    pub doubling_days: f64,
    /// Share of windows in which the fault shows.
    pub duty: f64,
}

impl Ramp {
    /// Doubling every two days for fourteen.
    pub fn from_day(day: u32) -> Self {
        Self { day, days: 14, doubling_days: 2.0, duty: 0.95 }
    }
}

impl Study {
    /// One without trend.
    pub fn without_trend(phased: bool) -> Self {
        Self { phased, ramp: None }
    }
}

impl FleetSettings {
    /// The fleet of docs/simulation.md: 10,000 nodes with 16 DIMMs each, for a year.
    pub fn with_seed(seed: u64) -> Self {
        Self {
            seed,
            nodes: 10_000,
            dimms_per_node: 16,
            sockets: 2,
            dimms_per_channel: 2,
            days: 365,
            warm_up_days: 730,
            rates: Rates {
                devices: 18,
                vendors: [2.28, 0.35, 0.36],
                node: LogNormal { mean: -0.245, deviation: 0.7 },
                infant: 1.0,
                infant_days: 90.0,
            },
            modes: ModeSettings::field(),
            activity: Activity {
                between_faults: 0.75,
                between_windows: 0.66,
                most: 1800,
                duty: (0.3, 3.0),
                on_days: LogNormal { mean: 1.791_759, deviation: 1.2 },
                off_days: LogNormal { mean: 2.639_057, deviation: 1.2 },
                on_factor: 2.2,
                transient_windows: 4,
                new_cell: 0.3,
                scrub_hours: Some(24),
                scrub_hits: 0.5,
            },
            escalation: Escalation {
                shape: 0.5,
                share: 0.024,
                within_days: 270.0,
                louder_days: 7.0,
                louder_by: 1.3,
                louder_duty: 0.6,
                sudden_share: 0.25,
                crash_share: 0.6,
            },
            bits: Bits {
                lines_failing: 0.48,
                lines_benign: 0.057,
                interval_failing: 0.18,
                interval_benign: 0.018,
                habit: 0.3,
                storm_failing: 0.13,
                storm_benign: 0.01,
                storm_seconds: (0.1, 20.0),
            },
            channels: Channels {
                share: 0.006,
                errors_per_day: (1e3, 1e5),
                days: (1.0, 30.0),
                places: (50.0, 1000.0),
            },
            boots: Boots {
                planned_days: (60.0, 365.0),
                unplanned_per_year: 0.5,
                planned_minutes: 10,
                unplanned_minutes: 15,
            },
            observers: Observers {
                poll_seconds: 900,
                firmware_first: 0.1,
                counters_only: 0.0,
                without_bits: 0.0,
                one_record_per_second: true,
                overflow_beyond: 1.0,
                resolution: Resolution::Windows,
            },
            repair: Repair { hours: 24.0, wrong: 0.05, again_days: 81.0, minutes: 30 },
            offlining: None,
            study: None,
        }
    }

    /// When the simulation ends, in seconds from its beginning.
    pub fn end(&self) -> i64 {
        i64::from(self.days) * DAY
    }
}

impl Offlining {
    /// After ten errors of a fault in a window; 6 % of attempts fail (Meza 2015).
    pub fn usual() -> Self {
        Self { errors: 10, fails: 0.06, cell: 0.1, row: 0.3 }
    }
}
