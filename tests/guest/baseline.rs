//! The agent beside Debian's rasdaemon, and beside a program in C that reads the same buffers and only counts:
//! the same guest, the same storms of memory errors, one table. Started by hand, by `tests/guest/baseline`,
//! which also gets the peer.
//!
//! Each storm is given to each program in a guest of its own: one error, five seconds, the storm,
//! then as long as it takes until the program rests, then SIGTERM. What was sent is what the test
//! driver counted. In all storms but the first the agent is scraped as Prometheus does it, but ten times
//! a second; the others have nothing to scrape. A second of a guest without KVM is worth less than one
//! of a real machine, so seconds compare programs here and say nothing else.

#![expect(
    clippy::disallowed_methods,
    reason = "starts guests and makes files for them; the host is left alone"
)]
#![expect(clippy::unwrap_used, clippy::panic, reason = "without a measurement there is no table")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the table is for people")]
#![expect(clippy::indexing_slicing, reason = "a missing key of the JSON compares as null")]
#![expect(dead_code, reason = "the scenarios use the rest of the harness")]

mod booted;
mod captures;
mod guest;
mod machine;
mod peer;
mod seen;

use guest::Guest;
use machine::{Kernel, Machine, Processor};
use std::cell::RefCell;
use std::path::Path;
use std::process::Command;

const ORDER: &str = "/sys/kernel/debug/scrubjay_edac/order";

/// Most events of a paced storm: some 75 seconds of them, at 800 a second.
const PACED_EVENTS: u64 = 60_000;

/// The agent is to take no more CPU than this many times what the bare reader takes, to note this many times as
/// many events in a CPU second as rasdaemon, and to stay within so many kilobytes, in a storm that comes at once.
const OF_BARE: f64 = 3.0;
const OF_PEER: f64 = 100.0;
const MOST_KILOBYTES: u64 = 32 << 10;

/// Longest that a program may work on a storm after it, in seconds; those of slow disks are slow.
const DRAIN_SECONDS: u32 = 400;

/// What a scrape asks for.
const HEADERS: &str = "'Accept-Encoding: gzip' \
                       'Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5'";

/// Metrics of the agent about single events.
const EVENTS_RECORDED: &str = "scrubjay_event_reports_total";
const EVENTS_LOST: &str = "scrubjay_event_reports_lost_total";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Program {
    Scrubjay,
    Rasdaemon,
    /// `tests/bench/ring.c`.
    Bare,
}

#[derive(Debug, Clone, Copy)]
struct Storm {
    name: &'static str,
    events: u64,
    every_us: u64,
    /// Whether the agent is scraped meanwhile, which the others are not.
    scraped: bool,
}

/// What came of one storm in one program.
#[derive(Debug)]
struct Outcome {
    sent: u64,
    seen: u64,
    /// How many the program itself says it missed, if it says anything.
    stated_lost: Option<u64>,
    storm_seconds: f64,
    /// How long scrapes took before it and during it; none of a program that cannot be scraped.
    scrapes: Option<[Scrapes; 2]>,
    cpu_seconds: f64,
    /// CPU seconds a second, before the storm.
    idle: f64,
    peak_kilobytes: u64,
    database_bytes: u64,
}

