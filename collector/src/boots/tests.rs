//! Files and tables of the four tools, with their traps.

use super::rows::{Boots, tuptime, wtmpdb};
use super::*;
use crate::packages::sqlite::SqliteValue;
use crate::tree::{Node, Tree};
use proptest::prelude::*;
use scrubjay_model::{BootId, Clocks, ForeignBoot, ForeignEnd};
use std::sync::Arc;

/// A record as a machine with that size and order of bytes writes it.
fn record(size: usize, big: bool, kind: u16, user: &str, host: &str, seconds: u32) -> Vec<u8> {
    let mut bytes = vec![0; size];
    let mut put = |at: usize, part: &[u8]| bytes[at..at + part.len()].copy_from_slice(part);
    let kind = if big { kind.to_be_bytes() } else { kind.to_le_bytes() };
    let short = |n: u32| if big { n.to_be_bytes() } else { n.to_le_bytes() };
    let long = |n: u64| if big { n.to_be_bytes() } else { n.to_le_bytes() };
    put(0, &kind);
    put(8, b"~");
    put(40, b"~~");
    put(44, user.as_bytes());
    put(76, host.as_bytes());
    if user == "runlevel" {
        put(4, &short(u32::from(b'5') * 256 + u32::from(b'6')));
    }
    if size == 384 {
        put(340, &short(seconds));
        put(344, &short(250_000));
    } else {
        put(344, &long(u64::from(seconds)));
        put(352, &long(250_000));
    }
    bytes
}

const EVENTS: [(u16, &str, &str, u32); 8] = [
    (1, "shutdown", "5.0", 900),
    (2, "reboot", "6.1.0-1-amd64", 1000),
    (7, "jane", "example.org", 1100),
    (1, "shutdown", "6.1.0-1-amd64", 2000),
    (2, "reboot", "6.1.0-2-amd64", 2100),
    (2, "reboot", "6.1.0-2-amd64", 3100),
    (1, "runlevel", "6.1.0-2-amd64", 3200),
    (2, "reboot", "6.1.0-3-amd64", 4_000_000_000),
];

fn told(boots: &[ForeignBoot]) -> Vec<(i64, Option<i64>, Option<&str>, &'static str)> {
    let one = |boot: &ForeignBoot| {
        let begun = boot.booted_wall_ms / 1000;
        (begun, boot.ended_wall_ms.map(|at| at / 1000), boot.end.as_str())
    };
    let releases = boots.iter().map(|boot| boot.kernel_release.as_deref());
    let all = boots.iter().map(one).zip(releases);
    all.map(|((begun, ended, end), release)| (begun, ended, release, end)).collect()
}

fn wtmp_of(files: &[(&str, Vec<u8>)]) -> Reading<ForeignBoots> {
    let mut tree = Tree::new();
    for (path, bytes) in files {
        tree.insert(*path, Node::File(bytes.clone()));
    }
    let clocks = Clocks { realtime_ms: 0, boottime: None, monotonic: None };
    let [(_, wtmp), ..] = foreign_boots(&HostRoot::from_tree(tree, Arc::new(move || clocks)));
    wtmp
}

fn events(size: usize, big: bool, events: &[(u16, &str, &str, u32)]) -> Vec<u8> {
    let records =
        events.iter().map(|(kind, user, host, at)| record(size, big, *kind, user, host, *at));
    records.collect::<Vec<_>>().concat()
}

#[test]
fn wtmp_is_read_in_every_layout_and_two_boots_in_a_row_are_a_crash() {
    for (size, big) in [(384, false), (384, true), (400, false), (400, true)] {
        let read = wtmp_of(&[("var/log/wtmp", events(size, big, &EVENTS))]).into_result().unwrap();
        let expected = [
            (1000, Some(2000), Some("6.1.0-1-amd64"), "clean"),
            (2100, None, Some("6.1.0-2-amd64"), "unclean"),
            (3100, Some(3200), Some("6.1.0-2-amd64"), "clean"),
            (4_000_000_000, None, Some("6.1.0-3-amd64"), "unknown"),
        ];
        assert_eq!(told(&read.boots), expected, "{size} {big}");
        assert_eq!((read.not_understood, read.has_gaps), (0, false));
        assert_eq!(read.boots[0].booted_wall_ms, 1_000_250);
    }
}

