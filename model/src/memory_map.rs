//! Which physical addresses hold memory that the kernel manages, and what it says of single pages.

use crate::Reading;
use serde::{Serialize, Serializer};
use std::fmt;

/// A range of physical addresses, both ends included, as `/proc/iomem` shows them. Ordered by its
/// first address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressRange {
    first: u64,
    last: u64,
}

/// The memory the kernel manages (`System RAM` of `/proc/iomem`).
///
/// It exists only if the kernel showed it: without `CAP_SYS_ADMIN` all addresses are shown as 0,
/// and a map made of those would say that no page exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MemoryMap {
    /// Size of a page, bytes; a power of two.
    pub page_size_bytes: u64,
    /// `/sys/devices/system/memory/block_size_bytes`: what memory hot-plug adds and removes at
    /// once.
    pub block_size_bytes: Reading<u64>,
    /// In order, neither overlapping nor adjacent.
    ranges: Vec<AddressRange>,
    /// What the firmware's map keeps from the kernel (`Unusable memory`, `Reserved`), likewise.
    reserved: Vec<AddressRange>,
}

/// The flags of one page, as `/proc/kpageflags` shows them
/// (include/uapi/linux/kernel-page-flags.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct PageFlags(pub u64);

impl AddressRange {
    /// From the first to the last address; `None` if they are the wrong way round.
    pub fn new(first: u64, last: u64) -> Option<Self> {
        (first <= last).then_some(Self { first, last })
    }

    /// The addresses of a page; `None` if it would lie beyond 2⁶⁴ or the size is 0.
    pub fn of_page(pfn: u64, page_size_bytes: u64) -> Option<Self> {
        let first = pfn.checked_mul(page_size_bytes)?;
        Self::new(first, first.checked_add(page_size_bytes.checked_sub(1)?)?)
    }

    /// The first address.
    pub fn first(self) -> u64 {
        self.first
    }

    /// The last address.
    pub fn last(self) -> u64 {
        self.last
    }

    /// Its size in bytes; `None` for the one range of 2⁶⁴ bytes.
    pub fn size_bytes(self) -> Option<u64> {
        (self.last - self.first).checked_add(1)
    }

    /// Whether all of `other` lies in it.
    pub fn contains(self, other: Self) -> bool {
        self.first <= other.first && other.last <= self.last
    }

    /// Sorts ranges and joins those that overlap or touch: the same addresses in fewest ranges.
    pub fn merged(ranges: impl IntoIterator<Item = Self>) -> Vec<Self> {
        let mut sorted: Vec<Self> = ranges.into_iter().collect();
        sorted.sort_unstable();
        let mut merged: Vec<Self> = Vec::new();
        for range in sorted {
            match merged.last_mut() {
                Some(before) if range.first <= before.last.saturating_add(1) => {
                    before.last = before.last.max(range.last);
                }
                Some(_) | None => merged.push(range),
            }
        }
        merged
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}-{:#x}", self.first, self.last)
    }
}

impl Serialize for AddressRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl MemoryMap {
    /// A map of the ranges that are System RAM, in whatever order.
    pub fn new(
        page_size_bytes: u64,
        block_size_bytes: Reading<u64>,
        ranges: impl IntoIterator<Item = AddressRange>,
    ) -> Self {
        let ranges = AddressRange::merged(ranges);
        Self { page_size_bytes, block_size_bytes, ranges, reserved: Vec::new() }
    }

    /// With the ranges that the firmware's map, or the boot loader, keeps from the kernel. GRUB
    /// tells the kernel of bad memory (`GRUB_BADRAM`) as unusable.
    #[must_use]
    pub fn with_reserved(self, ranges: impl IntoIterator<Item = AddressRange>) -> Self {
        Self { reserved: AddressRange::merged(ranges), ..self }
    }

    /// Whether all of a range of addresses is kept from the kernel by the firmware's map.
    pub fn reserves(&self, range: AddressRange) -> bool {
        Self::holds(&self.reserved, range)
    }

    /// The ranges, in order, neither overlapping nor adjacent.
    pub fn ranges(&self) -> &[AddressRange] {
        &self.ranges
    }

    /// Whether a range of addresses is System RAM throughout.
    pub fn contains(&self, range: AddressRange) -> bool {
        Self::holds(&self.ranges, range)
    }

    /// Whether one of the ranges, which are in order and apart, holds another.
    fn holds(ranges: &[AddressRange], range: AddressRange) -> bool {
        // The last range that begins at or before it is the only one that can hold it.
        let after = ranges.partition_point(|known| known.first <= range.first);
        let before = after.checked_sub(1).and_then(|index| ranges.get(index));
        before.is_some_and(|known| known.contains(range))
    }

