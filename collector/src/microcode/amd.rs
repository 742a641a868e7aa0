//! Microcode containers of AMD, as arch/x86/kernel/cpu/microcode/amd.c of the kernel reads them.
//!
//! A container begins with a table that gives processors (CPUID signatures) short names, followed by
//! patches, each for one such name. Containers follow each other in a file, and every one has a
//! table of its own.

use super::{date, word};

const MAGIC: u32 = 0x0041_4d44;
const TABLE: u32 = 0;
const PATCH: u32 = 1;
/// Type and length before a table or a patch.
const SECTION: usize = 8;
const ENTRY: usize = 16;
/// The part of a patch's header that is looked at.
const PATCH_HEADER: usize = 26;

/// One patch with the processors that may load it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AmdUpdate {
    /// `patch_id`; unsigned.
    pub revision: u32,
    /// `YYYY-MM-DD`, if the header has a date.
    pub date: Option<String>,
    /// CPUID signatures that the container's table gives the patch's name.
    pub processors: Vec<u32>,
}

/// All patches of a file, or what was expected where, as an offset in bytes, there is something
/// else.
pub fn amd_updates(bytes: &[u8]) -> Result<Vec<AmdUpdate>, (usize, &'static str)> {
    let mut updates = Vec::new();
    let mut table: Option<Vec<(u32, u16)>> = None;
    let mut at = 0;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        if word(rest, 0) == Some(MAGIC) {
            let body = section(rest.get(4..).unwrap_or_default(), TABLE);
            let body = body.ok_or((at, "a table of processors within the container"))?;
            table = Some(body.chunks_exact(ENTRY).filter_map(entry).collect());
            at += 4 + SECTION + body.len();
            continue;
        }
        let Some(table) = &table else { return Err((at, "a container of AMD microcode")) };
        let patch = section(rest, PATCH).ok_or((at, "a patch within the container"))?;
        if patch.len() < PATCH_HEADER {
            return Err((at, "a patch with a header"));
        }
        updates.extend(update(patch, table));
        at += SECTION + patch.len();
    }
    if table.is_none() { Err((0, "a container of AMD microcode")) } else { Ok(updates) }
}

/// The content of a section of that type.
fn section(bytes: &[u8], kind: u32) -> Option<&[u8]> {
    let length = usize::try_from(word(bytes, 4)?).ok()?;
    let body = bytes.get(SECTION..SECTION.checked_add(length)?)?;
    (word(bytes, 0)? == kind).then_some(body)
}

/// Signature and name; the table ends with an empty entry.
fn entry(bytes: &[u8]) -> Option<(u32, u16)> {
    let name = u16::from_le_bytes(bytes.get(12..14)?.try_into().ok()?);
    Some((word(bytes, 0)?, name)).filter(|(signature, _)| *signature != 0)
}

fn update(patch: &[u8], table: &[(u32, u16)]) -> Option<AmdUpdate> {
    let name = u16::from_le_bytes(patch.get(24..PATCH_HEADER)?.try_into().ok()?);
    let processors = table.iter().filter(|(_, own)| *own == name).map(|(signature, _)| *signature);
    Some(AmdUpdate {
        revision: word(patch, 4)?,
        date: date(word(patch, 0)?),
        processors: processors.collect(),
    })
}
