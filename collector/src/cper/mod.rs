//! Parsers of error records: generic error status blocks (BERT, GHES), CPER records (ERST), and
//! the parts of them that Linux hands on by itself.
//!
//! UEFI specification, appendix N (Common Platform Error Record); ACPI specification, chapter 18
//! (APEI), "Generic Error Status Block" and "Generic Error Data Entry". All numbers are
//! little-endian and unaligned. Firmware writes these, so nothing in them is believed: every length
//! is checked against what is there, and every loop against a limit.

mod block;
mod memory;
mod record;
mod struct_mce;
#[cfg(test)]
pub(crate) mod tests;

use scrubjay_model::{
    CperSection, CperSeverity, CperTime, Guid, SectionBody, SectionFlags, SectionKind,
};

pub use block::{Blocks, Stopped, error_blocks};
pub use memory::{memory_error, memory_error_2, memory_error_compact};
pub use record::cper_record;
pub use struct_mce::struct_mce;

/// Most sections of one block or record that are kept. Firmware describes one error with one to
/// three; a record with more than this is broken, or nothing a person would read.
const SECTIONS_LIMIT: usize = 64;

/// Section types by their GUIDs: UEFI N.2.2, N.2.13 and N.2.14 (CXL events go by the GUID of the
/// CXL specification), and those Linux uses for what it saves itself (drivers/acpi/apei/erst.c).
const KINDS: [(Guid, SectionKind); 20] = [
    (
        Guid::new(0xA5BC_1114, 0x6F64, 0x4EDE, [0xB8, 0x63, 0x3E, 0x83, 0xED, 0x7C, 0x83, 0xB1]),
        SectionKind::Memory,
    ),
    (
        Guid::new(0x61EC_04FC, 0x48E6, 0xD813, [0x25, 0xC9, 0x8D, 0xAA, 0x44, 0x75, 0x0B, 0x12]),
        SectionKind::Memory2,
    ),
    (
        Guid::new(0x9876_CCAD, 0x47B4, 0x4BDB, [0xB6, 0x5E, 0x16, 0xF1, 0x93, 0xC4, 0xF3, 0xDB]),
        SectionKind::ProcessorGeneric,
    ),
    (
        Guid::new(0xDC3E_A0B0, 0xA144, 0x4797, [0xB9, 0x5B, 0x53, 0xFA, 0x24, 0x2B, 0x6E, 0x1D]),
        SectionKind::ProcessorX86,
    ),
    (
        Guid::new(0xE429_FAF1, 0x3CB7, 0x11D4, [0x0B, 0xCA, 0x07, 0x00, 0x80, 0xC7, 0x3C, 0x88]),
        SectionKind::ProcessorIpf,
    ),
    (
        Guid::new(0xE19E_3D16, 0xBC11, 0x11E4, [0x9C, 0xAA, 0xC2, 0x05, 0x1D, 0x5D, 0x46, 0xB0]),
        SectionKind::ProcessorArm,
    ),
    (
        Guid::new(0xD995_E954, 0xBBC1, 0x430F, [0xAD, 0x91, 0xB4, 0x4D, 0xCB, 0x3C, 0x6F, 0x35]),
        SectionKind::Pcie,
    ),
    (
        Guid::new(0xC575_3963, 0x3B84, 0x4095, [0xBF, 0x78, 0xED, 0xDA, 0xD3, 0xF9, 0xC9, 0xDD]),
        SectionKind::PciBus,
    ),
    (
        Guid::new(0xEB5E_4685, 0xCA66, 0x4769, [0xB6, 0xA2, 0x26, 0x06, 0x8B, 0x00, 0x13, 0x26]),
        SectionKind::PciDevice,
    ),
    (
        Guid::new(0x8121_2A96, 0x09ED, 0x4996, [0x94, 0x71, 0x8D, 0x72, 0x9C, 0x8E, 0x69, 0xED]),
        SectionKind::Firmware,
    ),
    (
        Guid::new(0x5B51_FEF7, 0xC79D, 0x4434, [0x8F, 0x1B, 0xAA, 0x62, 0xDE, 0x3E, 0x2C, 0x64]),
        SectionKind::DmarGeneric,
    ),
    (
        Guid::new(0x7176_1D37, 0x32B2, 0x45CD, [0xA7, 0xD0, 0xB0, 0xFE, 0xDD, 0x93, 0xE8, 0xCF]),
        SectionKind::DmarVtd,
    ),
    (
        Guid::new(0x036F_84E1, 0x7F37, 0x428C, [0xA7, 0x9E, 0x57, 0x5F, 0xDF, 0xAA, 0x84, 0xEC]),
        SectionKind::DmarIommu,
    ),
    (
        Guid::new(0x80B9_EFB4, 0x52B5, 0x4DE3, [0xA7, 0x77, 0x68, 0x78, 0x4B, 0x77, 0x10, 0x48]),
        SectionKind::CxlProtocol,
    ),
    (
        Guid::new(0xFBCD_0A77, 0xC260, 0x417F, [0x85, 0xA9, 0x08, 0x8B, 0x16, 0x21, 0xEB, 0xA6]),
        SectionKind::CxlGeneralMedia,
    ),
    (
        Guid::new(0x601D_CBB3, 0x9C06, 0x4EAB, [0xB8, 0xAF, 0x4E, 0x9B, 0xFB, 0x5C, 0x96, 0x24]),
        SectionKind::CxlDram,
    ),
    (
        Guid::new(0xFE92_7475, 0xDD59, 0x4339, [0xA5, 0x86, 0x79, 0xBA, 0xB1, 0x13, 0xB7, 0x74]),
        SectionKind::CxlMemoryModule,
    ),
    (
        Guid::new(0xFE08_FFBE, 0x95E4, 0x4BE7, [0xBC, 0x73, 0x40, 0x96, 0x04, 0x4A, 0x38, 0xFC]),
        SectionKind::LinuxMachineCheck,
    ),
    (
        Guid::new(0xC197_E04E, 0xD545, 0x4A70, [0x9C, 0x17, 0xA5, 0x54, 0x94, 0x19, 0xEB, 0x12]),
        SectionKind::LinuxDmesg,
    ),
    (
        Guid::new(0x4F11_8707, 0x04DD, 0x4055, [0xB5, 0xDD, 0x95, 0x6D, 0x34, 0xDD, 0xFA, 0xC6]),
        SectionKind::LinuxDmesg,
    ),
];

