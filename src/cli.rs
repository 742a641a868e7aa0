//! The command line.

use crate::config::Flags;
use crate::progress::ProgressArgs;
use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum, value_parser};
use scrubjay_model::LedgerHead;
use std::num::{NonZeroU8, NonZeroU16};
use std::path::PathBuf;

/// Remembers what the kernel forgets at every reboot: memory errors, live patches, boots. Says
/// with evidence whether anything on this host justifies a reboot or a DIMM swap.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Read another host: a directory such as /host in a container, or a captured tree
    #[arg(long, global = true, value_name = "PATH")]
    root: Option<String>,
    /// Where the history is kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/scrubjay]
    #[arg(long, global = true, value_name = "DIR")]
    state_dir: Option<String>,
    /// Read this configuration file instead of those in the usual places
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// How much to log on stderr
    #[arg(long = "log.level", global = true, value_name = "LEVEL", default_value = "info")]
    pub(crate) log_level: LogLevel,
}

/// How much to log.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Keep the history of this host and serve metrics
    Agent(AgentArgs),
    /// Show the verdict on this host and what it rests on
    Status(StatusArgs),
    /// Show what can be read on this host, what cannot, and what to do about it
    Doctor(ReadArgs),
    /// Show what a finding means and rests on, or all that speaks for and against a reboot
    Explain(ExplainArgs),
    /// Say whether the host is to be rebooted: exit 0 yes, 1 no, 2 or more cannot tell
    RebootRequired(ReadArgs),
    /// Show what the history holds
    #[command(subcommand)]
    History(HistoryCommand),
    /// Check or write the ledger: facts that matter, chained by their hashes
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// Check, copy or tidy the file of the history, or try its upgrade
    #[command(subcommand)]
    Db(DbCommand),
    /// Show what was reported of errors: when, where, how severe, by whom
    Events(EventsArgs),
    /// Show pages of memory that are held to be bad
    #[command(subcommand)]
    Pages(PagesCommand),
    /// List the sticks of memory, with the errors each of them had
    Dimms(ReadArgs),
    /// Show everything about one stick of memory
    Show(ShowArgs),
    /// Take in the boots that wtmp, wtmpdb, tuptime and uptimed remember, and the errors that
    /// rasdaemon and mcelog recorded; the agent must not run
    Import(ImportArgs),
    /// Show policies on memory errors, check one, or test one
    #[command(subcommand)]
    Rules(RulesCommand),
    /// Set policies beside each other: what each would have said of a history, which failures that
    /// would have caught, and what it would have cost
    Replay(ReplayArgs),
    /// Say that an alert is known, so that it is told again only if things change; or list those
    #[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
    Ack(AckArgs),
    /// Take back that an alert is known
    Unack(UnackArgs),
    /// Try whether those who are to be told of alerts hear it
    #[command(subcommand)]
    Notify(NotifyCommand),
    /// Check or show the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Write what the sources read on this host as a text tree, for bug reports and tests
    Capture(CaptureArgs),
    /// Make a fleet that was never built, from a seed: its errors and what is true of them
    Simulate(SimulateArgs),
}

