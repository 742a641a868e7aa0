//! `scrubjay replay`: any policy on any history, and what that would have cost.

mod fit;
mod logs;
mod own;
mod simulated;
mod table;

#[cfg(feature = "fuzzing")]
pub(crate) use logs::fuzzed as fuzzed_logs;

use super::{past, print, reading};
use crate::cli::ReplayArgs;
use crate::config::Settings;
use crate::exit::{Exit, NotThere};
use crate::policies;
use crate::progress::Progress;
use anyhow::{Context, bail};
use scrubjay_alerts::memory::{Observation, Seconds};
use scrubjay_alerts::replay::{Metric, Node, Plan, Policy};
use scrubjay_alerts::simulation::{Fleet, FleetSettings};
use scrubjay_collector::Collector;
use scrubjay_model::count;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use table::{Line, Replayed};

/// What is replayed.
enum History {
    Recorded { nodes: Vec<Node>, name: String, notes: Vec<String> },
    Simulated { fleet: Box<Fleet>, name: String },
}

/// The ratios that studies use: a failure as dear as so many mitigations.
const RATIOS: [f64; 3] = [10.0, 50.0, 200.0];

pub(crate) fn run(settings: &Settings, args: &ReplayArgs) -> anyhow::Result<Exit> {
    let policies = chosen(args)?;
    let metric = metric(args)?;
    let ratios = ratios(settings, args)?;
    let jobs = match args.jobs {
        Some(jobs) => usize::from(jobs),
        None => std::thread::available_parallelism().map_or(1, usize::from),
    };
    let Some(history) = history(settings, args)? else { return Ok(Exit::NoData) };
    if let Some(path) = &args.fit {
        return fit::run(settings, args, &history, path);
    }
    let plan =
        Plan { policies: &policies, ratios: &ratios, metric, settings: &settings.memory.engine };
    let (history, notes, years, tallies) = match history {
        History::Recorded { nodes, name, notes } => {
            let progress = Done::of(args, nodes.len());
            let make = |index: usize| -> Result<Node, Infallible> {
                Ok(nodes.get(index).cloned().unwrap_or_default())
            };
            let tallies =
                infallible(plan.nodes(nodes.len(), jobs, make, |nodes| progress.more(nodes)));
            (name, notes, years(&nodes), tallies)
        }
        History::Simulated { fleet, name } => {
            let settings = fleet.settings();
            let count = usize::try_from(settings.nodes).unwrap_or(usize::MAX);
            let progress = Done::of(args, count);
            let make = |index: usize| -> Result<Node, Infallible> {
                Ok(Node::from(fleet.node(u32::try_from(index).unwrap_or(u32::MAX))))
            };
            let tallies = infallible(plan.nodes(count, jobs, make, |nodes| progress.more(nodes)));
            (name, Vec::new(), Some(f64::from(settings.days) / YEAR_DAYS), tallies)
        }
    };
    let entrants = plan.entrants();
    let lines = entrants.iter().zip(tallies).map(|(entrant, tally)| Line {
        name: entrant.policy.name.clone(),
        told: entrant.told,
        tally,
    });
    let lines = lines.collect();
    let replayed = Replayed { history, notes, years, metric, ratios: ratios.clone(), lines };
    print(&if args.json {
        replayed.json()?
    } else if args.csv {
        replayed.csv()?
    } else {
        replayed.text()
    })?;
    Ok(Exit::Ok)
}

/// How many nodes are done, for whoever watches.
struct Done {
    progress: Progress,
    done: AtomicUsize,
    all: usize,
}

impl Done {
    fn of(args: &ReplayArgs, all: usize) -> Self {
        let progress = Progress::new(args.progress, "replaying".to_owned(), "nodes");
        Self { progress, done: AtomicUsize::new(0), all }
    }

    fn more(&self, nodes: usize) {
        let done = self.done.fetch_add(nodes, Ordering::Relaxed) + nodes;
        let count = |nodes: usize| u64::try_from(nodes).unwrap_or(u64::MAX);
        self.progress.show(count(done), Some(count(self.all)));
    }
}

fn infallible<T>(result: Result<T, Infallible>) -> T {
    match result {
        Ok(value) => value,
        Err(never) => match never {},
    }
}

/// The policies that take part: all presets, unless some are named.
fn chosen(args: &ReplayArgs) -> anyhow::Result<Vec<Policy>> {
    if args.policy.is_empty() {
        return policies::presets();
    }
    let mut chosen: Vec<Policy> = Vec::new();
    for word in &args.policy {
        let policy = policies::named(word)?;
        if chosen.iter().any(|known| known.name == policy.name) {
            bail!("--policy {word}: a policy named {} takes part already", policy.name);
        }
        chosen.push(policy);
    }
    Ok(chosen)
}

