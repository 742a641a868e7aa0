//! Asks the kernel for the mappings of a process, one by one: `PROCMAP_QUERY` (Linux 6.11).
//!
//! Reading `/proc/<pid>/maps` makes the kernel print every mapping as text, of which most is not
//! wanted. The ioctl on the same file answers for the next mapping that fits and puts its name into
//! a buffer of ours; of a process with 76 mappings, 13 are executable and of a file. Where the
//! kernel is older, the caller reads the text.
//!
//! This is the only crate of the project with unsafe code, and has one block of it:
//! docs/adr/0016-one-crate-with-unsafe-code.md.

use rustix::fs::PROC_SUPER_MAGIC;
use rustix::io::Errno;
use rustix::ioctl::{Opcode, Updater, opcode};
use std::fmt;
use std::os::fd::OwnedFd;

/// Longest name asked for, bytes: `PATH_MAX`, and the mark of a deleted file.
const NAME: usize = 4096 + 16;

/// `struct procmap_query` of include/uapi/linux/fs.h.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
struct Query {
    size: u64,
    query_flags: u64,
    query_addr: u64,
    vma_start: u64,
    vma_end: u64,
    vma_flags: u64,
    vma_page_size: u64,
    vma_offset: u64,
    inode: u64,
    dev_major: u32,
    dev_minor: u32,
    vma_name_size: u32,
    build_id_size: u32,
    vma_name_addr: u64,
    build_id_addr: u64,
}

/// `PROCMAP_QUERY`: group `f`, number 17.
const PROCMAP_QUERY: Opcode = opcode::read_write::<Query>(b'f', 17);

/// `PROCMAP_QUERY_VMA_EXECUTABLE`.
const EXECUTABLE: u64 = 0x04;
/// `PROCMAP_QUERY_COVERING_OR_NEXT_VMA`.
const OR_NEXT: u64 = 0x10;
/// `PROCMAP_QUERY_FILE_BACKED_VMA`.
const FILE_BACKED: u64 = 0x20;
/// `PROCMAP_QUERY_VMA_SHARED`, in the answer.
const SHARED: u64 = 0x08;

/// The `maps` file of a process, to be asked about.
#[derive(Debug)]
pub struct Maps(OwnedFd);

/// Room for a name, to be used again and again.
pub struct NameBuffer(Box<[u8; NAME]>);

/// A mapping of a file that may be executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mapping<'n> {
    /// The address after its end: where to ask for the next one.
    pub end: u64,
    /// Device of the file, major and minor number.
    pub device: (u32, u32),
    /// Inode of the file.
    pub inode: u64,
    /// Whether writes to it reach the file.
    pub shared: bool,
    /// Its path as the kernel has it now, from the root of the one who asks, with ` (deleted)` after
    /// it if the name is gone. Nothing in it is escaped.
    pub name: &'n [u8],
}

impl fmt::Debug for NameBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NameBuffer").finish_non_exhaustive()
    }
}

impl Default for NameBuffer {
    fn default() -> Self {
        Self(Box::new([0; NAME]))
    }
}

impl Maps {
    /// Takes an open file, which must be of procfs: what a driver of something else makes of the
    /// ioctl nobody knows. Gives the file back if it is not.
    pub fn new(file: OwnedFd) -> Result<Self, OwnedFd> {
        match rustix::fs::fstatfs(&file) {
            Ok(stat) if stat.f_type == PROC_SUPER_MAGIC => Ok(Self(file)),
            Ok(_) | Err(_) => Err(file),
        }
    }

    /// The file, for whoever has to read it after all.
    pub fn into_file(self) -> OwnedFd {
        self.0
    }

