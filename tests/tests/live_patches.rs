//! Hosts with live patches, from their files to the verdict: each system patched, in transition,
//! stalled, out of support and absent, as far as the system has these.

use scrubjay_alerts::{PatchPolicy, assess};
use scrubjay_collector::{Collector, HostRoot, Options, Tree};
use scrubjay_model::{
    Accumulated, Clocks, Finding, PatchState, PatchSystem, PatchSystemView, Snapshot, Transitions,
    Verdict,
};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// 2026-11-23, eleven days after boot.
const FACTS: &str = "\
//! scrubjay host tree 1
//- .scrubjay/facts
realtime_ms 1795429628000
boottime_ns 1000000000000000
monotonic_ns 1000000000000000
uname_release RELEASE
uname_version VERSION
uname_machine x86_64
//- proc/sys/kernel/osrelease
RELEASE
//- proc/sys/kernel/version
VERSION
//- proc/version
Linux version RELEASE
//- proc/sys/kernel/tainted
32768
//- dir lib/modules/RELEASE
//- proc/modules
ext4 1 0 - Live 0x0
//- proc/2/task/2/comm
kthreadd
//- proc/2/task/2/patch_state
-1
";

/// Kernels of each vendor, with the day they were made.
const RED_HAT: (&str, &str) = ("4.18.0-305.el8.x86_64", "#1 SMP Tue Sep 1 10:00:00 UTC 2026");
const SLES_12: (&str, &str) = ("3.12.32-33-default", "#1 SMP Thu Nov 6 10:00:00 UTC 2014");
const SLES_15: (&str, &str) =
    ("6.4.0-150600.21-default", "#1 SMP PREEMPT_DYNAMIC Thu May 16 11:09:22 UTC 2024");
const UBUNTU: (&str, &str) = ("6.8.0-1047-aws", "#50-Ubuntu SMP Mon Nov 2 10:00:00 UTC 2026");
const AMAZON: (&str, &str) =
    ("6.1.10-15.42.amzn2023.x86_64", "#1 SMP PREEMPT_DYNAMIC Mon Nov 2 10:00:00 UTC 2026");

fn read((release, version): (&str, &str), parts: &[&str]) -> Snapshot {
    let text = FACTS.to_owned() + &parts.concat();
    let text = text.replace("RELEASE", release).replace("VERSION", version);
    let clocks = Clocks { realtime_ms: 0, boottime: None, monotonic: None };
    let host = HostRoot::from_tree(Tree::parse(&text).unwrap(), Arc::new(move || clocks));
    let options = Options { deadline: Duration::from_secs(60), disabled: BTreeSet::new() };
    Collector::new(Arc::new(host), options).snapshot()
}

/// What is said of live patches, the worst first.
fn told(snapshot: &Snapshot) -> Vec<Finding> {
    let assessment = assess(snapshot, &Accumulated::default(), None, None, &PatchPolicy::default());
    let about = |finding: &Finding| finding.code.starts_with("livepatch-");
    assessment.findings.into_iter().filter(about).collect()
}

fn view(snapshot: &Snapshot, system: PatchSystem) -> Option<PatchSystemView> {
    snapshot
        .live_patches(&Transitions::new())
        .systems
        .into_iter()
        .find(|view| view.system == system)
}

/// That a host has exactly that system in that state, and that just these findings come of it.
fn expect(
    snapshot: &Snapshot,
    system: PatchSystem,
    state: PatchState,
    codes: &[&str],
) -> PatchSystemView {
    let found = view(snapshot, system).unwrap_or_else(|| panic!("no {system:?}"));
    let all: Vec<PatchSystem> =
        snapshot.live_patches(&Transitions::new()).systems.iter().map(|view| view.system).collect();
    assert_eq!(all, [system]);
    assert_eq!(found.state, state, "{found:#?}");
    let findings = told(snapshot);
    let said: Vec<&str> = findings.iter().map(|finding| finding.code).collect();
    assert_eq!(said, codes, "{findings:#?}");
    found
}

/// A patch in the kernel's own core.
fn core(name: &str, transition: bool) -> String {
    let transition = u8::from(transition);
    format!(
        "//- sys/kernel/livepatch/{name}/enabled\n1\n\
         //- sys/kernel/livepatch/{name}/transition\n{transition}\n\
         //- sys/kernel/livepatch/{name}/replace\n1\n\
         //- sys/kernel/livepatch/{name}/vmlinux/patched\n1\n\
         //- dir sys/kernel/livepatch/{name}/vmlinux/tcp_v4_rcv,1\n\
         //- sys/module/{name}/taint\nOK\n"
    )
}

