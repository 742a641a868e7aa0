//! From records to facts, record by record.

use super::machine_check::{Joiner, Taken};
use super::record::Record;
use super::words::decimal;
use super::{edac, firmware, livepatch, pages};
use scrubjay_model::{FirmwareRecord, LogEntry, LogFact, LogFamily, LogMark};
use std::collections::BTreeMap;

/// The marker of everything the hardware reports (`HW_ERR`).
const HARDWARE: &str = "[Hardware Error]: ";

/// Most firmware records read at the same time. The kernel prints them one after the other, on
/// several CPUs at most as many at once as there are error sources that interrupt.
const OPEN_LIMIT: usize = 16;

/// Reads facts from records in their order.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// Records taken, to put facts in order that are complete only later.
    taken: u64,
    /// The live patch in transition, as far as the records tell.
    transition: Option<String>,
    /// Firmware records whose lines are still coming, by number.
    open: BTreeMap<Option<u64>, Open<FirmwareRecord>>,
    bank: Joiner,
    bank_begun: Option<(u64, LogMark)>,
}

#[derive(Debug)]
struct Open<T> {
    begun: u64,
    last: u64,
    at: LogMark,
    value: T,
}

/// A fact with the place of its first record among all.
pub(crate) type Placed = (u64, LogEntry);

impl Facts {
    /// Takes the next record; what is known with it is added to `out`.
    pub(crate) fn take(&mut self, record: &Record, out: &mut Vec<Placed>) {
        self.taken += 1;
        if !record.is_of_the_kernel() {
            return;
        }
        // One record may be of several lines.
        for line in record.text.lines() {
            self.line(line, record.at, out);
        }
    }

    /// Takes note of records that are not given: what follows them does not follow what was before them.
    pub(crate) fn skip(&mut self, records: u64) {
        self.taken = self.taken.saturating_add(records);
    }

    /// Whether a record's text is of something that is read here, complete or not.
    pub(crate) fn is_telling(line: &str) -> bool {
        let mut facts = Self::default();
        let mut out = Vec::new();
        let at = LogMark { sequence: None, awake: None };
        facts.line(line, at, &mut out);
        !out.is_empty() || line.contains(HARDWARE)
    }

    /// The facts whose lines have all been given: the log has been read to its end.
    pub(crate) fn finish(&mut self, out: &mut Vec<Placed>) {
        self.close_bank(out);
        for (_, open) in std::mem::take(&mut self.open) {
            out.push(closed(open));
        }
    }

    fn line(&mut self, line: &str, at: LogMark, out: &mut Vec<Placed>) {
        if let Some((before, text)) = line.split_once(HARDWARE) {
            self.hardware(before, text, line, at, out);
            return;
        }
        if let Some(fact) = self.fact(line) {
            out.push((self.taken, LogEntry { at, fact }));
        }
    }

    /// A line that is a fact by itself.
    fn fact(&mut self, line: &str) -> Option<LogFact> {
        if let Some(rest) = line.strip_prefix(livepatch::MARKER) {
            return Some(match livepatch::parse(rest, &mut self.transition) {
                Some(fact) => LogFact::Livepatch(fact),
                None => not_understood(LogFamily::Livepatch, line),
            });
        }
        if line.starts_with(edac::MARKER) {
            return edac::parse(line);
        }
        if let Some(text) = line.strip_prefix("Kernel panic - not syncing: ") {
            return Some(LogFact::Panic { text: LogFact::quoted(text) });
        }
        if let Some(text) = line.strip_prefix("RAS: ") {
            return collector(text, line);
        }
        if let Some(storm) = storm(line) {
            return Some(storm);
        }
        for table in ["BERT", "ERST", "GHES", "HEST"] {
            let text = line.strip_prefix("[Firmware Warn]: ").unwrap_or(line);
            if let Some(text) = text.strip_prefix(table).and_then(|rest| rest.strip_prefix(": ")) {
                return Some(LogFact::Apei { table, text: LogFact::quoted(text) });
            }
        }
        pages::parse(line)
    }

