//! `history imported`: errors that other tools recorded, summed up by what they agree in.

use super::Style;
use super::events::{paint, told};
use super::page::{Cell, FAINT, Page};
use super::words::{count, moment};
use scrubjay_model::{EventClass, ImportedErrors};
use std::collections::BTreeMap;

/// What lines are made of: tool, table, severity, place and words.
type Key<'g> = (&'static str, &'g str, EventClass, String, String);

/// Records of one line.
#[derive(Debug, Default)]
struct Sum {
    errors: u64,
    records: u64,
    first_wall_ms: Option<i64>,
    last_wall_ms: Option<i64>,
}

/// The groups given; `begun_wall_ms` is when the agent's own history began.
pub fn imported_errors(groups: &[ImportedErrors], begun_wall_ms: i64, style: &Style) -> String {
    let mut page = Page::new(*style);
    if groups.is_empty() {
        page.sentence(
            0,
            "Nothing was taken in of what other tools recorded: \"scrubjay import\" does so.",
        );
        return page.into_text();
    }
    let before = |group: &&ImportedErrors| {
        // A group may reach over the beginning; what is not wholly before is not said to be.
        group.last_wall_ms.is_some_and(|last| last < begun_wall_ms)
    };
    let sum = |errors: &mut dyn Iterator<Item = &ImportedErrors>| {
        errors.map(|group| group.errors).fold(0, u64::saturating_add)
    };
    page.sentence(
        0,
        &format!(
            "{} recorded by other tools, {} of them before this history began on {}. They enter no \
             sum of the agent; one error may be told by several tables.",
            count(sum(&mut groups.iter()), "error", "errors"),
            sum(&mut groups.iter().filter(before)),
            moment(begun_wall_ms)
        ),
    );
    page.blank();
    let mut sums: BTreeMap<Key<'_>, Sum> = BTreeMap::new();
    for group in groups {
        let words = told(&group.what, &group.message);
        let place = group.place.to_string();
        let key = (group.memory.as_str(), &*group.origin, group.class, place, words);
        let sum = sums.entry(key).or_default();
        sum.errors = sum.errors.saturating_add(group.errors);
        sum.records = sum.records.saturating_add(group.records);
        sum.first_wall_ms = earliest(sum.first_wall_ms, group.first_wall_ms);
        sum.last_wall_ms = sum.last_wall_ms.max(group.last_wall_ms);
    }
    let mut rows = vec![head()];
    rows.extend(sums.iter().map(row));
    page.table(0, &rows);
    page.into_text()
}

/// The earlier of two moments, of which either may not be known.
fn earliest(a: Option<i64>, b: Option<i64>) -> Option<i64> {
    a.into_iter().chain(b).min()
}

fn head() -> Vec<Cell> {
    let left = |text: &str| Cell::left(text).painted(FAINT);
    let right = |text: &str| Cell::right(text).painted(FAINT);
    vec![
        left("recorded by"),
        left("class"),
        right("errors"),
        right("records"),
        left("first"),
        left("last"),
        left("where"),
        left("what"),
    ]
}

fn row(((memory, origin, class, place, words), sum): (&Key<'_>, &Sum)) -> Vec<Cell> {
    let Sum { errors, records, first_wall_ms, last_wall_ms } = sum;
    let time = |at: &Option<i64>| at.map_or_else(|| "not known".to_owned(), moment);
    let recorded =
        if memory == origin { (*memory).to_owned() } else { format!("{memory} {origin}") };
    vec![
        Cell::left(recorded),
        Cell::left(class.as_str()).painted(paint(*class)),
        Cell::right(errors.to_string()),
        Cell::right(records.to_string()),
        Cell::left(time(first_wall_ms)),
        Cell::left(time(last_wall_ms)),
        Cell::left(place.as_str()),
        Cell::left(words.as_str()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::imported_errors as three;

    const PLAIN: Style = Style { colour: false, all: false };

    #[test]
    fn errors_are_summed_up_by_place_and_told_apart_from_those_the_agent_saw() {
        insta::assert_snapshot!(imported_errors(&three(), 1_790_000_000_000, &PLAIN), @r"
        106 errors recorded by other tools, 100 of them before this history began on
        2026-09-21T14:13:20Z. They enter no sum of the agent; one error may be told by
        several tables.

        recorded by                     class        errors  records  first                 last                  where              what
        rasdaemon mc_event              corrected       104        6  2026-09-21T11:26:40Z  2026-09-21T12:26:40Z  mc0:0:1:- DIMM_B2  memory read error
        rasdaemon memory_failure_event  uncorrected       2        2  2026-09-21T20:26:40Z  2026-09-21T20:26:40Z  by address         dirty LRU page: recovered
        ");
    }

    #[test]
    fn nothing_taken_in_is_told_with_what_to_do() {
        insta::assert_snapshot!(imported_errors(&[], 0, &PLAIN), @r#"
        Nothing was taken in of what other tools recorded: "scrubjay import" does so.
        "#);
    }
}
