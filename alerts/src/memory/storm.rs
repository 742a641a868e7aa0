//! Storms: reports of distinct places that come one upon the other.
//!
//! More than ten reports in a row, each at most 60 s after the one before, counted after reports
//! that equal an earlier one of their window are left out (SmartMem). A single cell, however loud,
//! never storms; a fault that takes in many does. Without leaving out, the same is a *flood*, which
//! says something of the load and nothing of the fault.

use super::windows::window_of;
use super::{Cell, Hit, Parity, Seconds};

/// Longest time between two reports of a storm.
pub const STORM_GAP: Seconds = 60;

/// A storm has more reports than this.
pub const STORM_REPORTS: u32 = 10;

/// Distinct reports of a window that are told apart; further ones count as known.
const MOST_KEYS: usize = 512;

/// What a report is equal by.
type Key = (Cell, Option<u64>, Option<u32>);

/// Where storms are noticed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Storms {
    window: i64,
    /// Distinct reports of the window, in their order.
    seen: Vec<Key>,
    /// Distinct reports so far, and the moment of the latest.
    run: u32,
    run_at: Option<Seconds>,
    /// The same of all reports.
    raw: u32,
    raw_at: Option<Seconds>,
}

/// What a report completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Completed {
    pub(crate) storm: bool,
    pub(crate) flood: bool,
}

impl Storms {
    /// Takes in a report.
    pub(crate) fn hear(&mut self, hit: &Hit) -> Completed {
        let window = window_of(hit.at);
        if window != self.window {
            self.window = window;
            self.seen.clear();
        }
        let flood = step(&mut self.raw, &mut self.raw_at, hit.at, hit.errors.max(1));
        let page = if hit.cell == Cell::default() { hit.page } else { None };
        let key = (hit.cell, page, hit.parity.map(|Parity(word)| word));
        let storm = match self.seen.binary_search(&key) {
            Err(index) if self.seen.len() < MOST_KEYS => {
                self.seen.insert(index, key);
                step(&mut self.run, &mut self.run_at, hit.at, 1)
            }
            Ok(_) | Err(_) => false,
        };
        Completed { storm, flood }
    }
}

/// Goes on with a run of reports; whether it got longer than ten, upon which it begins anew.
fn step(run: &mut u32, latest: &mut Option<Seconds>, at: Seconds, reports: u32) -> bool {
    let goes_on = latest.is_some_and(|before| at.saturating_sub(before) <= STORM_GAP);
    *run = if goes_on { run.saturating_add(reports) } else { reports };
    *latest = Some(at);
    let complete = *run > STORM_REPORTS;
    if complete {
        *run = 0;
    }
    complete
}