/// What `tests/bench/scraper.c` tells.
#[derive(Debug, Clone, Copy)]
struct Scrapes {
    answered: u64,
    failed: u64,
    median_us: u32,
    most_us: u32,
    longest_us: u32,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [series, events, programs] = arguments.as_slice() else {
        panic!("usage: SERIES EVENTS scrubjay|rasdaemon|bare|all")
    };
    let series = ["6.1", "6.12"].into_iter().find(|known| known == series).unwrap();
    let events: u64 = events.parse().unwrap();
    let kernel = Kernel { series };
    let peer = kernel.file("../rasdaemon");
    println!(
        "Linux {series} in a guest of 2 GiB and two processors, without KVM; history on ext4."
    );
    println!(
        "The agent and rasdaemon run as they are installed; `bare` reads and counts records, and"
    );
    println!(
        "does no more. What the agent saw are reports in its sums, what rasdaemon saw are rows in"
    );
    println!("its database, and lost is what neither has. CPU seconds are those from the");
    println!("storm's begin until the program rests, the agent's passes included; idle CPU is");
    println!("what a second without errors costs. Scrapes: median, 99th percentile and maximum,");
    println!("before the storm and during it. A busy machine makes all of them larger.\n");
    let heads = "storm|program|sent|seen|lost|stated as lost|CPU s|seen a CPU s|idle CPU|peak kB\
                 |database bytes|storm s|scrapes before|failed|median ms|99 % ms|longest ms\
                 |scrapes during|failed|median ms|99 % ms|longest ms";
    println!("|{heads}|\n|{}", "---|".repeat(heads.split('|').count()));
    let mut kept = true;
    for storm in [
        Storm { name: "at once", events, every_us: 0, scraped: false },
        Storm { name: "at once, scraped", events, every_us: 0, scraped: true },
        Storm { name: "paced", events: events.min(PACED_EVENTS), every_us: 1_250, scraped: true },
    ] {
        let outcomes = RefCell::new(Vec::new());
        for program in [Program::Scrubjay, Program::Bare, Program::Rasdaemon] {
            let is_needed = !storm.scraped || storm.every_us > 0 || program == Program::Scrubjay;
            if ![program.name(), "all"].contains(&programs.as_str()) || !is_needed {
                continue;
            }
            if program == Program::Rasdaemon && !peer.exists() {
                println!("|{}|rasdaemon|SKIPPED: it could not be had|", storm.name);
                continue;
            }
            guest::unless_it_dies(|| {
                let outcome = measure(kernel, storm, program, &peer);
                print(storm, program, &outcome);
                outcomes.borrow_mut().push((program, outcome));
            });
        }
        kept &= storm.scraped || keeps(&outcomes.take());
    }
    std::process::exit(i32::from(!kept));
}

/// Says how the agent fared beside the others, and whether it kept to its limits.
fn keeps(outcomes: &[(Program, Outcome)]) -> bool {
    let of = |wanted| {
        outcomes.iter().find(|(program, _)| *program == wanted).map(|(_, outcome)| outcome)
    };
    let Some(ours) = of(Program::Scrubjay) else { return true };
    let unknown = ours.sent.saturating_sub(ours.seen + ours.stated_lost.unwrap_or_default());
    println!(
        "\nunaccounted for {unknown}, limit 0; peak {} kB, limit {MOST_KILOBYTES}",
        ours.peak_kilobytes
    );
    let mut kept = unknown == 0 && ours.peak_kilobytes <= MOST_KILOBYTES;
    if let Some(bare) = of(Program::Bare) {
        // For each event: what was lost cost nothing.
        let times = bare.each_cpu_second() / ours.each_cpu_second();
        println!("CPU for an event: {times:.2} times that of the bare reader, limit {OF_BARE}");
        kept &= times <= OF_BARE;
    }
    if let Some(peer) = of(Program::Rasdaemon) {
        let times = ours.each_cpu_second() / peer.each_cpu_second();
        println!("events a CPU second: {times:.0} times those of rasdaemon, limit {OF_PEER}");
        kept &= times >= OF_PEER;
    }
    println!();
    kept
}

impl Outcome {
    #[expect(clippy::cast_precision_loss, reason = "a figure to be read")]
    fn each_cpu_second(&self) -> f64 {
        self.seen as f64 / self.cpu_seconds
    }
}

impl Program {
    fn name(self) -> &'static str {
        match self {
            Self::Scrubjay => "scrubjay",
            Self::Rasdaemon => "rasdaemon",
            Self::Bare => "bare",
        }
    }
}

impl Scrapes {
    fn read(text: &str) -> Self {
        let mut numbers = text.split_whitespace().map(|number| number.parse::<u32>().unwrap());
        let mut next = || numbers.next().unwrap();
        Self {
            answered: next().into(),
            failed: next().into(),
            median_us: next(),
            most_us: next(),
            longest_us: next(),
        }
    }

