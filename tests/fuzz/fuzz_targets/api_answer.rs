//! Answers of a Prometheus-compatible API.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scrubjay::fuzzing::api_answer(bytes));
