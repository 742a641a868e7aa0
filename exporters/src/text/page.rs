//! Laying out a page: fields, wrapped sentences, tables.

use super::Style;
use crate::printable;
use anstyle::{AnsiColor, Style as Paint};
use scrubjay_model::Verdict;
use std::borrow::Cow;

/// The width pages keep to, save for single words and table rows that are longer.
pub(super) const WIDTH: usize = 80;

/// Width of the label column of fields.
const LABEL: usize = 12;

/// A page being written. Whatever text it is given, it writes no control character but line feeds
/// and its own colours.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) style: Style,
    out: String,
}

/// A cell of a table.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    text: String,
    right: bool,
    paint: Paint,
}

impl Cell {
    /// A cell aligned to the left.
    pub(super) fn left(text: impl Into<String>) -> Self {
        Self { text: text.into(), right: false, paint: Paint::new() }
    }

    /// A cell aligned to the right, for numbers.
    pub(super) fn right(text: impl Into<String>) -> Self {
        Self { text: text.into(), right: true, paint: Paint::new() }
    }

    pub(super) fn painted(mut self, paint: Paint) -> Self {
        self.paint = paint;
        self
    }
}

pub(super) const PLAIN: Paint = Paint::new();
pub(super) const BOLD: Paint = Paint::new().bold();
pub(super) const FAINT: Paint = Paint::new().dimmed();
pub(super) const WARN: Paint = AnsiColor::Yellow.on_default().bold();

/// The colour that goes with a verdict; never the only sign of it.
pub(super) fn paint_of(verdict: Verdict) -> Paint {
    match verdict {
        Verdict::Ok => AnsiColor::Green.on_default().bold(),
        Verdict::Unknown => AnsiColor::Magenta.on_default().bold(),
        Verdict::Watch => AnsiColor::Cyan.on_default().bold(),
        Verdict::Plan => AnsiColor::Yellow.on_default().bold(),
        Verdict::Act => AnsiColor::Red.on_default().bold(),
    }
}

/// The sign that goes with a verdict, for the eye that scans a column; in ASCII, for serial
/// consoles.
pub(super) fn sign_of(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ok => "+",
        Verdict::Unknown => "?",
        Verdict::Watch => "~",
        Verdict::Plan => "!",
        Verdict::Act => "!!",
    }
}

impl Page {
    pub(super) fn new(style: Style) -> Self {
        Self { style, out: String::new() }
    }

    pub(super) fn into_text(self) -> String {
        self.out
    }

    /// An empty line between parts of a page.
    pub(super) fn blank(&mut self) {
        self.out.push('\n');
    }

    /// The heading of a part.
    pub(super) fn heading(&mut self, text: &str) {
        self.put(text, BOLD);
        self.end_line();
    }

    /// One line of parts in their colours, cut at [`WIDTH`].
    pub(super) fn line(&mut self, parts: &[(&str, Paint)]) {
        let mut left = WIDTH;
        for (text, paint) in parts {
            let text = printable(text);
            let length = text.chars().count();
            if length > left {
                let cut: String = text.chars().take(left.saturating_sub(1)).collect();
                self.put(&format!("{cut}…"), *paint);
                break;
            }
            self.put(&text, *paint);
            left -= length;
        }
        self.end_line();
    }

    /// A sentence, wrapped, with `indent` blanks before it.
    pub(super) fn sentence(&mut self, indent: usize, text: &str) {
        self.wrapped(&" ".repeat(indent), indent, text, Paint::new());
    }

    /// A line to be copied as it is, however long.
    pub(super) fn verbatim(&mut self, indent: usize, text: &str) {
        self.put(&" ".repeat(indent), Paint::new());
        self.put(text, Paint::new());
        self.end_line();
    }

    /// A sentence that must not be missed.
    pub(super) fn warning(&mut self, indent: usize, text: &str) {
        self.wrapped(&format!("{}! ", " ".repeat(indent)), indent + 2, text, WARN);
    }

    /// A label and what there is to say about it, wrapped.
    pub(super) fn field(&mut self, indent: usize, label: &str, text: &str) {
        let first = format!("{}{label:<LABEL$} ", " ".repeat(indent));
        self.wrapped(&first, indent + LABEL + 1, text, Paint::new());
    }

    /// One of several sentences of equal weight.
    pub(super) fn item(&mut self, indent: usize, text: &str) {
        self.wrapped(&format!("{}- ", " ".repeat(indent)), indent + 2, text, Paint::new());
    }

    /// More of the field above.
    pub(super) fn more(&mut self, indent: usize, text: &str) {
        self.field(indent, "", text);
    }

