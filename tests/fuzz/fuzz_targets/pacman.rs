//! The database of pacman, with compressed lists of checksums.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scrubjay_collector::fuzzing::pacman(bytes));
