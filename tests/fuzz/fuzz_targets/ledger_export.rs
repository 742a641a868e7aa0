//! Rows of a ledger as they are exported.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scrubjay::fuzzing::ledger_export(bytes));
