//! The configuration files as written.

use super::alerting::{AlertsFragment, NotifyFragment};
use super::error::{ConfigError, place};
use super::fleet::FleetFragment;
use super::memory::{CostsFragment, MemoryFragment};
use super::web::WebFragment;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use toml::Spanned;

/// One file. Every key is optional; one that is not listed here is an error, so that a slip of
/// the pen is not silently ignored.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fragment {
    #[serde(default)]
    pub(super) agent: AgentFragment,
    #[serde(default)]
    pub(super) collector: CollectorFragment,
    #[serde(default)]
    pub(super) events: EventsFragment,
    #[serde(default)]
    pub(super) web: WebFragment,
    #[serde(default)]
    pub(super) pages: PagesFragment,
    #[serde(default)]
    pub(super) patches: PatchesFragment,
    #[serde(default)]
    pub(super) history: HistoryFragment,
    #[serde(default)]
    pub(super) maintenance: MaintenanceFragment,
    #[serde(default)]
    pub(super) alerts: AlertsFragment,
    #[serde(default)]
    pub(super) notify: NotifyFragment,
    #[serde(default)]
    pub(super) memory: MemoryFragment,
    #[serde(default)]
    pub(super) costs: CostsFragment,
    #[serde(default)]
    pub(super) fleet: FleetFragment,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AgentFragment {
    pub(super) interval: Option<Spanned<String>>,
    pub(super) state_dir: Option<Spanned<String>>,
    pub(super) share: Option<Spanned<bool>>,
    pub(super) sandbox: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CollectorFragment {
    pub(super) root: Option<Spanned<String>>,
    pub(super) deadline: Option<Spanned<String>>,
    pub(super) disabled: Option<Spanned<Vec<String>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EventsFragment {
    pub(super) listen: Option<Spanned<bool>>,
    pub(super) instance: Option<Spanned<String>>,
    pub(super) on_stop: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PagesFragment {
    pub(super) offline: Option<Spanned<String>>,
    pub(super) preset: Option<Spanned<String>>,
    pub(super) budget_pages_per_day: Option<Spanned<u32>>,
    pub(super) budget_pages_total: Option<Spanned<u32>>,
    pub(super) reoffline_after_boot: Option<Spanned<bool>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PatchesFragment {
    pub(super) critical_days: Option<Spanned<u32>>,
    pub(super) uptime_days: Option<Spanned<u32>>,
    pub(super) accepted_pin: Option<Spanned<String>>,
    pub(super) support_days: Option<Spanned<u32>>,
    pub(super) layers: Option<Spanned<u32>>,
    pub(super) stalled_after: Option<Spanned<String>>,
    pub(super) stuck_after: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HistoryFragment {
    pub(super) import: Option<Spanned<bool>>,
    pub(super) max_size_mib: Option<Spanned<u32>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MaintenanceFragment {
    pub(super) windows: Option<Spanned<Vec<String>>>,
}

/// A file with its text, which positions refer to.
#[derive(Debug)]
pub(super) struct File {
    pub(super) path: PathBuf,
    pub(super) text: String,
    pub(super) fragment: Fragment,
}

/// The files read when none is named, in this order; later ones win. In the directories, files
/// named `*.toml` are read in the order of their names.
pub(crate) const PLACES: [&str; 4] = [
    "/usr/lib/scrubjay/config.d",
    "/etc/scrubjay/scrubjay.toml",
    "/etc/scrubjay/config.d",
    "/run/scrubjay/config.d",
];

/// Reads the file named, or else those in the usual places that exist.
pub(super) fn read(named: Option<&Path>) -> Result<Vec<File>, ConfigError> {
    let paths = match named {
        Some(path) => vec![path.to_owned()],
        None => {
            let mut paths = Vec::new();
            for place in PLACES {
                paths.extend(files_at(Path::new(place))?);
            }
            paths
        }
    };
    paths.into_iter().map(read_one).collect()
}

#[expect(clippy::disallowed_methods, reason = "configuration is no kernel file")]
fn files_at(place: &Path) -> Result<Vec<PathBuf>, ConfigError> {
    if place.is_file() {
        return Ok(vec![place.to_owned()]);
    }
    let failed = |source| ConfigError::Read { path: place.to_owned(), source };
    let entries = match std::fs::read_dir(place) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(failed(source)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

#[expect(clippy::disallowed_methods, reason = "configuration is no kernel file")]
fn read_one(path: PathBuf) -> Result<File, ConfigError> {
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(source) => return Err(ConfigError::Read { path, source }),
    };
    parse(path, text)
}

pub(super) fn parse(path: PathBuf, text: String) -> Result<File, ConfigError> {
    match toml::from_str(&text) {
        Ok(fragment) => Ok(File { path, text, fragment }),
        Err(error) => {
            let (line, column) = place(&text, error.span().map_or(0, |span| span.start));
            Err(ConfigError::Syntax { path, line, column, message: error.to_string() })
        }
    }
}
