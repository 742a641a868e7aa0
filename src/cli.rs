//! The command line.

mod alerts;
mod demo;
mod fleet;
mod fleets;
mod generated;
mod late;
mod outputs;
mod report;
mod verify;

use crate::config::{DEFAULT_LISTEN_ADDRESS, DEFAULT_SERVE_ADDRESS, Flags, FleetFlags, WebFlags};
use crate::progress::ProgressArgs;
use clap::{Args, Parser, Subcommand, ValueEnum};
use scrubjay_alerts::memory::Ecc;
use scrubjay_model::LedgerHead;
use std::path::PathBuf;

pub(crate) use alerts::{AckArgs, AckCommand, GiveArgs, NotifyCommand, NotifyTestArgs, UnackArgs};
pub(crate) use demo::{DemoArgs, DemoScenario};
pub(crate) use fleet::{FleetCommand, FleetPlanArgs, FleetReportArgs, FleetStatusArgs};
pub(crate) use fleets::{ReplayArgs, ReplayBy, RulesCommand, SimulateArgs, StudyKind};
pub(crate) use generated::{CompletionsArgs, ManArgs};
use late::Late;
pub(crate) use outputs::{CheckArgs, ExportCommand, TextfileArgs};
pub(crate) use report::{ReportArgs, ReportForm};
pub(crate) use verify::{TimestampArgs, TrustArgs, VerifyArgs};

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
    /// How much to log on stderr [default: info; of demo, which tells a story, error]
    #[arg(long = "log.level", global = true, value_name = "LEVEL")]
    pub(crate) log_level: Option<LogLevel>,
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
    Agent(Late<AgentArgs>),
    /// Show the pages, the JSON and the metrics of what the agent saw last, without any privilege
    Serve(Late<ServeArgs>),
    /// Show the verdict on this host and what it rests on
    Status(Late<StatusArgs>),
    /// Answer as a plugin of Nagios or Icinga: 0 ok, 1 watch or plan, 2 act, 3 unknown
    Check(Late<CheckArgs>),
    /// Show what can be read on this host, what cannot, and what to do about it
    Doctor(Late<ReadArgs>),
    /// Show what a finding means and rests on, or all that speaks for and against a reboot
    Explain(Late<ExplainArgs>),
    /// Say whether the host is to be rebooted: exit 0 yes, 1 no, 2 or more cannot tell
    RebootRequired(Late<ReadArgs>),
    /// Show what the history holds
    #[command(subcommand)]
    History(Late<HistoryCommand>),
    /// Check or write the ledger: facts that matter, chained by their hashes
    #[command(subcommand)]
    Ledger(Late<LedgerCommand>),
    /// Say of a period when the host was up, which fixes were in force in time, and what its memory did,
    /// for somebody who was not there
    Report(Late<ReportArgs>),
    /// Look at a bundle of a report: its signature, every checksum, the ledger's chain and the figures
    Verify(Late<VerifyArgs>),
    /// Write a request for a time stamp of a bundle, or take the answer of an authority in
    Timestamp(Late<TimestampArgs>),
    /// Check, copy or tidy the file of the history, or try its upgrade
    #[command(subcommand)]
    Db(Late<DbCommand>),
    /// Show what was reported of errors: when, where, how severe, by whom
    Events(Late<EventsArgs>),
    /// Show pages of memory that are held to be bad
    #[command(subcommand)]
    Pages(Late<PagesCommand>),
    /// List the sticks of memory, with the errors each of them had
    Dimms(Late<ReadArgs>),
    /// Show everything about one stick of memory
    Show(Late<ShowArgs>),
    /// Take in the boots that wtmp, wtmpdb, tuptime and uptimed remember, and the errors that
    /// rasdaemon and mcelog recorded; the agent must not run
    Import(Late<ImportArgs>),
    /// Say that an alert is known, so that it is told again only if things change; or list those
    #[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
    Ack(Late<AckArgs>),
    /// Take back that an alert is known
    Unack(Late<UnackArgs>),
    /// Try whether those who are to be told of alerts hear it
    #[command(subcommand)]
    Notify(Late<NotifyCommand>),
    /// Show policies on memory errors, check one, or test one
    #[command(subcommand)]
    Rules(Late<RulesCommand>),
    /// Set policies beside each other: what each would have said of a history, which failures that
    /// would have caught, and what it would have cost
    Replay(Late<ReplayArgs>),
    /// Write what is known for others to collect
    #[command(subcommand)]
    Export(Late<ExportCommand>),
    /// Ask a Prometheus-compatible API about many hosts: the worst, whom to visit when, who is within limits
    #[command(subcommand)]
    Fleet(Box<Late<FleetCommand>>),
    /// Check or show the configuration
    #[command(subcommand)]
    Config(Late<ConfigCommand>),
    /// Write what the sources read on this host as a text tree, for bug reports and tests
    Capture(Late<CaptureArgs>),
    /// Make a fleet that was never built, from a seed: its errors and what is true of them
    Simulate(Late<SimulateArgs>),
    /// Watch a host that does not exist: its memory fails or its patches lag, quickly, and scrubjay says
    /// what it makes of that
    Demo(Late<DemoArgs>),
    /// Write what completes these commands in a shell
    Completions(Late<CompletionsArgs>),
    /// Write these commands as pages for man
    Man(Late<ManArgs>),
}

