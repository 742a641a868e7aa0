//! `fleet` beside a real Prometheus that holds a simulated fleet, compared with what is true of its
//! hosts; and what such a Prometheus answered once, kept, for machines that have none.

use super::harness::{output, scrubjay, stdout};
use super::receiver::wait_for;
use scrubjay_tests::backfill::{HostTruth, Plan, write};
use scrubjay_tests::fleet_api::{FleetApi, Reply};
use scrubjay_tests::golden;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The last scrape: 2026-11-24T06:02:00Z.
const END_S: i64 = 1_795_500_120;

/// As many as the issue asks for take a minute to make; `SCRUBJAY_FLEET_HOSTS=1000` does.
const HOSTS: u32 = 80;

/// A program of Prometheus, which Debian has in one package.
fn program(name: &str) -> Option<PathBuf> {
    let unpacked = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/prometheus/usr/bin");
    let named = std::env::var_os("SCRUBJAY_PROMETHEUS").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = named.into_iter().chain([unpacked]).chain(std::env::split_paths(&path));
    places.map(|place| place.join(name)).find(|path| path.is_file())
}

/// A Prometheus on the loopback interface; it ends with the value.
struct Prometheus {
    child: Child,
    url: String,
}

impl Prometheus {
    fn start(program: &Path, home: &Path, data: &Path) -> Self {
        Self::start_with(program, home, data, &[])
    }

