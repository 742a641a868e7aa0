//! What policies that go by no cost say, and what stays visible beside them.

use super::*;
use crate::replay::{Counting, Per, Policy, PolicyRule, Then, When, Worth};

const DAY_SECONDS: u32 = 86_400;

fn rule(code: &str, when: When, then: Then) -> PolicyRule {
    let text = String::new;
    PolicyRule { code: code.to_owned(), meaning: text(), source: text(), when, then }
}

fn corrected(per: Per, errors: u32, counting: Counting, alone: bool) -> When {
    When::Corrected { per, errors, counting, alone }
}

fn policy(name: &str, rules: Vec<PolicyRule>) -> Policy {
    Policy { name: name.to_owned(), rules, ..Policy::never() }
}

/// Ten errors of a DIMM in a day, and any that was not corrected; two of a page take it out of use.
fn bucket() -> Policy {
    let counting = Counting::Bucket { within: DAY_SECONDS };
    policy(
        "mcelog",
        vec![
            rule("dimm-corrected", corrected(Per::Dimm, 10, counting, false), Then::Alarm),
            rule("dimm-uncorrected", When::Uncorrected, Then::Alarm),
            rule("page-corrected", corrected(Per::Page, 2, counting, false), Then::Offline),
        ],
    )
}

fn alone() -> Policy {
    let counting = Counting::Window { within: DAY_SECONDS };
    let when = corrected(Per::Dimm, 24, counting, true);
    policy("sun", vec![rule("dimm-corrected", when, Then::Alarm)])
}

fn pages() -> Policy {
    let counting = Counting::Window { within: DAY_SECONDS };
    let when = corrected(Per::Page, 50, counting, false);
    policy("rasdaemon", vec![rule("page-corrected", when, Then::Alarm)])
}

/// What a policy says of the first of some DIMMs whose errors are counted.
fn said(policy: &Policy, records: &[Vec<Observation>], now: Seconds) -> Judgement {
    let settings = MemorySettings::default();
    let mut standings = Standings::new(policy);
    let mut states = Vec::new();
    for record in records {
        standings.add(Topology::default(), CountsFrom::Counters);
        let mut state = DimmState::new(CountsFrom::Counters);
        for seen in record {
            state.observe(seen);
            standings.see(seen);
        }
        states.push(state);
    }
    let judgement = states[0].judge(now, &Neighbours::NONE, &settings);
    let judgement = judgement.by(policy, &standings.at(now)[0], now);
    hold_promises(&judgement);
    judgement
}

/// A month without an error, then so many within an hour, then as many days without.
fn burst(errors: u64, quiet: Seconds) -> Vec<Observation> {
    let hours = |from: Seconds, until: Seconds| {
        (from..until).map(|hour| counted(hour * HOUR, (hour + 1) * HOUR, 0))
    };
    let mut seen: Vec<_> = hours(0, 30 * 24).collect();
    seen.push(counted(30 * DAY, 30 * DAY + HOUR, errors));
    seen.extend(hours(30 * 24 + 1, (30 + quiet) * 24 + 2));
    seen
}

fn after(quiet: Seconds) -> Seconds {
    (30 + quiet) * DAY + 2 * HOUR
}

pub(crate) fn cases() -> Vec<Case> {
    let by_bucket = |errors, quiet| said(&bucket(), &[burst(errors, quiet)], after(quiet));
    let unwatched = |policy: &Policy| {
        let errors = 5;
        let seen =
            Observation::Counted { from: 0, until: 9 * DAY, watched: 0, errors, at_least: false };
        said(policy, &[vec![seen]], 9 * DAY)
    };
    vec![
        Case {
            code: "dimm-policy",
            fires: vec![
                (Verdict::Plan, by_bucket(10, 0)),
                (Verdict::Plan, by_bucket(10, 29)),
                (Verdict::Watch, by_bucket(10, 30)),
            ],
            below: by_bucket(9, 0),
            blind: unwatched(&bucket()),
        },
        Case {
            code: "dimm-policy-place",
            fires: vec![(Verdict::Unknown, said(&pages(), &[burst(60, 0)], after(0)))],
            below: said(&pages(), &[burst(0, 0)], after(0)),
            blind: unwatched(&pages()),
        },
    ]
}

fn text<'j>(judgement: &'j Judgement, code: &str) -> &'j str {
    let found = judgement.reasons.iter().find(|reason| reason.code == code);
    &found.unwrap_or_else(|| panic!("no {code}: {:#?}", judgement.reasons)).text
}

