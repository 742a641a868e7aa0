//! Findings: what to do, with what it rests on.

use super::Known;
use super::parts::{code, finding_link, stick_link, text};
use super::stick::{Stick, subject};
use super::tone::verdict;
use crate::text::words;
use maud::{Markup, html};
use scrubjay_model::{
    Action, AlertKey, DimmLine, ErrorClass, Finding, Origin, RebootHelps, Verdict,
};
use serde::Serialize;

/// Places of one finding that are shown one by one.
const PLACES: usize = 8;

/// Findings that differ in nothing but where they were made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Found<'a> {
    pub(super) code: &'static str,
    pub(super) verdict: Verdict,
    pub(super) action: Action,
    pub(super) remedy: &'a str,
    pub(super) reboot_helps: RebootHelps,
    pub(super) hides: &'static [ErrorClass],
    pub(super) places: Vec<FoundAt<'a>>,
}

/// Where, and what was seen there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct FoundAt<'a> {
    /// What it is about, as `scrubjay ack` takes it.
    pub(super) subject: String,
    /// What people call that.
    pub(super) name: String,
    /// The opaque name of the stick, if it is about one.
    pub(super) module: Option<String>,
    pub(super) because: &'a str,
    pub(super) origin: Option<&'a Origin>,
    pub(super) count: Option<u64>,
    /// Until when somebody said that it is known.
    pub(super) acknowledged_until_wall_ms: Option<i64>,
}

/// Puts together what has the same advice.
pub(super) fn grouped<'a>(
    known: &Known<'a>,
    sticks: &[(DimmLine, Stick)],
    findings: &'a [Finding],
) -> Vec<Found<'a>> {
    let advice = |f: &Finding| (f.code, f.verdict, f.action, f.remedy.clone(), f.reboot_helps);
    let groups = findings.chunk_by(|a, b| advice(a) == advice(b));
    groups.filter_map(|group| found(known, sticks, group)).collect()
}

fn found<'a>(
    known: &Known<'a>,
    sticks: &[(DimmLine, Stick)],
    group: &'a [Finding],
) -> Option<Found<'a>> {
    let Finding { code, verdict, action, remedy, reboot_helps, hides, .. } = group.first()?;
    let place = |finding: &'a Finding| {
        let (subject, stick) = subject(known, sticks, &finding.subject);
        let key = AlertKey::new(finding.code, finding.subject.as_str());
        FoundAt {
            name: stick.map_or_else(|| subject.clone(), |stick| stick.name.clone()),
            subject,
            module: stick.map(|stick| stick.module.clone()),
            because: &finding.because,
            origin: finding.origin.as_ref(),
            count: finding.count,
            acknowledged_until_wall_ms: known
                .view
                .alerts
                .acks
                .get(&key)
                .map(scrubjay_model::Ack::until_wall_ms),
        }
    };
    Some(Found {
        code,
        verdict: *verdict,
        action: *action,
        remedy,
        reboot_helps: *reboot_helps,
        hides,
        places: group.iter().map(place).collect(),
    })
}

/// What to do, at the head of a card: the action where there is one, else what was found.
fn heading(found: &Found<'_>) -> String {
    let about = match found.places.as_slice() {
        [one] if one.subject == "host" || one.subject.is_empty() => String::new(),
        [one] => format!(": {}", one.name),
        several => format!(": {}", words::count(several.len(), "place", "places")),
    };
    let what = match found.action {
        Action::Observe => match found.verdict {
            Verdict::Ok => "Nothing to do",
            Verdict::Unknown | Verdict::Watch | Verdict::Plan | Verdict::Act => "Keep watching",
        },
        Action::FixVisibility
        | Action::RestartServices
        | Action::Reboot
        | Action::RebootIntoNewerKernel
        | Action::ReinstallPackage
        | Action::InvestigateChannelOrCpu
        | Action::OfflinePage
        | Action::RebootForRepair
        | Action::SwapDimm
        | Action::Investigate => return capital(found.action.as_str()) + &about,
    };
    what.to_owned() + &about
}

/// With a capital letter.
pub(super) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// The same where it begins with a word of ours, and not with a name.
pub(super) fn sentence(text: &str) -> String {
    let word = text.split([' ', ',', ':']).next().unwrap_or_default();
    let is_word = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    if is_word { capital(text) } else { text.to_owned() }
}

/// A list of cards.
pub(super) fn cards<'f>(found: impl IntoIterator<Item = &'f Found<'f>>) -> Markup {
    html! { ul.cards { @for one in found { li { (card(one)) } } } }
}

/// What asks for nothing yet is folded: its heading says enough for a first look.
fn card(found: &Found<'_>) -> Markup {
    let head = html! {
        (verdict(found.verdict))
        h3 { (text(&heading(found))) }
    };
    html! {
        article.card.{ "t-" (found.verdict.as_str()) } {
            @if found.verdict >= Verdict::Plan {
                header { (head) (finding_link(found.code)) }
                (reasons(found))
                (advice(found))
            } @else {
                header { (head) (finding_link(found.code)) }
                (reasons(found))
                details { summary { "What to do" } (advice(found)) }
            }
        }
    }
}

fn reasons(found: &Found<'_>) -> Markup {
    match found.places.as_slice() {
        [one] => html! { p.because { (text(&sentence(one.because))) } },
        several => html! {
            ul.places {
                @for place in several.iter().take(PLACES) {
                    li { (about(place)) ": " (text(place.because)) }
                }
                @if several.len() > PLACES { li { "and " (several.len() - PLACES) " more" } }
            }
        },
    }
}

fn advice(found: &Found<'_>) -> Markup {
    let one = match found.places.as_slice() {
        [one] => Some(one),
        _ => None,
    };
    let until = found.places.iter().filter_map(|at| at.acknowledged_until_wall_ms).min();
    html! {
        dl.facts {
            div { dt { "do" } dd { (text(found.remedy)) } }
            div { dt { "a reboot" } dd { (words::reboot_helps(found.reboot_helps)) } }
            @if let Some((one, module)) = one.and_then(|one| Some((one, one.module.as_ref()?))) {
                div { dt { "DIMM" } dd { (stick_link(module, &one.name)) } }
            }
            @if let Some(origin) = one.and_then(|one| one.origin) {
                div { dt { "evidence" } dd { (code(origin.as_str())) } }
            }
            @if let Some(until) = until {
                div { dt { "known" } dd { "acknowledged until " (super::parts::when(until)) " (" code { "scrubjay ack list" } " says by whom, and why)" } }
            }
        }
    }
}

fn about(place: &FoundAt<'_>) -> Markup {
    match &place.module {
        Some(module) => stick_link(module, &place.name),
        None => text(&place.name),
    }
}
