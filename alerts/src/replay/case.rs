//! A test of a policy: a record, and what the policy is to say of it at which times.

use super::history::{Dimm, Node};
use super::policy::{Policy, Then};
use super::run::in_order;
use super::watch::Watch;
use crate::memory::{CountsFrom, MemorySettings, Observation, Seconds};

/// A test.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// What holds, as a sentence.
    pub name: String,
    /// How many mitigations a failure costs, for policies that ask.
    pub ratio: Option<f64>,
    /// The DIMMs of the node.
    pub dimms: Vec<CaseDimm>,
    /// What is expected, in the order of time.
    pub expected: Vec<Expected>,
}

/// A DIMM of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseDimm {
    /// Where the number of its errors comes from.
    pub counts: CountsFrom,
    /// What is known of it.
    pub observations: Vec<Observation>,
}

/// What a policy is to have said by a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// When.
    pub at: Seconds,
    /// Of which DIMM, counted from nought.
    pub dimm: usize,
    /// What.
    pub what: Expectation,
}

/// What can be expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expectation {
    /// An alarm at that very moment, of the rule with this code if one is named.
    Alarm(Option<String>),
    /// No alarm since what was expected before, up to and with that moment.
    Quiet,
    /// The same, and a rule that could not judge, for nothing told the place of an error.
    Unknown,
    /// A page taken out of use at that very moment.
    Offline,
}

/// What a policy said.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Told {
    Alarm(String),
    Offlined,
    NotPlaced,
}

/// Runs a test; what is not as expected, each as a sentence with its place among the expectations.
pub fn run_case(policy: &Policy, case: &Case, settings: &MemorySettings) -> Vec<(usize, String)> {
    let told = tell(policy, case, settings);
    let mut wrong = Vec::new();
    let mut since = vec![Seconds::MIN; case.dimms.len()];
    for (index, Expected { at, dimm, what }) in case.expected.iter().enumerate() {
        let Some(since) = since.get_mut(*dimm) else {
            wrong.push((index, format!("there is no DIMM {dimm}")));
            continue;
        };
        let of_dimm = || told.iter().filter(|(_, of, _)| of == dimm);
        let now = || of_dimm().filter(|(when, _, _)| when == at).map(|(_, _, told)| told);
        let between = || of_dimm().filter(|(when, _, _)| *since < *when && when <= at);
        let alarm = between().find(|(_, _, told)| matches!(told, Told::Alarm(_)));
        let early = alarm.map(|(when, _, _)| match at - when {
            0 => "there is an alarm".to_owned(),
            ago => format!("there is an alarm {} before", super::policy::span(ago)),
        });
        match what {
            Expectation::Alarm(code) => {
                let codes: Vec<&str> = now()
                    .filter_map(|told| match told {
                        Told::Alarm(code) => Some(code.as_str()),
                        Told::Offlined | Told::NotPlaced => None,
                    })
                    .collect();
                match code {
                    _ if codes.is_empty() => wrong.push((index, "there is no alarm".to_owned())),
                    Some(code) if !codes.contains(&code.as_str()) => {
                        wrong.push((index, format!("the alarm is of {}", codes.join(", "))));
                    }
                    Some(_) | None => {}
                }
            }
            Expectation::Quiet => wrong.extend(early.map(|early| (index, early))),
            Expectation::Unknown => {
                if let Some(early) = early {
                    wrong.push((index, early));
                } else if !between().any(|(_, _, told)| *told == Told::NotPlaced) {
                    wrong.push((index, "every rule could judge".to_owned()));
                }
            }
            Expectation::Offline => {
                if !now().any(|told| *told == Told::Offlined) {
                    wrong.push((index, "no page is taken out of use".to_owned()));
                }
            }
        }
        *since = *at;
    }
    wrong
}

/// What the policy says of which DIMM and when.
fn tell(policy: &Policy, case: &Case, settings: &MemorySettings) -> Vec<(Seconds, usize, Told)> {
    let dimms =
        case.dimms.iter().map(|dimm| Dimm::observed(dimm.counts, dimm.observations.clone()));
    let node = Node { dimms: dimms.collect() };
    let mut watch = Watch::new(policy, &node.dimms, settings);
    let mut told = Vec::new();
    in_order(&node, |dimm, observation| {
        let at = observation.at();
        let said = watch.see(dimm, observation);
        let worth = said.risk.zip(case.ratio).is_some_and(|(risk, ratio)| risk * ratio > 1.0);
        let by_cost = policy.rules.iter().filter(|rule| worth && rule.knows_costs());
        let by_count = said.alarms.places().filter_map(|place| policy.rules.get(place));
        for rule in by_cost.chain(by_count).filter(|rule| rule.then == Then::Alarm) {
            told.push((at, dimm, Told::Alarm(rule.code.clone())));
        }
        if said.offlined > 0 {
            told.push((at, dimm, Told::Offlined));
        }
        if said.not_placed {
            told.push((at, dimm, Told::NotPlaced));
        }
    });
    told
}
