//! Tests of `page`: what a kernel writes is what is read, and nothing else is.

use super::*;
use crate::trace::writer::{HEADER_EVENT, HEADER_PAGE, Pages, layout};
use proptest::prelude::*;

/// Times and bytes.
type Records = Vec<(u64, Vec<u8>)>;

/// All that a page gives: what is lost, the records, and what is wrong.
fn read(layout: &Layout, page: &[u8]) -> (Lost, Records, Option<PageError>) {
    let page = match Page::open(layout, page) {
        Ok(page) => page,
        Err(error) => return (Lost::None, Vec::new(), Some(error)),
    };
    let lost = page.lost();
    let mut records = Vec::new();
    let mut wrong = None;
    for record in page {
        assert_eq!(wrong, None, "an error is the last thing told");
        match record {
            Ok(record) => records.push((record.at_ns, record.bytes.to_vec())),
            Err(error) => wrong = Some(error),
        }
    }
    (lost, records, wrong)
}

fn layout_of(long: usize) -> Layout {
    let page = HEADER_PAGE.replace("size:8;\tsigned:1", &format!("size:{long};\tsigned:1"));
    Layout::parse(&page.replace("offset:16", &format!("offset:{}", 8 + long)), HEADER_EVENT)
        .unwrap()
}

#[derive(Debug, Clone)]
enum Step {
    Record(u64, Vec<u8>),
    Discarded(u64, usize),
    Absolute(u64),
}

fn step() -> impl Strategy<Value = Step> {
    // Some are more than 27 bits apart, and need a record for the time alone.
    let apart = prop_oneof![0_u64..1_000, 0_u64..1 << 40];
    let length = prop_oneof![0_usize..40, 108_usize..200];
    let bytes = length
        .prop_flat_map(|length| proptest::collection::vec(any::<u8>(), length.next_multiple_of(4)));
    prop_oneof![
        4 => (apart.clone(), bytes).prop_map(|(apart, bytes)| Step::Record(apart, bytes)),
        1 => (apart.clone(), 0_usize..10).prop_map(|(apart, n)| Step::Discarded(apart, n * 4)),
        1 => apart.prop_map(Step::Absolute),
    ]
}

fn lost() -> impl Strategy<Value = Lost> {
    let some = (1_u64..1 << 31).prop_map(Lost::Exactly);
    prop_oneof![Just(Lost::None), Just(Lost::AtLeastSome), some]
}

/// A page of these steps and the records it must give.
fn written(start: u64, long: usize, steps: &[Step], lost: Lost, size: usize) -> (Vec<u8>, Records) {
    let mut page = Pages::new(start, long);
    let mut records = Vec::new();
    let mut now = start;
    for step in steps {
        match step {
            Step::Record(apart, bytes) => {
                now += apart;
                page = page.record(now, bytes);
                records.push((now, bytes.clone()));
            }
            Step::Discarded(apart, length) => {
                page = page.discarded(now + apart, *length);
                // One without any time between is given one, as 0 has a meaning of its own.
                now += if apart & 0x7ff_ffff == 0 || apart >> 27 != 0 { apart + 1 } else { *apart };
            }
            Step::Absolute(apart) => {
                now += apart;
                page = page.absolute(now);
            }
        }
    }
    (page.page(lost, size), records)
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        start in 0_u64..1 << 50,
        steps in proptest::collection::vec(step(), 0..15),
        lost in lost(),
        long in prop_oneof![Just(4_usize), Just(8)],
        size in prop_oneof![Just(4096_usize), Just(16384), Just(65536)],
    ) {
        let (page, records) = written(start, long, &steps, lost, size);
        prop_assert_eq!(read(&layout_of(long), &page), (lost, records, None));
    }

    #[test]
    fn a_page_cut_short_gives_its_first_records_and_says_so(
        steps in proptest::collection::vec(step(), 1..8),
        lost in lost(),
        keep in 0.0..1.0_f64,
    ) {
        let (page, records) = written(77, 8, &steps, lost, 4096);
        let commit = u64::from_ne_bytes(page[8..16].try_into().unwrap());
        let data = usize::try_from(commit & 0x3fff_ffff).unwrap();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss,
            clippy::cast_precision_loss, reason = "a part of 4096")]
        let length = ((16 + data) as f64 * keep) as usize;
        let (_, read, wrong) = read(&layout(), &page[..length]);
        prop_assert!(wrong.is_some());
        prop_assert_eq!(&records[..read.len()], &read[..]);
    }

    #[test]
    fn no_bytes_make_it_panic_or_run_for_ever(
        bytes in proptest::collection::vec(any::<u8>(), 0..600),
        length in 0_u64..600,
        header in any::<bool>(),
        long in prop_oneof![Just(4_usize), Just(8)],
    ) {
        let mut bytes = bytes;
        // A length that is within reason lets the records be looked at.
        if header && bytes.len() >= 16 {
            bytes[..8].copy_from_slice(&5_u64.to_ne_bytes());
            bytes[8..16].copy_from_slice(&length.to_ne_bytes());
        }
        let (_, records, _) = read(&layout_of(long), &bytes);
        prop_assert!(records.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() <= bytes.len());
    }

    #[test]
    fn a_disturbed_page_never_panics(
        steps in proptest::collection::vec(step(), 1..8),
        at in 8_usize..200,
        bit in 0_u32..8,
    ) {
        let (mut page, _) = written(77, 8, &steps, Lost::None, 4096);
        page[at] ^= 1 << bit;
        let _ = read(&layout(), &page);
    }
}

