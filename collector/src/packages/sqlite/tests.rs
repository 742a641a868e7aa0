//! Bytes that are no database, and small databases made here to be wrong in one way. Real ones are
//! made by SQLite and read in the `tests` crate.

use super::*;
use crate::host::HostRoot;
use crate::reader::Reader;
use crate::tree::{Node, Tree};
use proptest::prelude::*;
use scrubjay_model::{Clocks, ReadFault, Reading};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

impl Bytes for Vec<u8> {
    fn at(&self, offset: u64, length: usize) -> Result<Vec<u8>, NonValue> {
        let rest = usize::try_from(offset).ok().and_then(|at| self.get(at..)).unwrap_or_default();
        Ok(rest.get(..length).unwrap_or(rest).to_vec())
    }

    fn length(&self) -> Result<u64, NonValue> {
        Ok(u64::try_from(self.len()).unwrap())
    }
}

const PAGE: usize = 512;
const LEAF: u8 = 13;
const INTERIOR: u8 = 5;

/// A page of a tree with these cells.
fn page(before: &[u8], kind: u8, cells: &[Vec<u8>], right: u32) -> Vec<u8> {
    let mut page = vec![0; PAGE];
    page[..before.len()].copy_from_slice(before);
    let head = before.len();
    page[head] = kind;
    page[head + 4] = u8::try_from(cells.len()).unwrap();
    let mut pointer = head + 8;
    if kind == INTERIOR {
        page[pointer..pointer + 4].copy_from_slice(&right.to_be_bytes());
        pointer += 4;
    }
    let mut end = PAGE;
    for cell in cells {
        end -= cell.len();
        page[end..end + cell.len()].copy_from_slice(cell);
        page[pointer..pointer + 2].copy_from_slice(&u16::try_from(end).unwrap().to_be_bytes());
        pointer += 2;
    }
    page
}

/// A row of one small number.
fn row(number: u8, value: u8) -> Vec<u8> {
    vec![3, number, 2, 1, value]
}

fn child(page: u32, key: u8) -> Vec<u8> {
    [&page.to_be_bytes()[..], &[key]].concat()
}

/// A database with the table `t`, which begins on page 2.
fn database(pages: &[Vec<u8>]) -> Vec<u8> {
    let mut header = b"SQLite format 3\0".to_vec();
    header.resize(100, 0);
    header[16] = 2;
    header[18..20].copy_from_slice(&[1, 1]);
    header[28..32].copy_from_slice(&u32::try_from(pages.len() + 1).unwrap().to_be_bytes());
    header[56..60].copy_from_slice(&1_u32.to_be_bytes());
    let sql = "CREATE TABLE t (a)";
    let kinds = [6, 23, 15, 15, 1, 13 + 2 * u8::try_from(sql.len()).unwrap()];
    let payload = [&kinds[..], b"tablett\x02", sql.as_bytes()].concat();
    let cell = [&[u8::try_from(payload.len()).unwrap(), 1], &payload[..]].concat();
    let first = page(&header, LEAF, &[cell], 0);
    [vec![first], pages.to_vec()].concat().concat()
}

fn rows(bytes: &Vec<u8>) -> Result<Vec<Row>, Fault> {
    let database = Database::new(bytes, None)?;
    let table = database.table("T")?.ok_or(Fault::Damaged("t", String::new()))?;
    let mut rows = Vec::new();
    database.scan(&table, &mut |row| {
        rows.push(row);
        Ok(ControlFlow::Continue(()))
    })?;
    for number in -1..10 {
        let _ = database.row(&table, number);
    }
    let _ = database.last_number(&table);
    Ok(rows)
}

fn odd(pages: &[Vec<u8>]) -> &'static str {
    match rows(&database(pages)) {
        Err(Fault::Damaged(expected, _)) => expected,
        other => panic!("{other:?}"),
    }
}

