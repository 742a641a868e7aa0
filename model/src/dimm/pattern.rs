//! What the reports of one stick have in common: numbers that hint at the shape of a fault. What
//! they mean is for rules to say.

use crate::EventClass;
use serde::Serialize;
use std::collections::BTreeMap;

/// Size of the pieces of memory that addresses are counted by, whatever the kernel's pages are.
pub const PATTERN_PAGE_BYTES: u64 = 4096;

/// The reports of a stick, counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct EventPattern {
    /// Groups of reports looked at, the latest ones.
    pub groups: u64,
    /// Whether there are earlier ones that were not looked at.
    pub cut: bool,
    /// First report of those looked at, milliseconds since the Unix epoch.
    pub first_wall_ms: Option<i64>,
    /// Last group of those looked at.
    pub last_wall_ms: Option<i64>,
    /// Errors they tell of, by class; those an earlier report told of as well are left out.
    pub errors: BTreeMap<EventClass, u64>,
    /// Different pages of [`PATTERN_PAGE_BYTES`] named.
    pub pages: u64,
    /// Different syndromes named. A single one speaks for a single bit or chip.
    pub syndromes: u64,
    /// Groups without an address.
    pub without_address: u64,
    /// Groups in which several pages or syndromes were folded, so that there may be more of them
    /// than counted here.
    pub folded: u64,
}
