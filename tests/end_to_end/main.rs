//! The real binary, run as a person, a scraper or a crash would run it.

mod commands;
mod crash;
mod golden;
mod harness;
mod server;