#[test]
fn what_log_rotation_left_comes_first() {
    let part = |range: std::ops::Range<usize>| events(384, false, &EVENTS[range]);
    let whole = wtmp_of(&[("var/log/wtmp", part(0..8))]).into_result().unwrap();
    for (older, old) in [("wtmp.2", "wtmp.1"), ("wtmp-20260901", "wtmp-20261001")] {
        let (older, old) = (format!("var/log/{older}"), format!("var/log/{old}"));
        let files = [("var/log/wtmp", part(5..8)), (&*older, part(0..2)), (&*old, part(2..5))];
        let read = wtmp_of(&files).into_result().unwrap();
        assert_eq!(read.paths, [&older, &old, "var/log/wtmp"]);
        assert_eq!(read.boots, whole.boots);
    }
    let others = [("var/log/wtmp.db", Vec::new()), ("var/log/wtmp.1.gz", Vec::new())];
    assert!(wtmp_of(&others).is_absent());
}

#[test]
fn what_a_crash_left_of_a_record_is_counted_and_no_boot() {
    let mut bytes = events(384, false, &EVENTS);
    bytes.extend([2, 0, 0, 0, 1]);
    let spoilt = 384 * 3;
    bytes[spoilt + 1] = 0xff;
    let read = wtmp_of(&[("var/log/wtmp", bytes)]).into_result().unwrap();
    assert_eq!((read.not_understood, read.boots.len()), (2, 4));
    // The shutdown that was spoilt is not known to have been one.
    assert_eq!(read.boots[0].end, ForeignEnd::Unclean);
    let no_records = wtmp_of(&[("var/log/wtmp", vec![0xee; 4000])]);
    assert!(matches!(no_records, Reading::Malformed(..)), "{no_records:?}");
    assert_eq!(wtmp_of(&[("var/log/wtmp", Vec::new())]).into_result().unwrap().boots, []);
}

#[test]
fn an_end_before_the_beginning_is_of_a_clock_that_was_set() {
    let set = [(2, "reboot", "6.1", 5000), (1, "shutdown", "6.1", 1000)];
    let read = wtmp_of(&[("var/log/wtmp", events(384, false, &set))]).into_result().unwrap();
    assert_eq!(told(&read.boots), [(5000, None, Some("6.1"), "clean")]);
}

fn text(text: &str) -> SqliteValue {
    SqliteValue::Text(text.to_owned())
}

fn table(columns: &str, rows: &[&[SqliteValue]]) -> SqliteTable {
    let columns = columns.split(' ').map(str::to_owned).collect();
    SqliteTable { columns, rows: rows.iter().map(|row| row.to_vec()).collect() }
}

#[test]
fn wtmpdb_tells_a_cut_off_boot_by_the_end_it_lacks() {
    use SqliteValue::{Integer, Null};
    let at = |seconds: i64| Integer(seconds * 1_000_000);
    let row = |kind, user, begun, ended, host| {
        [Integer(0), Integer(kind), text(user), begun, ended, text("~"), text(host), Null]
    };
    let rows = [
        row(1, "reboot", at(1000), at(1900), "6.1"),
        row(3, "jane", at(1500), at(1600), "example.org"),
        row(1, "reboot", at(2000), Null, "6.2"),
        row(1, "reboot", at(3000), at(3100), "6.3"),
        row(1, "soft-reboot", at(3110), at(3500), "6.3"),
        row(1, "reboot", at(4000), Null, "6.4"),
    ];
    let rows: Vec<&[SqliteValue]> = rows.iter().map(|row| &row[..]).collect();
    let read = wtmpdb(&table("ID Type User Login Logout TTY RemoteHost Service", &rows)).unwrap();
    let expected = [
        (1000, Some(1900), Some("6.1"), "clean"),
        (2000, None, Some("6.2"), "unclean"),
        (3000, Some(3500), Some("6.3"), "clean"),
        (4000, None, Some("6.4"), "unknown"),
    ];
    assert_eq!(told(&read.boots), expected);
    assert_eq!((read.boots[2].soft_reboots, read.not_understood), (1, 0));
    assert_eq!(wtmpdb(&table("ID Type User", &[])), None);
}

