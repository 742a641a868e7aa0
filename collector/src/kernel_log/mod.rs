//! The kernel's log: records, and what they say.
//!
//! Everything here is pure; `sources/kernel_log.rs` reads the device. Only records that the
//! kernel wrote itself count, for any program that may write to `/dev/kmsg` can say anything.

mod digest;
mod livepatch;
mod record;
mod redact;

pub(crate) use digest::Digest;
pub use record::{Record, RecordOrigin};
pub(crate) use redact::telling;

use scrubjay_model::{LogEntry, LogFact, LogFamily};

/// Reads facts from records in their order.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// The live patch in transition, as far as the records tell.
    transition: Option<String>,
}

impl Facts {
    /// Takes the next record; what is known with it is added to `out`.
    pub(crate) fn take(&mut self, record: &Record, out: &mut Vec<LogEntry>) {
        if !record.is_of_the_kernel() {
            return;
        }
        // One record may be of several lines.
        for line in record.text.lines() {
            if let Some(fact) = self.line(line) {
                out.push(LogEntry { at: record.at, fact });
            }
        }
    }

    fn line(&mut self, line: &str) -> Option<LogFact> {
        let rest = line.strip_prefix(livepatch::MARKER)?;
        Some(match livepatch::parse(rest, &mut self.transition) {
            Some(fact) => LogFact::Livepatch(fact),
            None => not_understood(LogFamily::Livepatch, line),
        })
    }
}

fn not_understood(family: LogFamily, line: &str) -> LogFact {
    let mut text: String = line.chars().take(LogFact::MAX_TEXT).collect();
    if text.len() < line.len() {
        text.push('…');
    }
    LogFact::NotUnderstood { family, text }
}

/// What the records of a log say, in order. Pure.
pub fn log_facts<'r>(records: impl IntoIterator<Item = &'r Record>) -> Vec<LogEntry> {
    let (mut facts, mut out) = (Facts::default(), Vec::new());
    for record in records {
        facts.take(record, &mut out);
    }
    out
}

#[cfg(test)]
mod tests;
