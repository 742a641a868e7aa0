//! `scrubjay check`: the verdict for Nagios, Icinga and node-problem-detector.

use super::{is_broken_pipe, print_as_is, reading};
use crate::cli::CheckArgs;
use crate::config::Settings;
use crate::exit::{Exit, Nagios, NodeProblem};
use scrubjay_exporters::plugin;
use scrubjay_model::Verdict;

pub(crate) fn run(settings: &Settings, args: &CheckArgs) -> anyhow::Result<Exit> {
    let view = reading::view(settings)?;
    let verdict = view.assessment.verdict;
    let (page, exit) = if args.npd {
        (plugin::node_problem(&view), Exit::NodeProblem(node_problem(verdict)))
    } else {
        (plugin::nagios(&view), Exit::Nagios(nagios(verdict)))
    };
    match print_as_is(&page) {
        // Who asks for the code may not care for the page.
        Err(error) if !is_broken_pipe(&error) => Err(error),
        Ok(()) | Err(_) => Ok(exit),
    }
}

/// The code that Nagios has for a verdict.
pub(crate) fn nagios(verdict: Verdict) -> Nagios {
    match verdict {
        Verdict::Ok => Nagios::Ok,
        Verdict::Unknown => Nagios::Unknown,
        Verdict::Watch | Verdict::Plan => Nagios::Warning,
        Verdict::Act => Nagios::Critical,
    }
}

/// What is only to be watched is no problem of a node: others drain nodes that have one.
fn node_problem(verdict: Verdict) -> NodeProblem {
    match verdict {
        Verdict::Ok | Verdict::Watch => NodeProblem::No,
        Verdict::Plan | Verdict::Act => NodeProblem::Yes,
        Verdict::Unknown => NodeProblem::Unknown,
    }
}

/// The same where the command line was not understood.
pub(crate) fn misused(npd: bool) {
    let _ = print_as_is(&no_verdict(npd, "the command line was not understood, see stderr"));
}

fn no_verdict(npd: bool, why: &str) -> String {
    if npd { plugin::npd_failed(why) } else { plugin::nagios_failed(why) }
}

/// What is written to stdout where no verdict was reached: whoever runs plugins shows nothing else.
pub(crate) fn failed(args: &CheckArgs, error: &anyhow::Error) {
    // It is on stderr as well.
    let _ = print_as_is(&no_verdict(args.npd, &format!("{error:#}")));
}
