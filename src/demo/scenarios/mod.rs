//! The stories, one in each file.

mod cosmic;
mod dying_dimm;
mod firmware_first;
mod patch_lag;
mod row_fault;
mod stalled_livepatch;

use super::story::Story;
use crate::cli::DemoScenario;

/// The story of a scenario.
pub(super) fn story(scenario: DemoScenario, seed: u64) -> Story {
    let mut story = match scenario {
        DemoScenario::DyingDimm => dying_dimm::story(seed),
        DemoScenario::RowFault => row_fault::story(seed),
        DemoScenario::Cosmic => cosmic::story(seed),
        DemoScenario::FirmwareFirst => firmware_first::story(seed),
        DemoScenario::PatchLag => patch_lag::story(seed),
        DemoScenario::StalledLivepatch => stalled_livepatch::story(seed),
    };
    story.beats.sort_by_key(|beat| beat.at);
    story
}
