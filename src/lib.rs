//! The binary: command line, configuration, clocks, the agent's loop, exit codes. Everything that
//! reads, remembers, judges or renders lives in the crates beside it.
//!
//! It is a library for the sake of the fuzz targets alone, which need a crate to link
//! ([0032](../../docs/adr/0032-the-binary-is-linked-by-fuzz-targets.md)): nothing but [`run`] is public.

mod agent;
mod alerting;
mod beside;
mod bundle;
mod calibration;
mod cli;
mod clock;
mod commands;
mod config;
mod deadlines;
mod demo;
mod ends;
mod exit;
mod fleet;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod header;
mod judging;
mod listening;
mod logging;
mod notify;
mod pages;
mod policies;
mod privileges;
mod progress;
mod sandbox;
mod serve;
mod serving;
mod shared;
mod signals;
mod site_past;
mod watermark;
mod web;
mod windows;

use clap::{CommandFactory, Parser};
use cli::{Cli, Command, ConfigCommand, ExportCommand};
use config::{Inputs, Settings};
use exit::{Exit, Nagios, NodeProblem, NotThere, Reboot};
use scrubjay_storage::StorageError;
use std::io::Write;
use std::process::ExitCode;

/// The program, from its arguments to its exit code.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return misused(&error),
    };
    logging::to_stderr(cli.log_level());
    match execute(&cli) {
        Ok(exit) => ExitCode::from(exit.code()),
        // Whoever read our output has seen enough.
        Err(error) if commands::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // The chain is printed once, here. The history's errors say what was being done.
            // Contexts in front of one are worded to go on in the same way.
            let doing = if error.is::<StorageError>() { "failed to " } else { "" };
            let _ = writeln!(anstream::stderr(), "error: {doing}{error}");
            for cause in error.chain().skip(1) {
                let _ = writeln!(anstream::stderr(), "  because: {cause}");
            }
            if let Command::Serve(_) = &cli.command
                && web::is_file_denied(&error)
            {
                let _ = writeln!(anstream::stderr(), "  {SERVE_HINT}");
            }
            if let Command::Check(args) = &cli.command {
                commands::check::failed(args, &error);
            }
            let failure = failure(&cli.command);
            let is_missing = failure == Exit::Failed && error.is::<NotThere>();
            ExitCode::from(if is_missing { Exit::NoData } else { failure }.code())
        }
    }
}

/// The agent reads the same files as root.
const SERVE_HINT: &str = "try: give the web configuration and the keys that it names to the group that serve runs as \
    (chgrp scrubjay FILE, chmod 0640 FILE)";

/// The command line was not understood, or help was asked for.
fn misused(error: &clap::Error) -> ExitCode {
    // Where it cannot be printed nobody reads it.
    let _ = error.print();
    if !error.use_stderr() {
        return ExitCode::SUCCESS;
    }
    // Nagios would take the usual 2 for CRITICAL.
    let understood = Cli::command().ignore_errors(true).try_get_matches();
    let asked = understood.as_ref().ok().and_then(clap::ArgMatches::subcommand_name);
    if asked != Some("check") {
        return ExitCode::from(Exit::Usage.code());
    }
    // What comes after a word that was not understood may not be in the matches.
    let npd = std::env::args_os().any(|argument| argument == "--npd");
    commands::check::misused(npd);
    let unknown = match npd {
        true => Exit::NodeProblem(NodeProblem::Unknown),
        false => Exit::Nagios(Nagios::Unknown),
    };
    ExitCode::from(unknown.code())
}

