//! Commands as a person meets them: exit codes, messages, what they refuse.

use crate::harness::{output, scrubjay, stdout};
use scrubjay_alerts::Rules;
use scrubjay_tests::trees;
use std::path::{Path, PathBuf};

fn tree(home: &Path, name: &str) -> PathBuf {
    let path = home.join(format!("{name}.tree"));
    std::fs::write(&path, trees::host(name)).unwrap();
    path
}

#[test]
fn status_answers_with_nagios_codes_when_asked() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    for (name, expect) in [("bare-guest", 3), ("healthy-server", 0), ("busy-server", 1)] {
        let root = tree(home, name);
        let mut command = scrubjay(home);
        let command = command.args(["status", "--exit-code", "--root"]).arg(root);
        let (code, page, stderr) = output(command);
        assert_eq!(code, expect, "{name}: {page}{stderr}");
    }
}

#[test]
fn another_hosts_tree_is_never_given_this_hosts_history() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let root = tree(home, "healthy-server");
    let (code, _, stderr) = output(scrubjay(home).args(["agent", "--once", "--root"]).arg(&root));
    assert_eq!(code, 1);
    assert!(stderr.contains("--state-dir"), "{stderr}");
    let (code, _, stderr) = output(scrubjay(home).args(["history", "boots", "--root"]).arg(&root));
    assert_eq!(code, 1);
    assert!(stderr.contains("--state-dir"), "{stderr}");
}

#[test]
fn a_name_that_nothing_has_is_no_failure_but_is_not_there() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let state = home.join("state");
    let root = tree(home, "busy-server");
    let run = |args: &[&str]| {
        let mut command = scrubjay(home);
        output(command.args(args).arg("--root").arg(&root).arg("--state-dir").arg(&state))
    };
    assert_eq!(run(&["agent", "--once"]).0, 0);
    for args in [
        &["show", "B9"][..],
        &["explain", "no-such-finding"],
        &["ack", "B9", "--reason", "known", "--until", "1d"],
        &["unack", "B9"],
    ] {
        let (code, page, stderr) = run(args);
        assert_eq!((code, page.as_str()), (3, ""), "{args:?}: {stderr}");
        assert!(stderr.contains(args[1]), "{args:?}: {stderr}");
    }
    // What is understood and cannot be done goes on to be a failure.
    let (code, _, stderr) = run(&["ack", "host", "--reason", " ", "--until", "1d"]);
    assert_eq!(code, 1, "{stderr}");
}

#[test]
fn a_demo_offers_what_it_takes() {
    let home = tempfile::tempdir().unwrap();
    let (code, page, _) = output(scrubjay(home.path()).args(["demo", "--help"]));
    assert_eq!(code, 0);
    assert!(!page.contains("--root") && !page.contains("--config <"), "{page}");
    assert!(page.contains("[default: a temporary one]"), "{page}");
}

#[test]
fn history_without_a_history_says_how_to_get_one() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let mut command = scrubjay(home);
    let (code, page, stderr) =
        output(command.args(["history", "memory", "--state-dir"]).arg(home.join("none")));
    assert_eq!((code, page.as_str()), (3, ""));
    assert!(stderr.contains("start the agent"), "{stderr}");
    assert!(!home.join("none").exists(), "reading must not create");
}

#[test]
fn history_shows_boots_and_errors_with_the_time_watched() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let state = home.join("state");
    for (number, text) in trees::timeline("reboot").iter().enumerate() {
        let root = home.join(format!("t{number}.tree"));
        std::fs::write(&root, text).unwrap();
        let mut command = scrubjay(home);
        command.args(["agent", "--once", "--root"]).arg(root).arg("--state-dir").arg(&state);
        stdout(&mut command);
    }
    let page = |args: &[&str]| stdout(scrubjay(home).args(args).arg("--state-dir").arg(&state));
    let boots = page(&["history", "boots"]);
    assert!(boots.contains("2 boots"), "{boots}");
    let json: serde_json::Value =
        serde_json::from_str(&page(&["history", "boots", "--json"])).unwrap();
    assert_eq!(json["boots"].as_array().unwrap().len(), 2);
    let memory = page(&["history", "memory"]);
    assert!(memory.contains("dimm"), "{memory}");
    let json: serde_json::Value =
        serde_json::from_str(&page(&["history", "memory", "--json"])).unwrap();
    assert!(!json["changes"].as_array().unwrap().is_empty());
}

