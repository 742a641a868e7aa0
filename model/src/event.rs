//! What the kernel reports of errors, one by one: which witness, how severe, where, how many.
//!
//! A counter says how many errors a DIMM had; a report says when, at which address and of which
//! class. Reports that differ in nothing but their moment are kept together, so that a storm costs
//! no more than its pattern. Sources: include/ras/ras_event.h, include/trace/events/mce.h and
//! memory-failure.h, drivers/cxl/core/trace.h, and the kernel log.

use crate::{BootId, SeriesPlace, seconds};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// Reports that came from one witness within one second and agree in class, place, page and
/// syndrome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventGroup {
    /// Time since boot (`CLOCK_BOOTTIME`) of the first report.
    #[serde(rename = "first_since_boot_seconds", serialize_with = "seconds::of")]
    pub first: Duration,
    /// Time since boot of the last report.
    #[serde(rename = "last_since_boot_seconds", serialize_with = "seconds::of")]
    pub last: Duration,
    /// Who reported it.
    pub witness: Witness,
    /// How severe it is.
    pub class: EventClass,
    /// What it is about.
    pub what: EventWhat,
    /// Where it was, in the witness's own terms.
    pub place: EventPlace,
    /// Physical address of the first report. Witnesses write 0 for "not known": that is `None`.
    pub address: Option<u64>,
    /// Two to the power of this many bytes is how finely the address is known.
    pub grain_bits: Option<u8>,
    /// Syndrome, as the memory controller gives it.
    pub syndrome: Option<u64>,
    /// Number of reports.
    pub reports: u64,
    /// Number of errors they speak of. A report speaks of one at least, also where its own count
    /// says 0, as some firmware does.
    pub errors: u64,
    /// The witness's words for the first report.
    pub message: String,
    /// Further detail of the first report, as the driver gives it.
    pub detail: String,
    /// What had to be given up to keep the group small.
    pub folded: Folded,
}

/// Who reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Witness {
    /// Trace event `ras:mc_event`: an EDAC driver, or firmware through `ghes_edac`.
    McEvent,
    /// Trace event `mce:mce_record`: a machine-check bank.
    MceRecord,
    /// Trace event `mce:mce_record` with bank 255: firmware's report as a machine check.
    ApeiRecord,
    /// Trace event `memory_failure_event`: the kernel took a page out of use, or tried to.
    MemoryFailure,
    /// Trace event `ras:extlog_mem_event`: Intel's enhanced machine-check log.
    Extlog,
    /// Trace event `ras:arm_event`: an ARM processor error.
    ArmEvent,
    /// Trace event `ras:non_standard_event`: a firmware section of another type.
    NonStandard,
    /// A trace event of the group `cxl`.
    Cxl,
    /// A firmware record (GHES) in the kernel log.
    LogGhes,
    /// A line of an EDAC driver in the kernel log.
    LogEdac,
    /// A line of the memory-failure code in the kernel log.
    LogMemoryFailure,
    /// Machine-check lines in the kernel log.
    LogMce,
}

/// How severe a reported error is. The counters of the EDAC core know two classes only and count
/// all but the first as uncorrectable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EventClass {
    /// Corrected; nothing was lost.
    Corrected,
    /// Not corrected, not yet used by anybody (AMD).
    Deferred,
    /// Not corrected.
    Uncorrected,
    /// Not corrected, and the system cannot go on.
    Fatal,
    /// For information.
    Info,
}

/// What a report is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EventWhat {
    /// An error of memory.
    Memory,
    /// The kernel dealt with a page.
    Page {
        /// Which kind of page, in this kernel's words.
        page_type: String,
        /// What came of it.
        outcome: PageOutcome,
    },
    /// The kernel was asked to take a page out of use before it fails. No trace event tells of that.
    SoftOffline {
        /// Who asked.
        asked_by: OfflineAsker,
        /// What came of it.
        outcome: PageOutcome,
    },
    /// An error of something else, or of something the report does not name.
    Other {
        /// What, in a word or two.
        about: String,
    },
    /// The device itself lost reports (`cxl_overflow`).
    Overflow {
        /// How many.
        lost: u64,
    },
}

/// Who asked the kernel to take a page out of use before it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OfflineAsker {
    /// The kernel's corrected-errors collector (RAS_CEC).
    Collector,
    /// Not told: firmware, a program, or an administrator.
    Unknown,
}

