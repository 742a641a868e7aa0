//! Alerts with the real agent: told once over kills, when the receiver is back, held, acknowledged.

use crate::harness::{Agent, output, scrubjay, stdout};
use crate::receiver::{Receiver, wait_for};
use scrubjay_tests::edac_model::{ControllerSpec, Kernel, View};
use scrubjay_tests::{directory, golden, trees};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const CORRECTED: &str = "corrected-errors";
const SUBJECT: &str = "skylake-socket-0-imc-0/dimm0";

/// Everything is told at once.
const AT_ONCE: &str = "[[alerts.override]]\ncode = \"*\"\nfor = \"0s\"\nkeep_firing_for = \"0s\"\n";

/// A host whose tree changes, watched by an agent that tells `receiver`.
struct Watched<'h> {
    home: &'h Path,
    kernel: Kernel,
    config: String,
}

impl<'h> Watched<'h> {
    fn new(home: &'h Path, notify: &str) -> Self {
        let machine = vec![ControllerSpec::skx(0, 0, 2, 2)];
        let mut kernel = Kernel::boot(machine, View::DimmsAndCsrows);
        kernel.wait(Duration::from_secs(1));
        let watched = Self { home, kernel, config: format!("{AT_ONCE}\n[notify]\n{notify}\n") };
        watched.show();
        watched
    }

    fn told(home: &'h Path, receiver: &Receiver) -> Self {
        let at = receiver.address;
        Self::new(home, &format!("webhook = [\"http://{at}/hook\"]"))
    }

    fn show(&self) {
        directory::show(&self.home.join("root"), &self.kernel.tree());
    }

    fn errors(&mut self, count: u16) {
        self.kernel.corrected(0, 0, count);
        self.show();
    }

    fn start(&self) -> Agent {
        Agent::start_with(self.home, &self.home.join("root"), |_| {
            std::fs::write(self.home.join("empty.toml"), &self.config).unwrap();
        })
    }

    /// A command beside the agent.
    fn command(&self, words: &[&str]) -> Command {
        let mut command = scrubjay(self.home);
        command.args(words).arg("--state-dir").arg(self.home.join("state"));
        command.arg("--root").arg(self.home.join("root"));
        command
    }
}

/// A metric of a webhook.
fn of_hook(name: &str, at: std::net::SocketAddr) -> String {
    format!("{name}{{receiver=\"webhook:{at}\"}}")
}

/// A metric with these labels, once it is so.
fn wait_metric(agent: &Agent, series: &str, value: u64) {
    wait_for(&format!("{series} {value}"), || {
        let page = agent.metrics_after(1);
        let found = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        found.is_some_and(|found| found.parse() == Ok(value)).then_some(())
    });
}

#[test]
fn what_fires_is_told_once_over_a_kill_and_a_restart_and_so_is_its_end() {
    let home = tempfile::tempdir().unwrap();
    let receiver = Receiver::start();
    let mut host = Watched::told(home.path(), &receiver);
    let agent = host.start();
    agent.metrics_after(2);
    host.errors(7);
    let told = receiver.wait("firing", CORRECTED, 1);
    assert_eq!(told[0]["subject"], SUBJECT);
    assert_eq!((told[0]["verdict"].as_str(), told[0]["count"].as_u64()), (Some("watch"), Some(7)));
    wait_metric(&agent, &of_hook("scrubjay_notifications_queued", receiver.address), 0);
    agent.crash();
    let agent = host.start();
    agent.metrics_after(3);
    assert_eq!(agent.stop(), 0);
    let agent = host.start();
    agent.metrics_after(3);
    assert_eq!(receiver.notices("firing", CORRECTED).len(), 1, "{:?}", receiver.sent());
    host.kernel.reset_counters(0);
    host.show();
    let over = receiver.wait("resolved", CORRECTED, 1);
    assert_eq!(over[0]["since"], told[0]["since"]);
    let history = stdout(&mut host.command(&["history", "alerts", "--csv"]));
    let of_it: Vec<&str> = history
        .lines()
        .filter(|line| line.contains(CORRECTED))
        .map(|line| line.split(',').nth(1).unwrap())
        .collect();
    assert_eq!(of_it, ["fired", "resolved"], "{history}");
}

