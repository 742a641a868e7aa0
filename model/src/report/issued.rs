//! That a report was made: what the ledger keeps of it.

use crate::Digest;
use serde::{Deserialize, Serialize};

/// A report that was handed to somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedReport {
    /// Names the request, so that it is not taken in twice.
    pub id: String,
    /// Who made the report, by his own word.
    pub by: String,
    /// The user who made it, by the word of the kernel. Not part of what he writes.
    #[serde(skip)]
    pub uid: u32,
    /// When, milliseconds since the Unix epoch.
    pub made_wall_ms: i64,
    /// From when on it tells, milliseconds since the Unix epoch.
    pub from_wall_ms: i64,
    /// Until when.
    pub to_wall_ms: i64,
    /// The moment that it is looked at from.
    pub at_wall_ms: i64,
    /// SHA-256 of its JSON, which holds all that the other forms show.
    pub sha256: Digest,
    /// SHA-256 of the policy it judges by.
    pub policy_sha256: Digest,
}
