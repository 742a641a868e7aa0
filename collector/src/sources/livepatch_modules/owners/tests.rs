//! The owners of files as the whole source finds them, for each package manager.

use super::*;
use crate::capture::{CaptureOptions, capture};
use crate::collector::Options;
use crate::host::HostRoot;
use crate::module_file::tests::module as ko;
use crate::packages::files::tests::PATH;
use crate::remember::Memory;
use crate::sources::check::{self, keeps_the_laws};
use crate::sources::livepatch_modules::read;
use crate::sources::livepatch_modules::tests::{binary, tree_with, with};
use crate::tree::Node;
use scrubjay_model::{BootId, Clocks, ReadFault, SourceId, Stamp};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// A database of each package manager in which a package holds the file of the patch `lp_2`, whose
/// code has that seed there.
fn databases(seed: u8) -> [String; 4] {
    use sha2::Digest as _;
    let file = ko("lp_2", seed);
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let (md5, sha256) = (hex(&md5::Md5::digest(&file)), hex(&sha2::Sha256::digest(&file)));
    let usr = format!("usr/{PATH}");
    [
        dpkg::tests::database(PATH, &md5),
        rpm::tests::database(&usr, &sha256),
        pacman::tests::database(&usr, &format!("md5digest={md5} sha256digest={sha256}")),
        apk::tests::database(PATH, &format!("Z:Q1{}\n", base64(&sha1::Sha1::digest(&file)))),
    ]
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
    let letter = |six: &[u8]| {
        let six = format!("{:0<6}", std::str::from_utf8(six).unwrap());
        char::from(LETTERS[usize::from_str_radix(&six, 2).unwrap()])
    };
    bits.as_bytes().chunks(6).map(letter).chain(['=']).collect()
}

/// Databases with the file of the patch, which is as it was installed.
pub(in crate::sources::livepatch_modules) fn everything() -> Vec<String> {
    let file = binary(PATH, &ko("lp_2", 0));
    databases(0).iter().map(|database| format!("{file}{database}")).collect()
}

fn owner_with(database: &str) -> (Reading<FileOwner>, Vec<String>) {
    let (module, faults) = with("OK", &format!("{}{database}", binary(PATH, &ko("lp_2", 0))));
    let [file] = module.files.as_slice() else { panic!("{module:?}") };
    (file.owner.clone(), faults)
}

fn owner(database: &str) -> Reading<FileOwner> {
    let (owner, faults) = owner_with(database);
    assert_eq!(faults, [""; 0], "{database}");
    owner
}

fn package(database: &str) -> OwningPackage {
    owner(database).value().and_then(FileOwner::package).cloned().unwrap()
}

const NAMES: [&str; 4] = [
    "kpatch-patch 1:2-3 (dpkg)",
    "kpatch-patch 1-2.el9 (rpm)",
    "linux-livepatch 1:6.9.7-2 (pacman)",
    "linux-livepatch 6.6.58-r0 (apk)",
];

#[test]
fn each_package_manager_tells_whose_a_file_is_and_that_it_is_as_installed() {
    for (database, name) in databases(0).iter().zip(NAMES) {
        let found = package(database);
        assert_eq!((found.named().as_str(), found.file), (name, FileCheck::Same));
    }
}

#[test]
fn a_file_with_other_bytes_is_not_as_installed() {
    for (database, name) in databases(7).iter().zip(NAMES) {
        let found = package(database);
        assert_eq!((found.named().as_str(), found.file), (name, FileCheck::Differs));
    }
}

#[test]
fn nobody_is_told_from_a_database_that_failed_and_from_none() {
    for database in databases(0) {
        assert_eq!(
            owner(&database.replace("lp_2", "lp_3")),
            match () {
                // That one is bytes.
                () if database.contains("Packages.db") => owner(&database),
                () => Reading::Value(FileOwner::Nobody),
            }
        );
    }
    let others = rpm::tests::database("usr/lib/modules/6.1.0-56-amd64/extra/lp_3.ko", "");
    assert_eq!(owner(&others), Reading::Value(FileOwner::Nobody));
    assert!(owner("").is_absent());
    for place in [
        "var/lib/dpkg/info",
        "var/lib/rpm/rpmdb.sqlite",
        "var/lib/rpm/Packages",
        "var/lib/pacman/local",
        "lib/apk/db/installed",
    ] {
        let (owner, faults) = owner_with(&format!("//- errno=EACCES {place}\n"));
        let denied = Reading::Unreadable(Origin::new(place), ReadFault::Denied);
        assert_eq!((owner, faults.len()), (denied, 1), "{place}");
    }
}

