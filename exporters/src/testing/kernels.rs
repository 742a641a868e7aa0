//! The kernels of the imagined server: one that runs, and a newer one that waits for a reboot.

use super::*;
use scrubjay_model::{
    BootImage, BootImages, BootLoader, ChangeEntry, Changelog, Chosen, CveId, DebVersion,
    InstalledPackage, KernelPackage, NextBoot, PackageManager, PackageVersion, Packages,
};
use std::sync::Arc;

fn version(text: &str) -> PackageVersion {
    PackageVersion::Deb(DebVersion::parse(text).unwrap())
}

fn package(release: &str, version_text: &str, changelog: Reading<Arc<Changelog>>) -> KernelPackage {
    KernelPackage {
        package: InstalledPackage {
            name: format!("linux-image-{release}"),
            version: version(version_text),
            arch: Some("amd64".to_owned()),
            installed_unix_s: value(NOW_MS / 1000 - 9 * 86_400),
            changelog,
        },
        release: text(release),
        family: "amd64".to_owned(),
    }
}

pub(super) fn packages() -> Packages {
    let entry = |version_text: &str, days_ago: i64, cves: &[&str]| ChangeEntry {
        version: version(version_text),
        released_unix_s: Some(NOW_MS / 1000 - days_ago * 86_400),
        cves: cves.iter().map(|cve| CveId::parse(cve).unwrap()).collect(),
    };
    let entries = vec![
        entry("6.12.0-14", 12, &["CVE-2026-0003", "CVE-2026-0004"]),
        entry("6.12.0-13", 80, &["CVE-2026-0001"]),
    ];
    let changelog = value(Arc::new(Changelog { entries, unversioned: Vec::new() }));
    let absent = absent("usr/share/doc/linux-image-6.12.0-13-amd64: not needed");
    Packages {
        manager: PackageManager::Dpkg,
        kernels: vec![
            package("6.12.0-13-amd64", "6.12.0-13", absent),
            package("6.12.0-14-amd64", "6.12.0-14", changelog),
        ],
        live_patches: Vec::new(),
    }
}

pub(super) fn boot_images() -> BootImages {
    let image = |release: &str| BootImage {
        path: format!("boot/vmlinuz-{release}"),
        release: release.to_owned(),
        banner: absent("boot/vmlinuz"),
    };
    BootImages {
        images: vec![image("6.12.0-13-amd64"), image("6.12.0-14-amd64")],
        next: value(NextBoot {
            loader: BootLoader::Grub,
            entry: "Debian GNU/Linux".to_owned(),
            image: "boot/vmlinuz-6.12.0-14-amd64".to_owned(),
            release: Some("6.12.0-14-amd64".to_owned()),
            banner: absent("boot/vmlinuz-6.12.0-14-amd64"),
            chosen: Chosen::ByOrder,
        }),
    }
}
