//! Alerts: what fires, what is about to, what somebody said is known, and how to say so.

use super::parts::{
    ago, column, command, finding_link, no_history, nothing, section, table, text, when,
};
use super::stick::{Stick, masked, sticks, subject};
use super::tone::{Tone, badge, verdict};
use super::{Known, Page};
use crate::text::words::{self, count};
use maud::{Markup, html};
use scrubjay_model::{
    Alert, AlertKey, AlertState, AlertTurn, AlertTurnKind, DimmKind, DimmLine, Moment, Verdict,
    shell_word,
};
use serde::Serialize;

/// How far back turns reach, and how many are listed.
const BACK_MS: i64 = 90 * 86_400_000;
const TURNS: usize = 50;

#[derive(Debug, Serialize)]
pub(super) struct Alerts<'a> {
    /// Whether an agent keeps a book of them.
    kept: bool,
    alerts: Vec<Line<'a>>,
    acknowledgements: Vec<Acknowledged<'a>>,
    turns: Vec<Turn>,
    no_history: Option<String>,
}

/// An alert with its name.
#[derive(Debug, Serialize)]
struct Line<'a> {
    code: &'a str,
    subject: String,
    /// What people call that.
    name: String,
    module: Option<String>,
    #[serde(flatten)]
    alert: &'a Alert,
    acknowledged: bool,
    /// The command that says that it is known; `None` of one that is not open.
    ack_command: Option<String>,
}

/// That something is known: not by whom, and not why, which is for the host's own.
#[derive(Debug, Serialize)]
struct Acknowledged<'a> {
    code: &'a str,
    subject: String,
    module: Option<String>,
    until_wall_ms: i64,
    given_wall_ms: i64,
    /// Up to how bad it may be.
    verdict: Verdict,
    /// Up to how many errors there may be.
    baseline: Option<u64>,
    unack_command: String,
}

/// What became of an alert.
#[derive(Debug, Serialize)]
struct Turn {
    at_wall_ms: i64,
    code: String,
    subject: String,
    what: AlertTurnKind,
    verdict: Verdict,
    /// `None` of acknowledgements, whose words are the host's own.
    detail: Option<String>,
}

pub(super) fn page<'a>(known: &Known<'a>) -> Alerts<'a> {
    let book = &known.view.alerts;
    let all = sticks(known.view, &[]);
    let past = known.past.alerts(known.now_ms().saturating_sub(BACK_MS));
    let (turns, no_history) = match past {
        Ok(turns) => (turns, None),
        Err(why) => (Vec::new(), Some(why)),
    };
    let mut alerts: Vec<Line<'a>> = book
        .alerts
        .iter()
        .filter(|(_, alert)| alert.state != AlertState::Inactive)
        .map(|(key, alert)| line(known, &all, key, alert))
        .collect();
    alerts.sort_by_key(|line| (rank(&line.alert.state), std::cmp::Reverse(level(line.alert))));
    let acknowledgements = book.acks.iter().map(|(key, ack)| {
        let (subject, stick) = name(known, &all, key);
        Acknowledged {
            code: &key.code,
            module: stick.map(|stick| stick.module.clone()),
            until_wall_ms: ack.until_wall_ms(),
            given_wall_ms: ack.given.wall_ms,
            verdict: ack.verdict,
            baseline: ack.baseline,
            unack_command: format!("scrubjay unack {}", target(key, &subject)),
            subject,
        }
    });
    let turn = |turn: AlertTurn| Turn {
        at_wall_ms: turn.at_wall_ms,
        subject: name(known, &all, &turn.key).0,
        code: turn.key.code,
        what: turn.what,
        verdict: turn.verdict,
        detail: (!turn.what.is_of_ack()).then_some(turn.detail),
    };
    Alerts {
        kept: book.clock.is_some(),
        alerts,
        acknowledgements: acknowledgements.collect(),
        turns: turns.into_iter().rev().map(turn).collect(),
        no_history,
    }
}

