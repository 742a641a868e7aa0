//! What a report costs from the page it lies in to its group. Only if `SCRUBJAY_MEASURE` is set, and
//! meant for an optimised build:
//!
//! ```text
//! SCRUBJAY_MEASURE=1 cargo test --release -p scrubjay-collector measure -- --nocapture
//! ```

use crate::trace::aggregate::Aggregator;
use crate::trace::decode::Decoder;
use crate::trace::format::Format;
use crate::trace::page::Lost;
use crate::trace::writer::{self, Fields, HEADER_EVENT, HEADER_PAGE, Pages};
use rustix::time::{ClockId, clock_gettime};
use std::hint::black_box;
use std::time::Duration;

const MC_EVENT: &str = "unsigned int error_type; __data_loc char[] msg; __data_loc char[] label; \
    u16 error_count; u8 mc_index; s8 top_layer; s8 middle_layer; s8 lower_layer; long address; \
    u8 grain_bits; long syndrome; __data_loc char[] driver_detail;";

const PAGES: u64 = 1000;
const ROUNDS: u64 = 20;

/// Pages full of errors of some DIMMs, on this many pages of memory.
fn pages(format: &Format, memory_pages: u64) -> Vec<Vec<u8>> {
    let page = |number: u64| {
        let start = number * 100_000;
        (0..24).fold(Pages::new(start, 8), |page, n| {
            let address = 0x1000 * ((number * 24 + n) % memory_pages) + 0x40;
            let record = Fields::of(format)
                .number("error_count", 1)
                .number("top_layer", i128::from(n % 4))
                .number("middle_layer", 1)
                .number("lower_layer", -1)
                .number("address", i128::from(address))
                .number("grain_bits", 6)
                .text("msg", "memory read error")
                .text("label", "CPU_SrcID#0_MC#0_Chan#1_DIMM#0")
                .text("driver_detail", "err_code:0x0101:0x0090")
                .done();
            page.record(start + n * 3000, &record)
        })
    };
    (0..PAGES).map(|number| page(number).page(Lost::None, 4096)).collect()
}

/// CPU time of this thread: what others do meanwhile does not count.
fn worked() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap()
}

#[test]
fn measure_what_a_report_costs() {
    if std::env::var_os("SCRUBJAY_MEASURE").is_none() {
        println!("skipped: SCRUBJAY_MEASURE asks for no measurement");
        return;
    }
    let text = writer::format("mc_event", 7, 8, MC_EVENT, "\"\"");
    let format = Format::parse(&text).unwrap();
    let formats = [("ras:mc_event".to_owned(), text)];
    let (decoder, undecodable) = Decoder::new(HEADER_PAGE, HEADER_EVENT, &formats, 4096);
    assert_eq!(undecodable, []);
    for memory_pages in [4, 1000, 100_000] {
        let pages = pages(&format, memory_pages);
        let mut found = Aggregator::new(12);
        let (mut reports, mut groups) = (0, 0);
        let began = worked();
        for _ in 0..ROUNDS {
            for page in &pages {
                reports += decoder.page(page, &mut |report| found.add(&report)).reports;
            }
            groups += found.drain().len();
        }
        let all = worked() - began;
        let began = worked();
        for _ in 0..ROUNDS {
            for page in &pages {
                decoder.page(page, &mut |report| drop(black_box(report)));
            }
        }
        let decoding = worked() - began;
        let each = |took: Duration| took.as_nanos() / u128::from(reports);
        assert_eq!(reports, PAGES * 24 * ROUNDS);
        println!(
            "{memory_pages} pages of memory: {} ns a report, {} of them for decoding; {} groups a drain",
            each(all),
            each(decoding),
            groups / usize::try_from(ROUNDS).unwrap(),
        );
    }
}
