//! How a state is told apart: by a word, a sign and a colour, any of which is enough.

use maud::{Markup, html};
use scrubjay_model::{CoverageState, SourceState, Verdict};
use serde::Serialize;

/// The look of a state. The words are classes of the style sheet and names of signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Tone {
    /// As it should be.
    Ok,
    /// There is nothing to be told.
    Off,
    /// Not known.
    Unknown,
    /// To be followed.
    Watch,
    /// For the next window.
    Plan,
    /// For now.
    Act,
}

/// The signs, drawn once for each page: each has a shape of its own, for whoever sees no colours.
const SIGNS: [(Tone, &str); 6] = [
    (
        Tone::Ok,
        "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Zm3.6 5.2-4.3 5a.8.8 0 0 1-1.2 0L4.3 9.3l1.2-1.1 1.2 1.3 3.7-4.3Z",
    ),
    (
        Tone::Off,
        "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Zm0 1.8a5.2 5.2 0 1 1 0 10.4A5.2 5.2 0 0 1 8 2.8ZM5 7.2h6v1.6H5Z",
    ),
    (
        Tone::Unknown,
        "M2 1h12a1 1 0 0 1 1 1v12a1 1 0 0 1-1 1H2a1 1 0 0 1-1-1V2a1 1 0 0 1 1-1Zm6 2.6c-1.7 0-2.8 1-2.9 2.5h1.7c.1-.6.5-1 1.2-1 .7 0 1.1.4 1.1 1s-.3.8-.9 1.2c-.8.5-1.1 1-1.1 1.9v.3h1.7v-.2c0-.5.2-.7.8-1.1.8-.5 1.3-1.1 1.3-2.1 0-1.5-1.2-2.5-2.9-2.5ZM8 10.4a1 1 0 1 0 0 2.1 1 1 0 0 0 0-2.1Z",
    ),
    (Tone::Watch, "M8 .8 15.2 8 8 15.2.8 8ZM8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6Z"),
    (Tone::Plan, "M8 1.2 15.6 15H.4ZM7.1 6v4.6h1.8V6Zm.9 5.5a1 1 0 1 0 0 2.1 1 1 0 0 0 0-2.1Z"),
    (
        Tone::Act,
        "M5 .8h6L15.2 5v6L11 15.2H5L.8 11V5ZM7 3.8v5.4h2V3.8Zm1 6.5a1.2 1.2 0 1 0 0 2.4 1.2 1.2 0 0 0 0-2.4Z",
    ),
];

impl Tone {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Off => "off",
            Self::Unknown => "unknown",
            Self::Watch => "watch",
            Self::Plan => "plan",
            Self::Act => "act",
        }
    }
}

impl From<Verdict> for Tone {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Ok => Self::Ok,
            Verdict::Unknown => Self::Unknown,
            Verdict::Watch => Self::Watch,
            Verdict::Plan => Self::Plan,
            Verdict::Act => Self::Act,
        }
    }
}

impl From<CoverageState> for Tone {
    fn from(state: CoverageState) -> Self {
        match state {
            CoverageState::Full => Self::Ok,
            CoverageState::Partial => Self::Watch,
            CoverageState::None => Self::Plan,
            CoverageState::Unknown => Self::Unknown,
        }
    }
}

impl From<SourceState> for Tone {
    fn from(state: SourceState) -> Self {
        match state {
            SourceState::Ok => Self::Ok,
            SourceState::Absent | SourceState::Off => Self::Off,
            SourceState::Partial => Self::Watch,
            SourceState::Unreadable | SourceState::Malformed => Self::Unknown,
        }
    }
}

/// The signs, for [`sign`] to refer to.
pub(super) fn signs() -> Markup {
    html! {
        svg.defs aria-hidden="true" focusable="false" width="0" height="0" {
            @for (tone, path) in SIGNS {
                symbol id={ "s-" (tone.as_str()) } viewBox="0 0 16 16" {
                    path d=(path) fill-rule="evenodd" {}
                }
            }
        }
    }
}

/// A sign alone; the word must stand beside it.
pub(super) fn sign(tone: Tone) -> Markup {
    html! {
        svg.sign aria-hidden="true" focusable="false" width="16" height="16" {
            use href={ "#s-" (tone.as_str()) } {}
        }
    }
}

/// A word with its sign and colour.
pub(super) fn badge(tone: Tone, word: &str) -> Markup {
    html! { span class={ "badge t-" (tone.as_str()) } { (sign(tone)) span { (word) } } }
}

/// A verdict.
pub(super) fn verdict(verdict: Verdict) -> Markup {
    badge(verdict.into(), &verdict.as_str().to_uppercase())
}
