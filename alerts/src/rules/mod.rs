//! The rules, by what they look at. Each returns findings and knows nothing of the others.

pub(crate) mod catalogue;
pub(crate) mod dimms;
pub(crate) mod history;
pub(crate) mod kernel;
pub(crate) mod livepatch;
pub(crate) mod livepatch_systems;
pub(crate) mod markers;
pub(crate) mod memory;
pub(crate) mod microcode;
pub(crate) mod pages;
pub(crate) mod panics;
pub(crate) mod patches;
pub(crate) mod previous_boot;
pub(crate) mod processes;
pub(crate) mod provenance;
pub(crate) mod scrub;
pub(crate) mod sources;
