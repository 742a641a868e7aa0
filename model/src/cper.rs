//! Error records as firmware and the kernel leave them: the Common Platform Error Record (UEFI
//! specification, appendix N) and the blocks that ACPI wraps its sections in (ACPI specification,
//! chapter 18, APEI).
//!
//! A field whose validation bit is not set is `None`: what firmware did not fill in is not zero.

use serde::{Serialize, Serializer};
use std::fmt;

/// A GUID as it lies in a record: the first three parts little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Guid(pub [u8; 16]);

/// How severe firmware or the kernel found an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CperSeverity {
    /// 0: not corrected, and survivable.
    Recoverable,
    /// 1: not corrected, and not survivable.
    Fatal,
    /// 2: corrected.
    Corrected,
    /// 3: no error of its own.
    Informational,
    /// A number the specification does not define.
    Undefined(u32),
}

/// What a section is about, by its type GUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SectionKind {
    /// Platform memory.
    Memory,
    /// Platform memory, second form (UEFI 2.8).
    Memory2,
    /// Any processor.
    ProcessorGeneric,
    /// x86 processor.
    ProcessorX86,
    /// Itanium processor.
    ProcessorIpf,
    /// ARM processor.
    ProcessorArm,
    /// PCI Express.
    Pcie,
    /// PCI or PCI-X bus.
    PciBus,
    /// PCI component.
    PciDevice,
    /// A record in the firmware's own form.
    Firmware,
    /// DMA remapping.
    DmarGeneric,
    /// DMA remapping by Intel VT-d.
    DmarVtd,
    /// DMA remapping by an AMD IOMMU.
    DmarIommu,
    /// CXL protocol error.
    CxlProtocol,
    /// CXL general media event.
    CxlGeneralMedia,
    /// CXL DRAM event.
    CxlDram,
    /// CXL memory module event.
    CxlMemoryModule,
    /// A machine check that Linux saved before it went down (`struct mce`).
    LinuxMachineCheck,
    /// A kernel log that Linux saved before it went down.
    LinuxDmesg,
    /// A vendor's own, or newer than this version of scrubjay.
    Unknown,
}

/// One generic error status block: what a BERT region holds, and what GHES reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErrorBlock {
    /// Severity of the whole.
    pub severity: CperSeverity,
    /// The block's status word is 0: the kernel has printed it and marked it as read, or it is a
    /// block of an earlier boot that firmware left lying. The two cannot be told apart.
    pub cleared: bool,
    /// The status word says that more errors of a class came than are described.
    pub more_than_described: bool,
    /// The sections.
    pub sections: Vec<CperSection>,
}

/// One record as ERST stores it: a header with sections of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CperRecord {
    /// Severity of the whole.
    pub severity: CperSeverity,
    /// When it was made.
    pub timestamp: Option<CperTime>,
    /// Who made it.
    pub creator: Guid,
    /// Its number, unique on the machine.
    pub record_id: u64,
    /// The error was recovered from.
    pub recovered: bool,
    /// The error is of an earlier boot.
    pub previous_boot: bool,
    /// The error was injected for a test.
    pub simulated: bool,
    /// The sections.
    pub sections: Vec<CperSection>,
}

/// One section: an error seen by one component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CperSection {
    /// What it is about.
    pub kind: SectionKind,
    /// Its type.
    pub guid: Guid,
    /// Severity of this part.
    pub severity: CperSeverity,
    /// Circumstances.
    pub flags: SectionFlags,
    /// The field replaceable unit.
    pub fru_id: Option<Guid>,
    /// The field replaceable unit in words; often the slot of a DIMM.
    pub fru_text: Option<String>,
    /// When it happened, by the firmware's clock, whose zone is not told.
    pub timestamp: Option<CperTime>,
    /// What it says.
    pub body: SectionBody,
}

/// Flags of a section. All eight are given; a flag that is not set says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SectionFlags(
    /// The bits as they stand in the record.
    pub u32,
);

/// What a section says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SectionBody {
    /// A memory error, in either form.
    Memory(MemoryErrorSection),
    /// A machine check saved by Linux.
    MachineCheck(MceRecord),
    /// Of a kind that is not decoded, or too short for its kind: so many bytes.
    Undecoded {
        /// Length of the section.
        size_bytes: u32,
    },
}

