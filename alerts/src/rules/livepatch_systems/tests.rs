//! The rules on one server, of which a test changes what its live patches are.

use super::*;
use crate::testing::systems::{self, RELEASE, canonical, installed, ksplice, lifecycle};
use crate::testing::{but, codes, first, of, only, patch, set, text};
use scrubjay_model::{Accumulated, FailedUpdate, InstalledModules, Verdict, day_of_text};

/// The healthy server with those patches loaded and those traces.
fn with(patches: &[&str], traces: LivepatchSystems) -> Snapshot {
    but(|s| {
        of(&mut s.livepatch).patches =
            patches.iter().map(|name| patch(name, true, false)).collect();
        *of(&mut s.livepatch_systems) = traces;
    })
}

fn klp(modules: &[&str], last_day: Option<i64>) -> LivepatchSystems {
    let mut traces = systems::none();
    traces.installed = vec![InstalledModules {
        name: format!("lib/modules/{RELEASE}/livepatch"),
        ..installed(modules)
    }];
    if let Some(day) = last_day {
        traces.lifecycle = Reading::Value(vec![lifecycle(day)]);
    }
    traces
}

fn today() -> i64 {
    but(|_| ()).at.wall_ms / 86_400_000
}

#[test]
fn patches_that_are_installed_and_loaded_raise_nothing() {
    assert_eq!(codes(&with(&["lp_1"], systems::own())), [""; 0]);
    let far = klp(&["livepatch_9_1"], Some(today() + 31));
    assert_eq!(codes(&with(&["livepatch_9_1"], far)), [""; 0]);
}

#[test]
fn support_that_ends_is_told_thirty_days_before() {
    for (left, code, verdict) in [
        (30, "livepatch-support-ending", Verdict::Plan),
        (0, "livepatch-support-ending", Verdict::Plan),
        (-1, "livepatch-support-ended", Verdict::Act),
    ] {
        let traces = klp(&["livepatch_9_1"], Some(today() + left));
        let found = only(&with(&["livepatch_9_1"], traces));
        assert_eq!((found.code, found.verdict), (code, verdict), "{left}");
        assert_eq!(found.subject, "klp");
        let days = if left == 0 { "in 0 days" } else { "day" };
        assert!(found.because.contains(days), "{}", found.because);
        assert_eq!(found.origin.unwrap().as_str(), "usr/share/lifecycle/data/lp.lifecycle:2");
    }
    let unused = klp(&[], Some(today() - 100));
    assert_eq!(codes(&with(&[], unused)), [""; 0], "nobody rests on them");
}

#[test]
fn an_end_that_is_only_reckoned_is_no_reason_to_act_at_night() {
    let amazon = |made: &str| {
        let mut traces = systems::none();
        traces.installed = vec![installed(&["livepatch_x"])];
        let mut snapshot = with(&["livepatch_x"], traces);
        of(&mut snapshot.kernel).release = text("6.1.10-15.42.amzn2023.x86_64");
        // Which kernels are installed is another rule's affair.
        (snapshot.packages, snapshot.boot_images) = (None, None);
        of(&mut snapshot.kernel).version = text(&format!("#1 SMP PREEMPT_DYNAMIC {made}"));
        snapshot
    };
    // The healthy server lives on 2026-11-23.
    assert_eq!(day_of_text("2026-11-23"), Some(today()));
    let ending = only(&amazon("Tue Sep 15 01:00:00 UTC 2026"));
    assert_eq!((ending.code, ending.verdict), ("livepatch-support-ending", Verdict::Plan));
    assert!(ending.because.contains("about 2026-12-16 at the latest"), "{}", ending.because);
    let ended = only(&amazon("Thu Jan  1 01:00:00 UTC 2026"));
    assert_eq!((ended.code, ended.verdict), ("livepatch-support-ending", Verdict::Plan));
    assert!(ended.because.contains("has by its vendor's usual window ended"), "{}", ended.because);
    assert_eq!(codes(&amazon("Mon Nov 16 01:00:00 UTC 2026")), [""; 0]);
    assert_eq!(codes(&amazon("at some time")), [""; 0], "no day, no claim");
}

