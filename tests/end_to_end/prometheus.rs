//! Agents behind TLS and passwords, a real Prometheus with our rules and the queries of our dashboards, and
//! a real Alertmanager: a stick of memory goes bad, one is told of it, a reboot does not help, it is swapped,
//! and that is told too. Or somebody says that it is known, and an agent dies.

use crate::harness::{Agent, scrubjay, stdout};
use crate::receiver::{Receiver, wait_for};
use crate::web::{Authority, TLS, USERS};
use scrubjay_model::ModuleKey;
use scrubjay_tests::edac_model::{ControllerSpec, Kernel, View};
use scrubjay_tests::firmware::{filled, tables};
use scrubjay_tests::grafana::{Chosen, dashboards, panels};
use scrubjay_tests::{directory, trees};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const CODE: &str = "dimm-uncorrected";
/// The stick that goes bad: its slot, where the kernel counts its errors, and its serial number.
const SLOT: &str = "NODE 1 P1-DIMMA1";
const DIMM: &str = "skylake-socket-0-imc-0/dimm0";
const SERIAL: &str = "425BB669";
/// The one that takes its place.
const NEW_SERIAL: &str = "425BB70F";

/// A port of this host that was free a moment ago.
fn free() -> SocketAddr {
    Receiver::start().address
}

/// A host, as Prometheus calls it, whose tree is a directory that changes, and its agent.
struct Host {
    name: &'static str,
    home: tempfile::TempDir,
    address: SocketAddr,
    agent: Option<Agent>,
}

impl Host {
    /// Its agent shows a certificate of that authority, and lets these users in.
    fn new(name: &'static str, authority: &Authority, users: &str, tree: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        authority.vouches().install(home.path());
        std::fs::write(home.path().join("web-config.yml"), format!("{TLS}{users}")).unwrap();
        let mut host = Self { name, home, address: free(), agent: None };
        host.show(tree);
        host.start();
        host
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn show(&self, tree: &str) {
        directory::show(&self.path("root"), tree);
    }

    fn start(&mut self) {
        let agent = Agent::start_with(self.home.path(), &self.path("root"), |command| {
            command.args(["--web.listen-address", &self.address.to_string()]);
            command.arg("--web.config.file").arg(self.path("web-config.yml"));
        });
        self.agent = Some(agent);
    }

    /// The host goes down, and comes up with that tree.
    fn reboots(&mut self, tree: &str) {
        assert_eq!(self.agent.take().unwrap().stop(), 0);
        self.show(tree);
        self.start();
    }

    /// Runs a command on it.
    fn run(&self, args: &[&str]) {
        let mut command = scrubjay(self.home.path());
        command.args(args).arg("--state-dir").arg(self.path("state"));
        stdout(command.arg("--root").arg(self.path("root")));
    }
}

fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(now.as_millis()).unwrap()
}

/// A kernel with one controller, ten minutes after boot. Prometheus goes by the clock of this machine, which
/// the host must have as well.
fn kernel(controller: ControllerSpec) -> Kernel {
    let mut kernel = Kernel::boot(vec![controller], View::Dimms);
    kernel.wait(Duration::from_secs(600));
    kernel.step_wall_clock(now_ms() - kernel.clock().realtime_ms());
    kernel
}

/// A server of two sticks of Intel's, which its firmware lists; that is the serial number of the first.
fn server(kernel: &Kernel, serial: &'static str) -> String {
    let board = tables(&[filled("P1-DIMMA1", serial), filled("P1-DIMMB1", "425BB66A")]);
    kernel.tree_builder().and(board).to_text()
}

