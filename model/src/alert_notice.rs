//! What there is to tell of alerts, and how telling it fares.

use crate::{AlertKey, Sight, Verdict};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What there is to tell somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertNotice {
    /// Why it is told now.
    pub kind: AlertNoticeKind,
    /// Which alert.
    pub key: AlertKey,
    /// How bad it is; of one that is resolved, how bad it was.
    pub verdict: Verdict,
    /// What it was told to be before, where that differs; of one that is resolved, the worst it was
    /// told to be.
    pub before: Option<Verdict>,
    /// When it is told.
    pub at_wall_ms: i64,
    /// Since when it fires.
    pub since_wall_ms: i64,
    /// What was seen last.
    pub seen: Sight,
    /// Why it is told again, or is over.
    pub why: Option<String>,
}

/// Why something is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertNoticeKind {
    /// It began to fire.
    Firing,
    /// It got worse.
    Raised,
    /// It is less bad than it was told to be, and stayed so.
    Lowered,
    /// It still fires.
    Reminder,
    /// It was acknowledged, and no longer is.
    Reraised,
    /// It is over.
    Resolved,
    /// Nothing happened: somebody tries whether notices arrive.
    Test,
}

impl AlertNoticeKind {
    /// A stable word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Raised => "raised",
            Self::Lowered => "lowered",
            Self::Reminder => "reminder",
            Self::Reraised => "reraised",
            Self::Resolved => "resolved",
            Self::Test => "test",
        }
    }
}

/// A notice that waits for a receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Its row.
    pub id: i64,
    /// Whom it is for.
    pub receiver: String,
    /// When it was made, by the clock of the book.
    pub made_ms: u64,
    /// What it says.
    pub notice: AlertNotice,
}

/// How notices fare.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NotifyStats {
    /// By receiver, without what follows its address.
    pub receivers: BTreeMap<String, ReceiverStats>,
}

/// How one receiver fares, since the agent started.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ReceiverStats {
    /// Notices that it took.
    pub sent: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Notices that were given up.
    pub dropped: u64,
    /// Notices that wait.
    pub queued: u64,
    /// Why the last attempt failed, while none has succeeded since.
    pub last_error: Option<String>,
}
