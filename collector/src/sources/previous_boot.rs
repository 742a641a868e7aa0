//! What earlier boots left behind: the firmware's boot error records (BERT), crash records (pstore,
//! and where systemd-pstore moves them to), and what watchdogs say about the last reset.
//!
//! Kernel documentation: Documentation/ABI/testing/sysfs-firmware-acpi, Documentation/admin-guide/
//! pstore-blk.rst, Documentation/ABI/testing/pstore, Documentation/watchdog. The kernel shows the
//! boot error region since 4.17. It prints the region's blocks and then sets their status to 0, so
//! here a status of 0 does not end the records (see `cper`).
//!
//! Crash records are read and left where they are: removing one from pstore would erase the
//! flash it lies in, and that is for a person to decide. Few are read, and of a log only both ends:
//! the directory below `/var` keeps whatever ever crashed.

mod log;
mod names;

use super::unless_all_absent;
use crate::cper::{Stopped, error_blocks, struct_mce};
use crate::reader::{Reader, malformed};
use names::Name;
use scrubjay_model::{
    Bert, BertRegion, BootStatus, CrashContent, CrashKind, CrashRecord, CrashStore, Origin,
    PreviousBoot, Reading, SourceDoc, SourceId, Stamp, Watchdog, WrittenIn,
};

#[cfg(feature = "fuzzing")]
pub(crate) use log::parse as crash_log;
pub(crate) use log::telling;

pub(crate) const DOC: SourceDoc = SourceDoc {
    id: SourceId::PreviousBoot,
    reads: &[
        "sys/firmware/acpi/tables/BERT",
        "sys/firmware/acpi/tables/data/BERT",
        "proc/cmdline",
        "sys/fs/pstore",
        "sys/fs/pstore/*",
        "var/lib/systemd/pstore",
        "var/lib/systemd/pstore/*",
        "var/lib/systemd/pstore/*/*",
        "var/lib/systemd/pstore/*/*/*",
        "sys/class/watchdog",
        "sys/class/watchdog/watchdog*",
        "sys/class/watchdog/watchdog*/{identity,bootstatus}",
    ],
    needs: "root or CAP_DAC_READ_SEARCH: firmware data and crash records are shown to nobody else",
    absence: "no ACPI table, no pstore and no watchdog: whatever ended the last boot left no word \
              here; ask the event log of the BMC",
    kernel_doc: "Documentation/ABI/testing/pstore, Documentation/ABI/testing/sysfs-firmware-acpi, \
                 ACPI specification \"Boot Error Source\"",
};

const TABLE: &str = "sys/firmware/acpi/tables/BERT";
const REGION: &str = "sys/firmware/acpi/tables/data/BERT";
const PSTORE: &str = "sys/fs/pstore";
const ARCHIVE: &str = "var/lib/systemd/pstore";
const WATCHDOGS: &str = "sys/class/watchdog";

/// Crash records looked at in one place. One crash leaves one file with RAM as its backend, and a
/// dozen with EFI variables.
const RECORDS_LIMIT: usize = 32;
/// Directories of the archive looked into; each holds one crash.
const DIRECTORIES_LIMIT: usize = 16;
/// Read of each end of a log. The kernel saves 10 KiB unless told otherwise, RAM holds more.
const LOG_END: usize = 32 << 10;
/// `struct mce` has 128 bytes so far.
const MCE_LENGTH: usize = 4096;

/// Clocks are set while a machine boots. What was written this close to its beginning may be of
/// either boot.
const SLACK_MS: i64 = 5_000;

pub(crate) fn read(reader: &Reader<'_>, at: &Stamp) -> Reading<PreviousBoot> {
    let disabled = reader.parse("proc/cmdline", "text in UTF-8", |line| {
        Some(line.split_whitespace().any(|word| word == "bert_disable"))
    });
    let region = (disabled.value() != Some(&true)).then(|| region(reader));
    let bert = Bert { table: reader.present(TABLE), disabled, region };
    let found = PreviousBoot {
        bert,
        pstore: store(reader, at, PSTORE, 0),
        archive: store(reader, at, ARCHIVE, 2),
        watchdogs: watchdogs(reader),
    };
    let absent = [
        found.bert.table.is_absent(),
        found.bert.region.as_ref().is_none_or(Reading::is_absent),
        found.pstore.is_absent(),
        found.archive.is_absent(),
        found.watchdogs.is_absent(),
    ];
    unless_all_absent(found, &absent, Reading::Absent(Origin::new(TABLE)))
}

fn region(reader: &Reader<'_>) -> Reading<BertRegion> {
    let result = reader.firmware_data(REGION).into_result().and_then(|bytes| {
        let found = error_blocks(&bytes);
        let more = found.stopped == Stopped::TooMany;
        if let Stopped::NotUnderstood { at } = found.stopped {
            let here = bytes.get(at..).unwrap_or_default();
            let fault = malformed(REGION, "generic error status blocks", here);
            if found.blocks.is_empty() {
                return Err(fault);
            }
            // What stands before it is evidence all the same.
            let _ = reader.noted::<()>(Err(fault));
        }
        Ok(BertRegion { blocks: found.blocks, more })
    });
    reader.noted(result)
}

