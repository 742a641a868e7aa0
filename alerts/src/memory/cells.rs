//! The distinct places at which a DIMM erred within 90 days: a bounded set.
//!
//! Errors are many, places are few: a stuck cell errs ten thousand times at one place. A fault that
//! takes in a whole bank has more places than are worth keeping; its shape is known long before.

use super::mode::DAY;
use super::{Cell, Hit, Seconds};

/// Places kept of one DIMM.
pub const MOST_CELLS: usize = 512;

/// How long a place is remembered after its last error.
pub const REMEMBERED: Seconds = 90 * DAY;

/// One place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spot {
    /// Where in the DRAM, as far as told.
    pub cell: Cell,
    /// Where in physical memory, if told.
    pub page: Option<u64>,
    /// First error.
    pub first: Seconds,
    /// Latest error.
    pub last: Seconds,
    /// Errors reported.
    pub hits: u64,
}

/// The places of a DIMM.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Cells {
    /// In the order of their keys.
    spots: Vec<Spot>,
    /// Places that had to make room for newer ones.
    pub(crate) dropped: u64,
    /// Reports that told no place at all.
    pub(crate) unplaced: u64,
}

/// By what a place is told from others: where it lies in the DRAM, and only where nothing is known
/// of that by its page.
fn key(cell: &Cell, page: Option<u64>) -> (Cell, Option<u64>) {
    if *cell == Cell::default() { (*cell, page) } else { (*cell, None) }
}

impl Cells {
    /// Takes in a report. Whether its place is new.
    pub(crate) fn hear(&mut self, hit: &Hit) -> bool {
        let wanted = key(&hit.cell, hit.page);
        if wanted == (Cell::default(), None) {
            self.unplaced = self.unplaced.saturating_add(1);
            return false;
        }
        let found = self.spots.binary_search_by(|spot| key(&spot.cell, spot.page).cmp(&wanted));
        let errors = u64::from(hit.errors.max(1));
        match found.map(|index| self.spots.get_mut(index)) {
            Ok(Some(spot)) if hit.at.saturating_sub(spot.last) <= REMEMBERED => {
                spot.first = spot.first.min(hit.at);
                spot.last = spot.last.max(hit.at);
                spot.hits = spot.hits.saturating_add(errors);
                spot.page = hit.page.or(spot.page);
                false
            }
            // Forgotten by now: what errs again after so long is a new beginning.
            Ok(Some(spot)) => {
                *spot = Spot { first: hit.at, last: hit.at, hits: errors, ..*spot };
                true
            }
            Ok(None) => false,
            Err(_) => {
                self.make_room(hit.at);
                let (Ok(index) | Err(index)) =
                    self.spots.binary_search_by(|spot| key(&spot.cell, spot.page).cmp(&wanted));
                let (first, last) = (hit.at, hit.at);
                let spot = Spot { cell: hit.cell, page: hit.page, first, last, hits: errors };
                self.spots.insert(index, spot);
                true
            }
        }
    }

    /// Removes what is forgotten, and if that was nothing, the place that was silent for longest.
    fn make_room(&mut self, now: Seconds) {
        if self.spots.len() < MOST_CELLS {
            return;
        }
        self.spots.retain(|spot| now.saturating_sub(spot.last) <= REMEMBERED);
        if self.spots.len() < MOST_CELLS {
            return;
        }
        let oldest = self.spots.iter().enumerate().min_by_key(|(_, spot)| spot.last);
        if let Some(index) = oldest.map(|(index, _)| index) {
            self.spots.remove(index);
            self.dropped = self.dropped.saturating_add(1);
        }
    }

    /// What is remembered at `now`.
    pub(crate) fn at(&self, now: Seconds) -> Vec<Spot> {
        let remembered = |spot: &&Spot| now.saturating_sub(spot.last) <= REMEMBERED;
        self.spots.iter().filter(remembered).copied().collect()
    }

    /// How many places are kept.
    pub(crate) fn len(&self) -> usize {
        self.spots.len()
    }
}
