//! Facts of the log as reports of errors, for hosts where no trace events are to be had.

use scrubjay_model::{
    EdacLine, EventClass, EventGroup, EventPlace, EventWhat, FirmwareRecord, FirmwareSection,
    Folded, LogEntry, LogFact, LogSeverity, MachineCheckRecord, OfflineAsker, PageFact,
    PageOutcome, Witness,
};
use std::time::Duration;

/// The reports of errors among the facts of a log, one for each, in order. Pure.
///
/// `page_size` is that of the host, in bytes. `slept` is how long it has slept since boot: the log
/// stands still meanwhile, reports do not. What an earlier boot left (BERT) is no report of this
/// one, and a fact without a time cannot be placed; neither is among the reports.
pub fn log_reports(entries: &[LogEntry], page_size: u64, slept: Duration) -> Vec<EventGroup> {
    entries
        .iter()
        .flat_map(|entry| {
            let Some(awake) = entry.at.awake else { return Vec::new() };
            let at = awake.saturating_add(slept);
            match &entry.fact {
                LogFact::Edac(line) => vec![edac(line, at, page_size)],
                LogFact::Firmware(record) if !record.previous_boot => firmware(record, at),
                LogFact::MemoryFailure(PageFact::Handled { page, page_type, outcome }) => {
                    let what = EventWhat::Page {
                        page_type: page_type.clone(),
                        outcome: PageOutcome::from_kernel(outcome),
                    };
                    vec![of_page(*page, what, EventClass::Uncorrected, at, page_size)]
                }
                LogFact::MemoryFailure(PageFact::SoftOffline { page, text, outcome }) => {
                    let what = soft_offline(OfflineAsker::Unknown, *outcome);
                    let group = of_page(*page, what, EventClass::Info, at, page_size);
                    vec![EventGroup { message: text.clone(), ..group }]
                }
                // Printed before it is tried.
                LogFact::CecSoftOffline { page } => {
                    let what = soft_offline(OfflineAsker::Collector, PageOutcome::Unknown);
                    vec![of_page(*page, what, EventClass::Info, at, page_size)]
                }
                LogFact::MachineCheck(record) => vec![machine_check(record, at)],
                LogFact::Firmware(_)
                | LogFact::MemoryFailure(
                    PageFact::AlreadyPoisoned { .. }
                    | PageFact::Signal { .. }
                    | PageFact::Remark { .. }
                    | PageFact::Unpoison { .. },
                )
                | LogFact::Livepatch(_)
                | LogFact::EdacController { .. }
                | LogFact::EccDisabled { .. }
                | LogFact::MachineChecksLogged
                | LogFact::CmciStorm { .. }
                | LogFact::CecInitialized
                | LogFact::Apei { .. }
                | LogFact::Panic { .. }
                | LogFact::NotUnderstood { .. } => Vec::new(),
            }
        })
        .collect()
}

fn report(
    at: Duration,
    witness: Witness,
    class: EventClass,
    what: EventWhat,
    place: EventPlace,
) -> EventGroup {
    EventGroup {
        first: at,
        last: at,
        witness,
        class,
        what,
        place,
        address: None,
        grain_bits: None,
        syndrome: None,
        reports: 1,
        errors: 1,
        message: String::new(),
        detail: String::new(),
        folded: Folded::Nothing,
    }
}

fn edac(line: &EdacLine, at: Duration, page_size: u64) -> EventGroup {
    let class = if line.corrected { EventClass::Corrected } else { EventClass::Uncorrected };
    let place = EventPlace::Edac {
        controller: line.controller,
        layers: layers(&line.location),
        label: line.label.clone(),
    };
    let address =
        line.page.and_then(|(page, offset)| page.checked_mul(page_size)?.checked_add(offset));
    let grain = line.grain_bytes.filter(|grain| grain.is_power_of_two());
    EventGroup {
        address,
        grain_bits: grain.and_then(|grain| u8::try_from(grain.trailing_zeros()).ok()),
        syndrome: line.syndrome,
        errors: line.count.max(1),
        message: line.message.clone(),
        detail: line.detail.clone(),
        ..report(at, Witness::LogEdac, class, EventWhat::Memory, place)
    }
}