#[test]
fn the_rule_that_fired_is_told_with_what_it_holds_and_its_limit() {
    let full = said(&bucket(), &[burst(12, 0)], after(0));
    assert_eq!((full.verdict, full.advice), (Verdict::Plan, Advice::SwapAtWindow));
    assert_eq!(
        text(&full, "dimm-policy"),
        "policy mcelog, rule dimm-corrected: the leaky bucket holds 0 now, limit 10 in 1 d; it was \
         reached once, the last time 1 h ago with 12"
    );
    assert!(
        full.sentence.contains("policy mcelog, rule dimm-corrected decides"),
        "{}",
        full.sentence
    );
    assert!(full.sentence.contains("The default policy would say unknown"), "{}", full.sentence);
    let below = said(&bucket(), &[burst(9, 0)], after(0));
    assert_eq!(below.verdict, Verdict::Ok);
    let told = text(&below, "dimm-policy");
    assert!(told.contains("holds 9 now, limit 10") && told.contains("not reached"), "{told}");
    assert!(below.sentence.starts_with("Leave it alone: no rule of policy mcelog holds."));
}

#[test]
fn errors_of_another_dimm_hinder_a_rule_that_wants_to_be_alone() {
    let one = said(&alone(), &[burst(30, 0), burst(0, 0)], after(0));
    assert_eq!(one.verdict, Verdict::Plan);
    let mut other = burst(0, 0);
    other.push(counted(29 * DAY + 20 * HOUR, 29 * DAY + 21 * HOUR, 1));
    other.sort_by_key(Observation::at);
    let both = said(&alone(), &[burst(30, 0), other], after(0));
    assert_eq!(both.verdict, Verdict::Ok);
    let told = text(&both, "dimm-policy");
    assert!(told.contains("another DIMM erred within the same time"), "{told}");
}

#[test]
fn what_the_engine_says_stays_as_evidence_and_an_uncorrected_error_decides_if_a_rule_asks() {
    let mut failed = burst(0, 0);
    let at = 30 * DAY + HOUR;
    failed.push(Observation::Uncorrected { at, cell: Cell::default(), page: None });
    let by_rule = said(&bucket(), &[failed.clone()], after(0));
    assert_eq!((by_rule.verdict, by_rule.advice), (Verdict::Act, Advice::SwapNow));
    assert!(text(&by_rule, "dimm-uncorrected").ends_with("policy mcelog, rule dimm-uncorrected"));
    // A policy without such a rule does not act upon it, and does not hide it.
    let silent = said(&Policy::never(), &[failed], after(0));
    assert_eq!((silent.verdict, silent.advice), (Verdict::Watch, Advice::Observe));
    let told = text(&silent, "dimm-uncorrected");
    assert!(told.ends_with("policy never has no rule on such"), "{told}");
    assert!(silent.sentence.contains("policy never has no rule on errors that were not"));
    assert!(silent.sentence.contains("would say act: swap it now"), "{}", silent.sentence);
}

#[test]
fn no_policy_says_that_all_is_well_where_nobody_watched() {
    for policy in [bucket(), alone(), pages(), Policy::never()] {
        let blind = said(&policy, &[Vec::new()], 40 * DAY);
        assert_eq!((blind.verdict, blind.advice), (Verdict::Unknown, Advice::FixVisibility));
    }
}

#[test]
fn a_policy_that_goes_by_costs_is_the_engine_and_the_worse_of_both_with_a_count_beside() {
    let worth = rule("worth", When::Worth(Worth { horizon_days: 45.0 }), Then::Alarm);
    let engine = policy("default", vec![worth.clone()]);
    let state = {
        let mut state = DimmState::new(CountsFrom::Counters);
        burst(12, 0).iter().for_each(|seen| state.observe(seen));
        state
    };
    let plain = judged(&state, after(0), &MemorySettings::default());
    assert_eq!(said(&engine, &[burst(12, 0)], after(0)), plain);
    let [counts, ..] = &bucket().rules[..] else { panic!("no rule") };
    let mine = policy("mine", vec![worth, counts.clone()]);
    let both = said(&mine, &[burst(12, 0)], after(0));
    assert_eq!((both.verdict, both.advice), (Verdict::Plan, Advice::SwapAtWindow));
    assert!(both.sentence.contains("a rule of policy mine that counts"), "{}", both.sentence);
    assert!(both.sentence.contains(&plain.sentence), "{}", both.sentence);
}
