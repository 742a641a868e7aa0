//! What a report says, in order, without a form: headings, sentences, figures, charts and tables.

use super::chart::{Chart, charts};
use super::on_memory::memory;
use super::on_patches::patches;
use super::on_the_rest::{alerts, boots, coverage, ledger, months, policy, sources};
use crate::text::words::moment;
use scrubjay_model::{Report, ReportedFigure, span};
use std::time::Duration;

/// A report on its way to paper or a screen.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// What it is called.
    pub title: String,
    /// One line below that: which time, which moment.
    pub subtitle: String,
    /// What it says.
    pub blocks: Vec<Block>,
    /// What stands at the end: where it comes from.
    pub footer: String,
    /// The moment that it is of, if it is of one.
    pub at_wall_ms: Option<i64>,
    /// The checksum of its JSON, if it is told by one.
    pub sha256: Option<String>,
}

/// A part of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Block {
    /// A heading.
    Heading(String),
    /// A paragraph.
    Text(String),
    /// The sentence that says most.
    Lead(String),
    /// Figures beside each other.
    Figures(Vec<ReportedFigure>),
    /// Sentences of equal weight.
    List(Vec<String>),
    /// A picture.
    Chart(Chart),
    /// A table, with what it is of.
    Table {
        /// What it is of.
        caption: String,
        /// Its columns.
        columns: Vec<Column>,
        /// Its rows.
        rows: Vec<Vec<String>>,
        /// Rows that are left out here and stand in the CSV.
        more: usize,
    },
    /// What follows begins on another page.
    PageBreak,
}

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// What stands above it.
    pub name: &'static str,
    /// Whether it has numbers, which are read from the right.
    pub is_number: bool,
}

pub(super) const fn text(name: &'static str) -> Column {
    Column { name, is_number: false }
}

pub(super) const fn number(name: &'static str) -> Column {
    Column { name, is_number: true }
}

/// Rows of a table that are printed; a spreadsheet has all of them.
const MOST_ROWS: usize = 60;

/// What a report says. `sha256` is that of its JSON, by which it can be told from every other.
pub fn document(report: &Report, sha256: &str) -> Document {
    let host = report.host.name.as_deref().unwrap_or("this host");
    let period = report.period;
    let last_day = day(period.to_wall_ms.saturating_sub(1));
    let made = report.host.simulated.as_ref();
    let mut blocks: Vec<Block> = made.map(|made| Block::Lead(made.line())).into_iter().collect();
    blocks.extend([
        Block::Lead(report.summary.sentence.clone()),
        Block::Figures(report.summary.figures.clone()),
    ]);
    let (first, rest) = charts(report);
    blocks.extend(first.map(Block::Chart));
    blocks.push(Block::Text(
        "A fix is in force once the running system has it: after a restart, or by a live patch, which repairs the \
         running system. To install it is not enough."
            .to_owned(),
    ));
    blocks.push(Block::Heading("What is to be done".to_owned()));
    blocks.push(Block::List(report.summary.to_do.clone()));
    blocks.push(Block::Heading("What is not known".to_owned()));
    blocks.push(Block::List(report.summary.unknown.clone()));
    blocks.push(Block::PageBreak);
    patches(report, &mut blocks);
    boots(report, &mut blocks);
    memory(report, &mut blocks);
    blocks.extend(rest.into_iter().map(Block::Chart));
    alerts(report, &mut blocks);
    months(report, &mut blocks);
    coverage(report, &mut blocks);
    sources(report, &mut blocks);
    policy(report, &mut blocks);
    ledger(report, &mut blocks);
    Document {
        // The title goes wherever a form of it goes.
        title: format!("{}Patch and memory report on {host}", made.map_or("", |_| "SIMULATED: ")),
        subtitle: format!(
            "{} to {last_day}, both included, as seen at {} (all times UTC)",
            day(period.from_wall_ms),
            moment(period.at_wall_ms)
        ),
        blocks,
        footer: format!(
            "{}Made by scrubjay {} from the history of the host. SHA-256 of it as JSON (--format json): {sha256}",
            made.map_or_else(String::new, |made| format!("{}. ", made.line())),
            report.tool_version
        ),
        at_wall_ms: Some(period.at_wall_ms),
        sha256: Some(sha256.to_owned()),
    }
}

/// A day: `2026-11-24`.
pub(super) fn day(wall_ms: i64) -> String {
    moment(wall_ms).chars().take(10).collect()
}

pub(super) fn lasted(ms: Option<u64>) -> String {
    ms.map_or_else(|| "not known".to_owned(), |ms| span(Duration::from_millis(ms)))
}

pub(super) fn when(wall_ms: Option<i64>) -> String {
    wall_ms.map_or_else(|| "–".to_owned(), day)
}

pub(super) fn table(caption: &str, columns: Vec<Column>, mut rows: Vec<Vec<String>>) -> Block {
    let more = rows.len().saturating_sub(MOST_ROWS);
    rows.truncate(MOST_ROWS);
    Block::Table { caption: caption.to_owned(), columns, rows, more }
}
