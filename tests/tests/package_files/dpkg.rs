//! Packages that dpkg-deb built and dpkg installed.

use super::{FILES, altered, altered_by, can_install, changes, host, owners, packages, run, write};
use scrubjay_model::{FileCheck, FileOwner, NotChecked};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds a package of all files, with checksums of all but the last.
fn build(folder: &Path, name: &str) -> PathBuf {
    let tree = folder.join(name);
    let mut sums = String::new();
    for path in FILES {
        write(&tree, path, format!("{name} {path}\n").as_bytes());
        let sum = run(Command::new("md5sum").arg(path).current_dir(&tree));
        if path != FILES[4] {
            write!(sums, "{sum}").unwrap();
        }
    }
    let control = format!(
        "Package: {name}\nVersion: 1:2-3\nArchitecture: all\nMaintainer: a <a@example.org>\n\
         Description: a live patch\n"
    );
    write(&tree, "DEBIAN/control", control.as_bytes());
    write(&tree, "DEBIAN/md5sums", sums.as_bytes());
    let package = folder.join(format!("{name}.deb"));
    run(Command::new("dpkg-deb").args(["--root-owner-group", "-b"]).arg(&tree).arg(&package));
    package
}

/// dpkg below a root.
fn dpkg(root: &Path) -> Command {
    let mut command = Command::new("dpkg");
    command.arg("--root").arg(root).arg("--force-all").env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn install(root: &Path, package: &Path) {
    std::fs::create_dir_all(root.join("var/lib/dpkg/info")).unwrap();
    std::fs::create_dir_all(root.join("var/lib/dpkg/updates")).unwrap();
    write(root, "var/lib/dpkg/available", b"");
    if !root.join("var/lib/dpkg/status").exists() {
        write(root, "var/lib/dpkg/status", b"");
    }
    run(dpkg(root).arg("-i").arg(package));
}

fn verified(root: &Path, name: &str) -> String {
    let output = dpkg(root).args(["--verify", name]).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_file_is_altered_when_dpkg_says_so_and_only_then() {
    if !can_install(&["dpkg", "dpkg-deb", "md5sum"]) {
        return;
    }
    let built = tempfile::tempdir().unwrap();
    let host = host();
    let root = host.path();
    install(root, &build(built.path(), "kpatch-patch"));
    let found = packages(root);
    assert_eq!(found.len(), 5, "{found:?}");
    assert!(found.values().all(|of| of.named() == "kpatch-patch 1:2-3 (dpkg)"), "{found:?}");
    assert!(FILES[..4].iter().all(|path| found[*path].file == FileCheck::Same), "{found:?}");
    assert_eq!(found[FILES[4]].file, NotChecked::NoSum.into());
    let mut compared = 0;
    for path in FILES {
        for (what, change) in changes(root, path) {
            change();
            assert_eq!(
                altered(root),
                altered_by(&verified(root, "kpatch-patch")),
                "{path}, {what}"
            );
            compared += 1;
        }
    }
    println!("{compared} states compared with dpkg --verify");
}

#[test]
fn a_file_that_dpkg_does_not_know_or_that_was_diverted_is_nobodys() {
    if !can_install(&["dpkg", "dpkg-deb", "dpkg-divert", "md5sum"]) {
        return;
    }
    let built = tempfile::tempdir().unwrap();
    let host = host();
    let root = host.path();
    install(root, &build(built.path(), "kpatch-patch"));
    let diverted = format!("/{}", FILES[1]);
    let mut divert = Command::new("dpkg-divert");
    divert.args(["--root", root.to_str().unwrap(), "--local", "--rename", "--add", &diverted]);
    run(&mut divert);
    write(root, FILES[1], b"built here\n");
    assert_eq!(owners(root)[FILES[1]], FileOwner::Nobody);
    assert!(altered(root).is_empty());

    run(dpkg(root).args(["--purge", "kpatch-patch"]));
    write(root, FILES[0], b"built here\n");
    let search = dpkg(root).args(["--search", FILES[0]]).output().unwrap();
    assert!(!search.status.success(), "no package holds it");
    assert_eq!(owners(root)[FILES[0]], FileOwner::Nobody);
}
