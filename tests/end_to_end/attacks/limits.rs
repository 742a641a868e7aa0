//! Too little memory, no threads, and clocks that go either way: whatever comes of it is said, and nothing that was
//! counted is lost.

use crate::harness::{Agent, SCRUBJAY, corrected, output, scrubjay};
use scrubjay_tests::edac_model::{ControllerSpec, Kernel, View};
use scrubjay_tests::{directory, trees};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

/// From more than enough to less than the binary needs to begin.
const LIMITS_MIB: [u64; 12] = [1024, 256, 128, 96, 80, 64, 56, 48, 40, 32, 24, 16];

#[test]
fn an_agent_without_memory_says_so_and_loses_nothing() {
    if Command::new("prlimit").arg("--version").output().is_err() {
        return println!("skipped: prlimit is not there to set a limit");
    }
    let home = tempfile::tempdir().unwrap();
    let (root, state) = (home.path().join("root"), home.path().join("state"));
    let mut kernel = Kernel::boot(vec![ControllerSpec::skx(0, 0, 2, 2)], View::DimmsAndCsrows);
    let (mut truth, mut refused) = (0, 0);
    for limit in LIMITS_MIB {
        kernel.wait(Duration::from_secs(60));
        kernel.corrected(0, 1, 3);
        truth += 3;
        directory::show(&root, &kernel.tree());
        let once = |command: &mut Command| {
            command.args(["agent", "--once", "--root"]).arg(&root).arg("--state-dir").arg(&state);
            output(command)
        };
        let limited = || {
            let mut limited = Command::new("prlimit");
            limited.arg(format!("--as={}", limit << 20)).arg(SCRUBJAY);
            limited.env_clear().env("HOME", home.path());
            limited
        };
        std::fs::write(home.path().join("empty.toml"), "").unwrap();
        let mut agent = limited();
        let (code, page, said) = once(agent.arg("--config").arg(home.path().join("empty.toml")));
        if code == 0 {
            assert!(corrected(&page) <= truth, "{limit} MiB: {page}");
        } else {
            refused += 1;
            // Where not even the program itself fits in, the kernel ends it before it can say anything.
            let begins = output(limited().arg("--version")).0 == 0;
            assert!(!begins || !said.trim().is_empty(), "{limit} MiB: {code}, without a word");
        }
        // With memory again nothing is missing, and nothing is there twice.
        let (code, page, said) = once(&mut scrubjay(home.path()));
        assert_eq!((code, corrected(&page)), (0, truth), "after {limit} MiB: {said}");
        let mut verify = scrubjay(home.path());
        let (code, page, said) =
            output(verify.args(["ledger", "verify", "--state-dir"]).arg(&state));
        assert_eq!(code, 0, "after {limit} MiB: {page}{said}");
    }
    assert!((1..LIMITS_MIB.len()).contains(&refused), "limits that prove nothing: {refused}");
}

#[test]
fn a_day_with_clocks_that_go_either_way_loses_nothing() {
    const HOUR_MS: i64 = 3_600_000;
    let home = tempfile::tempdir().unwrap();
    let (root, state) = (home.path().join("root"), home.path().join("state"));
    let mut kernel = Kernel::boot(vec![ControllerSpec::skx(0, 0, 2, 2)], View::DimmsAndCsrows);
    let mut truth = 0;
    // A day ahead, ten years back, before 1970, and there again; with a reboot while it is wrong.
    let steps = [0, 24, -48, 24, -87_600, 87_600, -600_000, 600_000, 1, -1];
    for (nth, hours) in steps.into_iter().enumerate() {
        kernel.wait(Duration::from_secs(3_600));
        kernel.corrected(0, 1, 3);
        truth += 3;
        kernel.step_wall_clock(hours * HOUR_MS);
        if nth % 4 == 3 {
            // What is counted since the last look dies with the boot, so somebody looks first.
            look(home.path(), &root, &state, &kernel, truth);
            kernel.reboot(Duration::from_secs(120));
        }
        look(home.path(), &root, &state, &kernel, truth);
    }
    for args in
        [&["history", "boots"][..], &["history", "memory"], &["ledger", "verify"], &["status"]]
    {
        let mut command = scrubjay(home.path());
        command.args(args).arg("--root").arg(&root).arg("--state-dir").arg(&state);
        let (code, page, said) = output(&mut command);
        assert_eq!(code, 0, "{args:?}: {page}{said}");
    }
}

