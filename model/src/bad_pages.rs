//! The registry of bad pages: what the kernel forgets at every reboot.
//!
//! A page frame number names the same piece of the same module only as long as the modules and
//! the firmware's interleaving stay; therefore the DIMM is kept beside it.

use crate::{
    AddressRange, BootId, EventGroup, EventWhat, MemoryMap, NonValue, OfflineAsker, PageFlags,
    PageOutcome, Reading,
};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// One bad page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BadPage {
    /// Number of the page frame.
    pub pfn: u64,
    /// Its first physical address: `pfn` times the page size.
    pub physical_address: u64,
    /// Size of the page, bytes.
    pub page_size_bytes: u64,
    /// The gravest reason given for it.
    pub reason: PageReason,
    /// The DIMM it lies on, by the history's id; `None` if unknown.
    pub dimm: Option<String>,
    /// When it was registered, milliseconds since the Unix epoch.
    pub first_seen_wall_ms: i64,
    /// When it was last reported, or last found to be marked after not being so.
    pub last_seen_wall_ms: i64,
    /// Reboots that were noticed since it was registered.
    pub boots_survived: u32,
    /// The boot it was last looked at in.
    pub boot: BootId,
    /// Whether the running kernel has it out of use.
    pub state: PageState,
}

/// Why a page is held to be bad. Later variants are graver.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum PageReason {
    /// An administrator said so.
    AdminMarked,
    /// It stands in another tool's history.
    Imported,
    /// It was to be offlined before it failed, and who asked for that was not told. Whoever did is a
    /// better reason, so this is the milder one.
    SoftOffline,
    /// More corrected errors than the policy allows.
    CorrectedThreshold,
    /// The kernel's corrected-errors collector asked for it to be offlined.
    CollectedByKernel,
    /// It was found marked, or offlined by hand, without an error being seen.
    HardOffline,
    /// `memory_failure()` ran for it.
    MemoryFailure {
        /// What the page was used for, in this kernel's words, for example `free buddy page`.
        page_type: String,
        /// What became of it.
        result: PageOutcome,
    },
}

/// Whether a page is out of use now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PageState {
    /// The running kernel has marked it.
    OfflineNow,
    /// The running kernel uses it like any other.
    NotOfflineNow,
    /// The kernel did not tell.
    Unknown,
}

/// A page somebody reported as bad. Reports without an address are none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageReport {
    /// Number of the page frame; 0 stands for an unknown address and is not registered.
    pub pfn: u64,
    /// Size of a page, bytes.
    pub page_size_bytes: u64,
    /// Why.
    pub reason: PageReason,
    /// The DIMM, where it is known.
    pub dimm: Option<String>,
}

/// What one pass saw of bad pages.
#[derive(Debug, Clone, Copy)]
pub struct PagePass<'a> {
    /// The boot it belongs to.
    pub boot: &'a BootId,
    /// When, milliseconds since the Unix epoch.
    pub wall_ms: i64,
    /// Pages reported since the last pass.
    pub reported: &'a [PageReport],
    /// What the running kernel says of known pages; one that is missing was not told of. `None` if
    /// this pass did not ask: what was known within the boot stays.
    pub told: Option<&'a PagesTold>,
    /// The memory the kernel manages, where it shows that.
    pub map: Option<&'a MemoryMap>,
}

/// What the running kernel says of single pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PagesTold {
    /// Size of its pages, bytes. Numbers of page frames mean nothing without it: kernels of one
    /// machine may differ.
    pub page_size_bytes: u64,
    /// The flags of each page told of, by the number of its frame.
    pub flags: BTreeMap<u64, PageFlags>,
}

/// What a scan of all pages found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PoisonedPages {
    /// Pages marked as bad, in order; the first [`MOST_BAD_PAGES`] of them.
    pub pfns: Vec<u64>,
    /// Pages looked at.
    pub scanned_pages: u64,
    /// Whether every page of System RAM was looked at and every one found is listed.
    pub is_complete: bool,
}

/// What is known of bad pages, for a page that lists them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PageList {
    /// The registry, in the order of addresses, with states as of now; not a value where there is
    /// no history.
    pub registered: Reading<Vec<BadPage>>,
    /// Why the kernel did not tell of single pages, if it did not.
    pub untold: Option<NonValue>,
    /// Size of the running kernel's pages, bytes; `None` where it is not known.
    pub page_size_bytes: Option<u64>,
    /// All pages the running kernel has marked; `None` if nobody asked.
    pub scan: Option<Reading<PoisonedPages>>,
}

/// What one pass changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageChanges {
    /// The pages that are new or changed, as they now are, in the order of their addresses.
    pub changed: Vec<BadPage>,
    /// Reports of pages that were not taken in because the registry is full.
    pub refused: u64,
}

