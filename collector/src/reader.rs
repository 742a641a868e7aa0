//! Turns what the host root answers into readings: errno to outcome, bytes to values, once and in
//! one way for all sources. One [`Reader`] serves one source for one pass and keeps its faults.

mod counters;
mod listing;
mod long;

use crate::host::{Entry, Failure, Folder, HostRoot, OpenFile, OpenStamp, Piece};
use crate::remember::{Memory, Remember, look};
use crate::tree::{Node, Tree};
use counters::Noted;
use rustix::io::Errno;
use scrubjay_model::{
    Clocks, NonValue, Origin, ParseFault, ReadFault, Reading, SourceReport, Uname,
};
use serde_json::Value as Json;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Longest attribute accepted. sysfs shows at most one page, 64 KiB on some machines; only
/// statistics files of procfs are longer.
const ATTRIBUTE_LIMIT: Limit = Limit { bytes: 64 << 10, words: "an attribute of at most 64 KiB" };

/// Longest procfs statistics file accepted. `/proc/stat` grows with CPUs (about 100 bytes each)
/// and interrupts (at least 2 bytes each): 1 MiB is too little for the largest machines.
const STATISTICS_LIMIT: Limit = Limit { bytes: 8 << 20, words: "a file of at most 8 MiB" };

/// Longest log accepted. The ring is 128 KiB to 1 MiB on most hosts, at most 32 MiB by
/// configuration (`CONFIG_LOG_BUF_SHIFT`), and more only by `log_buf_len=`.
const LOG_LIMIT: Limit = Limit { bytes: 64 << 20, words: "a log of at most 64 MiB" };
/// Longest file of which parts are wanted. `modules.alias`, the kernel's configuration and its
/// changelog have 1 to 2 MB, 300 kB and 1 MB in today's distributions, dpkg's status 1 to 5 MB.
const PART_LIMIT: Limit = Limit { bytes: 64 << 20, words: "a file of at most 64 MiB" };
/// Longest data of a firmware table accepted. Boot error regions are tens of KiB; the largest seen
/// reserve one MiB.
const FIRMWARE_LIMIT: Limit = Limit { bytes: 1 << 20, words: "firmware data of at most 1 MiB" };
/// Longest table of firmware accepted. An SMBIOS 2 table ends at 64 KiB by its format, and version 3
/// tables of the largest machines stay below 256 KiB.
const TABLE_LIMIT: Limit = Limit { bytes: 1 << 20, words: "a table of at most 1 MiB" };

/// Longest file of `/lib/firmware` accepted. Those with microcode for one CPU have at most 1 MiB;
/// all of Intel's together 15.
const FIRMWARE_FILE_LIMIT: Limit =
    Limit { bytes: 32 << 20, words: "a file of firmware of at most 32 MiB" };
/// Longest file of a kernel module accepted, as it lies on disk. Live patches have 1 to 5 MB.
const MODULE_LIMIT: Limit = Limit { bytes: 32 << 20, words: "a module of at most 32 MiB" };

/// Longest file of a vendor or an admin accepted. Canonical's notices have 120 kB, lists of CVEs and
/// of support ends tens of kB.
const DOCUMENT_LIMIT: Limit = Limit { bytes: 4 << 20, words: "a file of at most 4 MiB" };
/// The host root bounds what it lists by itself.
const NAMES: &str = "a directory of at most a million entries";

/// How much is accepted, and how to say so.
struct Limit {
    bytes: usize,
    words: &'static str,
}

/// The beginning of a long file.
pub(crate) struct Head {
    /// As many bytes as were asked for, or the whole file.
    pub(crate) bytes: Vec<u8>,
    /// Whether there may be more.
    pub(crate) cut: bool,
}

/// A file held open.
#[derive(Debug)]
pub(crate) struct ReadAt<'h> {
    path: String,
    file: OpenFile<'h>,
}

impl ReadAt<'_> {
    /// The path it was opened by.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// A part of it, as far as it goes.
    pub(crate) fn at(&self, offset: u64, length: usize) -> Result<Vec<u8>, NonValue> {
        let piece = self.file.piece(Piece { offset, length });
        piece.map_err(|failure| non_value(&self.path, failure, NAMES))
    }

    /// What tells whether it was written or replaced.
    pub(crate) fn stamp(&self) -> Result<OpenStamp, NonValue> {
        self.file.stamp().map_err(|failure| non_value(&self.path, failure, NAMES))
    }
}

/// Reads attributes of one host for one source.
pub(crate) struct Reader<'h> {
    host: &'h HostRoot,
    attributes: Cell<u32>,
    faults: RefCell<BTreeMap<Origin, NonValue>>,
    /// What was read, for `capture`.
    recording: Option<&'h RefCell<Tree>>,
    /// What earlier passes made of files that have not changed.
    memory: Option<&'h Memory>,
    /// What counters and labels say, where that is wanted.
    noted: Option<Noted>,
    /// The directory whose entries are being read.
    folder: RefCell<Option<Folder>>,
}

