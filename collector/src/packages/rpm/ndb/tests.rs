//! Databases as rpm's own writer lays them out.

use super::*;
use crate::host::HostRoot;
use crate::packages::rpm_header::tests::kernel;
use crate::tree::{Node, Tree};
use proptest::prelude::*;
use scrubjay_model::{Clocks, ReadFault};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

const PATH: &str = "usr/lib/sysimage/rpm/Packages.db";

/// A database of these packages, with a free slot before each.
pub(in crate::packages) fn database(generation: u32, packages: &[Vec<u8>]) -> Vec<u8> {
    let word = |number: usize| u32::try_from(number).unwrap().to_le_bytes();
    let mut slots = [b"RpmP", &[0; 4], &generation.to_le_bytes(), &word(1), &[9; 16][..]].concat();
    let mut blobs = Vec::new();
    for (index, package) in packages.iter().enumerate() {
        let blocks = (HEAD + package.len() + TAIL).div_ceil(16);
        let at = (4096 + blobs.len()) / 16;
        slots.extend([b"Slot", &[0; 12][..]].concat());
        slots.extend([&b"Slot"[..], &word(index + 1), &word(at), &word(blocks)].concat());
        let mut blob =
            [&b"BlbS"[..], &word(index + 1), &word(7), &word(package.len()), package].concat();
        blob.resize(blocks * 16 - TAIL, 0);
        let sum = adler32(&blob).to_le_bytes();
        blob.extend([&sum[..], &word(package.len()), b"BlbE"].concat());
        blobs.extend(blob);
    }
    while slots.len() < 4096 {
        slots.extend([b"Slot", &[0; 12][..]].concat());
    }
    [slots, blobs].concat()
}

fn host(bytes: Vec<u8>) -> HostRoot {
    let clocks = Clocks { realtime_ms: 0, boottime: None, monotonic: None };
    let mut tree = Tree::new();
    tree.insert(PATH, Node::File(bytes));
    HostRoot::from_tree(tree, Arc::new(move || clocks))
}

fn found(bytes: Vec<u8>) -> Reading<FoundPackages> {
    read_all(&host(bytes), &|name| name.starts_with("kernel"))
}

fn read_all(host: &HostRoot, wanted: &Wanted<'_>) -> Reading<FoundPackages> {
    let take = &mut |file: &ReadAt<'_>, before: &Moment| packages(file, before, wanted);
    read(&Reader::new(host), PATH, take)
}

fn three() -> Vec<u8> {
    database(5, &[kernel("bash"), kernel("kernel-core"), kernel("kernel-default")])
}

#[test]
fn the_checksum_is_that_of_zlib() {
    assert_eq!(adler32(b"Wikipedia"), 0x11E6_0398);
    assert_eq!(adler32(&[0xff; 100_000]), 0x149A_302C);
}

#[test]
fn wanted_packages_are_read_and_all_are_counted() {
    let found = found(three()).into_result().unwrap();
    let names: Vec<&str> = found.packages.iter().map(|p| p.package.name.as_str()).collect();
    assert_eq!((found.total, names), (3, vec!["kernel-core", "kernel-default"]));
    assert_eq!(found.faults, []);
}

#[test]
fn a_package_whose_checksum_is_wrong_costs_itself_alone() {
    let mut bytes = three();
    let last = bytes.len() - 100;
    bytes[last] ^= 1;
    let found = found(bytes).into_result().unwrap();
    assert_eq!((found.total, found.packages.len(), found.faults.len()), (3, 1, 1));
}

#[test]
fn a_slot_that_leads_out_of_the_file_spoils_the_database() {
    let mut bytes = three();
    bytes.truncate(bytes.len() - 16);
    assert!(matches!(found(bytes), Reading::Malformed(..)));
    let mut bytes = three();
    bytes[4] = 1;
    assert!(matches!(found(bytes), Reading::Malformed(..)), "another version");
    assert!(matches!(found(Vec::new()), Reading::Malformed(..)));
}

#[test]
fn a_database_that_never_holds_still_is_torn() {
    let changes = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&changes);
    let clocks = Clocks { realtime_ms: 0, boottime: None, monotonic: None };
    let host = HostRoot::changing(
        move || {
            let mut tree = Tree::new();
            let generation = seen.fetch_add(1, Ordering::Relaxed);
            tree.insert(PATH, Node::File(database(generation, &[kernel("kernel-core")])));
            tree
        },
        Arc::new(move || clocks),
    );
    let found = read_all(&host, &|_| true);
    assert!(matches!(found, Reading::Unreadable(_, ReadFault::Torn)), "{found:?}");
    assert!(changes.load(Ordering::Relaxed) < 200, "a bounded number of attempts");
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), header in any::<bool>()) {
        let bytes = if header { [&three()[..4096 + 16], &bytes].concat() } else { bytes };
        let _ = found(bytes);
    }

    #[test]
    fn no_flipped_bits_panic(flips in proptest::collection::vec((any::<prop::sample::Index>(), 0..8_u8), 1..6)) {
        let mut bytes = three();
        for (at, bit) in flips {
            let length = bytes.len();
            bytes[at.index(length)] ^= 1 << bit;
        }
        let _ = found(bytes);
    }
}
