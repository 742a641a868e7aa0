//! Which memory controller is which, when the kernel numbers them anew.
//!
//! `mcN` is the order in which drivers registered: after a reboot or a driver reload `mc0` may be
//! what was `mc1`. The history is kept under a [`ControllerKey`] that is minted once and then
//! matched, never derived again. DIMM labels are no help here: root can rewrite them at any time.

use crate::{Controller, Place};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The name a controller keeps in the history, in labels and on the command line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ControllerKey(String);

/// A controller as the history last saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownController {
    /// Its key.
    pub key: ControllerKey,
    /// The index it had.
    pub index: u32,
    /// The name it had, if that could be read.
    pub name: Option<String>,
}

/// A controller as the kernel shows it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenController {
    /// `N` of `mcN`.
    pub index: u32,
    /// `mc_name`, if it could be read.
    pub name: Option<String>,
}

impl ControllerKey {
    /// A key read back from the database.
    pub fn from_stored(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id of a place in this controller, for labels and the command line.
    pub fn place(&self, place: Place) -> String {
        format!("{}/{place}", self.0)
    }

    fn mint(seen: &SeenController, name_is_unique: bool, taken: &BTreeSet<Self>) -> Self {
        let by_name = seen.name.as_deref().filter(|_| name_is_unique).map(slug).map(Self);
        let by_index = std::iter::once(Self(format!("mc{}", seen.index)));
        let numbered = (2_u32..).map(|n| Self(format!("mc{}-{n}", seen.index)));
        by_name
            .into_iter()
            .filter(|key| !key.0.is_empty())
            .chain(by_index)
            .chain(numbered)
            .find(|key| !taken.contains(key))
            .unwrap_or_else(|| Self(format!("mc{}", seen.index)))
    }
}

impl fmt::Display for ControllerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&Controller> for SeenController {
    fn from(controller: &Controller) -> Self {
        Self { index: controller.index, name: controller.name.value().cloned() }
    }
}

/// Lower case, with everything that is not a letter or digit as one dash.
fn slug(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_ascii_alphanumeric() {
            out.push(c.to_ascii_lowercase());
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
    }
    out.trim_end_matches('-').to_owned()
}

/// Gives every controller seen a key: the one it had before if it can be recognised, else a new
/// one. The result is in the order of `seen`.
///
/// A controller is recognised, in this order, by
/// 1. its name, where exactly one known and one seen controller bear it;
/// 2. its index and name together;
/// 3. its index alone, where one of the two names could not be read;
/// 4. its key, where that is all a damaged history still told of it.
///
/// Where drivers give all controllers the same name (amd64_edac), renumbering cannot be noticed
/// from EDAC alone; rule 2 then keeps the index.
pub fn match_controllers(known: &[KnownController], seen: &[SeenController]) -> Vec<ControllerKey> {
    let mut matched: BTreeMap<u32, ControllerKey> = BTreeMap::new();
    let mut taken: BTreeSet<ControllerKey> = BTreeSet::new();

    let seen_once = |name: &Option<String>| {
        name.is_some() && seen.iter().filter(|s| s.name == *name).count() == 1
    };
    let known_once = |name: &Option<String>| {
        name.is_some() && known.iter().filter(|k| k.name == *name).count() == 1
    };

    type Rule<'a> = &'a dyn Fn(&KnownController, &SeenController) -> bool;
    let rules: [Rule<'_>; 4] = [
        &|k, s| k.name == s.name && seen_once(&s.name) && known_once(&k.name),
        &|k, s| k.index == s.index && k.name == s.name,
        &|k, s| k.index == s.index && (k.name.is_none() || s.name.is_none()),
        &|k, s| {
            k.name.is_none()
                && k.key == ControllerKey::mint(s, seen_once(&s.name), &BTreeSet::new())
        },
    ];
    for same in rules {
        for s in seen.iter().filter(|s| !matched.contains_key(&s.index)).collect::<Vec<_>>() {
            if let Some(k) = known.iter().find(|k| !taken.contains(&k.key) && same(k, s)) {
                taken.insert(k.key.clone());
                matched.insert(s.index, k.key.clone());
            }
        }
    }

    // A key once used stays with its controller, also while that one is gone.
    taken.extend(known.iter().map(|k| k.key.clone()));
    seen.iter()
        .map(|s| {
            if let Some(key) = matched.get(&s.index) {
                return key.clone();
            }
            let key = ControllerKey::mint(s, seen_once(&s.name), &taken);
            taken.insert(key.clone());
            key
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seen(index: u32, name: &str) -> SeenController {
        SeenController { index, name: (!name.is_empty()).then(|| name.to_owned()) }
    }

    fn remember(keys: &[ControllerKey], seen: &[SeenController]) -> Vec<KnownController> {
        keys.iter()
            .zip(seen)
            .map(|(key, s)| KnownController {
                key: key.clone(),
                index: s.index,
                name: s.name.clone(),
            })
            .collect()
    }

    fn texts(keys: &[ControllerKey]) -> Vec<&str> {
        keys.iter().map(ControllerKey::as_str).collect()
    }

    #[test]
    fn renumbered_controllers_keep_their_keys() {
        let first = [seen(0, "Skylake Socket#0 IMC#0"), seen(1, "Skylake Socket#0 IMC#1")];
        let keys = match_controllers(&[], &first);
        assert_eq!(texts(&keys), ["skylake-socket-0-imc-0", "skylake-socket-0-imc-1"]);
        let swapped = [seen(0, "Skylake Socket#0 IMC#1"), seen(1, "Skylake Socket#0 IMC#0")];
        let again = match_controllers(&remember(&keys, &first), &swapped);
        assert_eq!(texts(&again), ["skylake-socket-0-imc-1", "skylake-socket-0-imc-0"]);
    }

    #[test]
    fn a_twin_that_appears_later_does_not_rename_the_first() {
        let first = [seen(0, "F19h")];
        let keys = match_controllers(&[], &first);
        assert_eq!(texts(&keys), ["f19h"]);
        let both = [seen(0, "F19h"), seen(1, "F19h")];
        assert_eq!(texts(&match_controllers(&remember(&keys, &first), &both)), ["f19h", "mc1"]);
    }

    #[test]
    fn a_name_that_could_not_be_read_once_is_no_new_controller() {
        let first = [seen(0, "F19h")];
        let keys = match_controllers(&[], &first);
        assert_eq!(match_controllers(&remember(&keys, &first), &[seen(0, "")]), keys);
    }

    #[test]
    fn another_driver_on_the_same_index_is_another_controller() {
        let first = [seen(0, "ghes_edac")];
        let keys = match_controllers(&[], &first);
        let other = match_controllers(&remember(&keys, &first), &[seen(0, "F19h")]);
        assert_eq!(texts(&other), ["f19h"]);
    }

    #[test]
    fn a_controller_of_which_only_the_key_is_known_keeps_it() {
        let known = [KnownController {
            key: ControllerKey::from_stored("skylake-socket-0-imc-1"),
            index: u32::MAX,
            name: None,
        }];
        let both = [seen(0, "Skylake Socket#0 IMC#0"), seen(1, "Skylake Socket#0 IMC#1")];
        let keys = match_controllers(&known, &both);
        assert_eq!(texts(&keys), ["skylake-socket-0-imc-0", "skylake-socket-0-imc-1"]);
    }

    #[test]
    fn a_key_in_use_is_not_minted_twice() {
        let known = [KnownController {
            key: ControllerKey::from_stored("mc0"),
            index: 0,
            name: Some("a".to_owned()),
        }];
        let twins = [seen(0, "b"), seen(1, "b")];
        assert_eq!(texts(&match_controllers(&known, &twins)), ["mc0-2", "mc1"]);
    }

    proptest! {
        /// No two controllers ever share a key, and seeing the same again changes nothing.
        #[test]
        fn keys_are_distinct_and_stable(
            names in proptest::collection::vec("[ab]?", 0..5),
            later in proptest::collection::vec("[ab]?", 0..5),
        ) {
            let number = |names: &[String]| -> Vec<SeenController> {
                (0..).zip(names).map(|(i, n)| seen(i, n)).collect()
            };
            let first = number(&names);
            let keys = match_controllers(&[], &first);
            let known = remember(&keys, &first);
            prop_assert_eq!(&match_controllers(&known, &first), &keys);
            let next = match_controllers(&known, &number(&later));
            let distinct: BTreeSet<_> = next.iter().collect();
            prop_assert_eq!(distinct.len(), next.len());
        }
    }
}
