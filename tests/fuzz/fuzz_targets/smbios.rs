//! The entry point of SMBIOS and its table, as it is and redacted.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scrubjay_collector::fuzzing::smbios(bytes));
