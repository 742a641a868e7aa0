//! Requests to take pages out of use, the errors that speak for them, and bursts before ends.

use super::support::{Host, append, directory, kill, start};
use crate::{Heard, History, HistoryReader, StorageError};
use scrubjay_model::{
    BootEnd, CorrectedPage, EventClass, EventGroup, EventPlace, EventWhat, Folded, PageAnswer,
    Place, SeriesPlace, Sighting, Sightings, Witness,
};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

/// A corrected error at an address, just now.
fn error(number: u64, address: u64, host: &Host) -> Sighting {
    Sighting {
        number,
        group: EventGroup {
            first: host.since_boot,
            last: host.since_boot,
            witness: Witness::McEvent,
            class: EventClass::Corrected,
            what: EventWhat::Memory,
            place: EventPlace::Address,
            address: Some(address),
            grain_bits: Some(6),
            syndrome: None,
            reports: 1,
            errors: 1,
            message: String::new(),
            detail: String::new(),
            folded: Folded::Nothing,
        },
        counter: Some((0, SeriesPlace::Dimm(Place::Dimm(1)))),
        same_as: None,
        counted: 1,
    }
}

fn hear(history: &mut History, host: &Host, sightings: Vec<Sighting>) {
    let sightings = Sightings { sightings, lost: 0, undecodable: 0 };
    let appended = history.append_heard(
        &host.snapshot(),
        Heard { sightings: &sightings, listening: true, how: None },
    );
    assert!(appended.error.is_none(), "{:?}", appended.error);
}

fn corrected(history: &History, host: &Host, days: u32) -> Vec<(u64, Vec<u64>)> {
    let found = history.corrected_pages(&host.at(), 4096, days).unwrap();
    found.into_iter().map(|page| (page.physical_address, page.by_day)).collect()
}

#[test]
fn errors_are_summed_by_page_and_each_counts_once() {
    let dir = directory();
    let host = Host::new();
    let mut history = start(dir.path(), &host.at());
    let seen = |number, address| error(number, address, &host);
    let mut of_another_witness = seen(2, 0x3000_0040);
    of_another_witness.counter = None;
    of_another_witness.same_as = Some(1);
    of_another_witness.counted = 0;
    let mut folded = seen(3, 0x3000_0040);
    folded.group.folded = Folded::Pages;
    let mut coarse = seen(4, 0x3000_0040);
    coarse.group.grain_bits = Some(13);
    let mut uncorrected = seen(5, 0x3000_0040);
    uncorrected.group.class = EventClass::Uncorrected;
    let mut of_a_cache = seen(6, 0x3000_0040);
    of_a_cache.group.what = EventWhat::Other { about: "cache".to_owned() };
    let mut unaddressed = seen(7, 0);
    unaddressed.group.address = None;
    let high = seen(8, 0x8000_0000_0000_0fff);
    let rest = [of_another_witness, folded, coarse, uncorrected, of_a_cache, unaddressed, high];
    let all = [seen(0, 0x3000_0000), seen(1, 0x3000_0fff)].into_iter().chain(rest).collect();
    hear(&mut history, &host, all);
    let found = history.corrected_pages(&host.at(), 4096, 1).unwrap();
    let page = |physical_address, errors| CorrectedPage {
        physical_address,
        by_day: vec![errors],
        dimm: Some("skylake-socket-0-imc-0/dimm1".to_owned()),
    };
    assert_eq!(found, [page(0x3000_0000, 2), page(0x8000_0000_0000_0000, 1)]);
    assert_eq!(history.corrected_pages(&host.at(), 0, 1).unwrap(), [], "no size, no pages");
    let large = history.corrected_pages(&host.at(), 1 << 16, 1).unwrap();
    assert_eq!(large.first().unwrap().by_day, [3], "13 bits are finer than 64 KiB");
}

#[test]
fn errors_are_told_by_day_and_pages_without_one_of_the_last_day_are_left_out() {
    let dir = directory();
    let mut host = Host::new();
    let mut history = start(dir.path(), &host.at());
    hear(&mut history, &host, vec![error(0, 0x3000_0000, &host), error(1, 0x4000_0000, &host)]);
    host.pass(2 * DAY);
    hear(&mut history, &host, vec![error(2, 0x3000_0000, &host), error(3, 0x3000_0000, &host)]);
    host.pass(HOUR);
    assert_eq!(corrected(&history, &host, 5), [(0x3000_0000, vec![2, 0, 1])]);
    assert_eq!(corrected(&history, &host, 1), [(0x3000_0000, vec![2])]);
    host.pass(DAY);
    assert_eq!(corrected(&history, &host, 5), []);
}

