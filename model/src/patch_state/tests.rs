//! What a host's live-patching systems amount to.

use super::*;
use crate::TransitionAge;
use crate::{
    BootId, Kernel, KernelCare, KernelLog, Kgraft, Kpatch, LegacyPatch, Livepatch, LogCounts,
    LogMark, LogTransition, Origin, Patch, PatchModule, PatchObject, PolicySetting, Present,
    Section, SourceReport, Stamp, Uname,
};
use std::time::Duration;

pub(crate) const KERNEL: &str = "6.1.0-56-amd64";

pub(crate) fn set<T>(section: &mut Option<Section<T>>, value: T) {
    let report = SourceReport { took: Duration::ZERO, attributes: 1, faults: Vec::new() };
    *section = Some(Section { reading: Reading::Value(value), report });
}

fn gone<T>() -> Reading<T> {
    Reading::Absent(Origin::new("x"))
}

pub(crate) fn with_kernel() -> Kernel {
    Kernel {
        release: Reading::Value(KERNEL.to_owned()),
        version: Reading::Value("#1 SMP Tue Mar 5 12:00:00 UTC 2024".to_owned()),
        banner: gone(),
        version_signature: gone(),
        uname: Reading::Value(Uname {
            release: KERNEL.to_owned(),
            version: "#1".to_owned(),
            machine: "x86_64".to_owned(),
        }),
        modules_supported: Reading::Value(Present),
        modules_root: Reading::Value(Present),
        modules_directory: Reading::Value(Present),
    }
}

/// A host of which only the kernel's name is known, an hour after boot.
pub(crate) fn bare() -> Snapshot {
    let hour = Some(Duration::from_secs(3600));
    let at = Stamp { boot: BootId::unknown(), since_boot: hour, awake: hour, wall_ms: 0 };
    let mut snapshot = Snapshot::of_nothing(at);
    set(&mut snapshot.kernel, with_kernel());
    snapshot
}

pub(crate) fn none() -> LivepatchSystems {
    LivepatchSystems {
        kpatch: None,
        kgraft: None,
        ksplice: None,
        kernelcare: None,
        canonical: None,
        installed: Vec::new(),
        lifecycle: gone(),
        modules: None,
    }
}

/// A patch in force.
pub(crate) fn patch(name: &str) -> Patch {
    Patch {
        name: name.to_owned(),
        enabled: Reading::Value(true),
        transition: Reading::Value(false),
        replace: gone(),
        stack_order: gone(),
        objects: Reading::Value(vec![PatchObject {
            name: "vmlinux".to_owned(),
            patched: Reading::Value(true),
            loaded: None,
            functions: Reading::Value(Vec::new()),
        }]),
        module_taint: gone(),
    }
}

fn loaded(names: &[&str], traces: LivepatchSystems) -> Snapshot {
    let mut snapshot = bare();
    let patches = names.iter().map(|name| patch(name)).collect();
    set(&mut snapshot.livepatch, Livepatch { patches, blockers: None });
    set(&mut snapshot.livepatch_systems, traces);
    snapshot
}

fn only(snapshot: &Snapshot) -> PatchSystemView {
    let systems = snapshot.live_patches(&Transitions::new()).systems;
    let [view] = systems.as_slice() else { panic!("{systems:?}") };
    view.clone()
}

#[test]
fn a_host_without_traces_and_patches_has_no_system() {
    assert_eq!(bare().live_patches(&Transitions::new()).systems, []);
    assert_eq!(loaded(&[], none()).live_patches(&Transitions::new()).systems, []);
}

#[test]
fn a_system_that_could_not_be_read_is_not_called_idle() {
    let mut traces = none();
    traces.kpatch = Some(Kpatch { legacy: gone(), service: Reading::Value(Present) });
    assert_eq!(only(&loaded(&[], traces.clone())).state, PatchState::NothingApplied);
    let mut unread = loaded(&[], traces.clone());
    unread.livepatch = None;
    assert_eq!(only(&unread).state, PatchState::NotKnown);
    let fault = crate::ReadFault::Denied;
    let denied = Reading::Unreadable(Origin::new("sys/kernel/kpatch"), fault);
    traces.kpatch = Some(Kpatch { legacy: denied, service: gone() });
    assert_eq!(only(&loaded(&[], traces)).state, PatchState::NotKnown);
}

#[test]
fn kpatchs_own_old_core_counts() {
    let legacy = |enabled| {
        let mut traces = none();
        let patch = LegacyPatch { name: "kpatch_x".to_owned(), enabled };
        let legacy = Reading::Value(vec![patch]);
        traces.kpatch = Some(Kpatch { legacy, service: gone() });
        only(&loaded(&[], traces)).state
    };
    assert_eq!(legacy(Reading::Value(true)), PatchState::Patched);
    assert_eq!(legacy(Reading::Value(false)), PatchState::NotInForce);
    assert_eq!(legacy(gone()), PatchState::NotKnown);
}

#[test]
fn kgraft_in_progress_is_in_transition() {
    let mut traces = none();
    let kgraft = |in_progress| Kgraft {
        in_progress,
        patches: Reading::Value(vec!["kgraft_patch_2".to_owned()]),
        blockers: None,
    };
    for (in_progress, state) in [
        (Reading::Value(true), PatchState::InTransition),
        (Reading::Value(false), PatchState::Patched),
        (gone(), PatchState::NotKnown),
    ] {
        traces.kgraft = Some(kgraft(in_progress));
        assert_eq!(only(&loaded(&[], traces.clone())).state, state);
    }
}

