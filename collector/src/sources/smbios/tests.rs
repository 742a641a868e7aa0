//! Tables built here structure by structure, and what is found in them whole, cut and spoilt.

use super::*;
use crate::sources::check::{self, found, is_absent, partly_found};
use crate::tree::{Node, Tree};
use proptest::prelude::*;
use scrubjay_model::{ModuleSize, Outcome, SmbiosVersion};

/// A structure with its strings and its end.
fn structure(kind: u8, handle: u16, fields: &[u8], strings: &[&str]) -> Vec<u8> {
    let mut out = vec![kind, u8::try_from(fields.len() + 4).unwrap()];
    out.extend(handle.to_le_bytes());
    out.extend(fields);
    for string in strings {
        out.extend(string.as_bytes());
        out.push(0);
    }
    out.extend(if strings.is_empty() { &[0, 0][..] } else { &[0] });
    out
}

/// Type 16 of version 2.1: ECC, 64 GiB at most, four slots.
fn array() -> Vec<u8> {
    let fields = [3, 3, 6, 0, 0, 0, 4, 0xfe, 0xff, 4, 0];
    structure(16, 0x1000, &fields, &[])
}

/// Type 17 of version 2.8 with these words for size and extended size.
fn device(handle: u16, size: u16, extended: u32, strings: &[&str]) -> Vec<u8> {
    let number = |n: u8| if usize::from(n) <= strings.len() { n } else { 0 };
    let mut fields = vec![0x00, 0x10, 0xfe, 0xff, 72, 0, 64, 0];
    fields.extend(size.to_le_bytes());
    fields.extend([9, 0, number(1), number(2), 26, 0x80, 0x20]);
    fields.extend(3200_u16.to_le_bytes());
    fields.extend([number(3), number(4), number(5), number(6), 2]);
    fields.extend(extended.to_le_bytes());
    fields.extend(2933_u16.to_le_bytes());
    fields.extend([0; 6]);
    structure(17, handle, &fields, strings)
}

const STRINGS: [&str; 6] =
    ["DIMM_A1", "NODE 0", "Samsung", "425BB669", "A1_Tag", "M393A4K40DB2-CVF    "];

/// A server with two sticks, an empty slot, and something that is no memory.
fn table() -> Vec<u8> {
    [
        structure(
            1,
            0x0100,
            &[1, 2, 3, 4, 0xde, 0xad, 0xbe, 0xef],
            &["ACME", "X1", "1", "HOST-77"],
        ),
        array(),
        device(0x1100, 32768 - 1, 32 << 10, &STRINGS),
        device(0x1101, 0x4000, 0, &["DIMM_A2", "NODE 0", "Samsung", "425BB66A"]),
        device(0x1102, 0, 0, &["DIMM_B1", "NODE 1", "NO DIMM", "NO DIMM", "NO DIMM", "NO DIMM"]),
        structure(127, 0xfeff, &[], &[]),
    ]
    .concat()
}

/// A checksum at `at` over all of it.
fn summed(mut bytes: Vec<u8>, at: usize) -> Vec<u8> {
    bytes[at] = 0;
    let sum = bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    bytes[at] = sum.wrapping_neg();
    bytes
}

fn sm3(length: usize) -> Vec<u8> {
    let mut bytes = b"_SM3_\0\x18\x03\x02\0\x01\0".to_vec();
    bytes.extend(u32::try_from(length).unwrap().to_le_bytes());
    bytes.extend([0; 8]);
    summed(bytes, 5)
}

fn sm2(length: usize, structures: u16) -> Vec<u8> {
    let mut dmi = b"_DMI_\0".to_vec();
    dmi.extend(u16::try_from(length).unwrap().to_le_bytes());
    dmi.extend([0; 4]);
    dmi.extend(structures.to_le_bytes());
    dmi.push(0x28);
    let mut bytes = b"_SM_\0\x1f\x02\x08\0\x01\0\0\0\0\0\0".to_vec();
    bytes.extend(summed(dmi, 5));
    summed(bytes, 4)
}

fn tree(entry_point: Vec<u8>, table: Vec<u8>) -> Tree {
    let mut tree = Tree::new();
    tree.insert(ENTRY_POINT, Node::File(entry_point));
    tree.insert(TABLE, Node::File(table));
    tree
}

fn text(tree: &Tree) -> String {
    tree.to_text().split_once('\n').unwrap().1.to_owned()
}

