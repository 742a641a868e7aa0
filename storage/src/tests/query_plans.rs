//! How SQLite goes about what is asked often.

use super::support::{Host, directory, start};
use crate::{fold_reports, fold_rows, open_evidence};
use rusqlite::Connection;

/// What is asked often, or while a pass waits, looks through no table that grows with time.
#[test]
fn no_hot_query_looks_through_a_large_table() {
    const LARGE: [&str; 8] = [
        "event",
        "counter_point",
        "counter_rollup",
        "event_rollup",
        "fact",
        "snapshot",
        "wording",
        "event_loss",
    ];
    let dir = directory();
    let history = start(dir.path(), &Host::new().at());
    for query in [
        fold_rows::CHANGES,
        fold_reports::REPORTS,
        open_evidence::FIRST,
        open_evidence::NEWEST,
        open_evidence::OF_CONTROLLER,
        fold_rows::HOURS,
        crate::event_rows::LAST_FROM_LOG,
        crate::query::FACTS,
        crate::query::MEMORY,
        crate::query::BEFORE_ENDS,
        crate::sums::SINGLE,
        crate::sums::WHOLE,
        crate::traces::FOLDED,
    ] {
        for step in plan(&history.conn, query) {
            let table = step.strip_prefix("SCAN ").and_then(|rest| rest.split(' ').next());
            // In the order in which rows came, up to a limit.
            let by_id = query == crate::query::MEMORY && step == "SCAN snapshot";
            // Once a start, among sums.
            let at_start = query == crate::event_rows::LAST_FROM_LOG && step == "SCAN event_rollup";
            let is_large = table.is_some_and(|table| LARGE.contains(&table));
            assert!(!is_large || by_id || at_start, "{step} in {query}");
        }
    }
    let pages = plan(&history.conn, &crate::event_rows::of_pages_query()).join("\n");
    assert!(pages.contains("USING INDEX event_of_pages") && !pages.contains("TEMP"), "{pages}");
    let facts = plan(&history.conn, crate::query::FACTS).join("\n");
    assert!(facts.contains("fact USING PRIMARY KEY (name>? AND name<?)"), "{facts}");
    let reports = plan(&history.conn, fold_reports::REPORTS).join("\n");
    assert!(reports.contains("event USING INDEX event_wall"), "{reports}");
    assert!(!reports.contains("ORDER BY"), "{reports}");
    for query in [open_evidence::FIRST, open_evidence::NEWEST] {
        let steps = plan(&history.conn, query).join("\n");
        assert!(steps.contains("event_place") && !steps.contains("TEMP"), "{steps}");
    }
}

fn plan(conn: &Connection, query: &str) -> Vec<String> {
    let mut statement = conn.prepare(&format!("EXPLAIN QUERY PLAN {query}")).unwrap();
    // What is not bound is NULL, which no plan depends on.
    let mut rows = statement.raw_query();
    let mut steps = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        steps.push(row.get("detail").unwrap());
    }
    steps
}
