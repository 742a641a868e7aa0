//! `scrubjay history`: what was remembered, always with the time that was watched.

use super::past::{self, Window};
use super::{history_by, print, reading, style};
use crate::cli::{By, HistoryCommand, MemoryArgs, PastArgs, ReadArgs, SumArgs};
use crate::config::Settings;
use crate::exit::Exit;
use scrubjay_collector::Collector;
use scrubjay_exporters::text::Kept;
use scrubjay_exporters::{csv, json, text};
use scrubjay_model::{
    BootId, BootLine, BootRecord, BootWitnesses, ClockStepRecord, ImportedBoot, Snapshot, Stamp,
    availability, merged_boots, page_lives,
};
use scrubjay_storage::HistoryReader;
use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) fn run(settings: &Settings, command: &HistoryCommand) -> anyhow::Result<Exit> {
    let host = reading::host(settings)?;
    let Some(reader) = past::open(settings, &host)? else { return Ok(Exit::NoData) };
    let mut collector = Collector::once(Arc::clone(&host), reading::options(settings));
    let now_ms = collector.stamp().wall_ms;
    match command {
        // By boot there is nothing to add up: the list has a line for each.
        HistoryCommand::Boots(SumArgs { past, by: None | Some(By::Boot) }) => {
            boots(&reader, past, now_ms)
        }
        HistoryCommand::Boots(SumArgs { past, by: Some(by) }) => {
            history_by::boots(&reader, past, *by, now_ms)
        }
        HistoryCommand::Memory(MemoryArgs { sums: SumArgs { past, by }, last }) => match by {
            Some(by) => history_by::memory(&reader, past, *by, now_ms),
            None => memory(&reader, past, *last, &collector.snapshot()),
        },
        HistoryCommand::Pages(SumArgs { past, by }) => match by {
            Some(by) => history_by::pages(&reader, past, *by, now_ms),
            None => pages(&reader, past, now_ms),
        },
        HistoryCommand::Imported(args) => imported(&reader, args, &collector.stamp()),
        HistoryCommand::Patches(SumArgs { past, by }) => match by {
            Some(by) => history_by::patches(&reader, past, *by, now_ms),
            None => patches(&reader, past, now_ms),
        },
        HistoryCommand::Alerts(args) => alerts(&reader, args, now_ms),
    }
}

fn pages(reader: &HistoryReader, args: &PastArgs, now_ms: i64) -> anyhow::Result<Exit> {
    let window = Window::of(args, now_ms)?;
    let (requests, reports) = (reader.page_requests()?, reader.page_reports()?);
    let mut lives = page_lives(reader.bad_pages()?, &requests, &reports);
    lives.retain(|life| {
        window.meets(life.page.first_seen_wall_ms, Some(life.page.last_seen_wall_ms))
    });
    print(&if args.csv {
        csv::page_lives(&lives)?
    } else if args.read.json {
        json::page_lives(&lives)?
    } else {
        text::page_lives(&lives, &style(true))
    })?;
    Ok(Exit::Ok)
}

fn alerts(reader: &HistoryReader, args: &PastArgs, now_ms: i64) -> anyhow::Result<Exit> {
    let window = Window::of(args, now_ms)?;
    let (from, until) = (window.from.unwrap_or(i64::MIN), window.until.unwrap_or(i64::MAX));
    let (turns, coverage) = (reader.alert_turns(from, until)?, window.clip(reader.coverage()?));
    print(&if args.csv {
        csv::alert_history(&turns)?
    } else if args.read.json {
        json::alert_history(&turns, &coverage)?
    } else {
        text::alert_history(&turns, &coverage, &style(true))
    })?;
    Ok(Exit::Ok)
}

fn imported(reader: &HistoryReader, args: &ReadArgs, at: &Stamp) -> anyhow::Result<Exit> {
    let (groups, begun_wall_ms) = (reader.imported_errors()?, reader.summary(at)?.since_wall_ms);
    print(&if args.json {
        json::imported_errors(&groups, begun_wall_ms)?
    } else {
        text::imported_errors(&groups, begun_wall_ms, &style(true))
    })?;
    Ok(Exit::Ok)
}

