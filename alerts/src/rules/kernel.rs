//! The running kernel: what taints it, whether it can still load its modules, live patches in
//! transition, and what the distribution asks for.

use crate::finding::{FindingExt, finding};
use scrubjay_model::{
    Action, Blocker, Finding, Livepatch, Outcome, RebootHelps, Snapshot, Taint, Verdict,
};

/// Taint bits (Documentation/admin-guide/tainted-kernels.rst).
const FORCED_LOAD: u32 = 1;
const FORCED_UNLOAD: u32 = 3;
const MACHINE_CHECK: u32 = 4;
const BAD_PAGE: u32 = 5;
const DIED: u32 = 7;
const SOFT_LOCKUP: u32 = 14;

pub(crate) fn findings(snapshot: &Snapshot) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Some(health) = Snapshot::found(&snapshot.kernel_health) {
        let taint = health.taint.value().copied();
        let oopses = health.oops_count.value().copied();
        found.extend(died(taint, oopses));
        found.extend(taint.map(tainted).unwrap_or_default());
    }
    found.extend(modules_removed(snapshot));
    found.extend(Snapshot::found(&snapshot.livepatch).map(transition).unwrap_or_default());
    found.extend(marker(snapshot));
    found
}

fn died(taint: Option<Taint>, oopses: Option<u64>) -> Option<Finding> {
    let because = match (taint.is_some_and(|taint| taint.has(DIED)), oopses) {
        (_, Some(count @ 1..)) => format!("the kernel has oopsed {count} times since boot"),
        (true, Some(0) | None) => "the kernel has oopsed since boot (taint D)".to_owned(),
        (false, Some(0) | None) => return None,
    };
    let remedy = "reboot at the next window: what an oops leaves behind (locks held, structures \
                  half changed) is not known";
    Some(
        finding("kernel-died", Verdict::Plan, Action::Reboot, because, remedy)
            .reboot(RebootHelps::Yes)
            .seen_in("sys/kernel/oops_count"),
    )
}

fn tainted(taint: Taint) -> Vec<Finding> {
    let flagged = |bit, code, verdict, action, because: &str, remedy: &str, helps| {
        taint.has(bit).then(|| {
            finding(code, verdict, action, because, remedy)
                .reboot(helps)
                .seen_in("proc/sys/kernel/tainted")
        })
    };
    [
        flagged(
            FORCED_LOAD,
            "module-forced",
            Verdict::Plan,
            Action::Reboot,
            "a module was loaded by force (taint F): it may not fit this kernel",
            "find the module in the kernel log, and reboot without it at the next window",
            RebootHelps::Yes,
        ),
        flagged(
            FORCED_UNLOAD,
            "module-forced",
            Verdict::Plan,
            Action::Reboot,
            "a module was unloaded by force (taint R): the kernel may still use what it left",
            "reboot at the next window",
            RebootHelps::Yes,
        ),
        flagged(
            BAD_PAGE,
            "bad-page",
            Verdict::Plan,
            Action::InvestigateChannelOrCpu,
            "the kernel found a page in an impossible state (taint B): memory was corrupted, by \
             hardware or by a defect",
            "look for \"Bad page\" in the kernel log; if errors are counted too, suspect the \
             memory; reboot at the next window",
            RebootHelps::Unknown,
        ),
        flagged(
            MACHINE_CHECK,
            "machine-check",
            Verdict::Watch,
            Action::Observe,
            "a machine check was reported since boot (taint M)",
            "look for \"Hardware Error\" in the kernel log",
            RebootHelps::No,
        ),
        flagged(
            SOFT_LOCKUP,
            "soft-lockup",
            Verdict::Watch,
            Action::Observe,
            "a CPU was stuck in the kernel for longer than the watchdog allows (taint L)",
            "look for \"soft lockup\" in the kernel log",
            RebootHelps::Unknown,
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn modules_removed(snapshot: &Snapshot) -> Option<Finding> {
    let kernel = Snapshot::found(&snapshot.kernel)?;
    if kernel.modules_removed() != Some(true) {
        return None;
    }
    let release = kernel.release.value()?;
    Some(
        finding(
            "modules-removed",
            Verdict::Plan,
            Action::RebootIntoNewerKernel,
            format!(
                "the modules of the running kernel {release} are no longer on disk: its package \
                 was removed, and whatever is not loaded yet cannot be"
            ),
            "reboot into an installed kernel before a device or file system needs a module",
        )
        .reboot(RebootHelps::Yes)
        .seen_in(format!("lib/modules/{release}")),
    )
}

/// Most blockers named in a sentence.
const NAMED: usize = 3;

fn transition(livepatch: &Livepatch) -> Vec<Finding> {
    livepatch
        .patches
        .iter()
        .filter(|patch| patch.transition.value() == Some(&true))
        .map(|patch| {
            let waiting = match &livepatch.blockers {
                None => "which tasks it waits for is not known".to_owned(),
                Some(blockers) => match blockers.value() {
                    None => "which tasks it waits for could not be read".to_owned(),
                    Some(blockers) => waits_for(blockers),
                },
            };
            let direction = match patch.enabled.value() {
                Some(true) => "being applied",
                Some(false) => "being removed",
                None => "in transition",
            };
            finding(
                "livepatch-transition",
                Verdict::Watch,
                Action::Observe,
                format!(
                    "the live patch is {direction} and not in force for every task yet: {waiting}"
                ),
                "a transition takes seconds; if it lasts, restart or wake the tasks named. Until \
                 then the old code runs too, and no other live patch can be loaded",
            )
            .on(patch.name.clone())
            .reboot(RebootHelps::No)
            .seen_in(format!("sys/kernel/livepatch/{}/transition", patch.name))
        })
        .collect()
}

fn waits_for(blockers: &[Blocker]) -> String {
    let named: Vec<String> = blockers
        .iter()
        .take(NAMED)
        .map(|task| {
            let name = task.comm.value().map_or("name unknown", String::as_str);
            format!("{name} (pid {}, tid {})", task.pid, task.tid)
        })
        .collect();
    match blockers.len() {
        // Idle tasks, which /proc does not list, can hold a transition up as well.
        0 => "it waits for no task that /proc shows".to_owned(),
        count if count > NAMED => {
            format!("it waits for {count} tasks, among them {}", named.join(", "))
        }
        _ => format!("it waits for {}", named.join(", ")),
    }
}

/// A marker is evidence, not an answer: it says that some package asked, not that it was right.
fn marker(snapshot: &Snapshot) -> Option<Finding> {
    let markers = Snapshot::found(&snapshot.reboot_markers)?;
    let (path, text) = match (markers.required.outcome(), markers.needed.value()) {
        (_, Some(kind)) => ("run/reboot-needed", format!("asks for a {kind}")),
        (Outcome::Ok, None) => ("run/reboot-required", "asks for a reboot".to_owned()),
        (Outcome::Absent | Outcome::Unreadable | Outcome::Malformed, None) => return None,
    };
    let packages = match markers.packages.value() {
        Some(names) if !names.is_empty() => format!(" because of {}", names.join(", ")),
        Some(_) | None => ", without naming a package".to_owned(),
    };
    Some(
        finding(
            "reboot-marker",
            Verdict::Plan,
            Action::Reboot,
            format!("the distribution {text}{packages}"),
            "reboot at the next window, unless you know that the marker is left over",
        )
        .reboot(RebootHelps::Yes)
        .seen_in(path),
    )
}