    /// Whether a page is System RAM throughout.
    pub fn contains_page(&self, pfn: u64) -> bool {
        AddressRange::of_page(pfn, self.page_size_bytes).is_some_and(|page| self.contains(page))
    }
}

impl PageFlags {
    const HUGETLB: u32 = 17;
    const HWPOISON: u32 = 19;
    const NOPAGE: u32 = 20;
    const THP: u32 = 22;
    const RESERVED: u32 = 32;

    fn has(self, bit: u32) -> bool {
        self.0 >> bit & 1 == 1
    }

    /// `KPF_HWPOISON`: marked as bad. A page that the kernel itself uses is marked as well, and
    /// stays in use.
    pub fn is_poisoned(self) -> bool {
        self.has(Self::HWPOISON)
    }

    /// `KPF_HUGE`: part of a HugeTLB page. Soft offlining takes the whole of it from its pool.
    pub fn is_hugetlb(self) -> bool {
        self.has(Self::HUGETLB)
    }

    /// `KPF_THP`: part of a transparent huge page, which soft offlining splits.
    pub fn is_transparent_huge(self) -> bool {
        self.has(Self::THP)
    }

    /// `KPF_NOPAGE`: the kernel has no such page.
    pub fn is_no_page(self) -> bool {
        self.has(Self::NOPAGE)
    }

    /// `KPF_RESERVED`: never handed out. Either the kernel's own image, or kept from the kernel.
    pub fn is_reserved(self) -> bool {
        self.has(Self::RESERVED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Origin;
    use proptest::prelude::*;

    fn range(first: u64, last: u64) -> AddressRange {
        AddressRange::new(first, last).unwrap()
    }

    fn map(ranges: &[(u64, u64)]) -> MemoryMap {
        let ranges = ranges.iter().map(|(first, last)| range(*first, *last));
        MemoryMap::new(4096, Reading::Absent(Origin::new("block_size_bytes")), ranges)
    }

    #[test]
    fn a_page_is_in_the_map_only_if_all_of_it_is() {
        let map = map(&[(0x1000, 0x9_fbff), (0x10_0000, 0x3fff_ffff)]);
        for (pfn, expected) in
            [(0, false), (1, true), (0x9e, true), (0x9f, false), (0xff, false), (0x100, true)]
        {
            assert_eq!(map.contains_page(pfn), expected, "{pfn:#x}");
        }
        assert!(map.contains_page(0x3_ffff) && !map.contains_page(0x4_0000));
        assert!(!map.contains_page(u64::MAX) && !map.contains_page(u64::MAX / 4096));
    }

    #[test]
    fn a_page_across_two_ranges_that_touch_is_in_the_map() {
        let map = map(&[(0x1800, 0x2fff), (0x1000, 0x17ff)]);
        assert_eq!(map.ranges(), [range(0x1000, 0x2fff)]);
        assert!(map.contains_page(1));
    }

    #[test]
    fn the_last_page_of_all_has_an_address() {
        let last = AddressRange::of_page(u64::MAX / 4096, 4096).unwrap();
        assert_eq!(last.last(), u64::MAX);
        assert_eq!(AddressRange::of_page(u64::MAX / 4096 + 1, 4096), None);
        assert_eq!(AddressRange::of_page(3, 0), None);
        assert_eq!(range(0, u64::MAX).size_bytes(), None);
    }

    #[test]
    fn flags_are_read_by_the_kernels_own_numbers() {
        let flags = PageFlags(1 << 17 | 1 << 19);
        assert!(flags.is_hugetlb() && flags.is_poisoned());
        assert!(!flags.is_transparent_huge() && !flags.is_no_page());
        assert!(PageFlags(1 << 22).is_transparent_huge() && PageFlags(1 << 20).is_no_page());
    }

    proptest! {
        #[test]
        fn merging_changes_no_address(ends in prop::collection::vec((0_u64..60, 0_u64..60), 0..9)) {
            let ranges: Vec<AddressRange> =
                ends.iter().map(|(a, b)| range(*a.min(b), *a.max(b))).collect();
            let merged = AddressRange::merged(ranges.iter().copied());
            for address in 0..61 {
                let one = range(address, address);
                let before = ranges.iter().any(|range| range.contains(one));
                prop_assert_eq!(merged.iter().any(|range| range.contains(one)), before);
            }
            prop_assert!(merged.is_sorted_by(|a, b| a.last() + 1 < b.first()));
        }
    }
}
