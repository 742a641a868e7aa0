//! What came of asking the kernel for one fact.
//!
//! A missing error count is not zero errors. Every fact is therefore a [`Reading`] with four
//! outcomes, and there is deliberately no `Default`, no `unwrap_or` and no `From<Option<T>>`:
//! whoever needs a number has to say what happens without one.

use serde::ser::{Serialize, SerializeMap, Serializer};
use std::fmt;

/// The outcome of reading one fact.
#[must_use]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading<T> {
    /// Read, and of the documented form.
    Value(T),
    /// Not offered here: ENOENT, ENODEV, ENXIO, EOPNOTSUPP.
    Absent(Origin),
    /// Offered, but not to us or not now.
    Unreadable(Origin, ReadFault),
    /// Read, and not of the documented form.
    Malformed(Origin, ParseFault),
}

/// The three outcomes that carry no value, for use with `?`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NonValue {
    /// See [`Reading::Absent`].
    Absent(Origin),
    /// See [`Reading::Unreadable`].
    Unreadable(Origin, ReadFault),
    /// See [`Reading::Malformed`].
    Malformed(Origin, ParseFault),
}

/// The kind of an outcome, as stored, exported and matched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// A value was read.
    Ok,
    /// The kernel does not offer it.
    Absent,
    /// It is offered but could not be read.
    Unreadable,
    /// It was read but not understood.
    Malformed,
}

/// Where a fact comes from: a path relative to the host root, so that a fixture and a live host
/// compare equal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin(String);

/// Why something that is offered could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReadFault {
    /// EACCES or EPERM: a privilege is missing.
    Denied,
    /// A directory, socket or device where a plain attribute belongs.
    NotAFile,
    /// Any other errno.
    Io(i32),
    /// The source did not answer in time.
    Deadline,
    /// An earlier read of the same source has not returned yet, so none was started.
    StillRunning,
    /// It changed while it was being read, each time: counters were reset, a database was written.
    /// No consistent set was obtained.
    Torn,
    /// The source's code panicked; the panic was contained.
    Panicked,
    /// The system gave no thread to read the source on.
    NoThread,
}

/// What was expected, and what stood there instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseFault {
    /// The documented form, as a noun phrase.
    pub expected: &'static str,
    /// The text found: escaped, and cut after [`ParseFault::MAX_FOUND`] characters.
    pub found: String,
}

/// A file or directory that says something by existing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Present;

impl Serialize for Present {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bool(true)
    }
}

impl Origin {
    /// An origin from a path relative to the host root, or from the name of a system call.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The path, without a leading slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Origin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl ParseFault {
    /// Longest quotation kept, in characters.
    pub const MAX_FOUND: usize = 120;

    /// A fault that quotes `found`, made safe to print on one line.
    pub fn new(expected: &'static str, found: &[u8]) -> Self {
        let text = String::from_utf8_lossy(found.get(..Self::MAX_FOUND * 4).unwrap_or(found));
        let mut quoted = String::new();
        let mut characters = text.chars();
        for c in characters.by_ref().take(Self::MAX_FOUND) {
            quoted.extend(c.escape_debug());
        }
        if characters.next().is_some() || found.len() > Self::MAX_FOUND * 4 {
            quoted.push('…');
        }
        Self { expected, found: quoted }
    }
}

impl fmt::Display for ParseFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}, found \"{}\"", self.expected, self.found)
    }
}

impl ReadFault {
    /// A stable word for labels and the database.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::NotAFile => "not_a_file",
            Self::Io(_) => "io",
            Self::Deadline => "deadline",
            Self::StillRunning => "still_running",
            Self::Torn => "torn",
            Self::Panicked => "panicked",
            Self::NoThread => "no_thread",
        }
    }
}

impl fmt::Display for ReadFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied => f.write_str("permission denied"),
            Self::NotAFile => f.write_str("not a plain file"),
            Self::Io(errno) => write!(f, "input/output failed with errno {errno}"),
            Self::Deadline => f.write_str("no answer within the deadline"),
            Self::StillRunning => f.write_str("an earlier read has not returned yet"),
            Self::Torn => f.write_str("it changed while being read"),
            Self::Panicked => {
                f.write_str("the reader failed (a defect of scrubjay, please report)")
            }
            Self::NoThread => f.write_str("the system gave no thread to read it on"),
        }
    }
}

impl Outcome {
    /// All outcomes, in the order they are exported.
    pub const ALL: [Self; 4] = [Self::Ok, Self::Absent, Self::Unreadable, Self::Malformed];

    /// A stable word for labels and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Absent => "absent",
            Self::Unreadable => "unreadable",
            Self::Malformed => "malformed",
        }
    }
}

impl NonValue {
    /// Where the value should have come from.
    pub fn origin(&self) -> &Origin {
        match self {
            Self::Absent(origin) | Self::Unreadable(origin, _) | Self::Malformed(origin, _) => {
                origin
            }
        }
    }

