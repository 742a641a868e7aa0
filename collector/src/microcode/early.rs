//! The archive before an initramfs: Documentation/arch/x86/microcode.rst and
//! Documentation/driver-api/early-userspace/buffer-format.rst.
//!
//! It is a cpio of the form `newc`, not compressed, and must be the first thing in the image. What
//! follows it, compressed or not, is of no interest and not read. As the kernel does, blocks of
//! zeros between archives are passed over.

/// Length of a header, bytes: a magic of 6 and 13 numbers of 8 hexadecimal digits.
const HEADER: usize = 110;
/// Longest name accepted; the one looked for has 38 characters with its end.
const NAME: usize = 256;
/// Entries looked at: an early archive has a dozen, an initramfs that is not compressed thousands.
const MOST_ENTRIES: usize = 256;
/// Zeros between archives that are passed over, bytes.
const MOST_ZEROS: u64 = 64 << 10;
/// Longest microcode accepted: all of Intel's updates together have 15 MB.
const LONGEST: u64 = 64 << 20;

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Read so much from there, and ask again with it.
    Bytes(u64, usize),
    /// The file looked for is there and so long.
    Found(u64, usize),
    /// It is not in the leading archive.
    Missing,
    /// The archive is not of the form.
    Broken(u64, &'static str),
}

/// A walk along an archive that somebody else reads.
#[derive(Debug)]
pub(crate) struct Archive<'n> {
    name: &'n str,
    at: u64,
    zeros: u64,
    entries: usize,
}

impl<'n> Archive<'n> {
    /// Looks for a file of that name.
    pub(crate) fn new(name: &'n str) -> Self {
        Self { name, at: 0, zeros: 0, entries: 0 }
    }

    /// What is wanted first.
    pub(crate) fn first(&self) -> Wanted {
        Wanted::Bytes(self.at, HEADER + NAME)
    }

    /// What is wanted after the bytes that were asked for last; fewer of them mean the end of the
    /// file.
    pub(crate) fn next(&mut self, bytes: &[u8]) -> Wanted {
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        if zeros > 0 {
            // Headers begin at multiples of four.
            let zeros = u64::try_from(zeros & !3).unwrap_or(u64::MAX);
            self.zeros = self.zeros.saturating_add(zeros);
            self.at = self.at.saturating_add(zeros);
            let on = zeros > 0 && self.zeros <= MOST_ZEROS;
            return if on { self.first() } else { Wanted::Missing };
        }
        self.zeros = 0;
        let Some(header) = bytes.get(..HEADER).filter(|header| is_newc(header)) else {
            // What follows the archive: most often the compressed initramfs.
            return Wanted::Missing;
        };
        self.entries += 1;
        if self.entries > MOST_ENTRIES {
            return Wanted::Broken(self.at, "a leading archive of at most 256 entries");
        }
        let (Some(size), Some(name_length)) = (hexadecimal(header, 54), hexadecimal(header, 94))
        else {
            return Wanted::Broken(self.at, "a cpio header of hexadecimal digits");
        };
        let start = aligned(self.at.saturating_add(header_length()).saturating_add(name_length));
        let name = usize::try_from(name_length)
            .ok()
            .and_then(|length| bytes.get(HEADER..HEADER.checked_add(length)?)?.strip_suffix(b"\0"));
        let name = name.map(|name| name.strip_prefix(b"./").unwrap_or(name));
        if name == Some(self.name.as_bytes()) {
            return match usize::try_from(size) {
                Ok(length) if size <= LONGEST => Wanted::Found(start, length),
                Ok(_) | Err(_) => Wanted::Broken(self.at, "microcode of at most 64 MiB"),
            };
        }
        self.at = aligned(start.saturating_add(size));
        self.first()
    }
}

fn header_length() -> u64 {
    u64::try_from(HEADER).unwrap_or(u64::MAX)
}

/// `070702` has checksums as well, which nobody checks.
fn is_newc(header: &[u8]) -> bool {
    header.starts_with(b"070701") || header.starts_with(b"070702")
}

fn aligned(offset: u64) -> u64 {
    offset.checked_next_multiple_of(4).unwrap_or(u64::MAX)
}

fn hexadecimal(header: &[u8], at: usize) -> Option<u64> {
    let digits = header.get(at..at.checked_add(8)?)?;
    let digits = std::str::from_utf8(digits).ok().filter(|text| !text.starts_with('+'))?;
    u64::from_str_radix(digits, 16).ok()
}
