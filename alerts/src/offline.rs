//! Which pages to take out of use before they fail. Pure: it returns a plan, and somebody else
//! carries it out, one page at a time, if the settings permit it.
//!
//! Presets are what others do, not what is known to be best: the thresholds in use differ by a
//! factor of 500. Pages are a budget, because a fault larger than a page would use up all memory
//! page by page (see the finding `pages-growing`).

use scrubjay_model::{
    BadPage, CorrectedPage, MemoryMap, OfflineMode, PageFlags, PageState, Reading, Snapshot,
};
use std::collections::{BTreeMap, BTreeSet};

/// When a page has had too many corrected errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OfflinePreset {
    /// 2 errors of a page in 24 hours (mcelog since 2024-09).
    Mcelog,
    /// 50 errors of a page in 24 hours (rasdaemon).
    Rasdaemon,
    /// 2 errors of a page in all, forgotten after four days without another (the kernel's
    /// corrected-errors collector on Intel, whose two-bit age falls by one a day). The kernel
    /// itself forgets such a page only when its table is full, so this leans towards fewer.
    KernelCec,
}

/// What the settings allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OfflinePolicy {
    /// Whether pages may be taken out of use at all.
    pub mode: OfflineMode,
    /// Which pages have had too many errors.
    pub preset: OfflinePreset,
    /// Most pages within 24 hours.
    pub budget_pages_per_day: u32,
    /// Most pages in all, as long as they are registered.
    pub budget_pages_total: u32,
    /// Whether pages that were out of use before a reboot are taken out again without another
    /// error.
    pub reoffline_after_boot: bool,
}

/// Corrected errors of one page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageErrors {
    /// A physical address in the page; `None` where the witness gave none.
    pub physical_address: Option<u64>,
    /// Corrected errors in windows of 24 hours, counted back from now: the first is the last day.
    pub by_day: Vec<u64>,
}

impl From<&CorrectedPage> for PageErrors {
    fn from(page: &CorrectedPage) -> Self {
        Self { physical_address: Some(page.physical_address), by_day: page.by_day.clone() }
    }
}

/// What the plan rests on.
#[derive(Debug, Clone, Copy)]
pub struct OfflineInput<'a> {
    /// What the settings allow.
    pub policy: &'a OfflinePolicy,
    /// Pages with corrected errors.
    pub errors: &'a [PageErrors],
    /// The memory the kernel manages.
    pub map: &'a Reading<MemoryMap>,
    /// Size of the running kernel's pages, bytes.
    pub page_size_bytes: Option<u64>,
    /// `/proc/sys/vm/enable_soft_offline`.
    pub soft_offline: &'a Reading<u64>,
    /// What the kernel says of pages, by the number of their frames; as far as it tells.
    pub flags: &'a BTreeMap<u64, PageFlags>,
    /// The registry, by physical address.
    pub registry: &'a BTreeMap<u64, BadPage>,
    /// Pages that scrubjay asked for within the last 24 hours, whatever came of it.
    pub asked_last_day: u32,
    /// Pages that scrubjay asked for since the registry began.
    pub asked_in_all: u32,
}

/// A page to be taken out of use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfflinePlan {
    /// Number of the page frame.
    pub pfn: u64,
    /// Its first physical address.
    pub physical_address: u64,
    /// The numbers and the limit.
    pub why: String,
}

/// A page that has had too many errors and stays in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfflineRefusal {
    /// Its first physical address; `None` where that is not known.
    pub physical_address: Option<u64>,
    /// Why it stays in use.
    pub why: RefusedBecause,
}

/// Why a page stays in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RefusedBecause {
    /// No address, or 0, which stands for none.
    AddressUnknown,
    /// The kernel does not show which addresses are memory, or how large pages are. When blind,
    /// nothing is changed.
    MapUnknown,
    /// No System RAM there.
    OutsideSystemRam,
    /// The kernel has it out of use.
    AlreadyOffline,
    /// `enable_soft_offline` is 0: the kernel would decline.
    SoftOfflineOff,
    /// `enable_soft_offline` could not be read, although the kernel has it.
    SoftOfflineUnknown,
    /// Part of a HugeTLB page, which would be taken from its pool as a whole.
    HugePage,
    /// As many pages as are allowed within 24 hours.
    DayBudget,
    /// As many pages as are allowed in all.
    TotalBudget,
}

