//! Boots that other tools remember, taken in by the real binary from files as those tools write
//! them.

use crate::harness::{Agent, output, scrubjay, stdout};
use std::path::Path;
use std::process::Command;

const DAY_S: u32 = 86_400;
/// 2024-01-01.
const START_S: u32 = 1_704_067_200;

/// A record of utmp as a machine with 384 bytes writes it.
fn record(kind: u16, user: &str, kernel: &str, seconds: u32) -> Vec<u8> {
    let mut bytes = vec![0; 384];
    let mut put = |at: usize, part: &[u8]| bytes[at..at + part.len()].copy_from_slice(part);
    put(0, &kind.to_le_bytes());
    put(8, b"~");
    put(40, b"~~");
    put(44, user.as_bytes());
    put(76, kernel.as_bytes());
    put(340, &seconds.to_le_bytes());
    bytes
}

/// Three boots, of which the second was cut off and the third may be running.
fn wtmp() -> Vec<u8> {
    let kernel = "6.1.0-9-amd64";
    [
        record(2, "reboot", kernel, START_S),
        record(1, "shutdown", kernel, START_S + 10 * DAY_S),
        record(2, "reboot", kernel, START_S + 10 * DAY_S + 60),
        record(2, "reboot", kernel, START_S + 20 * DAY_S),
    ]
    .concat()
}

fn put(root: &Path, path: &str, bytes: &[u8]) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// A root with what wtmp remembers, and the boot that runs.
fn root(home: &Path) -> std::path::PathBuf {
    let root = home.join("root");
    put(&root, "var/log/wtmp", &wtmp());
    let id = b"11111111-2222-4333-8444-555555555555\n";
    put(&root, "proc/sys/kernel/random/boot_id", id);
    put(&root, "proc/sys/kernel/osrelease", b"6.12.0-1-amd64\n");
    root
}

fn on(home: &Path, root: &Path, args: &[&str]) -> Command {
    let mut command = scrubjay(home);
    command.args(args).arg("--root").arg(root).arg("--state-dir").arg(home.join("state"));
    command
}

fn json(command: &mut Command) -> serde_json::Value {
    serde_json::from_str(&stdout(command)).unwrap()
}

/// Beginning (in days from the first), end, cause and sources of each boot.
fn told(page: &serde_json::Value) -> Vec<String> {
    let one = |line: &serde_json::Value| {
        let after = line["booted_wall_ms"].as_i64().unwrap() / 1000 - i64::from(START_S);
        let word = |key: &str| line[key].as_str().unwrap_or("-").to_owned();
        let sources: Vec<&str> =
            line["sources"].as_array().unwrap().iter().map(|s| s.as_str().unwrap()).collect();
        let day = after / i64::from(DAY_S);
        format!("{day} {} {} {}", word("end"), word("cause"), sources.join("+"))
    };
    page["lines"].as_array().unwrap().iter().map(one).collect()
}

#[test]
fn importing_twice_adds_nothing_and_every_boot_is_told() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let root = root(home);
    let first = json(&mut on(home, &root, &["import", "--json"]));
    let of =
        |page: &serde_json::Value, key: &str| page["imports"][0]["taken"]["value"][key].clone();
    assert_eq!((of(&first, "told"), of(&first, "added")), (3.into(), 3.into()), "{first}");
    let again = stdout(&mut on(home, &root, &["import"]));
    assert!(again.starts_with("3 boots told, 0 of them new to the history in "), "{again}");
    assert!(again.contains("cannot tell") && again.contains("nothing taken: not offered"));

    let page = json(&mut on(home, &root, &["history", "boots", "--json"]));
    let expected =
        ["0 clean - wtmp", "10 unclean not_known wtmp", "20 unknown - wtmp"].map(str::to_owned);
    assert_eq!(told(&page), expected);
    let sum = &page["availability"];
    // Ten days up, a minute down, and not known from the boot that was cut off on.
    assert_eq!(sum["up_seconds"], f64::from(10 * DAY_S));
    assert_eq!(sum["down_seconds"], 60.0);
    assert_eq!(sum["unknown_seconds"], f64::from(10 * DAY_S - 60));
    let text = stdout(&mut on(home, &root, &["history", "boots"]));
    assert!(text.contains("at least 50.000 %, at most 99.997 %"), "{text}");
}

#[test]
fn one_tool_can_be_asked_and_one_that_is_not_there_is_no_data() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let root = root(home);
    let (code, page, _) = output(&mut on(home, &root, &["import", "--from", "tuptime"]));
    assert_eq!(code, 3, "{page}");
    assert!(page.contains("tuptime:") && !page.contains("wtmp:"), "{page}");
    let page = json(&mut on(home, &root, &["import", "--from", "wtmp", "--json"]));
    assert_eq!(page["imports"].as_array().unwrap().len(), 1);
}

#[test]
fn a_new_agent_begins_with_the_past_unless_it_is_told_not_to() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let root = root(home);
    let file = home.join("no-import.toml");
    std::fs::write(&file, "[history]\nimport = false\n").unwrap();
    let mut command = Command::new(crate::harness::SCRUBJAY);
    command.env_clear().env("HOME", home).arg("--config").arg(&file);
    command.args(["agent", "--once", "--root"]).arg(&root);
    command.arg("--state-dir").arg(home.join("state"));
    stdout(&mut command);
    let page = json(&mut on(home, &root, &["history", "boots", "--json"]));
    assert_eq!(page["lines"].as_array().unwrap().len(), 1, "{page}");

    let (code, _, log) = output(&mut on(home, &root, &["agent", "--once"]));
    assert_eq!(code, 0, "{log}");
    assert!(log.contains("took in 3 earlier boots that wtmp remembers"), "{log}");
    let (_, _, log) = output(&mut on(home, &root, &["agent", "--once"]));
    assert!(!log.contains("took in"), "{log}");
    let page = json(&mut on(home, &root, &["history", "boots", "--json"]));
    let lines = told(&page);
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(lines[3].ends_with("running - agent"), "{lines:?}");
    assert_eq!(page["boots"].as_array().unwrap().len(), 1);
}

#[test]
fn while_an_agent_has_the_history_open_an_import_says_what_to_do() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let root = root(home);
    let agent = Agent::start(home, &root);
    agent.metrics_after(1);
    let (code, page, stderr) = output(&mut on(home, &root, &["import"]));
    assert_eq!((code, page.as_str()), (1, ""));
    assert!(stderr.contains("stop the agent, import, and start it again"), "{stderr}");
    assert_eq!(agent.stop(), 0);
}

#[test]
fn another_hosts_past_is_never_taken_into_this_hosts_history() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let root = root(home);
    let (code, _, stderr) = output(scrubjay(home).args(["import", "--root"]).arg(&root));
    assert_eq!(code, 1);
    assert!(stderr.contains("--state-dir"), "{stderr}");
}