/// A monitoring system that asked for a verdict and got none must not take that for a warning.
fn failure(command: &Command) -> Exit {
    match command {
        Command::Status(args) if args.exit_code => Exit::Nagios(Nagios::Unknown),
        Command::Check(args) if args.npd => Exit::NodeProblem(NodeProblem::Unknown),
        Command::Check(_) => Exit::Nagios(Nagios::Unknown),
        // Whoever asks whether to reboot must not take a failure for a yes or a no.
        Command::RebootRequired(_) => Exit::Reboot(Reboot::Unknown),
        Command::Status(_)
        | Command::Explain(_)
        | Command::Export(_)
        | Command::Agent(_)
        | Command::Serve(_)
        | Command::Doctor(_)
        | Command::History(_)
        | Command::Ledger(_)
        | Command::Report(_)
        | Command::Verify(_)
        | Command::Timestamp(_)
        | Command::Db(_)
        | Command::Events(_)
        | Command::Pages(_)
        | Command::Dimms(_)
        | Command::Show(_)
        | Command::Import(_)
        | Command::Ack(_)
        | Command::Unack(_)
        | Command::Notify(_)
        | Command::Rules(_)
        | Command::Replay(_)
        | Command::Fleet(_)
        | Command::Config(_)
        | Command::Capture(_)
        | Command::Simulate(_)
        | Command::Demo(_)
        | Command::Completions(_)
        | Command::Man(_) => Exit::Failed,
    }
}

fn execute(cli: &Cli) -> anyhow::Result<Exit> {
    if let Command::Completions(args) = &cli.command {
        return commands::generated::completions(args);
    }
    if let Command::Man(args) = &cli.command {
        return commands::generated::man(args);
    }
    if let Command::Demo(args) = &cli.command {
        // What is configured for this host is none of a host that does not exist.
        return commands::demo::run(args, &cli.flags());
    }
    let inputs = Inputs::read(&cli.flags())?;
    if let Command::Config(command) = &cli.command {
        // Showing must work on a configuration that is not valid: that is when one looks.
        return match **command {
            ConfigCommand::Show => commands::config::show(&inputs),
            ConfigCommand::Check => commands::config::check(&inputs),
        };
    }
    let settings = Settings::validate(&inputs)?;
    match &cli.command {
        Command::Agent(args) => agent::run(&settings, args.once),
        Command::Serve(_) => serve::run(&settings),
        Command::Status(args) => commands::status::run(&settings, args),
        Command::Check(args) => commands::check::run(&settings, args),
        Command::Export(command) => match &**command {
            ExportCommand::Textfile(args) => commands::export::textfile(&settings, args),
        },
        Command::Doctor(args) => commands::doctor::run(&settings, args),
        Command::Explain(args) => commands::explain::run(&settings, args),
        Command::RebootRequired(args) => commands::explain::reboot_required(&settings, args),
        Command::History(command) => commands::history::run(&settings, command),
        Command::Ledger(command) => commands::ledger::run(&settings, command),
        Command::Report(args) => commands::report::run(&settings, args),
        Command::Verify(args) => commands::verify::run(args),
        Command::Timestamp(args) => commands::verify::timestamp(args),
        Command::Db(command) => commands::db::run(&settings, command),
        Command::Events(args) => commands::events::run(&settings, args),
        Command::Pages(command) => commands::pages::run(&settings, command),
        Command::Dimms(args) => commands::dimms::list(&settings, args),
        Command::Show(args) => commands::dimms::show(&settings, args),
        Command::Import(args) => commands::import::run(&settings, args),
        Command::Ack(args) => commands::ack::run(&settings, args),
        Command::Unack(args) => commands::ack::unack(&settings, args),
        Command::Notify(command) => commands::notify::run(&settings, command),
        Command::Rules(command) => commands::rules::run(&settings, command),
        Command::Replay(args) => commands::replay::run(&settings, args),
        Command::Fleet(command) => commands::fleet::run(&settings, command),
        Command::Capture(args) => commands::capture::run(&settings, args),
        Command::Simulate(args) => commands::simulate::run(args),

        Command::Config(_) | Command::Demo(_) | Command::Completions(_) | Command::Man(_) => {
            Ok(Exit::Ok)
        }
    }
}
