//! What is kept of one DIMM: bounded, and carried on observation by observation.

use super::cells::{Cells, Spot};
use super::classify::{LOOSE, classify};
use super::mode::Mode;
use super::storm::Storms;
use super::trend::{Exposure, days, is_rising};
use super::windows::{Active, Bits, WINDOW, Windows, window_of};
use super::{CountsFrom, Hit, Observation, Seconds};

/// Pages out of use that are told apart.
const MOST_PAGES: usize = 256;

/// Uncorrected errors so close together are one.
const ONE_FAILURE: Seconds = 30;

/// Days before the latest error of which the busiest six hours are looked at.
const BUSY_WINDOWS: i64 = 28;

/// The record of a DIMM, as much of it as judging needs.
///
/// It takes some hundred bytes, and some tens of kilobytes for a DIMM that errs at very many places.
#[derive(Debug, Clone)]
pub struct DimmState {
    counts: CountsFrom,
    pub(crate) first: Option<Seconds>,
    pub(crate) latest: Option<Seconds>,
    /// Seconds watched, ever.
    pub(crate) watched: u64,
    /// Corrected errors, ever.
    pub(crate) errors: u64,
    /// Whether there may have been more.
    pub(crate) at_least: bool,
    pub(crate) first_error: Option<Seconds>,
    pub(crate) last_error: Option<Seconds>,
    /// Windows with errors, ever.
    pub(crate) active_windows: u64,
    /// Days with errors, ever, and the latest of them.
    pub(crate) active_days: u64,
    latest_day: Option<i64>,
    pub(crate) windows: Windows,
    pub(crate) cells: Cells,
    storms: Storms,
    pub(crate) last_storm: Option<Seconds>,
    pub(crate) last_flood: Option<Seconds>,
    /// The loudest window since it was last quiet for long.
    pub(crate) peak: Active,
    /// When a rise was last seen, and when first of those in a row.
    pub(crate) rose: Option<Seconds>,
    pub(crate) uncorrected: u64,
    pub(crate) first_uncorrected: Option<Seconds>,
    pub(crate) last_uncorrected: Option<Seconds>,
    /// Pages out of use now.
    pub(crate) pages: Vec<u64>,
    pub(crate) pages_offlined: u64,
    pub(crate) booted: Option<Seconds>,
    pub(crate) boots: u32,
}

/// Errors that were counted.
#[derive(Debug, Clone, Copy)]
struct Counted {
    errors: u64,
    at_least: bool,
    /// Whether it is known in which window they were.
    resolved: bool,
}

impl DimmState {
    /// A DIMM of which nothing is known yet.
    pub fn new(counts: CountsFrom) -> Self {
        Self {
            counts,
            first: None,
            latest: None,
            watched: 0,
            errors: 0,
            at_least: false,
            first_error: None,
            last_error: None,
            active_windows: 0,
            active_days: 0,
            latest_day: None,
            windows: Windows::new(),
            cells: Cells::default(),
            storms: Storms::default(),
            last_storm: None,
            last_flood: None,
            peak: Active::default(),
            rose: None,
            uncorrected: 0,
            first_uncorrected: None,
            last_uncorrected: None,
            pages: Vec::new(),
            pages_offlined: 0,
            booted: None,
            boots: 0,
        }
    }

    /// Goes on by one observation.
    pub fn observe(&mut self, seen: &Observation) {
        let at = seen.at();
        let since = if let Observation::Counted { from, .. } = *seen { from } else { at };
        self.first = Some(self.first.map_or(since, |first| first.min(since)));
        self.latest = Some(self.latest.map_or(at, |latest| latest.max(at)));
        match *seen {
            Observation::Counted { from, until, watched, errors, at_least } => {
                self.watched = self.watched.saturating_add(watched.into());
                self.windows.watch(from, until, watched);
                self.at_least |= at_least;
                if self.counts == CountsFrom::Counters && errors > 0 {
                    let length = until.saturating_sub(from);
                    // When in a long time that nobody watched they came is not known.
                    let resolved = length <= WINDOW || Seconds::from(watched) * 2 >= length;
                    self.count(from, until, Counted { errors, at_least, resolved });
                }
            }
            Observation::Reported(hit) => self.report(&hit),
            Observation::Uncorrected { at, .. } => self.fail(at),
            Observation::Booted { at } => {
                self.booted = Some(at);
                self.boots = self.boots.saturating_add(1);
                self.pages.clear();
            }
            Observation::Offlined { page, .. } => self.offline(page),
            Observation::Replaced { at } => {
                *self = Self { first: Some(at), latest: Some(at), ..Self::new(self.counts) };
            }
        }
    }

