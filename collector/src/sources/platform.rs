//! What decides whether memory errors can be seen on this machine: hypervisor, DMI names, kernel
//! command line, firmware tables, and the kernel parts that take errors for themselves.
//!
//! Kernel documentation: Documentation/ABI/testing/sysfs-firmware-acpi,
//! Documentation/admin-guide/RAS. Each fact is absent on machines without it; an absent
//! `/sys/kernel/debug/ras/cec` may also mean that debugfs is not mounted.

use crate::reader::Reader;
use scrubjay_model::{Origin, Platform, Reading, SourceDoc, SourceId, Stamp};

pub(crate) const DOC: SourceDoc = SourceDoc {
    id: SourceId::Platform,
    reads: &[
        "proc/cpuinfo",
        "proc/cmdline",
        "sys/hypervisor/type",
        "sys/class/dmi/id/*",
        "sys/devices/system/edac",
        "sys/firmware/acpi/tables/{HEST,BERT}",
        "sys/module/ghes_edac",
        "sys/kernel/debug/ras/cec",
    ],
    needs: "root for debugfs",
    absence: "the root has no /proc: mount the host's, or give its parent directory with --root",
    kernel_doc: "Documentation/admin-guide/RAS",
};

const CPUINFO: &str = "proc/cpuinfo";

/// The first CPU's paragraph fits; producing the whole file wakes every CPU of a large machine.
const CPUINFO_HEAD: usize = 8 << 10;

pub(crate) fn read(reader: &Reader<'_>, _at: &Stamp) -> Reading<Platform> {
    let dmi = |name: &str| {
        let text = reader.attr(&format!("sys/class/dmi/id/{name}"));
        text.map(|text| text.trim().to_owned())
    };
    let hypervisor_flag = hypervisor_flag(reader);
    let command_line = reader
        .attr("proc/cmdline")
        .map(|line| line.split_whitespace().map(str::to_owned).collect());
    if hypervisor_flag.is_absent()
        && command_line.is_absent()
        && reader.present("sys/devices").is_absent()
    {
        return Reading::Absent(Origin::new("proc/cmdline"));
    }
    Reading::Value(Platform {
        hypervisor_flag,
        hypervisor_type: reader.attr("sys/hypervisor/type"),
        system_vendor: dmi("sys_vendor"),
        product_name: dmi("product_name"),
        board_vendor: dmi("board_vendor"),
        board_name: dmi("board_name"),
        bios_version: dmi("bios_version"),
        command_line,
        edac_core: reader.present("sys/devices/system/edac"),
        hest: reader.present("sys/firmware/acpi/tables/HEST"),
        bert: reader.present("sys/firmware/acpi/tables/BERT"),
        ghes_edac: reader.present("sys/module/ghes_edac"),
        cec: reader.present("sys/kernel/debug/ras/cec"),
    })
}

/// x86 lists its CPU flags in a line `flags`; other architectures have no such line and no such
/// flag.
fn hypervisor_flag(reader: &Reader<'_>) -> Reading<bool> {
    let parsed = reader.head(CPUINFO, CPUINFO_HEAD).into_result().map(|text| {
        text.lines().find_map(|line| {
            let (key, flags) = line.split_once(':')?;
            let hypervisor = || flags.split_whitespace().any(|flag| flag == "hypervisor");
            (key.trim() == "flags").then(hypervisor)
        })
    });
    match parsed {
        Ok(Some(flag)) => Reading::Value(flag),
        Ok(None) => Reading::Absent(Origin::new("proc/cpuinfo flags")),
        Err(non_value) => non_value.into(),
    }
}
