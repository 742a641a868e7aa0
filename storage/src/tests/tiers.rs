//! What is old becomes sums, and nothing else changes.

use super::events::sighting;
use super::support::{Host, Mc, absent, answered, directory, kill, start};
use crate::retention::{Bite, Progress, What};
use crate::{Heard, History, fold_rows, load};
use proptest::prelude::*;
use rusqlite::Connection;
use rusqlite::types::Value;
use scrubjay_model::{
    EventClass, EventGroup, EventWhat, Kernel, OfflineAsker, PageOutcome, Place, Reading,
    SeriesPlace, Sighting, Sightings, Witness,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What may happen between two looks.
#[derive(Debug, Clone)]
enum Event {
    Pass {
        minutes: u64,
    },
    Errors {
        dimm: usize,
        correctable: u64,
        uncorrectable: u64,
    },
    Reports {
        of: u8,
        errors: u64,
    },
    Lost {
        reports: u64,
    },
    Reboot,
    WallStep {
        hours: i64,
    },
    Restart,
    Kill,
    /// So many bites are taken.
    Fold {
        bites: usize,
    },
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (1_u64..90).prop_map(|minutes| Event::Pass { minutes }),
        2 => (1_000_u64..300_000).prop_map(|minutes| Event::Pass { minutes }),
        6 => (0_usize..2, 0_u64..1_000, 0_u64..2).prop_map(|(dimm, correctable, uncorrectable)| {
            Event::Errors { dimm, correctable, uncorrectable }
        }),
        6 => (0_u8..6, 1_u64..9).prop_map(|(of, errors)| Event::Reports { of, errors }),
        2 => (1_u64..9).prop_map(|reports| Event::Lost { reports }),
        1 => Just(Event::Reboot),
        1 => (-50_i64..50).prop_map(|hours| Event::WallStep { hours }),
        1 => Just(Event::Restart),
        1 => Just(Event::Kill),
        2 => (1_usize..6).prop_map(|bites| Event::Fold { bites }),
    ]
}

/// A report of one of several kinds.
fn report(number: u64, of: u8, errors: u64, host: &Host) -> Sighting {
    let usual = sighting(number, errors);
    let outcome = PageOutcome::Recovered;
    let group = EventGroup { first: host.since_boot, last: host.since_boot, ..usual.group.clone() };
    let group = match of {
        0 => EventGroup { class: EventClass::Uncorrected, ..group },
        1 => EventGroup { witness: Witness::LogGhes, ..group },
        2 => {
            let what = EventWhat::SoftOffline { asked_by: OfflineAsker::Unknown, outcome };
            EventGroup { witness: Witness::LogMemoryFailure, what, ..group }
        }
        3 => EventGroup { detail: String::new(), ..group },
        _ => group,
    };
    Sighting { group, counter: usual.counter.filter(|_| of != 4), ..usual }
}