fn entries() -> Tree {
    let mut tree = Tree::new();
    tree.insert(format!("{ENTRIES}/16-0/raw"), Node::File(array()));
    tree.insert(format!("{ENTRIES}/17-0/raw"), Node::File(device(0x1100, 0x4000, 0, &STRINGS)));
    tree.insert(format!("{ENTRIES}/17-1/raw"), Node::File(device(0x1101, 0, 0, &[])));
    tree
}

/// Reads a table behind a 64-bit entry point.
fn read_table(table: Vec<u8>) -> (Smbios, Vec<String>) {
    partly_found(&text(&tree(sm3(table.len()), table)), read)
}

pub(crate) const HEALTHY: &str = "\
//- hex sys/firmware/dmi/tables/DMI
010c000101020304deadbeef41434d45005831003100484f53542d3737000010
0f001003030600000004feff04000000112800110010feff48004000ff7f0900
01021a8020800c030405060200800000750b00000000000044494d4d5f413100
4e4f444520300053616d73756e670034323542423636390041315f546167004d
33393341344b34304442322d435646202020200000112801110010feff480040
000040090001021a8020800c030400000200000000750b00000000000044494d
4d5f4132004e4f444520300053616d73756e6700343235424236364100001128
02110010feff480040000000090001021a8020800c030405060200000000750b
00000000000044494d4d5f4231004e4f44452031004e4f2044494d4d004e4f20
44494d4d004e4f2044494d4d004e4f2044494d4d00007f04fffe0000
//- hex sys/firmware/dmi/tables/smbios_entry_point
5f534d335f141803020001003c0100000000000000000000
";

pub(crate) const ENTRIES_TREE: &str = "\
//- hex sys/firmware/dmi/entries/16-0/raw
100f001003030600000004feff04000000
//- hex sys/firmware/dmi/entries/17-0/raw
112800110010feff480040000040090001021a8020800c030405060200000000
750b00000000000044494d4d5f4131004e4f444520300053616d73756e670034
323542423636390041315f546167004d33393341344b34304442322d43564620
2020200000
//- hex sys/firmware/dmi/entries/17-1/raw
112801110010feff480040000000090000001a8020800c000000000200000000
750b0000000000000000
";

#[test]
fn the_trees_above_are_the_tables_built_here() {
    assert_eq!(HEALTHY, text(&tree(sm3(table().len()), table())));
    assert_eq!(ENTRIES_TREE, text(&entries()));
}

#[test]
fn sticks_slots_and_their_array_are_found() {
    let smbios = found(HEALTHY, read);
    assert!(smbios.complete);
    assert_eq!(smbios.version, Some(SmbiosVersion { major: 3, minor: 2 }));
    let [array] = &smbios.arrays[..] else { panic!("{:?}", smbios.arrays) };
    assert_eq!((array.handle, array.slots), (0x1000, 4));
    assert_eq!(array.usage.name(), Some("system memory"));
    assert_eq!(array.error_correction.corrects(), Some(true));
    assert_eq!(array.max_capacity_bytes, Some(64 << 30));

    let [first, second, empty] = &smbios.devices[..] else { panic!("{:?}", smbios.devices) };
    assert_eq!(first.locator.as_deref(), Some("DIMM_A1"));
    assert_eq!(first.bank.as_deref(), Some("NODE 0"));
    assert_eq!(first.manufacturer.as_deref(), Some("Samsung"));
    assert_eq!(first.serial.as_deref(), Some("425BB669"));
    assert_eq!(first.part.as_deref(), Some("M393A4K40DB2-CVF"));
    assert_eq!(first.size, ModuleSize::Bytes(32 << 30));
    assert_eq!((first.total_width_bits, first.data_width_bits), (Some(72), Some(64)));
    assert_eq!((first.speed_mts, first.configured_speed_mts), (Some(3200), Some(2933)));
    assert_eq!((first.ranks, first.set), (Some(2), None));
    assert_eq!(first.memory_type.name(), Some("DDR4"));
    assert_eq!(first.technology, None);
    assert_eq!(second.size, ModuleSize::Bytes(16 << 30));
    assert_eq!(second.asset_tag, None);
    assert!(!empty.is_populated());
    assert_eq!(empty.stick_serial(), None);
    assert_eq!(smbios.sticks().count(), 2);
}

