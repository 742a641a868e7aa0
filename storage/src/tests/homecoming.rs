//! What comes home beside the sums of counters: reports, conclusions that wait, and boots of which the
//! file that takes the place of another knows nothing.

#![expect(clippy::disallowed_methods, reason = "takes away and damages files of the test itself")]

use super::events::sighting;
use super::exposures::{debt, debt_free, pass as conclude};
use super::support::{Host, append, correctable, directory, start};
use crate::{Heard, History, HistoryReader, files, load};
use scrubjay_model::{EventClass, EventGroup, ReportTotal, Sighting, Sightings, Witness};
use std::fs;
use std::path::Path;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

/// A report that the kernel's log holds, heard so long after the boot.
fn logged(number: u64, seconds: u64) -> Sighting {
    let usual = sighting(number, 1);
    let at = Duration::from_secs(seconds);
    let group =
        EventGroup { witness: Witness::LogGhes, first: at, last: at, ..usual.group.clone() };
    Sighting { group, ..usual }
}

fn hear(history: &mut History, host: &Host, sightings: Vec<Sighting>) -> bool {
    let sightings = Sightings { sightings, lost: 0, undecodable: 0 };
    let heard = Heard { sightings: &sightings, listening: true, how: None };
    history.append_heard(&host.snapshot(), heard).error.is_none()
}

/// All pages but the first become garbage under the agent's hands.
fn ruin(history: &History, dir: &Path) {
    let path = files::database_path(dir);
    history.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[4_096..].fill(0x5a);
    fs::write(&path, &bytes).unwrap();
    history.conn.execute_batch("PRAGMA cache_size = 0; PRAGMA shrink_memory").unwrap();
}

/// As the file has it: how many reports of a witness.
fn total(history: &History, witness: Witness) -> ReportTotal {
    let totals = load::state(&history.conn).unwrap().reports.totals;
    totals.get(&(witness, EventClass::Corrected)).copied().unwrap_or_default()
}

#[test]
fn the_log_that_was_read_again_in_memory_is_not_taken_in_twice() {
    let parent = directory();
    let dir = parent.path().join("mount/state");
    let mut host = Host::new();
    let mut history = start(&dir, &host.at());
    assert!(hear(&mut history, &host, vec![logged(0, 90)]));
    history.end_run(&host.at()).unwrap();
    drop(history);

    super::away::bar(&dir);
    host.pass(MINUTE);
    let mut history = History::open_or_remember(&dir, &host.at()).unwrap();
    assert!(history.begin_run(&host.at(), "2", MINUTE).is_err());
    // The file cannot be asked how far the log was read: all of it comes again, and one that is new.
    assert_eq!(history.log_reports_until(&host.at()), None);
    assert!(!hear(&mut history, &host, vec![logged(0, 90), logged(1, 150)]));
    super::away::unbar(&dir);
    host.pass(MINUTE);
    append(&mut history, &host);
    assert!(!history.is_away());
    assert_eq!(total(&history, Witness::LogGhes).reports, 2);
    history.end_run(&host.at()).unwrap();
    let reader = HistoryReader::open(&dir).unwrap().unwrap();
    let heard: Vec<Duration> =
        reader.events(0, None, 100).unwrap().iter().map(|event| event.group.first).collect();
    assert_eq!(heard.len(), 2, "{heard:?}");
}

#[test]
fn reports_that_the_ruined_file_had_and_those_that_wait_are_in_the_total_once_each() {
    let dir = directory();
    let mut host = Host::new();
    let mut history = start(dir.path(), &host.at());
    for number in 0..3 {
        host.pass(MINUTE);
        assert!(hear(&mut history, &host, vec![sighting(number, 2)]));
    }
    ruin(&history, dir.path());
    host.pass(MINUTE);
    // These wait when the damage is found, and are written into the new file.
    assert!(!hear(&mut history, &host, vec![sighting(3, 5), sighting(4, 7)]));
    assert!(history.stats().replaced.is_some() && !history.is_away());
    let expect = ReportTotal { reports: 5, errors: 18, counted: 18 };
    assert_eq!(total(&history, Witness::McEvent), expect);
    host.pass(MINUTE);
    assert!(hear(&mut history, &host, vec![sighting(5, 1)]));
    let expect = ReportTotal { reports: 6, errors: 19, counted: 19 };
    assert_eq!(total(&history, Witness::McEvent), expect);
    let state = history.state.clone();
    assert_eq!(load::state(&history.conn).unwrap().reports, state.reports);
}

