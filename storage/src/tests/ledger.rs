//! The ledger of a history: what it tells, and that it goes with what it tells of.

#![expect(clippy::disallowed_methods, reason = "damages files of the test itself")]

use super::support::{Host, INTERVAL, absent, answered, append, directory, kill, start};
use crate::changes::Changes;
use crate::ledger::{Fact, Kind};
use crate::schema::{SCHEMA, Schema};
use crate::{Heard, History, HistoryReader, PagesSeen, files, open};
use rusqlite::Connection;
use scrubjay_model::{
    Assessment, Coverage, CoverageState, EventClass, Finding, Kernel, LedgerFaultKind, LedgerHead,
    LedgerReport, LedgerState, PageReason, PageReport, Reading, RebootHelps, Sightings, Snapshot,
    Stamp,
};
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);

/// The lines of a ledger.
fn lines(dir: &Path) -> Vec<Value> {
    let reader = HistoryReader::open(dir).unwrap().unwrap();
    let mut lines = Vec::new();
    let mut take = |row: crate::LedgerLine<'_>| -> Result<(), serde_json::Error> {
        assert_eq!(crate::sha256(row.line.as_bytes()).to_string(), row.hash);
        lines.push(serde_json::from_str(row.line)?);
        Ok(())
    };
    let given = reader.export_ledger(None, &mut take).unwrap().unwrap();
    assert_eq!(given, u64::try_from(lines.len()).unwrap());
    lines
}

fn verify(dir: &Path, held: &[LedgerHead]) -> LedgerReport {
    HistoryReader::open(dir).unwrap().unwrap().verify_ledger(held).unwrap()
}

/// Of these kinds, in order.
fn of_kind(dir: &Path, kind: &str) -> Vec<Value> {
    lines(dir).into_iter().filter(|line| line["kind"] == kind).collect()
}

fn assessment(coverage: CoverageState) -> Assessment {
    Assessment::new(Coverage::new(coverage, coverage, Vec::new()), Vec::new())
}

fn with_kernel(host: &Host, release: &str) -> Snapshot {
    let mut snapshot = host.snapshot();
    let value = |text: &str| Reading::Value(text.to_owned());
    snapshot.kernel = Some(answered(Reading::Value(Kernel {
        release: value(release),
        version: value("#1 SMP"),
        banner: absent(),
        uname: absent(),
        modules_supported: absent(),
        modules_root: absent(),
        modules_directory: absent(),
        version_signature: absent(),
    })));
    snapshot
}

/// A story in which much happens: errors, a bad page, a gap, a step of the clock, a reboot.
fn story(dir: &Path) -> Host {
    let mut host = Host::new();
    let mut history = start(dir, &host.at());
    history.append(&with_kernel(&host, "6.1.0-1"));
    history.note(&host.at(), &assessment(CoverageState::Full)).unwrap();
    host.pass(INTERVAL);
    *host.dimm(0, 1) = (2, 0);
    append(&mut history, &host);
    host.pass(INTERVAL);
    *host.dimm(0, 1) = (2, 1);
    let reported = PageReport {
        pfn: 0x1234,
        page_size_bytes: 4_096,
        reason: PageReason::HardOffline,
        dimm: None,
    };
    let seen = PagesSeen { reported: &[reported], told: None, map: None };
    history.see_pages(&seen, &host.at()).unwrap();
    append(&mut history, &host);
    host.pass(HOUR);
    host.wall_ms += 100_000;
    append(&mut history, &host);
    history.end_run(&host.at()).unwrap();
    drop(history);
    host.reboot(2);
    let mut history = start(dir, &host.at());
    history.append(&with_kernel(&host, "6.1.0-2"));
    history.note(&host.at(), &assessment(CoverageState::Full)).unwrap();
    history.end_run(&host.at()).unwrap();
    host
}

