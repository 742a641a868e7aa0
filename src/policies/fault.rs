//! What is wrong with a file of policies or of their tests, said with the line and a mark below it.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A file with its text, which faults quote.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) path: &'a Path,
    pub(crate) text: &'a str,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    path: PathBuf,
    line: usize,
    column: usize,
    /// How many characters are meant.
    length: usize,
    quoted: String,
    why: String,
}

impl Source<'_> {
    /// A fault at a place of the text.
    pub(crate) fn fault(&self, span: Range<usize>, why: impl Into<String>) -> Fault {
        let start = span.start.min(self.text.len());
        let before = self.text.get(..start).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let quoted = self.text.get(line_start..).unwrap_or_default();
        let quoted = quoted.lines().next().unwrap_or_default();
        let column = before.get(line_start..).unwrap_or_default().chars().count();
        let meant = self.text.get(start..span.end.max(start)).unwrap_or_default();
        let meant = meant.lines().next().unwrap_or_default().chars().count();
        Fault {
            path: self.path.to_owned(),
            line: before.matches('\n').count() + 1,
            column: column + 1,
            length: meant.max(1),
            quoted: quoted.to_owned(),
            why: why.into(),
        }
    }

    /// What the parser of TOML found.
    pub(crate) fn syntax(&self, error: &toml::de::Error) -> Fault {
        self.fault(error.span().unwrap_or(0..0), error.message())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, column, length, quoted, why } = self;
        let number = line.to_string();
        let gutter = " ".repeat(number.len());
        // A tab is one column here and several on a terminal.
        let quoted = quoted.replace('\t', " ");
        writeln!(f, "{}:{line}:{column}: {why}", path.display())?;
        writeln!(f, "{gutter} |")?;
        writeln!(f, "{number} | {quoted}")?;
        write!(f, "{gutter} | {}{}", " ".repeat(column - 1), "^".repeat(*length))
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_shows_the_line_and_marks_the_place() {
        let source = Source { path: Path::new("p.toml"), text: "a = 1\nü = \"x\" # y\n" };
        let start = source.text.find("\"x\"").unwrap();
        assert_eq!(
            source.fault(start..start + 3, "must be a number").to_string(),
            "p.toml:2:5: must be a number\n  |\n2 | ü = \"x\" # y\n  |     ^^^"
        );
    }

    #[test]
    fn a_place_behind_the_end_is_the_end() {
        let source = Source { path: Path::new("p.toml"), text: "" };
        assert_eq!(
            source.fault(7..9, "is empty").to_string(),
            "p.toml:1:1: is empty\n  |\n1 | \n  | ^"
        );
    }
}