#[test]
fn who_was_down_is_told_when_he_is_back_also_after_a_kill_and_no_pass_waits_for_him() {
    let home = tempfile::tempdir().unwrap();
    let gone = Receiver::start();
    let address = gone.address;
    let mut host = Watched::told(home.path(), &gone);
    drop(gone);
    host.errors(3);
    let agent = host.start();
    let failures = of_hook("scrubjay_notification_failures_total", address);
    wait_for("a failure", || {
        let page = agent.metrics_after(1);
        let found = page.lines().find_map(|line| line.strip_prefix(&failures));
        found.filter(|found| found.trim() != "0").map(drop)
    });
    // The journal is told all the same, and passes go on.
    let passes = agent.passes();
    agent.metrics_after(passes + 2);
    agent.crash();
    let agent = host.start();
    agent.metrics_after(2);
    let back = Receiver::at(address);
    back.answer(503);
    agent.metrics_after(agent.passes() + 2);
    assert_eq!(back.sent().len(), 0);
    back.answer(200);
    let told = back.wait("firing", CORRECTED, 1);
    let id = told[0]["id"].as_str().unwrap();
    assert!(id.contains(SUBJECT), "{id}");
    let sent = back.sent();
    let header = sent[0].headers.to_ascii_lowercase();
    assert!(header.contains("idempotency-key:") && header.contains("application/json"), "{header}");
    wait_metric(&agent, &of_hook("scrubjay_notifications_queued", address), 0);
    let verify = output(&mut host.command(&["ledger", "verify"]));
    assert_eq!(verify.0, 0, "{verify:?}");
}

#[test]
fn what_a_receiver_will_never_take_is_given_up_and_the_ledger_says_so() {
    let home = tempfile::tempdir().unwrap();
    let receiver = Receiver::start();
    receiver.answer(400);
    let mut host = Watched::told(home.path(), &receiver);
    host.errors(3);
    let agent = host.start();
    wait_metric(&agent, &of_hook("scrubjay_notifications_queued", receiver.address), 0);
    wait_for("dropped", || {
        let page = agent.metrics_after(1);
        let series = of_hook("scrubjay_notifications_dropped_total", receiver.address);
        let found = page.lines().find_map(|line| line.strip_prefix(&series));
        found.filter(|found| found.trim() != "0").map(drop)
    });
    assert_eq!(agent.stop(), 0);
    let export = stdout(&mut host.command(&["ledger", "export"]));
    let row = export.lines().find(|line| line.contains("\"kind\":\"delivery_given_up\""));
    assert!(row.is_some_and(|row| row.contains("it answered 400")), "{export}");
}

#[test]
fn alertmanager_is_told_again_and_again_and_then_that_it_is_over() {
    let home = tempfile::tempdir().unwrap();
    let (one, two) = (Receiver::start(), Receiver::start());
    let mut host = Watched::new(
        home.path(),
        &format!(
            "alertmanager = [\"http://{}\", \"http://{}/prefix\"]\nalertmanager_resend = \"1s\"\n\
             instance = \"db1\"",
            one.address, two.address
        ),
    );
    host.errors(7);
    let agent = host.start();
    let alerts = |receiver: &Receiver| -> Vec<serde_json::Value> {
        let bodies = receiver.sent().into_iter().map(|sent| sent.body);
        let all = bodies.flat_map(|body| body.as_array().cloned().unwrap_or_default());
        all.filter(|alert| alert["labels"]["code"] == CORRECTED).collect()
    };
    for receiver in [&one, &two] {
        let told = wait_for("three times", || Some(alerts(receiver)).filter(|a| a.len() >= 3));
        assert_eq!(told[0]["labels"]["alertname"], "ScrubjayCorrectedErrors");
        assert_eq!(told[0]["labels"]["instance"], "db1");
        assert_eq!(told[0]["labels"]["dimm"], SUBJECT);
        assert_eq!(
            (&told[0]["labels"], &told[0]["startsAt"]),
            (&told[2]["labels"], &told[2]["startsAt"])
        );
        assert!(told[2]["endsAt"].as_str() > told[0]["endsAt"].as_str());
    }
    assert_eq!(one.sent()[0].path, "/api/v2/alerts");
    assert_eq!(two.sent()[0].path, "/prefix/api/v2/alerts");
    let last = alerts(&one).last().unwrap()["endsAt"].as_str().unwrap().to_owned();
    host.kernel.reset_counters(0);
    host.show();
    let over = wait_for("the end", || {
        alerts(&one).into_iter().find(|alert| alert["endsAt"].as_str() < Some(last.as_str()))
    });
    assert_eq!(over["labels"]["code"], CORRECTED);
    drop(agent);
}

