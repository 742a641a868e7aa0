//! Scrub controls as the documents describe them, on trees: no machine at hand has them.

use super::*;
use crate::sources::check::{self, found, is_absent, partly_found};
use scrubjay_model::Outcome;

pub(crate) const HEALTHY: &str = "\
//- dir sys/bus/edac/devices/mc/power
//- dir sys/bus/edac/devices/mc0/scrub0
//- dir sys/bus/edac/devices/some_other/power
//- sys/bus/edac/devices/cxl_mem0/scrub0/enable_background
1
//- sys/bus/edac/devices/cxl_mem0/scrub0/current_cycle_duration
43200
//- sys/bus/edac/devices/cxl_mem0/scrub0/min_cycle_duration
3600
//- sys/bus/edac/devices/cxl_mem0/scrub0/max_cycle_duration
918000
//- sys/bus/edac/devices/cxl_mem0/scrub0/addr
0x0
//- sys/bus/edac/devices/cxl_mem0/scrub0/size
0x1f000
//- sys/bus/edac/devices/cxl_mem0/ecs_fru0/log_entry_type
0
//- sys/bus/edac/devices/cxl_mem0/ecs_fru0/mode
1
//- sys/bus/edac/devices/cxl_mem0/ecs_fru0/threshold
1024
//- sys/bus/edac/devices/cxl_mem0/mem_repair0/repair_type
ppr
//- sys/bus/edac/devices/cxl_mem0/mem_repair0/persist_mode
0
//- sys/bus/edac/devices/cxl_mem0/mem_repair0/repair_safe_when_in_use
1
//- sys/bus/edac/devices/cxl_mem0/mem_repair0/repair
1
//- sys/bus/cxl/devices/mem0/serial
0xd3a1b2c4
//- sys/bus/cxl/devices/mem0/firmware_version
1.4.2
//- sys/bus/cxl/devices/mem0/numa_node
1
//- sys/bus/cxl/devices/mem0/ram/size
0x4000000000
//- sys/bus/cxl/devices/mem0/pmem/size
0
//- dir sys/bus/cxl/devices/root0
";

#[test]
fn devices_with_controls_are_read_and_those_that_only_count_are_not() {
    let scrub = found(HEALTHY, read);
    let names: Vec<&str> = scrub.devices.iter().map(|device| device.name.as_str()).collect();
    assert_eq!(names, ["cxl_mem0"]);
    let device = &scrub.devices[0];
    assert_eq!(device.scrubs[0].background, Reading::Value(true));
    assert_eq!(device.scrubs[0].cycle_seconds, Reading::Value(43_200));
    assert_eq!(device.scrubs[0].on_demand_bytes, Reading::Value(0x1f000));
    assert_eq!(device.error_checks[0].threshold, Reading::Value(1024));
    assert_eq!(device.repairs[0].repair_type.value().unwrap(), "ppr");
    assert_eq!(scrub.cxl[0].ram_bytes, Reading::Value(256 << 30));
    assert_eq!(scrub.cxl[0].pmem_bytes, Reading::Value(0));
    assert_eq!(scrub.cxl[0].numa_node, Reading::Value(1));
}

#[test]
fn a_device_answers_only_what_it_can() {
    let path = "sys/bus/edac/devices/cxl_mem0/scrub0/enable_background";
    let text = HEALTHY.replace(&format!("//- {path}\n1"), &format!("//- errno=EIO {path}"));
    let (scrub, faults) = partly_found(&text, read);
    assert_eq!(scrub.devices[0].scrubs[0].background.outcome(), Outcome::Unreadable);
    assert_eq!(scrub.devices[0].scrubs[0].cycle_seconds, Reading::Value(43_200));
    assert_eq!(faults.len(), 1);
    let bare = found("//- dir sys/bus/edac/devices/acpi_ras_mem0/scrub3\n", read);
    assert_eq!(bare.devices[0].scrubs[0].index, 3);
    assert!(bare.devices[0].scrubs[0].background.is_absent());
}

#[test]
fn a_memory_of_no_node_has_none() {
    let text = HEALTHY.replace("numa_node\n1", "numa_node\n-1");
    assert!(found(&text, read).cxl[0].numa_node.is_absent());
}

#[test]
fn numbers_are_only_what_the_kernel_prints() {
    let size = |text: &str| {
        partly_found(&HEALTHY.replace("0x1f000", text), read).0.devices[0].scrubs[0]
            .on_demand_bytes
            .clone()
    };
    assert_eq!(size("0xffffffffffffffff"), Reading::Value(u64::MAX));
    for odd in ["1f000", "0x", "0x+1", "0x1F", "-0x1", "0x10000000000000000", "0x1 2", ""] {
        assert_eq!(size(odd).outcome(), Outcome::Malformed, "{odd}");
    }
}

#[test]
fn older_kernels_and_machines_without_such_devices_are_absent() {
    assert!(is_absent("", read));
    assert!(is_absent(
        "//- dir sys/bus/edac/devices/mc/power\n//- dir sys/bus/cxl/devices\n",
        read
    ));
    let (denied, report) = check::read("//- errno=EACCES sys/bus/edac/devices\n", read);
    assert_eq!((denied.outcome(), report.faults.len()), (Outcome::Unreadable, 1));
}

#[test]
fn the_laws_hold() {
    check::keeps_the_laws(HEALTHY, read, |_, _| false);
}
