//! The web configuration, and the certificates and keys it names.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scrubjay::fuzzing::web_config(bytes));
