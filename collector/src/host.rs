//! The host root: the only place that opens kernel files.
//!
//! The root is `/`, a directory (`/host` in a container, an unpacked capture) or a captured tree.
//! Reads are bounded and never block on a FIFO; symbolic links below another root never lead out
//! of it. What is no file but the answer of a system call (clocks, uname) belongs to the host as
//! well: it is taken from this kernel only if the root is of this kernel.

mod captured;
mod dir;
mod folder;
mod hold;
mod kept;
mod log;
mod mappings;
mod offline;
mod open_file;
mod tracing;

use crate::proc_text;
use crate::tree::{Tree, TreeError};
use dir::{Directory, read_bounded};
pub(crate) use folder::Folder;
pub(crate) use hold::{DAEMON_ACTIVE, DaemonActive};
pub(crate) use kept::{KeptDirectory, KeptFile, LONGEST};
pub(crate) use log::{LEFT_OUT, LogPart, split as split_log};
pub(crate) use mappings::{Mapped, MappingFailure, MappingReader};
use rustix::fs::{CWD, FileType, Mode, OFlags};
use rustix::io::Errno;
use scrubjay_model::{Clocks, Simulated, Uname};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub use offline::{OfflineOutcome, OfflineRefused, soft_offline};
pub(crate) use open_file::{OpenFile, OpenStamp};
pub(crate) use tracing::{Instance, RawPages, TraceFs};

/// Reads this kernel's clocks. Provided by the binary, the only one that may.
pub type ClockFn = Arc<dyn Fn() -> Clocks + Send + Sync>;

/// A host whose files can be read.
pub struct HostRoot {
    backend: Backend,
    clocks: ClockFn,
    kernel: KernelOf,
}

enum Backend {
    /// A directory.
    Dir(Directory),
    /// A captured tree.
    Tree(Tree),
    /// A host that changes while it is read: every access sees the tree of its moment.
    #[cfg(test)]
    Changing(Box<dyn Fn() -> Tree + Send + Sync>),
}

/// Whose system calls speak for the root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KernelOf {
    /// The root belongs to the kernel we run on.
    ThisHost,
    /// It does not: facts come from [`FACTS`] or not at all.
    AnotherHost,
}

/// Why a root cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RootError {
    /// It cannot be opened.
    #[error("cannot open the host root {}: give a directory or a captured tree with --root", path.display())]
    Open {
        /// The path given.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// It is a file, but not a tree.
    #[error("cannot use {} as a host root", path.display())]
    Tree {
        /// The path given.
        path: PathBuf,
        /// The cause.
        #[source]
        source: TreeError,
    },
}

/// Why a read gave no bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The kernel's answer.
    Errno(i32),
    /// Not a plain file.
    NotAFile,
    /// Longer than accepted.
    TooLong,
}

/// A part of a file that is read by position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Where it begins, bytes.
    pub(crate) offset: u64,
    /// How long it is, bytes.
    pub(crate) length: usize,
}

/// By what a file or directory can be told to be the one it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileStamp {
    /// There is none.
    Missing,
    /// There is one.
    There {
        /// Device and inode.
        identity: (u64, u64),
        /// Size, bytes.
        size: u64,
        /// `st_mtime`: seconds and nanoseconds.
        modified: (i64, i64),
        /// `st_ctime`: seconds and nanoseconds. Nobody can set it back.
        changed: (i64, i64),
        /// The same in milliseconds since the Unix epoch.
        changed_ms: i64,
    },
}

/// A directory entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) is_dir: bool,
}

/// `SYSFS_MAGIC` of linux/magic.h.
const SYSFS: u64 = 0x6265_6572;

/// Where a captured tree keeps what is not in a file.
pub(crate) const FACTS: &str = ".scrubjay/facts";

/// The key of a host that was made and not found.
pub(crate) const SIMULATED: &str = "simulated";

/// The paragraph of the first CPU fits.
const CPUINFO_HEAD: usize = 4 << 10;

