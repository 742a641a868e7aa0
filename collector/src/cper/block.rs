//! Generic error status blocks and their data entries.
//!
//! A region holds one block after the other. Linux prints each block of the boot error region and
//! then sets its status word to 0 (drivers/acpi/apei/bert.c), so that by the time anybody else looks
//! the records look unused while their contents are still there. Therefore a block with status 0 is
//! read all the same, but only believed if it is sound in every part: what firmware never filled in
//! must not become an error.

use super::{Bytes, SECTIONS_LIMIT, SectionHead, Valid};
use scrubjay_model::{CperSection, CperSeverity, ErrorBlock, Guid};

/// Most blocks of one region that are kept. A boot leaves one or two.
const BLOCKS_LIMIT: usize = 64;

/// Block status, raw data offset and length, data length, severity.
const BLOCK_HEAD: usize = 20;
/// A data entry's head before ACPI 6.1.
const ENTRY_HEAD: usize = 64;
/// From revision 3 on it ends with a time.
const ENTRY_HEAD_3: usize = 72;

/// Bits of the block status: several errors that could not be corrected, several that were.
const MULTIPLE: u32 = 0b1100;
/// Where the number of entries stands in it.
const ENTRIES_SHIFT: u32 = 4;
const ENTRIES_MASK: u32 = 0x3ff;

/// The blocks of a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocks {
    /// Those found.
    pub blocks: Vec<ErrorBlock>,
    /// What ended the search.
    pub stopped: Stopped,
}

/// What ended the search for blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// The region holds no more.
    Ended,
    /// There may be more than are kept.
    TooMany,
    /// What stands at this offset claims to be a block and is not of the documented form.
    NotUnderstood {
        /// From the beginning of the region, in bytes.
        at: usize,
    },
}

/// The blocks of a region, in their order.
pub fn error_blocks(region: &[u8]) -> Blocks {
    let mut blocks = Vec::new();
    let mut at = 0;
    let stopped = loop {
        let rest = region.get(at..).unwrap_or_default();
        let Some(head) = Head::of(rest) else { break Stopped::Ended };
        if blocks.len() == BLOCKS_LIMIT {
            break Stopped::TooMany;
        }
        match (head.block(rest), head.status) {
            (Some((block, length)), _) => {
                blocks.push(block);
                at += length;
            }
            (None, 0) => break Stopped::Ended,
            (None, _) => break Stopped::NotUnderstood { at },
        }
    };
    Blocks { blocks, stopped }
}

/// The head of a block.
struct Head {
    status: u32,
    raw_offset: usize,
    raw_length: usize,
    data_length: usize,
    severity: CperSeverity,
}

impl Head {
    /// `None` where there is no room for one, or memory that was never written.
    fn of(rest: &[u8]) -> Option<Self> {
        let head = rest.get(..BLOCK_HEAD)?;
        let untouched = |with: u8| head.iter().all(|byte| *byte == with);
        if untouched(0) || untouched(0xff) {
            return None;
        }
        let bytes = Bytes(head);
        Some(Self {
            status: bytes.u32(0)?,
            raw_offset: bytes.length(4)?,
            raw_length: bytes.length(8)?,
            data_length: bytes.length(12)?,
            severity: CperSeverity::of(bytes.u32(16)?),
        })
    }

    /// The block, and how much of the region it takes.
    fn block(&self, rest: &[u8]) -> Option<(ErrorBlock, usize)> {
        let data_end = BLOCK_HEAD.checked_add(self.data_length)?;
        let data = rest.get(BLOCK_HEAD..data_end)?;
        let length = match self.raw_length {
            0 => data_end,
            raw if self.raw_offset >= data_end => self.raw_offset.checked_add(raw)?,
            _ => return None,
        };
        rest.get(..length)?;
        let cleared = self.status == 0;
        let entries = entries(data, cleared)?;
        if cleared && (entries.is_empty() || !self.severity.is_defined()) {
            return None;
        }
        let counted = usize::try_from(self.status >> ENTRIES_SHIFT & ENTRIES_MASK).ok()?;
        let several = self.status & MULTIPLE != 0 && entries.len() < 2;
        let more_than_described =
            several || counted > entries.len() || SECTIONS_LIMIT < entries.len();
        let sections = entries.into_iter().take(SECTIONS_LIMIT).collect();
        let severity = self.severity;
        Some((ErrorBlock { severity, cleared, more_than_described, sections }, length))
    }
}

/// The entries of a block, which must fill it exactly. Only one more than is kept is decoded.
fn entries(data: &[u8], strict: bool) -> Option<Vec<CperSection>> {
    let mut entries = Vec::new();
    let mut rest = data;
    while !rest.is_empty() {
        let (entry, length) = entry(rest, strict)?;
        if entries.len() <= SECTIONS_LIMIT {
            entries.push(entry);
        }
        rest = rest.get(length..)?;
    }
    Some(entries)
}

fn entry(rest: &[u8], strict: bool) -> Option<(CperSection, usize)> {
    let bytes = Bytes(rest);
    let revision = bytes.u16(20)?;
    let head_length = if revision >> 8 >= 3 { ENTRY_HEAD_3 } else { ENTRY_HEAD };
    let data_length = bytes.length(24)?;
    let length = head_length.checked_add(data_length)?;
    let data = rest.get(head_length..length)?;
    let valid = Valid(u64::from(bytes.u8(22)?));
    let guid = Guid(bytes.array(0)?);
    let head = SectionHead {
        guid,
        severity: bytes.u32(16)?,
        flags: u32::from(bytes.u8(23)?),
        fru_id: valid.field(0, bytes.array(28)),
        fru_text: valid.field(1, bytes.array(44)),
        timestamp: valid.field(2, bytes.array(64)).filter(|_| head_length == ENTRY_HEAD_3),
    };
    let section = head.with(data);
    let known_revision = (1..=4).contains(&(revision >> 8));
    let sound = known_revision && section.severity.is_defined() && guid != Guid([0; 16]);
    (sound || !strict).then_some((section, length))
}