#[test]
fn all_entry_points_lead_to_the_same_sticks() {
    let sm3 = found(HEALTHY, read);
    let table = table();
    let with = |entry_point| found(&text(&tree(entry_point, table.clone())), read);
    assert_eq!(with(sm2(table.len(), 6)).devices, sm3.devices);
    let old = with(sm2(table.len(), 6)[16..].to_vec());
    assert_eq!(old.version, Some(SmbiosVersion { major: 2, minor: 8 }));
    assert_eq!(old.devices, sm3.devices);
    // A count that is wrong does not end a table that is all there.
    assert!(with(sm2(table.len(), 9)).complete);
}

#[test]
fn a_wrong_entry_point_costs_the_version_only() {
    let mut wrong = sm3(table().len());
    wrong[0x10] ^= 1;
    for entry_point in [wrong, b"_SM3_".to_vec(), sm2(10, 1)[..20].to_vec(), Vec::new()] {
        let (smbios, faults) = partly_found(&text(&tree(entry_point, table())), read);
        assert_eq!(smbios.version, None);
        assert_eq!(smbios.devices.len(), 3);
        assert_eq!(faults.len(), 1);
        assert!(faults[0].starts_with(ENTRY_POINT), "{faults:?}");
    }
}

#[test]
fn sizes_have_their_units_and_exceptions() {
    for (size, extended, expected) in [
        (0, 0, ModuleSize::Empty),
        (0xffff, 0, ModuleSize::Unknown),
        (0x7fff, 0, ModuleSize::Unknown),
        (0x7fff, 0x8000_8000, ModuleSize::Bytes(32 << 30)),
        (0x7fff, 0x0040_0000, ModuleSize::Bytes(4 << 40)),
        (0x8000 | 512, 0, ModuleSize::Bytes(512 << 10)),
        (0x8000, 0, ModuleSize::Unknown),
        (1, 7, ModuleSize::Bytes(1 << 20)),
    ] {
        let table = [device(1, size, extended, &STRINGS), structure(127, 2, &[], &[])].concat();
        let (smbios, _) = read_table(table);
        assert_eq!(smbios.devices[0].size, expected, "{size:x} {extended:x}");
    }
}

#[test]
fn a_structure_that_is_too_short_is_named_and_leaves_the_others() {
    let mut short = device(0x1100, 0x4000, 0, &[]);
    short = structure(17, 0x1100, &short[4..20], &[]);
    let (smbios, faults) = read_table([short, table()].concat());
    assert_eq!(smbios.devices.len(), 3);
    assert!(!smbios.complete);
    let expected = "sys/firmware/dmi/tables/DMI at 0x0: expected a memory device of at least 21 \
                    bytes, found \"20 bytes in handle 0x1100\"";
    assert_eq!(faults, [expected]);
}

#[test]
fn a_string_number_that_leads_nowhere_costs_its_field() {
    let end = structure(127, 2, &[], &[]);
    let mut wrong = device(1, 0x4000, 0, &STRINGS[..4]);
    (wrong[0x19], wrong[0x1a]) = (5, 255);
    let (smbios, faults) = read_table([wrong, end.clone()].concat());
    assert_eq!(smbios.devices[0].serial.as_deref(), Some("425BB669"));
    assert_eq!((&smbios.devices[0].asset_tag, &smbios.devices[0].part), (&None, &None));
    assert!(smbios.complete);
    assert_eq!(faults.len(), 2, "{faults:?}");
    // Control characters and blanks are no names.
    let odd = ["\u{1b}[2J", "  ", "\u{7f}", "1", "2", "3"];
    let (smbios, _) = read_table([device(1, 0x4000, 0, &odd), end].concat());
    assert_eq!(smbios.devices[0].locator.as_deref(), Some("\u{fffd}[2J"));
    assert_eq!(smbios.devices[0].bank, None);
}

#[test]
fn entries_of_dmi_sysfs_serve_where_there_is_no_table() {
    let smbios = found(ENTRIES_TREE, read);
    assert_eq!((smbios.version, smbios.complete), (None, true));
    assert_eq!((smbios.arrays.len(), smbios.devices.len()), (1, 2));
    let spoilt = check::with(&entries(), &format!("{ENTRIES}/17-0/raw"), Node::Fails(5));
    let (smbios, faults) = partly_found(&text(&spoilt), read);
    assert_eq!((smbios.devices.len(), smbios.complete, faults.len()), (1, false, 1));
}

#[test]
fn absent_and_unreadable_tables_are_told_apart() {
    assert!(is_absent("//- dir sys/firmware\n", read));
    let denied = check::with(&check::tree(HEALTHY), TABLE, Node::Fails(13));
    let (reading, _) = check::read(&text(&denied), read);
    assert_eq!(reading.outcome(), Outcome::Unreadable);
    let long = check::with(&check::tree(HEALTHY), TABLE, Node::File(vec![0; (1 << 20) + 1]));
    let (reading, _) = check::read_host(&check::host(long), read);
    assert_eq!(reading.outcome(), Outcome::Malformed);
}

