//! The history of a host with 32 DIMMs after ten years, made in minutes: one command makes it, and
//! says what it takes on disk and how long each query takes.
//!
//! ```text
//! cargo run --release -p scrubjay-tests --example ten_years -- DIR [SEED] [YEARS]
//! ```
//!
//! The passes, the reports and what becomes of old rows are those of the agent; only the host is made
//! up, with its clocks. A pass that finds nothing new leaves no row, so that quiet time is passed over in
//! steps of twenty minutes, by an agent that is told that they leave no gap; while errors come it looks
//! every minute. Errors come ten times as often as in the field,
//! beside a channel that fails for two weeks, a storm, a DIMM that fails for half a year, uncorrected
//! errors and the swaps that follow, reboots, crashes, gaps of the agent, and steps of the clock.

mod chance;
mod faults;
mod host;

use chance::Chance;
use faults::Errors;
use host::Host;
use scrubjay_alerts::PatchPolicy;
use scrubjay_model::{
    Accumulated, BucketBy, BucketWindow, Sightings, Snapshot, Watched, memory_buckets,
    merged_boots, page_lives,
};
use scrubjay_storage::{Heard, History, HistoryReader};
use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_secs(60);
/// Minutes between passes while nothing happens. Two and a half times what the agent is told is a gap.
const QUIET: u64 = 20;
const TOLD: Duration = Duration::from_secs(600);
const DAY: u64 = 1_440;
const BEGIN_WALL_MS: i64 = 1_480_000_000_000;
const DAY_MS: i64 = 86_400_000;

/// Faults per DIMM and year: ten times those of the field.
const RATE: f64 = 0.157;

/// The longest that any query may take.
const LIMIT: Duration = Duration::from_millis(50);

/// What happens to the host or the agent, beside errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    Reboot { clean: bool },
    AgentAway { minutes: u64 },
    ClockStep { ms: i64 },
}

fn turns(chance: &mut Chance, minutes: u64) -> VecDeque<(u64, Turn)> {
    let mut turns = Vec::new();
    let mut at = 0;
    while at < minutes {
        at += chance.between(60 * DAY, 365 * DAY);
        turns.push((at, Turn::Reboot { clean: true }));
    }
    let mut every = |mean_days: f64, turn: &mut dyn FnMut(&mut Chance) -> Turn| {
        let mut at = 0;
        loop {
            at += faults::whole(chance.exponential(mean_days * 1_440.0)) + 1;
            if at >= minutes {
                return;
            }
            let turn = turn(chance);
            turns.push((at, turn));
        }
    };
    every(730.0, &mut |_| Turn::Reboot { clean: false });
    every(120.0, &mut |chance| Turn::AgentAway { minutes: chance.between(10, 4_000) });
    every(200.0, &mut |chance| Turn::ClockStep {
        ms: i64::try_from(chance.below(240_000)).unwrap() - 120_000,
    });
    turns.sort();
    turns.into()
}

struct Life<'a> {
    host: Host,
    /// None while the agent is away: only one may have it open.
    history: Option<History>,
    errors: Errors,
    chance: Chance,
    dir: &'a Path,
    largest: u64,
    passes: u64,
    folds: u64,
    /// The longest that a pass was held up by it.
    longest_fold: Duration,
}

