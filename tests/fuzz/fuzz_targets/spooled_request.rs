//! Requests of commands that wait for the agent.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scrubjay_storage::fuzzing::spooled_request(bytes));
