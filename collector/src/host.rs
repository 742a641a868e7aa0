//! The host root: the only place that opens kernel files.
//!
//! The root is `/`, a directory (`/host` in a container, an unpacked capture) or a captured tree.
//! Reads are bounded and never block on a FIFO; symbolic links below another root never lead out
//! of it. What is no file but the answer of a system call (clocks, uname) belongs to the host as
//! well: it is taken from this kernel only if the root is of this kernel.

use crate::tree::{Node, Tree, TreeError, is_relative};
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use scrubjay_model::{Clocks, Uname};
use std::fmt;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Reads this kernel's clocks. Provided by the binary, the only one that may.
pub type ClockFn = Arc<dyn Fn() -> Clocks + Send + Sync>;

/// A host whose files can be read.
pub struct HostRoot {
    backend: Backend,
    clocks: ClockFn,
    kernel: KernelOf,
}

enum Backend {
    /// A directory, held open.
    Dir { fd: OwnedFd, confined: bool },
    /// A captured tree.
    Tree(Tree),
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
    /// Longer than the limit given.
    TooLong,
}

/// A directory entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) is_dir: bool,
}

/// Where a captured tree keeps what is not in a file.
pub(crate) const FACTS: &str = ".scrubjay/facts";

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
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let fd = rustix::fs::openat(CWD, path, flags, Mode::empty())
            .map_err(|errno| failed(errno.into()))?;
        let stat = rustix::fs::fstat(&fd).map_err(|errno| failed(errno.into()))?;
        if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
            let confined = path != Path::new("/");
            let backend = Backend::Dir { fd, confined };
            let mut host = Self { backend, clocks, kernel: KernelOf::AnotherHost };
            if !confined || host.shares_this_kernel() {
                host.kernel = KernelOf::ThisHost;
            }
            return Ok(host);
        }
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
        Self { backend: Backend::Tree(tree), clocks, kernel: KernelOf::AnotherHost }
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

    fn facts(&self) -> Option<String> {
        String::from_utf8(self.read(FACTS, 4096).ok()?).ok()
    }

    fn uptime_shown(&self) -> Option<Duration> {
        let bytes = self.read("proc/uptime", 256).ok()?;
        let text = std::str::from_utf8(&bytes).ok()?;
        let seconds: f64 = text.split_whitespace().next()?.parse().ok()?;
        Duration::try_from_secs_f64(seconds).ok()
    }

    /// All bytes of a file, at most `limit`.
    pub(crate) fn read(&self, path: &str, limit: usize) -> Result<Vec<u8>, Failure> {
        match &self.backend {
            Backend::Dir { fd, confined } => {
                read_bounded(&open(fd, *confined, path, OFlags::empty())?, limit)
            }
            Backend::Tree(tree) => match tree.get(path) {
                Some(Node::File(bytes)) if bytes.len() > limit => Err(Failure::TooLong),
                Some(Node::File(bytes)) => Ok(bytes.clone()),
                Some(Node::Dir) => Err(Failure::NotAFile),
                Some(Node::Fails(errno)) => Err(Failure::Errno(*errno)),
                None => Err(Failure::Errno(Errno::NOENT.raw_os_error())),
            },
        }
    }

    /// The first `length` bytes of a file, for files that are long and dear to produce.
    pub(crate) fn head(&self, path: &str, length: usize) -> Result<Vec<u8>, Failure> {
        match &self.backend {
            Backend::Dir { fd, confined } => {
                let file = open(fd, *confined, path, OFlags::empty())?;
                let mut bytes = vec![0; length];
                let read = retry(|| rustix::io::read(&file, &mut bytes))?;
                bytes.truncate(read);
                Ok(bytes)
            }
            Backend::Tree(_) => {
                let mut bytes = self.read(path, usize::MAX)?;
                bytes.truncate(length);
                Ok(bytes)
            }
        }
    }

    /// Whether something is there, readable or not.
    pub(crate) fn exists(&self, path: &str) -> Result<(), Failure> {
        match &self.backend {
            Backend::Dir { fd, confined } => open(fd, *confined, path, OFlags::PATH).map(|_| ()),
            Backend::Tree(tree) => match tree.get(path) {
                Some(Node::Fails(errno)) => Err(Failure::Errno(*errno)),
                Some(Node::File(_) | Node::Dir) => Ok(()),
                None => Err(Failure::Errno(Errno::NOENT.raw_os_error())),
            },
        }
    }

    /// The entries of a directory in the order of their names. Names that are not UTF-8 are left
    /// out: the kernel makes none, and no source asks for one.
    pub(crate) fn list(&self, path: &str) -> Result<Vec<Entry>, Failure> {
        match &self.backend {
            Backend::Dir { fd, confined } => list_dir(fd, *confined, path),
            Backend::Tree(tree) => match tree.get(path) {
                Some(Node::Dir) => Ok(tree
                    .children(path)
                    .into_iter()
                    .map(|(name, node)| Entry { name, is_dir: *node == Node::Dir })
                    .collect()),
                Some(Node::File(_)) => Err(Failure::Errno(Errno::NOTDIR.raw_os_error())),
                Some(Node::Fails(errno)) => Err(Failure::Errno(*errno)),
                None => Err(Failure::Errno(Errno::NOENT.raw_os_error())),
            },
        }
    }
}

