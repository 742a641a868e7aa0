//! A connection to the server, behind its guard: requests, addresses, what is accepted.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scrubjay::fuzzing::http(bytes));
