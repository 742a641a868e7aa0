//! `fleet plan`: which hosts are visited, in waves, so that never more of a group are away at once
//! than may be.

use super::worse_first;
use scrubjay_model::{
    Action, AtOnce, BlockReason, BlockedVisit, CoverageState, Fleet, FleetHost, FleetPlan,
    FleetTask, RebootAnswer, TaskKind, Verdict, Visit, Wave,
};
use std::collections::{BTreeMap, BTreeSet};

/// How visits are spread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanPolicy {
    /// How many of a group may be away at once.
    pub at_once: AtOnce,
    /// The maintenance windows as they are configured, to be kept with the plan.
    pub windows: Vec<String>,
    /// How long a wave takes; `None`: a window is one wave.
    pub each_ms: Option<i64>,
}

/// The action of findings that ask for a swap.
pub const SWAP_ACTION: Action = Action::SwapDimm;

/// Findings that say that an error was not corrected, wherever it was.
const UNCORRECTED: [&str; 5] = [
    "boot-memory-error",
    "dimm-uncorrected",
    "memory-failure",
    "suspected-uncorrected-error",
    "uncorrected-errors",
];

/// A new plan. It has no times yet: those are of the calendar.
pub fn plan(fleet: &Fleet, policy: &PlanPolicy) -> FleetPlan {
    let mut wanted = Vec::new();
    let mut blocked = Vec::new();
    for host in &fleet.hosts {
        let tasks = tasks(host, fleet.at_ms);
        match (blocks(host, &tasks, fleet.at_ms), tasks.is_empty()) {
            (because, _) if !because.is_empty() => blocked.push(BlockedVisit {
                host: host.name.clone(),
                group: host.group.clone(),
                tasks: all_tasks(host),
                because,
                boot_ms: host.boot_ms,
            }),
            (_, true) => {}
            (_, false) => wanted.push((host, tasks, host.boot_ms)),
        }
    }
    let away = away(fleet);
    let waves = waves(fleet, policy.at_once, &away, wanted);
    FleetPlan {
        schema_version: FleetPlan::VERSION,
        made_ms: fleet.at_ms,
        resumed_ms: None,
        host_labels: fleet.host_labels.clone(),
        group_by: fleet.group_by.clone(),
        at_once: policy.at_once,
        windows: policy.windows.clone(),
        each_ms: policy.each_ms,
        notes: notes(fleet, &waves, &away),
        waves,
        blocked,
        done: Vec::new(),
        new_since: Vec::new(),
    }
}

/// A host with what is done to it, and when it booted when that was planned.
pub(super) type Wanted<'f> = (&'f FleetHost, Vec<FleetTask>, Option<i64>);

/// How many hosts of each group are away: whoever is being visited does not report meanwhile.
pub(super) type Away<'f> = BTreeMap<Option<&'f str>, usize>;

/// Those that do not report.
pub(super) fn away(fleet: &Fleet) -> Away<'_> {
    counted(fleet.hosts.iter().filter(|host| !host.is_reporting()))
}

fn counted<'f>(hosts: impl Iterator<Item = &'f FleetHost>) -> Away<'f> {
    let mut counts = Away::new();
    for host in hosts {
        let count = counts.entry(host.group.as_deref()).or_default();
        *count = count.saturating_add(1);
    }
    counts
}

/// Spreads visits over waves: the first waves have the worst of each group. Who is away already has
/// a place in the first one, which is empty, and left out, where nobody else has.
pub(super) fn waves(
    fleet: &Fleet,
    at_once: AtOnce,
    away: &Away<'_>,
    mut wanted: Vec<Wanted<'_>>,
) -> Vec<Wave> {
    wanted.sort_by(|(a, ..), (b, ..)| worse_first(a, b));
    // A share is one of those that could be away: of others nobody knows whether they are in use.
    let sizes = counted(fleet.hosts.iter().filter(|host| host.is_reporting()));
    let mut placed = Away::new();
    let mut waves: BTreeMap<usize, Vec<Visit>> = BTreeMap::new();
    for (host, tasks, boot_ms) in wanted {
        let group = host.group.as_deref();
        // It is one at least.
        let most = at_once.of(sizes.get(&group).copied().unwrap_or(0)).max(1);
        let before =
            placed.entry(group).or_insert_with(|| away.get(&group).copied().unwrap_or(0).min(most));
        let wave = *before / most;
        *before = before.saturating_add(1);
        waves.entry(wave).or_default().push(Visit {
            host: host.name.clone(),
            group: host.group.clone(),
            verdict: host.verdict.unwrap_or(Verdict::Unknown),
            tasks,
            boot_ms,
        });
    }
    // Each group fills its waves from the first or the second on, so that no other one is missing.
    waves
        .into_iter()
        .map(|(before, mut visits)| {
            let number = u32::try_from(before.saturating_add(1)).unwrap_or(u32::MAX);
            // The sort is stable: within a group the worst stays first.
            visits.sort_by(|a, b| a.group.cmp(&b.group));
            Wave { number, from_ms: None, until_ms: None, begins: None, ends: None, visits }
        })
        .collect()
}

