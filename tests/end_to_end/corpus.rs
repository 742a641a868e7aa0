//! Trees of other projects, read as they read them. They are not part of this repository:
//! `SCRUBJAY_CORPUS` names the folder that holds them, and without it nothing is compared.

use crate::harness::{scrubjay, stdout};
use serde_json::Value;
use std::path::{Path, PathBuf};

fn corpus() -> Option<PathBuf> {
    let named = std::env::var_os("SCRUBJAY_CORPUS").map(PathBuf::from);
    if named.is_none() {
        println!("skipped: SCRUBJAY_CORPUS names no folder");
    }
    named
}

fn status(root: &Path, args: &[&str]) -> String {
    let home = tempfile::tempdir().unwrap();
    stdout(scrubjay(home.path()).arg("status").args(args).arg("--root").arg(root))
}

/// The value of a label in a line of the text format.
fn label<'l>(line: &'l str, name: &str) -> &'l str {
    line.split(&format!("{name}=\"")).nth(1).unwrap().split('"').next().unwrap()
}

fn count(errors: &Value, class: &str) -> u64 {
    errors[class]["value"]["value"].as_u64().unwrap_or_else(|| panic!("{class} of {errors}"))
}

/// What node_exporter says of its own fixture, line by line, must be what we read in it.
#[test]
fn the_fixture_of_node_exporter_has_the_numbers_node_exporter_finds_in_it() {
    let Some(corpus) = corpus() else { return };
    let root = corpus.join("edac-sysfs/node_exporter");
    let json: Value = serde_json::from_str(&status(&root, &["--json"])).unwrap();
    let controller = &json["snapshot"]["edac"]["reading"]["value"]["controllers"][0];
    let expected = corpus.join("edac-sysfs/node_exporter_expected_metrics.prom");
    let expected = std::fs::read_to_string(expected).unwrap();
    let mut compared = 0;
    for line in expected.lines().filter(|line| line.starts_with("node_edac_")) {
        let value: u64 = line.rsplit(' ').next().unwrap().parse().unwrap();
        let class = if line.contains("_uncorrectable_") { "uncorrectable" } else { "correctable" };
        let errors = if line.contains("channel=") {
            let place = format!("csrow{}/ch{}", label(line, "csrow"), label(line, "channel"));
            let dimms = controller["dimms"].as_array().unwrap();
            &dimms.iter().find(|dimm| dimm["place"] == place.as_str()).unwrap()["errors"]
        } else if line.contains("csrow=\"unknown\"") {
            &controller["unattributed"]
        } else if line.contains("csrow=") {
            let index: u64 = label(line, "csrow").parse().unwrap();
            let rows = controller["csrows"].as_array().unwrap();
            &rows.iter().find(|row| row["index"] == index).unwrap()["errors"]
        } else {
            &controller["errors"]
        };
        assert_eq!(count(errors, class), value, "{line}");
        compared += 1;
    }
    assert_eq!(compared, 20, "the fixture has another number of lines than it had");

    // It breaks the kernel's identity: a total is the sum of its parts and what has no place.
    let page = status(&root, &[]).split_whitespace().collect::<Vec<_>>().join(" ");
    for contradiction in [
        "mc0: ce_count 1, but its parts sum to 0 + 2 unattributed",
        "mc0: ue_count 5, but its parts sum to 13 + 6 unattributed",
        "mc0/csrow0: ce_count 3, but its channels sum to 0",
    ] {
        assert!(page.contains(contradiction), "{contradiction} is not in {page}");
    }
}

#[test]
fn the_cpu_vulnerabilities_of_node_exporters_fixture_are_classified_as_there() {
    let Some(corpus) = corpus() else { return };
    let json = status(&corpus.join("sysfs-misc/node_exporter"), &["--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    let found = json["snapshot"]["cpu_vulnerabilities"]["reading"]["value"].as_array().unwrap();
    let expected = corpus.join("edac-sysfs/node_exporter_expected_metrics.prom");
    let expected = std::fs::read_to_string(expected).unwrap();
    let lines = expected.lines().filter(|line| line.starts_with("node_cpu_vulnerabilities_info{"));
    let mut compared = 0;
    for line in lines {
        let name = label(line, "codename");
        let state = match label(line, "state") {
            "not affected" => "not_affected",
            "mitigation" => "mitigated",
            other => other,
        };
        let entry = found.iter().find(|entry| entry["name"] == name).unwrap();
        assert_eq!(entry["state"]["value"], state, "{line}");
        compared += 1;
    }
    assert_eq!(compared, found.len());
}

/// A kernel log, kept as pstore would keep it, blames what its panic line blames; and a watchdog
/// says what it says in node_exporter's fixture.
#[test]
fn real_logs_blame_the_hardware_only_where_their_kernels_died_of_it() {
    let Some(corpus) = corpus() else { return };
    let mut blamed = Vec::new();
    let mut read = 0;
    for entry in std::fs::read_dir(corpus.join("kernel-logs")).unwrap() {
        let path = entry.unwrap().path();
        let Ok(log) = std::fs::read_to_string(&path) else { continue };
        let root = tempfile::tempdir().unwrap();
        let pstore = root.path().join("sys/fs/pstore");
        std::fs::create_dir_all(&pstore).unwrap();
        std::fs::write(pstore.join("dmesg-ramoops-0"), format!("Panic#1 Part1\n{log}")).unwrap();
        let json: Value = serde_json::from_str(&status(root.path(), &["--json"])).unwrap();
        let store = &json["snapshot"]["previous_boot"]["reading"]["value"]["pstore"]["value"];
        let said = &store["records"][0]["content"]["value"]["log"];
        read += 1;
        let Some(line) = said["line"].as_str().filter(|_| !said["blames"].is_null()) else {
            continue;
        };
        if line.contains("Kernel panic - not syncing") {
            let hardware = ["machine check", "Fatal hardware error"];
            assert!(
                hardware.iter().any(|words| line.contains(words)),
                "{}: {line}",
                path.display()
            );
            blamed.push(path);
        }
    }
    assert!(read > 50, "the corpus has another number of logs than it had");
    assert!(blamed.len() >= 4, "{blamed:?}");

    let misc = corpus.join("sysfs-misc/node_exporter");
    let json: Value = serde_json::from_str(&status(&misc, &["--json"])).unwrap();
    let found = &json["snapshot"]["previous_boot"]["reading"]["value"]["watchdogs"]["value"][0];
    let shown = misc.join("sys/class/watchdog/watchdog0/bootstatus");
    let shown: u64 = std::fs::read_to_string(shown).unwrap().trim().parse().unwrap();
    assert_eq!(found["boot_status"]["value"].as_u64(), Some(shown));
}
