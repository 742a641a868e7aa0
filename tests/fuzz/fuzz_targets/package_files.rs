//! Lists of files, checksums and headers as dpkg, rpm, pacman and apk keep them.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scrubjay_collector::fuzzing::package_files(bytes));
