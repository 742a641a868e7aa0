//! What is true of a simulated fleet, beside what was observed of it.

use super::mode::Mode;
use crate::memory::{Cell, Observation, Seconds};

/// A node.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatedNode {
    /// Its number.
    pub index: u32,
    /// Whether its firmware keeps errors to itself, so that nothing is observed of them.
    pub firmware_first: bool,
    /// Whether errors are counted and not reported.
    pub counters_only: bool,
    /// When it went down, and was up again; in order.
    pub boots: Vec<Boot>,
    /// Its DIMMs, by slot.
    pub dimms: Vec<SimulatedDimm>,
}

/// One boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Boot {
    /// When the node went down.
    pub down: Seconds,
    /// When it was up again.
    pub up: Seconds,
    /// Why it went down.
    pub why: Why,
}

/// Why a node went down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Somebody planned it.
    Planned,
    /// It died, and not of its memory.
    Unplanned,
    /// An uncorrected error crashed it.
    Uncorrected,
    /// A DIMM was replaced.
    Repair,
}

impl Why {
    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Unplanned => "unplanned",
            Self::Uncorrected => "uncorrected",
            Self::Repair => "repair",
        }
    }

    /// Whether it was shut down in order, so that counters could be read a last time.
    pub fn is_clean(self) -> bool {
        match self {
            Self::Planned | Self::Repair => true,
            Self::Unplanned | Self::Uncorrected => false,
        }
    }
}

/// A slot of a node, and what was in it.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatedDimm {
    /// Its number in the node.
    pub slot: u16,
    /// The socket it hangs on.
    pub socket: u16,
    /// The channel, numbered within the socket.
    pub channel: u16,
    /// What was observed, in the order of time.
    pub observations: Vec<Observation>,
    /// What was the case.
    pub truth: DimmTruth,
}

/// What was the case in a slot.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DimmTruth {
    /// Faults that were there during the simulation, of all DIMMs that were in the slot.
    pub faults: Vec<FaultTruth>,
    /// Uncorrected errors, in the order of time.
    pub uncorrected: Vec<UncorrectedTruth>,
    /// Replacements, in the order of time.
    pub swaps: Vec<Swap>,
    /// When a trend began and ended, in a study of trends.
    pub ramp: Option<(Seconds, Seconds)>,
}

/// A fault.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultTruth {
    /// Its number in the node. A fault of a channel has the same one with each DIMM.
    pub id: u32,
    /// Which DIMM of the slot has it: 0 for the first, one more with each replacement.
    pub life: u16,
    /// What is broken.
    pub mode: Mode,
    /// Whether it stays.
    pub permanent: bool,
    /// When it began: before the simulation, if negative.
    pub onset: Seconds,
    /// When it could show for the last time: it was cleared, its pages or its DIMM were taken out.
    /// `None` for still there.
    pub until: Option<Seconds>,
    /// The first uncorrected error that comes of it, if that is in the simulation and the DIMM is
    /// still there.
    pub t_ue: Option<Seconds>,
    /// Cells that were hit during the simulation, in the order in which they were.
    pub cells: Vec<Cell>,
    /// Corrected errors during the simulation, whether or not anybody saw them.
    pub errors: u64,
}

/// An uncorrected error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UncorrectedTruth {
    /// When.
    pub at: Seconds,
    /// Which DIMM of the slot.
    pub life: u16,
    /// The fault it comes of; `None` for a sudden one.
    pub fault: Option<u32>,
    /// Whether it crashed the node; otherwise it killed a process.
    pub crashed: bool,
    /// Where.
    pub cell: Cell,
}

/// A replacement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Swap {
    /// When.
    pub at: Seconds,
    /// Whether another DIMM should have been replaced.
    pub wrong: bool,
}