impl<'h> Reader<'h> {
    pub(crate) fn new(host: &'h HostRoot) -> Self {
        Self {
            host,
            attributes: Cell::new(0),
            faults: RefCell::default(),
            recording: None,
            memory: None,
            noted: None,
            folder: RefCell::default(),
        }
    }

    /// A reader that is given what earlier passes made of files that have not changed.
    pub(crate) fn remembering(host: &'h HostRoot, memory: &'h Memory) -> Self {
        Self { memory: Some(memory), ..Self::new(host) }
    }

    /// A reader that also notes everything it is given.
    pub(crate) fn recording(host: &'h HostRoot, tree: &'h RefCell<Tree>) -> Self {
        Self { recording: Some(tree), ..Self::new(host) }
    }

    /// How reading went, after `took`.
    pub(crate) fn report(self, took: Duration) -> SourceReport {
        SourceReport {
            took,
            attributes: self.attributes.get(),
            faults: self.faults.into_inner().into_values().collect(),
        }
    }

    /// Forgets the faults at and below a path that is about to be read again: what counts is how
    /// the last attempt went.
    pub(crate) fn forget(&self, path: &str) {
        self.faults.borrow_mut().retain(|origin, _| {
            let below = origin.as_str().strip_prefix(path);
            !below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
    }

    /// What `make` makes of files, or what it made of them in an earlier pass if they have not
    /// changed since. Their faults are told again each time.
    ///
    /// Nothing is kept that a file was changed for within the last two seconds, or that was made
    /// although something could not be read: the next pass tries again.
    pub(crate) fn remembered<T: Send + Sync + 'static>(
        &self,
        what: &Remember<'_>,
        make: impl FnOnce(&Reader<'_>) -> T,
    ) -> Arc<T> {
        // A capture wants to see what is read.
        let memory = self.memory.filter(|_| self.recording.is_none());
        // Before the files are read: one that changes meanwhile is not the same at the next look.
        let before = memory.and_then(|memory| Some((memory, look(self.host, what)?)));
        if let Some((memory, before)) = &before
            && let Some((value, faults)) = memory.recall(what, before)
        {
            self.count();
            self.take_over(&faults);
            return value;
        }
        // Readings within readings are remembered on their own.
        let reader =
            Reader { recording: self.recording, memory: self.memory, ..Reader::new(self.host) };
        let value = Arc::new(make(&reader));
        self.attributes.set(self.attributes.get().saturating_add(reader.attributes.get()));
        let faults: Vec<NonValue> = reader.faults.into_inner().into_values().collect();
        self.take_over(&faults);
        let lasting = faults.iter().all(|fault| matches!(fault, NonValue::Malformed(..)));
        if let Some((memory, before)) = before
            && lasting
            && before.is_settled(self.host)
        {
            memory.keep(what.key, before, &value, faults);
        }
        value
    }

    fn take_over(&self, faults: &[NonValue]) {
        let faults = faults.iter().map(|fault| (fault.origin().clone(), fault.clone()));
        self.faults.borrow_mut().extend(faults);
    }

    /// The host's clocks now.
    pub(crate) fn clocks(&self) -> Clocks {
        self.host.clocks()
    }

    /// The size of a page, bytes.
    pub(crate) fn page_size_bytes(&self) -> Reading<u64> {
        let absent = || Reading::Absent(Origin::new("the size of a page"));
        self.host.page_size_bytes().map_or_else(absent, Reading::Value)
    }

    /// What uname(2) answers.
    pub(crate) fn uname(&self) -> Reading<Uname> {
        // A captured tree without it comes from elsewhere; our own kernel must not answer for it.
        self.host.uname().map_or_else(|| Reading::Absent(Origin::new("uname(2)")), Reading::Value)
    }

    /// The bytes of a statistics file of procfs, for the parsers of the procfs crate.
    pub(crate) fn statistics(&self, path: &str) -> Reading<Vec<u8>> {
        self.bytes(path, &STATISTICS_LIMIT)
    }

    /// The bytes of a file of `/lib/firmware`.
    pub(crate) fn firmware_file(&self, path: &str) -> Reading<Vec<u8>> {
        self.bytes(path, &FIRMWARE_FILE_LIMIT)
    }

    /// The bytes of what firmware left in memory.
    pub(crate) fn firmware_data(&self, path: &str) -> Reading<Vec<u8>> {
        self.bytes(path, &FIRMWARE_LIMIT)
    }
    /// A table as firmware left it in memory.
    pub(crate) fn firmware_table(&self, path: &str) -> Reading<Vec<u8>> {
        self.bytes(path, &TABLE_LIMIT)
    }

    /// What sysfs shows of a section of a loaded module.
    pub(crate) fn note(&self, path: &str) -> Reading<Vec<u8>> {
        self.bytes(path, &ATTRIBUTE_LIMIT)
    }

    /// The file of a kernel module.
    pub(crate) fn module_file(&self, path: &str) -> Reading<Vec<u8>> {
        self.bytes(path, &MODULE_LIMIT)
    }

    /// The text of an attribute without its final newline.
    pub(crate) fn attr(&self, path: &str) -> Reading<String> {
        self.parse(path, "text in UTF-8", |text| Some(text.to_owned()))
    }

    /// Text of a file that a vendor or the admin wrote, by a parser that answers `None` to what is
    /// not of the documented form.
    pub(crate) fn text_document<T>(
        &self,
        path: &str,
        expected: &'static str,
        parser: impl FnOnce(&str) -> Option<T>,
    ) -> Reading<T> {
        let result = self.bytes(path, &DOCUMENT_LIMIT).into_result().and_then(|bytes| {
            let parsed = std::str::from_utf8(&bytes).ok().and_then(parser);
            parsed.ok_or_else(|| malformed(path, expected, &bytes))
        });
        self.noted(result)
    }

    /// A JSON object without one of its keys, which is in no capture and in no quotation either.
    pub(crate) fn json_without<T>(
        &self,
        path: &str,
        key: &str,
        expected: &'static str,
        parser: impl FnOnce(&Json) -> Option<T>,
    ) -> Reading<T> {
        self.count();
        let read = self.host.read(path, DOCUMENT_LIMIT.bytes).map(|bytes| {
            let json = serde_json::from_slice::<Json>(&bytes);
            json.map(|mut json| {
                if let Some(object) = json.as_object_mut() {
                    object.remove(key);
                }
                json
            })
        });
        let written = read.as_ref().map(|json| match json {
            Ok(json) => format!("{json:#}\n").into_bytes(),
            Err(_) => b"not JSON\n".to_vec(),
        });
        self.record(path, &written.map_err(|failure| *failure));
        let read = read.map_err(|failure| non_value(path, failure, DOCUMENT_LIMIT.words));
        self.noted(read.and_then(|json| {
            let why =
                |error: serde_json::Error| malformed(path, expected, error.to_string().as_bytes());
            let json = json.map_err(why)?;
            parser(&json).ok_or_else(|| malformed(path, expected, b"other JSON"))
        }))
    }

    /// An attribute by a parser that answers `None` to what is not of the documented form.
    pub(crate) fn parse<T>(
        &self,
        path: &str,
        expected: &'static str,
        parser: impl FnOnce(&str) -> Option<T>,
    ) -> Reading<T> {
        let result = self.bytes(path, &ATTRIBUTE_LIMIT).into_result().and_then(|bytes| {
            let content = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
            std::str::from_utf8(content)
                .ok()
                .and_then(parser)
                .ok_or_else(|| malformed(path, expected, content))
        });
        self.noted(result)
    }

    /// A whole number as `%u` and `%lu` print it. Surrounding blanks are forgiven, signs are not.
    pub(crate) fn number(&self, path: &str) -> Reading<u64> {
        self.parse(path, "a whole number", whole_number)
    }

    /// A counter of the EDAC core.
    pub(crate) fn number_u32(&self, path: &str) -> Reading<u32> {
        self.parse(path, "a whole number below 2^32", |text| {
            u32::try_from(whole_number(text)?).ok()
        })
    }

    /// A size that EDAC shows in MiB, in bytes.
    pub(crate) fn mebibytes(&self, path: &str) -> Reading<u64> {
        self.parse(path, "a size in MiB", |text| whole_number(text)?.checked_mul(1 << 20))
    }

    /// A counter that was reset each time it was read.
    pub(crate) fn torn<T>(&self, path: &str) -> Reading<T> {
        self.noted(Err(NonValue::Unreadable(Origin::new(path), ReadFault::Torn)))
    }

    /// A switch shown as `0` or `1`, or as `N` or `Y`.
    pub(crate) fn switch(&self, path: &str) -> Reading<bool> {
        self.parse(path, "0 or 1", |text| match text.trim() {
            "0" | "N" => Some(false),
            "1" | "Y" => Some(true),
            _ => None,
        })
    }

    /// Reads entries of a directory, which is held open meanwhile. They are asked for by their paths, like
    /// all others, and say the same; they cost less.
    pub(crate) fn within<T>(&self, dir: &str, read: impl FnOnce() -> T) -> T {
        let around = self.folder.take();
        self.folder.replace(Some(Folder::new(dir, around)));
        let value = read();
        let folder = self.folder.take();
        self.folder.replace(folder.and_then(Folder::into_around));
        value
    }

    fn list(&self, path: &str, wants: &dyn Fn(&str) -> bool) -> Reading<Vec<Entry>> {
        self.count();
        let listed = self.host.list(path, wants);
        self.record_listed(path, listed.as_ref().map(|_| ()).map_err(|failure| *failure));
        self.noted(listed.map_err(|failure| non_value(path, failure, NAMES)))
    }

    fn bytes(&self, path: &str, limit: &Limit) -> Reading<Vec<u8>> {
        self.count();
        let read = self.host.read_near(path, self.folder.borrow().as_ref(), limit.bytes);
        self.record(path, &read);
        self.noted(read.map_err(|failure| non_value(path, failure, limit.words)))
    }

    fn count(&self) {
        self.attributes.set(self.attributes.get().saturating_add(1));
    }

    /// Keeps the fault of a result, if it is one. Absent attributes are no faults: kernels differ.
    pub(crate) fn noted<T>(&self, result: Result<T, NonValue>) -> Reading<T> {
        match &result {
            Err(fault @ (NonValue::Unreadable(origin, _) | NonValue::Malformed(origin, _))) => {
                self.faults.borrow_mut().insert(origin.clone(), fault.clone());
            }
            Ok(_) | Err(NonValue::Absent(_)) => {}
        }
        result.into()
    }

    /// Captures, of a file that is far too long for that, bytes in which the source finds the same.
    pub(crate) fn stands_for(&self, path: &str, bytes: &[u8]) {
        if let Some(tree) = self.recording {
            tree.borrow_mut().insert(path, Node::File(bytes.to_vec()));
        }
    }

    fn record(&self, path: &str, read: &Result<Vec<u8>, Failure>) {
        let Some(tree) = self.recording else { return };
        let node = match read {
            Ok(bytes) => Node::File(bytes.clone()),
            Err(Failure::Errno(errno)) if *errno == Errno::NOENT.raw_os_error() => return,
            Err(Failure::Errno(errno)) => Node::Fails(*errno),
            Err(Failure::NotAFile) => Node::Dir,
            Err(Failure::TooLong) => Node::Fails(Errno::FBIG.raw_os_error()),
        };
        tree.borrow_mut().insert(path, node);
    }

    fn record_directory(&self, path: &str, name: &str) {
        if self.recording.is_some() {
            self.record_listed(&format!("{path}/{name}"), Ok(()));
        }
    }

    /// Notes what is only known to be there.
    fn record_listed(&self, path: &str, found: Result<(), Failure>) {
        match (self.recording, found) {
            (Some(tree), Ok(())) => tree.borrow_mut().insert(path, Node::Dir),
            (Some(_), Err(failure)) => self.record(path, &Err(failure)),
            (None, _) => {}
        }
    }
}

/// The one place where an errno becomes an outcome. `longest` is what was accepted.
fn non_value(path: &str, failure: Failure, longest: &'static str) -> NonValue {
    let origin = Origin::new(path);
    match failure {
        Failure::NotAFile => NonValue::Unreadable(origin, ReadFault::NotAFile),
        Failure::TooLong => NonValue::Malformed(origin, ParseFault::new(longest, b"more")),
        Failure::Errno(number) => match Errno::from_raw_os_error(number) {
            // No attribute answers EFBIG: it is how a capture writes down what was too long.
            Errno::FBIG => non_value(path, Failure::TooLong, longest),
            // ENOTDIR: a part of the path is no directory on this kernel.
            // ESRCH: what procfs answers for a task that has just ended.
            Errno::NOENT
            | Errno::NODEV
            | Errno::NXIO
            | Errno::OPNOTSUPP
            | Errno::NOTDIR
            | Errno::SRCH => NonValue::Absent(origin),
            Errno::ACCESS | Errno::PERM => NonValue::Unreadable(origin, ReadFault::Denied),
            Errno::ISDIR => NonValue::Unreadable(origin, ReadFault::NotAFile),
            _ => NonValue::Unreadable(origin, ReadFault::Io(number)),
        },
    }
}

pub(crate) fn malformed(path: &str, expected: &'static str, found: &[u8]) -> NonValue {
    NonValue::Malformed(Origin::new(path), ParseFault::new(expected, found))
}

/// The number that `%u` prints as this text.
pub(crate) fn whole_number(text: &str) -> Option<u64> {
    let digits = text.trim_matches([' ', '\t', '\n']);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| plain)
}

/// The number in the kernel's form of an index: no sign, no leading zeros.
pub(crate) fn index(digits: &str) -> Option<u32> {
    let number: u32 = digits.parse().ok()?;
    (number.to_string() == digits).then_some(number)
}

#[cfg(test)]
mod tests;
