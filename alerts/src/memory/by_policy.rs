//! What the policy in force says of each DIMM of a host.
//!
//! A policy that goes by costs is the engine with its horizon; one that does not has its rules decide,
//! run by the same code that `replay` scores. Then what the engine makes of the record stays beside
//! it, as evidence, and an uncorrected error decides if the policy has a rule on it. That too little
//! was watched is told by any policy: no rule says that all is well.

use super::host::LOOK_BACK_DAYS;
use super::judge::lowered;
use super::judgement::{Advice, Judgement, Reason};
use super::mode::DAY;
use super::words::{many, number, span};
use super::{CountsFrom, Observation, Seconds, Topology};
use crate::replay::{
    Counting, Dimm, Node, Per, Policy, PolicyRule, Reached, Then, Watch, When, in_order,
    span as of_rule,
};
use scrubjay_model::{RebootHelps, Verdict};

/// An alarm of a rule steps down by one level in this time without another one.
const HOLD: Seconds = 30 * DAY;

/// How one rule of a policy stands with one DIMM.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// The rule.
    pub rule: PolicyRule,
    /// How it fared so far.
    pub reached: Reached,
    /// What it holds now; `None` of one that counts nothing.
    pub holds: Option<u64>,
}

/// What is known of the DIMMs of a host, as far as a policy counts it.
#[derive(Debug)]
pub struct Standings<'a> {
    policy: &'a Policy,
    /// Those of its rules that count.
    counting: Policy,
    dimms: Vec<Dimm>,
}

impl<'a> Standings<'a> {
    /// For a host of which nothing was seen yet.
    pub fn new(policy: &'a Policy) -> Self {
        let rules = policy.rules.iter().filter(|rule| !rule.knows_costs()).cloned().collect();
        let counting = Policy { rules, ..policy.clone() };
        Self { policy, counting, dimms: Vec::new() }
    }

    /// One more DIMM.
    pub fn add(&mut self, place: Topology, counts: CountsFrom) {
        let observations = Vec::new();
        self.dimms.push(Dimm { place, counts, observations, failures: Vec::new() });
    }

    /// What was seen of the DIMM that was added last. What no rule asks for is not kept.
    pub fn see(&mut self, seen: &Observation) {
        let counts = |when: &When| matches!(when, When::Corrected { .. });
        let by_count = self.counting.rules.iter().any(|rule| counts(&rule.when));
        let is_asked_for = match seen {
            Observation::Uncorrected { .. } | Observation::Replaced { .. } => true,
            Observation::Counted { errors, .. } => by_count && *errors > 0,
            Observation::Reported(_) | Observation::Booted { .. } => by_count,
            Observation::Offlined { .. } => false,
        };
        if let Some(dimm) = self.dimms.last_mut().filter(|_| is_asked_for) {
            dimm.observations.push(*seen);
        }
    }

    /// How each rule stands with each DIMM at a moment, in the order in which they were added.
    pub fn at(self, now: Seconds) -> Vec<Vec<Standing>> {
        let mut node = Node { dimms: self.dimms };
        for dimm in &mut node.dimms {
            dimm.observations.sort_by_key(Observation::at);
        }
        // Rules that weigh costs are left out, and so no setting is asked for.
        let settings = super::MemorySettings::default();
        let mut watch = Watch::new(&self.counting, &node.dimms, &settings);
        in_order(&node, |dimm, seen| {
            watch.see(dimm, seen);
        });
        let of = |dimm: usize| {
            let mut places = 0..;
            let standing = |rule: &PolicyRule| {
                let place = if rule.knows_costs() { None } else { places.next() };
                Standing {
                    rule: rule.clone(),
                    reached: place.map(|place| watch.reached(place, dimm)).unwrap_or_default(),
                    holds: place.and_then(|place| watch.holds(place, dimm, now)),
                }
            };
            self.policy.rules.iter().map(standing).collect()
        };
        (0..node.dimms.len()).map(of).collect()
    }
}

