//! Arguments of `ack`, `unack` and `notify`.

use super::ReadArgs;
use clap::{Args, Subcommand};

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