/// Positions by layer. The core prints only those that are known, so that one alone may be of the
/// first layer or of the second; then none is taken.
fn layers(location: &str) -> [Option<u8>; 3] {
    let parts: Option<Vec<(&str, u8)>> = location
        .split_whitespace()
        .map(|part| part.split_once(':').and_then(|(name, n)| Some((name, n.parse().ok()?))))
        .collect();
    match parts.as_deref() {
        Some([("memory", only)]) => [Some(*only), None, None],
        Some([("csrow" | "channel", top), ("channel" | "slot", middle)]) => {
            [Some(*top), Some(*middle), None]
        }
        Some([("branch", top), ("channel", middle), ("slot", low)]) => {
            [Some(*top), Some(*middle), Some(*low)]
        }
        Some(_) | None => [None; 3],
    }
}

fn firmware(record: &FirmwareRecord, at: Duration) -> Vec<EventGroup> {
    record.sections.iter().map(|section| section_report(record, section, at)).collect()
}

fn section_report(record: &FirmwareRecord, section: &FirmwareSection, at: Duration) -> EventGroup {
    let class = match section.severity.or(record.severity) {
        Some(LogSeverity::Corrected) => EventClass::Corrected,
        Some(LogSeverity::Fatal) => EventClass::Fatal,
        Some(LogSeverity::Info) => EventClass::Info,
        // When blind we lean towards the worse class that leaves the system running.
        Some(LogSeverity::Recoverable) | None => EventClass::Uncorrected,
    };
    let what = match section.kind.as_str() {
        "memory error" => EventWhat::Memory,
        kind => EventWhat::Other { about: kind.to_owned() },
    };
    let mut location = section.location.clone();
    if !section.dimm_location.is_empty() {
        location.push_str(if location.is_empty() { "" } else { " " });
        location.push_str(&section.dimm_location);
    }
    let fru = section.fru_text.clone();
    let place = EventPlace::Firmware { handle: section.handle, location, fru };
    let detail = if section.threshold_exceeded { "threshold exceeded" } else { "" };
    EventGroup {
        address: section.physical_address,
        message: section.error_type.as_ref().map(|(_, words)| words.clone()).unwrap_or_default(),
        detail: detail.to_owned(),
        ..report(at, Witness::LogGhes, class, what, place)
    }
}

fn soft_offline(asked_by: OfflineAsker, outcome: PageOutcome) -> EventWhat {
    EventWhat::SoftOffline { asked_by, outcome }
}

/// A report of what is done about a page.
fn of_page(
    page: u64,
    what: EventWhat,
    class: EventClass,
    at: Duration,
    page_size: u64,
) -> EventGroup {
    let bits = page_size.is_power_of_two().then(|| page_size.trailing_zeros());
    EventGroup {
        address: page.checked_mul(page_size).filter(|address| *address != 0),
        grain_bits: bits.and_then(|bits| u8::try_from(bits).ok()),
        ..report(at, Witness::LogMemoryFailure, class, what, EventPlace::Address)
    }
}

fn machine_check(record: &MachineCheckRecord, at: Duration) -> EventGroup {
    const DEFERRED: u64 = 1 << 44;
    let class = if record.words.starts_with("Deferred error") && record.status & DEFERRED != 0 {
        EventClass::Deferred
    } else if record.is_corrected() {
        EventClass::Corrected
    } else {
        EventClass::Uncorrected
    };
    let what = if record.is_of_memory() {
        EventWhat::Memory
    } else {
        EventWhat::Other { about: "machine check".to_owned() }
    };
    let place = match (record.socket, u8::try_from(record.bank)) {
        (Some(socket), Ok(bank)) => EventPlace::Bank { cpu: record.cpu, socket, bank },
        // The decoder names no socket.
        (_, _) => EventPlace::Address,
    };
    EventGroup {
        address: record.address,
        syndrome: record.syndrome,
        message: record.words.clone(),
        detail: format!("CPU {} bank {} status {:#018x}", record.cpu, record.bank, record.status),
        ..report(at, Witness::LogMce, class, what, place)
    }
}
