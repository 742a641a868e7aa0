//! Names of vulnerabilities, and texts that mention them.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::collections::BTreeSet;
use std::fmt;

/// A CVE identifier: `CVE-2024-26581`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CveId {
    year: u16,
    number: u64,
}

/// Fewest digits of the number; smaller ones are filled with zeros.
const NUMBER_DIGITS: usize = 4;

impl CveId {
    /// Takes exactly one identifier.
    pub fn parse(text: &str) -> Option<Self> {
        let (id, rest) = after_prefix(text.strip_prefix(PREFIX)?)?;
        rest.is_empty().then_some(id)
    }

    /// All that a text mentions, also those that a line break parts at one of their hyphens, as in
    /// changelogs that are filled to a width.
    pub fn all_in(text: &str) -> BTreeSet<Self> {
        text.split(PREFIX).skip(1).filter_map(|rest| Some(after_prefix(rest)?.0)).collect()
    }
}

const PREFIX: &str = "CVE-";

/// The identifier whose year and number stand at the beginning, and what follows it.
fn after_prefix(text: &str) -> Option<(CveId, &str)> {
    let (year, rest) = digits(unbroken(text));
    let (number, rest) = digits(unbroken(rest.strip_prefix('-')?));
    if year.len() != 4 || number.len() < NUMBER_DIGITS {
        return None;
    }
    Some((CveId { year: year.parse().ok()?, number: number.parse().ok()? }, rest))
}

/// A text without the line break, and the blanks around it, that it may begin with.
fn unbroken(text: &str) -> &str {
    let behind = text.trim_start_matches([' ', '\t', '\r', '\n']);
    let blank = text.get(..text.len() - behind.len()).unwrap_or_default();
    if blank.contains('\n') { behind } else { text }
}

fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}

impl fmt::Display for CveId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}-{:0NUMBER_DIGITS$}", self.year, self.number)
    }
}

impl Serialize for CveId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CveId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom("it is no CVE identifier"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(text: &str) -> Vec<String> {
        CveId::all_in(text).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn identifiers_are_found_in_any_company() {
        let text =
            "- fix (CVE-2024-26581, CVE-2024-0001) [RHEL-1] {CVE-2025-100001}\nCVE-2024-26581.";
        assert_eq!(all(text), ["CVE-2024-0001", "CVE-2024-26581", "CVE-2025-100001"]);
        assert_eq!(all("UBUNTU-CVE-2024-50047"), ["CVE-2024-50047"]);
        assert_eq!(
            all("no CVE-ID, CVE-24-1234, CVE-2024-123, CVE-2024 12345, cve-2024-1234"),
            [""; 0]
        );
    }

    #[test]
    fn a_line_break_at_a_hyphen_parts_no_identifier() {
        assert_eq!(all("use after free (CVE-2024-\n      26581)"), ["CVE-2024-26581"]);
        assert_eq!(all("use after free (CVE-\r\n      2024-26581)"), ["CVE-2024-26581"]);
        assert_eq!(all("CVE-2024- 26581"), [""; 0], "a blank is no line break");
    }

    #[test]
    fn one_identifier_is_one_and_nothing_else() {
        assert_eq!(
            CveId::parse("CVE-2019-0001").map(|id| id.to_string()),
            Some("CVE-2019-0001".into())
        );
        for text in ["", "CVE-2019-0001 ", "CVE-2019-99999999999999999999", "2019-0001"] {
            assert_eq!(CveId::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(year in 1999_u16..9999, number in 1_u64..10_000_000) {
            let id = CveId { year, number };
            prop_assert_eq!(CveId::parse(&id.to_string()), Some(id));
        }

        #[test]
        fn no_text_panics(text in "(CVE-|[0-9]{4}|-|\n| |.){0,20}") {
            let _ = CveId::all_in(&text);
        }
    }
}
