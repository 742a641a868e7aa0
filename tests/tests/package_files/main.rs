//! Files of live patches that rpm and dpkg installed below a root of their own: whose they are, and
//! whether they are as installed, said by us and by them.

#![expect(clippy::disallowed_methods, reason = "runs rpm and dpkg on a root of their own")]

mod dpkg;
mod rpm;

use scrubjay_alerts::{PatchPolicy, assess};
use scrubjay_collector::{Collector, HostRoot, Options};
use scrubjay_model::{
    Accumulated, Clocks, FileCheck, FileOwner, OwningPackage, Reading, Snapshot, SourceId,
};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

const RELEASE: &str = "6.1.0-test";

/// Files with the names of modules that are loaded, in the places where live patches are kept.
const FILES: [&str; 5] = [
    "usr/lib/kpatch/6.1.0-test/kpatch-a.ko",
    "lib/modules/6.1.0-test/extra/lp_b.ko",
    "lib/modules/6.1.0-test/livepatch/lp_c.ko",
    "lib/modules/6.1.0-test/updates/lp_d.ko",
    "var/lib/kpatch/6.1.0-test/lp_e.ko",
];

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn write(root: &Path, path: &str, content: &[u8]) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

/// Whether these programs are there, and may install below another root: they call chroot(2).
fn can_install(programs: &[&str]) -> bool {
    for program in programs {
        if Command::new(program).arg("--version").output().is_err() {
            println!("skipped: {program} is not there");
            return false;
        }
    }
    let root = run(Command::new("id").arg("-u")).trim() == "0";
    if !root {
        println!("skipped: only root may install below another root");
    }
    root
}

/// A root with a live patch for each of [`FILES`], where `/lib` is a link as on most hosts.
fn host() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(root, "proc/sys/kernel/osrelease", format!("{RELEASE}\n").as_bytes());
    write(root, "proc/sys/kernel/tainted", b"32768\n");
    std::fs::create_dir_all(root.join("usr/lib/modules").join(RELEASE)).unwrap();
    std::os::unix::fs::symlink("usr/lib", root.join("lib")).unwrap();
    for path in FILES {
        let name = path.rsplit('/').next().unwrap().trim_end_matches(".ko").replace('-', "_");
        write(root, &format!("sys/kernel/livepatch/{name}/enabled"), b"1\n");
        write(root, &format!("sys/module/{name}/initstate"), b"live\n");
        write(root, &format!("sys/module/{name}/taint"), b"OK\n");
    }
    folder
}

fn snapshot(root: &Path) -> Snapshot {
    let clocks = Clocks { realtime_ms: 0, boottime: None, monotonic: None };
    let host = HostRoot::open(root, Arc::new(move || clocks)).unwrap();
    let others = SourceId::ALL.into_iter().filter(|id| *id != SourceId::LivepatchModules);
    let options = Options { deadline: Duration::from_secs(60), disabled: others.collect() };
    Collector::new(Arc::new(host), options).snapshot()
}

/// Whose the files are that are there.
fn owners(root: &Path) -> BTreeMap<String, FileOwner> {
    let snapshot = snapshot(root);
    let found = Snapshot::found(&snapshot.livepatch_modules).unwrap();
    let files = found.modules.iter().flat_map(|module| &module.files);
    let owner = |reading: &Reading<FileOwner>| reading.value().unwrap().clone();
    files.map(|file| (file.path.clone(), owner(&file.owner))).collect()
}

/// The packages of files that have one.
fn packages(root: &Path) -> BTreeMap<String, OwningPackage> {
    let owned = owners(root).into_iter();
    owned.filter_map(|(path, owner)| Some((path, owner.package()?.clone()))).collect()
}

/// The files that we say are not as installed. The findings say the same.
fn altered(root: &Path) -> BTreeSet<String> {
    let differs = packages(root).into_iter().filter(|(_, of)| of.file == FileCheck::Differs);
    let altered: BTreeSet<String> = differs.map(|(path, _)| path).collect();
    let policy = PatchPolicy::default();
    let assessment = assess(&snapshot(root), &Accumulated::default(), None, None, &policy);
    let told = assessment.findings.iter().filter(|found| found.code == "livepatch-file-altered");
    let told: BTreeSet<String> =
        told.map(|found| found.origin.as_ref().unwrap().as_str().to_owned()).collect();
    assert_eq!(altered, told);
    altered
}

/// The files of which `rpm --verify` or `dpkg --verify` says that their digest is another: `5` in
/// the third column, then the path as the package has it.
fn altered_by(said: &str) -> BTreeSet<String> {
    let lines = said.lines().filter(|line| line.as_bytes().get(2) == Some(&b'5'));
    let path = |line: &str| line.split_once('/').unwrap().1.to_owned();
    lines.map(path).collect()
}

/// What is done to a file, in words and as a deed.
type Change = (&'static str, Box<dyn Fn()>);

/// Every change that is made to a file; the last one gives it its bytes back.
fn changes(root: &Path, path: &str) -> Vec<Change> {
    let path = root.join(path);
    let original = std::fs::read(&path).unwrap();
    let mut flipped = original.clone();
    flipped[0] ^= 1;
    let longer = [original.as_slice(), b"more"].concat();
    let put = |bytes: Vec<u8>, keeps_time: bool| -> Box<dyn Fn()> {
        let path = path.clone();
        Box::new(move || {
            let before = std::fs::metadata(&path).unwrap().modified().unwrap();
            std::fs::write(&path, &bytes).unwrap();
            if keeps_time {
                let file = std::fs::File::options().write(true).open(&path).unwrap();
                file.set_modified(before).unwrap();
            }
        })
    };
    vec![
        ("one bit", put(flipped.clone(), false)),
        ("one bit, with the time as it was", put(flipped, true)),
        ("longer", put(longer, false)),
        ("empty", put(Vec::new(), false)),
        ("only its time", put(original, false)),
    ]
}
