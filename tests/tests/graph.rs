//! The dependency graph is a promise, held here literally: one leaf (`model`), four siblings that
//! do not know each other, one binary. Whoever needs a new edge writes an ADR and changes a table.
//!
//! What is compared are the manifests as cargo reads them. `cargo metadata --no-deps` resolves
//! nothing, so this works without a network; which versions were resolved stands in `Cargo.lock`.

#![expect(
    clippy::disallowed_methods,
    reason = "asks cargo about the repository and reads its files, never the host"
)]

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A crate of ours, those of ours it builds on, and those of ours only its tests build on.
type Edges = (&'static str, &'static [&'static str], &'static [&'static str]);

const MODEL: &str = "scrubjay-model";
const PROCMAP: &str = "scrubjay-procmap";
const COLLECTOR: &str = "scrubjay-collector";
const STORAGE: &str = "scrubjay-storage";
const ALERTS: &str = "scrubjay-alerts";
const EXPORTERS: &str = "scrubjay-exporters";
const HARNESS: &str = "scrubjay-tests";
const BINARY: &str = "scrubjay";

const EDGES: &[Edges] = &[
    (MODEL, &[], &[]),
    (PROCMAP, &[], &[]),
    (COLLECTOR, &[MODEL, PROCMAP], &[]),
    (STORAGE, &[MODEL], &[]),
    (ALERTS, &[MODEL], &[]),
    (EXPORTERS, &[MODEL], &[]),
    (HARNESS, &[MODEL, COLLECTOR, STORAGE, ALERTS, EXPORTERS], &[]),
    (BINARY, &[MODEL, COLLECTOR, STORAGE, ALERTS, EXPORTERS], &[HARNESS]),
];

/// Everything foreign that a crate builds on, where the list is short on principle: `alerts` is
/// pure, whatever `model` takes, everybody takes, and what `procmap` takes is trusted.
const FOREIGN: &[(&str, &[&str])] = &[
    (MODEL, &["serde"]),
    (PROCMAP, &["rustix"]),
    (ALERTS, &["statrs", "rand_chacha", "rand_core", "rand_distr"]),
];

/// Foreign crates that stand for a capability, with the only crates of ours that have it.
const FENCES: &[(&str, &[&str])] = &[
    // Knows SQL.
    ("rusqlite", &[STORAGE]),
    // Makes the hashes of the ledger, those that package managers keep of files, and digests of
    // passwords that the server found right.
    ("sha2", &[COLLECTOR, STORAGE, EXPORTERS]),
    // Opens kernel files, and asks them in `procmap`; the binary reads clocks with it.
    ("rustix", &[PROCMAP, COLLECTOR, BINARY]),
    ("procfs", &[COLLECTOR]),
    // Speaks to the network, and so may be async.
    ("axum", &[EXPORTERS]),
    ("tokio", &[EXPORTERS, BINARY]),
    ("listenfd", &[BINARY]),
    // Encrypts, and knows who is at the other end.
    ("rustls", &[EXPORTERS]),
    ("tokio-rustls", &[EXPORTERS]),
    ("bcrypt", &[EXPORTERS]),
    // Signs reports, and looks at signatures.
    ("ring", &[BINARY]),
    ("prometheus", &[EXPORTERS]),
    // Tells others of alerts, blocking, on a thread of its own.
    ("ureq", &[BINARY]),
    // Talks to the person who started it.
    ("clap", &[BINARY]),
    ("clap_complete", &[BINARY]),
    ("clap_mangen", &[BINARY]),
    ("indicatif", &[BINARY]),
    ("toml", &[BINARY]),
    ("anyhow", &[BINARY]),
    // Reads the running host past every root we set.
    ("sysinfo", &[BINARY]),
];

/// Crates of which the graph must hold one version: two copies would each have their own idea of
/// `/proc`, or link SQLite twice.
const ONCE: &[&str] = &["procfs", "procfs-core", "rusqlite", "libsqlite3-sys", "rustix", "serde"];

/// One dependency line of a manifest.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Dependency {
    name: String,
    for_tests_only: bool,
    ours: bool,
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The workspace members as cargo describes them, by name.
fn members() -> BTreeMap<String, Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--locked", "--offline"])
        .current_dir(repository())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    packages
        .iter()
        .map(|package| (package["name"].as_str().unwrap().to_owned(), package.clone()))
        .collect()
}

fn dependencies(package: &Value) -> Vec<Dependency> {
    let listed = package["dependencies"].as_array().unwrap();
    listed
        .iter()
        .map(|dependency| Dependency {
            name: dependency["name"].as_str().unwrap().to_owned(),
            for_tests_only: dependency["kind"] == "dev",
            ours: dependency["path"].is_string(),
        })
        .collect()
}

/// The names of a member's dependencies of one sort.
fn names(package: &Value, ours: bool, for_tests_only: bool) -> BTreeSet<String> {
    dependencies(package)
        .into_iter()
        .filter(|d| d.ours == ours && d.for_tests_only == for_tests_only)
        .map(|d| d.name)
        .collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn our_crates_depend_on_each_other_as_the_table_says() {
    let members = members();
    let listed: BTreeSet<String> = EDGES.iter().map(|(name, _, _)| (*name).to_owned()).collect();
    let found: BTreeSet<String> = members.keys().cloned().collect();
    assert_eq!(found, listed, "the members of the workspace and the table of edges differ");
    for (name, edges, test_edges) in EDGES {
        let member = &members[*name];
        assert_eq!(names(member, true, false), set(edges), "crates of ours that {name} uses");
        assert_eq!(names(member, true, true), set(test_edges), "… that only {name}'s tests use");
    }
}

#[test]
fn the_model_and_the_rules_take_nothing_else_from_outside() {
    let members = members();
    for (name, foreign) in FOREIGN {
        assert_eq!(names(&members[*name], false, false), set(foreign), "foreign crates of {name}");
    }
}

#[test]
fn a_capability_stays_in_the_crate_that_answers_for_it() {
    let members = members();
    for (foreign, owners) in FENCES {
        let users: BTreeSet<String> = members
            .iter()
            .filter(|(_, member)| names(member, false, false).contains(*foreign))
            .map(|(name, _)| name.clone())
            .collect();
        assert_eq!(users, set(owners), "crates of ours that use {foreign}");
    }
}

#[test]
fn what_must_be_there_once_is_there_once() {
    let lock = std::fs::read_to_string(repository().join("Cargo.lock")).unwrap();
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut name = "";
    for line in lock.lines() {
        if let Some(quoted) = line.strip_prefix("name = ") {
            name = quoted.trim_matches('"');
        } else if let Some(quoted) = line.strip_prefix("version = ").filter(|_| !name.is_empty()) {
            versions.entry(name).or_default().push(quoted.trim_matches('"'));
        }
    }
    for name in ONCE {
        let found = versions.get(name).map(Vec::as_slice).unwrap_or_default();
        assert_eq!(found.len(), 1, "versions of {name} in Cargo.lock: {found:?}");
    }
}

#[test]
fn every_member_bears_the_licence_and_stays_out_of_the_registry() {
    for (name, member) in members() {
        assert_eq!(member["license"], "MIT OR Apache-2.0", "{name}: license");
        assert_eq!(member["publish"], Value::Array(Vec::new()), "{name}: publish must be false");
        assert!(member["rust_version"].is_string(), "{name}: rust-version is inherited");
    }
}

#[test]
fn every_member_is_held_to_the_lints_of_the_workspace() {
    for (name, member) in members() {
        let manifest = std::fs::read_to_string(member["manifest_path"].as_str().unwrap()).unwrap();
        // The harness may unwrap, so it has lints of its own; unsafe code it may not have either. One
        // crate may have a single block of it, which names its reason.
        let wanted = if name == HARNESS {
            "[lints.rust]\nunsafe_code = \"forbid\"\n"
        } else if name == PROCMAP {
            "[lints.rust]\nunsafe_code = \"deny\"\n"
        } else {
            "[lints]\nworkspace = true\n"
        };
        assert!(manifest.contains(wanted), "{name}: its manifest lacks\n{wanted}");
    }
}
