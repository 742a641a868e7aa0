//! Formats of microcode: Intel's updates, AMD's containers, and the archive at the beginning of an
//! initramfs that holds either. Parsers take bytes; what is read, and where, stands in
//! `sources/microcode.rs`.

mod amd;
mod early;
mod intel;

pub use amd::{AmdUpdate, amd_updates};
pub(crate) use early::{Archive, Wanted};
pub use intel::{IntelUpdate, intel_updates};

/// A 32-bit number at an offset.
fn word(bytes: &[u8], offset: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(offset..offset.checked_add(4)?)?.try_into().ok()?))
}

/// A date as both vendors write it, `MMDDYYYY` in packed decimals, as `YYYY-MM-DD`.
fn date(packed: u32) -> Option<String> {
    let (month, day, year) = (packed >> 24, packed >> 16 & 0xff, packed & 0xffff);
    // As hexadecimal digits the parts read as decimal ones.
    let plausible = (0x01..=0x12).contains(&month)
        && (0x01..=0x31).contains(&day)
        && (0x1970..=0x2999).contains(&year);
    let text = format!("{year:04x}-{month:02x}-{day:02x}");
    let decimal = text.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit());
    (plausible && decimal).then_some(text)
}

#[cfg(test)]
pub(crate) mod tests;
