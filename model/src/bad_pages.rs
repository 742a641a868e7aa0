//! The registry of bad pages: what the kernel forgets at every reboot.
//!
//! A page frame number names the same piece of the same module only as long as the modules and
//! the firmware's interleaving stay; therefore the DIMM is kept beside it.

use crate::{AddressRange, BootId, MemoryMap, PageFlags};
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
    /// More corrected errors than the policy allows.
    CorrectedThreshold,
    /// The kernel's corrected-errors collector asked for it to be offlined.
    CollectedByKernel,
    /// It was offlined before it failed.
    SoftOffline,
    /// It was found marked, or offlined by hand, without an error being seen.
    HardOffline,
    /// `memory_failure()` ran for it, in this kernel's own words.
    MemoryFailure {
        /// What the page was used for, for example `free buddy page`.
        page_type: String,
        /// What became of it: `Recovered`, `Delayed`, `Failed`, `Ignored`.
        result: String,
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
    /// What the kernel says of known pages; one that is missing was not told of. `None` if this
    /// pass did not ask: what was known within the boot stays.
    pub flags: Option<&'a BTreeMap<u64, PageFlags>>,
    /// The memory the kernel manages, where it shows that.
    pub map: Option<&'a MemoryMap>,
}

/// What one pass changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageChanges {
    /// The pages that are new or changed, as they now are, in the order of their numbers.
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
    pub fn parse(word: &str, failure: Option<(String, String)>) -> Option<Self> {
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
            Self::CorrectedThreshold => 2,
            Self::CollectedByKernel => 3,
            Self::SoftOffline => 4,
            Self::HardOffline => 5,
            Self::MemoryFailure { .. } => 6,
        }
    }

    /// With the kernel's words cut to what is kept.
    fn bounded(self) -> Self {
        let cut = |text: String| text.chars().take(LONGEST_WORD).collect();
        match self {
            Self::MemoryFailure { page_type, result } => {
                Self::MemoryFailure { page_type: cut(page_type), result: cut(result) }
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
            Self::SoftOffline => f.write_str("soft-offlined"),
            Self::HardOffline => f.write_str("hard-offlined"),
            Self::MemoryFailure { page_type, result } => {
                write!(f, "memory failure: {page_type}: {result}")
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

/// Brings the registry up to date with one pass. The registry itself is not changed: whoever asks
/// writes the changes down and inserts them.
///
/// A page is never taken out: that the kernel uses it again after a reboot makes it no better.
pub fn follow_pages(known: &BTreeMap<u64, BadPage>, pass: &PagePass<'_>) -> PageChanges {
    let mut changed: BTreeMap<u64, BadPage> = BTreeMap::new();
    let mut refused = 0_u64;
    let mut added = 0_usize;
    for report in pass.reported {
        let now = changed.get(&report.pfn).or_else(|| known.get(&report.pfn));
        let page = match now {
            Some(page) => reported_again(page, report, pass.wall_ms),
            None if known.len().saturating_add(added) >= MOST_BAD_PAGES => {
                refused = refused.saturating_add(1);
                continue;
            }
            None => match registered(report, pass) {
                Some(page) => {
                    added += 1;
                    page
                }
                None => continue,
            },
        };
        changed.insert(report.pfn, page);
    }
    let looked_at: Vec<u64> = known.keys().chain(changed.keys()).copied().collect();
    for pfn in looked_at {
        let Some(page) = changed.get(&pfn).or_else(|| known.get(&pfn)) else { continue };
        let after = looked_at_again(page, pass);
        if after != *page {
            changed.insert(pfn, after);
        }
    }
    // A report that adds nothing is no change: passes that change nothing write nothing.
    changed.retain(|pfn, page| known.get(pfn) != Some(page));
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

fn reported_again(page: &BadPage, report: &PageReport, wall_ms: i64) -> BadPage {
    let graver = report.reason.rank() >= page.reason.rank();
    BadPage {
        reason: if graver { report.reason.clone().bounded() } else { page.reason.clone() },
        // What is known now outweighs what was known then: modules may have been swapped.
        dimm: report.dimm.clone().or_else(|| page.dimm.clone()),
        last_seen_wall_ms: wall_ms,
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
    if let Some(flags) = pass.flags {
        let state = state(page, flags.get(&page.pfn).copied(), pass.map);
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
