//! Errors of other tools, taken in once and left alone by all that happens to our own.

use super::events::sighting;
use super::support::{Host, directory, start};
use crate::{Heard, HistoryReader};
use proptest::prelude::*;
use scrubjay_model::{
    ErrorGroups, ErrorMemory, ErrorRecords, EventClass, EventPlace, EventWhat, ForeignError,
    ForeignReport, ImportedErrors, Sighting, Sightings, Witness,
};
use std::path::Path;
use std::time::Duration;

const HOUR_MS: i64 = 3_600_000;

/// A record: when, its number, how many errors, where.
type Told = (Option<i64>, i64, u64, u32);

fn told(records: &[Told]) -> ErrorRecords {
    let mut groups = ErrorGroups::default();
    for (at_wall_ms, row, errors, controller) in records {
        let place = EventPlace::Edac {
            controller: *controller,
            layers: [Some(0), Some(1), None],
            label: "B2".to_owned(),
        };
        groups.add(ForeignError {
            at_wall_ms: *at_wall_ms,
            row: *row,
            errors: *errors,
            report: ForeignReport {
                origin: "mc_event",
                witness: Witness::McEvent,
                class: EventClass::Corrected,
                what: EventWhat::Memory,
                place,
                address: Some(0xffff_ffff_ffff_f000),
                grain_bits: Some(12),
                syndrome: None,
                message: "memory read error".to_owned(),
                detail: "row 0".to_owned(),
            },
        });
    }
    ErrorRecords {
        memory: ErrorMemory::Rasdaemon,
        paths: vec!["var/lib/rasdaemon/ras-mc_event.db".to_owned()],
        errors: groups.finish(),
        left_out: Vec::new(),
    }
}

fn kept(dir: &Path) -> Vec<ImportedErrors> {
    HistoryReader::open(dir).unwrap().unwrap().imported_errors().unwrap()
}

#[test]
fn texts_that_reports_of_ours_shared_stay_when_those_become_sums() {
    let dir = directory();
    let mut host = Host::new();
    let mut history = start(dir.path(), &host.at());
    let taken = history.import_errors(&[told(&[(Some(7), 1, 3, 0)])], &host.at()).unwrap();
    assert_eq!((taken[0].records_added, taken[0].errors_added), (1, 3));
    let before = kept(dir.path());
    let same_words: Vec<Sighting> = (0..50).map(|number| sighting(number, 1)).collect();
    let sightings = Sightings { sightings: same_words, lost: 0, undecodable: 0 };
    let heard = Heard { sightings: &sightings, listening: true, how: None };
    history.append_heard(&host.snapshot(), heard);
    // Nothing is concluded, so nothing is open.
    host.pass(Duration::from_secs(1_000 * 86_400));
    history.append(&host.snapshot());
    history.keeping.open = Some(std::collections::BTreeSet::new());
    for _ in 0..100 {
        history.fold(&host.at()).unwrap();
        host.pass(Duration::from_secs(3_600));
    }
    let left: i64 =
        history.conn.query_row("SELECT COUNT(*) FROM event", [], |row| row.get(0)).unwrap();
    assert!(left <= 1, "{left} reports were not folded");
    assert_eq!(kept(dir.path()), before);
    let dangling = history.conn.prepare("PRAGMA foreign_key_check").unwrap().exists([]).unwrap();
    assert!(!dangling);
}

#[test]
fn what_was_new_is_in_the_ledger_and_in_no_sum_of_ours() {
    let dir = directory();
    let host = Host::new();
    let mut history = start(dir.path(), &host.at());
    let records = told(&[(Some(7), 1, 3, 0), (None, 2, 4, 0)]);
    for _ in 0..2 {
        history.import_errors(std::slice::from_ref(&records), &host.at()).unwrap();
    }
    let lines: Vec<String> = history
        .conn
        .prepare("SELECT line FROM ledger WHERE kind = 'errors_imported'")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<rusqlite::Result<_>>()
        .unwrap();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains(r#""errors_added":7"#), "{}", lines[0]);
    let sums = history.append(&host.snapshot()).accumulated;
    assert!(sums.reports.is_empty() && sums.totals.values().all(|total| total.total == 0));
}

fn record() -> impl Strategy<Value = (Option<i64>, u64, u32)> {
    let at = proptest::option::weighted(0.8, 0..5 * HOUR_MS);
    (at, 1_u64..100, 0_u32..2)
}

proptest! {
    /// A file is read now and then while it grows, and older copies of it between.
    #[test]
    fn however_often_a_growing_file_is_taken_in_each_error_counts_once(
        records in proptest::collection::vec(record(), 1..40),
        looks in proptest::collection::vec(0_usize..40, 1..5),
    ) {
        let dir = directory();
        let host = Host::new();
        let mut history = start(dir.path(), &host.at());
        let records: Vec<Told> =
            (1..).zip(&records).map(|(row, (at, errors, mc))| (*at, row, *errors, *mc)).collect();
        let mut added = (0, 0);
        for until in looks.into_iter().map(|look| look.min(records.len())).chain([records.len()]) {
            let taken = history.import_errors(&[told(&records[..until])], &host.at()).unwrap();
            added = (added.0 + taken[0].records_added, added.1 + taken[0].errors_added);
        }
        let errors: u64 = records.iter().map(|record| record.2).sum();
        prop_assert_eq!(added, (u64::try_from(records.len()).unwrap(), errors));
        let kept = kept(dir.path());
        prop_assert_eq!(kept.iter().map(|group| group.errors).sum::<u64>(), errors);
        prop_assert!(kept.iter().all(|group| group.address == Some(0xffff_ffff_ffff_f000)));
    }
}
