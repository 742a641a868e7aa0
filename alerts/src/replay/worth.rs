//! What the engine makes of each DIMM of a node: whether dealing with it is worth its cost.

use super::policy::Worth;
use crate::memory::{
    Advice, CountsFrom, DimmState, MemorySettings, Mode, Neighbours, Observation, Seconds,
    Topology, neighbours,
};

/// The engine's state for the DIMMs of a node.
#[derive(Debug)]
pub(super) struct Appraisal {
    settings: MemorySettings,
    dimms: Vec<(Topology, DimmState)>,
    /// Of each DIMM: when it was judged, and what came of it.
    judged: Vec<Option<(Seconds, f64)>>,
}

/// A DIMM is judged anew at an error, at most this often: a storm adds nothing by the second.
const ANEW_AFTER: Seconds = 3_600;

impl Appraisal {
    pub(super) fn new(
        worth: Worth,
        dimms: &[(Topology, CountsFrom)],
        settings: &MemorySettings,
    ) -> Self {
        let dimms: Vec<_> =
            dimms.iter().map(|(place, counts)| (*place, DimmState::new(*counts))).collect();
        Self {
            settings: MemorySettings { horizon_days: worth.horizon_days, ..settings.clone() },
            judged: vec![None; dimms.len()],
            dimms,
        }
    }

    /// The next step of a DIMM's record. At an error: the probability of failing within the horizon
    /// that a swap takes away.
    pub(super) fn see(
        &mut self,
        dimm: usize,
        observation: &Observation,
        shows_error: bool,
    ) -> Option<f64> {
        let (_, state) = self.dimms.get_mut(dimm)?;
        state.observe(observation);
        let judged = self.judged.get_mut(dimm)?;
        if matches!(observation, Observation::Replaced { .. }) {
            *judged = None;
        }
        if !shows_error {
            return None;
        }
        let at = observation.at();
        if let Some((last, risk)) = *judged
            && at.saturating_sub(last) < ANEW_AFTER
        {
            return Some(risk);
        }
        let risk = self.judge(dimm, at)?;
        *self.judged.get_mut(dimm)? = Some((at, risk));
        Some(risk)
    }

    fn judge(&self, dimm: usize, at: Seconds) -> Option<f64> {
        let erring = self.dimms.iter().filter(|(_, state)| state.last_error().is_some());
        let around = if erring.count() > 1 {
            let host: Vec<(Topology, &DimmState)> =
                self.dimms.iter().map(|(place, state)| (*place, state)).collect();
            neighbours(&host, at).get(dimm).copied().unwrap_or(Neighbours::NONE)
        } else {
            Neighbours::NONE
        };
        let (_, state) = self.dimms.get(dimm)?;
        let judgement = state.judge(at, &around, &self.settings);
        Some(match judgement.mode {
            // A swap would not help.
            Mode::Channel | Mode::Controller => 0.0,
            // No cost makes this wait.
            _ if judgement.advice == Advice::SwapNow => 1.0,
            Mode::Unknown
            | Mode::Cell
            | Mode::CellOrRow
            | Mode::FewCells
            | Mode::UnknownMulti
            | Mode::Row
            | Mode::Column
            | Mode::Subarray
            | Mode::Bank
            | Mode::MultiBankColumn
            | Mode::MultiBank
            | Mode::MultiDevice => judgement.risk.p - judgement.risk.p_new,
        })
    }
}
