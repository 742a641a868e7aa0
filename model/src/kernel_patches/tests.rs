//! Relations and next boots of hosts of each kind of distribution.

use super::*;
use crate::{
    BootImage, BootImages, BootLoader, Chosen, DebVersion, InstalledPackage, Kernel, KernelPackage,
    NextBoot, Origin, PackageManager, PackageVersion, Packages, Present, RebootHelps, RpmVersion,
    Section, SourceReport, Stamp, Uname,
};
use std::time::Duration;

fn absent<T>() -> Reading<T> {
    Reading::Absent(Origin::new("nowhere"))
}

fn section<T>(value: T) -> Option<Section<T>> {
    let report = SourceReport { took: Duration::ZERO, attributes: 1, faults: Vec::new() };
    Some(Section { reading: Reading::Value(value), report })
}

fn text(text: &str) -> Reading<String> {
    Reading::Value(text.to_owned())
}

/// A host of which nothing is known but what runs.
pub(super) fn host(release: &str, version: &str) -> Snapshot {
    let at = Stamp { boot: crate::BootId::unknown(), since_boot: None, awake: None, wall_ms: 0 };
    Snapshot {
        kernel: section(Kernel {
            release: text(release),
            version: text(version),
            banner: text(&format!("Linux version {release} (a@b) {version}")),
            version_signature: absent(),
            uname: Reading::Value(Uname {
                release: release.to_owned(),
                version: version.to_owned(),
                machine: "x86_64".to_owned(),
            }),
            modules_supported: Reading::Value(Present),
            modules_root: Reading::Value(Present),
            modules_directory: Reading::Value(Present),
        }),
        ..Snapshot::of_nothing(at)
    }
}

fn package(version: PackageVersion, release: &str, family: &str) -> KernelPackage {
    KernelPackage {
        package: InstalledPackage {
            name: format!("kernel of {release}"),
            version,
            arch: None,
            installed_unix_s: absent(),
            changelog: absent(),
        },
        release: text(release),
        family: family.to_owned(),
    }
}

fn deb(version: &str, release: &str) -> KernelPackage {
    let family = crate::release_flavour(release);
    package(PackageVersion::Deb(DebVersion::parse(version).unwrap()), release, family)
}

pub(super) fn rpm(version: &str, release: &str, family: &str) -> KernelPackage {
    package(PackageVersion::Rpm(RpmVersion::parse(version).unwrap()), release, family)
}

pub(super) fn installed(
    snapshot: &mut Snapshot,
    manager: PackageManager,
    kernels: Vec<KernelPackage>,
) {
    snapshot.packages = section(Packages { manager, kernels, live_patches: Vec::new() });
}

pub(super) fn image(release: &str, version: Option<&str>) -> BootImage {
    BootImage {
        path: format!("boot/vmlinuz-{release}"),
        release: release.to_owned(),
        banner: version.map_or_else(absent, |v| text(&format!("{release} (a@b) {v}"))),
    }
}

pub(super) fn starts(snapshot: &mut Snapshot, images: Vec<BootImage>, index: usize) {
    let image = images[index].clone();
    let next = NextBoot {
        loader: BootLoader::Grub,
        entry: "entry".to_owned(),
        image: image.path,
        release: Some(image.release),
        banner: image.banner,
        chosen: Chosen::ByOrder,
    };
    snapshot.boot_images = section(BootImages { images, next: Reading::Value(next) });
}

fn relation(snapshot: &Snapshot) -> KernelRelation {
    snapshot.kernel_state().relation
}

const DEBIAN: &str = "#1 SMP PREEMPT_DYNAMIC Debian 6.1.190-1 (2026-10-12)";

