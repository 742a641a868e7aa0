//! Lines of the EDAC core and its drivers.
//!
//! Errors, since 3.5 (`edac_raw_mc_handle_error()`, drivers/edac/edac_mc.c):
//! `EDAC MC<n>: <count> CE|UE <message> on <label> (<location> page:0x<n> offset:0x<n>
//! grain:<n>[ syndrome:0x<n>][ - <detail>])`, with the syndrome for CE alone.

use super::words::{leading_decimal, leading_prefixed};
use scrubjay_model::{EdacLine, LogFact, LogFamily};

pub(super) const MARKER: &str = "EDAC ";

/// Drivers have many words; of those not listed here none bears on whether errors are seen.
pub(super) fn parse(line: &str) -> Option<LogFact> {
    let rest = line.strip_prefix(MARKER)?;
    if rest.contains("ECC disabled") || rest.contains("ECC is disabled") {
        return Some(LogFact::EccDisabled { text: LogFact::quoted(line) });
    }
    if let Some(removed) = rest.strip_prefix("MC: Removed device ") {
        let (controller, text) = leading_decimal(removed)?;
        let text = LogFact::quoted(text.trim_start());
        return Some(LogFact::EdacController { controller, text, registered: false });
    }
    let (controller, rest) = leading_decimal(rest.strip_prefix("MC")?)?;
    let rest = rest.strip_prefix(": ")?;
    if let Some(text) = rest.strip_prefix("Giving out device to module ") {
        let text = LogFact::quoted(text);
        return Some(LogFact::EdacController { controller, text, registered: true });
    }
    if let Some(errors) = errors(controller, rest) {
        return Some(LogFact::Edac(errors));
    }
    let tells_of_errors = rest.split([' ', ',', ':']).take(2).any(|w| w == "CE" || w == "UE");
    tells_of_errors
        .then(|| LogFact::NotUnderstood { family: LogFamily::Edac, text: LogFact::quoted(line) })
}

fn errors(controller: u32, text: &str) -> Option<EdacLine> {
    let (count, rest) = leading_decimal(text)?;
    let rest = rest.strip_prefix(' ')?;
    let (corrected, rest) = match (rest.strip_prefix("CE "), rest.strip_prefix("UE ")) {
        (Some(rest), _) => (true, rest),
        (None, rest) => (false, rest?),
    };
    // Label and location are free text; the page is not, and the first one is the core's own.
    let (place, numbers) = rest.split_once(" page:0x")?;
    // Blanks are part of the location's form.
    let (words, location) = place.rsplit_once(" (").or_else(|| {
        // An unknown place leaves nothing before the page.
        place.strip_suffix('(').map(|words| (words.trim_end(), ""))
    })?;
    let (message, label) = match words.strip_prefix("on ") {
        Some(label) => ("", label),
        None => words.split_once(" on ")?,
    };
    let numbers = format!("0x{numbers}");
    let (page, rest) = leading_prefixed(&numbers)?;
    let (offset, rest) = leading_prefixed(rest.strip_prefix(" offset:")?)?;
    let (grain, rest) = leading_decimal::<u64>(rest.strip_prefix(" grain:")?)?;
    let (syndrome, rest) = match rest.strip_prefix(" syndrome:") {
        Some(rest) => leading_prefixed(rest).map(|(n, rest)| (Some(n), rest))?,
        None => (None, rest),
    };
    let detail = match rest.strip_prefix(" - ") {
        Some(detail) => detail.strip_suffix(')').unwrap_or(detail),
        None if rest == ")" => "",
        None => return None,
    };
    Some(EdacLine {
        controller,
        corrected,
        count,
        message: LogFact::quoted(message),
        label: label.to_owned(),
        location: location.trim().to_owned(),
        page: (page != 0 || offset != 0).then_some((page, offset)),
        grain_bytes: (grain != 0).then_some(grain),
        syndrome,
        detail: LogFact::quoted(detail.trim()),
    })
}