#[test]
fn what_cannot_be_looked_at_is_held_and_not_told_to_be_over() {
    let home = tempfile::tempdir().unwrap();
    let receiver = Receiver::start();
    let mut host = Watched::told(home.path(), &receiver);
    host.errors(7);
    let agent = host.start();
    receiver.wait("firing", CORRECTED, 1);
    // A directory where the counter belongs: offered, and not to be read.
    let counter = home.path().join("root/sys/devices/system/edac/mc/mc0/dimm0/dimm_ce_count");
    std::fs::remove_file(&counter).unwrap();
    std::fs::create_dir(&counter).unwrap();
    wait_metric(&agent, "scrubjay_alerts_held", 1);
    let page = stdout(&mut host.command(&["status"]));
    assert!(
        page.contains("held         corrected-errors:") && page.contains("dimm_ce_count"),
        "{page}"
    );
    agent.metrics_after(agent.passes() + 2);
    std::fs::remove_dir(&counter).unwrap();
    host.show();
    wait_metric(&agent, "scrubjay_alerts_held", 0);
    // What the kernel shows of the same errors elsewhere is another subject.
    let of_it = |kind| {
        let all = receiver.notices(kind, CORRECTED);
        all.into_iter().filter(|notice| notice["subject"] == SUBJECT).count()
    };
    assert_eq!((of_it("resolved"), of_it("firing")), (0, 1));
    let history = stdout(&mut host.command(&["history", "alerts", "--json"]));
    let json: serde_json::Value = serde_json::from_str(&history).unwrap();
    let turns = json["turns"].as_array().unwrap().iter();
    let turns = turns.filter(|turn| turn["code"] == CORRECTED && turn["subject"] == SUBJECT);
    let words: Vec<&str> = turns.map(|turn| turn["what"].as_str().unwrap()).collect();
    assert_eq!(words, ["fired", "held", "released"]);
}

#[test]
fn what_is_acknowledged_beside_an_agent_is_told_again_when_there_is_more() {
    let home = tempfile::tempdir().unwrap();
    let receiver = Receiver::start();
    let mut host = Watched::told(home.path(), &receiver);
    host.errors(7);
    let agent = host.start();
    receiver.wait("firing", CORRECTED, 1);
    let give = ["ack", CORRECTED, "--reason", "swap is ordered", "--until", "36h", "--by", "ann"];
    let said = stdout(&mut host.command(&give));
    assert!(said.contains("handed over to the agent that runs"), "{said}");
    let until = "scrubjay_alert_acknowledged_until_timestamp_seconds";
    wait_for("the acknowledgement", || {
        agent.metrics_after(1).contains(&format!("\n{until}{{")).then_some(())
    });
    // The file goes when what it asks is on disk.
    let spool = home.path().join("state/requests");
    wait_for("an empty spool", || (std::fs::read_dir(&spool).unwrap().count() == 0).then_some(()));
    let status = stdout(&mut host.command(&["status"]));
    assert!(status.contains("(1 acknowledged)"), "{status}");
    let explained = stdout(&mut host.command(&["explain", CORRECTED]));
    assert!(explained.contains("acknowledged by ann"), "{explained}");
    let (_, _, body) = agent.get("/api/v1/snapshot");
    let json: serde_json::Value = serde_json::from_str(&body).unwrap();
    let ack = &json["acknowledgements"][0];
    assert_eq!((ack["by"].as_str(), ack["baseline"].as_u64()), (Some("(masked)"), Some(7)));
    agent.crash();
    let agent = host.start();
    agent.metrics_after(2);
    assert_eq!(receiver.notices("reraised", CORRECTED).len(), 0);
    host.errors(2);
    let told = receiver.wait("reraised", CORRECTED, 1);
    assert_eq!(told[0]["why"], "there are 9, and 7 were acknowledged");
    assert_eq!(agent.stop(), 0);
    let export = stdout(&mut host.command(&["ledger", "export"]));
    let what: Vec<&str> = export
        .lines()
        .filter(|line| line.contains("\"kind\":\"acknowledgement\""))
        .map(|line| line.split_once("\"what\":\"").unwrap().1.split('"').next().unwrap())
        .collect();
    assert_eq!(what, ["given", "reraised"], "{export}");
    assert_eq!(output(&mut host.command(&["ledger", "verify"])).0, 0);
}

