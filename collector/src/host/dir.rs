//! A host root that is a directory: `/`, `/host` in a container, an unpacked capture.
//!
//! Below `/` the kernel resolves paths as for everybody. Below any other root a link must not lead
//! out of it (in an unpacked capture, or below `/host`, `/etc` is not our `/etc`): every path is
//! resolved as if the root were `/`, by openat2(2) or, where that is missing, here.

use super::log::{self, LogPart};
use super::{Entry, Failure, FileStamp, Folder, Piece, SYSFS};
use crate::tree::is_relative;
use rustix::buffer::spare_capacity;
use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, SeekFrom};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::sync::OnceLock;

/// Most entries of a directory accepted; `/proc` shows at most 2²² processes and in practice far
/// fewer.
const ENTRIES_LIMIT: usize = 1 << 20;

/// As many links as the kernel follows in one path (`MAXSYMLINKS`).
const LINKS_LIMIT: usize = 40;

/// How often openat2 is asked again after EAGAIN: a mount or rename anywhere on the host while a
/// `..` of a link was resolved. Hosts that start containers mount all the time.
const RACES_LIMIT: u32 = 64;

/// So much of a file is asked for at once: what sysfs shows fits.
const CHUNK: usize = 4096;

/// A FIFO or a terminal never blocks us, and never becomes our controlling terminal.
const READ: OFlags =
    OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);
/// For an attribute that is there; nothing is ever made or cut. `offline` alone asks for it.
const WRITE: OFlags =
    OFlags::WRONLY.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);
const LIST: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::DIRECTORY);
/// Looks without opening. openat2 refuses O_PATH together with flags that mean nothing to it.
const LOOK: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);
pub(super) const LOOK_DIRECTORY: OFlags = LOOK.union(OFlags::DIRECTORY);

/// A directory held open.
pub(super) struct Directory {
    fd: OwnedFd,
    resolution: Resolution,
    /// The device of what is mounted at `sys`, if that is sysfs; asked for when it first matters.
    sysfs: OnceLock<Option<u64>>,
}

/// Who resolves paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resolution {
    /// The kernel, without confinement: the root is `/`.
    Plain,
    /// The kernel, confined by openat2 (Linux 5.6).
    Confined,
    /// We, link by link: the kernel is older, or a sandbox refuses openat2 (old container
    /// runtimes answer EPERM).
    ByHand,
}

impl Directory {
    /// The directory `/`.
    pub(super) fn plain(fd: OwnedFd) -> Self {
        Self { fd, resolution: Resolution::Plain, sysfs: OnceLock::new() }
    }

    /// Another directory, which no link leads out of.
    pub(super) fn confined(fd: OwnedFd) -> Self {
        let probe = open_in_root(fd.as_fd(), OsStr::new("."), LOOK_DIRECTORY);
        let resolution = if probe.is_ok() { Resolution::Confined } else { Resolution::ByHand };
        Self { fd, resolution, sysfs: OnceLock::new() }
    }

    /// The same directory, resolved in a given way.
    #[cfg(test)]
    pub(super) fn resolved(self, resolution: Resolution) -> Self {
        Self { resolution, ..self }
    }

    /// All bytes of a file, at most `limit`.
    pub(super) fn read(&self, path: &str, limit: usize) -> Result<Vec<u8>, Failure> {
        self.read_near(path, None, limit)
    }

    /// The same; what is in `folder` is opened from there.
    pub(super) fn read_near(
        &self,
        path: &str,
        folder: Option<&Folder>,
        limit: usize,
    ) -> Result<Vec<u8>, Failure> {
        let file = match folder.and_then(|folder| folder.open(self, path, READ)) {
            Some(file) => file,
            None => self.open_file(path)?,
        };
        read_whole(&file, limit, |device| self.sysfs() == Some(device))
    }

    /// The device of sysfs, whose attributes are made as a whole.
    fn sysfs(&self) -> Option<u64> {
        *self.sysfs.get_or_init(|| {
            let fd = self.directory("sys").ok()?;
            let system = retry(|| rustix::fs::fstatfs(&fd)).ok()?;
            // Its type differs between architectures.
            let is_sysfs = u64::try_from(system.f_type) == Ok(SYSFS);
            retry(|| rustix::fs::fstat(&fd)).ok().filter(|_| is_sysfs).map(|stat| stat.st_dev)
        })
    }

    /// The first `length` bytes of a file, or all of them.
    pub(super) fn head(&self, path: &str, length: usize) -> Result<Vec<u8>, Failure> {
        let file = self.open_file(path)?;
        regular(&file)?;
        read_up_to(&file, length)
    }