#[test]
fn what_a_reboot_loses_and_what_protects_nobody_are_told() {
    let mut traces = systems::own();
    traces.installed = vec![installed(&["kpatch_other"])];
    let snapshot = with(&["kpatch_6_1_0_1_2"], traces);
    assert_eq!(codes(&snapshot), ["livepatch-not-installed", "livepatch-not-loaded"]);
    let lost = first(&snapshot, "livepatch-not-installed");
    assert!(lost.because.contains("1 live patch is loaded"), "{}", lost.because);
    assert!(lost.because.ends_with(": kpatch_6_1_0_1_2"), "{}", lost.because);
    let open = first(&snapshot, "livepatch-not-loaded");
    assert!(open.because.contains("kpatch_other"), "{}", open.because);
}

#[test]
fn a_switch_that_keeps_patches_from_being_loaded_is_named() {
    let mut traces = systems::own();
    traces.installed = vec![installed(&["lp_1", "lp_2"])];
    let mut snapshot = with(&["lp_1"], traces);
    of(&mut snapshot.platform).command_line = Reading::Value(vec!["kpatch.enable=0".to_owned()]);
    let found = only(&snapshot);
    assert_eq!(found.code, "livepatch-not-loaded");
    assert!(found.because.contains("kpatch.enable=0 (proc/cmdline)"), "{}", found.because);
}

#[test]
fn a_level_that_a_later_one_replaced_is_not_missed() {
    let mut traces = systems::own();
    traces.installed = vec![installed(&["kpatch_6_1_0_1_2", "kpatch_6_1_0_1_3"])];
    assert_eq!(codes(&with(&["kpatch_6_1_0_1_3"], traces.clone())), [""; 0]);
    assert_eq!(codes(&with(&["kpatch_6_1_0_1_2"], traces)), ["livepatch-not-loaded"]);
}

#[test]
fn directories_that_could_not_be_listed_say_nothing() {
    let mut traces = systems::own();
    traces.installed[0].modules = crate::testing::denied("var/lib/kpatch");
    let snapshot = with(&["kpatch_6_1_0_1_2"], traces);
    assert!(!codes(&snapshot).contains(&"livepatch-not-installed"));
}

#[test]
fn the_empty_first_patch_protects_from_nothing_unless_a_later_one_does() {
    let found = only(&with(&["livepatch_1_1"], klp(&["livepatch_1_1"], None)));
    assert_eq!((found.code, found.verdict), ("livepatch-seed-only", Verdict::Watch));
    let both = klp(&["livepatch_1_1", "livepatch_2_1"], None);
    assert_eq!(codes(&with(&["livepatch_1_1", "livepatch_2_1"], both)), [""; 0]);
}

