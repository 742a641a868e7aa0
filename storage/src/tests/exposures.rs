//! Vulnerabilities owed over time, and reasons for a reboot: what opens a row, and what ends it.

use super::support::{Host, INTERVAL, append, directory, start};
use crate::{History, HistoryReader};
use scrubjay_model::{
    Action, Assessment, Coverage, CoverageState, CveId, DebVersion, ExposureRecord,
    ExposureTurnKind, Finding, Fix, FixState, KernelDebt, KernelRelation, KernelState, MissingFix,
    NextKernel, Origin, PackageVersion, PatchTruth, Reading, RebootHelps, RunningKernel, Verdict,
};

fn version(text: &str) -> PackageVersion {
    PackageVersion::Deb(DebVersion::parse(text).unwrap())
}

fn missing(cve: &str, state: FixState) -> MissingFix {
    MissingFix {
        fix: Fix {
            cve: CveId::parse(cve).unwrap(),
            version: version("6.1.192-2"),
            released_unix_s: Some(1_000),
        },
        installed_unix_s: Some(2_000),
        state,
        rank: None,
    }
}

/// An assessment of a host that runs a version and owes something.
fn assessment(runs: &str, debt: Reading<Vec<MissingFix>>, reasons: Vec<Finding>) -> Assessment {
    let running = RunningKernel {
        release: "6.1.0-55-amd64".to_owned(),
        version: None,
        package_version: Some(version(runs)),
        family: "amd64".to_owned(),
        installed: None,
    };
    let kernel = KernelState {
        running: Some(running),
        newest: None,
        relation: KernelRelation::Behind,
        because: String::new(),
        next: NextKernel::Newest,
        next_release: None,
        next_chosen: None,
        reboot_helps: RebootHelps::Yes,
    };
    let debt = debt.map(|missing| KernelDebt {
        missing,
        is_lower_bound: false,
        partial_because: None,
        live_patch_only: Vec::new(),
    });
    let full = CoverageState::Full;
    let assessment = Assessment::new(Coverage::new(full, full, Vec::new()), reasons);
    Assessment { patches: Some(PatchTruth { kernel, debt }), ..assessment }
}

pub(super) fn behind(reboot_helps: RebootHelps) -> Finding {
    Finding {
        code: "kernel-behind",
        verdict: Verdict::Plan,
        subject: "host".to_owned(),
        because: "b".to_owned(),
        action: Action::RebootIntoNewerKernel,
        remedy: "r".to_owned(),
        reboot_helps,
        origin: None,
        hides: &[],
        count: None,
    }
}

pub(super) fn pass(history: &mut History, host: &mut Host, assessment: &Assessment) {
    host.pass(INTERVAL);
    append(history, host);
    history.note(&host.at(), assessment).unwrap();
}

/// A host with the kernel that fixes all of them.
pub(super) fn debt_free() -> Assessment {
    assessment("6.1.192-2", owed(&[]), vec![])
}

/// A host that owes these.
pub(super) fn debt(cves: &[&str]) -> Assessment {
    let owes: Vec<(&str, FixState)> = cves.iter().map(|cve| (*cve, FixState::Debt)).collect();
    assessment("6.1.190-1", owed(&owes), vec![])
}

fn owed(states: &[(&str, FixState)]) -> Reading<Vec<MissingFix>> {
    Reading::Value(states.iter().map(|(cve, state)| missing(cve, state.clone())).collect())
}

const A: &str = "CVE-2026-0001";
const B: &str = "CVE-2026-0002";

fn turns(exposure: &ExposureRecord) -> Vec<(ExposureTurnKind, &str)> {
    exposure.turns.iter().map(|turn| (turn.what, turn.by.as_str())).collect()
}

#[test]
fn an_exposure_ends_with_a_boot_or_a_live_patch_and_with_nothing_else() {
    use ExposureTurnKind::{Closed, Mitigated, Unmitigated};
    let dir = directory();
    let mut host = Host::new();
    let mut history = start(dir.path(), &host.at());
    let debt = FixState::Debt;
    let by = || FixState::Mitigated("lp_1".to_owned());
    let old = "6.1.190-1";
    pass(
        &mut history,
        &mut host,
        &assessment(old, owed(&[(A, debt.clone()), (B, debt.clone())]), vec![]),
    );
    pass(&mut history, &mut host, &assessment(old, owed(&[(A, by()), (B, debt.clone())]), vec![]));
    // A changelog that is gone, or says less, ends nothing.
    let gone = Reading::Absent(Origin::new("usr/share/doc"));
    pass(&mut history, &mut host, &assessment(old, gone, vec![]));
    pass(&mut history, &mut host, &assessment(old, owed(&[]), vec![]));
    pass(&mut history, &mut host, &assessment(old, owed(&[(A, debt.clone()), (B, debt)]), vec![]));
    drop(history);

    // The next run of the agent goes on where this one ended.
    let mut history = start(dir.path(), &host.at());
    host.reboot(2);
    pass(&mut history, &mut host, &assessment("6.1.192-2", owed(&[]), vec![]));
    pass(&mut history, &mut host, &assessment("6.1.192-2", owed(&[]), vec![]));
    drop(history);

    let exposures = HistoryReader::open(dir.path()).unwrap().unwrap().exposures().unwrap();
    let named: Vec<String> = exposures.iter().map(|e| e.cve.to_string()).collect();
    assert_eq!(named, [A, B]);
    assert_eq!(
        turns(&exposures[0]),
        [(Mitigated, "lp_1"), (Unmitigated, "lp_1"), (Closed, "6.1.192-2")]
    );
    assert_eq!(turns(&exposures[1]), [(Closed, "6.1.192-2")]);
    assert_eq!(exposures[0].fix_version, version("6.1.192-2"));
    assert_eq!(
        (exposures[0].released_unix_s, exposures[0].installed_unix_s),
        (Some(1_000), Some(2_000))
    );
    // It ended when the boot began, not when the agent first looked at it.
    assert_eq!(exposures[1].ended_wall_ms(), exposures[0].ended_wall_ms());
    assert!(exposures[1].ended_wall_ms() > Some(exposures[1].first_wall_ms));
}

