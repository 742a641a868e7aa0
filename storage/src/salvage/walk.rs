//! Reading a table whose pages are damaged, as far as it goes.
//!
//! SQLite stops at the first damaged page. A table that is kept in the order of a number can be
//! entered at any number, and read upwards and downwards from there: whatever lies between two
//! damaged pages is reached by halving the stretches that are still unread.

use rusqlite::{Connection, Row};
use std::collections::VecDeque;

/// Stretches that are looked into, per table. Each damaged page makes one, and finding its ends
/// takes one for each halving.
const MOST_LOOKS: u32 = 2_048;

/// A stretch of keys, without its ends.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    after: i64,
    before: i64,
}

impl Stretch {
    fn is_empty(self) -> bool {
        self.after.checked_add(1).is_none_or(|first| first >= self.before)
    }

    fn is_one_key(self) -> bool {
        self.after.checked_add(2).is_none_or(|second| second >= self.before)
    }

    /// Where to cut it. Keys mostly begin at one and have no holes, so that a stretch without an
    /// end is doubled rather than halved.
    fn middle(self) -> i64 {
        if self.before == i64::MAX {
            self.after.max(0).saturating_mul(2).saturating_add(16).min(i64::MAX - 1)
        } else if self.after == i64::MIN {
            0.min(self.before.saturating_sub(1))
        } else {
            // Halves first: the difference may be more than a number holds.
            (self.after / 2).saturating_add(self.before / 2).max(self.after.saturating_add(1))
        }
    }
}

/// Gives every row that can be read, until `each` says no; returns how many stretches could not be
/// read. A row may come twice where several share a key. `key` is a column in whose order the
/// table is kept.
pub(super) fn walk(
    old: &Connection,
    table: &str,
    columns: &[String],
    key: Option<&str>,
    mut each: impl FnMut(&Row<'_>) -> bool,
) -> u64 {
    let names = columns.join(", ");
    let Some(key) = key else {
        return walk_without_key(old, &format!("SELECT {names} FROM {table}"), each);
    };
    // The key once more, in front, as it may be anywhere among the columns. `NOT INDEXED`, as an
    // index may be damaged where the table is not.
    let select = format!(
        "SELECT {names}, {key} FROM {table} NOT INDEXED WHERE {key} > ?1 AND {key} < ?2 ORDER BY {key}"
    );
    let mut unread = VecDeque::from([Stretch { after: i64::MIN, before: i64::MAX }]);
    let mut broken = Vec::new();
    let mut looks = 0;
    while let Some(stretch) = unread.pop_front() {
        looks += 1;
        let rest = read_from_both_ends(old, &select, stretch, columns.len(), &mut each);
        let Some(rest) = rest.filter(|rest| !rest.is_empty()) else { continue };
        if looks >= MOST_LOOKS || rest.is_one_key() {
            broken.push(rest);
            continue;
        }
        let middle = rest.middle();
        unread.extend(
            [
                Stretch { after: rest.after, before: middle.saturating_add(1) },
                Stretch { after: middle, before: rest.before },
            ]
            .into_iter()
            .filter(|half| !half.is_empty()),
        );
    }
    joined(broken)
}

/// How many stretches they are, once those that touch are one.
fn joined(mut stretches: Vec<Stretch>) -> u64 {
    stretches.sort_by_key(|stretch| stretch.after);
    let mut count = 0;
    let mut end = None;
    for stretch in stretches {
        if end.is_none_or(|end| stretch.after >= end) {
            count += 1;
        }
        end = end.max(Some(stretch.before));
    }
    count
}

/// What is left of a stretch once it was read upwards and downwards; `None` if nothing is, or
/// nobody wants more.
fn read_from_both_ends(
    old: &Connection,
    select: &str,
    stretch: Stretch,
    key_column: usize,
    each: &mut impl FnMut(&Row<'_>) -> bool,
) -> Option<Stretch> {
    let mut rest = stretch;
    for order in ["ASC", "DESC"] {
        let mut last: Option<i64> = None;
        let mut read = || -> rusqlite::Result<()> {
            let mut statement = old.prepare_cached(&format!("{select} {order}"))?;
            let mut rows = statement.query([rest.after, rest.before])?;
            while let Some(row) = rows.next()? {
                if !each(row) {
                    return Ok(());
                }
                // Whatever the column holds, it was asked to lie within the stretch.
                last = row.get(key_column).ok().or(last);
            }
            Ok(())
        };
        let is_whole = read().is_ok();
        if is_whole {
            return None;
        }
        match (order, last) {
            // The key itself is asked for again: others may share it.
            ("ASC", Some(last)) => rest.after = rest.after.max(last.saturating_sub(1)),
            (_, Some(last)) => rest.before = rest.before.min(last.saturating_add(1)),
            (_, None) => {}
        }
    }
    Some(rest)
}

/// A table in another order is read from its beginning, then from its end.
fn walk_without_key(old: &Connection, select: &str, mut each: impl FnMut(&Row<'_>) -> bool) -> u64 {
    for order in ["", " ORDER BY 1 DESC, 2 DESC, 3 DESC"] {
        let mut read = || -> rusqlite::Result<()> {
            let mut statement = old.prepare(&format!("{select}{order}"))?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                if !each(row) {
                    return Ok(());
                }
            }
            Ok(())
        };
        if read().is_ok() {
            return 0;
        }
    }
    1
}
