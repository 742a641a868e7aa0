//! The database of rpm, in SQLite and in its own format.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scrubjay_collector::fuzzing::rpm_database(bytes));
