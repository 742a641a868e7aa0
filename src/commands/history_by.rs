//! `scrubjay history … --by`: the past by hour, day, month or boot.

use super::history::{DAY_MS, PATCH_FACTS, lines_of};
use super::past::Window;
use super::{print, style};
use crate::cli::{By, PastArgs};
use crate::exit::Exit;
use scrubjay_exporters::{csv, json, text};
use scrubjay_model::{
    BootRecord, BucketBy, BucketWindow, CoverageDay, CoverageRecord, Watched, availability,
    boot_buckets, memory_buckets, page_buckets, page_lives, patch_buckets,
};
use scrubjay_storage::HistoryReader;
use std::io::IsTerminal as _;

/// How far back a page goes that names no beginning: as far as it is read at a glance.
fn usual_from(by: By, now_ms: i64) -> Option<i64> {
    match by {
        By::Hour => Some(now_ms.saturating_sub(2 * DAY_MS)),
        By::Day => Some(now_ms.saturating_sub(60 * DAY_MS)),
        By::Month | By::Boot => None,
    }
}

/// What every such page needs: which time it tells of, and who watched then.
struct Past {
    window: BucketWindow,
    coverage: Vec<CoverageRecord>,
    coverage_days: Vec<CoverageDay>,
    boots: Vec<BootRecord>,
}

impl Past {
    /// `told` is the first moment that others tell of, before the agent watched.
    fn of(
        reader: &HistoryReader,
        args: &PastArgs,
        by: By,
        told: Option<i64>,
        now_ms: i64,
    ) -> anyhow::Result<Self> {
        let window = Window::of(args, now_ms)?;
        let until = window.until.unwrap_or(now_ms).min(now_ms);
        let (coverage, coverage_days) = (reader.coverage()?, reader.coverage_days()?);
        // Before the history began there is nothing to be said of any time.
        let began = coverage.iter().map(|stretch| stretch.from_wall_ms);
        let began = began.chain(coverage_days.iter().map(|day| day.from_wall_ms));
        let began = began.chain(told).min();
        let from = window.from.or_else(|| usual_from(by, until)).or(began).unwrap_or(until);
        let from = began.map_or(from, |began| from.max(began));
        let by = match by {
            By::Hour => BucketBy::Hour,
            By::Day => BucketBy::Day,
            By::Month => BucketBy::Month,
            By::Boot => BucketBy::Boot,
        };
        let window = BucketWindow { by, from_wall_ms: from, until_wall_ms: until };
        Ok(Self { window, coverage, coverage_days, boots: reader.boots()? })
    }

    fn watched(&self) -> Watched<'_> {
        let Self { window: _, coverage, coverage_days, boots } = self;
        Watched { coverage, coverage_days, boots }
    }
}

/// Errors.
pub(super) fn memory(
    reader: &HistoryReader,
    args: &PastArgs,
    by: By,
    now_ms: i64,
) -> anyhow::Result<Exit> {
    let past = Past::of(reader, args, by, None, now_ms)?;
    let BucketWindow { by, from_wall_ms, until_wall_ms } = past.window;
    // The first bucket may begin before that, and a boot long before.
    let earliest = match by {
        BucketBy::Hour | BucketBy::Day | BucketBy::Month => {
            from_wall_ms.saturating_sub(32 * DAY_MS)
        }
        BucketBy::Boot => i64::MIN,
    };
    let sums = reader.counter_sums(earliest, until_wall_ms)?;
    let buckets = memory_buckets(past.window, &sums, past.watched());
    let folded = reader.folded()?;
    print(&if args.csv {
        csv::memory_buckets(&buckets)?
    } else if args.read.json {
        json::memory_buckets(&buckets, by, &folded)?
    } else {
        text::memory_buckets(&buckets, by, &folded, shows_bars(), &style(true))
    })?;
    Ok(Exit::Ok)
}

/// Boots and availability.
pub(super) fn boots(
    reader: &HistoryReader,
    args: &PastArgs,
    by: By,
    now_ms: i64,
) -> anyhow::Result<Exit> {
    // What an end rests on is in no sum.
    let told = reader.imported_boot_times()?;
    let lines = lines_of(reader, &reader.boots()?, &reader.clock_steps()?, told)?;
    let whole = availability(&lines);
    let told = whole.as_ref().map(|whole| whole.from_wall_ms);
    let past = Past::of(reader, args, by, told, now_ms)?;
    let buckets = boot_buckets(past.window, &lines, past.watched());
    let by = past.window.by;
    let left_out = whole.map_or(0, |whole| whole.clock_not_set.saturating_add(whole.overlapping));
    print(&if args.csv {
        csv::boot_buckets(&buckets)?
    } else if args.read.json {
        json::boot_buckets(&buckets, by)?
    } else {
        text::boot_buckets(&buckets, by, left_out, shows_bars(), &style(true))
    })?;
    Ok(Exit::Ok)
}

/// Kernels, live patches and what was owed.
pub(super) fn patches(
    reader: &HistoryReader,
    args: &PastArgs,
    by: By,
    now_ms: i64,
) -> anyhow::Result<Exit> {
    let past = Past::of(reader, args, by, None, now_ms)?;
    // All of them: what was installed shows by what was there before.
    let (exposures, changes) = (reader.exposures()?, reader.facts(&PATCH_FACTS)?);
    let buckets = patch_buckets(past.window, &changes, &exposures, past.watched());
    let by = past.window.by;
    print(&if args.csv {
        csv::patch_buckets(&buckets)?
    } else if args.read.json {
        json::patch_buckets(&buckets, by)?
    } else {
        text::patch_buckets(&buckets, by, shows_bars(), &style(true))
    })?;
    Ok(Exit::Ok)
}

/// Bad pages.
pub(super) fn pages(
    reader: &HistoryReader,
    args: &PastArgs,
    by: By,
    now_ms: i64,
) -> anyhow::Result<Exit> {
    let past = Past::of(reader, args, by, None, now_ms)?;
    let (requests, reports) = (reader.page_requests()?, reader.page_reports()?);
    let lives = page_lives(reader.bad_pages()?, &requests, &reports);
    let buckets = page_buckets(past.window, &lives, past.watched());
    let by = past.window.by;
    print(&if args.csv {
        csv::page_buckets(&buckets)?
    } else if args.read.json {
        json::page_buckets(&buckets, by)?
    } else {
        text::page_buckets(&buckets, by, shows_bars(), &style(true))
    })?;
    Ok(Exit::Ok)
}

/// Whether stdout is a terminal whose characters are Unicode.
fn shows_bars() -> bool {
    let set = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
    // The first that is set holds.
    let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG"));
    let locale = locale.unwrap_or_default().to_ascii_lowercase();
    std::io::stdout().is_terminal() && (locale.contains("utf-8") || locale.contains("utf8"))
}