fn fact<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '))
}

fn retry<T>(mut call: impl FnMut() -> Result<T, Errno>) -> Result<T, Failure> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            result => return result.map_err(|errno| Failure::Errno(errno.raw_os_error())),
        }
    }
}

/// Opens below the root. A FIFO does not block, and below a root other than `/` links are
/// resolved as if that root were `/`.
fn open(root: &OwnedFd, confined: bool, path: &str, extra: OFlags) -> Result<OwnedFd, Failure> {
    // `join` with an absolute path would leave the root silently.
    if !is_relative(path) {
        return Err(Failure::Errno(Errno::INVAL.raw_os_error()));
    }
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY | extra;
    if confined {
        let inside = ResolveFlags::IN_ROOT;
        let opened = retry(|| rustix::fs::openat2(root, path, flags, Mode::empty(), inside));
        if opened.as_ref().err() != Some(&Failure::Errno(Errno::NOSYS.raw_os_error())) {
            return opened;
        }
        // Before Linux 5.6: refuse links in the last component rather than follow them out.
        let flags = flags | OFlags::NOFOLLOW;
        return retry(|| rustix::fs::openat(root, path, flags, Mode::empty()));
    }
    retry(|| rustix::fs::openat(root, path, flags, Mode::empty()))
}

/// Sizes shown by sysfs and procfs are fictions, so this reads to the end, but no further than
/// `limit`.
fn read_bounded(file: &OwnedFd, limit: usize) -> Result<Vec<u8>, Failure> {
    let stat = retry(|| rustix::fs::fstat(file))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(Failure::NotAFile);
    }
    let mut bytes = Vec::new();
    let mut chunk = [0_u8; 4096];
    loop {
        let read = retry(|| rustix::io::read(file, &mut chunk))?;
        let Some(part) = chunk.get(..read).filter(|part| !part.is_empty()) else {
            return Ok(bytes);
        };
        if bytes.len() + read > limit {
            return Err(Failure::TooLong);
        }
        bytes.extend_from_slice(part);
    }
}

fn list_dir(root: &OwnedFd, confined: bool, path: &str) -> Result<Vec<Entry>, Failure> {
    let fd = open(root, confined, path, OFlags::DIRECTORY)?;
    let mut entries = Vec::new();
    for entry in rustix::fs::Dir::new(fd).map_err(|e| Failure::Errno(e.raw_os_error()))? {
        let entry = entry.map_err(|errno| Failure::Errno(errno.raw_os_error()))?;
        let Ok(name) = entry.file_name().to_str() else { continue };
        if name == "." || name == ".." {
            continue;
        }
        let kind = entry.file_type();
        // Below /sys many directories are reached by links; some filesystems tell no kind at all.
        let ask = matches!(kind, FileType::Symlink | FileType::Unknown);
        let opens = || {
            let target = format!("{path}/{name}");
            open(root, confined, &target, OFlags::DIRECTORY | OFlags::PATH).is_ok()
        };
        let is_dir = kind == FileType::Directory || (ask && opens());
        entries.push(Entry { name: name.to_owned(), is_dir });
    }
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}
