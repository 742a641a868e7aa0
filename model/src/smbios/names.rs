//! The numbers of SMBIOS that stand for words (DSP0134 3.7, 7.17 and 7.18). A number that the
//! specification does not name stays a number.

use serde::{Serialize, Serializer};
use std::fmt;

/// What a memory array is for (type 16, offset 05h).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArrayUse(pub u8);

/// How a memory array treats errors (type 16, offset 06h).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorCorrection(pub u8);

/// The shape of a memory device (type 17, offset 0Eh).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FormFactor(pub u8);

/// The technology of a memory device (type 17, offset 12h).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryType(pub u8);

/// The kind of a memory device (type 17, offset 28h).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryTechnology(pub u8);

/// Bits that describe a memory device further (type 17, offset 13h).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TypeDetail(pub u16);

/// The word at this number; the first name belongs to 1.
fn word(names: &[&'static str], number: u8) -> Option<&'static str> {
    names.get(usize::from(number).checked_sub(1)?).copied().filter(|name| !name.is_empty())
}

const USES: [&str; 7] =
    ["other", "unknown", "system memory", "video memory", "flash", "non-volatile RAM", "cache"];

const CORRECTIONS: [&str; 7] =
    ["other", "unknown", "none", "parity", "single-bit ECC", "multi-bit ECC", "CRC"];

const FORM_FACTORS: [&str; 17] = [
    "other",
    "unknown",
    "SIMM",
    "SIP",
    "chip",
    "DIP",
    "ZIP",
    "proprietary card",
    "DIMM",
    "TSOP",
    "row of chips",
    "RIMM",
    "SODIMM",
    "SRIMM",
    "FB-DIMM",
    "die",
    "CAMM",
];

const TYPES: [&str; 37] = [
    "other",
    "unknown",
    "DRAM",
    "EDRAM",
    "VRAM",
    "SRAM",
    "RAM",
    "ROM",
    "flash",
    "EEPROM",
    "FEPROM",
    "EPROM",
    "CDRAM",
    "3DRAM",
    "SDRAM",
    "SGRAM",
    "RDRAM",
    "DDR",
    "DDR2",
    "DDR2 FB-DIMM",
    "",
    "",
    "",
    "DDR3",
    "FBD2",
    "DDR4",
    "LPDDR",
    "LPDDR2",
    "LPDDR3",
    "LPDDR4",
    "logical non-volatile device",
    "HBM",
    "HBM2",
    "DDR5",
    "LPDDR5",
    "HBM3",
    "MRDIMM",
];

const TECHNOLOGIES: [&str; 8] =
    ["other", "unknown", "DRAM", "NVDIMM-N", "NVDIMM-F", "NVDIMM-P", "Intel Optane", "MRDIMM"];

/// From bit 1; bit 0 is reserved.
const DETAILS: [&str; 15] = [
    "other",
    "unknown",
    "fast-paged",
    "static column",
    "pseudo-static",
    "RAMBUS",
    "synchronous",
    "CMOS",
    "EDO",
    "window DRAM",
    "cache DRAM",
    "non-volatile",
    "registered",
    "unbuffered",
    "LRDIMM",
];

impl ArrayUse {
    /// Whether its sticks may be those that EDAC counts for. 3 is system memory; 1 and 2 say
    /// nothing against it.
    pub fn may_be_system_memory(self) -> bool {
        !matches!(self.0, 4..=7)
    }
}

impl ErrorCorrection {
    /// Whether the array corrects errors; `None` where firmware does not say.
    pub fn corrects(self) -> Option<bool> {
        match self.0 {
            3 | 4 => Some(false),
            5 | 6 => Some(true),
            // A CRC detects; whether it corrects, the word does not tell.
            _ => None,
        }
    }
}

impl TypeDetail {
    /// The words of the bits that are set.
    pub fn words(self) -> Vec<&'static str> {
        (1_u32..)
            .zip(DETAILS)
            .filter(|(bit, _)| self.0.checked_shr(*bit).is_some_and(|bits| bits & 1 == 1))
            .map(|(_, word)| word)
            .collect()
    }
}

impl Serialize for TypeDetail {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.words())
    }
}

/// Shows the word, or the number where there is none.
macro_rules! named {
    ($($type:ident from $names:ident),*) => {$(
        impl $type {
            /// The word of the specification; `None` for a number it does not name.
            pub fn name(self) -> Option<&'static str> {
                word(&$names, self.0)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.name() {
                    Some(name) => f.write_str(name),
                    None => write!(f, "number {}", self.0),
                }
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )*};
}

named!(
    ArrayUse from USES,
    ErrorCorrection from CORRECTIONS,
    FormFactor from FORM_FACTORS,
    MemoryType from TYPES,
    MemoryTechnology from TECHNOLOGIES
);
