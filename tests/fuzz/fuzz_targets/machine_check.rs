//! A saved machine check, and the registers of one.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scrubjay_collector::fuzzing::machine_check(bytes));
