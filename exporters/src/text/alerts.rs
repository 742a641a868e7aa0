//! Alerts: what lasts, what somebody said is known, and what became of both.

use super::Style;
use super::page::{Cell, Page, paint_of, sign_of};
use super::words::{count, moment, moment_ago, span};
use scrubjay_model::{
    Ack, AckChange, AckRequest, AckUntil, AckedAlert, Alert, AlertBook, AlertKey, AlertState,
    AlertTurn, CoverageRecord, Finding, HostView,
};
use std::time::Duration;

/// The part of `status` on alerts: how many there are, and those that no finding speaks of now.
pub(super) fn alerts(page: &mut Page, view: &HostView) {
    let AlertBook { clock, alerts, acks } = &view.alerts;
    if clock.is_none() {
        return;
    }
    page.heading("alerts:");
    let of = |word: &str| alerts.values().filter(|alert| alert.state.as_str() == word).count();
    let known = alerts
        .iter()
        .filter(|(key, alert)| alert.state.firing().is_some() && acks.contains_key(*key));
    page.sentence(
        2,
        &format!(
            "{} firing, {} of them acknowledged; {} pending, {} resolved lately",
            of("firing"),
            known.count(),
            of("pending"),
            of("resolved")
        ),
    );
    let now_ms = view.snapshot.at.wall_ms;
    let findings = || view.assessment.findings.iter().chain(&view.assessment.coverage.findings);
    for (key, alert) in alerts {
        let is_found = findings().any(|found| is_of(found, key));
        match (&alert.state, &alert.held) {
            (AlertState::Firing(firing), Some(why)) => {
                let since = moment_ago(firing.since.wall_ms, now_ms);
                page.field(2, "held", &format!("{key} fires since {since}: {why}"));
            }
            (AlertState::Firing(firing), None) if !is_found => {
                let since = moment_ago(firing.since.wall_ms, now_ms);
                page.field(2, "firing", &format!("{key} since {since}, not found now"));
            }
            (AlertState::Resolved { since, .. }, _) => {
                page.field(2, "resolved", &format!("{key} {}", moment_ago(since.wall_ms, now_ms)));
            }
            (AlertState::Inactive | AlertState::Pending { .. } | AlertState::Firing(_), _) => {}
        }
    }
    for ack in acks.values().filter(|ack| !findings().any(|found| is_of(found, &ack.key))) {
        page.field(2, "known", &format!("{}: {}", ack.key, in_words(ack)));
    }
    page.blank();
}

fn is_of(finding: &Finding, key: &AlertKey) -> bool {
    finding.code == key.code && finding.subject == key.subject
}

/// Who said that a finding is known, if somebody did.
pub(super) fn known(page: &mut Page, book: &AlertBook, findings: &[Finding]) {
    for finding in findings {
        let key = AlertKey::new(finding.code, finding.subject.as_str());
        let Some(ack) = book.acks.get(&key) else { continue };
        let of = if findings.len() > 1 { format!("{}: ", key.subject) } else { String::new() };
        page.field(5, "known", &format!("{of}{}", in_words(ack)));
    }
}

fn in_words(ack: &Ack) -> String {
    let Ack { by, reason, given, baseline, verdict, .. } = ack;
    let most = baseline.map(|most| format!(", at most {most} errors")).unwrap_or_default();
    format!(
        "acknowledged by {by} on {} until {}, up to {}{most}: {reason}",
        moment(given.wall_ms),
        moment(ack.until_wall_ms()),
        verdict.as_str()
    )
}

/// How many of the findings are known.
pub(super) fn known_of(view: &HostView) -> usize {
    let findings = view.assessment.findings.iter().chain(&view.assessment.coverage.findings);
    let key = |found: &Finding| AlertKey::new(found.code, found.subject.as_str());
    findings.filter(|found| view.alerts.acks.contains_key(&key(found))).count()
}

