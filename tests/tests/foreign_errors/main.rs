//! Errors that other tools recorded, read and taken in by us.

#![expect(clippy::disallowed_methods, reason = "runs Python and makes files of its own")]

use scrubjay_collector::{HostRoot, foreign_errors};
use scrubjay_model::{
    BootId, Clocks, ErrorMemory, ErrorRecords, EventClass, EventWhat, Reading, Stamp,
};
use scrubjay_storage::{History, HistoryReader};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

/// 2026-11-29.
const NOW_MS: i64 = 1_795_910_400_000;

fn read(root: &Path, memory: ErrorMemory) -> Reading<ErrorRecords> {
    let clocks = Clocks { realtime_ms: NOW_MS, boottime: None, monotonic: None };
    let host = HostRoot::open(root, Arc::new(move || clocks)).unwrap();
    foreign_errors(&host, memory, None, NOW_MS, &mut |_, _| ())
}

/// A host with a database of that release; `None` where SQLite's module of Python is missing.
fn host(release: &str) -> Option<tempfile::TempDir> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("var/lib/rasdaemon/ras-mc_event.db");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/foreign_errors/make.py");
    let ran = Command::new("python3").arg(script).arg(&path).arg(release).output();
    match ran {
        Ok(output) if output.status.success() => Some(folder),
        Ok(output) if String::from_utf8_lossy(&output.stderr).contains("ModuleNotFound") => None,
        Ok(output) => panic!("{}", String::from_utf8_lossy(&output.stderr)),
        Err(_) => None,
    }
}

/// Records and errors by table and class.
fn sums(found: &ErrorRecords) -> Vec<String> {
    let mut sums = std::collections::BTreeMap::<(&str, &str), (u64, u64)>::new();
    for group in &found.errors {
        let sum = sums.entry((group.first.origin, group.first.class.as_str())).or_default();
        *sum = (sum.0 + group.records, sum.1 + group.errors);
    }
    sums.iter()
        .map(|((table, class), (records, errors))| format!("{table} {class} {records} {errors}"))
        .collect()
}

const OLD: [&str; 3] =
    ["mc_event corrected 4 11", "mc_event uncorrected 1 2", "mce_record corrected 3 5"];
const MIDDLE: [&str; 2] = ["extlog_event uncorrected 1 1", "memory_failure_event uncorrected 1 1"];
const NEW: [&str; 2] = ["cxl_dram_event corrected 1 1", "cxl_poison_event info 1 1"];

#[test]
fn databases_of_every_layout_are_read_by_the_names_of_their_columns() {
    for (release, parts) in [
        ("old", vec![&OLD[..]]),
        ("middle", vec![&OLD, &MIDDLE]),
        ("new", vec![&OLD, &MIDDLE, &NEW]),
    ] {
        let Some(folder) = host(release) else {
            println!("skipped: python3 with its module sqlite3 is not there");
            return;
        };
        let found = read(folder.path(), ErrorMemory::Rasdaemon).into_result().unwrap();
        let mut expected: Vec<&str> = parts.concat();
        expected.sort_unstable();
        assert_eq!(sums(&found), expected, "{release}");
        let left_out: Vec<String> = found
            .left_out
            .iter()
            .map(|left| format!("{} {}", left.records.unwrap(), left.what))
            .collect();
        assert_eq!(left_out[..2], ["1 rows of mc_event", "2 rows of aer_event"], "{release}");
    }
}

#[test]
fn how_many_records_there_are_is_told_before_they_are_read() {
    let Some(folder) = host("new") else {
        println!("skipped: python3 with its module sqlite3 is not there");
        return;
    };
    let clocks = Clocks { realtime_ms: NOW_MS, boottime: None, monotonic: None };
    let host = HostRoot::open(folder.path(), Arc::new(move || clocks)).unwrap();
    let mut told = Vec::new();
    let mut tell = |read, most| told.push((read, most));
    let found = foreign_errors(&host, ErrorMemory::Rasdaemon, None, NOW_MS, &mut tell);
    let records = found.value().unwrap().records();
    let (Some(first), Some(last)) = (told.first(), told.last()) else { panic!("nothing told") };
    assert!(first.0 == 0 && first.1 >= records, "{told:?} {records}");
    assert!(last.0 == last.1 && last.0 >= records, "{told:?} {records}");
}

#[test]
fn times_are_those_of_the_moment_whatever_the_clock_on_the_wall_did() {
    let Some(folder) = host("new") else {
        println!("skipped: python3 with its module sqlite3 is not there");
        return;
    };
    let found = read(folder.path(), ErrorMemory::Rasdaemon).into_result().unwrap();
    let mc: Vec<_> = found
        .errors
        .iter()
        .filter(|group| group.first.origin == "mc_event")
        .map(|group| (group.first_wall_ms, group.records, group.errors, group.first.address))
        .collect();
    // 00:10 and 00:50 UTC are one hour; 01:20 UTC is another, though its text says 02:20.
    let hour = |h: i64, m: i64| Some(1_792_886_400_000 + (h * 60 + m) * 60_000);
    let expected = [
        (None, 1, 4, None),
        (hour(0, 10), 2, 6, Some(0x3_f1ac_0000)),
        (hour(1, 20), 1, 1, None),
        (hour(8, 0), 1, 2, Some(0xffff_ffff_ffff_f000)),
    ];
    assert_eq!(mc, expected);
}