impl Life<'_> {
    fn start(&mut self) {
        self.history = Some(open(self.dir, &self.host));
        self.host.reports = 0;
    }

    fn stop(&mut self, in_order: bool) {
        let mut history = self.history.take().unwrap();
        if in_order {
            history.end_run(&self.host.at()).unwrap();
        }
    }

    fn pass(&mut self, minute: u64, minutes: u64) {
        self.host.pass(MINUTE * u32::try_from(minutes).unwrap());
        let mut sightings = Vec::new();
        let mut failed = Vec::new();
        while let Some(entry) = self.errors.first_entry() {
            if entry.key().0 > minute {
                break;
            }
            let ((_, dimm), burst) = entry.remove_entry();
            sightings.extend(self.host.fail(dimm, &burst, &mut self.chance));
            if burst.uncorrectable > 0 {
                failed.push(dimm);
            }
        }
        let heard_some = !sightings.is_empty();
        let heard = Sightings { sightings, lost: 0, undecodable: 0 };
        let told = Heard { sightings: &heard, listening: true, how: None };
        let history = self.history.as_mut().unwrap();
        let snapshot = self.host.snapshot();
        let appended = history.append_heard(snapshot, told);
        assert!(appended.error.is_none(), "{:?}", appended.error);
        if heard_some || minute % DAY < minutes {
            note(history, snapshot, &appended.accumulated);
        }
        // As the agent does, until the next pass.
        loop {
            let began = now();
            let more = history.fold(&self.host.at()).unwrap();
            self.longest_fold = self.longest_fold.max(began.elapsed());
            self.folds += u64::from(more);
            if !more {
                break;
            }
        }
        self.passes += 1;
        if minute % 720 < minutes {
            self.largest = self.largest.max(history.stats().size_bytes.unwrap_or(0));
        }
        for dimm in failed {
            self.host.replace(dimm);
        }
    }

    fn turn(&mut self, turn: Turn) -> u64 {
        match turn {
            Turn::Reboot { clean } => {
                self.stop(clean);
                self.host.reboot(Duration::from_secs(300));
                self.start();
                6
            }
            Turn::AgentAway { minutes } => {
                self.stop(true);
                self.host.pass(MINUTE * u32::try_from(minutes).unwrap());
                self.start();
                minutes
            }
            Turn::ClockStep { ms } => {
                self.host.wall_ms += ms;
                0
            }
        }
    }
}

fn open(dir: &Path, host: &Host) -> History {
    let mut history = History::open(dir, &host.at()).unwrap();
    history.write_without_sync().unwrap();
    history.fold_by_clock(monotonic);
    history.begin_run(&host.at(), "1.0.0", TOLD).unwrap();
    history
}

fn note(history: &mut History, snapshot: &Snapshot, accumulated: &Accumulated) {
    let storage = history.stats();
    let policy = PatchPolicy::default();
    let assessment = scrubjay_alerts::assess(snapshot, accumulated, Some(&storage), None, &policy);
    history.note(&snapshot.at, &assessment).unwrap();
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let Some(dir) = arguments.next() else {
        println!("usage: ten_years DIR [SEED] [YEARS]");
        return;
    };
    let dir = Path::new(&dir);
    let seed: u64 = arguments.next().map_or(1, |seed| seed.parse().unwrap());
    let years: u64 = arguments.next().map_or(10, |years| years.parse().unwrap());
    let minutes = years * 525_960;
    let began = now();
    let mut chance = Chance::new(seed);
    let errors = faults::errors(&mut chance, minutes, RATE);
    let mut turns = turns(&mut chance, minutes);
    let host = Host::new(BEGIN_WALL_MS);
    let history = Some(open(dir, &host));
    let (minutes_with_errors, turns_planned) = (errors.len(), turns.len());
    let mut life = Life {
        host,
        history,
        errors,
        chance,
        dir,
        largest: 0,
        passes: 0,
        folds: 0,
        longest_fold: Duration::ZERO,
    };
    let mut minute = 0;
    while minute < minutes {
        let mut step = QUIET;
        if let Some(((next, _), _)) = life.errors.first_key_value() {
            step = step.min(next.saturating_sub(minute).max(1));
        }
        minute += step;
        life.pass(minute, step);
        while turns.front().is_some_and(|(at, _)| *at <= minute) {
            let (_, turn) = turns.pop_front().unwrap();
            minute += life.turn(turn);
        }
        if minute % (365 * DAY) < step {
            eprintln!("day {} after {:.0} s", minute / DAY, began.elapsed().as_secs_f64());
        }
    }
    let at = life.host.at();
    let folded = life.history.as_ref().unwrap().stats().folded;
    life.stop(true);
    let Life { mut host, largest, passes, folds, longest_fold, .. } = life;
    let snapshot = host.snapshot();
    println!(
        "{years} years, seed {seed}: {passes} passes, {minutes_with_errors} minutes of a DIMM with \
         errors, {turns_planned} reboots, gaps and clock steps, {folds} passes that folded, the \
         longest for {:.0} ms, made in {:.0} s",
        longest_fold.as_secs_f64() * 1e3,
        began.elapsed().as_secs_f64()
    );
    println!("folded: {:?}", folded.rows);
    report(dir, largest);
    ask(dir, at.wall_ms, snapshot);
}

