//! What is to be said of one stick of memory, with all it rests on.

use crate::{Action, ModuleKey, RebootHelps, Verdict};
use serde::{Serialize, Serializer};

/// The verdict on one stick.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DimmVerdict {
    /// Which stick. It may tell the serial number, and so stays on the host.
    #[serde(skip)]
    pub key: ModuleKey,
    /// An opaque name that stays with the stick.
    pub module: String,
    /// What people call it: its slot, else the first place its errors are counted at.
    pub name: String,
    /// Where its errors are counted, as `controller/place`.
    pub counted_at: Vec<String>,
    /// Errors of both classes counted at its places while it was there.
    pub errors: u64,
    /// The worst of its reasons.
    pub verdict: Verdict,
    /// What to do, in one word.
    pub action: Action,
    /// What to do, in a few words; several of these are one [`Action`].
    pub advice: &'static str,
    /// What the fault that decides takes in: `cell`, `row`, `bank` … or `unknown`.
    pub shape: &'static str,
    /// Open faults, the one that decides first.
    pub faults: Vec<DimmFault>,
    /// How likely an uncorrected error is.
    pub risk: DimmRisk,
    /// What pays, with its numbers, as one sentence.
    pub sentence: String,
    /// Why, the worst first.
    pub reasons: Vec<DimmReason>,
    /// Whether there are earlier reports than those that were looked at.
    pub cut: bool,
    /// By which policy it was judged, and how its rules stand.
    pub policy: DimmPolicy,
    /// P(such a rise of errors per day, or a steeper one | no trend), where there were enough days
    /// with errors to test; 1 where the rise is too small to matter.
    pub trend_p: Option<Probability>,
}

/// The policy that a stick was judged by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DimmPolicy {
    /// The word it is chosen by.
    pub name: String,
    /// Its rules.
    pub rules: Vec<DimmRule>,
}

/// How a rule of a policy stands with a stick.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DimmRule {
    /// The word it is told by.
    pub code: String,
    /// What comes of it.
    pub then: &'static str,
    /// What it counts now; `None` of a rule that counts nothing.
    pub holds: Option<u64>,
    /// How many it takes.
    pub limit: Option<u32>,
    /// How often it was reached in the time that is looked at; `None` of a rule that weighs costs.
    pub reached: Option<u64>,
    /// When it last was, milliseconds since the Unix epoch.
    pub last_reached_wall_ms: Option<i64>,
}

/// What a stick is called where another bears its name too, as two slots may in the tables of the firmware: its name,
/// and the place or key that tells them apart.
pub fn name_apart(name: &str, by: &str) -> String {
    format!("{name} ({by})")
}

/// Whether the stick in a slot of that name is called so, if `tells` knows what tells it apart.
pub(crate) fn is_apart(called: &str, slot: &str, tells: impl FnOnce(&str) -> bool) -> bool {
    let parts = called.strip_suffix(')').and_then(|rest| rest.rsplit_once(" ("));
    parts.is_some_and(|(name, by)| name.eq_ignore_ascii_case(slot) && tells(by))
}

/// One open fault, as far as reports show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DimmFault {
    /// What it takes in.
    pub shape: &'static str,
    /// Whether three places prove it, not only two.
    pub proven: bool,
    /// Whether it erred over a day or longer.
    pub permanent: bool,
    /// Errors reported of it.
    pub errors: u64,
    /// Distinct places, and the rows, columns and banks among them.
    pub places: u32,
    /// Distinct rows.
    pub rows: u32,
    /// Distinct columns.
    pub columns: u32,
    /// Distinct banks of one device.
    pub banks: u32,
    /// First error, milliseconds since the Unix epoch.
    pub first_wall_ms: i64,
    /// Latest error.
    pub last_wall_ms: i64,
}

/// How likely an uncorrected error is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DimmRisk {
    /// Within seven days of the evidence; `None` where nothing is open.
    pub within_7_days: Option<Probability>,
    /// Within the horizon.
    pub within_horizon: Probability,
    /// Lower end of what it may be.
    pub low: Probability,
    /// Upper end.
    pub high: Probability,
    /// The horizon, in days.
    pub horizon_days: u32,
    /// From which probability on a swap pays; `None` where no cost makes it pay.
    pub swap_pays_from: Option<Probability>,
    /// How far the figures hold on this platform.
    pub validity: String,
}

/// One reason for a verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DimmReason {
    /// Which rule; it has its page in the documentation.
    pub code: &'static str,
    /// How bad it is.
    pub verdict: Verdict,
    /// Since when, milliseconds since the Unix epoch, where that is known.
    pub since_wall_ms: Option<i64>,
    /// What was seen: numbers, limits, exposure.
    pub text: String,
    /// Whether a reboot mends it.
    pub reboot_helps: RebootHelps,
}

/// A probability: a number from 0 to 1, and never none.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Probability(f64);

impl Probability {
    /// The number as a probability, if it is one.
    pub fn new(value: f64) -> Option<Self> {
        // Zero has two signs; one is enough.
        (0.0..=1.0).contains(&value).then_some(Self(value + 0.0))
    }

    /// The nearest probability; what is no number at all is certain, which is the worse way to err.
    pub fn nearest(value: f64) -> Self {
        Self::new(value.clamp(0.0, 1.0)).unwrap_or(Self(1.0))
    }

    /// From 0 to 1.
    pub fn value(self) -> f64 {
        self.0
    }
}

// A number from 0 to 1 equals itself.
impl Eq for Probability {}

impl Serialize for Probability {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_from_0_to_1_are_probabilities() {
        assert_eq!(Probability::new(0.25).map(Probability::value), Some(0.25));
        for none in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            assert_eq!(Probability::new(none), None, "{none}");
        }
        assert_eq!(Probability::nearest(-3.0), Probability(0.0));
        assert_eq!(Probability::nearest(f64::NAN), Probability(1.0));
        assert_eq!(Probability::new(-0.0).map(|p| p.value().to_bits()), Some(0));
    }
}
