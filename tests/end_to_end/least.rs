//! With as few rights as will do: what the agent gives up, and pages from a process that has none.

use crate::harness::{Agent, SCRUBJAY, sample, scrubjay, stdout};
use crate::receiver::wait_for;
use scrubjay_tests::trees;
use serde_json::Value;
use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const NOBODY: u32 = 65_534;

/// Every page there is, and some that there are none of.
const PAGES: [&str; 22] = [
    "/",
    "/memory",
    "/patches",
    "/uptime",
    "/alerts",
    "/visibility",
    "/about",
    "/memory/mc0%2Fdimm0",
    "/memory/none",
    "/findings/edac-absent",
    "/findings/none",
    "/none",
    "/api/v1/overview",
    "/api/v1/memory",
    "/api/v1/patches",
    "/api/v1/uptime",
    "/api/v1/alerts",
    "/api/v1/visibility",
    "/api/v1/about",
    "/api/v1/snapshot",
    "/metrics",
    "/healthz",
];

/// A home, and a host to read.
fn host(name: &str) -> (tempfile::TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("host.tree");
    std::fs::write(&root, trees::host(name)).unwrap();
    (home, root)
}

/// A pass now and none for a long time, so that pages stay what they are.
fn agent_once(home: &Path, root: &Path) -> Agent {
    let agent = Agent::start_every("24h", home, root, |_| ());
    agent.metrics_after(1);
    agent
}

fn verdict(server: &Agent) -> String {
    let (_, _, body) = server.get("/api/v1/overview");
    let page: Value = serde_json::from_str(&body).unwrap();
    page["verdict"].as_str().unwrap_or("unknown").to_owned()
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn the_server_shows_what_the_agent_shows() {
    for name in ["busy-server", "amd-rank", "crashed-by-memory", "bare-guest"] {
        let (home, root) = host(name);
        let agent = agent_once(home.path(), &root);
        let server = Agent::serve(home.path(), |_| ());
        for path in PAGES {
            let (ours, theirs) = (agent.get(path), server.get(path));
            assert_eq!((theirs.0, theirs.2), (ours.0, ours.2), "{name} {path}");
        }
        assert_eq!(server.stop(), 0);
    }
}

#[test]
fn a_pass_that_comes_later_is_shown_with_the_next_request() {
    let (home, root) = host("busy-server");
    let agent = Agent::start(home.path(), &root);
    let server = Agent::serve(home.path(), |_| ());
    for passes in [1, 3] {
        agent.metrics_after(passes);
        server.metrics_after(passes);
    }
}

/// Every name below a directory, with what tells whether it was touched.
fn state_of(dir: &Path) -> BTreeMap<String, (u64, u64, i64, i64, i64, i64)> {
    let stamp = |path: &Path| {
        let found = std::fs::metadata(path).unwrap();
        let (written, changed) = (found.mtime(), found.ctime());
        (found.ino(), found.size(), written, found.mtime_nsec(), changed, found.ctime_nsec())
    };
    let mut all = BTreeMap::from([(".".to_owned(), stamp(dir))]);
    for entry in std::fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        all.insert(entry.file_name().into_string().unwrap(), stamp(&entry.path()));
    }
    all
}

/// A server that is nobody, in the group of the state directory.
fn as_nobody(home: &Path) -> Agent {
    let binary = home.join("scrubjay");
    std::fs::copy(SCRUBJAY, &binary).unwrap();
    std::fs::set_permissions(home, std::fs::Permissions::from_mode(0o755)).unwrap();
    let state = home.join("state");
    chown(&state, None, Some(NOBODY)).unwrap();
    for entry in std::fs::read_dir(&state).unwrap() {
        chown(entry.unwrap().path(), None, Some(NOBODY)).unwrap();
    }
    let mut command = Command::new(binary);
    command
        .env_clear()
        .args(["serve", "--web.listen-address", "127.0.0.1:0", "--config"])
        .arg(home.join("empty.toml"))
        .arg("--state-dir")
        .arg(state)
        .uid(NOBODY)
        .gid(NOBODY);
    Agent::launch(&mut command)
}

