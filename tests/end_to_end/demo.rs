//! `scrubjay demo`: each story to its end, what it says there, and the mark on whatever is shown of it.
//!
//! A golden story is to be read by people; what it promises is asserted beside it, whoever rewrites it.

use crate::harness::{SCRUBJAY, output, sample, stdout};
use scrubjay_tests::golden;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const MARK: &str = "SIMULATED: no real machine; scrubjay demo made this host";

/// A story that was told to its end.
struct Told {
    home: tempfile::TempDir,
    text: String,
}

/// The binary, without configuration and state of the machine it runs on. A demo takes no configuration.
fn scrubjay(home: &Path) -> Command {
    let mut command = Command::new(SCRUBJAY);
    command.env_clear().env("HOME", home).env("TMPDIR", home).stdin(Stdio::null());
    command
}

impl Told {
    fn state(&self) -> PathBuf {
        self.home.path().join("demo")
    }

    /// What a command says of the host, without places and numbers of this run.
    fn asked(&self, args: &[&str]) -> (i32, String, String) {
        let state = self.state();
        let mut command = scrubjay(self.home.path());
        command.args(args).arg("--root").arg(state.join("host")).arg("--state-dir").arg(&state);
        let (code, stdout, stderr) = output(&mut command);
        (code, steady(&stdout, self.home.path()), stderr)
    }

    fn says(&self, args: &[&str]) -> String {
        let (code, stdout, stderr) = self.asked(args);
        assert_eq!(code, 0, "{args:?}: {stderr}");
        stdout
    }

    /// The codes of findings, those on coverage too, as `status --json` has them.
    fn codes(&self) -> Vec<String> {
        let json: serde_json::Value =
            serde_json::from_str(&self.says(&["status", "--json"])).unwrap();
        let of =
            |path: &str| json.pointer(path).and_then(|found| found.as_array()).unwrap().clone();
        let found = [of("/assessment/findings"), of("/assessment/coverage/findings")].concat();
        found.iter().map(|finding| finding["code"].as_str().unwrap().to_owned()).collect()
    }

    /// The verdict on a stick, as each command has it that names one.
    fn verdicts_on(&self, stick: &str) -> Vec<String> {
        let json = |args: &[&str]| -> serde_json::Value {
            serde_json::from_str(&self.says(args)).unwrap()
        };
        let word = |found: &serde_json::Value| found.as_str().unwrap().to_owned();
        let listed = json(&["dimms", "--json"]);
        let dimms = listed["dimms"].as_array().unwrap();
        let listed = dimms.iter().find(|dimm| dimm["slot"] == stick).unwrap();
        let shown = json(&["show", stick, "--json"]);
        let status = json(&["status", "--json"]);
        let judged = status["assessment"]["dimms"].as_array().unwrap();
        let judged = judged.iter().find(|dimm| dimm["name"] == stick).unwrap();
        [&listed["verdict"], &shown["dimm"]["verdict"], &judged["verdict"]].map(word).to_vec()
    }

    /// The hashes of the ledger's rows.
    fn ledger(&self) -> String {
        self.says(&["ledger", "export"])
    }
}

/// Without what differs from run to run.
fn steady(text: &str, home: &Path) -> String {
    let text = text.replace(&home.display().to_string(), "HOME").replace(SCRUBJAY, "scrubjay");
    text.replace(env!("CARGO_PKG_VERSION"), "…")
}

fn told_from(scenario: &str, seed: &str, more: &[&str]) -> Told {
    let home = tempfile::tempdir().unwrap();
    let mut command = scrubjay(home.path());
    command.args(["demo", "--scenario", scenario, "--seed", seed]).args(more);
    let text = stdout(command.arg("--state-dir").arg(home.path().join("demo")));
    let text = steady(&text, home.path());
    Told { home, text }
}

fn told(scenario: &str) -> Told {
    told_from(scenario, "1", &["--once"])
}

/// Compares a story, and what `status` and `explain` say at its end.
#[track_caller]
fn reads(scenario: &str, explain: &str, verdict: &str, codes: &[&str]) -> Told {
    let told = told(scenario);
    golden::compare(&format!("demo/{scenario}.story.txt"), &told.text);
    let status = told.says(&["status"]);
    // The hash is of the version and the settings too.
    let (before, after) = status.split_once("rows, the last is ").unwrap();
    let hashed = format!("{before}rows, the last is HASH{}", after.split_once('…').unwrap().1);
    golden::compare(&format!("demo/{scenario}.status.txt"), &hashed);
    let explained = told.says(&["explain", explain]);
    golden::compare(&format!("demo/{scenario}.explain.txt"), &explained);
    for page in [&told.text, &status, &explained] {
        let line = format!("{MARK} ({scenario}, seed 1)\n");
        assert!(page.starts_with(&line), "{page}");
        assert_eq!(page.matches(MARK).count(), 1, "{page}");
    }
    assert!(status.contains(&format!("\nscrubjay: {verdict} — ")), "{status}");
    let found = told.codes();
    assert!(codes.iter().all(|code| found.iter().any(|found| found == code)), "{found:?}");
    told
}

