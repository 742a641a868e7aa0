//! The end of a kernel log as pstore keeps it.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scrubjay_collector::fuzzing::crash_log(bytes));
