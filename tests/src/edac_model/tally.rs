//! One counter: what the kernel shows, the truth, and what of it an agent can know.

use std::ops::RangeInclusive;
use std::time::Duration;

/// The range of the kernel's counters.
const U32_RANGE: u64 = 1 << 32;

/// A counter that falls from above here to below is taken for wrapped.
const WRAP_ZONE: u64 = 1 << 31;

/// Two zeroings further apart than this are told apart by any two readings of
/// `seconds_since_reset`. Each reading knows the moment to one second, give or take a tick; two
/// readings therefore need a little over two seconds between the moments.
pub const ZEROINGS_TOLD_APART: Duration = Duration::from_millis(2_100);

/// One life of a controller's counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Life {
    /// Number of this life on this host; never used twice.
    pub serial: u64,
    /// Number of the boot.
    pub boot: u64,
    /// `CLOCK_MONOTONIC` when the counters were zeroed.
    pub zeroed: Duration,
}

/// A kernel counter with the truth about it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    /// True count of this life. A u32 that every addition wraps equals this modulo 2³².
    life: u64,
    /// True count of earlier lives, from the first one that was sampled.
    earlier: u64,
    /// The last sample; `None` before the first.
    last: Option<Sample>,
}

#[derive(Debug, Clone)]
struct Sample {
    of: Life,
    value: u64,
    knowledge: Knowledge,
}

/// What the samples so far allow to be known, as of the last one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Knowledge {
    /// Errors counted up to the last sample, over all lives from the first that was sampled.
    pub truth: u64,
    /// What an agent's total must be.
    pub claim: Claim,
    /// How many restarts of the counter it may have recognised.
    pub restarts: RangeInclusive<u64>,
    /// Errors may be missing although no restart could be recognised.
    pub silent_loss: bool,
    /// The highest value ever sampled.
    highest: u64,
}

/// What can be demanded of an agent's total for a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// The samples determine it.
    Exactly(u64),
    /// The samples allow several answers, none above the truth.
    AtMost(u64),
    /// The samples mislead: a counter beyond 2³¹ was zeroed within [`ZEROINGS_TOLD_APART`] of the
    /// zeroing before, which looks like a wrap.
    Nothing,
}

impl Tally {
    /// What the kernel shows.
    pub(crate) fn value(&self) -> u64 {
        self.life % U32_RANGE
    }

    /// Errors happen.
    pub(crate) fn add(&mut self, count: u64) {
        self.life += count;
    }

    /// The counter begins a new life.
    pub(crate) fn zero(&mut self) {
        // What was counted before the first sample is before the history.
        if self.last.is_some() {
            self.earlier += self.life;
        }
        self.life = 0;
    }

    /// An agent reads the counter and keeps what it learns.
    pub(crate) fn sample(&mut self, now: Life) {
        let value = self.value();
        let truth = self.earlier + self.life;
        let knowledge = match self.last.take() {
            None => Knowledge {
                truth,
                claim: Claim::Exactly(value),
                restarts: 0..=0,
                silent_loss: value < self.life,
                highest: value,
            },
            Some(last) if last.of.serial == now.serial => last.advanced(value, truth),
            Some(last) => last.restarted(now, value, truth, self.life),
        };
        self.last = Some(Sample { of: now, value, knowledge });
    }

    pub(crate) fn knowledge(&self) -> Option<&Knowledge> {
        self.last.as_ref().map(|sample| &sample.knowledge)
    }
}

impl Sample {
    /// The next sample of the same life.
    fn advanced(self, value: u64, truth: u64) -> Knowledge {
        let added = truth - self.knowledge.truth;
        let seen = match value.checked_sub(self.value) {
            Some(rise) => Some(rise),
            None if self.value >= WRAP_ZONE && value < WRAP_ZONE => {
                Some(U32_RANGE - self.value + value)
            }
            // More than 2³¹ errors since: a fall that nothing explains.
            None => None,
        };
        let mut knowledge = self.knowledge;
        knowledge.silent_loss |= seen != Some(added);
        knowledge.settle(seen, value, truth);
        knowledge
    }

    /// The first sample of a new life, which by now has counted `life`.
    fn restarted(self, now: Life, value: u64, truth: u64, life: u64) -> Knowledge {
        let mut knowledge = self.knowledge;
        let lost = truth - life - knowledge.truth;
        let is_evident = now.boot != self.of.boot
            || now.zeroed.saturating_sub(self.of.zeroed) > ZEROINGS_TOLD_APART;
        let most = knowledge.restarts.end() + 1;
        if is_evident {
            knowledge.restarts = knowledge.restarts.start() + 1..=most;
            knowledge.silent_loss |= value < life;
            knowledge.settle(Some(value), value, truth);
            return knowledge;
        }
        knowledge.restarts = *knowledge.restarts.start()..=most;
        knowledge.silent_loss |= lost > 0 || value < life || self.value > 0;
        // While the total is determined, so is the reading an agent compares with; after that it
        // may be any earlier one.
        let base_at_most = match knowledge.claim {
            Claim::Exactly(_) => self.value,
            Claim::AtMost(_) | Claim::Nothing => knowledge.highest,
        };
        if base_at_most >= WRAP_ZONE {
            knowledge.claim = Claim::Nothing;
        }
        // From zero, a rise and a restart come to the same.
        knowledge.settle((self.value == 0).then_some(value), value, truth);
        knowledge
    }
}

impl Knowledge {
    fn settle(&mut self, seen: Option<u64>, value: u64, truth: u64) {
        self.claim = match (self.claim, seen) {
            (Claim::Exactly(total), Some(seen)) => Claim::Exactly(total + seen),
            (Claim::Exactly(_), None) | (Claim::AtMost(_), _) => Claim::AtMost(truth),
            (Claim::Nothing, _) => Claim::Nothing,
        };
        self.highest = self.highest.max(value);
        self.truth = truth;
    }
}
