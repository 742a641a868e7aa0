//! A policy at work: it is shown the record of a node's DIMMs in the order of time, and says when it
//! raises an alarm.

use super::counters::{Collector, Count};
use super::history::Dimm;
use super::policy::{Counting, Per, Policy, PolicyRule, Then, When};
use super::worth::Appraisal;
use crate::memory::{Cell, CountsFrom, Hit, MemorySettings, Observation, Seconds};
use std::collections::BTreeMap;

/// A policy that watches the DIMMs of one node.
#[derive(Debug)]
pub struct Watch<'a> {
    rules: Vec<(&'a PolicyRule, State)>,
    /// Of each rule, of each DIMM.
    reached: Vec<Vec<Reached>>,
    /// Of each DIMM: when it last had a corrected error.
    last_error: Vec<Option<Seconds>>,
    counts: Vec<CountsFrom>,
}

/// What a policy says at one step of a record.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Said {
    /// Rules that raise an alarm now, by their places in the policy.
    pub alarms: Rules,
    /// Whether there were errors of which a rule could not judge, for nothing told their place.
    pub not_placed: bool,
    /// Whether there was a report that told a place which a rule goes by.
    pub placed: bool,
    /// Pages that are taken out of use now.
    pub offlined: u32,
    /// The probability of an uncorrected error that [`When::Worth`] goes by, where one was estimated:
    /// the alarm depends on the costs.
    pub risk: Option<f64>,
}

/// How a rule on a number of errors fared with a DIMM since it is in its slot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reached {
    /// How often it held.
    pub times: u64,
    /// When it last did.
    pub last: Option<Seconds>,
    /// What was counted then.
    pub counted: u64,
    /// How often it would have held, had other DIMMs had no errors at the time.
    pub not_alone: u64,
    /// Reports that told the place which it goes by.
    pub placed: u64,
    /// Errors of which it could not judge, for nothing told their place.
    pub not_placed: u64,
}

/// Some of the rules of a policy: one bit for each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rules(u32);

impl Rules {
    /// Most rules a policy may have.
    pub const MOST: usize = 32;

    fn insert(&mut self, index: usize) {
        self.0 |= u32::try_from(index).ok().and_then(|bit| 1_u32.checked_shl(bit)).unwrap_or(0);
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Their places in the policy.
    pub fn places(self) -> impl Iterator<Item = usize> {
        (0..Self::MOST).filter(move |bit| self.0 >> bit & 1 == 1)
    }
}

/// What a rule remembers.
#[derive(Debug)]
enum State {
    /// Of each DIMM.
    Dimms(Vec<Count>),
    /// Of each page or row of each DIMM, with when it was last seen.
    Things(Vec<BTreeMap<u64, (Count, Seconds)>>),
    /// Of the node.
    Collector(Collector),
    /// Nothing.
    Nothing,
    /// What the engine makes of each DIMM.
    Worth(Box<Appraisal>),
}

/// Above this many pages or rows of a DIMM, those are dropped that no longer matter.
const MANY_THINGS: usize = 4_096;

impl<'a> Watch<'a> {
    /// For a node with these DIMMs, of which nothing was seen yet.
    pub fn new(policy: &'a Policy, dimms: &[Dimm], settings: &MemorySettings) -> Self {
        let counts: Vec<CountsFrom> = dimms.iter().map(|dimm| dimm.counts).collect();
        let places: Vec<_> = dimms.iter().map(|dimm| (dimm.place, dimm.counts)).collect();
        let state = |rule: &PolicyRule| match rule.when {
            When::Corrected { per, counting, .. } => match (Count::new(counting), per) {
                (None, _) => State::Collector(Collector::default()),
                (Some(count), Per::Dimm) => State::Dimms(vec![count; counts.len()]),
                (Some(_), Per::Page | Per::Row) => {
                    State::Things(vec![BTreeMap::new(); counts.len()])
                }
            },
            When::Uncorrected => State::Nothing,
            When::Worth(worth) => State::Worth(Box::new(Appraisal::new(worth, &places, settings))),
        };
        Self {
            rules: policy.rules.iter().map(|rule| (rule, state(rule))).collect(),
            reached: vec![vec![Reached::default(); counts.len()]; policy.rules.len()],
            last_error: vec![None; counts.len()],
            counts,
        }
    }

