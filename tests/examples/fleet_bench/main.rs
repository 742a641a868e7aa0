//! What asking about ten thousand hosts takes: CPU time and peak memory of the binary, beside a server
//! that answers at once. Started by `tests/bench/fleet`.

#![expect(clippy::print_stdout, reason = "says what it measured")]
#![expect(clippy::disallowed_methods, reason = "runs the binary and looks at its process")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a failure ends it")]

use scrubjay_alerts::fleet::{Family, Scope};
use scrubjay_tests::fleet_answers::FleetAnswers;
use scrubjay_tests::fleet_api::{FleetApi, Reply};
use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::Duration;

const HOSTS: u32 = 10_000;
/// The limits.
const MOST_CPU_S: f64 = 2.0;
const MOST_KIB: u64 = 200 * 1024;
/// Ticks of `/proc/PID/stat`: `USER_HZ` is 100 on every architecture that is built for.
const TICKS: f64 = 100.0;

fn main() {
    let binary = std::env::args().nth(1).unwrap_or_else(|| panic!("name the binary first"));
    let answers = FleetAnswers { hosts: HOSTS };
    let scope = Scope { matchers: String::new(), look_back_s: 604_800, job: "scrubjay".to_owned() };
    let ready: BTreeMap<String, String> = Family::ALL
        .into_iter()
        .map(|family| family.query(&scope))
        .map(|query| (query.clone(), answers.answer(&query)))
        .collect();
    let bytes: usize = ready.values().map(String::len).sum();
    println!("{HOSTS} hosts, {} answers of {} MiB", ready.len(), bytes >> 20);
    let api = FleetApi::start(move |asked| match ready.get(asked.query()) {
        Some(answer) => Reply::ok(answer.clone()),
        None => Reply::ok(answers.answer(asked.query())),
    });
    let mut is_within = true;
    for command in ["status", "plan", "report"] {
        let before = children_cpu_s();
        let mut child = Command::new(&binary)
            .args(["fleet", command, "--json", "--group-by", "rack", "--url", &api.url()])
            .args(["--at", "2026-11-24T06:02:00Z"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut peak_kib = 0;
        let status = loop {
            peak_kib = peak_kib.max(peak(child.id()).unwrap_or(0));
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        assert!(status.success(), "fleet {command}: {status}");
        let cpu_s = children_cpu_s() - before;
        println!("fleet {command}: {cpu_s:.2} s of CPU, {} MiB at most", peak_kib / 1024);
        is_within &= cpu_s <= MOST_CPU_S && peak_kib <= MOST_KIB;
    }
    assert!(is_within, "more than {MOST_CPU_S} s or {} MiB", MOST_KIB / 1024);
}

/// CPU time of children that ended.
fn children_cpu_s() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let (_, fields) = text.rsplit_once(')').unwrap();
    let ticks = fields.split_whitespace().skip(13).take(2);
    ticks.map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>() / TICKS
}

/// Most memory that a process had resident so far.
fn peak(pid: u32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}
