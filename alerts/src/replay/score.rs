//! What a policy's alarms were worth: caught and missed failures, and what both cost.
//!
//! `total = mitigations · c_m + (failures − caught) · c_ue` (Boixaderas, SC'20). A failure at `t` is
//! caught if an alarm lies in `[t − window, t − lead)`. docs/replay.md defines every figure.

use super::history::{Dimm, Failure};
use crate::memory::{Observation, Seconds};

/// What counts as caught, and what a mitigation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// How long before a failure an alarm may lie and still be about it; `None` for any time in the
    /// life of the DIMM.
    pub window: Option<Seconds>,
    /// How long before a failure an alarm must lie for anything to be done.
    pub lead: Seconds,
    /// What is done about an alarm.
    pub by: Unit,
}

/// What is done about an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// The DIMM is dealt with, once in its life: what `M2-MFP` counts (KDD'25).
    Dimm,
    /// The node is drained, each time: what `UEPREDICT` counts (SC'20).
    Node,
}

impl Metric {
    /// A DIMM, seven days, fifteen minutes: `M2-MFP`.
    pub const DIMM: Self = Self { window: Some(7 * 86_400), lead: 15 * 60, by: Unit::Dimm };
    /// A node, one day, two minutes: `UEPREDICT`.
    pub const NODE: Self = Self { window: Some(86_400), lead: 120, by: Unit::Node };

    /// Whether an alarm is in time for a failure.
    pub fn catches(&self, alarm: Seconds, failure: Seconds) -> bool {
        let early = self.window.is_some_and(|window| alarm < failure.saturating_sub(window));
        !early && alarm < failure.saturating_sub(self.lead)
    }
}

/// Sums over what was replayed. They are of whole numbers, so that they do not depend on the order in
/// which they are added up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Moments at which an alarm was raised for a DIMM.
    pub alarms: u64,
    /// DIMMs with an alarm before they failed. One that was replaced counts anew.
    pub alarmed: u64,
    /// Of these, those whose failure was caught.
    pub good: u64,
    /// What has to be paid for.
    pub mitigations: u64,
    /// Failures.
    pub failures: u64,
    /// Of these, caught ones.
    pub caught: u64,
    /// Of the failures, sudden ones.
    pub sudden: u64,
    /// Of the sudden ones, caught ones.
    pub sudden_caught: u64,
    /// Of the failures, those with a corrected error seen in time: no policy can catch more.
    pub announced: u64,
    /// DIMMs there were.
    pub dimms: u64,
    /// DIMMs with corrected errors of which a rule could not judge, for nothing tells their place.
    pub unjudged: u64,
    /// Pages taken out of use.
    pub offlined: u64,
    /// How long before each caught failure the first alarm in time was, in seconds.
    pub leads: Vec<Seconds>,
}

impl Tally {
    /// Adds what was found elsewhere.
    pub fn add(&mut self, other: Self) {
        let Self {
            alarms,
            alarmed,
            good,
            mitigations,
            failures,
            caught,
            sudden,
            sudden_caught,
            announced,
            dimms,
            unjudged,
            offlined,
            leads,
        } = other;
        self.alarms += alarms;
        self.alarmed += alarmed;
        self.good += good;
        self.mitigations += mitigations;
        self.failures += failures;
        self.caught += caught;
        self.sudden += sudden;
        self.sudden_caught += sudden_caught;
        self.announced += announced;
        self.dimms += dimms;
        self.unjudged += unjudged;
        self.offlined += offlined;
        self.leads.extend(leads);
    }

    /// Share of the alarmed DIMMs that failed in time; `None` without any.
    pub fn precision(&self) -> Option<f64> {
        share(self.good, self.alarmed)
    }

    /// Share of the failures that were caught; `None` without any.
    pub fn recall(&self) -> Option<f64> {
        share(self.caught, self.failures)
    }

    /// The harmonic mean of both; `None` where one of them is not there.
    pub fn f1(&self) -> Option<f64> {
        let (precision, recall) = (self.precision()?, self.recall()?);
        let sum = precision + recall;
        Some(if sum > 0.0 { 2.0 * precision * recall / sum } else { 0.0 })
    }

