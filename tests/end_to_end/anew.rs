//! An agent that is started anew answers at once, with what the one before it saw.

use crate::harness::{Agent, sample};
use rusqlite::Connection;
use std::path::Path;
use std::time::Duration;

const PASSES: &str = "scrubjay_agent_passes_total";

fn agent(home: &Path) -> Agent {
    Agent::start_every("2s", home, Path::new("/"), |command| {
        command.args(["--log.level", "debug"]);
    })
}

/// An agent that cannot begin its run, as somebody keeps the history for himself; and that somebody.
fn held_up(home: &Path) -> (Agent, Connection) {
    let shell = Connection::open(home.join("state/history.db")).unwrap();
    shell.execute_batch("BEGIN IMMEDIATE").unwrap();
    (agent(home), shell)
}

#[test]
fn until_its_first_pass_it_shows_the_last_one_of_the_agent_before() {
    let home = tempfile::tempdir().unwrap();
    let before = agent(home.path());
    before.metrics_after(2);
    assert_eq!(before.stop(), 0);

    let (after, shell) = held_up(home.path());
    let (status, _, page) = after.get("/metrics");
    assert_eq!(status, 200, "{page}");
    assert!(sample(&page, PASSES) >= Some(2), "{page}");
    assert_eq!(sample(&page, "scrubjay_snapshot_stale"), Some(0));
    assert_eq!(after.get("/healthz").0, 200);
    assert_eq!(after.get("/").0, 200);

    shell.execute_batch("ROLLBACK").unwrap();
    drop(shell);
    for _ in 0..1_000 {
        // Its own passes are counted from one.
        if sample(&after.get("/metrics").2, PASSES) == Some(1) {
            assert_eq!(after.stop(), 0);
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("it goes on to show what the agent before it saw");
}

#[test]
fn what_was_left_too_long_ago_or_cut_off_is_not_shown() {
    let home = tempfile::tempdir().unwrap();
    let before = agent(home.path());
    before.metrics_after(1);
    before.crash();
    let left = home.path().join("state/last-pass");
    let whole = std::fs::read(&left).unwrap();
    std::fs::write(&left, &whole[..whole.len() / 2]).unwrap();
    let (after, shell) = held_up(home.path());
    let (status, _, body) = after.get("/metrics");
    assert!(status == 503 && body.contains("no pass"), "{status} {body}");
    after.crash();
    drop(shell);

    // It was good for three intervals.
    std::fs::write(&left, &whole).unwrap();
    std::thread::sleep(Duration::from_secs(7));
    let (after, _shell) = held_up(home.path());
    let (status, _, body) = after.get("/metrics");
    assert!(status == 503 && body.contains("no pass"), "{status} {body}");
    after.crash();
}
