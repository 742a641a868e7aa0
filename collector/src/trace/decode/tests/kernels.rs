//! The decoder as a whole: what it refuses, what it survives, what real kernels write.

use super::*;
use crate::trace::format::Format;

#[test]
fn what_is_not_understood_is_left_out_and_told() {
    let mc = mc_events::mc_format(1351, 8);
    let formats = [
        ("ras:mc_event", mc.clone()),
        ("ras:aer_event", mc.replace("mc_event", "aer_event")),
        ("ras:arm_event", "name: arm_event\nID: x\n".to_owned()),
        ("ras:extlog_mem_event", mc.clone()),
        ("cxl:cxl_dram", mc.replace("mc_event", "cxl_dram")),
        ("mce:mce_record", mc.replace("mc_event", "mce_record")),
    ];
    let formats: Vec<(String, String)> =
        formats.map(|(name, text)| (name.to_owned(), text)).to_vec();
    let (decoder, undecodable) = Decoder::new(HEADER_PAGE, HEADER_EVENT, &formats, PAGE_BYTES);
    assert_eq!(decoder.events().collect::<Vec<&str>>(), ["ras:mc_event"]);
    let told: Vec<String> =
        undecodable.iter().map(|told| format!("{}: {}", told.event, told.why)).collect();
    let expected = [
        "ras:aer_event: no event this program knows",
        "ras:arm_event: line 2: expected a number up to 65535, found \"x\"",
        "ras:extlog_mem_event: its format is that of `mc_event`",
        "cxl:cxl_dram: its format has no field `memdev`",
        "mce:mce_record: its format has no field `mcgcap`",
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_field_of_another_kind_is_not_taken_for_the_one_that_was_meant() {
    for (from, to, why) in [
        (
            "u16 error_count;",
            "u8 error_count[3];",
            "its field `error_count` (u8, 3 bytes) is not an integer",
        ),
        (
            "__data_loc char[] msg;",
            "u64 msg;",
            "its field `msg` (u64, 8 bytes) is not a text or an array",
        ),
    ] {
        let text = writer::format("mc_event", 1, 8, &mc_events::FIELDS.replace(from, to), "\"\"");
        let formats = [("ras:mc_event".to_owned(), text)];
        let (_, undecodable) = Decoder::new(HEADER_PAGE, HEADER_EVENT, &formats, PAGE_BYTES);
        assert_eq!(undecodable[0].why, why);
    }
}

#[test]
fn pages_of_an_unknown_layout_are_counted_as_undecodable() {
    let (decoder, undecodable) = Decoder::new("nonsense", HEADER_EVENT, &[], PAGE_BYTES);
    assert_eq!(undecodable[0].event, "header_page and header_event");
    let told = decoder.page(&[0; 4096], &mut |report| panic!("{report:?}"));
    assert_eq!((told.records, told.undecodable), (0, 1));
    assert_eq!(told.last_undecodable.as_deref(), Some("a page of an unknown layout"));
}

#[test]
fn a_broken_page_is_one_more_that_is_undecodable() {
    let mut page = Pages::new(1, 8).record(2, &[0; 8]).page(Lost::Exactly(9), 64);
    page.truncate(24);
    let told = decoder(&[]).page(&page, &mut |report| panic!("{report:?}"));
    assert_eq!((told.records, told.undecodable), (0, 1));
    let why = "a page that claims 12 bytes of data and has 8";
    assert_eq!(told.last_undecodable.as_deref(), Some(why));
}

/// Formats of all the events, so that whatever stands in a record is decoded as something.
fn everything() -> Vec<(&'static str, String)> {
    let mut all = vec![
        ("ras:mc_event", mc_events::mc_format(0, 8)),
        ("mce:mce_record", machine_checks::format(1)),
        ("ras:memory_failure_event", pages::format(2)),
    ];
    all.extend(firmware_events::formats(3));
    all.push(("cxl:cxl_dram", cxl_events::format(6)));
    all
}

proptest! {
    #[test]
    fn no_bytes_make_the_decoder_panic(
        records in proptest::collection::vec(
            (0_u16..8, proptest::collection::vec(any::<u8>(), 0..200)), 0..10
        ),
        small in any::<bool>(),
    ) {
        let all = everything();
        let formats: Vec<(&str, &str)> =
            all.iter().map(|(name, text)| (*name, text.as_str())).collect();
        let decoder = decoder(&formats);
        let mut page = Pages::new(1, 8);
        let count = records.len();
        for (id, bytes) in records {
            let mut record = id.to_ne_bytes().to_vec();
            // Small offsets point into the record, so that texts are found now and then.
            record.extend(bytes.iter().map(|byte| if small { byte & 0x3f } else { *byte }));
            page = page.record(1, &record);
        }
        let mut texts = 0;
        let told = decoder.page(&page.page(Lost::None, 4096), &mut |report| {
            texts += report.message.to_string().len() + report.detail.to_string().len();
            assert!(report.errors >= 1 && report.address != Some(0));
        });
        prop_assert_eq!(usize::try_from(told.records).unwrap(), count);
        prop_assert_eq!(told.reports + told.undecodable, told.records);
        prop_assert!(texts < 10 * 4096);
    }
}

/// Prints what a record costs as well; only an optimised build has figures that mean something.
#[test]
fn a_page_gives_the_same_however_often_it_is_read() {
    let text = mc_events::mc_format(1351, 8);
    let format = Format::parse(&text).unwrap();
    let record = mc_events::usual(&format).done();
    let mut page = Pages::new(1, 8);
    for at in 0..20 {
        page = page.record(at + 1, &record);
    }
    let page = page.page(Lost::None, 4096);
    let decoder = decoder(&[("ras:mc_event", &text)]);
    let mut errors = 0_u64;
    // The quickest of many short runs is that which nobody else disturbed.
    let runs = (0..50).map(|_| {
        let begun = std::time::Instant::now();
        for _ in 0..100 {
            decoder.page(&page, &mut |report| errors += u64::from(report.errors));
        }
        begun.elapsed().as_nanos() / (100 * 20)
    });
    let taken = runs.min().unwrap();
    assert_eq!(errors, 3 * 20 * 50 * 100);
    println!("{taken} ns for each mc_event");
}
