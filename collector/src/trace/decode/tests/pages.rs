//! `memory_failure_event`.

use super::*;
use crate::trace::format::Format;

const FIELDS: &str = "unsigned long pfn; int type; int result;";
const RESULTS: &str =
    "{ 0, \"Ignored\" }, { 1, \"Failed\" }, { 2, \"Delayed\" }, { 3, \"Recovered\" }";

pub(super) fn format(id: u16) -> String {
    text("{ 16, \"free buddy page\" }").replace("1347", &id.to_string())
}

fn text(types: &str) -> String {
    let print = format!(
        "\"pfn %#lx: recovery action for %s: %s\", REC->pfn, \
         __print_symbolic(REC->type, {types}), __print_symbolic(REC->result, {RESULTS})"
    );
    writer::format("memory_failure_event", 1347, 8, FIELDS, &print)
}

fn told(event: &str, types: &str, pfn: u64, kind: i128, result: i128) -> (Option<u64>, EventWhat) {
    let text = text(types);
    let format = Format::parse(&text).unwrap();
    let record = Fields::of(&format)
        .number("pfn", pfn.into())
        .number("type", kind)
        .number("result", result)
        .done();
    let mut told = None;
    reported(event, &text, &record, |report| {
        assert_eq!(report.witness, Witness::MemoryFailure);
        assert_eq!((report.class, report.errors), (EventClass::Uncorrected, 1));
        assert_eq!(report.place, Place::Other(EventPlace::Address));
        assert_eq!(report.grain_bits, Some(12));
        let What::Other(what) = report.what else { panic!("a page is no memory error") };
        told = Some((report.address, what));
    });
    told.unwrap()
}

fn page(page_type: &str, outcome: PageOutcome) -> EventWhat {
    EventWhat::Page { page_type: page_type.to_owned(), outcome }
}

#[test]
fn it_is_found_in_both_groups() {
    let types = "{ 16, \"free buddy page\" }";
    for event in ["ras:memory_failure_event", "memory_failure:memory_failure_event"] {
        let expected = (Some(0x3100_1000), page("free buddy page", PageOutcome::Recovered));
        assert_eq!(told(event, types, 0x31001, 16, 3), expected);
        assert!(WANTED.contains(&event));
    }
}

/// 19 is one thing in Linux 6.1 and another in 6.12.
#[test]
fn kinds_of_page_have_the_names_of_this_kernel() {
    let event = "ras:memory_failure_event";
    let six_one = "{ 18, \"unsplit thp\" }, { 19, \"unknown page\" }";
    let six_twelve = "{ 19, \"already poisoned\" }, { 20, \"unknown page\" }";
    assert_eq!(told(event, six_one, 1, 19, 0).1, page("unknown page", PageOutcome::Ignored));
    assert_eq!(told(event, six_twelve, 1, 19, 1).1, page("already poisoned", PageOutcome::Failed));
    assert_eq!(told(event, six_twelve, 1, 20, 2).1, page("unknown page", PageOutcome::Delayed));
    assert_eq!(told(event, six_twelve, 1, 21, 4).1, page("type 21", PageOutcome::Unknown));
}

#[test]
fn a_page_that_is_none_has_no_address() {
    let event = "ras:memory_failure_event";
    let types = "{ 16, \"free buddy page\" }";
    assert_eq!(told(event, types, 0, 16, 3).0, None);
    assert_eq!(told(event, types, u64::MAX, 16, 3).0, None);
}
