//! Pages the kernel took out of use: `HardwareCorrupted` in `/proc/meminfo` and
//! `/sys/devices/system/node/nodeN/memory_failure` (6.3).
//!
//! Kernel documentation: Documentation/ABI/testing/sysfs-memory-page-offline and
//! sysfs-devices-node; mm/memory-failure.c. `HardwareCorrupted` counts hard-poisoned and
//! soft-offlined pages and is absent without `CONFIG_MEMORY_FAILURE`; the node files count only
//! hard failures. Absence means that a page hit by an error is not taken out of use.

use super::unless_all_absent;
use crate::proc_text;
use crate::reader::{Reader, malformed};
use scrubjay_model::{
    MemoryFailure, NodeMemoryFailure, NodePages, NonValue, Origin, Reading, SourceDoc, SourceId,
    Stamp,
};

pub(crate) const DOC: SourceDoc = SourceDoc {
    id: SourceId::MemoryFailure,
    reads: &["proc/meminfo", "sys/devices/system/node/node*/memory_failure/*"],
    needs: "nothing",
    absence: "the kernel was built without CONFIG_MEMORY_FAILURE: it cannot take bad pages out of use",
    kernel_doc: "Documentation/ABI/testing/sysfs-devices-node",
};

const MEMINFO: &str = "proc/meminfo";
const NODES: &str = "sys/devices/system/node";

pub(crate) fn read(reader: &Reader<'_>, _at: &Stamp) -> Reading<MemoryFailure> {
    let found = MemoryFailure {
        hardware_corrupted_bytes: hardware_corrupted(reader),
        nodes: nodes(reader),
    };
    let absent = [found.hardware_corrupted_bytes.is_absent(), found.nodes.is_absent()];
    let absence = Reading::Absent(Origin::new("proc/meminfo HardwareCorrupted"));
    unless_all_absent(found, &absent, absence)
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
