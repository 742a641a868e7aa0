//! A page of the trace buffer, decoded by the formats of Debian's Linux 6.12.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scrubjay_collector::fuzzing::trace_page(bytes));