#[test]
fn loss_is_what_the_header_of_the_page_says() {
    let page = |lost| Pages::new(1, 8).record(2, &[1, 2, 3, 4]).page(lost, 4096);
    for lost in [Lost::None, Lost::AtLeastSome, Lost::Exactly(188_672)] {
        assert_eq!(read(&layout(), &page(lost)), (lost, vec![(2, vec![1, 2, 3, 4])], None));
    }
    // -1 is the kernel's word for a number it does not know, and 0 cannot be meant.
    for odd in [u64::MAX, 0] {
        assert_eq!(read(&layout(), &page(Lost::Exactly(odd))).0, Lost::AtLeastSome);
    }
    // Bit 30 promises a number for which there is no room.
    let mut full = page(Lost::Exactly(5));
    full.truncate(16 + 8);
    assert_eq!(read(&layout(), &full).0, Lost::AtLeastSome);
}

#[test]
fn what_follows_the_data_is_no_record() {
    let mut page = Pages::new(1, 8).record(2, &[1, 2, 3, 4]).page(Lost::None, 4096);
    page[24..].fill(0x21);
    assert_eq!(read(&layout(), &page).1.len(), 1);
}

#[test]
fn padding_without_a_time_ends_the_page() {
    let whole = Pages::new(1, 8).record(2, &[1, 2, 3, 4]).record(3, &[5, 6, 7, 8]);
    let mut page = whole.page(Lost::None, 4096);
    let padding: u32 = if cfg!(target_endian = "big") { 29 << 27 } else { 29 };
    page[24..28].copy_from_slice(&padding.to_ne_bytes());
    assert_eq!(read(&layout(), &page), (Lost::None, vec![(2, vec![1, 2, 3, 4])], None));
}

#[test]
fn garbage_after_good_records_costs_only_itself() {
    let whole = Pages::new(1, 8).record(2, &[1, 2, 3, 4]).record(3, &[0; 160]);
    let mut page = whole.page(Lost::None, 4096);
    // A record with a length word of nothing would never be left behind.
    page[28..32].copy_from_slice(&0_u32.to_ne_bytes());
    let (_, records, wrong) = read(&layout(), &page);
    assert_eq!(records, [(2, vec![1, 2, 3, 4])]);
    assert_eq!(wrong, Some(PageError::Record { at: 8 }));
    let told = wrong.unwrap().to_string();
    assert_eq!(told, "no whole record at byte 8 of a page's data");
}

#[test]
fn the_upper_bits_of_an_absolute_time_are_those_of_the_page() {
    let start = (3 << 59) | 5_u64;
    let page = Pages::new(start, 8).absolute(start + 1).record(start + 9, &[0; 4]);
    assert_eq!(read(&layout(), &page.page(Lost::None, 4096)).1, [(start + 9, vec![0; 4])]);
}

#[test]
fn headers_of_another_form_are_refused_with_the_line() {
    let told = |page: &str, event: &str| Layout::parse(page, event).unwrap_err().to_string();
    let page = HEADER_PAGE.replace("commit", "committed");
    assert_eq!(
        told(&page, HEADER_EVENT),
        "line 4: expected a field `commit` of 4 or 8 bytes, found \"\""
    );
    let page = HEADER_PAGE.replace("offset:8;\tsize:8", "offset:8;\tsize:x");
    assert_eq!(
        told(&page, HEADER_EVENT),
        "line 2: expected `size:` and a number, found \"field: local_t commit;\\toffset:8;\\tsize:x;\\tsigned:1;\""
    );
    for (from, to) in [("27 bits", "26 bits"), ("padding", "filling"), ("32 bits", "64 bits")] {
        told(HEADER_PAGE, &HEADER_EVENT.replace(from, to));
    }
    told("", "");
}
