//! Whether, by the settings, pages may be taken out of use.

use serde::Serialize;

/// What the agent may do about pages that collect corrected errors (`pages.offline`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OfflineMode {
    /// Nothing: the host is observed, not changed.
    Off,
    /// Ask the kernel to move what the page holds, and to use it no more until the next boot.
    Soft,
}

/// The right to have one page taken out of use. It is used up by asking, and can be had only from
/// settings that say so: [`OfflineMode::permit`].
#[derive(Debug)]
pub struct OfflinePermit {
    _by_settings: (),
}

impl OfflineMode {
    /// All modes.
    pub const ALL: [Self; 2] = [Self::Off, Self::Soft];

    /// The word used in configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Soft => "soft",
        }
    }

    /// The mode of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == word)
    }

    /// A permit for one page, if the settings allow any.
    pub fn permit(self) -> Option<OfflinePermit> {
        match self {
            Self::Off => None,
            Self::Soft => Some(OfflinePermit { _by_settings: () }),
        }
    }
}
