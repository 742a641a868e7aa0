//! Lines of mm/memory-failure.c. Their forms differ between kernels: 6.1 and 6.12 are both read.

use super::words::{leading_prefixed, prefixed};
use scrubjay_model::{LogFact, LogFamily, PageFact};

/// Before 4.0 the lines began with `MCE 0x<page>: `.
const FAILURE: [&str; 2] = ["Memory failure: ", "MCE 0x"];
const SOFT: [&str; 3] = ["Soft offline: ", "soft offline: ", "soft_offline_page: "];
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
    let text = LogFact::quoted(rest.trim_start_matches([':', ' ']));
    Some(PageFact::SoftOffline { page, text })
}

fn unpoison(text: &str) -> Option<PageFact> {
    let done = text.to_ascii_lowercase().contains("software-unpoisoned");
    let before = leading_prefixed(text).map(|(page, _)| page);
    let page = before.or_else(|| prefixed(text.rsplit(' ').next()?));
    (done == page.is_some() || page.is_some()).then_some(PageFact::Unpoison { page, done })
}