/// Time since the first call.
fn monotonic() -> Duration {
    static BEGAN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    now().saturating_duration_since(*BEGAN.get_or_init(now))
}

#[expect(clippy::disallowed_methods, reason = "measures, and is no part of the product")]
fn now() -> Instant {
    Instant::now()
}

fn report(dir: &Path, largest: u64) {
    let reader = HistoryReader::open(dir).unwrap().unwrap();
    println!("\n| table or index | bytes | rows |\n|---|---|---|");
    let mut sum = 0;
    for (name, bytes, rows) in reader.sizes().unwrap() {
        sum += bytes;
        let rows = rows.map(|rows| rows.to_string()).unwrap_or_default();
        println!("| {name} | {bytes} | {rows} |");
    }
    let mib = |bytes: u64| format!("{}.{:02} MiB", bytes >> 20, ((bytes & 0xf_ffff) * 100) >> 20);
    println!("\nin use {}; largest file with its log {}", mib(sum), mib(largest));
}

/// A query of a command; tells how many rows came.
type Query<'a> = Box<dyn Fn(&HistoryReader) -> usize + 'a>;

/// Asks what the commands ask, each time with a reader of its own, and prints the slowest of five.
fn ask(dir: &Path, now_ms: i64, snapshot: &Snapshot) {
    let buckets = |by: BucketBy, days: i64| {
        move |reader: &HistoryReader| {
            let from = now_ms - days * DAY_MS;
            let earliest = match by {
                BucketBy::Boot => i64::MIN,
                BucketBy::Hour | BucketBy::Day | BucketBy::Month => from - 32 * DAY_MS,
            };
            let sums = reader.counter_sums(earliest, now_ms).unwrap();
            let (coverage, days) = (reader.coverage().unwrap(), reader.coverage_days().unwrap());
            let boots = reader.boots().unwrap();
            let watched = Watched { coverage: &coverage, coverage_days: &days, boots: &boots };
            let window = BucketWindow { by, from_wall_ms: from, until_wall_ms: now_ms };
            memory_buckets(window, &sums, watched).len()
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
        ("history memory --by hour", Box::new(buckets(BucketBy::Hour, 2))),
        ("history memory --by hour --since 365d", Box::new(buckets(BucketBy::Hour, 365))),
        ("history memory --by day", Box::new(buckets(BucketBy::Day, 60))),
        ("history memory --by day --since 3650d", Box::new(buckets(BucketBy::Day, 3_650))),
        ("history memory --by month", Box::new(buckets(BucketBy::Month, 3_700))),
        ("history memory --by boot", Box::new(buckets(BucketBy::Boot, 3_700))),
        (
            "history boots",
            Box::new(|reader| {
                let own = reader.boots().unwrap();
                let lines = merged_boots(&own, &reader.imported_boots().unwrap(), &BTreeMap::new());
                reader.boot_facts().unwrap();
                lines.len() + reader.coverage().unwrap().len() + reader.clock_steps().unwrap().len()
            }),
        ),
        (
            "history patches",
            Box::new(|reader| {
                let names = ["kernel.", "packages.", "boot.", "livepatch.", "reboot.", "verdict"];
                reader.exposures().unwrap().len()
                    + reader.facts(&names).unwrap().len()
                    + reader.coverage().unwrap().len()
            }),
        ),
        (
            "history pages",
            Box::new(|reader| {
                let (requests, reports) =
                    (reader.page_requests().unwrap(), reader.page_reports().unwrap());
                page_lives(reader.bad_pages().unwrap(), &requests, &reports).len()
            }),
        ),
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
    let (time, name) = slowest;
    let verdict = if time <= LIMIT { "within" } else { "OVER" };
    println!("\nslowest: {name}, {:.1} ms, {verdict} {LIMIT:?}", time.as_secs_f64() * 1e3);
}
