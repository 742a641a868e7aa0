//! What receivers of notices are sent: the JSON of Alertmanager's API v2 and of webhooks, and a line
//! for the journal. Pure; whoever calls sends it.

use crate::PageError;
use crate::printable;
use jiff::Timestamp;
use scrubjay_model::{Ack, AlertKey, AlertNotice, AlertNoticeKind, RebootHelps, Sight, Verdict};
use serde::Serialize;
use std::collections::BTreeMap;

/// Whom notices are from, and where to read more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// The host, as other systems know it.
    pub instance: String,
    /// What the code of a finding is added to for a link to its page; empty for none.
    pub runbook_url: String,
}

/// An alert as Alertmanager has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ManagedAlert {
    /// What it is. Two with the same labels are one.
    pub labels: BTreeMap<&'static str, String>,
    /// What is said of it.
    pub annotations: BTreeMap<&'static str, String>,
    /// When it began to fire.
    pub starts_at: String,
    /// When it ended, or ends unless it is sent again.
    pub ends_at: String,
}

/// A moment as RFC 3339 has it. What is beyond the calendar is its beginning.
fn moment(wall_ms: i64) -> String {
    Timestamp::from_millisecond(wall_ms).unwrap_or_default().to_string()
}

/// `ScrubjayCorrectedErrors`: names of alerts are written so.
fn alert_name(code: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>())
    };
    let words: String = code.split('-').filter_map(capital).collect();
    format!("Scrubjay{words}")
}

/// As rules for Prometheus grade what they find.
fn severity(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Act => "critical",
        Verdict::Plan => "warning",
        Verdict::Watch | Verdict::Unknown | Verdict::Ok => "info",
    }
}

/// The stick that an alert is about, if it is about one: what the verdict on it calls it, or a place.
fn dimm(AlertKey { code, subject }: &AlertKey) -> Option<&str> {
    let is_place = || {
        let place = subject.rsplit_once('/').map(|(_, place)| place);
        let kinds = ["dimm", "rank", "csrow", "ch"];
        place.is_some_and(|place| kinds.iter().any(|kind| place.starts_with(kind)))
    };
    // Of several at once the host is the subject.
    let is_verdict = code.starts_with("dimm-") && subject != "host";
    (is_verdict || is_place()).then_some(subject)
}

fn reboot(helps: RebootHelps) -> &'static str {
    match helps {
        RebootHelps::Yes => "A reboot helps.",
        RebootHelps::No => "A reboot does not help.",
        RebootHelps::Unknown => "Whether a reboot helps cannot be told.",
    }
}

/// What an alert is called and what is said of it.
struct Told<'a> {
    key: &'a AlertKey,
    verdict: Verdict,
    seen: &'a Sight,
}

impl Told<'_> {
    fn labels(&self, sender: &Sender) -> BTreeMap<&'static str, String> {
        let Self { key, verdict, seen: _ } = self;
        let AlertKey { code, subject } = key;
        let mut labels = BTreeMap::from([
            ("alertname", alert_name(code)),
            ("code", printable(code).into_owned()),
            ("instance", printable(&sender.instance).into_owned()),
            ("severity", severity(*verdict).to_owned()),
            ("subject", printable(subject).into_owned()),
            ("verdict", verdict.as_str().to_owned()),
        ]);
        if let Some(dimm) = dimm(key) {
            labels.insert("dimm", printable(dimm).into_owned());
        }
        labels
    }

    fn summary(&self) -> String {
        let Self { key, verdict, seen } = self;
        let text =
            format!("{} on {} ({}): {}", key.code, key.subject, verdict.as_str(), seen.because);
        printable(&text).into_owned()
    }

    fn description(&self) -> String {
        let seen = self.seen;
        let evidence =
            seen.origin.as_ref().map(|origin| format!(" Evidence: {origin}.")).unwrap_or_default();
        let text = format!(
            "Do: {}: {}. {}{evidence}",
            seen.action.as_str(),
            seen.remedy,
            reboot(seen.reboot_helps)
        );
        printable(&text).into_owned()
    }

    fn annotations(&self, sender: &Sender, why: Option<&str>) -> BTreeMap<&'static str, String> {
        let mut annotations = BTreeMap::from([
            ("summary", self.summary()),
            ("description", self.description()),
            ("runbook", format!("scrubjay explain {}", printable(&self.key.code))),
        ]);
        if let Some(url) = runbook_url(sender, &self.key.code) {
            annotations.insert("runbook_url", url);
        }
        if let Some(why) = why {
            annotations.insert("why", printable(why).into_owned());
        }
        annotations
    }
}