#[test]
fn nobody_sees_the_same_and_leaves_no_trace_while_the_agent_runs_and_after_it() {
    if !is_root() {
        return println!("skipped: only root can become another user");
    }
    let (home, root) = host("busy-server");
    let agent = agent_once(home.path(), &root);
    let server = as_nobody(home.path());
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    assert_eq!(of_status(&status, "CapEff"), "0000000000000000");
    assert_eq!(of_status(&status, "NoNewPrivs"), "1");
    // SQLite, as root, gives the log the owner it has already whenever it opens it.
    let ours: Vec<_> = PAGES.into_iter().map(|path| (path, agent.get(path))).collect();
    let before = state_of(&home.path().join("state"));
    for (path, ours) in ours {
        let theirs = server.get(path);
        assert_eq!((theirs.0, theirs.2), (ours.0, ours.2), "{path}");
    }
    assert_eq!(state_of(&home.path().join("state")), before);

    // The history of an agent that was stopped has no file for shared memory, and nobody may make one.
    assert_eq!(agent.stop(), 0);
    let before = state_of(&home.path().join("state"));
    for path in PAGES {
        let (_, _, body) = server.get(path);
        assert!(!body.contains("NO HISTORY"), "{path}: {body}");
    }
    assert_eq!(state_of(&home.path().join("state")), before);
    assert_eq!(server.stop(), 0);
}

#[test]
fn after_the_agent_nothing_is_ok() {
    let (home, root) = host("busy-server");
    let agent = agent_once(home.path(), &root);
    let server = Agent::serve(home.path(), |_| ());
    assert_eq!(server.get("/healthz").0, 200);
    let seen = verdict(&server);
    assert_eq!(agent.stop(), 0);
    let (status, _, body) = server.get("/");
    assert_eq!(status, 503);
    assert!(body.contains("STALE") && body.contains("the agent was stopped at 20"), "{body}");
    let now = verdict(&server);
    assert!(now != "ok" && (now == "unknown" || now == seen), "{now} after {seen}");
    for path in ["/healthz", "/api/v1/snapshot"] {
        let (status, _, body) = server.get(path);
        assert!(status == 503 && body.contains("stopped"), "{path}: {body}");
    }
    let (_, _, metrics) = server.get("/metrics");
    assert_eq!(sample(&metrics, "scrubjay_snapshot_stale"), Some(1));
    // Of the next agent it hears at once.
    let _agent = agent_once(home.path(), &root);
    assert_eq!(server.get("/healthz").0, 200);
    assert_eq!(verdict(&server), seen);
}

