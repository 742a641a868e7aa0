//! What is replayed: the record of each DIMM of a node, and which of them failed.

use crate::memory::{CountsFrom, Observation, Seconds, Topology};

/// The DIMMs of one node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Node {
    /// Each of its slots.
    pub dimms: Vec<Dimm>,
}

/// The record of one slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dimm {
    /// Where it sits, as far as known.
    pub place: Topology,
    /// Where the number of its errors comes from.
    pub counts: CountsFrom,
    /// What was known, in the order of time.
    pub observations: Vec<Observation>,
    /// When it failed, in the order of time: as it really was, not as it was observed.
    pub failures: Vec<Failure>,
}

/// A failure: an uncorrected error, or what a ticket says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    /// When.
    pub at: Seconds,
    /// Whether nothing could have announced it, where the truth is known. Where it is not, a
    /// failure is called sudden if no corrected error of the DIMM was seen before it.
    pub sudden: Option<bool>,
}

impl Dimm {
    /// One whose failures are the uncorrected errors that were observed.
    pub fn observed(counts: CountsFrom, mut observations: Vec<Observation>) -> Self {
        observations.sort_by_key(Observation::at);
        let mut failures: Vec<Failure> = Vec::new();
        for observation in &observations {
            let Observation::Uncorrected { at, .. } = *observation else { continue };
            // Uncorrected errors of one place within 30 seconds are one event (Levy, SC'18).
            if failures.last().is_none_or(|last| at.saturating_sub(last.at) > ONE_EVENT) {
                failures.push(Failure { at, sudden: None });
            }
        }
        Self { place: Topology::default(), counts, observations, failures }
    }

    /// The corrected errors that an observation adds to the number of them.
    pub(super) fn corrected(counts: CountsFrom, observation: &Observation) -> u64 {
        match (counts, *observation) {
            (CountsFrom::Counters, Observation::Counted { errors, .. }) => errors,
            (CountsFrom::Reports, Observation::Reported(hit)) => u64::from(hit.errors),
            (
                CountsFrom::Counters | CountsFrom::Reports,
                Observation::Counted { .. }
                | Observation::Reported(_)
                | Observation::Uncorrected { .. }
                | Observation::Booted { .. }
                | Observation::Offlined { .. }
                | Observation::Replaced { .. },
            ) => 0,
        }
    }

    /// Whether an observation shows that there was a corrected error.
    pub(super) fn shows_error(observation: &Observation) -> bool {
        match observation {
            Observation::Counted { errors, .. } => *errors > 0,
            Observation::Reported(_) => true,
            Observation::Uncorrected { .. }
            | Observation::Booted { .. }
            | Observation::Offlined { .. }
            | Observation::Replaced { .. } => false,
        }
    }
}

/// Uncorrected errors within this time are one event.
const ONE_EVENT: Seconds = 30;