/// The facts that tell of the kernel's patches.
pub(crate) const PATCH_FACTS: [&str; 9] = [
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

fn patches(reader: &HistoryReader, args: &PastArgs, now_ms: i64) -> anyhow::Result<Exit> {
    let window = Window::of(args, now_ms)?;
    let (mut exposures, mut changes) = (reader.exposures()?, reader.facts(&PATCH_FACTS)?);
    exposures.retain(|owed| window.meets(owed.first_wall_ms, owed.ended_wall_ms()));
    changes.retain(|change| window.meets(change.at_wall_ms, Some(change.at_wall_ms)));
    let coverage = window.clip(reader.coverage()?);
    print(&if args.csv {
        csv::patch_history(&exposures, &changes)?
    } else if args.read.json {
        json::patch_history(&exposures, &changes, &coverage)?
    } else {
        text::patch_history(&exposures, &changes, &coverage, now_ms, &style(true))
    })?;
    Ok(Exit::Ok)
}

/// All boots that anybody remembers, with why they ended.
pub(crate) fn boot_lines(
    reader: &HistoryReader,
    own: &[BootRecord],
    steps: &[ClockStepRecord],
) -> anyhow::Result<Vec<BootLine>> {
    lines_of(reader, own, steps, reader.imported_boots()?)
}

/// The same, with what was taken in of other tools.
pub(super) fn lines_of(
    reader: &HistoryReader,
    own: &[BootRecord],
    steps: &[ClockStepRecord],
    imported: Vec<ImportedBoot>,
) -> anyhow::Result<Vec<BootLine>> {
    let mut steps_of: BTreeMap<BootId, u32> = BTreeMap::new();
    for step in steps {
        let count = steps_of.entry(step.boot.clone()).or_default();
        *count = count.saturating_add(1);
    }
    let mut lines = merged_boots(own, imported, &steps_of);
    BootWitnesses::of(own, &reader.boot_facts()?).explain(&mut lines);
    Ok(lines)
}

fn boots(reader: &HistoryReader, args: &PastArgs, now_ms: i64) -> anyhow::Result<Exit> {
    let window = Window::of(args, now_ms)?;
    let (mut own, mut steps) = (reader.boots()?, reader.clock_steps()?);
    let mut lines = boot_lines(reader, &own, &steps)?;
    // One of which nobody knows when it was may have been then.
    let meets = |begun: Option<i64>, ended| begun.is_none_or(|begun| window.meets(begun, ended));
    lines.retain(|line| meets(line.booted_wall_ms, line.ended_wall_ms));
    own.retain(|boot| meets(boot.booted_wall_ms, boot.last_seen_wall_ms));
    steps.retain(|step| window.meets(step.at_wall_ms, Some(step.at_wall_ms)));
    let coverage = window.clip(reader.coverage()?);
    let sum = availability(&lines);
    print(&if args.csv {
        csv::boots(&lines)?
    } else if args.read.json {
        json::boots(&own, &lines, sum.as_ref(), &coverage, &steps)?
    } else {
        text::boots(&lines, sum.as_ref(), &coverage, &steps, &style(true))
    })?;
    Ok(Exit::Ok)
}

fn memory(
    reader: &HistoryReader,
    past: &PastArgs,
    last: u32,
    snapshot: &Snapshot,
) -> anyhow::Result<Exit> {
    let window = Window::of(past, snapshot.at.wall_ms)?;
    let (from, until) = (window.from.unwrap_or(i64::MIN), window.until.unwrap_or(i64::MAX));
    // One more than asked for tells whether there are more.
    let mut changes = reader.memory_between(from, until, last.saturating_add(1))?;
    let is_cut = changes.len() > usize::try_from(last).unwrap_or(usize::MAX);
    if is_cut {
        changes.remove(0);
    }
    let (accumulated, coverage) = (reader.accumulate(snapshot)?, window.clip(reader.coverage()?));
    let (folded, mut days) = (reader.folded()?, reader.coverage_days()?);
    days.retain(|day| window.meets(day.from_wall_ms, Some(day.from_wall_ms + DAY_MS)));
    let kept = Kept { is_cut, folded: &folded, days: &days };
    print(&if past.csv {
        csv::memory(&changes)?
    } else if past.read.json {
        json::memory(&changes, &accumulated, &coverage, kept)?
    } else {
        text::memory(&changes, &accumulated, &coverage, kept, &style(true))
    })?;
    Ok(Exit::Ok)
}

/// Milliseconds of a day.
pub(super) const DAY_MS: i64 = 86_400_000;
