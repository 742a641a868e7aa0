//! The real binary, run as a person, a scraper or a crash would run it.

#![expect(
    clippy::disallowed_methods,
    reason = "runs the binary and makes files for it; the host is left alone"
)]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a failure of the harness is a failed test")]

mod commands;
mod corpus;
mod crash;
mod golden;
mod harness;
mod large;
mod server;
