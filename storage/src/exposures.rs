//! Vulnerabilities owed by the running kernel, from when they are first seen until a boot brings
//! their fix. Pure.
//!
//! An exposure is opened once and ends once. A list that cannot be read, or no longer names it, ends
//! nothing: only a running kernel of a version that has the fix does.

use crate::changes::Changes;
use crate::state::State;
use scrubjay_model::{
    CveId, ExposureTurnKind, FixState, KernelDebt, MissingFix, PackageVersion, PatchTruth, Stamp,
};

/// An exposure that has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exposure {
    /// Its row id.
    pub(crate) id: i64,
    /// The first version that fixes it.
    pub(crate) fix_version: PackageVersion,
    /// The live patch that has it in force.
    pub(crate) mitigated_by: Option<String>,
}

/// A row of an exposure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExposureRow {
    pub(crate) id: i64,
    pub(crate) cve: CveId,
    pub(crate) fix_version: PackageVersion,
    pub(crate) released_unix_s: Option<i64>,
    pub(crate) installed_unix_s: Option<i64>,
    pub(crate) at: Stamp,
}

/// A row of a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExposureTurn {
    pub(crate) exposure: i64,
    pub(crate) wall_ms: i64,
    /// The boot it happened in.
    pub(crate) at: Stamp,
    pub(crate) what: ExposureTurnKind,
    pub(crate) by: String,
}

/// Brings the exposures up to date.
pub(crate) fn follow(state: &mut State, truth: &PatchTruth, at: &Stamp, changes: &mut Changes) {
    close(state, truth, at, changes);
    if let Some(debt) = truth.debt.value() {
        open(state, debt, at, changes);
        mitigate(state, debt, at, changes);
    }
    changes.urgent |= !(changes.exposures.is_empty() && changes.exposure_turns.is_empty());
}

/// Those whose fix the running kernel was booted with.
fn close(state: &mut State, truth: &PatchTruth, at: &Stamp, changes: &mut Changes) {
    let running = truth.kernel.running.as_ref();
    let Some(runs) = running.and_then(|running| running.package_version.as_ref()) else { return };
    let booted_wall_ms = state.boot.as_ref().map_or(at.wall_ms, |boot| boot.booted_wall_ms);
    state.exposures.retain(|_, exposure| {
        let fixed = *runs >= exposure.fix_version;
        if fixed {
            changes.exposure_turns.push(ExposureTurn {
                exposure: exposure.id,
                wall_ms: booted_wall_ms,
                at: at.clone(),
                what: ExposureTurnKind::Closed,
                by: runs.to_string(),
            });
        }
        !fixed
    });
}

fn open(state: &mut State, debt: &KernelDebt, at: &Stamp, changes: &mut Changes) {
    for MissingFix { fix, installed_unix_s, state: _, rank: _ } in &debt.missing {
        if state.exposures.contains_key(&fix.cve) {
            continue;
        }
        let id = state.next_exposure;
        state.next_exposure = id.saturating_add(1);
        let fix_version = fix.version.clone();
        changes.exposures.push(ExposureRow {
            id,
            cve: fix.cve,
            fix_version: fix_version.clone(),
            released_unix_s: fix.released_unix_s,
            installed_unix_s: *installed_unix_s,
            at: at.clone(),
        });
        state.exposures.insert(fix.cve, Exposure { id, fix_version, mitigated_by: None });
    }
}

fn mitigate(state: &mut State, debt: &KernelDebt, at: &Stamp, changes: &mut Changes) {
    for missing in &debt.missing {
        let Some(exposure) = state.exposures.get_mut(&missing.fix.cve) else { continue };
        let by = match &missing.state {
            FixState::Mitigated(by) => Some(by.clone()),
            FixState::Debt | FixState::InFlight(_) => None,
        };
        // Which of several patches has it is of no account as long as one does.
        let (what, named) = match (&exposure.mitigated_by, &by) {
            (None, Some(by)) => (ExposureTurnKind::Mitigated, by.clone()),
            (Some(by), None) => (ExposureTurnKind::Unmitigated, by.clone()),
            (None, None) | (Some(_), Some(_)) => continue,
        };
        let turn = ExposureTurn {
            exposure: exposure.id,
            wall_ms: at.wall_ms,
            at: at.clone(),
            what,
            by: named,
        };
        changes.exposure_turns.push(turn);
        exposure.mitigated_by = by;
    }
}
