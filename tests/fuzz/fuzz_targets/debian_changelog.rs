//! The changelog of a Debian package.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scrubjay_collector::fuzzing::debian_changelog(bytes));
