//! A memory device that scrubs itself.

use super::*;

pub(crate) fn scrub() -> Scrub {
    Scrub {
        devices: vec![ScrubDevice {
            name: "cxl_mem0".to_owned(),
            scrubs: vec![ScrubControl {
                index: 0,
                background: value(true),
                cycle_seconds: value(43_200),
                min_cycle_seconds: value(3_600),
                max_cycle_seconds: value(918_000),
                on_demand_address: value(0),
                on_demand_bytes: value(0),
            }],
            error_checks: vec![ErrorCheck {
                index: 0,
                log_entry_type: value(0),
                mode: value(1),
                threshold: value(256),
            }],
            repairs: vec![MemoryRepair {
                index: 0,
                repair_type: text("ppr"),
                persist_mode: value(0),
                safe_when_in_use: value(true),
            }],
        }],
        cxl: vec![CxlMemory {
            name: "mem0".to_owned(),
            serial: text("0xd3a1b2c4"),
            firmware_version: text("1.4.2"),
            numa_node: value(1),
            ram_bytes: value(256 << 30),
            pmem_bytes: value(0),
        }],
    }
}
