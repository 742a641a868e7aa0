//! The executable mappings of a process: by asking the kernel for one after the other (6.11), or by
//! reading `/proc/<pid>/maps`. Both give the same.

use super::dir::retry;
use super::{Failure, HostRoot};
use rustix::fs::OFlags;
use rustix::io::Errno;
use scrubjay_procmap::{Maps, NameBuffer};
use std::io::BufRead as _;
use std::os::fd::OwnedFd;

/// Most mappings looked at in one process; the kernel's own limit is 65530 unless it was raised.
const MOST_MAPPINGS: u32 = 1 << 18;
/// Longest text read: a line has some hundred bytes.
const TEXT_LIMIT: usize = 64 << 20;
/// Room for what one read of procfs gives: a page, and 64 KiB on some machines.
const ROOM: usize = 64 << 10;

/// An executable mapping of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mapped<'n> {
    /// Inode of the file.
    pub(crate) inode: u64,
    /// Its path, with ` (deleted)` after it if the name is gone. Nothing in it is escaped.
    pub(crate) name: &'n [u8],
    /// Whether writes to it would reach the file.
    pub(crate) shared: bool,
}

/// What is used again and again while many processes are looked at.
#[derive(Debug, Default)]
pub(crate) struct MappingReader {
    name: NameBuffer,
    text: Vec<u8>,
    /// The kernel has turned out not to know the question, or nobody wants to ask it.
    reads_text: bool,
}

/// Why the mappings were not given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum MappingFailure {
    /// The file cannot be read.
    Read(Failure),
    /// This line is no mapping.
    Line(Vec<u8>),
}

impl MappingReader {
    /// One that reads the text, whatever the kernel can do.
    #[cfg(test)]
    fn of_text() -> Self {
        Self { reads_text: true, ..Self::default() }
    }

    /// Gives the mappings in an open file to `each`, and says how many there were.
    pub(super) fn of_file(
        &mut self,
        file: OwnedFd,
        each: &mut dyn FnMut(Mapped<'_>),
    ) -> Result<u32, MappingFailure> {
        let file = if self.reads_text {
            file
        } else {
            match Maps::new(file) {
                Ok(maps) => match ask(&maps, &mut self.name, each) {
                    Err(Errno::NOTTY) => {
                        self.reads_text = true;
                        maps.into_file()
                    }
                    Ok(count) => return Ok(count),
                    Err(errno) => {
                        return Err(MappingFailure::Read(Failure::Errno(errno.raw_os_error())));
                    }
                },
                Err(file) => file,
            }
        };
        let filled = read_all(&file, &mut self.text).map_err(MappingFailure::Read)?;
        printed(self.text.get(..filled).unwrap_or_default(), each)
    }
}

fn ask(
    maps: &Maps,
    buffer: &mut NameBuffer,
    each: &mut dyn FnMut(Mapped<'_>),
) -> Result<u32, Errno> {
    let mut from = 0;
    let mut count = 0;
    while count < MOST_MAPPINGS {
        match maps.next(from, buffer) {
            Ok(Some(mapping)) if mapping.end > from => {
                count += 1;
                from = mapping.end;
                each(Mapped { inode: mapping.inode, name: mapping.name, shared: mapping.shared });
            }
            Ok(_) => break,
            Err(Errno::INTR) => {}
            // It has ended meanwhile: what was told holds no longer, but was so.
            Err(Errno::SRCH) if count > 0 => break,
            Err(errno) => return Err(errno),
        }
    }
    Ok(count)
}

/// Fills the beginning of `text` and says how much of it. The rest is left from before: to clear
/// it for each process would cost as much as to read.
fn read_all(file: &OwnedFd, text: &mut Vec<u8>) -> Result<usize, Failure> {
    let mut filled = 0;
    loop {
        if filled > TEXT_LIMIT {
            return Err(Failure::TooLong);
        }
        if text.len() < filled + ROOM {
            text.resize(filled + 2 * ROOM, 0);
        }
        let room = text.get_mut(filled..).unwrap_or_default();
        match retry(|| rustix::io::read(file, &mut *room))? {
            0 => return Ok(filled),
            read => filled += read,
        }
    }
}

/// Gives the mappings in the text of a `maps` to `each`, and says how many there were.
pub(crate) fn printed(
    text: &[u8],
    each: &mut dyn FnMut(Mapped<'_>),
) -> Result<u32, MappingFailure> {
    let mut count = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let before = rest;
        // Looks for the byte many at a time. Reading from memory does not fail.
        let length = rest.skip_until(b'\n').unwrap_or(before.len());
        let line = before.get(..length).unwrap_or(before);
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let fields = fields(line).ok_or_else(|| MappingFailure::Line(line.to_vec()))?;
        let Some((mapped, escaped)) = fields else { continue };
        count += 1;
        if escaped {
            each(Mapped { name: &unescaped(mapped.name), ..mapped });
        } else {
            each(mapped);
        }
    }
    Ok(count)
}

/// The mapping on a line, if it is executable and of a file, and whether its name has escapes; the
/// outer `None` for a line that is not of the form
/// `start-end perms offset major:minor inode   name`. Of mappings that are not wanted no more is
/// looked at than says so.
fn fields(line: &[u8]) -> Option<Option<(Mapped<'_>, bool)>> {
    let mut rest = line;
    let mut field = || {
        let end = rest.iter().position(|byte| *byte == b' ').unwrap_or(rest.len());
        let (field, after) = rest.split_at_checked(end)?;
        rest = after.get(1..).unwrap_or_default();
        Some(field)
    };
    let (addresses, permissions) = (field()?, field()?);
    if permissions.len() != 4 || !addresses.contains(&b'-') {
        return None;
    }
    if permissions.get(2) != Some(&b'x') {
        return Some(None);
    }
    let (_offset, device, inode) = (field()?, field()?, field()?);
    let name = rest.trim_ascii_start();
    let inode: u64 = std::str::from_utf8(inode).ok()?.parse().ok()?;
    if !device.contains(&b':') {
        return None;
    }
    let shared = permissions.get(3) == Some(&b's');
    let escaped = name.contains(&b'\\');
    Some((inode != 0).then_some((Mapped { inode, name, shared }, escaped)))
}

/// Line feeds in names are printed as `\012`, and nothing else is.
fn unescaped(name: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some((first, after)) = rest.split_first() {
        if let Some(after) = rest.strip_prefix(b"\\012") {
            plain.push(b'\n');
            rest = after;
        } else {
            plain.push(*first);
            rest = after;
        }
    }
    plain
}

impl HostRoot {
    /// Gives the executable mappings of files in a `maps` to `each`, and says how many there were.
    pub(crate) fn mappings(
        &self,
        path: &str,
        reader: &mut MappingReader,
        each: &mut dyn FnMut(Mapped<'_>),
    ) -> Result<u32, MappingFailure> {
        match &self.backend {
            super::Backend::Dir(dir) => {
                let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
                let file = dir.open(path, flags).map_err(MappingFailure::Read)?;
                reader.of_file(file, each)
            }
            super::Backend::Tree(_) => {
                let text = self.read(path, TEXT_LIMIT).map_err(MappingFailure::Read)?;
                printed(&text, each)
            }
            #[cfg(test)]
            super::Backend::Changing(_) => {
                let text = self.read(path, TEXT_LIMIT).map_err(MappingFailure::Read)?;
                printed(&text, each)
            }
        }
    }
}

#[cfg(test)]
mod tests;
