//! Arguments of `fleet`.

use super::TrustArgs;
use crate::config::FleetFlags;
use crate::progress::ProgressArgs;
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum FleetCommand {
    /// Show the worst hosts of a fleet, what cannot be seen, and which hosts do not report
    Status(FleetStatusArgs),
    /// Say which hosts are to be visited when, so that never too many of a group are away at once
    Plan(FleetPlanArgs),
    /// Count the hosts within and outside the limit on owed fixes, and name those without data
    Report(FleetReportArgs),
}

/// Which API knows the fleet, and how it names hosts. Secrets are never given here: they are in
/// files, or in SCRUBJAY_FLEET_TOKEN and SCRUBJAY_FLEET_PASSWORD.
#[derive(Debug, Args)]
#[command(next_help_heading = "API")]
pub(crate) struct FleetApiArgs {
    /// Prometheus, Thanos, Mimir or VictoriaMetrics, with the prefix of its path
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Which part of it: matchers without braces, such as env="prod"
    #[arg(long, value_name = "MATCHERS")]
    selector: Option<String>,
    /// The job that scrapes the agents [default: scrubjay]
    #[arg(long, value_name = "NAME")]
    job: Option<String>,
    /// The label that names hosts; given more than once, they name one together [default: instance]
    #[arg(long = "host-label", value_name = "LABEL")]
    host_labels: Vec<String>,
    /// The label that groups hosts, such as rack
    #[arg(long, value_name = "LABEL")]
    group_by: Option<String>,
    /// How far back hosts are looked for that do not report [default: 7d]
    #[arg(long, value_name = "SPAN")]
    look_back: Option<String>,
    /// From which age on readings are no report, unless the agent plans for longer [default: 30m]
    #[arg(long, value_name = "SPAN")]
    stale_after: Option<String>,
    /// Ask about a moment in the past: a day, a time such as 2026-11-01T06:00Z, or a span back from now
    #[arg(long, value_name = "WHEN")]
    pub(crate) at: Option<String>,
    /// How long an answer may take [default: 30s]
    #[arg(long, value_name = "SPAN")]
    timeout: Option<String>,
    /// A file with a token
    #[arg(long, value_name = "FILE")]
    bearer_token_file: Option<String>,
    /// A name for basic authentication
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// A file with its password
    #[arg(long, value_name = "FILE")]
    password_file: Option<String>,
    /// Whose metrics are asked for, as X-Scope-OrgID
    #[arg(long, value_name = "ID")]
    tenant: Option<String>,
    /// Certificates of those who may vouch for the API, in PEM
    #[arg(long, value_name = "FILE")]
    ca_file: Option<String>,
    /// A certificate of ours, in PEM
    #[arg(long, value_name = "FILE")]
    certificate_file: Option<String>,
    /// Its key
    #[arg(long, value_name = "FILE")]
    key_file: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct FleetStatusArgs {
    #[command(flatten)]
    pub(crate) api: FleetApiArgs,
    /// List every host
    #[arg(long)]
    pub(crate) all: bool,
    /// Write JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Write comma-separated values, a line each host
    #[arg(long, conflicts_with = "json")]
    pub(crate) csv: bool,
}

#[derive(Debug, Args)]
pub(crate) struct FleetPlanArgs {
    #[command(flatten)]
    pub(crate) api: FleetApiArgs,
    /// How many hosts of a group may be away at once, or how much of it: 2, 10% [default: 1]
    #[arg(long, value_name = "N|N%", conflicts_with = "resume")]
    at_once: Option<String>,
    /// A maintenance window such as "sunday 02:00 for 3h Europe/Berlin"; may be given more than once
    /// [default: fleet.windows, else maintenance.windows]
    #[arg(long = "window", value_name = "WINDOW", conflicts_with = "resume")]
    windows: Vec<String>,
    /// How long a wave takes; a window has as many as end in it [default: a window is one wave]
    #[arg(long, value_name = "SPAN", conflicts_with = "resume")]
    each: Option<String>,
    /// A host that is left alone; * stands for anything; may be given more than once
    #[arg(long, value_name = "HOST")]
    hold: Vec<String>,
    /// The label that says that a host is left alone [default: scrubjay_hold]
    #[arg(long, value_name = "LABEL")]
    hold_label: Option<String>,
    /// Go on with a plan that was written with --json: hosts done since are not planned again
    #[arg(long, value_name = "FILE", conflicts_with = "group_by")]
    pub(crate) resume: Option<PathBuf>,
    /// Make a plan even if the answer of the API is not whole
    #[arg(long)]
    pub(crate) accept_partial: bool,
    /// Write JSON, which --resume reads
    #[arg(long)]
    pub(crate) json: bool,
    /// Write comma-separated values
    #[arg(long, conflicts_with = "json")]
    pub(crate) csv: bool,
    /// Write Markdown
    #[arg(long, conflicts_with_all = ["json", "csv"])]
    pub(crate) markdown: bool,
}

#[derive(Debug, Args)]
pub(crate) struct FleetReportArgs {
    #[command(flatten)]
    pub(crate) api: FleetApiArgs,
    /// Days from its release within which a fix is to be in force [default: 30]
    #[arg(long, value_name = "N")]
    limit_days: Option<u32>,
    /// Read the bundles of hosts' reports in this directory instead of asking an API: each is looked at, and
    /// one that does not hold is listed
    #[arg(long, value_name = "DIR", conflicts_with_all = ["url", "limit_days"], help_heading = "Bundles")]
    pub(crate) bundles: Option<PathBuf>,
    /// The hosts that there should be, a name a line: those without a bundle that holds are named
    #[arg(long, value_name = "FILE", requires = "bundles", help_heading = "Bundles")]
    pub(crate) hosts: Option<PathBuf>,
    #[command(flatten, next_help_heading = "Bundles")]
    pub(crate) trust: TrustArgs,
    #[command(flatten, next_help_heading = "Output")]
    pub(crate) progress: ProgressArgs,
    /// List every host outside the limit
    #[arg(long)]
    pub(crate) all: bool,
    /// Write JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Write comma-separated values, a line each host
    #[arg(long, conflicts_with = "json")]
    pub(crate) csv: bool,
    /// Write Markdown
    #[arg(long, conflicts_with_all = ["json", "csv"])]
    pub(crate) markdown: bool,
    /// Write one page for a browser; only with --bundles
    #[arg(long, requires = "bundles", conflicts_with_all = ["json", "csv", "markdown"])]
    pub(crate) html: bool,
}

impl FleetCommand {
    pub(crate) fn api(&self) -> &FleetApiArgs {
        match self {
            Self::Status(args) => &args.api,
            Self::Plan(args) => &args.api,
            Self::Report(args) => &args.api,
        }
    }