    /// The next step of a DIMM's record. Steps of all DIMMs are shown in the order of time.
    pub fn see(&mut self, dimm: usize, observation: &Observation) -> Said {
        let mut said = Said::default();
        let Some(&counts) = self.counts.get(dimm) else { return said };
        let at = observation.at();
        let errors = Dimm::corrected(counts, observation);
        let last_error = &self.last_error;
        let alone = |within: u32| {
            let others = last_error.iter().enumerate().filter(|(other, _)| *other != dimm);
            let since = at.saturating_sub(Seconds::from(within));
            others.filter_map(|(_, last)| *last).all(|last| last <= since)
        };
        let reached = self.reached.iter_mut();
        for ((index, (rule, state)), reached) in self.rules.iter_mut().enumerate().zip(reached) {
            let Some(reached) = reached.get_mut(dimm) else { continue };
            if matches!(observation, Observation::Replaced { .. }) {
                *reached = Reached::default();
            }
            let holds = match (rule.when, state) {
                (_, State::Worth(appraisal)) => {
                    let risk = appraisal.see(dimm, observation, Dimm::shows_error(observation));
                    said.risk = risk.or(said.risk);
                    false
                }
                (When::Uncorrected, _) => {
                    let holds = matches!(observation, Observation::Uncorrected { .. });
                    if holds {
                        reached.hold(at, 1);
                    }
                    holds
                }
                (When::Corrected { per, errors: threshold, counting, alone: only }, state) => {
                    let limit = Limit { threshold, counting };
                    let step = step(state, per, &limit, dimm, observation, errors);
                    said.not_placed |= step == Step::NotPlaced;
                    said.placed |= matches!(step, Step::Holds(_) | Step::Placed);
                    let holds = matches!(step, Step::Holds(_));
                    // Asks of all other DIMMs, so only where it matters.
                    let is_alone = !only || !holds || alone(counting.within());
                    reached.step(at, step, errors, is_alone);
                    holds && is_alone
                }
                (When::Worth(_), _) => false,
            };
            match rule.then {
                Then::Alarm if holds => said.alarms.insert(index),
                Then::Offline if holds => said.offlined += 1,
                Then::Alarm | Then::Offline => {}
            }
        }
        if Dimm::shows_error(observation)
            && let Some(last) = self.last_error.get_mut(dimm)
        {
            *last = Some(at);
        }
        said
    }

    /// How a rule fared with a DIMM, by their places.
    pub fn reached(&self, rule: usize, dimm: usize) -> Reached {
        let of_rule = self.reached.get(rule).and_then(|reached| reached.get(dimm));
        of_rule.copied().unwrap_or_default()
    }

    /// What a rule on a number of errors holds of a DIMM at a moment: of pages or rows, the one of
    /// which it holds most. `None` of a rule on anything else.
    pub fn holds(&self, rule: usize, dimm: usize, at: Seconds) -> Option<u64> {
        let (rule, state) = self.rules.get(rule)?;
        let When::Corrected { errors, counting, .. } = rule.when else { return None };
        let held = |count: &Count| count.held(at, u64::from(errors), counting.within());
        match state {
            State::Dimms(counts) => counts.get(dimm).map(held),
            State::Things(counts) => {
                let things = counts.get(dimm)?;
                Some(things.values().map(|(count, _)| held(count)).max().unwrap_or(0))
            }
            State::Collector(collector) => Some(collector.held(dimm)),
            State::Nothing | State::Worth(_) => None,
        }
    }
}

impl Reached {
    fn hold(&mut self, at: Seconds, counted: u64) {
        self.times = self.times.saturating_add(1);
        (self.last, self.counted) = (Some(at), counted);
    }

