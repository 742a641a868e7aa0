//! Boots as rows of a database: those of wtmpdb and of tuptime.

use crate::packages::sqlite::{SqliteTable, SqliteValue};
use scrubjay_model::{BootId, ForeignBoot, ForeignEnd};

/// Boots of a table, and rows that were not understood.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Boots {
    pub(super) boots: Vec<ForeignBoot>,
    pub(super) not_understood: u32,
}

const SHUT_DOWN: &str = "a shutdown is recorded";
const CUT_OFF: &str = "another boot follows, and no shutdown is recorded";

/// A table by the names of its columns, which came and went with versions.
struct Columns<'t> {
    table: &'t SqliteTable,
}

impl<'t> Columns<'t> {
    fn index(&self, name: &str) -> Option<usize> {
        self.table.columns.iter().position(|column| column.eq_ignore_ascii_case(name))
    }

    fn value(&self, row: &'t [SqliteValue], name: &str) -> Option<&'t SqliteValue> {
        row.get(self.index(name)?)
    }

    fn number(&self, row: &'t [SqliteValue], name: &str) -> Option<i64> {
        self.value(row, name)?.integer()
    }

    fn text(&self, row: &'t [SqliteValue], name: &str) -> Option<&'t str> {
        self.value(row, name)?.text().filter(|text| !text.is_empty())
    }
}

/// The table `wtmp` of wtmpdb: a boot is a row of user `reboot`, its kernel's release the remote
/// host, its times in microseconds. A shutdown writes the time into the row; a boot that was cut
/// off has none. `soft-reboot` begins user space anew, not the kernel.
pub(super) fn wtmpdb(table: &SqliteTable) -> Option<Boots> {
    const BOOT_TIME: i64 = 1;
    let columns = Columns { table };
    for needed in ["Type", "User", "Login", "Logout"] {
        columns.index(needed)?;
    }
    let mut read = Boots::default();
    let mut rows: Vec<_> = table.rows.iter().collect();
    rows.retain(|row| columns.number(row, "Type") == Some(BOOT_TIME));
    rows.sort_by_key(|row| columns.number(row, "Login"));
    for row in rows {
        let milliseconds = |name: &str| columns.number(row, name).map(|time| time / 1000);
        let Some(booted) = milliseconds("Login") else {
            read.not_understood += 1;
            continue;
        };
        let end = |boot: ForeignBoot| match milliseconds("Logout") {
            Some(ended) => boot.ended(Some(ended), ForeignEnd::Clean, SHUT_DOWN),
            // Until another follows, it may be running.
            None => boot.ended(None, ForeignEnd::Unknown, "no later boot is recorded"),
        };
        if columns.text(row, "User") == Some("soft-reboot")
            && let Some(last) = read.boots.pop()
        {
            let soft_reboots = last.soft_reboots.saturating_add(1);
            read.boots.push(end(ForeignBoot { soft_reboots, ..last }));
            continue;
        }
        cut_off(&mut read.boots);
        let kernel_release = columns.text(row, "RemoteHost").map(str::to_owned);
        read.boots.push(end(ForeignBoot { kernel_release, ..ForeignBoot::begun(booted) }));
    }
    Some(read)
}

/// The last boot of which no end is known did not end in order if another follows.
pub(super) fn cut_off(boots: &mut Vec<ForeignBoot>) {
    if let Some(last) = boots.pop_if(|last| last.end == ForeignEnd::Unknown) {
        boots.push(last.ended(None, ForeignEnd::Unclean, CUT_OFF));
    }
}

/// The table `tuptime`: times in seconds. `endst` is 1 after a shutdown in order; 0 is what a row
/// begins with, so it tells of a crash only when another boot follows. Until then the end is empty,
/// and the times are those of the last update, up to five minutes old. `kernel` is Python's
/// description of the platform.
pub(super) fn tuptime(table: &SqliteTable) -> Option<Boots> {
    let columns = Columns { table };
    for needed in ["btime", "uptime", "endst"] {
        columns.index(needed)?;
    }
    let mut read = Boots::default();
    let count = table.rows.len();
    for (index, row) in table.rows.iter().enumerate() {
        let seconds = |name: &str| columns.number(row, name).and_then(|s| u64::try_from(s).ok());
        let booted = columns.number(row, "btime").and_then(|time| time.checked_mul(1000));
        let (Some(booted), Some(lasted), Some(state)) =
            (booted, seconds("uptime"), columns.number(row, "endst"))
        else {
            read.not_understood += 1;
            continue;
        };
        let told = columns.number(row, "offbtime").filter(|time| *time > 0);
        let ended = told.and_then(|time| time.checked_mul(1000));
        let begun = ForeignBoot {
            lasted_s: Some(lasted),
            slept_s: seconds("slptime"),
            boot_id: columns.text(row, "bootid").and_then(BootId::parse),
            kernel_release: columns.text(row, "kernel").and_then(release).map(str::to_owned),
            ..ForeignBoot::begun(booted)
        };
        read.boots.push(match (state, index + 1 == count) {
            (1, _) => begun.ended(ended, ForeignEnd::Clean, SHUT_DOWN),
            (0, true) => begun,
            (0, false) => begun.ended(ended, ForeignEnd::Unclean, CUT_OFF),
            _ => begun.ended(ended, ForeignEnd::Unknown, "the recorded end has no known meaning"),
        });
    }
    Some(read)
}

/// The release in `Linux-6.1.0-56-amd64-x86_64-with-glibc2.36`. Machines have no hyphen.
fn release(platform: &str) -> Option<&str> {
    let rest = platform.strip_prefix("Linux-")?;
    let (rest, _) = rest.split_once("-with-")?;
    let (release, _) = rest.rsplit_once('-')?;
    (!release.is_empty()).then_some(release)
}