    /// The time that `share` of the caught failures were announced before, at least; `None` if none
    /// was caught.
    pub fn lead(&self, share: Quantile) -> Option<Seconds> {
        let mut leads = self.leads.clone();
        leads.sort_unstable();
        let last = leads.len().checked_sub(1)?;
        let at = match share {
            Quantile::Median => last / 2,
            Quantile::Tenth => last / 10,
        };
        leads.get(at).copied()
    }

    /// What it all costs.
    pub fn cost(&self, costs: &Ratio) -> f64 {
        let missed = self.failures.saturating_sub(self.caught);
        number(self.mitigations) * costs.mitigation + number(missed) * costs.failure
    }

    /// What silence costs.
    pub fn cost_of_silence(&self, costs: &Ratio) -> f64 {
        number(self.failures) * costs.failure
    }

    /// What it saves against silence, as a share of what that costs; negative if it costs more.
    /// `None` where nothing failed: then there is nothing to be saved.
    pub fn saving(&self, costs: &Ratio) -> Option<f64> {
        let silence = self.cost_of_silence(costs);
        (silence > 0.0).then(|| (silence - self.cost(costs)) / silence)
    }

    /// What somebody would do who knew every failure in advance.
    pub fn oracle(&self) -> Self {
        Self {
            alarms: self.failures,
            alarmed: self.failures,
            good: self.failures,
            mitigations: self.failures,
            caught: self.failures,
            sudden_caught: self.sudden,
            leads: Vec::new(),
            unjudged: 0,
            offlined: 0,
            ..self.clone()
        }
    }

    /// What somebody would do who knew of every failure with a corrected error before it, and of
    /// no other: no policy that goes by corrected errors can do better.
    pub fn oracle_of_announced(&self) -> Self {
        Self {
            alarms: self.announced,
            alarmed: self.announced,
            good: self.announced,
            mitigations: self.announced,
            caught: self.announced,
            sudden_caught: 0,
            leads: Vec::new(),
            unjudged: 0,
            offlined: 0,
            ..self.clone()
        }
    }

    /// Every DIMM dealt with once: nothing fails any more.
    pub fn always(&self) -> Self {
        Self { alarms: self.dimms, alarmed: self.dimms, mitigations: self.dimms, ..self.oracle() }
    }
}

/// Which lead time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantile {
    /// Half of them are at least as long.
    Median,
    /// Nine tenths of them are at least as long.
    Tenth,
}

/// What things cost, in any unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ratio {
    /// A mitigation, `c_m`.
    pub mitigation: f64,
    /// A failure that was not caught, `c_ue`.
    pub failure: f64,
}

impl Ratio {
    /// A failure costs as much as so many mitigations.
    pub fn of(ratio: f64) -> Self {
        Self { mitigation: 1.0, failure: ratio }
    }
}

/// The score of one DIMM's alarms, which are in the order of time.
pub fn of_dimm(metric: &Metric, dimm: &Dimm, alarms: &[Seconds]) -> Tally {
    let mut tally = Tally::default();
    for life in lives(dimm) {
        tally.dimms += u64::from(life.counts);
        let until = life.failure.map_or(life.until, |failure| failure.at);
        let own = alarms.iter().copied().filter(|at| life.from < *at && *at < until);
        let mut raised = 0;
        let mut in_time = None;
        for alarm in own {
            raised += 1;
            let failure = life.failure.map(|failure| failure.at);
            if failure.is_some_and(|failure| metric.catches(alarm, failure)) {
                in_time.get_or_insert(alarm);
            }
        }
        tally.alarms += raised;
        tally.alarmed += u64::from(raised > 0);
        tally.good += u64::from(in_time.is_some());
        tally.mitigations += u64::from(raised > 0);
        if let Some(failure) = life.failure {
            add_failure(&mut tally, metric, dimm, &life, failure, in_time);
        }
    }
    tally
}

