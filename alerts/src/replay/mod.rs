//! Any policy on any history: when it would have raised an alarm, which failures that would have
//! caught, and what it would have cost.
//!
//! Policies are [`Policy`], histories are [`Node`]s of [`Dimm`]s with observations and failures,
//! figures are [`Tally`]. docs/replay.md defines every figure.

mod case;
mod counters;
mod fit;
mod history;
mod policy;
mod run;
mod score;
mod simulated;
mod watch;
mod worth;

pub use case::{Case, CaseDimm, Expectation, Expected, run_case};
pub use counters::COLLECTOR_DECAY;
pub use fit::{Bin, Fitted, NoFit, Outcome, Outcomes, Reliability};
pub use history::{Dimm, Failure, Node};
pub use policy::{Counting, Per, Policy, PolicyRule, Then, When, Worth, span};
pub use run::{Entrant, Plan};
pub use score::{Metric, Quantile, Ratio, Tally, Unit, of_alarms, of_dimm, of_node};
pub use watch::{Reached, Rules, Said, Watch};

pub(crate) use run::in_order;
