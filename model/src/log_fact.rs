//! What single records of the kernel's log say. One type for each family of records; the formats
//! are named where they are read.

use crate::{LogMark, PageOutcome};
use serde::Serialize;

/// A fact with its place in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogEntry {
    /// The record it was read from, the first of several.
    pub at: LogMark,
    /// What it says.
    pub fact: LogFact,
}

/// What a record, or several that belong together, say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFact {
    /// Of the live patch core.
    Livepatch(LivepatchFact),
    /// Errors that an EDAC driver reports.
    Edac(EdacLine),
    /// A memory controller was registered with the EDAC core, or removed from it.
    EdacController {
        /// `N` of `mcN`.
        controller: u32,
        /// The line after its number.
        text: String,
        /// Registered; otherwise removed.
        registered: bool,
    },
    /// A driver says that ECC is switched off.
    EccDisabled {
        /// The whole line.
        text: String,
    },
    /// A record of the firmware: GHES, or BERT after a boot.
    Firmware(FirmwareRecord),
    /// Of the memory-failure code.
    MemoryFailure(PageFact),
    /// A machine check, by the registers of its bank.
    MachineCheck(MachineCheckRecord),
    /// Machine checks were handed to whoever decodes them.
    MachineChecksLogged,
    /// Corrected machine checks came so fast that they are polled for a while, or no longer.
    CmciStorm {
        /// CPU, if told.
        cpu: Option<u32>,
        /// Bank, if told.
        bank: Option<u32>,
        /// It began; otherwise it ended.
        began: bool,
    },
    /// The corrected-errors collector (RAS_CEC) is at work: EDAC no longer sees most errors.
    CecInitialized,
    /// The collector takes a page out of use.
    CecSoftOffline {
        /// Number of the page frame.
        page: u64,
    },
    /// An ACPI error table: found, used, or not.
    Apei {
        /// `BERT`, `ERST`, `GHES` or `HEST`.
        table: &'static str,
        /// What is said of it.
        text: String,
    },
    /// The kernel gives up.
    Panic {
        /// The reason.
        text: String,
    },
    /// A record that begins like one of a family known here and goes on in an unknown way.
    NotUnderstood {
        /// The family.
        family: LogFamily,
        /// Its text, cut after [`LogFact::MAX_TEXT`] characters.
        text: String,
    },
}

/// The families of records that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFamily {
    /// `livepatch: …`
    Livepatch,
    /// `EDAC MCn: …` with a count of errors.
    Edac,
    /// `{N}[Hardware Error]: …`
    Firmware,
    /// `Memory failure: …`, `Soft offline: …`, `Unpoison: …`
    MemoryFailure,
    /// `mce: [Hardware Error]: …` and the lines that decode a bank.
    MachineCheck,
}

/// What the live patch core logs (kernel/livepatch/core.c, transition.c).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LivepatchFact {
    /// A patch is about to be applied.
    Enabling {
        /// Its module.
        patch: String,
    },
    /// A transition begins.
    Started {
        /// The module.
        patch: String,
        /// Which way.
        towards: PatchDirection,
    },
    /// A transition has ended: every task has switched.
    Completed {
        /// The module.
        patch: String,
        /// Which way.
        towards: PatchDirection,
    },
    /// Tasks that have not switched yet are nudged: the transition takes long.
    Signaling,
    /// Somebody wrote to `force`: the tasks left were switched without waiting until they are
    /// out of the old code.
    Forced {
        /// The patch in transition, by the records before; the line itself names none.
        patch: Option<String>,
    },
}

/// Which way a transition goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PatchDirection {
    /// Towards the patched code.
    Patching,
    /// Back to the old code.
    Unpatching,
}

/// Errors as an EDAC driver reports them (`edac_raw_mc_handle_error()`, drivers/edac/edac_mc.c).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EdacLine {
    /// `N` of `mcN`.
    pub controller: u32,
    /// `CE`; otherwise `UE`, as which everything not corrected is printed.
    pub corrected: bool,
    /// Errors, as printed; some firmware reports 0.
    pub count: u64,
    /// The driver's words.
    pub message: String,
    /// Label of the DIMM, or of those it may be, joined by ` or `.
    pub label: String,
    /// Position in the controller's layers, or what firmware says of the place.
    pub location: String,
    /// Page frame and offset in it, by the kernel's page size; `None` for 0 and 0, which stand for
    /// "not known".
    pub page: Option<(u64, u64)>,
    /// How finely the address is known, bytes; `None` for 0.
    pub grain_bytes: Option<u64>,
    /// Only corrected errors have one.
    pub syndrome: Option<u64>,
    /// The driver's further words.
    pub detail: String,
}

/// How severe the kernel's error printer (drivers/firmware/efi/cper.c) calls an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LogSeverity {
    /// For information.
    Info,
    /// Corrected.
    Corrected,
    /// Not corrected, and the system goes on.
    Recoverable,
    /// Not corrected, and the system cannot go on.
    Fatal,
}

