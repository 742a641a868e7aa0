//! One reading of the host beside whatever history there is, for commands that show the present.

use crate::config::Settings;
use crate::{clock, header};
use scrubjay_collector::{Collector, HostRoot, Options};
use scrubjay_model::{
    Accumulated, HistorySummary, HostView, Origin, ParseFault, ReadFault, Reading, SeenController,
    Snapshot, match_controllers,
};
use scrubjay_storage::HistoryReader;
use std::path::PathBuf;
use std::sync::Arc;

/// The host to read, as configured.
pub(crate) fn host(settings: &Settings) -> anyhow::Result<Arc<HostRoot>> {
    Ok(Arc::new(HostRoot::open(&settings.root, clock::live())?))
}

/// How to collect, as configured.
pub(crate) fn options(settings: &Settings) -> Options {
    Options { deadline: settings.deadline, disabled: settings.disabled.clone() }
}

/// Reads the host once and puts the history beside it.
pub(crate) fn view(settings: &Settings) -> anyhow::Result<HostView> {
    let host = host(settings)?;
    let snapshot = Collector::new(Arc::clone(&host), options(settings)).snapshot();
    let (accumulated, history) = match history_dir(settings, host.is_this_host()) {
        Some(dir) => remembered(&dir, &snapshot),
        None => {
            let none = Reading::Absent(Origin::new("no history belongs to this root"));
            (without_history(&snapshot), none)
        }
    };
    let assessment = scrubjay_alerts::assess(&snapshot, &accumulated, None);
    let header = header::read(&host, &settings.root);
    Ok(HostView { header, snapshot, accumulated, history, assessment, agent: None })
}

/// Where the history of the host in question is: where it was said to be, else where an agent of
/// this host would keep it. Another host's tree has none unless one is named, for ours would be
/// taken for its.
pub(crate) fn history_dir(settings: &Settings, is_this_host: bool) -> Option<PathBuf> {
    if settings.state_dir_is_chosen {
        return Some(settings.state_dir.clone());
    }
    if !is_this_host {
        return None;
    }
    // The service's history is the host's; one that a user keeps comes second.
    let service = PathBuf::from(crate::config::SYSTEM_STATE_DIR);
    let kept_by_service = scrubjay_storage::exists(&service);
    Some(if kept_by_service { service } else { settings.state_dir.clone() })
}

fn remembered(
    dir: &std::path::Path,
    snapshot: &Snapshot,
) -> (Accumulated, Reading<HistorySummary>) {
    let origin = || Origin::new(dir.display().to_string());
    let read = || -> Result<_, scrubjay_storage::StorageError> {
        let Some(reader) = HistoryReader::open(dir)? else { return Ok(None) };
        Ok(Some((reader.accumulate(snapshot)?, reader.summary(&snapshot.at)?)))
    };
    match read() {
        Ok(Some((accumulated, summary))) => (accumulated, Reading::Value(summary)),
        Ok(None) => (without_history(snapshot), Reading::Absent(origin())),
        Err(error) => {
            let why = anyhow::Error::from(error);
            let fault =
                ParseFault::new("a history that can be read", format!("{why:#}").as_bytes());
            (without_history(snapshot), Reading::Malformed(origin(), fault))
        }
    }
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
