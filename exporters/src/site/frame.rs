//! What is around each page: head, menu, what it was made from.

use super::parts::{moment, when};
use super::places::{MENU, Place};
use super::tone::{Tone, badge, signs};
use super::{Known, overview};
use crate::printable;
use maud::{DOCTYPE, Markup, html};

/// What a frame is made from.
pub(super) struct Head<'a> {
    pub(super) title: &'a str,
    /// Where it is; `None` of a page that is not there.
    pub(super) place: Option<&'a Place>,
    /// `None` before the first pass.
    pub(super) known: Option<&'a Known<'a>>,
}

/// The style sheet of this version; another one has another address, so that none is kept for too
/// long.
pub(super) const STYLE_PATH: &str = concat!("/assets/site.css?", env!("CARGO_PKG_VERSION"));

pub(super) fn whole(head: &Head<'_>, body: Markup) -> String {
    let Head { title, place, known } = head;
    let host = known.map(|known| overview::host_name(known.view));
    let host = host.as_deref().unwrap_or("this host");
    let made = known.and_then(|known| known.view.header.simulated.as_ref());
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { @if made.is_some() { "SIMULATED: " } (printable(title)) " · " (printable(host)) " · scrubjay" }
                link rel="stylesheet" href=(STYLE_PATH);
                link rel="icon" type="image/svg+xml" href="/assets/icon.svg";
                @if let Some(place) = place {
                    link rel="alternate" type="application/json" href=(place.json_path());
                }
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                (signs())
                header.top {
                    div.inner {
                        p.brand {
                            a href="/" {
                                img src="/assets/icon.svg" alt="" width="28" height="28";
                                span { "scrubjay" }
                            }
                            span.host { (printable(host)) }
                        }
                        nav aria-label="Pages" {
                            ul {
                                @for (entry, words) in &MENU {
                                    li {
                                        a href=(entry.path()) aria-current=[current(*place, entry)] { (words) }
                                    }
                                }
                            }
                        }
                    }
                    @if let Some(known) = known { (banners(known)) }
                }
                main id="main" tabindex="-1" { (body) }
                footer { div.inner { (foot(*place, *known)) } }
            }
        }
    };
    let mut text = page.into_string();
    text.push('\n');
    text
}

fn current(place: Option<&Place>, entry: &Place) -> Option<&'static str> {
    let place = place?;
    if place == entry { Some("page") } else { place.is_under(entry).then_some("true") }
}

/// What has to be known before anything on the page is believed.
fn banners(known: &Known<'_>) -> Markup {
    let header = &known.view.header;
    html! {
        @if let Some(why) = known.stale {
            div.banner.t-unknown role="alert" {
                p {
                    (badge(Tone::Unknown, "STALE"))
                    " Nothing below is of now: " (why) ". It is what was seen at "
                    (moment(known.now_ms())) "."
                }
            }
        }
        @if let Some(made) = &header.simulated {
            div.banner.t-unknown {
                p {
                    (badge(Tone::Unknown, "SIMULATED"))
                    " No real machine: scrubjay demo made this host (" (made.as_str()) ")."
                }
            }
        } @else if header.root != "/" {
            div.banner.t-off {
                p { "This is not the running host: it is read from " code { (printable(&header.root)) } "." }
            }
        }
    }
}

fn foot(place: Option<&Place>, known: Option<&Known<'_>>) -> Markup {
    html! {
        @if let Some(known) = known {
            p {
                "Read " (when(known.now_ms()))
                @if let Some(agent) = known.view.agent.value() {
                    ", and anew every " (super::parts::span(agent.interval))
                }
                ". Nothing on this page changes by itself: load it again, or "
                a href="/?refresh" { "keep the overview fresh on a wall" } "."
            }
        }
        p {
            "scrubjay " (env!("CARGO_PKG_VERSION")) " · "
            @if let Some(place) = place {
                a href=(place.json_path()) { "this page as JSON" } " · "
            }
            @if let Some(known) = known { a href=(known.telemetry_path) { "metrics" } " · " }
            a href="/healthz" { "health" }
        }
    }
}
