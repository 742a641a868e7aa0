//! What live-patching systems of vendors say, and what lies between that and the next boot: support
//! that ends, patches that a reboot loses, patches that protect nothing.

use super::catalogue::Rules;
use crate::PatchPolicy;
use crate::finding::{FindingExt, listed, many};
use scrubjay_model::{
    CanonicalKernel, Finding, LivePatches, Livepatch, LivepatchSystems, PatchState, PatchSystem,
    PatchSystemView, Reading, Snapshot, SupportEnd, Transitions,
};

/// Most modules named in a sentence.
const NAMED: usize = 3;

pub(crate) fn findings(
    snapshot: &Snapshot,
    seen: &Transitions,
    policy: &PatchPolicy,
) -> Vec<Finding> {
    let rules = &policy.rules;
    let LivePatches { cover: _, systems } = snapshot.live_patches(seen);
    let mut found: Vec<Finding> = Vec::new();
    for view in &systems {
        found.extend(support(view, snapshot, policy));
        found.extend(lost_at_reboot(view, rules));
        found.extend(not_loaded(view, rules));
        found.extend(seed_only(view, rules));
    }
    found.extend(
        Snapshot::found(&snapshot.livepatch).and_then(|livepatch| stacked(livepatch, policy)),
    );
    found.extend(snapshot.canonical_kernel().and_then(|kernel| canonical(kernel, snapshot, rules)));
    let traces = Snapshot::found(&snapshot.livepatch_systems);
    found.extend(traces.and_then(|traces| ksplice(traces, rules)));
    found.extend(snapshot.contradicted_claims().into_iter().map(|(system, file, why)| {
        rules.livepatch_claim_contradicted.finding(
            format!("what {} says of its patches does not hold: {why}", system.title()),
            "have the vendor's client write it anew (uptrack-upgrade, or the timer that saves the \
             status), and look at what the kernel itself shows until then",
        )
        .on(system.as_str())
        .seen_in(file)
    }));
    found
}

/// Only where patches are in use: who reboots for updates needs none.
fn support(view: &PatchSystemView, snapshot: &Snapshot, policy: &PatchPolicy) -> Option<Finding> {
    let end = view.support_end.as_ref().filter(|_| !view.loaded.is_empty())?;
    let SupportEnd { last_day: _, date, is_dated, basis } = end;
    let left = end.days_left(snapshot.at.wall_ms);
    let limit = policy.support_days;
    if left > i64::from(limit) {
        return None;
    }
    let days = many(left.unsigned_abs(), "day");
    let ended = left < 0;
    let when = match (is_dated, ended) {
        (true, true) => format!("ended on {date}, {days} ago"),
        (true, false) => format!("ends on {date}, in {days}; the limit is {limit} days"),
        (false, true) => format!("has by its vendor's usual window ended about {date}, {days} ago"),
        (false, false) => format!(
            "ends by its vendor's usual window about {date} at the latest, in {days}; the limit is \
             {limit} days"
        ),
    };
    // A day that no file names is known to some days only, and no reason to act at night.
    let rules = &policy.rules;
    let rule = if *is_dated && ended {
        &rules.livepatch_support_ended
    } else {
        &rules.livepatch_support_ending
    };
    // A file's row is `FILE:LINE: ROW`.
    let file = basis.split(": ").next().filter(|_| *is_dated);
    Some(
        rule.finding(
            format!(
                "support of {} for the running kernel {when} ({basis}): holes found from then on \
                 stay open",
                view.system.title()
            ),
            "install a kernel that is still supported and reboot into it",
        )
        .on(view.system.as_str())
        .seen_in(file.unwrap_or("proc/sys/kernel/version")),
    )
}

fn lost_at_reboot(view: &PatchSystemView, rules: &Rules) -> Option<Finding> {
    let lost = &view.lost_at_reboot;
    if lost.is_empty() {
        return None;
    }
    Some(
        rules.livepatch_not_installed.finding(
            format!(
                "{} loaded and not among the modules that are loaded at boot: {}",
                are(lost.len(), "live patch", "live patches"),
                listed(lost, NAMED)
            ),
            format!(
                "{}, or know that a reboot into this kernel opens the holes again",
                match view.system {
                    PatchSystem::Klp => "install its package again",
                    PatchSystem::Kpatch
                    | PatchSystem::Kgraft
                    | PatchSystem::Ksplice
                    | PatchSystem::Kernelcare
                    | PatchSystem::Canonical
                    | PatchSystem::Amazon
                    | PatchSystem::Unrecognised => {
                        "install it for the running kernel (kpatch install MODULE, or its package)"
                    }
                }
            ),
        )
        .on(view.system.as_str())
        .seen_in("sys/kernel/livepatch"),
    )
}

