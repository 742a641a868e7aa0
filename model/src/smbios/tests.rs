//! What may be believed of a serial number, and which devices are sticks.

use super::*;
use proptest::prelude::*;

/// A slot with 16 GiB of DDR4 in it.
pub(crate) fn device(handle: u16, locator: &str, serial: &str) -> MemoryDevice {
    MemoryDevice {
        handle,
        array_handle: 0x1000,
        total_width_bits: Some(72),
        data_width_bits: Some(64),
        size: ModuleSize::Bytes(16 << 30),
        form_factor: FormFactor(9),
        set: None,
        locator: Some(locator.to_owned()),
        bank: None,
        memory_type: MemoryType(26),
        type_detail: TypeDetail(0x2080),
        speed_mts: Some(3200),
        manufacturer: Some("Samsung".to_owned()),
        serial: (!serial.is_empty()).then(|| serial.to_owned()),
        asset_tag: None,
        part: Some("M393A2K40DB3-CWE".to_owned()),
        ranks: Some(1),
        configured_speed_mts: Some(2933),
        technology: None,
        firmware: None,
        module_manufacturer_id: None,
        module_product_id: None,
    }
}

/// A complete table with one array of system memory.
pub(crate) fn table(devices: Vec<MemoryDevice>) -> Smbios {
    Smbios {
        version: Some(SmbiosVersion { major: 3, minor: 2 }),
        arrays: vec![MemoryArray {
            handle: 0x1000,
            usage: ArrayUse(3),
            error_correction: ErrorCorrection(6),
            max_capacity_bytes: Some(1 << 40),
            slots: 8,
        }],
        devices,
        complete: true,
    }
}

#[test]
fn placeholders_of_shipped_firmware_are_no_serial_numbers() {
    for placeholder in [
        "",
        " ",
        "--",
        "Not Specified",
        "Unknown",
        "UNKNOWN",
        "NO DIMM",
        "NO  DIMM",
        "None",
        "N/A",
        "00000000",
        "0x00000000",
        "0000000000000000",
        "FFFFFFFF",
        "0xffffffff",
        "1111",
        "..........",
        "To Be Filled By O.E.M.",
        "SerNum0",
        "SerNum11",
        "DimmA1_SerNum",
        "Dimm1_SerNumA1",
        "[Empty]",
        "Not Available",
        "123456789",
        "Default string",
        "Array1_PartNumber0",
        "PartNum3",
        "A1_AssetTagNum0x",
    ] {
        let expected = placeholder == "A1_AssetTagNum0x";
        assert_eq!(serial_names_a_stick(placeholder), expected, "{placeholder:?}");
    }
}

#[test]
fn numbers_of_real_sticks_are_serial_numbers() {
    for serial in ["425BB669", "0x1E70FA94", "190020CB", "5ANLE0BLLZ225W", "00000001", "160412A2"] {
        assert!(serial_names_a_stick(serial), "{serial}");
    }
}

#[test]
fn every_placeholder_is_in_the_form_it_is_compared_in() {
    for word in NO_SERIAL {
        assert!(word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()), "{word}");
        assert!(!serial_names_a_stick(&word.to_uppercase()), "{word}");
    }
}

#[test]
fn only_filled_slots_of_system_memory_are_sticks() {
    let mut flash = device(2, "SYSTEM ROM", "");
    flash.array_handle = 0x2000;
    let mut empty = device(3, "A2", "");
    empty.size = ModuleSize::Empty;
    let mut stray = device(4, "A3", "");
    stray.array_handle = 0x3000;
    let mut table = table(vec![device(1, "A1", "425BB669"), flash, empty, stray]);
    let mut rom = table.arrays[0].clone();
    (rom.handle, rom.usage) = (0x2000, ArrayUse(5));
    table.arrays.push(rom);
    let handles: Vec<u16> = table.sticks().map(|stick| stick.handle).collect();
    assert_eq!(handles, [1, 4]);
}

#[test]
fn a_hypervisors_sticks_are_recognised_by_their_maker() {
    let mut fake = device(1, "DIMM 0", "");
    fake.manufacturer = Some("QEMU".to_owned());
    assert!(table(vec![fake.clone()]).is_emulated());
    assert!(!table(vec![fake, device(2, "DIMM 1", "425BB669")]).is_emulated());
    assert!(!table(Vec::new()).is_emulated());
}

#[test]
fn numbers_get_their_word_or_stay_numbers() {
    assert_eq!(MemoryType(26).to_string(), "DDR4");
    assert_eq!(MemoryType(34).to_string(), "DDR5");
    assert_eq!(MemoryType(22).to_string(), "number 22");
    assert_eq!(FormFactor(9).to_string(), "DIMM");
    assert_eq!(FormFactor(0).to_string(), "number 0");
    assert_eq!(FormFactor(255).to_string(), "number 255");
    assert_eq!(TypeDetail(0x2080).words(), ["synchronous", "registered"]);
    assert_eq!(TypeDetail(0x8001).words(), ["LRDIMM"]);
    assert_eq!(ErrorCorrection(5).corrects(), Some(true));
    assert_eq!(ErrorCorrection(3).corrects(), Some(false));
    assert_eq!(ErrorCorrection(7).corrects(), None);
}

proptest! {
    /// No text makes the judgement of a serial number fail, and blanks or case never change it.
    #[test]
    fn any_text_is_judged_and_spelling_does_not_matter(text in "\\PC{0,24}") {
        let names = serial_names_a_stick(&text);
        prop_assert_eq!(serial_names_a_stick(&format!(" {text} ")), names);
        prop_assert_eq!(serial_names_a_stick(&text.to_ascii_lowercase()), names);
    }
}
