//! What pages ask of the history.
//!
//! This crate knows no database: whoever serves the pages answers, from a connection of its own, so
//! that a page waits neither for a pass nor for the one that writes.

use scrubjay_model::{
    AlertTurn, Availability, BootLine, BootRecord, ClockStepRecord, CoverageDay, CoverageRecord,
    EventPattern, ExposureRecord, FactRecord, MemoryTraces, ModuleKey, ModuleTrace, ModuleTurn,
    Watch,
};
use std::fmt;

/// An answer, or in words why there is none: lower case, without a full stop.
pub type Told<T> = Result<T, String>;

/// The history, as far as pages ask it. Each answer is made anew and may take a while.
pub trait Past: Send + Sync + fmt::Debug {
    /// The errors of all sticks that ever were in the host, from a moment on.
    fn memory(&self, from_wall_ms: i64) -> Told<MemoryPast>;
    /// The life of one stick, from a moment on.
    fn dimm(&self, key: &ModuleKey, from_wall_ms: i64) -> Told<DimmPast>;
    /// What changed about the kernel's patches.
    fn patches(&self) -> Told<PatchPast>;
    /// The boots.
    fn uptime(&self) -> Told<UptimePast>;
    /// What became of alerts, from a moment on.
    fn alerts(&self, from_wall_ms: i64) -> Told<Vec<AlertTurn>>;
}

/// The errors of all sticks.
#[derive(Debug, Clone)]
pub struct MemoryPast {
    /// The turns in the lives of all sticks, oldest first.
    pub turns: Vec<ModuleTurn>,
    /// What was counted, and when anybody looked.
    pub traces: MemoryTraces,
}

/// The life of one stick.
#[derive(Debug, Clone)]
pub struct DimmPast {
    /// The turns in the lives of all sticks, oldest first.
    pub turns: Vec<ModuleTurn>,
    /// Its errors; nothing of one that the history does not know.
    pub trace: ModuleTrace,
    /// When anybody looked.
    pub watches: Vec<Watch>,
    /// What its latest reports have in common.
    pub pattern: EventPattern,
}

/// What changed about the kernel's patches.
#[derive(Debug, Clone)]
pub struct PatchPast {
    /// Every vulnerability that was ever owed.
    pub exposures: Vec<ExposureRecord>,
    /// Changes of facts about kernels and live patches, oldest first.
    pub changes: Vec<FactRecord>,
    /// Stretches that were watched.
    pub coverage: Vec<CoverageRecord>,
    /// The same of days that are told as a whole.
    pub coverage_days: Vec<CoverageDay>,
    /// The boots that the agent saw.
    pub boots: Vec<BootRecord>,
}

/// The boots.
#[derive(Debug, Clone)]
pub struct UptimePast {
    /// All that anybody remembers, in the order of their beginnings.
    pub lines: Vec<BootLine>,
    /// For how much of the time the host was up; `None` where no boot has a time.
    pub availability: Option<Availability>,
    /// Steps of the wall clock.
    pub clock_steps: Vec<ClockStepRecord>,
}

/// A history that cannot be asked, and why.
#[derive(Debug, Clone)]
pub(crate) struct Silent(pub(crate) String);

impl Past for Silent {
    fn memory(&self, _: i64) -> Told<MemoryPast> {
        Err(self.0.clone())
    }

    fn dimm(&self, _: &ModuleKey, _: i64) -> Told<DimmPast> {
        Err(self.0.clone())
    }

    fn patches(&self) -> Told<PatchPast> {
        Err(self.0.clone())
    }

    fn uptime(&self) -> Told<UptimePast> {
        Err(self.0.clone())
    }

    fn alerts(&self, _: i64) -> Told<Vec<AlertTurn>> {
        Err(self.0.clone())
    }
}