#[derive(Debug, Args)]
pub(crate) struct AgentArgs {
    /// Make one pass, record it, write the metrics page to stdout and end
    #[arg(long)]
    pub(crate) once: bool,
    /// Time between passes [default: 60s]
    #[arg(long, value_name = "SPAN")]
    interval: Option<String>,
    /// Where to serve [default: 127.0.0.1:10072]
    #[arg(long = "web.listen-address", value_name = "ADDRESS:PORT")]
    listen_address: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ReadArgs {
    /// Write JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    pub(crate) read: ReadArgs,
    /// List every DIMM, however many there are
    #[arg(long)]
    pub(crate) all: bool,
    /// Exit like a Nagios plugin: 0 ok, 1 watch or plan, 2 act, 3 unknown
    #[arg(long)]
    pub(crate) exit_code: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// "reboot", a stick of memory by its slot, key or place, or the code of a finding
    #[arg(value_name = "WHAT", default_value = "reboot")]
    pub(crate) what: String,
    #[command(flatten)]
    pub(crate) read: ReadArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// Its name in "scrubjay dimms", its slot, serial number or place
    #[arg(value_name = "DIMM")]
    pub(crate) dimm: String,
    #[command(flatten)]
    pub(crate) read: ReadArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum HistoryCommand {
    /// Boots: when, how long, which kernel, how they ended; --by month: availability
    Boots(SumArgs),
    /// Memory errors: sums and changes, with the time that was watched
    Memory(MemoryArgs),
    /// Kernels, live patches and reboot reasons over time, and how long fixes were owed
    Patches(SumArgs),
    /// Bad pages: when and why each was registered, and what became of it
    Pages(SumArgs),
    /// Errors that other tools recorded, as they were imported
    Imported(ReadArgs),
    /// Alerts: when each fired, was held, acknowledged, resolved
    Alerts(PastArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum LedgerCommand {
    /// Look at every row: exit 0 if none was altered, removed or put elsewhere, 4 if one was
    Verify(LedgerVerifyArgs),
    /// Write the rows as NDJSON, for whoever keeps them or checks them elsewhere
    Export(LedgerExportArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum DbCommand {
    /// Look at every page, reference, sum and row of the ledger: exit 0 if whole, 4 if not
    Check(ReadArgs),
    /// Copy the history to a new file, also while the agent runs, and check the copy
    Backup(DbBackupArgs),
    /// Say what an agent of this version would do to the file when it starts
    Migrate(DbMigrateArgs),
    /// Give back the space that the file does not use; the agent must not run
    Vacuum(ReadArgs),
}

#[derive(Debug, Args)]
pub(crate) struct DbBackupArgs {
    /// The copy; must not be there yet
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) read: ReadArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DbMigrateArgs {
    /// Try it on a copy and leave the file as it is; the agent does it when it starts
    #[arg(long, required = true)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) read: ReadArgs,
}

#[derive(Debug, Args)]
pub(crate) struct LedgerVerifyArgs {
    /// A copy of a row's hash, from the journal or the metrics; may be given more than once
    #[arg(long, value_name = "SEQ:HASH")]
    pub(crate) expect: Vec<LedgerHead>,
    #[command(flatten)]
    pub(crate) read: ReadArgs,
}

#[derive(Debug, Args)]
pub(crate) struct LedgerExportArgs {
    /// Begin with the first row of the last SPAN, for example 30d
    #[arg(long, value_name = "SPAN")]
    pub(crate) since: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct PastArgs {
    #[command(flatten)]
    pub(crate) read: ReadArgs,
    /// Write comma-separated values
    #[arg(long, conflicts_with = "json")]
    pub(crate) csv: bool,
    /// Begin at WHEN: a day such as 2026-11-01 (UTC), a time such as 2026-11-01T06:00Z, or a span back
    /// from now such as 36h or 30d
    #[arg(long, value_name = "WHEN")]
    pub(crate) since: Option<String>,
    /// End before WHEN, given as with --since
    #[arg(long, value_name = "WHEN")]
    pub(crate) until: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct SumArgs {
    #[command(flatten)]
    pub(crate) past: PastArgs,
    /// Add up, each sum beside the time that was watched [without --since: the last 48 hours, the last
    /// 60 days, or all]
    #[arg(long, value_name = "UNIT")]
    pub(crate) by: Option<By>,
}

#[derive(Debug, Args)]
pub(crate) struct MemoryArgs {
    #[command(flatten)]
    pub(crate) sums: SumArgs,
    /// Show the last N changes
    #[arg(long, value_name = "N", default_value_t = 1000, conflicts_with = "by")]
    pub(crate) last: u32,
}

/// What is added up by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    Hour,
    Day,
    Month,
    Boot,
}

#[derive(Debug, Args)]
pub(crate) struct EventsArgs {
    #[command(flatten)]
    pub(crate) read: ReadArgs,
    /// Show reports of the last SPAN only, for example 30d
    #[arg(long, value_name = "SPAN")]
    pub(crate) since: Option<String>,
    /// Show the last N groups of reports
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) last: u32,
    /// Go on showing reports as the agent takes them in, until interrupted
    #[arg(long)]
    pub(crate) follow: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PagesCommand {
    /// List the registry of bad pages, and whether the kernel has them out of use now
    List(PagesListArgs),
    /// Write words for the boot loader that keep the next kernel off bad pages; changes nothing
    BootArgs(ReadArgs),
}

#[derive(Debug, Args)]
pub(crate) struct PagesListArgs {
    #[command(flatten)]
    pub(crate) read: ReadArgs,
    /// Look at every page for ones the kernel has marked (needs root or CAP_DAC_READ_SEARCH)
    #[arg(long)]
    pub(crate) scan: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Read the configuration and say whether it is valid
    Check,
    /// Show every setting and where it comes from
    Show,
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    #[command(flatten)]
    pub(crate) read: ReadArgs,
    #[command(flatten)]
    pub(crate) progress: ProgressArgs,
    /// Take in what this one remembers, and no other
    #[arg(long, value_name = "MEMORY")]
    pub(crate) from: Option<ImportFrom>,
    /// Where the records of rasdaemon or mcelog are, if not at the usual place; with --root, the path
    /// there
    #[arg(long, value_name = "PATH", requires = "from")]
    pub(crate) file: Option<String>,
}

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

/// A tool that remembers boots or records errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ImportFrom {
    Wtmp,
    Wtmpdb,
    Tuptime,
    Uptimed,
    Rasdaemon,
    Mcelog,
}

#[derive(Debug, Args)]
pub(crate) struct AckArgs {
    #[command(subcommand)]
    pub(crate) command: Option<AckCommand>,
    #[command(flatten)]
    pub(crate) give: GiveArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AckCommand {
    /// List what is acknowledged, and what waits for the agent's next pass
    List(ReadArgs),
}

#[derive(Debug, Args)]
pub(crate) struct GiveArgs {
    /// The code of a finding, with or without its subject as CODE:SUBJECT, or what "scrubjay dimms"
    /// calls a stick of memory
    #[arg(value_name = "DIMM|RULE[:SUBJECT]", required = true)]
    pub(crate) target: Option<String>,
    /// Why it needs no further word
    #[arg(long, value_name = "TEXT", required = true)]
    pub(crate) reason: Option<String>,
    /// Until when: a day such as 2026-12-01 (UTC), a time such as 2026-12-01T06:00Z, or a span from now
    /// such as 36h or 7d
    #[arg(long, value_name = "WHEN", required = true)]
    pub(crate) until: Option<String>,
    /// How many errors there may be before it is told again
    #[arg(long, value_name = "N|now", default_value = "now")]
    pub(crate) baseline: String,
    /// Who says so [default: the user]
    #[arg(long, value_name = "NAME")]
    pub(crate) by: Option<String>,
    #[command(flatten)]
    pub(crate) read: ReadArgs,
}

#[derive(Debug, Args)]
pub(crate) struct UnackArgs {
    /// As it was given to "scrubjay ack"
    #[arg(value_name = "DIMM|RULE[:SUBJECT]")]
    pub(crate) target: String,
    /// Who says so [default: the user]
    #[arg(long, value_name = "NAME")]
    pub(crate) by: Option<String>,
    #[command(flatten)]
    pub(crate) read: ReadArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum NotifyCommand {
    /// Tell receivers that nothing happened: exit 0 if all of them took it, 1 if one did not
    Test(NotifyTestArgs),
}

#[derive(Debug, Args)]
pub(crate) struct NotifyTestArgs {
    /// Only this one: journal, alertmanager, webhook, or a name as the metrics have it
    #[arg(long, value_name = "RECEIVER")]
    pub(crate) to: Option<String>,
    #[command(flatten)]
    pub(crate) read: ReadArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CaptureArgs {
    /// Replace host names, serial numbers, command names and kernel parameters
    #[arg(long)]
    pub(crate) redact: bool,
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

impl Cli {
    /// What the command line sets.
    pub(crate) fn flags(&self) -> Flags {
        let Global { root, state_dir, config, log_level: _ } = &self.global;
        let (interval, listen_address) = match &self.command {
            Command::Agent(agent) => (agent.interval.clone(), agent.listen_address.clone()),
            Command::Status(_)
            | Command::Doctor(_)
            | Command::Explain(_)
            | Command::RebootRequired(_)
            | Command::History(_)
            | Command::Ledger(_)
            | Command::Db(_)
            | Command::Events(_)
            | Command::Pages(_)
            | Command::Dimms(_)
            | Command::Show(_)
            | Command::Import(_)
            | Command::Rules(_)
            | Command::Replay(_)
            | Command::Ack(_)
            | Command::Unack(_)
            | Command::Notify(_)
            | Command::Config(_)
            | Command::Capture(_)
            | Command::Simulate(_) => (None, None),
        };
        Flags {
            config: config.clone(),
            interval,
            state_dir: state_dir.clone(),
            root: root.clone(),
            listen_address,
        }
    }
}
