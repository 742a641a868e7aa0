//! Boots, runs, coverage and the wall clock.

use super::support::{
    Host, INTERVAL, START_WALL_MS, absent, answered, append, boot, directory, kill, start,
};
use crate::plan::QUIET_FLUSH;
use crate::{History, HistoryReader};
use scrubjay_model::{
    BootEnd, BootId, BootRecord, ClockStepRecord, CoverageRecord, Kernel, Origin, Reading,
};
use std::path::Path;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

fn reader(dir: &Path) -> HistoryReader {
    HistoryReader::open(dir).unwrap().unwrap()
}

fn ends(dir: &Path) -> Vec<BootEnd> {
    reader(dir).boots().unwrap().into_iter().map(|boot| boot.end).collect()
}

/// From and to of every stretch, in seconds of wall time after the beginning.
fn covered(dir: &Path) -> Vec<(i64, i64)> {
    let seconds = |wall_ms: i64| (wall_ms - START_WALL_MS) / 1_000;
    let stretches = reader(dir).coverage().unwrap();
    stretches.iter().map(|c| (seconds(c.from_wall_ms), seconds(c.to_wall_ms))).collect()
}

#[test]
fn a_boot_is_remembered_with_its_kernel_its_age_and_its_sleep() {
    let dir = directory();
    let mut host = Host::new();
    let mut history = start(dir.path(), &host.at());
    append(&mut history, &host);
    host.pass(MINUTE);
    host.slept = Duration::from_secs(30);
    let mut snapshot = host.snapshot();
    snapshot.kernel = Some(answered(Reading::Value(Kernel {
        release: Reading::Value("6.1.0-18-amd64".to_owned()),
        version: Reading::Value("#1 SMP Debian 6.1.76-1".to_owned()),
        banner: absent(),
        version_signature: Reading::Absent(Origin::new("proc/version_signature")),
        uname: absent(),
        modules_supported: absent(),
        modules_root: absent(),
        modules_directory: absent(),
    })));
    history.append(&snapshot);
    history.end_run(&host.at()).unwrap();
    assert_eq!(
        reader(dir.path()).boots().unwrap(),
        [BootRecord {
            boot: boot(1),
            booted_wall_ms: Some(START_WALL_MS - 100_000),
            last_seen_wall_ms: Some(START_WALL_MS + 60_000),
            ran: Some(Duration::from_secs(160)),
            slept: Some(Duration::from_secs(30)),
            kernel_release: Some("6.1.0-18-amd64".to_owned()),
            kernel_version: Some("#1 SMP Debian 6.1.76-1".to_owned()),
            end: BootEnd::Running,
            evidence: "No later boot has been seen.".to_owned(),
        }]
    );
}

#[test]
fn a_boot_whose_agent_was_stopped_shortly_before_the_next_ended_cleanly() {
    let dir = directory();
    let mut host = Host::new();
    let mut history = start(dir.path(), &host.at());
    host.pass(Duration::from_secs(90));
    history.end_run(&host.at()).unwrap();
    drop(history);
    host.reboot(2);
    start(dir.path(), &host.at());
    assert_eq!(ends(dir.path()), [BootEnd::Clean, BootEnd::Running]);
    let runs = reader(dir.path()).runs().unwrap();
    let stopped: Vec<_> = runs.iter().map(|run| run.stopped_wall_ms).collect();
    assert_eq!(stopped, [Some(START_WALL_MS + 90_000), None]);
}

#[test]
fn from_a_run_of_a_single_pass_nothing_follows_about_the_end_of_the_boot() {
    for reopened in [false, true] {
        let dir = directory();
        let mut host = Host::new();
        let mut history = start(dir.path(), &host.at());
        append(&mut history, &host);
        history.end_run(&host.at()).unwrap();
        if reopened {
            drop(history);
            history = History::open(dir.path(), &host.at()).unwrap();
        }
        host.reboot(2);
        let interval = Duration::from_secs(60);
        history.begin_run(&host.at(), "test", interval).unwrap();
        assert_eq!(ends(dir.path()), [BootEnd::Unknown, BootEnd::Running], "{reopened}");
    }
}

#[test]
fn a_boot_whose_agent_was_cut_off_ended_uncleanly() {
    let dir = directory();
    let mut host = Host::new();
    let mut history = start(dir.path(), &host.at());
    // An earlier run in order does not help.
    history.end_run(&host.at()).unwrap();
    history.begin_run(&host.at(), "1.0.0", INTERVAL).unwrap();
    let dir = kill(history, dir.path());
    host.reboot(2);
    start(dir.path(), &host.at());
    assert_eq!(ends(dir.path()), [BootEnd::Unclean, BootEnd::Running]);
}

