//! Databases that SQLite made, read by our reader and by SQLite.

#![expect(clippy::disallowed_methods, reason = "runs Python's SQLite and reads what it made")]

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use scrubjay_collector::packages::sqlite::{SqliteTable, SqliteValue, sqlite_table};
use scrubjay_collector::{HostRoot, Node, Tree};
use scrubjay_model::{Clocks, ReadFault, Reading};
use serde_json::Value as Json;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sqlite_files/make.py");

fn python() -> Option<Command> {
    let has = Command::new("python3").args(["-c", "import sqlite3"]).output();
    if !has.is_ok_and(|output| output.status.success()) {
        println!("skipped: python3 with its module sqlite3 is not there");
        return None;
    }
    Some(Command::new("python3"))
}

/// A folder with databases of all kinds, and what SQLite reads in them.
fn databases() -> Option<&'static (tempfile::TempDir, BTreeMap<String, Json>)> {
    static MADE: OnceLock<Option<(tempfile::TempDir, BTreeMap<String, Json>)>> = OnceLock::new();
    MADE.get_or_init(make_databases).as_ref()
}

fn make_databases() -> Option<(tempfile::TempDir, BTreeMap<String, Json>)> {
    let folder = tempfile::tempdir().unwrap();
    let made = python()?.arg(SCRIPT).arg(folder.path()).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let text = std::fs::read_to_string(folder.path().join("expected.json")).unwrap();
    Some((folder, serde_json::from_str(&text).unwrap()))
}

fn open(path: &Path) -> HostRoot {
    let clocks = Clocks { realtime_ms: 0, boottime: None, monotonic: None };
    HostRoot::open(path, Arc::new(move || clocks)).unwrap()
}

