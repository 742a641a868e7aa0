//! Reports as a manager, an auditor and the ledger meet them.

use crate::harness::{Agent, output, scrubjay, stdout};
use scrubjay_collector::{Node, Tree};
use scrubjay_tests::edac_model::{ControllerSpec, Kernel, View};
use scrubjay_tests::{golden, trees};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// A history of a few passes of 2026-03-01, and a command that reports on that day.
pub(crate) fn history(home: &Path) -> impl Fn(&[&str]) -> Command + '_ {
    let last = trees::timeline("reboot").len() - 1;
    for (number, text) in trees::timeline("reboot").iter().enumerate() {
        let root = home.join(format!("t{number}.tree"));
        std::fs::write(&root, text).unwrap();
        let mut command = scrubjay(home);
        command.args(["agent", "--once", "--state-dir"]).arg(home.join("state"));
        stdout(command.arg("--root").arg(root));
    }
    move |words: &[&str]| {
        let mut command = scrubjay(home);
        command.args(["report", "--from", "2026-03-01", "--to", "2026-03-01"]).args(words);
        command.arg("--root").arg(home.join(format!("t{last}.tree")));
        command.arg("--state-dir").arg(home.join("state"));
        command
    }
}

/// Rows of the ledger that tell of reports.
fn issued(home: &Path) -> Vec<serde_json::Value> {
    let mut command = scrubjay(home);
    command.args(["ledger", "export", "--state-dir"]).arg(home.join("state"));
    let export = stdout(&mut command);
    let rows = export.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    rows.map(|row| row["line"].clone()).filter(|line| line["kind"] == "report_issued").collect()
}

#[test]
fn the_same_history_and_the_same_questions_give_the_same_bytes_and_the_ledger_tells_of_each() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let report = history(home);
    let named = ["--host-name", "db-7", "--by", "ann"];
    for format in ["json", "markdown", "html"] {
        let words = [&named[..], &["--format", format]].concat();
        let (first, second) = (stdout(&mut report(&words)), stdout(&mut report(&words)));
        assert_eq!(first, second, "{format}");
        assert!(first.contains("db-7"), "{first}");
    }
    let json = stdout(&mut report(&[&named[..], &["--format", "json", "--draft"]].concat()));
    let rows = issued(home);
    assert_eq!(rows.len(), 6, "a draft is not told of");
    let sha256 = scrubjay_storage::sha256(json.as_bytes()).to_string();
    for row in &rows {
        assert_eq!(row["body"]["sha256"], sha256.as_str());
        assert_eq!(row["body"]["by"], "ann");
    }
    let mut verify = scrubjay(home);
    verify.args(["ledger", "verify", "--state-dir"]).arg(home.join("state"));
    assert_eq!(output(&mut verify).0, 0);
    // What it says is what the history says.
    let told: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(told["availability"]["boots"], 2);
    assert_eq!(told["boots"].as_array().unwrap().len(), 2);
    assert!(told["ledger"]["last"]["seq"].as_u64() > told["ledger"]["first"]["seq"].as_u64());
    assert_eq!(told["summary"]["figures"].as_array().unwrap().len(), 4);
    let text = stdout(&mut report(&[&named[..], &["--draft"]].concat()));
    // The hashes of the ledger are of the settings too, and with them of where the history lies.
    let (told, _) = text.split_once("## The ledger").unwrap();
    golden::compare("reboot.report.md", told);
}

#[test]
fn a_directory_has_every_form_and_its_checksums_hold() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let report = history(home);
    let dir = home.join("out");
    let to = ["--output", dir.to_str().unwrap()];
    let (code, page, stderr) = output(&mut report(&to));
    assert_eq!((code, page.as_str()), (0, ""), "{stderr}");
    let check = output(Command::new("sha256sum").args(["-c", "SHA256SUMS"]).current_dir(&dir));
    assert_eq!(check.0, 0, "{check:?}");
    for name in ["report.json", "report.md", "report.html", "policy.toml", "exposures.csv"] {
        assert!(check.1.contains(&format!("{name}: OK")), "{}", check.1);
    }
    // What is there is not written over.
    let (code, _, stderr) = output(&mut report(&to));
    assert_eq!(code, 1);
    assert!(stderr.contains("give a directory that is not there yet"), "{stderr}");
    let html = std::fs::read_to_string(dir.join("report.html")).unwrap();
    assert!(html.contains("default-src 'none'"));
    for loaded in ["<script", "src=\"", "href=\"", "@import", "url("] {
        assert!(!html.contains(loaded), "{loaded}");
    }
}

