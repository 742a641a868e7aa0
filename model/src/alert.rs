//! Alerts: findings that last, who was told of them, and who said that they are known.
//!
//! What becomes of an alert from one pass to the next is decided in `alerts`; what is here is
//! remembered and shown. An alert has a clock of its own, the book's: it goes by the boot clock
//! within a boot and by the wall clock across boots, and never backwards.

use crate::{Action, BootId, RebootHelps, Stamp, Verdict};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Which alert: there is one for each code and subject.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AlertKey {
    /// Code of the finding.
    pub code: String,
    /// What it is about.
    pub subject: String,
}

impl AlertKey {
    /// The alert of a finding.
    pub fn new(code: impl Into<String>, subject: impl Into<String>) -> Self {
        Self { code: code.into(), subject: subject.into() }
    }
}

impl fmt::Display for AlertKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.code, self.subject)
    }
}

/// A moment by the clock of the book, which measures, and by the wall clock, which people read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Moment {
    /// Milliseconds since the book was begun.
    pub book_ms: u64,
    /// Milliseconds since the Unix epoch.
    pub wall_ms: i64,
}

/// The clock of the book, as it stood at one moment of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertClock {
    /// Milliseconds since the book was begun.
    pub book_ms: u64,
    /// The host's clocks then.
    pub at: Stamp,
}

/// What was seen of a finding last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sight {
    /// How bad.
    pub verdict: Verdict,
    /// What was seen.
    pub because: String,
    /// What to do, in one word.
    pub action: Action,
    /// What to do, as a sentence.
    pub remedy: String,
    /// What a reboot would mend.
    pub reboot_helps: RebootHelps,
    /// Where the evidence is.
    pub origin: Option<String>,
    /// How many errors it is about, over all time as far as is known; `None` where it is not about
    /// a number of them.
    pub count: Option<u64>,
}

/// Where an alert stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum AlertState {
    /// There is none. A book does not hold such.
    Inactive,
    /// Seen, but not for long enough.
    Pending {
        /// Since when.
        since: Moment,
        /// From when on it counts, by the book: later than `since` by the time that nobody could
        /// look.
        from_ms: u64,
    },
    /// Seen for long enough.
    Firing(Firing),
    /// Not seen any more for long enough.
    Resolved {
        /// When it began to fire.
        fired: Moment,
        /// Since when it is resolved.
        since: Moment,
    },
}

/// An alert that fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Firing {
    /// Since when.
    pub since: Moment,
    /// How bad: the worst seen lately, so that what goes up and down is not told each time.
    pub level: Verdict,
    /// From when on it is seen to be less bad, by the book.
    pub lower_from_ms: Option<u64>,
    /// From when on it is not seen any more, by the book.
    pub gone_from_ms: Option<u64>,
    /// What was told of it last; `None` while nothing was, as it is acknowledged or silenced.
    pub told: Option<Told>,
}

/// What was told of an alert last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Told {
    /// When.
    pub at: Moment,
    /// How bad it was said to be; less, where it has become less bad since.
    pub level: Verdict,
    /// The worst it was ever said to be since it fires: whoever was told that is told the end.
    pub worst: Verdict,
    /// How many reminders there were since it fired or got worse.
    pub reminders: u32,
}

/// An alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Alert {
    /// Where it stands.
    #[serde(flatten)]
    pub state: AlertState,
    /// What was seen last.
    pub seen: Sight,
    /// In which boot that was.
    pub seen_boot: BootId,
    /// Why it could not be looked at in the last pass, so that it stands as it stood; `None` if it
    /// could.
    pub held: Option<String>,
}

/// Until when an acknowledgement holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AckUntil {
    /// A date: by the wall clock, milliseconds since the Unix epoch.
    Date(i64),
    /// A span from when it was given: by the book, milliseconds. Setting the clock does not make it
    /// longer.
    Span(u64),
}

/// Somebody said that an alert is known, as it was then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    /// Names the request it came by; several alerts may be acknowledged by one.
    pub request: String,
    /// Which alert.
    #[serde(flatten)]
    pub key: AlertKey,
    /// Who, by his own word.
    pub by: String,
    /// The user who wrote it, by the word of the kernel.
    pub uid: u32,
    /// Why it needs no further word.
    pub reason: String,
    /// When.
    pub given: Moment,
    /// Until when.
    pub until: AckUntil,
    /// How bad it may be without being told of again.
    pub verdict: Verdict,
    /// How many errors there were.
    pub count: Option<u64>,
    /// How many errors there may be without it being told of again.
    pub baseline: Option<u64>,
}

impl Ack {
    /// Until when it holds, by the wall clock, unless that is set.
    pub fn until_wall_ms(&self) -> i64 {
        match self.until {
            AckUntil::Date(wall_ms) => wall_ms,
            AckUntil::Span(ms) => {
                self.given.wall_ms.saturating_add(i64::try_from(ms).unwrap_or(i64::MAX))
            }
        }
    }
}