#[test]
fn a_table_full_of_slots_is_bounded_and_so_are_its_faults() {
    let one = device(1, 0x4000, 0, &[]);
    let mut table = one.repeat(5000);
    table.extend(structure(127, 2, &[], &[]));
    let (smbios, faults) = read_table(table);
    assert_eq!(smbios.devices.len(), 4096);
    assert!(!smbios.complete);
    assert!(faults.len() <= MOST_FAULTS, "{}", faults.len());
}

#[test]
fn redaction_leaves_what_is_read_and_nothing_else() {
    let table = [
        table(),
        device(0x1103, 0x4000, 0, &["A9", "B", "C", "425BB669", "A1_Tag", "P"]),
        b"trailing secret".to_vec(),
    ]
    .concat();
    let mut redactor = Redactor::default();
    let redacted = redactor.table(&table);
    assert_eq!(redacted.len(), table.len());
    let shown = String::from_utf8_lossy(&redacted).into_owned();
    for secret in ["425BB6", "HOST-77", "ACME", "A1_Tag", "secret"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
    let bounds = Bounds { ends_with_marker: false, ..Bounds::UNKNOWN };
    let read = |bytes: &[u8]| {
        let mut found = Found::default();
        let _ = walk(bytes, &bounds, &mut |structure| found.take(structure));
        found
    };
    let (before, after) = (read(&table), read(&redacted));
    assert_eq!(before.arrays, after.arrays);
    let serials: Vec<_> = after.devices.iter().map(|d| d.serial.as_deref()).collect();
    let expected = ["R0000001", "R0000003", "NO DIMM", "R0000001"];
    assert_eq!(serials, expected.map(Some));
    for (mut before, after) in before.devices.into_iter().zip(after.devices) {
        before.serial.clone_from(&after.serial);
        before.asset_tag.clone_from(&after.asset_tag);
        assert_eq!(before, after);
    }
    // The same stick in another file of the same capture.
    let entry = redactor.table(&device(1, 0x4000, 0, &STRINGS));
    assert!(String::from_utf8_lossy(&entry).contains("R0000001"));
}

proptest! {
    /// No bytes make the source fail, whatever the entry point says.
    #[test]
    fn any_table_is_survived(
        entry_point in proptest::collection::vec(any::<u8>(), 0..40),
        start in proptest::collection::vec(any::<u8>(), 0..40),
        bytes in proptest::collection::vec(prop_oneof![Just(0_u8), Just(17), any::<u8>()], 0..300),
    ) {
        let bytes = [start, table(), bytes].concat();
        for entry_point in [entry_point, sm2(bytes.len(), 6), sm3(bytes.len())] {
            let host = check::host(tree(entry_point, bytes.clone()));
            let _ = check::read_host(&host, read);
            prop_assert_eq!(Redactor::default().table(&bytes).len(), bytes.len());
        }
    }

    /// A table cut anywhere, with either entry point, shows devices of the whole table or says
    /// that it is incomplete; it never shows another stick.
    #[test]
    fn a_cut_table_is_incomplete_and_shows_nothing_wrong(cut in 0_usize..400) {
        let whole = table();
        let cut = cut.min(whole.len() - 1);
        let (all, _) = read_table(whole.clone());
        for entry_point in [sm3(whole.len()), sm2(whole.len(), 6)] {
            let host = check::host(tree(entry_point, whole[..cut].to_vec()));
            let found = check::read_host(&host, read).0.into_result().unwrap();
            prop_assert!(all.devices.starts_with(&found.devices));
            // The end marker itself may lack its two zeros.
            prop_assert!(!found.complete || cut + 2 >= whole.len());
        }
    }

    /// One byte changed changes no other device, unless the walk ends there.
    #[test]
    fn a_spoilt_byte_costs_its_own_structure(at in 0_usize..400, byte in any::<u8>()) {
        let mut spoilt = table();
        let at = at.min(spoilt.len() - 1);
        spoilt[at] = byte;
        let (all, _) = read_table(table());
        let (found, _) = read_table(spoilt);
        let strange = found.devices.iter().filter(|d| !all.devices.contains(d)).count();
        // A length or an end that was lost can make one structure swallow the next.
        prop_assert!(strange <= 2, "{:?}", found.devices);
    }
}
