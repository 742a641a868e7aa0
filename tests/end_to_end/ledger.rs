//! The ledger as an auditor meets it: verified here, and with what any Debian has.

use crate::harness::{Agent, ledger_head, output, scrubjay, stdout};
use scrubjay_tests::directory;
use scrubjay_tests::edac_model::{ControllerSpec, Kernel, View};
use scrubjay_tests::trees;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// The script in `docs/ledger.md`.
fn script(home: &Path) -> std::path::PathBuf {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ledger.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (_, script) = page.split_once("```sh\n").unwrap();
    let (script, _) = script.split_once("```\n").unwrap();
    assert!(script.lines().count() <= 20, "it is to be read before it is run");
    let path = home.join("verify-ledger");
    std::fs::write(&path, script).unwrap();
    path
}

/// Keeps a history of a few passes, and returns what commands are given to find it.
fn history(home: &Path) -> [String; 2] {
    let state = home.join("state").display().to_string();
    for (number, text) in trees::timeline("reboot").iter().enumerate() {
        let root = home.join(format!("t{number}.tree"));
        std::fs::write(&root, text).unwrap();
        let mut command = scrubjay(home);
        command.args(["agent", "--once", "--state-dir", &state, "--root"]).arg(root);
        stdout(&mut command);
    }
    ["--state-dir".to_owned(), state]
}

#[test]
fn an_export_is_verified_by_the_script_of_the_documentation() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let at = history(home);
    let script = script(home);
    let export = stdout(scrubjay(home).args(["ledger", "export"]).args(&at));
    let json = stdout(scrubjay(home).args(["ledger", "verify", "--json"]).args(&at));
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    let (rows, head) = (report["rows"].as_u64().unwrap(), &report["head"]);
    let head = format!("{}:{}", head["seq"], head["hash"].as_str().unwrap());
    assert_eq!((report["intact"].as_bool(), export.lines().count() as u64), (Some(true), rows));
    for line in export.lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(row["hash"].as_str().unwrap().len(), 64);
    }

    let file = home.join("host.ledger");
    let check = |text: &str, copies: &[&str]| {
        std::fs::write(&file, text).unwrap();
        output(Command::new("sh").arg(&script).arg(&file).args(copies))
    };
    let lines: Vec<&str> = export.lines().collect();
    let without = |n: usize| {
        let mut kept = lines.clone();
        kept.remove(n);
        kept.join("\n")
    };
    let (code, page, stderr) = check(&export, &[&head]);
    assert_eq!((code, stderr.as_str()), (0, ""), "{page}");
    assert_eq!(page, format!("rows 1 to {rows}, head {head}\n"));
    // From a later row on, and without the last line feed.
    assert_eq!(check(lines[2..].join("\n").as_str(), &[&head]).0, 0);

    let altered = export.replacen("agent_started", "agent_starved", 1);
    let swapped: Vec<&str> = [&lines[..2], &[lines[3], lines[2]], &lines[4..]].concat();
    for (what, text, says) in [
        ("altered", altered, "was altered"),
        ("removed", without(3), "comes where row 4 belongs"),
        ("swapped", swapped.join("\n"), "does not follow the row before"),
        ("cut short", without(lines.len() - 1), "not found: "),
        ("garbled", export.replacen(",\"seq\":3,", ",\"seq\":x[$(kill $$)],", 1), "has no number"),
        ("begun later", export.replacen("\"prev\":\"0", "\"prev\":\"1", 1), "is not the first"),
        ("no export", "hello\n".to_owned(), "has no number"),
    ] {
        let (code, page, _) = check(&text, &[&head]);
        assert!(code == 1 && page.contains(says), "{what}: {code} {page}");
    }
}