    fn cells(self) -> String {
        let Self { answered, failed, median_us, most_us, longest_us } = self;
        let [median, most, longest] =
            [median_us, most_us, longest_us].map(|us| f64::from(us) / 1000.0);
        format!("{answered}|{failed}|{median:.1}|{most:.1}|{longest:.1}")
    }
}

fn print(storm: Storm, program: Program, outcome: &Outcome) {
    let Outcome { sent, seen, stated_lost, storm_seconds, cpu_seconds, idle, .. } = outcome;
    let stated = stated_lost.map_or_else(|| "nothing".to_owned(), |lost| lost.to_string());
    let lost = sent.saturating_sub(*seen);
    let name = program.name();
    let Outcome { peak_kilobytes, database_bytes, .. } = outcome;
    let scrapes = outcome.scrapes.map(|scrapes| scrapes.map(Scrapes::cells).join("|"));
    let scrapes = scrapes.unwrap_or_else(|| ["-"; 10].join("|"));
    println!(
        "|{}|{name}|{sent}|{seen}|{lost}|{stated}|{cpu_seconds:.1}|{:.0}|{idle:.2}|{peak_kilobytes}|\
         {database_bytes}|{storm_seconds:.1}|{scrapes}|",
        storm.name,
        outcome.each_cpu_second()
    );
}

fn measure(kernel: Kernel, storm: Storm, program: Program, peer: &Path) -> Outcome {
    let mut guest =
        Guest::boot_on(kernel, Machine { memory: "2G", ..Machine::with_two(Processor::Amd) });
    guest.load("scrubjay_edac");
    guest.run("echo 0 >/sys/module/edac_core/parameters/edac_mc_log_ce");
    match program {
        Program::Scrubjay => guest.start_agent_with(""),
        Program::Rasdaemon => peer::start(&mut guest, peer),
        Program::Bare => start_bare(&mut guest),
    }
    guest.order("corrected mc=0");
    guest.run("sleep 5");
    let is_scraped = storm.scraped && program == Program::Scrubjay;
    let scraper = |seconds: u32| {
        if is_scraped {
            format!("scraper 10072 1 100 {seconds} {HEADERS}")
        } else {
            "true".to_owned()
        }
    };
    // The first scrapes are slow: QEMU translates what has not run before.
    guest.run(&scraper(2));
    let calm = guest.run(&scraper(15));
    let before = ticks(&mut guest);
    guest.run("sleep 4");
    let began = ticks(&mut guest);
    let at_rest = began - before;
    let Storm { events, every_us, .. } = storm;
    let scraper = scraper(3_600);
    guest.run(&format!(
        "({scraper} >/run/scrapes & scraper=$!
          read a _ </proc/uptime
          echo corrected mc=0 times={events} every_us={every_us} spread=1 stride=1 page=0x1000 >{ORDER}
          read b _ </proc/uptime
          kill -TERM $scraper 2>/dev/null || true; wait $scraper
          echo $a $b >/run/storm.new; mv /run/storm.new /run/storm) &"
    ));
    let storm_seconds = storm_seconds(&mut guest);
    let stormy = guest.run("cat /run/scrapes");
    let scrapes = is_scraped.then(|| [&calm, &stormy].map(|text| Scrapes::read(text)));
    rest(&mut guest, at_rest);
    let cpu_seconds = seconds(ticks(&mut guest) - began);
    let peak = guest.run("awk '/^VmHWM:/ { print $2 }' /proc/$(cat /run/agent.pid)/status");
    let sent = guest.truth()["mc0 total correctable"];
    let of_agent = (program == Program::Scrubjay).then(|| seen_by_agent(&mut guest, sent));
    guest.stop_agent();
    let bytes = |guest: &mut Guest, folder: &str| {
        guest.run(&format!("cat {folder}/*.db* | wc -c")).trim().parse().unwrap()
    };
    let (seen, stated_lost, database_bytes) = match program {
        Program::Scrubjay => {
            let (seen, lost) = of_agent.unwrap_or_default();
            (seen, lost, bytes(&mut guest, "/state/history"))
        }
        Program::Rasdaemon => (rows(&mut guest), None, bytes(&mut guest, "/state/rasdaemon")),
        Program::Bare => {
            let told = guest.run("tail -n 1 /run/agent.log");
            let told: Vec<u64> = told.split_whitespace().map(|n| n.parse().unwrap()).collect();
            (told[0], Some(told[1]), 0)
        }
    };
    Outcome {
        sent,
        seen,
        stated_lost,
        storm_seconds,
        scrapes,
        cpu_seconds,
        idle: seconds(at_rest) / 4.0,
        peak_kilobytes: peak.trim().parse().unwrap(),
        database_bytes,
    }
}

