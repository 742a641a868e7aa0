//! What a fleet amounts to, from what a Prometheus-compatible API has of it: who is worst, who is to
//! be visited when, and how it stands to what is asked of its patches.
//!
//! The same rule as for one host holds for ten thousand: what was not told is not well. A host that
//! stopped is listed, and one whose state is not known is visited by nobody.

mod families;
mod gather;
mod plan;
mod report;
mod resume;
mod silent;
mod status;

pub use families::{Family, Scope};
pub use gather::{Gathering, Labels, Naming};
pub use plan::{PlanPolicy, SWAP_ACTION, plan};
pub use report::report;
pub use resume::resume;
pub use status::{FALSE_SHARE, status};

use scrubjay_model::{CoverageState, CoverageSum, FleetHost, Verdict};
use std::collections::BTreeMap;

/// Reporting hosts by verdict, the worst first; those of which there is none as well.
fn verdict_sums(hosts: &[FleetHost]) -> Vec<(Verdict, u64)> {
    let count = |verdict| count(hosts, |host| host.verdict == Some(verdict));
    Verdict::ALL.into_iter().rev().map(|verdict| (verdict, count(verdict))).collect()
}

/// Reporting hosts by how much of each class can be seen.
fn coverage_sums(hosts: &[FleetHost]) -> Vec<CoverageSum> {
    let states = CoverageState::ALL.into_iter().map(Some).chain([None]);
    let sum = |state: Option<CoverageState>| CoverageSum {
        state,
        correctable: count(hosts, |host| host.is_reporting() && host.correctable == state),
        uncorrectable: count(hosts, |host| host.is_reporting() && host.uncorrectable == state),
    };
    states.map(sum).collect()
}

/// How many hosts are so.
fn count(hosts: &[FleetHost], is: impl Fn(&FleetHost) -> bool) -> u64 {
    hosts.iter().fold(0_u64, |sum, host| sum.saturating_add(u64::from(is(host))))
}

/// Counts by name, the most first.
fn most_first(counts: BTreeMap<String, u64>) -> Vec<(String, u64)> {
    let mut counts: Vec<(String, u64)> = counts.into_iter().collect();
    counts.sort_by(|(a, a_count), (b, b_count)| b_count.cmp(a_count).then(a.cmp(b)));
    counts
}

/// Hosts worst first: by verdict, then by the risk of their memory, by how much there is to say of
/// them, by how long fixes have been owed, and by name.
fn worse_first(a: &FleetHost, b: &FleetHost) -> std::cmp::Ordering {
    let worst = |host: &FleetHost| {
        let of_worst =
            |finding: &&scrubjay_model::FleetFinding| Some(finding.verdict) == host.verdict;
        host.findings.iter().filter(of_worst).count()
    };
    b.verdict
        .cmp(&a.verdict)
        .then_with(|| b.risk().unwrap_or(-1.0).total_cmp(&a.risk().unwrap_or(-1.0)))
        .then_with(|| worst(b).cmp(&worst(a)))
        .then_with(|| b.exposed_s.cmp(&a.exposed_s))
        .then_with(|| a.name.cmp(&b.name))
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
