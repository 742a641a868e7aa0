//! Packages that rpmbuild built and rpm installed, read by us and by rpm.

#![expect(clippy::disallowed_methods, reason = "runs rpm on a database of its own")]

mod corpus;

use scrubjay_collector::HostRoot;
use scrubjay_collector::packages::FoundPackages;
use scrubjay_collector::packages::rpm::rpm_packages;
use scrubjay_model::{Clocks, CveId, Reading};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/rpm_database/make.py");

/// A package to build.
struct Built {
    name: &'static str,
    epoch: Option<u32>,
    version: &'static str,
    release: &'static str,
    /// Lines of `%changelog`.
    changelog: String,
    /// Files, without the leading slash.
    files: Vec<String>,
}

fn kernel(name: &'static str, version: &'static str, release: &'static str, log: &str) -> Built {
    let files = vec![
        format!("lib/modules/{version}-{release}.noarch/vmlinuz"),
        format!("lib/modules/{version}-{release}.noarch/kernel/a.ko"),
        format!("boot/vmlinuz-{version}-{release}.noarch"),
    ];
    Built { name, epoch: None, version, release, changelog: log.to_owned(), files }
}

const LOG: &str = "\
* Thu Mar 24 2022 Jane Doe <jane@example.org> [5.14.0-70.13.1.el9_0]
- net: one fix (Jane Doe) [1234567] {CVE-2022-0001 CVE-2022-0002}
- mm: a fix that is long enough for its line to end within the identifier CVE-2022-
  12345

* Tue Feb 01 2022 Joe Doe <joe@example.org> - 5.14.0-70.el9
- A line with \"quotes\", a % sign and nothing fixed

* Mon Jan 03 2022 Joe Doe <joe@example.org>
- an entry of no version, CVE-2021-4444

* Fri Nov 12 2021 Joe Doe <joe@example.org> - 0:5.14.0-1.el9
- first, CVE-2021-4034
";

