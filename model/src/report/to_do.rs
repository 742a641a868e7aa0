//! What is to be done, for somebody who does not know the words of the trade.

use super::open::is_of;
use super::parts::{Report, ReportedAlert, ReportedStick, SaidBy};
use super::summary::{counted, is_relation_known, size};
use super::{Deadline, ReportedExposure};
use crate::Verdict;

/// Modules and alerts that are named one by one; a page holds no more.
const MOST: usize = 5;

pub(super) fn to_do(report: &Report) -> Vec<String> {
    let mut to_do = sticks(report);
    to_do.extend(restart(report));
    to_do.extend(others(report));
    if to_do.is_empty() {
        let watched = report.coverage.watched_ms > 0 && is_relation_known(report);
        to_do.push(
            if watched { "Nothing." } else { "Nothing that is known of; see below what is not." }
                .to_owned(),
        );
        let watched = |stick: &&ReportedStick| {
            stick.said.as_ref().is_some_and(|said| said.verdict == Some(Verdict::Watch))
        };
        let watched: Vec<&str> = report.sticks.iter().filter(watched).map(slot).collect();
        match watched.as_slice() {
            [] => {}
            [one] => to_do.push(format!("The memory module in slot {one} is worth watching.")),
            many => to_do.push(format!("{} memory modules are worth watching.", many.len())),
        }
    }
    to_do
}

fn when(verdict: Verdict) -> &'static str {
    if verdict >= Verdict::Act { "Now" } else { "At the next maintenance" }
}

/// A stick that is to be seen to, by its slot.
pub(super) fn asks(stick: &ReportedStick) -> Option<Verdict> {
    stick.said.as_ref()?.verdict.filter(|verdict| *verdict >= Verdict::Plan)
}

pub(super) fn slot(stick: &ReportedStick) -> &str {
    stick.slot.as_deref().unwrap_or(&stick.module)
}

fn sticks(report: &Report) -> Vec<String> {
    let mut asking: Vec<(Verdict, &ReportedStick)> =
        report.sticks.iter().filter_map(|stick| Some((asks(stick)?, stick))).collect();
    asking.sort_by_key(|(verdict, _)| std::cmp::Reverse(*verdict));
    let one = |(verdict, stick): &(Verdict, &ReportedStick)| {
        let said = stick.said.as_ref()?;
        let what = match (said.by, &said.advice) {
            (SaidBy::Judgement, Some(advice)) => advice.clone(),
            (SaidBy::Judgement | SaidBy::Alerts, _) => {
                format!("look at it, as alerts were open on it ({})", said.because)
            }
        };
        Some(format!("{}: memory module in slot {}: {what}.", when(*verdict), slot(stick)))
    };
    let mut told: Vec<String> = asking.iter().take(MOST).filter_map(one).collect();
    if asking.len() > MOST {
        told.push(format!("{} more memory modules: see \"Memory\".", asking.len() - MOST));
    }
    told
}

/// A restart, where installed fixes wait for one.
fn restart(report: &Report) -> Option<String> {
    let waiting = |exposure: &&ReportedExposure| exposure.in_force_wall_ms.is_none();
    let waiting: Vec<_> = report.patches.exposures.iter().filter(waiting).collect();
    let overdue = waiting.iter().filter(|exposure| exposure.deadline == Deadline::Overdue).count();
    if waiting.is_empty() {
        return None;
    }
    let (when, late) = match overdue {
        0 => ("At the next maintenance", String::new()),
        n if n == waiting.len() => ("Now", ", beyond the date that the policy sets".to_owned()),
        n => ("Now", format!(", {n} of them beyond the date that the policy sets")),
    };
    Some(format!(
        "{when}: restart the server with the kernel that is installed, or apply a live patch: {} for that{late}.",
        counted(size(waiting.len()), "fix waits", "fixes wait"),
    ))
}

