//! Records built byte by byte from the specification, what they decode to, and what becomes of any
//! other bytes.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use scrubjay_model::{CpuVendor, MceUnit, MemoryErrorSection, MemoryErrorType};

/// Everything the first form can say is said.
pub(crate) const ALL_VALID: u64 = 0x3f_ffff;

/// A memory error in the first form. Module 1 of card 2, row 0x1_a2b3, SMBIOS handle 0x1102.
pub(crate) fn memory_section(valid: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    for number in [valid, 0x0004_0400, 0x3_f7a1_2340, 0xffff_ffff_ffff_ffc0] {
        bytes.extend(number.to_le_bytes());
    }
    for number in [0_u16, 2, 1, 0x0305, 7, 0xa2b3, 0x3f8, 12] {
        bytes.extend(number.to_le_bytes());
    }
    for number in [0x11_u64, 0x22, 0x33] {
        bytes.extend(number.to_le_bytes());
    }
    // Multi-bit ECC; row bit 16, chip 5.
    bytes.extend([3, 0b1010_0001]);
    for number in [1_u16, 0x1000, 0x1102] {
        bytes.extend(number.to_le_bytes());
    }
    bytes
}

/// A memory error in the second form.
fn memory_section_2(valid: u64) -> Vec<u8> {
    let mut bytes = memory_section(valid)[..40].to_vec();
    for number in [0x1_0007_u32, 0x12_3456, 0x3f8, 3, 70] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend([6, 14, 1, 0]);
    for number in [0x11_u64, 0x22, 0x33] {
        bytes.extend(number.to_le_bytes());
    }
    for number in [0x1000_u32, 0x1102] {
        bytes.extend(number.to_le_bytes());
    }
    bytes
}

const TIME: [u8; 8] = [0x07, 0x42, 0x03, 1, 0x28, 0x11, 0x26, 0x20];

/// A data entry; from revision 3 on with a time.
pub(crate) fn entry(guid: Guid, severity: u32, revision: u16, fru: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = guid.0.to_vec();
    bytes.extend(severity.to_le_bytes());
    bytes.extend(revision.to_le_bytes());
    bytes.extend([if fru.is_empty() { 0b100 } else { 0b110 }, 0b1000]);
    bytes.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
    bytes.extend([0xee; 16]);
    let mut text = fru.as_bytes().to_vec();
    text.resize(20, 0);
    bytes.extend(text);
    if revision >= 0x300 {
        bytes.extend(TIME);
    }
    bytes.extend(data);
    bytes
}

/// A block with those entries.
pub(crate) fn block(status: u32, severity: u32, entries: &[Vec<u8>]) -> Vec<u8> {
    let data = entries.concat();
    let mut bytes = Vec::new();
    for number in [status, 0, 0, u32::try_from(data.len()).unwrap(), severity] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend(data);
    bytes
}

pub(crate) fn guid(kind: SectionKind) -> Guid {
    KINDS.iter().find(|(_, known)| *known == kind).unwrap().0
}

/// A block with one memory error on "DIMM_B2", as printed and marked as read by the kernel if
/// `status` is 0.
pub(crate) fn memory_block(status: u32, severity: u32) -> Vec<u8> {
    let section = memory_section(ALL_VALID);
    block(
        status,
        severity,
        &[entry(guid(SectionKind::Memory), severity, 0x300, "DIMM_B2", &section)],
    )
}

