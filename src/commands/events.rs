//! `scrubjay events`: what was reported of errors, and what was lost.

use super::{past, print, reading, style};
use crate::cli::EventsArgs;
use crate::config::Settings;
use crate::exit::Exit;
use scrubjay_alerts::{errors_since_last_pass, share_found_by_scrubbing};
use scrubjay_collector::Collector;
use scrubjay_exporters::{json, text};
use scrubjay_model::{EventGroup, EventPlace, EventRecord, LastPass, ScrubResults, Snapshot};
use scrubjay_storage::HistoryReader;
use std::sync::Arc;
use std::time::Duration;

/// How often `--follow` looks. The agent itself takes reports in at most once a second.
const LOOK: Duration = Duration::from_secs(1);

/// Reports shown at a time by `--follow`.
const AT_A_TIME: u32 = 1_000;

/// Groups of reports from which the share found by scrubbing is taken, the last ones.
const OF_SCRUBBING: u32 = 10_000;

pub(crate) fn run(settings: &Settings, args: &EventsArgs) -> anyhow::Result<Exit> {
    let host = reading::host(settings)?;
    let Some(reader) = past::open(settings, &host)? else { return Ok(Exit::NoData) };
    let since_wall_ms = past::since(args.since.as_deref(), host.clocks().realtime_ms)?;
    // One more than asked for tells whether there are more.
    let mut found = reader.events(0, since_wall_ms, args.last.saturating_add(1))?;
    let asked = usize::try_from(args.last).unwrap_or(usize::MAX);
    let cut = found.len() > asked;
    if cut {
        found.remove(0);
    }
    let newest = reader.events(0, None, 1)?;
    let last = newest.last().map_or(0, |record| record.id);
    let losses = reader.losses(since_wall_ms)?;
    let snapshot = Collector::once(Arc::clone(&host), reading::options(settings)).snapshot();
    // A share is not taken of the last few only.
    let scrub = scrubbed(&reader.events(0, since_wall_ms, OF_SCRUBBING)?, &snapshot);
    if args.follow && args.read.json {
        // One object a line, those that are there already included.
        for record in &found {
            print(&json::event(record)?)?;
        }
    } else {
        print(&if args.read.json {
            json::events(&found, &losses, &scrub, cut)?
        } else {
            let slots = text::slots(&reader.modules()?);
            text::events(&found, &losses, &scrub, cut, &slots, &style(true))
                + &text::earlier_events(&reader.folded()?, &style(true))
        })?;
    }
    if args.follow { follow(&reader, last, args.read.json) } else { Ok(Exit::Ok) }
}

/// What the reports say of scrubbing, each error counted once.
fn scrubbed(records: &[EventRecord], snapshot: &Snapshot) -> ScrubResults {
    let counted =
        |record: &EventRecord| EventGroup { errors: record.counted, ..record.group.clone() };
    let groups: Vec<EventGroup> = records.iter().map(counted).collect();
    let (found, all) = share_found_by_scrubbing(&groups).unwrap_or_default();
    let controllers =
        Snapshot::found(&snapshot.edac).into_iter().flat_map(|edac| &edac.controllers);
    let last_pass = controllers.filter_map(|controller| {
        // Without a boot clock nothing tells what the last pass was.
        let (took, now) = (controller.full_pass()?, snapshot.at.since_boot?);
        let its = |record: &&EventRecord| {
            let place = &record.group.place;
            record.boot == snapshot.at.boot
                && matches!(place, EventPlace::Edac { controller: c, .. } if *c == controller.index)
        };
        let its: Vec<EventGroup> = records.iter().filter(its).map(counted).collect();
        let errors = errors_since_last_pass(&its, now, took);
        Some(LastPass { edac: format!("mc{}", controller.index), took, errors })
    });
    ScrubResults { found, all, last_pass: last_pass.collect() }
}

/// Shows what is taken in from now on, until nobody reads it any more or a signal ends it.
fn follow(reader: &HistoryReader, mut last: i64, as_json: bool) -> anyhow::Result<Exit> {
    let slots = text::slots(&reader.modules()?);
    loop {
        std::thread::sleep(LOOK);
        for record in reader.events(last, None, AT_A_TIME)? {
            last = record.id;
            print(&if as_json {
                json::event(&record)?
            } else {
                text::more_events(&[record], &slots, &style(true))
            })?;
        }
    }
}
