//! What firmware and the processor say of memory.

use super::{host_of, stamp};
use crate::cper::{self, Stopped};
use crate::machine_check::{MachineCheck, Registers};
use crate::reader::Reader;
use crate::sources;
use crate::sources::smbios::Redactor;

/// An entry point, then the table it leads to.
pub fn smbios(bytes: &[u8]) {
    let (entry_point, table) = bytes.split_at(bytes.len().min(32));
    let read = |table: &[u8]| {
        let host = host_of([
            ("sys/firmware/dmi/tables/smbios_entry_point", entry_point),
            ("sys/firmware/dmi/tables/DMI", table),
        ]);
        sources::smbios::read(&Reader::new(&host), &stamp(&host))
    };
    let redacted = Redactor::default().table(table);
    assert_eq!(redacted.len(), table.len(), "a redacted table is as long as it was");
    let (whole, outline) = (read(table), read(&redacted));
    if let (Some(whole), Some(outline)) = (whole.value(), outline.value()) {
        assert_eq!(whole.devices.len(), outline.devices.len(), "sticks of a redacted table");
    }
}

/// Error records of firmware, whole and in their parts.
pub fn cper(bytes: &[u8]) {
    let found = cper::error_blocks(bytes);
    assert!(found.blocks.len() <= 64, "more blocks than are kept");
    if let Stopped::NotUnderstood { at } = found.stopped {
        assert!(at < bytes.len(), "a place behind the end");
    }
    if let Some(record) = cper::cper_record(bytes) {
        let longer = [bytes, b"what follows is not looked at"].concat();
        assert_eq!(cper::cper_record(&longer), Some(record));
    }
    let _ = cper::memory_error(bytes);
    let _ = cper::memory_error_2(bytes);
    let _ = cper::memory_error_compact(bytes);
}

/// A saved machine check, and its registers as events and other tools give them.
pub fn machine_check(bytes: &[u8]) {
    if let Some(check) = cper::struct_mce(bytes) {
        assert!(check.status >> 63 == 1, "a register that holds nothing");
    }
    let mut words = bytes.chunks(8).map(|chunk| {
        let mut word = [0; 8];
        word.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
        u64::from_le_bytes(word)
    });
    let mut next = || words.next().unwrap_or(0);
    let registers = Registers {
        status: next(),
        address: next(),
        misc: next(),
        syndrome: next(),
        ipid: next(),
        mcgstatus: next(),
    };
    let (vendor, mcgcap, bank) = (next() % 12, next(), next().to_le_bytes()[0]);
    let check = MachineCheck::new(registers, bank, vendor, mcgcap);
    assert!(check.errors(check.class()) >= 1, "a report of no error");
    let (address, granularity) = check.address();
    assert!(address.is_some() || granularity.is_none(), "the size of no address");
    let _ = (check.is_memory(), check.other(), check.syndrome(), check.message());
}

/// The boot error region as firmware data.
pub fn bert(bytes: &[u8]) {
    let host = host_of([
        ("sys/firmware/acpi/tables/BERT", b"BERT".as_slice()),
        ("sys/firmware/acpi/tables/data/BERT", bytes),
    ]);
    let read = sources::previous_boot::read(&Reader::new(&host), &stamp(&host));
    let region = read.value().and_then(|found| found.bert.region.as_ref()?.value());
    if let Some(region) = region {
        assert_eq!(region.blocks, cper::error_blocks(bytes).blocks, "blocks of the region");
    }
}
