//! What is known of the errors of one DIMM, in the order of time.

use crate::{Cell, Parity};

/// A moment: seconds since the Unix epoch, or since the beginning of a simulation.
pub type Seconds = i64;

/// One step of a DIMM's record. A record is in the order of its moments; steps of one moment are in
/// any order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observation {
    /// A counter was watched.
    Counted {
        /// From when.
        from: Seconds,
        /// Until when; after `from`.
        until: Seconds,
        /// Of that, how long it was watched, in seconds; errors of the rest are in `errors` too if
        /// the counter ran on.
        watched: u32,
        /// Corrected errors counted in it.
        errors: u64,
        /// Whether there may have been more: the counter began anew, or the log was full.
        at_least: bool,
    },
    /// One report of corrected errors, or several that agree in everything.
    Reported(Hit),
    /// An uncorrected error: deferred, consumed or fatal.
    Uncorrected {
        /// When.
        at: Seconds,
        /// Where, if the report said.
        cell: Cell,
        /// The page, by its number.
        page: Option<u64>,
    },
    /// The host booted: counters began anew, and pages taken out of use are in use again.
    Booted {
        /// When.
        at: Seconds,
    },
    /// The page was taken out of use.
    Offlined {
        /// When.
        at: Seconds,
        /// Which, by its number.
        page: u64,
    },
    /// Another DIMM is in the slot. What is open of the old one is closed.
    Replaced {
        /// When.
        at: Seconds,
    },
}

/// A report of corrected errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// When.
    pub at: Seconds,
    /// How many errors; at least one.
    pub errors: u32,
    /// Where in the DRAM.
    pub cell: Cell,
    /// Where in physical memory: number of the page.
    pub page: Option<u64>,
    /// Which bits of the transfer were wrong.
    pub parity: Option<Parity>,
    /// Whether scrubbing found it, where the platform says.
    pub by_scrub: Option<bool>,
}

/// Where the number of errors in a record comes from. A platform that counts and reports tells of
/// the same errors twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CountsFrom {
    /// From [`Observation::Counted`]; reports tell of places alone.
    Counters,
    /// From [`Observation::Reported`]: nobody counts.
    Reports,
}

impl Observation {
    /// When it was known.
    pub fn at(&self) -> Seconds {
        match *self {
            Self::Counted { until, .. } => until,
            Self::Reported(hit) => hit.at,
            Self::Uncorrected { at, .. }
            | Self::Booted { at }
            | Self::Offlined { at, .. }
            | Self::Replaced { at } => at,
        }
    }
}