#[test]
fn debian_is_told_by_its_banner_and_not_by_the_name_of_the_abi() {
    use KernelRelation as R;
    for (kernels, expect) in [
        (vec![deb("6.1.190-1", "6.1.0-55-amd64")], R::Current),
        (vec![deb("6.1.190-2", "6.1.0-55-amd64")], R::Rebuilt),
        (vec![deb("6.1.190-1", "6.1.0-55-amd64"), deb("6.1.192-2", "6.1.0-56-amd64")], R::Behind),
        (vec![deb("6.1.190-1", "6.1.0-55-amd64"), deb("6.1.188-1", "6.1.0-54-amd64")], R::Current),
        (vec![deb("6.1.188-1", "6.1.0-55-amd64")], R::Ahead),
        (vec![deb("6.1.188-1", "6.1.0-54-amd64")], R::Orphaned),
        // Another flavour does not replace it.
        (
            vec![deb("6.1.190-1", "6.1.0-55-amd64"), deb("6.12.9-1", "6.12.9-cloud-amd64")],
            R::Current,
        ),
        (Vec::new(), R::Unknown),
    ] {
        let mut snapshot = host("6.1.0-55-amd64", DEBIAN);
        let shown = format!("{kernels:?}");
        installed(&mut snapshot, PackageManager::Dpkg, kernels);
        assert_eq!(relation(&snapshot), expect, "{shown}");
    }
}

#[test]
fn plus_deb13_1_is_newer_than_plus_deb13() {
    // The names of these ABIs sort the other way round for some tools.
    let mut snapshot = host("6.12.90+deb13-amd64", "#1 SMP Debian 6.12.90-1");
    installed(
        &mut snapshot,
        PackageManager::Dpkg,
        vec![deb("6.12.90-1", "6.12.90+deb13-amd64"), deb("6.12.90-2", "6.12.90+deb13.1-amd64")],
    );
    assert_eq!(relation(&snapshot), KernelRelation::Behind);
}

#[test]
fn ubuntu_is_told_by_its_signature() {
    let mut snapshot = host("6.8.0-47-generic", "#47-Ubuntu SMP PREEMPT_DYNAMIC Fri Sep 27");
    let newer =
        vec![deb("6.8.0-47.47", "6.8.0-47-generic"), deb("6.8.0-48.48", "6.8.0-48-generic")];
    installed(&mut snapshot, PackageManager::Dpkg, newer);
    assert_eq!(relation(&snapshot), KernelRelation::Unknown, "nothing tells what runs");
    let kernel = snapshot.kernel.as_mut().unwrap();
    let Reading::Value(found) = &mut kernel.reading else { unreachable!() };
    found.version_signature = text("Ubuntu 6.8.0-47.47-generic 6.8.12");
    assert_eq!(relation(&snapshot), KernelRelation::Behind);
    let running = snapshot.kernel_state().running.unwrap();
    assert_eq!(running.package_version.unwrap().as_str(), "6.8.0-47.47");
}

#[test]
fn proxmox_is_told_by_its_banner() {
    let mut snapshot = host("6.8.12-4-pve", "#1 SMP PREEMPT_DYNAMIC PMX 6.8.12-4 (2024-11-06)");
    let kernels = vec![deb("6.8.12-4", "6.8.12-4-pve"), deb("6.8.12-5", "6.8.12-5-pve")];
    installed(&mut snapshot, PackageManager::Dpkg, kernels);
    assert_eq!(relation(&snapshot), KernelRelation::Behind);
}

#[test]
fn red_hat_is_told_by_the_release_which_holds_the_version() {
    let release = "5.14.0-503.9.1.el9_5.x86_64";
    let mut snapshot = host(release, "#1 SMP PREEMPT_DYNAMIC Thu Oct 10");
    let own = rpm("5.14.0-503.9.1.el9_5", release, "kernel-core");
    let newer = rpm("5.14.0-503.11.1.el9_5", "5.14.0-503.11.1.el9_5.x86_64", "kernel-core");
    installed(&mut snapshot, PackageManager::Rpm, vec![own.clone()]);
    assert_eq!(relation(&snapshot), KernelRelation::Current);
    installed(&mut snapshot, PackageManager::Rpm, vec![own, newer.clone()]);
    assert_eq!(relation(&snapshot), KernelRelation::Behind);
    installed(&mut snapshot, PackageManager::Rpm, vec![newer]);
    assert_eq!(relation(&snapshot), KernelRelation::Orphaned, "503.9 runs and is gone");
}

