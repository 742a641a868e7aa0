//! Logs of mcelog, with their traps. Databases are tested with SQLite's own, in the tests package.

use super::*;
use crate::tree::{Node, Tree};
use scrubjay_model::{Clocks, EventClass, EventPlace, EventWhat, ForeignErrors};
use std::sync::Arc;

/// 2026-11-29, a Sunday.
const NOW_MS: i64 = 1_795_910_400_000;

fn read(files: &[(&str, &str)]) -> Reading<ErrorRecords> {
    let mut tree = Tree::new();
    for (path, text) in files {
        tree.insert(*path, Node::File(text.as_bytes().to_vec()));
    }
    let clocks = Clocks { realtime_ms: 0, boottime: None, monotonic: None };
    let host = HostRoot::from_tree(tree, Arc::new(move || clocks));
    foreign_errors(&host, ErrorMemory::Mcelog, None, NOW_MS, &mut |_, _| ())
}

fn groups(text: &str) -> Vec<ForeignErrors> {
    read(&[("var/log/mcelog", text)]).into_result().unwrap().errors
}

/// A record of a corrected error of memory on Intel: three errors, counted by the bank.
fn record(cpu: u32, time: i64) -> String {
    format!(
        "Hardware event. This is not a software error.\nMCE 0\nCPU {cpu} BANK 8 TSC 2b9bb2c9e2b \n\
         MISC 86 ADDR 3f1ac0000 \nTIME {time} Tue Jun 18 13:12:24 2013\nMCG status:\nMCi status:\n\
         Corrected error\nMCi_ADDR register valid\n\
         MCA: MEMORY CONTROLLER RD_CHANNEL1_ERR\nTransaction: Memory read error\n\
         STATUS 8c0000c000010091 MCGSTATUS 0\nMCGCAP 1c09 APICID 0 SOCKETID 1a \n\
         CPUID Vendor Intel Family 6 Model 26\n"
    )
}

#[test]
fn a_record_tells_time_class_place_and_count() {
    let [group] = &groups(&record(4, 1_371_555_544))[..] else { panic!("one group") };
    assert_eq!(group.first_wall_ms, Some(1_371_555_544_000));
    assert_eq!((group.records, group.errors), (1, 3));
    assert_eq!(group.first.class, EventClass::Corrected);
    assert_eq!(group.first.what, EventWhat::Memory);
    assert_eq!(group.first.place, EventPlace::Bank { cpu: 4, socket: 26, bank: 8 });
    assert_eq!(group.first.address, Some(0x3_f1ac_0000));
    assert_eq!(group.first.message, "memory read error");
    assert!(group.first.detail.contains("RD_CHANNEL1_ERR"), "{}", group.first.detail);
}

#[test]
fn what_log_rotation_left_comes_first_and_lines_of_syslog_are_understood() {
    let stamped: String = record(1, 1_371_555_600)
        .lines()
        .map(|line| format!("Jun 18 13:13:20 host mcelog[812]: {line}\n"))
        .collect();
    let files = [("var/log/mcelog", &*stamped), ("var/log/mcelog.1", &*record(1, 1_371_555_544))];
    let read = read(&files).into_result().unwrap();
    assert_eq!(read.paths, ["var/log/mcelog.1", "var/log/mcelog"]);
    let [group] = &read.errors[..] else { panic!("one group: {:?}", read.errors) };
    assert_eq!((group.records, group.errors, group.first_row, group.last_row), (2, 6, 1, 2));
}

#[test]
fn a_time_that_cannot_be_is_no_time() {
    for time in [0, 59, 15_000_000_000, i64::MAX] {
        let [group] = &groups(&record(0, time))[..] else { panic!("one group") };
        assert_eq!((group.hour, group.first_wall_ms, group.errors), (None, None, 3), "{time}");
    }
}

#[test]
fn a_record_without_a_status_is_left_out_and_counted() {
    let noise = "mcelog: failed to prefill DIMM database from DMI data\n";
    let cut = "CPU 0 BANK 5 \nMISC 86 ADDR 0 \n";
    let read = read(&[("var/log/mcelog", &*format!("{noise}{cut}{}", record(0, 1_371_555_544)))]);
    let read = read.into_result().unwrap();
    assert_eq!(read.records(), 1);
    assert_eq!(read.left_out.iter().map(|left| left.records).collect::<Vec<_>>(), [Some(1)]);
}

#[test]
fn a_machine_check_of_something_else_is_told_as_that() {
    let text = record(0, 1_371_555_544).replace("8c0000c000010091", "ee0000000040110a");
    let [group] = &groups(&text)[..] else { panic!("one group") };
    assert_eq!(group.first.class, EventClass::Fatal);
    assert!(matches!(&group.first.what, EventWhat::Other { about } if about.contains("0x110a")));
}

#[test]
fn a_socket_that_is_not_told_is_no_socket() {
    let text = record(4, 1_371_555_544).replace(" SOCKETID 1a", "");
    let [group] = &groups(&text)[..] else { panic!("one group") };
    assert_eq!(group.first.place, EventPlace::Address);
    assert!(group.first.detail.starts_with("cpu 4 bank 8; "), "{}", group.first.detail);
}

#[test]
fn a_host_without_a_log_has_none() {
    assert!(read(&[("var/log/syslog", "")]).is_absent());
    assert!(read(&[("var/log/mcelog-client", "")]).is_absent());
}

#[test]
fn what_is_compressed_is_told_and_what_is_no_log_is_not_one_without_errors() {
    let files =
        [("var/log/mcelog", &*record(0, 1_371_555_544)), ("var/log/mcelog.1.gz", "\x1f\x08")];
    let read_both = read(&files).into_result().unwrap();
    assert_eq!(read_both.records(), 1);
    let left_out: Vec<&str> = read_both.left_out.iter().map(|left| &*left.what).collect();
    assert_eq!(left_out, ["var/log/mcelog.1.gz"]);
    assert_eq!(read_both.left_out[0].records, None);
    let alone = read(&[("var/log/mcelog.1.gz", "\x1f\x08")]).into_result().unwrap();
    assert_eq!((alone.records(), alone.left_out.len()), (0, 1));

    let other = read(&[("var/log/mcelog", "SQLite format 3\0 and more")]);
    assert!(matches!(other, Reading::Malformed(..)), "{other:?}");
    let quiet = read(&[("var/log/mcelog", "mcelog: failed to prefill DIMM database\n")]);
    assert_eq!(quiet.into_result().unwrap().records(), 0);
    assert_eq!(read(&[("var/log/mcelog", "")]).into_result().unwrap().records(), 0);
}

proptest::proptest! {
    #[test]
    fn no_text_panics(text in "(CPU|STATUS|BANK|TIME|[0-9a-f ]|\n|\\PC){0,200}") {
        let _ = read(&[("var/log/mcelog", &*text)]);
    }
}
