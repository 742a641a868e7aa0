//! A fleet as Prometheus would have scraped it: the pages of its agents over time, in OpenMetrics for
//! `promtool tsdb create-blocks-from openmetrics`, and beside it what is true of each host.
//!
//! Memory comes from the generator of `scrubjay simulate`, everything else from the trees in
//! `fixtures/hosts`, changed where a host is to have a debt, a live patch near its end, or nothing
//! that can be seen. Each page is made by the chain of the agent: collector, history, rules, alerts,
//! exporter. Only what an agent knows of its own process is made up.
//!
//! Between two passes the page before is repeated, as a scrape does; what goes with the clock goes on.

mod chain;
mod hosts;
mod node;
mod page;
mod personas;
mod truth;

pub use hosts::{Fleet, Host, Stop};
pub use personas::Persona;
pub use truth::HostTruth;

use chain::Chain;
use scrubjay_collector::{Collector, HostRoot, Options, Tree};
use scrubjay_exporters::prometheus;
use scrubjay_model::{Clocks, HostView, Snapshot};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

/// Seconds between scrapes of the last stretch. A series that was not scraped for five minutes is
/// gone to Prometheus.
const SCRAPE_S: i64 = 60;

/// Seconds between passes of the last stretch: alerts have time to fire in it.
const PASS_S: i64 = 600;

/// What is made.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Hosts.
    pub hosts: u32,
    /// Where the draws begin.
    pub seed: u64,
    /// The moment of the last scrape, seconds since the Unix epoch.
    pub end_unix_s: i64,
    /// Days before that in which the hosts are watched.
    pub days: u32,
    /// Seconds between scrapes, up to the last stretch.
    pub step_s: i64,
    /// Minutes before the end in which every minute is scraped.
    pub minutes: u32,
    /// Share of the hosts that do not report until the end.
    pub stopping: f64,
    /// The label `job`.
    pub job: String,
}

impl Plan {
    /// Thirty hosts, one of each kind of trouble among them, over two weeks.
    pub fn small(end_unix_s: i64) -> Self {
        Self {
            hosts: 30,
            seed: 1,
            end_unix_s,
            days: 14,
            step_s: 12 * 3600,
            minutes: 45,
            stopping: 0.05,
            job: "scrubjay".to_owned(),
        }
    }

    /// When it begins, seconds since the Unix epoch.
    pub fn begin_unix_s(&self) -> i64 {
        self.end_unix_s - i64::from(self.days) * 86_400
    }

    /// Moments of scrapes, seconds since the beginning, each with whether the agent made a pass
    /// before it.
    fn moments(&self) -> Vec<(i64, bool)> {
        let end = i64::from(self.days) * 86_400;
        let last = (end - i64::from(self.minutes) * 60).max(0);
        let mut moments: Vec<(i64, bool)> = (1..)
            .map(|step| step * self.step_s)
            .take_while(|at| *at < last)
            .map(|at| (at, true))
            .collect();
        let scrapes = (0..).map(|scrape| last + scrape * SCRAPE_S).take_while(|at| *at <= end);
        moments.extend(scrapes.map(|at| (at, (at - last) % PASS_S == 0 || at == end)));
        moments
    }
}