#[test]
fn explain_reboot_shows_every_rule_with_what_it_found() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let root = tree(home, "hostile");
    let explain = |more: &[&str]| {
        stdout(scrubjay(home).args(["explain", "reboot"]).args(more).arg("--root").arg(&root))
    };
    let page = explain(&[]);
    let json: serde_json::Value = serde_json::from_str(&explain(&["--json"])).unwrap();
    let rows = json["rules"].as_array().unwrap();
    let rules = Rules::DEFAULT;
    assert_eq!(rows.len(), rules.all().len());
    for (rule, row) in rules.all().into_iter().zip(rows) {
        assert_eq!(
            (&row["code"], &row["verdict"]),
            (&rule.code.into(), &rule.verdict.as_str().into())
        );
        assert_eq!(row["policy_key"].as_str(), rule.policy_key);
        let found = row["findings"].as_array().unwrap();
        assert!(found.iter().all(|finding| finding["code"] == rule.code), "{row}");
        let word = rule.verdict.as_str();
        let tail = match found.len() {
            0 => format!("found nothing ({word} if it did)"),
            1 => format!("holds ({word})"),
            more => format!("holds {more} times ({word})"),
        };
        assert!(page.contains(&format!(" {}: {tail}\n", rule.code)), "{}: {page}", rule.code);
    }
    assert!(page.contains("reboot-marker: holds (plan)"), "{page}");
    assert!(page.contains("livepatch-transition: holds 2 times"), "{page}");
    let (last, first) = (page.rfind(": holds ").unwrap(), page.find(": found nothing ").unwrap());
    assert!(last < first, "those that hold come first");
}

#[test]
fn configuration_errors_name_file_line_column_and_text() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let file = home.join("bad.toml");
    std::fs::write(&file, "[agent]\ninterval = \"soon\"\n").unwrap();
    // Not by the harness, which names a configuration of its own.
    let bare = |args: &[&str]| {
        let mut command = std::process::Command::new(crate::harness::SCRUBJAY);
        output(command.env_clear().env("HOME", home).args(args).arg("--config").arg(&file))
    };
    let (code, _, stderr) = bare(&["config", "check"]);
    assert_eq!(code, 1);
    let place = format!("{}:2:12: agent.interval = \"soon\"", file.display());
    assert!(stderr.contains(&place), "{stderr}");
    let (code, shown, stderr) = bare(&["config", "show"]);
    assert_eq!(code, 1);
    assert!(shown.contains("interval = \"soon\"") && stderr.contains("soon"), "{shown}{stderr}");
    std::fs::write(&file, "[agent]\nintervall = \"1s\"\n").unwrap();
    let (code, _, stderr) = bare(&["status"]);
    assert_eq!(code, 1);
    assert!(stderr.contains("bad.toml:2:1") && stderr.contains("intervall"), "{stderr}");
    std::fs::remove_file(&file).unwrap();
    let (code, _, stderr) = bare(&["status"]);
    assert_eq!(code, 1);
    assert!(stderr.contains("cannot read") && stderr.contains("bad.toml"), "{stderr}");
}

#[test]
fn usage_errors_are_two_and_help_is_zero() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    assert_eq!(output(scrubjay(home).arg("statsu")).0, 2);
    assert_eq!(output(scrubjay(home).args(["agent", "--intervall", "1s"])).0, 2);
    let (code, page, _) = output(scrubjay(home).arg("--help"));
    assert_eq!(code, 0);
    for command in ["agent", "status", "doctor", "history", "config", "capture"] {
        assert!(page.contains(command), "{page}");
    }
}

#[test]
fn a_root_that_is_not_there_is_said_so() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let (code, _, stderr) = output(scrubjay(home).args(["status", "--root", "/nowhere"]));
    assert_eq!(code, 1);
    assert!(stderr.contains("/nowhere") && stderr.contains("--root"), "{stderr}");
    let file = home.join("no.tree");
    std::fs::write(&file, "hello\n").unwrap();
    let (code, _, stderr) = output(scrubjay(home).args(["status", "--root"]).arg(&file));
    assert_eq!(code, 1);
    assert!(stderr.contains("line 1") && stderr.contains("host tree"), "{stderr}");
}