#[test]
fn beside_an_agent_the_agent_writes_it_into_the_ledger() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let root = home.join("root.tree");
    std::fs::write(&root, trees::host("healthy-server")).unwrap();
    let agent = Agent::start(home, &root);
    agent.metrics_after(1);
    let mut report = scrubjay(home);
    report.args(["report", "--from", "2026-01-01", "--to", "2026-12-31", "--by", "ann"]);
    report.args(["--format", "json", "--root"]).arg(&root);
    report.arg("--state-dir").arg(home.join("state"));
    let (code, json, stderr) = output(&mut report);
    assert_eq!((code, stderr.as_str()), (0, ""));
    let sha256 = scrubjay_storage::sha256(json.as_bytes()).to_string();
    agent.metrics_after(agent.passes() + 2);
    let rows = issued(home);
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(rows[0]["body"]["sha256"], sha256.as_str());
    assert_eq!(agent.stop(), 0);
}

#[test]
fn counters_that_could_be_read_once_and_not_in_the_period_counted_nothing() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let (state, root) = (home.join("state"), home.join("host.tree"));
    let mut kernel = Kernel::boot(vec![ControllerSpec::skx(0, 0, 2, 1)], View::Dimms);
    let counters = "sys/devices/system/edac/mc/mc0/";
    for day in 0..4 {
        kernel.wait(Duration::from_secs(86_400));
        let mut tree = Tree::parse(&kernel.tree()).unwrap();
        if day > 0 {
            let all: Vec<String> = tree.nodes().map(|(path, _)| path.to_owned()).collect();
            let of_errors = |path: &&String| path.starts_with(counters) && path.contains("_count");
            for path in all.iter().filter(of_errors) {
                // EIO: it is there, and does not answer.
                tree.insert(path, Node::Fails(5));
            }
        }
        std::fs::write(&root, tree.to_text()).unwrap();
        let mut command = scrubjay(home);
        command.args(["agent", "--once", "--state-dir"]).arg(&state).arg("--root").arg(&root);
        stdout(&mut command);
    }
    let told = |from: &str, to: &str| {
        let mut command = scrubjay(home);
        command.args(["report", "--from", from, "--to", to, "--draft", "--format", "json"]);
        command.arg("--root").arg(&root).arg("--state-dir").arg(&state);
        serde_json::from_str::<serde_json::Value>(&stdout(&mut command)).unwrap()
    };
    let whole = told("2026-03-01", "2026-03-05");
    assert_eq!(whole["errors"]["corrected"], 0);
    assert_eq!(
        (&whole["errors"]["partly_read"], &whole["errors"]["at_least"]),
        (&true.into(), &true.into())
    );
    let later = told("2026-03-04", "2026-03-05");
    assert_eq!(later["errors"]["corrected"], serde_json::Value::Null);
    assert_eq!(later["errors"]["uncorrected"], serde_json::Value::Null);
    for stick in later["sticks"].as_array().unwrap() {
        assert_eq!(stick["corrected"], serde_json::Value::Null, "{stick}");
    }
    let sentence = later["summary"]["sentence"].as_str().unwrap();
    assert!(sentence.contains("Whether its memory lost data is not known"), "{sentence}");
}

#[test]
fn what_is_asked_for_wrongly_is_said() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let report = history(home);
    let bad = home.join("p.toml");
    std::fs::write(&bad, "name = \"x\"\nsource = \"s\"\nranking = \"r\"\n[days]\nurgent = 3\n")
        .unwrap();
    for (words, says) in [
        (vec!["--policy", "nobodys"], "must be one of default, pci-dss, nist-800-40, cis-7"),
        (vec!["--policy", bad.to_str().unwrap()], "p.toml:5:1: must be one of exploited"),
        (vec!["--at", "2025-01-01"], "--at must not be before --from"),
    ] {
        let (code, page, stderr) = output(&mut report(&words));
        assert_eq!((code, page.as_str()), (1, ""));
        assert!(stderr.contains(says), "{stderr}");
    }
    assert_eq!(issued(home).len(), 0);
}
