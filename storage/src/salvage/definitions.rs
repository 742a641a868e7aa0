//! A file whose tables are there and whose definitions of them are not.
//!
//! SQLite keeps the definitions in a tree that begins in the first page, and with that page all is
//! lost to it. But where each table begins follows from the order in which they were created, so
//! that a fresh history has them at the same pages: its definitions are put into a copy of the
//! damaged file. An upgrade moves some of them, the same ones whatever is in the file, as SQLite keeps
//! the first pages of all tables together at its beginning (`auto_vacuum`): a fresh history of an earlier
//! version that was upgraded has them where the damaged file does. Whether they fit is told by the
//! ledger, whose first row must be as its hash says, and of those that fit the ones are taken that
//! leave least of the file unexplained. The log of the damaged file is not read in that case.
//!
//! File format: sqlite.org/fileformat2.html.

use crate::files;
use crate::ledger::digest;
use crate::open;
use crate::schema::{RELEASED, SCHEMA};
use rusqlite::{Connection, OpenFlags};
use scrubjay_model::Digest;
use std::fs::{self, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Page size of a fresh history.
const PAGE: usize = 4_096;
/// Where the first page's tree begins, behind the header of the file.
const TREE: usize = 100;
/// Kinds of pages of a table's tree.
const INTERIOR: u8 = 5;
const LEAF: u8 = 13;
/// In the header of the file: the number of pages, and the first and the number of free ones.
const PAGES: usize = 28;
const FREE: std::ops::Range<usize> = 32..40;

/// A file of ours that is gone when it is no longer needed.
#[derive(Debug)]
struct Scratch(PathBuf);

impl Scratch {
    /// Beside the damaged file, where there is room for one of its size if anywhere; whatever an
    /// earlier attempt left there goes.
    fn beside(moved: &Path, name: &str) -> Self {
        let scratch = Self(moved.with_file_name(name));
        scratch.remove();
        scratch
    }

    fn remove(&self) {
        files::discard(&self.0);
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        self.remove();
    }
}

/// A copy of the damaged file with the definitions of a fresh history, open for reading.
#[derive(Debug)]
pub(super) struct Borrowed {
    /// Declared before the file, so that it is closed first.
    pub(super) conn: Connection,
    _copy: Scratch,
}

/// Such a copy, if the tables of the damaged file are where those of a fresh one are, or of one that
/// was made by an earlier version and upgraded.
pub(super) fn borrow(moved: &Path) -> Option<Borrowed> {
    let present = SCHEMA.version();
    let mut best: Option<(usize, u32)> = None;
    for version in (1..=present).rev() {
        let Some(borrowed) = borrow_of(moved, version) else { continue };
        let odd = unexplained(&borrowed.conn);
        if best.is_none_or(|(least, _)| odd < least) {
            best = Some((odd, version));
        }
    }
    // There is room for one copy at a time.
    best.and_then(|(_, version)| borrow_of(moved, version))
}

/// How many faults SQLite finds in it, which has some in any case.
fn unexplained(conn: &Connection) -> usize {
    const MOST: usize = 1_000;
    let count = || -> rusqlite::Result<usize> {
        let mut check = conn.prepare(&format!("PRAGMA quick_check({MOST})"))?;
        let mut rows = check.query([])?;
        let mut faults = 0;
        while let Some(row) = rows.next()? {
            faults += usize::from(row.get::<_, String>(0)? != "ok");
        }
        Ok(faults)
    };
    count().unwrap_or(MOST)
}

/// The definitions of a history that this version made, whatever became of it since.
fn borrow_of(moved: &Path, version: u32) -> Option<Borrowed> {
    let copy = Scratch::beside(moved, "history.salvage");
    let fresh = Scratch::beside(moved, "history.fresh");
    make_fresh(&fresh.0, version).ok()?;
    fs::copy(moved, &copy.0).ok()?;
    put_definitions(&fresh.0, &copy.0).ok()?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    let conn = Connection::open_with_flags(open::immutable(&copy.0), flags).ok()?;
    conn.execute_batch("PRAGMA mmap_size = 0; PRAGMA trusted_schema = OFF;").ok()?;
    conn.execute_batch("PRAGMA cell_size_check = ON;").ok()?;
    fits(&conn).then_some(Borrowed { conn, _copy: copy })
}

fn make_fresh(path: &Path, version: u32) -> rusqlite::Result<()> {
    let mut conn = Connection::open(path)?;
    conn.execute_batch(open::AT_CREATION)?;
    // It is gone in a moment.
    conn.execute_batch("PRAGMA synchronous = OFF;")?;
    let made = usize::try_from(version.saturating_sub(1)).unwrap_or(usize::MAX);
    let create = RELEASED.get(made).copied().unwrap_or(SCHEMA.create);
    // One transaction, as when a history is begun; and another, as when it is upgraded.
    conn.execute_batch(&format!("BEGIN; {create} COMMIT;"))?;
    conn.pragma_update(None, "foreign_keys", false)?;
    let tx = conn.transaction()?;
    for upgrade in SCHEMA.upgrades.iter().skip(made) {
        upgrade(&tx)?;
    }
    tx.commit()
}

fn fits(conn: &Connection) -> bool {
    let first = conn.query_row("SELECT line, hash FROM ledger WHERE seq = 1", [], |row| {
        Ok((row.get::<_, String>("line")?, Digest(row.get("hash")?)))
    });
    first.is_ok_and(|(line, hash)| digest(line.as_bytes()) == hash)
}

/// Puts the first page of `fresh`, and the pages that its tree of definitions goes on in, into
/// `copy`: those at its end, where they take nobody's place.
fn put_definitions(fresh: &Path, copy: &Path) -> io::Result<()> {
    let mut fresh = OpenOptions::new().read(true).open(fresh)?;
    let mut copy = OpenOptions::new().read(true).write(true).open(copy)?;
    let mut first = page(&mut fresh, 1)?;
    // What was cut off within a page is none.
    let whole = copy.metadata()?.len() / PAGE as u64;
    let mut pages = u32::try_from(whole).map_err(io::Error::other)?;
    let mut added = Vec::new();
    for pointer in pointers(&first)? {
        let child = page(&mut fresh, number(&first, pointer)?)?;
        if child.first() != Some(&LEAF) {
            return Err(odd());
        }
        pages = pages.checked_add(1).ok_or_else(odd)?;
        put(&mut first, pointer, pages)?;
        added.push((pages, child));
    }
    put(&mut first, PAGES, pages)?;
    first.get_mut(FREE).ok_or_else(odd)?.fill(0);
    added.push((1, first));
    for (number, bytes) in added {
        copy.seek(SeekFrom::Start(offset(number)))?;
        copy.write_all(&bytes)?;
    }
    copy.set_len(offset(pages.saturating_add(1)))
}

/// Where in the first page the numbers of its children are.
fn pointers(first: &[u8]) -> io::Result<Vec<usize>> {
    match first.get(TREE) {
        Some(&LEAF) => Ok(Vec::new()),
        Some(&INTERIOR) => {
            let half = |at: usize| {
                let bytes = first.get(at..at.saturating_add(2)).ok_or_else(odd)?;
                Ok(bytes.iter().fold(0_usize, |value, byte| value << 8 | usize::from(*byte)))
            };
            let cells: usize = half(TREE + 3)?;
            // Behind the header of the page, which ends in the number of the last child.
            let cells = (0..cells).map(|cell| half(TREE + 12 + 2 * cell));
            cells.chain([Ok(TREE + 8)]).collect()
        }
        _ => Err(odd()),
    }
}

fn page(file: &mut fs::File, number: u32) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; PAGE];
    file.seek(SeekFrom::Start(offset(number)))?;
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn offset(number: u32) -> u64 {
    u64::from(number.saturating_sub(1)) * PAGE as u64
}

fn number(bytes: &[u8], at: usize) -> io::Result<u32> {
    let bytes = bytes.get(at..at.saturating_add(4)).and_then(|four| four.try_into().ok());
    bytes.map(u32::from_be_bytes).ok_or_else(odd)
}

fn put(bytes: &mut [u8], at: usize, number: u32) -> io::Result<()> {
    let four = bytes.get_mut(at..at.saturating_add(4)).ok_or_else(odd)?;
    four.copy_from_slice(&number.to_be_bytes());
    Ok(())
}

fn odd() -> io::Error {
    io::Error::other("the definitions of a fresh history are laid out in another way")
}
