//! Any text, as it is printed of a host.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scrubjay_exporters::fuzzing::escaped_text(bytes));
