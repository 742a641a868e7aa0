//! `scrubjay history`: what was remembered, always with the time that was watched.

use super::{past, print, reading, style};
use crate::cli::{HistoryCommand, MemoryArgs, ReadArgs};
use crate::config::Settings;
use crate::exit::Exit;
use scrubjay_collector::Collector;
use scrubjay_exporters::{json, text};
use scrubjay_model::{
    BootId, BootWitnesses, CoverageRecord, Snapshot, Stamp, availability, merged_boots, page_lives,
};
use scrubjay_storage::HistoryReader;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

pub(crate) fn run(settings: &Settings, command: &HistoryCommand) -> anyhow::Result<Exit> {
    let host = reading::host(settings)?;
    let Some(reader) = past::open(settings, &host)? else { return Ok(Exit::NoData) };
    let mut collector = Collector::new(Arc::clone(&host), reading::options(settings));
    match command {
        HistoryCommand::Boots(args) => boots(&reader, args),
        HistoryCommand::Memory(args) => memory(&reader, args, &collector.snapshot()),
        HistoryCommand::Pages(args) => pages(&reader, args),
        HistoryCommand::Imported(args) => imported(&reader, args, &collector.stamp()),
        HistoryCommand::Patches(args) => patches(&reader, args, collector.stamp().wall_ms),
    }
}

fn pages(reader: &HistoryReader, args: &ReadArgs) -> anyhow::Result<Exit> {
    let (requests, reports) = (reader.page_requests()?, reader.page_reports()?);
    let lives = page_lives(reader.bad_pages()?, &requests, &reports);
    print(&if args.json {
        json::page_lives(&lives)?
    } else {
        text::page_lives(&lives, &style(true))
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
const PATCH_FACTS: [&str; 9] = [
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

fn patches(reader: &HistoryReader, args: &ReadArgs, now_ms: i64) -> anyhow::Result<Exit> {
    let (exposures, changes) = (reader.exposures()?, reader.facts(&PATCH_FACTS)?);
    let coverage = reader.coverage()?;
    print(&if args.json {
        json::patch_history(&exposures, &changes, &coverage)?
    } else {
        text::patch_history(&exposures, &changes, &coverage, now_ms, &style(true))
    })?;
    Ok(Exit::Ok)
}

fn boots(reader: &HistoryReader, args: &ReadArgs) -> anyhow::Result<Exit> {
    let (own, coverage, steps) = (reader.boots()?, reader.coverage()?, reader.clock_steps()?);
    let mut steps_of: BTreeMap<BootId, u32> = BTreeMap::new();
    for step in &steps {
        let count = steps_of.entry(step.boot.clone()).or_default();
        *count = count.saturating_add(1);
    }
    let mut lines = merged_boots(&own, &reader.imported_boots()?, &steps_of);
    BootWitnesses::of(&own, &reader.boot_facts()?).explain(&mut lines);
    let sum = availability(&lines);
    print(&if args.json {
        json::boots(&own, &lines, sum.as_ref(), &coverage, &steps)?
    } else {
        text::boots(&lines, sum.as_ref(), &coverage, &steps, &style(true))
    })?;
    Ok(Exit::Ok)
}

fn memory(reader: &HistoryReader, args: &MemoryArgs, snapshot: &Snapshot) -> anyhow::Result<Exit> {
    let since_wall_ms = past::since(args.since.as_deref(), snapshot.at.wall_ms)?;
    let changes = reader.memory(since_wall_ms)?;
    let (accumulated, mut coverage) = (reader.accumulate(snapshot)?, reader.coverage()?);
    if let Some(since) = since_wall_ms {
        coverage = within(coverage, since);
    }
    print(&if args.read.json {
        json::memory(&changes, &accumulated, &coverage)?
    } else {
        text::memory(&changes, &accumulated, &coverage, &style(true))
    })?;
    Ok(Exit::Ok)
}

/// What of the coverage lies after a moment: that no change is listed must not be said of a time
/// in which nobody was looking.
fn within(coverage: Vec<CoverageRecord>, since_wall_ms: i64) -> Vec<CoverageRecord> {
    let clip = |stretch: CoverageRecord| {
        let before_ms = u64::try_from(since_wall_ms.saturating_sub(stretch.from_wall_ms));
        let before = Duration::from_millis(before_ms.unwrap_or(0));
        CoverageRecord {
            from_wall_ms: stretch.from_wall_ms.max(since_wall_ms),
            length: stretch.length.saturating_sub(before),
            ..stretch
        }
    };
    let after = coverage.into_iter().filter(|stretch| stretch.to_wall_ms >= since_wall_ms);
    after.map(clip).collect()
}

#[cfg(test)]
mod tests {
    use super::within;
    use scrubjay_model::{BootId, CoverageRecord};
    use std::time::Duration;

    #[test]
    fn time_before_the_window_is_not_said_to_have_been_watched_in_it() {
        let stretch = |from_wall_ms, to_wall_ms| CoverageRecord {
            boot: BootId::unknown(),
            from_wall_ms,
            to_wall_ms,
            length: Duration::from_millis(u64::try_from(to_wall_ms - from_wall_ms).unwrap()),
        };
        let coverage = vec![stretch(0, 10), stretch(20, 100), stretch(200, 300)];
        assert_eq!(within(coverage.clone(), 60), [stretch(60, 100), stretch(200, 300)]);
        assert_eq!(within(coverage, 301), []);
    }
}
