//! The engine as a whole: records go in, judgements come out.

mod costs;
mod judging;
pub(crate) mod limits;
mod risk;
pub(crate) mod rules;
mod shapes;
mod trends;

use super::*;

/// An hour and a day, in seconds.
pub(super) const HOUR: Seconds = 3_600;
pub(super) const DAY: Seconds = 24 * HOUR;

/// A place of which all is known.
pub(super) fn cell(device: u8, bank: u16, row: u32, column: u32) -> Cell {
    Cell {
        rank: Some(0),
        device: Some(device),
        bank: Some(bank),
        row: Some(row),
        column: Some(column),
    }
}

/// One report of one error.
pub(super) fn hit(at: Seconds, cell: Cell) -> Hit {
    Hit { at, errors: 1, cell, page: None, parity: None, by_scrub: None }
}

/// A DIMM whose log is kept, with these reports.
pub(super) fn logged(hits: &[Hit]) -> DimmState {
    let mut state = DimmState::new(CountsFrom::Reports);
    for hit in hits {
        state.observe(&Observation::Reported(*hit));
    }
    state
}

/// An interval that was watched throughout.
pub(super) fn counted(from: Seconds, until: Seconds, errors: u64) -> Observation {
    let watched = u32::try_from(until - from).unwrap();
    Observation::Counted { from, until, watched, errors, at_least: false }
}

/// A DIMM watched for so many days without an error.
pub(super) fn quiet(days: Seconds) -> DimmState {
    let mut state = DimmState::new(CountsFrom::Counters);
    for hour in 0..days * 24 {
        state.observe(&counted(hour * HOUR, (hour + 1) * HOUR, 0));
    }
    state
}

/// Costs of a service at so much an hour, stated by somebody.
pub(super) fn at_hour(service_hour: f64) -> MemorySettings {
    MemorySettings {
        costs: Costs { service_hour, ..Costs::default() },
        costs_are_stated: true,
        ..MemorySettings::default()
    }
}

/// What is said without neighbours.
pub(super) fn judged(state: &DimmState, now: Seconds, settings: &MemorySettings) -> Judgement {
    let judgement = state.judge(now, &Neighbours::NONE, settings);
    hold_promises(&judgement);
    judgement
}

/// What must hold of every judgement.
pub(super) fn hold_promises(judgement: &Judgement) {
    assert!(!judgement.reasons.is_empty(), "no verdict without a reason");
    let worst = judgement.reasons.iter().map(|reason| reason.verdict).max();
    assert_eq!(Some(judgement.verdict), worst);
    for reason in &judgement.reasons {
        assert!(REASONS.contains(&reason.code), "{}", reason.code);
        assert!(!reason.text.is_empty() && !reason.text.contains("NaN"), "{}", reason.text);
    }
    assert!(judgement.sentence.ends_with('.') && !judgement.sentence.contains("NaN"));
    let risk = &judgement.risk;
    assert!(0.0 <= risk.low && risk.low <= risk.p && risk.p <= risk.high && risk.high <= 1.0);
    assert!(judgement.faults.len() <= MOST_FAULTS);
}

/// The codes of its reasons at a level or above.
pub(super) fn codes(judgement: &Judgement, from: scrubjay_model::Verdict) -> Vec<&'static str> {
    let reasons = judgement.reasons.iter().filter(|reason| reason.verdict >= from);
    reasons.map(|reason| reason.code).collect()
}
