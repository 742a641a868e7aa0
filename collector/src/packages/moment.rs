//! Whether a database that nobody is kept from writing was the same from first to last.

use crate::host::OpenStamp;
use crate::reader::{ReadAt, Reader};
use scrubjay_model::{NonValue, Reading};

/// How often a database is read at most until it holds still.
pub(super) const ATTEMPTS: u32 = 4;

/// How a file was at one time: its length, times and first bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) stamp: OpenStamp,
    pub(super) header: Vec<u8>,
}

impl Moment {
    /// Looks at a file and its first bytes.
    pub(super) fn of(file: &ReadAt<'_>, header: usize) -> Result<Self, NonValue> {
        Ok(Self { stamp: file.stamp()?, header: file.at(0, header)? })
    }

    /// Whether an open file is still as it was, and still the one of that path.
    pub(super) fn lasts(&self, reader: &Reader<'_>, file: &ReadAt<'_>) -> Result<bool, NonValue> {
        let again = match optional(reader.open(file.path()))? {
            Some(again) => again.stamp()?.same_file(&self.stamp),
            None => false,
        };
        Ok(again && Self::of(file, self.header.len())? == *self)
    }
}

/// What is there, if it is.
pub(super) fn optional<T>(reading: Reading<T>) -> Result<Option<T>, NonValue> {
    match reading.into_result() {
        Ok(value) => Ok(Some(value)),
        Err(NonValue::Absent(_)) => Ok(None),
        Err(why @ (NonValue::Unreadable(..) | NonValue::Malformed(..))) => Err(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::HostRoot;
    use scrubjay_model::Clocks;
    use std::sync::Arc;

    #[test]
    fn a_file_that_is_written_cut_or_replaced_is_not_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        let clocks = Clocks { realtime_ms: 0, boottime: None, monotonic: None };
        let host = HostRoot::open(folder.path(), Arc::new(move || clocks)).unwrap();
        let reader = Reader::new(&host);
        let lasts = |change: &dyn Fn()| {
            std::fs::write(&path, [7; 300]).unwrap();
            let file = reader.open("db").into_result().unwrap();
            let before = Moment::of(&file, 100).unwrap();
            assert!(before.lasts(&reader, &file).unwrap());
            change();
            before.lasts(&reader, &file).unwrap()
        };
        assert!(lasts(&|| ()));
        assert!(!lasts(&|| std::fs::write(&path, [8; 300]).unwrap()), "other bytes");
        assert!(!lasts(&|| std::fs::write(&path, [7; 200]).unwrap()), "another length");
        assert!(!lasts(&|| std::fs::remove_file(&path).unwrap()), "nothing there");
        let replaced = lasts(&|| {
            let other = folder.path().join("other");
            std::fs::write(&other, [7; 300]).unwrap();
            std::fs::rename(other, &path).unwrap();
        });
        assert!(!replaced, "the same bytes in another file");
    }
}
