//! Policies on memory errors, and their tests.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scrubjay::fuzzing::policy_file(bytes));
