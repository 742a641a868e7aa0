//! What dpkg keeps: its status, its log, lists, checksums and diversions.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scrubjay_collector::fuzzing::dpkg(bytes));
