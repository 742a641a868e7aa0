//! The kernel's own description of a trace event, and a page decoded by it.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scrubjay_collector::fuzzing::trace_format(bytes));
