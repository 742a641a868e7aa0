//! What was foretold of DIMMs and what came of it, for the calibration of the engine.
//!
//! P(7 days) is asked of a DIMM at its first error and then at the end of each week, as long as it
//! erred in the week before; so weeks do not overlap, and no failure counts twice. A week that the
//! record does not see the end of has no outcome, and is left out unless the DIMM failed in it. A
//! DIMM that failed is over until another one is in its slot.

use super::history::{Dimm, Node};
use super::run::in_order;
use crate::memory::{
    Calibration, DimmState, LEAST_OUTCOMES, MemorySettings, Mode, Observation, Seconds, Topology,
    neighbours,
};
use std::collections::BTreeMap;

/// What was foretold of one DIMM for seven days, and whether it failed within them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// When it was foretold.
    pub at: Seconds,
    /// P(failing within 7 days), as the scorecard has it without any calibration.
    pub foretold: f64,
    /// Whether it did.
    pub failed: bool,
}

/// The outcomes of several nodes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcomes {
    /// In the order of nodes, of their DIMMs and of time.
    pub all: Vec<Outcome>,
    /// DIMMs of which anything was foretold.
    pub dimms: u64,
    /// Failures in all, with those of which nothing was foretold.
    pub failures: u64,
}

/// What probabilities are worth, held against what came.
#[derive(Debug, Clone, PartialEq)]
pub struct Reliability {
    /// Outcomes by what was foretold; those without any are left out.
    pub bins: Vec<Bin>,
    /// Mean square of what was foretold less what came: the less, the better.
    pub brier: f64,
    /// Mean logarithm of what was foretold of what came, with its sign turned: likewise.
    pub log_loss: f64,
}

/// Outcomes of which about the same was foretold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bin {
    /// From this probability on.
    pub from: f64,
    /// Below this one.
    pub below: f64,
    /// How many.
    pub outcomes: u64,
    /// Failures that were to be expected.
    pub foretold: f64,
    /// Failures that came.
    pub failed: u64,
}

/// A calibration, and what it changes on the outcomes it was fitted to.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// The correction.
    pub calibration: Calibration,
    /// Without it.
    pub before: Reliability,
    /// With it. It was fitted to these outcomes, which flatters it.
    pub after: Reliability,
}

/// Why nothing is fitted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NoFit {
    /// There are fewer than [`LEAST_OUTCOMES`] failures of which something was foretold.
    TooFewFailures(u64),
    /// Nothing survived.
    NoSurvivors,
    /// It does not settle.
    NotSettled,
    /// What was called likelier failed less often.
    Reversed(f64),
}

const WEEK: Seconds = 7 * 86_400;

/// Where one bin ends and the next begins.
const EDGES: [f64; 9] = [0.0, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0];

impl Outcomes {
    /// Takes in a node whose record ends at `until`.
    pub fn add(&mut self, node: &Node, until: Seconds, settings: &MemorySettings) {
        let mut asked = Asked::new(node, settings);
        in_order(node, |dimm, seen| {
            asked.ask_before(seen.at());
            asked.see(dimm, seen);
        });
        asked.ask_before(until);
        for (dimm, asked) in node.dimms.iter().zip(asked.foretold) {
            self.failures += u64::try_from(dimm.failures.len()).unwrap_or(u64::MAX);
            let before = self.all.len();
            self.all.extend(asked.iter().filter_map(|one| outcome(dimm, *one, until)));
            self.dimms += u64::from(self.all.len() > before);
        }
    }

    /// The first and the last moment at which something was foretold.
    pub fn span(&self) -> Option<(Seconds, Seconds)> {
        let moments = || self.all.iter().map(|outcome| outcome.at);
        moments().min().zip(moments().max())
    }

    /// Fits a calibration.
    ///
    /// # Errors
    /// If the outcomes are too few, or do not bear a fit.
    pub fn fit(&self) -> Result<Fitted, NoFit> {
        let failed = self.all.iter().filter(|outcome| outcome.failed).count();
        let failures = u64::try_from(failed).unwrap_or(u64::MAX);
        if failures < LEAST_OUTCOMES.into() {
            return Err(NoFit::TooFewFailures(failures));
        }
        if failed == self.all.len() {
            return Err(NoFit::NoSurvivors);
        }
        let pairs: Vec<(f64, bool)> =
            self.all.iter().map(|outcome| (outcome.foretold, outcome.failed)).collect();
        let calibration = Calibration::fit(&pairs).ok_or(NoFit::NotSettled)?;
        if calibration.stretch <= 0.0 {
            return Err(NoFit::Reversed(calibration.stretch));
        }
        let corrected = pairs.iter().map(|(p, failed)| (calibration.correct(*p), *failed));
        let after = Reliability::of(corrected);
        Ok(Fitted { calibration, before: Reliability::of(pairs.iter().copied()), after })
    }
}

/// What came of what was foretold; `None` if the record does not tell.
fn outcome(dimm: &Dimm, (at, foretold): (Seconds, f64), until: Seconds) -> Option<Outcome> {
    let end = at.saturating_add(WEEK);
    let failed = dimm.failures.iter().any(|failure| at < failure.at && failure.at <= end);
    let gone = dimm
        .observations
        .iter()
        .any(|seen| matches!(*seen, Observation::Replaced { at: gone } if at < gone && gone < end));
    (failed || (end <= until && !gone)).then_some(Outcome { at, foretold, failed })
}