#[test]
fn a_file_that_is_no_request_is_moved_aside_and_one_that_stayed_is_not_taken_twice() {
    let home = tempfile::tempdir().unwrap();
    let receiver = Receiver::start();
    let mut host = Watched::told(home.path(), &receiver);
    host.errors(7);
    let agent = host.start();
    receiver.wait("firing", CORRECTED, 1);
    let spool = home.path().join("state/requests");
    std::fs::create_dir_all(&spool).unwrap();
    std::fs::write(spool.join("000000000000001-x.json"), "{\"id\":\"../../x\"}").unwrap();
    wait_for("rejected", || spool.join("000000000000001-x.json.rejected").exists().then_some(()));
    drop(agent);
    // As if the agent had been killed after it took the request in, and before it removed the file.
    let request = format!(
        "{{\"id\":\"7-7\",\"by\":\"ann\",\"made_wall_ms\":7,\"what\":{{\"give\":{{\"reason\":\"r\",\
         \"until\":{{\"span\":3600000}},\"alerts\":[{{\"key\":{{\"code\":\"{CORRECTED}\",\"subject\":\
         \"{SUBJECT}\"}},\"verdict\":\"watch\",\"count\":7,\"baseline\":7}}]}}}}}}"
    );
    let file = spool.join("000000000000007-7-7.json");
    for _ in 0..2 {
        std::fs::write(&file, &request).unwrap();
        let agent = host.start();
        wait_for("it is taken in", || (!file.exists()).then_some(()));
        assert_eq!(agent.stop(), 0);
    }
    let history = stdout(&mut host.command(&["history", "alerts", "--csv"]));
    assert_eq!(history.matches(",acknowledged,").count(), 1, "{history}");
}

#[test]
fn without_an_agent_it_is_written_at_once_and_ends_by_the_clock_of_the_host() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let (config, tree) = (home.join("alerts.toml"), home.join("host.tree"));
    std::fs::write(&config, AT_ONCE).unwrap();
    let machine = vec![ControllerSpec::skx(0, 0, 2, 2)];
    let mut kernel = Kernel::boot(machine, View::DimmsAndCsrows);
    kernel.wait(Duration::from_secs(1));
    kernel.corrected(0, 0, 7);
    let run = |kernel: &Kernel, words: &[&str]| {
        std::fs::write(&tree, kernel.tree()).unwrap();
        let mut command = Command::new(crate::harness::SCRUBJAY);
        command.env_clear().env("HOME", home).arg("--config").arg(&config).args(words);
        command.arg("--state-dir").arg(home.join("state")).arg("--root").arg(&tree);
        output(command.stdin(Stdio::null()))
    };
    let pass = |kernel: &Kernel| run(kernel, &["agent", "--once"]).2;
    let log = pass(&kernel);
    assert!(log.contains("alert corrected-errors:") && log.contains("fires"), "{log}");
    let give = ["ack", SUBJECT, "--reason", "known", "--until", "36h", "--by", "ann"];
    let (code, said, stderr) = run(&kernel, &give);
    assert!(code == 0 && said.contains("no agent runs"), "{said}{stderr}");
    let (_, listed, _) = run(&kernel, &["ack", "list"]);
    assert!(listed.contains("corrected-errors:skylake") && listed.contains("firing"), "{listed}");
    kernel.wait(Duration::from_secs(35 * 3_600));
    assert!(!pass(&kernel).contains("is told again"));
    // Setting the clock by ten years is no time passed.
    kernel.step_wall_clock(315_576_000_000);
    assert!(!pass(&kernel).contains("is told again"));
    kernel.wait(Duration::from_secs(2 * 3_600));
    let log = pass(&kernel);
    assert!(log.contains("is told again") && log.contains("time that ann set"), "{log}");
    // What is given may be taken back, and what is not there cannot.
    assert_eq!(run(&kernel, &give).0, 0);
    let (code, said, _) = run(&kernel, &["unack", CORRECTED]);
    assert!(code == 0 && said.contains("taken back"), "{said}");
    assert_eq!(run(&kernel, &["unack", CORRECTED]).0, 3);
    assert_eq!(run(&kernel, &["ack", "guest", "--reason", "r", "--until", "1h"]).0, 3);
    let (code, _, stderr) =
        run(&kernel, &["ack", CORRECTED, "--reason", "r", "--until", "1h", "--baseline", "3"]);
    assert!(code == 1 && stderr.contains("has 7 already"), "{stderr}");
    assert_eq!(run(&kernel, &["ack", CORRECTED, "--until", "1h"]).0, 2);
}

#[test]
fn status_says_what_is_acknowledged() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let tree = home.join("host.tree");
    std::fs::write(&tree, &trees::timeline("suspend")[1]).unwrap();
    let config = home.join("alerts.toml");
    std::fs::write(&config, AT_ONCE).unwrap();
    let run = |words: &[&str]| {
        let mut command = Command::new(crate::harness::SCRUBJAY);
        command.env_clear().env("HOME", home).arg("--config").arg(&config).args(words);
        command.arg("--state-dir").arg(home.join("state")).arg("--root").arg(&tree);
        stdout(command.stdin(Stdio::null()))
    };
    run(&["agent", "--once"]);
    run(&["ack", CORRECTED, "--reason", "swap is ordered", "--until", "36h", "--by", "ann"]);
    run(&["agent", "--once"]);
    let status = run(&["status"]);
    let (head, _) = status.split_once("memory errors:").unwrap();
    golden::compare("acknowledged.status.txt", head);
    golden::compare("acknowledged.history.txt", &run(&["history", "alerts"]));
    golden::compare("acknowledged.list.txt", &run(&["ack", "list"]));
}