/// What there is to know of a plan: of the answer it was made from, and of those that are away.
pub(super) fn notes(fleet: &Fleet, waves: &[Wave], away: &Away<'_>) -> Vec<String> {
    let mut notes = fleet.notes.clone();
    let groups: BTreeSet<Option<&str>> =
        waves.iter().flat_map(|wave| &wave.visits).map(|visit| visit.group.as_deref()).collect();
    let count = groups.iter().filter_map(|group| away.get(group));
    let count = count.fold(0_usize, |sum, count| sum.saturating_add(*count));
    if count > 0 {
        let who = match count {
            1 => "1 host that does not report is of a group that is to be visited, and counts"
                .to_owned(),
            _ => format!(
                "{count} hosts that do not report are of groups that are to be visited, and count"
            ),
        };
        let nobody = match waves.first() {
            Some(wave) if wave.number > 1 => ", in which nobody else is visited",
            _ => "",
        };
        notes.push(format!(
            "{who} as away in wave 1{nobody}: go on with the plan when that has changed"
        ));
    }
    notes
}

/// What is to be done to a host, less what is acknowledged.
pub(super) fn tasks(host: &FleetHost, at_ms: i64) -> Vec<FleetTask> {
    let known =
        |task: &FleetTask| host.acknowledged_until(&task.code, &task.subject, at_ms).is_some();
    all_tasks(host).into_iter().filter(|task| !known(task)).collect()
}

/// What is to be done to a host. A swap and a reboot are one visit.
pub(super) fn all_tasks(host: &FleetHost) -> Vec<FleetTask> {
    let swaps = host
        .findings
        .iter()
        .filter(|finding| {
            finding.verdict >= Verdict::Plan && Action::parse(&finding.action) == Some(SWAP_ACTION)
        })
        .map(|finding| FleetTask {
            kind: TaskKind::SwapDimm,
            code: finding.code.clone(),
            subject: finding.subject.clone(),
            module: module_in(host, &finding.subject),
        });
    let reasons = host.reboot_reasons.iter().map(|reason| FleetTask {
        kind: TaskKind::Reboot,
        code: reason.code.clone(),
        subject: reason.subject.clone(),
        module: None,
    });
    let asked = host.reboot == Some(RebootAnswer::Yes);
    let mut tasks: Vec<FleetTask> = swaps.chain(reasons.filter(|_| asked)).collect();
    if asked && host.reboot_reasons.is_empty() {
        let (code, subject) = (String::new(), String::new());
        tasks.push(FleetTask { kind: TaskKind::Reboot, code, subject, module: None });
    }
    tasks.sort();
    tasks.dedup();
    tasks
}

/// The stick that is in a slot, where one that is to be followed is.
pub(super) fn module_in(host: &FleetHost, slot: &str) -> Option<String> {
    let there = |stick: &&scrubjay_model::FleetStick| stick.slot == slot && stick.verdict.is_some();
    let worst = host.sticks.iter().filter(there).max_by_key(|stick| stick.verdict)?;
    Some(worst.module.clone())
}

/// Why a host is not visited, though something is to be done to it or nothing is known of it.
pub(super) fn blocks(host: &FleetHost, tasks: &[FleetTask], at_ms: i64) -> Vec<BlockReason> {
    if !host.is_reporting() {
        return vec![BlockReason::NotReporting { last_seen_ms: host.last_seen_ms }];
    }
    let all = all_tasks(host);
    let mut because = Vec::new();
    if tasks.is_empty() {
        // What is acknowledged blocks a visit only if nothing else asks for it.
        because.extend(all.iter().filter_map(|task| {
            let until_ms = host.acknowledged_until(&task.code, &task.subject, at_ms)?;
            let (finding, subject) = (task.code.clone(), task.subject.clone());
            Some(BlockReason::Acknowledged { finding, subject, until_ms })
        }));
        // Not being told is not "no", unless the agent is of a time before the question.
        if host.reboot == Some(RebootAnswer::Unknown) {
            because.push(BlockReason::RebootUnclear);
        }
    }
    if all.is_empty() && tasks.is_empty() && because.is_empty() {
        return because;
    }
    if host.namesakes {
        because.push(BlockReason::Namesakes);
    }
    if let Some(by) = &host.held {
        because.push(BlockReason::Hold { by: by.clone() });
    }
    if matches!(host.coverage(), None | Some(CoverageState::Unknown)) {
        because.push(BlockReason::CoverageUnknown);
    }
    // A stick that is swapped answers for them.
    if tasks.iter().all(|task| task.kind != TaskKind::SwapDimm) {
        let open = host.findings.iter().filter(|finding| {
            finding.verdict >= Verdict::Plan
                && UNCORRECTED.contains(&finding.code.as_str())
                && host.acknowledged_until(&finding.code, &finding.subject, at_ms).is_none()
        });
        because.extend(open.map(|finding| BlockReason::OpenUncorrected {
            finding: finding.code.clone(),
            subject: finding.subject.clone(),
        }));
    }
    because.sort();
    because.dedup();
    because
}
