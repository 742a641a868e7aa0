//! Any kernels, running, installed and about to be started.

use super::{reading, words};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;
use scrubjay_model::{
    BootImage, BootImages, BootLoader, ChangeEntry, Changelog, Chosen, CveId, CveLists, CveRank,
    DebVersion, InstalledPackage, KernelPackage, NextBoot, PackageManager, PackageVersion,
    Packages, Reading, RpmVersion, Severity, UnversionedEntry,
};
use std::sync::Arc;

fn any_release() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "6\\.(1|9)\\.0-5[5-7]-amd64",
        1 => "6\\.9\\.[0-3]-[12]\\.el9\\.x86_64",
        1 => words(),
    ]
}

pub(super) fn release() -> BoxedStrategy<Reading<String>> {
    reading(any_release())
}

fn version() -> impl Strategy<Value = PackageVersion> {
    "6\\.[19]\\.[0-9]-[1-3]".prop_flat_map(|text| {
        let deb = PackageVersion::Deb(DebVersion::parse(&text).unwrap());
        let rpm = PackageVersion::Rpm(RpmVersion::parse(&text).unwrap());
        prop_oneof![5 => Just(deb), 1 => Just(rpm)]
    })
}

fn cve() -> impl Strategy<Value = CveId> {
    (1000_u32..1010).prop_map(|n| CveId::parse(&format!("CVE-2026-{n}")).unwrap())
}

pub(super) fn cve_lists() -> impl Strategy<Value = CveLists> {
    let severity = prop_oneof![Just(Severity::Low), Just(Severity::Critical)];
    let rank = (any::<bool>(), proptest::option::of(severity))
        .prop_map(|(exploited, severity)| CveRank { exploited, severity, epss_millionths: None });
    let patches = btree_map(Just("lp_1".to_owned()), btree_set(cve(), 0..6), 0..2);
    (btree_map(cve(), rank, 0..6), patches).prop_map(|(ranks, live_patches)| CveLists {
        files: Vec::new(),
        ranks,
        live_patches,
    })
}

fn changelog() -> impl Strategy<Value = Changelog> {
    let change = || (proptest::option::of(any::<i64>()), btree_set(cve(), 0..4));
    let entry = (version(), change()).prop_map(|(version, (released_unix_s, cves))| ChangeEntry {
        version,
        released_unix_s,
        cves,
    });
    let unversioned = (1_usize..9, change())
        .prop_map(|(at, (released_unix_s, cves))| UnversionedEntry { at, released_unix_s, cves });
    (vec(entry, 0..4), vec(unversioned, 0..3))
        .prop_map(|(entries, unversioned)| Changelog { entries, unversioned })
}

fn package() -> impl Strategy<Value = KernelPackage> {
    let facts = (reading(any::<i64>()), reading(changelog().prop_map(Arc::new)));
    (words(), version(), facts, release(), "(amd64|kernel-core)").prop_map(
        |(name, version, (installed_unix_s, changelog), release, family)| KernelPackage {
            package: InstalledPackage { name, version, arch: None, installed_unix_s, changelog },
            release,
            family,
        },
    )
}

pub(super) fn packages() -> impl Strategy<Value = Packages> {
    let manager = proptest::sample::select(PackageManager::ALL.to_vec());
    (manager, vec(package(), 0..4)).prop_map(|(manager, kernels)| Packages {
        manager,
        kernels,
        live_patches: Vec::new(),
    })
}

fn banner() -> BoxedStrategy<Reading<String>> {
    reading(prop_oneof![words(), Just("6.1.0-56-amd64 (a@b) #1 SMP Debian 6.1.0-1".to_owned())])
}

pub(super) fn boot_images() -> impl Strategy<Value = BootImages> {
    let image = (words(), any_release(), banner()).prop_map(|(path, release, banner)| BootImage {
        path,
        release,
        banner,
    });
    let chosen = prop_oneof![Just(Chosen::ByOrder), Just(Chosen::Pinned), Just(Chosen::Once)];
    let next = (words(), words(), proptest::option::of(any_release()), banner(), chosen).prop_map(
        |(entry, image, release, banner, chosen)| NextBoot {
            loader: BootLoader::Grub,
            entry,
            image,
            release,
            banner,
            chosen,
        },
    );
    (vec(image, 0..3), reading(next)).prop_map(|(images, next)| BootImages { images, next })
}