/// Writes the pages of a whole fleet, and returns what is true of its hosts.
///
/// # Errors
/// If they cannot be written.
///
/// # Panics
/// If a host cannot be made, which is a defect of the harness.
pub fn write(plan: &Plan, out: &mut impl Write) -> io::Result<Vec<HostTruth>> {
    let fleet = Fleet::new(plan);
    let next = AtomicU32::new(0);
    let mut truths = BTreeMap::new();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        // Bounded: a slow disk must not let pages pile up.
        let (send, receive) = sync_channel(threads);
        for _ in 0..threads {
            let (send, next, fleet) = (send.clone(), &next, &fleet);
            scope.spawn(move || {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    // Nobody takes it any more: writing failed.
                    if index >= plan.hosts || send.send(life(plan, fleet, index)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(send);
        for (text, truth) in receive {
            out.write_all(text.as_bytes())?;
            truths.insert(truth.index, truth);
        }
        out.write_all(b"# EOF\n")
    })?;
    Ok(truths.into_values().collect())
}

/// Plays the first host of a kind from beginning to end, and leaves its history in a folder, as an agent
/// would. Returns the host as it was last, as a tree.
///
/// # Panics
/// If the host cannot be made, which is a defect of the harness.
pub fn record(plan: &Plan, persona: Persona, dir: &std::path::Path) -> String {
    let fleet = Fleet::new(plan);
    let mut hosts = (0..).map(|index| fleet.host(index));
    let host = hosts.find(|host| host.persona == persona).expect("a cycle has each persona");
    let mut chain: Option<(Chain, Snapshot)> = None;
    let (mut last, mut text) = (0, String::new());
    for (at, _) in plan.moments().into_iter().filter(|(_, pass)| *pass) {
        let Some(booted) = host.booted(at) else { continue };
        let tree = host.tree(at);
        text = tree.to_text();
        let snapshot = look(tree);
        // With each boot another agent begins.
        if last < booted
            && let Some((ended, before)) = chain.take()
            && host.was_shut_down(booted)
        {
            ended.stop(&before.at);
        }
        let (mut running, _) = chain
            .take()
            .unwrap_or_else(|| (Chain::start(dir, &snapshot, plan.step_s), snapshot.clone()));
        let heard = host.heard(last, booted, at);
        running.pass(snapshot.clone(), heard, u64::from(host.index));
        chain = Some((running, snapshot));
        last = at;
    }
    if let Some((running, before)) = chain {
        running.stop(&before.at);
    }
    text
}

/// One host from beginning to end: its samples, and what is true of it.
fn life(plan: &Plan, fleet: &Fleet, index: u32) -> (String, HostTruth) {
    let host = fleet.host(index);
    let labels = host.labels(&plan.job);
    // Histories in memory would not be asked about sticks; a file system in memory is as quick.
    let memory = std::path::Path::new("/dev/shm");
    let state = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    let state = state.expect("a folder for a history");
    let mut chain: Option<Chain> = None;
    let mut last: Option<(i64, HostView, String)> = None;
    let mut text = String::new();
    for (at, pass) in plan.moments() {
        if host.stop.is_some_and(|stop| at >= stop.since()) {
            if let Some(Stop::Unreachable(_)) = host.stop {
                page::add("up 0\n", &labels, plan.begin_unix_s() + at, 0, &mut text);
            }
            continue;
        }
        let Some(booted) = host.booted(at) else {
            page::add("up 0\n", &labels, plan.begin_unix_s() + at, 0, &mut text);
            continue;
        };
        let hangs = host.hangs_since.is_some_and(|since| at >= since);
        if let Some((passed, view, page)) = last.as_mut()
            && (hangs || !pass)
            && *passed >= booted
        {
            let begin = plan.begin_unix_s();
            if hangs && !page.contains("\nscrubjay_snapshot_stale 1\n") {
                *page = prometheus::render(view, true).expect("a page");
            }
            page::add("up 1\n", &labels, begin + at, 0, &mut text);
            // Where passes hang, clocks stand as they were when it began.
            let now = host.hangs_since.map_or(at, |since| at.min(since));
            let ahead = now - *passed;
            page::add(page, &labels, begin + at, ahead, &mut text);
            continue;
        }
        let since = last.as_ref().map_or(0, |(passed, ..)| *passed);
        let snapshot = look(host.tree(at));
        // With each boot another agent begins.
        if let Some((passed, view, _)) = &last
            && *passed < booted
            && let Some(ended) = chain.take()
            && host.was_shut_down(booted)
        {
            ended.stop(&view.snapshot.at);
        }
        let chain = chain.get_or_insert_with(|| Chain::start(state.path(), &snapshot, plan.step_s));
        let view = chain.pass(snapshot, host.heard(since, booted, at), u64::from(index));
        let page = prometheus::render(&view, false).expect("a page");
        page::add("up 1\n", &labels, plan.begin_unix_s() + at, 0, &mut text);
        page::add(&page, &labels, plan.begin_unix_s() + at, 0, &mut text);
        last = Some((at, view, page));
    }
    let truth = HostTruth::of(plan, &host, last.as_ref().map(|(at, view, _)| (*at, view)));
    (text, truth)
}

fn look(tree: Tree) -> Snapshot {
    let clocks = Clocks { realtime_ms: 0, boottime: None, monotonic: None };
    let host = HostRoot::from_tree(tree, Arc::new(move || clocks));
    let options = Options { deadline: Duration::from_secs(60), disabled: BTreeSet::new() };
    Collector::new(Arc::new(host), options).snapshot()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tiny() -> Plan {
        Plan { hosts: 14, days: 14, step_s: 3 * 86_400, minutes: 30, ..Plan::small(1_795_000_000) }
    }

    fn written(plan: &Plan) -> (String, Vec<HostTruth>) {
        let mut out = Vec::new();
        let truths = write(plan, &mut out).unwrap();
        (String::from_utf8(out).unwrap(), truths)
    }

    #[test]
    fn a_fleet_has_each_trouble_and_the_truth_says_what_its_pages_say() {
        let plan = Plan { stopping: 0.0, ..tiny() };
        let (text, truths) = written(&plan);
        assert!(text.ends_with("# EOF\n"));
        let personas: BTreeSet<&str> = truths.iter().map(|truth| truth.persona).collect();
        assert_eq!(personas.len(), Persona::ALL.len(), "{personas:?}");
        let end = plan.end_unix_s.to_string();
        for truth in &truths {
            let told = truth.told.as_ref().unwrap();
            let labels = format!("instance=\"{}\"", truth.instance);
            let verdict = format!("scrubjay_verdict{{{labels}");
            let holds = format!("verdict=\"{}\"}} 1 {end}", told.verdict);
            let found =
                text.lines().any(|line| line.starts_with(&verdict) && line.ends_with(&holds));
            assert_eq!(found, !told.is_stale, "{truth:#?}");
        }
    }

    #[test]
    fn the_same_plan_makes_the_same_fleet() {
        let plan = Plan { hosts: 3, ..tiny() };
        let sorted = |text: &str| {
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            // How long reading took is of this machine.
            lines.retain(|line| !line.contains("_duration_seconds"));
            lines.sort();
            lines
        };
        assert_eq!(sorted(&written(&plan).0), sorted(&written(&plan).0));
    }
}
