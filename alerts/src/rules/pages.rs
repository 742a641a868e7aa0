//! Pages lost to memory errors, as the memory management counts them. This needs no EDAC driver,
//! and in a guest it is the only trace of an error that the hypervisor passed on.

use crate::finding::{FindingExt, amount, finding, many};
use scrubjay_model::{
    Accumulated, Action, BadPage, Finding, MemoryFailure, NodeMemoryFailure, NodePages, PageReason,
    RebootHelps, Snapshot, SoftOfflined, Verdict,
};
use std::collections::{BTreeMap, BTreeSet};

/// More bad pages of one module than this are a fault larger than a cell. No study gives the
/// figure; a row of DDR4 holds two pages, and few modules ever have more than some single cells.
const MANY_PAGES: usize = 64;

/// More memory than this marked as bad; rasdaemon warns from here (102,400 kB).
const MUCH_MEMORY_BYTES: u64 = 102_400 << 10;

/// A module that has lost pages on so many days of a month loses them steadily.
const STEADY_DAYS: usize = 3;
const MONTH_DAYS: i64 = 30;
const DAY_MS: i64 = 86_400_000;

pub(crate) fn findings(snapshot: &Snapshot, accumulated: &Accumulated) -> Vec<Finding> {
    let mut found = growing(&accumulated.bad_pages, snapshot.at.wall_ms);
    let Some(pages) = Snapshot::found(&snapshot.memory_failure) else { return found };
    found.extend(pages.nodes.value().into_iter().flatten().filter_map(hit));
    let corrupted = pages.hardware_corrupted_bytes.value().copied().filter(|bytes| *bytes > 0);
    found.extend(corrupted.filter(|bytes| *bytes > MUCH_MEMORY_BYTES).map(much));
    found.extend(corrupted.map(|bytes| offlined(bytes, pages)));
    found.extend(soft_offline_off(pages));
    found
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
        .seen_in(format!("sys/devices/system/node/node{}/memory_failure", node.node))
        .counting(pages),
    )
}

fn offlined(bytes: u64, pages: &MemoryFailure) -> Finding {
    let before = match pages.soft_offlined() {
        None | Some(SoftOfflined::Pages(0)) => String::new(),
        Some(SoftOfflined::Pages(n)) => {
            format!(", of it {} taken out of use before failing", many(n, "page"))
        }
        Some(SoftOfflined::Missing(n)) => {
            format!(", {} fewer than failed: unmarked by hand, or unplugged", many(n, "page"))
        }
    };
    finding(
        "pages-offlined",
        Verdict::Watch,
        Action::Observe,
        format!(
            "{} of memory has been marked as bad since boot because of errors{before}",
            amount(bytes)
        ),
        // The kernel marks a page before it knows whether it can do without it.
        "nothing yet: pages that could be taken out of use are out of harm's way until the next \
         boot, when the kernel uses them again; those it uses itself are used on. A module that \
         goes on losing pages has a fault larger than a page",
    )
    .seen_in("proc/meminfo")
}

const GROWING: &str = "have the module replaced, or the memory tested if it is not known which it \
    is: a row or a bank is failing, and giving up pages one by one does not keep up with that. \
    Until then scrubjay pages boot-args keeps the next kernel off the pages known";

/// Modules that lose pages steadily, or have lost many.
fn growing(pages: &BTreeMap<u64, BadPage>, now_wall_ms: i64) -> Vec<Finding> {
    let mut by_dimm: BTreeMap<Option<&str>, Vec<&BadPage>> = BTreeMap::new();
    // What an administrator marked says nothing of the module.
    for page in pages.values().filter(|page| page.reason != PageReason::AdminMarked) {
        by_dimm.entry(page.dimm.as_deref()).or_default().push(page);
    }
    by_dimm.into_iter().filter_map(|(dimm, pages)| steady(dimm, &pages, now_wall_ms)).collect()
}

fn steady(dimm: Option<&str>, pages: &[&BadPage], now_wall_ms: i64) -> Option<Finding> {
    let age = |page: &BadPage| now_wall_ms.checked_sub(page.first_seen_wall_ms);
    // Pages from the future: the clock was set back. They are not held against the module.
    let lately = pages.iter().filter_map(|page| age(page)).map(|age| age.div_euclid(DAY_MS));
    let lately: Vec<i64> = lately.filter(|day| (0..MONTH_DAYS).contains(day)).collect();
    let days: BTreeSet<i64> = lately.iter().copied().collect();
    let because = if days.len() >= STEADY_DAYS {
        format!(
            "{} registered as bad on {} of the last {MONTH_DAYS} days, limit {STEADY_DAYS} days; \
             {} in all",
            many(lately.len(), "page"),
            days.len(),
            pages.len()
        )
    } else if pages.len() > MANY_PAGES {
        format!("{} are registered as bad, limit {MANY_PAGES}", many(pages.len(), "page"))
    } else {
        return None;
    };
    let action = Action::InvestigateChannelOrCpu;
    let found = finding("pages-growing", Verdict::Plan, action, because, GROWING);
    Some(found.on(dimm.unwrap_or("host")).seen_in("history: bad_page"))
}

