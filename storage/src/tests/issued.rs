//! That a report was made stands in the ledger once, whoever writes it there.

#![expect(clippy::disallowed_methods, reason = "damages and mends files of the test itself")]

use super::support::{Host, append, directory, start};
use crate::ledger::Kind;
use crate::{History, HistoryReader, hand_over, sha256, waiting};
use scrubjay_model::IssuedReport;
use std::path::Path;

fn issued(id: &str) -> IssuedReport {
    IssuedReport {
        id: id.to_owned(),
        by: "ann".to_owned(),
        uid: 7,
        made_wall_ms: 5,
        from_wall_ms: 1,
        to_wall_ms: 2,
        at_wall_ms: 2,
        sha256: sha256(b"report"),
        policy_sha256: sha256(b"policy"),
    }
}

fn told(dir: &Path) -> Vec<String> {
    let reader = HistoryReader::open(dir).unwrap().unwrap();
    assert!(reader.verify_ledger(&[]).unwrap().is_intact());
    let mut rows = Vec::new();
    reader
        .export_ledger(None, |row| {
            if row.line.contains(r#""kind":"report_issued""#) {
                rows.push(row.line.to_owned());
            }
            Ok::<(), ()>(())
        })
        .unwrap()
        .unwrap();
    rows
}

#[test]
fn a_report_that_was_made_beside_an_agent_is_told_once() {
    let dir = directory();
    let host = Host::new();
    let mut history = start(dir.path(), &host.at());
    append(&mut history, &host);
    let path = hand_over(dir.path(), &issued("1-1")).unwrap();
    assert_eq!(waiting::<IssuedReport>(dir.path()).len(), 1);
    let kept = std::fs::read(&path).unwrap();
    let (taken, rejected, _) = history.take_reports(&host.at());
    assert_eq!((taken.len(), rejected.len()), (1, 0));
    assert!(!path.exists());
    // Somebody put the file back: it is known.
    std::fs::write(&path, kept).unwrap();
    history.take_reports(&host.at());
    drop(history);
    let rows = told(dir.path());
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert!(rows[0].contains(&format!(r#""sha256":"{}""#, sha256(b"report"))), "{}", rows[0]);
    assert!(rows[0].contains(r#""by":"ann""#) && !rows[0].contains(r#""uid":7"#), "{}", rows[0]);
}

#[test]
fn what_is_no_word_of_a_report_is_moved_aside() {
    let dir = directory();
    let host = Host::new();
    let mut history = start(dir.path(), &host.at());
    let path = hand_over(dir.path(), &issued("1-1")).unwrap();
    let backwards = IssuedReport { from_wall_ms: 3, ..issued("1-2") };
    for odd in ["{}".to_owned(), serde_json::to_string(&backwards).unwrap()] {
        std::fs::write(&path, odd).unwrap();
        let (taken, rejected, _) = history.take_reports(&host.at());
        assert_eq!((taken.len(), rejected.len()), (0, 1));
        assert!(rejected[0].path.exists());
    }
    // While there is no file it waits.
    hand_over(dir.path(), &issued("1-3")).unwrap();
    history.away = Some(crate::away::Away::Whole);
    assert_eq!(history.take_reports(&host.at()).0, []);
    assert_eq!(waiting::<IssuedReport>(dir.path()).len(), 1);
}

#[test]
fn a_report_is_told_of_by_whoever_may_write_the_history() {
    let dir = directory();
    let host = Host::new();
    drop(start(dir.path(), &host.at()));
    let mut history = History::open(dir.path(), &host.at()).unwrap();
    history.keep_report(&host.at(), &issued("1-1")).unwrap();
    history.keep_report(&host.at(), &issued("1-1")).unwrap();
    history.keep_report(&host.at(), &issued("1-2")).unwrap();
    drop(history);
    assert_eq!(told(dir.path()).len(), 2);
}

#[test]
fn what_cannot_be_written_waits_once() {
    let dir = directory();
    let host = Host::new();
    let mut history = start(dir.path(), &host.at());
    let path = hand_over(dir.path(), &issued("1-1")).unwrap();
    history.conn.pragma_update(None, "query_only", true).unwrap();
    for _ in 0..3 {
        assert!(history.take_reports(&host.at()).2.is_some());
    }
    assert!(path.exists());
    assert_eq!(
        history.pending.ledger.iter().filter(|fact| fact.kind == Kind::ReportIssued).count(),
        1
    );
    history.conn.pragma_update(None, "query_only", false).unwrap();
    assert_eq!(history.take_reports(&host.at()).0.len(), 1);
    drop(history);
    assert_eq!(told(dir.path()).len(), 1);
}
