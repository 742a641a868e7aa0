//! What a policy is: data that says of a DIMM's record when to raise an alarm.
//!
//! Presets are what other programs and vendors do, in the same form as our own, so that `replay` can
//! set them beside each other. They are not held to be right: their thresholds differ by a factor
//! of 500.

use crate::memory::Seconds;

/// A policy. Rules are independent of each other: an alarm is raised when one of them holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// The word it is chosen by.
    pub name: String,
    /// What it does and what for, as a sentence.
    pub meaning: String,
    /// Where its numbers come from.
    pub source: String,
    /// Its rules; a policy without any never says anything.
    pub rules: Vec<PolicyRule>,
}

/// One rule of a policy.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyRule {
    /// The word it is told by.
    pub code: String,
    /// What must hold, in words.
    pub meaning: String,
    /// Where its numbers come from.
    pub source: String,
    /// What must hold.
    pub when: When,
    /// What comes of it.
    pub then: Then,
}

/// What must hold for a rule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum When {
    /// So many corrected errors.
    Corrected {
        /// Of what they are counted.
        per: Per,
        /// How many, at least one.
        errors: u32,
        /// How they are counted.
        counting: Counting,
        /// Whether no other DIMM of the node may have had a corrected error within the same time.
        alone: bool,
    },
    /// An error that was not corrected.
    Uncorrected,
    /// The errors a mitigation is expected to prevent cost more than the mitigation.
    Worth(Worth),
}

/// When a mitigation is worth its costs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Worth {
    /// How far ahead an uncorrected error is looked for, in days.
    pub horizon_days: f64,
}

/// Of what errors are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Per {
    /// Of the DIMM.
    Dimm,
    /// Of each page of 4 KiB.
    Page,
    /// Of each row of the DRAM.
    Row,
}

/// How errors are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counting {
    /// A leaky bucket as mcelog has it: once `within` has passed since it was last looked at, as
    /// many errors leak out as the threshold allows in the time passed; it is emptied when full.
    Bucket {
        /// Seconds.
        within: u32,
    },
    /// Errors of the last `within`.
    Window {
        /// Seconds.
        within: u32,
    },
    /// The kernel's collector: a table of 512 pages for the node, out of which the one not seen for
    /// longest falls when it is full; no count ever decreases.
    Collector {
        /// Seconds after which all pages in the table age by one.
        decay: u32,
    },
}

/// What comes of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// The DIMM is to be dealt with: the alarm that is scored.
    Alarm,
    /// The page is taken out of use, and nobody hears of it.
    Offline,
}

/// What a preset looks at each time, and how long what it saw matters.
pub(crate) const DAY: u32 = 86_400;

impl Policy {
    /// The policy that never says anything.
    pub fn never() -> Self {
        Self {
            name: "never".to_owned(),
            meaning: "no alarm, whatever happens".to_owned(),
            source: "what silence costs".to_owned(),
            rules: Vec::new(),
        }
    }

    /// How far ahead it looks for an uncorrected error, in days; `None` if it does not go by costs.
    pub fn horizon_days(&self) -> Option<f64> {
        self.rules.iter().find_map(|rule| match rule.when {
            When::Worth(Worth { horizon_days }) => Some(horizon_days),
            When::Corrected { .. } | When::Uncorrected => None,
        })
    }

    /// Whether what it does depends on what things cost.
    pub fn knows_costs(&self) -> bool {
        self.rules.iter().any(PolicyRule::knows_costs)
    }
}

impl PolicyRule {
    /// Whether it holds depends on what things cost.
    pub fn knows_costs(&self) -> bool {
        matches!(self.when, When::Worth(_))
    }
}

impl Per {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dimm => "dimm",
            Self::Page => "page",
            Self::Row => "row",
        }
    }
}

impl Counting {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bucket { .. } => "bucket",
            Self::Window { .. } => "window",
            Self::Collector { .. } => "collector",
        }
    }

    /// The time it looks at.
    pub fn within(self) -> u32 {
        match self {
            Self::Bucket { within } | Self::Window { within } => within,
            Self::Collector { decay } => decay,
        }
    }
}

impl Then {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Alarm => "alarm",
            Self::Offline => "offline",
        }
    }
}

/// A span in whole units, as people write it.
pub fn span(seconds: Seconds) -> String {
    for (unit, name) in [(86_400, "d"), (3_600, "h"), (60, "min")] {
        if seconds != 0 && seconds % unit == 0 {
            return format!("{} {name}", seconds / unit);
        }
    }
    format!("{seconds} s")
}