/// A memory error (UEFI N.2.5 and N.2.6; `cper_mem_err_compact` of Linux).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MemoryErrorSection {
    /// Status word; bits 8 to 15 are the type.
    pub error_status: Option<u64>,
    /// Where, in the machine's address space. Address 0 is how firmware says that it does not
    /// know, so it is never a value.
    pub physical_address: Option<u64>,
    /// Which bits of the address count.
    pub physical_address_mask: Option<u64>,
    /// Node, by the platform's numbering.
    pub node: Option<u16>,
    /// Card (riser or memory board).
    pub card: Option<u16>,
    /// Module on the card.
    pub module: Option<u16>,
    /// Bank as one number; `None` where it is given as group and address.
    pub bank: Option<u16>,
    /// Bank group.
    pub bank_group: Option<u8>,
    /// Bank within the group.
    pub bank_address: Option<u8>,
    /// Device (chip) on the module.
    pub device: Option<u32>,
    /// Row, with its extended bits.
    pub row: Option<u32>,
    /// Column.
    pub column: Option<u32>,
    /// Bit within the word.
    pub bit_position: Option<u32>,
    /// Rank.
    pub rank: Option<u32>,
    /// Chip of a stack.
    pub chip_id: Option<u8>,
    /// Who asked.
    pub requestor_id: Option<u64>,
    /// Who answered.
    pub responder_id: Option<u64>,
    /// Who was asked.
    pub target_id: Option<u64>,
    /// What kind of error.
    pub error_type: Option<MemoryErrorType>,
    /// The second form says that the error was not corrected (status bit 0).
    pub uncorrected: Option<bool>,
    /// SMBIOS handle of the card (type 16, memory array).
    pub card_handle: Option<u16>,
    /// SMBIOS handle of the module (type 17, memory device).
    pub module_handle: Option<u16>,
}

/// The number of a kind of memory error, with the specification's name for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MemoryErrorType(pub u8);

/// A time in a record, as firmware writes it: civil, and of no told zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct CperTime {
    /// Year with its century.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
    /// The time is that of the error itself.
    pub precise: bool,
}

/// A machine check as Linux saves it (`struct mce`, arch/x86/include/uapi/asm/mce.h). The structure
/// grew over time; what a shorter one lacks is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MceRecord {
    /// `MCi_STATUS`.
    pub status: u64,
    /// `MCi_ADDR` where the status says that it holds something. A physical address on Intel; on
    /// AMD often an address within a memory channel.
    pub address: Option<u64>,
    /// `MCi_MISC` where the status says that it holds something.
    pub misc: Option<u64>,
    /// `MCG_STATUS`.
    pub mcg_status: u64,
    /// Wall clock when it was taken, seconds since the Unix epoch.
    pub wall_s: Option<i64>,
    /// Maker of the CPU.
    pub vendor: CpuVendor,
    /// Bank; 255 is a memory error that firmware reported and Linux dressed up.
    pub bank: u8,
    /// CPU by Linux's numbering.
    pub cpu: u32,
    /// Socket.
    pub socket: u32,
    /// `MCA_SYND` (AMD).
    pub syndrome: Option<u64>,
    /// `MCA_IPID` (AMD): which unit the bank belongs to.
    pub ipid: Option<u64>,
    /// Microcode revision.
    pub microcode: Option<u32>,
}

/// Maker of a CPU, as far as it matters for decoding a machine check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CpuVendor {
    /// Intel.
    Intel,
    /// AMD, and Hygon, whose banks are AMD's.
    Amd,
    /// Another, or not told.
    Other,
}

/// What a machine check was about, as far as its bank tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MceUnit {
    /// Memory.
    Memory,
    /// Anything else.
    NotMemory,
    /// The bank's numbering is not known.
    Unknown,
}

impl Guid {
    /// A GUID from its five written parts.
    pub const fn new(first: u32, second: u16, third: u16, rest: [u8; 8]) -> Self {
        let [a, b, c, d] = first.to_le_bytes();
        let [e, f] = second.to_le_bytes();
        let [g, h] = third.to_le_bytes();
        let [i, j, k, l, m, n, o, p] = rest;
        Self([a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p])
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g, h, i, rest @ ..] = self.0;
        let (first, second, third) = (
            u32::from_le_bytes([a, b, c, d]),
            u16::from_le_bytes([e, g]),
            u16::from_le_bytes([h, i]),
        );
        write!(f, "{first:08x}-{second:04x}-{third:04x}-")?;
        for (position, byte) in rest.iter().enumerate() {
            let dash = if position == 2 { "-" } else { "" };
            write!(f, "{dash}{byte:02x}")?;
        }
        Ok(())
    }
}

