//! wtmp: boots and shutdowns among logins.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scrubjay_collector::fuzzing::wtmp(bytes));
