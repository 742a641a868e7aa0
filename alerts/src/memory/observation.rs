//! The record of a DIMM is of the model, as the history tells it too.

pub use scrubjay_model::{Cell, CountsFrom, Hit, Observation, Parity, Seconds};
