//! The kernel's log: records, and what they say.
//!
//! Everything here is pure; `sources/kernel_log.rs` reads the device. Only records that the
//! kernel wrote itself count, for any program that may write to `/dev/kmsg` can say anything.
//! Lines of no family known here are passed over; one that looks like a known family and is not
//! understood is a fact as well, so that nothing is lost in silence.

mod digest;
mod edac;
mod facts;
mod firmware;
mod follow;
mod livepatch;
mod machine_check;
mod pages;
mod record;
mod redact;
mod reports;
mod words;

pub(crate) use digest::Digest;
pub(crate) use facts::{Facts, Placed};
pub use follow::{LogFollower, LogNews};
pub use record::{Record, RecordOrigin};
pub(crate) use redact::telling;
pub use reports::log_reports;

use scrubjay_model::LogEntry;

/// What the records of a log say, in order. Pure.
pub fn log_facts<'r>(records: impl IntoIterator<Item = &'r Record>) -> Vec<LogEntry> {
    let (mut facts, mut out) = (Facts::default(), Vec::<Placed>::new());
    for record in records {
        facts.take(record, &mut out);
    }
    facts.finish(&mut out);
    out.sort_by_key(|(place, _)| *place);
    out.into_iter().map(|(_, entry)| entry).collect()
}

#[cfg(test)]
mod tests;