impl Judgement {
    /// The same by a policy, of whose rules it is told how they stand.
    #[must_use]
    pub fn by(self, policy: &Policy, standings: &[Standing], now: Seconds) -> Self {
        let by_rules: Vec<Reason> = standings
            .iter()
            .flat_map(|standing| of_rule_on_counts(policy, standing, now))
            .collect();
        if policy.knows_costs() {
            return self.with(policy, by_rules);
        }
        let (engine, advised) = (self.verdict, self.advice);
        let on_failures = policy.rules.iter().find(|rule| rule.when == When::Uncorrected);
        let on_failures = on_failures.filter(|rule| rule.then == Then::Alarm);
        let mut reasons: Vec<Reason> = self
            .reasons
            .into_iter()
            .map(|reason| match (reason.code, on_failures) {
                ("dimm-uncorrected", Some(rule)) => {
                    let by = format!("{}; {}", reason.text, by(policy, rule));
                    Reason { text: by, ..reason }
                }
                // A policy may be silent about corrected errors. One that was not corrected may have
                // crashed the host, and the counters of the next boot know nothing of it.
                ("dimm-uncorrected", None) => {
                    let by = format!("{}; policy {} has no rule on such", reason.text, policy.name);
                    Reason { text: by, verdict: reason.verdict.min(Verdict::Watch), ..reason }
                }
                ("dimm-not-watched" | "dimm-quiet" | "dimm-errors", _) => reason,
                _ => as_evidence(reason),
            })
            .chain(by_rules)
            .collect();
        reasons.sort_by_key(|reason| std::cmp::Reverse(reason.verdict));
        let worst = reasons.first();
        let verdict = worst.map_or(Verdict::Unknown, |reason| reason.verdict);
        let advice = advice(verdict);
        let why = match worst {
            Some(worst) if verdict == Verdict::Unknown => worst.text.clone(),
            Some(worst) if worst.code == "dimm-uncorrected" && on_failures.is_none() => {
                let name = &policy.name;
                format!(
                    "policy {name} has no rule on errors that were not corrected, and hides none"
                )
            }
            Some(worst) if verdict > Verdict::Unknown => {
                let rules = standings.iter().filter(|standing| standing.holds_now(now));
                let code = match (worst.code, on_failures) {
                    ("dimm-uncorrected", Some(rule)) => Some(rule.code.as_str()),
                    _ => rules.map(|standing| standing.rule.code.as_str()).next(),
                };
                let rule = code.map_or(String::new(), |code| format!(", rule {code}"));
                format!("policy {}{rule} decides here, and asks for no cost", policy.name)
            }
            Some(_) | None if policy.rules.is_empty() => {
                format!("policy {} has no rule, and is silent whatever happens", policy.name)
            }
            Some(_) | None => format!("no rule of policy {} holds", policy.name),
        };
        let mut sentence = format!("{}: {why}", super::reasons::sentence_case(advice.words()));
        if engine > Verdict::Ok && (engine, advised) != (verdict, advice) {
            sentence.push_str(&format!(
                ". The default policy would say {}: {}",
                engine.as_str(),
                advised.words()
            ));
        }
        sentence.push('.');
        Self { verdict, advice, reasons, sentence, ..self }
    }

    /// Of a policy that goes by costs and has rules on counts beside: the worse of both.
    fn with(self, policy: &Policy, by_rules: Vec<Reason>) -> Self {
        let worst = by_rules.iter().map(|reason| reason.verdict).max().unwrap_or(Verdict::Ok);
        let mut reasons = self.reasons;
        reasons.extend(by_rules);
        reasons.sort_by_key(|reason| std::cmp::Reverse(reason.verdict));
        if worst <= self.verdict {
            return Self { reasons, ..self };
        }
        let advice = advice(worst);
        let words = super::reasons::sentence_case(advice.words());
        let sentence = format!(
            "{words}: a rule of policy {} that counts asks for more than costs do. By these: {}",
            policy.name, self.sentence
        );
        Self { verdict: worst, advice, reasons, sentence, ..self }
    }
}