/// Days after which the kernel's collector would forget a page: its age has two bits.
const CEC_DAYS: usize = 4;

impl OfflinePreset {
    /// All presets.
    pub const ALL: [Self; 3] = [Self::Mcelog, Self::Rasdaemon, Self::KernelCec];

    /// The word used in configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mcelog => "mcelog",
            Self::Rasdaemon => "rasdaemon",
            Self::KernelCec => "kernel-cec",
        }
    }

    /// The preset of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|preset| preset.as_str() == word)
    }

    /// How many windows of 24 hours are looked at. A page with errors in each of a month is over the
    /// limit of whoever looks further back than a day.
    pub fn days(self) -> u32 {
        match self {
            Self::Mcelog | Self::Rasdaemon => 1,
            Self::KernelCec => 31,
        }
    }

    /// Errors from which a page has had too many.
    fn limit(self) -> u64 {
        match self {
            Self::Mcelog | Self::KernelCec => 2,
            Self::Rasdaemon => 50,
        }
    }

    /// The errors that count, and in which time, if they are too many.
    fn exceeded(self, by_day: &[u64]) -> Option<String> {
        let last_day = by_day.first().copied().unwrap_or(0);
        let (errors, time) = match self {
            Self::Mcelog | Self::Rasdaemon => (last_day, "24 hours".to_owned()),
            Self::KernelCec => {
                let remembered = remembered(by_day);
                let errors = remembered.iter().fold(0_u64, |sum, day| sum.saturating_add(*day));
                (errors, format!("{} days", remembered.len()))
            }
        };
        let limit = self.limit();
        // Without an error of the last day there is nothing new: the page was judged before.
        (last_day > 0 && errors >= limit).then(|| {
            let name = self.as_str();
            format!("{errors} corrected errors within {time}, limit {limit} ({name})")
        })
    }
}

/// The days back to the first pause in which the kernel's collector would have forgotten the page.
fn remembered(by_day: &[u64]) -> &[u64] {
    let pause = by_day.windows(CEC_DAYS).position(|days| days.iter().all(|errors| *errors == 0));
    by_day.get(..pause.unwrap_or(by_day.len())).unwrap_or_default()
}

/// The pages to be taken out of use now, the worst first, and those that are not, with the reason.
/// Without the setting both are empty: nothing was asked for, so nothing is refused.
pub fn plan_offlining(input: &OfflineInput<'_>) -> (Vec<OfflinePlan>, Vec<OfflineRefusal>) {
    let (mut plans, mut refusals) = (Vec::new(), Vec::new());
    match input.policy.mode {
        OfflineMode::Off => return (plans, refusals),
        OfflineMode::Soft => {}
    }
    let mut seen = BTreeSet::new();
    for candidate in candidates(input) {
        let first = page_of(candidate.address, input);
        // Two witnesses may name the same page, by different addresses in it.
        if first.is_some_and(|(_, first)| !seen.insert(first)) {
            continue;
        }
        match allowed(first, input, plans.len()) {
            Ok((pfn, physical_address)) => {
                plans.push(OfflinePlan { pfn, physical_address, why: candidate.why });
            }
            Err(why) => {
                let physical_address = first.map(|(_, first)| first).or(candidate.address);
                let physical_address = physical_address.filter(|address| *address != 0);
                refusals.push(OfflineRefusal { physical_address, why });
            }
        }
    }
    (plans, refusals)
}

/// A page that ought to go.
struct Candidate {
    address: Option<u64>,
    errors: u64,
    why: String,
}

