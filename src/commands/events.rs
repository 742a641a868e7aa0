//! `scrubjay events`: what was reported of errors, and what was lost.

use super::{past, print, reading, style};
use crate::cli::EventsArgs;
use crate::config::Settings;
use crate::exit::Exit;
use scrubjay_exporters::{json, text};
use scrubjay_storage::HistoryReader;
use std::time::Duration;

/// How often `--follow` looks. The agent itself takes reports in at most once a second.
const LOOK: Duration = Duration::from_secs(1);

/// Reports shown at a time by `--follow`.
const AT_A_TIME: u32 = 1_000;

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
    if args.follow && args.read.json {
        // One object a line, those that are there already included.
        for record in &found {
            print(&json::event(record)?)?;
        }
    } else {
        print(&if args.read.json {
            json::events(&found, &losses, cut)?
        } else {
            text::events(&found, &losses, cut, &text::slots(&reader.modules()?), &style(true))
        })?;
    }
    if args.follow { follow(&reader, last, args.read.json) } else { Ok(Exit::Ok) }
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
