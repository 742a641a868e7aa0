//! `scrubjay pages`: the registry of bad pages, and words for the boot loader. Nothing is written.

use super::{print, reading, style};
use crate::cli::{PagesCommand, PagesListArgs, ReadArgs};
use crate::config::Settings;
use crate::exit::Exit;
use scrubjay_collector::{Collector, HostRoot, memory_map, page_flags, scan_poisoned};
use scrubjay_exporters::{json, text};
use scrubjay_model::{
    BadPage, MemoryMap, Origin, PageList, PagePass, PagesTold, PoisonedPages, Reading, Snapshot,
    boot_arguments, follow_pages, reserved_by_command_line,
};
use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

pub(crate) fn run(settings: &Settings, command: &PagesCommand) -> anyhow::Result<Exit> {
    let host = reading::host(settings)?;
    let dirs = reading::history_dirs(settings, &host);
    let registered = match reading::open_history(&dirs)? {
        Some(reader) => Some(reader.bad_pages()?),
        None => None,
    };
    let snapshot = Collector::once(Arc::clone(&host), reading::options(settings)).snapshot();
    match command {
        PagesCommand::List(args) => list(&host, &snapshot, registered, &dirs, args),
        PagesCommand::BootArgs(args) => boot_args(&host, &snapshot, registered, &dirs, args),
    }
}

fn list(
    host: &HostRoot,
    snapshot: &Snapshot,
    registered: Option<Vec<BadPage>>,
    dirs: &[PathBuf],
    args: &PagesListArgs,
) -> anyhow::Result<Exit> {
    if registered.is_none() && !args.scan {
        return no_history(dirs);
    }
    let map = memory_map(host);
    let pages: BTreeMap<u64, BadPage> =
        registered.iter().flatten().map(|page| (page.physical_address, page.clone())).collect();
    let (pages, untold) = as_of_now(host, snapshot, pages, map.value());
    let registered = match registered {
        Some(_) => Reading::Value(pages.into_values().collect()),
        None => Reading::Absent(searched(dirs)),
    };
    let scan = args.scan.then(|| match map.as_ref().into_result() {
        Ok(map) => scan(host, map),
        Err(why) => why.into(),
    });
    let list = PageList { registered, untold, page_size_bytes: host.page_size_bytes(), scan };
    print(&if args.read.json { json::pages(&list)? } else { text::pages(&list, &style(true)) })?;
    Ok(Exit::Ok)
}

/// The registry with the states the kernel tells of now, and why it does not tell of any.
fn as_of_now(
    host: &HostRoot,
    snapshot: &Snapshot,
    mut pages: BTreeMap<u64, BadPage>,
    map: Option<&MemoryMap>,
) -> (BTreeMap<u64, BadPage>, Option<scrubjay_model::NonValue>) {
    if pages.is_empty() {
        return (pages, None);
    }
    let flags = page_flags(host, &pages.values().map(|page| page.pfn).collect());
    let untold = flags.non_value();
    // What a past pass knew is not shown as if it were known now.
    let told = PagesTold {
        page_size_bytes: host.page_size_bytes().unwrap_or(0),
        flags: flags.into_result().unwrap_or_default(),
    };
    let pass = PagePass {
        boot: &snapshot.at.boot,
        wall_ms: snapshot.at.wall_ms,
        reported: &[],
        told: Some(&told),
        map,
    };
    let changed = follow_pages(&pages, &pass).changed;
    pages.extend(changed.into_iter().map(|page| (page.physical_address, page)));
    (pages, untold)
}

/// A scan, with its progress on stderr if somebody watches.
fn scan(host: &HostRoot, map: &MemoryMap) -> Reading<PoisonedPages> {
    let watched = std::io::stderr().is_terminal();
    let mut shown = None;
    let found = scan_poisoned(host, map, &mut |done, total| {
        let percent = done.saturating_mul(100).checked_div(total);
        if watched && percent != shown {
            shown = percent;
            let percent = percent.unwrap_or(100);
            // Progress that cannot be shown is no reason to stop.
            let _ = write!(anstream::stderr(), "\rscanning pages: {percent:>3} %");
        }
        ControlFlow::Continue(())
    });
    if shown.is_some() {
        let _ = writeln!(anstream::stderr());
    }
    found
}

fn boot_args(
    host: &HostRoot,
    snapshot: &Snapshot,
    registered: Option<Vec<BadPage>>,
    dirs: &[PathBuf],
    args: &ReadArgs,
) -> anyhow::Result<Exit> {
    let Some(pages) = registered else { return no_history(dirs) };
    let command_line = Snapshot::found(&snapshot.platform).and_then(|p| p.command_line.value());
    let words = command_line.into_iter().flatten().map(String::as_str);
    let reserved = reserved_by_command_line(words.clone());
    // The words that are replaced by those to come do not count twice.
    let others = words.filter(|word| reserved_by_command_line([*word]).is_empty());
    let length = command_line.is_some().then(|| others.map(|word| word.len() + 1).sum());
    let arguments = boot_arguments(&pages, &memory_map(host), &reserved);
    print(&if args.json {
        json::boot_arguments(&arguments, length)?
    } else {
        text::boot_arguments(&arguments, length, &style(true))
    })?;
    Ok(Exit::Ok)
}

fn searched(dirs: &[PathBuf]) -> Origin {
    let dirs: Vec<String> = dirs.iter().map(|dir| dir.display().to_string()).collect();
    Origin::new(if dirs.is_empty() { "history".to_owned() } else { dirs.join(" or ") })
}

fn no_history(dirs: &[PathBuf]) -> anyhow::Result<Exit> {
    if dirs.is_empty() {
        anyhow::bail!("the root is not this host, and no history of it is named: add --state-dir");
    }
    writeln!(
        anstream::stderr(),
        "no history in {}: start the agent, or name its directory with --state-dir",
        searched(dirs)
    )?;
    Ok(Exit::NoData)
}
