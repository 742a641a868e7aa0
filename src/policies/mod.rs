//! Policies on memory errors: the presets that are delivered, files of one's own, and their tests.

pub(crate) mod cases;
pub(crate) mod fault;
pub(crate) mod file;

use anyhow::Context;
use fault::{Fault, Source};
use jiff::{Span, SpanRelativeTo, Unit};
use scrubjay_alerts::replay::Policy;
use std::path::{Path, PathBuf};

/// A preset: its name, where it lies on an installed system, and its text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Preset {
    pub(crate) name: &'static str,
    pub(crate) path: &'static str,
    pub(crate) text: &'static str,
}

macro_rules! presets {
    ($($name:literal),+ $(,)?) => {
        /// The presets, in the order in which they are listed.
        pub(crate) const PRESETS: [Preset; 7] = [$(Preset {
            name: $name,
            path: concat!("/usr/lib/scrubjay/policies/", $name, ".toml"),
            text: include_str!(concat!("../../dist/usr/lib/scrubjay/policies/", $name, ".toml")),
        }),+];
    };
}

presets!("default", "mcelog", "rasdaemon", "kernel-cec", "sun", "any-ce", "never");

/// The one that holds unless another is named.
pub(crate) const DEFAULT: &str = "default";

impl Preset {
    /// The one of that name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        PRESETS.iter().find(|preset| preset.name == name)
    }

    /// The policy.
    pub(crate) fn policy(&self) -> Result<Policy, Vec<Fault>> {
        file::parse(Source { path: Path::new(self.path), text: self.text })
    }
}

/// All presets.
pub(crate) fn presets() -> anyhow::Result<Vec<Policy>> {
    PRESETS.iter().map(|preset| preset.policy().map_err(|faults| told(&faults))).collect()
}

/// The policy with this name, or in this file: what holds a slash or ends in .toml is a path.
pub(crate) fn named(word: &str) -> anyhow::Result<Policy> {
    let parsed = if is_path(word) {
        let path = Path::new(word);
        let text = read(path)?;
        file::parse(Source { path, text: &text })
    } else {
        let names: Vec<&str> = PRESETS.iter().map(|preset| preset.name).collect();
        let preset = Preset::named(word).with_context(|| {
            format!("policy {word}: must be one of {}, or a file: ./{word}.toml", names.join(", "))
        })?;
        preset.policy()
    };
    parsed.map_err(|faults| told(&faults))
}

/// Whether a policy is named by its file.
pub(crate) fn is_path(word: &str) -> bool {
    word.contains('/') || word.ends_with(".toml")
}

/// The path of a policy that a file of tests names.
pub(crate) fn beside(tests: &Path, word: &str) -> PathBuf {
    tests.parent().unwrap_or(Path::new("")).join(word)
}

/// A span of time in whole seconds; a day has 24 hours.
pub(crate) fn seconds(text: &str) -> Option<i64> {
    let span: Span = text.parse().ok()?;
    let days = SpanRelativeTo::days_are_24_hours();
    let whole = span.total((Unit::Second, days)).ok()?.round();
    // Exact up to 285 million years; more is no span that anybody means.
    #[expect(clippy::cast_possible_truncation, reason = "checked on the line above")]
    let seconds = (whole.abs() < 9e15).then_some(whole as i64);
    seconds
}

/// The text of a file that somebody named.
#[expect(clippy::disallowed_methods, reason = "a file that the user named is no kernel file")]
pub(crate) fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Faults as one error.
pub(crate) fn told(faults: &[Fault]) -> anyhow::Error {
    let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
    anyhow::anyhow!("{}", faults.join("\n"))
}

#[cfg(test)]
mod tests;
