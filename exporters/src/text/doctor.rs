//! `doctor`: what can be observed on this host, what not, and what to do about it.

use super::Style;
use super::page::{Cell, FAINT, Page, WARN, paint_of};
use super::status::cannot_see;
use super::words::{count, missing, span};
use anstyle::Style as Paint;
use scrubjay_model::{HostView, SourceDoc, SourceState, SourceStatus, Verdict};

/// Faults of one source listed before they are only counted.
const FAULTS: usize = 10;

/// The page: each source with its state, and for those that did not answer in full the reason, what
/// it means and the remedy. With [`Style::all`], the standing description of every source.
pub fn doctor(view: &HostView, docs: &[SourceDoc], style: &Style) -> String {
    let mut page = Page::new(*style);
    let sources = view.snapshot.sources();
    let asked = sources.iter().filter(|s| s.state != SourceState::Off).count();
    let full = sources.iter().filter(|s| s.state == SourceState::Ok).count();
    let sum = format!("{full} of {} answered in full", count(asked, "source", "sources"));
    page.line(&[("scrubjay doctor: ", Paint::new()), (&sum, Paint::new())]);
    page.blank();

    page.heading("sources:");
    let rows: Vec<Vec<Cell>> = sources.iter().map(row).collect();
    page.table(2, &rows);

    for status in &sources {
        let doc = docs.iter().find(|doc| doc.id == status.source);
        if status.state != SourceState::Ok || style.all {
            page.blank();
            explain(&mut page, status, doc);
        }
    }
    page.blank();
    cannot_see(&mut page, &view.assessment);
    page.into_text()
}

fn row(status: &SourceStatus) -> Vec<Cell> {
    let SourceStatus { source, state, reason: _, report } = status;
    let (sign, paint) = sign(*state);
    let report = match report {
        None => vec![Cell::left("switched off by configuration").painted(FAINT)],
        Some(report) => vec![
            Cell::right(span(report.took)),
            Cell::right(count(report.attributes, "attribute", "attributes")),
            Cell::right(if report.faults.is_empty() {
                String::new()
            } else {
                count(report.faults.len(), "fault", "faults")
            }),
        ],
    };
    let mut row = vec![
        Cell::left(sign).painted(paint),
        Cell::left(source.as_str()),
        Cell::left(state.as_str()).painted(paint),
    ];
    row.extend(report);
    row
}

fn sign(state: SourceState) -> (&'static str, Paint) {
    match state {
        SourceState::Ok => ("+", paint_of(Verdict::Ok)),
        SourceState::Partial | SourceState::Unreadable | SourceState::Malformed => ("!", WARN),
        SourceState::Absent => ("-", Paint::new()),
        SourceState::Off => (".", FAINT),
    }
}

fn explain(page: &mut Page, status: &SourceStatus, doc: Option<&SourceDoc>) {
    let SourceStatus { source, state, reason, report } = status;
    page.heading(&format!("{}: {}", source.as_str(), state.as_str()));
    let faults = report.as_ref().map(|report| report.faults.as_slice()).unwrap_or_default();
    if let Some(reason) = reason
        && !faults.contains(reason)
    {
        page.field(2, "why", &missing(reason));
    }
    let shown = if page.style.all { faults.len() } else { FAULTS };
    for fault in faults.iter().take(shown) {
        page.field(2, "fault", &missing(fault));
    }
    if let Some(more) = faults.len().checked_sub(shown).filter(|more| *more > 0) {
        page.more(2, &format!("{more} more (--all lists them)"));
    }
    let Some(SourceDoc { id: _, reads, needs, absence, kernel_doc }) = doc else { return };
    match state {
        SourceState::Absent => page.field(2, "it means", absence),
        SourceState::Off => page.field(2, "remedy", "switch it on in the configuration"),
        SourceState::Partial
        | SourceState::Unreadable
        | SourceState::Malformed
        | SourceState::Ok => {}
    }
    page.field(2, "needs", needs);
    page.field(2, "reads", &reads.join(", "));
    page.field(2, "see", kernel_doc);
}
