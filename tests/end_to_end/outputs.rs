//! What other programs run and read: plugins' answers, node_exporter's textfile, and OpenMetrics
//! and examples before Prometheus' own tool.

use crate::harness::{Agent, output, scrubjay};
use rcgen::{CertificateParams, KeyPair};
use scrubjay_tests::{golden, trees};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A command on a host of our own, with no history unless there is one in its home.
fn on(home: &Path, tree: &str, args: &[&str]) -> (i32, String, String) {
    let root = home.join("host.tree");
    std::fs::write(&root, trees::host(tree)).unwrap();
    let mut command = scrubjay(home);
    command.args(args).arg("--root").arg(&root).arg("--state-dir").arg(home.join("state"));
    let (code, stdout, stderr) = output(&mut command);
    (code, stdout.replace(&home.display().to_string(), "HOME"), stderr)
}

#[test]
fn plugins_answer_of_every_host_tree_as_they_did() {
    for (name, _) in trees::hosts() {
        let home = tempfile::tempdir().unwrap();
        let mut page = String::new();
        for args in [&["check"][..], &["check", "--npd"], &["reboot-required"]] {
            let (code, stdout, stderr) = on(home.path(), &name, args);
            assert!(args != ["check", "--npd"] || stdout.len() <= 80, "{name}: {stdout}");
            page.push_str(&format!("$ scrubjay {}\n{stdout}exit code {code}\n", args.join(" ")));
            assert!(!stderr.contains("error"), "{stderr}");
        }
        golden::compare(&format!("{name}.plugins.txt"), &page);
    }
}

#[test]
fn whatever_goes_wrong_is_unknown_to_a_plugin() {
    let home = tempfile::tempdir().unwrap();
    for (args, expected) in [
        (&["check", "--colour", "blue"][..], 3),
        (&["--config", "/no/such.toml", "check", "-x"], 3),
        (&["check", "--config", "/no/such.toml"], 3),
        (&["check", "--root", "/no/such.tree"], 3),
        (&["check", "--npd", "--root", "/no/such.tree"], 2),
        (&["check", "--npd", "--bogus"], 2),
        (&["check", "--bogus", "--npd"], 2),
    ] {
        let mut command = scrubjay(home.path());
        if args.contains(&"--config") {
            command = Command::new(crate::harness::SCRUBJAY);
            command.env_clear().env("HOME", home.path());
        }
        let (code, stdout, stderr) = output(command.args(args));
        assert_eq!(code, expected, "{args:?}: {stderr}");
        assert_eq!(stdout.lines().count(), 1, "{args:?}: {stdout}");
        let is_npd = args.contains(&"--npd");
        assert_eq!(stdout.starts_with("SCRUBJAY UNKNOWN - "), !is_npd, "{stdout}");
        assert!(!is_npd || stdout.starts_with("no verdict: ") && stdout.len() <= 80, "{stdout}");
    }
    // Everything else keeps the usual code, and help is no mistake.
    assert_eq!(output(scrubjay(home.path()).args(["status", "--colour"])).0, 2);
    assert_eq!(output(scrubjay(home.path()).args(["check", "--help"])).0, 0);
}

#[test]
fn an_answer_that_nobody_reads_is_no_yes() {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("host.tree");
    std::fs::write(&root, trees::host("bare-guest")).unwrap();
    for (args, expected) in
        [(&["reboot-required"][..], 3), (&["check"], 3), (&["check", "--npd"], 2)]
    {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = scrubjay(home.path());
        command.args(args).arg("--root").arg(&root).stdout(writer).stderr(Stdio::null());
        assert_eq!(command.status().unwrap().code(), Some(expected), "{args:?}");
    }
}

#[test]
fn a_textfile_has_the_name_that_others_use_if_that_is_asked_for() {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("host.tree");
    std::fs::write(&root, trees::host("busy-server")).unwrap();
    for (config, expected) in [("", false), ("[web]\nnode_reboot_required = true\n", true)] {
        let mut command = scrubjay(home.path());
        std::fs::write(home.path().join("empty.toml"), config).unwrap();
        command.args(["export", "textfile"]).arg(home.path()).arg("--root").arg(&root);
        let (code, _, stderr) = output(&mut command);
        assert_eq!(code, 0, "{stderr}");
        let page = std::fs::read_to_string(home.path().join("scrubjay.prom")).unwrap();
        assert_eq!(page.contains("\nnode_reboot_required 1\n"), expected, "{page}");
    }
}

#[test]
fn a_textfile_is_there_whole_or_not_at_all() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("textfile");
    let (code, _, stderr) = on(home.path(), "busy-server", &["export", "textfile", "/no/such/dir"]);
    assert_eq!(code, 1);
    assert!(
        stderr.contains("/no/such/dir is no directory") && stderr.contains("textfile.directory")
    );
    for name in ["", "x", ".prom", "../x.prom", "a/b.prom", ".x.prom"] {
        let args = ["export", "textfile", "/tmp", "--name", name];
        assert_eq!(on(home.path(), "busy-server", &args).0, 2, "{name}");
    }

    std::fs::create_dir(&dir).unwrap();
    let shown = dir.display().to_string();
    for name in ["scrubjay.prom", "other.prom"] {
        // The second time over what is there.
        for _ in 0..2 {
            let args = ["export", "textfile", &shown, "--name", name];
            let (code, stdout, stderr) = on(home.path(), "busy-server", &args);
            assert_eq!(code, 0, "{stderr}");
            assert!(stdout.ends_with(&format!("samples to HOME/textfile/{name}\n")), "{stdout}");
        }
        let file = dir.join(name);
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o644);
        let page = std::fs::read_to_string(&file).unwrap();
        assert!(page.contains("\nscrubjay_verdict{verdict=\"act\"} "), "{page}");
        // A timestamp would make node_exporter refuse the file.
        let samples = page.lines().filter(|line| !line.starts_with('#'));
        assert!(samples.clone().count() > 100);
        for line in samples {
            let (_, rest) = line.rsplit_once('}').unwrap_or(line.split_at(line.find(' ').unwrap()));
            assert_eq!(rest.trim().split(' ').count(), 1, "{line}");
        }
        // node_exporter tells of these itself.
        assert!(!page.contains("\nprocess_"), "{page}");
        if let Some(promtool) = promtool() {
            check(Command::new(promtool).args(["check", "metrics"]), &page);
        }
    }
    let mut left: Vec<String> = std::fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, ["other.prom", "scrubjay.prom"]);
}