/// What a section of that type is about.
pub fn section_kind(guid: Guid) -> SectionKind {
    let known = KINDS.iter().find(|(known, _)| *known == guid);
    known.map_or(SectionKind::Unknown, |(_, kind)| *kind)
}

/// What a section says, by its type. A section too short for its type stays undecoded.
pub fn section_body(kind: SectionKind, bytes: &[u8]) -> SectionBody {
    let size_bytes = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let undecoded = SectionBody::Undecoded { size_bytes };
    match kind {
        SectionKind::Memory => memory_error(bytes).map_or(undecoded, SectionBody::Memory),
        SectionKind::Memory2 => memory_error_2(bytes).map_or(undecoded, SectionBody::Memory),
        SectionKind::LinuxMachineCheck => {
            struct_mce(bytes).map_or(undecoded, SectionBody::MachineCheck)
        }
        SectionKind::ProcessorGeneric
        | SectionKind::ProcessorX86
        | SectionKind::ProcessorIpf
        | SectionKind::ProcessorArm
        | SectionKind::Pcie
        | SectionKind::PciBus
        | SectionKind::PciDevice
        | SectionKind::Firmware
        | SectionKind::DmarGeneric
        | SectionKind::DmarVtd
        | SectionKind::DmarIommu
        | SectionKind::CxlProtocol
        | SectionKind::CxlGeneralMedia
        | SectionKind::CxlDram
        | SectionKind::CxlMemoryModule
        | SectionKind::LinuxDmesg
        | SectionKind::Unknown => undecoded,
    }
}

/// What the head of a section holds, in either of its two forms.
struct SectionHead {
    guid: Guid,
    severity: u32,
    flags: u32,
    fru_id: Option<[u8; 16]>,
    fru_text: Option<[u8; 20]>,
    timestamp: Option<[u8; 8]>,
}

impl SectionHead {
    fn with(self, bytes: &[u8]) -> CperSection {
        let Self { guid, severity, flags, fru_id, fru_text, timestamp } = self;
        let kind = section_kind(guid);
        CperSection {
            kind,
            guid,
            severity: CperSeverity::of(severity),
            flags: SectionFlags(flags),
            fru_id: fru_id.map(Guid),
            fru_text: fru_text.and_then(|text| words(&text)),
            timestamp: timestamp.and_then(time),
            body: section_body(kind, bytes),
        }
    }
}

/// Text of fixed length, padded with NUL or blanks. Empty text is none.
fn words(bytes: &[u8]) -> Option<String> {
    let text = bytes.split(|byte| *byte == 0).next()?;
    let text = String::from_utf8_lossy(text);
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// A time in binary-coded decimals (UEFI N.2.1): second, minute, hour, a flag byte, day, month,
/// year, century.
fn time(bytes: [u8; 8]) -> Option<CperTime> {
    let [second, minute, hour, flags, day, month, year, century] = bytes;
    let digits = |byte: u8, range: std::ops::RangeInclusive<u8>| {
        let (tens, ones) = (byte >> 4, byte & 0xf);
        let number = (tens < 10 && ones < 10).then(|| tens * 10 + ones)?;
        range.contains(&number).then_some(number)
    };
    Some(CperTime {
        // No machine has these records from before the specification of 2006.
        year: u16::from(digits(century, 20..=99)?) * 100 + u16::from(digits(year, 0..=99)?),
        month: digits(month, 1..=12)?,
        day: digits(day, 1..=31)?,
        hour: digits(hour, 0..=23)?,
        minute: digits(minute, 0..=59)?,
        second: digits(second, 0..=59)?,
        precise: flags & 1 == 1,
    })
}

/// Little-endian numbers at offsets of what may be too short for them.
#[derive(Clone, Copy)]
struct Bytes<'b>(&'b [u8]);

impl<'b> Bytes<'b> {
    fn slice(self, at: usize, length: usize) -> Option<&'b [u8]> {
        self.0.get(at..at.checked_add(length)?)
    }

    fn array<const N: usize>(self, at: usize) -> Option<[u8; N]> {
        self.slice(at, N)?.try_into().ok()
    }

    fn u8(self, at: usize) -> Option<u8> {
        self.0.get(at).copied()
    }

    fn u16(self, at: usize) -> Option<u16> {
        self.array(at).map(u16::from_le_bytes)
    }

    fn u32(self, at: usize) -> Option<u32> {
        self.array(at).map(u32::from_le_bytes)
    }

    fn u64(self, at: usize) -> Option<u64> {
        self.array(at).map(u64::from_le_bytes)
    }

    /// A length or an offset.
    fn length(self, at: usize) -> Option<usize> {
        usize::try_from(self.u32(at)?).ok()
    }
}

/// Bits that say which fields of a section hold something.
#[derive(Clone, Copy)]
struct Valid(u64);

impl Valid {
    /// The field if its bit is set.
    fn field<T>(self, bit: u32, field: Option<T>) -> Option<T> {
        field.filter(|_| self.has(bit))
    }

    fn has(self, bit: u32) -> bool {
        self.0 >> bit & 1 == 1
    }
}
