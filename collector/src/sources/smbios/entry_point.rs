//! The entry point: where the table is and which version it follows (DSP0134, 5.2).

use super::structures::Bounds;
use scrubjay_model::SmbiosVersion;

/// What an entry point says, of whichever of its three forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EntryPoint {
    pub(super) version: SmbiosVersion,
    /// Length of the table in bytes, exact for the 32-bit forms.
    length: usize,
    /// Number of structures; the 64-bit form has none.
    structures: Option<usize>,
}

impl EntryPoint {
    /// Answers with what was expected where the bytes are no entry point.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, &'static str> {
        if bytes.starts_with(b"_SM3_") {
            Self::sm3(bytes).ok_or("a 64-bit entry point with a correct checksum")
        } else if bytes.starts_with(b"_SM_") {
            Self::sm2(bytes).ok_or("a 32-bit entry point with correct checksums")
        } else if bytes.starts_with(b"_DMI_") {
            Self::dmi(bytes).ok_or("a DMI entry point with a correct checksum")
        } else {
            Err("an entry point that begins with _SM3_, _SM_ or _DMI_")
        }
    }

    fn sm3(bytes: &[u8]) -> Option<Self> {
        let own_length = usize::from(*bytes.get(6)?);
        sums_to_zero(bytes.get(..own_length).filter(|own| own.len() >= 0x18)?)?;
        let version = SmbiosVersion { major: *bytes.get(7)?, minor: *bytes.get(8)? };
        let length = u32::from_le_bytes(bytes.get(0x0c..0x10)?.try_into().ok()?);
        Some(Self { version, length: usize::try_from(length).ok()?, structures: None })
    }

    fn sm2(bytes: &[u8]) -> Option<Self> {
        // Version 2.1 of the specification gave the length as 1Eh by mistake, and firmware followed.
        let own_length = usize::from(*bytes.get(5)?);
        sums_to_zero(bytes.get(..own_length).filter(|own| own.len() >= 0x1e)?)?;
        let version = SmbiosVersion { major: *bytes.get(6)?, minor: *bytes.get(7)? };
        Some(Self { version, ..Self::dmi(bytes.get(0x10..)?)? })
    }

    /// The part that a 32-bit entry point shares with the form before it.
    fn dmi(bytes: &[u8]) -> Option<Self> {
        let own = bytes.get(..15).filter(|own| own.starts_with(b"_DMI_"))?;
        sums_to_zero(own)?;
        let length = u16::from_le_bytes(own.get(6..8)?.try_into().ok()?);
        let structures = u16::from_le_bytes(own.get(0x0c..0x0e)?.try_into().ok()?);
        let digits = *own.get(0x0e)?;
        Some(Self {
            version: SmbiosVersion { major: digits >> 4, minor: digits & 0x0f },
            length: usize::from(length),
            structures: Some(usize::from(structures)),
        })
    }

    pub(super) fn bounds(&self) -> Bounds {
        Bounds {
            length: Some(self.length),
            structures: self.structures,
            // Behind the end marker of 32-bit tables some vendors put structures of their own, and
            // the count includes them.
            ends_with_marker: self.structures.is_none(),
        }
    }
}

fn sums_to_zero(bytes: &[u8]) -> Option<()> {
    (bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)) == 0).then_some(())
}