const BOOT_ID: &str = "proc/sys/kernel/random/boot_id";

/// Longest tree file accepted.
const TREE_LIMIT: usize = 64 << 20;

impl fmt::Debug for HostRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostRoot").field("kernel", &self.kernel).finish_non_exhaustive()
    }
}

impl HostRoot {
    /// Opens `/`, another directory, or a captured tree.
    pub fn open(path: &Path, clocks: ClockFn) -> Result<Self, RootError> {
        let failed = |source: std::io::Error| RootError::Open { path: path.to_owned(), source };
        let opened = |flags: OFlags| {
            let fd = rustix::fs::openat(CWD, path, flags | OFlags::CLOEXEC, Mode::empty());
            fd.map_err(|errno| failed(errno.into()))
        };
        // Of a directory only what is below it is ever asked for, and whoever is kept to some of that
        // may not list the rest.
        let fd = opened(OFlags::PATH)?;
        let stat = rustix::fs::fstat(&fd).map_err(|errno| failed(errno.into()))?;
        if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
            let confined = path != Path::new("/");
            let dir = if confined { Directory::confined(fd) } else { Directory::plain(fd) };
            let mut host = Self::new(Backend::Dir(dir), clocks);
            if !confined || host.shares_this_kernel() {
                host.kernel = KernelOf::ThisHost;
            }
            return Ok(host);
        }
        let fd = opened(OFlags::RDONLY | OFlags::NONBLOCK)?;
        let bytes = read_bounded(&fd, TREE_LIMIT).map_err(|failure| {
            failed(match failure {
                Failure::Errno(errno) => std::io::Error::from_raw_os_error(errno),
                Failure::NotAFile => std::io::Error::other("neither a directory nor a file"),
                Failure::TooLong => std::io::Error::other("longer than 64 MiB"),
            })
        })?;
        let tree = Tree::parse(&String::from_utf8_lossy(&bytes))
            .map_err(|source| RootError::Tree { path: path.to_owned(), source })?;
        Ok(Self::from_tree(tree, clocks))
    }

    /// A host that exists only as a tree.
    pub fn from_tree(tree: Tree, clocks: ClockFn) -> Self {
        Self::new(Backend::Tree(tree), clocks)
    }

    /// A host that changes while it is read; `now` is asked at every access.
    #[cfg(test)]
    pub(crate) fn changing(
        now: impl Fn() -> Tree + Send + Sync + 'static,
        clocks: ClockFn,
    ) -> Self {
        Self::new(Backend::Changing(Box::new(now)), clocks)
    }

    /// The same root as one of the kernel we run on.
    #[cfg(test)]
    pub(crate) fn of_this_kernel(self) -> Self {
        Self { kernel: KernelOf::ThisHost, ..self }
    }

    fn new(backend: Backend, clocks: ClockFn) -> Self {
        Self { backend, clocks, kernel: KernelOf::AnotherHost }
    }

    /// Whether the root belongs to the running kernel, so that system calls speak for it.
    pub fn is_this_host(&self) -> bool {
        self.kernel == KernelOf::ThisHost
    }

    /// In a container the host's `/proc` lies elsewhere but is of the same kernel: the boot id,
    /// made anew at each boot, tells.
    fn shares_this_kernel(&self) -> bool {
        let Ok(theirs) = self.read(BOOT_ID, 64) else { return false };
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let ours = rustix::fs::openat(CWD, format!("/{BOOT_ID}"), flags, Mode::empty())
            .ok()
            .and_then(|fd| read_bounded(&fd, 64).ok());
        ours.is_some_and(|ours| ours == theirs)
    }

    /// The host's clocks. A captured tree brings its own. A tree that does not is read as of now,
    /// with the boot clock it shows in `/proc/uptime`.
    pub fn clocks(&self) -> Clocks {
        if self.is_this_host() {
            return (self.clocks)();
        }
        let facts = self.facts();
        let number = |key: &str| facts.as_deref().and_then(|text| fact(text, key)?.parse().ok());
        let nanoseconds = |key: &str| number(key).map(Duration::from_nanos);
        let realtime_ms = facts
            .as_deref()
            .and_then(|text| fact(text, "realtime_ms")?.parse().ok())
            .unwrap_or_else(|| (self.clocks)().realtime_ms);
        Clocks {
            realtime_ms,
            boottime: nanoseconds("boottime_ns").or_else(|| self.uptime_shown()),
            monotonic: nanoseconds("monotonic_ns"),
        }
    }

    /// This kernel's awake time, whatever host is read: what our own waiting is measured by.
    pub(crate) fn own_monotonic(&self) -> Option<Duration> {
        (self.clocks)().monotonic
    }

    /// What uname(2) answers on the host; `None` where that is not recorded.
    pub(crate) fn uname(&self) -> Option<Uname> {
        if self.is_this_host() {
            let uname = rustix::system::uname();
            return Some(Uname {
                release: uname.release().to_string_lossy().into_owned(),
                version: uname.version().to_string_lossy().into_owned(),
                machine: uname.machine().to_string_lossy().into_owned(),
            });
        }
        let facts = self.facts()?;
        Some(Uname {
            release: fact(&facts, "uname_release")?.to_owned(),
            version: fact(&facts, "uname_version")?.to_owned(),
            machine: fact(&facts, "uname_machine")?.to_owned(),
        })
    }

    /// The size of a page on the host, bytes; `None` where that is not recorded.
    pub fn page_size_bytes(&self) -> Option<u64> {
        let size = if self.is_this_host() {
            u64::try_from(rustix::param::page_size()).ok()
        } else {
            let facts = self.facts()?;
            // x86 has pages of one size; on other machines the kernel's configuration decides.
            let x86 = fact(&facts, "uname_machine").is_some_and(|machine| machine == "x86_64");
            let recorded = fact(&facts, "page_size_bytes").and_then(|text| text.parse().ok());
            recorded.or(x86.then_some(4096))
        };
        size.filter(|size| size.is_power_of_two())
    }

    /// What the first CPU is called, where the kernel says so as it does on x86; `None` elsewhere. To show
    /// all of them wakes every CPU of a large machine.
    pub fn cpu_model(&self) -> Option<String> {
        let head = self.head("proc/cpuinfo", CPUINFO_HEAD).ok()?;
        let named = String::from_utf8_lossy(&head);
        let (_, name) =
            named.lines().find(|line| line.starts_with("model name"))?.split_once(':')?;
        Some(name.trim().to_owned())
    }

    /// What made the host, if it was made and not found. Of the kernel we run on that is never so.
    pub fn simulated(&self) -> Option<Simulated> {
        let facts = if self.is_this_host() { None } else { self.facts() };
        facts.as_deref().and_then(|text| fact(text, SIMULATED)).map(Simulated::parse)
    }

    fn facts(&self) -> Option<String> {
        String::from_utf8(self.read(FACTS, 4096).ok()?).ok()
    }

    fn uptime_shown(&self) -> Option<Duration> {
        proc_text::uptime(&self.read("proc/uptime", 256).ok()?)
    }

    /// All bytes of a file, at most `limit`.
    pub(crate) fn read(&self, path: &str, limit: usize) -> Result<Vec<u8>, Failure> {
        match &self.backend {
            Backend::Dir(dir) => dir.read(path, limit),
            Backend::Tree(tree) => captured::read(tree, path, limit),
            #[cfg(test)]
            Backend::Changing(now) => captured::read(&now(), path, limit),
        }
    }

    /// The same, from a folder that is open if it is in there.
    pub(crate) fn read_near(
        &self,
        path: &str,
        folder: Option<&Folder>,
        limit: usize,
    ) -> Result<Vec<u8>, Failure> {
        let Backend::Dir(dir) = &self.backend else { return self.read(path, limit) };
        dir.read_near(path, folder, limit)
    }

    /// The first `length` bytes of a file, for files that are long and dear to produce.
    pub(crate) fn head(&self, path: &str, length: usize) -> Result<Vec<u8>, Failure> {
        match &self.backend {
            Backend::Dir(dir) => dir.head(path, length),
            Backend::Tree(tree) => captured::head(tree, path, length),
            #[cfg(test)]
            Backend::Changing(now) => captured::head(&now(), path, length),
        }
    }

    /// Gives the records of a log to `each`, the oldest first, up to `limit` bytes. Nothing is
    /// taken out of the log, and no record is waited for.
    pub(crate) fn log(
        &self,
        path: &str,
        limit: usize,
        each: &mut dyn FnMut(LogPart<'_>),
    ) -> Result<(), Failure> {
        match &self.backend {
            Backend::Dir(dir) => dir.log(path, limit, each),
            Backend::Tree(tree) => captured::log(tree, path, limit, each),
            #[cfg(test)]
            Backend::Changing(now) => captured::log(&now(), path, limit, each),
        }
    }
    /// The first and the last `each` bytes of a file with a line feed between them, or all of it
    /// where that is no longer.
    pub(crate) fn ends(&self, path: &str, each: usize) -> Result<Vec<u8>, Failure> {
        match &self.backend {
            Backend::Dir(dir) => dir.ends(path, each),
            Backend::Tree(tree) => captured::ends(tree, path, each),
            #[cfg(test)]
            Backend::Changing(now) => captured::ends(&now(), path, each),
        }
    }
    /// Parts of a file that is far too long to be read as a whole. A part beyond the end of the
    /// file is shorter than asked for.
    pub(crate) fn pieces(&self, path: &str, pieces: &[Piece]) -> Result<Vec<Vec<u8>>, Failure> {
        match &self.backend {
            Backend::Dir(dir) => dir.pieces(path, pieces),
            Backend::Tree(tree) => captured::pieces(tree, path, pieces),
            #[cfg(test)]
            Backend::Changing(now) => captured::pieces(&now(), path, pieces),
        }
    }

    /// By what a later look tells whether a file or directory is the same; `None` where nothing
    /// tells: in a captured tree, or if it cannot be looked at.
    pub(crate) fn stamp(&self, path: &str) -> Option<FileStamp> {
        match &self.backend {
            Backend::Dir(dir) => dir.stamp(path),
            Backend::Tree(_) => None,
            #[cfg(test)]
            Backend::Changing(_) => None,
        }
    }

    /// Whether something is there, readable or not.
    pub(crate) fn exists(&self, path: &str) -> Result<(), Failure> {
        match &self.backend {
            Backend::Dir(dir) => dir.exists(path),
            Backend::Tree(tree) => captured::exists(tree, path),
            #[cfg(test)]
            Backend::Changing(now) => captured::exists(&now(), path),
        }
    }

    /// When a file was last changed, seconds since the Unix epoch; a captured tree has no such times.
    pub(crate) fn modified_unix_s(&self, path: &str) -> Result<i64, Failure> {
        match &self.backend {
            Backend::Dir(dir) => dir.modified_unix_s(path),
            Backend::Tree(_) => Err(Failure::Errno(Errno::NOENT.raw_os_error())),
            #[cfg(test)]
            Backend::Changing(_) => Err(Failure::Errno(Errno::NOENT.raw_os_error())),
        }
    }

    /// Those entries of a directory whose names are wanted, in the order of their names. Names
    /// that are not UTF-8 are left out: the kernel makes none, and no source asks for one.
    pub(crate) fn list(
        &self,
        path: &str,
        wants: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<Entry>, Failure> {
        match &self.backend {
            Backend::Dir(dir) => dir.list(path, wants),
            Backend::Tree(tree) => captured::list(tree, path, wants),
            #[cfg(test)]
            Backend::Changing(now) => captured::list(&now(), path, wants),
        }
    }
}

fn fact<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '))
}

#[cfg(test)]
mod tests;
