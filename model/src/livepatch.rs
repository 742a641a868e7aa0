//! Live patches as the kernel's own core shows them (Documentation/ABI/testing/sysfs-kernel-livepatch).

use crate::{Present, Reading};
use serde::Serialize;

/// `/sys/kernel/livepatch`. The directory exists exactly when the kernel was built with
/// `CONFIG_LIVEPATCH`; without it the state is "unsupported", not "unpatched".
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Livepatch {
    /// The patches listed, by name.
    pub patches: Vec<Patch>,
    /// The tasks a running transition waits for; `None` while no transition runs.
    pub blockers: Option<Reading<Vec<Blocker>>>,
}

/// One live patch module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Patch {
    /// Name of the module and of the directory.
    pub name: String,
    /// `enabled`: applied or being applied; otherwise being removed.
    pub enabled: Reading<bool>,
    /// `transition` (4.12): not every task has been switched yet.
    pub transition: Reading<bool>,
    /// `replace` (6.11): cumulative, replaces all others.
    pub replace: Reading<bool>,
    /// `stack_order`: 1 was applied first; the highest wins for a function patched twice.
    pub stack_order: Reading<u32>,
    /// The patched objects.
    pub objects: Reading<Vec<PatchObject>>,
    /// `/sys/module/<name>/taint`, for example `OEK`.
    pub module_taint: Reading<String>,
}

/// `vmlinux` or a module that a patch changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PatchObject {
    /// Name of the object.
    pub name: String,
    /// `patched` (6.1): false for a module that is not loaded.
    pub patched: Reading<bool>,
    /// Whether it is loaded: `/sys/module/<name>` is there. Asked only of a module that is not
    /// patched; it is no fault there unless it is loaded.
    pub loaded: Option<Reading<Present>>,
    /// `function,sympos` directories.
    pub functions: Reading<Vec<String>>,
}

/// A task that keeps a transition from completing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Blocker {
    /// Process.
    pub pid: u32,
    /// Thread; the transition is per thread.
    pub tid: u32,
    /// `comm` of the thread.
    pub comm: Reading<String>,
    /// Its `patch_state`: 0 runs the old code, 1 the new.
    pub patch_state: i8,
}

impl Patch {
    /// Functions changed, over all objects. `None` when any list could not be read.
    pub fn function_count(&self) -> Option<usize> {
        self.objects
            .value()?
            .iter()
            .try_fold(0, |sum, object| Some(sum + object.functions.value()?.len()))
    }
}