/// Acknowledgements that hold, and requests that the agent has not taken in: `ack list`.
pub fn acks(book: &AlertBook, waiting: &[AckRequest], style: &Style) -> String {
    let mut page = Page::new(*style);
    page.heading("acknowledged:");
    if book.acks.is_empty() {
        page.sentence(2, "nothing");
    }
    for (key, ack) in &book.acks {
        let state = book.alerts.get(key).map_or("not found at present", state_in_words);
        page.sentence(2, &format!("{key} ({state})"));
        page.sentence(4, &in_words(ack));
    }
    if !waiting.is_empty() {
        page.blank();
        page.heading("waiting for the agent's next pass:");
    }
    for AckRequest { id: _, by, uid: _, made_wall_ms, what } in waiting {
        let at = moment(*made_wall_ms);
        let (what, keys): (String, Vec<String>) = match what {
            AckChange::Give { reason, until: _, alerts } => (
                format!("acknowledge ({reason})"),
                alerts.iter().map(|alert| alert.key.to_string()).collect(),
            ),
            AckChange::Withdraw { acks } => {
                ("take back".to_owned(), acks.iter().map(|(key, _)| key.to_string()).collect())
            }
        };
        page.sentence(2, &format!("{at}, {by}: {what}: {}", keys.join(", ")));
    }
    page.into_text()
}

/// What became of a request: `ack` and `unack`. An agent that runs makes a pass each `interval`; nobody knows how
/// soon that is where time does not go as on this host.
pub fn ack_request(
    request: &AckRequest,
    taken_in: bool,
    interval: Option<Duration>,
    style: &Style,
) -> String {
    let mut page = Page::new(*style);
    match &request.what {
        AckChange::Give { reason, until, alerts } => {
            let until = match until {
                AckUntil::Date(wall_ms) => format!("until {}", moment(*wall_ms)),
                AckUntil::Span(ms) => format!("for {}", span(Duration::from_millis(*ms))),
            };
            page.heading(&format!("acknowledged by {} {until}: {reason}", request.by));
            for AckedAlert { key, verdict, count: _, baseline } in alerts {
                let most =
                    baseline.map(|most| format!(", and at most {most} errors")).unwrap_or_default();
                page.sentence(
                    2,
                    &format!("{key}, as long as it is no worse than {}{most}", verdict.as_str()),
                );
            }
        }
        AckChange::Withdraw { acks } => {
            page.heading(&format!("taken back by {}:", request.by));
            for (key, _) in acks {
                page.sentence(2, &key.to_string());
            }
        }
    }
    page.sentence(
        0,
        &if taken_in {
            "It is written into the history; no agent runs.".to_owned()
        } else {
            let soon = interval.map(|interval| format!(", within {}", span(interval)));
            format!(
                "It is handed over to the agent that runs, which takes it in with its next pass{}; \
                 \"scrubjay ack list\" shows it.",
                soon.unwrap_or_default()
            )
        },
    );
    page.into_text()
}

fn state_in_words(alert: &Alert) -> &'static str {
    match (&alert.state, &alert.held) {
        (AlertState::Firing(_), Some(_)) => "firing, held",
        (state, _) => state.as_str(),
    }
}

/// What became of alerts: `history alerts`.
pub fn alert_history(turns: &[AlertTurn], coverage: &[CoverageRecord], style: &Style) -> String {
    let mut page = Page::new(*style);
    page.heading("alerts:");
    if turns.is_empty() {
        let watched = count(coverage.len(), "stretch of time", "stretches of time");
        let nothing = if coverage.is_empty() {
            "no alert is told of, and nobody was looking".to_owned()
        } else {
            format!("no alert fired in {watched} that was watched")
        };
        page.sentence(2, &nothing);
    }
    for turn in turns {
        let AlertTurn { at_wall_ms, key, what, verdict, detail } = turn;
        let sign = format!("{:<2} {}", sign_of(*verdict), verdict.as_str());
        page.table(
            2,
            &[vec![
                Cell::left(moment(*at_wall_ms)),
                Cell::left(format!("{:<13}", what.as_str().replace('_', " "))),
                Cell::left(format!("{sign:<10}")).painted(paint_of(*verdict)),
                Cell::left(key.to_string()),
            ]],
        );
        page.sentence(6, detail);
    }
    page.into_text()
}