#[test]
fn whether_receivers_hear_is_tried_on_request() {
    let home = tempfile::tempdir().unwrap();
    let receiver = Receiver::start();
    let at = receiver.address;
    let home = home.path();
    let config = home.join("notify.toml");
    let secret = home.join("secret");
    std::fs::write(&secret, "Bearer abc\n").unwrap();
    let text = format!(
        "[notify]\nwebhook = [\"http://{at}/hook\"]\nwebhook_authorization_file = \"{}\"\n\
         alertmanager = [\"http://{at}\"]\n",
        secret.display()
    );
    std::fs::write(&config, text).unwrap();
    let run = |words: &[&str]| {
        let mut command = Command::new(crate::harness::SCRUBJAY);
        command.env_clear().env("HOME", home).arg("--config").arg(&config).args(words);
        output(command.stdin(Stdio::null()))
    };
    let (code, page, _) = run(&["notify", "test"]);
    assert_eq!(code, 0, "{page}");
    assert_eq!(page.matches(": told\n").count(), 3, "{page}");
    assert_eq!(receiver.notices("test", "test").len(), 1);
    let sent = receiver.sent();
    let hook = sent.iter().find(|sent| sent.path == "/hook").unwrap();
    assert!(hook.headers.to_ascii_lowercase().contains("authorization: bearer abc"));
    let managed = sent.iter().find(|sent| sent.path == "/api/v2/alerts").unwrap();
    assert!(!managed.headers.to_ascii_lowercase().contains("authorization"));
    receiver.answer(500);
    let (code, page, _) = run(&["notify", "test", "--to", "webhook", "--json"]);
    assert!(code == 1 && page.contains("\"failure\":\"it answered 500\""), "{page}");
    std::fs::remove_file(&secret).unwrap();
    let (code, page, _) = run(&["notify", "test", "--to", "webhook"]);
    assert!(code == 1 && page.contains("cannot read"), "{page}");
    assert_eq!(run(&["notify", "test", "--to", "pager"]).0, 3);
}

/// Alertmanager of Debian, if it is there.
fn alertmanager() -> Option<std::path::PathBuf> {
    let named = std::env::var_os("ALERTMANAGER").map(std::path::PathBuf::from);
    let usual = ["/usr/bin/prometheus-alertmanager", "/usr/bin/alertmanager"];
    named.into_iter().chain(usual.map(Into::into)).find(|path| path.is_file())
}

#[test]
fn a_real_alertmanager_takes_what_it_is_sent() {
    let Some(program) = alertmanager() else {
        println!("skipped: no Alertmanager (Debian: prometheus-alertmanager)");
        return;
    };
    let home = tempfile::tempdir().unwrap();
    // A port that was free a moment ago.
    let address = Receiver::start().address;
    let config = home.path().join("am.yml");
    std::fs::write(&config, "route:\n  receiver: nobody\nreceivers:\n  - name: nobody\n").unwrap();
    let mut server = Command::new(program)
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--storage.path={}", home.path().join("am").display()))
        .arg(format!("--web.listen-address={address}"))
        .arg("--cluster.listen-address=")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let notify = format!("alertmanager = [\"http://{address}\"]\nalertmanager_resend = \"1s\"");
    let mut host = Watched::new(home.path(), &notify);
    host.errors(7);
    let agent = host.start();
    let active = || -> Option<Vec<serde_json::Value>> {
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(address).ok()?;
        write!(stream, "GET /api/v2/alerts HTTP/1.0\r\nHost: x\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
    };
    let of_it = |alerts: &[serde_json::Value]| {
        alerts.iter().find(|alert| alert["labels"]["code"] == CORRECTED).cloned()
    };
    let found = wait_for("the alert in Alertmanager", || of_it(&active()?));
    assert_eq!(found["labels"]["alertname"], "ScrubjayCorrectedErrors");
    assert_eq!(found["status"]["state"], "active");
    host.kernel.reset_counters(0);
    host.show();
    wait_for("its end in Alertmanager", || of_it(&active()?).is_none().then_some(()));
    drop(agent);
    server.kill().unwrap();
    server.wait().unwrap();
}
