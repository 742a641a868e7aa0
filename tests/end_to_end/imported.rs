//! Errors that other tools recorded, taken in by the real binary.

use crate::harness::{output, scrubjay, stdout};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Two corrected errors of memory, by one record of mcelog.
const LOG: &str = "\
Hardware event. This is not a software error.
MCE 0
CPU 4 BANK 8
MISC 86 ADDR 3f1ac0000
TIME 1771555544 Fri Feb 20 02:45:44 2026
Corrected error
MCA: MEMORY CONTROLLER RD_CHANNEL1_ERR
STATUS 8c00008000010091 MCGSTATUS 0
MCGCAP 1c09 APICID 0 SOCKETID 1
CPUID Vendor Intel Family 6 Model 26
";

fn put(path: &Path) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, LOG).unwrap();
}

/// A host whose mcelog wrote a log, once where it belongs and once elsewhere.
fn root(home: &Path) -> PathBuf {
    let root = home.join("root");
    put(&root.join("var/log/mcelog"));
    put(&root.join("backup/old.log"));
    root
}

fn on(home: &Path, root: &Path, args: &[&str]) -> Command {
    let mut command = scrubjay(home);
    command.args(args).arg("--root").arg(root).arg("--state-dir").arg(home.join("state"));
    command
}

#[test]
fn what_mcelog_recorded_is_taken_in_once_and_shown_apart() {
    let home = tempfile::tempdir().unwrap();
    let root = root(home.path());
    let on = |args: &[&str]| on(home.path(), &root, args);
    let first = stdout(&mut on(&["import", "--from", "mcelog"]));
    assert!(first.starts_with("2 errors told, 2 of them new to the history in "), "{first}");
    let copy = ["import", "--from", "mcelog", "--file", "/backup/old.log"];
    let again = stdout(&mut on(&copy));
    assert!(again.starts_with("2 errors told, 0 of them new to the history in "), "{again}");
    assert!(again.contains("backup/old.log"), "{again}");

    let page = stdout(&mut on(&["history", "imported"]));
    assert!(page.contains("socket 1 cpu 4 bank 8  memory read error"), "{page}");
    let page: serde_json::Value =
        serde_json::from_str(&stdout(&mut on(&["history", "imported", "--json"]))).unwrap();
    assert_eq!(page["imported_errors"][0]["errors"], 2);
    assert_eq!(page["imported_errors"][0]["first_wall_ms"], 1_771_555_544_000_i64);
    // In no sum of the agent.
    let memory: serde_json::Value =
        serde_json::from_str(&stdout(&mut on(&["history", "memory", "--json"]))).unwrap();
    assert_eq!(memory["totals"].as_array().map(Vec::len), Some(0), "{memory}");
}

#[test]
fn a_file_of_what_remembers_boots_is_refused_with_the_remedy() {
    let home = tempfile::tempdir().unwrap();
    let root = root(home.path());
    let args = ["import", "--from", "wtmp", "--file", "/backup/old.log"];
    let (code, _, stderr) = output(&mut on(home.path(), &root, &args));
    assert_eq!(code, 1);
    assert!(stderr.contains("--from rasdaemon or --from mcelog"), "{stderr}");
    let (code, _, stderr) = output(&mut on(home.path(), &root, &["import", "--file", "x"]));
    assert_eq!(code, 2);
    assert!(stderr.contains("--from"), "{stderr}");
}

#[test]
fn a_new_agent_begins_with_what_was_recorded() {
    let home = tempfile::tempdir().unwrap();
    let root = root(home.path());
    let (code, _, log) = output(&mut on(home.path(), &root, &["agent", "--once"]));
    assert_eq!(code, 0, "{log}");
    assert!(log.contains("took in 2 earlier errors that mcelog recorded"), "{log}");
    let (_, _, log) = output(&mut on(home.path(), &root, &["agent", "--once"]));
    assert!(!log.contains("took in"), "{log}");
}
