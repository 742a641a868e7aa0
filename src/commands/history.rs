//! `scrubjay history`: what was remembered, always with the time that was watched.

use super::{print, reading, style};
use crate::cli::{HistoryCommand, MemoryArgs, ReadArgs};
use crate::config::Settings;
use crate::exit::Exit;
use anyhow::Context;
use jiff::{Span, SpanRelativeTo, Unit};
use scrubjay_collector::{Collector, HostRoot};
use scrubjay_exporters::{json, text};
use scrubjay_model::{CoverageRecord, Snapshot};
use scrubjay_storage::HistoryReader;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

pub(crate) fn run(settings: &Settings, command: &HistoryCommand) -> anyhow::Result<Exit> {
    let host = reading::host(settings)?;
    let Some(reader) = open(settings, &host)? else { return Ok(Exit::NoData) };
    let mut collector = Collector::new(Arc::clone(&host), reading::options(settings));
    match command {
        HistoryCommand::Boots(args) => boots(&reader, args),
        HistoryCommand::Memory(args) => memory(&reader, args, &collector.snapshot()),
    }
}

/// The history; `None` after telling that there is none.
pub(super) fn open(settings: &Settings, host: &HostRoot) -> anyhow::Result<Option<HistoryReader>> {
    let dirs = reading::history_dirs(settings, host);
    if dirs.is_empty() {
        anyhow::bail!(
            "the root {} is not this host, and no history of it is named: add --state-dir",
            settings.root.display()
        );
    }
    let reader = reading::open_history(&dirs)?;
    if reader.is_none() {
        let dirs: Vec<String> = dirs.iter().map(|dir| dir.display().to_string()).collect();
        writeln!(
            anstream::stderr(),
            "no history in {}: start the agent, or name its directory with --state-dir",
            dirs.join(" or ")
        )?;
    }
    Ok(reader)
}

fn boots(reader: &HistoryReader, args: &ReadArgs) -> anyhow::Result<Exit> {
    let (boots, coverage) = (reader.boots()?, reader.coverage()?);
    print(&if args.json {
        json::boots(&boots, &coverage)?
    } else {
        text::boots(&boots, &coverage, &style(true))
    })?;
    Ok(Exit::Ok)
}

fn memory(reader: &HistoryReader, args: &MemoryArgs, snapshot: &Snapshot) -> anyhow::Result<Exit> {
    let since_wall_ms = match &args.since {
        None => None,
        Some(text) => {
            let milliseconds = milliseconds(text)
                .with_context(|| format!("--since \"{text}\": give a span such as 30d or 12h"))?;
            Some(snapshot.at.wall_ms.saturating_sub(milliseconds))
        }
    };
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

/// A span of time, a day being 24 hours.
fn milliseconds(text: &str) -> anyhow::Result<i64> {
    let span: Span = text.parse()?;
    anyhow::ensure!(!span.is_negative(), "a span reaches back from now and is not negative");
    let days = SpanRelativeTo::days_are_24_hours();
    let milliseconds = span.total((Unit::Millisecond, days))?;
    // Rounded to whole seconds on the way, which is finer than any pass.
    let seconds = Duration::try_from_secs_f64(milliseconds / 1000.0)?.as_secs();
    Ok(i64::try_from(seconds)?.saturating_mul(1000))
}

#[cfg(test)]
mod tests {
    use super::{milliseconds, within};
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

    #[test]
    fn spans_are_read_as_the_help_writes_them() {
        const DAY_MS: i64 = 86_400_000;
        for (text, expect) in
            [("30d", 30 * DAY_MS), ("12h", DAY_MS / 2), ("1w", 7 * DAY_MS), ("90s", 90_000)]
        {
            assert_eq!(milliseconds(text).unwrap(), expect, "{text}");
        }
        for wrong in ["", "soon", "-5h", "30"] {
            assert!(milliseconds(wrong).is_err(), "{wrong}");
        }
    }
}
