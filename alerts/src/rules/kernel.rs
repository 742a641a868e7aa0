//! The running kernel: what it went through, and whether it can still load its modules.
//!
//! Taint flags that say how a kernel was put together (proprietary, out of tree, unsigned, live
//! patched) are no reason for anything and raise nothing.

use super::catalogue::{Rule, Rules};
use crate::finding::FindingExt;
use scrubjay_model::{Finding, Snapshot, Taint};

/// Taint bits (Documentation/admin-guide/tainted-kernels.rst).
const FORCED_LOAD: u32 = 1;
const FORCED_UNLOAD: u32 = 3;
const MACHINE_CHECK: u32 = 4;
const BAD_PAGE: u32 = 5;
const DIED: u32 = 7;
const SOFT_LOCKUP: u32 = 14;

const TAINT: &str = "proc/sys/kernel/tainted";

pub(crate) fn findings(snapshot: &Snapshot, rules: &Rules) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Some(health) = Snapshot::found(&snapshot.kernel_health) {
        let taint = health.taint.value().copied();
        found.extend(died(taint, health.oops_count.value().copied(), rules));
        found.extend(taint.map(|taint| tainted(taint, rules)).unwrap_or_default());
    }
    found.extend(modules_removed(snapshot, rules));
    found
}

fn died(taint: Option<Taint>, oopses: Option<u64>, rules: &Rules) -> Option<Finding> {
    let (because, path) = match (oopses, taint.is_some_and(|taint| taint.has(DIED))) {
        (Some(1), _) => ("the kernel has oopsed once since boot".to_owned(), OOPSES),
        (Some(count @ 2..), _) => {
            (format!("the kernel has oopsed {count} times since boot"), OOPSES)
        }
        (Some(0) | None, true) => ("the kernel has oopsed since boot (taint D)".to_owned(), TAINT),
        (Some(0) | None, false) => return None,
    };
    let remedy = "reboot at the next window: what an oops leaves behind (locks held, structures \
                  half changed) is not known; keep the oops from the kernel log for whoever mends \
                  the defect";
    Some(rules.kernel_died.finding(because, remedy).seen_in(path))
}

const OOPSES: &str = "sys/kernel/oops_count";