/// What no folding may change, asked of the database as a kill would leave it.
#[derive(Debug, Clone, PartialEq)]
struct Kept(BTreeMap<&'static str, Vec<Vec<Value>>>);

const KEPT: [(&str, &str); 16] = [
    (
        "errors of each counter in each boot",
        "SELECT series, boot, SUM(by) FROM (
           SELECT series, boot, by FROM counter_point
           JOIN snapshot ON snapshot.id = counter_point.snapshot
           JOIN agent_run ON agent_run.id = snapshot.run
           UNION ALL SELECT series, boot, by FROM counter_rollup
         ) GROUP BY series, boot ORDER BY series, boot",
    ),
    (
        "changes and new lives of each counter",
        "SELECT series, SUM(points), SUM(restarts), MAX(max_by), MAX(last_total) FROM (
           SELECT series, 1 AS points, step IN ('reboot', 'zeroed', 'assumed') AS restarts,
                  by AS max_by, total AS last_total FROM counter_point
           UNION ALL SELECT series, points, restarts, max_by, last_total FROM counter_rollup
         ) GROUP BY series",
    ),
    (
        "reports by witness, class, place and boot",
        "SELECT witness, class, what, place, boot, SUM(groups), SUM(reports), SUM(errors),
                SUM(counted), MAX(max_errors) FROM (
           SELECT witness, class, what, place, boot, 1 AS groups, reports, errors, counted,
                  errors AS max_errors
           FROM event JOIN agent_run ON agent_run.id = event.run
           UNION ALL SELECT witness, class, what, place, boot, groups, reports, errors, counted,
                            max_errors FROM event_rollup
         ) GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5",
    ),
    (
        "reports of uncorrected errors and of pages, and the newest",
        "SELECT event.* FROM event JOIN wording ON wording.id = what
         WHERE class IN ('uncorrected', 'fatal') OR text ->> 'kind' IN ('page', 'soft_offline')
            OR event.id = (SELECT MAX(id) FROM event) ORDER BY event.id",
    ),
    (
        "what the log told last in each boot",
        "SELECT boot, MAX(last) FROM (
           SELECT boot, last_since_boot_ns AS last, witness
           FROM event JOIN agent_run ON agent_run.id = event.run
           UNION ALL SELECT boot, last_since_boot_ns, witness FROM event_rollup
         ) WHERE substr(witness, 1, 4) = 'log_' GROUP BY boot",
    ),
    ("losses of each run", "SELECT run, SUM(lost), SUM(undecodable) FROM event_loss GROUP BY run"),
    (
        "the first change of each counter",
        "SELECT * FROM counter_point WHERE step = 'first' ORDER BY snapshot, series",
    ),
    (
        "the newest change of each counter",
        "SELECT series, MAX(snapshot), by, value, total FROM counter_point GROUP BY series",
    ),
    (
        "the time watched in each boot",
        "SELECT boot, SUM(ns) FROM (
           SELECT boot, to_since_boot_ns - from_since_boot_ns AS ns
           FROM coverage JOIN agent_run ON agent_run.id = coverage.run
           UNION ALL SELECT boot, covered_ns FROM coverage_day
         ) GROUP BY boot",
    ),
    ("totals of reports", "SELECT * FROM report_total"),
    ("what was witnessed", "SELECT * FROM witnessed"),
    ("counters", "SELECT * FROM counter_state"),
    ("facts", "SELECT * FROM fact"),
    (
        "the newest state of each source",
        "SELECT source, MAX(snapshot), state FROM source_state GROUP BY source",
    ),
    ("boots", "SELECT * FROM boot"),
    ("turns of sticks", "SELECT * FROM module_turn"),
];

fn rows(conn: &Connection, sql: &str) -> Vec<Vec<Value>> {
    let mut query = conn.prepare(sql).unwrap();
    let columns = query.column_count();
    let read = |row: &rusqlite::Row<'_>| (0..columns).map(|n| row.get(n)).collect();
    query.query_map([], read).unwrap().map(Result::unwrap).collect()
}

fn kept(conn: &Connection) -> Kept {
    Kept(KEPT.iter().map(|(name, sql)| (*name, rows(conn, sql))).collect())
}

/// What holds at any moment.
fn check(conn: &Connection) {
    assert_eq!(rows(conn, "PRAGMA foreign_key_check"), Vec::<Vec<Value>>::new());
    let odd_uses = "
        SELECT id, uses, n FROM wording LEFT JOIN wording_use ON wording = id LEFT JOIN (
          SELECT text, COUNT(*) AS n FROM (
            SELECT what AS text FROM event UNION ALL SELECT place FROM event
            UNION ALL SELECT message FROM event UNION ALL SELECT detail FROM event
            UNION ALL SELECT what FROM event_rollup UNION ALL SELECT place FROM event_rollup
            UNION ALL SELECT counter FROM event_rollup) GROUP BY text
        ) ON text = id WHERE COALESCE(n, 0) IS NOT uses";
    // The column of the table has the name of the text of the reports.
    let odd_uses = odd_uses.replace("AS text", "AS t").replace("GROUP BY text", "GROUP BY t");
    let odd_uses = odd_uses
        .replace("SELECT text, COUNT", "SELECT t, COUNT")
        .replace(" ON text = id", " ON t = id");
    assert_eq!(rows(conn, &odd_uses), Vec::<Vec<Value>>::new());
    let odd_totals = "
        SELECT witness, class FROM report_total AS total WHERE reports IS NOT
          (SELECT COALESCE(SUM(reports), 0) FROM event
           WHERE event.witness = total.witness AND event.class = total.class)
          + (SELECT COALESCE(SUM(reports), 0) FROM event_rollup
             WHERE event_rollup.witness = total.witness AND event_rollup.class = total.class)";
    assert_eq!(rows(conn, odd_totals), Vec::<Vec<Value>>::new());
    let odd_sums = "
        SELECT series FROM counter_state WHERE total IS NOT
          (SELECT COALESCE(SUM(by), 0) FROM counter_point WHERE counter_point.series = counter_state.series)
          + (SELECT COALESCE(SUM(by), 0) FROM counter_rollup WHERE counter_rollup.series = counter_state.series)";
    assert_eq!(rows(conn, odd_sums), Vec::<Vec<Value>>::new());
}

