//! The values of a row.

use super::bytes::{signed, varint};
use super::file::Encoding;
use super::{Fault, damaged};

/// Most columns of a table that SQLite can be built for.
const COLUMNS: usize = 32_767;

/// A value as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub enum SqliteValue {
    /// Nothing.
    Null,
    /// A whole number.
    Integer(i64),
    /// A number with a fraction.
    Real(f64),
    /// A text. What is not of the database's encoding is U+FFFD in it.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

impl SqliteValue {
    /// The whole number, if it is one.
    pub fn integer(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            Self::Null | Self::Real(_) | Self::Text(_) | Self::Blob(_) => None,
        }
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Null | Self::Integer(_) | Self::Real(_) | Self::Blob(_) => None,
        }
    }

    /// The bytes, if that is what it is.
    pub fn blob(&self) -> Option<&[u8]> {
        match self {
            Self::Blob(bytes) => Some(bytes),
            Self::Null | Self::Integer(_) | Self::Real(_) | Self::Text(_) => None,
        }
    }
}

/// The text of a column, if the row has it and it is one.
pub(crate) fn text_of(row: &[SqliteValue], column: Option<usize>) -> Option<&str> {
    row.get(column?)?.text()
}

/// Takes a row apart: a list of kinds, then the values one after the other.
pub(super) fn values(payload: &[u8], encoding: Encoding) -> Result<Vec<SqliteValue>, Fault> {
    split(payload, encoding)
        .map_or_else(|| damaged("the values of a row", format!("{} bytes", payload.len())), Ok)
}

fn split(payload: &[u8], encoding: Encoding) -> Option<Vec<SqliteValue>> {
    let (head, mut at) = varint(payload, 0)?;
    let head = usize::try_from(head).ok()?;
    let (kinds, mut body) = (payload.get(..head)?, payload.get(head..)?);
    let mut values = Vec::new();
    while at < head {
        let (kind, taken) = varint(kinds, at)?;
        at += taken;
        let (value, rest) = value(kind, body, encoding)?;
        body = rest;
        values.push(value);
        if values.len() > COLUMNS {
            return None;
        }
    }
    (at == head).then_some(values)
}

fn value(kind: u64, body: &[u8], encoding: Encoding) -> Option<(SqliteValue, &[u8])> {
    let integer = |length: usize| {
        let (bytes, rest) = body.split_at_checked(length)?;
        Some((SqliteValue::Integer(signed(bytes)), rest))
    };
    match kind {
        0 => Some((SqliteValue::Null, body)),
        1..=4 => integer(usize::try_from(kind).ok()?),
        5 => integer(6),
        6 => integer(8),
        7 => {
            let (bytes, rest) = body.split_at_checked(8)?;
            Some((SqliteValue::Real(f64::from_be_bytes(bytes.try_into().ok()?)), rest))
        }
        8 => Some((SqliteValue::Integer(0), body)),
        9 => Some((SqliteValue::Integer(1), body)),
        // SQLite keeps these for itself, and they are in no file.
        10 | 11 => None,
        kind => {
            let (bytes, rest) = body.split_at_checked(usize::try_from((kind - 12) / 2).ok()?)?;
            let value = if kind % 2 == 0 {
                SqliteValue::Blob(bytes.to_vec())
            } else {
                SqliteValue::Text(text(bytes, encoding))
            };
            Some((value, rest))
        }
    }
}

fn text(bytes: &[u8], encoding: Encoding) -> String {
    let utf16 = |unit: fn([u8; 2]) -> u16| {
        let pairs = bytes.chunks_exact(2).filter_map(|pair| pair.try_into().ok());
        String::from_utf16_lossy(&pairs.map(unit).collect::<Vec<u16>>())
    };
    match encoding {
        Encoding::Utf8 => String::from_utf8_lossy(bytes).into_owned(),
        Encoding::Utf16LittleEndian => utf16(u16::from_le_bytes),
        Encoding::Utf16BigEndian => utf16(u16::from_be_bytes),
    }
}