    /// A line about hardware. `before` holds a record's number, or the name of the code.
    fn hardware(
        &mut self,
        before: &str,
        text: &str,
        line: &str,
        at: LogMark,
        out: &mut Vec<Placed>,
    ) {
        let number = before.rsplit_once('{').and_then(|(_, n)| n.strip_suffix('}'));
        let number = number.and_then(decimal::<u64>);
        if number.is_none() && !self.is_unnumbered_record(text) {
            self.machine_check(text, line, at, out);
            return;
        }
        // Numbers begin anew with each boot, and a log may be of several.
        let headed =
            self.open.get(&number).is_some_and(|open| firmware::has_only_head(&open.value));
        let unheaded = number.is_none() && firmware::begins_without_number(text) && !headed;
        if firmware::begins(text) || unheaded {
            out.extend(self.open.remove(&number).map(closed));
        }
        if self.open.len() >= OPEN_LIMIT && !self.open.contains_key(&number) {
            let stale = self.open.iter().min_by_key(|(_, open)| open.last).map(|(n, _)| *n);
            out.extend(stale.and_then(|stale| self.open.remove(&stale)).map(closed));
        }
        let taken = self.taken;
        let open = self.open.entry(number).or_insert_with(|| Open {
            begun: taken,
            last: taken,
            at,
            value: firmware::new(number),
        });
        open.last = taken;
        if !firmware::take(&mut open.value, text) {
            out.push((taken, LogEntry { at, fact: not_understood(LogFamily::Firmware, line) }));
        }
    }

    /// Lines of BERT records follow each other, indented.
    fn is_unnumbered_record(&self, text: &str) -> bool {
        let goes_on = self.open.get(&None).is_some_and(|open| self.taken - open.last <= 1);
        firmware::begins(text)
            || firmware::begins_without_number(text)
            || (goes_on && text.starts_with(' '))
    }

    fn machine_check(&mut self, text: &str, line: &str, at: LogMark, out: &mut Vec<Placed>) {
        match self.bank.take(text) {
            Taken::NotUnderstood => {
                out.push((
                    self.taken,
                    LogEntry { at, fact: not_understood(LogFamily::MachineCheck, line) },
                ));
            }
            Taken::Fact(fact) => out.push((self.taken, LogEntry { at, fact })),
            Taken::Joined(complete) => {
                let begins = text.contains("Machine Check") || text.contains("_STATUS[");
                if let Some(record) = complete {
                    let (begun, at) = self.bank_begun.take().unwrap_or((self.taken, at));
                    out.push((begun, LogEntry { at, fact: LogFact::MachineCheck(record) }));
                }
                if begins {
                    self.bank_begun = Some((self.taken, at));
                }
            }
        }
    }

    fn close_bank(&mut self, out: &mut Vec<Placed>) {
        let begun = self.bank_begun.take();
        if let Some((record, (begun, at))) = self.bank.flush().zip(begun) {
            out.push((begun, LogEntry { at, fact: LogFact::MachineCheck(record) }));
        }
    }
}

fn closed(open: Open<FirmwareRecord>) -> Placed {
    (open.begun, LogEntry { at: open.at, fact: LogFact::Firmware(open.value) })
}

fn not_understood(family: LogFamily, line: &str) -> LogFact {
    LogFact::NotUnderstood { family, text: LogFact::quoted(line) }
}

/// The corrected-errors collector (drivers/ras/cec.c).
fn collector(text: &str, line: &str) -> Option<LogFact> {
    if text.starts_with("Correctable Errors collector initialized") {
        return Some(LogFact::CecInitialized);
    }
    let page = text.strip_prefix("Soft-offlining pfn: ")?;
    Some(match super::words::prefixed(page) {
        Some(page) => LogFact::CecSoftOffline { page },
        None => not_understood(LogFamily::MemoryFailure, line),
    })
}

/// `mce: CPU<n> BANK<n> CMCI storm detected`, and before 6.8 without CPU and bank
/// (arch/x86/kernel/cpu/mce/).
fn storm(line: &str) -> Option<LogFact> {
    let (place, what) = line.split_once("CMCI storm ")?;
    let began = what.starts_with("detected");
    if !began && !what.starts_with("subsided") {
        return None;
    }
    let numbered = |name: &str| {
        place.split(' ').find_map(|word| word.strip_prefix(name)).and_then(decimal::<u32>)
    };
    Some(LogFact::CmciStorm { cpu: numbered("CPU"), bank: numbered("BANK"), began })
}
