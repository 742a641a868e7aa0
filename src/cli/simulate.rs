//! Fleets that were never built.

use crate::progress::ProgressArgs;
use clap::{ArgGroup, Args, ValueEnum, value_parser};
use std::num::{NonZeroU8, NonZeroU16};
use std::path::PathBuf;

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
