//! Files of kernel modules (`.ko`), from bytes alone: compression, the ELF file within, the
//! signature behind it.
//!
//! Kernel documentation: Documentation/admin-guide/module-signing.rst, Documentation/livepatch/
//! module-elf-format.rst; the trailer is `struct module_signature` of
//! `include/linux/module_signature.h`. What is here was written by whoever made the file: nothing in
//! it is trusted, and memory is bounded whatever it claims.

pub(crate) mod compression;
mod elf;
pub(crate) mod signature;

use scrubjay_model::{ModuleFile, ParseFault};

pub(crate) use elf::build_id_of_notes;

/// Largest module accepted once it is decompressed, bytes. The largest of distributions have 20 MB;
/// live patches have 1 to 5 MB, more with debugging data.
pub(crate) const LIMIT: usize = 64 << 20;

/// What the file of a module says of itself.
pub(crate) fn parse(bytes: &[u8]) -> Result<ModuleFile, ParseFault> {
    let bytes = compression::decompressed(bytes, LIMIT)?;
    let (build_id, info) = elf::parse(&bytes)?;
    Ok(ModuleFile { build_id, info, signature: signature::parse(&bytes) })
}

#[cfg(test)]
pub(crate) mod tests;
