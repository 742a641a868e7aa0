//! What a section of a firmware record (CPER) is, by its GUID.
//!
//! UEFI specification, appendix N; kernel: include/linux/cper.h, drivers/firmware/efi/cper.c.

use std::fmt::Write;

/// Sections that have memory for their subject.
const MEMORY: [&str; 2] =
    ["a5bc1114-6f64-4ede-b863-3e83ed7c83b1", "61ec04fc-48e6-d813-25c9-8daa44750b12"];

const NAMES: &[(&str, &str)] = &[
    (MEMORY[0], "memory"),
    (MEMORY[1], "memory"),
    ("9876ccad-47b4-4bdb-b65e-16f193c4f3db", "processor"),
    ("dc3ea0b0-a144-4797-b95b-53fa242b6e1d", "x86 processor"),
    ("e19e3d16-bc11-11e4-9caa-c2051d5d46b0", "ARM processor"),
    ("d995e954-bbc1-430f-ad91-b44dcb3c6f35", "PCIe"),
    ("c5753963-3b84-4095-bf78-eddad3f9c9dd", "PCI bus"),
    ("eb5e4685-ca66-4769-b6a2-26068b001326", "PCI device"),
    ("81212a96-09ed-4996-9471-8d729c8e69ed", "firmware"),
    ("5b51fef7-c79d-4434-8f1b-aa62de3e2c64", "DMA remapping"),
    ("71761d37-32b2-45cd-a7d0-b0fedd93e8cf", "DMA remapping"),
    ("036f84e1-7f37-428c-a79e-575fdfaa84ec", "IOMMU"),
    ("91335ef6-ebfb-4478-a6a6-88b728cf75d7", "CCIX"),
    ("80b9efb4-52b5-4de3-a777-68784b771048", "CXL protocol"),
];

/// A GUID in its usual form; `None` if there are not 16 bytes. The first three of its parts are
/// stored with the low byte first.
pub(super) fn guid(bytes: &[u8]) -> Option<String> {
    let bytes: &[u8; 16] = bytes.first_chunk()?;
    let order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
    let mut text = String::with_capacity(36);
    for (count, at) in order.into_iter().enumerate() {
        if matches!(count, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        write!(text, "{:02x}", bytes.get(at)?).ok()?;
    }
    Some(text)
}

/// Whether a section is about memory.
pub(super) fn is_memory(guid: &str) -> bool {
    MEMORY.contains(&guid)
}

/// What a section is about, in a word or two.
pub(super) fn about(guid: &str) -> String {
    let known = NAMES.iter().find(|(known, _)| *known == guid);
    known.map_or_else(|| format!("section {guid}"), |(_, name)| (*name).to_owned())
}

/// Bytes in hexadecimal, no more than 256 of them.
pub(super) fn hex(bytes: &[u8]) -> String {
    const MOST: usize = 256;
    let mut text = String::new();
    for byte in bytes.iter().take(MOST) {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    if bytes.len() > MOST {
        let _ = write!(text, "… ({} bytes)", bytes.len());
    }
    text
}
