//! `scrubjay demo`: a host that does not exist, and the agent that watches it.
//!
//! A story (`scenarios`, pure data from a seed) says what happens when. The `machine` writes that into a
//! directory of kernel files and turns the `clock` of the host; `telling` has the agent make a pass, as it
//! would over any host; `narrate` tells what was written and what the agent says. Nothing between those
//! files and the verdict is made for the demo, and nothing of this machine is read.

mod clock;
mod draws;
mod machine;
mod memory;
mod narrate;
mod places;
mod scenarios;
mod serve;
#[cfg(test)]
mod soak;
mod story;
mod telling;

pub(crate) use places::Places;
pub(crate) use serve::{Frame, serve};
pub(crate) use telling::Telling;

use crate::cli::DemoScenario;
use scrubjay_model::Simulated;
use std::time::Duration;

/// What is to be told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wish {
    pub(crate) scenario: DemoScenario,
    pub(crate) seed: u64,
    /// How much of the story; `None` for all of it.
    pub(crate) lasts: Option<Duration>,
}

impl Wish {
    /// The mark of what comes of it.
    pub(crate) fn made(&self) -> Simulated {
        Simulated::of(self.scenario.as_str(), self.seed)
    }

    /// How long passes are apart where nothing happens.
    pub(crate) fn step(&self) -> Duration {
        scenarios::story(self.scenario, self.seed).step
    }
}
