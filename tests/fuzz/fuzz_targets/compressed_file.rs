//! What is compressed by gzip, xz or zstd, of which no more is taken than asked for.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scrubjay_collector::fuzzing::compressed_file(bytes));
