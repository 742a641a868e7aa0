//! Source states and facts.

use super::support::{Host, absent, answered, directory, empty, start};
use crate::History;
use scrubjay_model::{
    Livepatch, NonValue, Origin, ParseFault, Patch, ReadFault, Reading, Section, Snapshot,
    SourceReport,
};
use std::time::Duration;

/// All rows of a query, columns joined by blanks, `-` for null.
fn rows(history: &History, query: &str) -> Vec<String> {
    let mut statement = history.conn.prepare(query).unwrap();
    let columns = statement.column_count();
    let text = |row: &rusqlite::Row<'_>, n| {
        row.get::<_, Option<String>>(n).unwrap().unwrap_or_else(|| "-".to_owned())
    };
    statement
        .query_map([], |row| Ok((0..columns).map(|n| text(row, n)).collect::<Vec<_>>().join(" ")))
        .unwrap()
        .map(Result::unwrap)
        .collect()
}

fn states_of(history: &History, source: &str) -> Vec<String> {
    let query = format!(
        "SELECT state, reason_kind FROM source_state WHERE source = '{source}' ORDER BY snapshot"
    );
    rows(history, &query)
}

fn livepatch_facts(history: &History) -> Vec<String> {
    rows(
        history,
        "SELECT subject, state, value FROM fact WHERE name = 'livepatch.enabled' ORDER BY snapshot",
    )
}

fn take_in(history: &mut History, snapshot: &Snapshot) {
    assert!(history.append(snapshot).error.is_none());
}

fn patches(names: &[&str]) -> Section<Livepatch> {
    let patch = |name: &&str| Patch {
        name: (*name).to_owned(),
        enabled: Reading::Value(true),
        transition: absent(),
        replace: absent(),
        stack_order: absent(),
        objects: absent(),
        module_taint: absent(),
    };
    let livepatch = Livepatch { patches: names.iter().map(patch).collect(), blockers: None };
    answered(Reading::Value(livepatch))
}

#[test]
fn a_source_is_recorded_at_every_start_and_when_its_state_changes() {
    let dir = directory();
    let mut host = Host::new();
    let mut history = start(dir.path(), &host.at());
    let origin = || Origin::new("sys/kernel/livepatch");
    let fault = |found: &[u8]| Reading::Malformed(origin(), ParseFault::new("a number", found));
    let readings: [Option<Section<Livepatch>>; 8] = [
        Some(patches(&[])),
        Some(patches(&[])),
        Some(answered(Reading::Unreadable(origin(), ReadFault::Denied))),
        Some(answered(Reading::Unreadable(origin(), ReadFault::Io(5)))),
        Some(answered(Reading::Unreadable(origin(), ReadFault::Io(6)))),
        Some(answered(fault(b"one"))),
        Some(answered(fault(b"two"))),
        None,
    ];
    for livepatch in readings {
        host.pass(Duration::from_secs(60));
        take_in(&mut history, &Snapshot { livepatch, ..empty(host.at()) });
    }
    let expected = ["ok -", "unreadable denied", "unreadable io", "malformed malformed", "off -"];
    assert_eq!(states_of(&history, "livepatch"), expected);

    drop(history);
    let mut history = start(dir.path(), &host.at());
    take_in(&mut history, &empty(host.at()));
    assert_eq!(states_of(&history, "livepatch").last().unwrap(), "off -");
    assert_eq!(states_of(&history, "livepatch").len(), 6);
    assert_eq!(states_of(&history, "kernel"), ["off -", "off -"]);
}

#[test]
fn a_fact_is_recorded_when_it_changes_also_across_restarts() {
    let dir = directory();
    let mut host = Host::new();
    let mut history = start(dir.path(), &host.at());
    for enabled in [
        Reading::Value(true),
        Reading::Value(true),
        Reading::Unreadable(Origin::new("x"), ReadFault::Denied),
        Reading::Value(false),
    ] {
        for _ in 0..2 {
            host.pass(Duration::from_secs(60));
            let mut section = patches(&["kpatch_1"]);
            if let Reading::Value(livepatch) = &mut section.reading {
                livepatch.patches[0].enabled = enabled.clone();
            }
            take_in(&mut history, &Snapshot { livepatch: Some(section), ..empty(host.at()) });
            drop(history);
            history = start(dir.path(), &host.at());
        }
    }
    let expected = ["kpatch_1 ok true", "kpatch_1 unreadable -", "kpatch_1 ok false"];
    assert_eq!(livepatch_facts(&history), expected);
}

#[test]
fn what_a_faultless_source_no_longer_lists_is_gone_and_may_come_back() {
    let dir = directory();
    let mut host = Host::new();
    let mut history = start(dir.path(), &host.at());
    for names in [&["a", "b"][..], &["b"], &["b"], &["a", "b"]] {
        host.pass(Duration::from_secs(60));
        take_in(&mut history, &Snapshot { livepatch: Some(patches(names)), ..empty(host.at()) });
        drop(history);
        history = start(dir.path(), &host.at());
    }
    assert_eq!(livepatch_facts(&history), ["a ok true", "b ok true", "a gone -", "a ok true"]);
}

#[test]
fn nothing_is_gone_while_its_source_is_off_or_does_not_answer_in_full() {
    let dir = directory();
    let mut host = Host::new();
    let mut history = start(dir.path(), &host.at());
    take_in(&mut history, &Snapshot { livepatch: Some(patches(&["a"])), ..empty(host.at()) });
    let origin = || Origin::new("sys/kernel/livepatch");
    let partial = Section {
        report: SourceReport {
            took: Duration::ZERO,
            attributes: 2,
            faults: vec![NonValue::Unreadable(origin(), ReadFault::Io(5))],
        },
        ..patches(&[])
    };
    let silent = answered(Reading::Unreadable(origin(), ReadFault::Deadline));
    for livepatch in [None, Some(partial), Some(silent)] {
        host.pass(Duration::from_secs(60));
        take_in(&mut history, &Snapshot { livepatch, ..empty(host.at()) });
    }
    assert_eq!(livepatch_facts(&history), ["a ok true"]);
}

#[test]
fn a_counter_that_is_not_read_any_more_is_told_once_and_once_when_it_is_again() {
    let dir = directory();
    let mut host = Host::new();
    let mut history = start(dir.path(), &host.at());
    let mut pass = |host: &mut Host, edac: bool| {
        host.pass(Duration::from_secs(60));
        let snapshot = if edac { host.snapshot() } else { empty(host.at()) };
        take_in(&mut history, &snapshot);
        let told = "SELECT subject, value FROM fact WHERE name = 'counter.read'
                    ORDER BY snapshot, subject";
        rows(&history, told)
    };
    // While all is read nothing is told.
    assert_eq!(pass(&mut host, true), [""; 0]);
    let was = host.controllers[0].dimms[1].take();
    let gone = [
        "skylake-socket-0-imc-0/dimm1 correctable false",
        "skylake-socket-0-imc-0/dimm1 uncorrectable false",
    ];
    assert_eq!(pass(&mut host, true), gone);
    assert_eq!(pass(&mut host, true), gone);
    // Without any it is one fact, and those of each stay.
    assert_eq!(pass(&mut host, false).last().unwrap(), " false");
    assert_eq!(pass(&mut host, false).len(), 3);
    host.controllers[0].dimms[1] = was;
    let last = pass(&mut host, true);
    assert_eq!(last.len(), 6);
    assert!(last[3..].iter().all(|row| row.ends_with(" true")), "{last:?}");
}
