//! The commands that read and end. Each returns its exit code.

pub(crate) mod ack;
pub(crate) mod capture;
pub(crate) mod check;
pub(crate) mod config;
pub(crate) mod db;
pub(crate) mod demo;
pub(crate) mod dimms;
pub(crate) mod doctor;
pub(crate) mod estimates;
pub(crate) mod events;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod fleet;
pub(crate) mod generated;
pub(crate) mod history;
mod history_by;
pub(crate) mod import;
pub(crate) mod ledger;
pub(crate) mod notify;
pub(crate) mod pages;
pub(crate) mod past;
pub(crate) mod reading;
pub(crate) mod replay;
pub(crate) mod report;
pub(crate) mod rules;
pub(crate) mod simulate;
pub(crate) mod status;
pub(crate) mod verify;

use crate::watermark;
use anstream::{AutoStream, ColorChoice};
use scrubjay_exporters::text::Style;
use std::io::Write;

/// How pages are written to stdout: coloured only for a terminal, and never under `NO_COLOR`.
fn style(all: bool) -> Style {
    let colour = AutoStream::choice(&std::io::stdout()) != ColorChoice::Never;
    Style { colour, all }
}

/// Whether an error means no more than that nobody reads our output.
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
    })
}

/// Writes a page to stdout, with its mark if it is of a simulated host.
fn print(page: &str) -> anyhow::Result<()> {
    print_as_is(&watermark::marked(page))
}

/// Writes to stdout what has a form of its own for the mark, or a hash.
fn print_as_is(page: &str) -> anyhow::Result<()> {
    let mut out: Box<dyn Write> = if may_have_colours(page) {
        Box::new(anstream::stdout().lock())
    } else {
        // There is nothing to take out, which takes ten times as long as looking for it.
        Box::new(std::io::stdout().lock())
    };
    out.write_all(page.as_bytes())?;
    out.flush()?;
    Ok(())
}

/// Whether there is any character that begins a colour, or that is not shown.
fn may_have_colours(page: &str) -> bool {
    let acts = |byte: &u8| (*byte < b' ' || *byte == 0x7f) && !byte.is_ascii_whitespace();
    // Whole blocks, so that many bytes are compared at once.
    page.as_bytes().chunks(64).any(|block| block.iter().fold(false, |any, byte| any | acts(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_on_a_terminal_is_looked_for_in_all_of_a_page() {
        let plain = "≥ 4 h\tWörter\r\n".repeat(20);
        assert!(!may_have_colours("") && !may_have_colours(&plain));
        for act in ["\u{1b}[1m", "\u{7}", "\u{7f}", "\0"] {
            assert!(may_have_colours(act) && may_have_colours(&format!("{plain}{act}{plain}")));
        }
    }
}
