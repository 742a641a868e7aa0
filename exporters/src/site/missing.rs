//! Pages that are not there, and what is there instead.

use super::frame::{Head, whole};
use super::parts::{finding_link, text};
use super::places::MENU;
use super::stick::{Stick, sticks};
use super::tone::{Tone, sign};
use super::{Answer, Form, Known, runbook};
use crate::PageError;
use maud::{Markup, html};
use serde::Serialize;

/// An address that leads nowhere.
pub(super) fn path(path: &str, known: Option<&Known<'_>>) -> String {
    let body = html! {
        h1 { "There is no such page" }
        p.lead { "Nothing is at " code { (text(path)) } ". These pages are here:" }
        (menu())
    };
    whole(&Head { title: "No such page", place: None, known }, body)
}

/// Nothing is known yet.
pub(super) fn not_yet() -> String {
    let body = html! {
        h1 { "Nothing is known yet" }
        p.lead { "The agent has just started, and no pass over the host has completed. Load this page again in a moment." }
        p { "If that lasts, " a href="/healthz" { "its health" } " and its log say why." }
    };
    whole(&Head { title: "Starting", place: None, known: None }, body)
}

/// Nothing is known, and nobody here will change that.
pub(super) fn nothing(why: &str) -> String {
    let body = html! {
        div.hero.t-unknown {
            p.hero-verdict { (sign(Tone::Unknown)) span { "UNKNOWN" } }
            div {
                h1 { span.visually-hidden { "Verdict: unknown. " } "What this host is like cannot be told" }
                p.hero-meaning { (text(why)) "." }
            }
        }
        p { "These pages show what an agent on this host saw last. Without one, " code { "scrubjay status" } " and " code { "scrubjay history" } " tell what the host and its history tell by themselves." }
    };
    whole(&Head { title: "Unknown", place: None, known: None }, body)
}

fn menu() -> Markup {
    html! { ul { @for (place, words) in &MENU { li { a href=(place.path()) { (words) } } } } }
}

#[derive(Serialize)]
struct NoDimm {
    error: String,
    dimms: Vec<Named>,
}

#[derive(Serialize)]
struct Named {
    module: String,
    name: String,
}

/// A name that no stick bears.
pub(super) fn dimm(known: &Known<'_>, name: &str, form: Form) -> Result<Answer, PageError> {
    let all: Vec<Stick> = sticks(known.view, &[]).into_iter().map(|(_, stick)| stick).collect();
    let body = match form {
        Form::Json => {
            let named = |stick: Stick| Named { module: stick.module, name: stick.name };
            let error = format!("no stick of memory is called \"{name}\"");
            let dimms = all.into_iter().map(named).collect();
            crate::json::page("dimm", known.view, known.stale, &NoDimm { error, dimms })?
        }
        Form::Html => {
            let body = html! {
                h1 { "No such DIMM" }
                p.lead { "No stick of memory is called " code { (text(name)) } " here. Serial numbers are not asked for on these pages." }
                @if all.is_empty() { p { "No stick is known at all." } }
                @else {
                    p { "These are known:" }
                    ul.log { @for stick in &all { li { (stick.badge()) " " (stick.link()) } } }
                }
            };
            whole(&Head { title: "No such DIMM", place: None, known: Some(known) }, body)
        }
    };
    Ok(Answer { is_found: false, body })
}

#[derive(Serialize)]
struct NoFinding<'a> {
    error: String,
    codes: Vec<&'a str>,
}

/// A finding that there is none of.
pub(super) fn finding(known: &Known<'_>, code: &str, form: Form) -> Result<Answer, PageError> {
    let codes: Vec<&str> = runbook::codes(known.runbook).collect();
    let body = match form {
        Form::Json => {
            let error = format!("no finding is called \"{code}\"");
            crate::json::page("finding", known.view, known.stale, &NoFinding { error, codes })?
        }
        Form::Html => {
            let body = html! {
                h1 { "No such finding" }
                p.lead { "No finding is called " code { (text(code)) } ". There are these:" }
                ul.columns { @for code in codes { li { (finding_link(code)) } } }
            };
            whole(&Head { title: "No such finding", place: None, known: Some(known) }, body)
        }
    };
    Ok(Answer { is_found: false, body })
}
