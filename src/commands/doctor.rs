//! `scrubjay doctor`: what can be read here, what cannot, and what to do about it.

use super::{print, reading, style};
use crate::cli::ReadArgs;
use crate::config::Settings;
use crate::exit::Exit;
use scrubjay_collector::SOURCES;
use scrubjay_exporters::{json, text};

pub(crate) fn run(settings: &Settings, args: &ReadArgs) -> anyhow::Result<Exit> {
    let view = reading::view(settings)?;
    print(&if args.json {
        json::doctor(&view, &SOURCES)?
    } else {
        text::doctor(&view, &SOURCES, &style(true))
    })?;
    Ok(Exit::Ok)
}