fn candidates(input: &OfflineInput<'_>) -> Vec<Candidate> {
    let exceeded = input.errors.iter().filter_map(|page| {
        Some(Candidate {
            address: page.physical_address,
            errors: page.by_day.first().copied().unwrap_or(0),
            why: input.policy.preset.exceeded(&page.by_day)?,
        })
    });
    let mut all: Vec<Candidate> = exceeded.collect();
    // The worst first, for the budget; then by address, so that the same input gives the same plan.
    all.sort_by(|a, b| b.errors.cmp(&a.errors).then(a.address.cmp(&b.address)));
    if input.policy.reoffline_after_boot {
        let back = input
            .registry
            .values()
            .filter(|page| page.state == PageState::NotOfflineNow && page.boots_survived > 0);
        all.extend(back.map(|page| Candidate {
            address: Some(page.physical_address),
            errors: 0,
            why: format!("registered as bad ({}) and back in use since the last boot", page.reason),
        }));
    }
    all
}

/// Number and first address of the page that holds an address.
fn page_of(address: Option<u64>, input: &OfflineInput<'_>) -> Option<(u64, u64)> {
    let pfn = address?.checked_div(input.page_size_bytes?)?;
    Some((pfn, pfn.checked_mul(input.page_size_bytes?)?))
}

fn allowed(
    page: Option<(u64, u64)>,
    input: &OfflineInput<'_>,
    planned: usize,
) -> Result<(u64, u64), RefusedBecause> {
    use RefusedBecause as Why;
    let (pfn, first) = match (page, input.page_size_bytes) {
        (Some((0, _)), _) | (None, Some(_)) => return Err(Why::AddressUnknown),
        (None, None) => return Err(Why::MapUnknown),
        (Some(page), _) => page,
    };
    match input.map.value() {
        None => return Err(Why::MapUnknown),
        Some(map) if !map.contains_page(pfn) => return Err(Why::OutsideSystemRam),
        Some(_) => {}
    }
    let flags = input.flags.get(&pfn).copied();
    let registered = input.registry.get(&first).map(|page| page.state);
    let poisoned = flags.map(PageFlags::is_poisoned);
    if poisoned.unwrap_or(registered == Some(PageState::OfflineNow)) {
        return Err(Why::AlreadyOffline);
    }
    match input.soft_offline {
        Reading::Value(0) => return Err(Why::SoftOfflineOff),
        // Kernels before 6.11 have no switch and offline when asked.
        Reading::Value(_) | Reading::Absent(_) => {}
        Reading::Unreadable(..) | Reading::Malformed(..) => return Err(Why::SoftOfflineUnknown),
    }
    if flags.is_some_and(PageFlags::is_hugetlb) {
        return Err(Why::HugePage);
    }
    let planned = u32::try_from(planned).unwrap_or(u32::MAX);
    if input.asked_in_all.saturating_add(planned) >= input.policy.budget_pages_total {
        return Err(Why::TotalBudget);
    }
    if input.asked_last_day.saturating_add(planned) >= input.policy.budget_pages_per_day {
        return Err(Why::DayBudget);
    }
    Ok((pfn, first))
}

impl RefusedBecause {
    /// The reason in words that follow the address.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AddressUnknown => "its address is not known",
            Self::MapUnknown => {
                "the kernel does not show which addresses are memory; it shows that to \
                 CAP_SYS_ADMIN only"
            }
            Self::OutsideSystemRam => "no System RAM lies there",
            Self::AlreadyOffline => "the kernel has it out of use",
            Self::SoftOfflineOff => "enable_soft_offline is 0",
            Self::SoftOfflineUnknown => "enable_soft_offline could not be read",
            Self::HugePage => "it is part of a HugeTLB page, which its pool would lose as a whole",
            Self::DayBudget => "pages.budget_pages_per_day is used up",
            Self::TotalBudget => "pages.budget_pages_total is used up",
        }
    }
}

/// What the plan needs of a snapshot: `enable_soft_offline`, and the size of a page.
pub fn offline_facts(snapshot: &Snapshot) -> (Reading<u64>, Option<u64>) {
    match &snapshot.memory_failure {
        Some(section) => match section.reading.as_ref().into_result() {
            Ok(found) => (found.soft_offline.clone(), found.page_size_bytes.value().copied()),
            Err(why) => (why.into(), None),
        },
        // Not asked is not known: when blind, nothing is changed.
        None => {
            let origin = scrubjay_model::Origin::new("proc/sys/vm/enable_soft_offline");
            (Reading::Absent(origin), None)
        }
    }
}

#[cfg(test)]
mod tests;
