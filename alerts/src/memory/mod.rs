//! From errors to faults, from faults to risk, from risk to what is worth doing.
//!
//! The same engine judges a host that runs, a log that was imported and a fleet that was simulated:
//! it sees [`Observation`]s and nothing else, so that what `replay` says of a policy holds for
//! the agent that runs by it.

mod by_policy;
mod cells;
mod classify;
mod costs;
mod host;
mod judge;
mod judgement;
mod mode;
mod mttf;
mod neighbours;
mod places;
mod reasons;
mod risk;
mod rules_of_others;
mod scorecard;
mod state;
mod storm;
mod trace;
mod trend;
mod uptime;
mod windows;
mod words;

pub use by_policy::{Standing, Standings};
pub use cells::{MOST_CELLS, REMEMBERED, Spot};
pub use classify::{Fault, LOOSE, MOST_FAULTS, STRICT, classify, faults};
pub use costs::{Choice, Costs, Decision};
pub use host::{LOOK_BACK_DAYS, judge_host};
pub use judgement::{Advice, Judgement, LONGEST_HORIZON_DAYS, MemorySettings, REASONS, Reason};
pub use mode::{Mode, RiskClass};
pub use mttf::{
    Ecc, Mttf, ORDER_OF_MAGNITUDE, Spread, even_errors_not_noticed, latent_corruption, mttf,
    odd_errors_mended_wrongly,
};
pub use neighbours::{Neighbours, Topology, neighbours};
pub use places::{Shown, topology};
pub use risk::{
    Calibration, Evidence, LEAST_OUTCOMES, Risk, SCORECARD_DAYS, UNCALIBRATED_SPREAD, Validity,
};
pub use rules_of_others::{WholeHistory, faulty_lines, whole_history_rule, window_rule};
pub use scorecard::{BitWeights, Scorecard, ScorecardFault, Weights};
pub use scrubjay_model::{Cell, CountsFrom, Hit, Observation, Parity, Seconds};
pub use state::DimmState;
pub use storm::{STORM_GAP, STORM_REPORTS};
pub use trace::observations;
pub use trend::Trend;
pub use uptime::{Ageing, LEAST_FAILURES, PatchDebt, Weibull};
pub use windows::{Bits, CENSORED};

#[cfg(test)]
pub(crate) mod tests;