#[test]
fn an_exposure_that_waits_while_the_directory_vanishes_is_written_once_and_ended_later() {
    let parent = directory();
    let dir = parent.path().join("state");
    let mut host = Host::new();
    let mut history = start(&dir, &host.at());
    append(&mut history, &host);
    super::faults::fill(&history);
    host.pass(MINUTE);
    // More than there is room for.
    let many: Vec<String> = (1_000..1_400).map(|number| format!("CVE-2024-{number}")).collect();
    let all: Vec<&str> = many.iter().map(String::as_str).collect();
    let (last, all_but_last) = all.split_last().unwrap();
    assert!(history.note(&host.at(), &debt(all_but_last)).is_err());
    fs::remove_dir_all(&dir).unwrap();
    conclude(&mut history, &mut host, &debt(&all));
    host.reboot(2);
    conclude(&mut history, &mut host, &debt_free());
    history.end_run(&host.at()).unwrap();
    drop(history);
    let exposures = HistoryReader::open(&dir).unwrap().unwrap().exposures().unwrap();
    assert_eq!(exposures.iter().filter(|owed| owed.cve.to_string() == *last).count(), 1);
    assert_eq!(exposures.len(), many.len(), "each once");
    assert!(exposures.iter().all(|owed| owed.ended_wall_ms().is_some()));
}

#[test]
fn the_end_of_an_exposure_that_was_lost_with_the_file_holds_nothing_up() {
    let dir = directory();
    let mut host = Host::new();
    let mut history = start(dir.path(), &host.at());
    conclude(&mut history, &mut host, &debt(&["CVE-2024-0001"]));
    host.reboot(2);
    host.pass(MINUTE);
    append(&mut history, &host);
    ruin(&history, dir.path());
    // Its end waits when the damage is found.
    assert!(history.note(&host.at(), &debt_free()).is_err());
    assert!(history.stats().replaced.is_some());
    host.pass(MINUTE);
    *host.dimm(0, 0) = (3, 0);
    assert_eq!(correctable(&append(&mut history, &host), 0), [3, 0]);
    assert_eq!(history.stats().last_error, None);
}

#[test]
fn a_boot_that_a_counter_was_last_read_in_is_known_by_its_id_in_the_new_file() {
    let dir = directory();
    let mut host = Host::new();
    let mut history = start(dir.path(), &host.at());
    *host.dimm(0, 0) = (3, 0);
    append(&mut history, &host);
    let first = host.boot.clone();
    host.reboot(2);
    // Its counters cannot be read in the second boot.
    host.controllers[0].dimms[0] = None;
    append(&mut history, &host);
    ruin(&history, dir.path());
    host.pass(MINUTE);
    host.dimm(0, 1).0 += 1;
    assert!(history.append(&host.snapshot()).error.is_some());
    host.pass(MINUTE);
    append(&mut history, &host);
    let reader = HistoryReader::open(dir.path()).unwrap().unwrap();
    let boots = reader.boots().unwrap();
    let lost = boots.iter().find(|boot| boot.boot == first).unwrap();
    assert_eq!((lost.booted_wall_ms, lost.last_seen_wall_ms, lost.ran), (None, None, None));
    assert!(boots.iter().any(|boot| boot.boot == host.boot && boot.booted_wall_ms.is_some()));
}

/// Reports of a year ago, of which the index that folding goes by is garbage. No pass reads it.
#[test]
fn damage_that_only_folding_meets_is_dealt_with_like_any_other() {
    let dir = directory();
    let mut host = Host::new();
    let mut history = start(dir.path(), &host.at());
    let reports = 600;
    for number in 0..reports {
        host.pass(MINUTE);
        host.dimm(0, 1).0 += 1;
        assert!(hear(&mut history, &host, vec![sighting(number, 1)]));
    }
    history.keeping.open = Some(std::collections::BTreeSet::new());
    let index: Vec<usize> = history
        .conn
        .prepare("SELECT pageno FROM dbstat WHERE name = 'event_wall'")
        .unwrap()
        .query_map([], |row| row.get::<_, u32>(0))
        .unwrap()
        .map(|page| usize::try_from(page.unwrap()).unwrap())
        .collect();
    history.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    let path = files::database_path(dir.path());
    let mut bytes = fs::read(&path).unwrap();
    for page in index {
        bytes[(page - 1) * 4_096..page * 4_096].fill(0x5a);
    }
    fs::write(&path, &bytes).unwrap();
    history.conn.execute_batch("PRAGMA cache_size = 0; PRAGMA shrink_memory").unwrap();
    host.pass(Duration::from_secs(365 * 86_400));
    append(&mut history, &host);
    // A clock that is a year ahead of the last row is believed after a day.
    let _ = history.fold(&host.at());
    host.pass(Duration::from_secs(25 * 3_600));
    append(&mut history, &host);
    assert_eq!(history.stats().replaced, None, "passes meet no damage");
    let error = loop {
        match history.fold(&host.at()) {
            Ok(more) => assert!(more, "folded all, and met no damage"),
            Err(error) => break error,
        }
    };
    assert!(error.to_string().starts_with("fold what is old"), "{error}");
    let aside = history.stats().replaced.unwrap();
    assert_eq!(fs::read(aside).unwrap(), bytes);
    // Nothing is lost, and what is old is folded in the new file.
    assert_eq!(correctable(&append(&mut history, &host), 0), [0, reports]);
    assert_eq!(total(&history, Witness::McEvent).reports, reports);
    while history.fold(&host.at()).unwrap() {}
    let left: i64 =
        history.conn.query_row("SELECT COUNT(*) FROM event", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 1);
}
