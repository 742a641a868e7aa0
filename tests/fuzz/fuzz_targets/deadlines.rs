//! Policies on how soon fixes are to be in force.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scrubjay::fuzzing::deadlines(bytes));