fn packages() -> Vec<Built> {
    let mut long = String::new();
    for number in (1..=6000).rev() {
        writeln!(
            long,
            "* Thu Mar 24 2022 Jane Doe <jane@example.org> [4.18.0-{number}.el8]\n- one of many \
             changes, with as many words as the changes of kernels have, and a fix now and then \
             {{CVE-2020-{}}}\n",
            1000 + number / 7
        )
        .unwrap();
    }
    vec![
        kernel("kernel-core", "5.14.0", "70.13.1.el9_0", LOG),
        kernel(
            "kernel-core",
            "5.14.0",
            "70.el9",
            "* Tue Feb 01 2022 J <j@example.org> - 5.14.0-70.el9\n- CVE-2022-0009\n",
        ),
        kernel("kernel", "4.18.0", "6000.el8", &long),
        kernel("kernel-uek-core", "6.12.0", "1~rc1", ""),
        Built { epoch: Some(2), ..kernel("kernel-default", "6.4", "1", LOG) },
        Built { files: vec!["usr/bin/bash".to_owned()], ..kernel("bash", "5.1", "1", LOG) },
    ]
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Builds a package; the path of its file.
fn build(folder: &Path, built: &Built) -> PathBuf {
    let mut spec =
        format!("Name: {}\nVersion: {}\nRelease: {}\n", built.name, built.version, built.release);
    if let Some(epoch) = built.epoch {
        writeln!(spec, "Epoch: {epoch}").unwrap();
    }
    spec +=
        "Summary: s\nLicense: none\nBuildArch: noarch\nAutoReqProv: no\n%description\n%install\n";
    for file in &built.files {
        writeln!(spec, "mkdir -p %{{buildroot}}/$(dirname {file})\ntouch %{{buildroot}}/{file}")
            .unwrap();
    }
    spec += "%files\n";
    for file in &built.files {
        writeln!(spec, "/{file}").unwrap();
    }
    if !built.changelog.is_empty() {
        write!(spec, "%changelog\n{}", built.changelog.replace('%', "%%")).unwrap();
    }
    let path = folder.join("it.spec");
    std::fs::write(&path, spec).unwrap();
    let top = folder.join(format!("{}-{}-{}", built.name, built.version, built.release));
    let define = |name: &str, value: &str| format!("{name} {value}");
    run(Command::new("rpmbuild").args(["-bb", "--quiet"]).arg(&path).args([
        "--define",
        &define("_topdir", top.to_str().unwrap()),
        "--define",
        "__os_install_post %{nil}",
        "--define",
        "_build_name_fmt it.rpm",
    ]));
    top.join("RPMS/it.rpm")
}

/// rpm on a database of our own, whatever its configuration says.
fn rpm(root: &Path) -> Command {
    let mut command = Command::new("rpm");
    command.arg("--dbpath").arg(root.join("var/lib/rpm"));
    command.args(["--define", "_db_backend sqlite"]);
    command
}

/// A folder with an rpmdb of all packages.
fn installed() -> Option<tempfile::TempDir> {
    install(&packages())
}

/// A kernel with that changelog, as it is read.
fn built_with(changelog: &str) -> Option<FoundPackages> {
    let folder = install(&[kernel("kernel", "2.6.32", "1", changelog)])?;
    Some(read(folder.path()))
}

fn install(packages: &[Built]) -> Option<tempfile::TempDir> {
    for program in ["rpm", "rpmbuild"] {
        if Command::new(program).arg("--version").output().is_err() {
            println!("skipped: {program} is not there");
            return None;
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    std::fs::create_dir_all(root.join("var/lib/rpm")).unwrap();
    run(rpm(root).arg("--initdb"));
    let files: Vec<PathBuf> = packages.iter().map(|built| build(root, built)).collect();
    let install = ["-i", "--justdb", "--nodeps", "--ignorearch", "--ignoreos", "--force"];
    run(rpm(root).args(install).args(&files));
    Some(folder)
}

fn open(path: &Path) -> HostRoot {
    let clocks = Clocks { realtime_ms: 0, boottime: None, monotonic: None };
    HostRoot::open(path, Arc::new(move || clocks)).unwrap()
}

fn is_kernel(name: &str) -> bool {
    name.starts_with("kernel")
}

fn read(root: &Path) -> FoundPackages {
    rpm_packages(&open(root), &is_kernel).into_result().unwrap()
}

/// A package, and the time and fixes of each entry of its changelog, as one value to compare.
type Told = (Vec<String>, Vec<(i64, Vec<String>)>);

fn ours(found: &FoundPackages) -> BTreeSet<Told> {
    assert_eq!(found.faults, []);
    let one = |found: &scrubjay_collector::packages::FoundPackage| {
        let package = &found.package;
        let installed = package.installed_unix_s.value().unwrap().to_string();
        let fields = [
            package.name.clone(),
            package.version.as_str().to_owned(),
            package.arch.clone().unwrap(),
            installed,
            found.built_unix_s.unwrap().to_string(),
            found.source.clone().unwrap(),
        ];
        let entries = match &package.changelog {
            Reading::Value(log) => {
                let names = |cves: &BTreeSet<CveId>| cves.iter().map(ToString::to_string).collect();
                let entries = log.entries.iter();
                entries.map(|entry| (entry.released_unix_s.unwrap(), names(&entry.cves))).collect()
            }
            other => {
                assert!(matches!(other, Reading::Absent(_)), "{other:?}");
                Vec::new()
            }
        };
        (fields.to_vec(), entries)
    };
    found.packages.iter().map(one).collect()
}

/// The same as rpm prints it; entries that tell no version are left out, as ours are.
fn theirs(root: &Path) -> BTreeSet<Told> {
    const FORMAT: &str = "%{NAME}\t%{EPOCH}:%{VERSION}-%{RELEASE}\t%{ARCH}\t%{INSTALLTIME}\t\
        %{BUILDTIME}\t%{SOURCERPM}\x1d[%{CHANGELOGTIME}\x1f%{CHANGELOGNAME}\x1f%{CHANGELOGTEXT}\x1e]\x1c";
    let said = run(rpm(root).args(["-qa", "kernel*", "--qf", FORMAT]));
    let one = |package: &str| {
        let (fields, log) = package.split_once('\x1d').unwrap();
        let fields = fields.split('\t').map(|field| field.trim_start_matches("(none):").to_owned());
        let entries = log
            .split_terminator('\x1e')
            .filter(|entry| *entry != "(none)\x1f(none)\x1f(none)")
            .filter_map(|entry| {
                let parts: Vec<&str> = entry.split('\x1f').collect();
                assert_eq!(parts.len(), 3, "{entry}");
                let cves = CveId::all_in(parts[2]).iter().map(ToString::to_string).collect();
                let tells = parts[1].ends_with(']') || parts[1].contains("> - ");
                tells.then(|| (parts[0].parse().unwrap(), cves))
            });
        (fields.collect(), entries.collect())
    };
    said.split_terminator('\x1c').map(one).collect()
}

#[test]
fn packages_are_read_as_rpm_reads_them() {
    let Some(folder) = installed() else { return };
    let root = folder.path();
    let found = read(root);
    assert_eq!((found.path.as_str(), found.total), ("var/lib/rpm/rpmdb.sqlite", 6));
    let (ours, theirs) = (ours(&found), theirs(root));
    assert_eq!(ours, theirs);
    let entries: usize = ours.iter().map(|(_, entries)| entries.len()).sum();
    println!("{} packages, {entries} entries of changelogs as rpm has them", ours.len());
    assert!(ours.len() == 5 && entries > 6000);

    let of = |built: &Built| {
        let version = format!("{}-{}", built.version, built.release);
        let named = found.packages.iter().filter(|found| found.package.name == built.name);
        let mut named = named.filter(|found| found.package.version.as_str().ends_with(&version));
        named.next().unwrap()
    };
    let built = packages();
    for built in built.iter().filter(|built| is_kernel(built.name)) {
        let release = format!("{}-{}.noarch", built.version, built.release);
        let release: BTreeSet<String> = [release].into();
        let package = of(built);
        assert_eq!((&package.images, &package.module_folders), (&release, &release));
        assert!(package.provides.contains(built.name));
    }
    // An entry without a version is kept apart.
    let log = of(&built[0]).package.changelog.value().unwrap();
    let unversioned: Vec<usize> = log.unversioned.iter().map(|entry| entry.at).collect();
    assert_eq!((log.entries.len(), unversioned), (3, vec![3]));
    let since = log.fixed_since(&log.entries[1].version, None);
    let fixed: Vec<String> = since.fixes.iter().map(|fix| fix.cve.to_string()).collect();
    assert_eq!(fixed, ["CVE-2022-0001", "CVE-2022-0002", "CVE-2022-12345"]);
}

#[test]
fn what_is_in_the_log_alone_counts() {
    let Some(folder) = installed() else { return };
    if Command::new("python3").args(["-c", "import sqlite3"]).output().is_err() {
        println!("skipped: python3 is not there");
        return;
    }
    let root = folder.path();
    let database = root.join("var/lib/rpm/rpmdb.sqlite");
    let before = ours(&read(root));
    let removed = run(Command::new("python3")
        .args([SCRIPT, "remove"])
        .arg(&database)
        .args(["kernel-core", "70.13.1.el9_0"]));
    assert_eq!(removed.trim(), "1");
    let log = root.join("var/lib/rpm/rpmdb.sqlite-wal");
    assert!(std::fs::metadata(&log).unwrap().len() > 32, "the log was written back");
    let found = read(root);
    assert_eq!(found.total, 5);
    let after = ours(&found);
    let gone: Vec<&Told> = before.difference(&after).collect();
    assert_eq!(gone.len(), 1);
    assert_eq!(gone[0].0[1], "5.14.0-70.13.1.el9_0");

    // The file alone has what was before; rpm, which reads the log, has what we have.
    let alone = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(alone.path().join("var/lib/rpm")).unwrap();
    std::fs::copy(&database, alone.path().join("var/lib/rpm/rpmdb.sqlite")).unwrap();
    assert_eq!(ours(&read(alone.path())), before);
    assert_eq!(theirs(root), after);
}

#[test]
fn of_a_large_database_little_is_read() {
    let Some(folder) = installed() else { return };
    if Command::new("python3").args(["-c", "import sqlite3"]).output().is_err() {
        println!("skipped: python3 is not there");
        return;
    }
    let root = folder.path();
    let database = root.join("var/lib/rpm/rpmdb.sqlite");
    let before = ours(&read(root));
    run(Command::new("python3").args([SCRIPT, "fill"]).arg(&database).arg("30000000"));
    let size = std::fs::metadata(&database).unwrap().len();
    assert!(size > 20_000_000, "{size}");
    let read_bytes = || -> u64 {
        let text = std::fs::read_to_string("/proc/self/io").unwrap();
        text.lines().find_map(|line| line.strip_prefix("rchar: ")).unwrap().parse().unwrap()
    };
    let host = open(root);
    let (began, bytes) = (Instant::now(), read_bytes());
    let found = rpm_packages(&host, &is_kernel).into_result().unwrap();
    let (took, bytes) = (began.elapsed(), read_bytes() - bytes);
    assert_eq!(ours(&found), before);
    let none = Instant::now();
    assert_eq!(rpm_packages(&host, &|_| false).into_result().unwrap().packages.len(), 0);
    println!(
        "{size} bytes, {} packages: {bytes} bytes read in {took:?}, names alone in {:?}",
        found.total,
        none.elapsed()
    );
    assert!(bytes < size / 4, "{bytes} of {size}");
}
