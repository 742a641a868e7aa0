//! `scrubjay status`: the verdict, what could not be seen, and the facts.

use super::{check, is_broken_pipe, print, reading, style};
use crate::cli::StatusArgs;
use crate::config::Settings;
use crate::exit::Exit;
use crate::{beside, clock};
use scrubjay_collector::HostRoot;
use scrubjay_exporters::{json, text};
use std::path::Path;

pub(crate) fn run(settings: &Settings, args: &StatusArgs) -> anyhow::Result<Exit> {
    let host = reading::host(settings)?;
    let mut view = reading::view_of(settings, &host)?;
    view.agent = beside::agent(
        &reading::history_dirs(settings, &host),
        &host,
        &HostRoot::open(Path::new("/"), clock::live())?,
    );
    let page =
        if args.read.json { json::snapshot(&view)? } else { text::status(&view, &style(args.all)) };
    if !args.exit_code {
        print(&page)?;
        return Ok(Exit::Ok);
    }
    match print(&page) {
        // Who asks for the code may not care for the page.
        Err(error) if !is_broken_pipe(&error) => return Err(error),
        Ok(()) | Err(_) => {}
    }
    Ok(Exit::Nagios(check::nagios(view.assessment.verdict)))
}
