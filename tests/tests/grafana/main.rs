//! The dashboards and rules in `grafana/`: that they are as the code makes them, keep our own laws and
//! Grafana's schema, ask for what there is, and that their queries answer on a real Prometheus.

#![expect(
    clippy::disallowed_methods,
    reason = "reads the repository and starts programs that judge it, never asks the host"
)]

mod expr;
mod lint;
mod mixin;
mod queries;
mod rules;
mod schema;
mod server;

use scrubjay_tests::grafana::{dashboards, panels};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder `grafana/`.
fn grafana() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("grafana")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A program by the variable that names it, else by its name.
fn program(variable: &str, name: &str) -> Option<PathBuf> {
    let named = std::env::var_os(variable).map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = named.or_else(|| {
        std::env::split_paths(&path).map(|dir| dir.join(name)).find(|path| path.is_file())
    });
    if found.is_none() {
        println!("skipped: {name} is missing, and {variable} names none");
    }
    found
}

/// Runs a program that must succeed, and returns what it wrote.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let (stdout, stderr) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}\n{stdout}{stderr}");
    stdout.into_owned()
}

#[test]
fn committed_dashboards_are_those_that_the_code_makes() {
    for (name, dashboard) in dashboards() {
        let path = grafana().join("dashboards").join(name);
        let made = format!("{}\n", serde_json::to_string_pretty(&dashboard).unwrap());
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&path, made).unwrap();
            continue;
        }
        let update = "UPDATE_DOCS=1 cargo test -p scrubjay-tests dashboards";
        assert_eq!(read(&path), made, "{name} is not what the code makes: {update}");
    }
}
