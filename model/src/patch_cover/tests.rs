//! What counts as covered, and what does not, patch by patch and system by system.

use super::*;
use crate::patch_state::tests::{KERNEL, bare, patch, with_kernel};
use crate::{
    Canonical, CanonicalFix, CanonicalKernel, CanonicalStatus, ChangeEntry, Changelog, Kernel,
    Notice, NoticeContent, PackageVersion, PatchObject, Present, ReadFault, RpmVersion,
    UnversionedEntry,
};
use proptest::prelude::*;

fn cve(text: &str) -> CveId {
    CveId::parse(text).unwrap()
}

fn package(name: &str, version: &str, cves: &[&str]) -> InstalledPackage {
    let version = || PackageVersion::Rpm(RpmVersion::parse(version).unwrap());
    let cves = cves.iter().map(|text| cve(text)).collect();
    let entries = vec![ChangeEntry { version: version(), released_unix_s: None, cves }];
    InstalledPackage {
        name: name.to_owned(),
        version: version(),
        arch: None,
        installed_unix_s: Reading::Absent(Origin::new("rpm")),
        changelog: Reading::Value(Changelog { entries, unversioned: Vec::new() }.into()),
    }
}

/// The same with a changelog as SUSE writes them: no entry names its version.
fn suse_package(name: &str, version: &str, cves: &[&str]) -> InstalledPackage {
    let cves = cves.iter().map(|text| cve(text)).collect();
    let unversioned = vec![UnversionedEntry { at: 1, released_unix_s: Some(1), cves }];
    let changelog = Changelog { entries: Vec::new(), unversioned };
    InstalledPackage { changelog: Reading::Value(changelog.into()), ..package(name, version, &[]) }
}

/// A host with that kernel and those patches.
fn host(release: &str, patches: Vec<Patch>) -> Snapshot {
    let kernel = Kernel { release: Reading::Value(release.to_owned()), ..with_kernel() };
    let mut snapshot = bare();
    crate::patch_state::tests::set(&mut snapshot.kernel, kernel);
    let livepatch = Livepatch { patches, blockers: None };
    crate::patch_state::tests::set(&mut snapshot.livepatch, livepatch);
    snapshot
}

fn only(cover: &LivePatchCover) -> &PatchCover {
    let [patch] = cover.patches.as_slice() else { panic!("{cover:?}") };
    patch
}

fn unread<T>() -> Reading<T> {
    Reading::Unreadable(Origin::new("x"), ReadFault::Denied)
}

fn gone<T>() -> Reading<T> {
    Reading::Absent(Origin::new("x"))
}

#[test]
fn a_patch_is_in_force_only_if_all_that_tells_says_so() {
    use PatchForce as F;
    let yes = || Reading::Value(true);
    let no = || Reading::Value(false);
    let of = |enabled, transition| Patch { enabled, transition, ..patch("p") }.force();
    assert_eq!(of(yes(), no()), F::InForce);
    assert_eq!(of(yes(), gone()), F::InForce, "before 4.12 there are no transitions");
    assert_eq!(of(yes(), yes()), F::InFlight);
    assert_eq!(of(yes(), unread()), F::NotKnown);
    for transition in [yes(), no(), gone(), unread()] {
        assert_eq!(of(no(), transition.clone()), F::NotInForce);
        assert_eq!(of(gone(), transition.clone()), F::NotKnown);
        assert_eq!(of(unread(), transition), F::NotKnown);
    }
}

#[test]
fn an_object_counts_if_it_is_loaded() {
    use PatchForce as F;
    let object = |name: &str, patched, loaded| PatchObject {
        name: name.to_owned(),
        patched,
        loaded,
        functions: Reading::Value(Vec::new()),
    };
    let no = || Reading::Value(false);
    let of = |objects| Patch { objects: Reading::Value(objects), ..patch("p") }.force();
    assert_eq!(of(vec![object("nfsd", no(), Some(gone()))]), F::InForce);
    assert_eq!(of(vec![object("nfsd", no(), Some(Reading::Value(Present)))]), F::NotInForce);
    assert_eq!(of(vec![object("nfsd", no(), Some(unread()))]), F::NotKnown);
    assert_eq!(of(vec![object("nfsd", gone(), None)]), F::InForce, "no such file before 6.1");
    assert_eq!(of(vec![object("vmlinux", no(), None)]), F::NotInForce);
    assert_eq!(of(vec![object("vmlinux", unread(), None)]), F::NotKnown);
    let worst = vec![object("a", unread(), None), object("vmlinux", no(), None)];
    assert_eq!(of(worst), F::NotInForce, "what is known to be missing goes first");
    assert_eq!(Patch { objects: unread(), ..patch("p") }.force(), F::NotKnown);
}