#[test]
fn boots_that_pass_while_the_agent_does_not_run_leave_an_unknown_end() {
    let dir = directory();
    let mut host = Host::new();
    let mut history = start(dir.path(), &host.at());
    history.end_run(&host.at()).unwrap();
    drop(history);
    host.wall_ms += 31 * 60_000;
    host.reboot(2);
    start(dir.path(), &host.at());
    assert_eq!(ends(dir.path()), [BootEnd::Unknown, BootEnd::Running]);
}

#[test]
fn a_reboot_within_one_run_of_the_agent_splits_the_run() {
    // No live host does this, but a root of files may.
    let dir = directory();
    let mut host = Host::new();
    let mut history = start(dir.path(), &host.at());
    append(&mut history, &host);
    host.reboot(2);
    append(&mut history, &host);
    host.pass(MINUTE);
    append(&mut history, &host);
    history.end_run(&host.at()).unwrap();
    let boots: Vec<BootId> =
        reader(dir.path()).runs().unwrap().into_iter().map(|run| run.boot).collect();
    assert_eq!(boots, [boot(1), boot(2)]);
    assert_eq!(ends(dir.path()), [BootEnd::Unclean, BootEnd::Running]);
    assert_eq!(covered(dir.path()), [(0, 0), (80, 140)]);
}

#[test]
fn a_host_that_never_tells_its_boot_id_has_one_boot_that_never_ends() {
    let dir = directory();
    let mut host = Host::new();
    for reboots in 0..3 {
        host.reboot(reboots);
        host.boot = BootId::unknown();
        append(&mut start(dir.path(), &host.at()), &host);
    }
    assert_eq!(ends(dir.path()), [BootEnd::Running]);
    host.reboot(7);
    start(dir.path(), &host.at());
    assert_eq!(ends(dir.path()), [BootEnd::Unknown, BootEnd::Running]);
}

#[test]
fn the_beginning_of_a_boot_is_kept_when_the_wall_clock_steps_and_the_step_is_recorded_once() {
    let dir = directory();
    let mut host = Host::new();
    let mut history = start(dir.path(), &host.at());
    append(&mut history, &host);
    for by_ms in [3_600_000, -7_200_000] {
        host.pass(MINUTE);
        host.wall_ms += by_ms;
        append(&mut history, &host);
        host.pass(MINUTE);
        append(&mut history, &host);
        // Restarting the agent neither hides a step nor repeats one.
        drop(history);
        history = start(dir.path(), &host.at());
        append(&mut history, &host);
    }
    // One while it was away, and one before it was stopped.
    drop(history);
    host.pass(MINUTE);
    host.wall_ms += 5_000;
    let mut history = start(dir.path(), &host.at());
    append(&mut history, &host);
    host.wall_ms += 9_000;
    history.end_run(&host.at()).unwrap();
    history.begin_run(&host.at(), "1.0.0", INTERVAL).unwrap();
    append(&mut history, &host);

    let steps = reader(dir.path()).clock_steps().unwrap();
    let by: Vec<i64> = steps.iter().map(|step| step.by_ms).collect();
    assert_eq!(by, [3_600_000, -7_200_000, 5_000, 9_000]);
    let at_wall_ms = START_WALL_MS + 60_000 + 3_600_000;
    assert_eq!(steps[0], ClockStepRecord { boot: boot(1), at_wall_ms, by_ms: 3_600_000 });
    let boots = reader(dir.path()).boots().unwrap();
    assert_eq!(boots[0].booted_wall_ms, Some(START_WALL_MS - 100_000));
    assert_eq!(history.summary(&host.at()).unwrap().clock_steps, 4);
}

#[test]
fn a_suspended_agent_and_a_sleeping_host_leave_gaps() {
    let dir = directory();
    let mut host = Host::new();
    let mut history = start(dir.path(), &host.at());
    // Two and a half intervals are no gap yet.
    for after in [0, 60, 60, 150, 151, 60] {
        host.pass(Duration::from_secs(after));
        append(&mut history, &host);
    }
    host.pass(Duration::from_secs(600));
    host.slept += Duration::from_secs(600);
    append(&mut history, &host);
    history.end_run(&host.at()).unwrap();
    assert_eq!(covered(dir.path()), [(0, 270), (421, 481), (1_081, 1_081)]);
    let records = reader(dir.path()).coverage().unwrap();
    let first = CoverageRecord {
        boot: boot(1),
        from_wall_ms: START_WALL_MS,
        to_wall_ms: START_WALL_MS + 270_000,
        length: Duration::from_secs(270),
    };
    assert_eq!(records[0], first);
}

