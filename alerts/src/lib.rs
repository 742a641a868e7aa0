//! From what was read to what it means. Pure: no clock, no file, no state; the same view always
//! yields the same assessment.

pub mod book;
mod correlation;
mod finding;
pub mod fleet;
pub mod memory;
mod offline;
mod policy;
pub mod replay;
mod rules;
mod scrub;
pub mod simulation;
pub mod statistics;
mod suspected;
#[cfg(test)]
mod testing;
mod visibility;

use scrubjay_model::{Accumulated, Assessment, EventsStatus, Snapshot, StorageStats};

pub use correlation::{Correlator, Reconciled, reconcile};
pub use scrub::{
    errors_since_last_pass, found_by_scrubbing, share_found_by_scrubbing, status_says_scrub,
};
pub use suspected::{BURST_ERRORS, BURST_WITHIN, ENDED_WITHIN, suspected_uncorrected_errors};
pub use visibility::visibility;

pub use offline::{
    OfflineInput, OfflinePlan, OfflinePolicy, OfflinePreset, OfflineRefusal, PageErrors,
    RefusedBecause, offline_facts, plan_offlining,
};
pub use policy::PatchPolicy;
pub use rules::catalogue::{Reboot, Rule, Rules};
pub use rules::dimms::with_dimms;

/// Every code a finding can have, in order; each has its page in `docs/findings.md`.
pub const CODES: [&str; 92] = [
    "bad-page",
    "boot-error-record",
    "boot-memory-error",
    "controller-gone",
    "corrected-errors",
    "corrected-errors-collector",
    "corrected-errors-ignored",
    "corrected-errors-not-logged",
    "corrected-errors-not-polled",
    "corrected-errors-polled",
    "counters-contradict",
    "counters-unreadable",
    "crash-by-hardware",
    "crash-record",
    "dimm-channel",
    "dimm-fault",
    "dimm-pages",
    "dimm-policy",
    "dimm-rising",
    "dimm-risk",
    "dimm-several-signs",
    "dimm-storm",
    "dimm-uncorrected",
    "dimm-wide-storm",
    "ecc-off",
    "edac-switched-off",
    "edac-unreadable",
    "firmware-default",
    "firmware-first",
    "guest",
    "history-not-written",
    "history-replaced",
    "history-unreadable",
    "kernel-behind",
    "kernel-covered",
    "kernel-died",
    "kernel-exploited",
    "kernel-orphaned",
    "kernel-overdue",
    "kernel-rebuilt",
    "kernel-unknown",
    "ledger-altered",
    "live-patch-only",
    "livepatch-applied-with-bug",
    "livepatch-claim-contradicted",
    "livepatch-disabled",
    "livepatch-failed",
    "livepatch-file-altered",
    "livepatch-file-differs",
    "livepatch-forced",
    "livepatch-no-file",
    "livepatch-not-installed",
    "livepatch-not-loaded",
    "livepatch-seed-only",
    "livepatch-stacked",
    "livepatch-stalled",
    "livepatch-stuck",
    "livepatch-support-ended",
    "livepatch-support-ending",
    "livepatch-transition",
    "livepatch-unpatchable",
    "livepatch-unsigned",
    "machine-check",
    "machine-check-off",
    "memory-failure",
    "microcode-behind",
    "microcode-mixed",
    "module-forced",
    "modules-removed",
    "next-boot-not-newest",
    "no-edac-controller",
    "no-edac-core",
    "not-attributed",
    "pages-growing",
    "pages-offlined",
    "proc-incomplete",
    "processes-stale",
    "reboot-marker",
    "reports-not-heard",
    "scrubbing-masked",
    "scrubbing-off",
    "scrubbing-slow",
    "soft-lockup",
    "soft-offline-off",
    "source-unreadable",
    "suspected-uncorrected-error",
    "uncorrected-errors",
    "uncorrected-errors-panic",
    "uptime-long",
    "user-space-reboot",
    "visibility-unclear",
    "watchdog-reset",
];

/// Reasons that are no finding by themselves: `explain` shows them of a stick of memory. They have
/// pages in `docs/findings.md` as well.
pub const EXPLAINED: [&str; 5] =
    ["dimm-errors", "dimm-not-watched", "dimm-place-unknown", "dimm-policy-place", "dimm-quiet"];

/// Assesses a host: what can be seen of it, what is wrong with it, and the verdict.
///
/// `storage` tells how the history fares; `None` where none is expected. `events` tells how reports of
/// single errors are received; `None` where no agent is asked.
pub fn assess(
    snapshot: &Snapshot,
    accumulated: &Accumulated,
    storage: Option<&StorageStats>,
    events: Option<&EventsStatus>,
    policy: &PatchPolicy,
) -> Assessment {
    let mut findings = rules::memory::findings(snapshot, accumulated);
    findings.extend(rules::scrub::findings(snapshot, accumulated));
    findings.extend(rules::panics::findings(snapshot));
    findings.extend(rules::pages::findings(snapshot, accumulated));
    findings.extend(rules::kernel::findings(snapshot, &policy.rules));
    findings.extend(rules::livepatch::findings(snapshot, accumulated, policy));
    findings.extend(rules::microcode::findings(snapshot, &policy.rules));
    findings.extend(rules::provenance::findings(snapshot, &policy.rules));
    findings.extend(rules::livepatch_systems::findings(snapshot, &accumulated.transitions, policy));
    findings.extend(rules::processes::findings(snapshot, &policy.rules));
    findings.extend(rules::previous_boot::findings(snapshot));
    findings.extend(rules::sources::findings(snapshot));
    findings.extend(storage.map(rules::history::findings).unwrap_or_default());
    let patches = snapshot.patch_truth();
    findings.extend(rules::patches::findings(snapshot, &patches, policy));
    let assessment = Assessment::new(visibility(snapshot, accumulated, events), findings);
    let alone = assessment.reboot_reasons().next().is_none();
    let marker = rules::markers::findings(snapshot, &policy.rules, alone);
    let assessment = assessment.and(marker.into_iter().collect());
    Assessment { patches: Some(patches), ..assessment }
}

#[cfg(test)]
mod laws;

#[cfg(test)]
mod runbook;
