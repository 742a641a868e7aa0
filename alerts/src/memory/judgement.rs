//! What the engine says of a DIMM, and what it is told beforehand.

use super::Seconds;
use super::classify::Fault;
use super::costs::{Costs, Decision};
use super::mode::Mode;
use super::risk::{Calibration, Risk, Validity};
use super::scorecard::Scorecard;
use super::trend::Trend;
use scrubjay_model::{RebootHelps, Verdict};

/// What is worth doing, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Advice {
    /// Nothing.
    Nothing,
    /// Make its errors visible.
    FixVisibility,
    /// Keep looking.
    Observe,
    /// Take the page of the cell out of use.
    OfflinePage,
    /// Let the firmware replace the row (post-package repair) when the host is booted.
    RebootForRepair,
    /// Reseat or move the DIMM, then look at channel, board and processor; a swap would not help.
    InvestigateChannelOrCpu,
    /// Have a spare at hand, and decide at the window.
    PrepareSwap,
    /// Swap it in the next window.
    SwapAtWindow,
    /// Swap it now.
    SwapNow,
}

/// What a judgement takes for granted.
#[derive(Debug, Clone, PartialEq)]
pub struct MemorySettings {
    /// What failures and swaps cost.
    pub costs: Costs,
    /// Whether somebody stated the costs. Counters alone make no case for a swap on costs that were
    /// assumed.
    pub costs_are_stated: bool,
    /// Weights of the risk.
    pub scorecard: Scorecard,
    /// Their correction by own outcomes, if there are enough.
    pub calibration: Option<Calibration>,
    /// How far ahead it matters, in days: what is left of the life of the host, at most 270.
    pub horizon_days: f64,
    /// Seconds until the next maintenance window, if there are any.
    pub window: Option<u64>,
    /// How far the weights hold on this platform.
    pub platform: Validity,
    /// Whether the firmware repairs rows at boot (post-package repair); `None` if nobody said.
    pub repairs_at_boot: Option<bool>,
}

impl Default for MemorySettings {
    fn default() -> Self {
        Self {
            costs: Costs::default(),
            costs_are_stated: false,
            scorecard: Scorecard::shipped(),
            calibration: None,
            horizon_days: LONGEST_HORIZON_DAYS,
            window: None,
            platform: Validity::Transferred,
            repairs_at_boot: None,
        }
    }
}

/// Days that the risk was measured for; beyond them it is not known.
pub const LONGEST_HORIZON_DAYS: f64 = 270.0;

/// Every code a [`Reason`] can have.
pub const REASONS: [&str; 15] = [
    "dimm-channel",
    "dimm-errors",
    "dimm-fault",
    "dimm-not-watched",
    "dimm-pages",
    "dimm-place-unknown",
    "dimm-policy",
    "dimm-policy-place",
    "dimm-quiet",
    "dimm-rising",
    "dimm-risk",
    "dimm-several-signs",
    "dimm-storm",
    "dimm-uncorrected",
    "dimm-wide-storm",
];

/// One reason for a verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// Which one, of [`REASONS`].
    pub code: &'static str,
    /// How bad it is.
    pub verdict: Verdict,
    /// Since when, where that is known.
    pub since: Option<Seconds>,
    /// What was seen: numbers, limits, exposure.
    pub text: String,
    /// Whether a reboot mends it.
    pub reboot: RebootHelps,
}

/// What is to be said of a DIMM.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// The worst of its reasons.
    pub verdict: Verdict,
    /// What is worth doing.
    pub advice: Advice,
    /// The shape that decides.
    pub mode: Mode,
    /// Open faults, the one that decides first.
    pub faults: Vec<Fault>,
    /// Whether it errs more and more.
    pub trend: Trend,
    /// How likely it fails.
    pub risk: Risk,
    /// What pays.
    pub decision: Decision,
    /// Why, the worst first.
    pub reasons: Vec<Reason>,
    /// The decision with its numbers, as one sentence.
    pub sentence: String,
}

impl Advice {
    /// A stable word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::FixVisibility => "fix-visibility",
            Self::Observe => "observe",
            Self::OfflinePage => "offline-page",
            Self::RebootForRepair => "reboot-for-repair",
            Self::InvestigateChannelOrCpu => "investigate-channel-or-cpu",
            Self::PrepareSwap => "prepare-swap",
            Self::SwapAtWindow => "swap-at-window",
            Self::SwapNow => "swap-now",
        }
    }

    /// Whether it is to swap the DIMM, now or at the window.
    pub fn is_swap(self) -> bool {
        matches!(self, Self::SwapAtWindow | Self::SwapNow)
    }

    /// What to do, as an imperative.
    pub fn words(self) -> &'static str {
        match self {
            Self::Nothing => "leave it alone",
            Self::FixVisibility => "make its errors visible first",
            Self::Observe => "keep looking",
            Self::OfflinePage => "take its page out of use",
            Self::RebootForRepair => {
                "reboot in the next window, so that the firmware repairs the row; swap it if the row errs again"
            }
            Self::InvestigateChannelOrCpu => {
                "reseat or move the DIMM, then look at channel, board and processor; do not swap it yet"
            }
            Self::PrepareSwap => "have a spare at hand and decide at the next window",
            Self::SwapAtWindow => "swap it in the next window",
            Self::SwapNow => "swap it now",
        }
    }
}