    /// The kind of outcome.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Absent(_) => Outcome::Absent,
            Self::Unreadable(..) => Outcome::Unreadable,
            Self::Malformed(..) => Outcome::Malformed,
        }
    }

    /// Why there is no value, in words that follow the origin.
    pub fn reason(&self) -> String {
        match self {
            Self::Absent(_) => "not offered by this kernel".to_owned(),
            Self::Unreadable(_, fault) => fault.to_string(),
            Self::Malformed(_, fault) => fault.to_string(),
        }
    }
}

impl fmt::Display for NonValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.origin(), self.reason())
    }
}

impl<T> Reading<T> {
    /// The value, if there is one. There is no way to ask for a substitute.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent(_) | Self::Unreadable(..) | Self::Malformed(..) => None,
        }
    }

    /// Splits into the value or the reason for its absence, for use with `?`.
    pub fn into_result(self) -> Result<T, NonValue> {
        match self {
            Self::Value(value) => Ok(value),
            Self::Absent(origin) => Err(NonValue::Absent(origin)),
            Self::Unreadable(origin, fault) => Err(NonValue::Unreadable(origin, fault)),
            Self::Malformed(origin, fault) => Err(NonValue::Malformed(origin, fault)),
        }
    }

    /// The same reading of something derived from the value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Reading<U> {
        self.into_result().map(f).into()
    }

    /// A view of the same reading by reference.
    pub fn as_ref(&self) -> Reading<&T> {
        match self {
            Self::Value(value) => Reading::Value(value),
            Self::Absent(origin) => Reading::Absent(origin.clone()),
            Self::Unreadable(origin, fault) => Reading::Unreadable(origin.clone(), *fault),
            Self::Malformed(origin, fault) => Reading::Malformed(origin.clone(), fault.clone()),
        }
    }

    /// The reason why there is no value, if there is none.
    pub fn non_value(&self) -> Option<NonValue> {
        self.as_ref().into_result().err()
    }

    /// The kind of outcome.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Value(_) => Outcome::Ok,
            Self::Absent(_) => Outcome::Absent,
            Self::Unreadable(..) => Outcome::Unreadable,
            Self::Malformed(..) => Outcome::Malformed,
        }
    }

    /// Whether the kernel does not offer this fact at all.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent(_))
    }
}

impl<T> From<NonValue> for Reading<T> {
    fn from(non_value: NonValue) -> Self {
        match non_value {
            NonValue::Absent(origin) => Self::Absent(origin),
            NonValue::Unreadable(origin, fault) => Self::Unreadable(origin, fault),
            NonValue::Malformed(origin, fault) => Self::Malformed(origin, fault),
        }
    }
}

impl<T> From<Result<T, NonValue>> for Reading<T> {
    fn from(result: Result<T, NonValue>) -> Self {
        match result {
            Ok(value) => Self::Value(value),
            Err(non_value) => non_value.into(),
        }
    }
}

/// `{"state":"ok","value":…}`, or the state with `origin` and `reason`; never a bare number, so
/// that no consumer can take a missing value for one.
impl<T: Serialize> Serialize for Reading<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("state", self.outcome().as_str())?;
        if let Self::Value(value) = self {
            map.serialize_entry("value", value)?;
        }
        if let Some(non_value) = self.non_value() {
            map.serialize_entry("origin", non_value.origin())?;
            map.serialize_entry("reason", &non_value.reason())?;
        }
        map.end()
    }
}

impl Serialize for NonValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Reading::<()>::from(self.clone()).serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_non_value_serialises_without_a_value_key() {
        let reading: Reading<u64> = Reading::Absent(Origin::new("sys/x"));
        let json = serde_json::to_string(&reading).unwrap();
        assert_eq!(
            json,
            r#"{"state":"absent","origin":"sys/x","reason":"not offered by this kernel"}"#
        );
        assert_eq!(
            serde_json::to_string(&Reading::Value(3_u64)).unwrap(),
            r#"{"state":"ok","value":3}"#
        );
    }

    #[test]
    fn quotations_are_printable_and_bounded() {
        let fault = ParseFault::new("a number", b"\x1b[31m\xff\n");
        assert_eq!(fault.found, "\\u{1b}[31m\u{fffd}\\n");
        let long = ParseFault::new("a number", &[b'9'; 1 << 20]);
        assert_eq!(long.found.chars().count(), ParseFault::MAX_FOUND + 1);
        assert!(long.found.ends_with('…'));
    }

    #[test]
    fn mapping_keeps_the_reason() {
        let denied: Reading<u32> = Reading::Unreadable(Origin::new("a"), ReadFault::Denied);
        assert_eq!(denied.map(|n| n + 1), Reading::Unreadable(Origin::new("a"), ReadFault::Denied));
    }
}
