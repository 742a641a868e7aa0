//! Policies run over nodes, on as many threads as are given; the result does not depend on how many.

use super::history::Node;
use super::policy::Policy;
use super::score::{Metric, Tally, of_alarms};
use super::watch::Watch;
use crate::memory::{MemorySettings, Observation, Seconds};
use std::sync::atomic::{AtomicUsize, Ordering};

/// What is to be replayed.
#[derive(Debug, Clone, Copy)]
pub struct Plan<'a> {
    /// Who takes part. A policy that knows the costs takes part once for each ratio.
    pub policies: &'a [Policy],
    /// How many mitigations a failure costs.
    pub ratios: &'a [f64],
    /// What counts as caught.
    pub metric: Metric,
    /// What the engine goes by.
    pub settings: &'a MemorySettings,
}

/// One that takes part.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Entrant<'a> {
    /// The policy.
    pub policy: &'a Policy,
    /// The ratio it was told; `None` for one that does not ask.
    pub told: Option<f64>,
}

impl<'a> Plan<'a> {
    /// Everyone who takes part, in the order of the results.
    pub fn entrants(&self) -> Vec<Entrant<'a>> {
        let of = |policy: &'a Policy| {
            let told: Vec<Option<f64>> = if policy.knows_costs() {
                self.ratios.iter().copied().map(Some).collect()
            } else {
                vec![None]
            };
            told.into_iter().map(move |told| Entrant { policy, told })
        };
        self.policies.iter().flat_map(of).collect()
    }

    /// What came of one node, for each entrant.
    pub fn node(&self, node: &Node) -> Vec<Tally> {
        self.policies.iter().flat_map(|policy| self.policy(policy, node)).collect()
    }

    fn policy(&self, policy: &Policy, node: &Node) -> Vec<Tally> {
        let told: &[f64] = if policy.knows_costs() { self.ratios } else { &[f64::INFINITY] };
        let dimms = node.dimms.len();
        let mut raised: Vec<Vec<Vec<Seconds>>> = vec![vec![Vec::new(); dimms]; told.len()];
        let mut standing = vec![vec![false; dimms]; told.len()];
        let (mut blind, mut placed) = (vec![false; dimms], vec![false; dimms]);
        let mut offlined = 0;
        if !policy.rules.is_empty() {
            let mut watch = Watch::new(policy, &node.dimms, self.settings);
            in_order(node, |dimm, observation| {
                let said = watch.see(dimm, observation);
                offlined += u64::from(said.offlined);
                if let (Some(blind), Some(placed)) = (blind.get_mut(dimm), placed.get_mut(dimm)) {
                    *blind |= said.not_placed;
                    *placed |= said.placed;
                }
                let replaced = matches!(observation, Observation::Replaced { .. });
                for ((ratio, raised), standing) in told.iter().zip(&mut raised).zip(&mut standing) {
                    let (Some(raised), Some(standing)) =
                        (raised.get_mut(dimm), standing.get_mut(dimm))
                    else {
                        continue;
                    };
                    // What was worth it once stands until it is done: the DIMM is not worth less for
                    // having waited. Each further error says so again.
                    *standing &= !replaced;
                    *standing |= said.risk.is_some_and(|risk| risk * ratio > 1.0);
                    let alarm = said.risk.is_some() && *standing || !said.alarms.is_empty();
                    if alarm && raised.last() != Some(&observation.at()) {
                        raised.push(observation.at());
                    }
                }
            });
        }
        let unjudged = blind.iter().zip(&placed).filter(|(blind, placed)| **blind && !**placed);
        let unjudged = u64::try_from(unjudged.count()).unwrap_or(u64::MAX);
        let tally = |alarms: Vec<Vec<Seconds>>| Tally {
            unjudged,
            offlined,
            ..of_alarms(&self.metric, &node.dimms, &alarms)
        };
        raised.into_iter().map(tally).collect()
    }

    /// What came of nodes that are made one by one, summed for each entrant. `done` is told how many
    /// were replayed each time some were.
    ///
    /// # Errors
    /// With what making a node failed with, of the first that did.
    pub fn nodes<E: Send>(
        &self,
        count: usize,
        threads: usize,
        make: impl Fn(usize) -> Result<Node, E> + Sync,
        done: impl Fn(usize) + Sync,
    ) -> Result<Vec<Tally>, E> {
        let next = AtomicUsize::new(0);
        let worker = || -> Result<Vec<Tally>, (usize, E)> {
            let mut sums = vec![Tally::default(); self.entrants().len()];
            loop {
                let first = next.fetch_add(AT_ONCE, Ordering::Relaxed);
                if first >= count {
                    return Ok(sums);
                }
                let last = first.saturating_add(AT_ONCE).min(count);
                for index in first..last {
                    let node = make(index).map_err(|error| (index, error))?;
                    for (sum, tally) in sums.iter_mut().zip(self.node(&node)) {
                        sum.add(tally);
                    }
                }
                done(last - first);
            }
        };
        let parts: Vec<Result<Vec<Tally>, (usize, E)>> = std::thread::scope(|scope| {
            let workers: Vec<_> = (1..threads.max(1)).map(|_| scope.spawn(worker)).collect();
            let own = worker();
            let others = workers.into_iter().map(|worker| match worker.join() {
                Ok(part) => part,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            std::iter::once(own).chain(others).collect()
        });
        let mut sums = vec![Tally::default(); self.entrants().len()];
        let mut failed: Option<(usize, E)> = None;
        for part in parts {
            match part {
                Ok(part) => {
                    for (sum, tally) in sums.iter_mut().zip(part) {
                        sum.add(tally);
                    }
                }
                Err(error) => {
                    if failed.as_ref().is_none_or(|(index, _)| error.0 < *index) {
                        failed = Some(error);
                    }
                }
            }
        }
        match failed {
            Some((_, error)) => Err(error),
            None => {
                for sum in &mut sums {
                    sum.leads.sort_unstable();
                }
                Ok(sums)
            }
        }
    }
}

/// Nodes that a thread takes at once.
const AT_ONCE: usize = 16;

/// The observations of all DIMMs of a node, in the order of time; those of one moment by DIMM.
pub(crate) fn in_order(node: &Node, mut see: impl FnMut(usize, &Observation)) {
    let with_any = node.dimms.iter().enumerate().filter(|(_, dimm)| !dimm.observations.is_empty());
    let with_any: Vec<_> = with_any.collect();
    if let [(index, dimm)] = with_any.as_slice() {
        dimm.observations.iter().for_each(|observation| see(*index, observation));
        return;
    }
    let mut steps: Vec<(Seconds, usize, &Observation)> = with_any
        .iter()
        .flat_map(|(index, dimm)| dimm.observations.iter().map(|seen| (seen.at(), *index, seen)))
        .collect();
    // Stable: what is of one moment and one DIMM keeps its order.
    steps.sort_by_key(|(at, index, _)| (*at, *index));
    steps.into_iter().for_each(|(_, index, observation)| see(index, observation));
}