#[test]
fn more_than_three_layers_are_told() {
    let layers = |count: usize| {
        let names: Vec<String> = (1..=count).map(|n| format!("lp_{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut traces = systems::own();
        traces.installed = vec![installed(&names)];
        let mut snapshot = with(&names, traces);
        for patch in &mut of(&mut snapshot.livepatch).patches {
            patch.replace = Reading::Value(false);
        }
        snapshot
    };
    assert_eq!(codes(&layers(3)), [""; 0]);
    let found = only(&layers(4));
    assert_eq!(found.code, "livepatch-stacked");
    assert!(found.because.starts_with("4 live patches"), "{}", found.because);
}

#[test]
fn the_policy_moves_the_limits() {
    let told = |snapshot: &Snapshot, policy: &PatchPolicy| {
        let assessment = crate::assess(snapshot, &Accumulated::default(), None, None, policy);
        let told: Vec<String> = assessment.findings.into_iter().map(|f| f.because).collect();
        told.join("\n")
    };
    let ending = with(&["livepatch_9_1"], klp(&["livepatch_9_1"], Some(today() + 50)));
    let early = PatchPolicy { support_days: 60, ..PatchPolicy::default() };
    assert_eq!(told(&ending, &PatchPolicy::default()), "");
    assert!(told(&ending, &early).contains("in 50 days; the limit is 60 days"));
    let mut traces = systems::own();
    traces.installed = vec![installed(&["lp_1", "lp_2"])];
    let mut two = with(&["lp_1", "lp_2"], traces);
    for patch in &mut of(&mut two.livepatch).patches {
        patch.replace = Reading::Value(false);
    }
    let strict = PatchPolicy { layers: 1, ..PatchPolicy::default() };
    assert_eq!(told(&two, &PatchPolicy::default()), "");
    assert!(told(&two, &strict).contains("the limit is 1: lp_1 and lp_2"));
}

#[test]
fn words_of_canonicals_client_are_taken_at_their_word() {
    let said = |state: &str, supported: &str| {
        let mut traces = systems::none();
        traces.canonical = Some(canonical(state, supported));
        with(&["lkp_Ubuntu_6_1_0_56_60_amd64_113"], traces)
    };
    assert_eq!(codes(&said("applied", "supported")), [""; 0]);
    assert_eq!(codes(&said("nothing-to-apply", "supported")), [""; 0]);
    for (state, supported, code, verdict) in [
        ("kernel-upgrade-required", "supported", "livepatch-unpatchable", Verdict::Act),
        ("applied", "kernel-upgrade-required", "livepatch-unpatchable", Verdict::Act),
        ("applied", "kernel-end-of-life", "livepatch-support-ended", Verdict::Act),
        ("applied-with-bug", "supported", "livepatch-applied-with-bug", Verdict::Plan),
        ("apply-failed", "supported", "livepatch-failed", Verdict::Watch),
    ] {
        let found = only(&said(state, supported));
        assert_eq!((found.code, found.verdict), (code, verdict), "{state} {supported}");
        assert_eq!(found.subject, "canonical");
        assert_eq!(found.origin.unwrap().as_str(), "run/scrubjay/canonical-livepatch.json");
    }
}

#[test]
fn a_saved_status_that_the_kernel_contradicts_is_not_believed() {
    let mut traces = systems::none();
    traces.canonical = Some(canonical("applied", "supported"));
    let found = only(&with(&[], traces.clone()));
    assert_eq!((found.code, found.verdict), ("livepatch-claim-contradicted", Verdict::Unknown));
    assert!(found.because.contains("113.1 is applied"), "{}", found.because);
    let mut rebooted = with(&["lkp_Ubuntu_6_1_0_56_60_amd64_113"], traces);
    of(&mut rebooted.kernel).release = text("6.1.0-57-amd64");
    (rebooted.packages, rebooted.boot_images) = (None, None);
    let found = only(&rebooted);
    assert_eq!(found.code, "livepatch-claim-contradicted");
    assert!(found.because.contains("and 6.1.0-57-amd64 runs"), "{}", found.because);
}

#[test]
fn an_effective_kernel_holds_for_its_kernel_and_its_updates_alone() {
    let with_ksplice = |ksplice| {
        let mut traces = systems::none();
        traces.ksplice = Some(ksplice);
        with(&[], traces)
    };
    assert_eq!(codes(&with_ksplice(ksplice())), [""; 0]);
    let mut more = ksplice();
    more.updates.push(more.updates[0].clone());
    more.updates[1].name = "r9hrmw28".to_owned();
    let found = only(&with_ksplice(more));
    assert_eq!((found.code, found.verdict), ("livepatch-claim-contradicted", Verdict::Unknown));
    let mut other = with_ksplice(ksplice());
    of(&mut other.kernel).version = text("#2");
    (other.packages, other.boot_images) = (None, None);
    assert_eq!(codes(&other), ["livepatch-claim-contradicted"]);
    set(&mut other.kernel, crate::testing::absent("proc/sys/kernel/osrelease"));
    assert!(!codes(&other).contains(&"livepatch-claim-contradicted"), "not known is no claim");
}

#[test]
fn updates_that_were_not_applied_are_named_with_who_was_in_the_way() {
    let mut traces = systems::none();
    let mut failing = ksplice();
    failing.failed = Reading::Value(vec![FailedUpdate {
        name: Some("5r11iivt".to_owned()),
        abort: Some("code_busy".to_owned()),
        in_the_way: vec!["java".to_owned()],
    }]);
    traces.ksplice = Some(failing);
    let found = only(&with(&[], traces));
    assert_eq!(found.code, "livepatch-failed");
    assert!(found.because.ends_with("5r11iivt (code_busy, in the way: java)"), "{}", found.because);
}
