//! Maps and page flags of trees.

use super::*;
use crate::sources::check;
use crate::tree::{Node, Tree};
use proptest::prelude::*;
use scrubjay_model::Outcome;

const FACTS: &str = "//- .scrubjay/facts\npage_size_bytes 4096\n";

const SHOWN: &str = "\
//- proc/iomem
00000000-00000fff : Reserved
00001000-0009fbff : System RAM
000a0000-000bffff : PCI Bus 0000:00
00100000-3fffffff : System RAM
  01000000-01dfffff : Kernel code
fd000000-fdffffff : 0000:00:02.0
100000000-13fffffff : dax0.0
  100000000-13fffffff : System RAM (kmem)
//- sys/devices/system/memory/block_size_bytes
8000000
";

fn map_of(text: &str) -> Reading<MemoryMap> {
    memory_map(&check::host(check::tree(&format!("{FACTS}{text}"))))
}

#[test]
fn the_map_is_what_the_kernel_calls_system_ram() {
    let map = map_of(SHOWN).into_result().unwrap();
    let ranges: Vec<String> = map.ranges().iter().map(ToString::to_string).collect();
    assert_eq!(ranges, ["0x1000-0x9fbff", "0x100000-0x3fffffff", "0x100000000-0x13fffffff"]);
    assert_eq!((map.page_size_bytes, map.block_size_bytes), (4096, Reading::Value(128 << 20)));
}

#[test]
fn what_the_boot_loader_took_away_is_told_from_what_was_never_memory() {
    let text = SHOWN.replace(
        "3fffffff : System RAM\n",
        "2fffffff : System RAM\n30000000-30000fff : Unusable memory\n",
    );
    let map = map_of(&text).into_result().unwrap();
    let range = |first, last| AddressRange::new(first, last).unwrap();
    assert!(map.reserves(range(0x3000_0000, 0x3000_0fff)) && map.reserves(range(0, 0xfff)));
    for other in [range(0x3000_0000, 0x3000_1000), range(0xfd00_0000, 0xfd00_0fff)] {
        assert!(!map.reserves(other), "{other}");
    }
}

#[test]
fn a_kernel_that_hides_its_addresses_is_not_one_without_memory() {
    let hidden = "//- proc/iomem\n00000000-00000000 : Reserved\n00000000-00000000 : System RAM\n";
    let denied = Reading::Unreadable(Origin::new(IOMEM), ReadFault::Denied);
    assert_eq!(map_of(hidden), denied);
    assert_eq!(map_of("//- errno=EACCES proc/iomem\n"), denied);
    assert!(map_of("").is_absent());
}

#[test]
fn without_the_size_of_a_page_there_is_no_map() {
    assert!(memory_map(&check::host(check::tree(SHOWN))).is_absent());
}

#[test]
fn a_line_that_is_not_understood_spoils_the_map() {
    for text in [
        "",
        "<html>\n",
        "00001000-0009fbff : System RAM\n00100000 : System RAM\n",
        "00001000-0009fbff : System RAM\n00100000-3fffffff\n",
        "0009fbff-00001000 : System RAM\n",
        "0x1000-0x2000 : System RAM\n",
        "+1000-2000 : System RAM\n",
        "1000-20000000000000000 : System RAM\n",
        "000a0000-000bffff : PCI Bus 0000:00\n",
    ] {
        let map = map_of(&format!("//- proc/iomem\n{text}"));
        assert_eq!(map.outcome(), Outcome::Malformed, "{text}");
    }
    // Cut off within a line.
    let cut = "//- noeol proc/iomem\n00001000-0009fbff : System RAM\n00100000-3fffffff : Sys\n";
    assert_eq!(map_of(cut).outcome(), Outcome::Malformed);
}

#[test]
fn a_block_size_that_cannot_be_read_costs_nothing_else() {
    let text = SHOWN.replace("\n8000000\n", "\n-1\n");
    let map = map_of(&text).into_result().unwrap();
    assert_eq!(map.block_size_bytes.outcome(), Outcome::Malformed);
    assert_eq!(map.ranges().len(), 3);
}

/// A host whose kpageflags are these, page by page.
fn host_with(flags: &[u64]) -> HostRoot {
    let mut tree = Tree::new();
    let bytes = flags.iter().flat_map(|flags| flags.to_ne_bytes()).collect();
    tree.insert(KPAGEFLAGS, Node::File(bytes));
    check::host(tree)
}

const POISONED: u64 = 1 << 19;

#[test]
fn known_pages_are_told_and_no_others() {
    let mut flags = vec![0; 5000];
    (flags[7], flags[9], flags[4999]) = (POISONED, 3, POISONED);
    let host = host_with(&flags);
    let asked = BTreeSet::from([7, 8, 4999, 5000, u64::MAX]);
    let told = page_flags(&host, &asked).into_result().unwrap();
    let expected = [(7, PageFlags(POISONED)), (8, PageFlags(0)), (4999, PageFlags(POISONED))];
    assert_eq!(told, BTreeMap::from(expected), "beyond the end nothing is told");
    assert_eq!(page_flags(&host, &BTreeSet::new()), Reading::Value(BTreeMap::new()));
}

