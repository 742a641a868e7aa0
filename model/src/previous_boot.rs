//! What earlier boots left behind: error records of the firmware (BERT), crash records (pstore),
//! and what watchdogs say about the last reset.

use crate::{ErrorBlock, MceRecord, MceUnit, Present, Reading};
use serde::Serialize;

/// Evidence of how earlier boots fared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PreviousBoot {
    /// The firmware's boot error record table.
    pub bert: Bert,
    /// Crash records the kernel still holds (`/sys/fs/pstore`).
    pub pstore: Reading<CrashStore>,
    /// Crash records systemd-pstore has moved away (`/var/lib/systemd/pstore`).
    pub archive: Reading<CrashStore>,
    /// Watchdogs.
    pub watchdogs: Reading<Vec<Watchdog>>,
}

/// The firmware's boot error record table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bert {
    /// The table is there.
    pub table: Reading<Present>,
    /// `bert_disable` is on the kernel's command line: whoever set it does not trust the records.
    pub disabled: Reading<bool>,
    /// The records; `None` if they are disabled and so were not looked at.
    pub region: Option<Reading<BertRegion>>,
}

/// The boot error region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BertRegion {
    /// Its blocks, in their order.
    pub blocks: Vec<ErrorBlock>,
    /// There may be more blocks than were looked at.
    pub more: bool,
}

/// A place where crash records lie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CrashStore {
    /// The records looked at: the latest ones, latest first, those of unknown time before all.
    pub records: Vec<CrashRecord>,
    /// Files and directories there that are too many to be looked at.
    pub left_out: u64,
}

/// One file that a crash left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CrashRecord {
    /// Its path, relative to the host root.
    pub path: String,
    /// The kind, the first part of the name.
    pub kind: CrashKind,
    /// Who kept it over the reset: `efi`, `erst`, `ramoops`, …; `None` if the name does not tell.
    pub backend: Option<String>,
    /// When it was written, seconds since the Unix epoch. From the number in the name (EFI; for
    /// ERST the moment that boot wrote its first record) or from the machine check itself.
    pub wall_s: Option<i64>,
    /// Which boot wrote it.
    pub written: WrittenIn,
    /// What it says; `None` for kinds that are only listed.
    pub content: Option<Reading<CrashContent>>,
}

/// Kinds of crash records, as pstore names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CrashKind {
    /// The end of a kernel log.
    Dmesg,
    /// A machine check.
    Mce,
    /// The console, whether or not there was a crash.
    Console,
    /// A function trace.
    Ftrace,
    /// Messages of user space.
    Pmsg,
    /// Another.
    Other,
}

/// Which boot a record belongs to. That it was the boot just before this one is never claimed: a
/// record tells a time at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WrittenIn {
    /// One before the running one.
    EarlierBoot,
    /// The running one.
    ThisBoot,
    /// It does not tell when it was written.
    Unknown,
}

/// What a crash record says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CrashContent {
    /// A kernel log.
    Log(CrashLog),
    /// A machine check.
    MachineCheck(MceRecord),
}

/// What the end of a kernel log says about the crash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CrashLog {
    /// Why the kernel saved it.
    pub reason: Option<DumpReason>,
    /// Which part of the log, counted from its end: 1 is the last.
    pub part: Option<u32>,
    /// The line that says what happened, without its time; cut to a length one can print.
    pub line: Option<String>,
    /// The hardware it blames.
    pub blames: Option<Blames>,
}

/// Why the kernel saves its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DumpReason {
    /// It went down.
    Panic,
    /// A task died; the kernel may have gone on.
    Oops,
    /// An emergency restart.
    Emergency,
    /// An orderly end, saved because it was asked for.
    Shutdown,
    /// Another.
    Other,
}

/// The hardware that a crash log blames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Blames {
    /// A machine check, or a fatal hardware error reported by firmware; of which part, it does not
    /// say.
    MachineCheck,
    /// Memory that could not be corrected.
    Memory,
}

/// One watchdog (`/sys/class/watchdog/watchdogN`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Watchdog {
    /// `N`.
    pub index: u32,
    /// `identity`: the driver's name for it.
    pub identity: Reading<String>,
    /// `bootstatus`: why the last reset happened, as far as the device knows.
    pub boot_status: Reading<BootStatus>,
}

