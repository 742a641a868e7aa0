//! The ledger: an append-only table in which each row names the hash of the one before, so that
//! nothing in it can be altered, removed or put elsewhere without all that follows being made
//! anew, which copies of the head held by others tell. `docs/ledger.md` has the format.
//!
//! The plan of a pass says which facts happened (`fact`, pure), bounded by `pace`. They become
//! rows in the transaction that writes the change itself (`keeper`, `rows`), as only then their
//! numbers are known. `verify` looks at them again.

mod chain;
mod checkpoint;
mod fact;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod keeper;
mod pace;
mod produce;
mod produce_alerts;
pub(crate) mod rows;
mod seen;
mod value;
mod verify;

pub(crate) use chain::digest;
pub(crate) use fact::Fact;
#[cfg(test)]
pub(crate) use fact::Kind;
pub(crate) use keeper::Keeper;
pub(crate) use pace::Pace;
pub(crate) use produce::*;
pub(crate) use produce_alerts::*;
pub use rows::LedgerLine;
pub(crate) use seen::*;
