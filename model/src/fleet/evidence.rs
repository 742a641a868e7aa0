//! A fleet by the bundles of its hosts: what each host's signed report says, added up.
//!
//! A bundle that does not hold says nothing of its host, and is listed. A host without a bundle that
//! holds is one without data, never one that is well.

use super::{Standing, StandingSum};
use crate::{
    BundleCheck, BundleFault, Deadline, Digest, KERNEL_RELATION, REBOOT_REASON, Report,
    ReportedExposure, ReportedFact,
};
use serde::Serialize;
use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet};

/// Exposures of a host that may be among the worst of the fleet.
const WORST_OF_A_HOST: usize = 3;
/// The worst of the fleet.
const WORST: usize = 20;

/// Until when live patches are supported by the vendor's own file on the host.
const SUPPORT_END: &str = "livepatch.support_end";

/// How a fleet stands by bundles: `fleet report --bundles`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EvidenceReport {
    /// Bundles that were looked at.
    pub bundles: u64,
    /// Those that hold and are the latest of their host.
    pub counted: u64,
    /// Whether it was checked who signed.
    pub signers_checked: bool,
    /// Hosts: those of bundles that hold, and those that were expected.
    pub hosts: u64,
    /// How many are within their policies, outside of them, and how many nothing is known of.
    pub standing: Vec<StandingSum>,
    /// The policies that hosts were judged by.
    pub policies: Vec<EvidencePolicy>,
    /// The earliest beginning and the latest end of what was reported.
    pub period: Option<(i64, i64)>,
    /// Whether all reports are of the same time.
    pub same_period: bool,
    /// Reboots of all hosts.
    pub reboots: EvidenceReboots,
    /// Sticks of memory that were swapped in.
    pub swapped: u64,
    /// The exposures that lasted longest.
    pub worst: Vec<WorstExposure>,
    /// Hosts that were expected and have no bundle that holds.
    pub without_bundle: Vec<String>,
    /// Hosts that were not expected.
    pub not_expected: Vec<String>,
    /// Bundles that do not hold, with what is wrong.
    pub invalid: Vec<InvalidBundle>,
    /// Bundles that hold, and of whose host there is a later one.
    pub older: Vec<String>,
    /// Files that lie beside bundles and were not looked at.
    pub not_looked_at: Vec<String>,
    /// Every host of a bundle that holds: without data first, then the worst.
    pub rows: Vec<EvidenceRow>,
}

/// A policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EvidencePolicy {
    /// What it is called.
    pub name: String,
    /// SHA-256 of its file.
    pub sha256: Digest,
    /// Hosts that were judged by it.
    pub hosts: u64,
}

/// Reboots.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct EvidenceReboots {
    /// Boots that began in the periods.
    pub done: u64,
    /// Boots that were cut off.
    pub unclean: u64,
    /// Times at which live patches brought fixes into force that else only a boot would have: that many
    /// reboots were not needed then, at most.
    pub avoided: u64,
    /// Hosts that need one.
    pub pending: u64,
    /// Hosts of which it is not known whether they need one.
    pub not_known: u64,
}

/// A vulnerability that was open on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WorstExposure {
    /// The host.
    pub host: String,
    /// The vulnerability.
    pub cve: String,
    /// How it is ranked.
    pub class: &'static str,
    /// For how long after its release the fix was not in force.
    pub released_for_ms: u64,
    /// Whether it still is not.
    pub is_open: bool,
    /// What became of its deadline.
    pub deadline: &'static str,
}

/// A bundle that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InvalidBundle {
    /// Where it lies.
    pub bundle: String,
    /// Which host it says it is of, which nobody vouches for.
    pub claims_host: Option<String>,
    /// What is wrong.
    pub faults: Vec<BundleFault>,
}

