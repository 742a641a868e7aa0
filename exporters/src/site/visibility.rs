//! What can be seen here, and what cannot: every source, and what its silence means.

use super::findings::{Found, cards, grouped};
use super::parts::{column, facts, numbers, section, span, table, text, why_missing};
use super::stick::sticks;
use super::tone::{Tone, badge};
use super::{Known, Page};
use maud::{Markup, html};
use scrubjay_model::{
    CoverageState, EventPath, EventsStatus, ExtlogSent, NonValue, SourceDoc, SourceId, SourceState,
};
use serde::Serialize;

#[derive(Debug, Serialize)]
pub(super) struct Visibility<'a> {
    state: CoverageState,
    correctable: CoverageState,
    uncorrectable: CoverageState,
    findings: Vec<Found<'a>>,
    /// How reports of single errors arrive; `None` without an agent.
    events: Option<&'a EventsStatus>,
    sources: Vec<Source<'a>>,
}

#[derive(Debug, Serialize)]
struct Source<'a> {
    source: SourceId,
    state: SourceState,
    reason: Option<NonValue>,
    took_seconds: Option<f64>,
    attributes: Option<u32>,
    faults: usize,
    deadlines_missed: Option<u64>,
    last_ok_wall_ms: Option<i64>,
    doc: Option<&'a SourceDoc>,
}

pub(super) fn page<'a>(known: &Known<'a>) -> Visibility<'a> {
    let view = known.view;
    let coverage = &view.assessment.coverage;
    let agent = view.agent.value();
    let source = |status: scrubjay_model::SourceStatus| {
        let stats = agent.and_then(|agent| agent.sources.get(&status.source));
        Source {
            source: status.source,
            state: status.state,
            reason: status.reason,
            took_seconds: status.report.as_ref().map(|report| report.took.as_secs_f64()),
            attributes: status.report.as_ref().map(|report| report.attributes),
            faults: status.report.as_ref().map_or(0, |report| report.faults.len()),
            deadlines_missed: stats.map(|stats| stats.deadlines_missed),
            last_ok_wall_ms: stats.and_then(|stats| stats.last_ok_wall_ms),
            doc: known.docs.iter().find(|doc| doc.id == status.source),
        }
    };
    let mut sources: Vec<Source<'_>> = view.snapshot.sources().into_iter().map(source).collect();
    // What is wrong comes first.
    sources.sort_by_key(|source| std::cmp::Reverse(Tone::from(source.state)));
    Visibility {
        state: coverage.state,
        correctable: coverage.correctable,
        uncorrectable: coverage.uncorrectable,
        findings: grouped(known, &sticks(view, &[]), &coverage.findings),
        events: agent.map(|agent| &agent.events),
        sources,
    }
}

impl Page for Visibility<'_> {
    fn title(&self) -> String {
        "Visibility".to_owned()
    }

    fn body(&self, _: &Known<'_>) -> Markup {
        html! {
            h1 { "What can be seen here" }
            p.lead { (badge(self.state.into(), &self.state.as_str().to_uppercase())) " " (headline(self.state)) }
            (facts(&[
                ("corrected errors", badge(self.correctable.into(), &self.correctable.as_str().to_uppercase())),
                ("uncorrected errors", badge(self.uncorrectable.into(), &self.uncorrectable.as_str().to_uppercase())),
            ]))
            (section("gaps", "What hides errors, and how to mend that", html! {
                @if self.findings.is_empty() { p.nothing { "Nothing is known to." } } @else { (cards(&self.findings)) }
            }))
            (section("hearing", "How single errors are heard of", hearing(self.events)))
            (section("sources", "Sources", self.sources_table()))
        }
    }
}

fn headline(state: CoverageState) -> &'static str {
    match state {
        CoverageState::Full => "All known ways by which memory errors reach us are open.",
        CoverageState::Partial => {
            "Some errors may be hidden. Zero on the other pages means: none of those that are seen."
        }
        CoverageState::None => "No error can reach us. Zero on the other pages means nothing.",
        CoverageState::Unknown => "It cannot be told whether errors reach us.",
    }
}

fn hearing(events: Option<&EventsStatus>) -> Markup {
    let Some(events) = events else {
        return html! { p.nothing { "No agent runs that would listen." } };
    };
    let (tone, path) = match events.path {
        EventPath::Trace => (Tone::Ok, "TRACE EVENTS"),
        EventPath::KernelLog => (Tone::Watch, "KERNEL LOG"),
        EventPath::Counters => (Tone::Unknown, "COUNTERS ONLY"),
    };
    let meaning = match events.path {
        EventPath::Trace => "each report is heard by itself, and losses are counted",
        EventPath::KernelLog => "a storm is told in part, as the log is limited",
        EventPath::Counters => {
            "that there were errors is known; when, where and of which kind is not"
        }
    };
    let extlog = match &events.extlog {
        ExtlogSent::NotListening => "not listened to".to_owned(),
        ExtlogSent::Held => "sent, as the agent asks for it".to_owned(),
        ExtlogSent::NotHeld { why } => format!("not sent: {why}"),
    };
    let mut rows = vec![
        ("by", html! { (badge(tone, path)) " " (meaning) }),
        (
            "reports",
            html! {
                (events.reports) " read, " (events.lost) " overwritten before they were read, "
                (events.undecodable) " not understood, since the agent started"
            },
        ),
        (
            "listening to",
            text(&if events.listening.is_empty() {
                "nothing".to_owned()
            } else {
                events.listening.join(", ")
            }),
        ),
        ("Intel's extended log", text(&extlog)),
    ];
    if !events.why.is_empty() {
        rows.insert(1, ("because", text(&events.why)));
    }
    facts(&rows)
}

impl Visibility<'_> {
    fn sources_table(&self) -> Markup {
        let rows: Vec<Vec<Markup>> = self.sources.iter().map(Source::row).collect();
        table(
            "What is read of this host, what is wrong first",
            &[
                column("Source"),
                column("State"),
                column("Reason, and what it means"),
                column("Needs"),
                numbers("Attributes"),
                numbers("Took"),
            ],
            &rows,
        )
    }
}

impl Source<'_> {
    fn row(&self) -> Vec<Markup> {
        let is_quiet = self.state == SourceState::Ok;
        vec![
            html! { (self.source.as_str().replace('_', " ")) },
            badge(self.state.into(), &self.state.as_str().to_uppercase()),
            html! {
                @match &self.reason {
                    Some(reason) => { p { (text(&why_missing(reason))) } }
                    None if self.state == SourceState::Off => { p { "switched off by the configuration" } }
                    None => { p.soft { "everything it offers was read" } }
                }
                @if self.faults > 1 { p { "and " (self.faults - 1) " more attributes like that" } }
                @if let (Some(doc), false) = (self.doc, is_quiet) { p.soft { (super::parts::prose(doc.absence)) } }
                @if let Some(missed) = self.deadlines_missed.filter(|missed| *missed > 0) {
                    p { "did not answer in time in " (crate::text::words::count(missed, "pass", "passes")) }
                }
            },
            super::parts::prose(self.doc.map_or("not known", |doc| doc.needs)),
            html! { @match self.attributes { Some(n) => (n), None => "–" } },
            html! { @match self.took_seconds {
                Some(seconds) => (span(std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default())),
                None => "–",
            } },
        ]
    }
}
