//! What the fuzz targets in `tests/fuzz` feed with arbitrary bytes: none may panic, loop, or take more
//! memory than its input warrants, and what a module promises of its answers is asserted here.

use crate::bundle::fuzzing as bundles;
use crate::commands::reading;
use crate::config::{Flags, Inputs, Settings};
use crate::policies::fault::Source;
use crate::{calibration as calibrations, clock, commands, deadlines as dates, fleet, policies};
use crate::{site_past, windows};
use scrubjay_collector::{HostRoot, Tree};
use scrubjay_exporters::fuzzing::{self as exporters, Server};
use scrubjay_exporters::http::{Board, Gate, Site, TELEMETRY_PATH};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

pub use bundles::time_stamp;
pub use bundles::{allowed_signers, ledger_export, manifest, private_key, report, signature};

fn settings_of(text: &str) -> Option<Settings> {
    Settings::validate(&Inputs::of_text("fuzz.toml", text, &Flags::default()).ok()?).ok()
}

/// A configuration. What is shown of one is read as the same.
pub fn config(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Ok(inputs) = Inputs::of_text("fuzz.toml", &text, &Flags::default()) else { return };
    let shown = inputs.show();
    let again = Inputs::of_text("fuzz.toml", &shown, &Flags::default());
    let valid = Settings::validate(&inputs).ok().map(|settings| settings.configuration);
    match again {
        Ok(again) => {
            let again = Settings::validate(&again).ok().map(|settings| settings.configuration);
            assert_eq!(again, valid, "what is shown is read as the same");
        }
        Err(error) => assert!(valid.is_none(), "what is shown cannot be read: {error}\n{shown}"),
    }
}

/// A policy on memory errors, and the tests of one.
pub fn policy_file(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let source = Source { path: Path::new("fuzz.toml"), text: &text };
    let faults = policies::file::parse(source).err().into_iter();
    let faults = faults.chain(policies::cases::parse(source).err());
    told(faults.flatten());
}

/// A policy on how soon fixes are to be in force.
pub fn deadlines(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Err(error) = dates::from_text(Path::new("fuzz.toml"), &text) {
        assert!(!format!("{error:#}").is_empty(), "a fault that says nothing");
    }
}

/// A calibration of the scorecard.
pub fn calibration(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let _ = calibrations::parse(Path::new("fuzz.toml"), &text);
}

fn told(faults: impl Iterator<Item = policies::fault::Fault>) {
    for fault in faults {
        assert!(fault.to_string().contains("fuzz.toml:"), "a fault without its place");
    }
}

/// A maintenance window.
pub fn window(bytes: &[u8]) {
    let _ = windows::MaintenanceWindow::parse(&String::from_utf8_lossy(bytes));
}

/// What a Prometheus-compatible API answers.
pub fn api_answer(bytes: &[u8]) {
    static SETTINGS: OnceLock<Option<Settings>> = OnceLock::new();
    let Some(settings) = SETTINGS.get_or_init(|| settings_of("")) else { return };
    let fleet = fleet::fuzzed_answer(&settings.fleet, bytes);
    assert!(fleet.hosts.len() <= bytes.len(), "more hosts than bytes");
}

/// Logs of errors and of failures that are replayed.
pub fn replayed_log(bytes: &[u8]) {
    commands::replay::fuzzed_logs(bytes);
}

/// A configuration of the server, and what its files hold.
pub fn web_config(bytes: &[u8]) {
    exporters::web_config(bytes);
}

/// A connection to the server, which shows a host with everything there is to show.
pub fn http(bytes: &[u8]) {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    if let Some(server) = SERVER.get_or_init(server) {
        exporters::http(server, bytes);
    }
}

const HOST: &str = include_str!("../tests/fixtures/hosts/busy-server.tree");

fn server() -> Option<Server> {
    let nowhere = "/nonexistent/scrubjay";
    let settings = settings_of(&format!("[agent]\nstate_dir = \"{nowhere}\"\n"))?;
    let host = Arc::new(HostRoot::from_tree(Tree::parse(HOST).ok()?, clock::live()));
    let view = reading::view_of(&settings, &host).ok()?;
    let board = Board::new(Arc::new(|| Duration::ZERO));
    board.publish(view, Duration::from_secs(60));
    let site = Site {
        board: Arc::new(board),
        looks: None,
        feed: None,
        gate: Arc::new(Gate::open()),
        telemetry_path: TELEMETRY_PATH.to_owned(),
        pages: Some(site_past::pages(Path::new(nowhere))),
    };
    Server::new(site).ok()
}