#[test]
fn rows_are_found_by_their_number_and_in_its_order() {
    let bytes = database(&[
        page(&[], INTERIOR, &[child(3, 4)], 4),
        page(&[], LEAF, &[row(1, 10), row(4, 40)], 0),
        page(&[], LEAF, &[row(5, 50), row(9, 90)], 0),
    ]);
    let number = |row: &Row| row[0].integer().unwrap();
    assert_eq!(rows(&bytes).unwrap().iter().map(number).collect::<Vec<_>>(), [10, 40, 50, 90]);
    let database = Database::new(&bytes, None).unwrap();
    let table = database.table("t").unwrap().unwrap();
    let found: Vec<Option<i64>> =
        (0..=10).map(|n| database.row(&table, n).unwrap().as_ref().map(number)).collect();
    assert_eq!(database.last_number(&table).unwrap(), Some(9));
    let expected = [(1, 10), (4, 40), (5, 50), (9, 90)];
    for (number, found) in (0..).zip(found) {
        let expected = expected.iter().find(|(n, _)| *n == number).map(|(_, value)| *value);
        assert_eq!(found, expected, "{number}");
    }
}

#[test]
fn pages_that_lead_in_circles_end() {
    assert_eq!(odd(&[page(&[], INTERIOR, &[child(2, 4)], 2)]), "a tree of at most 20 levels");
    let to_schema = page(&[], INTERIOR, &[child(1, 4)], 1);
    assert_eq!(odd(&[to_schema]), "rows in the order of their numbers");
    // 20 levels that each lead to the next twice would be a million visits.
    let mut pages: Vec<Vec<u8>> =
        (3..22).map(|next| page(&[], INTERIOR, &vec![child(next, 4); 40], next)).collect();
    pages.push(page(&[], LEAF, &[], 0));
    assert_eq!(odd(&pages), "pages that do not lead in circles");
}

#[test]
fn what_leads_nowhere_is_told() {
    assert_eq!(odd(&[page(&[], INTERIOR, &[child(9, 4)], 2)]), "the number of a page");
    assert_eq!(odd(&[page(&[], INTERIOR, &[child(0, 4)], 2)]), "the number of a page");
    assert_eq!(odd(&[page(&[], 10, &[row(1, 1)], 0)]), "a page of a table");
    assert_eq!(
        odd(&[page(&[], LEAF, &[row(2, 1), row(1, 1)], 0)]),
        "rows in the order of their numbers"
    );
    let mut beyond = page(&[], LEAF, &[row(1, 1)], 0);
    beyond[8..10].copy_from_slice(&[0xff, 0xff]);
    assert_eq!(odd(&[beyond]), "cells within their page");
    let mut many = page(&[], LEAF, &[], 0);
    many[3] = 0xff;
    assert_eq!(odd(&[many]), "the values of a row");
    let short = page(&[], LEAF, &[vec![3, 1, 2, 10, 0]], 0);
    assert_eq!(odd(&[short]), "the values of a row");
}

#[test]
fn a_row_is_as_long_as_there_are_pages_for_it() {
    // 0x8f 0xff 0x7f: 262143 bytes, more than the whole file has.
    let long = page(&[], LEAF, &[vec![0x8f, 0xff, 0x7f, 1, 2, 1, 1]], 0);
    assert_eq!(odd(&[long]), "a row of at most 64 MiB");
    // A row of 700 bytes whose rest begins beyond the end.
    let mut cell = vec![0x85, 0x3c, 1];
    cell.resize(200, 1);
    assert_eq!(odd(&[page(&[], LEAF, &[cell], 0), vec![0; PAGE]]), "the number of a page");
}

#[test]
fn columns_are_those_of_the_statement() {
    let columns = |sql: &str| {
        let row = [
            SqliteValue::Text("table".to_owned()),
            SqliteValue::Text("t".to_owned()),
            SqliteValue::Text("t".to_owned()),
            SqliteValue::Integer(2),
            SqliteValue::Text(sql.to_owned()),
        ];
        let table = schema::entry(&row).unwrap().table().ok()?;
        Some((table.columns.join(" "), table.number_column))
    };
    for (sql, names, number) in [
        ("CREATE TABLE t (a, b TEXT, c INTEGER)", "a b c", None),
        ("CREATE TABLE t(id INTEGER PRIMARY KEY,x)", "id x", Some(0)),
        ("CREATE TABLE t (x, id integer NOT NULL primary key AUTOINCREMENT)", "x id", Some(1)),
        ("CREATE TABLE t (id INT PRIMARY KEY, x)", "id x", None),
        ("CREATE TABLE t (id INTEGER PRIMARY KEY DESC, x)", "id x", None),
        ("CREATE TABLE t (x, \"i d\" INTEGER, PRIMARY KEY (\"i d\"))", "x i d", Some(1)),
        ("CREATE TABLE t (x INTEGER, y INTEGER, PRIMARY KEY (x, y))", "x y", None),
        ("CREATE TABLE t (x NUMERIC(1, 2) CHECK (x > ')'), [y z] /* , q */) STRICT", "x y z", None),
        (
            "CREATE TABLE t (a -- , (\n, 'it''s' TEXT, UNIQUE (a), CHECK (a IN (1, 2)))",
            "a it's",
            None,
        ),
    ] {
        assert_eq!(columns(sql), Some((names.to_owned(), number)), "{sql}");
    }
    for sql in ["", "CREATE TABLE t", "CREATE TABLE t (a, b", "CREATE TABLE t ('a", ")", "("] {
        assert_eq!(columns(sql), None, "{sql}");
    }
}

