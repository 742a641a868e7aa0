//! `/dev/kmsg`: the one device that is read. Each read(2) gives one record of the kernel's log,
//! from the oldest left on; nothing is taken out of the log by that.
//!
//! Kernel documentation: Documentation/ABI/testing/dev-kmsg.

use super::Failure;
use super::dir::{read_bounded, retry};
use rustix::fs::{FileType, major, minor};
use rustix::io::Errno;
use std::os::fd::OwnedFd;

/// What a log gives, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogPart<'b> {
    /// A record as the kernel prints it, with its dictionary, without the final newline.
    Record(&'b [u8]),
    /// Records that a capture left out as saying nothing to scrubjay.
    LeftOut(u64),
    /// The next record was overwritten before it was read.
    Overwritten,
    /// As many bytes were read as were accepted.
    Limit,
}

/// Longest record: `CONSOLE_EXT_LOG_MAX`, later `PRINTK_MESSAGE_MAX`, both at most this. Into a
/// smaller buffer the kernel refuses to write (EINVAL).
const RECORD_LIMIT: usize = 8192;

/// How often the log may overtake us before we give up: then it is written faster than we read.
const OVERTAKEN_LIMIT: u32 = 64;

/// What stands in a capture for records left out.
pub(crate) const LEFT_OUT: &str = "# left out: ";

/// `/dev/kmsg` (Documentation/admin-guide/devices.txt).
const KMSG: (u32, u32) = (1, 11);

/// Gives the parts of a log to `each`, up to `limit` bytes.
pub(super) fn follow(
    file: &OwnedFd,
    limit: usize,
    each: &mut dyn FnMut(LogPart<'_>),
) -> Result<(), Failure> {
    let stat = retry(|| rustix::fs::fstat(file))?;
    let is_device = FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice;
    if is_device && (major(stat.st_rdev), minor(stat.st_rdev)) == KMSG {
        return device(file, limit, each);
    }
    // In an unpacked capture it is a file.
    split(&read_bounded(file, limit)?, each);
    Ok(())
}

fn device(file: &OwnedFd, limit: usize, each: &mut dyn FnMut(LogPart<'_>)) -> Result<(), Failure> {
    let mut buffer = vec![0; RECORD_LIMIT];
    let (mut total, mut overtaken) = (0_usize, 0);
    loop {
        match retry(|| rustix::io::read(file, &mut *buffer)) {
            Ok(0) => return Ok(()),
            Ok(read) => {
                total = total.saturating_add(read);
                if total > limit {
                    each(LogPart::Limit);
                    return Ok(());
                }
                let record = buffer.get(..read).unwrap_or_default();
                each(LogPart::Record(record.strip_suffix(b"\n").unwrap_or(record)));
            }
            // The end: the device was opened not to wait for more.
            Err(Failure::Errno(errno)) if errno == Errno::AGAIN.raw_os_error() => return Ok(()),
            Err(Failure::Errno(errno)) if errno == Errno::PIPE.raw_os_error() => {
                overtaken += 1;
                if overtaken > OVERTAKEN_LIMIT {
                    each(LogPart::Limit);
                    return Ok(());
                }
                each(LogPart::Overwritten);
            }
            Err(failure) => return Err(failure),
        }
    }
}

/// Gives the parts of a log that was written to a file: records begin at the start of a line, the
/// lines of their dictionary with a blank.
pub(crate) fn split(bytes: &[u8], each: &mut dyn FnMut(LogPart<'_>)) {
    let mut rest = bytes;
    while !rest.is_empty() {
        let mut end = 0;
        loop {
            let line = rest.get(end..).unwrap_or_default();
            let Some(newline) = line.iter().position(|byte| *byte == b'\n') else {
                end = rest.len();
                break;
            };
            end += newline;
            if rest.get(end + 1) != Some(&b' ') {
                break;
            }
            end += 1;
        }
        let record = rest.get(..end).unwrap_or_default();
        rest = rest.get(end + 1..).unwrap_or_default();
        if let Some(count) = left_out(record) {
            each(LogPart::LeftOut(count));
        } else if !record.is_empty() {
            each(LogPart::Record(record));
        }
    }
}

fn left_out(record: &[u8]) -> Option<u64> {
    std::str::from_utf8(record.strip_prefix(LEFT_OUT.as_bytes())?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parts(text: &str) -> Vec<String> {
        let mut parts = Vec::new();
        split(text.as_bytes(), &mut |part| {
            parts.push(match part {
                LogPart::Record(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                LogPart::LeftOut(_) | LogPart::Overwritten | LogPart::Limit => format!("{part:?}"),
            });
        });
        parts
    }

    #[test]
    fn a_record_ends_where_the_next_line_does_not_begin_with_a_blank() {
        assert_eq!(
            parts("6,0,0,-;a\n6,1,5,-;b\n SUBSYSTEM=cpu\n DEVICE=+cpu:0\n6,2,6,-;c"),
            ["6,0,0,-;a", "6,1,5,-;b\n SUBSYSTEM=cpu\n DEVICE=+cpu:0", "6,2,6,-;c"]
        );
        assert_eq!(parts("\n\n"), [""; 0]);
        assert_eq!(parts(" stray\n"), [" stray"]);
    }

    #[test]
    fn what_a_capture_left_out_is_told() {
        assert_eq!(parts("a\n# left out: 812\nb\n"), ["a", "LeftOut(812)", "b"]);
        assert_eq!(parts("# left out: many\n"), ["# left out: many"]);
    }

    proptest! {
        #[test]
        fn every_byte_but_newlines_between_records_is_given_once(bytes: Vec<u8>) {
            let mut given = Vec::new();
            split(&bytes, &mut |part| match part {
                LogPart::Record(record) => given.extend_from_slice(record),
                LogPart::LeftOut(_) | LogPart::Overwritten | LogPart::Limit => {}
            });
            let plain = |bytes: &[u8]| -> Vec<u8> {
                bytes.iter().copied().filter(|byte| *byte != b'\n').collect()
            };
            prop_assert_eq!(plain(&given), plain(&bytes));
        }
    }
}
