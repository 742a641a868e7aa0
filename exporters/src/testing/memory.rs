//! A table of sticks, and a label map.

use scrubjay_model::*;

/// One stick and one empty slot.
pub(crate) fn sticks() -> Smbios {
    let slot = |handle, locator: &str, size, serial: Option<&str>| MemoryDevice {
        handle,
        array_handle: 0x1000,
        total_width_bits: Some(72),
        data_width_bits: Some(64),
        size,
        form_factor: FormFactor(9),
        set: None,
        locator: Some(locator.to_owned()),
        bank: Some("NODE 0".to_owned()),
        memory_type: MemoryType(26),
        type_detail: TypeDetail(0x2080),
        speed_mts: Some(3200),
        manufacturer: serial.map(|_| "Samsung".to_owned()),
        serial: serial.map(str::to_owned),
        asset_tag: None,
        part: serial.map(|_| "M393A4K40DB2-CVF".to_owned()),
        ranks: Some(2),
        configured_speed_mts: Some(2933),
        technology: Some(MemoryTechnology(3)),
        firmware: None,
        module_manufacturer_id: None,
        module_product_id: None,
    };
    Smbios {
        version: Some(SmbiosVersion { major: 3, minor: 2 }),
        arrays: vec![MemoryArray {
            handle: 0x1000,
            usage: ArrayUse(3),
            error_correction: ErrorCorrection(6),
            max_capacity_bytes: Some(1 << 40),
            slots: 2,
        }],
        devices: vec![
            slot(0x1100, "DIMM_A1", ModuleSize::Bytes(32 << 30), Some("425BB669")),
            slot(0x1101, "DIMM_A2", ModuleSize::Empty, None),
        ],
        complete: true,
    }
}

/// A stick as the history keeps it, and a turn in its life.
pub(crate) fn remembered() -> (ModuleRecord, ModuleTurn) {
    let record = ModuleRecord {
        key: ModuleKey::from_stored("425bb669"),
        slot: Some("DIMM_A1".to_owned()),
        bank: None,
        serial: Some("425BB669".to_owned()),
        part: Some("M393A4K40DB2-CVF".to_owned()),
        manufacturer: Some("Samsung".to_owned()),
        size_bytes: Some(32 << 30),
        places: vec![(ControllerKey::from_stored("imc-0"), Place::Dimm(0))],
        listed: true,
        identity: Identity::Serial,
        confidence: Confidence::ByLabel,
        evidence: "label \"DIMM_A1\" of the kernel is the slot's".to_owned(),
        since_wall_ms: 1_795_413_720_000,
        ended_wall_ms: None,
        correctable: 12,
        uncorrectable: 0,
        restarts: 1,
        last_error_wall_ms: Some(1_795_496_520_000),
    };
    let turn = ModuleTurn {
        at_wall_ms: 1_795_413_720_000,
        key: record.key.clone(),
        what: "moved".to_owned(),
        detail: "DIMM_B1".to_owned(),
    };
    (record, turn)
}

/// One slot of a map.
pub(crate) fn labels() -> DimmLabels {
    DimmLabels {
        entries: vec![LabelEntry {
            label: "DIMM_A1".to_owned(),
            places: vec![LabelPlace { controller: 0, layers: vec![0, 0] }],
            file: "etc/ras/dimm_labels.d/acme".to_owned(),
            line: 7,
        }],
    }
}
