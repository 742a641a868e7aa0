//! Private keys that sign report bundles.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scrubjay::fuzzing::private_key(bytes));
