//! Pages lost to memory errors, as the memory management counts them. This needs no EDAC driver,
//! and in a guest it is the only trace of an error that the hypervisor passed on.

use crate::finding::{FindingExt, amount, finding, many};
use scrubjay_model::{
    Action, Finding, NodeMemoryFailure, NodePages, RebootHelps, Snapshot, Verdict,
};

pub(crate) fn findings(snapshot: &Snapshot) -> Vec<Finding> {
    let Some(pages) = Snapshot::found(&snapshot.memory_failure) else { return Vec::new() };
    let nodes = pages.nodes.value().into_iter().flatten().filter_map(hit);
    let corrupted = pages.hardware_corrupted_bytes.value().copied().filter(|bytes| *bytes > 0);
    nodes.chain(corrupted.map(offlined)).collect()
}

/// `memory_failure()` runs for uncorrected errors only; soft offlining is not counted by node.
fn hit(node: &NodeMemoryFailure) -> Option<Finding> {
    let NodePages { total, ignored, failed, delayed, recovered } = &node.pages;
    let results = [
        ("recovered", recovered),
        ("to be recovered once freed", delayed),
        ("perhaps still in use (recovery failed)", failed),
        ("still in use (left alone by the kernel)", ignored),
    ];
    let known: Vec<(&str, u64)> = results
        .iter()
        .filter_map(|(result, pages)| Some((*result, *pages.value()?)))
        .filter(|(_, pages)| *pages > 0)
        .collect();
    let sum = known.iter().fold(0_u64, |sum, (_, pages)| sum.saturating_add(*pages));
    let pages = total.value().map_or(sum, |total| sum.max(*total));
    if pages == 0 {
        return None;
    }
    let parts: Vec<String> =
        known.iter().map(|(result, pages)| format!("{pages} {result}")).collect();
    let parts = if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) };
    let in_use = [failed, ignored].iter().any(|pages| pages.value().is_some_and(|n| *n > 0));
    let remedy = if in_use {
        "whatever reads a page that is still in use is killed or stops the kernel: plan a reboot \
         rather than wait for it; look for \"Memory failure\" in the kernel log, and have the \
         memory tested (in a guest: of its host)"
    } else {
        "look for \"Memory failure\" in the kernel log for what was killed, and have the memory \
         tested (in a guest: of its host)"
    };
    Some(
        finding(
            "memory-failure",
            Verdict::Plan,
            Action::InvestigateChannelOrCpu,
            format!("{} hit by uncorrected errors since boot{parts}", many(pages, "page")),
            remedy,
        )
        .on(format!("node{}", node.node))
        .reboot(RebootHelps::Unknown)
        .seen_in(format!("sys/devices/system/node/node{}/memory_failure", node.node)),
    )
}

fn offlined(bytes: u64) -> Finding {
    finding(
        "pages-offlined",
        Verdict::Watch,
        Action::Observe,
        format!("{} of memory has been marked as bad since boot because of errors", amount(bytes)),
        // The kernel marks a page before it knows whether it can do without it.
        "nothing yet: pages that could be taken out of use are out of harm's way until the next \
         boot, when the kernel uses them again; those it uses itself are used on. A module that \
         goes on losing pages has a fault larger than a page",
    )
    .seen_in("proc/meminfo")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{absent, but, codes, denied, faults, node, of, only};
    use scrubjay_model::{Reading, SourceId};

    #[test]
    fn offlined_pages_are_worth_watching_and_a_reboot_brings_them_back() {
        let found = only(&but(|s| {
            of(&mut s.memory_failure).hardware_corrupted_bytes = Reading::Value(8192)
        }));
        assert_eq!((found.code, found.verdict), ("pages-offlined", Verdict::Watch));
        assert_eq!(
            found.because,
            "8 KiB of memory has been marked as bad since boot because of errors"
        );
        assert_eq!(found.reboot_helps, RebootHelps::No);
        assert_eq!(found.origin.unwrap().as_str(), "proc/meminfo");
    }

    #[test]
    fn a_page_hit_by_an_uncorrected_error_calls_for_a_plan() {
        let found = only(&but(|s| {
            of(&mut s.memory_failure).nodes =
                Reading::Value(vec![node(0, [0; 4]), node(1, [0, 0, 0, 1])]);
        }));
        assert_eq!((found.code, found.verdict), ("memory-failure", Verdict::Plan));
        assert_eq!(found.subject, "node1");
        assert_eq!(found.because, "1 page hit by uncorrected errors since boot: 1 recovered");
        assert!(!found.remedy.contains("still in use"), "{}", found.remedy);
        assert_eq!(found.origin.unwrap().as_str(), "sys/devices/system/node/node1/memory_failure");
    }

    #[test]
    fn a_poisoned_page_still_in_use_is_told_apart() {
        for results in [[1, 0, 0, 2], [0, 1, 0, 2]] {
            let found = only(&but(|s| {
                of(&mut s.memory_failure).nodes = Reading::Value(vec![node(0, results)]);
            }));
            assert!(found.because.starts_with("3 pages hit"), "{}", found.because);
            assert!(found.because.contains("2 recovered, 1 "), "{}", found.because);
            assert!(found.because.contains("still in use"), "{}", found.because);
            assert!(found.remedy.contains("plan a reboot"), "{}", found.remedy);
        }
    }

    #[test]
    fn a_total_that_cannot_be_read_does_not_hide_its_parts() {
        let total = denied("sys/devices/system/node/node0/memory_failure/total");
        let snapshot = but(|s| {
            faults(s, SourceId::MemoryFailure).extend(total.non_value());
            let mut node = node(0, [0, 0, 1, 0]);
            node.pages.total = total;
            of(&mut s.memory_failure).nodes = Reading::Value(vec![node]);
        });
        assert_eq!(codes(&snapshot), ["memory-failure", "source-unreadable"]);
    }

    #[test]
    fn a_total_that_lags_behind_its_parts_does_not_hide_them() {
        let found = only(&but(|s| {
            let mut node = node(0, [0, 0, 1, 1]);
            node.pages.total = Reading::Value(0);
            of(&mut s.memory_failure).nodes = Reading::Value(vec![node]);
        }));
        assert!(found.because.starts_with("2 pages hit"), "{}", found.because);
    }

    #[test]
    fn a_kernel_that_cannot_offline_pages_has_lost_none() {
        let lost = but(|s| {
            of(&mut s.memory_failure).hardware_corrupted_bytes =
                absent("proc/meminfo HardwareCorrupted");
        });
        assert!(codes(&lost).is_empty());
    }
}
