//! Everything known about the host after one pass.

use super::{SCHEMA_VERSION, alerts, line, mask};
use crate::PageError;
use scrubjay_model::{
    Accumulated, AgentStats, Assessment, ControllerKey, ErrorClass, EventClass, HistorySummary,
    HostHeader, HostView, KernelDebt, KernelState, LivePatches, Reading, ReportTotal, SeriesPlace,
    Snapshot, Witness,
};
use serde::Serialize;
use std::borrow::Cow;

/// Whether serial numbers, and what else is for nobody but the host's own, stand in a page.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Serials {
    Full,
    Masked,
}

#[derive(Serialize)]
struct View<'a> {
    schema_version: u32,
    serials: Serials,
    header: &'a HostHeader,
    snapshot: &'a Snapshot,
    /// What the live patches cover, and whose they are.
    live_patches: LivePatches,
    accumulated: Vec<Total<'a>>,
    reports: Vec<Reports>,
    lost_reports: u64,
    undecodable_reports: u64,
    history: &'a Reading<HistorySummary>,
    assessment: &'a Assessment,
    patches: Option<Patches<'a>>,
    #[serde(flatten)]
    alerts: alerts::Part<'a>,
    agent: Option<Cow<'a, AgentStats>>,
}

/// What is known of the kernel's patches, with vulnerabilities counted rather than named.
#[derive(Serialize)]
struct Patches<'a> {
    kernel: &'a KernelState,
    debt: Reading<DebtInShort>,
    /// Null where it cannot be told.
    reboot_required: Option<bool>,
}

#[derive(Serialize)]
struct DebtInShort {
    owed: usize,
    mitigated: usize,
    in_flight: usize,
    live_patch_only: usize,
    is_lower_bound: bool,
    partial_because: Option<String>,
}

impl DebtInShort {
    fn of(debt: &KernelDebt) -> Self {
        Self {
            owed: debt.owed().count(),
            mitigated: debt.count("mitigated"),
            in_flight: debt.count("in_flight"),
            live_patch_only: debt.live_patch_only.len(),
            is_lower_bound: debt.is_lower_bound,
            partial_because: debt.partial_because.clone(),
        }
    }
}

/// The sum of one counter over all its lives.
#[derive(Serialize)]
pub(super) struct Total<'a> {
    controller: &'a ControllerKey,
    /// What the kernel now calls the controller; null when it does not show it.
    edac: Option<String>,
    place: SeriesPlace,
    class: ErrorClass,
    total: u64,
    since_wall_ms: i64,
    restarts: u64,
    lower_bound: bool,
    /// Errors that were also reported one by one; null where nobody ever listened.
    reported: Option<u64>,
    /// Errors counted while nobody listened.
    unheard: Option<u64>,
    /// The rest; negative where more were reported than counted.
    unreported: Option<i64>,
}

/// Reports of one witness and class.
#[derive(Serialize)]
struct Reports {
    witness: Witness,
    class: EventClass,
    #[serde(flatten)]
    total: ReportTotal,
}

/// Everything known about the host after one pass: `status --json`.
pub fn snapshot(view: &HostView) -> Result<String, PageError> {
    whole(view, &view.snapshot, Serials::Full)
}

/// The same without serial numbers, and without who acknowledged what and what receivers answered:
/// `/api/v1/snapshot`, which whoever reaches the port can read.
pub fn public_snapshot(view: &HostView) -> Result<String, PageError> {
    whole(view, &mask::masked(&view.snapshot), Serials::Masked)
}

fn whole(view: &HostView, snapshot: &Snapshot, serials: Serials) -> Result<String, PageError> {
    let HostView { header, snapshot: _, accumulated, history, assessment, alerts, agent } = view;
    let reports = accumulated.reports.iter();
    let is_masked = serials == Serials::Masked;
    line(&View {
        schema_version: SCHEMA_VERSION,
        serials,
        header,
        snapshot,
        live_patches: snapshot.live_patches(&accumulated.transitions),
        reports: reports
            .map(|((witness, class), total)| Reports {
                witness: *witness,
                class: *class,
                total: *total,
            })
            .collect(),
        lost_reports: accumulated.lost_reports,
        undecodable_reports: accumulated.undecodable_reports,
        accumulated: totals(accumulated),
        history,
        patches: assessment.patches.as_ref().map(|truth| Patches {
            kernel: &truth.kernel,
            debt: truth.debt.as_ref().map(DebtInShort::of),
            reboot_required: assessment.reboot_required(),
        }),
        assessment,
        alerts: alerts::Part::of(alerts, is_masked),
        agent: agent.value().map(|agent| match is_masked {
            true => Cow::Owned(mask::discreet(agent)),
            false => Cow::Borrowed(agent),
        }),
    })
}

pub(super) fn totals(accumulated: &Accumulated) -> Vec<Total<'_>> {
    let index_of = |key: &ControllerKey| {
        accumulated.controllers.iter().find(|(_, k)| *k == key).map(|(index, _)| *index)
    };
    accumulated
        .totals
        .iter()
        .map(|(key, sum)| Total {
            controller: &key.controller,
            edac: index_of(&key.controller).map(|index| format!("mc{index}")),
            place: key.place,
            class: key.class,
            total: sum.total,
            since_wall_ms: sum.since_wall_ms,
            restarts: sum.restarts,
            lower_bound: sum.is_lower_bound(),
            reported: accumulated.witnessed.get(key).map(|known| known.errors),
            unheard: accumulated.witnessed.get(key).map(|known| known.unheard),
            unreported: accumulated.unreported(key),
        })
        .collect()
}
