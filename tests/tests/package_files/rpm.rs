//! Packages that rpmbuild built and rpm installed.

use super::{FILES, altered, altered_by, can_install, changes, host, owners, packages, run, write};
use scrubjay_model::{FileCheck, FileOwner, NotChecked};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How files are listed in a package: what stands before the path, and how ours come out.
const LISTED: [&str; 5] = ["", "", "%verify(not filedigest) ", "%ghost ", "%config "];

/// Builds a package of all files; digests are of that algorithm.
fn build(folder: &Path, name: &str, algorithm: u32) -> PathBuf {
    let mut spec = format!(
        "Name: {name}\nVersion: 1\nRelease: 2.el9\nEpoch: 3\nSummary: s\nLicense: none\n\
         BuildArch: noarch\nAutoReqProv: no\n%description\n%install\n"
    );
    for path in FILES {
        writeln!(spec, "mkdir -p $(dirname %{{buildroot}}/{path})").unwrap();
        writeln!(spec, "echo {name} {path} > %{{buildroot}}/{path}").unwrap();
    }
    let link = "lib/modules/6.1.0-test/weak-updates/lp_b.ko";
    writeln!(spec, "mkdir -p $(dirname %{{buildroot}}/{link})").unwrap();
    writeln!(spec, "ln -s ../extra/lp_b.ko %{{buildroot}}/{link}\n%files\n/{link}").unwrap();
    for (path, listed) in FILES.iter().zip(LISTED) {
        writeln!(spec, "{listed}/{path}").unwrap();
    }
    let path = folder.join("it.spec");
    std::fs::write(&path, spec).unwrap();
    let top = folder.join(format!("{name}-{algorithm}"));
    let define = |name: &str, value: &str| format!("{name} {value}");
    run(Command::new("rpmbuild").args(["-bb", "--quiet"]).arg(&path).args([
        "--define",
        &define("_topdir", top.to_str().unwrap()),
        "--define",
        &define("_binary_filedigest_algorithm", &algorithm.to_string()),
        "--define",
        "__os_install_post %{nil}",
        "--define",
        "_build_name_fmt it.rpm",
    ]));
    top.join("RPMS/it.rpm")
}

/// rpm below a root, with a database in SQLite, whatever its configuration says.
fn rpm(root: &Path) -> Command {
    let mut command = Command::new("rpm");
    command.arg("--root").arg(root).args(["--dbpath", "/var/lib/rpm"]);
    command.args(["--define", "_db_backend sqlite"]);
    command
}

fn install(root: &Path, package: &Path) {
    let options = ["-i", "--nodeps", "--ignorearch", "--ignoreos", "--replacefiles", "--noscripts"];
    run(rpm(root).args(options).arg(package));
}

/// What rpm says of a package; it fails where it has something to say.
fn verified(root: &Path, name: &str) -> String {
    let output = rpm(root).args(["-V", "--nodeps", name]).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_file_is_altered_when_rpm_says_so_and_only_then() {
    if !can_install(&["rpm", "rpmbuild"]) {
        return;
    }
    let built = tempfile::tempdir().unwrap();
    let mut compared = 0;
    // MD5, SHA-1, SHA-256, SHA-384, SHA-512 and SHA-224, as rpm numbers them.
    for algorithm in [1, 2, 8, 9, 10, 11] {
        let package = build(built.path(), "kpatch-patch", algorithm);
        let host = host();
        let root = host.path();
        install(root, &package);
        // A ghost is of the package, and not in it.
        write(root, FILES[3], b"made by a script\n");
        let found = packages(root);
        assert_eq!(found.len(), 6, "{found:?}");
        assert!(found.values().all(|of| of.named() == "kpatch-patch 3:1-2.el9 (rpm)"), "{found:?}");
        for (path, (listed, package)) in
            FILES.iter().zip(LISTED.iter().zip(FILES.map(|path| &found[path])))
        {
            let expected = match *listed {
                "" | "%config " => FileCheck::Same,
                _ => NotChecked::Exempt.into(),
            };
            assert_eq!(package.file, expected, "{path}");
        }
        let link = &found["lib/modules/6.1.0-test/weak-updates/lp_b.ko"];
        assert_eq!(link.file, NotChecked::NoSum.into());

        for path in FILES {
            for (what, change) in changes(root, path) {
                change();
                let theirs = altered_by(&verified(root, "kpatch-patch"));
                assert_eq!(altered(root), theirs, "{path}, {what}, algorithm {algorithm}");
                compared += 1;
            }
        }
    }
    println!("{compared} states compared with rpm -V");
}

#[test]
fn a_file_that_another_package_replaced_is_compared_with_that_one() {
    if !can_install(&["rpm", "rpmbuild"]) {
        return;
    }
    let built = tempfile::tempdir().unwrap();
    let host = host();
    let root = host.path();
    for name in ["kpatch-first", "kpatch-second"] {
        install(root, &build(built.path(), name, 8));
    }
    for path in [FILES[0], FILES[1]] {
        let theirs = run(rpm(root).args(["-qf", "--qf", "%{NAME}\n"]).arg(format!("/{path}")));
        let ours = &packages(root)[path];
        assert_eq!(ours.name, theirs.trim(), "{path}");
        assert_eq!((ours.name.as_str(), &ours.file), ("kpatch-second", &FileCheck::Same));
    }
    std::fs::write(root.join(FILES[0]), "changed\n").unwrap();
    let says = |name: &str| altered_by(&verified(root, name)).contains(FILES[0]);
    assert_eq!((says("kpatch-first"), says("kpatch-second")), (false, true));
    assert!(altered(root).contains(FILES[0]));
    assert_eq!(packages(root)[FILES[0]].name, "kpatch-second");
}

#[test]
fn a_file_that_rpm_does_not_know_is_nobodys() {
    if !can_install(&["rpm"]) {
        return;
    }
    let host = host();
    let root = host.path();
    run(rpm(root).arg("--initdb"));
    write(root, FILES[1], b"built here\n");
    let theirs = rpm(root).arg("-qf").arg(format!("/{}", FILES[1])).output().unwrap();
    assert!(!theirs.status.success(), "{theirs:?}");
    assert_eq!(owners(root), [(FILES[1].to_owned(), FileOwner::Nobody)].into());
}