    fn start_with(program: &Path, home: &Path, data: &Path, more: &[String]) -> Self {
        let config = home.join("prometheus.yml");
        std::fs::write(&config, "").unwrap();
        // A port that is free now; who is quicker makes it fail to start, which is told.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut child = Command::new(program)
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", data.display()))
            .arg("--storage.tsdb.retention.time=20y")
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut seen = String::new();
        loop {
            let line = lines.next().unwrap_or_else(|| panic!("it ended: {seen}")).unwrap();
            if line.contains("ready to receive web requests") {
                break;
            }
            seen.push_str(&line);
            seen.push('\n');
        }
        // Whatever else it logs must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let url = format!("http://127.0.0.1:{port}");
        wait_for("a Prometheus that listens", || {
            std::net::TcpStream::connect(format!("127.0.0.1:{port}")).ok()
        });
        Self { child, url }
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A fleet with its truth, in a Prometheus; `None` where there is none to be had.
fn simulated(home: &Path, hosts: u32) -> Option<(Prometheus, Vec<HostTruth>)> {
    let (Some(server), Some(promtool)) = (program("prometheus"), program("promtool")) else {
        println!("skipped: neither PATH nor SCRUBJAY_PROMETHEUS has prometheus and promtool");
        return None;
    };
    let plan = Plan { hosts, step_s: 172_800, minutes: 15, stopping: 0.1, ..Plan::small(END_S) };
    let file = home.join("backfill.om");
    let mut out = BufWriter::new(std::fs::File::create(&file).unwrap());
    let truths = write(&plan, &mut out).unwrap();
    out.flush().unwrap();
    let data = home.join("data");
    let mut blocks = Command::new(promtool);
    blocks.args(["tsdb", "create-blocks-from", "--max-block-duration=2400h", "openmetrics"]);
    let (code, said, stderr) = output(blocks.arg(&file).arg(&data));
    assert_eq!(code, 0, "{said}{stderr}");
    std::fs::remove_file(&file).unwrap();
    Some((Prometheus::start(&server, home, &data), truths))
}

fn fleet(home: &Path, url: &str, arguments: &[&str]) -> Command {
    let mut command = scrubjay(home);
    command.arg("fleet").args(arguments).args(["--url", url, "--at", "2026-11-24T06:02:00Z"]);
    command
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap()
}

#[test]
fn what_is_said_of_a_simulated_fleet_in_a_real_prometheus_is_its_truth() {
    let hosts = std::env::var("SCRUBJAY_FLEET_HOSTS");
    let hosts = hosts.ok().map_or(HOSTS, |hosts| hosts.parse().unwrap());
    let home = tempfile::tempdir().unwrap();
    let Some((prometheus, truths)) = simulated(home.path(), hosts) else { return };
    let url = prometheus.url.as_str();
    let truths: BTreeMap<&str, &Value> =
        truths.iter().map(|truth| (truth.instance.as_str(), truth.to_json())).collect();
    let is_silent = |truth: &Value| {
        !truth["stopped"].is_null() || truth["told"]["stale"] == true || truth["told"].is_null()
    };
    let status = json(&stdout(&mut fleet(home.path(), url, &["status", "--json"])));
    assert_eq!(status["hosts"], hosts);
    assert_eq!(status["lacks"], serde_json::json!([]), "{}", status["lacks"]);
    let silent: BTreeSet<&str> =
        status["silent"].as_array().unwrap().iter().map(|host| text(host, "host")).collect();
    let wanted: BTreeSet<&str> =
        truths.iter().filter(|(_, truth)| is_silent(truth)).map(|(name, _)| *name).collect();
    assert_eq!(silent, wanted);
    assert!(!silent.is_empty() && silent.len() < truths.len());
    // Each host that reports is said to be as its agent said, for a reason that its agent gave.
    let mut told = BTreeSet::new();
    let mut ranks = Vec::new();
    for line in status["worst"].as_array().unwrap() {
        let name = text(line, "host");
        let truth = &truths[name]["told"];
        assert!(told.insert(name), "{name} is listed twice");
        assert_eq!(line["verdict"], truth["verdict"], "{name}");
        assert_eq!(line["reboot"], truth["reboot_required"], "{name}");
        let findings = truth["findings"].as_array().unwrap();
        let because = &line["because"];
        let is_given = findings.iter().any(|finding| {
            finding["code"] == because["code"] && finding["subject"] == because["subject"]
        });
        assert!(
            is_given || because.is_null() && findings.is_empty(),
            "{name}: {because} of {findings:?}"
        );
        let rank = ["act", "plan", "watch", "unknown", "ok"];
        ranks.push(rank.iter().position(|verdict| line["verdict"] == *verdict).unwrap());
    }
    assert!(ranks.is_sorted(), "the worst come first");
    assert_eq!(told.len() + silent.len(), truths.len());
    plan_is_true(home.path(), url, &truths, &silent);
    let report = json(&stdout(&mut fleet(home.path(), url, &["report", "--json"])));
    let standing = report["standing"].as_array().unwrap();
    let sum: u64 = standing.iter().map(|sum| sum["hosts"].as_u64().unwrap()).sum();
    assert_eq!(sum, u64::from(hosts));
    for row in report["rows"].as_array().unwrap() {
        let (name, standing) = (text(row, "host"), text(row, "standing"));
        assert!(!silent.contains(name) || standing == "no_data", "{name}");
        let findings = truths[name]["told"]["findings"].as_array();
        let overdue = findings.is_some_and(|findings| {
            findings.iter().any(|finding| finding["code"] == "kernel-overdue")
        });
        let said = row["because"].as_array().unwrap().iter().any(|why| why == "kernel-overdue");
        assert_eq!(overdue && !silent.contains(name), said, "{name}");
    }
}

fn plan_is_true(home: &Path, url: &str, truths: &BTreeMap<&str, &Value>, silent: &BTreeSet<&str>) {
    let arguments = ["plan", "--group-by", "rack", "--at-once", "10%", "--json"];
    let plan = json(&stdout(&mut fleet(home, url, &arguments)));
    let mut sizes: BTreeMap<&str, u64> = BTreeMap::new();
    for truth in truths.values() {
        *sizes.entry(text(truth, "rack")).or_default() += 1;
    }
    let mut seen = BTreeSet::new();
    for wave in plan["waves"].as_array().unwrap() {
        let mut away: BTreeMap<&str, u64> = BTreeMap::new();
        for visit in wave["visits"].as_array().unwrap() {
            let name = text(visit, "host");
            let truth = truths[name];
            assert!(seen.insert(name), "{name} is visited twice");
            *away.entry(text(truth, "rack")).or_default() += 1;
            let tasks = visit["tasks"].as_array().unwrap();
            let of = |kind: &str| -> BTreeSet<&str> {
                let of = tasks.iter().filter(|task| task["kind"] == kind);
                of.map(|task| text(task, "subject")).collect()
            };
            let asked = truth["told"]["reboot_required"] == "yes";
            assert_eq!(!of("reboot").is_empty(), asked, "{name}: {tasks:?}");
            let swaps: BTreeSet<&str> = truth["told"]["findings"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|finding| {
                    finding["action"] == "swap DIMM"
                        && ["plan", "act"].contains(&text(finding, "verdict"))
                })
                .map(|finding| text(finding, "subject"))
                .collect();
            assert_eq!(of("swap_dimm"), swaps, "{name}");
        }
        for (rack, away) in away {
            assert!(away <= (sizes[rack] / 10).max(1), "{away} of {rack}");
        }
    }
    let blocked: BTreeSet<&str> =
        plan["blocked"].as_array().unwrap().iter().map(|host| text(host, "host")).collect();
    assert!(silent.is_subset(&blocked));
    for (name, truth) in truths {
        if truth["told"]["reboot_required"] == "yes" {
            assert!(seen.contains(name) || blocked.contains(name), "{name} is forgotten");
        }
    }
    assert!(!seen.is_empty() && seen.is_disjoint(&blocked));
}

/// The answer about all hosts serves for one about some of them: their names are left out.
fn recorded(query: &str) -> PathBuf {
    let mut parts = query.split("{instance=~\"");
    let first = parts.next().unwrap_or_default().to_owned();
    let query = parts.fold(first, |whole, part| whole + part.split_once("\"}").unwrap().1);
    let name: String = query
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' })
        .collect();
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/fleet").join(format!("{name}.json"))
}

/// What Prometheus 2.42 answered of forty simulated hosts. `UPDATE_FLEET=1`, with a Prometheus at
/// hand, records it anew.
#[test]
fn what_a_real_prometheus_answered_once_reads_as_it_did() {
    let home = tempfile::tempdir().unwrap();
    if std::env::var_os("UPDATE_FLEET").is_some() {
        let Some((prometheus, _)) = simulated(home.path(), 40) else { return };
        record(&prometheus.url);
    }
    let api = FleetApi::start(|asked| match std::fs::read(recorded(asked.query())) {
        Ok(body) => Reply::ok(body),
        Err(error) => Reply::status(500, format!("{}: {error}", asked.query())),
    });
    for (file, arguments) in [
        ("fleet-recorded.status.txt", &["status", "--all"][..]),
        ("fleet-recorded.plan.txt", &["plan", "--group-by", "rack"][..]),
        ("fleet-recorded.report.txt", &["report", "--group-by", "region"][..]),
    ] {
        golden::compare(file, &stdout(&mut fleet(home.path(), &api.url(), arguments)));
    }
}

/// Asks all that `fleet` asks, and keeps the answers.
fn record(url: &str) {
    use scrubjay_alerts::fleet::{Family, Scope};
    let scope = Scope { matchers: String::new(), look_back_s: 604_800, job: "scrubjay".to_owned() };
    for family in Family::ALL {
        let query = family.query(&scope);
        let asked = ureq::get(format!("{url}/api/v1/query"))
            .query("query", &query)
            .query("time", END_S.to_string());
        let body = asked.call().unwrap().body_mut().read_to_string().unwrap();
        let path = recorded(&query);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, body + "\n").unwrap();
    }
}

/// Certificates of a test, made by openssl: an authority, and what it signed for the server and for us.
fn certificates(home: &Path) -> bool {
    let run = |arguments: &[&str]| {
        let made = Command::new("openssl").args(arguments).current_dir(home).output();
        made.is_ok_and(|made| made.status.success())
    };
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    let authority = ["req", "-x509", "-days", "2", "-subj", "/CN=test authority"];
    let of = |name: &str| -> bool {
        let (key_file, request) = (format!("{name}.key"), format!("{name}.csr"));
        let subject = format!("/CN={name}");
        let ask = ["req", "-new", "-subj", &subject, "-keyout", &key_file, "-out", &request];
        let certificate = format!("{name}.crt");
        let sign = [
            "x509",
            "-req",
            "-days",
            "2",
            "-in",
            &request,
            "-CA",
            "ca.crt",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-extfile",
            "names",
            "-out",
            &certificate,
        ];
        run(&[&ask[..], &key[..]].concat()) && run(&sign)
    };
    std::fs::write(home.join("names"), "subjectAltName=IP:127.0.0.1\n").unwrap();
    run(&[&authority[..], &key[..], &["-keyout", "ca.key", "-out", "ca.crt"][..]].concat())
        && of("server")
        && of("client")
}

#[test]
fn a_real_prometheus_behind_tls_a_password_and_a_prefix_is_asked_and_no_other_is_trusted() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path();
    let Some(server) = program("prometheus") else {
        println!("skipped: neither PATH nor SCRUBJAY_PROMETHEUS has prometheus");
        return;
    };
    if !certificates(home) {
        println!("skipped: openssl is missing, which makes the certificates");
        return;
    }
    // The password is "pass word".
    let web = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n  \
        client_ca_file: ca.crt\n  client_auth_type: RequireAndVerifyClientCert\n\
        basic_auth_users:\n  ops: $2b$05$NzzKnbTub6qsyPzH6xDFl.IgJcH/VlP/Zkfy.QZG9CucZS46ps2Z.\n";
    std::fs::write(home.join("web.yml"), web).unwrap();
    let more = [
        format!("--web.config.file={}", home.join("web.yml").display()),
        "--web.external-url=https://127.0.0.1/store/".to_owned(),
    ];
    let prometheus = Prometheus::start_with(&server, home, &home.join("data"), &more);
    let url = format!("{}/store", prometheus.url.replace("http:", "https:"));
    std::fs::write(home.join("password"), "pass word\n").unwrap();
    std::fs::write(home.join("wrong"), "password\n").unwrap();
    let path = |name: &str| home.join(name).to_str().unwrap().to_owned();
    let ask = |change: &dyn Fn(&mut Command)| {
        let mut command = scrubjay(home);
        command.args(["fleet", "status", "--url", &url]);
        change(&mut command);
        let (code, _, stderr) = output(&mut command);
        (code, stderr)
    };
    let authority = |command: &mut Command| {
        command.args(["--ca-file", &path("ca.crt")]);
    };
    let ours = |command: &mut Command| {
        let (certificate, key) = (path("client.crt"), path("client.key"));
        command.args(["--certificate-file", &certificate, "--key-file", &key]);
    };
    let user = |command: &mut Command, file: &str| {
        command.args(["--user", "ops", "--password-file", &path(file)]);
    };
    // It knows no host, and says so: it was asked.
    let (code, stderr) = ask(&|command| {
        authority(command);
        ours(command);
        user(command, "password");
    });
    assert!(code == 3 && stderr.contains("knows no host"), "{code}: {stderr}");
    let (code, stderr) = ask(&|command| {
        authority(command);
        ours(command);
        user(command, "wrong");
    });
    assert!(code == 1 && stderr.contains("answered 401"), "{code}: {stderr}");
    // Without our certificate, and without the authority that vouches for the server.
    let (code, stderr) = ask(&|command| {
        authority(command);
        user(command, "password");
    });
    assert!(code == 1 && !stderr.contains("answered"), "{code}: {stderr}");
    let (code, stderr) = ask(&|command| {
        ours(command);
        user(command, "password");
    });
    assert!(code == 1 && stderr.contains("UnknownIssuer"), "{code}: {stderr}");
}
