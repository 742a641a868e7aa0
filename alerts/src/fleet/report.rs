//! `fleet report`: how many hosts are within the limit and how many are not, for those who answer
//! for it.

use super::{count, coverage_sums, plan, verdict_sums};
use scrubjay_model::{
    Fleet, FleetHost, FleetReport, GroupSum, LivePatchOnly, RebootAnswer, ReportRow, Standing,
    StandingSum,
};
use std::cmp::Reverse;
use std::collections::BTreeMap;

const DAY_S: u64 = 86_400;

/// Findings that say that a fix is owed which must not wait for the limit, or has not.
const OUTSIDE: [&str; 2] = ["kernel-exploited", "kernel-overdue"];

/// The finding that says that live patches close what no installed kernel does.
const LIVE_PATCH_ONLY: &str = "live-patch-only";

/// How a fleet stands to a limit of so many days.
pub fn report(fleet: &Fleet, limit_days: u32) -> FleetReport {
    let hosts = &fleet.hosts;
    let mut rows: Vec<ReportRow> =
        hosts.iter().map(|host| row(host, limit_days, fleet.at_ms)).collect();
    let all = count(hosts, |_| true);
    let standing = Standing::ALL.map(|standing| {
        let hosts = rows.iter().filter(|row| row.standing == standing).count();
        let hosts = u64::try_from(hosts).unwrap_or(u64::MAX);
        StandingSum { standing, hosts, percent: percent(hosts, all) }
    });
    let groups = groups(&rows);
    rows.sort_by(|a, b| {
        let key = |row: &ReportRow| (Reverse(row.standing), Reverse(row.exposed_s));
        key(a).cmp(&key(b)).then_with(|| a.host.cmp(&b.host))
    });
    FleetReport {
        at_ms: fleet.at_ms,
        look_back_ms: fleet.look_back_ms,
        lacks: fleet.lacks.clone(),
        notes: fleet.notes.clone(),
        limit_days,
        group_by: fleet.group_by.clone(),
        hosts: all,
        standing: standing.to_vec(),
        verdicts: verdict_sums(hosts),
        coverage: coverage_sums(hosts),
        to_reboot: count(hosts, |host| is_to_reboot(host.reboot)),
        to_swap: count(hosts, |host| !swaps(host).is_empty()),
        live_patch_only: live_patch_only(fleet),
        groups,
        rows,
    }
}

fn row(host: &FleetHost, limit_days: u32, at_ms: i64) -> ReportRow {
    let (standing, because) = standing(host, limit_days, at_ms);
    ReportRow {
        host: host.name.clone(),
        group: host.group.clone(),
        standing,
        because,
        verdict: host.verdict,
        last_seen_ms: host.last_seen_ms,
        exposed_s: host.exposed_s,
        cves_owed: host.cves_owed,
        cves_mitigated: host.cves_mitigated,
        reboot: host.reboot,
        swaps: swaps(host),
        coverage: host.coverage(),
        support_end_ms: host.support_end_ms,
    }
}

/// Bad news needs one witness, good news needs all of them.
fn standing(host: &FleetHost, limit_days: u32, at_ms: i64) -> (Standing, Vec<String>) {
    if !host.is_reporting() {
        return (Standing::NoData, vec!["does not report".to_owned()]);
    }
    if host.namesakes {
        return (Standing::NoData, vec!["several targets bear its name".to_owned()]);
    }
    let mut because: Vec<String> = host
        .findings
        .iter()
        .filter(|finding| OUTSIDE.contains(&finding.code.as_str()))
        .map(|finding| finding.code.clone())
        .collect();
    let limit_s = u64::from(limit_days).saturating_mul(DAY_S);
    if let Some(exposed_s) = host.exposed_s.filter(|exposed_s| *exposed_s > limit_s) {
        let days = exposed_s / DAY_S;
        let more = if days == u64::from(limit_days) { "more than " } else { "" };
        because.push(format!("a fix is owed for {more}{days} days"));
    }
    let owes = host.cves_owed.is_some_and(|owed| owed > 0);
    let covered = owes || host.cves_mitigated.is_some_and(|mitigated| mitigated > 0);
    if covered && host.support_end_ms.is_some_and(|end_ms| end_ms <= at_ms) {
        because.push("support of its live patches has ended".to_owned());
    }
    if !because.is_empty() {
        return (Standing::Outside, because);
    }
    match host.exposed_s {
        Some(_) => (Standing::Within, because),
        None => (Standing::NoData, vec!["does not tell for how long fixes are owed".to_owned()]),
    }
}

fn is_to_reboot(answer: Option<RebootAnswer>) -> bool {
    answer == Some(RebootAnswer::Yes)
}

/// The slots whose sticks are to be swapped.
fn swaps(host: &FleetHost) -> Vec<String> {
    let mut slots: Vec<String> = plan::all_tasks(host)
        .into_iter()
        .filter(|task| task.kind == scrubjay_model::TaskKind::SwapDimm)
        .map(|task| task.subject)
        .collect();
    slots.dedup();
    slots
}

/// Hosts that nothing but live patches protects. A host that owes a fix is not protected.
fn live_patch_only(fleet: &Fleet) -> Vec<LivePatchOnly> {
    let mut found: Vec<LivePatchOnly> = fleet
        .hosts
        .iter()
        .filter(|host| host.is_reporting() && !host.namesakes)
        .filter(|host| {
            let mitigated = host.cves_mitigated.is_some_and(|mitigated| mitigated > 0);
            let nothing_owed = host.cves_owed == Some(0) && host.cves_in_flight == Some(0);
            let said = host.findings.iter().any(|finding| finding.code == LIVE_PATCH_ONLY);
            (mitigated && nothing_owed) || said
        })
        .map(|host| LivePatchOnly {
            host: host.name.clone(),
            group: host.group.clone(),
            cves: host.cves_mitigated,
            until_ms: host.support_end_ms,
            basis: host.support_basis.clone(),
            has_ended: host.support_end_ms.is_some_and(|end_ms| end_ms <= fleet.at_ms),
        })
        .collect();
    // An end that is not known may be the first.
    found.sort_by(|a, b| a.until_ms.cmp(&b.until_ms).then_with(|| a.host.cmp(&b.host)));
    found
}

fn groups(rows: &[ReportRow]) -> Vec<GroupSum> {
    let mut groups: BTreeMap<&Option<String>, GroupSum> = BTreeMap::new();
    for row in rows {
        let sum = groups.entry(&row.group).or_insert_with(|| GroupSum {
            group: row.group.clone(),
            hosts: 0,
            within: 0,
            outside: 0,
            no_data: 0,
            to_reboot: 0,
            to_swap: 0,
        });
        let stands = |standing| u64::from(row.standing == standing);
        for (into, more) in [
            (&mut sum.hosts, 1),
            (&mut sum.within, stands(Standing::Within)),
            (&mut sum.outside, stands(Standing::Outside)),
            (&mut sum.no_data, stands(Standing::NoData)),
            (&mut sum.to_reboot, u64::from(is_to_reboot(row.reboot))),
            (&mut sum.to_swap, u64::from(!row.swaps.is_empty())),
        ] {
            *into = into.saturating_add(more);
        }
    }
    groups.into_values().collect()
}

/// So many of a hundred, to a tenth.
fn percent(part: u64, whole: u64) -> Option<f64> {
    let tenths =
        part.saturating_mul(2000).saturating_add(whole).checked_div(whole.saturating_mul(2))?;
    Some(crate::statistics::real(tenths) / 10.0)
}