#[test]
fn an_altered_row_is_a_finding_of_the_agent_and_of_status() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let at = history(home);
    let root = home.join("root");
    let mut kernel = Kernel::boot(vec![ControllerSpec::skx(0, 0, 2, 2)], View::DimmsAndCsrows);
    kernel.wait(Duration::from_secs(1));
    directory::show(&root, &kernel.tree());
    let found = || -> Vec<serde_json::Value> {
        let mut command = scrubjay(home);
        command.args(["status", "--json", "--root"]).arg(&root).args(&at);
        let json: serde_json::Value = serde_json::from_str(&output(&mut command).1).unwrap();
        let findings = json["assessment"]["findings"].as_array().unwrap().clone();
        findings.into_iter().filter(|finding| finding["code"] == "ledger-altered").collect()
    };
    let metrics = || {
        let agent = Agent::start(home, &root);
        let page = agent.metrics_after(2);
        assert_eq!(agent.stop(), 0);
        page
    };
    assert_eq!(found(), Vec::<serde_json::Value>::new());
    let page = metrics();
    assert!(page.contains("\nscrubjay_ledger_altered 0\n"), "{page}");
    assert!(!page.contains("ledger-altered"), "{page}");

    let alter = "DROP TRIGGER ledger_is_not_updated;
                 UPDATE ledger SET line = replace(line, 'agent_started', 'agent_starved')
                 WHERE seq = (SELECT MIN(seq) FROM ledger WHERE kind = 'agent_started')";
    let file = home.join("state/history.db");
    rusqlite::Connection::open(&file).unwrap().execute_batch(alter).unwrap();
    let page = metrics();
    assert!(page.contains("\nscrubjay_ledger_altered 1\n"), "{page}");
    let told = page.lines().find(|line| line.contains("code=\"ledger-altered\""));
    assert!(told.is_some_and(|line| line.contains("plan")), "{page}");
    let found = found();
    let [found] = found.as_slice() else { panic!("{found:?}") };
    let because = found["because"].as_str().unwrap();
    assert!(because.contains("(altered): its line has the hash "), "{because}");
    assert_eq!((&found["verdict"], &found["action"]), (&"plan".into(), &"investigate".into()));
    // It says what the command says that it names.
    let (code, report, _) = output(scrubjay(home).args(["ledger", "verify", "--json"]).args(&at));
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let fault = &report["faults"][0];
    assert!(because.contains(fault["detail"].as_str().unwrap()), "{because} {fault}");
    assert!(because.contains(&format!("row {} ", fault["seq"])), "{because} {fault}");
    assert_eq!(code, 4);
}

#[test]
fn what_others_hold_is_compared_and_a_forgery_ends_with_four() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let root = home.join("root");
    let mut kernel = Kernel::boot(vec![ControllerSpec::skx(0, 0, 2, 2)], View::DimmsAndCsrows);
    kernel.wait(Duration::from_secs(1));
    directory::show(&root, &kernel.tree());
    let agent = Agent::start(home, &root);
    let page = agent.metrics_after(2);
    let head = ledger_head(&page);
    let (seq, hash) = head.split_once(':').unwrap();
    assert_eq!(agent.stop(), 0);

    let state = home.join("state").display().to_string();
    let ledger = |args: &[&str]| {
        let mut command = scrubjay(home);
        output(command.arg("ledger").args(args).args(["--state-dir", &state]))
    };
    let (code, page, _) = ledger(&["verify", "--expect", &head]);
    assert_eq!(code, 0, "{page}");
    assert!(page.contains("1 copy that somebody else holds"), "{page}");
    let forged = format!("{seq}:{}", "0".repeat(64));
    let (code, page, _) = ledger(&["verify", "--expect", &head, "--expect", &forged]);
    assert!(code == 4 && page.contains("rewritten"), "{code} {page}");
    let later = format!("9999:{hash}");
    let (code, page, _) = ledger(&["verify", "--expect", &later, "--json"]);
    assert!(code == 4 && page.contains("\"kind\":\"removed\""), "{code} {page}");
    let (code, _, stderr) = ledger(&["verify", "--expect", "12:ab"]);
    assert!(code == 2 && stderr.contains("SEQ:HASH"), "{code} {stderr}");
    assert_eq!(ledger(&["export", "--since", "1w"]).0, 0);
    let nowhere = home.join("none").display().to_string();
    let mut command = scrubjay(home);
    assert_eq!(output(command.args(["ledger", "verify", "--state-dir", &nowhere])).0, 3);
}