/// The first and the newest reports of a place, so many each.
fn ends(conn: &Connection, place: &str, each: usize) -> BTreeSet<String> {
    let of_place = format!(
        "SELECT event.id FROM event JOIN controller ON controller.id = controller
         WHERE key || '/' || counter_place = '{place}' ORDER BY event.id"
    );
    let ids: Vec<String> =
        rows(conn, &of_place).concat().iter().map(|id| format!("{id:?}")).collect();
    ids.iter().take(each).chain(ids.iter().rev().take(each)).cloned().collect()
}

/// Takes bites until nothing is left to do, checking after each.
fn fold_all(history: &mut History, host: &Host, most: usize) -> usize {
    let before = kept(&history.conn);
    let each = usize::try_from(history.keeping.max_bytes() / 2_048).unwrap().min(64);
    let is_open = history.keeping.open.as_ref().is_some_and(|open| open.contains(PLACE));
    let evidence = if is_open { ends(&history.conn, PLACE, each) } else { BTreeSet::new() };
    let state = load::state(&history.conn).unwrap();
    for bite in 0..most {
        if !history.fold(&host.at()).unwrap() {
            return bite;
        }
        // Each bite is a transaction: a kill now would leave what is asked here.
        check(&history.conn);
        assert_eq!(kept(&history.conn), before);
        assert!(evidence.is_subset(&ends(&history.conn, PLACE, usize::MAX)));
        assert_eq!(load::state(&history.conn).unwrap(), state);
    }
    most
}

/// Tables that folding may change, as they are.
fn tables(conn: &Connection) -> Vec<Vec<Vec<Value>>> {
    let names = [
        "counter_point",
        "counter_rollup",
        "event",
        "event_rollup",
        "event_loss",
        "snapshot",
        "source_state",
        "wording",
        "coverage",
        "coverage_day",
        "folding",
    ];
    names.iter().map(|name| rows(conn, &format!("SELECT * FROM {name} ORDER BY 1, 2"))).collect()
}

/// Limits below the size of any history: without room for the evidence of what is open, and with room
/// for the three first and the three newest reports of one place.
const FULL: u64 = 1;
const CRAMPED: u64 = 6 << 10;