/// What came of the attempt to take a page out of use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PageOutcome {
    /// The kernel left it alone.
    Ignored,
    /// It could not be taken out of use.
    Failed,
    /// It will be dealt with when it is next used.
    Delayed,
    /// It is out of use.
    Recovered,
    /// A word this program does not know.
    Unknown,
}

/// Where an error was, in the terms of its witness.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "in", rename_all = "snake_case")]
pub enum EventPlace {
    /// A place of the EDAC core.
    Edac {
        /// `N` of `mcN`.
        controller: u32,
        /// Position in each layer; `None` where it is not known.
        layers: [Option<u8>; 3],
        /// Label of the DIMM, or of those it may have been, joined by " or ".
        label: String,
    },
    /// A machine-check bank.
    Bank {
        /// CPU that found it.
        cpu: u32,
        /// Its socket.
        socket: u32,
        /// Number of the bank.
        bank: u8,
    },
    /// A memory device that firmware names.
    Firmware {
        /// SMBIOS handle of the device (type 17).
        handle: Option<u16>,
        /// Node, card, module and the like, in the order firmware counts them.
        location: String,
        /// Field-replaceable unit, as firmware calls it.
        fru: String,
    },
    /// A CXL memory device.
    Cxl {
        /// Name of the device, such as `mem0`.
        device: String,
        /// Its serial number.
        serial: Option<u64>,
    },
    /// Nothing but the address, if even that.
    Address,
}

/// What had to be given up to keep a group small. Sums are exact in each case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Folded {
    /// Nothing.
    Nothing,
    /// Several syndromes; that of the first report is shown.
    Syndromes,
    /// Several pages; the address of the first report is shown.
    Pages,
}

/// A group of reports, with what follows from it when it is held against the others and against the
/// controllers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sighting {
    /// Its number in this run of the agent, from 0.
    pub number: u64,
    /// What was reported.
    pub group: EventGroup,
    /// The counter of the EDAC core that went up with it: `N` of `mcN`, and the place there. `None`
    /// where the witness moves no counter, or the controller is not known.
    pub counter: Option<(u32, SeriesPlace)>,
    /// The sighting that told of the same errors first, if another witness did.
    pub same_as: Option<u64>,
    /// Of the errors reported, those that no earlier sighting told of. The sum over all sightings
    /// is the number of errors seen, each once.
    pub counted: u64,
}

/// What was received since the last batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sightings {
    /// Groups of reports, in order of their numbers.
    pub sightings: Vec<Sighting>,
    /// Records that were overwritten before they were read.
    pub lost: u64,
    /// Records that could not be decoded.
    pub undecodable: u64,
}

/// A sighting as the history holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventRecord {
    /// Its number in the history.
    pub id: i64,
    /// The boot it happened in.
    pub boot: BootId,
    /// The first report by the wall clock of the moment it was read, milliseconds since the Unix
    /// epoch.
    pub first_wall_ms: i64,
    /// What was reported.
    pub group: EventGroup,
    /// The DIMM, rank or controller whose counter went up with it, by the id the history gave it.
    pub dimm: Option<String>,
    /// The record that told of the same errors first.
    pub same_as: Option<i64>,
    /// Of the errors reported, those that no earlier record told of.
    pub counted: u64,
}

/// What reports say of scrubbing: whether errors are found before somebody meets them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ScrubResults {
    /// Errors of memory that a scrubber found, each counted once.
    pub found: u64,
    /// Errors of memory, however they were found.
    pub all: u64,
    /// By controller, where it tells how fast it scrubs.
    pub last_pass: Vec<LastPass>,
}

/// What was reported within the time of the last full pass of a controller's scrubber. In that time
/// it has been over each cell once: an error that lies there since before was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LastPass {
    /// What the kernel calls the controller.
    pub edac: String,
    /// How long a full pass takes.
    #[serde(rename = "took_seconds", serialize_with = "seconds::of")]
    pub took: Duration,
    /// Corrected errors reported in it, in this boot.
    pub errors: u64,
}

/// Reports that were lost, as the history holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LossRecord {
    /// The boot it happened in.
    pub boot: BootId,
    /// When it was noticed, milliseconds since the Unix epoch.
    pub at_wall_ms: i64,
    /// Records overwritten before they were read.
    pub lost: u64,
    /// Records that could not be decoded.
    pub undecodable: u64,
}

