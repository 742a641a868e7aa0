//! The host and the agent: who they are, how the agent fares, and where everything else is.

use super::overview::{ledger_head, ledger_state, ledger_tone, ledger_words};
use super::parts::{ago, code, command, facts, number, reading, section, span, text, when};
use super::places::MENU;
use super::tone::{Tone, badge};
use super::{Known, Page};
use crate::text::confinement::confinement;
use crate::text::words::{count, size};
use maud::{Markup, html};
use scrubjay_model::{
    AgentStats, Confinement, HistorySummary, HostHeader, LedgerHead, LedgerState, NotifyStats,
    Reading,
};
use serde::Serialize;
use std::time::Duration;

#[derive(Debug, Serialize)]
pub(super) struct About<'a> {
    header: &'a HostHeader,
    history: &'a Reading<HistorySummary>,
    ledger: Ledger<'a>,
    agent: Option<Agent<'a>>,
}

#[derive(Debug, Serialize)]
struct Ledger<'a> {
    head: Option<LedgerHead>,
    #[serde(flatten)]
    state: &'a LedgerState,
}

/// The agent's health, as far as visitors are told: not what receivers of notices answered.
#[derive(Debug, Serialize)]
struct Agent<'a> {
    started_wall_ms: i64,
    interval_seconds: u64,
    passes: u64,
    late_passes: u64,
    pass_seconds: f64,
    resident_bytes: &'a Reading<u64>,
    storage: &'a scrubjay_model::StorageStats,
    confinement: &'a Option<Confinement>,
}

pub(super) fn page<'a>(known: &Known<'a>) -> About<'a> {
    let view = known.view;
    let agent = |agent: &'a AgentStats| Agent {
        started_wall_ms: agent.started_wall_ms,
        interval_seconds: agent.interval.as_secs(),
        passes: agent.passes,
        late_passes: agent.late_passes,
        pass_seconds: agent.pass_took.as_secs_f64(),
        resident_bytes: &agent.resident_bytes,
        storage: &agent.storage,
        confinement: &agent.confinement,
    };
    About {
        header: &view.header,
        history: &view.history,
        ledger: Ledger { head: ledger_head(view), state: ledger_state(view) },
        agent: view.agent.value().map(agent),
    }
}

impl Page for About<'_> {
    fn title(&self) -> String {
        "About".to_owned()
    }

    fn body(&self, known: &Known<'_>) -> Markup {
        let now_ms = known.now_ms();
        html! {
            h1 { "About this host and its agent" }
            (section("host", "The host", self.host()))
            (section("agent", "The agent", self.agent(known)))
            (section("history", "The history", self.history(now_ms)))
            (section("ledger", "The ledger", self.ledger()))
            (section("paths", "Where things are", paths(known)))
        }
    }
}

