//! The records of uptimed.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scrubjay_collector::fuzzing::boot_records(bytes));
