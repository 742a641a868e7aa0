//! A report on paper: A4, for print, screen readers and archives (PDF/A-2a and PDF/UA-1).
//!
//! `blocks` makes pieces of the document's blocks, such as a line or a row of a table; `flow` puts pieces on
//! pages; `paint` draws pages. None of them reads a clock or draws lots, so that the same document
//! gives the same bytes.

mod blocks;
mod face;
mod flow;
mod paint;
mod picture;
mod piece;
mod table;

use super::document::Document;
use crate::PageError;

/// The document as PDF.
///
/// # Errors
/// If it cannot be written, which would be a defect.
pub fn pdf(document: &Document) -> Result<Vec<u8>, PageError> {
    let faces = face::Faces::new().ok_or(PageError::Font)?;
    let mut sheet = piece::Pieces::default();
    blocks::pieces(document, &faces, &mut sheet);
    let pages = flow::pages(&sheet.pieces, piece::BODY_HEIGHT);
    paint::paint(document, &faces, &sheet, &pages)
}

#[cfg(test)]
mod tests;