fn tainted(taint: Taint, rules: &Rules) -> Vec<Finding> {
    let flagged = |set: bool, rule: &Rule, because: &str, remedy: &str| {
        set.then(|| rule.finding(because, remedy).seen_in(TAINT))
    };
    let forced = match (taint.has(FORCED_LOAD), taint.has(FORCED_UNLOAD)) {
        (true, true) => {
            "modules were loaded (taint F) and unloaded (taint R) by force: one may not \
                         fit this kernel, and the kernel may still use what the other left"
        }
        (true, false) => "a module was loaded by force (taint F): it may not fit this kernel",
        (false, true | false) => {
            "a module was unloaded by force (taint R): the kernel may still use what it left"
        }
    };
    [
        flagged(
            taint.has(FORCED_LOAD) || taint.has(FORCED_UNLOAD),
            &rules.module_forced,
            forced,
            "find out from the kernel log which module and why, and reboot without forcing it at \
             the next window",
        ),
        flagged(
            taint.has(BAD_PAGE),
            &rules.bad_page,
            "the kernel found the description of a page in an impossible state (taint B): memory \
             was corrupted, by hardware or by a defect",
            "look for \"Bad page\" in the kernel log; if errors are counted too, suspect the \
             memory, else a driver; reboot at the next window",
        ),
        flagged(
            taint.has(MACHINE_CHECK),
            &rules.machine_check,
            "a CPU has raised a machine check since boot (taint M): an uncorrected error of the \
             hardware that the kernel survived, not necessarily of memory",
            "look for \"Hardware Error\" or \"mce:\" in the kernel log: the bank tells memory, \
             cache and bus apart; compare with the event log of the BMC",
        ),
        flagged(
            taint.has(SOFT_LOCKUP),
            &rules.soft_lockup,
            "a CPU was stuck in the kernel for longer than the watchdog allows (taint L)",
            "look for \"soft lockup\" in the kernel log; in a guest it often means that the \
             hypervisor gave the CPU no time",
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn modules_removed(snapshot: &Snapshot, rules: &Rules) -> Option<Finding> {
    let kernel = Snapshot::found(&snapshot.kernel)?;
    // Where the package is gone as well, `kernel-orphaned` says more.
    if kernel.modules_removed() != Some(true) || snapshot.running_package_is_gone() {
        return None;
    }
    let release = kernel.release.value()?;
    Some(
        rules.modules_removed.finding(
            format!(
                "lib/modules has no directory for the running kernel {release}: its package was \
                 removed or replaced, and a module that is not loaded yet cannot be"
            ),
            "reboot into an installed kernel before a device, a file system or a firewall rule \
             needs a module; if this kernel was started from outside (a guest booted directly, a \
             container), install its modules or give --root",
        )
        .seen_in(format!("lib/modules/{release}")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{absent, but, codes, denied, lose, of, only, text};
    use scrubjay_model::{Action, Present, Reading, RebootHelps, Verdict};

    fn tainted_with(bits: &[u32]) -> Snapshot {
        but(|s| {
            let mask = bits.iter().map(|bit| 1 << bit).sum();
            of(&mut s.kernel_health).taint = Reading::Value(Taint(mask));
        })
    }

    #[test]
    fn an_oops_calls_for_a_reboot_which_helps() {
        for (count, because) in [
            (1, "the kernel has oopsed once since boot"),
            (3, "the kernel has oopsed 3 times since boot"),
        ] {
            let found = only(&but(|s| of(&mut s.kernel_health).oops_count = Reading::Value(count)));
            assert_eq!((found.code, found.verdict), ("kernel-died", Verdict::Plan));
            assert_eq!(found.because, because);
            assert_eq!(found.reboot_helps, RebootHelps::Yes);
            assert_eq!(found.origin.unwrap().as_str(), "sys/kernel/oops_count");
        }
    }

    #[test]
    fn before_6_2_the_taint_flag_alone_tells_of_an_oops() {
        let mut snapshot = tainted_with(&[DIED]);
        of(&mut snapshot.kernel_health).oops_count = absent("sys/kernel/oops_count");
        let found = only(&snapshot);
        assert_eq!(found.because, "the kernel has oopsed since boot (taint D)");
        assert_eq!(found.origin.unwrap().as_str(), "proc/sys/kernel/tainted");
    }

    #[test]
    fn a_kernel_that_has_oopsed_and_says_so_twice_has_one_finding() {
        let mut snapshot = tainted_with(&[DIED]);
        of(&mut snapshot.kernel_health).oops_count = Reading::Value(2);
        assert_eq!(codes(&snapshot), ["kernel-died"]);
    }

    #[test]
    fn forced_modules_call_for_a_reboot_in_one_finding() {
        for (bits, words) in [
            (&[FORCED_LOAD][..], "loaded by force (taint F)"),
            (&[FORCED_UNLOAD][..], "unloaded by force (taint R)"),
            (&[FORCED_LOAD, FORCED_UNLOAD][..], "loaded (taint F) and unloaded (taint R)"),
        ] {
            let found = only(&tainted_with(bits));
            assert_eq!((found.code, found.verdict), ("module-forced", Verdict::Plan));
            assert!(found.because.contains(words), "{}", found.because);
        }
    }

    #[test]
    fn hardware_flags_have_their_findings() {
        for (bit, code, verdict) in [
            (BAD_PAGE, "bad-page", Verdict::Plan),
            (MACHINE_CHECK, "machine-check", Verdict::Plan),
            (SOFT_LOCKUP, "soft-lockup", Verdict::Watch),
        ] {
            let found = only(&tainted_with(&[bit]));
            assert_eq!((found.code, found.verdict), (code, verdict));
            assert_eq!(found.reboot_helps, RebootHelps::Unknown);
        }
    }

    #[test]
    fn flags_about_how_the_kernel_was_put_together_raise_nothing() {
        let judged = [FORCED_LOAD, FORCED_UNLOAD, MACHINE_CHECK, BAD_PAGE, DIED, SOFT_LOCKUP];
        for bit in (0..64).filter(|bit| !judged.contains(bit)) {
            assert!(codes(&tainted_with(&[bit])).is_empty(), "bit {bit}");
        }
    }

    #[test]
    fn warnings_alone_raise_nothing() {
        let warned = but(|s| of(&mut s.kernel_health).warn_count = Reading::Value(12));
        assert!(codes(&warned).is_empty());
    }

    #[test]
    fn a_taint_mask_that_cannot_be_read_is_not_taken_for_clean() {
        let mut snapshot = but(|_| ());
        lose(&mut snapshot.kernel_health, |health| &mut health.taint, denied(TAINT));
        assert_eq!(codes(&snapshot), ["source-unreadable"]);
    }

    #[test]
    fn modules_taken_from_under_the_kernel_call_for_a_reboot() {
        let found = only(&but(|s| {
            of(&mut s.kernel).modules_directory = absent("lib/modules/6.1.0-56-amd64");
        }));
        assert_eq!((found.code, found.verdict), ("modules-removed", Verdict::Plan));
        assert_eq!(found.action, Action::RebootIntoNewerKernel);
        assert!(found.because.contains("6.1.0-56-amd64"), "{}", found.because);
        assert_eq!(found.origin.unwrap().as_str(), "lib/modules/6.1.0-56-amd64");
    }

    #[test]
    fn a_root_without_modules_or_a_kernel_without_them_has_lost_none() {
        for change in [
            |kernel: &mut scrubjay_model::Kernel| kernel.modules_root = absent("lib/modules"),
            |kernel: &mut scrubjay_model::Kernel| kernel.modules_supported = absent("proc/modules"),
        ] {
            let snapshot = but(|s| {
                let kernel = of(&mut s.kernel);
                kernel.modules_directory = absent("lib/modules/6.1.0-56-amd64");
                change(kernel);
            });
            assert!(codes(&snapshot).is_empty());
        }
        let present = but(|s| of(&mut s.kernel).modules_directory = Reading::Value(Present));
        assert!(codes(&present).is_empty());
    }

    #[test]
    fn a_release_passes_through_unchanged() {
        let found = only(&but(|s| {
            of(&mut s.kernel).release = text("6.1\u{7}<b>");
            of(&mut s.kernel).modules_directory = absent("lib/modules/6.1\u{7}<b>");
        }));
        assert!(found.because.contains("6.1\u{7}<b>"), "{}", found.because);
    }
}