/// A log in which a transition began that many seconds ago.
fn begun(name: &str, seconds: u64) -> String {
    let micros = (1_000_000 - seconds) * 1_000_000;
    format!(
        "//- dev/kmsg\n5,0,0,-;Linux version\n5,1,{micros},-;livepatch: enabling patch '{name}'\n\
         5,2,{micros},-;livepatch: '{name}': starting patching transition\n"
    )
}

/// The same patch in force, in transition for 30 seconds, for 20 minutes, and for two days.
fn through_a_transition(
    kernel: (&str, &str),
    system: PatchSystem,
    name: &str,
    others: &str,
) -> PatchSystemView {
    let moving = |seconds| read(kernel, &[&core(name, true), &begun(name, seconds), others]);
    let transition = ["livepatch-transition"];
    expect(&moving(30), system, PatchState::InTransition, &transition);
    let stalled = moving(1200);
    expect(&stalled, system, PatchState::Stalled, &["livepatch-stalled"]);
    let because = &told(&stalled)[0].because;
    assert!(because.contains("has taken 20 min so far; the limit is 1 min 15 s"), "{because}");
    let stuck = moving(172_800);
    expect(&stuck, system, PatchState::Stalled, &["livepatch-stuck"]);
    assert_eq!(told(&stuck)[0].verdict, Verdict::Plan);
    for moving in [stalled, stuck] {
        assert!(
            moving.live_patches(&Transitions::new()).cover.covered().is_empty(),
            "it is not in force"
        );
    }
    expect(&read(kernel, &[&core(name, false), others]), system, PatchState::Patched, &[])
}

const KPATCH: &str = "kpatch_4_18_0_305_1_3";

#[test]
fn kpatch_patched_in_transition_stalled_out_of_support_and_absent() {
    let installed = "//- noeol var/lib/kpatch/RELEASE/kpatch-4_18_0_305-1-3.ko\n";
    let found = through_a_transition(RED_HAT, PatchSystem::Kpatch, KPATCH, installed);
    assert_eq!(found.level.as_deref(), Some("1-3"));
    assert_eq!(found.cves, None, "the changelog of its package would tell");
    assert_eq!(found.support_end.unwrap().date, "2027-09-02");
    let old = (RED_HAT.0, "#1 SMP Tue Sep 2 10:00:00 UTC 2025");
    let ended = read(old, &[&core(KPATCH, false), installed]);
    expect(&ended, PatchSystem::Kpatch, PatchState::Patched, &["livepatch-support-ending"]);
    assert_eq!(told(&ended)[0].verdict, Verdict::Plan, "a reckoned day is never act");
    assert_eq!(read(RED_HAT, &[]).live_patches(&Transitions::new()).systems, []);
}

#[test]
fn kpatch_loaded_for_now_alone_or_for_the_next_boot_alone() {
    let lost = read(RED_HAT, &[&core(KPATCH, false), "//- dir var/lib/kpatch\n"]);
    let view =
        expect(&lost, PatchSystem::Kpatch, PatchState::Patched, &["livepatch-not-installed"]);
    assert_eq!(view.lost_at_reboot, [KPATCH]);
    let only_boot = "//- dir sys/kernel/livepatch\n//- noeol usr/lib/kpatch/RELEASE/kpatch-x.ko\n\
                     //- proc/cmdline\nro kpatch.enable=0\n";
    let open = read(RED_HAT, &[only_boot]);
    let codes = ["livepatch-not-loaded"];
    let view = expect(&open, PatchSystem::Kpatch, PatchState::NothingApplied, &codes);
    assert_eq!(view.not_loaded, ["kpatch_x"]);
    assert!(told(&open)[0].because.contains("kpatch.enable=0"), "{:?}", told(&open));
}

const KGRAFT: &str =
    "//- sys/kernel/kgraft/in_progress\n0\n//- dir sys/kernel/kgraft/kgraft_patch_2\n";
const ENDS: &str = "//- var/lib/lifecycle/data/sle-live-patching.lifecycle\n# name,version,end\n\
                    kgraft-patch-3_12_32-33-default,*,2026-12-31\n\
                    kernel-livepatch-6_4_0-150600_21-default,*,2026-12-31\n";

