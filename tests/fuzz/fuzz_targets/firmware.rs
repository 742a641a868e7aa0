//! Tables and records that firmware wrote: SMBIOS, BERT, CPER, a saved machine check.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scrubjay_collector::fuzzing::firmware(bytes));
