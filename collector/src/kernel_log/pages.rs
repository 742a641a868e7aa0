//! Lines of mm/memory-failure.c. Their forms differ between kernels: 6.1 and 6.12 are both read.

use super::words::{leading_prefixed, prefixed};
use scrubjay_model::{LogFact, LogFamily, PageFact, PageOutcome};

/// Before 4.0 the lines began with `MCE 0x<page>: `.
const FAILURE: [&str; 2] = ["Memory failure: ", "MCE 0x"];
/// Before 6.10 the lines of one kernel did not agree in how they begin.
const SOFT: [&str; 4] =
    ["Soft offline: ", "soft offline: ", "soft_offline: ", "soft_offline_page: "];
const UNPOISON: &str = "Unpoison: ";

pub(super) fn parse(line: &str) -> Option<LogFact> {
    let [failure, old] = FAILURE;
    let fact = if let Some(rest) = line.strip_prefix(failure) {
        failed(rest)
    } else if line.starts_with(old) {
        failed(line.strip_prefix("MCE ")?)
    } else if let Some(rest) = SOFT.iter().find_map(|marker| line.strip_prefix(marker)) {
        soft_offline(rest)
    } else if let Some(rest) = line.strip_prefix(UNPOISON) {
        unpoison(rest)
    } else {
        return None;
    };
    Some(fact.map(LogFact::MemoryFailure).unwrap_or_else(|| LogFact::NotUnderstood {
        family: LogFamily::MemoryFailure,
        text: LogFact::quoted(line),
    }))
}

fn failed(text: &str) -> Option<PageFact> {
    let (page, rest) = leading_prefixed(text)?;
    let what = rest.strip_prefix(": ")?;
    if what == "already hardware poisoned" {
        return Some(PageFact::AlreadyPoisoned { page });
    }
    let handled = what.strip_prefix("recovery action for ").and_then(|w| w.rsplit_once(": "));
    let handled = handled.or_else(|| {
        let (kind, outcome) = what.rsplit_once(" recovery: ")?;
        Some((kind, outcome))
    });
    if let Some((page_type, outcome)) = handled {
        let (page_type, outcome) = (page_type.to_owned(), outcome.to_owned());
        return Some(PageFact::Handled { page, page_type, outcome });
    }
    if what.starts_with("Sending SIGBUS to ") || what.starts_with("Killing ") {
        return Some(PageFact::Signal { page });
    }
    Some(PageFact::Remark { page, text: LogFact::quoted(what) })
}

fn soft_offline(text: &str) -> Option<PageFact> {
    let (page, rest) = leading_prefixed(text)?;
    let words = rest.trim_start_matches([':', ' ']);
    let outcome = soft_outcome(words);
    Some(PageFact::SoftOffline { page, text: LogFact::quoted(words), outcome })
}

/// `soft_offline_page()` tells of a page it took only where it had dropped a clean copy of a file
/// (`invalidated`); of others it keeps quiet, and tells what went wrong.
fn soft_outcome(words: &str) -> PageOutcome {
    if words.contains("failed") || words.starts_with("unknown") {
        PageOutcome::Failed
    } else if words == "invalidated" || words.ends_with("already poisoned") {
        PageOutcome::Recovered
    } else {
        PageOutcome::Unknown
    }
}

fn unpoison(text: &str) -> Option<PageFact> {
    let done = text.to_ascii_lowercase().contains("software-unpoisoned");
    let before = leading_prefixed(text).map(|(page, _)| page);
    let page = before.or_else(|| prefixed(text.rsplit(' ').next()?));
    (done == page.is_some() || page.is_some()).then_some(PageFact::Unpoison { page, done })
}