    /// The first executable mapping of a file that ends above an address; `None` if there is no
    /// more. `ENOTTY`: the kernel is older than 6.11, or the file is not a `maps`. `ESRCH`: the
    /// process is gone, or is a thread of the kernel.
    pub fn next<'b>(
        &self,
        from: u64,
        buffer: &'b mut NameBuffer,
    ) -> Result<Option<Mapping<'b>>, Errno> {
        let name = &mut buffer.0;
        let mut query = Query {
            size: u64::try_from(size_of::<Query>()).unwrap_or_default(),
            query_flags: EXECUTABLE | FILE_BACKED | OR_NEXT,
            query_addr: from,
            vma_name_size: u32::try_from(name.len()).unwrap_or_default(),
            vma_name_addr: u64::try_from(name.as_mut_ptr().expose_provenance()).unwrap_or_default(),
            ..Query::default()
        };
        // SAFETY: The file is of procfs, as `new` saw to, where this opcode, which encodes the size
        // of the structure as well, is `PROCMAP_QUERY` or unknown. The kernel then takes a `struct
        // procmap_query`, which `Query` is, and writes to it, and at most `vma_name_size` bytes to
        // `vma_name_addr`. Both are borrowed mutably and outlive the call; the size is that of the
        // buffer. No build id is asked for: its size and address are zero.
        #[expect(unsafe_code, reason = "docs/adr/0016-one-crate-with-unsafe-code.md")]
        let answer = unsafe {
            let argument = Updater::<PROCMAP_QUERY, Query>::new(&mut query);
            rustix::ioctl::ioctl(&self.0, argument)
        };
        match answer {
            Ok(()) => {}
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(errno),
        }
        // The size counts the zero at the end.
        let length = usize::try_from(query.vma_name_size).unwrap_or_default().saturating_sub(1);
        Ok(Some(Mapping {
            end: query.vma_end,
            device: (query.dev_major, query.dev_minor),
            inode: query.inode,
            shared: query.vma_flags & SHARED != 0,
            name: name.get(..length).unwrap_or_default(),
        }))
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "asks the kernel we run on, as the crate does")]
mod tests {
    use super::*;
    use rustix::fs::{CWD, Mode, OFlags};
    use std::collections::BTreeSet;

    fn open(path: &str) -> OwnedFd {
        rustix::fs::openat(CWD, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).unwrap()
    }

    /// End, inode and name of the executable mappings of files of this process, as the text has
    /// them.
    fn printed() -> BTreeSet<(u64, u64, String)> {
        let text = std::fs::read_to_string("/proc/self/maps").unwrap();
        let lines = text.lines().filter_map(|line| {
            let mut fields = line.split_ascii_whitespace();
            let (_, end) = fields.next()?.split_once('-')?;
            let executable = fields.next()?.contains('x');
            let inode: u64 = fields.nth(2)?.parse().ok()?;
            let name = fields.next().unwrap_or_default().to_owned();
            (executable && inode != 0).then_some(())?;
            Some((u64::from_str_radix(end, 16).ok()?, inode, name))
        });
        lines.collect()
    }

    #[test]
    fn the_structure_is_the_kernels() {
        assert_eq!(size_of::<Query>(), 104);
        assert_eq!(PROCMAP_QUERY, 0xc068_6611);
    }

    #[test]
    fn a_file_that_is_not_of_procfs_is_not_asked() {
        let file = tempfile::tempfile().unwrap();
        assert!(Maps::new(file.into()).is_err());
    }

    #[test]
    fn a_file_of_procfs_that_has_no_mappings_says_so() {
        let maps = Maps::new(open("/proc/self/stat")).unwrap();
        assert_eq!(maps.next(0, &mut NameBuffer::default()), Err(Errno::NOTTY));
    }

    #[test]
    fn the_mappings_are_those_that_the_text_has() {
        let maps = Maps::new(open("/proc/self/maps")).unwrap();
        let mut buffer = NameBuffer::default();
        let mut found = BTreeSet::new();
        let mut from = 0;
        loop {
            match maps.next(from, &mut buffer) {
                Ok(Some(mapping)) => {
                    let name = String::from_utf8(mapping.name.to_vec()).unwrap();
                    found.insert((mapping.end, mapping.inode, name));
                    assert!(mapping.end > from);
                    from = mapping.end;
                }
                Ok(None) => break,
                Err(Errno::NOTTY) => {
                    println!("skipped: this kernel has no PROCMAP_QUERY (Linux 6.11)");
                    return;
                }
                Err(errno) => panic!("{errno}"),
            }
        }
        assert!(found.len() > 1, "{found:?}");
        assert_eq!(found, printed());
    }

    #[test]
    fn a_thread_of_the_kernel_is_no_process_with_mappings() {
        let path = "/proc/2/maps";
        let comm = std::fs::read_to_string("/proc/2/comm");
        if comm.is_ok_and(|name| name == "kthreadd\n") {
            let maps = Maps::new(open(path)).unwrap();
            let answer = maps.next(0, &mut NameBuffer::default()).map(|found| found.is_some());
            assert!(matches!(answer, Err(Errno::SRCH | Errno::NOTTY)), "{answer:?}");
        } else {
            println!("skipped: the threads of the kernel are not in this PID namespace");
        }
    }
}