#[test]
fn tuptime_tells_a_crash_only_of_boots_that_others_follow() {
    use SqliteValue::{Integer, Null};
    const COLUMNS: &str = "bootid btime uptime rntime slptime offbtime endst downtime kernel";
    let id = "f79c89fb-ebd7-46fd-aa21-e2bb2ceca539";
    let row = |btime, uptime, sleep, off, state| {
        let kernel = text("Linux-6.1.0-56-amd64-x86_64-with-glibc2.36");
        let (b, u, s) = (Integer(btime), Integer(uptime), Integer(sleep));
        [text(id), b, u.clone(), u, s, off, Integer(state), Null, kernel]
    };
    let rows = [
        row(1000, 500, 100, Integer(1500), 1),
        row(2000, 300, 0, Integer(2300), 0),
        row(3000, 60, 0, text(""), 0),
    ];
    let rows: Vec<&[SqliteValue]> = rows.iter().map(|row| &row[..]).collect();
    let read = tuptime(&table(COLUMNS, &rows)).unwrap();
    let release = Some("6.1.0-56-amd64");
    let expected = [
        (1000, Some(1500), release, "clean"),
        (2000, Some(2300), release, "unclean"),
        (3000, None, release, "unknown"),
    ];
    assert_eq!(told(&read.boots), expected);
    assert_eq!((read.boots[0].lasted_s, read.boots[0].slept_s), (Some(500), Some(100)));
    assert_eq!(read.boots[0].boot_id.as_ref().map(BootId::as_str), Some(id));
    // Shut down in order and not started again yet.
    let last = row(1000, 500, 0, Null, 1);
    let read = tuptime(&table(COLUMNS, &[&last[..]])).unwrap();
    assert_eq!(told(&read.boots), [(1000, None, release, "clean")]);
    // Of earlier versions, without some columns; and one row that is none.
    let old = [Integer(1000), Integer(500), Integer(1500), Integer(1), Null, text("Linux")];
    let none = [text("x"), Integer(500), Null, Integer(1), Null, Null];
    let read = tuptime(&table("btime uptime offbtime endst downtime kernel", &[&old, &none]));
    let Boots { boots, not_understood } = read.unwrap();
    assert_eq!(told(&boots), [(1000, Some(1500), None, "clean")]);
    assert_eq!((boots[0].slept_s, not_understood), (None, 1));
}

#[test]
fn uptimed_knows_lengths_and_no_ends() {
    let text = "2821:1795429628:Linux 6.18.44-fc-v669\n5000:1000:Linux 6.1: x\nx:1:Linux\n1:2\n";
    let (boots, not_understood) = uptimed::parse(text);
    let expected = [
        (1000, None, Some("6.1: x"), "unknown"),
        (1_795_429_628, None, Some("6.18.44-fc-v669"), "unknown"),
    ];
    assert_eq!(told(&boots), expected);
    assert_eq!((boots[0].lasted_s, not_understood), (Some(5000), 2));

    // A file that was being written when the host went down is shorter than the one before it.
    let mut tree = Tree::new();
    tree.insert(UPTIMED[0], Node::File(b"5000:1000:Linux 6.1\n".to_vec()));
    tree.insert(UPTIMED[1], Node::File(text.as_bytes().to_vec()));
    let clocks = Clocks { realtime_ms: 0, boottime: None, monotonic: None };
    let found = foreign_boots(&HostRoot::from_tree(tree, Arc::new(move || clocks)));
    let [wtmp, wtmpdb, tuptime, (memory, uptimed)] = found;
    assert!(wtmp.1.is_absent() && wtmpdb.1.is_absent() && tuptime.1.is_absent());
    let uptimed = uptimed.into_result().unwrap();
    assert_eq!((memory, uptimed.boots.len()), (BootMemory::Uptimed, 2));
    assert_eq!((uptimed.paths.as_slice(), uptimed.has_gaps), (&[UPTIMED[1].to_owned()][..], true));
}

proptest! {
    #[test]
    fn no_bytes_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..900),
        line in "([0-9]{0,20}|:|Linux |.){0,8}",
    ) {
        let whole = [&events(384, false, &EVENTS)[..], &bytes].concat();
        let _ = (wtmp::History::default().file(&bytes), wtmp::History::default().file(&whole));
        let _ = uptimed::parse(&line);
    }
}
