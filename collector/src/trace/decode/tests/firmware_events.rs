//! `ras:extlog_mem_event`, `ras:arm_event` and `ras:non_standard_event`.

use super::*;
use crate::trace::format::Format;

const EXTLOG: &str = "u32 err_seq; u8 etype; u8 sev; u64 pa; u8 pa_mask_lsb; guid_t fru_id; \
    __data_loc char[] fru_text; struct cper_mem_err_compact data;";
const NON_STANDARD: &str = "char sec_type[16]; char fru_id[16]; __data_loc char[] fru_text; u8 sev; \
    u32 len; __data_loc u8[] buf;";
const ARM: &str = "u64 mpidr; u64 midr; u32 running_state; u32 psci_state; u8 affinity;";
const ARM_BUFFERS: &str = " u32 pei_len; __data_loc u8[] pei_buf; u32 ctx_len; \
    __data_loc u8[] ctx_buf; u32 oem_len; __data_loc u8[] oem_buf; u8 sev; int cpu;";

pub(super) fn formats(first_id: u16) -> [(&'static str, String); 3] {
    let arm = format!("{ARM}{ARM_BUFFERS}");
    [
        ("ras:extlog_mem_event", writer::format("extlog_mem_event", first_id, 8, EXTLOG, "\"\"")),
        ("ras:arm_event", writer::format("arm_event", first_id + 1, 8, &arm, "\"\"")),
        (
            "ras:non_standard_event",
            writer::format("non_standard_event", first_id + 2, 8, NON_STANDARD, "\"\""),
        ),
    ]
}

/// `struct cper_mem_err_compact`.
fn compact(valid: u64) -> Vec<u8> {
    let mut bytes = valid.to_ne_bytes().to_vec();
    // Node, card, module, bank, device, row, column, bit.
    for part in [0_u16, 1, 2, 3, 4, 40_948, 560, 7] {
        bytes.extend(part.to_ne_bytes());
    }
    bytes.extend([0; 24]);
    // Rank, handles of the array and of the device.
    for part in [1_u16, 0x1000, 0x1102] {
        bytes.extend(part.to_ne_bytes());
    }
    bytes.push(0);
    bytes
}

fn extlog(change: impl FnOnce(Fields<'_>) -> Fields<'_>, check: impl FnOnce(Report<'_>)) {
    let text = writer::format("extlog_mem_event", 1352, 8, EXTLOG, "\"\"");
    let format = Format::parse(&text).unwrap();
    let usual = Fields::of(&format)
        .number("etype", 2)
        .number("sev", 2)
        .number("pa", 0x12_3456_7000)
        .number("pa_mask_lsb", 12)
        .block("data", &compact(u64::MAX))
        .text("fru_text", "DIMM D2");
    reported("ras:extlog_mem_event", &text, &change(usual).done(), check);
}

#[test]
fn the_machine_check_log_names_the_device() {
    extlog(
        |fields| fields,
        |report| {
            assert_eq!((report.witness, report.class), (Witness::Extlog, EventClass::Corrected));
            assert_eq!((report.address, report.grain_bits), (Some(0x12_3456_7000), Some(12)));
            let place = EventPlace::Firmware {
                handle: Some(0x1102),
                location: "node 0 card 1 module 2 rank 1 bank 3 device 4".to_owned(),
                fru: "DIMM D2".to_owned(),
            };
            assert_eq!((report.place, report.what), (Place::Other(place), What::Memory));
            assert_eq!(report.message.to_string(), "single-bit ECC error");
            assert_eq!(report.detail.to_string(), "row 40948 column 560 bit 7");
        },
    );
}

#[test]
fn what_is_not_marked_as_valid_is_not_told() {
    extlog(
        |fields| {
            let module_only = compact(1 << 5);
            fields
                .block("data", &module_only)
                .number("pa", -1)
                .number("pa_mask_lsb", 255)
                .text("fru_text", "")
        },
        |report| {
            let location = "module 2".to_owned();
            let place = EventPlace::Firmware { handle: None, location, fru: String::new() };
            assert_eq!(report.place, Place::Other(place));
            assert_eq!((report.address, report.grain_bits), (None, None));
        },
    );
    extlog(|fields| fields.number("pa", 0), |report| assert_eq!(report.address, None));
}

#[test]
fn severities_of_firmware_records_are_classes() {
    let classes = [
        (0, EventClass::Uncorrected),
        (1, EventClass::Fatal),
        (2, EventClass::Corrected),
        (3, EventClass::Info),
    ];
    for (severity, class) in classes {
        extlog(|f| f.number("sev", severity), |report| assert_eq!(report.class, class));
    }
}

#[test]
fn an_arm_event_is_read_in_both_its_layouts() {
    let read = |fields: &str, sev: i128, check: &dyn Fn(Report<'_>)| {
        let text = writer::format("arm_event", 1350, 8, fields, "\"\"");
        let format = Format::parse(&text).unwrap();
        let mut record = Fields::of(&format)
            .number("mpidr", 0x8100_0300)
            .number("midr", 0x410f_d490)
            .number("running_state", 1)
            .number_if_any("sev", sev)
            .number_if_any("cpu", 3);
        if format.field("pei_buf").is_some() {
            record = record.bytes("pei_buf", &[0x12, 0xab]);
        }
        reported("ras:arm_event", &text, &record.done(), check);
    };
    read(ARM, 0, &|report| {
        assert_eq!(report.class, EventClass::Uncorrected, "the worse of what is not told");
        let place = EventPlace::Firmware {
            handle: None,
            location: "mpidr 0x81000300".to_owned(),
            fru: String::new(),
        };
        assert_eq!(report.place, Place::Other(place));
        let detail = report.detail.to_string();
        assert!(detail.ends_with("affinity 0 severity not told by this kernel"), "{detail}");
    });
    let classes =
        [EventClass::Info, EventClass::Corrected, EventClass::Uncorrected, EventClass::Fatal];
    for (severity, class) in (0..).zip(classes) {
        read(&format!("{ARM}{ARM_BUFFERS}"), severity, &|report| {
            assert_eq!((report.witness, report.class), (Witness::ArmEvent, class));
            let Place::Other(EventPlace::Firmware { location, .. }) = &report.place else {
                panic!("{:?}", report.place)
            };
            assert_eq!(location, "cpu 3 mpidr 0x81000300");
            let detail = "midr 0x410fd490 running 1 psci 0 affinity 0 information 12ab";
            assert_eq!(report.detail.to_string(), detail);
        });
    }
}

fn non_standard(section: [u8; 16], raw: &[u8], check: impl FnOnce(Report<'_>)) {
    let text = writer::format("non_standard_event", 1349, 8, NON_STANDARD, "\"\"");
    let format = Format::parse(&text).unwrap();
    let record = Fields::of(&format)
        .block("sec_type", &section)
        .number("sev", 1)
        .number("len", i128::try_from(raw.len()).unwrap())
        .text("fru_text", "board 1")
        .bytes("buf", raw);
    reported("ras:non_standard_event", &text, &record.done(), check);
}

#[test]
fn other_sections_are_kept_as_they_are_and_named_by_their_guid() {
    // 91335ef6-ebfb-4478-a6a6-88b728cf75d7
    let ccix = [
        0xf6, 0x5e, 0x33, 0x91, 0xfb, 0xeb, 0x78, 0x44, 0xa6, 0xa6, 0x88, 0xb7, 0x28, 0xcf, 0x75,
        0xd7,
    ];
    non_standard(ccix, &[0xde, 0xad], |report| {
        assert_eq!((report.witness, report.class), (Witness::NonStandard, EventClass::Corrected));
        let about = "CCIX".to_owned();
        assert_eq!(report.what, What::Other(EventWhat::Other { about }));
        assert_eq!(report.message.to_string(), "board 1");
        let detail = "section 91335ef6-ebfb-4478-a6a6-88b728cf75d7 dead";
        assert_eq!(report.detail.to_string(), detail);
    });
    let mut foreign = ccix;
    foreign[15] = 0;
    non_standard(foreign, &[7; 300], |report| {
        let about = "section 91335ef6-ebfb-4478-a6a6-88b728cf7500".to_owned();
        assert_eq!(report.what, What::Other(EventWhat::Other { about }));
        let detail = report.detail.to_string();
        assert!(detail.ends_with(&format!("{}… (300 bytes)", "07".repeat(256))), "{detail}");
    });
    // Memory, in the second version of the section.
    let memory = [
        0xfc, 0x04, 0xec, 0x61, 0xe6, 0x48, 0x13, 0xd8, 0x25, 0xc9, 0x8d, 0xaa, 0x44, 0x75, 0x0b,
        0x12,
    ];
    non_standard(memory, &[], |report| assert_eq!(report.what, What::Memory));
}
