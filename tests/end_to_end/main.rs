//! The real binary, run as a person, a scraper or a crash would run it.

#![expect(
    clippy::disallowed_methods,
    reason = "runs the binary and makes files for it; the host is left alone"
)]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a failure of the harness is a failed test, and a test that compares nothing says so"
)]

mod alerts;
mod anew;
mod attacks;
mod beside;
mod boots;
mod commands;
mod corpus;
mod crash;
mod db;
mod demo;
mod dimms;
mod disk;
mod estimates;
mod explained;
mod faults;
mod first_pages;
mod fleet;
mod fleet_prometheus;
mod golden;
mod harness;
mod history;
mod imported;
mod kill;
mod kubernetes;
mod large;
mod least;
mod ledger;
mod outputs;
mod packages;
mod pages;
mod paper;
mod policies;
mod prometheus;
mod receiver;
mod replay;
mod reports;
mod server;
mod signed;
mod simulate;
mod site;
mod traps;
mod verdicts;
mod web;
