//! Tests of `decode`: what is written by a kernel is what is reported.

mod cxl_events;
mod firmware_events;
mod kernels;
mod machine_checks;
mod mc_events;
mod pages;
mod real_kernels;

use super::*;
use crate::trace::report::{Place, Text, What};
use crate::trace::writer::{self, Fields, HEADER_EVENT, HEADER_PAGE, Pages};
use proptest::prelude::*;
use scrubjay_model::{EventClass, EventPlace, EventWhat, PageOutcome, Witness};

const PAGE_BYTES: u64 = 4096;

/// A decoder of these formats, all of which must be understood.
fn decoder(formats: &[(&str, &str)]) -> Decoder {
    let formats: Vec<(String, String)> =
        formats.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    let (decoder, undecodable) = Decoder::new(HEADER_PAGE, HEADER_EVENT, &formats, PAGE_BYTES);
    assert_eq!(undecodable, []);
    decoder
}

/// Has one record decoded, and checks its report.
fn reported(name: &str, format: &str, record: &[u8], check: impl FnOnce(Report<'_>)) {
    let page = Pages::new(1_000, 8).record(2_500, record).page(Lost::None, 4096);
    let mut check = Some(check);
    let told = decoder(&[(name, format)]).page(&page, &mut |report| {
        assert_eq!(report.since_boot_ns, 2_500);
        (check.take().expect("one report"))(report);
    });
    assert_eq!((told.records, told.reports, told.undecodable), (1, 1, 0), "{told:?}");
    assert!(check.is_none());
}