    /// Corrected errors since the DIMM is in its slot.
    pub fn errors(&self) -> u64 {
        self.errors
    }

    /// Uncorrected ones; several within 30 s are one.
    pub fn uncorrected(&self) -> u64 {
        self.uncorrected
    }

    /// When it last erred at all.
    pub fn last_error(&self) -> Option<Seconds> {
        self.last_error.max(self.last_uncorrected)
    }

    /// Distinct windows of six hours with errors.
    pub fn active_windows(&self) -> u64 {
        self.active_windows
    }

    /// Distinct days with errors.
    pub fn active_days(&self) -> u64 {
        self.active_days
    }

    /// Places that had to make room for newer ones.
    pub fn places_dropped(&self) -> u64 {
        self.cells.dropped
    }

    /// Distinct places kept.
    pub fn places(&self) -> usize {
        self.cells.len()
    }

    /// The places at which it erred in the 90 days before `now`.
    pub fn spots(&self, now: Seconds) -> Vec<Spot> {
        self.cells.at(now)
    }

    /// Errors of an interval: spread evenly over its windows, as nobody knows better. One error is
    /// in the last of them.
    fn count(&mut self, from: Seconds, until: Seconds, counted: Counted) {
        let errors = counted.errors;
        let last = window_of(until.saturating_sub(1).max(from));
        // What is further back than what is kept is put into what is.
        let first = window_of(from).max(last - 44 * 4);
        let parts = u64::try_from(last - first + 1).unwrap_or(1);
        let mut given = 0;
        for (part, window) in (1..).zip(first..=last) {
            let so_far = errors / parts * part + errors % parts * part / parts;
            let share = so_far - given;
            given = so_far;
            if share > 0 {
                let at = until.min((window + 1) * WINDOW);
                self.err(at, window, Counted { errors: share, ..counted });
            }
        }
    }

    fn report(&mut self, hit: &Hit) {
        let window = window_of(hit.at);
        self.cells.hear(hit);
        if self.counts == CountsFrom::Reports {
            let errors = u64::from(hit.errors.max(1));
            self.err(hit.at, window, Counted { errors, at_least: false, resolved: true });
        } else {
            // The counter tells of it in a moment; it has not told of it yet.
            self.begin(hit.at, window, 0, true);
        }
        let completed = self.storms.hear(hit);
        let bits = hit.parity.map(|parity| Bits {
            told: 1,
            two_or_three_lines: matches!(parity.line_count(), 2 | 3),
            four_lines: parity.line_count() == 4,
            longest_interval: u8::try_from(parity.beat_interval()).unwrap_or(u8::MAX),
        });
        if completed.storm {
            self.last_storm = Some(hit.at);
        }
        if completed.flood {
            self.last_flood = Some(hit.at);
        }
        if (completed.storm || completed.flood || bits.is_some())
            && let Some(active) = self.windows.active_mut(window)
        {
            active.storms = active.storms.saturating_add(completed.storm.into());
            active.flood |= completed.flood;
            active.bits = active.bits.and(bits.unwrap_or_default());
            let active = *active;
            self.raise_peak(&active);
        }
    }

    /// Errors at a moment, in a window.
    fn err(&mut self, at: Seconds, window: i64, counted: Counted) {
        let Counted { errors, at_least, resolved } = counted;
        self.begin(at, window, errors, resolved);
        let Some(active) = self.windows.active_mut(window) else { return };
        let errors = u32::try_from(errors).unwrap_or(u32::MAX);
        active.errors = active.errors.saturating_add(errors);
        if !resolved {
            active.unresolved = active.unresolved.saturating_add(errors);
        }
        active.at_least |= at_least;
        let active = *active;
        self.raise_peak(&active);
    }

