//! `scrubjay db` as an admin uses it: beside a running agent, on damaged files, before an upgrade.

use crate::harness::{Agent, ledger_head, output, scrubjay, stdout};
use scrubjay_tests::directory;
use scrubjay_tests::edac_model::{ControllerSpec, Kernel, View};
use std::path::{Path, PathBuf};
use std::time::Duration;

struct Home {
    dir: tempfile::TempDir,
    root: PathBuf,
}

impl Home {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        let mut kernel = Kernel::boot(vec![ControllerSpec::skx(0, 0, 2, 2)], View::DimmsAndCsrows);
        kernel.wait(Duration::from_secs(1));
        kernel.corrected(0, 1, 5);
        directory::show(&root, &kernel.tree());
        Self { dir, root }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn database(&self) -> PathBuf {
        self.path().join("state/history.db")
    }

    fn db(&self, words: &[&str]) -> (i32, String, String) {
        let mut command = scrubjay(self.path());
        command.arg("db").args(words).arg("--state-dir").arg(self.path().join("state"));
        command.env("TMPDIR", self.path());
        output(&mut command)
    }

    fn json(&self, words: &[&str], code: i32) -> serde_json::Value {
        let (found, page, stderr) = self.db(&[words, &["--json"]].concat());
        assert_eq!(found, code, "{page}{stderr}");
        serde_json::from_str(&page).unwrap()
    }

    fn agent_once(&self) {
        let mut command = scrubjay(self.path());
        command.args(["agent", "--once", "--root"]).arg(&self.root);
        stdout(command.arg("--state-dir").arg(self.path().join("state")));
    }
}

#[test]
fn a_backup_is_made_while_the_agent_runs_and_can_be_started_from() {
    let home = Home::new();
    let agent = Agent::start(home.path(), &home.root);
    let head = ledger_head(&agent.metrics_after(2));
    let check = home.json(&["check"], 0);
    assert_eq!((check["whole"].as_bool(), check["dangling"].as_u64()), (Some(true), Some(0)));
    assert_eq!(check["ledger"]["faults"].as_array().map(Vec::len), Some(0));

    let copy = home.path().join("copy.db");
    let name = copy.display().to_string();
    let (code, page, stderr) = home.db(&["backup", &name]);
    assert_eq!(code, 0, "{page}{stderr}");
    assert!(page.contains("the copy checked") && page.contains("intact"), "{page}");
    let before = std::fs::read(&copy).unwrap();
    let (code, _, stderr) = home.db(&["backup", &name]);
    assert!(code == 1 && stderr.contains("is there already; name another file"), "{code} {stderr}");
    assert_eq!(std::fs::read(&copy).unwrap(), before, "nothing is written over");
    let (code, _, stderr) = home.db(&["backup", "/nowhere/at/all.db"]);
    assert!(code == 1 && stderr.contains("/nowhere/at/all.db"), "{code} {stderr}");

    // What needs the file alone is refused, and says what to do.
    let (code, _, stderr) = home.db(&["vacuum"]);
    assert!(code == 1 && stderr.contains("stop the agent"), "{code} {stderr}");
    assert_eq!(agent.stop(), 0);

    std::fs::rename(&copy, home.database()).unwrap();
    // What others hold of the history holds for the backup.
    let mut command = scrubjay(home.path());
    command.args(["ledger", "verify", "--expect", &head, "--state-dir"]);
    stdout(command.arg(home.path().join("state")));
    home.agent_once();
    assert_eq!(home.json(&["check"], 0)["whole"], true);
    let (code, page, stderr) = home.db(&["vacuum"]);
    assert!(code == 0 && page.contains("before") && page.contains("after"), "{page}{stderr}");
    let vacuumed = home.json(&["vacuum"], 0);
    assert!(vacuumed["after_bytes"].as_u64() <= vacuumed["before_bytes"].as_u64(), "{vacuumed}");
    assert_eq!(home.json(&["check"], 0)["whole"], true);
    home.agent_once();
}

#[test]
fn damage_is_told_with_what_the_agent_would_do_and_nothing_is_touched() {
    let home = Home::new();
    for _ in 0..3 {
        home.agent_once();
    }
    let mut bytes = std::fs::read(home.database()).unwrap();
    let middle = bytes.len() / 2 / 4_096 * 4_096;
    bytes[middle..middle + 3 * 4_096].fill(0xff);
    std::fs::write(home.database(), &bytes).unwrap();
    let (code, page, _) = home.db(&["check"]);
    assert!(code == 4 && page.starts_with("THE HISTORY IS DAMAGED"), "{code} {page}");
    assert!(page.contains("db migrate --dry-run"), "{page}");
    let tried = home.json(&["migrate", "--dry-run"], 0);
    assert_eq!((&tried["outcome"], &tried["whole"]), (&"salvaged".into(), &true.into()), "{tried}");
    assert_eq!(std::fs::read(home.database()).unwrap(), bytes, "the file was left as it is");
    let (code, _, stderr) = home.db(&["vacuum"]);
    assert!(code == 1 && stderr.contains("moves the damaged file aside"), "{code} {stderr}");
    assert_eq!(std::fs::read(home.database()).unwrap(), bytes);
    let left = std::fs::read_dir(home.path()).unwrap();
    let mut left = left.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(!left.any(|name| name.starts_with("scrubjay-migrate")), "the copy is removed");
    // And that is what it does.
    home.agent_once();
    let check = home.json(&["check"], 0);
    assert_eq!(check["aside"].as_array().unwrap().len(), 1, "{check}");
    // What is no database at all.
    std::fs::write(home.database(), b"no database, however you look at it".repeat(100)).unwrap();
    let (code, page, _) = home.db(&["check"]);
    assert!(code == 4 && page.contains("not a database"), "{code} {page}");
}

#[test]
fn an_upgrade_is_tried_on_a_copy() {
    let home = Home::new();
    let (code, _, stderr) = home.db(&["check"]);
    assert!(code == 3 && stderr.contains("start the agent"), "{code} {stderr}");
    assert_eq!(home.db(&["migrate", "--dry-run"]).0, 3);
    assert_eq!(home.db(&["migrate"]).0, 2, "only trying it is a command");
    home.agent_once();
    let tried = home.json(&["migrate", "--dry-run"], 0);
    assert_eq!(tried["outcome"], "nothing");

    let refused = || {
        // `user_version` of a later release: the 32 bits at 60.
        let mut bytes = std::fs::read(home.database()).unwrap();
        bytes[60..64].copy_from_slice(&99_u32.to_be_bytes());
        std::fs::write(home.database(), &bytes).unwrap();
        bytes
    };
    let bytes = refused();
    let (code, page, _) = home.db(&["migrate", "--dry-run"]);
    assert!(code == 1 && page.contains("would not start") && page.contains("99"), "{code} {page}");
    assert_eq!(std::fs::read(home.database()).unwrap(), bytes);
}
