//! The history of a host with 32 DIMMs after ten years, made in minutes: one command makes it, and
//! says what it takes on disk and how long each query takes.
//!
//! ```text
//! cargo run --release -p scrubjay-tests --example ten_years -- DIR [SEED] [YEARS [judged]]
//! ```
//!
//! With `judged` its sticks are judged and alerts are kept, as the agent does, and the host as it was last is
//! written beside the history: `docs/examples` is made of such a one.
//!
//! The passes, the reports and what becomes of old rows are those of the agent; only the host is made
//! up, with its clocks. A pass that finds nothing new leaves no row, so that quiet time is passed over in
//! steps of twenty minutes, by an agent that is told that they leave no gap; while errors come it looks
//! every minute. Errors come ten times as often as in the field,
//! beside a channel that fails for two weeks, a storm, a DIMM that fails for half a year, uncorrected
//! errors and the swaps that follow, reboots, crashes, gaps of the agent, and steps of the clock. Kernels
//! come every three weeks and live patches between, and pages with many errors are taken out of use.

mod ask;
mod chance;
mod faults;
mod host;
mod judged;
mod kernels;

use chance::Chance;
use faults::Errors;
use host::Host;
use scrubjay_alerts::PatchPolicy;
use scrubjay_model::{
    Accumulated, PageAnswer, PageOutcome, PageReason, PageReport, Sightings, Snapshot, Stamp,
};
use scrubjay_storage::{Heard, History, HistoryReader, PagesSeen};
use std::collections::{BTreeSet, VecDeque};
use std::path::Path;
use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_secs(60);
/// Minutes between passes while nothing happens. Two and a half times what the agent is told is a gap.
const QUIET: u64 = 20;
const TOLD: Duration = Duration::from_secs(600);
/// The same where a report is to be made of it: it need not be as fine.
const QUIET_JUDGED: u64 = 360;
/// Minutes between passes while errors come, at least.
const SOONEST_JUDGED: u64 = 30;
const TOLD_JUDGED: Duration = Duration::from_secs(10_800);
/// Minutes after which sticks are judged again, if there is anything new.
const JUDGED_EVERY: u64 = 360;
const DAY: u64 = 1_440;
const BEGIN_WALL_MS: i64 = 1_480_000_000_000;
/// 2024-06-01, where a report is to be made of it.
const BEGIN_JUDGED_WALL_MS: i64 = 1_717_200_000_000;
const PAGE_BYTES: u64 = 4_096;

/// Faults per DIMM and year: ten times those of the field.
const RATE: f64 = 0.157;

/// What happens to the host or the agent, beside errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    Reboot { clean: bool },
    KernelPackage,
    LivePatch,
    AgentAway { minutes: u64 },
    ClockStep { ms: i64 },
}

