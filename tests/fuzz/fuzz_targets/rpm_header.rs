//! The header of a package of rpm, with its files and its changelog.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scrubjay_collector::fuzzing::rpm_header(bytes));
