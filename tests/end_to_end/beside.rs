//! What `status` says of the agent that runs beside it.

use crate::harness::{Agent, scrubjay, stdout};
use scrubjay_model::{BootId, PassAbout, SharedPass};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

fn status(home: &Path) -> Command {
    let mut command = scrubjay(home);
    command.args(["--root", "/", "status", "--state-dir"]).arg(home.join("state"));
    command
}

/// What a page says of the agent, on one line.
fn agent(home: &Path) -> String {
    let page = stdout(&mut status(home));
    let (_, told) = page.split_once("\n  agent        ").unwrap();
    let more =
        told.lines().take(1).chain(told.lines().skip(1).take_while(|line| line.starts_with("   ")));
    more.map(str::trim).collect::<Vec<_>>().join(" ")
}

#[test]
fn status_tells_of_the_agent_that_runs_or_why_none_does() {
    let home = tempfile::tempdir().unwrap();
    let told = agent(home.path());
    assert!(told.starts_with("none has left word of a pass in "), "{told}");

    let running = Agent::start_every("1s", home.path(), Path::new("/"), |_| {});
    running.metrics_after(1);
    let told = agent(home.path());
    assert!(told.starts_with("running since 20"), "{told}");
    assert!(told.contains("one every 1 s") && told.contains("history file"), "{told}");
    let json: serde_json::Value =
        serde_json::from_str(&stdout(status(home.path()).arg("--json"))).unwrap();
    assert!(json["agent"]["passes"].as_u64() >= Some(1), "{}", json["agent"]);
    assert_eq!(running.stop(), 0);
    let told = agent(home.path());
    assert!(told.starts_with("stopped at 20"), "{told}");

    let killed = Agent::start_every("1s", home.path(), Path::new("/"), |_| {});
    // Until its first pass what the one before has left is there.
    wait_for(home.path(), "running since 20");
    killed.crash();
    let told = wait_for(home.path(), "no pass since 20");
    assert!(told.ends_with("it was killed or hangs (journalctl -u scrubjay)"), "{told}");
}

/// What is said of the agent, once it begins like this.
fn wait_for(home: &Path, beginning: &str) -> String {
    for _ in 0..100 {
        let told = agent(home);
        if told.starts_with(beginning) {
            return told;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("it never says \"{beginning}\", but: {}", agent(home))
}

#[test]
fn a_pass_of_another_boot_is_none_of_an_agent_that_runs() {
    let home = tempfile::tempdir().unwrap();
    let running = Agent::start_every("24h", home.path(), Path::new("/"), |_| {});
    running.metrics_after(1);
    wait_for(home.path(), "running since 20");
    running.crash();
    let left = home.path().join("state/last-pass");
    let version = env!("CARGO_PKG_VERSION");
    let SharedPass { about, view } =
        SharedPass::from_bytes(&std::fs::read(&left).unwrap(), version).unwrap();
    let boot = BootId::parse("5a6b7c8d-1234-5678-9abc-def012345678").unwrap();
    std::fs::write(&left, PassAbout { boot, ..about }.with(&view, version)).unwrap();
    let told = agent(home.path());
    assert!(told.starts_with("none has made a pass in this boot"), "{told}");
}

#[test]
fn what_cannot_be_told_of_an_agent_is_said() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(home.path().join("state")).unwrap();
    let left = home.path().join("state/last-pass");
    std::fs::write(&left, "scrubjay pass 1\nof another version").unwrap();
    let told = agent(home.path());
    assert!(told.starts_with("one of another version has left "), "{told}");
    std::fs::write(&left, "something else").unwrap();
    let told = agent(home.path());
    assert!(told.ends_with("tells of none: it is none of scrubjay's"), "{told}");
    std::fs::remove_file(&left).unwrap();
    std::fs::create_dir(&left).unwrap();
    let told = agent(home.path());
    assert!(told.starts_with("unreadable: "), "{told}");
}
