//! `scrubjay status`: the verdict, what could not be seen, and the facts.

use super::{print, reading, style};
use crate::cli::StatusArgs;
use crate::config::Settings;
use crate::exit::{Exit, Nagios};
use scrubjay_exporters::{json, text};
use scrubjay_model::Verdict;

pub(crate) fn run(settings: &Settings, args: &StatusArgs) -> anyhow::Result<Exit> {
    let view = reading::view(settings)?;
    if args.read.json {
        print(&json::snapshot(&view)?)?;
    } else {
        print(&text::status(&view, &style(args.all)))?;
    }
    if !args.exit_code {
        return Ok(Exit::Ok);
    }
    Ok(Exit::Nagios(match view.assessment.verdict {
        Verdict::Ok => Nagios::Ok,
        Verdict::Unknown => Nagios::Unknown,
        Verdict::Watch | Verdict::Plan => Nagios::Warning,
        Verdict::Act => Nagios::Critical,
    }))
}
