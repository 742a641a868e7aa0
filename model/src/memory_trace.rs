//! What the history knows of the errors of each stick over a time, as it keeps it: the changes of its
//! counters, the reports of its places, and when anybody looked.

use crate::{ErrorClass, EventClass, EventRecord, ModuleKey};
use std::collections::BTreeMap;
use std::time::Duration;

/// The errors of all sticks that are in the host, over a time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemoryTraces {
    /// Where it begins, milliseconds since the Unix epoch.
    pub from_wall_ms: i64,
    /// When passes followed each other, in order.
    pub watches: Vec<Watch>,
    /// When the host booted.
    pub boots_wall_ms: Vec<i64>,
    /// The sticks, those without an error included.
    pub modules: BTreeMap<ModuleKey, ModuleTrace>,
}

/// A stretch of time that was watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watch {
    /// Its first pass, milliseconds since the Unix epoch.
    pub from_wall_ms: i64,
    /// Its last pass.
    pub to_wall_ms: i64,
    /// How much of it was watched, by the boot clock: all of it, unless it is the sum of a day.
    pub watched: Duration,
}

/// The errors of one stick.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModuleTrace {
    /// Changes of the counters at its places, in order of time.
    pub changes: Vec<CounterChange>,
    /// Reports at its places, in order.
    pub reports: Vec<EventRecord>,
    /// Earlier reports, as sums of an hour or a day.
    pub folded: Vec<FoldedReports>,
    /// Whether there are earlier reports of corrected errors than those that are told by themselves.
    pub cut: bool,
}

/// What several reports at the places of a stick were folded into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoldedReports {
    /// Which class.
    pub class: EventClass,
    /// Where the sum begins.
    pub from_wall_ms: i64,
    /// Where it ends.
    pub to_wall_ms: i64,
    /// Errors that no earlier report told of.
    pub counted: u64,
}

/// A change of a counter, or what several were folded into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CounterChange {
    /// Which class.
    pub class: ErrorClass,
    /// When it was seen; where a sum begins.
    pub from_wall_ms: i64,
    /// When it was seen; where a sum ends.
    pub to_wall_ms: i64,
    /// Errors added.
    pub errors: u64,
    /// The interval of the passes: a single change is no older than that, if the pass before it was
    /// made. Zero for a sum.
    pub interval: Duration,
    /// Whether the counter began a new life, and may have lost some.
    pub restarted: bool,
    /// Whether this is the first reading, of errors counted before anybody watched.
    pub first: bool,
}