#[test]
fn kernelcare_says_what_holds_patches_back() {
    let setting =
        |name: &str, value: &str| PolicySetting { name: name.to_owned(), value: value.to_owned() };
    let mut traces = none();
    traces.kernelcare = Some(KernelCare {
        loaded: Reading::Value(Present),
        effective_version: Reading::Value("5.8.0-63".to_owned()),
        cves: Reading::Value(vec![CveId::parse("CVE-2024-26581").unwrap()]),
        userspace_cves: gone(),
        policy: Reading::Value(vec![
            setting("AUTO_UPDATE", "no"),
            setting("STICKY_PATCH", ""),
            setting("PREFIX", "48h"),
        ]),
    });
    let view = only(&loaded(&[], traces));
    assert_eq!(view.effective_kernel.as_deref(), Some("5.8.0-63"));
    assert_eq!(view.cves.map(|cves| cves.len()), Some(1));
    assert_eq!(
        view.held_back,
        [
            "AUTO_UPDATE=no (patches are applied by hand only)",
            "PREFIX=48h (another feed than the prompt one)",
        ]
    );
}

#[test]
fn an_empty_patch_below_one_with_fixes_is_as_it_should_be() {
    let state = |names: &[&str]| only(&loaded(names, none())).state;
    assert_eq!(state(&["livepatch_1_1"]), PatchState::SeedOnly);
    assert_eq!(state(&["livepatch_1_1", "livepatch_2_1"]), PatchState::Patched);
}

#[test]
fn the_level_is_that_of_the_latest_patch_whatever_its_place_in_the_list() {
    let level = |names: &[&str]| only(&loaded(names, none())).level;
    assert_eq!(level(&["livepatch_10_1", "livepatch_9_1"]).as_deref(), Some("10-1"));
    assert_eq!(level(&["livepatch_9_1", "livepatch_10_1"]).as_deref(), Some("10-1"));
    assert_eq!(level(&["lp"]), None);
}

#[test]
fn modules_that_are_no_patches_any_more_are_inert() {
    let mut traces = none();
    let module = |name: &str| PatchModule { name: name.to_owned(), taint: "OK".to_owned() };
    traces.modules = Some(Reading::Value(vec![module("lp_1"), module("lp_2")]));
    let snapshot = loaded(&["lp_2"], traces);
    assert_eq!(snapshot.inert_patch_modules(), ["lp_1"]);
    let mut unread = snapshot;
    unread.livepatch = None;
    assert!(unread.inert_patch_modules().is_empty(), "which are in use is not known");
}

fn with_log(change: impl FnOnce(&mut KernelLog)) -> Option<TransitionAge> {
    seen_with_log(&Transitions::new(), change)
}

fn seen_with_log(seen: &Transitions, change: impl FnOnce(&mut KernelLog)) -> Option<TransitionAge> {
    let mut snapshot = bare();
    let mark = |sequence, seconds| LogMark {
        sequence: Some(sequence),
        awake: Some(Duration::from_secs(seconds)),
    };
    let mut log = KernelLog {
        oldest: Some(mark(9, 600)),
        newest: Some(mark(20, 3000)),
        records: 12,
        lost: 0,
        cut: false,
        forced: Vec::new(),
        transition: None,
        transition_ended: false,
        ecc_disabled: Vec::new(),
        cec_initialized: false,
        cmci_storms: 0,
        told: LogCounts::NONE,
    };
    change(&mut log);
    set(&mut snapshot.kernel_log, log);
    snapshot.transition_age("lp", seen)
}

#[test]
fn a_transition_is_as_old_as_the_log_says_or_older_than_the_log() {
    let begun =
        |patch: &str| LogTransition { patch: patch.to_owned(), awake: Duration::from_secs(3500) };
    let age =
        |seconds, at_least| Some(TransitionAge { age: Duration::from_secs(seconds), at_least });
    assert_eq!(with_log(|log| log.transition = Some(begun("lp"))), age(100, false));
    assert_eq!(with_log(|_| ()), age(3000, true));
    assert_eq!(with_log(|log| log.transition = Some(begun("other"))), None);
    assert_eq!(with_log(|log| log.transition_ended = true), None);
    assert_eq!(with_log(|log| log.lost = 1), None);
    assert_eq!(with_log(|log| log.cut = true), None);
    assert_eq!(with_log(|log| log.oldest = None), None);
    assert_eq!(bare().transition_age("lp", &Transitions::new()), None);
}

#[test]
fn where_the_log_does_not_tell_a_transition_is_as_old_as_it_was_seen() {
    let seen = |seconds: u64| Transitions::from([("lp".to_owned(), Duration::from_secs(seconds))]);
    let age =
        |seconds, at_least| Some(TransitionAge { age: Duration::from_secs(seconds), at_least });
    assert_eq!(seen_with_log(&seen(1600), |log| log.cut = true), age(2000, true));
    // Whichever tells of more, unless the log tells of the beginning itself.
    assert_eq!(seen_with_log(&seen(1600), |_| ()), age(3000, true));
    assert_eq!(seen_with_log(&seen(100), |_| ()), age(3500, true));
    let begun = LogTransition { patch: "lp".to_owned(), awake: Duration::from_secs(3500) };
    assert_eq!(seen_with_log(&seen(100), |log| log.transition = Some(begun)), age(100, false));
    // Of another patch, or by a clock that does not go that way.
    let other = Transitions::from([("other".to_owned(), Duration::ZERO)]);
    assert_eq!(seen_with_log(&other, |log| log.cut = true), None);
    assert_eq!(seen_with_log(&seen(9999), |log| log.cut = true), None);
    assert_eq!(seen_with_log(&seen(3600), |log| log.cut = true), None, "first seen now");
}

#[test]
fn words_of_states_are_distinct() {
    let words: BTreeSet<&str> = PatchState::ALL.into_iter().map(PatchState::as_str).collect();
    assert_eq!(words.len(), PatchState::ALL.len());
}
