//! Signed bundles as an auditor meets them: stock `ssh-keygen`, `sha256sum` and `openssl` beside
//! `scrubjay verify`, on a good bundle and on each that is broken.

use crate::harness::{output, scrubjay, stdout};
use crate::reports::history;
use scrubjay_tests::golden;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

mod fleets;
mod stamps;

const NAMESPACE: &str = "scrubjay-report@v1";
const WHO: &str = "ops@example";

/// Whether a program is there; says so where it is not.
fn is_there(program: &str, asked: &str) -> bool {
    let found = Command::new(program).arg(asked).stdin(Stdio::null()).output().is_ok();
    if !found {
        println!("skipped: {program} is missing");
    }
    found
}

fn ssh_keygen_is_there() -> bool {
    is_there("ssh-keygen", "-?")
}

/// A host's history, keys, and bundles of it.
struct Desk {
    home: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let desk = Self { home: tempfile::tempdir().unwrap() };
        desk.key("key", &["-t", "ed25519"]);
        desk.allow("allowed", &format!("{WHO} namespaces=\"{NAMESPACE}\" "), "key");
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn key(&self, name: &str, kind: &[&str]) {
        let mut keygen = Command::new("ssh-keygen");
        keygen.args(["-q", "-N", "", "-C", WHO, "-f"]).arg(self.path(name)).args(kind);
        assert!(keygen.status().unwrap().success());
    }

    /// A file of allowed signers with one line.
    fn allow(&self, file: &str, begin: &str, key: &str) {
        let key = fs::read_to_string(self.path(&format!("{key}.pub"))).unwrap();
        fs::write(self.path(file), format!("{begin}{key}")).unwrap();
    }

    /// Makes a bundle; the words choose the key.
    fn bundle(&self, name: &str, words: &[&str]) {
        let report = history(self.home.path());
        let to = self.text(name);
        let mut command = report(&["--host-name", "db-7", "--draft", "--output", &to]);
        stdout(command.args(words));
    }

