//! A captured host, read by every source and captured again.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scrubjay_collector::fuzzing::host_tree(bytes));
