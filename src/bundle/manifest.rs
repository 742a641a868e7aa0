//! `SHA256SUMS`: which parts a bundle has, in the form that `sha256sum -c` takes.

use scrubjay_model::Digest;
use std::collections::BTreeMap;

/// Parts by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Manifest(pub(crate) BTreeMap<String, Digest>);

impl Manifest {
    /// As text.
    pub(crate) fn text(&self) -> String {
        self.0.iter().map(|(name, sum)| format!("{sum}  {name}\n")).collect()
    }

    /// Reads the text of a file. Parts are files beside it and nothing else, or somebody could have
    /// other files of a host looked at.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "it is no text".to_owned())?;
        if text.is_empty() {
            return Err("it is empty".to_owned());
        }
        if !text.ends_with('\n') {
            return Err("its last line does not end: it may have been cut short".to_owned());
        }
        let mut parts = BTreeMap::new();
        for (number, line) in (1..).zip(text.lines()) {
            let fault = |what: &str| format!("line {number}: {what}");
            let (sum, name) = line.split_once("  ").ok_or_else(|| fault("no sum and name"))?;
            let sum = Digest::parse(sum).ok_or_else(|| fault("no SHA-256"))?;
            if !is_name(name) {
                return Err(fault("the name is not that of a file beside it"));
            }
            if parts.insert(name.to_owned(), sum).is_some() {
                return Err(fault(&format!("{name} is there twice")));
            }
        }
        Ok(Self(parts))
    }
}

/// A plain name, which needs no escaping by sha256sum and is none of ours.
pub(super) fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    !name.is_empty()
        && name.len() <= 128
        && !name.starts_with(['.', '-'])
        && name.chars().all(plain)
        && !super::is_of_the_bundle(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expect: &str) {
        assert_eq!(Manifest::parse(text.as_bytes()).unwrap_err(), expect, "{text:?}");
    }

    #[test]
    fn what_is_no_list_of_files_beside_it_is_refused() {
        let sum = Digest([7; 32]);
        check("", "it is empty");
        check(&format!("{sum}  a"), "its last line does not end: it may have been cut short");
        check("abc  a\n", "line 1: no SHA-256");
        check(&format!("{sum} a\n"), "line 1: no sum and name");
        check(&format!("{sum}  a\n{sum}  a\n"), "line 2: a is there twice");
        for name in ["../a", "/etc/passwd", "a/b", ".a", "-a", "a b", "", "SHA256SUMS.sig"] {
            check(&format!("{sum}  {name}\n"), "line 1: the name is not that of a file beside it");
        }
        assert_eq!(Manifest::parse(&[0xff, 0x0a]).unwrap_err(), "it is no text");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            parts in prop::collection::btree_map("[a-z][a-z0-9_.]{0,8}", any::<[u8; 32]>(), 1..6)
        ) {
            let parts = parts.into_iter().map(|(name, sum)| (name, Digest(sum))).collect();
            let manifest = Manifest(parts);
            prop_assert_eq!(Manifest::parse(manifest.text().as_bytes()).unwrap(), manifest);
        }

        #[test]
        fn no_bytes_are_too_odd_to_look_at(bytes: Vec<u8>) {
            let _ = Manifest::parse(&bytes);
        }
    }
}
