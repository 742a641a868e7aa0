//! Going on with a plan: who was visited since is seen in the metrics, and is not visited again.

use super::plan::{Wanted, away, blocks, module_in, notes, tasks, waves};
use scrubjay_model::{
    Action, BlockReason, BlockedVisit, DoneVisit, Fleet, FleetHost, FleetPlan, FleetTask,
    RebootAnswer, TaskKind, Verdict,
};
use std::collections::{BTreeMap, BTreeSet};

/// A boot that began later than the one of the plan by more than this is another one: what the
/// kernel says of its beginning moves with the clock on the wall.
const ANOTHER_BOOT_MS: i64 = 600_000;
/// The same of one that is said to have begun after the plan was made.
const JITTER_MS: i64 = 60_000;

/// One host of the plan that is gone on with.
struct Entry<'p> {
    host: &'p str,
    group: &'p Option<String>,
    tasks: &'p [FleetTask],
    boot_ms: Option<i64>,
}

/// The plan as it is now. Hosts that are done are no part of its waves, hosts that came to need a
/// visit since are told and no part of it, and all others are spread anew, so that the limit holds
/// whoever was visited out of turn. Going on twice is going on once.
pub fn resume(before: &FleetPlan, fleet: &Fleet) -> FleetPlan {
    let hosts: BTreeMap<&str, &FleetHost> =
        fleet.hosts.iter().map(|host| (host.name.as_str(), host)).collect();
    let visits = before.visits().map(|visit| Entry {
        host: &visit.host,
        group: &visit.group,
        tasks: &visit.tasks,
        boot_ms: visit.boot_ms,
    });
    let blocked_before = before.blocked.iter().map(|blocked| Entry {
        host: &blocked.host,
        group: &blocked.group,
        tasks: &blocked.tasks,
        boot_ms: blocked.boot_ms,
    });
    let mut seen: BTreeSet<&str> = before.done.iter().map(|done| done.host.as_str()).collect();
    let mut done = before.done.clone();
    let mut blocked = Vec::new();
    let mut wanted: Vec<Wanted<'_>> = Vec::new();
    let mut away = away(fleet);
    for entry in visits.chain(blocked_before) {
        // A file that somebody wrote by hand may name a host twice.
        if !seen.insert(entry.host) {
            continue;
        }
        let is_blocked = |because| BlockedVisit {
            host: entry.host.to_owned(),
            group: entry.group.clone(),
            tasks: entry.tasks.to_vec(),
            because,
            boot_ms: entry.boot_ms,
        };
        let Some(host) = hosts.get(entry.host) else {
            let count = away.entry(entry.group.as_deref()).or_default();
            *count = count.saturating_add(1);
            blocked.push(is_blocked(vec![BlockReason::NotReporting { last_seen_ms: None }]));
            continue;
        };
        if !host.is_reporting() {
            let because = BlockReason::NotReporting { last_seen_ms: host.last_seen_ms };
            blocked.push(is_blocked(vec![because]));
            continue;
        }
        match left_to_do(&entry, host, fleet.at_ms, before.made_ms) {
            Left::Done(because) => done.push(DoneVisit {
                host: entry.host.to_owned(),
                group: host.group.clone(),
                because: because.to_owned(),
            }),
            Left::Blocked(because) => {
                blocked.push(BlockedVisit { group: host.group.clone(), ..is_blocked(because) });
            }
            Left::Tasks(tasks) => {
                // A reboot that was not known of when the plan was made is planned as of now; one that is
                // not wanted any more leaves nothing to be held against.
                let is_reboot = |task: &FleetTask| task.kind == TaskKind::Reboot;
                let boot_ms = if entry.tasks.iter().any(is_reboot) && tasks.iter().any(is_reboot) {
                    entry.boot_ms.or(host.boot_ms)
                } else {
                    host.boot_ms.or(entry.boot_ms)
                };
                wanted.push((host, tasks, boot_ms));
            }
        }
    }
    // Who is done may have come to need another visit.
    let kept: BTreeSet<&str> = wanted
        .iter()
        .map(|(host, ..)| host.name.as_str())
        .chain(blocked.iter().map(|blocked| blocked.host.as_str()))
        .collect();
    let new_since = fleet
        .hosts
        .iter()
        .filter(|host| !kept.contains(host.name.as_str()))
        .filter(|host| host.is_reporting() && !tasks(host, fleet.at_ms).is_empty())
        .map(|host| host.name.clone())
        .collect();
    let waves = waves(fleet, before.at_once, &away, wanted);
    blocked.sort_by(|a, b| a.host.cmp(&b.host));
    done.sort();
    FleetPlan {
        schema_version: FleetPlan::VERSION,
        made_ms: before.made_ms,
        resumed_ms: Some(fleet.at_ms),
        host_labels: before.host_labels.clone(),
        group_by: before.group_by.clone(),
        at_once: before.at_once,
        windows: before.windows.clone(),
        each_ms: before.each_ms,
        notes: notes(fleet, &waves, &away),
        waves,
        blocked,
        done,
        new_since,
    }
}

