//! What the kernel says of memory as a whole and of single pages, on demand.
//!
//! `/proc/iomem` (Documentation/filesystems/proc.rst) shows which physical addresses are System
//! RAM; without CAP_SYS_ADMIN it shows every address as 0. `/proc/kpageflags` (2.6.25; bit 19 since
//! 2.6.32; Documentation/admin-guide/mm/pagemap.rst) holds eight bytes for each page frame of the
//! host: 2 GiB of them for 1 TiB of memory, so known pages are sought out by position. A scan of
//! all is made only when somebody asks for it.
//!
//! None of this is a source: the service has no CAP_SYS_ADMIN, and a map that is hidden from it is
//! no fault of the host.

use crate::host::{HostRoot, Piece};
use crate::reader::{Reader, malformed};
use scrubjay_model::{
    AddressRange, MOST_BAD_PAGES, MemoryMap, NonValue, Origin, PageFlags, PoisonedPages, ReadFault,
    Reading,
};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

const IOMEM: &str = "proc/iomem";
const BLOCK_SIZE: &str = "sys/devices/system/memory/block_size_bytes";
const KPAGEFLAGS: &str = "proc/kpageflags";

/// Bytes for each page.
const ENTRY: usize = 8;

/// Known pages no further apart than this are read at once: the pages between cost less than
/// another system call.
const NEIGHBOURS: u64 = 64;

/// Most pages read at once while known ones are looked up; 32 KiB.
const LONGEST_PIECE: u64 = 4096;

/// Pages read at once during a scan; 1 MiB.
const SCAN_STEP: u64 = 128 << 10;

/// Most ranges of System RAM accepted. Firmware describes some dozens; hot-plugged memory adds one
/// for each block at worst.
const RANGES_LIMIT: usize = 1 << 20;

/// The memory the kernel manages.
pub fn memory_map(host: &HostRoot) -> Reading<MemoryMap> {
    let reader = Reader::new(host);
    let page_size_bytes = match reader.page_size_bytes().into_result() {
        Ok(size) => size,
        Err(why) => return why.into(),
    };
    let block_size_bytes =
        reader.parse(BLOCK_SIZE, "a size in hexadecimal", |text| hexadecimal(text.trim()));
    let told = reader.statistics(IOMEM).into_result().and_then(|bytes| ranges(&bytes));
    told.map(|Ranges { system_ram, reserved }| {
        MemoryMap::new(page_size_bytes, block_size_bytes, system_ram).with_reserved(reserved)
    })
    .into()
}

/// The ranges of interest.
#[derive(Debug, Default)]
struct Ranges {
    /// Those named System RAM, at any depth: memory that a driver adds lies below its device, and
    /// is called `System RAM (kmem)` and the like.
    system_ram: Vec<AddressRange>,
    /// Those that firmware or the boot loader keeps from the kernel. Lower-case `reserved` is what
    /// ARM calls them.
    reserved: Vec<AddressRange>,
}

/// Takes the map apart.
///
/// One line that is not understood spoils the map: a smaller one would say of pages that they do
/// not exist.
fn ranges(bytes: &[u8]) -> Result<Ranges, NonValue> {
    let odd =
        |found: &[u8]| malformed(IOMEM, "lines such as 00100000-3fffffff : System RAM", found);
    let text = bytes.strip_suffix(b"\n").ok_or_else(|| odd(bytes))?;
    let mut ranges = Ranges::default();
    let mut hidden = true;
    for line in text.split(|byte| *byte == b'\n') {
        let (first, last, name) = iomem_line(line).ok_or_else(|| odd(line))?;
        hidden &= first == 0 && last == 0;
        let named = match name {
            b"System RAM" => &mut ranges.system_ram,
            b"Unusable memory" | b"Reserved" | b"reserved" => &mut ranges.reserved,
            name if name.starts_with(b"System RAM (") => &mut ranges.system_ram,
            _ => continue,
        };
        if named.len() == RANGES_LIMIT {
            return Err(odd(b"more than a million ranges"));
        }
        named.push(AddressRange::new(first, last).ok_or_else(|| odd(line))?);
    }
    if hidden {
        return Err(NonValue::Unreadable(Origin::new(IOMEM), ReadFault::Denied));
    }
    if ranges.system_ram.is_empty() { Err(odd(b"no System RAM")) } else { Ok(ranges) }
}

/// `  00100000-3fffffff : System RAM`; the name may hold any byte.
fn iomem_line(line: &[u8]) -> Option<(u64, u64, &[u8])> {
    let line = line.trim_ascii_start();
    let at = line.windows(3).position(|three| three == b" : ")?;
    let (range, name) = (line.get(..at)?, line.get(at + 3..)?);
    let (first, last) = std::str::from_utf8(range).ok()?.split_once('-')?;
    Some((hexadecimal(first)?, hexadecimal(last)?, name))
}

