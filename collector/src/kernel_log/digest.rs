//! A whole log in a few figures, made record by record so that the log need not be held.

use super::{Facts, Placed, Record};
use crate::host::LogPart;
use scrubjay_model::{
    ForcedPatch, KernelLog, LivepatchFact, LogCounts, LogEntry, LogFact, LogTransition, PageFact,
    ParseFault,
};
use std::time::Duration;

/// Most forced transitions kept, the latest ones. Each takes at least a second.
const FORCED_LIMIT: usize = 64;

/// Most lines kept of drivers that find ECC off: one for each controller.
const ECC_LIMIT: usize = 16;

/// A log being read.
#[derive(Debug)]
pub(crate) struct Digest {
    log: KernelLog,
    facts: Facts,
    /// Room for the facts of one record.
    entries: Vec<Placed>,
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
            transition: None,
            transition_ended: false,
            ecc_disabled: Vec::new(),
            cec_initialized: false,
            cmci_storms: 0,
            told: LogCounts::NONE,
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
                    self.facts.skip(1);
                    self.malformed.get_or_insert_with(|| ParseFault::new(expected, bytes));
                }
            },
            LogPart::LeftOut(records) => {
                self.facts.skip(records);
                self.log.records = self.log.records.saturating_add(records);
                self.next = self.next.map(|next| next.saturating_add(records));
            }
            // The gap in the numbers will tell how many.
            LogPart::Overwritten => {}
            LogPart::Limit => self.log.cut = true,
        }
    }

    /// What was read, and the first record that could not be.
    pub(crate) fn finish(mut self) -> (KernelLog, Option<ParseFault>) {
        self.facts.finish(&mut self.entries);
        self.note();
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
        self.note();
    }

    fn note(&mut self) {
        for (_, entry) in self.entries.drain(..) {
            note(&mut self.log, entry);
        }
    }
}

fn note(log: &mut KernelLog, entry: LogEntry) {
    let told = &mut log.told;
    let add = |count: &mut u64, n: u64| *count = count.saturating_add(n);
    match entry.fact {
        LogFact::Livepatch(fact) => livepatch(log, fact, entry.at.awake),
        // A report speaks of one error at least, whatever its count.
        LogFact::Edac(line) if line.corrected => add(&mut told.edac_corrected, line.count.max(1)),
        LogFact::Edac(line) => add(&mut told.edac_uncorrected, line.count.max(1)),
        LogFact::Firmware(_) => add(&mut told.firmware, 1),
        LogFact::MemoryFailure(PageFact::Handled { .. }) => add(&mut told.memory_failures, 1),
        LogFact::MemoryFailure(PageFact::SoftOffline { .. }) | LogFact::CecSoftOffline { .. } => {
            add(&mut told.soft_offlines, 1);
        }
        LogFact::MachineCheck(_) => add(&mut told.machine_checks, 1),
        LogFact::EccDisabled { text } => {
            if log.ecc_disabled.len() < ECC_LIMIT {
                log.ecc_disabled.push(text);
            }
        }
        LogFact::CecInitialized => log.cec_initialized = true,
        LogFact::CmciStorm { began, .. } => add(&mut log.cmci_storms, u64::from(began)),
        LogFact::NotUnderstood { .. } => add(&mut told.not_understood, 1),
        LogFact::EdacController { .. }
        | LogFact::MemoryFailure(
            PageFact::AlreadyPoisoned { .. }
            | PageFact::Signal { .. }
            | PageFact::Remark { .. }
            | PageFact::Unpoison { .. },
        )
        | LogFact::MachineChecksLogged
        | LogFact::Apei { .. }
        | LogFact::Panic { .. } => {}
    }
}

fn livepatch(log: &mut KernelLog, fact: LivepatchFact, awake: Option<Duration>) {
    match fact {
        LivepatchFact::Forced { patch } => {
            // Without a time it could not be told from another; `/dev/kmsg` always has one.
            let Some(awake) = awake else { return };
            if log.forced.len() == FORCED_LIMIT {
                log.forced.remove(0);
            }
            log.forced.push(ForcedPatch { awake, patch });
        }
        LivepatchFact::Started { patch, .. } => {
            // A time that is not known is no age; then the log tells of none.
            log.transition = awake.map(|awake| LogTransition { patch, awake });
        }
        LivepatchFact::Completed { patch, .. } => {
            log.transition = None;
            log.transition_ended = true;
            // There is one transition at a time. If its beginning is no longer in the log, its end
            // names the patch.
            if let Some(ForcedPatch { patch: unnamed @ None, .. }) = log.forced.last_mut() {
                *unnamed = Some(patch);
            }
        }
        LivepatchFact::Enabling { .. } | LivepatchFact::Signaling => {}
    }
}
