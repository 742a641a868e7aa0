//! Files cut short at every page and elsewhere, with bits that fell over, with pages of garbage:
//! whatever it is, the history opens or says why not, nothing is deleted, no sum exceeds the truth,
//! and none falls below what the kernel shows.

#![expect(clippy::disallowed_methods, reason = "damages and inspects files of the test itself")]

use super::support::{Host, append, directory, kill, start};
use crate::{Heard, History, HistoryReader, StorageError, files};
use scrubjay_model::{Accumulated, SeriesKey, Sightings, Snapshot, Stamp};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

const PAGE: usize = 4_096;
const MINUTE: Duration = Duration::from_secs(60);
const LIVES: u64 = 4;

/// Numbers that look random and are the same at each run (splitmix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(below.max(1)).unwrap()).unwrap()
    }
}

/// A history of several lives of the counters, and what it is to hold.
struct Whole {
    host: Host,
    bytes: Vec<u8>,
    truth: BTreeMap<SeriesKey, u64>,
}

fn totals(accumulated: &Accumulated) -> BTreeMap<SeriesKey, u64> {
    accumulated.totals.iter().map(|(key, sum)| (key.clone(), sum.total)).collect()
}

impl Whole {
    fn new() -> Self {
        Self::begun_in(&directory())
    }

    /// Of a file that this version of the schema made, which was upgraded since.
    fn upgraded_from(version: usize) -> Self {
        let dir = directory();
        super::upgrades::make(dir.path(), version);
        Self::begun_in(&dir)
    }

    fn begun_in(dir: &tempfile::TempDir) -> Self {
        let mut host = Host::new();
        host.controllers[0].dimms = vec![Some((0, 0)); 4];
        let mut history = start(dir.path(), &host.at());
        let mut truth = BTreeMap::new();
        for life in 0..LIVES {
            for n in 0..50 {
                host.pass(MINUTE);
                let dimm = usize::try_from(n % 4).unwrap();
                host.dimm(0, dimm).0 += 1 + n % 3;
                truth = totals(&append(&mut history, &host));
            }
            if life + 1 < LIVES {
                host.reboot(u32::try_from(life).unwrap() + 2);
            }
        }
        history.end_run(&host.at()).unwrap();
        drop(history);
        let bytes = fs::read(files::database_path(dir.path())).unwrap();
        Self { host, bytes, truth }
    }
}

impl Whole {
    /// How many changes it holds.
    fn points(&self) -> i64 {
        let dir = directory();
        let path = files::database_path(dir.path());
        fs::write(&path, &self.bytes).unwrap();
        let conn = rusqlite::Connection::open(path).unwrap();
        conn.query_row("SELECT COUNT(*) FROM counter_point", [], |row| row.get(0)).unwrap()
    }
}

/// What became of a damaged file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Unnoticed,
    Refused,
    /// Begun anew, with every sum.
    Salvaged,
    /// Begun anew, with some sums lower than they were.
    Lowered,
}

/// Opens the bytes as a history and holds what comes of it against the truth.
fn open(whole: &Whole, bytes: &[u8], what: &str) -> (Fate, tempfile::TempDir) {
    let dir = directory();
    let path = files::database_path(dir.path());
    fs::write(&path, bytes).unwrap();
    let mut history = match History::open(dir.path(), &whole.host.at()) {
        Ok(history) => history,
        Err(error) => {
            assert!(
                matches!(error, StorageError::Foreign { .. } | StorageError::Newer { .. }),
                "{what}: {error:?}"
            );
            assert_eq!(fs::read(&path).unwrap(), bytes, "{what}: refused, and changed");
            return (Fate::Refused, dir);
        }
    };
    history.begin_run(&whole.host.at(), "2", MINUTE).unwrap();
    let appended = history.append(&whole.host.snapshot());
    assert!(appended.error.is_none(), "{what}: {:?}", appended.error);
    let sums = totals(&appended.accumulated);
    let shown = shown(&whole.host.snapshot(), &whole.host.at());
    let mut fate = Fate::Salvaged;
    for (key, shown) in &shown {
        let (sum, truth) = (sums.get(key).copied(), whole.truth[key]);
        let sum = sum.unwrap_or_else(|| panic!("{what}: {key} is gone"));
        assert!(sum <= truth, "{what}: {key} has {sum}, and the truth is {truth}");
        assert!(
            sum >= *shown,
            "{what}: {key} has {sum}, and the kernel shows {shown}; {}",
            told(dir.path())
        );
        if sum < truth {
            fate = Fate::Lowered;
        }
    }
    match history.stats().replaced {
        Some(aside) => assert_eq!(fs::read(aside).unwrap(), bytes, "{what}: the old file"),
        None => {
            assert_ne!(fate, Fate::Lowered, "{what}: lower sums, and nothing said");
            fate = Fate::Unnoticed;
        }
    }
    history.end_run(&whole.host.at()).unwrap();
    drop(history);
    // It is a history like any other from now on, and nothing more is found wrong with it.
    let aside = files::all_aside(&path);
    let mut again = start(dir.path(), &whole.host.at());
    assert_eq!(totals(&append(&mut again, &whole.host)), sums, "{what}");
    assert_eq!(files::all_aside(&path), aside, "{what}: moved aside again");
    (fate, dir)
}