/// A host of the fixtures, today.
fn fixture(name: &str) -> String {
    let today = |line: &str| match line.strip_prefix("realtime_ms ") {
        Some(_) => format!("realtime_ms {}\n", now_ms()),
        None => format!("{line}\n"),
    };
    trees::host(name).lines().map(today).collect()
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

    fn get(&self, path: &str, query: &[(&str, &str)]) -> Option<Value> {
        let request = ureq::get(format!("http://{}{path}", self.address));
        let request = request.query_pairs(query.iter().copied());
        let text = request.call().ok()?.body_mut().read_to_string().ok()?;
        serde_json::from_str(&text).ok()
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
fn impatient_rules(home: &Path) {
    let rules =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("grafana/prometheus/rules/scrubjay-alerts.yml");
    let text = std::fs::read_to_string(rules).unwrap();
    let lines = text.lines().filter(|line| {
        let key = line.trim_start();
        !key.starts_with("for: ") && !key.starts_with("keep_firing_for: ")
    });
    let text = lines.collect::<Vec<_>>().join("\n") + "\n";
    std::fs::write(home.join("rules.yml"), text).unwrap();
}

/// A Prometheus that scrapes hosts as `alice` and trusts an authority, and the Alertmanager that it tells, which
/// tells somebody in turn.
struct Monitoring {
    _home: tempfile::TempDir,
    asks: Served,
    told: Served,
    somebody: Receiver,
}

impl Monitoring {
    fn of(hosts: &[&Host], trusted: &Authority) -> Option<Self> {
        let prometheus = program("PROMETHEUS", "/usr/bin/prometheus")?;
        let alertmanager = program("ALERTMANAGER", "/usr/bin/prometheus-alertmanager")?;
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path();
        let somebody = Receiver::start();
        let config = home.join("am.yml");
        // Each alert is told for itself, and at once.
        let route = format!(
            "route: {{receiver: somebody, group_by: [\"...\"], group_wait: 0s, group_interval: 1s}}\n\
             receivers:\n  - name: somebody\n    webhook_configs: [{{url: \"http://{}/hook\"}}]\n",
            somebody.address
        );
        std::fs::write(&config, route).unwrap();
        let address = free();
        let told = Served::start(
            Command::new(alertmanager)
                .arg(format!("--config.file={}", config.display()))
                .arg(format!("--storage.path={}", home.join("am").display()))
                .arg(format!("--web.listen-address={address}"))
                .arg("--cluster.listen-address="),
            address,
        );
        impatient_rules(home);
        std::fs::write(home.join("ca.pem"), trusted.pem()).unwrap();
        std::fs::write(home.join("password"), "right\n").unwrap();
        let targets = hosts.iter().map(|host| {
            let (address, name) = (host.address, host.name);
            format!("      - {{targets: [\"{address}\"], labels: {{instance: {name}}}}}\n")
        });
        let text = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n\
             rule_files: [rules.yml]\n\
             alerting: {{alertmanagers: [{{static_configs: [{{targets: [\"{address}\"]}}]}}]}}\n\
             scrape_configs:\n  - job_name: scrubjay\n    scheme: https\n    \
             tls_config: {{ca_file: ca.pem}}\n    \
             basic_auth: {{username: alice, password_file: password}}\n    static_configs:\n{}",
            targets.collect::<String>(),
        );
        let config = home.join("prometheus.yml");
        std::fs::write(&config, text).unwrap();
        let address = free();
        let asks = Served::start(
            Command::new(prometheus)
                .arg(format!("--config.file={}", config.display()))
                .arg(format!("--storage.tsdb.path={}", home.join("data").display()))
                .arg("--rules.alert.resend-delay=1s")
                .arg(format!("--web.listen-address={address}")),
            address,
        );
        let monitoring = Self { _home: folder, asks, told, somebody };
        wait_for("an answer of Alertmanager", || monitoring.active("ScrubjayAgentDown", ""));
        Some(monitoring)
    }

    /// The series that a query gives now.
    fn ask(&self, query: &str) -> Option<Vec<Value>> {
        let answer = self.asks.get("/api/v1/query", &[("query", query)])?;
        answer["data"]["result"].as_array().cloned()
    }

    /// Waits until a query gives so many series.
    fn wait(&self, what: &str, query: &str, count: usize) {
        wait_for(what, || (self.ask(query)?.len() == count).then_some(()));
    }

    /// What Alertmanager has as active, of an alert and a host.
    fn active(&self, alert: &str, host: &str) -> Option<Vec<Value>> {
        let all = self.told.get("/api/v2/alerts", &[])?;
        Some(of(all.as_array()?, alert, host))
    }

    /// What Prometheus has as firing, of an alert and a host.
    fn firing(&self, alert: &str, host: &str) -> Option<Vec<Value>> {
        let all = self.asks.get("/api/v1/alerts", &[])?;
        Some(of(all["data"]["alerts"].as_array()?, alert, host))
    }

    /// The alert on the stick, as Alertmanager has it.
    fn on_stick(&self, host: &Host) -> Option<Option<Value>> {
        Some(self.active("ScrubjayActNow", host.name)?.into_iter().find(is_on_stick))
    }

    /// Waits until it is there.
    fn wait_for_alert(&self, host: &Host) -> Value {
        wait_for("the alert on the stick", || self.on_stick(host)?)
    }

    /// Waits until it has ended, in Prometheus and in Alertmanager.
    fn wait_for_end(&self, host: &Host) {
        wait_for("its end in Prometheus", || {
            let firing = self.firing("ScrubjayActNow", host.name)?;
            (!firing.iter().any(is_on_stick)).then_some(())
        });
        wait_for("its end in Alertmanager", || self.on_stick(host)?.is_none().then_some(()));
    }

    /// What Alertmanager told somebody of the alert on the stick of a host.
    fn said(&self, host: &Host) -> Vec<String> {
        let about = |body: &Value| {
            let alerts = of(body["alerts"].as_array().unwrap(), "ScrubjayActNow", host.name);
            alerts.iter().any(is_on_stick)
        };
        let bodies = self.somebody.sent().into_iter().map(|sent| sent.body);
        bodies.filter(about).map(|body| body["status"].as_str().unwrap().to_owned()).collect()
    }

    /// Why a target could not be scraped, in words of Prometheus.
    fn last_error(&self, host: &Host) -> String {
        let all = self.asks.get("/api/v1/targets", &[]).unwrap();
        let targets = all["data"]["activeTargets"].as_array().unwrap();
        let ours = targets.iter().find(|target| target["labels"]["instance"] == host.name);
        ours.unwrap()["lastError"].as_str().unwrap().to_owned()
    }
}

/// Those of an alert and a host.
fn of(alerts: &[Value], alert: &str, host: &str) -> Vec<Value> {
    let ours = |one: &&Value| {
        let labels = &one["labels"];
        labels["alertname"] == alert && labels["instance"] == host
    };
    alerts.iter().filter(ours).cloned().collect()
}

fn is_on_stick(alert: &Value) -> bool {
    alert["labels"]["code"] == CODE && alert["labels"]["subject"] == SLOT
}

/// Families of what is said of hosts and sticks, and of their errors.
const SAID: [&str; 7] = [
    "scrubjay_verdict{",
    "scrubjay_finding{",
    "scrubjay_module_verdict{",
    "scrubjay_module_correctable_errors_total{",
    "scrubjay_module_uncorrectable_errors_total{",
    "scrubjay_dimm_correctable_errors_total{",
    "scrubjay_dimm_uncorrectable_errors_total{",
];

/// What the dashboards show of the bad stick of a host: each query on verdicts, findings or errors must return it.
/// The values, by panel and letter of the query.
fn shown(monitoring: &Monitoring, host: &Host) -> BTreeMap<String, String> {
    let chosen = Chosen { job: "scrubjay", instance: ".+", range: "1d", rate_interval: "4s" };
    let wanted = [("instance", host.name), ("slot", SLOT), ("subject", SLOT), ("dimm", DIMM)];
    let is_ours = |one: &&Value| {
        let labels = &one["metric"];
        wanted.iter().all(|(label, wanted)| labels.get(label).is_none_or(|is| is == wanted))
    };
    let mut shown = BTreeMap::new();
    for (file, dashboard) in dashboards() {
        // This dashboard is of one host.
        let instance = if file == "host.json" { host.name } else { chosen.instance };
        let chosen = Chosen { instance, ..chosen };
        for panel in panels(&dashboard) {
            for target in panel["targets"].as_array().unwrap() {
                let expr = target["expr"].as_str().unwrap();
                if !SAID.iter().any(|family| expr.contains(family)) {
                    continue;
                }
                let letter = target["refId"].as_str().unwrap();
                let name = format!("{file}: {}: {letter}", panel["title"].as_str().unwrap());
                let series = monitoring.ask(&chosen.fill(expr)).unwrap();
                let ours = series.iter().find(is_ours);
                let ours = ours.unwrap_or_else(|| panic!("{name}: {expr}: {series:#?}"));
                shown.insert(name, ours["value"][1].as_str().unwrap().to_owned());
            }
        }
    }
    shown
}

#[test]
fn a_stick_goes_bad_behind_tls_and_passwords_and_is_told_and_shown_until_it_is_swapped() {
    let (ours, theirs) = (Authority::called("ours"), Authority::called("theirs"));
    let mut machine = kernel(ControllerSpec::skx(0, 0, 2, 1));
    let mut bad = Host::new("db1", &ours, USERS, &server(&machine, SERIAL));
    let ranks = kernel(ControllerSpec::amd("F19h_M10h", 2, 2));
    let good = Host::new("db2", &ours, USERS, &ranks.tree());
    let other = Host::new("web1", &ours, USERS, &fixture("healthy-server"));
    // The password of this one is "pass word", and that one's certificate is not of our authority.
    let users = "basic_auth_users:\n  alice: \
                 $2b$05$NzzKnbTub6qsyPzH6xDFl.IgJcH/VlP/Zkfy.QZG9CucZS46ps2Z.\n";
    let closed = Host::new("web2", &ours, users, &fixture("bare-guest"));
    let strange = Host::new("web3", &theirs, USERS, &fixture("bare-guest"));
    let hosts = [&bad, &good, &other, &closed, &strange];
    let Some(monitoring) = Monitoring::of(&hosts, &ours) else { return };
    monitoring.wait("scrapes of three", "scrubjay_agent_passes_total >= 2", 3);
    monitoring.wait("all that answer", "up == 1", 3);
    monitoring.wait("those that do not", "up{instance=~\"web2|web3\"} == 0", 2);
    let (closed_to_us, unknown) = (monitoring.last_error(&closed), monitoring.last_error(&strange));
    assert!(closed_to_us.contains("401 Unauthorized"), "{closed_to_us}");
    assert!(unknown.contains("certificate signed by unknown authority"), "{unknown}");
    for host in [&closed, &strange] {
        wait_for("word of it", || {
            monitoring.active("ScrubjayAgentDown", host.name).filter(|found| !found.is_empty())
        });
    }
    assert_eq!(monitoring.on_stick(&bad), Some(None), "nothing has happened");

    // Corrected errors are no reason to call anybody; one that could not be corrected is.
    machine.wait(Duration::from_secs(30));
    machine.corrected(0, 0, 3);
    bad.show(&server(&machine, SERIAL));
    monitoring.wait(
        "the corrected errors",
        &format!("scrubjay_dimm_correctable_errors_total{{dimm={DIMM:?}}} == 3"),
        1,
    );
    assert_eq!(monitoring.on_stick(&bad), Some(None), "they were corrected");
    machine.wait(Duration::from_secs(30));
    machine.uncorrected(0, 0, 1);
    bad.show(&server(&machine, SERIAL));
    let alert = monitoring.wait_for_alert(&bad);
    assert_eq!(alert["labels"]["severity"], "critical");
    assert_eq!(alert["labels"]["action"], "swap DIMM");
    let page = alert["annotations"]["runbook_url"].as_str().unwrap();
    assert!(page.ends_with("/runbooks/ScrubjayActNow.md"), "{page}");
    for host in [&good, &other] {
        assert_eq!(monitoring.on_stick(host), Some(None), "{} is well", host.name);
    }

    let shown = shown(&monitoring, &bad);
    for (query, value) in [
        ("fleet.json: Act: A", "1"),
        ("fleet.json: Sticks to swap: A", "1"),
        ("fleet.json: Why: what is to be acted on or planned: A", "1"),
        ("host.json: Verdict: A", "4"),
        ("host.json: Findings: A", "1"),
        ("host.json: Sticks of memory: A", "4"),
        ("host.json: Sticks of memory: B", "3"),
        ("host.json: Sticks of memory: C", "1"),
        ("host.json: Uncorrected errors by DIMM: A", "1"),
        ("memory.json: Sticks with a verdict: A", "4"),
        ("memory.json: Sticks with a verdict: D", "1"),
        ("memory.json: Verdicts on sticks over time: A", "4"),
    ] {
        assert_eq!(shown.get(query).map(String::as_str), Some(value), "{query}: {shown:#?}");
    }
    for query in ["memory.json: Corrected errors: A", "memory.json: Uncorrected errors: A"] {
        let errors: f64 = shown[query].parse().unwrap();
        assert!(errors > 0.5, "{query}: {errors}");
    }

    // A reboot does not mend it.
    let up = |after: &Kernel| {
        format!(
            "scrubjay_boot_timestamp_seconds{{instance=\"db1\"}} > {}",
            after.clock().btime() - 60
        )
    };
    machine.reboot(Duration::from_secs(120));
    bad.reboots(&server(&machine, SERIAL));
    monitoring.wait("the host after a reboot", &up(&machine), 1);
    monitoring.wait_for_alert(&bad);
    let at_stick = format!("scrubjay_finding{{instance=\"db1\",code={CODE:?},subject={SLOT:?}}}");
    monitoring.wait("what is found", &at_stick, 1);

    // With another stick in its place it ends, while the host is seen.
    machine.reboot(Duration::from_secs(900));
    bad.reboots(&server(&machine, NEW_SERIAL));
    let key = ModuleKey::from_stored(NEW_SERIAL.to_lowercase()).opaque();
    let verdicts = format!("scrubjay_module_verdict{{instance=\"db1\",module=\"{key}\"}} == 1");
    let quiet = format!("{verdicts} unless on (instance) {at_stick}");
    monitoring.wait("the new stick, and nothing found of it", &quiet, 1);
    monitoring.wait_for_end(&bad);
    assert_eq!(monitoring.ask("up{instance=\"db1\"} == 1").unwrap().len(), 1);
    let swaps = monitoring.ask("sum(scrubjay_module_verdict{verdict=~\"plan|act\"})").unwrap();
    assert_eq!(swaps[0]["value"][1], "0");
    let said = wait_for("word that it is over", || {
        let said = monitoring.said(&bad);
        (said.last()? == "resolved").then_some(said)
    });
    assert_eq!(said[0], "firing", "{said:?}");
    assert_eq!((monitoring.said(&good), monitoring.said(&other)), (Vec::new(), Vec::new()));
}

#[test]
fn a_bad_stick_is_quiet_while_it_is_known_and_an_agent_that_dies_is_missed() {
    let ours = Authority::called("ours");
    let mut machine = kernel(ControllerSpec::skx(0, 0, 2, 1));
    let mut bad = Host::new("db1", &ours, USERS, &server(&machine, SERIAL));
    let good = Host::new("db2", &ours, USERS, &fixture("healthy-server"));
    let Some(monitoring) = Monitoring::of(&[&bad, &good], &ours) else { return };
    monitoring.wait("scrapes of both", "scrubjay_agent_passes_total >= 2", 2);
    machine.wait(Duration::from_secs(30));
    machine.uncorrected(0, 0, 1);
    bad.show(&server(&machine, SERIAL));
    monitoring.wait_for_alert(&bad);

    // Somebody says that it is known.
    bad.run(&["ack", CODE, "--reason", "swap is ordered", "--until", "1h"]);
    monitoring.wait_for_end(&bad);

    // An agent that dies is missed.
    bad.agent.take().unwrap().crash();
    wait_for("the agent to be missed", || {
        monitoring.active("ScrubjayAgentDown", bad.name).filter(|found| !found.is_empty())
    });
    assert_eq!(monitoring.active("ScrubjayAgentDown", good.name), Some(Vec::new()));
}

#[test]
fn a_web_configuration_of_no_use_is_told_while_the_old_one_holds() {
    let ours = Authority::called("ours");
    let host = Host::new("db1", &ours, USERS, &fixture("bare-guest"));
    let Some(monitoring) = Monitoring::of(&[&host], &ours) else { return };
    let active = || monitoring.active("ScrubjayWebConfigFailing", host.name);
    monitoring.wait("a scrape", "scrubjay_web_config_failing == 0", 1);
    assert_eq!(active(), Some(Vec::new()));

    let config = host.path("web-config.yml");
    std::fs::write(&config, format!("{TLS}{USERS}colour: blue\n")).unwrap();
    let alert = wait_for("the alert", || active()?.pop());
    assert_eq!(alert["labels"]["severity"], "warning");
    let agents = dashboards().into_iter().find(|(file, _)| *file == "agent.json").unwrap().1;
    let found =
        panels(&agents).into_iter().find(|one| one["title"] == "Web configurations of no use");
    let chosen = Chosen { job: "scrubjay", instance: ".+", range: "1d", rate_interval: "4s" };
    let expr = chosen.fill(found.unwrap()["targets"][0]["expr"].as_str().unwrap());
    let series = monitoring.ask(&expr).unwrap();
    assert_eq!(series[0]["metric"]["instance"], host.name, "{series:#?}");
    assert_eq!(monitoring.ask("up == 1").unwrap().len(), 1, "it is scraped as before");

    std::fs::write(&config, format!("{TLS}{USERS}")).unwrap();
    wait_for("its end", || active()?.is_empty().then_some(()));
}
