//! The configuration, which is read as it is shown.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scrubjay::fuzzing::config(bytes));