fn stamp(wall_ms: i64) -> Stamp {
    Stamp { boot: BootId::unknown(), wall_ms, since_boot: None, awake: None }
}

#[test]
fn taking_in_twice_adds_nothing_and_what_was_added_meanwhile_once() {
    let Some(folder) = host("new") else {
        println!("skipped: python3 with its module sqlite3 is not there");
        return;
    };
    let state = tempfile::tempdir().unwrap();
    let take = || {
        let found = read(folder.path(), ErrorMemory::Rasdaemon).into_result().unwrap();
        let mut history = History::open(state.path(), &stamp(NOW_MS)).unwrap();
        let taken = history.import_errors(&[found], &stamp(NOW_MS)).unwrap();
        (taken[0].records_added, taken[0].errors_added)
    };
    assert_eq!(take(), (12, 22));
    assert_eq!(take(), (0, 0));
    let more = "
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute('INSERT INTO mc_event (timestamp, err_count, err_type, label, mc, top_layer, '
           'middle_layer, lower_layer) VALUES (?, 100, ?, ?, 0, 0, 1, -1)',
           ('2026-10-25 02:59:00 +0200', 'Corrected', 'CPU_SrcID#0_MC#0_Chan#1_DIMM#0'))
db.commit()
";
    let path = folder.path().join("var/lib/rasdaemon/ras-mc_event.db");
    assert!(Command::new("python3").args(["-c", more]).arg(path).status().unwrap().success());
    assert_eq!(take(), (1, 100));
    assert_eq!(take(), (0, 0));

    let reader = HistoryReader::open(state.path()).unwrap().unwrap();
    let kept = reader.imported_errors().unwrap();
    let of = |class| {
        let these = kept.iter().filter(|group| group.origin == "mc_event" && group.class == class);
        these.map(|group| group.errors).sum::<u64>()
    };
    assert_eq!((of(EventClass::Corrected), of(EventClass::Uncorrected)), (111, 2));
    let first = kept.iter().find(|group| group.errors == 106).unwrap();
    assert_eq!((first.rows, first.records), ((1, 7), 3));
    assert_eq!(first.message, "memory read error");
    assert_eq!(first.place.to_string(), "mc0:0:1:- CPU_SrcID#0_MC#0_Chan#1_DIMM#0");
}

#[test]
fn a_memory_controller_of_amd_tells_no_address_and_not_only_of_memory() {
    let Some(folder) = host("old") else {
        println!("skipped: python3 with its module sqlite3 is not there");
        return;
    };
    let found = read(folder.path(), ErrorMemory::Rasdaemon).into_result().unwrap();
    let of_controller: Vec<_> = found
        .errors
        .iter()
        .map(|group| &group.first)
        .filter(|first| first.detail.contains("Memory Controller"))
        .map(|first| (first.what == EventWhat::Memory, first.address))
        .collect();
    assert_eq!(of_controller, [(true, None), (false, None)]);
}

#[test]
fn another_database_is_no_database_of_rasdaemon() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("var/lib/rasdaemon/ras-mc_event.db");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, b"not a database at all").unwrap();
    let found = read(folder.path(), ErrorMemory::Rasdaemon);
    assert!(matches!(found, Reading::Malformed(..)), "{found:?}");
    assert!(read(tempfile::tempdir().unwrap().path(), ErrorMemory::Rasdaemon).is_absent());
}

#[test]
fn files_of_real_hosts_are_read() {
    let Some(corpus) = std::env::var_os("SCRUBJAY_CORPUS").map(PathBuf::from) else {
        println!("skipped: SCRUBJAY_CORPUS names no folder");
        return;
    };
    let mut schemas = 0;
    let mut names: Vec<PathBuf> = std::fs::read_dir(corpus.join("rasdaemon/schemas"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    for schema in names {
        let Some(folder) = host(schema.to_str().unwrap()) else {
            println!("skipped: python3 with its module sqlite3 is not there");
            return;
        };
        let found = read(folder.path(), ErrorMemory::Rasdaemon).into_result().unwrap();
        let told = sums(&found);
        assert!(OLD.iter().all(|sum| told.iter().any(|told| told == sum)), "{schema:?} {told:?}");
        println!("{}: {}", schema.file_name().unwrap().display(), told.join(", "));
        schemas += 1;
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("var/log")).unwrap();
    let log = corpus.join("mcelog/mcelog_haswell_2013_forum.log");
    std::fs::copy(log, folder.path().join("var/log/mcelog")).unwrap();
    let found = read(folder.path(), ErrorMemory::Mcelog).into_result().unwrap();
    assert_eq!(sums(&found), ["mcelog fatal 2 2"]);
    println!("{schemas} layouts of rasdaemon, 1 log of mcelog");
}