#[test]
fn a_pass_of_an_agent_that_was_killed_grows_old() {
    let (home, root) = host("busy-server");
    let agent = Agent::start(home.path(), &root);
    agent.metrics_after(1);
    let server = Agent::serve(home.path(), |_| ());
    agent.crash();
    for _ in 0..500 {
        let (status, _, body) = server.get("/healthz");
        if status == 503 {
            assert!(body.contains("good for 3 s"), "{body}");
            assert_ne!(verdict(&server), "ok");
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("it does not grow old");
}

#[test]
fn where_nothing_was_left_the_verdict_is_unknown() {
    let home = tempfile::tempdir().unwrap();
    let server = Agent::serve(home.path(), |_| ());
    let unknown = |why: &str| {
        for path in ["/", "/memory", "/api/v1/overview", "/api/v1/snapshot", "/metrics", "/healthz"]
        {
            let (status, _, body) = server.get(path);
            assert_eq!(status, 503, "{path}");
            assert!(body.contains(why), "{path}: {body}");
            let is_page = path == "/" || path == "/memory";
            assert_eq!(body.contains("UNKNOWN"), is_page, "{path}: {body}");
        }
    };
    unknown("no agent has left word");
    let state = home.path().join("state");
    std::fs::create_dir(&state).unwrap();
    let file = state.join("last-pass");
    std::fs::write(&file, "something else").unwrap();
    unknown("none of scrubjay");
    let (_other, root) = host("busy-server");
    let agent = agent_once(home.path(), &root);
    let whole = std::fs::read(&file).unwrap();
    drop(agent);
    std::fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    unknown("is not whole");
    // Of another history.
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::create_dir(elsewhere.path().join("state")).unwrap();
    std::fs::write(elsewhere.path().join("state/last-pass"), &whole).unwrap();
    let server = Agent::serve(elsewhere.path(), |_| ());
    let (status, _, body) = server.get("/healthz");
    assert!(status == 503 && body.contains("keeps its history in"), "{body}");
}

#[test]
fn a_server_that_is_there_before_the_agent_and_gets_to_it_by_a_link_shows_it() {
    let (home, root) = host("busy-server");
    let way = home.path().join("way");
    std::fs::create_dir(home.path().join("place")).unwrap();
    std::os::unix::fs::symlink(home.path().join("place"), &way).unwrap();
    let server = Agent::serve(&way, |_| ());
    assert_eq!(server.get("/healthz").0, 503);
    let _agent = agent_once(&way, &root);
    // The agent answers itself before it leaves word of the pass.
    let mut told = server.get("/healthz");
    for _ in 0..100 {
        if told.0 == 200 {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
        told = server.get("/healthz");
    }
    panic!("{}", told.2);
}

#[test]
fn root_is_told_to_serve_the_history_of_another_user_as_that_user() {
    if !is_root() {
        return println!("skipped: only root can give a directory away");
    }
    let home = tempfile::tempdir().unwrap();
    let state = home.path().join("state");
    std::fs::create_dir(&state).unwrap();
    let closed = |path: &Path, mode: u32| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    };
    closed(&state, 0o700);
    let server = Agent::serve(home.path(), |_| ());
    let told = || {
        let (status, _, body) = server.get("/healthz");
        assert!(status == 503 && body.contains("start scrubjay serve as that user"), "{body}");
    };
    told();
    // A folder that all may look into, with a file that they may not.
    std::fs::write(state.join("last-pass"), "x").unwrap();
    closed(&state.join("last-pass"), 0o640);
    closed(&state, 0o755);
    told();
}

#[test]
fn a_history_of_a_later_version_is_not_guessed_at() {
    let (home, root) = host("busy-server");
    let agent = agent_once(home.path(), &root);
    let last = std::fs::read(home.path().join("state/last-pass")).unwrap();
    assert_eq!(agent.stop(), 0);
    std::fs::write(home.path().join("state/last-pass"), last).unwrap();
    let history = rusqlite::Connection::open(home.path().join("state/history.db")).unwrap();
    history.pragma_update(None, "user_version", 9_999).unwrap();
    drop(history);
    let server = Agent::serve(home.path(), |_| ());
    let (status, _, body) = server.get("/uptime");
    assert_eq!(status, 200);
    assert!(body.contains("NO HISTORY") && body.contains("9999"), "{body}");
}

#[test]
fn pages_may_be_left_to_the_server() {
    let (home, root) = host("busy-server");
    let file = home.path().join("a.toml");
    std::fs::write(&file, "[web]\npages = false\n").unwrap();
    let agent = Agent::start_every("24h", home.path(), &root, |command| {
        command.arg("--config").arg(&file);
    });
    agent.metrics_after(1);
    for path in ["/", "/memory", "/api/v1/overview", "/api/v1/snapshot", "/assets/site.css"] {
        let (status, _, body) = agent.get(path);
        assert!(status == 404 && body.contains("web.pages"), "{path}: {status} {body}");
    }
    assert_eq!(agent.get("/healthz").0, 200);
    let server = Agent::serve(home.path(), |_| ());
    for path in ["/", "/memory", "/api/v1/overview", "/api/v1/snapshot", "/assets/site.css"] {
        assert_eq!(server.get(path).0, 200, "{path}");
    }
}

#[test]
fn an_agent_may_leave_nothing() {
    let (home, root) = host("busy-server");
    let file = home.path().join("a.toml");
    std::fs::write(&file, "[agent]\nshare = false\n").unwrap();
    let agent = Agent::start_every("24h", home.path(), &root, |command| {
        command.arg("--config").arg(&file);
    });
    agent.metrics_after(1);
    assert_eq!(agent.stop(), 0);
    assert!(!home.path().join("state/last-pass").exists());
}

fn of_status(status: &str, key: &str) -> String {
    let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
    line.trim_start_matches(':').trim().to_owned()
}

/// The snapshot of an agent of this very host.
fn snapshot_here(home: &Path, configuration: &str) -> (Value, BTreeMap<String, String>) {
    let file = home.join("here.toml");
    let text = format!("[events]\nlisten = false\n[history]\nimport = false\n{configuration}");
    std::fs::write(&file, text).unwrap();
    let agent = Agent::start_every("24h", home, Path::new("/"), |command| {
        command.arg("--config").arg(&file);
    });
    agent.metrics_after(1);
    let (_, _, body) = agent.get("/api/v1/snapshot");
    // Every thread has given up the same.
    let mut rights = BTreeMap::new();
    for thread in std::fs::read_dir(format!("/proc/{}/task", agent.pid())).unwrap() {
        let Ok(status) = std::fs::read_to_string(thread.unwrap().path().join("status")) else {
            continue;
        };
        for key in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs"] {
            let value = of_status(&status, key);
            let first = rights.entry(key.to_owned()).or_insert_with(|| value.clone());
            assert_eq!(*first, value, "{key}");
        }
    }
    (serde_json::from_str(&body).unwrap(), rights)
}

#[test]
fn an_agent_of_root_keeps_what_its_sources_want_and_no_more() {
    if !is_root() {
        return println!("skipped: only root has capabilities to give up");
    }
    let home = tempfile::tempdir().unwrap();
    let mask =
        |bits: &[u32]| format!("{:016x}", bits.iter().fold(0_u64, |all, bit| all | 1 << bit));
    // CAP_DAC_READ_SEARCH, CAP_SYS_PTRACE, CAP_SYSLOG (linux/capability.h).
    let (snapshot, rights) = snapshot_here(home.path(), "");
    let kept = mask(&[2, 19, 34]);
    for (key, wanted) in [
        ("CapEff", kept.as_str()),
        ("CapPrm", kept.as_str()),
        ("CapBnd", kept.as_str()),
        ("CapInh", "0000000000000000"),
        ("CapAmb", "0000000000000000"),
        ("NoNewPrivs", "1"),
    ] {
        assert_eq!(rights[key], wanted, "{key}");
    }
    let told = &snapshot["agent"]["confinement"];
    let names = serde_json::json!(["CAP_DAC_READ_SEARCH", "CAP_SYSLOG", "CAP_SYS_PTRACE"]);
    assert_eq!(told["capabilities"], names);
    assert_eq!(told["superfluous"], serde_json::json!([]));

    let (_, rights) = snapshot_here(home.path(), "[collector]\ndisabled = [\"processes\"]\n");
    assert_eq!(rights["CapEff"], mask(&[2, 34]));
    let quiet =
        "[collector]\ndisabled = [\"kernel_log\", \"processes\"]\n[pages]\noffline = \"soft\"\n";
    let (_, rights) = snapshot_here(home.path(), quiet);
    assert_eq!(rights["CapEff"], mask(&[2, 21]));
}

/// The state of each source, and how many faults it had.
fn states(snapshot: &Value) -> BTreeMap<String, String> {
    let sections = snapshot["snapshot"].as_object().unwrap();
    let told = sections.iter().filter(|(name, _)| name.as_str() != "at").map(|(name, section)| {
        let state = section["reading"]["state"].as_str().unwrap_or("off");
        let faults = section["report"]["faults"].as_array().map_or(0, Vec::len);
        // Processes come and go while they are read.
        let faults = if name == "processes" { 0 } else { faults };
        (name.clone(), format!("{state}, {faults} faults"))
    });
    told.collect()
}

#[test]
fn an_agent_that_is_kept_to_its_files_is_blind_to_nothing() {
    let home = tempfile::tempdir().unwrap();
    let (kept, _) = snapshot_here(home.path(), "");
    let landlock = &kept["agent"]["confinement"]["landlock"];
    if landlock["state"] != "enforced" {
        return println!("skipped: this kernel keeps nobody to his files: {}", landlock["why"]);
    }
    let (free, _) = snapshot_here(
        home.path(),
        "sandbox = \"off\"\n".replace("sandbox", "[agent]\nsandbox").as_str(),
    );
    assert_eq!(free["agent"]["confinement"]["landlock"]["state"], "off");
    assert_eq!(states(&kept), states(&free));
    let seen = |snapshot: &Value| {
        snapshot["snapshot"]["processes"]["reading"]["value"]["looked_at"].clone()
    };
    assert_eq!(seen(&kept).is_null(), seen(&free).is_null());
}

#[test]
fn a_folder_that_is_replaced_under_an_agent_is_named_in_its_log() {
    let home = tempfile::tempdir().unwrap();
    let (root, log) = (home.path().join("root"), home.path().join("log"));
    let packages = |folder: &str| {
        let folder = root.join("var/lib").join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        let bash = "Package: bash\nStatus: install ok installed\nVersion: 5.2\n";
        std::fs::write(folder.join("status"), bash).unwrap();
        folder
    };
    let folder = packages("dpkg");
    let mut command = scrubjay(home.path());
    command.args(["agent", "--web.listen-address", "127.0.0.1:0", "--interval", "1s", "--root"]);
    command.arg(&root).arg("--state-dir").arg(home.path().join("state"));
    let mut agent = command.stderr(std::fs::File::create(&log).unwrap()).spawn().unwrap();
    let said = |what: &str| std::fs::read_to_string(&log).unwrap().contains(what);
    wait_for("it to serve", || said("serving http").then_some(()));
    if said("files: kept to its own") {
        std::fs::rename(&folder, folder.with_extension("old")).unwrap();
        std::fs::rename(packages("new"), &folder).unwrap();
        let told = "var/lib/dpkg is not the folder that was there when the agent started";
        wait_for("word of the folder", || said(told).then_some(()));
    } else {
        println!("skipped: this kernel keeps nobody to his files");
    }
    agent.kill().unwrap();
    agent.wait().unwrap();
}

#[test]
fn doctor_tells_of_this_host_what_each_capability_buys() {
    let home = tempfile::tempdir().unwrap();
    let page = stdout(scrubjay(home.path()).arg("doctor"));
    for told in ["rights of this process", "CAP_SYS_PTRACE", "CAP_SYSLOG", "Landlock"] {
        assert!(page.contains(told), "{told}: {page}");
    }
    let json: Value =
        serde_json::from_str(&stdout(scrubjay(home.path()).args(["doctor", "--json"]))).unwrap();
    assert_eq!(json["privileges"]["capabilities"].as_array().unwrap().len(), 5);
    // Of another host nothing can be said.
    let (_other, root) = host("busy-server");
    let page = stdout(scrubjay(home.path()).arg("doctor").arg("--root").arg(root));
    assert!(!page.contains("rights of this process"), "{page}");
}

/// The worst that `systemd-analyze security` may find.
#[test]
fn the_units_leave_little_to_whoever_breaks_in() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        return println!("skipped: systemd-analyze is missing");
    }
    let units = Path::new(env!("CARGO_MANIFEST_DIR")).join("dist/usr/lib/systemd/system");
    for (unit, most) in [("scrubjay.service", 3.2), ("scrubjay-serve.service", 1.2)] {
        let output = Command::new("systemd-analyze")
            .args(["security", "--offline=true", "--no-pager"])
            .arg(units.join(unit))
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let Some(line) = text.lines().find(|line| line.contains("Overall exposure level")) else {
            // Older ones cannot look at a file.
            let why = String::from_utf8_lossy(&output.stderr);
            println!("skipped: systemd-analyze does not judge a file: {why}");
            return;
        };
        let (_, level) = line.split_once(".service: ").unwrap();
        let level: f64 = level.split(' ').next().unwrap().parse().unwrap();
        assert!(level <= most, "{unit}: {level}\n{text}");
        println!("{unit}: {level}, at most {most}");
    }
}
