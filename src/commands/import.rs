//! `scrubjay import`: boots that other tools remember, taken into the history. The agent does the
//! same at its first start.

use super::{print, reading, style};
use crate::cli::{ImportArgs, ImportFrom};
use crate::config::Settings;
use crate::exit::Exit;
use anyhow::Context;
use scrubjay_collector::{Collector, HostRoot, foreign_boots};
use scrubjay_exporters::{json, text};
use scrubjay_model::{
    BootLine, BootMemory, BootSource, ForeignBoots, ImportLine, ImportTaken, Reading, Stamp,
    merged_boots,
};
use scrubjay_storage::{BootImport, History, HistoryReader, StorageError, has_history};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) fn run(settings: &Settings, args: &ImportArgs) -> anyhow::Result<Exit> {
    let host = reading::host(settings)?;
    let dir = directory(settings, &host)?;
    let at = Collector::new(Arc::clone(&host), reading::options(settings)).stamp();
    let mut history = open(&dir, &at)?;
    let lines = take_in(&host, &mut history, &at, args.from.map(memory))?;
    drop(history);
    let lines = count_seen(&dir, lines)?;
    print(&if args.read.json {
        json::imports(&lines)?
    } else {
        text::imports(&lines, &dir.display().to_string(), &style(true))
    })?;
    let is_value = |line: &ImportLine| line.taken.value().is_some();
    Ok(if lines.iter().any(is_value) { Exit::Ok } else { Exit::NoData })
}

/// The history that an agent of this host keeps, or would.
fn directory(settings: &Settings, host: &HostRoot) -> anyhow::Result<PathBuf> {
    let dirs = reading::history_dirs(settings, host);
    let kept = dirs.iter().find(|dir| has_history(dir)).cloned();
    match kept.or_else(|| dirs.last().cloned()) {
        Some(dir) => Ok(dir),
        None => anyhow::bail!(
            "the root {} is not this host: name the directory of its history with --state-dir",
            settings.root.display()
        ),
    }
}

fn open(dir: &Path, at: &Stamp) -> anyhow::Result<History> {
    match History::open(dir, at) {
        Ok(history) => Ok(history),
        Err(error @ StorageError::InUse { .. }) => Err(error).context(
            "the agent has the history open, and it has one writer: stop the agent, import, and \
             start it again; nothing was changed",
        ),
        Err(error) => Err(error.into()),
    }
}

fn memory(from: ImportFrom) -> BootMemory {
    match from {
        ImportFrom::Wtmp => BootMemory::Wtmp,
        ImportFrom::Wtmpdb => BootMemory::Wtmpdb,
        ImportFrom::Tuptime => BootMemory::Tuptime,
        ImportFrom::Uptimed => BootMemory::Uptimed,
    }
}

/// Reads what other tools remember and takes it into the history. How many of these boots the agent
/// saw itself is not counted yet.
pub(crate) fn take_in(
    host: &HostRoot,
    history: &mut History,
    at: &Stamp,
    only: Option<BootMemory>,
) -> Result<Vec<ImportLine>, StorageError> {
    let found = foreign_boots(host).into_iter();
    let found: Vec<(BootMemory, Reading<ForeignBoots>)> =
        found.filter(|(memory, _)| only.is_none_or(|only| only == *memory)).collect();
    let told: Vec<ForeignBoots> =
        found.iter().filter_map(|(_, boots)| boots.value().cloned()).collect();
    let taken = if told.is_empty() { Vec::new() } else { history.import_boots(&told, at)? };
    let line = |(memory, boots): (BootMemory, Reading<ForeignBoots>)| {
        let outcome = taken.iter().find(|taken| taken.memory == memory);
        let taken = boots.map(|boots| account(&boots, outcome));
        ImportLine { memory, taken, cannot_tell: memory.cannot_tell() }
    };
    Ok(found.into_iter().map(line).collect())
}

fn account(boots: &ForeignBoots, outcome: Option<&BootImport>) -> ImportTaken {
    let begun = || boots.boots.iter().map(|boot| boot.booted_wall_ms);
    ImportTaken {
        paths: boots.paths.clone(),
        told: outcome.map_or(0, |taken| taken.told),
        added: outcome.map_or(0, |taken| taken.added),
        completed: outcome.map_or(0, |taken| taken.completed),
        seen_by_agent: 0,
        not_understood: u64::from(boots.not_understood),
        first_wall_ms: begun().min(),
        last_wall_ms: begun().max(),
    }
}

/// The lines with how many boots of each tool the agent saw as well.
fn count_seen(dir: &Path, lines: Vec<ImportLine>) -> Result<Vec<ImportLine>, StorageError> {
    let Some(reader) = HistoryReader::open(dir)? else { return Ok(lines) };
    let boots = merged_boots(&reader.boots()?, &reader.imported_boots()?, &BTreeMap::new());
    let seen = |memory| {
        let source = BootSource::Memory(memory);
        let told = |boot: &&BootLine, source: &BootSource| boot.sources.contains(source);
        let own = boots.iter().filter(|boot| told(boot, &BootSource::Agent));
        let both = own.filter(|boot| told(boot, &source));
        u64::try_from(both.count()).unwrap_or(u64::MAX)
    };
    let count = |line: ImportLine| {
        let seen_by_agent = seen(line.memory);
        let taken = line.taken.map(|taken| ImportTaken { seen_by_agent, ..taken });
        ImportLine { taken, ..line }
    };
    Ok(lines.into_iter().map(count).collect())
}