/// Where [`report`] has its errors.
const PLACE: &str = "imc-0/dimm1";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Sums, exposure and all that must stay are the same after each bite; a second time changes
    /// nothing more; what is open stays as long as there is room.
    #[test]
    fn folding_keeps_every_sum_and_all_that_must_stay(
        events in prop::collection::vec(event(), 1..60),
        limit in prop_oneof![Just(None), Just(Some(FULL)), Just(Some(CRAMPED))],
        is_open in any::<bool>(),
    ) {
        let mut dir = directory();
        let mut host = Host::new();
        host.controllers = vec![Mc::new(0, "IMC#0"), Mc::new(1, "IMC#1")];
        let (mut boots, mut number) = (1, 0);
        let open: BTreeSet<String> = is_open.then(|| PLACE.to_owned()).into_iter().collect();
        let begin = |dir: &std::path::Path, host: &Host| {
            let mut history = start(dir, &host.at());
            history.keeping.open = Some(open.clone());
            if let Some(limit) = limit {
                history.keep_within(limit);
            }
            history
        };
        let mut history = begin(dir.path(), &host);
        let mut heard: Vec<Sighting> = Vec::new();
        let mut lost = 0;
        for event in events {
            match event {
                Event::Pass { minutes } => host.pass(Duration::from_secs(minutes * 60)),
                Event::Errors { dimm, correctable, uncorrectable } => {
                    let counts = host.dimm(0, dimm);
                    counts.0 += correctable;
                    counts.1 += uncorrectable;
                }
                Event::Reports { of, errors } => {
                    heard.push(report(number, of, errors, &host));
                    number += 1;
                    continue;
                }
                Event::Lost { reports } => {
                    lost += reports;
                    continue;
                }
                Event::Reboot => {
                    boots += 1;
                    host.reboot(boots);
                }
                Event::WallStep { hours } => host.wall_ms += hours * 3_600_000,
                Event::Restart | Event::Kill => {
                    if matches!(event, Event::Restart) {
                        history.end_run(&host.at()).unwrap();
                    }
                    dir = kill(history, dir.path());
                    history = begin(dir.path(), &host);
                    number = 0;
                    heard.clear();
                }
                Event::Fold { bites } => {
                    fold_all(&mut history, &host, bites);
                }
            }
            let sightings = Sightings { sightings: std::mem::take(&mut heard), lost, undecodable: 0 };
            lost = 0;
            let told = Heard { sightings: &sightings, listening: true, how: None };
            prop_assert!(history.append_heard(&host.snapshot(), told).error.is_none());
        }
        history.settle(&host.at()).unwrap();
        let places = "SELECT COUNT(*) FROM event WHERE counter_place IS NOT NULL";
        let of_place = rows(&history.conn, places);
        host.pass(Duration::from_secs(4 * 365 * 86_400));
        let covered = history.summary(&host.at()).unwrap().covered;
        // A clock that is years ahead of the last row is believed after a day.
        history.fold(&host.at()).unwrap();
        host.pass(Duration::from_secs(25 * 3_600));
        fold_all(&mut history, &host, 1_000);
        check(&history.conn);
        prop_assert_eq!(history.summary(&host.at()).unwrap().covered, covered);
        if is_open && limit.is_none() {
            prop_assert_eq!(rows(&history.conn, places), of_place);
        }
        if limit == Some(CRAMPED) {
            // No more than that is left of what may go.
            let may_go = "SELECT COUNT(*) FROM event JOIN wording ON wording.id = what
                          WHERE counter_place IS NOT NULL AND class = 'corrected'
                            AND text ->> 'kind' = 'memory' AND event.id < (SELECT MAX(id) FROM event)";
            let left = &rows(&history.conn, may_go)[0][0];
            let most = if is_open { 6 } else { 0 };
            prop_assert!(matches!(left, Value::Integer(left) if *left <= most), "{left:?} of {most}");
        }
        let changes = "SELECT COUNT(*) FROM counter_point JOIN counter_last USING (series)
                       WHERE step <> 'first' AND counter_point.snapshot < counter_last.snapshot";
        prop_assert_eq!(&rows(&history.conn, changes)[0][0], &Value::Integer(0));
        prop_assert_eq!(rows(&history.conn, "SELECT 1 FROM counter_rollup WHERE hours = 1").len(), 0);

        let first = tables(&history.conn);
        history.keeping.progress = Progress::new();
        fold_all(&mut history, &host, 1_000);
        prop_assert_eq!(tables(&history.conn), first);
    }
}

#[test]
fn stretches_that_are_too_many_become_days_of_the_same_length() {
    let dir = directory();
    let mut host = Host::new();
    let mut history = start(dir.path(), &host.at());
    for _ in 0..200 {
        for _ in 0..3 {
            host.pass(Duration::from_secs(120));
            history.append(&host.snapshot());
        }
        host.pass(Duration::from_secs(1_800));
    }
    history.settle(&host.at()).unwrap();
    history.end_run(&host.at()).unwrap();
    let before = kept(&history.conn);
    let covered = history.summary(&host.at()).unwrap().covered;
    let tx = history.conn.transaction().unwrap();
    assert_eq!(fold_rows::stretches(&tx, 50, 100).unwrap().rows, 100);
    assert_eq!(fold_rows::stretches(&tx, 50, 100).unwrap().rows, 50);
    assert_eq!(fold_rows::stretches(&tx, 50, 100).unwrap().rows, 0);
    tx.commit().unwrap();
    assert_eq!(kept(&history.conn), before);
    assert_eq!(history.summary(&host.at()).unwrap().covered, covered);
    let sums = "SELECT SUM(stretches) FROM coverage_day";
    assert_eq!(rows(&history.conn, sums)[0][0], Value::Integer(150));
}