fn add_failure(
    tally: &mut Tally,
    metric: &Metric,
    dimm: &Dimm,
    life: &Life,
    failure: Failure,
    in_time: Option<Seconds>,
) {
    let errors = || {
        let seen = dimm.observations.iter().filter(|seen| Dimm::shows_error(seen));
        seen.map(Observation::at).filter(|at| life.from < *at && *at < failure.at)
    };
    let sudden = failure.sudden.unwrap_or_else(|| errors().next().is_none());
    tally.failures += 1;
    tally.sudden += u64::from(sudden);
    tally.caught += u64::from(in_time.is_some());
    tally.sudden_caught += u64::from(sudden && in_time.is_some());
    let announced = errors().any(|at| metric.catches(at, failure.at));
    tally.announced += u64::from(announced || in_time.is_some());
    tally.leads.extend(in_time.map(|alarm| failure.at.saturating_sub(alarm)));
}

/// A DIMM from when it came into its slot until it fails or is replaced.
struct Life {
    /// Excluded, as `until` is: what is said at the moment of a failure comes too late for it, and is
    /// not about the next one.
    from: Seconds,
    until: Seconds,
    failure: Option<Failure>,
    /// Whether it is a DIMM of its own, and not one that goes on after a failure.
    counts: bool,
}

/// The lives in a slot. What is said of a DIMM between its failure and its replacement is about
/// nothing that could still be prevented, and is in none of them. One that is never replaced goes
/// on at once.
fn lives(dimm: &Dimm) -> Vec<Life> {
    let replaced: Vec<Seconds> = dimm
        .observations
        .iter()
        .filter(|seen| matches!(seen, Observation::Replaced { .. }))
        .map(Observation::at)
        .collect();
    let mut lives = Vec::new();
    let (mut from, mut counts) = (Seconds::MIN, true);
    loop {
        let failure = dimm.failures.iter().copied().find(|failure| failure.at > from);
        let swap = replaced.iter().copied().find(|at| *at > from);
        let until = swap.unwrap_or(Seconds::MAX);
        let failure = failure.filter(|failure| failure.at <= until);
        lives.push(Life { from, until, failure, counts });
        let later = dimm
            .failures
            .iter()
            .any(|next| failure.is_some_and(|failure| next.at > failure.at && next.at < until));
        match (failure, swap) {
            // Failed again before anybody replaced it.
            (Some(failure), _) if later => (from, counts) = (failure.at, false),
            (_, Some(swap)) => (from, counts) = (swap, true),
            (Some(failure), None) => (from, counts) = (failure.at, false),
            (None, None) => return lives,
        }
    }
}

/// The score of alarms on a node, each a mitigation; alarms of one moment are one.
pub fn of_node(metric: &Metric, alarms: &[Seconds], failures: &[Failure]) -> Tally {
    let mut distinct = alarms.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    let raised = u64::try_from(distinct.len()).unwrap_or(u64::MAX);
    let mut tally = Tally { alarms: raised, mitigations: raised, ..Tally::default() };
    for failure in failures {
        let in_time = distinct.iter().copied().find(|alarm| metric.catches(*alarm, failure.at));
        let sudden = failure.sudden == Some(true);
        tally.failures += 1;
        tally.sudden += u64::from(sudden);
        tally.caught += u64::from(in_time.is_some());
        tally.sudden_caught += u64::from(sudden && in_time.is_some());
        tally.leads.extend(in_time.map(|alarm| failure.at.saturating_sub(alarm)));
    }
    tally
}

/// The score of a node, whose DIMMs had these alarms.
pub fn of_alarms(metric: &Metric, dimms: &[Dimm], alarms: &[Vec<Seconds>]) -> Tally {
    let mut tally = Tally::default();
    for (dimm, alarms) in dimms.iter().zip(alarms) {
        tally.add(of_dimm(metric, dimm, alarms));
    }
    match metric.by {
        Unit::Dimm => tally,
        Unit::Node => {
            let failures: Vec<Failure> =
                dimms.iter().flat_map(|dimm| &dimm.failures).copied().collect();
            let node = of_node(metric, &alarms.concat(), &failures);
            Tally {
                alarms: node.alarms,
                mitigations: node.mitigations,
                caught: node.caught,
                sudden_caught: node.sudden_caught,
                announced: tally.announced.max(node.caught),
                leads: node.leads,
                ..tally
            }
        }
    }
}

fn share(of: u64, all: u64) -> Option<f64> {
    (all > 0).then(|| number(of) / number(all))
}

#[expect(clippy::cast_precision_loss, reason = "counts of DIMMs and alarms are far below 2^53")]
fn number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