fn metric(args: &ReplayArgs) -> anyhow::Result<Metric> {
    let preset = match args.by {
        crate::cli::ReplayBy::Dimm => Metric::DIMM,
        crate::cli::ReplayBy::Node => Metric::NODE,
    };
    let span = |flag: &str, text: &str| -> anyhow::Result<Seconds> {
        policies::seconds(text)
            .filter(|span| *span >= 0)
            .with_context(|| format!("{flag} \"{text}\": give a span such as 7d or 15m"))
    };
    let window = match args.window.as_deref() {
        None => preset.window,
        Some("none") => None,
        Some(text) => Some(span("--window", text)?),
    };
    let lead = args.lead.as_deref().map(|text| span("--lead", text)).transpose()?;
    let metric = Metric { window, lead: lead.unwrap_or(preset.lead), ..preset };
    if metric.window.is_some_and(|window| window <= metric.lead) {
        bail!("--window must be longer than --lead, or no alarm could be in time");
    }
    Ok(metric)
}

fn ratios(settings: &Settings, args: &ReplayArgs) -> anyhow::Result<Vec<f64>> {
    if args.ratio.is_empty() {
        return Ok(RATIOS.to_vec());
    }
    let mut ratios: Vec<f64> = Vec::new();
    for word in &args.ratio {
        let ratio = match word.as_str() {
            "configured" => {
                let costs = &settings.memory.engine.costs;
                costs.failure() / costs.at_window()
            }
            _ => word.parse().ok().filter(|ratio: &f64| ratio.is_finite()).with_context(|| {
                format!("--ratio {word}: give a number such as 50, or \"configured\"")
            })?,
        };
        if ratio <= 0.0 {
            bail!("--ratio {word}: must be more than 0");
        }
        if !ratios.contains(&ratio) {
            ratios.push(ratio);
        }
    }
    Ok(ratios)
}

fn history(settings: &Settings, args: &ReplayArgs) -> anyhow::Result<Option<History>> {
    if let Some(seed) = args.simulate {
        let fleet =
            FleetSettings { nodes: args.nodes, days: args.days, ..FleetSettings::with_seed(seed) };
        let name = format!(
            "a simulated fleet: seed {seed}, {} nodes with {} DIMMs each, {} days",
            fleet.nodes, fleet.dimms_per_node, fleet.days
        );
        let fleet = Box::new(Fleet::new(fleet)?);
        return Ok(Some(History::Simulated { fleet, name }));
    }
    let tickets = args.failures.as_deref().map(logs::failures).transpose()?;
    if let Some(path) = &args.errors {
        let progress = Progress::new(args.progress, "reading".to_owned(), "rows");
        let log = logs::errors(path, &mut |rows| progress.show(rows, None))?;
        let name = format!("{}: {}", path.display(), count(log.rows, "row", "rows"));
        let (nodes, unknown) = log.nodes(tickets);
        let mut notes = Vec::new();
        if unknown > 0 {
            let tickets = count(unknown, "ticket is of a DIMM", "tickets are of DIMMs");
            notes.push(format!("{tickets} without any error in the log"));
        }
        return Ok(Some(History::Recorded { nodes, name, notes }));
    }
    if tickets.is_some() {
        bail!("--failures goes with --errors: other histories tell failures themselves");
    }
    if let Some(dir) = &args.simulated {
        let progress = Progress::new(args.progress, "reading".to_owned(), "rows");
        let nodes = simulated::nodes(dir, &mut |rows| progress.show(rows, None))?;
        let name = format!("{}: a simulated fleet", dir.display());
        let notes = vec!["slots without anything to tell are not in these files".to_owned()];
        return Ok(Some(History::Recorded { nodes, name, notes }));
    }
    let host = reading::host(settings)?;
    if let Some(path) = &args.rasdaemon {
        let collector = Collector::new(Arc::clone(&host), reading::options(settings));
        let progress = Progress::new(args.progress, "reading".to_owned(), "records");
        let mut told = |count, most| progress.show(count, Some(most));
        let (node, notes) =
            own::rasdaemon(&host, &own::from_root(path)?, collector.stamp().wall_ms, &mut told)?;
        let name = format!("{}: what rasdaemon recorded", path.display());
        return Ok(Some(History::Recorded { nodes: vec![node], name, notes }));
    }
    let Some(reader) = past::open(settings, &host)? else { return Ok(None) };
    let snapshot = Collector::once(Arc::clone(&host), reading::options(settings)).snapshot();
    let (node, notes) = own::node(&reader, &snapshot)?;
    if node.dimms.is_empty() {
        let why = "the history holds no stick of memory yet: nothing can be replayed";
        return Err(NotThere(why.to_owned()).into());
    }
    let name = "the agent's own history".to_owned();
    Ok(Some(History::Recorded { nodes: vec![node], name, notes }))
}

const YEAR_DAYS: f64 = 365.25;

/// How many years nodes were observed for, from the first observation of any to the last.
fn years(nodes: &[Node]) -> Option<f64> {
    let dimms = || nodes.iter().flat_map(|node| &node.dimms);
    let observed = || dimms().flat_map(|dimm| dimm.observations.iter().map(Observation::at));
    let failed = || dimms().flat_map(|dimm| dimm.failures.iter().map(|failure| failure.at));
    let first = observed().chain(failed()).min()?;
    let last = observed().chain(failed()).max()?;
    let days = i32::try_from(last.saturating_sub(first) / 86_400).ok()?;
    Some(f64::from(days) / YEAR_DAYS)
}
