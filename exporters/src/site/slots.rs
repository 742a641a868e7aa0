//! The slot map: the sticks of a host where they are, each with its verdict.

use super::parts::number;
use super::places::Place;
use super::stick::Stick;
use super::tone::{Tone, sign};
use crate::printable;
use maud::{Markup, html};
use scrubjay_model::{DimmKind, Verdict};
use serde::Serialize;

/// Slots under one controller, or under what firmware calls a bank.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Group {
    pub(super) name: String,
    /// Whether anybody counts errors there.
    pub(super) is_counted: bool,
    pub(super) channels: Vec<Channel>,
}

/// Slots at one channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Channel {
    /// `None` where nothing tells of channels.
    pub(super) name: Option<String>,
    /// The opaque names of the sticks.
    pub(super) modules: Vec<String>,
}

/// Puts sticks that are there in their places.
pub(super) fn groups<'s>(sticks: impl IntoIterator<Item = &'s Stick>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for stick in sticks.into_iter().filter(|stick| stick.ended_wall_ms.is_none()) {
        let (name, is_counted) = match (&stick.controller, &stick.bank) {
            (Some(controller), _) => (controller.clone(), true),
            (None, Some(bank)) => (bank.clone(), false),
            (None, None) => ("no controller known".to_owned(), false),
        };
        let group = match groups.iter_mut().find(|group| group.name == name) {
            Some(group) => group,
            None => {
                groups.push(Group { name, is_counted, channels: Vec::new() });
                let Some(group) = groups.last_mut() else { continue };
                group
            }
        };
        let channel = channel(stick);
        match group.channels.iter_mut().find(|known| known.name == channel) {
            Some(known) => known.modules.push(stick.module.clone()),
            None => {
                let modules = vec![stick.module.clone()];
                group.channels.push(Channel { name: channel, modules });
            }
        }
    }
    for group in &mut groups {
        // By number, as far as there is one: channel 2 comes before channel 10.
        let key = |channel: &Channel| {
            let name = channel.name.clone().unwrap_or_default();
            (channel.name.is_none(), name.bytes().filter(u8::is_ascii_digit).count(), name)
        };
        group.channels.sort_by_key(key);
    }
    groups.sort_by(|a, b| {
        b.is_counted
            .cmp(&a.is_counted)
            .then_with(|| a.name.len().cmp(&b.name.len()))
            .then_with(|| a.name.cmp(&b.name))
    });
    groups
}

/// `channel 0` of `channel 0 slot 1` or `csrow 2 channel 0`.
fn channel(stick: &Stick) -> Option<String> {
    if stick.about == DimmKind::Unattributed {
        return None;
    }
    let mut words = stick.location.as_deref()?.split_whitespace();
    words.find(|word| *word == "channel")?;
    Some(format!("channel {}", words.next()?))
}

/// The map. Of a host with very many sticks those that ask for something, and how many are left out.
pub(super) fn map<'s>(sticks: impl IntoIterator<Item = &'s Stick> + Clone, most: usize) -> Markup {
    let there = || sticks.clone().into_iter().filter(|stick| stick.ended_wall_ms.is_none());
    let mut chosen: Vec<&Stick> = there().collect();
    let all = chosen.len();
    if all > most {
        chosen.retain(|stick| stick.verdict.is_some_and(|said| said >= Verdict::Watch));
        chosen.truncate(most);
    }
    let groups = groups(chosen.iter().copied());
    let of = |module: &String| chosen.iter().copied().find(|stick| stick.module == *module);
    html! {
        div.map {
            @for group in &groups {
                section.controller aria-label=(printable(&group.name)) {
                    h3 {
                        (printable(&group.name))
                        @if !group.is_counted { span.soft { " errors are not counted here" } }
                    }
                    div.channels {
                        @for channel in &group.channels {
                            div.channel {
                                @if let Some(name) = &channel.name { p.channel-name { (printable(name)) } }
                                ul.slots {
                                    @for stick in channel.modules.iter().filter_map(of) { li { (slot(stick)) } }
                                }
                            }
                        }
                    }
                }
            }
        }
        @if all > chosen.len() {
            p.soft {
                (number(u64::try_from(all - chosen.len()).unwrap_or(u64::MAX)))
                " of " (number(u64::try_from(all).unwrap_or(u64::MAX)))
                " sticks and places are not on this map: of so many it has those that ask for something. "
                a href=(Place::Memory.path()) { "The table has all" } "."
            }
        }
    }
}

fn slot(stick: &Stick) -> Markup {
    // "0 seen" is read before a word here.
    let said = |class, word: &str| match stick.errors(class).as_str() {
        "0 seen" => format!("no {word} seen"),
        "not known" => format!("{word} not known"),
        n => format!("{n} {word}"),
    };
    let corrected = said(scrubjay_model::ErrorClass::Correctable, "corrected");
    let others = said(scrubjay_model::ErrorClass::Uncorrectable, "uncorrected");
    html! {
        a.slot.{ "t-" (stick.tone().as_str()) } href=(Place::Dimm(stick.module.clone()).path()) {
            span.state { (sign(stick.tone())) (stick.word()) }
            strong.slot-name {
                @if stick.about == DimmKind::Unattributed { "no DIMM known" } @else { (printable(stick.slot.as_ref().unwrap_or(&stick.name))) }
            }
            span.soft { (corrected) br; (others) }
        }
    }
}

/// What the signs mean, with how many sticks each is said of.
pub(super) fn legend<'s>(sticks: impl IntoIterator<Item = &'s Stick> + Clone) -> Markup {
    let count = |verdict: Verdict| {
        sticks.clone().into_iter().filter(|stick| stick.verdict == Some(verdict)).count()
    };
    html! {
        ul.legend aria-label="What the signs mean" {
            @for said in Verdict::ALL.into_iter().rev() {
                li {
                    (super::tone::verdict(said)) " "
                    strong { (count(said)) } " "
                    span.soft { (meaning(said)) }
                }
            }
        }
    }
}

/// What a verdict asks for.
pub(super) fn meaning(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ok => "seen, and nothing to do",
        Verdict::Unknown => "cannot be told",
        Verdict::Watch => "follow it",
        Verdict::Plan => "act at the next window",
        Verdict::Act => "act now",
    }
}

/// The sign of several sticks together.
pub(super) fn worst<'s>(sticks: impl IntoIterator<Item = &'s Stick>) -> Tone {
    let said = sticks.into_iter().filter_map(|stick| stick.verdict).max();
    said.map_or(Tone::Unknown, Tone::from)
}
