//! A report as Markdown.

use super::document::{Block, Document};
use crate::printable;
use std::fmt::Write as _;

/// The document as Markdown, with tables as most renderers take them.
pub fn markdown(document: &Document) -> String {
    let Document { title, subtitle, blocks, footer, at_wall_ms: _, sha256: _ } = document;
    let mut out = String::new();
    // Writing into a string does not fail.
    let _ = writeln!(out, "# {}\n\n{}\n", escaped(title), escaped(subtitle));
    for block in blocks {
        let _ = write_block(&mut out, block);
    }
    let _ = writeln!(out, "---\n\n{}", escaped(footer));
    out
}

fn write_block(out: &mut String, block: &Block) -> std::fmt::Result {
    match block {
        Block::Heading(text) => writeln!(out, "## {}\n", escaped(text)),
        Block::Text(text) => writeln!(out, "{}\n", escaped(text)),
        Block::Lead(text) => writeln!(out, "**{}**\n", escaped(text)),
        Block::List(items) => {
            for item in items {
                writeln!(out, "- {}", escaped(item))?;
            }
            writeln!(out)
        }
        Block::Figures(figures) => {
            writeln!(out, "| | | |\n|---|---|---|")?;
            for figure in figures {
                writeln!(
                    out,
                    "| {} | **{}** | {} |",
                    cell(&figure.label),
                    cell(&figure.value),
                    cell(&figure.note)
                )?;
            }
            writeln!(out)
        }
        Block::Chart(chart) => {
            writeln!(out, "{}: {}\n", escaped(&chart.title), escaped(&chart.told))
        }
        Block::PageBreak => Ok(()),
        Block::Table { caption, columns, rows, more } => {
            writeln!(out, "{}:\n", escaped(caption))?;
            if rows.is_empty() {
                return writeln!(out, "none\n");
            }
            for column in columns {
                write!(out, "| {} ", cell(column.name))?;
            }
            writeln!(out, "|")?;
            for column in columns {
                write!(out, "|{}", if column.is_number { "---:" } else { "---" })?;
            }
            writeln!(out, "|")?;
            for row in rows {
                for text in row {
                    write!(out, "| {} ", cell(text))?;
                }
                writeln!(out, "|")?;
            }
            if *more > 0 {
                writeln!(out, "\n{more} more rows are in the tables for spreadsheets.")?;
            }
            writeln!(out)
        }
    }
}

/// Text in which nothing is markup.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // Renderers make links of addresses that stand in a text.
    let text = printable(text).replace("://", ":\u{200b}//");
    for c in text.chars() {
        match c {
            '\\' | '`' | '*' | '_' | '<' | '>' | '[' | ']' | '#' | '|' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

fn cell(text: &str) -> String {
    escaped(text)
}
