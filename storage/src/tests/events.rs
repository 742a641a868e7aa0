//! Reports of errors: kept as they are, held against the counters, folded when there are too many.

use super::support::{Host, directory, kill, start};
use crate::{Appended, Heard, History, HistoryReader};
use scrubjay_model::{
    ErrorClass, EventClass, EventGroup, EventPath, EventPlace, EventWhat, EventsStatus, Folded,
    OfflineAsker, PageOutcome, Place, SeriesPlace, Sighting, Sightings, Witness,
};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
const DIMM: SeriesPlace = SeriesPlace::Dimm(Place::Dimm(1));

/// `errors` corrected errors of the second DIMM, on a page of their own.
pub(super) fn sighting(number: u64, errors: u64) -> Sighting {
    let layers = [Some(0), Some(1), None];
    Sighting {
        number,
        group: EventGroup {
            first: Duration::from_secs(90),
            last: Duration::from_millis(90_500),
            witness: Witness::McEvent,
            class: EventClass::Corrected,
            what: EventWhat::Memory,
            place: EventPlace::Edac { controller: 0, layers, label: "B2".to_owned() },
            address: Some(0x8000_0000_0000_0680 + (number << 12)),
            grain_bits: Some(6),
            syndrome: Some(0xab),
            reports: 1,
            errors,
            message: "memory read error".to_owned(),
            detail: format!("row {number}"),
            folded: Folded::Nothing,
        },
        counter: Some((0, DIMM)),
        same_as: None,
        counted: errors,
    }
}

fn hear(history: &mut History, host: &Host, sightings: Vec<Sighting>, lost: u64) -> Appended {
    let sightings = Sightings { sightings, lost, undecodable: 0 };
    let heard = Heard { sightings: &sightings, listening: true, how: None };
    let appended = history.append_heard(&host.snapshot(), heard);
    assert!(appended.error.is_none(), "{:?}", appended.error);
    appended
}

/// Errors of the second DIMM counted, reported, and counted while nobody listened.
fn reckoning(appended: &Appended) -> (u64, u64, u64) {
    let sums = &appended.accumulated;
    let total = sums.total(0, DIMM, ErrorClass::Correctable).unwrap().total;
    let key = |key: &&scrubjay_model::SeriesKey| {
        key.place == DIMM && key.class == ErrorClass::Correctable
    };
    let known = sums.witnessed.iter().find(|(k, _)| key(k)).map(|(_, known)| *known);
    known.map_or((total, 0, 0), |known| (total, known.errors, known.unheard))
}

#[test]
fn a_report_is_read_back_as_it_was() {
    let dir = directory();
    let host = Host::new();
    let mut history = start(dir.path(), &host.at());
    let page = Sighting {
        number: 1,
        group: EventGroup {
            witness: Witness::MemoryFailure,
            what: EventWhat::Page {
                page_type: "free buddy page".to_owned(),
                outcome: PageOutcome::Recovered,
            },
            place: EventPlace::Address,
            address: None,
            grain_bits: None,
            syndrome: None,
            ..sighting(1, 1).group
        },
        counter: None,
        same_as: Some(0),
        counted: 0,
    };
    let asked = Sighting {
        number: 2,
        group: EventGroup {
            witness: Witness::LogMemoryFailure,
            class: EventClass::Info,
            what: EventWhat::SoftOffline {
                asked_by: OfflineAsker::Collector,
                outcome: PageOutcome::Unknown,
            },
            ..page.group.clone()
        },
        same_as: None,
        ..page.clone()
    };
    hear(&mut history, &host, vec![sighting(0, 3), page.clone(), asked.clone()], 0);

    let reader = HistoryReader::open(dir.path()).unwrap().unwrap();
    let found = reader.events(0, None, 10).unwrap();
    assert_eq!(
        found.iter().map(|event| &event.group).collect::<Vec<_>>(),
        [&sighting(0, 3).group, &page.group, &asked.group]
    );
    assert_eq!(found[0].dimm.as_deref(), Some("skylake-socket-0-imc-0/dimm1"));
    assert_eq!(found[1].dimm, None);
    assert_eq!((found[0].counted, found[1].counted), (3, 0));
    assert_eq!(found[1].same_as, Some(found[0].id));
    assert_eq!(reader.page_reports().unwrap(), found[1..]);
    // The host has been up for 100 s.
    assert_eq!(found[0].first_wall_ms, host.wall_ms - 10_000);
    assert_eq!(reader.events(found[0].id, None, 10).unwrap().len(), 2);
    assert_eq!(reader.events(0, Some(host.wall_ms), 10).unwrap(), []);
}

