//! The signature behind a kernel module.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scrubjay_collector::fuzzing::module_signature(bytes));
