//! The verdicts on all sticks of a host, from its history and what it shows now.

use super::Observation;
use super::by_policy::{Standing, Standings};
use super::classify::Fault;
use super::judgement::{Advice, Judgement, MemorySettings, Reason};
use super::neighbours::{Topology, neighbours};
use super::places::{Shown, topology};
use super::state::DimmState;
use super::trace::{counts_from, known_watches, observations_within};
use crate::replay::{Policy, When};
use scrubjay_model::{
    Accumulated, Action, Cell, ControllerKey, DimmFault, DimmPolicy, DimmReason, DimmRisk,
    DimmRule, DimmVerdict, ErrorClass, Hit, MemoryTraces, ModuleKey, ModuleRecord, ModuleTrace,
    Place, Probability, Seconds, Snapshot, Watch, name_apart,
};
use std::collections::BTreeMap;

/// How far back a history is looked at: faults are remembered for 90 days, and a trend is held
/// against the month before.
pub const LOOK_BACK_DAYS: u32 = 120;

/// The verdicts on all sticks that the history has in the host, by their keys.
pub fn judge_host(
    traces: &MemoryTraces,
    accumulated: &Accumulated,
    snapshot: &Snapshot,
    settings: &MemorySettings,
    policy: &Policy,
) -> Vec<DimmVerdict> {
    let now = snapshot.at.wall_ms.div_euclid(1_000);
    let edac = Snapshot::found(&snapshot.edac);
    let shown = Shown::of(accumulated, edac);
    let watches = known_watches(traces);
    let mut quiet: BTreeMap<(Seconds, bool), DimmState> = BTreeMap::new();
    let known: Vec<(&ModuleKey, &ModuleRecord)> = traces
        .modules
        .keys()
        .filter_map(|key| Some((key, accumulated.modules.get(key)?)))
        .filter(|(_, record)| record.ended_wall_ms.is_none())
        .collect();
    let places: Vec<Topology> = known.iter().map(|(_, record)| topology(record, &shown)).collect();
    let mut states = Vec::with_capacity(known.len());
    let mut standings = Standings::new(policy);
    for ((key, record), place) in known.iter().zip(&places) {
        let Some(trace) = traces.modules.get(key) else { continue };
        let since = record.since_wall_ms.div_euclid(1_000);
        let counted = is_counted(record, &shown);
        let life = Life { since, counted, earlier: record.uncorrectable > 0 };
        let is_quiet =
            trace.changes.is_empty() && trace.reports.is_empty() && trace.folded.is_empty();
        let (mut state, earlier) = if is_quiet {
            // Of most sticks nothing is known but when they were watched, and that of many at once.
            let begin = since.max(traces.from_wall_ms.div_euclid(1_000));
            let state = quiet.entry((begin, counted));
            let state =
                state.or_insert_with(|| life.observe(traces, &watches, trace, now, |_| ()).0);
            standings.add(*place, counts_from(trace));
            (state.clone(), life.earlier)
        } else {
            standings.add(*place, counts_from(trace));
            life.observe(traces, &watches, trace, now, |seen| standings.see(seen))
        };
        if earlier {
            // Its sum tells of one that is older than what is looked at.
            let at = traces.from_wall_ms.div_euclid(1_000).min(now);
            let failed = Observation::Uncorrected { at, cell: Cell::default(), page: None };
            state.observe(&failed);
            standings.see(&failed);
        }
        states.push((state, trace.cut));
    }
    let host: Vec<(Topology, &DimmState)> =
        places.into_iter().zip(states.iter().map(|(state, _)| state)).collect();
    let around = neighbours(&host, now);
    let standings = standings.at(now);
    let mut verdicts: Vec<DimmVerdict> = known
        .iter()
        .zip(&states)
        .zip(around.iter().zip(&standings))
        .map(|(((key, record), (state, cut)), (around, standings))| {
            let judgement = state.judge(now, around, settings).by(policy, standings, now);
            let by = DimmPolicy {
                name: policy.name.clone(),
                rules: standings.iter().map(rule).collect(),
            };
            verdict(key, record, &judgement, *cut, by)
        })
        .collect();
    tell_apart(&mut verdicts);
    verdicts
}

/// What is known of a stick's time in its slot.
#[derive(Debug, Clone, Copy)]
struct Life {
    since: Seconds,
    /// Whether its corrected errors can be read now.
    counted: bool,
    /// Whether it ever had an uncorrected error.
    earlier: bool,
}

impl Life {
    /// The state that its trace leads to, and whether it had an uncorrected error that the trace does
    /// not tell of.
    fn observe(
        self,
        traces: &MemoryTraces,
        watches: &[Watch],
        trace: &ModuleTrace,
        now: Seconds,
        mut see: impl FnMut(&Observation),
    ) -> (DimmState, bool) {
        let (from, seen) = observations_within(traces, watches, trace);
        let mut state = DimmState::new(from);
        let mut earlier = self.earlier;
        for observation in seen.iter().filter_map(|seen| of_its_life(seen, self.since)) {
            let Some(observation) = by_now(observation, now, self.counted) else { continue };
            earlier &= !matches!(observation, Observation::Uncorrected { .. });
            state.observe(&observation);
            see(&observation);
        }
        (state, earlier)
    }
}

