//! Reports as JSON, and every form that is made of one.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scrubjay::fuzzing::report(bytes));