    /// What of the configuration is set here.
    pub(crate) fn flags(&self) -> FleetFlags {
        let FleetApiArgs {
            url,
            selector,
            job,
            host_labels,
            group_by,
            look_back,
            stale_after,
            at: _,
            timeout,
            bearer_token_file,
            user,
            password_file,
            tenant,
            ca_file,
            certificate_file,
            key_file,
        } = self.api();
        let flags = FleetFlags {
            url: url.clone(),
            selector: selector.clone(),
            job: job.clone(),
            host_labels: host_labels.clone(),
            group_by: group_by.clone(),
            look_back: look_back.clone(),
            stale_after: stale_after.clone(),
            timeout: timeout.clone(),
            bearer_token_file: bearer_token_file.clone(),
            user: user.clone(),
            password_file: password_file.clone(),
            tenant: tenant.clone(),
            ca_file: ca_file.clone(),
            certificate_file: certificate_file.clone(),
            key_file: key_file.clone(),
            ..FleetFlags::default()
        };
        match self {
            Self::Status(_) => flags,
            Self::Plan(args) => FleetFlags {
                at_once: args.at_once.clone(),
                windows: args.windows.clone(),
                each: args.each.clone(),
                hold: args.hold.clone(),
                hold_label: args.hold_label.clone(),
                ..flags
            },
            Self::Report(args) => FleetFlags { limit_days: args.limit_days, ..flags },
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::cli::Cli;
    use clap::CommandFactory;
    use std::collections::BTreeSet;

    /// No flag takes a secret: what is on a command line can be read by everybody on the host.
    #[test]
    fn every_key_of_the_section_but_one_has_its_flag_and_no_flag_takes_a_secret() {
        let mut cli = Cli::command();
        cli.build();
        let fleet = cli.get_subcommands().find(|command| command.get_name() == "fleet").unwrap();
        let flags: BTreeSet<String> = fleet
            .get_subcommands()
            .flat_map(|command| command.get_arguments())
            .filter_map(|flag| flag.get_long().map(str::to_owned))
            .collect();
        let shipped = include_str!("../../dist/etc/scrubjay/scrubjay.toml");
        let section = shipped.split("\n[fleet]\n").nth(1).unwrap();
        let section = section.split("\n[").next().unwrap();
        let mut keys = 0;
        for line in section.lines().filter(|line| !line.starts_with('#')) {
            let Some((key, _)) = line.split_once(" = ") else { continue };
            keys += 1;
            let flag = match key {
                "host_labels" => "host-label".to_owned(),
                "windows" => "window".to_owned(),
                // It is of the servers, not of the question.
                "replica_labels" => continue,
                key => key.replace('_', "-"),
            };
            assert!(flags.contains(&flag), "{key} has no flag --{flag}");
        }
        assert!(keys > 15, "{keys}");
        for secret in ["token", "bearer-token", "password"] {
            assert!(!flags.contains(secret), "--{secret}");
        }
    }
}
