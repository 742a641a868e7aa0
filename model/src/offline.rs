//! Whether, by the settings, pages may be taken out of use.

use crate::BootId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What the agent may do about pages that collect corrected errors (`pages.offline`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OfflineMode {
    /// Nothing: the host is observed, not changed.
    Off,
    /// Ask the kernel to move what the page holds, and to use it no more until the next boot.
    Soft,
}

/// The right to have one page taken out of use. It is used up by asking, and can be had only from
/// settings that say so: [`OfflineMode::permit`].
#[derive(Debug)]
pub struct OfflinePermit {
    _by_settings: (),
}

impl OfflineMode {
    /// All modes.
    pub const ALL: [Self; 2] = [Self::Off, Self::Soft];

    /// The word used in configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Soft => "soft",
        }
    }

    /// The mode of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == word)
    }

    /// A permit for one page, if the settings allow any.
    pub fn permit(self) -> Option<OfflinePermit> {
        match self {
            Self::Off => None,
            Self::Soft => Some(OfflinePermit { _by_settings: () }),
        }
    }
}

/// Corrected errors of one page, each counted once, since the kernel was last asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorrectedPage {
    /// The first address of the page.
    pub physical_address: u64,
    /// Errors in windows of 24 hours, counted back from now: the first is the last day.
    pub by_day: Vec<u64>,
    /// The DIMM whose counter went up with the last of them, by the history's id; `None` if no
    /// report named one.
    pub dimm: Option<String>,
}

/// What the kernel was asked for so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageRequests {
    /// Pages within the last 24 hours.
    pub last_day: u32,
    /// Pages in all.
    pub in_all: u32,
    /// The first addresses of those in this boot.
    pub this_boot: BTreeSet<u64>,
}

/// What came of asking for a page to be taken out of use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum PageAnswer {
    /// The kernel did it.
    Done,
    /// The kernel would not.
    Failed {
        /// Its error number.
        errno: i32,
    },
    /// It was not asked after all: the root is not this host's.
    NotAsked,
}

/// The kernel was asked to take a page out of use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PageRequest {
    /// The first address of the page.
    pub physical_address: u64,
    /// In which boot.
    pub boot: BootId,
    /// When, milliseconds since the Unix epoch.
    pub at_wall_ms: i64,
    /// What came of it; `None` if nobody lived to write that down.
    pub answer: Option<PageAnswer>,
}

impl PageAnswer {
    /// A stable word for the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed { .. } => "failed",
            Self::NotAsked => "not_asked",
        }
    }

    /// The answer of that word; the error number is that of a failure and must be given with it
    /// alone.
    pub fn parse(word: &str, errno: Option<i32>) -> Option<Self> {
        Some(match (word, errno) {
            ("done", None) => Self::Done,
            ("failed", Some(errno)) => Self::Failed { errno },
            ("not_asked", None) => Self::NotAsked,
            (_, _) => return None,
        })
    }
}
