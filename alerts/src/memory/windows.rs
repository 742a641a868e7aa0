//! When a DIMM erred and when it was watched, in windows of six hours.
//!
//! What is counted for trends are windows and days, not errors: errors within a window belong
//! together. Windows without errors take no memory; how long each was watched is kept for 64 days.

use super::Seconds;

/// Length of a window.
pub(crate) const WINDOW: Seconds = 6 * 3600;

/// Windows of a day.
pub(crate) const A_DAY: i64 = 4;

/// From how many errors in a window a count says no more than "many": logs and firmware stop near
/// there.
pub const CENSORED: u32 = 1_000;

/// Windows of which the exposure is kept, a power of two.
const KEPT: i64 = 256;

/// How far windows with errors reach back from the latest such window.
const REACH: i64 = 45 * A_DAY;

/// The window that a moment is in.
pub(crate) fn window_of(at: Seconds) -> i64 {
    at.div_euclid(WINDOW)
}

/// A window with errors.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Active {
    /// Its number.
    pub(crate) window: i64,
    /// Errors in it.
    pub(crate) errors: u32,
    /// Of these, those of a longer time that nobody watched: that they are of this window is not known.
    pub(crate) unresolved: u32,
    /// Whether there may have been more.
    pub(crate) at_least: bool,
    /// Storms in it, of distinct places.
    pub(crate) storms: u16,
    /// Whether reports came one upon the other, distinct or not.
    pub(crate) flood: bool,
    /// What the bits of its reports showed.
    pub(crate) bits: Bits,
}

/// What the wrong bits of several reports showed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bits {
    /// Reports that told their bits.
    pub told: u32,
    /// One with two or three wrong data lines.
    pub two_or_three_lines: bool,
    /// One with four.
    pub four_lines: bool,
    /// The longest interval between the first and the last wrong beat.
    pub longest_interval: u8,
}

impl Active {
    /// Errors that are known to be of this window.
    pub(crate) fn resolved(&self) -> u32 {
        self.errors.saturating_sub(self.unresolved)
    }
}

impl Bits {
    /// Both together.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            told: self.told.saturating_add(other.told),
            two_or_three_lines: self.two_or_three_lines || other.two_or_three_lines,
            four_lines: self.four_lines || other.four_lines,
            longest_interval: self.longest_interval.max(other.longest_interval),
        }
    }
}

/// The windows of a DIMM.
#[derive(Debug, Clone)]
pub(crate) struct Windows {
    /// Seconds watched in each window, by its number modulo their count.
    watched: [u16; 256],
    /// The latest window of which the exposure is known.
    newest: Option<i64>,
    /// Those with errors, oldest first.
    active: Vec<Active>,
}

impl Windows {
    pub(crate) fn new() -> Self {
        Self { watched: [0; 256], newest: None, active: Vec::new() }
    }

    /// Takes in that `watched` seconds of `from` to `until` were watched, spread evenly.
    pub(crate) fn watch(&mut self, from: Seconds, until: Seconds, watched: u32) {
        let last = window_of(until.saturating_sub(1).max(from));
        self.move_to(last);
        let span = until.saturating_sub(from);
        if span <= 0 {
            return;
        }
        let oldest = self.newest.unwrap_or(last).saturating_sub(KEPT - 1);
        for window in window_of(from).max(oldest)..=last {
            let begin = from.max(window * WINDOW);
            let end = until.min((window + 1) * WINDOW);
            // Both factors are below 2^32, and their quotient is at most the span of a window.
            let share = i64::from(watched).min(span) * (end - begin) / span;
            if let Some(seconds) = self.watched.get_mut(slot(window)) {
                let sum = i64::from(*seconds) + share;
                *seconds = u16::try_from(sum.min(WINDOW)).unwrap_or(u16::MAX);
            }
        }
    }

    /// Makes `window` the newest one; those skipped were not watched.
    fn move_to(&mut self, window: i64) {
        let Some(newest) = self.newest else {
            self.newest = Some(window);
            return;
        };
        if window <= newest {
            return;
        }
        if window - newest >= KEPT {
            self.watched = [0; 256];
        } else {
            for skipped in newest + 1..=window {
                if let Some(seconds) = self.watched.get_mut(slot(skipped)) {
                    *seconds = 0;
                }
            }
        }
        self.newest = Some(window);
    }

    /// Seconds watched of one window.
    pub(crate) fn watched(&self, window: i64) -> u32 {
        let known = self.newest.is_some_and(|newest| window <= newest && newest - window < KEPT);
        if !known {
            return 0;
        }
        self.watched.get(slot(window)).copied().map_or(0, u32::from)
    }

    /// The window with errors of that number, made if there is none. `None` if it lies too far back
    /// to be kept.
    pub(crate) fn active_mut(&mut self, window: i64) -> Option<&mut Active> {
        if self.active.last().is_none_or(|last| last.window < window) {
            let oldest = window.saturating_sub(REACH);
            if self.active.first().is_some_and(|first| first.window < oldest) {
                self.active.retain(|active| active.window >= oldest);
            }
            self.active.push(Active { window, ..Active::default() });
            return self.active.last_mut();
        }
        match self.active.binary_search_by_key(&window, |active| active.window) {
            Ok(index) => self.active.get_mut(index),
            Err(index) => {
                if window < self.active.last()?.window.saturating_sub(REACH) {
                    return None;
                }
                self.active.insert(index, Active { window, ..Active::default() });
                self.active.get_mut(index)
            }
        }
    }

    /// Windows with errors, oldest first.
    pub(crate) fn active(&self) -> &[Active] {
        &self.active
    }

    /// Those of `from` to `to`, both included.
    pub(crate) fn between(&self, from: i64, to: i64) -> &[Active] {
        let begin = self.active.partition_point(|active| active.window < from);
        let end = self.active.partition_point(|active| active.window <= to);
        self.active.get(begin..end).unwrap_or(&[])
    }
}

/// Where in the ring a window is.
fn slot(window: i64) -> usize {
    usize::try_from(window.rem_euclid(KEPT)).unwrap_or(0)
}
