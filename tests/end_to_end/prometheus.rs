//! Agents, a real Prometheus with our rules, and a real Alertmanager: a stick of memory goes bad, one
//! is told of it, somebody says that it is known, and an agent dies.
//!
//! Agents serve without encryption and passwords here, and Prometheus scrapes them so.

use crate::harness::{Agent, scrubjay, stdout};
use crate::receiver::{Receiver, wait_for};
use scrubjay_tests::directory;
use scrubjay_tests::edac_model::{ControllerSpec, Kernel, View};
use scrubjay_tests::firmware::{filled, tables};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const CODE: &str = "dimm-uncorrected";

/// A server of two sticks whose tree is a directory that changes while the agent runs.
struct Server {
    home: tempfile::TempDir,
    kernel: Kernel,
}

impl Server {
    fn new() -> Self {
        let mut kernel = Kernel::boot(vec![ControllerSpec::skx(0, 0, 2, 1)], View::Dimms);
        kernel.wait(Duration::from_secs(600));
        // Prometheus goes by the clock of this machine, which the host must have as well.
        let tree = kernel.tree();
        let shown = tree.lines().find_map(|line| line.strip_prefix("realtime_ms ")).unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        kernel.step_wall_clock(i64::try_from(now).unwrap() - shown.parse::<i64>().unwrap());
        let server = Self { home: tempfile::tempdir().unwrap(), kernel };
        server.show();
        server
    }

    fn show(&self) {
        let board = tables(&[filled("P1-DIMMA1", "425BB669"), filled("P1-DIMMB1", "425BB66A")]);
        let tree = self.kernel.tree_builder().and(board).to_text();
        directory::show(&self.home.path().join("root"), &tree);
    }

    fn agent(&self) -> Agent {
        Agent::start(self.home.path(), &self.home.path().join("root"))
    }

    fn fails(&mut self) {
        self.kernel.wait(Duration::from_secs(30));
        self.kernel.uncorrected(0, 0, 1);
        self.show();
    }
}

/// A program that serves until it is dropped.
struct Served {
    child: Child,
    address: SocketAddr,
}

impl Served {
    fn start(command: &mut Command, address: SocketAddr) -> Self {
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self { child: quiet.spawn().unwrap(), address }
    }

    fn get(&self, path: &str) -> Option<Value> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
    }

    /// What Alertmanager has as active, of an alert and a host.
    fn active(&self, alert: &str, instance: &str) -> Option<Vec<Value>> {
        let all = self.get("/api/v2/alerts")?;
        let of_it = |one: &&Value| {
            let labels = &one["labels"];
            labels["alertname"] == alert && labels["instance"] == instance
        };
        Some(all.as_array()?.iter().filter(of_it).cloned().collect())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A program by the variable that names it, else where Debian has it.
fn program(variable: &str, usual: &str) -> Option<PathBuf> {
    let named = std::env::var_os(variable).map(PathBuf::from);
    let found = named.into_iter().chain([usual.into()]).find(|path| path.is_file());
    if found.is_none() {
        println!("skipped: {usual} is missing, and {variable} names none");
    }
    found
}

/// Our rules, without the time for which something is waited for.
fn impatient_rules(home: &Path) -> PathBuf {
    let rules =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("grafana/prometheus/rules/scrubjay-alerts.yml");
    let text = std::fs::read_to_string(rules).unwrap();
    let lines = text.lines().filter(|line| {
        let key = line.trim_start();
        !key.starts_with("for: ") && !key.starts_with("keep_firing_for: ")
    });
    let path = home.join("rules.yml");
    std::fs::write(&path, lines.collect::<Vec<_>>().join("\n") + "\n").unwrap();
    path
}

#[test]
fn a_stick_goes_bad_and_alertmanager_shows_it_until_it_is_known() {
    let Some(prometheus) = program("PROMETHEUS", "/usr/bin/prometheus") else { return };
    let Some(alertmanager) = program("ALERTMANAGER", "/usr/bin/prometheus-alertmanager") else {
        return;
    };
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let (mut bad, good) = (Server::new(), Server::new());
    let (first, second) = (bad.agent(), good.agent());
    first.metrics_after(2);

    // Ports that were free a moment ago.
    let (told, listens) = (Receiver::start().address, Receiver::start().address);
    let config = home.join("am.yml");
    let route = "route:\n  receiver: nobody\n  group_wait: 0s\nreceivers:\n  - name: nobody\n";
    std::fs::write(&config, route).unwrap();
    let told = Served::start(
        Command::new(alertmanager)
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.path={}", home.join("am").display()))
            .arg(format!("--web.listen-address={told}"))
            .arg("--cluster.listen-address="),
        told,
    );
    let config = home.join("prometheus.yml");
    let text = format!(
        "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n\
         rule_files: [\"{}\"]\n\
         alerting: {{alertmanagers: [{{static_configs: [{{targets: [\"{}\"]}}]}}]}}\n\
         scrape_configs:\n  - job_name: scrubjay\n    static_configs:\n      \
         - targets: [\"{}\", \"{}\"]\n",
        impatient_rules(home).display(),
        told.address,
        first.address(),
        second.address(),
    );
    std::fs::write(&config, text).unwrap();
    let asks = Served::start(
        Command::new(prometheus)
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", home.join("data").display()))
            .arg("--rules.alert.resend-delay=1s")
            .arg(format!("--web.listen-address={listens}")),
        listens,
    );
    wait_for("a scrape of both", || {
        let up = asks.get("/api/v1/query?query=up%20==%201")?;
        (up["data"]["result"].as_array()?.len() == 2).then_some(())
    });
    wait_for("an answer of Alertmanager", || told.active("ScrubjayAgentDown", ""));
    let of_code = |agent: &Agent| {
        let found = told.active("ScrubjayActNow", agent.address())?;
        Some(found.into_iter().find(|alert| alert["labels"]["code"] == CODE))
    };
    assert_eq!(of_code(&first), Some(None), "nothing has happened");

    bad.fails();
    let alert = wait_for("the alert on the stick", || of_code(&first)?);
    assert_eq!(alert["labels"]["severity"], "critical");
    assert_eq!(alert["labels"]["action"], "swap DIMM");
    let page = alert["annotations"]["runbook_url"].as_str().unwrap();
    assert!(page.ends_with("/runbooks/ScrubjayActNow.md"), "{page}");
    assert_eq!(of_code(&second), Some(None), "the other host is well");

    // Somebody says that it is known.
    let ack = ["ack", CODE, "--reason", "swap is ordered", "--until", "1h"];
    let mut command = scrubjay(bad.home.path());
    command.args(ack).arg("--state-dir").arg(bad.home.path().join("state"));
    stdout(command.arg("--root").arg(bad.home.path().join("root")));
    wait_for("its end", || of_code(&first)?.is_none().then_some(()));

    // An agent that dies takes its alerts along, and is missed itself.
    let address = first.address().to_owned();
    first.crash();
    wait_for("the agent to be missed", || {
        told.active("ScrubjayAgentDown", &address).filter(|found| !found.is_empty())
    });
    assert_eq!(told.active("ScrubjayAgentDown", second.address()), Some(Vec::new()));
}
