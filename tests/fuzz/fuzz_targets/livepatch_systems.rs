//! What clients of live patches keep: Canonical Livepatch, Ksplice, KernelCare.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scrubjay_collector::fuzzing::livepatch_systems(bytes));
