//! What can be wrong with configuration, said with the place and the remedy.

use std::fmt;
use std::path::{Path, PathBuf};

/// A reason why the configuration cannot be used.
#[derive(Debug)]
pub(crate) enum ConfigError {
    /// A file cannot be read.
    Read { path: PathBuf, source: std::io::Error },
    /// A file is not TOML, or holds an unknown key or a value of the wrong type. `message` quotes
    /// the line and marks the place.
    Syntax { path: PathBuf, line: usize, column: usize, message: String },
    /// A value is of the right type but cannot be.
    Value { origin: Origin, key: &'static str, found: String, why: String },
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Built in.
    Default,
    /// A file; line and column count from one.
    File { path: PathBuf, line: usize, column: usize },
    /// An environment variable.
    Environment(&'static str),
    /// A command-line flag.
    Flag(&'static str),
}

impl Origin {
    /// The place of a byte offset in a file's text.
    pub(super) fn in_file(path: &Path, text: &str, offset: usize) -> Self {
        let (line, column) = place(text, offset);
        Self::File { path: path.to_owned(), line, column }
    }
}

/// Line and column of a byte offset, counted from one, in characters.
pub(super) fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
    (before.matches('\n').count() + 1, column)
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line, column } => {
                write!(f, "{}:{line}:{column}", path.display())
            }
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::Flag(name) => write!(f, "flag --{name}"),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { path, .. } => write!(f, "cannot read {}", path.display()),
            Self::Syntax { path, line, column, message } => {
                write!(f, "{}:{line}:{column}: {}", path.display(), message.trim_end())
            }
            Self::Value { origin, key, found, why } => {
                write!(f, "{origin}: {key} = {found:?}: {why}")
            }
        }
    }
}

impl std::error::Error for ConfigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read { source, .. } => Some(source),
            Self::Syntax { .. } | Self::Value { .. } => None,
        }
    }
}