/// A node at work: what was foretold of each DIMM so far.
struct Asked<'a> {
    node: &'a Node,
    settings: MemorySettings,
    states: Vec<(Topology, DimmState)>,
    /// When a DIMM is to be asked again.
    next: BTreeMap<(Seconds, usize), ()>,
    is_asked: Vec<bool>,
    /// Of each DIMM: whether it failed, and no other one came.
    is_over: Vec<bool>,
    foretold: Vec<Vec<(Seconds, f64)>>,
}

impl<'a> Asked<'a> {
    fn new(node: &'a Node, settings: &MemorySettings) -> Self {
        let states = node.dimms.iter().map(|dimm| (dimm.place, DimmState::new(dimm.counts)));
        Self {
            node,
            settings: MemorySettings { calibration: None, window: None, ..settings.clone() },
            states: states.collect(),
            next: BTreeMap::new(),
            is_asked: vec![false; node.dimms.len()],
            is_over: vec![false; node.dimms.len()],
            foretold: vec![Vec::new(); node.dimms.len()],
        }
    }

    /// Asks all that are to be asked before a moment.
    fn ask_before(&mut self, before: Seconds) {
        while let Some((&(at, dimm), ())) = self.next.first_key_value() {
            if at >= before {
                return;
            }
            self.next.pop_first();
            self.ask(dimm, at);
        }
    }

    fn see(&mut self, dimm: usize, seen: &Observation) {
        let Some((_, state)) = self.states.get_mut(dimm) else { return };
        state.observe(seen);
        if matches!(seen, Observation::Replaced { .. }) {
            self.next.retain(|(_, of), ()| *of != dimm);
            for of in [&mut self.is_asked, &mut self.is_over] {
                of.iter_mut().skip(dimm).take(1).for_each(|is| *is = false);
            }
        } else if Dimm::shows_error(seen) && self.is_asked.get(dimm) == Some(&false) {
            self.ask(dimm, seen.at());
        }
    }

    /// Asks of a DIMM now, and says when to ask again.
    fn ask(&mut self, dimm: usize, at: Seconds) {
        let over = self.is_over.get(dimm).copied().unwrap_or(true);
        let Some(asked) = self.is_asked.get_mut(dimm).filter(|_| !over) else { return };
        *asked = false;
        let Some((_, state)) = self.states.get(dimm) else { return };
        let erred = state.last_error().is_some_and(|last| at.saturating_sub(last) <= WEEK);
        // It failed, and goes on in the slot: what is said of it then rests on the failure.
        let failed = state.uncorrected() > 0 || has_failed(self.node, dimm, at);
        if failed && let Some(over) = self.is_over.get_mut(dimm) {
            *over = true;
        }
        if !erred || failed {
            return;
        }
        *asked = true;
        self.next.insert((at.saturating_add(WEEK), dimm), ());
        let host: Vec<(Topology, &DimmState)> =
            self.states.iter().map(|(place, state)| (*place, state)).collect();
        let Some(around) = neighbours(&host, at).get(dimm).copied() else { return };
        let judgement = state.judge(at, &around, &self.settings);
        let is_outside = matches!(judgement.mode, Mode::Channel | Mode::Controller);
        if let (Some(p), false, Some(foretold)) =
            (judgement.risk.p7, is_outside, self.foretold.get_mut(dimm))
        {
            foretold.push((at, p));
        }
    }
}

/// Whether a DIMM failed in its life so far, whoever tells of it.
fn has_failed(node: &Node, dimm: usize, at: Seconds) -> bool {
    let Some(dimm) = node.dimms.get(dimm) else { return false };
    let lives = dimm.observations.iter().filter_map(|seen| {
        let Observation::Replaced { at: began } = *seen else { return None };
        (began <= at).then_some(began)
    });
    let began = lives.max().unwrap_or(Seconds::MIN);
    dimm.failures.iter().any(|failure| began < failure.at && failure.at <= at)
}

impl Reliability {
    /// Of probabilities and what came.
    pub fn of(outcomes: impl Iterator<Item = (f64, bool)>) -> Self {
        let edges = EDGES.iter().zip(EDGES.iter().skip(1));
        let mut bins: Vec<Bin> = edges
            .map(|(from, below)| Bin {
                from: *from,
                below: *below,
                outcomes: 0,
                foretold: 0.0,
                failed: 0,
            })
            .collect();
        let (mut brier, mut log_loss, mut all) = (0.0, 0.0, 0.0);
        for (p, failed) in outcomes {
            let came = f64::from(u8::from(failed));
            brier += (p - came).powi(2);
            log_loss -= if failed { p.ln() } else { (-p).ln_1p() };
            all += 1.0;
            let last = bins.len().saturating_sub(1);
            let place = bins.iter().position(|bin| p < bin.below).unwrap_or(last);
            if let Some(bin) = bins.get_mut(place) {
                bin.outcomes += 1;
                bin.foretold += p;
                bin.failed += u64::from(failed);
            }
        }
        bins.retain(|bin| bin.outcomes > 0);
        Self { bins, brier: brier / all, log_loss: log_loss / all }
    }
}

#[cfg(test)]
mod tests;
