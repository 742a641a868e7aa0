//! The header of an x86 kernel image (Documentation/arch/x86/boot.rst, `kernel_version`).
//!
//! At 0x202 stands `HdrS`, at 0x20e a 16-bit offset, less 0x200, of a text that ends with NUL: the
//! release, the builder, and what `/proc/sys/kernel/version` will show. Other architectures have no
//! such text that could be read without unpacking the kernel.

use crate::host::Piece;

/// Where the header's part that is needed lies.
pub(crate) const HEADER: Piece = Piece { offset: 0x1fe, length: 0x12 };

/// Longest banner accepted. Those of distributions have less than 150 bytes.
const BANNER_LENGTH: usize = 512;

/// Where the banner lies, by the header; `None` for an image of another kind.
pub(crate) fn banner_at(header: &[u8]) -> Option<Piece> {
    let magic = header.get(4..8)?;
    let offset: [u8; 2] = header.get(0x10..0x12)?.try_into().ok()?;
    let offset = u16::from_le_bytes(offset);
    let told = magic == b"HdrS" && offset != 0;
    told.then(|| Piece { offset: u64::from(offset) + 0x200, length: BANNER_LENGTH })
}

/// The banner, which ends with NUL.
pub(crate) fn banner(bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    let text = std::str::from_utf8(bytes.get(..end)?).ok()?.trim();
    let plain = !text.is_empty() && !text.chars().any(char::is_control);
    plain.then(|| text.to_owned())
}

/// The shortest image that has this banner and nothing else.
pub(crate) fn with_banner(banner: &str) -> Vec<u8> {
    const END: u16 = 0x10;
    let mut image = vec![0; 0x202];
    image.extend_from_slice(b"HdrS");
    image.extend_from_slice(&[0; 8]);
    image.extend_from_slice(&END.to_le_bytes());
    image.extend_from_slice(banner.as_bytes());
    image.push(0);
    image
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_header_says_where_the_banner_is() {
        let mut header = vec![0; 0x12];
        header[4..8].copy_from_slice(b"HdrS");
        header[0x10..].copy_from_slice(&0x3b60_u16.to_le_bytes());
        assert_eq!(banner_at(&header).unwrap().offset, 0x3d60);
        header[4] = b'x';
        assert_eq!(banner_at(&header), None);
        assert_eq!(banner_at(&header[..7]), None);
    }

    #[test]
    fn a_banner_is_plain_text_that_ends() {
        assert_eq!(banner(b"6.1.0 (a@b) #1 SMP\0rest").unwrap(), "6.1.0 (a@b) #1 SMP");
        for wrong in [&b"no end"[..], b"\0", b"\x1b[2J\0", b"\xff\0"] {
            assert_eq!(banner(wrong), None);
        }
    }

    #[test]
    fn an_image_made_of_a_banner_says_it() {
        let image = with_banner("6.1.0 (a@b) #1 SMP");
        let at = banner_at(&image[0x1fe..0x210]).unwrap();
        let from = usize::try_from(at.offset).unwrap();
        assert_eq!(banner(&image[from..]).unwrap(), "6.1.0 (a@b) #1 SMP");
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = (banner_at(&bytes), banner(&bytes));
        }
    }
}
