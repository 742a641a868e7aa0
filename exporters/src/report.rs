//! Reports in the forms that people and programs read.
//!
//! JSON has all of it. The others are made of one [`Document`], so that they say the same; tables for
//! spreadsheets come as CSV.

mod chart;
mod document;
mod evidence;
mod html;
mod markdown;
mod on_memory;
mod on_patches;
mod on_the_rest;
mod pdf;
mod tables;

pub use document::{Block, Column, Document, document};
pub use evidence::{evidence_csv, evidence_document};
pub use html::html;
pub use markdown::markdown;
pub use pdf::pdf;
pub use tables::csv_tables;

use crate::PageError;
use scrubjay_model::Report;

/// The report as JSON: with a line feed at its end, and the same bytes for the same report.
///
/// # Errors
/// If it cannot be written as JSON.
pub fn json(report: &Report) -> Result<String, PageError> {
    let mut text = serde_json::to_string_pretty(report)?;
    text.push('\n');
    Ok(text)
}

#[cfg(test)]
mod again_tests;
#[cfg(test)]
mod tests;
