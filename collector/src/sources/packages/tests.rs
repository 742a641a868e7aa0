//! Debian's packages as trees.

use super::*;
use crate::sources::check::{self, found, is_absent, partly_found};
use flate2::{Compression, write::GzEncoder};
use scrubjay_model::{DebVersion, Outcome};
use std::fmt::Write as _;
use std::io::Write as _;

pub(crate) const HEALTHY: &str = "\
//- proc/sys/kernel/osrelease
6.1.0-55-amd64
//- var/lib/dpkg/status
Package: linux-image-amd64
Status: install ok installed
Architecture: amd64
Version: 6.1.192-2

Package: linux-image-6.1.0-55-amd64
Status: install ok installed
Architecture: amd64
Version: 6.1.190-1

Package: linux-image-6.1.0-56-amd64
Status: install ok installed
Architecture: amd64
Version: 6.1.192-2

Package: linux-image-6.12.90-cloud-amd64
Status: install ok installed
Architecture: amd64
Version: 6.12.90-1

//- var/log/dpkg.log.1
2026-10-13 06:25:01 status installed linux-image-6.1.0-55-amd64:amd64 6.1.190-1
//- var/log/dpkg.log
2026-11-17 06:25:01 status installed linux-image-6.1.0-56-amd64:amd64 6.1.192-2
2026-11-17 06:25:02 status installed man-db:amd64 2.11.2-2
//- usr/share/doc/linux-image-6.1.0-56-amd64/changelog.gz
linux-signed-amd64 (6.1.192+2) bookworm-security; urgency=high

  * ext4: a fix (CVE-2026-0007)

 -- A Maintainer <a@example.org>  Mon, 16 Nov 2026 11:17:40 +0100

linux (6.1.190-1) bookworm-security; urgency=high

  * net: a fix (CVE-2026-0001)

 -- A Maintainer <a@example.org>  Mon, 12 Oct 2026 10:00:00 +0100
//- usr/share/doc/linux-image-6.1.0-55-amd64/changelog.gz
linux (6.1.190-1) bookworm-security; urgency=high

  * net: a fix (CVE-2026-0001)

 -- A Maintainer <a@example.org>  Mon, 12 Oct 2026 10:00:00 +0100
";

/// Trees in which every file that is read is there.
pub(crate) fn everything() -> Vec<String> {
    let named = |name: &str| HEALTHY.replace("/changelog.gz", name);
    let zone = "//- hex etc/localtime\n545a69660000\n";
    let mut trees = ["/changelog.gz", "/changelog.Debian.gz", "/changelog.Debian", "/changelog"]
        .map(|name| format!("{}{zone}", named(name)))
        .to_vec();
    trees.push(ARCH.to_owned());
    trees
}

const ARCH: &str = "\
//- proc/sys/kernel/osrelease
6.9.7-arch1-1
//- var/lib/pacman/local/linux-6.9.8.arch1-1/desc
%NAME%
linux

%VERSION%
6.9.8.arch1-1

%INSTALLDATE%
1795163400

//- var/lib/pacman/local/linux-6.9.8.arch1-1/files
%FILES%
usr/lib/modules/6.9.8-arch1-1/
usr/lib/modules/6.9.8-arch1-1/vmlinuz
//- var/lib/pacman/local/linux-headers-6.9.8.arch1-1/desc
%NAME%
linux-headers

%VERSION%
6.9.8.arch1-1
";

fn kernel<'p>(packages: &'p Packages, name: &str) -> &'p KernelPackage {
    packages.kernels.iter().find(|kernel| kernel.package.name == name).unwrap()
}

const NEWEST: &str = "linux-image-6.1.0-56-amd64";

#[test]
fn kernels_are_listed_with_their_family_and_time() {
    let packages = found(HEALTHY, read);
    let families: Vec<(&str, &str)> = packages
        .kernels
        .iter()
        .map(|kernel| (kernel.package.version.as_str(), kernel.family.as_str()))
        .collect();
    assert_eq!(
        families,
        [("6.1.190-1", "amd64"), ("6.1.192-2", "amd64"), ("6.12.90-1", "cloud-amd64")]
    );
    let newest = kernel(&packages, NEWEST);
    assert_eq!(newest.release.value().unwrap(), "6.1.0-56-amd64");
    assert_eq!(newest.package.installed_unix_s, Reading::Value(1_794_896_701));
    let cloud = kernel(&packages, "linux-image-6.12.90-cloud-amd64");
    assert!(cloud.package.installed_unix_s.is_absent(), "neither the log nor a file tells");
    assert!(cloud.package.changelog.is_absent(), "not of the running family");
}

#[test]
fn the_newest_and_the_running_kernel_tell_what_they_fix() {
    let packages = found(HEALTHY, read);
    let running = PackageVersion::Deb(DebVersion::parse("6.1.190-1").unwrap());
    let changelog = kernel(&packages, NEWEST).package.changelog.value().unwrap();
    let since = changelog.fixed_since(&running, None);
    let fixes: Vec<String> = since.fixes.iter().map(|fix| fix.cve.to_string()).collect();
    assert_eq!((fixes, since.may_lack), (vec!["CVE-2026-0007".to_owned()], None));
    assert!(kernel(&packages, "linux-image-6.1.0-55-amd64").package.changelog.value().is_some());
}