#[test]
fn what_was_counted_before_the_agent_listened_is_no_loss_and_what_is_later_missing_is() {
    let dir = directory();
    let mut host = Host::new();
    host.dimm(0, 1).0 = 7;
    let mut history = start(dir.path(), &host.at());
    // Two of the seven waited in the kernel's buffer.
    assert_eq!(reckoning(&hear(&mut history, &host, vec![sighting(0, 2)], 0)), (7, 2, 5));
    host.pass(MINUTE);
    host.dimm(0, 1).0 = 17;
    let appended = hear(&mut history, &host, vec![sighting(1, 4)], 6);
    assert_eq!(reckoning(&appended), (17, 6, 5), "six are missed");
    let reader = HistoryReader::open(dir.path()).unwrap().unwrap();
    let losses = reader.losses(None).unwrap();
    assert_eq!(losses.iter().map(|loss| loss.lost).collect::<Vec<_>>(), [6]);
}

#[test]
fn numbers_go_on_over_runs_and_kills() {
    let dir = directory();
    let mut host = Host::new();
    let mut history = start(dir.path(), &host.at());
    host.dimm(0, 1).0 = 1;
    hear(&mut history, &host, vec![sighting(0, 1)], 0);
    let dir = kill(history, dir.path());
    host.pass(MINUTE);
    host.dimm(0, 1).0 = 3;
    let mut history = start(dir.path(), &host.at());
    let appended = hear(&mut history, &host, vec![sighting(0, 1)], 0);
    // The third error happened while no agent ran, and its report was lost with the agent.
    assert_eq!(reckoning(&appended), (3, 2, 1));
    let reader = HistoryReader::open(dir.path()).unwrap().unwrap();
    let ids: Vec<i64> = reader.events(0, None, 10).unwrap().iter().map(|e| e.id).collect();
    assert_eq!(ids, [1, 2]);
}

#[test]
fn a_storm_over_many_pages_is_folded_and_its_sums_stay_exact() {
    let dir = directory();
    let host = Host::new();
    let mut history = start(dir.path(), &host.at());
    let storm = (0..5_000).map(|n| sighting(n, n + 1)).collect();
    hear(&mut history, &host, storm, 0);
    let reader = HistoryReader::open(dir.path()).unwrap().unwrap();
    let found = reader.events(0, None, 10_000).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].group.folded, Folded::Pages);
    assert_eq!(found[0].group.reports, 5_000);
    assert_eq!((found[0].group.errors, found[0].counted), (12_502_500, 12_502_500));
}

#[test]
fn without_listening_nothing_is_missed() {
    let dir = directory();
    let mut host = Host::new();
    let mut history = start(dir.path(), &host.at());
    history.append(&host.snapshot());
    host.pass(MINUTE);
    host.dimm(0, 1).0 = 9;
    assert_eq!(reckoning(&history.append(&host.snapshot())), (9, 0, 9));
}

/// Size of a history that heard of 1,000 groups in each of some passes, in bytes.
fn size_after(passes: u64, detail: impl Fn(u64) -> String) -> u64 {
    let dir = directory();
    let mut host = Host::new();
    let mut history = start(dir.path(), &host.at());
    for pass in 0..passes {
        host.pass(MINUTE);
        let sightings = (pass * 1_000..pass * 1_000 + 1_000).map(|number| {
            let usual = sighting(number, 1);
            Sighting { group: EventGroup { detail: detail(number), ..usual.group }, ..usual }
        });
        hear(&mut history, &host, sightings.collect(), 0);
    }
    history.end_run(&host.at()).unwrap();
    // The last to close it writes the log into the file.
    drop(history);
    std::fs::metadata(dir.path().join("history.db")).unwrap().len()
}

/// The budget in docs/design/storage.md.
#[test]
fn a_group_of_reports_takes_few_bytes_and_what_many_share_is_kept_once() {
    let empty = size_after(0, |_| String::new());
    let alike = size_after(2, |_| "err_code:0x0101:0x0090".to_owned()) - empty;
    let different = size_after(2, |number| format!("err_code:0x0101:0x0090 row 0x{number:x}"));
    assert!(empty <= 320 << 10, "{empty} bytes");
    assert!(alike <= 2_000 * 125, "{alike} bytes");
    assert!(different - empty <= 2_000 * 220, "{} bytes", different - empty);
}