impl Standing {
    fn holds_now(&self, now: Seconds) -> bool {
        self.rule.then == Then::Alarm && level(&self.reached, now) > Verdict::Ok
    }
}

/// What a level that rules alone amount to asks for.
fn advice(verdict: Verdict) -> Advice {
    match verdict {
        Verdict::Act => Advice::SwapNow,
        Verdict::Plan => Advice::SwapAtWindow,
        Verdict::Watch => Advice::Observe,
        Verdict::Unknown => Advice::FixVisibility,
        Verdict::Ok => Advice::Nothing,
    }
}

/// An alarm says that the DIMM is to be dealt with, and nothing of tonight.
fn level(reached: &Reached, now: Seconds) -> Verdict {
    let steps = reached.last.map(|last| now.saturating_sub(last).max(0) / HOLD);
    steps.map_or(Verdict::Ok, |steps| lowered(Verdict::Plan, steps))
}

fn as_evidence(reason: Reason) -> Reason {
    if reason.verdict == Verdict::Ok {
        return reason;
    }
    let was = reason.verdict.as_str();
    let text = format!("evidence, {was} by the default policy: {}", reason.text);
    Reason { verdict: Verdict::Ok, text, ..reason }
}

fn by(policy: &Policy, rule: &PolicyRule) -> String {
    format!("policy {}, rule {}", policy.name, rule.code)
}

/// What a rule on a number of errors says.
fn of_rule_on_counts(policy: &Policy, standing: &Standing, now: Seconds) -> Vec<Reason> {
    let Standing { rule, reached, holds } = standing;
    let (When::Corrected { per, errors, counting, alone }, Some(holds)) = (rule.when, holds) else {
        return Vec::new();
    };
    let what = held_in(per, counting);
    let limit = format!("limit {} in {}", number(errors.into()), of_rule(counting.within().into()));
    let limit = match counting {
        // Its count never decreases.
        Counting::Collector { .. } => format!("limit {}", number(errors.into())),
        Counting::Bucket { .. } | Counting::Window { .. } => limit,
    };
    let verdict = match rule.then {
        Then::Alarm => level(reached, now),
        Then::Offline => Verdict::Ok,
    };
    let mut text = format!("{}: {what} holds {} now, {limit}", by(policy, rule), number(*holds));
    match reached.last {
        Some(last) => text.push_str(&format!(
            "; it was reached {}, the last time {} ago with {}",
            if reached.times == 1 { "once".to_owned() } else { many(reached.times, "time") },
            span(now.saturating_sub(last)),
            number(reached.counted),
        )),
        None => text.push_str(&format!("; not reached in {LOOK_BACK_DAYS} d")),
    }
    if alone && reached.not_alone > 0 {
        text.push_str(&format!(
            "; {} it would have been, but another DIMM erred within the same time",
            many(reached.not_alone, "time"),
        ));
    }
    if rule.then == Then::Offline {
        text.push_str("; it is about pages, and whether any are taken out of use [pages] says");
    }
    let mut reasons = vec![Reason {
        code: "dimm-policy",
        verdict,
        since: reached.last,
        text,
        reboot: RebootHelps::No,
    }];
    if reached.not_placed > 0 && reached.placed == 0 && rule.then == Then::Alarm {
        let thing = per.as_str();
        let text = format!(
            "{} counts by {thing}, and no report told the {thing} of {}: it cannot judge this DIMM",
            by(policy, rule),
            many(reached.not_placed, "error"),
        );
        let code = "dimm-policy-place";
        let verdict = Verdict::Unknown;
        reasons.push(Reason { code, verdict, since: None, text, reboot: RebootHelps::No });
    }
    reasons
}

fn held_in(per: Per, counting: Counting) -> String {
    let whose = match per {
        Per::Dimm => "",
        Per::Page => " of its fullest page",
        Per::Row => " of its fullest row",
    };
    match counting {
        Counting::Bucket { .. } => format!("the leaky bucket{whose}"),
        Counting::Window { .. } => format!("the window{whose}"),
        Counting::Collector { .. } => "the kernel's table of its fullest page".to_owned(),
    }
}
