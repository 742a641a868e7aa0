//! Error counters of the EDAC core (Documentation/ABI/testing/sysfs-devices-edac).
//!
//! `dimm` is used as the kernel uses it: one entry of `mci->dimms`, which is a stick where the
//! driver works by channel and slot, and one rank of a stick where it works by chip-select row
//! (directory `rankN`). Which physical module that is, EDAC does not know.

use crate::{Counter, Reading, full_pass};
use serde::Serialize;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// All memory controllers the kernel has registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Edac {
    /// In order of their index; indexes may have holes.
    pub controllers: Vec<Controller>,
}

/// One `mcN` directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Controller {
    /// `N`; not stable across boots or driver reloads.
    pub index: u32,
    /// `mc_name`: the driver's name for the controller.
    pub name: Reading<String>,
    /// `size_mb`, in bytes.
    pub size_bytes: Reading<u64>,
    /// `seconds_since_reset`.
    pub seconds_since_reset: Reading<u64>,
    /// `sdram_scrub_rate`, bytes per second. Absent when the driver cannot tell.
    pub scrub_rate: Reading<u64>,
    /// `ce_count`, `ue_count`: everything the controller counted, unattributed errors included.
    pub errors: ErrorCounts,
    /// `ce_noinfo_count`, `ue_noinfo_count`: the part of `errors` that no DIMM's counter holds.
    pub unattributed: ErrorCounts,
    /// Which of the kernel's views `dimms` was read from.
    pub layout: Layout,
    /// The places errors are attributed to. Never two views of the same errors. Snapshots share them
    /// while nothing of them changes.
    pub dimms: Arc<[Dimm]>,
    /// The row totals, kept only where `layout` is [`Layout::Csrow`], to check the sums.
    pub csrows: Vec<Csrow>,
    /// Whether `ce_count` and `ue_count` stood still while the parts were read. If not, a
    /// difference between the total and its parts says nothing.
    pub steady: bool,
}

impl Controller {
    /// Its places, to be changed: a copy of its own where other snapshots share them.
    pub fn dimms_mut(&mut self) -> &mut [Dimm] {
        Arc::make_mut(&mut self.dimms)
    }
}

/// A pair of counters by the kernel's two classes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErrorCounts {
    /// Corrected errors.
    pub correctable: Reading<Counter>,
    /// Everything else: besides uncorrected errors also deferred, fatal and informational ones,
    /// which only the trace event tells apart.
    pub uncorrectable: Reading<Counter>,
}

/// The two classes the EDAC core counts by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorClass {
    /// `ce`.
    Correctable,
    /// `ue`.
    Uncorrectable,
}

/// The view of a controller's memory that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// `dimmN` directories.
    Dimm,
    /// `rankN` directories: one per rank, so a stick may appear twice.
    Rank,
    /// `csrowN/chM_*`: kernels without per-DIMM counters (before 4.10).
    Csrow,
    /// The controller attributes errors to nothing smaller than itself.
    Controller,
}

/// One entry errors are attributed to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dimm {
    /// Where it is in the controller.
    pub place: Place,
    /// `dimm_label`; root may write it, so it is not an identity.
    pub label: Reading<String>,
    /// `dimm_location`, for example `channel 0 slot 1`.
    pub location: Reading<String>,
    /// `size`, in bytes; of one rank where the layout is [`Layout::Rank`].
    pub size_bytes: Reading<u64>,
    /// `dimm_mem_type`. Firmware-first drivers report DDR5 wrongly here.
    pub memory_type: Reading<String>,
    /// `dimm_dev_type`: x4, x8, x16.
    pub device_type: Reading<String>,
    /// `dimm_edac_mode`: which code protects it.
    pub edac_mode: Reading<String>,
    /// Its counters. A class this place does not count is `Absent`.
    pub errors: ErrorCounts,
}

/// A chip-select row's own totals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Csrow {
    /// `N` of `csrowN`.
    pub index: u32,
    /// `ce_count`, `ue_count` of the row.
    pub errors: ErrorCounts,
}

/// A place inside a controller, named as the kernel's directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// `dimmN`.
    Dimm(u32),
    /// `rankN`.
    Rank(u32),
    /// Channel `channel` of `csrowN`.
    Channel {
        /// The row.
        csrow: u32,
        /// The channel.
        channel: u32,
    },
    /// A whole `csrowN`, for a class its channels do not count.
    Csrow(u32),
}

/// A place where the kernel's own sums do not add up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Contradiction {
    /// What the total belongs to.
    pub level: Level,
    /// Which counters.
    pub class: ErrorClass,
    /// The total the kernel shows.
    pub total: u64,
    /// The sum of the parts it shows.
    pub parts: u64,
    /// What it shows as attributed to no part; zero below controller level.
    pub unattributed: u64,
}

/// The level of a total.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The controller against its DIMMs (or rows) plus noinfo.
    Controller,
    /// A row against its channels.
    Csrow(u32),
}

impl Controller {
    /// How long patrol scrubbing at the present rate takes to pass over all of its memory. `None`
    /// where it is off, or where rate or size is not known.
    pub fn full_pass(&self) -> Option<Duration> {
        full_pass(*self.scrub_rate.value()?, *self.size_bytes.value()?)
    }
}

