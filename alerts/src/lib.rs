//! From what was read to what it means. Pure: no clock, no file, no state; the same view always
//! yields the same assessment.

mod correlation;
mod finding;
mod rules;
#[cfg(test)]
mod testing;
mod visibility;

use scrubjay_model::{Accumulated, Assessment, Snapshot, StorageStats};

pub use correlation::{Correlator, Reconciled, reconcile};
pub use visibility::visibility;

/// Every code a finding can have, in order; each has its page in `docs/findings.md`.
pub const CODES: [&str; 36] = [
    "bad-page",
    "corrected-errors",
    "corrected-errors-collector",
    "corrected-errors-ignored",
    "corrected-errors-not-logged",
    "corrected-errors-not-polled",
    "corrected-errors-polled",
    "counters-contradict",
    "counters-unreadable",
    "ecc-off",
    "edac-switched-off",
    "edac-unreadable",
    "firmware-first",
    "guest",
    "history-not-written",
    "history-replaced",
    "history-unreadable",
    "kernel-died",
    "livepatch-disabled",
    "livepatch-transition",
    "machine-check",
    "machine-check-off",
    "memory-failure",
    "module-forced",
    "modules-removed",
    "no-edac-controller",
    "no-edac-core",
    "not-attributed",
    "pages-offlined",
    "proc-incomplete",
    "reboot-marker",
    "scrubbing-off",
    "soft-lockup",
    "source-unreadable",
    "uncorrected-errors",
    "visibility-unclear",
];

/// Assesses a host: what can be seen of it, what is wrong with it, and the verdict.
///
/// `storage` tells how the history fares; `None` where none is expected.
pub fn assess(
    snapshot: &Snapshot,
    accumulated: &Accumulated,
    storage: Option<&StorageStats>,
) -> Assessment {
    let mut findings = rules::memory::findings(snapshot, accumulated);
    findings.extend(rules::pages::findings(snapshot));
    findings.extend(rules::kernel::findings(snapshot));
    findings.extend(rules::livepatch::findings(snapshot));
    findings.extend(rules::markers::findings(snapshot));
    findings.extend(rules::sources::findings(snapshot));
    findings.extend(storage.map(rules::history::findings).unwrap_or_default());
    Assessment::new(visibility(snapshot), findings)
}

#[cfg(test)]
mod laws;

#[cfg(test)]
mod runbook;