/// What the kernel shows, by counter.
fn shown(snapshot: &Snapshot, at: &Stamp) -> BTreeMap<SeriesKey, u64> {
    let fresh = directory();
    let mut history = start(fresh.path(), at);
    totals(&history.append(snapshot).accumulated)
}

fn told(dir: &Path) -> String {
    let conn = rusqlite::Connection::open(files::database_path(dir)).unwrap();
    let ask = "SELECT detail FROM incident WHERE kind = 'salvaged' ORDER BY id DESC LIMIT 1";
    conn.query_row(ask, [], |row| row.get(0)).unwrap()
}

fn count(fates: &[Fate]) -> BTreeMap<Fate, usize> {
    let mut counts = BTreeMap::new();
    for fate in fates {
        *counts.entry(*fate).or_default() += 1;
    }
    counts
}

#[test]
fn a_file_cut_short_anywhere_is_salvaged_as_far_as_it_goes() {
    let whole = Whole::new();
    let pages = whole.bytes.len() / PAGE;
    let mut dice = Dice(1);
    let boundaries = (1..pages).map(|page| page * PAGE);
    let offsets: Vec<usize> = (0..40).map(|_| dice.roll(whole.bytes.len())).collect();
    let mut fates = Vec::new();
    for keep in boundaries.chain(offsets) {
        let (fate, dir) = open(&whole, &whole.bytes[..keep], &format!("cut to {keep} bytes"));
        assert!(fate != Fate::Unnoticed, "cut to {keep} bytes");
        if fate != Fate::Refused {
            assert!(told(dir.path()).contains("damaged file"), "{}", told(dir.path()));
        }
        fates.push(fate);
    }
    let counts = count(&fates);
    println!("{pages} pages, cut short: {counts:?}");
    // Without the first pages of the tables nothing can be read; behind them sums are kept.
    assert!(counts[&Fate::Salvaged] >= 10, "{counts:?}");
}

#[test]
fn a_page_of_garbage_costs_no_sum_that_is_told_elsewhere() {
    let whole = Whole::new();
    let pages = whole.bytes.len() / PAGE;
    let mut fates = Vec::new();
    for page in 0..pages {
        for fill in [0_u8, 0xff] {
            let mut bytes = whole.bytes.clone();
            bytes[page * PAGE..(page + 1) * PAGE].fill(fill);
            fates.push(open(&whole, &bytes, &format!("page {page} of {fill:#x}")).0);
        }
    }
    let counts = count(&fates);
    println!("{pages} pages, each garbage twice: {counts:?}");
    let lowered = counts.get(&Fate::Lowered).copied().unwrap_or(0);
    assert!(lowered * 4 <= fates.len(), "{counts:?}");
}

#[test]
fn a_bit_that_fell_over_is_noticed_or_harmless() {
    let whole = Whole::new();
    let mut dice = Dice(2);
    let mut fates = Vec::new();
    for _ in 0..300 {
        let (at, bit) = (dice.roll(whole.bytes.len()), dice.roll(8));
        let mut bytes = whole.bytes.clone();
        bytes[at] ^= 1 << bit;
        fates.push(open(&whole, &bytes, &format!("bit {bit} of byte {at}")).0);
    }
    println!("bits that fell over: {:?}", count(&fates));
}

