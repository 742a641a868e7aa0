//! The lines of a long text file, one after the other, so that it is never in memory as a whole.

use crate::reader::{ReadAt, malformed};
use scrubjay_model::NonValue;

/// Bytes read at once.
const CHUNK: usize = 64 << 10;
/// Longest line accepted.
const LINE_LIMIT: usize = 1 << 20;
/// Longest file accepted. That of a host with all packages of its distribution has some 100 MB.
const FILE_LIMIT: u64 = 256 << 20;

/// Gives each line without its line feed.
pub(super) fn each_line(file: &ReadAt<'_>, each: &mut dyn FnMut(&[u8])) -> Result<(), NonValue> {
    let mut offset = 0_u64;
    let mut open: Vec<u8> = Vec::new();
    loop {
        let chunk = file.at(offset, CHUNK)?;
        let mut rest = chunk.as_slice();
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = rest.split_at(end);
            if open.is_empty() {
                each(line);
            } else {
                open.extend_from_slice(line);
                each(&open);
                open.clear();
            }
            rest = after.get(1..).unwrap_or_default();
        }
        open.extend_from_slice(rest);
        offset = offset.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
        if open.len() > LINE_LIMIT || offset > FILE_LIMIT {
            return Err(malformed(file.path(), "a file of lines, at most 256 MiB", &open));
        }
        if chunk.len() < CHUNK {
            if !open.is_empty() {
                each(&open);
            }
            return Ok(());
        }
    }
}
