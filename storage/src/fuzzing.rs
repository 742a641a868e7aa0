//! What the fuzz targets in `tests/fuzz` feed with arbitrary bytes: none may panic, loop, or take more
//! memory than its input warrants, and what a module promises of its answers is asserted here.

pub use crate::ledger::fuzzing::ledger_rows;

use crate::alerts::Request;
use crate::alerts::spool::parse;
use scrubjay_model::{AckRequest, IssuedReport};

/// A request of a command to the agent. What is written of one is read as the same.
pub fn spooled_request(bytes: &[u8]) {
    asked::<AckRequest>(bytes);
    asked::<IssuedReport>(bytes);
}

fn asked<R: Request + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
    if let Ok(request) = parse::<R>(bytes) {
        let text = serde_json::to_vec(&request).unwrap_or_default();
        assert_eq!(parse::<R>(&text).ok(), Some(request));
    }
}
