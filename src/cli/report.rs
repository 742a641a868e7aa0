//! Arguments of `report`.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// The first day of the period (UTC)
    #[arg(long, value_name = "DAY")]
    pub(crate) from: String,
    /// The last day of it, which is part of it
    #[arg(long, value_name = "DAY")]
    pub(crate) to: String,
    /// Look at what goes on from this moment: a day's end, such as 2026-11-30, or a time such as
    /// 2026-11-30T06:00Z [default: the end of the period, or now if that is earlier]
    #[arg(long, value_name = "WHEN")]
    pub(crate) at: Option<String>,
    /// Within how many days fixes are to be in force: default, pci-dss, nist-800-40, cis-7, or a file
    #[arg(long, value_name = "POLICY", default_value = "default")]
    pub(crate) policy: String,
    /// What the host is called in it [default: its name]
    #[arg(long, value_name = "NAME")]
    pub(crate) host_name: Option<String>,
    /// Write this to stdout
    #[arg(long, value_name = "FORM", default_value = "markdown", conflicts_with = "output")]
    pub(crate) format: ReportForm,
    /// Write all forms of it, tables for spreadsheets and the policy into a new directory, with a list of
    /// their checksums
    #[arg(long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// Sign the directory: a file with a private key of OpenSSH without a passphrase, or a public one whose
    /// private half ssh-agent holds, or agent:FINGERPRINT; rows of the ledger are added
    #[arg(long, value_name = "KEY", requires = "output")]
    pub(crate) sign: Option<String>,
    /// Leave the rows of the ledger out of a signed directory: they name serial numbers and users
    #[arg(long, requires = "sign")]
    pub(crate) without_ledger: bool,
    /// Do not write into the ledger that it was made
    #[arg(long)]
    pub(crate) draft: bool,
    /// Who makes it, for the ledger [default: the user]
    #[arg(long, value_name = "NAME")]
    pub(crate) by: Option<String>,
}

/// Forms of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportForm {
    /// For people, as text
    Markdown,
    /// For people, as one page for a browser that also prints well
    Html,
    /// For people, on paper and for archives: a file, which is not for a terminal
    Pdf,
    /// For programs: all of it
    Json,
}