#[test]
fn what_was_reported_ahead_of_its_counter_was_not_missed_by_an_agent_that_was_killed() {
    let dir = directory();
    let mut host = Host::new();
    let mut history = start(dir.path(), &host.at());
    hear(&mut history, &host, vec![], 0);
    // Taken in between two passes, the second of which never comes.
    let sightings = Sightings { sightings: vec![sighting(0, 3)], lost: 0, undecodable: 0 };
    history.hear(&host.at(), Heard { sightings: &sightings, listening: true, how: None }).unwrap();
    let left = kill(history, dir.path());
    host.pass(MINUTE);
    host.dimm(0, 1).0 = 10;
    let mut history = start(left.path(), &host.at());
    assert_eq!(reckoning(&hear(&mut history, &host, vec![sighting(0, 2)], 0)), (10, 5, 5));
}

#[test]
fn a_storm_that_lasts_is_kept_page_by_page_once_a_minute_only() {
    let dir = directory();
    let mut host = Host::new();
    let mut history = start(dir.path(), &host.at());
    let rows =
        || HistoryReader::open(dir.path()).unwrap().unwrap().events(0, None, 10_000).unwrap();
    for second in 0..20 {
        let storm = (0..800).map(|n| sighting(second * 800 + n, 1)).collect();
        hear(&mut history, &host, storm, 0);
        host.pass(Duration::from_secs(1));
    }
    let kept = rows();
    assert_eq!(kept.len(), 800 + 19);
    assert_eq!(kept.iter().map(|record| record.group.reports).sum::<u64>(), 16_000);
    host.pass(MINUTE);
    hear(&mut history, &host, (0..800).map(|n| sighting(16_000 + n, 1)).collect(), 0);
    assert_eq!(rows().len(), 800 + 19 + 800);
}

#[test]
fn a_reader_knows_how_an_agent_that_runs_hears_of_errors() {
    let dir = directory();
    let mut host = Host::new();
    let mut history = start(dir.path(), &host.at());
    let reader = HistoryReader::open(dir.path()).unwrap().unwrap();
    let none = Sightings { sightings: Vec::new(), lost: 0, undecodable: 0 };
    let pass = |history: &mut History, host: &Host, how: Option<&EventsStatus>| {
        let heard = Heard { sightings: &none, listening: true, how };
        assert!(history.append_heard(&host.snapshot(), heard).error.is_none());
    };
    pass(&mut history, &host, None);
    assert_eq!(reader.hearing(&host.at()).unwrap(), None, "it did not say");

    let mut status = EventsStatus {
        path: EventPath::Trace,
        listening: vec!["mce:mce_record".to_owned()],
        ..EventsStatus::counters_only("")
    };
    for reports in [0, 7] {
        host.pass(MINUTE);
        status.reports = reports;
        pass(&mut history, &host, Some(&status));
    }
    let told = reader.hearing(&host.at()).unwrap().unwrap();
    assert_eq!(told, EventsStatus { reports: 0, ..status.clone() });
    // A reading does not take it back, and neither does another run that says nothing.
    host.pass(MINUTE);
    pass(&mut history, &host, None);
    assert_eq!(reader.hearing(&host.at()).unwrap(), Some(told.clone()));

    // One that was killed is held for one that runs for as long as one may be silent.
    let copy = kill(history, dir.path());
    let reader = HistoryReader::open(copy.path()).unwrap().unwrap();
    host.pass(10 * MINUTE);
    assert_eq!(reader.hearing(&host.at()).unwrap(), Some(told));
    host.pass(10 * MINUTE);
    assert_eq!(reader.hearing(&host.at()).unwrap(), None);

    let mut history = History::open(copy.path(), &host.at()).unwrap();
    history.begin_run(&host.at(), "1", MINUTE).unwrap();
    pass(&mut history, &host, Some(&status));
    assert!(reader.hearing(&host.at()).unwrap().is_some());
    history.end_run(&host.at()).unwrap();
    assert_eq!(reader.hearing(&host.at()).unwrap(), None, "it was stopped");
    host.reboot(2);
    assert_eq!(reader.hearing(&host.at()).unwrap(), None);
}
