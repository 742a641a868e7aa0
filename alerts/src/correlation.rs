//! One physical error, told by several witnesses, counts once.
//!
//! A single corrected error may appear as a machine-check record, as an event of the EDAC driver,
//! as a firmware record in the kernel log and as a line of text, each with a count of its own.
//! Reports that speak of the same page (or, without an address, of none) at the same time are of
//! the same errors. How many those were is told by the witness that told of most, so that a witness
//! which is rate-limited, or suppressed altogether, takes nothing away.

use scrubjay_model::{Edac, EventClass, EventGroup, EventWhat, Folded, Sighting, Witness};
use std::collections::BTreeMap;
use std::time::Duration;

/// Reports of one error are this close together. Machine-check records and EDAC events are
/// milliseconds apart; firmware records are polled once a second, and their text is printed then.
const WINDOW: Duration = Duration::from_secs(2);

/// The kernel deals with a page some time after the error: in a queue, after hooks, with retries.
const CONSEQUENCE_WINDOW: Duration = Duration::from_secs(30);

/// Pages are told apart by 4 KiB, whatever the kernel's page size: what belongs together has the
/// same address.
const PAGE_SHIFT: u32 = 12;

/// Holds reports against each other. Lives as long as the agent listens.
#[derive(Debug, Clone, Default)]
pub struct Correlator {
    spots: BTreeMap<Spot, Told>,
    next: u64,
}

/// What reports must share to be of the same errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Spot {
    at: At,
    severity: Severity,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum At {
    Page(u64),
    /// A group that was folded over pages.
    Pages,
    /// No address, so there is only the time to go by.
    Unaddressed,
}

/// Witnesses differ in the finer classes: what one calls deferred is uncorrected to the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Severity {
    Info,
    Corrected,
    NotCorrected,
}

/// What was told of a spot.
#[derive(Debug, Clone)]
struct Told {
    /// The sighting that told of it first.
    number: u64,
    first: Duration,
    last: Duration,
    errors: BTreeMap<Witness, u64>,
}

impl Correlator {
    /// One that has heard of nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Holds groups of reports against each other and against those before, and against the
    /// controllers now registered. Returns them in order of time.
    pub fn take(&mut self, mut groups: Vec<EventGroup>, edac: Option<&Edac>) -> Vec<Sighting> {
        groups.sort_by_key(|group| group.first);
        let sightings = groups.into_iter().map(|group| self.see(group, edac)).collect();
        self.forget();
        sightings
    }

    fn see(&mut self, group: EventGroup, edac: Option<&Edac>) -> Sighting {
        let number = self.next;
        self.next = self.next.saturating_add(1);
        let counter = match group.witness {
            Witness::McEvent | Witness::LogEdac => {
                edac.and_then(|edac| edac.counter_of(&group.place))
            }
            // None of them moves a counter of the EDAC core by itself.
            Witness::MceRecord
            | Witness::ApeiRecord
            | Witness::MemoryFailure
            | Witness::Extlog
            | Witness::ArmEvent
            | Witness::NonStandard
            | Witness::Cxl
            | Witness::LogGhes
            | Witness::LogMemoryFailure
            | Witness::LogMce => None,
        };
        let (same_as, counted) = match &group.what {
            EventWhat::Memory => self.errors_of(&group, number),
            // What became of a page is no error; it belongs to the one that led to it, if any.
            EventWhat::Page { .. } | EventWhat::SoftOffline { .. } => (self.cause_of(&group), 0),
            EventWhat::Other { .. } => (None, group.errors),
            // How many the device lost is told, but nobody knows of what.
            EventWhat::Overflow { .. } => (None, 0),
        };
        Sighting { number, group, counter, same_as, counted }
    }

    /// The sighting that told of the same errors first, and how many of them are new.
    fn errors_of(&mut self, group: &EventGroup, number: u64) -> (Option<u64>, u64) {
        let spot = Spot::of(group);
        match self.spots.get_mut(&spot) {
            Some(told) if told.is_near(group, WINDOW) => {
                let before = told.most();
                let errors = told.errors.entry(group.witness).or_default();
                *errors = errors.saturating_add(group.errors);
                let counted = told.most().saturating_sub(before);
                told.first = told.first.min(group.first);
                told.last = told.last.max(group.last);
                // A witness that alone goes on telling tells of further errors, not of the same.
                let alone = told.errors.len() == 1;
                ((!alone).then_some(told.number), counted)
            }
            Some(_) | None => {
                let errors = BTreeMap::from([(group.witness, group.errors)]);
                let told = Told { number, first: group.first, last: group.last, errors };
                self.spots.insert(spot, told);
                (None, group.errors)
            }
        }
    }

    /// The error that led to a page being taken out of use.
    fn cause_of(&self, group: &EventGroup) -> Option<u64> {
        let page = At::Page(group.address? >> PAGE_SHIFT);
        // The worst first: it is the likelier reason.
        [Severity::NotCorrected, Severity::Corrected, Severity::Info]
            .into_iter()
            .filter_map(|severity| self.spots.get(&Spot { at: page, severity }))
            .find(|told| told.is_near(group, CONSEQUENCE_WINDOW))
            .map(|told| told.number)
    }

    /// Drops what no further report can belong to, so that memory is bounded by what happens within
    /// a window.
    fn forget(&mut self) {
        let Some(newest) = self.spots.values().map(|told| told.last).max() else { return };
        self.spots.retain(|_, told| newest.saturating_sub(told.last) <= CONSEQUENCE_WINDOW);
    }
}

impl Spot {
    fn of(group: &EventGroup) -> Self {
        let at = match (group.folded, group.address) {
            (Folded::Pages, _) => At::Pages,
            (Folded::Nothing | Folded::Syndromes, Some(address)) => At::Page(address >> PAGE_SHIFT),
            (Folded::Nothing | Folded::Syndromes, None) => At::Unaddressed,
        };
        let severity = match group.class {
            EventClass::Info => Severity::Info,
            EventClass::Corrected => Severity::Corrected,
            EventClass::Deferred | EventClass::Uncorrected | EventClass::Fatal => {
                Severity::NotCorrected
            }
        };
        Self { at, severity }
    }
}

impl Told {
    /// Errors, by the witness that told of most.
    fn most(&self) -> u64 {
        self.errors.values().copied().max().unwrap_or_default()
    }

    fn is_near(&self, group: &EventGroup, window: Duration) -> bool {
        group.first.saturating_sub(self.last) <= window
            && self.first.saturating_sub(group.last) <= window
    }
}

/// Errors that a counter of the EDAC core counted against those that were reported one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reconciled {
    /// They agree.
    Agree,
    /// The counter knows of more: so many were not reported to us.
    Missed(u64),
    /// More were reported than counted: firmware that counts nothing, or a counter that was reset
    /// before it was read.
    Surplus(u64),
}

/// Holds a counter against the reports.
pub fn reconcile(counted: u64, reported: u64) -> Reconciled {
    match counted.checked_sub(reported) {
        Some(0) => Reconciled::Agree,
        Some(missed) => Reconciled::Missed(missed),
        None => Reconciled::Surplus(reported.saturating_sub(counted)),
    }
}

#[cfg(test)]
mod tests;
