//! Pages the kernel took out of use: `HardwareCorrupted` in `/proc/meminfo` and
//! `/sys/devices/system/node/nodeN/memory_failure` (6.3); and whether it may do so.
//!
//! Kernel documentation: Documentation/ABI/testing/sysfs-memory-page-offline and
//! sysfs-devices-node; mm/memory-failure.c. `HardwareCorrupted` counts hard-poisoned and
//! soft-offlined pages and is absent without `CONFIG_MEMORY_FAILURE`; the node files count only
//! hard failures. The switches are in Documentation/admin-guide/sysctl/vm.rst. Absence means that a
//! page hit by an error is not taken out of use.

use super::unless_all_absent;
use crate::proc_text;
use crate::reader::{Reader, malformed};
use scrubjay_model::{
    MemoryFailure, NodeMemoryFailure, NodePages, NonValue, Origin, Reading, SourceDoc, SourceId,
    Stamp,
};

pub(crate) const DOC: SourceDoc = SourceDoc {
    id: SourceId::MemoryFailure,
    reads: &[
        "proc/meminfo",
        "sys/devices/system/node/node*/memory_failure/{total,ignored,failed,delayed,recovered}",
        "proc/sys/vm/{memory_failure_recovery,enable_soft_offline}",
    ],
    needs: "nothing",
    absence: "the kernel was built without CONFIG_MEMORY_FAILURE: it cannot take bad pages out of use",
    kernel_doc: "Documentation/ABI/testing/sysfs-devices-node",
};

const MEMINFO: &str = "proc/meminfo";
const RECOVERY: &str = "proc/sys/vm/memory_failure_recovery";
const SOFT_OFFLINE: &str = "proc/sys/vm/enable_soft_offline";
const NODES: &str = "sys/devices/system/node";

pub(crate) fn read(reader: &Reader<'_>, _at: &Stamp) -> Reading<MemoryFailure> {
    let found = MemoryFailure {
        hardware_corrupted_bytes: hardware_corrupted(reader),
        nodes: nodes(reader),
        recovery: reader.switch(RECOVERY),
        soft_offline: reader.number(SOFT_OFFLINE),
        page_size_bytes: reader.page_size_bytes(),
    };
    // The size of a page is no sign that the kernel can do without one.
    let absent = [
        found.hardware_corrupted_bytes.is_absent(),
        found.nodes.is_absent(),
        found.recovery.is_absent(),
        found.soft_offline.is_absent(),
    ];
    // The origin tells a file without the line from a missing file, which every kernel has.
    let Some(absence) = found.hardware_corrupted_bytes.non_value() else {
        return Reading::Value(found);
    };
    unless_all_absent(found, &absent, absence.into())
}

fn hardware_corrupted(reader: &Reader<'_>) -> Reading<u64> {
    let parsed = reader.statistics(MEMINFO).into_result().and_then(|bytes| {
        match proc_text::line(&bytes, "HardwareCorrupted:") {
            Some(size) => proc_text::kibibytes(size)
                .ok_or_else(|| malformed(MEMINFO, "HardwareCorrupted in kB", size)),
            // Only a file that is /proc/meminfo can say that the line is not offered.
            None if proc_text::line(&bytes, "MemTotal:").is_some() => {
                Err(NonValue::Absent(Origin::new(format!("{MEMINFO} HardwareCorrupted"))))
            }
            None => Err(malformed(MEMINFO, "the lines of /proc/meminfo", &bytes)),
        }
    });
    reader.noted(parsed)
}

fn nodes(reader: &Reader<'_>) -> Reading<Vec<NodeMemoryFailure>> {
    reader.indexed(NODES, "node").into_result().map_or_else(Into::into, |indexes| {
        let nodes: Vec<NodeMemoryFailure> =
            indexes.into_iter().map(|node| self::node(reader, node)).collect();
        let absent: Vec<bool> = nodes
            .iter()
            .flat_map(|node| node.pages.by_result().map(|(_, count)| count.is_absent()))
            .collect();
        let absence = Reading::Absent(Origin::new(format!("{NODES}/node*/memory_failure")));
        unless_all_absent(nodes, &absent, absence)
    })
}

