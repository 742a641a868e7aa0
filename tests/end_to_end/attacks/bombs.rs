//! Files that swell when they are unpacked: gigabytes of zeros in a changelog and in modules.

use crate::harness::SCRUBJAY;
use scrubjay_tests::{directory, trees};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Zeros that one run of a packer packs, and how often what came of it is put behind itself: each of the formats
/// takes that for one stream.
const PIECE: u64 = 65 << 20;
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

/// What `status --json` says of a host, and the most memory it had in use, KiB.
fn status(home: &Path, root: &Path) -> (String, u64) {
    let config = home.join("patient.toml");
    // A binary that is not optimised unpacks slowly, and that is no matter here.
    fs::write(&config, "[collector]\ndeadline = \"60s\"\n").unwrap();
    let out = fs::File::create(home.join("page.json")).unwrap();
    let mut child = Command::new(SCRUBJAY)
        .env_clear()
        .env("HOME", home)
        .arg("--config")
        .arg(config)
        .args(["status", "--json", "--root"])
        .arg(root)
        .stdin(Stdio::null())
        .stdout(out)
        .spawn()
        .unwrap();
    let mut peak = 0;
    for _ in 0..40_000 {
        if let Some(ended) = child.try_wait().unwrap() {
            assert!(ended.success(), "{ended}");
            return (fs::read_to_string(home.join("page.json")).unwrap(), peak);
        }
        let text = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let size = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        peak = size.unwrap_or(0).max(peak);
        std::thread::sleep(Duration::from_millis(3));
    }
    child.kill().unwrap();
    panic!("it unpacks for two minutes");
}

fn put(root: &Path, path: &str, bytes: &[u8]) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// The first path of a tree with this ending.
fn path_of<'t>(tree: &'t str, ending: &str) -> &'t str {
    let entries = tree.lines().filter_map(|line| line.strip_prefix("//- "));
    let mut paths = entries.map(|entry| entry.rsplit(' ').next().unwrap());
    paths.find(|path| path.ends_with(ending)).unwrap()
}

#[test]
fn a_changelog_of_ten_gigabytes_is_malformed_and_takes_no_memory() {
    let Some(bomb) = bomb("gzip", &["-9"]) else { return };
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("root");
    let text = trees::host("healthy-server");
    directory::show(&root, &text);
    put(&root, path_of(&text, "changelog.gz"), &bomb);
    let (page, peak) = status(home.path(), &root);
    assert!(page.contains("a changelog of at most 64 MiB"), "it is not told: {page}");
    // The packed file is some ten megabytes itself.
    assert!(peak < 64 << 10, "{peak} KiB");
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
        let path = path_of(&text, ".ko");
        fs::remove_file(root.join(path)).unwrap();
        put(&root, &format!("{path}.{ending}"), &bomb);
        let (page, peak) = status(home.path(), &root);
        assert!(page.contains("a module of at most 64 MiB"), "{ending}: it is not told: {page}");
        // The whole of the largest module that is taken, twice while it grows, and the window of its packing.
        assert!(peak < 256 << 10, "{ending}: {peak} KiB");
    }
}
