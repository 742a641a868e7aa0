//! The rules on the kernel's patches, each where it holds and where it does not.
