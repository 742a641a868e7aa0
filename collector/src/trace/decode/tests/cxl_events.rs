//! Events of the group `cxl`.

use super::*;
use crate::trace::format::Format;

const HEAD: &str = "__data_loc char[] memdev; __data_loc char[] host; int log; uuid_t hdr_uuid; \
    u64 serial; u32 hdr_flags; u16 hdr_handle; u16 hdr_related_handle; u64 hdr_timestamp; \
    u8 hdr_length; u8 hdr_maint_op_class;";
const DRAM: &str = " u64 dpa; u8 descriptor; u8 type; u8 transaction_type; u8 channel; \
    u16 validity_flags; u16 column; u32 nibble_mask; u32 row; u8 cor_mask[32]; u64 hpa; \
    uuid_t region_uuid; u8 rank; u8 bank_group; u8 bank; u8 dpa_flags; \
    __data_loc char[] region_name;";
const DRAM_PRINT: &str = "\"%s\", \
    __print_symbolic(REC->log, { CXL_EVENT_TYPE_INFO, \"Informational\" }), \
    __print_flags(REC->hdr_flags, \" | \", { ((((1UL))) << (5)), \"HARDWARE_REPLACEMENT_NEEDED\" } ), \
    __print_flags(REC->descriptor, \"|\", { ((((1UL))) << (0)), \"UNCORRECTABLE_EVENT\" } ), \
    __print_symbolic(REC->type, { 0x00, \"ECC Error\" }, { 0x01, \"Scrub Media ECC Error\" } ), \
    __print_symbolic(REC->transaction_type, { 0x05, \"Internal Media Scrub\" } ), \
    __print_flags(REC->validity_flags, \"|\", { ((((1UL))) << (0)), \"CHANNEL\" }, \
    { ((((1UL))) << (1)), \"RANK\" }, { ((((1UL))) << (2)), \"NIBBLE\" }, \
    { ((((1UL))) << (3)), \"BANK GROUP\" }, { ((((1UL))) << (4)), \"BANK\" }, \
    { ((((1UL))) << (5)), \"ROW\" }, { ((((1UL))) << (6)), \"COLUMN\" } )";

pub(super) fn format(id: u16) -> String {
    writer::format("cxl_dram", id, 8, &format!("{HEAD}{DRAM}"), DRAM_PRINT)
}

