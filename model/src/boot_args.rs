//! From bad pages to words for the boot loader that keep the next kernel off them.
//!
//! `memmap=SIZE$ADDRESS` (Documentation/admin-guide/kernel-parameters.txt; x86 only) marks a range
//! as reserved. `GRUB_BADRAM="address,mask,…"` makes GRUB take from the memory map every address
//! that agrees with `address` in the bits of `mask`.

use crate::{AddressRange, BadPage, MemoryMap, NonValue, Reading};
use serde::Serialize;

/// `COMMAND_LINE_SIZE` of x86, the final zero byte included: what is longer is cut off in silence.
pub const COMMAND_LINE_LIMIT: usize = 2048;

/// From here on even short ranges fill half of the command line.
const MANY_RANGES: usize = 40;

/// `MAX_MEMMAP_REGIONS` of arch/x86/boot/compressed/kaslr.c: with more, the kernel's physical
/// address is no longer randomised.
const KASLR_REGIONS: usize = 4;

/// What to give the boot loader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BootArguments {
    /// The addresses of all pages that are not refused, in fewest ranges.
    pub ranges: Vec<AddressRange>,
    /// Pages left out.
    pub refused: Vec<RefusedPage>,
    /// Why pages could not be compared with the memory map, if they could not.
    pub unchecked: Option<NonValue>,
}

/// A page that is not given to the boot loader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefusedPage {
    /// Number of the page frame.
    pub pfn: u64,
    /// Its first physical address, as registered.
    pub physical_address: u64,
    /// Why.
    pub why: PageRefusal,
}

/// Why a page is not given to the boot loader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PageRefusal {
    /// The kernel has no System RAM there: the address is wrong, or memory was taken out.
    OutsideSystemRam,
    /// Number and size give no address, or page 0, which stands for an unknown one.
    NoAddress,
}

impl PageRefusal {
    /// The reason in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OutsideSystemRam => {
                "not System RAM on this host: a wrong address, or memory that is gone"
            }
            Self::NoAddress => "no address: errors of an unknown place are reported as page 0",
        }
    }
}

/// Puts registered pages together for the boot loader.
///
/// `reserved` are ranges that the running kernel was told to keep off ([`reserved_by_command_line`]):
/// they are no longer System RAM because they are bad, and must not be lost at the next boot. The
/// same holds for what the map itself says is kept from the kernel, as the boot loader has it.
/// Without a map nothing is refused for its place: an address that the kernel reported as bad
/// memory is more likely right than wrong.
pub fn boot_arguments<'a>(
    pages: impl IntoIterator<Item = &'a BadPage>,
    map: &Reading<MemoryMap>,
    reserved: &[AddressRange],
) -> BootArguments {
    let reserved = AddressRange::merged(reserved.iter().copied());
    let mut ranges = Vec::new();
    let mut refused = Vec::new();
    for page in pages {
        let range = page.range().filter(|_| page.pfn != 0);
        let why = match (range, map.value()) {
            (None, _) => PageRefusal::NoAddress,
            (Some(range), Some(map))
                if !map.contains(range)
                    && !map.reserves(range)
                    && !reserved.iter().any(|known| known.contains(range)) =>
            {
                PageRefusal::OutsideSystemRam
            }
            (Some(range), _) => {
                ranges.push(range);
                continue;
            }
        };
        let BadPage { pfn, physical_address, .. } = *page;
        refused.push(RefusedPage { pfn, physical_address, why });
    }
    BootArguments { ranges: AddressRange::merged(ranges), refused, unchecked: map.non_value() }
}

impl BootArguments {
    /// The words for the kernel's command line, one for each range.
    pub fn memmap_words(&self) -> Vec<String> {
        self.ranges.iter().filter_map(|range| memmap_word(*range)).collect()
    }

    /// Address and mask of each aligned block, which together are the ranges.
    pub fn badram_pairs(&self) -> Vec<(u64, u64)> {
        self.ranges.iter().flat_map(|range| blocks(*range)).collect()
    }

    /// The line for `/etc/default/grub`; `None` if there is nothing to keep off.
    pub fn badram_line(&self) -> Option<String> {
        let pairs: Vec<String> = self
            .badram_pairs()
            .into_iter()
            .map(|(address, mask)| format!("{address:#x},{mask:#x}"))
            .collect();
        (!pairs.is_empty()).then(|| format!("GRUB_BADRAM=\"{}\"", pairs.join(",")))
    }

    /// The words for `/etc/default/grub`. That file is read by a shell, and what comes of it by
    /// GRUB, and both take `$` for the beginning of a variable: the single quotes keep the one from
    /// it, the backslash the other.
    pub fn grub_cmdline(&self) -> Option<String> {
        let words: Vec<String> =
            self.memmap_words().iter().map(|word| word.replace('$', "\\$")).collect();
        (!words.is_empty()).then(|| format!("GRUB_CMDLINE_LINUX='{}'", words.join(" ")))
    }

