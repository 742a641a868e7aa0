//! What decides whether memory errors can be seen on this machine: hypervisor, DMI names, kernel
//! command line, firmware tables, and the kernel parts that take errors for themselves.
//!
//! Kernel documentation: Documentation/ABI/testing/sysfs-firmware-acpi,
//! Documentation/admin-guide/RAS. Each fact is absent on machines without it. Where debugfs is not
//! mounted, or not ours to read, the kernel's configuration tells whether there can be a collector
//! of corrected errors; where no controller is registered, the kernel's module aliases tell which
//! driver would fit.

mod drivers;

use super::kernel::release;
use crate::reader::{Reader, malformed};
use scrubjay_model::{NonValue, Origin, Platform, Present, Reading, SourceDoc, SourceId, Stamp};

pub(crate) const DOC: SourceDoc = SourceDoc {
    id: SourceId::Platform,
    reads: &[
        "proc/cpuinfo",
        "proc/cmdline",
        "sys/hypervisor/type",
        "sys/class/dmi/id/{sys_vendor,product_name,board_vendor,board_name,bios_version,bios_date}",
        "sys/devices/system/edac",
        "sys/firmware/acpi/tables/{HEST,BERT,FACP}",
        "sys/module/ghes_edac",
        "sys/module/edac_core/parameters/edac_mc_panic_on_ue",
        "sys/kernel/debug/ras/cec",
        "proc/sys/kernel/osrelease",
        "boot/config-*",
        "lib/modules/*/{config,modules.alias}",
        "sys/devices/system/cpu/modalias",
        "sys/bus/pci/devices/*/modalias",
        "sys/module/*",
        "{etc,run,usr/lib,lib}/modprobe.d/*",
    ],
    needs: "root for debugfs and for the ACPI table FACP",
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
    let cec = reader.present("sys/kernel/debug/ras/cec");
    let debugfs = debugfs(reader);
    let told = !cec.is_absent() || debugfs.value().is_some();
    let told = told && !matches!(cec, Reading::Unreadable(..) | Reading::Malformed(..));
    // The collector is a part of x86 kernels only, and has nothing to collect in a guest.
    let cec_configured =
        (!told && hypervisor_flag.value() == Some(&false)).then(|| cec_configured(reader));
    let unexplained = hypervisor_flag.value() != Some(&true) && no_controller(reader);
    let edac_drivers = unexplained.then(|| drivers::fitting(reader));
    let fadt_oem = unexplained.then(|| fadt_oem(reader));
    Reading::Value(Platform {
        hypervisor_flag,
        hypervisor_type: reader.attr("sys/hypervisor/type"),
        system_vendor: dmi("sys_vendor"),
        product_name: dmi("product_name"),
        board_vendor: dmi("board_vendor"),
        board_name: dmi("board_name"),
        bios_version: dmi("bios_version"),
        bios_date: dmi("bios_date"),
        command_line,
        edac_core: reader.present("sys/devices/system/edac"),
        hest: reader.present("sys/firmware/acpi/tables/HEST"),
        bert: reader.present("sys/firmware/acpi/tables/BERT"),
        fadt_oem,
        ghes_edac: reader.present("sys/module/ghes_edac"),
        panic_on_uncorrected: reader.switch("sys/module/edac_core/parameters/edac_mc_panic_on_ue"),
        debugfs,
        cec,
        cec_configured,
        edac_drivers,
    })
}

/// Whether debugfs is mounted. An empty mount point is there on any kernel that has debugfs, and
/// the RAS core makes its directory at boot.
fn debugfs(reader: &Reader<'_>) -> Reading<Present> {
    let ras = reader.present("sys/kernel/debug/ras");
    if ras.is_absent() { reader.has_directories("sys/kernel/debug") } else { ras }
}

/// Whether it is known that no controller is registered.
fn no_controller(reader: &Reader<'_>) -> bool {
    let controllers = reader.indexed("sys/devices/system/edac/mc", "mc");
    controllers.is_absent() || controllers.value().is_some_and(Vec::is_empty)
}

const RAS_CEC: &[u8] = b"CONFIG_RAS_CEC";

/// `CONFIG_RAS_CEC` in the configuration that distributions ship beside the kernel or its modules.
fn cec_configured(reader: &Reader<'_>) -> Reading<bool> {
    release(reader).into_result().map_or_else(Into::into, |release| {
        // Every kernel that could have the option has the lines of the RAS core.
        let lines = |path: &str| reader.lines_with(path, b"CONFIG_RAS");
        let mut path = format!("boot/config-{release}");
        let mut found = lines(&path);
        if found.is_absent() {
            path = format!("lib/modules/{release}/config");
            found = lines(&path);
        }
        let set = found.into_result().and_then(|lines| {
            let mut lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
            let mut any = false;
            let on = lines.any(|line| {
                any = true;
                line.strip_prefix(RAS_CEC) == Some(b"=y")
            });
            if any { Ok(on) } else { Err(malformed(&path, "a kernel's configuration", b"")) }
        });
        reader.noted(set)
    })
}

const FADT: &str = "sys/firmware/acpi/tables/FACP";

/// OEM id (6 bytes) and OEM table id (8 bytes) in the header of the FADT (ACPI 5.2.6), without the
/// blanks at their end.
fn fadt_oem(reader: &Reader<'_>) -> Reading<String> {
    /// Signature, length, revision, checksum and the two ids.
    const HEAD: usize = 24;
    let oem = reader.head(FADT, HEAD).into_result().and_then(|head| {
        let ids = head.bytes.strip_prefix(b"FACP").and_then(|rest| rest.get(6..HEAD - 4));
        let text = ids.filter(|ids| ids.iter().all(|byte| (b' '..=b'~').contains(byte)));
        let text = text.and_then(|ids| std::str::from_utf8(ids).ok());
        let text = text.map(|text| text.trim_end().to_owned());
        text.ok_or_else(|| malformed(FADT, "an ACPI table FACP with OEM ids", &head.bytes))
    });
    reader.noted(oem)
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
