//! CPER records: what ERST stores (UEFI N.2.1 and N.2.2).

use super::{Bytes, SECTIONS_LIMIT, SectionHead, Valid, time};
use scrubjay_model::{CperRecord, CperSection, CperSeverity, Guid};

const HEAD: usize = 128;
const DESCRIPTOR: usize = 72;

/// Marks the beginning of a record, and the end of its signature.
const SIGNATURE: [u8; 4] = *b"CPER";
const SIGNATURE_END: u32 = 0xffff_ffff;

/// One record; `None` if it is not of the documented form. What follows it is not looked at.
pub fn cper_record(bytes: &[u8]) -> Option<CperRecord> {
    let head = Bytes(bytes);
    let signed = head.array(0)? == SIGNATURE && head.u32(6)? == SIGNATURE_END;
    let record = signed.then(|| head.slice(0, head.length(20)?))??;
    let head = Bytes(record.get(..HEAD).map(|_| record)?);
    let valid = Valid(u64::from(head.u32(16)?));
    let flags = Valid(u64::from(head.u32(104)?));
    let count = usize::from(head.u16(10)?);
    if count > SECTIONS_LIMIT {
        return None;
    }
    let sections: Option<Vec<CperSection>> = (0..count).map(|n| section(record, n)).collect();
    Some(CperRecord {
        severity: CperSeverity::of(head.u32(12)?),
        timestamp: valid.field(1, head.array(24)).and_then(time),
        creator: Guid(head.array(64)?),
        record_id: head.u64(96)?,
        recovered: flags.has(0),
        previous_boot: flags.has(1),
        simulated: flags.has(2),
        sections: sections?,
    })
}

fn section(record: &[u8], number: usize) -> Option<CperSection> {
    let at = HEAD.checked_add(number.checked_mul(DESCRIPTOR)?)?;
    let bytes = Bytes(Bytes(record).slice(at, DESCRIPTOR)?);
    let data = Bytes(record).slice(bytes.length(0)?, bytes.length(4)?)?;
    let valid = Valid(u64::from(bytes.u8(10)?));
    let head = SectionHead {
        guid: Guid(bytes.array(16)?),
        severity: bytes.u32(48)?,
        flags: bytes.u32(12)?,
        fru_id: valid.field(0, bytes.array(32)),
        fru_text: valid.field(1, bytes.array(52)),
        timestamp: None,
    };
    Some(head.with(data))
}