impl ErrorClass {
    /// Both classes.
    pub const ALL: [Self; 2] = [Self::Correctable, Self::Uncorrectable];

    /// A stable word for labels and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Correctable => "correctable",
            Self::Uncorrectable => "uncorrectable",
        }
    }

    /// The kernel's abbreviation.
    pub fn kernel_word(self) -> &'static str {
        match self {
            Self::Correctable => "ce",
            Self::Uncorrectable => "ue",
        }
    }
}

impl Layout {
    /// A stable word for labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dimm => "dimm",
            Self::Rank => "rank",
            Self::Csrow => "csrow",
            Self::Controller => "controller",
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dimm(n) => write!(f, "dimm{n}"),
            Self::Rank(n) => write!(f, "rank{n}"),
            Self::Channel { csrow, channel } => write!(f, "csrow{csrow}/ch{channel}"),
            Self::Csrow(n) => write!(f, "csrow{n}"),
        }
    }
}

impl Serialize for Place {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl ErrorCounts {
    /// The counter of one class.
    pub fn get(&self, class: ErrorClass) -> &Reading<Counter> {
        match class {
            ErrorClass::Correctable => &self.correctable,
            ErrorClass::Uncorrectable => &self.uncorrectable,
        }
    }
}

impl Contradiction {
    /// The kernel's total less everything it shows as part of it.
    ///
    /// Each counter wraps at 2³² on its own. Parts that together exceed that can only belong to a
    /// total that has wrapped, so the difference is then taken modulo 2³².
    pub fn difference(&self) -> i128 {
        const RANGE: i128 = 1 << 32;
        let parts = i128::from(self.parts) + i128::from(self.unattributed);
        let difference = i128::from(self.total) - parts;
        if parts < RANGE {
            return difference;
        }
        let above = difference.rem_euclid(RANGE);
        if above > RANGE / 2 { above - RANGE } else { above }
    }
}

impl Controller {
    /// The kernel's total less its parts, for one class: zero in a consistent kernel
    /// (`edac_inc_ce_error` adds to the total and to exactly one part).
    ///
    /// `None` when any of the counters involved has no value, when errors arrived while the
    /// parts were read, or when there are no parts.
    pub fn reconcile(&self, class: ErrorClass) -> Option<Contradiction> {
        if !self.steady || self.dimms.is_empty() {
            return None;
        }
        let counted: Vec<&Reading<Counter>> = self
            .dimms
            .iter()
            .map(|dimm| dimm.errors.get(class))
            .filter(|reading| !reading.is_absent())
            .collect();
        if counted.is_empty() {
            return None;
        }
        Some(Contradiction {
            level: Level::Controller,
            class,
            total: self.errors.get(class).value()?.value,
            parts: sum(&counted)?,
            unattributed: self.unattributed.get(class).value()?.value,
        })
    }

    /// Every total that does not equal the sum of its parts, rows included.
    pub fn contradictions(&self) -> Vec<Contradiction> {
        let mut found = Vec::new();
        for class in ErrorClass::ALL {
            found.extend(self.reconcile(class));
            found.extend(self.csrows.iter().filter_map(|row| self.reconcile_row(row, class)));
        }
        found.retain(|c| c.difference() != 0);
        found
    }

    fn reconcile_row(&self, row: &Csrow, class: ErrorClass) -> Option<Contradiction> {
        let channels: Vec<&Reading<Counter>> = self
            .dimms
            .iter()
            .filter(|dimm| matches!(dimm.place, Place::Channel { csrow, .. } if csrow == row.index))
            .map(|dimm| dimm.errors.get(class))
            .filter(|reading| !reading.is_absent())
            .collect();
        if channels.is_empty() || !self.steady {
            return None;
        }
        Some(Contradiction {
            level: Level::Csrow(row.index),
            class,
            total: row.errors.get(class).value()?.value,
            parts: sum(&channels)?,
            unattributed: 0,
        })
    }
}

/// The sum of counters; `None` if one of them has no value.
fn sum(counters: &[&Reading<Counter>]) -> Option<u64> {
    counters.iter().try_fold(0_u64, |sum, reading| sum.checked_add(reading.value()?.value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(total: u64, parts: u64, unattributed: u64) -> i128 {
        let (level, class) = (Level::Controller, ErrorClass::Correctable);
        Contradiction { level, class, total, parts, unattributed }.difference()
    }

    #[test]
    fn a_total_that_wrapped_before_its_parts_is_no_contradiction() {
        assert_eq!(difference(7, 4, 3), 0);
        // 3·10⁹ on each of two DIMMs: the total shows 6·10⁹ − 2³².
        assert_eq!(difference(1_705_032_704, 6_000_000_000, 0), 0);
        assert_eq!(difference(2, 4_294_967_295, 3), 0);
    }

    #[test]
    fn a_real_difference_keeps_its_sign_wrapped_or_not() {
        assert_eq!(difference(1, 3, 2), -4);
        assert_eq!(difference(9, 3, 2), 4);
        assert_eq!(difference(1_705_032_700, 6_000_000_000, 0), -4);
        assert_eq!(difference(1_705_032_708, 6_000_000_000, 0), 4);
    }
}