#[test]
fn a_dimm_dies_and_is_to_be_swapped_before_an_error_is_not_corrected() {
    let told = reads("dying-dimm", "B1", "ACT", &["dimm-wide-storm"]);
    // From one error on, which says nothing, by its shape and its rise, to what no cost makes wait.
    let turns =
        ["OK → WATCH", "WATCH → PLAN", "PLAN → ACT"].map(|turn| told.text.find(turn).unwrap());
    assert!(turns.is_sorted());
    assert!(told.text.contains("still OK"), "one error is no fault");
    assert!(told.says(&["history", "boots"]).contains("in order"), "a boot lies in its past");
    assert_eq!(told.verdicts_on("B1"), ["act"; 3]);
    let dimms = told.says(&["dimms"]);
    assert!(dimms.lines().any(|line| line.contains("act") && line.contains(" B1 ")), "{dimms}");
    let shown = told.says(&["show", "B1"]);
    assert!(shown.contains("dimm-wide-storm") && !shown.contains("none about it"), "{shown}");
    // By any of its names, although its finding has but one of them.
    for name in ["B1", "b1", "skylake-socket-1-imc-0/dimm0"] {
        let said = told.says(&["ack", name, "--reason", "on its way", "--until", "2027-01-01"]);
        assert!(said.contains("dimm-wide-storm:B1"), "{name}: {said}");
    }
}

#[test]
fn a_row_is_bad_and_two_pages_out_of_use_are_enough() {
    let told = reads("row-fault", "A1", "WATCH", &["dimm-fault", "pages-offlined"]);
    assert!(told.says(&["pages", "list"]).contains("2 out of use"));
    assert!(told.says(&["pages", "boot-args"]).contains("memmap=8K$0x"));
    assert_eq!(told.verdicts_on("A1"), ["watch"; 3]);
}

#[test]
fn single_errors_at_random_are_nothing_to_act_on() {
    let told = reads("cosmic", "A1", "OK", &[]);
    assert_eq!(told.codes(), [""; 0]);
    assert_eq!(told.text.matches("still OK").count(), 6, "{}", told.text);
    assert!(!told.text.contains(" fires"), "{}", told.text);
}

#[test]
fn where_firmware_comes_first_what_cannot_be_seen_is_said_first() {
    let told = reads("firmware-first", "firmware-first", "UNKNOWN", &["firmware-first"]);
    let events = told.says(&["events"]);
    assert!(events.contains("log_ghes") && events.contains("4 reports of 4 errors"), "{events}");
}

#[test]
fn kernels_that_are_installed_and_not_booted_miss_their_limit() {
    let codes = ["kernel-behind", "kernel-overdue", "kernel-exploited", "reboot-marker"];
    let told = reads("patch-lag", "reboot", "ACT", &codes);
    assert_eq!(told.asked(&["reboot-required"]).0, 0, "to be rebooted");
    let report = told.says(&["report", "--from", "2026-03-01", "--to", "2026-05-28", "--draft"]);
    assert!(report.starts_with("# SIMULATED: Patch and memory report on demo-patch-lag\n"));
    assert!(report.contains("4 fixes were not in force by the date"), "{report}");
}

#[test]
fn a_live_patch_hangs_at_tasks_that_are_named() {
    let codes = ["livepatch-stuck"];
    let told = reads("stalled-livepatch", "livepatch-stuck", "PLAN", &codes);
    for task in ["nfsd (pid 1204, tid 1204)", "pool-3-thread-1 (pid 2311, tid 2340)"] {
        let text = told.text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(task), "{text}");
    }
}

