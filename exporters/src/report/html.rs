//! A report as one HTML file that needs nothing else, and prints well.

use super::document::{Block, Column, Document};
use crate::printable;
use maud::{DOCTYPE, Markup, PreEscaped, html as markup};

/// What the page looks like; nothing is loaded from anywhere.
const STYLE: &str = include_str!("report.css");

/// The document as HTML.
pub fn html(document: &Document) -> String {
    let Document { title, subtitle, blocks, footer, at_wall_ms: _, sha256: _ } = document;
    let page = markup! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                title { (printable(title)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    header { h1 { (printable(title)) } p.subtitle { (subtitle) } }
                    @for block in blocks { (part(block)) }
                    footer { p { (footer) } }
                }
            }
        }
    };
    let mut text = page.into_string();
    text.push('\n');
    text
}

fn part(block: &Block) -> Markup {
    match block {
        Block::Heading(text) => markup! { h2 { (printable(text)) } },
        Block::Text(text) => markup! { p { (printable(text)) } },
        Block::Lead(text) => markup! { p.lead { (printable(text)) } },
        Block::List(items) => markup! { ul { @for item in items { li { (printable(item)) } } } },
        Block::Figures(figures) => markup! {
            dl.figures {
                @for figure in figures {
                    div { dt { (figure.label) } dd.value { (figure.value) } dd.note { (printable(&figure.note)) } }
                }
            }
        },
        // The library escapes what it draws, and what is drawn are numbers and months.
        Block::Chart(chart) => markup! {
            figure role="img" aria-label=(chart.told) {
                figcaption { (chart.title) }
                (PreEscaped(chart.svg()))
                p.told { (chart.told) }
            }
        },
        Block::PageBreak => markup! { div.break {} },
        Block::Table { caption, columns, rows, more } => table(caption, columns, rows, *more),
    }
}

fn table(caption: &str, columns: &[Column], rows: &[Vec<String>], more: usize) -> Markup {
    if rows.is_empty() {
        return markup! { p { (caption) ": none." } };
    }
    markup! {
        div.wide tabindex="0" role="region" aria-label=(caption) {
            table {
                caption { (caption) }
                thead { tr { @for column in columns { th scope="col" class=[column.is_number.then_some("n")] { (column.name) } } } }
                tbody {
                    @for row in rows {
                        tr { @for (column, cell) in columns.iter().zip(row) { td class=[column.is_number.then_some("n")] { (printable(cell)) } } }
                    }
                }
            }
        }
        @if more > 0 { p.more { (more) " more rows are in the tables for spreadsheets." } }
    }
}