impl Witness {
    /// All witnesses, in the order they are exported.
    pub const ALL: [Self; 12] = [
        Self::McEvent,
        Self::MceRecord,
        Self::ApeiRecord,
        Self::MemoryFailure,
        Self::Extlog,
        Self::ArmEvent,
        Self::NonStandard,
        Self::Cxl,
        Self::LogGhes,
        Self::LogEdac,
        Self::LogMemoryFailure,
        Self::LogMce,
    ];

    /// A stable word for labels and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::McEvent => "mc_event",
            Self::MceRecord => "mce_record",
            Self::ApeiRecord => "apei_record",
            Self::MemoryFailure => "memory_failure",
            Self::Extlog => "extlog",
            Self::ArmEvent => "arm_event",
            Self::NonStandard => "non_standard",
            Self::Cxl => "cxl",
            Self::LogGhes => "log_ghes",
            Self::LogEdac => "log_edac",
            Self::LogMemoryFailure => "log_memory_failure",
            Self::LogMce => "log_mce",
        }
    }

    /// The witness of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|witness| witness.as_str() == name)
    }
}

impl EventClass {
    /// All classes, mildest first.
    pub const ALL: [Self; 5] =
        [Self::Info, Self::Corrected, Self::Deferred, Self::Uncorrected, Self::Fatal];

    /// A stable word for labels and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Corrected => "corrected",
            Self::Deferred => "deferred",
            Self::Uncorrected => "uncorrected",
            Self::Fatal => "fatal",
            Self::Info => "info",
        }
    }

    /// The class of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == name)
    }
}

impl PageOutcome {
    /// All outcomes.
    pub const ALL: [Self; 5] =
        [Self::Ignored, Self::Failed, Self::Delayed, Self::Recovered, Self::Unknown];

    /// A stable word for labels and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ignored => "ignored",
            Self::Failed => "failed",
            Self::Delayed => "delayed",
            Self::Recovered => "recovered",
            Self::Unknown => "unknown",
        }
    }

    /// The outcome the kernel calls so, in whatever case it writes it.
    pub fn from_kernel(word: &str) -> Self {
        let known = Self::ALL.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(word));
        known.unwrap_or(Self::Unknown)
    }
}

impl Folded {
    /// All degrees, least first.
    pub const ALL: [Self; 3] = [Self::Nothing, Self::Syndromes, Self::Pages];

    /// A stable word for the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Syndromes => "syndromes",
            Self::Pages => "pages",
        }
    }

    /// The degree of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|folded| folded.as_str() == name)
    }
}

impl fmt::Display for EventPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Edac { controller, layers, label } => {
                write!(f, "mc{controller}")?;
                for layer in layers {
                    match layer {
                        Some(position) => write!(f, ":{position}")?,
                        None => f.write_str(":-")?,
                    }
                }
                if label.is_empty() { Ok(()) } else { write!(f, " {label}") }
            }
            Self::Bank { cpu, socket, bank } => write!(f, "socket {socket} cpu {cpu} bank {bank}"),
            Self::Firmware { handle, location, fru } => {
                let handle = handle.map(|handle| format!("handle {handle:#06x}"));
                let words = [handle.as_deref().unwrap_or_default(), location, fru];
                let told: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
                f.write_str(if told.is_empty() { "not told" } else { "" })?;
                f.write_str(&told.join(" "))
            }
            Self::Cxl { device, serial: Some(serial) } => write!(f, "{device} ({serial:#x})"),
            Self::Cxl { device, serial: None } => f.write_str(device),
            Self::Address => f.write_str("by address"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_told_apart_and_found_again() {
        for witness in Witness::ALL {
            assert_eq!(Witness::parse(witness.as_str()), Some(witness));
        }
        for class in EventClass::ALL {
            assert_eq!(EventClass::parse(class.as_str()), Some(class));
        }
        for folded in Folded::ALL {
            assert_eq!(Folded::parse(folded.as_str()), Some(folded));
        }
        assert_eq!(PageOutcome::from_kernel("Recovered"), PageOutcome::Recovered);
        assert_eq!(PageOutcome::from_kernel("Escaped"), PageOutcome::Unknown);
    }

    #[test]
    fn a_place_is_told_with_what_is_known_of_it() {
        let layers = [Some(0), Some(2), None];
        let place = EventPlace::Edac { controller: 1, layers, label: "DIMM_B2".to_owned() };
        assert_eq!(place.to_string(), "mc1:0:2:- DIMM_B2");
        let nothing =
            EventPlace::Firmware { handle: None, location: String::new(), fru: String::new() };
        assert_eq!(nothing.to_string(), "not told");
    }
}
