//! Pages over passes and boots.

use super::*;
use crate::Reading;
use proptest::prelude::*;

const PAGE: u64 = 4096;

fn boot(digit: char) -> BootId {
    BootId::parse(&format!("{digit}a6b7c8d-1234-5678-9abc-def012345678")).unwrap()
}

fn report(pfn: u64, reason: PageReason) -> PageReport {
    PageReport { pfn, page_size_bytes: PAGE, reason, dimm: None }
}

fn failure(result: &str) -> PageReason {
    let result = PageOutcome::from_kernel(result);
    PageReason::MemoryFailure { page_type: "dirty LRU page".to_owned(), result }
}

/// A registry that takes in what passes change.
struct Registry(BTreeMap<u64, BadPage>);

impl Registry {
    fn new(reports: &[PageReport]) -> Self {
        let mut registry = Self(BTreeMap::new());
        registry.pass('1', 1_000, reports, None);
        registry
    }

    fn pass(
        &mut self,
        digit: char,
        wall_ms: i64,
        reported: &[PageReport],
        flags: Option<&[(u64, u64)]>,
    ) -> PageChanges {
        self.pass_with(digit, wall_ms, reported, flags, None)
    }

    fn pass_with(
        &mut self,
        digit: char,
        wall_ms: i64,
        reported: &[PageReport],
        flags: Option<&[(u64, u64)]>,
        map: Option<&MemoryMap>,
    ) -> PageChanges {
        let told = flags.map(|flags| PagesTold {
            page_size_bytes: PAGE,
            flags: flags.iter().map(|(pfn, bits)| (*pfn, PageFlags(*bits))).collect(),
        });
        let boot = boot(digit);
        let pass = PagePass { boot: &boot, wall_ms, reported, told: told.as_ref(), map };
        let changes = follow_pages(&self.0, &pass);
        for page in &changes.changed {
            self.0.insert(page.physical_address, page.clone());
        }
        changes
    }

    fn page(&self, pfn: u64) -> &BadPage {
        &self.0[&(pfn * PAGE)]
    }
}

const POISONED: u64 = 1 << 19;
const RESERVED: u64 = 1 << 32;

#[test]
fn a_page_is_registered_once_with_its_address() {
    let registry = Registry::new(&[report(0x3_0000, PageReason::SoftOffline)]);
    let page = registry.page(0x3_0000);
    assert_eq!((page.physical_address, page.state), (0x3000_0000, PageState::Unknown));
    assert_eq!((page.first_seen_wall_ms, page.boots_survived), (1_000, 0));
}

#[test]
fn page_0_and_impossible_pages_are_unknown_addresses() {
    let odd = PageReport { page_size_bytes: 0, ..report(5, PageReason::Imported) };
    let far = report(u64::MAX, PageReason::Imported);
    let registry = Registry::new(&[report(0, PageReason::SoftOffline), odd, far]);
    assert_eq!(registry.0, BTreeMap::new());
}

#[test]
fn a_pass_that_shows_nothing_new_changes_nothing() {
    let mut registry = Registry::new(&[report(7, PageReason::SoftOffline)]);
    assert_eq!(registry.pass('1', 2_000, &[], Some(&[(7, POISONED)])).changed.len(), 1);
    assert_eq!(registry.page(7).last_seen_wall_ms, 2_000);
    assert_eq!(registry.pass('1', 3_000, &[], Some(&[(7, POISONED)])), PageChanges::default());
    assert_eq!(registry.pass('1', 4_000, &[], None), PageChanges::default());
}

#[test]
fn a_reboot_brings_a_page_back_and_the_registry_keeps_it() {
    let mut registry = Registry::new(&[report(7, PageReason::SoftOffline)]);
    registry.pass('1', 2_000, &[], Some(&[(7, POISONED)]));
    registry.pass('2', 9_000, &[], None);
    let page = registry.page(7);
    assert_eq!((page.state, page.boots_survived), (PageState::Unknown, 1));
    registry.pass('2', 10_000, &[], Some(&[(7, 0)]));
    assert_eq!(registry.page(7).state, PageState::NotOfflineNow);
    registry.pass('2', 11_000, &[], Some(&[(7, POISONED)]));
    let page = registry.page(7);
    assert_eq!((page.state, page.last_seen_wall_ms), (PageState::OfflineNow, 11_000));
    assert_eq!((page.first_seen_wall_ms, page.boots_survived), (1_000, 1));
}

#[test]
fn a_page_offlined_again_at_the_first_pass_of_a_boot_was_seen_then() {
    let mut registry = Registry::new(&[report(7, PageReason::SoftOffline)]);
    registry.pass('1', 2_000, &[], Some(&[(7, POISONED)]));
    registry.pass('2', 9_000, &[], Some(&[(7, POISONED)]));
    assert_eq!(registry.page(7).last_seen_wall_ms, 9_000);
}