#[derive(Debug, Args)]
#[command(mut_arg("listen_address", |arg| {
    outputs::listens_at(arg, &format!("{DEFAULT_LISTEN_ADDRESS}, which is all addresses"))
}))]
pub(crate) struct AgentArgs {
    /// Make one pass, record it, write the metrics page to stdout and end
    #[arg(long)]
    pub(crate) once: bool,
    /// Time between passes [default: 60s]
    #[arg(long, value_name = "SPAN")]
    interval: Option<String>,
    #[command(flatten)]
    web: outputs::WebArgs,
}

#[derive(Debug, Args)]
#[command(mut_arg("listen_address", |arg| outputs::listens_at(arg, DEFAULT_SERVE_ADDRESS)))]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    web: outputs::WebArgs,
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
    /// "reboot", "mttf" (how long memory of this size lasts), "uptime" (whether it is a reason to reboot),
    /// a stick of memory by its slot, key or place, or the code of a finding
    #[arg(value_name = "WHAT", default_value = "reboot")]
    pub(crate) what: String,
    /// For "mttf": memory of so many gigabytes rather than this host's
    #[arg(long, value_name = "N", value_parser = gigabytes)]
    pub(crate) gigabytes: Option<f64>,
    /// For "mttf" and "uptime": memory that is corrected like this rather than this host's
    #[arg(long, value_name = "ECC")]
    pub(crate) ecc: Option<EccArg>,
    #[command(flatten)]
    pub(crate) read: ReadArgs,
}

/// How memory is corrected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EccArg {
    /// Not at all
    None,
    /// Single errors corrected, double ones detected
    Secded,
    /// Any errors of one device corrected
    Chipkill,
}

impl EccArg {
    pub(crate) fn meant(self) -> Ecc {
        match self {
            Self::None => Ecc::None,
            Self::Secded => Ecc::SecDed,
            Self::Chipkill => Ecc::Chipkill,
        }
    }
}

/// An amount of memory there can be.
fn gigabytes(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(amount) if amount.is_finite() && amount > 0.0 && amount <= 1e6 => Ok(amount),
        Ok(_) | Err(_) => Err("give a number of gigabytes, such as 256".to_owned()),
    }
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
pub(crate) struct CaptureArgs {
    /// Replace host names, serial numbers, command names and kernel parameters
    #[arg(long)]
    pub(crate) redact: bool,
}

impl Cli {
    /// How much to log.
    pub(crate) fn log_level(&self) -> LogLevel {
        let is_story = matches!(self.command, Command::Demo(_));
        self.global.log_level.unwrap_or(if is_story { LogLevel::Error } else { LogLevel::Info })
    }

    /// What the command line sets.
    pub(crate) fn flags(&self) -> Flags {
        let Global { root, state_dir, config, log_level: _ } = &self.global;
        let (interval, web) = match &self.command {
            Command::Agent(agent) => (agent.interval.clone(), agent.web.flags()),
            Command::Serve(serve) => (None, WebFlags { serves: true, ..serve.web.flags() }),
            Command::Demo(demo) => (None, demo.web()),
            Command::Status(_)
            | Command::Check(_)
            | Command::Export(_)
            | Command::Doctor(_)
            | Command::Explain(_)
            | Command::RebootRequired(_)
            | Command::History(_)
            | Command::Report(_)
            | Command::Verify(_)
            | Command::Timestamp(_)
            | Command::Ledger(_)
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
            | Command::Completions(_)
            | Command::Man(_) => (None, WebFlags::default()),
        };
        let fleet = if let Command::Fleet(command) = &self.command {
            command.flags()
        } else {
            FleetFlags::default()
        };
        Flags {
            config: config.clone(),
            interval,
            state_dir: state_dir.clone(),
            root: root.clone(),
            web,
            fleet,
        }
    }
}