#[test]
fn a_list_that_is_not_known_is_not_an_empty_one() {
    let snapshot = host(KERNEL, vec![patch("livepatch_CVE_2022_36946")]);
    let cover = snapshot.live_patch_cover(&[]);
    assert!(only(&cover).cves.is_absent(), "a name is a hint and no list");
    assert!(cover.covered().is_empty() && cover.is_lower_bound());
}

#[test]
fn red_hats_packages_are_found_by_the_modules_name() {
    let snapshot = host("3.10.0-1062.1.1.el7.x86_64", vec![patch("kpatch_3_10_0_1062_1_1_1_4")]);
    let own = package("kpatch-patch-3_10_0-1062_1_1", "1-4.el7", &["CVE-2019-14835"]);
    let cover = snapshot.live_patch_cover(std::slice::from_ref(&own));
    let found = only(&cover);
    assert_eq!(found.level.as_deref(), Some("1-4"));
    assert_eq!(cover.covered(), BTreeSet::from([cve("CVE-2019-14835")]));
    assert_eq!(found.sources[0].to_string(), "changelog of kpatch-patch-3_10_0-1062_1_1 1-4.el7");
    for other in [
        package("kpatch-patch-3_10_0-1062_1_1", "1-5.el7", &["CVE-2019-14835"]),
        package("kpatch-patch-3_10_0-1062_1_2", "1-4.el7", &["CVE-2019-14835"]),
    ] {
        let cover = snapshot.live_patch_cover(&[other]);
        assert!(cover.covered().is_empty(), "what is installed is not what is loaded");
        assert!(only(&cover).cves.is_absent());
    }
}

#[test]
fn suses_packages_are_found_by_kernel_and_version() {
    let release = "6.4.0-150600.21-default";
    let name = "kernel-livepatch-6_4_0-150600_21-default";
    let own = package(name, "9-150600.2.1", &["CVE-2024-26581"]);
    let loaded = |module: &str| host(release, vec![patch(module)]);
    let covered =
        |module: &str| loaded(module).live_patch_cover(std::slice::from_ref(&own)).covered().len();
    assert_eq!((covered("livepatch_9_1"), covered("livepatch_8_1")), (1, 0));
    let unversioned = suse_package(name, "9-150600.2.1", &["CVE-2024-26581", "CVE-2024-0002"]);
    assert_eq!(loaded("livepatch_9_1").live_patch_cover(&[unversioned]).covered().len(), 2);
    let seed =
        loaded("livepatch_1_1").live_patch_cover(&[package(name, "1-1", &["CVE-2024-0001"])]);
    assert!(only(&seed).is_seed && seed.covered().is_empty() && !seed.is_lower_bound());
    assert_eq!(only(&seed).cves, Reading::Value(Vec::new()));
}

#[test]
fn amazons_package_is_the_one_for_the_running_kernel() {
    let release = "6.1.10-15.42.amzn2023.x86_64";
    let two = || vec![patch("livepatch_a"), patch("livepatch_b")];
    let name = "kernel-livepatch-6.1.10-15.42";
    let own = package(name, "1.0-3.amzn2023", &["CVE-2024-26581"]);
    let snapshot = host(release, two());
    assert_eq!(snapshot.live_patch_cover(std::slice::from_ref(&own)).covered().len(), 1);
    let other = package("kernel-livepatch-6.1.10-15.4", "1.0-3.amzn2023", &["CVE-2024-26581"]);
    assert!(snapshot.live_patch_cover(&[other]).covered().is_empty());
    let seed = snapshot.live_patch_cover(&[package(name, "1.0-0.amzn2023", &["CVE-2024-26581"])]);
    assert!(seed.patches.iter().all(|patch| patch.is_seed) && seed.covered().is_empty());
    let twice = snapshot.live_patch_cover(&[own.clone(), own]);
    assert!(twice.covered().is_empty() && twice.is_lower_bound(), "which of them is not told");
}

