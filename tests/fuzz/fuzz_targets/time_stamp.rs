//! Time stamps by an authority.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scrubjay::fuzzing::time_stamp(bytes));
