//! Menus, entries and images of boot loaders.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scrubjay_collector::fuzzing::boot_loader(bytes));
