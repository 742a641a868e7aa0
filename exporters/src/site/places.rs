//! Where pages are.

use std::fmt::Write as _;

/// One page. What it is about is as the visitor wrote it, and may be of nothing there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Overview,
    Memory,
    Dimm(String),
    Patches,
    Uptime,
    Alerts,
    Visibility,
    About,
    Finding(String),
}

/// Those that the menu names, with the words for it.
pub(super) const MENU: [(Place, &str); 7] = [
    (Place::Overview, "Overview"),
    (Place::Memory, "Memory"),
    (Place::Patches, "Patches"),
    (Place::Uptime, "Uptime"),
    (Place::Alerts, "Alerts"),
    (Place::Visibility, "Visibility"),
    (Place::About, "About"),
];

impl Place {
    /// A stable word: `page` of its JSON.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Overview => "overview",
            Self::Memory => "memory",
            Self::Dimm(_) => "dimm",
            Self::Patches => "patches",
            Self::Uptime => "uptime",
            Self::Alerts => "alerts",
            Self::Visibility => "visibility",
            Self::About => "about",
            Self::Finding(_) => "finding",
        }
    }

    /// The path of the page.
    pub(super) fn path(&self) -> String {
        match self {
            Self::Overview => "/".to_owned(),
            Self::Dimm(name) => format!("/memory/{}", segment(name)),
            Self::Finding(code) => format!("/findings/{}", segment(code)),
            Self::Memory
            | Self::Patches
            | Self::Uptime
            | Self::Alerts
            | Self::Visibility
            | Self::About => format!("/{}", self.word()),
        }
    }

    /// The path of the same as JSON.
    pub(super) fn json_path(&self) -> String {
        if *self == Self::Overview {
            return "/api/v1/overview".to_owned();
        }
        format!("/api/v1{}", self.path())
    }

    /// Whether the menu shows it as the page one is on, or below.
    pub(super) fn is_under(&self, entry: &Self) -> bool {
        self == entry || (matches!(self, Self::Dimm(_)) && *entry == Self::Memory)
    }

    /// Whether the page asks the history.
    pub(crate) fn asks_the_history(&self) -> bool {
        match self {
            Self::Memory | Self::Dimm(_) | Self::Patches | Self::Uptime | Self::Alerts => true,
            Self::Overview | Self::Visibility | Self::About | Self::Finding(_) => false,
        }
    }
}

/// Whether pages, or the files they need, are at that path or below it.
pub(crate) fn is_page(path: &str) -> bool {
    let Some(rest) = path.strip_prefix('/').filter(|rest| !rest.is_empty()) else { return true };
    let first = rest.split('/').next().unwrap_or_default();
    let word = |place: &Place| place.path().strip_prefix('/').is_some_and(|word| word == first);
    let is_listed = MENU.iter().any(|(place, _)| *place != Place::Overview && word(place));
    is_listed || ["api", "assets", "findings"].contains(&first)
}

/// Text as one segment of a path.
fn segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // A string takes everything.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_segment_whatever_is_in_it() {
        let path = Place::Dimm("NODE 1/ä?#".to_owned()).path();
        assert_eq!(path, "/memory/NODE%201%2F%C3%A4%3F%23");
        assert_eq!(Place::Overview.json_path(), "/api/v1/overview");
        assert_eq!(Place::Finding("ue".to_owned()).json_path(), "/api/v1/findings/ue");
    }

    #[test]
    fn the_metrics_cannot_be_where_a_page_is() {
        for path in ["/", "/memory", "/memory/x", "/api/v2", "/assets/a", "/findings/x", "/about"] {
            assert!(is_page(path), "{path}");
        }
        for path in ["/metrics", "/memoryx", "/probe/about", "//"] {
            assert!(!is_page(path), "{path}");
        }
    }
}
