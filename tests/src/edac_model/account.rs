//! What a test may demand of an agent's totals.

use super::tally::Claim;
use scrubjay_model::{ErrorClass, SeriesPlace};
use std::fmt;
use std::ops::RangeInclusive;

/// The truth about one counter, and what of it an agent can know, as of the last sample that
/// showed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Which controller, by its place in the machine; see [`super::Kernel::index_of`].
    pub controller: usize,
    /// What it counts there.
    pub place: SeriesPlace,
    /// Which class.
    pub class: ErrorClass,
    /// Errors the kernel counted, over all lives since the one first sampled.
    pub truth: u64,
    /// What an agent's total must be.
    pub claim: Claim,
    /// How often an agent may have recognised a new life.
    pub restarts: RangeInclusive<u64>,
    /// Errors may be missing from the total although no restart could be recognised, so that
    /// `restarts == 0` promises nothing.
    pub silent_loss: bool,
}

impl Account {
    /// Errors that no agent which took these samples can have counted: those after the last
    /// sample of a life, and multiples of 2³² between two samples. `None` if the samples do not
    /// determine it.
    pub fn lost(&self) -> Option<u64> {
        match self.claim {
            Claim::Exactly(total) => self.truth.checked_sub(total),
            Claim::AtMost(_) | Claim::Nothing => None,
        }
    }

    /// Holds an agent's total and its number of restarts against the truth.
    ///
    /// # Errors
    /// What is wrong, as a sentence.
    pub fn check(&self, total: u64, restarts: u64) -> Result<(), String> {
        let truth = self.truth;
        match self.claim {
            Claim::Exactly(expect) if total != expect => {
                return Err(format!("{self}: total is {total}, must be {expect} (truth {truth})"));
            }
            Claim::AtMost(limit) if total > limit => {
                return Err(format!("{self}: total is {total}, more than ever happened ({limit})"));
            }
            Claim::Exactly(_) | Claim::AtMost(_) | Claim::Nothing => {}
        }
        if !self.restarts.contains(&restarts) {
            let expect = &self.restarts;
            return Err(format!("{self}: {restarts} restarts recognised, must be in {expect:?}"));
        }
        if restarts == 0 && !self.silent_loss && total != truth {
            return Err(format!(
                "{self}: total is {total} and claims to be exact, but {truth} happened"
            ));
        }
        Ok(())
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "controller {} {} {}", self.controller, self.place, self.class.as_str())
    }
}
