//! The scrub controls of `status`, where a memory device has any.

use super::page::Page;
use super::words::{missing, reading, size, span};
use scrubjay_model::{
    CxlMemory, ErrorCheck, MemoryRepair, Reading, Scrub, ScrubControl, ScrubDevice, Section,
};
use std::time::Duration;

/// Most memory is scrubbed by its controller, and most hosts have no such device: then nothing is
/// said. `doctor` lists the source.
pub(super) fn devices(page: &mut Page, section: &Option<Section<Scrub>>) {
    let Some(section) = section else { return };
    let Scrub { devices, cxl } = match &section.reading {
        Reading::Value(found) => found,
        Reading::Absent(_) => return,
        Reading::Unreadable(..) | Reading::Malformed(..) => {
            page.field(
                2,
                "scrubbing",
                &section.reading.non_value().map_or_else(String::new, |why| missing(&why)),
            );
            return;
        }
    };
    for ScrubDevice { name, scrubs, error_checks, repairs } in devices {
        let scrubs = scrubs.iter().map(control);
        let checks = error_checks.iter().map(check);
        let repairs = repairs.iter().map(repair);
        let all: Vec<String> = scrubs.chain(checks).chain(repairs).collect();
        page.field(2, "scrubbing", &format!("{name}: {}", all.join("; ")));
    }
    for CxlMemory { name, serial: _, firmware_version, numa_node, ram_bytes, pmem_bytes } in cxl {
        let about = format!(
            "{name}: {} volatile, {} persistent, node {}, firmware {}",
            reading(ram_bytes, |bytes| size(*bytes)),
            reading(pmem_bytes, |bytes| size(*bytes)),
            reading(numa_node, ToString::to_string),
            reading(firmware_version, Clone::clone),
        );
        page.field(2, "cxl memory", &about);
    }
}

fn control(control: &ScrubControl) -> String {
    let ScrubControl {
        index,
        background,
        cycle_seconds,
        min_cycle_seconds: _,
        max_cycle_seconds: _,
        on_demand_address,
        on_demand_bytes: _,
    } = control;
    let background = reading(background, |on| if *on { "on" } else { "off" }.to_owned());
    let cycle = reading(cycle_seconds, |seconds| span(Duration::from_secs(*seconds)));
    let running = match on_demand_address.value() {
        Some(0) | None => "",
        Some(_) => ", a scrub on demand is running",
    };
    format!("scrub{index} in the background {background}, a full pass takes {cycle}{running}")
}

fn check(check: &ErrorCheck) -> String {
    let ErrorCheck { index, log_entry_type: _, mode, threshold } = check;
    let counted = reading(mode, |mode| match mode {
        0 => "rows".to_owned(),
        1 => "code words".to_owned(),
        other => format!("mode {other}"),
    });
    let threshold = reading(threshold, ToString::to_string);
    format!("ecs_fru{index} counts {counted}, and reports from {threshold} errors per Gbit on")
}

fn repair(repair: &MemoryRepair) -> String {
    let MemoryRepair { index, repair_type, persist_mode: _, safe_when_in_use: _ } = repair;
    format!("mem_repair{index} offers {}", reading(repair_type, Clone::clone))
}
