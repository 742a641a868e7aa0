//! `scrubjay doctor`: what can be read here, what cannot, and what to do about it.

use super::{print, reading, style};
use crate::cli::ReadArgs;
use crate::config::Settings;
use crate::exit::Exit;
use crate::privileges;
use scrubjay_collector::SOURCES;
use scrubjay_exporters::{json, text};

pub(crate) fn run(settings: &Settings, args: &ReadArgs) -> anyhow::Result<Exit> {
    let view = reading::view(settings)?;
    // Of another host it is not asked what this one gives us.
    let rights = reading::host(settings)?.is_this_host().then(|| privileges::all(settings));
    print(&if args.json {
        json::doctor(&view, &SOURCES, rights.as_ref())?
    } else {
        text::doctor(&view, &SOURCES, rights.as_ref(), &style(true))
    })?;
    Ok(Exit::Ok)
}