/// Two slots may bear one name in the tables of the firmware, and no finding is to be of both.
fn tell_apart(verdicts: &mut [DimmVerdict]) {
    let mut bearers: BTreeMap<String, u32> = BTreeMap::new();
    for dimm in &*verdicts {
        *bearers.entry(dimm.name.clone()).or_default() += 1;
    }
    for dimm in verdicts {
        if bearers.get(&dimm.name).is_some_and(|bearers| *bearers > 1) {
            let apart = dimm.counted_at.first().unwrap_or(&dimm.module);
            dimm.name = name_apart(&dimm.name, apart);
        }
    }
}

/// Whether the corrected errors at each of its places can be read now. Of a stick whose counters
/// nobody shows no silence is known, however many passes there were.
fn is_counted(record: &ModuleRecord, shown: &Shown<'_>) -> bool {
    let shows = |(key, place): &(ControllerKey, Place)| {
        let found = shown.get(key, *place);
        found.is_some_and(|(_, dimm)| dimm.errors.get(ErrorClass::Correctable).value().is_some())
    };
    !record.places.is_empty() && record.places.iter().all(shows)
}

/// What a clock that ran ahead has dated more than a day after now is left out: it would age all that
/// was seen before it. The sums of counters have it all the same.
const AHEAD_SECONDS: Seconds = 86_400;

/// An observation as it may be known now, and without the silence of what is not counted.
fn by_now(seen: Observation, now: Seconds, counted: bool) -> Option<Observation> {
    if seen.at() > now.saturating_add(AHEAD_SECONDS) {
        return None;
    }
    match seen {
        Observation::Counted { errors: 0, at_least: false, .. } if !counted => None,
        Observation::Counted { from, until, watched, errors, at_least } if until > now => {
            let from = from.min(now.saturating_sub(1));
            let watched = watched.min(u32::try_from(now.saturating_sub(from)).unwrap_or(u32::MAX));
            Some(Observation::Counted { from, until: now, watched, errors, at_least })
        }
        Observation::Reported(hit) => {
            Some(Observation::Reported(Hit { at: hit.at.min(now), ..hit }))
        }
        Observation::Uncorrected { at, cell, page } => {
            Some(Observation::Uncorrected { at: at.min(now), cell, page })
        }
        Observation::Offlined { at, page } => Some(Observation::Offlined { at: at.min(now), page }),
        Observation::Booted { at } => Some(Observation::Booted { at: at.min(now) }),
        Observation::Counted { .. } | Observation::Replaced { .. } => Some(seen),
    }
}

/// Silence from before a stick came is that of the stick before it, or of an empty slot. Errors
/// are the stick's own: those that were counted when it was first seen too.
fn of_its_life(seen: &Observation, since: Seconds) -> Option<Observation> {
    let (from, until, watched) = match *seen {
        Observation::Counted { from, until, watched, errors: 0, at_least: false } => {
            (from, until, watched)
        }
        Observation::Booted { at } if at < since => return None,
        Observation::Counted { .. }
        | Observation::Reported(_)
        | Observation::Uncorrected { .. }
        | Observation::Booted { .. }
        | Observation::Offlined { .. }
        | Observation::Replaced { .. } => return Some(*seen),
    };
    if until <= since {
        return None;
    }
    let begin = from.max(since);
    // Watched evenly, as a sum of a day is taken to be.
    let share = i128::from(watched) * i128::from(until - begin) / i128::from((until - from).max(1));
    let watched = u32::try_from(share).unwrap_or(watched);
    Some(Observation::Counted { from: begin, until, watched, errors: 0, at_least: false })
}

fn verdict(
    key: &ModuleKey,
    record: &ModuleRecord,
    judgement: &Judgement,
    cut: bool,
    policy: DimmPolicy,
) -> DimmVerdict {
    let Judgement { verdict, advice, mode, faults, trend, risk, decision, reasons, sentence } =
        judgement;
    let pays = decision.break_even + risk.p_new;
    let counted_at = record.place_names();
    let name = record.slot_name().or_else(|| counted_at.first().cloned());
    DimmVerdict {
        key: key.clone(),
        module: key.opaque(),
        name: name.unwrap_or_else(|| key.opaque()),
        counted_at,
        errors: record.correctable.saturating_add(record.uncorrectable),
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
            validity: risk.words(),
        },
        sentence: sentence.clone(),
        reasons: reasons.iter().map(reason).collect(),
        cut,
        policy,
        trend_p: trend.p_of_both().and_then(Probability::new),
    }
}

fn rule(standing: &Standing) -> DimmRule {
    let Standing { rule, reached, holds } = standing;
    let limit = match rule.when {
        When::Corrected { errors, .. } => Some(errors),
        When::Uncorrected => Some(1),
        When::Worth(_) => None,
    };
    DimmRule {
        code: rule.code.clone(),
        then: rule.then.as_str(),
        holds: *holds,
        limit,
        reached: (!rule.knows_costs()).then_some(reached.times),
        last_reached_wall_ms: reached.last.map(wall_ms),
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
