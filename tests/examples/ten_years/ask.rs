//! What the commands ask of the history, and how long each takes.

use crate::now;
use scrubjay_model::{
    BootLine, BootRecord, BootWitnesses, BucketBy, BucketWindow, CoverageDay, CoverageRecord,
    PageLife, Snapshot, Watched, boot_buckets, memory_buckets, merged_boots, page_buckets,
    page_lives, patch_buckets,
};
use scrubjay_storage::HistoryReader;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

const DAY_MS: i64 = 86_400_000;

/// The longest that any query may take.
const LIMIT: Duration = Duration::from_millis(50);

/// The facts that `history patches` asks for.
const FACTS: [&str; 9] = [
    "kernel.",
    "packages.",
    "boot.",
    "livepatch.",
    "livepatch_",
    "microcode.",
    "processes.",
    "reboot.",
    "verdict",
];

/// What every page by time asks beside its own.
struct Seen {
    coverage: Vec<CoverageRecord>,
    coverage_days: Vec<CoverageDay>,
    boots: Vec<BootRecord>,
}

impl Seen {
    fn of(reader: &HistoryReader) -> Self {
        Self {
            coverage: reader.coverage().unwrap(),
            coverage_days: reader.coverage_days().unwrap(),
            boots: reader.boots().unwrap(),
        }
    }

    fn within<T>(&self, of: impl FnOnce(Watched<'_>) -> T) -> T {
        let Self { coverage, coverage_days, boots } = self;
        of(Watched { coverage, coverage_days, boots })
    }
}

/// The boots with why they ended, and how many steps of the clock there were.
fn boot_lines(reader: &HistoryReader) -> (Vec<BootLine>, usize) {
    let own = reader.boots().unwrap();
    let mut lines = merged_boots(&own, reader.imported_boots().unwrap(), &BTreeMap::new());
    BootWitnesses::of(&own, &reader.boot_facts().unwrap()).explain(&mut lines);
    (lines, reader.clock_steps().unwrap().len())
}

fn lives(reader: &HistoryReader) -> Vec<PageLife> {
    let (requests, reports) = (reader.page_requests().unwrap(), reader.page_reports().unwrap());
    page_lives(reader.bad_pages().unwrap(), &requests, &reports)
}

/// A query of a command; tells how many rows came.
type Query<'a> = Box<dyn Fn(&HistoryReader) -> usize + 'a>;

/// Asks what the commands ask, each time with a reader of its own, and prints the slowest of five.
pub(crate) fn ask(dir: &Path, now_ms: i64, snapshot: &Snapshot) {
    let past = |by: BucketBy, days: i64| BucketWindow {
        by,
        from_wall_ms: now_ms - days * DAY_MS,
        until_wall_ms: now_ms,
    };
    let memory = |by: BucketBy, days: i64| {
        move |reader: &HistoryReader| {
            let window = past(by, days);
            let earliest = match by {
                BucketBy::Boot => i64::MIN,
                BucketBy::Hour | BucketBy::Day | BucketBy::Month => {
                    window.from_wall_ms - 32 * DAY_MS
                }
            };
            let sums = reader.counter_sums(earliest, now_ms).unwrap();
            Seen::of(reader).within(|watched| memory_buckets(window, &sums, watched).len())
        }
    };
    let boots = |by: BucketBy, days: i64| {
        move |reader: &HistoryReader| {
            let (lines, _) = boot_lines(reader);
            Seen::of(reader).within(|watched| boot_buckets(past(by, days), &lines, watched).len())
        }
    };
    let patches = |by: BucketBy, days: i64| {
        move |reader: &HistoryReader| {
            let (exposures, facts) = (reader.exposures().unwrap(), reader.facts(&FACTS).unwrap());
            Seen::of(reader)
                .within(|watched| patch_buckets(past(by, days), &facts, &exposures, watched).len())
        }
    };
    let pages = |by: BucketBy, days: i64| {
        move |reader: &HistoryReader| {
            let lives = lives(reader);
            Seen::of(reader).within(|watched| page_buckets(past(by, days), &lives, watched).len())
        }
    };
    let queries: Vec<(&str, Query<'_>)> = vec![
        (
            "history memory",
            Box::new(|reader| {
                let changes = reader.memory_between(i64::MIN, i64::MAX, 1_001).unwrap();
                reader.accumulate(snapshot).unwrap();
                changes.len() + reader.coverage().unwrap().len()
            }),
        ),
        (
            "history memory --since 30d",
            Box::new(|reader| {
                let changes = reader.memory_between(now_ms - 30 * DAY_MS, i64::MAX, 1_001).unwrap();
                reader.accumulate(snapshot).unwrap();
                changes.len()
            }),
        ),
        ("history memory --by hour", Box::new(memory(BucketBy::Hour, 2))),
        ("history memory --by hour --since 365d", Box::new(memory(BucketBy::Hour, 365))),
        ("history memory --by day", Box::new(memory(BucketBy::Day, 60))),
        ("history memory --by day --since 3650d", Box::new(memory(BucketBy::Day, 3_650))),
        ("history memory --by month", Box::new(memory(BucketBy::Month, 3_700))),
        ("history memory --by boot", Box::new(memory(BucketBy::Boot, 3_700))),
        (
            "history boots",
            Box::new(|reader| {
                let (lines, steps) = boot_lines(reader);
                lines.len() + reader.coverage().unwrap().len() + steps
            }),
        ),
        ("history boots --by day --since 3650d", Box::new(boots(BucketBy::Day, 3_650))),
        ("history boots --by month", Box::new(boots(BucketBy::Month, 3_700))),
        (
            "history patches",
            Box::new(|reader| {
                reader.exposures().unwrap().len()
                    + reader.facts(&FACTS).unwrap().len()
                    + reader.coverage().unwrap().len()
            }),
        ),
        ("history patches --by day --since 3650d", Box::new(patches(BucketBy::Day, 3_650))),
        ("history patches --by month", Box::new(patches(BucketBy::Month, 3_700))),
        ("history patches --by boot", Box::new(patches(BucketBy::Boot, 3_700))),
        ("history pages", Box::new(|reader| lives(reader).len())),
        ("history pages --by day --since 3650d", Box::new(pages(BucketBy::Day, 3_650))),
        ("history pages --by month", Box::new(pages(BucketBy::Month, 3_700))),
        ("history pages --by boot", Box::new(pages(BucketBy::Boot, 3_700))),
    ];
    println!("\n| query | rows | slowest of five |\n|---|---|---|");
    let mut slowest = (Duration::ZERO, "");
    for (name, query) in &queries {
        let mut longest = Duration::ZERO;
        let mut rows = 0;
        for _ in 0..5 {
            let reader = HistoryReader::open(dir).unwrap().unwrap();
            let began = now();
            rows = query(&reader);
            longest = longest.max(began.elapsed());
        }
        println!("| {name} | {rows} | {:.1} ms |", longest.as_secs_f64() * 1e3);
        slowest = slowest.max((longest, name));
    }
    // No query of the history, but what status asks beside them.
    let reader = HistoryReader::open(dir).unwrap().unwrap();
    let began = now();
    let report = reader.verify_ledger(&[]).unwrap();
    assert!(report.is_intact(), "{report:?}");
    let took = began.elapsed().as_secs_f64() * 1e3;
    println!("\n{} rows of the ledger verified in {took:.1} ms", report.rows);
    let (time, name) = slowest;
    let verdict = if time <= LIMIT { "within" } else { "OVER" };
    println!("\nslowest: {name}, {:.1} ms, {verdict} {LIMIT:?}", time.as_secs_f64() * 1e3);
}