impl About<'_> {
    fn host(&self) -> Markup {
        let HostHeader { root, version: _, host_name, os, cpu, memory_bytes, simulated: _ } =
            self.header;
        facts(&[
            ("name", reading(host_name, Clone::clone)),
            ("system", reading(os, Clone::clone)),
            ("processor", reading(cpu, Clone::clone)),
            ("memory", reading(memory_bytes, |bytes| size(*bytes))),
            ("read from", code(root)),
        ])
    }

    fn agent(&self, known: &Known<'_>) -> Markup {
        let Some(Agent {
            started_wall_ms,
            interval_seconds,
            passes,
            late_passes,
            pass_seconds,
            resident_bytes,
            storage: _,
            confinement: left,
        }) = &self.agent
        else {
            return html! { p.nothing { "None runs." } };
        };
        let took = Duration::try_from_secs_f64(*pass_seconds).unwrap_or_default();
        let late = if *late_passes > 0 { Tone::Watch } else { Tone::Ok };
        let notices = known.view.agent.value().map(|agent| notices(&agent.notifications));
        let left = left.as_ref().map_or_else(|| "not told".to_owned(), confinement);
        facts(&[
            ("version", text(self.header.version)),
            ("rights", text(&left)),
            ("started", ago(*started_wall_ms, known.now_ms())),
            (
                "passes",
                html! {
                    (number(*passes)) ", one every " (span(Duration::from_secs(*interval_seconds))) "; the last took " (span(took)) " "
                    (badge(late, &format!("{} late", number(*late_passes))))
                },
            ),
            ("memory it takes", reading(resident_bytes, |bytes| size(*bytes))),
            ("notices", notices.unwrap_or_else(|| html! { "none" })),
        ])
    }

    fn history(&self, now_ms: i64) -> Markup {
        let summary = match self.history.as_ref().into_result() {
            Ok(summary) => summary,
            Err(why) => {
                return html! { p.nothing { (badge(Tone::Unknown, "NONE")) " " (text(&super::parts::why_missing(&why))) } };
            }
        };
        let storage = self.agent.as_ref().map(|agent| agent.storage);
        let mut rows = vec![
            ("file", code(&summary.path)),
            ("since", ago(summary.since_wall_ms, now_ms)),
            (
                "watched",
                html! { (span(summary.covered)) ", without a gap for " (span(summary.covered_without_gap)) },
            ),
        ];
        if let Some(storage) = storage {
            let used = storage.size_bytes.map_or_else(|| "size not known".to_owned(), size);
            let most = storage
                .max_bytes
                .map_or_else(String::new, |most| format!(" of {} at most", size(most)));
            rows.push(("size", text(&format!("{used}{most}"))));
            rows.push((
                "writing",
                match &storage.last_error {
                    None => html! { (badge(Tone::Ok, "WORKS")) },
                    Some(error) => html! { (badge(Tone::Act, "FAILS")) " " (text(error)) },
                },
            ));
            if let Some(old) = &storage.replaced {
                rows.push(("begun anew", html! { "it was corrupt; the old file is " (code(old)) @if let Some(what) = &storage.salvaged { "; " (text(what)) } }));
            }
        }
        facts(&rows)
    }

    fn ledger(&self) -> Markup {
        let Ledger { head, state } = &self.ledger;
        let Some(head) = head else {
            return html! { p.nothing { (badge(Tone::Unknown, "NONE")) " There is no ledger to vouch for anything." } };
        };
        html! {
            (facts(&[
                ("state", html! { (badge(ledger_tone(state), state_word(state))) " " (text(&ledger_words(state))) }),
                ("last row", html! { (number(head.seq)) }),
                ("its hash", code(&head.hash.to_string())),
            ]))
            p { "Whoever keeps a copy of the head elsewhere can prove later that nothing up to it was changed or taken away:" }
            (command(&format!("scrubjay ledger verify --expect {head}")))
        }
    }
}

fn state_word(state: &LedgerState) -> &'static str {
    match state {
        LedgerState::None => "NONE",
        LedgerState::Intact => "INTACT",
        LedgerState::Altered { .. } => "ALTERED",
        LedgerState::NotChecked { .. } => "NOT CHECKED",
    }
}

fn notices(stats: &NotifyStats) -> Markup {
    let failing = stats.receivers.values().filter(|receiver| receiver.last_error.is_some()).count();
    html! {
        @if stats.receivers.is_empty() { "nobody is told: no receiver is configured" }
        @else {
            (count(stats.receivers.len(), "receiver", "receivers")) " "
            @if failing == 0 { (badge(Tone::Ok, "REACHED")) }
            @else { (badge(Tone::Plan, &format!("{failing} failing"))) " (" code { "scrubjay status" } " says why)" }
        }
    }
}

fn paths(known: &Known<'_>) -> Markup {
    html! {
        ul.log {
            @for (place, words) in &MENU {
                li { a href=(place.path()) { (words) } " · " a href=(place.json_path()) { (words) " as JSON" } }
            }
            li { a href=(known.telemetry_path) { code { (known.telemetry_path) } } ": metrics for Prometheus" }
            li { a href="/api/v1/snapshot" { code { "/api/v1/snapshot" } } ": everything known, as JSON" }
            li { a href="/healthz" { code { "/healthz" } } ": whether the last pass is fresh" }
            li { a href="/readyz" { code { "/readyz" } } ": whether a pass has completed" }
        }
        p { "On the host, " code { "scrubjay status" } ", " code { "scrubjay doctor" } " and " code { "scrubjay report" } " say more, and say it without an agent too. This was read " (when(known.now_ms())) "." }
    }
}