impl Serialize for Guid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl CperSeverity {
    /// The severity of that number.
    pub fn of(number: u32) -> Self {
        match number {
            0 => Self::Recoverable,
            1 => Self::Fatal,
            2 => Self::Corrected,
            3 => Self::Informational,
            other => Self::Undefined(other),
        }
    }

    /// A stable word for labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Recoverable => "recoverable",
            Self::Fatal => "fatal",
            Self::Corrected => "corrected",
            Self::Informational => "informational",
            Self::Undefined(_) => "undefined",
        }
    }

    /// The severities of the specification and one that stands for all others, as exported.
    pub const ALL: [Self; 5] =
        [Self::Recoverable, Self::Fatal, Self::Corrected, Self::Informational, Self::Undefined(4)];

    /// Whether the specification defines it.
    pub fn is_defined(self) -> bool {
        !matches!(self, Self::Undefined(_))
    }
}

impl Serialize for CperSeverity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl SectionFlags {
    /// The resource has crossed a threshold; the kernel may give it up.
    pub fn threshold_exceeded(self) -> bool {
        self.has(3)
    }

    fn has(self, bit: u32) -> bool {
        self.0 >> bit & 1 == 1
    }

    /// The names of the flags that are set, in the order of their bits.
    pub fn names(self) -> Vec<&'static str> {
        let named = [
            "primary",
            "containment warning",
            "reset",
            "threshold exceeded",
            "resource not accessible",
            "latent error",
            "propagated",
            "overflow",
        ];
        (0..).zip(named).filter(|(bit, _)| self.has(*bit)).map(|(_, name)| name).collect()
    }
}

impl MemoryErrorType {
    /// The specification's name.
    pub fn name(self) -> &'static str {
        match self.0 {
            0 => "unknown",
            1 => "no error",
            2 => "single-bit ECC",
            3 => "multi-bit ECC",
            4 => "single-symbol chipkill ECC",
            5 => "multi-symbol chipkill ECC",
            6 => "master abort",
            7 => "target abort",
            8 => "parity error",
            9 => "watchdog timeout",
            10 => "invalid address",
            11 => "mirror broken",
            12 => "memory sparing",
            13 => "scrub corrected error",
            14 => "scrub uncorrected error",
            15 => "physical memory map-out event",
            16.. => "undefined",
        }
    }
}

impl Serialize for MemoryErrorType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl SectionKind {
    /// A stable word for labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Memory2 => "memory2",
            Self::ProcessorGeneric => "processor_generic",
            Self::ProcessorX86 => "processor_x86",
            Self::ProcessorIpf => "processor_ipf",
            Self::ProcessorArm => "processor_arm",
            Self::Pcie => "pcie",
            Self::PciBus => "pci_bus",
            Self::PciDevice => "pci_device",
            Self::Firmware => "firmware",
            Self::DmarGeneric => "dmar_generic",
            Self::DmarVtd => "dmar_vtd",
            Self::DmarIommu => "dmar_iommu",
            Self::CxlProtocol => "cxl_protocol",
            Self::CxlGeneralMedia => "cxl_general_media",
            Self::CxlDram => "cxl_dram",
            Self::CxlMemoryModule => "cxl_memory_module",
            Self::LinuxMachineCheck => "linux_machine_check",
            Self::LinuxDmesg => "linux_dmesg",
            Self::Unknown => "unknown",
        }
    }

    /// Whether it is about memory, whatever it hangs on.
    pub fn is_memory(self) -> bool {
        match self {
            Self::Memory
            | Self::Memory2
            | Self::CxlGeneralMedia
            | Self::CxlDram
            | Self::CxlMemoryModule => true,
            Self::ProcessorGeneric
            | Self::ProcessorX86
            | Self::ProcessorIpf
            | Self::ProcessorArm
            | Self::Pcie
            | Self::PciBus
            | Self::PciDevice
            | Self::Firmware
            | Self::DmarGeneric
            | Self::DmarVtd
            | Self::DmarIommu
            | Self::CxlProtocol
            | Self::LinuxMachineCheck
            | Self::LinuxDmesg
            | Self::Unknown => false,
        }
    }
}

mod meaning;
#[cfg(test)]
mod tests;
