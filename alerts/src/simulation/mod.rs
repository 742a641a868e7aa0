//! Fleets that were never built: faults, errors, failures, boots and repairs drawn from a seed, with
//! what is true of them beside what was observed of them.
//!
//! A [`Fleet`] makes one node at a time, from its settings and the node's number alone: the same one
//! on any thread and in any order. Times are seconds from the beginning of the simulation. What
//! each parameter is, and how the fleet compares with those of studies, stands in
//! docs/simulation.md.

mod activity;
mod check;
mod fault;
mod fleet;
mod measure;
mod mode;
mod offlining;
mod random;
mod record;
mod settings;
mod truth;

pub use check::SettingsError;
pub use fleet::Fleet;
pub use measure::{Measured, Measures};
pub use mode::{MODES, Mode, ModeSettings};
pub use settings::{
    Activity, Bits, Boots, Channels, Escalation, FleetSettings, LogNormal, Observers, Offlining,
    Ramp, Rates, Repair, Resolution, Study, WINDOW,
};
pub use truth::{
    Boot, DimmTruth, FaultTruth, SimulatedDimm, SimulatedNode, Swap, UncorrectedTruth, Why,
};

#[cfg(test)]
mod tests;