    /// What is to be said against using them as they are. `present` is the length of the running
    /// kernel's command line in bytes, where it is known.
    pub fn warnings(&self, present: Option<usize>) -> Vec<String> {
        let words = self.memmap_words();
        let length: usize = words.iter().map(|word| word.len() + 1).sum();
        let together = length.saturating_add(present.unwrap_or(0));
        let mut warnings = Vec::new();
        if together >= COMMAND_LINE_LIMIT {
            let beside = match present {
                Some(present) => format!("with the {present} of the running kernel's command line"),
                None => "and whatever else the command line holds".to_owned(),
            };
            warnings.push(format!(
                "{} ranges take {length} characters, {beside}: an x86 kernel cuts its command line \
                 after {} (COMMAND_LINE_SIZE {COMMAND_LINE_LIMIT}); use GRUB_BADRAM, or have the \
                 module replaced",
                words.len(),
                COMMAND_LINE_LIMIT - 1,
            ));
        } else if words.len() > MANY_RANGES {
            warnings.push(format!(
                "{} ranges take {length} of the {} characters of an x86 kernel's command line \
                 (COMMAND_LINE_SIZE {COMMAND_LINE_LIMIT}), and a fault larger than a page takes \
                 more as it grows: have the module replaced",
                words.len(),
                COMMAND_LINE_LIMIT - 1,
            ));
        }
        if words.len() > KASLR_REGIONS {
            warnings.push(format!(
                "with more than {KASLR_REGIONS} memmap= ranges the kernel no longer randomises its \
                 physical address (KASLR)"
            ));
        }
        warnings
    }
}

/// `memmap=SIZE$ADDRESS`, without any escaping. `None` for all of 2⁶⁴ bytes, which no registry
/// holds.
fn memmap_word(range: AddressRange) -> Option<String> {
    let size = range.size_bytes()?;
    let size = if size % 1024 == 0 { format!("{}K", size / 1024) } else { format!("{size:#x}") };
    Some(format!("memmap={size}${:#x}", range.first()))
}

/// The aligned blocks of a range, each as address and mask; at most two for each power of two.
fn blocks(range: AddressRange) -> Vec<(u64, u64)> {
    let mut blocks = Vec::new();
    let mut next = Some(range.first());
    while let Some(first) = next.filter(|first| *first <= range.last()) {
        let left = range.last() - first;
        let largest = left.checked_add(1).map_or(64, u64::ilog2);
        let bits = first.trailing_zeros().min(largest);
        // A block of 2⁶⁴ bytes is everything: no bit of the address matters.
        let within = 1_u64.checked_shl(bits).map_or(u64::MAX, |size| size - 1);
        blocks.push((first, !within));
        next = (first | within).checked_add(1);
    }
    blocks
}

/// The ranges that `memmap=SIZE$ADDRESS` on a command line keeps from the kernel.
pub fn reserved_by_command_line<'a>(words: impl IntoIterator<Item = &'a str>) -> Vec<AddressRange> {
    words
        .into_iter()
        .filter_map(|word| word.strip_prefix("memmap="))
        .flat_map(|value| value.split(','))
        .filter_map(|part| {
            let (size, address) = part.split_once('$')?;
            let (size, first) = (size_of(size)?, size_of(address)?);
            AddressRange::new(first, first.checked_add(size.checked_sub(1)?)?)
        })
        .collect()
}

/// A number as memparse() of the kernel reads it: decimal, or hexadecimal after `0x`, or octal
/// after `0`, with a suffix for powers of 1024.
fn size_of(text: &str) -> Option<u64> {
    let (digits, shift) = match text.char_indices().next_back()? {
        (at, suffix) if suffix.is_ascii_alphabetic() && !is_hexadecimal(text) => {
            let power = match suffix.to_ascii_uppercase() {
                'K' => 10,
                'M' => 20,
                'G' => 30,
                'T' => 40,
                'P' => 50,
                'E' => 60,
                _ => return None,
            };
            (text.get(..at)?, power)
        }
        _ => (text, 0),
    };
    let number = match (digits.strip_prefix("0x").or(digits.strip_prefix("0X")), digits) {
        (Some(digits), _) => plain(digits, 16)?,
        (None, digits) if digits.len() > 1 && digits.starts_with('0') => plain(digits, 8)?,
        (None, digits) => plain(digits, 10)?,
    };
    number.checked_mul(1 << shift)
}

