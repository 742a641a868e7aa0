//! A stick of memory that goes bad under the eyes of the agent, from the kernel's counters and log to
//! what people, scrapers and programs read.

use crate::harness::{Agent, pretty_json, scrubjay, stdout};
use scrubjay_tests::directory;
use scrubjay_tests::edac_model::{ControllerSpec, Kernel, View};
use scrubjay_tests::firmware::{filled, tables};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A server of two sticks whose tree is a directory that changes while the agent runs.
struct Server {
    home: tempfile::TempDir,
    kernel: Kernel,
}

impl Server {
    fn new() -> Self {
        let mut kernel = Kernel::boot(vec![ControllerSpec::skx(0, 0, 2, 1)], View::Dimms);
        kernel.wait(Duration::from_secs(600));
        let server = Self { home: tempfile::tempdir().unwrap(), kernel };
        server.show();
        server
    }

    fn root(&self) -> PathBuf {
        self.home.path().join("root")
    }

    fn home(&self) -> &Path {
        self.home.path()
    }

    fn show(&self) {
        let board = tables(&[filled("P1-DIMMA1", "425BB669"), filled("P1-DIMMB1", "425BB66A")]);
        directory::show(&self.root(), &self.kernel.tree_builder().and(board).to_text());
    }

    /// The kernel counts errors of the first stick.
    fn err(&mut self, corrected: u16, uncorrected: u16) {
        self.kernel.wait(Duration::from_secs(30));
        self.kernel.corrected(0, 0, corrected);
        self.kernel.uncorrected(0, 0, uncorrected);
        self.show();
    }

    fn run(&self, state: &str, args: &[&str]) -> String {
        let mut command = scrubjay(self.home());
        let state = self.home().join(state);
        stdout(command.args(args).arg("--root").arg(self.root()).arg("--state-dir").arg(state))
    }

    fn json(&self, state: &str, args: &[&str]) -> serde_json::Value {
        serde_json::from_str(&pretty_json(&self.run(state, args))).unwrap()
    }
}

/// The verdict on each stick, by its slot.
fn verdicts(page: &str) -> Vec<(String, String)> {
    let label = |line: &str, name: &str| {
        let (_, rest) = line.split_once(&format!("{name}=\"")).unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    };
    let lines = page.lines().filter(|line| line.starts_with("scrubjay_module_verdict{"));
    let told = lines.filter(|line| line.ends_with(" 1"));
    let mut found: Vec<_> =
        told.map(|line| (label(line, "slot"), label(line, "verdict"))).collect();
    found.sort();
    found
}

/// What the JSON says of the first stick: its verdict, and the codes of its reasons.
fn first(json: &serde_json::Value) -> (String, Vec<String>) {
    let dimms = json["assessment"]["dimms"].as_array().unwrap();
    let dimm = dimms.iter().find(|dimm| dimm["name"] == SLOTS[0]).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let reasons = dimm["reasons"].as_array().unwrap();
    (text(&dimm["verdict"]), reasons.iter().map(|reason| text(&reason["code"])).collect())
}

const SLOTS: [&str; 2] = ["NODE 1 P1-DIMMA1", "NODE 1 P1-DIMMB1"];

#[test]
fn a_stick_that_goes_bad_is_told_of_everywhere_and_after_a_restart_as_before() {
    let mut server = Server::new();
    let agent = Agent::start(server.home(), &server.root());
    let told = |agent: &Agent| verdicts(&agent.metrics_after(agent.passes() + 2));
    let all = |words: [&str; 2]| -> Vec<(String, String)> {
        SLOTS
            .into_iter()
            .zip(words)
            .map(|(slot, word)| (slot.to_owned(), word.to_owned()))
            .collect()
    };
    // It has not been looked at for long enough to call silence well.
    assert_eq!(told(&agent), all(["unknown", "unknown"]));

    // A count without a place is a count.
    server.err(40, 0);
    assert_eq!(told(&agent), all(["unknown", "unknown"]));
    let (verdict, codes) = first(&server.json("state", &["status", "--json"]));
    assert_eq!(verdict, "unknown");
    assert!(codes.contains(&"dimm-place-unknown".to_owned()), "{codes:?}");

    server.err(2, 1);
    assert_eq!(told(&agent), all(["act", "unknown"]));
    let json = server.json("state", &["status", "--json"]);
    assert_eq!(first(&json).0, "act");
    let findings = json["assessment"]["findings"].as_array().unwrap();
    let found = findings.iter().find(|finding| finding["code"] == "dimm-uncorrected").unwrap();
    assert_eq!((&found["subject"], &found["verdict"]), (&SLOTS[0].into(), &"act".into()));
    assert_eq!(json["assessment"]["verdict"], "act");
    // Its raw count gave way to it.
    assert!(findings.iter().all(|finding| finding["code"] != "corrected-errors"), "{findings:#?}");

    agent.crash();
    let agent = Agent::start(server.home(), &server.root());
    assert_eq!(told(&agent), all(["act", "unknown"]), "after kill -9");
    assert_eq!(agent.stop(), 0);
    assert_eq!(first(&server.json("state", &["status", "--json"])).0, "act");

    // A reboot wipes the kernel's counters, and nothing else.
    server.kernel.reboot(Duration::from_secs(120));
    server.show();
    let agent = Agent::start(server.home(), &server.root());
    assert_eq!(told(&agent), all(["act", "unknown"]), "after a reboot");
    let page = server.run("state", &["explain", "P1-DIMMA1"]);
    assert!(page.starts_with("NODE 1 P1-DIMMA1: ACT — swap it now\n"), "{page}");
    assert!(page.contains("1 uncorrected error") && page.contains("42 corrected errors"), "{page}");
}

#[test]
fn without_a_history_nothing_is_claimed_of_any_stick() {
    let mut server = Server::new();
    server.err(40, 1);
    let told = server.json("none", &["status", "--json"]);
    assert_eq!(told["assessment"]["dimms"], serde_json::json!([]));
    // The counts are there all the same, and are judged as counts.
    let findings = told["assessment"]["findings"].as_array().unwrap();
    let of = |code: &str| findings.iter().find(|finding| finding["code"] == code).unwrap();
    assert_eq!(of("corrected-errors")["verdict"], "watch");
    assert_eq!(of("uncorrected-errors")["verdict"], "plan");
    assert!(findings.iter().all(|f| !f["code"].as_str().unwrap().starts_with("dimm-")));
}
