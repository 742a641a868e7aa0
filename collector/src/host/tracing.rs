//! Tracefs of the running kernel, and in it an instance of our own: the only place that writes
//! below `/sys`.
//!
//! An instance is a trace buffer beside the system's own one. Nothing outside it is written, and
//! only the system call that a path is really of tracefs, of this kernel and named after us opens
//! the way. Kernel documentation: Documentation/trace/ftrace.rst, section "Instances".

use super::dir::{read_bounded, retry};
use super::{Backend, Failure, HostRoot};
use crate::tree::is_relative;
use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;
use std::io::IoSliceMut;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// `TRACEFS_MAGIC` of include/uapi/linux/magic.h.
const TRACEFS_MAGIC: i128 = 0x7472_6163;

/// What the names of our instances begin with. Another name is somebody else's instance.
pub(crate) const NAME_PREFIX: &str = "scrubjay";

/// Most names of a directory accepted: the kernel can be built for 8192 CPUs at most.
const NAMES_LIMIT: usize = 8192;

/// Bytes of the number of lost records that follows those of a page.
const NUMBER: usize = size_of::<u64>();

/// tracefs has no links; none is followed.
const BELOW: OFlags = OFlags::CLOEXEC.union(OFlags::NOFOLLOW).union(OFlags::NOCTTY);
const READ: OFlags = BELOW.union(OFlags::RDONLY).union(OFlags::NONBLOCK);
const WRITE: OFlags = BELOW.union(OFlags::WRONLY);
const LIST: OFlags = BELOW.union(OFlags::RDONLY).union(OFlags::DIRECTORY);
const LOOK: OFlags = BELOW.union(OFlags::PATH).union(OFlags::DIRECTORY);

/// The tracefs of the running kernel.
#[derive(Debug)]
pub(crate) struct TraceFs {
    instances: OwnedFd,
}

/// Our instance.
#[derive(Debug)]
pub(crate) struct Instance {
    dir: OwnedFd,
    /// Whether it was not there before.
    pub(crate) made: bool,
}

/// The binary pages of one CPU's buffer: `per_cpu/cpuN/trace_pipe_raw`.
#[derive(Debug)]
pub(crate) struct RawPages(OwnedFd);

impl HostRoot {
    /// The tracefs at a path, if there is one and it belongs to the kernel we run on: an instance
    /// is made in no other.
    pub(crate) fn tracefs(&self, path: &str) -> Result<TraceFs, Failure> {
        let elsewhere = Failure::Errno(Errno::XDEV.raw_os_error());
        // On the way through it debugfs mounts tracefs; a path that ends there would not do.
        let path = format!("{path}/instances");
        let instances = match &self.backend {
            Backend::Dir(dir) if self.is_this_host() => dir.directory(&path)?,
            Backend::Dir(_) | Backend::Tree(_) => return Err(elsewhere),
            #[cfg(test)]
            Backend::Changing(_) => return Err(elsewhere),
        };
        if !is_tracefs(&instances)? {
            return Err(elsewhere);
        }
        Ok(TraceFs { instances })
    }
}

impl TraceFs {
    /// Our instance of that name, made if it is not there.
    pub(crate) fn instance(&self, name: &str) -> Result<Instance, Failure> {
        own_name(name)?;
        let at = self.instances.as_fd();
        let made = match retry(|| rustix::fs::mkdirat(at, name, Mode::RWXU)) {
            Ok(()) => true,
            Err(Failure::Errno(errno)) if errno == Errno::EXIST.raw_os_error() => false,
            // An instance that somebody made for us may be used where none may be made.
            Err(failure) => {
                open(at, name, LOOK).map_err(|_| failure)?;
                false
            }
        };
        Ok(Instance { dir: open(at, name, LOOK)?, made })
    }

    /// Removes our instance of that name and what waits in its buffer. It must not be in use.
    pub(crate) fn remove(&self, name: &str) -> Result<(), Failure> {
        own_name(name)?;
        retry(|| rustix::fs::unlinkat(self.instances.as_fd(), name, AtFlags::REMOVEDIR))
    }
}