/// Whether the last letter is a digit: the kernel reads all of `0x1e` as a number.
fn is_hexadecimal(text: &str) -> bool {
    let digits = text.strip_prefix("0x").or(text.strip_prefix("0X"));
    digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Unlike the standard library, accepts no sign.
fn plain(digits: &str, radix: u32) -> Option<u64> {
    let all = digits.chars().all(|digit| digit.is_digit(radix));
    u64::from_str_radix(digits, radix).ok().filter(|_| all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BootId, Origin, PageReason, PageState, ReadFault};
    use proptest::prelude::*;

    fn page_of(pfn: u64, page_size_bytes: u64) -> BadPage {
        BadPage {
            pfn,
            physical_address: pfn.saturating_mul(page_size_bytes),
            page_size_bytes,
            reason: PageReason::SoftOffline,
            dimm: None,
            first_seen_wall_ms: 0,
            last_seen_wall_ms: 0,
            boots_survived: 0,
            boot: BootId::unknown(),
            state: PageState::Unknown,
        }
    }

    fn page(pfn: u64) -> BadPage {
        page_of(pfn, 4096)
    }

    fn hidden() -> Reading<MemoryMap> {
        Reading::Unreadable(Origin::new("proc/iomem"), ReadFault::Denied)
    }

    fn shown(first: u64, last: u64) -> Reading<MemoryMap> {
        let block = Reading::Value(128 << 20);
        Reading::Value(MemoryMap::new(4096, block, AddressRange::new(first, last)))
    }

    #[test]
    fn neighbours_are_one_range() {
        let pages = [page(0x3_0001), page(0x3_0000), page(0x5_0000), page(0x3_0000)];
        let arguments = boot_arguments(&pages, &shown(0x10_0000, 0x7fff_ffff), &[]);
        assert_eq!(arguments.memmap_words(), ["memmap=8K$0x30000000", "memmap=4K$0x50000000"]);
        assert_eq!(
            arguments.badram_line().unwrap(),
            "GRUB_BADRAM=\"0x30000000,0xffffffffffffe000,0x50000000,0xfffffffffffff000\""
        );
        assert_eq!((arguments.refused, arguments.unchecked), (Vec::new(), None));
    }

    #[test]
    fn pages_that_are_no_memory_are_refused_with_the_reason() {
        let pages = [page(0), page(0xf_0000), page(0x200), page(u64::MAX)];
        let arguments = boot_arguments(&pages, &shown(0x10_0000, 0x7fff_ffff), &[]);
        let why: Vec<(u64, PageRefusal)> =
            arguments.refused.iter().map(|refused| (refused.pfn, refused.why)).collect();
        assert_eq!(
            why,
            [
                (0, PageRefusal::NoAddress),
                (0xf_0000, PageRefusal::OutsideSystemRam),
                (u64::MAX, PageRefusal::NoAddress)
            ]
        );
        assert_eq!(arguments.memmap_words(), ["memmap=4K$0x200000"]);
    }

    #[test]
    fn a_range_that_is_kept_off_already_is_not_lost_at_the_next_boot() {
        let reserved = reserved_by_command_line(["ro", "memmap=8K$0x30000000"]);
        let map = MemoryMap::new(
            4096,
            Reading::Value(1 << 27),
            [(0x10_0000, 0x2fff_ffff), (0x3000_2000, 0x7fff_ffff)]
                .into_iter()
                .filter_map(|(first, last)| AddressRange::new(first, last)),
        );
        let pages = [page(0x3_0000), page(0x3_0001)];
        let map = Reading::Value(map);
        assert_eq!(boot_arguments(&pages, &map, &[]).ranges, []);
        let arguments = boot_arguments(&pages, &map, &reserved);
        assert_eq!(arguments.memmap_words(), ["memmap=8K$0x30000000"]);
    }

    #[test]
    fn a_page_that_the_boot_loader_took_away_is_not_lost_at_the_next_boot() {
        let map = shown(0x10_0000, 0x2fff_ffff).into_result().unwrap();
        let unusable = AddressRange::new(0x3000_0000, 0x3000_1fff);
        let map = Reading::Value(map.with_reserved(unusable));
        let pages = [page(0x3_0000), page(0x3_0001), page(0x3_0002)];
        let arguments = boot_arguments(&pages, &map, &[]);
        assert_eq!(arguments.memmap_words(), ["memmap=8K$0x30000000"]);
        assert_eq!(arguments.refused.len(), 1, "beyond it there is no memory");
    }

    #[test]
    fn without_a_map_it_says_that_nothing_was_checked() {
        let arguments = boot_arguments(&[page(0xf_0000)], &hidden(), &[]);
        assert_eq!(arguments.memmap_words(), ["memmap=4K$0xf0000000"]);
        assert_eq!(arguments.unchecked, hidden().non_value());
    }

    #[test]
    fn nothing_to_keep_off_gives_no_words() {
        let arguments = boot_arguments(&[], &hidden(), &[]);
        assert_eq!(arguments.memmap_words(), [""; 0]);
        assert_eq!(arguments.badram_line(), None);
        assert_eq!(arguments.warnings(Some(100)), [""; 0]);
    }

    #[test]
    fn what_a_command_line_cannot_hold_is_warned_of() {
        let pages = |count: u64| -> Vec<BadPage> { (1..=count).map(|n| page(n * 2)).collect() };
        let said = |count, present| {
            let warnings = boot_arguments(&pages(count), &hidden(), &[]).warnings(present);
            warnings
                .iter()
                .map(|said| said.split_once(':').map_or(said.clone(), |s| s.0.to_owned()))
                .collect::<Vec<_>>()
        };
        let kaslr = "with more than 4 memmap= ranges the kernel no longer randomises its physical \
                     address (KASLR)";
        assert_eq!(said(4, Some(100)), [""; 0]);
        assert_eq!(said(5, Some(100)), [kaslr]);
        assert!(said(41, Some(100))[0].contains("of the 2047 characters"), "{:?}", said(41, None));
        assert!(said(5, Some(2_000))[0].contains("take 85 characters, with the 2000 of"));
        assert!(said(200, None)[0].ends_with("and whatever else the command line holds"));
    }

    #[test]
    fn numbers_are_read_as_the_kernel_reads_them() {
        for (text, expected) in [
            ("4K", Some(4096)),
            ("4k", Some(4096)),
            ("0x1e", Some(0x1e)),
            ("0x10K", Some(0x4000)),
            ("010", Some(8)),
            ("0", Some(0)),
            ("16E", None),
            ("15E", Some(15 << 60)),
            ("K", None),
            ("", None),
            ("-4K", None),
            ("+4", None),
            ("0x", None),
            ("4KK", None),
            ("4Z", None),
            ("089", None),
        ] {
            assert_eq!(size_of(text), expected, "{text}");
        }
        let words = ["memmap=64K@0x1000", "memmap=4K$0x2000,4K$0x9000", "mem=4K$0x1", "memmap=0$5"];
        let firsts: Vec<u64> = reserved_by_command_line(words).iter().map(|r| r.first()).collect();
        assert_eq!(firsts, [0x2000, 0x9000]);
    }

    fn covered(pages: &[BadPage], address: u64) -> bool {
        pages.iter().any(|page| {
            let last = page.physical_address + (page.page_size_bytes - 1);
            page.pfn != 0 && (page.physical_address..=last).contains(&address)
        })
    }

    proptest! {
        /// What is given to the boot loader is what is registered, in either form, to the byte.
        #[test]
        fn the_union_of_the_ranges_is_the_union_of_the_pages(
            base in prop_oneof![Just(0_u64), Just(0x3_0000), Just((1 << 40) - 8)],
            pages in prop::collection::vec((0_u64..40, prop_oneof![Just(4096_u64), Just(16384), Just(65536)]), 0..20),
        ) {
            let pages: Vec<BadPage> = pages
                .into_iter()
                .map(|(offset, size)| page_of((base + offset) * 4096 / size, size))
                .collect();
            let arguments = boot_arguments(&pages, &hidden(), &[]);
            let words = arguments.memmap_words();
            let reserved = reserved_by_command_line(words.iter().map(String::as_str));
            prop_assert_eq!(&reserved, &arguments.ranges);
            let pairs = arguments.badram_pairs();
            prop_assert!(arguments.ranges.is_sorted_by(|a, b| a.last() + 1 < b.first()));
            let start = (base * 4096).saturating_sub(70_000);
            for address in (start..start + 70_000 + 50 * 4096).step_by(1024).flat_map(|a| [a, a + 1023]) {
                let expected = covered(&pages, address);
                let one = AddressRange::new(address, address).unwrap();
                prop_assert_eq!(reserved.iter().any(|range| range.contains(one)), expected);
                let masked = pairs.iter().filter(|(at, mask)| address & mask == at & mask).count();
                prop_assert_eq!(masked, usize::from(expected), "{:#x}", address);
            }
        }

        /// Masks are exact for any range: each address of a block agrees with it, no block leaves
        /// the range, and the blocks are as long together as the range.
        #[test]
        fn blocks_tile_any_range(a: u64, b: u64) {
            let range = AddressRange::new(a.min(b), a.max(b)).unwrap();
            let mut next = Some(range.first());
            for (first, mask) in blocks(range) {
                prop_assert_eq!(Some(first), next);
                prop_assert_eq!(first & !mask, 0, "aligned");
                prop_assert!(first | !mask <= range.last());
                next = (first | !mask).checked_add(1);
            }
            prop_assert_eq!(next, range.last().checked_add(1));
        }

        #[test]
        fn any_command_line_is_survived(word in "memmap=[0-9a-zA-Z$@,x]{0,30}|.{0,30}") {
            for range in reserved_by_command_line([word.as_str()]) {
                prop_assert!(range.first() <= range.last());
            }
        }
    }
}
