//! Calibrations of the scorecard.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scrubjay::fuzzing::calibration(bytes));
