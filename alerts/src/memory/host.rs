//! The verdicts on all sticks of a host, from its history and what it shows now.

use super::classify::Fault;
use super::judgement::{Advice, Judgement, MemorySettings, Reason};
use super::neighbours::{Topology, neighbours};
use super::state::DimmState;
use super::trace::observations;
use scrubjay_model::{
    Accumulated, Action, Dimm, DimmFault, DimmReason, DimmRisk, DimmVerdict, Edac, MemoryTraces,
    ModuleKey, ModuleRecord, Place, Probability, Seconds, Snapshot,
};
/// How far back a history is looked at: faults are remembered for 90 days, and a trend is held
/// against the month before.
pub const LOOK_BACK_DAYS: u32 = 120;

/// The verdicts on all sticks that the history has in the host, by their keys.
pub fn judge_host(
    traces: &MemoryTraces,
    accumulated: &Accumulated,
    snapshot: &Snapshot,
    settings: &MemorySettings,
) -> Vec<DimmVerdict> {
    let now = snapshot.at.wall_ms.div_euclid(1_000);
    let edac = Snapshot::found(&snapshot.edac);
    let known: Vec<(&ModuleKey, &ModuleRecord)> = traces
        .modules
        .keys()
        .filter_map(|key| Some((key, accumulated.modules.get(key)?)))
        .filter(|(_, record)| record.ended_wall_ms.is_none())
        .collect();
    let places: Vec<Topology> =
        known.iter().map(|(_, record)| topology(record, accumulated, edac)).collect();
    let mut states = Vec::with_capacity(known.len());
    let mut latest = now;
    for (key, _) in &known {
        let Some(trace) = traces.modules.get(key) else { continue };
        let (from, seen) = observations(traces, trace);
        let mut state = DimmState::new(from);
        for observation in &seen {
            state.observe(observation);
            latest = latest.max(observation.at());
        }
        states.push((state, trace.cut));
    }
    let host: Vec<(Topology, &DimmState)> =
        places.into_iter().zip(states.iter().map(|(state, _)| state)).collect();
    // A wall clock that was set back has records in its future.
    let around = neighbours(&host, latest);
    known
        .iter()
        .zip(&states)
        .zip(&around)
        .map(|(((key, record), (state, cut)), around)| {
            verdict(key, record, &state.judge(latest, around, settings), *cut)
        })
        .collect()
}

/// Where a stick sits. Its errors are counted in one controller, or nobody knows which channel it
/// is on.
fn topology(record: &ModuleRecord, accumulated: &Accumulated, edac: Option<&Edac>) -> Topology {
    let Some((key, place)) = record.places.first() else { return Topology::default() };
    let index = accumulated.controllers.iter().find(|(_, of)| *of == key).map(|(index, _)| *index);
    let controller = index.and_then(|index| u16::try_from(index).ok());
    let found = edac.and_then(|edac| {
        let controller = edac.controllers.iter().find(|c| Some(c.index) == index)?;
        controller.dimms.iter().find(|dimm| dimm.place == *place)
    });
    let channel = found.and_then(channel).filter(|_| controller.is_some());
    Topology { socket: None, controller, channel }
}

/// The channel of a place, by its directory or by `dimm_location`.
fn channel(dimm: &Dimm) -> Option<u16> {
    if let Place::Channel { csrow: _, channel } = dimm.place {
        return u16::try_from(channel).ok();
    }
    let mut words = dimm.location.value()?.split_whitespace();
    words.find(|word| *word == "channel")?;
    words.next()?.parse().ok()
}

fn verdict(
    key: &ModuleKey,
    record: &ModuleRecord,
    judgement: &Judgement,
    cut: bool,
) -> DimmVerdict {
    let Judgement { verdict, advice, mode, faults, trend: _, risk, decision, reasons, sentence } =
        judgement;
    let pays = decision.break_even + risk.p_new;
    let counted_at = record.place_names();
    let name = record.slot_name().or_else(|| counted_at.first().cloned());
    DimmVerdict {
        key: key.clone(),
        module: key.opaque(),
        name: name.unwrap_or_else(|| key.opaque()),
        counted_at,
        verdict: *verdict,
        action: action(*advice),
        advice: advice.words(),
        shape: mode.as_str(),
        faults: faults.iter().map(fault).collect(),
        risk: DimmRisk {
            within_7_days: risk.p7.map(Probability::nearest),
            within_horizon: Probability::nearest(risk.p),
            low: Probability::nearest(risk.low),
            high: Probability::nearest(risk.high),
            horizon_days: whole_days(risk.days),
            swap_pays_from: Probability::new(pays).filter(|pays| pays.value() < 1.0),
            validity: risk.validity.words(),
        },
        sentence: sentence.clone(),
        reasons: reasons.iter().map(reason).collect(),
        cut,
    }
}

/// A horizon in days, which is far below the largest number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to the range before"
)]
fn whole_days(days: f64) -> u32 {
    days.clamp(0.0, 36_500.0).round() as u32
}

fn fault(fault: &Fault) -> DimmFault {
    DimmFault {
        shape: fault.mode.as_str(),
        proven: fault.is_proven,
        permanent: fault.is_permanent,
        errors: fault.errors,
        places: fault.places,
        rows: fault.rows,
        columns: fault.columns,
        banks: fault.banks,
        first_wall_ms: wall_ms(fault.first),
        last_wall_ms: wall_ms(fault.last),
    }
}

fn reason(reason: &Reason) -> DimmReason {
    let Reason { code, verdict, since, text, reboot } = reason;
    DimmReason {
        code,
        verdict: *verdict,
        since_wall_ms: since.map(wall_ms),
        text: text.clone(),
        reboot_helps: *reboot,
    }
}

fn wall_ms(at: Seconds) -> i64 {
    at.saturating_mul(1_000)
}

fn action(advice: Advice) -> Action {
    match advice {
        Advice::Nothing | Advice::Observe => Action::Observe,
        Advice::FixVisibility => Action::FixVisibility,
        Advice::OfflinePage => Action::OfflinePage,
        Advice::RebootForRepair => Action::RebootForRepair,
        Advice::InvestigateChannelOrCpu => Action::InvestigateChannelOrCpu,
        Advice::PrepareSwap | Advice::SwapAtWindow | Advice::SwapNow => Action::SwapDimm,
    }
}