fn record(sections: &[(Guid, &[u8])]) -> Vec<u8> {
    let bodies = 128 + 72 * sections.len();
    let length = bodies + sections.iter().map(|(_, body)| body.len()).sum::<usize>();
    let small = |number: usize| u32::try_from(number).unwrap().to_le_bytes();
    let mut bytes = b"CPER".to_vec();
    bytes.extend(0x0100_u16.to_le_bytes());
    bytes.extend([0xff; 4]);
    bytes.extend(u16::try_from(sections.len()).unwrap().to_le_bytes());
    bytes.extend(1_u32.to_le_bytes());
    bytes.extend(2_u32.to_le_bytes());
    bytes.extend(small(length));
    bytes.extend(TIME);
    bytes.extend([0; 32]);
    bytes.extend([0xcc; 16]);
    bytes.extend([0; 16]);
    bytes.extend(0x6b00_0001_0000_0001_u64.to_le_bytes());
    bytes.extend(2_u32.to_le_bytes());
    bytes.extend([0; 20]);
    let mut at = bodies;
    for (guid, body) in sections {
        bytes.extend(small(at));
        bytes.extend(small(body.len()));
        bytes.extend([0, 1, 0, 0, 1, 0, 0, 0]);
        bytes.extend(guid.0);
        bytes.extend([0; 16]);
        bytes.extend(1_u32.to_le_bytes());
        bytes.extend([0; 20]);
        at += body.len();
    }
    for (_, body) in sections {
        bytes.extend(*body);
    }
    bytes
}

/// A machine check of Linux 6.12 (128 bytes) by a memory controller of an Intel CPU.
pub(crate) fn mce_bytes(status: u64, wall_s: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    for number in [status, 0x8c, 0x3_f7a1_2340, 5, 0xffff_ffff_8100_0000, 99, wall_s] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend([0, 0, 4, 0]);
    bytes.extend(0x0005_0657_u32.to_le_bytes());
    bytes.extend([0x10, 7, 0, 1]);
    for number in [17_u32, 1, 0x22] {
        bytes.extend(number.to_le_bytes());
    }
    for number in [0x0700_0c16_u64, 0, 0, 0x1234, 0x0500_3605, 0] {
        bytes.extend(number.to_le_bytes());
    }
    assert_eq!(bytes.len(), 128);
    bytes
}

/// Uncorrected, with context lost; a read error of a memory controller.
pub(crate) const FATAL_MEMORY: u64 = 0xbe00_0000_0101_0091;

#[test]
fn a_memory_error_says_everything_it_is_told() {
    let found = memory_error(&memory_section(ALL_VALID)).unwrap();
    assert_eq!(found.physical_address, Some(0x3_f7a1_2340));
    assert_eq!((found.card, found.module, found.rank), (Some(2), Some(1), Some(1)));
    assert_eq!((found.bank, found.bank_group, found.bank_address), (Some(0x305), Some(3), Some(5)));
    assert_eq!((found.row, found.column, found.chip_id), (Some(0x1_a2b3), Some(0x3f8), Some(5)));
    assert_eq!(
        (found.device, found.bit_position, found.target_id),
        (Some(7), Some(12), Some(0x33))
    );
    assert_eq!(found.error_type, Some(MemoryErrorType(3)));
    assert_eq!((found.card_handle, found.module_handle), (Some(0x1000), Some(0x1102)));
    let without_bank = memory_error(&memory_section(ALL_VALID & !(1 << 6))).unwrap().place();
    assert_eq!(
        without_bank,
        "node 0 card 2 module 1 rank 1 bank group 3 bank address 5 device 7 chip 5 row 107187 \
         column 1016 bit 12"
    );
}

#[test]
fn the_second_form_has_wider_fields_at_other_bits() {
    let found = memory_error_2(&memory_section_2(ALL_VALID)).unwrap();
    assert_eq!((found.device, found.row, found.rank), (Some(0x1_0007), Some(0x12_3456), Some(3)));
    assert_eq!((found.bit_position, found.chip_id), (Some(70), Some(6)));
    assert_eq!(found.error_type, Some(MemoryErrorType(14)));
    assert_eq!((found.uncorrected, found.module_handle), (Some(true), Some(0x1102)));
    assert_eq!(memory_error_2(&memory_section_2(ALL_VALID)[..95]), None);
}

#[test]
fn a_handle_that_is_no_handle_is_none() {
    let mut section = memory_section_2(ALL_VALID);
    section[92..96].copy_from_slice(&0x1_1102_u32.to_le_bytes());
    assert_eq!(memory_error_2(&section).unwrap().module_handle, None);
    let mut section = memory_section(ALL_VALID);
    section[78..80].copy_from_slice(&0xffff_u16.to_le_bytes());
    assert_eq!(memory_error(&section).unwrap().module_handle, None);
}