fn not_loaded(view: &PatchSystemView, rules: &Rules) -> Option<Finding> {
    let missing = &view.not_loaded;
    if missing.is_empty() {
        return None;
    }
    let held = match view.held_back.as_slice() {
        [] => String::new(),
        held => format!("; held back by {}", listed(held, NAMED)),
    };
    let place = match view.system {
        PatchSystem::Klp => "lib/modules",
        PatchSystem::Kpatch
        | PatchSystem::Kgraft
        | PatchSystem::Ksplice
        | PatchSystem::Kernelcare
        | PatchSystem::Canonical
        | PatchSystem::Amazon
        | PatchSystem::Unrecognised => "var/lib/kpatch",
    };
    Some(
        rules.livepatch_not_loaded.finding(
            format!(
                "{} installed for the running kernel and not loaded: {}{held}; the host is not \
                 protected by it",
                are(missing.len(), "live patch", "live patches"),
                listed(missing, NAMED)
            ),
            "load it (kpatch load --all, systemctl start kpatch, or the vendor's tool), and see in \
             its journal why it was not",
        )
        .on(view.system.as_str())
        .seen_in(place),
    )
}

fn are(count: usize, one: &str, more: &str) -> String {
    if count == 1 { format!("1 {one} is") } else { format!("{count} {more} are") }
}

fn seed_only(view: &PatchSystemView, rules: &Rules) -> Option<Finding> {
    (view.state == PatchState::SeedOnly).then(|| {
        rules.livepatch_seed_only.finding(
            format!(
                "the only live patch of {} is the first one, which is empty: {}. It fixes nothing",
                view.system.title(),
                listed(&view.loaded, NAMED)
            ),
            "see whether the vendor has a later one for this kernel and install it; if the kernel is \
             new there may be none yet",
        )
        .on(view.system.as_str())
        .seen_in("sys/kernel/livepatch")
    })
}

fn stacked(livepatch: &Livepatch, policy: &PatchPolicy) -> Option<Finding> {
    let is_layer = |replace: &Reading<bool>| match replace {
        // Up to 6.10 there is no such file; what was replaced is no longer listed.
        Reading::Value(false) | Reading::Absent(_) => true,
        Reading::Value(true) | Reading::Unreadable(..) | Reading::Malformed(..) => false,
    };
    let layers: Vec<String> = livepatch
        .patches
        .iter()
        .filter(|patch| patch.enabled.value() == Some(&true) && is_layer(&patch.replace))
        .map(|patch| patch.name.clone())
        .collect();
    let limit = policy.layers;
    (layers.len() > usize::try_from(limit).unwrap_or(usize::MAX)).then(|| {
        policy.rules.livepatch_stacked.finding(
            format!(
                "{} live patches lie upon each other, none of which replaces the others; the limit \
                 is {limit}: {}",
                layers.len(),
                listed(&layers, NAMED)
            ),
            "at the next window boot a kernel that holds the fixes, or have the vendor's cumulative \
             patch replace them",
        )
        .seen_in("sys/kernel/livepatch")
    })
}

fn canonical(kernel: &CanonicalKernel, snapshot: &Snapshot, rules: &Rules) -> Option<Finding> {
    let systems = Snapshot::found(&snapshot.livepatch_systems)?;
    let file = &systems.canonical.as_ref()?.status.value()?.file;
    let on = |found: Finding| found.on(PatchSystem::Canonical.as_str()).seen_in(file.as_str());
    let version = kernel.version.as_deref().unwrap_or_default();
    if kernel.asks_for_upgrade() {
        return Some(on(rules.livepatch_unpatchable.finding(
            "Canonical Livepatch asks for a newer kernel (kernel-upgrade-required): the running one \
             can no longer be patched",
            "install the newest kernel and reboot into it",
        )));
    }
    if kernel.supported.as_deref() == Some("kernel-end-of-life") {
        return Some(on(rules.livepatch_support_ended.finding(
            "Canonical Livepatch no longer supports the running kernel (kernel-end-of-life): holes \
             found from now on stay open",
            "install a kernel that is still supported and reboot into it",
        )));
    }
    match kernel.state.as_deref()? {
        "applied-with-bug" => Some(on(rules.livepatch_applied_with_bug.finding(
            format!(
                "Canonical Livepatch says that the patch {version} which is applied has a defect \
                 (applied-with-bug)"
            ),
            "read the vendor's notice on it, and plan a reboot into a kernel that holds the fixes",
        ))),
        "apply-failed" => Some(on(failed(
            rules,
            format!("Canonical Livepatch could not apply the patch {version} (apply-failed)"),
        ))),
        _ => None,
    }
}

fn ksplice(systems: &LivepatchSystems, rules: &Rules) -> Option<Finding> {
    let updates = systems.ksplice.as_ref()?.failed.value().filter(|failed| !failed.is_empty())?;
    let told: Vec<String> = updates
        .iter()
        .map(|update| {
            let name = update.name.as_deref().unwrap_or("an update without name");
            let why = update.abort.as_deref().unwrap_or("no reason given");
            let busy = match update.in_the_way.as_slice() {
                [] => String::new(),
                tasks => format!(", in the way: {}", listed(tasks, NAMED)),
            };
            format!("{name} ({why}{busy})")
        })
        .collect();
    let count = many(updates.len(), "update");
    Some(
        failed(
            rules,
            format!("Ksplice could not apply {count} in its last run: {}", listed(&told, NAMED)),
        )
        .on(PatchSystem::Ksplice.as_str())
        .seen_in("var/cache/uptrack"),
    )
}

fn failed(rules: &Rules, because: String) -> Finding {
    rules.livepatch_failed.finding(
        because,
        "stop or restart what is in the way, then have the vendor's client try again \
         (uptrack-upgrade, canonical-livepatch refresh); until then the holes are open",
    )
}

#[cfg(test)]
mod tests;
