//! One page of the ring buffer, as `per_cpu/cpuN/trace_pipe_raw` gives it.
//!
//! Kernel source: kernel/trace/ring_buffer.c and include/linux/ring_buffer.h; the layout is in
//! `events/header_page` and `events/header_event`. A page is a moment, the length of its data, and
//! records one behind the other, each with the time since the one before. If the kernel overwrote
//! records before this page was read, two bits of the length say so, and their number follows the
//! data where there is room for it.

use super::format::{Field, FormatError};
use std::fmt;

/// `RB_MISSED_EVENTS`: records before this page are lost.
const MISSED: u64 = 1 << 31;
/// `RB_MISSED_STORED`: how many stands behind the data.
const MISSED_STORED: u64 = 1 << 30;
const LOW_WORD: u64 = 0xffff_ffff;
/// An absolute time has 59 bits; the others are those of the page's time.
const ABSOLUTE_BITS: u32 = 59;

/// Where things are in a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    timestamp: usize,
    commit: usize,
    /// Size of `local_t`, and so of `unsigned long`: 4 or 8.
    long: usize,
    data: usize,
    type_bits: u32,
    padding: u32,
    time_extend: u32,
    time_stamp: u32,
    data_max: u32,
}

/// What was overwritten before a page was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lost {
    None,
    /// The kernel does not say how many.
    AtLeastSome,
    Exactly(u64),
}

/// One record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record<'p> {
    /// In the unit of the buffer's clock, nanoseconds for `boot`.
    pub(crate) at_ns: u64,
    pub(crate) bytes: &'p [u8],
}

/// Why a page cannot be read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PageError {
    /// Shorter than its header.
    Header { bytes: usize },
    /// It claims more data than there is.
    Data { claimed: u64, bytes: usize },
    /// A record that does not fit into the data, or has no length.
    Record { at: usize },
    /// Time runs beyond 64 bits.
    Time { at: usize },
}

/// The records of a page, oldest first. After an error there are no more.
#[derive(Debug)]
pub(crate) struct Page<'p> {
    layout: &'p Layout,
    data: &'p [u8],
    at: usize,
    now_ns: u64,
    lost: Lost,
    /// What is wrong with the page as a whole; told after the records that are whole.
    cut: Option<PageError>,
}

impl Layout {
    /// Parses `events/header_page` and `events/header_event`.
    pub(crate) fn parse(header_page: &str, header_event: &str) -> Result<Self, FormatError> {
        let field = |name: &'static str, expected: &'static str| {
            for (at, line) in header_page.lines().enumerate() {
                let field = Field::parse(line)
                    .map_err(|expected| FormatError::at(at + 1, expected, line))?;
                if field.name == name {
                    return Ok(field);
                }
            }
            Err(FormatError::at(header_page.lines().count(), expected, ""))
        };
        let timestamp = field("timestamp", "a field `timestamp` of 8 bytes")?;
        let commit = field("commit", "a field `commit` of 4 or 8 bytes")?;
        let data = field("data", "a field `data`")?;
        if timestamp.size != 8 {
            return Err(FormatError::at(1, "a field `timestamp` of 8 bytes", header_page));
        }
        if commit.size != 4 && commit.size != 8 {
            return Err(FormatError::at(2, "a field `commit` of 4 or 8 bytes", header_page));
        }
        let number = |key: &str, separator: &str, expected: &'static str| {
            let value = header_event.lines().find_map(|line| {
                let (named, value) = line.split_once(separator)?;
                (named.trim() == key)
                    .then(|| value.trim().trim_end_matches(" bits").parse().ok())?
            });
            value.ok_or_else(|| FormatError::at(1, expected, header_event))
        };
        let layout = Self {
            timestamp: timestamp.offset,
            commit: commit.offset,
            long: commit.size,
            data: data.offset,
            type_bits: number("type_len", ":", "`type_len : N bits`")?,
            padding: number("padding", ": type ==", "`padding : type == N`")?,
            time_extend: number("time_extend", ": type ==", "`time_extend : type == N`")?,
            time_stamp: number("time_stamp", ": type ==", "`time_stamp : type == N`")?,
            data_max: number("data max type_len", "==", "`data max type_len == N`")?,
        };
        let delta_bits: u32 = number("time_delta", ":", "`time_delta : N bits`")?;
        let array_bits: u32 = number("array", ":", "`array : N bits`")?;
        if layout.type_bits == 0 || layout.type_bits.checked_add(delta_bits) != Some(32) {
            return Err(FormatError::at(2, "type and time of 32 bits", header_event));
        }
        if array_bits != 32 {
            return Err(FormatError::at(4, "an array of 32 bits", header_event));
        }
        Ok(layout)
    }

    /// The two parts of a record's first word. Bit fields start at the end the machine starts at.
    fn split(&self, word: u32) -> (u32, u32) {
        if cfg!(target_endian = "big") {
            let delta_bits = 32 - self.type_bits;
            (word >> delta_bits, word & (u32::MAX >> self.type_bits))
        } else {
            (word & !(u32::MAX << self.type_bits), word >> self.type_bits)
        }
    }
}