#[test]
fn address_zero_is_not_an_address() {
    let mut section = memory_section(ALL_VALID);
    section[16..24].fill(0);
    assert_eq!(memory_error(&section).unwrap().physical_address, None);
}

#[test]
fn the_oldest_form_has_neither_handles_nor_extensions() {
    let found = memory_error(&memory_section(ALL_VALID)[..73]).unwrap();
    assert_eq!(found.row, Some(0xa2b3));
    assert_eq!((found.rank, found.module_handle, found.chip_id), (None, None, None));
    assert_eq!((found.bank, found.bank_group), (Some(0x305), None));
    assert_eq!(memory_error(&memory_section(ALL_VALID)[..72]), None);
}

#[test]
fn the_excerpt_in_a_trace_event_agrees_with_the_section() {
    let whole = memory_section(ALL_VALID);
    let excerpt = [&whole[..8], &whole[32..72], &whole[74..80], &whole[73..74]].concat();
    let found = memory_error_compact(&excerpt).unwrap();
    let told_by_the_event = MemoryErrorSection {
        error_status: None,
        physical_address: None,
        physical_address_mask: None,
        error_type: None,
        ..memory_error(&whole).unwrap()
    };
    assert_eq!(found, told_by_the_event);
    // Kernels before 5.11 have no place for the high bits of the row, so it is not known.
    let older = memory_error_compact(&excerpt[..54]).unwrap();
    assert_eq!((older.row, older.module_handle), (None, Some(0x1102)));
}

#[test]
fn a_block_is_read_also_when_the_kernel_has_marked_it_as_read() {
    let found = |status| error_blocks(&memory_block(status, 1)).blocks;
    let [fresh] = found(0x11).try_into().unwrap();
    assert_eq!((fresh.severity, fresh.cleared), (CperSeverity::Fatal, false));
    let section = &fresh.sections[0];
    assert_eq!(section.fru_text.as_deref(), Some("DIMM_B2"));
    assert_eq!(section.flags.names(), ["threshold exceeded"]);
    let time = section.timestamp.unwrap();
    assert_eq!((time.year, time.month, time.day, time.hour), (2026, 11, 28, 3));
    assert_eq!(section.memory().unwrap().module_handle, Some(0x1102));
    let [cleared] = found(0).try_into().unwrap();
    assert!(cleared.cleared && cleared.sections == fresh.sections);
}

#[test]
fn blocks_follow_each_other_over_raw_data() {
    let mut first = memory_block(0x11, 0);
    let raw_at = u32::try_from(first.len() + 8).unwrap();
    first[4..8].copy_from_slice(&raw_at.to_le_bytes());
    first[8..12].copy_from_slice(&16_u32.to_le_bytes());
    first.extend([0xaa; 24]);
    let pcie = entry(guid(SectionKind::Pcie), 2, 0x201, "", &[0; 208]);
    let region = [first, block(0x12, 2, &[pcie]), vec![0; 500]].concat();
    let found = error_blocks(&region);
    assert_eq!(found.stopped, Stopped::Ended);
    let kinds: Vec<SectionKind> = found.blocks.iter().map(|b| b.sections[0].kind).collect();
    assert_eq!(kinds, [SectionKind::Memory, SectionKind::Pcie]);
    assert_eq!(found.blocks[1].sections[0].timestamp, None);
    assert_eq!(found.blocks[1].sections[0].body, SectionBody::Undecoded { size_bytes: 208 });
}

#[test]
fn a_region_without_records_has_none_whatever_it_is_filled_with() {
    for region in [vec![], vec![0; 4096], vec![0xff; 4096], vec![0; 19]] {
        assert_eq!(error_blocks(&region), Blocks { blocks: Vec::new(), stopped: Stopped::Ended });
    }
    // Left over by whoever had the memory before, with a status of 0: nothing is claimed.
    let left: Vec<u8> = (0_u32..1024).map(|n| if n < 4 { 0 } else { (n % 251) as u8 }).collect();
    assert_eq!(error_blocks(&left).blocks, Vec::new());
}