#[test]
fn kgraft_patched_in_transition_out_of_support_and_absent() {
    let system = PatchSystem::Kgraft;
    let patched = expect(&read(SLES_12, &[KGRAFT, ENDS]), system, PatchState::Patched, &[]);
    assert_eq!(patched.support_end.unwrap().date, "2026-12-31");
    let moving = KGRAFT.replace("in_progress\n0", "in_progress\n1");
    let blocked = "//- proc/70/kgr_in_progress\n1\n//- proc/70/comm\njava\n";
    let moving = read(SLES_12, &[&moving, blocked, ENDS]);
    // kGraft says neither which patch it is nor since when, so it is never called stalled.
    expect(&moving, system, PatchState::InTransition, &["livepatch-transition"]);
    assert!(told(&moving)[0].because.ends_with("java (pid 70)"));
    let ended = read(SLES_12, &[KGRAFT, &ENDS.replace("2026-12-31", "2026-11-22")]);
    expect(&ended, system, PatchState::Patched, &["livepatch-support-ended"]);
    assert_eq!(told(&ended)[0].verdict, Verdict::Act);
    assert_eq!(view(&read(SLES_12, &[ENDS]), system), None);
}

#[test]
fn klp_patched_in_transition_stalled_out_of_support_empty_and_absent() {
    let system = PatchSystem::Klp;
    let installed = "//- noeol lib/modules/RELEASE/livepatch/livepatch-9_1.ko\n";
    let others = format!("{installed}{ENDS}");
    let found = through_a_transition(SLES_15, system, "livepatch_9_1", &others);
    assert_eq!(found.level.as_deref(), Some("9-1"));
    let ending = ENDS.replace("2026-12-31", "2026-12-23");
    let ending = read(SLES_15, &[&core("livepatch_9_1", false), installed, &ending]);
    expect(&ending, system, PatchState::Patched, &["livepatch-support-ending"]);
    let ended = ENDS.replace("2026-12-31", "2026-11-22");
    let ended = read(SLES_15, &[&core("livepatch_9_1", false), installed, &ended]);
    expect(&ended, system, PatchState::Patched, &["livepatch-support-ended"]);
    let first = "//- noeol lib/modules/RELEASE/livepatch/livepatch-1_1.ko\n";
    let seed = read(SLES_15, &[&core("livepatch_1_1", false), first]);
    expect(&seed, system, PatchState::SeedOnly, &["livepatch-seed-only"]);
    let cover = seed.live_patches(&Transitions::new()).cover;
    assert!(cover.covered().is_empty() && !cover.is_lower_bound(), "it is known to fix nothing");
    assert_eq!(view(&read(SLES_15, &[ENDS]), system), None);
}

const KSPLICE: &str = "\
//- sys/kernel/ksplice/cp9dzcbl/stage
applied
//- var/lib/uptrack/effective_kernel
EffectiveKernel:
  Architecture: x86_64
  PackageVersion: 6.8.0-1060.70
  Release: 6.8.0-1060-aws
  Sysname: Linux
  Version: '#70-Ubuntu SMP'
Installed:
- cp9dzcbl
OriginalKernel:
  Architecture: x86_64
  Release: RELEASE
  Sysname: Linux
  Version: 'VERSION'
//- var/cache/uptrack/Linux/x86_64/RELEASE/v/status
Updates:
  Installed:
  - ID: cp9dzcbl
    Name: 'CVE-2024-26581: use-after-free.'
";

#[test]
fn ksplice_patched_failed_contradicted_and_absent() {
    let system = PatchSystem::Ksplice;
    let patched = read(UBUNTU, &[KSPLICE]);
    let found = expect(&patched, system, PatchState::Patched, &[]);
    assert_eq!(found.effective_kernel.as_deref(), Some("6.8.0-1060.70"));
    assert_eq!(patched.live_patches(&Transitions::new()).cover.covered().len(), 1);
    let results = "//- var/cache/uptrack/Linux/x86_64/RELEASE/v/results\nResult:\n  Failed:\n\
                   \x20 - ID: 5r11iivt\n    Abort: code_busy\n    Stack Check:\n    - java\n";
    let failed = read(UBUNTU, &[KSPLICE, results]);
    expect(&failed, system, PatchState::Failed, &["livepatch-failed"]);
    let another = "//- sys/kernel/ksplice/r9hrmw28/stage\napplied\n";
    let contradicted = read(UBUNTU, &[KSPLICE, another]);
    let codes = ["livepatch-claim-contradicted"];
    let found = expect(&contradicted, system, PatchState::Patched, &codes);
    assert_eq!((found.effective_kernel, found.cves), (None, None));
    assert!(contradicted.live_patches(&Transitions::new()).cover.is_lower_bound());
    assert_eq!(view(&read(UBUNTU, &[]), system), None);
}

