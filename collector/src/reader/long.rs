//! Files of which only a part is wanted, because they are long or dear to produce.

use super::{Head, LOG_LIMIT, NAMES, PART_LIMIT, ReadAt, Reader, malformed, non_value};
use crate::host::{FileStamp, LEFT_OUT, LogPart, Mapped, MappingFailure, MappingReader, Piece};
use crate::lines;
use scrubjay_model::{NonValue, Origin, Present, Reading};

impl<'h> Reader<'h> {
    /// The first `length` bytes of a file that is long and dear to produce.
    pub(crate) fn head(&self, path: &str, length: usize) -> Reading<Head> {
        self.count();
        let read = self.host.head(path, length);
        self.record(path, &read);
        let head = |bytes: Vec<u8>| Head { cut: bytes.len() >= length, bytes };
        self.noted(read.map(head).map_err(|failure| non_value(path, failure, NAMES)))
    }

    /// The records of a log, the oldest first.
    pub(crate) fn log(&self, path: &str, each: &mut dyn FnMut(LogPart<'_>)) -> Reading<()> {
        self.count();
        let mut written = Vec::new();
        let read = self.host.log(path, LOG_LIMIT.bytes, &mut |part| {
            if self.recording.is_some() {
                match part {
                    LogPart::Record(record) => written.extend_from_slice(record),
                    LogPart::LeftOut(n) => written.extend(format!("{LEFT_OUT}{n}").into_bytes()),
                    // The gap in the numbers is in the capture as well.
                    LogPart::Overwritten | LogPart::Limit => {}
                }
                written.push(b'\n');
            }
            each(part);
        });
        self.record(path, &read.map(|()| written));
        self.noted(read.map_err(|failure| non_value(path, failure, LOG_LIMIT.words)))
    }
    /// The part of a long file that is wanted. Only that is captured, so `part` of a part is all
    /// of it.
    pub(crate) fn part(&self, path: &str, part: impl FnOnce(&[u8]) -> Vec<u8>) -> Reading<Vec<u8>> {
        self.count();
        let read = self.host.read(path, PART_LIMIT.bytes).map(|bytes| part(&bytes));
        self.record(path, &read);
        self.noted(read.map_err(|failure| non_value(path, failure, PART_LIMIT.words)))
    }

    /// The lines of a long text that hold `word`. Only they are captured.
    pub(crate) fn lines_with(&self, path: &str, word: &[u8]) -> Reading<Vec<u8>> {
        self.part(path, |text| {
            lines::with(text, word).flat_map(|(line, _)| line).copied().collect()
        })
    }

    /// The lines of a long text that are wanted, of which a capture holds those alone. It does not
    /// hold a text without any: a few are looked for in thousands.
    pub(crate) fn lines_that(&self, path: &str, wants: &dyn Fn(&[u8]) -> bool) -> Reading<Vec<u8>> {
        self.count();
        let read = self.host.read(path, PART_LIMIT.bytes).map(|bytes| -> Vec<u8> {
            let lines = bytes.split_inclusive(|byte| *byte == b'\n');
            let line = |line: &[u8]| wants(line.strip_suffix(b"\n").unwrap_or(line));
            lines.filter(|all| line(all)).flatten().copied().collect()
        });
        if !read.as_ref().is_ok_and(Vec::is_empty) {
            self.record(path, &read);
        }
        self.noted(read.map_err(|failure| non_value(path, failure, PART_LIMIT.words)))
    }

    /// When a file was last changed, seconds since the Unix epoch. Never part of a capture.
    pub(crate) fn modified_unix_s(&self, path: &str) -> Reading<i64> {
        self.count();
        let modified = self.host.modified_unix_s(path);
        self.noted(modified.map_err(|failure| non_value(path, failure, NAMES)))
    }

    /// Whether a directory holds any other. Of those only one is captured.
    pub(crate) fn has_directories(&self, path: &str) -> Reading<Present> {
        self.list(path, &|_| true).into_result().map_or_else(Into::into, |entries| {
            match entries.iter().find(|entry| entry.is_dir) {
                Some(entry) => {
                    self.record_directory(path, &entry.name);
                    Reading::Value(Present)
                }
                None => Reading::Absent(Origin::new(path)),
            }
        })
    }
    /// The first and the last `each` bytes of a file that may be long, joined by a line feed.
    pub(crate) fn ends(&self, path: &str, each: usize) -> Reading<Vec<u8>> {
        self.count();
        let read = self.host.ends(path, each);
        self.record(path, &read);
        self.noted(read.map_err(|failure| non_value(path, failure, NAMES)))
    }
    /// Parts of a file that is far too long to be read as a whole; what lies beyond its end is
    /// missing. A capture notes only that it is there.
    pub(crate) fn pieces(&self, path: &str, pieces: &[Piece]) -> Reading<Vec<Vec<u8>>> {
        self.count();
        let read = self.host.pieces(path, pieces);
        self.record_listed(path, read.as_ref().map(|_| ()).map_err(|failure| *failure));
        self.noted(read.map_err(|failure| non_value(path, failure, NAMES)))
    }

    /// A file that is read by position, such as a database. Never part of a capture.
    pub(crate) fn open(&self, path: &str) -> Reading<ReadAt<'h>> {
        self.count();
        let opened = self.host.open_file(path);
        let opened = opened.map(|file| ReadAt { path: path.to_owned(), file });
        self.noted(opened.map_err(|failure| non_value(path, failure, NAMES)))
    }

    /// The executable mappings of a process, each given to `each`; how many there were. A failure is
    /// not kept, as processes come and go. Not part of a capture: of thousands of mappings few
    /// matter.
    pub(crate) fn mappings(
        &self,
        path: &str,
        reader: &mut MappingReader,
        each: &mut dyn FnMut(Mapped<'_>),
    ) -> Result<u32, NonValue> {
        self.count();
        self.host.mappings(path, reader, each).map_err(|failure| match failure {
            MappingFailure::Read(failure) => non_value(path, failure, LOG_LIMIT.words),
            MappingFailure::Line(line) => {
                malformed(path, "a mapping as the kernel prints it", &line)
            }
        })
    }

    /// By what a file can be told from another; `None` in a captured tree.
    pub(crate) fn stamp(&self, path: &str) -> Option<FileStamp> {
        self.host.stamp(path)
    }
}
