//! What decides whether memory errors can be seen on this machine: hypervisor, DMI names, kernel
//! command line, firmware tables, and the kernel parts that take errors for themselves.
//!
//! Kernel documentation: Documentation/ABI/testing/sysfs-firmware-acpi,
//! Documentation/admin-guide/RAS. Each fact is absent on machines without it; an absent
//! `/sys/kernel/debug/ras/cec` may also mean that debugfs is not mounted.

use crate::reader::{Reader, malformed};
use scrubjay_model::{NonValue, Origin, Platform, Reading, SourceDoc, SourceId, Stamp};

pub(crate) const DOC: SourceDoc = SourceDoc {
    id: SourceId::Platform,
    reads: &[
        "proc/cpuinfo",
        "proc/cmdline",
        "sys/hypervisor/type",
        "sys/class/dmi/id/{sys_vendor,product_name,board_vendor,board_name,bios_version}",
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
    let found = reader.head(CPUINFO, CPUINFO_HEAD).into_result().and_then(|head| {
        let mut lines: Vec<&[u8]> = head.bytes.split(|byte| *byte == b'\n').collect();
        let unfinished = if head.cut { lines.pop() } else { None };
        if let Some(flags) = lines.into_iter().find_map(cpu_flags) {
            return Ok(flags.split(u8::is_ascii_whitespace).any(|flag| flag == b"hypervisor"));
        }
        // Half a list of flags does not say what is not on it.
        Err(match unfinished.and_then(cpu_flags) {
            Some(flags) => malformed(CPUINFO, "flags within the first 8 KiB", flags),
            None => NonValue::Absent(Origin::new(format!("{CPUINFO} flags"))),
        })
    });
    reader.noted(found)
}

/// The flags on a line of flags. Bytes, because the model name beside it is the firmware's and
/// need not be text.
fn cpu_flags(line: &[u8]) -> Option<&[u8]> {
    line.strip_prefix(b"flags")?.trim_ascii_start().strip_prefix(b":")
}

#[cfg(test)]
pub(crate) mod tests;