#[test]
fn a_fact_that_changes_all_the_time_keeps_its_first_and_its_newest_changes() {
    let dir = directory();
    let mut host = Host::new();
    let mut history = start(dir.path(), &host.at());
    for n in 0..30 {
        host.pass(Duration::from_secs(60));
        let mut snapshot = host.snapshot();
        let release = Reading::Value(format!("6.{n}"));
        snapshot.kernel = Some(answered(Reading::Value(kernel(release))));
        assert!(history.append(&snapshot).error.is_none());
    }
    let releases = "SELECT value FROM fact WHERE name = 'kernel.release' ORDER BY snapshot";
    let before = rows(&history.conn, releases);
    assert_eq!(before.len(), 30);
    let bite = Bite {
        what: What::Facts,
        from_wall_ms: 0,
        before_wall_ms: i64::MAX,
        step: 1,
        most_rows: 12,
    };
    let tx = history.conn.transaction().unwrap();
    assert_eq!(fold_rows::facts(&tx, &bite, 10).unwrap().rows, 12);
    assert_eq!(fold_rows::facts(&tx, &bite, 10).unwrap().rows, 7);
    assert_eq!(fold_rows::facts(&tx, &bite, 10).unwrap().rows, 0);
    tx.commit().unwrap();
    let after = rows(&history.conn, releases);
    assert_eq!(after[0], before[0]);
    assert_eq!(after[1..], before[20..]);
    check(&history.conn);
}

fn kernel(release: Reading<String>) -> Kernel {
    Kernel {
        release,
        version: absent(),
        banner: absent(),
        version_signature: absent(),
        uname: absent(),
        modules_supported: absent(),
        modules_root: absent(),
        modules_directory: absent(),
    }
}

/// A storm over every page, kept up for hours, with the file at its limit: of one place, and of so
/// many that each keeps fewer reports than usual.
#[test]
fn a_storm_does_not_grow_the_file_past_its_limit() {
    storm(1, 64);
    storm(100, 20);
}

/// Over so many places of a controller that a finding stands against, of which so many reports are
/// kept at each end.
fn storm(places: u32, each: usize) {
    const MAX_BYTES: u64 = 4 << 20;
    let dir = directory();
    let mut host = Host::new();
    let mut history = start(dir.path(), &host.at());
    history.write_without_sync().unwrap();
    history.keep_within(MAX_BYTES);
    // A finding stands against the very controller that storms.
    let imc = "skylake-socket-0-imc-0";
    history.keeping.open = Some([imc.to_owned()].into());
    let mut largest = 0;
    for minute in 0..50 {
        let storm = (0..1_000).map(|n| {
            let usual = report(minute * 1_000 + n, 5, 1, &host);
            let place = Place::Dimm(u32::try_from(n).unwrap() % places);
            let counter = Some((0, SeriesPlace::Dimm(place)));
            Sighting { counted: 1, counter, ..usual }
        });
        let sightings = Sightings { sightings: storm.collect(), lost: 3, undecodable: 0 };
        host.dimm(0, 1).0 += 1_000;
        let heard = Heard { sightings: &sightings, listening: true, how: None };
        assert!(history.append_heard(&host.snapshot(), heard).error.is_none());
        // As the agent does until its next pass; so much is no work for a minute.
        let mut bites = 0;
        while history.fold(&host.at()).unwrap() {
            bites += 1;
            assert!(bites < 200);
        }
        host.pass(Duration::from_secs(60));
        let pages: u32 = history.conn.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
        largest = largest.max(u64::from(pages) * 4_096);
    }
    assert!(largest <= MAX_BYTES, "{largest} bytes");
    check(&history.conn);
    let told = rows(&history.conn, "SELECT detail FROM incident WHERE kind = 'folded'");
    assert_eq!(told.len(), 1, "{told:?}");
    let stats = history.stats();
    assert!(stats.folded.rows["open_reports"] > 20_000, "{:?}", stats.folded);
    let Value::Text(told) = &told[0][0] else { panic!("{told:?}") };
    assert!(told.contains("save the first and the newest 64 of each"), "{told}");
    // How it began: the very first ones of each.
    let first = each * usize::try_from(places).unwrap();
    let of_them = format!("SELECT COUNT(*) FROM event WHERE id <= {}", 2 * first);
    let of_them = &rows(&history.conn, &of_them)[0][0];
    assert_eq!(*of_them, Value::Integer(i64::try_from(first).unwrap()));

    // When it is over and a year has passed, the file is small again.
    host.pass(Duration::from_secs(365 * 86_400));
    while history.fold(&host.at()).unwrap() {}
    check(&history.conn);
    let pages: u32 = history.conn.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    assert!(u64::from(pages) * 4_096 < MAX_BYTES, "{pages} pages");
}

