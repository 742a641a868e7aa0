//! A state directory in which somebody else has put things: links, pipes and directories where the history
//! keeps its files.

use super::ended;
use crate::harness::{Agent, scrubjay};
use scrubjay_tests::trees;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

struct Place {
    home: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { home: tempfile::tempdir().unwrap() };
        fs::create_dir(place.state()).unwrap();
        fs::write(place.root(), trees::host("busy-server")).unwrap();
        place
    }

    fn state(&self) -> PathBuf {
        self.home.path().join("state")
    }

    fn root(&self) -> PathBuf {
        self.home.path().join("host.tree")
    }

    fn run(&self, args: &[&str]) -> (i32, String, String) {
        let mut command = scrubjay(self.home.path());
        command.args(args).arg("--root").arg(self.root()).arg("--state-dir").arg(self.state());
        ended(&command)
    }
}

fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// Whoever may write there may make us write elsewhere, if we follow links.
#[test]
fn no_link_in_the_state_directory_is_followed_to_a_file_elsewhere() {
    for name in ["history.db", "history.lock", "history.db-wal", "history.db-journal"] {
        // One that is there, and one that would be made.
        for exists in [true, false] {
            let place = Place::new();
            let elsewhere = place.home.path().join("elsewhere");
            if exists {
                fs::write(&elsewhere, "not yours\n").unwrap();
            }
            symlink(&elsewhere, place.state().join(name)).unwrap();
            let (_, _, said) = place.run(&["agent", "--once"]);
            let _ = place.run(&["status"]);
            let _ = place.run(&["history", "memory"]);
            let found = fs::read_to_string(&elsewhere).ok();
            let wanted = exists.then(|| "not yours\n".to_owned());
            assert_eq!(found, wanted, "{name}, {exists}: {said}");
        }
    }
}

#[test]
fn what_is_no_file_where_a_file_of_the_history_belongs_is_said_and_holds_nobody_up() {
    for name in ["history.db", "history.lock", "history.db-wal", "history.db-shm"] {
        for odd in ["pipe", "directory", "endless"] {
            let place = Place::new();
            let path = place.state().join(name);
            match odd {
                "pipe" => pipe(&path),
                "directory" => fs::create_dir(&path).unwrap(),
                _ => symlink("/dev/zero", &path).unwrap(),
            }
            // It ends, and whatever it says, it is no crash.
            let (code, _, said) = place.run(&["agent", "--once"]);
            assert!((0..=70).contains(&code), "{name}, {odd}: {code}: {said}");
            assert!(!said.contains("panicked"), "{name}, {odd}: {said}");
            for args in [&["status"][..], &["history", "memory"], &["ledger", "verify"], &["check"]]
            {
                let (code, _, said) = place.run(args);
                assert!((0..=70).contains(&code), "{name}, {odd}, {args:?}: {code}: {said}");
                assert!(!said.contains("panicked"), "{name}, {odd}, {args:?}: {said}");
            }
        }
    }
}

#[test]
fn an_agent_whose_history_is_a_pipe_or_a_link_does_not_start_and_says_what_to_do() {
    for (odd, said_of_it) in [("pipe", "something else than a file"), ("link", "it is a link")] {
        let place = Place::new();
        let path = place.state().join("history.db");
        match odd {
            "pipe" => pipe(&path),
            _ => symlink("elsewhere", &path).unwrap(),
        }
        let (code, page, said) = place.run(&["agent", "--once"]);
        assert_eq!(code, 1, "{odd}: {page}{said}");
        assert!(said.contains(said_of_it) && said.contains("--state-dir"), "{odd}: {said}");
    }
}

/// Requests are files that anybody may have put there who may write there.
#[test]
fn traps_among_requests_are_put_aside_and_hold_nobody_up() {
    let place = Place::new();
    for folder in ["requests", "issued"] {
        let folder = place.state().join(folder);
        fs::create_dir(&folder).unwrap();
        pipe(&folder.join("000000000000001-a.json"));
        symlink("/dev/zero", folder.join("000000000000002-b.json")).unwrap();
        symlink("/etc/passwd", folder.join("000000000000003-c.json")).unwrap();
        fs::create_dir(folder.join("000000000000004-d.json")).unwrap();
        fs::write(folder.join("000000000000005-e.json"), vec![b'['; 1 << 20]).unwrap();
        let deep = [b"[".repeat(100_000), b"]".repeat(100_000)].concat();
        fs::write(folder.join("000000000000006-f.json"), deep).unwrap();
        fs::write(folder.join("000000000000007-g.json"), [0xff; 64]).unwrap();
    }
    let agent = Agent::start(place.home.path(), &place.root());
    agent.metrics_after(2);
    assert_eq!(agent.stop(), 0);
    for folder in ["requests", "issued"] {
        let waiting = fs::read_dir(place.state().join(folder)).unwrap();
        let left: Vec<PathBuf> = waiting
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
            .collect();
        assert!(left.is_empty(), "they would be looked at for ever: {left:?}");
    }
}

/// Whoever may write there may replace the history.
#[test]
fn a_state_directory_that_everybody_may_write_to_is_told_of() {
    let place = Place::new();
    fs::set_permissions(place.state(), fs::Permissions::from_mode(0o777)).unwrap();
    let (code, _, said) = place.run(&["agent", "--once"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("may be written to by everybody"), "{said}");
    fs::set_permissions(place.state(), fs::Permissions::from_mode(0o750)).unwrap();
    let (_, _, said) = place.run(&["agent", "--once"]);
    assert!(!said.contains("may be written to by everybody"), "{said}");
}