fn turns(chance: &mut Chance, minutes: u64) -> VecDeque<(u64, Turn)> {
    let mut turns = Vec::new();
    let mut at = 0;
    while at < minutes {
        at += chance.between(50 * DAY, 130 * DAY);
        turns.push((at, Turn::Reboot { clean: true }));
    }
    at = 0;
    while at < minutes {
        at += chance.between(14 * DAY, 28 * DAY);
        turns.push((at, Turn::KernelPackage));
        turns.push((at + chance.between(2 * DAY, 9 * DAY), Turn::LivePatch));
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
    /// Pages that the kernel of this boot was asked to take out of use.
    asked: BTreeSet<u64>,
    dir: &'a Path,
    largest: u64,
    passes: u64,
    folds: u64,
    /// The longest that a pass was held up by it.
    longest_fold: Duration,
    /// Whether sticks are judged and alerts are kept.
    judged: bool,
    /// When they were last, in minutes.
    judged_at: u64,
}

impl Life<'_> {
    fn start(&mut self) {
        self.history = Some(open(self.dir, &self.host, self.judged));
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
        let mut bad = Vec::new();
        while let Some(entry) = self.errors.first_entry() {
            if entry.key().0 > minute {
                break;
            }
            let ((_, dimm), burst) = entry.remove_entry();
            sightings.extend(self.host.fail(dimm, &burst, &mut self.chance));
            let page = Host::page_of(dimm, &burst, &mut self.chance);
            if burst.uncorrectable > 0 {
                failed.push(dimm);
                let spared = self.chance.happens(0.2);
                let outcome = if spared { PageOutcome::Failed } else { PageOutcome::Recovered };
                sightings.push(self.host.hit_page(page, outcome));
                bad.push((page, None));
            } else if burst.correctable >= 24
                && self.chance.happens(0.02)
                // The agent asks for a page once in each boot.
                && self.asked.insert(page)
            {
                bad.push((page, Some(self.chance.happens(0.9))));
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
            let accumulated = &appended.accumulated;
            if !self.judged {
                note(history, snapshot, accumulated);
            } else if minute >= self.judged_at + JUDGED_EVERY {
                judged::note(history, snapshot, accumulated);
                self.judged_at = minute;
            }
        }
        take_out(history, &self.host.at(), &bad);
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
        // A transition takes as long as until the next look.
        if self.host.kernels.is_in_transition() {
            self.host.kernels.end_transition();
            self.host.show_kernels();
        }
    }

    fn turn(&mut self, turn: Turn) -> u64 {
        match turn {
            Turn::Reboot { clean } => {
                self.stop(clean);
                self.host.reboot(Duration::from_secs(300));
                self.asked.clear();
                self.start();
                6
            }
            Turn::KernelPackage => {
                let now_unix_s = self.host.wall_ms / 1_000;
                self.host.kernels.install(now_unix_s, &mut self.chance);
                self.host.show_kernels();
                0
            }
            Turn::LivePatch => {
                self.host.kernels.patch(&mut self.chance);
                self.host.show_kernels();
                0
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

fn open(dir: &Path, host: &Host, judged: bool) -> History {
    let told = if judged { TOLD_JUDGED } else { TOLD };
    let mut history = History::open(dir, &host.at()).unwrap();
    history.write_without_sync().unwrap();
    history.fold_by_clock(monotonic);
    history.begin_run(&host.at(), "1.0.0", told).unwrap();
    history
}

/// Registers bad pages, and asks the kernel to take those out of use that have not failed yet: whether
/// it does stands beside them.
fn take_out(history: &mut History, at: &Stamp, bad: &[(u64, Option<bool>)]) {
    if bad.is_empty() {
        return;
    }
    let report = |(address, request): &(u64, Option<bool>)| PageReport {
        pfn: address / PAGE_BYTES,
        page_size_bytes: PAGE_BYTES,
        reason: match request {
            Some(_) => PageReason::CorrectedThreshold,
            None => PageReason::HardOffline,
        },
        dimm: None,
    };
    let reported: Vec<PageReport> = bad.iter().map(report).collect();
    history.see_pages(&PagesSeen { reported: &reported, told: None, map: None }, at).unwrap();
    for (address, is_met) in bad.iter().filter_map(|(address, met)| Some((address, (*met)?))) {
        let request = history.begin_page_request(at, *address).unwrap();
        let errno = 16;
        let answer = if is_met { PageAnswer::Done } else { PageAnswer::Failed { errno } };
        history.end_page_request(request, answer).unwrap();
    }
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
        println!("usage: ten_years DIR [SEED] [YEARS [judged]]");
        return;
    };
    let dir = Path::new(&dir);
    let seed: u64 = arguments.next().map_or(1, |seed| seed.parse().unwrap());
    let years: u64 = arguments.next().map_or(10, |years| years.parse().unwrap());
    let judged = arguments.next().is_some_and(|word| word == "judged");
    let minutes = years * 525_960;
    let began = now();
    let mut chance = Chance::new(seed);
    let mut errors = faults::errors(&mut chance, minutes, RATE);
    // Storms are for measuring; a reader has enough of them with a tenth.
    errors.retain(|(minute, _), burst| !judged || minute % 10 == 0 || burst.uncorrectable > 0);
    let mut turns = turns(&mut chance, minutes);
    let host = Host::new(if judged { BEGIN_JUDGED_WALL_MS } else { BEGIN_WALL_MS });
    let history = Some(open(dir, &host, judged));
    let minutes_with_errors = errors.len();
    let planned = |of: fn(&Turn) -> bool| turns.iter().filter(|(_, turn)| of(turn)).count();
    let packages = planned(|turn| *turn == Turn::KernelPackage);
    let boots = planned(|turn| matches!(turn, Turn::Reboot { .. }));
    let others = turns.len() - 2 * packages - boots;
    let mut life = Life {
        host,
        history,
        errors,
        chance,
        asked: BTreeSet::new(),
        dir,
        largest: 0,
        passes: 0,
        folds: 0,
        longest_fold: Duration::ZERO,
        judged,
        judged_at: 0,
    };
    let mut minute = 0;
    while minute < minutes {
        let mut step = if judged { QUIET_JUDGED } else { QUIET };
        if let Some(((next, _), _)) = life.errors.first_key_value() {
            let soonest = if judged { SOONEST_JUDGED } else { 1 };
            step = step.min(next.saturating_sub(minute).max(soonest));
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
         errors, {boots} reboots, {packages} kernels, {others} gaps and clock steps, {folds} passes that \
         folded, the longest for {:.0} ms, made in {:.0} s",
        longest_fold.as_secs_f64() * 1e3,
        began.elapsed().as_secs_f64()
    );
    println!("folded: {:?}", folded.rows);
    if judged {
        return judged::show(dir, &at);
    }
    report(dir, largest);
    ask::ask(dir, at.wall_ms, snapshot);
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
