//! The kernel's patches: how the running kernel stands to the newest, and what it owes.

use super::Samples;
use scrubjay_model::{
    FixState, HostView, KernelDebt, KernelRelation, KernelState, NextKernel, PatchTruth, metrics,
};

/// What asks for a reboot.
pub(super) fn observe_reboot(samples: &mut Samples, view: &HostView) {
    for reason in view.assessment.reboot_reasons() {
        let labels = [reason.code, &reason.subject, reason.verdict.as_str()];
        samples.push(&metrics::REBOOT_REASON, labels, true);
    }
    let required = view.assessment.reboot_required();
    samples.push_set(&metrics::REBOOT_REQUIRED, None, &ANSWERS, answer, required);
    let need = view.history.value().and_then(|history| history.reboot_needed.as_ref());
    if let Some(need) = need {
        let since = super::seconds(need.since_wall_ms);
        samples.push(&metrics::REBOOT_NEEDED_SINCE, [], since);
    }
}

/// The answer under the name that others use; none where it cannot be told.
pub(super) fn observe_compatible(samples: &mut Samples, view: &HostView) {
    if let Some(required) = view.assessment.reboot_required() {
        samples.push(&metrics::NODE_REBOOT_REQUIRED, [], required);
    }
}

const ANSWERS: [Option<bool>; 3] = [Some(true), Some(false), None];

fn answer(required: Option<bool>) -> &'static str {
    match required {
        Some(true) => "yes",
        Some(false) => "no",
        None => "unknown",
    }
}

pub(super) fn observe(samples: &mut Samples, truth: &PatchTruth, now_wall_ms: i64) {
    let PatchTruth { kernel, debt } = truth;
    let KernelState {
        running,
        newest,
        relation,
        because: _,
        next,
        next_release: _,
        next_chosen: _,
        reboot_helps: _,
    } = kernel;
    let words = KernelRelation::as_str;
    samples.push_set(&metrics::KERNEL_RELATION, None, &KernelRelation::ALL, words, *relation);
    samples.push_set(&metrics::NEXT_KERNEL, None, &NextKernel::ALL, NextKernel::as_str, *next);
    let version = |version: Option<&scrubjay_model::PackageVersion>| {
        version.map(ToString::to_string).unwrap_or_default()
    };
    let running = version(running.as_ref().and_then(|running| running.package_version.as_ref()));
    let newest = version(newest.as_ref().and_then(|newest| newest.version.as_ref()));
    if !running.is_empty() || !newest.is_empty() {
        samples.push(&metrics::KERNEL_PACKAGE_INFO, [&running, &newest], true);
    }
    if let Some(debt) = debt.value() {
        observe_debt(samples, debt, now_wall_ms);
    }
}

fn observe_debt(samples: &mut Samples, debt: &KernelDebt, now_wall_ms: i64) {
    for kind in FixState::KINDS {
        let count = u64::try_from(debt.count(kind)).unwrap_or(u64::MAX);
        samples.push(&metrics::KERNEL_CVES, [kind], count);
    }
    samples.push(&metrics::KERNEL_CVES_PARTIAL, [], debt.is_lower_bound);
    let clocks = [
        ("release", debt.owed().filter_map(|missing| missing.fix.released_unix_s).min()),
        ("install", debt.owed().filter_map(|missing| missing.installed_unix_s).min()),
    ];
    let owes = debt.owed().next().is_some();
    for (clock, since_s) in clocks {
        match since_s {
            Some(since_s) => {
                let exposed_s = now_wall_ms.div_euclid(1000).saturating_sub(since_s).max(0);
                samples.push(&metrics::KERNEL_EXPOSURE, [clock], exposed_s);
            }
            None if !owes && !debt.is_lower_bound => {
                samples.push(&metrics::KERNEL_EXPOSURE, [clock], 0_i64);
            }
            // Something is owed, and nothing tells since when.
            None => {}
        }
    }
}
