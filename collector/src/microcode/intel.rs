//! Microcode updates of Intel: Intel SDM volume 3A, "Microcode update facilities".
//!
//! Blobs follow each other in a file. One is for the processor in its header and for those in an
//! extended table behind its data; a processor is a CPUID signature and a mask of platforms, and
//! only who fits both may load the blob.

use super::{date, word};

/// Length of a header, bytes.
const HEADER: usize = 48;
/// What a size of 0 stands for: blobs of before the Pentium 4.
const OLD_DATA: usize = 2000;
/// The extended table: count, checksum, 12 bytes reserved, and 12 bytes for each processor.
const TABLE_HEADER: usize = 20;
const TABLE_ENTRY: usize = 12;

/// One blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntelUpdate {
    /// `rev`; signed.
    pub revision: u32,
    /// `YYYY-MM-DD`, if the header has a date.
    pub date: Option<String>,
    /// Length of the whole blob, bytes.
    pub size: usize,
    /// Signatures, each with its mask of platforms; the header's own first.
    pub processors: Vec<(u32, u32)>,
}

impl IntelUpdate {
    /// Whether a processor may load it. `platform` is one bit, or none for processors without.
    pub fn fits(&self, signature: u32, platform: u32) -> bool {
        self.processors.iter().any(|(own, mask)| {
            *own == signature && (mask & platform != 0 || (*mask == 0 && platform == 0))
        })
    }
}

/// All blobs of a file, or what was expected where, as an offset in bytes, there is something else.
/// Checksums must hold, as they must for the CPU.
pub fn intel_updates(bytes: &[u8]) -> Result<Vec<IntelUpdate>, (usize, &'static str)> {
    let mut updates = Vec::new();
    let mut at = 0;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let update = update(rest).map_err(|expected| (at, expected))?;
        at += update.size;
        updates.push(update);
    }
    if updates.is_empty() { Err((0, "a microcode update")) } else { Ok(updates) }
}

fn update(bytes: &[u8]) -> Result<IntelUpdate, &'static str> {
    let versions = (word(bytes, 0), word(bytes, 20));
    if versions != (Some(1), Some(1)) {
        return Err("a microcode update of header version 1 and loader version 1");
    }
    let field = |offset| word(bytes, offset).ok_or("a header of 48 bytes");
    let length = |offset| field(offset).map(|size| usize::try_from(size).unwrap_or(usize::MAX));
    let (data, total) = match (length(28)?, length(32)?) {
        (0, _) => (OLD_DATA, HEADER + OLD_DATA),
        sizes => sizes,
    };
    let end = data.checked_add(HEADER).filter(|end| *end <= total && end % 4 == 0);
    let end = end.ok_or("a size of data that fits into the size of the update")?;
    let blob = bytes.get(..total).ok_or("an update that ends within the file")?;
    let (own, table) = blob.split_at_checked(end).ok_or("an update that ends within the file")?;
    if !sums_to_zero(own) {
        return Err("a correct checksum of header and data");
    }
    let mut processors = vec![(field(12)?, field(24)?)];
    if !table.is_empty() {
        let (count, entries) =
            extended(table).ok_or("an extended table with a correct checksum")?;
        processors.reserve(count);
        processors.extend(entries);
    }
    Ok(IntelUpdate { revision: field(4)?, date: date(field(8)?), size: total, processors })
}

fn extended(table: &[u8]) -> Option<(usize, impl Iterator<Item = (u32, u32)> + use<'_>)> {
    let count = usize::try_from(word(table, 0)?).ok()?;
    let length = count.checked_mul(TABLE_ENTRY)?.checked_add(TABLE_HEADER)?;
    // What follows is padding.
    let table = table.get(..length)?;
    let entries = table.get(TABLE_HEADER..)?.chunks_exact(TABLE_ENTRY);
    let entries = entries.filter_map(|entry| Some((word(entry, 0)?, word(entry, 4)?)));
    sums_to_zero(table).then_some((count, entries))
}

fn sums_to_zero(bytes: &[u8]) -> bool {
    let words = bytes.chunks_exact(4).filter_map(|four| word(four, 0));
    words.fold(0_u32, u32::wrapping_add) == 0
}
