//! Memory error sections: UEFI N.2.5 (the first form, which grew over time), N.2.6 (the second,
//! from UEFI 2.8), and the excerpt of the first that Linux puts into its `extlog_mem_event`
//! (`struct cper_mem_err_compact`, include/linux/cper.h).

use super::{Bytes, Valid};
use scrubjay_model::{MemoryErrorSection, MemoryErrorType};

/// Length of the first form in UEFI 2.1 and 2.2; rank, handles and extended bits came later.
const OLD_LENGTH: usize = 73;
/// Length since then.
const LENGTH: usize = 80;
/// Length of the second form.
const LENGTH_2: usize = 96;
/// Length of the excerpt before Linux 5.11, which had no extended bits.
const COMPACT_LENGTH: usize = 54;

/// What the first form had bits for in UEFI 2.1.
const OLD_BITS: u64 = 0x7fff;

/// Bits of the byte of extensions: two more for the row, three for the chip of a stack.
const EXTENDED_ROW: u8 = 0b11;
const CHIP_SHIFT: u32 = 5;

/// A memory error in the first form; `None` if it is too short.
pub fn memory_error(section: &[u8]) -> Option<MemoryErrorSection> {
    let bytes = Bytes(section.get(..OLD_LENGTH)?);
    let grown = section.get(..LENGTH).map(Bytes);
    let mut valid = Valid(bytes.u64(0)?);
    if grown.is_none() {
        valid = Valid(valid.0 & OLD_BITS);
    }
    let first = FirstForm {
        valid,
        numbers: bytes.array(32)?,
        ids: [bytes.u64(48)?, bytes.u64(56)?, bytes.u64(64)?],
        extended: grown.and_then(|bytes| bytes.u8(73)),
        rank: grown.and_then(|bytes| bytes.u16(74)),
        card_handle: grown.and_then(|bytes| bytes.u16(76)),
        module_handle: grown.and_then(|bytes| bytes.u16(78)),
    };
    Some(MemoryErrorSection {
        error_status: valid.field(0, bytes.u64(8)),
        physical_address: valid.field(1, bytes.u64(16)).filter(|address| *address != 0),
        physical_address_mask: valid.field(2, bytes.u64(24)),
        error_type: valid.field(14, bytes.u8(72)).map(MemoryErrorType),
        ..first.decoded()
    })
}

/// The `data` of an `extlog_mem_event`; address and type are fields of the event itself.
pub fn memory_error_compact(data: &[u8]) -> Option<MemoryErrorSection> {
    let bytes = Bytes(data.get(..COMPACT_LENGTH)?);
    let first = FirstForm {
        valid: Valid(bytes.u64(0)?),
        numbers: bytes.array(8)?,
        ids: [bytes.u64(24)?, bytes.u64(32)?, bytes.u64(40)?],
        extended: data.get(COMPACT_LENGTH).copied(),
        rank: bytes.u16(48),
        card_handle: bytes.u16(50),
        module_handle: bytes.u16(52),
    };
    Some(first.decoded())
}

/// What both the first form and its excerpt have, wherever it stands.
struct FirstForm {
    valid: Valid,
    /// Node, card, module, bank, device, row, column, bit.
    numbers: [u8; 16],
    /// Requestor, responder, target.
    ids: [u64; 3],
    extended: Option<u8>,
    rank: Option<u16>,
    card_handle: Option<u16>,
    module_handle: Option<u16>,
}

impl FirstForm {
    fn decoded(&self) -> MemoryErrorSection {
        let Self { valid, numbers, ids, extended, rank, card_handle, module_handle } = self;
        let numbers = Bytes(numbers);
        let bank = numbers.u16(6);
        // A kernel that has no place for the extended bits leaves the row as it would be without.
        let row = match (valid.has(18), extended) {
            (true, Some(extended)) => Some(u32::from(extended & EXTENDED_ROW) << 16),
            (true, None) => None,
            (false, _) => Some(0),
        };
        let row = row.zip(numbers.u16(10)).map(|(high, low)| high | u32::from(low));
        let [requestor, responder, target] = *ids;
        MemoryErrorSection {
            error_status: None,
            physical_address: None,
            physical_address_mask: None,
            node: valid.field(3, numbers.u16(0)),
            card: valid.field(4, numbers.u16(2)),
            module: valid.field(5, numbers.u16(4)),
            bank: valid.field(6, bank),
            bank_group: valid.field(19, bank.map(high_byte)),
            bank_address: valid.field(20, bank.map(low_byte)),
            device: valid.field(7, numbers.u16(8)).map(u32::from),
            row: valid.field(8, row),
            column: valid.field(9, numbers.u16(12)).map(u32::from),
            bit_position: valid.field(10, numbers.u16(14)).map(u32::from),
            rank: valid.field(15, *rank).map(u32::from),
            chip_id: valid.field(21, extended.map(|extended| extended >> CHIP_SHIFT)),
            requestor_id: valid.field(11, Some(requestor)),
            responder_id: valid.field(12, Some(responder)),
            target_id: valid.field(13, Some(target)),
            error_type: None,
            uncorrected: None,
            card_handle: valid.field(16, *card_handle).filter(is_handle),
            module_handle: valid.field(17, *module_handle).filter(is_handle),
        }
    }
}

/// A memory error in the second form; `None` if it is too short.
pub fn memory_error_2(section: &[u8]) -> Option<MemoryErrorSection> {
    let bytes = Bytes(section.get(..LENGTH_2)?);
    let valid = Valid(bytes.u64(0)?);
    let bank = bytes.u16(38);
    let handle = |at| u16::try_from(bytes.u32(at)?).ok();
    Some(MemoryErrorSection {
        error_status: valid.field(0, bytes.u64(8)),
        physical_address: valid.field(1, bytes.u64(16)).filter(|address| *address != 0),
        physical_address_mask: valid.field(2, bytes.u64(24)),
        node: valid.field(3, bytes.u16(32)),
        card: valid.field(4, bytes.u16(34)),
        module: valid.field(5, bytes.u16(36)),
        bank: valid.field(6, bank),
        bank_group: valid.field(20, bank.map(high_byte)),
        bank_address: valid.field(21, bank.map(low_byte)),
        device: valid.field(7, bytes.u32(40)),
        row: valid.field(8, bytes.u32(44)),
        column: valid.field(9, bytes.u32(48)),
        bit_position: valid.field(11, bytes.u32(56)),
        rank: valid.field(10, bytes.u32(52)),
        chip_id: valid.field(12, bytes.u8(60)),
        requestor_id: valid.field(15, bytes.u64(64)),
        responder_id: valid.field(16, bytes.u64(72)),
        target_id: valid.field(17, bytes.u64(80)),
        error_type: valid.field(13, bytes.u8(61)).map(MemoryErrorType),
        uncorrected: valid.field(14, bytes.u8(62)).map(|status| status & 1 == 1),
        card_handle: valid.field(18, handle(88)).filter(is_handle),
        module_handle: valid.field(19, handle(92)).filter(is_handle),
    })
}

/// SMBIOS uses the two highest numbers for "none" and "not provided".
fn is_handle(handle: &u16) -> bool {
    *handle < 0xfffe
}

fn high_byte(number: u16) -> u8 {
    let [_, high] = number.to_le_bytes();
    high
}

fn low_byte(number: u16) -> u8 {
    let [low, _] = number.to_le_bytes();
    low
}
