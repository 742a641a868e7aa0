//! `scrubjay capture`: what the sources read, as a text tree on stdout.

use super::{print_as_is, reading};
use crate::cli::CaptureArgs;
use crate::config::Settings;
use crate::exit::Exit;
use scrubjay_collector::{CaptureOptions, capture};

pub(crate) fn run(settings: &Settings, args: &CaptureArgs) -> anyhow::Result<Exit> {
    let host = reading::host(settings)?;
    let options = CaptureOptions { redact: args.redact };
    // A tree says by itself what it is of.
    print_as_is(&capture(&host, &reading::options(settings), options).to_text())?;
    Ok(Exit::Ok)
}
