//! `explain mttf --json` and `explain uptime --json`.

use super::{SCHEMA_VERSION, line};
use crate::PageError;
use crate::text::Estimate;
use serde::Serialize;

#[derive(Serialize)]
struct Estimated<'a> {
    schema_version: u32,
    #[serde(flatten)]
    estimate: &'a Estimate,
}

/// An estimate with all it rests on.
pub fn estimate(estimate: &Estimate) -> Result<String, PageError> {
    line(&Estimated { schema_version: SCHEMA_VERSION, estimate })
}