#[test]
fn kernelcare_patched_not_loaded_and_absent() {
    let system = PatchSystem::Kernelcare;
    let conf = "//- etc/sysconfig/kcare/kcare.conf\nAUTO_UPDATE=True\nSTICKY_PATCH=K20260101\n";
    let proc = "//- proc/kcare/effective_version\n5.8.0-63.7120.04.1\n\
                //- proc/kcare/cvelist\nCVE-2024-26581\nCVE-2024-0001\n";
    let patched = read(UBUNTU, &[proc, conf]);
    let found = expect(&patched, system, PatchState::Patched, &[]);
    assert_eq!(patched.live_patches(&Transitions::new()).cover.covered().len(), 2);
    assert_eq!(found.held_back, ["STICKY_PATCH=K20260101 (the level is frozen)"]);
    expect(&read(UBUNTU, &[conf]), system, PatchState::NothingApplied, &[]);
    let unlisted = read(UBUNTU, &["//- proc/kcare/effective_version\n5.8.0-63.7120.04.1\n"]);
    assert!(
        unlisted.live_patches(&Transitions::new()).cover.is_lower_bound(),
        "no list is no empty list"
    );
    assert_eq!(view(&read(UBUNTU, &[]), system), None);
}

const LKP: &str = "lkp_Ubuntu_6_8_0_1047_50_aws_121";

fn status(state: &str, supported: &str) -> String {
    format!(
        "//- run/scrubjay/canonical-livepatch.json\n{{\"Machine-Id\":\"x\",\"Status\":[{{\"Kernel\":\
         \"6.8.0-1047.50-aws\",\"Running\":true,\"Livepatch\":{{\"State\":\"{state}\",\"Version\":\
         \"121.1\",\"Fixes\":[{{\"Name\":\"cve-2024-26581\",\"Patched\":true}}]}},\"Supported\":\
         \"{supported}\"}}]}}\n"
    )
}

#[test]
fn canonical_patched_in_transition_stalled_out_of_support_and_absent() {
    let system = PatchSystem::Canonical;
    let others =
        format!("{}//- dir var/snap/canonical-livepatch\n", status("applied", "supported"));
    let found = through_a_transition(UBUNTU, system, LKP, &others);
    assert_eq!(found.level.as_deref(), Some("121.1"));
    assert_eq!(found.cves.map(|cves| cves.len()), Some(1));
    for (state, supported, is, code) in [
        ("applied", "kernel-end-of-life", PatchState::Patched, "livepatch-support-ended"),
        ("applied", "kernel-upgrade-required", PatchState::Unpatchable, "livepatch-unpatchable"),
        ("applied-with-bug", "supported", PatchState::AppliedWithBug, "livepatch-applied-with-bug"),
        ("apply-failed", "supported", PatchState::Failed, "livepatch-failed"),
    ] {
        let said = read(UBUNTU, &[&core(LKP, false), &status(state, supported)]);
        expect(&said, system, is, &[code]);
    }
    let stale = read(UBUNTU, &["//- dir sys/kernel/livepatch\n", &status("applied", "supported")]);
    expect(&stale, system, PatchState::NothingApplied, &["livepatch-claim-contradicted"]);
    assert_eq!(view(&read(UBUNTU, &[]), system), None);
}

#[test]
fn amazon_patched_in_transition_stalled_out_of_support_and_absent() {
    let system = PatchSystem::Amazon;
    let installed = "//- noeol var/lib/kpatch/RELEASE/livepatch-CVE_2019_20096.ko\n";
    let name = "livepatch_CVE_2019_20096";
    let found = through_a_transition(AMAZON, system, name, installed);
    assert_eq!(found.cves, None, "the name is a hint and no list");
    assert_eq!(found.support_end.unwrap().date, "2027-02-02");
    let old = (AMAZON.0, "#1 SMP PREEMPT_DYNAMIC Mon Jun 1 10:00:00 UTC 2026");
    let ended = read(old, &[&core(name, false), installed]);
    expect(&ended, system, PatchState::Patched, &["livepatch-support-ending"]);
    let because = &told(&ended)[0].because;
    assert!(because.contains("usual window ended about 2026-09-01, 83 days ago"), "{because}");
    assert_eq!(view(&read(AMAZON, &[]), system), None);
}

#[test]
fn what_cannot_be_read_is_neither_patched_nor_idle() {
    let unread = "//- errno=EACCES sys/kernel/livepatch\n//- dir var/lib/kpatch\n";
    let snapshot = read(RED_HAT, &[unread]);
    expect(&snapshot, PatchSystem::Kpatch, PatchState::NotKnown, &[]);
    let assessment =
        assess(&snapshot, &Accumulated::default(), None, None, &PatchPolicy::default());
    assert!(assessment.findings.iter().any(|finding| finding.code == "source-unreadable"));
}