/// The status of the last reset, a mask of `WDIOF_…` bits (include/uapi/linux/watchdog.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct BootStatus(pub u64);

impl BootStatus {
    const CARD_RESET: u32 = 5;

    /// The bits that name a cause of a reset, and whether it is one nobody wanted. A relay may be
    /// the reset button, and low power is how a machine starts that was unplugged. Higher bits
    /// describe what the device can do.
    const CAUSES: [(u32, &'static str, bool); 7] = [
        (0, "overheated", true),
        (1, "a fan failed", true),
        (2, "external relay 1", false),
        (3, "external relay 2", false),
        (4, "power was too low", false),
        (Self::CARD_RESET, "the watchdog ran out", true),
        (6, "power was too high", true),
    ];

    fn has(self, bit: u32) -> bool {
        self.0 >> bit & 1 == 1
    }

    /// Whether the watchdog itself reset the machine.
    pub fn reset_by_watchdog(self) -> bool {
        self.has(Self::CARD_RESET)
    }

    /// The causes it names.
    pub fn causes(self) -> Vec<&'static str> {
        let set = Self::CAUSES.into_iter().filter(|(bit, ..)| self.has(*bit));
        set.map(|(_, cause, _)| cause).collect()
    }

    /// Those of them that nobody wanted.
    pub fn troubles(self) -> Vec<&'static str> {
        let set = Self::CAUSES.into_iter().filter(|(bit, _, trouble)| *trouble && self.has(*bit));
        set.map(|(_, cause, _)| cause).collect()
    }
}

impl CrashKind {
    /// All kinds, in the order they are exported.
    pub const ALL: [Self; 6] =
        [Self::Dmesg, Self::Mce, Self::Console, Self::Ftrace, Self::Pmsg, Self::Other];

    /// A stable word for labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dmesg => "dmesg",
            Self::Mce => "mce",
            Self::Console => "console",
            Self::Ftrace => "ftrace",
            Self::Pmsg => "pmsg",
            Self::Other => "other",
        }
    }
}

impl DumpReason {
    /// A stable word for pages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Panic => "panic",
            Self::Oops => "oops",
            Self::Emergency => "emergency restart",
            Self::Shutdown => "shutdown",
            Self::Other => "other",
        }
    }
}

impl CrashRecord {
    /// What it says, if it was read.
    pub fn said(&self) -> Option<&CrashContent> {
        self.content.as_ref()?.value()
    }

    /// The hardware it blames. A machine check that was corrected blames nothing.
    pub fn blames(&self) -> Option<Blames> {
        match self.said()? {
            CrashContent::Log(log) => log.blames,
            CrashContent::MachineCheck(mce) if mce.corrected() => None,
            CrashContent::MachineCheck(mce) => Some(match mce.unit() {
                MceUnit::Memory => Blames::Memory,
                MceUnit::NotMemory | MceUnit::Unknown => Blames::MachineCheck,
            }),
        }
    }
}

impl PreviousBoot {
    /// The records of all stores that answered.
    pub fn crash_records(&self) -> impl Iterator<Item = &CrashRecord> {
        let stores = [&self.pstore, &self.archive];
        stores.into_iter().filter_map(Reading::value).flat_map(|store| &store.records)
    }

    /// The blocks of the boot error region, if it was looked at.
    pub fn blocks(&self) -> impl Iterator<Item = &ErrorBlock> {
        let region = self.bert.region.as_ref().and_then(Reading::value);
        region.into_iter().flat_map(|region| &region.blocks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_causes_of_a_reset_are_named() {
        assert!(BootStatus(0x20).reset_by_watchdog());
        assert!(!BootStatus(0x8180).reset_by_watchdog());
        assert_eq!(BootStatus(0x8180).causes(), Vec::<&str>::new());
        assert_eq!(BootStatus(0x31).troubles(), ["overheated", "the watchdog ran out"]);
        assert_eq!(BootStatus(0x10).causes(), ["power was too low"]);
        assert_eq!(BootStatus(0x1c).troubles(), Vec::<&str>::new());
    }
}