#[test]
fn a_damaged_log_costs_what_was_in_it_and_no_more() {
    let mut host = Host::new();
    let dir = directory();
    let mut history = start(dir.path(), &host.at());
    for _ in 0..30 {
        host.pass(MINUTE);
        host.dimm(0, 0).0 += 2;
        append(&mut history, &host);
    }
    let dir = kill(history, dir.path());
    let log = fs::read(files::beside(&files::database_path(dir.path()), "-wal")).unwrap();
    let mut dice = Dice(3);
    for round in 0..120 {
        let mut bytes = log.clone();
        if round % 2 == 0 {
            bytes.truncate(dice.roll(log.len()));
        } else {
            bytes[dice.roll(log.len())] ^= 1 << dice.roll(8);
        }
        let other = directory();
        let path = files::database_path(other.path());
        fs::copy(files::database_path(dir.path()), &path).unwrap();
        fs::write(files::beside(&path, "-wal"), &bytes).unwrap();
        let mut history = start(other.path(), &host.at());
        // Everything was of one life of the counters, so that the kernel still shows it.
        assert_eq!(super::support::correctable(&append(&mut history, &host), 0), [60, 0]);
        let aside = history.stats().replaced;
        if let Some(aside) = aside {
            assert_eq!(fs::read(files::beside(Path::new(&aside), "-wal")).unwrap(), bytes);
        }
    }
}

#[test]
fn the_ledger_of_a_salvaged_history_continues_the_old_one() {
    let whole = Whole::new();
    let (fate, dir) = {
        let mut bytes = whole.bytes.clone();
        let page = root_page(&bytes, "counter_state");
        bytes[page * PAGE..(page + 1) * PAGE].fill(0xff);
        open(&whole, &bytes, "counter_state")
    };
    // The sums were taken from the changes.
    assert_eq!(fate, Fate::Salvaged, "{}", told(dir.path()));
    let before = {
        let dir = directory();
        fs::write(files::database_path(dir.path()), &whole.bytes).unwrap();
        let reader = HistoryReader::open(dir.path()).unwrap().unwrap();
        reader.verify_ledger(&[]).unwrap().head.unwrap()
    };
    let reader = HistoryReader::open(dir.path()).unwrap().unwrap();
    let report = reader.verify_ledger(&[before]).unwrap();
    assert!(report.is_intact(), "{report:?}");
    assert_eq!(report.confirmed, [before]);
    let text = told(dir.path());
    assert!(text.contains("sums were taken from changes"), "{text}");
}

#[test]
fn a_boot_known_by_its_id_alone_has_no_time_until_it_is_seen_again() {
    let whole = Whole::new();
    let mut bytes = whole.bytes.clone();
    let page = root_page(&bytes, "boot");
    bytes[page * PAGE..(page + 1) * PAGE].fill(0xff);
    let (fate, dir) = open(&whole, &bytes, "boot");
    assert_eq!(fate, Fate::Salvaged, "{}", told(dir.path()));
    let reader = HistoryReader::open(dir.path()).unwrap().unwrap();
    let boots = reader.boots().unwrap();
    assert_eq!(boots.len(), usize::try_from(LIVES).unwrap());
    let (now, earlier) = boots.split_last().unwrap();
    for boot in earlier {
        let times = (boot.booted_wall_ms, boot.last_seen_wall_ms, boot.ran, boot.slept);
        assert_eq!(times, (None, None, None, None), "{boot:?}");
    }
    assert_eq!(now.booted_wall_ms, whole.host.at().booted_wall_ms());
    assert_eq!(now.ran, whole.host.at().since_boot);
}

#[test]
fn a_file_of_an_earlier_version_that_is_damaged_is_read_by_its_own_definitions() {
    let whole = Whole::new();
    let dir = directory();
    super::upgrades::make(dir.path(), 4);
    let path = files::database_path(dir.path());
    let sum = {
        let conn = rusqlite::Connection::open(&path).unwrap();
        let boot = &whole.host.boot;
        conn.execute_batch(&format!(
            "INSERT INTO boot (id, boot_id, booted_wall_ms, last_wall_ms, ended, evidence)
               VALUES (1, '{boot}', 5, 6, 'running', '');
             INSERT INTO controller (id, key) VALUES (1, 'mc-1');
             INSERT INTO series VALUES (1, 1, 'dimm0', 'correctable', 5);
             INSERT INTO counter_state VALUES (1, 1, 3, NULL, NULL, NULL, 7, 0, NULL);"
        ))
        .unwrap();
        7
    };
    let mut bytes = fs::read(&path).unwrap();
    let page = root_page(&bytes, "module_turn");
    bytes[page * PAGE..(page + 1) * PAGE].fill(0xff);
    fs::write(&path, &bytes).unwrap();
    drop(History::open(dir.path(), &whole.host.at()).unwrap());
    assert!(!told(dir.path()).contains("definitions"), "{}", told(dir.path()));
    let conn = rusqlite::Connection::open(&path).unwrap();
    let total: i64 =
        conn.query_row("SELECT total FROM counter_state", [], |row| row.get(0)).unwrap();
    assert_eq!(total, sum);
}