#[test]
fn the_same_seed_tells_the_same_and_another_does_not() {
    let first = told_from("cosmic", "7", &["--for", "30d"]);
    let again = told_from("cosmic", "7", &["--for", "30d"]);
    let other = told_from("cosmic", "8", &["--for", "30d"]);
    assert_eq!(first.text, again.text);
    assert_eq!(first.ledger(), again.ledger(), "row by row, hash by hash");
    assert_ne!(first.ledger(), other.ledger());
    // The page of a reading is that of the agent, less what is of the process.
    let page = |told: &Told| {
        let dir = told.home.path().join("textfile");
        std::fs::create_dir(&dir).unwrap();
        told.says(&["export", "textfile", &dir.display().to_string()]);
        let page = std::fs::read_to_string(dir.join("scrubjay.prom")).unwrap();
        let own = ["process_", "scrubjay_source_duration", "scrubjay_history_size"];
        let of_this_run = |line: &&str| !own.iter().any(|family| line.contains(family));
        page.lines().filter(of_this_run).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(page(&first), page(&again));
}

#[test]
fn every_command_marks_what_it_says_of_a_simulated_host() {
    let told = told_from("cosmic", "1", &["--for", "20d"]);
    let (from, to) = ("2026-03-01", "2026-04-01");
    let pages: [&[&str]; 18] = [
        &["status"],
        &["doctor"],
        &["explain"],
        &["explain", "mttf"],
        &["history", "boots"],
        &["history", "memory"],
        &["history", "memory", "--by", "day"],
        &["history", "patches"],
        &["history", "pages"],
        &["history", "alerts"],
        &["history", "imported"],
        &["ledger", "verify"],
        &["db", "check"],
        &["events"],
        &["dimms"],
        &["show", "A1"],
        &["pages", "list"],
        &["ack", "list"],
    ];
    for args in pages {
        let page = told.says(args);
        assert!(page.starts_with(MARK), "{args:?}: {page}");
    }
    let objects: [&[&str]; 8] = [
        &["status", "--json"],
        &["doctor", "--json"],
        &["explain", "A1", "--json"],
        &["history", "memory", "--json"],
        &["history", "alerts", "--json"],
        &["ledger", "verify", "--json"],
        &["dimms", "--json"],
        &["events", "--json"],
    ];
    for args in objects {
        let json: serde_json::Value = serde_json::from_str(&told.says(args)).unwrap();
        assert_eq!(json["simulated"], "cosmic, seed 1", "{args:?}");
    }
    // A table has no place for it.
    let (code, table, stderr) = told.asked(&["history", "boots", "--csv"]);
    assert_eq!((code, stderr.contains(MARK)), (0, true), "{stderr}");
    assert!(table.starts_with("booted,"), "{table}");
    let (_, check, _) = told.asked(&["check"]);
    assert!(check.starts_with("SCRUBJAY OK - SIMULATED ok: "), "{check}");
    let (_, npd, _) = told.asked(&["check", "--npd"]);
    assert!(npd.starts_with("SIMULATED ok: "), "{npd}");
    let report =
        |format| told.says(&["report", "--from", from, "--to", to, "--draft", "--format", format]);
    assert!(report("markdown").contains(MARK));
    assert!(report("html").contains("<title>SIMULATED: ") && report("html").contains(MARK));
    let json: serde_json::Value = serde_json::from_str(&report("json")).unwrap();
    assert_eq!(json["host"]["simulated"], "cosmic, seed 1");
    // What is captured of it, and what is made of the capture.
    let tree = told.home.path().join("host.tree");
    std::fs::write(&tree, told.says(&["capture"])).unwrap();
    let captured = stdout(scrubjay(told.home.path()).args(["status", "--root"]).arg(&tree));
    assert!(captured.starts_with(MARK), "{captured}");
}

#[test]
fn histories_of_real_and_of_simulated_hosts_are_never_mixed() {
    let told = told_from("cosmic", "1", &["--for", "1d"]);
    let home = told.home.path();
    let refused = |command: &mut Command| {
        let (code, _, stderr) = output(command);
        assert_ne!(code, 0);
        stderr
    };
    // A real agent, or one on a captured host, does not go on with it.
    let real = home.join("real.tree");
    std::fs::write(&real, scrubjay_tests::trees::host("healthy-server")).unwrap();
    let mut agent = scrubjay(home);
    agent.args(["agent", "--once", "--root"]).arg(&real).arg("--state-dir").arg(told.state());
    let why = refused(&mut agent);
    assert!(why.contains("it is of a simulated host (cosmic, seed 1)"), "{why}");
    // Nor does an agent run on the generated host.
    let mut agent = scrubjay(home);
    agent.args(["agent", "--once", "--root"]).arg(told.state().join("host"));
    let why = refused(agent.arg("--state-dir").arg(home.join("other")));
    assert!(why.contains("was made by scrubjay demo"), "{why}");
    // A demo takes no directory in which something is.
    let history = home.join("history");
    let mut agent = scrubjay(home);
    agent.args(["agent", "--once", "--root"]).arg(&real).arg("--state-dir").arg(&history);
    stdout(&mut agent);
    let demo = |state: &Path| {
        let mut command = scrubjay(home);
        command.args(["demo", "--once", "--state-dir"]).arg(state);
        command
    };
    let why = refused(&mut demo(&history));
    assert!(why.contains("holds the history of a real host"), "{why}");
    let why = refused(&mut demo(&told.state()));
    assert!(why.contains("holds a demo already (cosmic, seed 1)"), "{why}");
    // What is configured for this host is none of a demo.
    let why = refused(demo(&home.join("new")).args(["--config", "/dev/null"]));
    assert!(why.contains("leave --config and --root out"), "{why}");
    // The mark is in the ledger too, for whoever has but the database.
    std::fs::remove_file(told.state().join("SIMULATED")).unwrap();
    let copy = home.join("copy");
    std::fs::create_dir(&copy).unwrap();
    std::fs::copy(told.state().join("history.db"), copy.join("history.db")).unwrap();
    let host = told.state().join("host");
    let mut status = scrubjay(home);
    status.args(["status", "--root"]).arg(&host).arg("--state-dir").arg(&copy);
    assert!(stdout(&mut status).starts_with(MARK));
    // Nor is the one judged by what is known of the other.
    let mut boots = scrubjay(home);
    boots.args(["history", "boots", "--root"]).arg(&real).arg("--state-dir").arg(&copy);
    let why = refused(&mut boots);
    assert!(why.contains("look at it with --root naming that host"), "{why}");
}

/// A demo that serves. Dropping it kills it.
struct Served {
    child: Child,
    address: String,
    files: PathBuf,
    lines: std::sync::mpsc::Receiver<String>,
}

impl Served {
    /// Starts it, and waits until it says where it serves.
    fn start(home: &Path, args: &[&str]) -> Self {
        let mut command = scrubjay(home);
        command.args(["demo", "--web.listen-address", "127.0.0.1:0"]).args(args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (send, lines) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            out.lines().map_while(Result::ok).try_for_each(|line| send.send(line)).ok()
        });
        let mut served = Self { child, address: String::new(), files: PathBuf::new(), lines };
        let files = served.line_with("  files    ");
        served.files = PathBuf::from(files.split(" (").next().unwrap());
        let page = served.line_with("  page     http://");
        served.address = page.trim_end_matches('/').to_owned();
        served
    }

    /// What follows such a beginning of a line.
    fn line_with(&self, begin: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(Duration::from_secs(60)).unwrap();
            if let Some(rest) = line.strip_prefix(begin) {
                return rest.to_owned();
            }
        }
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Ends it as Ctrl-C does.
    fn interrupt(mut self) -> (i32, Vec<String>) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        (code, self.lines.iter().collect())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // Already ended is as good as ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_story_told_at_once_is_served_until_it_is_interrupted_and_leaves_nothing() {
    let home = tempfile::tempdir().unwrap();
    let served = Served::start(home.path(), &["--scenario", "stalled-livepatch", "--speed", "0"]);
    served.line_with("Try now, in another terminal; Ctrl-C ends the demo:");
    let page = served.get("/metrics");
    assert_eq!(sample(&page, "scrubjay_simulated"), Some(1));
    assert!(page.contains("scrubjay_verdict{verdict=\"plan\"} 1"), "{page}");
    assert_eq!(sample(&page, "scrubjay_livepatch_blocking_tasks"), Some(2));
    let snapshot = served.get("/api/v1/snapshot");
    assert!(snapshot.contains("\"simulated\":\"stalled-livepatch, seed 1\""), "{snapshot}");
    assert!(served.get("/healthz").starts_with("HTTP/1.1 200"));
    assert!(served.files.join("history.db").exists());
    let files = served.files.clone();
    let (code, rest) = served.interrupt();
    assert_eq!(code, 0);
    assert!(rest.last().unwrap().ends_with(" is removed"), "{rest:?}");
    assert!(!files.exists());
}

#[test]
fn a_story_on_its_way_is_ended_at_once_and_closes_its_history() {
    let home = tempfile::tempdir().unwrap();
    let state = home.path().join("kept");
    let state = state.display().to_string();
    let served = Served::start(home.path(), &["--scenario", "cosmic", "--state-dir", &state]);
    served.line_with("2026-03-31 00:00Z");
    let (code, rest) = served.interrupt();
    assert_eq!(code, 0);
    assert!(rest.last().unwrap().contains(" stays"), "{rest:?}");
    let mut check = scrubjay(home.path());
    check.args(["ledger", "export", "--root"]).arg(Path::new(&state).join("host"));
    let ledger = stdout(check.arg("--state-dir").arg(&state));
    assert!(ledger.lines().last().unwrap().contains("agent_stopped"), "{ledger}");
}