#[test]
fn a_packed_changelog_says_the_same() {
    let (before, rest) = HEALTHY.split_once("//- usr/share/doc/linux-image-6.1.0-56").unwrap();
    let (path, rest) = rest.split_once('\n').unwrap();
    let (text, after) = rest.split_once("//- usr").unwrap();
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(text.as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    let tree = |bytes: &[u8]| {
        let mut tree = format!("{before}//- hex usr/share/doc/linux-image-6.1.0-56{path}\n");
        bytes.iter().for_each(|byte| write!(tree, "{byte:02x}").unwrap());
        format!("{tree}\n//- usr{after}")
    };
    assert_eq!(found(&tree(&packed), read), found(HEALTHY, read));
    // One that breaks off is not taken for a short one.
    let (cut, faults) = partly_found(&tree(&packed[..packed.len() / 2]), read);
    assert_eq!(kernel(&cut, NEWEST).package.changelog.outcome(), Outcome::Malformed);
    assert_eq!(faults.len(), 1);
}

#[test]
fn a_changelog_that_was_left_out_is_absent_and_not_empty() {
    let without = HEALTHY.replace("usr/share/doc/linux-image-6.1.0-56", "elsewhere");
    assert!(kernel(&found(&without, read), NEWEST).package.changelog.is_absent());
}

#[test]
fn the_log_is_in_the_time_of_the_host() {
    let berlin = "//- hex etc/localtime\n545a69660000\n";
    let broken = found(&format!("{HEALTHY}{berlin}"), read);
    assert!(
        kernel(&broken, NEWEST).package.installed_unix_s.is_absent(),
        "in an unknown zone the log tells no time"
    );
}

#[test]
fn names_of_packages_that_hold_no_kernel_are_not_taken_for_one() {
    for (name, release) in [
        ("linux-image-6.1.0-56-amd64", Some("6.1.0-56-amd64")),
        ("linux-image-6.1.0-56-amd64-unsigned", Some("6.1.0-56-amd64")),
        ("linux-image-unsigned-6.8.0-47-generic", Some("6.8.0-47-generic")),
        ("linux-image-6.1.0-56-amd64-dbg", None),
        ("linux-image-amd64", None),
        ("linux-image-generic-hwe-22.04", None),
        ("proxmox-kernel-6.8.12-4-pve-signed", Some("6.8.12-4-pve")),
        ("proxmox-kernel-6.8", None),
        ("linux-headers-6.1.0-56-amd64", None),
    ] {
        assert_eq!(deb_release(name), release, "{name}");
    }
}

#[test]
fn a_host_without_dpkg_is_absent_and_one_that_hides_it_is_not() {
    assert!(is_absent("//- dir var/lib\n", read));
    let (reading, report) = check::read("//- errno=EACCES var/lib/dpkg/status\n", read);
    assert_eq!((reading.outcome(), report.faults.len()), (Outcome::Unreadable, 1));
}

#[test]
fn arch_has_one_kernel_of_a_name_and_headers_are_none() {
    let packages = found(ARCH, read);
    assert_eq!(packages.manager, PackageManager::Pacman);
    let [only] = packages.kernels.as_slice() else { panic!("{packages:#?}") };
    assert_eq!((only.family.as_str(), only.package.version.as_str()), ("linux", "6.9.8.arch1-1"));
    assert_eq!(only.release.value().unwrap(), "6.9.8-arch1-1");
}

#[test]
fn alpine_tells_the_release_by_the_folder_of_the_modules() {
    let text = "//- lib/apk/db/installed\nP:linux-lts\nV:6.6.32-r0\nA:x86_64\nF:boot\n\
                R:vmlinuz-lts\nF:lib/modules/6.6.32-0-lts\nR:modules.order\n\n";
    let packages = found(text, read);
    let [only] = packages.kernels.as_slice() else { panic!("{packages:#?}") };
    assert_eq!(only.release.value().unwrap(), "6.6.32-0-lts");
    assert_eq!(only.package.version.as_str(), "6.6.32-r0");
}

#[test]
fn a_tool_of_another_family_does_not_hide_the_kernels() {
    let both =
        format!("{ARCH}//- var/lib/dpkg/status\nPackage: dpkg\nStatus: install ok installed\n\n");
    assert_eq!(found(&both, read).manager, PackageManager::Pacman);
    let without = "//- var/lib/dpkg/status\nPackage: dpkg\nStatus: install ok installed\n\n";
    assert_eq!(found(without, read).kernels, []);
}

#[test]
fn a_package_without_a_version_costs_itself() {
    let broken = HEALTHY.replace(
        "Version: 6.1.192-2\n\nPackage: linux-image-6.12",
        "Version: 6.1_\n\nPackage: linux-image-6.12",
    );
    let (packages, faults) = partly_found(&broken, read);
    assert_eq!((packages.kernels.len(), faults.len()), (2, 1));
}

#[test]
fn the_laws_hold() {
    // Which changelogs are needed depends on what runs and what is installed.
    check::keeps_the_laws(HEALTHY, read, |_, _| true);
}