#[test]
fn what_the_kernel_does_not_tell_is_unknown_rather_than_as_before() {
    let mut registry = Registry::new(&[report(7, PageReason::SoftOffline)]);
    registry.pass('1', 2_000, &[], Some(&[(7, POISONED)]));
    registry.pass('1', 3_000, &[], Some(&[]));
    assert_eq!(registry.page(7).state, PageState::Unknown);
}

#[test]
fn a_page_kept_from_the_kernel_is_told_from_one_of_the_kernels_own() {
    let range = AddressRange::new(0x1_0000, 0xf_ffff).unwrap();
    let absent = Reading::Absent(crate::Origin::new("block_size_bytes"));
    let map = MemoryMap::new(PAGE, absent, [range]);
    let (outside, inside) = (0x3_0000, 0x20);
    let reason = || PageReason::HardOffline;
    let mut registry = Registry::new(&[report(outside, reason()), report(inside, reason())]);
    let flags = [(outside, RESERVED), (inside, RESERVED)];
    registry.pass('2', 2_000, &[], Some(&flags));
    assert_eq!(registry.page(outside).state, PageState::Unknown, "without the map");
    registry.pass_with('2', 3_000, &[], Some(&flags), Some(&map));
    assert_eq!(registry.page(outside).state, PageState::OfflineNow);
    assert_eq!(registry.page(inside).state, PageState::NotOfflineNow);
}

#[test]
fn a_kernel_with_pages_of_another_size_tells_nothing_of_this_one() {
    let mut registry = Registry::new(&[report(7, PageReason::SoftOffline)]);
    let boot = boot('1');
    let flags = BTreeMap::from([(7, PageFlags(POISONED))]);
    let told = PagesTold { page_size_bytes: 65_536, flags };
    let large = PageReport { page_size_bytes: 65_536, ..report(7, PageReason::SoftOffline) };
    let pass =
        PagePass { boot: &boot, wall_ms: 2_000, reported: &[large], told: Some(&told), map: None };
    let changed = follow_pages(&registry.0, &pass).changed;
    assert_eq!(changed.len(), 1, "the page of the same number lies elsewhere");
    assert_eq!(changed[0].physical_address, 7 * 65_536);
    assert_eq!(changed[0].state, PageState::OfflineNow);
    assert_eq!(registry.pass('1', 3_000, &[], None), PageChanges::default());
}

#[test]
fn a_report_of_the_kernel_names_a_page_if_it_has_an_address() {
    let mut group = EventGroup {
        first: std::time::Duration::ZERO,
        last: std::time::Duration::ZERO,
        witness: crate::Witness::MemoryFailure,
        class: crate::EventClass::Uncorrected,
        what: EventWhat::Page {
            page_type: "dirty LRU page".to_owned(),
            outcome: PageOutcome::Failed,
        },
        place: crate::EventPlace::Address,
        address: Some(0x3000_0040),
        grain_bits: None,
        syndrome: None,
        reports: 1,
        errors: 1,
        message: String::new(),
        detail: String::new(),
        folded: crate::Folded::Nothing,
    };
    let expected = report(0x3_0000, failure("Failed"));
    assert_eq!(PageReport::of_event(&group, PAGE), Some(expected));
    assert_eq!(PageReport::of_event(&group, 0), None);
    for (asked_by, reason) in [
        (OfflineAsker::Collector, PageReason::CollectedByKernel),
        (OfflineAsker::Unknown, PageReason::SoftOffline),
    ] {
        // Whatever came of it: somebody held it to be bad.
        group.what = EventWhat::SoftOffline { asked_by, outcome: PageOutcome::Failed };
        assert_eq!(PageReport::of_event(&group, PAGE), Some(report(0x3_0000, reason)));
    }
    group.address = None;
    assert_eq!(PageReport::of_event(&group, PAGE), None);
    (group.address, group.what) = (Some(0x3000_0040), EventWhat::Memory);
    assert_eq!(PageReport::of_event(&group, PAGE), None);
}

#[test]
fn the_gravest_reason_stays_and_the_newest_dimm_counts() {
    let mut registry = Registry::new(&[report(7, failure("Ignored"))]);
    let again = PageReport {
        dimm: Some("mc0/dimm1".to_owned()),
        ..report(7, PageReason::CorrectedThreshold)
    };
    registry.pass('1', 5_000, &[again], None);
    let page = registry.page(7);
    assert_eq!(page.reason, failure("Ignored"));
    assert_eq!((page.dimm.as_deref(), page.last_seen_wall_ms), (Some("mc0/dimm1"), 5_000));
    registry.pass('1', 6_000, &[report(7, failure("Recovered"))], None);
    assert_eq!(registry.page(7).reason, failure("Recovered"), "the newest of its kind");
    assert_eq!(registry.page(7).dimm.as_deref(), Some("mc0/dimm1"));
}