/// Where a file is, and what its name says.
struct File {
    path: String,
    name: Name,
}

fn store(reader: &Reader<'_>, at: &Stamp, directory: &str, depth: u32) -> Reading<CrashStore> {
    let mut files = Vec::new();
    let mut left_out = 0;
    list(reader, directory, depth, &mut files, &mut left_out).map(|()| {
        let latest_last = |file: &File| file.name.wall_s.map_or(i64::MIN, |wall_s| -wall_s);
        files.sort_by(|a, b| latest_last(a).cmp(&latest_last(b)).then_with(|| a.path.cmp(&b.path)));
        left_out += files.len().saturating_sub(RECORDS_LIMIT);
        let records = files.into_iter().take(RECORDS_LIMIT).map(|file| record(reader, at, file));
        CrashStore {
            records: records.collect(),
            left_out: u64::try_from(left_out).unwrap_or(u64::MAX),
        }
    })
}

fn list(
    reader: &Reader<'_>,
    directory: &str,
    depth: u32,
    files: &mut Vec<File>,
    left_out: &mut usize,
) -> Reading<()> {
    reader.named_files(directory).map(|names| {
        // What systemd puts together from the parts says nothing they do not say.
        let parts = names.iter().any(|name| name.starts_with("dmesg-"));
        let wanted = names.iter().filter(|name| !(parts && *name == names::TOGETHER));
        files.extend(
            wanted.map(|name| File { path: format!("{directory}/{name}"), name: Name::of(name) }),
        );
        let Some(deeper) = depth.checked_sub(1) else { return };
        let Reading::Value(mut directories) = reader.directories(directory) else { return };
        // They are named by numbers that grow with time.
        directories.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| b.cmp(a)));
        *left_out += directories.len().saturating_sub(DIRECTORIES_LIMIT);
        for name in directories.into_iter().take(DIRECTORIES_LIMIT) {
            // One that cannot be listed is a fault of its own, which the reader keeps.
            let _ = list(reader, &format!("{directory}/{name}"), deeper, files, left_out);
        }
    })
}

fn record(reader: &Reader<'_>, at: &Stamp, File { path, name }: File) -> CrashRecord {
    let Name { kind, backend, wall_s, compressed } = name;
    let content = match kind {
        // The kernel could not unpack it, so it is not text.
        CrashKind::Dmesg if compressed => None,
        CrashKind::Dmesg => {
            Some(reader.ends(&path, LOG_END).map(|bytes| CrashContent::Log(log::parse(&bytes))))
        }
        CrashKind::Mce => Some(machine_check(reader, &path)),
        CrashKind::Console | CrashKind::Ftrace | CrashKind::Pmsg | CrashKind::Other => None,
    };
    let wall_s = match content.as_ref().and_then(Reading::value) {
        Some(CrashContent::MachineCheck(mce)) => mce.wall_s.or(wall_s),
        Some(CrashContent::Log(_)) | None => wall_s,
    };
    let written = written_in(wall_s, at);
    CrashRecord { path, kind, backend, wall_s, written, content }
}

fn machine_check(reader: &Reader<'_>, path: &str) -> Reading<CrashContent> {
    let result = reader.head(path, MCE_LENGTH).into_result().and_then(|head| {
        struct_mce(&head.bytes)
            .map(CrashContent::MachineCheck)
            .ok_or_else(|| malformed(path, "a machine check as Linux saves it", &head.bytes))
    });
    reader.noted(result)
}

fn written_in(wall_s: Option<i64>, at: &Stamp) -> WrittenIn {
    let when = wall_s.and_then(|wall_s| wall_s.checked_mul(1000));
    let Some((when_ms, booted_ms)) = when.zip(at.booted_wall_ms()) else {
        return WrittenIn::Unknown;
    };
    let since_boot_ms = when_ms.saturating_sub(booted_ms);
    if since_boot_ms < -SLACK_MS {
        WrittenIn::EarlierBoot
    } else if since_boot_ms > SLACK_MS && when_ms <= at.wall_ms.saturating_add(SLACK_MS) {
        WrittenIn::ThisBoot
    } else {
        WrittenIn::Unknown
    }
}

fn watchdogs(reader: &Reader<'_>) -> Reading<Vec<Watchdog>> {
    let watchdog = |index| {
        let attribute = |name: &str| format!("{WATCHDOGS}/watchdog{index}/{name}");
        Watchdog {
            index,
            identity: reader.attr(&attribute("identity")),
            boot_status: reader.parse(&attribute("bootstatus"), "a mask", boot_status),
        }
    };
    reader.indexed(WATCHDOGS, "watchdog").map(|found| found.into_iter().map(watchdog).collect())
}

/// Decimal until Linux 5.11, then hexadecimal.
fn boot_status(text: &str) -> Option<BootStatus> {
    let text = text.trim();
    let (digits, radix) = text.strip_prefix("0x").map_or((text, 10), |digits| (digits, 16));
    let plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    u64::from_str_radix(digits, radix).ok().filter(|_| plain).map(BootStatus)
}

#[cfg(test)]
pub(crate) mod tests;