#[test]
fn an_older_kernel_that_is_booted_again_owes_anew() {
    let dir = directory();
    let mut host = Host::new();
    let mut history = start(dir.path(), &host.at());
    let owes = || owed(&[(A, FixState::Debt)]);
    pass(&mut history, &mut host, &assessment("6.1.190-1", owes(), vec![]));
    host.reboot(3);
    pass(&mut history, &mut host, &assessment("6.1.192-2", owed(&[]), vec![]));
    host.reboot(4);
    pass(&mut history, &mut host, &assessment("6.1.190-1", owes(), vec![]));
    drop(history);
    let exposures = HistoryReader::open(dir.path()).unwrap().unwrap().exposures().unwrap();
    assert_eq!(exposures.len(), 2);
    assert!(exposures[0].ended_wall_ms().is_some() && exposures[1].ended_wall_ms().is_none());
}

#[test]
fn a_reboot_is_asked_for_since_the_earliest_reason_that_holds_in_this_boot() {
    let dir = directory();
    let mut host = Host::new();
    let mut history = start(dir.path(), &host.at());
    let with = |reasons| assessment("6.1.190-1", owed(&[]), reasons);
    let need = |history: &History, host: &Host| history.summary(&host.at()).unwrap().reboot_needed;
    pass(&mut history, &mut host, &with(vec![]));
    assert_eq!(need(&history, &host), None);
    pass(&mut history, &mut host, &with(vec![behind(RebootHelps::Yes)]));
    let first = host.at().wall_ms;
    let died = Finding { code: "kernel-died", ..behind(RebootHelps::Yes) };
    pass(&mut history, &mut host, &with(vec![behind(RebootHelps::Yes), died.clone()]));
    let found = need(&history, &host).unwrap();
    assert_eq!(found.since_wall_ms, first);
    assert_eq!(found.reasons.len(), 2);
    // The older reason ends by itself: the younger one counts from its own time.
    pass(&mut history, &mut host, &with(vec![died.clone()]));
    assert!(need(&history, &host).unwrap().since_wall_ms > first);
    // One that a reboot would not help against is none.
    pass(&mut history, &mut host, &with(vec![behind(RebootHelps::No)]));
    assert_eq!(need(&history, &host), None);
    // A reason that a reboot did not end counts from that boot.
    pass(&mut history, &mut host, &with(vec![died.clone()]));
    let before = need(&history, &host).unwrap().since_wall_ms;
    host.reboot(5);
    pass(&mut history, &mut host, &with(vec![died]));
    assert!(need(&history, &host).unwrap().since_wall_ms > before);
}

#[test]
fn a_conclusion_that_stays_writes_nothing() {
    let dir = directory();
    let mut host = Host::new();
    let mut history = start(dir.path(), &host.at());
    let same =
        assessment("6.1.190-1", owed(&[(A, FixState::Debt)]), vec![behind(RebootHelps::Yes)]);
    pass(&mut history, &mut host, &same);
    let writes = history.stats().writes;
    for _ in 0..5 {
        pass(&mut history, &mut host, &same);
    }
    assert_eq!(history.stats().writes, writes);
    let reader = HistoryReader::open(dir.path()).unwrap().unwrap();
    let facts = reader.facts(&["reboot.", "kernel.relation", "verdict"]).unwrap();
    let told: Vec<(&str, &str, Option<&str>)> = facts
        .iter()
        .map(|fact| (fact.name.as_str(), fact.subject.as_str(), fact.value.as_deref()))
        .collect();
    assert_eq!(
        told,
        [
            ("kernel.relation", "", Some("behind")),
            ("reboot.reason", "kernel-behind", Some("plan")),
            ("verdict", "", Some("plan"))
        ]
    );
}

#[test]
fn an_exposure_tells_that_the_clock_was_set_while_it_lasted() {
    let dir = directory();
    let mut host = Host::new();
    let mut history = start(dir.path(), &host.at());
    let owes = || assessment("6.1.190-1", owed(&[(A, FixState::Debt)]), vec![]);
    pass(&mut history, &mut host, &owes());
    host.wall_ms += 86_400_000;
    pass(&mut history, &mut host, &owes());
    drop(history);
    let exposures = HistoryReader::open(dir.path()).unwrap().unwrap().exposures().unwrap();
    assert_eq!(exposures[0].clock_adjusted_ms, Some(86_400_000));
}
