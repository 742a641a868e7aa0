//! Records that firmware leaves, as drivers/firmware/efi/cper.c prints them: a line for each
//! field, all with `{N}[Hardware Error]: ` and the same number. BERT records, printed at boot, have
//! no number.

use super::words::{decimal, leading_decimal, prefixed};
use scrubjay_model::{FirmwareRecord, FirmwareSection, LogFact, LogSeverity};

/// The start of a record: source and number.
const SOURCE: &str = "Hardware error from ";

pub(super) fn new(number: Option<u64>) -> FirmwareRecord {
    FirmwareRecord {
        number,
        source: None,
        severity: None,
        previous_boot: number.is_none(),
        sections: Vec::new(),
    }
}

/// Whether a line without a number is one of a record nevertheless.
pub(super) fn begins_without_number(text: &str) -> bool {
    text.starts_with("event severity: ")
}

/// Whether nothing but the source has been read of a record.
pub(super) fn has_only_head(record: &FirmwareRecord) -> bool {
    !record.previous_boot && record.severity.is_none()
}

/// Whether a line begins a record.
pub(super) fn begins(text: &str) -> bool {
    text.starts_with(SOURCE)
}

/// Adds a line to its record. `false` if it is one of those known and not of their form.
pub(super) fn take(record: &mut FirmwareRecord, line: &str) -> bool {
    let text = line.trim();
    if let Some(source) = text.strip_prefix(SOURCE) {
        record.source = source.rsplit(": ").next().and_then(decimal);
        record.previous_boot = false;
        return true;
    }
    if let Some(word) = text.strip_prefix("event severity: ") {
        record.severity = LogSeverity::from_kernel(word);
        return record.severity.is_some();
    }
    if let Some((_, word)) = text.strip_prefix("Error ").and_then(|t| t.split_once(", type: ")) {
        let severity = LogSeverity::from_kernel(word);
        section(record, severity);
        return severity.is_some();
    }
    let Some(last) = record.sections.last_mut() else {
        // Words about the whole, such as that no action is required.
        return true;
    };
    let kind = text.strip_prefix("section_type: ").or_else(|| text.strip_prefix("section type: "));
    if let Some(kind) = kind {
        last.kind = LogFact::quoted(kind);
    } else if let Some(address) = text.strip_prefix("physical_address: ") {
        // Always printed with sixteen digits, so one cut short is known as such.
        let address = prefixed(address).filter(|_| address.len() == 18);
        last.physical_address = address.filter(|address| *address != 0);
        return address.is_some();
    } else if let Some(fru) = text.strip_prefix("fru_text: ") {
        last.fru_text = LogFact::quoted(fru.trim());
    } else if let Some(words) = text.strip_prefix("error_type: ").filter(|_| is_memory(last)) {
        last.error_type = error_type(words);
        return last.error_type.is_some();
    } else if let Some(place) = text.strip_prefix("DIMM location: ") {
        return dimm(last, place);
    } else if is_memory(last) && text.starts_with("node:") {
        last.location = LogFact::quoted(text);
        return dimm_in(last, text);
    } else {
        last.threshold_exceeded |= text.contains("threshold exceeded");
        last.other_lines = last.other_lines.saturating_add(1);
    }
    true
}

fn section(record: &mut FirmwareRecord, severity: Option<LogSeverity>) {
    // What follows belongs to the last section kept; there is no such firmware.
    if record.sections.len() < FirmwareRecord::MAX_SECTIONS {
        record.sections.push(FirmwareSection {
            kind: String::new(),
            severity,
            physical_address: None,
            location: String::new(),
            error_type: None,
            fru_text: String::new(),
            dimm_location: String::new(),
            handle: None,
            threshold_exceeded: false,
            other_lines: 0,
        });
    }
}

fn is_memory(section: &FirmwareSection) -> bool {
    section.kind == "memory error"
}

fn error_type(words: &str) -> Option<(u32, String)> {
    let (number, rest) = leading_decimal(words)?;
    Some((number, LogFact::quoted(rest.strip_prefix(", ")?)))
}

/// Some kernels print the DIMM on the line of the location.
fn dimm_in(section: &mut FirmwareSection, text: &str) -> bool {
    text.split_once("DIMM location: ").is_none_or(|(_, place)| dimm(section, place))
}

/// `<bank> <device>` of SMBIOS, or `not present. DMI handle: 0x<handle>`.
fn dimm(section: &mut FirmwareSection, place: &str) -> bool {
    match place.split_once("DMI handle: ") {
        Some((_, handle)) => {
            let digits = handle.trim().split(' ').next().unwrap_or_default();
            let handle = prefixed(digits).filter(|_| digits.len() == 6);
            section.handle =
                handle.and_then(|h| u16::try_from(h).ok()).filter(|handle| *handle != 0);
            handle.is_some()
        }
        None => {
            section.dimm_location = LogFact::quoted(place.trim());
            true
        }
    }
}