/// Most pages kept. A host that has lost 256 MiB to single bad pages has another problem, and no
/// boot loader passes on so many.
pub const MOST_BAD_PAGES: usize = 65_536;

/// Longest text of the kernel kept with a page, in characters.
const LONGEST_WORD: usize = 64;

impl PageReason {
    /// A stable word for labels and the database.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::AdminMarked => "admin_marked",
            Self::Imported => "imported",
            Self::CorrectedThreshold => "corrected_threshold",
            Self::CollectedByKernel => "collected_by_kernel",
            Self::SoftOffline => "soft_offline",
            Self::HardOffline => "hard_offline",
            Self::MemoryFailure { .. } => "memory_failure",
        }
    }

    /// The reason of that word; page type and result are those of a memory failure and must be
    /// given with it alone.
    pub fn parse(word: &str, failure: Option<(String, PageOutcome)>) -> Option<Self> {
        Some(match (word, failure) {
            ("admin_marked", None) => Self::AdminMarked,
            ("imported", None) => Self::Imported,
            ("corrected_threshold", None) => Self::CorrectedThreshold,
            ("collected_by_kernel", None) => Self::CollectedByKernel,
            ("soft_offline", None) => Self::SoftOffline,
            ("hard_offline", None) => Self::HardOffline,
            ("memory_failure", Some((page_type, result))) => {
                Self::MemoryFailure { page_type, result }
            }
            (_, _) => return None,
        })
    }

    /// How grave, of what is comparable: two memory failures of one page are.
    fn rank(&self) -> u8 {
        match self {
            Self::AdminMarked => 0,
            Self::Imported => 1,
            Self::SoftOffline => 2,
            Self::CorrectedThreshold => 3,
            Self::CollectedByKernel => 4,
            Self::HardOffline => 5,
            Self::MemoryFailure { .. } => 6,
        }
    }

    /// With the kernel's words cut to what is kept.
    fn bounded(self) -> Self {
        match self {
            Self::MemoryFailure { page_type, result } => {
                let page_type = page_type.chars().take(LONGEST_WORD).collect();
                Self::MemoryFailure { page_type, result }
            }
            Self::AdminMarked
            | Self::Imported
            | Self::CorrectedThreshold
            | Self::CollectedByKernel
            | Self::SoftOffline
            | Self::HardOffline => self,
        }
    }
}

impl fmt::Display for PageReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AdminMarked => f.write_str("marked by an administrator"),
            Self::Imported => f.write_str("imported"),
            Self::CorrectedThreshold => f.write_str("too many corrected errors"),
            Self::CollectedByKernel => f.write_str("collected by the kernel"),
            Self::SoftOffline => f.write_str("soft offline"),
            Self::HardOffline => f.write_str("hard-offlined"),
            Self::MemoryFailure { page_type, result } => {
                write!(f, "memory failure: {page_type}: {}", result.as_str())
            }
        }
    }
}

impl PageState {
    /// All states.
    pub const ALL: [Self; 3] = [Self::OfflineNow, Self::NotOfflineNow, Self::Unknown];

    /// A stable word for labels and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OfflineNow => "offline_now",
            Self::NotOfflineNow => "not_offline_now",
            Self::Unknown => "unknown",
        }
    }

    /// The state of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

impl BadPage {
    /// Its addresses.
    pub fn range(&self) -> Option<AddressRange> {
        AddressRange::of_page(self.pfn, self.page_size_bytes)
    }
}

impl PageReport {
    /// What a report of the kernel says of a page; `None` if it is about none, or its address is
    /// not known. Of reports folded together over several pages, the first page is meant.
    pub fn of_event(group: &EventGroup, page_size_bytes: u64) -> Option<Self> {
        let reason = match &group.what {
            EventWhat::Page { page_type, outcome } => {
                PageReason::MemoryFailure { page_type: page_type.clone(), result: *outcome }
            }
            // One that the kernel could not take out of use is held to be bad all the same.
            EventWhat::SoftOffline { asked_by: OfflineAsker::Collector, outcome: _ } => {
                PageReason::CollectedByKernel
            }
            EventWhat::SoftOffline { asked_by: OfflineAsker::Unknown, outcome: _ } => {
                PageReason::SoftOffline
            }
            EventWhat::Memory | EventWhat::Other { .. } | EventWhat::Overflow { .. } => {
                return None;
            }
        };
        let pfn = group.address?.checked_div(page_size_bytes)?;
        Some(Self { pfn, page_size_bytes, reason, dimm: None })
    }
}

impl PageList {
    /// The physical addresses of pages that a scan found and the registry does not hold.
    pub fn unregistered(&self) -> Vec<u64> {
        let registered: Vec<u64> =
            self.registered.value().into_iter().flatten().map(|p| p.physical_address).collect();
        let found = self.scan.as_ref().and_then(Reading::value);
        let size = self.page_size_bytes;
        found
            .into_iter()
            .flat_map(|scan| &scan.pfns)
            .filter_map(|pfn| pfn.checked_mul(size?))
            .filter(|address| registered.binary_search(address).is_err())
            .collect()
    }
}