impl Instance {
    /// All bytes of a file of the instance, at most `limit`.
    pub(crate) fn read(&self, path: &str, limit: usize) -> Result<Vec<u8>, Failure> {
        read_bounded(&open(self.dir.as_fd(), path, READ)?, limit)
    }

    /// Writes a word to a file of the instance.
    pub(crate) fn write(&self, path: &str, word: &str) -> Result<(), Failure> {
        let file = open(self.dir.as_fd(), path, WRITE)?;
        let written = retry(|| rustix::io::write(&file, word.as_bytes()))?;
        let whole = written == word.len();
        whole.then_some(()).ok_or(Failure::Errno(Errno::IO.raw_os_error()))
    }

    /// The numbers of the CPUs that have a buffer, or may get one, in order.
    pub(crate) fn cpus(&self) -> Result<Vec<u32>, Failure> {
        let names = self.directories("per_cpu")?;
        let number = |name: &String| name.strip_prefix("cpu")?.parse().ok();
        let mut cpus: Vec<u32> = names.iter().filter_map(number).collect();
        cpus.sort_unstable();
        Ok(cpus)
    }

    /// The names of the directories in a directory, in order.
    pub(crate) fn directories(&self, path: &str) -> Result<Vec<String>, Failure> {
        let dir = open(self.dir.as_fd(), path, LIST)?;
        let failed = |errno: Errno| Failure::Errno(errno.raw_os_error());
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::new(dir).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            if name.starts_with('.') || entry.file_type() != FileType::Directory {
                continue;
            }
            if names.len() == NAMES_LIMIT {
                return Err(Failure::TooLong);
            }
            names.push(name.to_owned());
        }
        names.sort_unstable();
        Ok(names)
    }

    /// The pages of one CPU.
    pub(crate) fn raw_pages(&self, cpu: u32) -> Result<RawPages, Failure> {
        let path = format!("per_cpu/cpu{cpu}/trace_pipe_raw");
        Ok(RawPages(open(self.dir.as_fd(), &path, READ)?))
    }
}

impl RawPages {
    /// The next page, without waiting for one; the length of what was read. `page` is as long as
    /// a sub-buffer.
    ///
    /// It is read in two parts by one system call. The kernel puts no more records into a page
    /// than the first part has room for, which leaves room for the number of those lost before,
    /// and keeps the rest of the page for the second part.
    pub(crate) fn read(&self, page: &mut [u8]) -> Result<usize, Failure> {
        let split = page.len().saturating_sub(NUMBER);
        if let Some((head, tail)) = page.split_at_mut_checked(split) {
            let read = retry(|| {
                let mut parts = [IoSliceMut::new(&mut *head), IoSliceMut::new(&mut *tail)];
                rustix::io::readv(&self.0, &mut parts)
            });
            if read != Err(Failure::Errno(Errno::AGAIN.raw_os_error())) {
                return read;
            }
        }
        // There may be a record that leaves no such room.
        retry(|| rustix::io::read(&self.0, &mut *page))
    }
}

impl AsFd for RawPages {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn open(at: BorrowedFd<'_>, path: &str, flags: OFlags) -> Result<OwnedFd, Failure> {
    if !is_relative(path) {
        return Err(Failure::Errno(Errno::INVAL.raw_os_error()));
    }
    retry(|| rustix::fs::openat(at, path, flags, Mode::empty()))
}

fn own_name(name: &str) -> Result<(), Failure> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let ours = name.starts_with(NAME_PREFIX) && name.len() <= 64 && name.bytes().all(plain);
    ours.then_some(()).ok_or(Failure::Errno(Errno::INVAL.raw_os_error()))
}

fn is_tracefs(dir: &OwnedFd) -> Result<bool, Failure> {
    let is_dir = FileType::from_raw_mode(retry(|| rustix::fs::fstat(dir))?.st_mode);
    let magic = retry(|| rustix::fs::fstatfs(dir))?.f_type;
    Ok(is_dir == FileType::Directory && i128::from(magic) == TRACEFS_MAGIC)
}

#[cfg(test)]
mod tests;