#[test]
fn a_capture_of_a_tree_is_that_tree_again() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let root = tree(home, "busy-server");
    let capture = |root: &Path| stdout(scrubjay(home).args(["capture", "--root"]).arg(root));
    let once = capture(&root);
    let again = home.join("again.tree");
    std::fs::write(&again, &once).unwrap();
    assert_eq!(capture(&again), once);
    let page = |root: &Path| stdout(scrubjay(home).args(["status", "--root"]).arg(root));
    let shown = page(&again).replace(&again.display().to_string(), "ROOT");
    assert_eq!(shown, page(&root).replace(&root.display().to_string(), "ROOT"));
}

#[test]
fn this_machine_can_be_read() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let page = stdout(scrubjay(home).args(["status", "--state-dir"]).arg(home.join("state")));
    assert!(page.starts_with("scrubjay: "), "{page}");
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    assert!(page.contains(&release), "{page}");
}

#[test]
fn a_mebibyte_where_a_name_belongs_is_malformed_and_costs_that_name_only() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let root = home.join("hostile.tree");
    std::fs::write(&root, trees::hostile_with_a_mebibyte()).unwrap();
    let mut command = scrubjay(home);
    let json = stdout(command.args(["status", "--json", "--root"]).arg(&root));
    assert!(json.len() < 200_000, "{} bytes", json.len());
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let controllers = &json["snapshot"]["edac"]["reading"]["value"]["controllers"];
    let ninth = controllers.as_array().unwrap().iter().find(|c| c["index"] == 9).unwrap();
    assert_eq!(ninth["name"]["state"], "malformed");
    assert!(controllers.as_array().unwrap().len() > 1, "{controllers}");
}

#[test]
fn who_asks_for_a_verdict_and_gets_none_is_told_unknown() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let mut command = scrubjay(home);
    let (code, _, stderr) = output(command.args(["status", "--exit-code", "--root", "/nowhere"]));
    assert_eq!(code, 3, "{stderr}");
    let root = tree(home, "busy-server");
    // Nobody reads the page; the code counts all the same.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = scrubjay(home);
    command.args(["status", "--exit-code", "--root"]).arg(root).stdout(writer);
    assert_eq!(command.status().unwrap().code(), Some(1));
}

#[test]
fn history_takes_the_span_its_help_gives_as_an_example() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let (root, state) = (tree(home, "busy-server"), home.join("state"));
    let run = |args: &[&str]| {
        let mut command = scrubjay(home);
        output(command.args(args).arg("--root").arg(&root).arg("--state-dir").arg(&state))
    };
    assert_eq!(run(&["agent", "--once"]).0, 0);
    let (code, page, stderr) = run(&["history", "memory", "--since", "30d"]);
    assert_eq!(code, 0, "{stderr}");
    assert!(page.contains("dimm0"), "{page}");
    let (code, _, stderr) = run(&["history", "memory", "--since", "soon"]);
    assert_eq!(code, 1);
    assert!(stderr.contains("30d or 12h"), "{stderr}");
}

#[test]
fn a_damaged_history_is_never_ok() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let (root, state) = (tree(home, "healthy-server"), home.join("state"));
    let run = |args: &[&str]| {
        let mut command = scrubjay(home);
        output(command.args(args).arg("--root").arg(&root).arg("--state-dir").arg(&state))
    };
    assert_eq!(run(&["agent", "--once"]).0, 0);
    assert_eq!(run(&["status", "--exit-code"]).0, 0);
    std::fs::write(state.join("history.db"), [b'x'; 8192]).unwrap();
    let (code, page, _) = run(&["status", "--exit-code"]);
    assert_eq!(code, 3, "{page}");
    assert!(page.contains("history-unreadable"), "{page}");
    // The agent keeps the damaged file and begins anew; that is not to be overlooked either.
    assert_eq!(run(&["agent", "--once"]).0, 0);
    let (code, page, _) = run(&["status", "--exit-code"]);
    assert_eq!(code, 3, "{page}");
    assert!(page.contains("history-replaced"), "{page}");
}