    fn wrapped(&mut self, first: &str, hang: usize, text: &str, paint: Paint) {
        let text = printable(text);
        let mut line = String::new();
        let mut lines = Vec::new();
        let room = WIDTH.saturating_sub(hang);
        for word in text.split(' ') {
            let length = line.chars().count() + 1 + word.chars().count();
            if !line.is_empty() && length > room {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
        for (n, line) in lines.iter().enumerate() {
            let blanks = " ".repeat(hang);
            self.put(if n == 0 { first } else { &blanks }, Paint::new());
            self.put(line, paint);
            self.end_line();
        }
    }

    /// Rows of cells in columns two blanks apart.
    pub(super) fn table(&mut self, indent: usize, rows: &[Vec<Cell>]) {
        let mut table = Table::default();
        for row in rows {
            for cell in row {
                table.cell(cell.right, cell.paint, |out| out.push_str(&cell.text));
            }
            table.end_row();
        }
        self.rows(indent, &table);
    }

    /// The same of a table that was written as one text, as one of many rows is.
    pub(super) fn rows(&mut self, indent: usize, table: &Table) {
        let mut from = 0;
        let mut cells = table.cells.iter();
        for length in &table.rows {
            push_blanks(&mut self.out, indent);
            for (n, (width, cell)) in
                table.widths.iter().zip(cells.by_ref().take(*length)).enumerate()
            {
                let text = table.text.get(from..cell.end).unwrap_or_default();
                from = cell.end;
                let blanks = width.saturating_sub(cell.width);
                push_blanks(&mut self.out, if n > 0 { 2 } else { 0 });
                push_blanks(&mut self.out, if cell.right { blanks } else { 0 });
                self.paint(text, cell.paint);
                push_blanks(&mut self.out, if cell.right { 0 } else { blanks });
            }
            self.end_line();
        }
    }

    fn put(&mut self, text: &str, paint: Paint) {
        self.paint(&printable(text), paint);
    }

    /// Text that is printable.
    fn paint(&mut self, text: &str, paint: Paint) {
        if self.style.colour && paint != PLAIN {
            self.out.push_str(&format!("{paint}{text}{paint:#}"));
        } else {
            self.out.push_str(text);
        }
    }

    fn end_line(&mut self) {
        self.out.truncate(self.out.trim_end_matches(' ').len());
        self.out.push('\n');
    }
}

/// The cells of a table in one text, which takes a fraction of what a text each would.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// Of all cells, one behind the other; printable.
    text: String,
    cells: Vec<Written>,
    /// How many cells each row has.
    rows: Vec<usize>,
    /// The width of each column.
    widths: Vec<usize>,
    /// Cells of the row that is being written.
    written: usize,
}

/// A cell in a table.
#[derive(Debug, Clone, Copy)]
struct Written {
    /// Where its text ends.
    end: usize,
    width: usize,
    right: bool,
    paint: Paint,
}

impl Table {
    /// The next cell of a row. `write` adds its text.
    pub(super) fn cell(&mut self, right: bool, paint: Paint, write: impl FnOnce(&mut String)) {
        let from = self.text.len();
        write(&mut self.text);
        let text = self.text.get(from..).unwrap_or_default();
        if let Cow::Owned(printable) = printable(text) {
            self.text.truncate(from);
            self.text.push_str(&printable);
        }
        let text = self.text.get(from..).unwrap_or_default();
        let width = if text.is_ascii() { text.len() } else { text.chars().count() };
        self.cells.push(Written { end: self.text.len(), width, right, paint });
        match self.widths.get_mut(self.written) {
            Some(widest) => *widest = (*widest).max(width),
            None => self.widths.push(width),
        }
        self.written += 1;
    }

    /// A cell aligned to the left.
    pub(super) fn left(&mut self, write: impl FnOnce(&mut String)) {
        self.cell(false, PLAIN, write);
    }

    /// A cell aligned to the right, for numbers.
    pub(super) fn right(&mut self, write: impl FnOnce(&mut String)) {
        self.cell(true, PLAIN, write);
    }

    /// The row has no more cells.
    pub(super) fn end_row(&mut self) {
        self.rows.push(std::mem::take(&mut self.written));
    }
}

fn push_blanks(out: &mut String, count: usize) {
    const BLANKS: &str = "                                ";
    let mut left = count;
    while let Some(rest) = left.checked_sub(BLANKS.len()) {
        out.push_str(BLANKS);
        left = rest;
    }
    out.push_str(BLANKS.get(..left).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PLAIN: Style = Style { colour: false, all: false };

    #[test]
    fn sentences_are_wrapped_under_their_beginning() {
        let mut page = Page::new(PLAIN);
        page.field(2, "label", &"word ".repeat(20));
        insta::assert_snapshot!(page.into_text(), @r"
        label        word word word word word word word word word word word word word
                     word word word word word word word
        ");
    }

    #[test]
    fn colours_are_closed_and_only_written_when_asked_for() {
        let write = |colour| {
            let mut page = Page::new(Style { colour, all: false });
            page.line(&[("plain ", Paint::new()), ("red", paint_of(Verdict::Act))]);
            page.into_text()
        };
        assert_eq!(write(false), "plain red\n");
        assert_eq!(write(true), "plain \u{1b}[1m\u{1b}[31mred\u{1b}[0m\n");
    }

    proptest! {
        /// Whatever a label, a task name or a patch name holds.
        #[test]
        fn a_page_holds_no_control_characters_but_line_feeds(text in any::<String>()) {
            let mut page = Page::new(PLAIN);
            page.heading(&text);
            page.line(&[(&text, BOLD), (&text, FAINT)]);
            page.sentence(4, &text);
            page.warning(2, &text);
            page.verbatim(2, &text);
            page.field(2, &text, &text);
            page.table(2, &[vec![Cell::left(&text), Cell::right(&text)], vec![Cell::left("x")]]);
            let out = page.into_text();
            prop_assert!(out.chars().all(|c| c == '\n' || !c.is_control()));
            prop_assert!(out.lines().all(|line| !line.ends_with(' ')));
        }
    }
}
