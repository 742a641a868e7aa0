//! Disks that fill up, turn read-only, fail or go away under a running agent: it goes on reading
//! and serving, says so, and loses nothing once the disk is back.

use crate::faults::{Mount, failing_disk};
use crate::harness::{Agent, corrected, output, sample, scrubjay};
use scrubjay_tests::directory;
use scrubjay_tests::edac_model::{ControllerSpec, Kernel, View};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A host whose errors are known.
struct Host {
    kernel: Kernel,
    root: PathBuf,
    truth: u64,
}

impl Host {
    fn new(home: &Path) -> Self {
        let kernel = Kernel::boot(vec![ControllerSpec::skx(0, 0, 2, 2)], View::DimmsAndCsrows);
        let mut host = Self { kernel, root: home.join("root"), truth: 0 };
        host.count(5);
        host
    }

    fn count(&mut self, errors: u16) {
        self.kernel.wait(Duration::from_secs(1));
        self.kernel.corrected(0, 1, errors);
        self.truth += u64::from(errors);
        directory::show(&self.root, &self.kernel.tree());
    }
}

/// The first page that shows all errors and whether the history fails; the agent must serve
/// throughout.
fn page_with(agent: &Agent, host: &Host, failing: bool) -> String {
    for _ in 0..600 {
        let page = agent.metrics_after(1);
        let fails = sample(&page, "scrubjay_history_failing").unwrap() == 1;
        if corrected(&page) == host.truth && fails == failing {
            return page;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("not {} errors with failing {failing}: {}", host.truth, agent.metrics_after(1));
}

fn verdict_names_it(agent: &Agent) {
    let (_, _, body) = agent.get("/api/v1/snapshot");
    assert!(body.contains("history-not-written"), "{body}");
}

/// Ends the agent, and holds the history it leaves against the truth.
fn check_after(home: &Path, agent: Agent, host: &Host, state: &Path) {
    assert_eq!(agent.stop(), 0);
    let mut command = scrubjay(home);
    let (code, page, stderr) = output(command.args(["ledger", "verify", "--state-dir"]).arg(state));
    assert_eq!(code, 0, "{page}{stderr}");
    let mut command = scrubjay(home);
    command.args(["agent", "--once", "--root"]).arg(&host.root).arg("--state-dir").arg(state);
    let (code, page, stderr) = output(&mut command);
    assert_eq!((code, corrected(&page)), (0, host.truth), "{stderr}");
    assert_eq!(sample(&page, "scrubjay_history_replaced"), Some(0), "{page}");
}

/// An agent that Landlock does not keep to its files.
fn unbound(home: &Path, command: &mut Command) {
    let file = home.join("unbound.toml");
    std::fs::write(&file, "[agent]\nsandbox = \"off\"\n").unwrap();
    command.arg("--config").arg(file);
}

#[test]
fn a_disk_that_is_full_or_read_only_loses_nothing_once_it_is_back() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let state = home.join("state");
    let mount = match Mount::new(&state, "1m") {
        Ok(mount) => mount,
        Err(why) => return println!("skipped: {why}"),
    };
    let mut host = Host::new(home);
    let agent = Agent::start(home, &host.root);
    page_with(&agent, &host, false);

    // Full. Other things fill it, to the last block.
    let ballast = state.join("ballast");
    let filled = std::fs::write(&ballast, vec![0; 2 << 20]);
    assert!(filled.is_err(), "the disk has more room than it should");
    for errors in 1..=40 {
        host.count(errors);
        let page = agent.metrics_after(agent.passes() + u64::from(errors % 20 == 0));
        assert!(corrected(&page) <= host.truth);
    }
    page_with(&agent, &host, true);
    verdict_names_it(&agent);
    std::fs::remove_file(&ballast).unwrap();
    host.count(7);
    page_with(&agent, &host, false);

    // Read-only when the agent starts again: it begins in memory.
    agent.crash();
    mount.remount("ro");
    host.count(11);
    host.count(19);
    let agent = Agent::start(home, &host.root);
    let page = agent.metrics_after(2);
    assert_eq!(sample(&page, "scrubjay_history_failing"), Some(1), "{page}");
    assert_eq!(corrected(&page), host.truth, "the kernel still shows all of them");
    host.count(23);
    mount.remount("rw");
    host.count(29);
    page_with(&agent, &host, false);
    check_after(home, agent, &host, &state);
}

#[test]
fn a_disk_that_fails_to_write_loses_nothing_once_it_does_again() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let disk = match failing_disk(home) {
        Ok(disk) => disk,
        Err(why) => return println!("skipped: {why}"),
    };
    let mut host = Host::new(home);
    let flag = home.join("the disk fails");
    let agent = Agent::start_with(home, &host.root, |command| {
        // What makes the disk fail reads a file that is none of the agent's.
        unbound(home, command.env("LD_PRELOAD", &disk).env("FAULT_FLAG", &flag));
    });
    page_with(&agent, &host, false);
    // EIO; EROFS, as after a file system has turned itself read-only; EDQUOT; EIO again.
    for (errors, errno) in (1..).zip([5, 30, 122, 5]) {
        std::fs::write(&flag, format!("{errno}\n")).unwrap();
        host.count(errors);
        page_with(&agent, &host, true);
        verdict_names_it(&agent);
        std::fs::remove_file(&flag).unwrap();
        host.count(10 * errors);
        page_with(&agent, &host, false);
    }
    check_after(home, agent, &host, &home.join("state"));
}

