//! Two kernels of Debian, installed by dpkg into a root of their own: what is owed between them is
//! what grep finds in their changelogs.
//!
//! `tests/run` downloads the packages and names their folder in `SCRUBJAY_DEBIAN_KERNELS`. Their
//! maintainer scripts are taken out before dpkg gets them: they would want a whole system.

#![expect(
    clippy::disallowed_methods,
    reason = "makes a root of its own with dpkg and looks into it with grep, never into the host"
)]

use scrubjay_collector::{Collector, HostRoot, Options};
use scrubjay_model::{
    Clocks, KernelDebt, KernelRelation, NextKernel, Reading, RebootHelps, Snapshot,
};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

/// The packages, the older one first.
fn packages() -> Option<Vec<PathBuf>> {
    let Some(folder) = std::env::var_os("SCRUBJAY_DEBIAN_KERNELS") else {
        println!("skipped: SCRUBJAY_DEBIAN_KERNELS names no folder with two kernel packages");
        return None;
    };
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|end| end == "deb")).collect();
    found.sort();
    assert_eq!(found.len(), 2, "{found:?}");
    Some(found)
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

/// Installs a package below a root, as dpkg does, without its scripts and without its modules,
/// which nothing here asks for.
fn install(root: &Path, package: &Path) {
    let work = tempfile::tempdir().unwrap();
    let (parts, small) = (work.path().join("parts"), work.path().join("small.deb"));
    run(Command::new("dpkg-deb").arg("-R").arg(package).arg(&parts));
    for script in ["preinst", "postinst", "prerm", "postrm", "md5sums"] {
        let _ = std::fs::remove_file(parts.join("DEBIAN").join(script));
    }
    for release in std::fs::read_dir(parts.join("lib/modules")).unwrap() {
        std::fs::remove_dir_all(release.unwrap().path().join("kernel")).unwrap();
    }
    run(Command::new("dpkg-deb").args(["-Znone", "-b"]).arg(&parts).arg(&small));
    let root = format!("--root={}", root.display());
    let force = ["--force-depends", "--force-architecture", "--force-not-root"];
    run(Command::new("dpkg").arg(root).args(force).arg("-i").arg(&small));
}

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn snapshot(root: &Path) -> Snapshot {
    let hour = Some(Duration::from_secs(3600));
    let clocks = Clocks { realtime_ms: 1_795_429_628_000, boottime: hour, monotonic: hour };
    let host = HostRoot::open(root, Arc::new(move || clocks)).unwrap();
    let options = Options { deadline: Duration::from_secs(60), disabled: BTreeSet::new() };
    Collector::new(Arc::new(host), options).snapshot()
}

fn debt(snapshot: &Snapshot) -> KernelDebt {
    let Reading::Value(debt) = snapshot.patch_truth().debt else {
        panic!("{:#?}", snapshot.patch_truth())
    };
    debt
}

/// What grep finds in a changelog, identifiers that a line break parts included.
fn grep(changelog: &Path) -> BTreeSet<String> {
    let script =
        "zcat \"$0\" | sed -z 's/-\\n */-/g' | grep -oE 'CVE-[0-9]{4}-[0-9]{4,}' | sort -u";
    let found = run(Command::new("sh").arg("-c").arg(script).arg(changelog));
    found.lines().map(str::to_owned).collect()
}

#[test]
fn what_is_owed_between_two_kernels_is_what_grep_finds() {
    let Some(packages) = packages() else { return };
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    for folder in ["info", "updates"] {
        std::fs::create_dir_all(root.join("var/lib/dpkg").join(folder)).unwrap();
    }
    write(root, "var/lib/dpkg/status", "");
    write(root, "var/log/dpkg.log", "");
    packages.iter().for_each(|package| install(root, package));
    let field = |package: &Path, name: &str| {
        run(Command::new("dpkg-deb").arg("-f").arg(package).arg(name)).trim().to_owned()
    };
    let (old, new) = (&packages[0], &packages[1]);
    let release =
        |package| field(package, "Package").strip_prefix("linux-image-").unwrap().to_owned();

    // The older one runs, as it says itself, and the newer one will be started.
    let version = format!("#1 SMP PREEMPT_DYNAMIC Debian {} (2026-01-01)", field(old, "Version"));
    write(root, "proc/sys/kernel/osrelease", &format!("{}\n", release(old)));
    write(root, "proc/sys/kernel/version", &format!("{version}\n"));
    write(root, "proc/modules", "");
    let menu = format!("menuentry 'Debian' {{\n\tlinux /boot/vmlinuz-{} ro\n}}\n", release(new));
    write(root, "boot/grub/grub.cfg", &menu);

    let first = snapshot(root);
    let state = first.kernel_state();
    assert_eq!(state.relation, KernelRelation::Behind, "{state:#?}");
    assert_eq!((state.next, state.reboot_helps), (NextKernel::Newest, RebootHelps::Yes));
    assert_eq!(state.next_release, Some(release(new)), "by the header of the image");
    assert!(state.newest.unwrap().installed_unix_s.is_some(), "dpkg's log or list tells");

    let owed = debt(&first);
    let ours: BTreeSet<String> =
        owed.missing.iter().map(|missing| missing.fix.cve.to_string()).collect();
    let changelog =
        |package| root.join("usr/share/doc").join(field(package, "Package")).join("changelog.gz");
    let (before, after) = (grep(&changelog(old)), grep(&changelog(new)));
    let theirs: BTreeSet<String> = after.difference(&before).cloned().collect();
    println!("{} in the newer, {} in the older, {} owed", after.len(), before.len(), ours.len());
    assert!(ours.len() > 100 && !owed.is_lower_bound, "{:?}", owed.partial_because);
    assert_eq!(ours, theirs);
    assert!(owed.missing.iter().all(|missing| missing.fix.released_unix_s.is_some()));

    // A live patch that covers some of them takes away exactly those.
    let covered: Vec<&String> = ours.iter().step_by(ours.len() / 7).collect();
    let rows: String = covered.iter().map(|cve| format!("{cve},livepatch_fix\n")).collect();
    write(root, "etc/scrubjay/lists/own.csv", &format!("cve,live_patch\n{rows}"));
    for (name, value) in [("enabled", "1\n"), ("transition", "0\n"), ("vmlinux/patched", "1\n")] {
        write(root, &format!("sys/kernel/livepatch/livepatch_fix/{name}"), value);
    }
    let patched = debt(&snapshot(root));
    let left: BTreeSet<String> =
        patched.owed().map(|missing| missing.fix.cve.to_string()).collect();
    let expected: BTreeSet<String> =
        ours.iter().filter(|cve| !covered.contains(cve)).cloned().collect();
    assert_eq!(left, expected);
    assert_eq!(patched.count("mitigated"), covered.len());
    // In transition it covers nothing yet.
    write(root, "sys/kernel/livepatch/livepatch_fix/transition", "1\n");
    let moving = debt(&snapshot(root));
    assert_eq!((moving.count("mitigated"), moving.count("in_flight")), (0, covered.len()));
    assert_eq!(moving.owed().count(), ours.len());
}