/// Brings the registry, whose keys are physical addresses, up to date with one pass. The registry
/// itself is not changed: whoever asks writes the changes down and inserts them.
///
/// A page is never taken out: that the kernel uses it again after a reboot makes it no better.
pub fn follow_pages(known: &BTreeMap<u64, BadPage>, pass: &PagePass<'_>) -> PageChanges {
    let mut changed: BTreeMap<u64, BadPage> = BTreeMap::new();
    let mut refused = 0_u64;
    let mut added = 0_usize;
    for report in pass.reported {
        let Some(new) = registered(report, pass) else { continue };
        let address = new.physical_address;
        let page = match changed.get(&address).or_else(|| known.get(&address)) {
            Some(page) => reported_again(page, new),
            None if known.len().saturating_add(added) >= MOST_BAD_PAGES => {
                refused = refused.saturating_add(1);
                continue;
            }
            None => {
                added += 1;
                new
            }
        };
        changed.insert(address, page);
    }
    let all: Vec<u64> = known.keys().chain(changed.keys()).copied().collect();
    for address in all {
        let Some(page) = changed.get(&address).or_else(|| known.get(&address)) else { continue };
        let after = looked_at_again(page, pass);
        if after != *page {
            changed.insert(address, after);
        }
    }
    // A report that adds nothing is no change: passes that change nothing write nothing.
    changed.retain(|address, page| known.get(address) != Some(page));
    PageChanges { changed: changed.into_values().collect(), refused }
}

fn registered(report: &PageReport, pass: &PagePass<'_>) -> Option<BadPage> {
    // Where the hardware gave no address, firmware and drivers report page 0.
    let range =
        AddressRange::of_page(report.pfn, report.page_size_bytes).filter(|_| report.pfn != 0)?;
    Some(BadPage {
        pfn: report.pfn,
        physical_address: range.first(),
        page_size_bytes: report.page_size_bytes,
        reason: report.reason.clone().bounded(),
        dimm: report.dimm.clone(),
        first_seen_wall_ms: pass.wall_ms,
        last_seen_wall_ms: pass.wall_ms,
        boots_survived: 0,
        boot: pass.boot.clone(),
        state: PageState::Unknown,
    })
}

fn reported_again(page: &BadPage, report: BadPage) -> BadPage {
    let graver = report.reason.rank() >= page.reason.rank();
    BadPage {
        reason: if graver { report.reason } else { page.reason.clone() },
        // What is known now outweighs what was known then: modules may have been swapped.
        dimm: report.dimm.or_else(|| page.dimm.clone()),
        last_seen_wall_ms: report.last_seen_wall_ms,
        ..page.clone()
    }
}

/// What a look at the kernel's flags, or a new boot, makes of a page.
fn looked_at_again(page: &BadPage, pass: &PagePass<'_>) -> BadPage {
    let mut after = page.clone();
    // Where a boot id is unknown we lean towards the same boot, as everywhere.
    let both_known = page.boot.is_known() && pass.boot.is_known();
    if both_known && page.boot != *pass.boot {
        after.boot = pass.boot.clone();
        after.boots_survived = page.boots_survived.saturating_add(1);
        // A kernel that has just booted has taken nothing over from the one before.
        after.state = PageState::Unknown;
    } else if !page.boot.is_known() {
        after.boot = pass.boot.clone();
    }
    if let Some(told) = pass.told {
        let same_size = told.page_size_bytes == page.page_size_bytes;
        let flags = told.flags.get(&page.pfn).copied().filter(|_| same_size);
        let state = state(page, flags, pass.map);
        if state == PageState::OfflineNow && after.state != state {
            after.last_seen_wall_ms = pass.wall_ms;
        }
        after.state = state;
    }
    after
}

fn state(page: &BadPage, flags: Option<PageFlags>, map: Option<&MemoryMap>) -> PageState {
    let managed = map.zip(page.range()).map(|(map, range)| map.contains(range));
    match flags {
        Some(flags) if flags.is_poisoned() => PageState::OfflineNow,
        // What the kernel does not have, or does not manage, it does not hand out: memmap= or the
        // boot loader keeps it out, or its module is gone.
        Some(flags) if flags.is_no_page() => PageState::OfflineNow,
        Some(_) | None if managed == Some(false) => PageState::OfflineNow,
        // Kept out as well, or part of the kernel's own image: only the map tells them apart.
        Some(flags) if flags.is_reserved() && managed.is_none() => PageState::Unknown,
        Some(_) => PageState::NotOfflineNow,
        None => PageState::Unknown,
    }
}

#[cfg(test)]
mod tests;
