//! Arguments of `verify` and `timestamp`.

use super::ReadArgs;
use clap::Args;
use std::path::PathBuf;

/// Whose signatures are believed.
#[derive(Debug, Args)]
pub(crate) struct TrustArgs {
    /// Who may sign: a file of allowed signers as ssh-keygen takes it
    #[arg(long, value_name = "FILE")]
    pub(crate) allowed_signers: Option<PathBuf>,
    /// Who must have signed: an identity of that file [default: anybody in it]
    #[arg(long, value_name = "NAME", requires = "allowed_signers")]
    pub(crate) identity: Option<String>,
    /// When keys must be valid: a day, or a time such as 2026-11-01T06:00Z [default: now]
    #[arg(long, value_name = "WHEN", requires = "allowed_signers")]
    pub(crate) valid_at: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The directory of a bundle, as "report --output DIR --sign KEY" writes it
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    #[command(flatten)]
    pub(crate) read: ReadArgs,
}

#[derive(Debug, Args)]
pub(crate) struct TimestampArgs {
    /// The directory of a bundle
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// The answer of an authority, to be checked and taken into the bundle
    #[arg(long, value_name = "FILE")]
    pub(crate) answer: Option<PathBuf>,
}
