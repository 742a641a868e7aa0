//! One reading of the host beside whatever history there is, for commands that show the present.

use crate::config::{SYSTEM_STATE_DIR, Settings};
use crate::{clock, ends, header, judging, watermark};
use scrubjay_collector::{Collector, HostRoot, Options};
use scrubjay_model::{
    Accumulated, AlertBook, DimmVerdict, EventsStatus, Finding, HistorySummary, HostView,
    LedgerState, Origin, ParseFault, ReadFault, Reading, SeenController, Snapshot, StorageStats,
    match_controllers,
};
use scrubjay_storage::{HistoryReader, StorageError};
use std::path::PathBuf;
use std::sync::Arc;

/// The host to read, as configured.
pub(crate) fn host(settings: &Settings) -> anyhow::Result<Arc<HostRoot>> {
    let host = HostRoot::open(&settings.root, clock::live())?;
    watermark::note_host(host.simulated().as_ref());
    Ok(Arc::new(host))
}

/// The same for an agent, which takes no host that was made: a demo has an agent of its own.
pub(crate) fn real_host(settings: &Settings) -> anyhow::Result<Arc<HostRoot>> {
    let host = host(settings)?;
    anyhow::ensure!(
        host.simulated().is_none(),
        "the root {} was made by scrubjay demo, which drives an agent of its own: use that, or the \
         commands that read",
        settings.root.display()
    );
    Ok(host)
}

/// How to collect, as configured.
pub(crate) fn options(settings: &Settings) -> Options {
    Options { deadline: settings.deadline, disabled: settings.disabled.clone() }
}

/// Reads the host once and puts the history beside it.
pub(crate) fn view(settings: &Settings) -> anyhow::Result<HostView> {
    view_of(settings, &host(settings)?)
}

/// The same of a host that is open.
pub(crate) fn view_of(settings: &Settings, host: &Arc<HostRoot>) -> anyhow::Result<HostView> {
    let snapshot = Collector::once(Arc::clone(host), options(settings)).snapshot();
    let Remembered { accumulated, history, storage, suspected, dimms, hearing, alerts } =
        remembered(settings, host, &snapshot);
    let assessment = scrubjay_alerts::assess(
        &snapshot,
        &accumulated,
        Some(&storage),
        hearing.as_ref(),
        &settings.patches,
    )
    .and(suspected);
    let assessment = scrubjay_alerts::with_dimms(assessment, dimms);
    let header = header::read(host, &settings.root);
    let agent = Reading::Absent(Origin::new("not asked"));
    Ok(HostView { header, snapshot, accumulated, history, assessment, alerts, agent })
}

/// Where the history of the host in question may be, most likely first: where it was said to be,
/// else where an agent of this host keeps it. Another host's tree has none unless one is named,
/// for ours would be taken for its.
pub(crate) fn history_dirs(settings: &Settings, host: &HostRoot) -> Vec<PathBuf> {
    if settings.state_dir_is_chosen {
        return vec![settings.state_dir.clone()];
    }
    if !host.is_this_host() {
        return Vec::new();
    }
    // The service's history is the host's; one that a user keeps comes second.
    vec![PathBuf::from(SYSTEM_STATE_DIR), settings.state_dir.clone()]
}

/// Opens the first history there is. One that cannot be read is not passed over.
pub(crate) fn open_history(dirs: &[PathBuf]) -> Result<Option<HistoryReader>, StorageError> {
    for dir in dirs {
        if let Some(reader) = HistoryReader::open(dir)? {
            let found = reader.simulated()?;
            // Neither may be judged by the other.
            if let Some(host) = watermark::host()
                && *host != found
            {
                let path = dir.clone();
                return Err(match found {
                    Some(found) => StorageError::Simulated { path, found },
                    None => StorageError::Real { path },
                });
            }
            watermark::note(found.as_ref());
            return Ok(Some(reader));
        }
    }
    Ok(None)
}

/// What the history adds to a reading, and how it fares itself.
struct Remembered {
    accumulated: Accumulated,
    history: Reading<HistorySummary>,
    storage: StorageStats,
    /// Errors behind the ends of earlier boots.
    suspected: Vec<Finding>,
    /// Verdicts on sticks of memory.
    dimms: Vec<DimmVerdict>,
    /// How an agent that runs beside us hears of errors.
    hearing: Option<EventsStatus>,
    /// Alerts as an agent wrote them last.
    alerts: AlertBook,
}

fn remembered(settings: &Settings, host: &HostRoot, snapshot: &Snapshot) -> Remembered {
    let dirs = history_dirs(settings, host);
    let shown: Vec<String> = dirs.iter().map(|dir| dir.display().to_string()).collect();
    let origin = || match shown.as_slice() {
        [] => Origin::new("none belongs to this root; name one with --state-dir"),
        dirs => Origin::new(dirs.join(", ")),
    };
    let read = || -> Result<_, StorageError> {
        let Some(reader) = open_history(&dirs)? else { return Ok(None) };
        let at = &snapshot.at;
        let (replaced, salvaged) = (reader.replaced(at)?, reader.salvaged(at)?);
        // One that cannot be looked at is no reason to know nothing of the rest.
        let ledger = match reader.verify_ledger(&[]) {
            Ok(report) => LedgerState::from(&report),
            Err(error) => {
                let because = format!("failed to {:#}", anyhow::Error::from(error));
                LedgerState::NotChecked { because }
            }
        };
        let storage = StorageStats { replaced, salvaged, ledger, ..StorageStats::default() };
        let accumulated = reader.accumulate(snapshot)?;
        Ok(Some(Remembered {
            dimms: judging::once(settings, &reader, snapshot, &accumulated)?,
            accumulated,
            history: Reading::Value(reader.summary(at)?),
            storage,
            suspected: ends::suspected(&reader)?,
            hearing: reader.hearing(at)?,
            alerts: reader.alert_book()?,
        }))
    };
    let without = |history, storage| Remembered {
        accumulated: without_history(snapshot),
        history,
        storage,
        suspected: Vec::new(),
        dimms: Vec::new(),
        hearing: None,
        alerts: AlertBook::default(),
    };
    let none = |history| without(history, StorageStats::default());
    match read() {
        Ok(Some(remembered)) => remembered,
        Ok(None) => none(Reading::Absent(origin())),
        // Not a fault of the history: another user's command would read it.
        Err(StorageError::NotReadable { .. }) => {
            none(Reading::Unreadable(origin(), ReadFault::Denied))
        }
        Err(error) => {
            let why = format!("failed to {:#}", anyhow::Error::from(error));
            let fault = ParseFault::new("a sound history", why.as_bytes());
            let storage = StorageStats { unreadable: Some(why), ..StorageStats::default() };
            without(Reading::Malformed(origin(), fault), storage)
        }
    }
}

/// A history that is there and of no use, with what is wrong with it.
pub(crate) fn broken<T>(origin: Origin, error: StorageError) -> Reading<T> {
    let why = format!("failed to {:#}", anyhow::Error::from(error));
    Reading::Malformed(origin, ParseFault::new("a sound history", why.as_bytes()))
}

/// Names for the controllers, and no sums: what the kernel shows is all there is.
fn without_history(snapshot: &Snapshot) -> Accumulated {
    let seen: Vec<SeenController> = Snapshot::found(&snapshot.edac)
        .into_iter()
        .flat_map(|edac| &edac.controllers)
        .map(SeenController::from)
        .collect();
    let keys = match_controllers(&[], &seen);
    let controllers = seen.iter().map(|seen| seen.index).zip(keys).collect();
    Accumulated { controllers, ..Accumulated::default() }
}