impl<'p> Page<'p> {
    /// Reads the header of a page. What follows the data, as in a page read into a larger buffer,
    /// does not matter.
    pub(crate) fn open(layout: &'p Layout, page: &'p [u8]) -> Result<Self, PageError> {
        let header = || {
            let now_ns = word64(page, layout.timestamp)?;
            Some((now_ns, long(page, layout.commit, layout.long)?, page.get(layout.data..)?))
        };
        let (now_ns, commit, all) = header().ok_or(PageError::Header { bytes: page.len() })?;
        // Linux 6.1 adds bit 31 as a negative number, which fills the upper half of a long.
        let claimed = commit & LOW_WORD & !(MISSED | MISSED_STORED);
        let whole = usize::try_from(claimed).ok().and_then(|end| all.split_at_checked(end));
        let (data, behind, cut) = match whole {
            Some((data, behind)) => (data, behind, None),
            None => (all, &[][..], Some(PageError::Data { claimed, bytes: all.len() })),
        };
        let stored = long(behind, 0, layout.long).filter(|_| commit & MISSED_STORED != 0);
        let unknown = if layout.long == 4 { u64::from(u32::MAX) } else { u64::MAX };
        let lost = match stored {
            // The kernel's -1: some, it did not count.
            Some(count) if count != 0 && count != unknown => Lost::Exactly(count),
            _ if commit & (MISSED | MISSED_STORED) != 0 => Lost::AtLeastSome,
            _ => Lost::None,
        };
        Ok(Self { layout, data, at: 0, now_ns, lost, cut })
    }

    /// What was overwritten before the first record of this page.
    pub(crate) fn lost(&self) -> Lost {
        self.lost
    }

    /// The next record, or `None` at the end of the data.
    fn step(&mut self) -> Result<Option<Record<'p>>, PageError> {
        // Each turn moves on by four bytes at least, so this ends.
        while self.at < self.data.len() {
            let at = self.at;
            let broken = PageError::Record { at };
            let first = word32(self.data, at).ok_or(broken)?;
            let (kind, delta) = self.layout.split(first);
            let array = at.checked_add(4).ok_or(broken)?;
            let second = || word32(self.data, array).ok_or(broken);
            let late = |now: Option<u64>| now.ok_or(PageError::Time { at });
            if kind == self.layout.padding {
                // Without a time, nothing more was written to this page.
                if delta == 0 {
                    self.at = self.data.len();
                    return Ok(None);
                }
                // A record that was given up. Those behind it count their time from it.
                self.now_ns = late(self.now_ns.checked_add(u64::from(delta)))?;
                self.advance(array, second()?, 4, broken)?;
            } else if kind == self.layout.time_extend {
                let upper = u64::from(second()?) << (32 - self.layout.type_bits);
                self.now_ns = late(self.now_ns.checked_add(upper | u64::from(delta)))?;
                self.advance(array, 4, 4, broken)?;
            } else if kind == self.layout.time_stamp {
                let upper = u64::from(second()?) << (32 - self.layout.type_bits);
                let kept = self.now_ns & (u64::MAX << ABSOLUTE_BITS);
                self.now_ns = kept | ((upper | u64::from(delta)) & !(u64::MAX << ABSOLUTE_BITS));
                self.advance(array, 4, 4, broken)?;
            } else {
                self.now_ns = late(self.now_ns.checked_add(u64::from(delta)))?;
                let bytes = match kind {
                    0 => self.advance(array, second()?, 4, broken)?.get(4..).ok_or(broken)?,
                    words if words <= self.layout.data_max => {
                        self.advance(array, words.checked_mul(4).ok_or(broken)?, 4, broken)?
                    }
                    _ => return Err(broken),
                };
                return Ok(Some(Record { at_ns: self.now_ns, bytes }));
            }
        }
        Ok(None)
    }

    /// Moves behind `length` bytes from `from`, which must be `least` at least, and gives them.
    fn advance(
        &mut self,
        from: usize,
        length: u32,
        least: u32,
        broken: PageError,
    ) -> Result<&'p [u8], PageError> {
        let length = usize::try_from(length.max(least)).ok().filter(|_| length >= least);
        let end = length.and_then(|length| from.checked_add(length)).ok_or(broken)?;
        let bytes = self.data.get(from..end).ok_or(broken)?;
        // Records begin at multiples of four; the last one may end where the data ends.
        self.at = end.checked_next_multiple_of(4).ok_or(broken)?;
        Ok(bytes)
    }
}

impl<'p> Iterator for Page<'p> {
    type Item = Result<Record<'p>, PageError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.step() {
            Ok(Some(record)) => Some(Ok(record)),
            Ok(None) => self.cut.take().map(Err),
            Err(error) => {
                // Where the next record begins is not known.
                self.at = self.data.len();
                Some(Err(self.cut.take().unwrap_or(error)))
            }
        }
    }
}

impl fmt::Display for PageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header { bytes } => write!(f, "a page of {bytes} bytes, shorter than its header"),
            Self::Data { claimed, bytes } => {
                write!(f, "a page that claims {claimed} bytes of data and has {bytes}")
            }
            Self::Record { at } => write!(f, "no whole record at byte {at} of a page's data"),
            Self::Time { at } => {
                write!(f, "a time beyond all bounds at byte {at} of a page's data")
            }
        }
    }
}

/// Four bytes at an offset, as this machine writes them.
pub(super) fn word32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|chunk| u32::from_ne_bytes(*chunk))
}

/// Eight bytes at an offset, as this machine writes them.
pub(super) fn word64(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|chunk| u64::from_ne_bytes(*chunk))
}

/// An `unsigned long` of 4 or 8 bytes.
fn long(bytes: &[u8], at: usize, size: usize) -> Option<u64> {
    if size == 4 { word32(bytes, at).map(u64::from) } else { word64(bytes, at) }
}

#[cfg(test)]
mod tests;
