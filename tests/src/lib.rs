//! Harness for scrubjay's tests.
//!
//! * [`backfill`]: a fleet as Prometheus would have scraped it, with the truth beside it.
//! * [`bundles`]: signed reports of many hosts.
//! * [`directory`]: a host tree as real files, for an agent that watches it change.
//! * [`edac_model`]: an exact model of the kernel's EDAC counters that keeps the truth beside them.
//! * [`firmware`]: SMBIOS tables with the sticks of a board.
//! * [`fleet_answers`] and [`fleet_api`]: a fleet whose truth is known, and a server that tells of it.
//! * [`golden`]: files with what people and scrapers read.
//! * [`grafana`]: the dashboards, from which the files in `grafana/dashboards` are made.
//! * [`histories`]: random lives of a host, and the loop that plays them to an agent.
//! * `snapshots`: what the collector would have read, where no tree is needed.
//! * [`timelines`]: fixed lives of a host, one per way in which counters and clocks mislead.
//! * [`trees`]: writing host trees, and the trees in `fixtures/`.

pub mod backfill;
pub mod bundles;
pub mod directory;
pub mod edac_model;
pub mod firmware;
pub mod fleet_answers;
pub mod fleet_api;
pub mod golden;
pub mod grafana;
pub mod histories;
pub mod timelines;
pub mod trees;

#[cfg(test)]
mod fixture_tests;
#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod reference_agent;
