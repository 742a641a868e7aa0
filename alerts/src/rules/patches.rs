//! The kernel's patches: what is installed and does not run, and whether a reboot would bring it.

use super::catalogue::Rule;
use crate::PatchPolicy;
use crate::finding::{FindingExt, listed};
use scrubjay_model::{
    Chosen, Finding, KernelDebt, KernelRelation, KernelState, MissingFix, NewestKernel, NextKernel,
    PatchTruth, Reading, RebootHelps, Severity, Snapshot, span,
};
use std::time::Duration;

/// What rules are asked about.
struct Case<'a> {
    policy: &'a PatchPolicy,
    snapshot: &'a Snapshot,
    kernel: &'a KernelState,
    debt: &'a Reading<KernelDebt>,
}

/// What a rule that holds has to say.
struct Told {
    because: String,
    remedy: String,
    origin: String,
}

/// Whether a rule holds, and what it has to say then.
type Holds = fn(&Case<'_>) -> Option<Told>;

pub(crate) fn findings(
    snapshot: &Snapshot,
    truth: &PatchTruth,
    policy: &PatchPolicy,
) -> Vec<Finding> {
    let case = Case { policy, snapshot, kernel: &truth.kernel, debt: &truth.debt };
    let rules = &policy.rules;
    let asked: [(&Rule, Holds); 10] = [
        (&rules.kernel_behind, behind),
        (&rules.kernel_covered, covered),
        (&rules.kernel_exploited, exploited),
        (&rules.kernel_orphaned, orphaned),
        (&rules.kernel_overdue, overdue),
        (&rules.kernel_rebuilt, rebuilt),
        (&rules.kernel_unknown, not_known),
        (&rules.live_patch_only, live_patch_only),
        (&rules.next_boot_not_newest, next_boot),
        (&rules.uptime_long, uptime),
    ];
    asked
        .into_iter()
        .filter_map(|(rule, holds)| {
            let Told { because, remedy, origin } = holds(&case)?;
            Some(rule.finding_if(case.kernel.reboot_helps, because, remedy).seen_in(origin))
        })
        .collect()
}

fn behind(case: &Case<'_>) -> Option<Told> {
    newer(case, KernelRelation::Behind)
}

fn rebuilt(case: &Case<'_>) -> Option<Told> {
    newer(case, KernelRelation::Rebuilt)
}

fn newer(case: &Case<'_>, relation: KernelRelation) -> Option<Told> {
    if case.kernel.relation != relation || all_covered(case.debt) {
        return None;
    }
    let because = format!("{}{}; {}", case.kernel.because, since(case), owed(case));
    Some(Told { because, remedy: into_newest(case.kernel), origin: evidence(case.kernel) })
}

/// Whether it is known what the newest kernel fixes, that this is something, and that all of it is
/// in force. A list that may be cut proves nothing.
fn all_covered(debt: &Reading<KernelDebt>) -> bool {
    debt.value().is_some_and(|debt| {
        !debt.is_lower_bound && !debt.missing.is_empty() && debt.owed().next().is_none()
    })
}

fn covered(case: &Case<'_>) -> Option<Told> {
    let newer = matches!(case.kernel.relation, KernelRelation::Behind | KernelRelation::Rebuilt);
    let debt = case.debt.value().filter(|_| newer && all_covered(case.debt))?;
    Some(Told {
        because: format!(
            "{}{}; live patches have all {} of its fixes in force",
            case.kernel.because,
            since(case),
            debt.missing.len()
        ),
        remedy: "the reboot may wait for a window that suits; see to it that the live patches \
                 are applied again after it"
            .to_owned(),
        origin: evidence(case.kernel),
    })
}

/// The fixes owed of which a list says something, as a rule that ranks needs them.
fn owed_where(case: &Case<'_>, ranks: impl Fn(&MissingFix) -> bool) -> Vec<MissingFix> {
    let owed = case.debt.value().into_iter().flat_map(KernelDebt::owed);
    owed.filter(|missing| ranks(missing)).cloned().collect()
}

fn names(missing: &[MissingFix]) -> String {
    let names: Vec<String> = missing.iter().map(|missing| missing.fix.cve.to_string()).collect();
    listed(&names, 3)
}

fn exploited(case: &Case<'_>) -> Option<Told> {
    let owed = owed_where(case, |missing| missing.rank.is_some_and(|rank| rank.exploited));
    (!owed.is_empty()).then(|| Told {
        because: format!(
            "{} known to be exploited, {}, fixed on disk and not in force",
            vulnerabilities(owed.len()),
            names(&owed)
        ),
        remedy: format!(
            "{}; if it must wait, apply a live patch that fixes it",
            into_newest(case.kernel)
        ),
        origin: evidence(case.kernel),
    })
}

fn overdue(case: &Case<'_>) -> Option<Told> {
    let days = u64::from(case.policy.critical_days);
    let limit = Duration::from_secs(days * 86_400);
    let late = |missing: &MissingFix| {
        let released = missing.fix.released_unix_s.and_then(|at| age(case, at));
        let critical = missing.rank.and_then(|rank| rank.severity) == Some(Severity::Critical);
        critical && released.is_some_and(|age| age > limit)
    };
    let owed = owed_where(case, late);
    let oldest = owed.iter().filter_map(|missing| missing.fix.released_unix_s).min()?;
    Some(Told {
        because: format!(
            "{} called critical, {}, not in force although the oldest fix was released {} ago; \
             the policy allows {days} days",
            vulnerabilities(owed.len()),
            names(&owed),
            age(case, oldest).map_or_else(|| "some time".to_owned(), span)
        ),
        remedy: format!(
            "{}; if it must wait, apply a live patch, or have the exception approved",
            into_newest(case.kernel)
        ),
        origin: evidence(case.kernel),
    })
}

fn vulnerabilities(count: usize) -> String {
    if count == 1 {
        "1 vulnerability is".to_owned()
    } else {
        format!("{count} vulnerabilities are")
    }
}

fn uptime(case: &Case<'_>) -> Option<Told> {
    let days = u64::from(case.policy.uptime_days?);
    let up = *Snapshot::found(&case.snapshot.uptime)?.since_boot.value()?;
    (up > Duration::from_secs(days * 86_400)).then(|| Told {
        because: format!("the kernel has run for {}; the policy allows {days} days", span(up)),
        remedy: "reboot at a window that suits: what has not been tried for so long (firmware, \
                 boot loader, start of services) should not be tried first in an emergency"
            .to_owned(),
        origin: "proc/uptime".to_owned(),
    })
}

fn orphaned(case: &Case<'_>) -> Option<Told> {
    case.snapshot.running_package_is_gone().then(|| Told {
        because: format!(
            "{}, although other kernels are: a module that is not loaded yet may be gone for good",
            case.kernel.because
        ),
        remedy:
            "reboot into an installed kernel before a device, a file system or a firewall rule \
                 needs a module; no package mends the running one any more"
                .to_owned(),
        origin: "lib/modules".to_owned(),
    })
}

fn not_known(case: &Case<'_>) -> Option<Told> {
    // Where the administrator switched the sources off, that is known.
    let asked = case.snapshot.packages.is_some() || case.snapshot.boot_images.is_some();
    // What hides the running kernel itself is told by the sources.
    let known = case.kernel.running.is_some();
    (asked && known && case.kernel.relation == KernelRelation::Unknown).then(|| Told {
        because: format!(
            "whether a newer kernel is installed cannot be told: {}",
            case.kernel.because
        ),
        remedy: "see scrubjay doctor for what of packages and boot_images could be read; a system \
                 whose kernel comes from outside (a guest booted directly, a container) is patched \
                 there, so ask there"
            .to_owned(),
        origin: "proc/sys/kernel/osrelease".to_owned(),
    })
}

fn live_patch_only(case: &Case<'_>) -> Option<Told> {
    let debt = case.debt.value().filter(|debt| !debt.live_patch_only.is_empty())?;
    let names: Vec<String> = debt.live_patch_only.iter().map(ToString::to_string).collect();
    Some(Told {
        because: format!(
            "{} fixed by live patches and named by the changelog of no installed kernel: {}",
            vulnerabilities(names.len()),
            listed(&names, 3)
        ),
        remedy: "before a reboot see to it that the live patches of the kernel that will be \
                 started are installed and applied at boot, or install a kernel with these fixes"
            .to_owned(),
        origin: "sys/kernel/livepatch".to_owned(),
    })
}

fn next_boot(case: &Case<'_>) -> Option<Told> {
    let kernel = case.kernel;
    let newest = kernel.newest.as_ref()?;
    let wants = matches!(kernel.relation, KernelRelation::Behind | KernelRelation::Rebuilt);
    if !wants || !matches!(kernel.next, NextKernel::NotNewer | NextKernel::Newer) {
        return None;
    }
    let images = Snapshot::found(&case.snapshot.boot_images)?;
    let origin = images.next.value()?.image.clone();
    if kernel.next_release.is_some() && kernel.next_release == case.policy.accepted_pin {
        return None;
    }
    let next = kernel.next_release.as_deref().unwrap_or("another kernel");
    let why = match kernel.next_chosen {
        Some(Chosen::Pinned) => ", which is pinned or saved as the default",
        Some(Chosen::Once) => ", which was chosen for the next boot only",
        Some(Chosen::ByOrder) | None => "",
    };
    Some(Told {
        because: format!(
            "the boot loader is set to start {next}{why}; the newest one installed is {}",
            named(newest)
        ),
        remedy: "before a reboot bring the boot loader's configuration up to date (update-grub, \
                 grub2-mkconfig, kernel-install, bootctl, proxmox-boot-tool), or take the pin away; \
                 if the pin is meant, a reboot brings no fix"
            .to_owned(),
        origin,
    })
}

fn named(newest: &NewestKernel) -> String {
    let NewestKernel { package, version, release, installed_unix_s: _, seen_in: _ } = newest;
    let version = version.as_ref().map(ToString::to_string);
    let name = release.clone().or_else(|| package.clone());
    match (name, version) {
        (Some(name), Some(version)) => format!("{name} ({version})"),
        (Some(name), None) => name,
        (None, Some(version)) => version,
        (None, None) => "unknown".to_owned(),
    }
}

fn into_newest(kernel: &KernelState) -> String {
    let into = kernel.newest.as_ref().map_or_else(|| "the newest kernel".to_owned(), named);
    match kernel.reboot_helps {
        RebootHelps::Yes => format!("reboot into {into} at the next window"),
        RebootHelps::No => format!(
            "do not reboot yet, it would bring nothing: the boot loader is set to start another \
             kernel than {into}; mend that first"
        ),
        RebootHelps::Unknown => format!(
            "reboot into {into} at the next window; which kernel the boot loader will start could \
             not be told, so look before (scrubjay doctor says why)"
        ),
    }
}

/// The changelog tells for packages of Debian, the image for others.
fn evidence(kernel: &KernelState) -> String {
    let newest = kernel.newest.as_ref();
    match newest.map(|newest| (newest.package.as_ref(), &newest.seen_in)) {
        Some((Some(package), _)) => format!("package {package}"),
        Some((None, image)) => image.clone(),
        None => "boot".to_owned(),
    }
}

/// How long the newest kernel has been installed.
fn since(case: &Case<'_>) -> String {
    let newest = case.kernel.newest.as_ref();
    match newest.and_then(|newest| newest.installed_unix_s).and_then(|at| age(case, at)) {
        Some(age) => format!(" since {}", span(age)),
        None => String::new(),
    }
}

/// Time since a moment; `None` if it lies ahead, as with a clock that was wrong.
fn age(case: &Case<'_>, unix_s: i64) -> Option<Duration> {
    let now_s = case.snapshot.at.wall_ms.div_euclid(1000);
    u64::try_from(now_s.checked_sub(unix_s)?).ok().map(Duration::from_secs)
}

/// What is fixed on disk and not in force, in words.
fn owed(case: &Case<'_>) -> String {
    let Some(debt) = case.debt.value() else {
        return "which vulnerabilities it fixes is not known".to_owned();
    };
    let owed: Vec<&MissingFix> = debt.owed().collect();
    let bound = if debt.is_lower_bound { "at least " } else { "" };
    if owed.is_empty() {
        return match &debt.partial_because {
            Some(why) => format!("it is known to fix no vulnerability that runs, but {why}"),
            None => "its changelog names no vulnerability that the running one has".to_owned(),
        };
    }
    let mut text = format!("it fixes {bound}{} vulnerabilities that are not fixed now", owed.len());
    let counted = [("mitigated", "live-patched"), ("in_flight", "in a live patch in transition")];
    for (kind, words) in counted {
        let count = debt.count(kind);
        if count > 0 {
            text.push_str(&format!(", {count} {words}"));
        }
    }
    let oldest = owed.iter().filter_map(|missing| missing.fix.released_unix_s).min();
    if let Some(age) = oldest.and_then(|at| age(case, at)) {
        text.push_str(&format!(", the oldest of these fixes released {} ago", span(age)));
    }
    if let Some(why) = &debt.partial_because {
        text.push_str(&format!(" ({why})"));
    }
    text
}

#[cfg(test)]
mod tests;
