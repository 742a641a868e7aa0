//! Memory sticks as firmware lists them: the raw SMBIOS tables of `/sys/firmware/dmi/tables` (4.2).
//!
//! Kernel documentation: Documentation/ABI/testing/sysfs-firmware-dmi-tables, and
//! sysfs-firmware-dmi-entries for the fallback, one file a structure, of the module `dmi-sysfs`.
//! The format is DMTF DSP0134. Absent on machines without SMBIOS: most of those with a device tree.

mod entry_point;
mod memory;
mod redact;
mod structures;

pub(crate) use redact::Redactor;

use crate::reader::{Reader, malformed};
use entry_point::EntryPoint;
use memory::Found;
use scrubjay_model::{NonValue, Origin, ParseFault, Reading, Smbios, SourceDoc, SourceId, Stamp};
use structures::{Bounds, Trouble, walk};

pub(crate) const DOC: SourceDoc = SourceDoc {
    id: SourceId::Smbios,
    reads: &[
        "sys/firmware/dmi/tables/{smbios_entry_point,DMI}",
        "sys/firmware/dmi/entries",
        "sys/firmware/dmi/entries/{16,17}-*/raw",
    ],
    needs: "root, or CAP_DAC_READ_SEARCH",
    absence: "firmware without SMBIOS, as on most machines with a device tree",
    kernel_doc: "Documentation/ABI/testing/sysfs-firmware-dmi-tables",
};

pub(crate) const ENTRY_POINT: &str = "sys/firmware/dmi/tables/smbios_entry_point";
pub(crate) const TABLE: &str = "sys/firmware/dmi/tables/DMI";
pub(crate) const ENTRIES: &str = "sys/firmware/dmi/entries";

/// Faults told of one table. A table of noise has as many as one likes, all with the same cause.
const MOST_FAULTS: usize = 16;

pub(crate) fn read(reader: &Reader<'_>, _at: &Stamp) -> Reading<Smbios> {
    match reader.firmware_table(TABLE).into_result() {
        Ok(table) => Reading::Value(from_table(reader, &table)),
        Err(NonValue::Absent(origin)) => from_entries(reader, origin),
        Err(fault @ (NonValue::Unreadable(..) | NonValue::Malformed(..))) => fault.into(),
    }
}

fn from_table(reader: &Reader<'_>, table: &[u8]) -> Smbios {
    let entry_point = reader.firmware_table(ENTRY_POINT).into_result().and_then(|bytes| {
        EntryPoint::parse(&bytes)
            .map_err(|expected| malformed(ENTRY_POINT, expected, bytes.get(..8).unwrap_or(&bytes)))
    });
    // The structures stand for themselves: without the entry point only the version is unknown.
    let entry_point = reader.noted(entry_point).value().copied();
    let bounds = entry_point.as_ref().map_or(Bounds::UNKNOWN, EntryPoint::bounds);
    let mut found = Found::default();
    let walked = walk(table, &bounds, &mut |structure| found.take(structure));
    note(reader, TABLE, found.troubles.iter().chain(walked.as_ref().err()));
    Smbios {
        version: entry_point.map(|entry_point| entry_point.version),
        complete: walked.is_ok() && found.lost == 0,
        arrays: found.arrays,
        devices: found.devices,
    }
}

/// One file a structure. One that cannot be read leaves the others.
fn from_entries(reader: &Reader<'_>, absent: Origin) -> Reading<Smbios> {
    let mut found = Found::default();
    let mut complete = true;
    for prefix in ["16-", "17-"] {
        let indexes = match reader.indexed(ENTRIES, prefix).into_result() {
            Ok(indexes) => indexes,
            Err(NonValue::Absent(_)) => return Reading::Absent(absent),
            Err(fault @ (NonValue::Unreadable(..) | NonValue::Malformed(..))) => {
                return fault.into();
            }
        };
        for index in indexes {
            let path = format!("{ENTRIES}/{prefix}{index}/raw");
            let told = found.troubles.len();
            let walked = match reader.firmware_table(&path).into_result() {
                Ok(bytes) => walk(&bytes, &Bounds::ONE, &mut |structure| found.take(structure)),
                Err(_) => {
                    complete = false;
                    continue;
                }
            };
            complete &= walked.is_ok();
            note(reader, &path, found.troubles.iter().skip(told).chain(walked.as_ref().err()));
        }
    }
    Reading::Value(Smbios {
        version: None,
        complete: complete && found.lost == 0,
        arrays: found.arrays,
        devices: found.devices,
    })
}

fn note<'t>(reader: &Reader<'_>, path: &str, troubles: impl Iterator<Item = &'t Trouble>) {
    for Trouble { offset, expected, found } in troubles.take(MOST_FAULTS) {
        let origin = Origin::new(format!("{path} at 0x{offset:x}"));
        let fault = ParseFault { expected, found: found.clone() };
        let _: Reading<()> = reader.noted(Err(NonValue::Malformed(origin, fault)));
    }
}

#[cfg(test)]
pub(crate) mod tests;
