//! What a report on ten thousand signed bundles takes: time on the wall and peak memory of the binary.
//! Started by `tests/bench/bundles`.

#![expect(clippy::print_stdout, reason = "says what it measured")]
#![expect(clippy::disallowed_methods, reason = "runs the binary and looks at its process")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a failure ends it")]

use scrubjay_tests::bundles;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The limits.
const BUNDLES: u32 = 10_000;
const MOST_S: f64 = 60.0;
const MOST_KIB: u64 = 512 * 1024;

fn main() {
    let mut words = std::env::args().skip(1);
    let binary = words.next().unwrap_or_else(|| panic!("name the binary first"));
    let count = words.next().map_or(BUNDLES, |count| count.parse().unwrap());
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let key = home.join("key");
    let mut keygen = Command::new("ssh-keygen");
    keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", "ops", "-f"]).arg(&key);
    assert!(keygen.status().unwrap().success());
    let public = std::fs::read_to_string(home.join("key.pub")).unwrap();
    std::fs::write(home.join("allowed"), format!("ops {public}")).unwrap();
    template(&binary, home);
    let dir = home.join("bundles");
    let made = bundles::make(&dir, count, &home.join("template"), "scrubjay-report@v1", &key);
    println!("{} bundles, {} of them altered", made.bundles, made.altered);

    let began = Instant::now();
    let mut child = Command::new(&binary)
        .args(["fleet", "report", "--json", "--bundles"])
        .arg(&dir)
        .arg("--allowed-signers")
        .arg(home.join("allowed"))
        .stdout(std::fs::File::create(home.join("report.json")).unwrap())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let mut peak_kib = 0;
    let status = loop {
        peak_kib = peak_kib.max(peak(child.id()).unwrap_or(0));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let took = began.elapsed().as_secs_f64();
    let told = std::fs::read_to_string(home.join("report.json")).unwrap();
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    println!(
        "fleet report --bundles: exit code {:?}, {took:.1} s, {} MiB at most",
        status.code(),
        peak_kib / 1024
    );
    assert_eq!(told["invalid"].as_array().unwrap().len(), usize::try_from(made.altered).unwrap());
    assert_eq!(told["standing"][1]["hosts"], made.outside);
    assert_eq!(told["counted"], made.bundles - made.altered);
    assert!(
        took <= MOST_S && peak_kib <= MOST_KIB,
        "more than {MOST_S} s or {} MiB",
        MOST_KIB / 1024
    );
}

/// A bundle of a host without a history to speak of, for its policy and version.
fn template(binary: &str, home: &Path) {
    let tree = scrubjay_tests::trees::host("healthy-server");
    std::fs::write(home.join("host.tree"), tree).unwrap();
    std::fs::write(home.join("empty.toml"), "").unwrap();
    let run = |words: &[&str]| {
        let mut command = Command::new(binary);
        command.arg("--config").arg(home.join("empty.toml")).args(words);
        command.arg("--root").arg(home.join("host.tree"));
        command.arg("--state-dir").arg(home.join("state"));
        let done = command.stdout(Stdio::null()).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    run(&["agent", "--once"]);
    let to = home.join("template");
    run(&[
        "report",
        "--from",
        "2026-01-01",
        "--to",
        "2026-01-01",
        "--draft",
        "--output",
        to.to_str().unwrap(),
    ]);
}

/// Most memory that a process had resident so far.
fn peak(pid: u32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}
