//! The rules on the kernel's patches, each where it holds and where it does not.

use super::*;
use crate::assess;
use crate::testing::{absent, but, codes, first, healthy, kernels, lose, of, only, set};
use scrubjay_model::{Accumulated, Outcome, Verdict};

fn with(snapshot: &Snapshot, policy: &PatchPolicy) -> Vec<&'static str> {
    let assessment = assess(snapshot, &Accumulated::default(), None, None, policy);
    assessment.findings.iter().map(|finding| finding.code).collect()
}

#[test]
fn a_kernel_that_is_the_newest_raises_nothing() {
    assert_eq!(codes(&healthy()), [""; 0]);
}

#[test]
fn a_newer_kernel_says_what_it_fixes_and_for_how_long_it_has_waited() {
    let found = only(&kernels::behind());
    assert_eq!((found.code, found.verdict), ("kernel-behind", Verdict::Plan));
    assert_eq!(found.reboot_helps, RebootHelps::Yes);
    assert_eq!(
        found.because,
        "6.1.192-2 runs, 6.1.195-1 is installed since 13 d; it fixes 2 vulnerabilities that are \
         not fixed now, the oldest of these fixes released 7 d ago"
    );
    assert_eq!(found.remedy, "reboot into 6.1.0-57-amd64 (6.1.195-1) at the next window");
}

#[test]
fn a_newer_build_of_the_same_name_is_seen() {
    let found = only(&kernels::rebuilt());
    assert_eq!((found.code, found.reboot_helps), ("kernel-rebuilt", RebootHelps::Yes));
    assert!(found.because.contains("both as 6.1.0-56-amd64"), "{}", found.because);
}

#[test]
fn a_reboot_that_brings_nothing_is_said_to_bring_nothing() {
    let pinned = kernels::pinned();
    assert_eq!(codes(&pinned), ["kernel-behind", "next-boot-not-newest"]);
    let behind = first(&pinned, "kernel-behind");
    assert_eq!(behind.reboot_helps, RebootHelps::No);
    assert!(behind.remedy.starts_with("do not reboot yet"), "{}", behind.remedy);
    let accepted =
        PatchPolicy { accepted_pin: Some(kernels::RUNNING.to_owned()), ..PatchPolicy::default() };
    assert_eq!(with(&pinned, &accepted), ["kernel-behind"]);
}

#[test]
fn a_next_boot_that_is_not_known_is_no_yes() {
    let mut snapshot = kernels::behind();
    of(&mut snapshot.boot_images).next = absent("boot/grub/grub.cfg");
    let found = only(&snapshot);
    assert_eq!(found.reboot_helps, RebootHelps::Unknown);
    assert!(found.remedy.contains("could not be told"), "{}", found.remedy);
}

#[test]
fn what_a_newer_kernel_fixes_may_not_be_known() {
    let mut snapshot = kernels::behind();
    let path = "usr/share/doc/linux-image-6.1.0-57-amd64/changelog.gz";
    of(&mut snapshot.packages).kernels[1].package.changelog = absent(path);
    let found = only(&snapshot);
    assert!(found.because.ends_with("which vulnerabilities it fixes is not known"));
    // And then nothing can be covered.
    kernels::covers(&mut snapshot, &["CVE-2026-0002", "CVE-2026-0003"]);
    assert!(codes(&snapshot).contains(&"kernel-behind"));
}

#[test]
fn a_changelog_that_is_cut_gives_a_lower_bound_and_covers_nothing() {
    let mut snapshot = kernels::covered();
    let newest = &mut of(&mut snapshot.packages).kernels[1].package.changelog;
    let mut cut = newest.value().unwrap().as_ref().clone();
    cut.entries.pop();
    *newest = Reading::Value(cut.into());
    let found = only(&snapshot);
    assert_eq!(found.code, "kernel-behind");
    assert!(found.because.contains("does not reach back to 6.1.192-2"), "{}", found.because);
}

#[test]
fn live_patches_take_away_exactly_what_they_fix() {
    let mut snapshot = kernels::behind();
    kernels::covers(&mut snapshot, &["CVE-2026-0003", "CVE-2020-0001"]);
    let found = first(&snapshot, "kernel-behind");
    assert!(
        found.because.contains("fixes 1 vulnerabilities that are not fixed now, 1 live-patched")
    );
    let found = only(&kernels::covered());
    assert_eq!((found.code, found.verdict), ("kernel-covered", Verdict::Watch));
}