/// What it is about, as visitors may see it.
fn name<'s>(
    known: &Known<'_>,
    all: &'s [(DimmLine, Stick)],
    key: &AlertKey,
) -> (String, Option<&'s Stick>) {
    let is_key = |(line, stick): &&(DimmLine, Stick)| {
        line.key == key.subject && stick.about != DimmKind::Unattributed
    };
    match all.iter().find(is_key) {
        Some((_, stick)) => (stick.name.clone(), Some(stick)),
        None => {
            let subject_of = masked(&known.view.accumulated.modules, &key.subject);
            let stick = subject(known, all, &key.subject).1.map(|stick| stick.module.clone());
            let stick =
                all.iter().map(|(_, stick)| stick).find(|s| Some(&s.module) == stick.as_ref());
            (subject_of, stick)
        }
    }
}

fn line<'a>(
    known: &Known<'a>,
    all: &[(DimmLine, Stick)],
    key: &'a AlertKey,
    alert: &'a Alert,
) -> Line<'a> {
    let (subject, stick) = name(known, all, key);
    let is_open = match alert.state {
        AlertState::Pending { .. } | AlertState::Firing(_) => true,
        AlertState::Inactive | AlertState::Resolved { .. } => false,
    };
    let acknowledged = known.view.alerts.acks.contains_key(key);
    let ack_command = format!(
        "scrubjay ack {} --reason 'why it needs no further word' --until 7d",
        target(key, &subject)
    );
    Line {
        code: &key.code,
        name: stick.map_or_else(|| subject.clone(), |stick| stick.name.clone()),
        module: stick.map(|stick| stick.module.clone()),
        subject,
        alert,
        acknowledged,
        ack_command: (is_open && !acknowledged).then_some(ack_command),
    }
}

/// What `scrubjay ack` calls it: by code and subject, unless the subject is a key that has no place
/// here. Then the name of the stick is as good.
fn target(key: &AlertKey, subject: &str) -> String {
    if key.subject == subject {
        shell_word(&key.to_string()).into_owned()
    } else {
        shell_word(subject).into_owned()
    }
}

fn rank(state: &AlertState) -> u8 {
    match state {
        AlertState::Firing(_) => 0,
        AlertState::Pending { .. } => 1,
        AlertState::Resolved { .. } => 2,
        AlertState::Inactive => 3,
    }
}

fn level(alert: &Alert) -> Verdict {
    alert.state.firing().map_or(alert.seen.verdict, |firing| firing.level)
}

fn since(alert: &Alert) -> Option<Moment> {
    match alert.state {
        AlertState::Pending { since, .. } | AlertState::Resolved { since, .. } => Some(since),
        AlertState::Firing(firing) => Some(firing.since),
        AlertState::Inactive => None,
    }
}

impl Page for Alerts<'_> {
    fn title(&self) -> String {
        "Alerts".to_owned()
    }

    fn body(&self, known: &Known<'_>) -> Markup {
        let now_ms = known.now_ms();
        let of = |rank_of: u8, acknowledged: Option<bool>| -> Vec<&Line<'_>> {
            let is_wanted = |line: &&Line<'_>| {
                rank(&line.alert.state) == rank_of
                    && acknowledged.is_none_or(|is| is == line.acknowledged)
            };
            self.alerts.iter().filter(is_wanted).collect()
        };
        let (firing, known_ones) = (of(0, Some(false)), of(0, Some(true)));
        let (pending, resolved) = (of(1, None), of(2, None));
        html! {
            h1 { "Alerts" }
            @if !self.kept { (nothing("no agent keeps a book of alerts here")) }
            @else {
                p.lead {
                    @if firing.is_empty() { (badge(Tone::Ok, "NONE FIRES")) " Nothing fires that is not acknowledged." }
                    @else { (badge(Tone::Watch, &count(firing.len(), "FIRES", "FIRE"))) " These last, and nobody said yet that they are known." }
                }
                (section("firing", "Firing", list(&firing, "none", now_ms)))
                (section("pending", "Pending: found, and not for long enough", list(&pending, "none", now_ms)))
                (section("known", "Acknowledged", html! {
                    (list(&known_ones, "nothing that fires is acknowledged", now_ms))
                    (self.acknowledged(now_ms))
                }))
                @if !resolved.is_empty() { (section("resolved", "Resolved lately", list(&resolved, "none", now_ms))) }
            }
            (section("how", "How to say that something is known", html! {
                p {
                    "On the host, as a user who may write its history. What is acknowledged is what the command sees itself, with its numbers: one error more, or "
                    "a worse verdict, and it is told again. It ends by itself, is in the ledger and in reports, and mends nothing."
                }
                (command("scrubjay ack CODE:SUBJECT --reason 'why' --until 7d"))
                (command("scrubjay ack list"))
            }))
            @if let Some(why) = &self.no_history { (no_history(why)) }
            @if !self.turns.is_empty() { (section("turns", "What became of alerts, in 90 days", self.log())) }
        }
    }
}

