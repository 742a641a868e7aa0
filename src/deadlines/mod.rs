//! Policies on how soon fixes are to be in force: the presets that are delivered, and files of one's own.

mod file;

use crate::policies::fault::Source;
use crate::policies::{is_path, told};
use anyhow::Context;
use scrubjay_model::{Digest, PatchDeadlines};
use std::path::Path;

/// A preset: its name and its text.
struct Preset {
    name: &'static str,
    text: &'static str,
}

macro_rules! presets {
    ($($name:literal),+ $(,)?) => {
        const PRESETS: [Preset; 4] = [$(Preset {
            name: $name,
            text: include_str!(concat!("../../dist/usr/lib/scrubjay/patch-policies/", $name, ".toml")),
        }),+];
    };
}

presets!("default", "pci-dss", "nist-800-40", "cis-7");

/// A policy with the text it was read from.
#[derive(Debug)]
pub(crate) struct ReadPolicy {
    pub(crate) deadlines: PatchDeadlines,
    pub(crate) text: String,
}

impl ReadPolicy {
    /// SHA-256 of its file.
    pub(crate) fn sha256(&self) -> Digest {
        scrubjay_storage::sha256(self.text.as_bytes())
    }
}

/// The policy with this name, or in this file: what holds a slash or ends in .toml is a path.
pub(crate) fn named(word: &str) -> anyhow::Result<ReadPolicy> {
    let (path, text) = if is_path(word) {
        (Path::new(word), crate::policies::read(Path::new(word))?)
    } else {
        let preset = PRESETS.iter().find(|preset| preset.name == word).with_context(|| {
            let names: Vec<&str> = PRESETS.iter().map(|preset| preset.name).collect();
            format!("policy {word}: must be one of {}, or a file: ./{word}.toml", names.join(", "))
        })?;
        (Path::new(preset.name), preset.text.to_owned())
    };
    match file::parse(Source { path, text: &text }) {
        Ok(deadlines) => Ok(ReadPolicy { deadlines, text }),
        Err(faults) => Err(told(&faults)),
    }
}

/// The policy in a text that somebody else has read.
pub(crate) fn from_text(path: &Path, text: &str) -> anyhow::Result<PatchDeadlines> {
    file::parse(Source { path, text }).map_err(|faults| told(&faults))
}

#[cfg(test)]
mod tests {
    use super::*;
    use scrubjay_model::{CountsFromWhen, CveClass};

    #[test]
    fn every_preset_can_be_read_and_says_what_it_is_called_and_where_it_comes_from() {
        for preset in PRESETS {
            let policy = named(preset.name).unwrap().deadlines;
            assert_eq!(policy.name, preset.name);
            assert!(!policy.source.is_empty() && !policy.caveats.is_empty());
            assert!(policy.exceptions.is_empty());
            assert_eq!(policy.days.len(), CveClass::ALL.len(), "{}", preset.name);
        }
        assert_eq!(named("pci-dss").unwrap().deadlines.days[&CveClass::Critical], 30);
        assert_eq!(
            named("nist-800-40").unwrap().deadlines.counts_from,
            CountsFromWhen::Installation
        );
        let error = named("pci").unwrap_err().to_string();
        assert!(error.contains("default, pci-dss, nist-800-40, cis-7"), "{error}");
    }
}
