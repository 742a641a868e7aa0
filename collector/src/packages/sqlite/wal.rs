//! The write-ahead log: which pages of committed transactions are in it, and where.
//!
//! It is a header and frames, each with one page. Only frames whose salts are those of the header
//! and whose checksum goes on from the frame before are of this log; what follows them is what an
//! older log left. Only frames up to the last one that ends a transaction count.

use super::bytes::u32_at;
use super::file::page_size;
use super::{Bytes, Fault, damaged};
use std::collections::BTreeMap;

/// Bytes of the header.
pub(super) const HEADER: usize = 32;
/// Bytes before the page of a frame.
const FRAME_HEADER: usize = 24;
/// The lowest bit says in which order the words of checksums are.
const MAGIC: u32 = 0x377f_0682;
const VERSION: u32 = 3_007_000;
/// Longest log read. rpm writes it back at 10,000 pages, 40 MiB.
const LIMIT: u64 = 512 << 20;
/// Bytes read at once, at least a frame.
const CHUNK: usize = 256 << 10;

/// What is in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wal {
    /// Bytes of a page.
    pub(super) page_size: u32,
    /// Pages of the database after the last transaction.
    pub(super) pages: u32,
    /// Where the newest content of each page begins.
    frames: BTreeMap<u32, u64>,
    /// Where the last committed frame ends.
    pub(super) end: u64,
}

impl Wal {
    /// Pages that are in the log.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.frames.len()).unwrap_or(u32::MAX)
    }

    /// Where the content of a page is, if it is in the log.
    pub(super) fn offset(&self, page: u32) -> Option<u64> {
        self.frames.get(&page).copied()
    }
}

/// Two running sums over words of four bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Checksum {
    big_endian: bool,
    sums: (u32, u32),
}

impl Checksum {
    fn add(&mut self, bytes: &[u8]) {
        let word = |bytes: &[u8]| {
            let bytes = bytes.try_into().unwrap_or_default();
            if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
        };
        let (mut a, mut b) = self.sums;
        for pair in bytes.chunks_exact(8) {
            let (first, second) = pair.split_at(4);
            a = a.wrapping_add(word(first)).wrapping_add(b);
            b = b.wrapping_add(word(second)).wrapping_add(a);
        }
        self.sums = (a, b);
    }

    fn is_at(&self, bytes: &[u8], at: usize) -> bool {
        (u32_at(bytes, at), u32_at(bytes, at + 4)) == (Some(self.sums.0), Some(self.sums.1))
    }
}

/// What a log holds; `None` if nothing is committed in it.
pub(super) fn read(log: &dyn Bytes) -> Result<Option<Wal>, Fault> {
    let header = log.at(0, HEADER)?;
    let Some((page_size, checksum)) = parse_header(&header)? else { return Ok(None) };
    let length = log.length()?;
    if length > LIMIT {
        return damaged("a write-ahead log of at most 512 MiB", format!("{length} bytes"));
    }
    let salts = header.get(16..24).unwrap_or_default();
    let wal = Wal { page_size, pages: 0, frames: BTreeMap::new(), end: 0 };
    let mut scan = Scan { wal, open: BTreeMap::new(), checksum };
    let page = usize::try_from(page_size).unwrap_or(usize::MAX);
    let frame = FRAME_HEADER.saturating_add(page);
    let at_once = (CHUNK / frame).max(1) * frame;
    let mut offset = 32_u64;
    'log: loop {
        let chunk = log.at(offset, at_once)?;
        for bytes in chunk.chunks_exact(frame) {
            if !scan.frame(bytes, salts, offset) {
                break 'log;
            }
            offset = offset.saturating_add(u64::try_from(frame).unwrap_or(u64::MAX));
        }
        if chunk.len() < at_once || offset > length {
            break;
        }
    }
    Ok((scan.wal.end > 0).then_some(scan.wal))
}

/// The size of pages, and the checksum so far. A header that is not whole is of a log that was not
/// begun.
fn parse_header(header: &[u8]) -> Result<Option<(u32, Checksum)>, Fault> {
    let Some(magic) = u32_at(header, 0).filter(|magic| magic & !1 == MAGIC) else {
        return Ok(None);
    };
    let mut checksum = Checksum { big_endian: magic & 1 == 1, sums: (0, 0) };
    checksum.add(header.get(..24).unwrap_or_default());
    if !checksum.is_at(header, 24) {
        return Ok(None);
    }
    let version = u32_at(header, 4).unwrap_or_default();
    if version != VERSION {
        return damaged("a write-ahead log of version 3007000", version.to_string());
    }
    let Some(size) = u32_at(header, 8).and_then(page_size) else {
        return damaged("pages of 512 to 65536 bytes", format!("{:?}", u32_at(header, 8)));
    };
    Ok(Some((size, checksum)))
}

struct Scan {
    wal: Wal,
    /// Pages of a transaction whose end was not met yet.
    open: BTreeMap<u32, u64>,
    checksum: Checksum,
}

impl Scan {
    /// Takes in a frame; says whether it is one of this log.
    fn frame(&mut self, bytes: &[u8], salts: &[u8], offset: u64) -> bool {
        let (Some(head), Some(page)) = (bytes.get(..FRAME_HEADER), bytes.get(FRAME_HEADER..))
        else {
            return false;
        };
        let (number, commit) = (u32_at(head, 0), u32_at(head, 4));
        let Some((number, commit)) = number.filter(|number| *number > 0).zip(commit) else {
            return false;
        };
        if head.get(8..16) != Some(salts) {
            return false;
        }
        self.checksum.add(head.get(..8).unwrap_or_default());
        self.checksum.add(page);
        if !self.checksum.is_at(head, 16) {
            return false;
        }
        let header = u64::try_from(FRAME_HEADER).unwrap_or_default();
        self.open.insert(number, offset.saturating_add(header));
        if commit > 0 {
            self.wal.pages = commit;
            self.wal.frames.append(&mut self.open);
            self.wal.end = offset.saturating_add(u64::try_from(bytes.len()).unwrap_or_default());
        }
        true
    }
}