#[test]
fn a_patch_in_transition_covers_nothing_yet() {
    let mut snapshot = kernels::covered();
    of(&mut snapshot.livepatch).patches[0].transition = Reading::Value(true);
    let found = first(&snapshot, "kernel-behind");
    assert!(found.because.contains("2 in a live patch in transition"), "{}", found.because);
    of(&mut snapshot.livepatch).patches[0].enabled = Reading::Value(false);
    let found = first(&snapshot, "kernel-behind");
    assert!(!found.because.contains("in transition"), "being removed: {}", found.because);
}

#[test]
fn what_only_a_live_patch_fixes_is_lost_by_a_reboot() {
    let found = first(&kernels::covered_beyond(), "live-patch-only");
    assert!(found.because.ends_with("no installed kernel: CVE-2026-0009"), "{}", found.because);
    assert_eq!(found.reboot_helps, RebootHelps::No);
}

#[test]
fn nothing_ranks_without_a_list() {
    let mut late = kernels::behind();
    late.at.wall_ms += 400 * 86_400_000;
    assert_eq!(codes(&late), ["kernel-behind"]);
}

#[test]
fn an_exploited_vulnerability_calls_for_action_until_a_live_patch_fixes_it() {
    let mut snapshot = kernels::exploited();
    let found = first(&snapshot, "kernel-exploited");
    assert_eq!(found.verdict, Verdict::Act);
    assert!(found.because.starts_with("1 vulnerability is known to be exploited, CVE-2026-0002"));
    kernels::covers(&mut snapshot, &["CVE-2026-0002"]);
    assert_eq!(codes(&snapshot), ["kernel-behind"]);
}

#[test]
fn a_critical_fix_is_overdue_by_the_days_of_the_policy() {
    let snapshot = kernels::overdue();
    let found = first(&snapshot, "kernel-overdue");
    assert!(
        found.because.contains("released 35 d ago; the policy allows 30 days"),
        "{}",
        found.because
    );
    let patient = PatchPolicy { critical_days: 35, ..PatchPolicy::default() };
    assert_eq!(with(&snapshot, &patient), ["kernel-behind"]);
}

#[test]
fn a_kernel_whose_package_is_gone_is_orphaned_whatever_its_modules() {
    let mut snapshot = kernels::orphaned();
    let found = only(&snapshot);
    assert_eq!((found.code, found.reboot_helps), ("kernel-orphaned", RebootHelps::Yes));
    of(&mut snapshot.kernel).modules_directory = absent("lib/modules/6.1.0-56-amd64");
    assert_eq!(codes(&snapshot), ["kernel-orphaned"]);
}

#[test]
fn a_kernel_from_outside_is_not_said_to_be_current() {
    let found = only(&kernels::from_outside());
    assert_eq!((found.code, found.verdict), ("kernel-unknown", Verdict::Unknown));
    assert_eq!(found.reboot_helps, RebootHelps::Unknown);
    let off = but(|s| (s.packages, s.boot_images) = (None, None));
    assert_eq!(codes(&off), [""; 0], "switched off is not asked");
}

#[test]
fn an_uptime_is_a_reason_only_where_the_policy_makes_it_one() {
    let policy = PatchPolicy { uptime_days: Some(30), ..PatchPolicy::default() };
    assert_eq!(with(&healthy(), &policy), ["uptime-long"]);
    let longer = PatchPolicy { uptime_days: Some(37), ..PatchPolicy::default() };
    assert_eq!(with(&healthy(), &longer), [""; 0]);
}

#[test]
fn packages_that_cannot_be_read_leave_it_unknown() {
    let mut snapshot = healthy();
    set(&mut snapshot.packages, crate::testing::denied("var/lib/dpkg/status"));
    let images = of(&mut snapshot.boot_images);
    let mut other = images.images[0].clone();
    other.release = "6.1.0-99-amd64".to_owned();
    images.images.push(other);
    let found = first(&snapshot, "kernel-unknown");
    assert!(found.because.contains("without a package manager's database"), "{}", found.because);
    lose(&mut snapshot.kernel, |kernel| &mut kernel.release, crate::testing::denied("osrelease"));
    assert_eq!(snapshot.kernel_debt(&snapshot.kernel_state()).outcome(), Outcome::Absent);
}