#[test]
fn suse_has_a_release_that_is_shorter_than_its_package() {
    let release = "5.14.21-150500.55.65-default";
    let mut snapshot = host(release, "#1 SMP PREEMPT_DYNAMIC Wed");
    let own = rpm("5.14.21-150500.55.65.1", release, "kernel-default");
    installed(&mut snapshot, PackageManager::Rpm, vec![own]);
    assert_eq!(relation(&snapshot), KernelRelation::Unknown);
    starts(&mut snapshot, vec![image(release, Some("#1 SMP PREEMPT_DYNAMIC Wed"))], 0);
    assert_eq!(relation(&snapshot), KernelRelation::Current, "the image is of the build that runs");
}

#[test]
fn without_a_package_manager_images_tell_what_they_can() {
    use KernelRelation as R;
    let runs = "#2 SMP Mon";
    for (images, expect) in [
        (vec![image("6.9.7-x", Some(runs))], R::Current),
        (vec![image("6.9.7-x", Some("#3 SMP Tue"))], R::Rebuilt),
        (vec![image("6.9.7-x", Some(runs)), image("6.10.1-x", None)], R::Behind),
        (vec![image("6.9.7-x", Some(runs)), image("6.9.5-x", None)], R::Current),
        (vec![image("6.9.5-x", None)], R::Ahead),
        (vec![image("6.9.7-x", None)], R::Unknown),
        (vec![image("6.9.7-other", Some(runs))], R::Unknown),
    ] {
        let mut snapshot = host("6.9.7-x", runs);
        let shown = format!("{images:?}");
        starts(&mut snapshot, images, 0);
        assert_eq!(relation(&snapshot), expect, "{shown}");
    }
}

#[test]
fn a_reboot_helps_only_if_what_is_started_is_newer() {
    use NextKernel as N;
    let (old, own, newest) = ("6.1.0-54-amd64", "6.1.0-55-amd64", "6.1.0-57-amd64");
    let mut snapshot = host(own, DEBIAN);
    let kernels = vec![
        deb("6.1.188-1", old),
        deb("6.1.190-1", own),
        deb("6.1.192-2", "6.1.0-56-amd64"),
        deb("6.1.195-1", newest),
    ];
    installed(&mut snapshot, PackageManager::Dpkg, kernels);
    let unknown = snapshot.kernel_state();
    assert_eq!((unknown.next, unknown.reboot_helps), (N::Unknown, RebootHelps::Unknown));
    for (release, next, helps) in [
        (newest, N::Newest, RebootHelps::Yes),
        ("6.1.0-56-amd64", N::Newer, RebootHelps::Yes),
        (own, N::NotNewer, RebootHelps::No),
        (old, N::NotNewer, RebootHelps::No),
        ("6.9.7-mine", N::Unknown, RebootHelps::Unknown),
    ] {
        starts(&mut snapshot, vec![image(release, None)], 0);
        let state = snapshot.kernel_state();
        assert_eq!((state.next, state.reboot_helps), (next, helps), "{release}");
    }
}

#[test]
fn a_rebuilt_kernel_helps_only_if_its_image_is_the_new_one() {
    let own = "6.1.0-55-amd64";
    let mut snapshot = host(own, DEBIAN);
    installed(&mut snapshot, PackageManager::Dpkg, vec![deb("6.1.190-2", own)]);
    let new = "#1 SMP PREEMPT_DYNAMIC Debian 6.1.190-2 (2026-10-20)";
    starts(&mut snapshot, vec![image(own, Some(new))], 0);
    assert_eq!(snapshot.kernel_state().reboot_helps, RebootHelps::Yes);
    starts(&mut snapshot, vec![image(own, Some(DEBIAN))], 0);
    assert_eq!(snapshot.kernel_state().reboot_helps, RebootHelps::No);
}

#[test]
fn an_image_that_contradicts_the_database_is_not_current() {
    let own = "6.1.0-55-amd64";
    let mut snapshot = host(own, DEBIAN);
    installed(&mut snapshot, PackageManager::Dpkg, vec![deb("6.1.190-1", own)]);
    starts(&mut snapshot, vec![image(own, Some("#1 SMP Debian 6.1.191-1"))], 0);
    assert_eq!(relation(&snapshot), KernelRelation::Unknown);
}
