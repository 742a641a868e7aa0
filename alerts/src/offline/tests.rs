//! Plans: who goes, who stays, and why.

use super::*;
use proptest::prelude::*;
use scrubjay_model::{AddressRange, BootId, Origin, PageReason, ReadFault};

const PAGE: u64 = 4096;
const POISONED: u64 = 1 << 19;
const HUGETLB: u64 = 1 << 17;

fn policy() -> OfflinePolicy {
    OfflinePolicy {
        mode: OfflineMode::Soft,
        preset: OfflinePreset::Mcelog,
        budget_pages_per_day: 4,
        budget_pages_total: 64,
        reoffline_after_boot: false,
    }
}

fn map() -> Reading<MemoryMap> {
    let ranges = AddressRange::new(0x10_0000, 0x7fff_ffff);
    Reading::Value(MemoryMap::new(PAGE, Reading::Value(1 << 27), ranges))
}

fn errors(address: u64, by_day: &[u64]) -> PageErrors {
    PageErrors { physical_address: Some(address), by_day: by_day.to_vec() }
}

fn bad(pfn: u64, state: PageState, boots_survived: u32) -> (u64, BadPage) {
    let page = BadPage {
        pfn,
        physical_address: pfn * PAGE,
        page_size_bytes: PAGE,
        reason: PageReason::SoftOffline,
        dimm: None,
        first_seen_wall_ms: 0,
        last_seen_wall_ms: 0,
        boots_survived,
        boot: BootId::unknown(),
        state,
    };
    (pfn * PAGE, page)
}

/// A host on which everything is as it should be, to change one thing of.
struct Stage {
    policy: OfflinePolicy,
    errors: Vec<PageErrors>,
    map: Reading<MemoryMap>,
    page_size_bytes: Option<u64>,
    soft_offline: Reading<u64>,
    flags: BTreeMap<u64, PageFlags>,
    registry: BTreeMap<u64, BadPage>,
    asked: (u32, u32),
}

impl Stage {
    fn new(errors: Vec<PageErrors>) -> Self {
        Self {
            policy: policy(),
            errors,
            map: map(),
            page_size_bytes: Some(PAGE),
            soft_offline: Reading::Value(1),
            flags: BTreeMap::new(),
            registry: BTreeMap::new(),
            asked: (0, 0),
        }
    }

    fn plan(&self) -> (Vec<OfflinePlan>, Vec<OfflineRefusal>) {
        let (asked_last_day, asked_in_all) = self.asked;
        plan_offlining(&OfflineInput {
            policy: &self.policy,
            errors: &self.errors,
            map: &self.map,
            page_size_bytes: self.page_size_bytes,
            soft_offline: &self.soft_offline,
            flags: &self.flags,
            registry: &self.registry,
            asked_last_day,
            asked_in_all,
        })
    }

    fn goes(&self) -> Vec<u64> {
        self.plan().0.iter().map(|plan| plan.pfn).collect()
    }

    fn refused(&self) -> Vec<RefusedBecause> {
        let (plans, refusals) = self.plan();
        assert_eq!(plans, []);
        refusals.iter().map(|refusal| refusal.why).collect()
    }
}

fn one() -> Stage {
    Stage::new(vec![errors(0x3000_0040, &[2])])
}

#[test]
fn a_page_over_the_limit_goes_with_its_numbers() {
    let (plans, refusals) = one().plan();
    assert_eq!(refusals, []);
    assert_eq!(
        plans,
        [OfflinePlan {
            pfn: 0x3_0000,
            physical_address: 0x3000_0000,
            why: "2 corrected errors within 24 hours, limit 2 (mcelog)".to_owned(),
        }]
    );
}

#[test]
fn without_the_setting_nothing_is_planned_and_nothing_refused() {
    let mut stage = one();
    stage.policy.mode = OfflineMode::Off;
    stage.policy.reoffline_after_boot = true;
    stage.registry.extend([bad(0x4_0000, PageState::NotOfflineNow, 1)]);
    assert_eq!(stage.plan(), (Vec::new(), Vec::new()));
}