#[test]
fn a_limit_on_the_size_of_files_is_met_like_a_full_disk() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let mut host = Host::new(home);
    // So little that not even the first tables have room.
    let limited = |command: &mut Command| {
        let mut shell = Command::new("sh");
        // Whoever sets a limit has the signal ignored, or it ends the process.
        shell.args(["-c", "trap '' XFSZ; ulimit -f 64 && exec \"$0\" \"$@\""]);
        shell.arg(command.get_program()).args(command.get_args());
        shell.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        shell.stdin(std::process::Stdio::null());
        *command = shell;
    };
    let agent = Agent::start_with(home, &host.root, limited);
    host.count(3);
    page_with(&agent, &host, true);
    verdict_names_it(&agent);
    agent.crash();
    host.count(4);
    let agent = Agent::start(home, &host.root);
    page_with(&agent, &host, false);
    check_after(home, agent, &host, &home.join("state"));
}

#[test]
fn a_state_directory_that_vanishes_is_put_back() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let state = home.join("state");
    let mut host = Host::new(home);
    // One that the kernel keeps to its files may not make a folder where this one was: see below.
    let agent = Agent::start_with(home, &host.root, |command| unbound(home, command));
    page_with(&agent, &host, false);
    for errors in 1..=3 {
        std::fs::remove_dir_all(&state).unwrap();
        host.count(errors);
        page_with(&agent, &host, false);
        let passes = agent.passes();
        agent.metrics_after(passes + 2);
        assert!(state.join("history.db").exists());
    }
    check_after(home, agent, &host, &state);
}

#[test]
fn an_agent_that_is_kept_to_its_files_says_that_its_directory_vanished() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let mut host = Host::new(home);
    let agent = Agent::start(home, &host.root);
    page_with(&agent, &host, false);
    if sample(&agent.metrics_after(1), "scrubjay_agent_confined{by=\"landlock\"}") != Some(1) {
        return println!("skipped: this kernel keeps nobody to his files");
    }
    std::fs::remove_dir_all(home.join("state")).unwrap();
    host.count(3);
    // Nothing is lost meanwhile, and a finding says what is wrong.
    page_with(&agent, &host, true);
    verdict_names_it(&agent);
}

#[test]
fn a_directory_that_may_not_be_used_stops_no_agent_and_another_agent_does() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let state = home.join("state");
    let mut host = Host::new(home);

    // Another agent has it.
    let agent = Agent::start(home, &host.root);
    agent.metrics_after(1);
    let mut second = scrubjay(home);
    second.args(["agent", "--once", "--root"]).arg(&host.root).arg("--state-dir").arg(&state);
    let (code, _, stderr) = output(&mut second);
    assert!(code == 1 && stderr.contains("another scrubjay agent holds it"), "{code} {stderr}");
    assert_eq!(agent.stop(), 0);

    // Its owner closed it to everybody. Root is not stopped by that.
    let as_nobody = |command: &mut Command| {
        use std::os::unix::process::CommandExt;
        command.uid(65_534).gid(65_534);
    };
    if Command::new("true").uid_of(as_nobody).is_err() {
        return println!("skipped: only root can become another user");
    }
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(home, open.clone()).unwrap();
    std::fs::set_permissions(&state, std::fs::Permissions::from_mode(0o700)).unwrap();
    host.count(3);
    let binary = Path::new(crate::harness::SCRUBJAY);
    let copy = home.join("scrubjay");
    std::fs::copy(binary, &copy).unwrap();
    let agent = Agent::start_with(home, &host.root, |command| {
        let mut other = Command::new(&copy);
        other.args(command.get_args()).env_clear().stdin(std::process::Stdio::null());
        as_nobody(&mut other);
        *command = other;
    });
    let page = page_with(&agent, &host, true);
    assert_eq!(sample(&page, "scrubjay_history_replaced"), Some(0));
    let open_to_all = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(&state, open_to_all).unwrap();
    for entry in std::fs::read_dir(&state).unwrap() {
        let readable = std::fs::Permissions::from_mode(0o666);
        std::fs::set_permissions(entry.unwrap().path(), readable).unwrap();
    }
    host.count(4);
    page_with(&agent, &host, false);
    check_after(home, agent, &host, &state);
}

/// Trying a command.
trait Try {
    fn uid_of(&mut self, change: impl Fn(&mut Command)) -> Result<(), ()>;
}

impl Try for Command {
    fn uid_of(&mut self, change: impl Fn(&mut Command)) -> Result<(), ()> {
        change(self);
        self.status().ok().filter(std::process::ExitStatus::success).map(drop).ok_or(())
    }
}
