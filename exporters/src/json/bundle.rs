//! `verify --json`.

use super::{SCHEMA_VERSION, line};
use crate::PageError;
use scrubjay_model::BundleCheck;
use serde::Serialize;

#[derive(Serialize)]
struct Checked<'c> {
    schema_version: u32,
    /// Whether nothing of what was looked at is wrong.
    verified: bool,
    #[serde(flatten)]
    check: &'c BundleCheck,
}

/// What came of looking at a bundle.
pub fn bundle(check: &BundleCheck) -> Result<String, PageError> {
    line(&Checked { schema_version: SCHEMA_VERSION, verified: check.is_good(), check })
}
