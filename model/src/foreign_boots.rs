//! Boots that other tools remembered: what a host did before this agent came.

use crate::{BootId, Reading};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// A tool that remembers boots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BootMemory {
    /// `wtmp`, as init and login keep it.
    Wtmp,
    /// wtmpdb, which takes its place where times must outlast 2038.
    Wtmpdb,
    /// tuptime.
    Tuptime,
    /// uptimed.
    Uptimed,
}

/// How a boot ended, as far as the tool tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ForeignEnd {
    /// The host was shut down in order.
    Clean,
    /// Another boot followed, and no shutdown is recorded.
    Unclean,
    /// Not told: the tool keeps no such thing, or it is the last boot that it knows.
    Unknown,
}

/// A boot that another tool remembers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ForeignBoot {
    /// When it began, milliseconds since the Unix epoch by the host's wall clock of that time.
    pub booted_wall_ms: i64,
    /// When it ended or was seen last, by the wall clock of that time. Where that clock stood
    /// before the beginning, it tells nothing, and neither does this.
    pub ended_wall_ms: Option<i64>,
    /// How long it lasted, seconds, sleep included, where the tool measured that itself.
    pub lasted_s: Option<u64>,
    /// Of that, seconds asleep.
    pub slept_s: Option<u64>,
    /// The kernel's own id of the boot.
    pub boot_id: Option<BootId>,
    /// Release of its kernel, as `uname -r` shows it.
    pub kernel_release: Option<String>,
    /// How often user space was started anew under the same kernel.
    pub soft_reboots: u32,
    /// How it ended.
    pub end: ForeignEnd,
    /// What `end` rests on, as a sentence.
    pub evidence: Cow<'static, str>,
}

/// What one tool remembers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ForeignBoots {
    /// Which tool.
    pub memory: BootMemory,
    /// Its files, relative to the host root, the oldest first.
    pub paths: Vec<String>,
    /// Boots in the order in which they were recorded, or of their beginnings where a tool keeps no
    /// order.
    pub boots: Vec<ForeignBoot>,
    /// Whether boots between the first and the last may be missing.
    pub has_gaps: bool,
    /// Records that were not understood.
    pub not_understood: u32,
}

/// What came of taking in what one tool remembers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImportLine {
    /// Which tool.
    pub memory: BootMemory,
    /// What was taken in, or why nothing was.
    pub taken: Reading<ImportTaken>,
    /// What it cannot tell, as a sentence.
    pub cannot_tell: &'static str,
}

/// Boots that were taken in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImportTaken {
    /// Files they were in, relative to the host root.
    pub paths: Vec<String>,
    /// Boots it told of.
    pub told: u64,
    /// Of these, those that it had not told of before.
    pub added: u64,
    /// Of these, those that were known, and of which it tells more now.
    pub completed: u64,
    /// Boots of this tool, taken in at any time, that the agent saw itself as well.
    pub seen_by_agent: u64,
    /// Records that were not understood.
    pub not_understood: u64,
    /// When the first of the boots began, milliseconds since the Unix epoch.
    pub first_wall_ms: Option<i64>,
    /// When the last of them began.
    pub last_wall_ms: Option<i64>,
}

impl ImportTaken {
    /// Boots that add nothing to what was known.
    pub fn known(&self) -> u64 {
        self.told.saturating_sub(self.added).saturating_sub(self.completed)
    }
}

impl BootMemory {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Wtmp, Self::Wtmpdb, Self::Tuptime, Self::Uptimed];

    /// The one with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|memory| memory.as_str() == word)
    }

    /// Whether it keeps every boot from its first to its last: uptimed keeps the longest ones.
    pub fn is_complete(self) -> bool {
        match self {
            Self::Wtmp | Self::Wtmpdb | Self::Tuptime => true,
            Self::Uptimed => false,
        }
    }

    /// What it cannot tell, as a sentence.
    pub fn cannot_tell(self) -> &'static str {
        match self {
            Self::Wtmp => {
                "How long a boot lasted is only known by the wall clock, sleep is not told, and a \
                 soft reboot looks like a boot."
            }
            Self::Wtmpdb => {
                "How long a boot lasted is only known by the wall clock, and sleep is not told."
            }
            Self::Tuptime => "Times of a boot that was cut off may be up to five minutes early.",
            Self::Uptimed => {
                "How a boot ended is not recorded, and only the longest boots are kept, so others \
                 may lie between them."
            }
        }
    }

    /// A stable word for labels and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Wtmp => "wtmp",
            Self::Wtmpdb => "wtmpdb",
            Self::Tuptime => "tuptime",
            Self::Uptimed => "uptimed",
        }
    }
}

impl ForeignEnd {
    /// The one with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|end| end.as_str() == word)
    }

    /// All ends.
    pub const ALL: [Self; 3] = [Self::Clean, Self::Unclean, Self::Unknown];

    /// A stable word for labels and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Unclean => "unclean",
            Self::Unknown => "unknown",
        }
    }
}

impl ForeignBoot {
    /// A boot of which only the beginning is known.
    pub fn begun(booted_wall_ms: i64) -> Self {
        Self {
            booted_wall_ms,
            ended_wall_ms: None,
            lasted_s: None,
            slept_s: None,
            boot_id: None,
            kernel_release: None,
            soft_reboots: 0,
            end: ForeignEnd::Unknown,
            evidence: Cow::Borrowed("no later boot is recorded"),
        }
    }

    /// The same boot with its end; a time before the beginning is of a clock that was set since.
    pub fn ended(
        self,
        ended_wall_ms: Option<i64>,
        end: ForeignEnd,
        evidence: &'static str,
    ) -> Self {
        let ended_wall_ms = ended_wall_ms.filter(|ended| *ended >= self.booted_wall_ms);
        Self { ended_wall_ms, end, evidence: Cow::Borrowed(evidence), ..self }
    }
}