#[test]
fn a_block_that_claims_to_be_one_and_is_not_is_told() {
    let mut broken = memory_block(0x11, 1);
    broken[12..16].copy_from_slice(&9999_u32.to_le_bytes());
    assert_eq!(error_blocks(&broken).stopped, Stopped::NotUnderstood { at: 0 });
    let good = memory_block(0x11, 1);
    let both = error_blocks(&[good.clone(), broken].concat());
    assert_eq!((both.blocks.len(), both.stopped), (1, Stopped::NotUnderstood { at: good.len() }));
}

#[test]
fn more_errors_than_are_described_are_told() {
    let told = |status| error_blocks(&memory_block(status, 1)).blocks[0].more_than_described;
    assert!(!told(0x11));
    assert!(told(0x15), "several errors, one described");
    assert!(told(0x21), "two entries, one there");
}

#[test]
fn blocks_and_sections_are_bounded() {
    let many = memory_block(0x11, 1).repeat(100);
    let found = error_blocks(&many);
    assert_eq!((found.blocks.len(), found.stopped), (64, Stopped::TooMany));
    let one = entry(guid(SectionKind::Pcie), 2, 0x201, "", &[]);
    let wide = error_blocks(&block(0x12, 2, &vec![one; 70])).blocks;
    assert_eq!(wide[0].sections.len(), SECTIONS_LIMIT);
    assert!(wide[0].more_than_described);
}

#[test]
fn a_record_gives_its_sections() {
    let mce = mce_bytes(FATAL_MEMORY, 1_795_000_000);
    let memory = memory_section(ALL_VALID);
    let sections = [
        (guid(SectionKind::LinuxMachineCheck), mce.as_slice()),
        (guid(SectionKind::Memory), memory.as_slice()),
    ];
    let found = cper_record(&record(&sections)).unwrap();
    assert_eq!((found.severity, found.previous_boot), (CperSeverity::Fatal, true));
    assert!(!found.simulated && !found.recovered);
    assert_eq!(found.timestamp.unwrap().year, 2026);
    assert_eq!(found.record_id >> 32, 0x6b00_0001);
    assert_eq!(found.sections.len(), 2);
    assert_eq!(found.of_kind(SectionKind::LinuxMachineCheck).count(), 1);
    assert!(found.sections.iter().all(CperSection::is_memory));
}

#[test]
fn a_record_cut_short_is_none() {
    let memory = memory_section(ALL_VALID);
    let whole = record(&[(guid(SectionKind::Memory), memory.as_slice())]);
    for length in 0..whole.len() {
        assert_eq!(cper_record(&whole[..length]), None, "{length}");
    }
    let longer = [whole.clone(), vec![7; 30]].concat();
    assert_eq!(cper_record(&longer), cper_record(&whole));
}

#[test]
fn a_saved_machine_check_is_read_in_each_length_it_had() {
    let bytes = mce_bytes(FATAL_MEMORY, 1_795_000_000);
    let mce = struct_mce(&bytes).unwrap();
    assert_eq!((mce.bank, mce.cpu, mce.socket), (7, 17, 1));
    assert_eq!((mce.vendor, mce.unit()), (CpuVendor::Intel, MceUnit::Memory));
    assert_eq!(mce.physical_address(), Some(0x3_f7a1_2340));
    assert_eq!((mce.wall_s, mce.microcode), (Some(1_795_000_000), Some(0x0500_3605)));
    assert!(!mce.corrected() && mce.context_corrupt());
    assert_eq!(struct_mce(&bytes[..88]).unwrap().microcode, None);
    assert_eq!(struct_mce(&bytes[..87]), None);
    assert_eq!(struct_mce(&mce_bytes(0x9f, 1)), None, "not an error");
    assert_eq!(struct_mce(&mce_bytes(1 << 63, 0)).unwrap().address, None);
    assert_eq!(struct_mce(&mce_bytes(1 << 63, 0)).unwrap().wall_s, None);
}