/// Digits as `%llx` prints them: no sign, no prefix.
fn hexadecimal(digits: &str) -> Option<u64> {
    let all = digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    u64::from_str_radix(digits, 16).ok().filter(|_| all)
}

/// The flags of pages that are known by number. Pages the file does not reach are left out, and
/// so are those beyond the first [`MOST_BAD_PAGES`].
pub fn page_flags(host: &HostRoot, pfns: &BTreeSet<u64>) -> Reading<BTreeMap<u64, PageFlags>> {
    let runs = runs(pfns.iter().copied().take(MOST_BAD_PAGES));
    let reader = Reader::new(host);
    let pieces: Vec<Piece> =
        runs.iter().filter_map(|(first, count)| piece(*first, *count)).collect();
    reader.pieces(KPAGEFLAGS, &pieces).map(|read| {
        let mut found = BTreeMap::new();
        for ((first, _), bytes) in runs.iter().zip(&read) {
            let known = entries(*first, bytes).filter(|(pfn, _)| pfns.contains(pfn));
            found.extend(known);
        }
        found
    })
}

/// Runs of pages that are read at once: first page and how many.
fn runs(pfns: impl IntoIterator<Item = u64>) -> Vec<(u64, u64)> {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    // Beyond this no file reaches, and positions would not be numbers.
    for pfn in pfns.into_iter().filter(|pfn| piece(*pfn, 1).is_some()) {
        if let Some((first, count)) = runs.last_mut() {
            let reach = pfn.saturating_sub(*first).saturating_add(1);
            if reach <= LONGEST_PIECE && reach.saturating_sub(*count) <= NEIGHBOURS {
                *count = reach;
                continue;
            }
        }
        runs.push((pfn, 1));
    }
    runs
}

fn piece(first: u64, count: u64) -> Option<Piece> {
    let offset = first.checked_mul(8)?;
    let length = usize::try_from(count).ok()?.checked_mul(ENTRY)?;
    i64::try_from(offset).ok().map(|_| Piece { offset, length })
}

/// The whole entries of what was read from a page on.
fn entries(first: u64, bytes: &[u8]) -> impl Iterator<Item = (u64, PageFlags)> + '_ {
    let (entries, _) = bytes.as_chunks::<ENTRY>();
    (first..).zip(entries).map(|(pfn, entry)| (pfn, PageFlags(u64::from_ne_bytes(*entry))))
}

/// Looks at every page of System RAM. `progress` is told how many of how many pages are done,
/// and may stop the scan.
///
/// Costs a read of eight bytes for each page: about a second for some tens of GiB.
pub fn scan_poisoned(
    host: &HostRoot,
    map: &MemoryMap,
    progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
) -> Reading<PoisonedPages> {
    let reader = Reader::new(host);
    let spans: Vec<(u64, u64)> =
        map.ranges().iter().filter_map(|range| whole_pages(*range, map.page_size_bytes)).collect();
    let total = spans.iter().fold(0_u64, |sum, (_, count)| sum.saturating_add(*count));
    let mut found = PoisonedPages { pfns: Vec::new(), scanned_pages: 0, is_complete: true };
    for (first, count) in spans {
        let mut done = 0;
        while done < count {
            let step = (count - done).min(SCAN_STEP);
            let from = first.saturating_add(done);
            let Some(piece) = piece(from, step) else {
                found.is_complete = false;
                break;
            };
            let bytes = match reader.pieces(KPAGEFLAGS, &[piece]).into_result() {
                Ok(mut read) => read.pop().unwrap_or_default(),
                Err(why) => return why.into(),
            };
            let mut read = 0_u64;
            for (pfn, flags) in entries(from, &bytes) {
                read += 1;
                if flags.is_poisoned() && found.pfns.len() < MOST_BAD_PAGES {
                    found.pfns.push(pfn);
                } else if flags.is_poisoned() {
                    found.is_complete = false;
                }
            }
            found.scanned_pages = found.scanned_pages.saturating_add(read);
            if progress(found.scanned_pages, total).is_break() {
                found.is_complete = false;
                return Reading::Value(found);
            }
            if read < step {
                // The file ends here, though the map goes on.
                found.is_complete = false;
                break;
            }
            done += step;
        }
    }
    Reading::Value(found)
}

/// The first page that lies wholly in a range, and how many do.
fn whole_pages(range: AddressRange, page_size_bytes: u64) -> Option<(u64, u64)> {
    let first = range.first().div_ceil(page_size_bytes);
    // The page that holds the last address counts only if that is its last.
    let end = match range.last().checked_add(1) {
        Some(end) => end / page_size_bytes,
        None => u64::MAX / page_size_bytes + 1,
    };
    let count = end.checked_sub(first)?;
    (count > 0).then_some((first, count))
}

#[cfg(test)]
mod tests;
