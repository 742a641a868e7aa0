//! A whole log in a few figures, made record by record so that the log need not be held.

use super::{Facts, Record};
use crate::host::LogPart;
use scrubjay_model::{ForcedPatch, KernelLog, LivepatchFact, LogEntry, LogFact, ParseFault};

/// Most forced transitions kept, the latest ones. Each takes at least a second.
const FORCED_LIMIT: usize = 64;

/// A log being read.
#[derive(Debug)]
pub(crate) struct Digest {
    log: KernelLog,
    facts: Facts,
    /// Room for the facts of one record.
    entries: Vec<LogEntry>,
    /// The number that the next record should have.
    next: Option<u64>,
    /// The first record that is of no known form.
    malformed: Option<ParseFault>,
}

impl Digest {
    pub(crate) fn new() -> Self {
        let log = KernelLog {
            oldest: None,
            newest: None,
            records: 0,
            lost: 0,
            cut: false,
            forced: Vec::new(),
        };
        let facts = Facts::default();
        Self { log, facts, entries: Vec::new(), next: None, malformed: None }
    }

    /// Takes the next part of the log.
    pub(crate) fn take(&mut self, part: LogPart<'_>) {
        match part {
            LogPart::Record(bytes) => match Record::from_kmsg(bytes) {
                Some(record) => self.record(&record),
                None => {
                    let expected = "a record of /dev/kmsg";
                    self.malformed.get_or_insert_with(|| ParseFault::new(expected, bytes));
                }
            },
            LogPart::LeftOut(records) => {
                self.log.records = self.log.records.saturating_add(records);
                self.next = self.next.map(|next| next.saturating_add(records));
            }
            // The gap in the numbers will tell how many.
            LogPart::Overwritten => {}
            LogPart::Limit => self.log.cut = true,
        }
    }

    /// What was read, and the first record that could not be.
    pub(crate) fn finish(self) -> (KernelLog, Option<ParseFault>) {
        (self.log, self.malformed)
    }

    fn record(&mut self, record: &Record) {
        let log = &mut self.log;
        log.records = log.records.saturating_add(1);
        log.oldest.get_or_insert(record.at);
        log.newest = Some(record.at);
        if let Some(sequence) = record.at.sequence {
            let missing = self.next.map_or(0, |next| sequence.saturating_sub(next));
            log.lost = log.lost.saturating_add(missing);
            self.next = Some(sequence.saturating_add(1));
        }
        self.facts.take(record, &mut self.entries);
        for entry in self.entries.drain(..) {
            note(log, entry);
        }
    }
}

fn note(log: &mut KernelLog, entry: LogEntry) {
    match entry.fact {
        LogFact::Livepatch(LivepatchFact::Forced { patch }) => {
            // Without a time it could not be told from another; `/dev/kmsg` always has one.
            let Some(awake) = entry.at.awake else { return };
            if log.forced.len() == FORCED_LIMIT {
                log.forced.remove(0);
            }
            log.forced.push(ForcedPatch { awake, patch });
        }
        LogFact::Livepatch(LivepatchFact::Completed { patch, .. }) => {
            // There is one transition at a time. If its beginning is no longer in the log, its end
            // names the patch.
            if let Some(ForcedPatch { patch: unnamed @ None, .. }) = log.forced.last_mut() {
                *unnamed = Some(patch);
            }
        }
        LogFact::Livepatch(
            LivepatchFact::Enabling { .. }
            | LivepatchFact::Started { .. }
            | LivepatchFact::Signaling,
        )
        | LogFact::NotUnderstood { .. } => {}
    }
}