/// Half a year of changes, of which the older ones became sums.
fn folded() -> Whole {
    let mut host = Host::new();
    host.controllers[0].dimms = vec![Some((0, 0)); 2];
    let dir = directory();
    let mut history = start(dir.path(), &host.at());
    let mut truth = BTreeMap::new();
    for n in 0..400_u64 {
        host.pass(Duration::from_secs(11 * 3_600));
        host.dimm(0, 0).0 += 1 + n % 3;
        truth = totals(&append(&mut history, &host));
        while history.fold(&host.at()).unwrap() {}
    }
    // Of each counter no two changes that followed each other are left.
    host.pass(Duration::from_secs(200 * 86_400));
    append(&mut history, &host);
    while history.fold(&host.at()).unwrap() {}
    history.end_run(&host.at()).unwrap();
    let left: i64 = history
        .conn
        .query_row("SELECT SUM(points) FROM counter_rollup", [], |row| row.get(0))
        .unwrap();
    assert!(left > 100, "{left} changes became sums");
    drop(history);
    let bytes = fs::read(files::database_path(dir.path())).unwrap();
    Whole { host, bytes, truth }
}

#[test]
fn no_sum_exceeds_the_truth_where_old_changes_became_sums() {
    let whole = folded();
    let mut fates = Vec::new();
    for page in 0..whole.bytes.len() / PAGE {
        let mut bytes = whole.bytes.clone();
        bytes[page * PAGE..(page + 1) * PAGE].fill(0xff);
        fates.push(open(&whole, &bytes, &format!("page {page}")).0);
    }
    println!("folded, each page garbage: {:?}", count(&fates));
}

#[test]
fn a_page_of_runs_or_texts_costs_no_rows_of_others() {
    let whole = Whole::new();
    let rows = |dir: &Path| -> i64 {
        let conn = rusqlite::Connection::open(files::database_path(dir)).unwrap();
        let ask = "SELECT (SELECT COUNT(*) FROM counter_point) + (SELECT COUNT(*) FROM coverage)";
        conn.query_row(ask, [], |row| row.get(0)).unwrap()
    };
    let before = {
        let dir = directory();
        fs::write(files::database_path(dir.path()), &whole.bytes).unwrap();
        rows(dir.path())
    };
    for table in ["agent_run", "wording"] {
        let mut bytes = whole.bytes.clone();
        let page = root_page(&bytes, table);
        bytes[page * PAGE..(page + 1) * PAGE].fill(0xff);
        let (fate, dir) = open(&whole, &bytes, table);
        assert_eq!(fate, Fate::Salvaged, "{table}");
        assert!(rows(dir.path()) >= before, "{table}: {} of {before}", rows(dir.path()));
    }
}

#[test]
fn a_page_of_texts_costs_no_reports() {
    let mut host = Host::new();
    let dir = directory();
    let mut history = start(dir.path(), &host.at());
    for number in 0..20 {
        host.pass(MINUTE);
        host.dimm(0, 1).0 += 1;
        let told = vec![super::events::sighting(number, 1)];
        let sightings = Sightings { sightings: told, lost: 0, undecodable: 0 };
        let heard = Heard { sightings: &sightings, listening: true, how: None };
        assert!(history.append_heard(&host.snapshot(), heard).error.is_none());
    }
    let truth = totals(&append(&mut history, &host));
    history.end_run(&host.at()).unwrap();
    drop(history);
    let mut bytes = fs::read(files::database_path(dir.path())).unwrap();
    let page = root_page(&bytes, "wording");
    bytes[page * PAGE..(page + 1) * PAGE].fill(0xff);
    let (fate, dir) = open(&Whole { host, bytes: bytes.clone(), truth }, &bytes, "texts");
    assert_eq!(fate, Fate::Salvaged, "{}", told(dir.path()));
    let reader = HistoryReader::open(dir.path()).unwrap().unwrap();
    assert_eq!(reader.events(0, None, 100).unwrap().len(), 20);
}

