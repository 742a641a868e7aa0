//! What the tests of all sources share: one way to read an inline tree, and the laws every source
//! keeps whatever an attribute holds.
//!
//! Trees are written as in tree.rs, without the header line.

use super::uptime::boot_id;
use crate::host::HostRoot;
use crate::reader::Reader;
use crate::tree::{Node, Tree};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use scrubjay_model::{BootId, Clocks, Reading, SourceReport, Stamp};
use serde::Serialize;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// A source's `read`.
pub(crate) type Source<T> = fn(&Reader<'_>, &Stamp) -> Reading<T>;

/// The tree of a text.
pub(crate) fn tree(text: &str) -> Tree {
    Tree::parse(&format!("//! scrubjay host tree 1\n{text}")).unwrap()
}

/// A host that is only that tree. Its clocks are those of `.scrubjay/facts`, if it has them.
pub(crate) fn host(tree: Tree) -> HostRoot {
    let clocks = Clocks { realtime_ms: 0, boottime: None, monotonic: None };
    HostRoot::from_tree(tree, Arc::new(move || clocks))
}

/// What a source finds in a tree, and how that went.
pub(crate) fn read<T>(text: &str, source: Source<T>) -> (Reading<T>, SourceReport) {
    read_host(&host(tree(text)), source)
}

/// What a source finds on a host, and how that went.
pub(crate) fn read_host<T>(host: &HostRoot, source: Source<T>) -> (Reading<T>, SourceReport) {
    let boot = boot_id(&Reader::new(host));
    let boot = boot.value().cloned().unwrap_or_else(BootId::unknown);
    let reader = Reader::new(host);
    let reading = source(&reader, &Stamp::new(boot, host.clocks()));
    (reading, reader.report(Duration::ZERO))
}

/// The findings of a source, all of which must have been read.
pub(crate) fn found<T>(text: &str, source: Source<T>) -> T {
    let (found, faults) = partly_found(text, source);
    assert_eq!(faults, [""; 0]);
    found
}

/// The findings of a source, and its faults as `origin: reason`.
pub(crate) fn partly_found<T>(text: &str, source: Source<T>) -> (T, Vec<String>) {
    let (reading, report) = read(text, source);
    let faults = report.faults.iter().map(ToString::to_string).collect();
    (reading.into_result().unwrap_or_else(|why| panic!("{why}")), faults)
}

/// Whether a source finds nothing there, and no fault either.
pub(crate) fn is_absent<T>(text: &str, source: Source<T>) -> bool {
    let (reading, report) = read(text, source);
    reading.is_absent() && report.faults.is_empty()
}

/// The laws of every source, tried on a tree in which it finds everything it knows:
///
/// 1. Nothing an attribute may hold, and no way in which it may fail, makes the source panic.
/// 2. One bad attribute never sinks its siblings: only findings that come from it may change.
/// 3. What is found in it is what stands there.
///
/// `follows` names findings that depend on a file by design, although they do not come from it.
pub(crate) fn keeps_the_laws<T: Serialize>(
    healthy: &str,
    source: Source<T>,
    follows: fn(path: &str, finding: &str) -> bool,
) {
    let healthy = tree(healthy);
    let before = findings(&healthy, source);
    let mut touched_by: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for path in files(&healthy) {
        let failing = findings(&with(&healthy, &path, Node::Fails(5)), source);
        let origin = Json::String(path.clone());
        let touched: BTreeSet<String> = failing
            .into_iter()
            .filter(|(_, finding)| finding.get("origin") == Some(&origin))
            .map(|(name, _)| name)
            .collect();
        if !touched.is_empty() {
            touched_by.insert(path, touched);
        }
    }
    let paths: Vec<&String> = touched_by.keys().collect();
    assert!(!paths.is_empty(), "the source reads nothing of this tree");

    let config = Config { failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&(any::<Index>(), anything()), |(which, what)| {
        let path = *which.get(&paths);
        let touched = &touched_by[path];
        let node = what.at(&healthy, path);
        let after = findings(&with(&healthy, path, node.clone()), source);
        let comes_from_it = |finding: &str| {
            touched.iter().any(|name| {
                finding
                    .strip_prefix(name)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
        };
        for name in before.keys().chain(after.keys()) {
            if before.get(name) != after.get(name) && !comes_from_it(name) && !follows(path, name) {
                let why = format!(
                    "{path} as {node:?} changed {name} from {:?} to {:?}",
                    before.get(name),
                    after.get(name)
                );
                return Err(TestCaseError::fail(why));
            }
        }
        // The flags of a mask are derived from it; what follows by design stands elsewhere.
        let read =
            |name: &str| comes_from_it(name) && !name.contains("/flags/") && !follows(path, name);
        for (name, finding) in after.iter().filter(|(name, _)| read(name)) {
            if let Node::File(bytes) = &node
                && before.get(name) != Some(finding)
                && !stands_there(finding, bytes)
            {
                let why = format!("{name} was found to be {finding} in {path} as {node:?}");
                return Err(TestCaseError::fail(why));
            }
        }
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

/// What is put in place of an attribute.
#[derive(Debug, Clone)]
enum Anything {
    Bytes(Vec<u8>),
    /// The healthy content with a part of it replaced.
    Edited(Index, usize, Vec<u8>),
    Fails(i32),
    Dir,
    Long,
}

fn anything() -> impl Strategy<Value = Anything> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..40);
    prop_oneof![
        2 => bytes().prop_map(Anything::Bytes),
        3 => "[ \t+-]{0,2}(0x)?[0-9]{0,21}[a-fY.]{0,2}( kB)?[ \n]{0,2}"
            .prop_map(|text| Anything::Bytes(text.into_bytes())),
        3 => (any::<Index>(), 0_usize..12, proptest::collection::vec(any::<u8>(), 0..12))
            .prop_map(|(at, length, new)| Anything::Edited(at, length, new)),
        3 => (any::<Index>(), 0_usize..3, "[0-9]{0,20}")
            .prop_map(|(at, length, new)| Anything::Edited(at, length, new.into_bytes())),
        3 => (1_i32..134).prop_map(Anything::Fails),
        1 => Just(Anything::Dir),
        1 => Just(Anything::Long),
    ]
}

impl Anything {
    fn at(self, healthy: &Tree, path: &str) -> Node {
        match self {
            Self::Bytes(bytes) => Node::File(bytes),
            Self::Edited(at, length, new) => {
                let Some(Node::File(mut bytes)) = healthy.get(path).cloned() else {
                    panic!("{path} is no file");
                };
                let start = at.index(bytes.len() + 1);
                let end = bytes.len().min(start + length);
                bytes.splice(start..end, new);
                Node::File(bytes)
            }
            Self::Fails(errno) => Node::Fails(errno),
            Self::Dir => Node::Dir,
            Self::Long => Node::File(vec![b'1'; 70_000]),
        }
    }
}

fn files(tree: &Tree) -> Vec<String> {
    let files = tree.nodes().filter(|(_, node)| matches!(node, Node::File(_)));
    files.map(|(path, _)| path.to_owned()).filter(|path| !path.starts_with(".scrubjay")).collect()
}

/// The same tree with another node at one path.
pub(crate) fn with(tree: &Tree, path: &str, node: Node) -> Tree {
    let mut other = Tree::new();
    for (at, old) in tree.nodes() {
        other.insert(at, if at == path { node.clone() } else { old.clone() });
    }
    other
}

/// Everything a source says, by name. A reading that has a value is also named for itself, so that
/// its loss shows.
fn findings<T: Serialize>(tree: &Tree, source: Source<T>) -> BTreeMap<String, Json> {
    let (reading, _) = read_host(&host(tree.clone()), source);
    let mut findings = BTreeMap::new();
    flatten("", &serde_json::to_value(&reading).unwrap(), &mut findings);
    findings
}

fn flatten(name: &str, json: &Json, into: &mut BTreeMap<String, Json>) {
    match json {
        Json::Object(map) if map.get("state").is_some_and(Json::is_string) => {
            match map.get("value") {
                Some(value) => {
                    into.insert(name.to_owned(), Json::String("ok".to_owned()));
                    flatten(&format!("{name}/value"), value, into);
                }
                None => {
                    into.insert(name.to_owned(), json.clone());
                }
            }
        }
        Json::Object(map) => {
            for (key, value) in map {
                flatten(&format!("{name}/{key}"), value, into);
            }
        }
        Json::Array(items) => {
            for (position, item) in items.iter().enumerate() {
                // By what it is called, so that the loss of one does not rename the others.
                let keys = ["index", "place", "node", "tid", "name", "pid"];
                let key = keys.iter().find_map(|key| item.get(key));
                let key = key.map_or_else(|| position.to_string(), ToString::to_string);
                flatten(&format!("{name}/{key}"), item, into);
            }
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {
            into.insert(name.to_owned(), json.clone());
        }
    }
}

/// Whether these bytes print this finding, in one of the forms the kernel has.
fn stands_there(finding: &Json, bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let words: Vec<&str> = text
        .split(|c: char| !c.is_ascii_alphanumeric())
        .map(|w| w.trim_start_matches('0'))
        .collect();
    let has = |word: String| words.contains(&word.trim_start_matches('0'));
    match finding {
        Json::Number(number) => match number.as_u64() {
            Some(n) => {
                has(n.to_string())
                    || words.iter().any(|word| word.strip_prefix('x') == Some(&format!("{n:x}")))
                    || (n % 1024 == 0 && has((n >> 10).to_string()))
                    || (n % (1 << 20) == 0 && has((n >> 20).to_string()))
            }
            None => number.as_f64().is_some_and(|n| text.contains(&format!("{n:.2}"))),
        },
        Json::Bool(_) => ["0", "1", "N", "Y"].contains(&text.trim()) || text.contains("flags"),
        // States are words of ours.
        Json::String(word) => text.contains(word.as_str()) || OWN_WORDS.contains(&word.as_str()),
        Json::Null | Json::Object(_) => true,
        Json::Array(_) => false,
    }
}

/// Words that stand for what was read, rather than repeat it.
const OWN_WORDS: [&str; 8] = [
    "ok",
    "not_affected",
    "mitigated",
    "vulnerable",
    "unknown",
    "none",
    "integrity",
    "confidentiality",
];