/// A firmware record (drivers/firmware/efi/cper.c), all its lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FirmwareRecord {
    /// The number that joins its lines; a BERT record has none.
    pub number: Option<u64>,
    /// Number of the error source.
    pub source: Option<u32>,
    /// Severity of the whole.
    pub severity: Option<LogSeverity>,
    /// It was left by the boot before (BERT).
    pub previous_boot: bool,
    /// Its sections, at most [`FirmwareRecord::MAX_SECTIONS`].
    pub sections: Vec<FirmwareSection>,
}

/// One section of a firmware record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FirmwareSection {
    /// What kind, in the kernel's words: `memory error`, `PCIe error`, …
    pub kind: String,
    /// Severity of this section.
    pub severity: Option<LogSeverity>,
    /// `None` if not told or 0.
    pub physical_address: Option<u64>,
    /// Node, card, module and the like, as printed.
    pub location: String,
    /// Number and words.
    pub error_type: Option<(u32, String)>,
    /// Field-replaceable unit, as firmware calls it.
    pub fru_text: String,
    /// Name of the DIMM's slot, as SMBIOS has it.
    pub dimm_location: String,
    /// SMBIOS handle of the DIMM; `None` if not told or 0.
    pub handle: Option<u16>,
    /// Firmware says that a threshold of corrected errors was exceeded.
    pub threshold_exceeded: bool,
    /// Lines of it that hold something else: registers, dumps.
    pub other_lines: u32,
}

/// What the memory-failure code logs (mm/memory-failure.c).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PageFact {
    /// A page was dealt with.
    Handled {
        /// Number of the page frame.
        page: u64,
        /// Which kind of page, in this kernel's words.
        page_type: String,
        /// `Ignored`, `Failed`, `Delayed` or `Recovered`; another word if the kernel has a new one.
        outcome: String,
    },
    /// It had been dealt with before.
    AlreadyPoisoned {
        /// Number of the page frame.
        page: u64,
    },
    /// A process was told that its memory is gone.
    Signal {
        /// Number of the page frame.
        page: u64,
    },
    /// Something else about a page that failed.
    Remark {
        /// Number of the page frame.
        page: u64,
        /// The kernel's words.
        text: String,
    },
    /// A page was to be taken out of use before it fails.
    SoftOffline {
        /// Number of the page frame.
        page: u64,
        /// The kernel's words.
        text: String,
        /// What came of it, as far as the words tell.
        outcome: PageOutcome,
    },
    /// A test took a page back into use, or could not.
    Unpoison {
        /// Number of the page frame, if told.
        page: Option<u64>,
        /// It is back in use.
        done: bool,
    },
}

/// A machine-check bank (arch/x86/kernel/cpu/mce/core.c, drivers/edac/mce_amd.c).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MachineCheckRecord {
    /// CPU that found it.
    pub cpu: u32,
    /// Number of the bank.
    pub bank: u32,
    /// MCi_STATUS.
    pub status: u64,
    /// It came as an exception.
    pub exception: bool,
    /// MCi_ADDR; `None` if not told or 0.
    pub address: Option<u64>,
    /// MCi_MISC.
    pub misc: Option<u64>,
    /// MCA_SYND (AMD).
    pub syndrome: Option<u64>,
    /// Socket.
    pub socket: Option<u32>,
    /// Wall clock, seconds since the Unix epoch.
    pub time_s: Option<u64>,
    /// The decoder's words, joined by `; `.
    pub words: String,
}

impl LogFact {
    /// Longest text quoted, in characters.
    pub const MAX_TEXT: usize = 160;

    /// A text of the log, cut to what is quoted.
    pub fn quoted(text: &str) -> String {
        let mut quoted: String = text.chars().take(Self::MAX_TEXT).collect();
        if quoted.len() < text.len() {
            quoted.push('…');
        }
        quoted
    }
}

impl LogFamily {
    /// A stable word for labels and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Livepatch => "livepatch",
            Self::Edac => "edac",
            Self::Firmware => "firmware",
            Self::MemoryFailure => "memory_failure",
            Self::MachineCheck => "machine_check",
        }
    }
}

impl FirmwareRecord {
    /// Most sections kept of a record; firmware writes one, rarely two.
    pub const MAX_SECTIONS: usize = 16;
}

impl LogSeverity {
    /// The severity the kernel calls so.
    pub fn from_kernel(word: &str) -> Option<Self> {
        match word {
            "info" => Some(Self::Info),
            "corrected" => Some(Self::Corrected),
            "recoverable" => Some(Self::Recoverable),
            "fatal" => Some(Self::Fatal),
            _ => None,
        }
    }
}

impl MachineCheckRecord {
    /// Whether the bank says that the error was corrected (UC, bit 61, is clear; SDM vol. 3B).
    pub fn is_corrected(&self) -> bool {
        self.status >> 61 & 1 == 0
    }

    /// Whether it is an error of memory, by the compound error code that Intel and AMD share
    /// (`mce_is_memory_error()`; Intel's forms).
    pub fn is_of_memory(&self) -> bool {
        self.status & 0xef80 == 0x80 || self.status & 0xeffc == 0xc
    }
}