#[test]
fn what_the_last_change_says_too_much_is_found_wrong_once() {
    let whole = Whole::new();
    let dir = directory();
    let path = files::database_path(dir.path());
    fs::write(&path, &whole.bytes).unwrap();
    let raised = rusqlite::Connection::open(&path)
        .unwrap()
        .execute(
            "UPDATE counter_point SET total = total + 1048576
             WHERE snapshot = (SELECT MAX(snapshot) FROM counter_point)",
            [],
        )
        .unwrap();
    assert!(raised > 0);
    let bytes = fs::read(&path).unwrap();
    let (fate, _) = open(&whole, &bytes, "the last total");
    assert_eq!(fate, Fate::Salvaged);
}

#[test]
fn a_file_without_its_first_page_or_its_definitions_keeps_its_sums_and_its_ledger() {
    let whole = Whole::new();
    let last = whole.bytes.len() / PAGE - 1;
    let definitions = (1..=last).filter(|page| {
        let page = &whole.bytes[page * PAGE..(page + 1) * PAGE];
        page.windows(12).any(|text| text == b"CREATE TABLE")
    });
    for page in std::iter::once(0).chain(definitions) {
        let mut bytes = whole.bytes.clone();
        bytes[page * PAGE..(page + 1) * PAGE].fill(0xee);
        let what = format!("page {page}");
        let (fate, dir) = open(&whole, &bytes, &what);
        assert_eq!(fate, Fate::Salvaged, "{what}: {}", told(dir.path()));
        assert!(told(dir.path()).contains("definitions"), "{}", told(dir.path()));
        let reader = HistoryReader::open(dir.path()).unwrap().unwrap();
        assert!(reader.verify_ledger(&[]).unwrap().is_intact(), "{what}");
        // Nothing of ours is left beside the old file and the new one.
        let mut names: Vec<String> = fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.contains("salvage") || name.contains("fresh"))
            .collect();
        names.sort();
        assert_eq!(names, Vec::<String>::new(), "{what}");
    }
}

#[test]
fn an_upgraded_file_without_its_first_page_keeps_its_sums_too() {
    for version in 1..=crate::schema::RELEASED.len() {
        let whole = Whole::upgraded_from(version);
        let mut bytes = whole.bytes.clone();
        bytes[..PAGE].fill(0xee);
        let what = format!("of version {version}");
        let (fate, dir) = open(&whole, &bytes, &what);
        assert_eq!(fate, Fate::Salvaged, "{what}: {}", told(dir.path()));
        let reader = HistoryReader::open(dir.path()).unwrap().unwrap();
        assert!(reader.verify_ledger(&[]).unwrap().is_intact(), "{what}");
        let boots = reader.boots().unwrap();
        assert!(boots.iter().all(|boot| boot.booted_wall_ms.is_some()), "{what}: {boots:?}");
        let points = whole.points();
        let conn = rusqlite::Connection::open(files::database_path(dir.path())).unwrap();
        let kept: i64 =
            conn.query_row("SELECT COUNT(*) FROM counter_point", [], |row| row.get(0)).unwrap();
        assert!(kept >= points, "{what}: {kept} of {points} changes; {}", told(dir.path()));
    }
}

#[test]
fn a_file_whose_tables_are_elsewhere_is_not_read_as_if_they_were_not() {
    let whole = Whole::new();
    let mut bytes = whole.bytes.clone();
    let page = root_page(&bytes, "ledger");
    bytes[..PAGE].fill(0xee);
    bytes[page * PAGE..(page + 1) * PAGE].fill(0xee);
    let (fate, dir) = open(&whole, &bytes, "first page and ledger");
    assert_eq!(fate, Fate::Lowered, "{}", told(dir.path()));
    assert!(told(dir.path()).contains("nothing could be read"), "{}", told(dir.path()));
}

/// The page, from 0, that is the root of a table.
fn root_page(bytes: &[u8], table: &str) -> usize {
    let dir = directory();
    let path = dir.path().join("copy.db");
    fs::write(&path, bytes).unwrap();
    let conn = rusqlite::Connection::open(path).unwrap();
    let ask = "SELECT rootpage FROM sqlite_schema WHERE name = ?1";
    let page: i64 = conn.query_row(ask, [table], |row| row.get(0)).unwrap();
    usize::try_from(page - 1).unwrap()
}