fn runbook_url(sender: &Sender, code: &str) -> Option<String> {
    let url = &sender.runbook_url;
    (!url.is_empty()).then(|| format!("{url}{}", printable(code)))
}

/// When what is sent now is sent, and until when it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// Now.
    pub now_ms: i64,
    /// What fires ends then, unless it is sent again.
    pub ends_at_ms: i64,
}

/// When it began: not later than when it was known, by a clock that was ahead then and was set back
/// since. Were the end put off instead, it would not be resolved until then. What ends before it
/// began is refused.
fn beginning(since_ms: i64, known_ms: i64, end_ms: i64) -> String {
    moment(since_ms.min(known_ms).min(end_ms.saturating_sub(1)))
}

/// A notice for Alertmanager. One that got worse or better is another by its labels, and ends under
/// the old ones.
pub fn managed(sender: &Sender, notice: &AlertNotice, sent: Sent) -> Vec<ManagedAlert> {
    let AlertNotice { kind, key, verdict, before, at_wall_ms, since_wall_ms, seen, why } = notice;
    let known_ms = sent.now_ms.min(*at_wall_ms);
    let alert = |verdict, ends_at_ms: i64| {
        let told = Told { key, verdict, seen };
        ManagedAlert {
            labels: told.labels(sender),
            annotations: told.annotations(sender, why.as_deref()),
            starts_at: beginning(*since_wall_ms, known_ms, ends_at_ms),
            ends_at: moment(ends_at_ms),
        }
    };
    let old = before.map(|before| alert(before, known_ms));
    let now = match kind {
        AlertNoticeKind::Resolved => Some(alert(*verdict, known_ms)),
        // Whatever fires and is wanted is sent again and again. What is too mild for that must not be
        // sent once, as Alertmanager would soon tell that it is over.
        AlertNoticeKind::Lowered => None,
        AlertNoticeKind::Firing
        | AlertNoticeKind::Raised
        | AlertNoticeKind::Reminder
        | AlertNoticeKind::Reraised
        | AlertNoticeKind::Test => Some(alert(*verdict, sent.ends_at_ms)),
    };
    old.into_iter().chain(now).collect()
}

/// An alert that fires, to be sent again and again until it does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lasting {
    /// Which.
    pub key: AlertKey,
    /// How bad.
    pub level: Verdict,
    /// Since when.
    pub since_wall_ms: i64,
    /// What was seen last.
    pub seen: Sight,
    /// Why it could not be looked at.
    pub held: Option<String>,
    /// Who said that it is known.
    pub ack: Option<Ack>,
}

/// The same for Alertmanager. That it is acknowledged is said beside it and is no label: another
/// label would end this alert and begin another.
pub fn lasting(sender: &Sender, lasting: &Lasting, sent: Sent) -> ManagedAlert {
    let Lasting { key, level, since_wall_ms, seen, held, ack } = lasting;
    let told = Told { key, verdict: *level, seen };
    let mut annotations = told.annotations(sender, held.as_deref());
    if let Some(ack) = ack {
        let until = moment(ack.until_wall_ms());
        let text = format!("by {} until {until}: {}", ack.by, ack.reason);
        annotations.insert("acknowledged", printable(&text).into_owned());
    }
    ManagedAlert {
        labels: told.labels(sender),
        annotations,
        starts_at: beginning(*since_wall_ms, sent.now_ms, sent.ends_at_ms),
        ends_at: moment(sent.ends_at_ms),
    }
}

