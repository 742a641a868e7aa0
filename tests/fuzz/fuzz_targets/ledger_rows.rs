//! Rows of a ledger that somebody else has put there.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scrubjay_storage::fuzzing::ledger_rows(bytes));
