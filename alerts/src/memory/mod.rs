//! From errors to faults, from faults to risk, from risk to what is worth doing.
//!
//! The same engine judges a host that runs, a log that was imported and a fleet that was simulated:
//! it sees [`Observation`]s and nothing else, so that what `replay` says of a policy holds for
//! the agent that runs by it.

mod trace;

pub use trace::observations;

pub use scrubjay_model::{Cell, CountsFrom, Hit, Observation, Parity, Seconds};
