//! How earlier boots ended: what firmware, the kernel and watchdogs wrote down about it.
//!
//! Records are judged by what they say, and named by when they were made. That one is of the boot
//! just before this is never claimed: none of them tells more than a time. Those that are long past
//! raise nothing: they stay where they are for whoever looks, and a verdict is about now.

use crate::finding::{FindingExt, finding, listed, many};
use scrubjay_model::{
    Action, Bert, Blames, CperSection, CperSeverity, CrashContent, CrashKind, CrashRecord,
    DumpReason, Finding, MceRecord, MceUnit, PreviousBoot, Reading, Snapshot, Stamp, Verdict,
    Watchdog, WrittenIn, span,
};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a crash counts. As long as a replaced history is shown: a fault that has not shown
/// itself for a month of uptime is judged by the counters, not by the crash.
const RECENT: Duration = Duration::from_secs(30 * 86_400);

/// Most names in a sentence.
const NAMED: usize = 3;

const REGION: &str = "sys/firmware/acpi/tables/data/BERT";
const ARCHIVE: &str = "var/lib/systemd/pstore";

pub(crate) fn findings(snapshot: &Snapshot) -> Vec<Finding> {
    let Some(previous) = Snapshot::found(&snapshot.previous_boot) else { return Vec::new() };
    let PreviousBoot { bert, pstore: _, archive: _, watchdogs } = previous;
    // Without the table there is nothing to say, and with it the records speak for themselves.
    let Bert { table: _, disabled: _, region: _ } = bert;
    let mut found = boot_memory_errors(previous);
    found.extend(boot_error_records(previous));
    let crashes: Vec<Crash<'_>> =
        previous.crash_records().filter_map(|record| Crash::of(record, &snapshot.at)).collect();
    found.extend(by_hardware(&crashes));
    found.extend(other_crashes(&crashes));
    found.extend(watchdogs.value().and_then(|watchdogs| watchdog_resets(watchdogs)));
    found
}

/// A memory error of the boot error records, with the severity to go by.
struct BootError<'s> {
    section: &'s CperSection,
    severity: CperSeverity,
    cleared: bool,
}

fn verdict_of(severity: CperSeverity) -> Verdict {
    match severity {
        CperSeverity::Fatal => Verdict::Act,
        // Leaning to the worse: what the specification does not know is not corrected.
        CperSeverity::Recoverable | CperSeverity::Undefined(_) => Verdict::Plan,
        CperSeverity::Corrected | CperSeverity::Informational => Verdict::Watch,
    }
}

/// One finding for each module firmware names.
fn boot_memory_errors(previous: &PreviousBoot) -> Vec<Finding> {
    let mut modules: BTreeMap<String, Vec<BootError<'_>>> = BTreeMap::new();
    for block in previous.blocks() {
        for (section, severity) in block.memory_errors() {
            let error = BootError { section, severity, cleared: block.cleared };
            modules.entry(module(section)).or_default().push(error);
        }
    }
    modules
        .into_iter()
        .filter_map(|(subject, errors)| boot_memory_error(subject, &errors))
        .collect()
}

/// What firmware calls the module: its name, else its SMBIOS handle, else nothing in particular.
fn module(section: &CperSection) -> String {
    let handle = || {
        let handle = section.memory()?.module_handle?;
        Some(format!("SMBIOS handle 0x{handle:04x}"))
    };
    section.fru_text.clone().or_else(handle).unwrap_or_else(|| "host".to_owned())
}

