//! `scrubjay simulate`: a fleet that was never built, written as files, as host trees, or measured
//! against studies.

mod files;
mod rows;
mod table;
mod tree;

use super::print;
use crate::cli::{SimulateArgs, StudyKind};
use crate::exit::Exit;
use crate::progress::Progress;
use anyhow::Context;
use files::Folder;
use rows::Rows;
use scrubjay_alerts::simulation::{
    Fleet, FleetSettings, Measured, Measures, Offlining, Ramp, Resolution, Study,
};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::sync_channel;

/// Nodes that a thread makes before it hands them over.
const BLOCK: u32 = 16;

pub(crate) fn run(args: &SimulateArgs) -> anyhow::Result<Exit> {
    let jobs = match args.jobs {
        Some(jobs) => usize::from(jobs.get()),
        None => std::thread::available_parallelism().map_or(1, usize::from),
    };
    if args.validate {
        return validate(args, jobs);
    }
    let settings = settings(args)?;
    if let Some(dir) = &args.trees {
        trees(args, &settings, dir)?;
    }
    if let Some(dir) = &args.out {
        write(args, &settings, jobs, dir)?;
    }
    Ok(Exit::Ok)
}

/// What the command line asks for.
fn settings(args: &SimulateArgs) -> anyhow::Result<FleetSettings> {
    let mut settings = FleetSettings {
        nodes: args.nodes,
        dimms_per_node: args.dimms,
        days: args.days,
        offlining: args.offline_pages.then(Offlining::usual),
        ..FleetSettings::with_seed(args.seed)
    };
    if let Some(kind) = args.study {
        let ramp = args.ramp_day.map(Ramp::from_day);
        settings.study = Some(Study { phased: kind == StudyKind::Phased, ramp });
    }
    if args.events {
        settings.observers.resolution = Resolution::Events;
    }
    Ok(settings)
}

/// Writes the files of a fleet into a folder, and tells what it amounts to.
fn write(
    args: &SimulateArgs,
    settings: &FleetSettings,
    jobs: usize,
    dir: &Path,
) -> anyhow::Result<()> {
    let fleet = Fleet::new(settings.clone())?;
    let mut folder = Folder::create(dir, args.force, &watermark(settings))?;
    let mut measures = Measures::new();
    let (all, what) = (u64::from(settings.nodes), "simulating".to_owned());
    let progress = Progress::new(args.progress, what, "nodes");
    let make = |nodes: Range<u32>| {
        let mut rows = Rows::default();
        let mut measures = Measures::new();
        for node in nodes.clone() {
            let node = fleet.node(node);
            measures.add(&node);
            rows.add(&node);
        }
        (nodes.end, rows, measures)
    };
    in_order(settings.nodes, jobs, make, |(done, rows, part)| {
        measures.merge(part);
        progress.show(u64::from(done), Some(all));
        folder.append(&rows)
    })?;
    drop(progress);
    folder.finish()?;
    let figures = measures.figures();
    let page = if args.json {
        table::json(settings, &figures)?
    } else {
        table::text(settings, dir, &figures)
    };
    print(&page)
}

/// What every file begins with, so that nobody takes it for a host's.
fn watermark(settings: &FleetSettings) -> String {
    let FleetSettings { seed, nodes, dimms_per_node, days, .. } = settings;
    format!(
        "# SIMULATED by scrubjay {}: seed {seed}, {nodes} nodes, {dimms_per_node} DIMMs each, \
         {days} days",
        env!("CARGO_PKG_VERSION")
    )
}

/// Writes host trees of one node, one for each moment.
fn trees(args: &SimulateArgs, settings: &FleetSettings, dir: &Path) -> anyhow::Result<()> {
    let node = args.node.context("--trees: name the node with --node")?;
    anyhow::ensure!(node < settings.nodes, "--node: there are {} nodes, from 0", settings.nodes);
    let mut settings = settings.clone();
    // Counters are told to the second by what is told of each error.
    settings.observers.resolution = Resolution::Events;
    let fleet = Fleet::new(settings)?;
    let node = fleet.node(node);
    let mut texts = Vec::new();
    for at in &args.at {
        let seconds = super::past::milliseconds(at).with_context(|| {
            format!("--at \"{at}\": give a span from the beginning, such as 30d")
        })? / 1000;
        texts.push(tree::tree(&fleet, &node, seconds, &watermark(fleet.settings()))?.to_text());
    }
    files::write_trees(dir, args.force, &watermark(fleet.settings()), &texts)
}

