//! The book of alerts: which findings last, what is to be told of them, and what somebody has said
//! is known.
//!
//! [`evaluate()`] takes the book as it was, what a pass found and the moment, and gives the book as it
//! is, the turns that alerts took, and what there is to tell. Nothing else changes a book, so that
//! one that was written after a pass and read again goes on as if nothing had happened.
//!
//! An alert fires after `for`, so that what passes by itself is told to nobody; it is resolved after
//! `keep_firing_for`, so that what comes and goes is told once. What could not be looked at neither
//! fires nor resolves: the alert is held, and time does not count. `docs/alerts.md` is for people.

mod acks;
mod clock;
mod evaluate;
mod looked;
mod policy;
mod turns;

pub use evaluate::{Evaluated, Pass, evaluate, take_requests};
pub use looked::{Asked, Looked, looked_at_sources};
pub use policy::{
    AlertOverride, AlertPolicy, AlertRule, DEFAULT_REMINDERS, RESOLVED_KEPT, Timing, glob_matches,
};

#[cfg(test)]
mod properties;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