/// Prometheus' own tool, or word that it is missing.
fn promtool() -> Option<PathBuf> {
    let named = std::env::var_os("PROMTOOL").map(PathBuf::from);
    let found = named.or_else(|| {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).map(|dir| dir.join("promtool")).find(|file| file.is_file())
    });
    if found.is_none() {
        println!("skipped: promtool is missing (Debian package prometheus)");
    }
    found
}

/// Runs a command that must succeed and say nothing against what it is fed.
fn check(command: &mut Command, input: &str) -> String {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let done = child.wait_with_output().unwrap();
    let said = [done.stdout, done.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    assert!(done.status.success(), "{command:?}: {said}");
    said
}

#[test]
fn prometheus_reads_our_openmetrics() {
    let Some(promtool) = promtool() else { return };
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("host.tree");
    std::fs::write(&root, trees::host("busy-server")).unwrap();
    let agent = Agent::start(home.path(), &root);
    agent.metrics_after(2);
    let mut stream = TcpStream::connect(agent.address()).unwrap();
    let request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAccept: application/openmetrics-text;version=1.0.0,\
                   text/plain;q=0.5\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, page) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("application/openmetrics-text; version=1.0.0; charset=utf-8"), "{head}");
    assert!(page.contains("\n# UNIT scrubjay_uptime_seconds seconds\n"), "{page}");
    assert!(page.contains("\nscrubjay_agent_passes_created "), "{page}");
    assert!(page.ends_with("\n# EOF\n"), "{page}");
    // It makes blocks of samples that say when they were taken, which is all that ours leave out.
    let stamped: String = page
        .lines()
        .map(|line| {
            if line.starts_with('#') { format!("{line}\n") } else { format!("{line} 1795500120\n") }
        })
        .collect();
    let file = home.path().join("page.om");
    std::fs::write(&file, stamped).unwrap();
    let blocks = home.path().join("blocks");
    let mut command = Command::new(promtool);
    command.args(["tsdb", "create-blocks-from", "openmetrics"]).arg(&file).arg(&blocks);
    let said = check(&mut command, "");
    let samples = page.lines().filter(|line| !line.starts_with('#')).count();
    assert!(said.contains(&samples.to_string()), "{samples} samples: {said}");
    assert_eq!(agent.stop(), 0);
}

/// The fenced blocks of a page in a language.
fn blocks<'t>(page: &'t str, language: &str) -> Vec<&'t str> {
    let opening = format!("```{language}\n");
    page.split(opening.as_str()).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

const WEB: &str = include_str!("../../docs/web.md");
const COMPATIBILITY: &str = include_str!("../../docs/compatibility.md");

#[test]
fn the_web_configuration_of_the_documentation_is_taken_by_us_and_by_prometheus() {
    let home = tempfile::tempdir().unwrap();
    let example = blocks(WEB, "yaml").into_iter().find(|text| text.contains("cert_file")).unwrap();
    let path = home.path().join("web-config.yml");
    std::fs::write(&path, example).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = certificate.self_signed(&key).unwrap().pem();
    for (name, text) in [
        ("server.crt", &certificate),
        ("server.key", &key.serialize_pem()),
        ("clients.crt", &certificate),
    ] {
        std::fs::write(home.path().join(name), text).unwrap();
    }
    let config = home.path().join("scrubjay.toml");
    std::fs::write(&config, format!("[web]\nconfig_file = {path:?}\n")).unwrap();
    let mut command = Command::new(crate::harness::SCRUBJAY);
    command.env_clear().env("HOME", home.path()).args(["config", "check", "--config"]).arg(&config);
    let (code, stdout, stderr) = output(&mut command);
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.contains("encrypted, and clients are authenticated"), "{stdout}");
    if let Some(promtool) = promtool() {
        // Older ones do not know names yet.
        let older: Vec<&str> = example.lines().filter(|l| !l.contains("allowed_sans")).collect();
        std::fs::write(&path, older.join("\n")).unwrap();
        let said = check(Command::new(promtool).args(["check", "web-config"]).arg(&path), "");
        assert!(said.contains("SUCCESS"), "{said}");
    }
}

#[test]
fn queries_of_the_documentation_are_queries() {
    let Some(promtool) = promtool() else { return };
    let mut rules = String::from("groups:\n- name: documentation\n  rules:\n");
    // One that stands in lines of its own goes over them; others are one a line.
    let mut count = 0;
    for block in blocks(COMPATIBILITY, "promql") {
        let is_one = block.lines().any(|line| line.starts_with([' ', ')', '-']));
        let all: Vec<String> = match is_one {
            true => vec![block.replace('\n', " ")],
            false => block.lines().map(str::to_owned).collect(),
        };
        for query in all {
            rules.push_str(&format!("  - record: a:b:c{count}\n    expr: {query:?}\n"));
            count += 1;
        }
    }
    assert!(count > 5, "{rules}");
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("rules.yml");
    std::fs::write(&file, rules).unwrap();
    check(Command::new(promtool).args(["check", "rules"]).arg(&file), "");
}
