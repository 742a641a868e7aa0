//! Harness for scrubjay's tests.
//!
//! * [`edac_model`]: an exact model of the kernel's EDAC counters that keeps the truth beside them.
//! * [`histories`]: random lives of a host, and the loop that plays them to an agent.
//! * [`timelines`]: fixed lives of a host, one per way in which counters and clocks mislead.
//! * [`trees`]: writing host trees, and the trees in `fixtures/`.

pub mod edac_model;
pub mod histories;
pub mod timelines;
pub mod trees;

#[cfg(test)]
mod fixture_tests;
#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod reference_agent;
