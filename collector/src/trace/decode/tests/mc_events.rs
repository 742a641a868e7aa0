//! `ras:mc_event`.

use super::*;
use crate::trace::format::Format;

/// As in 6.1 and 6.12; a 32-bit kernel has a shorter `long`.
pub(super) const FIELDS: &str = "unsigned int error_type; __data_loc char[] msg; \
    __data_loc char[] label; u16 error_count; u8 mc_index; s8 top_layer; s8 middle_layer; \
    s8 lower_layer; long address; u8 grain_bits; long syndrome; __data_loc char[] driver_detail;";

pub(super) fn mc_format(id: u16, long: usize) -> String {
    writer::format("mc_event", id, long, FIELDS, "\"%d %s\", REC->error_count, __get_str(msg)")
}

pub(super) fn usual(format: &Format) -> Fields<'_> {
    Fields::of(format)
        .number("error_type", 0)
        .number("error_count", 3)
        .number("mc_index", 1)
        .number("top_layer", 0)
        .number("middle_layer", 2)
        .number("lower_layer", -1)
        .number("address", 0x1234_5680)
        .number("grain_bits", 5)
        .number("syndrome", 0xab)
        .text("msg", "memory read error")
        .text("label", "CPU_SrcID#0_Ha#0_Chan#0_DIMM#1")
        .text("driver_detail", "err_code:0x0101:0x0090")
}

