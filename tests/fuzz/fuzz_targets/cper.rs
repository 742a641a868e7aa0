//! Error records of firmware: blocks, records and sections (CPER).

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scrubjay_collector::fuzzing::cper(bytes));
