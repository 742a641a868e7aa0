//! Records of the kernel log, as /dev/kmsg gives them and as dmesg prints them.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scrubjay_collector::fuzzing::kernel_log(bytes));