fn much(bytes: u64) -> Finding {
    finding(
        "pages-growing",
        Verdict::Plan,
        Action::InvestigateChannelOrCpu,
        format!(
            "{} of memory has been marked as bad since boot, limit {}",
            amount(bytes),
            amount(MUCH_MEMORY_BYTES)
        ),
        GROWING,
    )
    .seen_in("proc/meminfo")
}

fn soft_offline_off(pages: &MemoryFailure) -> Option<Finding> {
    (pages.soft_offline.value() == Some(&0)).then(|| {
        finding(
            "soft-offline-off",
            Verdict::Watch,
            Action::Observe,
            "the kernel takes no page out of use before it fails, whoever asks: \
             enable_soft_offline is 0",
            "unless a policy wants that, set vm.enable_soft_offline to 1: firmware, the \
             corrected-errors collector and rasdaemon rely on it",
        )
        .seen_in("proc/sys/vm/enable_soft_offline")
    })
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
            "8 KiB of memory has been marked as bad since boot because of errors, of it 2 pages \
             taken out of use before failing"
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

    #[test]
    fn fewer_marked_pages_than_failures_are_explained() {
        let found = crate::testing::first(
            &but(|s| {
                let pages = of(&mut s.memory_failure);
                pages.hardware_corrupted_bytes = Reading::Value(4096);
                pages.nodes = Reading::Value(vec![node(0, [0, 0, 0, 3])]);
            }),
            "pages-offlined",
        );
        assert!(
            found.because.ends_with(", 2 pages fewer than failed: unmarked by hand, or unplugged")
        );
    }

    #[test]
    fn soft_offlining_is_worth_a_finding_only_when_it_is_off() {
        for (soft_offline, expected) in [(1, vec![]), (3, vec![]), (0, vec!["soft-offline-off"])] {
            let snapshot =
                but(|s| of(&mut s.memory_failure).soft_offline = Reading::Value(soft_offline));
            assert_eq!(codes(&snapshot), expected);
        }
    }

    const NOW_MS: i64 = 1_795_429_628_000;

    fn pages(
        dimm: Option<&str>,
        ages_in_days: impl IntoIterator<Item = i64>,
    ) -> BTreeMap<u64, BadPage> {
        let page = |(pfn, days): (u64, i64)| BadPage {
            pfn,
            physical_address: pfn * 4096,
            page_size_bytes: 4096,
            reason: PageReason::SoftOffline,
            dimm: dimm.map(str::to_owned),
            first_seen_wall_ms: NOW_MS - days * DAY_MS,
            last_seen_wall_ms: NOW_MS,
            boots_survived: 0,
            boot: scrubjay_model::BootId::unknown(),
            state: scrubjay_model::PageState::Unknown,
        };
        let pages = (1..).zip(ages_in_days).map(page);
        pages.map(|page| (page.physical_address, page)).collect()
    }

    #[test]
    fn a_module_that_loses_pages_steadily_has_a_larger_fault() {
        assert_eq!(growing(&pages(Some("a"), [0, 1, 1, 1]), NOW_MS), []);
        assert_eq!(growing(&pages(Some("a"), [0, 1, 30]), NOW_MS), [], "not of this month");
        assert_eq!(growing(&pages(Some("a"), [0, 1, -3]), NOW_MS), [], "from the future");
        let found = growing(&pages(Some("a"), [0, 1, 29, 90]), NOW_MS);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].subject.as_str(), found[0].verdict), ("a", Verdict::Plan));
        assert_eq!(
            found[0].because,
            "3 pages registered as bad on 3 of the last 30 days, limit 3 days; 4 in all"
        );
        let mut both = pages(Some("a"), [0, 1]);
        both.extend(pages(None, [9, 9, 9, 7]).into_iter().map(|(at, page)| (at + 1, page)));
        assert_eq!(growing(&both, NOW_MS), [], "modules are judged one by one");
    }

    #[test]
    fn many_pages_are_a_larger_fault_at_whatever_time() {
        assert_eq!(growing(&pages(None, vec![400; MANY_PAGES]), NOW_MS), []);
        let found = growing(&pages(None, vec![400; MANY_PAGES + 1]), NOW_MS);
        assert_eq!(found[0].because, "65 pages are registered as bad, limit 64");
        assert_eq!(found[0].subject, "host");
    }

    #[test]
    fn what_an_administrator_marked_says_nothing_of_a_module() {
        let mut marked = pages(Some("a"), vec![400; MANY_PAGES + 1]);
        marked.values_mut().for_each(|page| page.reason = PageReason::AdminMarked);
        assert_eq!(growing(&marked, NOW_MS), []);
    }

    #[test]
    fn much_memory_marked_as_bad_calls_for_a_plan() {
        let with = |bytes| {
            codes(&but(|s| {
                of(&mut s.memory_failure).hardware_corrupted_bytes = Reading::Value(bytes)
            }))
        };
        assert_eq!(with(MUCH_MEMORY_BYTES), ["pages-offlined"]);
        assert_eq!(with(MUCH_MEMORY_BYTES + 4096), ["pages-growing", "pages-offlined"]);
    }
}
