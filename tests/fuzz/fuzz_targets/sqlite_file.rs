//! Files of SQLite that other tools keep: wtmpdb, tuptime, rasdaemon.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scrubjay_collector::fuzzing::sqlite_file(bytes));