#[test]
fn after_a_kill_coverage_understates_by_no_more_than_a_flush() {
    let dir = directory();
    let mut host = Host::new();
    let mut history = start(dir.path(), &host.at());
    append(&mut history, &host);
    for _ in 0..25 {
        host.pass(MINUTE);
        append(&mut history, &host);
    }
    let live = history.summary(&host.at()).unwrap();
    assert_eq!((live.covered, live.covered_without_gap), (25 * MINUTE, 25 * MINUTE));
    let read = reader(dir.path()).summary(&host.at()).unwrap();
    assert_eq!(read.covered_without_gap, read.covered);

    let left = kill(history, dir.path());
    let written = reader(left.path()).summary(&host.at()).unwrap().covered;
    assert!(written <= live.covered && written + QUIET_FLUSH >= live.covered, "{written:?}");

    host.pass(10 * MINUTE);
    let mut history = start(left.path(), &host.at());
    append(&mut history, &host);
    let after = history.summary(&host.at()).unwrap();
    assert_eq!((after.covered, after.covered_without_gap), (written, Duration::ZERO));
}

#[test]
fn a_stretch_does_not_go_on_when_nobody_has_looked_for_long() {
    let dir = directory();
    let mut host = Host::new();
    let mut history = start(dir.path(), &host.at());
    append(&mut history, &host);
    host.pass(MINUTE);
    append(&mut history, &host);
    host.pass(60 * MINUTE);
    for summary in [history.summary(&host.at()), reader(dir.path()).summary(&host.at())] {
        assert_eq!(summary.unwrap().covered_without_gap, Duration::ZERO);
    }
}

#[test]
fn without_a_boot_clock_no_coverage_is_claimed_and_nothing_fails() {
    let dir = directory();
    let host = Host::new();
    let mut snapshot = host.snapshot();
    snapshot.at.since_boot = None;
    snapshot.at.awake = None;
    let mut history = start(dir.path(), &snapshot.at);
    for _ in 0..3 {
        assert!(history.append(&snapshot).error.is_none());
        snapshot.at.wall_ms += 60_000;
    }
    history.end_run(&snapshot.at).unwrap();
    assert_eq!(covered(dir.path()), []);
    assert_eq!(reader(dir.path()).boots().unwrap()[0].slept, None);
}

#[test]
fn identical_passes_of_a_day_write_next_to_nothing() {
    let dir = directory();
    let mut host = Host::new();
    // Sixteen controllers of two DIMMs: the 32 of the budget.
    host.controllers = (0..16).map(|n| super::support::Mc::new(n, "F19h")).collect();
    let mut history = start(dir.path(), &host.at());
    append(&mut history, &host);
    // Every write stays in the log, so that its size is what was written.
    history
        .conn
        .execute_batch("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA wal_autocheckpoint = 0")
        .unwrap();
    let before = history.stats();
    for _ in 0..1_440 {
        host.pass(MINUTE);
        append(&mut history, &host);
    }
    let after = history.stats();
    assert_eq!(after.writes - before.writes, 144);
    let written = after.size_bytes.unwrap() - before.size_bytes.unwrap();
    // The budget is 2 MiB; two pages a flush are 1.2 MB.
    assert!(written <= 1_250_000, "{written} bytes");
    // What a quiet day leaves for good is one checkpoint.
    let last = "SELECT kind, length(line) FROM ledger ORDER BY seq DESC LIMIT 1";
    let (kind, bytes): (String, i64) =
        history.conn.query_row(last, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    assert!(kind == "checkpoint" && bytes <= 600, "{kind}, {bytes} bytes");
}

#[test]
fn appending_without_a_run_is_an_error_that_still_states_the_sums() {
    let dir = directory();
    let host = Host::new();
    let mut history = History::open(dir.path(), &host.at()).unwrap();
    let appended = history.append(&host.snapshot());
    assert!(matches!(appended.error, Some(crate::StorageError::NoRun)));
    assert_eq!(appended.accumulated.totals.len(), 8);
    history.end_run(&host.at()).unwrap();
    assert!(reader(dir.path()).runs().unwrap().is_empty());
}
