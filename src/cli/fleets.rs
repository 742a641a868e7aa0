//! Arguments of `rules`, `replay` and `simulate`.

use super::ReadArgs;
use crate::progress::ProgressArgs;
use clap::{ArgGroup, Args, Subcommand, ValueEnum, value_parser};
use std::num::{NonZeroU8, NonZeroU16};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum RulesCommand {
    /// List the presets with their rules and sources, which policy is in force and how its rules
    /// stand with each stick of memory, and the rules on patches
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
    /// Set no policies beside each other, but fit the probabilities of the engine to what came of
    /// them, and write that into this file for memory.calibration
    #[arg(long, value_name = "FILE", conflicts_with_all = ["policy", "ratio", "window", "lead", "csv"])]
    pub(crate) fit: Option<PathBuf>,
    /// Write JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Write comma-separated values
    #[arg(long, conflicts_with = "json")]
    pub(crate) csv: bool,
    #[command(flatten)]
    pub(crate) progress: ProgressArgs,
}

/// What is dealt with at an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReplayBy {
    Dimm,
    Node,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").required(true).multiple(true).args(["out", "trees", "validate"])))]
pub(crate) struct SimulateArgs {
    /// Where the draws begin; the same seed makes the same bytes
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Nodes
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = value_parser!(u32).range(1..=1_000_000))]
    pub(crate) nodes: u32,
    /// DIMMs in each
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = value_parser!(u16).range(1..=512))]
    pub(crate) dimms: u16,
    /// Days
    #[arg(long, value_name = "N", default_value_t = 365, value_parser = value_parser!(u32).range(1..=36_500))]
    pub(crate) days: u32,
    /// Write truth.csv, counters.csv, events.csv and boots.csv into this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Write over what is in the folder
    #[arg(long)]
    pub(crate) force: bool,
    /// Tell every report by itself [without: those of six hours that agree are one]
    #[arg(long)]
    pub(crate) events: bool,
    /// Somebody takes pages with many errors out of use
    #[arg(long)]
    pub(crate) offline_pages: bool,
    /// One permanent fault on each DIMM and nothing else, to measure trend tests with
    #[arg(long, value_name = "KIND", conflicts_with = "offline_pages")]
    pub(crate) study: Option<StudyKind>,
    /// In a study, errors double every two days from this day on, for 14 days
    #[arg(long, value_name = "DAY", requires = "study")]
    pub(crate) ramp_day: Option<u32>,
    /// Write host trees of one node into this folder: t0.tree for the first --at, and so on
    #[arg(long, value_name = "DIR", requires_all = ["node", "at"])]
    pub(crate) trees: Option<PathBuf>,
    /// The node, from 0
    #[arg(long, value_name = "N", requires = "trees")]
    pub(crate) node: Option<u32>,
    /// A moment, as a span from the beginning such as 30d; may be given more than once
    #[arg(long, value_name = "SPAN", requires = "trees")]
    pub(crate) at: Vec<String>,
    /// Measure fleets of full size against studies: exit 0 if every figure is in its band, 4 if not
    #[arg(long, conflicts_with_all = [
        "out", "trees", "nodes", "dimms", "days", "events", "offline_pages", "study", "force",
    ])]
    pub(crate) validate: bool,
    /// So many fleets, of --seed and those after it
    #[arg(long, value_name = "N", default_value = "5", requires = "validate")]
    pub(crate) seeds: NonZeroU8,
    /// Threads [default: one for each CPU]
    #[arg(long, value_name = "N")]
    pub(crate) jobs: Option<NonZeroU16>,
    /// Write what it amounts to as JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) progress: ProgressArgs,
}

/// How faults of a study show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StudyKind {
    /// The same all the time.
    Stationary,
    /// In phases of days or weeks.
    Phased,
}