#[test]
fn a_story_is_told_in_order() {
    let dir = directory();
    story(dir.path());
    let told: String = lines(dir.path())
        .iter()
        .map(|line| format!("{} {}\n", line["kind"].as_str().unwrap(), line["body"]))
        .collect();
    insta::assert_snapshot!(told, @r##"
    history {"schema":5,"what":"begun"}
    boot_began {"booted_wall_ms":1699999900000}
    agent_started {"configuration_sha256":null,"interval_ms":60000,"policy_sha256":null,"run":1,"version":"1.0.0"}
    kernel_running {"release":"6.1.0-1","version":"#1 SMP"}
    dimm {"detail":"","dimm":"skylake-socket-0-imc-0-dimm0","identity":"place","part":null,"serial":null,"size_bytes":null,"slot":null,"turn":"new"}
    dimm {"detail":"","dimm":"skylake-socket-0-imc-0-dimm1","identity":"place","part":null,"serial":null,"size_bytes":null,"slot":null,"turn":"new"}
    checkpoint {"bad_pages":0,"boots":1,"counters":[],"dimms":[],"dimms_known":2,"reports":[],"reports_lost":0,"runs":1,"series":8,"sums_sha256":"4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"}
    verdict {"before":null,"findings":{},"gone":[],"verdict":"ok"}
    dimm_first_error {"class":"correctable","dimm":"skylake-socket-0-imc-0-dimm1","errors":2,"serial":null,"slot":null}
    bad_pages {"named":[{"address":"0x1234000","dimm":null,"reason":"hard_offline","state":"unknown"}],"pages":1,"registered":0,"what":"registered"}
    dimm_first_error {"class":"uncorrectable","dimm":"skylake-socket-0-imc-0-dimm1","errors":1,"serial":null,"slot":null}
    errors_counted {"counters":[{"by":1,"of":"skylake-socket-0-imc-0/dimm1 uncorrectable","step":"advanced","sum":1}],"more":0}
    gap {"after_wall_ms":1700000120000,"lasted_ms":3600000}
    clock_step {"by_ms":100000}
    agent_stopped {"run":1}
    boot_ended {"ended":"clean","ended_boot":"00000001-0000-4000-8000-000000000000","evidence":"The agent was stopped in order within 30 min of the start of the next boot (1 min).","last_seen_wall_ms":1700003820000}
    boot_began {"booted_wall_ms":1700003880000}
    agent_started {"configuration_sha256":null,"interval_ms":60000,"policy_sha256":null,"run":2,"version":"1.0.0"}
    gap {"after_wall_ms":1700003820000,"lasted_ms":null}
    kernel_running {"release":"6.1.0-2","version":"#1 SMP"}
    verdict {"before":null,"findings":{},"gone":[],"verdict":"ok"}
    agent_stopped {"run":2}
    "##);
    let report = verify(dir.path(), &[]);
    assert!(report.is_intact(), "{report:?}");
}

#[test]
fn the_documentation_lists_every_kind() {
    let page = include_str!("../../../docs/ledger.md");
    for kind in Kind::ALL {
        let row = format!("| `{}` |", kind.as_str());
        assert!(page.contains(&row), "docs/ledger.md has no row {row}");
    }
}

#[test]
fn an_upgraded_history_says_so_in_its_first_row_and_binds_what_was_summed_before() {
    let dir = directory();
    let host = Host::new();
    let steps = &SCHEMA.upgrades[..2];
    let then = Schema { create: include_str!("../../sql/create_v3.sql"), upgrades: steps };
    let old = open::for_writing(dir.path(), 1_000, &then).unwrap();
    old.conn
        .execute_batch(
            "INSERT INTO controller (id, key) VALUES (1, 'mc-x');
             INSERT INTO boot (id, boot_id, booted_wall_ms, last_wall_ms, ended, evidence)
               VALUES (1, 'unknown', 1, 2, 'running', '');
             INSERT INTO series (id, controller, place, class, since_wall_ms)
               VALUES (1, 1, 'dimm0', 'correctable', 1);
             INSERT INTO counter_state (series, boot, value, total, restarts)
               VALUES (1, 1, 7, 40, 3)",
        )
        .unwrap();
    drop(old);
    let mut history = start(dir.path(), &host.at());
    append(&mut history, &host);
    let first = &lines(dir.path())[0];
    assert_eq!((&first["seq"], &first["kind"]), (&1.into(), &"history".into()));
    assert_eq!(first["body"]["what"], "upgraded");
    assert!(first["body"]["detail"].as_str().unwrap().contains("from schema version 3 to 5"));
    let sums = of_kind(dir.path(), "checkpoint")[0]["body"]["counters"].to_string();
    assert!(sums.contains(r#"{"of":"mc-x/dimm0 correctable","sum":40}"#), "{sums}");
}

#[test]
fn what_was_written_cannot_be_altered_or_deleted_by_accident() {
    let dir = directory();
    story(dir.path());
    let conn = Connection::open(files::database_path(dir.path())).unwrap();
    for statement in [
        "UPDATE ledger SET wall_ms = 0 WHERE seq = 2",
        "DELETE FROM ledger WHERE seq = (SELECT MAX(seq) FROM ledger)",
        "DELETE FROM ledger",
        "INSERT OR REPLACE INTO ledger SELECT seq, 0, kind, line, hash FROM ledger WHERE seq = 2",
    ] {
        let refused = conn.execute_batch(statement);
        let rows: i64 =
            conn.query_row("SELECT SUM(wall_ms = 0) FROM ledger", [], |row| row.get(0)).unwrap();
        assert!(refused.is_err() && rows == 0, "{statement}");
    }
}

#[test]
fn whoever_gets_past_the_triggers_is_found_by_the_chain() {
    let dir = directory();
    story(dir.path());
    let conn = Connection::open(files::database_path(dir.path())).unwrap();
    let head = verify(dir.path(), &[]).head.unwrap();
    conn.execute_batch(
        "DROP TRIGGER ledger_is_not_updated; DROP TRIGGER ledger_is_not_deleted_from",
    )
    .unwrap();
    let held = [head];
    let check = |statement: &str, expect: &str| {
        conn.execute_batch("BEGIN").unwrap();
        conn.execute_batch(statement).unwrap();
        conn.execute_batch("SAVEPOINT looked").unwrap();
        let report = crate::ledger::rows::verify(&conn, &held).unwrap();
        conn.execute_batch("ROLLBACK").unwrap();
        let found: Vec<String> =
            report.faults.iter().map(|f| format!("{} {}", f.seq, f.kind.as_str())).collect();
        assert_eq!(found.join(", "), expect, "{statement}");
    };
    check("SELECT 1", "");
    check("UPDATE ledger SET line = line || ' ' WHERE seq = 4", "4 altered");
    check("UPDATE ledger SET kind = 'verdict' WHERE seq = 4", "4 altered");
    check("UPDATE ledger SET hash = zeroblob(32) WHERE seq = 4", "4 altered, 5 unlinked");
    check("DELETE FROM ledger WHERE seq = 4", "4 removed");
    let last = head.seq;
    check(&format!("DELETE FROM ledger WHERE seq = {last}"), &format!("{last} removed"));
    check("DELETE FROM ledger", &format!("1 removed, {last} removed"));
}

#[test]
fn a_kill_leaves_neither_a_change_without_its_row_nor_a_row_without_its_change() {
    let dir = directory();
    let mut host = Host::new();
    let mut left = dir;
    let mut heads = Vec::new();
    for round in 1..=6_u64 {
        let mut history = start(left.path(), &host.at());
        append(&mut history, &host);
        host.pass(INTERVAL);
        *host.dimm(0, 0) = (round, round);
        append(&mut history, &host);
        heads.extend(history.ledger_head());
        left = kill(history, left.path());
        let conn = Connection::open(files::database_path(left.path())).unwrap();
        let count = |sql: &str| -> i64 { conn.query_row(sql, [], |row| row.get(0)).unwrap() };
        let rows =
            |kind: &str| count(&format!("SELECT COUNT(*) FROM ledger WHERE kind = '{kind}'"));
        assert_eq!(rows("agent_started"), count("SELECT COUNT(*) FROM agent_run"));
        assert_eq!(rows("boot_began"), count("SELECT COUNT(*) FROM boot"));
        assert_eq!(rows("dimm"), count("SELECT COUNT(*) FROM module_turn"));
        let points = "SELECT COUNT(DISTINCT snapshot) FROM counter_point
                      JOIN series ON series.id = series WHERE class = 'uncorrectable' AND by > 0";
        assert_eq!(rows("errors_counted"), count(points));
        if round % 2 == 0 {
            host.reboot(u32::try_from(round).unwrap());
        }
    }
    let report = verify(left.path(), &heads);
    assert!(report.is_intact() && report.confirmed == heads, "{report:?}");
}

#[test]
fn what_waits_for_room_is_chained_when_there_is_some_and_stays_bounded() {
    let dir = directory();
    let mut host = Host::new();
    let mut history = start(dir.path(), &host.at());
    append(&mut history, &host);
    let full = |history: &History, pages: i64| {
        history.conn.pragma_update(None, "max_page_count", pages).unwrap();
    };
    let pages: i64 = history.conn.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    full(&history, pages);
    // A clock that is set to and fro, and errors that are not corrected, while nothing can be
    // written: the former are left out and counted, the latter never.
    let mut failed = 0_u64;
    for round in 1..=200_u64 {
        host.pass(3 * HOUR);
        host.wall_ms += if round.is_multiple_of(2) { 10_000 } else { -10_000 };
        if round.is_multiple_of(10) {
            host.dimm(0, 0).1 += 1;
        }
        failed += u64::from(history.append(&host.snapshot()).error.is_some());
    }
    // Months of it at once.
    let at = Stamp { since_boot: None, ..host.at() };
    let step = Fact::new(&at, Kind::ClockStep, [("by_ms", 10_000_u64.into())]);
    let changes = Changes { ledger: vec![step; 5_000], ..Changes::default() };
    history.ledger.take(changes, &mut history.pending);
    assert_eq!((failed > 0, history.pending.ledger.len()), (true, 4_096));
    full(&history, 100_000);
    host.pass(INTERVAL);
    append(&mut history, &host);
    history.end_run(&host.at()).unwrap();
    let report = verify(dir.path(), &[]);
    assert!(report.is_intact(), "{report:?}");
    let by: u64 = of_kind(dir.path(), "errors_counted")
        .iter()
        .map(|line| line["body"]["counters"][0]["by"].as_u64().unwrap())
        .sum();
    assert_eq!(by, 20);
    let steps = u64::try_from(of_kind(dir.path(), "clock_step").len()).unwrap();
    let left_out: u64 = of_kind(dir.path(), "left_out")
        .iter()
        .map(|line| line["body"]["facts"]["clock_step"].as_u64().unwrap())
        .sum();
    assert!(left_out > 0);
    assert_eq!(steps + left_out, 5_200, "{steps} and {left_out}");
    let trouble = of_kind(dir.path(), "history");
    assert_eq!(trouble.last().unwrap()["body"]["what"], "writes_failed");
}

#[test]
fn a_replaced_history_goes_on_from_the_head_of_the_old_one() {
    let dir = directory();
    let host = story(dir.path());
    let path = files::database_path(dir.path());
    let head = verify(dir.path(), &[]).head.unwrap();
    // A page of a table that is of no account for the ledger.
    let conn = Connection::open(&path).unwrap();
    let root: i64 = conn
        .query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'counter_point'", [], |row| {
            row.get(0)
        })
        .unwrap();
    drop(conn);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[usize::try_from((root - 1) * 4_096).unwrap()] ^= 0x55;
    std::fs::write(&path, &bytes).unwrap();
    drop(start(dir.path(), &host.at()));
    // What others hold of the old one holds in the new one.
    let report = verify(dir.path(), &[head]);
    assert!(report.is_intact() && report.confirmed == [head], "{report:?}");
    let all = lines(dir.path());
    let first = &all[usize::try_from(head.seq).unwrap()];
    assert_eq!(first["body"]["what"], "file_replaced", "{first}");
    let salvaged = &all[usize::try_from(head.seq).unwrap() + 1];
    assert_eq!(salvaged["body"]["what"], "salvaged", "{salvaged}");
    let name = format!("history.db.corrupt-{}", host.wall_ms);
    assert_eq!(first["body"]["old_file"], name.as_str());
    assert_eq!(first["body"]["old_head"]["seq"], head.seq);
    assert_eq!(first["body"]["old_head"]["hash"], head.hash.to_string());
    // One that is no database has no head.
    std::fs::write(&path, b"no database".repeat(100)).unwrap();
    drop(start(dir.path(), &host.at()));
    assert_eq!(lines(dir.path())[0]["body"]["old_head"], Value::Null);
}

#[test]
fn a_last_row_that_was_altered_is_noticed_at_the_next_start() {
    let dir = directory();
    let host = story(dir.path());
    let conn = Connection::open(files::database_path(dir.path())).unwrap();
    conn.execute_batch(
        "DROP TRIGGER ledger_is_not_updated;
         UPDATE ledger SET line = replace(line, 'agent', 'angel')
         WHERE seq = (SELECT MAX(seq) FROM ledger)",
    )
    .unwrap();
    let seq = verify(dir.path(), &[]).head.unwrap().seq;
    drop(start(dir.path(), &host.at()));
    let next: String = conn
        .query_row("SELECT line FROM ledger WHERE seq = ?1", [seq.cast_signed() + 1], |row| {
            row.get(0)
        })
        .unwrap();
    assert!(next.contains("\"what\":\"ledger_altered\""), "{next}");
    // It stays at fault, and what follows does not.
    let faults = verify(dir.path(), &[]).faults;
    assert!(!faults.is_empty() && faults.iter().all(|fault| fault.seq == seq), "{faults:?}");
}

#[test]
fn a_row_in_the_middle_that_was_altered_is_told_by_every_run_and_written_down_once() {
    let dir = directory();
    let mut host = story(dir.path());
    let mut history = start(dir.path(), &host.at());
    assert_eq!(history.stats().ledger, LedgerState::Intact);
    let conn = Connection::open(files::database_path(dir.path())).unwrap();
    conn.execute_batch(
        "DROP TRIGGER ledger_is_not_updated;
         UPDATE ledger SET line = replace(line, 'agent', 'angel') WHERE seq = 3",
    )
    .unwrap();
    // An agent that runs looks again with the next checkpoint.
    append(&mut history, &host);
    assert_eq!(history.stats().ledger, LedgerState::Intact);
    host.pass(25 * HOUR);
    append(&mut history, &host);
    let LedgerState::Altered { because } = history.stats().ledger else { panic!("not seen") };
    assert!(because.starts_with("row 3 (altered): its line has the hash "), "{because}");
    drop(history);
    for _ in 0..2 {
        let history = start(dir.path(), &host.at());
        assert_eq!(history.stats().ledger, LedgerState::Altered { because: because.clone() });
        assert_eq!(verify(dir.path(), &[]).told(), Some(because.clone()));
    }
    let told: Vec<String> = conn
        .prepare(
            "SELECT line ->> '$.body.detail' FROM ledger
             WHERE line ->> '$.body.what' = 'ledger_altered'",
        )
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<rusqlite::Result<_>>()
        .unwrap();
    assert_eq!(told, [because]);
}

#[test]
fn there_is_one_checkpoint_a_day_and_it_has_the_sums() {
    let dir = directory();
    let mut host = Host::new();
    let mut history = start(dir.path(), &host.at());
    assert_eq!(history.new_checkpoint(), None, "nothing was summed before the first pass");
    append(&mut history, &host);
    for hour in 0..50_u64 {
        host.pass(HOUR);
        *host.dimm(0, 0) = (hour, 0);
        append(&mut history, &host);
    }
    assert_eq!(history.new_checkpoint().map(|head| head.seq > 1), Some(true));
    assert_eq!(history.new_checkpoint(), None, "news is news once");
    let made = of_kind(dir.path(), "checkpoint");
    assert_eq!(made.len(), 3, "{made:?}");
    let sums = made[2]["body"]["counters"].as_array().unwrap();
    assert!(sums.iter().any(|sum| sum["of"].as_str().unwrap().contains("dimm0 correctable")));
    assert!(sums.iter().all(|sum| sum["sum"].as_u64().unwrap() > 40), "{sums:?}");
    let report = verify(dir.path(), &[]);
    assert!(report.is_intact(), "{report:?}");
    // Whoever lowers a sum contradicts one of them.
    history
        .conn
        .execute_batch("BEGIN; UPDATE counter_state SET total = 40, value = 40 WHERE total > 40")
        .unwrap();
    let report = crate::ledger::rows::verify(&history.conn, &[]).unwrap();
    history.conn.execute_batch("ROLLBACK").unwrap();
    let found: Vec<_> = report.faults.iter().map(|fault| (fault.seq, fault.kind)).collect();
    let at = made[2]["seq"].as_u64().unwrap();
    assert_eq!(found, [(at, LedgerFaultKind::Contradicted); 2], "{report:?}");
    // A clock that is set to and fro makes no more of them.
    for _ in 0..20 {
        host.pass(INTERVAL);
        host.wall_ms += 30 * 86_400_000;
        append(&mut history, &host);
        host.wall_ms -= 60 * 86_400_000;
        append(&mut history, &host);
    }
    assert_eq!(of_kind(dir.path(), "checkpoint").len(), 3);
}

#[test]
fn a_verdict_that_flaps_is_told_so_often_and_then_as_it_stands() {
    let dir = directory();
    let mut host = Host::new();
    let mut history = start(dir.path(), &host.at());
    append(&mut history, &host);
    let note = |history: &mut History, at: &Stamp, round: u64| {
        let code = if round.is_multiple_of(2) { "memory-errors" } else { "kernel-behind" };
        let finding = Finding {
            code,
            subject: format!("dimm{round}"),
            ..super::exposures::behind(RebootHelps::No)
        };
        let coverage = Coverage::new(CoverageState::Full, CoverageState::Full, Vec::new());
        history.note(at, &Assessment::new(coverage, vec![finding])).unwrap();
    };
    for round in 0..1_440 {
        host.pass(INTERVAL);
        append(&mut history, &host);
        note(&mut history, &host.at(), round);
    }
    let told = of_kind(dir.path(), "verdict").len();
    assert!((48..=96).contains(&told), "{told}");
    // Subjects are no matter, and once there is room the present is told.
    host.pass(2 * HOUR);
    append(&mut history, &host);
    note(&mut history, &host.at(), 2_000);
    note(&mut history, &host.at(), 2_002);
    let verdicts = of_kind(dir.path(), "verdict");
    assert!(verdicts.len() <= told + 1);
    assert!(verdicts.last().unwrap()["body"]["findings"].get("memory-errors").is_some());
}

/// Reports of errors at one moment, `class` each.
fn hear(history: &mut History, host: &Host, class: EventClass, numbers: std::ops::Range<u64>) {
    let sightings = numbers.map(|number| {
        let mut sighting = super::events::sighting(number, 1);
        sighting.group.class = class;
        sighting
    });
    let sightings = Sightings { sightings: sightings.collect(), lost: 0, undecodable: 0 };
    let heard = Heard { sightings: &sightings, listening: true, how: None };
    history.hear(&host.at(), heard).unwrap();
}

#[test]
fn an_error_that_was_not_corrected_is_told_at_once_and_a_corrected_one_is_not() {
    let dir = directory();
    let host = Host::new();
    let mut history = start(dir.path(), &host.at());
    append(&mut history, &host);
    hear(&mut history, &host, EventClass::Corrected, 0..1);
    hear(&mut history, &host, EventClass::Uncorrected, 1..2);
    let left = kill(history, dir.path());
    let told = of_kind(left.path(), "error_reported");
    assert_eq!(told.len(), 1);
    let body = &told[0]["body"];
    assert_eq!(body["counter"], "skylake-socket-0-imc-0/dimm1");
    assert_eq!(body["address"], "0x8000000000001680");
    assert_eq!(body["sums"].to_string(), r#"{"uncorrected":1}"#);
    let reader = HistoryReader::open(left.path()).unwrap().unwrap();
    assert_eq!(reader.events(0, None, 10).unwrap()[1].id, body["event"].as_i64().unwrap());
}

#[test]
fn a_storm_of_errors_is_bounded_and_its_sums_are_whole() {
    let dir = directory();
    let mut host = Host::new();
    let mut history = start(dir.path(), &host.at());
    append(&mut history, &host);
    for second in 0..600_u64 {
        host.pass(Duration::from_secs(1));
        hear(&mut history, &host, EventClass::Deferred, second * 5..second * 5 + 5);
    }
    let told = of_kind(dir.path(), "error_reported").len();
    assert!((256..=258).contains(&told), "{told}");
    // Once there is room the next look tells the sums, and the end of the run does.
    host.pass(HOUR);
    append(&mut history, &host);
    let last = of_kind(dir.path(), "error_reported").pop().unwrap();
    assert_eq!(last["body"].to_string(), r#"{"left_out":true,"sums":{"deferred":3000}}"#);
    history.end_run(&host.at()).unwrap();
    assert_eq!(of_kind(dir.path(), "error_reported").len(), told + 1);
    assert!(verify(dir.path(), &[]).is_intact());
}

#[test]
fn pages_are_told_by_what_became_of_them_and_not_one_by_one() {
    let dir = directory();
    let mut host = Host::new();
    let mut history = start(dir.path(), &host.at());
    append(&mut history, &host);
    let report = |pfn| PageReport {
        pfn,
        page_size_bytes: 4_096,
        reason: PageReason::HardOffline,
        dimm: None,
    };
    let reported: Vec<PageReport> = (1..=40).map(report).collect();
    let seen = PagesSeen { reported: &reported, told: None, map: None };
    history.see_pages(&seen, &host.at()).unwrap();
    append(&mut history, &host);
    history.end_run(&host.at()).unwrap();
    drop(history);
    host.reboot(2);
    let mut history = start(dir.path(), &host.at());
    append(&mut history, &host);
    history.end_run(&host.at()).unwrap();
    let told = of_kind(dir.path(), "bad_pages");
    assert_eq!(told[0]["body"]["what"], "registered");
    assert_eq!(told[0]["body"]["named"].as_array().unwrap().len(), 16);
    assert!(told.iter().all(|line| line["body"]["pages"] == 40), "{told:?}");
    assert!(told.len() <= 3, "{told:?}");
}

#[test]
fn a_row_of_somebody_else_does_not_keep_the_history_from_being_written() {
    let dir = directory();
    let mut host = Host::new();
    let mut history = start(dir.path(), &host.at());
    append(&mut history, &host);
    let conn = Connection::open(files::database_path(dir.path())).unwrap();
    conn.execute_batch(
        "INSERT INTO ledger SELECT MAX(seq) + 1, 0, 'verdict', '{}', zeroblob(32) FROM ledger",
    )
    .unwrap();
    let foreign = verify(dir.path(), &[]).faults[0].seq;
    host.pass(INTERVAL);
    *host.dimm(0, 0) = (1, 0);
    assert!(history.append(&host.snapshot()).error.is_some());
    host.pass(INTERVAL);
    append(&mut history, &host);
    let faults = verify(dir.path(), &[]).faults;
    assert!(!faults.is_empty() && faults.iter().all(|fault| fault.seq == foreign), "{faults:?}");
    let told: i64 = conn
        .query_row(
            "SELECT COUNT(*) FROM ledger WHERE line LIKE '%did not write%ledger_changed%'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(told, 1);
}