    /// The first and the last `each` bytes of a file with a line feed between them, or all of it
    /// where that is no longer. Only for files that tell their size truly: those of a disk and of
    /// pstore.
    pub(super) fn ends(&self, path: &str, each: usize) -> Result<Vec<u8>, Failure> {
        let file = self.open_file(path)?;
        regular(&file)?;
        let stat = retry(|| rustix::fs::fstat(&file))?;
        let size = u64::try_from(stat.st_size).unwrap_or_default();
        let each_u64 = u64::try_from(each).unwrap_or(u64::MAX);
        if size <= each_u64.saturating_mul(2) {
            return read_up_to(&file, each.saturating_mul(2));
        }
        let mut bytes = read_up_to(&file, each)?;
        retry(|| rustix::fs::seek(&file, SeekFrom::Start(size - each_u64)))?;
        bytes.push(b'\n');
        bytes.extend(read_up_to(&file, each)?);
        Ok(bytes)
    }

    /// The records of a log, up to `limit` bytes.
    pub(super) fn log(
        &self,
        path: &str,
        limit: usize,
        each: &mut dyn FnMut(LogPart<'_>),
    ) -> Result<(), Failure> {
        log::follow(&self.open_file(path)?, limit, each)
    }
    /// Parts of a file, each as far as the file goes.
    pub(super) fn pieces(&self, path: &str, pieces: &[Piece]) -> Result<Vec<Vec<u8>>, Failure> {
        let file = self.open_file(path)?;
        regular(&file)?;
        pieces.iter().map(|piece| read_piece(&file, *piece)).collect()
    }

    /// Writes to an attribute that is there, in one call, as sysfs wants it.
    pub(super) fn write(&self, path: &str, bytes: &[u8]) -> Result<(), Failure> {
        let file = self.open(path, WRITE)?;
        regular(&file)?;
        match retry(|| rustix::io::write(&file, bytes))? {
            written if written == bytes.len() => Ok(()),
            // No attribute takes a part of what it is given.
            _ => Err(Failure::Errno(Errno::IO.raw_os_error())),
        }
    }

    /// A file, opened for reading and not read.
    pub(super) fn hold(&self, path: &str) -> Result<OwnedFd, Failure> {
        let file = self.open_file(path)?;
        regular(&file)?;
        Ok(file)
    }

    /// By what a later look tells whether it is the same. It need not be readable.
    pub(super) fn stamp(&self, path: &str) -> Option<FileStamp> {
        let missing = [Errno::NOENT, Errno::NOTDIR].map(|errno| errno.raw_os_error());
        let fd = match self.open(path, LOOK) {
            Ok(fd) => fd,
            Err(Failure::Errno(errno)) if missing.contains(&errno) => {
                return Some(FileStamp::Missing);
            }
            Err(Failure::Errno(_) | Failure::NotAFile | Failure::TooLong) => return None,
        };
        let stat = retry(|| rustix::fs::fstat(&fd)).ok()?;
        // The types of these differ between architectures.
        let number = |n: i128| i64::try_from(n).ok();
        let modified = (number(stat.st_mtime.into())?, number(stat.st_mtime_nsec.into())?);
        let changed = (number(stat.st_ctime.into())?, number(stat.st_ctime_nsec.into())?);
        let changed_ms = changed.0.checked_mul(1000)?.checked_add(changed.1 / 1_000_000)?;
        Some(FileStamp::There {
            identity: (stat.st_dev, stat.st_ino),
            size: u64::try_from(stat.st_size).ok()?,
            modified,
            changed,
            changed_ms,
        })
    }

    /// Whether something is there, readable or not.
    pub(super) fn exists(&self, path: &str) -> Result<(), Failure> {
        self.open(path, LOOK).map(drop)
    }

    /// When a file was last changed, seconds since the Unix epoch.
    pub(super) fn modified_unix_s(&self, path: &str) -> Result<i64, Failure> {
        let file = self.open(path, LOOK)?;
        retry(|| rustix::fs::fstat(&file)).map(|stat| stat.st_mtime)
    }

    /// The entries with names that are wanted, in the order of their names.
    pub(super) fn list(
        &self,
        path: &str,
        wants: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<Entry>, Failure> {
        let fd = self.open(path, LIST)?;
        let mut entries = Vec::new();
        for entry in rustix::fs::Dir::new(fd).map_err(|e| Failure::Errno(e.raw_os_error()))? {
            let entry = entry.map_err(|errno| Failure::Errno(errno.raw_os_error()))?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            if name == "." || name == ".." || !wants(name) {
                continue;
            }
            let kind = entry.file_type();
            // Below /sys some directories are reached by links; some filesystems tell no kind.
            let ask = matches!(kind, FileType::Symlink | FileType::Unknown);
            let opens = || self.open(&format!("{path}/{name}"), LOOK_DIRECTORY).is_ok();
            let is_dir = kind == FileType::Directory || (ask && opens());
            if entries.len() == ENTRIES_LIMIT {
                return Err(Failure::TooLong);
            }
            entries.push(Entry { name: name.to_owned(), is_dir });
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    /// A directory to look into, or for `host::tracing` to work in.
    pub(super) fn directory(&self, path: &str) -> Result<OwnedFd, Failure> {
        self.open(path, LOOK_DIRECTORY)
    }

    fn open_file(&self, path: &str) -> Result<OwnedFd, Failure> {
        let opened = self.open(path, READ);
        let refused = [Errno::NXIO, Errno::NODEV].map(|errno| Failure::Errno(errno.raw_os_error()));
        // From an attribute these mean "not offered". A socket and a device file without a driver
        // answer the same, and are something else.
        if opened.as_ref().is_err_and(|failure| refused.contains(failure)) {
            regular(&self.open(path, LOOK)?)?;
        }
        opened
    }

    pub(super) fn open(&self, path: &str, flags: OFlags) -> Result<OwnedFd, Failure> {
        // `openat` with an absolute path would leave the root silently.
        if !is_relative(path) {
            return Err(Failure::Errno(Errno::INVAL.raw_os_error()));
        }
        match self.resolution {
            Resolution::Plain => open_below(self.fd.as_fd(), OsStr::new(path), flags),
            Resolution::Confined => open_in_root(self.fd.as_fd(), OsStr::new(path), flags),
            Resolution::ByHand => self.open_by_hand(path, flags),
        }
    }

    /// Walks from the root, following no link but by reading it, so that a link that is put in
    /// place meanwhile is refused (ELOOP, ENOTDIR) rather than followed out of the root.
    fn open_by_hand(&self, path: &str, flags: OFlags) -> Result<OwnedFd, Failure> {
        let mut ahead: Vec<OsString> = path.rsplit('/').map(OsString::from).collect();
        let mut passed: Vec<OwnedFd> = Vec::new();
        let mut links = 0;
        while let Some(part) = ahead.pop() {
            if part == ".." {
                passed.pop();
                continue;
            }
            let here = passed.last().map_or(self.fd.as_fd(), AsFd::as_fd);
            match retry(|| rustix::fs::readlinkat(here, part.as_os_str(), Vec::new())) {
                Ok(target) => {
                    links += 1;
                    if links > LINKS_LIMIT {
                        return Err(Failure::Errno(Errno::LOOP.raw_os_error()));
                    }
                    let target = target.into_bytes();
                    if target.starts_with(b"/") {
                        passed.clear();
                    }
                    let parts = target.rsplit(|byte| *byte == b'/');
                    let parts = parts.filter(|part| !part.is_empty() && *part != b".");
                    ahead.extend(parts.map(|part| OsString::from_vec(part.to_vec())));
                }
                Err(Failure::Errno(errno)) if errno == Errno::INVAL.raw_os_error() => {
                    if ahead.is_empty() {
                        return open_below(here, &part, flags.union(OFlags::NOFOLLOW));
                    }
                    let next = open_below(here, &part, LOOK_DIRECTORY.union(OFlags::NOFOLLOW))?;
                    passed.push(next);
                }
                Err(failure) => return Err(failure),
            }
        }
        // The path ended in `..` of a link: what was passed last is what it names.
        let here = passed.last().map_or(self.fd.as_fd(), AsFd::as_fd);
        open_below(here, OsStr::from_bytes(b"."), flags)
    }
}

pub(super) fn open_below(
    at: BorrowedFd<'_>,
    path: &OsStr,
    flags: OFlags,
) -> Result<OwnedFd, Failure> {
    retry(|| rustix::fs::openat(at, path, flags, Mode::empty()))
}

fn open_in_root(root: BorrowedFd<'_>, path: &OsStr, flags: OFlags) -> Result<OwnedFd, Failure> {
    let inside = ResolveFlags::IN_ROOT;
    let raced = Failure::Errno(Errno::AGAIN.raw_os_error());
    let mut races = 0;
    loop {
        let opened = retry(|| rustix::fs::openat2(root, path, flags, Mode::empty(), inside));
        if opened.as_ref().err() != Some(&raced) || races == RACES_LIMIT {
            return opened;
        }
        races += 1;
    }
}

pub(super) fn retry<T>(mut call: impl FnMut() -> Result<T, Errno>) -> Result<T, Failure> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            result => return result.map_err(|errno| Failure::Errno(errno.raw_os_error())),
        }
    }
}

fn read_up_to(file: &OwnedFd, length: usize) -> Result<Vec<u8>, Failure> {
    let mut bytes = vec![0; length];
    let mut filled = 0;
    // procfs gives whole records, so one read(2) may give less than there is room for.
    while let Some(room) = bytes.get_mut(filled..).filter(|room| !room.is_empty()) {
        match retry(|| rustix::io::read(file, &mut *room))? {
            0 => break,
            read => filled += read,
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

fn regular(file: &OwnedFd) -> Result<(), Failure> {
    let stat = retry(|| rustix::fs::fstat(file))?;
    let plain = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    plain.then_some(()).ok_or(Failure::NotAFile)
}

pub(super) fn read_piece(file: &OwnedFd, piece: Piece) -> Result<Vec<u8>, Failure> {
    let mut bytes = vec![0; piece.length];
    let mut filled = 0;
    while let Some(room) = bytes.get_mut(filled..).filter(|room| !room.is_empty()) {
        let already = u64::try_from(filled).unwrap_or(u64::MAX);
        // No file reaches so far, and the kernel takes offsets as signed numbers.
        let offset = piece.offset.checked_add(already).filter(|at| i64::try_from(*at).is_ok());
        let Some(offset) = offset else { break };
        match retry(|| rustix::io::pread(file, &mut *room, offset))? {
            0 => break,
            read => filled += read,
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// What fstat(2) says: the length, device and inode, and when it was written and changed last.
pub(super) fn stamp<T>(
    file: &OwnedFd,
    make: impl FnOnce(u64, (u64, u64), [(i64, u64); 2]) -> T,
) -> Result<T, Failure> {
    let stat = retry(|| rustix::fs::fstat(file))?;
    #[allow(clippy::useless_conversion, reason = "its type differs between machines")]
    let nanoseconds = |ns| u64::try_from(ns).unwrap_or_default();
    let length = u64::try_from(stat.st_size).unwrap_or_default();
    let written = (stat.st_mtime, nanoseconds(stat.st_mtime_nsec));
    let changed = (stat.st_ctime, nanoseconds(stat.st_ctime_nsec));
    Ok(make(length, (stat.st_dev, stat.st_ino), [written, changed]))
}

/// Sizes shown by sysfs and procfs are fictions, so this reads to the end, but no further than
/// `limit`.
pub(super) fn read_bounded(file: &OwnedFd, limit: usize) -> Result<Vec<u8>, Failure> {
    read_whole(file, limit, |_| false)
}

/// The same, without the read that finds nothing more where the one before it says so.
///
/// That a read gave less than there was room for is the end of a file that has told just this size,
/// as those of a disk and of memory do; no other lies so well. It is also the end of an attribute of
/// sysfs, which is shown as a whole before the first byte is given (fs/kernfs/file.c,
/// `kernfs_fop_read_iter`; fs/seq_file.c, `seq_read_iter`, for what shows a single record); all of
/// them claim to have a page (fs/sysfs/file.c, `sysfs_add_file_mode_ns`), other than binary ones, which a
/// driver may give in pieces. What procfs shows record by record ends where nothing more is read.
fn read_whole(
    file: &OwnedFd,
    limit: usize,
    is_sysfs: impl Fn(u64) -> bool,
) -> Result<Vec<u8>, Failure> {
    let stat = retry(|| rustix::fs::fstat(file))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(Failure::NotAFile);
    }
    let size = usize::try_from(stat.st_size).unwrap_or_default();
    // Every attribute of sysfs claims a page.
    if size > CHUNK && size != rustix::param::page_size() {
        return read_large(file, size, limit);
    }
    let mut bytes = Vec::new();
    let mut chunk = [MaybeUninit::<u8>::uninit(); CHUNK];
    loop {
        let part = match rustix::io::read(file, &mut chunk) {
            Ok((part, _)) => part,
            Err(Errno::INTR) => continue,
            Err(errno) => return Err(Failure::Errno(errno.raw_os_error())),
        };
        if bytes.len() + part.len() > limit {
            return Err(Failure::TooLong);
        }
        bytes.extend_from_slice(part);
        let is_end = match part.len() {
            0 => true,
            CHUNK => false,
            _ => {
                bytes.len() == size || (size == rustix::param::page_size() && is_sysfs(stat.st_dev))
            }
        };
        if is_end {
            return Ok(bytes);
        }
    }
}

/// The same of what claims to be larger, as a database of packages: with one read(2) if it is as large as that.
fn read_large(file: &OwnedFd, size: usize, limit: usize) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    // Room for one byte more tells the end.
    bytes.reserve_exact(size.min(limit).saturating_add(1));
    loop {
        if bytes.len() == bytes.capacity() {
            bytes.reserve(CHUNK);
        }
        let room = bytes.capacity() - bytes.len();
        let read = retry(|| rustix::io::read(file, spare_capacity(&mut bytes)))?;
        if bytes.len() > limit {
            return Err(Failure::TooLong);
        }
        if read == 0 || (read < room && bytes.len() == size) {
            return Ok(bytes);
        }
    }
}

#[cfg(test)]
mod tests;
