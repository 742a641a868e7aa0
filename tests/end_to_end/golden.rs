//! What people and scrapers read, for every host tree: the metrics page, `status`, its JSON, and
//! `doctor`, compared with files. `UPDATE_GOLDEN=1` rewrites them.

use crate::harness::{pretty_json, scrubjay, stdout};
use scrubjay_tests::{golden, trees};
use std::path::Path;

/// Families that depend on the machine the test runs on.
const OF_THIS_RUN: [&str; 5] = [
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "scrubjay_agent_pass_duration_seconds",
    "scrubjay_history_size_bytes",
    // Its hash is of the version and the settings too.
    "scrubjay_ledger_head_info",
];

/// Hosts whose JSON and `doctor` are compared as well: one with nothing, one with everything, one
/// that refuses to be read.
const IN_FULL: [&str; 3] = ["bare-guest", "busy-server", "unreadable"];

fn steady(page: &str) -> String {
    let of_this_run = |line: &str| {
        OF_THIS_RUN.iter().any(|family| {
            let line = line.trim_start_matches("# HELP ").trim_start_matches("# TYPE ");
            line.strip_prefix(family).is_some_and(|rest| rest.starts_with([' ', '{']))
        })
    };
    let version = env!("CARGO_PKG_VERSION");
    page.lines()
        .filter(|line| !of_this_run(line))
        .map(|line| line.replace(&format!("version=\"{version}\""), "version=\"…\"") + "\n")
        .collect()
}

fn run(home: &Path, tree: &Path, args: &[&str]) -> String {
    let state = home.join("state");
    let paths = [home.display().to_string(), tree.display().to_string()];
    let page =
        stdout(scrubjay(home).args(args).arg("--root").arg(tree).arg("--state-dir").arg(state));
    page.replace(&paths[1], "HOST.tree").replace(&paths[0], "HOME")
}

#[test]
fn every_host_tree_reads_as_it_did() {
    for (name, text) in trees::hosts() {
        let home = tempfile::tempdir().unwrap();
        let tree = home.path().join("host.tree");
        std::fs::write(&tree, text).unwrap();
        let version = env!("CARGO_PKG_VERSION");
        let status = run(home.path(), &tree, &["status"]).replace(version, "…");
        golden::compare(&format!("{name}.status.txt"), &status);
        let metrics = run(home.path(), &tree, &["agent", "--once"]);
        golden::compare(&format!("{name}.prom"), &steady(&metrics));
        if !IN_FULL.contains(&name.as_str()) {
            continue;
        }
        let json = run(home.path(), &tree, &["status", "--json"]);
        let pretty = pretty_json(&json);
        golden::compare(&format!("{name}.status.json"), &pretty.replace(version, "…"));
        let doctor = run(home.path(), &tree, &["doctor"]);
        golden::compare(&format!("{name}.doctor.txt"), &doctor);
    }
}