fn boot_memory_error(subject: String, errors: &[BootError<'_>]) -> Option<Finding> {
    let worst = errors.iter().max_by_key(|error| verdict_of(error.severity))?;
    let verdict = verdict_of(worst.severity);
    let mut because = format!(
        "the firmware recorded {} before this boot, the worst {}{}",
        many(u64::try_from(errors.len()).unwrap_or(u64::MAX), "memory error"),
        worst.severity.as_str(),
        described(worst.section),
    );
    if worst.cleared {
        because.push_str("; the record is marked as read, which the kernel does at boot");
    }
    let (action, remedy) = match verdict {
        Verdict::Watch | Verdict::Ok | Verdict::Unknown => (
            Action::Observe,
            "compare with the counters and with the event log of the BMC; nothing is lost yet",
        ),
        Verdict::Plan | Verdict::Act => (
            Action::InvestigateChannelOrCpu,
            "look into the event log of the BMC for the slot, and run the vendor's memory test; \
             replace the module if it repeats or if the log asks for it. In the kernel log of this \
             boot, \"BERT: Error records from previous boot\" confirms when it was",
        ),
    };
    let found = finding("boot-memory-error", verdict, action, because, remedy);
    Some(found.on(subject).seen_in(REGION))
}

/// Kind, address and place of a memory error, as far as they are told.
fn described(section: &CperSection) -> String {
    let mut parts = Vec::new();
    if let Some(memory) = section.memory() {
        parts.extend(memory.error_type.map(|kind| kind.name().to_owned()));
        parts.extend(memory.physical_address.map(|pa| format!("physical address 0x{pa:x}")));
        parts.extend(Some(memory.place()).filter(|place| !place.is_empty()));
        parts.extend(memory.module_handle.map(|handle| format!("SMBIOS handle 0x{handle:04x}")));
    }
    let flags = section.flags.names();
    if !flags.is_empty() {
        parts.push(format!("flags {}", flags.join(", ")));
    }
    if parts.is_empty() { String::new() } else { format!(": {}", parts.join("; ")) }
}

/// Everything the records hold that is neither memory nor corrected.
fn boot_error_records(previous: &PreviousBoot) -> Option<Finding> {
    let mut kinds: BTreeMap<(&'static str, &'static str), u64> = BTreeMap::new();
    let mut worst = None;
    for block in previous.blocks() {
        let others = block.sections.iter().filter(|section| !section.is_memory());
        let others = others.map(|s| (s.kind.as_str(), s.severity_within(block.severity)));
        let empty = block.sections.is_empty().then_some(("nothing described", block.severity));
        for (kind, severity) in others.chain(empty) {
            let verdict = verdict_of(severity);
            if verdict > Verdict::Watch {
                *kinds.entry((kind, severity.as_str())).or_default() += 1;
                worst = worst.max(Some(verdict));
            }
        }
    }
    // One step below a memory error: which part was at fault is for the BMC to say.
    let verdict = if worst? == Verdict::Act { Verdict::Plan } else { Verdict::Watch };
    let names: Vec<String> = kinds
        .iter()
        .map(|((kind, severity), count)| format!("{count} {severity} ({kind})"))
        .collect();
    let because = format!(
        "the firmware recorded errors before this boot that are not of memory: {}",
        listed(&names, NAMED)
    );
    let remedy = "look into the event log of the BMC, and for \"BERT: Error records from previous \
                  boot\" in the kernel log of this boot, which has the records in words";
    let action = Action::InvestigateChannelOrCpu;
    Some(finding("boot-error-record", verdict, action, because, remedy).seen_in(REGION))
}

/// A crash record that counts.
struct Crash<'r> {
    record: &'r CrashRecord,
    /// How long ago, in words.
    when: String,
    /// It may be of any age: it does not tell, and lies where nothing is ever removed.
    ageless: bool,
}

impl<'r> Crash<'r> {
    /// `None` for what is no crash, of the running boot, or long past.
    fn of(record: &'r CrashRecord, at: &Stamp) -> Option<Self> {
        let crashed = match (record.kind, record.said()) {
            // An orderly end that somebody wanted saved.
            (_, Some(CrashContent::Log(log))) if log.blames.is_none() => {
                log.reason != Some(DumpReason::Shutdown)
            }
            (CrashKind::Dmesg | CrashKind::Mce, _) => true,
            (CrashKind::Console | CrashKind::Ftrace | CrashKind::Pmsg | CrashKind::Other, _) => {
                false
            }
        };
        let ago_ms = record.wall_s.and_then(|s| at.wall_ms.checked_sub(s.checked_mul(1000)?));
        let ago = ago_ms.and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis);
        let (when, ageless) = match (record.written, ago) {
            (WrittenIn::ThisBoot, _) => return None,
            (WrittenIn::EarlierBoot | WrittenIn::Unknown, Some(ago)) if ago > RECENT => {
                return None;
            }
            (WrittenIn::EarlierBoot, Some(ago)) => {
                (format!("{} ago, before this boot", span(ago)), false)
            }
            (WrittenIn::Unknown, Some(ago)) => (format!("{} ago", span(ago)), false),
            (WrittenIn::EarlierBoot | WrittenIn::Unknown, None) => {
                ("at a time not told".to_owned(), record.path.starts_with(ARCHIVE))
            }
        };
        crashed.then_some(Self { record, when, ageless })
    }

    /// Whether another record is of the same crash, as far as times tell.
    fn same_as(&self, other: &Self) -> bool {
        let key = |crash: &Self| crash.record.wall_s.map(|s| (s, crash.record.backend.clone()));
        key(self).is_some() && key(self) == key(other)
    }

    fn verdict(&self) -> Verdict {
        let saved = matches!(self.record.said(), Some(CrashContent::MachineCheck(_)));
        match (self.record.blames(), saved) {
            _ if self.ageless => Verdict::Watch,
            (Some(Blames::Memory), true) => Verdict::Act,
            (Some(_), _) => Verdict::Plan,
            (None, _) => Verdict::Watch,
        }
    }
}