/// What version 3 did not count is counted when it is upgraded.
#[test]
fn a_history_of_version_3_is_upgraded_with_its_totals_and_uses() {
    let dir = directory();
    super::upgrades::make(dir.path(), 3);
    let conn = Connection::open(dir.path().join("history.db")).unwrap();
    conn.execute_batch(
        "INSERT INTO boot (id, boot_id, booted_wall_ms, last_wall_ms, ended, evidence)
           VALUES (1, 'unknown', 1, 2, 'running', '');
         INSERT INTO agent_run (id, boot, version, interval_ns, started_wall_ms)
           VALUES (1, 1, '0', 60, 1);
         INSERT INTO controller (id, key) VALUES (1, 'mc0');
         INSERT INTO series VALUES (1, 1, 'dimm0', 'correctable', 1);
         INSERT INTO counter_state (series, boot, value, total, restarts) VALUES (1, 1, 5, 5, 0);
         INSERT INTO snapshot (id, run, wall_ms) VALUES (1, 1, 1), (2, 1, 2);
         INSERT INTO counter_point VALUES (1, 1, 'first', 2, 2, 2), (2, 1, 'advanced', 3, 5, 5);
         INSERT INTO wording VALUES (1, '{\"kind\":\"memory\"}'), (2, '{\"kind\":\"address\"}'), (3, '');
         INSERT INTO event VALUES
           (1, 1, 1, 1, 1, 'mc_event', 'corrected', 1, 2, NULL, NULL, 1, 6, 1, 2, 3, 3, NULL, 3, 3,
            'nothing'),
           (2, 1, 2, 2, 2, 'mc_event', 'corrected', 1, 2, NULL, NULL, 1, 6, 1, 1, 1, 1, NULL, 3, 3,
            'nothing');",
    )
    .unwrap();
    drop(conn);
    let history = History::open(dir.path(), &Host::new().at()).unwrap();
    check(&history.conn);
    let totals = rows(&history.conn, "SELECT reports, errors, counted FROM report_total");
    assert_eq!(totals, [[3, 4, 4].map(Value::Integer)]);
    let last = rows(&history.conn, "SELECT series, snapshot FROM counter_last");
    assert_eq!(last, [[1, 2].map(Value::Integer)]);
    let uses = rows(&history.conn, "SELECT uses FROM wording_use ORDER BY wording");
    assert_eq!(uses.concat(), [2, 2, 4].map(Value::Integer));
}

#[test]
fn a_clock_that_is_ahead_for_an_hour_makes_nothing_old() {
    let dir = directory();
    let mut host = Host::new();
    let mut history = start(dir.path(), &host.at());
    for _ in 0..10 {
        host.pass(Duration::from_secs(600));
        host.dimm(0, 0).0 += 1;
        assert!(history.append(&host.snapshot()).error.is_none());
        while history.fold(&host.at()).unwrap() {}
    }
    let decade_ms = 315_576_000_000;
    host.wall_ms += decade_ms;
    for _ in 0..6 {
        host.pass(Duration::from_secs(600));
        host.dimm(0, 0).0 += 1;
        assert!(history.append(&host.snapshot()).error.is_none());
        while history.fold(&host.at()).unwrap() {}
    }
    host.wall_ms -= decade_ms;
    host.pass(Duration::from_secs(600));
    while history.fold(&host.at()).unwrap() {}
    let sums = rows(&history.conn, "SELECT * FROM counter_rollup");
    assert_eq!(sums, Vec::<Vec<Value>>::new());
}
