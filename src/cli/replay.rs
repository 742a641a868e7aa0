//! Policies on memory errors: looking at them, and setting them beside each other.

use super::ReadArgs;
use crate::progress::ProgressArgs;
use clap::{Args, Subcommand, ValueEnum, value_parser};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum RulesCommand {
    /// List the presets with their rules and sources, and the rules on patches
    List(ReadArgs),
    /// Say what is wrong with a policy, with line and place: exit 0 if nothing is
    Check(RulesCheckArgs),
    /// Run the tests of a policy: exit 0 if all of them pass
    Test(RulesTestArgs),
}

#[derive(Debug, Args)]
pub(crate) struct RulesCheckArgs {
    /// A policy in TOML; docs/replay.md describes it
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct RulesTestArgs {
    /// Files of tests in TOML, each of which names its policy
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("history").required(true)))]
pub(crate) struct ReplayArgs {
    /// Replay the agent's own history of this host
    #[arg(long, group = "history")]
    pub(crate) own: bool,
    /// Replay a database of rasdaemon
    #[arg(long, value_name = "FILE", group = "history")]
    pub(crate) rasdaemon: Option<PathBuf>,
    /// Replay a log of corrected errors in CSV, with coordinates; its header names the columns
    #[arg(long, value_name = "FILE", group = "history")]
    pub(crate) errors: Option<PathBuf>,
    /// Replay a simulated fleet, made from this seed
    #[arg(long, value_name = "SEED", group = "history")]
    pub(crate) simulate: Option<u64>,
    /// Replay the fleet in a folder that "scrubjay simulate" wrote
    #[arg(long, value_name = "DIR", group = "history")]
    pub(crate) simulated: Option<PathBuf>,
    /// Tickets in CSV for --errors: which DIMM failed when
    #[arg(long, value_name = "FILE")]
    pub(crate) failures: Option<PathBuf>,
    /// Nodes of the simulated fleet
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub(crate) nodes: u32,
    /// Days of the simulated fleet
    #[arg(long, value_name = "N", default_value_t = 365)]
    pub(crate) days: u32,
    /// A preset or the file of a policy; may be given more than once [default: all presets]
    #[arg(long, value_name = "POLICY")]
    pub(crate) policy: Vec<String>,
    /// How many mitigations a failure costs, or "configured" for the costs of the configuration
    /// [default: 10, 50 and 200]
    #[arg(long, value_name = "RATIO", value_delimiter = ',')]
    pub(crate) ratio: Vec<String>,
    /// What is dealt with at an alarm: the DIMM, once (7 days before a failure, 15 minutes at least),
    /// or the node, each time (1 day, 2 minutes)
    #[arg(long, value_name = "UNIT", default_value = "dimm")]
    pub(crate) by: ReplayBy,
    /// How long before a failure an alarm may be and still be about it; "none" for any time
    #[arg(long, value_name = "SPAN")]
    pub(crate) window: Option<String>,
    /// How long before a failure an alarm must be
    #[arg(long, value_name = "SPAN")]
    pub(crate) lead: Option<String>,
    /// Threads; the result does not depend on them [default: as many as processors]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=1024))]
    pub(crate) jobs: Option<u16>,
    #[command(flatten)]
    pub(crate) progress: ProgressArgs,
    /// Write JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Write comma-separated values
    #[arg(long, conflicts_with = "json")]
    pub(crate) csv: bool,
}

/// What is dealt with at an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReplayBy {
    Dimm,
    Node,
}