fn list(lines: &[&Line<'_>], none: &str, now_ms: i64) -> Markup {
    if lines.is_empty() {
        return nothing(none);
    }
    html! { ul.cards { @for line in lines { li { (card(line, now_ms)) } } } }
}

fn card(line: &Line<'_>, now_ms: i64) -> Markup {
    let Alert { seen, held, .. } = line.alert;
    let is_over = matches!(line.alert.state, AlertState::Resolved { .. });
    let tone = if is_over { Tone::Off } else { Tone::from(level(line.alert)) };
    html! {
        article.card.{ "t-" (tone.as_str()) } {
            header {
                @if is_over { (badge(Tone::Off, "RESOLVED")) } @else { (verdict(level(line.alert))) }
                h3 {
                    @match &line.module {
                        Some(module) => (super::parts::stick_link(module, &line.name)),
                        None => (text(&line.name)),
                    }
                }
                (finding_link(line.code))
            }
            p.because { (text(&super::findings::sentence(&seen.because))) }
            dl.facts {
                @if let Some(since) = since(line.alert) {
                    div { dt { @if is_over { "over" } @else { "since" } } dd { (ago(since.wall_ms, now_ms)) } }
                }
                @if let Some(why) = held { div { dt { "held" } dd { "it was not looked at: " (text(why)) } } }
                @if !is_over {
                    div { dt { "do" } dd { (seen.action.as_str()) ": " (text(&seen.remedy)) } }
                    div { dt { "a reboot" } dd { (words::reboot_helps(seen.reboot_helps)) } }
                }
            }
            @if let Some(ack) = &line.ack_command { (command(ack)) }
        }
    }
}

impl Alerts<'_> {
    fn acknowledged(&self, now_ms: i64) -> Markup {
        if self.acknowledgements.is_empty() {
            return html! {};
        }
        let row = |ack: &Acknowledged<'_>| {
            vec![
                html! { (finding_link(ack.code)) " " (text(&ack.subject)) },
                ago(ack.until_wall_ms, now_ms),
                html! {
                    "up to " (verdict(ack.verdict))
                    @if let Some(most) = ack.baseline { ", at most " (count(most, "error", "errors")) }
                },
                html! { code { (text(&ack.unack_command)) } },
            ]
        };
        let rows: Vec<Vec<Markup>> = self.acknowledgements.iter().map(row).collect();
        let columns = [
            column("What"),
            column("Until"),
            column("As long as it is"),
            column("To take it back"),
        ];
        html! {
            (table("What is acknowledged", &columns, &rows))
            p.soft { "Who said so, and why, stays on the host: " code { "scrubjay ack list" } "." }
        }
    }

    fn log(&self) -> Markup {
        html! {
            ul.log {
                @for turn in self.turns.iter().take(TURNS) {
                    li {
                        (when(turn.at_wall_ms)) " "
                        strong { (turn.what.as_str().replace('_', " ")) } " "
                        (verdict(turn.verdict)) " " (finding_link(&turn.code)) " " (text(&turn.subject))
                        @if let Some(detail) = turn.detail.as_ref().filter(|detail| !detail.is_empty()) { ": " (text(detail)) }
                    }
                }
                @if self.turns.len() > TURNS {
                    li.soft { "and " (self.turns.len() - TURNS) " earlier ones: " code { "scrubjay history alerts" } }
                }
            }
        }
    }
}
