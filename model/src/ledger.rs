//! The ledger: facts of the history, each of which names the hash of the one before.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;

/// A SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// What the first row names, there being none before it.
    pub const NONE: Self = Self([0; 32]);

    /// Reads 64 hexadecimal digits, small ones as they are written.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        let digits = text.as_bytes();
        if digits.len() != 2 * bytes.len() {
            return None;
        }
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let [high, low] = pair else { return None };
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom("a hash has 64 hexadecimal digits"))
    }
}

/// The last row of a ledger, or any other that somebody holds a copy of: with it, everything up to
/// it is fixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LedgerHead {
    /// Its number, from 1.
    pub seq: u64,
    /// Its hash.
    pub hash: Digest,
}

impl fmt::Display for LedgerHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seq, hash } = self;
        write!(f, "{seq}:{hash}")
    }
}

/// A text that is no head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoHead;

impl fmt::Display for NoHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("give the number of a row and its hash as SEQ:HASH, the hash in 64 digits")
    }
}

impl std::error::Error for NoHead {}

impl FromStr for LedgerHead {
    type Err = NoHead;

    fn from_str(text: &str) -> Result<Self, NoHead> {
        let (seq, hash) = text.split_once(':').ok_or(NoHead)?;
        let seq = seq.parse().ok().filter(|seq| *seq > 0).ok_or(NoHead)?;
        let hash = Digest::parse(&hash.to_ascii_lowercase()).ok_or(NoHead)?;
        Ok(Self { seq, hash })
    }
}

/// What is wrong with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LedgerFaultKind {
    /// It is not what its hash was made of.
    Altered,
    /// It, or what stands before it, is not there.
    Removed,
    /// It bears another number than its place.
    Reordered,
    /// It does not follow from the one before it.
    Unlinked,
    /// Somebody holds another hash of it.
    Rewritten,
    /// It contradicts what the history holds now.
    Contradicted,
}

impl LedgerFaultKind {
    /// A stable word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Altered => "altered",
            Self::Removed => "removed",
            Self::Reordered => "reordered",
            Self::Unlinked => "unlinked",
            Self::Rewritten => "rewritten",
            Self::Contradicted => "contradicted",
        }
    }
}

/// One thing that is wrong with a ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LedgerFault {
    /// The row it is found at.
    pub seq: u64,
    /// What kind.
    pub kind: LedgerFaultKind,
    /// What was found, as a sentence without a full stop.
    pub detail: String,
}

/// Whether the ledger is what was written, as far as anybody looked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum LedgerState {
    /// There is no history to have one.
    #[default]
    None,
    /// Each row is what its hash was made of, and follows from the one before. That nothing was cut off
    /// its end, and that it was not made anew, only a copy that others hold can show.
    Intact,
    /// It is not.
    Altered {
        /// What is wrong, as a clause.
        because: String,
    },
    /// It could not be looked at.
    NotChecked {
        /// Why, as a clause.
        because: String,
    },
}

/// What came of looking at every row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LedgerReport {
    /// Rows looked at.
    pub rows: u64,
    /// The last of them; `None` if there are none.
    pub head: Option<LedgerHead>,
    /// What is wrong, in the order of the rows; the first hundred.
    pub faults: Vec<LedgerFault>,
    /// Faults that are not listed.
    pub more_faults: u64,
    /// Copies that others held and that were found in it.
    pub confirmed: Vec<LedgerHead>,
    /// How many such copies were given.
    pub copies: u64,
}

impl From<&LedgerReport> for LedgerState {
    fn from(report: &LedgerReport) -> Self {
        report.told().map_or(Self::Intact, |because| Self::Altered { because })
    }
}

impl LedgerReport {
    /// Whether nothing is wrong.
    pub fn is_intact(&self) -> bool {
        self.faults.is_empty()
    }

    /// What is wrong, in one clause: the first fault, and how many more there are.
    pub fn told(&self) -> Option<String> {
        let LedgerFault { seq, kind, detail } = self.faults.first()?;
        let more = u64::try_from(self.faults.len()).unwrap_or(u64::MAX);
        let more = more.saturating_add(self.more_faults).saturating_sub(1);
        let more = match more {
            0 => String::new(),
            1 => "; there is 1 more fault".to_owned(),
            more => format!("; there are {more} more faults"),
        };
        Some(format!("row {seq} ({}): {detail}{more}", kind.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_as_it_is_written() {
        let bytes: Vec<u8> = (0..32).map(|n| n * 8 + 7).collect();
        let hash = Digest(bytes.try_into().unwrap());
        let head = LedgerHead { seq: 12, hash };
        assert_eq!(head.to_string().parse(), Ok(head));
        assert_eq!(head.to_string().to_uppercase().parse(), Ok(head));
        let short = &head.to_string()[..66];
        for wrong in ["", "12", "12:", ":00", short, &format!("0:{hash}"), &format!("-1:{hash}")] {
            assert_eq!(wrong.parse::<LedgerHead>(), Err(NoHead), "{wrong}");
        }
    }
}
