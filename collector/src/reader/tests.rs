//! From what the host root answers to readings.

use super::*;
use crate::tree::Tree;
use proptest::prelude::*;
use std::sync::Arc;

fn host(tree: Tree) -> HostRoot {
    let clocks = Clocks { realtime_ms: 0, boottime: None, monotonic: None };
    HostRoot::from_tree(tree, Arc::new(move || clocks))
}

fn host_with(path: &str, node: Node) -> HostRoot {
    let mut tree = Tree::new();
    tree.insert(path, node);
    host(tree)
}

#[test]
fn errnos_become_outcomes_in_one_way() {
    let outcome = |errno| {
        let host = host_with("a", Node::Fails(errno));
        let reader = Reader::new(&host);
        let reading = reader.number("a");
        (reading, reader.report(Duration::ZERO).faults.len())
    };
    let origin = || Origin::new("a");
    for absent in [2, 6, 19, 20, 95] {
        assert_eq!(outcome(absent), (Reading::Absent(origin()), 0), "{absent}");
    }
    let unreadable = |fault| (Reading::Unreadable(origin(), fault), 1);
    assert_eq!(outcome(13), unreadable(ReadFault::Denied));
    assert_eq!(outcome(1), unreadable(ReadFault::Denied));
    assert_eq!(outcome(21), unreadable(ReadFault::NotAFile));
    assert_eq!(outcome(5), unreadable(ReadFault::Io(5)));
}

#[test]
fn what_is_too_long_is_malformed_also_when_captured() {
    let long = host_with("a", Node::File(vec![b'1'; (64 << 10) + 1]));
    let tree = RefCell::new(Tree::new());
    let reading = Reader::recording(&long, &tree).number("a");
    let expected = ParseFault::new("an attribute of at most 64 KiB", b"more");
    assert_eq!(reading, Reading::Malformed(Origin::new("a"), expected));
    let again = host(tree.into_inner());
    assert_eq!(Reader::new(&again).number("a"), reading);
    assert!(matches!(Reader::new(&long).statistics("a"), Reading::Value(_)));
}

#[test]
fn of_a_long_text_only_the_lines_asked_for_are_kept_and_captured() {
    let text = b"alias a skx_edac\nalias b snd\nalias c amd64_edac".to_vec();
    let long = host_with("a", Node::File(text));
    let tree = RefCell::new(Tree::new());
    let lines = Reader::recording(&long, &tree).lines_with("a", b"edac");
    let expected = b"alias a skx_edac\nalias c amd64_edac".to_vec();
    assert_eq!(lines, Reading::Value(expected.clone()));
    assert_eq!(tree.borrow().get("a"), Some(&Node::File(expected)));
    let again = host(tree.into_inner());
    assert_eq!(Reader::new(&again).lines_with("a", b"edac"), lines);
}

#[test]
fn faults_of_an_earlier_attempt_are_forgotten_by_path() {
    let mut tree = Tree::new();
    for path in ["mc0", "mc0/x", "mc01"] {
        tree.insert(path, Node::Fails(5));
    }
    let host = host(tree);
    let reader = Reader::new(&host);
    for path in ["mc0", "mc0/x", "mc01"] {
        let _ = reader.number(path);
    }
    reader.forget("mc0");
    let faults = reader.report(Duration::ZERO).faults;
    assert_eq!(faults.iter().map(NonValue::origin).collect::<Vec<_>>(), [&Origin::new("mc01")]);
}

#[test]
fn only_the_kernels_own_indexes_count() {
    let mut tree = Tree::new();
    for name in ["mc0", "mc10", "mc2", "mc007", "mcx", "mc", "mc-1", "power"] {
        tree.insert(format!("mc/{name}"), Node::Dir);
    }
    tree.insert("mc/mc3", Node::File(Vec::new()));
    let host = host(tree);
    assert_eq!(Reader::new(&host).indexed("mc", "mc"), Reading::Value(vec![0, 2, 10]));
}

proptest! {
    /// Any bytes: no panic, and a value only if it prints back as what was read.
    #[test]
    fn a_number_is_only_what_reads_back_the_same(bytes: Vec<u8>) {
        let host = host_with("a", Node::File(bytes.clone()));
        if let Reading::Value(number) = Reader::new(&host).number("a") {
            let text = String::from_utf8(bytes).unwrap();
            let digits = text.trim().trim_start_matches('0');
            let printed = number.to_string();
            prop_assert_eq!(digits, if number == 0 { "" } else { printed.as_str() });
        }
    }

    /// The same for every other form: only what prints back is taken.
    #[test]
    fn a_size_and_a_switch_are_only_what_reads_back_the_same(
        text in prop_oneof!["[ +-]?(0x)?[0-9]{0,21}[a-fNY ]?\n?", ".{0,8}"],
    ) {
        let host = host_with("a", Node::File(text.clone().into_bytes()));
        let reader = Reader::new(&host);
        let shown = text.trim().trim_start_matches('0');
        if let Reading::Value(bytes) = reader.mebibytes("a") {
            prop_assert_eq!(bytes % (1 << 20), 0);
            let printed = (bytes >> 20).to_string();
            prop_assert_eq!(shown, printed.trim_start_matches('0'));
        }
        if let Reading::Value(on) = reader.switch("a") {
            let words = if on { ["1", "Y"] } else { ["0", "N"] };
            prop_assert!(words.contains(&text.trim()), "{:?}", text);
        }
        if let Reading::Value(number) = reader.number_u32("a") {
            let printed = number.to_string();
            prop_assert_eq!(shown, printed.trim_start_matches('0'));
        }
    }

    #[test]
    fn digits_within_range_are_their_number(number: u64) {
        let host = host_with("a", Node::File(format!("{number}\n").into_bytes()));
        prop_assert_eq!(Reader::new(&host).number("a"), Reading::Value(number));
        let narrow = Reader::new(&host).number_u32("a");
        prop_assert_eq!(narrow.value().copied(), u32::try_from(number).ok());
    }
}
