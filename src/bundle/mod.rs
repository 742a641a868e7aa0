//! Bundles: a report with all its parts, their checksums, and a signature over those, in a directory.
//! Writing them, and looking at those that come from elsewhere ([0028](../../docs/adr/0028-a-bundle-is-signed-as-stock-tools-do.md)).
//!
//! `wire`, `keys`, `sshsig`, `allowed`, `manifest`, `chain` and `stamp` are pure: bytes in, a verdict out.
//! `files` opens files, `agent` speaks with ssh-agent.

mod agent;
mod allowed;
mod chain;
mod check;
mod contents;
mod files;
mod forms;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
#[cfg(test)]
mod key_tests;
mod keys;
mod manifest;
mod private;
mod signer;
mod sshsig;
mod stamp;
mod wire;
mod write;

pub(crate) use allowed::AllowedSigners;
pub(crate) use check::{Depth, Trust, check};
pub(crate) use files::{names, small};
pub(crate) use forms::forms;
pub(crate) use signer::Signer;
pub(crate) use write::{stamp_answer, stamp_query, write};

/// What signatures are for: one that was made for something else is none for a report.
pub(crate) const NAMESPACE: &str = "scrubjay-report@v1";

/// The list of checksums.
pub(crate) const SUMS: &str = "SHA256SUMS";
/// The signature over it.
pub(crate) const SIGNATURE: &str = "SHA256SUMS.sig";
/// The request for a time stamp of it.
pub(crate) const QUERY: &str = "SHA256SUMS.tsq";
/// The answer.
pub(crate) const ANSWER: &str = "SHA256SUMS.tsr";
/// All that the report says.
pub(crate) const REPORT: &str = "report.json";
/// The policy it judges by.
pub(crate) const POLICY: &str = "policy.toml";
/// The rows of the ledger that it names, and those between.
pub(crate) const LEDGER: &str = "ledger.jsonl";

/// Keys that are listed in a message.
const SHOWN: usize = 8;

/// Whether a file belongs to a bundle without being a part: no list can have its own checksum.
fn is_of_the_bundle(name: &str) -> bool {
    [SUMS, SIGNATURE, QUERY, ANSWER].contains(&name)
}
