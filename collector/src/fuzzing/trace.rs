//! The kernel's own description of trace events, and pages of its buffer.

use super::halves;
use crate::trace::decode::Decoder;
use std::sync::OnceLock;

const HEADER_PAGE: &str = include_str!("../../../tests/fixtures/trace/6.12/formats/header_page");
const HEADER_EVENT: &str = include_str!("../../../tests/fixtures/trace/6.12/formats/header_event");

/// Events with their formats.
fn formats() -> Vec<(String, String)> {
    [
        (
            "ras:mc_event",
            include_str!("../../../tests/fixtures/trace/6.12/formats/mc_event.format"),
        ),
        (
            "mce:mce_record",
            include_str!("../../../tests/fixtures/trace/6.12/formats/mce_record.format"),
        ),
        (
            "ras:memory_failure_event",
            include_str!("../../../tests/fixtures/trace/6.12/formats/memory_failure_event.format"),
        ),
        (
            "ras:arm_event",
            include_str!("../../../tests/fixtures/trace/6.12/formats/arm_event.format"),
        ),
        (
            "ras:non_standard_event",
            include_str!("../../../tests/fixtures/trace/6.12/formats/non_standard_event.format"),
        ),
        (
            "ras:extlog_mem_event",
            include_str!("../../../tests/fixtures/trace/6.12/formats/extlog_mem_event.format"),
        ),
        (
            "cxl:cxl_dram",
            include_str!("../../../tests/fixtures/trace/6.12/formats/cxl_dram.format"),
        ),
    ]
    .map(|(name, format)| (name.to_owned(), format.to_owned()))
    .to_vec()
}

fn decode(decoder: &Decoder, page: &[u8]) {
    let told = decoder.page(page, &mut |report| {
        // Texts are made only when asked for.
        let _ = (report.message.to_string(), report.detail.to_string());
    });
    assert!(told.reports <= told.records);
}

/// A page of the trace buffer.
pub fn trace_page(page: &[u8]) {
    static DECODER: OnceLock<Decoder> = OnceLock::new();
    let decoder = DECODER.get_or_init(|| {
        let (decoder, undecodable) = Decoder::new(HEADER_PAGE, HEADER_EVENT, &formats(), 4096);
        assert!(undecodable.is_empty());
        decoder
    });
    decode(decoder, page);
}

/// A format up to the first NUL, then a page decoded by it.
pub fn trace_format(bytes: &[u8]) {
    let (text, page) = halves(bytes);
    let formats = [("ras:mc_event".to_owned(), String::from_utf8_lossy(text).into_owned())];
    let (decoder, _) = Decoder::new(HEADER_PAGE, HEADER_EVENT, &formats, 4096);
    decode(&decoder, page);
}
