//! Files that swell when they are unpacked: gigabytes of zeros in a changelog and in modules.

use crate::harness::{Agent, output, scrubjay};
use scrubjay_tests::{directory, trees};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Zeros that one run of a packer packs, and how often what came of it is put behind itself: each of the formats
/// takes that for one stream.
const PIECE: u64 = 64 << 20;
const PIECES: usize = 160;

/// Ten gigabytes of zeros, packed; `None` where the packer is missing.
fn bomb(packer: &str, arguments: &[&str]) -> Option<Vec<u8>> {
    let mut zeros = Command::new("head")
        .args(["-c", &PIECE.to_string(), "/dev/zero"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let input = zeros.stdout.take().unwrap();
    let packed = Command::new(packer).args(arguments).stdin(input).output();
    zeros.wait().unwrap();
    match packed {
        Ok(packed) => {
            assert!(packed.status.success(), "{}", String::from_utf8_lossy(&packed.stderr));
            Some(packed.stdout.repeat(PIECES))
        }
        Err(error) => {
            println!("skipped: {packer}: {error}");
            None
        }
    }
}

/// The most memory the agent has had in use, KiB.
fn peak_kib(agent: &Agent) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", agent.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn put(root: &Path, path: &str, bytes: &[u8]) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_changelog_of_ten_gigabytes_is_malformed_and_takes_no_memory() {
    let Some(bomb) = bomb("gzip", &["-9"]) else { return };
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("root");
    let text = trees::host("healthy-server");
    directory::show(&root, &text);
    let path = text
        .lines()
        .filter_map(|line| line.strip_prefix("//- "))
        .find(|path| path.ends_with("changelog.gz"))
        .unwrap();
    put(&root, path, &bomb);
    let mut command = scrubjay(home.path());
    let (code, page, said) = output(command.args(["status", "--json", "--root"]).arg(&root));
    assert_eq!(code, 0, "{said}");
    assert!(page.contains("a changelog of at most 64 MiB"), "it is not told: {page}");
    let agent = Agent::start(home.path(), &root);
    agent.metrics_after(2);
    assert!(peak_kib(&agent) < 96 << 10, "{} KiB", peak_kib(&agent));
    assert_eq!(agent.stop(), 0);
}

#[test]
fn modules_of_ten_gigabytes_in_each_packing_are_malformed_and_take_bounded_memory() {
    let packers: [(&str, &[&str], &str); 3] = [
        ("gzip", &["-9"], "gz"),
        ("xz", &["-0", "--check=crc32"], "xz"),
        ("zstd", &["-q", "-c"], "zst"),
    ];
    for (packer, arguments, ending) in packers {
        let Some(bomb) = bomb(packer, arguments) else { continue };
        let home = tempfile::tempdir().unwrap();
        let root = home.path().join("root");
        let text = trees::host("livepatch-stalled");
        directory::show(&root, &text);
        let path = text
            .lines()
            .filter_map(|line| line.strip_prefix("//- hex "))
            .find(|path| path.ends_with(".ko"))
            .unwrap();
        fs::remove_file(root.join(path)).unwrap();
        put(&root, &format!("{path}.{ending}"), &bomb);
        let mut command = scrubjay(home.path());
        let (code, page, said) = output(command.args(["status", "--json", "--root"]).arg(&root));
        assert_eq!(code, 0, "{said}");
        assert!(page.contains("a module of at most 64 MiB"), "{ending}: it is not told: {page}");
        let agent = Agent::start(home.path(), &root);
        agent.metrics_after(2);
        // The whole of the largest module that is taken, and the window of its packing.
        assert!(peak_kib(&agent) < 256 << 10, "{ending}: {} KiB", peak_kib(&agent));
        assert_eq!(agent.stop(), 0);
    }
}
