//! Modules of the kernel, and microcode.

use crate::microcode as updates;
use crate::microcode::{Archive, Wanted};
use crate::module_file as files;
use scrubjay_model::ModuleSignature;

/// The file of a kernel module, compressed or not.
pub fn module_file(bytes: &[u8]) {
    let _ = files::parse(bytes);
    let _ = files::build_id_of_notes(bytes);
}

/// What is compressed, of which no more is taken than asked for.
pub fn compressed_file(bytes: &[u8]) {
    const LIMIT: usize = 1 << 16;
    if let Ok(plain) = files::compression::decompressed(bytes, LIMIT) {
        assert!(plain.len() <= LIMIT.max(bytes.len()), "more than was asked for");
    }
}

/// The signature behind a module. Without its last line there is none, whatever stands before it.
pub fn module_signature(bytes: &[u8]) {
    const MAGIC: &[u8] = b"~Module signature appended~\n";
    if !bytes.ends_with(MAGIC) {
        assert_eq!(files::signature::parse(bytes), ModuleSignature::Missing);
    }
    let signed = [bytes, MAGIC].concat();
    assert_ne!(files::signature::parse(&signed), ModuleSignature::Missing);
    // A message as long as it says, so that what is within is reached.
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes();
    let signed = [bytes, &[0, 0, 2, 0, 0, 0, 0, 0], &length, MAGIC].concat();
    if let ModuleSignature::Present(signer) = files::signature::parse(&signed) {
        assert_eq!(signer.size_bytes.to_be_bytes(), length, "the length of a signature");
    }
}

/// Updates of both vendors, and the archive an initramfs begins with.
pub fn microcode(bytes: &[u8]) {
    let _ = updates::intel_updates(bytes);
    let _ = updates::amd_updates(bytes);
    let mut archive = Archive::new("kernel/x86/microcode/GenuineIntel.bin");
    let mut wanted = archive.first();
    // Each entry takes at least its header; zeros between archives are passed over in pieces.
    for _ in 0..=bytes.len() / 4 + 2 {
        let Wanted::Bytes(at, length) = wanted else { return };
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        let rest = bytes.get(at..).unwrap_or_default();
        wanted = archive.next(rest.get(..length).unwrap_or(rest));
    }
    assert!(!matches!(wanted, Wanted::Bytes(..)), "the walk along an archive does not end");
}
