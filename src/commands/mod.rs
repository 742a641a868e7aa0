//! The commands that read and end. Each returns its exit code.

pub(crate) mod capture;
pub(crate) mod config;
pub(crate) mod doctor;
pub(crate) mod history;
pub(crate) mod reading;
pub(crate) mod status;

use anstream::{AutoStream, ColorChoice};
use scrubjay_exporters::text::Style;
use std::io::Write;

/// How pages are written to stdout: coloured only for a terminal, and never under `NO_COLOR`.
fn style(all: bool) -> Style {
    let colour = AutoStream::choice(&std::io::stdout()) != ColorChoice::Never;
    Style { colour, all }
}

/// Writes a page to stdout.
fn print(page: &str) -> anyhow::Result<()> {
    let mut out = anstream::stdout().lock();
    out.write_all(page.as_bytes())?;
    out.flush()?;
    Ok(())
}
