//! `explain mttf` and `explain uptime`: estimates, with what they rest on and what they do not say.

use super::Style;
use super::page::{Cell, Page};
use serde::Serialize;
use std::collections::BTreeMap;

/// An estimate with all it rests on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Estimate {
    /// What is estimated: `mttf` or `uptime`.
    pub topic: &'static str,
    /// The answer in a line.
    pub answer: String,
    /// What it rests on, with where each comes from.
    pub rests_on: Vec<Given>,
    /// The figures of this host; null where one cannot be told.
    pub figures: BTreeMap<&'static str, Option<f64>>,
    /// The answer at length, sentence by sentence.
    pub says: Vec<String>,
    /// Figures for comparison, as text.
    pub tables: Vec<Table>,
    /// What it does not say.
    pub does_not_say: Vec<String>,
}

/// One thing that an estimate rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Given {
    /// What.
    pub what: &'static str,
    /// How much, and by whom; or why it is not known.
    pub value: String,
}

/// Figures for comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Table {
    /// What they are.
    pub title: String,
    /// Names of the columns, then the rows.
    pub rows: Vec<Vec<String>>,
}

/// The page.
pub fn estimate(estimate: &Estimate, style: &Style) -> String {
    let Estimate { topic, answer, rests_on, figures: _, says, tables, does_not_say } = estimate;
    let mut page = Page::new(*style);
    page.sentence(0, &format!("{topic}: {answer}"));
    page.blank();
    page.heading("what it rests on:");
    for Given { what, value } in rests_on {
        page.field(2, what, value);
    }
    if !says.is_empty() {
        page.blank();
        page.heading("what follows:");
    }
    for sentence in says {
        page.sentence(2, sentence);
    }
    for Table { title, rows } in tables {
        page.blank();
        page.heading(&format!("{title}:"));
        let cells = |row: &Vec<String>| row.iter().map(Cell::right).collect();
        page.table(2, &rows.iter().map(cells).collect::<Vec<_>>());
    }
    page.blank();
    page.heading("what this does not say:");
    for sentence in does_not_say {
        page.sentence(2, sentence);
    }
    page.into_text()
}
