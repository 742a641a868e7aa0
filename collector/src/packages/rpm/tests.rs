//! Which database is read, and what is said of those that are not.

use super::*;
use crate::packages::rpm_header::tests::kernel;
use crate::tree::{Node, Tree};
use scrubjay_model::Clocks;
use std::sync::Arc;

fn read_tree(files: &[(&str, Vec<u8>)]) -> Reading<FoundPackages> {
    let clocks = Clocks { realtime_ms: 0, boottime: None, monotonic: None };
    let mut tree = Tree::new();
    for (path, bytes) in files {
        tree.insert(*path, Node::File(bytes.clone()));
    }
    rpm_packages(&HostRoot::from_tree(tree, Arc::new(move || clocks)), &|name| name == "kernel")
}

fn ndb() -> Vec<u8> {
    ndb::tests::database(1, &[kernel("kernel"), kernel("bash")])
}

#[test]
fn a_host_without_rpm_has_no_rpmdb() {
    assert_eq!(
        read_tree(&[("var/lib/dpkg/status", Vec::new())]),
        Reading::Absent(Origin::new("usr/lib/sysimage/rpm, var/lib/rpm"))
    );
}

#[test]
fn either_folder_may_hold_it() {
    for folder in FOLDERS {
        let path = format!("{folder}/Packages.db");
        let found = read_tree(&[(&path, ndb())]).into_result().unwrap();
        assert_eq!((found.path.as_str(), found.total, found.packages.len()), (path.as_str(), 2, 1));
    }
}

#[test]
fn a_berkeley_db_is_named_and_its_remedy_told() {
    let mut bytes = vec![0; 4096];
    bytes[12..16].copy_from_slice(&0x0006_1561_u32.to_le_bytes());
    let path = "var/lib/rpm/Packages";
    let expected = ParseFault::new(READABLE, b"Berkeley DB (hash)");
    let found = read_tree(&[(path, bytes)]);
    assert_eq!(found, Reading::Malformed(Origin::new(path), expected));
    let told = found.non_value().unwrap().to_string();
    assert!(told.contains("rpm --rebuilddb"), "{told}");
    // One that was converted since is no longer looked at.
    let both = [(path, Vec::new()), ("var/lib/rpm/Packages.db", ndb())];
    assert!(read_tree(&both).value().is_some());
}

#[test]
fn what_is_no_database_is_malformed() {
    for path in ["var/lib/rpm/rpmdb.sqlite", "var/lib/rpm/Packages.db", "var/lib/rpm/Packages"] {
        for bytes in [Vec::new(), b"nothing".to_vec(), vec![0; 8192]] {
            let found = read_tree(&[(path, bytes)]);
            assert!(matches!(&found, Reading::Malformed(origin, _) if origin.as_str() == path));
        }
    }
}

#[test]
fn a_file_that_cannot_be_read_is_not_taken_for_none() {
    let clocks = Clocks { realtime_ms: 0, boottime: None, monotonic: None };
    let mut tree = Tree::new();
    tree.insert("usr/lib/sysimage/rpm/rpmdb.sqlite", Node::Fails(13));
    tree.insert("var/lib/rpm/Packages.db", Node::File(ndb()));
    let host = HostRoot::from_tree(tree, Arc::new(move || clocks));
    assert!(matches!(rpm_packages(&host, &|_| true), Reading::Unreadable(..)));
}