/// A pass, which shows all that was ever counted.
fn look(home: &Path, root: &Path, state: &Path, kernel: &Kernel, truth: u64) {
    directory::show(root, &kernel.tree());
    let mut command = scrubjay(home);
    command.args(["agent", "--once", "--root"]).arg(root).arg("--state-dir").arg(state);
    let (code, page, said) = output(&mut command);
    assert_eq!((code, corrected(&page)), (0, truth), "{said}");
}

/// Tasks of a user; more are refused to whoever has this limit.
const TASKS: u32 = 30;

/// A crowd of processes of a user, which end with it.
struct Crowd(Vec<Child>);

impl Crowd {
    /// As many as fill the limit.
    fn of(user: u32) -> Self {
        let one = |_| Command::new("sleep").arg("600").uid(user).gid(user).spawn().unwrap();
        Self((0..TASKS).map(one).collect())
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // Already ended is as good as ended.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Something that serves behind a web configuration, as a user.
fn serving(home: &Path, user: u32, args: &[&str]) -> Agent {
    let binary = home.join("scrubjay");
    std::fs::copy(SCRUBJAY, &binary).unwrap();
    std::fs::write(home.join("empty.toml"), "").unwrap();
    std::fs::write(home.join("web.yml"), "# nothing\n").unwrap();
    std::fs::create_dir(home.join("state")).unwrap();
    chown(home.join("state"), Some(user), Some(user)).unwrap();
    std::fs::set_permissions(home, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new("prlimit");
    command
        .env_clear()
        .arg(format!("--nproc={TASKS}:{TASKS}"))
        .arg(binary)
        .arg("--config")
        .arg(home.join("empty.toml"))
        .args(args)
        .args(["--web.listen-address", "127.0.0.1:0", "--web.config.file"])
        .arg(home.join("web.yml"))
        .arg("--state-dir")
        .arg(home.join("state"))
        .uid(user)
        .gid(user);
    Agent::launch(&mut command)
}

/// Waits until a process has a thread for what may block.
fn wait_for_thread(pid: u32) {
    let has_one = || {
        let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
        let mut names =
            tasks.map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")));
        names.any(|name| name.is_ok_and(|name| name.starts_with("tokio")))
    };
    assert!(
        (0..500).any(|_| {
            std::thread::sleep(Duration::from_millis(20));
            has_one()
        }),
        "there is none"
    );
}

#[test]
fn what_serves_goes_on_to_serve_and_ends_in_order_while_no_thread_can_be_made() {
    if !rustix::process::geteuid().is_root() {
        return println!("skipped: only root can become another user, and root is under no limit");
    }
    if Command::new("prlimit").arg("--version").output().is_err() {
        return println!("skipped: prlimit is not there to set a limit");
    }
    // Somebody else's tests must not count: the limit is for all tasks of a user.
    let user = 40_000 + std::process::id() % 20_000;
    for kind in ["agent", "serve"] {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().join("host.tree");
        std::fs::write(&root, trees::host("bare-guest")).unwrap();
        let root = root.to_string_lossy();
        let args: &[&str] = if kind == "agent" { &[kind, "--root", &root] } else { &[kind] };
        let server = serving(home.path(), user, args);
        wait_for_thread(server.pid());
        let _crowd = Crowd::of(user);
        for path in ["/", "/healthz", "/memory", "/metrics", "/healthz"] {
            assert_ne!(server.get(path).0, 0, "{kind} {path}");
        }
        assert_eq!(server.stop(), 0, "{kind}");
    }
}