/// What somebody asks of acknowledgements. It may have to wait for the agent to take it in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AckRequest {
    /// Names it, so that it is not taken in twice.
    pub id: String,
    /// Who asks, by his own word.
    pub by: String,
    /// The user who wrote it, by the word of the kernel. Not part of what he writes.
    #[serde(skip)]
    pub uid: u32,
    /// When it was made, milliseconds since the Unix epoch.
    pub made_wall_ms: i64,
    /// What he asks.
    pub what: AckChange,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AckChange {
    /// To acknowledge alerts.
    Give {
        /// Why.
        reason: String,
        /// Until when.
        until: AckUntil,
        /// Which, as they stood.
        alerts: Vec<AckedAlert>,
    },
    /// To take acknowledgements back.
    Withdraw {
        /// Which, with the request that gave each: one that took its place meanwhile stays.
        acks: Vec<(AlertKey, String)>,
    },
}

/// An alert as it is acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AckedAlert {
    /// Which.
    pub key: AlertKey,
    /// See [`Ack::verdict`].
    pub verdict: Verdict,
    /// See [`Ack::count`].
    pub count: Option<u64>,
    /// See [`Ack::baseline`].
    pub baseline: Option<u64>,
}

/// How an acknowledgement ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AckEnd {
    /// Its time was over.
    Expired,
    /// Things changed beyond what was acknowledged.
    Reraised,
    /// Somebody took it back.
    Withdrawn,
    /// Another took its place.
    Replaced,
}

/// An acknowledgement that ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EndedAck {
    /// The one.
    pub ack: Ack,
    /// How.
    pub end: AckEnd,
    /// Why, in words.
    pub why: String,
    /// When, milliseconds since the Unix epoch.
    pub at_wall_ms: i64,
}

/// Everything known of alerts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlertBook {
    /// When it was written last; `None` before the first time.
    pub clock: Option<AlertClock>,
    /// Alerts that are not inactive.
    pub alerts: BTreeMap<AlertKey, Alert>,
    /// Acknowledgements that hold.
    pub acks: BTreeMap<AlertKey, Ack>,
}

/// A turn in the life of an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertTurn {
    /// When, milliseconds since the Unix epoch.
    pub at_wall_ms: i64,
    /// Which alert.
    #[serde(flatten)]
    pub key: AlertKey,
    /// What happened.
    pub what: AlertTurnKind,
    /// How bad it is, or was.
    pub verdict: Verdict,
    /// What was seen, or why.
    pub detail: String,
}

/// What can happen to an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertTurnKind {
    /// It began to fire.
    Fired,
    /// It got worse.
    Raised,
    /// It got better, and stayed so.
    Lowered,
    /// What it rests on cannot be looked at.
    Held,
    /// It can again.
    Released,
    /// It is over.
    Resolved,
    /// Somebody acknowledged it.
    Acknowledged,
    /// The acknowledgement ended with its time.
    AckExpired,
    /// It ended because things changed.
    AckReraised,
    /// Somebody took it back.
    AckWithdrawn,
    /// Another took its place.
    AckReplaced,
}

impl AlertState {
    /// The states that a book may hold, in the order they are exported.
    pub const WORDS: [&str; 3] = ["pending", "firing", "resolved"];

    /// A stable word for labels and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::Pending { .. } => "pending",
            Self::Firing(_) => "firing",
            Self::Resolved { .. } => "resolved",
        }
    }

    /// What there is to know of it while it fires.
    pub fn firing(&self) -> Option<&Firing> {
        match self {
            Self::Firing(firing) => Some(firing),
            Self::Inactive | Self::Pending { .. } | Self::Resolved { .. } => None,
        }
    }
}

impl AckEnd {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Expired, Self::Reraised, Self::Withdrawn, Self::Replaced];

    /// A stable word for the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Reraised => "reraised",
            Self::Withdrawn => "withdrawn",
            Self::Replaced => "replaced",
        }
    }

    /// The turn of its alert.
    pub fn turn(self) -> AlertTurnKind {
        match self {
            Self::Expired => AlertTurnKind::AckExpired,
            Self::Reraised => AlertTurnKind::AckReraised,
            Self::Withdrawn => AlertTurnKind::AckWithdrawn,
            Self::Replaced => AlertTurnKind::AckReplaced,
        }
    }
}

impl AlertTurnKind {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Fired,
        Self::Raised,
        Self::Lowered,
        Self::Held,
        Self::Released,
        Self::Resolved,
        Self::Acknowledged,
        Self::AckExpired,
        Self::AckReraised,
        Self::AckWithdrawn,
        Self::AckReplaced,
    ];

    /// A stable word for the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fired => "fired",
            Self::Raised => "raised",
            Self::Lowered => "lowered",
            Self::Held => "held",
            Self::Released => "released",
            Self::Resolved => "resolved",
            Self::Acknowledged => "acknowledged",
            Self::AckExpired => "ack_expired",
            Self::AckReraised => "ack_reraised",
            Self::AckWithdrawn => "ack_withdrawn",
            Self::AckReplaced => "ack_replaced",
        }
    }

    /// Whether it is about an acknowledgement.
    pub fn is_of_ack(self) -> bool {
        match self {
            Self::Acknowledged
            | Self::AckExpired
            | Self::AckReraised
            | Self::AckWithdrawn
            | Self::AckReplaced => true,
            Self::Fired
            | Self::Raised
            | Self::Lowered
            | Self::Held
            | Self::Released
            | Self::Resolved => false,
        }
    }
}