#[test]
fn who_asked_for_a_page_to_go_is_a_better_reason_than_that_somebody_did() {
    for reason in [PageReason::CollectedByKernel, PageReason::CorrectedThreshold] {
        let mut registry = Registry::new(&[report(7, reason.clone())]);
        registry.pass('1', 2_000, &[report(7, PageReason::SoftOffline)], None);
        assert_eq!(registry.page(7).reason, reason);
        registry.pass('1', 3_000, &[report(7, failure("Failed"))], None);
        assert_eq!(registry.page(7).reason, failure("Failed"));
        assert_eq!(registry.0.len(), 1);
    }
}

#[test]
fn an_unknown_boot_is_taken_for_the_same() {
    let unknown = BootId::unknown();
    let mut registry = Registry::new(&[report(7, PageReason::SoftOffline)]);
    registry.pass('1', 2_000, &[], Some(&[(7, POISONED)]));
    let pass = PagePass { boot: &unknown, wall_ms: 3_000, reported: &[], told: None, map: None };
    assert_eq!(follow_pages(&registry.0, &pass), PageChanges::default());
}

#[test]
fn a_full_registry_says_what_it_refuses() {
    let last = u64::try_from(MOST_BAD_PAGES).unwrap();
    let reports: Vec<PageReport> =
        (1..=last + 2).map(|pfn| report(pfn, PageReason::Imported)).collect();
    let mut registry = Registry(BTreeMap::new());
    let changes = registry.pass('1', 1_000, &reports, None);
    assert_eq!((changes.changed.len(), changes.refused), (MOST_BAD_PAGES, 2));
    // Those that are in it are still followed.
    let changes = registry.pass('1', 2_000, &[report(1, failure("Failed"))], None);
    assert_eq!((changes.changed.len(), changes.refused), (1, 0));
}

#[test]
fn words_read_back_as_what_they_stand_for() {
    let plain = [
        PageReason::AdminMarked,
        PageReason::Imported,
        PageReason::CorrectedThreshold,
        PageReason::CollectedByKernel,
        PageReason::SoftOffline,
        PageReason::HardOffline,
    ];
    for reason in plain {
        assert_eq!(PageReason::parse(reason.as_str(), None), Some(reason.clone()));
        let words = ("a".to_owned(), PageOutcome::Failed);
        assert_eq!(PageReason::parse(reason.as_str(), Some(words)), None);
    }
    let words = ("dirty LRU page".to_owned(), PageOutcome::Failed);
    let reason = failure("Failed");
    assert_eq!(PageReason::parse(reason.as_str(), Some(words)), Some(reason));
    assert_eq!(PageReason::parse("memory_failure", None), None);
    for state in PageState::ALL {
        assert_eq!(PageState::parse(state.as_str()), Some(state));
    }
}

proptest! {
    /// Random passes: no page is lost, none moves, its times and boots never run backwards, and a
    /// second look at the same pass changes nothing more.
    #[test]
    fn a_registry_only_grows(
        passes in prop::collection::vec(
            (0_u8..3, prop::collection::vec(0_u64..6, 0..4),
             prop::option::of(prop::collection::btree_map(0_u64..6, any::<u64>(), 0..6))),
            0..12,
        ),
    ) {
        let mut registry = Registry(BTreeMap::new());
        for (wall_ms, (digit, pfns, flags)) in (0_i64..).zip(passes) {
            let before = registry.0.clone();
            let reports: Vec<PageReport> =
                pfns.iter().map(|pfn| report(*pfn, PageReason::SoftOffline)).collect();
            let digit = char::from(b'1' + digit);
            let flags: Option<Vec<(u64, u64)>> = flags.map(|flags| flags.into_iter().collect());
            registry.pass(digit, wall_ms, &reports, flags.as_deref());
            for (address, page) in &before {
                let after = &registry.0[address];
                prop_assert_eq!(after.first_seen_wall_ms, page.first_seen_wall_ms);
                prop_assert!(after.last_seen_wall_ms >= page.last_seen_wall_ms);
                prop_assert!(after.boots_survived >= page.boots_survived);
            }
            for pfn in pfns.iter().filter(|pfn| **pfn != 0) {
                prop_assert!(registry.0.contains_key(&(pfn * PAGE)));
            }
            prop_assert!(!registry.0.contains_key(&0));
            let again = registry.pass(digit, wall_ms, &[], flags.as_deref());
            prop_assert_eq!(again, PageChanges::default());
        }
    }
}