    /// What has to be done where an error is heard of: first, if it opens a window.
    fn begin(&mut self, at: Seconds, window: i64, errors: u64, resolved: bool) {
        self.errors = self.errors.saturating_add(errors);
        self.forget_peak(at);
        self.first_error = Some(self.first_error.map_or(at, |first| first.min(at)));
        self.last_error = Some(self.last_error.map_or(at, |last| last.max(at)));
        if self.windows.active().last().is_some_and(|last| last.window >= window) {
            return;
        }
        self.active_windows += 1;
        let day = window.div_euclid(super::windows::A_DAY);
        if self.latest_day.is_none_or(|latest| latest < day) {
            self.active_days += 1;
            self.latest_day = Some(day);
        }
        // Whether it rises is looked at when a window is over, which is when the next one begins; a
        // time that nobody watched tells nothing new of that.
        if resolved && is_rising(&self.windows, window - 1, &self.exposure()) {
            self.rose = Some(at);
        }
        self.windows.active_mut(window);
    }

    /// A long silence ends what went before.
    fn forget_peak(&mut self, at: Seconds) {
        let Some(last) = self.last_error else { return };
        let quiet = at.saturating_sub(last);
        if quiet < Mode::Cell.hold() {
            return;
        }
        let mode = if self.cells.len() == 1 { Mode::Cell } else { Mode::Unknown };
        if quiet >= mode.hold() {
            self.peak = Active::default();
            self.rose = None;
        }
    }

    fn raise_peak(&mut self, active: &Active) {
        self.peak = Active {
            window: active.window,
            errors: self.peak.errors.max(active.errors),
            unresolved: 0,
            at_least: self.peak.at_least || active.at_least,
            storms: self.peak.storms.max(active.storms),
            flood: self.peak.flood || active.flood,
            bits: self.peak.bits.and(active.bits),
        };
    }

    fn fail(&mut self, at: Seconds) {
        let same = self.last_uncorrected.is_some_and(|last| at.saturating_sub(last) <= ONE_FAILURE);
        if !same {
            self.uncorrected = self.uncorrected.saturating_add(1);
        }
        self.first_uncorrected = Some(self.first_uncorrected.map_or(at, |first| first.min(at)));
        self.last_uncorrected = Some(at);
    }

    fn offline(&mut self, page: u64) {
        if let Err(index) = self.pages.binary_search(&page)
            && self.pages.len() < MOST_PAGES
        {
            self.pages.insert(index, page);
        }
        self.pages_offlined = self.pages_offlined.saturating_add(1);
    }

    /// How it is known when the DIMM was watched.
    pub(crate) fn exposure(&self) -> Exposure {
        match self.counts {
            CountsFrom::Counters => Exposure { assumed_from: None, censors: false },
            // A log is taken for kept from its first record on, unless it says when.
            CountsFrom::Reports if self.watched == 0 => {
                Exposure { assumed_from: self.first, censors: true }
            }
            CountsFrom::Reports => Exposure { assumed_from: None, censors: true },
        }
    }

    /// The loudest window within seven days before the latest error, by what the scorecard makes of
    /// errors and storms; their bits together.
    pub(crate) fn busiest(&self) -> Active {
        let Some(last) = self.windows.active().last() else { return Active::default() };
        let week = self.windows.between(last.window - BUSY_WINDOWS + 1, last.window);
        let bits = week.iter().fold(Bits::default(), |bits, active| bits.and(active.bits));
        // A storm weighs as much as 34 times the errors, which is five doublings.
        let weight = |active: &&Active| {
            let storm = if active.storms > 0 { 34 } else { 1 };
            u64::from(active.errors).saturating_add(1).saturating_mul(storm)
        };
        let loudest = week.iter().max_by_key(weight).copied().unwrap_or_default();
        Active { bits, ..loudest }
    }

    /// Share of the last seven days, or of the time since it is known, that was watched.
    pub(crate) fn watched_share(&self, now: Seconds) -> Option<f64> {
        let first = self.first?;
        let window = window_of(now.saturating_sub(1));
        let exposure = self.exposure();
        let watched: u64 = (window - BUSY_WINDOWS + 1..=window)
            .map(|window| u64::from(exposure.of(&self.windows, window)))
            .sum();
        let begin = first.max((window - BUSY_WINDOWS + 1) * WINDOW);
        let span = days(now.saturating_sub(begin));
        if span <= 0.0 {
            return None;
        }
        Some((crate::statistics::real(watched) / 86_400.0 / span).min(1.0))
    }

    /// Whether its errors are of no one bank, or nothing says where they are: what a fault outside
    /// the DIMM looks like.
    pub(crate) fn is_scattered(&self, now: Seconds) -> bool {
        if self.last_error.is_none() {
            return false;
        }
        let mode = classify(&self.cells.at(now), LOOSE);
        !mode.is_confined()
    }
}