    /// A copy of a bundle.
    fn copy(&self, from: &str, to: &str) -> PathBuf {
        let (from, to) = (self.path(from), self.path(to));
        fs::create_dir(&to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
        to
    }

    fn verify(&self, dir: &str, words: &[&str]) -> (i32, Value) {
        let mut command = scrubjay(self.home.path());
        command.args(["verify", "--json"]).arg(self.path(dir)).args(words);
        let (code, page, stderr) = output(&mut command);
        let page = serde_json::from_str(&page).unwrap_or_else(|_| panic!("{page}{stderr}"));
        (code, page)
    }

    fn verify_by(&self, dir: &str, allowed: &str) -> (i32, Value) {
        self.verify(dir, &["--allowed-signers", &self.text(allowed)])
    }

    /// What stock tools say of signature and checksums.
    fn stock(&self, dir: &str, allowed: &str) -> bool {
        let dir = self.path(dir);
        let Ok(sums) = fs::File::open(dir.join("SHA256SUMS")) else { return false };
        let mut keygen = Command::new("ssh-keygen");
        keygen.args(["-Y", "verify", "-n", NAMESPACE, "-I", WHO, "-f"]).arg(self.path(allowed));
        keygen.arg("-s").arg(dir.join("SHA256SUMS.sig")).stdin(sums);
        let mut sum = Command::new("sha256sum");
        sum.args(["--strict", "--quiet", "-c", "SHA256SUMS"]).current_dir(dir);
        output(&mut keygen).0 == 0 && output(&mut sum).0 == 0
    }

    /// Makes list and signature anew, as somebody could who has the key.
    fn sign_anew(&self, dir: &Path, key: &str, namespace: &str) {
        let list = fs::read_to_string(dir.join("SHA256SUMS")).unwrap();
        let names = list.lines().map(|line| line.split_once("  ").unwrap().1);
        let sums: String = names
            .map(|name| {
                let bytes = fs::read(dir.join(name)).unwrap();
                format!("{}  {name}\n", scrubjay_storage::sha256(&bytes))
            })
            .collect();
        fs::write(dir.join("SHA256SUMS"), sums).unwrap();
        fs::remove_file(dir.join("SHA256SUMS.sig")).unwrap();
        let mut keygen = Command::new("ssh-keygen");
        keygen.args(["-q", "-Y", "sign", "-n", namespace, "-f"]).arg(self.path(key));
        assert!(keygen.arg(dir.join("SHA256SUMS")).output().unwrap().status.success());
    }
}

fn replace(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{} has no {from}", file.display());
    fs::write(file, text.replacen(from, to, 1)).unwrap();
}

fn flip(file: &Path, at: usize) {
    let mut bytes = fs::read(file).unwrap();
    bytes[at] ^= 1;
    fs::write(file, bytes).unwrap();
}

/// Kinds and parts of faults, the worst first.
fn faults(page: &Value) -> Vec<String> {
    let faults = page["faults"].as_array().unwrap().iter();
    faults
        .map(|fault| {
            format!("{} {}", fault["kind"].as_str().unwrap(), fault["part"].as_str().unwrap())
        })
        .collect()
}

#[test]
fn stock_tools_accept_a_good_bundle_and_reject_each_broken_one_and_verify_names_what_is_broken() {
    if !ssh_keygen_is_there() {
        return;
    }
    let desk = Desk::new();
    desk.bundle("good", &["--sign", &desk.text("key")]);
    assert!(desk.stock("good", "allowed"));
    let (code, page) = desk.verify_by("good", "allowed");
    assert_eq!((code, &page["verified"]), (0, &Value::Bool(true)), "{page}");
    assert_eq!(
        (page["host"].as_str(), page["signer"]["identity"].as_str()),
        (Some("db-7"), Some(WHO))
    );

    type Break = fn(&Path);
    // What is done to it, the exit code, and what is told.
    let broken: [(&str, Break, i32, &[&str]); 13] = [
        (
            "unsigned",
            |dir| fs::remove_file(dir.join("SHA256SUMS.sig")).unwrap(),
            10,
            &["no_signature SHA256SUMS.sig"],
        ),
        (
            "signature",
            |dir| flip(&dir.join("SHA256SUMS.sig"), 200),
            11,
            &["bad_signature SHA256SUMS.sig"],
        ),
        (
            "armour",
            |dir| flip(&dir.join("SHA256SUMS.sig"), 3),
            11,
            &["bad_signature SHA256SUMS.sig"],
        ),
        (
            "list",
            |dir| {
                let list = dir.join("SHA256SUMS");
                let text = fs::read_to_string(&list).unwrap();
                let digit = if text.starts_with('0') { "1" } else { "0" };
                fs::write(list, format!("{digit}{}", &text[1..])).unwrap();
            },
            11,
            &["bad_signature SHA256SUMS.sig", "changed acknowledgements.csv"],
        ),
        ("html", |dir| flip(&dir.join("report.html"), 500), 16, &["changed report.html"]),
        ("json", |dir| flip(&dir.join("report.json"), 500), 16, &["changed report.json"]),
        ("policy", |dir| flip(&dir.join("policy.toml"), 5), 16, &["changed policy.toml"]),
        (
            "two",
            |dir| {
                flip(&dir.join("months.csv"), 5);
                fs::remove_file(dir.join("report.md")).unwrap();
            },
            16,
            &["changed months.csv", "missing report.md"],
        ),
        (
            "missing",
            |dir| fs::remove_file(dir.join("gaps.csv")).unwrap(),
            17,
            &["missing gaps.csv"],
        ),
        (
            "no-report",
            |dir| fs::remove_file(dir.join("report.json")).unwrap(),
            17,
            &["missing report.json"],
        ),
        (
            "cut",
            |dir| fs::write(dir.join("SHA256SUMS"), "00\n").unwrap(),
            15,
            &["bad_manifest SHA256SUMS", "bad_signature SHA256SUMS.sig"],
        ),
        (
            "no-list",
            |dir| fs::remove_file(dir.join("SHA256SUMS")).unwrap(),
            15,
            &["bad_manifest SHA256SUMS"],
        ),
        (
            "ledger",
            |dir| {
                replace(
                    &dir.join("ledger.jsonl"),
                    "\"kind\":\"boot_began\"",
                    "\"kind\":\"boot_ended\"",
                )
            },
            16,
            &["changed ledger.jsonl", "broken_ledger ledger.jsonl"],
        ),
    ];
    for (name, how, wanted, told) in broken {
        how(&desk.copy("good", name));
        assert!(!desk.stock(name, "allowed"), "{name}");
        let (code, page) = desk.verify_by(name, "allowed");
        assert_eq!(
            (code, faults(&page)),
            (wanted, told.iter().map(|t| (*t).to_owned()).collect()),
            "{name}: {page}"
        );
        assert_eq!(page["verified"], false);
    }
    // What nobody listed stock tools do not look at.
    fs::write(desk.copy("good", "extra").join("notes.txt"), "x").unwrap();
    let (code, page) = desk.verify_by("extra", "allowed");
    assert_eq!((code, faults(&page)), (18, vec!["extra notes.txt".to_owned()]));
    let linked = desk.copy("good", "linked");
    fs::rename(linked.join("report.md"), desk.path("elsewhere.md")).unwrap();
    std::os::unix::fs::symlink(desk.path("elsewhere.md"), linked.join("report.md")).unwrap();
    let (code, page) = desk.verify_by("linked", "allowed");
    assert_eq!((code, faults(&page)), (22, vec!["unreadable report.md".to_owned()]));
}

#[test]
fn who_may_sign_for_what_and_when_is_said_as_ssh_keygen_says_it() {
    if !ssh_keygen_is_there() {
        return;
    }
    let desk = Desk::new();
    desk.bundle("good", &["--sign", &desk.text("key")]);
    desk.key("other", &["-t", "ed25519"]);
    desk.sign_anew(&desk.copy("good", "for-git"), "key", "git");
    desk.sign_anew(&desk.copy("good", "by-other"), "other", NAMESPACE);
    for (n, (begin, key, wanted)) in [
        (format!("{WHO} "), "key", 0),
        ("*@example ".to_owned(), "key", 0),
        (format!("{WHO} namespaces=\"file,scrubjay-*\",valid-after=\"20200101\" "), "key", 0),
        (format!("{WHO} valid-before=\"20990101Z\" "), "key", 0),
        (format!("{WHO} "), "other", 12),
        ("eve@example ".to_owned(), "key", 12),
        (format!("{WHO} namespaces=\"git\" "), "key", 13),
        (format!("{WHO} valid-before=\"20200101\" "), "key", 14),
        (format!("{WHO} valid-after=\"20990101\" "), "key", 14),
        (format!("*@example,!{WHO} "), "key", 12),
        (format!("{WHO} cert-authority "), "key", 12),
    ]
    .into_iter()
    .enumerate()
    {
        let file = format!("allowed-{n}");
        desk.allow(&file, &begin, key);
        assert_eq!(desk.stock("good", &file), wanted == 0, "{begin}");
        let (code, page) =
            desk.verify("good", &["--allowed-signers", &desk.text(&file), "--identity", WHO]);
        assert_eq!(code, wanted, "{begin}: {page}");
    }
    for (dir, wanted) in [("for-git", 13), ("by-other", 12)] {
        assert!(!desk.stock(dir, "allowed"));
        assert_eq!(desk.verify_by(dir, "allowed").0, wanted, "{dir}");
    }
    // A key that was good when it signed.
    desk.allow("old", &format!("{WHO} valid-before=\"20260601\" "), "key");
    let then = ["--allowed-signers", &desk.text("old"), "--valid-at", "2026-05-01"];
    assert_eq!(desk.verify("good", &then).0, 0);
    assert_eq!(desk.verify("good", &[]).0, 23, "nobody said whom to trust");
    fs::write(desk.path("odd"), "ops magic ssh-ed25519 AAAA\n").unwrap();
    let mut command = scrubjay(desk.home.path());
    command.arg("verify").arg(desk.path("good")).arg("--allowed-signers").arg(desk.path("odd"));
    let (code, _, stderr) = output(&mut command);
    assert_eq!(code, 1);
    assert!(stderr.contains("line 1: there is no key that can be read"), "{stderr}");
}

#[test]
fn whoever_has_the_key_and_alters_a_figure_a_row_or_a_form_is_found_out() {
    if !ssh_keygen_is_there() {
        return;
    }
    let desk = Desk::new();
    desk.bundle("good", &["--sign", &desk.text("key")]);
    for (name, part, from, to, wanted, told) in [
        ("figure", "report.json", "\"boots\": 2", "\"boots\": 3", 20, "figures report.json"),
        (
            "sentence",
            "report.json",
            "\"sentence\": \"",
            "\"sentence\": \"All is well. ",
            20,
            "figures report.json",
        ),
        ("page", "report.html", "Memory errors", "No memory errors", 20, "figures report.html"),
        ("text", "report.md", "Memory errors", "No memory errors", 20, "figures report.md"),
        ("table", "gaps.csv", "2026-", "2025-", 20, "figures gaps.csv"),
        ("limits", "policy.toml", "critical = 30", "critical = 90", 20, "figures policy.toml"),
        (
            "row",
            "ledger.jsonl",
            "\"kind\":\"verdict\"",
            "\"kind\":\"gap\"",
            19,
            "broken_ledger ledger.jsonl",
        ),
    ] {
        let dir = desk.copy("good", name);
        replace(&dir.join(part), from, to);
        desk.sign_anew(&dir, "key", NAMESPACE);
        assert!(desk.stock(name, "allowed"), "stock tools know no figures");
        let (code, page) = desk.verify_by(name, "allowed");
        assert_eq!((code, faults(&page)[0].as_str()), (wanted, told), "{name}: {page}");
    }
    // A version that is not ours excuses no figure, and what it might excuse is told by the exit code.
    let dir = desk.copy("good", "version");
    let ours = format!("\"tool_version\": \"{}\"", env!("CARGO_PKG_VERSION"));
    replace(&dir.join("report.json"), &ours, "\"tool_version\": \"9.9.9\"");
    replace(&dir.join("report.json"), "\"sentence\": \"", "\"sentence\": \"All is well. ");
    desk.sign_anew(&dir, "key", NAMESPACE);
    let (code, page) = desk.verify_by("version", "allowed");
    assert_eq!(code, 24, "{page}");
    assert!(faults(&page).iter().any(|fault| fault == "other_version report.json"), "{page}");
    replace(&dir.join("report.json"), "\"boots\": 2", "\"boots\": 3");
    desk.sign_anew(&dir, "key", NAMESPACE);
    assert_eq!(desk.verify_by("version", "allowed").0, 20);
    // The last row taken away, and the sums made anew.
    let dir = desk.copy("good", "shorter");
    let rows = fs::read_to_string(dir.join("ledger.jsonl")).unwrap();
    let (kept, _) = rows.trim_end().rsplit_once('\n').unwrap();
    fs::write(dir.join("ledger.jsonl"), format!("{kept}\n")).unwrap();
    desk.sign_anew(&dir, "key", NAMESPACE);
    let (code, page) = desk.verify_by("shorter", "allowed");
    assert_eq!(code, 19);
    let detail = page["faults"][0]["detail"].as_str().unwrap();
    assert!(
        detail.starts_with("the last row is row ") && detail.contains("report.json names row"),
        "{detail}"
    );
    // Without rows that is said, and nothing else is lost.
    desk.bundle("bare", &["--sign", &desk.text("key"), "--without-ledger"]);
    let (code, page) = desk.verify_by("bare", "allowed");
    assert_eq!(code, 0, "{page}");
    assert!(page["not_checked"].to_string().contains("there is no ledger.jsonl"), "{page}");
}

/// An agent that ends with the test.
struct SshAgent {
    child: Child,
    socket: PathBuf,
}

impl SshAgent {
    fn start(socket: PathBuf) -> Self {
        let mut command = Command::new("ssh-agent");
        command.arg("-D").arg("-a").arg(&socket).stdin(Stdio::null()).stdout(Stdio::null());
        let agent = Self { child: command.spawn().unwrap(), socket };
        for _ in 0..500 {
            if agent.socket.exists() {
                return agent;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("ssh-agent does not listen");
    }

    fn add(&self, key: &Path) {
        let mut add = Command::new("ssh-add");
        assert!(
            add.arg("-q").arg(key).env("SSH_AUTH_SOCK", &self.socket).status().unwrap().success()
        );
    }
}

impl Drop for SshAgent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn keys_of_each_kind_sign_from_their_file_or_by_an_agent() {
    if !ssh_keygen_is_there() {
        return;
    }
    let desk = Desk::new();
    for (name, kind) in
        [("p256", ["-t", "ecdsa", "-b", "256"]), ("p384", ["-t", "ecdsa", "-b", "384"])]
    {
        desk.key(name, &kind);
        desk.bundle(&format!("by-{name}"), &["--sign", &desk.text(name)]);
        desk.allow("one", &format!("{WHO} "), name);
        assert!(desk.stock(&format!("by-{name}"), "one"));
        assert_eq!(desk.verify_by(&format!("by-{name}"), "one").0, 0);
    }
    desk.key("rsa", &["-t", "rsa", "-b", "2048"]);
    let report = history(desk.home.path());
    let refused = |words: &[&str], socket: Option<&Path>| {
        let to = desk.text("refused");
        let mut command = report(&["--draft", "--output", &to]);
        command.args(words);
        if let Some(socket) = socket {
            command.env("SSH_AUTH_SOCK", socket);
        }
        let (code, _, stderr) = output(&mut command);
        assert_eq!(code, 1, "{words:?}");
        assert!(!desk.path("refused").exists(), "nothing is written that is not signed");
        stderr
    };
    let told = refused(&["--sign", &desk.text("rsa")], None);
    assert!(told.contains("let ssh-agent sign with it: ssh-add KEY"), "{told}");
    assert!(refused(&["--sign", &desk.text("nowhere")], None).contains("cannot read"));
    assert!(refused(&["--sign", "agent:"], None).contains("SSH_AUTH_SOCK is not set"));
    let agent = SshAgent::start(desk.path("agent.sock"));
    let told = refused(&["--sign", &desk.text("rsa.pub")], Some(&agent.socket));
    assert!(told.contains("does not hold the private half"), "{told}");
    agent.add(&desk.path("rsa"));
    for (n, word) in
        [desk.text("rsa.pub"), "agent:".to_owned(), format!("agent:{WHO}")].into_iter().enumerate()
    {
        let to = desk.text(&format!("by-agent-{n}"));
        let mut command = report(&["--draft", "--output", &to, "--sign", &word]);
        stdout(command.env("SSH_AUTH_SOCK", &agent.socket));
        desk.allow("one", &format!("{WHO} "), "rsa");
        assert!(desk.stock(&format!("by-agent-{n}"), "one"));
        assert_eq!(desk.verify_by(&format!("by-agent-{n}"), "one").0, 0);
    }
}

#[test]
fn a_certificate_counts_if_its_authority_is_allowed_and_it_is_for_this_identity_and_time() {
    if !ssh_keygen_is_there() {
        return;
    }
    let desk = Desk::new();
    desk.key("ca", &["-t", "ecdsa", "-b", "256"]);
    desk.key("other-ca", &["-t", "ed25519"]);
    let agent = SshAgent::start(desk.path("agent.sock"));
    let certify = |name: &str, words: &[&str]| {
        desk.key(name, &["-t", "ed25519"]);
        let mut keygen = Command::new("ssh-keygen");
        keygen.args(["-q", "-I", "test", "-s"]).arg(desk.path("ca")).args(words);
        assert!(keygen.arg(desk.path(&format!("{name}.pub"))).status().unwrap().success());
        agent.add(&desk.path(name));
        let report = history(desk.home.path());
        let sign = desk.text(&format!("{name}-cert.pub"));
        let to = desk.text(&format!("by-{name}"));
        let mut command = report(&["--draft", "--output", &to, "--sign", &sign]);
        stdout(command.env("SSH_AUTH_SOCK", &agent.socket));
    };
    certify("good", &["-n", "eve@example,ops@example", "-V", "20200101:20990101"]);
    certify("strange", &["-n", "eve@example", "-V", "20200101:20990101"]);
    certify("old", &["-n", WHO, "-V", "20200101:20210101"]);
    certify("host", &["-h", "-n", WHO, "-V", "20200101:20990101"]);
    let of_ca = format!("{WHO} cert-authority,namespaces=\"{NAMESPACE}\" ");
    desk.allow("by-ca", &of_ca, "ca");
    desk.allow("by-other-ca", &of_ca, "other-ca");
    desk.allow("key-of-ca", &format!("{WHO} "), "ca");
    desk.allow("key-alone", &format!("{WHO} "), "good");
    for (bundle, allowed, wanted) in [
        ("good", "by-ca", 0),
        ("good", "by-other-ca", 12),
        ("good", "key-of-ca", 12),
        ("good", "key-alone", 12),
        ("strange", "by-ca", 12),
        ("host", "by-ca", 12),
        ("old", "by-ca", 14),
    ] {
        let dir = format!("by-{bundle}");
        assert_eq!(desk.stock(&dir, allowed), wanted == 0, "{bundle} {allowed}");
        let words = ["--allowed-signers", &desk.text(allowed), "--identity", WHO];
        let (code, page) = desk.verify(&dir, &words);
        assert_eq!(code, wanted, "{bundle} {allowed}: {page}");
    }
    let (code, page) = desk.verify_by("by-good", "by-ca");
    assert_eq!((code, page["signer"]["identity"].as_str()), (0, Some(WHO)), "{page}");
}

#[test]
fn the_same_report_signed_twice_by_one_key_is_the_same_to_the_byte() {
    if !ssh_keygen_is_there() {
        return;
    }
    let desk = Desk::new();
    desk.bundle("one", &["--sign", &desk.text("key")]);
    let report = history(desk.home.path());
    let to = desk.text("two");
    stdout(&mut report(&[
        "--host-name",
        "db-7",
        "--draft",
        "--output",
        &to,
        "--sign",
        &desk.text("key"),
    ]));
    // A history of its own was made in between: its ledger tells of the passes.
    let (one, two) = (desk.path("one"), desk.path("two"));
    let again = desk.text("three");
    stdout(&mut report(&[
        "--host-name",
        "db-7",
        "--draft",
        "--output",
        &again,
        "--sign",
        &desk.text("key"),
    ]));
    for entry in fs::read_dir(&two).unwrap() {
        let name = entry.unwrap().file_name();
        assert_eq!(
            fs::read(two.join(&name)).unwrap(),
            fs::read(desk.path("three").join(&name)).unwrap()
        );
        assert!(one.join(&name).exists());
    }
}

#[test]
fn what_is_read_of_a_bundle() {
    if !ssh_keygen_is_there() {
        return;
    }
    let desk = Desk::new();
    desk.bundle("good", &["--sign", &desk.text("key")]);
    let bad = desk.copy("good", "bad");
    flip(&bad.join("report.html"), 500);
    fs::write(bad.join("notes.txt"), "x").unwrap();
    // Keys and hashes differ each time; there is one of each kind in a page.
    let report = fs::read(desk.path("good/report.json")).unwrap();
    let mut names =
        vec![(scrubjay_storage::sha256(&report).to_string(), "HASH-OF-REPORT".to_owned())];
    let told: Value = serde_json::from_slice(&report).unwrap();
    let last = told["ledger"]["last"]["hash"].as_str().unwrap();
    names.push((last.to_owned(), "HASH-OF-ROW".to_owned()));
    let mut list = Command::new("ssh-keygen");
    let listed = stdout(list.arg("-lf").arg(desk.path("key.pub")));
    names.push((listed.split(' ').nth(1).unwrap().to_owned(), "SHA256:KEY".to_owned()));
    let changed = fs::read(bad.join("report.html")).unwrap();
    names.push((scrubjay_storage::sha256(&changed).to_string(), "HASH-NOW".to_owned()));
    let page = fs::read(desk.path("good/report.html")).unwrap();
    names.push((scrubjay_storage::sha256(&page).to_string(), "HASH-LISTED".to_owned()));
    for (dir, golden_name) in [("good", "signed.good.txt"), ("bad", "signed.bad.txt")] {
        let mut command = scrubjay(desk.home.path());
        command.arg("verify").arg(dir).arg("--allowed-signers").arg(desk.path("allowed"));
        command.current_dir(desk.home.path());
        let (_, mut page, _) = output(&mut command);
        for (from, to) in &names {
            page = page.replace(from, to);
        }
        golden::compare(golden_name, &page);
    }
}