#[test]
fn times_that_are_none_are_none() {
    assert!(time(TIME).is_some());
    for (position, byte) in [(0, 0x60), (0, 0x0a), (2, 0x24), (4, 0), (5, 0x13), (7, 0x19)] {
        let mut odd = TIME;
        odd[position] = byte;
        assert_eq!(time(odd), None, "{odd:x?}");
    }
}

#[test]
fn every_kind_is_known_by_one_type_or_is_linuxs_log() {
    for (guid, kind) in KINDS {
        assert_eq!(section_kind(guid), kind);
    }
    assert_eq!(section_kind(Guid([9; 16])), SectionKind::Unknown);
}

/// A region of sound blocks with a part of it replaced.
fn disturbed() -> impl Strategy<Value = Vec<u8>> {
    let sound = [memory_block(0x11, 1), memory_block(0, 0), vec![0; 40]].concat();
    (any::<prop::sample::Index>(), vec(any::<u8>(), 0..24)).prop_map(move |(at, new)| {
        let mut bytes = sound.clone();
        let start = at.index(bytes.len());
        let end = bytes.len().min(start + new.len());
        bytes.splice(start..end, new);
        bytes
    })
}

proptest! {
    #[test]
    fn no_bytes_make_a_parser_panic(bytes in prop_oneof![vec(any::<u8>(), 0..300), disturbed()]) {
        let found = error_blocks(&bytes);
        prop_assert!(found.blocks.len() <= 64);
        let _ = (cper_record(&bytes), struct_mce(&bytes), memory_error_compact(&bytes));
        for (_, kind) in KINDS {
            let _ = section_body(kind, &bytes);
        }
    }

    /// A record that is cut short loses what is missing and changes nothing else.
    #[test]
    fn a_region_cut_short_never_tells_anything_else(cut in 0_usize..400, status in 0_u32..0x40) {
        let whole = [memory_block(status, 1), memory_block(0x11, 0)].concat();
        let full = error_blocks(&whole).blocks;
        let part = error_blocks(whole.get(..cut).unwrap_or(&whole)).blocks;
        prop_assert!(full.starts_with(&part), "{part:?}");
    }

    /// What is not marked as valid is never a number.
    #[test]
    fn what_is_not_valid_is_none(valid in any::<u64>()) {
        for bit in 0..22 {
            let without = memory_error(&memory_section(valid & !(1 << bit))).unwrap();
            let without_2 = memory_error_2(&memory_section_2(valid & !(1 << bit))).unwrap();
            let is_none = |section: &MemoryErrorSection, form: usize| {
                let json = serde_json::to_value(section).unwrap();
                json[FIELDS[bit][form]].is_null()
            };
            // Bit 18 of the first form widens the row rather than being a field.
            prop_assert!(bit == 18 || is_none(&without, 0), "{bit}");
            prop_assert!(is_none(&without_2, 1), "{bit}");
        }
    }
}

/// The field each validation bit stands for, in the first form and in the second.
const FIELDS: [[&str; 2]; 22] = [
    ["error_status", "error_status"],
    ["physical_address", "physical_address"],
    ["physical_address_mask", "physical_address_mask"],
    ["node", "node"],
    ["card", "card"],
    ["module", "module"],
    ["bank", "bank"],
    ["device", "device"],
    ["row", "row"],
    ["column", "column"],
    ["bit_position", "rank"],
    ["requestor_id", "bit_position"],
    ["responder_id", "chip_id"],
    ["target_id", "error_type"],
    ["error_type", "uncorrected"],
    ["rank", "requestor_id"],
    ["card_handle", "responder_id"],
    ["module_handle", "target_id"],
    ["row", "card_handle"],
    ["bank_group", "module_handle"],
    ["bank_address", "bank_group"],
    ["chip_id", "bank_address"],
];
