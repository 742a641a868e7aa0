//! `fleet status`: the worst first, what cannot be seen, and who does not report.

use super::{count, coverage_sums, most_first, verdict_sums, worse_first};
use crate::statistics::benjamini_hochberg;
use scrubjay_model::{
    Fleet, FleetHost, FleetStatus, HostLine, Rising, RisingStick, SilentHost, Verdict,
};
use std::collections::{BTreeMap, BTreeSet};

/// The share of sticks that are said to rise of which it may be wrong.
pub const FALSE_SHARE: f64 = 0.05;

/// How a fleet is.
pub fn status(fleet: &Fleet) -> FleetStatus {
    let hosts = &fleet.hosts;
    let mut actions: BTreeMap<String, u64> = BTreeMap::new();
    let mut gaps: BTreeMap<String, u64> = BTreeMap::new();
    for host in hosts.iter().filter(|host| host.is_reporting()) {
        let wanted: BTreeSet<&str> =
            host.findings.iter().map(|finding| finding.action.as_str()).collect();
        for action in wanted {
            add(&mut actions, action);
        }
        for gap in &host.gaps {
            add(&mut gaps, gap);
        }
    }
    let mut reporting: Vec<&FleetHost> = hosts.iter().filter(|host| host.is_reporting()).collect();
    reporting.sort_by(|a, b| worse_first(a, b));
    FleetStatus {
        at_ms: fleet.at_ms,
        look_back_ms: fleet.look_back_ms,
        lacks: fleet.lacks.clone(),
        notes: fleet.notes.clone(),
        hosts: count(hosts, |_| true),
        reporting: count(hosts, FleetHost::is_reporting),
        verdicts: verdict_sums(hosts),
        actions: most_first(actions),
        coverage: coverage_sums(hosts),
        gaps: most_first(gaps),
        silent: silent(hosts),
        worst: reporting.into_iter().map(|host| line(host, fleet.at_ms)).collect(),
        rising: fleet.has_trends.then(|| rising(hosts)),
    }
}

fn add(counts: &mut BTreeMap<String, u64>, name: &str) {
    let count = counts.entry(name.to_owned()).or_default();
    *count = count.saturating_add(1);
}

/// Those that do not report, the longest gone first.
fn silent(hosts: &[FleetHost]) -> Vec<SilentHost> {
    let mut silent: Vec<SilentHost> = hosts
        .iter()
        .filter(|host| !host.is_reporting())
        .map(|host| SilentHost {
            host: host.name.clone(),
            group: host.group.clone(),
            last_seen_ms: host.last_seen_ms,
            last_verdict: host.last_verdict,
            answers: host.answers,
        })
        .collect();
    silent.sort_by(|a, b| a.last_seen_ms.cmp(&b.last_seen_ms).then_with(|| a.host.cmp(&b.host)));
    silent
}

fn line(host: &FleetHost, at_ms: i64) -> HostLine {
    let up_ms = host.boot_ms.and_then(|boot_ms| at_ms.checked_sub(boot_ms));
    HostLine {
        host: host.name.clone(),
        group: host.group.clone(),
        // Only those that have one are listed.
        verdict: host.verdict.unwrap_or(Verdict::Unknown),
        because: host.findings.first().cloned(),
        more_findings: u64::try_from(host.findings.len().saturating_sub(1)).unwrap_or(u64::MAX),
        reboot: host.reboot,
        risk: host.risk(),
        coverage: host.coverage(),
        up_s: up_ms.and_then(|up_ms| u64::try_from(up_ms / 1000).ok()),
        namesakes: host.namesakes,
    }
}

/// The sticks whose errors rise, given how many were tested: of a thousand sticks without any trend
/// one has p < 0.001 each day.
fn rising(hosts: &[FleetHost]) -> Rising {
    let tested: Vec<(&FleetHost, &scrubjay_model::FleetStick, f64)> = hosts
        .iter()
        .flat_map(|host| host.sticks.iter().map(move |stick| (host, stick)))
        .filter_map(|(host, stick)| Some((host, stick, stick.p_rising?)))
        .filter(|(_, _, p)| (0.0..=1.0).contains(p))
        .collect();
    let p_values: Vec<f64> = tested.iter().map(|(_, _, p)| *p).collect();
    let adjusted = benjamini_hochberg(&p_values);
    let mut sticks: Vec<RisingStick> = tested
        .iter()
        .zip(adjusted)
        .filter(|(_, adjusted)| *adjusted <= FALSE_SHARE)
        .map(|((host, stick, p), adjusted_p)| RisingStick {
            host: host.name.clone(),
            slot: stick.slot.clone(),
            module: stick.module.clone(),
            p: *p,
            adjusted_p,
        })
        .collect();
    sticks.sort_by(|a, b| {
        a.p.total_cmp(&b.p).then_with(|| (&a.host, &a.slot).cmp(&(&b.host, &b.slot)))
    });
    let tested = u64::try_from(tested.len()).unwrap_or(u64::MAX);
    Rising { tested, false_share: FALSE_SHARE, sticks }
}
