//! `scrubjay import`: boots that other tools remember and errors that they recorded, taken into the
//! history. The agent does the same at its first start.

use super::{print, reading, style};
use crate::cli::{ImportArgs, ImportFrom};
use crate::config::Settings;
use crate::exit::Exit;
use crate::progress::{Progress, ProgressArgs};
use anyhow::Context;
use scrubjay_collector::{Collector, HostRoot, foreign_boots, foreign_errors};
use scrubjay_exporters::{json, text};
use scrubjay_model::{
    BootLine, BootMemory, BootSource, ErrorImportLine, ErrorMemory, ErrorRecords, ErrorsTaken,
    ForeignBoots, ImportLine, ImportTaken, Outcome, ReadFault, Reading, Simulated, Stamp,
    merged_boots,
};
use scrubjay_storage::{
    BootImport, ErrorImport, History, HistoryReader, StorageError, has_history,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub(crate) fn run(settings: &Settings, args: &ImportArgs) -> anyhow::Result<Exit> {
    let host = reading::host(settings)?;
    let dir = directory(settings, &host)?;
    let at = Collector::new(Arc::clone(&host), reading::options(settings)).stamp();
    let (boots_of, errors_of, file) = sources(args)?;
    let file = file.map(|file| below_root(&host, file)).transpose()?;
    let mut history = open(&dir, &at, host.simulated().as_ref())?;
    let boots = take_in(&host, &mut history, &at, &boots_of)?;
    let from = ErrorSources { of: &errors_of, file: file.as_deref(), progress: args.progress };
    let errors = take_in_errors(&host, &mut history, &at, from)?;
    drop(history);
    let boots = count_seen(&dir, boots)?;
    print(&if args.read.json {
        json::imports(&boots, &errors)?
    } else {
        text::imports(&boots, &errors, &dir.display().to_string(), &style(true))
    })?;
    let outcomes = boots.iter().map(|line| line.taken.outcome());
    let outcomes: Vec<Outcome> =
        outcomes.chain(errors.iter().map(|line| line.taken.outcome())).collect();
    // What is there and could not be read is a failure, whatever else was.
    let failed = |outcome: &Outcome| matches!(outcome, Outcome::Unreadable | Outcome::Malformed);
    Ok(if outcomes.iter().any(failed) {
        Exit::Failed
    } else if outcomes.contains(&Outcome::Ok) {
        Exit::Ok
    } else {
        Exit::NoData
    })
}

/// What to read: tools that remember boots, tools that record errors, and a file of the latter.
type Sources<'a> = (Vec<BootMemory>, Vec<ErrorMemory>, Option<&'a str>);

fn sources(args: &ImportArgs) -> anyhow::Result<Sources<'_>> {
    let (boots, errors) = match args.from {
        None => (BootMemory::ALL.to_vec(), ErrorMemory::ALL.to_vec()),
        Some(ImportFrom::Wtmp) => (vec![BootMemory::Wtmp], vec![]),
        Some(ImportFrom::Wtmpdb) => (vec![BootMemory::Wtmpdb], vec![]),
        Some(ImportFrom::Tuptime) => (vec![BootMemory::Tuptime], vec![]),
        Some(ImportFrom::Uptimed) => (vec![BootMemory::Uptimed], vec![]),
        Some(ImportFrom::Rasdaemon) => (vec![], vec![ErrorMemory::Rasdaemon]),
        Some(ImportFrom::Mcelog) => (vec![], vec![ErrorMemory::Mcelog]),
    };
    if args.file.is_some() && errors.is_empty() {
        anyhow::bail!(
            "--file names a database of rasdaemon or a log of mcelog: add --from rasdaemon or \
             --from mcelog; what remembers boots is read below --root"
        );
    }
    Ok((boots, errors, args.file.as_deref()))
}

/// A path as sources have it: below the root of the host that is read.
fn below_root(host: &HostRoot, file: &str) -> anyhow::Result<String> {
    let path = Path::new(file);
    if path.is_relative() && !host.is_this_host() {
        anyhow::bail!("--file {file}: with --root give its path there, from the root on");
    }
    let path = std::path::absolute(path).with_context(|| format!("--file {file}"))?;
    let path = path.to_str().with_context(|| format!("--file {file}: the path is not UTF-8"))?;
    Ok(path.trim_start_matches('/').to_owned())
}

