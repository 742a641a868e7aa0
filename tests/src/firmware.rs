//! Firmware that lists its memory sticks: SMBIOS tables, built structure by structure.
//!
//! Written from the specification (DSP0134) for itself, so that it and the reader can disagree.

use crate::trees::TreeBuilder;
use std::borrow::Cow;

const TABLES: &str = "sys/firmware/dmi/tables";

/// A slot of the board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoardSlot {
    /// What is printed beside it.
    pub locator: Cow<'static, str>,
    /// What is in it.
    pub stick: Option<Stick>,
}

/// A stick of memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stick {
    /// Its serial number, or what firmware writes instead.
    pub serial: Cow<'static, str>,
    /// Its part number.
    pub part: Cow<'static, str>,
    /// Its size in GiB.
    pub gib: u16,
}

/// A slot with a stick of 32 GiB.
pub fn filled(
    locator: impl Into<Cow<'static, str>>,
    serial: impl Into<Cow<'static, str>>,
) -> BoardSlot {
    let stick = Stick { serial: serial.into(), part: "M393A4K40DB2-CVF".into(), gib: 32 };
    BoardSlot { locator: locator.into(), stick: Some(stick) }
}

/// The tables as root reads them.
pub fn tables(slots: &[BoardSlot]) -> TreeBuilder {
    let count = u16::try_from(slots.len()).expect("a board is small");
    // Location on the board, system memory, multi-bit ECC, 1 TiB at most.
    let mut array = vec![3, 3, 6];
    array.extend(0x4000_0000_u32.to_le_bytes());
    array.extend([0xfe, 0xff]);
    array.extend(count.to_le_bytes());
    let mut table = structure(16, 0x1000, &array, &[]);
    for (handle, slot) in (0x1100..).zip(slots) {
        table.extend(device(handle, slot));
    }
    table.extend(structure(127, 0xfeff, &[], &[]));
    TreeBuilder::new()
        .file(&format!("{TABLES}/smbios_entry_point"), entry_point(table.len()))
        .file(&format!("{TABLES}/DMI"), table)
}

/// The tables as everybody else finds them.
pub fn closed_tables() -> TreeBuilder {
    TreeBuilder::new()
        .errno(&format!("{TABLES}/smbios_entry_point"), "EACCES")
        .errno(&format!("{TABLES}/DMI"), "EACCES")
}

fn device(handle: u16, slot: &BoardSlot) -> Vec<u8> {
    let none = Stick { serial: "NO DIMM".into(), part: "NO DIMM".into(), gib: 0 };
    let stick = slot.stick.as_ref().unwrap_or(&none);
    let size: u16 = if stick.gib == 0 { 0 } else { 0x7fff };
    let mut fields = vec![0x00, 0x10, 0xfe, 0xff, 72, 0, 64, 0];
    fields.extend(size.to_le_bytes());
    // DIMM, no set, locator, bank, DDR4, synchronous and registered.
    fields.extend([9, 0, 1, 2, 26, 0x80, 0x20]);
    fields.extend(2933_u16.to_le_bytes());
    fields.extend([3, 4, 0, 5, 2]);
    fields.extend((u32::from(stick.gib) << 10).to_le_bytes());
    fields.extend(2933_u16.to_le_bytes());
    fields.extend([0; 6]);
    structure(
        17,
        handle,
        &fields,
        &[&slot.locator, "NODE 1", "Samsung", &stick.serial, &stick.part],
    )
}

fn structure(kind: u8, handle: u16, fields: &[u8], strings: &[&str]) -> Vec<u8> {
    let length = u8::try_from(fields.len() + 4).expect("a structure is short");
    let mut out = vec![kind, length];
    out.extend(handle.to_le_bytes());
    out.extend(fields);
    for string in strings {
        out.extend(string.as_bytes());
        out.push(0);
    }
    out.extend(if strings.is_empty() { &[0, 0][..] } else { &[0] });
    out
}

fn entry_point(length: usize) -> Vec<u8> {
    let mut bytes = b"_SM3_\0\x18\x03\x02\0\x01\0".to_vec();
    bytes.extend(u32::try_from(length).expect("a table is short").to_le_bytes());
    bytes.extend(0x000f_0000_u64.to_le_bytes());
    let sum = bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    bytes[5] = sum.wrapping_neg();
    bytes
}
