//! A document for a terminal: the same that other forms of it say.

use super::Style;
use super::page::{BOLD, Cell, FAINT, Page};
use crate::report::{Block, Column, Document};

/// The document as text.
pub fn document(document: &Document, style: &Style) -> String {
    let Document { title, subtitle, blocks, footer, at_wall_ms: _, sha256: _ } = document;
    let mut page = Page::new(*style);
    page.line(&[(title, BOLD)]);
    page.sentence(0, subtitle);
    page.blank();
    for block in blocks {
        part(&mut page, block);
    }
    page.sentence(0, footer);
    page.into_text()
}

fn part(page: &mut Page, block: &Block) {
    match block {
        Block::Heading(text) => return page.heading(text),
        Block::Text(text) | Block::Lead(text) => page.sentence(0, text),
        Block::List(items) => items.iter().for_each(|item| page.item(0, item)),
        Block::Figures(figures) => {
            for figure in figures {
                page.sentence(0, &format!("{}: {} ({})", figure.label, figure.value, figure.note));
            }
        }
        Block::Chart(chart) => page.sentence(0, &format!("{}: {}", chart.title, chart.told)),
        Block::PageBreak => return,
        Block::Table { caption, columns, rows, more } => table(page, caption, columns, rows, *more),
    }
    page.blank();
}

fn table(page: &mut Page, caption: &str, columns: &[Column], rows: &[Vec<String>], more: usize) {
    if rows.is_empty() {
        return page.sentence(0, &format!("{caption}: none."));
    }
    page.sentence(0, &format!("{caption}:"));
    let head = columns.iter().map(|column| cell(column, column.name).painted(FAINT));
    let mut lines = vec![head.collect::<Vec<Cell>>()];
    lines.extend(rows.iter().map(|row| {
        columns.iter().zip(row).map(|(column, text)| cell(column, text)).collect::<Vec<Cell>>()
    }));
    page.table(2, &lines);
    if more > 0 {
        page.sentence(2, &format!("{more} more with --csv"));
    }
}

fn cell(column: &Column, text: &str) -> Cell {
    if column.is_number { Cell::right(text) } else { Cell::left(text) }
}