fn changing(header: impl Fn(&mut Vec<u8>) + Send + Sync + 'static) -> HostRoot {
    let clocks = Clocks { realtime_ms: 0, boottime: None, monotonic: None };
    let now = move || {
        let mut bytes = database(&[page(&[], LEAF, &[row(1, 1)], 0)]);
        header(&mut bytes);
        let mut tree = Tree::new();
        tree.insert("a.db", Node::File(bytes));
        tree
    };
    HostRoot::changing(now, Arc::new(move || clocks))
}

#[test]
fn a_database_that_never_holds_still_is_torn_and_not_read_for_ever() {
    let reads = Arc::new(AtomicU8::new(0));
    let count = Arc::clone(&reads);
    // Byte 27 is the lowest of the change counter.
    let host = changing(move |bytes| bytes[27] = count.fetch_add(1, Ordering::Relaxed));
    let reader = Reader::new(&host);
    let table = read(&reader, "a.db", &mut |database| database.table("t"));
    assert!(matches!(table, Reading::Unreadable(_, ReadFault::Torn)), "{table:?}");
    assert!(reads.load(Ordering::Relaxed) < 100);
}

#[test]
fn what_is_wrong_for_a_moment_is_read_again() {
    let reads = Arc::new(AtomicU8::new(0));
    let count = Arc::clone(&reads);
    let host = changing(move |bytes| {
        // Half written at first, and whole since.
        if count.fetch_add(1, Ordering::Relaxed) < 4 {
            bytes.truncate(PAGE + 100);
            bytes[27] = 1;
        }
    });
    let reader = Reader::new(&host);
    let found = read(&reader, "a.db", &mut |database| {
        let table = database.table("t")?.ok_or(Fault::Damaged("t", String::new()))?;
        database.row(&table, 1)
    });
    assert!(matches!(found, Reading::Value(Some(_))), "{found:?}");
    assert_eq!(reader.report(std::time::Duration::ZERO).faults, []);
}

proptest! {
    #[test]
    fn no_bytes_panic_or_loop(
        bytes in proptest::collection::vec(any::<u8>(), 0..1500),
        header in any::<bool>(),
        log in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let begins = database(&[]);
        let bytes = if header { [&begins[..], &bytes].concat() } else { bytes };
        let _ = rows(&bytes);
        if let Ok(database) = Database::new(&bytes, Some(&log)) {
            let _ = database.table("t");
        }
    }

    #[test]
    fn no_row_panics(payload in proptest::collection::vec(any::<u8>(), 0..80)) {
        for encoding in [
            file::Encoding::Utf8,
            file::Encoding::Utf16LittleEndian,
            file::Encoding::Utf16BigEndian,
        ] {
            let _ = record::values(&payload, encoding);
        }
    }

    #[test]
    fn no_statement_panics(sql in "(CREATE TABLE|INTEGER|PRIMARY KEY|[(),\"'`\\[\\]]|--|/\\*|\\*/| |\n|.){0,30}") {
        let row = [
            SqliteValue::Text("table".to_owned()),
            SqliteValue::Text("t".to_owned()),
            SqliteValue::Null,
            SqliteValue::Integer(2),
            SqliteValue::Text(sql),
        ];
        let _ = schema::entry(&row).map(|entry| entry.table());
    }
}
