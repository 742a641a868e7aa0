//! Maps of DIMM labels.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scrubjay_collector::fuzzing::dimm_labels(bytes));
