//! Files that stay open and are read again from their beginning: the counters, all of which every look
//! at a host wants. Reading an open attribute of sysfs costs a ninth of opening it each time.

use super::dir::retry;
use super::{Backend, Failure, HostRoot, SYSFS};
use std::os::fd::OwnedFd;

/// `TMPFS_MAGIC` and `RAMFS_MAGIC` of linux/magic.h.
const IN_MEMORY: [u64; 2] = [0x0102_1994, 0x8584_58f6];

/// Longer than any number.
pub(crate) const LONGEST: usize = 64;

/// A file of a directory that is kept open.
#[derive(Debug)]
pub(crate) struct KeptFile {
    fd: OwnedFd,
    on: System,
}

/// What kind of file system it is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum System {
    Sysfs,
    Memory,
    /// A disk, a network, or a program.
    Other,
}

/// It cannot be read any more, or not like this: whoever wants to know why opens it anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gone;

impl HostRoot {
    /// Opens a plain file to keep it; `None` where there are no files to keep, as in a captured tree.
    pub(crate) fn keep(&self, path: &str) -> Result<Option<KeptFile>, Failure> {
        let Backend::Dir(dir) = &self.backend else { return Ok(None) };
        let fd = dir.hold(path)?;
        let system = retry(|| rustix::fs::fstatfs(&fd))?;
        // Its type differs between architectures.
        let on = match u64::try_from(system.f_type) {
            Ok(SYSFS) => System::Sysfs,
            Ok(magic) if IN_MEMORY.contains(&magic) => System::Memory,
            Ok(_) | Err(_) => System::Other,
        };
        Ok(Some(KeptFile { fd, on }))
    }

    /// Opens a directory to count what is in it from time to time.
    pub(crate) fn keep_directory(&self, path: &str) -> Option<KeptDirectory> {
        let Backend::Dir(dir) = &self.backend else { return None };
        Some(KeptDirectory(dir.directory(path).ok()?))
    }
}

impl KeptFile {
    /// Whether it is the file of its name. An attribute of sysfs whose driver has gone fails by itself; a
    /// file elsewhere goes on to be read by whoever has it open, so that its names are counted.
    pub(crate) fn is_in_place(&self) -> bool {
        self.on == System::Sysfs
            || retry(|| rustix::fs::fstat(&self.fd)).is_ok_and(|stat| stat.st_nlink > 0)
    }

    /// Whether no disk, no network and no program is asked when it is read.
    pub(crate) fn is_in_memory(&self) -> bool {
        self.on != System::Other
    }

    /// What stands in it now, without the final line feed.
    pub(crate) fn read<'b>(&self, buffer: &'b mut [u8; LONGEST]) -> Result<&'b [u8], Gone> {
        let read = retry(|| rustix::io::pread(&self.fd, &mut buffer[..], 0)).map_err(|_| Gone)?;
        let bytes = buffer.get(..read).filter(|_| read < LONGEST).ok_or(Gone)?;
        Ok(bytes.strip_suffix(b"\n").unwrap_or(bytes))
    }
}

/// A directory that is kept open.
#[derive(Debug)]
pub(crate) struct KeptDirectory(OwnedFd);

impl KeptDirectory {
    /// How many directories are in it, two more on most file systems, as sysfs counts them
    /// (fs/kernfs/inode.c). Some file systems always say one; `None` if it cannot be asked.
    pub(crate) fn directories(&self) -> Option<u64> {
        let stat = retry(|| rustix::fs::fstat(&self.0)).ok()?;
        #[allow(clippy::useless_conversion, reason = "its type differs between machines")]
        u64::try_from(stat.st_nlink).ok()
    }
}