#[test]
fn a_file_that_is_missing_or_denied_tells_nothing() {
    let asked = BTreeSet::from([7]);
    let flags = |text: &str| page_flags(&check::host(check::tree(text)), &asked);
    assert!(flags("").is_absent());
    let denied = Reading::Unreadable(Origin::new(KPAGEFLAGS), ReadFault::Denied);
    assert_eq!(flags("//- errno=EACCES proc/kpageflags\n"), denied);
    assert_eq!(flags("//- noeol proc/kpageflags\n"), Reading::Value(BTreeMap::new()));
}

#[test]
fn neighbours_are_read_at_once_and_strangers_are_not() {
    assert_eq!(runs([5, 6, 70, 71, 200]), [(5, 67), (200, 1)]);
    assert_eq!(runs([0, 64, 65]), [(0, 66)]);
    assert_eq!(runs([0, 65, 66]), [(0, 1), (65, 2)]);
    let long = runs((0..10_000).step_by(50));
    assert!(long.iter().all(|(_, count)| *count <= LONGEST_PIECE), "{long:?}");
    assert_eq!(runs([u64::MAX / 8, u64::MAX]), [], "no position");
}

fn map(ranges: &[(u64, u64)]) -> MemoryMap {
    let absent = Reading::Absent(Origin::new(BLOCK_SIZE));
    let ranges = ranges.iter().filter_map(|(first, last)| AddressRange::new(*first, *last));
    MemoryMap::new(4096, absent, ranges)
}

fn scan(host: &HostRoot, map: &MemoryMap) -> PoisonedPages {
    scan_poisoned(host, map, &mut |_, _| ControlFlow::Continue(())).into_result().unwrap()
}

#[test]
fn a_scan_finds_every_marked_page_of_system_ram() {
    let mut flags = vec![0; 300];
    (flags[1], flags[9], flags[150], flags[299]) = (POISONED, POISONED, POISONED, POISONED);
    let map = map(&[(0x1000, 0x9fff), (150 * 4096, 300 * 4096 - 1)]);
    let found = scan(&host_with(&flags), &map);
    let expected =
        PoisonedPages { pfns: vec![1, 9, 150, 299], scanned_pages: 159, is_complete: true };
    assert_eq!(found, expected);
}

#[test]
fn a_page_that_is_not_wholly_system_ram_is_not_scanned() {
    let found = scan(&host_with(&[POISONED; 8]), &map(&[(0x1800, 0x3bff)]));
    assert_eq!(found.pfns, [2]);
    assert_eq!(whole_pages(AddressRange::new(0x1800, 0x1fff).unwrap(), 4096), None);
}

#[test]
fn a_scan_that_was_stopped_or_cut_short_says_so() {
    let host = host_with(&[POISONED; 8]);
    let mut told = Vec::new();
    let stopped = scan_poisoned(&host, &map(&[(0, 0x3fff), (0x6000, 0x7fff)]), &mut |done, of| {
        told.push((done, of));
        ControlFlow::Break(())
    });
    let stopped = stopped.into_result().unwrap();
    assert_eq!((stopped.pfns.len(), stopped.is_complete), (4, false));
    assert_eq!(told, [(4, 6)]);
    let short = scan(&host, &map(&[(0, 0xffff)]));
    assert_eq!((short.scanned_pages, short.is_complete), (8, false));
    let all = scan(&host, &map(&[(0, u64::MAX)]));
    assert_eq!((all.scanned_pages, all.is_complete), (8, false));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever pages are asked for, each one the file holds is told as it stands there.
    #[test]
    fn a_page_is_told_as_it_stands(
        flags in prop::collection::vec(any::<u64>(), 0..600),
        asked in prop::collection::btree_set(0_u64..700, 0..40),
    ) {
        let told = page_flags(&host_with(&flags), &asked).into_result().unwrap();
        let expected: BTreeMap<u64, PageFlags> = asked
            .iter()
            .filter_map(|pfn| Some((*pfn, PageFlags(*flags.get(usize::try_from(*pfn).ok()?)?))))
            .collect();
        prop_assert_eq!(told, expected);
    }

    /// Any bytes: no panic, and every range of the map stands in the file.
    #[test]
    fn any_iomem_is_survived(
        text in "([ ]{0,2}[0-9a-f]{0,9}-[0-9a-f]{0,9} : (System RAM|Reserved)\n){0,5}.{0,20}\n?",
    ) {
        if let Ok(ranges) = super::ranges(text.as_bytes()).map(|told| told.system_ram) {
            for range in ranges {
                let shown = |number: u64| text.contains(&format!("{number:x}"));
                prop_assert!(shown(range.first()) && shown(range.last()));
            }
        }
    }
}
