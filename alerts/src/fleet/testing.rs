//! Fleets for tests: by hand and at random.

use proptest::prelude::*;
use scrubjay_model::{
    Action, CoverageState, Fleet, FleetAck, FleetFinding, FleetHost, FleetStick, Reason,
    RebootAnswer, Verdict,
};

/// 2026-11-24T06:02:00Z.
pub(super) const NOW_MS: i64 = 1_795_500_120_000;
pub(super) const HOUR_MS: i64 = 3_600_000;

/// A host that is well, and of which all is seen.
pub(super) fn well(name: &str) -> FleetHost {
    FleetHost {
        name: name.to_owned(),
        verdict: Some(Verdict::Ok),
        last_seen_ms: Some(NOW_MS - 20_000),
        answers: Some(true),
        correctable: Some(CoverageState::Full),
        uncorrectable: Some(CoverageState::Full),
        reboot: Some(RebootAnswer::No),
        boot_ms: Some(NOW_MS - 900 * 24 * HOUR_MS),
        cves_owed: Some(0),
        cves_mitigated: Some(0),
        cves_in_flight: Some(0),
        exposed_s: Some(0),
        ..FleetHost::default()
    }
}

pub(super) fn finding(verdict: Verdict, code: &str, subject: &str, action: Action) -> FleetFinding {
    FleetFinding {
        verdict,
        code: code.to_owned(),
        subject: subject.to_owned(),
        action: action.as_str().to_owned(),
    }
}

/// One that is to be rebooted.
pub(super) fn to_reboot(name: &str) -> FleetHost {
    let code = "kernel-behind";
    FleetHost {
        verdict: Some(Verdict::Plan),
        findings: vec![finding(Verdict::Plan, code, "host", Action::RebootIntoNewerKernel)],
        reboot: Some(RebootAnswer::Yes),
        reboot_reasons: vec![Reason { code: code.to_owned(), subject: "host".to_owned() }],
        cves_owed: Some(7),
        exposed_s: Some(86_400 * 12),
        ..well(name)
    }
}

/// One with a stick to be swapped.
pub(super) fn to_swap(name: &str) -> FleetHost {
    FleetHost {
        verdict: Some(Verdict::Act),
        findings: vec![finding(Verdict::Act, "dimm-fault", "A1", Action::SwapDimm)],
        sticks: vec![FleetStick {
            module: "m-1".to_owned(),
            slot: "A1".to_owned(),
            verdict: Some(Verdict::Act),
            risk: Some(0.2),
            p_rising: None,
        }],
        ..well(name)
    }
}

pub(super) fn in_group(group: &str, host: FleetHost) -> FleetHost {
    FleetHost { group: Some(group.to_owned()), ..host }
}

pub(super) fn fleet(hosts: Vec<FleetHost>) -> Fleet {
    let mut hosts = hosts;
    hosts.sort_by(|a, b| a.name.cmp(&b.name));
    Fleet {
        at_ms: NOW_MS,
        look_back_ms: 7 * 24 * HOUR_MS,
        host_labels: vec!["instance".to_owned()],
        group_by: Some("rack".to_owned()),
        hosts,
        has_trends: false,
        lacks: Vec::new(),
        notes: Vec::new(),
    }
}

fn any_verdict() -> impl Strategy<Value = Verdict> {
    proptest::sample::select(Verdict::ALL.to_vec())
}

fn any_finding() -> impl Strategy<Value = FleetFinding> {
    let code = proptest::sample::select(vec![
        "dimm-fault",
        "dimm-uncorrected",
        "uncorrected-errors",
        "kernel-behind",
        "corrected-errors",
    ]);
    let subject = proptest::sample::select(vec!["A1", "B1", "host"]);
    let action = proptest::sample::select(Action::ALL.to_vec());
    (any_verdict(), code, subject, action)
        .prop_map(|(verdict, code, subject, action)| finding(verdict, code, subject, action))
}

/// Any host, whatever its parts contradict each other in.
pub(super) fn any_host(number: usize) -> impl Strategy<Value = FleetHost> {
    let verdict = proptest::option::weighted(0.9, any_verdict());
    let reboot = proptest::option::of(proptest::sample::select(RebootAnswer::ALL.to_vec()));
    let coverage = || proptest::option::of(proptest::sample::select(CoverageState::ALL.to_vec()));
    let group = proptest::option::of(proptest::sample::select(vec!["r1", "r2", "r3"]));
    let findings = proptest::collection::vec(any_finding(), 0..4);
    let boot = proptest::option::of(-48_i64..48);
    let acked = proptest::option::weighted(0.3, (any_finding(), -2_i64..3));
    let flags = (proptest::bool::weighted(0.1), proptest::bool::weighted(0.05));
    let seen = (verdict, reboot, coverage(), coverage());
    (seen, group, findings, boot, acked, flags).prop_map(
        move |(
            (verdict, reboot, correctable, uncorrectable),
            group,
            findings,
            boot,
            acked,
            flags,
        )| {
            let reasons = findings.iter().filter(|found| found.code == "kernel-behind");
            FleetHost {
                name: format!("n{number:03}"),
                group: group.map(str::to_owned),
                verdict,
                reboot,
                correctable,
                uncorrectable,
                reboot_reasons: reasons
                    .map(|found| Reason {
                        code: found.code.clone(),
                        subject: found.subject.clone(),
                    })
                    .collect(),
                boot_ms: boot.map(|hours| NOW_MS + hours * HOUR_MS),
                acks: acked
                    .map(|(found, hours)| FleetAck {
                        code: found.code,
                        subject: found.subject,
                        until_ms: NOW_MS + hours * HOUR_MS,
                    })
                    .into_iter()
                    .collect(),
                findings,
                held: flags.0.then(|| "somebody".to_owned()),
                namesakes: flags.1,
                ..FleetHost::default()
            }
        },
    )
}

/// Any fleet of up to so many hosts.
pub(super) fn any_fleet(most: usize) -> impl Strategy<Value = Fleet> {
    (0..most).prop_flat_map(|count| {
        let hosts: Vec<_> = (0..count).map(any_host).collect();
        hosts.prop_map(fleet)
    })
}
