//! The list of checksums of a report bundle.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scrubjay::fuzzing::manifest(bytes));
