//! Laying out a page: fields, wrapped sentences, tables.

use super::Style;
use crate::printable;
use anstyle::{AnsiColor, Style as Paint};
use scrubjay_model::Verdict;

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
        let mut widths: Vec<usize> = Vec::new();
        for row in rows {
            widths.resize(widths.len().max(row.len()), 0);
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(printable(&cell.text).chars().count());
            }
        }
        for row in rows {
            self.put(&" ".repeat(indent), Paint::new());
            for (n, (width, cell)) in widths.iter().zip(row).enumerate() {
                let text = printable(&cell.text);
                let blanks = " ".repeat(width.saturating_sub(text.chars().count()));
                if n > 0 {
                    self.put("  ", Paint::new());
                }
                if cell.right {
                    self.put(&blanks, Paint::new());
                }
                self.put(&text, cell.paint);
                if !cell.right {
                    self.put(&blanks, Paint::new());
                }
            }
            self.end_line();
        }
    }

    fn put(&mut self, text: &str, paint: Paint) {
        let text = printable(text);
        if self.style.colour && paint != Paint::new() {
            self.out.push_str(&format!("{paint}{text}{paint:#}"));
        } else {
            self.out.push_str(&text);
        }
    }

    fn end_line(&mut self) {
        self.out.truncate(self.out.trim_end_matches(' ').len());
        self.out.push('\n');
    }
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
