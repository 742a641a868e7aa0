//! The kernels of the healthy server, and ways in which they are not the newest.

use super::{absent, but, of, text};
use scrubjay_model::{
    BootImage, BootImages, BootLoader, ChangeEntry, Changelog, Chosen, CveId, CveRank, DebVersion,
    InstalledPackage, KernelPackage, NextBoot, PackageManager, PackageVersion, Packages, Reading,
    Severity, Snapshot,
};
use std::sync::Arc;

/// What runs on the healthy server.
pub(crate) const RUNNING: &str = "6.1.0-56-amd64";

fn version(text: &str) -> PackageVersion {
    PackageVersion::Deb(DebVersion::parse(text).unwrap())
}

fn entry(version_text: &str, released_unix_s: i64, cves: &[&str]) -> ChangeEntry {
    ChangeEntry {
        version: version(version_text),
        released_unix_s: Some(released_unix_s),
        cves: cves.iter().map(|cve| CveId::parse(cve).unwrap()).collect(),
    }
}

/// What the running kernel fixes; the live patches of other tests fix one of them.
const OLD_FIXES: [&str; 2] = ["CVE-2024-26581", "CVE-2026-0001"];

/// When the healthy server's kernel was released, and the newer one a week later.
const RELEASED: i64 = 1_794_824_260;
const WEEK_S: i64 = 7 * 86_400;

fn package(release: &str, version_text: &str, changelog: Changelog) -> KernelPackage {
    KernelPackage {
        package: InstalledPackage {
            name: format!("linux-image-{release}"),
            version: version(version_text),
            arch: Some("amd64".to_owned()),
            installed_unix_s: Reading::Value(RELEASED + 86_400),
            changelog: Reading::Value(Arc::new(changelog)),
        },
        release: text(release),
        family: "amd64".to_owned(),
    }
}

pub(crate) fn packages() -> Packages {
    let entries = vec![entry("6.1.192-2", RELEASED, &OLD_FIXES)];
    let changelog = Changelog { entries, unversioned: Vec::new() };
    Packages {
        manager: PackageManager::Dpkg,
        kernels: vec![package(RUNNING, "6.1.192-2", changelog)],
        live_patches: Vec::new(),
    }
}

fn image(release: &str, version_text: &str) -> BootImage {
    BootImage {
        path: format!("boot/vmlinuz-{release}"),
        release: release.to_owned(),
        banner: text(&format!("{release} (a@b) #1 SMP PREEMPT_DYNAMIC Debian {version_text}")),
    }
}

fn next(image: &BootImage) -> NextBoot {
    NextBoot {
        loader: BootLoader::Grub,
        entry: "Debian GNU/Linux".to_owned(),
        image: image.path.clone(),
        release: Some(image.release.clone()),
        banner: image.banner.clone(),
        chosen: Chosen::ByOrder,
    }
}

pub(crate) fn boot_images() -> BootImages {
    let image = image(RUNNING, "6.1.192-2");
    BootImages { next: Reading::Value(next(&image)), images: vec![image] }
}

/// A newer kernel of another name is installed and will be started; it fixes two vulnerabilities.
pub(crate) fn behind() -> Snapshot {
    but(|s| {
        let entries = vec![
            entry("6.1.195-1", RELEASED + WEEK_S, &["CVE-2026-0002", "CVE-2026-0003"]),
            entry("6.1.192-2", RELEASED, &["CVE-2026-0001"]),
        ];
        let changelog = Changelog { entries, unversioned: Vec::new() };
        let newer = package("6.1.0-57-amd64", "6.1.195-1", changelog);
        of(&mut s.packages).kernels.push(newer);
        let images = of(&mut s.boot_images);
        let image = image("6.1.0-57-amd64", "6.1.195-1");
        images.next = Reading::Value(next(&image));
        images.images.push(image);
        // A week after the newer one was released.
        s.at.wall_ms = (RELEASED + 2 * WEEK_S) * 1000;
    })
}

/// The running release was built anew and installed over the one that runs.
pub(crate) fn rebuilt() -> Snapshot {
    let mut snapshot = behind();
    let packages = &mut of(&mut snapshot.packages).kernels;
    let newer = packages.pop().unwrap();
    let package = &mut packages[0].package;
    (package.version, package.changelog) = (newer.package.version, newer.package.changelog);
    let image = image(RUNNING, "6.1.195-1");
    *of(&mut snapshot.boot_images) =
        BootImages { next: Reading::Value(next(&image)), images: vec![image] };
    snapshot
}

/// The running kernel's package was removed, its modules are still there.
pub(crate) fn orphaned() -> Snapshot {
    let mut snapshot = behind();
    of(&mut snapshot.packages).kernels.remove(0);
    of(&mut snapshot.boot_images).images.remove(0);
    snapshot
}

/// The boot loader is pinned to the kernel that runs.
pub(crate) fn pinned() -> Snapshot {
    let mut snapshot = behind();
    let images = of(&mut snapshot.boot_images);
    let own = NextBoot { chosen: Chosen::Pinned, ..next(&images.images[0]) };
    images.next = Reading::Value(own);
    snapshot
}

/// Neither packages nor images, as in a guest that is booted directly.
pub(crate) fn from_outside() -> Snapshot {
    but(|s| {
        super::set(&mut s.packages, absent("var/lib/dpkg/status"));
        super::set(&mut s.boot_images, absent("boot/vmlinuz-*"));
    })
}

/// The live patch of the healthy server fixes what the newer kernel fixes.
pub(crate) fn covered() -> Snapshot {
    let mut snapshot = behind();
    covers(&mut snapshot, &["CVE-2026-0002", "CVE-2026-0003"]);
    snapshot
}

/// It fixes more than that.
pub(crate) fn covered_beyond() -> Snapshot {
    let mut snapshot = behind();
    covers(&mut snapshot, &["CVE-2026-0002", "CVE-2026-0009"]);
    snapshot
}

/// Says what the live patch fixes.
pub(crate) fn covers(snapshot: &mut Snapshot, cves: &[&str]) {
    let cves = cves.iter().map(|cve| CveId::parse(cve).unwrap()).collect();
    of(&mut snapshot.cve_lists).live_patches.insert("lp_1".to_owned(), cves);
}

fn ranked(snapshot: &mut Snapshot, rank: CveRank) {
    let cve = CveId::parse("CVE-2026-0002").unwrap();
    of(&mut snapshot.cve_lists).ranks.insert(cve, rank);
}

/// A list says that one of the vulnerabilities is exploited.
pub(crate) fn exploited() -> Snapshot {
    let mut snapshot = behind();
    ranked(&mut snapshot, CveRank { exploited: true, ..CveRank::default() });
    snapshot
}

/// A list calls one of them critical, and its fix was released five weeks ago.
pub(crate) fn overdue() -> Snapshot {
    let mut snapshot = behind();
    let critical = CveRank { severity: Some(Severity::Critical), ..CveRank::default() };
    ranked(&mut snapshot, critical);
    snapshot.at.wall_ms += 4 * WEEK_S * 1000;
    snapshot
}