fn by_hardware(crashes: &[Crash<'_>]) -> Option<Finding> {
    let mut blaming: Vec<&Crash<'_>> =
        crashes.iter().filter(|crash| crash.record.blames().is_some()).collect();
    // The worst first, and of those the one that says most.
    blaming.sort_by_key(|crash| std::cmp::Reverse((crash.verdict(), crash.record.blames())));
    let worst = blaming.first()?;
    let because = format!(
        "{}: the worst was written {}{}",
        of_many(blaming.len(), "blames", "blame", "the hardware"),
        worst.when,
        told(worst.record)
    );
    let remedy = "find the part in the event log of the BMC; where memory is named, test or \
                  replace the module before the host carries load again. When it is dealt with, \
                  move the files away: scrubjay never removes them";
    let action = Action::InvestigateChannelOrCpu;
    let found = finding("crash-by-hardware", worst.verdict(), action, because, remedy);
    Some(found.seen_in(worst.record.path.clone()))
}

fn other_crashes(crashes: &[Crash<'_>]) -> Option<Finding> {
    let blaming = |crash: &Crash<'_>| {
        let mut blaming = crashes.iter().filter(|other| other.record.blames().is_some());
        blaming.any(|other| other.same_as(crash))
    };
    // Part 1 is the end of a log, where the reason is; the other parts are of the same crash.
    let first_part = |crash: &Crash<'_>| match crash.record.said() {
        Some(CrashContent::Log(log)) => log.part.is_none_or(|part| part == 1),
        Some(CrashContent::MachineCheck(_)) | None => true,
    };
    let others: Vec<&Crash<'_>> = crashes
        .iter()
        .filter(|crash| crash.record.blames().is_none() && !blaming(crash) && first_part(crash))
        .filter(|crash| crash.record.content.as_ref().is_none_or(|c| c.value().is_some()))
        .collect();
    let latest = others.iter().max_by_key(|crash| crash.record.wall_s)?;
    let because = format!(
        "{}: the latest was written {}{}",
        of_many(others.len(), "tells", "tell", "of an end of the kernel"),
        latest.when,
        told(latest.record)
    );
    let remedy = "keep the file for whoever mends the defect, look for the same line in reports \
                  about this kernel, and move it away when it is dealt with";
    let found = finding("crash-record", Verdict::Watch, Action::Observe, because, remedy);
    Some(found.seen_in(latest.record.path.clone()))
}

/// `2 crash records tell of …`.
fn of_many(count: usize, one: &str, several: &str, what: &str) -> String {
    let verb = if count == 1 { one } else { several };
    format!("{} {verb} {what}", many(u64::try_from(count).unwrap_or(u64::MAX), "crash record"))
}

/// What a record says, in the words of the kernel or ours; empty if nothing.
fn told(record: &CrashRecord) -> String {
    match record.content.as_ref().and_then(Reading::value) {
        Some(CrashContent::Log(log)) => match (&log.line, log.reason) {
            (Some(line), _) => format!(": \"{line}\""),
            (None, Some(reason)) => format!(" at a {}", reason.as_str()),
            (None, None) => String::new(),
        },
        Some(CrashContent::MachineCheck(mce)) => format!(": {}", machine_check(mce)),
        None => " and could not be unpacked by the kernel".to_owned(),
    }
}

fn machine_check(mce: &MceRecord) -> String {
    let unit = match mce.unit() {
        MceUnit::Memory => "a memory error",
        MceUnit::NotMemory => "an error outside memory",
        MceUnit::Unknown => "an error of a part not known",
    };
    let corrected = if mce.corrected() { "corrected" } else { "not corrected" };
    let address = mce.physical_address().map(|pa| format!(", physical address 0x{pa:x}"));
    let (bank, cpu, socket, status) = (mce.bank, mce.cpu, mce.socket, mce.status);
    format!(
        "{unit}, {corrected}, in bank {bank} of CPU {cpu}, socket {socket}{}, status 0x{status:016x}",
        address.unwrap_or_default()
    )
}

fn watchdog_resets(watchdogs: &[Watchdog]) -> Option<Finding> {
    let mut names = Vec::new();
    for Watchdog { index, identity, boot_status } in watchdogs {
        let troubles = boot_status.value().map(|status| status.troubles()).unwrap_or_default();
        if !troubles.is_empty() {
            let identity = identity.value().map(|name| format!(" ({name})")).unwrap_or_default();
            names.push((*index, format!("watchdog{index}{identity}: {}", troubles.join(", "))));
        }
    }
    let (first, _) = names.first()?;
    let path = format!("sys/class/watchdog/watchdog{first}/bootstatus");
    let names: Vec<String> = names.into_iter().map(|(_, name)| name).collect();
    let because = format!("the last reset was not asked for: {}", listed(&names, NAMED));
    let remedy = "look for the end of the last boot: crash records, \"soft lockup\" and \"hung \
                  task\" in its log, the event log of the BMC. A watchdog runs out when the kernel \
                  or the program that feeds it stops, and also when a shutdown takes too long";
    let found = finding("watchdog-reset", Verdict::Watch, Action::Observe, because, remedy);
    Some(found.seen_in(path))
}

#[cfg(test)]
pub(crate) mod tests;