/// The history that an agent of this host keeps, or would.
pub(super) fn directory(settings: &Settings, host: &HostRoot) -> anyhow::Result<PathBuf> {
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

fn open(dir: &Path, at: &Stamp, made: Option<&Simulated>) -> anyhow::Result<History> {
    match History::open_of(dir, at, made) {
        Ok(history) => Ok(history),
        Err(error @ StorageError::InUse { .. }) => Err(error).context(
            "take the history for itself, as an agent has it open: stop the agent, import, and start \
             it again; nothing was changed",
        ),
        Err(error) => Err(error.into()),
    }
}

/// Reads what other tools remember and takes it into the history. How many of these boots the agent
/// saw itself is not counted yet.
pub(crate) fn take_in(
    host: &HostRoot,
    history: &mut History,
    at: &Stamp,
    of: &[BootMemory],
) -> Result<Vec<ImportLine>, StorageError> {
    if of.is_empty() {
        return Ok(Vec::new());
    }
    let found = foreign_boots(host).into_iter();
    let found: Vec<(BootMemory, Reading<ForeignBoots>)> =
        found.filter(|(memory, _)| of.contains(memory)).collect();
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

/// Which records of errors to read, and whether to show how far that has come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ErrorSources<'a> {
    /// The tools.
    pub(crate) of: &'a [ErrorMemory],
    /// Their file, if it is not at the usual place.
    pub(crate) file: Option<&'a str>,
    pub(crate) progress: ProgressArgs,
}

/// Reads what other tools recorded of errors and takes it into the history.
pub(crate) fn take_in_errors(
    host: &HostRoot,
    history: &mut History,
    at: &Stamp,
    from: ErrorSources<'_>,
) -> Result<Vec<ErrorImportLine>, StorageError> {
    let ErrorSources { of, file, progress } = from;
    let read =
        |memory: &ErrorMemory| (*memory, read_errors(host, *memory, file, at.wall_ms, progress));
    let found: Vec<(ErrorMemory, Reading<ErrorRecords>)> = of.iter().map(read).collect();
    let told: Vec<ErrorRecords> =
        found.iter().filter_map(|(_, errors)| errors.value().cloned()).collect();
    let taken = if told.is_empty() { Vec::new() } else { history.import_errors(&told, at)? };
    let line = |(memory, errors): (ErrorMemory, Reading<ErrorRecords>)| {
        let outcome = taken.iter().find(|taken| taken.memory == memory);
        ErrorImportLine { memory, taken: errors.map(|errors| errors_taken(errors, outcome)) }
    };
    Ok(found.into_iter().map(line).collect())
}

/// How often a file is looked at again that its owner writes to, and after which time: rasdaemon
/// makes a transaction of each error, and in a storm hardly ever rests.
const WRITTEN_ATTEMPTS: u32 = 20;
const WRITTEN_PAUSE: Duration = Duration::from_millis(100);

fn is_torn(found: &Reading<ErrorRecords>) -> bool {
    matches!(found, Reading::Unreadable(_, ReadFault::Torn))
}

/// Reads the records of a tool, with the progress on stderr if somebody watches.
fn read_errors(
    host: &HostRoot,
    memory: ErrorMemory,
    file: Option<&str>,
    now_wall_ms: i64,
    progress: ProgressArgs,
) -> Reading<ErrorRecords> {
    let progress = Progress::new(progress, format!("reading {}", memory.as_str()), "records");
    let read = || {
        foreign_errors(host, memory, file, now_wall_ms, &mut |records, most| {
            progress.show(records, Some(most));
        })
    };
    let mut found = read();
    for _ in 0..WRITTEN_ATTEMPTS {
        if !is_torn(&found) {
            break;
        }
        std::thread::sleep(WRITTEN_PAUSE);
        found = read();
    }
    found
}

fn errors_taken(told: ErrorRecords, outcome: Option<&ErrorImport>) -> ErrorsTaken {
    let (records, errors) = (told.records(), told.errors());
    let without = told.errors.iter().filter(|group| group.hour.is_none());
    ErrorsTaken {
        records,
        errors,
        records_added: outcome.map_or(0, |taken| taken.records_added),
        errors_added: outcome.map_or(0, |taken| taken.errors_added),
        without_time: without.map(|group| group.records).fold(0, u64::saturating_add),
        first_wall_ms: told.errors.iter().filter_map(|group| group.first_wall_ms).min(),
        last_wall_ms: told.errors.iter().filter_map(|group| group.last_wall_ms).max(),
        paths: told.paths,
        left_out: told.left_out,
    }
}

/// The lines with how many boots of each tool the agent saw as well.
fn count_seen(dir: &Path, lines: Vec<ImportLine>) -> Result<Vec<ImportLine>, StorageError> {
    let Some(reader) = HistoryReader::open(dir)? else { return Ok(lines) };
    let boots = merged_boots(&reader.boots()?, reader.imported_boots()?, &BTreeMap::new());
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
