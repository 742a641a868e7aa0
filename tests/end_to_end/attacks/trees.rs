//! Trees of other hosts that are full of traps: links that lead out, in circles or to devices, files that never
//! end or never begin, and a mebibyte of bytes where a number belongs.

use super::ended;
use crate::harness::{Agent, sample, scrubjay};
use scrubjay_tests::{directory, trees};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

const SECRET: &str = "a secret of the host that looks";

/// Puts a link where a file is.
fn link(root: &Path, path: &str, target: impl AsRef<Path>) {
    let at = root.join(path);
    fs::create_dir_all(at.parent().unwrap()).unwrap();
    if at.is_dir() {
        fs::remove_dir_all(&at).unwrap();
    } else {
        let _ = fs::remove_file(&at);
    }
    symlink(target, at).unwrap();
}

fn pipe(root: &Path, path: &str) {
    let at = root.join(path);
    let _ = fs::remove_file(&at);
    fs::create_dir_all(at.parent().unwrap()).unwrap();
    assert!(Command::new("mkfifo").arg(at).status().unwrap().success());
}

const DIMM: &str = "sys/devices/system/edac/mc/mc0/dimm0";

#[test]
fn a_tree_of_links_leads_nowhere_else_and_holds_nobody_up() {
    let home = tempfile::tempdir().unwrap();
    let (root, outside) = (home.path().join("root"), home.path().join("outside"));
    directory::show(&root, &trees::host("busy-server"));
    fs::create_dir(&outside).unwrap();
    let secret = outside.join("secret");
    fs::write(&secret, format!("{SECRET}\n")).unwrap();
    let up = format!("../../../../../../../../../../../../../..{}", secret.display());
    let long = format!("{}{}", "../".repeat(1_000), &secret.display().to_string()[1..]);

    link(&root, &format!("{DIMM}/dimm_label"), &secret);
    link(&root, "sys/class/dmi/id/product_name", &up);
    link(&root, "sys/class/dmi/id/board_name", &long);
    link(&root, "proc/sys/kernel/hostname", "/proc/self/cwd/../../../../etc/hostname");
    link(&root, "sys/class/dmi/id/sys_vendor", "sys_vendor");
    link(&root, "proc/cpuinfo", "cpuinfo2");
    link(&root, "proc/cpuinfo2", "cpuinfo");
    link(&root, "sys/kernel/livepatch", &outside);
    link(&root, "var/log", "/");
    link(&root, "proc/9/cwd", "/");
    // What never ends, what never begins, and what acts when it is opened.
    link(&root, "proc/meminfo", "/dev/zero");
    link(&root, "proc/cmdline", "/dev/stdin");
    link(&root, "sys/class/dmi/id/bios_version", "/dev/tty");
    pipe(&root, "proc/uptime");
    pipe(&root, &format!("{DIMM}/dimm_ce_count"));
    pipe(&root, "var/lib/dpkg/status");
    pipe(&root, "run/reboot-required");

    for args in [&["status"][..], &["status", "--json"], &["doctor"], &["check"], &["capture"]] {
        let mut command = scrubjay(home.path());
        let (code, page, said) = ended(command.args(args).arg("--root").arg(&root));
        assert!(code <= 3, "{args:?}: {said}");
        assert!(!page.contains(SECRET) && !said.contains(SECRET), "{args:?}: {page}{said}");
        assert!(!page.is_empty(), "{args:?}");
    }
    // The other stick is counted as if nothing were.
    let agent = Agent::start(home.path(), &root);
    let page = agent.metrics_after(2);
    assert!(!page.contains(SECRET), "{page}");
    assert_eq!(sample(&page, "scrubjay_agent_passes_total").map(|passes| passes >= 2), Some(true));
    assert_eq!(agent.stop(), 0);
}

/// A device of zeros in the tree itself, where who runs the test may make one.
#[test]
fn a_device_in_a_tree_is_no_file() {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("root");
    directory::show(&root, &trees::host("busy-server"));
    let path = root.join("proc/meminfo");
    fs::remove_file(&path).unwrap();
    let made = Command::new("mknod").arg(&path).args(["c", "1", "5"]).output().unwrap();
    if !made.status.success() {
        return println!("skipped: {}", String::from_utf8_lossy(&made.stderr).trim());
    }
    let mut command = scrubjay(home.path());
    let (code, page, said) = ended(command.args(["status", "--json", "--root"]).arg(&root));
    assert_eq!(code, 0, "{said}");
    let json: serde_json::Value = serde_json::from_str(&page).unwrap();
    let marked = &json["snapshot"]["memory_failure"]["reading"];
    assert!(!marked.to_string().contains("\"hardware_corrupted_bytes\":{\"state\":\"value\""));
}

/// Megabytes of every byte where kernels write a line.
#[test]
fn mebibytes_of_any_bytes_in_every_attribute_cost_no_memory_and_become_no_number() {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("root");
    let text = trees::host("busy-server");
    directory::show(&root, &text);
    let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(4 << 20).collect();
    let mut swollen = 0;
    for path in text.lines().filter_map(|line| line.strip_prefix("//- ")) {
        let path = root.join(path.rsplit(' ').next().unwrap());
        if path.is_file() && !path.ends_with(".scrubjay/facts") {
            // One content under many names: the disk need not hold all of them.
            let one = home.path().join("bytes");
            if swollen == 0 {
                fs::write(&one, &bytes).unwrap();
            }
            fs::remove_file(&path).unwrap();
            fs::hard_link(&one, &path).unwrap();
            swollen += 1;
        }
    }
    assert!(swollen > 50, "{swollen}");
    let agent = Agent::start(home.path(), &root);
    let page = agent.metrics_after(2);
    for family in
        ["scrubjay_dimm_correctable_errors_total", "scrubjay_dimm_uncorrectable_errors_total"]
    {
        assert_eq!(sample(&page, family), None, "a number out of bytes: {page}");
    }
    assert!(agent.resident_kib() < 128 << 10, "{} KiB", agent.resident_kib());
    assert_eq!(agent.stop(), 0);
}