fn canonical(version: &str, notices: Vec<Notice>) -> Canonical {
    let fix = |name: &str, patched| CanonicalFix { name: name.to_owned(), patched };
    let kernel = CanonicalKernel {
        kernel: Some("6.8.0-1047.50-aws".to_owned()),
        running: Some(true),
        state: Some("applied".to_owned()),
        check_state: None,
        supported: None,
        version: Some(version.to_owned()),
        fixes: Some(vec![fix("cve-2025-0002", true), fix("CVE-2025-0003", false)]),
    };
    let status = CanonicalStatus {
        file: "status".to_owned(),
        last_check_unix_s: None,
        tier: None,
        kernels: vec![kernel],
    };
    Canonical { client: gone(), notices, status: Reading::Value(status) }
}

const LKP: &str = "lkp_Ubuntu_6_8_0_1047_50_aws_121";

fn canonical_cover(release: &str, version: &str, modules: &[&str]) -> LivePatchCover {
    let mut snapshot = host(release, vec![patch(LKP)]);
    let content = NoticeContent {
        modules: modules.iter().map(|name| (*name).to_owned()).collect(),
        cves: vec![cve("CVE-2025-0001")],
    };
    let notice = Notice { name: "LSN-0121-1.json".to_owned(), content: Reading::Value(content) };
    let mut systems = crate::patch_state::tests::none();
    systems.canonical = Some(canonical(version, vec![notice]));
    crate::patch_state::tests::set(&mut snapshot.livepatch_systems, systems);
    snapshot.live_patch_cover(&[])
}

#[test]
fn canonicals_status_and_notices_count_for_the_patch_they_mean() {
    let both = canonical_cover("6.8.0-1047-aws", "121.1", &[LKP]);
    assert_eq!(both.covered(), BTreeSet::from([cve("CVE-2025-0001"), cve("CVE-2025-0002")]));
    assert_eq!(only(&both).level.as_deref(), Some("121.1"));
    let other_level = canonical_cover("6.8.0-1047-aws", "120.1", &[LKP]);
    assert_eq!(other_level.covered(), BTreeSet::from([cve("CVE-2025-0001")]));
    let other_kernel = canonical_cover("6.8.0-1048-aws", "121.1", &[]);
    assert!(other_kernel.covered().is_empty() && other_kernel.is_lower_bound());
}

#[test]
fn what_is_in_flight_is_not_covered() {
    let mut snapshot =
        host("3.10.0-1062.1.1.el7.x86_64", vec![patch("kpatch_3_10_0_1062_1_1_1_4")]);
    let own = package("kpatch-patch-3_10_0-1062_1_1", "1-4.el7", &["CVE-2019-14835"]);
    let livepatch = snapshot.livepatch.as_mut().map(|section| &mut section.reading);
    let Some(Reading::Value(livepatch)) = livepatch else { unreachable!() };
    livepatch.patches[0].transition = Reading::Value(true);
    let cover = snapshot.live_patch_cover(&[own]);
    assert_eq!((cover.covered().len(), cover.in_flight().len()), (0, 1));
    assert!(!cover.is_lower_bound());
}

proptest! {
    /// Whatever is loaded, only patches in force with a list cover anything.
    #[test]
    fn only_patches_in_force_cover(
        name in "(kpatch_3_10_0_1_1|livepatch_[12]_1|lp)",
        enabled: bool,
        transition: bool,
    ) {
        let loaded = Patch {
            enabled: Reading::Value(enabled),
            transition: Reading::Value(transition),
            ..patch(&name)
        };
        let packages = [
            package("kpatch-patch-3_10_0", "1-1", &["CVE-2019-14835"]),
            package("kernel-livepatch-3_10_0", "2-1", &["CVE-2019-14835"]),
        ];
        let cover = host("3.10.0", vec![loaded]).live_patch_cover(&packages);
        prop_assert!(cover.covered().is_empty() || (enabled && !transition && name != "lp"));
    }
}