/// The body for `POST /api/v2/alerts`.
///
/// # Errors
/// If it cannot be written, which is a defect.
pub fn managed_body(alerts: &[ManagedAlert]) -> Result<String, PageError> {
    Ok(serde_json::to_string(alerts)?)
}

#[derive(Serialize)]
struct Hook<'a> {
    version: u32,
    id: String,
    kind: AlertNoticeKind,
    code: &'a str,
    subject: &'a str,
    instance: &'a str,
    verdict: Verdict,
    previous_verdict: Option<Verdict>,
    at: String,
    since: String,
    summary: String,
    description: String,
    count: Option<u64>,
    action: &'static str,
    reboot_helps: RebootHelps,
    evidence: Option<&'a str>,
    why: Option<&'a str>,
    runbook: String,
    runbook_url: Option<String>,
}

/// The version of what webhooks are sent; it rises when a key is renamed or removed.
pub const WEBHOOK_VERSION: u32 = 1;

/// What a notice is known by, so that one that comes twice is recognised.
pub fn notice_id(sender: &Sender, notice: &AlertNotice) -> String {
    let AlertNotice { kind, key, at_wall_ms, .. } = notice;
    format!("{}/{key}/{}/{at_wall_ms}", sender.instance, kind.as_str())
}

/// The body for a webhook.
///
/// # Errors
/// If it cannot be written, which is a defect.
pub fn webhook_body(sender: &Sender, notice: &AlertNotice) -> Result<String, PageError> {
    let AlertNotice { kind, key, verdict, before, at_wall_ms, since_wall_ms, seen, why } = notice;
    let told = Told { key, verdict: *verdict, seen };
    let hook = Hook {
        version: WEBHOOK_VERSION,
        id: notice_id(sender, notice),
        kind: *kind,
        code: &key.code,
        subject: &key.subject,
        instance: &sender.instance,
        verdict: *verdict,
        previous_verdict: *before,
        at: moment(*at_wall_ms),
        since: moment(*since_wall_ms),
        summary: told.summary(),
        description: told.description(),
        count: seen.count,
        action: seen.action.as_str(),
        reboot_helps: seen.reboot_helps,
        evidence: seen.origin.as_deref(),
        why: why.as_deref(),
        runbook: format!("scrubjay explain {}", key.code),
        runbook_url: runbook_url(sender, &key.code),
    };
    Ok(serde_json::to_string(&hook)?)
}

/// A notice on one line, for the journal.
pub fn journal_line(notice: &AlertNotice) -> String {
    let AlertNotice { kind, key, verdict, seen, why, since_wall_ms, .. } = notice;
    let what = match kind {
        AlertNoticeKind::Firing => "fires",
        AlertNoticeKind::Raised => "got worse",
        AlertNoticeKind::Lowered => "is less bad",
        AlertNoticeKind::Reminder => "still fires",
        AlertNoticeKind::Reraised => "is told again",
        AlertNoticeKind::Resolved => "is resolved",
        AlertNoticeKind::Test => "is a test",
    };
    let why = why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
    let since = moment(*since_wall_ms);
    let text = match kind {
        AlertNoticeKind::Resolved => format!("alert {key} {what}{why}: it had fired since {since}"),
        AlertNoticeKind::Firing
        | AlertNoticeKind::Raised
        | AlertNoticeKind::Lowered
        | AlertNoticeKind::Reminder
        | AlertNoticeKind::Reraised
        | AlertNoticeKind::Test => format!(
            "alert {key} {what}, verdict {}{why}: {}; do: {}: {}",
            verdict.as_str(),
            seen.because,
            seen.action.as_str(),
            seen.remedy
        ),
    };
    printable(&text).into_owned()
}

#[cfg(test)]
mod tests;
