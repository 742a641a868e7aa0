//! Modules as they lie on disk: plain, or compressed by gzip, xz or zstd, told apart by their first
//! bytes as kmod does.

use flate2::read::MultiGzDecoder;
use lzma_rust2::XzReader;
use ruzstd::decoding::StreamingDecoder;
use scrubjay_model::ParseFault;
use std::borrow::Cow;
use std::io::Read;

const GZIP: &[u8] = &[0x1f, 0x8b];
const XZ: &[u8] = &[0xfd, b'7', b'z', b'X', b'Z', 0];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// Most memory that a stream may ask for as its window, KiB. The kernel's build asks for 1 or 2 MiB;
/// `xz -9` and `zstd --ultra` for 64 and 128.
const WINDOW_KIB: u32 = 72 << 10;

/// The module itself, of at most `limit` bytes.
pub(crate) fn decompressed(bytes: &[u8], limit: usize) -> Result<Cow<'_, [u8]>, ParseFault> {
    let plain = if bytes.starts_with(GZIP) {
        bounded(MultiGzDecoder::new(bytes), "a gzip stream", limit)?
    } else if bytes.starts_with(XZ) {
        bounded(XzReader::new_mem_limit(bytes, true, WINDOW_KIB), "an xz stream", limit)?
    } else if bytes.starts_with(ZSTD) {
        let fault = || ParseFault::new("a zstd frame with a window of at most 72 MiB", b"");
        // The decoder holds a whole window back before it gives anything, however large it is.
        window(bytes).filter(|window| *window <= u64::from(WINDOW_KIB) << 10).ok_or_else(fault)?;
        let decoder = StreamingDecoder::new(bytes).map_err(|_| fault())?;
        bounded(decoder, "a zstd frame", limit)?
    } else {
        return Ok(Cow::Borrowed(bytes));
    };
    Ok(Cow::Owned(plain))
}

fn bounded(
    decoder: impl Read,
    expected: &'static str,
    limit: usize,
) -> Result<Vec<u8>, ParseFault> {
    let mut plain = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    decoder
        .take(most)
        .read_to_end(&mut plain)
        .map_err(|why| ParseFault::new(expected, why.to_string().as_bytes()))?;
    if plain.len() > limit {
        return Err(ParseFault::new("a module of at most 64 MiB", b"more"));
    }
    Ok(plain)
}

/// How much a zstd frame asks its reader to keep, bytes (RFC 8878, 3.1.1.1). `None` if its header
/// is cut short.
fn window(frame: &[u8]) -> Option<u64> {
    let (descriptor, rest) = frame.strip_prefix(ZSTD)?.split_first()?;
    if descriptor & 0x20 == 0 {
        let byte = rest.first()?;
        let base = 1_u64 << (10 + (byte >> 3));
        return Some(base + base / 8 * u64::from(byte & 7));
    }
    // A single segment: the whole content is the window, and its size follows the dictionary's id.
    let skipped = [0, 1, 2, 4].get(usize::from(descriptor & 3))?;
    let length = [1, 2, 4, 8].get(usize::from(descriptor >> 6))?;
    let field = rest.get(*skipped..)?.get(..*length)?;
    let size = field.iter().rev().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    Some(if *length == 2 { size + 256 } else { size })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_of_a_frame_is_read_as_the_format_says() {
        let frame = |rest: &[u8]| window(&[ZSTD, rest].concat());
        assert_eq!(frame(&[0x00, 0x00]), Some(1 << 10));
        assert_eq!(frame(&[0x04, 0x58]), Some(2 << 20));
        assert_eq!(frame(&[0x00, 0x07]), Some(1024 + 7 * 128));
        assert_eq!(frame(&[0x00, 0xff]), Some((1 << 41) + 7 * (1 << 38)));
        assert_eq!(frame(&[0x20, 0x10]), Some(16));
        assert_eq!(frame(&[0x60, 0x00, 0x01]), Some(512));
        assert_eq!(frame(&[0xa1, 0x99, 1, 2, 0, 0]), Some(513));
        assert_eq!(frame(&[0xe0, 0, 0, 0, 0, 0, 0, 0, 0x80]), Some(1 << 63));
        assert_eq!((frame(&[]), frame(&[0x00]), frame(&[0xe0, 1])), (None, None, None));
    }
}