/// Measures fleets of several seeds and shows each figure beside its band.
fn validate(args: &SimulateArgs, jobs: usize) -> anyhow::Result<Exit> {
    let seeds: Vec<u64> = (args.seed..).take(usize::from(args.seeds.get())).collect();
    let mut columns: Vec<Vec<Measured>> = Vec::new();
    let nodes = FleetSettings::with_seed(args.seed).nodes;
    let (mut done, all) = (0, u64::from(nodes) * u64::try_from(seeds.len())?);
    let progress = Progress::new(args.progress, "simulating".to_owned(), "nodes");
    for seed in &seeds {
        let fleet = Fleet::new(FleetSettings::with_seed(*seed))?;
        let mut measures = Measures::new();
        let make = |nodes: Range<u32>| {
            let mut measures = Measures::new();
            let count = nodes.end - nodes.start;
            nodes.for_each(|node| measures.add(&fleet.node(node)));
            (count, measures)
        };
        in_order(nodes, jobs, make, |(count, part)| {
            done += u64::from(count);
            progress.show(done, Some(all));
            measures.merge(part);
            Ok(())
        })?;
        columns.push(measures.figures());
    }
    drop(progress);
    let page = if args.json {
        table::validation_json(&seeds, &columns)?
    } else {
        table::validation(&seeds, &columns)
    };
    print(&page)?;
    let holds = columns.iter().flatten().all(Measured::holds);
    Ok(if holds { Exit::Ok } else { Exit::Unverified })
}

/// Makes blocks of nodes on several threads, and takes them in order whichever is done first.
fn in_order<T: Send>(
    nodes: u32,
    jobs: usize,
    make: impl Fn(Range<u32>) -> T + Sync,
    mut take: impl FnMut(T) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let blocks = nodes.div_ceil(BLOCK);
    let next = AtomicU32::new(0);
    std::thread::scope(|scope| {
        // Bounded: a slow disk must not let made nodes pile up.
        let (send, receive) = sync_channel(jobs.saturating_mul(2));
        for _ in 0..jobs {
            let (send, next, make) = (send.clone(), &next, &make);
            scope.spawn(move || {
                loop {
                    let block = next.fetch_add(1, Ordering::Relaxed);
                    if block >= blocks {
                        return;
                    }
                    let from = block * BLOCK;
                    let made = make(from..(from + BLOCK).min(nodes));
                    // Nobody takes it any more: writing failed.
                    if send.send((block, made)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(send);
        let mut early = BTreeMap::new();
        let mut expected = 0;
        for (block, made) in receive {
            early.insert(block, made);
            while let Some(made) = early.remove(&expected) {
                take(made)?;
                expected += 1;
            }
        }
        anyhow::ensure!(expected == blocks, "make all nodes: a thread ended before its time");
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::in_order;

    #[test]
    fn nodes_come_in_order_for_any_number_of_threads() {
        for jobs in [1, 2, 7] {
            for nodes in [1, 16, 17, 1000] {
                let mut taken = Vec::new();
                in_order(nodes, jobs, std::iter::Iterator::collect::<Vec<u32>>, |block| {
                    taken.extend(block);
                    Ok(())
                })
                .unwrap();
                assert_eq!(taken, (0..nodes).collect::<Vec<u32>>());
            }
        }
    }

    #[test]
    fn a_write_that_fails_ends_the_threads() {
        let error = in_order(100_000, 3, |_| (), |()| anyhow::bail!("full")).unwrap_err();
        assert_eq!(error.to_string(), "full");
    }
}