#[test]
fn presets_count_as_those_they_are_named_after() {
    use OfflinePreset::{KernelCec, Mcelog, Rasdaemon};
    for (preset, by_day, goes) in [
        (Mcelog, &[1, 9][..], false),
        (Mcelog, &[2], true),
        (Mcelog, &[], false),
        (Rasdaemon, &[49, 49], false),
        (Rasdaemon, &[50], true),
        (KernelCec, &[1], false),
        (KernelCec, &[1, 0, 0, 0, 1], true),
        (KernelCec, &[1, 0, 0, 0, 0, 1], false),
        (KernelCec, &[0, 1, 1], false),
        (KernelCec, &[u64::MAX, u64::MAX], true),
    ] {
        assert_eq!(preset.exceeded(by_day).is_some(), goes, "{preset:?} {by_day:?}");
    }
    for preset in OfflinePreset::ALL {
        assert_eq!(OfflinePreset::parse(preset.as_str()), Some(preset));
    }
}

#[test]
fn an_address_that_is_not_known_is_no_page_0() {
    let none = PageErrors { physical_address: None, by_day: vec![9] };
    let stage = Stage::new(vec![none, errors(0, &[9]), errors(64, &[9])]);
    assert_eq!(stage.refused(), [RefusedBecause::AddressUnknown; 2], "0 and 64 are one page");
    assert!(stage.plan().1.iter().all(|refusal| refusal.physical_address.is_none()));
}

#[test]
fn where_no_memory_is_or_the_map_is_hidden_nothing_goes() {
    let stage = Stage::new(vec![errors(0xfd00_0000, &[9])]);
    assert_eq!(stage.refused(), [RefusedBecause::OutsideSystemRam]);
    let mut stage = one();
    stage.map = Reading::Unreadable(Origin::new("proc/iomem"), ReadFault::Denied);
    assert_eq!(stage.refused(), [RefusedBecause::MapUnknown]);
    let mut stage = one();
    stage.page_size_bytes = None;
    assert_eq!(stage.refused(), [RefusedBecause::MapUnknown]);
}

#[test]
fn a_kernel_that_would_decline_is_not_asked() {
    let mut stage = one();
    stage.soft_offline = Reading::Value(0);
    assert_eq!(stage.refused(), [RefusedBecause::SoftOfflineOff]);
    stage.soft_offline =
        Reading::Unreadable(Origin::new("proc/sys/vm/enable_soft_offline"), ReadFault::Denied);
    assert_eq!(stage.refused(), [RefusedBecause::SoftOfflineUnknown]);
    stage.soft_offline = Reading::Absent(Origin::new("proc/sys/vm/enable_soft_offline"));
    assert_eq!(stage.goes(), [0x3_0000], "before 6.11");
}

#[test]
fn a_page_that_is_out_of_use_is_left_alone() {
    let mut stage = one();
    stage.registry.extend([bad(0x3_0000, PageState::OfflineNow, 0)]);
    assert_eq!(stage.refused(), [RefusedBecause::AlreadyOffline], "as the registry knows");
    stage.flags.insert(0x3_0000, PageFlags(0));
    assert_eq!(stage.goes(), [0x3_0000], "the kernel knows better");
    stage.registry.clear();
    stage.flags.insert(0x3_0000, PageFlags(POISONED));
    assert_eq!(stage.refused(), [RefusedBecause::AlreadyOffline]);
}

#[test]
fn a_huge_page_is_not_taken_from_its_pool() {
    let mut stage = one();
    stage.flags.insert(0x3_0000, PageFlags(HUGETLB));
    assert_eq!(stage.refused(), [RefusedBecause::HugePage]);
    stage.flags.insert(0x3_0000, PageFlags(1 << 22));
    assert_eq!(stage.goes(), [0x3_0000], "a transparent one is split");
}

#[test]
fn the_budget_goes_to_the_worst() {
    let many = (1..=6).map(|n| errors(0x3000_0000 + n * PAGE, &[1 + n])).collect();
    let mut stage = Stage::new(many);
    stage.asked = (2, 2);
    let (plans, refusals) = stage.plan();
    assert_eq!(plans.iter().map(|plan| plan.pfn).collect::<Vec<_>>(), [0x3_0006, 0x3_0005]);
    let why: Vec<RefusedBecause> = refusals.iter().map(|refusal| refusal.why).collect();
    assert_eq!(why, [RefusedBecause::DayBudget; 4]);
    stage.asked = (0, 64);
    assert_eq!(stage.refused(), [RefusedBecause::TotalBudget; 6]);
    stage.asked = (u32::MAX, u32::MAX);
    assert_eq!(stage.refused().len(), 6);
}