/// Starts the bare reader. What stops the agent stops it as well.
fn start_bare(guest: &mut Guest) {
    guest.run(
        "ring /sys/kernel/tracing ras/mc_event >/run/agent.log 2>&1 &
         echo $! >/run/agent.pid
         for i in $(seq 100); do grep -q ready /run/agent.log && exit 0; sleep 0.1; done
         cat /run/agent.log >&2; exit 1",
    );
}

/// What the program has used of the CPUs, in hundredths of a second.
fn ticks(guest: &mut Guest) -> u32 {
    let text = guest.run("awk '{print $14 + $15}' /proc/$(cat /run/agent.pid)/stat");
    text.trim().parse().unwrap()
}

fn seconds(ticks: u32) -> f64 {
    f64::from(ticks) / 100.0
}

fn storm_seconds(guest: &mut Guest) -> f64 {
    for _ in 0..600 {
        let text = guest.run("cat /run/storm 2>/dev/null || sleep 1");
        let times: Vec<f64> = text.split_whitespace().map(|t| t.parse().unwrap()).collect();
        if let [began, ended] = times[..] {
            return ended - began;
        }
    }
    panic!("the storm does not end");
}

/// Waits until the program uses no more than it did before the storm: `at_rest` ticks in four
/// seconds, and half as much again.
fn rest(guest: &mut Guest, at_rest: u32) {
    let mut last = ticks(guest);
    for _ in 0..DRAIN_SECONDS / 4 {
        guest.run("sleep 4");
        let now = ticks(guest);
        if now - last <= at_rest + at_rest / 2 + 4 {
            return;
        }
        last = now;
    }
    eprintln!("it still works after {DRAIN_SECONDS} s");
}

/// Reports that the agent took in, and those it says it lost. The page tells them with its next
/// pass, which is seconds after the last report.
fn seen_by_agent(guest: &mut Guest, sent: u64) -> (u64, Option<u64>) {
    for _ in 0..60 {
        let page = guest.metrics();
        let seen = page.value(EVENTS_RECORDED, "witness=\"mc_event\",class=\"corrected\"");
        let lost = page.value(EVENTS_LOST, "");
        if seen.unwrap_or_default() + lost.unwrap_or_default() >= sent {
            return (seen.unwrap_or_default(), lost);
        }
        guest.run("sleep 2");
    }
    panic!("of {sent} reports some are neither told nor told as lost:\n{:?}", guest.metrics())
}

/// How many events the peer has in its database.
fn rows(guest: &mut Guest) -> u64 {
    guest.run("cp /state/rasdaemon/ras-mc_event.db* /host/");
    let query = "import sqlite3, sys
print(sqlite3.connect(sys.argv[1]).execute('select count(*) from mc_event').fetchone()[0])";
    let database = guest.folder.path().join("share/ras-mc_event.db");
    let counted = Command::new("python3").args(["-c", query]).arg(database).output().unwrap();
    let text = String::from_utf8(counted.stdout).unwrap();
    text.trim().parse().unwrap_or_else(|why| panic!("{why}: {:?}", counted.stderr))
}
