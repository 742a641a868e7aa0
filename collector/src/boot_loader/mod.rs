//! What boot loaders are set to start: `grub.cfg`, `grubenv`, entries of the Boot Loader
//! Specification, `loader.conf`, and what a kernel image says of itself. Texts and bytes in, plain
//! values out; which files are read stands in `sources/boot_images.rs`.

pub(crate) mod bls;
pub(crate) mod grub;
pub(crate) mod image;
