//! Files of /proc, and what is made of processes.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scrubjay_collector::fuzzing::proc_text(bytes));