fn checked(change: impl FnOnce(Fields<'_>) -> Fields<'_>, check: impl FnOnce(Report<'_>)) {
    let text = mc_format(1351, 8);
    let format = Format::parse(&text).unwrap();
    reported("ras:mc_event", &text, &change(usual(&format)).done(), check);
}

#[test]
fn a_report_says_what_the_driver_said() {
    checked(
        |fields| fields,
        |report| {
            let expected = Report {
                since_boot_ns: 2_500,
                witness: Witness::McEvent,
                class: EventClass::Corrected,
                errors: 3,
                place: Place::Edac {
                    controller: 1,
                    layers: [0, 2, -1],
                    label: b"CPU_SrcID#0_Ha#0_Chan#0_DIMM#1",
                },
                what: What::Memory,
                address: Some(0x1234_5680),
                grain_bits: Some(5),
                syndrome: Some(0xab),
                message: Text::Bytes(b"memory read error"),
                detail: Text::Bytes(b"err_code:0x0101:0x0090"),
            };
            assert_eq!(report, expected);
        },
    );
}

/// The counters of the EDAC core know two classes only.
#[test]
fn deferred_fatal_and_informational_are_told_from_uncorrected() {
    let classes = [
        (0, EventClass::Corrected),
        (1, EventClass::Uncorrected),
        (2, EventClass::Deferred),
        (3, EventClass::Fatal),
        (4, EventClass::Info),
        (77, EventClass::Info),
    ];
    for (error_type, class) in classes {
        checked(
            |fields| fields.number("error_type", error_type),
            |report| assert_eq!(report.class, class),
        );
    }
}

#[test]
fn a_count_of_zero_is_one_error_and_the_largest_is_told() {
    for (count, errors) in [(0, 1), (1, 1), (65_535, 65_535)] {
        checked(
            |fields| fields.number("error_count", count),
            |report| assert_eq!(report.errors, errors),
        );
    }
}

#[test]
fn address_zero_is_not_known() {
    checked(
        |fields| fields.number("address", 0).number("syndrome", 0),
        |report| assert_eq!((report.address, report.syndrome), (None, None)),
    );
    checked(
        |fields| fields.number("address", -4096).number("grain_bits", 255),
        |report| {
            assert_eq!(report.address, Some(0xffff_ffff_ffff_f000));
            assert_eq!(report.grain_bits, None);
        },
    );
}

/// The layout of a record does not depend on the order, the place or the width of its fields.
#[test]
fn kernels_with_different_layouts_decode_alike() {
    let rearranged = "u8 grain_bits; __rel_loc char[] driver_detail; u64 new_field; u8 mc_index; \
        long syndrome; s8 top_layer; s8 middle_layer; s8 lower_layer; u32 error_count; \
        __rel_loc char[] label; u64 address; __data_loc char[] msg; unsigned int error_type;";
    let kernels = [
        (mc_format(1227, 8), 8),
        (mc_format(1351, 8), 8),
        (mc_format(12, 4), 4),
        (writer::format("mc_event", 65_535, 8, rearranged, "\"\""), 8),
    ];
    let mut seen = Vec::new();
    for (text, long) in kernels {
        let format = Format::parse(&text).unwrap();
        let record = usual(&format).done();
        let header_page = if long == 8 {
            HEADER_PAGE.to_owned()
        } else {
            HEADER_PAGE
                .replace("commit;\toffset:8;\tsize:8", "commit;\toffset:8;\tsize:4")
                .replace("data;\toffset:16", "data;\toffset:12")
        };
        let formats = [("ras:mc_event".to_owned(), text)];
        let (decoder, undecodable) = Decoder::new(&header_page, HEADER_EVENT, &formats, PAGE_BYTES);
        assert_eq!(undecodable, []);
        let page = Pages::new(1_000, long).record(2_500, &record).page(Lost::Exactly(7), 4096);
        let told = decoder.page(&page, &mut |report| seen.push(format!("{report:?}")));
        assert_eq!((told.reports, told.undecodable, told.lost), (1, 0, Lost::Exactly(7)));
    }
    assert_eq!(seen.len(), 4);
    assert!(seen.iter().all(|report| *report == seen[0]), "{seen:#?}");
    assert!(seen[0].contains("layers: [0, 2, -1]"), "{}", seen[0]);
}

#[test]
fn a_record_that_ends_too_early_is_undecodable_and_says_where() {
    let text = mc_format(1351, 8);
    let format = Format::parse(&text).unwrap();
    let whole = usual(&format).done();
    let decoder = decoder(&[("ras:mc_event", &text)]);
    // Padding behind the last text is no part of the record.
    for length in (0..whole.len() - 4).step_by(4) {
        let page = Pages::new(0, 8).record(1, &whole[..length]).page(Lost::None, 4096);
        let told = decoder.page(&page, &mut |report| panic!("{length} bytes gave {report:?}"));
        assert_eq!((told.records, told.undecodable), (1, 1), "{length}");
        assert!(told.last_undecodable.unwrap().contains("the record has no whole `"));
    }
}

#[test]
fn an_event_that_nobody_asked_for_is_counted_and_the_others_are_read() {
    let text = mc_format(1351, 8);
    let format = Format::parse(&text).unwrap();
    let record = usual(&format).done();
    let foreign = usual(&format).number("common_type", 99).done();
    let page = Pages::new(0, 8)
        .record(1, &record)
        .record(2, &foreign)
        .record(3, &record)
        .page(Lost::AtLeastSome, 4096);
    let mut at = Vec::new();
    let told = decoder(&[("ras:mc_event", &text)]).page(&page, &mut |r| at.push(r.since_boot_ns));
    assert_eq!(at, [1, 3]);
    let why = "a record: event 99 is none that was asked for".to_owned();
    let expected = PageReport {
        records: 3,
        reports: 2,
        lost: Lost::AtLeastSome,
        undecodable: 1,
        last_undecodable: Some(why),
    };
    assert_eq!(told, expected);
}

proptest! {
    #[test]
    fn whatever_is_written_is_reported(
        numbers in (0_u16.., 0_u8.., any::<[i8; 3]>(), 0_u64.., 0_u8..64, 0_u64..),
        texts in ("[ -~]{0,40}", "[ -~]{0,40}", "[ -~]{0,200}"),
        error_type in 0_u32..6,
    ) {
        let (count, controller, layers, address, grain, syndrome) = numbers;
        let (msg, label, detail) = texts;
        checked(
            |fields| {
                fields
                    .number("error_type", error_type.into())
                    .number("error_count", count.into())
                    .number("mc_index", controller.into())
                    .number("top_layer", layers[0].into())
                    .number("middle_layer", layers[1].into())
                    .number("lower_layer", layers[2].into())
                    .number("address", address.into())
                    .number("grain_bits", grain.into())
                    .number("syndrome", syndrome.into())
                    .text("msg", &msg)
                    .text("label", &label)
                    .text("driver_detail", &detail)
            },
            |report| {
                assert_eq!(report.errors, u32::from(count).max(1));
                let place = Place::Edac { controller, layers, label: label.as_bytes() };
                assert_eq!(report.place, place);
                assert_eq!(report.address.unwrap_or(0), address);
                assert_eq!(report.syndrome.unwrap_or(0), syndrome);
                assert_eq!(report.grain_bits, Some(grain));
                assert_eq!(report.message.to_string(), msg);
                assert_eq!(report.detail.to_string(), detail);
            },
        );
    }
}
