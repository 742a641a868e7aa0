//! The running kernel beside what is installed and what will be started: what is newer, whether a
//! reboot brings it, and what it fixes.
//!
//! Four words are kept apart: *available* (a fix is released), *installed* (it is on disk),
//! *live-patched* (the running kernel has it without a boot), *running* (a boot brought it).

mod debt;
mod relation;
mod running;

pub use debt::{FixState, KernelDebt, MissingFix};
pub use relation::{KernelRelation, KernelState, NewestKernel, NextKernel};
pub use running::RunningKernel;

#[cfg(test)]
mod tests;