fn event(
    name: &str,
    fields: &str,
    print: &str,
    fill: impl FnOnce(Fields<'_>) -> Fields<'_>,
    check: impl FnOnce(Report<'_>),
) {
    let text = writer::format(name, 1296, 8, fields, print);
    let format = Format::parse(&text).unwrap();
    let mut usual = Fields::of(&format).number_if_any("serial", 0xbeef);
    for (field, value) in [("memdev", "mem3"), ("host", "0000:0d:00.0")] {
        if format.field(field).is_some() {
            usual = usual.text(field, value);
        }
    }
    reported(&format!("cxl:{name}"), &text, &fill(usual).done(), check);
}

fn dram(fill: impl FnOnce(Fields<'_>) -> Fields<'_>, check: impl FnOnce(Report<'_>)) {
    event("cxl_dram", &format!("{HEAD}{DRAM}"), DRAM_PRINT, fill, check);
}

#[test]
fn a_memory_error_behind_a_link_has_the_address_of_this_host_only() {
    dram(
        |fields| {
            fields
                .number("dpa", 0x8000)
                .number("type", 1)
                .number("transaction_type", 5)
                .number("hdr_flags", 1 << 5)
                .number("validity_flags", 0b0101_1000)
                .number("channel", 9)
                .number("rank", 9)
                .number("nibble_mask", 9)
                .number("row", 9)
                .number("column", 1000)
                .number("bank_group", 2)
                .number("bank", 3)
                .number("hpa", 0x4_0000_0000)
                .text("region_name", "region0")
        },
        |report| {
            assert_eq!((report.witness, report.class), (Witness::Cxl, EventClass::Corrected));
            assert_eq!((report.what, report.address), (What::Memory, Some(0x4_0000_0000)));
            let place = EventPlace::Cxl { device: "mem3".to_owned(), serial: Some(0xbeef) };
            assert_eq!(report.place, Place::Other(place));
            assert_eq!(report.message.to_string(), "Scrub Media ECC Error");
            let detail = report.detail.to_string();
            for told in [
                "hdr_flags='HARDWARE_REPLACEMENT_NEEDED'",
                "dpa=0x8000",
                "transaction_type='Internal Media Scrub'",
                "column=1000",
                "bank_group=2",
                "bank=3",
                "region_name=region0",
            ] {
                assert!(detail.contains(told), "{told} in {detail}");
            }
            // What is not marked as valid is not told.
            for untold in ["channel=", "rank=", "row=", "nibble_mask="] {
                assert!(!detail.contains(untold), "{untold} in {detail}");
            }
        },
    );
    for nowhere in [0, -1] {
        dram(|f| f.number("hpa", nowhere), |report| assert_eq!(report.address, None));
    }
}

#[test]
fn classes_of_media_errors_follow_the_descriptor() {
    let cases = [
        (0, 0, EventClass::Corrected),
        (2, 3, EventClass::Corrected),
        (1, 0, EventClass::Uncorrected),
        (1, 2, EventClass::Uncorrected),
        (1, 3, EventClass::Fatal),
    ];
    for (descriptor, log, class) in cases {
        dram(
            |f| f.number("descriptor", descriptor).number("log", log),
            |report| assert_eq!(report.class, class),
        );
    }
}

#[test]
fn a_device_that_lost_reports_says_how_many() {
    let fields = "__data_loc char[] memdev; __data_loc char[] host; int log; u64 serial; \
        u64 first_ts; u64 last_ts; u16 count;";
    event(
        "cxl_overflow",
        fields,
        "\"\"",
        |f| f.number("count", 513),
        |report| {
            assert_eq!(report.what, What::Other(EventWhat::Overflow { lost: 513 }));
            assert_eq!((report.class, report.errors), (EventClass::Info, 1));
        },
    );
}

#[test]
fn poison_on_the_list_is_lost_memory_and_what_was_put_there_is_not() {
    let fields = "__data_loc char[] memdev; __data_loc char[] host; u64 serial; u8 trace_type; \
        __data_loc char[] region; u64 overflow_ts; u64 hpa; u64 dpa; u32 dpa_length; \
        char uuid[16]; u8 source; u8 flags;";
    let print = "\"\", __print_symbolic(REC->source, { 2, \"Internal\" })";
    let classes = [EventClass::Uncorrected, EventClass::Info, EventClass::Info];
    for (trace_type, class) in (0..).zip(classes) {
        event(
            "cxl_poison",
            fields,
            print,
            |f| f.number("trace_type", trace_type).number("source", 2).number("hpa", -1),
            |report| {
                assert_eq!((report.class, report.what), (class, What::Memory));
                assert_eq!(report.address, None);
                assert!(report.detail.to_string().contains("source='Internal'"));
            },
        );
    }
}

#[test]
fn link_errors_are_told_by_kind_also_where_a_port_reports_them() {
    let print = "\"\", __print_flags(REC->status, \" | \", { ((((1UL))) << (1)), \"Memory Data ECC Error\" })";
    for (name, device, class) in [
        ("cxl_aer_correctable_error", "memdev", EventClass::Corrected),
        ("cxl_aer_uncorrectable_error", "memdev", EventClass::Uncorrected),
        ("cxl_port_aer_correctable_error", "device", EventClass::Corrected),
    ] {
        let fields = format!("__data_loc char[] {device}; u32 status; u32 header_log[128];");
        event(
            name,
            &fields,
            print,
            |f| if device == "device" { f.text("device", "port2") } else { f }.number("status", 2),
            |report| {
                assert_eq!(report.class, class);
                let about = "CXL link".to_owned();
                assert_eq!(report.what, What::Other(EventWhat::Other { about }));
                assert_eq!(report.detail.to_string(), "status='Memory Data ECC Error'");
                let name = if device == "device" { "port2" } else { "mem3" };
                let place = EventPlace::Cxl { device: name.to_owned(), serial: None };
                assert_eq!(report.place, Place::Other(place));
            },
        );
    }
}

/// A negative temperature, raw data, and an event of a kernel that is not written yet.
#[test]
fn an_event_nobody_knows_is_told_from_its_fields() {
    let fields = format!("{HEAD} u8 event_type; s16 device_temp; u8 data[4];");
    let print = "\"\", __print_symbolic(REC->event_type, { 3, \"Temperature Change\" })";
    let cases = [
        (0, EventClass::Info),
        (1, EventClass::Info),
        (2, EventClass::Uncorrected),
        (3, EventClass::Fatal),
    ];
    for (log, class) in cases {
        event(
            "cxl_new_thing",
            &fields,
            print,
            |f| {
                f.number("event_type", 3)
                    .number("log", log)
                    .number("device_temp", -10)
                    .block("data", &[1, 2, 3, 4])
            },
            |report| {
                assert_eq!(report.class, class);
                let about = "CXL new thing".to_owned();
                assert_eq!(report.what, What::Other(EventWhat::Other { about }));
                assert_eq!(report.message.to_string(), "Temperature Change");
                let detail = report.detail.to_string();
                assert!(detail.contains("device_temp=-10 data=01020304"), "{detail}");
            },
        );
    }
}
