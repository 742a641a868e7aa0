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

use crate::{Reading, Snapshot};
use serde::Serialize;

/// What is known of a host's kernel patches after one pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PatchTruth {
    /// The running kernel beside the newest one installed, and the next boot.
    pub kernel: KernelState,
    /// What the newest one fixes and the running one does not; not a value where no list tells.
    pub debt: Reading<KernelDebt>,
}

impl Snapshot {
    /// What it says of the kernel's patches.
    pub fn patch_truth(&self) -> PatchTruth {
        let kernel = self.kernel_state();
        PatchTruth { debt: self.kernel_debt(&kernel), kernel }
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod unversioned_tests;