/// What other alerts ask for.
fn others(report: &Report) -> Vec<String> {
    let of_sticks = |alert: &ReportedAlert| {
        let mut asking = report.sticks.iter().filter(|stick| asks(stick).is_some());
        asking.any(|stick| is_of(alert, stick))
    };
    let is_other = |alert: &&ReportedAlert| {
        let of_restart =
            ["kernel-behind", "kernel-overdue", "kernel-exploited", "next-boot-not-newest"];
        alert.verdict >= Verdict::Plan
            && !of_sticks(alert)
            && !(of_restart.contains(&alert.code.as_str()) && restart(report).is_some())
    };
    let others: Vec<&ReportedAlert> = report.open_alerts.iter().filter(is_other).collect();
    let mut told: Vec<String> = Vec::new();
    for alert in others.iter().take(MOST) {
        let about = match alert.subject.as_str() {
            "" | "host" => String::new(),
            subject => format!(" ({subject})"),
        };
        told.push(match plainly(&alert.code) {
            Some(words) => format!("{}: {words}{about}.", when(alert.verdict)),
            None => format!("{}: see to the alert {}{about}.", when(alert.verdict), alert.code),
        });
    }
    if others.len() > MOST {
        told.push(format!("{} more alerts: see \"Alerts\".", others.len() - MOST));
    }
    told
}

/// Whether an alert says that memory lost data.
pub(super) fn lost_data(alert: &ReportedAlert) -> bool {
    matches!(
        alert.code.as_str(),
        "uncorrected-errors" | "dimm-uncorrected" | "memory-failure" | "boot-memory-error"
    )
}

/// What cannot be seen, by the alert that says so.
pub(super) fn unseen(code: &str) -> Option<&'static str> {
    Some(match code {
        "firmware-first" | "firmware-default" => "the firmware keeps memory errors to itself",
        "no-edac-controller" | "no-edac-core" => {
            "the operating system has no driver that tells of memory errors"
        }
        "edac-unreadable" | "counters-unreadable" | "edac-switched-off" => {
            "counts of memory errors could not be read"
        }
        "corrected-errors-collector"
        | "corrected-errors-ignored"
        | "corrected-errors-not-logged" => {
            "the operating system does not pass on memory errors that were corrected"
        }
        "guest" => "a virtual machine does not see the errors of the memory it runs in",
        "ecc-off" => "the memory does not check itself for errors",
        "visibility-unclear" => "whether memory errors would be seen is not certain",
        "kernel-unknown" => "which fixes the running system has could not be told",
        _ => return None,
    })
}

/// What an alert asks for, where it can be said without the words of the trade.
fn plainly(code: &str) -> Option<&'static str> {
    Some(match code {
        "uncorrected-errors" | "dimm-uncorrected" | "memory-failure" | "boot-memory-error" => {
            "find the memory module that lost data, and replace it"
        }
        "machine-check" => {
            "find out which part of the hardware fails, as the processor reported a fault"
        }
        "uncorrected-errors-panic" | "suspected-uncorrected-error" | "crash-by-hardware" => {
            "find out which part of the hardware brought the server down"
        }
        "livepatch-stalled" | "livepatch-stuck" | "livepatch-transition" => {
            "a repair of the running kernel, a live patch, was begun and does not come to its end; somebody is to \
             find out which program holds it up, or restart the server"
        }
        "livepatch-failed" | "livepatch-not-loaded" | "livepatch-disabled" => {
            "a live patch that is installed is not in force: apply it, or restart the server"
        }
        "livepatch-support-ended" => {
            "live patches for this kernel are no longer made: restart the server with a newer one"
        }
        "livepatch-support-ending" => {
            "live patches for this kernel will soon be made no more: plan a restart with a newer one"
        }
        "livepatch-forced" => {
            "a live patch was forced upon the kernel, which can no longer be relied on: restart the server"
        }
        "reboot-marker" | "user-space-reboot" => {
            "restart the server, as its operating system asks for it"
        }
        "kernel-died" => "restart the server, as a part of its kernel has failed",
        "processes-stale" => "restart services that still run programs from before their update",
        "microcode-behind" | "microcode-mixed" => {
            "restart the server, so that its processor has the corrections that are installed"
        }
        "ledger-altered" => "find out who altered the record that this report rests on",
        "ecc-off" => "switch the correction of memory errors on in the firmware (\"ECC\")",
        "firmware-first"
        | "firmware-default"
        | "no-edac-core"
        | "no-edac-controller"
        | "edac-unreadable"
        | "counters-unreadable" => "make memory errors visible, as they cannot be seen now",
        _ => return None,
    })
}