/// What a bundle that holds says of its host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EvidenceRow {
    /// The host.
    pub host: String,
    /// Where its bundle lies.
    pub bundle: String,
    /// Who signed it.
    pub signed_by: Option<String>,
    /// The first moment of its period.
    pub from_wall_ms: i64,
    /// The first moment after it.
    pub to_wall_ms: i64,
    /// The moment it is looked at from.
    pub at_wall_ms: i64,
    /// How the host stands to its policy.
    pub standing: Standing,
    /// Why it is outside, or why nothing is known.
    pub because: Vec<String>,
    /// The policy it was judged by.
    pub policy: String,
    /// Fixes that were in force too late.
    pub late: u64,
    /// Fixes that are overdue.
    pub overdue: u64,
    /// The longest that a released fix was not in force.
    pub longest_ms: Option<u64>,
    /// Vulnerabilities that live patches alone close.
    pub live_patch_only: u64,
    /// Until when they are supported, as a day; `None` where the report does not tell.
    pub live_patch_until: Option<String>,
    /// Boots that began in the period.
    pub boots: u64,
    /// Boots that were cut off.
    pub unclean: u64,
    /// Times at which live patches made a boot unnecessary, at most.
    pub reboots_avoided: u64,
    /// Whether it is to be rebooted; `None` where that is not known.
    pub reboot_pending: Option<bool>,
    /// Sticks that were swapped in.
    pub swapped: u64,
    /// Corrected memory errors.
    pub corrected: Option<u64>,
    /// Uncorrected ones.
    pub uncorrected: Option<u64>,
    /// Of the period, in parts of a thousand, somebody was looking.
    pub watched_permille: Option<u64>,
}

/// What is kept of a bundle: much less than its report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    row: EvidenceRow,
    report_sha256: Option<Digest>,
    policy_sha256: Digest,
    worst: Vec<WorstExposure>,
}

/// One bundle that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BundleEvidence {
    /// It holds, and says this.
    Holds(Box<Evidence>),
    /// It does not.
    Invalid(InvalidBundle),
}

impl BundleEvidence {
    /// What is to be kept of a bundle that was looked at.
    pub fn of(check: &BundleCheck, report: Option<&Report>) -> Self {
        let invalid = |faults: Vec<BundleFault>| {
            Self::Invalid(InvalidBundle {
                bundle: check.bundle.clone(),
                claims_host: check.host.clone(),
                faults,
            })
        };
        let Some(report) = report.filter(|_| check.is_good()) else {
            return invalid(check.faults.clone());
        };
        if let Some(made) = &report.host.simulated {
            let kind = crate::BundleFaultKind::Figures;
            let detail = format!("{}: it counts for nothing here", made.line());
            return invalid(vec![BundleFault { kind, part: "report.json".to_owned(), detail }]);
        }
        let Some(host) = report.host.name.clone() else {
            let detail = "it does not say which host it is of: make it with --host-name".to_owned();
            let kind = crate::BundleFaultKind::Figures;
            return invalid(vec![BundleFault { kind, part: "report.json".to_owned(), detail }]);
        };
        let signed_by = check.signer.as_ref();
        let signed_by = signed_by.map(|by| by.identity.clone().unwrap_or_else(|| by.key.clone()));
        Self::Holds(Box::new(Evidence {
            worst: worst(&host, report),
            report_sha256: check.report_sha256,
            policy_sha256: report.policy_sha256,
            row: row(host, check.bundle.clone(), signed_by, report),
        }))
    }
}

