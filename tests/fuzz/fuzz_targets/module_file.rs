//! Files of kernel modules: compression, ELF, declarations, the signature behind it.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scrubjay_collector::fuzzing::module_file(bytes));