#[test]
fn a_page_that_was_asked_for_begins_anew() {
    let dir = directory();
    let mut host = Host::new();
    let mut history = start(dir.path(), &host.at());
    hear(&mut history, &host, vec![error(0, 0x3000_0000, &host)]);
    let request = history.begin_page_request(&host.at(), 0x3000_0000).unwrap();
    assert_eq!(corrected(&history, &host, 1), []);
    history.end_page_request(request, PageAnswer::Failed { errno: 16 }).unwrap();
    host.pass(HOUR);
    hear(&mut history, &host, vec![error(1, 0x3000_0000, &host)]);
    assert_eq!(corrected(&history, &host, 1), [(0x3000_0000, vec![1])]);
}

#[test]
fn requests_outlive_a_kill_also_when_nobody_wrote_down_the_answer() {
    let dir = directory();
    let mut host = Host::new();
    let mut history = start(dir.path(), &host.at());
    append(&mut history, &host);
    let answers = [
        Some(PageAnswer::Done),
        Some(PageAnswer::Failed { errno: 95 }),
        Some(PageAnswer::NotAsked),
        None,
    ];
    for (address, answer) in (1..).map(|n| n << 12).zip(answers) {
        let id = history.begin_page_request(&host.at(), address).unwrap();
        if let Some(answer) = answer {
            history.end_page_request(id, answer).unwrap();
        }
    }
    let dir = kill(history, dir.path());
    let all = HistoryReader::open(dir.path()).unwrap().unwrap().page_requests().unwrap();
    assert_eq!(all.iter().map(|request| request.answer).collect::<Vec<_>>(), answers);
    assert_eq!(all.first().map(|request| request.physical_address), Some(0x1000));

    host.reboot(2);
    let mut history = start(dir.path(), &host.at());
    let asked = history.page_requests(&host.at()).unwrap();
    assert_eq!((asked.last_day, asked.in_all, asked.this_boot.len()), (4, 4, 0));
    host.pass(DAY);
    history.begin_page_request(&host.at(), 0x9000).unwrap();
    let asked = history.page_requests(&host.at()).unwrap();
    assert_eq!((asked.last_day, asked.in_all), (1, 5));
    assert_eq!(asked.this_boot.into_iter().collect::<Vec<_>>(), [0x9000]);
}

#[test]
fn without_a_run_nothing_is_asked_for() {
    let dir = directory();
    let host = Host::new();
    let mut history = start(dir.path(), &host.at());
    history.end_run(&host.at()).unwrap();
    let refused = history.begin_page_request(&host.at(), 0x1000);
    assert!(matches!(refused, Err(StorageError::NoRun)));
}

/// The changes before unclean ends, of a boot with errors an hour and a minute before its end.
fn before_the_end(in_order: bool) -> (Vec<BootEnd>, Vec<u64>) {
    let dir = directory();
    let mut host = Host::new();
    let mut history = start(dir.path(), &host.at());
    append(&mut history, &host);
    for (wait, errors) in [(HOUR, 3), (HOUR, 20), (HOUR / 60, 25)] {
        host.pass(wait);
        host.dimm(0, 1).0 = errors;
        append(&mut history, &host);
    }
    let dir = if in_order {
        history.end_run(&host.at()).unwrap();
        drop(history);
        dir
    } else {
        kill(history, dir.path())
    };
    host.reboot(2);
    let history = start(dir.path(), &host.at());
    let (boots, records) = history.unclean_ends(HOUR / 4, DAY).unwrap();
    let reader = HistoryReader::open(dir.path()).unwrap().unwrap();
    assert_eq!(reader.unclean_ends(HOUR / 4, DAY).unwrap(), (boots.clone(), records.clone()));
    let of_the_dimm = records.iter().filter(|r| r.series.place != SeriesPlace::Total);
    (boots.iter().map(|boot| boot.end).collect(), of_the_dimm.map(|r| r.by).collect())
}

#[test]
fn changes_just_before_an_unclean_end_are_found_again() {
    assert_eq!(before_the_end(false), (vec![BootEnd::Unclean, BootEnd::Running], vec![17, 5]));
    assert_eq!(before_the_end(true), (vec![BootEnd::Clean, BootEnd::Running], vec![]));
}

#[test]
fn the_table_refuses_answers_that_are_none() {
    let dir = directory();
    let host = Host::new();
    let mut history = start(dir.path(), &host.at());
    append(&mut history, &host);
    let insert = |values: &str| {
        history.conn.execute_batch(&format!(
            "INSERT INTO page_request (run, wall_ms, address, answer, errno) VALUES (1, 1, {values})"
        ))
    };
    for fine in ["4096, 'failed', 16", "4096, 'done', NULL", "-4096, NULL, NULL"] {
        assert!(insert(fine).is_ok(), "{fine}");
    }
    for wrong in [
        "0, 'done', NULL",
        "4096, 'failed', NULL",
        "4096, 'done', 3",
        "4096, NULL, 3",
        "4096, 'odd', NULL",
    ] {
        assert!(insert(wrong).is_err(), "{wrong}");
    }
}
