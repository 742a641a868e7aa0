//! Harness for scrubjay's tests.
//!
//! * [`edac_model`]: an exact model of the kernel's EDAC counters that keeps the truth beside them.
//! * [`histories`]: random lives of a host, and the loop that plays them to an agent.
//! * [`trees`]: writing host trees, and the trees in `fixtures/`.

pub mod edac_model;
pub mod histories;
pub mod trees;

#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod reference_agent;