fn number(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

fn row(host: String, bundle: String, signed_by: Option<String>, report: &Report) -> EvidenceRow {
    let exposures = &report.patches.exposures;
    let of = |wanted: Deadline| number(exposures.iter().filter(|e| e.deadline == wanted).count());
    let (late, overdue) = (of(Deadline::Late), of(Deadline::Overdue));
    let (standing, because) = standing(report, late, overdue, of(Deadline::Unknown));
    let coverage = &report.coverage;
    let whole = coverage.watched_ms.saturating_add(coverage.not_watched_ms);
    let period = report.period;
    let swapped = report.stick_turns.iter().filter(|turn| turn.what == "swapped_in").count();
    EvidenceRow {
        host,
        bundle,
        signed_by,
        from_wall_ms: period.from_wall_ms,
        to_wall_ms: period.to_wall_ms,
        at_wall_ms: period.at_wall_ms,
        standing,
        because,
        policy: report.policy.name.clone(),
        late,
        overdue,
        longest_ms: exposures.iter().filter_map(|exposure| exposure.released_for_ms).max(),
        live_patch_only: report.patches.live_patch_only,
        live_patch_until: facts(report, SUPPORT_END).filter_map(|f| f.value.clone()).min(),
        boots: report.availability.boots,
        unclean: report.availability.unclean,
        reboots_avoided: avoided(report),
        reboot_pending: pending(report),
        swapped: number(swapped),
        corrected: report.errors.corrected,
        uncorrected: report.errors.uncorrected,
        watched_permille: coverage.watched_ms.saturating_mul(1_000).checked_div(whole),
    }
}

/// Bad news needs one witness, good news needs all of them.
fn standing(report: &Report, late: u64, overdue: u64, unknown: u64) -> (Standing, Vec<String>) {
    let mut because = Vec::new();
    for (n, what) in [(overdue, "overdue"), (late, "too late")] {
        match n {
            0 => {}
            1 => because.push(format!("1 fix {what}")),
            n => because.push(format!("{n} fixes {what}")),
        }
    }
    if !because.is_empty() {
        return (Standing::Outside, because);
    }
    let coverage = &report.coverage;
    if coverage.watched_ms == 0 {
        because.push("nobody watched it in the period".to_owned());
    } else if coverage.watched_ms < coverage.not_watched_ms {
        because.push("nobody watched it for most of the period".to_owned());
    }
    if let Some(fault) = &report.ledger.fault {
        because.push(format!("its ledger is not what was written: {fault}"));
    }
    if !report.patches.relation_known {
        because.push("how its kernel stands to what is installed is not known".to_owned());
    }
    if report.patches.relation_was_unknown() {
        let what =
            "for a part of the period it is not known how its kernel stood to what was installed";
        because.push(what.to_owned());
    }
    if unknown > 0 {
        because.push(format!("of {unknown} fixes it is not known when their time began"));
    }
    let standing = if because.is_empty() { Standing::Within } else { Standing::NoData };
    (standing, because)
}

fn facts<'r>(report: &'r Report, name: &'r str) -> impl Iterator<Item = &'r ReportedFact> {
    report.patches.facts.iter().filter(move |fact| fact.name == name)
}

/// What the host concluded itself, at the moment of the report.
fn pending(report: &Report) -> Option<bool> {
    if facts(report, REBOOT_REASON).any(|fact| fact.value.is_some()) {
        return Some(true);
    }
    match facts(report, KERNEL_RELATION).find_map(|fact| fact.value.as_deref())? {
        "behind" | "rebuilt" => Some(true),
        "current" | "ahead" => Some(false),
        _ => None,
    }
}

/// Fixes that came at one moment came by one live patch.
fn avoided(report: &Report) -> u64 {
    let before_any_boot = |exposure: &&ReportedExposure| {
        exposure.live_patched_wall_ms.is_some_and(|live| {
            report.period.has(live) && exposure.running_wall_ms.is_none_or(|boot| boot > live)
        })
    };
    let moments: BTreeSet<Option<i64>> = report
        .patches
        .exposures
        .iter()
        .filter(before_any_boot)
        .map(|exposure| exposure.live_patched_wall_ms)
        .collect();
    number(moments.len())
}

fn worst(host: &str, report: &Report) -> Vec<WorstExposure> {
    let told = report.patches.exposures.iter().filter_map(|exposure| {
        Some(WorstExposure {
            host: host.to_owned(),
            cve: exposure.cve.clone(),
            class: exposure.class.as_str(),
            released_for_ms: exposure.released_for_ms?,
            is_open: exposure.in_force_wall_ms.is_none(),
            deadline: exposure.deadline.as_str(),
        })
    });
    let mut worst: Vec<WorstExposure> = told.collect();
    sort_worst(&mut worst, WORST_OF_A_HOST);
    worst
}

/// What is still open comes first.
fn sort_worst(worst: &mut Vec<WorstExposure>, most: usize) {
    worst.sort_by(|a, b| {
        let key = |one: &WorstExposure| (Reverse(one.is_open), Reverse(one.released_for_ms));
        (key(a), &a.host, &a.cve).cmp(&(key(b), &b.host, &b.cve))
    });
    worst.truncate(most);
}

fn says_the_same(one: &Evidence, other: &Evidence) -> bool {
    one.report_sha256.is_some() && one.report_sha256 == other.report_sha256
}

/// Two reports on one host at one moment are one too many, and nobody can tell here which.
fn contradicted(found: &Evidence) -> InvalidBundle {
    let detail =
        "another bundle is of the same host and moment, and says something else".to_owned();
    let kind = crate::BundleFaultKind::Figures;
    InvalidBundle {
        bundle: found.row.bundle.clone(),
        claims_host: Some(found.row.host.clone()),
        faults: vec![BundleFault { kind, part: "report.json".to_owned(), detail }],
    }
}

/// Adds up what bundles say. `expected` are the hosts that there should be, if somebody said so.
pub fn evidence_report(
    bundles: Vec<BundleEvidence>,
    expected: Option<&BTreeSet<String>>,
    not_looked_at: Vec<String>,
    signers_checked: bool,
) -> EvidenceReport {
    let all = number(bundles.len());
    let (mut invalid, mut older) = (Vec::new(), Vec::new());
    let mut newest: BTreeMap<String, Vec<Box<Evidence>>> = BTreeMap::new();
    for bundle in bundles {
        let found = match bundle {
            BundleEvidence::Invalid(bundle) => {
                invalid.push(bundle);
                continue;
            }
            BundleEvidence::Holds(found) => found,
        };
        let moment = |of: &Evidence| (of.row.at_wall_ms, of.row.to_wall_ms);
        let known = newest.entry(found.row.host.clone()).or_default();
        match known.first().map(|first| moment(first).cmp(&moment(&found))) {
            Some(Ordering::Greater) => older.push(found.row.bundle.clone()),
            Some(Ordering::Less) => {
                older.extend(known.drain(..).map(|known| known.row.bundle));
                known.push(found);
            }
            Some(Ordering::Equal) if known.iter().any(|known| says_the_same(known, &found)) => {
                older.push(found.row.bundle.clone());
            }
            Some(Ordering::Equal) | None => known.push(found),
        }
    }
    let mut latest: BTreeMap<String, Box<Evidence>> = BTreeMap::new();
    for (host, mut found) in newest {
        if found.len() > 1 {
            invalid.extend(found.iter().map(|one| contradicted(one)));
        } else if let Some(found) = found.pop() {
            latest.insert(host, found);
        }
    }
    let is_missing = |host: &&String| !latest.contains_key(*host);
    let without_bundle: Vec<String> =
        expected.into_iter().flatten().filter(is_missing).cloned().collect();
    let is_strange = |host: &&String| expected.is_some_and(|expected| !expected.contains(*host));
    let not_expected: Vec<String> = latest.keys().filter(is_strange).cloned().collect();
    invalid.sort_by(|a, b| a.bundle.cmp(&b.bundle));
    older.sort();
    let (mut rows, mut worst, mut policies) = (Vec::new(), Vec::new(), BTreeMap::new());
    for found in latest.into_values() {
        let Evidence { row, report_sha256: _, policy_sha256, worst: of_host } = *found;
        worst.extend(of_host);
        *policies.entry((row.policy.clone(), policy_sha256)).or_insert(0_u64) += 1;
        rows.push(row);
    }
    sort_worst(&mut worst, WORST);
    let hosts = number(rows.len()).saturating_add(number(without_bundle.len()));
    let sum = |of: fn(&EvidenceRow) -> u64| rows.iter().map(of).fold(0, u64::saturating_add);
    let (from, to) = (
        rows.iter().map(|row| row.from_wall_ms).min(),
        rows.iter().map(|row| row.to_wall_ms).max(),
    );
    let first = rows.first().map(|row| (row.from_wall_ms, row.to_wall_ms));
    let same = rows.iter().all(|row| Some((row.from_wall_ms, row.to_wall_ms)) == first);
    let standing = Standing::ALL.map(|standing| {
        let told = number(rows.iter().filter(|row| row.standing == standing).count());
        let without = if standing == Standing::NoData { number(without_bundle.len()) } else { 0 };
        let told = told.saturating_add(without);
        StandingSum { standing, hosts: told, percent: percent(told, hosts) }
    });
    let reboots = EvidenceReboots {
        done: sum(|row| row.boots),
        unclean: sum(|row| row.unclean),
        avoided: sum(|row| row.reboots_avoided),
        pending: sum(|row| u64::from(row.reboot_pending == Some(true))),
        not_known: sum(|row| u64::from(row.reboot_pending.is_none()))
            .saturating_add(number(without_bundle.len())),
    };
    let swapped = sum(|row| row.swapped);
    rows.sort_by(|a, b| {
        let key = |row: &EvidenceRow| {
            (
                Reverse(row.standing),
                Reverse(row.overdue),
                Reverse(row.late),
                Reverse(row.longest_ms),
            )
        };
        key(a).cmp(&key(b)).then_with(|| a.host.cmp(&b.host))
    });
    let policy =
        |((name, sha256), hosts): ((String, Digest), u64)| EvidencePolicy { name, sha256, hosts };
    EvidenceReport {
        bundles: all,
        counted: number(rows.len()),
        signers_checked,
        hosts,
        standing: standing.to_vec(),
        policies: policies.into_iter().map(policy).collect(),
        period: from.zip(to),
        same_period: same,
        reboots,
        swapped,
        worst,
        without_bundle,
        not_expected,
        invalid,
        older,
        not_looked_at,
        rows,
    }
}

/// So many of a hundred, to a tenth; rounded down, so that only all is 100.
fn percent(part: u64, whole: u64) -> Option<f64> {
    let permille = part.saturating_mul(1_000).checked_div(whole)?;
    let permille = u32::try_from(permille).ok()?;
    Some(f64::from(permille) / 10.0)
}
