//! Scrub, error check and repair controls of memory devices: `/sys/bus/edac/devices` (6.15), and CXL
//! memory devices: `/sys/bus/cxl/devices`.
//!
//! Kernel documentation: Documentation/ABI/testing/sysfs-edac-scrub, sysfs-edac-ecs,
//! sysfs-edac-memory-repair, sysfs-bus-cxl; Documentation/edac. A driver offers only what its device
//! can do, and each read asks the device. None of it is ever written: a write to `addr` would start a
//! scrub, one to `repair` a repair. Absence is normal: most memory is scrubbed by its controller.

use crate::reader::{Reader, whole_number};
use scrubjay_model::{
    CxlMemory, ErrorCheck, MemoryRepair, NonValue, Origin, Reading, Scrub, ScrubControl,
    ScrubDevice, SourceDoc, SourceId, Stamp,
};

pub(crate) const DOC: SourceDoc = SourceDoc {
    id: SourceId::Scrub,
    reads: &[
        "sys/bus/edac/devices/*/scrub*/{enable_background,addr,size}",
        "sys/bus/edac/devices/*/scrub*/{current,min,max}_cycle_duration",
        "sys/bus/edac/devices/*/ecs_fru*/{log_entry_type,mode,threshold}",
        "sys/bus/edac/devices/*/mem_repair*/{repair_type,persist_mode,repair_safe_when_in_use}",
        "sys/bus/cxl/devices/mem*/{serial,firmware_version,numa_node}",
        "sys/bus/cxl/devices/mem*/{ram,pmem}/size",
    ],
    needs: "nothing",
    absence: "no memory device offers controls of its own, or the kernel is older than 6.15; patrol \
              scrubbing of a memory controller is in the source edac",
    kernel_doc: "Documentation/ABI/testing/sysfs-edac-scrub",
};

const EDAC: &str = "sys/bus/edac/devices";
const CXL: &str = "sys/bus/cxl/devices";

/// Devices looked at on each bus. The largest CXL hosts planned have some dozens.
const DEVICES: usize = 256;

pub(crate) fn read(reader: &Reader<'_>, _at: &Stamp) -> Reading<Scrub> {
    let listed = reader.directories(EDAC);
    let names = listed.value().into_iter().flatten().filter(|name| !counts_only(name));
    let devices: Vec<ScrubDevice> =
        names.take(DEVICES).filter_map(|name| device(reader, name)).collect();
    let memories = reader.indexed(CXL, "mem");
    let cxl: Vec<CxlMemory> =
        memories.value().into_iter().flatten().take(DEVICES).map(|n| memory(reader, *n)).collect();
    if devices.is_empty() && cxl.is_empty() {
        let why = [listed.non_value(), memories.non_value()];
        let fault = why.into_iter().flatten().find(|why| !matches!(why, NonValue::Absent(_)));
        return fault.map_or_else(|| Reading::Absent(Origin::new(EDAC)), Into::into);
    }
    Reading::Value(Scrub { devices, cxl })
}

/// Devices that hold counters and nothing else: memory controllers with their parts, and PCI.
fn counts_only(name: &str) -> bool {
    let kind = name.trim_end_matches(|c: char| c.is_ascii_digit());
    ["mc", "pci", "dimm", "rank", "csrow"].contains(&kind)
}

/// A device with its controls; `None` if it has none.
fn device(reader: &Reader<'_>, name: &str) -> Option<ScrubDevice> {
    let dir = format!("{EDAC}/{name}");
    let indexes = |prefix: &str| match reader.indexed(&dir, prefix) {
        Reading::Value(indexes) => indexes,
        Reading::Absent(_) | Reading::Unreadable(..) | Reading::Malformed(..) => Vec::new(),
    };
    let scrubs = indexes("scrub").into_iter().map(|index| {
        let dir = format!("{dir}/scrub{index}");
        ScrubControl {
            index,
            background: reader.switch(&format!("{dir}/enable_background")),
            cycle_seconds: reader.number(&format!("{dir}/current_cycle_duration")),
            min_cycle_seconds: reader.number(&format!("{dir}/min_cycle_duration")),
            max_cycle_seconds: reader.number(&format!("{dir}/max_cycle_duration")),
            on_demand_address: hexadecimal(reader, &format!("{dir}/addr")),
            on_demand_bytes: hexadecimal(reader, &format!("{dir}/size")),
        }
    });
    let error_checks = indexes("ecs_fru").into_iter().map(|index| {
        let dir = format!("{dir}/ecs_fru{index}");
        ErrorCheck {
            index,
            log_entry_type: reader.number(&format!("{dir}/log_entry_type")),
            mode: reader.number(&format!("{dir}/mode")),
            threshold: reader.number(&format!("{dir}/threshold")),
        }
    });
    let repairs = indexes("mem_repair").into_iter().map(|index| {
        let dir = format!("{dir}/mem_repair{index}");
        MemoryRepair {
            index,
            repair_type: reader.attr(&format!("{dir}/repair_type")),
            persist_mode: reader.number(&format!("{dir}/persist_mode")),
            safe_when_in_use: reader.switch(&format!("{dir}/repair_safe_when_in_use")),
        }
    });
    let found = ScrubDevice {
        name: name.to_owned(),
        scrubs: scrubs.collect(),
        error_checks: error_checks.collect(),
        repairs: repairs.collect(),
    };
    let empty =
        found.scrubs.is_empty() && found.error_checks.is_empty() && found.repairs.is_empty();
    (!empty).then_some(found)
}

fn memory(reader: &Reader<'_>, index: u32) -> CxlMemory {
    let dir = format!("{CXL}/mem{index}");
    CxlMemory {
        name: format!("mem{index}"),
        serial: reader.attr(&format!("{dir}/serial")),
        firmware_version: reader.attr(&format!("{dir}/firmware_version")),
        numa_node: node(reader, &format!("{dir}/numa_node")),
        ram_bytes: hexadecimal(reader, &format!("{dir}/ram/size")),
        pmem_bytes: hexadecimal(reader, &format!("{dir}/pmem/size")),
    }
}

/// The kernel writes -1 where there is none.
fn node(reader: &Reader<'_>, path: &str) -> Reading<u64> {
    let node = reader.parse(path, "the number of a node", |text| match text.trim() {
        "-1" => Some(None),
        _ => whole_number(text).map(Some),
    });
    match node.into_result() {
        Ok(Some(node)) => Reading::Value(node),
        Ok(None) => Reading::Absent(Origin::new(path)),
        Err(why) => why.into(),
    }
}

/// A number as `0x%llx` and `%#llx` print it; the latter writes 0 without the prefix.
fn hexadecimal(reader: &Reader<'_>, path: &str) -> Reading<u64> {
    reader.parse(path, "a hexadecimal number", |text| match text.trim() {
        "0" => Some(0),
        text => {
            let number = u64::from_str_radix(text.strip_prefix("0x")?, 16).ok()?;
            // Only what prints back the same is the kernel's.
            (format!("{number:#x}") == text).then_some(number)
        }
    })
}

#[cfg(test)]
pub(crate) mod tests;