fn captured(files: &[(&str, Vec<u8>)]) -> HostRoot {
    let clocks = Clocks { realtime_ms: 0, boottime: None, monotonic: None };
    let mut tree = Tree::new();
    for (path, bytes) in files {
        tree.insert(*path, Node::File(bytes.clone()));
    }
    HostRoot::from_tree(tree, Arc::new(move || clocks))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// RFC 1950, section 8.2: long values are compared by it.
fn adler32(bytes: &[u8]) -> u32 {
    let (a, b) = bytes.iter().fold((1_u32, 0_u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    b << 16 | a
}

fn told(value: &SqliteValue) -> String {
    match value {
        SqliteValue::Null => "n".to_owned(),
        SqliteValue::Integer(number) => format!("i:{number}"),
        SqliteValue::Real(number) => format!("r:{}", hex(&number.to_be_bytes())),
        SqliteValue::Text(text) => format!("t:{text}"),
        SqliteValue::Blob(bytes) => format!("b:{}:{:08x}", bytes.len(), adler32(bytes)),
    }
}

/// What SQLite says of a value that is stored as a whole number to save space.
fn is_same(ours: &str, theirs: &str) -> bool {
    let as_real = || {
        let number: i32 = ours.strip_prefix("i:")?.parse().ok()?;
        Some(format!("r:{}", hex(&f64::from(number).to_be_bytes())))
    };
    ours == theirs || as_real().is_some_and(|real| real == theirs)
}

fn compare(at: &str, ours: &SqliteTable, theirs: &Json) -> usize {
    let columns: Vec<&str> =
        theirs["columns"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert_eq!(ours.columns, columns, "{at}");
    let rows = theirs["rows"].as_array().unwrap();
    assert_eq!(ours.rows.len(), rows.len(), "{at}");
    for (index, (ours, theirs)) in ours.rows.iter().zip(rows).enumerate() {
        let theirs: Vec<&str> =
            theirs.as_array().unwrap().iter().map(|value| value.as_str().unwrap()).collect();
        for (column, theirs) in theirs.iter().enumerate() {
            match ours.get(column).map(told) {
                Some(ours) => {
                    assert!(is_same(&ours, theirs), "{at} row {index} {column}: {ours} {theirs}");
                }
                // A column that was added later: SQLite knows its default from the statement.
                None => assert_eq!((columns[column], *theirs), ("later", "i:7"), "{at}"),
            }
        }
        assert!(ours.len() <= theirs.len(), "{at} row {index}");
    }
    rows.len()
}

fn table(host: &HostRoot, path: &str, name: &str) -> Reading<SqliteTable> {
    // Names of tables are fixed in the product.
    sqlite_table(host, path, name.to_owned().leak())
}

#[test]
fn every_row_is_read_as_sqlite_reads_it() {
    let Some((folder, expected)) = databases() else { return };
    let host = open(folder.path());
    let (mut rows, mut logs) = (0, 0);
    for (name, tables) in expected {
        let path = format!("{name}.db");
        logs += u32::from(folder.path().join(format!("{path}-wal")).exists());
        let tables = tables.as_object().unwrap();
        assert!(!tables.is_empty(), "{name}");
        for (table_name, theirs) in tables {
            let at = format!("{name}.{table_name}");
            let ours = table(&host, &path, table_name).into_result();
            rows += compare(&at, &ours.unwrap_or_else(|why| panic!("{at}: {why}")), theirs);
        }
    }
    println!("{} databases, {logs} with a log, {rows} rows as SQLite has them", expected.len());
    assert!(rows > 20_000 && logs >= 10, "{rows} {logs}");
    let none = table(&host, "page-512.db", "Nothing");
    assert!(matches!(none, Reading::Malformed(..)), "{none:?}");
    // The rows of an index are no rows of a table.
    assert!(table(&host, "none.db", "Kinds").is_absent());
}

/// The same log as a machine with the other order of bytes writes it.
fn other_order(log: &[u8]) -> Vec<u8> {
    let mut log = log.to_vec();
    let magic = u32::from_be_bytes(log[..4].try_into().unwrap());
    let big_endian = magic & 1 == 0;
    log[..4].copy_from_slice(&(magic ^ 1).to_be_bytes());
    let sum = |(mut a, mut b): (u32, u32), bytes: &[u8]| {
        let word = |at: usize| {
            let word = bytes[at..at + 4].try_into().unwrap();
            if big_endian { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) }
        };
        for at in (0..bytes.len()).step_by(8) {
            a = a.wrapping_add(word(at)).wrapping_add(b);
            b = b.wrapping_add(word(at + 4)).wrapping_add(a);
        }
        (a, b)
    };
    let put = |log: &mut [u8], at: usize, (a, b): (u32, u32)| {
        log[at..at + 8].copy_from_slice(&[a.to_be_bytes(), b.to_be_bytes()].concat());
    };
    let mut sums = sum((0, 0), &log[..24]);
    put(&mut log, 24, sums);
    let frame = 24 + usize::try_from(u32::from_be_bytes(log[8..12].try_into().unwrap())).unwrap();
    for at in (32..log.len() - frame + 1).step_by(frame) {
        sums = sum(sum(sums, &log[at..at + 8]), &log[at + 24..at + frame]);
        put(&mut log, at + 16, sums);
    }
    log
}

#[test]
fn a_log_counts_in_either_order_of_bytes_and_only_while_its_checksums_hold() {
    let Some((folder, expected)) = databases() else { return };
    let main = std::fs::read(folder.path().join("wal-1024.db")).unwrap();
    let log = std::fs::read(folder.path().join("wal-1024.db-wal")).unwrap();
    let before = |log: Vec<u8>| {
        let host = captured(&[("a.db", main.clone()), ("a.db-wal", log)]);
        let table = table(&host, "a.db", "Before").into_result().unwrap();
        told(&table.rows[0][0])
    };
    assert_eq!(before(log.clone()), "t:in the log");
    let turned = other_order(&log);
    assert_ne!(turned, log);
    let host = captured(&[("a.db", main.clone()), ("a.db-wal", turned)]);
    for (name, theirs) in expected["wal-1024"].as_object().unwrap() {
        compare(name, &table(&host, "a.db", name).into_result().unwrap(), theirs);
    }
    // What is cut or changed ends the log before it.
    assert_eq!(before(log[..40].to_vec()), "t:in the file");
    for at in [0, 9, 17, 30, 33, 45, 60] {
        let mut spoilt = log.clone();
        spoilt[at] ^= 0x10;
        assert_eq!(before(spoilt), "t:in the file", "byte {at}");
    }
}

#[test]
fn a_transaction_that_was_cut_short_is_told_from_its_journal() {
    let Some((folder, _)) = databases() else { return };
    let main = std::fs::read(folder.path().join("page-1024.db")).unwrap();
    let read = |journal: &[u8]| {
        let files = [("a.db", main.clone()), ("a.db-journal", journal.to_vec())];
        table(&captured(&files), "a.db", "Kinds")
    };
    let needed = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7, 0, 0, 0, 1];
    let torn = read(&needed);
    assert!(
        matches!(&torn, Reading::Unreadable(origin, ReadFault::Torn)
            if origin.as_str() == "a.db-journal"),
        "{torn:?}"
    );
    // What is left of a journal that is no longer needed.
    assert!(read(&[0; 512]).value().is_some());
    assert!(read(b"").value().is_some());
}

/// Whatever stands in a file, reading it ends, and without a panic.
#[test]
fn no_flipped_bits_panic_or_loop() {
    let Some((folder, _)) = databases() else { return };
    let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    let cases = [
        (read("page-512.db"), None),
        (read("utf16le.db"), None),
        (read("wal-512.db"), Some(read("wal-512.db-wal"))),
    ];
    let flips = proptest::collection::vec((any::<Index>(), any::<bool>(), any::<u8>()), 1..12);
    let mut runner =
        TestRunner::new(Config { cases: 120, failure_persistence: None, ..Config::default() });
    let (whole, spoilt) = (Cell::new(0), Cell::new(0));
    runner
        .run(&(0..cases.len(), flips), |(case, flips)| {
            let (mut main, mut log) = cases[case].clone();
            for (at, early, byte) in flips {
                let file = match &mut log {
                    Some(log) if byte & 1 == 1 => log,
                    _ => &mut main,
                };
                // The header and the first pages are where most depends on a bit.
                let length = if early { file.len().min(1200) } else { file.len() };
                file[at.index(length)] ^= byte;
            }
            let mut files = vec![("a.db", main)];
            files.extend(log.map(|log| ("a.db-wal", log)));
            let host = captured(&files);
            for name in ["Kinds", "Numbered", "Long", "Before"] {
                match sqlite_table(&host, "a.db", name) {
                    Reading::Value(_) => whole.set(whole.get() + 1),
                    _ => spoilt.set(spoilt.get() + 1),
                }
            }
            Ok(())
        })
        .unwrap();
    let (whole, spoilt) = (whole.get(), spoilt.get());
    println!("{whole} tables read, {spoilt} refused");
    assert!(whole > 0 && spoilt > 0);
}

/// Reads while SQLite writes transactions each of which sets all rows.
fn reads_while_written(mode: &str) {
    let Some(mut python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut writer = python
        .args([SCRIPT, "write", mode])
        .arg(folder.path().join("a.db"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(writer.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    assert_eq!(line.trim(), "ready");
    let host = open(folder.path());
    let (mut whole, mut torn, mut mixed) = (0, 0, Vec::new());
    let mut seen = BTreeSet::new();
    for _ in 0..400 {
        match sqlite_table(&host, "a.db", "Same") {
            Reading::Value(table) => {
                let mut values: Vec<Option<i64>> =
                    table.rows.iter().map(|row| row[0].integer()).collect();
                let rows = values.len();
                values.dedup();
                if rows != 400 || values.len() != 1 {
                    mixed.push(values);
                }
                seen.extend(table.rows.first().and_then(|row| row[0].integer()));
                whole += 1;
            }
            Reading::Unreadable(_, ReadFault::Torn) => torn += 1,
            other => panic!("{mode}: {other:?}"),
        }
    }
    drop(writer.stdin.take());
    line.clear();
    output.read_line(&mut line).unwrap();
    assert!(writer.wait().unwrap().success());
    println!(
        "{mode}: {} transactions; {whole} reads, {torn} torn, {} states",
        line.trim(),
        seen.len()
    );
    assert_eq!(mixed, Vec::<Vec<Option<i64>>>::new(), "{mode}: states that never were");
    assert!(whole > 0 && seen.len() > 1, "{mode}");
}

#[test]
fn a_read_while_transactions_are_logged_shows_one_of_them() {
    reads_while_written("WAL");
}

#[test]
fn a_read_while_transactions_are_written_in_place_shows_one_of_them() {
    reads_while_written("DELETE");
}
