//! The status page: what a person sees who opens the agent in a browser, and the same as JSON.
//!
//! Each page is first a value made of the last pass and, where it tells of earlier days, of the
//! history; HTML and JSON are two forms of that value, so that they cannot say different things.
//! There is no script, no style beside one file, and nothing from elsewhere
//! ([0029](../../docs/adr/0029-a-page-without-scripts.md)). What a visitor may not see is not in the
//! value: serial numbers, the keys that are made of them, and who acknowledged what.

mod about;
mod alerts;
mod dimm;
mod error_times;
mod fault_picture;
mod findings;
mod four_words;
mod frame;
mod memory;
mod missing;
mod overview;
mod parts;
mod past;
mod patches;
mod places;
mod runbook;
mod slots;
mod stick;
mod svg;
mod tone;
mod uptime;
mod visibility;

pub(crate) use past::Silent;
pub use past::{DimmPast, MemoryPast, Past, PatchPast, Told, UptimePast};
pub(crate) use places::{Place, is_page};

use crate::PageError;
use frame::Head;
use maud::Markup;
use scrubjay_model::{HostView, SourceDoc, Verdict};
use serde::Serialize;
use std::sync::Arc;

/// What it looks like. Served as a file of its own, so that no page needs a style within it.
pub(crate) const STYLE: &str = include_str!("site/site.css");

/// The sign of the browser's tab.
pub(crate) const ICON: &str = include_str!("site/icon.svg");

/// What pages are made of beside the last pass.
#[derive(Debug, Clone)]
pub struct Pages {
    /// The history.
    pub past: Arc<dyn Past>,
    /// What there is to know of each source.
    pub docs: Vec<SourceDoc>,
    /// The page of each finding, as one text (`docs/findings.md`).
    pub runbook: &'static str,
}

/// In which form a page is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Html,
    Json,
}

/// What a page is made of.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    pub(crate) view: &'a HostView,
    /// Why the last pass no longer speaks for the host, if it does not.
    pub(crate) stale: Option<&'a str>,
    /// The history; a stand-in that says why, where it cannot be asked.
    pub(crate) past: &'a dyn Past,
    pub(crate) docs: &'a [SourceDoc],
    pub(crate) runbook: &'a str,
    pub(crate) telemetry_path: &'a str,
}

impl Known<'_> {
    fn now_ms(&self) -> i64 {
        self.view.snapshot.at.wall_ms
    }

    /// The verdict now: what was ok when somebody looked last is not known to be.
    fn verdict(&self) -> Verdict {
        let seen = self.view.assessment.verdict;
        if self.stale.is_some() { seen.max(Verdict::Unknown) } else { seen }
    }
}

/// A page as text, or that there is none of that name, with a page that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) is_found: bool,
    pub(crate) body: String,
}

/// One page, before it is HTML or JSON.
trait Page: Serialize {
    /// What is in the browser's tab, before the host's name.
    fn title(&self) -> String;
    /// Everything but the frame.
    fn body(&self, known: &Known<'_>) -> Markup;
}

/// Makes a page.
pub(crate) fn answer(place: &Place, form: Form, known: &Known<'_>) -> Result<Answer, PageError> {
    match place {
        Place::Overview => found(&overview::page(known), place, form, known),
        Place::Memory => found(&memory::page(known), place, form, known),
        Place::Dimm(name) => match dimm::page(known, name) {
            Some(page) => found(&page, place, form, known),
            None => missing::dimm(known, name, form),
        },
        Place::Patches => found(&patches::page(known), place, form, known),
        Place::Uptime => found(&uptime::page(known), place, form, known),
        Place::Alerts => found(&alerts::page(known), place, form, known),
        Place::Visibility => found(&visibility::page(known), place, form, known),
        Place::About => found(&about::page(known), place, form, known),
        Place::Finding(code) => match runbook::page(known, code) {
            Some(page) => found(&page, place, form, known),
            None => missing::finding(known, code, form),
        },
    }
}

fn found<P: Page>(
    page: &P,
    place: &Place,
    form: Form,
    known: &Known<'_>,
) -> Result<Answer, PageError> {
    let body = match form {
        Form::Json => crate::json::page(place.word(), known.view, known.stale, page)?,
        Form::Html => {
            let head = Head { title: &page.title(), place: Some(place), known: Some(known) };
            frame::whole(&head, page.body(known))
        }
    };
    Ok(Answer { is_found: true, body })
}

/// A page that is not there.
pub(crate) fn not_found(path: &str, known: Option<&Known<'_>>) -> String {
    missing::path(path, known)
}

/// The page before there is anything to tell.
pub(crate) fn not_yet() -> String {
    missing::not_yet()
}

/// The page where nothing is known, and nothing will be by itself.
pub(crate) fn nothing(why: &str) -> String {
    missing::nothing(why)
}

#[cfg(test)]
pub(crate) mod tests;
