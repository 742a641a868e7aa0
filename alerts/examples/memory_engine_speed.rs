//! How fast the engine that judges memory is: one observation of a quiet DIMM, one of a DIMM that
//! errs, and the judgement of a host with 2,048 DIMMs and ten years of history.
//!
//! `cargo run --release -p scrubjay-alerts --example memory_engine_speed`; it fails above the bars.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a measurement needs a clock and a place to print to"
)]

use scrubjay_alerts::memory::{
    Cell, CountsFrom, DimmState, Hit, MemorySettings, Observation, Topology, neighbours,
};
use std::process::ExitCode;
use std::time::{Duration, Instant};

const HOUR: i64 = 3_600;
const TEN_YEARS: i64 = 3_652 * 24 * HOUR;
const DIMMS: u32 = 2_048;

fn counted(until: i64, errors: u64) -> Observation {
    Observation::Counted { from: until - HOUR, until, watched: 3_600, errors, at_least: false }
}

fn reported(at: i64, n: u32) -> Observation {
    let cell = Cell {
        rank: Some(0),
        device: Some(3),
        bank: Some(1),
        row: Some(n.wrapping_mul(7_919) % 65_536),
        column: Some(n % 1_024),
    };
    Observation::Reported(Hit { at, errors: 1, cell, page: None, parity: None, by_scrub: None })
}

/// Ten years of a DIMM: most are quiet, one in sixteen errs at a few places in its last months, one
/// in sixty-four at more places than are kept.
fn ten_years(index: u32) -> DimmState {
    let mut state = DimmState::new(CountsFrom::Counters);
    let places = match index {
        _ if index.is_multiple_of(64) => 2_000,
        _ if index.is_multiple_of(16) => 40,
        _ => 0,
    };
    for hour in 1..=TEN_YEARS / HOUR {
        let at = hour * HOUR;
        let errs = places > 0 && at > TEN_YEARS - i64::from(places) * HOUR;
        if errs && let Ok(n) = u32::try_from(hour % 1_000_000) {
            state.observe(&reported(at - 1, n));
        }
        state.observe(&counted(at, u64::from(errs)));
    }
    state
}

fn main() -> ExitCode {
    let mut quiet = DimmState::new(CountsFrom::Counters);
    let observations = 4_000_000_u32;
    let started = Instant::now();
    for n in 1..=i64::from(observations) {
        quiet.observe(&counted(n * HOUR, 0));
    }
    let each = started.elapsed() / observations;
    println!("one observation of a quiet DIMM: {each:?}");

    let mut loud = DimmState::new(CountsFrom::Reports);
    let reports = 1_000_000_u32;
    let started = Instant::now();
    for n in 0..reports {
        loud.observe(&reported(i64::from(n) * 20, n));
    }
    println!(
        "one report of a DIMM that never errs twice at a place: {:?}",
        started.elapsed() / reports
    );

    let started = Instant::now();
    let states: Vec<DimmState> = (0..DIMMS).map(ten_years).collect();
    let made = started.elapsed();
    println!("ten years of {DIMMS} DIMMs, by the hour: {made:?}");

    let host: Vec<(Topology, &DimmState)> = (0_u16..)
        .zip(&states)
        .map(|(index, state)| {
            let channel = index / 2 % 8;
            let socket = index / 16;
            (Topology { socket: Some(socket), controller: Some(0), channel: Some(channel) }, state)
        })
        .collect();
    let settings = MemorySettings::default();
    let started = Instant::now();
    let around = neighbours(&host, TEN_YEARS);
    let found = started.elapsed();
    let judgements: Vec<_> = host
        .iter()
        .zip(&around)
        .map(|((_, state), around)| state.judge(TEN_YEARS, around, &settings))
        .collect();
    let judged = started.elapsed();
    let told: usize = judgements.iter().map(|judgement| judgement.reasons.len()).sum();
    println!("judging them, {told} reasons: {judged:?}, of it neighbours {found:?}");

    if each <= Duration::from_micros(1) && judged <= Duration::from_millis(50) {
        return ExitCode::SUCCESS;
    }
    println!("above the bars of 1 µs and 50 ms");
    ExitCode::FAILURE
}
