//! The first hundred bytes of a database.

use super::bytes::{u16_at, u32_at};
use super::{Fault, damaged};

/// How long it is.
pub(super) const LENGTH: usize = 100;

const MAGIC: &[u8] = b"SQLite format 3\0";

/// How texts are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Utf8,
    Utf16LittleEndian,
    Utf16BigEndian,
}

/// What it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    /// Bytes of a page.
    pub(super) page_size: u32,
    /// Of them, those that hold data.
    pub(super) usable: u32,
    pub(super) encoding: Encoding,
    /// Pages of the database; `None` where what wrote last did not keep count of them (before 3.7.0).
    pub(super) pages: Option<u32>,
}

/// The size of a page, if it may be one.
pub(super) fn page_size(bytes: u32) -> Option<u32> {
    (bytes.is_power_of_two() && (512..=65536).contains(&bytes)).then_some(bytes)
}

/// Takes the beginning of the first page.
pub(super) fn parse(bytes: &[u8]) -> Result<Header, Fault> {
    let whole = bytes.get(..LENGTH).filter(|bytes| bytes.starts_with(MAGIC));
    let Some(bytes) = whole else {
        let found = bytes.get(..MAGIC.len()).unwrap_or(bytes);
        return damaged("a database of SQLite 3", String::from_utf8_lossy(found));
    };
    let size = match u16_at(bytes, 16) {
        Some(1) => Some(65536),
        size => size.and_then(|size| page_size(u32::from(size))),
    };
    let Some(page_size) = size else {
        return damaged("pages of 512 to 65536 bytes", format!("{:?}", u16_at(bytes, 16)));
    };
    // Version 1 is of rollback journals, 2 of write-ahead logs; what is newer must not be read.
    let version = bytes.get(19).copied().unwrap_or_default();
    if version > 2 {
        return damaged("a file format of version 1 or 2", version.to_string());
    }
    let reserved = u32::from(bytes.get(20).copied().unwrap_or_default());
    let usable = page_size.saturating_sub(reserved);
    if usable < 480 {
        return damaged("pages with at least 480 bytes of data", usable.to_string());
    }
    let encoding = match u32_at(bytes, 56) {
        // 0 is that of a database without any table.
        Some(0 | 1) => Encoding::Utf8,
        Some(2) => Encoding::Utf16LittleEndian,
        Some(3) => Encoding::Utf16BigEndian,
        other => return damaged("a text encoding of 1 to 3", format!("{other:?}")),
    };
    let told = u32_at(bytes, 28).filter(|pages| *pages > 0);
    let pages = told.filter(|_| u32_at(bytes, 24) == u32_at(bytes, 92));
    Ok(Header { page_size, usable, encoding, pages })
}
