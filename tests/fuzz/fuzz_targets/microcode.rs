//! Updates of microcode, and the archive an initramfs begins with.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scrubjay_collector::fuzzing::microcode(bytes));
