//! What stays, one by one, of the reports of a place that a finding stands against, however full the
//! file is: how it began and how it is now. In a storm it is mostly the place with a finding that
//! storms, so that all of them would be the file.

use rusqlite::{Transaction, named_params};
use std::collections::BTreeSet;

/// The first and the newest reports of each place that stay, so many each. A pattern of rows, columns
/// and pages shows in them; beside them stay all of uncorrected errors.
pub(crate) const KEPT_AT_EACH_END: usize = 64;

/// Reports kept for all places together, some 1.8 MB. Of more than 64 places each has fewer.
const MOST_KEPT: usize = 8_192;

/// The same in a small file: a group of reports that differs in its texts takes some 220 bytes, so
/// that less than a quarter of the file is kept.
const BYTES_FOR_EACH: u64 = 1_024;

/// Places that findings stand against, and how large the file may be that keeps their reports.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Open<'a> {
    /// Controllers, and places as controller, slash, place.
    pub(crate) subjects: &'a BTreeSet<String>,
    pub(crate) max_bytes: u64,
}

/// How many reports at each end are kept of one of so many places, and of how many places. Together
/// they are no more than [`MOST_KEPT`].
fn share(places: usize, max_bytes: u64) -> (usize, usize) {
    let room = usize::try_from(max_bytes / BYTES_FOR_EACH).unwrap_or(usize::MAX).min(MOST_KEPT);
    let pairs = room / 2;
    match pairs.checked_div(places) {
        None => (0, 0),
        Some(0) => (1, pairs),
        Some(each) => (each.min(KEPT_AT_EACH_END), places),
    }
}

impl Open<'_> {
    /// The ids of the reports that stay.
    pub(crate) fn kept(&self, tx: &Transaction<'_>) -> rusqlite::Result<BTreeSet<i64>> {
        let places = self.places(tx)?;
        let (each, of) = share(places.len(), self.max_bytes);
        let most = i64::try_from(each).unwrap_or(i64::MAX);
        let mut kept = BTreeSet::new();
        for (controller, place) in places.iter().take(of) {
            for end in [FIRST, NEWEST] {
                let params =
                    named_params! { ":controller": controller, ":place": place, ":most": most };
                for id in tx.prepare_cached(end)?.query_map(params, |row| row.get(0))? {
                    kept.insert(id?);
                }
            }
        }
        Ok(kept)
    }

    fn places(&self, tx: &Transaction<'_>) -> rusqlite::Result<BTreeSet<(i64, String)>> {
        let mut places = BTreeSet::new();
        for subject in self.subjects {
            for query in [OF_PLACE, OF_CONTROLLER] {
                let mut query = tx.prepare_cached(query)?;
                let params = named_params! { ":subject": subject };
                for place in query.query_map(params, |row| Ok((row.get(0)?, row.get(1)?)))? {
                    places.insert(place?);
                }
            }
        }
        Ok(places)
    }
}

/// By their index: ids grow with runs.
pub(crate) const FIRST: &str = "
    SELECT id FROM event WHERE controller = :controller AND counter_place = :place
    ORDER BY run, id LIMIT :most";

pub(crate) const NEWEST: &str = "
    SELECT id FROM event WHERE controller = :controller AND counter_place = :place
    ORDER BY run DESC, id DESC LIMIT :most";

/// There are few controllers.
const OF_PLACE: &str = "
    SELECT id, substr(:subject, length(key) + 2) FROM controller
    WHERE substr(:subject, 1, length(key) + 1) = key || '/'";

/// Its places, from one to the next by the index, which has all its reports.
pub(crate) const OF_CONTROLLER: &str = "
    WITH RECURSIVE place (controller, name) AS (
      SELECT id, (SELECT MIN(counter_place) FROM event WHERE event.controller = controller.id)
      FROM controller WHERE key = :subject
      UNION ALL
      SELECT controller, (SELECT MIN(counter_place) FROM event
                          WHERE event.controller = place.controller AND counter_place > name)
      FROM place WHERE name IS NOT NULL
    )
    SELECT controller, name FROM place WHERE name IS NOT NULL";

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_default_file_keeps_64_at_each_end_of_64_places_and_fewer_of_more() {
        let full = |places| share(places, 64 << 20);
        assert_eq!(full(1), (64, 1));
        assert_eq!(full(64), (64, 64));
        assert_eq!(full(128), (32, 128));
        assert_eq!(full(100_000), (1, 4_096));
        assert_eq!(full(0), (0, 0));
    }

    proptest! {
        #[test]
        fn what_is_kept_is_bounded_and_leaves_most_of_the_file(
            places in 0_usize..100_000,
            max_bytes in 0_u64..(1 << 30),
        ) {
            let (each, of) = share(places, max_bytes);
            let kept = 2 * each * of;
            prop_assert!(of <= places && kept <= MOST_KEPT);
            prop_assert!(u64::try_from(kept).unwrap() * 220 <= max_bytes / 4);
        }
    }
}