fn node(reader: &Reader<'_>, node: u32) -> NodeMemoryFailure {
    let pages =
        |result: &str| reader.number(&format!("{NODES}/node{node}/memory_failure/{result}"));
    NodeMemoryFailure {
        node,
        pages: NodePages {
            total: pages("total"),
            ignored: pages("ignored"),
            failed: pages("failed"),
            delayed: pages("delayed"),
            recovered: pages("recovered"),
        },
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::sources::check::{self, found, is_absent, partly_found};
    use scrubjay_model::{Outcome, ReadFault, SoftOfflined};

    pub(crate) const HEALTHY: &str = "\
//- proc/sys/vm/memory_failure_recovery
1
//- proc/sys/vm/enable_soft_offline
3
//- proc/meminfo
MemTotal:       16316412 kB
MemFree:         1234567 kB
HardwareCorrupted:    12 kB
HugePages_Total:       0
//- sys/devices/system/node/node0/memory_failure/total
3
//- sys/devices/system/node/node0/memory_failure/ignored
1
//- sys/devices/system/node/node0/memory_failure/failed
0
//- sys/devices/system/node/node0/memory_failure/delayed
0
//- sys/devices/system/node/node0/memory_failure/recovered
2
//- sys/devices/system/node/node1/memory_failure/total
0
//- sys/devices/system/node/node1/memory_failure/ignored
0
//- sys/devices/system/node/node1/memory_failure/failed
0
//- sys/devices/system/node/node1/memory_failure/delayed
0
//- sys/devices/system/node/node1/memory_failure/recovered
0
//- proc/sys/vm/memory_failure_recovery
1
";

    fn corrupted(meminfo: &str) -> Reading<u64> {
        let nodes = HEALTHY.split_once("//- sys").unwrap().1;
        partly_found(&format!("{meminfo}//- sys{nodes}"), read).0.hardware_corrupted_bytes
    }

    #[test]
    fn a_missing_file_is_told_from_a_file_without_the_line() {
        let absence = |text: &str| check::read(text, read).0;
        let file = Reading::Absent(Origin::new(MEMINFO));
        assert_eq!(absence("//- dir proc\n"), file);
        let line = Reading::Absent(Origin::new("proc/meminfo HardwareCorrupted"));
        assert_eq!(absence("//- proc/meminfo\nMemTotal:       16316412 kB\n"), line);
    }

    #[test]
    fn whether_the_kernel_goes_on_after_a_failure_is_read() {
        assert_eq!(found(HEALTHY, read).recovery, Reading::Value(true));
        let off = HEALTHY.replace("memory_failure_recovery\n1", "memory_failure_recovery\n0");
        assert_eq!(found(&off, read).recovery, Reading::Value(false));
    }

    #[test]
    fn pages_are_counted_by_the_whole_and_by_node() {
        let found = found(HEALTHY, read);
        assert_eq!(found.hardware_corrupted_bytes, Reading::Value(12 << 10));
        let nodes = found.nodes.into_result().unwrap();
        assert_eq!(nodes.iter().map(|node| node.node).collect::<Vec<_>>(), [0, 1]);
        let values: Vec<u64> =
            nodes[0].pages.by_result().iter().map(|(_, count)| *count.value().unwrap()).collect();
        assert_eq!(values, [3, 1, 0, 0, 2]);
        assert_eq!((found.recovery, found.soft_offline), (Reading::Value(true), Reading::Value(3)));
        assert!(found.page_size_bytes.is_absent(), "this tree does not tell");
    }

    #[test]
    fn a_kernel_without_memory_failure_is_absent() {
        let text = "//- proc/meminfo\nMemTotal: 5 kB\n//- dir sys/devices/system/node/node0\n";
        assert!(is_absent(text, read));
        assert!(is_absent("", read));
    }

    #[test]
    fn soft_offlined_pages_are_what_is_left_of_the_marked_ones() {
        let text = format!("//- .scrubjay/facts\nuname_machine x86_64\n{HEALTHY}");
        assert_eq!(found(&text, read).soft_offlined(), Some(SoftOfflined::Pages(0)));
        let more = text.replace("   12 kB", "   20 kB");
        assert_eq!(found(&more, read).soft_offlined(), Some(SoftOfflined::Pages(2)));
        let fewer = text.replace("   12 kB", "    4 kB");
        assert_eq!(found(&fewer, read).soft_offlined(), Some(SoftOfflined::Missing(2)));
    }

    #[test]
    fn the_line_is_absent_only_from_a_file_that_is_meminfo() {
        assert!(corrupted("//- proc/meminfo\nMemTotal: 5 kB\n").is_absent());
        assert!(corrupted("").is_absent());
        for garbage in [
            "//- proc/meminfo\n<html>\n",
            "//- noeol proc/meminfo\n",
            "//- hex proc/meminfo\nff00\n",
        ] {
            assert_eq!(corrupted(garbage).outcome(), Outcome::Malformed, "{garbage}");
        }
    }

    #[test]
    fn no_other_line_of_meminfo_stands_in_the_way() {
        let odd = "//- hex proc/meminfo\nff 3a 20 35 0a c3 a9 20 35 0a 0a ";
        let line: String =
            "HardwareCorrupted: 8 kB\n".bytes().map(|b| format!("{b:02x}")).collect();
        assert_eq!(corrupted(&format!("{odd}{line}\n")), Reading::Value(8 << 10));
    }

    #[test]
    fn a_size_that_is_none_is_malformed() {
        for size in ["-4 kB", "4", "4 MB", "18446744073709551615 kB", "kB", ""] {
            let text = format!("//- proc/meminfo\nMemTotal: 5 kB\nHardwareCorrupted: {size}\n");
            assert_eq!(corrupted(&text).outcome(), Outcome::Malformed, "{size}");
        }
    }

    #[test]
    fn what_may_not_be_read_does_not_sink_the_rest() {
        let text = HEALTHY
            .replace("//- sys/devices/system/node/node0/memory_failure/total\n3\n", "")
            .replace("memory_failure/failed\n0", "memory_failure/failed\nnone");
        let text = text.replacen(
            "//- sys/devices/system/node/node1/memory_failure/delayed\n0\n",
            "//- dir sys/devices/system/node/node1/memory_failure/delayed\n",
            1,
        );
        let (found, faults) = partly_found(&text, read);
        let nodes = found.nodes.into_result().unwrap();
        assert!(nodes[0].pages.total.is_absent());
        assert_eq!(nodes[0].pages.recovered, Reading::Value(2));
        assert_eq!(nodes[1].pages.total, Reading::Value(0));
        assert_eq!(faults.len(), 3, "{faults:?}");

        let denied = corrupted("//- errno=EACCES proc/meminfo\n");
        assert_eq!(denied, Reading::Unreadable(Origin::new(MEMINFO), ReadFault::Denied));
    }

    #[test]
    fn a_node_without_the_files_does_not_hide_one_that_has_them() {
        let text = format!(
            "{HEALTHY}//- dir sys/devices/system/node/node2\n//- dir sys/devices/system/node/node03\n"
        );
        let nodes = found(&text, read).nodes.into_result().unwrap();
        assert_eq!(nodes.iter().map(|node| node.node).collect::<Vec<_>>(), [0, 1, 2]);
        assert!(nodes[2].pages.total.is_absent());
    }

    #[test]
    fn the_laws_hold() {
        check::keeps_the_laws(HEALTHY, read, |_, _| false);
    }
}