    fn step(&mut self, at: Seconds, step: Step, errors: u64, is_alone: bool) {
        match step {
            Step::Holds(counted) if is_alone => self.hold(at, counted),
            Step::Holds(_) => self.not_alone = self.not_alone.saturating_add(1),
            Step::NotPlaced => self.not_placed = self.not_placed.saturating_add(errors.max(1)),
            Step::Placed | Step::Not => {}
        }
        if matches!(step, Step::Holds(_) | Step::Placed) {
            self.placed = self.placed.saturating_add(1);
        }
    }
}

struct Limit {
    threshold: u32,
    counting: Counting,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The threshold is reached, with so many.
    Holds(u64),
    /// It is not, and the place is known.
    Placed,
    /// There were errors, and nothing tells their place.
    NotPlaced,
    /// Nothing that the rule goes by.
    Not,
}

fn step(
    state: &mut State,
    per: Per,
    limit: &Limit,
    dimm: usize,
    observation: &Observation,
    errors: u64,
) -> Step {
    let Limit { threshold, counting } = *limit;
    let holds = |counted: Option<u64>| counted.map_or(Step::Placed, Step::Holds);
    let (many, within) = (u64::from(threshold), counting.within());
    match *observation {
        Observation::Replaced { .. } => {
            forget(state, counting, dimm);
            return Step::Not;
        }
        // These programs keep their counts in memory.
        Observation::Booted { .. } => {
            if !matches!(counting, Counting::Window { .. }) {
                forget(state, counting, dimm);
            }
            return Step::Not;
        }
        Observation::Counted { .. }
        | Observation::Reported(_)
        | Observation::Uncorrected { .. }
        | Observation::Offlined { .. } => {}
    }
    let at = observation.at();
    match state {
        State::Dimms(counts) => {
            let Some(count) = counts.get_mut(dimm).filter(|_| errors > 0) else { return Step::Not };
            holds(count.add(at, errors, many, within))
        }
        State::Things(counts) => {
            let Observation::Reported(hit) = observation else {
                // A counter that went up without a report tells of no page.
                return if errors > 0 { Step::NotPlaced } else { Step::Not };
            };
            let Some(thing) = thing(per, hit) else { return Step::NotPlaced };
            let Some(things) = counts.get_mut(dimm) else { return Step::Not };
            if things.len() >= MANY_THINGS {
                let since = at.saturating_sub(Seconds::from(within));
                things.retain(|_, (_, last)| *last >= since);
            }
            let Some(fresh) = Count::new(counting) else { return Step::Not };
            let (count, last) = things.entry(thing).or_insert((fresh, at));
            *last = at;
            holds(count.add(at, hit.errors.into(), many, within))
        }
        State::Collector(collector) => {
            let Observation::Reported(hit) = observation else {
                return if errors > 0 { Step::NotPlaced } else { Step::Not };
            };
            let Some(page) = hit.page else { return Step::NotPlaced };
            let full = collector.add(at, (dimm, page), hit.errors, threshold, within);
            holds(full.then_some(many))
        }
        State::Nothing | State::Worth(_) => Step::Not,
    }
}

/// Begins anew: another DIMM, or another boot.
fn forget(state: &mut State, counting: Counting, dimm: usize) {
    match state {
        State::Dimms(counts) => {
            if let (Some(count), Some(fresh)) = (counts.get_mut(dimm), Count::new(counting)) {
                *count = fresh;
            }
        }
        State::Things(counts) => {
            if let Some(things) = counts.get_mut(dimm) {
                things.clear();
            }
        }
        State::Collector(collector) => *collector = Collector::default(),
        State::Nothing | State::Worth(_) => {}
    }
}

/// The page or row of a report, as a number.
fn thing(per: Per, hit: &Hit) -> Option<u64> {
    match per {
        Per::Page => hit.page,
        Per::Row => {
            let Cell { rank, device, bank, row, column: _ } = hit.cell;
            // Rank and device are the same for all reports of many DIMMs, and then not told.
            let (rank, device) = (rank.map_or(0, u64::from), device.map_or(0, u64::from));
            Some(rank << 56 | device << 48 | u64::from(bank?) << 32 | u64::from(row?))
        }
        Per::Dimm => Some(0),
    }
}