/// What became of an entry.
enum Left {
    Tasks(Vec<FleetTask>),
    Blocked(Vec<BlockReason>),
    /// What shows that it is done.
    Done(&'static str),
}

fn left_to_do(entry: &Entry<'_>, host: &FleetHost, at_ms: i64, made_ms: i64) -> Left {
    // What came up since is done by the same visit, and the reasons may be others by now.
    let left = tasks(host, at_ms);
    let has_booted = host.boot_ms.is_some_and(|boot_ms| match entry.boot_ms {
        // Who could not be seen when the plan was made may have booted since for another reason.
        Some(then) => {
            let apart_ms = if boot_ms >= made_ms { JITTER_MS } else { ANOTHER_BOOT_MS };
            boot_ms > then.saturating_add(apart_ms)
        }
        None => boot_ms >= made_ms,
    });
    // It may have booted into the kernel that it ran before.
    let asks = host.reboot == Some(RebootAnswer::Yes);
    let mut because = None;
    let (mut is_open, mut reboot_is_left) = (entry.tasks.is_empty(), false);
    for task in entry.tasks {
        let shown = match task.kind {
            TaskKind::Reboot if has_booted && !asks => Some("it has booted since"),
            TaskKind::Reboot if host.reboot == Some(RebootAnswer::No) => {
                Some("no finding asks for a reboot any more")
            }
            TaskKind::Reboot => None,
            TaskKind::SwapDimm => swapped(task, host),
        };
        is_open |= shown.is_none();
        reboot_is_left |= shown.is_none() && task.kind == TaskKind::Reboot;
        because = because.or(shown);
    }
    if let Some(because) = because.filter(|_| !is_open) {
        return Left::Done(because);
    }
    let mut blocks = blocks(host, &left, at_ms);
    if reboot_is_left && host.reboot.is_none() {
        blocks.push(BlockReason::RebootUnclear);
    }
    // A swap takes it down once more, whatever the reboot did.
    let is_reboot_alone = !left.is_empty() && left.iter().all(|task| task.kind == TaskKind::Reboot);
    if reboot_is_left && has_booted && asks && is_reboot_alone {
        blocks.push(BlockReason::RebootInVain);
    }
    match (blocks.is_empty(), left.is_empty()) {
        (false, _) => Left::Blocked(blocks),
        (true, false) => Left::Tasks(left),
        (true, true) => Left::Done("nothing asks for a visit any more"),
    }
}

/// What shows that a stick was swapped, or need not be any more.
fn swapped(task: &FleetTask, host: &FleetHost) -> Option<&'static str> {
    let asks = host.findings.iter().any(|finding| {
        finding.subject == task.subject
            && finding.verdict >= Verdict::Plan
            && Action::parse(&finding.action) == Some(Action::SwapDimm)
    });
    if !asks {
        return Some("no finding asks for the swap any more");
    }
    // Another stick may be as bad in the same slot.
    let planned = task.module.as_ref()?;
    let there = module_in(host, &task.subject)?;
    (there != *planned).then_some("another stick is in the slot")
}
