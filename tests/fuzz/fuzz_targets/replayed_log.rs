//! Logs of errors and of failures that are replayed.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scrubjay::fuzzing::replayed_log(bytes));