#[test]
fn a_database_that_failed_does_not_hide_the_owner_in_another() {
    let [dpkg, rpm, ..] = databases(0);
    let unread = "//- errno=EACCES lib/apk/db/installed\n";
    assert_eq!(package(&format!("{rpm}{unread}")).manager, PackageManager::Rpm);
    let (owner, faults) = owner_with(&format!("//- errno=EIO var/lib/rpm/rpmdb.sqlite\n{dpkg}"));
    assert_eq!(faults, [""; 0], "dpkg holds it, and nobody else is asked");
    assert_eq!(owner.value().unwrap().package().unwrap().manager, PackageManager::Dpkg);
    // One that is there and does not hold it leaves the question open.
    let bare = dpkg.replace("lp_2", "lp_3");
    let (owner, faults) = owner_with(&format!("//- errno=EIO var/lib/rpm/rpmdb.sqlite\n{bare}"));
    assert!(matches!(owner, Reading::Unreadable(..)), "{owner:?}");
    assert_eq!(faults.len(), 1);
}

#[test]
fn a_file_that_cannot_be_read_was_not_compared() {
    let [dpkg, ..] = databases(0);
    let (module, faults) = with("OK", &format!("//- errno=EACCES {PATH}\n{dpkg}"));
    let package = module.files[0].package().unwrap();
    assert!(
        matches!(&package.file, FileCheck::NotChecked { why: NotChecked::Unread(_) }),
        "{package:?}"
    );
    assert_eq!((faults.len(), module.as_installed()), (1, None));
}

#[test]
fn a_capture_tells_the_same_owner() {
    let [dpkg, _, pacman, _] = databases(7);
    // The kernels that another source reads of the same files are not lost.
    let dpkg = dpkg.replace(
        "Package: bash",
        "Package: linux-image-6.1.0-56-amd64\nStatus: install ok installed\n\
         Architecture: amd64\nVersion: 6.1-1\n\nPackage: bash",
    );
    let unowned = dpkg.replace("lp_2", "lp_3");
    let wanted = [SourceId::Packages, SourceId::Livepatch, SourceId::LivepatchModules];
    let disabled: BTreeSet<SourceId> =
        SourceId::ALL.into_iter().filter(|id| !wanted.contains(id)).collect();
    let options = Options { deadline: Duration::from_secs(10), disabled };
    for database in [dpkg, unowned, pacman] {
        let text = tree_with(&format!("{}{database}", binary(PATH, &ko("lp_2", 0))));
        let host = check::host(check::tree(&text));
        let captured = capture(&host, &options, CaptureOptions { redact: false });
        assert!(captured.get("var/lib/dpkg/info/bash.list").is_none());
        let again = check::host(captured);
        assert_eq!(check::read_host(&again, read).0, check::read_host(&host, read).0);
        let kernels = crate::sources::packages::read;
        assert_eq!(check::read_host(&again, kernels).0, check::read_host(&host, kernels).0);
    }
}

#[test]
fn what_is_remembered_holds_until_the_file_or_the_database_changes() {
    let dir = tempfile::tempdir().unwrap();
    let [dpkg, ..] = databases(0);
    let tree = check::tree(&tree_with(&format!("{}{dpkg}", binary(PATH, &ko("lp_2", 0)))));
    for (path, node) in tree.nodes() {
        let path = dir.path().join(path);
        match node {
            Node::File(bytes) => {
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, bytes).unwrap();
            }
            Node::Dir => std::fs::create_dir_all(path).unwrap(),
            Node::Fails(_) => unreachable!(),
        }
    }
    // Long after any file was made, so that what was read is kept.
    let clocks = || Clocks { realtime_ms: 1 << 42, boottime: None, monotonic: None };
    let memory = Memory::default();
    let pass = || {
        let host = HostRoot::open(dir.path(), Arc::new(clocks)).unwrap().of_this_kernel();
        let reader = Reader::remembering(&host, &memory);
        let at = Stamp::new(BootId::unknown(), host.clocks());
        let found = read(&reader, &at).into_result().unwrap();
        let owner = found.modules[0].files[0].owner.clone();
        (owner.value().unwrap().clone(), reader.report(Duration::ZERO).attributes)
    };
    let check = |owner: &FileOwner| owner.package().map(|package| package.file.clone());
    let (first, reads) = pass();
    assert_eq!(check(&first), Some(FileCheck::Same));
    let (again, fewer) = pass();
    assert_eq!(again, first);
    assert!(fewer < reads, "{fewer} of {reads}");
    std::fs::write(dir.path().join(PATH), ko("lp_2", 7)).unwrap();
    assert_eq!(check(&pass().0), Some(FileCheck::Differs));
    std::fs::remove_file(dir.path().join("var/lib/dpkg/info/kpatch-patch:amd64.list")).unwrap();
    assert_eq!(pass().0, FileOwner::Nobody);
}

#[test]
fn the_laws_hold() {
    let [dpkg, ..] = databases(0);
    let text = tree_with(&format!("{}{dpkg}", binary(PATH, &ko("lp_2", 0))));
    // Whose a file is rests on all databases, and what is compared on the file.
    keeps_the_laws(&text, read, |path, finding| {
        path.ends_with(".ko") && finding.contains("/files/")
            || path.starts_with("var/lib/dpkg/") && finding.contains("/owner")
            || path.ends_with("build-id") && finding.contains("\"lp_")
            || path.ends_with("/initstate")
            || path.ends_with("/taint")
            || path.ends_with("srcversion") && finding.contains("/files/")
            || path.starts_with("proc/sys/kernel/")
    });
}
