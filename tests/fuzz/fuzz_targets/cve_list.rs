//! Lists of vulnerabilities, as CSV and as JSON.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scrubjay_collector::fuzzing::cve_list(bytes));
