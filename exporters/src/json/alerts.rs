//! Alerts and acknowledgements as JSON.

use super::mask::MASK;
use super::{SCHEMA_VERSION, line};
use crate::PageError;
use scrubjay_model::{
    Ack, AckRequest, AckUntil, Alert, AlertBook, AlertKey, AlertTurn, CoverageRecord, EndedAck,
    Verdict,
};
use serde::Serialize;

/// An alert with its name.
#[derive(Serialize)]
struct Named<'a> {
    #[serde(flatten)]
    key: &'a AlertKey,
    #[serde(flatten)]
    alert: &'a Alert,
    /// Whether somebody said that it is known.
    acknowledged: bool,
}

/// An acknowledgement with the moment until which it holds.
#[derive(Serialize)]
struct Dated<'a> {
    #[serde(flatten)]
    ack: &'a Ack,
    until_wall_ms: i64,
}

/// An acknowledgement for readers who are not known: that there is one, and how far it goes.
#[derive(Serialize)]
struct Faceless<'a> {
    #[serde(flatten)]
    key: &'a AlertKey,
    by: &'static str,
    reason: &'static str,
    until: AckUntil,
    verdict: Verdict,
    baseline: Option<u64>,
    until_wall_ms: i64,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Shown<'a> {
    Whole(Dated<'a>),
    Faceless(Faceless<'a>),
}

/// What `status --json` has of alerts.
#[derive(Serialize)]
pub(super) struct Part<'a> {
    alerts: Vec<Named<'a>>,
    acknowledgements: Vec<Shown<'a>>,
}

impl<'a> Part<'a> {
    /// Masked, it does not say who acknowledged what, and why.
    pub(super) fn of(book: &'a AlertBook, is_masked: bool) -> Self {
        let named = |(key, alert)| Named { key, alert, acknowledged: book.acks.contains_key(key) };
        Self {
            alerts: book.alerts.iter().map(named).collect(),
            acknowledgements: book.acks.values().map(|ack| shown(ack, is_masked)).collect(),
        }
    }
}

fn shown(ack: &Ack, is_masked: bool) -> Shown<'_> {
    if !is_masked {
        return Shown::Whole(dated(ack));
    }
    let Ack { request: _, key, by: _, uid: _, reason: _, given: _, until, verdict, .. } = ack;
    Shown::Faceless(Faceless {
        key,
        by: MASK,
        reason: MASK,
        until: *until,
        verdict: *verdict,
        baseline: ack.baseline,
        until_wall_ms: ack.until_wall_ms(),
    })
}

fn dated(ack: &Ack) -> Dated<'_> {
    Dated { ack, until_wall_ms: ack.until_wall_ms() }
}

#[derive(Serialize)]
struct Acks<'a> {
    schema_version: u32,
    acknowledgements: Vec<Dated<'a>>,
    waiting: &'a [AckRequest],
    ended: &'a [EndedAck],
}

/// Acknowledgements: `ack list --json`.
pub fn acks(
    book: &AlertBook,
    waiting: &[AckRequest],
    ended: &[EndedAck],
) -> Result<String, PageError> {
    let schema_version = SCHEMA_VERSION;
    let acknowledgements = book.acks.values().map(dated).collect();
    line(&Acks { schema_version, acknowledgements, waiting, ended })
}

#[derive(Serialize)]
struct AckTaken<'a> {
    schema_version: u32,
    /// Whether it holds already; otherwise the agent takes it in with its next pass.
    taken_in: bool,
    request: &'a AckRequest,
}

/// What became of a request: `ack --json` and `unack --json`.
pub fn ack_request(request: &AckRequest, taken_in: bool) -> Result<String, PageError> {
    line(&AckTaken { schema_version: SCHEMA_VERSION, taken_in, request })
}

#[derive(Serialize)]
struct AlertHistory<'a> {
    schema_version: u32,
    turns: &'a [AlertTurn],
    coverage: &'a [CoverageRecord],
}

/// What became of alerts: `history alerts --json`.
pub fn alert_history(
    turns: &[AlertTurn],
    coverage: &[CoverageRecord],
) -> Result<String, PageError> {
    line(&AlertHistory { schema_version: SCHEMA_VERSION, turns, coverage })
}

#[derive(Serialize)]
struct NotifyTest<'a> {
    schema_version: u32,
    receivers: Vec<Tried<'a>>,
}

#[derive(Serialize)]
struct Tried<'a> {
    receiver: &'a str,
    /// Null if it was told.
    failure: Option<&'a str>,
}

/// Whether receivers could be told, and why not: `notify test --json`.
pub fn notify_test(told: &[(String, Option<String>)]) -> Result<String, PageError> {
    let receivers =
        told.iter().map(|(receiver, failure)| Tried { receiver, failure: failure.as_deref() });
    line(&NotifyTest { schema_version: SCHEMA_VERSION, receivers: receivers.collect() })
}