#[test]
fn pages_come_back_after_a_reboot_only_if_asked_for() {
    let mut stage = Stage::new(Vec::new());
    stage.registry.extend([
        bad(0x4_0000, PageState::NotOfflineNow, 1),
        bad(0x5_0000, PageState::NotOfflineNow, 0),
        bad(0x6_0000, PageState::Unknown, 3),
    ]);
    assert_eq!(stage.plan(), (Vec::new(), Vec::new()));
    stage.policy.reoffline_after_boot = true;
    assert_eq!(stage.goes(), [0x4_0000]);
    assert!(stage.plan().0[0].why.contains("back in use since the last boot"));
}

#[test]
fn what_was_not_asked_is_no_leave_to_act() {
    let mut snapshot = crate::testing::healthy();
    assert_eq!(offline_facts(&snapshot), (Reading::Value(1), Some(4096)));
    snapshot.memory_failure = None;
    let (soft_offline, page_size) = offline_facts(&snapshot);
    let mut stage = one();
    (stage.soft_offline, stage.page_size_bytes) = (soft_offline, page_size);
    assert_eq!(stage.refused(), [RefusedBecause::MapUnknown]);
}

proptest! {
    /// Any host: never more than the budgets, never a page twice, never one outside the map or out
    /// of use already, and each page that is over the limit is either planned or refused.
    #[test]
    fn a_plan_stays_within_what_is_allowed(
        pages in prop::collection::vec((prop::option::of(0_u64..0x9000_0000), prop::collection::vec(0_u64..60, 0..6)), 0..30),
        flags in prop::collection::btree_map(0_u64..0x9_0000, any::<u64>(), 0..10),
        preset in prop::sample::select(OfflinePreset::ALL.to_vec()),
        budgets in (0_u32..6, 0_u32..6, 0_u32..6, 0_u32..6),
        reoffline_after_boot: bool,
    ) {
        let errors: Vec<PageErrors> = pages
            .iter()
            .map(|(physical_address, by_day)| PageErrors {
                physical_address: *physical_address,
                by_day: by_day.clone(),
            })
            .collect();
        let (budget_pages_per_day, budget_pages_total, asked_last_day, asked_in_all) = budgets;
        let mut stage = Stage::new(errors);
        stage.policy = OfflinePolicy {
            mode: OfflineMode::Soft,
            preset,
            budget_pages_per_day,
            budget_pages_total,
            reoffline_after_boot,
        };
        stage.asked = (asked_last_day, asked_in_all);
        stage.flags = flags.into_iter().map(|(pfn, bits)| (pfn, PageFlags(bits))).collect();
        let (plans, refusals) = stage.plan();
        let planned = u32::try_from(plans.len()).unwrap();
        prop_assert!(planned == 0 || asked_last_day + planned <= budget_pages_per_day);
        prop_assert!(planned == 0 || asked_in_all + planned <= budget_pages_total);
        let distinct: BTreeSet<u64> = plans.iter().map(|plan| plan.pfn).collect();
        prop_assert_eq!(distinct.len(), plans.len());
        for plan in &plans {
            prop_assert!(stage.map.value().unwrap().contains_page(plan.pfn));
            prop_assert!(!stage.flags.get(&plan.pfn).is_some_and(|flags| flags.is_poisoned()));
            prop_assert_eq!(plan.physical_address, plan.pfn * PAGE);
        }
        let over: BTreeSet<Option<u64>> = pages
            .iter()
            .filter(|(_, by_day)| preset.exceeded(by_day).is_some())
            .map(|(address, _)| address.map(|address| address / PAGE * PAGE).filter(|a| *a != 0))
            .collect();
        let told: BTreeSet<Option<u64>> = plans
            .iter()
            .map(|plan| Some(plan.physical_address))
            .chain(refusals.iter().map(|refusal| refusal.physical_address))
            .collect();
        prop_assert_eq!(over, told);
    }
}
